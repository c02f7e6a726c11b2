"""Columns in files, and the results of groups that are joined in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from monerotraffic.metrics.set_overlaps import Sets
from monerotraffic.tables import spool
from monerotraffic.tables.part_metrics import PartMetric
from monerotraffic.tables.pieces import pieces_of
from monerotraffic.tables.spool import Spool, release


@pytest.fixture(params=[0, 100, 1 << 20], ids=["all in a file", "partly", "in memory"])
def limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(spool, "IN_MEMORY", max(8, request.param))
    return int(request.param)


def test_values_in_order(limit: int) -> None:
    column, expected = Spool(np.int32), np.arange(1000, dtype=np.int32)
    for part in np.array_split(expected, 7):
        column.add(part)
        column.add(part[:0])
    values = column.array()
    assert isinstance(values, np.memmap) == (limit < 4000)
    np.testing.assert_array_equal(values, expected)
    release(values)
    np.testing.assert_array_equal(values[::-1], expected[::-1])
    other = column.copy()
    other.add(np.array([7], dtype=np.int32))
    np.testing.assert_array_equal(other.array(), np.append(expected, 7))
    np.testing.assert_array_equal(column.array(), expected)


def test_an_empty_column(limit: int) -> None:
    assert Spool(np.uint16).array().tolist() == []
    assert Spool(np.uint16).array().dtype == np.uint16


def test_pieces_share_the_codes_of_their_texts(limit: int) -> None:
    metric = PartMetric("numbers", (), lambda view: pd.DataFrame(), (), spooled=True)
    (pieces,) = pieces_of([metric])
    for hosts in (["b", "a", None, "b"], ["c", "b"]):
        piece = pd.DataFrame({"host": pd.Categorical(hosts), "port": np.uint16([1] * len(hosts))})
        pieces.add(piece)
    copied = pieces.copy()
    joined = pieces.result()
    texts = joined.attrs["host"]
    named = [texts[code] if code >= 0 else None for code in joined["host"]]
    assert named == ["b", "a", None, "b", "c", "b"]
    assert joined["port"].dtype == np.uint16
    pd.testing.assert_frame_equal(copied.result(), joined)


def test_sets_of_a_column_in_a_file(limit: int) -> None:
    rng = np.random.default_rng(5)
    length = rng.integers(0, 9, 50)
    code = rng.integers(-1, 30, int(length.sum())).astype(np.int32)
    column = Spool(np.int32)
    column.add(code)
    start, number = np.cumsum(length) - length, np.append(np.arange(30), -1).astype(np.int32)
    sets = Sets.from_runs(start, length, column.array(), number)
    expected = [set(code[low : low + size]) - {-1} for low, size in zip(start, length, strict=True)]
    for low, _, of, element in sets.blocks():
        for place in range(sets.size[low:].size):
            assert set(element[of == place]) == expected[low + place]
    left, right = np.arange(49), np.arange(1, 50)
    shared = [len(expected[one] & expected[one + 1]) for one in left]
    assert sets.shared(left, right).tolist() == shared
