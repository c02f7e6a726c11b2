"""Figures of traffic and findings. Each function draws on an Axes and returns it. Requires
matplotlib (`pip install 'monerotraffic[report]'`).

    fig, ax = plt.subplots()
    plots.slots(ax, View(traffic), verdicts(findings))
    ax.set_title("Use of the slots", pad=20)  # above the legend
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from monerotraffic import metrics
from monerotraffic.report.axes import (
    MILDEST_FIRST,
    clock_axis,
    draw_by_verdict,
    make_logarithmic,
    naive_times,
    place_legend,
    sampled_steps,
    verdict_label,
    verdict_of,
    whole_numbers,
    without_data,
)
from monerotraffic.report.colours import (
    BLUE,
    COMMAND_CLASSES,
    DIRECTION_COLOURS,
    GREY,
    PALETTE,
    VERDICT_COLOURS,
)
from monerotraffic.report.exposure_plots import (
    exposure,
    neighbours,
    peer_churn,
    propagation_delays,
    session_survival,
    stem_delays,
    what_if,
    white_list_pressure,
)
from monerotraffic.report.page_metrics import (
    INTERVALS,
    command_counts,
    connection_figures,
    requests_of_peers,
    sync_request_gaps,
)
from monerotraffic.report.peer_list_plots import (
    diversity,
    peer_topology,
    popularity,
    similar_senders,
    similarity,
)
from monerotraffic.tables.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "clock_offsets",
    "commands_over_time",
    "diversity",
    "durations",
    "exposure",
    "neighbours",
    "peer_churn",
    "peer_topology",
    "popularity",
    "propagation_delays",
    "request_counts",
    "request_intervals",
    "rule_overlap",
    "session_survival",
    "similar_senders",
    "similarity",
    "slots",
    "stem_delays",
    "subnets",
    "sync_intervals",
    "timeline",
    "what_if",
    "white_list_pressure",
]

_POINTS = 1200  # marks of a figure
_MOST_LINES = 50  # that mark times


# ---------------------------------------------------------------- findings


def rule_overlap(
    ax: Axes, findings: pd.DataFrame, most: int = 20, systems: pd.DataFrame | None = None
) -> Axes:
    """Draws which rules flag the same peers, as an UpSet plot: one column for each combination of
    rules, with the number of peers that exactly these rules flag. With `systems` (the result of
    metrics.autonomous_systems) it counts the autonomous systems of the peers instead of the peers.

    At most `most` combinations are drawn, the largest first. The dots of a column mark its rules,
    and the number after a rule is the number of peers that it flags.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> findings = mt.find_anomalies(traffic, rules=["bad_header", "garbage"])
    >>> ax = mt.plots.rule_overlap(plt.figure().subplots(), findings)
    >>> [text.get_text() for text in ax.texts]
    ['3', '2', 'bad_header  2', 'garbage  3']
    """
    if findings.empty:
        return without_data(ax, "no findings")
    if systems is not None:
        number = systems.set_index(systems["host"].astype(str))["asn"]
        findings = findings.assign(peer=findings["peer"].astype(str).map(number)).dropna(
            subset="peer"
        )
        if findings.empty:
            return without_data(ax, "no finding of a peer whose autonomous system is known")
    combinations = (
        findings.groupby("peer")["rule"]
        .agg(lambda rules: tuple(sorted(set(rules))))
        .value_counts()
        .head(most)
    )
    totals = findings.groupby("rule")["peer"].nunique()
    shown = totals.loc[
        sorted({rule for rules in combinations.index for rule in rules})
    ].sort_values(kind="stable")
    places = {rule: place for place, rule in enumerate(shown.index)}
    below = len(shown) * 0.9
    heights = combinations.to_numpy() / combinations.max() * max(4.0, len(shown) * 0.5)
    columns = np.arange(len(combinations))
    ax.bar(
        columns,
        heights,
        bottom=0.6,
        width=0.6,
        color=BLUE,
        label=[f"{' + '.join(rules)}: {count:,}" for rules, count in combinations.items()],
    )
    for place, (height, count) in enumerate(zip(heights, combinations, strict=True)):
        ax.text(place, height + 0.7, str(count), ha="center", va="bottom", fontsize="small")
    for place, rules in enumerate(combinations.index):
        rows = np.array([places[rule] for rule in rules]) * 0.9 - below + 0.2
        ax.plot(np.full(len(rows), place), rows, color=BLUE, marker="o", linewidth=1.5)
    for rule, place in places.items():
        ax.axhline(place * 0.9 - below + 0.2, color=GREY, linewidth=0.4, zorder=0)
        ax.text(
            -0.8,
            place * 0.9 - below + 0.2,
            f"{rule}  {shown[rule]}",
            ha="right",
            va="center",
            fontsize="small",
        )
    ax.set_xlim(-0.7, len(combinations) - 0.3)
    ax.set_ylim(-below - 0.4, heights.max() + 2)
    ax.set_axis_off()
    return ax


# ---------------------------------------------------------------- connections


def slots(
    ax: Axes,
    view: View,
    verdicts: pd.DataFrame,
    direction: Literal["incoming", "outgoing"] = "incoming",
    average: bool = False,
) -> Axes:
    """Draws the open connections over time by verdict of the peer, of all vantage nodes together,
    or their mean over the nodes with `average` (unit: connections). monerod accepts a limited
    number (`--in-peers`) and opens 12 by default (`--out-peers`).

    A capture with many changes is drawn in 400 equal intervals, each with its mean number.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> verdicts = mt.rules.verdicts(mt.find_anomalies(view, rules=["ping_flood"]))
    >>> ax = mt.plots.slots(plt.figure().subplots(), view, verdicts)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('UTC', 'open incoming connections')
    """
    classes = verdicts.set_index("peer")["verdict"].to_dict() if len(verdicts) else {}
    changes = metrics.slots(view, classes, direction).dropna(subset=["time"])
    if changes.empty:
        return without_data(ax, f"no {direction} connections")
    open_ = (
        changes.replace({"group": {"other": "none"}})
        .pivot(index="time", columns=["vantage", "group"], values="open")
        .ffill()
        .fillna(0)
        .T.groupby(level="group")
        .sum()
        .T
    )
    nodes = max(1, len(view.traffic.nodes)) if average else 1
    open_ = sampled_steps(open_) / nodes
    order = [verdict for verdict in MILDEST_FIRST if verdict in open_]
    ax.stackplot(
        naive_times(open_.index.to_series()),
        *(open_[verdict] for verdict in order),
        labels=[verdict_label(verdict) for verdict in order],
        colors=[VERDICT_COLOURS[verdict] for verdict in order],
        step="post",
    )
    ax.set_ylabel(f"open {direction} connections{', mean of the nodes' if average else ''}")
    ax.set_ylim(bottom=0)
    if nodes == 1:
        whole_numbers(ax.yaxis)
    place_legend(ax)
    clock_axis(ax)
    return ax


def durations(ax: Axes, view: View, verdicts: pd.DataFrame) -> Axes:
    """Draws the share of connections that lasted at most the time on the x-axis, by verdict (unit:
    connections captured from beginning to end).

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> verdicts = mt.rules.verdicts(mt.find_anomalies(view, rules=["ping_flood"]))
    >>> ax = mt.plots.durations(plt.figure().subplots(), view, verdicts)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds from the first packet to the last', 'share of connections')
    """
    rows = connection_figures(view)
    rows = rows[rows["whole"] & (rows["seconds"] > 0)]
    if rows.empty:
        return without_data(ax, "no connection from beginning to end")
    make_logarithmic(ax.xaxis)
    ax.set_xlabel("seconds from the first packet to the last")
    ax.set_ylabel("share of connections")
    return draw_by_verdict(ax, rows["seconds"], verdict_of(rows["peer"], verdicts), "connection")


def sync_intervals(ax: Axes, view: View, verdicts: pd.DataFrame) -> Axes:
    """Draws the share of gaps between a peer's 1002 requests that are at most the time on the
    x-axis, by verdict (unit: gaps). monerod sends one every 60 s.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> verdicts = mt.rules.verdicts(mt.find_anomalies(view, rules=["ping_flood"]))
    >>> ax = mt.plots.sync_intervals(plt.figure().subplots(), view, verdicts)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds between two 1002 requests of a peer on one connection', 'share of gaps')
    """
    gaps = sync_request_gaps(view)
    if gaps.empty:
        return without_data(ax, "no peer asked for a timed sync twice")
    ax.axvline(60, color=GREY, linewidth=0.8, linestyle="--")
    ax.set_xlabel("seconds between two 1002 requests of a peer on one connection")
    ax.set_ylabel("share of gaps")
    return draw_by_verdict(ax, gaps["seconds"], verdict_of(gaps["peer"], verdicts), "gap")


def request_counts(
    ax: Axes,
    view: View,
    verdicts: pd.DataFrame,
    command: int,
    per: Literal["peer", "connection"] = "peer",
) -> Axes:
    """Draws the share of peers, or connections, that sent at most the number of requests of a
    command on the x-axis, by verdict (unit: peers or connections with at least one request).

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> verdicts = mt.rules.verdicts(mt.find_anomalies(view, rules=["ping_flood"]))
    >>> ax = mt.plots.request_counts(plt.figure().subplots(), view, verdicts, 1003)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('1003 requests of one peer', 'share of peers')
    """
    asked = requests_of_peers(view, command)
    if asked.empty:
        return without_data(ax, f"no {command} requests of peers")
    counts = asked.groupby(per, observed=True).agg(
        peer=("peer", "first"), requests=("message", "size")
    )
    make_logarithmic(ax.xaxis)
    ax.set_xlabel(
        f"{command} requests of one peer"
        if per == "peer"
        else f"{command} requests on one connection"
    )
    ax.set_ylabel(f"share of {per}s")
    return draw_by_verdict(ax, counts["requests"], verdict_of(counts["peer"], verdicts), per)


def request_intervals(ax: Axes, view: View, verdicts: pd.DataFrame, command: int) -> Axes:
    """Draws the share of gaps between a peer's requests of a command, on all its connections, that
    are at most the time on the x-axis, by verdict (unit: gaps).

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> verdicts = mt.rules.verdicts(mt.find_anomalies(view, rules=["ping_flood"]))
    >>> ax = mt.plots.request_intervals(plt.figure().subplots(), view, verdicts, 1002)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds between two 1002 requests of one peer', 'share of gaps')
    """
    asked = requests_of_peers(view, command).sort_values(["peer", "time"], kind="stable")
    gaps = asked.assign(
        seconds=asked.groupby("peer", observed=True)["time"].diff().dt.total_seconds()
    )
    gaps = gaps[gaps["seconds"] > 0]
    if gaps.empty:
        return without_data(ax, f"no peer sent two {command} requests")
    make_logarithmic(ax.xaxis)
    ax.set_xlabel(f"seconds between two {command} requests of one peer")
    ax.set_ylabel("share of gaps")
    return draw_by_verdict(ax, gaps["seconds"], verdict_of(gaps["peer"], verdicts), "gap")


def subnets(
    ax: Axes,
    view: View,
    verdicts: pd.DataFrame,
    most: int = 15,
    systems: pd.DataFrame | None = None,
) -> Axes:
    """Draws the /24 (IPv6: /64) networks with the most peers, by verdict of the peers (unit:
    addresses).

    `systems`, the result of metrics.autonomous_systems for the peers, adds the autonomous systems
    to the name of each network.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> verdicts = mt.rules.verdicts(mt.find_anomalies(view, rules=["ping_flood"]))
    >>> ax = mt.plots.subnets(plt.figure().subplots(), view, verdicts)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('peers (addresses)', '')
    """
    peers = pd.Series(view.connections["peer"].astype(object).unique())
    if peers.empty:
        return without_data(ax, "no peers")
    sizes = (
        pd.DataFrame(
            {
                "subnet": metrics.subnets_of(peers).fillna("Tor, I2P").to_numpy(),
                "verdict": verdict_of(peers, verdicts),
            }
        )
        .groupby(["subnet", "verdict"])
        .size()
        .unstack(fill_value=0)
    )
    total = sizes.sum(axis=1)
    if total.max() == 1:
        return without_data(ax, "no subnet has more than one peer")
    largest = sizes.loc[total.sort_values(ascending=False, kind="stable").index[:most][::-1]]
    left = np.zeros(len(largest))
    for verdict in VERDICT_COLOURS:
        if verdict in largest:
            ax.barh(
                largest.index,
                largest[verdict],
                left=left,
                color=VERDICT_COLOURS[verdict],
                label=verdict_label(verdict),
            )
            left += largest[verdict].to_numpy()
    if systems is not None:
        named = _systems_of(peers, systems)
        ax.set_yticks(
            range(len(largest)),
            [
                f"{subnet}  {named[subnet]}" if named.get(subnet) else subnet
                for subnet in largest.index
            ],
            parse_math=False,
        )
    ax.set_xlabel("peers (addresses)")
    whole_numbers(ax.xaxis)
    place_legend(ax)
    return ax


def _systems_of(peers: pd.Series, systems: pd.DataFrame) -> dict[str, str]:
    """By subnet the autonomous systems that announce its peers, the one with most first."""
    known = systems[systems["asn"].notna() & systems["host"].isin(peers)]
    rows = pd.DataFrame(
        {"subnet": metrics.subnets_of(known["host"]).to_numpy(), "system": _shortened(known)}
    )
    sizes = (
        rows.groupby(["subnet", "system"], sort=False)
        .size()
        .sort_values(ascending=False, kind="stable")
        .reset_index()
    )
    return dict(sizes.groupby("subnet", sort=False)["system"].agg(", ".join))


def _shortened(systems: pd.DataFrame, most: int = 24) -> list[str]:
    names = (str(name) if isinstance(name, str) else "" for name in systems["organisation"])
    return [
        f"AS{number} {name[:most]}".rstrip() + ("…" if len(name) > most else "")
        for number, name in zip(systems["asn"], names, strict=True)
    ]


# ---------------------------------------------------------------- vantage nodes


def clock_offsets(ax: Axes, view: View) -> Axes:
    """Draws by how much the clocks of vantage nodes differ over time: a point for each shared event
    (unit: messages, ticks, blocks, transactions), and the estimate of each pair as a line with its
    interval. Requires scipy and networkx.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> nodes = {"ams": "tests/data/honest", "sfo": "tests/data/honest"}
    >>> view = mt.read(nodes).peers
    >>> ax = mt.plots.clock_offsets(plt.figure().subplots(), view)
    >>> ax.get_ylabel()
    'difference of clocks in seconds'
    """
    rows = metrics.clock_differences(view)
    if rows.empty:
        return without_data(ax, "no two vantage nodes with common events")
    markers = {"connections": "x", "ticks": "+", "blocks": "s", "transactions": "."}
    for place, ((name, other), pair) in enumerate(
        rows.groupby(["vantage", "other"], observed=True)
    ):
        colour = PALETTE[place % len(PALETTE)]
        for source, every in pair.groupby("source", observed=True):
            events = every.iloc[:: 1 + len(rows) // _POINTS]
            ax.scatter(
                naive_times(events["time"]),
                events["difference"],
                marker=markers[str(source)],
                s=14,
                color=colour,
                alpha=0.5,
                label=f"{name} - {other}: {len(every):,} {source}",
            )
        clocks = metrics.clock_offsets(view, str(other)).set_index("vantage")
        clock = clocks.loc[name]
        if np.isfinite(clock["offset"]):
            certain = clock["drift_low"] * clock["drift_high"] > 0
            ends = pair["time"].agg(["min", "max"])
            drift = clock["drift"] * 1e-6 if certain else 0.0
            line = clock["offset"] + drift * (ends - clock["at"]).dt.total_seconds()
            ax.plot(naive_times(ends), line, color=colour)
            if np.isfinite(clock["high"] - clock["low"]):
                shift = line - clock["offset"]
                ax.fill_between(
                    naive_times(ends),
                    shift + clock["low"],
                    shift + clock["high"],
                    color=colour,
                    alpha=0.2,
                    linewidth=0,
                )
    ax.set_ylabel("difference of clocks in seconds")
    ax.grid(color=GREY, alpha=0.25)
    place_legend(ax)
    clock_axis(ax)
    return ax


# ---------------------------------------------------------------- messages


def commands_over_time(ax: Axes, view: View, bins: int = INTERVALS) -> Axes:
    """Draws the messages of peers over time by kind of command (unit: messages in each of `bins`
    equal intervals, from the first connection to the last packet). The colour of a kind is the same
    in every report.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> ax = mt.plots.commands_over_time(plt.figure().subplots(), view, bins=20)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('UTC', 'messages received')
    """
    counts, middles = command_counts(view, bins)
    if counts.empty:
        return without_data(ax, "no messages")
    ax.stackplot(
        naive_times(middles),
        *(counts[kind] for kind in counts),
        step="mid",
        labels=list(counts),
        colors=[COMMAND_CLASSES.get(kind, GREY) for kind in counts],
    )
    ax.set_ylabel("messages received")
    whole_numbers(ax.yaxis)
    place_legend(ax)
    clock_axis(ax)
    return ax


def timeline(ax: Axes, view: View, connections: Sequence[int]) -> Axes:
    """Draws every message on these connections by time, command and sender; a vertical line marks
    the beginning of a connection (unit: messages). Draws the first 1,200 messages.

    >>> import matplotlib.pyplot as plt
    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> ax = mt.plots.timeline(plt.figure().subplots(), view, connections=[0, 1])
    >>> [label.get_text() for label in ax.get_yticklabels()][:3]
    ['GET_TXPOOL_COMPLEMENT', 'HANDSHAKE', 'NEW_FLUFFY_BLOCK']
    """
    begun = view.connections["connection"].isin(connections)
    peers = view.connections.loc[begun, "peer"].astype(str).unique()
    views = {id(one): one for one in (view.of_peer(peer) for peer in peers)}
    parts = [
        one.messages[one.messages["connection"].isin(connections) & one.messages["time"].notna()]
        for one in views.values()
    ]
    rows = pd.concat(parts).sort_values("message") if parts else pd.DataFrame()
    if rows.empty:
        return without_data(ax, "no messages")
    rows = rows.sort_values("time", kind="stable").head(_POINTS)
    names = sorted(rows["name"].astype(str).unique())
    places = rows["name"].astype(str).map({name: place for place, name in enumerate(names)})
    times = naive_times(rows["time"])
    for direction, marker, shift, colour in (
        ("received", "<", 0.12, DIRECTION_COLOURS["received"]),
        ("sent", ">", -0.12, DIRECTION_COLOURS["sent"]),
    ):
        chosen = rows["direction"] == direction
        ax.scatter(
            times[chosen],
            places[chosen] + shift,
            marker=marker,
            s=22,
            color=colour,
            label=direction,
            linewidths=0,
        )
    for opened in naive_times(view.connections.loc[begun, "opened"].head(_MOST_LINES)):
        ax.axvline(opened, color=GREY, linewidth=0.5, zorder=0)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(-0.6, len(names) - 0.4)
    place_legend(ax)
    clock_axis(ax)
    return ax
