"""How the figures of a report become SVG, text alternatives, or numbers.

Owns the look of figures on the page. Knows no single figure; used by report.figures, report.page
and report.paper.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["alternative", "few_values", "screen_style", "svg"]

_INK = "#010203"
"""Stands for the colour of the page's text, which is dark or light."""
_FEW = 4
"""Up to how many values are shown as numbers instead of a figure."""


def screen_style() -> Any:
    """Settings of matplotlib for figures on the page: text stays text, in the colour of the page,
    and the figure has no background.
    """
    ink = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(ink, _INK),
        **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none"),
        "svg.hashsalt": "monerotraffic",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 10.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "lines.linewidth": 1.8,
    }


def svg(figure: Figure, name: str, text: str) -> str:
    """Returns a figure as an SVG element for a page, an image with the alternative `text`. `name`
    makes its ids unique on the page. Equal figures result in equal bytes.
    """
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context(screen_style()):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    document = buffer.getvalue()
    document = document[document.index("<svg") :].replace(_INK, "currentColor")
    document = re.sub(r"<metadata>.*?</metadata>\s*", "", document, flags=re.DOTALL)
    document = re.sub(r"<!--.*?-->\s*", "", document, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", document))

    def kept(match: re.Match[str]) -> str:
        return f' id="{name}-{match[1]}"' if match[1] in used else ""

    document = re.sub(r' id="([^"]*)"', kept, document)
    document = re.sub(r"(url\(#|href=\"#)", rf"\g<1>{name}-", document)
    return f'<svg role="img" aria-label="{_attribute(text)}"' + document.removeprefix("<svg")


def _attribute(text: str) -> str:
    from xml.sax.saxutils import escape

    return escape(text, {'"': "&quot;"})


# ---- the text alternative


def alternative(title: str, ax: Axes) -> str:
    """What a figure shows, in words: axes with their ranges, and the series."""
    if not ax.has_data():
        return f"{title}: {', '.join(text.get_text() for text in ax.texts)}."
    parts = [f"{title}."]
    if ax.axison:
        parts += [
            f"{name}: {_label(axis.get_label_text())}{_range(axis, limits)}."
            for name, axis, limits in (
                ("Horizontal axis", ax.xaxis, ax.get_xlim()),
                ("Vertical axis", ax.yaxis, ax.get_ylim()),
            )
        ]
        _, labels = ax.get_legend_handles_labels()
        if labels:
            parts.append(f"Shown are {', '.join(labels)}.")
    else:
        texts = [text.get_text() for text in ax.texts]
        parts.append(f"Labels: {', '.join(texts[:60])}{', …' if len(texts) > 60 else ''}.")
    return " ".join(parts)


def _label(text: str) -> str:
    return text or "categories"


def _range(axis: Any, limits: tuple[float, float]) -> str:
    low, high = sorted(limits)
    named = [
        re.sub(r"\$\\mathdefault\{(.*)\}\$", r"\1", label.get_text())
        .replace("{", "")
        .replace("}", "")
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
        if label.get_text() and low <= place <= high
    ]
    return f", from {named[0]} to {named[-1]}" if len(named) > 1 else ""


# ---- numbers instead of a figure


def few_values(ax: Axes) -> list[tuple[str, str]] | None:
    """The values of a figure of bars or lines with at most four distinct ones, by what they are of;
    None for others, which are worth a figure.
    """
    if ax.collections or not ax.has_data():
        return None
    rows = list(_bars(ax)) if ax.patches else list(_lines(ax))
    if not rows or sum(len(values) for _, values in rows) > _FEW:
        return None
    return [(label, ", ".join(values)) for label, values in rows]


def _bars(ax: Axes) -> Iterator[tuple[str, list[str]]]:
    """Bars with a label of their own, "name: value", or named by the tick of their place."""
    names = [label.get_text() for label in ax.get_yticklabels()]
    for container in ax.containers:
        for place, patch in enumerate(container):
            own = str(patch.get_label())
            if ": " in own:
                label, _, value = own.rpartition(": ")
                yield label, [value]
            elif patch.get_width() and place < len(names):
                yield f"{names[place]}, {container.get_label()}", [f"{patch.get_width():,.4g}"]


def _lines(ax: Axes) -> Iterator[tuple[str, list[str]]]:
    """Distributions, with their distinct values; lines with marks, with the value of each mark."""
    for line in ax.lines:
        label, x = str(line.get_label()), np.asarray(line.get_xdata(), dtype=float)
        if label.startswith("_"):
            continue
        if line.get_marker() == "o":
            for place, value in zip(x, np.asarray(line.get_ydata(), dtype=float), strict=True):
                yield f"{label}; {ax.get_xlabel()} {place:,.4g}", [f"{value:,.4g}"]
        else:
            yield f"{label}; {ax.get_xlabel()}", [f"{value:,.4g}" for value in np.unique(x)]
