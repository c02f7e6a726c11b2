"""Generates large captures that model a day at a Monero node, deterministic for a seed, and a
manifest of their contents.

The vantage node keeps about `peers` connections, incoming and outgoing. Each has SYN, handshake,
timed syncs in both directions every minute, relay of transactions and blocks, occasionally
synchronization, and FIN or RST. Many more connections are handshake-and-close or back-pings. The
results expected of a decoder are counted during generation.
"""

import heapq
import random
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from benchmarks import blobs, payloads
from benchmarks.blobs import Block, Transaction
from benchmarks.capturefile import CaptureFile
from benchmarks.payloads import Chain, Message
from benchmarks.peers import Host, PeerLists, Pool
from benchmarks.shares import DAY, Shares
from benchmarks.tcp import (
    MICROSECOND,
    MILLISECOND,
    PEER,
    SECOND,
    VANTAGE,
    Connection,
    Counts,
    Endpoint,
)
from benchmarks.truth import Truth

_START = 1_767_225_600 * SECOND  # 2026-01-01
_HEIGHT = 3_575_000  # blocks of the chain before the capture
_PORT = 18080
_TICK = 60 * SECOND
_VANTAGE_HOSTS = {4: ip_address("198.51.100.10"), 16: ip_address("2001:db8:10::10")}
_VANTAGE_MAC, _ROUTER_MAC = bytes.fromhex("02000a0a0a0a"), bytes.fromhex("020001010101")
_RELAY_WINDOW = 256  # transactions that are still being relayed


class _Link:
    """A connection with its peer, and what was sent on it."""

    __slots__ = ("alive", "host", "incoming", "lists", "number", "relayed", "support_flags", "tcp")

    def __init__(
        self,
        tcp: Connection,
        number: int,
        host: Host,
        incoming: bool,
        lists: tuple[PeerLists, PeerLists],
        support_flags: int,
        relayed: int,
    ) -> None:
        self.tcp = tcp
        self.number = number
        self.host = host
        self.incoming = incoming
        self.lists = lists  # by side
        self.support_flags = support_flags
        self.relayed = [relayed, relayed]  # by side: number of the next transaction it may send
        self.alive = True


@dataclass(frozen=True)
class Setting:
    """What is captured: the same setting results in the same packets."""

    seed: int = 1
    shares: Shares = field(default_factory=Shares)
    pool_size: int = 20_000
    """Hosts of the network."""
    day: int = 0
    """Of the beginning: days after 2026-01-01."""
    node: int = 0
    """Which vantage node; each has its own addresses. At most 200."""

    @property
    def start(self) -> int:
        """Nanoseconds since 1970."""
        return _START + self.day * round(DAY) * SECOND

    @property
    def hosts(self) -> dict[int, bytes]:
        """The addresses of the vantage node by their length."""
        return {length: (host + self.node).packed for length, host in _VANTAGE_HOSTS.items()}


