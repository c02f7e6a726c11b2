"""Damaged captures of honest monerods: nobody is suspicious or worse, and no bytes conflict.

A few kinds of damage to the excerpts as part of every run; `make damage` does every kind to every
capture of monerods alone.
"""

from __future__ import annotations

import os
import random
import warnings
from ipaddress import ip_address
from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.rules import find_anomalies, verdicts
from support import damage, truth
from support.damage import Damage
from support.labelled import HONEST_SCENARIOS

EVERYTHING = os.environ.get("MONEROTRAFFIC_DAMAGE") == "all"
HOSTS = [ip_address(host).packed for host in truth.VANTAGE]
MINUTE, HOUR, DAY = 60, 3600, 86400

KINDS: dict[str, Damage] = {
    **{f"lost-{share:g}": damage.lost(share) for share in (0.001, 0.01, 0.05, 0.1, 0.2, 0.5)},
    **{
        f"cut-{begin}-{end}": damage.cut(begin, end)
        for begin, end in ((0.3, 0.0), (0.0, 0.3), (0.2, 0.2), (0.8, 0.0))
    },
    **{f"snap-{length}": damage.snapped(length) for length in (64, 96, 128, 256, 512, 1500)},
    "sent-only": damage.one_way(HOSTS, sent=True),
    "received-only": damage.one_way(HOSTS, sent=False),
    **{f"duplicated-{share:g}": damage.duplicated(share) for share in (0.01, 0.2, 1)},
    **{
        f"reordered-{window}-{'kept' if keep else 'assigned'}": damage.reordered(window, keep)
        for window in (10, 50, 200)
        for keep in (True, False)
    },
    **{
        f"step-{seconds}": damage.stepped(seconds)
        for second in (30, HOUR, 30 * DAY)
        for seconds in (second, -second)
    },
    "noise-50ms": damage.noisy(50),
    "rounded-1s": damage.rounded(1),
    **{f"taps-{seconds}": damage.tapped_twice(seconds) for seconds in (0.04, 2)},
}
OFTEN = (
    "lost-0.01",
    "lost-0.2",
    "cut-0.2-0.2",
    "snap-96",
    "sent-only",
    "received-only",
    "duplicated-0.2",
    "reordered-50-assigned",
    "reordered-200-kept",
    "step--3600",
    "noise-50ms",
    "rounded-1s",
    "taps-0.04",
)
SCENARIOS = [
    scenario
    for scenario in truth.scenarios()
    if scenario.name in HONEST_SCENARIOS and (EVERYTHING or not scenario.full)
]


@pytest.mark.parametrize("kind", KINDS if EVERYTHING else OFTEN)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_no_peer_is_suspicious(scenario: truth.Scenario, kind: str, tmp_path: Path) -> None:
    packets = damage.packets_of(*scenario.parts)
    chance = random.Random(f"{scenario.id} {kind}")
    # of a small capture, a small share can be no packet at all
    attempts = (KINDS[kind](packets, chance) for _ in range(20))
    worse = next(attempt for attempt in attempts if attempt != list(packets))
    assert worse
    path = damage.write(tmp_path / "damaged.pcap", worse)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mt.CaptureWarning)
        traffic = mt.read(path, host=truth.VANTAGE)
    assert len(traffic.connections) > 0
    findings = find_anomalies(traffic)
    assert "conflicting_retransmission" not in set(findings["rule"])
    judged = verdicts(findings)
    worst = judged[judged["verdict"].isin(["anomalous", "suspicious"])]
    assert worst[["peer", "verdict", "rules"]].to_numpy().tolist() == []


def test_the_kinds_of_every_run_exist() -> None:
    assert set(OFTEN) <= set(KINDS)
