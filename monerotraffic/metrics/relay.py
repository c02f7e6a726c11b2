"""How transactions and blocks reach the vantage node: which peers send them first, and how they are
relayed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.clocks import correct_times
from monerotraffic.metrics.sources import in_parts
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, per_content, per_peer, viewed

__all__ = [
    "block_arrivals",
    "first_senders",
    "fluff_order",
    "in_order_of_text",
    "transaction_arrivals",
    "transaction_arrivals_of",
]

_ARRIVAL = [
    *("vantage", "peer", "connection", "message", "time", "stem", "rank", "delay", "sent_before")
]
_SENDER = ["vantage", "peer"]
_DELAY = ["rank", "delay", "sent_before"]


@in_parts
def transaction_arrivals(
    traffic: Traffic | View, clocks: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Returns when each peer first sent each transaction in a 2002 to each vantage node. One row
    per transaction blob, vantage node and peer (IP address), in order of the first arrival of the
    transaction at the node.

    - `tx`: missing for a blob that cannot be parsed, for example of a format that is not released
    - `blob_hash`: identifies the transaction
    - `vantage` (category): name of the vantage node, its address without names
    - `peer`, `connection`, `message`, `time`: of the first 2002 of the peer with the transaction
    - `stem` (bool): its dandelionpp_fluff was 0
    - `rank` (int64): order of the peer by time among those of the vantage node, from 1
    - `delay` (timedelta64[ns]): time since the first peer of the vantage node
    - `sent_before` (bool): the vantage node had sent the transaction before any peer did, so no
      peer was first

    `time` is the arrival of the first byte of the message, by the clock of the vantage node. With
    `clocks`, the result of clock_offsets, it is by the clock of the reference node; `rank`, `delay`
    and `sent_before` are then over all nodes together, and nodes with unknown clocks are left out.

    Source: src/cryptonote_protocol/levin_notify.cpp.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/testbed")
    >>> rows = mt.metrics.transaction_arrivals(traffic)
    >>> rows[["peer", "stem", "rank", "sent_before"]].head(2)
                peer   stem  rank  sent_before
    0   203.0.113.43   True     1        False
    1  198.51.100.70  False     2        False
    """
    return _in_order(transaction_arrivals_of(viewed(traffic), clocks), "tx", clocks)


@per_content("transactions", "blob_hash", order=())
def transaction_arrivals_of(traffic: Traffic | View, clocks: pd.DataFrame | None) -> pd.DataFrame:
    """The arrivals of transactions in any order, with `first`, the time of the first one."""
    view = viewed(traffic)
    rows = view.transactions
    rows = rows[rows["command"] == 2002]
    stem = rows["fluff"].eq(False).fillna(False).astype(bool)
    return _arrivals(view, rows.assign(stem=stem), "tx", clocks)


@in_parts
def block_arrivals(traffic: Traffic | View, clocks: pd.DataFrame | None = None) -> pd.DataFrame:
    """Returns when each peer first sent each block in a 2001 or 2008 to each vantage node. One row
    per block blob, vantage node and peer (IP address), with the columns of transaction_arrivals,
    but `block` instead of `tx`, and `height` (UInt64) instead of `stem`.

    Source: src/cryptonote_protocol/cryptonote_protocol_handler.inl relay_block.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/testbed")
    >>> mt.metrics.block_arrivals(traffic)[["peer", "height", "rank", "sent_before"]].head(2)
               peer  height  rank  sent_before
    0  203.0.113.21     141     1        False
    1  203.0.113.43     141     2        False
    """
    return _in_order(_block_arrivals_of(viewed(traffic), clocks), "block", clocks)


@per_content("blocks", "blob_hash", order=())
def _block_arrivals_of(traffic: Traffic | View, clocks: pd.DataFrame | None) -> pd.DataFrame:
    view = viewed(traffic)
    rows = view.blocks
    return _arrivals(view, rows[rows["command"].isin([2001, 2008])], "block", clocks)


