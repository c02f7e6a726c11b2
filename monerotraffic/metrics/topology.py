"""The graph of peer lists, and what one vantage node can infer about the network from it.

It can infer which addresses are in which white lists, and so with which nodes a node had a
handshake or a back-ping at some time (src/p2p/net_node.inl: only these enter the white list). It
can also infer which addresses entered a white list while the connection was open
(`refreshed_entries`).

It cannot infer current connections. Lists are random samples of up to 1000 peers, shuffled, without
last_seen since v0.14.1 (src/p2p/net_peerlist.h get_peerlist_head), so that neither their order nor
their times identify neighbours, as they did for Cao et al. 2019. An edge is a claim of its sender:
false claims create edges too.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.advertised import claims
from monerotraffic.metrics.entries import Entries, entries, texts
from monerotraffic.metrics.similarity import By, list_similarity
from monerotraffic.metrics.sources import in_parts
from monerotraffic.tables.part_metrics import in_order
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, per_peer, viewed

__all__ = ["centrality", "communities", "components", "degrees", "refreshed_entries", "peer_graph"]

Ints = NDArray[np.int64]

_TABLES = ("connections", "messages", "peer_lists", "problems")
_FULL = 250
"""Entries of a list at most (P2P_DEFAULT_PEERS_IN_HANDSHAKE)."""


@in_parts
@per_peer("peer", "host", tables=_TABLES)
def peer_graph(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the directed graph of peer lists: one row per sender and address that it advertised,
    for any port, in order of both.

    - `peer`, `host` (category): sender and advertised address
    - `lists` (int64): peer lists with the address
    - `mentions` (int64): entries
    - `first`, `last` (time): first byte of the first and of the last such list

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.peer_graph(traffic)[["peer", "host", "lists", "mentions"]].head(2)
                 peer          host  lists  mentions
    0  198.18.113.151  198.18.0.144      1         1
    1  198.18.113.151   198.18.1.60      1         1
    """
    e = entries(traffic)
    pairs = e.in_lists
    width = max(1, len(e.addresses.text))
    keys = e.sender[pairs.of] * width + pairs.host
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    peer, host = np.divmod(keys[order][starts], width)
    table = pd.DataFrame({"peer": _category(e, peer), "host": _category(e, host)})
    table["lists"] = np.diff(np.append(starts, len(keys)))
    table["mentions"] = np.add.reduceat(pairs.count[order], starts) if len(starts) else pairs.count
    times = e.lists["time"].to_numpy(dtype="M8[ns]").view(np.int64)[pairs.of[order]]
    for name, least in (("first", np.minimum), ("last", np.maximum)):
        reduced = least.reduceat(times, starts) if len(starts) else times
        table[name] = pd.DatetimeIndex(reduced.view("M8[ns]"), tz="UTC")
    return in_order(table, ["peer", "host"])


def _category(e: Entries, codes: Ints) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, dtype=e.lists["peer"].dtype)


