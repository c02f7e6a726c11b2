"""Connections: how long, how far the handshake got, pings, timed sync, requests and answers, slots.
docs/metrics/connections.md defines each.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, once_per_view, positions, viewed

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

_SECOND = 1_000_000_000
_NEVER = np.iinfo(np.int64).max
_HOLE = 120 * _SECOND  # a hole is told as much later at most (the limit hole_seconds)
# problems of the capture; the others are what a peer sent
_UNSEEN = ("lost", "gap", "snapped", "conflict", "limit", "packet", "ip_fragment")


@once_per_view
def connection_table(traffic: Traffic | View) -> pd.DataFrame:
    """One row per connection of the vantage node: what was said on it, by whom. Unit: connection.

    Columns: `connection`, `peer`, `direction`, `opened`, `closed`, `end` (as in connections);
    `seconds` (float64, first to last packet); `established` (bool:
    the whole TCP handshake was captured); `whole` (bool: so was everything that followed, as far as
    anybody can tell: from the SYN on, no bytes lost either
    way, no problem that is the capture's); `peer_bytes`, `own_bytes`, `peer_packets`, `own_packets`
    (int64); `holes` (int64: places
    in what the peer sent that were not captured); `received`, `sent` (int64: messages of any
    status); `pings_received`, `pings_sent` (int64: 1003 requests);
    `initiative` (int64: requests and notifications of the peer other than 1001 and 1003 requests);
    `asked` (time of the first whole 1001 request, by whoever
    opened the connection), `answered` (time of the first whole 1001 response to come from the other
    side), NaT if none; `handshake` (category: `none`; `cut`: a
    1001 request that is not whole; `asked`; `answered`); `last_received` (time of the last byte of
    the peer's last message, NaT if none).
    """
    view = viewed(traffic)
    rows = view.connections
    messages = view.messages
    made = rows[["connection", "peer", "direction", "opened", "closed", "end"]].copy()
    incoming = (rows["direction"] == "incoming").to_numpy()
    made["seconds"] = (rows["closed"] - rows["opened"]).dt.total_seconds()
    made["established"] = rows["rtt"].notna().to_numpy()
    made["whole"] = _whole(view) & made["established"].to_numpy()
    for name in ("bytes", "packets"):
        client, server = rows[f"client_{name}"].to_numpy(), rows[f"server_{name}"].to_numpy()
        made[f"peer_{name}"], made[f"own_{name}"] = (
            np.where(incoming, client, server),
            np.where(incoming, server, client),
        )

    made["holes"] = _holes(view, made)
    place = positions(rows["connection"].to_numpy(), messages["connection"].to_numpy())
    received = (messages["direction"] == "received").to_numpy()
    command = messages["command"].to_numpy()
    request, response = (
        (messages["kind"] == "request").to_numpy(),
        (messages["kind"] == "response").to_numpy(),
    )
    complete = (messages["status"] == "complete").to_numpy()
    by_client = messages["from_client"].to_numpy()
    own_word = (
        received
        & (request | (messages["kind"] == "notification").to_numpy())
        & ~np.isin(command, (1001, 1003))
    )

    counted = {
        "received": received,
        "sent": ~received,
        "pings_received": received & request & (command == 1003),
        "pings_sent": ~received & request & (command == 1003),
        "initiative": own_word,
    }
    for name, mask in counted.items():
        made[name] = np.bincount(place[mask], minlength=len(rows)).astype(np.int64)
    shakes = command == 1001
    made["asked"] = _first(
        messages["time"], place, shakes & request & by_client & complete, len(rows), rows.index
    )
    made["answered"] = _first(
        messages["time"], place, shakes & response & ~by_client & complete, len(rows), rows.index
    )
    begun = np.bincount(place[shakes & request & by_client], minlength=len(rows)) > 0
    codes = np.select(
        [made["answered"].notna() & made["asked"].notna(), made["asked"].notna(), begun],
        [3, 2, 1],
        0,
    )
    made["handshake"] = pd.Categorical.from_codes(
        codes, categories=["none", "cut", "asked", "answered"]
    )
    made["last_received"] = _last(messages["end_time"], place, received, len(rows), rows.index)
    return made.reset_index(drop=True)


def _whole(view: View) -> NDArray[np.bool_]:
    rows = view.connections
    problems = view.problems
    touched = problems.loc[problems["kind"].isin(_UNSEEN), "connection"]
    lost = (rows["client_lost"] > 0) | (rows["server_lost"] > 0) | rows["connection"].isin(touched)
    whole: NDArray[np.bool_] = ((rows["start"] == "syn") & ~lost).to_numpy()
    return whole


def _holes(view: View, made: pd.DataFrame) -> NDArray[np.int64]:
    problems = view.problems
    told = problems[problems["kind"].isin(_UNSEEN) & (problems["direction"] != "sent")]
    counts = np.bincount(
        positions(made["connection"].to_numpy(), told["connection"].to_numpy()), minlength=len(made)
    )
    rows = view.connections
    lost = np.where(made["direction"] == "incoming", rows["client_lost"], rows["server_lost"]) > 0
    holes: NDArray[np.int64] = np.maximum(counts, lost).astype(np.int64)
    return holes


def _first(
    times: pd.Series, place: NDArray[np.intp], mask: NDArray[np.bool_], count: int, index: pd.Index
) -> pd.Series:
    found = np.full(count, _NEVER)
    np.minimum.at(found, place[mask], nanoseconds(times)[mask])
    return _times(np.where(found == _NEVER, np.iinfo(np.int64).min, found), index)


def _last(
    times: pd.Series, place: NDArray[np.intp], mask: NDArray[np.bool_], count: int, index: pd.Index
) -> pd.Series:
    found = np.full(count, np.iinfo(np.int64).min)
    np.maximum.at(found, place[mask], nanoseconds(times)[mask])
    return _times(found, index)


def nanoseconds(times: pd.Series) -> NDArray[np.int64]:
    """Nanoseconds since 1970, the smallest int64 for none."""
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
"""Columns of categories()."""


def categories(
    traffic: Traffic | View, short: float = 1.0, brief: float = 5.0, long: float = 600.0
) -> pd.DataFrame:
    """One row per connection, with a bool column per category: a connection may be in several or in
    none. Unit: connection.

    Columns: `connection`, `peer`, `direction`, and

    - `unconnected`: no TCP handshake and no payload (refused, or nobody there); `no_byte`: a TCP
      handshake and no payload, either way;
    - `no_levin`: payload, and no Levin message; `ping_only`: 1003 and nothing else;
    - `handshake_and_close`: a whole handshake and nothing of the peer's own after it, over within
      `brief` seconds (monerod does so to peers of its gray list,
      src/p2p/net_node.inl check_connection_and_handshake_with_peer); `handshake_unfinished`: a 1001
      request, whole or not, without an answer;
    - `short`: below `short` seconds; `long`: `long` seconds or more; `open`: not seen to end.
    """
    made = connection_table(traffic)
    payload = made["peer_bytes"] + made["own_bytes"]
    messages = made["received"] + made["sent"]
    pings = made["pings_received"] + made["pings_sent"]
    view = viewed(traffic)
    others = view.messages.loc[view.messages["command"] != 1003, "connection"]
    made["unconnected"] = ~made["established"] & (payload == 0)
    made["no_byte"] = made["established"] & (payload == 0)
    made["no_levin"] = (payload > 0) & (messages == 0)
    made["ping_only"] = (pings > 0) & ~made["connection"].isin(others)
    made["handshake_and_close"] = (
        (made["handshake"] == "answered") & (made["initiative"] == 0) & (made["seconds"] < brief)
    )
    made["handshake_unfinished"] = made["handshake"].isin(["cut", "asked"])
    made["short"], made["long"] = made["seconds"] < short, made["seconds"] >= long
    made["open"] = made["end"] == "open"
    return made[["connection", "peer", "direction", *CATEGORIES]]


def short_lived(
    traffic: Traffic | View, seconds: float = 1.0, from_answer: bool = False
) -> pd.DataFrame:
    """One row per host with connections of less than `seconds` to the vantage node on which the
    handshake was whole. Unit: connection.

    Columns: `peer`, `connections` (int64), `median` (float64, seconds that they lasted, first to
    last packet), `interval` (float64, median seconds between
    their openings), `first`, `last` (openings). With `from_answer` the time counts from the vantage
    node's 1001 response, which may have been slow to come.
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
    """Rows of connection_table that short_lived counts."""
    lasted = (
        (table["closed"] - table["answered"]).dt.total_seconds()
        if from_answer
        else table["seconds"]
    )
    return table[
        (table["direction"] == "incoming")
        & (table["handshake"] == "answered")
        & (lasted < seconds)
        & (table["end"] != "open")
    ]


# ---- requests and answers ----


@once_per_view
def requests(traffic: Traffic | View) -> pd.DataFrame:
    """One row per Levin request (1001, 1002, 1003, 1007, unknown ones), both ways, with its answer.
    Unit: message.

    Columns: `message`, `connection`, `peer`, `direction` (sent or received), `command`, `status`,
    `time`, `file`, `frame`: of the request; `answer` (Int64:
    message, missing if none), `answered` (time of its first byte), `seconds` (float64, from the
    first byte of the request to the first of the
    answer; on a request of a peer this is what the vantage node took, on one of ours the round trip
    and what the peer took).
    """
    view = viewed(traffic)
    messages = view.messages
    rows = messages[messages["kind"] == "request"]
    replies = messages[messages["reply_to"] >= 0].drop_duplicates("reply_to").set_index("reply_to")
    at = replies.index.get_indexer(rows["message"])
    made = rows[
        ["message", "connection", "peer", "direction", "command", "status", "time", "file", "frame"]
    ].copy()
    made["answer"] = replies["message"].astype("Int64").array.take(at, allow_fill=True)
    made["answered"] = replies["time"].array.take(at, allow_fill=True)
    made["seconds"] = (made["answered"] - made["time"]).dt.total_seconds()
    return made.reset_index(drop=True)


# ---- timed sync ----


@once_per_view
def sync_gaps(traffic: Traffic | View) -> pd.DataFrame:
    """One row per 1002 request but the first of each connection and direction, with the time since
    the one before. Unit: gap.

    Columns: `message`, `connection`, `peer`, `direction`, `time`, `file`, `frame` (of the later
    request), `seconds` (float64), `disturbed` (bool: something of
    that direction may not have been captured within the gap, so a request may be missing), `early`
    (bool: the later request came before the answer to the
    earlier one, which was given after it).

    monerod ticks for all connections at once, when more than 60 s passed since the last tick
    (src/p2p/net_node.inl idle_worker); Cuprate every 61 s.
    """
    view = viewed(traffic)
    asked = requests(view)
    rows = asked[asked["command"] == 1002].sort_values(
        ["connection", "direction", "time", "message"], kind="stable"
    )
    groups = rows.groupby(["connection", "direction"], observed=True, sort=False)
    before = groups["time"].shift()
    made = rows[["message", "connection", "peer", "direction", "time", "file", "frame"]].copy()
    made["seconds"] = (rows["time"] - before).dt.total_seconds()
    made["early"] = (groups["answered"].shift() > rows["time"]).to_numpy()
    made["disturbed"] = False
    for direction in ("received", "sent"):
        way = rows["direction"] == direction
        made.loc[way, "disturbed"] = _disturbed(
            view, direction, rows.loc[way, "connection"], before[way], rows.loc[way, "time"]
        )
    return made[made["seconds"].notna()].sort_values("message", ignore_index=True)


def _disturbed(
    view: View, direction: str, connections: pd.Series, since: pd.Series, until: pd.Series
) -> NDArray[np.bool_]:
    """Whether the capture may lack something of this direction of the connection between the two
    times; all the time if it does not say when it lacked it.

    A hole is in `problems` at the time at which it was given up, so what is told later may belong
    here too.
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
    untold = losing[~losing.isin(problems["connection"])]
    found: NDArray[np.bool_] = (high > low) | connections.isin(untold).to_numpy()
    return found


def _keys(connections: pd.Series, times: pd.Series, later: int = 0) -> NDArray[np.void]:
    made = np.empty(len(connections), dtype=[("connection", "i8"), ("time", "i8")])
    made["connection"], made["time"] = connections.to_numpy(), nanoseconds(times) + later
    return made


def sync_rhythm(traffic: Traffic | View) -> pd.DataFrame:
    """One row per connection and direction with 1002 requests: their rhythm. Unit: connection and
    direction.

    Columns: `connection`, `peer`, `direction`, `requests` (int64), `gaps` (int64: undisturbed ones,
    which the next columns are of), `median`, `mean`, `min`,
    `max`, `deviation` (float64, seconds), `phase` (float64, seconds modulo 60 of the requests, a
    mean on the circle), `concentration` (float64, 0 to 1: length
    of that mean; 1 where all requests have the same phase, low where the period is not 60 s or
    wanders), `first`, `last`.
    """
    view = viewed(traffic)
    messages = view.messages
    rows = messages[(messages["command"] == 1002) & (messages["kind"] == "request")]
    turn = np.exp(2j * np.pi * (nanoseconds(rows["time"]) % int(TICK * _SECOND)) / (TICK * _SECOND))
    keys = ["connection", "direction"]
    frame = rows[["connection", "peer", "direction", "time"]].assign(x=turn.real, y=turn.imag)
    groups = frame.groupby(keys, observed=True, sort=True)
    made = groups.agg(
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
    made = made.join(statistics).reset_index()
    made["gaps"] = made["gaps"].fillna(0).astype("int64")
    made["phase"] = (np.arctan2(made["y"], made["x"]) % (2 * np.pi)) / (2 * np.pi) * TICK
    made["concentration"] = np.hypot(made["x"], made["y"])
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
    return made[columns]


# ---- slots ----


def slots(
    traffic: Traffic | View, groups: Mapping[str, str] | None = None, direction: str = "incoming"
) -> pd.DataFrame:
    """How many connections were open at each moment, by class of their peers. One row per moment at
    which a number changed and class. Unit: connection.

    Columns: `time`, `group` (value of `groups` for the peer, `other` if it has none or no groups
    are given), `open` (int64: connections of that class open from
    then on). Only connections that came about (established, or begun before the capture) count; one
    that was not seen to end is open to its last packet.
    """
    rows = _held(viewed(traffic), direction)
    names = rows["peer"].astype(object).map(dict(groups or {})).astype(object).fillna("other")
    changes = pd.concat(
        [
            pd.DataFrame({"time": rows["opened"], "group": names, "open": 1}),
            pd.DataFrame({"time": rows["closed"], "group": names, "open": -1}),
        ]
    )
    made = changes.groupby(["group", "time"], sort=True)["open"].sum().reset_index()
    made["open"] = made.groupby("group")["open"].cumsum().astype("int64")
    return made.sort_values(["time", "group"], kind="stable", ignore_index=True)[
        ["time", "group", "open"]
    ]


def slot_holders(traffic: Traffic | View, direction: str = "incoming") -> pd.DataFrame:
    """Who held the slots: one row per peer, the longest holder first. Unit: IP.

    Columns: `peer`, `connections` (int64), `seconds` (float64: summed over its connections),
    `share` (float64: of all seconds held by anybody), `most` (int64:
    connections that it had open at once).
    """
    view = viewed(traffic)
    rows = _held(view, direction)
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
    # 0: only connections whose first packet was their last
    held["most"] = held["peer"].astype(object).map(most).fillna(0).astype("int64")
    return held.sort_values(
        ["seconds", "connections"], ascending=False, kind="stable", ignore_index=True
    )


def _held(view: View, direction: str) -> pd.DataFrame:
    rows = view.connections
    return rows[
        (rows["direction"] == direction)
        & (rows["rtt"].notna() | (rows["start"] == "midstream"))
        & rows["opened"].notna()
    ]
