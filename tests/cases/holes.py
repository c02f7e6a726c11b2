"""Bytes that the capture does not hold: lost packets, captures that begin in the middle, snap
lengths; and decoding that goes on behind them.
"""

from __future__ import annotations

from typing import Any

from support import craft
from support.craft import pcap

from ._build import (
    ACK,
    CLIENT,
    FIN,
    FLAGGED,
    FLAGS,
    HELLO,
    PING,
    PONG,
    PSH,
    SERVER,
    SYNC,
    SYNCED,
    WELCOME,
    T,
    Talk,
    Wire,
    cut,
    news,
    seen,
)
from ._case import ANY, Expect, case, cases, message, notification, problem, request, response

BODY = news(1000)  # 1033 bytes


def started() -> tuple[Wire, Talk]:
    """A conversation with one ping of the client (frame 4) and its pong (frame 5)."""
    wire = Wire()
    return wire, wire.talk().say(CLIENT, PING).say(SERVER, PONG)


BEGUN = [request(1003, frame=4, id="first"), response(1003, frame=5, reply="first")]

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
def hole_never_closed_and_many_segments_behind_it() -> Expect:
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


# ---------------------------------------------------------------- the next sound header

UNSOUND = {
    "version": craft.bucket(1003, craft.EMPTY, expect=1, version=2),
    "command": craft.bucket(3000, craft.EMPTY),
    "expect": craft.bucket(1003, craft.EMPTY, expect=2),
    "flags": craft.bucket(1003, craft.EMPTY, expect=1, flags=3),
    "length": craft.bucket(1003, craft.EMPTY, expect=1, length=1 << 40),
    "length-of-command": craft.bucket(1003, craft.EMPTY, expect=1, length=5000),
    "no-epee": craft.bucket(1003, b"not epee at all", expect=1),
    "signature-alone": craft.SIGNATURE * 5,
    "signature-cut": craft.SIGNATURE[:7],
}


@cases({name: (content,) for name, content in UNSOUND.items()})
def not_a_sound_header(content: bytes) -> Expect:
    """Behind a hole in a header: these bytes look like a message and are none; the next one is."""
    wire, talk = started()
    talk.say(CLIENT, BODY[:5]).lose(CLIENT, 100).say(
        CLIENT, b"\x77" * 50 + content + b"\x66" * 20 + SYNC
    ).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[*BEGUN, request(1002, frame=7), request(1003, frame=8)],
        totals={"lost": 100, "unframed": 5 + 70 + len(content)},
    )


@cases(
    {
        "in-the-signature": 3,
        "behind-the-signature": 8,
        "in-the-header": 20,
        "behind-the-header": 33,
        "in-the-epee-magic": 37,
    }
)
def sound_header_cut_by_segments(size: int) -> Expect:
    """Behind a hole, a header that arrives in two segments is one."""
    wire, talk = started()
    talk.lose(CLIENT, 100).say(CLIENT, b"\x77" * 50 + SYNC[:size]).say(CLIENT, SYNC[size:]).say(
        CLIENT, PING
    )
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            request(1002, frame=6, end_frame=7, segments=2, first_segment=size),
            request(1003, frame=8),
        ],
        totals={"lost": 100, "unframed": 50},
    )


@case
def sound_header_of_every_kind() -> Expect:
    """Each is found behind a hole of its own: requests, responses, notifications, refusals without
    a body, noise.
    """
    wire, talk = started()
    kinds = [PING, PONG, news(100), craft.response(1002, b"", -1), craft.noise(200), FLAGGED]
    for made in kinds:
        talk.lose(CLIENT, 10).say(CLIENT, b"\x01" * 5 + made)
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            request(1003, frame=6),
            response(1003, frame=7, reply=ANY),
            notification(2002, frame=8),
            response(1002, frame=9, return_code=-1, length=0, reply=ANY),
            message(0, "noise", frame=10, levin_flags=12, length=167),
            response(1007, frame=11, reply=ANY),
        ],
        totals={"lost": 60, "unframed": 30},
    )


@case
def whole_messages_within_a_broken_body_are_not_believed() -> Expect:
    """A transaction may contain anything. The header before the hole tells how far the body
    reaches.
    """
    wire, talk = started()
    inner = news(1000, PING)
    talk.say(CLIENT, inner[:300]).lose(CLIENT, 200).say(CLIENT, inner[500:]).say(CLIENT, SYNC)
    return Expect(
        seen(wire),
        messages=[*BEGUN, notification(2002, status="gap", captured=800), request(1002, frame=8)],
        totals={"lost": 200, "gap": 833},
    )


# ---------------------------------------------------------------- captures that begin in the middle


