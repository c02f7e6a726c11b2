"""Connections: durations, handshakes, pings, timed sync, requests and responses, slots.
docs/metrics/connections.md explains the terms.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.sources import in_parts
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import (
    View,
    per_peer,
    per_vantage,
    positions,
    viewed,
)

__all__ = [
    "CATEGORIES",
    "categories",
    "connection_table",
    "requests",
    "short_lived",
    "slot_holders",
    "slots",
    "sync_gaps",
    "sync_rhythm",
]

TICK = 60.0
"""Seconds between timed syncs of monerod (P2P_DEFAULT_HANDSHAKE_INTERVAL)."""

_TABLES = ("connections", "messages", "problems")
_SECOND = 1_000_000_000
_NEVER = np.iinfo(np.int64).max
_HOLE = 120 * _SECOND  # maximum time until a hole is declared lost (the limit hole_seconds)
# problems of the capture; the other kinds depend on what a peer sent
_UNSEEN = ("lost", "gap", "snapped", "conflict", "limit", "packet", "ip_fragment")


@in_parts
@per_peer("connection", tables=_TABLES)
def connection_table(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per connection of the vantage node. Unit: connection.

    - `connection`, `peer`, `direction`, `opened`, `closed`, `end`: as in the table connections
    - `seconds` (float64): from the first to the last packet
    - `established` (bool): the TCP handshake was captured completely
    - `whole` (bool): so was everything after it: no bytes were lost in either direction, no
      problem of the capture concerns the connection, and the clock never went back in it; False
      too if it began with TLS, or with the prefix of a proxy that hides who the peer is
    - `peer_bytes`, `own_bytes`, `peer_packets`, `own_packets` (int64)
    - `holes` (int64): ranges of the peer's stream that were not captured
    - `received`, `sent` (int64): messages of any status
    - `pings_received`, `pings_sent` (int64): 1003 requests
    - `initiative` (int64): requests and notifications of the peer, except 1001 and 1003 requests
    - `asked` (time): first complete 1001 request of the side that opened the connection, or NaT
    - `answered` (time): first complete 1001 response of the other side, or NaT
    - `handshake` (category): `none`; `cut`, an incomplete 1001 request; `asked`; `answered`
    - `last_received` (time): last byte of the peer's last message, or NaT

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.connection_table(traffic)[["peer", "direction", "end", "seconds"]].head(2)
               peer direction  end   seconds
    0    192.0.2.22  outgoing  fin  0.004327
    1  198.19.77.40  outgoing  fin  5.008581
    """
    view = viewed(traffic)
    rows = view.connections
    messages = view.messages
    table = rows[["connection", "peer", "direction", "opened", "closed", "end"]].copy()
    incoming = (rows["direction"] == "incoming").to_numpy()
    table["seconds"] = (rows["closed"] - rows["opened"]).dt.total_seconds()
    table["established"] = rows["rtt"].notna().to_numpy()
    table["whole"] = _whole(view) & table["established"].to_numpy()
    for name in ("bytes", "packets"):
        client, server = rows[f"client_{name}"].to_numpy(), rows[f"server_{name}"].to_numpy()
        table[f"peer_{name}"], table[f"own_{name}"] = (
            np.where(incoming, client, server),
            np.where(incoming, server, client),
        )

    table["holes"] = _holes(view, table)
    place = positions(rows["connection"].to_numpy(), messages["connection"].to_numpy())
    received = (messages["direction"] == "received").to_numpy()
    command = messages["command"].to_numpy()
    request, response = (
        (messages["kind"] == "request").to_numpy(),
        (messages["kind"] == "response").to_numpy(),
    )
    complete = (messages["status"] == "complete").to_numpy()
    by_client = messages["from_client"].to_numpy()
    initiative = (
        received
        & (request | (messages["kind"] == "notification").to_numpy())
        & ~np.isin(command, (1001, 1003))
    )

    counted = {
        "received": received,
        "sent": ~received,
        "pings_received": received & request & (command == 1003),
        "pings_sent": ~received & request & (command == 1003),
        "initiative": initiative,
    }
    for name, mask in counted.items():
        table[name] = np.bincount(place[mask], minlength=len(rows)).astype(np.int64)
    shakes = command == 1001
    table["asked"] = _first(
        messages["time"], place, shakes & request & by_client & complete, len(rows), rows.index
    )
    table["answered"] = _first(
        messages["time"], place, shakes & response & ~by_client & complete, len(rows), rows.index
    )
    begun = np.bincount(place[shakes & request & by_client], minlength=len(rows)) > 0
    codes = np.select(
        [table["answered"].notna() & table["asked"].notna(), table["asked"].notna(), begun],
        [3, 2, 1],
        0,
    )
    table["handshake"] = pd.Categorical.from_codes(
        codes, categories=["none", "cut", "asked", "answered"]
    )
    table["last_received"] = _last(messages["end_time"], place, received, len(rows), rows.index)
    return table.reset_index(drop=True)


