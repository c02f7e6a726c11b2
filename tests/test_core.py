"""The binding: arguments, arrays, errors, life and death of a Reader. What the tables say is tested
elsewhere.
"""

from __future__ import annotations

import gc
import os
import platform
import signal
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monerotraffic import _core
from support import craft
from support.paths import TESTS

PORTS = (18080, 28080, 38080)
PINGS = 40


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One connection with PINGS requests, each answered."""
    talk = craft.Connection().open()
    for _ in range(PINGS):
        talk.send(craft.CLIENT, craft.request(1003))
        talk.send(craft.SERVER, craft.response(1003, craft.ping_response()))
    talk.close()
    path = tmp_path_factory.mktemp("core") / "pings.pcap"
    path.write_bytes(craft.pcap(talk.packets))
    return path


def reader(path: Path, **more: Any) -> _core.Reader:
    return _core.Reader([path], ports=PORTS, **more)


def finished(path: Path, **more: Any) -> _core.Reader:
    core_reader = reader(path, **more)
    while core_reader.step():
        pass
    return core_reader


# ---------------------------------------------------------------- schema, limits, commands


def test_schema_dtypes_are_the_structs() -> None:
    for name, table in _core.schema().items():
        dtype = table["dtype"]
        fields = dtype.fields
        assert fields is not None
        assert dtype.names == tuple(field[0] for field in table["fields"]), name
        end = 0
        for field in dtype.names or ():
            kind, offset = fields[field][:2]
            assert offset == end, f"{name}.{field}: rows.h promises structs without holes"
            end = offset + kind.itemsize
        assert end <= dtype.itemsize < end + 8, name
        widest = max(fields[field][0].itemsize for field in dtype.names or ())
        assert dtype.itemsize % widest == 0, name


def test_schema_roles() -> None:
    roles = {
        "number",
        "optional",
        "truth",
        "optional_truth",
        "time",
        "span",
        "enum",
        "address",
        "bytes",
        "text",
        "raw",
        "hidden",
    }
    for name, table in _core.schema().items():
        bits = [bit for _, _, _, bit, _ in table["fields"] if bit is not None]
        assert bits == list(range(len(bits))), name
        for field, role, categories, bit, text in table["fields"]:
            assert role in roles
            assert (categories is not None) == (role == "enum"), (name, field)
            assert (bit is not None) == (role in ("optional", "optional_truth")), (name, field)
            assert text


def test_schema_knows_the_contract() -> None:
    tables = _core.schema()
    contents = [
        "peer_lists",
        "node_data",
        "sync_data",
        "transactions",
        "blocks",
        "inventories",
        "fields",
    ]
    stored = ["peer_runs", "peer_codes", "peer_entries"]  # in place of rows of peer_lists
    first = ["connections", "messages", "peer_lists", *stored]
    assert list(tables) == [*first, *contents[1:], "problems", "files"]
    assert all(tables[name]["dtype"].names[0] == "message" for name in contents)
    fields = {field[0]: field for field in tables["messages"]["fields"]}
    assert fields["status"][2] == (
        "complete",
        "truncated",
        "gap",
        "snapped",
        "oversize",
        "malformed",
    )
    assert tables["messages"]["dtype"]["length"] == np.dtype("<u8")
    assert tables["peer_lists"]["dtype"]["id"] == np.dtype("<u8")


def test_schema_is_the_callers_own() -> None:
    _core.schema()["messages"]["fields"].clear()
    assert _core.schema()["messages"]["fields"]


def test_limits() -> None:
    limits = _core.limits()
    assert limits["message_bytes"][0] == 100_000_000
    assert all(value >= 0 and text for value, text in limits.values())


def test_command_names() -> None:
    names = _core.command_names()
    assert names[1001] == "HANDSHAKE"
    assert names[1003] == "PING"
    assert list(names) == sorted(names)
    assert all(_core.command_name(command) == name for command, name in names.items())
    assert "UNKNOWN" not in names.values()


@pytest.mark.parametrize("command", [0, 999, 1000, 4711, 2**32 - 1])
def test_command_unknown(command: int) -> None:
    assert _core.command_name(command) == "UNKNOWN"


@pytest.mark.parametrize("command", [-1, 2**32, 2**70])
def test_command_out_of_range(command: int) -> None:
    with pytest.raises(ValueError, match=str(command)):
        _core.command_name(command)


def test_libpcap_version() -> None:
    assert "libpcap" in _core.libpcap_version()


# ---------------------------------------------------------------- arguments


def test_paths_of_every_kind(capture: Path) -> None:
    for path in (capture, str(capture), bytes(capture)):
        with _core.Reader((path,), ports=iter(PORTS)) as core_reader:  # type: ignore[arg-type]
            assert core_reader.size == capture.stat().st_size


def test_path_that_is_no_utf8(capture: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff\xfe.pcap"
    Path(os.fsdecode(name)).write_bytes(capture.read_bytes())
    for path in (name, os.fsdecode(name)):
        with _core.Reader([path], ports=PORTS) as core_reader:
            assert core_reader.size == capture.stat().st_size
    with pytest.raises(_core.CaptureError, match=r"\\xff"):
        _core.Reader([name + b"no"], ports=PORTS)


@pytest.mark.parametrize("paths", ["one.pcap", b"one.pcap", 3, None, [3], [None]])
def test_paths_of_wrong_type(paths: Any) -> None:
    with pytest.raises(TypeError):
        _core.Reader(paths, ports=PORTS)


@pytest.mark.parametrize("paths", [[], ["a\0b"]])
def test_paths_of_wrong_value(paths: Any) -> None:
    with pytest.raises(ValueError, match=r"empty|null"):
        _core.Reader(paths, ports=PORTS)


def test_ports_are_needed(capture: Path) -> None:
    with pytest.raises(TypeError, match="ports"):
        _core.Reader([capture])  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        _core.Reader([capture], PORTS)  # type: ignore[call-arg]


@pytest.mark.parametrize("port", [0, -1, 65536, 2**70])
def test_port_out_of_range(capture: Path, port: int) -> None:
    with pytest.raises(ValueError, match="65535"):
        _core.Reader([capture], ports=[18080, port])


@pytest.mark.parametrize("ports", ["18080", [18080.0], ["18080"], 18080])
def test_ports_of_wrong_type(capture: Path, ports: Any) -> None:
    with pytest.raises(TypeError):
        _core.Reader([capture], ports=ports)


def test_unknown_table(capture: Path) -> None:
    with pytest.raises(
        ValueError, match=r"unknown table 'mesages': must be one of connections, messages, .*files"
    ):
        reader(capture, tables=["mesages"])
    with pytest.raises(ValueError, match="unknown table"):
        reader(capture).take("mesages")


@pytest.mark.parametrize("tables", ["messages", [1], [b"messages"], 7])
def test_tables_of_wrong_type(capture: Path, tables: Any) -> None:
    with pytest.raises(TypeError):
        reader(capture, tables=tables)


def test_unknown_limit(capture: Path) -> None:
    with pytest.raises(
        ValueError, match=r"unknown limit 'holes': must be one of .*connections, .*strings"
    ):
        reader(capture, limits={"holes": 1})


@pytest.mark.parametrize("value", [-1, 2**63, -(2**70)])
def test_limit_out_of_range(capture: Path, value: int) -> None:
    with pytest.raises(ValueError, match="hole_bytes"):
        reader(capture, limits={"hole_bytes": value})


@pytest.mark.parametrize(
    "limits", [{"hole_bytes": 1.5}, {"hole_bytes": "1"}, {1: 1}, ["hole_bytes"], 3]
)
def test_limits_of_wrong_type(capture: Path, limits: Any) -> None:
    with pytest.raises((TypeError, AttributeError)):
        reader(capture, limits=limits)


def test_every_limit_is_taken(capture: Path) -> None:
    reader(capture, limits={name: value for name, (value, _) in _core.limits().items()}).close()


def test_arguments_that_raise(capture: Path) -> None:
    class Angry:
        def __fspath__(self) -> str:
            raise ZeroDivisionError

        def __index__(self) -> int:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _core.Reader([Angry()], ports=PORTS)
    with pytest.raises(ZeroDivisionError):
        _core.Reader([capture], ports=[Angry()])  # type: ignore[list-item]
    with pytest.raises(ZeroDivisionError):
        reader(capture, limits={"hole_bytes": Angry()})


def test_no_subclass() -> None:
    with pytest.raises(TypeError):
        type("Mine", (_core.Reader,), {})


# ---------------------------------------------------------------- reading


def test_reads_the_messages(capture: Path) -> None:
    with finished(capture) as core_reader:
        messages = core_reader.take("messages")
        assert messages.dtype == _core.schema()["messages"]["dtype"]
        assert messages["command"].tolist() == [1003] * (2 * PINGS)
        assert messages["message"].tolist() == list(range(2 * PINGS))
        connections = core_reader.take("connections")
        assert len(connections) == 1
        texts = core_reader.addresses()
        assert texts[connections["client"][0]] == "192.0.2.1"
        assert texts[connections["server"][0]] == "198.51.100.10"
        files = core_reader.take("files")
        assert os.fsdecode(core_reader.strings()[files["path"][0]]) == str(capture)
        assert core_reader.position == core_reader.size == capture.stat().st_size
        assert set(core_reader.limits_reached) == set(_core.limits())
        assert not any(core_reader.limits_reached.values())


def test_steps_lay_end_to_end(capture: Path) -> None:
    with finished(capture) as one:
        whole = {name: one.take(name) for name in _core.schema()}
    for bound in ({"bytes": 500}, {"rows": 7}, {"bytes": 500, "rows": 7}):
        core_reader = reader(capture)
        parts: dict[str, list[Any]] = {name: [] for name in _core.schema()}
        positions = [core_reader.position]
        more = True
        while more:
            more = core_reader.step(**bound)
            positions.append(core_reader.position)
            for name, taken in parts.items():
                taken.append(core_reader.take(name))
        assert len(positions) > 5
        assert positions == sorted(positions)
        for name, taken in parts.items():
            assert np.array_equal(np.concatenate(taken), whole[name]), name


def test_step_after_the_end(capture: Path) -> None:
    core_reader = finished(capture)
    assert core_reader.step() is False
    assert core_reader.step(bytes=1, rows=1) is False


@pytest.mark.parametrize("bound", [{"bytes": -1}, {"rows": -1}])
def test_step_negative(capture: Path, bound: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="negative"):
        reader(capture).step(**bound)


def test_tables_not_asked_for_are_empty(capture: Path) -> None:
    core_reader = finished(capture, tables=["node_data"])
    assert len(core_reader.take("messages")) == 0
    assert len(core_reader.take("node_data")) == PINGS
    assert len(core_reader.take("connections")) == 1
    assert len(core_reader.take("files")) == 1


# ---------------------------------------------------------------- arrays


def test_take_is_zero_copy_and_writable(capture: Path) -> None:
    messages = finished(capture).take("messages")
    assert messages.flags.writeable
    assert messages.flags.aligned
    assert messages.flags.c_contiguous
    assert not messages.flags.owndata
    assert type(messages.base).__name__ == "PyCapsule"
    messages["message"] = 5
    assert set(messages["message"].tolist()) == {5}


def test_take_empties(capture: Path) -> None:
    core_reader = finished(capture)
    assert len(core_reader.take("messages")) == 2 * PINGS
    again = core_reader.take("messages")
    assert again.shape == (0,)
    assert again.dtype == _core.schema()["messages"]["dtype"]
    assert again.flags.writeable


def test_take_before_the_first_step(capture: Path) -> None:
    core_reader = reader(capture)
    for name, table in _core.schema().items():
        array = core_reader.take(name)
        assert array.shape == (0,)
        assert array.dtype == table["dtype"]


def test_arrays_outlive_the_reader(capture: Path) -> None:
    core_reader = finished(capture)
    messages = core_reader.take("messages")
    view = messages["command"][::2]
    core_reader.close()
    del core_reader, messages
    gc.collect()
    assert view.tolist() == [1003] * PINGS


def test_rows_are_freed_with_the_array(capture: Path) -> None:
    messages = finished(capture).take("messages")
    alive = weakref.ref(messages)
    del messages
    gc.collect()
    assert alive() is None


def test_codes_from_a_start(capture: Path) -> None:
    core_reader = finished(capture)
    for texts in (core_reader.addresses, core_reader.strings):
        everything = texts()
        assert len(everything) >= 1
        for start in (0, 1, len(everything) - 1, len(everything), len(everything) + 5, 2**40):
            assert texts(start=start) == everything[start:]
            assert texts(start) == everything[start:]
        with pytest.raises(ValueError, match="negative"):
            texts(-1)


# ---------------------------------------------------------------- errors


def test_capture_error_is_an_os_error() -> None:
    assert issubclass(_core.CaptureError, OSError)
    assert _core.CaptureError.__module__ == "monerotraffic"
    assert _core.CaptureError.__qualname__ == "CaptureError"


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.pcap"
    with pytest.raises(_core.CaptureError, match=r"nowhere\.pcap"):
        reader(path)


def test_not_a_capture(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(b"")
    with pytest.raises(_core.CaptureError, match=r"empty\.pcap"):
        reader(path)


# ---------------------------------------------------------------- the end


def test_nothing_works_after_close(capture: Path) -> None:
    core_reader = reader(capture)
    core_reader.close()
    core_reader.close()
    uses: list[Callable[[], object]] = [
        core_reader.step,
        lambda: core_reader.take("messages"),
        core_reader.addresses,
        core_reader.packed_addresses,
        core_reader.strings,
        lambda: core_reader.position,
        lambda: core_reader.size,
        lambda: core_reader.limits_reached,
        core_reader.__enter__,
    ]
    for use in uses:
        with pytest.raises(ValueError, match="closed"):
            use()


def test_context_manager_closes(capture: Path) -> None:
    with pytest.raises(ZeroDivisionError), reader(capture) as core_reader:
        raise ZeroDivisionError
    with pytest.raises(ValueError, match="closed"):
        core_reader.step()


def test_dropped_at_any_moment(capture: Path) -> None:
    for steps in range(4):
        core_reader = reader(capture)
        for _ in range(steps):
            core_reader.step(bytes=500)
        del core_reader
    gc.collect()


# ---------------------------------------------------------------- threads and signals


def test_two_threads_at_once(capture: Path) -> None:
    """Many threads on one Reader: every use either works or raises RuntimeError, and each row comes
    out once.
    """
    core_reader = reader(capture)
    refused: list[RuntimeError] = []
    rows: list[int] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            try:
                more = core_reader.step(bytes=200)
                rows.append(len(core_reader.take("messages")))
                core_reader.addresses()
                if not more:
                    done.set()
            except RuntimeError as error:
                refused.append(error)
            except BaseException as error:
                failures.append(error)
                done.set()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not failures
    while core_reader.step():
        pass
    assert sum(rows) + len(core_reader.take("messages")) == 2 * PINGS
    assert all("another thread" in str(error) for error in refused)


BLOCKED = """
    import os, sys, threading, time
    from support import craft
    from monerotraffic import _core

    # The Reader waits for a pipe in one thread; the other finds it busy.
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    talk = craft.Connection().open()
    os.write(writing, craft.pcap(talk.packets))
    reader = _core.Reader(["-"], ports=[18080])
    ended = []
    uses = (
        reader.step,
        reader.close,
        reader.addresses,
        reader.packed_addresses,
        reader.strings,
        lambda: reader.take("messages"),
        lambda: reader.position,
    )

    def busy(use):
        try:
            use()
        except RuntimeError as error:
            assert "another thread" in str(error)
            return True
        return False

    # step() does not end before the pipe does: a Reader that is busy once stays so.
    thread = threading.Thread(target=lambda: ended.append(reader.step()))
    thread.start()
    while not busy(lambda: reader.position):
        time.sleep(0.001)
    for use in uses:
        assert busy(use), use
    assert not ended, "the pipe is open: there is no end yet"
    os.close(writing)
    thread.join()
    assert ended == [False]
    assert len(reader.take("connections")) == 1
    reader.close()
    print("fine")
