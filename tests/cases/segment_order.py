"""Segments out of order, and sequence numbers."""

from __future__ import annotations

import struct
from typing import Any

from support import craft

from ._build import (
    ACK,
    CLIENT,
    FLAGGED,
    FLAGS,
    MILLISECOND,
    PING,
    PONG,
    PSH,
    SECOND,
    SERVER,
    SERVER_IP,
    START,
    SYN,
    SYNC,
    SYNCED,
    T,
    Wire,
    news,
    seen,
)
from ._case import Expect, case, cases, message, notification, pair, request, response

# ---------------------------------------------------------------- out of order


@case
def two_segments_swapped() -> Expect:
    """The message begins in the packet that came second: its frame is that of the packet that came
    first, as the wire truth of the captures has it.
    """
    wire = Wire()
    body = news(1000)
    wire.talk().say(CLIENT, body[500:], at=500).say(CLIENT, body[:500], at=0).say(SERVER, PING)
    return Expect(
        seen(wire),
        messages=[
            notification(
                2002,
                frame=4,
                time=T(4),
                end_frame=5,
                end_time=T(5),
                segments=2,
                first_segment=500,
                captured=1000,
            ),
            request(1003, frame=6),
        ],
        connections=[
            {
                "client_out_of_order": 1,
                "client_retransmitted": 0,
                "client_lost": 0,
                "client_bytes": 1033,
            }
        ],
        totals={},
    )


@case
def first_segment_after_the_middle() -> Expect:
    """1, 3, 2: begun in the first, finished by the second."""
    wire = Wire()
    body = news(1000)
    wire.talk().say(CLIENT, body[:300]).say(CLIENT, body[600:], at=600).say(
        CLIENT, body[300:600], at=300
    )
    return Expect(
        seen(wire),
        messages=[
            notification(
                2002, frame=4, end_frame=6, time=T(4), end_time=T(6), segments=3, first_segment=300
            )
        ],
        connections=[{"client_out_of_order": 1}],
        totals={},
    )


@case
def two_messages_swapped() -> Expect:
    """Each has its own frame; the order is that of the stream."""
    wire = Wire()
    wire.talk().say(CLIENT, SYNC, at=43).say(CLIENT, PING, at=0).say(SERVER, PONG).say(
        SERVER, SYNCED
    )
    return Expect(
        seen(wire),
        messages=[
            request(1003, frame=5, end_frame=5, id="p"),
            request(1002, frame=4, end_frame=4, time=T(4), end_time=T(4), id="s"),
            response(1003, frame=6, reply="p"),
            response(1002, frame=7, reply="s"),
        ],
        connections=[{"client_out_of_order": 1}],
        totals={},
    )


@case
def ten_segments_reversed() -> Expect:
    wire = Wire()
    body = news(1000)
    talk = wire.talk()
    for low in range(1000, -1, -100):
        talk.say(CLIENT, body[low : low + 100], at=low)
    talk.say(SERVER, PING)
    return Expect(
        seen(wire),
        messages=[
            notification(
                2002, frame=4, end_frame=14, segments=11, first_segment=100, captured=1000
            ),
            request(1003, frame=15),
        ],
        totals={},
    )


@case
def disorder_at_the_start_of_the_capture() -> Expect:
    """Begun in the middle, with the second packet first: what follows is right, and no byte is lost
    silently.
    """
    wire = Wire()
    wire.talk(opened=False).say(CLIENT, SYNC, at=43).say(CLIENT, PING, at=0).say(CLIENT, FLAGS).say(
        SERVER, FLAGGED
    )

    def check(traffic: Any) -> None:
        rows = traffic.messages
        assert {1002, 1007} <= set(rows["command"]) <= {1002, 1003, 1007}
        assert (rows["status"] == "complete").all()

    return Expect(seen(wire), check=check)


@case
def shuffled_stream_of_many_messages() -> Expect:
    """Twelve messages cut into 97-byte segments that come in a fixed disorder."""
    wire = Wire()
    talk = wire.talk()
    stream = (PING + SYNC + news(300)) * 4  # 43 + 205 + 333, four times
    lows = list(range(0, len(stream), 97))
    for i in range(len(lows)):
        low = lows[i * 7 % len(lows)]
        talk.say(CLIENT, stream[low : low + 97], at=low)
    assert len(lows) % 7
    return Expect(
        seen(wire),
        messages=[request(1003), request(1002), notification(2002, length=300)] * 4,
        connections=[{"client_bytes": 4 * 581, "client_lost": 0, "client_retransmitted": 0}],
        totals={},
    )


@case
def answer_before_the_request() -> Expect:
    """The capture swapped two packets of either direction: the answer acknowledges bytes that were
    not sent yet, so it counts once its receiver has acknowledged it.
    """
    wire = Wire()
    talk = wire.talk()
    talk.emit(SERVER, ACK | PSH, PONG, acknowledgement=1043)
    talk.lose(SERVER, 71)
    talk.emit(CLIENT, ACK | PSH, PING, acknowledgement=500000)
    talk.lose(CLIENT, 43)
    talk.say(CLIENT, SYNC).say(SERVER, SYNCED)
    return Expect(
        seen(wire),
        complete=[
            request(1003, id="ping"),
            response(1003, reply="ping"),
            request(1002, id="sync"),
            response(1002, reply="sync"),
        ],
        totals={},
    )


# ---------------------------------------------------------------- sequence numbers


END = 1 << 32


