"""Stem transactions of Dandelion++: which peers received them from the vantage node or sent them to
it, and what peers could learn of own transactions. docs/metrics/stems.md explains the terms.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from monerotraffic.metrics.exposure import Members, is_member
from monerotraffic.metrics.sources import in_parts
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import (
    View,
    once_per_view,
    packet_order,
    per_content,
    per_peer,
    per_vantage,
    viewed,
)

__all__ = ["dandelion_epochs", "own_transactions", "stems_received", "stems_sent"]

_STEM = ["tx", "peer", "connection", "message", "time"]
_STEMS = 2
"""Outgoing connections of an epoch (CRYPTONOTE_DANDELIONPP_STEMS)."""
_FEWEST_PEERS = 3
"""Peers of which one can be the source of a stem and two the stem peers of the epoch."""
UNKNOWN = ("few_peers", "no_relays")
"""Why a capture cannot show to which peers the node relays what."""
_FLUFFED = pd.Timedelta(seconds=15)
"""A received stem that was not passed on is fluffed at the next flush of each connection, of which
one of twelve comes within this time."""


@once_per_view
def _relays(traffic: Traffic | View) -> pd.DataFrame:
    """2002 rows with an id, in order of time; `stem` (bool): passed on in the stem phase. For a
    group of transactions, `_complements` of all messages must have been computed before.
    """
    view = viewed(traffic)
    rows = view.transactions
    rows = rows[(rows["command"] == 2002) & rows["tx"].notna() & rows["time"].notna()]
    columns = [*_STEM, "direction", "fluff", "position"]
    order = ["time", "message", "position"]
    rows = rows[columns].sort_values(order, kind="stable", ignore_index=True)
    flagged = rows["fluff"].eq(False).fillna(False).astype(bool)
    # stems are sent by the end that opened the connection
    opened = view.ends["direction"].reindex(rows["connection"]).to_numpy()
    by_client = (opened == "outgoing") == (rows["direction"] == "sent").to_numpy()
    answers = rows["message"].isin(_complements(view.whole)["message"])
    rows["stem"] = flagged & by_client & ~answers
    rows["fluff"] = ~flagged
    return rows


@per_peer("message", tables=("connections", "messages", "transactions", "problems"))
def _complements(traffic: Traffic | View) -> pd.DataFrame:
    """The 2002 messages that answer a 2010: the first one flagged as stem after each 2010 of the
    other end.
    """
    view = viewed(traffic)
    messages = view.messages
    stems = view.transactions
    flagged = stems["fluff"].eq(False).fillna(False).astype(bool)
    stems = stems[(stems["command"] == 2002) & flagged & stems["tx"].notna()]
    stems = stems[stems["time"].notna()].sort_values(["time", "message"], kind="stable")
    asked = messages[messages["command"] == 2010]
    asks = pd.DataFrame(
        {
            "connection": asked["connection"],
            "sent": (asked["direction"] == "sent").to_numpy(),
            "order": packet_order(asked),
            "message": -1,
        }
    )
    answers = stems.drop_duplicates("message")
    answers = pd.DataFrame(
        {
            "connection": answers["connection"],
            "sent": (answers["direction"] != "sent").to_numpy(),
            "order": packet_order(answers),
            "message": answers["message"],
        }
    )
    both = pd.concat([asks, answers], ignore_index=True).sort_values("order", kind="stable")
    before = both.groupby(["connection", "sent"])["message"].shift()
    answering = both.loc[(both["message"] >= 0) & (before == -1), ["message"]]
    return answering.sort_values("message", ignore_index=True)


def _firsts(rows: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """The first row of each transaction (the index), with these columns under new names."""
    return rows.drop_duplicates("tx").set_index("tx")[list(names)].rename(columns=names)


@in_parts
@per_vantage
def stems_sent(traffic: Traffic | View, spies: Members = ()) -> pd.DataFrame:
    """Returns the transactions that the vantage node originated or relayed in the stem phase (sent
    in a 2002 with `dandelionpp_fluff` 0 on an outgoing connection). One row per transaction and
    outgoing peer, in order of time. Unit: transaction.

    - `vantage` (category)
    - `tx`, `peer` (category), `connection`, `message`, `time`: of the first such 2002 to the peer
    - `to_spy` (bool): the peer is one of `spies` (addresses, or a BanList)
    - `source` (category): the peer that had sent the transaction to the node before, missing if no
      peer had: the node originated it, or its arrival was not captured
    - `source_connection` (Int64)
    - `held` (timedelta): time since it arrived from there
    - `fluff_peer` (category), `fluff_delay` (timedelta): the first peer that sent it back in the
      fluff phase, and the time until then; missing if none did
    - `own_fluff_delay` (timedelta): time until the node itself sent it in the fluff phase
    - `embargo` (timedelta): that time, if no peer had sent it back before: the embargo timer ran
      out (mean 39 s), because the stem did not reach a node that fluffs, or the stem came back

    A 2002 that answers a 2010 has the flag too and is left out. Peers at loopback addresses (Tor,
    I2P) always receive transactions as stem.

    Source: src/cryptonote_protocol/levin_notify.cpp; src/net/dandelionpp.cpp.

        >>> import monerotraffic as mt
        >>> stems = mt.metrics.stems_sent(mt.read("tests/data/honest"))
        >>> len(stems), int(stems["source"].isna().sum())
        (7, 7)
    """
    view = viewed(traffic)
    table = _stems_sent(_prepared(view)).drop(columns="position")
    spy = is_member(view.addresses.text, spies)
    table.insert(len(_STEM), "to_spy", spy[table["peer"].cat.codes.to_numpy()])
    return table


def _prepared(view: View) -> View:
    """The View, with what groups of transactions need of all messages."""
    _complements(view.whole)
    return view


@per_content("transactions", "tx", order=("time", "message", "position"))
def _stems_sent(traffic: Traffic | View) -> pd.DataFrame:
    rows = _relays(traffic)
    sent, received = rows["direction"] == "sent", rows["direction"] == "received"
    table = rows.loc[sent & rows["stem"], [*_STEM, "position"]].drop_duplicates(["tx", "peer"])
    origin = {"peer": "source", "connection": "source_connection", "time": "arrived"}
    table = table.join(_firsts(rows[received], origin), on="tx")
    unknown = ~(table["arrived"] < table["time"])
    table["source"] = table["source"].where(~unknown)
    table["source_connection"] = table["source_connection"].where(~unknown).astype("Int64")
    table["held"] = (table["time"] - table.pop("arrived")).where(~unknown)
    back = _firsts(rows[received & rows["fluff"]], {"peer": "fluff_peer", "time": "back"})
    ours = _firsts(rows[sent & rows["fluff"]], {"time": "ours"})
    table = table.join(back, on="tx").join(ours, on="tx")
    table["fluff_delay"] = table["back"] - table["time"]
    table["own_fluff_delay"] = table["ours"] - table["time"]
    alone = table["ours"].notna() & ~(table["back"] < table["ours"])
    table["embargo"] = table["own_fluff_delay"].where(alone)
    columns = [
        *(*_STEM, "source", "source_connection", "held"),
        *("position", "fluff_peer", "fluff_delay", "own_fluff_delay", "embargo"),
    ]
    return table[columns].reset_index(drop=True)


@in_parts
@per_vantage
def stems_received(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the transactions that peers sent to the vantage node in the stem phase (a 2002 with
    `dandelionpp_fluff` 0 on an incoming connection). One row per transaction and peer, in order of
    time. Unit: transaction.

    - `vantage` (category)
    - `tx`, `peer` (category), `connection`, `message`, `time`: of the first such 2002 of the peer
    - `next_peer` (category), `next_delay` (timedelta): the peer that the node passed it on to as a
      stem, and the time until then; missing if it did not
    - `fluff_delay` (timedelta): time until the node sent it in the fluff phase
    - `fluffed_at_once` (boolean): it did not pass it on as a stem, and fluffed it within 15 s: its
      epoch is a fluff epoch (one of five); missing if the capture cannot show that
    - `unknown` (category): why it cannot: `few_peers`, it has messages of fewer than three peers,
      as one that was filtered by address; `no_relays`, the node sent a 2002 to fewer than two
    - `peer_fluff_delay` (timedelta): time until the peer itself sent it in the fluff phase, if it
      was the first peer to do so: its embargo timer ran out, or the stem came back to it

    Source: as stems_sent.

        >>> import monerotraffic as mt
        >>> stems = mt.metrics.stems_received(mt.read("tests/data/honest"))
        >>> len(stems), int(stems["fluffed_at_once"].sum())
        (9, 8)
    """
    view = viewed(traffic)
    table = _stems_received(_prepared(view)).drop(columns="position")
    unknown = _unknown(view)
    table["fluffed_at_once"] = table["fluffed_at_once"].astype("boolean")
    if unknown:
        table["fluffed_at_once"] = table["fluffed_at_once"].mask(table["time"].notna())
    return table.assign(unknown=pd.Categorical([unknown] * len(table), categories=UNKNOWN))


