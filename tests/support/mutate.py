"""Damages what nodes say: bytes anywhere, the fields of Levin headers, the structure of epee
payloads. What comes out is whatever it is: two decoders have to agree about it.

A talk is a list of (side, bytes of a message), as in test_properties; a `Damage` says what to do to
which of its messages, and where in it. Every number is taken modulo what there is, so that any
damage fits any talk.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from support import craft
from support.craft import EPEE_HEADER, LEVIN_HEADER, SIGNATURE

Talk = list[tuple[int, bytes]]


@dataclass(frozen=True)
class Damage:
    kind: str
    message: int  # of the talk
    where: int
    size: int
    value: int


def damaged(talk: Sequence[tuple[int, bytes]], damages: Iterable[Damage]) -> Talk:
    messages = list(talk)
    for damage in damages:
        at = damage.message % len(messages)
        if damage.kind in TALKS:
            TALKS[damage.kind](messages, at, damage)
        else:
            side, data = messages[at]
            messages[at] = (side, damaged_message(data, damage))
        messages = [message for message in messages if message[1]] or [(0, b"\0")]
    return messages


def damaged_message(data: bytes, damage: Damage) -> bytes:
    """What does not fit the message, as epee damage of one without a payload, is done to its
    bytes.
    """
    if damage.kind in HEADERS and len(data) >= LEVIN_HEADER:
        return HEADERS[damage.kind](data, damage)
    body = data[LEVIN_HEADER:]
    if damage.kind in EPEE and body.startswith(EPEE_HEADER):
        payload = damaged_payload(body, damage)
        # now and then the header no longer fits
        return (
            relength(data[:LEVIN_HEADER], payload)
            if damage.size % 8
            else data[:LEVIN_HEADER] + payload
        )
    return BYTES.get(damage.kind, set_byte)(data, damage)


def damaged_payload(payload: bytes, damage: Damage) -> bytes:
    """An epee payload alone."""
    if damage.kind not in EPEE:
        return BYTES.get(damage.kind, set_byte)(payload, damage)
    parts = Parts(payload)
    targets = [part for part in parts.parts if part.what in EPEE[damage.kind][0]]
    if not targets:
        return set_byte(payload, damage)
    return EPEE[damage.kind][1](payload, parts, targets[damage.where % len(targets)], damage)


# ---------------------------------------------------------------- bytes


def noise(damage: Damage, most: int = 64) -> bytes:
    """Bytes that the damage determines: zeros, the beginning of a header, a whole one of nothing,
    or anything.
    """
    size = damage.size % most + 1
    kind = damage.value % 5
    if kind == 0:
        return bytes(size)
    if kind == 1:
        return (SIGNATURE * 8)[:size]
    if kind == 2:
        return craft.request(1003)[: size + 8]
    if kind == 3:
        return EPEE_HEADER[:size]
    return random.Random(damage.value).randbytes(size)


def stretch(data: bytes, damage: Damage) -> tuple[int, int]:
    start = damage.where % (len(data) + 1)
    return start, min(start + damage.size % 100 + 1, len(data))


def replaced(data: bytes, start: int, end: int, new: bytes) -> bytes:
    return data[:start] + new + data[end:]


def flip(data: bytes, damage: Damage) -> bytes:
    at = damage.where % len(data)
    return replaced(data, at, at + 1, bytes([data[at] ^ 1 << damage.value % 8]))


def set_byte(data: bytes, damage: Damage) -> bytes:
    at = damage.where % len(data)
    return replaced(data, at, at + 1, bytes([damage.value % 256]))


def insert(data: bytes, damage: Damage) -> bytes:
    at = damage.where % (len(data) + 1)
    return replaced(data, at, at, noise(damage))


def delete(data: bytes, damage: Damage) -> bytes:
    return replaced(data, *stretch(data, damage), b"")


def repeat(data: bytes, damage: Damage) -> bytes:
    start, end = stretch(data, damage)
    return data[:end] + data[start:]


def overwrite(data: bytes, damage: Damage) -> bytes:
    start, _ = stretch(data, damage)
    return replaced(data, start, start + damage.size % 64 + 1, noise(damage))[: len(data)]


def cut(data: bytes, damage: Damage) -> bytes:
    return data[: damage.where % (len(data) + 1)]


Change = Callable[[bytes, Damage], bytes]
BYTES: dict[str, Change] = {
    "flip": flip,
    "set": set_byte,
    "insert": insert,
    "delete": delete,
    "repeat": repeat,
    "overwrite": overwrite,
    "cut": cut,
}

# ---------------------------------------------------------------- whole messages of a talk


def splice(talk: Talk, at: int, damage: Damage) -> None:
    """The beginning of one message and the end of another."""
    side, data = talk[at]
    _, other = talk[damage.value % len(talk)]
    talk[at] = (
        side,
        data[: damage.where % (len(data) + 1)] + other[damage.size % (len(other) + 1) :],
    )


def exchange(talk: Talk, at: int, damage: Damage) -> None:
    other = damage.where % len(talk)
    talk[at], talk[other] = talk[other], talk[at]


def say_again(talk: Talk, at: int, damage: Damage) -> None:
    talk.insert(damage.where % (len(talk) + 1), talk[at])


def other_side(talk: Talk, at: int, damage: Damage) -> None:
    talk[at] = (1 - talk[at][0], talk[at][1])


def fragment(talk: Talk, at: int, damage: Damage) -> None:
    """Levin fragments of it, one of them lost, twice there, with other flags, or in another place;
    maybe with a message between.
    """
    side, data = talk[at]
    pieces = craft.fragments(data, max(34 + damage.size, len(data) // 12 + 34))
    which = damage.where % len(pieces)
    kind = damage.value % 7
    if kind == 1 and len(pieces) > 1:
        del pieces[which]
    elif kind == 2:
        pieces.insert(which, pieces[which])
    elif kind == 3:
        pieces[which] = with_field(
            pieces[which], "flags", (0, 4, 8, 12, 1, 16)[damage.value // 7 % 6]
        )
    elif kind == 4:
        pieces.append(pieces.pop(which))
    elif kind == 5:
        pieces.insert(which, craft.request(1003))
    elif kind == 6:
        pieces[which] = flip(pieces[which], replace(damage, where=damage.value))
    talk[at : at + 1] = [(side, piece) for piece in pieces]


TALKS: dict[str, Callable[[Talk, int, Damage], None]] = {
    "splice": splice,
    "exchange": exchange,
    "say again": say_again,
    "other side": other_side,
    "fragment": fragment,
}

# ---------------------------------------------------------------- Levin headers

LAYOUT = {
    "length": (8, "<Q"),
    "expect": (16, "<B"),
    "command": (17, "<I"),
    "return_code": (21, "<i"),
    "flags": (25, "<I"),
    "version": (29, "<I"),
}
VALUES = {
    "expect": (0, 1, 2, 255),
    "command": (
        0,
        1001,
        1002,
        1003,
        1004,
        1005,
        1006,
        1007,
        1008,
        2000,
        *range(2001, 2012),
        1,
        2**31,
        2**32 - 1,
    ),
    "return_code": (0, 1, -1, -6, 2**31 - 1, -(2**31)),
    "flags": (0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 13, 15, 16, 2**31, 2**32 - 1),
    "version": (0, 1, 2, 256, 2**32 - 1),
}


def with_field(data: bytes, name: str, value: int) -> bytes:
    at, form = LAYOUT[name]
    return replaced(data, at, at + struct.calcsize(form), struct.pack(form, value))


def relength(header: bytes, body: bytes) -> bytes:
    return with_field(header, "length", len(body)) + body


def lie_about_length(data: bytes, damage: Damage) -> bytes:
    true = len(data) - LEVIN_HEADER
    near = (damage.size % 200) - 100
    lengths = (
        0,
        true + near,
        1,
        9,
        10,
        4_097,
        65_536,
        65_537,
        4_194_305,
        99_999_999,
        100_000_000,
        100_000_001,
        2**32 + true,
        2**63,
        2**64 - 1,
        2**64 - LEVIN_HEADER,
        true * 2,
        true // 2,
    )
    return with_field(data, "length", max(lengths[damage.value % len(lengths)], 0))


def lie_about(name: str) -> Change:
    return lambda data, damage: with_field(
        data, name, VALUES[name][damage.value % len(VALUES[name])]
    )


def sign_wrongly(data: bytes, damage: Damage) -> bytes:
    at = damage.where % len(SIGNATURE)
    return replaced(data, at, at + 1, bytes([damage.value % 256]))


def behead(data: bytes, damage: Damage) -> bytes:
    """A header whose message has no body, or the body alone."""
    return relength(data[:LEVIN_HEADER], b"") if damage.value % 2 else data[LEVIN_HEADER:]


HEADERS: dict[str, Change] = {
    "length": lie_about_length,
    "signature": sign_wrongly,
    "behead": behead,
    **{name: lie_about(name) for name in VALUES},
}

# ---------------------------------------------------------------- epee payloads

WIDTHS = {1: 8, 2: 4, 3: 2, 4: 1, 5: 8, 6: 4, 7: 2, 8: 1, 9: 8, 11: 1}


@dataclass(frozen=True)
class Part:
    """A stretch of a payload that means something: `count` (of entries or elements), `length` (of a
    string), `key` (with its length), `type`, `value`, `entry`, `element`.
    """

    what: str
    start: int
    end: int
    count: tuple[int, int] = (0, 0)  # of an entry or element: where the count is that includes it
    value: int = 0  # of an entry: where its type byte is; of a value: its type


class Parts:
    """The parts of a sound payload, as far as it is one."""

    def __init__(self, payload: bytes) -> None:
        self.data = payload
        self.at = len(EPEE_HEADER)
        self.parts: list[Part] = []
        with contextlib.suppress(IndexError):
            self.section(0)

    def take(self, size: int) -> int:
        if self.at + size > len(self.data):
            raise IndexError
        self.at += size
        return self.at - size

    def varint(self, what: str) -> tuple[int, tuple[int, int]]:
        width = 1 << (self.data[self.at] & 3)
        start = self.take(width)
        self.parts.append(Part(what, start, self.at))
        return int.from_bytes(self.data[start : self.at], "little") >> 2, (start, self.at)

    def section(self, depth: int) -> None:
        number, count = self.varint("count")
        for _ in range(number):
            start = self.take(1)
            self.take(self.data[start])
            self.parts.append(Part("key", start, self.at))
            value = self.take(1)
            self.parts.append(Part("type", value, self.at))
            self.entry(self.data[value], depth)
            self.parts.append(Part("entry", start, self.at, count, value))

    def entry(self, code: int, depth: int) -> None:
        if code == 13:
            code = self.data[self.take(1)]
        if not code & 0x80:
            self.element(code, depth)
            return
        number, count = self.varint("count")
        for _ in range(number):
            start = self.at
            self.element(code & 0x7F, depth)
            self.parts.append(Part("element", start, self.at, count))

    def element(self, code: int, depth: int) -> None:
        if depth > 100 or (code not in WIDTHS and code not in (10, 12)):
            raise IndexError
        if code == 12:
            self.section(depth + 1)
            return
        width = WIDTHS[code] if code in WIDTHS else self.varint("length")[0]
        start = self.take(width)
        self.parts.append(Part("value", start, self.at, value=code))


def number_at(data: bytes, place: tuple[int, int]) -> int:
    return int.from_bytes(data[place[0] : place[1]], "little") >> 2


def recounted(data: bytes, place: tuple[int, int], more: int) -> bytes:
    """Another count, as short as can be. What stands behind moves, so this comes last."""
    return replaced(data, *place, craft.varint((number_at(data, place) + more) % 2**62))


def widen(data: bytes, parts: Parts, part: Part, damage: Damage) -> bytes:
    """The same number in more bytes, or in too few."""
    value, width = number_at(data, (part.start, part.end)), (1, 2, 4, 8)[damage.value % 4]
    code = {1: 0, 2: 1, 4: 2, 8: 3}[width]
    return replaced(
        data,
        part.start,
        part.end,
        ((value << 2 | code) & (1 << 8 * width) - 1).to_bytes(width, "little"),
    )


def miscount(data: bytes, parts: Parts, part: Part, damage: Damage) -> bytes:
    true = number_at(data, (part.start, part.end))
    counts = (
        0,
        true + 1,
        max(true - 1, 0),
        8_192,
        8_193,
        16_384,
        16_385,
        2**30 - 1,
        2_000_000_000,
        2**62 - 1,
        true + damage.size,
        len(data) - part.end,
        (len(data) - part.end) // 2,
    )
    return replaced(
        data, part.start, part.end, craft.varint(counts[damage.value % len(counts)] % 2**62)
    )


def retype(data: bytes, parts: Parts, part: Part, damage: Damage) -> bytes:
    """Another type byte, the flag of arrays, or an array in an array entry."""
    kind = damage.value % 6
    new = (
        bytes([damage.value // 6 % 16])
        if kind < 3
        else bytes([data[part.start] ^ 0x80])
        if kind == 3
        else b"\x0d" + data[part.start : part.end]
        if kind == 4
        else bytes([damage.value % 256])
    )
    return replaced(data, part.start, part.end, new)


ODD_VALUES = {
    1: (-1, 0, 1, -(2**63)),
    2: (-1, 0, 1),
    3: (-1, 0, 1),
    4: (-1, 0, 1),
    5: (0, 1, 2**63, 2**64 - 1),
    6: (0, 1, 2**32 - 1),
    7: (0, 1, 65_535),
    8: (0, 1, 2, 3, 4, 5, 255),
}
FORMS = {1: "<q", 2: "<i", 3: "<h", 4: "<b", 5: "<Q", 6: "<I", 7: "<H", 8: "<B"}


def revalue(data: bytes, parts: Parts, part: Part, damage: Damage) -> bytes:
    code = part.value
    if code in FORMS:
        new = struct.pack(FORMS[code], ODD_VALUES[code][damage.value % len(ODD_VALUES[code])])
    elif code == 9:
        new = struct.pack("<d", (0.0, -0.0, 1.5, float("nan"), float("inf"))[damage.value % 5])
    elif code == 11:
        new = bytes([(0, 1, 2, 255)[damage.value % 4]])
    else:
        return flip(data, replace(damage, where=part.start)) if part.end > part.start else data
    return replaced(data, part.start, part.end, new)


TYPES_OF_OTHERS = [
    bytes([code])
    + (
        b"\x04a"
        if code == 10
        else b"\x01"
        if code == 11
        else b"\0"
        if code == 12
        else b"\x01".ljust(WIDTHS.get(code, 0), b"\0")
    )
    for code in range(1, 13)
]
OTHERS = [
    *TYPES_OF_OTHERS,
    *(bytes([code | 0x80, 0]) for code in range(1, 14)),
    b"\x8a\x04\x08ab",
    b"\x8c\x04\0",
    b"\x85\x04" + bytes(8),
    b"\x0d\x8a\0",
    b"\x0d\x88\x04a",
    b"\x0a\x50" + b"2017-01-01T00:00:00Z",
    b"\x0a\x0812",
]


def change(data: bytes, parts: Parts, part: Part, damage: Damage) -> bytes:
    """The entry with another value: one of every type and form, or that of another entry."""
    entries = [other for other in parts.parts if other.what == "entry"]
    other = entries[damage.value // 2 % len(entries)]
    new = (
        data[other.value : other.end]
        if damage.value % 2
        else OTHERS[damage.value // 2 % len(OTHERS)]
    )
    return replaced(data, part.value, part.end, new)


def rename(data: bytes, parts: Parts, part: Part, damage: Damage) -> bytes:
    """A key of another entry, of some struct, or none."""
    keys = [data[other.start : other.end] for other in parts.parts if other.what == "key"]
    known = [
        bytes([len(key)]) + key
        for key in (
            b"adr",
            b"addr",
            b"m_ip",
            b"host",
            b"id",
            b"last_seen",
            b"pruning_seed",
            b"rpc_port",
            b"local_time",
            b"status",
            b"txs",
            b"b",
            b"block",
            b"_",
            b"\xff",
            b"x" * 255,
        )
    ]
    return replaced(
        data,
        part.start,
        part.end,
        [*keys, *known, b"\0"][damage.value % (len(keys) + len(known) + 1)],
    )


def repeat_entry(data: bytes, parts: Parts, part: Part, damage: Damage) -> bytes:
    """An entry or element twice, mostly counted: of an entry, a duplicate key."""
    repeated = data[: part.end] + data[part.start :]
    return recounted(repeated, part.count, 1) if damage.value % 4 else repeated


def drop_entry(data: bytes, parts: Parts, part: Part, damage: Damage) -> bytes:
    shortened = replaced(data, part.start, part.end, b"")
    return recounted(shortened, part.count, -1) if damage.value % 4 else shortened


def move_entry(data: bytes, parts: Parts, part: Part, damage: Damage) -> bytes:
    """Two entries of a section, or elements of an array, in each other's place."""
    others = sorted(
        (other for other in parts.parts if other.what == part.what and other.count == part.count),
        key=lambda other: other.start,
    )
    pairs = list(itertools.pairwise(others))
    if not pairs:
        return data
    one, other = pairs[damage.value % len(pairs)]
    return (
        data[: one.start]
        + data[other.start : other.end]
        + data[one.end : other.start]
        + data[one.start : one.end]
        + data[other.end :]
    )


