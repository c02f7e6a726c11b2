"""What a capture lacks accuses nobody: structure, fragmentation and relay on captures made
worse.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.rules import HONEST, RULES, find_anomalies
from support import truth
from support.labelled import labelled, parameters, thinned

NAMES = [
    name for name, rule in RULES.items() if rule.family in ("structure", "fragmentation", "relay")
]
CAPTURES = [
    *labelled(),
    *(
        scenario
        for scenario in truth.scenarios()
        if scenario.name in ("honest", "lossy") and not scenario.full
    ),
]


@pytest.mark.parametrize(
    ("lost", "begun"), [(0.01, 0), (0.05, 0), (0.2, 0), (0, 0.3), (0, 0.8), (0.02, 0.5)]
)
@pytest.mark.parametrize("scenario", parameters(CAPTURES))
def test_no_honest_peer_is_flagged(
    scenario: truth.Scenario, lost: float, begun: float, tmp_path: Path
) -> None:
    traffic = thinned(scenario, lost, tmp_path, begun=begun, tables=mt.TABLES)
    assert len(traffic.messages) > 50
    if lost:
        assert (traffic.problems["kind"] == "lost").any()
    if begun:
        assert (traffic.connections["start"] == "midstream").any()
    labels = truth.labels(scenario) if scenario in labelled() else {}
    honest = {
        peer for peer in traffic.connections["peer"].dropna() if set(labels.get(peer, ())) <= HONEST
    }
    assert honest
    assert not honest & set(find_anomalies(traffic, rules=NAMES)["peer"])