@in_parts
def first_senders(traffic: Traffic | View) -> pd.DataFrame:
    """Returns how often each peer was first, and its delay otherwise. One row per vantage node and
    peer (IP address) that sent it a transaction (2002) or block (2001, 2008).

    - `vantage` (object): name of the vantage node, its address without names

    The other columns exist for `transactions` and for `blocks`. Transactions and blocks that the
    vantage node sent before do not count.

    - `transactions` (int64): distinct transactions of the peer
    - `transactions_first` (int64): those that it sent before every other peer
    - `transactions_first_share` (float64): that number ÷ the firsts of all peers at the
      vantage node
    - `transactions_delay_median`, `transactions_delay_p90` (timedelta64[ns]): of its delays since
      the first peer
    - `stems` (int64): transactions that it first sent as stem

    A peer that is first much more often than others with as many connections is close to many
    origins, or is one.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/testbed")
    >>> rows = mt.metrics.first_senders(traffic)
    >>> rows[["peer", "transactions", "transactions_first", "transactions_first_share"]].head(2)
             peer  transactions  transactions_first  transactions_first_share
    0  192.0.2.22             0                   0                       0.0
    1  192.0.2.64             1                   0                       0.0
    """
    view = viewed(traffic)
    arrivals = {"transactions": _transaction_delays(view), "blocks": _block_delays(view)}
    parts = [_shares(rows[~rows["sent_before"]], name) for name, rows in arrivals.items()]
    stems = arrivals["transactions"]
    parts.append(stems.groupby(_SENDER, observed=True)["stem"].sum().rename("stems").to_frame())
    parts = [part.set_axis(_texts(part.index)) for part in parts]
    frame = pd.concat(parts, axis=1).sort_index()
    counts = [name for name in frame.columns if not name.endswith(("share", "median", "p90"))]
    shares = [name for name in frame.columns if name.endswith("share")]
    frame = frame.fillna(dict.fromkeys([*counts, *shares], 0)).astype(
        dict.fromkeys(counts, "int64")
    )
    return frame.rename_axis(_SENDER).reset_index()


@per_content("transactions", "blob_hash", order=())
def _transaction_delays(traffic: Traffic | View) -> pd.DataFrame:
    return transaction_arrivals_of(traffic, None)[[*_SENDER, *_DELAY, "stem"]]


@per_content("blocks", "blob_hash", order=())
def _block_delays(traffic: Traffic | View) -> pd.DataFrame:
    return _block_arrivals_of(traffic, None)[[*_SENDER, *_DELAY]]


@in_parts
@per_peer("message", tables=("connections", "messages", "transactions", "problems"))
def fluff_order(traffic: Traffic | View) -> pd.DataFrame:
    """Returns whether fluff 2002 messages of peers list their transactions as monerod does: in
    ascending order of their bytes, without repetition. One row per message with two or more
    transactions.

    - `message`, `peer`, `connection`, `time`, `file`, `frame`
    - `transactions` (int64)
    - `repeated` (int64): transactions whose blob occurred before in the message
    - `unsorted` (bool): a blob is less than the one before it

    Source: src/cryptonote_protocol/levin_notify.cpp fluff_flush: sorted since v0.16, unique since
    v0.18.3.4.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/testbed")
    >>> rows = mt.metrics.fluff_order(traffic)
    >>> rows[["peer", "transactions", "repeated", "unsorted"]].head(2)
                peer  transactions  repeated  unsorted
    0  198.19.67.139             2         0      True
    1  198.19.114.64             2         1     False
    """
    view = viewed(traffic)
    rows = view.transactions
    rows = rows[
        (rows["command"] == 2002)
        & (rows["direction"] == "received")
        & rows["fluff"].fillna(True).astype(bool)
    ]
    repeated = rows.duplicated(["message", "blob_hash"]) & rows["blob_hash"].notna()
    place = ["message", "peer", "connection", "time", "file", "frame"]
    falls = ~rows["ascending"].fillna(True).astype(bool)
    counts = (
        rows.assign(again=repeated, falls=falls)
        .groupby("message")
        .agg(transactions=("message", "size"), repeated=("again", "sum"), unsorted=("falls", "any"))
    )
    lists = rows[place].drop_duplicates("message").set_index("message").join(counts).reset_index()
    return (
        lists[lists["transactions"] > 1]
        .astype({"transactions": "int64", "repeated": "int64", "unsorted": "bool"})
        .reset_index(drop=True)
    )


