"""Captures of peers that send peer lists, for tests of metrics and rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import monerotraffic as mt
from support import craft
from support.craft import CLIENT, SERVER, Connection

HOST = "198.51.100.10"
SECOND = 10**9

Peer = tuple[str, int] | Mapping[str, Any]


def listed(*peers: Peer, **more: Any) -> list[dict[str, Any]]:
    """Entries of a peer list: (host, port), or whole ones."""
    return [
        craft.peer(peer[0], peer[1], 7, **more) if isinstance(peer, tuple) else dict(peer)
        for peer in peers
    ]


def many(count: int, first: int = 0, port: int = 18080) -> list[Peer]:
    """So many public addresses, each of a /24 of its own: 20.x.y.1, where x.y counts from
    `first`.
    """
    return [(f"20.{number >> 8}.{number & 255}.1", port) for number in range(first, first + count)]


def session(
    peer: str,
    *lists: Sequence[Peer],
    at: float = 0,
    my_port: int = 18080,
    peer_id: int = 0x1234,
    number: int = 0,
    every: float = 60,
    server: str = HOST,
) -> Connection:
    """A peer that connects, and answers a timed sync with each of these lists."""
    talk = Connection(
        (peer, 40000 + number), (server, 18080), clock=craft.START + round(at * SECOND)
    ).open()
    talk.send(
        CLIENT,
        craft.request(
            1001, craft.handshake_request(craft.node_data(my_port=my_port, peer_id=peer_id))
        ),
    )
    talk.send(SERVER, craft.response(1001, craft.handshake_response()))
    for peers in lists:
        talk.send(SERVER, craft.request(1002, craft.timed_sync_request()))
        talk.send(CLIENT, craft.response(1002, craft.timed_sync_response(listed(*peers))))
        talk.clock += round(every * SECOND)
    talk.close()
    return talk


def visit(
    peer: str, *lists: Sequence[Peer], at: float = 0, port: int = 18080, peer_id: int = 0x1234
) -> Connection:
    """A peer that the vantage node connects to: the first list is in its handshake."""
    talk = Connection((HOST, 50000), (peer, port), clock=craft.START + round(at * SECOND)).open()
    talk.send(CLIENT, craft.request(1001, craft.handshake_request()))
    talk.send(
        SERVER,
        craft.response(
            1001,
            craft.handshake_response(
                listed(*lists[0]), craft.node_data(my_port=port, peer_id=peer_id)
            ),
        ),
    )
    for peers in lists[1:]:
        talk.clock += 60 * SECOND
        talk.send(CLIENT, craft.request(1002, craft.timed_sync_request()))
        talk.send(SERVER, craft.response(1002, craft.timed_sync_response(listed(*peers))))
    talk.close()
    return talk


def read(folder: Path, talks: Iterable[Connection], **arguments: Any) -> mt.Traffic:
    """What is read of these conversations."""
    packets = sorted(
        (packet for talk in talks for packet in talk.packets), key=lambda packet: packet.time
    )
    path = folder / "talks.pcap"
    path.write_bytes(craft.pcap(packets, nano=True))
    return mt.read(path, **{"host": HOST, **arguments})
