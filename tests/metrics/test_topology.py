"""The graph of peer lists against small examples, and what one vantage node can tell of
neighbours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import monerotraffic as mt
from monerotraffic import metrics
from support import craft
from support.budget import examples
from support.conversation_builder import many, read, session


@pytest.fixture
def traffic(tmp_path: Path) -> mt.Traffic:
    """192.0.2.1 names 192.0.2.2 on two ports and 20.0.0.1, twice; 192.0.2.2 names 20.0.0.1;
    192.0.9.9 names 20.9.9.9.
    """
    names: list[tuple[str, int]] = [("192.0.2.2", 18080), ("192.0.2.2", 9), ("20.0.0.1", 18080)]
    return read(
        tmp_path,
        *[
            session("192.0.2.1", names, names[2:], number=1),
            session("192.0.2.2", names[2:], at=300),
            session("192.0.9.9", [("20.9.9.9", 18080)], at=500),
        ],
    )


def test_graph(traffic: mt.Traffic) -> None:
    graph = metrics.peer_graph(traffic)
    rows = {(row.peer, row.host): (row.lists, row.mentions) for row in graph.itertuples()}
    assert rows == {
        ("192.0.2.1", "192.0.2.2"): (1, 2),
        ("192.0.2.1", "20.0.0.1"): (2, 2),
        ("192.0.2.2", "20.0.0.1"): (1, 1),
        ("192.0.9.9", "20.9.9.9"): (1, 1),
    }
    times = metrics.list_diversity(traffic).time
    edge = graph[(graph.peer == "192.0.2.1") & (graph.host == "20.0.0.1")].iloc[0]
    assert (edge["first"], edge["last"]) == (times[0], times[1])


def test_degrees_and_components(traffic: mt.Traffic) -> None:
    degrees = metrics.degrees(traffic).set_index("host")
    assert degrees.out_degree.to_dict() == {
        "192.0.2.1": 2,
        "192.0.2.2": 1,
        "192.0.9.9": 1,
        "20.0.0.1": 0,
        "20.9.9.9": 0,
    }
    assert degrees.in_degree.to_dict() == {
        "192.0.2.1": 0,
        "192.0.2.2": 1,
        "192.0.9.9": 0,
        "20.0.0.1": 2,
        "20.9.9.9": 1,
    }
    assert degrees.component.to_dict() == {
        "192.0.2.1": 0,
        "192.0.2.2": 0,
        "192.0.9.9": 1,
        "20.0.0.1": 0,
        "20.9.9.9": 1,
    }
    assert degrees.component_size.to_dict() == {
        "192.0.2.1": 3,
        "192.0.2.2": 3,
        "192.0.9.9": 2,
        "20.0.0.1": 3,
        "20.9.9.9": 2,
    }


def test_centrality_solves_its_equation(traffic: mt.Traffic) -> None:
    """Against the linear equations, solved at once: rank = 0.85 (what is given + what the silent
    spread evenly) + 0.15 / nodes.
    """
    hosts = ["192.0.2.1", "192.0.2.2", "192.0.9.9", "20.0.0.1", "20.9.9.9"]
    gives = {
        "192.0.2.1": ["192.0.2.2", "20.0.0.1"],
        "192.0.2.2": ["20.0.0.1"],
        "192.0.9.9": ["20.9.9.9"],
    }
    flow = np.array(
        [
            [1 / len(gives[sender]) if host in gives[sender] else 0 for host in hosts]
            if sender in gives
            else [1 / 5] * 5
            for sender in hosts
        ]
    ).T
    wanted = np.linalg.solve(np.eye(5) - 0.85 * flow, np.full(5, 0.15 / 5))
    centrality = metrics.centrality(traffic)
    assert list(centrality.centrality) == sorted(centrality.centrality, reverse=True)
    assert centrality.set_index("host").centrality[hosts].to_numpy() == pytest.approx(
        wanted, abs=1e-9
    )
    assert centrality.centrality.sum() == pytest.approx(1)


def test_communities_are_joined_by_lists(tmp_path: Path) -> None:
    """a and b share 60 of 120, b and c others, d nothing; e and f all."""
    sent = {
        "a": many(120),
        "b": many(120, 60),
        "c": many(120, 120),
        "d": many(120, 1000),
        "e": many(120, 2000),
        "f": many(120, 2000),
    }
    talks = [
        session(f"192.0.2.{number}", peers, number=number, at=number * 100)
        for number, peers in enumerate(sent.values(), 1)
    ]
    communities = metrics.communities(read(tmp_path, *talks))
    rows = [(row.community, row.peer, row.peers, row.alike) for row in communities.itertuples()]
    assert rows == [
        (0, "192.0.2.1", 3, 1),
        (0, "192.0.2.2", 3, 2),
        (0, "192.0.2.3", 3, 1),
        (1, "192.0.2.5", 2, 1),
        (1, "192.0.2.6", 2, 1),
    ]
    assert metrics.communities(read(tmp_path, *talks[3:4])).empty


@examples(200)
@given(
    st.integers(1, 30).flatmap(
        lambda count: st.tuples(
            st.just(count),
            st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40),
        )
    )
)
def test_components_are_those_of_a_plain_search(given: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = given
    components = metrics.components(
        np.array([left for left, _ in edges], dtype=np.int64),
        np.array([right for _, right in edges], dtype=np.int64),
        count,
    )
    near: dict[int, set[int]] = {node: {node} for node in range(count)}
    for left, right in edges:
        near[left].add(right)
        near[right].add(left)
    wanted = [min(_reached(near, node)) for node in range(count)]
    assert (
        len(set(zip(components, wanted, strict=True))) == len(set(wanted)) == len(set(components))
    )
    sizes = np.bincount(components)
    assert (np.diff(sizes) <= 0).all()


def _reached(near: dict[int, set[int]], node: int) -> set[int]:
    reached, left = {node}, [node]
    while left:
        new = near[left.pop()] - reached
        reached |= new
        left += new
    return reached


def test_a_long_chain_is_one_component() -> None:
    order = np.random.default_rng(1).permutation(100_000)
    assert metrics.components(order[:-1], order[1:], 100_000).max() == 0


def test_refreshed_entries(tmp_path: Path) -> None:
    """A full list at once, one soon after, one late that has something old and something new, a
    late full one, and the like without a beginning.
    """
    whole = session(
        "192.0.2.1", many(250), many(3, 250), [*many(2), *many(1, 500)], many(26, 600), every=1000
    )
    cut = session("192.0.2.7", many(5), many(3, 5), many(1, 60), number=7, every=1000, at=1)
    cut.packets = cut.packets[3:]
    refreshed = metrics.refreshed_entries(
        read(tmp_path, *[whole, cut], limits={"idle_seconds": 5000})
    )
    assert len(refreshed) == 1
    row = refreshed.iloc[0]
    assert (row.peer, row.host, row.port) == ("192.0.2.1", "20.1.244.1", 18080)
    assert row.age == pytest.approx(2000, abs=1)
    assert pd.Timestamp(craft.START, tz="UTC") + pd.Timedelta(seconds=1999) < row.time


def test_a_first_list_that_is_not_full_is_the_white_list(tmp_path: Path) -> None:
    """So any other entry is new, however early."""
    traffic = read(tmp_path, session("192.0.2.1", many(249), [*many(2), *many(3, 500)]))
    refreshed = metrics.refreshed_entries(traffic)
    assert refreshed["host"].tolist() == ["20.1.244.1", "20.1.245.1", "20.1.246.1"]
    assert (refreshed["age"] < 61).all()
