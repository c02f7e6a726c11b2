"""How transactions and blocks reach the vantage node: who shows them first, and how they are
relayed.
"""

from __future__ import annotations

import pandas as pd

from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = ["block_arrivals", "first_senders", "fluff_order", "transaction_arrivals"]

_ARRIVAL = ["peer", "connection", "message", "time", "stem", "rank", "delay", "sent_before"]


def transaction_arrivals(traffic: Traffic | View) -> pd.DataFrame:
    """When each peer first sent each transaction in a 2002. One row per transaction id and peer
    (IP), the transactions in order of their first arrival.

    Columns: `tx`; `peer`, `connection`, `message` and `time` of the peer's first 2002 with it;
    `stem` (bool: dandelionpp_fluff was 0 there); `rank` (int64,
    from 1: which peer in order of time); `delay` (timedelta64[ns] since the first peer's);
    `sent_before` (bool: the vantage node
    had sent it to some peer before any sent it here, so nobody here was first).

    Source: src/cryptonote_protocol/levin_notify.cpp. `time` is when the first byte of the message
    arrived; the delay is that of the vantage node's view.
    """
    rows = viewed(traffic).transactions
    return _arrivals(
        rows[rows["command"] == 2002].assign(
            stem=lambda frame: frame["fluff"].eq(False).fillna(False).astype(bool)
        ),
        "tx",
    )


def block_arrivals(traffic: Traffic | View) -> pd.DataFrame:
    """When each peer first sent each block in a 2001 or 2008. One row per block id and peer (IP),
    like transaction_arrivals, with `block` instead
    of `tx` and `height` (UInt64) instead of `stem`.

    Source: src/cryptonote_protocol/cryptonote_protocol_handler.inl relay_block.
    """
    rows = viewed(traffic).blocks
    return _arrivals(rows[rows["command"].isin([2001, 2008])], "block")


def first_senders(traffic: Traffic | View) -> pd.DataFrame:
    """How often each peer was the first, and how far behind it is else. One row per peer (IP) that
    sent a transaction (2002) or block (2001, 2008).

    Columns, for `transactions` and then `blocks`, not counting those that the vantage node itself
    sent before: `transactions` (int64), distinct ones that
    the peer sent; `transactions_first` (int64) of them before every other peer;
    `transactions_first_share` (float64) = that ÷ all that peers sent;
    `transactions_delay_median`, `transactions_delay_p90` (timedelta64[ns], missing if none): of its
    delays behind the first.
    And `stems` (int64): transactions that it first sent as stem.

    A peer that is far more often the first than others with as many connections is near many
    origins, or is one.
    """
    view = viewed(traffic)
    arrivals = {"transactions": transaction_arrivals(view), "blocks": block_arrivals(view)}
    made = [_shares(rows[~rows["sent_before"]], name) for name, rows in arrivals.items()]
    by_text = arrivals["transactions"]["peer"].astype(str)
    made.append(arrivals["transactions"]["stem"].groupby(by_text).sum().rename("stems").to_frame())
    frame = pd.concat(made, axis=1).sort_index()
    counts = [name for name in frame.columns if not name.endswith(("share", "median", "p90"))]
    shares = [name for name in frame.columns if name.endswith("share")]
    frame = frame.fillna(dict.fromkeys([*counts, *shares], 0)).astype(
        dict.fromkeys(counts, "int64")
    )
    return frame.rename_axis("peer").reset_index()


def fluff_order(traffic: Traffic | View) -> pd.DataFrame:
    """Whether fluff 2002 messages of peers list their transactions as monerod does: ascending
    bytewise, none twice. One row per message with two or more.

    Columns: `message`, `peer`, `connection`, `time`, `file`, `frame`; `transactions` (int64);
    `repeated` (int64), of them with an id that came before in the
    message; `unsorted` (bool), some blob is less than the one before it.

    Source: src/cryptonote_protocol/levin_notify.cpp fluff_flush: sorted since v0.16, unique since
    v0.18.3.4.
    """
    view = viewed(traffic)
    rows = view.transactions
    rows = rows[
        (rows["command"] == 2002)
        & (rows["direction"] == "received")
        & rows["fluff"].fillna(True).astype(bool)
    ]
    again = rows["tx"].notna() & rows.duplicated(["message", "tx"])
    place = ["message", "peer", "connection", "time", "file", "frame"]
    falls = ~rows["ascending"].fillna(True).astype(bool)
    made = (
        rows.assign(again=again, falls=falls)
        .groupby("message")
        .agg(transactions=("message", "size"), repeated=("again", "sum"), unsorted=("falls", "any"))
    )
    made = rows[place].drop_duplicates("message").set_index("message").join(made).reset_index()
    return (
        made[made["transactions"] > 1]
        .astype({"transactions": "int64", "repeated": "int64", "unsorted": "bool"})
        .reset_index(drop=True)
    )


def _arrivals(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """The first of each key and peer among received rows, ranked by time."""
    rows = rows[rows[key].notna()]
    sent = rows[rows["direction"] == "sent"].groupby(key, observed=True)["time"].min()
    came = (
        rows[rows["direction"] == "received"]
        .sort_values(["time", "message"], kind="stable")
        .drop_duplicates([key, "peer"])
    )
    groups = came.groupby(key, observed=True)
    first = groups["time"].transform("min")
    ours = came[key].astype(object).map(dict(zip(sent.index.astype(object), sent, strict=True)))
    made = came.assign(
        rank=groups.cumcount().astype("int64") + 1,
        delay=came["time"] - first,
        sent_before=(pd.to_datetime(ours, utc=True) < first).to_numpy(),
    )
    made = made.assign(first=first).sort_values(
        ["first", key, "rank"], kind="stable", ignore_index=True
    )
    return made[[key, *(name if name != "stem" or name in made else "height" for name in _ARRIVAL)]]


def _shares(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    rows = rows.assign(leads=rows["rank"] == 1)
    groups = rows.groupby(rows["peer"].astype(str))
    made = groups.agg(sent=("leads", "size"), first=("leads", "sum"))
    made["share"] = made["first"] / max(int(rows["leads"].sum()), 1)
    made["median"], made["p90"] = groups["delay"].median(), groups["delay"].quantile(0.9)
    names = {
        "sent": name,
        "first": f"{name}_first",
        "share": f"{name}_first_share",
        "median": f"{name}_delay_median",
        "p90": f"{name}_delay_p90",
    }
    return made.rename(columns=names)
