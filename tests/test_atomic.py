"""Files that are written whole or not at all."""

from __future__ import annotations

import itertools
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic import atomic, banlist
from monerotraffic.atomic import replacing
from monerotraffic.cli import main
from monerotraffic.report import page
from monerotraffic.tables.view import viewed
from support.captures import conversation, put
from support.command import Captured
from support.findings import finding, frame


def test_a_new_file_has_the_permissions_of_open(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "a") as file:
            file.write("é\n")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_bytes() == "é\n".encode()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_the_mode_is_kept(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(mode)
    with replacing(path, "wb") as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)


def test_after_an_exception_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write("new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_symbolic_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with replacing(tmp_path / "link") as file:
        file.write("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_pipe_is_written_directly(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append((tmp_path / "pipe").read_text()))
    reader.start()
    with replacing(tmp_path / "pipe") as file:
        file.write("text")
    reader.join()
    assert received == ["text"]


def test_invalid_characters_are_escaped(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as file:
        file.write("\udcff")
    assert (tmp_path / "a").read_text() == "\\udcff"


@pytest.mark.parametrize("name", ["a" * 255, "東京" * 40])
def test_long_names(name: str, tmp_path: Path) -> None:
    name = name.encode()[:240].decode(errors="ignore")
    with replacing(tmp_path / name) as file:
        file.write("text")
    assert os.listdir(tmp_path) == [name]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "none" / "a"):
        pass


# ---------------------------------------------------------------- the commands


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """As on a full disk: the old file stays, exit code 1, nothing is left behind."""
    capture = put(tmp_path / "a.pcap", conversation().packets)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "list.txt").write_text("192.0.2.7\n")
    program = (
        "import resource, signal, sys\n"
        "from monerotraffic.cli import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "banlist", "-o", "out/list.txt", str(capture)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "monerotraffic: out/list.txt: File too large\n")
    assert (tmp_path / "out" / "list.txt").read_text() == "192.0.2.7\n"
    assert os.listdir(tmp_path / "out") == ["list.txt"]


def test_files_of_a_killed_run_do_not_disturb(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "list.txt"
    path.write_text("192.0.2.7\n")
    program = (
        "import sys, time\n"
        "from monerotraffic.atomic import replacing\n"
        "with replacing(sys.argv[1]) as file:\n"
        "    file.write('198.51.100.1')\n"
        "    file.flush()\n"
        "    print('written', flush=True)\n"
        "    time.sleep(60)"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "written\n"
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    assert path.read_text() == "192.0.2.7\n"
    capture = put(tmp_path / "a.pcap", conversation().packets)
    assert main(["banlist", "-o", str(path), str(capture)]) == 0
    assert path.read_text().startswith("# Generated by monerotraffic ")
    assert capsys.readouterr().err == ""


# ---------------------------------------------------------------- kill -9


def killed_at(moment: int, work: Callable[[], object]) -> bool:
    """Runs `work` in a copy of this process, which is killed before it executes that line of
    atomic.py, counted from 0. Returns whether it was; it ends before if there are fewer lines.
    """
    lines = itertools.count()

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        if frame.f_code.co_filename != atomic.__file__:
            return None
        if event == "line" and next(lines) == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    child = os.fork()
    if child == 0:
        try:
            sys.settrace(trace)
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if not path.name.endswith(".unfinished")
    }


def check_every_moment(folder: Path, write: Callable[[int], object], names: set[str]) -> None:
    """Whatever the moment, each file is the old one or the new one, and the next run works."""
    write(0)
    old = contents(folder)
    write(1)
    new = contents(folder)
    assert set(old) == set(new) == names and all(old[name] != new[name] for name in names)
    mixtures, moment = set(), 0
    while True:
        for name in names:
            (folder / name).write_bytes(old[name])
        if not killed_at(moment, lambda: write(1)):
            break
        moment += 1
        current = contents(folder)
        assert all(current[name] in (old[name], new[name]) for name in names), moment
        mixtures.add(tuple(current[name] == new[name] for name in sorted(names)))
    assert contents(folder) == new
    assert moment >= 20 * len(names)
    assert len(mixtures) == len(names) + 1  # none, then one file more at a time


def test_a_ban_list_at_every_moment(tmp_path: Path) -> None:
    lists = [banlist.parse(f"192.0.2.{number}\n" * 20) for number in (7, 8)]
    check_every_moment(
        tmp_path, lambda which: banlist.write(lists[which], tmp_path / "list"), {"list"}
    )


def test_a_report_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its page, its findings and its ban list are one file each."""
    monkeypatch.setattr(page, "_page", lambda material, *_: material.findings.to_csv())
    view = viewed(mt.read(put(tmp_path / "a.pcap", conversation().packets)))
    both = [
        frame(*(finding(peer, rule) for rule in ("ping_flood", "over_fragmented", "silent")))
        for peer in ("192.0.2.1", "192.0.2.2")
    ]
    out = tmp_path / "out"

    def write(which: int) -> None:
        monkeypatch.setattr(page, "find_anomalies", lambda *_, **__: both[which])
        page.write(view, out)

    names = {"report.html", "findings.csv", "ban_list.txt", "ban_list_plain.txt"}
    check_every_moment(out, write, names)
