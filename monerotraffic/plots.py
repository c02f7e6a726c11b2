"""Pictures of traffic and findings: each takes an Axes and gives it back. Needs matplotlib (`pip install 'monerotraffic[report]'`).

fig, ax = plt.subplots()
plots.slots(ax, View(traffic), verdicts(findings))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from monerotraffic.metrics.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["VERDICT_COLOURS", "commands_over_time", "rule_overlap", "slots", "subnets", "timeline"]

# Okabe and Ito's palette, which the colour-blind can tell apart.
BLUE, ORANGE, GREEN, RED, SKY, PURPLE, YELLOW, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#999999"
_CYCLE = (BLUE, ORANGE, GREEN, RED, SKY, PURPLE, YELLOW)

VERDICT_COLOURS = {"anomalous": RED, "suspicious": ORANGE, "context": SKY, "none": GREY}
"""What stands for a verdict in every picture; `none`: no rule found anything."""


def _verdict_of(peers: pd.Series, verdicts: pd.DataFrame) -> pd.Series:
    """The verdict of each peer, `none` where there is none."""
    known = verdicts.set_index("peer")["verdict"] if len(verdicts) else pd.Series(dtype=object)
    return peers.astype(object).map(known).fillna("none")


def _nothing(ax: Axes, text: str) -> Axes:
    """An empty picture that says why."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, color=GREY)
    ax.set_axis_off()
    return ax


def _clock(ax: Axes) -> None:
    """Times of day, UTC, on the x-axis."""
    from matplotlib import dates

    locator = dates.AutoDateLocator()
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    ax.set_xlabel("UTC")


def _naive(times: pd.Series) -> pd.Series:
    """UTC without a zone, as matplotlib wants it."""
    return times.dt.tz_convert("UTC").dt.tz_localize(None)


# ---------------------------------------------------------------- findings


def rule_overlap(ax: Axes, findings: pd.DataFrame, most: int = 20) -> Axes:
    """Which rules flag the same peers (an UpSet plot): a column for each combination of rules, its bar the number of peers that have just this one.

    At most `most` combinations, the largest first; below, the dots of a column tell its rules, and the number behind a rule how many peers it flags in all.
    """
    if findings.empty:
        return _nothing(ax, "no findings")
    combinations = findings.groupby("peer")["rule"].agg(lambda rules: tuple(sorted(set(rules)))).value_counts().head(most)
    totals = findings.groupby("rule")["peer"].nunique()
    shown = totals.loc[sorted({rule for rules in combinations.index for rule in rules})].sort_values(kind="stable")
    places = {rule: place for place, rule in enumerate(shown.index)}
    below = len(shown) * 0.9
    heights = combinations.to_numpy() / combinations.max() * max(4.0, len(shown) * 0.5)
    columns = np.arange(len(combinations))
    ax.bar(columns, heights, bottom=0.6, width=0.6, color=BLUE)
    for place, (height, count) in enumerate(zip(heights, combinations, strict=True)):
        ax.text(place, height + 0.7, str(count), ha="center", va="bottom", fontsize="small")
    for place, rules in enumerate(combinations.index):
        rows = np.array([places[rule] for rule in rules]) * 0.9 - below + 0.2
        ax.plot(np.full(len(rows), place), rows, color=BLUE, marker="o", linewidth=1.5)
    for rule, place in places.items():
        ax.axhline(place * 0.9 - below + 0.2, color=GREY, linewidth=0.4, zorder=0)
        ax.text(-0.8, place * 0.9 - below + 0.2, f"{rule}  {shown[rule]}", ha="right", va="center", fontsize="small")
    ax.set_xlim(-0.7, len(combinations) - 0.3)
    ax.set_ylim(-below - 0.4, heights.max() + 2)
    ax.set_axis_off()
    return ax


# ---------------------------------------------------------------- connections


