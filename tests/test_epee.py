"""epee.loads and epee.dumps. The bytes expected here were written by hand from the format's
description.
"""

from __future__ import annotations

import copy
import pickle
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monerotraffic import _core, epee
from monerotraffic.epee import (
    Array,
    Int8,
    Int16,
    Int32,
    Int64,
    Type,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    dumps,
    loads,
)
from support import craft

HEADER = bytes.fromhex("01 11 01 01 01 01 02 01 01")
INTEGERS = (Int64, Int32, Int16, Int8, UInt64, UInt32, UInt16, UInt8)


def payload(*entries: str) -> bytes:
    """A header and a section of entries in hex."""
    return HEADER + bytes([len(entries) << 2]) + bytes.fromhex("".join(entries))


# one entry named "a": "01 61", its type, its value
EXAMPLES: list[tuple[str, Any]] = [
    ("01 61 01 feffffffffffffff", Int64(-2)),
    ("01 61 02 feffffff", Int32(-2)),
    ("01 61 03 feff", Int16(-2)),
    ("01 61 04 fe", Int8(-2)),
    ("01 61 05 0102030405060708", UInt64(0x0807060504030201)),
    ("01 61 06 01020304", UInt32(0x04030201)),
    ("01 61 07 0102", UInt16(0x0201)),
    ("01 61 08 ff", UInt8(255)),
    ("01 61 09 000000000000f83f", 1.5),
    ("01 61 0a 00", b""),
    ("01 61 0a 0c 00ff01", b"\x00\xff\x01"),
    ("01 61 0b 01", True),
    ("01 61 0b 00", False),
    ("01 61 0c 00", {}),
    ("01 61 0c 04 0162 08 07", {"b": UInt8(7)}),
    ("01 61 86 08 01000000 02000000", Array([UInt32(1), UInt32(2)], Type.UINT32)),
    ("01 61 88 00", Array([], Type.UINT8)),
    ("01 61 89 04 000000000000f83f", Array([1.5], Type.DOUBLE)),
    ("01 61 8a 08 0479 0478", Array([b"y", b"x"], Type.STRING)),
    ("01 61 8b 08 01 00", Array([True, False], Type.BOOL)),
    ("01 61 8c 08 00 04 0162 08 07", Array([{}, {"b": UInt8(7)}], Type.OBJECT)),
    ("01 61 8c 00", Array([], Type.OBJECT)),
]


def alike(one: Any, other: Any) -> None:
    """Equal, and of the same types all the way down."""
    assert type(one) is type(other)
    assert one == other
    if isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            alike(one[key], other[key])
    elif isinstance(one, list):
        assert getattr(one, "type", None) == getattr(other, "type", None)
        for left, right in zip(one, other, strict=True):
            alike(left, right)


# ---------------------------------------------------------------- both ways


@pytest.mark.parametrize(("entry", "value"), EXAMPLES, ids=[entry for entry, _ in EXAMPLES])
def test_types(entry: str, value: Any) -> None:
    alike(loads(payload(entry)), {"a": value})
    assert dumps({"a": value}) == payload(entry)


def test_empty_section() -> None:
    assert loads(HEADER + b"\x00") == {}
    assert dumps({}) == HEADER + b"\x00"


def test_order_is_kept() -> None:
    mixed = payload(
        "01 62 08 01", "01 61 08 02", "02 6161 08 03", "01 5a 0c 08 0179 08 01 0178 08 02"
    )
    assert list(loads(mixed)) == ["b", "a", "aa", "Z"]
    assert dumps(loads(mixed)) == mixed
    assert dumps(loads(mixed), sort_keys=True) == payload(
        "01 5a 0c 08 0178 08 02 0179 08 01", "01 61 08 02", "02 6161 08 03", "01 62 08 01"
    )


def test_sorting_is_by_bytes() -> None:
    assert list(
        loads(
            dumps({"é": UInt8(1), "z": UInt8(2), b"\xff": UInt8(3), "A": UInt8(4)}, sort_keys=True)
        )
    ) == ["A", "z", "é", "\udcff"]


