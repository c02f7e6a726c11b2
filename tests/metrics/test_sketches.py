"""Sketches of sets, against exact counts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from monerotraffic.metrics import sketches
from monerotraffic.metrics.set_overlaps import Sets
from monerotraffic.metrics.sketches import candidates, equal_sets, mixed, recall

Ints = NDArray[np.int64]


def names(width: int, key: int = 7) -> NDArray[np.uint64]:
    return mixed(np.arange(width, dtype=np.uint64), key)


def sets_of(rows: list[Ints], width: int) -> Sets:
    of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    # every element occurs, so that from_pairs leaves the numbers as they are
    every = np.arange(width)
    sets = Sets.from_pairs(
        np.concatenate([of, np.full(width, len(rows))]),
        np.concatenate([*rows, every]),
        len(rows) + 1,
    )
    return sets.take(np.arange(len(rows)))


def pairs_that_share(share: float, count: int, size: int = 250) -> Sets:
    """Pairs of sets (2 n, 2 n + 1) with this share in common, and nothing with others."""
    rows = []
    for number in range(count):
        elements = np.arange(2 * size) + number * 2 * size
        rows += [elements[:size], elements[size - int(size * share) : 2 * size - int(size * share)]]
    return sets_of(rows, 2 * size * count)


@pytest.mark.parametrize("share", [0.5, 0.6, 0.67])
def test_recall_is_what_is_documented(share: float) -> None:
    """Within three standard errors of the formula, less what the comparison of sketches excludes at
    the threshold.
    """
    count = 1000
    sets = pairs_that_share(share, count)
    matches = candidates(sets, names(sets.width), 0.5)
    assert (matches.right == matches.left + 1).all()
    jaccard = share / (2 - share)
    expected = recall(jaccard)
    error = 3 * np.sqrt(expected * (1 - expected) / count) + 0.02
    assert expected - error < len(matches.left) / count < expected + error


def test_sets_that_share_little_are_no_candidates() -> None:
    draw = np.random.default_rng(3)
    sets = sets_of([draw.permutation(1000)[:250] for _ in range(300)], 1000)
    matches = candidates(sets, names(1000), 0.5)
    assert len(matches.left) < 300 * 299 / 2 / 500


def test_equal_sets_have_one_number() -> None:
    draw = np.random.default_rng(3)
    rows = [draw.permutation(1000)[:250] for _ in range(50)]
    number = equal_sets(sets_of([*rows, *(row[::-1] for row in rows)], 1000), names(1000))
    assert (number[:50] == number[50:]).all()
    assert len(np.unique(number)) == 50


def test_short_sets_have_sketches() -> None:
    sets = sets_of([np.array([1]), np.array([1]), np.array([2]), np.array([1, 2, 3])], 5)
    matches = candidates(sets, names(5), 0.9)
    assert (0, 1) in set(zip(matches.left.tolist(), matches.right.tolist(), strict=True))
    assert (0, 2) not in set(zip(matches.left.tolist(), matches.right.tolist(), strict=True))


def test_bounds_leave_out_pairs_and_keep_the_most_similar(monkeypatch: pytest.MonkeyPatch) -> None:
    """400 sets that share 60 % with each other, and among them two that share all but one."""
    draw = np.random.default_rng(5)
    rows = [np.append(np.arange(190), 200 + draw.permutation(5000)[:60]) for _ in range(400)]
    rows += [np.append(rows[0][:-1], 190)]
    sets = sets_of(rows, 5200)
    assert len(candidates(sets, names(5200), 0.5).left) > 0.99 * 401 * 400 / 2
    monkeypatch.setattr(sketches, "_CANDIDATES", 20_000)
    monkeypatch.setattr(sketches, "_COUNTED", 300)
    some = candidates(sets, names(5200), 0.5)
    assert len(some.left) == 300
    assert some.left_out > 0
    assert (0, 400) in set(zip(some.left.tolist(), some.right.tolist(), strict=True))


def test_key_decides_which_sets_collide() -> None:
    sets = pairs_that_share(0.4, 300)
    one = candidates(sets, names(sets.width, 1), 0.4)
    other = candidates(sets, names(sets.width, 2), 0.4)
    assert one.left.tolist() != other.left.tolist()
    assert candidates(sets, names(sets.width, 1), 0.4).left.tolist() == one.left.tolist()
