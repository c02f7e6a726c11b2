"""Pairs of hosts with connections between them: how many, between which times, and what shows which
of both is the vantage node.

Used by net/vantage and net/further_hosts; knows address codes, and no texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TALLIES", "Pairs"]

TALLIES = ("connections", "client_ttl", "server_ttl", "client_port", "server_port", "two_way")
"""Per pair: connections; those in which the client or the server alone has an untouched TTL or uses
a Levin port; and those outside of tunnels with messages of both ends.
"""

_LOW = 0xFFFFFFFF
_NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Pairs:
    """Distinct pairs of client and server, in order of their codes."""

    codes: NDArray[np.int64]
    """client << 32 | server"""
    tallies: NDArray[np.int64]
    """One column per item of TALLIES."""
    first: NDArray[np.int64]
    """Time of the first packet, the greatest int64 if unknown."""
    last: NDArray[np.int64]
    """Time of the last packet, the smallest int64 if unknown."""

    @classmethod
    def none(cls) -> Pairs:
        empty = np.zeros(0, dtype=np.int64)
        return cls(empty, np.zeros((0, len(TALLIES)), dtype=np.int64), empty, empty)

    @property
    def client(self) -> NDArray[np.int64]:
        return self.codes >> 32

    @property
    def server(self) -> NDArray[np.int64]:
        return self.codes & _LOW

    def with_rows(
        self,
        codes: NDArray[np.int64],
        tallies: NDArray[np.int64],
        first: NDArray[Any],
        last: NDArray[Any],
    ) -> Pairs:
        """These and further ones, of which some may be here already."""
        first = np.where(first == _NO_TIME, np.iinfo(np.int64).max, first)
        merged, place = np.unique(np.concatenate([self.codes, codes]), return_inverse=True)
        pairs = Pairs(
            merged,
            np.zeros((len(merged), len(TALLIES)), dtype=np.int64),
            np.full(len(merged), np.iinfo(np.int64).max),
            np.full(len(merged), _NO_TIME),
        )
        np.add.at(pairs.tallies, place, np.concatenate([self.tallies, tallies]))
        np.minimum.at(pairs.first, place, np.concatenate([self.first, first]))
        np.maximum.at(pairs.last, place, np.concatenate([self.last, last]))
        return pairs

    def without(self, hosts: Sequence[int]) -> NDArray[np.bool_]:
        """Which pairs have neither end among these codes."""
        return ~(np.isin(self.client, hosts) | np.isin(self.server, hosts))

    def chosen(self, which: NDArray[np.bool_]) -> Pairs:
        return Pairs(self.codes[which], self.tallies[which], self.first[which], self.last[which])

    def span(self, host: int) -> tuple[int, int]:
        """First and last time of the connections of a host."""
        rows = (self.client == host) | (self.server == host)
        return int(self.first[rows].min()), int(self.last[rows].max())

    def ranked_ends(self) -> NDArray[np.int64]:
        """All ends, the one that is the vantage node most likely first."""
        ends = np.unique(np.concatenate([self.client, self.server]))
        if not len(ends):
            return ends
        return ends[np.lexsort((ends, *(-score for score in reversed(self._scores(ends)))))]

    def count_peers(self, host: int) -> int:
        """How many distinct other ends a host has."""
        others = {
            *self.server[self.client == host].tolist(),
            *self.client[self.server == host].tolist(),
        }
        return len(others - {host})

    def _scores(self, ends: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Per criterion, the most important first: int64[ends]."""
        client, server = np.searchsorted(ends, self.client), np.searchsorted(ends, self.server)
        tally = dict(zip(TALLIES, self.tallies.T, strict=True))

        def per_end(
            as_client: NDArray[np.int64], as_server: NDArray[np.int64]
        ) -> NDArray[np.int64]:
            score = np.zeros(len(ends), dtype=np.int64)
            np.add.at(score, client, as_client)
            np.add.at(score, server, as_server)
            return score

        connections = tally["connections"]

        def other_ends(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
            both = np.concatenate([client << 32 | server, server << 32 | client])
            others = np.unique(both[np.tile(chosen & (client != server), 2)])
            return np.bincount(others >> 32, minlength=len(ends))

        return [
            other_ends(tally["two_way"] > 0),
            other_ends(np.ones(len(client), dtype=np.bool_)),
            per_end(connections, np.where(client != server, connections, 0)),
            per_end(tally["client_ttl"], tally["server_ttl"]),
            per_end(tally["client_port"], tally["server_port"]),
            per_end(connections, np.zeros_like(connections)),
        ]