class _Node:
    """The vantage node's day, event by event."""

    def __init__(self, capture: CaptureFile, setting: Setting) -> None:
        self.truth = Truth()
        self.counts = Counts()
        self._capture = capture
        self._start = setting.start
        self._hosts = setting.hosts
        self._shares = setting.shares
        self._rng = random.Random(setting.seed)
        self._pool = Pool(self._rng, setting.pool_size)
        self._white = self._pool.draw(1000)
        self._peer_id = self._rng.getrandbits(64)
        (self._top,) = blobs.chain(
            self._rng, self._rng.randbytes(32), _HEIGHT - 1, self._start // SECOND, [()]
        )
        self._chain = Chain(_HEIGHT, self._top.id, 520_000_000_000_000_000)
        self._transactions: list[Transaction] = []  # those under way
        self._first_transaction = 0  # number of the first of these
        self._unmined = 0  # number of the first one in no block yet
        self._links: list[_Link] = []
        self._busy: set[bytes] = set()
        self._numbers = 0
        self._client_port = 32768
        self._events: list[tuple[int, int, Callable[[int], None]]] = []
        self._event_order = 0

    # ---- the clock ----

    def run(self, size: int | None) -> None:
        """Until the capture holds about `size` bytes, or a day is over. Ends between messages."""
        shares, start = self._shares, self._start
        end = start + round(DAY) * SECOND
        for _ in range(shares.peers):
            self._at(start + int(self._rng.uniform(0, 10) * SECOND), self._join)
        self._at(start + int(self._rng.uniform(5, 60) * SECOND), self._own_tick)
        processes: list[tuple[float, Callable[[int], None]]] = [
            (shares.short, self._handshake_and_close),
            (shares.pings, self._ping_back),
            (shares.refused, self._refused),
            (shares.blocks, self._block),
            (shares.missing, self._missing),
            (shares.syncs, self._synchronise),
            (shares.complements, self._complement),
            (shares.transactions, self._relay),
        ]
        for rate, action in processes:
            self._poisson(start, rate, action)
        while size is None or self._capture.size < size:
            time, _, event = heapq.heappop(self._events)
            if size is None and time >= end:
                break
            self._capture.flush(time)
            event(time)

    def _at(self, time: int, event: Callable[[int], None]) -> None:
        self._event_order += 1
        heapq.heappush(self._events, (time, self._event_order, event))

    def _poisson(self, time: int, rate: float, action: Callable[[int], None]) -> None:
        """`action` at random times, `rate` a day."""
        if not rate:
            return

        def happen(now: int) -> None:
            action(now)
            self._at(now + int(self._rng.expovariate(rate / DAY) * SECOND) + 1, happen)

        self._at(time + int(self._rng.expovariate(rate / DAY) * SECOND), happen)

    # ---- connections ----

    def _new_link(
        self,
        host: Host,
        incoming: bool,
        at: int,
        white: PeerLists | None = None,
        port: int | None = None,
    ) -> _Link:
        rng = self._rng
        self._numbers += 1
        self._client_port = 32768 + (self._client_port - 32767) % 28232
        vantage = Endpoint(
            self._hosts[len(host.address)],
            _PORT if incoming else self._client_port,
            _VANTAGE_MAC,
        )
        peer = Endpoint(
            host.address,
            rng.randint(1024, 65535) if incoming else host.port if port is None else port,
            _ROUTER_MAC,
        )
        rtt = int(min(400.0, max(4.0, rng.lognormvariate(4.2, 0.8))) * MILLISECOND)
        tcp = Connection(
            self._capture,
            self.counts,
            rng,
            vantage,
            peer,
            rtt,
            self._shares.disorder,
            self._shares.segment,
        )
        tcp.free = at
        repeats = rng.random() < self._shares.repeating
        lists = (
            PeerLists(self._pool, self._white, False),
            white or PeerLists(self._pool, None, repeats),
        )
        relayed = self._next_transaction - rng.randint(0, 20)
        return _Link(
            tcp,
            self._numbers,
            host,
            incoming,
            lists,
            0 if rng.random() < self._shares.flagless else 1,
            max(0, relayed),
        )

    def _stranger(self) -> Host:
        """A host without a connection; each address has one connection at a time."""
        while True:
            host = self._pool.connectable(self._rng)
            if host.address not in self._busy:
                return host

    def _send(
        self, link: _Link, side: int, at: int, *messages: Message, answered: bool = False
    ) -> None:
        for message in messages:
            self.truth.add(message, side)
        data = (
            messages[0].data
            if len(messages) == 1
            else b"".join(message.data for message in messages)
        )
        link.tcp.write(side, data, at, answered)

    def _handshake(self, link: _Link, at: int, last_of_it: bool) -> None:
        """The 1001 request and response. A side that receives no support flags requests them
        (1007): the server before its own response, the client after it.
        """
        client, server = (PEER, VANTAGE) if link.incoming else (VANTAGE, PEER)
        link.tcp.open(client, at)
        free = link.tcp.free
        request = payloads.handshake_request(
            self._node_data(link, client), self._sync_data(link, client)
        )
        response = payloads.handshake_response(
            link.lists[server].first(last_of_it),
            self._node_data(link, server),
            self._sync_data(link, server),
        )
        self._send(link, client, free, request, answered=True)
        pause = self._rng.randint(200, 900) * MICROSECOND
        asks = not link.support_flags
        if asks and client == PEER:
            self._send(
                link, server, link.tcp.free + pause, payloads.SUPPORT_FLAGS_REQUEST, response
            )
        else:
            self._send(link, server, link.tcp.free + pause, response)
        if asks:
            if client == VANTAGE:
                self._send(
                    link,
                    client,
                    link.tcp.free + pause,
                    payloads.SUPPORT_FLAGS_REQUEST,
                    answered=True,
                )
            self._send(link, PEER, link.tcp.free + pause, payloads.SUPPORT_FLAGS_RESPONSE)

    def _node_data(self, link: _Link, side: int) -> bytes:
        if side == VANTAGE:
            return payloads.node_data(_PORT, self._peer_id, 0, 1)
        host = link.host
        return payloads.node_data(host.port, host.peer_id, host.rpc_port, link.support_flags)

    def _sync_data(self, link: _Link, side: int) -> bytes:
        return payloads.payload_data(self._chain, 0 if side == VANTAGE else link.host.pruning_seed)

    def _join(self, at: int) -> None:
        """A peer with a long connection. When it leaves, another one replaces it."""
        link = self._new_link(self._stranger(), self._rng.random() < 0.75, at)
        self._busy.add(link.host.address)
        self._handshake(link, at, last_of_it=False)
        self._links.append(link)
        self._at(
            at + int(self._rng.uniform(0, 61) * SECOND) + SECOND,
            lambda now: self._peer_tick(link, now),
        )
        self._at(
            at + int((5 + self._rng.expovariate(1 / self._shares.lifetime)) * SECOND),
            lambda now: self._leave(link, now),
        )

    def _leave(self, link: _Link, at: int) -> None:
        link.alive = False
        self._links.remove(link)
        self._end(link, at)
        self._at(link.tcp.free + SECOND, lambda _: self._busy.discard(link.host.address))
        self._at(link.tcp.free + int(self._rng.uniform(0.1, 2) * SECOND), self._join)

    def _end(self, link: _Link, at: int) -> None:
        side = VANTAGE if self._rng.random() < 0.5 else PEER
        if self._rng.random() < 0.3:
            link.tcp.reset(side, at)
        else:
            link.tcp.close(side, at)

    def _handshake_and_close(self, at: int) -> None:
        host = self._stranger()
        link = self._new_link(host, self._rng.random() < 0.6, at)
        self._handshake(link, at, last_of_it=True)
        self._end(link, link.tcp.free + self._rng.randint(1, 300) * MILLISECOND)

    def _ping_back(self, at: int) -> None:
        link = self._new_link(self._stranger(), False, at)
        link.tcp.open(VANTAGE, at)
        self._send(link, VANTAGE, link.tcp.free, payloads.PING_REQUEST, answered=True)
        self._send(
            link, PEER, link.tcp.free + MILLISECOND, payloads.ping_response(link.host.peer_id)
        )
        link.tcp.close(VANTAGE, link.tcp.free + MILLISECOND)

    def _refused(self, at: int) -> None:
        incoming = self._rng.random() < 0.2
        link = self._new_link(self._stranger(), incoming, at)
        link.tcp.refuse(PEER if incoming else VANTAGE, at)

    # ---- timed sync ----

    def _own_tick(self, at: int) -> None:
        """The node sends a request to all peers at once. Some writes also contain messages that
        waited for the same connection.
        """
        for link in self._links:
            request = payloads.sync_request(self._sync_data(link, VANTAGE))
            with_it = (self._next_transactions(link, VANTAGE),) if self._rng.random() < 0.05 else ()
            self._send(link, VANTAGE, at, *with_it, request, answered=True)
            response = payloads.sync_response(
                link.lists[PEER].next(self._rng), self._sync_data(link, PEER)
            )
            with_it = (self._next_transactions(link, PEER),) if self._rng.random() < 0.05 else ()
            self._send(link, PEER, link.tcp.free + MILLISECOND, response, *with_it)
        self._at(at + _TICK + int(self._rng.random() * SECOND), self._own_tick)

    def _peer_tick(self, link: _Link, at: int) -> None:
        if not link.alive:
            return
        self._send(
            link, PEER, at, payloads.sync_request(self._sync_data(link, PEER)), answered=True
        )
        response = payloads.sync_response(
            link.lists[VANTAGE].next(self._rng), self._sync_data(link, VANTAGE)
        )
        self._send(link, VANTAGE, link.tcp.free + 300 * MICROSECOND, response)
        self._at(
            at + _TICK + int(self._rng.random() * SECOND), lambda now: self._peer_tick(link, now)
        )

    # ---- relay ----

    @property
    def _next_transaction(self) -> int:
        """The number of the next transaction."""
        return self._first_transaction + len(self._transactions)

    def _next_transactions(self, link: _Link, side: int) -> Message:
        """The next transactions that this side relays. Each transaction is sent once per
        connection: even numbers in one direction, odd numbers in the other, alternating from peer
        to peer.
        """
        draw = self._rng.random()
        single = self._shares.single
        few = single + (1 - single) * 2 / 3
        count = 1 if draw < single else 2 if draw < few else self._rng.randint(3, 6)
        number = max(link.relayed[side], self._first_transaction)
        number += (number + link.number + side) % 2
        relayed = []
        for _ in range(count):
            while number >= self._next_transaction:
                self._transactions.append(blobs.transaction(self._rng, self._shares.smallest))
            relayed.append(self._transactions[number - self._first_transaction].blob)
            number += 2
        link.relayed[side] = number
        if len(self._transactions) > 2 * _RELAY_WINDOW:
            del self._transactions[:_RELAY_WINDOW]
            self._first_transaction += _RELAY_WINDOW
        stem = side == (PEER if link.incoming else VANTAGE) and self._rng.random() < 0.05
        return payloads.new_transactions(relayed, not stem)

    def _somebody(self) -> _Link | None:
        return self._rng.choice(self._links) if self._links else None

    def _relay(self, at: int) -> None:
        if link := self._somebody():
            side = VANTAGE if self._rng.random() < 0.5 else PEER
            self._send(link, side, at, self._next_transactions(link, side))

    def _block(self, at: int) -> None:
        """Relays a new block on all connections, on some in both directions."""
        rng, chain = self._rng, self._chain
        (self._top,) = blobs.chain(
            rng, chain.top_id, chain.height, at // SECOND, [self._mined(rng.randint(15, 120))]
        )
        self._chain = Chain(chain.height + 1, self._top.id, chain.difficulty + 600_000_000_000)
        message = payloads.fluffy_block(self._top.blob, (), self._chain.height)

        def cross(link: _Link, side: int) -> Callable[[int], None]:
            return lambda now: self._send(link, side, now, message) if link.alive else None

        for link in self._links:
            side = rng.randrange(2)
            times = self._shares.blocks_per_peer
            if rng.random() < times:
                self._at(at + int(rng.expovariate(4) * SECOND), cross(link, side))
            if rng.random() < times - 1:
                self._at(at + int(rng.expovariate(4) * SECOND), cross(link, 1 - side))

    def _mined(self, count: int) -> list[Transaction]:
        """Up to `count` of the transactions under way, the oldest of those in no block yet."""
        start = max(self._unmined - self._first_transaction, 0)
        mined = self._transactions[start : start + count]
        self._unmined = self._first_transaction + start + len(mined)
        return mined

    def _missing(self, at: int) -> None:
        """2009 for transactions of the last block, 2008 with them."""
        link, block = self._somebody(), self._top
        if link is None or not block.transactions:
            return
        rng, height = self._rng, self._chain.height
        asks, listed = rng.randrange(2), len(block.transactions)
        indices = sorted(rng.sample(range(listed), min(listed, rng.randint(1, 8))))
        self._send(
            link, asks, at, payloads.fluffy_missing(block.id, height, indices), answered=True
        )
        answer = payloads.fluffy_block(
            block.blob, [block.transactions[index].blob for index in indices], height
        )
        self._send(link, 1 - asks, link.tcp.free + MILLISECOND, answer)

    def _complement(self, at: int) -> None:
        """2010 with the ids of a pool, and 2002 with the missing transactions. These are the only
        ids that are not hashes.
        """
        if link := self._somebody():
            rng = self._rng
            asks = rng.randrange(2)
            self._send(
                link,
                asks,
                at,
                payloads.txpool_complement(_random_ids(rng, rng.randint(0, 200))),
                answered=True,
            )
            lacking = [blobs.transaction(rng).blob for _ in range(rng.randint(1, 20))]
            self._send(
                link,
                1 - asks,
                link.tcp.free + MILLISECOND,
                payloads.new_transactions(lacking, False),
            )

    def _synchronise(self, at: int) -> None:
        """One side synchronizes: the chain, then blocks twice. The blocks belong to this
        synchronization only, on top of a block that is not in the capture.
        """
        link = self._somebody()
        if link is None:
            return
        rng, chain, step = self._rng, self._chain, self._shares.sync_blocks
        asks = rng.randrange(2)
        count = rng.randint(20, 2000)
        blocks = self._old_blocks(chain.height - count, 2 * step)
        ids = [block.id for block in blocks] + _random_ids(rng, count - len(blocks))
        entry = payloads.chain_entry(
            blocks[0].blob,
            ids,
            [rng.randint(30_000, 300_000) for _ in ids],
            chain.height - count,
            chain,
        )
        self._send(link, asks, at, payloads.chain_request(_random_ids(rng, 32)), answered=True)
        self._send(link, 1 - asks, link.tcp.free + MILLISECOND, entry)
        for some in (blocks[:step], blocks[step:]):
            self._send(
                link,
                asks,
                link.tcp.free + MILLISECOND,
                payloads.get_objects([block.id for block in some]),
                answered=True,
            )
            bodies = [(block.blob, [one.blob for one in block.transactions]) for block in some]
            self._send(
                link, 1 - asks, link.tcp.free + MILLISECOND, payloads.objects(bodies, chain.height)
            )

    def _old_blocks(self, height: int, count: int) -> list[Block]:
        """Blocks from before the capture."""
        rng = self._rng
        bodies = [[blobs.transaction(rng) for _ in range(rng.randint(0, 25))] for _ in range(count)]
        return blobs.chain(
            rng,
            rng.randbytes(32),
            height,
            self._start // SECOND - blobs.BLOCK_TIME * (_HEIGHT - height),
            bodies,
        )


