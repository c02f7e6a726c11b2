"""The vantage node: which addresses it has where the user does not name them, which end of each
connection it is, and so who the peer is and in which direction a message goes.

Knows rows of connections and messages by their fields, and nothing of tables and DataFrames.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Node", "Perspective", "VantageInference"]

_UNTOUCHED = (64, 128, 255)
"""TTLs with which systems send: a packet that still has one of these has passed no router."""

_TALLIES = ("connections", "client_ttl", "server_ttl", "client_port", "server_port")


class Node(NamedTuple):
    """One vantage node and the connections of its capture."""

    label: str | None
    """Its name where several nodes are read at once."""
    hosts: tuple[str, ...]
    """Its addresses, in canonical text; empty if unknown."""
    first: int
    """Id of the first connection of its capture."""
    end: int
    """The id after that of the last."""


class VantageInference:
    """Gathers what connections show about the vantage node.

    Only Monero connections count: those that carried messages or use one of `ports`. Memory grows
    with the number of pairs of hosts, not of connections.
    """

    def __init__(self, ports: Collection[int], ttl_bits: int) -> None:
        """`ttl_bits`: the bits of `present` in a row of connections for both TTLs."""
        self._ttl_bits = ttl_bits
        self._ports = np.array(sorted(ports), dtype=np.int64)
        self._pairs = np.zeros(0, dtype=np.int64)  # client << 32 | server
        self._tallies = np.zeros((0, len(_TALLIES)), dtype=np.int64)

    def add_connections(self, rows: NDArray[Any]) -> None:
        """Adds rows of connections."""
        client_port, server_port = (
            np.isin(rows["client_port"], self._ports),
            np.isin(rows["server_port"], self._ports),
        )
        monero = (
            client_port
            | server_port
            | (rows["client_messages"] > 0)
            | (rows["server_messages"] > 0)
        )
        client_untouched, server_untouched = (
            np.isin(rows["client_ttl"], _UNTOUCHED),
            np.isin(rows["server_ttl"], _UNTOUCHED),
        )
        both_known = (rows["present"] & self._ttl_bits) == self._ttl_bits
        tallies = np.column_stack(
            [
                np.ones(len(rows), dtype=np.int64),
                both_known & client_untouched & ~server_untouched,
                both_known & server_untouched & ~client_untouched,
                client_port & ~server_port,
                server_port & ~client_port,
            ]
        ).astype(np.int64)
        self._add(rows["client"][monero], rows["server"][monero], tallies[monero])

    def add_messages(self, rows: NDArray[Any], known: NDArray[Any]) -> None:
        """Adds the connections of rows of messages, except those with the ids `known`: for the
        beginning of a stream, when few have ended.
        """
        ids, first = np.unique(rows["connection"], return_index=True)
        first = first[~np.isin(ids, known)]
        tallies = np.zeros((len(first), len(_TALLIES)), dtype=np.int64)
        tallies[:, 0] = 1
        self._add(rows["client"][first], rows["server"][first], tallies)

    def _add(self, client: NDArray[Any], server: NDArray[Any], tallies: NDArray[np.int64]) -> None:
        there = (client >= 0) & (server >= 0)
        pairs = np.concatenate([self._pairs, client[there].astype(np.int64) << 32 | server[there]])
        tallies = np.concatenate([self._tallies, tallies[there]])
        self._pairs, place = np.unique(pairs, return_inverse=True)
        self._tallies = np.zeros((len(self._pairs), len(_TALLIES)), dtype=np.int64)
        np.add.at(self._tallies, place, tallies)

    def hosts(self, addresses: Sequence[str]) -> tuple[str, ...]:
        """The vantage node's addresses, at most one of each IP version, IPv4 first; `addresses` has
        the texts of the codes.

        The address with the most distinct other ends; among equals that with the most connections;
        then (as in a capture of a single connection) that
        whose TTL is untouched where the other's is not; then that which uses a Levin port itself;
        then the client; then the one that appeared first.
        """
        ends = np.unique(np.concatenate([self._pairs >> 32, self._pairs & 0xFFFFFFFF]))
        if not len(ends):
            return ()
        scores = self._scores(ends)
        order = np.lexsort((ends, *(-score for score in reversed(scores))))
        best: dict[bool, str] = {}
        for code in ends[order].tolist():
            best.setdefault(":" in addresses[code], addresses[code])
        return tuple(best[version] for version in sorted(best))

    def _scores(self, ends: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Per criterion, the most important first: int64[ends]."""
        client, server = (
            np.searchsorted(ends, self._pairs >> 32),
            np.searchsorted(ends, self._pairs & 0xFFFFFFFF),
        )
        apart = client != server
        others = np.unique(
            np.concatenate([client << 32 | server, server << 32 | client])[np.tile(apart, 2)]
        )
        tally = dict(zip(_TALLIES, self._tallies.T, strict=True))

        def per_end(
            as_client: NDArray[np.int64], as_server: NDArray[np.int64]
        ) -> NDArray[np.int64]:
            score = np.zeros(len(ends), dtype=np.int64)
            np.add.at(score, client, as_client)
            np.add.at(score, server, as_server)
            return score

        none = np.zeros(len(self._pairs), dtype=np.int64)
        return [
            np.bincount(others >> 32, minlength=len(ends)),
            per_end(tally["connections"], np.where(apart, tally["connections"], 0)),
            per_end(tally["client_ttl"], tally["server_ttl"]),
            per_end(tally["client_port"], tally["server_port"]),
            per_end(tally["connections"], none),
        ]


