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
    several = pd.Series(held.host).groupby(group).transform("nunique").to_numpy() > 1
    chosen = np.flatnonzero(several & (group >= 0) & (held.end > held.begin))
    held, group = held.chosen(chosen), group[chosen]
    of_group, starts, stops = _shared_times(held, group)
    # of each slot, the shared times of its group that it overlaps
    first = np.searchsorted(_keys(of_group, stops), _keys(group, held.begin), side="right")
    last = np.searchsorted(_keys(of_group, starts), _keys(group, held.end), side="left")
    count = np.maximum(last - first, 0)
    of = np.repeat(np.arange(len(count)), count)
    which = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + first[of]
    return Holdings(
        np.maximum(held.begin[of], starts[which]),
        np.minimum(held.end[of], stops[which]),
        held.host[of],
        held.connection[of],
    )


def _shared_times(held: Holdings, group: Ints) -> tuple[Ints, Ints, Ints]:
    """The times in which at least two hosts of a group held slots: group, start and stop, in this
    order.
    """
    begin, end, of_host = _merged(held, group)
    times = np.concatenate([end, begin])
    groups = np.tile(of_host, 2)
    change = np.repeat(np.array([-1, 1]), len(begin))
    # at one time, slots are freed before others are taken
    order = np.lexsort((change, times, groups))
    times, groups, change = times[order], groups[order], change[order]
    hosts = np.cumsum(change)  # the changes of each group add up to 0
    starts, stops = (hosts == 2) & (change == 1), (hosts == 1) & (change == -1)
    return groups[starts], times[starts], times[stops]


def _merged(held: Holdings, group: Ints) -> tuple[Ints, Ints, Ints]:
    """The times in which each host held at least one slot, and the group of the host."""
    order = np.lexsort((held.begin, held.host))
    host, begin = held.host[order], held.begin[order]
    latest = pd.Series(held.end[order]).groupby(host).cummax().to_numpy()
    is_first = np.ones(len(host), dtype=np.bool_)
    is_first[1:] = (np.diff(host) != 0) | (begin[1:] > latest[:-1])
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], len(host)) - 1 if len(first) else first
    return begin[first], latest[last], group[order][first]


def _keys(group: Ints, time: Ints) -> NDArray[np.void]:
    """Pairs that sort by group, then time."""
    keys = np.empty(len(group), dtype=[("group", "i8"), ("time", "i8")])
    keys["group"], keys["time"] = group, time
    return keys
