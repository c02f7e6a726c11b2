"""Levin: buckets and segments, headers of all sorts, fragments and noise, other protocols, requests
and responses.
"""

from __future__ import annotations

from typing import Any

from support import craft
from support.craft import EMPTY, bucket

from ._build import (
    CLIENT,
    CLIENT_IP,
    FLAGGED,
    FLAGS,
    HELLO,
    PING,
    PONG,
    POOL,
    SERVER,
    SERVER_IP,
    SYNC,
    SYNCED,
    WELCOME,
    T,
    Talk,
    Wire,
    filler,
    news,
    seen,
)
from ._case import ANY, Expect, case, cases, message, notification, problem, request, response


def started() -> tuple[Wire, Talk]:
    """Hands are shaken in frames 4 and 5."""
    wire = Wire()
    return wire, wire.talk().say(CLIENT, HELLO).say(SERVER, WELCOME)


SHAKEN = [
    request(1001, frame=4, name="HANDSHAKE", length=262, id="hello"),
    response(1001, frame=5, length=262, reply="hello"),
]

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
    made = news(1_000_000)  # 1,000,033 bytes = 690 × 1448 + 913
    for i in range(691):
        if i == 300:
            talk.say(CLIENT, PING)
        talk.say(SERVER, made[i * 1448 : i * 1448 + 1448])
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
        1001: "HANDSHAKE", 1002: "TIMED_SYNC", 1003: "PING", 1004: "REQUEST_STAT_INFO", 1005: "REQUEST_NETWORK_STATE", 1006: "REQUEST_PEER_ID", 1007: "REQUEST_SUPPORT_FLAGS", 2001: "NEW_BLOCK",
        2002: "NEW_TRANSACTIONS", 2003: "REQUEST_GET_OBJECTS", 2004: "RESPONSE_GET_OBJECTS", 2006: "REQUEST_CHAIN", 2007: "RESPONSE_CHAIN_ENTRY", 2008: "NEW_FLUFFY_BLOCK", 2009: "REQUEST_FLUFFY_MISSING_TX",
        2010: "GET_TXPOOL_COMPLEMENT",
    }  # fmt: skip
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


@cases([0, 1, 999, 1008, 2000, 2005, 2011, 3000, 0xFFFFFFFF])
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
    made = request(1002, status="malformed") if expect else notification(2002, status="malformed")
    return Expect(
        seen(wire),
        messages=[*SHAKEN, {**made, "length": 0, "captured": 0}, request(1003)],
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
    made = (
        craft.request(command, filler(limit))
        if command < 2000
        else craft.notification(command, filler(limit))
    )
    talk.cuts(CLIENT, made, *[60000] * (limit // 60000)).say(CLIENT, PING)
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
    made = (
        craft.request(command, filler(length))
        if command < 2000
        else craft.notification(command, filler(length))
    )
    talk.cuts(CLIENT, made, *[60000] * (length // 60000)).say(CLIENT, PING)
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


# ---------------------------------------------------------------- fragments and noise


def wrapped(inner: bytes, size: int = 3072) -> tuple[list[bytes], int]:
    """The Levin fragments of a bucket, and how many bytes more than it they have."""
    made = craft.fragments(inner, size)
    return made, size * len(made) - len(inner)


@cases({"two": (4000, 2), "three": (7000, 3), "twenty": (60_000, 20)})
def fragments(length: int, count: int) -> Expect:
    wire, talk = started()
    made, envelopes = wrapped(craft.notification(2002, filler(length)))
    for piece in made:
        talk.say(CLIENT, piece)
    talk.say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            notification(
                2002,
                length=length,
                captured=length,
                fragments=count,
                frame=6,
                end_frame=5 + count,
                segments=count,
                time=T(6),
                end_time=T(5 + count),
            ),
            request(1003),
        ],
        totals={},
        envelopes=envelopes,
        connections=[{"client_messages": 3}],
    )


@case
def fragments_with_other_messages_between() -> Expect:
    """Whole messages and noise may come between fragments; the answers of the other side too."""
    wire, talk = started()
    made, envelopes = wrapped(craft.notification(2002, filler(7000)))
    talk.say(CLIENT, made[0]).say(CLIENT, PING).say(CLIENT, craft.noise()).say(SERVER, PONG).say(
        CLIENT, made[1] + SYNC
    ).say(CLIENT, made[2])
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1003, frame=7, fragments=1, id="p"),
            message(0, "noise", frame=8, levin_flags=12, length=3039, captured=3039, fragments=1),
            response(1003, frame=9, reply="p"),
            request(1002, frame=10),
            notification(2002, length=7000, fragments=3, frame=6, end_frame=11, segments=3),
        ],
        totals={},
        envelopes=envelopes,
    )


