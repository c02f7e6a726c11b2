"""Figures as PDF and numbers as LaTeX macros for a paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from monerotraffic.atomic import replacing
from monerotraffic.metrics.peer_lists import list_diversity
from monerotraffic.report.figures import FIGURES, Material, draw
from monerotraffic.report.paper_numbers import paper_numbers

__all__ = ["macros", "write_figures", "write_macros"]


def write_figures(material: Material, folder: Path) -> list[Path]:
    """Writes every figure of the report as `figure_<name>.pdf`, with fonts that LaTeX can embed,
    and returns the paths. Equal figures result in equal bytes.
    """
    import matplotlib

    paths = []
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        for drawing in FIGURES:
            path = folder / f"figure_{drawing.name}.pdf"
            with replacing(path, "wb") as file:
                draw(drawing, material).savefig(file, format="pdf", metadata={"CreationDate": None})
            paths.append(path)
    return paths


def write_macros(material: Material, path: Path, preset: str = "default") -> None:
    """Writes the numbers of `macros` as `\\newcommand`s, one per line."""
    with replacing(path) as file:
        file.writelines(
            f"\\newcommand{{\\{name}}}{{{value}}}\n" for name, value in macros(material, preset)
        )


def macros(material: Material, preset: str = "default") -> Iterator[tuple[str, str]]:
    """Returns names, which have only letters as LaTeX requires, and values, with thin spaces
    between thousands.

    First the macros of the published evaluation (docs/paper_numbers.md); `--` where the capture
    does not show the number. Then `\\peersanomalous` and so on, peers by verdict;
    `\\rulepingflood` and so on, peers by rule; `\\sharepingflood`, the same in per cent of all
    peers; `\\peerlistentries`.
    """
    view, findings, verdicts = material.view, material.findings, material.verdicts
    for macro, value in paper_numbers(view, findings, verdicts, material.systems, preset).items():
        yield macro, _number(value)
    yield "peerlistentries", _number(int(list_diversity(view)["entries"].sum()))
    for verdict in ("anomalous", "suspicious", "context"):
        yield f"peers{verdict}", _number(int((verdicts["verdict"] == verdict).sum()))
    peers = view.connections["peer"].nunique()
    for rule, count in findings.groupby("rule")["peer"].nunique().items():
        name = re.sub("[^a-z]", "", str(rule))
        yield f"rule{name}", _number(int(count))
        yield f"share{name}", _number(100 * count / peers)


def _number(value: float | None) -> str:
    """Counts are whole, other numbers have two decimals."""
    if value is None:
        return "--"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
    return text.replace(",", "\\,")
