"""Sets in compact form, against sets of Python."""

from __future__ import annotations

import random

import numpy as np
import pytest

from monerotraffic.metrics import set_overlaps
from monerotraffic.metrics.set_overlaps import Sets

DRAW = random.Random(4)
ROWS = [DRAW.choices(range(40), k=DRAW.randrange(0, 30)) for _ in range(50)]


def build_sets() -> Sets:
    of = np.repeat(np.arange(len(ROWS)), [len(row) for row in ROWS])
    return Sets.from_pairs(of, np.concatenate(ROWS).astype(np.int64), len(ROWS))


def members(sets: Sets) -> list[set[int]]:
    return [
        set(sets.element[first : first + count].tolist())
        for first, count in zip(sets.start, sets.size, strict=True)
    ]


@pytest.fixture(params=[1, 37, 1 << 22])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one set, of a few, and of all."""
    monkeypatch.setattr(set_overlaps, "_BLOCK", request.param)


def test_sets_of_pairs() -> None:
    assert members(build_sets()) == [set(row) for row in ROWS]


def test_sets_of_runs(block: None) -> None:
    """Codes 0 to 9 have no element, and the code -1 none either."""
    code = np.concatenate(ROWS).astype(np.int32)
    code[::7] = -1
    length = np.array([len(row) for row in ROWS])
    start = np.cumsum(length) - length
    number = np.append(np.arange(40) - 10, -1).astype(np.int32)
    expected = [
        {int(x) - 10 for x in code[first : first + count] if x >= 10}
        for first, count in zip(start, length, strict=True)
    ]
    assert members(Sets.from_runs(start, length, code, number)) == expected


def test_blocks_are_all_pairs(block: None) -> None:
    sets = build_sets().take(np.arange(len(ROWS))[::-1])
    seen: list[set[int]] = [set() for _ in ROWS]
    for low, high, of, element in sets.blocks():
        assert of.max(initial=0) < high - low
        for number, value in zip(of, element, strict=True):
            seen[low + number].add(int(value))
    assert seen == [set(row) for row in reversed(ROWS)]


def test_shared_elements_of_pairs(block: None) -> None:
    left, right = np.triu_indices(len(ROWS))
    assert build_sets().shared(left, right).tolist() == [
        len(set(ROWS[one]) & set(ROWS[other])) for one, other in zip(left, right, strict=True)
    ]


def test_overlaps_of_all_pairs() -> None:
    for low, counts in build_sets().overlaps():
        for row in range(len(counts)):
            assert counts[row].tolist() == [
                len(set(ROWS[low + row]) & set(other)) for other in ROWS[low:]
            ]
