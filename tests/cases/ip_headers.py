"""IPv4 and IPv6 headers, and packets joined by offloading."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable

from support.craft import Packet, ethernet, ipv4, ipv6, pcap, tcp

from ._build import (
    ACK,
    CLIENT,
    CLIENT_IP,
    HELLO,
    PING,
    PONG,
    PSH,
    SERVER,
    SERVER_IP,
    WELCOME,
    Talk,
    Wire,
    bare,
    news,
    wrapped,
)
from ._case import Expect, case, cases, notification, request, response
from ._network import (
    CONNECTION,
    SIX,
    USUAL,
    bytearray_with,
    one,
)

# ---------------------------------------------------------------- IPv4 and IPv6 headers


class Odd:
    """A conversation whose packets are made by hand, IP header included."""

    def __init__(
        self,
        make: Callable[[str, str, bytes], bytes],
        six: bool = False,
        wrap: Callable[[bytes], bytes] = ethernet,
    ) -> None:
        ends = SIX if six else (CLIENT_IP, SERVER_IP)
        self.wire = Wire(wrap=lambda packet: packet)
        self.talk: Talk = self.wire.talk(client=ends[0], server=ends[1])
        self.talk.say(CLIENT, PING).say(SERVER, PONG).close()
        at = 40 if six else 20
        self.packets = []
        for packet in self.wire.packets:
            source = ends[0] if packet.data[at : at + 2] == struct.pack("!H", 40000) else ends[1]
            header = make(source, ends[1] if source == ends[0] else ends[0], packet.data[at:])
            self.packets.append(Packet(packet.time, wrap(header)))


@cases(
    {"one-word": b"\x94\x04\0\0", "nops": b"\x01" * 7, "all-forty": b"\x44\x28\x05\x01" + bytes(36)}
)
def ipv4_options(options: bytes) -> Expect:
    odd = Odd(
        lambda source, destination, segment: ipv4(source, destination, segment, options=options)
    )
    return Expect(one(odd.packets), messages=USUAL, connections=[CONNECTION], problems=[])


HOP_BY_HOP = (0, b"\0" + b"\x01\x04" + bytes(4))


DESTINATION = (60, b"\x01" + b"\x01\x0c" + bytes(12))


ROUTING = (43, b"\0\0\0" + bytes(4))


def routed(kind: int, left: int, *addresses: str) -> tuple[int, bytes]:
    """A routing header of that type, with segments left and a list of addresses."""
    listed = b"".join(ipaddress.ip_address(address).packed for address in addresses)
    return 43, bytes([2 * len(addresses), kind, left]) + bytes(4) + listed


AUTHENTICATION = (51, b"\x04\0\0" + b"\0\0\x10\x01" + b"\0\0\0\x01" + bytes(12))


ATOMIC = (44, b"\0\0\0" + b"\0\0\0\x07")


@cases(
    {
        "hop-by-hop": [HOP_BY_HOP],
        "destination": [DESTINATION],
        "routing": [ROUTING],
        "authentication": [AUTHENTICATION],
        "atomic-fragment": [ATOMIC],
        "all-of-them": [HOP_BY_HOP, DESTINATION, ROUTING, ATOMIC, AUTHENTICATION, DESTINATION],
    }
)
def ipv6_extensions(extensions: list[tuple[int, bytes]]) -> Expect:
    odd = Odd(
        lambda source, destination, segment: ipv6(
            source, destination, segment, extensions=extensions
        ),
        six=True,
    )
    return Expect(
        one(odd.packets), messages=USUAL, connections=[CONNECTION], problems=[], host=SIX[1]
    )


@cases(
    {
        "segments": lambda end: routed(4, 1, end, "2001:db8:99::1"),
        "source": lambda end: routed(0, 2, "2001:db8:99::2", end),
        "mobile": lambda end: routed(2, 1, end),
    }
)
def ipv6_routing_header(header: Callable[[str], tuple[int, bytes]]) -> Expect:
    """On its way through other nodes: the connection is that of the last address of the list."""
    odd = Odd(
        lambda source, destination, segment: ipv6(
            source, "2001:db8:99::1", segment, extensions=[header(destination)]
        ),
        six=True,
    )
    return Expect(
        one(odd.packets), messages=USUAL, connections=[CONNECTION], problems=[], host=SIX[1]
    )


@case
def time_to_live() -> Expect:
    """Of the first packet of either side, as captured."""
    wire = Wire()
    wire.talk(ttl=(57, 255)).say(CLIENT, PING)
    wire.talk(client=SIX[0], server=SIX[1], ttl=(1, 128)).say(CLIENT, PING)
    return Expect(
        one(wire.packets),
        connections=[{"client_ttl": 57, "server_ttl": 255}, {"client_ttl": 1, "server_ttl": 128}],
        inferred=True,
    )


@case
def dont_fragment_and_reserved_bits() -> Expect:
    """DF is no fragment; neither is the reserved bit."""
    odd = Odd(
        lambda source, destination, segment: ipv4(
            source, destination, segment, flags_offset=0xC000, ident=9
        )
    )
    return Expect(one(odd.packets), messages=USUAL, connections=[CONNECTION], problems=[])


@case
def checksums_are_not_verified() -> Expect:
    """craft writes zeros for both; here they are wrong on purpose."""
    odd = Odd(
        lambda source, destination, segment: bytearray_with(
            ipv4(source, destination, segment), {10: 0xAB, 11: 0xCD, 36: 0x12, 37: 0x34}
        )
    )
    return Expect(one(odd.packets), messages=USUAL, connections=[CONNECTION], problems=[])


# ---------------------------------------------------------------- offload


@cases({"ipv4": False, "ipv6": True})
def tso_length_zero(six: bool) -> Expect:
    """A packet captured before segmentation offload: its IP length is 0, its payload is the rest of
    the frame.
    """
    wire = Wire(wrap=bare)
    ends = SIX if six else (CLIENT_IP, SERVER_IP)
    talk = wire.talk(client=ends[0], server=ends[1])
    talk.say(CLIENT, HELLO).say(SERVER, WELCOME).say(CLIENT, news(20000)).say(SERVER, PING).say(
        CLIENT, PONG
    )
    at = 4 if six else 2
    packets = [
        Packet(p.time, ethernet(bytearray_with(p.data, {at: 0, at + 1: 0}) if i == 5 else p.data))
        for i, p in enumerate(wire.packets)
    ]
    return Expect(
        one(packets),
        messages=[
            request(1001, id="h"),
            response(1001, reply="h"),
            notification(2002, length=20000, frame=6, segments=1, first_segment=20033),
            request(1003, id="p"),
            response(1003, reply="p"),
        ],
        connections=[{"client_bytes": 295 + 20033 + 71}],
        problems=[],
        host=ends[1],
    )


@cases({"ipv4": False, "ipv6": True})
def gro_jumbo(six: bool) -> Expect:
    """100 kB in one packet: IP length 0 because 16 bits do not hold it."""
    ends = SIX if six else (CLIENT_IP, SERVER_IP)
    wire = Wire(wrap=bare)
    talk = wire.talk(client=ends[0], server=ends[1])
    talk.say(CLIENT, HELLO).say(SERVER, WELCOME)
    body = news(99_967)
    segment = tcp(18080, 40000, 500295, 1295, ACK | PSH, body)
    wire.put(
        ipv6(ends[1], ends[0], segment, length=0)
        if six
        else ipv4(ends[1], ends[0], segment, total=0)
    )
    talk.lose(SERVER, 100_000).say(SERVER, PING)
    return Expect(
        one(wrapped(wire.packets, lambda data: ethernet(data))),
        messages=[
            request(1001, id="h"),
            response(1001, reply="h"),
            notification(
                2002, length=99_967, captured=99_967, frame=6, segments=1, first_segment=100_000
            ),
            request(1003, frame=7),
        ],
        connections=[{"server_bytes": 295 + 100_000 + 43, "server_lost": 0}],
        problems=[],
        host=ends[1],
    )


@case
def ipv6_jumbogram() -> Expect:
    """The length in a hop-by-hop option (RFC 2675)."""
    wire = Wire(wrap=bare)
    talk = wire.talk(client=SIX[0], server=SIX[1])
    talk.say(CLIENT, HELLO).say(SERVER, WELCOME)
    segment = tcp(18080, 40000, 500295, 1295, ACK | PSH, news(99_967))
    jumbo = (0, b"\0" + b"\xc2\x04" + struct.pack("!I", len(segment) + 8))
    wire.put(ipv6(SIX[1], SIX[0], segment, extensions=[jumbo], length=0))
    return Expect(
        one(wrapped(wire.packets, ethernet)),
        messages=[
            request(1001, id="h"),
            response(1001, reply="h"),
            notification(2002, length=99_967),
        ],
        problems=[],
        host=SIX[1],
    )


@case
def packet_beyond_the_snaplen_of_libpcap() -> Expect:
    """300,000 bytes in one packet of the loopback interface; libpcap refuses more than 262,144."""
    wire = Wire(wrap=bare)
    talk = wire.talk()
    talk.say(CLIENT, HELLO).say(SERVER, WELCOME)
    wire.put(
        ipv4(
            SERVER_IP, CLIENT_IP, tcp(18080, 40000, 500295, 1295, ACK | PSH, news(299_967)), total=0
        )
    )
    return Expect(
        {"a.pcap": pcap(wrapped(wire.packets, ethernet), snaplen=1 << 20)},
        messages=[
            request(1001, id="h"),
            response(1001, reply="h"),
            notification(2002, length=299_967, segments=1),
        ],
        problems=[],
    )
