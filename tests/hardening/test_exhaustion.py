"""Memory runs out, or the system refuses a read, in the middle of a capture: what was read before
is there. The core alone is tested in tests/c/test_exhaustion.c.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tty
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import _core
from monerotraffic.io import ahead
from monerotraffic.tables.schema import SCHEMA
from support import craft
from support.captures import HOST, conversation, put

Result = TypeVar("Result")

MANY = 10**6
OF_MESSAGES = [name for name in mt.TABLES if name not in ("connections", "problems", "files")]


def early_response(start: int) -> craft.Connection:
    """A connection whose response is captured six seconds before its request."""
    early = craft.Connection(("192.0.2.8", 40008), (HOST, 18080), clock=start).open()
    request, _ = (
        early.send(craft.CLIENT, craft.request(1003)),
        early.send(craft.SERVER, craft.response(1003, craft.ping_response())),
    )
    early.packets.remove(request[0])
    early.packets.append(craft.Packet(start + 6 * 10**9, request[0].data))
    return early


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Connections that end, one that does not; a hole, transactions, a response captured before its
    request, and packets that are cut.
    """
    first, second, last = (
        conversation(f"192.0.2.{i}", 40000 + i, start=craft.START + i * 10**9) for i in (1, 2, 3)
    )
    open_talk = craft.Connection(("192.0.2.9", 40009), (HOST, 18080), clock=craft.START).open()
    open_talk.send(
        craft.CLIENT,
        craft.notification(2002, craft.transactions([b"none", b"neither", b"nor this"])),
        segment=30,
    )
    open_talk.skip(craft.CLIENT, 100)
    open_talk.send(craft.CLIENT, craft.request(1003))
    early = early_response(craft.START + 2 * 10**9)
    packets = [
        packet for talk in (open_talk, first, second, early, last) for packet in talk.packets
    ]
    cut = [craft.Packet(craft.START + i * 10**9, b"cut", 60) for i in range(3)]
    return put(tmp_path_factory.mktemp("exhaustion") / "capture.pcap", packets + cut)


def failing(calls: int, work: Callable[[], Result]) -> Result:
    """Does it while the allocations of the core fail from that call on."""
    _core.fail_after(calls)
    try:
        return work()
    finally:
        _core.fail_after(0)


def calls_of(work: Callable[[], Any]) -> int:
    """How many allocations it takes."""
    _core.fail_after(MANY)
    work()
    return MANY - _core.fail_after(0)


def rows_of(parts: Sequence[mt.Traffic], whole: mt.Traffic) -> dict[str, np.ndarray[Any, Any]]:
    """The rows of all parts, with the codes that `whole` has for their strings: hashes get their
    codes earlier where memory runs out.
    """
    codes = {string: code for code, string in enumerate(whole.names.strings())}
    of_whole = np.array([*(codes[string] for string in parts[-1].names.strings()), -1], np.int32)
    rows = {
        table: np.concatenate([part.arrays[table] for part in parts]) for table in parts[0].arrays
    }
    for table, array in rows.items():
        for field in SCHEMA[table].fields:
            if field.role in ("bytes", "text", "raw"):
                array[field.name] = of_whole[array[field.name]]
    return rows


def check_beginning(parts: Sequence[mt.Traffic], whole: mt.Traffic) -> None:
    """The rows are the first of `whole`: of messages and of what these say, no more and no less."""
    rows = rows_of(parts, whole)
    count = len(rows["messages"])
    for table in [*OF_MESSAGES, "problems"]:
        expected = whole.arrays[table]
        if table in OF_MESSAGES:
            expected = expected[expected["message"] < count]
        expected = expected[: len(rows[table])].copy()
        # later packets answer a request, and acknowledge a message
        if table == "messages":
            rows[table]["reply_to"] = expected["reply_to"] = 0
            rows[table]["accepted"] = expected["accepted"] = 0
        assert rows[table].tobytes() == expected.tobytes(), table
        assert table == "problems" or len(rows[table]) == np.count_nonzero(
            whole.arrays[table]["message"] < count
        ), table
    ended = rows["connections"]
    assert all(
        row.tobytes() == whole.arrays["connections"][row["connection"]].tobytes() for row in ended
    )


