"""The offset of two clocks from transactions that one peer sent to both nodes.
docs/metrics/vantage_nodes.md explains the estimate.

Owns the estimate on monerod's grid of a quarter second. Knows nothing of traffic. Used by clocks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLUSH_STEP_S", "OnGrid", "offset_on_grid"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FLUSH_STEP_S = 0.25
"""Times at which monerod flushes a queue are multiples of it after the arrival of the first
transaction in the queue (fluff_stepsize of src/cryptonote_protocol/levin_notify.cpp)."""
_NEAR_S = FLUSH_STEP_S / 4
"""Largest distance of a difference from the grid that counts as on it."""
_POINTS = 2000
"""Differences that are compared with the grid at most."""
_TRIALS = 4000
"""Drifts that are tried at most."""
_CHANCE = 1e-4
"""Largest probability that differences without a grid look like one."""
_QUANTILE = 3.2905
"""Of the normal distribution, for 99.9 %."""
_FEWEST = 3
"""Differences of a peer from which its own median is a bound."""


class OnGrid(NamedTuple):
    """What the grid says of two clocks."""

    residual: Floats
    """Difference of each pair that is on the grid, less the multiple of the step."""
    chosen: NDArray[np.bool_]
    """Which pairs those are."""
    low: float
    high: float
    """The least and the greatest median of a peer, and the same at the other offsets within the
    bounds."""


def offset_on_grid(
    time: Floats,
    difference: Floats,
    peer: Ints,
    drifts: tuple[float, float],
    bounds: tuple[float, float] | None = None,
) -> OnGrid | None:
    """Removes multiples of the quarter second from differences of arrivals of one transaction, sent
    by one peer to two nodes. `time` is in seconds from a point in the middle, `peer` a code, and
    `drifts` the interval that contains the drift, in seconds per second. `bounds` are those of the
    offset at time 0 by another source, by default the interval of the centre of the differences.

    Of several offsets of the grid within the bounds, the one nearest to the mean of the middle half
    of the differences is taken, and the interval contains them all.

    Returns None where there is no grid: the differences do not repeat every quarter second (a
    Rayleigh test over all drifts that are tried), or the bounds contain no offset of the grid.
    """
    repeated = _phase(time, difference, drifts)
    if repeated is None:
        return None
    drift, phase = repeated
    level = difference - drift * time
    if bounds is None:
        bounds = _centre_bounds(_some(level), _repetition(time, difference, peer))
    low, high = bounds
    first, last = np.ceil((low - phase) / FLUSH_STEP_S), np.floor((high - phase) / FLUSH_STEP_S)
    if first > last:
        return None
    nearest = np.round((_middle(level) - phase) / FLUSH_STEP_S)
    number = float(np.clip(nearest, first, last))
    offset = phase + number * FLUSH_STEP_S
    steps = np.round((level - offset) / FLUSH_STEP_S)
    residual = difference - steps * FLUSH_STEP_S
    chosen = np.abs(residual - drift * time - offset) <= _NEAR_S
    of_peer = [
        float(np.median((residual - drift * time)[chosen & (peer == one)]))
        for one in np.unique(peer[chosen])
        if (chosen & (peer == one)).sum() >= _FEWEST
    ]
    if not of_peer:
        return None
    below, above = (number - first) * FLUSH_STEP_S, (last - number) * FLUSH_STEP_S
    return OnGrid(residual[chosen], chosen, min(of_peer) - below, max(of_peer) + above)


def _middle(values: Floats) -> float:
    """The mean of the middle half of the values: nearly as exact as the mean, and without the few
    transactions that waited for long."""
    low, high = np.quantile(values, (0.25, 0.75))
    return float(values[(values >= low) & (values <= high)].mean())


def _phase(
    time: Floats, difference: Floats, drifts: tuple[float, float]
) -> tuple[float, float] | None:
    """The drift at which the differences agree most in their remainder by the step, and this
    remainder. None if they agree no more than by chance.
    """
    span = float(np.ptp(time))
    step = FLUSH_STEP_S / 8 / span
    count = int((drifts[1] - drifts[0]) / step) + 2
    if count > _TRIALS:
        return None
    time, difference = _some(time), _some(difference)
    turns = 2 * np.pi / FLUSH_STEP_S
    tried = np.linspace(drifts[0], drifts[1], count)
    sums = np.array([np.exp(1j * turns * (difference - one * time)).mean() for one in tried])
    best = int(np.argmax(np.abs(sums)))
    # of n random directions, the probability of a mean of length r is exp(-n r²)
    if count * np.exp(-len(time) * np.abs(sums[best]) ** 2) > _CHANCE:
        return None
    return float(tried[best]), float(np.angle(sums[best]) / turns)


def _some(values: Floats) -> Floats:
    """At most so many values, at equal distances."""
    return values[np.unique(np.linspace(0, len(values) - 1, _POINTS).astype(np.intp))]


def _repetition(time: Floats, difference: Floats, peer: Ints) -> float:
    """Differences per message that is in one of them at least: with this number, differences that
    have a message in common count as one.
    """
    messages = [
        len(np.unique(np.stack((peer, np.round(ends * 1e6).astype(np.int64))), axis=1).T)
        for ends in (time, time + difference)
    ]
    return len(time) / min(messages)


def _centre_bounds(values: Floats, repetition: float) -> tuple[float, float]:
    """An interval that contains the centre of a symmetric distribution with a probability of
    99.9 %: order statistics of the averages of all pairs (Hodges and Lehmann 1963), with the normal
    approximation of the signed-rank statistic (scipy.stats.wilcoxon), for fewer independent values
    by the factor `repetition`.
    """
    count = len(values)
    left, right = np.triu_indices(count)
    averages = (values[left] + values[right]) / 2
    half = _QUANTILE * np.sqrt(repetition * count * (count + 1) * (2 * count + 1) / 24)
    low = int(np.floor(count * (count + 1) / 4 - half))
    high = len(averages) - 1 - low
    if low < 0:
        return -np.inf, np.inf
    ordered = np.partition(averages, (low, high))
    return float(ordered[low]), float(ordered[high])
