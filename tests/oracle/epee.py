"""epee portable storage, read as monerod reads it: its limits, and everything that makes it refuse
a payload.

A section becomes a dict of key → Value, in the order of the wire; nothing is converted here.
`depth` is the number of monerod's nested C++ calls, of which it allows 99: each kind of value costs
its own number of calls.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from .cursor import Cursor

HEADER = bytes.fromhex("011101010101020101")
NUMBERS = {1: "<q", 2: "<i", 3: "<h", 4: "<b", 5: "<Q", 6: "<I", 7: "<H", 8: "<B", 9: "<d"}
STRING, BOOL, OBJECT, ARRAY, FLAG = 10, 11, 12, 13, 0x80
SIGNED = (1, 2, 3, 4)
# bytes that monerod reckons an element to need at least
LEAST = {
    **{code: struct.calcsize(form) for code, form in NUMBERS.items()},
    STRING: 2,
    BOOL: 1,
    OBJECT: 1,
}
MOST_OBJECTS, MOST_FIELDS, MOST_STRINGS = 8192, 16384, 16384
MOST_STRING = 2_000_000_000
MOST_CALLS = 100


class Refused(Exception):
    """monerod's reader would refuse this payload."""


@dataclass
class Value:
    type: int  # 1 to 12, of the elements if an array
    array: bool
    value: Any  # int, float, bytes, bool, dict, or a list of them
    wire: int  # the type byte: with the flag of arrays, or 13


@dataclass
class Payload:
    root: dict[bytes, Value]
    ordered: bool  # in every section the keys ascend
    wide: int  # varints in more bytes than needed
    trailing: int  # bytes behind the root section


class Reader(Cursor):
    refused = Refused

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.objects = self.fields = self.strings = 0
        self.ordered = True
        self.wide = 0

    def varint(self, depth: int) -> int:
        check(depth + 3)
        if not self.left():
            raise Refused("cut")
        width = 1 << (self.data[self.at] & 3)
        value = int.from_bytes(self.take(width), "little") >> 2
        if width > needed(value):
            self.wide += 1
        return value

    def section(self, depth: int) -> dict[bytes, Value]:
        count = self.varint(depth + 1)
        self.fields += count
        if self.fields > MOST_FIELDS:
            raise Refused("too many fields")
        entries: dict[bytes, Value] = {}
        for _ in range(count):
            size = self.take(1)[0]
            if size == 0:
                raise Refused("empty key")
            key = self.take(size)
            if key in entries:
                raise Refused("duplicate key")
            if entries and key < next(reversed(entries)):
                self.ordered = False
            entries[key] = self.entry(depth + 1)
        return entries

    def entry(self, depth: int) -> Value:
        code = self.take(1)[0]
        if code & FLAG:
            return self.array(code & ~FLAG, code, depth + 1)
        if code == ARRAY:
            code = self.take(1)[0]
            if not code & FLAG:
                raise Refused("no array in an array entry")
            return self.array(code & ~FLAG, ARRAY, depth + 2)
        if code not in LEAST:
            raise Refused("unknown type")
        if code == OBJECT:
            self.count_objects(1)
        if code == STRING:
            self.count_strings(1)
        return Value(code, False, self.element(code, depth + (2 if code == STRING else 1)), code)

    def array(self, code: int, wire: int, depth: int) -> Value:
        count = self.varint(depth + 2)
        if code == ARRAY and count == 0:
            return Value(code, True, [], wire)
        if code not in LEAST:
            raise Refused("unknown type of array")
        if count > self.left() // LEAST[code]:
            raise Refused("array longer than what is left")
        if code == OBJECT:
            self.count_objects(count)
        if code == STRING:
            self.count_strings(count)
        return Value(code, True, [self.element(code, depth + 2) for _ in range(count)], wire)

    def element(self, code: int, depth: int) -> Any:
        """A bare value; `depth` is that of the call which reads it."""
        if code in NUMBERS:
            check(depth + 2)
            return struct.unpack(NUMBERS[code], self.take(LEAST[code]))[0]
        if code == BOOL:
            check(depth + 2)
            byte = self.take(1)[0]
            if byte > 1:
                raise Refused("bool neither 0 nor 1")
            return bool(byte)
        if code == STRING:
            size = self.varint(depth + 2)
            if size >= MOST_STRING:
                raise Refused("string too long")
            return self.take(size)
        return self.section(depth + 1)

    def count_objects(self, count: int) -> None:
        self.objects += count
        if self.objects > MOST_OBJECTS:
            raise Refused("too many objects")

    def count_strings(self, count: int) -> None:
        self.strings += count
        if self.strings > MOST_STRINGS:
            raise Refused("too many strings")


def check(depth: int) -> None:
    if depth >= MOST_CALLS:
        raise Refused("nested too deeply")


def needed(value: int) -> int:
    """The bytes of the varint that monerod writes."""
    return 1 if value < 2**6 else 2 if value < 2**14 else 4 if value < 2**30 else 8


def read(data: bytes) -> Payload:
    """A payload. Refused if monerod would not take it; what follows the root section it ignores."""
    reader = Reader(data)
    if reader.take(len(HEADER)) != HEADER:
        raise Refused("no epee header")
    root = reader.section(1)
    return Payload(root, reader.ordered, reader.wide, reader.left())


def loads(data: bytes) -> dict[bytes, Value]:
    """The root section alone."""
    return read(data).root
