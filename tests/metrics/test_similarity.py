"""Similarity of peer lists, against sets of Python."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from monerotraffic.metrics import similar_sets, similarity
from monerotraffic.metrics.set_overlaps import Sets
from monerotraffic.metrics.similarity import (
    list_similarity,
    sender_similarity,
    similarity_distribution,
)
from monerotraffic.tables.view import View
from support.conversation_builder import many, read, session

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def test_shared_hosts_of_two_lists(tmp_path: Path) -> None:
    traffic = read(
        tmp_path,
        session(A, many(10), number=1),
        session(B, many(8, first=5), number=2, at=100),
        session(C, many(6, first=100), number=3, at=200),
    )
    similarity = list_similarity(traffic, min_entries=1, min_share=0.1)
    assert similarity[["peer", "other", "size", "other_size", "shared"]].to_numpy().tolist() == [
        [A, B, 10, 8, 5]
    ]
    assert similarity["jaccard"].tolist() == [5 / 13]
    assert similarity["share"].tolist() == [5 / 8]
    assert similarity.attrs == {"lists": 3, "pairs": 3}
    assert similarity["senders"].tolist() == [1]


def test_counts_are_those_of_sets(tmp_path: Path) -> None:
    """Popular hosts are counted by a matrix product, rare ones by posting lists."""
    chance = random.Random(5)
    sets = [set(chance.sample(range(60), 25)) | {1000 + number} for number in range(40)]
    traffic = read(
        tmp_path,
        *(
            session(
                f"198.18.{number}.1",
                [peer for host in sorted(hosts) for peer in many(1, host)],
                number=number,
                at=number * 100,
            )
            for number, hosts in enumerate(sets)
        ),
    )
    similarity = list_similarity(traffic, min_entries=1, min_share=0)
    counted = {
        frozenset((row.peer, row.other)): row.shared for row in similarity.itertuples(index=False)
    }
    expected = {
        frozenset((f"198.18.{i}.1", f"198.18.{j}.1")): len(sets[i] & sets[j])
        for i, j in combinations(range(len(sets)), 2)
        if sets[i] & sets[j]
    }
    assert counted == expected


def test_what_is_compared(tmp_path: Path) -> None:
    ports = [(host, 28080) for host, _ in many(4)]
    traffic = read(tmp_path, session(A, many(4), number=1), session(B, ports, number=2, at=100))
    assert list_similarity(traffic, "host", min_entries=1)["shared"].tolist() == [4]
    assert list_similarity(traffic, "endpoint", min_entries=1).empty
    assert list_similarity(traffic, "subnet", min_entries=1)["shared"].tolist() == [4]
    groups = {host: number // 2 for number, (host, _) in enumerate(many(3))}
    assert list_similarity(traffic, groups, min_entries=1)["shared"].tolist() == [2]
    with pytest.raises(ValueError, match="by='port'"):
        list_similarity(traffic, "port")


def test_lists_that_are_compared(tmp_path: Path) -> None:
    traffic = read(
        tmp_path,
        session(A, many(9), many(10), number=1),
        session(B, many(10), many(3), number=2, at=300),
    )
    assert len(list_similarity(traffic, min_entries=1)) == 4  # none of one sender with itself
    assert len(list_similarity(traffic, min_entries=9)) == 2
    assert len(list_similarity(traffic, min_entries=1, each=1)) == 1
    assert list_similarity(traffic, min_entries=1, most=2)["size"].tolist() == [9]


def test_distribution(tmp_path: Path) -> None:
    traffic = read(
        tmp_path,
        session(A, many(10), many(10), number=1),
        session(B, many(10, first=5), number=2, at=300),
    )
    distribution = similarity_distribution(traffic, bins=3, min_entries=1)
    assert distribution["low"].tolist() == [0, 1 / 3, 2 / 3]
    assert distribution["own"].tolist() == [0, 0, 1]  # identical lists
    assert distribution["others"].tolist() == [0, 2, 0]  # 5 of 15


def test_accumulated_lists_of_senders(tmp_path: Path) -> None:
    traffic = read(
        tmp_path,
        session(A, many(5), many(5, first=5), number=1),
        session(B, many(10), number=2, at=300),
        session(C, many(9), number=3, at=600),
    )
    similarity = sender_similarity(traffic, min_entries=10)
    assert similarity[["peer", "other", "size", "shared", "jaccard"]].to_numpy().tolist() == [
        [A, B, 10, 10, 1.0]
    ]


def test_metrics_of_one_view_share_the_overlaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []
    overlaps = Sets.overlaps

    def counted(sets: Sets) -> Iterator[tuple[int, NDArray[np.int64]]]:
        passes.append(len(sets))
        return overlaps(sets)

    monkeypatch.setattr(Sets, "overlaps", counted)
    view = View(
        read(tmp_path, session(A, many(160), number=1), session(B, many(150), number=2, at=300))
    )
    assert similarity_distribution(view)["others"].sum() == 1
    assert list_similarity(view)["shared"].tolist() == [150]
    assert list_similarity(view, min_share=0.8, min_entries=150)["shared"].tolist() == [150]
    assert list_similarity(view, min_entries=151).empty
    assert passes == [2]


def test_distribution_of_many_lists_is_that_of_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve senders of one list: all pairs are counted from those of the sample."""
    monkeypatch.setattr(similarity, "MOST_EXACT", 5)
    monkeypatch.setattr(similarity, "_SAMPLE", 4)
    talks = [session(f"198.18.{n}.1", many(9), number=n, at=n * 100) for n in range(12)]
    distribution = similarity_distribution(read(tmp_path, *talks), min_entries=1)
    assert distribution.attrs == {"lists": 12, "sampled": 4}
    assert distribution["others"].tolist() == [0] * 19 + [66]
    assert distribution["own"].sum() == 0


def test_many_senders_are_searched_by_sketches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accumulated lists of more senders than are compared one by one: no pass over all pairs."""
    sessions = [
        session(f"203.0.113.{number}", many(40, first=30 * (number // 2)), number=number, at=number)
        for number in range(1, 21)
    ]
    traffic = read(tmp_path, *sessions)
    for by in ("host", "endpoint", "subnet"):
        exact = sender_similarity(traffic, by, min_share=0.9, min_entries=10)
        assert len(exact) >= 9
        with monkeypatch.context() as patch:
            patch.setattr(similar_sets, "MOST_EXACT", 5)
            patch.setattr(Sets, "overlaps", None)
            searched = sender_similarity(traffic, by, min_share=0.9, min_entries=10)
        assert searched.attrs == {"senders": 20, "repeated": 0, "left_out": 0}
        pd.testing.assert_frame_equal(searched, exact, check_like=True)
