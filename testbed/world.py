"""What emulated peers share: the addresses they know of, the chain as the vantage node reports it,
and the record of what they send.
"""

from __future__ import annotations

import ipaddress
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any, TextIO

from support.craft import payload_data, peer

Entry = dict[str, Any]


def public_addresses(random_: random.Random, count: int) -> list[str]:
    """Addresses of the internet, each of a /24 of its own."""
    addresses: dict[str, str] = {}
    while len(addresses) < count:
        address = ipaddress.IPv4Address(random_.randrange(1 << 24, 224 << 24))
        if address.is_global and address.packed[3] not in (0, 255):
            addresses.setdefault(str(address).rpartition(".")[0], str(address))
    return list(addresses.values())


def entry(random_: random.Random, host: str, port: int = 18080, **more: Any) -> Entry:
    """A peer-list entry as monerod writes it, some with a pruning seed or an RPC port."""
    if random_.random() < 0.2:
        more.setdefault("pruning_seed", ("u32", 384 + random_.randrange(8)))
    if random_.random() < 0.2:
        more.setdefault("rpc_port", ("u16", 18089))
    return dict(sorted(peer(host, port, random_.getrandbits(64), **more).items()))


@dataclass(frozen=True)
class Tip:
    """The end of a chain, when it was seen."""

    time: float
    height: int
    top: bytes
    difficulty: int

    def data(self, **more: Any) -> dict[str, Any]:
        """payload_data of a node with this chain."""
        return payload_data(
            **{
                "current_height": self.height,
                "top_id": self.top,
                "top_version": 16,
                "cumulative_difficulty": self.difficulty,
                **more,
            }
        )


class Chain:
    """How the vantage node's chain grew."""

    def __init__(self) -> None:
        self.tips: list[Tip] = []

    def take(self, info: dict[str, Any]) -> None:
        """What get_info answers."""
        if not self.tips or self.tips[-1].height != info["height"]:
            self.tips.append(
                Tip(
                    time.monotonic(),
                    info["height"],
                    bytes.fromhex(info["top_block_hash"]),
                    info["cumulative_difficulty"],
                )
            )

    def at(self, moment: float) -> Tip:
        """The end that was known at a moment of time.monotonic()."""
        return next((tip for tip in reversed(self.tips) if tip.time <= moment), self.tips[0])


@dataclass
class World:
    random: random.Random
    log: TextIO
    operators_share: float = 0.0
    """Which part of the endpoints of the network belongs to one operator."""
    chain: Chain = field(default_factory=Chain)
    blobs: dict[bytes, None] = field(default_factory=dict)
    """Transactions that came in a 2002, in the order of their first coming."""
    blocks: dict[bytes, None] = field(default_factory=dict)
    """Payloads of 2008 that came, in the same order."""
    known_ids: dict[str, int] = field(default_factory=dict)
    """Peer ids of the monerods, by address."""

    def __post_init__(self) -> None:
        self.hosts = public_addresses(self.random, 6000)
        self.operated: list[str] = []
        if self.operators_share:
            heads = [one.rpartition(".")[0] for one in public_addresses(self.random, 12)]
            self.operated = [f"{head}.{last}" for head in heads for last in range(20, 220)]
        every = (*self.hosts, *self.operated)
        self.entries = {host: entry(self.random, host) for host in every}

    def white_list(self, size: int = 1000) -> list[Entry]:
        """What an honest node knows: entries of hosts drawn by chance, the operator's among them
        as often as in the network.
        """
        owned = round(size * self.operators_share)
        hosts = self.random.sample(self.hosts, size - owned)
        if owned:
            hosts += self.random.sample(self.operated, owned)
            self.random.shuffle(hosts)
        return [self.entries[host] for host in hosts]

    def operators_list(self, size: int) -> list[Entry]:
        """Endpoints of the operator alone."""
        return [self.entries[host] for host in self.random.sample(self.operated, size)]

    def note(self, address: str, event: str, **more: Any) -> None:
        print(json.dumps({"t": time.time(), "ip": address, "ev": event, **more}), file=self.log)
