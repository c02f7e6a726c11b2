"""Verdicts and findings with evidence, as values for JSON, as text for a terminal, as Markdown, and
as CSV.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from monerotraffic.atomic import replacing
from monerotraffic.errors import printable
from monerotraffic.report.summary import clock, counted, head, records, section, span, span_text
from monerotraffic.rules import RULES, verdicts
from monerotraffic.tables.traffic import Traffic

__all__ = [
    "csv_cell",
    "findings_to_csv",
    "findings_to_csv_text",
    "findings_to_dict",
    "findings_to_markdown",
    "format_findings",
]

Path = str | os.PathLike[str]


def findings_to_dict(traffic: Traffic, findings: pd.DataFrame, preset: str) -> dict[str, Any]:
    """Returns the findings as values for JSON, with times as ISO 8601 text.

    `peers`: the number of peers and of each verdict; `verdicts` and `findings`: the rows of these
    frames; `rules`: the definitions of the rules with findings. A measure that JSON cannot
    represent (not a number, infinite) is None.
    """
    judged = verdicts(findings)
    seen = traffic.connections["peer"].nunique()
    return {
        "vantage": {"hosts": list(traffic.hosts)},
        "span": span(traffic),
        "preset": preset,
        "peers": {
            "count": int(seen),
            **{
                verdict: int((judged["verdict"] == verdict).sum())
                for verdict in ("anomalous", "suspicious", "context")
            },
        },
        "verdicts": records(judged),
        "findings": records(
            findings.assign(
                score=findings["score"].where(np.isfinite(findings["score"].astype(float)))
            )
        ),
        "rules": {
            name: rule.definition_with(rule.parameters_of(preset) or rule.parameters)
            for name, rule in RULES.items()
            if (findings["rule"] == name).any()
        },
    }


def format_findings(numbers: Mapping[str, Any]) -> str:
    """Returns text with the verdicts, the findings with the first position of each and its reason,
    and the definitions of the rules. `numbers` are those of findings_to_dict.
    """
    peers, findings = numbers["peers"], numbers["findings"]
    several = len({row["vantage"] for row in findings}) > 1
    title = (
        f"{counted(peers['count'], 'peer')}: {peers['anomalous']:,} anomalous, "
        f"{peers['suspicious']:,} suspicious, {peers['context']:,} with context only"
    )
    sections = [
        "\n".join([*head(numbers), f"preset        {numbers['preset']}"]),
        section(title, [_verdict(row) for row in numbers["verdicts"]]),
        section(counted(len(findings), "finding"), [_finding(row, several) for row in findings]),
        *(
            [
                section(
                    "definitions of the rules",
                    [
                        {"rule": name, "definition": definition}
                        for name, definition in numbers["rules"].items()
                    ],
                )
            ]
            if findings
            else []
        ),
    ]
    return "\n\n".join(sections) + "\n"


def _verdict(row: Mapping[str, Any]) -> dict[str, Any]:
    weights = {weight: int(row[weight]) for weight in ("strong", "weak", "context")}
    return {
        "peer": row["peer"],
        "verdict": row["verdict"],
        "score": f"{row['score']:.3f}",
        **weights,
        "rules": ", ".join(row["rules"]),
    }


def _finding(row: Mapping[str, Any], several: bool) -> dict[str, Any]:
    """`several`: there is more than one vantage node, so that each row names its own."""
    places = row["places"]
    evidence = (
        None
        if not places
        else places[0]
        if len(places) == 1
        else f"{places[0]} and {len(places) - 1} more"
    )
    times = {
        name: None if row[name] is None else clock(row[name])
        for name in ("first_time", "last_time")
    }
    return {
        **({"vantage": row["vantage"]} if several else {}),
        **{name: row[name] for name in ("peer", "rule", "weight")},
        **times,
        "evidence": evidence,
        "reason": row["reason"],
    }


def findings_to_markdown(numbers: Mapping[str, Any]) -> str:
    """Returns Markdown for a note or an issue: the verdicts, and per peer the reasons with the
    first position of each. `numbers` are those of findings_to_dict.
    """
    peers = numbers["peers"]
    lines = [
        f"Vantage node {', '.join(map(_escaped, numbers['vantage']['hosts'])) or 'unknown'}, "
        f"{span_text(numbers['span'])}, preset {numbers['preset']}. "
        f"{counted(peers['count'], 'peer')}: {peers['anomalous']:,} anomalous, "
        f"{peers['suspicious']:,} suspicious, {peers['context']:,} with context only.",
    ]
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for row in numbers["findings"]:
        rows.setdefault(row["peer"], []).append(row)
    for verdict in numbers["verdicts"]:
        lines += [
            "",
            f"## {_escaped(verdict['peer'])}: {verdict['verdict']}, score {verdict['score']:.3f}",
            "",
        ]
        for row in rows.get(verdict["peer"], ()):
            place = f" ({_escaped(row['places'][0])})" if row["places"] else ""
            reason = _escaped(row["reason"])
            lines.append(f"- **{row['rule']}** ({row['weight']}): {reason}{place}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is. Names of hosts and files are untrusted."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", printable(text))


def findings_to_csv_text(findings: pd.DataFrame) -> str:
    """The rows of findings_to_csv as text."""
    return str(_csv_rows(findings).to_csv(index=False))


def findings_to_csv(findings: pd.DataFrame, path: Path) -> None:
    """Writes the findings as CSV: ids joined by spaces, places by semicolons. Cells that a
    spreadsheet would execute begin with an apostrophe. Raises OSError; then the old file stays.
    """
    with replacing(path, newline="") as file:
        _csv_rows(findings).to_csv(file, index=False)


def _csv_rows(findings: pd.DataFrame) -> pd.DataFrame:
    rows = findings.copy()
    for name in ("connections", "messages"):
        rows[name] = [" ".join(map(str, ids)) for ids in findings[name]]
    rows["places"] = [csv_cell("; ".join(places)) for places in findings["places"]]
    for name in ("first_time", "last_time"):
        rows[name] = [None if pd.isna(time) else time.isoformat() for time in findings[name]]
    for name in ("peer", "reason", "display_filter"):
        rows[name] = [csv_cell(str(value)) for value in findings[name]]
    return rows


def csv_cell(text: str) -> str:
    """Text that no spreadsheet executes as a formula. Names of hosts and files are untrusted."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown
