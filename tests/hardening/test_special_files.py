"""Odd names, files that are not ordinary, and files that change while they are read."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic import _core
from support import craft
from support.programs import pings

PORTS = (18080,)


# ---------------------------------------------------------------- names


NAMES = [
    "; touch owned ;.pcap",
    "$(touch owned).pcap",
    "`touch owned`.pcap",
    "| touch owned",
    "two\nlines.pcap",
    "--help",
    "-rf",
    " a  b ",
    "*.pcap",
    "[x].pcap",
    "~",
    "~root",
    "$HOME",
    "%s%n%d.pcap",
    "quote'\"\\.pcap",
    "\x1b[31mred.pcap",
    "{}.pcap",
    "file:a.pcap",
    "http:a.pcap",
    "CON",
    "x" * 250,
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_taken_literally(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(mt.CaptureError) as missing:
        mt.read(name)
    assert name in str(missing.value)
    with pytest.raises(mt.CaptureError) as refused:
        _core.Reader([name], ports=PORTS)
    assert name[-200:] in str(refused.value)
    Path(name).write_bytes(pings(3))
    for source in (name, tmp_path / name, [name]):
        traffic = mt.read(source)
        assert len(traffic.messages) == 3
        assert [Path(path).name for path in traffic.files["path"]] == [name]
    assert os.listdir() == [name]


def test_a_file_called_like_standard_input(tmp_path: Path) -> None:
    (tmp_path / "-").write_bytes(pings(3))
    assert len(mt.read(tmp_path / "-").messages) == 3


# ---------------------------------------------------------------- what is no ordinary file


def read_both(path: Path) -> None:
    """Both ways in, each of which is to raise."""
    with pytest.raises(mt.CaptureError) as error:
        mt.read(path)
    assert path.name in str(error.value)
    with pytest.raises(mt.CaptureError) as error:
        _core.Reader([path], ports=PORTS)
    assert path.name in str(error.value)


def test_links(tmp_path: Path) -> None:
    (tmp_path / "file.pcap").write_bytes(pings(3))
    (tmp_path / "link").symlink_to("file.pcap")
    assert len(mt.read(tmp_path / "link").messages) == 3
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    read_both(tmp_path / "dangling")
    read_both(tmp_path / "loop")


def test_no_ordinary_files(tmp_path: Path) -> None:
    """None is read without end (the test would not return), none ends the process."""
    read_both(Path("/dev/null"))
    read_both(Path("/dev/zero"))
    read_both(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        read_both(tmp_path / "socket")
    read_both(Path("/proc/self/mem"))


WAITING = """
    import signal, sys
    import monerotraffic as mt
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        print("ready", flush=True)
        mt.read(sys.argv[1])
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.exit(7)
"""


def test_a_pipe_without_writer_is_waited_for_until_ctrl_c(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WAITING), str(tmp_path / "pipe")],
        stdout=subprocess.PIPE,
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(0.5)
            assert child.poll() is None
            child.send_signal(signal.SIGINT)
            out, _ = child.communicate(timeout=30)
            assert (out, child.returncode) == (b"interrupted\n", 7)
        finally:
            child.kill()


# ---------------------------------------------------------------- files that change while they are
# read


def rest_of(reader: _core.Reader) -> tuple[int, list[Any]]:
    """Messages and the problems of files, of all that is left."""
    while reader.step(bytes=10_000):
        pass
    kinds = next(field[2] for field in _core.schema()["problems"]["fields"] if field[0] == "kind")
    problems = [kinds[kind] for kind in reader.take("problems")["kind"].tolist()]
    return len(reader.take("messages")), [kind for kind in problems if kind == "file"]


MANY = 20_000  # messages: a few megabytes, of which no buffer holds all


@pytest.fixture(scope="module")
def long() -> bytes:
    return pings(MANY)


def test_a_file_that_grows(tmp_path: Path, long: bytes) -> None:
    path = tmp_path / "grows.pcap"
    half = 24 + (len(long) // 2)
    path.write_bytes(long[:half])  # not at the end of a record: it is being written
    with _core.Reader([path], ports=PORTS) as reader:
        reader.step(bytes=1000)
        with path.open("ab") as file:
            file.write(long[half:])
        assert rest_of(reader) == (MANY, [])


def test_a_file_that_is_cut(tmp_path: Path, long: bytes) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(long)
    with _core.Reader([path], ports=PORTS) as reader:
        reader.step(bytes=1000)
        os.truncate(path, len(long) // 2 + 5)
        messages, problems = rest_of(reader)
        assert 0.4 * MANY < messages < 0.6 * MANY
        assert problems == ["file"]
    with _core.Reader([path], ports=PORTS) as reader:
        reader.step(bytes=1000)
        os.truncate(path, 0)
        messages, _ = rest_of(reader)
        assert 0 < messages < MANY / 2


def test_a_file_that_is_overwritten(tmp_path: Path, long: bytes) -> None:
    """Garbage from some byte on: what was read before stays, the rest is told."""
    path = tmp_path / "overwritten.pcap"
    path.write_bytes(long)
    with _core.Reader([path], ports=PORTS) as reader:
        reader.step(bytes=1000)
        with path.open("r+b") as file:
            file.write(b"\xff" * len(long))
        messages, problems = rest_of(reader)
        assert 0 < messages < MANY
        assert problems == ["file"]


def test_a_file_that_is_replaced_or_removed(tmp_path: Path, long: bytes) -> None:
    """What is open is read to its end."""
    path, other = tmp_path / "replaced.pcap", tmp_path / "other.pcap"
    for how in ("replaced", "removed"):
        path.write_bytes(long)
        other.write_bytes(b"no capture")
        with _core.Reader([path], ports=PORTS) as reader:
            reader.step(bytes=1000)
            if how == "replaced":
                other.replace(path)
            else:
                path.unlink()
            assert rest_of(reader) == (MANY, [])


@pytest.mark.parametrize("how", ["replaced", "removed", "directory", "unreadable link"])
def test_a_file_that_changes_before_its_turn(how: str, tmp_path: Path, long: bytes) -> None:
    """Of several files each is opened when its time comes: one that is not what it was is a row of
    problems.
    """
    first, second = tmp_path / "first.pcap", tmp_path / "second.pcap"
    first.write_bytes(long)
    second.write_bytes(pings(1, "192.0.2.77", craft.START + 10**15))
    with _core.Reader([first, second], ports=PORTS) as reader:
        reader.step(bytes=1000)
        second.unlink()
        if how == "replaced":
            second.write_bytes(b"no capture")
        elif how == "directory":
            second.mkdir()
        elif how == "unreadable link":
            second.symlink_to(second)
        assert rest_of(reader) == (MANY, ["file"])


def test_a_file_that_is_replaced_between_two_passes(tmp_path: Path) -> None:
    """A scan that looks for the vantage node reads twice; what is no capture any more is refused
    then.
    """
    path = tmp_path / "replaced.pcap"
    path.write_bytes(pings(50))
    size = path.stat().st_size

    def progress(done: int, of: int) -> None:
        if done >= size:
            path.write_bytes(b"no capture")

    with pytest.raises(mt.CaptureError, match="not a capture"):
        list(mt.scan(path, progress=progress))
