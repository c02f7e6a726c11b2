"""How a payload was written: the fingerprint columns of `messages`."""

from __future__ import annotations

from typing import Any

from support import craft
from support.craft import Raw, epee, payload_data, varint

from ._build import CLIENT, HELLO, PING, PONG, SERVER, SYNC, SYNCED, WELCOME, Wire, seen
from ._case import Expect, Row, case, cases, message, notification, request, response

CLEAN: Row = {
    "keys_ordered": True,
    "unknown_keys": 0,
    "duplicate_keys": 0,
    "wide_varints": 0,
    "other_types": 0,
    "default_fields": 0,
    "trailing": 0,
}
MISSING: Row = dict.fromkeys([*CLEAN, "skeleton"])


def written(command: int, payload: bytes, status: str = "complete", **columns: Any) -> Expect:
    """A request with that payload."""
    wire = Wire()
    wire.talk().say(CLIENT, craft.request(command, payload))
    return Expect(
        seen(wire), messages=[request(command, status=status, **{**CLEAN, **columns})], totals=None
    )


@case
def standard_messages() -> Expect:
    wire = Wire()
    talk = wire.talk()
    for data in (HELLO, WELCOME, SYNC, SYNCED, PING, PONG):
        talk.say(CLIENT if data in (HELLO, SYNC, PING) else SERVER, data)
    talk.say(CLIENT, craft.notification(2002, craft.transactions([], fluff=False)))
    rows = [
        request(1001, id="a"),
        response(1001, reply="a"),
        request(1002, id="b"),
        response(1002, reply="b"),
        request(1003, id="c"),
        response(1003, reply="c"),
        notification(2002),
    ]
    return Expect(seen(wire), messages=[{**row, **CLEAN} for row in rows], totals={})


@cases(
    {
        "keys in descending order": (
            dict(reversed(payload_data().items())),
            {"keys_ordered": False},
        ),
        "an unknown key": ({**payload_data(), "x": ("u8", 1)}, {"unknown_keys": 1}),
        "an unknown object, whose inside is nobody's business": (
            {**payload_data(), "x": {"y": ("u8", 1), "z": ("u8", 1)}},
            {"unknown_keys": 1},
        ),
        "a u32 as u64, a u8 as i32": (
            payload_data(pruning_seed=None)
            | {"pruning_seed": ("u64", 384), "top_version": ("i32", 16)},
            {"other_types": 2, "keys_ordered": False},
        ),
        "defaults": (
            {**payload_data(top_version=0), "pruning_seed": ("u32", 0)},
            {"default_fields": 2, "keys_ordered": False},
        ),
        "a default of another type": (
            payload_data() | {"top_version": ("u32", 0)},
            {"other_types": 1, "default_fields": 1},
        ),
        "a wide length": (
            {**payload_data(), "top_id": Raw(b"\x0a" + varint(32, 4) + bytes(32))},
            {"wide_varints": 1},
        ),
    }
)
def payload_data_written(fields: dict[str, Any], columns: Row) -> Expect:
    return written(1002, epee({"payload_data": fields}), **columns)


@case
def bytes_after_the_root() -> Expect:
    return written(1002, craft.timed_sync_request() + bytes(7), trailing=7)


@case
def a_wide_count_of_the_root() -> Expect:
    return written(1003, craft.EPEE_HEADER + varint(0, 8), wide_varints=1)


@case
def an_empty_list() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, SYNC).say(
        SERVER,
        craft.response(
            1002, epee([("local_peerlist_new", Raw(b"\x8c\0")), ("payload_data", payload_data())])
        ),
    )
    return Expect(
        seen(wire),
        messages=[
            request(1002, id="a", **CLEAN),
            response(1002, reply="a", **{**CLEAN, "default_fields": 1}),
        ],
        totals={},
    )


@case
def duplicate_keys_are_counted_where_monerod_refuses_them() -> Expect:
    body = epee(
        [
            ("payload_data", payload_data()),
            ("a", ("u8", 1)),
            ("b", ("u8", 1)),
            ("a", ("u8", 2)),
            ("a", ("u8", 3)),
        ]
    )
    return written(
        1002,
        body,
        "malformed",
        duplicate_keys=2,
        keys_ordered=False,
        unknown_keys=4,
        trailing=None,
        skeleton=None,
    )


