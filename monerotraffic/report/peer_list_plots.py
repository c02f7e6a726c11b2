"""Figures of peer lists: how diverse, similar and popular their addresses are, and which senders
advertise the same ones. Part of report.plots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic import metrics
from monerotraffic.metrics.advertised import advertised_counts
from monerotraffic.metrics.comparisons import advertisements
from monerotraffic.report.axes import (
    MILDEST_FIRST,
    MOST_STEPS,
    draw_by_verdict,
    finish_shares,
    make_logarithmic,
    place_legend,
    verdict_label,
    verdict_of,
    whole_numbers,
    without_data,
)
from monerotraffic.report.colours import BLUE, GREY, PURPLE, VERDICT_COLOURS
from monerotraffic.report.summary import counted
from monerotraffic.tables.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["diversity", "peer_topology", "popularity", "similar_senders", "similarity"]


def diversity(ax: Axes, view: View, verdicts: pd.DataFrame, least: int = 100) -> Axes:
    """Draws the share of peer lists whose diversity, distinct /24 (IPv6 /64) ÷ distinct addresses,
    is at most the value on the x-axis, by verdict of the sender (unit: lists of `least` or more
    entries).

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> verdicts = mt.rules.verdicts(mt.find_anomalies(view, rules=["ping_flood"]))
    >>> ax = mt.plots.diversity(plt.figure().subplots(), view, verdicts, least=2)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('distinct subnets ÷ distinct addresses of a list', 'share of peer lists')
    """
    lists = metrics.list_diversity(view)
    lists = lists[(lists["entries"] >= least) & lists["diversity"].notna()]
    if lists.empty:
        return without_data(ax, f"no peer lists of {least} entries")
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel("distinct subnets ÷ distinct addresses of a list")
    ax.set_ylabel("share of peer lists")
    return draw_by_verdict(ax, lists["diversity"], verdict_of(lists["peer"], verdicts), "list")


def similarity(ax: Axes, view: View, by: Literal["host", "subnet"] = "host") -> Axes:
    """Draws the share of pairs of peer lists whose Jaccard index of addresses, or of subnets (/24,
    IPv6 /64), is at most the value on the x-axis, of different senders and of one sender (unit:
    pairs of lists).

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/population").peers
    >>> ax = mt.plots.similarity(plt.figure().subplots(), view)
    >>> ax.get_xlabel()
    'Jaccard index: shared ÷ all addresses of two lists'
    """
    pairs = metrics.similarity_distribution(view, by)
    if not pairs[["others", "own"]].to_numpy().any():
        return without_data(ax, "no two peer lists to compare")
    for name, colour, text in (
        ("others", BLUE, "different senders"),
        ("own", PURPLE, "one sender"),
    ):
        count = int(pairs[name].sum())
        if count:
            share = pairs[name].cumsum() / count
            x = np.append(pairs["low"].iloc[:1], pairs["high"])
            ax.plot(
                x, np.append(0, share), color=colour, label=f"{text} ({counted(count, 'pair')})"
            )
    unit = "addresses" if by == "host" else "subnets"
    ax.set_xlabel(f"Jaccard index: shared ÷ all {unit} of two lists")
    ax.set_ylabel("share of pairs of peer lists")
    return finish_shares(ax)


def popularity(ax: Axes, view: View) -> Axes:
    """Draws the number of addresses (y) that at least the number of senders on the x-axis
    advertise, both logarithmic (unit: addresses).

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> ax = mt.plots.popularity(plt.figure().subplots(), view)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('senders that advertise an address (its in-degree), at least', 'addresses')
    """
    senders = np.sort(advertised_counts(view).to_numpy())
    if not len(senders):
        return without_data(ax, "no peer lists")
    values = np.unique(senders)
    if len(values) > MOST_STEPS:
        values = values[np.linspace(0, len(values) - 1, MOST_STEPS).astype(np.int64)]
    ax.plot(
        values,
        len(senders) - np.searchsorted(senders, values),
        marker="o",
        markersize=4,
        color=BLUE,
        label="addresses",
    )
    make_logarithmic(ax.xaxis)
    make_logarithmic(ax.yaxis)
    ax.set_xlabel("senders that advertise an address (its in-degree), at least")
    ax.set_ylabel("addresses")
    ax.grid(color=GREY, alpha=0.25)
    return ax


def peer_topology(
    ax: Axes, view: View, verdicts: pd.DataFrame, most_hosts: int = 80, most_senders: int = 40
) -> Axes:
    """Draws which senders advertise the most popular addresses: a row per sender, a column per
    address, and a field in the colour of the sender's verdict where its lists contain the address.

    Addresses are in the order of their popularity, the number of senders that advertise them, at
    most `most_hosts`. Senders are ordered by verdict, then by the number of these addresses that
    they advertise, at most `most_senders`.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> verdicts = mt.rules.verdicts(mt.find_anomalies(view, rules=["ping_flood"]))
    >>> ax = mt.plots.peer_topology(plt.figure().subplots(), view, verdicts)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('advertised addresses, the most popular first', 'senders')
    """
    hosts = advertised_counts(view).sort_values(ascending=False, kind="stable").head(most_hosts)
    if hosts.empty:
        return without_data(ax, "no peer lists")
    shown = advertisements(view, hosts.index)
    senders = shown["peer"].value_counts().rename("advertised").reset_index()
    senders["verdict"] = verdict_of(senders["peer"], verdicts)
    senders["rank"] = senders["verdict"].map(MILDEST_FIRST.index)
    senders = senders.sort_values(
        ["rank", "advertised", "peer"], ascending=[False, False, True], ignore_index=True
    ).head(most_senders)
    row = dict(zip(senders["peer"], senders.index, strict=True))
    column = {host: place for place, host in enumerate(hosts.index)}
    shown = shown[shown["peer"].isin(senders["peer"])]
    fields = np.full((len(senders), len(hosts)), np.nan)
    rows = shown["peer"].map(row).to_numpy()
    fields[rows, shown["host"].map(column).to_numpy()] = senders["rank"].to_numpy()[rows]
    _draw_fields(ax, fields)
    ax.set_xlabel("advertised addresses, the most popular first")
    ax.set_ylabel("senders")
    place_legend(ax)
    return ax


def _draw_fields(ax: Axes, fields: NDArray[np.float64]) -> None:
    """Each field in the colour of its verdict; a field that is NaN stays empty. Fields side by side
    are one rectangle, and the rectangles of a verdict one path, so that the figure stays small.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    for rank, verdict in enumerate(MILDEST_FIRST):
        row, first, end = _runs(fields == rank)
        if not len(row):
            continue
        left, right, top, bottom = first - 0.5, end - 0.5, row - 0.5, row + 0.5
        x = np.column_stack([left, right, right, left, left]).ravel()
        y = np.column_stack([top, top, bottom, bottom, top]).ravel()
        codes = np.tile([Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY], len(row))
        patch = PathPatch(
            Path(np.column_stack([x, y]), codes),
            facecolor=VERDICT_COLOURS[verdict],
            linewidth=0,
            label=verdict_label(verdict),
        )
        ax.add_patch(patch)
    ax.set_xlim(-0.5, fields.shape[1] - 0.5)
    ax.set_ylim(fields.shape[0] - 0.5, -0.5)
    for axis in (ax.xaxis, ax.yaxis):
        whole_numbers(axis)


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Row, first column and end of each run of true values in a row."""
    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    row, first = np.nonzero(edges == 1)
    return row, first, np.nonzero(edges == -1)[1]


def similar_senders(ax: Axes, view: View, least: float = 0.8, most: int = 60) -> Axes:
    """Draws peers on a circle in order of address, connected if their lists share at least `least`
    of the smaller one (unit: pairs of peers); at most `most`.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> ax = mt.plots.similar_senders(plt.figure().subplots(), view)
    >>> ax.texts[0].get_text()
    'no two peers send lists that share 80%'
    """
    pairs = metrics.list_similarity(view, min_share=least)
    if pairs.empty:
        return without_data(ax, f"no two peers send lists that share {least:.0%}")
    joined = pairs.groupby(["peer", "other"], observed=True)["share"].max().reset_index()
    ends = pd.concat([joined["peer"].astype(object), joined["other"].astype(object)])
    shown = sorted(ends.value_counts().index[:most])
    angles = dict(zip(shown, np.linspace(0, 2 * np.pi, len(shown), endpoint=False), strict=True))
    drawn = joined[joined["peer"].isin(shown) & joined["other"].isin(shown)]
    ends_of_lines = np.array(
        [
            (angles[peer], angles[other], np.nan)  # one path with gaps
            for peer, other in zip(drawn["peer"], drawn["other"], strict=True)
        ]
    ).ravel()
    ax.plot(np.cos(ends_of_lines), np.sin(ends_of_lines), color=BLUE, linewidth=0.7, alpha=0.6)
    for peer, angle in angles.items():
        left = np.cos(angle) < 0
        ax.plot(np.cos(angle), np.sin(angle), marker="o", color=BLUE, markersize=5)
        degrees = float(np.degrees(angle)) + (180 if left else 0)
        side = "right" if left else "left"
        ax.text(
            1.06 * np.cos(angle),
            1.06 * np.sin(angle),
            peer,
            rotation=degrees,
            rotation_mode="anchor",
            ha=side,
            va="center",
            fontsize="x-small",
        )
    ax.set_aspect("equal")
    ax.set_xlim(-1.9, 1.9)
    ax.set_ylim(-1.7, 1.7)
    ax.set_axis_off()
    return ax