def _unknown(view: View) -> str | None:
    """Why the capture cannot show to which peers the node relays what, None if it can."""
    peers = _relaying(view)
    if len(peers) < _FEWEST_PEERS:
        return "few_peers"
    return "no_relays" if peers["relayed"].sum() < _STEMS else None


@per_peer("peer", tables=("connections", "messages", "problems"))
def _relaying(traffic: Traffic | View) -> pd.DataFrame:
    """The peers with messages, and whether the node sent a 2002 to each."""
    messages = viewed(traffic).messages
    relayed = (messages["command"] == 2002) & (messages["direction"] == "sent")
    peers = relayed.groupby(messages["peer"], observed=True).any()
    return peers.rename("relayed").reset_index()


@per_content("transactions", "tx", order=("time", "message", "position"))
def _stems_received(traffic: Traffic | View) -> pd.DataFrame:
    rows = _relays(traffic)
    sent, received = rows["direction"] == "sent", rows["direction"] == "received"
    table = rows.loc[received & rows["stem"], [*_STEM, "position"]].drop_duplicates(["tx", "peer"])
    passed = _firsts(rows[sent & rows["stem"]], {"peer": "next_peer", "time": "passed"})
    ours = _firsts(rows[sent & rows["fluff"]], {"time": "ours"})
    back = _firsts(rows[received & rows["fluff"]], {"peer": "back_peer", "time": "back"})
    table = table.join(passed, on="tx").join(ours, on="tx").join(back, on="tx")
    table["next_delay"] = table["passed"] - table["time"]
    table["fluff_delay"] = table["ours"] - table["time"]
    quick = (table["fluff_delay"] >= pd.Timedelta(0)) & (table["fluff_delay"] <= _FLUFFED)
    table["fluffed_at_once"] = table["passed"].isna() & quick
    same = table["back_peer"].astype(object) == table["peer"].astype(object)
    table["peer_fluff_delay"] = (table["back"] - table["time"]).where(same)
    columns = [
        *(*_STEM, "next_peer", "next_delay"),
        *("position", "fluff_delay", "fluffed_at_once", "peer_fluff_delay"),
    ]
    return table[columns].reset_index(drop=True)


