"""Writes epee portable storage as monerod does. The caller passes the entries of a section in
ascending order of their keys.
"""

import struct
from collections.abc import Iterable, Sequence

HEADER = bytes.fromhex("011101010101020101")

_STRING = 10
_BOOL = 11
_OBJECT = 12
_ARRAY = 0x80


def varint(value: int) -> bytes:
    """The shortest form; the two lowest bits state the width."""
    if value < 1 << 6:
        return bytes((value << 2,))
    if value < 1 << 14:
        return struct.pack("<H", value << 2 | 1)
    if value < 1 << 30:
        return struct.pack("<I", value << 2 | 2)
    return struct.pack("<Q", value << 2 | 3)


def _key(name: str, code: int) -> bytes:
    return bytes((len(name),)) + name.encode("ascii") + bytes((code,))


def u64(name: str, value: int) -> bytes:
    return _key(name, 5) + struct.pack("<Q", value)


def u32(name: str, value: int) -> bytes:
    return _key(name, 6) + struct.pack("<I", value)


def u16(name: str, value: int) -> bytes:
    return _key(name, 7) + struct.pack("<H", value)


def u8(name: str, value: int) -> bytes:
    return _key(name, 8) + bytes((value,))


def boolean(name: str, value: bool) -> bytes:
    return _key(name, _BOOL) + bytes((value,))


def string(name: str, value: bytes) -> bytes:
    return _key(name, _STRING) + varint(len(value)) + value


def strings(name: str, values: Iterable[bytes]) -> bytes:
    parts: list[bytes] = []
    for value in values:
        parts += (varint(len(value)), value)
    return _key(name, _STRING | _ARRAY) + varint(len(parts) // 2) + b"".join(parts)


def section(*entries: bytes) -> bytes:
    """A section of these entries; the body of an object too."""
    return varint(len(entries)) + b"".join(entries)


def entry(name: str, body: bytes) -> bytes:
    """An object: `body` comes from `section`."""
    return _key(name, _OBJECT) + body


def objects(name: str, bodies: Sequence[bytes]) -> bytes:
    return _key(name, _OBJECT | _ARRAY) + varint(len(bodies)) + b"".join(bodies)


def payload(*entries: bytes) -> bytes:
    return HEADER + section(*entries)
