"""Ports, other protocols, and bytes between messages that are not Levin."""

from __future__ import annotations

from support import craft
from support.craft import EMPTY

from ._build import (
    CLIENT,
    CLIENT_IP,
    FLAGS,
    HELLO,
    PING,
    PONG,
    SERVER,
    SERVER_IP,
    SYNC,
    WELCOME,
    Wire,
    news,
    seen,
)
from ._case import Expect, case, cases, notification, problem, request, response
from ._levin import SHAKEN, started

# ---------------------------------------------------------------- ports, and other protocols


@case
def levin_on_any_port() -> Expect:
    """Server 40000, client 18080: the SYN tells who is who."""
    wire = Wire()
    wire.talk(18080, server_port=40000).say(CLIENT, HELLO).say(SERVER, WELCOME)
    return Expect(
        seen(wire),
        messages=[
            request(1001, from_client=True, direction="received", id="h"),
            response(1001, from_client=False, direction="sent", reply="h"),
        ],
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


@cases(
    {
        "others": (51413, 6000),
        "http": (40000, 80),
        "https": (40000, 443),
        "levin-test": (40000, 28080),
        "levin-stage": (40000, 38080),
        "zero": (40000, 0),
    }
)
def levin_on_ports(client: int, server: int) -> Expect:
    wire = Wire()
    wire.talk(client, server_port=server).say(CLIENT, HELLO).say(SERVER, WELCOME).close()
    return Expect(
        seen(wire),
        messages=[request(1001, id="h"), response(1001, reply="h")],
        connections=[{"client_port": client, "server_port": server}],
        totals={},
        file_rows=[{"monero_packets": 8}],
    )


@case
def levin_that_the_server_begins() -> Expect:
    """On a port of no one, nothing from the client yet."""
    wire = Wire()
    wire.talk(server_port=9999).say(SERVER, PING).say(CLIENT, PONG)
    return Expect(
        seen(wire),
        messages=[
            request(1003, direction="sent", from_client=False, id="p"),
            response(1003, direction="received", reply="p"),
        ],
        totals={},
    )


@case
def ports_given_by_the_caller() -> Expect:
    """On a port of no one the stream begins with something else; `ports=` says that it is
    Monero's.
    """
    wire = Wire()
    wire.talk(server_port=19999).say(CLIENT, b"hello").say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        options={"ports": [19999]},
        messages=[request(1003, frame=5, id="p"), response(1003, reply="p")],
        totals={"unframed": 5},
    )


HTTP = b"GET /json_rpc HTTP/1.1\r\nHost: node\r\nUser-Agent: scanner\r\n\r\n"


OTHERS = {
    "http": (HTTP, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    "tls": (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
        b"\x15\x03\x01\x00\x02\x02\x46",
    ),
    "ssh": (b"SSH-2.0-OpenSSH_9.2p1\r\n", b"SSH-2.0-libssh_0.10\r\n"),
    "bitcoin": (
        bytes.fromhex("f9beb4d976657273696f6e000000000066000000") + bytes(106),
        b"\xf9\xbe\xb4\xd9verack" + bytes(14),
    ),
    "almost-levin": (b"\x01\x21\x01\x01\x01\x01\x01\x02" + PING[8:], b"\x01\x21\x01"),
    "zeros": (bytes(5000), bytes(100)),
}


@cases(OTHERS)
def other_protocol_on_the_port(asked: bytes, answered: bytes) -> Expect:
    """It is a connection of the port, and not one message: nothing is invented."""
    wire = Wire()
    wire.talk().say(CLIENT, asked).say(SERVER, answered).close()
    return Expect(
        seen(wire),
        messages=[],
        totals={"tls" if asked[0] == 0x16 else "unframed": len(asked) + len(answered)},
        connections=[
            {
                "client_bytes": len(asked),
                "server_bytes": len(answered),
                "client_messages": 0,
                "server_messages": 0,
                "start": "syn",
                "end": "fin",
            }
        ],
    )


@cases({name: pieces for name, pieces in OTHERS.items() if name != "almost-levin"})
def other_protocol_on_another_port(asked: bytes, answered: bytes) -> Expect:
    wire = Wire()
    wire.talk(server_port=8080).say(CLIENT, asked).say(SERVER, answered).close()
    wire.talk(40001).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[request(1003, connection=1)],
        totals={"not_levin": len(asked) + len(answered)},
        file_rows=[{"tcp_packets": 12, "monero_packets": 4}],
    )


@case
def levin_bytes_in_a_download() -> Expect:
    """A capture file fetched over HTTP holds any number of sound messages; none was spoken on this
    connection.
    """
    wire = Wire()
    content = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + (PING + SYNC) * 10
    wire.talk(server_port=80).say(CLIENT, HTTP).say(SERVER, content).say(SERVER, PING * 20)
    return Expect(seen(wire), messages=[], totals={"not_levin": len(HTTP) + len(content) + 43 * 20})


@case
def foreign_packets_are_not_monero_packets() -> Expect:
    wire = Wire()
    wire.talk(server_port=22).say(CLIENT, b"SSH-2.0-x\r\n").close()
    wire.talk(40001).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        file_rows=[{"packets": 12, "tcp_packets": 12, "monero_packets": 5, "skipped_packets": 0}],
        totals={"not_levin": 11},
        connections=[{"client_messages": 0}, {"client_messages": 1}],
    )


# ---------------------------------------------------------------- garbage and resynchronisation


@cases(
    {
        "one-byte": b"\x01",
        "text": b"x" * 100,
        "partial-signatures": b"\x01\x21\x01\x01\x01\x01\x01\x01"[:6] * 9,
        "ones": b"\x01" * 77,
        "header-less-body": EMPTY * 3,
    }
)
def garbage_between_messages(garbage: bytes) -> Expect:
    wire, talk = started()
    talk.say(CLIENT, PING + garbage + SYNC).say(CLIENT, FLAGS)
    return Expect(
        seen(wire),
        messages=[*SHAKEN, request(1003, frame=6), request(1002, frame=6), request(1007, frame=7)],
        totals={"unframed": len(garbage)},
    )


@case
def garbage_over_many_segments() -> Expect:
    """A hundred kilobytes, in which no header is found, then all is well again."""
    wire, talk = started()
    for i in range(100):
        talk.say(CLIENT, bytes((i * 31 + j * 7) & 0xFF | 2 for j in range(1000)))
    talk.say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[*SHAKEN, request(1003, frame=106, id="p"), response(1003, reply="p")],
        totals={"unframed": 100_000},
    )


@case
def garbage_before_the_first_message() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, b"\0" * 10 + HELLO).say(SERVER, WELCOME)
    return Expect(
        seen(wire),
        messages=[request(1001, frame=4, first_segment=295, id="h"), response(1001, reply="h")],
        problems=[problem("unframed", 10, offset=0, connection=0)],
    )


@case
def garbage_after_the_last_message() -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, PING + b"\x01\x21\x01\x01" + b"?" * 20).close()
    return Expect(seen(wire), messages=[request(1003, frame=4)], totals={"unframed": 24})


@cases(
    {
        "signatures": craft.SIGNATURE,
        "pings": PING,
        "headers": PING[:33],
        "almost": craft.SIGNATURE[:7] + b"\x02",
    }
)
def signatures_in_a_payload(fill: bytes) -> Expect:
    """Transactions may hold anything, whole messages too."""
    wire, talk = started()
    talk.cuts(CLIENT, news(5000, fill), 333, 1448, 1448, 7).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[
            *SHAKEN,
            notification(2002, length=5000, captured=5000, segments=5, frame=6),
            request(1003, frame=11),
        ],
        totals={},
    )
