"""Progress of reading."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.io.progress import Meter, size_of


def test_size_of_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(10))
    (tmp_path / "b").write_bytes(bytes(5))
    files = [str(tmp_path / name) for name in "ab"]
    assert size_of(files) == 15
    assert size_of([]) == 0
    os.mkfifo(tmp_path / "pipe")
    for unknown in ("-", str(tmp_path / "pipe"), str(tmp_path / "nowhere")):
        assert size_of([*files, unknown]) == -1


def test_positions_of_several_streams_are_added() -> None:
    seen: list[tuple[int, int]] = []
    with Meter(lambda position, size: seen.append((position, size)), 30) as meter:
        meter.at(4)
        meter.finish(10)
        meter.at(5)
        meter.finish(20)
    assert seen == [(4, 30), (10, 30), (15, 30), (30, 30)]


def test_false_reports_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter(False, 10) as meter:
        meter.finish(10)
    assert capsys.readouterr() == ("", "")


def test_a_bar_of_tqdm(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter(True, 2048) as meter:
        meter.at(1024)
        meter.finish(2048)
    assert "100%" in capsys.readouterr().err


def test_reading_reports_every_byte(capture: Path) -> None:
    seen: list[tuple[int, int]] = []
    mt.read(capture, progress=lambda position, size: seen.append((position, size)))
    size = capture.stat().st_size
    assert seen[-1] == (size, size)
    assert [position for position, _ in seen] == sorted(position for position, _ in seen)
