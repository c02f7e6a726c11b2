"""Writes capture files as dumpcap and tcpdump do: pcapng with nanoseconds, or pcap. Packets are
added roughly in order of time and written sorted.
"""

import heapq
import struct
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

_ETHERNET = 1
_SNAPLEN = 262144
_ENHANCED = struct.Struct("<IIIIIII")
_OLD = struct.Struct("<IIII")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")
_FLUSH_RECORDS = 4096


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + _PADDING[len(value) % 4]


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _pcapng_start() -> bytes:
    section = (
        struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        + _option(3, b"Linux")
        + _option(4, b"monerotraffic benchmarks")
        + _option(0, b"")
    )
    interface = (
        struct.pack("<HHI", _ETHERNET, 0, _SNAPLEN)
        + _option(2, b"eth0")
        + _option(9, b"\x09")
        + _option(0, b"")
    )
    return _block(0x0A0D0D0A, section) + _block(1, interface)


def _pcapng_record(time: int, size: int) -> tuple[bytes, bytes]:
    total = 32 + (size + 3 & ~3)
    head = _ENHANCED.pack(6, total, 0, time >> 32, time & 0xFFFFFFFF, size, size)
    return head, _PADDING[size % 4] + total.to_bytes(4, "little")


def _pcapng_end(time: int, packets: int) -> bytes:
    """Interface statistics as dumpcap writes them: packets received and dropped."""
    options = (
        _option(4, struct.pack("<Q", packets)) + _option(5, struct.pack("<Q", 0)) + _option(0, b"")
    )
    return _block(5, struct.pack("<III", 0, time >> 32, time & 0xFFFFFFFF) + options)


def _pcap_start() -> bytes:
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _SNAPLEN, _ETHERNET)


def _pcap_record(time: int, size: int) -> tuple[bytes, bytes]:
    return _OLD.pack(time // 1_000_000_000, time % 1_000_000_000 // 1000, size, size), b""


class CaptureFile:
    """Writes packets in order of time. `put` accepts them in any order, as long as `flush` is never
    called with a time later than that of a packet that is added afterwards.
    """

    def __init__(self, path: Path, file_bytes: int | None = None) -> None:
        """`path` that ends in .pcap becomes pcap with microseconds, anything else pcapng. With
        `file_bytes` the packets are written to a ring, as dumpcap does: files of about that size
        with `_00001`, `_00002` and so on after the name.
        """
        old = path.suffix == ".pcap"
        self._record: Callable[[int, int], tuple[bytes, bytes]] = (
            _pcap_record if old else _pcapng_record
        )
        self._old = old
        self._waiting: list[tuple[int, int, bytes]] = []
        self._parts: list[bytes] = []
        self._order = 0
        self._last = 0
        self.packets = 0
        self.bytes = 0
        self.size = 0
        self._path = path
        self._file_bytes = file_bytes
        self._written = 0  # packets in all files
        self._before = 0  # packets in the files before this one
        self._file_size = 0
        self.paths: list[Path] = []
        self._file = self._begin()

    def put(self, time: int, frame: bytes) -> None:
        """One Ethernet frame at `time` (nanoseconds since 1970)."""
        self._order += 1
        size = len(frame)
        self.packets += 1
        self.bytes += size
        head, tail = self._record(time, size)
        self.size += len(head) + size + len(tail)
        heapq.heappush(self._waiting, (time, self._order, head + frame + tail))

    def flush(self, time: int) -> None:
        """Writes every packet before `time`: no earlier one will be added."""
        waiting, parts = self._waiting, self._parts
        while waiting and waiting[0][0] < time:
            self._last, _, record = heapq.heappop(waiting)
            parts.append(record)
        if len(parts) >= _FLUSH_RECORDS:
            self._write()
            if self._file_bytes is not None and self._file_size >= self._file_bytes:
                self._end()
                self._file = self._begin()

    def _begin(self) -> BinaryIO:
        path = self._path
        if self._file_bytes is not None:
            path = path.with_name(f"{path.stem}_{len(self.paths) + 1:05d}{path.suffix}")
        self.paths.append(path)
        file = path.open("wb")
        start = _pcap_start() if self._old else _pcapng_start()
        file.write(start)
        self.size += len(start)
        self._file_size = len(start)
        return file

    def _write(self) -> None:
        self._file.writelines(self._parts)
        self._file_size += sum(map(len, self._parts))
        self._written += len(self._parts)
        self._parts.clear()

    def _end(self) -> None:
        if not self._old:
            end = _pcapng_end(self._last, self._written - self._before)
            self._file.write(end)
            self.size += len(end)
        self._before = self._written
        self._file.close()

    def close(self) -> None:
        if self._file.closed:
            return
        if self._waiting:
            self._waiting.sort()
            self._last = self._waiting[-1][0]
            self._parts += (record for _, _, record in self._waiting)
        self._write()
        self._end()
        self._waiting.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