@in_parts
def own_transactions(
    traffic: Traffic | View, own: Iterable[str], spies: Members = ()
) -> pd.DataFrame:
    """Returns what peers could have learnt of own transactions. One row per transaction, vantage
    node and peer that sent or received it, in order of time. Unit: transaction and peer.

    Parameters
    ----------
    own
        Ids of your transactions, as hex.
    spies
        Addresses, or a BanList: peers whose knowledge matters most.

    - `tx` (object), `vantage`, `peer` (category)
    - `spy` (bool): the peer is one of `spies`
    - `learnt` (category): `stem`, the node sent the transaction to the peer in the stem phase, so
      that it is the origin or one of few on the way from it; `fluff`, in the fluff phase;
      `nothing`, the peer sent it to the node first
    - `time` (time): of the first 2002 with the transaction between the two
    - `delay` (timedelta): time since the first 2002 of the node with the transaction; negative if
      the peer sent it before
    - `order` (int64): number of the peer in order of time, from 1, among all peers of the node

    A transaction without rows was not seen. Without stem rows, the first peers in the fluff phase
    know most: they can take the node for the origin (first-spy estimator).

    Raises ValueError for an id that is not 64 hex digits.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> own = mt.metrics.stems_sent(traffic)["tx"].iloc[:1]
        >>> mt.metrics.own_transactions(traffic, own)["learnt"].astype(str).tolist()
        ['stem', 'nothing', 'fluff', 'fluff', 'fluff', 'fluff', 'fluff']
    """
    ids = [text.lower() for text in own]
    for text in ids:
        if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
            raise ValueError(f"{text!r} is not the id of a transaction: 64 hex digits")
    return _own(traffic, tuple(dict.fromkeys(ids)), spies)


@per_vantage
def _own(traffic: Traffic | View, ids: tuple[str, ...], spies: Members) -> pd.DataFrame:
    view = viewed(traffic)
    table = _learnt(_prepared(view), ids).drop(columns=["message", "position"])
    spy = is_member(view.addresses.text, spies)
    table.insert(2, "spy", spy[table["peer"].cat.codes.to_numpy()])
    return table.astype({"tx": object})


@per_content("transactions", "tx", order=("time", "message", "position"))
def _learnt(traffic: Traffic | View, ids: tuple[str, ...]) -> pd.DataFrame:
    rows = _relays(traffic)
    rows = rows[rows["tx"].isin(ids)]
    first = rows[rows["direction"] == "sent"].drop_duplicates("tx").set_index("tx")["time"]
    table = rows.drop_duplicates(["tx", "peer"]).copy()
    stem = rows[(rows["direction"] == "sent") & rows["stem"]]
    as_stem = pd.MultiIndex.from_frame(table[["tx", "peer"]]).isin(
        pd.MultiIndex.from_frame(stem[["tx", "peer"]])
    )
    codes = np.select([as_stem, table["direction"] == "sent"], [0, 1], 2)
    table["learnt"] = pd.Categorical.from_codes(codes, categories=["stem", "fluff", "nothing"])
    table["delay"] = table["time"] - first.reindex(table["tx"]).set_axis(table.index)
    table["order"] = table.groupby("tx", observed=True).cumcount().astype("int64") + 1
    columns = ["tx", "peer", "learnt", "time", "delay", "order", "message", "position"]
    return table[columns].reset_index(drop=True)


