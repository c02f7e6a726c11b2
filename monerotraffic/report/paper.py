"""Figures as PDF and numbers as LaTeX macros for a paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from monerotraffic.atomic import replacing
from monerotraffic.report.figures import FIGURES, Material, draw

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


def write_macros(material: Material, path: Path) -> None:
    """Writes the numbers of `macros` as `\\newcommand`s, one per line."""
    with replacing(path) as file:
        file.writelines(
            f"\\newcommand{{\\{name}}}{{{value}}}\n" for name, value in macros(material)
        )


def macros(material: Material) -> Iterator[tuple[str, str]]:
    """Returns names, which have only letters as LaTeX requires, and values, with thin spaces
    between thousands.

    `\\peers`, `\\connections`, `\\messages`, `\\peerlistentries`; `\\peersanomalous` and so on,
    peers by verdict; `\\rulepingflood` and so on, peers by rule; `\\sharepingflood`, the same in
    per cent of all peers.
    """
    view, findings, verdicts = material.view, material.findings, material.verdicts
    peers = view.connections["peer"].nunique()
    yield "peers", _number(peers)
    yield "connections", _number(len(view.connections))
    yield "messages", _number(len(view.messages))
    yield "peerlistentries", _number(len(view.peer_lists))
    for verdict in ("anomalous", "suspicious", "context"):
        yield f"peers{verdict}", _number(int((verdicts["verdict"] == verdict).sum()))
    for rule, count in findings.groupby("rule")["peer"].nunique().items():
        name = re.sub("[^a-z]", "", str(rule))
        yield f"rule{name}", _number(int(count))
        yield f"share{name}", f"{100 * count / peers:.1f}"


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\\,")
