"""Readers in threads of their own."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic.io import ahead
from monerotraffic.io.ahead import Ahead, Reading, known_threads, parallel_nodes, usable_threads

DATA = Path(__file__).parents[1] / "data"
NODES = {
    "honest": str(DATA / "honest"),
    "spies": str(DATA / "spies"),
    "damaged": str(DATA / "derived" / "cut_in_record.pcap.gz"),
    "lossy": str(DATA / "lossy"),
}


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def all_of(traffic: mt.Traffic) -> dict[str, Any]:
    names = traffic._names
    return {
        **{table: rows.tobytes() for table, rows in traffic.arrays.items()},
        "addresses": names.addresses(),
        "strings": [names.string(code) for code in range(names.string_count)],
        "hosts": traffic.hosts,
    }


@pytest.mark.filterwarnings("ignore::monerotraffic.CaptureWarning")
@pytest.mark.parametrize("threads", [2, 3, 16])
def test_nodes_side_by_side_are_the_nodes_one_after_the_other(threads: int) -> None:
    assert all_of(mt.read(NODES, threads=threads)) == all_of(mt.read(NODES, threads=1))


def parts_of(threads: int, rows: int, source: Any = NODES) -> list[dict[str, Any]]:
    """The parts of a scan of several nodes."""
    parts = []
    for part in mt.scan(source, rows=rows, threads=threads):
        names = part.names
        texts = {code: names.address(code) for code in range(names.address_count)}
        parts.append(
            {
                **{table: rows.tobytes() for table, rows in part.arrays.items()},
                "nodes": part.nodes,
                "addresses": texts,
                "limits": dict(part.limits_reached),
            }
        )
    return parts


@pytest.mark.filterwarnings("ignore::monerotraffic.CaptureWarning")
@pytest.mark.parametrize("rows", [100, 1_000_000])
def test_a_scan_of_nodes_side_by_side(rows: int) -> None:
    alone = parts_of(1, rows)
    assert len(alone) == len(NODES) if rows > 1000 else len(alone) > 2 * len(NODES)
    for threads in (2, 16):
        assert parts_of(threads, rows) == alone


def test_a_scan_that_is_not_read_to_its_end() -> None:
    parts = mt.scan(NODES, rows=100, threads=3)
    assert len(next(parts).messages) > 0
    parts.close()  # type: ignore[attr-defined]


def test_a_scan_of_a_node_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bad.pcap").write_bytes(b"no capture at all")
    honest = Path(NODES["honest"])
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes(sorted(honest.glob("*.pcapng"))[0].read_bytes()[:-100])
    nodes = {"bad": str(tmp_path / "bad.pcap"), "a": str(honest), "cut": str(cut)}
    results = []
    for threads in (1, 3):
        with pytest.warns(mt.CaptureWarning, match=r"bad\.pcap"):
            results.append(parts_of(threads, 200, nodes))
    assert results[0] == results[1]
    with pytest.raises(mt.CaptureError, match=r"bad\.pcap"):
        parts_of(2, 200, {"x": nodes["bad"], "y": nodes["bad"]})


def test_a_node_that_cannot_be_read_is_left_out_where_its_turn_comes(tmp_path: Path) -> None:
    (tmp_path / "bad.pcap").write_bytes(b"no capture at all")
    nodes = {"a": NODES["honest"], "bad": str(tmp_path / "bad.pcap"), "b": NODES["lossy"]}
    results = []
    for threads in (1, 3):
        with pytest.warns(mt.CaptureWarning, match=r"bad\.pcap"):
            results.append(all_of(mt.read(nodes, threads=threads)))
    assert results[0] == results[1]
    for threads in (1, 2):
        with pytest.raises(mt.CaptureError, match=r"bad\.pcap"):
            mt.read({"x": nodes["bad"], "y": nodes["bad"]}, threads=threads)


@pytest.mark.filterwarnings("ignore::monerotraffic.CaptureWarning")
def test_progress_is_reported_in_the_thread_of_the_caller() -> None:
    seen: list[tuple[int, int]] = []
    callers = set()

    def progress(position: int, size: int) -> None:
        callers.add(threading.current_thread())
        seen.append((position, size))

    mt.read(NODES, threads=4, progress=progress)
    assert callers == {threading.main_thread()}
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_an_interrupt_ends_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Ahead, reading: Reading, at: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Ahead, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        mt.read(NODES, threads=2)


def test_where_no_thread_can_be_started_the_caller_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    expected = all_of(mt.read(NODES["honest"], threads=1))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        nodes = {"a": NODES["honest"], "b": NODES["honest"]}
        traffic = mt.read(nodes, threads=2)
    assert len(traffic.arrays["messages"]) == 2 * 346
    assert expected["addresses"] == traffic._names.addresses()


class _Slow:
    """A reader whose end another thread waits for."""

    def __init__(self) -> None:
        self.position, self.size, self.closed = 0, 3, False

    def step(self, bytes: int) -> bool:
        time.sleep(0.001)
        self.position += 1
        return self.position < self.size

    def close(self) -> None:
        self.closed = True


def test_readers_never_opened_are_closed() -> None:
    readers = [_Slow(), _Slow()]
    readings = [Reading(lambda reader=reader: reader) for reader in readers]  # type: ignore[misc]
    with Ahead(readings, 2) as both:
        both.wait(readings[0], lambda position: None)
        assert readings[0].take_reader() is readers[0]  # type: ignore[comparison-overlap]
    assert [reader.closed for reader in readers] == [False, True]


@pytest.mark.parametrize(
    ("threads", "error"), [(0, ValueError), (-1, ValueError), ("2", TypeError)]
)
def test_threads_that_are_none(threads: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="threads="):
        mt.read(NODES["honest"], threads=threads)
    with pytest.raises(error, match="threads="):
        known_threads(threads)


def test_how_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_cores", lambda: 8)
    assert usable_threads(None, 1 << 30) == 8
    assert usable_threads(None, 1000) == 1
    assert usable_threads(3, 1000) == 3
    assert usable_threads(3, -1) == 1


def test_descriptors_suffice_for_the_files_of_all_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, 4096))
    ring = ["file"] * 300
    assert parallel_nodes(8, [["file"], ["file"]], 256) == 8
    assert parallel_nodes(8, [ring, ["file"]], 256) == 3
    assert parallel_nodes(8, [ring, ring], 10000) == 2
    assert parallel_nodes(8, [["file"] * 9000], 10000) == 1