"""


def test_busy_reader_is_refused_and_gil_is_released() -> None:
    """In a process of its own, because it gives itself another standard input."""
    environment = dict(
        os.environ,
        PYTHONPATH=os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
    )
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(BLOCKED)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout == "fine\n", run.stdout + run.stderr


def test_interrupt(tmp_path: Path) -> None:
    """Ctrl-C during one unbounded step(): KeyboardInterrupt before its end, and the Reader remains
    usable.
    """
    path = tmp_path / "long.pcap"
    quiet = craft.pcap([craft.Packet(craft.START, bytes(60_000))] * 100)
    with path.open("wb") as file:
        file.write(quiet)
        for _ in range(9):
            file.write(quiet[24:])
    core_reader = reader(path)

    def interrupt_step(*_: object) -> None:
        """A Reader is busy while step() runs: a signal at any other time has no effect."""
        try:
            _ = core_reader.position
        except RuntimeError:
            raise KeyboardInterrupt from None

    before = signal.signal(signal.SIGALRM, interrupt_step)
    signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)  # a step over 60 MB takes longer
    try:
        with pytest.raises(KeyboardInterrupt):
            core_reader.step()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert core_reader.position < core_reader.size
    assert core_reader.step() is False
    assert core_reader.take("files")["packets"].tolist() == [1000]


# ---------------------------------------------------------------- the module


def test_module_can_be_loaded_again() -> None:
    """Multi-phase initialisation: a second copy has a state of its own."""
    import importlib.util

    specification = importlib.util.spec_from_file_location("monerotraffic._core", _core.__file__)
    assert specification is not None
    assert specification.loader is not None
    second = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(second)
    assert second.Reader is not _core.Reader
    assert second.CaptureError is not _core.CaptureError
    assert list(second.schema()) == list(_core.schema())
    del second
    gc.collect()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
def test_freed_memory_is_returned() -> None:
    """Blocks that are too small to be mapped, below one that is still in use."""
    script = """
import monerotraffic._core as core
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
blocks = [b"x" * (100_000 + number) for number in range(1_000)]
last = b"y" * len(blocks[-1])
del blocks
before = resident()
core.trim_memory()
print(before - resident())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 50_000_000
