"""A vantage node with its conversations, and what is found in a capture of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import monerotraffic as mt
from monerotraffic.rules import find_anomalies
from support import craft
from support.conversation_builder import HOST, ConversationBuilder, read
from support.craft import CLIENT, SERVER


class Lab:
    """A vantage node and its conversations, each at its own time in seconds; read() gives what was
    captured.
    """

    def __init__(self, folder: Path, host: str = HOST) -> None:
        self.folder, self.host = folder, host
        self.talks: list[ConversationBuilder] = []
        self.ports = 40000

    def incoming(self, peer: str, at: float, opened: bool = True) -> ConversationBuilder:
        """A connection that the peer opens."""
        return self._talk((peer, self._port()), (self.host, 18080), at, opened)

    def outgoing(
        self, peer: str, at: float, port: int = 18080, opened: bool = True
    ) -> ConversationBuilder:
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
    ) -> ConversationBuilder:
        """An incoming connection with a whole handshake; with `lasts` the peer sends its timed sync
        at the end of it.
        """
        talk = self.incoming(peer, at).announce(CLIENT, peer_id, my_port, **more)
        if lasts:
            talk.wait_until(at + lasts).timed_sync(CLIENT)
        if close:
            talk.close()
        return talk

    def back_ping(
        self, peer: str, at: float, pong: int | None, port: int = 18080
    ) -> ConversationBuilder:
        """The vantage node pings the peer's port; without `pong` there is no answer for two
        minutes.
        """
        talk = self.outgoing(peer, at, port)
        talk.send(CLIENT, craft.request(1003))
        if pong is None:
            talk.wait_until(at + 120)
        else:
            talk.send(SERVER, craft.response(1003, craft.ping_response(pong)))
        talk.close()
        return talk

    def read(self) -> mt.Traffic:
        return read(self.folder, *self.talks, host=self.host)

    def findings(self, rule: str, **parameters: Any) -> pd.DataFrame:
        """Findings of one rule by peer."""
        return find_anomalies(self.read(), rules=[rule], parameters={rule: parameters}).set_index(
            "peer"
        )

    def _port(self) -> int:
        self.ports += 1
        return self.ports

    def _talk(
        self, client: tuple[str, int], server: tuple[str, int], at: float, opened: bool
    ) -> ConversationBuilder:
        talk = ConversationBuilder(client, server).wait_until(at)
        self.talks.append(talk)
        return talk.open() if opened else talk
