"""Who the vantage node is, where the user does not say: the node at which a capture was taken has
its hand in nearly every connection.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monerotraffic.tables.schema import SCHEMA

__all__ = ["Evidence", "Host", "Node", "canonical", "hosts_of"]

Host = str | ipaddress.IPv4Address | ipaddress.IPv6Address

_UNTOUCHED = (64, 128, 255)
"""TTLs with which systems send: a packet that still has one of these has passed no router."""

_TTLS = [
    field for field in SCHEMA["connections"].fields if field.name in ("client_ttl", "server_ttl")
]
_BOTH_TTLS = sum(1 << field.present_bit for field in _TTLS if field.present_bit is not None)
"""Bits of `present`."""

_TALLIES = ("connections", "client_ttl", "server_ttl", "client_port", "server_port")


def canonical(address: Host) -> str:
    """An address as the tables write it: dotted quad; RFC 5952 for IPv6, without zone; v4-mapped as
    ::ffff:a.b.c.d. ValueError if it is none.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(f"host {address!r} is not an IP address") from None
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return f"::ffff:{mapped}" if mapped is not None else str(ipaddress.IPv6Address(int(parsed)))


def hosts_of(host: Host | Iterable[Host]) -> tuple[str, ...]:
    """One address or several as canonical texts, each once. ValueError for anything else or for
    none.
    """
    given = (
        [host]
        if isinstance(host, Host)
        else list(host)
        if isinstance(host, Iterable) and not isinstance(host, bytes)
        else None
    )
    if not given:
        raise ValueError(f"host {host!r} is neither an IP address nor several")
    return tuple(dict.fromkeys(canonical(address) for address in given))


class Node(NamedTuple):
    """One vantage node and the connections of its capture."""

    label: str | None
    """Its name where several nodes are read at once."""
    hosts: tuple[str, ...]
    """Its addresses, in canonical text; empty if unknown."""
    first: int
    """Id of the first connection of its capture."""
    end: int
    """Id behind that of the last."""


class Evidence:
    """Gathers what connections tell of the vantage node.

    Only Monero connections count: those that carried messages or use one of `ports`. Memory grows
    with the number of pairs of hosts, not of connections.
    """

    def __init__(self, ports: Collection[int]) -> None:
        self._ports = np.array(sorted(ports), dtype=np.int64)
        self._pairs = np.zeros(0, dtype=np.int64)  # client << 32 | server
        self._tallies = np.zeros((0, len(_TALLIES)), dtype=np.int64)

    def add_connections(self, rows: NDArray[Any]) -> None:
        """Takes in rows of connections."""
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
        both_known = (rows["present"] & _BOTH_TTLS) == _BOTH_TTLS
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
        """Takes in the connections of rows of messages, but for those with the ids `known`: for the
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
