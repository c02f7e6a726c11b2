"""Contents of the peer lists that peers send: diversity, ports, subnets, popularity, poisoning.
docs/metrics/peer_lists.md explains the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.entries import Entries, distinct, entries, texts
from monerotraffic.net.prefixes import Prefixes, parse_networks
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, once_per_view, per_peer, viewed

__all__ = [
    "advertised_hosts",
    "advertised_subnets",
    "ban_list_adoption",
    "host_ports",
    "list_diversity",
    "sender_diversity",
]

Mask = NDArray[np.bool_]


@per_peer("message")
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


def unroutable(e: Entries) -> Mask:
    """Which entries no node except possibly their sender can reach."""
    host, port = e.distinct_host, e.distinct_port
    table: Mask = (host < 0) | (port == 0) | np.append(e.addresses.unroutable, False)[host]
    return table[e.code]


def sender_diversity(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per peer that sent peer lists, for all its lists together.

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
    0  198.18.155.221            1      1      250
    1    198.18.30.53            2      2      500
    """
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
    known_by = np.bincount(pairs.host, minlength=len(e.addresses.text))
    table["exclusive"] = np.bincount(of[known_by[pairs.host] == 1], minlength=count)
    tried, reached = _tried(view, len(e.addresses.text))
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
    return table


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0)


def _tried(view: View, count: int) -> tuple[Mask, Mask]:
    """The addresses to which the vantage node opened connections, and those of them that ever sent
    bytes.
    """
    out = view.connections[view.connections["direction"] == "outgoing"]
    codes = out["peer"].cat.codes.to_numpy()
    tried, reached = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    tried[codes] = True
    reached[codes[out["server_bytes"].to_numpy() > 0]] = True
    return tried, reached


