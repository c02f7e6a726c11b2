"""The table `fields`: every epee entry of every whole message, flat."""

from __future__ import annotations

import struct
from typing import Any

import monerotraffic as mt
from support import craft
from support.craft import EMPTY, Raw, epee

from ._build import CLIENT, PING, PONG, SERVER, Wire, seen
from ._case import Expect, Row, case, cases

NOTHING: Row = dict.fromkeys(("elements", "value_int", "value_uint", "value_float", "value_bytes"))
ALL = {"tables": mt.TABLES}


def row(position: int, parent: int, depth: int, key: str | None, kind: int, **value: Any) -> Row:
    return {
        "position": position,
        "parent": parent,
        "depth": depth,
        "key": key,
        "type": kind,
        **NOTHING,
        **value,
    }


def case_of(*buckets: bytes, rows: list[Row] | None, **columns: Any) -> Expect:
    wire = Wire()
    talk = wire.talk()
    for bucket in buckets:
        talk.say(CLIENT, bucket)
    return Expect(seen(wire), fields=rows, options=ALL, **columns)


@case
def a_ping_and_its_answer() -> Expect:
    """The request has no entry, hence no row."""
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    rows = [
        {"message": 1, **row(0, -1, 0, "peer_id", 5, value_uint=0x1122334455667788)},
        {"message": 1, **row(1, -1, 0, "status", 10, value_bytes=b"OK")},
    ]
    return Expect(seen(wire), fields=rows, options=ALL, totals={})


@case
def a_peer_list() -> Expect:
    peers = [
        craft.peer("192.0.2.1", 18080, 2**64 - 1),
        craft.peer("2001:db8::1", 1, 0, last_seen=("i64", 5)),
    ]
    rows = [
        row(0, -1, 0, "local_peerlist_new", 0x8C, elements=2),
        row(1, 0, 1, None, 12, elements=2),
        row(2, 1, 2, "adr", 12, elements=2),
        row(3, 2, 3, "addr", 12, elements=2),
        row(4, 3, 4, "m_ip", 6, value_uint=0x010200C0),
        row(5, 3, 4, "m_port", 7, value_uint=18080),
        row(6, 2, 3, "type", 8, value_uint=1),
        row(7, 1, 2, "id", 5, value_uint=2**64 - 1),
        row(8, 0, 1, None, 12, elements=3),
        row(9, 8, 2, "adr", 12, elements=2),
        row(10, 9, 3, "addr", 12, elements=2),
        row(11, 10, 4, "addr", 10, value_bytes=bytes.fromhex("20010db8" + "00" * 11 + "01")),
        row(12, 10, 4, "m_port", 7, value_uint=1),
        row(13, 9, 3, "type", 8, value_uint=2),
        row(14, 8, 2, "id", 5, value_uint=0),
        row(15, 8, 2, "last_seen", 1, value_int=5),
    ]
    return case_of(craft.response(1002, epee({"local_peerlist_new": peers})), rows=rows)


@case
def every_type() -> Expect:
    body: dict[str, Any] = {
        f"n{code}": (kind, 7)
        for code, kind in enumerate(("i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8"), 1)
    }
    body |= {"f": ("f64", 0.25), "s": b"", "b": True, "o": {}, "e": ("u8", [])}
    rows = [
        row(i, -1, 0, f"n{i + 1}", i + 1, **{"value_int" if i < 4 else "value_uint": 7})
        for i in range(8)
    ]
    rows += [
        row(8, -1, 0, "f", 9, value_float=0.25),
        row(9, -1, 0, "s", 10, value_bytes=b""),
        row(10, -1, 0, "b", 11, value_uint=1),
    ]
    rows += [row(11, -1, 0, "o", 12, elements=0), row(12, -1, 0, "e", 0x88, elements=0)]
    return case_of(craft.request(1003, epee(body)), rows=rows)


@case
def negative_numbers_and_great_ones() -> Expect:
    body = {"a": ("i64", -1), "b": ("u64", 2**64 - 1), "c": ("i8", -128), "d": ("i16", [-2, 2])}
    rows = [
        row(0, -1, 0, "a", 1, value_int=-1),
        row(1, -1, 0, "b", 5, value_uint=2**64 - 1),
        row(2, -1, 0, "c", 4, value_int=-128),
    ]
    rows += [
        row(3, -1, 0, "d", 0x83, elements=2),
        row(4, 3, 1, None, 3, value_int=-2),
        row(5, 3, 1, None, 3, value_int=2),
    ]
    return case_of(craft.request(1003, epee(body)), rows=rows)


