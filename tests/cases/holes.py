"""Bytes that were not captured: holes by their place, and holes that close late or never."""

from __future__ import annotations

from support import craft

from ._build import (
    ACK,
    CLIENT,
    FLAGGED,
    FLAGS,
    HELLO,
    PING,
    PONG,
    PSH,
    SERVER,
    SYNC,
    SYNCED,
    T,
    Wire,
    news,
    seen,
)
from ._case import Expect, case, cases, notification, problem, request, response
from ._holes import BEGUN, BODY, started

# ---------------------------------------------------------------- holes by the place where they are


@case
def hole_at_the_beginning() -> Expect:
    wire = Wire()
    wire.talk().lose(CLIENT, 43).say(CLIENT, SYNC).say(SERVER, SYNCED)
    return Expect(
        seen(wire),
        ordered=False,
        messages=[request(1002, frame=4, id="s"), response(1002, frame=5, reply="s")],
        problems=[problem("lost", 43, connection=0, offset=0, file=0)],
        connections=[{"client_lost": 43, "client_bytes": 205}],
    )


@case
def hole_between_messages() -> Expect:
    """One whole message is lost, to the byte."""
    wire, talk = started()
    talk.lose(CLIENT, 205).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        ordered=False,
        messages=[*BEGUN, request(1003, frame=6, id="p"), response(1003, frame=7, reply="p")],
        problems=[problem("lost", 205, offset=43)],
        connections=[{"client_lost": 205}],
    )


@cases({"first-byte": 1, "signature": 8, "most-of-it": 32})
def hole_at_the_start_of_a_header(size: int) -> Expect:
    """No header, no row: the rest of the message is bytes that nothing explains."""
    wire, talk = started()
    talk.lose(CLIENT, size).say(CLIENT, BODY[size:]).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[*BEGUN, request(1003, frame=7)],
        totals={"lost": size, "unframed": 1033 - size},
    )


@cases({"after-the-signature": (8, 20), "last-byte": (32, 1), "across-its-end": (20, 400)})
def hole_within_a_header(start: int, size: int) -> Expect:
    wire, talk = started()
    talk.say(CLIENT, BODY[:start]).lose(CLIENT, size).say(CLIENT, BODY[start + size :]).say(
        CLIENT, PING
    )
    return Expect(
        seen(wire),
        messages=[*BEGUN, request(1003, frame=8)],
        totals={"lost": size, "unframed": 1033 - size},
    )


@cases({"right-behind-the-header": (33, 500), "one-byte": (500, 1), "to-the-end": (433, 600)})
def hole_within_a_body(start: int, size: int) -> Expect:
    """The header tells where the next message begins."""
    wire, talk = started()
    talk.say(CLIENT, BODY[:start]).lose(CLIENT, size)
    if start + size < 1033:
        talk.say(CLIENT, BODY[start + size :])
    talk.say(CLIENT, PING).say(SERVER, PONG)
    frame = len(wire.packets) - 1
    return Expect(
        seen(wire),
        ordered=False,
        messages=[
            *BEGUN,
            notification(2002, status="gap", length=1000, captured=1000 - size, frame=6, time=T(6)),
            request(1003, frame=frame, id="p"),
            response(1003, reply="p"),
        ],
        totals={"lost": size, "gap": 1033 - size},
        connections=[{"client_lost": size}],
    )


@case
def two_holes_within_a_body() -> Expect:
    wire, talk = started()
    talk.say(CLIENT, BODY[:200]).lose(CLIENT, 100).say(CLIENT, BODY[300:600]).lose(CLIENT, 50).say(
        CLIENT, BODY[650:]
    ).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            notification(2002, status="gap", length=1000, captured=850, frame=6),
            request(1003, frame=9),
        ],
        totals={"lost": 150, "gap": 883},
    )


@case
def hole_from_a_body_into_the_next_header() -> Expect:
    """The first message has its row, the second none; the third is found."""
    wire, talk = started()
    talk.say(CLIENT, BODY[:900]).lose(CLIENT, 133 + 10).say(CLIENT, PING[10:] + SYNC)
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            notification(2002, status="gap", length=1000, captured=867),
            request(1002, frame=7, first_segment=205),
        ],
        totals={"lost": 143, "gap": 900, "unframed": 33},
    )


@case
def hole_from_a_body_into_the_next_body() -> Expect:
    """Of the second message only body bytes are there, of the third everything."""
    wire, talk = started()
    second = news(800)
    talk.say(CLIENT, BODY[:900]).lose(CLIENT, 133 + 300).say(CLIENT, second[300:]).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            notification(2002, status="gap", length=1000, captured=867),
            request(1003, frame=8),
        ],
        totals={"lost": 433, "gap": 900, "unframed": 533},
    )