@case
def fragments_cut_by_segments() -> Expect:
    """Two fragments in segments that know nothing of them."""
    wire, talk = started()
    made, envelopes = wrapped(craft.notification(2002, filler(4000)))
    talk.cuts(CLIENT, b"".join(made), *[1000] * 6)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            notification(
                2002,
                length=4000,
                fragments=2,
                frame=6,
                end_frame=12,
                segments=7,
                first_segment=1000,
            ),
        ],
        totals={},
        envelopes=envelopes,
    )


@case
def fragments_of_a_request() -> Expect:
    """The inner header counts: its answer is paired, its payload decoded. Fragments of 133 bytes
    here.
    """
    wire = Wire()
    talk = wire.talk()
    made, envelopes = wrapped(HELLO, 133)
    for piece in made:
        talk.say(CLIENT, piece)
    back, more = wrapped(WELCOME, 133)
    for piece in back:
        talk.say(SERVER, piece)
    return Expect(
        seen(wire),
        messages=[
            request(1001, length=262, fragments=3, frame=4, end_frame=6, id="h"),
            response(1001, length=262, fragments=3, frame=7, end_frame=9, reply="h"),
        ],
        node_data=[{"message": 0, "my_port": 18080}, {"message": 1}],
        sync_data=[{"message": 0}, {"message": 1}],
        totals={},
        envelopes=envelopes + more,
    )


@case
def fragment_that_is_the_only_one() -> Expect:
    """An E without a B, with a whole bucket inside, is taken by monerod."""
    wire, talk = started()
    talk.say(CLIENT, bucket(0, SYNC, flags=8)).say(SERVER, SYNCED)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1002, length=172, fragments=1, id="s"),
            response(1002, reply="s"),
        ],
        totals={},
        envelopes=33,
    )


@case
def fragments_begun_twice() -> Expect:
    """A second B throws away what was there."""
    wire, talk = started()
    first, _ = wrapped(craft.notification(2002, filler(4000)))
    second, envelopes = wrapped(craft.notification(2002, filler(4500)))
    talk.say(CLIENT, first[0]).say(CLIENT, second[0]).say(CLIENT, second[1]).say(CLIENT, PING)
    return Expect(
        seen(wire),
        complete=[
            *SHAKEN,
            notification(2002, length=4500, fragments=2, frame=7, end_frame=8),
            request(1003),
        ],
        envelopes=envelopes,
    )


@cases({"its end": True, "another message": False})
def fragments_with_garbage_between(finished: bool) -> Expect:
    """Garbage is no loss: all of it was seen."""
    wire, talk = started()
    (first, last), envelopes = wrapped(craft.notification(2002, filler(4000)))
    talk.say(CLIENT, first).say(CLIENT, b"\xee" * 77)
    if finished:
        talk.say(CLIENT, last)
    talk.say(CLIENT, PING)
    joined = [notification(2002, length=4000, fragments=2)] if finished else []
    totals = {"unframed": 77} if finished else {"unframed": 77, "truncated": len(first)}
    return Expect(
        seen(wire),
        complete=[*SHAKEN, *joined, request(1003)],
        totals=totals,
        envelopes=envelopes if finished else 0,
    )


