"""Segments with wrong TCP checksums: dropped where others of the same receiver are right."""

from __future__ import annotations

from ._build import (
    ACK,
    CLIENT,
    FIN,
    PING,
    PONG,
    POOL,
    PSH,
    RST,
    SERVER,
    SYNC,
    SYNCED,
    Talk,
    Wire,
    with_checksums,
)
from ._case import Expect, case, cases, notification, pair, request, response

GARBAGE = PING[:33] + b"\x55" * 10


def many(talk: Talk, count: int = 100) -> Talk:
    """Segments of the client whose checksums are right."""
    for _ in range(count):
        talk.say(CLIENT, POOL)
    return talk.ack(SERVER)


@case
def first_copy_is_wrong() -> Expect:
    """The kernel drops it; the real one follows and is acknowledged."""
    wire = Wire()
    talk = wire.talk()
    talk.emit(CLIENT, ACK | PSH, GARBAGE)
    talk.say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    return Expect(
        with_checksums(wire, wrong=[4]),
        messages=[
            request(1003, frame=5, accepted="yes", id="p"),
            response(1003, frame=6, accepted="yes", reply="p"),
        ],
        totals={"bad_checksum": 43},
    )


@case
def wrong_one_is_not_acknowledged() -> Expect:
    """The receiver goes on without it."""
    wire = Wire()
    talk = wire.talk()
    talk.emit(CLIENT, ACK | PSH, GARBAGE)
    talk.say(SERVER, SYNC).say(CLIENT, SYNCED).ack(SERVER)
    return Expect(
        with_checksums(wire, wrong=[4]),
        messages=[
            request(1002, frame=5, accepted="yes", id="s"),
            response(1002, frame=6, accepted="yes", reply="s"),
        ],
        totals={"bad_checksum": 43},
    )


@case
def wrong_one_at_the_end() -> Expect:
    """No acknowledgement can come; a hundred others of the receiver are right."""
    wire = Wire()
    many(wire.talk()).emit(CLIENT, ACK | PSH, GARBAGE)
    return Expect(
        with_checksums(wire, wrong=[105]),
        messages=[notification(2010, accepted="yes")] * 100,
        totals={"bad_checksum": 43},
    )


@case
def wrong_in_all_that_is_sent() -> Expect:
    """The client leaves its checksums to the network card."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.say(CLIENT, SYNC).say(SERVER, SYNCED).ack(CLIENT)
    return Expect(
        with_checksums(wire, wrong=[1, 3, 4, 6, 7, 9]),
        messages=[
            *pair(accepted="yes"),
            request(1002, accepted="yes", id="s"),
            response(1002, accepted="yes", reply="s"),
        ],
        totals={},
    )


@case
def wrong_in_segments_that_the_card_joined() -> Expect:
    """The handshake is right, the payload is not: its receiver acknowledges it."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.say(CLIENT, SYNC).say(SERVER, SYNCED).ack(CLIENT)
    return Expect(
        with_checksums(wire, wrong=[4, 7]),
        messages=[
            *pair(accepted="yes"),
            request(1002, accepted="yes", id="s"),
            response(1002, accepted="yes", reply="s"),
        ],
        totals={},
    )


@cases({"rst": RST, "fin": FIN | ACK})
def end_is_wrong(flags: int) -> Expect:
    """Nothing ends, and what follows is no data after the end."""
    wire = Wire()
    talk = many(wire.talk())
    talk.emit(CLIENT, flags)
    talk.say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    return Expect(
        with_checksums(wire, wrong=[105]),
        messages=[
            *([notification(2010)] * 100),
            request(1003, frame=106, accepted="yes", id="p"),
            response(1003, frame=107, accepted="yes", reply="p"),
        ],
        connections=[{"end": "open"}],
        totals={"bad_checksum": 0},
    )
