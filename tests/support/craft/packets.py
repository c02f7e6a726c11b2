"""Frames of TCP segments: link layers, IP, IP fragments, TCP."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def tcp(
    source_port: int,
    destination_port: int,
    sequence: int,
    acknowledgement: int = 0,
    flags: int = ACK,
    payload: bytes = b"",
    options: bytes = b"",
    window: int = 64000,
) -> bytes:
    options += bytes(-len(options) % 4)
    head = struct.pack(
        "!HHIIBBHHH",
        source_port,
        destination_port,
        sequence & 0xFFFFFFFF,
        acknowledgement & 0xFFFFFFFF,
        (5 + len(options) // 4) << 4,
        flags,
        window,
        0,
        0,
    )
    return head + options + payload


def mss(value: int) -> bytes:
    """The TCP option."""
    return struct.pack("!BBH", 2, 4, value)


def ipv4(
    source: str,
    destination: str,
    payload: bytes,
    protocol: int = 6,
    ident: int = 0,
    flags_offset: int = 0,
    ttl: int = 64,
    options: bytes = b"",
    total: int | None = None,
) -> bytes:
    """`flags_offset`: the 16 bits of flags and fragment offset; `total`: a total length that may
    lie (0 for TSO).
    """
    options += bytes(-len(options) % 4)
    size = 20 + len(options)
    length = size + len(payload) if total is None else total
    packed = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    return (
        struct.pack(
            "!BBHHHBBH", 0x40 | size // 4, 0, length & 0xFFFF, ident, flags_offset, ttl, protocol, 0
        )
        + packed
        + options
        + payload
    )


def ipv4_fragments(
    source: str,
    destination: str,
    payload: bytes,
    size: int,
    ident: int = 1,
    protocol: int = 6,
    ttl: int = 64,
) -> list[bytes]:
    """The payload as IPv4 fragments of `size` payload bytes (a multiple of 8)."""
    pieces = [(at, payload[at : at + size]) for at in range(0, len(payload), size)]
    return [
        ipv4(
            source,
            destination,
            piece,
            protocol,
            ident,
            at // 8 | (0x2000 if at + size < len(payload) else 0),
            ttl,
        )
        for at, piece in pieces
    ]


def ipv6(
    source: str,
    destination: str,
    payload: bytes,
    protocol: int = 6,
    hops: int = 64,
    extensions: Sequence[tuple[int, bytes]] = (),
    length: int | None = None,
) -> bytes:
    """`extensions`: (protocol number, bytes without the leading next-header byte) in order; each
    with that byte must fill a multiple of 8.
    """
    kinds = [kind for kind, _ in extensions] + [protocol]
    chain = b"".join(bytes([kinds[i + 1]]) + body for i, (_, body) in enumerate(extensions))
    size = len(chain) + len(payload) if length is None else length
    packed = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    return (
        struct.pack("!IHBB", 0x60000000, size & 0xFFFF, kinds[0], hops) + packed + chain + payload
    )


def ipv6_fragments(
    source: str, destination: str, payload: bytes, size: int, ident: int = 1, protocol: int = 6
) -> list[bytes]:
    datagrams = []
    for at in range(0, len(payload), size):
        piece = payload[at : at + size]
        head = struct.pack("!BHI", 0, at | (at + size < len(payload)), ident)
        datagrams.append(ipv6(source, destination, piece, protocol, extensions=[(44, head)]))
    return datagrams


def ip(source: str, destination: str, payload: bytes, ttl: int = 64) -> bytes:
    """IPv4 or IPv6, as the addresses say."""
    return (
        ipv6(source, destination, payload, hops=ttl)
        if ":" in source
        else ipv4(source, destination, payload, ttl=ttl)
    )


def ethertype(packet: bytes) -> int:
    return 0x86DD if packet[0] >> 4 == 6 else 0x0800


def ethernet(
    packet: bytes, tags: Iterable[tuple[int, int]] = (), kind: int | None = None, pad: bool = True
) -> bytes:
    """`tags`: (0x8100, VLAN id) outermost first. Short frames are padded to 60 bytes, as on the
    wire.
    """
    head = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + b"".join(
        struct.pack("!HH", tag, number) for tag, number in tags
    )
    frame = head + struct.pack("!H", ethertype(packet) if kind is None else kind) + packet
    return frame.ljust(60, b"\0") if pad else frame


def sll(packet: bytes) -> bytes:
    return struct.pack("!HHH8sH", 0, 1, 6, b"\x02\0\0\0\0\x01", ethertype(packet)) + packet


def sll2(packet: bytes) -> bytes:
    return struct.pack("!HHIHBB8s", ethertype(packet), 0, 1, 1, 0, 6, b"\x02\0\0\0\0\x01") + packet


def null(packet: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "I", 2 if packet[0] >> 4 == 4 else 30) + packet
