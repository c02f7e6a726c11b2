"""Which of many sets are similar: MinHash sketches and locality-sensitive hashing (Broder 1997;
Indyk and Motwani 1998; one permutation for many hash values, Li, Owen and Zhang 2012).

Owns the search for candidates and its bounds; whether a candidate is similar is counted exactly.
Knows neither peers nor lists. Used by similarity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monerotraffic.metrics.set_overlaps import Sets

__all__ = ["Candidates", "candidates", "equal_sets", "mixed", "recall"]

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_PERMUTATIONS, _BINS = 4, 64
SLOTS = _PERMUTATIONS * _BINS
ROWS = 4  # slots of a band
BANDS = 128  # each slot is in two bands
_LEVEL = 3.0  # standard deviations by which a sketch may be below the wanted similarity
_CANDIDATES, _CANDIDATES_PER_SET = 2_000_000, 8  # at most, over all bands
_COUNTED = 250_000  # pairs that are counted exactly
_PAIRS = 1 << 13  # of sketches that are compared at once


@dataclass(frozen=True)
class Candidates:
    """Pairs of sets that may be similar, left < right, each once, in order."""

    left: Ints
    right: Ints
    left_out: int
    """Pairs with a band in common that the bound excluded, once for each band."""


def mixed(values: Hashes, key: int) -> Hashes:
    """A keyed permutation of 64-bit numbers (the finalizer of splitmix64)."""
    z = values + np.uint64(key % (1 << 64))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def recall(jaccard: float) -> float:
    """The probability that two sets with this Jaccard index have a band in common, as of
    independent bands.

    >>> [round(recall(x), 3) for x in (1 / 7, 1 / 3, 0.43, 0.5, 0.67)]
    [0.052, 0.796, 0.988, 1.0, 1.0]
    """
    return float(1 - (1 - jaccard**ROWS) ** BANDS)


def equal_sets(sets: Sets, names: Hashes) -> Ints:
    """A number for each set that equal sets share: of its 128-bit digest, the sums of two keyed
    hashes of each element. `names`: a keyed hash of each element.
    """
    digests = np.zeros((len(sets), 2), dtype=np.uint64)
    other = mixed(names, 0x9E3779B97F4A7C15)
    for low, high, of, element in sets.blocks():
        starts = np.cumsum(sets.size[low:high]) - sets.size[low:high]
        some = np.flatnonzero(sets.size[low:high])
        if len(of):
            for column, values in enumerate((names, other)):
                digests[low + some, column] = np.add.reduceat(values[element], starts[some])
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    ordered = digests[order]
    differs = (ordered[1:] != ordered[:-1]).any(axis=1)
    number = np.empty(len(sets), dtype=np.int64)
    number[order] = np.append(0, np.cumsum(differs))[: len(sets)]
    return number


def candidates(sets: Sets, names: Hashes, min_share: float) -> Candidates:
    """Pairs of sets that may share at least `min_share` of the smaller one. No set is empty.

    `names` must be a keyed hash of each element, so that no peer can choose elements that collide.
    At most two million pairs, or eight for each set, are searched, as many in each band. If a
    band has more, a set is paired with those sets of its bucket that are next to it in the order of
    the next band, which are the most similar ones. Of pairs whose sketches are similar, a quarter
    of a million are returned: of each set the most similar pair, then the second, and so on.
    """
    sketch = _sketches(sets, names)
    most = max(_CANDIDATES, _CANDIDATES_PER_SET * len(sets))
    keys, left_out = [np.empty(0, dtype=np.int64)], 0
    following = _band(sketch, 0)
    for band in range(BANDS):
        current, following = following, _band(sketch, (band + 1) % BANDS)
        one, two, excluded = _neighbours(current << np.uint64(32) | following, most // BANDS)
        left_out += excluded
        keys.append(np.minimum(one, two) * len(sets) + np.maximum(one, two))
    left, right = np.divmod(np.unique(np.concatenate(keys)), max(1, len(sets)))
    agree = _agreement(sketch, left, right)
    likely = agree >= _least_agreement(sets.size, left, right, min_share)
    left, right, agree = left[likely], right[likely], agree[likely]
    kept = _best_of_each(left, right, agree, _COUNTED)
    return Candidates(left[kept], right[kept], left_out + len(left) - len(kept))


def _sketches(sets: Sets, names: Hashes) -> NDArray[np.uint16]:
    """SLOTS values of each set. Two sets have the same value in a slot with a probability that is
    their Jaccard index.

    A permutation distributes the elements to bins, of which each keeps its least element. A bin
    without elements has the value of the next permutation, then of the slot before it.
    """
    empty = np.uint32(0xFFFFFFFF)
    values = np.empty((_PERMUTATIONS, sets.width), dtype=np.uint32)
    slots = np.empty((_PERMUTATIONS, sets.width), dtype=np.int64)
    for permutation in range(_PERMUTATIONS):
        hashed = mixed(names, 0xD1B54A32D192ED03 * (permutation + 1))
        slots[permutation] = permutation * _BINS + (hashed >> np.uint64(58)).astype(np.int64)
        values[permutation] = np.minimum(hashed & np.uint64(0xFFFFFFFF), empty - np.uint32(1))
    sketch = np.empty((len(sets), SLOTS), dtype=np.uint16)
    for low, high, of, element in sets.blocks():
        least = np.full((high - low) * SLOTS, empty, dtype=np.uint32)
        for permutation in range(_PERMUTATIONS):
            np.minimum.at(
                least, of * SLOTS + slots[permutation][element], values[permutation][element]
            )
        block = least.reshape(high - low, SLOTS)
        for shift in (_BINS, _BINS, _BINS, 1):
            while (block == empty).any():
                block = np.where(block == empty, np.roll(block, shift, axis=1), block)
                if shift != 1:
                    break
        sketch[low:high] = block & np.uint32(0xFFFF)
    return sketch


def _band(sketch: NDArray[np.uint16], band: int) -> Hashes:
    """A 32-bit key of each set: sets with the same values in the slots of the band share it. The
    slots of the first half of the bands are neighbours, those of the second half are of different
    permutations.
    """
    half = BANDS // 2
    first, step = (band * ROWS, 1) if band < half else (band - half, _BINS)
    key = np.zeros(len(sketch), dtype=np.uint64)
    for row in range(ROWS):
        key = key << np.uint64(16) | sketch[:, first + row * step]
    return mixed(key, band) >> np.uint64(32)


def _neighbours(keys: Hashes, most: int) -> tuple[Ints, Ints, int]:
    """Up to `most` pairs of sets whose keys agree in the upper 32 bits: first those next to each
    other in the order of the keys, then those at a distance of two, and so on. At each distance
    pairs with equal keys go first, then pairs of small buckets. The number of pairs that were left
    out is the third result.
    """
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    upper = keys >> np.uint64(32)
    first = np.flatnonzero(np.append(True, upper[1:] != upper[:-1])) if len(keys) else order
    size = np.diff(np.append(first, len(keys)))
    every = int((size * (size - 1) // 2).sum())
    end = np.repeat(first + size, size)
    active, distance, left = np.arange(len(keys)), 0, most
    matches: list[tuple[Ints, Ints]] = [(order[:0], order[:0])]
    while left:
        distance += 1
        active = active[active + distance < end[active]]
        if not len(active):
            break
        chosen = active
        if len(active) > left:
            apart = keys[active] != keys[active + distance]
            bucket = np.repeat(size, size)[active]
            chosen = active[np.lexsort((bucket, apart))[:left]]
        matches.append((order[chosen], order[chosen + distance]))
        left -= len(chosen)
    one, two = (np.concatenate(side) for side in zip(*matches, strict=True))
    return one, two, every - len(one)


def _agreement(sketch: NDArray[np.uint16], left: Ints, right: Ints) -> Ints:
    """The number of slots in which the sketches of pairs agree."""
    agree = np.empty(len(left), dtype=np.int64)
    for low in range(0, len(left), _PAIRS):
        pair = slice(low, low + _PAIRS)
        agree[pair] = np.count_nonzero(sketch[left[pair]] == sketch[right[pair]], axis=1)
    return agree


def _least_agreement(size: Ints, left: Ints, right: Ints, min_share: float) -> NDArray[np.float64]:
    """The number of slots in which sets with `min_share` in common agree, less what chance may
    take.
    """
    shared = np.minimum(size[left], size[right]) * min_share
    jaccard = shared / (size[left] + size[right] - shared)
    least: NDArray[np.float64] = SLOTS * jaccard - _LEVEL * np.sqrt(SLOTS * jaccard * (1 - jaccard))
    return least


def _best_of_each(left: Ints, right: Ints, agree: Ints, most: int) -> Ints:
    """The places of at most `most` pairs, in order: the best pair of each set, then the second."""
    if len(left) <= most:
        return np.arange(len(left))
    ends = np.concatenate([left, right])
    order = np.lexsort((-np.tile(agree, 2), ends))
    starts = np.flatnonzero(np.diff(ends[order], prepend=-1))
    rank = np.empty(len(ends), dtype=np.int64)
    rank[order] = np.arange(len(ends)) - np.repeat(starts, np.diff(np.append(starts, len(ends))))
    best = np.minimum(rank[: len(left)], rank[len(left) :])
    return np.sort(np.argsort(best, kind="stable")[:most])
