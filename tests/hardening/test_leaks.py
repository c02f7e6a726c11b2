"""A thousand reads leave nothing behind: no memory, no reference, no descriptor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from support import craft

LOST = 1024  # bytes; a read that loses so many is to be found out, by more than one measure
READS, WARM_UP = 1000, 1000  # the heap has its size after some hundred reads
# the kernel counts pages, the interpreter has its own ways with them, and numpy loses some bytes
# with each cumsum of its own
RESIDENT = READS * LOST * 3 // 4
ALLOCATED = READS * 16  # the C library counts bytes

PROGRAM = """
    import ctypes, gc, json, os, sys, tracemalloc, warnings
    import numpy as np
    import monerotraffic as mt
    from monerotraffic import _core
    from monerotraffic import epee
    from monerotraffic.tables.schema import SCHEMA

    kind, folder, warm_up, reads, lost = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    warnings.simplefilter("ignore", mt.CaptureWarning)
    capture, packed, cut, garbage, usb, nowhere = (
        os.path.join(folder, name)
        for name in ("sound.pcap", "sound.pcap.gz", "cut.pcap", "garbage", "usb.pcap", "nowhere")
    )
    PORTS = (18080,)
    TABLES = list(_core.schema())
    PAYLOAD = open(os.path.join(folder, "payload"), "rb").read()

    def refused(error, use, *args, **kwargs):
        try:
            use(*args, **kwargs)
        except error:
            return
        raise AssertionError(f"{use} took {args} {kwargs}")

    def whole():
        traffic = mt.read(capture)
        assert len(traffic.arrays["messages"]) == 4

    def parts():
        assert sum(len(part.arrays["messages"]) for part in mt.scan(capture, rows=3)) == 4
        next(mt.scan(capture, rows=1, host="192.0.2.1"))  # and who has enough

    def reader():
        limits = {"holes": 3} if "holes" in _core.limits() else None
        core_reader = _core.Reader([capture, packed], ports=PORTS, limits=limits)
        while core_reader.step(bytes=200):
            for table in TABLES:
                core_reader.take(table)
            core_reader.addresses(), core_reader.packed_addresses(), core_reader.strings(1)
            core_reader.position, core_reader.size
        core_reader.close()
        with _core.Reader([packed], ports=PORTS, tables=["fields"]) as core_reader:
            core_reader.step()
        core_reader = _core.Reader([capture], ports=PORTS)
        core_reader.step(rows=1)
        core_reader.take("messages")
        del core_reader  # not closed, rows not taken

    def failing():
        traffic = mt.read(cut)
        assert len(traffic.arrays["problems"])
        refused(mt.CaptureError, mt.read, garbage)
        for path in (garbage, nowhere, folder + "/empty"):
            refused(mt.CaptureError, _core.Reader, [path], ports=PORTS)
            with _core.Reader([capture, path], ports=PORTS) as core_reader:
                core_reader.step()
        refused(mt.CaptureError, mt.read, usb)
        core_reader = _core.Reader([usb], ports=PORTS)
        refused(mt.CaptureError, core_reader.step)
        refused(ValueError, core_reader.take, "nothing")
        refused(TypeError, core_reader.take, 1)
        refused(ValueError, core_reader.addresses, -1)
        refused(TypeError, core_reader.step, "many")
        core_reader.close()
        refused(ValueError, core_reader.step)

    def arguments():
        refused(TypeError, _core.Reader, capture, ports=PORTS)
        refused(TypeError, _core.Reader, [capture, 5], ports=PORTS)
        refused(ValueError, _core.Reader, [capture, "a\\0b"], ports=PORTS)
        refused(ValueError, _core.Reader, [], ports=PORTS)
        refused(TypeError, _core.Reader, [capture])
        refused(ValueError, _core.Reader, [capture], ports=[1, 70000])
        refused(TypeError, _core.Reader, [capture], ports=[1, "x"])
        refused(ValueError, _core.Reader, [capture], ports=PORTS, tables=["messages", "nothing"])
        unknown = {"problems": 5, "nothing": 5}
        refused(ValueError, _core.Reader, [capture], ports=PORTS, limits=unknown)
        refused(ValueError, _core.Reader, [capture], ports=PORTS, limits={"problems": -5})
        refused(TypeError, _core.Reader, [capture], ports=PORTS, limits={"problems": "x"})
        wrong = (TypeError, AttributeError)
        refused(wrong, _core.Reader, [capture], ports=PORTS, limits=["problems"])
        refused(ValueError, mt.read, capture, tables=["nothing"])
        refused(ValueError, _core.command_name, 2**40)
        _core.schema(), _core.limits(), _core.command_names(), _core.command_name(1001)

    def payloads():
        assert epee.dumps(epee.loads(PAYLOAD))
        epee.loads(bytearray(PAYLOAD))
        for bad in (b"", PAYLOAD[:-3], PAYLOAD[:30], b"x" * 40, PAYLOAD[:9] + b"\\xff" * 50):
            refused(ValueError, epee.loads, bad)
        refused(TypeError, _core.epee_loads, PAYLOAD, ())
        refused(TypeError, _core.epee_loads, "text", epee.TYPES)

        def angry(value, *more):
            raise ZeroDivisionError

        types = (*epee.TYPES[:13], angry, *epee.TYPES[14:])
        refused(ZeroDivisionError, _core.epee_loads, PAYLOAD, types)
        types = (*epee.TYPES[:5], angry, *epee.TYPES[6:])
        refused(ZeroDivisionError, _core.epee_loads, bytearray(PAYLOAD), types)

    def leaking():
        whole()
        # memory of the C library, which tracemalloc does not see
        heap.append(ctypes.string_at(libc.malloc(lost), 0))

    def leaking_objects():
        whole()
        heap.append(bytearray(lost))

    def leaking_references():
        whole()
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(mt.CaptureError))

    libc, heap = ctypes.CDLL(None), []
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]

    class Mallinfo2(ctypes.Structure):
        _fields_ = [
            (name, ctypes.c_size_t)
            for name in (
                "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
            ).split()
        ]

    def allocated():
        \"\"\"Bytes that the C library has given out and not got back; 0 if it does not tell.\"\"\"
        try:
            libc.mallinfo2.restype = Mallinfo2
        except AttributeError:
            return 0
        usage = libc.mallinfo2()
        return usage.uordblks + usage.hblkhd

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    COUNTED = {
        "Reader": _core.Reader,
        "CaptureError": _core.CaptureError,
        "None": None,
        "True": True,
        **{f"dtype of {name}": table["dtype"] for name, table in _core.schema().items()},
    }

    def references():
        return {name: sys.getrefcount(thing) for name, thing in COUNTED.items()}

    one = globals()[kind]
    for _ in range(warm_up):
        one()
    gc.collect()
    before = {"references": references(), "descriptors": len(os.listdir("/proc/self/fd"))}
    before |= {"allocated": allocated(), "resident": resident()}
    for _ in range(reads):
        one()
    gc.collect()
    after = {"allocated": allocated(), "resident": resident()}
    after |= {"references": references(), "descriptors": len(os.listdir("/proc/self/fd"))}
    tracemalloc.start()
    for _ in range(20):
        one()
    gc.collect()
    first = tracemalloc.get_traced_memory()[0]
    for _ in range(50):
        one()
    gc.collect()
    traced = tracemalloc.get_traced_memory()[0] - first
    print(json.dumps({"before": before, "after": after, "traced per read": traced / 50}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small capture with an answered handshake and an answered ping; what is wrong in several
    ways; one payload.
    """
    import gzip

    folder = tmp_path_factory.mktemp("leaks")
    talk = craft.Connection().open()
    peers = [
        craft.peer("203.0.113.7", 18080, 2**64 - 1),
        craft.peer("203.0.113.8", 18089, 5, pruning_seed=("u32", 384)),
    ]
    answer = craft.handshake_response(peers)
    talk.send(craft.CLIENT, craft.request(1001, craft.handshake_request()))
    talk.send(craft.SERVER, craft.response(1001, answer))
    talk.send(craft.CLIENT, craft.request(1003))
    talk.send(craft.SERVER, craft.response(1003, craft.ping_response()))
    talk.close()
    sound = craft.pcap(talk.packets)
    files = {
        "sound.pcap": sound,
        "sound.pcap.gz": gzip.compress(sound),
        "cut.pcap": sound[:-20],
        "garbage": b"this is no capture at all",
        "empty": b"",
        "usb.pcap": craft.pcap(talk.packets, link=189),
        "payload": answer + craft.section({}),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def measured(kind: str, folder: Path) -> dict[str, Any]:
    """What a process of its own says, whose memory is nobody else's."""
    environment = os.environ | {"MALLOC_ARENA_MAX": "1"}
    command = [
        sys.executable,
        "-c",
        textwrap.dedent(PROGRAM),
        kind,
        str(folder),
        str(WARM_UP),
        str(READS),
        str(LOST),
    ]
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    lines: dict[str, Any] = json.loads(run.stdout)
    return lines


def growth(report: dict[str, Any], of: str) -> int:
    return int(report["after"][of]) - int(report["before"][of])


needs_plain_memory = pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer keeps freed memory back"
)


@needs_plain_memory
@pytest.mark.parametrize("kind", ["whole", "parts", "reader", "failing", "arguments", "payloads"])
def test_a_thousand_reads_leave_nothing(kind: str, folder: Path) -> None:
    report = measured(kind, folder)
    assert growth(report, "resident") < RESIDENT, report
    assert growth(report, "allocated") < ALLOCATED, report
    assert report["traced per read"] < LOST / 4, report
    assert report["after"]["descriptors"] == report["before"]["descriptors"]
    before, after = report["before"]["references"], report["after"]["references"]
    grown = {name: after[name] - before[name] for name in before}
    assert max(grown.pop("None"), grown.pop("True")) < READS / 2  # the interpreter uses them, too
    assert set(grown.values()) == {0}, grown


@needs_plain_memory
def test_a_leak_is_found(folder: Path) -> None:
    """The measure measures: what loses a KiB per read is over every bound of the test above."""
    memory = measured("leaking", folder)
    assert growth(memory, "resident") > RESIDENT
    assert growth(memory, "allocated") > ALLOCATED
    objects = measured("leaking_objects", folder)
    assert growth(objects, "resident") > RESIDENT
    assert objects["traced per read"] > LOST
    references = measured("leaking_references", folder)
    assert (
        references["after"]["references"]["CaptureError"]
        - references["before"]["references"]["CaptureError"]
        == READS
    )
