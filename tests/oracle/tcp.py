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
from .prefix import Beginning, read_beginning

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


@dataclass
class SnapLengths:
    """The lengths at which the packets of a capture are cut. With one snap length, no copy of a cut
    packet has more of it.
    """

    longest: int = 0
    cut: int = 0  # packets that were cut at the greatest length

    def note(self, segment: Segment) -> None:
        captured = len(segment.packet.data)
        longest = max(captured, segment.packet.greatest_snap_length)
        if longest > self.longest:
            self.longest, self.cut = longest, 0
        if len(segment.payload) < segment.length and captured == self.longest:
            self.cut += 1

    def vary(self, packet: Packet) -> bool:
        return len(packet.data) < self.longest or self.cut < 2


class Stream:
    """One direction."""

    def __init__(self) -> None:
        self.settled = 0  # offset before which nothing changes any more
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
        self.claimed = 0  # offset beyond what was sent that it seemed to acknowledge last
        self.sent = 0  # furthest offset that an accepted packet reached, the FIN included
        self.edge: int | None = None  # of the receiver's window
        self.last_acknowledgement: int | None = None  # last acknowledgement number that it sent
        self.widest = 0  # the largest window that this side offered
        self.scale: int | None = None  # of its SYN, None if it had none
        self.has_syn = False
        self.last_accepted = -1  # arrival
        self.suspects: list[Suspect] = []
        self.refused: list[tuple[str, int, int]] = []  # kind, offset, bytes
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
        self.uncut(offset, seen)
        fresh = self.insert(
            Piece(offset, seen, segment.payload, segment.packet, extent, acknowledged)
        )
        self.retransmitted += seen - offset - fresh
        self.insert(Piece(seen, end, None, segment.packet, extent, acknowledged))
        self.highest = max(self.highest, end)

    def uncut(self, start: int, end: int) -> None:
        """Removes what the snap length cut of [start, end), which a packet now brings."""
        pieces: list[Piece] = []
        for piece in self.pieces:
            if piece.data is not None or piece.start < self.settled:
                pieces.append(piece)
                continue
            rest = [(piece.start, min(piece.end, start)), (max(piece.start, end), piece.end)]
            pieces += [dataclasses.replace(piece, start=a, end=b) for a, b in rest if a < b]
        self.pieces = pieces

    def settle(self, lengths: SnapLengths) -> None:
        """Everything up to the first byte that may still come is settled."""
        index = bisect.bisect_right(self.pieces, self.settled, key=lambda piece: piece.end)
        for piece in self.pieces[index:]:
            if piece.start > self.settled or (piece.data is None and lengths.vary(piece.packet)):
                break
            self.settled = piece.end

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
            else max(self.acknowledged, self.claimed)
            if max(self.acknowledged, self.claimed) > last + 1
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
        laid = sum(piece.end - piece.start for piece in self.pieces if piece.data is not None)
        return laid + self.dropped()

    def dropped(self) -> int:
        """Bytes that no receiver accepted."""
        return sum(size for _, _, size in self.refused)

    def next(self) -> int:
        """Where the unbroken bytes from offset 0 end."""
        at = 0
        for piece in self.pieces:
            if piece.start > at:
                break
            at = max(at, piece.end)
        return at

    def lossy(self) -> bool:
        """Something is missing before the furthest byte, or was cut by the snap length."""
        return self.next() < self.highest or any(piece.data is None for piece in self.pieces)

    def has(self, suspect: Suspect) -> bool:
        """Some of its bytes were seen in another packet."""
        end = suspect.offset + suspect.segment.length
        return any(piece.start < end and piece.end > suspect.offset for piece in self.pieces)

    def runs(self) -> list[tuple[int, bytes]]:
        """The seen bytes as unbroken runs: (offset, bytes)."""
        joined: list[tuple[int, bytearray]] = []
        for piece in self.laid():
            if piece.data is None:
                continue
            if not joined or joined[-1][0] + len(joined[-1][1]) != piece.start:
                joined.append((piece.start, bytearray()))
            joined[-1][1].extend(piece.data)
        return [(start, bytes(data)) for start, data in joined]

    def holes(self) -> list[tuple[int, int, bool]]:
        """What was not seen between the first byte and the last: (start, end, whether only the snap
        length cut it).
        """
        missing = []
        at = self.start()
        for piece in self.laid():
            if piece.start > at:
                missing.append((at, piece.start, False))
            if piece.data is None:
                missing.append((piece.start, piece.end, True))
            at = piece.end
        if at < self.end():
            missing.append((at, self.end(), False))
        return missing

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
        pieces = []
        while index < len(self.pieces) and self.pieces[index].start < end:
            piece = self.pieces[index]
            if piece.end > start and piece.data is not None:
                pieces.append(piece)
            index += 1
        return pieces


