"""What the rules say of the peers of labelled captures, as tables: one row per peer of a capture,
and one per monerod. The page is made from these alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import monerotraffic as mt
from monerotraffic.rules import HONEST, RULES, RULES_OF_LABEL, find_anomalies, verdicts
from monerotraffic.rules.likelihood import Counts, counts, counts_instead

FLAGGED = ("suspicious", "anomalous")
ROLES = ("acceptor", "initiator", "both", "none")
"""Who opened the connections with a handshake: the vantage node, the peer, each of them, or there
was no handshake."""
CAPTURED_VERSION = "0.18.4.0"
"""Of the monerods of captures whose manifest does not say it."""

BY_PONG = frozenset({"pong_id_mismatch", "pong_id_shared"})
"""Rules that need the answer to a back-ping."""
WITHOUT_PINGS = frozenset({"0.18.0.0"})
"""Versions that open the connection of a back-ping and close it before they send: \"Failed to
do_send\" in their log."""


@dataclass(frozen=True)
class Measured:
    """Some captures, measured."""

    peers: pd.DataFrame
    """`run`, `peer`, `labels` (sorted), `asked` (rules that have to find it), `kind` (honest, spy,
    unlabelled), `role`, `verdict` (none, context, suspicious, anomalous), `rules` (names), `votes`
    (those of them that are more than context), `without` (cause → the verdict without the rules of
    that cause).
    """
    nodes: pd.DataFrame
    """`run`, `node`, `addresses`, `version`, `circumstance`, `met` (it was connected to the vantage
    node), `flagged` (an address of it is suspicious or worse).
    """
    runs: pd.DataFrame
    """`run`, `messages`, `vantage_version`, `operators_share` (missing if not known)."""


Weighed = tuple[Measured, Measured]
"""A capture judged twice: with the counts of all captures, and with those of the others."""


def cause_of(rule: str) -> str:
    return RULES[rule].cause


CAUSES = tuple(dict.fromkeys(map(cause_of, RULES)))


def asked(labels: Iterable[str], pings: bool = True) -> set[str]:
    """The rules that have to find a peer with these labels, at a vantage node that pings back or
    does not.
    """
    rules = {
        rule
        for label in labels
        for rule in RULES_OF_LABEL.get(label, (label,) if label in RULES else ())
    }
    return rules if pings else rules - BY_PONG


def ways(rules: Iterable[str]) -> int:
    """In how many ways a peer misbehaves that these rules have to find: causes, without rules of
    weight context.
    """
    return len({cause_of(rule) for rule in rules if RULES[rule].weight != "context"})


def kind_of(labels: Collection[str]) -> str:
    return "unlabelled" if not labels else "honest" if set(labels) <= HONEST else "spy"


def roles(traffic: mt.Traffic) -> dict[str, str]:
    """The role of each peer, by the requests of handshakes."""
    rows = traffic.messages
    rows = rows[(rows["name"] == "HANDSHAKE") & (rows["kind"] == "request")]
    by = rows.groupby(rows["peer"].astype(str))["direction"].agg(lambda ways: frozenset(ways))
    named = {
        frozenset(["received"]): "initiator",
        frozenset(["sent"]): "acceptor",
        frozenset(["received", "sent"]): "both",
    }
    return {str(peer): named[directions] for peer, directions in by.items()}


def judged(findings: pd.DataFrame) -> dict[str, str]:
    """The verdict of each peer with findings."""
    rows = verdicts(findings)
    return dict(zip(rows["peer"].astype(str), rows["verdict"].astype(str), strict=True))