@pytest.mark.parametrize(
    ("count", "length"),
    [
        (0, "00"),
        (63, "fc"),
        (64, "0101"),
        (16383, "fdff"),
        (16384, "02000100"),
        (100_000, "821a0600"),
    ],
    ids=lambda value: str(value),
)
def test_varints_are_as_short_as_can_be(count: int, length: str) -> None:
    data = dumps({"a": b"x" * count})
    assert data == payload("01 61 0a" + length) + b"x" * count
    assert loads(data) == {"a": b"x" * count}


def test_longest_varint() -> None:
    assert epee._varint(2**30 - 1) == bytes.fromhex("feffffff")
    assert epee._varint(2**30) == bytes.fromhex("0300000001000000")


def test_names_of_any_bytes() -> None:
    for name in (b"\xff\x00\x80", b"x" * 254, "größe".encode(), b"\xed\xb3\xbf"):
        data = HEADER + b"\x04" + bytes([len(name)]) + name + b"\x08\x01"
        assert dumps(loads(data)) == data
        assert dumps({name: UInt8(1)}) == data
    assert loads(payload("01 ff 08 01")) == {"\udcff": 1}


@pytest.mark.parametrize(
    "payload_of",
    [
        craft.handshake_request(),
        craft.handshake_response(
            [
                craft.peer("203.0.113.7", 18080, 2**64 - 1),
                craft.peer("2001:db8::1", 18089, 5, pruning_seed=("u32", 384)),
            ]
        ),
        craft.timed_sync_response([]),
        craft.ping_response(),
        craft.support_flags_response(),
        craft.transactions([b"x" * 3000, b"y"]),
    ],
    ids=[
        "handshake_request",
        "handshake_response",
        "timed_sync_response",
        "ping_response",
        "support_flags_response",
        "transactions",
    ],
)
def test_payloads_of_monero(payload_of: bytes) -> None:
    assert dumps(loads(payload_of)) == payload_of


def values(depth: int = 3) -> st.SearchStrategy[Any]:
    kinds: dict[Type, st.SearchStrategy[Any]] = {
        kind.epee_type: st.integers(
            *(
                (0, 2**width - 1)
                if kind.__name__.startswith("U")
                else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)
            )
        ).map(kind)
        for kind, width in zip(INTEGERS, (64, 32, 16, 8) * 2, strict=True)
    }
    kinds |= {
        Type.DOUBLE: st.floats(allow_nan=False),
        Type.STRING: st.binary(max_size=80),
        Type.BOOL: st.booleans(),
    }
    if depth:
        kinds[Type.OBJECT] = st.dictionaries(
            st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
            st.deferred(lambda: values(depth - 1)),
            max_size=5,
        )
    scalars = list(kinds.values())
    # see test_arrays_of_empty_strings
    elements = kinds | {Type.STRING: st.binary(min_size=1, max_size=80)}
    arrays = [
        st.lists(strategy, max_size=5).map(lambda items, kind=kind: Array(items, kind))
        for kind, strategy in elements.items()
    ]
    return st.one_of(*scalars, *arrays)


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), values(), max_size=70
    )
)
@settings(max_examples=150, deadline=None)
def test_round_trip(section: dict[str, Any]) -> None:
    data = dumps(section)
    alike(loads(data), section)
    assert dumps(loads(data)) == data
    again = dumps(section, sort_keys=True)
    assert loads(again) == section
    assert len(again) == len(data)


