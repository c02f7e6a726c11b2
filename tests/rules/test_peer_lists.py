"""Rules on single peer lists and their entries, and the labelled captures."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import monerotraffic as mt
from monerotraffic.rules import RULES, evaluate, find_anomalies
from monerotraffic.rules.peer_lists import _fifth_without
from support import craft, truth
from support.conversation_builder import HOST, Peer, listed, many, session, visit
from support.craft import CLIENT, SERVER, Connection
from support.rule_captures import with_ports

PEER_LISTS = [rule for rule in RULES.values() if rule.family == "peer_lists"]


NAMES = [rule.name for rule in PEER_LISTS]


FLAGGING = {rule.name for rule in PEER_LISTS if rule.weight != "context"}


def clustered(hosts: int, subnets: int) -> list[Peer]:
    """So many hosts, spread over so many /24s."""
    return [(f"20.0.{number % subnets}.{number // subnets}", 18080) for number in range(hosts)]


# ---------------------------------------------------------------- diversity


def test_low_diversity(flagged: Callable[..., set[str]]) -> None:
    talks = [
        session("192.0.2.1", clustered(250, 2), number=1),
        session("192.0.2.2", clustered(100, 24), number=2, at=100),
        session("192.0.2.3", clustered(100, 25), number=3, at=200),  # a quarter: no longer
        session("192.0.2.4", many(250), number=4, at=300),
        session("192.0.2.5", clustered(99, 1), number=5, at=400),  # too short to tell
        # too few hosts to tell
        session(
            "192.0.2.6",
            [(f"20.0.0.{number % 49}", 1000 + number) for number in range(100)],
            number=6,
            at=500,
        ),
        session(
            "192.0.2.7",
            [(f"20.0.0.{number % 50}", 1000 + number) for number in range(100)],
            number=7,
            at=600,
        ),
        session(
            "192.0.2.8",
            [(f"2001:db8:0:1::{number:x}", 18080) for number in range(1, 251)],
            number=8,
            at=700,
        ),
        session(
            "192.0.2.9",
            [
                (
                    "a" * 50 + f"{number:06}".translate(str.maketrans("0189", "bcde")) + ".onion",
                    18083,
                )
                for number in range(100)
            ],
            number=9,
            at=800,
        ),
    ]
    assert flagged("peer_list_low_diversity", talks) == {
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.7",
        "192.0.2.8",
    }
    assert flagged("peer_list_low_diversity", talks, "arxiv-v1") == {"192.0.2.1", "192.0.2.8"}
    assert flagged("peer_list_low_diversity", talks, max_diversity=0.26) == {
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
        "192.0.2.7",
        "192.0.2.8",
    }


def white_list(number: int, share: float, entries: int = 250) -> list[Peer]:
    """A sample of a white list of which an operator with twenty /24s owns this share."""
    draw = random.Random(number)
    dense = [f"20.0.{net}.{host}" for net in range(20) for host in range(1, 251)]
    owned = round(share * entries)
    others = {f"{draw.randrange(30, 99)}.{draw.randrange(256)}.{draw.randrange(256)}.7": None}
    while len(others) < entries - owned:
        others[f"{draw.randrange(30, 99)}.{draw.randrange(256)}.{draw.randrange(256)}.7"] = None
    hosts = [*draw.sample(dense, owned), *list(others)[: entries - owned]]
    return [(host, 18080) for host in hosts]


@pytest.mark.parametrize("shares", [[0.6], [0.75], [0.82], [0.9], [0.6, 0.75, 0.82, 0.9]])
def test_white_lists_that_one_operator_fills_are_not_flagged(
    shares: list[float], flagged: Callable[..., set[str]]
) -> None:
    honest = [
        session(
            f"192.0.{number}.1",
            white_list(number, shares[number % len(shares)]),
            number=number,
            at=10 * number,
        )
        for number in range(20)
    ]
    assert flagged("peer_list_low_diversity", honest) == set()
    spies = [
        session(f"192.1.{number}.1", white_list(number, 1.0), number=number, at=10 * number)
        for number in range(20, 23)
    ]
    assert flagged("peer_list_low_diversity", [*honest, *spies]) == {
        "192.1.20.1",
        "192.1.21.1",
        "192.1.22.1",
    }


@pytest.mark.parametrize("later", [2 * 3600, 5 * 86400])
def test_lists_are_compared_with_those_of_the_same_time(
    later: float, flagged: Callable[..., set[str]]
) -> None:
    """An operator takes over nine tenths of the network's endpoints, two hours or five days after
    the first lists: the honest lists change with the network, and a list of the operator's
    endpoints with a few others is further from it than they are.
    """
    talks = [
        session(
            f"192.{era}.{number}.1",
            white_list(100 * era + number, share),
            number=20 * era + number,
            at=era * later + 10 * number,
        )
        for era, share in enumerate((0.0, 0.9))
        for number in range(10)
    ]
    assert flagged("peer_list_low_diversity", talks) == set()
    assert len(flagged("peer_list_low_diversity", talks, periods_h=())) == 10  # all of the second
    spy = session("192.2.7.1", white_list(7, 0.98), number=50, at=later + 200)
    assert flagged("peer_list_low_diversity", [*talks, spy]) == {"192.2.7.1"}


@pytest.mark.parametrize("spies", [6, 10, 14])
@pytest.mark.parametrize("share", [0.0, 0.6, 0.9])
def test_spies_among_the_senders_are_found_whatever_their_share(
    spies: int, share: float, flagged: Callable[..., set[str]]
) -> None:
    """30, 50 or 70 % of the senders send lists of one operator, with a few hosts of others."""
    talks = [
        session(
            f"192.{number < spies:d}.{number}.1",
            white_list(number, 0.99 if number < spies else share),
            number=number,
            at=10 * number,
        )
        for number in range(20)
    ]
    assert flagged("peer_list_low_diversity", talks) == {
        f"192.1.{number}.1" for number in range(spies)
    }


def test_published_variants_of_diversity(flagged: Callable[..., set[str]]) -> None:
    talks = [
        session("192.0.2.1", clustered(250, 24), number=1),
        session("192.0.2.2", clustered(225, 11), number=2, at=100),
        session("192.0.2.3", clustered(224, 1), number=3, at=200),
        session("192.0.2.4", clustered(249, 13), number=4, at=300),
    ]
    assert flagged("peer_list_low_diversity", talks, "arxiv-v1") == {"192.0.2.1"}
    assert flagged("peer_list_low_diversity", talks, "aft-2026") == {"192.0.2.2"}


def test_a_list_with_a_hole_is_no_short_list(flagged: Callable[..., set[str]]) -> None:
    """Of 250 diverse entries only the first segment, with hosts of one subnet, was captured."""
    talk = Connection(("192.0.2.1", 40000), (HOST, 18080)).open()
    talk.send(CLIENT, craft.request(1001, craft.handshake_request()))
    talk.send(SERVER, craft.response(1001, craft.handshake_response()))
    talk.send(SERVER, craft.request(1002, craft.timed_sync_request()))
    message = talk.send(
        CLIENT, craft.response(1002, craft.timed_sync_response(listed(*clustered(250, 1))))
    )
    for packet in message[1:]:
        talk.packets.remove(packet)
    talk.close()
    for rule in NAMES:
        assert flagged(rule, [talk]) == set()


# ---------------------------------------------------------------- single entries


def test_oversized(flagged: Callable[..., set[str]]) -> None:
    talks = [
        session("192.0.2.1", many(250), number=1),
        session("192.0.2.2", many(251), number=2, at=100),
        session("192.0.2.3", many(250), many(250, 250), number=3, at=200),
        visit("192.0.2.4", many(300), at=400),
    ]
    assert flagged("peer_list_oversized", talks) == {"192.0.2.2", "192.0.2.4"}


def test_repeats(flagged: Callable[..., set[str]]) -> None:
    talks = [
        session("192.0.2.1", many(5), many(5), number=1),
        session("192.0.2.2", many(5), many(5, 5), number=2, at=200),
        session("192.0.2.2", many(5), number=3, at=400),  # again, but on a connection of its own
        session("192.0.2.3", many(5), many(5, port=9), number=4, at=600),
        visit("192.0.2.4", many(5), many(1, 4), at=800),
        session("192.0.2.5", [*many(2), *many(1)], number=5, at=1000),
    ]
    # of the senders of several lists two of four repeat: it says nothing of one of them
    assert flagged("peer_list_repeats", talks) == {"192.0.2.5"}
    others = [
        session(f"192.0.3.{number}", many(5), many(5, 5), number=number, at=1200 + 200 * number)
        for number in range(6, 12)
    ]
    assert flagged("peer_list_repeats", [*talks, *others]) == {
        "192.0.2.1",
        "192.0.2.4",
        "192.0.2.5",
    }


def test_one_host_many_ports(flagged: Callable[..., set[str]]) -> None:
    class_list: list[Peer] = [
        (f"20.0.{host % 5}.{host}", 1000 + port) for host in range(50) for port in range(5)
    ]
    talks = [
        session("192.0.2.1", class_list, number=1),
        # a quarter of the hosts: NAT, and hosts that spies run
        session("192.0.2.2", with_ports(200, 50), number=2, at=100),
        session("192.0.2.3", with_ports(67, 33), number=3, at=200),  # 100 entries, just below half
        session("192.0.2.4", with_ports(68, 34), number=4, at=300),
        # a small white list with NAT pairs, as monerod's in the lab
        session("192.0.2.5", with_ports(10, 10), number=5, at=400),
        # v4-mapped twins
        session(
            "192.0.2.6",
            [*many(100), *((f"::ffff:20.0.{number}.1", 18080) for number in range(100))],
            number=6,
            at=500,
        ),
        # the second port in another list
        session("192.0.2.7", many(100), many(100, port=28080), number=7, at=600),
    ]
    assert flagged("peer_list_one_host_many_ports", talks) == {"192.0.2.1", "192.0.2.4"}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "0.0.0.0",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "a" * 56 + ".onion",
        "a" * 52 + ".b32.i2p",
    ],
)
def test_private(host: str, flagged: Callable[..., set[str]]) -> None:
    assert flagged(
        "peer_list_private",
        [
            session("192.0.2.1", [*many(3), (host, 18080)]),
            session("192.0.2.2", many(3), number=2, at=100),
        ],
    ) == {"192.0.2.1"}


def test_not_private(flagged: Callable[..., set[str]]) -> None:
    hosts = [
        "172.32.0.1",
        "172.15.0.1",
        "11.0.0.1",
        "192.0.2.9",
        "198.18.0.1",
        "100.64.0.1",
        "2001:db8::1",
        "::ffff:20.0.0.1",
    ]
    assert (
        flagged("peer_list_private", [session("192.0.2.1", [(host, 18080) for host in hosts])])
        == set()
    )


def test_port_0_and_entries_without_address(flagged: Callable[..., set[str]]) -> None:
    odd = craft.peer("20.0.0.1", 18080, 7)
    odd["adr"]["type"] = ("u8", 0)
    talks = [
        session("192.0.2.1", [("20.0.0.1", 0)]),
        session("192.0.2.2", [*many(2), odd], number=2, at=100),
    ]
    assert flagged("peer_list_private", talks) == {"192.0.2.1", "192.0.2.2"}


def test_private_hosts_are_normal_where_peers_are_private(flagged: Callable[..., set[str]]) -> None:
    talks = [
        session("10.0.0.5", [("10.0.0.6", 18080)]),
        session("192.0.2.2", [("10.0.0.7", 18080)], number=2, at=100),
        session("192.0.2.3", [("10.0.0.7", 0)], number=3, at=200),
    ]
    assert flagged("peer_list_private", talks) == {"192.0.2.3"}
    assert flagged("peer_list_private", talks[1:]) == {"192.0.2.2", "192.0.2.3"}


@pytest.mark.parametrize(
    ("seed", "bad"),
    [
        (None, False),
        (0, False),
        (384, False),
        (391, False),
        (383, True),
        (392, True),
        (1, True),
        (1 << 31, True),
    ],
)
def test_pruning_seed(seed: int | None, bad: bool, flagged: Callable[..., set[str]]) -> None:
    more = {} if seed is None else {"pruning_seed": ("u32", seed)}
    talks = [session("192.0.2.1", [*many(3), *listed(("20.9.9.9", 18080), **more)])]
    assert flagged("peer_list_bad_pruning_seed", talks) == ({"192.0.2.1"} if bad else set())


# ---------------------------------------------------------------- labelled captures


@cache
def findings_of(paths: tuple[Path, ...]) -> Any:
    return find_anomalies(mt.read(list(paths)), rules=NAMES)


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=scenario.id)
        for scenario in truth.scenarios()
        if scenario.full and scenario.name in ("spies", "proxies")
    ],
)
def test_every_label_is_found_and_no_honest_peer(scenario: truth.Scenario) -> None:
    rules = evaluate(findings_of(tuple(scenario.parts)), truth.labels(scenario)).set_index("rule")
    for rule in FLAGGING & set(rules.index):
        assert rules.missed[rule] == [], rule
        assert rules.honest[rule] == [], rule
    asked = {
        "spies": {"peer_list_low_diversity": 7, "peer_list_similar": 5, "peer_list_oversized": 1},
        "proxies": {"peer_list_one_host_many_ports": 18, "many_ports": 4},
    }
    counts = {rule: int(rules.detected[rule]) for rule in asked[scenario.name]}
    assert counts == asked[scenario.name]


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=scenario.id)
        for scenario in truth.scenarios()
        if scenario.name in ("honest", "lossy", "ipv6")
    ],
)
def test_monerod_is_not_flagged(scenario: truth.Scenario) -> None:
    assert set(findings_of(tuple(scenario.parts)).rule) & FLAGGING == set()


def test_the_excerpts_hold_some_that_are_to_be_found() -> None:
    spies, proxies = (
        findings_of(tuple(scenario.parts))
        for scenario in truth.scenarios()
        if not scenario.full and scenario.name in ("spies", "proxies")
    )
    assert set(zip(spies.peer, spies.rule, strict=True)) >= {
        ("198.18.252.84", "peer_list_oversized")
    }
    assert set(spies[spies.rule.isin(FLAGGING)].peer) == {"198.18.252.84"}
    ports = {"198.18.32.136": 5, "198.19.10.250": 6, "198.19.128.98": 4, "198.19.195.153": 8}
    assert (
        dict(
            zip(
                proxies.peer[proxies.rule == "many_ports"],
                proxies["observations"][proxies.rule == "many_ports"],
                strict=True,
            )
        )
        == ports
    )
    assert set(proxies.rule) & FLAGGING == {"many_ports"}


@pytest.mark.filterwarnings("ignore::monerotraffic.CaptureWarning")
@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=f"{path.parents[1].name}-{path.name}") for path, _ in truth.derived()],
)
def test_monerod_is_not_flagged_in_damaged_captures(path: Path) -> None:
    assert set(findings_of((path,)).rule) & FLAGGING == set()


@pytest.mark.parametrize("count", [0, 4, 5, 6, 50])
def test_the_usual_share_leaves_out_the_own_subnet(count: int) -> None:
    """All leave-one-out quantiles at once equal those of each by itself."""
    values = np.sort(np.random.default_rng(count).random(count))
    ranks = np.arange(-1, count)
    others = [np.delete(values, rank) if rank >= 0 else values for rank in ranks]
    expected = [np.quantile(one, 0.2) if len(one) >= 5 else 0.0 for one in others]
    np.testing.assert_allclose(_fifth_without(values, ranks), expected, rtol=1e-12)
