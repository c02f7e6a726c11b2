"""A slow decoder of Monero's P2P traffic in plain Python: the oracle that the fast one is held
against.

It is written from the wire format and the decisions in docs/architecture.md, shares no code with
the C core, and prefers being obviously right to being quick: it collects the
whole capture, lays out each direction of each connection from its segments, and only then looks for
messages. It has no time-outs and no limits on memory.

    tables = decode(["one.pcapng", "two.pcapng"])
    tables["messages"]      # a list of dicts with the column names of the package's tables
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .capture import read_files
from .levin import find_messages, sound
from .network import Segments
from .tables import make_tables
from .tcp import follow, is_monero

__all__ = ["decode"]

Tables = dict[str, list[dict[str, Any]]]


def decode(paths: Sequence[str | Path], ports: Sequence[int] = (), fields: bool = False) -> Tables:
    """The capture files as one stream: tables `connections`, `messages`, `peer_lists`, `node_data`,
    `sync_data`, `transactions`, `blocks`, `inventories`, `problems`, `files`; and `fields` if asked
    for.
    """
    files, packets = read_files([Path(path) for path in paths])
    segments = Segments()
    connections = follow(segments.read(packets), set(ports))
    for connection in connections:
        connection.monero = is_monero(connection, set(ports), sound)
        find_messages(connection)
    return make_tables(files, connections, segments, fields)
