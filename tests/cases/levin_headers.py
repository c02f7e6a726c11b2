"""Levin: buckets and segments, header fields, lengths."""

from __future__ import annotations

from typing import Any

from support import craft
from support.craft import EMPTY, bucket

from ._build import (
    CLIENT,
    FLAGS,
    HELLO,
    PING,
    PONG,
    SERVER,
    SYNC,
    WELCOME,
    T,
    Wire,
    filler,
    news,
    seen,
)
from ._case import Expect, case, cases, notification, request, response
from ._levin import SHAKEN, started

# ---------------------------------------------------------------- buckets and segments


@case
def a_thousand_messages_in_one_segment() -> Expect:
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING * 1000)
    talk.say(SERVER, PONG * 500).say(SERVER, PONG * 500)
    pings = [
        request(1003, frame=4, segments=1, first_segment=43, shared=True, id=f"{i}")
        for i in range(1000)
    ]
    pongs = [
        response(1003, frame=5 + i // 500, segments=1, first_segment=71, shared=True, reply=f"{i}")
        for i in range(1000)
    ]
    return Expect(
        seen(wire),
        messages=pings + pongs,
        totals={},
        connections=[{"client_messages": 1000, "server_messages": 1000}],
    )


@case
def a_message_in_segments_of_one_byte() -> Expect:
    wire = Wire()
    wire.talk().cuts(CLIENT, HELLO, *[1] * 294).say(SERVER, WELCOME)
    return Expect(
        seen(wire),
        messages=[
            request(
                1001,
                frame=4,
                end_frame=298,
                time=T(4),
                end_time=T(298),
                segments=295,
                first_segment=1,
                shared=False,
                captured=262,
                id="h",
            ),
            response(1001, frame=299, reply="h"),
        ],
        totals={},
        node_data=[{"message": 0}, {"message": 1}],
    )


@cases(list(range(1, 34)))
def header_cut_at(size: int) -> Expect:
    """The first message of the connection, and the next one, in two segments each."""
    wire = Wire()
    wire.talk().cuts(CLIENT, HELLO, size).cuts(CLIENT, SYNC, size)
    return Expect(
        seen(wire),
        messages=[
            request(1001, frame=4, end_frame=5, segments=2, first_segment=size, shared=False),
            request(1002, frame=6, end_frame=7, segments=2, first_segment=size, shared=False),
        ],
        totals={},
    )


@case
def signature_alone_first() -> Expect:
    """As a write of its own, then header and body; on a port of no one."""
    wire = Wire()
    wire.talk(server_port=4444).cuts(CLIENT, HELLO, 8, 25).say(SERVER, WELCOME)
    return Expect(
        seen(wire),
        messages=[
            request(1001, frame=4, end_frame=6, segments=3, first_segment=8, id="h"),
            response(1001, frame=7, reply="h"),
        ],
        totals={},
    )


@case
def messages_that_share_segments() -> Expect:
    """Three messages in two segments: the middle one lies in both."""
    wire = Wire()
    wire.talk().say(CLIENT, PING + SYNC[:10]).say(CLIENT, SYNC[10:] + FLAGS).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            request(1003, frame=4, end_frame=4, segments=1, first_segment=43, shared=True),
            request(1002, frame=4, end_frame=5, segments=2, first_segment=10, shared=True),
            request(1007, frame=5, end_frame=5, segments=1, first_segment=43, shared=True),
            request(1003, frame=6, segments=1, shared=False),
        ],
        totals={},
    )


@case
def last_byte_with_the_next_message() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, SYNC[:204]).say(CLIENT, SYNC[204:] + PING)
    return Expect(
        seen(wire),
        messages=[
            request(1002, frame=4, end_frame=5, segments=2, first_segment=204, shared=True),
            request(1003, frame=5, segments=1, first_segment=43, shared=True),
        ],
        totals={},
    )


@case
def message_over_many_segments() -> Expect:
    """A megabyte in 691 segments, with a message of the other side in between."""
    wire, talk = started()
    message = news(1_000_000)  # 1,000,033 bytes = 690 × 1448 + 913
    for i in range(691):
        if i == 300:
            talk.say(CLIENT, PING)
        talk.say(SERVER, message[i * 1448 : i * 1448 + 1448])
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1003, frame=306),
            notification(
                2002,
                frame=6,
                end_frame=697,
                length=1_000_000,
                captured=1_000_000,
                segments=691,
                first_segment=1448,
            ),
        ],
        totals={},
    )


