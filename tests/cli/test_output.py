"""What all commands share: reading, failures in one line, JSON."""

from __future__ import annotations

import argparse
import array
import fcntl
import io
import json
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import IO

import pytest

from monerotraffic.cli.entry import command_line
from monerotraffic.cli.output import (
    Failed,
    captured,
    complain,
    file_failed,
    listed,
    print_json,
    shows_progress,
    sources,
)
from support.captures import HOST, cut

Captured = pytest.CaptureFixture[str]


def options(*captures: object, **more: object) -> argparse.Namespace:
    """Those of the command summary."""
    words = ["summary", "--no-progress", *(str(one) for one in captures)]
    parsed = command_line().parse_args(words)
    return argparse.Namespace(**{**vars(parsed), **more})


def test_complaints_are_one_printable_line(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain("a\n  b\x1b[31m")
    assert capsys.readouterr().err == "monerotraffic: a b\\x1b[31m\n"
    monkeypatch.setattr(sys, "stderr", None)
    complain("nobody reads this")


def test_captured(capture: Path, capsys: Captured) -> None:
    chosen = options(capture, host=[HOST])
    traffic = captured(chosen, listed(chosen), ["node_data"])
    assert traffic.hosts == (HOST,)
    assert "node_data" in traffic.arrays and "peer_lists" not in traffic.arrays
    assert capsys.readouterr().err == ""
    damaged = options(cut(capture))
    captured(damaged, listed(damaged))
    assert capsys.readouterr().err.startswith("monerotraffic: ")


def test_captures_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"nowhere\.pcap: no such file"):
        listed(options(tmp_path / "nowhere.pcap"))
    text = tmp_path / "text.pcap"
    text.write_text("no capture")
    with pytest.raises(Failed, match=r"text\.pcap"):
        captured(options(text), listed(options(text)))


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


def test_nodes(capture: Path) -> None:
    named = options(node=[("ams", "a"), ("sfo", "b"), ("ams", "c")])
    assert sources(named) == {"ams": ["a", "c"], "sfo": ["b"]}
    assert sources(options("a", "b")) == ["a", "b"]
    named = options(node=[("ams", str(capture))], host=[f"ams={HOST}"])
    traffic = captured(named, listed(named), ["messages"])
    assert traffic.hosts == (HOST,)


def test_progress_where_a_person_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert shows_progress(options(progress=None)) is False
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    assert shows_progress(options(progress=None)) is True
    assert shows_progress(options(progress=False)) is False
    monkeypatch.setattr(sys, "stderr", None)
    assert shows_progress(options(progress=None)) is False
    assert shows_progress(options(progress=True)) is True


def test_ctrl_c_ends_standard_input(capture: Path) -> None:
    """A capture program that goes on: what it wrote is printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "monerotraffic", "summary", "--json", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(capture.read_bytes())
    process.stdin.flush()
    while unread(process.stdin):  # reading has begun, so Ctrl-C is handled
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["peers"]["count"] == 4
    assert b"the results are of what was read until now" in err


def unread(pipe: IO[bytes]) -> int:
    """Bytes in a pipe."""
    size = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, size)
    return size[0]