@case
def fragments_never_finished() -> Expect:
    wire, talk = started()
    made, _ = wrapped(craft.notification(2002, filler(4000)))
    talk.say(CLIENT, made[0]).say(CLIENT, PING)
    return Expect(
        seen(wire),
        complete=[*SHAKEN, request(1003, frame=7)],
        check=lambda traffic: unjoined(traffic, 3072),
    )


def unjoined(traffic: Any, size: int) -> None:
    """The bytes of fragments that became no message are in problems."""
    assert int(traffic.problems["bytes"].sum()) == size


@cases({"too-long": 6046, "huge": (1 << 64) - 1})
def fragments_whose_inner_length_is_wrong(length: int) -> Expect:
    """The inner header promises more than the fragments hold."""
    wire, talk = started()
    # 6078 bytes of joined bodies
    for piece in craft.fragments(bucket(2002, filler(4000), length=length)):
        talk.say(CLIENT, piece)
    talk.say(CLIENT, PING)
    return Expect(
        seen(wire),
        complete=[*SHAKEN, request(1003, frame=8)],
        check=lambda traffic: unjoined(traffic, 6144),
    )


@case
def fragments_too_short_for_a_header() -> Expect:
    wire, talk = started()
    talk.say(CLIENT, bucket(0, PING[:10], flags=4)).say(
        CLIENT, bucket(0, PING[10:32], flags=8)
    ).say(CLIENT, SYNC)
    return Expect(
        seen(wire),
        complete=[*SHAKEN, request(1002, frame=8)],
        check=lambda traffic: unjoined(traffic, 66 + 32),
    )


@case
def fragment_inner_message_malformed() -> Expect:
    """Joined, but its payload is no epee."""
    wire, talk = started()
    for piece in craft.fragments(craft.request(1002, b"\x55" * 150), 133):
        talk.say(CLIENT, piece)
    talk.say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1002, status="malformed", length=150, fragments=2),
            request(1003),
        ],
        totals={"malformed": 266},
    )


@cases(
    {
        "garbage-of-the-other-side": "garbage",
        "hole-within-a-message": "body",
        "hole-between-messages": "hole",
    }
)
def last_fragment_alone(before: str) -> Expect:
    """Its beginning was lost only if its own direction was out of step: not for what the other side
    says, nor for a hole in a message whose end is known.
    """
    wire = Wire()
    talk = wire.talk().say(CLIENT, HELLO).say(SERVER, WELCOME)
    said, totals = [], {}
    if before == "garbage":
        talk.say(CLIENT, b"garbage" * 6)
        totals = {"unframed": 42}
    elif before == "body":
        talk.say(SERVER, news(200)[:100]).lose(SERVER, 50).say(SERVER, news(200)[150:])
        said, totals = [notification(2002, status="gap", captured=150)], {"lost": 50, "gap": 183}
    else:
        talk.lose(SERVER, 60)
        totals = {"lost": 60}
    status = "gap" if before == "hole" else "malformed"
    talk.say(SERVER, craft.bucket(0, craft.EMPTY, flags=8)).say(SERVER, PING)
    totals[status] = totals.get(status, 0) + 43
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            *said,
            message(0, levin_flags=8, status=status, captured=10),
            request(1003),
        ],
        totals=totals,
    )


@case
def flags_zero_is_a_fragment() -> Expect:
    """A ping without flags is a middle fragment of nothing: monerod keeps it and does not
    answer.
    """
    wire, talk = started()
    talk.say(CLIENT, bucket(1003, EMPTY, flags=0, expect=1)).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        complete=[*SHAKEN, request(1003, frame=7, id="p"), response(1003, reply="p")],
        check=lambda traffic: unjoined(traffic, 43),
    )


@case
def noise() -> Expect:
    wire, talk = started()
    for _ in range(3):
        talk.say(CLIENT, craft.noise())
    talk.say(CLIENT, craft.noise(33)).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            *[message(0, "noise", levin_flags=12, length=3039)] * 3,
            message(0, "noise", levin_flags=12, length=0),
            request(1003),
        ],
        totals={},
        connections=[{"client_messages": 6}],
    )


