"""Rules on the similarity of peer lists."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from monerotraffic.metrics import similar_sets
from monerotraffic.rules import find_anomalies
from support.conversation_builder import many, read, session
from support.craft import Connection
from support.rule_captures import spies


def crowd(
    count: int, network: int, white: int | None, seed: int = 1, first: int = 0, entries: int = 250
) -> list[Connection]:
    """Honest senders: each sends a sample of its white list, which is a sample of the network, or
    one and the same list if `white` is None.
    """
    draw = random.Random(seed)
    connections = []
    for number in range(count):
        known = range(network) if white is None else draw.sample(range(network), white)
        peers = [peer for place in draw.sample(list(known), entries) for peer in many(1, place)]
        connections.append(
            session(
                f"192.0.{number}.1",
                peers,
                number=number,
                at=first + number * 100,
                peer_id=1000 + number,
            )
        )
    return connections


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


@pytest.mark.parametrize(("network", "white"), [(300, None), (400, 300), (3000, 1000)])
def test_many_lists_are_searched_with_the_same_findings(
    network: int,
    white: int | None,
    flagged: Callable[..., set[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The search for many lists, applied to few: honest nodes of small networks are not flagged."""
    monkeypatch.setattr(similar_sets, "MOST_EXACT", 0)
    talks = crowd(14, network, white)
    assert flagged("peer_list_similar", talks) == set()
    assert flagged("peer_list_similar", [*talks, *spies(3, 244)]) == {
        f"203.0.{number}.1" for number in range(3)
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
    traffic = read(tmp_path, *[*crowd(12, 3000, 1000), *spies(3, 244)])
    findings = find_anomalies(traffic, rules=["peer_list_similar"])
    messages = traffic.messages.set_index("message")
    for row in findings.itertuples():
        assert len(row.messages) == row.observations == 1
        assert messages.peer[row.messages[0]] == row.peer
        assert row.places == [
            f"{Path(traffic.files.path.iloc[0]).name}:{messages.frame[row.messages[0]]}"
        ]
        assert 0.9 < row.score <= 1
