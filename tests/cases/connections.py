"""TCP: what is one connection, how it begins, ends and falls silent, and which end is the vantage
node.
"""

from __future__ import annotations

import socket

from support import craft

from ._build import (
    ACK,
    CLIENT,
    CLIENT_IP,
    FIN,
    HELLO,
    MILLISECOND,
    PING,
    PONG,
    PSH,
    RST,
    SERVER,
    SERVER_IP,
    SYN,
    SYNC,
    SYNCED,
    WELCOME,
    T,
    Wire,
    news,
    seen,
)
from ._case import Expect, case, cases, notification, pair, request, response

SIX = ("2001:db8:1::1", "2001:db8:10::10")


# ---------------------------------------------------------------- one connection, whole


@case
def connection_in_full() -> Expect:
    wire = Wire()
    wire.talk(ttl=(57, 64)).say(CLIENT, PING).say(SERVER, PONG).close()
    return Expect(
        seen(wire),
        messages=[
            request(1003, connection=0, from_client=True, direction="received", peer=CLIENT_IP, file=0, frame=4, end_frame=4, time=T(4), end_time=T(4), name="PING", version=1, length=10, captured=10, segments=1,
                    first_segment=43, shared=False, fragments=1, id="ping"),
            response(1003, connection=0, from_client=False, direction="sent", peer=CLIENT_IP, frame=5, end_frame=5, time=T(5), end_time=T(5), name="PING", version=1, length=38, captured=38, segments=1,
                     first_segment=71, shared=False, fragments=1, reply="ping"),
        ],
        connections=[
            {"connection": 0, "vantage": SERVER_IP, "peer": CLIENT_IP, "direction": "incoming", "client": CLIENT_IP, "client_port": 40000, "server": SERVER_IP, "server_port": 18080, "opened": T(1), "closed": T(8),
             "start": "syn", "end": "fin", "rtt": 2 * MILLISECOND, "client_mss": 1460, "server_mss": 1460, "client_ttl": 57, "server_ttl": 64, "client_packets": 5, "server_packets": 3, "client_bytes": 43,
             "server_bytes": 71, "client_retransmitted": 0, "server_retransmitted": 0, "client_out_of_order": 0, "server_out_of_order": 0, "client_lost": 0, "server_lost": 0, "client_messages": 1,
             "server_messages": 1}
        ],
        totals={},
        peer_lists=[],
        sync_data=[],
        node_data=[{"message": 1, "peer_id": 0x1122334455667788, "status_text": "OK"}],
    )  # fmt: skip


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


# ---------------------------------------------------------------- how connections end, and the next
# one with the same ports


@case
def port_reused_after_fin() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(SERVER, PONG).close()  # frames 1 to 8
    wire.talk(first=(900_000, 7000)).say(CLIENT, PING).say(SERVER, PONG).close()
    return Expect(
        seen(wire),
        messages=[*pair(4, "a", connection=0), *pair(12, "b", connection=1)],
        connections=[
            {"start": "syn", "end": "fin", "opened": T(1), "closed": T(8)},
            {"start": "syn", "end": "fin", "opened": T(9), "closed": T(16)},
        ],
        totals={},
    )


@cases(
    {"higher": (3_000_000_000, 9), "lower": (10, 2_000_000_000), "little-higher": (1500, 500_500)}
)
def port_reused_without_an_end(client: int, server: int) -> Expect:
    """The end of the first was not captured; the new SYN tells, wherever its sequence numbers
    lie.
    """
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    wire.talk(first=(client, server)).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[*pair(4, "a", connection=0), *pair(9, "b", connection=1)],
        connections=[
            {"end": "reused", "closed": T(5)},
            {"start": "syn", "end": "open", "opened": T(6)},
        ],
        totals={},
    )


@case
def port_reused_in_the_middle_of_a_message() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, news(1000)[:433])
    wire.talk(first=(900_000, 7000)).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            notification(
                2002, status="truncated", length=1000, captured=400, connection=0, frame=4
            ),
            request(1003, connection=1, frame=8),
        ],
        connections=[{"end": "reused"}, {"end": "open"}],
        totals={"truncated": 433},
    )


