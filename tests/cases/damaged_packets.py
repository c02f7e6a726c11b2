"""Damaged packets, and packets of other protocols than TCP."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from support.craft import Packet, ethernet, ipv4, ipv6, tcp

from ._build import (
    ACK,
    CLIENT,
    CLIENT_IP,
    PING,
    PONG,
    PSH,
    SERVER,
    SERVER_IP,
    T,
    Wire,
    bare,
    cut,
    wrapped,
)
from ._case import Expect, case, cases, problem, request, response
from ._network import (
    CONNECTION,
    MAC,
    SIX,
    USUAL,
    bytearray_with,
    one,
)

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


def besides(others: Sequence[bytes], skipped: Sequence[tuple[int, str]]) -> Expect:
    """Frames of other protocols between the usual ones: a row of problems for each reason, with the
    number of packets.
    """
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
        problems=[
            problem(
                "skipped",
                sum(len(other) for other in others[at :: len(skipped)]),
                frame=5 + at,
                detail=f"{count} packet{'s' if count > 1 else ''} without TCP: {reason}",
            )
            for at, (count, reason) in enumerate(skipped)
        ],
        file_rows=[{"packets": 8 + len(others), "tcp_packets": 8, "skipped_packets": len(others)}],
    )


SEGMENT = tcp(40000, 18080, 5000, 0, ACK | PSH, PING)


UDP = struct.pack("!HHHH", 40000, 18080, 8 + len(PING), 0) + PING


@cases(
    {
        "arp": (
            ethernet(
                bytes.fromhex("0001080006040001020000000001c00002010000000000005c0a6464"),
                kind=0x0806,
            ),
            "EtherType 0x0806 (ARP)",
        ),
        "udp": (ethernet(ipv4(CLIENT_IP, SERVER_IP, UDP, 17)), "IP protocol 17 (UDP)"),
        "udp-ipv6": (ethernet(ipv6(*SIX, UDP, 17)), "IP protocol 17 (UDP)"),
        "icmp": (
            ethernet(
                ipv4(
                    SERVER_IP,
                    CLIENT_IP,
                    b"\x03\x04\0\0\0\0\x05\xb4" + ipv4(CLIENT_IP, SERVER_IP, SEGMENT),
                    1,
                )
            ),
            "IP protocol 1 (ICMP)",
        ),
        "icmp6": (
            ethernet(ipv6(*SIX, b"\x87\0\0\0\0\0\0\0" + bytes(16), 58)),
            "IP protocol 58 (ICMPv6)",
        ),
        "igmp": (
            ethernet(
                ipv4(
                    CLIENT_IP,
                    "224.0.0.22",
                    b"\x22\0\xf9\xfd\0\0\0\x01\x04\0\0\0\xe0\0\0\xfb",
                    2,
                    options=b"\x94\x04\0\0",
                )
            ),
            "IP protocol 2 (IGMP)",
        ),
        "sctp": (
            ethernet(
                ipv4(CLIENT_IP, SERVER_IP, struct.pack("!HHII", 40000, 18080, 1, 0) + PING, 132)
            ),
            "IP protocol 132 (SCTP)",
        ),
        "gre": (
            ethernet(
                ipv4(
                    CLIENT_IP,
                    SERVER_IP,
                    b"\0\0\x08\x0f" + ipv4("10.0.0.1", "10.0.0.2", SEGMENT),
                    47,
                )
            ),
            "GRE protocol 0x080f",
        ),
        "lldp": (
            ethernet(b"\x02\x07\x04\x02\0\0\0\0\x01" + bytes(40), kind=0x88CC),
            "EtherType 0x88cc (LLDP)",
        ),
        "spanning-tree": (MAC + b"\0\x26\x42\x42\x03" + bytes(43), "LLC 0x4242 (spanning tree)"),
        "pppoe-discovery": (
            ethernet(b"\x11\x09\0\0\0\x04\x01\x01\0\0", kind=0x8863),
            "EtherType 0x8863 (PPPoE discovery)",
        ),
        "ipv6-no-next-header": (ethernet(ipv6(*SIX, b"", 59)), "IP protocol 59 (no next header)"),
        "ipv6-esp": (ethernet(ipv6(*SIX, bytes(40), 50)), "IP protocol 50 (ESP)"),
    }
)
def not_tcp(other: bytes, reason: str) -> Expect:
    return besides([other], [(1, reason)])


@case
def not_tcp_many() -> Expect:
    return besides(
        [ethernet(ipv4(CLIENT_IP, SERVER_IP, UDP, 17)), ethernet(bytes(28), kind=0x0806)] * 50,
        [(50, "IP protocol 17 (UDP)"), (50, "EtherType 0x0806 (ARP)")],
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
