"""Sets of small numbers and how many elements they share.

Owns the compact form of many sets and exact counts. Knows neither peers nor lists. Used by sketches
and similarity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monerotraffic.metrics.entries import distinct
from monerotraffic.tables.spool import Spool, release

__all__ = ["Sets", "above_diagonal"]

Ints = NDArray[np.int64]

_CELLS = 1 << 22  # of one block of overlaps: 32 MiB, and several times that on the way
_BLOCK = 1 << 22  # elements that are processed at once
# elements in more than this share of the sets are counted by a matrix product, which is faster
_DENSE = 0.02


@dataclass(frozen=True)
class Sets:
    """Sets of elements, each a run of `element`."""

    start: Ints
    """Index in `element` of the first element of each set."""
    size: Ints
    """Elements of each set."""
    element: NDArray[np.int32]
    """In order within a set."""
    width: int
    """Elements are less than this."""

    @classmethod
    def from_pairs(cls, of: Ints, element: Ints, count: int) -> Sets:
        """From pairs in any order, with repetitions. The elements are renumbered."""
        _, element = np.unique(element, return_inverse=True)
        width = int(element.max(initial=-1)) + 1
        of, element = np.divmod(distinct(of * max(1, width) + element)[0], max(1, width))
        size = np.bincount(of, minlength=count)
        return cls(np.cumsum(size) - size, size, element.astype(np.int32), width)

    @classmethod
    def from_runs(
        cls, start: Ints, length: Ints, code: NDArray[np.int32], number: NDArray[np.int32]
    ) -> Sets:
        """From runs of `code`, with repetitions: the elements are number[code], negative ones are
        excluded, and so is the last number, that of the code -1. Needs memory for one block; long
        results are in a file.
        """
        width = int(number[:-1].max(initial=-1)) + 1
        elements, size = Spool(np.int32), np.zeros(len(start), dtype=np.int64)
        for low, high in _blocks(length):
            of, place = _run(start[low:high], length[low:high])
            element = number[code[place]]
            known = element >= 0
            keys, _ = distinct(of[known] * max(1, width) + element[known])
            of, values = np.divmod(keys, max(1, width))
            size[low:high] = np.bincount(of, minlength=high - low)
            elements.add(values)
            release(code)
        return cls(np.cumsum(size) - size, size, elements.array(), width)

    def __len__(self) -> int:
        return len(self.size)

    def take(self, places: Ints) -> Sets:
        """Some of the sets, without a copy of the elements."""
        return Sets(self.start[places], self.size[places], self.element, self.width)

    def blocks(self) -> Iterator[tuple[int, int, Ints, NDArray[np.int32]]]:
        """Yields the pairs of a set and an element in blocks: the first set, the one after the
        last, the set of each pair (from 0 in the block), and its element.
        """
        for low, high in _blocks(self.size):
            of, place = _run(self.start[low:high], self.size[low:high])
            element = np.asarray(self.element[place])
            release(self.element)
            yield low, high, of, element

    def _pairs(self) -> tuple[Ints, Ints]:
        of, place = _run(self.start, self.size)
        return of, np.asarray(self.element[place], dtype=np.int64)

    def overlaps(self) -> Iterator[tuple[int, Ints]]:
        """Yields the exact number of elements that sets share, in blocks (first, counts), where
        counts[i, j] belongs to the sets first + i and first + j.
        """
        count = len(self)
        every, element = self._pairs()
        known_by = np.bincount(element, minlength=self.width)
        dense = known_by >= max(16, _DENSE * count)
        common = dense[element]
        matrix = np.zeros((count, int(dense.sum())), dtype=np.float32)
        matrix[every[common], (np.cumsum(dense) - 1)[element[common]]] = 1
        of, element = every[~common], element[~common]
        starts = np.searchsorted(of, np.arange(count + 1))
        order = np.argsort(element, kind="stable")
        postings = of[order]
        places = element[order] * count + postings
        work = np.bincount(of, weights=known_by[element], minlength=count)
        low = 0
        while low < count:
            rows = max(
                1,
                min(
                    _CELLS // (count - low),
                    int(np.searchsorted(np.cumsum(work[low:]), _CELLS)),
                    count - low,
                ),
            )
            high, width = low + rows, count - low
            mine, wanted = of[starts[low] : starts[high]], element[starts[low] : starts[high]]
            first, last = (
                np.searchsorted(places, wanted * count + low),
                np.searchsorted(places, (wanted + 1) * count),
            )
            of_posting, place = _run(first, last - first)
            counts = np.bincount(
                (mine[of_posting] - low) * width + postings[place] - low, minlength=rows * width
            ).reshape(rows, width)
            if matrix.shape[1]:
                counts += np.rint(matrix[low:high] @ matrix[low:].T).astype(np.int64)
            yield low, counts
            low = high

    def shared(self, left: Ints, right: Ints) -> Ints:
        """The exact number of elements that the sets left[i] and right[i] share."""
        counts = np.zeros(len(left), dtype=np.int64)
        for low, high in _blocks(self.size[left] + self.size[right]):
            keys = []
            for side in (left[low:high], right[low:high]):
                of, place = _run(self.start[side], self.size[side])
                keys.append(of * max(1, self.width) + np.asarray(self.element[place]))
            release(self.element)
            both = np.sort(np.concatenate(keys), kind="stable")  # merges runs that are in order
            twice = both[1:][both[1:] == both[:-1]] // max(1, self.width)
            counts[low:high] = np.bincount(twice, minlength=high - low)
        return counts


def above_diagonal(rows: int, width: int) -> NDArray[np.bool_]:
    """Selects each pair of a block of overlaps once: the second set comes after the first."""
    return np.arange(width)[None, :] > np.arange(rows)[:, None]


def _blocks(size: Ints) -> Iterator[tuple[int, int]]:
    """Ranges of sets with about `_BLOCK` elements."""
    ends = np.cumsum(size)
    low = 0
    while low < len(size):
        done = int(ends[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(ends, done + _BLOCK, side="right")))
        yield low, high
        low = high


def _run(start: Ints, length: Ints) -> tuple[Ints, Ints]:
    """For runs: the run of each place, and the places."""
    of = np.repeat(np.arange(len(length)), length)
    place = np.arange(len(of)) + (start - np.cumsum(length) + length)[of]
    return of, place
