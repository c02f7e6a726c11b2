"""What peer lists advertise: addresses, their subnets and ports.
docs/metrics/peer_lists.md explains the numbers.

Owns the sums over peers and the distinct claims of peers, which are computed for groups of peers.
Used by the metrics that compare what peers advertise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.entries import class_lists, distinct, entries, texts
from monerotraffic.metrics.sources import in_parts
from monerotraffic.net.columns import Addresses
from monerotraffic.tables.part_metrics import codes_of, in_order
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, per_peer, viewed

__all__ = [
    "Claims",
    "advertised_counts",
    "advertised_hosts",
    "advertised_subnets",
    "claims",
    "host_ports",
    "mentions_by_host",
]

Ints = NDArray[np.int64]

_TABLES = ("connections", "messages", "peer_lists", "problems")


@in_parts
def advertised_hosts(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per address in peer lists, with its popularity, in order of the address.

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
               host         subnet  mentions  lists
    0  198.18.0.118  198.18.0.0/24         2      2
    1  198.18.0.144  198.18.0.0/24         1      1
    """
    view = viewed(traffic)
    counts = mentions_by_host(view)
    hosts = pd.Index(counts["host"].astype(object), dtype=object)
    addresses = Addresses.from_text(hosts)
    table = pd.DataFrame({"host": texts(hosts)})
    table["subnet"] = texts(addresses.subnet_names[addresses.subnet])
    for name in ("mentions", "lists", "senders"):
        table[name] = counts[name]
    ports = _endpoints(view).groupby("host", observed=True).size()
    ports.index = pd.Index(ports.index.astype(object), dtype=object)
    table["ports"] = ports.reindex(hosts).to_numpy(dtype=np.int64)
    table["peer"] = hosts.isin(view.connections["peer"].unique().astype(object))
    return table


@per_peer("host", tables=_TABLES, summed=True)
def mentions_by_host(traffic: Traffic | View) -> pd.DataFrame:
    """Returns of each address in peer lists (`host`, category) its entries (`mentions`), the
    `lists` with it, and the peers that sent it (`senders`), all int64.
    """
    e = entries(traffic)
    count = len(e.addresses.text)
    lists = np.bincount(e.in_lists.host, minlength=count)
    codes = np.flatnonzero(lists)
    hosts = pd.Categorical.from_codes(np.arange(len(codes)), categories=e.hosts(codes))
    table = pd.DataFrame({"host": hosts})
    table["mentions"] = np.bincount(e.host[e.host >= 0], minlength=count)[codes]
    table["lists"] = lists[codes]
    table["senders"] = np.bincount(e.of_senders.host, minlength=count)[codes]
    return in_order(table, ["host"])


def advertised_counts(view: View) -> pd.Series:
    """Returns how many peers sent each address in peer lists (the index: texts, in order)."""
    rows = mentions_by_host(view)
    index = pd.Index(rows["host"].astype(object), dtype=object)
    return pd.Series(rows["senders"].to_numpy(), index=index, name="senders")


@per_peer("host", "port", tables=_TABLES, summed=True)
def _endpoints(traffic: Traffic | View) -> pd.DataFrame:
    """The distinct addresses and ports in peer lists, with the number of their entries."""
    e = entries(traffic)
    known = e.endpoint >= 0
    mentions = np.bincount(e.endpoint[known], minlength=len(e.endpoints))
    chosen = np.flatnonzero(mentions)
    codes, place = np.unique(e.endpoints[chosen] >> 16, return_inverse=True)
    table = pd.DataFrame({"host": pd.Categorical.from_codes(place, categories=e.hosts(codes))})
    table["port"], table["mentions"] = e.endpoints[chosen] & 0xFFFF, mentions[chosen]
    return in_order(table, ["host", "port"])


@in_parts
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
    view = viewed(traffic)
    counts = mentions_by_host(view)
    addresses = Addresses.from_text(pd.Index(counts["host"].astype(object), dtype=object))
    known = addresses.subnet >= 0
    of, count = addresses.subnet[known], len(addresses.subnets)
    table = pd.DataFrame({"subnet": texts(addresses.subnets)})
    table["hosts"] = np.bincount(of, minlength=count)
    mentions = counts["mentions"].to_numpy()[known]
    table["mentions"] = np.bincount(of, weights=mentions, minlength=count).astype(np.int64)
    senders = _senders_by_subnet(view).set_index("subnet")["senders"]
    table["senders"] = senders.reindex(table["subnet"]).to_numpy(dtype=np.int64)
    return table


@per_peer("subnet", tables=_TABLES, summed=True)
def _senders_by_subnet(traffic: Traffic | View) -> pd.DataFrame:
    """Of each subnet (object) the peers that sent an address in it."""
    e = entries(traffic)
    pairs, width = e.of_senders, len(e.addresses.subnets)
    subnet = e.addresses.subnet[pairs.host].astype(np.int64)
    known = subnet >= 0
    keys, _ = distinct(pairs.of[known] * max(1, width) + subnet[known])
    senders = np.bincount(keys % max(1, width), minlength=width)
    table = pd.DataFrame({"subnet": texts(e.addresses.subnets), "senders": senders})
    return in_order(table[table["senders"] > 0], ["subnet"])


# ---- who advertises what ----


