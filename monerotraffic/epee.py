"""epee payloads of Levin messages: loads and dumps.

    >>> from monerotraffic import epee
    >>> payload = epee.dumps({"peer_id": epee.UInt64(7), "status": "OK"})
    >>> epee.loads(payload)
    {'peer_id': 7, 'status': b'OK'}

The format is monerod's portable storage: portable_storage_base.h (types),
portable_storage_from_bin.h (reader) and portable_storage_to_bin.h (writer) in
contrib/epee/include/storages, and docs/PORTABLE_STORAGE.md, of
https://github.com/monero-project/monero. A payload is a header of 9 bytes and a section. A section
is a count and entries of name, type and value. All numbers are little-endian. Counts and lengths
are varints whose two lowest bits state their width.

    epee type        loads returns                    dumps accepts
    1 to 4, 5 to 8   Int64, Int32, …, UInt64, …       the same; numpy's integers; int as UInt64,
                                                      or as Int64 if negative
    9 double         float                            float, numpy's floats
    10 string        bytes                            bytes, bytearray, memoryview; str as UTF-8
    11 bool          bool                             bool, numpy's bool
    12 object        dict                             any mapping
    array            Array                            Array; list and tuple, with the type of their
                                                      elements; one-dimensional numpy arrays
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, ClassVar, SupportsIndex

import numpy as np

from monerotraffic import _core

__all__ = [
    "TYPES",
    "Array",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Integer",
    "Type",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "dumps",
    "loads",
]

_HEADER = bytes.fromhex("011101010101020101")
_DEEPEST = 100
"""Nesting depth that dumps accepts; monerod's reader rejects more than 31 nested objects."""


class Type(IntEnum):
    """The types of epee by their code on the wire.

    >>> from monerotraffic import epee
    >>> epee.Type(5), epee.Type.STRING.value
    (<Type.UINT64: 5>, 10)
    """

    INT64 = 1
    INT32 = 2
    INT16 = 3
    INT8 = 4
    UINT64 = 5
    UINT32 = 6
    UINT16 = 7
    UINT8 = 8
    DOUBLE = 9
    STRING = 10
    BOOL = 11
    OBJECT = 12
    ARRAY = 13


_ARRAY_FLAG = 0x80
_FORMATS = {
    Type.INT64: "<q",
    Type.INT32: "<i",
    Type.INT16: "<h",
    Type.INT8: "<b",
    Type.UINT64: "<Q",
    Type.UINT32: "<I",
    Type.UINT16: "<H",
    Type.UINT8: "<B",
    Type.DOUBLE: "<d",
}


class Integer(int):
    """An int with an epee type. dumps checks that it fits. Arithmetic returns plain ints.

    >>> from monerotraffic import epee
    >>> [kind.__name__ for kind in epee.Integer.__subclasses__()]
    ['Int64', 'Int32', 'Int16', 'Int8', 'UInt64', 'UInt32', 'UInt16', 'UInt8']
    """

    __slots__ = ()
    epee_type: ClassVar[Type]


class Int64(Integer):
    """epee type 1.

    >>> from monerotraffic import epee
    >>> value = epee.loads(epee.dumps({"number": epee.Int64(-5)}))["number"]
    >>> value, type(value).__name__
    (-5, 'Int64')
    """

    __slots__ = ()
    epee_type = Type.INT64


class Int32(Integer):
    """epee type 2.

    >>> from monerotraffic import epee
    >>> value = epee.loads(epee.dumps({"number": epee.Int32(-5)}))["number"]
    >>> value, type(value).__name__
    (-5, 'Int32')
    """

    __slots__ = ()
    epee_type = Type.INT32


class Int16(Integer):
    """epee type 3.

    >>> from monerotraffic import epee
    >>> value = epee.loads(epee.dumps({"number": epee.Int16(-5)}))["number"]
    >>> value, type(value).__name__
    (-5, 'Int16')
    """

    __slots__ = ()
    epee_type = Type.INT16


class Int8(Integer):
    """epee type 4.

    >>> from monerotraffic import epee
    >>> value = epee.loads(epee.dumps({"number": epee.Int8(-5)}))["number"]
    >>> value, type(value).__name__
    (-5, 'Int8')
    """

    __slots__ = ()
    epee_type = Type.INT8


class UInt64(Integer):
    """epee type 5.

    >>> from monerotraffic import epee
    >>> value = epee.loads(epee.dumps({"number": epee.UInt64(7)}))["number"]
    >>> value, type(value).__name__
    (7, 'UInt64')
    """

    __slots__ = ()
    epee_type = Type.UINT64


