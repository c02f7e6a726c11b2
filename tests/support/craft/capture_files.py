"""Capture files: pcap and pcapng."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from support.craft.connection import Packet

ETHERNET, RAW_IP, LINUX_SLL, LINUX_SLL2, NULL_LINK, IPV4_LINK, IPV6_LINK = (
    1,
    101,
    113,
    276,
    0,
    228,
    229,
)


def pcap(
    packets: Iterable[Packet],
    link: int = ETHERNET,
    order: str = "<",
    nano: bool = False,
    snaplen: int = 262144,
) -> bytes:
    parts = [
        struct.pack(
            order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, snaplen, link
        )
    ]
    for packet in packets:
        seconds, rest = divmod(packet.time, 1_000_000_000)
        parts.append(
            struct.pack(
                order + "IIII",
                seconds,
                rest if nano else rest // 1000,
                len(packet.data),
                packet.length or len(packet.data),
            )
            + packet.data
        )
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Any pcapng block."""
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section_header(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(
    link: int = ETHERNET,
    order: str = "<",
    resolution: int | None = None,
    offset: int | None = None,
    snaplen: int = 0,
) -> bytes:
    """`resolution`: the byte of if_tsresol (6 is microseconds, 9 nanoseconds, 0x80 | n is 2^-n)."""
    options = b"" if resolution is None else option(9, bytes([resolution]), order)
    options += b"" if offset is None else option(14, struct.pack(order + "q", offset), order)
    return block(
        1,
        struct.pack(order + "HHI", link, 0, snaplen)
        + options
        + (option(0, b"", order) if options else b""),
        order,
    )


def ticks(time: int, resolution: int = 6, offset: int = 0) -> int:
    """Nanoseconds since 1970 as an interface of that resolution and offset (seconds) counts
    them.
    """
    since = time - offset * 1_000_000_000
    return (
        since * (1 << (resolution & 0x7F)) // 1_000_000_000
        if resolution & 0x80
        else since * 10**resolution // 1_000_000_000
    )


def enhanced(
    packet: Packet, number: int = 0, order: str = "<", resolution: int = 6, offset: int = 0
) -> bytes:
    """An Enhanced Packet Block of interface `number`."""
    count = ticks(packet.time, resolution, offset)
    data = packet.data + bytes(-len(packet.data) % 4)
    return block(
        6,
        struct.pack(
            order + "IIIII",
            number,
            count >> 32,
            count & 0xFFFFFFFF,
            len(packet.data),
            packet.length or len(packet.data),
        )
        + data,
        order,
    )


def simple(packet: Packet, order: str = "<") -> bytes:
    return block(
        3, struct.pack(order + "I", packet.length or len(packet.data)) + packet.data, order
    )


def pcapng(
    packets: Iterable[Packet], link: int = ETHERNET, order: str = "<", resolution: int | None = None
) -> bytes:
    """One section, one interface."""
    resolved = 6 if resolution is None else resolution
    return (
        section_header(order)
        + interface(link, order, resolution)
        + b"".join(enhanced(packet, 0, order, resolved) for packet in packets)
    )
