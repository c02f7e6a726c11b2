"""epee portable storage: what monerod's reader takes, and what it refuses. Each payload is that of
a message between two pings.
"""

from __future__ import annotations

import struct
from typing import Any

from support import craft
from support.craft import EPEE_HEADER, Raw, entry, pcap, section, varint

from ._build import CLIENT, HELLO, PING, SERVER, WELCOME, Wire
from ._case import Expect, cases, notification, request, response


def root(*entries: bytes, count: int | None = None) -> bytes:
    """A payload of ready-made entries; `count` may lie."""
    return EPEE_HEADER + varint(len(entries) if count is None else count) + b"".join(entries)


def x(data: bytes) -> bytes:
    """A payload with one entry `x` of these bytes, type first."""
    return root(b"\x01x" + data)


def nested(depth: int, innermost: bytes = b"\0") -> bytes:
    """Objects within objects."""
    return x(b"\x0c" + b"\x04\x01x\x0c" * (depth - 1) + innermost)


def nested_arrays(depth: int) -> bytes:
    """Objects in arrays of one, within each other."""
    return x(b"\x8c\x04" + b"\x04\x01x\x8c\x04" * (depth - 1) + b"\0")


def names(count: int) -> list[bytes]:
    return [b"\x03" + struct.pack(">I", i)[1:] for i in range(count)]


def fields(count: int) -> bytes:
    """That many fields in the root section."""
    return root(*[name + b"\x08\x01" for name in names(count)])


def fields_in_two(first: int, second: int) -> bytes:
    """Fields of the root and of an object in it are counted together."""
    inner = varint(second) + b"".join(name + b"\x0b\x01" for name in names(second))
    return root(b"\x01o\x0c" + inner, *[name + b"\x08\x01" for name in names(first - 1)])


def strings(count: int) -> bytes:
    return x(b"\x8a" + varint(count) + b"\x04a" * count)


def objects(count: int) -> bytes:
    return x(b"\x8c" + varint(count) + b"\0" * count)


ALL_TYPES = {
    "a": ("i64", -(1 << 63)),
    "b": ("i32", -(1 << 31)),
    "c": ("i16", -32768),
    "d": ("i8", -128),
    "e": ("u64", (1 << 64) - 1),
    "f": ("u32", (1 << 32) - 1),
    "g": ("u16", 65535),
    "h": ("u8", 255),
    "i": ("f64", -1.5e300),
    "j": b"text",
    "k": True,
    "l": {"inner": {}},
}
ALL_ARRAYS = {
    **{
        f"n{code}": (code, [1, 2, 3])
        for code in ("i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8")
    },
    "d": ("f64", [0.5]),
    "s": [b"", b"one", b"two"],
    "b": [True, False],
    "o": [{}, {"a": ("u8", 1)}],
}

SOUND: dict[str, bytes] = {
    "empty": craft.EMPTY,
    "all-types": craft.epee(ALL_TYPES),
    "all-arrays": craft.epee(ALL_ARRAYS),
    "keys-in-any-order": craft.epee([("zz", 1), ("a", 2), ("m", 3)]),
    "keys-of-any-bytes": craft.epee({b"\0\xff,\n\t": 1, b"\xc3\x28": 2, b" ": 3}),
    "key-of-255-bytes": craft.epee({b"k" * 255: 1}),
    "same-key-in-other-sections": craft.epee({"a": {"a": {"a": 1}}, "b": {"a": 1}}),
    "trailing-bytes": craft.EMPTY + b"\xff" * 40,
    "trailing-payload": craft.EMPTY + craft.epee({"a": 1}),
    **{
        f"count-in-{width}-bytes": EPEE_HEADER + varint(1, width) + entry("a", 1)
        for width in (2, 4, 8)
    },
    **{
        f"string-length-in-{width}-bytes": x(b"\x0a" + varint(3, width) + b"abc")
        for width in (2, 4, 8)
    },
    "array-count-in-8-bytes": x(b"\x88" + varint(3, 8) + b"abc"),
    "empty-string": x(b"\x0a\0"),
    "string-of-16384-bytes": x(b"\x0a" + varint(16384) + bytes(16384)),
    "empty-arrays": craft.epee({f"{code}": Raw(bytes([code | 0x80, 0])) for code in range(1, 13)}),
    "array-of-arrays-of-none": x(b"\x8d\0"),
    "type-13": x(b"\x0d\x88\x0cabc"),
    "type-13-of-objects": x(b"\x0d\x8c\x04\0"),
    "three-empty-strings-and-room": x(b"\x8a" + varint(3) + b"\0\0\0") + b"\0\0\0",
    "nested-31": nested(31),
    "nested-30-with-a-string": nested(30, b"\x04\x01x\x0a\x04a"),
    "nested-arrays-18": nested_arrays(18),
    "objects-8192": objects(8192),
    "fields-16384": fields(16384),
    "fields-16384-in-two-sections": fields_in_two(10_000, 6_384),
    "strings-16384": strings(16384),
    "not-a-number": x(b"\x09" + struct.pack("<d", float("nan"))),
}

