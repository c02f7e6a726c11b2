"""An emulated peer: it speaks Levin with monerods as a standard node does, but for what its manner
says.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from monerotraffic import epee
from support import craft
from support.craft import node_data, request, response
from testbed.network import Network
from testbed.world import Entry, World

HEADER = struct.Struct("<8sQBIiII")
TICK = 60.0
"""P2P_DEFAULT_HANDSHAKE_INTERVAL."""

Extra = Callable[["Talk"], Awaitable[None]]


@dataclass
class Manner:
    """How a peer behaves; the defaults are those of a standard node."""

    labels: Sequence[str] = ("control",)
    ids: Sequence[int] = ()
    """Peer ids of its sessions, in turn; the first again after the last."""
    my_port: int = 18080
    listens: bool = True
    dials: bool = True
    """Whether it connects to the vantage node by itself."""
    start: float = 5.0
    lasts: float = 1e9
    """Seconds of a session."""
    again: float | None = None
    """Seconds between the end of a session and the next one; None: the session is the last."""
    cuts: Callable[[int], Sequence[int]] = lambda size: ()
    """Offsets at which a message of some bytes is cut into several writes."""
    gap: float = 0.0
    """Seconds between these."""
    node: dict[str, Any] = field(default_factory=dict)
    """Of its node_data, what is not standard."""
    sync: dict[str, Any] = field(default_factory=dict)
    """Of its payload_data, what is not standard."""
    flags: int | None = 1
    """What it answers to 1007; None: nothing."""
    white: list[Entry] | None = None
    """The list that its peer lists are drawn from, 250 at a time and none twice on a connection;
    None: one by chance.
    """
    whole_list: bool = False
    """All of `white` in each response instead."""
    tick: tuple[float, float, float] = (TICK, TICK, 1.0)
    """Seconds to its first 1002, between them, and how much by chance more."""
    phase: Callable[[], Awaitable[None]] | None = None
    """Waits for the next tick, instead of `tick`; peers may share one."""
    ticks: bool = True
    pong: int | str | None = None
    """The id that it answers pings with, or the address of the monerod whose id that is; None: that
    of its session.
    """
    answers_pings: bool = True
    written: Callable[[dict[str, Any]], dict[str, Any]] = dict
    """How it writes a section, given monerod's."""
    resamples: bool = False
    """Whether an entry may come again on a connection."""
    looks: Callable[[], float] | None = None
    """When it last looked at the chain; None: some seconds ago, which differ from peer to peer."""
    parallel: int = 1
    """Sessions at the same time, each with the next id."""
    extra: Extra | None = None
    """What else it does on a connection after the handshake."""
    opening: Extra | None = None
    """What it does on a connection that it opened instead of all of the above."""
    greeting: Extra | None = None
    """The same for one that it accepted."""


class Message(NamedTuple):
    expects: int
    command: int
    flags: int
    body: bytes


class Talk:
    """One connection of a peer."""

    def __init__(
        self,
        one: Peer,
        peer_id: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        incoming: bool,
    ) -> None:
        self.one, self.manner, self.world = one, one.manner, one.world
        self.peer_id, self.reader, self.writer, self.incoming = peer_id, reader, writer, incoming
        self.handshaken = asyncio.Event()
        self.writing = asyncio.Lock()
        self.unsent: list[Entry] = one.fresh_list()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ends = {
            "lport": sock.getsockname()[1],
            "rip": sock.getpeername()[0],
            "rport": sock.getpeername()[1],
            "incoming": incoming,
        }

    async def send(self, *buckets: bytes) -> None:
        """Whole buckets, written in the peer's manner; several as if they were one."""
        for bucket in buckets:
            _, length, _, command, code, flags, _ = HEADER.unpack_from(bucket)
            self.world.note(
                self.one.address,
                "sent",
                command=command,
                flags=flags,
                len=length,
                rc=code,
                **self.ends,
            )
        data = b"".join(buckets)
        edges = [0, *self.manner.cuts(len(data)), len(data)]
        async with self.writing:
            for begin, end in pairwise(edges):
                if begin and self.manner.gap:
                    await asyncio.sleep(self.manner.gap)
                await self.raw(data[begin:end])

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self) -> Message:
        _, length, expects, command, _, flags, _ = HEADER.unpack(
            await self.reader.readexactly(HEADER.size)
        )
        return Message(expects, command, flags, await self.reader.readexactly(length))

    def sync_data(self) -> dict[str, Any]:
        looked = (
            time.monotonic() - self.one.lag if self.manner.looks is None else self.manner.looks()
        )
        return self.world.chain.at(looked).data(**self.manner.sync)

    def node_data(self) -> dict[str, Any]:
        return node_data(
            **{"peer_id": self.peer_id, "my_port": self.manner.my_port, **self.manner.node}
        )

    def peers(self) -> list[Entry]:
        if self.manner.whole_list:
            return list(self.unsent)
        if self.manner.resamples:
            return self.one.random.sample(self.unsent, min(250, len(self.unsent)))
        count = min(250, len(self.unsent))
        entries, self.unsent = self.unsent[:count], self.unsent[count:]
        return entries

    def body(self, **fields: Any) -> bytes:
        """A payload in the peer's own way of writing."""
        return craft.epee(self.manner.written(fields))

    def peers_field(self) -> dict[str, Any]:
        """The peer list of a response, if there is any."""
        peers = self.peers()
        return {"local_peerlist_new": peers} if peers else {}

    async def handshake(self) -> None:
        body = self.body(node_data=self.node_data(), payload_data=self.sync_data())
        await self.send(request(1001, body))

    async def shake_hands(self) -> None:
        """The handshake, to the answer; what else comes before it is passed over."""
        await self.handshake()
        while (await self.receive()).command != 1001:
            pass

    async def timed_sync(self) -> None:
        await self.send(request(1002, self.body(payload_data=self.sync_data())))

    async def ping(self) -> None:
        await self.send(request(1003))

    async def converse(self) -> None:
        """Until the other end closes: its requests are answered."""
        while True:
            came = await self.receive()
            if came.flags & 2:
                if came.command == 1001:
                    self.handshaken.set()
            elif came.expects:
                await self.answer(came)
            elif came.command == 2002:
                self.world.blobs |= dict.fromkeys(transactions_in(came.body))
            elif came.command == 2008:
                self.world.blocks[came.body] = None

    async def answer(self, came: Message) -> None:
        if came.command == 1001:
            body = self.body(
                **self.peers_field(), node_data=self.node_data(), payload_data=self.sync_data()
            )
            await self.send(response(1001, body))
            self.handshaken.set()
        elif came.command == 1002:
            body = self.body(**self.peers_field(), payload_data=self.sync_data())
            await self.send(response(1002, body))
        elif came.command == 1003 and self.manner.answers_pings:
            pong = self.body(peer_id=("u64", self.pong_id()), status=b"OK")
            await self.send(response(1003, pong))
        elif came.command == 1007 and self.manner.flags is not None:
            await self.send(response(1007, craft.support_flags_response(self.manner.flags)))

    def pong_id(self) -> int:
        pong = self.manner.pong
        return (
            self.peer_id
            if pong is None
            else self.world.known_ids[pong]
            if isinstance(pong, str)
            else pong
        )

    async def keep_time(self) -> None:
        """Its timed sync."""
        wait, between, more = self.manner.tick
        await self.handshaken.wait()
        while self.manner.ticks:
            if self.manner.phase is not None:
                await self.manner.phase()
            else:
                await asyncio.sleep(wait + self.one.random.uniform(0, more))
            wait = between
            await self.timed_sync()

    async def misbehave(self) -> None:
        if self.manner.extra is not None:
            await self.handshaken.wait()
            await self.manner.extra(self)


