"""Peer ids: announcements, ids that are shared, return or overlap, and back-pings.
docs/metrics/identity.md explains the terms.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.sources import in_parts
from monerotraffic.metrics.topology import components
from monerotraffic.net.columns import hosts_of, sites_of
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, once_per_view, per_peer, per_vantage, positions, viewed

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


@in_parts
@per_peer("time", "message")
def announcements(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per peer id that a peer announced in a complete 1001, in order of time. Unit:
    message.

    - `message`, `connection` (int64)
    - `peer`: address as captured
    - `host`: the address, as IPv4 if it is v4-mapped
    - `port` (UInt32): the listening port. This is `my_port`; if it is 0 and the vantage node opened
      the connection, the port that it connected to; otherwise missing
    - `peer_id` (UInt64)
    - `direction`: of the connection, incoming or outgoing
    - `time`: of the message
    - `heard` (time): last message of the peer on that connection, until which the process was
      running
    - `file`, `frame`

    A standard node draws an id at each start and keeps it (src/p2p/net_node.inl init_config, since
    v0.10.2).

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.announcements(traffic)[["peer", "host", "peer_id", "direction"]].head(2)
                 peer            host               peer_id direction
    0  198.18.155.221  198.18.155.221  10543696157066626386  incoming
    1    198.19.218.5    198.19.218.5   6260022045248846372  incoming
    """
    view = viewed(traffic)
    announced = view.node_data
    rows = announced[
        (announced["direction"] == "received")
        & (announced["command"] == 1001)
        & announced["peer_id"].notna()
    ]
    table = rows[[*_PLACE, "peer_id"]].copy()
    ways = view.connections.set_index("connection")
    at = positions(ways.index.to_numpy(), table["connection"].to_numpy())
    table["direction"] = ways["direction"].array.take(at)
    reached = pd.Series(ways["server_port"].to_numpy()[at], index=table.index).astype("UInt32")
    named = rows["my_port"].where(rows["my_port"] > 0).astype("UInt32")
    table["port"] = named.fillna(reached.where(table["direction"] == "outgoing"))
    table["host"] = hosts_of(table["peer"])
    table["heard"] = last_heard(view).reindex(table["connection"]).set_axis(table.index)
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
    return table.sort_values(["time", "message"], kind="stable", ignore_index=True)[columns]


def last_heard(view: View) -> pd.Series:
    """By connection: when the last message of the peer was complete."""
    received = view.received
    times: pd.Series = received["end_time"].groupby(received["connection"].to_numpy()).max()
    return times


