"""Peer ids: who announced which, where, when; ids shared, returning, side by side; back-pings.
docs/metrics/identity.md defines each.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.net.columns import hosts_of, sites_of
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, once_per_view, positions, viewed

__all__ = [
    "announcements",
    "back_pings",
    "id_clusters",
    "id_returns",
    "id_sessions",
    "id_spans",
    "ids_per_endpoint",
    "ids_per_host",
    "concurrent_peer_ids",
    "pongs",
    "sites_per_id",
]

_SECOND = 1_000_000_000
_PLACE = ["message", "connection", "peer", "time", "file", "frame"]


@once_per_view
def announcements(traffic: Traffic | View) -> pd.DataFrame:
    """One row per peer id that a peer announced in a whole 1001, in order of time. Unit: message.

    Columns: `message`, `connection` (int64), `peer` (address as captured), `host` (its v4-mapped
    form undone), `port` (UInt32: the listening port: `my_port`;
    if that is 0 and the vantage node opened the connection, the port it connected to; else
    missing), `peer_id` (UInt64), `direction` (of the connection:
    incoming, outgoing), `time`, `heard` (datetime64[ns, UTC]: when the last message came from the
    peer on that connection: until then the process lived),
    `file`, `frame`.

    A standard node draws one id at every start and keeps it (src/p2p/net_node.inl init_config,
    since v0.10.2).
    """
    view = viewed(traffic)
    said = view.node_data
    rows = said[
        (said["direction"] == "received") & (said["command"] == 1001) & said["peer_id"].notna()
    ]
    made = rows[[*_PLACE, "peer_id"]].copy()
    ways = view.connections.set_index("connection")
    at = positions(ways.index.to_numpy(), made["connection"].to_numpy())
    made["direction"] = ways["direction"].array.take(at)
    reached = pd.Series(ways["server_port"].to_numpy()[at], index=made.index).astype("UInt32")
    named = rows["my_port"].where(rows["my_port"] > 0).astype("UInt32")
    made["port"] = named.fillna(reached.where(made["direction"] == "outgoing"))
    made["host"] = hosts_of(made["peer"])
    made["heard"] = last_heard(view).reindex(made["connection"]).set_axis(made.index)
    columns = [
        "message",
        "connection",
        "peer",
        "host",
        "port",
        "peer_id",
        "direction",
        "time",
        "heard",
        "file",
        "frame",
    ]
    return made.sort_values(["time", "message"], kind="stable", ignore_index=True)[columns]


def last_heard(view: View) -> pd.Series:
    """By connection: when the last message that the peer sent was whole."""
    received = view.received
    times: pd.Series = received["end_time"].groupby(received["connection"].to_numpy()).max()
    return times


@once_per_view
def pongs(traffic: Traffic | View) -> pd.DataFrame:
    """One row per peer id that a peer answered to a ping of ours (1003 response), in order of time.
    Unit: message.

    Columns: `message`, `connection` (int64), `peer`, `host`, `port` (uint16: the port that was
    pinged), `peer_id` (UInt64), `time`, `file`, `frame`.
    """
    view = viewed(traffic)
    said = view.node_data
    rows = said[
        (said["direction"] == "received") & (said["command"] == 1003) & said["peer_id"].notna()
    ]
    made = rows[[*_PLACE, "peer_id"]].copy()
    at = positions(view.connections["connection"].to_numpy(), made["connection"].to_numpy())
    made["port"] = view.connections["server_port"].to_numpy()[at]
    made["host"] = hosts_of(made["peer"])
    columns = ["message", "connection", "peer", "host", "port", "peer_id", "time", "file", "frame"]
    return made.sort_values(["time", "message"], kind="stable", ignore_index=True)[columns]


# ---- how many ids, how many hosts ----


def ids_per_host(traffic: Traffic | View) -> pd.DataFrame:
    """One row per host (IP): `host`, `ids`, `ports` (distinct ones), `connections`, `announcements`
    (int64), `first`, `last`. Unit: IP.

    Counts per IP mix nodes behind one NAT address; see ids_per_endpoint.
    """
    return _counted(
        announcements(traffic),
        ["host"],
        {"ids": ("peer_id", "nunique"), "ports": ("port", "nunique")},
    )


def ids_per_endpoint(traffic: Traffic | View) -> pd.DataFrame:
    """One row per host and listening port (IP:port; the port is missing where the peer hid it):
    `host`, `port`, `ids`, `connections`, `announcements`,
    `first`, `last`. Unit: IP:port."""
    return _counted(announcements(traffic), ["host", "port"], {"ids": ("peer_id", "nunique")})


def sites_per_id(traffic: Traffic | View) -> pd.DataFrame:
    """One row per peer id: `peer_id`, `hosts` (IPs), `sites` (IPv4 addresses and IPv6 /64s),
    `connections`, `announcements`, `first`, `last`. Unit: id.

    A node with one IPv4 and one IPv6 address announces one id from both: two sites, no anomaly.
    """
    said = announcements(traffic)
    return _counted(
        said.assign(site=sites_of(said["peer"])),
        ["peer_id"],
        {"hosts": ("host", "nunique"), "sites": ("site", "nunique")},
    )


def _counted(said: pd.DataFrame, keys: list[str], more: dict[str, tuple[str, str]]) -> pd.DataFrame:
    counts = {
        **more,
        "connections": ("connection", "nunique"),
        "announcements": ("message", "size"),
        "first": ("time", "min"),
        "last": ("time", "max"),
    }
    return said.groupby(keys, dropna=False, sort=True, observed=True).agg(**counts).reset_index()


# ---- ids of one endpoint in the course of time ----


@once_per_view
def id_sessions(traffic: Traffic | View, by_port: bool = True) -> pd.DataFrame:
    """The announcements of each endpoint (host and listening port; host alone if not `by_port`) in
    order of time, each held against the one before.

    Columns: those of announcements, and `session` (int64, from 0 within the endpoint; a second 1001
    on a connection is a session too), `changed` (bool: another
    id than the session before), `known` (bool: an earlier session of the endpoint had this id),
    `sequential` (bool: nothing more came from the connections
    with other ids after this announcement: the process before was gone). Unit: message.

    Endpoints whose port is hidden are one per host.
    """
    said = announcements(traffic)
    keys = ["host", "port"] if by_port else ["host"]
    groups = said.groupby(keys, dropna=False, sort=True)
    said["endpoint"] = groups.ngroup()
    said["session"] = groups.cumcount()
    before = said.groupby("endpoint")["peer_id"].shift()
    said["changed"] = (before.notna() & (before != said["peer_id"])).fillna(False).astype(bool)
    said["known"] = said.groupby(["endpoint", "peer_id"]).cumcount() > 0
    said["sequential"] = ~_others_alive(said, 0)
    return said.sort_values(["endpoint", "session"], kind="stable", ignore_index=True)


def _others_alive(said: pd.DataFrame, margin: int) -> NDArray[np.bool_]:
    """Whether, at each announcement, an earlier connection of the endpoint with another id was
    still to be heard of later than `margin` nanoseconds after it.

    `said` is in order of time. The latest `heard` of the earlier announcements, and the latest of
    those with another id than that one's: one of the two is of
    another id than the row's.
    """
    alive = np.zeros(len(said), dtype=bool)
    endpoints, ids = said["endpoint"].to_numpy(), said["peer_id"].to_numpy(dtype="uint64")
    times, heard = _ns(said["time"]), _ns(said["heard"])
    best: dict[int, tuple[int, np.uint64]] = {}
    second: dict[int, tuple[int, np.uint64]] = {}
    for row, (endpoint, number, time, last) in enumerate(
        zip(endpoints, ids, times, heard, strict=True)
    ):
        for found in (best.get(endpoint), second.get(endpoint)):
            alive[row] |= found is not None and found[1] != number and found[0] > time + margin
        top = best.get(endpoint)
        if top is None or last >= top[0]:
            if top is not None and top[1] != number:
                second[endpoint] = top
            best[endpoint] = (last, number)
        elif number != top[1] and (endpoint not in second or last > second[endpoint][0]):
            second[endpoint] = (last, number)
    return alive


def id_returns(traffic: Traffic | View, by_port: bool = True) -> pd.DataFrame:
    """Sessions (rows and columns of id_sessions) in which an endpoint announced an id that it had
    before, after another one in between. Unit: message.
    """
    sessions = id_sessions(traffic, by_port)
    return sessions[sessions["changed"] & sessions["known"]].reset_index(drop=True)


def concurrent_peer_ids(traffic: Traffic | View, margin: float = 0.0) -> pd.DataFrame:
    """Announcements of an endpoint with a known listening port while another connection of it, with
    another id, was alive: something came on it more than
    `margin` seconds after this announcement. Rows and columns of announcements. Unit: message.

    A process that restarted is not alive on its old connections, however long these stay open; so
    they do not count.
    """
    said = announcements(traffic)
    said = said[said["port"].notna()].reset_index(drop=True)
    said["endpoint"] = said.groupby(["host", "port"]).ngroup()
    return (
        said[_others_alive(said, int(margin * _SECOND))]
        .drop(columns="endpoint")
        .reset_index(drop=True)
    )


# ---- ids of several hosts ----


@once_per_view
def id_spans(traffic: Traffic | View) -> pd.DataFrame:
    """One row per peer id and site (IPv4 address or IPv6 /64) that announced it: over what time,
    and whether other sites did in the same time.

    Columns: `peer_id` (UInt64), `site`, `family` (4 or 6; 0 for names), `first` (announcement),
    `last` (datetime64[ns, UTC]: last message from a connection
    that announced it), `announcements`, `message` (of the first announcement), `overlaps` (int64:
    other sites of the same family whose span has a moment in
    common with this one). Unit: id and site.

    Sites of the same family only: one process may well have an IPv4 and an IPv6 address. A node
    that moves from one address to another, and stays, has spans
    that follow each other.
    """
    said = announcements(traffic)
    said["site"] = sites_of(said["peer"])
    grouped = said.groupby(["peer_id", "site"], sort=True)
    spans = grouped.agg(
        first=("time", "min"),
        last=("heard", "max"),
        announcements=("message", "size"),
        message=("message", "first"),
    ).reset_index()
    spans["family"] = [
        6 if ":" in site else 4 if site.replace(".", "").isdigit() else 0 for site in spans["site"]
    ]
    spans["overlaps"] = _overlaps(spans)
    return spans[
        ["peer_id", "site", "family", "first", "last", "announcements", "message", "overlaps"]
    ]


def _overlaps(spans: pd.DataFrame) -> NDArray[np.int64]:
    """Other rows of the same id and family whose span meets this one: all that began before its
    end, less those that ended before its beginning.
    """
    counts = np.zeros(len(spans), dtype=np.int64)
    several = spans[spans.duplicated(["peer_id", "family"], keep=False)]
    for _, rows in several.groupby(["peer_id", "family"]):
        first, last = _ns(rows["first"]), _ns(rows["last"])
        began = np.searchsorted(np.sort(first), last, side="left")
        ended = np.searchsorted(np.sort(last), first, side="right")
        counts[rows.index.to_numpy()] = np.maximum(began - ended - 1, 0)
    return counts


def id_clusters(traffic: Traffic | View, overlapping: bool = True) -> pd.DataFrame:
    """Sites joined by the ids that they share, directly or through others (connected components of
    the graph of sites and ids). Unit: site.

    Columns: `cluster` (int64), `site`, `sites`, `ids` (int64: of the cluster; every id that its
    sites announced). Only clusters of two sites or more.
    With `overlapping` an id joins those sites only that announced it in overlapping time
    (`overlaps` of id_spans); else all that ever did, a node that changed
    its address included.
    """
    spans = id_spans(traffic)
    joining = spans[spans["overlaps"] > 0] if overlapping else spans
    sites, names = pd.factorize(spans["site"])
    ids, _ = pd.factorize(spans["peer_id"])
    family = spans["family"].to_numpy() if overlapping else np.zeros(len(spans), dtype=np.int64)
    rows = joining.index.to_numpy()
    # an id joins the sites of one family only where overlaps count, so it is a node of the graph
    # for each family
    links = ids * 10 + family
    label = components(sites[rows], links[rows], len(names))
    made = pd.DataFrame({"cluster": label, "site": np.asarray(names, dtype=object)})
    made["sites"] = made.groupby("cluster")["site"].transform("size")
    of_id = pd.DataFrame({"cluster": label[sites], "id": ids})
    made["ids"] = made["cluster"].map(of_id.groupby("cluster")["id"].nunique()).astype("int64")
    made = made[made["sites"] > 1]
    made["cluster"] = pd.factorize(made["cluster"])[0].astype("int64")
    return made.sort_values(["cluster", "site"], ignore_index=True)


def components(left: NDArray[np.int64], right: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Labels of the nodes 0 … count - 1 of a graph in which nodes of `left` with the same `right`
    are joined: the smallest node of their component.

    Label propagation: every round takes the smallest label over each link and follows it to its own
    label, so that the rounds are few.
    """
    label = np.arange(count, dtype=np.int64)
    _, link = np.unique(right, return_inverse=True)
    while len(left):
        smallest = np.full(int(link.max()) + 1, count, dtype=np.int64)
        np.minimum.at(smallest, link, label[left])
        new = label.copy()
        np.minimum.at(new, left, smallest[link])
        # roots too, so that whole components move at once
        np.minimum.at(new, label[left], smallest[link])
        new = new[new]
        if (new == label).all():
            break
        label = new
    return label