@in_parts
@per_vantage
def dandelion_epochs(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the epochs of Dandelion++ that stems of the vantage node show. One row per epoch, in
    order of time. Unit: epoch.

    - `vantage` (category)
    - `first`, `last` (time): of the stems of the node and of the received ones that it fluffed
    - `kind` (category): `stem`, or `fluff` if it fluffed all received stems at once; own
      transactions are sent as stems in both
    - `transactions` (int64): stems that it sent
    - `out_degree` (Int64): outgoing connections that it sent them to, at most two
    - `sources` (Int64): sources of the stems: connections, and the node itself
    - `in_degree` (Int64): incoming connections that sent stems to it in this time
    - `peers` (object): list of the outgoing peers
    - `unknown` (category): why the capture cannot show the epochs, as in stems_received: the kind
      and the three numbers before are missing then, and several epochs can be one row

    An epoch has two outgoing connections, and each source has one of them. So a new epoch begins
    with a stem that no longer fits: a third connection, another one for the same source, a fluffed
    stem after a relayed one or the reverse. Epochs in which all fits are one here, so each is at
    least as long as the true one (10 minutes and 0 to 30 seconds) unless a stem connection closed
    and was replaced.

        >>> import monerotraffic as mt
        >>> epochs = mt.metrics.dandelion_epochs(mt.read("tests/data/honest"))
        >>> epochs[["kind", "transactions", "out_degree", "sources", "in_degree"]]
            kind  transactions  out_degree  sources  in_degree
        0  fluff             7           1        1          2
    """
    view = viewed(traffic)
    sent, received = stems_sent(view), stems_received(view)
    events = pd.concat(
        [
            pd.DataFrame(
                {
                    "time": sent["time"],
                    "source": sent["source_connection"].astype("Int64").fillna(-1),
                    "to": sent["connection"],
                    "peer": sent["peer"].astype(object),
                }
            ),
            pd.DataFrame(
                {"time": received["time"], "source": received["connection"], "to": -1, "peer": None}
            )[received["fluffed_at_once"].fillna(False).to_numpy(dtype=bool)],
        ],
        ignore_index=True,
    ).sort_values("time", kind="stable")
    table = _epoch_rows(_segments(events), received)
    unknown = _unknown(view)
    counts = ["out_degree", "sources", "in_degree"]
    table = table.astype(dict.fromkeys(counts, "Int64"))
    if unknown:
        table[["kind", *counts]] = table[["kind", *counts]].mask(table["first"].notna())
    return table.assign(unknown=pd.Categorical([unknown] * len(table), categories=UNKNOWN))


def _segments(events: pd.DataFrame) -> list[pd.DataFrame]:
    """Events divided where one does not fit the ones before it."""
    begins: list[int] = []
    sources: dict[int, int] = {}
    targets: set[int] = set()
    fluffs: bool | None = None
    columns = (events["source"].tolist(), events["to"].tolist())
    for place, (source, to) in enumerate(zip(*columns, strict=True)):
        relayed = to >= 0
        fits = bool(begins) and (
            (not relayed or len(targets | {to}) <= _STEMS)
            and sources.get(source, to) == to
            and (source == -1 or fluffs is None or fluffs == (not relayed))
        )
        if not fits:
            begins.append(place)
            sources, targets, fluffs = {}, set(), None
        sources[source] = to
        targets |= {to} if relayed else set()
        if source != -1:
            fluffs = not relayed
    ends = [*begins, len(events)][1:]
    return [events.iloc[begin:end] for begin, end in zip(begins, ends, strict=True)]


def _epoch_rows(segments: list[pd.DataFrame], received: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for part in segments:
        first, last = part["time"].iloc[0], part["time"].iloc[-1]
        relayed = part[part["to"] >= 0]
        within = received[received["time"].between(first, last)]
        rows.append(
            (
                first,
                last,
                "fluff" if (part["to"] < 0).any() else "stem",
                len(relayed),
                relayed["to"].nunique(),
                relayed["source"].nunique(),
                within["connection"].nunique(),
                list(dict.fromkeys(relayed["peer"])),
            )
        )
    columns = ["first", "last", "kind", "transactions", "out_degree", "sources", "in_degree"]
    table = pd.DataFrame(rows, columns=[*columns, "peers"])
    times = dict.fromkeys(("first", "last"), "datetime64[ns, UTC]")
    counts = dict.fromkeys(columns[3:], "int64")
    table["kind"] = pd.Categorical(table["kind"], categories=["stem", "fluff"])
    return table.astype({**times, **counts, "peers": object})
