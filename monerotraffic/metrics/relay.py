"""How transactions and blocks reach the vantage node: which peers send them first, and how they are
relayed.
"""

from __future__ import annotations

import pandas as pd

from monerotraffic.metrics.clocks import correct_times
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = ["block_arrivals", "first_senders", "fluff_order", "transaction_arrivals"]

_ARRIVAL = [
    *("vantage", "peer", "connection", "message", "time", "stem", "rank", "delay", "sent_before")
]


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
    view = viewed(traffic)
    rows = view.transactions
    return _arrivals(
        view,
        rows[rows["command"] == 2002].assign(
            stem=lambda frame: frame["fluff"].eq(False).fillna(False).astype(bool)
        ),
        "tx",
        clocks,
    )


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
    view = viewed(traffic)
    rows = view.blocks
    return _arrivals(view, rows[rows["command"].isin([2001, 2008])], "block", clocks)


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
    arrivals = {"transactions": transaction_arrivals(view), "blocks": block_arrivals(view)}
    parts = [_shares(rows[~rows["sent_before"]], name) for name, rows in arrivals.items()]
    stems = arrivals["transactions"]
    parts.append(stems["stem"].groupby(_keys(stems)).sum().rename("stems").to_frame())
    frame = pd.concat(parts, axis=1).sort_index()
    counts = [name for name in frame.columns if not name.endswith(("share", "median", "p90"))]
    shares = [name for name in frame.columns if name.endswith("share")]
    frame = frame.fillna(dict.fromkeys([*counts, *shares], 0)).astype(
        dict.fromkeys(counts, "int64")
    )
    return frame.rename_axis(["vantage", "peer"]).reset_index()


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
    node by themselves, those of all together with `clocks`. `key` is the column of ids.
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
        .sort_values(["time", "message"], kind="stable")
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
    arrivals = arrivals.assign(first=first).sort_values(
        ["first", key, *at, "rank"], kind="stable", ignore_index=True
    )
    columns = [name if name != "stem" or name in arrivals else "height" for name in _ARRIVAL]
    return arrivals[[key, "blob_hash", *columns]]


def _index(rows: pd.DataFrame) -> pd.Index:
    return pd.MultiIndex.from_frame(rows) if rows.shape[1] > 1 else pd.Index(rows.iloc[:, 0])


def _keys(rows: pd.DataFrame) -> list[pd.Series]:
    """Vantage node and peer as texts, by which rows are grouped."""
    return [rows["vantage"].astype(str), rows["peer"].astype(str)]


def _shares(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    rows = rows.assign(leads=rows["rank"] == 1)
    groups = rows.groupby(_keys(rows))
    shares = groups.agg(sent=("leads", "size"), first=("leads", "sum"))
    total = shares["first"].groupby(level=0).transform("sum")
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
