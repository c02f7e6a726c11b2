"""Exposure: which share of the connection slots groups of peers hold, and what that means for
Dandelion++. docs/metrics/exposure.md explains the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.banlist import BanList
from monerotraffic.metrics.extras import analysis
from monerotraffic.metrics.slot_time import (
    DIRECTIONS,
    Holdings,
    crowded,
    held_until,
    holdings,
    most_at_once,
)
from monerotraffic.metrics.sources import in_parts
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = [
    *("COLUMNS", "EPOCH", "Groups", "Members", "SAMPLING", "Sampling"),
    *("exposure", "exposure_over_time", "group_times", "is_member", "measures", "with_dtypes"),
]

EPOCH = 615.0
"""Mean seconds of a Dandelion++ epoch of monerod: 10 minutes and 0 to 30 seconds."""

Members = BanList | Iterable[str]
"""A group of peers: a ban list, or addresses."""
Groups = Mapping[str, Members]

Floats = NDArray[np.float64]
_COUNTS = ("peers", "connections", "most_at_once", "epochs")
_NUMBERS = (
    *("seconds", "all_seconds", "slots", "p", "p_low", "p_high"),
    *("p_squared", "mean_p_squared"),
)
COLUMNS = [
    *("vantage", "direction", "group", "peers", "connections", "seconds", "all_seconds", "slots"),
    *("most_at_once", "p", "p_low", "p_high", "p_squared", "mean_p_squared", "epochs"),
]


@dataclass(frozen=True)
class Sampling:
    """How bootstrap intervals are made.

    >>> import monerotraffic as mt
    >>> mt.metrics.Sampling(resamples=500).confidence
    0.95
    """

    resamples: int = 2000
    """0 for no intervals."""
    confidence: float = 0.95


SAMPLING = Sampling()


@in_parts
def exposure(
    traffic: Traffic | View,
    groups: Groups | None = None,
    *,
    systems: pd.DataFrame | None = None,
    period: tuple[pd.Timestamp | None, pd.Timestamp | None] = (None, None),
    epoch_s: float = EPOCH,
    sampling: Sampling = SAMPLING,
) -> pd.DataFrame:
    """Returns which share of its connection slots each group of peers holds at a vantage node,
    weighted by time. One row per vantage node, direction and group. Unit: seconds of connections.

    Parameters
    ----------
    groups
        By name the peers of a group: addresses (for example the anomalous ones of verdicts), or a
        BanList. Groups may overlap. Two more are always there: `same_subnet`, slots held while
        another peer of the same /24 (IPv6: /64) held one of the same direction too; and with
        `systems`, the result of autonomous_systems or networks, `same_system`.
    period
        Begin and end; time outside is left out, None is no bound.
    epoch_s
        Seconds of an epoch of Dandelion++, counted from the first slot. Epochs of a node cannot be
        observed without stem transactions.
    sampling
        For the interval of `p`: the number of resamples and the confidence level.

    - `vantage`, `direction`, `group` (category)
    - `peers`, `connections` (int64): of the group, with slots
    - `seconds`, `all_seconds` (float64): time of slots of the group and of all peers
    - `slots` (float64): the mean number of slots of the group, from the first slot to the last
    - `most_at_once` (int64): the maximum number of slots of the group at one time
    - `p` (float64): seconds ÷ all_seconds; NaN without slots
    - `p_low`, `p_high` (float64): bootstrap interval over peers (scipy.stats.bootstrap, percentile,
      with a fixed seed); NaN for fewer than two peers
    - `p_squared` (float64): p², for outgoing slots only. If the first two hops of a stem are drawn
      independently, the probability that both are of the group
    - `mean_p_squared` (float64): E[p²], the mean of p² over epochs with outgoing slots, which
      is more than p² where p varies between epochs of equal weight
    - `epochs` (int64): number of these epochs

    A slot is a connection whose TCP handshake was completed, from its first packet to its last;
    monerod counts it from then on. Stems go to outgoing connections only, so that the outgoing p is
    the one that matters for the privacy of own transactions.

    Raises ImportError without scipy, unless there are 0 resamples, and ValueError for an `epoch_s`
    that is not positive.

    Source: src/net/dandelionpp.cpp; Rucknium's estimate in
    https://github.com/monero-project/research-lab/issues/126#issuecomment-2460261864.

        >>> import monerotraffic as mt
        >>> table = mt.metrics.exposure(mt.read("tests/data/honest"), {"one": ["192.0.2.12"]})
        >>> table[["direction", "group", "peers", "most_at_once"]].head(2)
          direction        group  peers  most_at_once
        0  incoming          one      1             1
        1  incoming  same_subnet      2             2
    """
    if not epoch_s > 0:
        raise ValueError(f"epoch_s={epoch_s}: must be more than 0")
    view = viewed(traffic)
    rows = []
    for part in view.by_vantage.values():
        for direction in DIRECTIONS:
            held, _ = holdings(part, direction, *period)
            for name, inside in group_times(part, held, groups or {}, systems):
                numbers = measures(held, inside, direction, epoch_s, sampling)
                rows.append((part.vantages[0], direction, name, *numbers.values()))
    return with_dtypes(pd.DataFrame(rows, columns=COLUMNS), view)


def with_dtypes(table: pd.DataFrame, view: View) -> pd.DataFrame:
    """Rows of exposure with their dtypes."""
    table = table.astype(dict.fromkeys(_COUNTS, "int64") | dict.fromkeys(_NUMBERS, "float64"))
    return _with_categories(table, view)


def _with_categories(table: pd.DataFrame, view: View) -> pd.DataFrame:
    names = list(dict.fromkeys(table["group"]))
    for name, values in (
        ("vantage", view.vantages),
        ("direction", DIRECTIONS),
        ("group", names),
    ):
        table[name] = pd.Categorical(table[name], categories=list(values))
    return table


def group_times(
    view: View, held: Holdings, groups: Groups, systems: pd.DataFrame | None
) -> Iterator[tuple[str, Holdings]]:
    """The time of slots of each group."""
    texts = view.addresses.text
    for name, members in groups.items():
        yield name, held.chosen(is_member(texts, members)[held.host])
    yield "same_subnet", crowded(held, view.addresses.subnet[held.host].astype(np.int64))
    if systems is not None and "asn" in systems and systems["asn"].notna().any():
        numbers = systems.set_index(systems["host"].astype(object))["asn"]
        of_host = texts.to_series().astype(object).map(numbers).fillna(-1).to_numpy(dtype=np.int64)
        yield "same_system", crowded(held, of_host[held.host])


def is_member(texts: pd.Index, members: Members) -> NDArray[np.bool_]:
    """Whether each address is in a group. v4-mapped addresses are their IPv4 address."""
    if isinstance(members, BanList):
        return members.match(texts)
    named = {text.removeprefix("::ffff:") for text in map(str, members)}
    return np.array([text.removeprefix("::ffff:") in named for text in texts], dtype=np.bool_)


def measures(
    held: Holdings, inside: Holdings, direction: str, epoch_s: float, sampling: Sampling
) -> dict[str, float]:
    """The numbers of one row of exposure, in the order of COLUMNS."""
    of_group, whole = int(inside.length.sum()), int(held.length.sum())
    span = int(held.end.max() - held.begin.min()) if len(held.begin) else 0
    p = of_group / whole if whole > 0 else math.nan
    low, high = _interval(held, inside, sampling)
    outgoing = direction == "outgoing" and whole > 0
    shares = _shares(held, inside, _edges(held, epoch_s)) if outgoing else np.zeros(0)
    shares = shares[~np.isnan(shares)]
    return {
        "peers": len(np.unique(inside.host)),
        "connections": len(np.unique(inside.connection)),
        "seconds": of_group / 1e9,
        "all_seconds": whole / 1e9,
        "slots": of_group / span if span > 0 else math.nan,
        "most_at_once": most_at_once(inside),
        "p": p,
        "p_low": low,
        "p_high": high,
        "p_squared": p * p if outgoing else math.nan,
        "mean_p_squared": float(np.mean(shares**2)) if len(shares) else math.nan,
        "epochs": len(shares),
    }


def _edges(held: Holdings, step: float) -> Floats:
    """Edges of equal steps from second 0 that cover all slots."""
    last = float(held.end.max() / 1e9) if len(held.end) else 0.0
    return np.arange(max(1, math.ceil(last / step)) + 1, dtype=np.float64) * np.float64(step)


def _shares(held: Holdings, inside: Holdings, edges: Floats) -> Floats:
    """The share of the group in each step; NaN without slots."""
    of_group: Floats = np.diff(held_until(inside, edges))
    whole: Floats = np.diff(held_until(held, edges))
    with np.errstate(divide="ignore", invalid="ignore"):
        shares: Floats = np.where(whole > 1e-6, np.clip(of_group / whole, 0, 1), np.nan)
    return shares


def _interval(held: Holdings, inside: Holdings, sampling: Sampling) -> tuple[float, float]:
    """The bootstrap interval of the share over peers."""
    hosts, first, place = np.unique(held.host, return_index=True, return_inverse=True)
    whole = np.bincount(place, weights=held.length, minlength=len(hosts))
    of_group = np.bincount(
        np.searchsorted(hosts, inside.host), weights=inside.length, minlength=len(hosts)
    )
    # in order of appearance: codes of addresses depend on how the rows were read
    order = np.argsort(first)
    of_group, whole = of_group[order], whole[order]
    lasting = whole > 0
    if not sampling.resamples or lasting.sum() < 2:
        return math.nan, math.nan
    stats = analysis("scipy.stats", "exposure")
    interval = stats.bootstrap(
        (of_group[lasting], whole[lasting]),
        lambda part, total, axis: part.sum(axis=axis) / total.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=sampling.resamples,
        batch=max(1, 2_000_000 // int(lasting.sum())),
        confidence_level=sampling.confidence,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(interval.low), float(interval.high)


@in_parts
def exposure_over_time(
    traffic: Traffic | View,
    groups: Groups | None = None,
    *,
    systems: pd.DataFrame | None = None,
    step_s: float = 60.0,
) -> pd.DataFrame:
    """Returns the share of slots that each group of peers holds in each step of time. One row per
    vantage node, direction, group and step, with the groups of exposure. Unit: connections.

    - `vantage`, `direction`, `group` (category)
    - `time` (time): begin of the step, counted from the first slot of the node
    - `slots`, `all_slots` (float64): mean number of slots of the group, and of all peers
    - `p` (float64): slots ÷ all_slots; NaN without slots

    Raises ValueError for a `step_s` that is not positive.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> steps = mt.metrics.exposure_over_time(traffic, {"one": ["192.0.2.12"]})
        >>> float(steps.loc[steps["group"] == "one", "p"].max()) > 0
        True
    """
    if not step_s > 0:
        raise ValueError(f"step_s={step_s}: must be more than 0")
    view = viewed(traffic)
    tables = []
    for part in view.by_vantage.values():
        for direction in DIRECTIONS:
            held, zero = holdings(part, direction)
            edges = _edges(held, step_s)
            whole = np.diff(held_until(held, edges)) / step_s
            for name, inside in group_times(part, held, groups or {}, systems):
                table = pd.DataFrame({"time": zero + pd.to_timedelta(edges[:-1], unit="s")})
                table["slots"] = np.diff(held_until(inside, edges)) / step_s
                table["all_slots"] = whole
                table["p"] = _shares(held, inside, edges)
                table[["vantage", "direction", "group"]] = part.vantages[0], direction, name
                tables.append(table if len(held.begin) else table[:0])
    columns = ["vantage", "direction", "group", "time", "slots", "all_slots", "p"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    table["time"] = pd.to_datetime(table["time"], utc=True).astype("datetime64[ns, UTC]")
    return _with_categories(table[columns], view)