@case
def midstream_at_a_message() -> Expect:
    wire = Wire()
    wire.talk(opened=False).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=1, id="p"), response(1003, frame=2, reply="p")],
        connections=[{"start": "midstream", "client_lost": 0, "server_lost": 0}],
        totals={},
    )


@case
def midstream_in_a_body() -> Expect:
    wire = Wire()
    wire.talk(opened=False).say(CLIENT, BODY[400:900]).say(CLIENT, BODY[900:] + PING).say(
        CLIENT, SYNC
    )
    return Expect(
        seen(wire),
        messages=[request(1003, frame=2, first_segment=43), request(1002, frame=3)],
        connections=[{"start": "midstream", "client_bytes": 633 + 43 + 205}],
        totals={"unframed": 633},
    )


@cases([1, 7, 8, 20, 32])
def midstream_in_a_header(size: int) -> Expect:
    wire = Wire()
    wire.talk(opened=False).say(CLIENT, BODY[size:]).say(CLIENT, PING)
    return Expect(seen(wire), messages=[request(1003, frame=2)], totals={"unframed": 1033 - size})


@case
def midstream_behind_a_header() -> Expect:
    """The first captured byte is the first of a body, which looks like nothing else than epee."""
    wire = Wire()
    wire.talk(opened=False).say(SERVER, WELCOME[33:]).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=2, id="p"), response(1003, frame=3, reply="p")],
        totals={"unframed": 262},
    )


@case
def midstream_in_both_directions() -> Expect:
    """The answer of a request that was sent before the capture began answers nothing in it; nor may
    it be taken for another's.
    """
    wire = Wire()
    wire.talk(opened=False).say(SERVER, BODY[900:]).say(SERVER, SYNCED).say(CLIENT, PING[40:]).say(
        CLIENT, FLAGS
    ).say(SERVER, FLAGGED)
    return Expect(
        seen(wire),
        messages=[
            response(1002, frame=2, reply=None),
            request(1007, frame=4, id="f"),
            response(1007, frame=5, reply="f"),
        ],
        totals={"unframed": 133 + 3},
    )


@case
def midstream_on_any_port() -> Expect:
    """Neither port is Monero's, but a sound header comes."""
    wire = Wire()
    wire.talk(51413, server_port=6000, opened=False).say(CLIENT, BODY[500:]).say(CLIENT, SYNC).say(
        SERVER, SYNCED
    )
    return Expect(
        seen(wire),
        messages=[request(1002, frame=2, id="s"), response(1002, frame=3, reply="s")],
        totals={"unframed": 533},
    )


@case
def midstream_with_a_deceptive_beginning() -> Expect:
    """Signatures without sound headers in the rest of a body."""
    wire = Wire()
    rest = b"\x99" * 100 + craft.SIGNATURE + b"\x98" * 60 + craft.SIGNATURE * 3 + b"\x97" * 50
    wire.talk(opened=False).say(CLIENT, rest).say(CLIENT, PING)
    return Expect(seen(wire), messages=[request(1003, frame=2)], totals={"unframed": len(rest)})


@case
def midstream_with_nothing_but_a_body() -> Expect:
    """No header at all in the capture."""
    wire = Wire()
    wire.talk(opened=False).say(SERVER, b"\x55" * 700).say(SERVER, b"\x55" * 700)
    return Expect(
        seen(wire),
        messages=[],
        totals={"unframed": 1400},
        connections=[{"server_bytes": 1400, "server_messages": 0}],
    )


@case
def midstream_then_large_messages() -> Expect:
    """The handshake was before the capture: the limit is that of a connection which has shaken
    hands.
    """
    wire = Wire()
    talk = wire.talk(opened=False).say(CLIENT, PING)
    talk.cuts(SERVER, news(300_000), *[60_000] * 5)
    return Expect(
        seen(wire),
        messages=[request(1003), notification(2002, length=300_000, segments=6)],
        totals={},
    )


# ---------------------------------------------------------------- snap lengths


def opened() -> tuple[Wire, Talk]:
    wire = Wire()
    return wire, wire.talk()


@case
def snap_length_of_the_headers_alone() -> Expect:
    """54 bytes: not one byte of payload, and the sizes are known all the same."""
    wire, talk = opened()
    talk.say(CLIENT, PING).say(SERVER, PONG).close()
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 54))},
        messages=[],
        totals={"lost": 43 + 71},
        connections=[
            {
                "client_bytes": 0,
                "client_lost": 43,
                "server_bytes": 0,
                "server_lost": 71,
                "start": "syn",
                "end": "fin",
            }
        ],
    )


