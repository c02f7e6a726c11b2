"""Requests and their responses."""

from __future__ import annotations

from support import craft

from ._build import (
    CLIENT,
    FLAGGED,
    FLAGS,
    PING,
    PONG,
    POOL,
    SERVER,
    SYNC,
    SYNCED,
    Wire,
    news,
    seen,
)
from ._case import ANY, Expect, case, notification, request, response
from ._levin import SHAKEN, started


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
            *SHAKEN,
            request(1003, id="p"),
            request(1002, id="s"),
            notification(2010),
            request(1007, id="f"),
            response(1003, reply="p"),
            notification(2002),
            notification(2002),
            response(1002, reply="s"),
            response(1007, reply="f"),
        ],
        totals={},
    )


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
            *SHAKEN,
            request(1002, id="c"),
            request(1002, id="s"),
            response(1002, reply="s", direction="received"),
            response(1002, reply="c", direction="sent"),
            request(1007, id="f"),
            request(1003, id="p"),
            response(1007, reply="f"),
            response(1003, reply="p"),
        ],
        totals={},
    )


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
