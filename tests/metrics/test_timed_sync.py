"""Hosts whose timed sync follows one clock."""

from __future__ import annotations

from pathlib import Path

from monerotraffic.metrics.timed_sync import peer_ticks, tick_pairs
from support.craft import CLIENT
from support.lab import Lab

A, B, C = "192.0.2.1", "192.0.2.2", "203.0.113.3"


def test_requests_within_a_second_are_one_tick(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for number, at in enumerate((30, 30.4)):
        talk = lab.incoming(A, number).announce(CLIENT, 5)
        talk.timed_syncs(CLIENT, at, 3, period=60, height=100)
    ticks = peer_ticks(lab.read())
    assert ticks["peer"].tolist() == [A] * 3
    assert ticks["height"].tolist() == [100] * 3
    seconds = ticks["time"].diff().dt.total_seconds().tolist()[1:]
    assert seconds == [60, 60]


def test_sites(tmp_path: Path) -> None:
    """An IPv6 /64 is one site."""
    lab = Lab(tmp_path, "2001:db8:9::1")
    for number in (1, 2):
        talk = lab.incoming(f"2001:db8::{number}", number).announce(CLIENT, 5)
        talk.timed_syncs(CLIENT, 30 + number * 0.1, 1)
    assert len(peer_ticks(lab.read())) == 1


def test_pairs(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for number, (peer, first, height) in enumerate([(A, 30, 7), (B, 30.004, 7), (C, 45, 7)]):
        talk = lab.incoming(peer, number).announce(CLIENT, 5)
        talk.timed_syncs(CLIENT, first, 4, period=60, height=height)
    pairs = tick_pairs(lab.read(), window=0.01)
    assert pairs[
        ["left", "right", "together", "agreed", "ticks", "heights"]
    ].to_numpy().tolist() == [[A, B, 4, 4, 4, 1]]
    assert abs(pairs["spread"].iloc[0] - 0.004) < 1e-6


def test_pairs_that_disagree(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for number, (peer, height) in enumerate([(A, 7), (B, 8)]):
        talk = lab.incoming(peer, number).announce(CLIENT, 5)
        talk.timed_syncs(CLIENT, 30, 3, period=60, height=height)
    assert tick_pairs(lab.read())[["together", "agreed"]].to_numpy().tolist() == [[3, 0]]


def test_ticks_count_where_both_were_connected(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for number, (peer, first, count) in enumerate([(A, 30, 6), (B, 150, 2)]):
        talk = lab.incoming(peer, number).announce(CLIENT, 5)
        talk.timed_syncs(CLIENT, first, count, period=60)
    assert tick_pairs(lab.read())[["together", "ticks"]].to_numpy().tolist() == [[2, 2]]


def test_nothing_to_pair(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.session(A, 0, 5)
    traffic = lab.read()
    assert peer_ticks(traffic).empty and tick_pairs(traffic).empty
