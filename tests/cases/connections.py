"""Connections as a whole, and the vantage node."""

from __future__ import annotations

from ._build import (
    ACK,
    CLIENT,
    CLIENT_IP,
    MILLISECOND,
    PING,
    PONG,
    SERVER,
    SERVER_IP,
    SYN,
    T,
    Wire,
    seen,
)
from ._case import Expect, case, pair, request, response

SIX = ("2001:db8:1::1", "2001:db8:10::10")


# ---------------------------------------------------------------- one connection, whole


@case
def connection_in_full() -> Expect:
    wire = Wire()
    wire.talk(ttl=(57, 64)).say(CLIENT, PING).say(SERVER, PONG).close()
    return Expect(
        seen(wire),
        messages=[
            request(
                1003,
                connection=0,
                from_client=True,
                direction="received",
                peer=CLIENT_IP,
                file=0,
                frame=4,
                end_frame=4,
                time=T(4),
                end_time=T(4),
                name="PING",
                version=1,
                length=10,
                captured=10,
                segments=1,
                first_segment=43,
                shared=False,
                fragments=1,
                id="ping",
            ),
            response(
                1003,
                connection=0,
                from_client=False,
                direction="sent",
                peer=CLIENT_IP,
                frame=5,
                end_frame=5,
                time=T(5),
                end_time=T(5),
                name="PING",
                version=1,
                length=38,
                captured=38,
                segments=1,
                first_segment=71,
                shared=False,
                fragments=1,
                reply="ping",
            ),
        ],
        connections=[
            {
                "connection": 0,
                "vantage": SERVER_IP,
                "peer": CLIENT_IP,
                "direction": "incoming",
                "client": CLIENT_IP,
                "client_port": 40000,
                "server": SERVER_IP,
                "server_port": 18080,
                "opened": T(1),
                "closed": T(8),
                "start": "syn",
                "end": "fin",
                "rtt": 2 * MILLISECOND,
                "client_mss": 1460,
                "server_mss": 1460,
                "client_ttl": 57,
                "server_ttl": 64,
                "client_packets": 5,
                "server_packets": 3,
                "client_bytes": 43,
                "server_bytes": 71,
                "client_retransmitted": 0,
                "server_retransmitted": 0,
                "client_out_of_order": 0,
                "server_out_of_order": 0,
                "client_lost": 0,
                "server_lost": 0,
                "client_messages": 1,
                "server_messages": 1,
            }
        ],
        totals={},
        peer_lists=[],
        sync_data=[],
        node_data=[{"message": 1, "peer_id": 0x1122334455667788, "status_text": "OK"}],
    )


@case
def connection_outgoing() -> Expect:
    """The vantage opened it."""
    wire = Wire()
    wire.talk(client=SERVER_IP, server="203.0.113.9").say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[
            request(1003, direction="sent", peer="203.0.113.9", from_client=True, id="p"),
            response(1003, direction="received", peer="203.0.113.9", from_client=False, reply="p"),
        ],
        connections=[
            {
                "direction": "outgoing",
                "vantage": SERVER_IP,
                "peer": "203.0.113.9",
                "client": SERVER_IP,
                "end": "open",
                "closed": T(5),
            }
        ],
    )


@case
def maximum_segment_sizes() -> Expect:
    wire = Wire()
    wire.talk(opened=False).open(1400, 536)
    other = wire.talk(40001, opened=False)
    other.emit(CLIENT, SYN, sequence=999)
    other.emit(SERVER, SYN | ACK, sequence=499999, options=b"\x01\x01\x02\x04\x05\xb4\x03\x03\x07")
    return Expect(
        seen(wire),
        connections=[
            {"client_mss": 1400, "server_mss": 536},
            {"client_mss": None, "server_mss": 1460},
        ],
    )


@case
def round_trip_time_with_a_slow_peer() -> Expect:
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, SYN, sequence=999)
    wire.wait(0.250)
    talk.emit(SERVER, SYN | ACK, sequence=499999)
    wire.wait(0.030)
    talk.ack(CLIENT)
    return Expect(seen(wire), connections=[{"rtt": 280 * MILLISECOND}])


