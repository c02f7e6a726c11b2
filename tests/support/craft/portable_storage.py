"""Epee portable storage."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EPEE_HEADER = bytes.fromhex("011101010101020101")
EPEE_NUMBERS = {
    "i64": (1, "<q"),
    "i32": (2, "<i"),
    "i16": (3, "<h"),
    "i8": (4, "<b"),
    "u64": (5, "<Q"),
    "u32": (6, "<I"),
    "u16": (7, "<H"),
    "u8": (8, "<B"),
    "f64": (9, "<d"),
}


def varint(value: int, width: int = 0) -> bytes:
    """An epee varint, in as few bytes as it needs or in `width` bytes (1, 2, 4, 8)."""
    for code, size in enumerate((1, 2, 4, 8)):
        if (not width and value < 1 << (8 * size - 2)) or width == size:
            return (value << 2 | code).to_bytes(size, "little")
    raise ValueError(f"no epee varint for {value}")


def entry(key: bytes | str, value: Any) -> bytes:
    """One entry of a section. bytes: string; bool; int: u64; dict: object; ("u32", 5): a number of
    that type; ("u32", [1, 2]): an array of them; [bytes, …], [dict, …], [bool, …]: arrays; Raw: as
    it is.
    """
    name = key.encode() if isinstance(key, str) else key
    return bytes([len(name)]) + name + _typed(value)


@dataclass(frozen=True)
class Raw:
    """Bytes put in the place of a value, type byte included."""

    data: bytes


def _typed(value: Any) -> bytes:
    if isinstance(value, Raw):
        return value.data
    if isinstance(value, tuple):
        code, form = EPEE_NUMBERS[value[0]]
        if isinstance(value[1], list):
            return (
                bytes([code | 0x80])
                + varint(len(value[1]))
                + b"".join(struct.pack(form, item) for item in value[1])
            )
        return bytes([code]) + struct.pack(form, value[1])
    if isinstance(value, list):
        first = value[0] if value else b""
        code = 10 if isinstance(first, bytes) else 11 if isinstance(first, bool) else 12
        return bytes([code | 0x80]) + varint(len(value)) + b"".join(_bare(item) for item in value)
    code = (
        10
        if isinstance(value, bytes)
        else 11
        if isinstance(value, bool)
        else 5
        if isinstance(value, int)
        else 12
    )
    return bytes([code]) + _bare(value)


def _bare(value: Any) -> bytes:
    if isinstance(value, bytes):
        return varint(len(value)) + value
    if isinstance(value, bool):
        return bytes([value])
    if isinstance(value, int):
        return struct.pack("<Q", value)
    return section(value)


def section(entries: Mapping[Any, Any] | Sequence[tuple[Any, Any]]) -> bytes:
    """A section; a list of pairs instead of a dict may repeat keys."""
    pairs = list(entries.items()) if isinstance(entries, Mapping) else list(entries)
    return varint(len(pairs)) + b"".join(entry(key, value) for key, value in pairs)


def epee(entries: Mapping[Any, Any] | Sequence[tuple[Any, Any]]) -> bytes:
    """A whole payload: header and root section."""
    return EPEE_HEADER + section(entries)
