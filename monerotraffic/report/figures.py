"""The figures of a report: what is drawn, and what a high value in it means."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from monerotraffic.report import plots
from monerotraffic.tables.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "Drawing", "draw", "svg"]


_LOW = 0.6  # inches


@dataclass(frozen=True)
class Material:
    """What there is to draw."""

    view: View
    findings: pd.DataFrame
    verdicts: pd.DataFrame
    systems: pd.DataFrame | None = None
    """The autonomous systems of the peers, if a database was given."""


@dataclass(frozen=True)
class Drawing:
    name: str
    title: str
    caption: str
    """What is shown, in which unit, and what a high value means."""
    draw: Callable[[Axes, Material], Axes]
    size: tuple[float, float] = (9, 4)


def _busiest(material: Material) -> list[int]:
    """The connections of the peer with the highest score that said something, at most three; else
    those with most messages.
    """
    said = material.view.messages["connection"].value_counts()
    for peer in material.verdicts["peer"] if len(material.verdicts) else ():
        rows = material.view.connections
        own = [
            number for number in rows.loc[rows["peer"] == peer, "connection"] if said.get(number, 0)
        ]
        if own:
            return [int(number) for number in own[:3]]
    return [int(number) for number in said.index[:3]]


FIGURES = (
    Drawing(
        "rules",
        "Which rules flag the same peers",
        "Each column is a combination of rules (dots), its bar the number of peers flagged by exactly these. A high bar over several dots: a group of peers"
        " that deviate in the same ways, which speaks of one operator or one implementation.",
        lambda ax, material: plots.rule_overlap(ax, material.findings),
        (9, 5),
    ),
    Drawing(
        "slots",
        "Who holds the connection slots",
        "Open incoming connections over time, by the verdict on the peer. A high coloured share: slots that honest peers cannot have.",
        lambda ax, material: plots.slots(ax, material.view, material.verdicts),
    ),
    Drawing(
        "durations",
        "How long connections last",
        "The share of connections that lasted at most so long, by the verdict on the peer; only those captured from beginning to end. A high line on the left:"
        " many short visits, as of scanners and of who holds a slot only to look.",
        lambda ax, material: plots.durations(ax, material.view, material.verdicts),
    ),
    Drawing(
        "sync",
        "How regular timed sync is",
        "The share of gaps between two timed-sync requests of a peer that are at most so long. monerod asks every 60 s (dashed). A high value on the x-axis for"
        " most gaps of a group: it asks less often than a standard node, to say less of itself.",
        lambda ax, material: plots.sync_intervals(ax, material.view, material.verdicts),
    ),
    Drawing(
        "handshakes",
        "How many handshakes a peer begins",
        "The share of peers that sent at most so many handshake requests. A high number for a peer: it comes again and again, as short visits do, or a node"
        " whose connections are refused.",
        lambda ax, material: plots.request_counts(ax, material.view, material.verdicts, 1001),
    ),
    Drawing(
        "handshake_intervals",
        "How often a peer begins handshakes",
        "The share of gaps between two handshake requests of a peer, on whatever connections, that are at most so long. A high line on the left: handshakes"
        " within seconds of each other, where a node keeps its connection.",
        lambda ax, material: plots.request_intervals(ax, material.view, material.verdicts, 1001),
    ),
    Drawing(
        "pings",
        "How many pings come on one connection",
        "The share of connections with pings that carry at most so many. A node sends one, on a connection that carries nothing else, to see whether a port"
        " answers. A high number: pings that keep a connection busy and say nothing.",
        lambda ax, material: plots.request_counts(
            ax, material.view, material.verdicts, 1003, "connection"
        ),
    ),
    Drawing(
        "ping_intervals",
        "How often a peer pings",
        "The share of gaps between two pings of a peer, on whatever connections, that are at most so long. A high line on the left: a flood of pings.",
        lambda ax, material: plots.request_intervals(ax, material.view, material.verdicts, 1003),
    ),
    Drawing(
        "subnets",
        "Where the peers are",
        "The subnets (/24, IPv6 /64) with most peer addresses, and where it is known which autonomous systems announce these. A long coloured bar: many"
        " anomalous addresses of one network, as an operator who rents a block would have.",
        lambda ax, material: plots.subnets(
            ax, material.view, material.verdicts, systems=material.systems
        ),
    ),
    Drawing(
        "diversity",
        "How diverse peer lists are",
        "Peer lists of 100 entries and more by their diversity, distinct subnets ÷ distinct addresses; the y-axis is logarithmic. A high value, near 1, is what"
        " a random sample of the network gives; low ones are lists of few subnets.",
        lambda ax, material: plots.diversity(ax, material.view, material.verdicts),
    ),
    Drawing(
        "similarity",
        "How much peer lists have in common",
        "Pairs of peer lists by their Jaccard index, shared ÷ all addresses; the y-axis is logarithmic. A high value between different senders: they draw from"
        " the same list, which independent nodes of a large network do not.",
        lambda ax, material: plots.similarity(ax, material.view),
    ),
    Drawing(
        "similar",
        "Who sends the same peer lists",
        "Peers whose lists share at least 80 % of their addresses are joined. A high number of lines in one bundle: a group that is fed from one list.",
        lambda ax, material: plots.similar_senders(ax, material.view),
        (9, 6.5),
    ),
    Drawing(
        "popularity",
        "Which addresses are advertised",
        "How many addresses are named by at least so many senders. The far right: addresses that nearly everybody names. A high plateau there speaks of"
        " addresses that are pushed into white lists.",
        lambda ax, material: plots.popularity(ax, material.view),
    ),
    Drawing(
        "commands",
        "What peers send",
        "Messages received, over time, by command, in 60 equal intervals. A high narrow peak is the common one-minute tick of timed syncs, or a burst that is"
        " worth a look.",
        lambda ax, material: plots.commands_over_time(ax, material.view),
    ),
    Drawing(
        "timeline",
        "One peer's messages",
        "Every message on up to three connections of the peer with the highest score: when, which command, and which way. Dense rows of one command: that is"
        " what the connection is for.",
        lambda ax, material: plots.timeline(ax, material.view, _busiest(material)),
    ),
)


def draw(drawing: Drawing, material: Material) -> Figure:
    """One figure, not shown anywhere. One that has only to say why there is nothing in it is
    low.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=drawing.size, layout="constrained")
    if not drawing.draw(figure.add_subplot(), material).has_data():
        figure.set_figheight(_LOW)
    return figure


def svg(figure: Figure) -> str:
    """A figure as an SVG element that can stand in a page: the same for the same figure, byte for
    byte.
    """
    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "monerotraffic"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    made = text.getvalue()
    return made[made.index("<svg") :]
