"""Figures of what peers hold and learn: slots over time, what a ban list changes, how peers come
and go, and when transactions arrive. Part of report.plots.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from monerotraffic import metrics
from monerotraffic.banlist import BanList
from monerotraffic.metrics.exposure import Groups
from monerotraffic.metrics.propagation import fluff_arrivals
from monerotraffic.report.axes import (
    MILDEST_FIRST,
    clock_axis,
    draw_distribution,
    finish_shares,
    make_logarithmic,
    naive_times,
    place_legend,
    verdict_label,
    verdict_of,
    whole_numbers,
    without_data,
)
from monerotraffic.report.colours import BLUE, GREY, PALETTE, PURPLE, VERDICT_COLOURS
from monerotraffic.report.summary import counted
from monerotraffic.tables.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "exposure",
    "neighbours",
    "peer_churn",
    "propagation_delays",
    "session_survival",
    "stem_delays",
    "what_if",
    "white_list_pressure",
]

_LINE_STEPS = 3000  # of all lines of a figure
_MEAN_EMBARGO = 39  # seconds: src/cryptonote_config.h CRYPTONOTE_DANDELIONPP_EMBARGO_AVERAGE


def _group_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each group: that of the verdict of the same name, or one of the palette."""
    known = {**VERDICT_COLOURS, "listed": PURPLE, "other": GREY}
    others = iter(PALETTE)
    return {name: known.get(name) or next(others, GREY) for name in names}


def _line_style(direction: str) -> Literal["-", ":"]:
    return "-" if direction == "outgoing" else ":"


def _line_label(vantage: str | None, text: str) -> str:
    return f"{vantage} {text}" if vantage else text


# ---------------------------------------------------------------- slots