def _random_ids(rng: random.Random, count: int) -> list[bytes]:
    return [rng.randbytes(32) for _ in range(count)]


def generate(
    path: Path,
    size: int,
    seed: int = 1,
    shares: Shares | None = None,
    pool_size: int = 20_000,
    blobs_path: Path | None = None,
) -> dict[str, Any]:
    """Writes a capture of about `size` bytes (never less) and returns its manifest. `blobs_path`
    gets its blobs, each once: u32 length, bytes.
    """
    setting = Setting(seed, shares or Shares(), pool_size)
    with CaptureFile(path) as capture:
        node = _generated(capture, size, setting)
    if blobs_path:
        with blobs_path.open("wb") as file:
            file.writelines(
                struct.pack("<I", len(blob)) + blob
                for blob in (*node.truth.distinct_transactions, *node.truth.distinct_blocks)
            )
    return _manifest(capture, node, setting)


def generate_ring(
    path: Path, size: int | None, file_bytes: int, setting: Setting
) -> dict[str, Any]:
    """Writes a capture of about `size` bytes, or of a day if None, as a ring: files of about
    `file_bytes` with a number after the name of `path`. Returns its manifest.
    """
    with CaptureFile(path, file_bytes) as capture:
        node = _generated(capture, size, setting)
    return _manifest(capture, node, setting)


