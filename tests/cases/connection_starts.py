"""How connections begin."""

from __future__ import annotations

import socket

from support import craft

from ._build import (
    ACK,
    CLIENT,
    CLIENT_IP,
    FIN,
    HELLO,
    PING,
    PONG,
    SERVER,
    SERVER_IP,
    SYN,
    WELCOME,
    T,
    Wire,
    seen,
)
from ._case import Expect, case, cases, notification, pair, request, response


@case
def syn_retransmitted() -> Expect:
    wire = Wire()
    talk = wire.talk(opened=False)
    for _ in range(3):
        talk.emit(CLIENT, SYN, sequence=999, options=craft.mss(1460))
        wire.wait(1)
    talk.emit(SERVER, SYN | ACK, sequence=499999)
    talk.ack(CLIENT).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=pair(6),
        connections=[
            {"start": "syn", "opened": T(1), "client_packets": 5, "client_retransmitted": 0}
        ],
        totals={},
    )


@case
def syn_and_ack_retransmitted() -> Expect:
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, SYN, sequence=999)
    for _ in range(4):
        talk.emit(SERVER, SYN | ACK, sequence=499999)
    talk.ack(CLIENT).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire), messages=pair(7), connections=[{"start": "syn", "server_packets": 5}], totals={}
    )


@case
def syn_repeated_after_data() -> Expect:
    """A duplicate of the first SYN that was long under way is no new connection."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    talk.emit(CLIENT, SYN, sequence=999, options=craft.mss(1460))
    talk.say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=4, id="p"), response(1003, frame=6, reply="p")],
        connections=[{"start": "syn", "client_packets": 4}],
        totals={},
    )


@case
def syn_alone() -> Expect:
    wire = Wire()
    wire.talk(opened=False).emit(CLIENT, SYN, sequence=999)
    return Expect(
        seen(wire),
        messages=[],
        connections=[
            {
                "start": "syn",
                "end": "open",
                "client": CLIENT_IP,
                "server": SERVER_IP,
                "rtt": None,
                "server_ttl": None,
                "server_mss": None,
            }
        ],
        totals={},
    )


@case
def syn_and_ack_alone() -> Expect:
    """Who answers a SYN is the server, whatever the ports."""
    wire = Wire()
    wire.talk(18080, server_port=40000, opened=False).emit(SERVER, SYN | ACK, sequence=499999)
    return Expect(
        seen(wire),
        messages=[],
        connections=[
            {
                "client": CLIENT_IP,
                "client_port": 18080,
                "server": SERVER_IP,
                "server_port": 40000,
                "direction": "incoming",
            }
        ],
        totals={},
    )


@case
def syn_not_captured() -> Expect:
    """The answer to it was: it tells who is who, and where either stream begins."""
    wire = Wire()
    talk = wire.talk(18080, server_port=40000, opened=False)
    talk.emit(SERVER, SYN | ACK, sequence=499999, options=craft.mss(1400))
    talk.ack(CLIENT).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=pair(3),
        connections=[
            {
                "client_port": 18080,
                "server_port": 40000,
                "rtt": None,
                "server_mss": 1400,
                "client_mss": None,
            }
        ],
        totals={},
    )


@case
def syn_and_ack_before_the_syn() -> Expect:
    """Two queues of a network card: the capture swapped them."""
    wire = Wire()
    talk = wire.talk(18080, server_port=40000, opened=False)
    talk.emit(SERVER, SYN | ACK, sequence=499999)
    talk.emit(CLIENT, SYN, sequence=999)
    talk.ack(CLIENT).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[{"client_port": 18080, "server_port": 40000, "start": "syn"}],
        totals={},
    )


@case
def syn_of_both_sides() -> Expect:
    """Simultaneous open: one connection."""
    wire = Wire()
    talk = wire.talk(18080, opened=False)
    talk.emit(CLIENT, SYN, sequence=999)
    talk.emit(SERVER, SYN, sequence=499999)
    talk.emit(SERVER, SYN | ACK, sequence=499999)
    talk.emit(CLIENT, SYN | ACK, sequence=999)
    talk.say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=pair(5),
        connections=[{"start": "syn", "client_packets": 3, "server_packets": 3}],
        totals={},
    )


@case
def data_on_the_syn() -> Expect:
    """TCP Fast Open."""
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, SYN, PING, sequence=999)
    talk.lose(CLIENT, 43)
    talk.emit(SERVER, SYN | ACK, sequence=499999)
    talk.say(SERVER, PONG).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=1, time=T(1), id="p"), response(1003, frame=3, reply="p")],
        connections=[{"start": "syn", "client_bytes": 43, "client_lost": 0}],
        totals={},
    )


@case
def data_on_the_syn_and_the_answer() -> Expect:
    """Both sides; the message goes on after the handshake."""
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, SYN, HELLO[:100], sequence=999)
    talk.lose(CLIENT, 100)
    talk.emit(SERVER, SYN | ACK, POOLED, sequence=499999)
    talk.lose(SERVER, len(POOLED))
    talk.say(CLIENT, HELLO[100:]).say(SERVER, WELCOME)
    return Expect(
        seen(wire),
        messages=[
            notification(2010, frame=2),
            request(1001, frame=1, end_frame=3, segments=2, first_segment=100, id="h"),
            response(1001, frame=4, reply="h"),
        ],
        totals={},
    )


POOLED = craft.notification(2010)


@cases({"second": (7_000_000, 499999), "first": (499999, 7_000_000)})
def syn_answered_twice(first: int, second: int) -> Expect:
    """SYN cookies: the ACK tells which of the two answers holds."""
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, SYN, sequence=999)
    talk.emit(SERVER, SYN | ACK, sequence=first, acknowledgement=1000)
    talk.emit(SERVER, SYN | ACK, sequence=second, acknowledgement=1000)
    talk.ack(CLIENT).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=5, id="p"), response(1003, frame=6, reply="p")],
        connections=[{"start": "syn", "client_lost": 0, "server_lost": 0, "server_bytes": 71}],
        totals={},
    )


@case
def syn_overtaken_by_the_ack() -> Expect:
    """The capture has the client's ACK before its SYN: one connection, and it has its beginning."""
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, ACK, sequence=1000, acknowledgement=500000)
    talk.emit(CLIENT, SYN, sequence=999)
    talk.emit(SERVER, SYN | ACK, sequence=499999, acknowledgement=1000)
    talk.say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=4, id="p"), response(1003, frame=5, reply="p")],
        connections=[{"start": "syn", "client_lost": 0, "server_lost": 0}],
        totals={},
    )