@given(st.binary(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_payload_or_refused(body: bytes) -> None:
    try:
        section = loads(HEADER + body)
    except ValueError:
        return
    alike(loads(dumps(section)), section)


# ---------------------------------------------------------------- loads


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        HEADER,
        HEADER[:-1] + b"\x02\x00",
        b"\x00" * 20,
        payload("01 61 08"),
        payload("01 61 0a 08 78"),
        payload("01 61 0b 02"),
        payload("00 08 01"),
        payload("01 61 0e 00"),
        payload("01 61 08 01", "01 61 08 01"),
        payload("01 61 86 fdff"),
        HEADER + b"\x08\x01a\x08\x01",
    ],
)
def test_what_monerod_refuses(wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        loads(wrong)


def test_what_monerod_accepts() -> None:
    assert loads(payload("01 61 08 01") + b"\x00" * 50) == {"a": 1}
    assert loads(payload("01 61 0a 0d00 787878")) == {"a": b"xxx"}


def test_arrays_of_empty_strings() -> None:
    """monerod reckons with two bytes a string: three empty ones need six bytes to the end of the
    payload, though they take three.
    """
    three = dumps({"a": [b"", b"", b""]})
    with pytest.raises(ValueError, match="longer"):
        loads(three)
    with pytest.raises(ValueError, match="longer"):
        loads(three + b"\x00\x00")
    assert loads(three + b"\x00\x00\x00") == {"a": [b"", b"", b""]}


def test_nested_as_deep_as_monerod_reads() -> None:
    def nested(depth: int) -> dict[str, Any]:
        return {"a": nested(depth - 1)} if depth else {}

    assert loads(dumps(nested(31))) == nested(31)
    with pytest.raises(ValueError, match=r"\w"):
        loads(dumps(nested(40)))


def test_buffers() -> None:
    data = payload("01 61 08 01")
    for buffer in (bytearray(data), memoryview(data), memoryview(b"xx" + data)[2:]):
        assert loads(buffer) == {"a": 1}
    for wrong in ("text", None, 5, [1]):
        with pytest.raises(TypeError):
            loads(wrong)  # type: ignore[arg-type]


def test_buffer_that_changes_while_it_is_read() -> None:
    """What comes out is what the buffer held at the call, also through a view that is read-only
    itself.
    """
    data = payload("01 61 08 01", "01 62 0a 10 74657874")
    for view in (lambda buffer: buffer, memoryview, lambda buffer: memoryview(buffer).toreadonly()):
        buffer = bytearray(data)

        def overwrite(value: int, buffer: bytearray = buffer) -> int:
            buffer[:] = b"\xff" * len(buffer)
            return value

        types = (*epee.TYPES[:8], overwrite, *epee.TYPES[9:])
        assert _core.epee_loads(view(buffer), types) == {"a": 1, "b": b"text"}
        assert set(buffer) == {0xFF}


# ---------------------------------------------------------------- dumps


@pytest.mark.parametrize(
    ("value", "entry"),
    [
        (0, "05 0000000000000000"),
        (2**64 - 1, "05 ffffffffffffffff"),
        (-1, "01 ffffffffffffffff"),
        (-(2**63), "01 0000000000000080"),
        (np.int16(-2), "03 feff"),
        (np.uint8(7), "08 07"),
        (np.uint64(2**64 - 1), "05 ffffffffffffffff"),
        (np.float32(1.5), "09 000000000000f83f"),
        (np.bool_(True), "0b 01"),
        ("é", "0a 08 c3a9"),
        (bytearray(b"x"), "0a 04 78"),
        (memoryview(b"x"), "0a 04 78"),
        ([1, 2], "85 08 0100000000000000 0200000000000000"),
        ([1, -2], "81 08 0100000000000000 feffffffffffffff"),
        ((UInt8(1),), "88 04 01"),
        (["x", b"y"], "8a 08 04 78 04 79"),
        ([True, False], "8b 08 01 00"),
        ([{}], "8c 04 00"),
        (Array([1, 2], Type.UINT8), "88 08 01 02"),
        (Array([1, 2]), "85 08 0100000000000000 0200000000000000"),
        (Array([1], Type.DOUBLE), "89 04 000000000000f03f"),
        (Array([], 13), "8d 00"),
        (np.array([1, 2], dtype=">u2"), "87 08 0100 0200"),
        (np.array([], dtype=np.int8), "84 00"),
        (np.array([True]), "8b 04 01"),
        (np.array([1.5], dtype=np.float32), "89 04 000000000000f83f"),
    ],
    ids=str,
)
def test_python_values(value: Any, entry: str) -> None:
    assert dumps({"a": value}) == payload("01 61" + entry)


@pytest.mark.parametrize(
    "value",
    [
        None,
        object(),
        1j,
        {1, 2},
        [],
        (),
        [1, "x"],
        [UInt8(1), 2],
        [True, 1],
        [[1]],
        [None],
        {"b": None},
        {1: 2},
        np.zeros((2, 2)),
        np.array(["x"]),
        np.array([1 + 1j]),
    ]
    + [
        Array([b"x"], Type.UINT8),
        Array([1], Type.STRING),
        Array([True], Type.UINT8),
        Array([1], Type.BOOL),
        Array([1], Type.OBJECT),
        Array([[1]], Type.ARRAY),
    ],
    ids=repr,
)
def test_values_of_no_type(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^a"):
        dumps({"a": value})


@pytest.mark.parametrize(
    "value",
    [
        UInt8(256),
        UInt8(-1),
        Int8(128),
        Int64(2**63),
        UInt64(-1),
        2**64,
        -(2**63) - 1,
        [1, 2**64],
        [-1, 2**63],
        Array([256], Type.UINT8),
        {"b": UInt8(256)},
        Array([10**400], Type.DOUBLE),
    ],
    ids=lambda value: str(value)[:30],
)
def test_numbers_that_do_not_fit(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^a.* does not fit an epee"):
        dumps({"a": value})


def test_names() -> None:
    for wrong in ("", b"", "x" * 255, "é" * 128):
        with pytest.raises(ValueError, match="1 to 254"):
            dumps({wrong: 1})
    with pytest.raises(ValueError, match="occurs twice"):
        dumps({"a": 1, b"a": 2})
    with pytest.raises(TypeError, match="neither str nor bytes"):
        dumps({1: 2})  # type: ignore[dict-item]


@pytest.mark.parametrize("wrong", [None, [], b"", 5, [("a", 1)]])
def test_only_mappings(wrong: Any) -> None:
    with pytest.raises(TypeError, match="must be a mapping"):
        dumps(wrong)


def test_endless_nesting() -> None:
    snake: dict[str, Any] = {}
    snake["a"] = snake
    with pytest.raises(ValueError, match="nested deeper"):
        dumps(snake)


def test_the_error_states_the_place() -> None:
    with pytest.raises(ValueError, match=r"^peers\[1\]\.port: 65536 does not fit an epee uint16$"):
        dumps({"peers": [{"port": UInt16(1)}, {"port": UInt16(65536)}]})


# ---------------------------------------------------------------- the classes


def test_integers_are_ints() -> None:
    for kind in INTEGERS:
        assert kind(5) == 5
        assert type(kind(5) + 1) is int
        for again in (pickle.loads(pickle.dumps(kind(5))), copy.deepcopy(kind(5))):
            assert type(again) is kind
        assert not hasattr(kind(5), "__dict__")


def test_arrays_are_lists() -> None:
    array = Array([1, 2], Type.UINT8)
    assert array == [1, 2]
    assert array.type is Type.UINT8
    assert Array([]).type is None
    assert Array(iter("ab"), type=10) == ["a", "b"]
    for again in (pickle.loads(pickle.dumps(array)), copy.deepcopy(array), copy.copy(array)):
        alike(again, array)
    with pytest.raises(ValueError, match="14"):
        Array([], 14)


def test_doubles_bit_by_bit() -> None:
    nan = bytes.fromhex("010000000000f87f")
    data = payload("01 61 09" + nan.hex())
    assert struct.pack("<d", loads(data)["a"]) == nan
    assert dumps(loads(data)) == data