def _whole(view: View) -> NDArray[np.bool_]:
    rows = view.connections
    problems = view.problems
    touched = problems.loc[problems["kind"].isin((*_UNSEEN, "tls")), "connection"]
    prefixed = problems.loc[problems["kind"] == "proxy_prefix", "connection"]
    named = rows["peer"] == rows["proxied_host"]
    hidden = rows["connection"].isin(prefixed) & ~named
    lost = (rows["client_lost"] > 0) | (rows["server_lost"] > 0) | rows["connection"].isin(touched)
    went_back = rows["connection"].isin(_clock_went_back(view))
    whole: NDArray[np.bool_] = ((rows["start"] == "syn") & ~lost & ~went_back & ~hidden).to_numpy()
    return whole


def _clock_went_back(view: View) -> NDArray[np.int64]:
    """Connections in which a message has an earlier time than one in an earlier packet of the same
    file: the clock was set, or the packets are not in the order in which they were recorded.
    """
    messages = view.messages[view.messages["time"].notna()]
    connection, file, frame = (
        messages[name].to_numpy(dtype=np.int64) for name in ("connection", "file", "frame")
    )
    order = np.lexsort((frame, file, connection))
    times = nanoseconds(messages["time"])[order]
    same = (np.diff(connection[order]) == 0) & (np.diff(file[order]) == 0)
    return np.unique(connection[order][1:][same & (np.diff(times) < 0)])


def _holes(view: View, table: pd.DataFrame) -> NDArray[np.int64]:
    problems = view.problems
    unseen = problems[problems["kind"].isin(_UNSEEN) & (problems["direction"] != "sent")]
    counts = np.bincount(
        positions(table["connection"].to_numpy(), unseen["connection"].to_numpy()),
        minlength=len(table),
    )
    rows = view.connections
    lost = np.where(table["direction"] == "incoming", rows["client_lost"], rows["server_lost"]) > 0
    holes: NDArray[np.int64] = np.maximum(counts, lost).astype(np.int64)
    return holes


def _first(
    times: pd.Series, place: NDArray[np.intp], mask: NDArray[np.bool_], count: int, index: pd.Index
) -> pd.Series:
    first = np.full(count, _NEVER)
    np.minimum.at(first, place[mask], nanoseconds(times)[mask])
    return _times(np.where(first == _NEVER, np.iinfo(np.int64).min, first), index)


def _last(
    times: pd.Series, place: NDArray[np.intp], mask: NDArray[np.bool_], count: int, index: pd.Index
) -> pd.Series:
    last = np.full(count, np.iinfo(np.int64).min)
    np.maximum.at(last, place[mask], nanoseconds(times)[mask])
    return _times(last, index)


def nanoseconds(times: pd.Series) -> NDArray[np.int64]:
    """Nanoseconds since 1970. A missing time is the smallest int64."""
    numbers: NDArray[np.int64] = times.to_numpy(dtype="datetime64[ns]").astype(np.int64)
    return numbers


def _times(numbers: NDArray[np.int64], index: pd.Index) -> pd.Series:
    return pd.Series(numbers.view("datetime64[ns]"), index=index).dt.tz_localize("UTC")


# ---- categories ----

CATEGORIES = (
    "unconnected",
    "no_byte",
    "no_levin",
    "ping_only",
    "handshake_and_close",
    "handshake_unfinished",
    "short",
    "long",
    "open",
)
"""Columns of categories().

>>> from monerotraffic import metrics
>>> metrics.CATEGORIES[-2:]
('long', 'open')
"""


