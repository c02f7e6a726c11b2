"""What the figures of exposure show: the numbers in them, counted by hand."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from monerotraffic.banlist import parse
from monerotraffic.metrics import View
from monerotraffic.report import plots
from monerotraffic.report.colours import VERDICT_COLOURS
from support.chain import relayed
from support.conversation_builder import ConversationBuilder, incoming, outgoing, read
from support.craft import CLIENT, SERVER
from support.lab import Lab

HOST = "198.51.100.10"
A, B, C = "20.1.0.1", "20.2.0.1", "20.3.0.1"
VERDICTS = pd.DataFrame({"peer": [A], "verdict": ["anomalous"], "score": [0.9]})


@pytest.fixture
def ax() -> mpl.axes.Axes:
    return Figure().add_subplot()


def held(talk: ConversationBuilder, begin: float, end: float) -> ConversationBuilder:
    talk.packets.clear()
    talk.wait_until(begin).open().handshake()
    talk.wait_until(end).close(SERVER)
    return talk


@pytest.fixture
def sessions(tmp_path: Path) -> View:
    """Incoming sessions: a 0 to 100 s and 150 to 190 s, b 90 to 130 s."""
    talks = [
        held(incoming(A), 0, 100),
        held(incoming(A, 1), 150, 190),
        held(incoming(B, 2), 90, 130),
    ]
    return View(read(tmp_path, *talks))


def test_exposure_over_time(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    """One of two outgoing slots for half of the time, then the other alone."""
    talks = [outgoing(peer, host=HOST).handshake() for peer in ("20.1.0.1", "20.2.0.1")]
    for number, (talk, seconds) in enumerate(zip(talks, (100, 200), strict=True)):
        talk.client = (HOST, 41000 + number)
        talk.packets.clear()
        talk.wait_until(0).open().wait_until(seconds).close(SERVER)
    traffic = View(read(tmp_path, *talks))
    plots.exposure(ax, traffic, {"anomalous": ["20.1.0.1"], "listed": ["20.9.0.1"]}, steps=4)
    (line,) = ax.lines
    assert list(line.get_ydata())[:4] == pytest.approx([0.5, 0.5, 0, 0], abs=0.01)
    assert line.get_label() == "anomalous, outgoing"


def test_exposure_without_slots(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    assert not plots.exposure(ax, View(read(tmp_path, incoming())), {"a": ["20.9.0.1"]}).has_data()


def test_what_if_leaves_and_fills_slots(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    """a and b hold one outgoing slot each; on the ban list a holds none, and b all."""
    talks = [held(outgoing(peer, number), 0, 100) for number, peer in enumerate((A, B))]
    view = View(read(tmp_path, *talks))
    plots.what_if(ax, view, {"spies": [A], "others": [B], "absent": [C]}, parse(A))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["spies", "others"]
    bars = {
        str(bar.get_label()): [patch.get_width() for patch in bar]
        for bar in ax.containers
        if not str(bar.get_label()).startswith("_")
    }
    assert bars["as captured"] == pytest.approx([0.5, 0.5], abs=0.01)
    assert bars["ban list"] == pytest.approx([0, 1])
    outlines = [
        [patch.get_width() for patch in bar]
        for bar in ax.containers
        if str(bar.get_label()).startswith("_")
    ]
    assert outlines[0] == pytest.approx([0.5, 0.5], abs=0.01)
    assert np.isnan(outlines[1][1])  # no list offers an address


def test_what_if_without_slots(ax: mpl.axes.Axes, sessions: View) -> None:
    assert not plots.what_if(ax, sessions, {"spies": [A]}).has_data()  # incoming only
    assert plots.what_if(ax, sessions, {"spies": [A]}, direction="incoming").has_data()


def test_survival_steps(ax: mpl.axes.Axes, sessions: View) -> None:
    """Sessions of 100 s and 40 s of a, and of 40 s of b."""
    plots.session_survival(ax, sessions, {A: "anomalous"})
    lines = {str(line.get_label()): line for line in ax.lines}
    line = lines["anomalous, incoming (2 connections)"]
    assert list(line.get_xdata()) == pytest.approx([40, 40, 100], abs=1)
    assert list(line.get_ydata()) == pytest.approx([1, 0.5, 0])
    assert line.get_color() == VERDICT_COLOURS["anomalous"]
    assert line.get_linestyle() == ":"
    assert list(lines["other, incoming (1 connection)"].get_ydata()) == pytest.approx([1, 0])


def test_churn_counts_peers(ax: mpl.axes.Axes, sessions: View) -> None:
    plots.peer_churn(ax, sessions, step_s=100)
    lines = {str(line.get_label()): line for line in ax.lines}
    assert list(lines["incoming, peers"].get_ydata()) == [2, 2, 2]  # the end repeats the last step
    assert list(lines["incoming, arrivals"].get_ydata())[:2] == [2, 0]
    ends = lines["incoming, peers"].get_xdata()
    assert date2num(ends[-1]) - date2num(ends[0]) == pytest.approx(200 / 86400, rel=1e-6)


def test_pressure_by_subnet(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    """Two hosts of one /24: both shake hands, one enters the white list."""
    lab = Lab(tmp_path)
    for number, (peer, pong) in enumerate(((A, 5), ("20.1.0.3", 6))):
        lab.session(peer, 10 * number, 5)
        lab.back_ping(peer, 10 * number + 1, pong)
    lab.session(B, 50, 5)
    plots.white_list_pressure(ax, View(lab.read()), most=1)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["20.1.0.0/24"]
    assert [[patch.get_width() for patch in bar] for bar in ax.containers] == [[2], [2], [1]]


def test_delays_after_the_first_peer(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    """An incoming peer sends five transactions, an outgoing one each of them 2 s later. A stem and
    what the node sent itself do not count.
    """
    first, later = incoming(A).wait_until(0).handshake(), outgoing(B).wait_until(0).handshake()
    for number in range(5):
        first.wait_until(60 + 10 * number).send(CLIENT, relayed(number, fluff=True))
        later.wait_until(62 + 10 * number).send(SERVER, relayed(number, fluff=True))
    first.wait_until(200).send(CLIENT, relayed(8, fluff=False))
    first.wait_until(210).send(SERVER, relayed(9, fluff=True))
    later.wait_until(215).send(SERVER, relayed(9, fluff=True))
    plots.propagation_delays(ax, View(read(tmp_path, first, later)), VERDICTS)
    lines = {str(line.get_label()): line for line in ax.lines}
    assert sorted(lines) == ["anomalous, incoming (5)", "no finding, outgoing (5)"]
    assert set(lines["anomalous, incoming (5)"].get_xdata()) == {0}
    delays = lines["no finding, outgoing (5)"].get_xdata()
    assert list(delays) == pytest.approx([2] * len(delays), abs=0.1)
    assert lines["no finding, outgoing (5)"].get_linestyle() == "-"


def test_stems_and_their_fluff(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    """An own stem comes back after 7 s; one that a peer sent is never seen in the fluff phase."""
    source, relay = incoming(A).wait_until(0).handshake(), outgoing(B).wait_until(0).handshake()
    back = outgoing(C, 1).wait_until(0).handshake()
    relay.wait_until(100).send(CLIENT, relayed(1, fluff=False))
    back.wait_until(107).send(SERVER, relayed(1, fluff=True))
    source.wait_until(120).send(CLIENT, relayed(2, fluff=False))
    plots.stem_delays(ax, View(read(tmp_path, source, relay, back)))
    (line, mean) = ax.lines
    assert line.get_label() == "sent (1 of 1 seen in the fluff phase)"
    assert max(line.get_xdata()) == pytest.approx(7, abs=0.1)
    assert list(mean.get_xdata()) == [39, 39]


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax, view: plots.propagation_delays(ax, view, VERDICTS),
        lambda ax, view: plots.stem_delays(ax, view),
    ],
    ids=["propagation_delays", "stem_delays"],
)
def test_without_transactions(ax: mpl.axes.Axes, sessions: View, draw: object) -> None:
    assert callable(draw)
    assert not draw(ax, sessions).has_data()
    assert ax.texts[0].get_text().startswith("no ")


def test_neighbours(ax: mpl.axes.Axes) -> None:
    """a has two neighbours, one of them twice, and b one of them. c is flagged."""
    pairs = [(A, B), (A, B), (A, C), (B, C)]
    inferred = pd.DataFrame(pairs, columns=["peer", "host"], dtype="category")
    plots.neighbours(ax, inferred, flagged=[C])
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"{A} (2)", f"{B} (1)"]
    assert [label.get_text() for label in ax.get_xticklabels()] == [C, B]
    marks = {str(marks.get_label()): marks.get_offsets() for marks in ax.collections}
    assert np.asarray(marks["flagged"]).tolist() == [[0, 0], [0, 1]]
    assert np.asarray(marks["inferred neighbour"]).tolist() == [[1, 0]]


def test_neighbours_at_most(ax: mpl.axes.Axes) -> None:
    inferred = pd.DataFrame({"peer": A, "host": [f"20.9.0.{number}" for number in range(9)]})
    plots.neighbours(ax, inferred, most=4)
    assert len(ax.get_xticks()) == 4
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"{A} (9)"]


def test_no_neighbours(ax: mpl.axes.Axes) -> None:
    plots.neighbours(ax, pd.DataFrame({"peer": [], "host": []}))
    assert "no neighbours inferred" in {text.get_text() for text in ax.texts}
