"""The vantage node: which addresses it has where the user does not name them, which end of each
connection it is, and so who the peer is and in which direction a message goes.

Knows rows of connections and messages by their fields, and nothing of tables and DataFrames.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monerotraffic.net.further_hosts import further_hosts
from monerotraffic.net.pairs import TALLIES, Pairs

__all__ = ["Node", "Perspective", "VantageInference"]

_HEADERS = frozenset({"proxy_v1", "proxy_v2"})
"""Values of `proxy` that a proxy writes about its client; the others are requests to a proxy."""
_UNTOUCHED = np.isin(np.arange(256), (64, 128, 255))
"""For each TTL whether systems send with it: a packet that still has it has passed no router."""

SentIds = tuple[NDArray[Any], NDArray[np.uint64]]
"""Address codes of senders, and the peer ids that they sent."""
_NO_SENT_IDS: SentIds = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint64))


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
    proxies: tuple[str, ...] = ()
    """Addresses of proxies whose PROXY headers are believed (`trusted_proxies=`)."""


class VantageInference:
    """Gathers what connections show about the vantage node.

    Only Monero connections count: those that carried messages or use one of `ports`. Memory grows
    with the number of pairs of hosts, not of connections.
    """

    def __init__(self, ports: Collection[int], ttl_bits: int) -> None:
        """`ttl_bits`: the bits of `present` in a row of connections for both TTLs."""
        self._ttl_bits = ttl_bits
        self._is_port = np.zeros(65536, dtype=np.bool_)
        self._is_port[list(ports)] = True
        self._pairs = Pairs.none()
        self._sent_ids = _NO_SENT_IDS
        self._deferred: list[Callable[[], SentIds]] = []

    def add_connections(self, rows: NDArray[Any]) -> None:
        """Adds rows of connections."""
        client_port = self._is_port[rows["client_port"]]
        server_port = self._is_port[rows["server_port"]]
        monero = (
            client_port
            | server_port
            | (rows["client_messages"] > 0)
            | (rows["server_messages"] > 0)
        )
        client_untouched = _UNTOUCHED[rows["client_ttl"]]
        server_untouched = _UNTOUCHED[rows["server_ttl"]]
        both_known = (rows["present"] & self._ttl_bits) == self._ttl_bits
        tallies = np.column_stack(
            [
                np.ones(len(rows), dtype=np.int64),
                both_known & client_untouched & ~server_untouched,
                both_known & server_untouched & ~client_untouched,
                client_port & ~server_port,
                server_port & ~client_port,
                (rows["client_messages"] > 0)
                & (rows["server_messages"] > 0)
                & (rows["tunnel"] < 0),
            ]
        ).astype(np.int64)
        self._add(rows, monero, tallies, ("opened", "closed"))

    def add_messages(
        self, rows: NDArray[Any], known: NDArray[Any], accepted: NDArray[np.bool_]
    ) -> None:
        """Adds the connections of rows of messages, except those with the ids `known`: for the
        beginning of a stream, when few have ended. `accepted`: which messages their receiver
        accepted, so that both ends were captured, outside of tunnels that anyone can send.
        """
        ids, first = np.unique(rows["connection"], return_index=True)
        chosen = np.zeros(len(rows), dtype=np.bool_)
        chosen[first[~np.isin(ids, known)]] = True
        tallies = np.zeros((len(rows), len(TALLIES)), dtype=np.int64)
        tallies[:, TALLIES.index("connections")] = 1
        answered = np.unique(rows["connection"][accepted])
        tallies[:, TALLIES.index("two_way")] = np.isin(rows["connection"], answered)
        self._add(rows, chosen, tallies, ("time", "end_time"))

    def add_sent_ids(self, senders: NDArray[Any], peer_ids: NDArray[np.uint64]) -> None:
        """Adds peer ids with the address codes of those who sent them. An id that many nodes have
        (0, or 1 behind Tor and I2P) shows nothing.
        """
        chosen = (senders >= 0) & (peer_ids > 1)
        senders = np.concatenate([self._sent_ids[0], senders[chosen]])
        peer_ids = np.concatenate([self._sent_ids[1], peer_ids[chosen]])
        order = np.lexsort((peer_ids, senders))
        senders, peer_ids = senders[order], peer_ids[order]
        distinct = np.ones(len(order), dtype=np.bool_)
        distinct[1:] = (senders[1:] != senders[:-1]) | (peer_ids[1:] != peer_ids[:-1])
        self._sent_ids = senders[distinct], peer_ids[distinct]

    def defer_sent_ids(self, sent_ids: Callable[[], SentIds]) -> None:
        """As add_sent_ids, with a function that returns both arrays. It is called only if the
        connections leave open which addresses the vantage node has.
        """
        self._deferred.append(sent_ids)

    def _all_sent_ids(self) -> SentIds:
        while self._deferred:
            self.add_sent_ids(*self._deferred.pop()())
        return self._sent_ids

    def _add(
        self,
        rows: NDArray[Any],
        chosen: NDArray[np.bool_],
        tallies: NDArray[np.int64],
        times: tuple[str, str],
    ) -> None:
        client, server = rows["client"], rows["server"]
        chosen = chosen & (client >= 0) & (server >= 0)
        first, last = times
        self._pairs = self._pairs.with_rows(
            client[chosen].astype(np.int64) << 32 | server[chosen],
            tallies[chosen],
            rows[first][chosen],
            rows[last][chosen],
        )

    def hosts(self, addresses: Sequence[str]) -> tuple[str, ...]:
        """The vantage node's addresses, IPv4 first; `addresses` has the texts of the codes.

        Of each IP version the address with the most distinct other ends on connections outside of
        tunnels with messages of both ends: anyone can send a packet with any addresses, or a whole
        conversation in a tunnel, to the vantage node, but not the answers of another node outside
        of one. Among equals that with the most distinct other ends at all, then with the most
        connections; then (as in a capture of a single connection) that whose TTL is untouched
        where the other's is not; then that which uses a Levin port itself; then the client; then
        the one that appeared first. After it the further addresses of the node, see
        net.further_hosts.
        """
        best: dict[bool, int] = {}
        for code in self._pairs.ranked_ends().tolist():
            best.setdefault(":" in addresses[code], code)
        codes = further_hosts(
            [best[version] for version in sorted(best)],
            self._pairs,
            self._all_sent_ids,
            addresses,
        )
        return tuple(
            addresses[code] for code in sorted(codes, key=lambda code: ":" in addresses[code])
        )

    def has_strangers(self, hosts: Collection[str], addresses: Sequence[str]) -> bool:
        """Whether there are Monero connections of none of these addresses."""
        codes = [code for code, address in enumerate(addresses) if address in hosts]
        return bool(self._pairs.without(codes).any())


class Perspective:
    """Which end of its connection the vantage node is, for rows that have the fields connection,
    client, server, proxy and proxied_host. Where both ends are vantage addresses, the client counts
    as the vantage node.

    The peer is the other end. It is `proxied_host` instead if the vantage node requested that host
    of a proxy that granted it, or if the client is one of the node's trusted proxies and wrote a
    PROXY header: the vantage node is then the server, also where the proxy shares its address.
    """

    def __init__(
        self,
        rows: NDArray[Any],
        nodes: Sequence[Node],
        is_host: Callable[[tuple[str, ...]], NDArray[np.bool_]],
        proxies: Sequence[str],
    ) -> None:
        """`is_host` returns for each address code, and at the end for the code -1, whether it is
        one of the given addresses; `proxies` has the names of the values of `proxy`.
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
        named = rows["proxied_host"] >= 0
        is_header = np.isin(
            rows["proxy"], [code for code, name in enumerate(proxies) if name in _HEADERS]
        )
        is_proxied = named & is_header & self._is_trusted(nodes, is_host) & self.is_server
        self.is_client &= ~is_proxied
        self.is_server &= ~self.is_client
        self._is_proxied: NDArray[np.bool_] = is_proxied | (
            named & ~is_header & self.is_client & _is_granted(rows)
        )

    def _is_trusted(
        self, nodes: Sequence[Node], is_host: Callable[[tuple[str, ...]], NDArray[np.bool_]]
    ) -> NDArray[np.bool_]:
        """Where the client is a trusted proxy of the vantage node."""
        trusted = np.zeros(len(self._rows), dtype=np.bool_)
        for number, node in enumerate(nodes):
            if node.proxies:
                trusted |= (self.node == number) & is_host(node.proxies)[self._rows["client"]]
        return trusted

    def peer(self) -> NDArray[Any]:
        """Address codes of the peer, -1 if the vantage node is not part of the connection."""
        return np.where(self._is_proxied, self._rows["proxied_host"], self._end("server", "client"))

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


def _is_granted(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a proxy granted the request. Rows of connections say it, other rows name the host only
    then.
    """
    if "proxy_granted" not in (rows.dtype.names or ()):
        return np.ones(len(rows), dtype=np.bool_)
    return np.asarray(rows["proxy_granted"] != 0, dtype=np.bool_)
