"""How connections end and the next one on the same ports begins, and silence."""

from __future__ import annotations

from ._build import (
    ACK,
    CLIENT,
    CLIENT_IP,
    FIN,
    PING,
    PONG,
    PSH,
    RST,
    SERVER,
    SERVER_IP,
    SYN,
    SYNC,
    SYNCED,
    T,
    Wire,
    news,
    seen,
)
from ._case import Expect, case, cases, notification, pair, request, response

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
def half_closed_while_the_other_side_goes_on() -> Expect:
    """The client sends nothing after its FIN but acknowledgements, for many messages."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    talk.emit(CLIENT, FIN | ACK)
    talk.lose(CLIENT, 1)
    for _ in range(5):
        wire.wait(60)
        talk.say(SERVER, SYNC).ack(CLIENT)
    return Expect(
        seen(wire),
        messages=[
            *pair(),
            *(request(1002, frame=7 + 2 * number, accepted="yes") for number in range(5)),
        ],
        connections=[{"end": "open", "server_bytes": 71 + 5 * len(SYNC), "server_lost": 0}],
        totals={},
    )


@case
def reset_with_data_of_the_stream() -> Expect:
    """The payload of a RST is no message, also where one is due and it looks like one."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING).say(SERVER, PONG)
    talk.emit(CLIENT, RST | ACK, SYNC)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[{"end": "rst", "client_bytes": 43}],
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
    """Two hours without a packet, then the sequence numbers simply go on: it is one connection."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    wire.wait(7200)
    talk.say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=pair(),
        connections=[{"start": "syn", "end": "open", "opened": T(1)}],
        totals={},
    )


@case
def idle_then_elsewhere() -> Expect:
    """Two hours without a packet, then other sequence numbers: whatever uses the ports then is
    another connection, seen from its middle.
    """
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    wire.wait(7200)
    talk.sequence[SERVER] += 1_000_000_000
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
