"""Retransmission, overlap, keep-alive, probes and urgent data."""

from __future__ import annotations

import struct

from support import craft
from support.craft import Packet

from ._build import (
    ACK,
    CLIENT,
    PING,
    PONG,
    PSH,
    SERVER,
    SYNC,
    SYNCED,
    URG,
    Wire,
    news,
    seen,
)
from ._case import ANY, Expect, case, cases, notification, pair, problem, request, response

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
def conflict_after_a_hole() -> Expect:
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
def conflict_in_the_middle_of_a_retransmission() -> Expect:
    """Two messages in three segments are acknowledged, then come again as one segment in which only
    the second differs: what is reported is that segment.
    """
    wire = Wire()
    first, second = news(1000, b"a"), news(1000, b"b")
    talk = wire.talk().cuts(CLIENT, first, 400, 300).ack(SERVER)
    talk.say(CLIENT, first[:400] + second[400:700] + first[700:], at=0)
    talk.say(CLIENT, PING).ack(SERVER)
    return Expect(
        seen(wire),
        messages=[
            notification(2002, frame=4, end_frame=6, segments=3, accepted="yes"),
            request(1003, frame=9, accepted="yes"),
        ],
        connections=[{"client_bytes": 1076, "client_retransmitted": 1033}],
        problems=[problem("conflict", 300, offset=400, frame=8)],
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


@case
def a_segment_that_repeats_the_first_byte_shares_two_messages() -> Expect:
    """The first byte of the second message comes alone; the segment with the rest of it has the
    first message too.
    """
    wire = Wire()
    talk = wire.talk()
    talk.say(CLIENT, SYNC[:1], at=len(PING)).say(CLIENT, PING + SYNC, at=0)
    return Expect(
        seen(wire),
        messages=[
            request(1003, frame=5, shared=True),
            request(1002, frame=4, end_frame=5, segments=2, first_segment=1, shared=True),
        ],
        totals={},
    )
