"""Checks that every metric and every rule shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

import monerotraffic as mt
from monerotraffic.rules import find_anomalies
from monerotraffic.tables.view import View

Metric = Callable[[mt.Traffic | View], pd.DataFrame]


def flagged(
    rule: str, traffic: mt.Traffic, preset: str = "default", **parameters: Any
) -> dict[str, int]:
    """How many a rule counts, by the peers that it flags."""
    findings = find_anomalies(traffic, preset, rules=[rule], parameters={rule: parameters})
    return dict(
        zip(findings["peer"], (int(count) for count in findings["observations"]), strict=True)
    )


def check_metric(metric: Metric, traffic: mt.Traffic) -> None:
    """A View gives the same as its Traffic, and a capture without peers the same columns."""
    none = mt.read(traffic.files["path"].iloc[0], host="203.0.113.77")  # between two others
    pd.testing.assert_frame_equal(metric(traffic), metric(View(traffic)))
    empty = metric(none)
    assert len(empty) == 0
    assert list(empty.columns) == list(metric(traffic).columns)
