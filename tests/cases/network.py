"""Link layers and IP: where in a frame the TCP segment is, and what is none of its payload."""

from __future__ import annotations

import struct
from collections.abc import Callable

from support import craft
from support.craft import Packet, ethernet, ipv4, ipv4_fragments, ipv6, ipv6_fragments, pcap, tcp

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
    T,
    Talk,
    Wire,
    bare,
    cut,
    news,
    sll,
    wrapped,
)
from ._case import Expect, Row, case, cases, notification, problem, request, response

SIX = ("2001:db8:1::1", "2001:db8:10::10")  # client, vantage


def usual(six: bool = False) -> Wire:
    """Ping in frame 4, pong in frame 5, of eight; IP packets without a link layer."""
    wire = Wire(wrap=bare)
    talk = wire.talk(client=SIX[0], server=SIX[1]) if six else wire.talk()
    talk.say(CLIENT, PING).say(SERVER, PONG).close()
    return wire


USUAL: list[Row] = [
    request(1003, frame=4, length=10, id="ping"),
    response(1003, frame=5, length=38, reply="ping"),
]
CONNECTION: Row = {
    "client_port": 40000,
    "server_port": 18080,
    "client_bytes": 43,
    "server_bytes": 71,
    "start": "syn",
    "end": "fin",
    "client_packets": 5,
    "server_packets": 3,
}


def one(packets: list[Packet], link: int = craft.ETHERNET) -> dict[str, bytes]:
    return {"a.pcap": pcap(packets, link)}


# ---------------------------------------------------------------- link layers

MAC = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"


def ether(tags: str = "") -> Callable[[bytes], bytes]:
    """Ethernet with the tag bytes given in hex before the EtherType."""
    return lambda packet: (
        MAC + bytes.fromhex(tags) + struct.pack("!H", craft.ethertype(packet)) + packet
    ).ljust(60, b"\0")


def ppp(packet: bytes) -> bytes:
    return struct.pack("!H", 0x21 if packet[0] >> 4 == 4 else 0x57) + packet


def pppoe(packet: bytes) -> bytes:
    inner = ppp(packet)
    return b"\x11\0\0\x07" + struct.pack("!H", len(inner)) + inner


def snap(packet: bytes) -> bytes:
    """802.3 with LLC and SNAP: a length instead of an EtherType."""
    inner = b"\xaa\xaa\x03\0\0\0" + struct.pack("!H", craft.ethertype(packet)) + packet
    return MAC + struct.pack("!H", len(inner)) + inner


def family(order: str, six: int = 30) -> Callable[[bytes], bytes]:
    return lambda packet: struct.pack(order + "I", 2 if packet[0] >> 4 == 4 else six) + packet


# name → (link type, wrapping)
LINKS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "ethernet": (1, ether()),
    "vlan": (1, ether("8100002a")),
    "vlan-priority-tag": (1, ether("8100e000")),
    "vlan-all-bits": (1, ether("8100ffff")),
    "qinq": (1, ether("88a80007 8100002a")),
    "qinq-8100-8100": (1, ether("81000007 8100002a")),
    "qinq-9100": (1, ether("91000007 8100002a")),
    "sll": (113, sll),
    "sll-vlan": (
        113,
        lambda packet: sll(b"\0\x2a" + struct.pack("!H", craft.ethertype(packet)) + packet, 0x8100),
    ),
    "sll2": (276, craft.sll2),
    "null-little": (0, family("<")),
    "null-big": (0, family(">")),
    "null-ipv6-24": (0, family("<", 24)),
    "null-ipv6-28": (0, family("<", 28)),
    "null-ipv6-10": (0, family("<", 10)),
    "loop": (108, family(">")),
    "raw-101": (101, bare),
    "raw-12": (12, bare),
    "raw-14": (14, bare),
    "ppp": (9, ppp),
    "ppp-with-address": (9, lambda packet: b"\xff\x03" + ppp(packet)),
    "ppp-short-protocol": (9, lambda packet: b"\xff\x03" + ppp(packet)[1:]),
    "ppp-hdlc": (50, lambda packet: b"\xff\x03" + ppp(packet)),
    "pppoe": (1, lambda packet: MAC + b"\x88\x64" + pppoe(packet)),
    "pppoe-in-vlan": (1, lambda packet: MAC + b"\x81\x00\x00\x2a\x88\x64" + pppoe(packet)),
    "ppp-ether": (51, pppoe),
    "snap": (1, snap),
}


