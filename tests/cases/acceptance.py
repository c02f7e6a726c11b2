"""Segments that a TCP stack accepts or drops: RFC 9293 section 3.10.7.4, RFC 5961."""

from __future__ import annotations

from support.craft import bucket

from ._build import (
    ACK,
    CLIENT,
    FIN,
    FLAGS,
    HELLO,
    PING,
    PONG,
    PSH,
    RST,
    SERVER,
    SYN,
    SYNC,
    SYNCED,
    T,
    Wire,
    news,
    seen,
)
from ._case import Expect, case, cases, notification, pair, request, response


@case
def acknowledged() -> Expect:
    """The receiver's acknowledgement covers the message."""
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[
            request(1003, accepted="yes", id="p"),
            response(1003, accepted="yes", reply="p"),
        ],
        totals={},
    )


@case
def acknowledgement_after_the_capture() -> Expect:
    """With a completed handshake the last message counts, whose acknowledgement may come later."""
    wire = Wire()
    wire.talk().say(CLIENT, PING)
    return Expect(seen(wire), messages=[request(1003, accepted="yes")], totals={})


@case
def never_acknowledged() -> Expect:
    """The receiver goes on without it."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    talk.emit(SERVER, ACK | PSH, SYNC, acknowledgement=1000)
    talk.lose(SERVER, len(SYNC))
    return Expect(
        seen(wire),
        messages=[request(1003, accepted="unknown"), request(1002, accepted="yes")],
        totals={},
    )


@case
def one_direction_only() -> Expect:
    """What the receiver did is not in the capture."""
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.say(CLIENT, PING).say(CLIENT, SYNC)
    return Expect(
        seen(wire),
        messages=[request(1003, accepted="unknown"), request(1002, accepted="unknown")],
        totals={},
    )


@case
def from_the_middle() -> Expect:
    """Without a handshake, but both directions are there."""
    wire = Wire()
    wire.talk(opened=False).ack(SERVER).say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[
            request(1003, accepted="yes", id="p"),
            response(1003, accepted="yes", reply="p"),
        ],
        totals={},
    )


@case
def forged_packet_answered_by_reset() -> Expect:
    """One packet without a handshake: the receiver knows no such connection."""
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, ACK | PSH, PING, acknowledgement=77)
    talk.emit(SERVER, RST, sequence=77)
    return Expect(
        seen(wire),
        messages=[request(1003, accepted="no")],
        connections=[{"end": "rst", "client_messages": 1}],
        totals={},
    )


@cases({"next": 1043, "200-mb-ahead": 1043 + 200_000_000, "far-behind": 1043 - 100_000_000})
def wrong_acknowledgement(sequence: int) -> Expect:
    """A forged segment that acknowledges what the receiver did not send; the real one follows."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    talk.emit(CLIENT, ACK | PSH, b"\x55" * 50, sequence=sequence & 0xFFFFFFFF, acknowledgement=3)
    talk.say(CLIENT, SYNC).say(SERVER, SYNCED).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[
            *pair(),
            request(1002, accepted="yes", id="s"),
            response(1002, accepted="yes", reply="s"),
        ],
        connections=[{"end": "open"}],
        totals={"out_of_window": 50},
    )


@cases({"1-mb": 1 << 20, "200-mb": 200_000_000, "1-gb": 1 << 30, "2-gb": (1 << 31) - 5000})
def seq_jumps_far_ahead(distance: int) -> Expect:
    """Segments far outside the window, with a right acknowledgement: nothing is read of them."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    for i in range(3):
        at = (1043 + distance + i * len(SYNC)) & 0xFFFFFFFF
        talk.emit(CLIENT, ACK | PSH, SYNC, sequence=at)
    talk.say(CLIENT, SYNC).say(SERVER, SYNCED).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[
            *pair(),
            request(1002, accepted="yes", id="s"),
            response(1002, accepted="yes", reply="s"),
        ],
        connections=[{"end": "open"}],
        totals={"out_of_window": 3 * len(SYNC)},
    )


@cases({"70-kb": 70_000, "1-mb": 1_000_000, "200-mb": 200_000_000})
def seq_jumps_ahead_in_the_last_segment(distance: int) -> Expect:
    """Nothing follows that shows whether the receiver dropped it: its window does."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.emit(CLIENT, ACK | PSH, SYNC, sequence=1043 + distance)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[{"end": "open"}],
        totals={"out_of_window": len(SYNC)},
    )


