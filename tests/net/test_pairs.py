"""Pairs of hosts: joined, chosen, ranked."""

from __future__ import annotations

import numpy as np

from monerotraffic.net.pairs import TALLIES, Pairs

NO_TIME = np.iinfo(np.int64).min
LATEST = np.iinfo(np.int64).max


def pairs_of(*rows: tuple[int, int, int, int]) -> Pairs:
    """Client, server, first and last time; one connection each."""
    client, server, first, last = np.array(rows, dtype=np.int64).T
    tallies = np.zeros((len(rows), len(TALLIES)), dtype=np.int64)
    tallies[:, 0] = 1
    return Pairs.none().with_rows(client << 32 | server, tallies, first, last)


def test_none() -> None:
    nothing = Pairs.none()
    assert len(nothing.codes) == len(nothing.ranked_ends()) == 0
    assert nothing.count_peers(5) == 0


def test_equal_pairs_are_joined() -> None:
    joined = pairs_of((1, 0, 50, 60), (1, 0, 10, 20), (0, 1, 70, 80))
    assert joined.client.tolist() == [0, 1]  # in order of codes; the direction matters
    assert joined.server.tolist() == [1, 0]
    assert joined.tallies[:, 0].tolist() == [1, 2]
    assert (joined.first.tolist(), joined.last.tolist()) == ([70, 10], [80, 60])


def test_parts_give_what_the_whole_gives() -> None:
    rows = [(1, 0, 5, 9), (2, 0, 1, 2), (1, 0, 3, 4), (0, 7, 8, 8)]
    whole, parts = pairs_of(*rows), Pairs.none()
    for row in rows:
        one = pairs_of(row)
        parts = parts.with_rows(one.codes, one.tallies, one.first, one.last)
    for name in ("codes", "tallies", "first", "last"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name)), name


def test_unknown_times_do_not_count() -> None:
    assert pairs_of((1, 0, NO_TIME, NO_TIME), (1, 0, 10, 20)).span(0) == (10, 20)
    unknown = pairs_of((1, 0, NO_TIME, NO_TIME))
    assert unknown.span(1) == (LATEST, NO_TIME)


def test_span_of_a_host_is_that_of_both_directions() -> None:
    assert pairs_of((1, 0, 10, 20), (0, 2, 5, 6), (3, 4, 0, 99)).span(0) == (5, 20)


def test_pairs_without_some_hosts() -> None:
    pairs = pairs_of((1, 0, 1, 1), (2, 3, 2, 2), (0, 4, 3, 3))
    kept = pairs.chosen(pairs.without([0]))
    assert (kept.client.tolist(), kept.server.tolist()) == ([2], [3])
    assert pairs.without([]).all()


def test_peers_are_distinct_other_ends() -> None:
    pairs = pairs_of((1, 0, 1, 1), (0, 1, 1, 1), (2, 0, 1, 1), (0, 0, 1, 1))
    assert [pairs.count_peers(host) for host in (0, 1, 2, 9)] == [2, 1, 1, 0]


def test_the_end_with_the_most_peers_is_first() -> None:
    pairs = pairs_of((1, 0, 1, 1), (2, 0, 1, 1), (3, 0, 1, 1), (1, 2, 1, 1))
    assert pairs.ranked_ends().tolist()[0] == 0
    assert sorted(pairs.ranked_ends().tolist()) == [0, 1, 2, 3]


def test_among_ends_with_as_many_peers_the_untouched_ttl_decides() -> None:
    codes = np.array([1 << 32 | 2], dtype=np.int64)
    time = np.array([5], dtype=np.int64)
    for column, first in (("client_ttl", 1), ("server_ttl", 2), ("server_port", 2)):
        tallies = np.zeros((1, len(TALLIES)), dtype=np.int64)
        tallies[0, TALLIES.index("connections")] = 1
        tallies[0, TALLIES.index(column)] = 1
        pairs = Pairs.none().with_rows(codes, tallies, time, time)
        assert pairs.ranked_ends().tolist()[0] == first, column
