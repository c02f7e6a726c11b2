"""IP fragments."""

from __future__ import annotations

import struct
from collections.abc import Callable

from support.craft import ethernet, ipv4, ipv4_fragments, ipv6_fragments, tcp

from ._build import (
    ACK,
    CLIENT,
    CLIENT_IP,
    PING,
    PSH,
    SERVER_IP,
    Wire,
    bare,
    news,
    wrapped,
)
from ._case import Expect, case, cases, notification, problem, request
from ._network import (
    CONNECTION,
    SIX,
    USUAL,
    one,
    usual,
)

Pieces = list[bytes]


def fragmented(shuffle: Callable[[Pieces], Pieces], six: bool = False, size: int = 400) -> Expect:
    """A message of 1033 bytes in one datagram of 1053, fragmented: 400, 400, 253; then a ping."""
    ends = SIX if six else (CLIENT_IP, SERVER_IP)
    wire = Wire(wrap=bare)
    talk = wire.talk(client=ends[0], server=ends[1])
    segment = tcp(40000, 18080, 1000, 500000, ACK | PSH, news(1000))
    pieces = (ipv6_fragments if six else ipv4_fragments)(ends[0], ends[1], segment, size)
    for piece in shuffle(pieces):
        wire.put(piece)
    count = len(wire.packets)
    talk.lose(CLIENT, 1033).say(CLIENT, PING)
    return Expect(
        one(wrapped(wire.packets, ethernet)),
        messages=[
            notification(
                2002, length=1000, captured=1000, segments=1, first_segment=1033, end_frame=count
            ),
            request(1003, frame=count + 1),
        ],
        connections=[{"client_bytes": 1033 + 43, "client_lost": 0, "client_out_of_order": 0}],
        problems=[],
        host=ends[1],
    )


SHUFFLES: dict[str, Callable[[Pieces], Pieces]] = {
    "in-order": lambda pieces: pieces,
    "reversed": lambda pieces: pieces[::-1],
    "last-first": lambda pieces: [pieces[2], pieces[0], pieces[1]],
    "first-twice": lambda pieces: [pieces[0], pieces[0], pieces[1], pieces[2]],
    "middle-twice": lambda pieces: [pieces[1], pieces[0], pieces[1], pieces[2]],
}


@cases(
    {
        f"ipv{4 + 2 * six}-{name}": (shuffle, six)
        for name, shuffle in SHUFFLES.items()
        for six in (False, True)
    }
)
def ip_fragments(shuffle: Callable[[Pieces], Pieces], six: bool) -> Expect:
    return fragmented(shuffle, six)


@cases({"ipv4": False, "ipv6": True})
def ip_fragments_of_eight_bytes(six: bool) -> Expect:
    """The first fragment does not even hold the TCP header."""
    return fragmented(lambda pieces: pieces, six, 8)


@case
def ip_fragments_that_overlap() -> Expect:
    """Identical bytes twice: the second fragment begins where the first one has already been."""
    segment = tcp(40000, 18080, 1000, 500000, ACK | PSH, news(1000))
    return fragmented(
        lambda _: [
            ipv4(CLIENT_IP, SERVER_IP, segment[:480], ident=1, flags_offset=0x2000),
            ipv4(CLIENT_IP, SERVER_IP, segment[400:800], ident=1, flags_offset=0x2000 | 50),
            ipv4(CLIENT_IP, SERVER_IP, segment[640:], ident=1, flags_offset=80),
        ]
    )


@case
def ip_fragments_of_two_datagrams_interleaved() -> Expect:
    """Told apart by identification; a third host uses the same one."""
    wire = Wire(wrap=bare)
    talk = wire.talk()
    other = wire.talk(client="192.0.2.77")
    message = [
        ipv4_fragments(
            CLIENT_IP,
            SERVER_IP,
            tcp(40000, 18080, 1000, 500000, ACK | PSH, news(500)),
            304,
            ident=1,
        ),
        ipv4_fragments(
            CLIENT_IP,
            SERVER_IP,
            tcp(40000, 18080, 1533, 500000, ACK | PSH, news(501)),
            304,
            ident=2,
        ),
        ipv4_fragments(
            "192.0.2.77",
            SERVER_IP,
            tcp(40000, 18080, 1000, 500000, ACK | PSH, news(502)),
            304,
            ident=1,
        ),
    ]
    for i in range(2):
        for pieces in message:
            wire.put(pieces[i])
    talk.lose(CLIENT, 533 + 534)
    other.lose(CLIENT, 535)
    return Expect(
        one(wrapped(wire.packets, ethernet)),
        messages=[
            notification(2002, length=500, end_frame=10),
            notification(2002, length=501, end_frame=11),
            notification(2002, length=502, end_frame=12, connection=1),
        ],
        problems=[],
    )


@case
def ip_fragment_missing() -> Expect:
    """The middle one: its datagram never becomes whole, and the stream has a hole. 400 and 253
    bytes of fragments were seen.
    """
    buckets = fragmented(lambda pieces: [pieces[0], pieces[2]])
    buckets.messages = [request(1003, frame=6)]
    buckets.connections = [{"client_bytes": 43, "client_lost": 1033}]
    buckets.problems = [problem("ip_fragment", 653), problem("lost", 1033)]
    return buckets


@case
def ip_fragments_of_udp_are_nothing_of_ours() -> Expect:
    wire = usual()
    for piece in ipv4_fragments(
        CLIENT_IP,
        SERVER_IP,
        struct.pack("!HHHH", 53, 18080, 1008, 0) + PING * 20 + bytes(140),
        400,
        protocol=17,
    ):
        wire.put(piece)
    return Expect(one(wrapped(wire.packets, ethernet)), messages=USUAL, connections=[CONNECTION])
