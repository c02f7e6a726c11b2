"""Rules on peer lists: flagged, nearly flagged, and the labelled captures."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import monerotraffic as mt
from monerotraffic.rules import RULES, evaluate, find_anomalies
from support import craft, truth
from support.craft import CLIENT, SERVER, Connection
from support.talks import HOST, Peer, listed, many, read, session, visit

PEER_LISTS = [rule for rule in RULES.values() if rule.family == "peer_lists"]
NAMES = [rule.name for rule in PEER_LISTS]
FLAGGING = {rule.name for rule in PEER_LISTS if rule.weight != "context"}


@pytest.fixture
def flagged(tmp_path: Path) -> Callable[..., set[str]]:
    """Peers of these conversations that a rule flags."""

    def find(
        rule: str, talks: Iterable[Connection], preset: str = "default", **parameters: Any
    ) -> set[str]:
        return set(
            find_anomalies(
                read(tmp_path, talks), preset, rules=[rule], parameters={rule: parameters}
            ).peer
        )

    return find


def clustered(hosts: int, subnets: int) -> list[Peer]:
    """So many hosts, spread over so many /24s."""
    return [(f"20.0.{number % subnets}.{number // subnets}", 18080) for number in range(hosts)]


def with_ports(hosts: int, several: int, first: int = 0) -> list[Peer]:
    """Hosts of which the first `several` have two ports."""
    return [*many(hosts, first), *many(several, first, port=28080)]


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
    made = talk.send(
        CLIENT, craft.response(1002, craft.timed_sync_response(listed(*clustered(250, 1))))
    )
    for packet in made[1:]:
        talk.packets.remove(packet)
    talk.close()
    for rule in NAMES:
        assert flagged(rule, [talk]) == set()


# ---------------------------------------------------------------- similarity


def crowd(
    count: int, network: int, white: int | None, seed: int = 1, first: int = 0, entries: int = 250
) -> list[Connection]:
    """Honest senders: each sends a sample of its white list, which is a sample of the network, or
    one and the same list if `white` is None.
    """
    draw = random.Random(seed)
    made = []
    for number in range(count):
        known = range(network) if white is None else draw.sample(range(network), white)
        peers = [peer for place in draw.sample(list(known), entries) for peer in many(1, place)]
        made.append(
            session(
                f"192.0.{number}.1",
                peers,
                number=number,
                at=first + number * 100,
                peer_id=1000 + number,
            )
        )
    return made


def spies(
    count: int, common: int, of: int = 250, seed: int = 2, one_id: bool = False
) -> list[Connection]:
    """Senders of the same `common` addresses and others that only each of them has."""
    made = []
    for number in range(count):
        peers = [*many(common, 40_000), *many(of - common, 41_000 + 300 * number)]
        made.append(
            session(
                f"203.0.{number}.1",
                peers,
                number=500 + number,
                at=20_000 + number * 100,
                peer_id=7 if one_id else 7 + number,
            )
        )
    return made


@pytest.mark.parametrize(
    ("network", "white"),
    [(300, None), (255, None), (1000, None), (400, 300), (3000, 1000), (3000, 260)],
)
def test_honest_nodes_of_small_networks_share_much(
    network: int, white: int | None, flagged: Callable[..., set[str]]
) -> None:
    """Samples of 250 out of small networks, of one common white list, of white lists of their
    own.
    """
    assert flagged("peer_list_similar", crowd(14, network, white)) == set()


def test_young_nodes_share_half_of_their_white_lists(flagged: Callable[..., set[str]]) -> None:
    """Two that know 120 peers each, all of them in their lists, and 80 of these in common."""
    talks = crowd(12, 3000, 1000)
    talks += [
        session(
            f"192.0.{number}.1",
            [*many(80, 30_000), *many(40, 30_000 + number)],
            number=number,
            at=number * 100,
            peer_id=number,
        )
        for number in (100, 200)
    ]
    assert flagged("peer_list_similar", talks) == set()


@pytest.mark.parametrize("exponent", [0, 0.6, 1.4])
@pytest.mark.parametrize("network", [200, 600, 6000])
def test_young_nodes_of_networks_in_which_some_are_known_to_all(
    network: int, exponent: float, flagged: Callable[..., set[str]]
) -> None:
    """White lists of 150 to 198 peers, drawn by a popularity as of Zipf's law, among those of older
    nodes.
    """
    draw = np.random.default_rng(network)
    weights = 1 / np.arange(1, network + 1) ** exponent
    talks = []
    for number in range(14):
        size = min(1000, network * 9 // 10) if number < 8 else int(draw.integers(150, 199))
        known = draw.permutation(
            draw.choice(network, size, replace=False, p=weights / weights.sum())
        )[:250]
        talks.append(
            session(
                f"192.0.{number}.1",
                [peer for place in known for peer in many(1, int(place))],
                number=number,
                at=number * 100,
                peer_id=1000 + number,
            )
        )
    assert flagged("peer_list_similar", talks) == set()


@pytest.mark.parametrize(("network", "white"), [(3000, 1000), (1000, None), (300, None)])
@pytest.mark.parametrize("count", [2, 3, 8])
def test_spies_that_send_nearly_one_list(
    network: int, white: int | None, count: int, flagged: Callable[..., set[str]]
) -> None:
    assert flagged("peer_list_similar", [*crowd(12, network, white), *spies(count, 244)]) == {
        f"203.0.{number}.1" for number in range(count)
    }


def test_what_most_senders_share_is_the_network(flagged: Callable[..., set[str]]) -> None:
    """Nobody can tell a majority that sends one list from a small network; without the guard the
    spies are found, and in a small network the honest.
    """
    every = {f"203.0.{number}.1" for number in range(12)}
    assert flagged("peer_list_similar", [*crowd(14, 3000, 1000), *spies(12, 244)]) == every
    assert flagged("peer_list_similar", [*crowd(7, 3000, 1000), *spies(12, 244)]) == set()
    assert (
        flagged(
            "peer_list_similar", [*crowd(7, 3000, 1000), *spies(12, 244)], max_similar_share=None
        )
        == every
    )
    assert flagged(
        "peer_list_similar", [*crowd(12, 300, None), *spies(8, 244)], max_similar_share=None
    ) > {f"203.0.{number}.1" for number in range(8)}


def test_how_much_must_be_shared(flagged: Callable[..., set[str]]) -> None:
    """More than half of the list: two white lists of the same 1000 peers share a quarter, and never
    two fifths.
    """
    assert flagged("peer_list_similar", [*crowd(20, 3000, 1000), *spies(2, 140)]) == {
        "203.0.0.1",
        "203.0.1.1",
    }
    assert flagged("peer_list_similar", [*crowd(20, 3000, 1000), *spies(2, 124)]) == set()


def test_who_is_judged_by_too_few_others_is_not_flagged(flagged: Callable[..., set[str]]) -> None:
    assert flagged("peer_list_similar", [*crowd(4, 3000, 1000), *spies(2, 250)]) == set()
    assert flagged("peer_list_similar", [*crowd(5, 3000, 1000), *spies(2, 250)]) == {
        "203.0.0.1",
        "203.0.1.1",
    }


def test_one_node_at_two_addresses_is_not_similar_to_itself(
    flagged: Callable[..., set[str]],
) -> None:
    """The same peer id: a node with two addresses, or one whose address changed. What several nodes
    with one id are, another rule tells.
    """
    talks = [*crowd(12, 3000, 1000), *spies(2, 250, one_id=True)]
    assert flagged("peer_list_similar", talks) == set()
    assert flagged("peer_list_similar", talks, allow_common_id=True) == {"203.0.0.1", "203.0.1.1"}


def test_short_lists_are_not_compared(flagged: Callable[..., set[str]]) -> None:
    assert (
        flagged("peer_list_similar", [*crowd(12, 3000, 1000, entries=200), *spies(2, 149, of=149)])
        == set()
    )
    assert flagged(
        "peer_list_similar", [*crowd(12, 3000, 1000, entries=200), *spies(2, 150, of=150)]
    ) == {"203.0.0.1", "203.0.1.1"}


def test_published_variants_of_similarity(flagged: Callable[..., set[str]]) -> None:
    """Each of four senders of one list is in three pairs, each of six in five; honest nodes of a
    small network are flagged.
    """
    assert flagged("peer_list_similar", spies(5, 250), "arxiv-v1") == set()
    assert flagged("peer_list_similar", spies(6, 250), "arxiv-v1") == {
        f"203.0.{number}.1" for number in range(6)
    }
    assert flagged("peer_list_similar", spies(2, 250), "aft-2026") == {"203.0.0.1", "203.0.1.1"}
    assert flagged("peer_list_similar", spies(2, 244), "aft-2026") == set()
    assert len(flagged("peer_list_similar", crowd(8, 300, None), "arxiv-v1")) == 8


def test_finding_of_similar_lists_points_at_the_lists(tmp_path: Path) -> None:
    traffic = read(tmp_path, [*crowd(12, 3000, 1000), *spies(3, 244)])
    findings = find_anomalies(traffic, rules=["peer_list_similar"])
    messages = traffic.messages.set_index("message")
    for row in findings.itertuples():
        assert len(row.messages) == row.observations == 1
        assert messages.peer[row.messages[0]] == row.peer
        assert row.places == [f"{traffic.files.path.iloc[0]}:{messages.frame[row.messages[0]]}"]
        assert 0.9 < row.score <= 1


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
    assert flagged("peer_list_repeats", talks) == {"192.0.2.1", "192.0.2.4", "192.0.2.5"}


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


# ---------------------------------------------------------------- ports


def test_many_ports_of_its_own(tmp_path: Path) -> None:
    talks = [
        session("192.0.2.1", at=100 * number, number=number, my_port=port, peer_id=number)
        for number, port in enumerate((18080, 28080, 38080))
    ]
    # NAT
    talks += [
        session(
            "192.0.2.2", at=1000 + 100 * number, number=10 + number, my_port=port, peer_id=number
        )
        for number, port in enumerate((18080, 28080, 18080, 28080))
    ]
    # restarts
    talks += [
        session("192.0.2.3", at=2000 + 100 * number, number=20 + number, peer_id=number)
        for number in range(5)
    ]
    # one hides its port
    talks += [
        session("192.0.2.4", at=3000 + 100 * number, number=30 + number, my_port=port)
        for number, port in enumerate((18080, 28080, 0))
    ]
    talks += [
        session("192.0.2.5", at=4000 + 100 * number, number=40 + number, my_port=port)
        for number, port in enumerate((18080, 28080))
    ] + [visit("192.0.2.5", [], port=38080, at=4500)]
    traffic = read(tmp_path, talks)
    findings = find_anomalies(traffic, rules=["many_ports"])
    assert list(findings.peer) == ["192.0.2.1", "192.0.2.5"]
    assert list(findings["observations"]) == list(findings.score) == [3, 3]
    said = traffic.node_data.set_index("message").my_port
    assert [said[message] for message in findings.messages[0]] == [18080, 28080, 38080]
    assert set(
        find_anomalies(
            traffic, rules=["many_ports"], parameters={"many_ports": {"min_ports": 2}}
        ).peer
    ) == {"192.0.2.1", "192.0.2.2", "192.0.2.4", "192.0.2.5"}


def advertised(
    senders: Iterable[str], host: str, ports: Iterable[int], more: Iterable[Peer] = ()
) -> list[Connection]:
    return [
        session(
            sender,
            [*((host, port) for port in ports), *more],
            number=100 + number,
            at=5000 + 100 * number,
            peer_id=50 + number,
        )
        for number, sender in enumerate(senders)
    ]


def test_many_ports_that_others_name(flagged: Callable[..., set[str]]) -> None:
    """Three independent senders are enough; three of one /24, two, or the host's own neighbours are
    not; nor is a host that is no peer.
    """
    host, talk = "198.18.7.7", session("198.18.7.7")
    three = [1, 2, 3]
    assert flagged(
        "many_ports", [talk, *advertised(["192.0.2.1", "192.0.3.1", "192.0.4.1"], host, three)]
    ) == {host}
    # with its own 18080 two
    assert (
        flagged(
            "many_ports", [talk, *advertised(["192.0.2.1", "192.0.3.1", "192.0.4.1"], host, [1])]
        )
        == set()
    )
    assert (
        flagged(
            "many_ports", [talk, *advertised(["192.0.2.1", "192.0.2.2", "192.0.2.3"], host, three)]
        )
        == set()
    )
    assert (
        flagged("many_ports", [talk, *advertised(["192.0.2.1", "192.0.3.1"], host, three)]) == set()
    )
    assert (
        flagged(
            "many_ports", [talk, *advertised(["192.0.2.1", "192.0.3.1", "198.18.7.8"], host, three)]
        )
        == set()
    )
    assert (
        flagged("many_ports", advertised(["192.0.2.1", "192.0.3.1", "192.0.4.1"], host, three))
        == set()
    )


def test_class_lists_accuse_nobody(flagged: Callable[..., set[str]]) -> None:
    senders = [f"192.0.{number}.1" for number in range(2, 12)]
    assert (
        flagged(
            "many_ports",
            [
                session("198.18.7.7"),
                *advertised(senders, "198.18.7.7", [1, 2, 3], with_ports(60, 60)),
            ],
        )
        == set()
    )


def test_evidence_of_ports_that_others_name(tmp_path: Path) -> None:
    traffic = read(
        tmp_path,
        [
            session("198.18.7.7"),
            *advertised(["192.0.2.1", "192.0.3.1", "192.0.4.1"], "198.18.7.7", [1, 2]),
        ],
    )
    row = find_anomalies(traffic, rules=["many_ports"]).iloc[0]
    assert (row["observations"], row.score) == (3, 3)
    handshake, naming = row.messages
    assert traffic.messages.peer[handshake] == "198.18.7.7"
    assert traffic.messages.peer[naming] == "192.0.2.1"
    assert set(traffic.peer_lists[traffic.peer_lists.message == naming].port) == {1, 2}


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
def test_every_label_is_found_and_nobody_honest(scenario: truth.Scenario) -> None:
    found = evaluate(findings_of(tuple(scenario.parts)), truth.labels(scenario)).set_index("rule")
    for rule in FLAGGING & set(found.index):
        assert found.missed[rule] == [], rule
        assert found.honest[rule] == [], rule
    asked = {
        "spies": {"peer_list_low_diversity": 7, "peer_list_similar": 5, "peer_list_oversized": 1},
        "proxies": {"peer_list_one_host_many_ports": 18, "many_ports": 4},
    }
    assert {rule: int(found.found[rule]) for rule in asked[scenario.name]} == asked[scenario.name]


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
