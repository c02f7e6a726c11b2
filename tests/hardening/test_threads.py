"""Several threads read at the same time with the results of one; concurrent use of one Reader is
refused.
"""

from __future__ import annotations

import lzma
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import monerotraffic as mt
from monerotraffic import _core
from support import craft
from support.paths import DATA, TESTS
from support.programs import HAMMER, PORTS, run_program

pytestmark = pytest.mark.usefixtures("hasty")

SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")


Facts = dict[str, Any]


Job = Callable[[], Facts]


# ---------------------------------------------------------------- reading beside each other


def facts_of(traffic: mt.Traffic) -> Facts:
    """Everything that a Traffic tells, as it can be compared."""
    names = traffic._names
    return {
        **traffic.arrays,
        "addresses": names.addresses(),
        "strings": [names.string(code) for code in range(names.string_count)],
        "hosts": traffic.hosts,
        "reached": traffic.limits_reached,
    }


def same(one: Facts, other: Facts) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(fact, other[name]) if isinstance(fact, np.ndarray) else fact == other[name]
        for name, fact in one.items()
    )


def read_job(source: Any, **more: Any) -> Job:
    return lambda: facts_of(mt.read(source, **more))


def scan_job(source: Any, rows: int) -> Job:
    return lambda: {
        f"{i} {name}": fact
        for i, part in enumerate(mt.scan(source, rows=rows))
        for name, fact in facts_of(part).items()
    }


def reader_job(path: Path) -> Job:
    def job() -> Facts:
        with _core.Reader([path], ports=PORTS) as reader:
            while reader.step(bytes=50_000):
                pass
            return {
                **{name: reader.take(name) for name in _core.schema()},
                "addresses": reader.addresses(),
                "strings": reader.strings(),
            }

    return job


def missing_job(path: Path) -> Job:
    def job() -> Facts:
        try:
            _core.Reader([path], ports=PORTS)
        except _core.CaptureError as error:
            return {"error": str(error)}
        return {}

    return job


def jobs() -> list[Job]:
    """The same captures and different ones, by every way in, whole and damaged, and one that is not
    there.
    """
    honest, derived = DATA / "honest", DATA / "derived"
    several = {
        "a": sorted((DATA / "spies").glob("*.pcapng.gz")),
        "b": sorted((DATA / "ipv6").glob("*.pcapng.gz")),
    }
    return [
        read_job(honest),
        read_job(honest),
        read_job(several),
        read_job(honest, tables=["fields"]),
        read_job(derived / "cut_in_record.pcap.gz"),
        read_job(derived / "drop8pct.pcapng.gz"),
        read_job(derived / "ip_fragments.pcap.gz"),
        scan_job(honest, 300),
        scan_job(honest, 300),
        scan_job(derived / "disordered.pcapng.gz", 500),
        reader_job(honest / "vantage_00001.pcapng"),
        reader_job(honest / "vantage_00001.pcapng"),
        reader_job(derived / "qinq.pcap"),
        missing_job(derived / "missing.pcap"),
    ]


def at_once(work: list[Callable[[], Any]]) -> list[Any]:
    """The results of as many threads, which begin together; raises what one of them raised."""
    barrier = threading.Barrier(len(work))

    def begin(one: Callable[[], Any]) -> Any:
        barrier.wait(timeout=60)
        return one()

    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result(timeout=300) for future in [pool.submit(begin, one) for one in work]]


@pytest.mark.filterwarnings("ignore::monerotraffic.CaptureWarning")
def test_many_threads_find_what_one_finds() -> None:
    alone = [job() for job in jobs()]
    assert sum(len(facts.get("messages", ())) for facts in alone) > 1000
    for turn in range(1 if SANITIZED else 3):
        for i, facts in enumerate(at_once(jobs())):
            assert same(facts, alone[i]), f"job {i}, turn {turn}"


def test_many_threads_ask_one_traffic_for_its_frames() -> None:
    """They are built when first asked for: whoever asks gets the same tables."""
    import pandas as pd

    tables = ("connections", "messages", "peer_lists", "problems", "files", "node_data")
    alone = mt.read(DATA / "honest")
    shared = mt.read(DATA / "honest")
    for frames in at_once([lambda: {table: getattr(shared, table) for table in tables}] * 8):
        for table in tables:
            pd.testing.assert_frame_equal(frames[table], getattr(alone, table))