def exposure(ax: Axes, view: View, groups: Groups, steps: int = 120) -> Axes:
    """Draws the share of outgoing slots that each group of peers holds over time (solid), and of
    incoming slots (dotted), in at most `steps` equal intervals, for each vantage node (unit:
    connections weighted by time). A group without slots is left out.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> ax = mt.plots.exposure(plt.figure().subplots(), view, {"listed": ["192.0.2.12"]})
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('UTC', 'share of slots')
    """
    rows = view.connections
    if rows["opened"].dropna().empty:
        return without_data(ax, "no connections")
    seconds = (rows["closed"].max() - rows["opened"].min()).total_seconds()
    steps = min(steps, 1 + _LINE_STEPS // (2 * max(1, len(groups) * len(view.vantages))))
    table = metrics.exposure_over_time(view, groups, step_s=max(seconds / steps, 1.0))
    table = table[table["group"].isin(list(groups)) & table["p"].notna()]
    held = table.groupby("group", observed=True)["slots"].transform("sum") > 0
    if not held.any():
        return without_data(ax, "no slots of these groups")
    several = len(view.vantages) > 1
    colours = _group_colours(dict.fromkeys(table.loc[held, "group"]))
    lines = table[held].groupby(["vantage", "direction", "group"], observed=True)
    for (vantage, direction, name), part in lines:
        ax.plot(
            naive_times(part["time"]),
            part["p"],
            color=colours[name],
            linestyle=_line_style(direction),
            drawstyle="steps-post",
            label=_line_label(vantage if several else None, f"{name}, {direction}"),
        )
    ax.set_ylim(0, 1)
    ax.set_ylabel("share of slots")
    ax.grid(color=GREY, alpha=0.25)
    place_legend(ax)
    clock_axis(ax)
    return ax


def what_if(
    ax: Axes,
    view: View,
    groups: Groups,
    ban_list: BanList | None = None,
    direction: Literal["outgoing", "incoming"] = "outgoing",
) -> Axes:
    """Draws the share of slots that each group of peers holds as captured, and as if a ban list had
    been in force or monerod had chosen peers of distinct subnets (metrics.what_if). A filled bar
    leaves the slots of removed peers free; the outline shows them filled again, where peer lists
    offered addresses (unit: seconds of connections). A group without slots is left out.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> listed = mt.banlist.parse("192.0.2.12")
    >>> ax = mt.plots.what_if(plt.figure().subplots(), view, {"spies": ["192.0.2.12"]}, listed)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['spies']
    """
    table = metrics.what_if(view, groups, ban_list)
    table = table[(table["direction"] == direction) & table["group"].isin(list(groups))]
    shares = table[["p", "refilled_p"]].fillna(0.0)
    keys = ["vantage", "group"]
    held = shares.max(axis=1).groupby([table[key] for key in keys], observed=True)
    table = table[held.transform("max") > 0]
    if table.empty:
        return without_data(ax, f"no {direction} slots of these groups")
    several = len(view.vantages) > 1
    bars = [
        _line_label(vantage if several else None, str(group))
        for vantage, group in table[keys].drop_duplicates().itertuples(index=False)
    ]
    scenarios = list(dict.fromkeys(table["scenario"]))
    height = 0.8 / len(scenarios)
    for place, scenario in enumerate(scenarios):
        rows = table[table["scenario"] == scenario]
        at = np.arange(len(bars)) + (place - (len(scenarios) - 1) / 2) * height
        text = str(scenario).replace("_", " ")
        colour = PALETTE[place % len(PALETTE)]
        ax.barh(at, rows["p"].fillna(0.0), height * 0.9, color=colour, label=text)
        ax.barh(at, rows["refilled_p"], height * 0.9, fill=False, edgecolor=colour)
    ax.set_yticks(np.arange(len(bars)), bars)
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    ax.set_xlabel(f"share of {direction} slots (outline: free slots filled again)")
    place_legend(ax)
    return ax


# ---------------------------------------------------------------- peers that come and go


def session_survival(ax: Axes, view: View, groups: Mapping[str, str] | None = None) -> Axes:
    """Draws the share of connections that last longer than the time on the x-axis (Kaplan-Meier
    estimate, metrics.session_survival), by group of the peer: outgoing ones solid, incoming ones
    dotted (unit: connections). `groups` gives the group of each peer, `other` without one. Requires
    scipy.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> ax = mt.plots.session_survival(plt.figure().subplots(), view)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds', 'share of connections that last longer')
    """
    curves = metrics.session_survival(view, groups)
    if curves.empty:
        return without_data(ax, "no connections that began in the capture")
    several = len(view.vantages) > 1
    colours = _group_colours(dict.fromkeys(curves["group"]))
    shortest = curves["seconds"].min()
    for (vantage, direction, name), curve in curves.groupby(["vantage", "direction", "group"]):
        sessions = counted(int(curve["sessions"].iloc[0]), "connection")
        ax.plot(
            np.concatenate([[shortest], curve["seconds"]]),
            np.concatenate([[1.0], curve["survival"]]),
            drawstyle="steps-post",
            color=colours[name],
            linestyle=_line_style(direction),
            label=_line_label(vantage if several else None, f"{name}, {direction} ({sessions})"),
        )
    if shortest > 0:
        make_logarithmic(ax.xaxis)
    ax.set_xlabel("seconds")
    ax.set_ylabel("share of connections that last longer")
    return finish_shares(ax)


def peer_churn(ax: Axes, view: View, step_s: float = 3600.0) -> Axes:
    """Draws how many peers hold a slot (solid), and how many come for the first time (dotted) and
    leave for good (dashed), in each step of `step_s` seconds, by direction (metrics.peer_churn;
    unit: IP addresses).

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> ax = mt.plots.peer_churn(plt.figure().subplots(), view, step_s=60)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('UTC', 'peers in 60 s')
    """
    table = metrics.peer_churn(view, step_s)
    if table.empty:
        return without_data(ax, "no connections")
    several = len(view.vantages) > 1
    styles = {"peers": "-", "arrivals": ":", "departures": "--"}
    for place, ((vantage, direction), rows) in enumerate(
        table.groupby(["vantage", "direction"], observed=True)
    ):
        times = naive_times(rows["time"])
        ends = pd.concat([times, times.tail(1) + pd.Timedelta(seconds=step_s)])
        for column, style in styles.items():
            ax.plot(
                ends,
                np.append(rows[column], rows[column].iloc[-1]),
                color=PALETTE[place % len(PALETTE)],
                linestyle=style,
                drawstyle="steps-post",
                label=_line_label(vantage if several else None, f"{direction}, {column}"),
            )
    ax.set_ylim(bottom=0)
    whole_numbers(ax.yaxis)
    ax.grid(color=GREY, alpha=0.25)
    ax.set_ylabel(f"peers in {step_s:,g} s")
    place_legend(ax)
    clock_axis(ax)
    return ax


def white_list_pressure(ax: Axes, view: View, most: int = 20) -> Axes:
    """Draws the subnets (/24, IPv6 /64) whose addresses made the most handshakes with the vantage
    node: connection attempts, handshakes, and addresses that entered the node's white list because
    a back-ping succeeded, over the whole capture (metrics.white_list_pressure; unit: attempts,
    handshakes, IP addresses).

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/population").peers
    >>> ax = mt.plots.white_list_pressure(plt.figure().subplots(), view, most=2)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['198.18.246.0/24', '198.19.1.0/24']
    """
    table = metrics.white_list_pressure(view)
    if table.empty:
        return without_data(ax, "no attempts to connect")
    columns = ["attempts", "handshakes", "white_listed"]
    totals = (
        table.groupby(table["subnet"].astype(str))[columns]
        .sum()
        .sort_values(["handshakes", "attempts"], ascending=False, kind="stable")
        .head(most)
    )
    places = np.arange(len(totals))
    texts = ("connection attempts", "handshakes", "entered the white list")
    for column, text, colour, height in zip(
        columns, texts, (GREY, BLUE, VERDICT_COLOURS["anomalous"]), (0.8, 0.5, 0.2), strict=True
    ):
        ax.barh(places, totals[column], height, color=colour, label=text)
    ax.set_yticks(places, totals.index)
    ax.invert_yaxis()
    whole_numbers(ax.xaxis)
    ax.set_xlabel("number in the capture")
    place_legend(ax)
    return ax


# ---------------------------------------------------------------- transactions


def propagation_delays(ax: Axes, view: View, verdicts: pd.DataFrame) -> Axes:
    """Draws how late peers send transactions in the fluff phase: the share of transactions and
    peers whose delay after the first peer is at most the time on the x-axis, by verdict of the
    peer, on outgoing connections (solid) and incoming ones (dotted). Transactions that the node
    sent before are left out (as in metrics.propagation_delays; unit: transaction and peer).

    monerod waits a random time: 5 s on average on connections that it accepted (outgoing ones of
    the vantage node), 2.5 s on those that it opened, in steps of a quarter second.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> verdicts = mt.rules.verdicts(mt.find_anomalies(view, rules=["ping_flood"]))
    >>> ax = mt.plots.propagation_delays(plt.figure().subplots(), view, verdicts)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds after the first peer', 'share of transactions and peers')
    """
    rows = fluff_arrivals(view)
    if rows.empty:
        return without_data(ax, "no transactions that peers sent in the fluff phase")
    seconds, direction = rows["delay"].dt.total_seconds(), rows["direction"]
    verdict = verdict_of(rows["peer"], verdicts)
    for name in MILDEST_FIRST:
        for side in ("outgoing", "incoming"):
            chosen = seconds[(verdict == name) & (direction == side)].to_numpy(dtype=float)
            if len(chosen):
                label = f"{verdict_label(name)}, {side} ({len(chosen):,})"
                draw_distribution(ax, chosen, VERDICT_COLOURS[name], label)
                ax.lines[-1].set_linestyle(_line_style(side))
    ax.set_xlabel("seconds after the first peer")
    ax.set_ylabel("share of transactions and peers")
    return finish_shares(ax)


def stem_delays(ax: Axes, view: View) -> Axes:
    """Draws the time between a stem and the first fluff: the share of stems after which the
    transaction was in the fluff phase within the time on the x-axis, for stems that the vantage
    node sent (until a peer sent it back) and for those that it received (until the node sent it in
    the fluff phase). The dashed line is the mean of monerod's embargo timer, 39 s (unit: stems).

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/population").peers
    >>> ax = mt.plots.stem_delays(plt.figure().subplots(), view)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds from the stem to the fluff', 'share of stems')
    """
    drawn = False
    for table, text, colour in (
        (metrics.stems_sent(view), "sent", PURPLE),
        (metrics.stems_received(view), "received", BLUE),
    ):
        seconds = table["fluff_delay"].dt.total_seconds().dropna().to_numpy(dtype=float)
        if len(seconds):
            label = f"{text} ({len(seconds):,} of {len(table):,} seen in the fluff phase)"
            draw_distribution(ax, seconds, colour, label)
            drawn = True
    if not drawn:
        return without_data(ax, "no stems that were seen in the fluff phase")
    ax.axvline(_MEAN_EMBARGO, color=GREY, linestyle="--", linewidth=1)
    ax.set_xlabel("seconds from the stem to the fluff")
    ax.set_ylabel("share of stems")
    return finish_shares(ax)


# ---------------------------------------------------------------- neighbours


def neighbours(
    ax: Axes, inferred: pd.DataFrame, flagged: Iterable[str] = (), most: int = 25
) -> Axes:
    """Draws the inferred neighbours of senders of peer lists: one row per sender, one column per
    host, and a mark for each pair (unit: sender and host). Hosts and senders with the most pairs
    come first, at most `most` of each; the number after a sender counts all of its pairs. Filled
    marks are hosts that are `flagged`.

    `inferred` is the result of metrics.refreshed_entries, neighbours_by_last_seen or
    neighbours_by_frequency. A pair is a claim of its sender.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> inferred = mt.metrics.neighbours_by_frequency(mt.read("tests/data/population"))
    >>> ax = mt.plots.neighbours(plt.figure().subplots(), inferred)
    >>> ax.get_xlabel(), len(ax.get_yticks()), len(ax.get_xticks())
    ('inferred neighbour', 1, 12)
    """
    pairs = inferred[["peer", "host"]].astype(object).drop_duplicates()
    if pairs.empty:
        return without_data(ax, "no neighbours inferred")
    senders, hosts = (pairs[name].value_counts() for name in ("peer", "host"))
    row, column = (
        {
            name: number
            for number, name in enumerate(
                sorted(counts.index, key=lambda x: (-counts[x], x))[:most]
            )
        }
        for counts in (senders, hosts)
    )
    drawn = pairs[pairs["peer"].isin(row) & pairs["host"].isin(column)]
    named = drawn["host"].isin(list(flagged)).to_numpy()
    for chosen, face, edge, label in (
        (~named, "none", BLUE, "inferred neighbour"),
        (named, PURPLE, PURPLE, "flagged"),
    ):
        part = drawn[chosen]
        if len(part):
            places = part["host"].map(column), part["peer"].map(row)
            ax.scatter(*places, s=45, facecolor=face, edgecolor=edge, label=label)
    ax.set_yticks(range(len(row)), [f"{peer} ({senders[peer]})" for peer in row])
    ax.set_xticks(range(len(column)), list(column), rotation=60, ha="right", fontsize="small")
    ax.set_ylim(len(row) - 0.4, -0.6)
    ax.set_xlim(-0.6, len(column) - 0.4)
    ax.set_xlabel("inferred neighbour")
    ax.set_ylabel("sender of peer lists")
    ax.grid(color=GREY, alpha=0.2)
    place_legend(ax)
    return ax
