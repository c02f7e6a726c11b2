"""Findings of rules on the labelled captures."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
import truth
from test_truth import read

import monerotraffic as mt
from monerotraffic.rules import find_anomalies

HONEST_SCENARIOS = ("honest", "lossy", "ipv6")


def spied() -> list[Any]:
    """Scenarios with labelled peers, the excerpts too where they have labels."""
    return [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios() if (scenario.folder / "labels.json").exists()]


def honest() -> list[Any]:
    """Files of captures in which there are monerods only."""
    made = [pytest.param(scenario.parts, id=scenario.id) for scenario in truth.scenarios() if scenario.name in HONEST_SCENARIOS]
    return made + [pytest.param([path], id=f"{path.parent.parent.name}-{path.name}") for path, _ in truth.derived()]


def labels(scenario: truth.Scenario) -> dict[str, list[str]]:
    made: dict[str, list[str]] = json.loads((scenario.folder / "labels.json").read_text())
    return made


def found(traffic: mt.Traffic, names: list[str]) -> pd.DataFrame:
    return find_anomalies(traffic, rules=names)


__all__ = ["found", "honest", "labels", "read", "spied"]