# ---- back-pings ----

PING_PATIENCE = 100.0
"""Seconds: a ping connection that ends sooner was closed by the peer; the vantage node waits 120 s
for a pong (P2P_DEFAULT_INVOKE_TIMEOUT).
"""


@once_per_view
def back_pings(traffic: Traffic | View, within: float = 5.0) -> pd.DataFrame:
    """One row per whole 1001 request of a peer, with the back-ping that it caused, in order of
    time. Unit: handshake.

    After a handshake request with `my_port` ≠ 0 monerod opens a new connection to the sender's
    address and that port, sends one 1003 request, and compares the
    id of the answer with the handshake's (src/p2p/net_node.inl handle_handshake, try_ping).

    Columns: `message`, `connection` (int64), `peer`, `host`, `port` (UInt32, missing if `my_port`
    is 0), `peer_id` (UInt64), `time`, `file`, `frame`: of the
    handshake; `ping_connection` (Int64), `delay` (float64, seconds from the request to the SYN of
    the back-ping), `pong` (Int64: message),
    `pong_id` (UInt64), `match` (boolean: the two ids are equal), `outcome` (category):

    - `answered`: a pong with an id; `no_port`: `my_port` is 0; `not_seen`: no such connection
      within `within` seconds, in the capture;
    - `connect_unanswered`: no packet came back; `refused`: no TCP connection was made;
    - `closed_by_peer`: it was, and ended before a pong came; `ping_unanswered`: the ping was sent
      and nothing came in the time that the vantage node waits.

    A back-ping belongs to the latest request of its endpoint before it, and the first connection
    counts.
    """
    view = viewed(traffic)
    asked = _handshake_requests(view)
    pings = _ping_connections(view)
    made = _latest(asked, pings, within)
    found = pongs(view).drop_duplicates("connection").set_index("connection")
    at = found.index.get_indexer(made["ping_connection"].fillna(-1).astype("int64"))
    made["pong"] = pd.array(
        np.where(at >= 0, found["message"].to_numpy()[at] if len(found) else 0, 0), dtype="Int64"
    )
    made["pong_id"] = found["peer_id"].array.take(at, allow_fill=True)
    made.loc[at < 0, "pong"] = pd.NA
    made["match"] = (
        (made["pong_id"] == made["peer_id"])
        .astype("boolean")
        .where(pd.Series(at >= 0, index=made.index), pd.NA)
    )
    made["outcome"] = _outcomes(made)
    columns = ["message", "connection", "peer", "host", "port", "peer_id", "time", "file", "frame"]
    return made[[*columns, "ping_connection", "delay", "pong", "pong_id", "match", "outcome"]]