@case
def hole_over_several_messages() -> Expect:
    """From within a body over five whole messages into the body of a seventh."""
    wire, talk = started()
    last = news(500)
    talk.say(CLIENT, BODY[:600]).lose(CLIENT, 433 + 5 * 43 + 200).say(
        CLIENT, last[200:] + SYNC
    ).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            notification(2002, status="gap", length=1000, captured=567),
            request(1002, frame=7),
            request(1003, frame=8),
        ],
        totals={"lost": 848, "gap": 600, "unframed": 333},
    )


@case
def hole_that_ends_at_a_message() -> Expect:
    """Behind it a segment begins with a header."""
    wire, talk = started()
    talk.say(CLIENT, BODY[:600]).lose(CLIENT, 433 + 205).say(CLIENT, PING + SYNC)
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            notification(2002, status="gap", length=1000, captured=567),
            request(1003, frame=7, shared=True),
            request(1002, frame=7, shared=True, first_segment=205),
        ],
        totals={"lost": 638, "gap": 600},
    )


@case
def hole_with_the_next_message_in_the_tail_segment() -> Expect:
    wire, talk = started()
    talk.say(CLIENT, BODY[:100]).lose(CLIENT, 100).say(CLIENT, BODY[200:] + PING + SYNC[:7]).say(
        CLIENT, SYNC[7:]
    )
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            notification(2002, status="gap", captured=900),
            request(1003, frame=7, first_segment=43, shared=True),
            request(1002, frame=7, end_frame=8, segments=2, first_segment=7),
        ],
        totals={"lost": 100, "gap": 933},
    )


@case
def hole_in_one_direction_only() -> Expect:
    """The other one does not notice."""
    wire, talk = started()
    talk.say(SERVER, SYNC).say(CLIENT, BODY[:500]).lose(CLIENT, 100)
    talk.say(SERVER, FLAGS).say(CLIENT, BODY[600:]).say(SERVER, news(300)).say(CLIENT, SYNCED).say(
        CLIENT, FLAGGED
    )
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            request(1002, id="s", direction="sent"),
            request(1007, id="f", direction="sent"),
            notification(2002, direction="sent", length=300),
            response(1002, reply="s", direction="received"),
            response(1007, reply="f", direction="received"),
            notification(2002, status="gap", captured=900, direction="received"),
        ],
        totals={"lost": 100, "gap": 933},
        connections=[{"client_lost": 100, "server_lost": 0}],
    )


@case
def hole_before_the_end() -> Expect:
    """The FIN's sequence number tells that a message of 43 bytes is missing."""
    wire, talk = started()
    talk.lose(CLIENT, 43).close()
    return Expect(
        seen(wire),
        messages=BEGUN,
        totals={"lost": 43},
        connections=[{"client_lost": 43, "end": "fin"}],
    )


@case
def hole_in_a_peer_list() -> Expect:
    """A part of a list would look like a short list: none of its entries is a row."""
    peers = [craft.peer(f"203.0.113.{i}", 18080, i) for i in range(50)]
    welcome = craft.response(1001, craft.handshake_response(peers))
    wire = Wire()
    talk = (
        wire.talk()
        .say(CLIENT, HELLO)
        .say(SERVER, welcome[:1400])
        .lose(SERVER, 500)
        .say(SERVER, welcome[1900:])
    )
    talk.say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        ordered=False,
        messages=[
            request(1001, id="h"),
            response(1001, status="gap", captured=len(welcome) - 533, reply="h"),
            request(1003, id="p"),
            response(1003, reply="p"),
        ],
        peer_lists=[],
        sync_data=[{"message": 0}],
        totals={"lost": 500, "gap": len(welcome) - 500},
    )


# ---------------------------------------------------------------- holes that close, late, or never


@case
def hole_closed_by_a_retransmission() -> Expect:
    """The receiver did not have it either: it came again, and the message is whole. What waited
    behind it has its own times.
    """
    wire, talk = started()
    talk.say(CLIENT, BODY[:400]).say(CLIENT, BODY[700:], at=743).say(CLIENT, PING)
    for _ in range(3):
        talk.ack(SERVER, 1443)
    talk.say(CLIENT, BODY[400:700], at=443)
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            notification(2002, frame=6, end_frame=12, end_time=T(12), segments=3, captured=1000),
            request(1003, frame=8, end_frame=8, time=T(8), end_time=T(8)),
        ],
        connections=[{"client_lost": 0, "client_retransmitted": 0, "client_bytes": 1119}],
        totals={},
    )


@case
def hole_closed_after_seconds() -> Expect:
    """Back-off: the retransmission took 12 seconds, and other messages waited."""
    wire, talk = started()
    talk.say(CLIENT, SYNC, at=43 + 43)  # frame 6; a ping before it is missing
    wire.wait(12)
    talk.say(CLIENT, PING, at=43).say(SERVER, PONG).say(SERVER, SYNCED)
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            request(1003, frame=7, id="p"),
            request(1002, frame=6, id="s"),
            response(1003, reply="p"),
            response(1002, reply="s"),
        ],
        totals={},
        connections=[{"client_lost": 0}],
    )


