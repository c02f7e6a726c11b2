"""Rules on the pace of timed syncs at their thresholds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.rules import find_anomalies
from support import damage
from support.conversation_builder import write
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


def test_two_late_requests_in_three_hours_are_not_rapid(lab: Lab) -> None:
    """The path delays a request by 15 s twice, so that two gaps of many are short."""
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    for number in range(180):
        late = 15 if number in (60, 120) else 0
        talk.wait_until(10 + number * 60.05 + late).timed_sync(CLIENT)
    assert flagged(lab, "timed_sync_rapid") == []
    assert flagged(lab, "timed_sync_rapid", min_share=0.0) == [A]


def test_rapid_is_context_where_packets_are_out_of_order(tmp_path: Path) -> None:
    """Packets that a capture card delivers in another order, with the times of its clock."""
    lab = Lab(tmp_path)
    for number in range(8):
        talk = lab.incoming(f"192.0.{number}.1", 2 * number).announce(CLIENT, 5 + number)
        ticks = [(20 + 7 * number + tick * 60, CLIENT) for tick in range(8)]
        ticks += [(25 + 5 * number + tick * 60, SERVER) for tick in range(8)]
        for at, side in sorted(ticks):
            talk.wait_until(at).timed_sync(side)
    packets = damage.packets_of(write(tmp_path / "order.pcap", *lab.talks))
    worse = damage.reordered(50, keep_times=False)(packets, random.Random(3))
    traffic = mt.read(damage.write(tmp_path / "disorder.pcap", worse), host=lab.host)
    findings = find_anomalies(traffic, rules=["timed_sync_rapid"])
    assert len(findings) and set(findings["weight"]) == {"context"}


@pytest.mark.parametrize(("hosts", "shared"), [(2, False), (3, True)])
def test_shared_backend_of_three_hosts(lab: Lab, hosts: int, shared: bool) -> None:
    peers = [f"192.0.{number}.1" for number in range(hosts)]
    for number, peer in enumerate(peers):
        talk = lab.incoming(peer, number).announce(CLIENT, 5 + number)
        for tick in range(6):
            at = 30 + tick * 60 + number * 0.001
            talk.wait_until(at).timed_sync(CLIENT, height=100 + tick)
    assert sorted(flagged(lab, "shared_backend")) == (peers if shared else [])
