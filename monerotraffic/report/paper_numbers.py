"""The numbers of the published evaluation, by the names of its LaTeX macros.

Owns the definitions. Knows no format of numbers and no file. Used by report.paper.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from monerotraffic.metrics.advertised import advertised_counts, mentions_by_host
from monerotraffic.metrics.connections import (
    connection_table,
    short_lived,
    slot_holders,
    sync_rhythm,
)
from monerotraffic.metrics.identity import id_clusters
from monerotraffic.metrics.network import peer_subnets, subnets_of
from monerotraffic.metrics.peer_lists import list_diversity
from monerotraffic.net.columns import sites_of
from monerotraffic.rules import RULES
from monerotraffic.tables.part_metrics import PartMetric
from monerotraffic.tables.population import PopulationView
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, metric_of, per_peer, viewed

__all__ = ["AUTONOMOUS_SYSTEM_NAMES", "of_the_numbers", "paper_numbers"]

Number = int | float | None

AUTONOMOUS_SYSTEM_NAMES = {"LionLinkPeers": "lionlink"}
"""Macros that count the peers of one operator, and what the name of its autonomous system
contains."""

_COUNTED_RULES = ("handshake_incomplete", "ping_flood", "timed_sync_throttled")
"""Rules whose connections are counted."""

_SHORT_S = 1.0
"""Seconds of a short-lived connection."""


def paper_numbers(
    view: View,
    findings: pd.DataFrame,
    verdicts: pd.DataFrame,
    systems: pd.DataFrame | None = None,
    preset: str = "default",
    adversary: Iterable[str] | None = None,
) -> dict[str, Number]:
    """Returns the numbers of the published evaluation by macro name; None for what cannot be known.

    `systems` is the result of metrics.autonomous_systems for peers and advertised hosts: without
    it, no number of autonomous systems is known. `preset` is that of `findings`. `adversary` are
    the peers of the numbers with `Adv`; None for those that `signature_alone` flags.

    Addresses are distinct IP addresses. docs/paper_numbers.md defines each number.
    """
    counted = _Counts(view, findings, verdicts, systems, preset)
    flagged = frozenset(adversary) if adversary is not None else counted.peers("signature_alone")
    return {
        **_totals(counted),
        **_syntax(counted),
        **_lists(counted),
        **_identity(counted),
        **_connections(counted),
        **_slots(counted, flagged),
        **_sums(counted),
    }


@dataclass(frozen=True)
class _Counts:
    """What several numbers need."""

    view: View
    findings: pd.DataFrame
    verdicts: pd.DataFrame
    systems: pd.DataFrame | None
    preset: str

    @cached_property
    def all_peers(self) -> frozenset[str]:
        return _texts(self.view.connections["peer"])

    @cached_property
    def senders_by_host(self) -> pd.Series:
        return advertised_counts(self.view)

    @cached_property
    def advertised(self) -> frozenset[str]:
        return _texts(self.senders_by_host.index.to_series())

    @cached_property
    def anomalous(self) -> frozenset[str]:
        return self.judged("anomalous")

    @cached_property
    def table(self) -> pd.DataFrame:
        return connection_table(self.view)

    def judged(self, *verdicts: str) -> frozenset[str]:
        """Peers with one of these verdicts."""
        rows = self.verdicts[self.verdicts["verdict"].isin(verdicts)]
        return _texts(rows["peer"])

    def peers(self, *rules: str) -> frozenset[str]:
        """Peers with a finding of one of these rules."""
        return _texts(self.findings.loc[self.findings["rule"].isin(rules), "peer"])

    @cached_property
    def connections(self) -> dict[str, frozenset[int]]:
        """By rule all connections with an observation: findings name only some of them."""
        work = partial(_observed_connections, preset=self.preset)
        if isinstance(self.view, PopulationView):
            groups = self.view.collect([], work)
        else:
            groups = [work(self.view)]
        return {
            name: frozenset[int]().union(*(of_group[name] for of_group in groups))
            for name in _COUNTED_RULES
        }

    def systems_of(self, hosts: Iterable[str]) -> Number:
        """The number of autonomous systems of these addresses."""
        if self.systems is None:
            return None
        rows = self.systems[self.systems["host"].astype(str).isin(set(hosts))]
        return int(rows["asn"].nunique())


def _texts(values: pd.Series) -> frozenset[str]:
    return frozenset(str(value) for value in values.unique())


def of_the_numbers() -> list[PartMetric]:
    """The metrics to compute in the same pass as the findings."""
    return [
        metric_of(connection_table),
        metric_of(_packets),
        metric_of(_rhythms),
        metric_of(mentions_by_host),
    ]


def _observed_connections(view: View, preset: str) -> dict[str, frozenset[int]]:
    """By rule the connections of these peers with an observation."""
    connections = dict.fromkeys(_COUNTED_RULES, frozenset[int]())
    for name in _COUNTED_RULES:
        parameters = RULES[name].parameters_of(preset)
        if parameters is not None:
            rows = RULES[name](view, **parameters)
            connections[name] = frozenset(int(one) for one in rows["connection"].dropna())
    return connections


@per_peer()
def _packets(traffic: Traffic | View) -> pd.DataFrame:
    """The packets in which messages ended, and the messages 1007 (one row)."""
    messages = viewed(traffic).messages
    whole = messages[messages["status"].isin(["complete", "malformed"])]
    packet = ["connection", "from_client", "end_time", "end_frame"]
    counts = {
        "packets": len(whole.drop_duplicates(packet)),
        "support_flags": int((whole["command"] == 1007).sum()),
    }
    return pd.DataFrame(counts, index=[0])


def _totals(counted: _Counts) -> dict[str, Number]:
    messages = _packets(counted.view)
    return {
        "totalPackets": int(messages["packets"].sum()),
        "totalUniqueIPs": len(counted.all_peers),
        "totalUniqueIPsPlusPL": len(counted.all_peers | counted.advertised),
        "totalUniqueASs": counted.systems_of(counted.all_peers),
        "totalUniqueASsPlusPL": counted.systems_of(counted.all_peers | counted.advertised),
        "totalPeerLists": len(list_diversity(counted.view)),
        "totalConnections": len(counted.view.connections),
        "SFRpackets": int(messages["support_flags"].sum()),
    }


def _pair(
    counted: _Counts, addresses: str, systems: str, hosts: frozenset[str]
) -> dict[str, Number]:
    """How many addresses, and of how many autonomous systems."""
    return {addresses: len(hosts), systems: counted.systems_of(hosts)}


def _syntax(counted: _Counts) -> dict[str, Number]:
    return {
        **_pair(
            counted,
            "totalUniqueIPssupportflag",
            "UniqueASNsSupportFlag",
            counted.peers("support_flags_missing"),
        ),
        **_pair(
            counted,
            "totalUniqueIPslastseen",
            "UniqueASNsLastSeen",
            counted.peers("last_seen_present"),
        ),
        **_pair(counted, "totalUniqueIPsSign", "UniqueASNsSign", counted.peers("signature_alone")),
    }


def _lists(counted: _Counts) -> dict[str, Number]:
    into = counted.senders_by_host
    subnets = peer_subnets(counted.view)["hosts"]
    return {
        **_pair(
            counted,
            "totalUniqueIPsPLDiv",
            "UniqueASNsPLDiv",
            counted.peers("peer_list_low_diversity"),
        ),
        **_pair(
            counted, "totalUniqueIPsPLSim", "UniqueASNsPLSim", counted.peers("peer_list_similar")
        ),
        "avgPeerPoisoning": _poisoning(counted),
        "avgInDegree": _mean(into),
        "medianInDegree": _median(into),
        "medianSubnetPeers": _median(subnets),
    }


def _poisoning(counted: _Counts) -> Number:
    """Mean over the senders of the share, in per cent, of the subnets in their lists that hold an
    anomalous address."""
    anomalous = subnets_of(sorted(counted.anomalous)).dropna()
    shares = _poisoned(counted.view, tuple(sorted(set(anomalous))))["share"]
    return None if shares.empty else 100 * float(shares.mean())


@per_peer("peer", tables=("connections", "messages", "peer_lists", "problems"))
def _poisoned(traffic: Traffic | View, anomalous: tuple[str, ...]) -> pd.DataFrame:
    """The share of these subnets among those of the addresses in the lists of each peer."""
    rows = viewed(traffic).list_columns("host")[["peer", "host"]].dropna().drop_duplicates()
    hosts = rows["host"].cat.remove_unused_categories()
    subnet = subnets_of(hosts.cat.categories)
    pairs = (
        pd.DataFrame(
            {
                "peer": rows["peer"].astype(str).to_numpy(),
                "subnet": subnet.to_numpy(dtype=object)[hosts.cat.codes.to_numpy()],
            }
        )
        .dropna()
        .drop_duplicates()
    )
    poisoned = pairs["subnet"].isin(anomalous)
    return poisoned.groupby(pairs["peer"]).mean().rename("share").reset_index()


def _identity(counted: _Counts) -> dict[str, Number]:
    returning, joined = counted.peers("peer_id_returns"), counted.peers("peer_id_cluster")
    clusters = id_clusters(counted.view)
    flagged = clusters[
        clusters["site"].isin(set(sites_of(pd.Series(sorted(joined), dtype=object))))
    ]
    return {
        **_pair(counted, "uniqueIPsIDAnom", "uniqueASIDAnom", returning),
        **_pair(counted, "uniqueIDclusterIPs", "uniqueIDclusterASs", joined),
        "numIDcluster": int(flagged["cluster"].nunique()),
        **_pair(counted, "uniqueIDIPinterIPs", "uniqueIDIPinterASNs", returning | joined),
    }


def _connections(counted: _Counts) -> dict[str, Number]:
    table = counted.table
    messages = table["received"] + table["sent"]
    short = short_lived(counted.view, _SHORT_S).groupby("peer", observed=True)["connections"].sum()
    slow = counted.connections["timed_sync_throttled"]
    return {
        "avgConnDuration": _mean(table["seconds"]),
        "medConnDuration": _median(table["seconds"]),
        "avgConnCommands": _mean(messages),
        "medConnCommands": _median(messages),
        "tcpAnomaliesIncHS": len(counted.connections["handshake_incomplete"]),
        "shortLivedConnsOne": int(short.sum()),
        "shortLivedOneMaxIP": int(short.max()) if len(short) else 0,
        **_pair(
            counted,
            "totalUniqueIPsShortTwo",
            "UniqueASNsShortTwo",
            counted.peers("short_lived_series"),
        ),
        "pingFloodingConns": len(counted.connections["ping_flood"]),
        **_pair(counted, "pingFloodingIPs", "pingFloodingASNs", counted.peers("ping_flood")),
        "throttledTSConns": len(slow),
        "throttledTSmedianfreq": _median(_sync_medians(counted.view, slow)),
        **_pair(
            counted,
            "uniqueIPsthrottledTS",
            "UniqueASNsthrottledTS",
            counted.peers("timed_sync_throttled"),
        ),
    }


def _sync_medians(view: View, connections: frozenset[int]) -> pd.Series:
    """Median seconds between two timed syncs of the peer on each of these connections."""
    rows = _rhythms(view)
    return rows.loc[rows["connection"].isin(connections), "median"]


@per_peer("connection")
def _rhythms(traffic: Traffic | View) -> pd.DataFrame:
    """Of each connection with timed syncs of the peer the median seconds between two."""
    rows = sync_rhythm(traffic)
    of_peers = rows["direction"] == "received"
    return rows.loc[of_peers, ["connection", "median"]].reset_index(drop=True)


def _slots(counted: _Counts, adversary: frozenset[str]) -> dict[str, Number]:
    numbers: dict[str, Number] = {}
    for group, suffix in ((counted.anomalous, ""), (adversary, "Adv")):
        for direction in ("incoming", "outgoing"):
            share, mean = _held(counted.view, direction, group)
            numbers[f"{direction}ConnSatwith{suffix}"] = share
            numbers[f"total{direction}ConnSatwith{suffix}"] = mean
    return numbers


def _held(view: View, direction: str, group: frozenset[str]) -> tuple[Number, Number]:
    """The share of connection time, in per cent, and the mean number of slots that these peers
    hold: means over the vantage nodes."""
    held = slot_holders(view, direction)
    if held.empty:
        return None, None
    by_node = held.groupby("vantage", observed=True)["seconds"]
    of_group = held["seconds"].where(held["peer"].astype(str).isin(group), 0.0)
    of_node = of_group.groupby(held["vantage"], observed=True).sum()
    rows = view.connections.groupby("vantage", observed=True)
    span = (rows["closed"].max() - rows["opened"].min()).dt.total_seconds().reindex(of_node.index)
    share = (of_node / by_node.sum()).replace([np.inf, -np.inf], np.nan)
    return _mean(100 * share), _mean((of_node / span).replace([np.inf, -np.inf], np.nan))


def _sums(counted: _Counts) -> dict[str, Number]:
    table = counted.table
    answered = (table["direction"] == "outgoing") & (table["received"] > 0)
    reachable = _texts(table.loc[answered, "peer"])
    outgoing = _texts(table.loc[table["direction"] == "outgoing", "peer"])
    both = counted.anomalous & reachable
    return {
        "totalAnomalous": len(counted.anomalous),
        "percentageAnomNet": _per_cent(len(counted.anomalous), len(counted.all_peers)),
        "susAndReachable": len(both),
        "percentageAnomReach": _per_cent(len(both), len(reachable)),
        "totalSusPeers": len(counted.judged("anomalous", "suspicious")),
        "myUniquensPeers": len(outgoing),
        **{macro: _of_operator(counted, name) for macro, name in AUTONOMOUS_SYSTEM_NAMES.items()},
    }


def _of_operator(counted: _Counts, name: str) -> Number:
    """Peers in an autonomous system whose organisation has this name."""
    if counted.systems is None:
        return None
    rows = counted.systems[counted.systems["host"].astype(str).isin(counted.all_peers)]
    return int(rows["organisation"].fillna("").str.lower().str.contains(name, regex=False).sum())


def _per_cent(part: int, whole: int) -> Number:
    return 100 * part / whole if whole else None


def _mean(values: pd.Series) -> Number:
    mean = values.mean()
    return None if pd.isna(mean) else float(mean)


def _median(values: pd.Series) -> Number:
    median = values.median()
    return None if pd.isna(median) else float(median)
