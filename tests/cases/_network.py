"""A ping and its pong as IP packets."""

from __future__ import annotations

import struct
from collections.abc import Callable

from support import craft
from support.craft import Packet, pcap

from ._build import (
    CLIENT,
    CLIENT_IP,
    PING,
    PONG,
    SERVER,
    SERVER_IP,
    Wire,
    bare,
    sll,
    wrapped,
)
from ._case import Expect, Row, cases, request, response

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


def bytearray_with(data: bytes, changes: dict[int, int]) -> bytes:
    changed = bytearray(data)
    for at, value in changes.items():
        changed[at] = value
    return bytes(changed)