@cases(
    {
        f"{name}-ipv{4 + 2 * six}": (*arguments, six)
        for name, arguments in LINKS.items()
        for six in (False, True)
    }
)
def link(number: int, wrap: Callable[[bytes], bytes], six: bool) -> Expect:
    ends = SIX if six else (CLIENT_IP, SERVER_IP)
    return Expect(
        one(wrapped(usual(six).packets, wrap), number),
        messages=[{**row, "peer": ends[0]} for row in USUAL],
        connections=[
            {**CONNECTION, "client": ends[0], "server": ends[1], "client_ttl": 64, "server_ttl": 64}
        ],
        problems=[],
        host=ends[1],
    )


@cases({"ipv4-228": (228, False), "ipv6-229": (229, True)})
def link_of_one_ip_version(number: int, six: bool) -> Expect:
    return Expect(
        one(usual(six).packets, number),
        messages=USUAL,
        connections=[CONNECTION],
        problems=[],
        host=SIX[1] if six else SERVER_IP,
    )


@cases(
    {
        "ethernet": (1, "EN10MB"),
        "sll": (113, "LINUX_SLL"),
        "sll2": (276, "LINUX_SLL2"),
        "null": (0, "NULL"),
        "loop": (108, "LOOP"),
        "raw": (101, "RAW"),
        "ppp": (9, "PPP"),
        "ipv4": (228, "IPV4"),
    }
)
def link_name(number: int, name: str) -> Expect:
    """libpcap's names, as capture tools print them; known from the header of a file without packets
    too.
    """
    return Expect(one([], number), file_rows=[{"link_type": name}])


# ---------------------------------------------------------------- what lies behind the IP packet


@case
def padding_of_a_pure_ack_is_no_payload() -> Expect:
    """Ethernet frames have 60 bytes at least: 6 bytes follow a packet of 40. They are not zero
    here, and look like Levin.
    """
    wire = Wire(wrap=lambda packet: ethernet(packet, pad=False) + b"\x01\x21\x01\x01\x01\x01")
    wire.talk().say(CLIENT, PING).ack(SERVER).say(SERVER, PONG).ack(CLIENT).close()
    return Expect(
        one(wire.packets),
        messages=[request(1003, frame=4, id="ping"), response(1003, frame=6, reply="ping")],
        connections=[
            {
                "client_bytes": 43,
                "server_bytes": 71,
                "client_retransmitted": 0,
                "server_retransmitted": 0,
            }
        ],
        problems=[],
    )


@case
def padding_of_one_byte_of_payload() -> Expect:
    """Segments of one byte are padded with five."""
    wire = Wire()
    wire.talk().cuts(CLIENT, PING, 1, 1, 1).say(SERVER, PONG)
    return Expect(
        one(wire.packets),
        messages=[
            request(1003, frame=4, end_frame=7, segments=4, first_segment=1, id="ping"),
            response(1003, frame=8, reply="ping"),
        ],
        connections=[{"client_bytes": 43}],
        problems=[],
    )


@case
def padding_in_a_vlan() -> Expect:
    wire = Wire(wrap=lambda packet: ethernet(packet, [(0x8100, 42)], pad=False).ljust(64, b"\xee"))
    wire.talk().cuts(CLIENT, PING, 1).ack(SERVER)
    return Expect(
        one(wire.packets),
        messages=[request(1003, segments=2)],
        connections=[{"client_bytes": 43, "server_bytes": 0}],
        problems=[],
    )


@case
def frame_check_sequence_is_no_payload() -> Expect:
    wire = Wire(wrap=lambda packet: ethernet(packet) + b"\x12\x34\x56\x78")
    wire.talk().say(CLIENT, PING).say(SERVER, PONG).close()
    return Expect(one(wire.packets), messages=USUAL, connections=[CONNECTION], problems=[])


