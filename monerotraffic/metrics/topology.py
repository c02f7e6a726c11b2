"""Who advertises whom: the graph of peer lists, and what one vantage node can tell of the network
from it.

What it can: which addresses stand in whose white list, and so with whom a node had a handshake or a
back-ping at some time (src/p2p/net_node.inl: only these
enter the white list); what entered a white list while the connection was open (`refreshed_entries`).
What it cannot: which of them are connected now. Lists are
random samples of up to 1000 peers, shuffled, without last_seen since v0.14.1
(src/p2p/net_peerlist.h get_peerlist_head), so that neither their order nor their
times tell neighbours apart, as they did for Cao et al. 2019. An edge is a claim of its sender: a
liar's list makes edges, too.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.entries import Entries, entries, texts
from monerotraffic.metrics.similarity import By, list_similarity
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = ["centrality", "communities", "components", "degrees", "refreshed_entries", "peer_graph"]

Ints = NDArray[np.int64]


def peer_graph(traffic: Traffic | View) -> pd.DataFrame:
    """The directed graph of peer lists: one row per sender and address that it advertised, whatever
    the port.

    Columns: `peer` (sender) and `host` (advertised), categories of addresses; int64 `lists`, peer
    lists that name it, and `mentions`, entries; `first`, `last`
    (datetime64[ns, UTC]), first byte of the first and the last of these lists.
    """
    e = entries(traffic)
    pairs = e.in_lists
    width = max(1, len(e.addresses.text))
    keys = e.sender[pairs.of] * width + pairs.host
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    peer, host = np.divmod(keys[order][starts], width)
    made = pd.DataFrame({"peer": _category(e, peer), "host": _category(e, host)})
    made["lists"] = np.diff(np.append(starts, len(keys)))
    made["mentions"] = np.add.reduceat(pairs.count[order], starts) if len(starts) else pairs.count
    times = e.lists["time"].to_numpy(dtype="M8[ns]").view(np.int64)[pairs.of[order]]
    for name, least in (("first", np.minimum), ("last", np.maximum)):
        taken = least.reduceat(times, starts) if len(starts) else times
        made[name] = pd.DatetimeIndex(taken.view("M8[ns]"), tz="UTC")
    return made


def _category(e: Entries, codes: Ints) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, dtype=e.lists["peer"].dtype)


def degrees(traffic: Traffic | View) -> pd.DataFrame:
    """One row per node of the graph of peer lists, that is per address that sent lists or stands in
    one.

    Columns: `host` (object); int64 `out_degree`, addresses that it advertised; `in_degree`, senders
    that advertised it; `component`, number of its connected
    component, from 0, the largest first; `component_size`, nodes in it. Its own address in its own
    list is an edge, too.
    """
    e = entries(traffic)
    pairs = e.of_senders
    count = len(e.addresses.text)
    out, into = np.bincount(pairs.of, minlength=count), np.bincount(pairs.host, minlength=count)
    nodes = np.flatnonzero(out + into)
    made = pd.DataFrame(
        {"host": texts(e.hosts(nodes)), "out_degree": out[nodes], "in_degree": into[nodes]}
    )
    made["component"] = components(
        np.searchsorted(nodes, pairs.of), np.searchsorted(nodes, pairs.host), len(nodes)
    )
    made["component_size"] = np.bincount(made["component"], minlength=1)[made["component"]]
    return made


def centrality(
    traffic: Traffic | View, damping: float = 0.85, tolerance: float = 1e-12
) -> pd.DataFrame:
    """PageRank of every node of the graph of peer lists (Brin and Page 1998): where a walk is found
    that follows advertisements at random, and with probability
    1 - `damping`, or where an address advertised nothing, goes on anywhere.

    One row per node: `host` (object), `centrality` (float64, their sum is 1), the highest first.
    High values: advertised by many, or by those who are
    advertised by many. A popular address need not be well connected: lists tell of acquaintance,
    not of connections. `tolerance` bounds the sum of the changes
    of the last round.
    """
    e = entries(traffic)
    pairs = e.of_senders
    count = len(e.addresses.text)
    nodes = np.flatnonzero(
        np.bincount(pairs.of, minlength=count) + np.bincount(pairs.host, minlength=count)
    )
    sender, host, size = (
        np.searchsorted(nodes, pairs.of),
        np.searchsorted(nodes, pairs.host),
        max(1, len(nodes)),
    )
    out = np.bincount(sender, minlength=len(nodes))
    rank = np.full(len(nodes), 1 / size)
    changed = np.inf if len(nodes) else 0.0
    while changed > tolerance:
        given = np.bincount(host, weights=rank[sender] / out[sender], minlength=len(nodes))
        new = damping * (given + rank[out == 0].sum() / size) + (1 - damping) / size
        changed, rank = float(np.abs(new - rank).sum()), new
    made = pd.DataFrame({"host": texts(e.hosts(nodes)), "centrality": rank})
    return made.sort_values("centrality", ascending=False, kind="stable", ignore_index=True)


def communities(
    traffic: Traffic | View, by: By = "host", min_share: float = 0.5, min_entries: int = 100
) -> pd.DataFrame:
    """Senders joined by lists that share at least `min_share` of the smaller one (list_similarity),
    directly or through others.

    One row per such sender: `community` (int64, from 0, the largest first), `peer` (object),
    `peers` (int64, senders in the community), `alike` (int64, of them
    those whose lists are directly like its own). A large community is a group that draws from one
    list, or a network so small that all white lists are alike.
    """
    pairs = list_similarity(traffic, by, min_share, min_entries)
    links = pairs[["peer", "other"]].astype(object).drop_duplicates()
    names = np.unique(
        np.concatenate(
            [links["peer"].to_numpy(dtype=object), links["other"].to_numpy(dtype=object)]
        )
    )
    left, right = (
        np.searchsorted(names, links[side].to_numpy(dtype=object)).astype(np.int64)
        for side in ("peer", "other")
    )
    number = components(left, right, len(names)) if len(names) else np.zeros(0, dtype=np.int64)
    keys = np.unique(np.minimum(left, right) * max(1, len(names)) + np.maximum(left, right))
    ends = np.concatenate(np.divmod(keys, max(1, len(names))))
    made = pd.DataFrame({"community": number, "peer": texts(names)})
    made["peers"] = np.bincount(number, minlength=1)[number]
    made["alike"] = np.bincount(ends, minlength=len(names))
    return made.sort_values(["community", "peer"], kind="stable", ignore_index=True)


def components(left: Ints, right: Ints, count: int) -> Ints:
    """The connected component of each of `count` nodes under the undirected edges left[i] –
    right[i]: numbers from 0, the largest component first.

    Union-find with path compression, over all edges at once.
    """
    root = np.arange(count)
    while True:
        one, two = root[left], root[right]
        apart = one != two
        if not apart.any():
            break
        np.minimum.at(root, np.maximum(one, two)[apart], np.minimum(one, two)[apart])
        while (root[root] != root).any():
            root = root[root]
    _, number = np.unique(root, return_inverse=True)
    order = np.argsort(-np.bincount(number, minlength=1), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    made: Ints = rank[number]
    return made


def refreshed_entries(traffic: Traffic | View, after: float = 1800, most: int = 25) -> pd.DataFrame:
    """Addresses that a peer first named on a connection long after its first list there: what
    entered its white list in the meantime.

    A monerod sends only what it has not yet sent on the connection, at each tick out of 250 of at
    most 1000 peers: after 30 ticks less than one address in 5000
    is left (0.75^30), and what is new has newly become known to answer: the peer opened a
    connection to it, or was back-pinged after it came, or checked it
    from its gray list. So a late entry is a candidate for a neighbour at that time, no more; and
    connections that had been there before the first list stay
    unseen.

    Parameters: `after`, seconds since the first list of the connection (30 ticks); `most`, entries
    of a list: senders of full lists sample anew each time
    (Cuprate), and tell nothing by it. Connections whose beginning was not captured are left out.

    One row per entry: `peer`, `host` (categories), `port` (uint16), `connection`, `message` (ids),
    `time` (first byte of the list), `age` (float64, seconds
    since the first list).
    """
    e = entries(traffic)
    view = viewed(traffic)
    lists = e.lists
    begun = view.connections.loc[view.connections["start"] == "syn", "connection"]
    age = (
        (lists["time"] - lists.groupby("connection")["time"].transform("min"))
        .dt.total_seconds()
        .to_numpy()
    )
    late = (
        (age >= after)
        & (lists["entries"].to_numpy() <= most)
        & lists["connection"].isin(begun).to_numpy()
    )
    chosen = np.flatnonzero(late[e.of] & ~e.repeated & (e.host >= 0))
    of = e.of[chosen]
    made = pd.DataFrame(
        {
            "peer": lists["peer"].array.take(of),
            "host": _category(e, e.host[chosen].astype(np.int64)),
            "port": e.port[chosen],
        }
    )
    for name in ("connection", "message", "time"):
        made[name] = lists[name].array.take(of)
    made["age"] = age[of]
    return made