@cases({"no-flags": 0, "push": PSH, "fin": FIN})
def segment_without_ack_flag(flags: int) -> Expect:
    """A stack drops it, so a forger need not guess an acknowledgement; the real bytes follow."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.emit(CLIENT, flags, SYNC[:-1] + b"\xff")
    talk.say(CLIENT, SYNC).say(SERVER, SYNCED).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[
            *pair(),
            request(1002, frame=8, accepted="yes", id="s"),
            response(1002, accepted="yes", reply="s"),
        ],
        connections=[{"end": "open"}],
        totals={"out_of_window": len(SYNC)},
    )


@case
def last_segment_without_ack_flag() -> Expect:
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.emit(CLIENT, PSH, SYNC)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[{"end": "open"}],
        totals={"out_of_window": len(SYNC)},
    )


@case
def handshake_acknowledged_wrongly() -> Expect:
    """The number after the right one: the handshake is not complete, so nothing is accepted."""
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, SYN, sequence=999)
    talk.emit(SERVER, SYN | ACK, sequence=499_999)
    talk.emit(CLIENT, ACK | PSH, PING, acknowledgement=500_001)
    return Expect(seen(wire), messages=[request(1003, accepted="unknown")], totals={})


@case
def round_trip_by_a_later_acknowledgement() -> Expect:
    """The last ACK of the handshake and the server's first bytes are missing: what acknowledges
    these bytes is later than the handshake, or of another one.
    """
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, SYN, sequence=999)
    talk.emit(SERVER, SYN | ACK, sequence=499_999)
    talk.emit(CLIENT, ACK, acknowledgement=500_000 + len(PONG))
    talk.emit(CLIENT, ACK | PSH, PING, acknowledgement=500_000 + len(PONG))
    talk.emit(SERVER, ACK, sequence=500_000 + len(PONG), acknowledgement=1000 + len(PING))
    return Expect(
        seen(wire),
        messages=[request(1003, accepted="yes")],
        connections=[{"start": "syn", "rtt": None}],
        totals={"lost": len(PONG)},
    )


@cases({"at-its-number": 0, "behind-it": 1})
def data_beyond_fin(step: int) -> Expect:
    """Bytes after the end of a direction are no message and no garbage; the other goes on."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    talk.emit(CLIENT, FIN | ACK)
    talk.emit(CLIENT, ACK | PSH, SYNC, sequence=1043 + step)
    talk.emit(SERVER, ACK | PSH, PONG, acknowledgement=1044)
    return Expect(
        seen(wire),
        messages=[request(1003, accepted="yes", id="p"), response(1003, reply="p")],
        connections=[{"end": "open", "client_messages": 1}],
        totals={"after_end": len(SYNC)},
    )


@case
def data_after_the_end_of_a_connection_without_payload() -> Expect:
    """One direction was captured up to its FIN; long after that, the other one appears."""
    wire = Wire()
    talk = wire.talk()
    talk.emit(CLIENT, FIN | ACK)
    del wire.packets[1]  # the SYN-ACK
    wire.wait(30)
    wire.talk(port=40001)
    talk.say(SERVER, SYNC).say(SERVER, SYNC)
    return Expect(
        seen(wire),
        messages=[],
        connections=[{"server_bytes": 2 * len(SYNC)}, {}],
        totals={"after_end": 2 * len(SYNC)},
    )


@case
def data_after_both_fins() -> Expect:
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    talk.close()
    wire.wait(30)
    wire.talk(port=40001)
    talk.emit(CLIENT, ACK | PSH, SYNC, sequence=1044)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[{"end": "fin"}, {}],
        totals={"after_end": len(SYNC)},
    )


@cases({"in-the-past": -20, "in-the-window": 100, "far-away": 1_000_000_000})
def reset_not_expected(distance: int) -> Expect:
    """A RST that its receiver ignores (RFC 5961 section 3)."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.emit(CLIENT, RST, sequence=1043 + distance)
    wire.wait(60)
    return Expect(seen(wire), messages=pair(), connections=[{"end": "open"}], totals={})


@cases({"at-once": 0, "a-minute-later": 60})
def reset_that_the_receiver_ignores(seconds: int) -> Expect:
    """Whatever its number: the conversation goes on, so it was no end."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.emit(CLIENT, RST)
    wire.wait(seconds)
    talk.say(SERVER, SYNC).say(CLIENT, SYNCED).ack(SERVER)
    return Expect(
        seen(wire),
        messages=[
            *pair(),
            request(1002, accepted="yes", id="s"),
            response(1002, accepted="yes", reply="s"),
        ],
        connections=[{"end": "open"}],
        totals={},
    )