@cases(
    {
        "no epee header": craft.request(1002, b"\0" * 40),
        "an unknown command": craft.request(2013, craft.EMPTY),
        "an error": craft.response(1003, b"", -1),
        "noise": craft.noise(300),
        "a message that is cut": craft.request(1002, craft.timed_sync_request())[:-1],
    }
)
def no_fingerprint(bucket: bytes) -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, bucket)

    def check(traffic: Any) -> None:
        assert len(traffic.messages) == 1
        assert traffic.messages[list(MISSING)].isna().all(axis=None)

    return Expect(seen(wire), check=check)


def same_or_not(pairs: list[tuple[bytes, bytes, bool]]) -> Expect:
    """Pairs of 1002 responses: whether their skeletons are to be the same."""
    wire = Wire()
    talk = wire.talk()
    for pair in pairs:
        for payload in pair[:2]:
            talk.say(CLIENT, SYNC).say(SERVER, craft.response(1002, payload))

    def check(traffic: Any) -> None:
        messages = traffic.messages
        skeletons = [
            int(value) for value in messages.loc[messages["kind"] == "response", "skeleton"]
        ]
        for i, (_, _, same) in enumerate(pairs):
            assert (skeletons[2 * i] == skeletons[2 * i + 1]) == same, i

    return Expect(seen(wire), check=check, totals={})


@case
def skeletons_of_one_implementation() -> Expect:
    v4, v6, tor = (
        craft.peer("192.0.2.1", 1, 2),
        craft.peer("2001:db8::1", 1, 2),
        craft.peer("a" * 56 + ".onion", 1, 2),
    )
    plain = craft.timed_sync_response()
    return same_or_not(
        [
            (plain, craft.timed_sync_response([v4]), True),
            (plain, craft.timed_sync_response([v4] * 9), True),
            (plain, craft.timed_sync_response([v6, v4, tor]), True),
            (
                plain,
                craft.timed_sync_response(
                    [
                        craft.peer(
                            "192.0.2.1", 1, 2, pruning_seed=("u32", 384), rpc_port=("u16", 18089)
                        )
                    ]
                ),
                True,
            ),
            (
                plain,
                craft.timed_sync_response([craft.peer("192.0.2.1", 1, 2, last_seen=("i64", 5))]),
                True,
            ),
            (plain, craft.timed_sync_response(None, payload_data(1, b"\1" * 32, 2, 3, 384)), True),
        ]
    )


@case
def skeletons_of_others() -> Expect:
    plain, sync = craft.timed_sync_response(), payload_data()
    odd = craft.peer("192.0.2.1", 1, 2, last_seen=("u64", 5))
    without = {key: value for key, value in sync.items() if key != "cumulative_difficulty_top64"}
    swapped = {
        key: sync[key]
        for key in (
            "current_height",
            "cumulative_difficulty",
            "cumulative_difficulty_top64",
            "top_id",
            "top_version",
        )
    }
    return same_or_not(
        [
            (plain, epee({"payload_data": without}), False),
            (plain, epee({"payload_data": swapped}), False),
            (plain, epee({"payload_data": {**sync, "x": ("u8", 1)}}), False),
            (plain, epee({"payload_data": {**sync, "current_height": ("u32", 1)}}), False),
            (plain, craft.timed_sync_response([odd]), False),
            (craft.timed_sync_response([odd]), craft.timed_sync_response([odd, odd]), True),
            (
                craft.timed_sync_response([odd]),
                craft.timed_sync_response([craft.peer("2001:db8::1", 1, 2), odd]),
                True,
            ),
        ]
    )


@case
def a_payload_padded_within_fragments() -> Expect:
    """Padding behind the inner bucket is no part of the payload."""
    wire = Wire()
    talk = wire.talk()
    for piece in craft.fragments(PING, 60):
        talk.say(CLIENT, piece)
    return Expect(
        seen(wire),
        messages=[message(1003, "request", fragments=2, **CLEAN)],
        envelopes=2 * 60 - len(PING),
    )