class Perspective:
    """Which end of its connection the vantage node is, for rows that have the fields connection,
    client and server. Where both ends are vantage addresses, the client counts as the vantage node.
    """

    def __init__(
        self,
        rows: NDArray[Any],
        nodes: Sequence[Node],
        is_host: Callable[[tuple[str, ...]], NDArray[np.bool_]],
    ) -> None:
        """`is_host` returns for each address code, and at the end for the code -1, whether it is
        one of the given addresses.
        """
        self._rows = rows
        self.node: NDArray[np.int64] = np.full(len(rows), -1, dtype=np.int64)
        """Position of the vantage node in `nodes`, -1 where it is not part of the connection."""
        self.is_client: NDArray[np.bool_] = np.zeros(len(rows), dtype=np.bool_)
        self.is_server: NDArray[np.bool_] = np.zeros(len(rows), dtype=np.bool_)
        for number, node in enumerate(nodes):
            ours = is_host(node.hosts)
            here = (rows["connection"] >= node.first) & (rows["connection"] < node.end)
            self.is_client |= here & ours[rows["client"]]
            self.is_server |= here & ours[rows["server"]]
            self.node[here & (self.is_client | self.is_server)] = number
        self.is_server &= ~self.is_client

    def peer(self) -> NDArray[Any]:
        """Address codes of the other end, -1 where the vantage node is not part of the
        connection.
        """
        return self._end("server", "client")

    def vantage(self) -> NDArray[Any]:
        """Address codes of the vantage node on each connection, -1 where it is not part of it."""
        return self._end("client", "server")

    def _end(self, as_client: str, as_server: str) -> NDArray[Any]:
        return np.where(
            self.is_client,
            self._rows[as_client],
            np.where(self.is_server, self._rows[as_server], np.int32(-1)),
        )

    def is_sent(self) -> NDArray[np.int8]:
        """1 where the vantage node sent the bytes of the row, 0 where the peer did, -1 where
        neither is known. Rows have from_client: 0, 1, or -1 for no direction.
        """
        from_client = self._rows["from_client"]
        known = (self.is_client | self.is_server) & (from_client >= 0)
        return np.where(known, (from_client != 0) == self.is_client, -1).astype(np.int8)