@cases(
    {
        "in-a-header": (20, 10),
        "in-a-body": (40, 50),
        "between-messages": (43, 71),
        "at-the-syn": (0, 0),
        "after-the-first-byte": (1, 1),
        "before-the-last-byte": (42, 70),
    }
)
def sequence_wraps(client: int, server: int) -> Expect:
    """So many bytes before 2^32 begins the stream of each side."""
    wire = Wire()
    talk = (
        wire.talk(first=((END - client) % END, (END - server) % END))
        .say(CLIENT, PING)
        .say(SERVER, PONG)
        .say(CLIENT, SYNC)
        .say(SERVER, SYNCED)
    )
    talk.close()
    return Expect(
        seen(wire),
        messages=[*pair(), request(1002, id="s"), response(1002, reply="s")],
        connections=[
            {
                "start": "syn",
                "end": "fin",
                "client_bytes": 248,
                "server_bytes": 276,
                "client_lost": 0,
            }
        ],
        totals={},
    )


@case
def sequence_wraps_out_of_order() -> Expect:
    """The bytes beyond the wrap come first, and are sent again at the end."""
    wire = Wire()
    body = news(1000)
    talk = wire.talk(first=(END - 500, 1))
    talk.say(CLIENT, body[700:], at=700).say(CLIENT, body[400:700], at=400).say(
        CLIENT, body[:400], at=0
    ).say(CLIENT, body[450:550], at=450).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[notification(2002, frame=4, end_frame=6, segments=3), request(1003, frame=8)],
        connections=[{"client_retransmitted": 100, "client_bytes": 1076, "client_lost": 0}],
        totals={},
    )


@case
def sequence_wraps_within_a_hole() -> Expect:
    wire = Wire()
    talk = wire.talk(first=(END - 100, 1))
    talk.say(CLIENT, PING).lose(CLIENT, 205).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=4), request(1003, frame=5)],
        connections=[{"client_lost": 205}],
        totals={"lost": 205},
    )


@case
def one_byte_far_ahead() -> Expect:
    """A gigabyte beyond the window: nothing is stored for it, nothing waits for it."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    talk.emit(CLIENT, ACK | PSH, b"\x01", sequence=1043 + (1 << 30))
    for _ in range(3):
        talk.say(CLIENT, SYNC).say(SERVER, SYNCED)
    return Expect(
        seen(wire),
        complete=[
            *pair(),
            *[
                row
                for i in range(3)
                for row in (
                    request(1002, frame=7 + 2 * i, id=f"s{i}"),
                    response(1002, frame=8 + 2 * i, reply=f"s{i}"),
                )
            ],
        ],
    )


@case
def bytes_far_before() -> Expect:
    """From before the beginning of the stream: of nobody's interest."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    talk.emit(CLIENT, ACK | PSH, news(200), sequence=1000 - 50_000)
    talk.say(SERVER, PONG)
    return Expect(
        seen(wire), complete=[request(1003, frame=4, id="p"), response(1003, frame=6, reply="p")]
    )


@case
def twenty_thousand_syns() -> Expect:
    """A flood: one row each, and the conversation beside it is untouched."""
    wire = Wire(step=1000)
    talk = wire.talk().say(CLIENT, PING)
    template = bytearray(
        craft.ethernet(craft.ipv4("10.0.0.0", SERVER_IP, craft.tcp(1, 18080, 7, 0, SYN)))
    )
    for i in range(20_000):
        struct.pack_into("!I", template, 26, 0x0A000000 + i)
        wire.put(bytes(template))
    talk.say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=4, id="p"), response(1003, frame=20_005, reply="p")],
        totals={},
        file_rows=[{"packets": 20_005, "tcp_packets": 20_005}],
        connections=[
            {"client_messages": 1, "server_messages": 1},
            *[{"start": "syn", "end": "open", "client_packets": 1, "client_bytes": 0}] * 20_000,
        ],
    )


@case
def stray_acks() -> Expect:
    """Packets of connections of which nothing else is captured: they have rows, and no problems."""
    wire = Wire()
    for port in range(41000, 41005):
        wire.talk(port, opened=False).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[],
        connections=[
            {"start": "midstream", "end": "open", "client_port": port, "client_packets": 1}
            for port in range(41000, 41005)
        ],
        totals={},
    )


@case
def times_of_messages_over_seconds() -> Expect:
    """Begun in one second, finished in another, with the clock of the packets."""
    wire = Wire()
    body = news(1000)
    talk = wire.talk().say(CLIENT, body[:300])
    wire.wait(7)
    talk.say(CLIENT, body[300:900])
    wire.wait(0.5)
    talk.say(CLIENT, body[900:])
    return Expect(
        seen(wire),
        messages=[
            notification(
                2002,
                time=T(4),
                end_time=T(4) + 7 * SECOND + 500 * MILLISECOND,
                frame=4,
                end_frame=6,
            )
        ],
        connections=[{"closed": START + 3 * MILLISECOND + 7 * SECOND + 500 * MILLISECOND}],
    )


@case
def nothing_but_a_broken_message() -> Expect:
    """The capture ends in a body."""
    wire = Wire()
    wire.talk().say(CLIENT, news(1000)[:34])
    return Expect(
        seen(wire),
        messages=[
            message(
                2002,
                "notification",
                "truncated",
                length=1000,
                captured=1,
                frame=4,
                segments=1,
                first_segment=34,
            )
        ],
        totals={"truncated": 34},
    )


@case
def capture_ends_in_a_header() -> Expect:
    """No header, no row: 32 bytes that nothing explains."""
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(CLIENT, SYNC[:32])
    return Expect(seen(wire), messages=[request(1003)], totals={"unframed": 32})
