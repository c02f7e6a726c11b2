"""Segments that a TCP stack accepts or drops: RFC 9293 section 3.10.7.4, RFC 5961."""

from __future__ import annotations

from ._build import ACK, CLIENT, FIN, PING, PONG, PSH, RST, SERVER, SYN, SYNC, SYNCED, Wire, seen
from ._case import Expect, case, cases, pair, request, response


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