REFUSED: dict[str, bytes] = {
    "nothing-but-the-header": EPEE_HEADER,
    "header-of-zeros": bytes(10),
    "header-version-2": EPEE_HEADER[:8] + b"\x02\0",
    "header-first-byte": b"\0" + craft.EMPTY[1:],
    "fewer-entries-than-told": root(entry("a", 1), count=2),
    "entry-count-of-2^60": EPEE_HEADER + varint(1 << 60, 8) + entry("a", 1),
    "entry-count-cut": EPEE_HEADER + b"\x03\0\0",
    "key-empty": root(b"\0\x08\x01"),
    "key-cut": root(b"\x05ab"),
    "key-twice": root(entry("a", 1), entry("b", 1), entry("a", 2)),
    "key-twice-of-other-type": root(entry("a", 1), entry("a", b"text")),
    "key-twice-in-an-object": craft.epee({"o": Raw(b"\x0c" + section([("a", 1), ("a", 1)]))}),
    "key-twice-in-an-object-of-an-array": craft.epee(
        {"o": Raw(b"\x8c\x08" + section({}) + section([("a", 1), ("b", 1), ("a", 1)]))}
    ),
    "type-missing": root(b"\x01x"),
    "type-0": x(b"\0"),
    "type-14": x(b"\x0e" + bytes(8)),
    "type-127": x(b"\x7f" + bytes(8)),
    "type-0x80": x(b"\x80\0"),
    "type-0x8e": x(b"\x8e\0"),
    "type-0xff": x(b"\xff\0"),
    "type-13-without-array-flag": x(b"\x0d\x08\x01"),
    "type-13-of-arrays": x(b"\x0d\x0d\x88\x04a"),
    "array-of-arrays": x(b"\x8d\x04\x88\x04a"),
    "number-cut": x(b"\x05" + bytes(7)),
    "double-cut": x(b"\x09" + bytes(4)),
    "string-cut": x(b"\x0a" + varint(10) + b"ninebytes"),
    "string-of-2^61": x(b"\x0a" + varint((1 << 61) - 1, 8) + b"abc"),
    "string-length-missing": x(b"\x0a"),
    "object-missing": x(b"\x0c"),
    "array-cut": x(b"\x85" + varint(3) + bytes(23)),
    "array-of-2^61": x(b"\x85" + varint((1 << 61) - 1, 8) + bytes(80)),
    "array-of-objects-of-2^61": x(b"\x8c" + varint((1 << 61) - 1, 8) + bytes(80)),
    "three-empty-strings-at-the-end": x(b"\x8a" + varint(3) + b"\0\0\0"),
    "string-in-an-array-cut": x(b"\x8a" + varint(2) + varint(1) + b"a" + varint(9) + b"bc"),
    "bool-2": x(b"\x0b\x02"),
    "bool-255": x(b"\x0b\xff"),
    "bool-2-in-an-array": x(b"\x8b" + varint(3) + b"\x01\0\x02"),
    "nested-32": nested(32),
    "nested-31-with-a-string": nested(31, b"\x04\x01x\x0a\x04a"),
    "nested-10000": nested(10_000),
    "nested-arrays-19": nested_arrays(19),
    "objects-8193": objects(8193),
    "fields-16385": fields(16385),
    "fields-16385-in-two-sections": fields_in_two(10_000, 6_385),
    "strings-16385": strings(16385),
}


def between_pings(payload: bytes) -> dict[str, bytes]:
    wire = Wire()
    talk = wire.talk().say(CLIENT, HELLO).say(SERVER, WELCOME)
    talk.cuts(
        CLIENT, PING + craft.notification(2002, payload), *[60_000] * (len(payload) // 60_000)
    ).say(CLIENT, PING)
    return {"a.pcap": pcap(wire.packets)}


SHAKEN = [request(1001, id="h"), response(1001, reply="h"), request(1003)]


@cases({name: (payload,) for name, payload in SOUND.items()})
def taken(payload: bytes) -> Expect:
    return Expect(
        between_pings(payload),
        messages=[*SHAKEN, notification(2002, length=len(payload)), request(1003)],
        totals={},
    )


@cases({name: (payload,) for name, payload in REFUSED.items()})
def refused(payload: bytes) -> Expect:
    size = len(payload)
    return Expect(
        between_pings(payload),
        messages=[
            *SHAKEN,
            notification(2002, status="malformed", length=size, captured=size),
            request(1003),
        ],
        totals={"malformed": 33 + size},
    )


@cases({"request": 1002, "ping": 1003})
def refused_in_any_command(command: int) -> Expect:
    """A key twice in payloads that have decoders."""
    payload = root(
        entry("payload_data", craft.payload_data()), entry("payload_data", craft.payload_data())
    )
    wire = Wire()
    wire.talk().say(CLIENT, craft.request(command, payload)).say(CLIENT, PING)
    return Expect(
        {"a.pcap": pcap(wire.packets)},
        messages=[request(command, status="malformed"), request(1003)],
        totals={"malformed": 33 + len(payload)},
        sync_data=[],
    )


@cases({"payload": 1_000_000})
def many_small_objects_cost_nothing(size: int) -> Expect:
    """A megabyte of array counts that promise more than there is: refused at once."""
    payload = x(b"\x8c" + varint(8192) + b"\x04\x01x\x8c" + varint(1 << 20) + bytes(size))
    wire = Wire()
    talk = wire.talk().say(CLIENT, HELLO).say(SERVER, WELCOME)
    talk.cuts(CLIENT, craft.notification(2002, payload), *[60_000] * (len(payload) // 60_000)).say(
        CLIENT, PING
    )

    def check(traffic: Any) -> None:
        assert traffic.messages["status"].tolist() == [
            "complete",
            "complete",
            "malformed",
            "complete",
        ]

    return Expect({"a.pcap": pcap(wire.packets)}, check=check)
