"""What figures have in common: legends, axes, distributions, samples. Used by report.plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.report.colours import GREY, VERDICT_COLOURS
from monerotraffic.report.summary import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis, XAxis, YAxis

__all__ = [
    "MILDEST_FIRST",
    "MOST_STEPS",
    "clock_axis",
    "draw_by_verdict",
    "draw_distribution",
    "finish_shares",
    "make_logarithmic",
    "naive_times",
    "place_legend",
    "sampled_steps",
    "verdict_label",
    "verdict_of",
    "whole_numbers",
    "without_data",
]

MILDEST_FIRST = tuple(reversed(VERDICT_COLOURS))
MOST_STEPS = 400  # of a line or an area over time
_TWO_DECADES = 100
_LEGEND_WIDTH = 68  # letters of a line of a legend


def verdict_label(verdict: str) -> str:
    """The text of a verdict in a legend."""
    return "no finding" if verdict == "none" else verdict


def place_legend(ax: Axes) -> None:
    """Places the legend above the figure, where it covers no data, in as many columns as fit."""
    _, labels = ax.get_legend_handles_labels()
    widest = max((len(label) for label in labels), default=0)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=max(1, min(len(labels), _LEGEND_WIDTH // (widest + 6))),
        frameon=False,
        fontsize="small",
        borderaxespad=0.2,
        columnspacing=1,
        handlelength=1.2,
    )


def make_logarithmic(axis: XAxis | YAxis) -> None:
    """Makes an axis logarithmic, with plain numbers at powers of ten, and at 2 and 5 times these
    where the axis has no more than two decades.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    def text(value: float, _: object) -> str:
        low, high = axis.get_view_interval()
        wide = low > 0 and high / low > _TWO_DECADES
        return "" if wide and f"{value:e}"[0] != "1" else f"{value:,g}"

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(text))
    axis.set_minor_formatter(NullFormatter())


def whole_numbers(axis: Axis) -> None:
    """Ticks of counts."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def verdict_of(peers: pd.Series, verdicts: pd.DataFrame) -> pd.Series:
    """The verdict of each peer, `none` without one."""
    known = verdicts.set_index("peer")["verdict"] if len(verdicts) else pd.Series(dtype=object)
    return peers.astype(object).map(known).astype(object).fillna("none")


def without_data(ax: Axes, text: str) -> Axes:
    """Draws an empty figure with the reason."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, color=GREY)
    ax.set_axis_off()
    return ax


def clock_axis(ax: Axes) -> None:
    """Formats the x-axis as times of day, UTC."""
    from matplotlib import dates

    locator = dates.AutoDateLocator()
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    ax.set_xlabel("UTC")


def naive_times(times: pd.Series) -> pd.Series:
    """UTC times without a zone, as matplotlib requires."""
    return times.dt.tz_convert("UTC").dt.tz_localize(None)


def sampled_steps(steps: pd.DataFrame) -> pd.DataFrame:
    """Step functions over time (index) as at most MOST_STEPS steps of equal length, each with the
    mean of its interval; as they are where they have no more.
    """
    if len(steps) <= MOST_STEPS:
        return steps
    times = steps.index.to_numpy(dtype="datetime64[ns]").astype(np.int64)
    edges = np.linspace(times[0], times[-1], MOST_STEPS + 1)
    lengths = np.diff(times, append=times[-1])[:, None]
    areas = np.vstack([np.zeros(steps.shape[1]), np.cumsum(steps.to_numpy() * lengths, axis=0)])
    ends = np.append(times, times[-1])
    at = np.column_stack(
        [np.interp(edges, ends, areas[:, column]) for column in range(areas.shape[1])]
    )
    means = np.diff(at, axis=0) / np.diff(edges)[:, None]
    index = pd.to_datetime(edges[:-1].astype(np.int64), utc=True)
    return pd.DataFrame(means, index=index, columns=steps.columns)


def draw_distribution(ax: Axes, values: NDArray[np.float64], colour: str, label: str) -> None:
    """The empirical distribution of values. Many values are drawn by quantiles."""
    ordered = np.sort(values)
    ranks = np.arange(1, len(ordered) + 1)
    if len(ordered) > MOST_STEPS:
        ranks = np.unique(np.linspace(1, len(ordered), MOST_STEPS).astype(np.int64))
    x = np.concatenate([ordered[:1], ordered[ranks - 1]])
    y = np.concatenate([[0], ranks / len(ordered)])
    ax.plot(x, y, drawstyle="steps-post", color=colour, label=label)


def draw_by_verdict(ax: Axes, values: pd.Series, verdict: pd.Series, what: str) -> Axes:
    """The share of values that are at most x, one step function for each verdict."""
    for name in MILDEST_FIRST:
        chosen = values[verdict == name].to_numpy(dtype=float)
        if len(chosen):
            label = f"{verdict_label(name)} ({counted(len(chosen), what)})"
            draw_distribution(ax, chosen, VERDICT_COLOURS[name], label)
    return finish_shares(ax)


def finish_shares(ax: Axes) -> Axes:
    """The vertical axis of shares from 0 to 1, the grid and the legend of lines that are drawn."""
    ax.set_ylim(0, 1.02)
    ax.grid(color=GREY, alpha=0.25)
    place_legend(ax)
    return ax