def advertised_hosts(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per address in peer lists, with its popularity.

    - `host` (object): address
    - `subnet` (object): its /24 or /64, missing for names
    - `mentions` (int64): entries
    - `lists` (int64)
    - `senders` (int64): peers that sent it (its in-degree)
    - `ports` (int64): distinct ports
    - `peer` (bool): whether it was connected to the vantage node

    Many white lists contain a popular address. It does not necessarily have many connections.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.advertised_hosts(traffic)[["host", "subnet", "mentions", "lists"]].head(2)
                host          subnet  mentions  lists
    0  198.19.45.136  198.19.45.0/24         2      2
    1   198.19.15.90  198.19.15.0/24         2      2
    """
    e = entries(traffic)
    view = viewed(traffic)
    count = len(e.addresses.text)
    lists, ports = (
        np.bincount(e.in_lists.host, minlength=count),
        np.bincount(_endpoints(e)[0], minlength=count),
    )
    codes = np.flatnonzero(lists)
    table = pd.DataFrame({"host": texts(e.hosts(codes)), "subnet": texts(_subnet_texts(e, codes))})
    table["mentions"] = np.bincount(e.host[e.host >= 0], minlength=count)[codes]
    table["lists"] = lists[codes]
    table["senders"] = np.bincount(e.of_senders.host, minlength=count)[codes]
    table["ports"] = ports[codes]
    connected = np.zeros(count, dtype=np.bool_)
    connected[view.connections["peer"].cat.codes.to_numpy()] = True
    table["peer"] = connected[codes]
    return table


def _subnet_texts(e: Entries, codes: NDArray[np.int64]) -> NDArray[np.object_]:
    subnet = e.addresses.subnet[codes]
    names = e.addresses.subnet_names
    table: NDArray[np.object_] = names[subnet]
    return table


def _endpoints(
    e: Entries, chosen: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct addresses and ports that the chosen senders (all if None) advertise: codes,
    ports, and the number of subnets of senders that advertise each.
    """
    sender, host, port = e.endpoints_of_senders
    if chosen is not None:
        among = np.isin(sender, chosen)
        sender, host, port = sender[among], host[among], port[among]
    network = e.addresses.subnet[sender]
    independent = (network >= 0) & (network != e.addresses.subnet[host])
    keys = (host[independent] << 16 | port[independent]) * (len(e.addresses.subnets) + 1) + network[
        independent
    ]
    named, by = distinct(distinct(keys)[0] // (len(e.addresses.subnets) + 1))
    every = distinct(host << 16 | port)[0]
    senders = np.zeros(len(every), dtype=np.int64)
    senders[np.searchsorted(every, named)] = by
    return every >> 16, every & 0xFFFF, senders


@once_per_view
def host_ports(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per address and listening port that peer lists contain, or that the address
    announced itself.

    - `host` (object): address
    - `port` (int64)
    - `senders` (int64): subnets (/24, /64) of the peers that advertise it, except its own
    - `trusted` (int64): the same without peers that sent a list of 100 or more entries in which at
      least half of the hosts have several ports
    - `announced` (bool): in `my_port` of a handshake of that address
    - `answered` (bool): the vantage node connected to it and received bytes

    A peer can put any address into a list: `senders` protects against a single liar, and
    `announced` comes from the address itself.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.host_ports(traffic)[["host", "port", "senders", "trusted"]].head(2)
                host   port  senders  trusted
    0     192.0.2.22  18080        0        0
    1  198.18.152.25  18080        0        0
    """
    e = entries(traffic)
    view = viewed(traffic)
    fair = np.setdiff1d(e.sender, e.sender[class_lists(e)])
    keys = ["host", "port"]
    named = pd.DataFrame(dict(zip([*keys, "senders"], _endpoints(e), strict=True)))
    trusted = pd.DataFrame(dict(zip([*keys, "trusted"], _endpoints(e, fair), strict=True)))
    table = named.merge(trusted, on=keys, how="left").merge(_own_ports(view), on=keys, how="outer")
    table = table.fillna({"senders": 0, "trusted": 0}).astype(
        {"senders": "int64", "trusted": "int64"}
    )
    for name in ("announced", "answered"):
        table[name] = table[name].eq(True).fillna(False).astype(bool)
    table["host"] = texts(e.hosts(table["host"].to_numpy()))
    return table[[*keys, "senders", "trusted", "announced", "answered"]]


def class_lists(e: Entries) -> Mask:
    """Lists of 100 or more entries in which at least half of the hosts have several ports."""
    hosts = np.bincount(e.in_lists.of, minlength=len(e.lists))
    several = np.bincount(e.in_lists.of[e.ports_in_lists > 1], minlength=len(e.lists))
    table: Mask = (e.lists["entries"].to_numpy() >= 100) & (2 * several >= hosts)
    return table


def _own_ports(view: View) -> pd.DataFrame:
    """Ports that addresses announced, or answered on, by address code."""
    received = view.node_data
    received = received[
        (received["direction"] == "received") & received["my_port"].between(1, 65535)
    ]
    out = view.connections[
        (view.connections["direction"] == "outgoing") & (view.connections["server_bytes"] > 0)
    ]
    one = pd.DataFrame(
        {
            "host": received["peer"].cat.codes.astype("int64"),
            "port": received["my_port"].astype("int64"),
            "announced": True,
        }
    )
    two = pd.DataFrame(
        {
            "host": out["peer"].cat.codes.astype("int64"),
            "port": out["server_port"].astype("int64"),
            "answered": True,
        }
    )
    return one.drop_duplicates().merge(two.drop_duplicates(), on=["host", "port"], how="outer")


def advertised_subnets(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per subnet (IPv4 /24, IPv6 /64) with addresses in peer lists.

    - `subnet` (object)
    - `hosts` (int64): distinct addresses
    - `mentions` (int64): entries
    - `senders` (int64): peers that sent any of them

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.advertised_subnets(traffic)
    >>> rows[["subnet", "hosts", "mentions", "senders"]].head(2)
              subnet  hosts  mentions  senders
    0  198.18.0.0/24      5         8        5
    1  198.18.1.0/24      3         4        3
    """
    e = entries(traffic)
    subnet = e.addresses.subnet
    count = len(e.addresses.subnets)
    pairs = e.of_senders
    advertised = np.flatnonzero(np.bincount(pairs.host, minlength=len(subnet)))
    senders = (
        distinct((pairs.of * (count + 1) + subnet[pairs.host])[subnet[pairs.host] >= 0])[0]
        % (count + 1)
        if count
        else np.empty(0, dtype=np.int64)
    )
    senders = np.bincount(senders, minlength=count) if count else senders
    known = e.host >= 0
    table = pd.DataFrame({"subnet": texts(e.addresses.subnets)})
    table["hosts"] = np.bincount(subnet[advertised][subnet[advertised] >= 0], minlength=count)
    mentioned = subnet[e.host[known]]
    table["mentions"] = np.bincount(mentioned[mentioned >= 0], minlength=count)
    table["senders"] = senders
    return table[table["hosts"] > 0].reset_index(drop=True)


def ban_list_adoption(traffic: Traffic | View, networks: Iterable[str]) -> pd.DataFrame:
    """Returns one row per peer that sent peer lists, with the share of its addresses in a list of
    networks (`a.b.c.d/n`, IPv6, single addresses).

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
    0  198.18.155.221    250     124
    1    198.18.30.53    250     125
    """
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
    return table
