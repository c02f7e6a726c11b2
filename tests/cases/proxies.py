"""What proxies write before the first message, and TLS."""

from __future__ import annotations

import ipaddress

from ._build import CLIENT, PING, PONG, SERVER, Wire, seen
from ._case import Expect, case, cases, problem, request, response

REQUESTS = {
    "socks4": (
        b"\x04\x01\x46\xa0\xcb\x00\x71\x07user\0",
        b"\0\x5a" + bytes(6),
        ("socks4", "203.0.113.7", 18080),
    ),
    "socks4a": (
        b"\x04\x01\x46\xa0\0\0\0\x01\0" + b"a" * 56 + b".onion\0",
        b"\0\x5a" + bytes(6),
        ("socks4a", "a" * 56 + ".onion", 18080),
    ),
    "socks5": (
        b"\x05\x01\0\x05\x01\0\x01\xcb\x00\x71\x07\x46\xa0",
        b"\x05\0\x05\0\0\x01" + bytes(6),
        ("socks5", "203.0.113.7", 18080),
    ),
    "socks5-ipv6": (
        b"\x05\x01\0\x05\x01\0\x04" + ipaddress.ip_address("2001:db8::7").packed + b"\x46\xa0",
        b"\x05\0\x05\0\0\x04" + bytes(18),
        ("socks5", "2001:db8::7", 18080),
    ),
    "socks5-name-and-password": (
        b"\x05\x02\0\x02\x01\x04user\x08password\x05\x01\0\x03\x0cnode.example\x46\xa0",
        b"\x05\x02\x01\0\x05\0\0\x03\x05proxy\0\0",
        ("socks5", "node.example", 18080),
    ),
    "connect": (
        b"CONNECT node.example:18080 HTTP/1.1\r\nHost: node.example:18080\r\n\r\n",
        b"HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n",
        ("connect", "node.example", 18080),
    ),
    "connect-ipv6": (
        b"CONNECT [2001:DB8::7]:1 HTTP/1.0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        ("connect", "2001:db8::7", 1),
    ),
}


def proxied(kind: str, host: str, port: int) -> dict[str, object]:
    return {"proxy": kind, "proxied_host": host, "proxied_port": port}


@cases(REQUESTS)
def request_to_a_proxy(asked: bytes, answered: bytes, names: tuple[str, str, int]) -> Expect:
    """On a port of no one. The client is the vantage node: the peer is the target."""
    wire = Wire()
    talk = wire.talk(server_port=9050)
    talk.say(CLIENT, asked).say(SERVER, answered).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[
            request(1003, direction="sent", peer=names[1], id="p"),
            response(1003, direction="received", peer=names[1], reply="p"),
        ],
        connections=[
            {**proxied(*names), "proxy_granted": True, "peer": names[1], "direction": "outgoing"}
        ],
        problems=[
            problem("proxy_prefix", len(asked), direction="sent", offset=0),
            problem("proxy_prefix", len(answered), direction="received", offset=0),
        ],
        host="192.0.2.1",
    )


@cases(REQUESTS)
def request_of_a_peer(asked: bytes, answered: bytes, names: tuple[str, str, int]) -> Expect:
    """The vantage node did not write it, so it proves nothing about the peer; cut into bytes."""
    wire = Wire()
    talk = wire.talk()
    for at in range(len(asked)):
        talk.say(CLIENT, asked[at : at + 1])
    talk.say(CLIENT, PING).say(SERVER, PONG)
    del answered
    return Expect(
        seen(wire),
        messages=[
            request(1003, direction="received", peer="192.0.2.1", id="p"),
            response(1003, direction="sent", peer="192.0.2.1", reply="p"),
        ],
        connections=[{**proxied(*names), "proxy_granted": None, "peer": "192.0.2.1"}],
        totals={"proxy_prefix": len(asked)},
    )


