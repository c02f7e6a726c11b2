"""Reading in several threads gives, byte for byte, what one thread gives."""

from __future__ import annotations

import lzma
import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from support.paths import DATA

CAPTURES = sorted(
    path
    for path in DATA.rglob("*")
    if path.name.endswith((".pcap", ".pcapng", ".pcap.gz", ".pcapng.gz", ".pcap.zst"))
)
RINGS = [DATA / "honest", DATA / "spies", DATA / "proxies", DATA / "lossy", DATA / "ipv6"]


def tables_of(traffic: mt.Traffic) -> dict[str, Any]:
    names = traffic._names
    return {
        **{table: rows.tobytes() for table, rows in traffic.arrays.items()},
        "addresses": names.addresses(),
        "strings": [names.string(code) for code in range(names.string_count)],
        "hosts": traffic.hosts,
    }


def read(source: Any, threads: int, **options: Any) -> Any:
    """The tables of all kinds, or the error and what was read before it; and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            tables = tables_of(mt.read(source, tables=mt.TABLES, threads=threads, **options))
        except mt.CaptureError as error:
            before = vars(error).get("traffic")
            tables = {"error": str(error), "before": before and tables_of(before)}
    return tables, [str(warning.message) for warning in caught]


def scan(source: Any, threads: int) -> list[dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [tables_of(part) for part in mt.scan(source, rows=100, threads=threads)]


def tasks() -> int:
    """Threads of this process."""
    return len(os.listdir("/proc/self/task"))


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = tasks()
    yield
    assert tasks() <= before  # fewer where a library ends its threads at a fork


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_capture(path: Path) -> None:
    assert read(path, 2) == read(path, 1)


@pytest.mark.parametrize("path", [path for path in RINGS if path.is_dir()], ids=lambda p: p.name)
def test_rings(path: Path) -> None:
    assert read(path, 2) == read(path, 1)
    assert scan(path, 2) == scan(path, 1)


def test_files_that_hold_the_same_packets() -> None:
    paths = [CAPTURES[0], CAPTURES[0], CAPTURES[1]]
    assert read(paths, 3) == read(paths, 1)


@pytest.mark.parametrize("seed", range(12))
def test_damaged_captures(tmp_path: Path, seed: int) -> None:
    """Bytes changed, removed and cut off; beside a sound file."""
    chance = random.Random(seed)
    chosen = chance.choice([path for path in CAPTURES if path.stat().st_size < 200_000])
    content = bytearray(chosen.read_bytes())
    for _ in range(chance.randrange(1, 8)):
        at = chance.randrange(30, len(content))
        if chance.random() < 0.5:
            content[at] ^= chance.randrange(1, 256)
        else:
            del content[at : at + chance.randrange(1, 3000)]
    path = tmp_path / chosen.name
    path.write_bytes(content[: chance.randrange(len(content) // 2, len(content) + 1)])
    assert read(path, 2) == read(path, 1)
    assert read([path, CAPTURES[-1]], 2) == read([path, CAPTURES[-1]], 1)


@pytest.mark.parametrize(
    "limits", [{"rows": 100}, {"rows": 3000}, {"open_files": 1}, {"interfaces": 0}]
)
def test_limits(limits: dict[str, int]) -> None:
    for path in (DATA / "honest", DATA / "spies"):
        one, two = (read(path, threads, limits=limits) for threads in (1, 2))
        assert one == two


def test_formats_that_python_decodes(tmp_path: Path) -> None:
    (tmp_path / "capture.pcapng.xz").write_bytes(
        lzma.compress((DATA / "honest" / "vantage_00001.pcapng").read_bytes())
    )
    assert read(tmp_path, 2) == read(tmp_path, 1)


def test_a_scan_that_is_not_finished_leaves_no_thread() -> None:
    parts = mt.scan(DATA / "honest", rows=10, host="198.51.100.10", threads=2)
    next(parts)
    parts.close()  # type: ignore[attr-defined]


def test_a_child_process_may_drop_a_scan_of_its_parent() -> None:
    parts = mt.scan(DATA / "honest", rows=10, host="198.51.100.10", threads=2)
    first = next(parts)
    child = os.fork()
    if child == 0:
        try:
            parts.close()  # type: ignore[attr-defined]
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert len(first.messages) + sum(len(part.messages) for part in parts) == 346
