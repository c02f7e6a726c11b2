"""The network of the node: a pool of hosts, some much more frequent than others, and the peer lists
that nodes send.
"""

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import payloads

_WHITE_LIST = 1000
_V4_MAPPED = bytes(10) + b"\xff\xff"


@dataclass(frozen=True, slots=True)
class Host:
    address: bytes  # 4 or 16 bytes
    port: int
    peer_id: int
    pruning_seed: int
    rpc_port: int
    entry: bytes  # as an element of a peer list

    @property
    def mapped(self) -> bool:
        """A v4-mapped IPv6 address, which occurs in lists only, never as an end of a connection."""
        return self.address.startswith(_V4_MAPPED) and len(self.address) == 16


def _address(rng: random.Random, known: set[bytes]) -> bytes:
    """Public IPv4 addresses, and 14 % IPv6, most of them v4-mapped, half of which have their IPv4
    address in the pool too.
    """
    while True:
        address = bytes(
            (
                rng.choice(
                    (
                        5,
                        23,
                        37,
                        45,
                        51,
                        62,
                        66,
                        77,
                        82,
                        88,
                        94,
                        104,
                        139,
                        142,
                        147,
                        159,
                        162,
                        178,
                        185,
                        193,
                        195,
                        212,
                    )
                ),
                *rng.randbytes(3),
            )
        )
        draw = rng.random()
        if draw < 0.10:
            address = _V4_MAPPED + address
        elif draw < 0.14:
            address = (
                b"\x20\x01" + rng.randbytes(2) + rng.randbytes(4) + bytes(6) + rng.randbytes(2)
            )
        if address not in known:
            known.add(address)
            return address


def _host(rng: random.Random, known: set[bytes]) -> Host:
    address = _address(rng, known)
    port = 18080 if rng.random() < 0.85 else rng.randint(1024, 65535)
    pruning_seed = 384 + rng.randrange(8) if rng.random() < 0.2 else 0
    rpc_port = rng.choice((18089, 18089, 18081)) if rng.random() < 0.2 else 0
    peer_id = rng.getrandbits(64)
    return Host(
        address,
        port,
        peer_id,
        pruning_seed,
        rpc_port,
        payloads.peer_entry(address, port, peer_id, pruning_seed, rpc_port),
    )


class Pool:
    """`size` hosts; the i-th is drawn in proportion to (i + 100)^-0.8."""

    def __init__(self, rng: random.Random, size: int) -> None:
        known: set[bytes] = set()
        self.hosts = [_host(rng, known) for _ in range(size)]
        self._entries = [host.entry for host in self.hosts]
        weights = np.cumsum((np.arange(size) + 100.0) ** -0.8)
        self._cumulative: NDArray[np.float64] = weights / weights[-1]
        self._random = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))

    def draw(self, count: int) -> NDArray[np.intp]:
        """`count` different hosts (fewer if the pool has not that many), in random order."""
        count = min(count, len(self.hosts))
        drawn = self._draws(2 * count + 16)
        while True:
            unique, first = np.unique(drawn, return_index=True)
            if len(unique) >= count:
                return drawn[np.sort(first)][:count]
            drawn = np.concatenate((drawn, self._draws(4 * len(self.hosts))))

    def _draws(self, count: int) -> NDArray[np.intp]:
        return np.searchsorted(self._cumulative, self._random.random(count), side="right")

    def entries(self, indices: NDArray[np.intp]) -> list[bytes]:
        return [self._entries[index] for index in indices.tolist()]

    def shuffled(self, indices: NDArray[np.intp], count: int) -> NDArray[np.intp]:
        """A random sample of `count` of these hosts."""
        return self._random.permutation(indices)[:count]

    def connectable(self, rng: random.Random) -> Host:
        while True:
            host = self.hosts[int(self._draws(1)[0])]
            if not host.mapped:
                return host


class PeerLists:
    """The entries of its white list that one side sends on a connection: first 250, then in each
    timed sync those of another random 250 that were not sent on the connection. A repeating node,
    as some implementations are, sends 250 every time.
    """

    def __init__(self, pool: Pool, white: NDArray[np.intp] | None, repeats: bool) -> None:
        """`white`: the sender's white list; None: whatever is drawn."""
        self._pool = pool
        self._white = white
        self._repeats = repeats
        self._rest: NDArray[np.intp] | None = None
        self._begun = False

    def first(self, last_of_it: bool = False) -> list[bytes]:
        """The first list. `last_of_it`: none will follow, so that the rest of the white list is not
        needed.
        """
        self._begun = True
        if last_of_it and self._white is None:
            return self._pool.entries(self._pool.draw(payloads.PEERS_PER_LIST))
        white = (
            self._pool.draw(_WHITE_LIST)
            if self._white is None
            else self._pool.shuffled(self._white, len(self._white))
        )
        if self._repeats:
            self._white = white
        else:
            self._rest = white[payloads.PEERS_PER_LIST :]
        return self._pool.entries(white[: payloads.PEERS_PER_LIST])

    def next(self, rng: random.Random) -> list[bytes]:
        """The list of a timed sync: the first one, if this side had no handshake to answer."""
        if not self._begun:
            return self.first()
        if self._repeats and self._white is not None:
            return self._pool.entries(self._pool.shuffled(self._white, payloads.PEERS_PER_LIST))
        if self._rest is None:
            return []
        unsent = len(self._rest)
        expected = payloads.PEERS_PER_LIST * unsent / _WHITE_LIST
        count = min(
            unsent,
            max(0, round(rng.gauss(expected, (expected * (1 - unsent / _WHITE_LIST)) ** 0.5))),
        )
        now, self._rest = self._rest[:count], self._rest[count:]
        if not count and rng.random() < 0.3:  # the white list has changed a little since
            now = self._pool.draw(1)
        return self._pool.entries(now)
