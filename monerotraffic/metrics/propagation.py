"""Propagation of transactions and blocks over several vantage nodes: delays, first spies, compact
blocks, duplicates. docs/metrics/propagation.md explains the terms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from monerotraffic.metrics.extras import analysis
from monerotraffic.metrics.network import labels_of
from monerotraffic.metrics.relay import in_order_of_text, transaction_arrivals_of
from monerotraffic.metrics.sources import in_parts
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import (
    View,
    packet_order,
    per_content,
    per_peer,
    per_vantage,
    positions,
    viewed,
)

__all__ = [
    "announcing_speed",
    "block_exchanges",
    "compact_block_hits",
    "first_spies",
    "first_spy_accuracy",
    "fluff_arrivals",
    "network_delays",
    "propagation_delays",
    "transaction_duplicates",
]

GRID = 0.25
"""Seconds between flushes of monerod's fluff queue: delays are multiples of it, and the path."""

_QUANTILES = {"p10": 0.1, "median": 0.5, "p90": 0.9}


@in_parts
def propagation_delays(
    traffic: Traffic | View, clocks: pd.DataFrame | None = None, by: str = "peer"
) -> pd.DataFrame:
    """Returns how late each peer sends transactions in the fluff phase. One row per vantage node,
    peer and direction of its connections; with `by="vantage"`, one for all peers of a vantage node
    and direction. Unit: transaction and peer.

    - `vantage`, `peer` (object), `direction` (object): `outgoing` if the node opened the connection
    - `transactions` (int64): distinct ones that the peer sent as fluff, summed over peers
    - `firsts` (int64): those that it sent before all other peers
    - `p10`, `median`, `p90`, `mean` (float64): seconds since the first peer; with `clocks`, the
      result of clock_offsets, since the first peer of all nodes, by one clock

    Transactions that the node itself sent before are left out. A peer that relays at once has a
    shorter delay than monerod, which waits a random time: a mean of 5 s on connections that it
    accepted (outgoing ones of the vantage node), 2.5 s on those that it opened, in steps of a
    quarter second. So quantiles of a peer lie on a grid of 0.25 s, apart from the paths and from
    transactions that came into a queue which was not empty.

    Raises ValueError for another `by`.

    Source: src/cryptonote_protocol/levin_notify.cpp fluff_flush.

        >>> import monerotraffic as mt
        >>> delays = mt.metrics.propagation_delays(mt.read("tests/data/honest"))
        >>> delays.loc[delays["transactions"].idxmax(), ["peer", "direction"]].tolist()
        ['198.18.3.13', 'incoming']
    """
    if by not in ("peer", "vantage"):
        raise ValueError(f"by={by!r}: must be peer or vantage")
    keys = ["vantage", "peer", "direction"] if by == "peer" else ["vantage", "direction"]
    return _delays(fluff_arrivals(viewed(traffic), clocks), keys)


@in_parts
def announcing_speed(traffic: Traffic | View, clocks: pd.DataFrame | None = None) -> pd.DataFrame:
    """Returns how late each implementation sends transactions in the fluff phase. One row per
    vantage node, serialization of the 2002 (messages.skeleton) and direction. Unit: transaction and
    peer.

    - `vantage` (object), `skeleton` (UInt64), `direction` (object)
    - `peers` (int64)
    - `transactions`, `firsts`, `p10`, `median`, `p90`, `mean`: as propagation_delays, over all
      pairs of a transaction and a peer

    A skeleton is a program, or a family of programs: see docs/fingerprint.md. Peers of one skeleton
    that announce much faster than others of it do not use monerod's queue.

        >>> import monerotraffic as mt
        >>> len(mt.metrics.announcing_speed(mt.read("tests/data/honest")))
        1
    """
    rows = fluff_arrivals(viewed(traffic), clocks)
    rows = rows[rows["skeleton"].notna()]
    keys = ["vantage", "skeleton", "direction"]
    peers = rows.groupby(keys, observed=True)["peer"].nunique().rename("peers").reset_index()
    peers = peers.astype({"vantage": object, "direction": object, "peers": "int64"})
    return peers.merge(_delays(rows, keys), on=keys)