def _handshake_requests(view: View) -> pd.DataFrame:
    said = view.node_data
    rows = said[
        (said["direction"] == "received")
        & (said["command"] == 1001)
        & (said["kind"] == "request")
        & said["peer_id"].notna()
    ]
    made = rows[[*_PLACE, "peer_id"]].copy()
    made["port"] = rows["my_port"].where(rows["my_port"] > 0).astype("UInt32")
    made["host"] = hosts_of(made["peer"])
    return made.sort_values(["time", "message"], kind="stable", ignore_index=True)


def _ping_connections(view: View) -> pd.DataFrame:
    """Connections that the vantage node opened and sent no 1001 on: those that it pinged on, and
    those that never came so far.
    """
    rows = view.connections
    sent = view.sent
    shaken = rows["connection"].isin(sent.loc[sent["command"] == 1001, "connection"])
    rows = rows[(rows["direction"] == "outgoing") & (rows["start"] == "syn") & ~shaken]
    pinged = (
        sent[(sent["command"] == 1003) & (sent["kind"] == "request")]
        .drop_duplicates("connection")
        .set_index("connection")["time"]
    )
    made = rows[["connection", "opened", "closed", "end", "server_packets", "rtt"]].rename(
        columns={"connection": "ping_connection"}
    )
    made["pinged"] = pinged.reindex(rows["connection"]).set_axis(made.index)
    made["host"] = hosts_of(rows["peer"])
    made["port"] = rows["server_port"].astype("UInt32")
    return made.sort_values("opened", kind="stable", ignore_index=True)