def _arrivals(
    view: View, rows: pd.DataFrame, key: str, clocks: pd.DataFrame | None
) -> pd.DataFrame:
    """The first received row of each blob, vantage node and peer, ranked by time: those of each
    node by themselves, those of all together with `clocks`. `key` is the column of ids. Also
    `first`, the time of rank 1. In any order.
    """
    rows = rows[rows["blob_hash"].notna()]
    rows = rows.assign(vantage=view.vantage_of(rows["connection"]))
    at = ["blob_hash", "vantage"]
    if clocks is not None:
        rows = rows.assign(time=correct_times(rows["time"], rows["vantage"], clocks))
        rows = rows[rows["time"].notna()]
        at = ["blob_hash"]
    sent = rows[rows["direction"] == "sent"].groupby(at, observed=True)["time"].min()
    received = (
        rows[rows["direction"] == "received"]
        .sort_values(["time", "message", "position"], kind="stable")
        .drop_duplicates(["blob_hash", "vantage", "peer"])
    )
    groups = received.groupby(at, observed=True)
    first = groups["time"].transform("min")
    ours = sent.reindex(_index(received[at])).to_numpy(dtype="M8[ns]")
    arrivals = received.assign(
        rank=groups.cumcount().astype("int64") + 1,
        delay=received["time"] - first,
        sent_before=ours < first.to_numpy(dtype="M8[ns]"),
    )
    columns = [name if name != "stem" or name in arrivals else "height" for name in _ARRIVAL]
    return arrivals.assign(first=first)[[key, "blob_hash", *columns, "first"]]


def _in_order(rows: pd.DataFrame, key: str, clocks: pd.DataFrame | None) -> pd.DataFrame:
    """Arrivals in the order of the first one, then of texts."""
    at = {"vantage": rows["vantage"].cat.codes} if clocks is None else {}
    keys = pd.DataFrame(
        {
            "first": rows.pop("first"),
            "key": in_order_of_text(rows[key]),
            "blob_hash": in_order_of_text(rows["blob_hash"]),
            **at,
            "rank": rows["rank"],
        }
    )
    return rows.loc[keys.sort_values(list(keys), kind="stable").index].reset_index(drop=True)


def in_order_of_text(column: pd.Series) -> NDArray[np.int64]:
    """For each text of a categorical column a number that grows with the text, -1 for missing."""
    used = column.cat.remove_unused_categories()
    ranks = np.append(np.argsort(np.argsort(used.cat.categories.to_numpy(dtype=object))), -1)
    numbers: NDArray[np.int64] = ranks[used.cat.codes.to_numpy()]
    return numbers


def _index(rows: pd.DataFrame) -> pd.Index:
    return pd.MultiIndex.from_frame(rows) if rows.shape[1] > 1 else pd.Index(rows.iloc[:, 0])


def _texts(index: pd.Index) -> pd.MultiIndex:
    """Pairs of vantage node and peer as texts."""
    return pd.MultiIndex.from_frame(index.to_frame(index=False).astype(object).astype("str"))


def _shares(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    rows = rows.assign(leads=rows["rank"] == 1)
    groups = rows.groupby(_SENDER, observed=True)
    shares = groups.agg(sent=("leads", "size"), first=("leads", "sum"))
    total = shares["first"].groupby(level=0, observed=True).transform("sum")
    shares["share"] = shares["first"] / total.clip(lower=1)
    shares["median"], shares["p90"] = groups["delay"].median(), groups["delay"].quantile(0.9)
    names = {
        "sent": name,
        "first": f"{name}_first",
        "share": f"{name}_first_share",
        "median": f"{name}_delay_median",
        "p90": f"{name}_delay_p90",
    }
    return shares.rename(columns=names)
