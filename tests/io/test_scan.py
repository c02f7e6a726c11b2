"""scan: the tables of read, in parts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.io import ahead, options
from monerotraffic.tables.schema import SCHEMA
from support.captures import HOST, Watched, conversation, cut, put, warnings_of
from support.paths import HONEST


def joined(parts: list[mt.Traffic], table: str) -> np.ndarray[Any, Any]:
    rows = np.concatenate([part.arrays[table] for part in parts])
    return np.sort(rows, order="connection") if table == "connections" else rows


@pytest.mark.parametrize("rows", [1, 7, 100, 10**6])
@pytest.mark.parametrize("step", [3000, 1 << 24])
def test_parts_are_reads_tables(rows: int, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mt.read(HONEST, tables=mt.TABLES)
    monkeypatch.setattr(ahead, "STEP", step)
    parts = list(mt.scan(HONEST, rows=rows, tables=mt.TABLES))
    if rows < 10**6:
        assert len(parts) > len(whole.messages) // (rows + 200)
    else:
        assert len(parts) == 1
    for table in SCHEMA:
        assert joined(parts, table).tobytes() == whole.arrays[table].tobytes(), table
    assert {part.hosts for part in parts} == {whole.hosts}
    assert [len(part.files) for part in parts] == [0] * (len(parts) - 1) + [len(whole.files)]


def test_frames_of_parts_are_reads_frames() -> None:
    whole, parts = (
        mt.read(HONEST, tables=mt.TABLES),
        list(mt.scan(HONEST, rows=50, tables=mt.TABLES)),
    )
    assert len(parts) > 3
    for table in SCHEMA:
        frames = [getattr(part, table) for part in parts]
        for frame in frames:
            assert frame.columns.tolist() == getattr(whole, table).columns.tolist()
        text = {
            name: object
            for name, dtype in getattr(whole, table).dtypes.items()
            if isinstance(dtype, pd.CategoricalDtype)
        }
        end = pd.concat(
            [frame.astype(text) for frame in frames if len(frame)] or frames[:1], ignore_index=True
        )
        if table == "connections":
            end = end.sort_values("connection", ignore_index=True)
        pd.testing.assert_frame_equal(
            end, getattr(whole, table).astype(text), check_dtype=len(end) > 0
        )


def test_parts_have_about_as_many_rows_as_asked_for(capture: Path) -> None:
    parts = list(mt.scan(capture, rows=5, tables=["messages"]))
    assert [len(part.messages) for part in parts[:-1]] == [5] * (len(parts) - 1)
    assert sum(len(part.messages) for part in parts) == 16


def test_there_is_always_a_part(tmp_path: Path) -> None:
    parts = list(mt.scan(put(tmp_path / "none.pcap", [])))
    assert [len(part.files) for part in parts] == [1]
    assert parts[0].hosts == ()
    assert len(parts[0].messages) == 0


@pytest.mark.parametrize("tables", [(), ("peer_lists",), ("sync_data", "node_data"), ("fields",)])
def test_tables_that_are_asked_for(
    tables: tuple[str, ...], capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "STEP", 500)
    whole, parts = mt.read(capture, tables=tables), list(mt.scan(capture, rows=2, tables=tables))
    assert len(parts) > 1 or not tables, "connections may all end at the end"
    for table in whole.arrays:
        assert joined(parts, table).tobytes() == whole.arrays[table].tobytes()


def test_vantage_nodes_by_name(capture: Path, tmp_path: Path) -> None:
    talks = [
        conversation("192.0.2.77", 40001, "198.51.100.20"),
        conversation("198.51.100.20", 40002, HOST, start=10**18),
    ]
    other = put(tmp_path / "other.pcap", (packet for talk in talks for packet in talk.packets))
    nodes = {"ams": capture, "sfo": other}
    whole, parts = mt.read(nodes, tables=mt.TABLES), list(mt.scan(nodes, rows=3, tables=mt.TABLES))
    assert len(parts) > 4
    for table in SCHEMA:
        assert joined(parts, table).tobytes() == whole.arrays[table].tobytes(), table
    assert [part.vantages for part in parts] == [whole.vantages] * len(parts)
    for column in ("vantage", "peer", "direction"):
        assert (
            pd.concat([part.connections[column].astype(object) for part in parts]).tolist()
            == whole.connections[column].tolist()
        )
    dtypes = [part.connections["vantage"].dtype for part in parts]
    assert all(dtype == dtypes[0] for dtype in dtypes)


def test_host_given_saves_the_first_pass(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for host, readers in ((None, 2), (HOST, 1)):
        watched = Watched()
        monkeypatch.setattr(options, "Reader", watched)
        list(mt.scan(capture, host=host))
        assert len(watched.readers) == readers
        watched.assert_closed()


def test_standard_input_is_judged_by_its_beginning(capture: Path) -> None:
    code = (
        "import monerotraffic as mt\nfor part in mt.scan('-', rows=6): print(part.hosts, "
        "len(part.messages), part.messages.direction.notna().all())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], input=capture.read_bytes(), capture_output=True, check=False
    )
    lines = run.stdout.decode().splitlines()
    assert len(lines) > 2, run.stderr
    assert len({line.split(") ")[0] for line in lines}) == 1, (
        "the vantage node does not change on the way"
    )
    assert sum(int(line.split()[1]) for line in lines) == 16


def test_who_has_enough_stops(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    monkeypatch.setattr(options, "Reader", watched)
    parts = mt.scan(capture, rows=1)
    next(parts)
    parts.close()  # type: ignore[attr-defined]
    watched.assert_closed()


def test_parts_outlive_the_scan(capture: Path) -> None:
    parts = mt.scan(capture, rows=4)
    first = next(parts)
    rest = list(parts)
    assert first.messages["peer"].tolist() == ["192.0.2.1"] * len(first.messages)
    assert len(first.messages["peer"].cat.categories) < len(
        rest[-1].messages["peer"].cat.categories
    )


def test_arguments_are_looked_at_at_once(tmp_path: Path, capture: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mt.scan(tmp_path / "nowhere.pcap")
    with pytest.raises(ValueError, match="unknown table"):
        mt.scan(capture, tables=["x"])
    with pytest.raises(ValueError, match="rows is 0"):
        mt.scan(capture, rows=0)
    with pytest.raises(TypeError):
        mt.scan(capture, rows=1.5)  # type: ignore[arg-type]


def test_one_warning_at_the_end(capture: Path) -> None:
    cut(capture)
    parts, warned = warnings_of(lambda: list(mt.scan(capture, rows=3)))
    assert len(parts) > 1
    assert len(warned) == 1
    assert str(capture) in warned[0]


def test_what_breaks_off_gives_what_was_read(tmp_path: Path) -> None:
    from support import craft

    other = put(
        tmp_path / "other.pcap",
        [craft.Packet(craft.START + 10**12 + i, b"a frame of another kind") for i in range(1200)],
        link=148,
    )
    parts = []
    with pytest.raises(mt.CaptureError, match=r"other\.pcap.*148") as caught:
        for part in mt.scan({"sfo": other}, rows=6, host=HOST):
            parts.append(part)
    assert not parts
    assert len(caught.value.traffic.messages) == 0


def test_progress(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "STEP", 500)
    for host, passes in ((None, 2), (HOST, 1)):
        calls: list[tuple[int, int]] = []
        list(
            mt.scan(
                capture,
                rows=3,
                host=host,
                progress=lambda position, size, calls=calls: calls.append((position, size)),
            )
        )
        assert calls == sorted(calls)
        assert calls[-1] == (passes * capture.stat().st_size,) * 2
