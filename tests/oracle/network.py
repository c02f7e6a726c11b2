"""Packets into TCP segments: link layers, IPv4 and IPv6, fragments."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from .capture import Packet

FIN, SYN, RST, ACK = 1, 2, 4, 16


@dataclass
class Segment:
    packet: Packet
    source: tuple[str, int]
    destination: tuple[str, int]
    sequence: int
    acknowledgement: int
    flags: int
    ttl: int
    mss: int | None
    payload: bytes  # what was captured of it
    length: int  # what was on the wire
    window: int = 0
    scale: int | None = None  # of a SYN


class Bad(Exception):
    """A packet that is damaged or cut."""


@dataclass
class Datagram:
    """Fragments of one IP datagram."""

    pieces: list[tuple[int, bytes]] = field(default_factory=list)
    size: int | None = None  # known from the last fragment

    def joined(self) -> bytes | None:
        """The payload once it is whole; the first copy of a byte wins."""
        if self.size is None:
            return None
        values: list[int | None] = [None] * self.size
        for offset, data in self.pieces:
            for at, byte in enumerate(data, offset):
                if at < self.size and values[at] is None:
                    values[at] = byte
        return None if None in values else bytes(byte for byte in values if byte is not None)


def final_destination(header: bytes, destination: bytes) -> bytes:
    """Of an IPv6 packet with this routing header."""
    kind, left = header[2], header[3]
    listed = [header[at : at + 16] for at in range(8, len(header) - 15, 16)]
    if not listed or left == 0 or kind not in (0, 2, 4):
        return destination
    return listed[0] if kind == 4 else listed[-1]


class Segments:
    """Finds the TCP segments and counts what else there was."""

    def __init__(self) -> None:
        self.fragments: dict[tuple[bytes, ...], Datagram] = {}
        self.problems: list[tuple[Packet, str]] = []
        self.tcp: set[int] = set()  # arrivals of packets that gave a segment

    def read(self, packets: list[Packet]) -> Iterator[Segment]:
        for packet in packets:
            try:
                segment = self.segment(packet)
            except Bad as why:
                self.problems.append((packet, str(why)))
                continue
            if segment:
                self.tcp.add(packet.arrival)
                yield segment

    def segment(self, packet: Packet) -> Segment | None:
        start = ip_offset(packet)
        if start is None:
            return None
        data = packet.data[start:]
        lacking = packet.length - len(packet.data)  # bytes that the snap length cut
        if not data:
            raise Bad("cut before the IP header")
        if data[0] >> 4 == 4:
            return self.ipv4(packet, data, lacking)
        if data[0] >> 4 == 6:
            return self.ipv6(packet, data, lacking)
        return None

    def ipv4(self, packet: Packet, data: bytes, lacking: int) -> Segment | None:
        if len(data) < 20:
            raise Bad("IPv4 header cut")
        head = (data[0] & 15) * 4
        # 0: segmentation offload
        total = struct.unpack_from("!H", data, 2)[0] or len(data) + lacking
        fragment = struct.unpack_from("!H", data, 6)[0]
        if head < 20 or total < head or len(data) < head:
            raise Bad("IPv4 header damaged")
        source, destination = data[12:16], data[16:20]
        if data[9] != 6:
            return None
        payload, length = data[head:total], total - head
        if fragment & 0x3FFF:
            if len(payload) < length:
                raise Bad("IP fragment cut by the snap length")
            key = (source, destination, data[4:6], data[9:10])
            joined = self.fragment(key, (fragment & 0x1FFF) * 8, payload, bool(fragment & 0x2000))
            if joined is None:
                return None
            payload, length = joined, len(joined)
        return tcp(packet, source, destination, data[8], payload, length)

    def ipv6(self, packet: Packet, data: bytes, lacking: int) -> Segment | None:
        if len(data) < 40:
            raise Bad("IPv6 header cut")
        size = struct.unpack_from("!H", data, 4)[0]
        end = 40 + size if size else len(data) + lacking  # 0: a jumbogram, or offload
        source, destination = data[8:24], data[24:40]
        following, at = data[6], 40
        while following in (0, 43, 51, 60):
            if at + 8 > len(data):
                raise Bad("IPv6 extension header cut")
            step = (data[at + 1] + 2) * 4 if following == 51 else (data[at + 1] + 1) * 8
            if following == 43:
                destination = final_destination(data[at : at + step], destination)
            following, at = data[at], at + step
        if following == 44:
            if at + 8 > len(data):
                raise Bad("IPv6 fragment header cut")
            inner, offset, ident = (
                data[at],
                struct.unpack_from("!H", data, at + 2)[0],
                data[at + 4 : at + 8],
            )
            payload = data[at + 8 : end]
            if offset & 0xFFF9:  # else an atomic fragment: whole
                if inner != 6 and offset & 0xFFF8 == 0:
                    return None
                if len(payload) < end - at - 8:
                    raise Bad("IP fragment cut by the snap length")
                joined = self.fragment(
                    (source, destination, ident), offset & 0xFFF8, payload, bool(offset & 1)
                )
                return (
                    None
                    if joined is None
                    else tcp(packet, source, destination, data[7], joined, len(joined))
                )
            following, at = inner, at + 8
        if following != 6:
            return None
        return tcp(packet, source, destination, data[7], data[at:end], end - at)

    def fragment(
        self, key: tuple[bytes, ...], offset: int, payload: bytes, more: bool
    ) -> bytes | None:
        datagram = self.fragments.setdefault(key, Datagram())
        datagram.pieces.append((offset, payload))
        if not more:
            datagram.size = offset + len(payload)
        joined = datagram.joined()
        if joined is not None:
            del self.fragments[key]
        return joined


def ip_offset(packet: Packet) -> int | None:
    """Where the IP header begins; None if the packet carries something else."""
    data = packet.data
    if packet.link in (12, 14, 101, 228, 229):
        return 0
    if packet.link in (0, 108):
        if len(data) < 4:
            raise Bad("link header cut")
        return 4 if {data[0], data[3]} & {2, 10, 24, 28, 30} else None
    kind_at, start = {1: (12, 14), 113: (14, 16), 276: (0, 20)}[packet.link]
    while True:
        if len(data) < start:
            raise Bad("link header cut")
        kind = struct.unpack_from("!H", data, kind_at)[0]
        if kind not in (0x8100, 0x88A8, 0x9100):
            return start if kind in (0x0800, 0x86DD) else None
        kind_at, start = start + 2, start + 4


def tcp(
    packet: Packet, source: bytes, destination: bytes, ttl: int, data: bytes, length: int
) -> Segment:
    if len(data) < 20:
        raise Bad("TCP header cut")
    source_port, destination_port, sequence, acknowledgement, head, flags, window = (
        struct.unpack_from("!HHIIBBH", data)
    )
    size = (head >> 4) * 4
    if size < 20 or size > length:
        raise Bad("TCP data offset damaged")
    return Segment(
        packet,
        (address_text(source), source_port),
        (address_text(destination), destination_port),
        sequence,
        acknowledgement,
        flags,
        ttl,
        find_option(data[20:size], 2, "!H") if flags & SYN else None,
        data[size:length],
        length - size,
        window,
        find_option(data[20:size], 3, "!B") if flags & SYN else None,
    )


def address_text(packed: bytes) -> str:
    """Canonical text: dotted quad, RFC 5952, v4-mapped as ::ffff:a.b.c.d."""
    if len(packed) == 16 and packed[:12] == bytes(10) + b"\xff\xff":
        return "::ffff:" + str(ipaddress.ip_address(packed[12:]))
    return str(ipaddress.ip_address(packed))


def find_option(options: bytes, kind: int, form: str) -> int | None:
    """The value of the first option of that kind and size."""
    at, size = 0, 2 + struct.calcsize(form)
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        if at + 1 >= len(options) or options[at + 1] < 2:
            break
        if at + options[at + 1] > len(options):
            break
        if options[at] == kind and options[at + 1] == size:
            return int(struct.unpack_from(form, options, at + 2)[0])
        at += options[at + 1]
    return None
