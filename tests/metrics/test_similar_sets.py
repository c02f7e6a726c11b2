"""Similar sets found by sketches, against those found by counting every pair."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from monerotraffic.metrics import similar_sets as module
from monerotraffic.metrics.set_overlaps import Sets
from monerotraffic.metrics.similar_sets import SimilarSets, alike, similar_sets
from monerotraffic.metrics.sketches import mixed

Ints = NDArray[np.int64]
WIDTH = 3000


def build_sets(rows: list[Ints]) -> Sets:
    of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    return Sets.from_pairs(of, np.concatenate(rows), len(rows))


def matches(sets: Sets, owner: Ints, share: float = 0.5) -> SimilarSets:
    return similar_sets(sets, owner, mixed(np.arange(sets.width, dtype=np.uint64), 3), share)


def pairs(result: SimilarSets) -> set[tuple[int, int, int]]:
    return set(zip(*(side.tolist() for side in result.pairs), strict=True))


@pytest.fixture
def sketched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "MOST_EXACT", 0)
    yield


def generated(seed: int) -> tuple[Sets, Ints]:
    """400 lists of 100 honest senders with white lists of 1000, and 60 lists of 12 spies that share
    70 to 100 % of a list.
    """
    draw = np.random.default_rng(seed)
    whites = [draw.permutation(WIDTH)[:1000] for _ in range(100)]
    rows = [draw.permutation(whites[number % 100])[:250] for number in range(400)]
    for number in range(60):
        kept = 250 - number
        rows.append(np.append(np.arange(kept), 250 + draw.permutation(WIDTH - 250)[:number]))
    return build_sets(rows), np.append(np.arange(400) % 100, 100 + np.arange(60) % 12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sketches_find_the_pairs_of_the_exact_pass(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets, owner = generated(seed)
    exact = matches(sets, owner)
    monkeypatch.setattr(module, "MOST_EXACT", 0)
    sketched = matches(sets, owner)
    assert exact.exact and not sketched.exact
    assert pairs(sketched) <= pairs(exact)
    assert len(pairs(sketched)) >= 0.98 * len(pairs(exact)) > 1000


def test_equal_sets_are_pairs(sketched: None) -> None:
    row = np.arange(200)
    sets = build_sets([row, row, row, np.arange(300, 500), row])
    result = matches(sets, np.array([1, 2, 1, 3, 4]))
    assert pairs(result) == {(0, 1, 200), (0, 4, 200), (1, 4, 200)}
    assert result.repeated == 1  # the second list of the first owner
    assert result.left_out == 0


def test_groups_of_equal_sets_that_are_similar(sketched: None) -> None:
    one, other = np.arange(200), np.arange(10, 210)
    sets = build_sets([one, other, one, other])
    assert pairs(matches(sets, np.array([1, 2, 3, 4]))) == {
        (0, 1, 190),
        (0, 2, 200),
        (0, 3, 190),
        (1, 2, 190),
        (1, 3, 200),
        (2, 3, 190),
    }


def test_too_many_pairs_are_bounded_and_every_set_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_PAIRS", 2000)
    sets = build_sets([np.arange(20)] * 500)
    result = matches(sets, np.arange(500))
    assert not result.exact
    assert len(result.left) <= 2000
    assert len(np.unique(np.concatenate([result.left, result.right]))) == 500
    assert result.left_out == 500 * 499 // 2 - 500


def test_share_of_owners_with_a_similar_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten of 40 owners send one set, the others what nobody else has: 9 of 39 are alike."""
    rows = [
        np.arange(100) if number < 10 else np.arange(100) + 100 * number for number in range(40)
    ]
    sets, owner = build_sets(rows), np.arange(40)
    exact = matches(sets, owner)
    assert set(np.concatenate(alike(sets, owner, exact, 0.5))) == {9 / 39}
    monkeypatch.setattr(module, "MOST_EXACT", 0)
    sampled = matches(sets, owner)
    assert pairs(sampled) == pairs(exact)
    # fewer than 64 owners: the sample is all of them
    assert set(np.concatenate(alike(sets, owner, sampled, 0.5))) == {9 / 39}


def test_no_sets(sketched: None) -> None:
    assert pairs(matches(build_sets([np.arange(0)]), np.array([0]))) == set()
    empty = Sets.from_pairs(np.arange(0), np.arange(0), 0)
    assert pairs(matches(empty, np.arange(0))) == set()