@case
def port_reused_by_the_other_side() -> Expect:
    """The former server opens a connection from its port to the former client's."""
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(SERVER, PONG).close()
    wire.talk(18080, client=SERVER_IP, server=CLIENT_IP, server_port=40000, first=(77, 88)).say(
        CLIENT, PING
    ).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[*pair(4, "a", connection=0), *pair(12, "b", connection=1)],
        connections=[
            {"direction": "incoming"},
            {"direction": "outgoing", "client_port": 18080, "server_port": 40000},
        ],
    )


@case
def five_incarnations() -> Expect:
    wire = Wire()
    for i in range(5):
        talk = wire.talk(first=(1000 + i * 100_000, 500_000 + i))
        talk.say(CLIENT, PING).say(SERVER, PONG)
        if i % 2:
            talk.reset()
        else:
            talk.close()
    ends = ["fin", "rst", "fin", "rst", "fin"]
    return Expect(
        seen(wire),
        connections=[{"end": end, "client_messages": 1, "server_messages": 1} for end in ends],
        totals={},
    )


@case
def reset_then_a_new_connection() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, PING).reset(SERVER)  # frames 1 to 5
    wire.talk(first=(5, 6)).say(CLIENT, PING).say(SERVER, PONG)  # 6 to 10
    return Expect(
        seen(wire),
        messages=[request(1003, connection=0, frame=4), *pair(9, connection=1)],
        connections=[{"end": "rst", "closed": T(5)}, {"start": "syn", "end": "open"}],
        totals={},
    )


@case
def reset_in_the_middle_of_a_message() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(SERVER, news(1000)[:533]).reset()
    return Expect(
        seen(wire),
        messages=[
            request(1003),
            notification(2002, status="truncated", length=1000, captured=500, frame=5),
        ],
        connections=[{"end": "rst"}],
        totals={"truncated": 533},
    )


@case
def reset_repeated() -> Expect:
    """One RST for every segment that was still under way: one connection."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    for _ in range(3):
        talk.emit(CLIENT, RST)
    return Expect(
        seen(wire), messages=pair(), connections=[{"end": "rst", "client_packets": 6}], totals={}
    )


@case
def refused() -> Expect:
    """SYN, then RST: nobody listens."""
    wire = Wire()
    talk = wire.talk(opened=False)
    talk.emit(CLIENT, SYN, sequence=999)
    talk.emit(SERVER, RST | ACK, sequence=0, acknowledgement=1000)
    return Expect(
        seen(wire),
        messages=[],
        connections=[{"start": "syn", "end": "rst", "client_packets": 1, "server_packets": 1}],
        totals={},
    )


@case
def fin_of_the_server_first() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(SERVER, PONG).close(SERVER)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[{"end": "fin", "client_packets": 4, "server_packets": 4}],
        totals={},
    )


@case
def half_closed() -> Expect:
    """The client is done after its request; the answer comes later, and then the other FIN."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    talk.emit(CLIENT, FIN | ACK)
    talk.lose(CLIENT, 1)
    wire.wait(20)
    talk.cuts(SERVER, PONG, 40)
    talk.emit(SERVER, FIN | ACK)
    talk.lose(SERVER, 1)
    talk.ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[request(1003, id="p"), response(1003, frame=6, end_frame=7, reply="p")],
        connections=[{"end": "fin"}],
        totals={},
    )


@case
def fin_with_the_last_data() -> Expect:
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING, flags=ACK | PSH | FIN).lose(CLIENT, 1)
    talk.say(SERVER, PONG, flags=ACK | PSH | FIN).lose(SERVER, 1)
    talk.ack(CLIENT)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[{"end": "fin", "client_bytes": 43, "server_bytes": 71}],
        totals={},
    )


@case
def fin_retransmitted() -> Expect:
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    for _ in range(3):
        talk.emit(CLIENT, FIN | ACK)
    talk.lose(CLIENT, 1)
    for _ in range(2):
        talk.emit(SERVER, FIN | ACK)
    talk.lose(SERVER, 1)
    talk.ack(CLIENT).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[
            {"end": "fin", "client_packets": 8, "server_packets": 4, "client_retransmitted": 0}
        ],
        totals={},
    )


