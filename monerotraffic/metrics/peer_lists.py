"""What is in the peer lists that peers send: diversity, ports, subnets, popularity, poison.
docs/metrics/peer_lists.md tells what the numbers mean.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.entries import Entries, distinct, entries, texts
from monerotraffic.net.prefixes import Prefixes, parse_networks
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, once_per_view, viewed

__all__ = [
    "advertised_hosts",
    "advertised_subnets",
    "ban_list_adoption",
    "host_ports",
    "list_diversity",
    "sender_diversity",
]

Mask = NDArray[np.bool_]


@once_per_view
def list_diversity(traffic: Traffic | View) -> pd.DataFrame:
    """One row per peer list that a peer sent in a whole 1001 or 1002 and that is not empty.

    Columns: `message`, `connection` (ids, int64), `peer` (its sender, category), `command`
    (uint32), `kind` (category), `time` (of its first byte),
    `file`, `frame` (int64); counts, int64: `entries`; `hosts`, distinct addresses; `endpoints`,
    distinct address and port; `subnets`, distinct /24 (IPv4) and
    /64 (IPv6); `many_ports`, addresses with two or more ports; `most_ports`, the most ports of one
    address; `repeated`, entries whose address and port the
    same connection had named before; `unroutable`, entries that nobody else can reach (loopback,
    private, link-local, unspecified address, port 0, no address);
    and `diversity` (float64), `subnets` ÷ distinct IP addresses, NaN without any.

    An IPv4 address and its v4-mapped form are two addresses of one subnet. Source: arXiv 2509.10214
    (diversity of /24); src/p2p/net_peerlist.h
    get_peerlist_head.
    """
    e = entries(traffic)
    made = e.lists.copy()
    pairs, ports = e.in_lists, e.ports_in_lists
    made["hosts"] = np.bincount(pairs.of, minlength=len(made))
    made["endpoints"] = np.bincount(pairs.of, weights=ports, minlength=len(made)).astype(np.int64)
    made["subnets"], made["diversity"] = _diversity(e, pairs.of, pairs.host, len(made))
    made["many_ports"] = np.bincount(pairs.of[ports > 1], minlength=len(made))
    starts = np.flatnonzero(np.diff(pairs.of, prepend=-1))
    most = np.zeros(len(made), dtype=np.int64)
    most[pairs.of[starts]] = np.maximum.reduceat(ports, starts) if len(starts) else 0
    made["most_ports"] = most
    made["repeated"] = e.per_list(e.repeated)
    made["unroutable"] = e.per_list(unroutable(e))
    return made


def _diversity(
    e: Entries, of: NDArray[np.int64], host: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Distinct subnets of each group of distinct hosts, and their number ÷ that of IP hosts."""
    subnet = e.addresses.subnet[host]
    known = subnet >= 0
    groups = distinct(of[known] * max(1, len(e.addresses.subnets)) + subnet[known])[0] // max(
        1, len(e.addresses.subnets)
    )
    subnets, hosts = np.bincount(groups, minlength=count), np.bincount(of[known], minlength=count)
    return subnets, np.divide(subnets, hosts, out=np.full(count, np.nan), where=hosts > 0)


def unroutable(e: Entries) -> Mask:
    """Which entries nobody but their sender could reach, or nobody at all."""
    made: Mask = (e.host < 0) | (e.port == 0) | np.append(e.addresses.unroutable, False)[e.host]
    return made


