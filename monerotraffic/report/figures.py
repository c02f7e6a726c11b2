"""The figures of a report: drawing, title and caption of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from monerotraffic.report import plots
from monerotraffic.report.exposure import exposure_groups
from monerotraffic.report.page_metrics import connection_figures
from monerotraffic.tables.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "Drawing", "Material", "draw"]


_LOW = 0.6  # inches


@dataclass(frozen=True)
class Material:
    """The data of the figures."""

    view: View
    findings: pd.DataFrame
    verdicts: pd.DataFrame
    systems: pd.DataFrame | None = None
    """The autonomous systems of the peers, with a database."""


@dataclass(frozen=True)
class Drawing:
    name: str
    title: str
    caption: str
    """What the figure shows, in which unit, and what a high value means."""
    draw: Callable[[Axes, Material], Axes]
    size: tuple[float, float] = (5.8, 3.4)
    """Inches. Wide figures have labels at their sides."""


def _busiest(material: Material) -> list[int]:
    """At most three connections with messages of the peer with the highest score, or those with the
    most messages.
    """
    rows = connection_figures(material.view)
    rows = rows[rows["messages"] > 0]
    known = rows["peer"].astype(object)
    for peer in material.verdicts["peer"] if len(material.verdicts) else ():
        own = rows.loc[known == peer, "connection"]
        if len(own):
            return [int(number) for number in own[:3]]
    most = rows.sort_values("messages", ascending=False, kind="stable")
    return [int(number) for number in most["connection"][:3]]


FIGURES = (
    Drawing(
        "rules",
        "Rules that flag the same peers",
        "Each column is a combination of rules (dots). Its bar is the number of peers that "
        "exactly these rules flag. A high bar over several dots is a group of peers with the "
        "same deviations, which indicates one operator or one implementation.",
        lambda ax, material: plots.rule_overlap(ax, material.findings),
        (5.8, 4.2),
    ),
    Drawing(
        "slots",
        "Use of the incoming slots",
        "Open incoming connections over time by verdict of the peer. A high coloured share "
        "means that these slots are not available to honest peers.",
        lambda ax, material: plots.slots(ax, material.view, material.verdicts),
    ),
    Drawing(
        "slots_out",
        "Use of the outgoing slots",
        "Connections that the vantage node opened, over time, by verdict of the peer. A high "
        "coloured share means that much of what the node learns comes from anomalous peers.",
        lambda ax, material: plots.slots(ax, material.view, material.verdicts, "outgoing"),
    ),
    Drawing(
        "exposure",
        "Exposure",
        "Share of outgoing slots (solid) and incoming slots (dotted) that anomalous and suspicious "
        "peers hold over time. Own transactions go to one outgoing peer first. A high solid line "
        "means that this peer is often a spy.",
        lambda ax, material: plots.exposure(
            ax,
            material.view,
            exposure_groups(material.view, material.verdicts, material.findings),
        ),
    ),
    Drawing(
        "durations",
        "Durations of connections",
        "Share of connections that lasted at most the time on the x-axis, by verdict of the "
        "peer, for connections captured from beginning to end. A high line on the left means "
        "many short connections, as of scanners.",
        lambda ax, material: plots.durations(ax, material.view, material.verdicts),
    ),
    Drawing(
        "sync",
        "Intervals of timed sync",
        "Share of gaps between two timed-sync requests of a peer that are at most the time on "
        "the x-axis. monerod sends one every 60 s (dashed). A high value on the x-axis for "
        "most gaps of a class means that its peers send requests less often than a standard "
        "node.",
        lambda ax, material: plots.sync_intervals(ax, material.view, material.verdicts),
    ),
    Drawing(
        "handshakes",
        "Handshakes per peer",
        "Share of peers that sent at most the number of handshake requests on the x-axis. A "
        "high number means that a peer connects again and again, for short visits or because "
        "its connections are refused.",
        lambda ax, material: plots.request_counts(ax, material.view, material.verdicts, 1001),
    ),
    Drawing(
        "handshake_intervals",
        "Intervals of handshakes",
        "Share of gaps between two handshake requests of a peer, on all its connections, that "
        "are at most the time on the x-axis. A high line on the left means handshakes within "
        "seconds, where a standard node keeps its connection.",
        lambda ax, material: plots.request_intervals(ax, material.view, material.verdicts, 1001),
    ),
    Drawing(
        "pings",
        "Pings per connection",
        "Share of connections with pings that have at most the number on the x-axis. A "
        "standard node sends one ping, on a connection of its own, to test whether a port "
        "answers. A high number means that pings keep a connection open.",
        lambda ax, material: plots.request_counts(
            ax, material.view, material.verdicts, 1003, "connection"
        ),
    ),
    Drawing(
        "ping_intervals",
        "Intervals of pings",
        "Share of gaps between two pings of a peer, on all its connections, that are at most "
        "the time on the x-axis. A high line on the left is a flood of pings.",
        lambda ax, material: plots.request_intervals(ax, material.view, material.verdicts, 1003),
    ),
    Drawing(
        "subnets",
        "Subnets of peers",
        "The subnets (/24, IPv6 /64) with the most peer addresses, and, with a database, the "
        "autonomous systems that announce them. A long coloured bar means many anomalous "
        "addresses in one network, as with an operator who rents a block.",
        lambda ax, material: plots.subnets(
            ax, material.view, material.verdicts, systems=material.systems
        ),
    ),
    Drawing(
        "diversity",
        "Diversity of peer lists",
        "Share of peer lists of 100 or more entries whose diversity, distinct subnets ÷ distinct "
        "addresses, is at most the value on the x-axis. A high line on the left means lists of few "
        "subnets; random samples of the network have values near 1.",
        lambda ax, material: plots.diversity(ax, material.view, material.verdicts),
    ),
    Drawing(
        "similarity",
        "Similarity of peer lists",
        "Share of pairs of peer lists whose Jaccard index, shared ÷ all addresses, is at most the "
        "value on the x-axis. Values as high for different senders as for one mean that they draw "
        "from the same list, which independent nodes of a large network do not.",
        lambda ax, material: plots.similarity(ax, material.view),
    ),
    Drawing(
        "similar",
        "Senders of the same peer lists",
        "Peers whose lists share at least 80 % of their addresses are connected. A high "
        "number of lines in one bundle is a group with a common list.",
        lambda ax, material: plots.similar_senders(ax, material.view),
        (5.8, 5.2),
    ),
    Drawing(
        "popularity",
        "Popularity of advertised addresses",
        "Number of addresses that at least the number of senders on the x-axis advertise. On "
        "the right are addresses that nearly all senders advertise. A high plateau there "
        "indicates addresses that are pushed into white lists.",
        lambda ax, material: plots.popularity(ax, material.view),
    ),
    Drawing(
        "topology",
        "Who advertises the popular addresses",
        "A row for each sender of peer lists, a column for each of the most advertised addresses, "
        "and a field in the colour of the sender's verdict where its lists contain the address. A "
        "high number of equal rows is a group that advertises the same addresses.",
        lambda ax, material: plots.peer_topology(ax, material.view, material.verdicts),
    ),
    Drawing(
        "commands",
        "Messages by command",
        "Messages received over time by command, in 60 equal intervals. A high narrow peak is "
        "the tick of timed syncs every minute, or a burst.",
        lambda ax, material: plots.commands_over_time(ax, material.view),
    ),
    Drawing(
        "timeline",
        "Messages of one peer",
        "Every message on up to three connections of the peer with the highest score: time, "
        "command, and whether the vantage node received or sent it. Dense rows of one command show "
        "the purpose of the connection.",
        lambda ax, material: plots.timeline(ax, material.view, _busiest(material)),
    ),
)


def draw(drawing: Drawing, material: Material) -> Figure:
    """Draws one figure, which is not displayed. A figure without data, which only states the
    reason, has a small height.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=drawing.size, layout="constrained")
    if not drawing.draw(figure.add_subplot(), material).has_data():
        figure.set_figheight(_LOW)
    return figure
