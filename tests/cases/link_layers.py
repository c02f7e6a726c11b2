"""Link layers: where in a frame the IP packet is, and what follows it."""

from __future__ import annotations

import struct

from support.craft import Packet, ethernet

from ._build import (
    CLIENT,
    PING,
    PONG,
    SERVER,
    SERVER_IP,
    Wire,
)
from ._case import Expect, case, cases, request, response
from ._network import (
    CONNECTION,
    SIX,
    USUAL,
    one,
    usual,
)

# ---------------------------------------------------------------- link layers


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


@case
def packets_in_an_aggregate_of_802_11() -> Expect:
    """An access point joins packets to the same station in one frame (A-MSDU)."""
    wire = Wire(wrap=lambda packet: ethernet(packet, pad=False))
    wire.talk().say(CLIENT, PING).say(SERVER, PONG).close()
    head = b"\x88\x02\0\0" + bytes(18) + b"\0\0\x80\0"
    frames = []
    for at in range(0, len(wire.packets), 2):
        parts = [
            packet.data[:12]
            + struct.pack("!H", len(packet.data) - 6)
            + b"\xaa\xaa\3\0\0\0\x08\0"
            + packet.data[14:]
            for packet in wire.packets[at : at + 2]
        ]
        body = b"".join(part + bytes(-len(part) % 4) for part in parts[:-1]) + parts[-1]
        frames.append(Packet(wire.packets[at].time, head + body + b"\1\2\3\4"))
    return Expect(
        one(frames, 105),
        complete=[
            request(1003, frame=2, id="ping"),
            response(1003, frame=3, reply="ping"),
        ],
        connections=[{"client_bytes": 43, "server_bytes": 71}],
        problems=[],
    )


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