def _latest(asked: pd.DataFrame, pings: pd.DataFrame, within: float) -> pd.DataFrame:
    """Requests with the first connection to their endpoint of which they are the latest request."""
    ports = asked[asked["port"].notna() & asked["time"].notna()]
    pings = pings[pings["opened"].notna()]
    left = pings.assign(port=pings["port"].astype("int64"))
    right = ports[["message", "time", "host"]].assign(port=ports["port"].astype("int64"))
    tolerance = pd.Timedelta(seconds=within)
    joined = pd.merge_asof(
        left,
        right,
        left_on="opened",
        right_on="time",
        by=["host", "port"],
        direction="backward",
        tolerance=tolerance,
    )
    joined = (
        joined[joined["message"].notna()]
        .drop_duplicates("message")
        .drop(columns=["host", "port", "time"])
    )
    joined["message"] = joined["message"].astype("int64")
    made = asked.merge(joined, on="message", how="left")
    made["ping_connection"] = made["ping_connection"].astype("Int64")
    made["delay"] = (made["opened"] - made["time"]).dt.total_seconds()
    return made


def _outcomes(made: pd.DataFrame) -> pd.Categorical:
    there = made["ping_connection"].notna()
    established = made["rtt"].notna() | made["pinged"].notna()
    waited = (made["closed"] - made["pinged"]).dt.total_seconds()
    silent = made["pinged"].notna() & ((waited >= PING_PATIENCE) | (made["end"] == "open"))
    conditions = {
        "answered": made["pong"].notna(),
        "no_port": made["port"].isna(),
        "not_seen": ~there,
        "connect_unanswered": made["server_packets"].fillna(0) == 0,
        "refused": ~established,
        "ping_unanswered": silent,
    }
    names = [*conditions, "closed_by_peer"]
    codes = np.select(
        [np.asarray(given, dtype=bool) for given in conditions.values()],
        list(range(len(conditions))),
        len(conditions),
    )
    return pd.Categorical.from_codes(codes, categories=names)


def _ns(times: pd.Series) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = times.to_numpy(dtype="datetime64[ns]").astype(np.int64)
    return numbers
