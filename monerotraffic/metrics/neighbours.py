"""Which nodes the senders of peer lists are connected to, inferred from their lists.
docs/metrics/neighbours.md says what that can show, and what it cannot.

Owns the two published methods and their comparison with known connections.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.entries import Entries, entries
from monerotraffic.metrics.extras import analysis
from monerotraffic.metrics.sources import in_parts
from monerotraffic.tables.part_metrics import in_order
from monerotraffic.tables.schema import SCHEMA
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, per_peer, viewed

__all__ = ["neighbour_accuracy", "neighbours_by_frequency", "neighbours_by_last_seen"]

_TABLES = ("connections", "messages", "peer_lists", "problems")

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@in_parts
@per_peer("peer", "host", "port", tables=_TABLES)
def neighbours_by_last_seen(
    traffic: Traffic | View, max_age_s: float = 60.0, min_refreshes: int = 1
) -> pd.DataFrame:
    """Returns the neighbours of peers whose lists have `last_seen`: addresses that the peer was in
    contact with lately (Cao et al. 2020). One row per sender and endpoint, in their order. Unit:
    sender and endpoint.

    - `peer`, `host` (category), `port` (uint16): the sender and its neighbour
    - `lists` (int64): lists of the sender with the endpoint and a `last_seen`
    - `refreshes` (int64): how often its `last_seen` was later than in all lists before
    - `age` (float64): seconds, the least age of the entry when it was sent
    - `last_seen` (int64): the latest, in seconds since 1970 by the clock of the sender

    An entry is a neighbour if it has `min_refreshes`, or was at most `max_age_s` old once. The age
    is t - last_seen, where t is the time of the list, or the latest last_seen in the list if that
    is later (a clock that is ahead).

    monerod sets last_seen of a peer at the handshake, at each answer to its own timed sync (every
    60 s on outgoing connections), and when a back-ping succeeds. So outgoing neighbours have many
    refreshes, and a peer that was met once has one. Since v0.14.1 monerod sends no last_seen
    (pull request 5481): lists of newer nodes give no rows. A sender can write any time, so an entry
    is a claim.

    Source: Cao, Yu, Decouchant, Luo and Verissimo, Exploring the Monero Peer-to-Peer Network,
    Financial Cryptography 2020 (eprint 2019/411); src/p2p/net_peerlist.h set_peer_just_seen.

        >>> import monerotraffic as mt
        >>> len(mt.metrics.neighbours_by_last_seen(mt.read("tests/data/honest")))
        0
    """
    e = entries(traffic)
    rows = _dated(e, viewed(traffic))
    width = max(1, len(e.addresses.text))
    rows["key"] = (rows["sender"] * width + rows["host"]) * 65536 + rows["port"]
    rows = rows.sort_values(["key", "list", "last_seen"], ignore_index=True)
    rows = rows.drop_duplicates(["key", "list"], keep="last", ignore_index=True)
    before = rows.groupby("key")["last_seen"].cummax().shift(fill_value=0)
    rows["refreshes"] = rows.duplicated("key") & (rows["last_seen"] > before)
    groups = rows.groupby("key")
    table = groups[["sender", "host", "port"]].first()
    table["lists"] = groups.size()
    table["refreshes"] = groups["refreshes"].sum()
    table["age"] = groups["age"].min()
    table["last_seen"] = groups["last_seen"].max()
    table = table[(table["refreshes"] >= min_refreshes) | (table["age"] <= max_age_s)]
    table = _named(e, table.reset_index(drop=True), ["lists", "refreshes", "age", "last_seen"])
    return in_order(table, ["peer", "host", "port"])


def _dated(e: Entries, view: View) -> pd.DataFrame:
    """The entries with last_seen: list, sender, host (codes), port, last_seen and age."""
    known = view.traffic.coded_lists.entries
    bit = SCHEMA["peer_lists"].field("last_seen").present_bit
    assert bit is not None
    dated = (known["present"] >> bit & 1).astype(np.bool_) & (known["host"] >= 0)
    chosen = np.flatnonzero(dated[e.code])
    of = e.of[chosen].astype(np.int64)
    seen = known["last_seen"][e.code[chosen]].astype(np.int64)
    # a list that arrived earlier has a lower number
    turn = np.empty(len(e.lists), dtype=np.int64)
    times = e.lists["time"].to_numpy(dtype="M8[ns]").view(np.int64)
    turn[np.argsort(times, kind="stable")] = np.arange(len(turn))
    newest = np.full(len(e.lists), -np.inf)
    np.maximum.at(newest, of, seen.astype(np.float64))
    now = np.maximum(times / 1e9, newest)
    return pd.DataFrame(
        {
            "list": turn[of],
            "sender": e.sender[of],
            "host": e.host[chosen].astype(np.int64),
            "port": e.port[chosen].astype(np.int64),
            "last_seen": seen,
            "age": now[of] - seen.astype(np.float64),
        }
    )


def _named(e: Entries, table: pd.DataFrame, others: list[str]) -> pd.DataFrame:
    """The table with addresses instead of their codes."""
    kind = e.lists["peer"].dtype
    peer, host = (
        pd.Categorical.from_codes(table[name].to_numpy(dtype=np.int64), dtype=kind)
        for name in ("sender", "host")
    )
    named = pd.DataFrame({"peer": peer, "host": host})
    if "port" in table:
        named["port"] = table["port"].to_numpy().astype(np.uint16)
    for name in others:
        named[name] = table[name].to_numpy()
    return named


@in_parts
@per_peer("peer", "host", tables=_TABLES)
def neighbours_by_frequency(traffic: Traffic | View, min_lists: int = 2) -> pd.DataFrame:
    """Returns the hosts that are in conspicuously many of the lists of a sender, which Gao et al.
    (2025) take for its neighbours. One row per sender and host, in their order. Unit: sender and
    host.

    - `peer`, `host` (category): the sender and the host
    - `lists` (int64): lists of the sender with the host
    - `all_lists` (int64): lists of the sender with entries
    - `threshold` (int64): the least `lists` of the upper cluster of the sender

    Hosts in fewer than `min_lists` lists are left out, and the numbers of lists of each sender are
    split into two clusters (k-means; sklearn.cluster.KMeans). The rows are those of the cluster
    with the higher mean. A sender whose remaining hosts are all in the same number of lists has no
    rows.

    monerod v0.18 sends each endpoint at most once on a connection, and draws entries of its white
    list by chance, whether it is connected to them or not. So the numbers differ only by chance and
    by how long a host was in the white list. docs/metrics/neighbours.md has the precision that was
    measured.

    Source: Gao, Piškorec, Zhang, Vallarano and Tessone, Charting the Uncharted: The Landscape of
    Monero Peer-to-Peer Network, 2025 (arXiv 2504.15986); src/p2p/net_peerlist.h get_peerlist_head.

    Raises ValueError for `min_lists` below 1, and ImportError without the extra `analysis`
    (pip install 'monerotraffic[analysis]').

        >>> import monerotraffic as mt
        >>> len(mt.metrics.neighbours_by_frequency(mt.read("tests/data/honest")))
        0
    """
    if min_lists < 1:
        raise ValueError(f"min_lists={min_lists}: must be at least 1")
    cluster = analysis("sklearn.cluster", "neighbours_by_frequency")
    e = entries(traffic)
    pairs = e.of_senders
    kept = pairs.count >= min_lists
    table = pd.DataFrame(
        {"sender": pairs.of[kept], "host": pairs.host[kept], "lists": pairs.count[kept]}
    )
    threshold = {
        sender: _upper_cluster(cluster, counts.to_numpy(dtype=np.float64))
        for sender, counts in table.groupby("sender")["lists"]
    }
    limits = table["sender"].map(threshold).to_numpy(dtype=np.float64)
    table = table.assign(threshold=limits)[table["lists"].to_numpy() >= limits]
    table["all_lists"] = np.bincount(e.sender, minlength=1)[table["sender"]].astype(np.int64)
    table = table.astype({"threshold": "int64", "lists": "int64"})
    return in_order(_named(e, table, ["lists", "all_lists", "threshold"]), ["peer", "host"])


def _upper_cluster(cluster: object, counts: Floats) -> float:
    """The least number of the upper of two clusters; infinite if all numbers are equal."""
    if np.ptp(counts) == 0:
        return math.inf
    means = cluster.KMeans(n_clusters=2, n_init=10, random_state=0)  # type: ignore[attr-defined]
    labels = means.fit_predict(counts[:, None])
    upper = int(np.argmax(means.cluster_centers_[:, 0]))
    return float(counts[labels == upper].min())


def neighbour_accuracy(
    inferred: pd.DataFrame,
    advertised: pd.DataFrame,
    connected: Mapping[str, Collection[str]],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Returns how well neighbours were inferred, where the connections of senders are known, and
    the same for two baselines that name as many hosts of each sender. One row per method:
    `inferred`; `random`, hosts drawn from those that the sender advertised; `popular`, those of
    them that most senders advertised (ties in order of the host).

    - `method` (object)
    - `pairs` (int64): pairs of a sender and a host that the method names
    - `correct` (float64): those that were connected; of `random` the expected number
    - `neighbours` (int64): pairs that were connected
    - `precision`, `precision_low`, `precision_high` (float64): correct ÷ pairs, with its interval
      (Clopper and Pearson; scipy.stats.binomtest); NaN without pairs
    - `recall`, `recall_low`, `recall_high` (float64): correct ÷ neighbours, with its interval

    `inferred` and `advertised` have the columns `peer` and `host`: a result of this module, and
    that of peer_graph. `connected` has the hosts that each sender was connected to; other senders
    do not count. The intervals take pairs for independent, which those of one sender are not
    quite. `random` has no interval, because its value is exact.

        >>> import pandas as pd
        >>> import monerotraffic as mt
        >>> named = pd.DataFrame({"peer": ["x"], "host": ["a"]})
        >>> lists = pd.DataFrame({"peer": ["x"] * 4, "host": ["a", "b", "c", "d"]})
        >>> table = mt.metrics.neighbour_accuracy(named, lists, {"x": ["a", "b"]})
        >>> table[["method", "pairs", "correct", "precision", "recall"]]
             method  pairs  correct  precision  recall
        0  inferred      1      1.0        1.0    0.50
        1    random      1      0.5        0.5    0.25
        2   popular      1      1.0        1.0    0.50
    """
    truth = {(peer, host) for peer, hosts in connected.items() for host in set(hosts)}
    named = _pairs(inferred, connected)
    known = _pairs(advertised, connected)
    known["correct"] = [pair in truth for pair in zip(known["peer"], known["host"], strict=True)]
    each = named.groupby("peer").size()
    many = known["peer"].map(each).fillna(0)
    share = known.groupby("peer")["correct"].mean()
    known["senders"] = known.groupby("host")["peer"].transform("size")
    known = known.sort_values(["peer", "senders", "host"], ascending=[True, False, True])
    popular = known[known.groupby("peer").cumcount() < many[known.index]]
    right = sum(pair in truth for pair in zip(named["peer"], named["host"], strict=True))
    expected = float((each.reindex(share.index, fill_value=0) * share).sum())
    rows = [
        ("inferred", len(named), float(right), len(truth)),
        ("random", int(each.sum()), expected, len(truth)),
        ("popular", len(popular), float(popular["correct"].sum()), len(truth)),
    ]
    table = pd.DataFrame(rows, columns=["method", "pairs", "correct", "neighbours"])
    for name, total in (("precision", "pairs"), ("recall", "neighbours")):
        table[name] = table["correct"] / table[total].where(table[total] > 0)
        bounds = [
            _interval(correct, count, confidence) if method != "random" else (math.nan, math.nan)
            for method, correct, count in zip(
                table["method"], table["correct"], table[total], strict=True
            )
        ]
        table[[f"{name}_low", f"{name}_high"]] = np.array(bounds)
    return table


def _pairs(table: pd.DataFrame, connected: Mapping[str, Collection[str]]) -> pd.DataFrame:
    """Distinct pairs of a known sender and a host, as texts."""
    rows = table[["peer", "host"]].astype(object).drop_duplicates()
    return rows[rows["peer"].isin(list(connected))].reset_index(drop=True)


def _interval(correct: float, count: int, confidence: float) -> tuple[float, float]:
    if not count:
        return math.nan, math.nan
    stats = analysis("scipy.stats", "neighbour_accuracy")
    interval = stats.binomtest(int(correct), int(count)).proportion_ci(confidence)
    return float(interval.low), float(interval.high)
