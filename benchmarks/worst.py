"""Generates captures of the worst cases, per packet or per byte: `python -m benchmarks worst`.

The docstring of each case states its effect on a decoder that is not built for it.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import Task, make
from benchmarks.run import Bench

Bytes = NDArray[np.uint8]
Case = Callable[[int], bytes]
"""A capture file of about this many packets."""

CASES: dict[str, Case] = {}

FULL = frozenset({"signatures_in_bulk", "requests", "unordered_keys", "distinct_hashes"})
"""Cases with full packets, which need fewer packets for a large file."""

_START = 1_700_000_000
_FIN, _SYN, _ACK = 1, 2, 16
_IPV4, _IPV6, _RAW = 4, 6, 101
_SIGNATURE = bytes.fromhex("0121010101010101")
_EPEE = bytes.fromhex("011101010101020101")


def _fields(text: str) -> list[tuple[str, str]]:
    """`name:dtype` and so on, as numpy expects them."""
    return [(name, dtype) for name, _, dtype in (field.partition(":") for field in text.split())]


_RECORD = _fields("seconds:<u4 nanoseconds:<u4 captured:<u4 length:<u4")
_HEADER4 = _fields(
    "version:u1 service:u1 total:>u2 identification:>u2 fragment:>u2 ttl:u1 protocol:u1 "
    "checksum:>u2 source:>u4 destination:>u4"
)
_HEADER6 = _fields(
    "version:>u4 payload_length:>u2 protocol:u1 ttl:u1 source_high:>u8 source_low:>u8 "
    "destination_high:>u8 destination_low:>u8"
)
_TCP = _fields(
    "source_port:>u2 destination_port:>u2 sequence:>u4 acknowledgement:>u4 offset:u1 "
    "flags:u1 window:>u2 tcp_checksum:>u2 urgent:>u2"
)


def case(make_file: Case) -> Case:
    CASES[make_file.__name__] = make_file
    return make_file


# ---------------------------------------------------------------- packets, all of one size


def _records(count: int, size: int, ip: int, layers: list[Any]) -> NDArray[Any]:
    """Raw IP packets of one client and one server with `size` bytes after the headers, a
    microsecond apart.
    """
    rows = np.zeros(
        count,
        np.dtype(
            [
                *_RECORD,
                *(_HEADER4 if ip == _IPV4 else _HEADER6),
                *layers,
                ("payload", "u1", (size,)),
            ]
        ),
    )
    length = rows.dtype.itemsize - 16
    time = np.arange(count, dtype=np.int64) * 1000
    rows["seconds"], rows["nanoseconds"] = _START + time // 10**9, time % 10**9
    rows["captured"] = rows["length"] = length
    rows["ttl"], rows["protocol"] = 64, 6
    if ip == _IPV4:
        rows["version"], rows["total"], rows["source"], rows["destination"] = (
            0x45,
            length,
            0xC0000201,
            0xC6336401,
        )
    else:
        rows["version"], rows["payload_length"], rows["source_high"], rows["destination_high"] = (
            6 << 28,
            length - 40,
            0x20010DB8 << 32,
            0x20010DB8 << 32,
        )
    return rows


def _segments(count: int, size: int, ip: int = _IPV4) -> NDArray[Any]:
    """Segments of one stream of the client, whose first byte has sequence number 1, each at its own
    `sequence`, in order unless changed.
    """
    rows = _records(count, size, ip, _TCP)
    rows["source_port"], rows["destination_port"], rows["offset"], rows["flags"], rows["window"] = (
        40000,
        18080,
        0x50,
        _ACK,
        65535,
    )
    rows["sequence"] = 1 + np.arange(count) * size
    return rows


def _file(*parts: NDArray[Any]) -> bytes:
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, _RAW) + b"".join(
        part.tobytes() for part in parts
    )


def _syn(ip: int = _IPV4) -> NDArray[Any]:
    rows = _segments(1, 0, ip)
    rows["sequence"], rows["flags"] = 0, _SYN
    return rows


def _stream(data: bytes, size: int) -> NDArray[Any]:
    """The bytes in segments of this size, without a last incomplete segment."""
    rows = _segments(len(data) // size, size)
    rows["payload"] = np.frombuffer(data, np.uint8, len(rows) * size).reshape(-1, size)
    return rows


def _bucket(command: int, body: bytes, flags: int = 1, expect: int = 0) -> bytes:
    return _SIGNATURE + struct.pack("<QBIiII", len(body), expect, command, 0, flags, 1) + body


def _varint(value: int) -> bytes:
    return struct.pack("<Q", value << 2 | 3)


# ---------------------------------------------------------------- TCP


@case
def reversed_segments(count: int) -> bytes:
    """One byte per segment, the last one first: each is inserted before everything that waits.
    Quadratic for a list that is searched or moved.
    """
    rows = _segments(count, 1)
    rows["sequence"] = rows["sequence"][::-1] + 1
    return _file(_syn(), rows)


@case
def shuffled_segments(count: int) -> bytes:
    """One byte per segment, at random positions after a missing first byte. Quadratic for a list
    that is moved.
    """
    rows = _segments(count, 1)
    blocks = (
        np.random.default_rng(1)
        .permuted(np.arange(count - count % 4000).reshape(-1, 4000), axis=1)
        .ravel()
    )
    rows["sequence"][: len(blocks)] = 2 + blocks
    return _file(_syn(), rows)


@case
def overlapping_segments(count: int) -> bytes:
    """Segments of sixteen bytes after a hole, each one byte further: all but one byte of each is a
    repetition.
    """
    rows = _segments(count, 16)
    rows["sequence"] = 2 + np.arange(count) % 4000
    return _file(_syn(), rows)


@case
def snapped_segments(count: int) -> bytes:
    """Every other byte after a hole, and then segments of which the snap length left one byte, and
    whose length spans everything that waits.
    """
    rows = _segments(count, 1)
    rows["sequence"] = 2 + 2 * np.arange(count)
    wide = rows[2000:]
    wide["sequence"], wide["total"], wide["length"] = 2, 4040, 4040
    return _file(_syn(), rows)


@case
def conflicting_segments(count: int) -> bytes:
    """The same bytes after a hole with other contents each time: one row of problems for each, up
    to the limit.
    """
    rows = _segments(count, 64)
    rows["sequence"] = 2
    rows["payload"] = np.arange(count)[:, None] & 255
    return _file(_syn(), rows)


@case
def connections(count: int) -> bytes:
    """One connection per packet."""
    rows = _segments(count, 0)
    rows["flags"], rows["source"], rows["source_port"] = (
        _SYN,
        0x0A000000 + np.arange(count) // 1000,
        1024 + np.arange(count) % 1000,
    )
    return _file(rows)


@case
def colliding_connections(count: int) -> bytes:
    """One connection per packet, with IPv6 addresses that multiplication by a constant of the hash
    would turn to zero, and ports that cancel the addends of the addresses.
    """
    rows = _segments(count, 0, _IPV6)
    number = np.arange(count, dtype=np.uint64)
    rows["flags"] = _SYN
    rows["source_low"] = (np.uint64(0xD6E8FEB86659FD93) - number % 65000).byteswap()
    rows["source_port"] = number % 65000
    rows["source_high"] = number // 65000
    return _file(rows)


@case
def times_that_jump(count: int) -> bytes:
    """Half of the packets open connections, the others step back by a thousand seconds each: every
    connection appears to be from the future, every time.
    """
    half = count // 2
    rows = _segments(count, 0)
    rows["source"][:half], rows["flags"][:half] = 0x0A000000 + np.arange(half), _SYN
    rows["seconds"] = np.where(
        np.arange(count) < half, 2**32 - 1, (2**32 - 1 - (np.arange(count) - half) * 1000) % 2**32
    )
    return _file(rows)


@case
def ip_fragments(count: int) -> bytes:
    """Fragments of eight bytes without the last of each datagram."""
    rows = _records(count, 8, _IPV4, [])
    number = np.arange(count)
    rows["identification"], rows["fragment"], rows["source"] = (
        number // 8000,
        0x2000 | 8000 - number % 8000,
        0x0A000000 + number // (8000 << 16),
    )
    return _file(rows)


# ---------------------------------------------------------------- Levin


@case
def signatures(count: int) -> bytes:
    """Only signatures, one byte per segment: every eighth byte may begin a header."""
    return _file(_syn(), _stream(_SIGNATURE * (count // 8), 1))


@case
def signatures_in_bulk(count: int) -> bytes:
    """The same in full segments."""
    return _file(_syn(), _stream(_SIGNATURE * (count * 180), 1440))


@case
def one_byte_message(count: int) -> bytes:
    """A message with one byte per segment."""
    body = _EPEE + b"\x04\x01x\x0a" + _varint(count - 60)
    return _file(_syn(), _stream(_bucket(2002, body + bytes(count - 60)) + bytes(64), 1))


@case
def requests(count: int) -> bytes:
    """Unanswered requests, and responses to none of them, thirty per segment."""
    one = _bucket(1003, _EPEE + b"\0", 1, 1) * 15
    other = _bucket(1007, _EPEE + b"\0", 2) * 30
    there = _stream(one * count, len(one))
    back = _stream(other * (count // 2), len(other))
    back["source"], back["destination"], back["source_port"], back["destination_port"] = (
        there["destination"][0],
        there["source"][0],
        18080,
        40000,
    )
    back["acknowledgement"] = 1
    return _file(_syn(), there[: count // 2], back)


@case
def early_responses(count: int) -> bytes:
    """Responses whose sender acknowledged requests that are not yet in the capture, then requests
    that they do not answer.
    """
    half = count // 2
    answer, question = _bucket(1003, _EPEE + b"\0", 2), _bucket(1007, _EPEE + b"\0", 1, 1)
    back, there = _stream(answer * half, len(answer)), _stream(question * half, len(question))
    back["source"], back["destination"], back["source_port"], back["destination_port"] = (
        there["destination"][0],
        there["source"][0],
        18080,
        40000,
    )
    back["acknowledgement"] = 1 + half * len(question)
    return _file(_syn(), back, there)


@case
def levin_fragments(count: int) -> bytes:
    """A message in Levin fragments of one byte."""
    inner = _bucket(2002, _EPEE + b"\0") + bytes(count)
    first, middle = (_SIGNATURE + struct.pack("<QBIiII", 1, 0, 0, 0, flags, 1) for flags in (4, 0))
    rows = _segments(count, 34)
    rows["payload"] = np.frombuffer(middle + b"\0", np.uint8)
    rows["payload"][0] = np.frombuffer(first + b"\0", np.uint8)
    rows["payload"][:, 33] = np.frombuffer(inner, np.uint8, count)
    return _file(_syn(), rows)


# ---------------------------------------------------------------- epee


@case
def unordered_keys(count: int) -> bytes:
    """Payloads with as many keys as monerod allows, in an order that has to be sorted; each key has
    8 bytes and a bool.
    """
    keys = np.random.default_rng(2).permutation(16384)
    entries = b"".join(b"\x08%08d\x0b\x01" % key for key in keys)
    message = _bucket(2002, _EPEE + struct.pack("<I", 16384 << 2 | 2) + entries)
    return _file(_syn(), _stream(message * max(1, count * 1440 // len(message)), 1440))


@case
def distinct_hashes(count: int) -> bytes:
    """Lists of new ids, each of which is stored."""
    ids = np.random.default_rng(3).bytes(count * 1408)
    bodies = (
        _EPEE + b"\x04\x06hashes\x0a" + _varint(len(part)) + part
        for part in (ids[at : at + 131072] for at in range(0, len(ids), 131072))
    )
    return _file(_syn(), _stream(b"".join(_bucket(2010, body) for body in bodies), 1440))


# ---------------------------------------------------------------- what they cost


def measure(packets: int, report: Callable[[str], None]) -> list[dict[str, Any]]:
    """Reads each case with a quarter of the packets and with all of them (a tenth of that for full
    packets), and the libpcap loop for comparison.

    `growth` is the cost per packet in the large file divided by that in the small one: 1 for a
    decoder that needs linear time. `ratio` is the processor time within read() divided by that of
    the loop, in the large file.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="worst-") as name:
        folder = Path(name)
        for key, make_file in CASES.items():
            report(key)
            most = packets // 10 if key in FULL else packets
            (small, _, few), (large, loop, many) = (
                _once(make_file(count), folder, key) for count in (most // 4, most)
            )
            rows.append(
                {
                    "case": key,
                    "packets": many,
                    "ns_per_packet": large / many * 1e9,
                    "ratio": large / loop,
                    "growth": large / many / (small / few),
                }
            )
    return rows


def _once(data: bytes, folder: Path, key: str) -> tuple[float, float, int]:
    """Processor seconds within read(), those of the libpcap loop, and the packets."""
    capture = folder / f"{key}.pcap"
    capture.write_bytes(data)
    bench = Bench(capture, folder, max(os.sched_getaffinity(0)))
    task = Task(str(capture), folder, 1, None)
    loops = [bench.once(make("libpcap", task), 0).cpu for _ in range(2)]
    ours = [bench.once(make("all", task), 0) for _ in range(2)]
    capture.unlink()
    return min(sample.within.cpu for sample in ours), min(loops), bench.packets


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| case | packets | ns a packet | × the bare loop | growth |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        (
            f"| {row['case']} | {row['packets']:,} | {row['ns_per_packet']:,.0f} | "
            f"{row['ratio']:.1f} | {row['growth']:.2f} |"
        )
        for row in rows
    ]
    return "\n".join(lines)
