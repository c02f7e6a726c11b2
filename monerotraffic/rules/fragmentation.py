"""Rules on how messages are cut into TCP segments and Levin fragments. Family `fragmentation`.
docs/metrics/fragmentation.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from monerotraffic.metrics.fragmentation import levin_fragments, segmentation
from monerotraffic.rules.rule import Parameters, Rule, observations
from monerotraffic.tables.view import View

__all__ = ["RULES"]


def _signature_alone(view: View, parameters: Parameters) -> pd.DataFrame:
    rows = segmentation(view)
    return observations(rows[rows["signature_alone"]])


def _header_alone(view: View, parameters: Parameters) -> pd.DataFrame:
    rows = segmentation(view)
    return observations(rows[rows["header_alone"]])


def _over_fragmented(view: View, parameters: Parameters) -> pd.DataFrame:
    rows = segmentation(view)
    cut_off = rows["signature_alone"] | rows["header_alone"]  # a habit with rules of its own
    factor = (rows["segments"] - cut_off) / rows["floor"]
    over = factor >= parameters["factor"]
    peers = rows["peer"].astype(object)
    many = over.groupby(peers).transform("sum")
    share = over.groupby(peers).transform("mean")
    flagged = over & (many >= parameters["least_messages"]) & (share >= parameters["share"])
    return observations(rows[flagged], factor[flagged])


def _levin_fragments(view: View, parameters: Parameters) -> pd.DataFrame:
    rows = levin_fragments(view)
    rows = rows[~rows["peer"].isin(view.loopback)]
    return observations(rows, rows["fragments"])


_PUBLISHED: Mapping[str, Parameters] = {"arxiv-v1": {}, "aft-2026": {}}

RULES: tuple[Rule, ...] = (
    Rule(
        name="signature_alone",
        family="fragmentation",
        weight="strong",
        unit="message",
        definition="A message whose first segment holds exactly its 8 signature bytes, and nothing of the message before it.",
        source="contrib/epee/src/levin_base.cpp message_writer::finalize: header and body are one buffer; arXiv 2509.10214 on packet fragmentation",
        observe=_signature_alone,
        paper="Sig",
        presets=_PUBLISHED,
    ),
    Rule(
        name="header_alone",
        family="fragmentation",
        weight="strong",
        unit="message",
        definition="A message with a body whose first segment holds exactly its 33 header bytes, and nothing of the message before it.",
        source="contrib/epee/src/levin_base.cpp message_writer::finalize: header and body are one buffer",
        observe=_header_alone,
        holds="monerod 0.15 and later (header and body were two writes before), Cuprate",
    ),
    Rule(
        name="over_fragmented",
        family="fragmentation",
        weight="weak",
        unit="message",
        definition="Messages in `factor` times the segments that a path with the smallest MTU needs, or more: `least_messages` and `share` of the peer's. A "
        "segment with just the signature or the header is not counted: it has rules of its own.",
        source="contrib/epee/include/net/abstract_tcp_server2.inl (Nagle is left on, a message is one buffer); RFC 9293 sections 3.7.1 and 3.8.6.2",
        observe=_over_fragmented,
        parameters={"factor": 2.0, "least_messages": 3, "share": 0.1},
    ),
    Rule(
        name="levin_fragments",
        family="fragmentation",
        weight="strong",
        unit="message",
        definition="A message joined from Levin fragments, noise, or a stray fragment, on clearnet. Measure: its fragments.",
        source="src/cryptonote_protocol/levin_notify.cpp: noise and fragments are for Tor and I2P zones only",
        observe=_levin_fragments,
        holds="monerod 0.15 and later, Cuprate",
    ),
)
