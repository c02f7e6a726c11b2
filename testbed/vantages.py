"""python -m testbed.vantages RUNS...: how exact clock offsets, first spies and neighbours are in
captures of several nodes, where the truth is known.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

import monerotraffic as mt
from monerotraffic import metrics
from testbed.clocks import Clock
from testbed.measure import addresses_of
from testbed.vantage_page import page

SOURCES = ("connections", "ticks", "blocks", "transactions", None)
"""Kinds of shared events; None: all."""


@dataclass(frozen=True)
class Run:
    """A run of the scenario `vantages`."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        return manifest

    @property
    def vantages(self) -> dict[str, list[str]]:
        vantages: dict[str, list[str]] = self.manifest["vantage"]
        return vantages

    @property
    def clocks(self) -> dict[str, Clock]:
        return {name: Clock(**values) for name, values in self.manifest["clocks"].items()}

    def read(self, names: Collection[str], true: bool = False) -> mt.Traffic:
        """The captures of these nodes, by their own clocks or by the true one."""
        base = self.folder / "true" if true else self.folder
        return mt.read(
            {name: sorted((base / name).glob("vantage_*.pcapng*")) for name in names},
            host={name: self.vantages[name] for name in names},
        )

    @cached_property
    def skewed(self) -> mt.Traffic:
        return self.read(self.vantages)

    @cached_property
    def true(self) -> mt.Traffic:
        return self.read(self.vantages, true=True)

    @property
    def origins(self) -> dict[str, list[str]]:
        """The addresses of the node that was the first to have each transaction."""
        nodes = self.manifest["nodes"]
        return {
            event["hash"]: addresses_of(nodes[event["node"]])
            for event in self.manifest["events"]
            if event["kind"] == "tx" and event.get("status") == "OK"
        }

    def connected(self, outgoing: bool = False) -> dict[str, set[str]]:
        """The hosts that each other node was connected to at any time (that it opened connections
        to, if `outgoing`), without the vantage nodes, whose connections need no inference.
        """
        own = {address for addresses in self.vantages.values() for address in addresses}
        nodes = self.manifest["nodes"]
        hosts_of: dict[str, set[str]] = {}
        for line in (self.folder / "connections.jsonl").read_text().splitlines():
            report = json.loads(line)
            if report["node"] in self.vantages:
                continue
            hosts = report["outgoing"] if outgoing else report["incoming"] + report["outgoing"]
            for address in addresses_of(nodes[report["node"]]):
                hosts_of.setdefault(address, set()).update(set(hosts) - own)
        return hosts_of


# ---- clocks


def true_offset(clock: Clock, reference: Clock, at: float) -> float:
    """Seconds by which a clock is ahead of a reference at a time `at` of the reference."""
    time = at
    for _ in range(3):  # the time of the reference to the true time
        time = at - reference.ahead(time)
    return clock.ahead(time) - reference.ahead(time)


def true_drift(clock: Clock, reference: Clock) -> float:
    """Parts per million by which a clock is faster than a reference."""
    return ((1 + clock.drift * 1e-6) / (1 + reference.drift * 1e-6) - 1) * 1e6


def offset_errors(run: Run) -> pd.DataFrame:
    """One row per pair of nodes and source: `shared` events, the error of the offset in ms, that of
    the drift in ppm, and whether the intervals contain the truth.
    """
    rows = []
    for name, other in combinations(run.vantages, 2):
        view = run.read([other, name])
        for source in SOURCES:
            one = metrics.clock_offsets(view, other, source=source).set_index("vantage").loc[name]
            if pd.isna(one["offset"]):
                continue
            at = one["at"].timestamp()
            offset = true_offset(run.clocks[name], run.clocks[other], at)
            drift = true_drift(run.clocks[name], run.clocks[other])
            rows.append(
                {
                    "run": run.folder.name,
                    "vantage": name,
                    "reference": other,
                    "source": source or "all",
                    "shared": one["shared"],
                    "true_offset": offset,
                    "error_ms": 1e3 * (one["offset"] - offset),
                    "width_ms": 1e3 * (one["high"] - one["low"]),
                    "within": one["low"] <= offset <= one["high"],
                    "true_drift": drift,
                    "drift_error": one["drift"] - drift,
                    "drift_width": one["drift_high"] - one["drift_low"],
                    "drift_within": one["drift_low"] <= drift <= one["drift_high"],
                }
            )
    return pd.DataFrame(rows)


def arrivals(run: Run) -> pd.DataFrame:
    """When the peers sent each transaction in the fluff phase, by the wrong clocks: `vantage`,
    `peer`, `direction` of the connection, `tx` (a number in order of the first arrival), and `ms`
    since the first arrival of all.
    """
    view = run.skewed.peers
    rows = metrics.transaction_arrivals(view).dropna(subset="tx")
    rows = rows[~rows["stem"]]
    time = rows["time"].astype("int64") / 1e6
    return pd.DataFrame(
        {
            "vantage": rows["vantage"].astype(str),
            "peer": rows["peer"].astype(str),
            "direction": view.ends["direction"].reindex(rows["connection"]).astype(str).array,
            "tx": pd.factorize(rows["tx"])[0],
            "ms": (time - time.min()).round().astype("int64"),
        }
    )


# ---- relay


def right_clocks(traffic: mt.Traffic) -> pd.DataFrame:
    """As clock_offsets, where all clocks are right."""
    table = metrics.clock_offsets(traffic)
    zeros = ["offset", "low", "high", "drift", "drift_low", "drift_high"]
    table[zeros] = 0.0
    return table