@case
def noise_with_bytes_in_it() -> Expect:
    """Whatever is in it is thrown away, a message too."""
    wire, talk = started()
    talk.say(CLIENT, bucket(0, PING * 3, flags=12)).say(CLIENT, bucket(1003, EMPTY, flags=12)).say(
        CLIENT, SYNC
    )
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            message(0, "noise", length=129),
            message(1003, "noise", length=10),
            request(1002, frame=8),
        ],
        totals={},
    )


# ---------------------------------------------------------------- ports, and other protocols


@case
def levin_on_any_port() -> Expect:
    """Server 40000, client 18080: the SYN tells who is who."""
    wire = Wire()
    wire.talk(18080, server_port=40000).say(CLIENT, HELLO).say(SERVER, WELCOME)
    return Expect(
        seen(wire),
        messages=[
            request(1001, from_client=True, direction="received", id="h"),
            response(1001, from_client=False, direction="sent", reply="h"),
        ],
        connections=[
            {
                "client": CLIENT_IP,
                "client_port": 18080,
                "server": SERVER_IP,
                "server_port": 40000,
                "direction": "incoming",
            }
        ],
        totals={},
    )


@cases(
    {
        "others": (51413, 6000),
        "http": (40000, 80),
        "https": (40000, 443),
        "levin-test": (40000, 28080),
        "levin-stage": (40000, 38080),
        "zero": (40000, 0),
    }
)
def levin_on_ports(client: int, server: int) -> Expect:
    wire = Wire()
    wire.talk(client, server_port=server).say(CLIENT, HELLO).say(SERVER, WELCOME).close()
    return Expect(
        seen(wire),
        messages=[request(1001, id="h"), response(1001, reply="h")],
        connections=[{"client_port": client, "server_port": server}],
        totals={},
        file_rows=[{"monero_packets": 8}],
    )


@case
def levin_that_the_server_begins() -> Expect:
    """On a port of no one, nothing from the client yet."""
    wire = Wire()
    wire.talk(server_port=9999).say(SERVER, PING).say(CLIENT, PONG)
    return Expect(
        seen(wire),
        messages=[
            request(1003, direction="sent", from_client=False, id="p"),
            response(1003, direction="received", reply="p"),
        ],
        totals={},
    )


@case
def ports_given_by_the_caller() -> Expect:
    """On a port of no one the stream begins with something else; `ports=` says that it is
    Monero's.
    """
    wire = Wire()
    wire.talk(server_port=19999).say(CLIENT, b"hello").say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        options={"ports": [19999]},
        messages=[request(1003, frame=5, id="p"), response(1003, reply="p")],
        totals={"unframed": 5},
    )


HTTP = b"GET /json_rpc HTTP/1.1\r\nHost: node\r\nUser-Agent: scanner\r\n\r\n"
OTHERS = {
    "http": (HTTP, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    "tls": (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
        b"\x15\x03\x01\x00\x02\x02\x46",
    ),
    "ssh": (b"SSH-2.0-OpenSSH_9.2p1\r\n", b"SSH-2.0-libssh_0.10\r\n"),
    "bitcoin": (
        bytes.fromhex("f9beb4d976657273696f6e000000000066000000") + bytes(106),
        b"\xf9\xbe\xb4\xd9verack" + bytes(14),
    ),
    "almost-levin": (b"\x01\x21\x01\x01\x01\x01\x01\x02" + PING[8:], b"\x01\x21\x01"),
    "zeros": (bytes(5000), bytes(100)),
}


@cases(OTHERS)
def other_protocol_on_the_port(asked: bytes, answered: bytes) -> Expect:
    """It is a connection of the port, and not one message: nothing is invented."""
    wire = Wire()
    wire.talk().say(CLIENT, asked).say(SERVER, answered).close()
    return Expect(
        seen(wire),
        messages=[],
        totals={"unframed": len(asked) + len(answered)},
        connections=[
            {
                "client_bytes": len(asked),
                "server_bytes": len(answered),
                "client_messages": 0,
                "server_messages": 0,
                "start": "syn",
                "end": "fin",
            }
        ],
    )


@cases({name: pieces for name, pieces in OTHERS.items() if name != "almost-levin"})
def other_protocol_on_another_port(asked: bytes, answered: bytes) -> Expect:
    wire = Wire()
    wire.talk(server_port=8080).say(CLIENT, asked).say(SERVER, answered).close()
    wire.talk(40001).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[request(1003, connection=1)],
        totals={"not_levin": len(asked) + len(answered)},
        file_rows=[{"tcp_packets": 12, "monero_packets": 4}],
    )


