"""Clocks of capturing hosts that are wrong: the times of a capture as such a clock would have
written them, so that the error is known exactly.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST_OFFSET = 10.0
"""Seconds, fast or slow."""
DRIFT = 50.0
"""Parts per million, fast or slow."""
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_RESOLUTION = 9


@dataclass(frozen=True)
class Clock:
    """A clock that is `offset` seconds ahead at the true time `at`, and gains `drift` parts per
    million.
    """

    offset: float
    drift: float
    at: float

    def ahead(self, time: float) -> float:
        """Seconds by which it is ahead at a true time."""
        return self.offset + self.drift * 1e-6 * (time - self.at)


def draw(random_: random.Random, names: list[str], at: float) -> dict[str, Clock]:
    """A clock for each name: any offset, and the full drift in one of both directions; two clocks
    differ in direction.
    """
    drifts = [DRIFT, -DRIFT, *(random_.choice((DRIFT, -DRIFT)) for _ in names)]
    return {
        name: Clock(random_.uniform(-LARGEST_OFFSET, LARGEST_OFFSET), drift, at)
        for name, drift in zip(names, drifts, strict=False)
    }


def rewrite(source: Path, target: Path, clock: Clock) -> None:
    """Writes a pcapng file as it would be by this clock. Times of packets change, nothing else.

    Raises ValueError if the file is no pcapng file, or ends within a block.
    """
    data = bytearray(source.read_bytes())
    units: list[int] = []
    for order, kind, begin, end in _blocks(data):
        if kind == _SECTION:
            units.clear()
        elif kind == _INTERFACE:
            units.append(_units_per_second(data[begin + 16 : end - 4], order))
        elif kind == _PACKET:
            interface, high, low = struct.unpack_from(f"{order}III", data, begin + 8)
            time = high << 32 | low
            time += round(clock.ahead(time / units[interface]) * units[interface])
            struct.pack_into(f"{order}II", data, begin + 12, time >> 32, time & 0xFFFFFFFF)
    target.write_bytes(data)


def _blocks(data: bytearray) -> Iterator[tuple[str, int, int, int]]:
    """Byte order, type, begin and end of each block."""
    begin, order = 0, "<"
    while begin < len(data):
        (kind,) = struct.unpack_from(f"{order}I", data, begin)
        if kind == _SECTION:
            order = "<" if data[begin + 8 : begin + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        elif begin == 0:
            raise ValueError("not a pcapng file")
        (length,) = struct.unpack_from(f"{order}I", data, begin + 4)
        if length < 12 or begin + length > len(data):
            raise ValueError(f"the block at byte {begin} is not whole")
        yield order, kind, begin, begin + length
        begin += length


def _units_per_second(options: bytearray, order: str) -> int:
    """Of an interface, by its option if_tsresol; microseconds without it."""
    at = 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from(f"{order}HH", options, at)
        if code == _RESOLUTION and length == 1:
            value = options[at + 4]
            return 2 ** (value & 0x7F) if value & 0x80 else int(10**value)
        at += 4 + (length + 3) // 4 * 4
    return 10**6
