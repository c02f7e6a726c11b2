"""Capture files into packets: pcap and pcapng, plain or gzipped."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

NO_TIME = -(2**63)


@dataclass
class Packet:
    file: int  # number of the file in the stream
    frame: int  # number of the packet in its file, from 1
    time: int  # nanoseconds since 1970, NO_TIME if the capture tells none
    link: int  # LINKTYPE_
    data: bytes  # what was captured
    length: int  # bytes on the wire
    arrival: int = -1  # number of the packet in the whole stream
    greatest_snap_length: int = 0  # of the interfaces of its file, if they differ


@dataclass
class File:
    path: Path
    packets: list[Packet] = field(default_factory=list)
    truncated: bool = False


class Damaged(Exception):
    """The file is cut or damaged from here on."""


def read_files(paths: list[Path]) -> tuple[list[File], list[Packet]]:
    """The files in the order of their first packets, and their packets merged in time order."""
    files = [read_file(path) for path in paths]
    # a stable sort: equal times keep the order given
    files.sort(
        key=lambda file: next(
            (packet.time for packet in file.packets if packet.time != NO_TIME), NO_TIME
        )
    )
    for number, file in enumerate(files):
        for packet in file.packets:
            packet.file = number
    packets = merge([file.packets for file in files])
    for arrival, packet in enumerate(packets):
        packet.arrival = arrival
    return files, packets


def merge(queues: list[list[Packet]]) -> list[Packet]:
    """Always the file whose next packet is earliest, the first of those with equal times; packets
    of one file are never reordered among themselves.
    """
    merged = []
    at = [0] * len(queues)
    while waiting := [i for i, queue in enumerate(queues) if at[i] < len(queue)]:
        earliest = min(waiting, key=lambda i: queues[i][at[i]].time)
        merged.append(queues[earliest][at[earliest]])
        at[earliest] += 1
    return merged


def read_file(path: Path) -> File:
    file = File(path)
    data, whole = unpack(path.read_bytes())
    file.truncated = not whole
    try:
        for packet in read_packets(data):
            packet.frame = len(file.packets) + 1
            file.packets.append(packet)
    except Damaged:
        file.truncated = True
    return file


def unpack(data: bytes) -> tuple[bytes, bool]:
    """The content of a gzip file of any number of members, or the data as it is; and whether it was
    whole.
    """
    if data[:2] != b"\x1f\x8b":
        return data, True
    unpacked = b""
    while data[:2] == b"\x1f\x8b":
        member = zlib.decompressobj(wbits=31)
        try:
            unpacked += member.decompress(data)
        except zlib.error:
            return unpacked, False
        if not member.eof:
            return unpacked, False
        data = member.unused_data
    return unpacked, True


def read_packets(data: bytes) -> Iterator[Packet]:
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        yield from read_pcapng(data)
    else:
        yield from read_pcap(data)


def read_pcap(data: bytes) -> Iterator[Packet]:
    kinds = {
        b"\xd4\xc3\xb2\xa1": ("<", 1000),
        b"\xa1\xb2\xc3\xd4": (">", 1000),
        b"\x4d\x3c\xb2\xa1": ("<", 1),
        b"\xa1\xb2\x3c\x4d": (">", 1),
    }
    if data[:4] not in kinds or len(data) < 24:
        raise ValueError("not a capture file")
    order, unit = kinds[data[:4]]
    # the upper bits tell of a frame check sequence
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at < len(data):
        if at + 16 > len(data):
            raise Damaged
        seconds, rest, captured, length = struct.unpack_from(order + "IIII", data, at)
        at += 16
        if at + captured > len(data):
            raise Damaged
        yield Packet(
            0,
            0,
            seconds * 1_000_000_000 + rest * unit,
            link,
            data[at : at + captured],
            max(length, captured),
        )
        at += captured


@dataclass
class Interface:
    link: int
    snaplen: int
    numerator: int  # a tick is numerator / denominator nanoseconds
    denominator: int
    offset: int  # seconds


def read_interface(body: bytes, order: str) -> Interface:
    link, _, snaplen = struct.unpack_from(order + "HHI", body)
    interface = Interface(link, snaplen, 1000, 1, 0)
    at = 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == 0:
            break
        if code == 9 and size == 1:
            base, power = (2, value[0] & 0x7F) if value[0] & 0x80 else (10, value[0])
            interface.numerator, interface.denominator = 1_000_000_000, base**power
        if code == 14 and size == 8:
            interface.offset = struct.unpack(order + "q", value)[0]
        at += 4 + size + -size % 4
    return interface


def read_pcapng(data: bytes) -> Iterator[Packet]:
    order = "<"
    interfaces: list[Interface] = []
    snap_lengths: set[int] = set()
    greatest = 0
    at = 0
    while at < len(data):
        if at + 12 > len(data):
            raise Damaged
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":  # a section: the same in both byte orders
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, size = struct.unpack_from(order + "II", data, at)
        if size < 12 or size % 4 or at + size > len(data):
            raise Damaged
        body = data[at + 8 : at + size - 4]
        at += size
        if kind == 1:
            interfaces.append(read_interface(body, order))
            snap_lengths.add(interfaces[-1].snaplen or 2**32 - 1)
            greatest = max(snap_lengths) if len(snap_lengths) > 1 else 0
        elif kind == 6:
            number, high, low, captured, length = struct.unpack_from(order + "IIIII", body)
            packet = stamped(interfaces[number], high << 32 | low, body[20 : 20 + captured], length)
            packet.greatest_snap_length = greatest
            yield packet
        elif kind == 2:  # the obsolete Packet Block
            number, _, high, low, captured, length = struct.unpack_from(order + "HHIIII", body)
            packet = stamped(interfaces[number], high << 32 | low, body[20 : 20 + captured], length)
            packet.greatest_snap_length = greatest
            yield packet
        elif kind == 3:
            length = struct.unpack_from(order + "I", body)[0]
            captured = min(length, interfaces[0].snaplen or length, len(body) - 4)
            yield Packet(0, 0, NO_TIME, interfaces[0].link, body[4 : 4 + captured], length)


def stamped(interface: Interface, ticks: int, data: bytes, length: int) -> Packet:
    time = ticks * interface.numerator // interface.denominator + interface.offset * 1_000_000_000
    return Packet(0, 0, time, interface.link, data, max(length, len(data)))


__all__ = ["NO_TIME", "File", "Packet", "read_files"]
