"""python -m testbed.check OUT: a capture of the testbed read, and held against its labels, its
peers' own record, and the vantage node's log.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

import monerotraffic as mt
from monerotraffic.rules import RULES, evaluate, find_anomalies

Key = tuple[Any, ...]
"""Peer, its port, whether the vantage node sent it, command, flags, length."""

_LOGGED = re.compile(
    r"\[\[?([0-9a-f.:]+)\]?:(\d+) (?:INC|OUT)\] LEVIN_PACKET_(SENT|RECEIVED)\. \[len=(\d+), "
    r"flags(\d+), r\?=.?, cmd = (\d+), "
)
"""monerod writes whether a message expects a response as a character of that code."""


def opened(path: Path) -> TextIO:
    return (
        gzip.open(path, "rt", errors="replace")
        if path.suffix == ".gz"
        else path.open(errors="replace")
    )


def logged(path: Path) -> Counter[Key]:
    """The messages that monerod wrote down (log category net at level DEBUG)."""
    counts: Counter[Key] = Counter()
    with opened(path) as lines:
        for match in filter(None, map(_LOGGED.search, lines)):
            peer, port, way, length, flags, command = match.groups()
            counts[(peer, int(port), way == "SENT", int(command), int(flags), int(length))] += 1
    return counts


def recorded(path: Path, vantage: str) -> Counter[Key]:
    """The whole messages that emulated peers wrote to the vantage node."""
    with opened(path) as lines:
        rows = [
            row for row in map(json.loads, lines) if row["ev"] == "sent" and row["rip"] == vantage
        ]
    return Counter(
        (row["ip"], row["lport"], False, row["command"], row["flags"], row["len"]) for row in rows
    )


def read_off(traffic: mt.Traffic) -> Counter[Key]:
    """The same of the capture: messages that are whole, whatever monerod thinks of them."""
    rows = traffic.messages[traffic.messages["status"].isin(["complete", "malformed"])]
    ends = traffic.connections.set_index("connection").reindex(rows["connection"])
    port = ends["client_port"].where(
        (ends["direction"] == "incoming").to_numpy(), ends["server_port"]
    )
    return Counter(
        zip(
            rows["peer"].astype(object),
            port,
            rows["direction"] == "sent",
            rows["command"],
            rows["levin_flags"],
            rows["length"],
            strict=True,
        )
    )


def differing(name: str, one: Counter[Key], other: Counter[Key]) -> None:
    """Prints how many are in both, and what is in one alone."""
    print(f"{name}: {(one & other).total():,} in both")
    for where, rest in (("there alone", other - one), ("in the capture alone", one - other)):
        kinds = Counter(
            ("sent" if sent else "received", command, flags)
            for _, _, sent, command, flags, _ in rest.elements()
        )
        print(f"  {where}: {rest.total():,} {dict(kinds) or ''}")


def faults(findings: pd.DataFrame, labels: Mapping[str, Iterable[str]]) -> Sequence[str]:
    """Peers that a rule should have found, and honest ones that one of some weight found."""
    evaluation = list(evaluate(findings, labels).itertuples())
    places = findings.set_index(["rule", "peer"])["places"]
    missed = [
        f"{row.rule} misses {peer} ({', '.join(labels[peer])})"
        for row in evaluation
        for peer in row.missed
    ]
    wrong = [
        (row.rule, peer)
        for row in evaluation
        if RULES[row.rule].weight != "context"
        for peer in row.honest
    ]
    return missed + [
        f"{rule} finds {peer} ({', '.join(labels[peer])}): {places[rule, peer][:3]}"
        for rule, peer in wrong
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m testbed.check",
        description="Holds a capture of the testbed against what is known of it.",
    )
    parser.add_argument("out", type=Path, nargs="+", help="folders that python -m testbed made")
    status = 0
    for folder in parser.parse_args().out:
        manifest, labels = (
            json.loads((folder / name).read_text()) for name in ("manifest.json", "labels.json")
        )
        vantage = manifest["vantage"]
        traffic = mt.read(sorted(folder.glob("vantage_*.pcapng*")), host=vantage)
        print(
            f"{folder}: {len(traffic.messages):,} messages, "
            f"{traffic.messages['peer'].nunique()} peers"
        )
        ours = read_off(traffic)
        theirs = Counter(
            {
                key: number
                for key, number in ours.items()
                if not key[2] and labels.get(key[0]) and "monerod" not in labels[key[0]]
            }
        )
        differing("written by emulated peers", theirs, recorded(folder / "peers.jsonl", vantage[0]))
        differing("logged by the vantage node", ours, logged(folder / "vantage_log.txt"))
        findings = find_anomalies(traffic)
        evaluation = evaluate(findings, labels)
        print(
            f"labels: {evaluation['detected'].sum()} of {evaluation['expected'].sum()} found, of "
            f"{(evaluation['expected'] > 0).sum()} rules"
        )
        wrong = faults(findings, labels)
        print("".join(f"  {line}\n" for line in wrong), end="")
        status |= bool(wrong)
    raise SystemExit(status)


if __name__ == "__main__":
    main()
