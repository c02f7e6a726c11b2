"""The head of a report: how many peers are anomalous, what they hold, and what to do.

Owns the numbers of the head. Used by report.page.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from monerotraffic import metrics
from monerotraffic.rules import VERDICTS
from monerotraffic.tables.view import View

__all__ = ["Holding", "counts", "holdings"]


@dataclass(frozen=True)
class Holding:
    """What peers of one verdict hold of the connections of one direction."""

    direction: str
    connections: int
    share: float | None
    """Of the connection time of all peers, 0 to 1; None without connection time."""
    slots: float
    """Connections that they hold at one time, on average over the capture and the vantage nodes."""


def counts(view: View, verdicts: pd.DataFrame) -> dict[str, int]:
    """The number of peers, and of peers by verdict."""
    by_verdict = verdicts["verdict"].value_counts()
    return {
        "peers": int(view.connections["peer"].nunique()),
        **{name: int(by_verdict.get(name, 0)) for name in VERDICTS},
    }


def holdings(view: View, verdicts: pd.DataFrame) -> dict[str, list[Holding]]:
    """By direction (`incoming`, `outgoing`) what all peers hold (first), and the anomalous ones."""
    return {direction: _of(view, verdicts, direction) for direction in ("incoming", "outgoing")}


def _of(
    view: View, verdicts: pd.DataFrame, direction: Literal["incoming", "outgoing"]
) -> list[Holding]:
    held = metrics.slot_holders(view, direction)
    names = verdicts.loc[verdicts["verdict"] == "anomalous", "peer"]
    seconds = float(held["seconds"].sum())
    time = _seconds(view)
    return [
        Holding(
            direction,
            int(rows["connections"].sum()),
            float(rows["seconds"].sum()) / seconds if seconds > 0 else None,
            float(rows["seconds"].sum()) / time if time > 0 else 0.0,
        )
        for rows in (held, held[held["peer"].astype(object).isin(names)])
    ]


def _seconds(view: View) -> float:
    """How long the vantage nodes were observed, all together: each from its first connection to its
    last packet.
    """
    spans = (
        (part.connections["opened"].min(), part.connections["closed"].max())
        for part in view.by_vantage.values()
    )
    return math.fsum(
        (last - first).total_seconds()
        for first, last in spans
        if not pd.isna(first) and not pd.isna(last)
    )
