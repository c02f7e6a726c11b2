"""Innocent peers in awkward situations, and guilty ones: who is banned, whatever others do.

Each capture of tests/data/trust has a vantage node (`host`), `innocent` addresses, which the
default list must not ban, and `guilty` ones, which it must: F… somebody else makes an innocent
address look guilty, N… honest nodes share or change addresses, G… the guilty.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic.rules import find_anomalies, verdicts
from monerotraffic.rules.bans import ban

FOLDER = Path(__file__).resolve().parents[1] / "data" / "trust"
SITUATIONS = json.loads((FOLDER / "expected.json").read_text())


@pytest.mark.parametrize(
    "situation", [pytest.param(one, id=one["file"].split(".")[0]) for one in SITUATIONS]
)
def test_no_innocent_is_banned_and_every_guilty_is(situation: dict[str, Any]) -> None:
    traffic = mt.read(FOLDER / situation["file"], host=situation["host"])
    findings = find_anomalies(traffic)
    banned = set(ban(findings).peers)
    assert banned & set(situation["innocent"]) == set()
    assert banned >= set(situation["guilty"])
    judged = verdicts(findings).set_index("peer")["verdict"]
    assert {peer for peer in situation["innocent"] if judged.get(peer) == "suspicious"} == set()


def test_there_are_captures_of_each_kind() -> None:
    assert {one["file"][0] for one in SITUATIONS} == set("bfng")
    assert sum(bool(one["guilty"]) for one in SITUATIONS) == 5
