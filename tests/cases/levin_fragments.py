"""Levin fragments and noise."""

from __future__ import annotations

from typing import Any

from support import craft
from support.craft import EMPTY, bucket

from ._build import (
    CLIENT,
    HELLO,
    PING,
    PONG,
    SERVER,
    SYNC,
    SYNCED,
    WELCOME,
    T,
    Wire,
    filler,
    news,
    seen,
)
from ._case import Expect, case, cases, message, notification, request, response
from ._levin import SHAKEN, started


def wrapped(inner: bytes, size: int = 3072) -> tuple[list[bytes], int]:
    """The Levin fragments of a bucket, and how many bytes more than it they have."""
    buckets = craft.fragments(inner, size)
    return buckets, size * len(buckets) - len(inner)


@cases({"two": (4000, 2), "three": (7000, 3), "twenty": (60_000, 20)})
def fragments(length: int, count: int) -> Expect:
    wire, talk = started()
    buckets, envelopes = wrapped(craft.notification(2002, filler(length)))
    for piece in buckets:
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
    buckets, envelopes = wrapped(craft.notification(2002, filler(7000)))
    talk.say(CLIENT, buckets[0]).say(CLIENT, PING).say(CLIENT, craft.noise()).say(SERVER, PONG).say(
        CLIENT, buckets[1] + SYNC
    ).say(CLIENT, buckets[2])
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
    buckets, envelopes = wrapped(craft.notification(2002, filler(4000)))
    talk.cuts(CLIENT, b"".join(buckets), *[1000] * 6)
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
    buckets, envelopes = wrapped(HELLO, 133)
    for piece in buckets:
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
    buckets, _ = wrapped(craft.notification(2002, filler(4000)))
    talk.say(CLIENT, buckets[0]).say(CLIENT, PING)
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
    rows, totals = [], {}
    if before == "garbage":
        talk.say(CLIENT, b"garbage" * 6)
        totals = {"unframed": 42}
    elif before == "body":
        talk.say(SERVER, news(200)[:100]).lose(SERVER, 50).say(SERVER, news(200)[150:])
        rows, totals = [notification(2002, status="gap", captured=150)], {"lost": 50, "gap": 183}
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
            *rows,
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
