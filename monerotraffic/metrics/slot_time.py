"""The time for which peers hold connection slots, as intervals. The basis of exposure and what-if.

Owns which connections hold a slot, and arithmetic on intervals. Knows no groups of peers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.banlist import BanList
from monerotraffic.metrics.connections import held_connections, nanoseconds
from monerotraffic.net.columns import Addresses
from monerotraffic.tables.view import View

__all__ = ["DIRECTIONS", "Holdings", "crowded", "held_until", "holdings", "most_at_once"]

DIRECTIONS = ("incoming", "outgoing")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Holdings(NamedTuple):
    """Slots of one vantage node and direction, or parts of their time."""

    begin: Ints
    """Nanoseconds since the begin of the first one of the node: sums of integers are exact."""
    end: Ints
    host: Ints
    """Code of the address; an IPv4 address and its v4-mapped form have that of the first one."""
    connection: Ints

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Holdings:
        return Holdings(
            self.begin[which], self.end[which], self.host[which], self.connection[which]
        )

    @property
    def length(self) -> Ints:
        """Nanoseconds."""
        return self.end - self.begin


def holdings(
    view: View,
    direction: str,
    since: pd.Timestamp | None = None,
    until: pd.Timestamp | None = None,
    banned: BanList | None = None,
) -> tuple[Holdings, pd.Timestamp]:
    """The slots in this time of the vantage node of a View, and the time of nanosecond 0. Those of
    `banned` peers are left out.
    """
    rows = _slots(view, direction, banned)
    begin, end = nanoseconds(rows["opened"]), nanoseconds(rows["closed"])
    codes = rows["peer"].cat.codes.to_numpy()
    zero = min(
        (
            int(nanoseconds(other["opened"]).min())
            for other in (_slots(view, name, banned) for name in DIRECTIONS)
            if len(other)
        ),
        default=0,
    )
    if since is not None:
        begin = np.maximum(begin, since.value)
    if until is not None:
        end = np.minimum(end, until.value)
    kept = end >= begin
    held = Holdings(
        (begin - zero)[kept],
        (end - zero)[kept],
        _first_of_same(view.addresses)[codes][kept],
        rows["connection"].to_numpy(dtype=np.int64)[kept],
    )
    return held, pd.Timestamp(zero, tz="UTC")


def _slots(view: View, direction: str, banned: BanList | None) -> pd.DataFrame:
    rows = held_connections(view, direction)
    return rows if banned is None else rows[~banned.match(rows["peer"])]


def _first_of_same(addresses: Addresses) -> Ints:
    """For each address code the first that is the same host."""
    _, first, number = np.unique(addresses.same, return_index=True, return_inverse=True)
    codes: Ints = first[number].astype(np.int64)
    return codes


def held_until(held: Holdings, times: Floats) -> Floats:
    """The seconds that slots were held until each of these times (seconds), all together."""
    total = np.zeros(len(times))
    for numbers, sign in ((held.begin, 1.0), (held.end, -1.0)):
        edges = np.sort(numbers) / 1e9
        sums = np.append(0.0, np.cumsum(edges))
        before = np.searchsorted(edges, times, side="right")
        total += sign * (before * times - sums[before])
    return total


def most_at_once(held: Holdings) -> int:
    """The maximum number of slots that were held at one time."""
    lasting = held.chosen(held.end > held.begin)
    times = np.concatenate([lasting.end, lasting.begin])
    change = np.repeat([-1, 1], len(lasting.begin))
    # at one time, slots are freed before others are taken
    return int(np.cumsum(change[np.lexsort((change, times))]).max(initial=0))


def crowded(held: Holdings, group: Ints) -> Holdings:
    """The parts of the time of slots in which another host of the same group held one too. A group
    below 0 has no others.
    """
    hosts = pd.Series(held.host).groupby(group).nunique()
    several = hosts.index[(hosts > 1) & (hosts.index >= 0)]
    parts = [_crowded(held.chosen(np.flatnonzero(group == one))) for one in several]
    return _joined(parts)


def _crowded(held: Holdings) -> Holdings:
    """The same for slots of one group."""
    edges = np.unique(np.concatenate([held.begin, held.end]))
    hosts, host = np.unique(held.host, return_inverse=True)
    open_ = np.zeros((len(hosts), len(edges)), dtype=np.int64)
    np.add.at(open_, (host, np.searchsorted(edges, held.begin)), 1)
    np.add.at(open_, (host, np.searchsorted(edges, held.end)), -1)
    shared = (np.cumsum(open_, axis=1) > 0).sum(axis=0) > 1
    change = np.diff(np.concatenate([[0], shared.astype(np.int64)]))
    starts, stops = edges[change == 1], edges[change == -1]
    # of each slot, the shared times that it overlaps
    first = np.searchsorted(stops, held.begin, side="right")
    last = np.searchsorted(starts, held.end, side="left")
    count = np.maximum(last - first, 0)
    of = np.repeat(np.arange(len(count)), count)
    which = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + first[of]
    return Holdings(
        np.maximum(held.begin[of], starts[which]),
        np.minimum(held.end[of], stops[which]),
        held.host[of],
        held.connection[of],
    )


def _joined(parts: list[Holdings]) -> Holdings:
    none = np.zeros(0, dtype=np.int64)
    parts = [Holdings(none, none, none, none), *parts]
    begin, end, host, connection = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Holdings(begin, end, host, connection)