def transactions_in(body: bytes) -> list[bytes]:
    """The blobs of a 2002, as they were sent."""
    return [bytes(blob) for blob in epee.loads(body).get("txs", [])]


@dataclass
class Peer:
    """One endpoint: an address, a listening port, a manner."""

    address: str
    manner: Manner
    world: World
    network: Network
    target: str
    host: str = "peers"
    sessions: int = 0
    server: asyncio.Server | None = None

    def __post_init__(self) -> None:
        self.random = random.Random(self.world.random.getrandbits(64))
        self.ids = list(self.manner.ids) or [self.random.getrandbits(64)]
        self.lag = self.random.uniform(0.2, 5)
        self.white = self.world.white_list() if self.manner.white is None else self.manner.white

    def fresh_list(self) -> list[Entry]:
        return (
            list(self.white)
            if self.manner.whole_list
            else self.random.sample(self.white, len(self.white))
        )

    @property
    def current_id(self) -> int:
        return self.ids[max(self.sessions - 1, 0) % len(self.ids)]

    async def live(self) -> None:
        """Its whole life but for listening; cancelled in the end."""
        await asyncio.sleep(self.manner.start)
        if self.manner.dials:
            await asyncio.gather(
                *(self.call(2.5 * number) for number in range(self.manner.parallel))
            )

    async def call(self, after: float) -> None:
        """One session after the other."""
        await asyncio.sleep(after)
        while True:
            self.sessions += 1
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                await asyncio.wait_for(self.dial(), self.manner.lasts)
            if self.manner.again is None:
                break
            await asyncio.sleep(self.manner.again)

    async def listen(self) -> None:
        """Accepts connections from now on, if that is its manner."""
        if not (self.manner.listens and self.manner.my_port):
            return
        sock = self.network.socket(self.host)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address, self.manner.my_port))
        self.server = await asyncio.start_server(self.accept, sock=sock)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(self, self.current_id, reader, writer, incoming=True)
        self.world.note(self.address, "accepted", **talk.ends)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self.hold(talk, self.manner.greeting)

    async def dial(self) -> None:
        sock = self.network.socket(self.host)
        sock.setblocking(False)
        sock.bind((self.address, 0))
        try:
            await asyncio.wait_for(
                asyncio.get_running_loop().sock_connect(sock, (self.target, 18080)), 5
            )
        except BaseException:
            sock.close()
            raise
        reader, writer = await asyncio.open_connection(sock=sock)
        talk = Talk(self, self.current_id, reader, writer, incoming=False)
        self.world.note(self.address, "connected", **talk.ends)
        await self.hold(talk, self.manner.opening)

    async def hold(self, talk: Talk, other: Extra | None) -> None:
        """A connection from beginning to end."""
        tasks: list[asyncio.Task[None]] = []
        try:
            if other is not None:
                await other(talk)
                return
            if not talk.incoming:
                await talk.handshake()
            tasks = [asyncio.create_task(part) for part in (talk.keep_time(), talk.misbehave())]
            await talk.converse()
        finally:
            for task in tasks:
                task.cancel()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, Exception) and not isinstance(ended, OSError):
                    raise ended
            talk.writer.close()


def reset(talk: Talk) -> None:
    """The connection ends with a RST."""
    talk.writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    talk.writer.transport.abort()


async def drain(talk: Talk, seconds: float) -> None:
    """Reads and forgets, for some time or to the end."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(talk.reader.read(-1), seconds)
