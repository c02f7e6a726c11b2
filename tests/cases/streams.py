"""TCP: the bytes of a connection in order, whatever the order of the packets."""

from __future__ import annotations

import struct
from typing import Any

from support import craft
from support.craft import Packet

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
    URG,
    T,
    Wire,
    news,
    seen,
)
from ._case import ANY, Expect, case, cases, message, notification, pair, problem, request, response

# ---------------------------------------------------------------- retransmission and overlap


@case
def retransmitted_whole() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(CLIENT, PING, at=0).say(CLIENT, PING, at=0).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[
            request(1003, frame=4, end_frame=4, segments=1, id="p"),
            response(1003, frame=7, reply="p"),
        ],
        connections=[
            {
                "client_bytes": 43,
                "client_retransmitted": 86,
                "client_out_of_order": 0,
                "client_packets": 5,
            }
        ],
        totals={},
    )


@case
def retransmitted_in_other_pieces() -> Expect:
    """Sent as 500 and 533; the second is sent again together with the last 200 bytes of the
    first.
    """
    wire = Wire()
    body = news(1000)
    wire.talk().say(CLIENT, body[:500]).say(CLIENT, body[300:], at=300).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            notification(2002, frame=4, end_frame=5, segments=2, first_segment=500, captured=1000),
            request(1003, frame=6),
        ],
        connections=[{"client_bytes": 1033 + 43, "client_retransmitted": 200}],
        totals={},
    )


@case
def retransmitted_with_the_next_message() -> Expect:
    """One segment repeats a whole message and brings the next."""
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(CLIENT, PING + SYNC, at=0).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[
            request(1003, frame=4, segments=1, id="p"),
            request(1002, frame=5, end_frame=5, segments=1),
            response(1003, frame=6, reply="p"),
        ],
        connections=[{"client_bytes": 43 + 205, "client_retransmitted": 43}],
        totals={},
    )


@case
def overlap_on_both_sides() -> Expect:
    """The last segment fills a hole and repeats what lies before and behind it."""
    wire = Wire()
    body = news(1000)
    wire.talk().say(CLIENT, body[:300]).say(CLIENT, body[600:], at=600).say(
        CLIENT, body[200:700], at=200
    ).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            notification(2002, frame=4, end_frame=6, segments=3, first_segment=300, captured=1000),
            request(1003, frame=7),
        ],
        connections=[{"client_bytes": 1033 + 43, "client_retransmitted": 200}],
        totals={},
    )


@case
def overlap_of_several_waiting_pieces() -> Expect:
    """Islands behind a hole, then one segment over all of them."""
    wire = Wire()
    body = news(1000)
    talk = wire.talk()
    for low in (900, 700, 500, 300):
        talk.say(CLIENT, body[low : low + 100], at=low)
    talk.say(CLIENT, body, at=0).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            notification(2002, frame=4, captured=1000, segments=5, first_segment=ANY),
            request(1003, frame=9),
        ],
        connections=[{"client_bytes": 1033 + 43, "client_retransmitted": 400}],
        totals={},
    )


def pong(peer_id: int) -> bytes:
    return craft.response(1003, craft.ping_response(peer_id))


@case
def conflict_with_what_is_decoded() -> Expect:
    """A retransmission with another peer id: the first copy stands."""
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(SERVER, pong(1)).say(SERVER, pong(2), at=0).say(
        CLIENT, PING
    ).say(SERVER, pong(3))
    return Expect(
        seen(wire),
        node_data=[{"peer_id": 1}, {"peer_id": 3}],
        connections=[{"server_bytes": 142, "server_retransmitted": 71}],
    )


@case
def conflict_with_a_message_under_way() -> Expect:
    """The first 60 bytes are there, the id among them; a second copy of all brings the rest."""
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(SERVER, pong(1)[:60]).say(SERVER, pong(2), at=0).say(
        CLIENT, PING
    ).say(SERVER, pong(3))
    return Expect(
        seen(wire),
        node_data=[{"peer_id": 1}, {"peer_id": 3}],
        some_problems=[problem("conflict")],
        connections=[{"server_bytes": 142, "server_retransmitted": 60}],
    )


