"""What rules compare between peers, as frames whose rows depend on one peer each, so that they can
be computed for groups of peers. They are no metrics of their own: rules use them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.entries import Entries, class_lists, distinct, entries, unroutable
from monerotraffic.net.columns import Addresses, hosts_of
from monerotraffic.tables.population import PopulationView
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, per_peer, viewed

__all__ = [
    "ComparedLists",
    "advertisements",
    "compared_lists",
    "entries_to_compare",
    "listed_ids",
    "listening_ports",
    "lists_to_compare",
    "odd_entries",
    "port_namers",
    "port_witnesses",
    "reaches_private",
    "scattered_hosts",
    "sent_ids",
]

Ints = NDArray[np.int64]

_LIST = ["message", "connection", "peer", "command", "kind", "time", "file", "frame"]


# ---- one row per list ----


@per_peer("message")
def scattered_hosts(traffic: Traffic | View, dense: int) -> pd.DataFrame:
    """Returns one row per peer list: `message`; `scattered`, its IP hosts in subnets with fewer
    than `dense` hosts of the list; `hosts`, all of its IP hosts.
    """
    e = entries(traffic)
    pairs, count = e.in_lists, len(e.lists)
    subnet = e.addresses.subnet[pairs.host].astype(np.int64)
    known = subnet >= 0
    width = max(1, len(e.addresses.subnets))
    keys, size = distinct(pairs.of[known] * width + subnet[known])
    of = keys // width
    few = size < dense
    table = e.lists[["message"]].copy()
    table["scattered"] = np.bincount(of[few], weights=size[few], minlength=count).astype(np.int64)
    table["hosts"] = np.bincount(of, weights=size, minlength=count).astype(np.int64)
    return table


@per_peer("message")
def odd_entries(traffic: Traffic | View, private: bool) -> pd.DataFrame:
    """Returns the peer lists with entries that a node does not send: no address, port 0, a Tor or
    I2P name on clearnet, and with `private` an address that others cannot reach. One row per list
    with such entries; `measure` is their number.
    """
    e = entries(traffic)
    odd = unroutable(e) if private else (e.host < 0) | (e.port == 0)
    named, family = e.addresses.family == 0, e.addresses.family[e.sender]
    other_zone = (e.host >= 0) & np.append(named, False)[e.host] & (family[e.of] != 0)
    count = e.per_list(odd | other_zone)
    return e.lists[count > 0].assign(measure=count[count > 0])


def reaches_private(view: View) -> bool:
    """Whether a peer comes from an address that others cannot reach."""
    peers = view.connections["peer"].cat.codes.to_numpy()
    return bool(view.addresses.unroutable[peers].any())


# ---- advertised addresses ----


def advertisements(view: View, hosts: Iterable[str]) -> pd.DataFrame:
    """Returns which peers (`peer`, object) advertise which of these addresses (`host`, object)."""
    return _advertisements(view, tuple(hosts))


@per_peer("peer", "host", tables=("connections", "messages", "peer_lists", "problems"))
def _advertisements(traffic: Traffic | View, hosts: tuple[str, ...]) -> pd.DataFrame:
    e = entries(traffic)
    codes = e.addresses.text.get_indexer(pd.Index(hosts, dtype=object))
    pairs = e.of_senders
    chosen = np.isin(pairs.host, codes[codes >= 0])
    rows = pd.DataFrame(
        {
            "peer": e.hosts(pairs.of[chosen]).astype(object),
            "host": e.hosts(pairs.host[chosen]).astype(object),
        }
    )
    return rows.sort_values(["peer", "host"], ignore_index=True)


def listed_ids(view: View, hosts: Iterable[str]) -> pd.DataFrame:
    """Returns which peers (`peer`, object) advertise which peer ids (`peer_id`, uint64) of these
    hosts (`host`, object) at which ports (`port`, int64), each once.
    """
    return _listed_ids(view, tuple(hosts))


@per_peer(
    "peer",
    "host",
    "port",
    "peer_id",
    tables=("connections", "messages", "peer_lists", "problems"),
)
def _listed_ids(traffic: Traffic | View, hosts: tuple[str, ...]) -> pd.DataFrame:
    lists = viewed(traffic).list_columns("host", "port", "id")
    texts = pd.Index([*hosts, *(f"::ffff:{host}" for host in hosts if "." in host)], dtype=object)
    lists = lists[lists["host"].isin(texts)]
    table = pd.DataFrame(
        {
            "peer": lists["peer"].astype(object),
            "host": hosts_of(lists["host"]),
            "port": lists["port"].astype("int64"),
            "peer_id": lists["id"].astype("uint64"),
        }
    )
    return table.drop_duplicates().sort_values(list(table.columns), ignore_index=True)


# ---- ports of peers ----


@per_peer("host", "port")
def listening_ports(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the distinct ports (`host`, object; `port`, int64) that peers announced themselves,
    or on which they answered the vantage node.
    """
    view = viewed(traffic)
    announced, out = _announced(view), _answered(view)
    ports = pd.concat([announced[["host", "port"]], out[["host", "port"]]], ignore_index=True)
    return ports.drop_duplicates().sort_values(["host", "port"], ignore_index=True)


