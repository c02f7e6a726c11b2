"""Rules on the pace of timed syncs at their thresholds."""

from __future__ import annotations

import pytest

from support.craft import CLIENT, SERVER
from support.lab import Lab

A = "192.0.2.1"


def flagged(lab: Lab, rule: str, **parameters: float) -> list[str]:
    return lab.findings(rule, **parameters).index.tolist()


@pytest.mark.parametrize(("period", "slow"), [(89.9, False), (90.1, True)])
def test_throttled_from_90_seconds(lab: Lab, period: float, slow: bool) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    for number in range(8):
        talk.wait_until(10 + number * 60).timed_sync(SERVER)
    other = lab.incoming(A, 1).announce(CLIENT, 5)
    ours = [(20 + number * 60, SERVER) for number in range(8)]
    theirs = [(15 + number * period, CLIENT) for number in range(5)]
    for at, side in sorted(ours + theirs):
        other.wait_until(at).timed_sync(side)
    assert flagged(lab, "timed_sync_throttled") == ([A] if slow else [])


def test_throttled_needs_three_gaps(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    ours = [(20 + number * 60, SERVER) for number in range(6)]
    theirs = [(15 + number * 100, CLIENT) for number in range(3)]
    for at, side in sorted(ours + theirs):
        talk.wait_until(at).timed_sync(side)
    assert flagged(lab, "timed_sync_throttled") == []
    assert flagged(lab, "timed_sync_throttled", min_gaps=2) == [A]


@pytest.mark.parametrize(("period", "fast"), [(49.9, True), (50.1, False)])
def test_rapid_below_50_seconds(lab: Lab, period: float, fast: bool) -> None:
    lab.incoming(A, 0).announce(CLIENT, 5).timed_syncs(CLIENT, 10, 4, period=period)
    assert flagged(lab, "timed_sync_rapid") == ([A] if fast else [])


@pytest.mark.parametrize(("hosts", "shared"), [(2, False), (3, True)])
def test_shared_backend_of_three_hosts(lab: Lab, hosts: int, shared: bool) -> None:
    peers = [f"192.0.{number}.1" for number in range(hosts)]
    for number, peer in enumerate(peers):
        talk = lab.incoming(peer, number).announce(CLIENT, 5 + number)
        for tick in range(6):
            at = 30 + tick * 60 + number * 0.001
            talk.wait_until(at).timed_sync(CLIENT, height=100 + tick)
    assert sorted(flagged(lab, "shared_backend")) == (peers if shared else [])