class UInt32(Integer):
    """epee type 6.

    >>> from monerotraffic import epee
    >>> value = epee.loads(epee.dumps({"number": epee.UInt32(7)}))["number"]
    >>> value, type(value).__name__
    (7, 'UInt32')
    """

    __slots__ = ()
    epee_type = Type.UINT32


class UInt16(Integer):
    """epee type 7.

    >>> from monerotraffic import epee
    >>> value = epee.loads(epee.dumps({"number": epee.UInt16(18080)}))["number"]
    >>> value, type(value).__name__
    (18080, 'UInt16')
    """

    __slots__ = ()
    epee_type = Type.UINT16


class UInt8(Integer):
    """epee type 8.

    >>> from monerotraffic import epee
    >>> value = epee.loads(epee.dumps({"number": epee.UInt8(255)}))["number"]
    >>> value, type(value).__name__
    (255, 'UInt8')
    """

    __slots__ = ()
    epee_type = Type.UINT8


class Array(list[Any]):
    """A list whose attribute `type` is the epee type of its elements, which an empty list needs.

    With `type` None, dumps uses the type of the elements, as for a plain list.

    >>> from monerotraffic import epee
    >>> epee.loads(epee.dumps({"peers": epee.Array([], epee.Type.OBJECT)}))
    {'peers': []}
    """

    __slots__ = ("type",)

    def __init__(self, items: Iterable[Any] = (), type: SupportsIndex | None = None) -> None:
        super().__init__(items)
        self.type = None if type is None else Type(type.__index__())


TYPES = (
    None,
    Int64,
    Int32,
    Int16,
    Int8,
    UInt64,
    UInt32,
    UInt16,
    UInt8,
    None,
    None,
    None,
    None,
    Array,
    None,
    None,
)
"""The callable that the core calls for a value, by epee type: integers with an int, arrays with a
list and the type of its elements. None keeps the plain value.

>>> from monerotraffic import epee
>>> epee.TYPES[epee.Type.UINT16]
<class 'monerotraffic.epee.UInt16'>
"""


def loads(payload: bytes | bytearray | memoryview) -> dict[str, Any]:
    """Returns the root section of an epee payload as a dict, with the entries in their order. The
    module's docstring lists the Python type for each epee type.

    Names are str: UTF-8, other bytes as surrogate escapes. Bytes after the section are ignored, as
    in monerod.

    Raises ValueError if monerod's reader would reject the payload: invalid header, incomplete
    payload, duplicate name, unknown type, bool other than 0 and 1, too many objects, fields or
    strings, too deep nesting.

    >>> from monerotraffic import epee
    >>> epee.loads(epee.dumps({"my_port": epee.UInt32(18080)}))
    {'my_port': 18080}
    """
    return _core.epee_loads(payload, TYPES)


def dumps(section: Mapping[str | bytes, Any] | Mapping[str, Any], sort_keys: bool = False) -> bytes:
    """Returns the epee payload of a mapping, with minimal varints. dumps(loads(payload)) == payload
    if the payload has minimal varints.

    Entries are in the order of the mapping, or with `sort_keys` in ascending order of the bytes of
    their names in every section, as monerod writes them.

    Raises TypeError for a value or name without epee type, a list of mixed types, or an empty list
    (use Array([], Type.STRING)). Raises ValueError for a number that does not fit its type, a name
    that is not 1 to 254 bytes long, a name that occurs twice (as str and bytes), or nesting beyond
    100. The limits of monerod's reader are not checked: it rejects some payloads that dumps can
    write, such as an array of empty strings near the end of the payload.

    >>> from monerotraffic import epee
    >>> epee.dumps({"status": "OK"}).hex()
    '01110101010102010104067374617475730a084f4b'
    """
    if not isinstance(section, Mapping):
        raise TypeError(f"a payload must be a mapping, not {type(section).__name__}")
    return _HEADER + _section(section, sort_keys, "", _DEEPEST)


def _varint(value: int) -> bytes:
    """A count or length. Every size in memory fits in 62 bits."""
    for code, size in enumerate((1, 2, 4)):
        if value < 1 << (8 * size - 2):
            return (value << 2 | code).to_bytes(size, "little")
    return (value << 2 | 3).to_bytes(8, "little")


def _section(section: Mapping[Any, Any], sort_keys: bool, path: str, depth: int) -> bytes:
    if depth == 0:
        raise ValueError(f"{path[:200]}: nested deeper than {_DEEPEST}")
    entries = [(_name(key, path), key, value) for key, value in section.items()]
    if len({name for name, _, _ in entries}) != len(entries):
        raise ValueError(f"{path or 'payload'}: a name occurs twice, as str and as bytes")
    if sort_keys:
        entries.sort(key=lambda entry: entry[0])
    parts = [_varint(len(entries))]
    for name, key, value in entries:
        parts += [
            bytes([len(name)]),
            name,
            _entry(value, sort_keys, f"{path}.{key}" if path else str(key), depth),
        ]
    return b"".join(parts)


