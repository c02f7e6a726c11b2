"""Who is there: emulated peers with their labels and manners, drawn from a seed.

A label is one of those of the captures in tests/data, or the name of the rule that the behaviour
asks for. Honest labels come with every cast.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from support.craft import MAINNET, request
from testbed import misdeeds as do
from testbed.peer import Manner
from testbed.world import Entry, World, entry, public_addresses

Part = tuple[str, Manner]
"""An address and how a peer there behaves. An address may come several times, with other ports."""

TESTNET = MAINNET[:-1] + b"\x11"


class Casting:
    """Addresses, times and lists as the seed gives them."""

    def __init__(self, world: World, monerods: Sequence[str]) -> None:
        self.world, self.random, self.monerods = world, world.random, monerods
        self.nets: set[str] = set()

    def net(self) -> str:
        """A /24 of the range for benchmarks (RFC 2544) that is not used yet."""
        while True:
            prefix = f"198.{self.random.choice((18, 19))}.{self.random.randrange(256)}"
            if prefix not in self.nets:
                self.nets.add(prefix)
                return prefix

    def address(self, net: str | None = None) -> str:
        return f"{net or self.net()}.{self.random.randrange(2, 254)}"

    def within(self, net: str, many: int) -> list[str]:
        return [f"{net}.{last}" for last in self.random.sample(range(2, 254), many)]

    def ids(self, many: int = 1) -> list[int]:
        return [self.random.getrandbits(64) for _ in range(many)]

    def begin(self) -> float:
        return self.random.uniform(6, 25)

    def honest(self, *labels: str, **more: object) -> Manner:
        """A standard node, listening or not."""
        given = {
            "start": self.begin(),
            "tick": (self.random.uniform(30, 60), 60.0, 1.0),
            "my_port": self.random.choice((18080, 18080, self.port())),
            **more,
        }
        return Manner(labels=("control", *labels), **given)  # type: ignore[arg-type]

    def spy(self, *labels: str, **more: object) -> Manner:
        """A peer that hides its port, as most that misbehave, and is standard otherwise."""
        return replace(self.honest(), labels=labels, **{"my_port": 0, "listens": False, **more})  # type: ignore[arg-type]

    def dialled(self, manner: Manner) -> Manner:
        """The same, but the vantage node opens the connection."""
        return replace(manner, my_port=18080, listens=True, dials=False)

    def port(self) -> int:
        return self.random.randrange(3000, 65000)

    # ---- peer lists

    def few_nets(self, nets: int, size: int) -> list[Entry]:
        """Hosts of a few /24s."""
        heads = [host.rpartition(".")[0] for host in public_addresses(self.random, nets)]
        hosts = self.random.sample(
            [f"{head}.{last}" for head in heads for last in range(1, 255)], size
        )
        return [entry(self.random, host) for host in hosts]

    def alike(self, base: Sequence[Entry], share: float) -> list[Entry]:
        """A list of as many entries that has this share of them in common with `base`."""
        kept = self.random.sample(list(base), round(len(base) * share))
        entries = kept + self.world.white_list(len(base) - len(kept))
        self.random.shuffle(entries)
        return entries

    def class_list(self) -> list[Entry]:
        """250 entries in five /24s, four to eight ports to a host."""
        entries: list[Entry] = []
        for head in [host.rpartition(".")[0] for host in public_addresses(self.random, 5)]:
            hosts = iter(self.random.sample(range(1, 255), 30))
            begun = len(entries)
            while len(entries) - begun < 50:
                host = f"{head}.{next(hosts)}"
                entries += [
                    entry(self.random, host, port)
                    for port in self.random.sample(range(1024, 65000), self.random.randint(4, 8))
                ]
            del entries[begun + 50 :]
        self.random.shuffle(entries)
        return entries

    def changed(self, **more: object) -> list[Entry]:
        """An honest list, every entry with something more."""
        return [dict(sorted({**one, **more}.items())) for one in self.world.white_list(250)]


# ---- how messages are cut


def after(offset: int) -> Callable[[int], Sequence[int]]:
    return lambda size: [offset] if size > offset else []


def pieces(each: int) -> Callable[[int], Sequence[int]]:
    return lambda size: range(each, size, each)


# ---- the casts


def controls(cast: Casting, many: int = 9) -> Iterator[Part]:
    """Honest peers; the vantage node dials some of them."""
    for number in range(many):
        manner = cast.honest(
            node={"rpc_port": ("u16", 18089)} if cast.random.random() < 0.3 else {}
        )
        yield cast.address(), cast.dialled(manner) if number % 3 == 0 else manner
    yield (
        cast.address(),
        Manner(
            labels=("ping_only",),
            my_port=0,
            start=cast.begin(),
            again=cast.random.uniform(20, 60),
            opening=do.ping_only,
        ),
    )
    yield (
        cast.address(),
        replace(
            cast.honest(),
            labels=("coalesced_messages",),
            ticks=False,
            extra=do.every(60, do.coalesced),
        ),
    )


def structure(cast: Casting) -> Iterator[Part]:
    rng, spy = cast.random, cast.spy
    omitted = {"support_flags": None}
    for number in range(4):
        omitting = spy("support_flags_omitted", node=omitted, flags=rng.choice((0, 1)))
        yield cast.address(), cast.dialled(omitting) if number % 2 else omitting
    yield (
        cast.address(),
        spy(
            "support_flags_omitted",
            "support_flags_request_unanswered",
            node=omitted,
            flags=None,
            again=rng.uniform(30, 60),
        ),
    )
    yield cast.address(), spy("support_flags_odd", node={"support_flags": rng.choice((2, 3, 255))})
    for kind in ("i64", "u64", "u32"):
        omitting = spy(
            "last_seen_sent",
            white=cast.changed(last_seen=(kind, rng.randrange(1_700_000_000, 1_790_000_000))),
            whole_list=True,
        )
        yield cast.address(), cast.dialled(omitting) if rng.random() < 0.5 else omitting
    yield (
        cast.address(),
        spy(
            "wrong_version",
            again=30,
            lasts=40,
            extra=do.every(5, do.of_version(rng.choice((0, 2, 7)))),
        ),
    )
    yield (
        cast.address(),
        spy(
            "zero_length_body", again=40, lasts=30, extra=do.every(5, do.sends(request(1002, b"")))
        ),
    )
    yield (
        cast.address(),
        spy(
            "unknown_command",
            again=60,
            lasts=60,
            extra=do.every(20, do.sends(request(rng.randrange(1100, 1900)))),
        ),
    )
    yield (
        cast.address(),
        spy(
            "oversize_length",
            again=40,
            opening=do.oversize(
                rng.choice((1002, 2003, 2008)), rng.randrange(5_000_000, 90_000_000)
            ),
        ),
    )
    yield cast.address(), spy("bad_storage", again=40, lasts=40, extra=do.every(10, do.bad_storage))
    yield cast.address(), spy("epee_types", again=30, lasts=90, extra=do.every(20, do.epee_types))
    yield cast.address(), spy("wrong_network", again=50, lasts=10, node={"network_id": TESTNET})
    for with_reset in (True, False):
        yield (
            cast.address(),
            spy(
                "garbage",
                again=45,
                opening=do.garbage(rng.randbytes(rng.randrange(1, 600)), with_reset),
            ),
        )
    yield (
        cast.address(),
        spy("garbage_after_handshake", again=40, lasts=20, extra=do.sends_raw(rng.randbytes(300))),
    )
    yield (
        cast.address(),
        spy(
            "bad_signature_later",
            again=45,
            lasts=30,
            extra=do.every(8, do.sends_raw(b"\x01\x21" + rng.randbytes(60))),
        ),
    )


def fragmentation(cast: Casting) -> Iterator[Part]:
    rng, spy = cast.random, cast.spy
    for number in range(6):
        splitting = spy("signature_only", cuts=after(8), gap=10 ** rng.uniform(-2.3, -0.2))
        yield cast.address(), cast.dialled(splitting) if number % 3 == 0 else splitting
    for _ in range(2):
        yield cast.address(), spy("header_alone", cuts=after(33), gap=10 ** rng.uniform(-2.3, -0.2))
    for each in (1, rng.randrange(3, 20), rng.randrange(20, 90)):
        yield (
            cast.address(),
            spy(
                "tiny_fragments",
                cuts=pieces(each),
                gap=rng.uniform(0.0003, 0.004),
                white=cast.world.white_list(250 if each > 1 else 60),
            ),
        )
    yield cast.address(), spy("levin_fragments", extra=do.every(25, do.in_levin_fragments))


def peer_lists(cast: Casting) -> Iterator[Part]:
    rng, spy = cast.random, cast.spy
    for number in range(7):
        narrow = spy(
            "low_diversity",
            white=cast.few_nets(rng.randrange(2, 26), rng.randrange(150, 251)),
            whole_list=rng.random() < 0.5,
        )
        yield cast.address(), cast.dialled(narrow) if number % 3 == 0 else narrow
    base = cast.world.white_list(rng.randrange(150, 251))
    for share in (1.0, 1.0, rng.uniform(0.95, 1), rng.uniform(0.85, 1), rng.uniform(0.75, 1)):
        yield (
            cast.address(),
            spy("similar_lists", white=cast.alike(base, share), whole_list=rng.random() < 0.5),
        )
    yield (
        cast.address(),
        spy(
            "oversize_peer_list",
            white=cast.world.white_list(rng.randrange(251, 600)),
            whole_list=True,
            again=40,
        ),
    )
    some = cast.world.white_list(250)
    yield cast.address(), spy("peer_list_repeats", white=some[:240] + some[:10], whole_list=True)
    private = [
        entry(rng, f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}")
        for _ in range(rng.randrange(1, 30))
    ]
    yield (
        cast.address(),
        spy("peer_list_private", white=cast.world.white_list(200) + private, whole_list=True),
    )
    yield (
        cast.address(),
        spy(
            "peer_list_bad_pruning_seed",
            white=cast.changed(pruning_seed=("u32", rng.choice((1, 383, 392, 1 << 20)))),
            whole_list=True,
        ),
    )


def identity(cast: Casting) -> Iterator[Part]:
    rng, spy = cast.random, cast.spy
    for order in ([0, 1, 0], [0, 1, 2, 0, 2]):
        ids = cast.ids(3)
        yield (
            cast.address(),
            spy(
                "peer_id_switch_back",
                ids=[ids[one] for one in order],
                lasts=rng.uniform(30, 60),
                again=3.0,
            ),
        )
    shared = cast.ids()
    for _ in range(6):
        yield cast.address(), spy("peer_id_shared", ids=shared)
    ring = cast.ids(4)
    for turn in range(3):
        ids = ring[turn:] + ring[:turn]
        members = [ids[one] for one in (0, 1, 2, 0, 2)]
        yield (
            cast.address(),
            spy(
                "peer_id_cluster",
                "peer_id_shared",
                "peer_id_switch_back",
                ids=members,
                lasts=35.0,
                again=3.0,
            ),
        )
    net = cast.net()
    all_at_once = ("subnet_saturation", "peer_id_shared", "support_flags_omitted", "signature_only")
    for address in cast.within(net, 3):
        yield (
            address,
            spy(*all_at_once, ids=shared, cuts=after(8), gap=0.1, node={"support_flags": None}),
        )
    for address in cast.within(net, 15):
        yield address, spy("subnet_saturation")
    for reserved in (0, 1):
        yield cast.address(), spy("peer_id_reserved", ids=[reserved], again=60, lasts=40)


def connections(cast: Casting) -> Iterator[Part]:
    rng, spy = cast.random, cast.spy
    for _ in range(3):
        yield (
            cast.address(),
            spy("short_lived", opening=do.quick(rng.uniform(0, 0.6)), again=rng.uniform(6, 25)),
        )
    yield cast.address(), spy("ping_flooding", extra=do.every(rng.uniform(2, 5), do.ping))
    yield cast.address(), spy("ping_flooding", extra=do.every(rng.uniform(8, 30), do.ping))
    yield cast.address(), spy("ping_flooding", extra=do.every(rng.uniform(15, 40), do.pings(3)))
    yield cast.address(), spy("ping_flooding", extra=do.every(0.3, do.pings(20), times=1))
    for interval in (rng.uniform(95, 105), rng.uniform(105, 120), rng.uniform(120, 130)):
        yield cast.address(), spy("throttled_timed_sync", tick=(8.0, interval, 2.0))
    yield cast.address(), spy("timed_sync_rapid", tick=(5.0, rng.uniform(5, 40), 1.0))
    yield (
        cast.address(),
        spy("tcp_only", opening=do.tcp_only(rng.uniform(0.1, 1)), again=rng.uniform(10, 40)),
    )
    yield cast.address(), spy("tcp_only", opening=do.tcp_only(30), again=40)
    yield (
        cast.address(),
        spy(
            "handshake_incomplete",
            opening=do.partial_handshake(lambda size: rng.randrange(9, 32), 12),
            again=50,
        ),
    )
    yield (
        cast.address(),
        spy(
            "handshake_incomplete",
            opening=do.partial_handshake(lambda size: rng.randrange(40, size - 1), 12),
            again=50,
        ),
    )
    yield cast.address(), cast.dialled(spy("handshake_incomplete", greeting=do.half_an_answer))
    yield cast.address(), cast.dialled(spy("handshake_unanswered", greeting=do.no_answer))
    yield (
        cast.address(),
        spy("handshake_reset", opening=do.reset_before_answer, again=rng.uniform(15, 40)),
    )
    yield cast.address(), spy("out_of_turn", opening=do.timed_sync_first, again=45)


def relay(cast: Casting) -> Iterator[Part]:
    spy = cast.spy
    yield cast.address(), spy("new_block_sent", extra=do.every(60, do.new_block))
    yield cast.address(), spy("fluffy_with_txs", extra=do.every(45, do.fluffy_with_txs))
    yield cast.address(), cast.dialled(spy("stem_from_acceptor", extra=do.every(40, do.stem)))
    yield cast.address(), spy("unsorted_fluff", extra=do.every(50, do.unsorted))
    yield cast.address(), spy("unsorted_fluff", extra=do.every(50, do.repeated))
    yield (
        cast.address(),
        spy("wrong_top_version", sync={"top_version": cast.random.choice((14, 15))}, again=40),
    )


def shared_clock(cast: Casting, jitter: float) -> Callable[[], Callable[[], object]]:
    """One clock for several peers: each of them waits for the same moments."""
    first = time.monotonic() + cast.random.uniform(20, 80)

    def member() -> Callable[[], object]:
        late = cast.random.uniform(0, jitter)

        async def phase() -> None:
            now = time.monotonic()
            tick = next(n for n in count() if first + 60 * n > now + 0.1)
            await asyncio.sleep(first + 60 * tick + late - now)

        return phase

    return member


def backends(cast: Casting) -> Iterator[Part]:
    """Hosts that share one node: one clock, one view of the chain, which it looks at from time
    to time.
    """
    inner = cast.ids(3)
    for size, listens, jitter in ((6, True, 0.0008), (5, False, 0.002)):
        member, poll, begun = (
            shared_clock(cast, jitter),
            cast.random.uniform(20, 45),
            time.monotonic(),
        )
        for _ in range(size):

            def looks(poll: float = poll, begun: float = begun) -> float:
                return begun + (time.monotonic() - begun) // poll * poll

            given = {"phase": member(), "looks": looks}
            if listens:
                port = cast.random.choice((18080, cast.port()))
                labels = (
                    "shared_backend",
                    "class_list",
                    "pong_id_mismatch",
                    "pong_id_shared_inner",
                )
                yield (
                    cast.address(),
                    cast.spy(
                        *labels,
                        my_port=port,
                        listens=True,
                        white=cast.class_list(),
                        whole_list=True,
                        pong=inner[0],
                        **given,
                    ),
                )
            else:
                yield cast.address(), cast.spy("shared_backend", **given)


def proxies(cast: Casting) -> Iterator[Part]:
    rng, spy = cast.random, cast.spy
    inner = cast.ids(3)
    shared = ("pong_id_mismatch", "pong_id_shared_inner")

    def port() -> int:
        return rng.choice((18080, cast.port()))

    for number in range(6):
        yield cast.address(), spy(*shared, my_port=port(), listens=True, pong=inner[number % 3])
    for _ in range(4):
        yield (
            cast.address(),
            spy(
                "pong_id_mismatch",
                "pong_id_of_honest_node",
                my_port=port(),
                listens=True,
                pong=rng.choice(cast.monerods),
            ),
        )
    for _ in range(3):
        yield (
            cast.address(),
            spy("class_list", white=cast.class_list(), whole_list=rng.random() < 0.5),
        )
    for number in range(3):
        address, truthful = cast.address(), number == 0
        for one in rng.sample(range(2000, 65000), rng.randint(4, 8)):
            labels = ("many_ports", "class_list", *(("pong_id_match",) if truthful else shared))
            yield (
                address,
                spy(
                    *labels,
                    my_port=one,
                    listens=True,
                    white=cast.class_list(),
                    whole_list=True,
                    pong=None if truthful else rng.choice(inner),
                ),
            )
    yield (
        cast.address(),
        spy(
            "several_ids_one_port",
            *shared,
            ids=cast.ids(4),
            parallel=4,
            my_port=port(),
            listens=True,
            pong=inner[1],
        ),
    )
    for _ in range(2):
        given = {"my_port": port(), "listens": True, "pong": inner[2]}
        yield (
            cast.address(),
            spy(
                "handshake_id_rotates",
                *shared,
                ids=cast.ids(30),
                lasts=rng.uniform(40, 75),
                again=6.0,
                **given,
            ),
        )
    yield cast.address(), spy("one_way_listener", my_port=18080, listens=True, ticks=False)
    yield cast.address(), cast.dialled(spy("one_way_listener", ticks=False))


def circumstances(cast: Casting) -> Iterator[Part]:
    """Honest peers whose circumstances must not be taken for misbehaviour. A filtered port is
    filtered by the code that plays the cast.
    """
    yield from (
        (cast.address(), cast.honest(label, my_port=0, listens=False))
        for label in ("no_port", "no_port")
    )
    yield from (
        (cast.address(), cast.honest(label, listens=False))
        for label in ("closed_port", "closed_port", "filtered_port")
    )
    yield cast.address(), cast.honest("unanswered_port", answers_pings=False)
    for _ in range(2):
        address = cast.address()
        yield address, cast.honest("nat_pair", my_port=18080)
        yield address, cast.honest("nat_pair", my_port=cast.port())
    for _ in range(2):
        yield (
            cast.address(),
            cast.honest(
                "restart_new_id",
                ids=cast.ids(9),
                lasts=cast.random.uniform(200, 320),
                again=cast.random.uniform(10, 30),
            ),
        )
    for _ in range(3):  # one that is dropped and comes back is the same node
        yield cast.address(), cast.honest(lasts=cast.random.uniform(110, 170), again=8.0)


def labels(parts: Sequence[Part]) -> dict[str, list[str]]:
    """By address, all labels of its peers; where it has several ports, also by address:port."""
    labels_of: dict[str, list[str]] = {}
    for address, manner in parts:
        ports = {other.my_port for place, other in parts if place == address}
        for key in (address, f"{address}:{manner.my_port}") if len(ports) > 1 else (address,):
            labels_of[key] = sorted({*labels_of.get(key, []), *manner.labels})
    return labels_of