@case
def all_of_a_direction_lost() -> Expect:
    """No payload at all was captured; the FIN tells that there was some."""
    wire = Wire()
    talk = wire.talk()
    talk.lose(CLIENT, 295)
    talk.emit(CLIENT, ACK | FIN)
    return Expect(
        seen(wire),
        messages=[],
        connections=[{"client_bytes": 0, "client_lost": 295, "server_lost": 0}],
        totals={"lost": 295},
    )


@case
def data_on_the_syn_refused() -> Expect:
    """The server took the SYN only; the data is sent again."""
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, SYN, PING, sequence=999)
    talk.emit(SERVER, SYN | ACK, sequence=499999, acknowledgement=1000)
    talk.say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=1, id="p"), response(1003, frame=4, reply="p")],
        connections=[{"client_bytes": 43, "client_retransmitted": 43}],
        totals={},
    )


@cases({"client": CLIENT, "server": SERVER})
def one_direction_only(side: int) -> Expect:
    wire = Wire()
    talk = wire.talk()
    for _ in range(3):
        talk.say(CLIENT, PING).say(SERVER, PONG)
    talk.close()
    address = socket.inet_aton(CLIENT_IP if side == CLIENT else SERVER_IP)
    wire.packets[:] = [packet for packet in wire.packets if packet.data[26:30] == address]
    row = {CLIENT: request(1003), SERVER: response(1003, reply=None)}[side]
    return Expect(
        seen(wire),
        messages=[row] * 3,
        connections=[
            {
                "client": CLIENT_IP,
                "server": SERVER_IP,
                "direction": "incoming",
                "client_messages": 3 * (side == CLIENT),
                "server_messages": 3 * (side == SERVER),
            }
        ],
        some_problems=[],
    )


@case
def roles_without_a_syn() -> Expect:
    """The Levin port is the server's, whoever speaks first."""
    wire = Wire()
    wire.talk(opened=False).say(SERVER, PING).say(CLIENT, PONG)
    return Expect(
        seen(wire),
        messages=[
            request(1003, from_client=False, direction="sent", id="p"),
            response(1003, from_client=True, direction="received", reply="p"),
        ],
        connections=[
            {
                "start": "midstream",
                "client": CLIENT_IP,
                "client_port": 40000,
                "server": SERVER_IP,
                "server_port": 18080,
                "direction": "incoming",
                "rtt": None,
                "client_mss": None,
                "server_mss": None,
            }
        ],
        totals={},
    )
