"""What the package cannot do, because it was built and written so: the binary, the sources, and
what reading leaves of the file system.
"""

from __future__ import annotations

import ast
import fnmatch
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic import _core
from support import craft

PACKAGE = Path(mt.__file__).parent
PORTS = (18080,)
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")


def pings(count: int, client: str = "192.0.2.1", clock: int = craft.START) -> bytes:
    """A capture of one connection with so many messages."""
    talk = craft.Connection((client, 40000), clock=clock).open()
    for _ in range(count):
        talk.send(craft.CLIENT, craft.request(1003))
    return craft.pcap(talk.packets)


# ---------------------------------------------------------------- the binary

needs_readelf = pytest.mark.skipif(
    shutil.which("readelf") is None, reason="readelf, which comes with the compiler, is not there"
)
needs_plain_build = pytest.mark.skipif(
    SANITIZED, reason="the sanitizers bring symbols and checks of their own"
)

# What a decoder has no use for, by patterns. A denylist: what a libc, a libpcap or another CPython
# calls what we do use is not ours to know.
DENIED = """
    system popen exec* fexecve fork vfork clone posix_spawn* wordexp
    dlopen dlmopen
    fopen freopen creat mkstemp* mkostemp* mkdtemp tmpfile tmpnam tempnam mktemp
    write pwrite* writev pwritev* fwrite sendfile copy_file_range splice
    rename* unlink* remove rmdir mkdir* link linkat symlink* mknod* mkfifo* chmod fchmod* chown fchown* truncate ftruncate utime*
    socket connect bind listen accept* send sendto sendmsg recv* getaddrinfo gethostbyname*
    setuid setgid setgroups putenv setenv ptrace mprotect
    gets strcpy strcat stpcpy sprintf vsprintf scanf fscanf sscanf *__isoc*scanf alloca
    pcap_open_live pcap_create pcap_activate pcap_dump_open* pcap_inject pcap_sendpacket pcap_compile
    PyRun_* Py_CompileString* PyEval_EvalCode* PyMarshal_*
""".split()  # noqa: SIM905