def sender_diversity(traffic: Traffic | View) -> pd.DataFrame:
    """One row per peer that sent peer lists: what is in all of them together.

    Columns: `peer` (address, object); counts, int64: `connections` and `lists` with entries,
    `entries`; `hosts`, distinct addresses; `subnets`, distinct /24
    and /64; `exclusive`, addresses that no other peer sent; `tried`, addresses that the vantage
    node tried to reach; `unreachable`, of these those that never
    answered; `unroutable`, entries that nobody else can reach; and shares, float64, NaN for none:
    `diversity`, `subnets` ÷ distinct IP addresses;
    `exclusive_share` of `hosts`; `unreachable_share` of `tried`; `unroutable_share` of `entries`.

    High shares speak of poisoning (Cao et al. 2019, "Exploring the Monero peer-to-peer network"),
    but the first peer of a capture, or one with a new white
    list, has much that others lack; and one vantage node tries few addresses.
    """
    e = entries(traffic)
    view = viewed(traffic)
    senders, place = np.unique(e.sender, return_inverse=True)
    count = len(senders)
    made = pd.DataFrame({"peer": texts(e.hosts(senders))})
    linked = np.unique(place * (int(e.connection.max(initial=0)) + 1) + e.connection) // (
        int(e.connection.max(initial=0)) + 1
    )
    made["connections"] = np.bincount(linked, minlength=count)
    made["lists"] = np.bincount(place, minlength=count)
    made["entries"] = np.bincount(place, weights=e.lists["entries"], minlength=count).astype(
        np.int64
    )
    pairs = e.of_senders
    of = np.searchsorted(senders, pairs.of)
    made["hosts"] = np.bincount(of, minlength=count)
    made["subnets"], made["diversity"] = _diversity(e, of, pairs.host, count)
    known_by = np.bincount(pairs.host, minlength=len(e.addresses.text))
    made["exclusive"] = np.bincount(of[known_by[pairs.host] == 1], minlength=count)
    tried, reached = _tried(view, len(e.addresses.text))
    made["tried"] = np.bincount(of[tried[pairs.host]], minlength=count)
    made["unreachable"] = np.bincount(of[(tried & ~reached)[pairs.host]], minlength=count)
    made["unroutable"] = np.bincount(
        place, weights=e.per_list(unroutable(e)), minlength=count
    ).astype(np.int64)
    for share, part, whole in (
        ("exclusive", "exclusive", "hosts"),
        ("unreachable", "unreachable", "tried"),
        ("unroutable", "unroutable", "entries"),
    ):
        made[f"{share}_share"] = _share(made[part], made[whole])
    return made


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0)


def _tried(view: View, count: int) -> tuple[Mask, Mask]:
    """Addresses that the vantage node opened connections to, and those of them that ever sent
    bytes.
    """
    out = view.connections[view.connections["direction"] == "outgoing"]
    codes = out["peer"].cat.codes.to_numpy()
    tried, reached = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    tried[codes] = True
    reached[codes[out["server_bytes"].to_numpy() > 0]] = True
    return tried, reached


def advertised_hosts(traffic: Traffic | View) -> pd.DataFrame:
    """One row per address that stands in peer lists: its popularity.

    Columns: `host` (address, object), `subnet` (its /24 or /64, object, missing for names); counts,
    int64: `mentions`, entries; `lists`; `senders`, peers that
    sent it (its in-degree); `ports`, distinct ones; `peer` (bool), whether it was connected to the
    vantage node.

    By appearance alone: a popular address is one that many white lists hold, not one with many
    connections.
    """
    e = entries(traffic)
    view = viewed(traffic)
    count = len(e.addresses.text)
    lists, ports = (
        np.bincount(e.in_lists.host, minlength=count),
        np.bincount(_endpoints(e)[0], minlength=count),
    )
    codes = np.flatnonzero(lists)
    made = pd.DataFrame({"host": texts(e.hosts(codes)), "subnet": texts(_subnet_texts(e, codes))})
    made["mentions"] = np.bincount(e.host[e.host >= 0], minlength=count)[codes]
    made["lists"] = lists[codes]
    made["senders"] = np.bincount(e.of_senders.host, minlength=count)[codes]
    made["ports"] = ports[codes]
    connected = np.zeros(count, dtype=np.bool_)
    connected[view.connections["peer"].cat.codes.to_numpy()] = True
    made["peer"] = connected[codes]
    return made


def _subnet_texts(e: Entries, codes: NDArray[np.int64]) -> NDArray[np.object_]:
    subnet = e.addresses.subnet[codes]
    names = e.addresses.subnet_names
    made: NDArray[np.object_] = names[subnet]
    return made


