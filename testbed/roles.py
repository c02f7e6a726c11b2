"""Spies by role: those that only accept connections, as most real ones do, and those that only
initiate, each of which misbehaves in one way or in two. And the honest peers of the same runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import cycle, islice
from typing import Any

from support.craft import EMPTY, request
from testbed import misdeeds as do
from testbed.cast import Casting, Part, after, pieces
from testbed.cuprate import CUPRATE_TICK, as_cuprate
from testbed.peer import Manner
from testbed.world import Entry

SPIES_OF_A_ROLE = 24
NEED_COMPANY = ("pong_id_shared_inner", "similar_lists", "peer_id_shared")
"""Labels that one spy alone cannot earn."""

STANDARD_TICK = (60.0, 60.0, 1.0)
"""In a way that leaves no time for another tick, so that none is added."""

Way = tuple[str, dict[str, Any]]
"""A label, and what is not standard in the manner of one that has it."""


class Ways:
    """Ways to misbehave, drawn for one spy after the other. What several spies of a run have in
    common (an id, a list) is drawn once.
    """

    def __init__(self, cast: Casting) -> None:
        self.cast, self.random = cast, cast.random
        self.shared_id = cast.ids()
        self.inner_id = cast.ids()[0]
        self.base = cast.world.white_list(240)

    def _list(self, white: list[Entry]) -> dict[str, Any]:
        return {"white": white, "whole_list": self.random.random() < 0.5}

    def of_both(self) -> Mapping[str, Callable[[], dict[str, Any]]]:
        cast, rng = self.cast, self.random
        return {
            "support_flags_omitted": lambda: {"node": {"support_flags": None}},
            "low_diversity": lambda: self._list(cast.few_nets(rng.randrange(2, 20), 240)),
            "signature_only": lambda: {"cuts": after(8), "gap": rng.uniform(0.01, 0.3)},
            "similar_lists": lambda: self._list(cast.alike(self.base, rng.uniform(0.9, 1))),
            "peer_id_shared": lambda: {"ids": self.shared_id},
            "last_seen_sent": lambda: {
                "white": cast.changed(last_seen=("i64", rng.randrange(1_700_000_000, 1 << 31))),
                "whole_list": True,
            },
            "ping_flooding": lambda: {"extra": do.every(rng.uniform(3, 12), do.ping)},
            "header_alone": lambda: {"cuts": after(33), "gap": rng.uniform(0.01, 0.3)},
            "class_list": lambda: self._list(cast.class_list()),
            "timed_sync_rapid": lambda: {"tick": (5.0, rng.uniform(8, 35), 1.0)},
            "unknown_command": lambda: {
                "extra": do.every(20, do.sends(request(rng.randrange(1100, 1900), EMPTY)))
            },
            "tiny_fragments": lambda: {"cuts": pieces(rng.randrange(5, 60)), "gap": 0.001},
            "peer_list_bad_pruning_seed": lambda: {
                "white": cast.changed(pruning_seed=("u32", rng.choice((1, 383, 392)))),
                "whole_list": True,
            },
            "wrong_version": lambda: {"extra": do.every(25, do.of_version(rng.choice((0, 2, 7))))},
            "epee_types": lambda: {"extra": do.every(20, do.epee_types)},
            "levin_fragments": lambda: {"extra": do.every(25, do.in_levin_fragments)},
            "bad_storage": lambda: {"extra": do.every(30, do.bad_storage)},
        }

    def of_acceptors(self) -> Mapping[str, Callable[[], dict[str, Any]]]:
        return {
            **self.of_both(),
            "stem_from_acceptor": lambda: {"extra": do.every(30, do.stem)},
            "one_way_listener": lambda: {"ticks": False, "tick": STANDARD_TICK, "extra": None},
        }

    def of_initiators(self) -> Mapping[str, Callable[[], dict[str, Any]]]:
        cast, rng = self.cast, self.random
        proxied = {"my_port": 18080, "listens": True}
        return {
            **self.of_both(),
            "pong_id_shared_inner": lambda: {**proxied, "pong": self.inner_id},
            "peer_id_switch_back": lambda: {
                "ids": [(ids := cast.ids(2))[0], ids[1], ids[0]],
                "lasts": rng.uniform(30, 60),
                "again": 3.0,
                "tick": STANDARD_TICK,
            },
            "handshake_id_rotates": lambda: {
                **proxied,
                "pong": cast.ids()[0],
                "ids": cast.ids(30),
                "lasts": rng.uniform(25, 45),
                "again": 5.0,
                "tick": STANDARD_TICK,
            },
        }


def draw(ways: Mapping[str, Callable[[], dict[str, Any]]], cast: Casting) -> Iterator[list[Way]]:
    """For one spy after the other one way, or two that differ in what they change; every way comes
    in turn, those that need company first, so that they come again. Three of four spies have two.
    """
    order = cast.random.sample(list(ways), len(ways))
    order.sort(key=lambda label: label not in NEED_COMPANY)
    for number, label in enumerate(cycle(order)):
        first = ways[label]()
        chosen = [(label, first)]
        others = cast.random.sample(order, len(order))
        drawn = ((other, ways[other]()) for other in others if number % 4 and other != label)
        second = next(((other, way) for other, way in drawn if not set(way) & set(first)), None)
        yield chosen if second is None else [*chosen, second]


def spies(
    cast: Casting, ways: Mapping[str, Callable[[], dict[str, Any]]], accepts: bool
) -> Iterator[Part]:
    for chosen in islice(draw(ways, cast), SPIES_OF_A_ROLE):
        changes = {key: value for _, way in chosen for key, value in way.items()}
        manner = cast.spy(*(label for label, _ in chosen), **changes)
        yield cast.address(), cast.dialled(manner) if accepts else manner


def spies_of_both_roles(cast: Casting) -> Iterator[Part]:
    """Spies that wait until somebody connects, and spies that connect to others and at most answer
    a back-ping.
    """
    ways = Ways(cast)
    yield from spies(cast, ways.of_acceptors(), accepts=True)
    yield from spies(cast, ways.of_initiators(), accepts=False)


def bystanders(cast: Casting) -> Iterator[Part]:
    """Honest peers that are no monerods: other implementations, and what reaches the P2P port by
    accident.
    """
    rng = cast.random
    for number in range(6):
        manner = cast.honest("cuprate", written=as_cuprate, resamples=True)
        manner = replace(manner, tick=(*CUPRATE_TICK, 0.2), my_port=18080)
        yield cast.address(), cast.dialled(manner) if number % 2 else manner
    for opening in (do.tls_hello, do.tls_hello, do.after_proxy_prefix):
        label = "proxy_prefix" if opening is do.after_proxy_prefix else "tls"
        yield cast.address(), outsider(cast, label, opening, rng.uniform(40, 90))
    yield (
        cast.address(),
        replace(cast.dialled(cast.honest()), labels=("tls",), greeting=do.tls_alert),
    )
    yield cast.address(), outsider(cast, "crawler", do.quick(0.2), rng.uniform(60, 120))


def outsider(cast: Casting, label: str, opening: Any, again: float) -> Manner:
    return Manner(
        labels=(label,), my_port=0, listens=False, start=cast.begin(), again=again, opening=opening
    )
