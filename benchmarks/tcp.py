"""TCP connections as a capture at one end sees them: Ethernet frames with valid checksums, delayed
acknowledgements, slow start, and occasionally a segment that is lost, late or sent twice. The sides
of a connection take turns: one writes and is acknowledged, then the next write begins.
"""

import random
import struct
from dataclasses import dataclass

from benchmarks.capturefile import CaptureFile

VANTAGE, PEER = 0, 1

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000

_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16
_STACK_DELAY = 40 * MICROSECOND  # response time of the vantage node's stack
_DELAYED_ACK = 40 * MILLISECOND
_RETRANSMISSION_TIMEOUT = 200 * MILLISECOND
_FIRST_FLIGHT, _LAST_FLIGHT = 10, 64
_DUPLICATES = 3  # segments after a lost one before its sender knows

_IPV4 = struct.Struct(">HHHHBBH")
_IPV6 = struct.Struct(">IHBB")
_TCP = struct.Struct(">HHIIHHHH")
_TIMESTAMPS = 0x0101080A  # NOP, NOP, kind 8, length 10
_WINDOW_SCALE = 0x01030307  # NOP, kind 3, length 3, 2^7
_OPTIONS = struct.Struct(">III")
_SYN_OPTIONS = struct.Struct(">IIIII")
_MASK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Endpoint:
    host: bytes  # 4 or 16 bytes
    port: int
    mac: bytes


@dataclass(slots=True)
class Counts:
    """Counts of what was sent."""

    connections: int = 0
    payload_bytes: int = 0  # each byte once
    retransmitted_bytes: int = 0  # seen again
    lost_segments: int = 0
    reordered_segments: int = 0
    repeated_segments: int = 0


class _Side:
    """One end: the constant parts of its packets, and its sequence number."""

    __slots__ = (
        "addresses",
        "addresses_sum",
        "clock",
        "ethernet",
        "flight",
        "identification",
        "next",
        "ports",
        "ttl",
        "window",
    )

    def __init__(self, rng: random.Random, here: Endpoint, there: Endpoint, ttl: int) -> None:
        self.ethernet = there.mac + here.mac + (b"\x08\x00" if len(here.host) == 4 else b"\x86\xdd")
        self.addresses = here.host + there.host
        self.addresses_sum = int.from_bytes(self.addresses, "big") % 0xFFFF
        self.ports = (here.port, there.port)
        self.ttl = ttl
        self.next = rng.getrandbits(32)
        self.clock = rng.getrandbits(32)
        self.identification = rng.getrandbits(16)
        self.window = rng.randint(400, 600)
        self.flight = _FIRST_FLIGHT