@case
def payload_that_crossed_the_reset() -> Expect:
    """The receiver closed before it came, and does not acknowledge it."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.emit(CLIENT, RST)
    talk.emit(SERVER, ACK | PSH, SYNC)
    talk.emit(CLIENT, RST)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[{"end": "rst"}],
        totals={"after_end": len(SYNC)},
    )


@case
def syn_inside_a_connection() -> Expect:
    """A forged SYN that nobody answers ends nothing (RFC 5961 section 4)."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    talk.emit(CLIENT, SYN, sequence=3_000_000_000)
    talk.say(SERVER, PONG).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[request(1003, id="p"), response(1003, frame=6, reply="p")],
        connections=[{"start": "syn", "end": "open", "client_messages": 1, "server_messages": 1}],
        totals={"out_of_window": 0},
    )


@cases({"client": CLIENT, "server": SERVER})
def forged_syn_during_the_handshake(side: int) -> Expect:
    """Between SYN and SYN-ACK: what answers the first SYN is the connection."""
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, SYN, sequence=999)
    flags, acknowledgement = (SYN, 0) if side == CLIENT else (SYN | ACK, 77_777)
    talk.emit(side, flags, sequence=3_000_000_000, acknowledgement=acknowledgement)
    talk.emit(SERVER, SYN | ACK, sequence=499_999)
    talk.ack(CLIENT).say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[
            request(1003, frame=5, accepted="yes", id="p"),
            response(1003, frame=6, accepted="yes", reply="p"),
        ],
        connections=[{"start": "syn", "end": "open", "client_messages": 1, "server_messages": 1}],
        totals={"out_of_window": 0},
    )


@case
def syns_without_an_answer() -> Expect:
    """Each is a connection of its own, as for tshark."""
    wire = Wire()
    talk = wire.talk(opened=False)
    for sequence in (5000, 4000, 4000, 90_000):
        talk.emit(CLIENT, SYN, sequence=sequence)
    return Expect(
        seen(wire),
        connections=[
            {"start": "syn", "client_packets": packets, "opened": T(first)}
            for packets, first in ((1, 1), (2, 2), (1, 4))
        ],
        totals={},
    )


@case
def syn_that_ends_a_conversation() -> Expect:
    """Nothing answers it, and the connection does not go on: another one, with a lower number."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.emit(CLIENT, SYN, sequence=10)
    talk.emit(CLIENT, SYN, sequence=10)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[
            {"end": "open", "closed": T(6)},
            {"start": "syn", "client_packets": 2, "server_packets": 0, "opened": T(7)},
        ],
        totals={},
    )


@case
def syn_inside_a_connection_refused() -> Expect:
    """The receiver forgot the connection: its RST acknowledges the SYN."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.emit(CLIENT, SYN, sequence=10)
    talk.emit(SERVER, RST | ACK, sequence=0, acknowledgement=11)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[{"end": "reused"}, {"start": "syn", "end": "rst"}],
        totals={},
    )


@case
def syn_inside_a_half_open_connection() -> Expect:
    """The server answers with its old numbers, the client resets them and tries again (RFC 9293
    figure 10).
    """
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.emit(CLIENT, SYN, sequence=10)
    talk.emit(SERVER, ACK)
    talk.emit(CLIENT, RST)
    talk.emit(CLIENT, SYN, sequence=10)
    talk.emit(SERVER, SYN | ACK, sequence=7000, acknowledgement=11)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[
            {"end": "rst"},
            {"start": "syn", "end": "open", "opened": T(7), "client_packets": 2},
        ],
        totals={},
    )


@case
def data_in_a_syn_inside_a_connection() -> Expect:
    """TCP Fast Open (RFC 7413) on ports that are used again."""
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk = wire.talk(opened=False, first=(900_000, 7000))
    talk.emit(CLIENT, SYN, PING, sequence=899_999)
    talk.lose(CLIENT, len(PING))
    talk.emit(SERVER, SYN | ACK, sequence=6999)
    talk.ack(CLIENT).say(SERVER, PONG).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[
            *pair(connection=0),
            request(1003, connection=1, accepted="yes", id="q"),
            response(1003, connection=1, accepted="yes", reply="q"),
        ],
        connections=[{"end": "reused"}, {"start": "syn", "end": "open"}],
        totals={},
    )


