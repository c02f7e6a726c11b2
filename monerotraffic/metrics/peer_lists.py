"""Contents of the peer lists that peers send: diversity, ports, subnets, popularity, poisoning.
docs/metrics/peer_lists.md explains the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.advertised import advertised_counts
from monerotraffic.metrics.entries import Entries, distinct, entries, texts, unroutable
from monerotraffic.metrics.sources import in_parts
from monerotraffic.net.prefixes import Prefixes, parse_networks
from monerotraffic.tables.part_metrics import in_order
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, per_peer, viewed

__all__ = [
    "ban_list_adoption",
    "list_diversity",
    "sender_diversity",
]

Mask = NDArray[np.bool_]

_TABLES = ("connections", "messages", "peer_lists", "problems")


@in_parts
@per_peer("message", tables=_TABLES)
def list_diversity(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per peer list with entries in a complete 1001 or 1002 of a peer.

    - `message`, `connection` (int64)
    - `peer` (category): the sender
    - `command` (uint32), `kind` (category), `time` (of the first byte), `file`, `frame` (int64)
    - `entries` (int64)
    - `hosts` (int64): distinct addresses
    - `endpoints` (int64): distinct pairs of address and port
    - `subnets` (int64): distinct /24 (IPv4) and /64 (IPv6)
    - `many_ports` (int64): addresses with two or more ports
    - `most_ports` (int64): the largest number of ports of one address
    - `repeated` (int64): entries whose address and port were sent before on the connection
    - `unroutable` (int64): entries that no other node can reach (loopback, private, link-local,
      unspecified address, port 0, no address)
    - `diversity` (float64): `subnets` ÷ distinct IP addresses, NaN without any

    An IPv4 address and its v4-mapped form are two addresses of one subnet.

    Source: arXiv 2509.10214 (diversity of /24); src/p2p/net_peerlist.h get_peerlist_head.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.list_diversity(traffic)[["peer", "command", "kind", "entries"]].head(2)
                 peer  command      kind  entries
    0   198.18.252.84     1002  response      300
    1  198.19.119.116     1002  response      250
    """
    e = entries(traffic)
    table = e.lists.copy()
    pairs, ports = e.in_lists, e.ports_in_lists
    table["hosts"] = np.bincount(pairs.of, minlength=len(table))
    table["endpoints"] = np.bincount(pairs.of, weights=ports, minlength=len(table)).astype(np.int64)
    table["subnets"], table["diversity"] = _diversity(e, pairs.of, pairs.host, len(table))
    table["many_ports"] = np.bincount(pairs.of[ports > 1], minlength=len(table))
    starts = np.flatnonzero(np.diff(pairs.of, prepend=-1))
    most = np.zeros(len(table), dtype=np.int64)
    most[pairs.of[starts]] = np.maximum.reduceat(ports, starts) if len(starts) else 0
    table["most_ports"] = most
    table["repeated"] = e.per_list(e.repeated)
    table["unroutable"] = e.per_list(unroutable(e))
    return table


def _diversity(
    e: Entries, of: NDArray[np.int64], host: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The number of distinct subnets of each group of distinct hosts, and that number ÷ the number
    of IP hosts.
    """
    subnet = e.addresses.subnet[host]
    known = subnet >= 0
    groups = distinct(of[known] * max(1, len(e.addresses.subnets)) + subnet[known])[0] // max(
        1, len(e.addresses.subnets)
    )
    subnets, hosts = np.bincount(groups, minlength=count), np.bincount(of[known], minlength=count)
    return subnets, np.divide(subnets, hosts, out=np.full(count, np.nan), where=hosts > 0)


@in_parts
def sender_diversity(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per peer that sent peer lists, for all its lists together, in order of the
    peer.

    - `peer` (object): address
    - `connections`, `lists` (int64): with entries
    - `entries` (int64)
    - `hosts` (int64): distinct addresses
    - `subnets` (int64): distinct /24 and /64
    - `exclusive` (int64): addresses that no other peer sent
    - `tried` (int64): addresses that the vantage node tried to reach
    - `unreachable` (int64): tried addresses that never answered
    - `unroutable` (int64): entries that no other node can reach
    - `diversity` (float64): `subnets` ÷ distinct IP addresses
    - `exclusive_share` (of `hosts`), `unreachable_share` (of `tried`), `unroutable_share` (of
      `entries`) (float64): NaN without any

    High shares indicate poisoning (Cao et al. 2019, "Exploring the Monero peer-to-peer network").
    However, the first peer of a capture, or one with a new white list, has many exclusive
    addresses, and one vantage node tries few addresses.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.sender_diversity(traffic)
    >>> rows[["peer", "connections", "lists", "entries"]].head(2)
                 peer  connections  lists  entries
    0  198.18.113.151            1      1      250
    1  198.18.155.221            1      1      250
    """
    view = viewed(traffic)
    advertised_counts(view.whole)  # what _sender_diversity needs of all peers
    return _sender_diversity(view)


@per_peer("peer", tables=_TABLES)
def _sender_diversity(traffic: Traffic | View) -> pd.DataFrame:
    e = entries(traffic)
    view = viewed(traffic)
    senders, place = np.unique(e.sender, return_inverse=True)
    count = len(senders)
    table = pd.DataFrame({"peer": texts(e.hosts(senders))})
    linked = np.unique(place * (int(e.connection.max(initial=0)) + 1) + e.connection) // (
        int(e.connection.max(initial=0)) + 1
    )
    table["connections"] = np.bincount(linked, minlength=count)
    table["lists"] = np.bincount(place, minlength=count)
    table["entries"] = np.bincount(place, weights=e.lists["entries"], minlength=count).astype(
        np.int64
    )
    pairs = e.of_senders
    of = np.searchsorted(senders, pairs.of)
    table["hosts"] = np.bincount(of, minlength=count)
    table["subnets"], table["diversity"] = _diversity(e, of, pairs.host, count)
    known_by = _of_texts(advertised_counts(view.whole), e.addresses.text)
    table["exclusive"] = np.bincount(of[known_by[pairs.host] == 1], minlength=count)
    tried, reached = _tried(view.whole, e.addresses.text)
    table["tried"] = np.bincount(of[tried[pairs.host]], minlength=count)
    table["unreachable"] = np.bincount(of[(tried & ~reached)[pairs.host]], minlength=count)
    table["unroutable"] = np.bincount(
        place, weights=e.per_list(unroutable(e)), minlength=count
    ).astype(np.int64)
    for share, part, whole in (
        ("exclusive", "exclusive", "hosts"),
        ("unreachable", "unreachable", "tried"),
        ("unroutable", "unroutable", "entries"),
    ):
        table[f"{share}_share"] = _share(table[part], table[whole])
    return in_order(table, ["peer"])


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0)