class Connection:
    """A connection between the vantage node and a peer. Every method begins at `at` or when the
    connection is free, whichever is later; `free` is when it was over (nanoseconds).
    """

    def __init__(
        self,
        capture: CaptureFile,
        counts: Counts,
        rng: random.Random,
        vantage: Endpoint,
        peer: Endpoint,
        rtt: int,
        disorder: float,
        segment: int = 1448,
    ) -> None:
        """`disorder`: of how many segments one has bad luck; `segment`: bytes of the largest one
        (20 less over IPv6).
        """
        self._capture = capture
        self._counts = counts
        self._rng = rng
        self._sides = (
            _Side(rng, vantage, peer, 64),
            _Side(rng, peer, vantage, rng.choice((50, 52, 54, 115))),
        )
        self._ipv6 = len(peer.host) == 16
        self._mss = segment - 20 if self._ipv6 else segment
        self._delays = (_STACK_DELAY, rtt)
        self._rtt = rtt
        self._disorder = disorder
        self.free = 0

    # ---- life ----

    def open(self, client: int, at: int) -> None:
        """SYN, SYN ACK, ACK."""
        server = 1 - client
        self._counts.connections += 1
        self._packet(at, client, _SYN)
        self._sides[client].next += 1
        at += self._delays[server]
        self._packet(at, server, _SYN | _ACK)
        self._sides[server].next += 1
        at += self._delays[client]
        self._packet(at, client, _ACK)
        self.free = at + 5 * MICROSECOND

    def refuse(self, client: int, at: int) -> None:
        """A SYN that is answered by a reset, because the port is closed."""
        self._counts.connections += 1
        self._packet(at, client, _SYN)
        self._sides[client].next += 1
        self.free = at + self._delays[1 - client]
        self._packet(self.free, 1 - client, _RST | _ACK)

    def close(self, side: int, at: int) -> None:
        """FIN both ways, `side` first."""
        other = 1 - side
        at = max(at, self.free)
        self._packet(at, side, _FIN | _ACK)
        self._sides[side].next += 1
        at += self._delays[other]
        self._packet(at, other, _FIN | _ACK)
        self._sides[other].next += 1
        self.free = at + self._delays[side]
        self._packet(self.free, side, _ACK)

    def reset(self, side: int, at: int) -> None:
        self.free = max(at, self.free)
        self._packet(self.free, side, _RST | _ACK)

    # ---- data ----

    def write(self, side: int, data: bytes, at: int, answered: bool = False) -> None:
        """`data` from `side`, in segments as large as may be, until all of it is there. `answered`:
        the other side's next write acknowledges an odd last segment.
        """
        at = max(at, self.free)
        self._counts.payload_bytes += len(data)
        mss = self._mss
        segments = -(-len(data) // mss)
        if segments == 1 and self._rng.random() >= self._disorder:
            self._packet(at, side, _PSH | _ACK, data)
            self._sides[side].next += len(data)
            self._rest(side, at, 1, answered)
            return
        unacknowledged, at = self._segments(side, data, segments, at)
        self._sides[side].next += len(data)
        self._rest(side, at, unacknowledged, answered)

    def _rest(self, side: int, at: int, unacknowledged: int, answered: bool) -> None:
        """The acknowledgement of the last segment, unless the next write of the other side carries
        it.
        """
        self.free = at + self._delays[1 - side]
        if unacknowledged and not answered:
            self.free += _DELAYED_ACK
            self._packet(self.free, 1 - side, _ACK)

    def _segments(self, side: int, data: bytes, segments: int, at: int) -> tuple[int, int]:
        """Sends all segments of a write and all but the last of their acknowledgements. Returns the
        number of unacknowledged segments and the time of the last segment.
        """
        mss, me, start = self._mss, self._sides[side], self._sides[side].next
        ack_delay = self._delays[1 - side]
        gap = (12 if side == VANTAGE else self._rng.randint(12, 90)) * MICROSECOND
        received = bytearray(segments + 1)  # the last one stays 0: the end of every search
        whole = highest = unacknowledged = in_flight = 0
        for index, delivered, pause in self._arrivals(side, len(data), segments):
            if in_flight >= me.flight:
                at += self._rtt
                in_flight = 0
                me.flight = min(2 * me.flight, _LAST_FLIGHT)
            in_flight += 1
            at += gap + pause
            flags = _PSH | _ACK if index == segments - 1 else _ACK
            self._packet(
                at, side, flags, data[index * mss : (index + 1) * mss], sequence=start + index * mss
            )
            highest = max(highest, index + 1)
            if not delivered:
                continue
            received[index] = 1
            before, whole = whole, received.index(0, whole)
            unacknowledged += whole - before
            orderly = whole - before == 1 and whole == highest
            if unacknowledged >= 2 or not orderly:
                self._packet(
                    at + ack_delay, 1 - side, _ACK, acknowledged=start + min(whole * mss, len(data))
                )
                unacknowledged = 0
        return unacknowledged, at

    def _arrivals(self, side: int, size: int, segments: int) -> list[tuple[int, bool, int]]:
        """The order in which the capture contains the segments: (index, whether the receiver gets
        it, delay in nanoseconds).
        """
        unlucky = self._unlucky(segments)
        if not unlucky:
            return [(index, True, 0) for index in range(segments)]
        counts, rng = self._counts, self._rng
        order: list[tuple[int, bool, int]] = []
        late: list[tuple[int, int, int]] = []  # (after which index, index, pause)
        for index in range(segments):
            draw = rng.random() if index in unlucky else 1.0
            if draw < 0.4 and index + 1 < segments:
                counts.reordered_segments += 1
                late.append((index + 1, index, 0))
            elif draw < 0.7:
                counts.lost_segments += 1
                if side == VANTAGE:  # lost after the capture saw it, so it is seen twice
                    order.append((index, False, 0))
                    counts.retransmitted_bytes += min(self._mss, size - index * self._mss)
                late.append((index + _DUPLICATES, index, self._rtt))
            else:
                order.append((index, True, 0))
                if index in unlucky:
                    counts.repeated_segments += 1
                    counts.retransmitted_bytes += min(self._mss, size - index * self._mss)
                    late.append((index + _DUPLICATES, index, 0))
            due = [entry for entry in late if entry[0] <= index]
            order += [(which, True, pause) for _, which, pause in due]
            late = [entry for entry in late if entry[0] > index]
        return order + [(which, True, pause + _RETRANSMISSION_TIMEOUT) for _, which, pause in late]

    def _unlucky(self, segments: int) -> set[int]:
        """Which segments are disturbed: one draw per disturbed segment, not one per segment."""
        unlucky: set[int] = set()
        if self._disorder:
            at = int(self._rng.expovariate(self._disorder))
            while at < segments:
                unlucky.add(at)
                at += 1 + int(self._rng.expovariate(self._disorder))
        return unlucky

    # ---- packets ----

    def _packet(
        self,
        at: int,
        side: int,
        flags: int,
        data: bytes = b"",
        sequence: int | None = None,
        acknowledged: int | None = None,
    ) -> None:
        """Writes one packet. In a checksum a 32-bit word counts as its value modulo 65535, so
        numbers are added instead of bytes.
        """
        me, other = self._sides[side], self._sides[1 - side]
        sequence = (me.next if sequence is None else sequence) & _MASK
        ack = (other.next if acknowledged is None else acknowledged) & _MASK if flags & _ACK else 0
        clock = (me.clock + at // MILLISECOND) & _MASK
        echo = (other.clock + (at - self._rtt) // MILLISECOND) & _MASK if flags & _ACK else 0
        if flags & _SYN:
            maximum = 0x02040000 | min(self._mss, 1428 if self._ipv6 else 1448) + 12
            head, window, options = (
                0xA000 | flags,
                64240,
                _SYN_OPTIONS.pack(maximum, _TIMESTAMPS, clock, echo, _WINDOW_SCALE),
            )
            total = maximum + _TIMESTAMPS + clock + echo + _WINDOW_SCALE
        elif flags & _RST:
            head, window, options, total = 0x5000 | flags, 0, b"", 0
        else:
            head, window, options = (
                0x8000 | flags,
                me.window,
                _OPTIONS.pack(_TIMESTAMPS, clock, echo),
            )
            total = _TIMESTAMPS + clock + echo
        size = 20 + len(options) + len(data)
        if data:
            words = int.from_bytes(data, "big") % 0xFFFF
            total += words << 8 if len(data) & 1 else words
        source, target = me.ports
        total += me.addresses_sum + 6 + size + source + target + sequence + ack + head + window
        tcp = _TCP.pack(
            source, target, sequence, ack, head, window, (0xFFFF - total % 0xFFFF) % 0xFFFF, 0
        )
        if self._ipv6:
            ip = _IPV6.pack(0x60000000, size, 6, me.ttl)
        else:
            me.identification = number = (me.identification + 1) & 0xFFFF
            total = 0x4500 + size + 20 + number + 0x4000 + (me.ttl << 8 | 6) + me.addresses_sum
            ip = _IPV4.pack(
                0x4500, size + 20, number, 0x4000, me.ttl, 6, (0xFFFF - total % 0xFFFF) % 0xFFFF
            )
        frame = b"".join((me.ethernet, ip, me.addresses, tcp, options, data))
        # what comes over Ethernet is padded, what leaves is seen before that
        if len(frame) < 60 and side == PEER:
            frame = frame.ljust(60, b"\0")
        self._capture.put(at, frame)
