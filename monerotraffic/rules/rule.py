"""What a rule is, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from monerotraffic.tables.view import View

__all__ = ["OBSERVATION", "Parameters", "Rule", "observations"]

Family = Literal[
    "structure", "fragmentation", "peer_lists", "identity", "connections", "relay", "network"
]
Weight = Literal["strong", "weak", "context"]
Parameters = Mapping[str, Any]

OBSERVATION = ("peer", "connection", "message", "time", "file", "frame", "measure")
"""Columns of what a rule observed: one row for each thing that it counts. `measure` is the number
that the rule goes by, in its own terms (a ratio,
seconds, …)."""


@dataclass(frozen=True)
class Rule:
    """One way in which a peer can differ from a standard node.

    `observe` looks at a View with the parameters of a preset and gives one row per thing that it
    counts (`unit`), with the columns OBSERVATION.
    """

    name: str
    family: Family
    weight: Weight
    unit: str
    """What `observations` counts: message, connection, peer list, peer-list entry, handshake, host."""
    definition: str
    """When a peer is flagged, in a sentence or two."""
    source: str
    """Where the definition comes from: monerod file, section of the paper, whose fingerprint."""
    observe: Callable[[View, Parameters], pd.DataFrame]
    holds: str = "all versions of monerod"
    """For which versions or implementations the opposite is standard behaviour."""
    paper: str = ""
    """Abbreviation in the paper (arXiv 2509.10214), if it is one of its rules."""
    parameters: Parameters = field(default_factory=dict)
    """Of the preset `default`."""
    presets: Mapping[str, Parameters] = field(default_factory=dict)
    """Of the published variants that have this rule: what differs from `parameters`."""

    def parameters_of(self, preset: str) -> Parameters | None:
        """Parameters of a preset; None if the rule is not in it."""
        if preset == "default":
            return self.parameters
        return {**self.parameters, **self.presets[preset]} if preset in self.presets else None


def observations(rows: pd.DataFrame, measure: Any = None) -> pd.DataFrame:
    """Rows of a View's frame as observations.

    What they lack of `connection`, `message`, `file`, `frame` is missing; `measure` is given, or a
    column, or 1. Rows of connections count from their opening.
    """
    made = pd.DataFrame(index=rows.index)
    made["peer"] = rows["peer"]
    for name in ("connection", "message", "file", "frame"):
        made[name] = (
            rows[name].astype("Int64")
            if name in rows
            else pd.array([pd.NA] * len(rows), dtype="Int64")
        )
    made["time"] = rows["time"] if "time" in rows else rows["opened"]
    given = rows["measure"] if measure is None and "measure" in rows else measure
    made["measure"] = pd.Series(
        given if given is not None else 1.0, index=rows.index, dtype="float64"
    )
    return made[list(OBSERVATION)].reset_index(drop=True)
