"""The report: one self-contained HTML page with findings, evidence and figures, the findings as
CSV, and a ban list with and without comments.

Requires matplotlib and jinja2 (`pip install 'monerotraffic[report]'`).
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import os
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from monerotraffic import banlist
from monerotraffic._version import __version__
from monerotraffic.atomic import replacing
from monerotraffic.errors import printable
from monerotraffic.metrics.sources import Source, view_of
from monerotraffic.report.colours import VERDICT_COLOURS
from monerotraffic.report.drawing import alternative, few_values, screen_style, svg
from monerotraffic.report.figures import FIGURES, Material, draw
from monerotraffic.report.overview import counts, holdings
from monerotraffic.report.page_metrics import of_the_page
from monerotraffic.report.paper import write_figures, write_macros
from monerotraffic.report.paper_numbers import of_the_numbers
from monerotraffic.report.published_figures import write_published_figures
from monerotraffic.report.redaction import Redaction
from monerotraffic.report.sections import (
    MOST_PEERS,
    context_rows,
    groups,
    rules_with_findings,
    tables,
)
from monerotraffic.report.summary import counted, span, span_text
from monerotraffic.report.text import findings_to_csv
from monerotraffic.report.unread import unaccepted_lines, unread_lines
from monerotraffic.rules import find_anomalies, verdicts
from monerotraffic.rules.bans import VALIDITY, ban
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = ["Written", "write"]

_LEAST = 0.05  # shown as 0.1


class Written(NamedTuple):
    """The paths of the files of a report.

    >>> from monerotraffic import report
    >>> report.Written._fields
    ('page', 'findings', 'ban_list', 'plain_ban_list')
    """

    page: Path
    findings: Path
    ban_list: Path
    plain_ban_list: Path
    """The same without comments, for monerod before 0.18.4."""


def write(
    traffic: Source,
    out: str | os.PathLike[str],
    preset: str = "default",
    title: str = "Monero P2P traffic",
    paper: bool = False,
    systems: pd.DataFrame | None = None,
    *,
    redact: bool = False,
    agree: int = 1,
    run: str = "",
) -> Written:
    """Writes `report.html`, `findings.csv`, and `ban_list.txt` and `ban_list_plain.txt` (anomalous
    peers; the second without comments, for monerod before 0.18.4) to the folder `out`, which is
    created if it does not exist.

    With `paper` also every figure as PDF (`figure_<name>.pdf`) and the numbers as LaTeX macros
    (`macros.tex`). A name of the run, such as `with` for a node with a ban list, makes it
    `macros_<run>.tex` and adds the figures with the names of the published evaluation,
    `<run>_<name>.pdf`. `systems` is the result of metrics.autonomous_systems for the peers, which
    the figure of subnets shows. `agree` is that of find_anomalies. `redact` replaces the addresses
    of the vantage node and the names of the capture files in the page, the CSV file and the ban
    list.

    `traffic` is a Traffic, a View, and for captures that do not fit into memory a data set
    (monerotraffic.open) or a scan, as for find_anomalies, with equal files.

    The page is self-contained and less than 3 MB for captures of any size: it shows the 300 peers
    with the highest scores and 100 rows of each table. Its only script, which sorts and filters
    the findings, is allowed by its hash. Equal input results in equal files. Raises ImportError
    without matplotlib and jinja2, OSError, and ValueError for an unknown preset.

    >>> import monerotraffic as mt
    >>> from monerotraffic import report
    >>> written = report.write(mt.read("tests/data/honest"), "report")
    >>> written.page.as_posix()
    'report/report.html'
    """
    macros = (f"macros_{run}.tex" if run else "macros.tex") if paper else None
    with view_of(traffic) as view:
        view.plan([*of_the_page(), *(of_the_numbers() if paper else ())])
        findings = find_anomalies(view, preset, agree=agree)
        redaction = Redaction(view.traffic) if redact else None
        return _write(
            view, findings, systems, redaction, _Output(Path(out), preset, title, macros, run)
        )


class _Output(NamedTuple):
    """What is written, and where."""

    folder: Path
    preset: str
    title: str
    macros: str | None
    """The file of macros; None without what a paper needs."""
    run: str


def _write(
    view: View,
    findings: pd.DataFrame,
    systems: pd.DataFrame | None,
    redaction: Redaction | None,
    output: _Output,
) -> Written:
    folder, preset = output.folder, output.preset
    if redaction is not None:
        findings = redaction.findings(findings)
    material = Material(view, findings, verdicts(findings), systems)
    last = view.connections["closed"].max()  # not today: the same input gives the same bytes
    expires = None if pd.isna(last) else last.date() + VALIDITY
    bans = ban(
        findings,
        seen=[*view.connections["peer"].unique(), *view.traffic.hosts],
        expires=expires,
        max_addresses=None,
    )
    text = _page(material, preset, output.title, redaction, len(bans.peers), expires)
    folder.mkdir(parents=True, exist_ok=True)
    names = ("report.html", "findings.csv", "ban_list.txt", "ban_list_plain.txt")
    written = Written(*(folder / name for name in names))
    with replacing(written.page) as file:
        file.write(text)
    findings_to_csv(findings, written.findings)
    head = [
        f"Generated by monerotraffic {__version__}, preset {preset}: "
        f"{len(bans.peers):,} anomalous peers."
    ]
    banlist.write(bans.listed, written.ban_list, head=head)
    banlist.write(bans.listed, written.plain_ban_list, comments=False)
    if output.macros is not None:
        write_figures(material, folder)
        write_macros(material, folder / output.macros, preset)
        if output.run:
            write_published_figures(material, folder, output.run)
    return written


def page(
    traffic: Traffic | View,
    findings: pd.DataFrame,
    preset: str = "default",
    title: str = "Monero P2P traffic",
) -> str:
    """The page as text."""
    material = Material(viewed(traffic), findings, verdicts(findings))
    banned = int((material.verdicts["verdict"] == "anomalous").sum())
    return _page(material, preset, title, None, banned, None)


def _page(
    material: Material,
    preset: str,
    title: str,
    redaction: Redaction | None,
    banned: int,
    expires: date | None,
) -> str:
    view, findings, judged = material.view, material.findings, material.verdicts
    script = _resource("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    figures, empty_figures = _figures(material)
    context, contexts, contexts_cut = context_rows(judged, findings)
    flagged = int((judged["verdict"] != "context").sum())
    text: str = (
        _environment()
        .from_string(_resource("page.html"))
        .render(
            title=title,
            hosts=", ".join(view.traffic.hosts) or "unknown",
            span=span_text(span(view.traffic)),
            preset=preset,
            version=__version__,
            style=_markup(_resource("page.css")),
            script=_markup(script),
            script_hash=_markup(f"sha256-{digest}"),
            colours=VERDICT_COLOURS,
            unread=[printable(line) for line in unread_lines(view.traffic)],
            unaccepted=unaccepted_lines(view.traffic),
            counts=counts(view, judged),
            holdings=list(holdings(view, judged).values()),
            gateways=sorted(set(findings.loc[findings["rule"] == "shared_gateway", "peer"])),
            banned=banned,
            expires=expires,
            groups=groups(view, judged, findings, material.systems),
            shown=min(flagged, MOST_PEERS),
            more=max(0, flagged - MOST_PEERS),
            context=context,
            contexts=contexts,
            contexts_cut=contexts_cut,
            rules=rules_with_findings(findings, preset),
            figures=figures,
            empty_figures=empty_figures,
            tables=list(tables(view, judged, findings, redaction)),
        )
    )
    return text if redaction is None else redaction.text(text)


def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters.update(
        count=_count,
        percent=_percent,
        slots=_digits,
    )
    return environment


def _count(number: int, noun: str = "") -> str:
    """The number with its noun, or alone."""
    return f"{number:,}" if noun in ("", "of") else counted(number, noun)


def _percent(share: float | None) -> str:
    """The number and its sign are never in two lines."""
    return "no share" if share is None else f"{_digits(100 * share)}\N{NO-BREAK SPACE}%"


def _digits(value: float) -> str:
    """One decimal, but nothing is shown as 0 that is more."""
    return f"{value:,.1f}" if value >= _LEAST else "<0.1" if value > 0 else "0"


def _resource(name: str) -> str:
    return importlib.resources.files("monerotraffic.report").joinpath(name).read_text("utf-8")


def _markup(text: str) -> Any:
    """Text of the package itself, which the template does not escape."""
    from markupsafe import Markup

    return Markup(text)


def _figures(material: Material) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The figures with data, each as SVG or as few numbers, and those without, with the reason."""
    import matplotlib

    shown: list[dict[str, Any]] = []
    empty = []
    for drawing in FIGURES:
        with matplotlib.rc_context(screen_style()):
            figure = draw(drawing, material)
        (ax,) = figure.axes
        if not ax.has_data():
            reason = ", ".join(text.get_text() for text in ax.texts)
            empty.append({"title": drawing.title, "reason": reason})
            continue
        numbers = few_values(ax)
        text = alternative(drawing.title, ax)
        # matplotlib escapes text in SVG
        image = None if numbers else _markup(svg(figure, drawing.name, text))
        shown.append(
            {
                "name": drawing.name,
                "title": drawing.title,
                "caption": drawing.caption,
                "svg": image,
                "numbers": numbers,
            }
        )
    return shown, empty