READERS = """
    import gc, os, sys, tempfile, threading, time
    from support import craft
    import monerotraffic as mt
    from monerotraffic import _core

    # Four threads wait in the core for four pipes, which are written in another order: a lock
    # that one thread holds would stop the others.
    folder = tempfile.mkdtemp()
    pipes = [os.path.join(folder, str(i)) for i in range(4)]
    for pipe in pipes:
        os.mkfifo(pipe)
    traffics = {}
    threads = [
        threading.Thread(target=lambda i=i: traffics.update({i: mt.read(pipes[i])}), daemon=True)
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    captures = []
    for i in range(4):
        talk = craft.Connection().open()
        for _ in range(i + 1):
            talk.send(craft.CLIENT, craft.request(1003))
        captures.append(craft.pcap(talk.packets))
    ends = {i: open(pipes[i], "wb", buffering=0) for i in (2, 0, 3, 1)}

    # A Reader that is still opening is in nobody's hands but the garbage collector's.
    opening = [thing for thing in gc.get_objects() if type(thing) is _core.Reader]
    assert len(opening) == 4, opening
    for reader in opening:
        for use in (
            reader.step,
            reader.close,
            reader.addresses,
            lambda: reader.take("messages"),
            lambda: reader.size,
        ):
            try:
                use()
            except RuntimeError as error:
                assert "another thread" in str(error)
            else:
                raise AssertionError("a Reader that is being opened can be used")
    del opening, reader, use

    for cut in (slice(0, 24), slice(24, 100), slice(100, None)):
        for i in (3, 1, 0, 2):
            ends[i].write(captures[i][cut])
        time.sleep(0.05)
    assert not traffics, "no pipe has ended"
    for i in (1, 3, 0, 2):
        ends[i].close()
        threads[i].join(30)
        assert len(traffics[i].messages) == i + 1
    for pipe in pipes:
        os.unlink(pipe)
    os.rmdir(folder)
    print("fine")
"""


def test_readers_wait_at_the_same_time() -> None:
    run = run_program(READERS, timeout=60)
    assert run.stdout == "fine\n", run.stdout + run.stderr


# ---------------------------------------------------------------- what one thread raises


def test_errors_of_one_thread_leave_the_others_alone(tmp_path: Path) -> None:
    capture, cut = DATA / "honest", tmp_path / "cut.pcap"
    usb = tmp_path / "usb.pcap"
    usb.write_bytes(craft.pcap(craft.Connection().open().packets, link=189))
    cut.write_bytes((DATA / "derived" / "qinq.pcap").read_bytes()[:-7])

    def interrupted() -> str:
        def progress(done: int, size: int) -> None:
            raise KeyboardInterrupt

        try:
            mt.read(capture, progress=progress)
        except KeyboardInterrupt:
            return "interrupted"
        return "not interrupted"

    def refused(path: Path) -> Callable[[], str]:
        def read() -> str:
            try:
                mt.read(path)
            except mt.CaptureError as error:
                return str(error)
            return "not refused"

        return read

    def many(job: Callable[[], str], count: int) -> Callable[[], set[str]]:
        return lambda: {job() for _ in range(count)}

    alone = facts_of(mt.read(capture))
    troubles = [
        many(interrupted, 3),
        many(refused(tmp_path / "nowhere.pcap"), 50),
        many(refused(TESTS / "conftest.py"), 50),
        many(refused(usb), 30),
    ]
    sound: list[Callable[[], Any]] = [lambda: facts_of(mt.read(capture))] * 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mt.CaptureWarning)
        damaged = read_job(cut)
        *results, one, two, three, four = at_once([*troubles, *sound, damaged])
        assert same(four, damaged())
    assert all(same(facts, alone) for facts in (one, two, three))
    assert results[0] == {"interrupted"}
    assert [len(texts) for texts in results] == [1, 1, 1, 1], results
    assert "nowhere.pcap" in results[1].pop()
    assert "not a capture" in results[2].pop()
    assert "link type" in results[3].pop()