def _name(key: Any, path: str) -> bytes:
    if not isinstance(key, (str, bytes)):
        raise TypeError(f"{path or 'payload'}: name {key!r} is neither str nor bytes")
    name = key.encode("utf-8", "surrogateescape") if isinstance(key, str) else key
    if not 1 <= len(name) <= 254:
        raise ValueError(
            f"{path or 'payload'}: name {key!r} has {len(name)} bytes; names have 1 to 254"
        )
    return name


def _entry(value: Any, sort_keys: bool, path: str, depth: int) -> bytes:
    """Type and value."""
    if isinstance(value, (list, tuple, np.ndarray)):
        kind = _element_type(value, path)
        elements = [
            _value(kind, item, sort_keys, f"{path}[{i}]", depth) for i, item in enumerate(value)
        ]
        return bytes([kind | _ARRAY_FLAG]) + _varint(len(elements)) + b"".join(elements)
    kind = _scalar_type(value, path)
    return bytes([kind]) + _value(kind, value, sort_keys, path, depth)


def _scalar_type(value: Any, path: str) -> Type:
    match value:
        case bool() | np.bool_():
            return Type.BOOL
        case Integer():
            return value.epee_type
        case np.integer() | np.floating():
            return _numpy_type(value.dtype, path)
        case int():
            return Type.UINT64 if value >= 0 else Type.INT64
        case float():
            return Type.DOUBLE
        case bytes() | bytearray() | memoryview() | str():
            return Type.STRING
        case Mapping():
            return Type.OBJECT
    raise TypeError(f"{path}: epee has no type for {type(value).__name__}")


def _numpy_type(dtype: np.dtype[Any], path: str) -> Type:
    if dtype.kind == "b":
        return Type.BOOL
    if dtype.kind == "f":
        return Type.DOUBLE
    if dtype.kind in "iu":
        return Type[f"{'U' if dtype.kind == 'u' else ''}INT{8 * dtype.itemsize}"]
    raise TypeError(f"{path}: epee has no type for numpy's {dtype}")


def _element_type(values: Sequence[Any] | np.ndarray[Any, np.dtype[Any]], path: str) -> Type:
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise TypeError(f"{path}: an array of {values.ndim} dimensions; epee's arrays have one")
        return _numpy_type(values.dtype, path)
    if isinstance(values, Array) and values.type is not None:
        return values.type
    if not values:
        raise TypeError(
            f"{path}: the elements of an empty list have no type; use epee.Array([], epee.Type.…)"
        )
    if all(isinstance(value, int) and not isinstance(value, (bool, Integer)) for value in values):
        return Type.INT64 if min(values) < 0 else Type.UINT64
    kinds = {_scalar_type(value, f"{path}[{i}]") for i, value in enumerate(values)}
    if len(kinds) > 1:
        names = ", ".join(kind.name.lower() for kind in sorted(kinds))
        raise TypeError(f"{path}: a list of mixed types ({names}), but an epee array has one type")
    return kinds.pop()


def _value(kind: Type, value: Any, sort_keys: bool, path: str, depth: int) -> bytes:
    """Returns a value without its type. Raises TypeError if it does not have that type."""
    if kind in _FORMATS:
        return _number(kind, value, path)
    if kind is Type.STRING and isinstance(value, (bytes, bytearray, memoryview, str)):
        text = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)
        return _varint(len(text)) + text
    if kind is Type.BOOL and isinstance(value, (bool, np.bool_)):
        return b"\x01" if value else b"\x00"
    if kind is Type.OBJECT and isinstance(value, Mapping):
        return _section(value, sort_keys, path, depth - 1)
    raise TypeError(f"{path}: {type(value).__name__} instead of an epee {kind.name.lower()}")


def _number(kind: Type, value: Any, path: str) -> bytes:
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value,
        (int, np.integer) if kind is not Type.DOUBLE else (int, float, np.integer, np.floating),
    ):
        raise TypeError(f"{path}: {type(value).__name__} instead of an epee {kind.name.lower()}")
    try:
        return struct.pack(_FORMATS[kind], float(value) if kind is Type.DOUBLE else int(value))
    except (struct.error, OverflowError):
        raise ValueError(f"{path}: {value} does not fit an epee {kind.name.lower()}") from None