@in_parts
@per_peer("time", "message")
def pongs(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per peer id in the response of a peer to a ping of the vantage node (1003
    response), in order of time. Unit: message.

    - `message`, `connection` (int64), `peer`, `host`
    - `port` (uint16): the port that was pinged
    - `peer_id` (UInt64), `time`, `file`, `frame`

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.pongs(traffic)[["peer", "host", "port", "peer_id"]].head(2)
                peer           host   port               peer_id
    0     192.0.2.22     192.0.2.22  18080  14899341338729747653
    1  198.18.152.25  198.18.152.25  18080  14878525754032493765
    """
    view = viewed(traffic)
    announced = view.node_data
    rows = announced[
        (announced["direction"] == "received")
        & (announced["command"] == 1003)
        & announced["peer_id"].notna()
    ]
    table = rows[[*_PLACE, "peer_id"]].copy()
    at = positions(view.connections["connection"].to_numpy(), table["connection"].to_numpy())
    table["port"] = view.connections["server_port"].to_numpy()[at]
    table["host"] = hosts_of(table["peer"])
    columns = ["message", "connection", "peer", "host", "port", "peer_id", "time", "file", "frame"]
    return table.sort_values(["time", "message"], kind="stable", ignore_index=True)[columns]


# ---- how many ids, how many hosts ----


@in_parts
def ids_per_host(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per host. Unit: IP address.

    - `host`
    - `ids`, `ports` (int64): distinct values
    - `connections`, `announcements` (int64)
    - `first`, `last` (time)

    A host can have several nodes behind one NAT address; see ids_per_endpoint.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.ids_per_host(traffic)[["host", "ids", "ports", "connections"]].head(2)
                 host  ids  ports  connections
    0  198.18.113.151    2      0            2
    1  198.18.122.186    1      0            2
    """
    return _counted(
        announcements(traffic),
        ["host"],
        {"ids": ("peer_id", "nunique"), "ports": ("port", "nunique")},
    )


@in_parts
def ids_per_endpoint(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per host and listening port. The port is missing where the peer hides it.
    Unit: endpoint.

    - `host`, `port`
    - `ids`, `connections`, `announcements` (int64)
    - `first`, `last` (time)

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.ids_per_endpoint(traffic)
    >>> rows[["host", "ids", "connections", "announcements"]].head(2)
                 host  ids  connections  announcements
    0  198.18.113.151    2            2              2
    1  198.18.122.186    1            2              2
    """
    return _counted(announcements(traffic), ["host", "port"], {"ids": ("peer_id", "nunique")})


@in_parts
def sites_per_id(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per peer id. Unit: id.

    - `peer_id`
    - `hosts` (int64): IP addresses
    - `sites` (int64): IPv4 addresses and IPv6 /64s
    - `connections`, `announcements` (int64)
    - `first`, `last` (time)

    A node with an IPv4 and an IPv6 address announces one id from both: two sites, not an anomaly.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.sites_per_id(traffic)[["peer_id", "hosts", "sites", "connections"]].head(2)
                   peer_id  hosts  sites  connections
    0   621906230204837781      1      1            1
    1  2166087425113076707      1      1            2
    """
    announced = announcements(traffic)
    return _counted(
        announced.assign(site=sites_of(announced["peer"])),
        ["peer_id"],
        {"hosts": ("host", "nunique"), "sites": ("site", "nunique")},
    )


def _counted(
    announced: pd.DataFrame, keys: list[str], more: dict[str, tuple[str, str]]
) -> pd.DataFrame:
    counts = {
        **more,
        "connections": ("connection", "nunique"),
        "announcements": ("message", "size"),
        "first": ("time", "min"),
        "last": ("time", "max"),
    }
    return (
        announced.groupby(keys, dropna=False, sort=True, observed=True).agg(**counts).reset_index()
    )


# ---- ids of one endpoint in the course of time ----


@in_parts
@once_per_view
def id_sessions(traffic: Traffic | View, by_port: bool = True) -> pd.DataFrame:
    """Returns the announcements of each endpoint (host and listening port; the host alone without
    `by_port`) in order of time, each compared with the one before. Unit: message.

    The columns are those of announcements and

    - `session` (int64): number within the endpoint, from 0. A second 1001 on a connection is a
      session too
    - `changed` (bool): the id differs from that of the session before
    - `known` (bool): an earlier session of the endpoint had this id
    - `sequential` (bool): no message came from connections with other ids after this announcement,
      so the earlier process had ended

    Endpoints with hidden port are one endpoint per host.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.id_sessions(traffic)[["peer", "host", "peer_id", "direction"]].head(2)
                 peer            host              peer_id direction
    0  198.18.113.151  198.18.113.151  5648305352601088522  incoming
    1  198.18.113.151  198.18.113.151  4764904437423146863  incoming
    """
    announced = announcements(traffic)
    keys = ["host", "port"] if by_port else ["host"]
    groups = announced.groupby(keys, dropna=False, sort=True)
    announced["endpoint"] = groups.ngroup()
    announced["session"] = groups.cumcount()
    before = announced.groupby("endpoint")["peer_id"].shift()
    announced["changed"] = (
        (before.notna() & (before != announced["peer_id"])).fillna(False).astype(bool)
    )
    announced["known"] = announced.groupby(["endpoint", "peer_id"]).cumcount() > 0
    announced["sequential"] = ~_others_alive(announced, 0)
    return announced.sort_values(["endpoint", "session"], kind="stable", ignore_index=True)


def _others_alive(announced: pd.DataFrame, margin: int) -> NDArray[np.bool_]:
    """Whether, for each announcement, a message came on an earlier connection of the endpoint with
    another id more than `margin` nanoseconds later.

    `announced` is in order of time. The function keeps the latest `heard` of the earlier
    announcements, and the latest among those with another id than that one; one of the two has
    another id than the row.
    """
    alive = np.zeros(len(announced), dtype=bool)
    endpoints, ids = announced["endpoint"].to_numpy(), announced["peer_id"].to_numpy(dtype="uint64")
    times, heard = _ns(announced["time"]), _ns(announced["heard"])
    best: dict[int, tuple[int, np.uint64]] = {}
    second: dict[int, tuple[int, np.uint64]] = {}
    for row, (endpoint, number, time, last) in enumerate(
        zip(endpoints, ids, times, heard, strict=True)
    ):
        for other in (best.get(endpoint), second.get(endpoint)):
            alive[row] |= other is not None and other[1] != number and other[0] > time + margin
        top = best.get(endpoint)
        if top is None or last >= top[0]:
            if top is not None and top[1] != number:
                second[endpoint] = top
            best[endpoint] = (last, number)
        elif number != top[1] and (endpoint not in second or last > second[endpoint][0]):
            second[endpoint] = (last, number)
    return alive


@in_parts
@per_vantage
def id_returns(traffic: Traffic | View, by_port: bool = True) -> pd.DataFrame:
    """Returns the sessions (rows and columns of id_sessions) in which an endpoint announced an id
    that it had before, with another one in between. Unit: message.

    Each vantage node is considered by itself; the column `vantage` names it.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.id_returns(traffic).columns[:4].tolist()
    ['vantage', 'message', 'connection', 'peer']
    """
    sessions = id_sessions(traffic, by_port)
    return sessions[sessions["changed"] & sessions["known"]].reset_index(drop=True)


@in_parts
@per_vantage
def concurrent_peer_ids(traffic: Traffic | View, margin: float = 0.0) -> pd.DataFrame:
    """Returns the announcements of an endpoint with a known listening port while another of its
    connections, with another id, was alive: a message came on it more than `margin` seconds after
    the announcement. The columns are those of announcements. Unit: message.

    A process that restarted is not alive on its old connections, even if they remain open, and so
    does not count.

    Each vantage node is considered by itself; the column `vantage` names it.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.concurrent_peer_ids(traffic).columns[:4].tolist()
    ['vantage', 'message', 'connection', 'peer']
    """
    announced = announcements(traffic)
    announced = announced[announced["port"].notna()].reset_index(drop=True)
    announced["endpoint"] = announced.groupby(["host", "port"]).ngroup()
    return (
        announced[_others_alive(announced, int(margin * _SECOND))]
        .drop(columns="endpoint")
        .reset_index(drop=True)
    )


# ---- ids of several hosts ----


@in_parts
@once_per_view
def id_spans(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per peer id and site (IPv4 address or IPv6 /64) that announced it, with the
    time of its use. Unit: id and site.

    - `peer_id` (UInt64), `site`
    - `family` (int64): 4 or 6, 0 for names
    - `first` (time): first announcement
    - `last` (time): last message on a connection that announced it
    - `announcements` (int64)
    - `message`: of the first announcement
    - `overlaps` (int64): other sites of the same family whose span overlaps with this one

    Only sites of the same family count, because one process can have an IPv4 and an IPv6 address. A
    node that moves to another address has spans that follow each other.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.id_spans(traffic)[["peer_id", "site", "family", "announcements"]].head(2)
                   peer_id            site  family  announcements
    0   621906230204837781  198.18.209.202       4              1
    1  2166087425113076707  198.19.150.246       4              2
    """
    announced = announcements(traffic)
    announced["site"] = sites_of(announced["peer"])
    grouped = announced.groupby(["peer_id", "site"], sort=True)
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
    """The number of other rows with the same id and family whose span overlaps with each row: those
    that began before its end, minus those that ended before its beginning.
    """
    counts = np.zeros(len(spans), dtype=np.int64)
    several = spans[spans.duplicated(["peer_id", "family"], keep=False)]
    for _, rows in several.groupby(["peer_id", "family"]):
        first, last = _ns(rows["first"]), _ns(rows["last"])
        began = np.searchsorted(np.sort(first), last, side="left")
        ended = np.searchsorted(np.sort(last), first, side="right")
        counts[rows.index.to_numpy()] = np.maximum(began - ended - 1, 0)
    return counts


@in_parts
def id_clusters(traffic: Traffic | View, overlapping: bool = True) -> pd.DataFrame:
    """Returns the sites joined by common ids, directly or through others (connected components of
    the graph of sites and ids). Unit: site.

    - `cluster` (int64), `site`
    - `sites`, `ids` (int64): of the cluster; every id that its sites announced

    Only clusters of two or more sites are listed. With `overlapping`, an id joins only sites that
    announced it in overlapping time (`overlaps` of id_spans). Otherwise it joins all sites that
    announced it, including those of a node that changed its address.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.id_clusters(traffic).columns[:4].tolist()
    ['cluster', 'site', 'sites', 'ids']
    """
    spans = id_spans(traffic)
    joining = spans[spans["overlaps"] > 0] if overlapping else spans
    sites, names = pd.factorize(spans["site"])
    ids, _ = pd.factorize(spans["peer_id"])
    family = spans["family"].to_numpy() if overlapping else np.zeros(len(spans), dtype=np.int64)
    rows = joining.index.to_numpy()
    # with overlaps, an id joins the sites of one family only, so it is one node per family
    links = ids * 10 + family
    _, joints = np.unique(links[rows], return_inverse=True)
    label = components(sites[rows], len(names) + joints, len(names) + len(joints))[: len(names)]
    table = pd.DataFrame({"cluster": label, "site": np.asarray(names, dtype=object)})
    table["sites"] = table.groupby("cluster")["site"].transform("size")
    of_id = pd.DataFrame({"cluster": label[sites], "id": ids})
    table["ids"] = table["cluster"].map(of_id.groupby("cluster")["id"].nunique()).astype("int64")
    table = table[table["sites"] > 1]
    table["cluster"] = pd.factorize(table["cluster"])[0].astype("int64")
    return table.sort_values(["cluster", "site"], ignore_index=True)


# ---- back-pings ----

PING_PATIENCE = 100.0
"""Seconds. A ping connection that ends sooner was closed by the peer; the vantage node waits 120 s
for a pong (P2P_DEFAULT_INVOKE_TIMEOUT).
"""


@in_parts
@per_peer("vantage", "time", "message")
@per_vantage
def back_pings(traffic: Traffic | View, within: float = 5.0) -> pd.DataFrame:
    """Returns one row per complete 1001 request of a peer, with the back-ping that it caused, in
    order of time. Unit: handshake.

    After a handshake request with `my_port` ≠ 0, monerod opens a new connection to that port of the
    sender's address, sends one 1003 request, and compares the id of the response with that of the
    handshake (src/p2p/net_node.inl handle_handshake, try_ping).

    - `vantage` (category): name of the vantage node, its address without names
    - `message`, `connection` (int64), `peer`, `host`, `port` (UInt32, missing if `my_port` is 0),
      `peer_id` (UInt64), `time`, `file`, `frame`: of the handshake
    - `ping_connection` (Int64)
    - `delay` (float64): seconds from the request to the SYN of the back-ping
    - `pong` (Int64): message id
    - `pong_id` (UInt64)
    - `match` (boolean): the two ids are equal
    - `outcome` (category): one of the following

    - `answered`: a pong with an id
    - `no_port`: `my_port` is 0
    - `not_seen`: no such connection within `within` seconds in the capture
    - `connect_unanswered`: no packet came back
    - `refused`: no TCP connection was established
    - `closed_by_peer`: the connection was established, and ended before a pong
    - `ping_unanswered`: the ping was sent, and no response arrived while the vantage node waited

    A back-ping belongs to the latest request of its endpoint before it. The first such connection
    counts.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.back_pings(traffic)[["peer", "host", "peer_id", "outcome"]].head(2)
                 peer            host               peer_id  outcome
    0  198.18.155.221  198.18.155.221  10543696157066626386  no_port
    1    198.19.218.5    198.19.218.5   6260022045248846372  no_port
    """
    view = viewed(traffic)
    asked = _handshake_requests(view)
    pings = _ping_connections(view)
    table = _latest(asked, pings, within)
    answers = pongs(view).drop_duplicates("connection").set_index("connection")
    at = answers.index.get_indexer(table["ping_connection"].fillna(-1).astype("int64"))
    table["pong"] = pd.array(
        np.where(at >= 0, answers["message"].to_numpy()[at] if len(answers) else 0, 0),
        dtype="Int64",
    )
    table["pong_id"] = answers["peer_id"].array.take(at, allow_fill=True)
    table.loc[at < 0, "pong"] = pd.NA
    table["match"] = (
        (table["pong_id"] == table["peer_id"])
        .astype("boolean")
        .where(pd.Series(at >= 0, index=table.index), pd.NA)
    )
    table["outcome"] = _outcomes(table)
    columns = ["message", "connection", "peer", "host", "port", "peer_id", "time", "file", "frame"]
    return table[[*columns, "ping_connection", "delay", "pong", "pong_id", "match", "outcome"]]


def _handshake_requests(view: View) -> pd.DataFrame:
    announced = view.node_data
    rows = announced[
        (announced["direction"] == "received")
        & (announced["command"] == 1001)
        & (announced["kind"] == "request")
        & announced["peer_id"].notna()
    ]
    table = rows[[*_PLACE, "peer_id"]].copy()
    table["port"] = rows["my_port"].where(rows["my_port"] > 0).astype("UInt32")
    table["host"] = hosts_of(table["peer"])
    return table.sort_values(["time", "message"], kind="stable", ignore_index=True)


def _ping_connections(view: View) -> pd.DataFrame:
    """The connections that the vantage node opened without sending a 1001: those with a ping, and
    those that ended before it.
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
    table = rows[["connection", "opened", "closed", "end", "server_packets", "rtt"]].rename(
        columns={"connection": "ping_connection"}
    )
    table["pinged"] = pinged.reindex(rows["connection"]).set_axis(table.index)
    table["host"] = hosts_of(rows["peer"])
    table["port"] = rows["server_port"].astype("UInt32")
    return table.sort_values("opened", kind="stable", ignore_index=True)


def _latest(asked: pd.DataFrame, pings: pd.DataFrame, within: float) -> pd.DataFrame:
    """The requests, each with the first connection to its endpoint for which it is the latest
    request.
    """
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
    table = asked.merge(joined, on="message", how="left")
    table["ping_connection"] = table["ping_connection"].astype("Int64")
    table["delay"] = (table["opened"] - table["time"]).dt.total_seconds()
    return table


def _outcomes(table: pd.DataFrame) -> pd.Categorical:
    exists = table["ping_connection"].notna()
    established = table["rtt"].notna() | table["pinged"].notna()
    waited = (table["closed"] - table["pinged"]).dt.total_seconds()
    silent = table["pinged"].notna() & ((waited >= PING_PATIENCE) | (table["end"] == "open"))
    conditions = {
        "answered": table["pong"].notna(),
        "no_port": table["port"].isna(),
        "not_seen": ~exists,
        "connect_unanswered": table["server_packets"].fillna(0) == 0,
        "refused": ~established,
        "ping_unanswered": silent,
    }
    names = [*conditions, "closed_by_peer"]
    codes = np.select(
        [np.asarray(condition, dtype=bool) for condition in conditions.values()],
        list(range(len(conditions))),
        len(conditions),
    )
    return pd.Categorical.from_codes(codes, categories=names)


def _ns(times: pd.Series) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = times.to_numpy(dtype="datetime64[ns]").astype(np.int64)
    return numbers
