"""Requests and responses where messages were lost."""

from __future__ import annotations

from ._build import (
    ACK,
    CLIENT,
    FIN,
    FLAGGED,
    FLAGS,
    HELLO,
    PING,
    PONG,
    SERVER,
    SYNC,
    SYNCED,
    WELCOME,
    Wire,
    seen,
)
from ._case import ANY, Expect, case, notification, request, response
from ._holes import BEGUN, BODY, started


@case
def lost_request() -> Expect:
    """Its answer must not be given to the next request."""
    wire = Wire()
    talk = wire.talk().lose(CLIENT, 205).say(CLIENT, PING)
    talk.say(SERVER, SYNCED).say(SERVER, PONG)
    return Expect(
        seen(wire),
        ordered=False,
        messages=[request(1003, id="p"), response(1002, reply=None), response(1003, reply="p")],
        totals={"lost": 205},
    )


@case
def lost_response() -> Expect:
    """The request of the lost answer stays without one."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(CLIENT, SYNC).say(CLIENT, FLAGS)
    talk.lose(SERVER, 71).say(SERVER, SYNCED).say(SERVER, FLAGGED)
    return Expect(
        seen(wire),
        ordered=False,
        messages=[
            request(1003),
            request(1002, id="s"),
            request(1007, id="f"),
            response(1002, reply="s"),
            response(1007, reply="f"),
        ],
        totals={"lost": 71},
    )


@case
def lost_response_of_a_command_that_comes_again() -> Expect:
    """Timed syncs, a minute apart: the answer of the second was lost. The third has its own."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, HELLO).say(SERVER, WELCOME)
    for i in range(4):
        wire.wait(60)
        talk.say(CLIENT, SYNC)
        if i == 1:
            talk.lose(SERVER, 205)
        else:
            talk.say(SERVER, SYNCED)
        talk.ack(CLIENT)
    return Expect(
        seen(wire),
        ordered=False,
        messages=[
            request(1001, id="h"),
            response(1001, reply="h"),
            request(1002, frame=6, id="0"),
            response(1002, frame=7, reply="0"),
            request(1002, frame=9),
            request(1002, frame=11, id="2"),
            response(1002, frame=12, reply="2"),
            request(1002, frame=14, id="3"),
            response(1002, frame=15, reply="3"),
        ],
        totals={"lost": 205},
    )


@case
def lost_request_of_a_command_that_comes_again() -> Expect:
    """The second request was lost; its answer answers nothing that was seen."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, HELLO).say(SERVER, WELCOME)
    for i in range(4):
        wire.wait(60)
        if i == 1:
            talk.lose(CLIENT, 205)
        else:
            talk.say(CLIENT, SYNC)
        talk.say(SERVER, SYNCED)
    return Expect(
        seen(wire),
        ordered=False,
        messages=[
            request(1001, id="h"),
            response(1001, reply="h"),
            request(1002, frame=6, id="0"),
            response(1002, frame=7, reply="0"),
            response(1002, frame=8, reply=None),
            request(1002, frame=9, id="2"),
            response(1002, frame=10, reply="2"),
            request(1002, frame=11, id="3"),
            response(1002, frame=12, reply="3"),
        ],
        totals={"lost": 205},
    )


@case
def lost_at_the_end_of_a_body() -> Expect:
    """The connection ended; whether that is called lost bytes or an end is free."""
    wire, talk = started()
    talk.say(CLIENT, BODY[:400]).lose(CLIENT, 633)
    talk.emit(CLIENT, FIN | ACK)
    return Expect(
        seen(wire),
        messages=[*BEGUN, notification(2002, status=ANY, length=1000, captured=367, frame=6)],
    )