@case
def fin_ahead_of_the_last_data() -> Expect:
    """FIN overtakes: the bytes before it still count."""
    wire = Wire()
    talk = wire.talk()
    talk.emit(CLIENT, FIN | ACK, sequence=1043)  # frame 4
    talk.say(CLIENT, PING).lose(CLIENT, 1)
    talk.say(SERVER, PONG)
    talk.emit(SERVER, FIN | ACK)
    return Expect(
        seen(wire),
        messages=pair(5),
        connections=[{"end": "fin", "client_bytes": 43, "client_lost": 0}],
        totals={},
    )


@case
def reset_after_both_fins() -> Expect:
    """Still one connection."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    talk.close()
    talk.emit(CLIENT, RST)
    talk.emit(SERVER, RST)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[{"client_packets": 6, "server_packets": 4}],
        totals={},
    )


@case
def data_after_fin() -> Expect:
    """No end of TCP would take it; it must not do harm to what came before, nor to the other
    direction.
    """
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    talk.emit(CLIENT, FIN | ACK)
    talk.lose(CLIENT, 1)
    talk.say(CLIENT, b"\x55" * 50)
    talk.say(SERVER, PONG)
    return Expect(
        seen(wire), complete=[request(1003, frame=4, id="p"), response(1003, frame=7, reply="p")]
    )


@case
def reset_of_an_older_incarnation() -> Expect:
    """A late RST whose sequence number belongs to the connection before: the new one goes on."""
    wire = Wire()
    old = wire.talk().say(CLIENT, PING)
    new = wire.talk(first=(2_000_000_000, 7000)).say(CLIENT, PING)  # ping in frame 8
    old.emit(CLIENT, RST)
    new.say(SERVER, PONG)
    return Expect(
        seen(wire),
        complete=[
            request(1003, connection=0),
            request(1003, connection=1, frame=8, id="p"),
            response(1003, connection=1, frame=10, reply="p"),
        ],
        connections=[{}, {"end": "open"}],
    )


@case
def data_goes_on_after_a_reset() -> Expect:
    """A forged RST that the ends ignored: what they say is decoded all the same."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    talk.emit(CLIENT, RST)
    talk.say(CLIENT, SYNC).say(SERVER, SYNCED)
    return Expect(
        seen(wire),
        complete=[*pair(), request(1002, frame=7, id="s"), response(1002, frame=8, reply="s")],
        totals={},
    )


@case
def reset_with_text() -> Expect:
    """RFC 9293 lets a RST carry a reason; it is no stream data."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    talk.emit(SERVER, RST | ACK, b"go away")
    return Expect(seen(wire), complete=pair(), connections=[{"end": "rst"}])


# ---------------------------------------------------------------- silence


@case
def idle_for_hours() -> Expect:
    """Two hours without a packet: whatever uses the ports then is another connection, seen from its
    middle.
    """
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    wire.wait(7200)
    talk.say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, connection=0), response(1003, connection=1, reply=None)],
        connections=[
            {"start": "syn", "end": "idle", "opened": T(1), "closed": T(4)},
            {"start": "midstream", "end": "open", "client_port": 40000, "server_port": 18080},
        ],
        totals={},
    )


@case
def quiet_for_five_minutes() -> Expect:
    """Less than monerod's own idle limit: the same connection."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    wire.wait(299)
    talk.say(SERVER, PONG)
    return Expect(
        seen(wire), messages=pair(), connections=[{"start": "syn", "end": "open"}], totals={}
    )


@case
def idle_while_others_talk() -> Expect:
    """Capture time goes on with the packets of other connections; the first never says a word
    again.
    """
    wire = Wire()
    wire.talk().say(CLIENT, news(1000)[:133])
    wire.wait(3600)
    other = wire.talk(40001)
    for _ in range(3):
        wire.wait(400)
        other.say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        connections=[
            {"end": "idle", "closed": T(4)},
            {"end": "open", "client_messages": 3, "server_messages": 3},
        ],
        totals={"truncated": 133},
    )


# ---------------------------------------------------------------- how connections begin


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
    made = {CLIENT: request(1003), SERVER: response(1003, reply=None)}[side]
    return Expect(
        seen(wire),
        messages=[made] * 3,
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
