"""From observations to findings: runs the rules, weighs the evidence, names the packets.

Owns the columns of findings. Knows no single rule, and nothing of verdicts. Used by find_anomalies.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.rules.eligibility import gateways
from monerotraffic.rules.groups import in_groups
from monerotraffic.rules.likelihood import chance_of
from monerotraffic.rules.rule import OBSERVATION, PRESETS, Parameters, Rule
from monerotraffic.rules.significance import significant
from monerotraffic.rules.versions import outside
from monerotraffic.tables.population import PopulationView
from monerotraffic.tables.view import View

__all__ = ["FINDING", "PRESETS", "empty_frame", "find"]

FINDING = (
    "vantage",
    "peer",
    "rule",
    "id",
    "family",
    "cause",
    "forgeable_by",
    "weight",
    "unit",
    "observations",
    "score",
    "reason",
    "conclusive",
    "significant",
    "first_time",
    "last_time",
    "connections",
    "messages",
    "places",
    "display_filter",
)

_DTYPES = {
    **dict.fromkeys(("vantage", "peer", "rule", "id", "family", "cause"), "str"),
    **dict.fromkeys(("forgeable_by", "weight", "unit", "reason", "display_filter"), "str"),
    **dict.fromkeys(("conclusive", "significant"), "bool"),
    "observations": "int64",
    "score": "float64",
}

_EVIDENCE = 20  # connections, messages and places named in one finding
_FILTERED = 5  # connections in its display filter
_APART = pd.Timedelta(seconds=60)  # two observations on one connection that confirm each other
_KEY = ["peer", "connection", "message"]


def find(
    views: Mapping[str, View],
    rules: Iterable[Rule],
    preset: str,
    parameters: Mapping[str, Parameters],
    agree: int = 1,
) -> pd.DataFrame:
    """One row per vantage node, peer and rule, in order of peer, rule and node. `views` by name of
    the node; `parameters` by rule override those of the preset. What fewer than `agree` nodes find
    is context.

    The rules are applied to each node by itself, because the clocks of the nodes differ.
    """
    chosen = [
        (rule, {**base, **parameters.get(rule.name, {})})
        for rule in rules
        if (base := rule.parameters_of(preset)) is not None
    ]
    findings_of_nodes = [
        findings.assign(vantage=name)
        for name, view in views.items()
        if len(findings := _of_node(view, chosen))
    ]
    if not findings_of_nodes:
        return empty_frame(FINDING, **_DTYPES)
    findings = pd.concat(findings_of_nodes, ignore_index=True)
    peers = sum(view.heard for view in views.values())
    of_node = findings["vantage"] + " " + findings["peer"]
    findings["significant"] = significant(findings.assign(peer=of_node), peers)
    if agree > 1:
        findings = _agreed(findings, agree)
    return findings.sort_values(["peer", "rule", "vantage"], kind="stable", ignore_index=True)[
        list(FINDING)
    ]


def _of_node(view: View, rules: Sequence[tuple[Rule, Parameters]]) -> pd.DataFrame:
    """The findings of one vantage node, a row per peer and rule."""
    if isinstance(view, PopulationView):
        frames = in_groups(view, rules, _applied)
    else:
        frames = _applied(view, rules)
    if not frames:
        return empty_frame(FINDING, **_DTYPES)
    return _excused(pd.concat(frames, ignore_index=True), gateways(view))


def _applied(view: View, rules: Iterable[tuple[Rule, Parameters]]) -> list[pd.DataFrame]:
    """The findings of each rule that has some, among the peers of a View."""
    excluded = set(view.whole.traffic.hosts)
    frames = []
    for rule, parameters in rules:
        seen = _observed(view, rule, parameters)
        seen = seen[seen["peer"].notna() & ~seen["peer"].isin(excluded)]
        if len(seen):
            frames.append(_summed(view, rule, parameters, seen))
    return frames


def _excused(findings: pd.DataFrame, shared: frozenset[str]) -> pd.DataFrame:
    """Findings of addresses that stand for others become context."""
    excused = findings["peer"].isin(shared)
    chance = findings["rule"].map(chance_of)
    return findings.assign(
        weight=findings["weight"].mask(excused, "context"),
        conclusive=findings["conclusive"].astype(bool) & ~excused,
        chance=findings["chance"].mask(excused, chance),
    )


def _agreed(findings: pd.DataFrame, agree: int) -> pd.DataFrame:
    """Findings of rules that fewer than `agree` vantage nodes find in a peer become context."""
    accusing = findings[findings["weight"] != "context"]
    nodes = accusing.groupby(["peer", "rule"])["vantage"].nunique()
    pairs = pd.MultiIndex.from_frame(findings[["peer", "rule"]])
    enough = nodes.reindex(pairs, fill_value=0).to_numpy() >= agree
    return findings.assign(
        weight=findings["weight"].where(enough, "context"),
        conclusive=findings["conclusive"] & enough,
        significant=findings["significant"] & enough,
    )


def _observed(view: View, rule: Rule, parameters: Parameters) -> pd.DataFrame:
    """The observations of a rule. They accuse only where the accepted messages alone show the same:
    what the capture does not show to be accepted is context. Peers whose version is known to be
    outside of those that the rule holds for have no observations.
    """
    seen = rule(view, **parameters)
    if list(seen.columns) != list(OBSERVATION):
        raise TypeError(f"rule {rule.name} returned the columns {list(seen.columns)}")
    if view.evidence is not view and rule.weight != "context":
        sure = rule(view.evidence, **parameters)
        seen["accuses"] &= _keys(seen).isin(_keys(sure[sure["accuses"]]))
    return seen[~outside(view, rule.since, rule.until, seen)].reset_index(drop=True)


def _keys(seen: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(
        seen[_KEY]
        .assign(peer=seen["peer"].astype(object))
        .fillna({"connection": -1, "message": -1})
    )


def empty_frame(columns: Iterable[str], **dtypes: str) -> pd.DataFrame:
    """No rows, with the dtypes that rows would have; `object` where none is given."""
    times = dict.fromkeys(("first_time", "last_time"), "datetime64[ns, UTC]")
    return pd.DataFrame(
        {name: pd.Series(dtype={**times, **dtypes}.get(name, "object")) for name in columns}
    )


def _summed(view: View, rule: Rule, parameters: Parameters, seen: pd.DataFrame) -> pd.DataFrame:
    """The observations of one rule, a row per peer."""
    seen = seen.assign(peer=seen["peer"].astype(object))
    findings = seen.groupby("peer", sort=True).agg(
        observations=("peer", "size"),
        score=("measure", "max"),
        lowest=("measure", "min"),
        accuses=("accuses", "any"),
        first_time=("time", "min"),
        last_time=("time", "max"),
    )
    findings["reason"] = [
        rule.why(parameters, highest, lowest, observations)
        for highest, lowest, observations in zip(
            findings["score"], findings.pop("lowest"), findings["observations"], strict=True
        )
    ]
    accusing = seen[seen["accuses"]]
    findings["weight"] = np.where(findings.pop("accuses"), rule.weight, "context")
    findings["conclusive"] = (
        _confirmed(view, findings.index, accusing)
        if rule.weight == "strong" and rule.forgeable_by == "nobody"
        else False
    )
    findings["chance"] = accusing.groupby("peer")["chance"].min().reindex(findings.index)
    findings["chance"] = findings["chance"].fillna(chance_of(rule.name))
    for name, column in (("connections", "connection"), ("messages", "message")):
        findings[name] = _few(findings.index, seen[["peer", column]])
    findings["places"] = _few(findings.index, _places(view, seen))
    findings["display_filter"] = _filters(view, findings["connections"])
    return findings.reset_index().assign(
        rule=rule.name,
        id=rule.id,
        family=rule.family,
        cause=rule.cause,
        forgeable_by=rule.forgeable_by,
        unit=rule.unit,
    )


def _confirmed(view: View, peers: pd.Index, seen: pd.DataFrame) -> NDArray[np.bool_]:
    """Which peers were observed on two connections, or twice on one connection at least 60 s
    apart.
    """
    both = pd.concat(
        [
            seen[["peer", "connection"]],
            seen[["peer", "other_connection"]].set_axis(["peer", "connection"], axis=1),
        ]
    ).dropna()
    several = both.groupby("peer")["connection"].nunique() > 1
    times = seen.dropna(subset=["connection"]).groupby(["peer", "connection"])["time"]
    apart = (times.max() - times.min() >= _APART).groupby("peer").any()
    confirmed: NDArray[np.bool_] = (
        several.reindex(peers, fill_value=False) | apart.reindex(peers, fill_value=False)
    ).to_numpy(dtype=bool)
    return confirmed


def _places(view: View, seen: pd.DataFrame) -> pd.DataFrame:
    """Peer and `file:frame` of the first observations of each peer."""
    named = (
        seen[["peer", "file", "frame"]].dropna().drop_duplicates().groupby("peer").head(_EVIDENCE)
    )
    paths = view.traffic.files.set_index("file")["path"].astype(object)
    places = [
        f"{os.path.basename(str(paths.get(file, file)))}:{frame}"
        for file, frame in zip(named["file"], named["frame"], strict=True)
    ]
    return named[["peer"]].assign(place=places)


def _few(peers: pd.Index, rows: pd.DataFrame) -> list[list[Any]]:
    """The first distinct values (second column of `rows`) of each peer (first column)."""
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
            f"({'ipv6' if ':' in str(row.peer) else 'ip'}.addr == {row.peer} && "
            f"tcp.port == {row.client_port} && tcp.port == {row.server_port})"
        )
        for row in shown[["connection", "peer", "client_port", "server_port"]].itertuples()
    }
    return [
        " || ".join(terms[number] for number in numbers if number in terms) for numbers in first
    ]
