"""What the cases need beyond `craft`: several conversations on one clock, short names for usual
messages, rarer link layers and files.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from support import craft
from support.craft import (
    ACK,
    CLIENT,
    EPEE_HEADER,
    FIN,
    PSH,
    RST,
    SERVER,
    START,
    SYN,
    Connection,
    Packet,
    ethernet,
    tcp,
    varint,
)

URG = 32
CLIENT_IP, SERVER_IP = "192.0.2.1", "198.51.100.10"
MILLISECOND, SECOND = 1_000_000, 1_000_000_000

# Usual messages, whole buckets, and what their headers say (bytes of the bucket / declared length).
PING = craft.request(1003)  # 43 / 10
PONG = craft.response(1003, craft.ping_response())  # 71 / 38
HELLO = craft.request(1001, craft.handshake_request())  # 295 / 262
WELCOME = craft.response(1001, craft.handshake_response())  # 295 / 262
SYNC = craft.request(1002, craft.timed_sync_request())  # 205 / 172
SYNCED = craft.response(1002, craft.timed_sync_response())  # 205 / 172
FLAGS = craft.request(1007)  # 43 / 10
FLAGGED = craft.response(1007, craft.support_flags_response())  # 62 / 29
POOL = craft.notification(2010)  # 43 / 10


def T(frame: int) -> int:
    """Time of the frame of that number when a millisecond lies between frames."""
    return START + (frame - 1) * MILLISECOND


def filler(size: int, fill: bytes = b" ") -> bytes:
    """A sound epee payload of exactly `size` bytes (at least 17): one string under the key `_`."""
    count = size - 17
    return (
        EPEE_HEADER
        + varint(1)
        + b"\x01_\x0a"
        + varint(count, 4)
        + (fill * (count // len(fill) + 1))[:count]
    )


def news(size: int, fill: bytes = b" ") -> bytes:
    """A 2002 notification whose payload has `size` bytes."""
    return craft.notification(2002, filler(size, fill))


@dataclass
class Talk(Connection):
    """A conversation on the clock and in the packet list of a wire."""

    wire: Wire | None = None
    ttl: tuple[int, int] = (64, 64)

    def emit(
        self,
        side: int,
        flags: int = ACK,
        payload: bytes = b"",
        sequence: int | None = None,
        acknowledgement: int | None = None,
        options: bytes = b"",
        window: int = 64000,
    ) -> Packet:
        source, destination = (
            (self.client, self.server) if side == CLIENT else (self.server, self.client)
        )
        seq = self.sequence[side] if sequence is None else sequence
        ack = (
            (self.sequence[1 - side] if acknowledgement is None else acknowledgement)
            if flags & ACK
            else 0
        )
        segment = tcp(source[1], destination[1], seq, ack, flags, payload, options, window)
        assert self.wire is not None
        return self.wire.put(
            self.wrap(craft.ip(source[0], destination[0], segment, self.ttl[side]))
        )

    def say(
        self,
        side: int,
        data: bytes,
        at: int | None = None,
        flags: int = ACK | PSH,
        acknowledgement: int | None = None,
    ) -> Talk:
        """One segment: the next bytes, or those at stream offset `at`; the next bytes follow the
        furthest ones said.
        """
        position = (self.sequence[side] - self.first[side]) & 0xFFFFFFFF
        offset = position if at is None else at
        self.emit(side, flags, data, self.first[side] + offset, acknowledgement)
        self.lose(side, max(0, offset + len(data) - position))
        return self

    def lose(self, side: int, count: int) -> Talk:
        """Bytes that were sent and that the capture does not hold."""
        self.sequence[side] = (self.sequence[side] + count) & 0xFFFFFFFF
        return self

    def ack(self, side: int, acknowledgement: int | None = None) -> Talk:
        self.emit(side, ACK, acknowledgement=acknowledgement)
        return self

    def cuts(self, side: int, data: bytes, *sizes: int) -> Talk:
        """Consecutive segments of these sizes, and one with the rest."""
        for size in sizes:
            self.say(side, data[:size])
            data = data[size:]
        return self.say(side, data) if data else self


@dataclass
class Wire:
    """A tap: packets of all conversations in the order of capture, a millisecond apart."""

    clock: int = START
    step: int = MILLISECOND
    packets: list[Packet] = field(default_factory=list)
    wrap: Callable[[bytes], bytes] = ethernet

    def put(self, data: bytes) -> Packet:
        packet = Packet(self.clock, data)
        self.clock += self.step
        self.packets.append(packet)
        return packet

    def talk(
        self,
        port: int = 40000,
        client: str = CLIENT_IP,
        server: str = SERVER_IP,
        server_port: int = 18080,
        first: tuple[int, int] = (1000, 500000),
        opened: bool = True,
        ttl: tuple[int, int] = (64, 64),
    ) -> Talk:
        """A new conversation, its three-way handshake captured if `opened`. `first`: sequence
        numbers of the first payload bytes.
        """
        new_talk = Talk(
            (client, port),
            (server, server_port),
            sequence=list(first),
            packets=self.packets,
            wrap=self.wrap,
            wire=self,
            ttl=ttl,
        )
        if opened:
            new_talk.open()
        return new_talk

    def wait(self, seconds: float) -> Wire:
        """Silence between the last packet and the next one, the usual step not counted."""
        self.clock += int(seconds * SECOND) - self.step
        return self


def bare(packet: bytes) -> bytes:
    """No link layer: for wires whose frames are wrapped later."""
    return packet


def wrapped(packets: Iterable[Packet], wrap: Callable[[bytes], bytes]) -> list[Packet]:
    return [Packet(packet.time, wrap(packet.data)) for packet in packets]


def cut(packets: Iterable[Packet], snaplen: int) -> list[Packet]:
    return [packet.cut(snaplen) for packet in packets]


def sll(packet: bytes, kind: int | None = None) -> bytes:
    return (
        struct.pack(
            "!HHH8sH",
            0,
            1,
            6,
            b"\x02\0\0\0\0\x01",
            craft.ethertype(packet) if kind is None else kind,
        )
        + packet
    )


def zstd(data: bytes, sizes: bool = False, most: int = 65536) -> bytes:
    """One zstd frame of raw blocks (RFC 8878) of `most` bytes; `sizes`: as a single segment that
    tells its content size.
    """
    # window of 128 KiB
    out = struct.pack("<I", 0xFD2FB528) + (
        struct.pack("<BI", 0xA0, len(data)) if sizes else b"\x00\x38"
    )
    pieces = [data[at : at + most] for at in range(0, len(data), most)] or [b""]
    for number, piece in enumerate(pieces):
        out += ((len(piece) << 3) | (number == len(pieces) - 1)).to_bytes(3, "little") + piece
    return out


def zstd_skippable(data: bytes) -> bytes:
    return struct.pack("<II", 0x184D2A50, len(data)) + data


__all__ = [
    "ACK",
    "CLIENT",
    "CLIENT_IP",
    "EPEE_HEADER",
    "FIN",
    "FLAGGED",
    "FLAGS",
    "HELLO",
    "MILLISECOND",
    "PING",
    "PONG",
    "POOL",
    "PSH",
    "RST",
    "SECOND",
    "SERVER",
    "SERVER_IP",
    "START",
    "SYN",
    "SYNC",
    "SYNCED",
    "T",
    "Talk",
    "URG",
    "WELCOME",
    "Wire",
    "bare",
    "cut",
    "filler",
    "news",
    "sll",
    "wrapped",
    "zstd",
    "zstd_skippable",
]


def seen(wire: Wire) -> dict[str, bytes]:
    """What the wire carried as the one file of a case."""
    return {"a.pcap": craft.pcap(wire.packets)}


def one_complement_sum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def with_checksums(wire: Wire, wrong: Iterable[int] = ()) -> dict[str, bytes]:
    """What the wire carried as the one file of a case: TCP and IPv4 with right checksums,
    except in the frames of these numbers.
    """
    packets, excepted = [], set(wrong)
    for frame, packet in enumerate(wire.packets, 1):
        data = packet.data
        end = 14 + int.from_bytes(data[16:18], "big")
        segment = data[34:50] + bytes(2) + data[52:end]
        pseudo = data[26:34] + struct.pack("!HH", 6, len(segment))
        checksum = ~one_complement_sum(pseudo + segment) & 0xFFFF
        if frame in excepted:
            checksum ^= 0x5555
        packets.append(Packet(packet.time, data[:50] + checksum.to_bytes(2, "big") + data[52:]))
    return {"a.pcap": craft.pcap(packets)}