@dataclass
class Suspect:
    """A packet with payload that its receiver may have dropped."""

    segment: Segment
    offset: int
    acknowledged: int | None
    kind: str


FAR = 1 << 20  # a sender's tolerance, whatever the windows
LEAST = 1 << 16
WIDEST = 1 << 30


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
    reset_by: int | None = None  # the side whose RST ended it
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
        if segment.flags & RST:
            self.take_reset(side, segment)
        else:
            self.take(side, segment, acknowledged)
        self.take_rtt(side, segment)

    def settle_streams(self, lengths: SnapLengths) -> None:
        for stream in self.streams:
            stream.settle(lengths)

    # ---- what the receiver accepts: RFC 9293 3.10.7.4, RFC 5961

    def take(self, side: int, segment: Segment, acknowledged: int | None) -> None:
        stream = self.streams[side]
        offset = stream.offset(segment.sequence + (1 if segment.flags & SYN else 0))
        kind = self.refusal(side, segment, offset, acknowledged)
        if kind is None:
            self.accept(side, segment, offset, acknowledged)
        elif segment.length:
            stream.suspects.append(Suspect(segment, offset, acknowledged, kind))

    def refusal(
        self, side: int, segment: Segment, offset: int, acknowledged: int | None
    ) -> str | None:
        """The kind of problem that a receiver has with it; None if it accepts it."""
        stream, end = self.streams[side], offset + segment.length
        if self.lacks_ack(side, segment):
            return "out_of_window"
        if offset > self.limit(side) or end < stream.acknowledged - (
            WIDEST if stream.edge is None else max(self.streams[1 - side].widest, FAR)
        ):
            return "out_of_window"
        if not self.acknowledges_rightly(side, segment, acknowledged):
            return "out_of_window"
        if segment.length and end > stream.next():
            beyond_fin = stream.fin is not None and max(offset, stream.next()) >= stream.fin
            if beyond_fin or self.reset_by == 1 - side:
                return "after_end"
        return None

    def lacks_ack(self, side: int, segment: Segment) -> bool:
        """A receiver drops it, if there is one."""
        return segment.flags & (ACK | SYN | RST) == 0 and self.streams[1 - side].packets != 0

    def limit(self, side: int) -> int:
        """The furthest offset that a side may use."""
        stream = self.streams[side]
        if stream.edge is None:
            return stream.highest + WIDEST
        return max(stream.edge, stream.highest + max(self.streams[1 - side].widest, LEAST))

    def acknowledges_rightly(self, side: int, segment: Segment, acknowledged: int | None) -> bool:
        stream, other = self.streams[side], self.streams[1 - side]
        if acknowledged is None or other.packets == 0:
            return True
        scaled = stream.has_syn and other.has_syn
        if acknowledged < other.acknowledged - (max(stream.widest, LEAST) if scaled else FAR) or (
            other.begins and acknowledged < 0
        ):
            return False
        if acknowledged <= max(other.sent, other.acknowledged) + 1:
            return True
        if self.ends_suspect(1 - side, acknowledged):
            return True
        patient = segment.length == 0 or other.lossy()
        return patient and acknowledged <= self.limit(1 - side)

    def accept(self, side: int, segment: Segment, offset: int, acknowledged: int | None) -> None:
        stream, end = self.streams[side], offset + segment.length
        confirmed = self.settle_claim(side, offset)
        stream.sent = max(stream.sent, end + (1 if segment.flags & FIN else 0))
        stream.last_accepted = segment.packet.arrival
        if segment.flags & ACK:
            stream.last_acknowledgement = segment.acknowledgement
        if acknowledged is not None:
            self.note_acknowledgement(side, segment, acknowledged)
        if confirmed:
            self.settle(side)
        self.read(side, segment, end, acknowledged)
        if segment.flags & FIN:
            self.fins.add(side)

    def ends_suspect(self, side: int, offset: int) -> bool:
        suspects = self.streams[side].suspects
        return any(item.offset + item.segment.length == offset for item in suspects)

    def settle_claim(self, side: int, offset: int) -> bool:
        """An acknowledgement of what was not seen counts once its sender goes on beyond that."""
        stream = self.streams[side]
        if offset < stream.sent:
            return False
        right = stream.acknowledged < stream.claimed <= offset
        if right:
            stream.acknowledged = stream.claimed
        stream.claimed = 0
        return right

    def note_acknowledgement(self, side: int, segment: Segment, acknowledged: int) -> None:
        stream, other = self.streams[side], self.streams[1 - side]
        beyond = acknowledged > max(other.sent, other.acknowledged) + 1
        if beyond and not self.ends_suspect(1 - side, acknowledged):
            other.claimed = acknowledged
            return
        window = segment.window << (0 if segment.flags & SYN else self.shift(side))
        stream.widest = max(stream.widest, window)
        edge = acknowledged + window
        other.edge = edge if other.edge is None else max(other.edge, edge)
        if acknowledged > other.acknowledged:
            other.acknowledged = acknowledged
            self.settle(1 - side)

    def read(self, side: int, segment: Segment, end: int, acknowledged: int | None) -> None:
        """The payload of an accepted packet. A side that goes on did not send the reset."""
        stream = self.streams[side]
        if self.reset_by == side and segment.length and end > stream.next():
            self.reset_by = None
        stream.add(segment, acknowledged)

    def shift(self, side: int) -> int:
        streams = self.streams
        if any(stream.has_syn and stream.scale is None for stream in streams):
            return 0
        scale = streams[side].scale
        return min(scale, 14) if scale is not None else 14

    def settle(self, side: int) -> None:
        """Suspects that the receiver acknowledged are read after all."""
        stream = self.streams[side]
        waiting, stream.suspects = stream.suspects, []
        for suspect in waiting:
            if suspect.offset + suspect.segment.length > stream.acknowledged:
                stream.suspects.append(suspect)
            elif self.believes(side, suspect):
                self.read_suspect(side, suspect)
            else:
                self.refuse(side, suspect)

    def believes(self, side: int, suspect: Suspect) -> bool:
        """Whether the bytes that the receiver acknowledged may be these."""
        if self.lacks_ack(side, suspect.segment):
            return not self.streams[side].has(suspect)
        return self.acknowledges_rightly(side, suspect.segment, suspect.acknowledged)

    def read_suspect(self, side: int, suspect: Suspect) -> None:
        stream, end = self.streams[side], suspect.offset + suspect.segment.length
        if not stream.has(suspect):
            if stream.fin is not None and suspect.offset >= stream.fin:
                stream.fin = None
                self.fins.discard(side)
            self.reset_by = None
            stream.sent = max(stream.sent, end)
        self.read(side, suspect.segment, end, suspect.acknowledged)

    def refuse(self, side: int, suspect: Suspect) -> None:
        size = len(suspect.segment.payload)
        self.streams[side].refused.append((suspect.kind, suspect.offset, size))

    def finish(self) -> None:
        """No acknowledgement will come. A receiver that went on without one has dropped them."""
        for side in (0, 1):
            stream, receiver = self.streams[side], self.streams[1 - side]
            waiting, stream.suspects = stream.suspects, []
            for suspect in waiting:
                silent = (
                    receiver.packets == 0 or receiver.last_accepted < suspect.segment.packet.arrival
                )
                near = suspect.offset <= self.limit(side) + (FAR if stream.lossy() else 0)
                right = not self.lacks_ack(side, suspect.segment) and self.acknowledges_rightly(
                    side, suspect.segment, suspect.acknowledged
                )
                if silent and near and right and suspect.kind == "out_of_window":
                    self.read_suspect(side, suspect)
                else:
                    self.refuse(side, suspect)

    def take_syn(self, side: int, segment: Segment) -> None:
        if self.shaken[side] is None:
            self.shaken[side] = segment
            self.streams[side].syn(segment.sequence)
            self.streams[side].mss = segment.mss
        self.streams[side].has_syn = True
        self.streams[side].scale = segment.scale

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

    def take_reset(self, side: int, segment: Segment) -> None:
        """At the number that the receiver expects, it ends the connection."""
        stream, other = self.streams[side], self.streams[1 - side]
        stream.last_accepted = segment.packet.arrival
        if stream.first is not None:
            offset = stream.offset(segment.sequence)
            expected = {stream.next(), stream.acknowledged, stream.sent}
            if stream.fin is not None:
                expected.add(stream.fin + 1)
            soft = stream.lossy() and stream.acknowledged < offset <= self.limit(side)
            if offset not in expected and not soft:
                return
        elif (
            not segment.flags & ACK
            and other.last_acknowledgement is not None
            and other.last_acknowledgement != segment.sequence
        ):
            return
        if self.reset_by is None and len(self.fins) < 2:
            self.reset_by = side

    def closed(self) -> str | None:
        """How it closed itself: both FINs (the one that there is, if one direction was captured),
        or an RST.
        """
        if len(self.fins) == 2:
            return "fin"
        if self.reset_by is not None:
            return "rst"
        return "fin" if any(self.streams[1 - side].packets == 0 for side in self.fins) else None

    def take_rtt(self, side: int, segment: Segment) -> None:
        """From the SYN (the last one, if it was repeated) to the ACK that completes the handshake:
        the first one behind the SYN and what came with it, unless it acknowledges what was not
        seen: it may be of another handshake.
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
            and self.streams[1].offset(segment.acknowledgement) <= self.streams[1].highest
        ):
            self.rtt = segment.packet.time - self.syn_time


def signed(difference: int) -> int:
    """A difference of sequence numbers, modulo 2^32, as a step forward or back."""
    return (difference + 2**31) % 2**32 - 2**31


def follow(segments: Iterable[Segment], ports: set[int]) -> list[Connection]:
    """All connections, in order of appearance."""
    lengths = SnapLengths()
    connections: list[Connection] = []
    current: dict[frozenset[tuple[str, int]], Connection] = {}
    for segment in segments:
        lengths.note(segment)
        key = frozenset((segment.source, segment.destination))
        connection = current.get(key)
        if connection is None or begins_again(connection, segment):
            if connection is not None:
                connection.end = "reused"
            client, server = roles(segment, ports)
            connection = Connection(len(connections), client, server)
            connections.append(connection)
            current[key] = connection
        connection.settle_streams(lengths)
        connection.add(segment)
        connection.settle_streams(lengths)
    for connection in connections:
        connection.finish()
    return connections


def begins_again(connection: Connection, segment: Segment) -> bool:
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


def beginning_of(connection: Connection, side: int) -> Beginning:
    """The beginning of a stream from its first byte on. A server's bytes are an answer only if the
    client had not begun, or with a request, when the first of them came.
    """
    client, stream = connection.streams[0], connection.streams[side]
    data = stream.runs()[0][1]
    if side == 0:
        return read_beginning(data, True)
    first = stream.latest()[0]
    runs = client.runs()
    before = b""
    if client.begins and runs and runs[0][0] == 0:
        arrivals = client.latest()
        pieces = [
            piece
            for piece, arrival in zip(client.pieces, arrivals, strict=False)
            if arrival < first and piece.start >= 0
        ]
        before = runs[0][1][: max((piece.end for piece in pieces), default=0)]
    asked = read_beginning(before, True)
    begun = not client.begins and bool(client.pieces)
    return read_beginning(data, False, not begun and (asked.pending or bool(asked.prefixes)))


def is_monero(connection: Connection, ports: set[int], sound: Any) -> bool:
    """One of its ports, or a direction that begins with the signature, after prefixes of proxies;
    of one captured from the middle nobody knows how it began: there a sound header anywhere.
    """
    if {connection.client[1], connection.server[1]} & (LEVIN_PORTS | ports):
        return True
    for side, stream in enumerate(connection.streams):
        runs = stream.runs()
        if stream.begins and runs and runs[0][0] == 0:
            beginning = beginning_of(connection, side)
            if beginning.in_step and runs[0][1].startswith(SIGNATURE, beginning.at):
                return True
        if not stream.begins and any(next(sound(data), None) is not None for _, data in runs):
            return True
    return False