class Claims(NamedTuple):
    """The distinct triples of a sender and an address and port that it advertised, in order of
    their texts and the port. Addresses are numbers in `addresses.text`, which is in order.
    """

    addresses: Addresses
    peer: Ints
    host: Ints
    port: Ints

    @property
    def pairs(self) -> tuple[Ints, Ints]:
        """The distinct pairs of a sender and an address, in order."""
        new = (np.diff(self.peer, prepend=-1) != 0) | (np.diff(self.host, prepend=-1) != 0)
        return self.peer[new], self.host[new]


def claims(view: View) -> Claims:
    """Returns what the peers of a View advertise. Needs 24 bytes for each triple, and as much while
    they are sorted; they are in a temporary file before.
    """
    rows = _claims(view)
    (peer, senders), (host, hosts) = (codes_of(rows, name) for name in ("peer", "host"))
    names = np.unique(np.concatenate([senders[np.unique(peer)], hosts[np.unique(host)]]))
    number_of_peer, number_of_host = (
        np.searchsorted(names, known).astype(np.int64) for known in (senders, hosts)
    )
    keys = number_of_peer[peer] * max(1, len(names)) + number_of_host[host]
    keys = np.sort(keys << 16 | rows["port"].to_numpy().astype(np.int64))
    peer, host = np.divmod(keys >> 16, max(1, len(names)))
    return Claims(Addresses.from_text(pd.Index(names, dtype=object)), peer, host, keys & 0xFFFF)


@per_peer(tables=_TABLES, spooled=True)
def _claims(traffic: Traffic | View) -> pd.DataFrame:
    """The distinct triples of a sender (`peer`), `host` (categories) and `port`."""
    e = entries(traffic)
    sender, host, port = e.endpoints_of_senders
    table = pd.DataFrame()
    for name, codes in (("peer", sender), ("host", host)):
        used, place = np.unique(codes, return_inverse=True)
        categories = pd.Index(e.hosts(used), dtype=object)
        table[name] = pd.Categorical.from_codes(place, categories=categories)
    return table.assign(port=port.astype(np.uint16))


# ---- ports ----


@in_parts
def host_ports(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per address and listening port that peer lists contain, or that the address
    announced itself, in order of both.

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
    0    192.0.2.22  18080        0        0
    1  198.18.0.118  18080        1        1
    """
    view = viewed(traffic)
    claimed = claims(view)
    unfair = claimed.addresses.text.isin(_class_senders(view)["peer"])
    keys = ["host", "port"]
    table = _by_endpoint(claimed, np.ones(len(claimed.peer), dtype=np.bool_)).rename(
        columns={"subnets": "senders"}
    )
    trusted = _by_endpoint(claimed, ~unfair[claimed.peer]).rename(columns={"subnets": "trusted"})
    table = table.merge(trusted, on=keys, how="left").merge(_own_ports(view), on=keys, how="outer")
    table = table.fillna({"senders": 0, "trusted": 0}).astype(
        {"senders": "int64", "trusted": "int64"}
    )
    for name in ("announced", "answered"):
        table[name] = table[name].eq(True).fillna(False).astype(bool)
    return in_order(table[[*keys, "senders", "trusted", "announced", "answered"]], keys)


def _by_endpoint(claimed: Claims, chosen: NDArray[np.bool_]) -> pd.DataFrame:
    """The distinct addresses and ports of the chosen claims, and the number of subnets of senders
    that advertise each, except its own.
    """
    subnet = claimed.addresses.subnet.astype(np.int64)
    endpoint = claimed.host[chosen] << 16 | claimed.port[chosen]
    network, own = subnet[claimed.peer[chosen]], subnet[claimed.host[chosen]]
    apart = (network >= 0) & (network != own)
    width = max(1, len(claimed.addresses.subnets))
    named, by = distinct(distinct(endpoint[apart] * width + network[apart])[0] // width)
    every = distinct(endpoint)[0]
    count = np.zeros(len(every), dtype=np.int64)
    count[np.searchsorted(every, named)] = by
    hosts = texts(claimed.addresses.text.take(every >> 16))
    return pd.DataFrame({"host": hosts, "port": every & 0xFFFF, "subnets": count})


@per_peer("peer", tables=_TABLES)
def _class_senders(traffic: Traffic | View) -> pd.DataFrame:
    """The peers (object) that sent a list in which half of the hosts have several ports."""
    e = entries(traffic)
    peers = np.unique(e.sender[class_lists(e)])
    return in_order(pd.DataFrame({"peer": texts(e.hosts(peers))}), ["peer"])


@per_peer("host", "port", tables=("connections", "messages", "node_data", "problems"))
def _own_ports(traffic: Traffic | View) -> pd.DataFrame:
    """Ports that peers (`host`, object) announced, or answered on."""
    view = viewed(traffic)
    received = view.node_data
    received = received[
        (received["direction"] == "received") & received["my_port"].between(1, 65535)
    ]
    out = view.connections[
        (view.connections["direction"] == "outgoing") & (view.connections["server_bytes"] > 0)
    ]
    one, two = (
        pd.DataFrame({"host": texts(rows["peer"]), "port": rows[port].to_numpy(dtype=np.int64)})
        .drop_duplicates()
        .assign(**{name: True})
        for rows, port, name in (
            (received, "my_port", "announced"),
            (out, "server_port", "answered"),
        )
    )
    return in_order(one.merge(two, on=["host", "port"], how="outer"), ["host", "port"])