@case
def conflict_behind_a_hole() -> Expect:
    """The first copy waits for the bytes before it when the second comes."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, pong(1)[30:], at=30)
    talk.say(SERVER, pong(2)[30:], at=30).say(SERVER, pong(2)[:30], at=0)
    return Expect(
        seen(wire),
        node_data=[{"peer_id": 1}],
        some_problems=[problem("conflict")],
        connections=[{"server_bytes": 71, "server_retransmitted": 41}],
    )


@case
def conflict_in_part_of_an_overlap() -> Expect:
    """The filling segment contradicts both neighbours; their bytes stand."""
    wire = Wire()
    first, second = news(1000, b"a"), news(1000, b"b")
    wire.talk().say(CLIENT, first[:300]).say(CLIENT, first[600:], at=600).say(
        CLIENT, second[200:700], at=200
    ).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[notification(2002, frame=4, end_frame=6), request(1003)],
        some_problems=[problem("conflict")],
        connections=[{"client_bytes": 1076, "client_retransmitted": 200}],
    )


@case
def every_frame_twice() -> Expect:
    """A mirror port that shows each packet at ingress and egress."""
    wire = Wire()
    wire.talk().say(CLIENT, PING).cuts(SERVER, PONG, 40).close()
    wire.packets[:] = [
        Packet(packet.time + copy, packet.data) for packet in wire.packets for copy in (0, 1500)
    ]
    return Expect(
        seen(wire),
        messages=[
            request(1003, frame=7, end_frame=7, segments=1, id="p"),
            response(1003, frame=9, end_frame=11, segments=2, reply="p"),
        ],
        connections=[
            {
                "end": "fin",
                "client_bytes": 43,
                "client_retransmitted": 43,
                "server_bytes": 71,
                "server_retransmitted": 71,
                "client_packets": 10,
                "server_packets": 8,
            }
        ],
        totals={},
    )


# ---------------------------------------------------------------- keep-alive, probes, urgent data


@cases({"empty": b"", "garbage-byte": b"\0", "other-garbage-byte": b"\xff"})
def keep_alive(byte: bytes) -> Expect:
    """One before the next sequence number, thrice, from both sides, between messages."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    for _ in range(3):
        wire.wait(60)
        talk.emit(CLIENT, ACK, byte, sequence=1042)
        talk.ack(SERVER)
        talk.emit(SERVER, ACK, byte, sequence=500070)
        talk.ack(CLIENT)
    talk.say(CLIENT, SYNC).say(SERVER, SYNCED)
    return Expect(
        seen(wire),
        messages=[*pair(), request(1002, frame=18, id="s"), response(1002, frame=19, reply="s")],
        connections=[
            {"client_bytes": 43 + 205, "server_bytes": 71 + 205, "client_lost": 0, "server_lost": 0}
        ],
        problems=[],
    )


@cases({"empty": b"", "garbage-byte": b"\0"})
def keep_alive_before_any_data(byte: bytes) -> Expect:
    """Its sequence number is the SYN's."""
    wire = Wire()
    talk = wire.talk()
    talk.emit(CLIENT, ACK, byte, sequence=999)
    talk.ack(SERVER).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(seen(wire), messages=pair(6), connections=[{"client_bytes": 43}], problems=[])


@case
def keep_alive_within_a_message() -> Expect:
    """The sender stalls in the middle of a body."""
    wire = Wire()
    body = news(1000)
    talk = wire.talk().say(CLIENT, body[:533])
    wire.wait(60)
    talk.emit(CLIENT, ACK, b"\0", sequence=1532)
    talk.ack(SERVER).say(CLIENT, body[533:])
    return Expect(
        seen(wire),
        messages=[notification(2002, frame=4, end_frame=7, segments=2, captured=1000)],
        connections=[{"client_bytes": 1033}],
        problems=[],
    )


@case
def keep_alive_first_in_the_capture() -> Expect:
    """A capture that starts with one: its byte is older than the message that follows."""
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, ACK, b"\0", sequence=999)
    talk.ack(SERVER).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(seen(wire), messages=pair(3), connections=[{"start": "midstream"}])


@case
def zero_window_probe() -> Expect:
    """The receiver is full: one byte is tried and not taken, and comes again with the rest."""
    wire = Wire()
    body = news(1000)
    talk = wire.talk().say(CLIENT, body[:433])
    talk.emit(SERVER, ACK, acknowledgement=1433, window=0)
    talk.say(CLIENT, body[433:434], at=433)
    talk.emit(SERVER, ACK, acknowledgement=1433, window=0)
    talk.say(CLIENT, body[433:434], at=433)
    talk.emit(SERVER, ACK, acknowledgement=1433, window=64000)
    talk.say(CLIENT, body[433:], at=433)
    return Expect(
        seen(wire),
        messages=[notification(2002, frame=4, end_frame=10, segments=3, captured=1000)],
        connections=[{"client_bytes": 1033, "client_retransmitted": 2}],
        totals={},
    )


@case
def zero_window_probe_is_a_whole_header_byte() -> Expect:
    """The probe carries the first byte of a message."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    talk.emit(SERVER, ACK, window=0)
    talk.say(CLIENT, SYNC[:1], at=43).say(CLIENT, SYNC, at=43)
    return Expect(
        seen(wire),
        messages=[
            request(1003, frame=4),
            request(1002, frame=6, end_frame=7, segments=2, first_segment=1),
        ],
        connections=[{"client_retransmitted": 1}],
        totals={},
    )


@case
def urgent_data() -> Expect:
    """The urgent pointer marks a byte; it takes none away."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING[:20], flags=ACK | PSH | URG).say(CLIENT, PING[20:])
    wire.packets[3] = Packet(
        wire.packets[3].time,
        wire.packets[3].data[:52] + struct.pack("!H", 5) + wire.packets[3].data[54:],
    )
    talk.say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=4, end_frame=5, id="p"), response(1003, reply="p")],
        totals={},
    )


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
    """The capture swapped two packets of either direction."""
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
            {**response(1003), "reply": ANY},
            request(1003),
            request(1002),
            {**response(1002), "reply": ANY},
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
def bytes_far_behind() -> Expect:
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
