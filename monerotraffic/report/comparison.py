"""Two captures or data sets side by side: populations, findings and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from monerotraffic.metrics.network import peer_subnets
from monerotraffic.report.summary import counted, section, span, span_text
from monerotraffic.rules.verdicts import VERDICTS, verdicts
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View

__all__ = ["comparison_to_dict", "format_comparison"]

_SIDES = ("a", "b")
_NAMED = 50  # peers that the text lists


def comparison_to_dict(
    traffic: tuple[Traffic, Traffic], findings: tuple[pd.DataFrame, pd.DataFrame]
) -> dict[str, Any]:
    """Returns the comparison as values for JSON. Traffic needs connections, problems and files.

    `a`, `b`: span, vantage hosts, and numbers: peers, connections, messages, subnets, median
    seconds of a connection, and the peers of each verdict. `peers`: how many peers are in one or
    both. `rules`: by rule the peers with findings in each, and in both. `verdicts`: the peers whose
    verdict differs, or that only one has.
    """
    judged = [verdicts(one).set_index("peer")["verdict"].to_dict() for one in findings]
    views = [View(one) for one in traffic]
    peers = [set(view.connections["peer"].astype(str)) for view in views]
    return {
        **{
            side: {
                "vantage": list(view.traffic.hosts),
                "span": span(view.traffic),
                **_numbers(view, verdict),
            }
            for side, view, verdict in zip(_SIDES, views, judged, strict=True)
        },
        "peers": _overlap(peers[0], peers[1]),
        "rules": _rules(findings),
        "verdicts": [
            {"peer": peer, "a": judged[0].get(peer), "b": judged[1].get(peer)}
            for peer in sorted({*judged[0], *judged[1]})
            if judged[0].get(peer) != judged[1].get(peer)
        ],
    }


def _numbers(view: View, judged: Mapping[str, str]) -> dict[str, Any]:
    links = view.connections
    seconds = (links["closed"] - links["opened"]).dt.total_seconds()
    levels = list(judged.values())
    return {
        "peers": int(links["peer"].nunique()),
        "subnets": len(peer_subnets(view)),
        "connections": len(links),
        "incoming": int((links["direction"] == "incoming").sum()),
        "messages": int((links["client_messages"] + links["server_messages"]).sum()),
        "median_seconds": float(seconds.median()) if len(seconds) else None,
        **{verdict: levels.count(verdict) for verdict in VERDICTS},
    }


def _overlap(one: set[str], other: set[str]) -> dict[str, int]:
    return {"a": len(one - other), "b": len(other - one), "both": len(one & other)}


def _rules(findings: tuple[pd.DataFrame, pd.DataFrame]) -> list[dict[str, Any]]:
    by_rule = [
        {str(rule): set(rows["peer"]) for rule, rows in one.groupby("rule")} for one in findings
    ]
    none: set[str] = set()
    return [
        {
            "rule": rule,
            "a": len(by_rule[0].get(rule, none)),
            "b": len(by_rule[1].get(rule, none)),
            "both": len(by_rule[0].get(rule, none) & by_rule[1].get(rule, none)),
        }
        for rule in sorted({*by_rule[0], *by_rule[1]})
    ]


def format_comparison(numbers: Mapping[str, Any], names: tuple[str, str]) -> str:
    """Returns the comparison as text with aligned tables."""
    rows = [
        {"": name, "A": numbers["a"][name], "B": numbers["b"][name]}
        for name in numbers["a"]
        if name not in ("vantage", "span")
    ]
    differing = numbers["verdicts"]
    shown = [{"peer": row["peer"], "A": row["a"], "B": row["b"]} for row in differing[:_NAMED]]
    more = f"; the first {_NAMED}" if len(differing) > _NAMED else ""
    both = numbers["peers"]
    return (
        "\n\n".join(
            [
                f"A  {names[0]}: {span_text(numbers['a']['span'])}\n"
                f"B  {names[1]}: {span_text(numbers['b']['span'])}",
                section(
                    f"{counted(both['both'], 'peer')} in both, {both['a']:,} in A only, "
                    f"{both['b']:,} in B only",
                    rows,
                ),
                section(
                    "peers by rule",
                    [
                        {"rule": row["rule"], "A": row["a"], "B": row["b"], "both": row["both"]}
                        for row in numbers["rules"]
                    ],
                ),
                section(f"{counted(len(differing), 'peer')} with different verdicts{more}", shown),
            ]
        )
        + "\n"
    )