@case
def levin_bytes_in_a_download() -> Expect:
    """A capture file fetched over HTTP holds any number of sound messages; none was spoken on this
    connection.
    """
    wire = Wire()
    content = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + (PING + SYNC) * 10
    wire.talk(server_port=80).say(CLIENT, HTTP).say(SERVER, content).say(SERVER, PING * 20)
    return Expect(seen(wire), messages=[], totals={"not_levin": len(HTTP) + len(content) + 43 * 20})


@case
def foreign_packets_are_not_monero_packets() -> Expect:
    wire = Wire()
    wire.talk(server_port=22).say(CLIENT, b"SSH-2.0-x\r\n").close()
    wire.talk(40001).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        file_rows=[{"packets": 12, "tcp_packets": 12, "monero_packets": 5, "skipped_packets": 0}],
        totals={"not_levin": 11},
        connections=[{"client_messages": 0}, {"client_messages": 1}],
    )


# ---------------------------------------------------------------- garbage and resynchronisation


@cases(
    {
        "one-byte": b"\x01",
        "text": b"x" * 100,
        "partial-signatures": b"\x01\x21\x01\x01\x01\x01\x01\x01"[:6] * 9,
        "ones": b"\x01" * 77,
        "header-less-body": EMPTY * 3,
    }
)
def garbage_between_messages(garbage: bytes) -> Expect:
    wire, talk = started()
    talk.say(CLIENT, PING + garbage + SYNC).say(CLIENT, FLAGS)
    return Expect(
        seen(wire),
        messages=[*SHAKEN, request(1003, frame=6), request(1002, frame=6), request(1007, frame=7)],
        totals={"unframed": len(garbage)},
    )


@case
def garbage_over_many_segments() -> Expect:
    """A hundred kilobytes, in which no header is found, then all is well again."""
    wire, talk = started()
    for i in range(100):
        talk.say(CLIENT, bytes((i * 31 + j * 7) & 0xFF | 2 for j in range(1000)))
    talk.say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[*SHAKEN, request(1003, frame=106, id="p"), response(1003, reply="p")],
        totals={"unframed": 100_000},
    )


@case
def garbage_before_the_first_message() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, b"\0" * 10 + HELLO).say(SERVER, WELCOME)
    return Expect(
        seen(wire),
        messages=[request(1001, frame=4, first_segment=295, id="h"), response(1001, reply="h")],
        problems=[problem("unframed", 10, offset=0, connection=0)],
    )


@case
def garbage_after_the_last_message() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, PING + b"\x01\x21\x01\x01" + b"?" * 20).close()
    return Expect(seen(wire), messages=[request(1003, frame=4)], totals={"unframed": 24})


@cases(
    {
        "signatures": craft.SIGNATURE,
        "pings": PING,
        "headers": PING[:33],
        "almost": craft.SIGNATURE[:7] + b"\x02",
    }
)
def signatures_in_a_payload(fill: bytes) -> Expect:
    """Transactions may hold anything, whole messages too."""
    wire, talk = started()
    talk.cuts(CLIENT, news(5000, fill), 333, 1448, 1448, 7).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            notification(2002, length=5000, captured=5000, segments=5, frame=6),
            request(1003, frame=11),
        ],
        totals={},
    )


# ---------------------------------------------------------------- requests and responses


