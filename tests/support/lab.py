"""Conversations of peers with a vantage node, made with craft and read back: for tests of metrics
and rules.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import monerotraffic as mt
from monerotraffic.rules import find_anomalies
from support import craft
from support.craft import CLIENT, SERVER, Connection

HOST = "198.51.100.10"
START = craft.START
_SECOND = 1_000_000_000


class Lab:
    """A vantage node and its conversations, each at its own time in seconds; read() gives what was
    captured.
    """

    def __init__(self, folder: Path, host: str = HOST) -> None:
        self.folder, self.host = folder, host
        self.talks: list[Connection] = []
        self.ports = 40000

    def incoming(self, peer: str, at: float, opened: bool = True) -> Connection:
        """A connection that the peer opens."""
        return self._talk((peer, self._port()), (self.host, 18080), at, opened)

    def outgoing(self, peer: str, at: float, port: int = 18080, opened: bool = True) -> Connection:
        """A connection that the vantage node opens."""
        return self._talk((self.host, self._port()), (peer, port), at, opened)

    def session(
        self,
        peer: str,
        at: float,
        peer_id: int,
        my_port: int = 18080,
        lasts: float = 0.0,
        close: bool = True,
        **more: Any,
    ) -> Connection:
        """An incoming connection with a whole handshake; with `lasts` the peer sends its timed sync
        at the end of it.
        """
        talk = shake(self.incoming(peer, at), CLIENT, peer_id, my_port, **more)
        if lasts:
            until(talk, at + lasts)
            sync(talk, CLIENT)
        if close:
            talk.close()
        return talk

    def back_ping(self, peer: str, at: float, pong: int | None, port: int = 18080) -> Connection:
        """The vantage node pings the peer's port; without `pong` there is no answer for two
        minutes.
        """
        talk = self.outgoing(peer, at, port)
        talk.send(CLIENT, craft.request(1003))
        if pong is None:
            until(talk, at + 120)
        else:
            talk.send(SERVER, craft.response(1003, craft.ping_response(pong)))
        talk.close()
        return talk

    def read(self) -> mt.Traffic:
        packets = sorted(
            (packet for talk in self.talks for packet in talk.packets),
            key=lambda packet: packet.time,
        )
        path = self.folder / "lab.pcap"
        path.write_bytes(craft.pcap(packets, nano=True))
        return mt.read(path, host=self.host)

    def found(self, rule: str, **parameters: Any) -> pd.DataFrame:
        """Findings of one rule by peer."""
        return find_anomalies(self.read(), rules=[rule], parameters={rule: parameters}).set_index(
            "peer"
        )

    def _port(self) -> int:
        self.ports += 1
        return self.ports

    def _talk(
        self, client: tuple[str, int], server: tuple[str, int], at: float, opened: bool
    ) -> Connection:
        talk = Connection(client, server, clock=START + round(at * _SECOND))
        self.talks.append(talk)
        return talk.open() if opened else talk


def until(talk: Connection, at: float) -> Connection:
    """The clock of the conversation is set to `at` seconds."""
    talk.clock = START + round(at * _SECOND)
    return talk


def shake(
    talk: Connection,
    side: int,
    peer_id: int,
    my_port: int = 18080,
    answer: bool = True,
    **more: Any,
) -> Connection:
    """A handshake in which the peer, at `side`, announces the id; the vantage node's is 7."""
    told = craft.node_data(peer_id=peer_id, my_port=my_port, **more)
    own = craft.node_data(peer_id=7)
    talk.send(CLIENT, craft.request(1001, craft.handshake_request(told if side == CLIENT else own)))
    if answer:
        talk.send(
            SERVER,
            craft.response(1001, craft.handshake_response(node=own if side == CLIENT else told)),
        )
    return talk


def sync(
    talk: Connection, side: int, height: int = 3000000, answer: bool = True, top: int = 0xAB
) -> Connection:
    """A timed sync asked by `side`."""
    data = craft.payload_data(current_height=height, top_id=bytes([top]) * 32)
    talk.send(side, craft.request(1002, craft.timed_sync_request(data)))
    if answer:
        talk.send(1 - side, craft.response(1002, craft.timed_sync_response(sync=data)))
    return talk


def ticks(
    talk: Connection, side: int, first: float, count: int, period: float = 60.05, **more: Any
) -> Connection:
    """Timed syncs of `side` at a steady pace."""
    for number in range(count):
        sync(until(talk, first + number * period), side, **more)
    return talk