@in_parts
@per_peer("connection", tables=_TABLES)
def categories(
    traffic: Traffic | View, short: float = 1.0, brief: float = 5.0, long: float = 600.0
) -> pd.DataFrame:
    """Returns one row per connection, with one bool column per category. A connection can be in
    several categories or in none. Unit: connection.

    - `connection`, `peer`, `direction`
    - `unconnected`: no TCP handshake and no payload
    - `no_byte`: a TCP handshake, and no payload in either direction
    - `no_levin`: payload, but no Levin message
    - `ping_only`: 1003 and no other command
    - `handshake_and_close`: a complete handshake, no further message of the peer, and a duration
      below `brief` seconds. monerod does this to peers of its gray list (src/p2p/net_node.inl
      check_connection_and_handshake_with_peer)
    - `handshake_unfinished`: a 1001 request, complete or not, without a response
    - `short`: below `short` seconds
    - `long`: `long` seconds or more
    - `open`: no end in the capture

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.categories(traffic)
    >>> rows[["peer", "direction", "unconnected", "no_byte"]].head(2)
               peer direction  unconnected  no_byte
    0    192.0.2.22  outgoing        False    False
    1  198.19.77.40  outgoing        False    False
    """
    table = connection_table(traffic)
    payload = table["peer_bytes"] + table["own_bytes"]
    messages = table["received"] + table["sent"]
    pings = table["pings_received"] + table["pings_sent"]
    view = viewed(traffic)
    others = view.messages.loc[view.messages["command"] != 1003, "connection"]
    table["unconnected"] = ~table["established"] & (payload == 0)
    table["no_byte"] = table["established"] & (payload == 0)
    table["no_levin"] = (payload > 0) & (messages == 0)
    table["ping_only"] = (pings > 0) & ~table["connection"].isin(others)
    table["handshake_and_close"] = (
        (table["handshake"] == "answered") & (table["initiative"] == 0) & (table["seconds"] < brief)
    )
    table["handshake_unfinished"] = table["handshake"].isin(["cut", "asked"])
    table["short"], table["long"] = table["seconds"] < short, table["seconds"] >= long
    table["open"] = table["end"] == "open"
    return table[["connection", "peer", "direction", *CATEGORIES]]


@in_parts
@per_vantage
def short_lived(
    traffic: Traffic | View, seconds: float = 1.0, from_answer: bool = False
) -> pd.DataFrame:
    """Returns one row per host with incoming connections of less than `seconds` with a complete
    handshake. Unit: connection.

    - `vantage` (category): name of the vantage node, its address without names
    - `peer`
    - `connections` (int64)
    - `median` (float64): median duration in seconds, from the first to the last packet
    - `interval` (float64): median of the seconds between their openings
    - `first`, `last` (time): first and last opening

    With `from_answer` the duration begins with the 1001 response of the vantage node, which can be
    late.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.short_lived(traffic)[["peer", "connections", "median"]].head(2)
                peer  connections    median
    0  198.19.166.74            1  0.004794
    1  198.18.160.70            2  0.374034
    """
    rows = short_lived_connections(connection_table(traffic), seconds, from_answer).sort_values(
        "opened", kind="stable"
    )
    rows = rows.assign(
        interval=rows.groupby("peer", observed=True)["opened"].diff().dt.total_seconds()
    )
    groups = rows.groupby("peer", observed=True, sort=True)
    return groups.agg(
        connections=("connection", "size"),
        median=("seconds", "median"),
        interval=("interval", "median"),
        first=("opened", "min"),
        last=("opened", "max"),
    ).reset_index()


def short_lived_connections(table: pd.DataFrame, seconds: float, from_answer: bool) -> pd.DataFrame:
    """Returns the rows of connection_table that short_lived counts."""
    lasted = (
        (table["closed"] - table["answered"]).dt.total_seconds()
        if from_answer
        else table["seconds"]
    )
    return table[
        (table["direction"] == "incoming")
        & (table["handshake"] == "answered")
        & (lasted >= 0)  # else the clock was set back
        & (lasted < seconds)
        & (table["end"] != "open")
    ]


# ---- requests and responses ----


