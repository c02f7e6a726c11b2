"""The entries of peer lists as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monerotraffic.metrics.entries import Entries, distinct, entries
from monerotraffic.tables.view import View
from support.conversation_builder import many, read, session, visit

A, B = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def sent(tmp_path: Path) -> Entries:
    """A sends 20.0.0.1 with two ports and again in its second list; B sends another host."""
    lists = [[("20.0.0.1", 1), ("20.0.0.1", 2), ("20.0.1.1", 1)], [("20.0.0.1", 1)]]
    traffic = read(tmp_path, session(A, *lists), session(B, [("20.0.1.1", 9)], at=500, number=1))
    return entries(traffic)


def hosts(lists: Entries, codes: np.ndarray) -> list[str]:
    return lists.hosts(codes).to_list()


def test_lists(sent: Entries) -> None:
    assert sent.lists["peer"].tolist() == [A, A, B]
    assert sent.lists["entries"].tolist() == [3, 1, 1]
    assert sent.of.tolist() == [0, 0, 0, 1, 2]
    assert sent.port.tolist() == [1, 2, 1, 1, 9]
    assert hosts(sent, sent.host) == ["20.0.0.1", "20.0.0.1", "20.0.1.1", "20.0.0.1", "20.0.1.1"]
    assert hosts(sent, sent.sender) == [A, A, B]
    assert sent.per_list(sent.port == 1).tolist() == [2, 1, 0]


def test_pairs_of_lists_and_hosts(sent: Entries) -> None:
    pairs = sent.in_lists
    counts = dict(
        zip(
            zip(pairs.of.tolist(), hosts(sent, pairs.host), strict=True),
            zip(pairs.count.tolist(), sent.ports_in_lists.tolist(), strict=True),
            strict=True,
        )
    )
    assert counts == {
        (0, "20.0.0.1"): (2, 2),
        (0, "20.0.1.1"): (1, 1),
        (1, "20.0.0.1"): (1, 1),
        (2, "20.0.1.1"): (1, 1),
    }


def test_pairs_of_senders_and_hosts(sent: Entries) -> None:
    pairs = sent.of_senders
    triples = zip(hosts(sent, pairs.of), hosts(sent, pairs.host), pairs.count.tolist(), strict=True)
    assert set(triples) == {(A, "20.0.0.1", 2), (A, "20.0.1.1", 1), (B, "20.0.1.1", 1)}
    senders, named, ports = sent.endpoints_of_senders
    triples = zip(hosts(sent, senders), hosts(sent, named), ports.tolist(), strict=True)
    assert set(triples) == {
        (A, "20.0.0.1", 1),
        (A, "20.0.0.1", 2),
        (A, "20.0.1.1", 1),
        (B, "20.0.1.1", 9),
    }


def test_repeated_on_the_connection(sent: Entries) -> None:
    assert sent.repeated.tolist() == [False, False, False, True, False]


def test_lists_of_the_vantage_node_are_excluded(tmp_path: Path) -> None:
    traffic = read(tmp_path, visit(A, many(3)), session(B, many(2), at=500))
    lists = entries(traffic)
    assert lists.lists["peer"].tolist() == [A, B]
    assert lists.lists["entries"].tolist() == [3, 2]


def test_computed_once(tmp_path: Path) -> None:
    traffic = read(tmp_path, session(A, many(3)))
    assert entries(traffic) is entries(View(traffic))


def test_no_lists(tmp_path: Path) -> None:
    lists = entries(read(tmp_path, session(A)))
    assert len(lists.lists) == len(lists.of) == len(lists.in_lists.of) == 0
    assert lists.repeated.tolist() == []


def test_distinct() -> None:
    values, counts = distinct(np.array([5, 0, 5, 3, 5]))
    assert (values.tolist(), counts.tolist()) == ([0, 3, 5], [1, 1, 3])
    values, counts = distinct(np.empty(0, dtype=np.int64))
    assert (values.tolist(), counts.tolist()) == ([], [])
