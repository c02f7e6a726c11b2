"""Several monerods that capture, in a network of others of which each of them sees a part."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from testbed.network import Network
from testbed.nodes import Node, Program
from testbed.population import MTUS, QUIET, VOID, known_peer
from testbed.state import KnownPeer
from testbed.world import World

OBSERVERS = {
    "v": "198.51.100.10",
    "w": "198.18.252.10",
    "x": "198.19.253.10",
    "y": "198.18.254.10",
}
"""The nodes that capture. v connects to w; no other two are connected. y restarts all the time, so
that it gets many lists of each peer."""
RESTARTS = "y"
_DIALLED = 4
"""Nodes that each of them connects to."""
_MET = 0.6
"""Chance that a node connects to one of them."""


@dataclass
class Ensemble:
    """The monerods of a run: those that capture first, then the others."""

    network: Network
    world: World
    programs: Sequence[Program]
    nodes: list[Node] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    """By node the size of the white list that it begins with."""

    def fill(self, many: int, new_address: Callable[[], str]) -> list[Node]:
        """As many others in all."""
        rng = self.world.random
        self.network.host("void", [VOID])
        for name, address in OBSERVERS.items():
            self._place(name, address)
        others = [self._place(f"m{number}", new_address()) for number in range(many)]
        for node in others:
            node.log_level = "0"
            node.exclusive = rng.random() < 0.5
            self.sizes[node.name] = rng.choice((20, 60, 120, 200, 400, 1000))
            known = [other.address for other in rng.sample(others, 3) if other is not node]
            known += [address for address in OBSERVERS.values() if rng.random() < _MET]
            self._knows(node, known)
            node.arguments += ["--in-peers", "60", "--out-peers", str(rng.randint(4, 10))]
        for node in self.nodes[: len(OBSERVERS)]:
            chosen = [other.address for other in rng.sample(others, min(_DIALLED, many))]
            self._knows(node, [*chosen, *([OBSERVERS["w"]] if node.name == "v" else [])])
            node.arguments += ["--in-peers", "100", "--out-peers", "40"]
        return self.nodes

    def _place(self, name: str, address: str) -> Node:
        node = Node(name, address, self.programs[len(self.nodes) % len(self.programs)])
        node.arguments = list(QUIET)
        self.nodes.append(node)
        self.network.host(name, [address], self.world.random.choice(MTUS), VOID)
        return node

    @staticmethod
    def _knows(node: Node, addresses: Sequence[str]) -> None:
        option = "--add-exclusive-node" if node.exclusive else "--add-priority-node"
        node.arguments += [word for other in addresses for word in (option, f"{other}:18080")]

    def white_list(self, node: Node) -> list[KnownPeer]:
        """What a node knows when it begins: a sample of a network that does not exist."""
        rng, now = self.world.random, int(time.time())
        entries = self.world.white_list(self.sizes.get(node.name, 0))
        return [known_peer(entry, now - rng.randrange(60, 200_000)) for entry in entries]
