"""What reading leaves in the file system: nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.programs import pings

AUDITED = """
    import os, sys
    import monerotraffic as mt

    folder, damaged = sys.argv[1:]
    sources = [folder, os.path.join(folder, "*.pcap"), [os.path.join(folder, "a.pcap")]]


    def all_of_it():
        for source in sources:
            traffic = mt.read(source)
            assert len(traffic.messages) and len(traffic.connections)
            assert sum(len(part.messages) for part in mt.scan(source, rows=3))
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mt.read(damaged)


    all_of_it()  # what is imported late is imported now
    seen = []
    sys.addaudithook(lambda event, arguments: seen.append((event, arguments)) if watching else None)
    watching = True
    all_of_it()
    watching = False
    for event, arguments in seen:
        if event == "open":
            flags = arguments[2]
            assert flags & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND) == os.O_RDONLY, (
                arguments
            )
        else:
            assert event in (
                "os.listdir",
                "os.scandir",
                "glob.glob",
                "glob.glob/2",
                "object.__getattr__",
            ) or event.startswith(("gc.", "sys._getframe")), (event, arguments)
    assert any(event == "open" for event, _ in seen)  # the hook saw the looks into the folder
    print("fine")
"""


def run_program(
    program: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments]
    return subprocess.run(
        command,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_python_opens_nothing_for_writing(tmp_path: Path) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.pcap").write_bytes(pings(5))
    (tmp_path / "damaged.pcap").write_bytes(pings(5)[:-9])
    run = run_program(AUDITED, str(folder), str(tmp_path / "damaged.pcap"))
    assert run.stdout == "fine\n", run.stdout + run.stderr


UNPRIVILEGED = """
    import hashlib, os, resource, sys
    import pandas
    import monerotraffic as mt
    from monerotraffic import _core
    from monerotraffic.report import summary
    from monerotraffic.tables import frames
    from monerotraffic.net import vantage

    folder = sys.argv[1]
    names = sorted(os.listdir(folder))
    paths = [os.path.join(folder, name) for name in names]
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    for path in (folder, *paths):
        try:
            if os.path.isdir(path):
                open(os.path.join(path, "new"), "x")
            else:
                open(path, "r+b")
        except PermissionError:
            continue
        raise AssertionError(f"{path} can be written to: this tests nothing")


    def look():
        state = {}
        for path in (folder, *paths):
            status = os.stat(path)
            state[path] = (
                status.st_ino,
                status.st_mode,
                status.st_nlink,
                status.st_uid,
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
            )
        digests = [hashlib.sha256(open(path, "rb").read()).hexdigest() for path in paths]
        return state, digests, sorted(os.listdir(folder)), os.listdir(os.environ["TMPDIR"])


    def descriptors():
        open_ones = {}
        for name in os.listdir("/proc/self/fd"):
            try:
                open_ones[int(name)] = os.readlink(f"/proc/self/fd/{name}")
            except FileNotFoundError:  # the listing's own
                pass
        return open_ones


    before, at_first, threads = look(), descriptors(), os.listdir("/proc/self/task")
    traffic = mt.read(folder)
    assert len(traffic.messages) == 15, len(traffic.messages)
    assert sum(len(part.messages) for part in mt.scan(folder, rows=2)) == 15
    looked_at = 0
    for given in ([paths[0]], [paths[1]], paths):
        with _core.Reader(given, ports=[18080]) as reader:
            while reader.step(rows=1):
                now = descriptors()
                new = {number: target for number, target in now.items() if number not in at_first}
                assert set(new.values()) <= set(paths), new
                for number in new:
                    with open(f"/proc/self/fdinfo/{number}") as file:
                        flags = next(
                            int(line.split()[1], 8) for line in file if line.startswith("flags:")
                        )
                    assert flags & os.O_ACCMODE == os.O_RDONLY, oct(flags)
                    assert flags & os.O_CLOEXEC, oct(flags)
                    assert not flags & (os.O_CREAT | os.O_TRUNC | os.O_APPEND), oct(flags)
                    looked_at += 1
        assert descriptors() == at_first
    assert looked_at >= 3, looked_at
    assert look() == before
    assert before[3] == []
    assert os.listdir("/proc/self/task") == threads
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss == 0
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        print("fine")
"""


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder where nobody may write, with two captures that only nobody may read; for whoever
    runs the tests where that is not root.
    """
    place = Path(tempfile.mkdtemp())  # pytest's own folders are closed to others
    folder = place / "captures"
    try:
        place.chmod(0o755)
        folder.mkdir()
        (place / "temporary").mkdir()
        (place / "temporary").chmod(0o777)
        (folder / "one.pcap").write_bytes(pings(10))
        import gzip

        (folder / "two.pcap.gz").write_bytes(gzip.compress(pings(5, "192.0.2.2")))
        for path in (*folder.iterdir(), folder):
            path.chmod(0o500 if path.is_dir() else 0o400)
            if os.getuid() == 0:
                os.chown(path, 65534, 65534)
        yield folder
    finally:
        folder.chmod(0o700)
        shutil.rmtree(place)


def test_unprivileged_reading_leaves_no_trace(read_only_folder: Path) -> None:
    run = run_program(
        UNPRIVILEGED, str(read_only_folder), TMPDIR=str(read_only_folder.parent / "temporary")
    )
    assert run.stdout == "fine\n", run.stdout + run.stderr
