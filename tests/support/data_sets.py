"""Comparison of data sets with what read returns for the same captures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

import monerotraffic as mt


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories as objects: their order is not that of a read."""
    texts = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(texts, object))


def assert_same(one: mt.Traffic, other: mt.Traffic) -> None:
    """The frames of both are equal but for the order of categories."""
    assert list(one.arrays) == list(other.arrays)
    assert (one.hosts, one.vantages) == (other.hosts, other.vantages)
    for table in one.arrays:
        left, right = getattr(one, table), getattr(other, table)
        pd.testing.assert_frame_equal(plain(left), plain(right), obj=table)


def assert_same_frames(dataset: Any, traffic: mt.Traffic) -> None:
    """The frames of a data set are those of a read, with the keys."""
    for table in traffic.arrays:
        frame = getattr(dataset, table).to_pandas()
        expected = plain(getattr(traffic, table))
        expected = expected[[name for name in expected if name != "vantage"]]
        assert list(frame)[:2] == ["vantage", "day"]
        pd.testing.assert_frame_equal(plain(frame)[list(expected)], expected, obj=table)


def contents(folder: Path) -> dict[str, str]:
    """The digest of every file of a data set."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