def _announced(view: View) -> pd.DataFrame:
    """Handshakes and the port that each announces."""
    announced = view.node_data
    announced = announced[
        (announced["direction"] == "received") & announced["my_port"].between(1, 65535)
    ]
    return pd.DataFrame(
        {
            "host": announced["peer"].astype(object),
            "port": announced["my_port"].astype("int64"),
            "connection": announced["connection"].astype("Int64"),
            "message": announced["message"].astype("Int64"),
            "time": announced["time"],
            "file": announced["file"].astype("Int64"),
            "frame": announced["frame"].astype("Int64"),
        }
    )


def _answered(view: View) -> pd.DataFrame:
    """Connections of the vantage node on which it received bytes."""
    out = view.connections
    out = out[(out["direction"] == "outgoing") & (out["server_bytes"] > 0)]
    missing = pd.array([pd.NA] * len(out), dtype="Int64")
    return pd.DataFrame(
        {
            "host": out["peer"].astype(object),
            "port": out["server_port"].astype("int64"),
            "connection": out["connection"].astype("Int64"),
            "message": missing,
            "time": out["opened"],
            "file": missing,
            "frame": missing,
        }
    )


def _named(view: View, e: Entries) -> NDArray[np.intp]:
    """Entries that name a host of the population."""
    peers = view.whole.connections["peer"].unique()
    codes = e.addresses.text.get_indexer(pd.Index(peers.astype(object)))
    among = np.zeros(len(e.addresses.text) + 1, dtype=np.bool_)
    among[codes[codes >= 0]] = True
    return np.flatnonzero(among[e.distinct_host][e.code])


