"""Pairs of sets of different owners that share much: counted exactly if there are few sets, found
by sketches and then counted exactly if there are many.

Owns which of the two is done, and the bounds. Knows neither peers nor lists. Used by similarity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monerotraffic.metrics.set_overlaps import Sets, above_diagonal
from monerotraffic.metrics.sketches import candidates, equal_sets, mixed

__all__ = [
    "MOST_EXACT",
    "SimilarSets",
    "alike",
    "expected_share",
    "similar_in_block",
    "similar_sets",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]

MOST_EXACT = 10_000
"""Sets of which all pairs are counted."""
MOST_PAIRS = 2_000_000
"""Pairs that are returned."""

_OWNERS, _SETS_OF_OWNER = 64, 2  # with which a set is compared to see whether it is like most


@dataclass(frozen=True)
class SimilarSets:
    """Pairs of sets, left < right, in order."""

    left: Ints
    right: Ints
    shared: Ints
    exact: bool
    """Whether all pairs were counted."""
    repeated: int
    """Sets that were left out because their owner has the same set before."""
    left_out: int
    """Pairs that the bounds excluded before they were counted, once for each hash in common."""

    @property
    def pairs(self) -> tuple[Ints, Ints, Ints]:
        return self.left, self.right, self.shared


def similar_sets(
    sets: Sets,
    owner: Ints,
    names: Hashes,
    min_share: float,
    visit: Callable[[int, Ints], None] | None = None,
) -> SimilarSets:
    """The pairs of sets of different owners that share at least `min_share` of the smaller one and
    at least one element. `names`: a keyed hash of each element. `visit` is called with the blocks
    of Sets.overlaps where all pairs are counted.

    Up to MOST_EXACT sets are compared exactly, unless MOST_PAIRS of their pairs are similar. Of
    more sets, equal ones are found by a digest and similar ones by sketches.
    """
    pairs = _every_pair(sets, owner, min_share, visit) if len(sets) <= MOST_EXACT else None
    if pairs is not None:
        return SimilarSets(*pairs, exact=True, repeated=0, left_out=0)
    number = equal_sets(sets, names)
    first, unit, start, count = _units(number, owner)
    filled = np.flatnonzero(sets.size[first] > 0)
    matches = candidates(sets.take(first[filled]), names, min_share)
    left, right = filled[matches.left], filled[matches.right]
    shared = sets.shared(first[left], first[right])
    similar = shared >= np.maximum(1, min_share * _smaller(sets, first[left], first[right]) - 1e-9)
    several = np.flatnonzero((count > 1) & (sets.size[first] > 0))
    left = np.concatenate([several, left[similar]])
    right = np.concatenate([several, right[similar]])
    shared = np.concatenate([sets.size[first[several]], shared[similar]])
    of, one, two, left_out = _expanded(start[left], count[left], start[right], count[right])
    one, two = unit[one], unit[two]
    apart = owner[one] != owner[two]
    keys, place = np.unique(
        np.minimum(one, two)[apart] * len(sets) + np.maximum(one, two)[apart], return_index=True
    )
    return SimilarSets(
        *np.divmod(keys, max(1, len(sets))),
        shared[of[apart][place]],
        exact=False,
        repeated=len(sets) - len(unit),
        left_out=matches.left_out + left_out,
    )


def similar_in_block(
    low: int, counts: Ints, size: Ints, owner: Ints, min_share: float
) -> tuple[Ints, Ints, Ints]:
    """The similar pairs of a block of overlaps: sets and the number of shared elements."""
    rows, width = counts.shape
    least = np.minimum(size[low : low + rows, None], size[None, low:])
    wanted = (
        (counts >= np.maximum(1, min_share * least - 1e-9))
        & (owner[low : low + rows, None] != owner[None, low:])
        & above_diagonal(rows, width)
    )
    left, right = np.nonzero(wanted)
    return left + low, right + low, counts[left, right]


def _every_pair(
    sets: Sets, owner: Ints, min_share: float, visit: Callable[[int, Ints], None] | None
) -> tuple[Ints, Ints, Ints] | None:
    """All similar pairs by counting every pair; None if there are more than MOST_PAIRS."""
    empty = np.empty(0, dtype=np.int64)
    parts, matches = [(empty, empty, empty)], 0
    for low, counts in sets.overlaps():
        part = similar_in_block(low, counts, sets.size, owner, min_share)
        matches += len(part[0])
        if matches > MOST_PAIRS:
            return None
        parts.append(part)
        if visit is not None:
            visit(low, counts)
    left, right, shared = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return left, right, shared


def _smaller(sets: Sets, left: Ints, right: Ints) -> Ints:
    return np.minimum(sets.size[left], sets.size[right])


def _units(number: Ints, owner: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """The first of each group of equal sets; the first set of each owner in each group, in order of
    the groups; where the group starts there, and how many it has.
    """
    _, owner = np.unique(owner, return_inverse=True)
    width = int(owner.max(initial=-1)) + 1
    keys, unit = np.unique(number * max(1, width) + owner, return_index=True)
    start = np.flatnonzero(np.diff(keys // max(1, width), prepend=-1))
    count = np.diff(np.append(start, len(keys)))
    first = np.minimum.reduceat(unit, start) if len(start) else unit
    return first, unit, start, count


def _expanded(
    start: Ints, count: Ints, other_start: Ints, other_count: Ints
) -> tuple[Ints, Ints, Ints, int]:
    """Pairs of units of pairs of groups: the pair of groups, one unit, the other, and how many
    pairs were left out. All of them, or if these are more than MOST_PAIRS, each unit once.
    """
    same = start == other_start
    product = count * other_count
    every = int(np.where(same, count * (count - 1) // 2, product).sum())
    full = int(product.sum()) <= 2 * MOST_PAIRS and every <= MOST_PAIRS
    length = product if full else np.maximum(count, other_count)
    fit = int(np.searchsorted(np.cumsum(length), 2 * MOST_PAIRS, side="right"))
    length = np.where(np.arange(len(length)) < fit, length, 0)
    of = np.repeat(np.arange(len(length)), length)
    place = np.arange(len(of)) - (np.cumsum(length) - length)[of]
    width = other_count[of]
    one = start[of] + (place // width if full else place % count[of])
    two = other_start[of] + (place + (same[of] & (not full))) % width
    return of, one, two, 0 if full else every - len(of)


def alike(sets: Sets, owner: Ints, matches: SimilarSets, min_share: float) -> tuple[Floats, Floats]:
    """For both sets of each pair the share of the other owners that have a set which shares
    `min_share`. If not all pairs were counted, of a sample of the owners and their sets.
    """
    _, owner = np.unique(owner, return_inverse=True)
    owners = int(owner.max(initial=-1)) + 1
    share = np.zeros(len(sets))
    if matches.exact:
        ends = np.concatenate([matches.left, matches.right])
        others = owner[np.concatenate([matches.right, matches.left])]
        of = np.unique(ends * max(1, owners) + others) // max(1, owners)
        share = np.bincount(of, minlength=len(sets)) / max(1, owners - 1)
    elif len(matches.left):
        wanted = np.unique(np.concatenate([matches.left, matches.right]))
        share[wanted] = _alike_in_sample(sets, owner, wanted, min_share)
    return share[matches.left], share[matches.right]


def _alike_in_sample(sets: Sets, owner: Ints, wanted: Ints, min_share: float) -> Floats:
    """For these sets the share of sampled other owners with a similar set."""
    order = np.argsort(mixed(np.arange(len(sets), dtype=np.uint64), len(sets)), kind="stable")
    order = order[np.argsort(owner[order], kind="stable")]  # by owner, shuffled within
    starts = np.flatnonzero(np.diff(owner[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    chosen = np.argsort(mixed(starts.astype(np.uint64), 1), kind="stable")[:_OWNERS]
    sample = order[np.isin(owner[order], chosen) & (rank < _SETS_OF_OWNER)]
    member = np.zeros((sets.width, len(sample)), dtype=np.float32)
    for low, _, of, element in sets.take(sample).blocks():
        member[element, low + of] = 1
    share = np.empty(len(wanted))
    step = max(1, (1 << 24) // max(1, sets.width))
    for low in range(0, len(wanted), step):
        part = wanted[low : low + step]
        matrix = np.zeros((len(part), sets.width), dtype=np.float32)
        for first, _, of, element in sets.take(part).blocks():
            matrix[first + of, element] = 1
        shared = matrix @ member
        least = np.minimum(sets.size[part][:, None], sets.size[sample][None, :])
        foreign = owner[part][:, None] != owner[sample][None, :]
        similar = (shared >= np.maximum(1, min_share * least - 1e-9)) & foreign
        # columns of one owner are next to each other
        first_of_owner = np.flatnonzero(np.diff(owner[sample], prepend=-1))
        hits = np.logical_or.reduceat(similar, first_of_owner, axis=1).sum(axis=1)
        others = foreign[:, first_of_owner].sum(axis=1)
        share[low : low + step] = hits / np.maximum(1, others)
    return share


def expected_share(sets: Sets, owner: Ints, left: Ints, right: Ints, shared: Ints) -> Floats:
    """The mean share of the smaller set of each pair that sets of other owners have.

    The popularity of an element is the share of sets that have it, every owner counting once. The
    two owners are excluded, and one set with everything and one with nothing are added (Laplace),
    so that little data increases the expectation. The expectation is proportional to the size of
    sets that are larger than the others.
    """
    _, owner = np.unique(owner, return_inverse=True)
    owners = int(owner.max(initial=-1)) + 1
    weight = 1 / np.bincount(owner, minlength=owners)  # of each set of an owner
    popularity = np.zeros(sets.width)
    for low, _, of, element in sets.blocks():
        popularity += np.bincount(element, weights=weight[owner[low + of]], minlength=sets.width)
    swap = sets.size[right] < sets.size[left]
    small, large = np.where(swap, right, left), np.where(swap, left, right)
    used, place = np.unique(small, return_inverse=True)
    total = np.zeros(len(used))
    for low, high, of, element in sets.take(used).blocks():
        total[low:high] = np.bincount(of, weights=popularity[element], minlength=high - low)
    own = _own(sets, owner, used, weight)
    by_others = total[place] - own[place] - shared * weight[owner[large]]
    mean = (np.bincount(owner, weights=sets.size * weight[owner]).sum()) / max(1, owners)
    expected = (
        (by_others + sets.size[small])
        / (owners * sets.size[small])
        * np.maximum(1, sets.size[large] / max(1.0, float(mean)))
    )
    return np.minimum(expected, 1.0 - 1e-9)


def _own(sets: Sets, owner: Ints, used: Ints, weight: Floats) -> Floats:
    """For each of these sets the sum over its elements of the share of the sets of its owner that
    have the element.
    """
    own = sets.size[used].astype(np.float64)  # of owners of one set
    several = weight[owner[used]] < 1
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(len(weight) + 1))
    mine = np.argsort(owner[used], kind="stable")
    bounds = np.searchsorted(owner[used][mine], np.arange(len(weight) + 1))
    for one in np.unique(owner[used[several]]):
        every = sets.take(order[starts[one] : starts[one + 1]])
        places = mine[bounds[one] : bounds[one + 1]]
        for low, high, of, count in _counted(every, sets.take(used[places])):
            own[places[low:high]] = np.bincount(
                of, weights=count * weight[one], minlength=high - low
            )
    return own


def _counted(every: Sets, wanted: Sets) -> Iterator[tuple[int, int, Ints, Ints]]:
    """Blocks of the wanted sets, and for each element how many of all sets have it."""
    if every.size.sum() < every.width:
        elements = np.concatenate([element for _, _, _, element in every.blocks()])
        values, counts = np.unique(elements, return_counts=True)
        for low, high, of, element in wanted.blocks():
            yield low, high, of, counts[np.searchsorted(values, element)]
        return
    counts = np.zeros(every.width, dtype=np.int64)
    for _, _, _, element in every.blocks():
        counts += np.bincount(element, minlength=every.width)
    for low, high, of, element in wanted.blocks():
        yield low, high, of, counts[element]