@in_parts
@per_peer("message", tables=_TABLES)
def requests(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per Levin request (1001, 1002, 1003, 1007, unknown commands) of either side,
    with its response. Unit: message.

    - `message`, `connection`, `peer`, `direction` (sent or received), `command`, `status`, `time`,
      `file`, `frame`: of the request
    - `answer` (Int64): message id of the response, missing without one
    - `answered` (time): first byte of the response
    - `seconds` (float64): from the first byte of the request to the first byte of the response. For
      a request of a peer this is the response time of the vantage node; for its own requests it is
      the round trip and the response time of the peer

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.requests(traffic)[["peer", "direction", "command", "status"]].head(2)
               peer direction  command    status
    0    192.0.2.22      sent     1003  complete
    1  198.19.77.40      sent     1001  complete
    """
    view = viewed(traffic)
    messages = view.messages
    rows = messages[messages["kind"] == "request"]
    replies = messages[messages["reply_to"] >= 0].drop_duplicates("reply_to").set_index("reply_to")
    at = replies.index.get_indexer(rows["message"])
    table = rows[
        ["message", "connection", "peer", "direction", "command", "status", "time", "file", "frame"]
    ].copy()
    table["answer"] = replies["message"].astype("Int64").array.take(at, allow_fill=True)
    table["answered"] = replies["time"].array.take(at, allow_fill=True)
    table["seconds"] = (table["answered"] - table["time"]).dt.total_seconds()
    return table.reset_index(drop=True)


# ---- timed sync ----


@in_parts
@per_peer("message", tables=_TABLES)
def sync_gaps(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per 1002 request, except the first of each connection and direction, with the
    time since the request before. Unit: gap.

    - `message`, `connection`, `peer`, `direction`, `time`, `file`, `frame`: of the later request
    - `seconds` (float64)
    - `disturbed` (bool): a part of that direction may not have been captured during the gap, so a
      request may be missing
    - `early` (bool): the later request was sent before the response to the earlier one, which was
      sent after it

    monerod ticks for all connections at once when more than 60 s passed since the last tick
    (src/p2p/net_node.inl idle_worker). Cuprate ticks every 61 s.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.sync_gaps(traffic)[["peer", "direction", "seconds", "early"]].head(2)
               peer direction    seconds  early
    0  198.18.30.53  received  30.311190  False
    1  198.18.30.53  received  25.237795  False
    """
    view = viewed(traffic)
    asked = requests(view)
    rows = asked[asked["command"] == 1002].sort_values(
        ["connection", "direction", "time", "message"], kind="stable"
    )
    groups = rows.groupby(["connection", "direction"], observed=True, sort=False)
    before = groups["time"].shift()
    table = rows[["message", "connection", "peer", "direction", "time", "file", "frame"]].copy()
    seconds = (rows["time"] - before).dt.total_seconds()
    table["seconds"] = seconds.where(seconds >= 0)  # the clock was set back
    table["early"] = (groups["answer"].shift() > rows["message"]).fillna(False).to_numpy(
        dtype=bool
    ) & (groups["answered"].shift() > rows["time"]).to_numpy()
    table["disturbed"] = False
    for direction in ("received", "sent"):
        way = rows["direction"] == direction
        table.loc[way, "disturbed"] = _disturbed(
            view, direction, rows.loc[way, "connection"], before[way], rows.loc[way, "time"]
        )
    return table[table["seconds"].notna()].sort_values("message", ignore_index=True)


def _disturbed(
    view: View, direction: str, connections: pd.Series, since: pd.Series, until: pd.Series
) -> NDArray[np.bool_]:
    """Whether a part of this direction of each connection may not have been captured between the
    two times. If the time of a loss is unknown, the whole connection is disturbed.

    A hole is listed in `problems` with the time at which it was declared lost, so later rows are
    included too.
    """
    rows, problems = view.connections, view.problems
    problems = problems[
        problems["kind"].isin(_UNSEEN)
        & ((problems["direction"] == direction) | problems["direction"].isna())
    ]
    where = np.sort(_keys(problems["connection"], problems["time"]), order=["connection", "time"])
    low = np.searchsorted(where, _keys(connections, since), side="left")
    high = np.searchsorted(where, _keys(connections, until, _HOLE), side="right")
    by_client = (rows["direction"] == "incoming") == (direction == "received")
    losing = rows.loc[
        np.where(by_client, rows["client_lost"], rows["server_lost"]) > 0, "connection"
    ]
    undated = losing[~losing.isin(problems["connection"])]
    disturbed: NDArray[np.bool_] = (high > low) | connections.isin(undated).to_numpy()
    return disturbed


def _keys(connections: pd.Series, times: pd.Series, later: int = 0) -> NDArray[np.void]:
    table = np.empty(len(connections), dtype=[("connection", "i8"), ("time", "i8")])
    table["connection"], table["time"] = connections.to_numpy(), nanoseconds(times) + later
    return table


@in_parts
@per_peer("connection", tables=_TABLES)
def sync_rhythm(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per connection and direction with 1002 requests. Unit: connection and
    direction.

    - `connection`, `peer`, `direction`
    - `requests` (int64)
    - `gaps` (int64): undisturbed gaps, the basis of the next columns
    - `median`, `mean`, `min`, `max`, `deviation` (float64): seconds
    - `phase` (float64): circular mean of the requests' times modulo 60 s
    - `concentration` (float64, 0 to 1): length of that mean; 1 if all requests have the same phase,
      low if the period is not 60 s or varies
    - `first`, `last` (time)

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.sync_rhythm(traffic)[["peer", "direction", "requests", "gaps"]].head(2)
                 peer direction  requests  gaps
    0  198.18.155.221  received         1     0
    1    198.18.30.53      sent         1     0
    """
    view = viewed(traffic)
    messages = view.messages
    rows = messages[(messages["command"] == 1002) & (messages["kind"] == "request")]
    turn = np.exp(2j * np.pi * (nanoseconds(rows["time"]) % int(TICK * _SECOND)) / (TICK * _SECOND))
    keys = ["connection", "direction"]
    frame = rows[["connection", "peer", "direction", "time"]].assign(x=turn.real, y=turn.imag)
    groups = frame.groupby(keys, observed=True, sort=True)
    table = groups.agg(
        peer=("peer", "first"),
        requests=("time", "size"),
        x=("x", "mean"),
        y=("y", "mean"),
        first=("time", "min"),
        last=("time", "max"),
    )
    gaps = sync_gaps(view)
    of_gaps = gaps[~gaps["disturbed"]].groupby(keys, observed=True)["seconds"]
    statistics = of_gaps.agg(["size", "median", "mean", "min", "max", "std"]).rename(
        columns={"size": "gaps", "std": "deviation"}
    )
    table = table.join(statistics).reset_index()
    table["gaps"] = table["gaps"].fillna(0).astype("int64")
    table["phase"] = (np.arctan2(table["y"], table["x"]) % (2 * np.pi)) / (2 * np.pi) * TICK
    table["concentration"] = np.hypot(table["x"], table["y"])
    columns = [
        "connection",
        "peer",
        "direction",
        "requests",
        "gaps",
        "median",
        "mean",
        "min",
        "max",
        "deviation",
        "phase",
        "concentration",
        "first",
        "last",
    ]
    return table[columns]


# ---- slots ----


@in_parts
@per_vantage
def slots(
    traffic: Traffic | View, groups: Mapping[str, str] | None = None, direction: str = "incoming"
) -> pd.DataFrame:
    """Returns the number of open connections over time by class of peer, with one row per class and
    moment at which the number changed. Unit: connection.

    - `vantage` (category): name of the vantage node, its address without names
    - `time`
    - `group`: value of `groups` for the peer, `other` for peers without one
    - `open` (int64): open connections of that class from then on

    Only connections that were established, or that began before the capture, count. A connection
    without an end in the capture counts until its last packet.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.slots(traffic)[["group", "open"]].head(2)
       group  open
    0  other     1
    1  other     2
    """
    rows = held_connections(viewed(traffic), direction)
    names = rows["peer"].astype(object).map(dict(groups or {})).astype(object).fillna("other")
    changes = pd.concat(
        [
            pd.DataFrame({"time": rows["opened"], "group": names, "open": 1}),
            pd.DataFrame({"time": rows["closed"], "group": names, "open": -1}),
        ]
    )
    table = changes.groupby(["group", "time"], sort=True)["open"].sum().reset_index()
    table["open"] = table.groupby("group")["open"].cumsum().astype("int64")
    return table.sort_values(["time", "group"], kind="stable", ignore_index=True)[
        ["time", "group", "open"]
    ]


@in_parts
@per_vantage
def slot_holders(traffic: Traffic | View, direction: str = "incoming") -> pd.DataFrame:
    """Returns one row per peer, the longest holder of slots first. Unit: IP address.

    - `vantage` (category): name of the vantage node, its address without names
    - `peer`
    - `connections` (int64)
    - `seconds` (float64): sum over its connections
    - `share` (float64): of the seconds of all peers
    - `most` (int64): maximum number of its connections at one time

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.slot_holders(traffic)[["peer", "connections", "seconds", "share"]].head(2)
                 peer  connections     seconds     share
    0  198.19.119.116            2  120.024923  0.185156
    1    198.18.30.53            2  120.016526  0.185143
    """
    view = viewed(traffic)
    rows = held_connections(view, direction)
    seconds = (rows["closed"] - rows["opened"]).dt.total_seconds()
    held = (
        rows.assign(seconds=seconds)
        .groupby("peer", observed=True)
        .agg(connections=("connection", "size"), seconds=("seconds", "sum"))
        .reset_index()
    )
    peers = {str(peer): str(peer) for peer in held["peer"]}
    most = slots(view, peers, direction).groupby("group")["open"].max()
    held["share"] = held["seconds"] / held["seconds"].sum()
    # 0: only connections with a single packet
    held["most"] = held["peer"].astype(object).map(most).fillna(0).astype("int64")
    return held.sort_values(
        ["seconds", "connections"], ascending=False, kind="stable", ignore_index=True
    )


def held_connections(view: View, direction: str) -> pd.DataFrame:
    """Connections that held a slot: established, or begun before the capture."""
    rows = view.connections
    return rows[
        (rows["direction"] == direction)
        & (rows["rtt"].notna() | (rows["start"] == "midstream"))
        & rows["opened"].notna()
    ]