def _generated(capture: CaptureFile, size: int | None, setting: Setting) -> _Node:
    if setting.pool_size < 10 * setting.shares.peers + 300:
        raise ValueError(
            f"a pool of {setting.pool_size} hosts is too small for {setting.shares.peers} peers"
        )
    node = _Node(capture, setting)
    node.run(size)
    return node


def _manifest(capture: CaptureFile, node: _Node, setting: Setting) -> dict[str, Any]:
    truth = node.truth
    rows = [
        {"command": command, "kind": kind, "direction": direction, "messages": count}
        for (command, kind, direction), count in sorted(truth.messages.items())
    ]
    commands: Counter[int] = Counter()
    for (command, _, _), count in truth.messages.items():
        commands[command] += count
    # what a command's messages give rows of: 1001 both ways and the responses to 1003 and 1007;
    # payload_data in 1001 and 1002
    responses = sum(
        n
        for (c, kind, _), n in truth.messages.items()
        if kind == "response" and c in (payloads.PING, payloads.SUPPORT_FLAGS)
    )
    return {
        "seed": setting.seed,
        "pool": setting.pool_size,
        "shares": asdict(setting.shares),
        "hosts": [str(ip_address(host)) for host in setting.hosts.values()],
        "file_bytes": capture.size,
        "packets": capture.packets,
        "packet_bytes": capture.bytes,
        "tcp": asdict(node.counts),
        "messages": sum(commands.values()),
        "messages_by_command": {str(command): count for command, count in sorted(commands.items())},
        "messages_by_kind": rows,
        "message_payload_bytes": truth.payload_bytes,
        "peer_list_entries": truth.peer_entries,
        "peer_lists_of_250": truth.full_lists,
        "peer_lists_empty": truth.empty_lists,
        "node_data": commands[payloads.HANDSHAKE] + responses,
        "sync_data": commands[payloads.HANDSHAKE] + commands[payloads.TIMED_SYNC],
        "transactions": truth.transactions,
        "distinct_transactions": len(truth.distinct_transactions),
        "distinct_transaction_bytes": sum(map(len, truth.distinct_transactions)),
        "blocks": truth.blocks,
        "distinct_blocks": len(truth.distinct_blocks),
        "distinct_block_bytes": sum(map(len, truth.distinct_blocks)),
        "inventories": truth.inventories,
    }