@case
def hole_closed_in_two_pieces() -> Expect:
    wire, talk = started()
    talk.say(CLIENT, BODY[:400]).say(CLIENT, BODY[700:], at=743).say(
        CLIENT, BODY[600:700], at=643
    ).say(CLIENT, BODY[400:600], at=443)
    return Expect(
        seen(wire),
        messages=[*BEGUN, notification(2002, frame=6, end_frame=9, segments=4, captured=1000)],
        totals={},
    )


@case
def hole_closed_in_part() -> Expect:
    wire, talk = started()
    talk.say(CLIENT, BODY[:400]).say(CLIENT, BODY[700:], at=743).say(
        CLIENT, BODY[400:500], at=443
    ).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            notification(2002, status="gap", frame=6, captured=800),
            request(1003, frame=9),
        ],
        totals={"lost": 200, "gap": 833},
    )


@case
def hole_acknowledged_by_the_receiver() -> Expect:
    """The receiver has what the capture missed: no retransmission will come, and the rest is
    decoded while the capture goes on.
    """
    wire, talk = started()
    talk.say(CLIENT, BODY[:400]).lose(CLIENT, 300).say(CLIENT, BODY[700:]).ack(SERVER)
    for _ in range(100):
        talk.say(CLIENT, PING).say(SERVER, PONG)
    pings = [
        row
        for i in range(100)
        for row in (
            request(1003, frame=9 + 2 * i, id=f"{i}"),
            response(1003, frame=10 + 2 * i, reply=f"{i}"),
        )
    ]
    return Expect(
        seen(wire),
        ordered=False,
        complete=[*BEGUN, *pings],
        totals={"lost": 300, "gap": 733},
        connections=[{"client_messages": 102, "server_messages": 101, "client_lost": 300}],
    )


@case
def hole_given_up_then_late_data() -> Expect:
    """Two hundred messages and some seconds after the receiver acknowledged it, the missing bytes
    turn up. The row stands as it was written; nothing breaks.
    """
    wire, talk = started()
    talk.say(CLIENT, BODY[:400]).lose(CLIENT, 300).say(CLIENT, BODY[700:]).ack(SERVER)
    for _ in range(100):
        talk.say(CLIENT, PING).ack(SERVER)
    wire.wait(30)
    for _ in range(100):
        talk.say(CLIENT, PING).ack(SERVER)
    talk.say(CLIENT, BODY[400:700], at=443).say(CLIENT, SYNC)
    return Expect(
        seen(wire),
        complete=[
            request(1003, id="first"),
            response(1003, reply="first"),
            *[request(1003, frame=9 + 2 * i) for i in range(200)],
            request(1002, frame=410),
        ],
        some_problems=[problem("gap", 733)],
    )


@case
def hole_never_closed_and_many_segments_after_it() -> Expect:
    """Five hundred segments wait, all decoded in the end."""
    wire, talk = started()
    talk.lose(CLIENT, 43)
    for _ in range(500):
        talk.emit(CLIENT, ACK | PSH, PING, acknowledgement=500071)
        talk.lose(CLIENT, 43)
    return Expect(
        seen(wire),
        messages=[*BEGUN, *[request(1003, frame=6 + i) for i in range(500)]],
        totals={"lost": 43},
        connections=[{"client_lost": 43, "client_bytes": 501 * 43}],
    )


@case
def hole_limited_by_segments() -> Expect:
    """Given up after so many segments behind it; what comes later is read at once."""
    wire, talk = started()
    talk.lose(CLIENT, 43)
    for _ in range(10):
        talk.say(CLIENT, PING)
    talk.say(SERVER, PONG)
    return Expect(
        seen(wire),
        options={"limits": {"hole_segments": 4}},
        messages=[
            *BEGUN,
            *[request(1003, frame=6 + i, id=f"{i}") for i in range(10)],
            response(1003, reply="0"),
        ],
        totals={"lost": 43},
    )


@case
def hole_limited_by_bytes() -> Expect:
    wire, talk = started()
    talk.lose(CLIENT, 43)
    for _ in range(5):
        talk.say(CLIENT, news(2000))
    talk.say(SERVER, PING)
    return Expect(
        seen(wire),
        options={"limits": {"hole_bytes": 5000}},
        messages=[
            *BEGUN,
            *[notification(2002, frame=6 + i) for i in range(5)],
            request(1003, frame=11),
        ],
        totals={"lost": 43},
    )


@case
def hole_limited_by_time() -> Expect:
    wire, talk = started()
    talk.lose(CLIENT, 43).say(CLIENT, PING)
    wire.wait(400)
    talk.say(SERVER, SYNC).say(SERVER, FLAGS)
    return Expect(
        seen(wire),
        ordered=False,
        complete=[*BEGUN, request(1003, frame=6), request(1002, frame=7), request(1007, frame=8)],
        totals={"lost": 43},
        options={"limits": {"hole_seconds": 60}},
    )
