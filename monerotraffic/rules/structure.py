"""Rules on what a message looks like: fields, headers, encoding. Family `structure`."""

from __future__ import annotations

import pandas as pd

from monerotraffic.metrics.view import View
from monerotraffic.rules.rule import Parameters, Rule, observations

__all__ = ["RULES"]


def _support_flags_missing(view: View, parameters: Parameters) -> pd.DataFrame:
    said = view.node_data
    handshakes = said[(said["command"] == 1001) & (said["direction"] == "received") & (said["status"] == "complete")]
    return observations(handshakes[handshakes["support_flags"].isna()])


RULES = (
    Rule(
        name="support_flags_missing",
        family="structure",
        weight="weak",
        unit="handshake",
        definition="node_data of a whole 1001 without support_flags.",
        source="src/p2p/p2p_protocol_defs.h basic_node_data; arXiv 2509.10214, section on support flags omitted",
        observe=_support_flags_missing,
        holds="monerod 0.18 and later",
        paper="SFO",
        presets={"arxiv-v1": {}, "aft-2026": {}},
    ),
)