@case
def round_trip_time_unknown_without_all_three() -> Expect:
    wire = Wire()
    lost = wire.talk(opened=False)
    lost.emit(CLIENT, SYN, sequence=999)
    lost.ack(CLIENT).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire), connections=[{"rtt": None, "start": "syn"}], messages=pair(3), totals={}
    )


@case
def connection_without_payload() -> Expect:
    wire = Wire()
    wire.talk().close()
    return Expect(
        seen(wire),
        messages=[],
        connections=[
            {
                "start": "syn",
                "end": "fin",
                "client_bytes": 0,
                "server_bytes": 0,
                "client_packets": 4,
                "server_packets": 2,
            }
        ],
        totals={},
    )


@case
def many_connections_side_by_side() -> Expect:
    """Four peers and two ports of one of them, interleaved packet by packet."""
    wire = Wire()
    ends = [
        ("192.0.2.1", 40000),
        ("192.0.2.2", 40000),
        ("192.0.2.3", 40000),
        ("192.0.2.4", 40000),
        ("192.0.2.4", 40001),
    ]
    talks = [wire.talk(port, client=ip, opened=False) for ip, port in ends]
    for talk in talks:
        talk.emit(CLIENT, SYN, sequence=999)
    for talk in talks:
        talk.emit(SERVER, SYN | ACK, sequence=499999)
    for talk in talks:
        talk.cuts(CLIENT, PING, 20)
    for talk in reversed(talks):
        talk.say(SERVER, PONG)
    expected = [
        request(1003, connection=i, peer=ip, frame=11 + 2 * i, end_frame=12 + 2 * i, id=f"{i}")
        for i, (ip, _) in enumerate(ends)
    ]
    expected += [response(1003, connection=4 - i, frame=21 + i, reply=f"{4 - i}") for i in range(5)]
    return Expect(
        seen(wire),
        messages=expected,
        connections=[{"client": ip, "client_port": port} for ip, port in ends],
        totals={},
    )


# ---------------------------------------------------------------- the vantage node


@case
def vantage_inferred() -> Expect:
    """The address that all connections share, client of one and server of two."""
    wire = Wire()
    wire.talk(client="192.0.2.1").say(CLIENT, PING)
    wire.talk(client="192.0.2.2").say(CLIENT, PING)
    wire.talk(client=SERVER_IP, server="192.0.2.3").say(CLIENT, PING)
    return Expect(
        seen(wire),
        connections=[
            {"vantage": SERVER_IP, "peer": "192.0.2.1", "direction": "incoming"},
            {"vantage": SERVER_IP, "peer": "192.0.2.2", "direction": "incoming"},
            {"vantage": SERVER_IP, "peer": "192.0.2.3", "direction": "outgoing"},
        ],
        messages=[
            request(1003, direction="received"),
            request(1003, direction="received"),
            request(1003, direction="sent"),
        ],
        inferred=True,
    )


@case
def vantage_of_two_addresses() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, PING)
    wire.talk(client=SIX[1], server=SIX[0]).say(CLIENT, PING)
    return Expect(
        seen(wire),
        connections=[
            {"vantage": SERVER_IP, "direction": "incoming", "peer": CLIENT_IP},
            {"vantage": SIX[1], "direction": "outgoing", "peer": SIX[0]},
        ],
        inferred=True,
        options={"host": [SERVER_IP, SIX[1]]},
    )


@case
def vantage_written_otherwise() -> Expect:
    """Another text of the same address."""
    wire = Wire()
    wire.talk(client=SIX[0], server=SIX[1]).say(CLIENT, PING)
    return Expect(
        seen(wire),
        connections=[{"vantage": SIX[1], "peer": SIX[0]}],
        host="2001:0DB8:0010:0000::0010",
    )


@case
def connection_of_two_other_hosts() -> Expect:
    """Seen by a promiscuous capture: decoded, but nobody's peer."""
    wire = Wire()
    wire.talk().say(CLIENT, PING)
    wire.talk(client="192.0.2.50", server="192.0.2.60").say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[
            request(1003, peer=CLIENT_IP, direction="received"),
            request(1003, peer=None, direction=None, id="p"),
            response(1003, peer=None, direction=None, reply="p"),
        ],
        connections=[
            {"vantage": SERVER_IP},
            {
                "vantage": None,
                "peer": None,
                "direction": None,
                "client": "192.0.2.50",
                "server": "192.0.2.60",
            },
        ],
    )
