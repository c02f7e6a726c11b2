"""Findings of rules on the labelled captures."""

from __future__ import annotations

import gzip
import json
import random
import struct
from pathlib import Path
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


def thinned(scenario: truth.Scenario, rate: float, folder: Path) -> mt.Traffic:
    """The scenario without that share of its frames, dropped at random."""
    chance = random.Random(round(rate * 1000))
    made = []
    for part in scenario.parts:
        data = gzip.decompress(part.read_bytes()) if part.suffix == ".gz" else part.read_bytes()
        kept, at = [], 0
        while at < len(data):
            kind, length = struct.unpack_from("<II", data, at)
            if kind != 6 or chance.random() >= rate:  # 6: Enhanced Packet Block
                kept.append(data[at : at + length])
            at += length
        made.append(folder / part.name.removesuffix(".gz"))
        made[-1].write_bytes(b"".join(kept))
    return mt.read(made, host="198.51.100.10")


__all__ = ["found", "honest", "labels", "read", "spied", "thinned"]