@case
def answers_among_other_messages() -> Expect:
    """Three requests outstanding; notifications of either side lie between their answers."""
    wire, talk = started()
    talk.say(CLIENT, PING).say(CLIENT, SYNC).say(SERVER, POOL).say(CLIENT, FLAGS).say(
        SERVER, PONG
    ).say(CLIENT, news(100)).say(SERVER, news(200)).say(SERVER, SYNCED + FLAGGED)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN, request(1003, id="p"), request(1002, id="s"), notification(2010), request(1007, id="f"), response(1003, reply="p"), notification(2002), notification(2002), response(1002, reply="s"),
            response(1007, reply="f"),
        ],
        totals={},
    )  # fmt: skip


@case
def answers_of_both_sides() -> Expect:
    """Both ask, both answer: each direction has its own queue."""
    wire, talk = started()
    talk.say(CLIENT, SYNC).say(SERVER, SYNC).say(CLIENT, SYNCED).say(SERVER, SYNCED).say(
        SERVER, FLAGS + PING
    ).say(CLIENT, FLAGGED + PONG)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN, request(1002, id="c"), request(1002, id="s"), response(1002, reply="s", direction="received"), response(1002, reply="c", direction="sent"), request(1007, id="f"), request(1003, id="p"),
            response(1007, reply="f"), response(1003, reply="p"),
        ],
        totals={},
    )  # fmt: skip


@case
def answers_first_in_first_out() -> Expect:
    wire, talk = started()
    for _ in range(20):
        talk.say(CLIENT, PING)
    for _ in range(20):
        talk.say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            *[request(1003, id=f"{i}") for i in range(20)],
            *[response(1003, reply=f"{i}") for i in range(20)],
        ],
        totals={},
    )


@case
def answer_without_a_request() -> Expect:
    wire, talk = started()
    talk.say(SERVER, PONG).say(CLIENT, PING).say(SERVER, PONG).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            response(1003, reply=None),
            request(1003, id="p"),
            response(1003, reply="p"),
            response(1003, reply=None),
        ],
        totals={},
    )


@case
def answer_with_another_command() -> Expect:
    """Whether it is called the answer is free; it uses the request up, as in monerod, and the next
    pair is right.
    """
    wire, talk = started()
    talk.say(CLIENT, PING).say(SERVER, FLAGGED).say(CLIENT, SYNC).say(SERVER, SYNCED)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1003),
            response(1007, reply=ANY),
            request(1002, id="s"),
            response(1002, reply="s"),
        ],
        totals={},
    )


@case
def answer_on_another_connection() -> Expect:
    wire = Wire()
    one, two = wire.talk(), wire.talk(40001)
    one.say(CLIENT, PING)
    two.say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, connection=0), response(1003, connection=1, reply=None)],
        totals={},
    )


@case
def notifications_ask_for_nothing() -> Expect:
    """2003 and 2004 are a pair by meaning, not by Levin."""
    wire, talk = started()
    talk.say(CLIENT, craft.notification(2003)).say(CLIENT, PING).say(
        SERVER, craft.notification(2004)
    ).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            notification(2003),
            request(1003, id="p"),
            notification(2004),
            response(1003, reply="p"),
        ],
        totals={},
    )


@case
def kinds_by_the_expect_byte() -> Expect:
    """A 1003 that expects nothing is a notification, a 2010 that expects something a request."""
    wire, talk = started()
    talk.say(CLIENT, craft.notification(1003)).say(CLIENT, craft.request(2010)).say(
        SERVER, craft.response(2010, b"", -6)
    )
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            notification(1003),
            request(2010, id="t"),
            response(2010, return_code=-6, reply="t"),
        ],
        totals={},
    )


@case
def answer_of_a_malformed_request() -> Expect:
    """The request has its row, and its refusal belongs to it."""
    wire, talk = started()
    talk.say(CLIENT, craft.request(1002, b"garbage")).say(
        SERVER, craft.response(1002, b"", -1)
    ).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            request(1002, status="malformed", id="bad"),
            response(1002, return_code=-1, reply="bad"),
            request(1003, id="p"),
            response(1003, reply="p"),
        ],
        totals={"malformed": 40},
    )