@case
def padding_of_an_ipv6_packet() -> Expect:
    wire = Wire(wrap=lambda packet: ethernet(packet) + b"\0" * 20)
    wire.talk(client=SIX[0], server=SIX[1]).say(CLIENT, PING).ack(SERVER).say(SERVER, PONG)
    return Expect(
        one(wire.packets),
        messages=[request(1003), response(1003)],
        connections=[{"client_bytes": 43, "server_bytes": 71}],
        problems=[],
        host=SIX[1],
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
            made = make(source, ends[1] if source == ends[0] else ends[0], packet.data[at:])
            self.packets.append(Packet(packet.time, wrap(made)))


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


def bytearray_with(data: bytes, changes: dict[int, int]) -> bytes:
    made = bytearray(data)
    for at, value in changes.items():
        made[at] = value
    return bytes(made)


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


# ---------------------------------------------------------------- IP fragments

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
    made = [
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
        for pieces in made:
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
    made = fragmented(lambda pieces: [pieces[0], pieces[2]])
    made.messages = [request(1003, frame=6)]
    made.connections = [{"client_bytes": 43, "client_lost": 1033}]
    made.problems = [problem("ip_fragment", 653), problem("lost", 1033)]
    return made


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


# ---------------------------------------------------------------- damaged packets


def damaged(*bad: bytes) -> Expect:
    """The usual conversation with damaged IP packets between ping and pong, each a row of
    problems.
    """
    wire = Wire(wrap=bare)
    talk = wire.talk().say(CLIENT, PING)
    for packet in bad:
        wire.put(packet)
    talk.say(SERVER, PONG).close()
    return Expect(
        one(wrapped(wire.packets, ethernet)),
        messages=[
            request(1003, frame=4, id="ping"),
            response(1003, frame=5 + len(bad), reply="ping"),
        ],
        connections=[CONNECTION],
        problems=[problem("packet", frame=5 + i) for i in range(len(bad))],
        file_rows=[{"packets": 8 + len(bad), "skipped_packets": len(bad), "truncated": False}],
    )


@cases({"four-words": 4, "none": 0, "beyond-the-packet": 15})
def bad_data_offset(words: int) -> Expect:
    segment = bytearray(tcp(40000, 18080, 1043, 500000, ACK | PSH, b"\x01" * 20))
    segment[12] = words << 4
    return damaged(ipv4(CLIENT_IP, SERVER_IP, bytes(segment)))


@case
def bad_ip_header_length() -> Expect:
    return damaged(
        bytearray_with(
            ipv4(CLIENT_IP, SERVER_IP, tcp(40000, 18080, 1043, 500000, ACK | PSH, PING)), {0: 0x44}
        )
    )


@case
def ip_length_smaller_than_its_header() -> Expect:
    return damaged(
        ipv4(CLIENT_IP, SERVER_IP, tcp(40000, 18080, 1043, 500000, ACK | PSH, PING), total=10)
    )


@case
def ip_length_too_small_for_tcp() -> Expect:
    return damaged(
        ipv4(CLIENT_IP, SERVER_IP, tcp(40000, 18080, 1043, 500000, ACK | PSH, PING), total=30)
    )


@cases({"in-ethernet": 10, "in-ip": 24, "in-tcp": 44})
def headers_cut_by_the_snap_length(size: int) -> Expect:
    """Nothing can be said of such a frame, except that it was there; the next one is whole."""
    wire = Wire()
    talk = wire.talk().say(CLIENT, PING)
    wire.packets[3] = wire.packets[3].cut(size)
    talk.say(CLIENT, PING)
    return Expect(
        one(wire.packets),
        messages=[request(1003, frame=5)],
        some_problems=[problem("packet", frame=4), problem("lost", 43)],
        connections=[{"client_bytes": 43, "client_lost": 43}],
    )


# ---------------------------------------------------------------- what is no TCP


def besides(*others: bytes) -> Expect:
    """Frames of other protocols between the usual ones are skipped without a word."""
    wire = Wire(wrap=bare)
    talk = wire.talk().say(CLIENT, PING)
    packets = wrapped(wire.packets, ethernet) + [Packet(T(5), other) for other in others]
    before = len(wire.packets)
    talk.say(SERVER, PONG).close()
    packets += wrapped(wire.packets[before:], ethernet)
    return Expect(
        one(packets),
        messages=[
            request(1003, frame=4, id="ping"),
            response(1003, frame=5 + len(others), reply="ping"),
        ],
        connections=[CONNECTION],
        problems=[],
        file_rows=[{"packets": 8 + len(others), "tcp_packets": 8, "skipped_packets": len(others)}],
    )


SEGMENT = tcp(40000, 18080, 5000, 0, ACK | PSH, PING)
UDP = struct.pack("!HHHH", 40000, 18080, 8 + len(PING), 0) + PING


@cases(
    {
        "arp": ethernet(
            bytes.fromhex("0001080006040001020000000001c00002010000000000005c0a6464"), kind=0x0806
        ),
        "udp": ethernet(ipv4(CLIENT_IP, SERVER_IP, UDP, 17)),
        "udp-ipv6": ethernet(ipv6(*SIX, UDP, 17)),
        "icmp": ethernet(
            ipv4(
                SERVER_IP,
                CLIENT_IP,
                b"\x03\x04\0\0\0\0\x05\xb4" + ipv4(CLIENT_IP, SERVER_IP, SEGMENT),
                1,
            )
        ),
        "icmp6": ethernet(ipv6(*SIX, b"\x87\0\0\0\0\0\0\0" + bytes(16), 58)),
        "igmp": ethernet(
            ipv4(
                CLIENT_IP,
                "224.0.0.22",
                b"\x22\0\xf9\xfd\0\0\0\x01\x04\0\0\0\xe0\0\0\xfb",
                2,
                options=b"\x94\x04\0\0",
            )
        ),
        "sctp": ethernet(
            ipv4(CLIENT_IP, SERVER_IP, struct.pack("!HHII", 40000, 18080, 1, 0) + PING, 132)
        ),
        "gre": ethernet(
            ipv4(CLIENT_IP, SERVER_IP, b"\0\0\x08\0" + ipv4("10.0.0.1", "10.0.0.2", SEGMENT), 47)
        ),
        "lldp": ethernet(b"\x02\x07\x04\x02\0\0\0\0\x01" + bytes(40), kind=0x88CC),
        "spanning-tree": MAC + b"\0\x26\x42\x42\x03" + bytes(43),
        "pppoe-discovery": ethernet(b"\x11\x09\0\0\0\x04\x01\x01\0\0", kind=0x8863),
        "ipv6-no-next-header": ethernet(ipv6(*SIX, b"", 59)),
        "ipv6-esp": ethernet(ipv6(*SIX, bytes(40), 50)),
    }
)
def not_tcp(other: bytes) -> Expect:
    return besides(other)


@case
def not_tcp_many() -> Expect:
    return besides(
        *[ethernet(ipv4(CLIENT_IP, SERVER_IP, UDP, 17)), ethernet(bytes(28), kind=0x0806)] * 50
    )


@case
def tcp_of_two_ip_versions_side_by_side() -> Expect:
    """The same ports over IPv4 and IPv6 are two connections of two peers."""
    wire = Wire()
    four, six = wire.talk(), wire.talk(client=SIX[0], server=SIX[1])
    four.say(CLIENT, PING)
    six.say(CLIENT, PING)
    six.say(SERVER, PONG)
    four.say(SERVER, PONG)
    return Expect(
        one(wire.packets),
        messages=[
            request(1003, connection=0, peer=CLIENT_IP, id="four", direction="received"),
            request(1003, connection=1, peer=SIX[0], id="six", direction="received"),
            response(1003, connection=1, reply="six", direction="sent"),
            response(1003, connection=0, reply="four", direction="sent"),
        ],
        connections=[
            {"vantage": SERVER_IP, "direction": "incoming"},
            {"vantage": SIX[1], "direction": "incoming"},
        ],
        inferred=True,
    )


@case
def vlans_that_differ_by_direction() -> Expect:
    """One conversation all the same."""
    wire = Wire(wrap=bare)
    wire.talk().say(CLIENT, PING).say(SERVER, PONG).close()
    packets = [
        Packet(packet.time, ethernet(packet.data, [(0x8100, packet.data[12])]))
        for packet in wire.packets
    ]
    return Expect(one(packets), messages=USUAL, connections=[CONNECTION], problems=[])


@case
def snap_length_of_ipv6_packets() -> Expect:
    """14 + 40 + 20 bytes of headers, then 33 of Levin and 7 of the payload."""
    wire = Wire()
    wire.talk(client=SIX[0], server=SIX[1]).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        one(cut(wire.packets, 114)),
        messages=[
            request(1003, status="snapped", length=10, captured=7, id="p"),
            response(1003, status="snapped", length=38, captured=7, reply="p"),
        ],
        host=SIX[1],
    )