@case
def commands_and_their_names() -> Expect:
    """Each known command as a notification or request with a minimal payload."""
    names = {
        1001: "HANDSHAKE",
        1002: "TIMED_SYNC",
        1003: "PING",
        1004: "REQUEST_STAT_INFO",
        1005: "REQUEST_NETWORK_STATE",
        1006: "REQUEST_PEER_ID",
        1007: "REQUEST_SUPPORT_FLAGS",
        2001: "NEW_BLOCK",
        2002: "NEW_TRANSACTIONS",
        2003: "REQUEST_GET_OBJECTS",
        2004: "RESPONSE_GET_OBJECTS",
        2006: "REQUEST_CHAIN",
        2007: "RESPONSE_CHAIN_ENTRY",
        2008: "NEW_FLUFFY_BLOCK",
        2009: "REQUEST_FLUFFY_MISSING_TX",
        2010: "GET_TXPOOL_COMPLEMENT",
        2011: "TX_POOL_HASH",
        2012: "REQUEST_TX_POOL_TXS",
    }
    wire = Wire()
    talk = wire.talk()
    for command in names:
        talk.say(CLIENT, craft.request(command) if command < 2000 else craft.notification(command))
    return Expect(
        seen(wire),
        messages=[
            (request if command < 2000 else notification)(command, name=name)
            for command, name in names.items()
        ],
        totals={},
    )


# ---------------------------------------------------------------- header fields


@case
def another_version() -> Expect:
    """In step with the stream the signature decides."""
    wire, talk = started()
    talk.say(CLIENT, bucket(1003, EMPTY, expect=1, version=2)).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[*SHAKEN, request(1003, version=2, frame=6), request(1003, version=1, frame=7)],
        totals={},
    )


@cases([0, 1, 999, 1008, 2000, 2005, 2013, 3000, 0xFFFFFFFF])
def unknown_command(command: int) -> Expect:
    """Nobody knows what its payload means, so nobody can call it malformed."""
    wire, talk = started()
    talk.say(CLIENT, bucket(command, b"whatever", expect=1)).say(
        SERVER, bucket(command, b"", flags=2, return_code=-6)
    ).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(command, name="UNKNOWN", length=8, id="what"),
            response(command, name="UNKNOWN", length=0, return_code=-6, reply="what"),
            request(1003),
        ],
        totals={},
    )


@case
def both_request_and_response() -> Expect:
    """Flags 3 in version 1 are a response."""
    wire, talk = started()
    talk.say(CLIENT, PING).say(
        SERVER, bucket(1003, craft.ping_response(), flags=3, return_code=1)
    ).say(CLIENT, FLAGS)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1003, id="p"),
            response(1003, levin_flags=3, reply="p"),
            request(1007),
        ],
        totals={},
    )


@case
def reserved_flags() -> Expect:
    """Bits above the lowest four say nothing."""
    wire, talk = started()
    talk.say(CLIENT, bucket(1003, EMPTY, flags=17, expect=1)).say(
        SERVER, bucket(1003, craft.ping_response(), flags=0x8000_0002, return_code=1)
    )
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1003, levin_flags=17, id="p"),
            response(1003, levin_flags=0x8000_0002, reply="p"),
        ],
        totals={},
    )


@cases({"begin": 5, "end": 9, "both": 13})
def fragment_bits_on_a_request(flags: int) -> Expect:
    """They mean nothing where Q is set."""
    wire, talk = started()
    talk.say(CLIENT, bucket(1003, EMPTY, flags=flags, expect=1)).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1003, levin_flags=flags, fragments=1, id="p"),
            response(1003, reply="p"),
        ],
        totals={},
    )


@cases([2, 128, 255])
def expect_byte(value: int) -> Expect:
    """Any value but 0 asks for a response."""
    wire, talk = started()
    talk.say(CLIENT, bucket(1003, EMPTY, expect=value)).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[*SHAKEN, request(1003, expects_response=True, id="p"), response(1003, reply="p")],
        totals={},
    )


@cases([-1, -2, -3, -4, -5, -6, -7, -(1 << 31)])
def refusal(code: int) -> Expect:
    """An empty body is sound where the return code is negative."""
    wire, talk = started()
    talk.say(CLIENT, SYNC).say(SERVER, craft.response(1002, b"", code)).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1002, id="s"),
            response(1002, return_code=code, length=0, captured=0, first_segment=33, reply="s"),
            request(1003),
        ],
        totals={},
        sync_data=[{}] * 3,
    )


@cases([0, 1, 2, (1 << 31) - 1])
def empty_body_without_a_refusal(code: int) -> Expect:
    """There is no epee of zero bytes."""
    wire, talk = started()
    talk.say(CLIENT, SYNC).say(SERVER, craft.response(1002, b"", code)).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1002, id="s"),
            response(1002, status="malformed", return_code=code, length=0, captured=0, reply="s"),
            request(1003),
        ],
        totals={"malformed": 33},
    )


@cases({"request": 1, "notification": 0})
def empty_body(expect: int) -> Expect:
    wire, talk = started()
    talk.say(CLIENT, bucket(1002 if expect else 2002, b"", expect=expect)).say(CLIENT, PING)
    message = (
        request(1002, status="malformed") if expect else notification(2002, status="malformed")
    )
    return Expect(
        seen(wire),
        messages=[*SHAKEN, {**message, "length": 0, "captured": 0}, request(1003)],
        totals={"malformed": 33},
    )


@cases(
    {
        "other-bytes": b"\xde\xad\xbe\xef" * 10,
        "magic-alone": craft.EPEE_HEADER,
        "magic-of-another-version": b"\x01\x11\x01\x01\x01\x01\x02\x01\x02\x00",
        "cut": craft.timed_sync_request()[:100],
    }
)
def body_is_no_epee(body: bytes) -> Expect:
    """The length still tells where the next message is."""
    wire, talk = started()
    talk.say(CLIENT, craft.request(1002, body)).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1002, status="malformed", length=len(body), captured=len(body)),
            request(1003),
        ],
        totals={"malformed": 33 + len(body)},
        sync_data=[{}, {}],
    )