SIGNALS = """
    import os, signal, sys, tempfile, threading, time
    from support import craft
    import monerotraffic as mt

    honest = sys.argv[1]
    alone = len(mt.read(honest).messages)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = tempfile.mkdtemp()
    pipe = os.path.join(folder, "pipe")
    os.mkfifo(pipe)
    traffics, counts, done = [], [], threading.Event()
    waiting = threading.Thread(target=lambda: traffics.append(mt.read(pipe)), daemon=True)
    waiting.start()
    writing = open(pipe, "wb", buffering=0)


    def read_on():
        while not done.is_set():
            counts.append(len(mt.read(honest).messages))


    readers = [threading.Thread(target=read_on, daemon=True) for _ in range(2)]
    for reader in readers:
        reader.start()

    # The signal reaches a thread that waits for the pipe. Python runs handlers in the main
    # thread, so the wait goes on.
    interrupts = 0
    for _ in range(5):
        try:
            signal.pthread_kill(waiting.ident, signal.SIGINT)
            for _ in range(500):
                time.sleep(0.01)
        except KeyboardInterrupt:
            interrupts += 1
    assert interrupts == 5, interrupts
    assert not traffics

    # The main thread is interrupted while it waits for standard input; the others read on.
    silent, _ = os.pipe()
    os.dup2(silent, 0)
    main = threading.main_thread().ident
    try:
        threading.Timer(0.5, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
        mt.read("-")
    except KeyboardInterrupt:
        interrupts += 1
    assert interrupts == 6, interrupts

    before = len(counts)
    while len(counts) < before + 4:
        time.sleep(0.01)
    done.set()
    for reader in readers:
        reader.join(60)
    assert set(counts) == {alone}, set(counts)
    talk = craft.Connection().open()
    talk.send(craft.CLIENT, craft.request(1003))
    writing.write(craft.pcap(talk.packets))
    writing.close()
    waiting.join(60)
    assert len(traffics[0].messages) == 1
    os.unlink(pipe)
    os.rmdir(folder)
    print("fine")
"""


def test_ctrl_c_stops_the_main_thread_alone() -> None:
    run = run_program(SIGNALS, str(DATA / "honest"))
    assert run.stdout == "fine\n", run.stdout + run.stderr


# ---------------------------------------------------------------- one Reader, many threads


@pytest.mark.parametrize(
    "mode",
    [{}, {"PYTHONDEVMODE": "1"}, {"PYTHONMALLOC": "debug"}],
    ids=["plain", "development mode", "debugging allocator"],
)
def test_hammered_reader_never_crashes(mode: dict[str, str]) -> None:
    turns = "1500" if SANITIZED else "3000"
    if SANITIZED:
        mode = {name: value for name, value in mode.items() if name != "PYTHONMALLOC"}
    for seed in (1, 2):
        run = run_program(
            HAMMER, str(DATA / "honest" / "vantage_00001.pcapng"), turns, str(seed), **mode
        )
        assert (run.returncode, run.stdout) == (0, "fine\n"), run.stdout + run.stderr


def test_rows_of_a_shared_reader_come_out_once() -> None:
    """Threads that step and take from one Reader share its rows among them: none is lost, none
    comes twice.
    """
    path = DATA / "honest" / "vantage_00001.pcapng"
    with _core.Reader([path], ports=PORTS) as alone:
        alone.step()
        expected = alone.take("messages")["message"].tolist()
    reader = _core.Reader([path], ports=PORTS)
    done = threading.Event()

    def work() -> list[int]:
        mine: list[int] = []
        while not done.is_set():
            try:
                if not reader.step(bytes=3000):
                    done.set()
                mine += reader.take("messages")["message"].tolist()
            except RuntimeError:
                pass
        return mine

    ids = [message for mine in at_once([work] * 6) for message in mine]
    ids += reader.take("messages")["message"].tolist()
    assert sorted(ids) == expected


def test_list_of_paths_that_another_thread_changes() -> None:
    """A Reader takes the list as it is at some moment; so do ports, tables and limits."""
    path = DATA / "derived" / "qinq.pcap"
    paths: list[Any] = [path]
    limits = {"hole_bytes": 1000}
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            paths.extend([path] * 50)
            del paths[1:]
            limits["hole_seconds"] = 5
            del limits["hole_seconds"]

    threads = [threading.Thread(target=change) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            try:
                _core.Reader(paths, ports=PORTS, limits=limits).close()
            except (
                RuntimeError
            ) as error:  # what CPython says of a dict that grows while its items are listed
                assert "dictionary" in str(error)
    finally:
        done.set()
        for thread in threads:
            thread.join()


SMALL_STACK = """
import sys, threading
import monerotraffic._core as core

def read():
    for path in sys.argv[1:]:
        reader = core.Reader([path], ports=(18080,))
        while reader.step():
            pass
        reader.close()
    print("read")

threading.stack_size(65536)
thread = threading.Thread(target=read)
thread.start()
thread.join()
"""


def test_a_thread_with_a_small_stack(capture: Path, tmp_path: Path) -> None:
    """Every table, `fields` included, of a plain and of an xz-compressed capture."""
    packed = tmp_path / "packed.xz"
    packed.write_bytes(lzma.compress(capture.read_bytes()))
    run = subprocess.run(
        [sys.executable, "-c", SMALL_STACK, str(capture), str(packed)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "read\n"