def add_entry(data: bytes, parts: Parts, part: Part, damage: Damage) -> bytes:
    """One more entry in front of this one: of a key that nobody knows or somebody does, maybe
    deeply nested.
    """
    key = (b"\x01x", b"\x02id", b"\x04addr", b"\x08rpc_port", b"\x01\xff")[damage.value % 5]
    depth = damage.size % 40
    nested = (
        b"\x0c" + b"\x04\x01n\x0c" * depth + b"\0"
        if damage.value // 5 % 2
        else b"\x8c" + b"\x04\x04\x01n\x8c" * depth + b"\0"
    )
    value = OTHERS[damage.value // 10 % len(OTHERS)] if damage.size % 2 else nested
    return recounted(data[: part.start] + key + value + data[part.start :], part.count, 1)


Edit = Callable[[bytes, Parts, Part, Damage], bytes]
EPEE: dict[str, tuple[tuple[str, ...], Edit]] = {
    "widen": (("count", "length"), widen),
    "miscount": (("count", "length"), miscount),
    "retype": (("type",), retype),
    "revalue": (("value",), revalue),
    "change": (("entry",), change),
    "rename": (("key",), rename),
    "repeat entry": (("entry", "element"), repeat_entry),
    "drop entry": (("entry", "element"), drop_entry),
    "move entry": (("entry", "element"), move_entry),
    "add entry": (("entry",), add_entry),
}

KINDS = (*BYTES, *TALKS, *HEADERS, *EPEE)

__all__ = ["BYTES", "EPEE", "KINDS", "Damage", "Talk", "damaged", "damaged_payload"]