def labels_of(folder: Path, manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    """By address; in a capture without labels all are monerods."""
    if (folder / "labels.json").exists():
        given = json.loads((folder / "labels.json").read_text())
        return {peer: sorted(labels) for peer, labels in given.items() if str(peer).count(":") != 1}
    others = (node for node in manifest["nodes"].values() if not _is_vantage(node, manifest))
    return {address: ["monerod"] for node in others for address in addresses_of(node)}


def addresses_of(node: Mapping[str, Any]) -> list[str]:
    given = node["ip"] if isinstance(node["ip"], list) else [node["ip"]]
    return [*given, *([node["ipv6"]] if "ipv6" in node else [])]


def _is_vantage(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
    return node is manifest["nodes"].get("v") or bool(
        set(addresses_of(node)) & set(manifest["vantage"])
    )


def measure(folder: Path) -> Measured:
    """A capture with its manifest, and its labels if there are any."""
    return measure_with(folder, [counts()])[0]


def measure_with(folder: Path, tables: Sequence[Mapping[str, Counts]]) -> list[Measured]:
    """A capture, judged once with each of these counts per rule."""
    manifest = json.loads((folder / "manifest.json").read_text())
    traffic = mt.read(sorted(folder.glob("vantage_*.pcapng*")), host=manifest["vantage"])
    measured = []
    for table in tables:
        with counts_instead(table):
            measured.append(_measured(folder, manifest, traffic))
    return measured


def _measured(folder: Path, manifest: Mapping[str, Any], traffic: mt.Traffic) -> Measured:
    findings = find_anomalies(traffic)
    vantage = next(node for node in manifest["nodes"].values() if _is_vantage(node, manifest))
    version = vantage.get("version", CAPTURED_VERSION)
    peers = peer_rows(folder.name, traffic, findings, labels_of(folder, manifest))
    peers["asked"] = [asked(labels, version not in WITHOUT_PINGS) for labels in peers["labels"]]
    nodes = node_rows(folder.name, manifest, peers)
    run = {
        "run": folder.name,
        "messages": len(traffic.messages),
        "vantage_version": version,
        "operators_share": manifest.get("operators_share"),
    }
    return Measured(peers, nodes, pd.DataFrame([run]))


def peer_rows(
    run: str, traffic: mt.Traffic, findings: pd.DataFrame, labels: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """The rows of Measured.peers of a capture, without `asked`: every peer with a connection."""
    seen = set(traffic.connections["peer"].dropna().astype(str)) - set(traffic.hosts)
    seen |= set(findings["peer"].astype(str))
    verdict, role = judged(findings), roles(traffic)
    by_rule = _rules_of(findings)
    votes = _rules_of(findings[findings["weight"] != "context"])
    causes = findings["rule"].map(cause_of)
    without = {cause: judged(findings[causes != cause]) for cause in CAUSES}
    return pd.DataFrame(
        [
            {
                "run": run,
                "peer": peer,
                "labels": list(labels.get(peer, ())),
                "kind": kind_of(labels.get(peer, ())),
                "role": role.get(peer, "none"),
                "verdict": verdict.get(peer, "none"),
                "rules": by_rule.get(peer, []),
                "votes": votes.get(peer, []),
                "without": {cause: given.get(peer, "none") for cause, given in without.items()},
            }
            for peer in sorted(seen)
        ]
    )


def _rules_of(findings: pd.DataFrame) -> dict[str, list[str]]:
    """By peer the rules with findings."""
    return {
        str(peer): list(rows)
        for peer, rows in findings.groupby(findings["peer"].astype(str))["rule"]
    }


def node_rows(run: str, manifest: Mapping[str, Any], peers: pd.DataFrame) -> pd.DataFrame:
    """The rows of Measured.nodes of a capture. A node was met if it says so and an address of it
    is seen (a port forwarder hides them); in captures where no node was asked, if one of its
    addresses is seen with a handshake.
    """
    census = any(node.get("met") for node in manifest["nodes"].values())
    seen = set(peers["peer"])
    flagged = set(peers.loc[peers["verdict"].isin(FLAGGED), "peer"])
    shaken = set(peers.loc[peers["role"] != "none", "peer"])
    rows = []
    for name, node in manifest["nodes"].items():
        if _is_vantage(node, manifest):
            continue
        addresses = addresses_of(node)
        others = [label for label in node.get("labels", ()) if label != "monerod"]
        rows.append(
            {
                "run": run,
                "node": name,
                "addresses": addresses,
                "version": node.get("version", CAPTURED_VERSION),
                "circumstance": others[0] if others else "alone",
                "met": bool(shaken & set(addresses))
                if not census
                else node["met"] and bool(seen & set(addresses)),
                "flagged": bool(flagged & set(addresses)),
            }
        )
    return pd.DataFrame(rows)


def together(parts: Sequence[Measured]) -> Measured:
    def joined(name: str) -> pd.DataFrame:
        return pd.concat([getattr(part, name) for part in parts], ignore_index=True)

    return Measured(joined("peers"), joined("nodes"), joined("runs"))


def cross_validated(folders: Sequence[Path], pool: Executor) -> Weighed:
    """All captures, judged with the counts of all, and each with the counts of the others.

    Whether a rule accuses does not depend on the counts, only how much that weighs. So the counts
    come from a first pass, with those that the package ships.
    """
    first = list(pool.map(measure, folders))
    whole = counts_of(first)
    tables = [[whole, counts_of([*first[:at], *first[at + 1 :]])] for at in range(len(first))]
    pairs = list(pool.map(measure_with, folders, tables))
    return together([pair[0] for pair in pairs]), together([pair[1] for pair in pairs])


def counts_of(parts: Sequence[Measured]) -> dict[str, Counts]:
    """By rule the counts of these captures, as counts.csv has them."""
    table = rule_counts(together(parts)).set_index("rule")[list(Counts._fields)]
    return {
        str(rule): Counts(*map(int, row))
        for rule, row in zip(table.index, table.to_numpy(), strict=True)
    }


def rule_counts(measured: Measured) -> pd.DataFrame:
    """One row per rule: peers that a label asks it to find and how many it finds; all spies,
    honest peers and monerods that were met, and how many of each it finds; of how many asked and
    honest peers the finding is more than context (`_votes`).
    """
    peers = measured.peers
    met = measured.nodes[measured.nodes["met"]]
    rows = []
    for rule in RULES:
        flagged = peers["rules"].map(lambda rules, rule=rule: rule in rules)
        votes = peers["votes"].map(lambda rules, rule=rule: rule in rules)
        wanted = peers["asked"].map(lambda rules, rule=rule: rule in rules)
        spy, honest = peers["kind"] == "spy", peers["kind"] == "honest"
        by_run = {run: set(rows["peer"]) for run, rows in peers[flagged].groupby("run")}
        hit = [bool(by_run.get(node.run, set()) & set(node.addresses)) for node in met.itertuples()]
        rows.append(
            {
                "rule": rule,
                "asked": int(wanted.sum()),
                "asked_found": int((wanted & flagged).sum()),
                "spies": int(spy.sum()),
                "spies_found": int((spy & flagged).sum()),
                "honest": int(honest.sum()),
                "honest_found": int((honest & flagged).sum()),
                "monerods": len(met),
                "monerods_found": sum(hit),
                "asked_votes": int((wanted & votes).sum()),
                "honest_votes": int((honest & votes).sum()),
            }
        )
    return pd.DataFrame(rows)