@in_parts
def degrees(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per node of the graph of peer lists, that is per address that sent lists or
    is in one, in order of the address.

    - `host` (object)
    - `out_degree` (int64): addresses that it advertised
    - `in_degree` (int64): senders that advertised it
    - `component` (int64): number of its connected component, from 0, the largest first
    - `component_size` (int64): nodes of the component

    Its own address in its own list is an edge too.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.degrees(traffic)[["host", "out_degree", "in_degree", "component"]].head(2)
               host  out_degree  in_degree  component
    0  198.18.0.118           0          1          0
    1  198.18.0.144           0          1          0
    """
    claimed = claims(viewed(traffic))
    peer, host = claimed.pairs
    count = len(claimed.addresses.text)
    table = pd.DataFrame({"host": texts(claimed.addresses.text)})
    table["out_degree"] = np.bincount(peer, minlength=count)
    table["in_degree"] = np.bincount(host, minlength=count)
    table["component"] = components(peer, host, count)
    table["component_size"] = np.bincount(table["component"], minlength=1)[table["component"]]
    return table


@in_parts
def centrality(
    traffic: Traffic | View, damping: float = 0.85, tolerance: float = 1e-12
) -> pd.DataFrame:
    """Returns the PageRank of every node of the graph of peer lists (Brin and Page 1998): the
    probability of a node in a random walk that follows advertisements, and continues at a random
    node with probability 1 - `damping` or where an address advertised nothing. One row per node,
    the highest first.

    - `host` (object)
    - `centrality` (float64): the sum is 1

    A high value means that many nodes, or central nodes, advertise the address. It does not mean
    many connections, because lists contain known addresses, not connections. `tolerance` bounds the
    sum of the changes of the last round.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.centrality(traffic)[["host", "centrality"]].head(2)
                 host  centrality
    0     198.18.2.26    0.000647
    1  198.18.168.246    0.000646
    """
    claimed = claims(viewed(traffic))
    sender, host = claimed.pairs
    count = len(claimed.addresses.text)
    size, out = max(1, count), np.bincount(sender, minlength=count)
    rank = np.full(count, 1 / size)
    changed = np.inf if count else 0.0
    while changed > tolerance:
        inflow = np.bincount(host, weights=rank[sender] / out[sender], minlength=count)
        new = damping * (inflow + rank[out == 0].sum() / size) + (1 - damping) / size
        changed, rank = float(np.abs(new - rank).sum()), new
    table = pd.DataFrame({"host": texts(claimed.addresses.text), "centrality": rank})
    return table.sort_values("centrality", ascending=False, kind="stable", ignore_index=True)


@in_parts
def communities(
    traffic: Traffic | View, by: By = "host", min_share: float = 0.5, min_entries: int = 100
) -> pd.DataFrame:
    """Returns the senders joined by lists that share at least `min_share` of the smaller one
    (list_similarity), directly or through others. One row per sender.

    - `community` (int64): from 0, the largest first
    - `peer` (object)
    - `peers` (int64): senders in the community
    - `alike` (int64): those whose lists are directly similar to its own

    A large community is a group with a common list, or a network so small that all white lists are
    similar.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.communities(traffic).columns[:4].tolist()
    ['community', 'peer', 'peers', 'alike']
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
    table = pd.DataFrame({"community": number, "peer": texts(names)})
    table["peers"] = np.bincount(number, minlength=1)[number]
    table["alike"] = np.bincount(ends, minlength=len(names))
    return table.sort_values(["community", "peer"], kind="stable", ignore_index=True)


def components(left: Ints, right: Ints, count: int) -> Ints:
    """Returns the connected component of each of `count` nodes with the undirected edges left[i] –
    right[i]: numbers from 0, the largest component first.

    Union-find with path compression, over all edges at once.

    >>> import numpy as np
    >>> from monerotraffic import metrics
    >>> metrics.components(np.array([0, 1, 3]), np.array([1, 2, 4]), 6).tolist()
    [0, 0, 0, 1, 1, 2]
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
    table: Ints = rank[number]
    return table


@in_parts
@per_peer("message", tables=_TABLES)
def refreshed_entries(traffic: Traffic | View, after: float = 1800, most: int = 25) -> pd.DataFrame:
    """Returns the addresses that a peer first sent on a connection after its whole white list, so
    that they entered the white list in the meantime. One row per entry.

    - `peer`, `host` (category), `port` (uint16), `connection`, `message` (int64)
    - `time`: first byte of the list
    - `age` (float64): seconds since the first list of the connection

    monerod sends only entries that it has not sent on the connection, at each tick from 250 of at
    most 1000 peers: after 30 ticks less than one address in 5000 is left (0.75^30). A first list of
    fewer than 250 entries is the whole white list already. A new address has recently become known
    to answer: the peer connected to it, pinged it back after an incoming connection, or checked it
    from its gray list. Such an entry is a candidate for a neighbour at that time. Connections older
    than the first list are not visible. docs/metrics/neighbours.md has the precision and recall
    that were measured.

    `after`: seconds since the first list of the connection (30 ticks), if that list was full.
    `most`: maximum entries of a list, because senders of full lists draw a new sample each time
    (Cuprate) and provide no evidence. Connections whose beginning was not captured are excluded.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.refreshed_entries(traffic).columns[:4].tolist()
    ['peer', 'host', 'port', 'connection']
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
    whole = (lists.groupby("connection")["entries"].transform("first") < _FULL).to_numpy()
    late = (
        ((age >= after) | whole & (age > 0))
        & (lists["entries"].to_numpy() <= most)
        & lists["connection"].isin(begun).to_numpy()
    )
    chosen = np.flatnonzero(late[e.of] & ~e.repeated & (e.host >= 0))
    of = e.of[chosen]
    table = pd.DataFrame(
        {
            "peer": lists["peer"].array.take(of),
            "host": _category(e, e.host[chosen].astype(np.int64)),
            "port": e.port[chosen],
        }
    )
    for name in ("connection", "message", "time"):
        table[name] = lists[name].array.take(of)
    table["age"] = age[of]
    return table
