"""The report: one self-contained HTML page with findings, evidence and pictures; the findings as
CSV; the ban list that follows.

Needs matplotlib and jinja2 (`pip install 'monerotraffic[report]'`).
"""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from monerotraffic import banlist
from monerotraffic._version import __version__
from monerotraffic.atomic import replacing
from monerotraffic.errors import printable
from monerotraffic.report.figures import FIGURES, Material, draw, svg
from monerotraffic.report.paper import write_figures, write_macros
from monerotraffic.report.summary import span, span_text
from monerotraffic.report.text import findings_to_csv
from monerotraffic.rules import RULES, WEIGHTS, find_anomalies, verdicts
from monerotraffic.rules.bans import ban
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = ["Written", "write"]

_PEERS = 100  # of the highest scores, with their evidence
_PLACES = 8  # of a finding


class Written(NamedTuple):
    """Where the parts of a report are."""

    page: Path
    findings: Path
    ban_list: Path


def write(
    traffic: Traffic | View,
    out: str | os.PathLike[str],
    preset: str = "default",
    title: str = "Monero P2P traffic",
    paper: bool = False,
    systems: pd.DataFrame | None = None,
) -> Written:
    """Writes `report.html`, `findings.csv` and `ban_list.txt` (of anomalous peers) into the folder
    `out`, which is made if it is not there.

    With `paper` also every figure as PDF (`figure_<name>.pdf`) and the numbers as LaTeX macros
    (`macros.tex`).

    `systems`, what metrics.autonomous_systems gives for the peers, is named in the picture of
    subnets.

    The page is whole: nothing is loaded from anywhere, there is no script in it. Same input, same
    bytes. Raises ImportError without matplotlib and jinja2,
    OSError, and ValueError for an unknown preset.
    """
    view = viewed(traffic)
    findings = find_anomalies(view, preset)
    material = Material(view, findings, verdicts(findings), systems)
    text = _page(material, preset, title)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    made = Written(folder / "report.html", folder / "findings.csv", folder / "ban_list.txt")
    with replacing(made.page) as file:
        file.write(text)
    findings_to_csv(findings, made.findings)
    bans = ban(findings, seen=[*view.connections["peer"].unique(), *view.traffic.hosts])
    banlist.write(
        bans.listed,
        made.ban_list,
        head=[
            f"Made by monerotraffic {__version__}, preset {preset}: {len(bans.peers):,} anomalous peers."
        ],
    )
    if paper:
        write_figures(material, folder)
        write_macros(material, folder / "macros.tex")
    return made


def page(
    traffic: Traffic | View,
    findings: pd.DataFrame,
    preset: str = "default",
    title: str = "Monero P2P traffic",
) -> str:
    """The page as text."""
    return _page(Material(viewed(traffic), findings, verdicts(findings)), preset, title)


def _page(material: Material, preset: str, title: str) -> str:
    import jinja2

    view, findings, judged = material.view, material.findings, material.verdicts
    template = (
        importlib.resources.files("monerotraffic.report")
        .joinpath("page.html")
        .read_text(encoding="utf-8")
    )
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    peers = _peers(judged, findings)
    return environment.from_string(template).render(
        title=title,
        hosts=", ".join(view.traffic.hosts) or "unknown",
        span=span_text(span(view.traffic)),
        preset=preset,
        version=__version__,
        weights=", ".join(f"{name} {weight}" for name, weight in WEIGHTS.items()),
        tiles=_tiles(view, judged),
        peers=peers,
        more=len(judged) - len(peers),
        figures=_figures(material),
        tables=list(_tables(view, findings)),
    )


def _figures(material: Material) -> list[dict[str, Any]]:
    from markupsafe import Markup

    # matplotlib escapes what it writes into an SVG; nothing else of the page is trusted.
    return [
        {
            "name": drawing.name,
            "title": drawing.title,
            "caption": drawing.caption,
            "svg": Markup(svg(draw(drawing, material))),
        }
        for drawing in FIGURES
    ]


# ---- the head ----


def _clock(time: Any) -> str:
    return str(time.strftime("%Y-%m-%d %H:%M:%S")) if not pd.isna(time) else "?"


