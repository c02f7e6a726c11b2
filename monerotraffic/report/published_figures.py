"""Figures with the names of the published evaluation, as PDF: `<run>_<name>.pdf`.

Owns the names and which figures of report.plots they are. docs/paper_numbers.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from monerotraffic.atomic import replacing
from monerotraffic.report import plots
from monerotraffic.report.axes import without_data
from monerotraffic.report.figures import Material

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PUBLISHED_FIGURES", "write_published_figures"]

Panel = Callable[["Axes", Material], "Axes"]

_PANEL = (5.8, 3.4)
"""Inches."""


def _overlap_of_systems(ax: Axes, material: Material) -> Axes:
    if material.systems is None:
        return without_data(ax, "autonomous systems need a database (--asn)")
    return plots.rule_overlap(ax, material.findings, systems=material.systems)


PUBLISHED_FIGURES: Mapping[str, tuple[Panel, ...]] = {
    "loc_pl_diversity": (lambda ax, it: plots.diversity(ax, it.view, it.verdicts),),
    "ip_similarity": (lambda ax, it: plots.similarity(ax, it.view),),
    "sub_similarity": (lambda ax, it: plots.similarity(ax, it.view, by="subnet"),),
    "asn_subnet_dist_conns": (
        lambda ax, it: plots.subnets(ax, it.view, it.verdicts, systems=it.systems),
    ),
    "indegree": (lambda ax, it: plots.popularity(ax, it.view),),
    "overlap_ips_as": (
        lambda ax, it: plots.rule_overlap(ax, it.findings),
        _overlap_of_systems,
    ),
    "conn_saturation_averaged": (
        lambda ax, it: plots.slots(ax, it.view, it.verdicts, "incoming", average=True),
        lambda ax, it: plots.slots(ax, it.view, it.verdicts, "outgoing", average=True),
    ),
}
"""By name the panels of a figure, one below the other."""


def write_published_figures(material: Material, folder: Path, run: str) -> list[Path]:
    """Writes every figure as `<run>_<name>.pdf`, with fonts that LaTeX can embed, and returns the
    paths. Equal figures result in equal bytes. Raises OSError.
    """
    import matplotlib
    from matplotlib.figure import Figure

    paths = []
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        for name, panels in PUBLISHED_FIGURES.items():
            width, height = _PANEL
            figure = Figure(figsize=(width, height * len(panels)), layout="constrained")
            axes = figure.subplots(len(panels), squeeze=False)[:, 0]
            for ax, panel in zip(axes, panels, strict=True):
                panel(ax, material)
            paths.append(folder / f"{run}_{name}.pdf")
            with replacing(paths[-1], "wb") as file:
                figure.savefig(file, format="pdf", metadata={"CreationDate": None})
    return paths
