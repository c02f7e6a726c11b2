"""From observations to findings, and from findings to verdicts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from monerotraffic.rules.rule import OBSERVATION, Parameters, Rule
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = ["FINDING", "PRESETS", "WEIGHTS", "find", "verdicts"]

PRESETS = ("default", "arxiv-v1", "aft-2026")
FINDING = (
    "peer",
    "rule",
    "family",
    "weight",
    "unit",
    "observations",
    "score",
    "first_time",
    "last_time",
    "connections",
    "messages",
    "places",
    "display_filter",
)
_TEXTS = ("peer", "rule", "family", "weight", "unit", "display_filter")
_TIMES = "datetime64[ns, UTC]"
WEIGHTS = {"strong": 0.9, "weak": 0.4, "context": 0.1}
"""How much a finding says that its peer is no standard node: findings combine as independent
evidence, 1 - Π (1 - weight).
"""

VERDICT = ("peer", "verdict", "score", *WEIGHTS, "rules", "first_time", "last_time")

_EVIDENCE = 20  # connections, messages and places named in one finding
_FILTERED = 5  # connections in its display filter


def find(
    traffic: Traffic | View,
    rules: Iterable[Rule],
    preset: str,
    parameters: Mapping[str, Parameters],
) -> pd.DataFrame:
    """One row per peer and rule, in order of peer and rule. `parameters` by rule are put over those
    of the preset.
    """
    view = viewed(traffic)
    own = set(view.traffic.hosts)
    made = []
    for rule in rules:
        base = rule.parameters_of(preset)
        if base is None:
            continue
        seen = rule(view, **{**base, **parameters.get(rule.name, {})})
        if list(seen.columns) != list(OBSERVATION):
            raise TypeError(f"rule {rule.name} gave the columns {list(seen.columns)}")
        seen = seen[seen["peer"].notna() & ~seen["peer"].isin(own)]
        if rule.weight != "context":  # several nodes hide behind a gateway
            seen = seen[~seen["peer"].isin(view.gateways)]
        if len(seen):
            made.append(_summed(view, rule, seen))
    if not made:
        return _empty(
            FINDING, **dict.fromkeys(_TEXTS, "str"), observations="int64", score="float64"
        )
    findings = pd.concat(made, ignore_index=True)
    return findings.sort_values(["peer", "rule"], kind="stable", ignore_index=True)[list(FINDING)]


def _empty(columns: Iterable[str], **dtypes: str) -> pd.DataFrame:
    """No rows, with the dtypes that rows would have."""
    times = {"first_time": _TIMES, "last_time": _TIMES}
    return pd.DataFrame(
        {name: pd.Series(dtype={**times, **dtypes}.get(name, "object")) for name in columns}
    )


def _summed(view: View, rule: Rule, seen: pd.DataFrame) -> pd.DataFrame:
    """The observations of one rule, a row per peer."""
    seen = seen.assign(peer=seen["peer"].astype(object))
    made = seen.groupby("peer", sort=True).agg(
        observations=("peer", "size"),
        score=("measure", "max"),
        first_time=("time", "min"),
        last_time=("time", "max"),
    )
    for name, column in (("connections", "connection"), ("messages", "message")):
        made[name] = _few(made.index, seen[["peer", column]])
    named = (
        seen[["peer", "file", "frame"]].dropna().drop_duplicates().groupby("peer").head(_EVIDENCE)
    )
    paths = view.traffic.files.set_index("file")["path"].astype(object)
    places = [
        f"{os.path.basename(str(paths.get(file, file)))}:{frame}"
        for file, frame in zip(named["file"], named["frame"], strict=True)
    ]
    made["places"] = _few(made.index, named[["peer"]].assign(place=places))
    made["display_filter"] = _filters(view, made["connections"])
    return made.reset_index().assign(
        rule=rule.name, family=rule.family, weight=rule.weight, unit=rule.unit
    )


def _few(peers: pd.Index, rows: pd.DataFrame) -> list[list[Any]]:
    """The first distinct values (the second column) of each of these peers (the first)."""
    peer, value = rows.columns
    few = rows.dropna().drop_duplicates().groupby(peer).head(_EVIDENCE)
    kept: dict[str, list[Any]] = {}
    for name, one in zip(few[peer], few[value].tolist(), strict=True):
        kept.setdefault(name, []).append(one)
    return [kept.get(name, []) for name in peers]


def _filters(view: View, connections: Iterable[list[int]]) -> list[str]:
    """For each list of connections a Wireshark display filter that shows the first of them."""
    first = [numbers[:_FILTERED] for numbers in connections]
    shown = view.connections[
        view.connections["connection"].isin({number for numbers in first for number in numbers})
    ]
    terms = {
        row.connection: (
            f"({'ipv6' if ':' in str(row.peer) else 'ip'}.addr == {row.peer} && tcp.port == "
            f"{row.client_port} && tcp.port == {row.server_port})"
        )
        for row in shown[["connection", "peer", "client_port", "server_port"]].itertuples()
    }
    return [
        " || ".join(terms[number] for number in numbers if number in terms) for numbers in first
    ]


def verdicts(findings: pd.DataFrame) -> pd.DataFrame:
    """One row per peer with findings: `score`, how many rules of each weight, their names, first
    and last time; the highest score first.

    `score` is 1 - Π (1 - WEIGHTS[weight]) over its rules. `verdict`: `anomalous` with a strong
    finding, or from 0.75 (three weak ones); `suspicious` from 0.4
    (a weak one); `context` below.
    """
    if findings.empty:
        return _empty(
            VERDICT,
            **dict.fromkeys(("peer", "verdict"), "str"),
            **dict.fromkeys(WEIGHTS, "int64"),
            score="float64",
        )
    doubt = np.log1p(-findings["weight"].map(WEIGHTS).astype(float))
    groups = findings.assign(doubt=doubt).groupby("peer", sort=True)
    made = groups.agg(
        doubt=("doubt", "sum"),
        rules=("rule", list),
        first_time=("first_time", "min"),
        last_time=("last_time", "max"),
    )
    made["score"] = 1 - np.exp(made.pop("doubt"))
    for weight in WEIGHTS:
        made[weight] = (
            findings[findings["weight"] == weight]
            .groupby("peer")
            .size()
            .reindex(made.index, fill_value=0)
        )
    made["verdict"] = np.select(
        [(made["strong"] > 0) | (made["score"] >= 0.75), made["score"] >= 0.4 - 1e-9],
        ["anomalous", "suspicious"],
        "context",
    )
    made = made.reset_index().sort_values(
        ["score", "peer"], ascending=[False, True], kind="stable", ignore_index=True
    )
    return made[list(VERDICT)]
