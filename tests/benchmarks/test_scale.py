"""Time and memory of the commands, on tiny captures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import scale
from benchmarks.__main__ import main
from benchmarks.run import BenchmarkError
from benchmarks.shares import Shares

# as few peers as possible, so that a capture of 300 kB has a peer list
FEW = Shares(messages=100_000, full_lists=40_000, peers=2, lifetime=60)


def test_every_command_of_every_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    arguments = ["--sizes", "300KB,600KB", "--folder", str(tmp_path), "--json", str(file)]
    assert main(["scale", "--commands", "read,summary,decode", *arguments]) == 0
    rows = json.loads(file.read_text())["rows"]
    assert [row["command"] for row in rows] == ["read", "summary", "decode"] * 2
    assert [row["bytes"] >= 300_000 for row in rows] == [True] * 6
    assert rows[0]["bytes"] <= rows[3]["bytes"]
    for row in rows:
        assert 0 < row["cpu"] < 600
        assert 10_000_000 < row["peak"] < 2_000_000_000
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(rows)
    assert list(tmp_path.iterdir()) == [file]  # captures and results are deleted


def test_vantage_days_become_one_data_set(tmp_path: Path) -> None:
    lines: list[str] = []
    rows = scale.measure_paper(tmp_path, lines.append, 2, 300_000, FEW)
    assert [row["command"] for row in rows] == ["decode", "decode", "findings", "report"]
    assert rows[2]["messages"] == rows[0]["messages"] + rows[1]["messages"] > 0
    assert not (tmp_path / "captures").exists()
    assert (tmp_path / "output" / "report.html").exists()
    manifest = json.loads((tmp_path / "traffic" / "manifest.json").read_text())
    assert [run["vantage"] for run in manifest["runs"]] == ["node0", "node1"]
    assert lines[-1] == "report of the data set"


def test_a_failure_and_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BenchmarkError, match="failed: no message"):
        scale._run([sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(SystemExit):
        main(["scale", "--commands", "reed"])
    assert "no such command: reed" in capsys.readouterr().err
