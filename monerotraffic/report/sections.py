"""The sections of a report's page as plain values: findings by operator, context, rules, tables.

Owns what is cut, and how values are shown. Used by report.page.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from monerotraffic.errors import printable
from monerotraffic.metrics.network import labels_of, subnets_of
from monerotraffic.report.exposure import exposure_table
from monerotraffic.report.operators import Group, operators
from monerotraffic.report.page_metrics import message_counts
from monerotraffic.report.redaction import Redaction
from monerotraffic.report.summary import counted
from monerotraffic.rules import RULES, WEIGHTS
from monerotraffic.rules.explanation import facts, plain
from monerotraffic.tables.view import View

__all__ = ["MOST_PEERS", "context_rows", "groups", "rules_with_findings", "tables"]

MOST_PEERS = 300
"""Peers shown with their evidence, those of the highest scores."""
MOST_ROWS = 100
"""Rows of a table."""
_PLACES = 8  # of a finding
_EXPOSURE = (
    "p is the share of slot time that the group holds. Of outgoing slots it is the probability "
    "that a transaction of this node goes to a peer of the group first; 95 % is its interval, p² "
    "the probability that the second hop is of the group too, and E[p²] the mean of p² over the "
    "epochs of Dandelion++ (about 10 minutes each)."
)
_NETWORKS = 3  # of a group


# ---- findings


def groups(
    view: View, judged: pd.DataFrame, findings: pd.DataFrame, systems: pd.DataFrame | None
) -> list[dict[str, Any]]:
    """The flagged peers by operator, the most certain group first. `judged` are the verdicts in
    their order.
    """
    flagged = judged[judged["verdict"] != "context"].head(MOST_PEERS)
    chosen = findings[findings["peer"].isin(flagged["peer"])]
    by_peer = dict(iter(chosen.groupby("peer"))) if len(chosen) else {}
    rows = {row.peer: row for row in flagged.itertuples()}
    networks = _networks(flagged["peer"], systems)
    return [
        {
            "signs": _signs(group),
            "peers": [_peer(rows[peer], by_peer[peer], networks[peer]) for peer in group.peers],
        }
        for group in operators(view, flagged, findings, systems)
    ]


def _signs(group: Group) -> list[str]:
    """Why the peers of a group are together."""
    networks = ", ".join(group.networks[:_NETWORKS])
    more = len(group.networks) - _NETWORKS
    if more > 0:
        networks += f" and {counted(more, 'more network')}"
    return [*([f"same causes in {networks}"] if networks else []), *group.links]


def _networks(peers: pd.Series, systems: pd.DataFrame | None) -> dict[str, str]:
    """By peer its subnet, and its autonomous system and country where they are known."""
    networks = {
        str(peer): subnet if isinstance(subnet, str) else "no IP address"
        for peer, subnet in subnets_of(peers).items()
    }
    if systems is not None:
        known = systems[systems["asn"].notna() & systems["host"].isin(peers)]
        for row in known.itertuples():
            name = printable(row.organisation) if isinstance(row.organisation, str) else ""
            networks[str(row.host)] += f", AS{row.asn} {name}".rstrip()
        countries = labels_of(pd.Index(peers), systems).get("country", [None] * len(peers))
        for host, country in zip(peers, countries, strict=True):
            if country is not None:
                networks[str(host)] += f", {country}"
    return networks


def _peer(row: Any, findings: pd.DataFrame, network: str) -> dict[str, Any]:
    order = findings["weight"].map(WEIGHTS.index)
    several = findings["vantage"].nunique() > 1
    ordered = findings.iloc[order.argsort(kind="stable")]
    shown = [_finding(one, several) for one in ordered.to_dict("records")]
    return {
        "peer": printable(str(row.peer)),
        "verdict": row.verdict,
        "score": f"{row.score:.2f}",
        "network": network,
        "why": shown[0]["reason"],
        "findings": shown,
    }


def _finding(finding: Mapping[str, Any], several: bool) -> dict[str, Any]:
    """`several`: findings of the peer are of more than one vantage node, and each names its own."""
    places: Sequence[str] = finding["places"]
    shown = ", ".join(printable(os.path.basename(place)) for place in places[:_PLACES])
    times = dict.fromkeys((clock(finding["first_time"]), clock(finding["last_time"])))
    return {
        "rule": finding["rule"],
        "weight": finding["weight"],
        "reason": printable(finding["reason"]),
        "observations": counted(int(finding["observations"]), finding["unit"]),
        "when": f"{' to '.join(times)} UTC" + (f", at {finding['vantage']}" if several else ""),
        "places": shown + (", …" if len(places) > _PLACES else ""),
        "display_filter": finding["display_filter"],
    }


def context_rows(
    judged: pd.DataFrame, findings: pd.DataFrame
) -> tuple[list[dict[str, str]], int, bool]:
    """Observations of peers with context only, how many such peers there are, and whether the rows
    are cut.
    """
    peers = judged.loc[judged["verdict"] == "context", "peer"]
    rows = findings[findings["peer"].isin(peers)]
    shown = [
        {"peer": printable(str(row.peer)), "rule": row.rule, "reason": printable(row.reason)}
        for row in rows.head(MOST_ROWS).itertuples()
    ]
    return shown, len(peers), len(rows) > MOST_ROWS


def rules_with_findings(findings: pd.DataFrame, preset: str) -> list[dict[str, Any]]:
    """The rules that found something, those with the most peers first."""
    peers = findings.groupby("rule")["peer"].nunique().sort_values(ascending=False, kind="stable")
    shown = []
    for name, count in peers.items():
        rule = RULES.get(str(name))
        if rule is None:
            continue
        terms = {term: plain(text) for term, text in facts(rule)}
        shown.append(
            {
                "name": rule.name,
                "id": rule.id,
                "weight": rule.weight,
                "peers": int(count),
                "standard": rule.standard,
                "definition": rule.definition_with(rule.parameters_of(preset) or rule.parameters),
                "cause": terms["cause"].replace("_", " "),
                "forgeable": terms["forgeable"],
                "false_positives": terms["false positives"],
                "evasion": terms["evasion"],
                "source": terms["source"],
            }
        )
    return shown


# ---- tables


def tables(
    view: View, judged: pd.DataFrame, findings: pd.DataFrame, redaction: Redaction | None
) -> Iterable[dict[str, Any]]:
    """What groups of peers hold, what the capture holds, and what could not be decoded."""
    title = "Exposure: share of the time of connection slots"
    held = _table("exposure", title, exposure_table(view, judged, findings), "No peer held a slot.")
    yield {**held, "note": _EXPOSURE}
    yield _table("messages", "Messages", message_counts(view), "No messages.")
    problems = (
        view.traffic.problems.groupby("kind", observed=True, dropna=False)
        .agg(problems=("kind", "size"), bytes=("bytes", "sum"))
        .reset_index()
    )
    title = "Problems: data that could not be decoded"
    yield _table("problems", title, problems, "Everything was decoded.")
    limits = pd.DataFrame(
        list(view.traffic.limits_reached.items()), columns=["limit", "times reached"]
    )
    yield _table("limits", "Limits reached", limits, "No limit was reached.")
    files = view.traffic.files[
        ["path", "packets", "monero_packets", "first_time", "last_time", "truncated"]
    ]
    named = [
        os.path.basename(str(path)) if redaction is None else redaction.path(str(path))
        for path in files["path"]
    ]
    yield _table("files", "Files", files.assign(path=named), "No files.")


def _table(name: str, title: str, frame: pd.DataFrame, empty: str) -> dict[str, Any]:
    numbers = [
        column
        for column in frame.columns
        if pd.api.types.is_numeric_dtype(frame[column])
        and not pd.api.types.is_bool_dtype(frame[column])
    ]
    rows = [
        {str(column): _shown(value) for column, value in row.items()}
        for row in frame.head(MOST_ROWS).to_dict("records")
    ]
    return {
        "name": name,
        "title": title,
        "columns": [str(column) for column in frame.columns],
        "numbers": numbers,
        "rows": rows,
        "more": max(0, len(frame) - MOST_ROWS),
        "empty": empty,
        "note": "",
    }


def clock(time: Any) -> str:
    """A time to the second."""
    return str(time.strftime("%Y-%m-%d %H:%M:%S")) if not pd.isna(time) else "?"


def _shown(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return clock(value)
    if value is None or value is pd.NaT or value is pd.NA:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else printable(str(value))