def _endpoints(
    e: Entries, chosen: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct addresses and ports that these senders (all if None) name: codes, ports, and by how
    many subnets of senders each is named.
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
    """One row per address and listening port that peer lists name, or that the address itself told
    the vantage node.

    Columns: `host` (address, object), `port` (int64); `senders` (int64), subnets (/24, /64) that
    peers who named it come from, the address's own left out;
    `trusted` (int64), the same without peers that sent a list of 100 or more entries in which half
    of the hosts or more have several ports; `announced` (bool),
    in `my_port` of a handshake of that address; `answered` (bool), the vantage node connected to it
    and got bytes.

    Anybody can name any address in a list: `senders` guards against one liar, `announced` is the
    address's own word.
    """
    e = entries(traffic)
    view = viewed(traffic)
    fair = np.setdiff1d(e.sender, e.sender[_class_lists(e)])
    keys = ["host", "port"]
    named = pd.DataFrame(dict(zip([*keys, "senders"], _endpoints(e), strict=True)))
    trusted = pd.DataFrame(dict(zip([*keys, "trusted"], _endpoints(e, fair), strict=True)))
    made = named.merge(trusted, on=keys, how="left").merge(_own_ports(view), on=keys, how="outer")
    made = made.fillna({"senders": 0, "trusted": 0}).astype(
        {"senders": "int64", "trusted": "int64"}
    )
    for name in ("announced", "answered"):
        made[name] = made[name].eq(True).fillna(False).astype(bool)
    made["host"] = texts(e.hosts(made["host"].to_numpy()))
    return made[[*keys, "senders", "trusted", "announced", "answered"]]


def _class_lists(e: Entries) -> Mask:
    """Lists of 100 and more entries in which half of the hosts or more have several ports."""
    hosts = np.bincount(e.in_lists.of, minlength=len(e.lists))
    several = np.bincount(e.in_lists.of[e.ports_in_lists > 1], minlength=len(e.lists))
    made: Mask = (e.lists["entries"].to_numpy() >= 100) & (2 * several >= hosts)
    return made


def _own_ports(view: View) -> pd.DataFrame:
    """Ports that addresses announced, or answered on: by address code."""
    said = view.node_data
    said = said[(said["direction"] == "received") & said["my_port"].between(1, 65535)]
    out = view.connections[
        (view.connections["direction"] == "outgoing") & (view.connections["server_bytes"] > 0)
    ]
    one = pd.DataFrame(
        {
            "host": said["peer"].cat.codes.astype("int64"),
            "port": said["my_port"].astype("int64"),
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
    """One row per subnet (IPv4 /24, IPv6 /64) with addresses in peer lists: `subnet` (object), and
    int64 counts `hosts`, distinct addresses; `mentions`,
    entries; `senders`, peers that sent any of them."""
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
    made = pd.DataFrame({"subnet": texts(e.addresses.subnets)})
    made["hosts"] = np.bincount(subnet[advertised][subnet[advertised] >= 0], minlength=count)
    mentioned = subnet[e.host[known]]
    made["mentions"] = np.bincount(mentioned[mentioned >= 0], minlength=count)
    made["senders"] = senders
    return made[made["hosts"] > 0].reset_index(drop=True)


def ban_list_adoption(traffic: Traffic | View, networks: Iterable[str]) -> pd.DataFrame:
    """One row per peer that sent peer lists: how much of them is on a list of networks
    (`a.b.c.d/n`, IPv6 too, single addresses).

    Columns: `peer` (object); int64 counts `hosts`, distinct addresses it sent; `banned`, of these
    those in the networks; `entries` and `banned_entries`;
    `share` (float64), `banned` ÷ `hosts`.

    A node that applies the ban list neither connects to nor answers these addresses, so that they
    do not come to its white list (src/p2p/net_node.inl
    block_host): 0 over many hosts, where others send some, tells that it does. Bans last, and
    addresses stay listed until they are replaced: soon after
    adoption it is not 0.
    """
    e = entries(traffic)
    listed = Prefixes(parse_networks(networks)).find(e.addresses.text) >= 0
    senders, place = np.unique(e.sender, return_inverse=True)
    pairs = e.of_senders
    of = np.searchsorted(senders, pairs.of)
    made = pd.DataFrame({"peer": texts(e.hosts(senders))})
    made["hosts"] = np.bincount(of, minlength=len(senders))
    made["banned"] = np.bincount(of[listed[pairs.host]], minlength=len(senders))
    made["entries"] = np.bincount(place, weights=e.lists["entries"], minlength=len(senders)).astype(
        np.int64
    )
    made["banned_entries"] = np.bincount(
        place, weights=e.per_list(np.append(listed, False)[e.host]), minlength=len(senders)
    ).astype(np.int64)
    made["share"] = _share(made["banned"], made["hosts"])
    return made