def first_arrivals(traffic: mt.Traffic, clocks: pd.DataFrame) -> pd.DataFrame:
    """By transaction (the index) the vantage node and the peer of the first arrival, the margin to
    the next in seconds, and the number of observations.
    """
    rows = metrics.transaction_arrivals(traffic, clocks).dropna(subset="tx")
    rows = rows.astype({"tx": object, "vantage": object, "peer": object})
    groups = rows.groupby("tx")
    table = rows[rows["rank"] == 1].set_index("tx")[["vantage", "peer"]]
    second = rows[rows["rank"] == 2].set_index("tx")["delay"].dt.total_seconds()
    return table.assign(margin=second.reindex(table.index), observations=groups.size())


def relay_agreement(run: Run) -> dict[str, Any]:
    """How the first arrivals by corrected clocks agree with those by the true clock."""
    true = first_arrivals(run.true, right_clocks(run.true))
    corrected = first_arrivals(run.skewed, metrics.clock_offsets(run.skewed))
    corrected = corrected.reindex(true.index)
    same = (corrected["vantage"] == true["vantage"]) & (corrected["peer"] == true["peer"])
    clear = true["margin"] > 0.05
    return {
        "run": run.folder.name,
        "transactions": len(true),
        "observations": int(true["observations"].sum()),
        "observations_corrected": int(corrected["observations"].sum()),
        "same_first": int(same.sum()),
        "clear": int(clear.sum()),
        "same_first_clear": int((same & clear).sum()),
    }


# ---- first spies


def spies_of(run: Run, names: Collection[str]) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """What these vantage nodes together name as origins, and the origins; ids have the run."""
    traffic = run.skewed if len(names) == len(run.vantages) else run.read(names)
    spies = metrics.first_spies(traffic, metrics.clock_offsets(traffic))
    spies["tx"] = run.folder.name + "/" + spies["tx"].astype(str)
    return spies, {f"{run.folder.name}/{tx}": hosts for tx, hosts in run.origins.items()}


def first_spies(runs: Iterable[Run]) -> pd.DataFrame:
    """first_spy_accuracy of all runs together, for the first 1 to n vantage nodes."""
    runs = list(runs)
    tables = []
    for count in range(1, len(runs[0].vantages) + 1):
        names = list(runs[0].vantages)[:count]
        parts = [spies_of(run, names) for run in runs]
        origins = {tx: hosts for _, known in parts for tx, hosts in known.items()}
        spies = pd.concat([part for part, _ in parts], ignore_index=True)
        tables.append(metrics.first_spy_accuracy(spies, origins).assign(vantages=count))
    return pd.concat(tables, ignore_index=True)


# ---- neighbours


def inferred(run: Run) -> Iterator[tuple[str, pd.DataFrame]]:
    """What each method infers."""
    yield "frequency", metrics.neighbours_by_frequency(run.skewed)
    yield "refreshed", metrics.refreshed_entries(run.skewed)


def without_own(table: pd.DataFrame, own: Collection[str], run: str) -> pd.DataFrame:
    """Pairs of a sender and a host, none of them a vantage node; senders have the run."""
    rows = table[["peer", "host"]].astype(object)
    rows = rows[~rows["peer"].isin(list(own)) & ~rows["host"].isin(list(own))]
    return rows.assign(peer=run + "/" + rows["peer"])


def neighbours(runs: Iterable[Run]) -> pd.DataFrame:
    """neighbour_accuracy of each method in all runs together, for all connections of senders and
    for those that they opened.
    """
    named: dict[str, list[pd.DataFrame]] = {}
    lists: list[pd.DataFrame] = []
    truth: Mapping[str, dict[str, set[str]]] = {"all": {}, "outgoing": {}}
    for run in runs:
        own = {address for addresses in run.vantages.values() for address in addresses}
        for method, table in inferred(run):
            named.setdefault(method, []).append(without_own(table, own, run.folder.name))
        lists.append(without_own(metrics.peer_graph(run.skewed), own, run.folder.name))
        senders = set(lists[-1]["peer"])
        for kind, hosts in (("all", run.connected()), ("outgoing", run.connected(outgoing=True))):
            given = {f"{run.folder.name}/{peer}": known for peer, known in hosts.items()}
            truth[kind].update({peer: known for peer, known in given.items() if peer in senders})
    advertised = pd.concat(lists, ignore_index=True)
    tables = [
        metrics.neighbour_accuracy(
            pd.concat(parts, ignore_index=True), advertised, truth[kind]
        ).assign(inference=method, connections=kind)
        for method, parts in named.items()
        for kind in truth
    ]
    return pd.concat(tables, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m testbed.vantages",
        description="Compares what several vantage nodes show with the truth of testbed runs.",
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders of the scenario vantages")
    parser.add_argument("--page", type=Path, help="the page to write, in Markdown")
    parser.add_argument(
        "--arrivals",
        type=Path,
        help="the arrivals of transactions in the first run, to write (CSV)",
    )
    given = parser.parse_args()
    runs = [Run(folder) for folder in given.runs]
    if given.arrivals is not None:
        arrivals(runs[0]).to_csv(given.arrivals, index=False)
    errors = pd.concat([offset_errors(run) for run in runs], ignore_index=True)
    agreement = pd.DataFrame([relay_agreement(run) for run in runs])
    accuracy, inference = first_spies(runs), neighbours(runs)
    if given.page is not None:
        given.page.write_text(page(errors, agreement, accuracy, inference))
    for table in (errors, agreement, accuracy, inference):
        print(table.to_string(index=False))


if __name__ == "__main__":
    main()