def _tiles(view: View, judged: pd.DataFrame) -> list[dict[str, str]]:
    counts = judged["verdict"].value_counts() if len(judged) else pd.Series(dtype=int)
    numbers = {
        "peers": view.connections["peer"].nunique(),
        "anomalous": counts.get("anomalous", 0),
        "suspicious": counts.get("suspicious", 0),
        "connections": len(view.connections),
        "messages": len(view.messages),
        "peer-list entries received": len(view.peer_lists),
    }
    return [{"text": text, "value": f"{int(number):,}"} for text, number in numbers.items()]


# ---- findings ----


def _peers(judged: pd.DataFrame, findings: pd.DataFrame) -> list[dict[str, Any]]:
    by_peer = dict(iter(findings.groupby("peer"))) if len(findings) else {}
    return [
        {
            "peer": printable(str(row.peer)),
            "verdict": row.verdict,
            "score": f"{row.score:.2f}",
            "rules": ", ".join(row.rules),
            "findings": [_finding(finding) for finding in by_peer[row.peer].to_dict("records")],
        }
        for row in judged[judged["verdict"] != "context"].head(_PEERS).itertuples()
    ]


def _finding(finding: Mapping[str, Any]) -> dict[str, Any]:
    places: Sequence[str] = finding["places"]
    shown = ", ".join(printable(os.path.basename(place)) for place in places[:_PLACES])
    count = int(finding["observations"])
    return {
        "rule": finding["rule"],
        "weight": finding["weight"],
        "observations": f"{count:,} {finding['unit']}{'' if count == 1 else 's'}",
        "definition": RULES[finding["rule"]].definition if finding["rule"] in RULES else "",
        "when": f"{_clock(finding['first_time'])} to {_clock(finding['last_time'])} UTC"
        if finding["first_time"] != finding["last_time"]
        else f"{_clock(finding['first_time'])} UTC",
        "places": shown + (", …" if len(places) > _PLACES else ""),
        "display_filter": finding["display_filter"],
    }


# ---- tables ----


def _tables(view: View, findings: pd.DataFrame) -> Iterable[dict[str, Any]]:
    yield _table("Rules that found something", _by_rule(findings), "No rule found anything.")
    said = (
        view.messages.groupby(["name", "kind", "direction", "status"], observed=True)
        .size()
        .reset_index(name="messages")
    )
    yield _table(
        "Messages", said.sort_values("messages", ascending=False), "There are no messages."
    )
    problems = (
        view.traffic.problems.groupby("kind", observed=True)
        .agg(problems=("kind", "size"), bytes=("bytes", "sum"))
        .reset_index()
    )
    yield _table("What could not be decoded", problems, "Everything was decoded.")
    limits = pd.DataFrame(
        list(view.traffic.limits_reached.items()), columns=["limit", "times reached"]
    )
    yield _table("Limits that were reached", limits, "None was.")
    files = view.traffic.files[
        ["path", "packets", "monero_packets", "first_time", "last_time", "truncated"]
    ]
    yield _table(
        "Files",
        files.assign(path=[os.path.basename(str(path)) for path in files["path"]]),
        "There are none.",
    )


def _by_rule(findings: pd.DataFrame) -> pd.DataFrame:
    counted = (
        findings.groupby("rule")
        .agg(weight=("weight", "first"), peers=("peer", "nunique"))
        .reset_index()
    )
    counted["definition"] = [
        RULES[rule].definition if rule in RULES else "" for rule in counted["rule"]
    ]
    return counted.sort_values(["peers", "rule"], ascending=[False, True], kind="stable")


def _table(title: str, frame: pd.DataFrame, empty: str) -> dict[str, Any]:
    numbers = [
        name
        for name in frame.columns
        if pd.api.types.is_numeric_dtype(frame[name])
        and not pd.api.types.is_bool_dtype(frame[name])
    ]
    rows = [
        {str(name): _shown(value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
    return {
        "title": title,
        "columns": [str(name) for name in frame.columns],
        "numbers": numbers,
        "rows": rows,
        "empty": empty,
    }


def _shown(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return _clock(value)
    if value is None or value is pd.NaT or value is pd.NA:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else printable(str(value))
