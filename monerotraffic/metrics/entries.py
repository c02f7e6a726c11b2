"""The entries of peer lists as compact arrays, the basis of the metrics of peer lists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.net.columns import Addresses
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, positions, viewed

__all__ = ["Entries", "Pairs", "class_lists", "distinct", "entries", "texts", "unroutable"]

Ints = NDArray[np.int64]

_LIST = ["message", "connection", "peer", "command", "kind", "time", "file", "frame"]


@dataclass(frozen=True)
class Pairs:
    """Distinct pairs of an object (a list, a sender) and a host, in order of the object, then the
    host.
    """

    of: Ints
    """Index of the list, or address code of the sender."""
    host: Ints
    """Address code."""
    count: Ints
    """Number of occurrences: entries of the list, lists of the sender."""


@dataclass(frozen=True)
class Entries:
    """Peer lists that peers sent in complete messages. Lists of the vantage node are excluded."""

    lists: pd.DataFrame
    """One row per list with entries: message, connection, peer, command, kind, time, file, frame;
    `entries`.
    """
    of: NDArray[np.int32]
    """The index in `lists` of the list of each entry."""
    code: NDArray[np.int32]
    """Which of the distinct entries each entry is: an index in the next arrays, and in
    traffic.coded_lists.entries.
    """
    distinct_host: NDArray[np.int32]
    """Address code of each distinct entry, -1 without an address."""
    distinct_port: NDArray[np.uint16]
    addresses: Addresses

    @cached_property
    def host(self) -> NDArray[np.int32]:
        """Address code of each entry, -1 without an address."""
        return self.distinct_host[self.code]

    @cached_property
    def port(self) -> NDArray[np.uint16]:
        return self.distinct_port[self.code]

    @cached_property
    def _numbered(self) -> tuple[NDArray[np.int32], Ints]:
        """The number of the endpoint of each distinct entry, -1 without an address, and the
        endpoints in order: address code << 16 | port.
        """
        number = np.full(len(self.distinct_host), -1, dtype=np.int32)
        known = self.distinct_host >= 0
        keys = self.distinct_host[known].astype(np.int64) << 16 | self.distinct_port[known]
        endpoints, number[known] = np.unique(keys, return_inverse=True)
        return number, endpoints

    @cached_property
    def endpoint(self) -> NDArray[np.int32]:
        """The number of the endpoint of each entry, -1 without an address."""
        return self._numbered[0][self.code]

    @property
    def endpoints(self) -> Ints:
        """Each endpoint by number: address code << 16 | port. Some can be of lists that are left
        out.
        """
        return self._numbered[1]

    @cached_property
    def sender(self) -> Ints:
        """Address code of the sender of each list."""
        values: Ints = self.lists["peer"].cat.codes.to_numpy().astype(np.int64)
        return values

    @cached_property
    def connection(self) -> Ints:
        """Connection of each list."""
        values: Ints = self.lists["connection"].to_numpy().astype(np.int64)
        return values

    @cached_property
    def _endpoints(self) -> tuple[Pairs, Ints]:
        """Distinct pairs of a list and a host, and the distinct ports of each."""
        known = self.endpoint >= 0
        width = max(1, len(self.endpoints))
        keys, mentions = distinct(self.of[known].astype(np.int64) * width + self.endpoint[known])
        of, endpoint = np.divmod(keys, width)
        host = self.endpoints[endpoint] >> 16
        starts = np.flatnonzero((np.diff(of, prepend=-1) != 0) | (np.diff(host, prepend=-1) != 0))
        if not len(starts):
            return Pairs(keys, keys, keys), keys
        pairs = Pairs(of[starts], host[starts], np.add.reduceat(mentions, starts))
        return pairs, np.diff(np.append(starts, len(keys)))

    @property
    def in_lists(self) -> Pairs:
        """Distinct pairs of a list and a host; `count` entries."""
        return self._endpoints[0]

    @property
    def ports_in_lists(self) -> Ints:
        """Distinct ports of each pair of `in_lists`."""
        return self._endpoints[1]

    @cached_property
    def of_senders(self) -> Pairs:
        """Distinct pairs of a sender and a host; `count` lists."""
        pairs = self.in_lists
        keys, count = distinct(self.sender[pairs.of] * len(self.addresses.text) + pairs.host)
        sender, host = np.divmod(keys, max(1, len(self.addresses.text)))
        return Pairs(sender, host, count)

    @cached_property
    def endpoints_of_senders(self) -> tuple[Ints, Ints, Ints]:
        """Distinct senders (address codes), hosts and ports."""
        senders, place = np.unique(self.sender, return_inverse=True)
        known = self.endpoint >= 0
        width = max(1, len(self.endpoints))
        keys, _ = distinct(place[self.of[known]] * width + self.endpoint[known])
        place, endpoint = np.divmod(keys, width)
        endpoints = self.endpoints[endpoint]
        return senders[place], endpoints >> 16, endpoints & 0xFFFF

    @cached_property
    def repeated(self) -> NDArray[np.bool_]:
        """Which entries contain a host and port that was sent before on the connection, in this
        list or an earlier one.
        """
        repeated = np.zeros(len(self.of), dtype=np.bool_)
        known = np.flatnonzero(self.endpoint >= 0)
        width = max(1, len(self.endpoints))
        keys = self.connection[self.of[known]] * width + self.endpoint[known]
        values, count = distinct(keys)
        # connections with repetitions, which monerod does not cause
        repeating = np.unique(values[count > 1] // width)
        chosen = np.isin(self.connection, repeating)[self.of[known]]
        known, keys = known[chosen], keys[chosen]
        order = np.argsort(keys, kind="stable")
        repeated[known[order[1:]]] = keys[order[1:]] == keys[order[:-1]]
        return repeated

    def per_list(self, chosen: NDArray[np.bool_]) -> Ints:
        """The number of chosen entries of each list."""
        return np.bincount(self.of[chosen], minlength=len(self.lists))

    def hosts(self, codes: Ints) -> pd.Index:
        """Texts of address codes."""
        return self.addresses.text.take(codes)


def distinct(keys: Ints) -> tuple[Ints, Ints]:
    """Returns the distinct keys (not negative) in order, and how often each occurs. For many keys,
    sorting is faster than the hash table of numpy.unique.
    """
    keys = np.sort(keys)
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[starts], np.diff(np.append(starts, len(keys)))


def texts(values: Any) -> pd.Series:
    """Texts as a column of objects, with every version of pandas."""
    return pd.Series(np.asarray(values, dtype=object), dtype=object)


def unroutable(e: Entries) -> NDArray[np.bool_]:
    """Which entries no node except possibly their sender can reach."""
    host, port = e.distinct_host, e.distinct_port
    table: NDArray[np.bool_] = (
        (host < 0) | (port == 0) | np.append(e.addresses.unroutable, False)[host]
    )
    return table[e.code]


def class_lists(e: Entries) -> NDArray[np.bool_]:
    """Lists of 100 or more entries in which at least half of the hosts have several ports."""
    hosts = np.bincount(e.in_lists.of, minlength=len(e.lists))
    several = np.bincount(e.in_lists.of[e.ports_in_lists > 1], minlength=len(e.lists))
    table: NDArray[np.bool_] = (e.lists["entries"].to_numpy() >= 100) & (2 * several >= hosts)
    return table


_CACHE: WeakKeyDictionary[Traffic | View, Entries] = WeakKeyDictionary()


def entries(traffic: Traffic | View) -> Entries:
    """Returns the entries of a Traffic, which are computed once: a day has tens of millions."""
    view = viewed(traffic)
    key = view if view.accepted_only or view.vantage is not None else view.traffic
    if key not in _CACHE:
        _CACHE[key] = _entries(view)
    return _CACHE[key]


def _entries(view: View) -> Entries:
    coded = view.traffic.coded_lists
    received = view.received
    places = positions(received["message"].to_numpy(), coded.message)
    kept = places >= 0
    coded = coded.where(kept)
    lists = received[_LIST].iloc[places[kept]].reset_index(drop=True)
    lists["entries"] = coded.length
    of = np.repeat(np.arange(len(lists), dtype=np.int32), coded.length)
    host, port = coded.entries["host"], coded.entries["port"]
    return Entries(lists, of, coded.code, host.copy(), port.copy(), view.addresses)
