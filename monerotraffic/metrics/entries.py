"""The entries of peer lists as compact arrays: what metrics of peer lists count in."""

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

__all__ = ["Entries", "Pairs", "distinct", "entries", "texts"]

Ints = NDArray[np.int64]

_LIST = ["message", "connection", "peer", "command", "kind", "time", "file", "frame"]


@dataclass(frozen=True)
class Pairs:
    """Distinct pairs of something (a list, a sender) and a host, in order of the first, then the
    second.
    """

    of: Ints
    """Place of the list, or address code of the sender."""
    host: Ints
    """Address code."""
    count: Ints
    """How often they came: entries of the list, lists of the sender."""


@dataclass(frozen=True)
class Entries:
    """Peer lists that peers sent in whole messages. What the vantage node itself hands out is left
    out.
    """

    lists: pd.DataFrame
    """One row per list that is not empty: message, connection, peer, command, kind, time, file,
    frame; `entries`.
    """
    of: NDArray[np.int32]
    """Of each entry, the place of its list in `lists`."""
    host: NDArray[np.int32]
    """Its address code, -1 if it has none."""
    port: NDArray[np.uint16]
    row: NDArray[np.int64]
    """Its place in traffic.arrays["peer_lists"]."""
    addresses: Addresses

    @cached_property
    def sender(self) -> Ints:
        """Address code of the sender of each list."""
        made: Ints = self.lists["peer"].cat.codes.to_numpy().astype(np.int64)
        return made

    @cached_property
    def connection(self) -> Ints:
        """Connection of each list."""
        made: Ints = self.lists["connection"].to_numpy().astype(np.int64)
        return made

    @cached_property
    def _endpoints(self) -> tuple[Pairs, Ints]:
        """Distinct pairs of a list and a host, and the distinct ports of each."""
        known = self.host >= 0
        keys = (
            self.of[known].astype(np.int64) * len(self.addresses.text) + self.host[known]
        ) << 16 | self.port[known]
        keys, mentions = distinct(keys)
        starts = np.flatnonzero(np.diff(keys >> 16, prepend=-1))
        if not len(starts):
            return Pairs(keys, keys, keys), keys
        of, host = np.divmod(keys[starts] >> 16, len(self.addresses.text))
        return Pairs(of, host, np.add.reduceat(mentions, starts)), np.diff(
            np.append(starts, len(keys))
        )

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
        known = self.host >= 0
        keys = (
            place[self.of[known]] * len(self.addresses.text) + self.host[known]
        ) << 16 | self.port[known]
        keys, _ = distinct(keys)
        place, host = np.divmod(keys >> 16, max(1, len(self.addresses.text)))
        return senders[place], host, keys & 0xFFFF

    @cached_property
    def repeated(self) -> NDArray[np.bool_]:
        """Which entries name a host and port that the same connection named before, in this list or
        an earlier one.
        """
        made = np.zeros(len(self.of), dtype=np.bool_)
        known = np.flatnonzero(self.host >= 0)
        keys = (
            self.connection[self.of[known]] * len(self.addresses.text) + self.host[known]
        ) << 16 | self.port[known]
        values, count = distinct(keys)
        # connections: of monerod's there are none
        repeating = np.unique((values[count > 1] >> 16) // max(1, len(self.addresses.text)))
        chosen = np.isin(self.connection, repeating)[self.of[known]]
        known, keys = known[chosen], keys[chosen]
        order = np.argsort(keys, kind="stable")
        made[known[order[1:]]] = keys[order[1:]] == keys[order[:-1]]
        return made

    def per_list(self, chosen: NDArray[np.bool_]) -> Ints:
        """How many of these entries each list has."""
        return np.bincount(self.of[chosen], minlength=len(self.lists))

    def hosts(self, codes: Ints) -> pd.Index:
        """Texts of address codes."""
        return self.addresses.text.take(codes)


def distinct(keys: Ints) -> tuple[Ints, Ints]:
    """The distinct keys (none is negative) in order, and how often each came. Sorting is faster
    than the hash table of numpy.unique where there are many.
    """
    keys = np.sort(keys)
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[starts], np.diff(np.append(starts, len(keys)))


def texts(values: Any) -> pd.Series:
    """Texts as a column of objects, whatever version of pandas makes it."""
    return pd.Series(np.asarray(values, dtype=object), dtype=object)


_MADE: WeakKeyDictionary[Traffic, Entries] = WeakKeyDictionary()


def entries(traffic: Traffic | View) -> Entries:
    """The entries of a Traffic, made once: a day has tens of millions of them."""
    view = viewed(traffic)
    if view.traffic not in _MADE:
        _MADE[view.traffic] = _entries(view)
    return _MADE[view.traffic]


def _entries(view: View) -> Entries:
    rows = view.traffic.arrays["peer_lists"]
    message = rows["message"]
    starts = (
        np.flatnonzero(np.append(True, message[1:] != message[:-1]))
        if len(message)
        else np.empty(0, dtype=np.intp)
    )
    lengths = np.diff(np.append(starts, len(message)))
    received = view.received
    places = positions(received["message"].to_numpy(), message[starts])
    kept = places >= 0
    lists = received[_LIST].iloc[places[kept]].reset_index(drop=True)
    lists["entries"] = lengths[kept].astype(np.int64)
    row = np.flatnonzero(np.repeat(kept, lengths))
    of = np.repeat(np.arange(kept.sum(), dtype=np.int32), lengths[kept])
    return Entries(lists, of, rows["host"][row], rows["port"][row], row, view.addresses)