HEADERS = {
    "v1": (
        b"PROXY TCP4 203.0.113.7 192.0.2.1 5555 18080\r\n",
        ("proxy_v1", "203.0.113.7", 5555),
    ),
    "v1-ipv6": (
        b"PROXY TCP6 2001:db8::7 2001:db8::1 5555 18080\r\n",
        ("proxy_v1", "2001:db8::7", 5555),
    ),
    "v2": (
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\xc0\0\x02\x01\x15\xb3\x46\xa0",
        ("proxy_v2", "203.0.113.7", 5555),
    ),
    "v2-ipv6-with-fields": (
        b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x2b"
        + ipaddress.ip_address("2001:db8::7").packed
        + ipaddress.ip_address("2001:db8::1").packed
        + b"\x15\xb3\x46\xa0\x03\0\x04abcd",
        ("proxy_v2", "2001:db8::7", 5555),
    ),
}


@cases(HEADERS)
def header_of_a_trusted_proxy(header: bytes, names: tuple[str, str, int]) -> Expect:
    wire = Wire()
    wire.talk().say(CLIENT, header + PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        options={"trusted_proxies": ["192.0.2.1"]},
        messages=[
            request(1003, direction="received", peer=names[1], id="p"),
            response(1003, direction="sent", peer=names[1], reply="p"),
        ],
        connections=[{**proxied(*names), "peer": names[1], "direction": "incoming"}],
        problems=[problem("proxy_prefix", len(header), direction="received", offset=0)],
    )


@cases(HEADERS)
def header_of_anyone(header: bytes, names: tuple[str, str, int]) -> Expect:
    """A second header is the client's: no prefix."""
    wire = Wire()
    wire.talk().say(CLIENT, header + PING).say(SERVER, PONG)
    wire.talk(40001).say(CLIENT, header + header).say(CLIENT, PING)
    return Expect(
        seen(wire),
        options={"trusted_proxies": ["192.0.2.9"]},
        messages=[
            request(1003, peer="192.0.2.1", id="p"),
            response(1003, peer="192.0.2.1", reply="p"),
            request(1003, peer="192.0.2.1"),
        ],
        connections=[{**proxied(*names), "peer": "192.0.2.1"}] * 2,
        totals={"proxy_prefix": 2 * len(header), "unframed": len(header)},
    )


@case
def refusals() -> Expect:
    """The target of a request that was refused is no peer."""
    wire = Wire()
    asked, _, names = REQUESTS["socks5"]
    wire.talk().say(CLIENT, asked).say(SERVER, b"\x05\0\x05\x05\0\x01" + bytes(6))
    asked_http, _, names_http = REQUESTS["connect"]
    wire.talk(40001).say(CLIENT, asked_http).say(SERVER, b"HTTP/1.1 403 No\r\n\r\n<html>")
    return Expect(
        seen(wire),
        messages=[],
        host="192.0.2.1",
        connections=[
            {**proxied(*names), "proxy_granted": False, "peer": "198.51.100.10"},
            {**proxied(*names_http), "proxy_granted": False, "peer": "198.51.100.10"},
        ],
        totals={"proxy_prefix": len(asked) + 12 + len(asked_http) + 25},
    )


@case
def tls_in_answer_to_levin() -> Expect:
    """An alert, and a hello after a PROXY header."""
    wire = Wire()
    wire.talk().say(CLIENT, PING).say(SERVER, b"\x15\x03\x03\0\x02\x02\x46")
    hello = b"\x16\x03\x01\0\x20\x01" + bytes(31)
    wire.talk(40001).say(CLIENT, HEADERS["v1"][0] + hello)
    return Expect(
        seen(wire),
        messages=[request(1003)],
        totals={"tls": 7 + len(hello), "proxy_prefix": len(HEADERS["v1"][0])},
    )


@case
def prefix_that_is_cut() -> Expect:
    """What is certain is a prefix; the rest is not."""
    wire = Wire()
    wire.talk().say(CLIENT, b"CONNECT node").close()
    wire.talk(40001).say(CLIENT, b"CONN").close()
    wire.talk(40002).say(CLIENT, b"\x05\x01").close()
    return Expect(seen(wire), messages=[], totals={"proxy_prefix": 12, "unframed": 6})


@case
def request_in_vain() -> Expect:
    """Levin begins where the request turns out to be none."""
    wire = Wire()
    wire.talk().say(CLIENT, b"CONNECT a b\r\n" + PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, id="p"), response(1003, reply="p")],
        totals={"unframed": 13},
    )