def _first_namers(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Two groups can have senders of one subnet."""
    distinct_rows = rows.drop_duplicates()
    place = distinct_rows.groupby(["host", "port"]).cumcount()
    return distinct_rows[place < most].reset_index(drop=True)


@per_peer("host", "port", "network", reduce=_first_namers)
def port_namers(traffic: Traffic | View, most: int) -> pd.DataFrame:
    """Returns which subnets of senders name a port of a peer: up to `most` rows for each host and
    port, with `host`, `network` (object) and `port` (int64).

    Senders of lists of 100 or more entries in which half of the hosts have several ports do not
    count, nor do senders in the host's own subnet.
    """
    view = viewed(traffic)
    e = entries(view)
    fair = ~np.isin(e.sender, e.sender[class_lists(e)])
    chosen = _named(view, e)
    chosen = chosen[fair[e.of[chosen]]]
    subnet = e.addresses.subnet.astype(np.int64)
    host, network = e.host[chosen].astype(np.int64), subnet[e.sender[e.of[chosen]]]
    apart = (network >= 0) & (network != subnet[host])
    width = len(e.addresses.subnets) + 1
    keys, _ = distinct((host[apart] << 16 | e.port[chosen][apart]) * width + network[apart])
    place, network = np.divmod(keys, width)
    table = pd.DataFrame(
        {
            "host": e.hosts(place >> 16).astype(object),
            "port": place & 0xFFFF,
            "network": e.addresses.subnet_names[network],
        }
    ).sort_values(["host", "port", "network"], ignore_index=True)
    return _first_namers(table, most)


def _first_witnesses(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop_duplicates(["host", "port", "rank"], ignore_index=True)


@per_peer("rank", "first", reduce=_first_witnesses)
def port_witnesses(traffic: Traffic | View) -> pd.DataFrame:
    """Returns what first shows each port of a peer: its handshake, else the connection of the
    vantage node, else the list that names it. One row for each host, port and kind, with `rank`
    (the kind) and `first` (its order within the kind); the first row of a host and port counts.
    """
    view = viewed(traffic)
    e = entries(view)
    chosen = _named(view, e)
    _, first = np.unique(e.host[chosen].astype(np.int64) << 16 | e.port[chosen], return_index=True)
    chosen = chosen[first]
    named = e.lists[["connection", "message", "time", "file", "frame"]].iloc[e.of[chosen]]
    named = named.astype(dict.fromkeys(["connection", "message", "file", "frame"], "Int64"))
    named = named.assign(
        host=e.hosts(e.host[chosen].astype(np.int64)).astype(object),
        port=e.port[chosen].astype(np.int64),
    )
    parts = [
        part.drop_duplicates(["host", "port"]).assign(
            rank=rank, first=lambda frame, key=key: frame[key].astype("int64")
        )
        for rank, (part, key) in enumerate(
            ((_announced(view), "message"), (_answered(view), "connection"), (named, "message"))
        )
    ]
    return pd.concat(parts, ignore_index=True).sort_values(["rank", "first"], ignore_index=True)


# ---- ids ----


@per_peer("peer", "id")
def sent_ids(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the distinct peer ids (`id`, uint64) that each peer (`peer`, object) sent."""
    announced = viewed(traffic).node_data
    announced = announced[(announced["direction"] == "received") & announced["peer_id"].notna()]
    pairs = pd.DataFrame(
        {"peer": announced["peer"].astype(object), "id": announced["peer_id"].astype("uint64")}
    ).drop_duplicates()
    return pairs.sort_values(["peer", "id"], ignore_index=True)


# ---- lists that are compared with each other ----


@dataclass(frozen=True)
class ComparedLists:
    """The peer lists that are compared, in order of the message, each a run of entries."""

    lists: pd.DataFrame
    """One row per list, with the columns of Entries.lists."""
    start: Ints
    """Index of the first entry of each list."""
    host: NDArray[np.int32]
    """Address code of each entry, -1 without an address."""
    port: NDArray[np.uint16]
    addresses: Addresses
    sender: Ints
    """Address code of the sender of each list."""

    @property
    def length(self) -> Ints:
        """Entries of each list."""
        entries_of: Ints = self.lists["entries"].to_numpy()
        return entries_of


def _chosen(
    count: Ints, sender: Ints, min_entries: int, each: int | None, most: int | None
) -> Ints:
    """Indices of lists with enough entries (`count`), at most `each` of a sender and `most` in
    total: the first list of every sender, then the second, and so on.
    """
    places = np.flatnonzero(count >= min_entries)
    rank = pd.Series(sender[places]).groupby(sender[places]).cumcount().to_numpy()
    if each is not None:
        places, rank = places[rank < each], rank[rank < each]
    return np.sort(places[np.argsort(rank, kind="stable")[:most]])


def compared_lists(
    view: View, min_entries: int, each: int | None, most: int | None
) -> ComparedLists:
    """The lists with at least `min_entries` entries, at most `each` of a sender and `most` in
    total: the first list of every sender, then the second, and so on.
    """
    if not isinstance(view, PopulationView):
        e = entries(view)
        place = _chosen_of(e, min_entries, each, most)
        lists = e.lists.iloc[place].reset_index(drop=True)
        start = np.searchsorted(e.of, place)
        return ComparedLists(lists, start, e.host, e.port, e.addresses, e.sender[place])
    lists = lists_to_compare(view, min_entries, each, most)
    named = entries_to_compare(view, min_entries, each, most)
    # the texts of hosts are the first ones, so that their codes stay as they are
    senders = lists["peer"].astype(object)
    texts = pd.unique(np.concatenate([named.attrs["host"], senders.unique()]))
    addresses = Addresses.from_text(pd.Index(texts, dtype=object))
    count = lists["entries"].to_numpy()
    order = np.argsort(lists["message"].to_numpy(), kind="stable")
    sender = addresses.text.get_indexer(senders)[order].astype(np.int64)
    chosen = _chosen(count[order], addresses.same[sender], min_entries, each, most)
    place = order[chosen]
    return ComparedLists(
        lists.iloc[place].reset_index(drop=True),
        (np.cumsum(count) - count)[place],
        named["host"].to_numpy(),
        named["port"].to_numpy(),
        addresses,
        sender[chosen],
    )


def _chosen_of(e: Entries, min_entries: int, each: int | None, most: int | None) -> Ints:
    count, sender = e.lists["entries"].to_numpy(), e.addresses.same[e.sender]
    return _chosen(count, sender, min_entries, each, most)


@per_peer()
def lists_to_compare(
    traffic: Traffic | View, min_entries: int, each: int | None, most: int | None
) -> pd.DataFrame:
    """The lists of these peers that may be compared, in the order of entries_to_compare."""
    e = entries(traffic)
    chosen = _chosen_of(e, min_entries, each, most)
    return e.lists[[*_LIST, "entries"]].iloc[chosen].reset_index(drop=True)


@per_peer(spooled=True)
def entries_to_compare(
    traffic: Traffic | View, min_entries: int, each: int | None, most: int | None
) -> pd.DataFrame:
    """The entries of these lists: `host` (category), `port`. Six bytes an entry, because a data set
    has hundreds of millions.
    """
    e = entries(traffic)
    wanted = np.zeros(len(e.lists), dtype=np.bool_)
    wanted[_chosen_of(e, min_entries, each, most)] = True
    rows = wanted[e.of]
    used = np.unique(e.host[rows])
    known = used[used >= 0].astype(np.int64)
    code = np.full(len(e.addresses.text) + 1, -1, dtype=np.int32)
    code[known] = np.arange(len(known))
    host = pd.Categorical.from_codes(
        code[e.host[rows]], categories=pd.Index(e.hosts(known), dtype=object)
    )
    return pd.DataFrame({"host": host, "port": e.port[rows]})
