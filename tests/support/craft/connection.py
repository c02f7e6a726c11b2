"""A TCP connection of two ends."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from support.craft.packets import ACK, FIN, PSH, RST, SYN, ethernet, ip, mss, tcp

CLIENT, SERVER = 0, 1
START = 1_700_000_000_000_000_000


@dataclass(frozen=True)
class Packet:
    time: int  # nanoseconds since 1970
    data: bytes
    length: int | None = None  # bytes on the wire, if the capture holds fewer

    def cut(self, snaplen: int) -> Packet:
        return Packet(self.time, self.data[:snaplen], self.length or len(self.data))


@dataclass
class Connection:
    """Two ends that talk; every packet sent is appended to `packets`. Sequence numbers and the
    clock advance by themselves. `wrap` makes a packet of the IP packet.
    """

    client: tuple[str, int] = ("192.0.2.1", 40000)
    server: tuple[str, int] = ("198.51.100.10", 18080)
    clock: int = START
    step: int = 1_000_000  # nanoseconds between packets
    # of the next byte of client and server
    sequence: list[int] = field(default_factory=lambda: [1000, 500000])
    packets: list[Packet] = field(default_factory=list)
    wrap: Any = ethernet

    def __post_init__(self) -> None:
        # the sequence number of offset 0; open() puts the SYN before it
        self.first = list(self.sequence)

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
        """One packet, state untouched but for the clock."""
        source, destination = (
            (self.client, self.server) if side == CLIENT else (self.server, self.client)
        )
        seq = self.sequence[side] if sequence is None else sequence
        ack = (
            (self.sequence[1 - side] if acknowledgement is None else acknowledgement)
            if flags & ACK
            else 0
        )
        data = self.wrap(
            ip(
                source[0],
                destination[0],
                tcp(source[1], destination[1], seq, ack, flags, payload, options, window),
            )
        )
        packet = Packet(self.clock, data)
        self.clock += self.step
        self.packets.append(packet)
        return packet

    def open(self, client_mss: int = 1460, server_mss: int = 1460) -> Self:
        """The three-way handshake."""
        self.emit(CLIENT, SYN, sequence=self.sequence[CLIENT] - 1, options=mss(client_mss))
        self.emit(SERVER, SYN | ACK, sequence=self.sequence[SERVER] - 1, options=mss(server_mss))
        self.emit(CLIENT, ACK)
        return self

    def send(
        self,
        side: int,
        data: bytes,
        cuts: Iterable[int] = (),
        segment: int = 1448,
        acknowledge: bool = True,
    ) -> list[Packet]:
        """Data in order: cut at the offsets of `cuts`, and where a piece is longer than `segment`.
        Returns its packets; the ACK of the other end follows.
        """
        edges = sorted({0, len(data)} | {cut for cut in cuts if 0 < cut < len(data)})
        sent = []
        for low, high in itertools.pairwise(edges):
            for at in range(low, high, segment):
                piece = data[at : min(at + segment, high)]
                sent.append(self.emit(side, ACK | PSH, piece))
                self.sequence[side] = self.sequence[side] + len(piece) & 0xFFFFFFFF
        if acknowledge and sent:
            self.emit(1 - side)
        return sent

    def at(self, side: int, offset: int, data: bytes, flags: int = ACK | PSH) -> Packet:
        """Data at any offset of the stream (retransmission, disorder, overlap); the state is left
        as it is, see skip().
        """
        return self.emit(side, flags, data, sequence=self.first[side] + offset)

    def skip(self, side: int, count: int) -> None:
        """Bytes that were sent and not captured, or sent by at()."""
        self.sequence[side] = self.sequence[side] + count & 0xFFFFFFFF

    def close(self, side: int = CLIENT) -> None:
        """FIN from both ends."""
        for end in (side, 1 - side):
            self.emit(end, FIN | ACK)
            self.sequence[end] = self.sequence[end] + 1 & 0xFFFFFFFF
        self.emit(side)

    def reset(self, side: int = CLIENT) -> None:
        self.emit(side, RST | ACK)
