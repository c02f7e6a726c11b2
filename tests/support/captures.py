"""Small captures of a few conversations, and the warnings of reading them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from support import craft
from support.conversation_builder import HOST


def conversation(
    client: str = "192.0.2.1",
    port: int = 40000,
    server: str = HOST,
    server_port: int = 18080,
    start: int = craft.START,
    peer_id: int = 0xFEDCBA9876543210,
) -> craft.Connection:
    """A handshake with two peers in its answer, and a ping that is answered."""
    talk = craft.Connection((client, port), (server, server_port), clock=start).open()
    talk.send(
        craft.CLIENT, craft.request(1001, craft.handshake_request(craft.node_data(peer_id=peer_id)))
    )
    peers = [
        craft.peer("203.0.113.7", 18080, 2**64 - 1),
        craft.peer("203.0.113.8", 18089, 5, pruning_seed=("u32", 384)),
    ]
    talk.send(craft.SERVER, craft.response(1001, craft.handshake_response(peers)))
    talk.send(craft.CLIENT, craft.request(1003))
    talk.send(craft.SERVER, craft.response(1003, craft.ping_response()))
    talk.close()
    return talk


def put(path: Path, packets: Iterable[craft.Packet], **more: Any) -> Path:
    path.write_bytes(craft.pcap(sorted(packets, key=lambda packet: packet.time), **more))
    return path


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-10])
    return path


def warnings_of(work: Callable[[], Any]) -> tuple[Any, list[str]]:
    """The result, and the texts of all warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = work()
    assert all(issubclass(warning.category, mt.CaptureWarning) for warning in caught), [
        str(warning.message) for warning in caught
    ]
    return result, [str(warning.message) for warning in caught]


class Watched:
    """Stands for Reader and remembers those that were made."""

    readers: list[Any]

    def __init__(self) -> None:
        self.readers = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.readers.append(mt._core.Reader(*args, **kwargs))
        return self.readers[-1]

    def assert_closed(self) -> None:
        assert self.readers
        for reader in self.readers:
            with pytest.raises(ValueError, match="closed"):
                reader.step()