@case
def arrays() -> Expect:
    body = {
        "s": [b"x", b"\xff"],
        "b": [True, False],
        "f": ("f64", [1.5]),
        "t": Raw(b"\x0d\x88\x04\x09"),
    }
    rows = [
        row(0, -1, 0, "s", 0x8A, elements=2),
        row(1, 0, 1, None, 10, value_bytes=b"x"),
        row(2, 0, 1, None, 10, value_bytes=b"\xff"),
    ]
    rows += [
        row(3, -1, 0, "b", 0x8B, elements=2),
        row(4, 3, 1, None, 11, value_uint=1),
        row(5, 3, 1, None, 11, value_uint=0),
    ]
    rows += [
        row(6, -1, 0, "f", 0x89, elements=1),
        row(7, 6, 1, None, 9, value_float=1.5),
        row(8, -1, 0, "t", 0x88, elements=1),
        row(9, 8, 1, None, 8, value_uint=9),
    ]
    return case_of(craft.request(1003, epee(body)), rows=rows)


@case
def unknown_commands_too() -> Expect:
    """Whose payloads need not be epee at all."""
    buckets = (
        craft.notification(2013, epee({"x": ("u8", 1)})),
        craft.notification(2015, b"no epee"),
        craft.notification(2013, b""),
        craft.notification(2014, EMPTY),
    )
    return case_of(
        *buckets, rows=[{"message": 0, **row(0, -1, 0, "x", 8, value_uint=1)}], totals={}
    )


@case
def error_responses_too() -> Expect:
    """monerod does not read them, and neither do the other tables."""
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(
        SERVER, craft.response(1003, epee({"peer_id": ("u64", 5)}), -1)
    )
    return Expect(
        seen(wire),
        fields=[{"message": 1, **row(0, -1, 0, "peer_id", 5, value_uint=5)}],
        node_data=[],
        options=ALL,
        totals={},
    )


@cases(
    {
        "duplicate key": ([("a", ("u8", 1)), ("a", ("u8", 2))], 2),
        "wrong type": ([("peer_id", b"x"), ("z", ("u8", 1))], 2),
        "bad bool": ([("a", ("u8", 1)), ("b", Raw(b"\x0b\x02"))], 1),
    }
)
def of_what_monerod_refuses_as_far_as_it_was_read(entries: Any, count: int) -> Expect:
    def check(traffic: Any) -> None:
        assert traffic.messages["status"].tolist() == ["malformed"]
        assert len(traffic.fields) == count
        assert traffic.node_data.empty

    return case_of(craft.response(1003, epee(entries)), rows=None, check=check)


@case
def a_message_with_too_many() -> Expect:
    """The limit leaves out what goes beyond it, and tells."""

    def check(traffic: Any) -> None:
        assert traffic.fields["position"].tolist() == [0, 1, 2, 0, 1, 2]
        assert traffic.problems[["kind", "bytes", "frame"]].to_numpy().tolist() == [["limit", 0, 4]]

    many = craft.request(1003, epee({"a": ("u8", list(range(9)))}))
    few = craft.request(1003, epee({"a": ("u8", [1, 2])}))
    expect = case_of(many, few, rows=None, check=check)
    expect.options = {**ALL, "limits": {"message_fields": 3}}
    return expect


@case
def keys_are_any_bytes() -> Expect:
    return case_of(
        craft.request(1003, epee({b"\xff,\n": ("u8", 1)})),
        rows=[row(0, -1, 0, "\\xff,\n", 8, value_uint=1)],
    )


@case
def a_hash_list_is_one_string() -> Expect:
    ids = struct.pack("<8Q", *range(8))
    return case_of(
        craft.notification(2010, epee({"hashes": ids})),
        rows=[row(0, -1, 0, "hashes", 10, value_bytes=ids)],
    )


@case
def only_if_asked_for() -> Expect:
    def check(traffic: Any) -> None:
        assert not hasattr(traffic, "fields")
        assert "fields" not in traffic.arrays

    wire = Wire()
    wire.talk().say(CLIENT, PING)
    return Expect(seen(wire), check=check)