@case
def snap_length_within_the_levin_header() -> Expect:
    """20 bytes of 33."""
    wire, talk = opened()
    for _ in range(3):
        talk.say(CLIENT, PING)
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 74))},
        messages=[],
        totals={"lost": 69, "unframed": 60},
        connections=[{"client_bytes": 60, "client_lost": 69}],
    )


@case
def snap_length_behind_the_levin_header() -> Expect:
    """All headers and not one byte of the bodies: every message has its row."""
    wire, talk = opened()
    talk.say(CLIENT, PING).say(SERVER, PONG).say(CLIENT, SYNC).say(SERVER, SYNCED)
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 87))},
        messages=[
            request(1003, status="snapped", length=10, captured=0, frame=4, id="p"),
            response(1003, status="snapped", length=38, captured=0, frame=5, reply="p"),
            request(1002, status="snapped", length=172, captured=0, frame=6, id="s"),
            response(1002, status="snapped", length=172, captured=0, frame=7, reply="s"),
        ],
        totals={"snapped": 4 * 33, "lost": 10 + 38 + 172 + 172},
    )


@case
def snap_length_within_bodies() -> Expect:
    """Short messages are whole, long ones are cut."""
    wire, talk = opened()
    # 66 bytes of payload in each packet
    talk.say(CLIENT, PING).say(SERVER, PONG).say(CLIENT, SYNC).say(CLIENT, FLAGS).say(
        SERVER, FLAGGED
    )
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 120))},
        messages=[
            request(1003, id="p", frame=4),
            response(1003, status="snapped", length=38, captured=33, frame=5, reply="p"),
            request(1002, status="snapped", length=172, captured=33, frame=6),
            request(1007, frame=7),
            response(1007, frame=8, reply=ANY),
        ],
        totals={"snapped": 66 + 66, "lost": 5 + 139},
        node_data=[{"support_flags": 1}],
        sync_data=[],
    )


@case
def snap_length_of_a_message_over_segments() -> Expect:
    """3033 bytes in 1400, 1400 and 233, of each of which 100 are captured."""
    wire, talk = opened()
    talk.cuts(CLIENT, news(3000), 1400, 1400).say(CLIENT, PING)
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 154))},
        messages=[
            notification(2002, status="snapped", length=3000, captured=267, frame=4, segments=3),
            request(1003, frame=7),
        ],
        totals={"snapped": 300, "lost": 2733},
        connections=[{"client_bytes": 343, "client_lost": 2733}],
    )


@case
def snap_length_with_messages_in_one_segment() -> Expect:
    """Of the second message in a segment nothing was captured; the next segment is read again."""
    wire, talk = opened()
    talk.say(CLIENT, SYNC + PING).say(CLIENT, PING)  # 70 bytes of the first segment
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 124))},
        messages=[
            request(1002, status="snapped", length=172, captured=37, frame=4),
            request(1003, frame=5),
        ],
        totals={"snapped": 70, "lost": 135 + 43},
    )


@case
def snap_length_and_a_whole_retransmission() -> Expect:
    """A packet cut, and then sent again in pieces that fit. Whether its bytes are taken is free;
    the next message is right.
    """
    wire, talk = opened()
    talk.say(CLIENT, SYNC).say(CLIENT, SYNC[:100], at=0).say(CLIENT, SYNC[100:200], at=100).say(
        CLIENT, SYNC[200:], at=200
    ).say(CLIENT, PING)
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 154))}, check=lambda traffic: last_is_a_ping(traffic, 8)
    )


def last_is_a_ping(traffic: Any, frame: int) -> None:
    rows = traffic.messages[
        (traffic.messages["command"] == 1003) & (traffic.messages["status"] == "complete")
    ]
    assert rows["frame"].tolist() == [frame]


# ---------------------------------------------------------------- requests and responses where
# bytes are missing


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
            request(1001, id="h"), response(1001, reply="h"), request(1002, frame=6, id="0"), response(1002, frame=7, reply="0"), request(1002, frame=9), request(1002, frame=11, id="2"),
            response(1002, frame=12, reply="2"), request(1002, frame=14, id="3"), response(1002, frame=15, reply="3"),
        ],
        totals={"lost": 205},
    )  # fmt: skip


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
            request(1001, id="h"), response(1001, reply="h"), request(1002, frame=6, id="0"), response(1002, frame=7, reply="0"), response(1002, frame=8, reply=None), request(1002, frame=9, id="2"),
            response(1002, frame=10, reply="2"), request(1002, frame=11, id="3"), response(1002, frame=12, reply="3"),
        ],
        totals={"lost": 205},
    )  # fmt: skip


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