def check_frames(traffic: mt.Traffic) -> None:
    """They can be looked at, and tell who is the peer in the messages of connections that have not
    ended, too.
    """
    for table in mt.TABLES:
        assert isinstance(getattr(traffic, table), pd.DataFrame)
    if len(traffic.messages):
        # where it is not given, the end that most have in common: of a single connection either
        assert len(traffic.hosts) == 1
        assert traffic.messages["direction"].notna().all()


# ---------------------------------------------------------------- read and scan


@pytest.mark.parametrize("host", [None, HOST])
def test_read(capture: Path, host: str | None) -> None:
    def work() -> mt.Traffic:
        return mt.read(capture, tables=mt.TABLES, host=host)

    whole, seen = work(), set()
    for calls in range(1, calls_of(work) + 1):
        try:
            traffic = failing(calls, work)
            assert len(traffic.files) == 1
        except MemoryError as error:
            if not hasattr(error, "traffic"):
                assert not seen  # it was not even opened
                continue
            traffic = error.traffic
            assert len(traffic.files) in (0, 1)
            check_frames(traffic)
        check_beginning([traffic], whole)
        seen.add(len(traffic.messages))
    assert len(seen) > 5 and 0 in seen and len(whole.messages) in seen
    check_beginning([work()], whole)


@pytest.mark.parametrize(("rows", "host"), [(2, HOST), (6, None)])
def test_scan(capture: Path, rows: int, host: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "STEP", 500)
    parts: list[mt.Traffic] = []

    def work() -> None:
        parts.clear()
        parts.extend(mt.scan(capture, rows=rows, tables=mt.TABLES, host=host))

    def work_to_the_last() -> None:
        parts.clear()
        for part in mt.scan(capture, rows=rows, tables=mt.TABLES, host=host):
            parts.append(part)

    whole, seen = mt.read(capture, tables=mt.TABLES, host=host), set()
    for calls in range(rows, calls_of(work) + 1, 3):
        try:
            failing(calls, work_to_the_last)
        except MemoryError as error:
            if hasattr(error, "traffic"):
                parts.append(error.traffic)
                check_frames(error.traffic)
        if parts:
            check_beginning(parts, whole)
            seen.add(sum(len(part.messages) for part in parts))
    assert len(seen) > 5 and len(whole.messages) in seen
    work()
    check_beginning(parts, whole)


def test_several_nodes(capture: Path) -> None:
    """Of those before everything is there."""

    def work() -> mt.Traffic:
        return mt.read({"ams": capture, "sfo": capture}, host=HOST)

    whole, calls = work(), calls_of(lambda: mt.read(capture))
    half, between = len(whole.messages) // 2, 0
    # the last calls only cut the arrays to what is used
    for n in range(calls, 2 * calls - len(mt.TABLES), 3):
        with pytest.raises(MemoryError) as caught:
            failing(n, work)
        traffic = caught.value.traffic  # type: ignore[attr-defined]
        between += half < len(traffic.messages) < 2 * half
        assert half <= len(traffic.messages)
        assert (
            traffic.messages["direction"].tolist()
            == whole.messages["direction"].tolist()[: len(traffic.messages)]
        )
    assert between > 3