@in_parts
def network_delays(
    traffic: Traffic | View, systems: pd.DataFrame, clocks: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Returns how late the peers of each country and autonomous system send transactions in the
    fluff phase. One row per vantage node, kind of network, network and direction. Unit: transaction
    and peer.

    - `vantage` (object), `by` (object): `system` or `country`, as far as `systems`, the result of
      networks (or autonomous_systems, countries), has some
    - `network` (object): AS and number, or the code of the country; peers without one are left out
    - `direction` (object)
    - `peers` (int64)
    - `transactions`, `firsts`, `p10`, `median`, `p90`, `mean`: as propagation_delays, over all
      pairs of a transaction and a peer

    A country from which transactions arrive early is close to the vantage node, or has many of the
    origins.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> located = mt.metrics.countries(
        ...     traffic.connections["peer"].unique(), "GeoLite2-Country.mmdb"
        ... )
        >>> mt.metrics.network_delays(traffic, located)["network"].unique().tolist()
        ['AQ']
    """
    view = viewed(traffic)
    rows = fluff_arrivals(view, clocks)
    tables = []
    for by, of_address in labels_of(rows["peer"].cat.categories, systems).items():
        located = rows.assign(network=of_address[rows["peer"].cat.codes.to_numpy()])
        located = located[located["network"].notna()]
        keys = ["vantage", "network", "direction"]
        peers = located.groupby(keys, observed=True)["peer"].nunique().rename("peers").reset_index()
        peers = peers.astype({"vantage": object, "direction": object, "peers": "int64"})
        tables.append(peers.merge(_delays(located, keys), on=keys).assign(by=by))
    names = ["vantage", "by", "network", "direction", "peers", "transactions", "firsts"]
    names += [*_QUANTILES, "mean"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=names)
    return table[names].sort_values(names[:4], kind="stable", ignore_index=True)


@per_content("transactions", "blob_hash", order=())
def fluff_arrivals(traffic: Traffic | View, clocks: pd.DataFrame | None = None) -> pd.DataFrame:
    """Returns the arrivals in the fluff phase of transactions that the node had not sent before,
    with `delay` (timedelta) since the first peer, and the `direction` of the connection.
    """
    view = viewed(traffic)
    rows = transaction_arrivals_of(view, clocks)
    rows = rows[~rows["stem"] & ~rows["sent_before"]]
    messages = view.messages
    place = positions(messages["message"].to_numpy(), rows["message"].to_numpy())
    return pd.DataFrame(
        {
            "vantage": rows["vantage"],
            "peer": rows["peer"],
            "direction": view.ends["direction"].reindex(rows["connection"]).array,
            "skeleton": messages["skeleton"].array.take(place),
            "leads": rows["rank"] == 1,
            "delay": rows["delay"],
        }
    )


def _delays(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    groups = rows.groupby(keys, observed=True)
    table = groups.agg(transactions=("leads", "size"), firsts=("leads", "sum"))
    for name, share in _QUANTILES.items():
        table[name] = groups["delay"].quantile(share).dt.total_seconds()
    # a sum of integers, so that the order of rows does not matter
    table["mean"] = groups["delay"].sum().dt.total_seconds() / groups["delay"].count()
    table = table.astype({"transactions": "int64", "firsts": "int64"}).reset_index()
    texts = [name for name in keys if isinstance(table[name].dtype, pd.CategoricalDtype)]
    return table.astype(dict.fromkeys(texts, object)).sort_values(keys, ignore_index=True)


# ---- first spy ----


@in_parts
def first_spies(traffic: Traffic | View, clocks: pd.DataFrame | None = None) -> pd.DataFrame:
    """Returns the origin of each transaction as the first-spy estimator sees it: the peer that sent
    it first to any vantage node. One row per transaction. Unit: transaction.

    - `tx` (object), `vantage` (object), `peer` (object), `time` (time)
    - `stem` (bool): the peer sent it in the stem phase
    - `margin` (timedelta): time until the next peer; missing without one
    - `observers` (int64): pairs of a vantage node and a peer that sent it
    - `peers` (int64): distinct peers that sent it

    `clocks` is the result of clock_offsets; without it, several vantage nodes raise ValueError,
    because their clocks cannot be compared. Transactions that a vantage node sent before any peer
    did are left out.

    Source: Fanti and Viswanath, Anonymity Properties of the Bitcoin P2P Network, 2017
    (first-timestamp estimator); Fanti et al., Dandelion++, SIGMETRICS 2018.

        >>> import monerotraffic as mt
        >>> spies = mt.metrics.first_spies(mt.read("tests/data/honest"))
        >>> len(spies), int(spies["stem"].sum())
        (8, 8)
    """
    view = viewed(traffic)
    if clocks is None and len(view.vantages) > 1:
        raise ValueError("clocks= is required for several vantage nodes: see clock_offsets")
    table = _spies(view, clocks)
    keys = pd.DataFrame({"time": table["time"], "tx": in_order_of_text(table["tx"])})
    table = table.loc[keys.sort_values(["time", "tx"], kind="stable").index]
    return table.astype(dict.fromkeys(("tx", "vantage", "peer"), object)).reset_index(drop=True)


@per_content("transactions", "blob_hash", order=())
def _spies(traffic: Traffic | View, clocks: pd.DataFrame | None) -> pd.DataFrame:
    rows = transaction_arrivals_of(viewed(traffic), clocks)
    rows = rows[~rows["sent_before"] & rows["tx"].notna()]
    blobs = rows["blob_hash"].cat.codes
    following = rows[rows["rank"] == 2].set_index(blobs[rows["rank"] == 2])["delay"]
    first = rows["rank"] == 1
    table = rows.loc[first, ["tx", "vantage", "peer", "time", "stem"]].copy()
    table["margin"] = following.reindex(blobs[first]).array
    groups = rows.groupby(blobs)
    table["observers"] = groups.size().reindex(blobs[first]).array
    table["peers"] = groups["peer"].nunique().reindex(blobs[first]).array
    return table.astype({"observers": "int64", "peers": "int64"})


def first_spy_accuracy(
    spies: pd.DataFrame, origins: Mapping[str, str | Iterable[str]], confidence: float = 0.95
) -> pd.DataFrame:
    """Returns how often first_spies is right, where the origins are known. One row for all
    transactions (`all`), and one for those in each phase (`stem`, `fluff`).

    - `phase` (object)
    - `transactions` (int64): transactions with a known origin and a row in `spies`
    - `correct` (int64): those of which the peer is the origin
    - `recall` (float64): correct ÷ transactions, the probability that the estimator is right
    - `recall_low`, `recall_high` (float64): its interval (Clopper and Pearson;
      scipy.stats.binomtest)
    - `precision` (float64): mean over peers that are named of correct ÷ all transactions attributed
      to the peer
    - `baseline` (float64): mean of 1 ÷ peers: the recall of naming one of the peers that sent
      the transaction at random, if the origin is one of them

    `origins` has the addresses of the node at which a transaction was created, by id. Recall and
    precision are those of Fanti et al. (Dandelion++, section 3). Raises ImportError without scipy.

        >>> import pandas as pd
        >>> import monerotraffic as mt
        >>> spies = pd.DataFrame(
        ...     {"tx": ["a", "b"], "peer": ["x", "x"], "stem": [True, False], "peers": [3, 3]}
        ... )
        >>> table = mt.metrics.first_spy_accuracy(spies, {"a": "x", "b": "y"})
        >>> table[["phase", "transactions", "correct", "recall", "precision"]]
           phase  transactions  correct  recall  precision
        0    all             2        1     0.5        0.5
        1   stem             1        1     1.0        1.0
        2  fluff             1        0     0.0        0.0
    """
    stats = analysis("scipy.stats", "first_spy_accuracy")
    known = {tx: {hosts} if isinstance(hosts, str) else set(hosts) for tx, hosts in origins.items()}
    rows = spies[spies["tx"].isin(list(known))]
    right = pd.Series(
        [peer in known[tx] for tx, peer in zip(rows["tx"], rows["peer"], strict=True)],
        index=rows.index,
        dtype=bool,
    )
    table = []
    for phase, chosen in (
        ("all", rows["stem"] | True),
        ("stem", rows["stem"]),
        ("fluff", ~rows["stem"]),
    ):
        count, correct = int(chosen.sum()), int(right[chosen].sum())
        by_peer = right[chosen].groupby(rows.loc[chosen, "peer"].astype(object)).mean()
        low = high = math.nan
        if count:
            interval = stats.binomtest(correct, count).proportion_ci(confidence)
            low, high = float(interval.low), float(interval.high)
        share = correct / count if count else math.nan
        baseline = float((1 / rows.loc[chosen, "peers"]).mean())
        table.append((phase, count, correct, share, low, high, by_peer.mean(), baseline))
    columns = ["phase", "transactions", "correct", "recall", "recall_low", "recall_high"]
    return pd.DataFrame(table, columns=[*columns, "precision", "baseline"])


# ---- duplicates ----


@in_parts
@per_vantage
def transaction_duplicates(traffic: Traffic | View) -> pd.DataFrame:
    """Returns how often each transaction crossed the connections of a vantage node in a 2002. One
    row per transaction, in order of the first time. Unit: transaction.

    - `vantage`, `tx` (category)
    - `received`, `sent` (int64): number of 2002 entries
    - `received_peers`, `sent_peers` (int64): peers that sent it, or received it
    - `blob_size` (int64): bytes
    - `redundant_bytes` (int64): blob_size × (received - 1), the copies that were not needed
    - `first` (time)

        >>> import monerotraffic as mt
        >>> copies = mt.metrics.transaction_duplicates(mt.read("tests/data/honest"))
        >>> int(copies["received"].max())
        5
    """
    table = _duplicates(traffic)
    keys = pd.DataFrame({"first": table["first"], "tx": in_order_of_text(table["tx"])})
    order = keys.sort_values(["first", "tx"], kind="stable").index
    return table.loc[order].reset_index(drop=True)


@per_content("transactions", "tx", order=())
def _duplicates(traffic: Traffic | View) -> pd.DataFrame:
    rows = viewed(traffic).transactions
    rows = rows[(rows["command"] == 2002) & rows["tx"].notna()]
    frame = pd.DataFrame(
        {
            "tx": rows["tx"],
            "received": (rows["direction"] == "received").astype("int64"),
            "sent": (rows["direction"] == "sent").astype("int64"),
            "from": rows["peer"].cat.codes.where(rows["direction"] == "received"),
            "to": rows["peer"].cat.codes.where(rows["direction"] == "sent"),
            "blob_size": rows["blob_size"].astype("int64"),
            "time": rows["time"],
        }
    )
    table = (
        frame.groupby("tx", observed=True)
        .agg(
            received=("received", "sum"),
            sent=("sent", "sum"),
            received_peers=("from", "nunique"),
            sent_peers=("to", "nunique"),
            blob_size=("blob_size", "max"),
            first=("time", "min"),
        )
        .reset_index()
    )
    copies = (table["received"] - 1).clip(lower=0)
    table.insert(6, "redundant_bytes", copies * table["blob_size"])
    counts = ("received", "sent", "received_peers", "sent_peers", "blob_size", "redundant_bytes")
    return table.astype(dict.fromkeys(counts, "int64"))


# ---- blocks ----

_OF_BLOCKS = ("connections", "messages", "transactions", "blocks", "inventories", "problems")


@in_parts
@per_vantage
@per_peer("time", "message", tables=_OF_BLOCKS)
def block_exchanges(traffic: Traffic | View) -> pd.DataFrame:
    """Returns each announcement of a block as 2008, and the request for missing transactions that
    followed it. One row per block, peer and direction, in order of time. Unit: announcement.

    - `vantage` (category)
    - `block`, `peer` (category), `connection`, `message` (int64), `time`: of the first 2008 with
      the block on the connection in this direction
    - `direction` (category): `received` if the peer announced it
    - `transactions` (Int64): of the block
    - `carried` (int64): transactions in the announcement
    - `missing` (Int64): transactions that the receiver asked for in a 2009; missing if it did not
    - `requested_after` (timedelta): from the announcement to the 2009
    - `round_trip` (timedelta): from the 2009 to the next 2008 with the block
    - `hit` (bool): the receiver did not ask, so it had all transactions, or the whole block already

    Source: src/cryptonote_protocol/cryptonote_protocol_handler.inl handle_notify_new_fluffy_block,
    handle_request_fluffy_missing_tx.

        >>> import monerotraffic as mt
        >>> blocks = mt.metrics.block_exchanges(mt.read("tests/data/honest"))
        >>> int((~blocks["hit"]).sum())
        10
    """
    view = viewed(traffic)
    rows = view.blocks
    rows = rows[(rows["command"] == 2008) & rows["block"].notna() & rows["time"].notna()]
    rows = rows.assign(order=packet_order(rows), received=rows["direction"] == "received")
    rows = rows.sort_values("order", kind="stable")
    carried = view.transactions.groupby("message").size()
    key = ["connection", "received", "block"]
    first = rows.drop_duplicates(key)
    table = first[
        ["block", "peer", "connection", "message", "time", "direction", "transactions", "received"]
    ].copy()
    table["transactions"] = table["transactions"].astype("Int64")
    table["carried"] = carried.reindex(table["message"], fill_value=0).to_numpy().astype("int64")
    asked = _requests(view)
    answers = rows[["connection", "received", "block", "time", "order"]]
    answers = asked.merge(answers, on=key, suffixes=("", "_answer"))
    answers = answers[answers["order_answer"] > answers["order"]].drop_duplicates(key)
    index = pd.MultiIndex.from_frame(table[key].astype({"block": object}))
    asked, answers = (
        frame.drop_duplicates(key).astype({"block": object}).set_index(key)
        for frame in (asked, answers)
    )
    requested = asked.reindex(index)
    table["missing"] = requested["missing"].astype("Int64").array
    table["requested_after"] = pd.Series(requested["time"].array, index=table.index) - table["time"]
    answered = answers.reindex(index)
    table["round_trip"] = pd.Series(answered["time_answer"].array, index=table.index) - pd.Series(
        requested["time"].array, index=table.index
    )
    table["hit"] = table["missing"].isna()
    return table.drop(columns="received").sort_values(
        ["time", "message"], kind="stable", ignore_index=True
    )


def _requests(view: View) -> pd.DataFrame:
    """The 2009 messages: connection, whether the announcement was received, block, time, order, and
    how many transactions are missing.
    """
    listed = view.traffic.inventories
    listed = listed[listed["list"] == "missing_indices"]
    counts = listed.groupby("message").agg(block=("id", "first"), missing=("id", "size"))
    messages = view.messages[view.messages["command"] == 2009]
    rows = messages[["message", "connection", "direction", "time"]].assign(
        order=packet_order(messages)
    )
    rows = rows.join(counts, on="message", how="inner")
    rows["received"] = rows["direction"] == "sent"
    columns = ["connection", "received", "block", "time", "order", "missing"]
    return rows[columns].sort_values("order", kind="stable").dropna(subset=["block", "time"])


@in_parts
def compact_block_hits(traffic: Traffic | View, confidence: float = 0.95) -> pd.DataFrame:
    """Returns how many announced blocks the receiver could complete without asking. One row per
    vantage node, direction and peer. Unit: announcement.

    - `vantage`, `direction` (category): `received`: the node was the receiver
    - `peer` (object)
    - `announcements` (int64): blocks with transactions, announced without them
    - `hits` (int64): those without a 2009
    - `hit_rate`, `hit_low`, `hit_high` (float64): hits ÷ announcements, with its interval (Clopper
      and Pearson; scipy.stats.binomtest)
    - `round_trip_median` (float64): seconds from the 2009 to the answer

    A receiver that already has the block asks for nothing either. So the first announcement of a
    block at the node is the one that shows whether its transaction pool was complete; later ones
    increase the rate. Raises ImportError without scipy.

        >>> import monerotraffic as mt
        >>> hits = mt.metrics.compact_block_hits(mt.read("tests/data/honest"))
        >>> int(hits["announcements"].sum() - hits["hits"].sum())
        10
    """
    stats = analysis("scipy.stats", "compact_block_hits")
    rows = block_exchanges(traffic)
    rows = rows[(rows["transactions"] > 0) & (rows["carried"] == 0)]
    rows = rows.assign(
        peer=rows["peer"].astype(object), seconds=rows["round_trip"].dt.total_seconds()
    )
    table = (
        rows.groupby(["vantage", "direction", "peer"], observed=True)
        .agg(
            announcements=("hit", "size"),
            hits=("hit", "sum"),
            round_trip_median=("seconds", "median"),
        )
        .reset_index()
    )
    intervals = [
        stats.binomtest(int(hits), int(count)).proportion_ci(confidence)
        for hits, count in zip(table["hits"], table["announcements"], strict=True)
    ]
    table["hit_rate"] = table["hits"] / table["announcements"]
    table["hit_low"] = np.array([float(one.low) for one in intervals])
    table["hit_high"] = np.array([float(one.high) for one in intervals])
    columns = ["vantage", "direction", "peer", "announcements", "hits"]
    numbers = ["hit_rate", "hit_low", "hit_high", "round_trip_median"]
    counts = dict.fromkeys(("announcements", "hits"), "int64")
    return table.astype(counts | dict.fromkeys(numbers, "float64"))[[*columns, *numbers]]
