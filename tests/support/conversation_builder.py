"""Builds conversations of peers with a vantage node, and reads them as one capture.

talk = incoming("192.0.2.1").handshake()
talk.wait_until(60).timed_sync(CLIENT)
traffic = read(tmp_path, talk, session("192.0.2.2", many(250), at=90))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import monerotraffic as mt
from support import craft
from support.craft import CLIENT, SERVER, Connection

HOST = "198.51.100.10"
"""The vantage node."""
HOSTS = {"ams": HOST, "sfo": "198.51.100.77", "sgp": "198.51.100.88"}
"""Several vantage nodes, by name."""
START = craft.START
SECOND = 1_000_000_000
MINUTE = 60 * SECOND

Peer = tuple[str, int] | Mapping[str, Any]
"""An entry of a peer list: (host, port), or the whole entry."""


class ConversationBuilder(Connection):
    """A TCP connection on which the ends exchange P2P messages. Every method appends packets and
    returns the builder.
    """

    def handshake(self, **response: Any) -> Self:
        """Request and response of two standard nodes; `response` goes to handshake_response()."""
        self.send(CLIENT, craft.request(1001, craft.handshake_request()))
        self.send(SERVER, craft.response(1001, craft.handshake_response(**response)))
        return self

    def announce(
        self, side: int, peer_id: int, my_port: int = 18080, answer: bool = True, **node: Any
    ) -> Self:
        """A handshake in which the peer, at `side`, announces its id; the vantage node's is 7."""
        peer = craft.node_data(peer_id=peer_id, my_port=my_port, **node)
        vantage = craft.node_data(peer_id=7)
        client, server = (peer, vantage) if side == CLIENT else (vantage, peer)
        self.send(CLIENT, craft.request(1001, craft.handshake_request(client)))
        if answer:
            self.send(SERVER, craft.response(1001, craft.handshake_response(node=server)))
        return self

    def timed_sync(
        self, side: int, height: int = 3000000, answer: bool = True, top: int = 0xAB
    ) -> Self:
        """A timed sync requested by `side`; both ends have the same chain."""
        data = craft.payload_data(current_height=height, top_id=bytes([top]) * 32)
        self.send(side, craft.request(1002, craft.timed_sync_request(data)))
        if answer:
            self.send(1 - side, craft.response(1002, craft.timed_sync_response(sync=data)))
        return self

    def timed_syncs(
        self, side: int, first: float, count: int, period: float = 60.05, **sync: Any
    ) -> Self:
        """Timed syncs of `side` at a steady pace, from `first` seconds on."""
        for number in range(count):
            self.wait_until(first + number * period).timed_sync(side, **sync)
        return self

    def peer_lists(self, side: int, *lists: Sequence[Peer]) -> Self:
        """`side` answers a timed sync with each of these lists."""
        for peers in lists:
            self.send(1 - side, craft.request(1002, craft.timed_sync_request()))
            self.send(side, craft.response(1002, craft.timed_sync_response(listed(*peers))))
        return self

    def wait(self, seconds: float) -> Self:
        self.clock += round(seconds * SECOND)
        return self

    def wait_until(self, at: float) -> Self:
        """The next packet is sent `at` seconds after START."""
        self.clock = START + round(at * SECOND)
        return self


def incoming(
    peer: str = "192.0.2.1", number: int = 0, host: str = HOST, **more: Any
) -> ConversationBuilder:
    """A connection that a peer opens `number` minutes after START, from a port of its own, to the
    vantage node `host`.
    """
    return ConversationBuilder(
        (peer, 40000 + number), (host, 18080), clock=START + number * MINUTE, **more
    ).open()


def outgoing(
    peer: str = "192.0.2.1", number: int = 0, host: str = HOST, **more: Any
) -> ConversationBuilder:
    """A connection that the vantage node `host` opens `number` minutes after START."""
    return ConversationBuilder(
        (host, 41000 + number), (peer, 18080), clock=START + number * MINUTE, **more
    ).open()


def session(
    peer: str,
    *lists: Sequence[Peer],
    at: float = 0,
    my_port: int = 18080,
    peer_id: int = 0x1234,
    number: int = 0,
    every: float = 60,
    server: str = HOST,
) -> ConversationBuilder:
    """A peer that connects, and answers a timed sync with each of these lists."""
    talk = ConversationBuilder((peer, 40000 + number), (server, 18080)).wait_until(at).open()
    node = craft.node_data(my_port=my_port, peer_id=peer_id)
    talk.send(CLIENT, craft.request(1001, craft.handshake_request(node)))
    talk.send(SERVER, craft.response(1001, craft.handshake_response()))
    for peers in lists:
        talk.peer_lists(CLIENT, peers).wait(every)
    talk.close()
    return talk


def visit(
    peer: str, *lists: Sequence[Peer], at: float = 0, port: int = 18080, peer_id: int = 0x1234
) -> ConversationBuilder:
    """A peer that the vantage node connects to: the first list is in its handshake."""
    talk = ConversationBuilder((HOST, 50000), (peer, port)).wait_until(at).open()
    talk.handshake(peers=listed(*lists[0]), node=craft.node_data(my_port=port, peer_id=peer_id))
    for peers in lists[1:]:
        talk.wait(60).peer_lists(SERVER, peers)
    talk.close()
    return talk


def listed(*peers: Peer, **more: Any) -> list[dict[str, Any]]:
    """Entries of a peer list."""
    return [
        craft.peer(peer[0], peer[1], 7, **more) if isinstance(peer, tuple) else dict(peer)
        for peer in peers
    ]


def many(count: int, first: int = 0, port: int = 18080) -> list[Peer]:
    """`count` public addresses, each in its own /24: 20.x.y.1, where x.y counts from `first`."""
    return [(f"20.{number >> 8}.{number & 255}.1", port) for number in range(first, first + count)]


def write(path: Path, *talks: Connection) -> Path:
    """The packets of all, in time order, as one capture."""
    packets = sorted(
        (packet for talk in talks for packet in talk.packets), key=lambda packet: packet.time
    )
    path.write_bytes(craft.pcap(packets, nano=True))
    return path


def read_nodes(
    folder: Path,
    nodes: Mapping[str, Sequence[Connection]],
    skew: Mapping[str, float] | None = None,
    drift: Mapping[str, float] | None = None,
    hosts: Mapping[str, str] = HOSTS,
) -> mt.Traffic:
    """What reading the captures of several vantage nodes gives. Each has the address in `hosts`.
    Its clock is ahead by `skew` seconds at START, and by `drift` parts per million more from then
    on.
    """
    paths = {}
    for name, talks in nodes.items():
        ahead, gains = (skew or {}).get(name, 0), (drift or {}).get(name, 0)
        packets = [
            replace(
                packet,
                time=packet.time
                + round(ahead * SECOND + (packet.time - START) * gains / 1_000_000),
            )
            for talk in talks
            for packet in talk.packets
        ]
        path = folder / f"{name}.pcap"
        path.write_bytes(craft.pcap(sorted(packets, key=lambda packet: packet.time), nano=True))
        paths[name] = path
    return mt.read(paths, host={name: hosts[name] for name in nodes})


def read(folder: Path, *talks: Connection, **options: Any) -> mt.Traffic:
    """What reading the conversations as one capture gives."""
    return mt.read(write(folder / "capture.pcap", *talks), **{"host": HOST, **options})