def slots(ax: Axes, view: View, verdicts: pd.DataFrame) -> Axes:
    """Incoming connections that are open, over time, by the verdict on their peers (unit: connections). monerod accepts a limited number (`--in-peers`)."""
    incoming = view.connections[(view.connections["direction"] == "incoming") & view.connections["opened"].notna()]
    if incoming.empty:
        return _nothing(ax, "no incoming connections")
    steps = pd.concat(
        [
            pd.DataFrame({"time": incoming[when], "verdict": _verdict_of(incoming["peer"], verdicts), "step": step})
            for when, step in (("opened", 1), ("closed", -1))
        ]
    )
    open_ = steps.groupby(["time", "verdict"])["step"].sum().unstack(fill_value=0).sort_index().cumsum()
    order = [verdict for verdict in ("none", "context", "suspicious", "anomalous") if verdict in open_]
    ax.stackplot(
        _naive(open_.index.to_series()),
        *(open_[verdict] for verdict in order),
        labels=[f"{verdict}" if verdict != "none" else "nothing found" for verdict in order],
        colors=[VERDICT_COLOURS[verdict] for verdict in order],
        step="post",
    )
    ax.set_ylabel("open incoming connections")
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper left", frameon=False, fontsize="small")
    _clock(ax)
    return ax


def subnets(ax: Axes, view: View, verdicts: pd.DataFrame, most: int = 15) -> Axes:
    """The /24 (IPv6: /64) networks with most peers, by the verdict on these (unit: addresses)."""
    from matplotlib.ticker import MaxNLocator

    peers = pd.Series(view.connections["peer"].astype(object).unique())
    if peers.empty:
        return _nothing(ax, "no peers")
    counted = pd.DataFrame({"subnet": peers.map(_subnet), "verdict": _verdict_of(peers, verdicts)}).groupby(["subnet", "verdict"]).size().unstack(fill_value=0)
    total = counted.sum(axis=1)
    largest = counted.loc[total.sort_values(ascending=False, kind="stable").index[:most][::-1]]
    left = np.zeros(len(largest))
    for verdict in ("anomalous", "suspicious", "context", "none"):
        if verdict in largest:
            ax.barh(largest.index, largest[verdict], left=left, color=VERDICT_COLOURS[verdict], label=verdict if verdict != "none" else "nothing found")
            left += largest[verdict].to_numpy()
    ax.set_xlabel("peers (addresses)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(loc="lower right", frameon=False, fontsize="small")
    return ax


def _subnet(peer: str) -> str:
    import ipaddress

    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return "Tor, I2P"
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False))


# ---------------------------------------------------------------- messages


def commands_over_time(ax: Axes, view: View, bins: int = 60) -> Axes:
    """Messages that peers sent, over time, by command (unit: messages in each of `bins` equal intervals)."""
    received = view.received[view.received["time"].notna()]
    if received.empty:
        return _nothing(ax, "no messages")
    times = received["time"].astype("int64")
    edges = np.linspace(times.min(), times.max() + 1, bins + 1)
    middles = _naive(pd.Series(pd.to_datetime((edges[:-1] + edges[1:]) / 2, utc=True)))
    names = received["name"].value_counts()
    shown = [name for name in names.index if names[name] > 0][: len(_CYCLE) - 1]
    counts = [np.histogram(times[received["name"] == name], edges)[0] for name in shown]
    rest = np.histogram(times[~received["name"].isin(shown)], edges)[0]
    labels = [*shown, "others"] if rest.any() else shown
    ax.stackplot(middles, *counts, *([rest] if rest.any() else []), labels=labels, colors=_CYCLE[: len(labels)])
    ax.set_ylabel("messages received")
    ax.legend(loc="upper left", frameon=False, fontsize="small")
    _clock(ax)
    return ax


def timeline(ax: Axes, view: View, connections: Sequence[int]) -> Axes:
    """Every message on these connections: time, command, and who sent it; a vertical line where one began (unit: messages)."""
    rows = view.messages[view.messages["connection"].isin(connections) & view.messages["time"].notna()]
    if rows.empty:
        return _nothing(ax, "no messages")
    names = sorted(rows["name"].astype(str).unique())
    places = rows["name"].astype(str).map({name: place for place, name in enumerate(names)})
    times = _naive(rows["time"])
    for direction, marker, shift, colour in (("received", "<", 0.12, RED), ("sent", ">", -0.12, BLUE)):
        chosen = rows["direction"] == direction
        ax.scatter(times[chosen], places[chosen] + shift, marker=marker, s=22, color=colour, label=f"{direction} by the vantage node", linewidths=0)
    for opened in _naive(view.connections.loc[view.connections["connection"].isin(connections), "opened"]):
        ax.axvline(opened, color=GREY, linewidth=0.5, zorder=0)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=2, frameon=False, fontsize="small")
    _clock(ax)
    return ax
