"""The figures of a report."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import monerotraffic as mt
from monerotraffic.report import plots
from monerotraffic.report.drawing import screen_style, svg
from monerotraffic.report.figures import FIGURES, Drawing, Material, draw
from monerotraffic.rules import find_anomalies, verdicts
from monerotraffic.tables.view import View
from support import craft
from support.conversation_builder import read, session
from support.paths import DATA


def material(traffic: mt.Traffic) -> Material:
    findings = find_anomalies(traffic)
    return Material(View(traffic), findings, verdicts(findings))


@pytest.fixture(scope="module")
def spies() -> Material:
    return material(mt.read(sorted((DATA / "spies").glob("vantage_*"))))


def test_every_figure_has_a_name_a_title_and_a_caption() -> None:
    names = [drawing.name for drawing in FIGURES]
    assert len(set(names)) == len(names) >= 5
    assert all(name.isidentifier() and name.islower() for name in names)
    assert all(drawing.title and drawing.caption.endswith(".") for drawing in FIGURES)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("drawing", FIGURES, ids=lambda drawing: drawing.name)
def test_svg(drawing: Drawing, spies: Material) -> None:
    def image() -> str:
        with mpl.rc_context(screen_style()):
            return svg(draw(drawing, spies), drawing.name, 'what it "shows" & more')

    text = image()
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert (root.get("role"), root.get("aria-label")) == ("img", 'what it "shows" & more')
    assert text == image()
    assert "<script" not in text
    assert len(text) < 200_000
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert all(str(one).startswith(f"{drawing.name}-") for one in ids)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("drawing", FIGURES, ids=lambda drawing: drawing.name)
def test_captures_with_little_in_them(drawing: Drawing, tmp_path: Path) -> None:
    one = material(read(tmp_path, session("192.0.2.1")))
    assert draw(drawing, one).axes


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> View:
    """600 peers with a connection and a ping each: more changes and messages than are drawn."""
    packets = []
    for number in range(600):
        talk = craft.Connection(
            (f"20.0.{number >> 8}.{number & 255}", 40000),
            ("198.51.100.10", 18080),
            clock=craft.START + number * 10**9,
        ).open()
        talk.send(craft.CLIENT, craft.request(1003))
        talk.send(craft.SERVER, craft.response(1003, craft.ping_response()))
        talk.clock += (number % 97) * 10**9
        talk.close()
        packets += talk.packets
    path = tmp_path_factory.mktemp("busy") / "a.pcap"
    path.write_bytes(craft.pcap(sorted(packets, key=lambda packet: packet.time), nano=True))
    return View(mt.read(path, host="198.51.100.10"))


def size_of(draw_on: Callable[[mpl.axes.Axes], object]) -> int:
    with mpl.rc_context(screen_style()):
        figure = Figure(figsize=(5.8, 3.4), layout="constrained")
        draw_on(figure.add_subplot())
        return len(svg(figure, "name", "text"))


@pytest.mark.parametrize("name", ["slots", "timeline", "durations", "exposure"])
def test_figures_of_many_peers_are_small(name: str, busy: View) -> None:
    peers = busy.connections["peer"].astype(str).unique()
    judged = pd.DataFrame(
        {"peer": peers, "verdict": np.resize(["anomalous", "suspicious", "context"], 600)}
    )
    groups = {f"group {number}": list(peers[number::7]) for number in range(7)}
    drawings: dict[str, Callable[[mpl.axes.Axes], object]] = {
        "slots": lambda ax: plots.slots(ax, busy, judged),
        "timeline": lambda ax: plots.timeline(ax, busy, list(busy.connections["connection"])),
        "durations": lambda ax: plots.durations(ax, busy, judged),
        "exposure": lambda ax: plots.exposure(ax, busy, groups),
    }
    assert 10_000 < size_of(drawings[name]) < 200_000


def test_the_figure_of_similar_senders_is_small(
    busy: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of 80 senders have one list."""
    peers = [f"192.0.2.{number}" for number in range(80)]
    pairs = pd.DataFrame(
        [(one, other, 1.0) for one, other in combinations(peers, 2)],
        columns=["peer", "other", "share"],
    )
    monkeypatch.setattr("monerotraffic.metrics.list_similarity", lambda *_, **__: pairs)
    assert 10_000 < size_of(lambda ax: plots.similar_senders(ax, busy)) < 200_000
