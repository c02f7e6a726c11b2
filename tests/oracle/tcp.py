"""Segments into connections, and each direction of a connection into a stream: every byte in its
place, the first copy of it, and the packet that brought it.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .capture import Packet
from .network import ACK, FIN, RST, SYN, Segment

LEVIN_PORTS = {18080, 28080, 38080}
SIGNATURE = bytes.fromhex("0121010101010101")


@dataclass
class Piece:
    """Bytes of a stream that one packet brought first. `data` is None where the snap length cut
    them: known to be, not seen.
    """

    start: int
    end: int
    data: bytes | None
    packet: Packet
    segment: tuple[int, int]  # all that the packet carried, new or not
    acknowledged: int | None  # offset in the opposite stream that it acknowledges


class Stream:
    """One direction."""

    def __init__(self) -> None:
        self.first: int | None = None  # sequence number of offset 0
        self.begins = False  # its SYN was captured: offset 0 is the beginning
        # offset behind the highest byte so far, from which sequence numbers are unwrapped
        self.highest = 0
        self.pieces: list[Piece] = []
        self.packets = 0
        self.retransmitted = 0
        self.ttl: int | None = None
        self.mss: int | None = None
        self.fin: int | None = None  # offset
        self.acknowledged = 0  # furthest offset that the other side acknowledged
        self.messages: list[Any] = []
        self.problems: list[Any] = []
        self.doubtful = False  # messages may have been lost, or bytes were none
        self.cut: list[tuple[int, int]] = []
        self.stretches: list[tuple[int, int, int]] = []  # of messages: (start, end, number)
        self.known_latest: list[int] = []

    def syn(self, sequence: int) -> None:
        self.first = (sequence + 1) & 0xFFFFFFFF
        self.begins = True

    def offset(self, sequence: int) -> int:
        assert self.first is not None
        return self.highest + signed(sequence - self.first - self.highest)

    def add(self, segment: Segment, acknowledged: int | None) -> None:
        """Takes the payload in: only what no earlier packet brought."""
        assert self.first is not None
        offset = self.offset(segment.sequence + (1 if segment.flags & SYN else 0))
        if offset == 1 and not self.begins and not self.pieces:
            # the first packet was a keep-alive, which is one byte behind
            self.first, offset = self.first + 1, 0
        end = offset + segment.length
        if segment.flags & FIN:
            self.fin = end
        if not segment.length:
            return
        seen = offset + len(segment.payload)
        if self.begins and offset < 0:
            self.retransmitted += min(seen, 0) - offset
            segment.payload, offset = segment.payload[-offset:], 0
            end, seen = max(end, 0), max(seen, 0)
        extent = (offset, end)
        fresh = self.insert(
            Piece(offset, seen, segment.payload, segment.packet, extent, acknowledged)
        )
        self.retransmitted += seen - offset - fresh
        self.insert(Piece(seen, end, None, segment.packet, extent, acknowledged))
        self.highest = max(self.highest, end)

    def insert(self, piece: Piece) -> int:
        """Puts in what is new of the piece; how many bytes that was."""
        fresh = 0
        at = piece.start
        index = bisect.bisect_right(self.pieces, at, key=lambda other: other.start)
        if index and self.pieces[index - 1].end > at:
            at = self.pieces[index - 1].end
        while at < piece.end:
            until = (
                min(piece.end, self.pieces[index].start) if index < len(self.pieces) else piece.end
            )
            if until > at:
                data = (
                    None
                    if piece.data is None
                    else piece.data[at - piece.start : until - piece.start]
                )
                self.pieces.insert(
                    index, dataclasses.replace(piece, start=at, end=until, data=data)
                )
                fresh += until - at
                index += 1
            if index == len(self.pieces):
                break
            at = max(until, self.pieces[index].end)
            index += 1
        return fresh

    # ---- what the layout says, once all is in

    def start(self) -> int:
        return 0

    def end(self) -> int:
        """Behind the last byte that is known to have been, by itself, a FIN or an acknowledgement.
        One byte ahead may be the acknowledgement of a FIN.
        """
        last = max(self.pieces[-1].end if self.pieces else 0, 0)
        known = (
            self.fin
            if self.fin is not None
            else self.acknowledged
            if self.acknowledged > last + 1
            else 0
        )
        # of a direction that was not captured nothing is known, so nothing is lost
        return max(last, known) if self.packets else last

    def early(self) -> int:
        """Bytes from before the first: repeated from before the capture began."""
        return sum(
            min(piece.end, 0) - piece.start
            for piece in self.pieces
            if piece.start < 0 and piece.data is not None
        )

    def seen(self) -> int:
        return sum(piece.end - piece.start for piece in self.pieces if piece.data is not None)

    def runs(self) -> list[tuple[int, bytes]]:
        """The seen bytes as unbroken runs: (offset, bytes)."""
        made: list[tuple[int, bytearray]] = []
        for piece in self.laid():
            if piece.data is None:
                continue
            if not made or made[-1][0] + len(made[-1][1]) != piece.start:
                made.append((piece.start, bytearray()))
            made[-1][1].extend(piece.data)
        return [(start, bytes(data)) for start, data in made]

    def holes(self) -> list[tuple[int, int, bool]]:
        """What was not seen between the first byte and the last: (start, end, whether only the snap
        length cut it).
        """
        made = []
        at = self.start()
        for piece in self.laid():
            if piece.start > at:
                made.append((at, piece.start, False))
            if piece.data is None:
                made.append((piece.start, piece.end, True))
            at = piece.end
        if at < self.end():
            made.append((at, self.end(), False))
        return made

    def laid(self) -> list[Piece]:
        """The pieces from offset 0 on."""
        return [self.from_zero(piece) for piece in self.pieces if piece.end > 0]

    def from_zero(self, piece: Piece) -> Piece:
        return (
            piece
            if piece.start >= 0
            else dataclasses.replace(
                piece, start=0, data=None if piece.data is None else piece.data[-piece.start :]
            )
        )

    def latest(self) -> list[int]:
        """For each piece the arrival of the latest packet among it and those before it in the
        stream.
        """
        if len(self.known_latest) != len(self.pieces):
            self.known_latest = list(
                itertools.accumulate((piece.packet.arrival for piece in self.pieces), max)
            )
        return self.known_latest

    def between(self, start: int, end: int) -> list[Piece]:
        """The pieces with seen bytes of [start, end)."""
        index = max(bisect.bisect_right(self.pieces, start, key=lambda piece: piece.start) - 1, 0)
        made = []
        while index < len(self.pieces) and self.pieces[index].start < end:
            piece = self.pieces[index]
            if piece.end > start and piece.data is not None:
                made.append(piece)
            index += 1
        return made


@dataclass
class Connection:
    number: int
    client: tuple[str, int]
    server: tuple[str, int]
    packets: list[Packet] = field(default_factory=list)
    client_isn: int | None = None
    server_isn: int | None = None
    end: str = "open"
    fins: set[int] = field(default_factory=set)
    rst: bool = False
    rtt: int | None = None
    syn_time: int | None = None
    # the SYN and the SYN-ACK
    shaken: list[Segment | None] = field(default_factory=lambda: [None, None])
    monero: bool = False
    # of the client, of the server
    streams: tuple[Stream, Stream] = field(default_factory=lambda: (Stream(), Stream()))

    def add(self, segment: Segment) -> None:
        side = 0 if segment.source == self.client else 1
        stream = self.streams[side]
        self.packets.append(segment.packet)
        stream.packets += 1
        if stream.ttl is None:
            stream.ttl = segment.ttl
        if segment.flags & SYN:
            self.take_syn(side, segment)
        other = self.streams[1 - side]
        if segment.flags & RST == 0:
            self.begin_streams(stream, other, segment)
        acknowledged = (
            other.offset(segment.acknowledgement)
            if segment.flags & ACK and other.first is not None
            else None
        )
        if acknowledged is not None:
            other.acknowledged = max(other.acknowledged, acknowledged)
        if not segment.flags & RST:
            stream.add(segment, acknowledged)
        self.take_end(side, segment)
        self.take_rtt(side, segment)

    def take_syn(self, side: int, segment: Segment) -> None:
        if self.shaken[side] is None:
            self.shaken[side] = segment
            self.streams[side].syn(segment.sequence)
            self.streams[side].mss = segment.mss

    @staticmethod
    def begin_streams(stream: Stream, other: Stream, segment: Segment) -> None:
        """Begun in the middle, offset 0 is what the first packet carries, or would. Where only one
        SYN was captured, the acknowledgement of the other tells of it.
        """
        if stream.first is None:
            stream.first = segment.sequence
        handshake = segment.flags & SYN or (stream.begins and segment.sequence == stream.first)
        if other.first is None and segment.flags & ACK and handshake:
            other.syn(segment.acknowledgement - 1)

    def take_end(self, side: int, segment: Segment) -> None:
        if segment.flags & FIN:
            self.fins.add(side)
        if segment.flags & RST and len(self.fins) < 2:
            self.rst = True

    def closed(self) -> str | None:
        """How it closed itself: both FINs (the one that there is, if one direction was captured),
        or an RST.
        """
        if len(self.fins) == 2:
            return "fin"
        if self.rst:
            return "rst"
        return "fin" if any(self.streams[1 - side].packets == 0 for side in self.fins) else None

    def take_rtt(self, side: int, segment: Segment) -> None:
        """From the SYN (the last one, if it was repeated) to the ACK that completes the handshake:
        the first one behind the SYN and what came with it.
        """
        if side == 0 and segment.flags & SYN and self.shaken[1] is None:
            self.syn_time = segment.packet.time
        opening = self.shaken[0]
        if (
            side == 1
            or self.rtt is not None
            or opening is None
            or self.shaken[1] is None
            or self.syn_time is None
        ):
            return
        if (
            not segment.flags & (SYN | RST)
            and segment.flags & ACK
            and segment.sequence == (opening.sequence + 1 + opening.length) % 2**32
        ):
            self.rtt = segment.packet.time - self.syn_time


def signed(difference: int) -> int:
    """A difference of sequence numbers, modulo 2^32, as a step forward or back."""
    return (difference + 2**31) % 2**32 - 2**31


def follow(segments: Iterable[Segment], ports: set[int]) -> list[Connection]:
    """All connections, in order of appearance."""
    connections: list[Connection] = []
    current: dict[frozenset[tuple[str, int]], Connection] = {}
    for segment in segments:
        key = frozenset((segment.source, segment.destination))
        connection = current.get(key)
        if connection is None or begins_anew(connection, segment):
            if connection is not None:
                connection.end = "reused"
            client, server = roles(segment, ports)
            connection = Connection(len(connections), client, server)
            connections.append(connection)
            current[key] = connection
        connection.add(segment)
    return connections


def begins_anew(connection: Connection, segment: Segment) -> bool:
    """A SYN that is not a retransmission of the one that we know."""
    if not segment.flags & SYN:
        return False
    side = 0 if segment.source == connection.client else 1
    if connection.streams[side].first == (segment.sequence + 1) & 0xFFFFFFFF:
        return False  # it came late: what follows it was seen before
    if segment.flags & ACK:
        known = connection.shaken[1]
        return side == 0 or (known is not None and known.sequence != segment.sequence)
    known, answer = connection.shaken
    if (
        side == 0
        and known is None
        and answer is not None
        and answer.acknowledgement == (segment.sequence + 1) & 0xFFFFFFFF
    ):
        return False  # likewise
    return side == 1 or known is None or known.sequence != segment.sequence


def roles(segment: Segment, ports: set[int]) -> tuple[tuple[str, int], tuple[str, int]]:
    """(client, server): by the SYN, else by the Levin port, else the higher port is the
    client's.
    """
    if segment.flags & SYN:
        return (
            (segment.destination, segment.source)
            if segment.flags & ACK
            else (segment.source, segment.destination)
        )
    levin = LEVIN_PORTS | ports
    source, destination = segment.source[1] in levin, segment.destination[1] in levin
    if (segment.source[1] >= segment.destination[1]) if source == destination else destination:
        return segment.source, segment.destination
    return segment.destination, segment.source


def is_monero(connection: Connection, ports: set[int], sound: Any) -> bool:
    """One of its ports, or a direction that begins with the signature; of one captured from the
    middle nobody knows how it began: there a sound header anywhere.
    """
    if {connection.client[1], connection.server[1]} & (LEVIN_PORTS | ports):
        return True
    for stream in connection.streams:
        runs = stream.runs()
        if stream.begins and runs and runs[0][0] == 0 and runs[0][1].startswith(SIGNATURE):
            return True
        if not stream.begins and any(next(sound(data), None) is not None for _, data in runs):
            return True
    return False
