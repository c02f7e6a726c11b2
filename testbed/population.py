"""Many monerods in the circumstances of the internet: alone, several behind one address, behind a
pool of addresses, at changing addresses, short of peers; each with a white list of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from testbed.network import Network
from testbed.nodes import Node, Program
from testbed.state import KnownPeer
from testbed.world import World

VOID = "198.18.255.254"
"""Drops what is sent to addresses that do not exist."""
FORWARDED = "10.99.0.2"
"""Of a vantage node behind a port forwarder."""
FORWARDER = "10.99.0.1"
QUIET = ("--max-concurrency", "1", "--prep-blocks-threads", "1")
MTUS = (1500, 1500, 1492, 1420, 1280)
STYLES: Sequence[Sequence[str]] = (
    *((), (), (), ("--hide-my-port",), ("--pad-transactions",)),
    *(("--limit-rate-up", "64"), ("--max-connections-per-ip", "3")),
    ("--public-node", "--rpc-restricted-bind-port", "18089"),
)
"""In which honest people start their nodes."""


@dataclass
class Population:
    """The monerods but for the vantage node, placed in a network."""

    network: Network
    world: World
    programs: Sequence[Program]
    vantage: str
    new_address: Callable[[], str]
    """An address of the bridge in a /24 that is not used yet."""
    nodes: list[Node] = field(default_factory=list)
    movers: list[tuple[Node, str]] = field(default_factory=list)
    """Nodes that get another address, and which."""

    @property
    def random(self) -> random.Random:
        return self.world.random

    def fill(self, many: int) -> list[Node]:
        """As many nodes in all: two pairs behind one address with one port, four behind an exit,
        three behind an address pool, two that move, and the rest alone.
        """
        self.network.host("void", [VOID])
        shared = [self.same_port_pair, self.same_port_pair, self.shared_exit, self.address_pool]
        for group in (*shared, self.moving, self.moving):
            if len(self.nodes) + 4 <= many:
                group()
        while len(self.nodes) < many:
            self.alone()
        self.connect()
        return self.nodes

    def _node(self, address: str, host: str, bind: str, *labels: str) -> Node:
        number = len(self.nodes)
        node = Node(f"m{number}", address, self.programs[number % len(self.programs)])
        node.host, node.bind, node.labels = host, bind, ("monerod", *labels)
        node.arguments = [*QUIET, "--in-peers", "60"]
        node.log_level = "0"
        self.nodes.append(node)
        return node

    # ---- circumstances

    def alone(self) -> None:
        """A node with an address of its own; some look for the peers of their white list, which
        do not answer.
        """
        address, host = self.new_address(), f"m{len(self.nodes)}"
        node = self._node(address, host, address)
        node.arguments += self.random.choice(STYLES)
        node.exclusive = self.random.random() < 0.7
        node.waits = self.random.random() < 0.3
        self.network.host(host, [address], self.random.choice(MTUS), "" if node.exclusive else VOID)

    def moving(self) -> None:
        """A node whose provider gives it another address."""
        address, later, host = self.new_address(), self.new_address(), f"m{len(self.nodes)}"
        node = self._node(address, host, "0.0.0.0", "moved")
        node.later = [later]
        self.network.host(host, [address], self.random.choice(MTUS))
        self.movers.append((node, later))

    def _routed(self, router: str, addresses: Sequence[str], many: int, label: str) -> list[Node]:
        mtu = self.random.choice(MTUS)
        self.network.router(router, addresses, mtu)
        inside = []
        for number in range(many):
            host, inner = f"m{len(self.nodes)}", f"10.77.0.{number + 2}"
            self.network.inner_host(host, router, inner, "10.77.0.1", mtu)
            inside.append(self._node(addresses[0], host, inner, label))
            inside[-1].later = list(addresses[1:])
        return inside

    def same_port_pair(self) -> None:
        """Two stock nodes behind one address: both announce 18080, the router forwards it to the
        first.
        """
        router = f"r{len(self.nodes)}"
        self._routed(router, [self.new_address()], 2, "nat_same_port")
        self.network.forward(router, 18080, "10.77.0.2")

    def shared_exit(self) -> None:
        """Four nodes behind the exit of a VPN, which forwards nothing; some hide their port."""
        inside = self._routed(f"r{len(self.nodes)}", [self.new_address()], 4, "shared_exit")
        for node in inside:
            node.arguments += self.random.choice(((), ("--hide-my-port",)))

    def address_pool(self) -> None:
        """Three nodes behind the NAT of a provider, with an address of a pool for each
        connection.
        """
        head, _, last = self.new_address().rpartition(".")
        pool = [f"{head}.{min(int(last), 250) + more}" for more in range(4)]
        self._routed(f"r{len(self.nodes)}", pool, 3, "address_pool")

    def connect(self) -> None:
        """Which nodes know each other. A node that waits for the vantage node does not know it."""
        listening = [node for node in self.nodes if node.bind == node.address]
        for node in self.nodes:
            option = "--add-exclusive-node" if node.exclusive else "--add-priority-node"
            others = [other.address for other in listening if other is not node]
            known = self.random.sample(others, min(2, len(others)))
            if not node.waits:
                known.insert(0, self.vantage)
            node.arguments += [word for other in known for word in (option, f"{other}:18080")]

    # ---- white lists

    def white_list(self, node: Node) -> list[KnownPeer]:
        """What a node knows when it begins: a sample of the network, of a size of its own."""
        now = int(time.time())
        size = self.random.choice((60, 150, 300, 600, 1000, 1000))
        return [
            known_peer(entry, now - self.random.randrange(60, 200_000))
            for entry in self.world.white_list(size)
        ]


def known_peer(entry: dict[str, object], last_seen: int) -> KnownPeer:
    """An entry of an emulated peer's list, as monerod keeps it."""
    address = entry["adr"]["addr"]  # type: ignore[index]
    values = {key: value[1] for key, value in entry.items() if isinstance(value, tuple)}
    return KnownPeer(
        ".".join(map(str, address["m_ip"][1].to_bytes(4, "little"))),
        address["m_port"][1],
        values["id"],
        last_seen,
        values.get("pruning_seed", 0),
        values.get("rpc_port", 0),
    )


def operators_share(random_: random.Random) -> float:
    """Which part of all endpoints one operator owns, in a run."""
    return random_.choice((0.0, 0.3, 0.6, 0.75, 0.82, 0.9))


def forwarded_vantage(network: Network, public: str) -> None:
    """A vantage node `v` behind a port forwarder, the apparent source of inbound connections."""
    network.router("gateway", [public])
    network.inner_host("v", "gateway", FORWARDED, FORWARDER)
    network.forward("gateway", 18080, FORWARDED, hide_source=True)


def dialled(nodes: Sequence[Node]) -> Iterator[str]:
    """Addresses of nodes that the vantage node has to dial."""
    return (node.address for node in nodes if node.waits)
