"""What all commands share: reading, failures in one line, JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest

from monerotraffic.cli.output import Failed, captured, complain, file_failed, print_json
from support.captures import HOST, cut

Captured = pytest.CaptureFixture[str]


def options(*captures: object, **more: object) -> argparse.Namespace:
    usual = {"host": None, "port": [], "progress": False}
    return argparse.Namespace(captures=[str(one) for one in captures], **{**usual, **more})


def test_complaints_are_one_printable_line(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain("a\n  b\x1b[31m")
    assert capsys.readouterr().err == "monerotraffic: a b\\x1b[31m\n"
    monkeypatch.setattr(sys, "stderr", None)
    complain("nobody reads this")


def test_captured(capture: Path, capsys: Captured) -> None:
    traffic = captured(options(capture, host=[HOST]), tables=["node_data"])
    assert traffic.hosts == (HOST,)
    assert "node_data" in traffic.arrays and "peer_lists" not in traffic.arrays
    assert capsys.readouterr().err == ""
    captured(options(cut(capture)))
    assert capsys.readouterr().err.startswith("monerotraffic: ")


def test_captures_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"nowhere\.pcap: no such file"):
        captured(options(tmp_path / "nowhere.pcap"))


def test_file_failures() -> None:
    assert str(file_failed(PermissionError(13, "Permission denied"), "a")) == "a: Permission denied"
    assert str(file_failed(ValueError("a: line 2"), "a")) == "a: line 2"


def test_integers_that_readers_round_are_text(capsys: Captured) -> None:
    print_json(
        {"exact": 2**53, "large": [2**53 + 1, -(2**64)], "flag": True, "nested": ({"a": 1},)}
    )
    assert json.loads(capsys.readouterr().out) == {
        "exact": 2**53,
        "large": [str(2**53 + 1), str(-(2**64))],
        "flag": True,
        "nested": [{"a": 1}],
    }
