"""A scenario from beginning to end: who is placed where, what happens, what is written."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import random
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from monerotraffic import epee
from testbed.cast import Casting, Part, labels
from testbed.census import report_of, write_reports
from testbed.clocks import draw, rewrite
from testbed.network import Capture, Network
from testbed.nodes import Daemon, Node, Program, newest, wallet
from testbed.observers import OBSERVERS, RESTARTS, Ensemble
from testbed.peer import Manner, Peer, Talk
from testbed.population import (
    FORWARDED,
    FORWARDER,
    VOID,
    Population,
    dialled,
    forwarded_vantage,
    operators_share,
)
from testbed.scenarios import SCENARIOS
from testbed.state import peer_state
from testbed.stock import Stock, read_stock
from testbed.world import World

VANTAGE, VANTAGE6 = "198.51.100.10", "2001:db8:10::10"
ADDRESSES = (
    "203.0.113.21",
    "192.0.2.22",
    "203.0.113.43",
    "192.0.2.64",
    "198.51.100.70",
    "192.0.2.86",
    "203.0.113.107",
    "198.18.0.128",
    "198.19.7.149",
)
"""Of other monerods."""
WAYS: Sequence[Sequence[str]] = (
    *(
        (),
        ("--in-peers", "2"),
        ("--hide-my-port",),
        ("--pad-transactions",),
        ("--public-node", "--rpc-restricted-bind-port", "18089"),
    ),
    *(
        ("--limit-rate-up", "4"),
        ("--out-peers", "2", "--in-peers", "3"),
        ("--max-connections-per-ip", "3"),
    ),
)
"""In which monerods are started."""
MTUS = (1500, 1500, 1492, 1420, 1280)
STOCK_PAUSE = (1.0, 3.5)
"""Seconds between two signed transactions."""


@dataclass
class Plan:
    out: Path
    scenario: str
    seed: int
    seconds: int
    loss: float
    programs: list[Program]
    template: Path
    nodes: int = 40
    """monerods other than the vantage node, in the scenarios with many."""

    @property
    def many(self) -> bool:
        return self.scenario in ("population", "forwarder", "vantages")

    @property
    def several(self) -> bool:
        """Whether several nodes capture."""
        return self.scenario == "vantages"


@dataclass
class Stage:
    """All that is there while a scenario is played."""

    plan: Plan
    network: Network
    world: World
    nodes: list[Node] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    purse: Daemon | None = None
    account: str = ""
    """The address of the wallet, which pays itself and is paid for blocks."""
    population: Population | None = None
    ensemble: Ensemble | None = None
    stock: Stock | None = None
    """Transactions that nodes send, if there is no wallet."""
    met: set[str] = field(default_factory=set)
    """Names of the nodes that said that they were connected to the vantage node."""

    def __post_init__(self) -> None:
        self.cast = Casting(self.world, ADDRESSES[:5])
        self.cast.nets.add(VOID.rpartition(".")[0])

    @property
    def random(self) -> random.Random:
        return self.world.random

    @property
    def vantage(self) -> Node:
        return self.nodes[0]

    @property
    def vantages(self) -> list[Node]:
        """The nodes that capture."""
        return self.nodes[: len(OBSERVERS) if self.plan.several else 1]

    @property
    def others(self) -> list[Node]:
        """The monerods of the beginning that do not capture; the first is that of the wallet."""
        return self.early[len(self.vantages) :]

    @property
    def early(self) -> list[Node]:
        """The nodes that are there from the beginning."""
        return self.nodes[:-1] if self.plan.scenario == "honest" else self.nodes

    def record(self, kind: str, **more: Any) -> None:
        self.events.append({"t": time.time(), "kind": kind, **more})

    def folder(self, node: Node) -> Path:
        """Where what a vantage node captures is written."""
        return self.plan.out / "true" / node.name if self.plan.several else self.plan.out

    def capture(self, node: Node) -> Capture:
        """Starts the capture of a vantage node."""
        self.folder(node).mkdir(parents=True, exist_ok=True)
        plan = self.plan
        every = plan.scenario in ("population", "forwarder", "proxies")
        capture_filter = "tcp" if every else "tcp port 18080"
        seconds = max(60, plan.seconds // 3)
        return Capture(self.network, node.name, self.folder(node), capture_filter, seconds)

    # ---- setting up

    def place(self) -> None:
        """All monerods."""
        if self.plan.several:
            self.ensemble = Ensemble(self.network, self.world, self.plan.programs)
            self.cast.nets |= {one.rpartition(".")[0] for one in OBSERVERS.values()}
            self.nodes = self.ensemble.fill(self.plan.nodes, self.cast.address)
        elif self.plan.many:
            self.place_population()
        else:
            self.place_nodes()

    def place_population(self) -> None:
        """The vantage node and many others."""
        self.population = Population(
            self.network, self.world, self.plan.programs, VANTAGE, self.cast.address
        )
        self.nodes = [Node("v", VANTAGE, self.plan.programs[0])]
        if self.plan.scenario == "forwarder":
            self.vantage.bind = FORWARDED
            forwarded_vantage(self.network, VANTAGE)
        else:
            self.network.host("v", [VANTAGE])
        self.nodes += self.population.fill(self.plan.nodes)
        self.vantage.arguments = ["--in-peers", "250", "--out-peers", "100"]
        self.vantage.arguments += ["--max-connections-per-ip", "40"]
        for address in dialled(self.nodes):
            self.vantage.arguments += ["--add-exclusive-node", f"{address}:18080"]
        if self.plan.loss:
            for name in self.network.names:
                if name[0] in "mr":
                    self.network.lose(name, self.plan.loss)

    def place_nodes(self) -> None:
        """The vantage node and the others, of the versions given in turn."""
        honest = self.plan.scenario == "honest"
        slots = (
            [str(self.random.choice((6, 64)))]
            if honest
            else ["250", "--out-peers", "40", "--max-connections-per-ip", "40"]
        )
        self.nodes = [Node("v", VANTAGE, self.plan.programs[0], arguments=["--in-peers", *slots])]
        self.nodes += self.free_nodes() if honest else self.bound_nodes()
        if honest:
            self.vantage.address6 = VANTAGE6
        self.network.host("v", self.vantage.addresses)
        for name, addresses in {
            node.host or node.name: node.addresses for node in self.nodes[1:]
        }.items():
            self.network.host(name, addresses, self.random.choice(MTUS))
            if self.plan.loss:
                self.network.lose(name, self.plan.loss)

    def bound_nodes(self) -> list[Node]:
        """Monerods that connect to the vantage node and one other, and never to what the lists of
        emulated peers name. Two may be behind one address.
        """
        programs = self.plan.programs
        bound = [
            Node(f"h{i}", address, programs[i % len(programs)], arguments=["--in-peers", "60"])
            for i, address in enumerate(ADDRESSES[:5])
        ]
        if self.plan.scenario == "proxies":
            bound += self.pair()
        for node in bound:
            known = [VANTAGE] if node is not bound[0] else []
            known.append(
                self.random.choice(
                    [other.address for other in bound if other.address != node.address]
                )
            )
            node.arguments += [
                word for address in known for word in ("--add-exclusive-node", f"{address}:18080")
            ]
        return bound

    def pair(self) -> list[Node]:
        """Two behind one address, with ports of their own."""
        second: dict[str, Any] = {
            "host": "nat",
            "program": self.plan.programs[-1],
            "address": "192.0.2.146",
            "labels": ("monerod", "nat_pair"),
        }
        return [Node("n0", **second), Node("n1", port=28080, rpc_port=28081, **second)]

    def free_nodes(self) -> list[Node]:
        """Monerods that know one or two others and find the rest by themselves, started in various
        ways; the last one begins with no chain.
        """
        programs = self.plan.programs
        free = [
            Node(f"h{i}", address, programs[i % len(programs)])
            for i, address in enumerate(ADDRESSES)
        ]
        free[-1:-1] = self.pair()
        for i, node in enumerate(free):
            if node.host == "" and self.random.random() < 0.5:
                node.address6 = f"2001:db8:{i + 16:x}::{self.random.randrange(1, 1 << 16):x}"
            vantage = f"[{VANTAGE6}]" if node.address6 and self.random.random() < 0.5 else VANTAGE
            known = [vantage, *(other.address for other in self.random.sample(free[:i], min(i, 1)))]
            node.arguments = [
                word for address in known for word in ("--add-priority-node", f"{address}:18080")
            ]
            node.arguments += self.random.choice(WAYS) if node.host == "" and i > 0 else ()
        return free

    def place_peers(self, parts: list[Part]) -> list[Peer]:
        if not parts:
            return []
        self.network.host(
            "peers", sorted({address for address, _ in parts}), self.random.choice(MTUS)
        )
        if self.plan.loss:
            self.network.lose("peers", self.plan.loss)
        dialled = [address for address, manner in parts if not manner.dials]
        for address in [self.nodes[1].address, *dialled]:
            self.vantage.arguments += ["--add-exclusive-node", f"{address}:18080"]
        for address, manner in parts:
            if "filtered_port" in manner.labels:
                self.network.drop("peers", address, manner.my_port)
        return [
            Peer(address, manner, self.world, self.network, VANTAGE) for address, manner in parts
        ]

    async def start_others(self) -> None:
        """The monerods but for the vantage node, and a wallet at one of them."""
        data = self.plan.out / "nodes"
        for node in self.early:
            shutil.copytree(self.plan.template / "chain", data / node.name)
            self.write_state(node, data / node.name)
        for node in self.others:
            self.start(node)
            if self.plan.many:
                await asyncio.sleep(0.5)
        for node in self.others:
            self.world.chain.take(await asyncio.to_thread(node.wait, 300))
        if self.plan.several:
            self.stock = read_stock(self.plan.template)
            self.account = self.stock.address
            return
        shutil.copytree(self.plan.template / "wallet", data / "wallet")
        self.purse = await asyncio.to_thread(
            wallet, self.network, self.bank, newest(self.plan.programs), data
        )
        self.account = (await asyncio.to_thread(self.purse.rpc, "get_address"))["address"]

    @property
    def bank(self) -> str:
        """The host of the node whose wallet pays."""
        return self.others[0].host or self.others[0].name

    def write_state(self, node: Node, data: Path) -> None:
        """What a node knows of the network when it begins; where versions look for it differs."""
        for folder in (data, data / "fake"):
            (folder / "p2pstate.bin").unlink(missing_ok=True)
            known = self.population or self.ensemble
            if known is not None and node not in self.vantages:
                (folder / "p2pstate.bin").write_bytes(peer_state(known.white_list(node)))

    def start(self, node: Node) -> None:
        node.start(self.network, self.plan.out / "nodes")
        self.record("node_start", node=node.name, ip=node.address, version=node.program.version)

    async def learn_ids(self, parts: list[Part]) -> None:
        """The peer ids of the monerods that emulated peers answer with, by ping, from an address of
        the testbed that no other host has.
        """
        wanted = sorted({manner.pong for _, manner in parts if isinstance(manner.pong, str)})
        if wanted:
            self.network.host("asker", ["198.18.0.1"])
        for address in wanted:

            async def ask(talk: Talk, address: str = address) -> None:
                await talk.ping()
                self.world.known_ids[address] = int(
                    epee.loads((await talk.receive()).body)["peer_id"]
                )

            await Peer(
                "198.18.0.1",
                Manner(my_port=0, opening=ask),
                self.world,
                self.network,
                address,
                host="asker",
            ).dial()

    # ---- playing

    async def watch(self) -> None:
        """The end of the chain, as the vantage node reports it."""
        await asyncio.to_thread(self.vantage.wait)
        while True:
            self.world.chain.take(await asyncio.to_thread(self.vantage.rpc, "get_info"))
            await asyncio.sleep(1)

    async def pay(self) -> None:
        """Transactions, some seconds apart."""
        assert self.purse is not None
        while True:
            await asyncio.sleep(self.random.uniform(4, 16))
            outputs = [
                {"amount": self.random.randrange(10**9, 10**11), "address": self.account}
                for _ in range(self.random.choice((1, 1, 1, 3)))
            ]
            try:
                transfer = await asyncio.to_thread(self.purse.rpc, "transfer", destinations=outputs)
                self.record("tx", hash=transfer["tx_hash"], weight=transfer["weight"])
            except RuntimeError as error:  # no coins that can be spent, for a while
                self.record("no_tx", error=str(error))

    async def send_stock(self) -> None:
        """Signed transactions, each first sent by a node drawn by chance, to the last."""
        assert self.stock is not None
        for one in self.stock.transactions:
            await asyncio.sleep(self.random.uniform(*STOCK_PAUSE))
            node = self.random.choice([other for other in self.others if other.daemon is not None])
            with contextlib.suppress(OSError, http.client.HTTPException):  # it ends just now
                answer = await asyncio.to_thread(
                    node.post, "/sendrawtransaction", tx_as_hex=one.blob
                )
                self.record("tx", hash=one.id, node=node.name, status=answer.get("status"))
        await asyncio.Event().wait()

    async def mine(self) -> None:
        """Blocks, at any of the nodes."""
        while True:
            await asyncio.sleep(self.random.uniform(*((5, 12) if self.plan.several else (10, 40))))
            node = self.random.choice([node for node in self.nodes if node.daemon is not None])
            with contextlib.suppress(OSError):  # a node that is being restarted
                blocks = await asyncio.to_thread(
                    node.rpc, "generateblocks", amount_of_blocks=1, wallet_address=self.account
                )
                if "blocks" in blocks:  # else it was busy
                    self.record(
                        "mine", node=node.name, blocks=blocks["blocks"], height=blocks["height"]
                    )

    async def restart(self) -> None:
        """Every few minutes one of the monerods is stopped, and comes back with another id. The
        vantage node and the wallet's stay.
        """
        while True:
            await asyncio.sleep(self.random.uniform(*((20, 45) if self.plan.many else (120, 300))))
            node, crash = self.random.choice(self.others[1:]), self.random.random() < 0.3
            await self.interrupt(node, crash, self.random.uniform(5, 20))

    async def interrupt(self, node: Node, crash: bool, seconds: float) -> None:
        """A node is down for some seconds."""
        await asyncio.to_thread(node.stop, crash)
        self.record("node_stop", node=node.name, crash=crash)
        await asyncio.sleep(seconds)
        self.start(node)

    async def return_often(self) -> None:
        """One of several vantage nodes restarts, so that it gets new lists of all its peers."""
        for node in (one for one in self.vantages if self.plan.several and one.name == RESTARTS):
            while True:
                await asyncio.sleep(self.random.uniform(40, 70))
                await self.interrupt(node, False, 1)

    async def move(self) -> None:
        """Nodes that get another address do so after some minutes, one after the other."""
        for node, later in self.population.movers if self.population is not None else ():
            await asyncio.sleep(self.random.uniform(60, 100))
            self.network.move(node.host, node.address, later)
            self.record("node_move", node=node.name, to=later)

    async def census(self) -> None:
        """The connections of the vantage node every ten seconds, and of all nodes every twenty (ten
        if there are several vantage nodes), as they report them themselves.
        """
        with (self.plan.out / "connections.jsonl").open("w") as file:
            for turn in itertools.count():
                await asyncio.sleep(10)
                for node in self.nodes if turn % 2 or self.plan.several else self.nodes[:1]:
                    report = await asyncio.to_thread(report_of, node, time.time())
                    write_reports(file, [report])
                    if report is not None and VANTAGE in report["incoming"] + report["outgoing"]:
                        self.met.add(node.name)

    async def join_late(self) -> None:
        for node in self.nodes[len(self.early) :]:
            await asyncio.sleep(self.random.uniform(60, 120))
            self.start(node)

    def stop_nodes(self) -> None:
        if self.purse is not None:
            self.purse.stop()
        for node in self.nodes if self.plan.many else ():
            if node.daemon is not None:
                node.daemon.process.terminate()
        for node in reversed(self.nodes):
            node.stop()


async def during(seconds: float, *acts: Callable[[], Awaitable[None]]) -> None:
    """Plays all of these for some time. What fails ends all."""
    tasks = [asyncio.ensure_future(act()) for act in acts]
    await asyncio.wait(
        [*tasks, asyncio.ensure_future(asyncio.sleep(seconds))],
        timeout=seconds,
        return_when=asyncio.FIRST_EXCEPTION,
    )
    for task in tasks:
        task.cancel()
    failed = [
        end
        for end in await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(end, Exception)
    ]
    if failed:
        raise failed[0]


async def play(plan: Plan) -> None:
    with (
        Network(f"tb{plan.scenario[:2]}{plan.seed % 1000}") as network,
        (plan.out / "peers.jsonl").open("w") as log,
    ):
        drawn = random.Random(plan.seed)
        share = operators_share(drawn) if plan.many else 0.0
        stage = Stage(plan, network, World(drawn, log, share))
        stage.place()
        for node in stage.vantages:
            # its accept loop does not survive connections that end before it accepts them (0.18.4),
            # so it has the processor first, however nice the testbed is
            node.niceness = -os.getpriority(os.PRIO_PROCESS, 0)
        parts = list(SCENARIOS[plan.scenario](stage.cast))
        peers = stage.place_peers(parts)
        captures = [stage.capture(node) for node in stage.vantages]
        try:
            await stage.start_others()
            await stage.learn_ids(parts)
            await asyncio.gather(*(peer.listen() for peer in peers))
            for node in stage.vantages:
                stage.start(node)
            await during(
                plan.seconds,
                stage.watch,
                stage.send_stock if plan.several else stage.pay,
                stage.return_often,
                stage.mine,
                stage.restart,
                stage.join_late,
                stage.move,
                stage.census,
                *(peer.live for peer in peers),
            )
        finally:
            await asyncio.to_thread(stage.stop_nodes)
            summary = "".join(capture.stop() for capture in captures)
        write(plan, stage, labels(parts) | node_labels(stage), summary)


def node_labels(stage: Stage) -> dict[str, list[str]]:
    """By address, the labels of the monerods there."""
    by_address: dict[str, set[str]] = {}
    for node in stage.nodes[len(stage.vantages) :]:
        for address in node.addresses:
            by_address.setdefault(address, set()).update(node.labels)
    if stage.plan.scenario == "forwarder":
        by_address[FORWARDER] = {"forwarder"}
    return {address: sorted(given) for address, given in by_address.items()}


def write(plan: Plan, stage: Stage, given: dict[str, list[str]], summary: str) -> None:
    (plan.out / "labels.json").write_text(json.dumps(dict(sorted(given.items())), indent=1) + "\n")
    nodes = {
        node.name: {
            "ip": node.addresses,
            "port": node.port,
            "version": node.program.version,
            "labels": node.labels,
            "met": node.name in stage.met,
        }
        for node in stage.nodes
    }
    manifest = {
        "scenario": plan.scenario,
        "seed": plan.seed,
        "vantage": {node.name: node.addresses for node in stage.vantages}
        if plan.several
        else [stage.vantage.bind or VANTAGE, *stage.vantage.addresses[1:]],
        "operators_share": stage.world.operators_share,
        "nodes": nodes,
    }
    if plan.several:
        manifest["clocks"] = skew(plan, stage)
    manifest |= {"dumpcap": summary.splitlines(), "events": stage.events}
    (plan.out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    for node in stage.vantages:
        log = plan.out / "nodes" / f"{node.name}.log"
        shutil.copy(log, stage.folder(node) / "vantage_log.txt")
    shutil.rmtree(plan.out / "nodes")


def skew(plan: Plan, stage: Stage) -> dict[str, dict[str, float]]:
    """Writes the captures again, with the times of wrong clocks, which are returned."""
    begin = stage.events[0]["t"]
    clocks = draw(stage.random, [node.name for node in stage.vantages], begin)
    for node in stage.vantages:
        target = plan.out / node.name
        target.mkdir()
        for file in sorted(stage.folder(node).glob("*.pcapng")):
            rewrite(file, target / file.name, clocks[node.name])
    return {name: asdict(clock) for name, clock in clocks.items()}