@case
def acknowledgement_of_what_was_not_sent() -> Expect:
    """Forged, within the window: the message that the server sends later is not acknowledged."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.ack(CLIENT, acknowledgement=talk.sequence[SERVER] + 1000)
    talk.say(SERVER, SYNC)
    talk.emit(CLIENT, ACK | PSH, FLAGS, acknowledgement=talk.sequence[SERVER] - len(SYNC))
    talk.lose(CLIENT, len(FLAGS))
    talk.emit(CLIENT, RST)
    return Expect(
        seen(wire),
        messages=[*pair(), request(1002, accepted="unknown"), request(1007)],
        connections=[{"end": "rst", "server_lost": 0}],
        totals={},
    )


@case
def acknowledgement_of_what_was_missed() -> Expect:
    """The capture missed a message, and shows that it was sent by the one after it."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    talk.lose(SERVER, len(SYNC)).ack(CLIENT)
    talk.say(SERVER, FLAGS).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[*pair(), request(1007, accepted="yes")],
        connections=[{"end": "open", "server_lost": len(SYNC)}],
        totals={"lost": len(SYNC)},
    )


@case
def acknowledgement_from_before_the_window() -> Expect:
    """RFC 5961 section 5: a forged segment at the right number acknowledges what was said longer
    ago than a window.
    """
    wire = Wire()
    talk = wire.talk()
    for _ in range(4):
        talk.say(SERVER, news(50_000)).ack(CLIENT)
    stale = talk.sequence[SERVER] - 150_000
    talk.emit(CLIENT, ACK | PSH, b"\x55" * 43, acknowledgement=stale)
    talk.say(CLIENT, PING).ack(SERVER)
    return Expect(
        seen(wire),
        messages=[*(notification(2002, accepted="yes") for _ in range(4)), request(1003)],
        connections=[{"end": "open"}],
        totals={"out_of_window": 43},
    )


@case
def first_copy_that_the_receiver_drops() -> Expect:
    """A forged copy with a low TTL comes first; the real one differs, and is acknowledged."""
    wire = Wire()
    talk = wire.talk()
    talk.emit(CLIENT, ACK | PSH, PING[:33] + b"\x55" * 10)
    talk.say(CLIENT, PING).say(SERVER, SYNC).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[
            {**request(1003, accepted="unknown"), "status": "malformed"},
            request(1002, accepted="yes"),
        ],
        totals={"conflict": 43, "malformed": 43},
    )


@case
def repeated_bytes_that_agree() -> Expect:
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    talk.emit(CLIENT, ACK | PSH, PING, sequence=1000)
    talk.ack(SERVER)
    return Expect(seen(wire), messages=[request(1003, accepted="yes")], totals={})


@cases({"FIN": FIN | ACK, "RST": RST})
def beginning_that_is_acknowledged(end: int) -> Expect:
    """A message that its sender never ends: all bytes that it sent are acknowledged."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, HELLO[:50]).ack(SERVER)
    talk.emit(SERVER, end)
    return Expect(
        seen(wire),
        messages=[{**request(1001, accepted="yes"), "status": "truncated", "captured": 17}],
        totals={"truncated": 50},
    )


@case
def beginning_that_only_a_reset_answers() -> Expect:
    """The acknowledgement number of a reset is no acknowledgement: an abort needs none (RFC 9293
    section 3.10.5), and stacks differ.
    """
    wire = Wire()
    talk = wire.talk().say(CLIENT, HELLO[:50])
    talk.emit(SERVER, RST | ACK)
    return Expect(
        seen(wire),
        messages=[{**request(1001, accepted="unknown"), "status": "truncated", "captured": 17}],
        totals={"truncated": 50},
    )


@case
def declared_length_over_the_limit_that_is_acknowledged() -> Expect:
    """The receiver closes when it has read the header."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, bucket(1001, b"x" * 9, expect=1, length=1 << 40)).ack(SERVER)
    talk.emit(SERVER, FIN | ACK)
    talk.ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[
            {
                **request(1001, accepted="yes"),
                "status": "oversize",
                "captured": 9,
                "length": 1 << 40,
            }
        ],
        totals={"oversize": 42},
    )