@case
def return_code_of_a_request() -> Expect:
    """Odd, but told as it is."""
    wire, talk = started()
    talk.say(CLIENT, bucket(1003, EMPTY, expect=1, return_code=-77)).say(
        SERVER, craft.response(1003, craft.ping_response(), 0)
    )
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1003, return_code=-77, id="p"),
            response(1003, return_code=0, reply="p"),
        ],
        totals={},
    )


@case
def padded_message() -> Expect:
    """Zeros after the root section are no fault: a node that pads to the size of noise does
    this.
    """
    wire, talk = started()
    body = craft.transactions([b"\x02" * 100])
    talk.say(CLIENT, craft.notification(2002, body.ljust(3039, b"\0"))).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            notification(2002, length=3039, captured=3039, trailing=3039 - len(body)),
            request(1003),
        ],
        totals={"blob": 0},
    )


# ---------------------------------------------------------------- lengths


@cases(
    {
        "ping": (1003, 4096),
        "flags": (1007, 4096),
        "handshake": (1001, 65536),
        "sync": (1002, 65536),
        "chain": (2006, 524288),
        "fluffy-missing": (2009, 1048576),
    }
)
def length_at_the_limit(command: int, limit: int) -> Expect:
    wire, talk = started()
    message = (
        craft.request(command, filler(limit))
        if command < 2000
        else craft.notification(command, filler(limit))
    )
    talk.cuts(CLIENT, message, *[60000] * (limit // 60000)).say(CLIENT, PING)
    row = request(command, length=limit) if command < 2000 else notification(command, length=limit)
    return Expect(seen(wire), messages=[*SHAKEN, row, request(1003)], totals={})


@cases(
    {
        "ping": (1003, 4097),
        "flags": (1007, 4097),
        "handshake": (1001, 65537),
        "sync": (1002, 65537),
        "chain": (2006, 524289),
        "fluffy-missing": (2009, 1048577),
    }
)
def length_over_the_limit(command: int, length: int) -> Expect:
    """monerod hangs up; here the next message is found where the length says."""
    wire, talk = started()
    message = (
        craft.request(command, filler(length))
        if command < 2000
        else craft.notification(command, filler(length))
    )
    talk.cuts(CLIENT, message, *[60000] * (length // 60000)).say(CLIENT, PING)
    row = (
        request(command, status="oversize", length=length, captured=length)
        if command < 2000
        else notification(command, status="oversize", length=length, captured=length)
    )
    return Expect(
        seen(wire), messages=[*SHAKEN, row, request(1003)], totals={"oversize": 33 + length}
    )


@case
def length_over_256_kib_before_the_handshake() -> Expect:
    """monerod would hang up; here only the limit of the command and 100,000,000 count, so that
    nothing readable is lost.
    """
    wire = Wire()
    wire.talk().cuts(CLIENT, news(262_145), *[60000] * 4).say(CLIENT, PING)
    return Expect(
        seen(wire), messages=[notification(2002, length=262_145), request(1003)], totals={}
    )


@case
def length_after_the_handshake() -> Expect:
    wire, talk = started()
    talk.cuts(SERVER, news(300_000), *[60000] * 5).cuts(CLIENT, news(300_001), *[60000] * 5)
    return Expect(
        seen(wire),
        messages=[*SHAKEN, notification(2002, length=300_000), notification(2002, length=300_001)],
        totals={},
    )


@cases(
    {
        "100MB+1": 100_000_001,
        "2^31": 1 << 31,
        "2^32+1": (1 << 32) + 1,
        "2^63": 1 << 63,
        "2^64-1": (1 << 64) - 1,
        "2^64-33": (1 << 64) - 33,
    }
)
def length_beyond_belief(length: int) -> Expect:
    """Nothing of it is believed: the next sound header counts."""
    wire, talk = started()
    talk.say(CLIENT, bucket(2002, b"\x77" * 100, length=length)).say(CLIENT, PING).say(
        SERVER, PONG
    ).say(CLIENT, SYNC)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            notification(2002, status="oversize", length=length, frame=6),
            request(1003, frame=7, id="p"),
            response(1003, reply="p"),
            request(1002, frame=9),
        ],
        check=lambda traffic: undecoded(traffic, 133),
    )


def undecoded(traffic: Any, size: int) -> None:
    """Header and stray bytes may be one row of problems or two."""
    assert int(traffic.problems["bytes"].sum()) == size
    assert set(traffic.problems["kind"]) <= {"oversize", "unframed"}


@case
def length_of_a_hundred_megabytes_believed() -> Expect:
    """Exactly the limit, the body never comes."""
    wire, talk = started()
    talk.say(CLIENT, bucket(2004, filler(1000), length=100_000_000))
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            notification(2004, status="truncated", length=100_000_000, captured=1000, frame=6),
        ],
        totals={"truncated": 1033},
    )