def test_summary(capture: Path) -> None:
    program = (
        "from monerotraffic import _core, cli\n_core.fail_after(30)\nraise "
        f"SystemExit(cli.main(['summary', {str(capture)!r}]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (1, "", "monerotraffic: out of memory\n")


# ---------------------------------------------------------------- the binding


def reader(path: Path) -> _core.Reader:
    return _core.Reader([path], ports=[18080])


def test_fail_after(capture: Path) -> None:
    assert _core.fail_after(5) == 0
    assert _core.fail_after(0) == 5
    with pytest.raises(ValueError, match="negative"):
        _core.fail_after(-1)
    with pytest.raises(TypeError):
        _core.fail_after("1")  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        _core.fail_after(2**64)
    with reader(capture) as core_reader:
        assert not core_reader.step()


def test_opening(capture: Path) -> None:
    calls = calls_of(lambda: reader(capture).close())
    assert calls > 10
    for n in range(1, calls + 1):
        with pytest.raises(MemoryError):
            failing(n, lambda: reader(capture))


def test_step_stays_out_of_memory(capture: Path) -> None:
    with reader(capture) as core_reader:
        with pytest.raises(MemoryError):
            failing(10, core_reader.step)
        for _ in range(2):
            with pytest.raises(MemoryError):
                core_reader.step()
        for table in mt.TABLES:
            assert core_reader.take(table).dtype == _core.schema()[table]["dtype"]
        assert len(core_reader.addresses()) > 0
        assert isinstance(core_reader.strings(), list)
        assert core_reader.position > 0


def test_take_keeps_what_it_cannot_hand_over(tmp_path: Path) -> None:
    """Where some rows are not final yet they need a place of their own."""
    pings = craft.Connection(("192.0.2.7", 40007), (HOST, 18080), clock=craft.START).open()
    pings.send(craft.CLIENT, craft.request(1003))
    pings.send(craft.SERVER, craft.response(1003, craft.ping_response()))
    packets = [*pings.packets, *early_response(craft.START + 2 * 10**9).packets]
    capture = put(tmp_path / "capture.pcap", packets)
    with reader(capture) as core_reader:
        while core_reader.step():
            pass
        whole = core_reader.take("messages")
    pieces, refused = [], 0
    with reader(capture) as core_reader:
        while core_reader.step(bytes=1):
            try:
                pieces.append(failing(1, lambda: core_reader.take("messages")))
            except MemoryError:
                refused += 1
        pieces.append(core_reader.take("messages"))
    assert refused > 0
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


_NO_MEMORY = """
import _testcapi, os, sys
import numpy as np
from monerotraffic import _core

path, payload, types = sys.argv[1], bytes.fromhex(sys.argv[2]), (None,) * 16
paths, ports, tables, limits = [path], [18080], ["messages"], {"problems": 3}
reader = None


def make():
    return _core.Reader(paths, ports=ports, tables=tables, limits=limits)


def attempt(work, n):
    _testcapi.set_nomemory(n, n + 1)
    try:
        work()
    except MemoryError:
        return 1
    finally:
        _testcapi.remove_mem_hooks()
    return 0


def fresh():
    global reader
    reader = _core.Reader(paths, ports=ports)
    reader.step()


works = [
    make,
    lambda: reader.take("messages"),
    lambda: reader.take("files"),
    lambda: reader.addresses(),
    lambda: reader.strings(),
    lambda: _core.epee_loads(payload, types),
    _core.schema,
    _core.limits,
    _core.command_names,
]
for number, work in enumerate(works):
    failed = 0
    for n in range(1, 60):
        fresh()
        failed += attempt(work, n)
    assert failed > 0, number
    work()
print("survived")
"""


def test_python_out_of_memory(capture: Path) -> None:
    """Python's own allocator fails instead: a MemoryError or success, and never anything else."""
    pytest.importorskip("_testcapi")
    payload = craft.handshake_response([craft.peer("203.0.113.7", 18080, 1)])
    run = subprocess.run(
        [sys.executable, "-c", _NO_MEMORY, str(capture), payload.hex()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "survived\n"), run.stderr


# ---------------------------------------------------------------- reads that fail

_UNREADABLE = """
import json, sys, warnings
import monerotraffic as mt

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    parts = list(mt.scan("-")) if sys.argv[1] == "scan" else [mt.read("-")]
problems, files = parts[-1].problems, parts[-1].files
json.dump(
    [
        sum(len(part.messages) for part in parts),
        problems["kind"].tolist(),
        problems["detail"].tolist(),
        files["truncated"].tolist(),
        [[each.category.__name__, str(each.message)] for each in caught],
    ],
    sys.stdout,
)
"""


def read_from_terminal(data: bytes, how: str) -> Any:
    """What a process gives that reads these bytes from a terminal whose other end is gone: behind
    them read(2) fails with EIO.
    """
    master, slave = pty.openpty()
    tty.setraw(slave)
    assert os.write(slave, data) == len(data)
    os.close(slave)
    try:
        run = subprocess.run(
            [sys.executable, "-c", _UNREADABLE, how],
            stdin=master,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(master)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("how", ["read", "scan"])
def test_a_read_that_fails(how: str) -> None:
    data = craft.pcap(conversation().packets)
    assert len(data) < 3000  # a terminal holds no more than 4096
    messages, kinds, details, truncated, warned = read_from_terminal(data[:-70], how)
    assert messages == 4
    assert kinds == ["file"]
    assert "Input/output error" in details[0]
    assert truncated == [True]
    assert [category for category, _ in warned] == ["CaptureWarning"]
    assert "Input/output error" in warned[0][1]
