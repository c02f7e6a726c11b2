"""Addresses, messages and senders for the tests of rules."""

from __future__ import annotations

from support import craft
from support.conversation_builder import Peer, many, session
from support.craft import Connection

A, B, C, D, E = "192.0.2.1", "192.0.2.2", "203.0.113.3", "203.0.113.4", "203.0.113.5"


BLOCK = craft.notification(2008)


def with_ports(hosts: int, several: int, first: int = 0) -> list[Peer]:
    """Hosts of which the first `several` have two ports."""
    return [*many(hosts, first), *many(several, first, port=28080)]


def spies(
    count: int, common: int, of: int = 250, seed: int = 2, one_id: bool = False
) -> list[Connection]:
    """Senders of the same `common` addresses and others that only each of them has."""
    connections = []
    for number in range(count):
        peers = [*many(common, 40_000), *many(of - common, 41_000 + 300 * number)]
        connections.append(
            session(
                f"203.0.{number}.1",
                peers,
                number=500 + number,
                at=20_000 + number * 100,
                peer_id=7 if one_id else 7 + number,
            )
        )
    return connections
