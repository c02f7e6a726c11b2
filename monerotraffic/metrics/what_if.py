"""What-if: exposure as if a ban list, or monerod's choice of distinct subnets, had been in force.
docs/metrics/exposure.md states the model.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.banlist import BanList
from monerotraffic.metrics.advertised import advertised_counts
from monerotraffic.metrics.exposure import (
    COLUMNS,
    EPOCH,
    SAMPLING,
    Groups,
    Members,
    Sampling,
    group_times,
    is_member,
    measures,
    with_dtypes,
)
from monerotraffic.metrics.slot_time import DIRECTIONS, Holdings, holdings
from monerotraffic.metrics.sources import in_parts
from monerotraffic.net.columns import Addresses
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = ["SCENARIOS", "what_if"]

SCENARIOS = ("as_captured", "ban_list", "distinct_subnets", "both")


@in_parts
def what_if(
    traffic: Traffic | View,
    groups: Groups | None = None,
    ban_list: BanList | None = None,
    *,
    systems: pd.DataFrame | None = None,
    epoch_s: float = EPOCH,
    sampling: Sampling = SAMPLING,
) -> pd.DataFrame:
    """Returns the exposure to each group of peers as captured, as if a ban list had been in force,
    as if monerod had chosen outgoing peers of distinct subnets, and with both. One row per vantage
    node, direction, group and scenario. Unit: seconds of connections.

    - `vantage`, `direction`, `group` (category)
    - `scenario` (category): `as_captured`, `ban_list`, `distinct_subnets`, `both`; those with a ban
      list only if one is given
    - the other columns of exposure: what remains, without refilling the free slots
    - `removed_seconds` (float64): time of slots that would have been free
    - `offered` (float64): share of the group among the distinct addresses that peer lists offered
      to the node in the scenario; NaN for groups that are not sets of addresses
    - `refilled_p` (float64): p if the free outgoing slots had been filled in proportion to
      `offered`: (seconds + removed_seconds × offered) ÷ (all_seconds + removed_seconds); `p` for
      incoming slots, which the node does not fill

    A ban list removes all connections with its peers, and their addresses from what is offered.
    Distinct subnets (`distinct_subnets`) removes an outgoing connection if, when it was opened, a
    remaining one to another address of its /24 (IPv6: /64) was open; each subnet then counts once
    in what is offered, with the share of the group among its addresses. Both are models: a node
    with other peers would have received other lists.

    Raises as exposure.

    Source: https://github.com/monero-project/monero/pull/9939 (distinct subnets);
    https://github.com/monero-project/meta/issues/1124 (ban lists).

        >>> import monerotraffic as mt
        >>> from monerotraffic.banlist import parse
        >>> traffic, peers = mt.read("tests/data/honest"), ["192.0.2.12"]
        >>> table = mt.metrics.what_if(traffic, {"one": peers}, parse("192.0.2.12"))
        >>> one = table[(table["group"] == "one") & (table["direction"] == "outgoing")]
        >>> one["p"].round(2).tolist()
        [0.33, 0.0, 0.33, 0.0]
    """
    view = viewed(traffic)
    names = SCENARIOS if ban_list is not None else SCENARIOS[::2]
    rows = []
    for part in view.by_vantage.values():
        more = _Offered(part), systems, epoch_s, sampling
        for direction in DIRECTIONS:
            for scenario in names:
                banned = None if scenario in SCENARIOS[::2] else ban_list
                rows += _rows(part, direction, scenario, groups or {}, banned, more)
    columns = [*COLUMNS, "scenario", "removed_seconds", "offered", "refilled_p"]
    table = with_dtypes(pd.DataFrame(rows, columns=columns), view)
    table["scenario"] = pd.Categorical(table["scenario"], categories=list(names))
    numbers = dict.fromkeys(("removed_seconds", "offered", "refilled_p"), "float64")
    return table.astype(numbers).sort_values(
        ["vantage", "direction", "group", "scenario"], kind="stable", ignore_index=True
    )


def _rows(
    part: View,
    direction: str,
    scenario: str,
    groups: Groups,
    banned: BanList | None,
    more: tuple[_Offered, pd.DataFrame | None, float, Sampling],
) -> list[tuple[object, ...]]:
    """The rows of all groups of one vantage node and direction in a scenario."""
    offered, systems, epoch_s, sampling = more
    distinct = scenario in SCENARIOS[2:] and direction == "outgoing"
    before, _ = holdings(part, direction)
    held, _ = holdings(part, direction, banned=banned)
    if distinct:
        held = held.chosen(_kept(held, part.addresses.subnet[held.host]))
    removed = int(before.length.sum() - held.length.sum()) / 1e9
    rows: list[tuple[object, ...]] = []
    for name, inside in group_times(part, held, groups, systems):
        numbers = measures(held, inside, direction, epoch_s, sampling)
        of_group, whole, p = numbers["seconds"], numbers["all_seconds"], numbers["p"]
        share = math.nan
        if name in groups:
            share = offered.share(groups[name], banned, distinct)
        refilled = p
        if direction == "outgoing" and removed > 0:
            refilled = (of_group + removed * share) / (whole + removed)
        where = (part.vantages[0], direction, name)
        rows.append((*where, *numbers.values(), scenario, removed, share, refilled))
    return rows


def _kept(held: Holdings, subnet: NDArray[np.int32]) -> NDArray[np.bool_]:
    """The connections that remain if none is opened to a subnet of which another address is
    connected.
    """
    kept = np.ones(len(held.begin), dtype=np.bool_)
    hosts = pd.Series(held.host).groupby(subnet).nunique()
    crowded = hosts.index[(hosts > 1) & (hosts.index >= 0)]
    open_until: dict[int, dict[int, int]] = {}
    order = np.argsort(held.begin, kind="stable")
    for place in order[np.isin(subnet[order], crowded)].tolist():
        others = open_until.setdefault(int(subnet[place]), {})
        begin, host = int(held.begin[place]), int(held.host[place])
        if any(end > begin for other, end in others.items() if other != host):
            kept[place] = False
        else:
            others[host] = max(others.get(host, 0), int(held.end[place]))
    return kept


class _Offered:
    """The addresses that peer lists offered to a vantage node."""

    def __init__(self, part: View) -> None:
        known = "peer_lists" in part.tables
        self.texts = advertised_counts(part).index if known else pd.Index([], dtype=object)
        addresses = Addresses.from_text(self.texts)
        own = {str(host) for host in part.traffic.hosts}
        self._usable = ~addresses.unroutable & ~self.texts.isin(own)
        self._subnet = addresses.subnet.astype(np.int64)

    def share(self, members: Members, banned: BanList | None, distinct: bool) -> float:
        """The share of the members among them."""
        usable = self._usable
        if banned is not None:
            usable = usable & ~banned.match(self.texts)
        if not usable.any():
            return math.nan
        inside = is_member(self.texts, members)[usable].astype(np.float64)
        if not distinct:
            return float(inside.mean())
        subnet = self._subnet[usable]
        alone = subnet < 0
        subnet[alone] = -1 - np.arange(int(alone.sum()))
        return float(pd.Series(inside).groupby(subnet).mean().mean())