def _of_texts(counts: pd.Series, texts_of: pd.Index) -> NDArray[np.int64]:
    """The count of each of these addresses, 0 without one."""
    numbers: NDArray[np.int64] = counts.reindex(texts_of, fill_value=0).to_numpy(dtype=np.int64)
    return numbers


def _tried(view: View, texts_of: pd.Index) -> tuple[Mask, Mask]:
    """To which of these addresses the vantage node opened connections, and which of them ever sent
    bytes.
    """
    out = view.connections[view.connections["direction"] == "outgoing"]
    answered = out[out["server_bytes"] > 0]
    return _among(texts_of, out), _among(texts_of, answered)


def _among(texts_of: pd.Index, rows: pd.DataFrame) -> Mask:
    """Which of these addresses are the peer of a row."""
    known: Mask = texts_of.isin(rows["peer"].unique().astype(object))
    return known


@in_parts
def ban_list_adoption(traffic: Traffic | View, networks: Iterable[str]) -> pd.DataFrame:
    """Returns one row per peer that sent peer lists, with the share of its addresses in a list of
    networks (`a.b.c.d/n`, IPv6, single addresses). In order of the peer.

    - `peer` (object)
    - `hosts` (int64): distinct addresses that it sent
    - `banned` (int64): those in the networks
    - `entries`, `banned_entries` (int64)
    - `share` (float64): `banned` ÷ `hosts`

    A node with the ban list neither connects to these addresses nor answers them, so they do not
    enter its white list (src/p2p/net_node.inl block_host). A share of 0 over many hosts, where
    others have some, indicates that it uses the list. Addresses stay in white lists until they are
    replaced, so the share is not 0 soon after adoption.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.ban_list_adoption(traffic, ["198.19.0.0/16"])
    >>> rows[["peer", "hosts", "banned"]].head(2)
                 peer  hosts  banned
    0  198.18.113.151    250     123
    1  198.18.155.221    250     124
    """
    return _adoption(traffic, tuple(networks))


@per_peer("peer", tables=_TABLES)
def _adoption(traffic: Traffic | View, networks: tuple[str, ...]) -> pd.DataFrame:
    e = entries(traffic)
    listed = Prefixes(parse_networks(networks)).find(e.addresses.text) >= 0
    senders, place = np.unique(e.sender, return_inverse=True)
    pairs = e.of_senders
    of = np.searchsorted(senders, pairs.of)
    table = pd.DataFrame({"peer": texts(e.hosts(senders))})
    table["hosts"] = np.bincount(of, minlength=len(senders))
    table["banned"] = np.bincount(of[listed[pairs.host]], minlength=len(senders))
    table["entries"] = np.bincount(
        place, weights=e.lists["entries"], minlength=len(senders)
    ).astype(np.int64)
    table["banned_entries"] = np.bincount(
        place,
        weights=e.per_list(np.append(listed, False)[e.distinct_host][e.code]),
        minlength=len(senders),
    ).astype(np.int64)
    table["share"] = _share(table["banned"], table["hosts"])
    return in_order(table, ["peer"])