def readelf(*options: str) -> str:
    return subprocess.run(
        ["readelf", "--wide", *options, _core.__file__],
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def symbols() -> tuple[set[str], set[str]]:
    """Names of what the extension gives to others, and of what it takes from them, without
    versions.
    """
    given, taken = set(), set()
    for line in readelf("--dyn-syms").splitlines():
        fields = line.split()
        if (
            len(fields) >= 8
            and fields[0].rstrip(":").isdigit()
            and fields[4] in ("GLOBAL", "WEAK", "UNIQUE")
        ):
            (taken if fields[6] == "UND" else given).add(fields[7].split("@")[0])
    return given, taken


def denied(names: set[str]) -> set[str]:
    """The 64 of large files and the check of a fortified function make no difference."""
    plain = {name: re.sub(r"^__(\w+)_chk$", r"\1", name).removesuffix("64") for name in names}
    return {
        name
        for name, core in plain.items()
        if any(fnmatch.fnmatchcase(core, pattern) for pattern in DENIED)
    }


@needs_readelf
@needs_plain_build
def test_binary_is_hardened() -> None:
    dynamic, segments = readelf("--dynamic"), readelf("--segments")
    assert re.search(r"\(FLAGS\).*BIND_NOW", dynamic), "symbols are not resolved at once"
    assert "GNU_RELRO" in segments, "the table of imports stays writeable"
    (stack,) = re.findall(r"GNU_STACK(?:\s+0x\w+){5}\s+([RWE ]+?)\s+0x", segments)
    assert stack == "RW", "the stack can be executed"
    assert not re.search(r"^\s*LOAD.*\bRWE\b", segments, re.MULTILINE)
    assert "TEXTREL" not in dynamic


@needs_readelf
@needs_plain_build
def test_binary_looks_for_libraries_where_python_does() -> None:
    """No path of a build folder. Some CPythons are built with a path to their own libraries, and
    hand it on to every extension.
    """
    found = [
        path
        for paths in re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", readelf("--dynamic"))
        for path in paths.split(":")
    ]
    flags = shlex.split(
        " ".join(str(sysconfig.get_config_var(name) or "") for name in ("LDFLAGS", "LDSHARED"))
    )
    given = {
        path for flag in flags if flag.startswith("-Wl,-rpath") for path in re.split("[,=:]", flag)
    }
    assert set(found) <= given


@needs_readelf
@needs_plain_build
def test_binary_gives_one_symbol_and_takes_none_that_it_should_not() -> None:
    given, taken = symbols()
    assert given - {"_init", "_fini"} == {"PyInit__core"}
    assert {"open", "read", "close"} <= {name.removesuffix("64") for name in taken}, (
        "the symbols were not understood"
    )
    assert denied(taken) == set()
    assert denied(
        {"system", "__sprintf_chk", "fopen64", "execve", "pcap_dump_open", "snprintf", "read"}
    ) == {"system", "__sprintf_chk", "fopen64", "execve", "pcap_dump_open"}


@needs_readelf
@needs_plain_build
@pytest.mark.skipif(
    "-O0" in shlex.split(os.environ.get("CFLAGS", "")),
    reason="functions are fortified by the optimiser",
)
def test_binary_checks_its_stack_and_its_copies() -> None:
    taken = symbols()[1]
    assert any(name.startswith("__stack_chk_") for name in taken)
    if sysconfig.get_config_var("SOABI") and "musl" in sysconfig.get_config_var("SOABI"):
        pytest.skip("musl has no fortified functions")
    assert {"__snprintf_chk", "__vsnprintf_chk"} & taken


# ---------------------------------------------------------------- the sources

NOT_CALLED = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
NOT_IMPORTED = {
    "subprocess",
    "pickle",
    "marshal",
    "shelve",
    "dbm",
    "ctypes",
    "ssl",
    "http",
    "urllib",
    "ftplib",
    "smtplib",
    "multiprocessing",
    "pty",
    "code",
    "tempfile",
    "shutil",
    "runpy",
}
NOT_OF_OS = {
    "system",
    "popen",
    "fork",
    "forkpty",
    "startfile",
    "putenv",
    "remove",
    "unlink",
    "rename",
    "replace",
    "mkdir",
    "makedirs",
    "rmdir",
    "chmod",
    "chown",
    "symlink",
    "link",
    "truncate",
    "utime",
}
NOT_OF_ANYTHING = {
    "read_pickle",
    "to_pickle",
    "write_text",
    "write_bytes",
    "mkdir",
    "unlink",
    "touch",
}
OF_SOCKET = {"AF_INET", "AF_INET6", "inet_pton"}  # addresses as bytes: no connection
# whose task it is to write files, those that they are given the names of
WRITERS = {"atomic", "compat", "cli", "report"}

# a file that is replaced is whole at every moment
OF_WRITERS = {"write_text", "write_bytes", "mkdir", "replace", "unlink"}


def offences(source: str, writes: bool = False) -> list[str]:
    """What a module does that it should not."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
            found += [
                f"import {module}"
                for module in modules
                if module.split(".")[0] in NOT_IMPORTED - ({"tempfile"} if writes else set())
            ]
            if isinstance(node, ast.ImportFrom) and node.module == "os":
                found += [f"os.{alias.name}" for alias in node.names if alias.name in NOT_OF_OS]
            if isinstance(node, ast.ImportFrom) and node.module == "socket":
                found += [
                    f"socket.{alias.name}" for alias in node.names if alias.name not in OF_SOCKET
                ]
        elif isinstance(node, ast.Attribute):
            of_os = isinstance(node.value, ast.Name) and node.value.id == "os"
            if of_os and (
                node.attr in NOT_OF_OS - (OF_WRITERS if writes else set())
                or re.match("exec|spawn|posix_spawn", node.attr)
            ):
                found.append(f"os.{node.attr}")
            if (
                isinstance(node.value, ast.Name)
                and node.value.id == "socket"
                and node.attr not in OF_SOCKET
            ):
                found.append(f"socket.{node.attr}")
            if node.attr in NOT_OF_ANYTHING - (OF_WRITERS if writes else set()):
                found.append(f".{node.attr}")
        elif isinstance(node, ast.Call):
            name = (
                node.func.id
                if isinstance(node.func, ast.Name)
                else node.func.attr
                if isinstance(node.func, ast.Attribute)
                else ""
            )
            if isinstance(node.func, ast.Name) and name in NOT_CALLED:
                found.append(f"{name}()")
            if any(keyword.arg in ("shell", "allow_pickle") for keyword in node.keywords):
                found.append("shell= or allow_pickle=")
            to_nowhere = bool(node.args) and ast.unparse(node.args[0]) == "os.devnull"
            if name == "open" and not writes and not to_nowhere:
                modes = [
                    node.args[-1] if node.args else None,
                    *(keyword.value for keyword in node.keywords if keyword.arg == "mode"),
                ]
                if not any(
                    isinstance(mode, ast.Constant) and mode.value in ("r", "rb") for mode in modes
                ):
                    found.append("open() other than for reading")
    return found


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_sources_do_nothing_they_should_not(path: Path) -> None:
    writes = path.relative_to(PACKAGE).parts[0].removesuffix(".py") in WRITERS
    assert offences(path.read_text(encoding="utf-8"), writes) == []


@pytest.mark.parametrize(
    ("source", "offence"),
    [
        ("eval('1')", "eval()"),
        ("import subprocess", "import subprocess"),
        ("from pickle import load", "import pickle"),
        ("import os\nos.system('x')", "os.system"),
        ("from os import popen", "os.popen"),
        ("import os\nos.execv('x', [])", "os.execv"),
        ("run('x', shell=True)", "shell= or allow_pickle="),
        ("open('x', 'w')", "open() other than for reading"),
        ("path.open(mode=how)", "open() other than for reading"),
        ("path.write_text('x')", ".write_text"),
        ("import socket\nsocket.socket()", "socket.socket"),
        ("from socket import create_connection", "socket.create_connection"),
    ],
)
def test_an_offence_is_found(source: str, offence: str) -> None:
    assert offences(source) == [offence]


# ---------------------------------------------------------------- what reading leaves

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
            assert flags & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND) == os.O_RDONLY, arguments
        else:
            assert event in ("os.listdir", "os.scandir", "glob.glob", "glob.glob/2", "object.__getattr__") or event.startswith(("gc.", "sys._getframe")), (event, arguments)
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
            state[path] = (status.st_ino, status.st_mode, status.st_nlink, status.st_uid, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
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
                        flags = next(int(line.split()[1], 8) for line in file if line.startswith("flags:"))
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


def test_a_pipe_that_nobody_writes_to_is_waited_for_until_ctrl_c(tmp_path: Path) -> None:
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
