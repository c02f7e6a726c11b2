"""concat: several Traffics as one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.rules import find_anomalies
from support.conversation_builder import HOST, incoming, many, read, session
from support.paths import DATA

HONEST, SPIES = DATA / "honest", DATA / "spies"


def assert_equal(one: mt.Traffic, other: mt.Traffic) -> None:
    assert list(one.arrays) == list(other.arrays)
    for table in one.arrays:
        left, right = getattr(one, table), getattr(other, table)
        for frame in (left, right):
            for name in frame.select_dtypes("category"):
                frame[name] = frame[name].astype(object)
        pd.testing.assert_frame_equal(left, right)


def test_nodes_as_read_reads_them() -> None:
    both = mt.read({"a": HONEST, "b": SPIES}, tables=mt.TABLES)
    parts = [
        mt.read({name: path}, tables=mt.TABLES) for name, path in (("a", HONEST), ("b", SPIES))
    ]
    joined = mt.concat(parts)
    assert joined.vantages == both.vantages
    assert_equal(joined, both)
    assert len(find_anomalies(joined)) == len(find_anomalies(both))


def test_the_parts_of_a_scan_are_the_read() -> None:
    parts = list(mt.scan(SPIES, rows=50, tables=mt.TABLES))
    assert len(parts) > 3
    joined = mt.concat(parts)
    whole = mt.read(SPIES, tables=mt.TABLES)
    assert joined.hosts == whole.hosts
    assert_equal(joined, whole)


def test_days_of_one_node(tmp_path: Path) -> None:
    days = [read(tmp_path, session(f"192.0.2.{number}", many(2)), host=HOST) for number in (1, 2)]
    joined = mt.concat(days)
    assert joined.connections["connection"].tolist() == [0, 1]
    assert joined.messages["connection"].is_monotonic_increasing
    assert joined.hosts == (HOST,)
    assert sorted(joined.connections["peer"].astype(str)) == ["192.0.2.1", "192.0.2.2"]
    assert (joined.accounting()["unexplained"] == 0).all()


def test_a_name_of_one_node_names_the_others(tmp_path: Path) -> None:
    named = mt.read({"ams": HONEST})
    other = read(tmp_path, incoming("192.0.2.1").handshake(), host=HOST)
    assert set(mt.concat([named, other]).vantages) == {"ams", HOST}


def test_one_is_itself() -> None:
    traffic = mt.read(HONEST)
    assert mt.concat([traffic]) is traffic


def test_what_cannot_be_joined() -> None:
    traffic = mt.read(HONEST)
    with pytest.raises(ValueError, match="no Traffic"):
        mt.concat([])
    with pytest.raises(TypeError, match="int is not a Traffic"):
        mt.concat([traffic, 5])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="in several of the parts"):
        mt.concat([traffic, traffic])
    with pytest.raises(ValueError, match="not all have the same tables: fields"):
        mt.concat([traffic, mt.read(HONEST, tables=mt.TABLES)])
    parts = list(mt.scan(SPIES, rows=50))[:2]
    with pytest.raises(ValueError, match="parts of one scan"):
        mt.concat([*parts, traffic])
