"""What the pictures show: the numbers in them, counted by hand."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import monerotraffic as mt
from monerotraffic.metrics import View
from monerotraffic.report import plots
from monerotraffic.report.axes import draw_distribution, sampled_steps
from support import craft
from support.chain import announced
from support.conversation_builder import HOSTS, incoming, read_nodes
from support.craft import CLIENT, SERVER, Connection

HOST = "198.51.100.10"
SECOND = 1_000_000_000


@pytest.fixture
def ax() -> mpl.axes.Axes:
    return Figure().add_subplot()


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    """Three incoming connections that overlap, of two peers in one /24 and one elsewhere; a ping
    and its pong on the first.
    """
    packets = []
    for number, (peer, opened, closed) in enumerate(
        [("192.0.2.1", 0, 30), ("192.0.2.2", 10, 20), ("203.0.113.1", 15, 40)]
    ):
        talk = Connection(
            (peer, 40000 + number), (HOST, 18080), clock=craft.START + opened * SECOND
        ).open()
        if number == 0:
            talk.send(CLIENT, craft.request(1003))
            talk.send(SERVER, craft.response(1003, craft.ping_response()))
        talk.clock = craft.START + closed * SECOND
        talk.close()
        packets += talk.packets
    path = tmp_path_factory.mktemp("plots") / "a.pcap"
    path.write_bytes(craft.pcap(sorted(packets, key=lambda packet: packet.time), nano=True))
    return View(mt.read(path, host=HOST))


VERDICTS = pd.DataFrame({"peer": ["192.0.2.2"], "verdict": ["anomalous"], "score": [0.9]})
FINDINGS = pd.DataFrame({"peer": ["a", "a", "b", "b", "c"], "rule": ["x", "y", "x", "y", "x"]})


def test_overlap_counts_combinations(ax: mpl.axes.Axes) -> None:
    assert plots.rule_overlap(ax, FINDINGS) is ax
    bars = {text.get_text() for text in ax.texts}
    assert bars == {"2", "1", "x  3", "y  2"}  # two peers with both, one with x alone
    heights = sorted(patch.get_height() for patch in ax.patches)
    assert heights[1] == pytest.approx(2 * heights[0])
    dots = sorted(len(line.get_xdata()) for line in ax.lines if line.get_marker() == "o")
    assert dots == [1, 2]


def test_slots_count_open_connections(ax: mpl.axes.Axes, view: View) -> None:
    plots.slots(ax, view, VERDICTS)
    assert ax.get_legend_handles_labels()[1] == ["no finding", "anomalous"]
    tops = [
        max(path.vertices[:, 1].max() for path in collection.get_paths())
        for collection in ax.collections
    ]
    assert tops == [2, 3]  # at 15 s all three are open, one of them of the anomalous peer


def test_subnets_count_addresses(ax: mpl.axes.Axes, view: View) -> None:
    plots.subnets(ax, view, VERDICTS)
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "203.0.113.0/24",
        "192.0.2.0/24",
    ]
    assert sorted(patch.get_width() for patch in ax.patches) == [0, 1, 1, 1]


def test_durations_are_shares(ax: mpl.axes.Axes, view: View) -> None:
    plots.durations(ax, view, VERDICTS)
    assert ax.get_legend_handles_labels()[1] == [
        "no finding (2 connections)",
        "anomalous (1 connection)",
    ]
    (none, anomalous) = ax.lines
    assert none.get_ydata().tolist() == [0, 0.5, 1]
    assert none.get_xdata() == pytest.approx([25, 25, 30], abs=0.1)
    assert anomalous.get_xdata() == pytest.approx([10, 10], abs=0.1)


def test_sync_intervals_are_shares(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    talk = Connection(("192.0.2.1", 40000), (HOST, 18080)).open()
    talk.send(CLIENT, craft.request(1001, craft.handshake_request()))
    talk.send(SERVER, craft.response(1001, craft.handshake_response()))
    for seconds in (0, 60, 120):
        talk.clock += seconds * SECOND
        talk.send(CLIENT, craft.request(1002, craft.timed_sync_request()))
        talk.send(SERVER, craft.response(1002, craft.timed_sync_response()))
    talk.close()
    path = tmp_path / "a.pcap"
    path.write_bytes(craft.pcap(talk.packets, nano=True))
    plots.sync_intervals(ax, View(mt.read(path, host=HOST)), VERDICTS)
    line = ax.lines[1]
    assert (line.get_ydata().tolist(), line.get_xdata()) == (
        [0, 0.5, 1],
        pytest.approx([60, 60, 120], abs=0.1),
    )


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> View:
    """192.0.2.1 shakes hands thrice, 5 and 20 s apart, and pings twice, 1 s apart, on the last
    connection; 192.0.2.2 shakes hands once and is pinged.
    """
    packets = []
    for number, (peer, at) in enumerate(
        [("192.0.2.1", 0), ("192.0.2.1", 5), ("192.0.2.1", 25), ("192.0.2.2", 30)]
    ):
        talk = Connection(
            (peer, 40000 + number), (HOST, 18080), clock=craft.START + at * SECOND
        ).open()
        talk.send(CLIENT, craft.request(1001, craft.handshake_request()))
        talk.send(SERVER, craft.response(1001, craft.handshake_response()))
        for _ in range(2):
            talk.clock = talk.clock - talk.clock % SECOND + SECOND
            if at >= 25:
                talk.send(CLIENT if at == 25 else SERVER, craft.request(1003))
        talk.close()
        packets += talk.packets
    path = tmp_path_factory.mktemp("asking") / "a.pcap"
    path.write_bytes(craft.pcap(sorted(packets, key=lambda packet: packet.time), nano=True))
    return View(mt.read(path, host=HOST))


def test_request_counts_are_shares(ax: mpl.axes.Axes, asking: View) -> None:
    plots.request_counts(ax, asking, VERDICTS, 1001)
    assert ax.get_legend_handles_labels()[1] == ["no finding (1 peer)", "anomalous (1 peer)"]
    assert [line.get_xdata().tolist() for line in ax.lines] == [[3, 3], [1, 1]]
    ax = Figure().add_subplot()
    plots.request_counts(ax, asking, VERDICTS, 1001, "connection")
    assert [line.get_ydata()[-1] for line in ax.lines] == [1, 1]
    assert [len(line.get_xdata()) for line in ax.lines] == [4, 2]
    ax = Figure().add_subplot()
    plots.request_counts(ax, asking, VERDICTS, 1003, "connection")
    assert [line.get_xdata().tolist() for line in ax.lines] == [[2, 2]]


def test_request_intervals_are_shares(ax: mpl.axes.Axes, asking: View) -> None:
    plots.request_intervals(ax, asking, VERDICTS, 1001)
    (line,) = ax.lines
    assert (line.get_ydata().tolist(), line.get_xdata()) == (
        [0, 0.5, 1],
        pytest.approx([5, 5, 20], abs=0.1),
    )
    ax = Figure().add_subplot()
    plots.request_intervals(ax, asking, VERDICTS, 1003)
    assert ax.lines[0].get_xdata() == pytest.approx([1, 1], abs=0.1)


def test_subnets_are_named_by_their_systems(ax: mpl.axes.Axes, view: View) -> None:
    hosts = ["192.0.2.1", "192.0.2.2", "203.0.113.1", "198.51.100.99"]
    systems = pd.DataFrame(
        {
            "host": hosts,
            "asn": pd.array([64500, 64501, None, 64502], dtype="Int64"),
            "organisation": ["A $name$ that is longer than others", None, "None", "Nobody here"],
        }
    )
    plots.subnets(ax, view, VERDICTS, systems=systems)
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "203.0.113.0/24",
        "192.0.2.0/24  AS64500 A $name$ that is longer…, AS64501",
    ]
    ax.figure.savefig(io.BytesIO())  # text is no formula


def test_commands_count_messages(ax: mpl.axes.Axes, view: View) -> None:
    plots.commands_over_time(ax, view)
    assert ax.get_legend_handles_labels()[1] == ["pings"]
    assert ax.collections[0].get_paths()[0].vertices[:, 1].max() == 1


def test_timeline_shows_every_message(ax: mpl.axes.Axes, view: View) -> None:
    plots.timeline(ax, view, [0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["PING"]
    # received, sent
    assert [len(collection.get_offsets()) for collection in ax.collections] == [1, 1]
    assert len(ax.lines) == 1


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> View:
    """Two peers that send the same 120 addresses of one /24, one that sends 120 of as many /24."""
    dense = [craft.peer(f"203.0.113.{number}", 18080, number) for number in range(120)]
    wide = [craft.peer(f"20.0.{number}.1", 18080, number) for number in range(120)]
    packets = []
    for number, (peer, sent) in enumerate(
        [("192.0.2.1", dense), ("192.0.2.2", dense), ("192.0.2.3", wide)]
    ):
        talk = Connection(
            (HOST, 40000 + number), (peer, 18080), clock=craft.START + number * SECOND
        ).open()
        talk.send(CLIENT, craft.request(1001, craft.handshake_request()))
        talk.send(SERVER, craft.response(1001, craft.handshake_response(sent)))
        talk.close()
        packets += talk.packets
    path = tmp_path_factory.mktemp("lists") / "a.pcap"
    path.write_bytes(craft.pcap(packets, nano=True))
    return View(mt.read(path, host=HOST))


def test_diversity_counts_lists(ax: mpl.axes.Axes, lists: View) -> None:
    senders = ["192.0.2.1", "192.0.2.2"]
    plots.diversity(
        ax, lists, pd.DataFrame({"peer": senders, "verdict": "anomalous", "score": 0.9})
    )
    assert ax.get_legend_handles_labels()[1] == ["no finding (1 list)", "anomalous (2 lists)"]
    assert [line.get_xdata() for line in ax.lines] == [
        pytest.approx([1, 1]),
        pytest.approx([1 / 120] * 3),
    ]


def test_many_steps_are_sampled() -> None:
    """A thousand seconds, half of which one connection is open, and three otherwise."""
    times = pd.date_range("2026-01-01", periods=1000, freq="s", tz="UTC")
    steps = pd.DataFrame({"none": [1.0, 3.0] * 500}, index=times)
    sampled = sampled_steps(steps)
    assert len(sampled) == 400
    assert sampled.index[0] == times[0] and sampled.index[-1] < times[-1]
    assert sampled["none"].mean() == pytest.approx(2, abs=0.01)
    assert sampled["none"].between(1, 3).all()
    assert sampled_steps(steps[:300]) is not None and len(sampled_steps(steps[:300])) == 300


def test_many_values_are_drawn_by_quantiles(ax: mpl.axes.Axes) -> None:
    draw_distribution(ax, np.arange(100_000.0), "red", "many")
    x, y = ax.lines[0].get_data()
    assert len(x) == len(y) == 401
    assert (y[0], y[-1], x[-1]) == (0, 1, 99_999)
    assert np.interp(0.25, y, x) == pytest.approx(25_000, rel=0.01)


def test_similarity_counts_pairs(ax: mpl.axes.Axes, lists: View) -> None:
    """Of three senders with a list each, two have the same."""
    plots.similarity(ax, lists)
    assert ax.get_legend_handles_labels()[1] == ["different senders (3 pairs)"]
    (line,) = ax.lines
    shares = dict(zip(line.get_xdata().round(2), line.get_ydata(), strict=True))
    assert shares[0.5] == pytest.approx(2 / 3)
    assert shares[1.0] == 1


def test_popularity_counts_addresses(ax: mpl.axes.Axes, lists: View) -> None:
    plots.popularity(ax, lists)
    assert ax.lines[0].get_xydata().tolist() == [[1, 240], [2, 120]]


def test_similar_senders_are_joined(ax: mpl.axes.Axes, lists: View) -> None:
    plots.similar_senders(ax, lists)
    assert [text.get_text() for text in ax.texts] == ["192.0.2.1", "192.0.2.2"]
    assert sum(line.get_marker() == "None" for line in ax.lines) == 1


def test_nothing_is_printed(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(craft.pcap([]))
    view = View(mt.read(path, host=HOST))
    for draw in (
        lambda ax: plots.rule_overlap(ax, FINDINGS.head(0)),
        lambda ax: plots.slots(ax, view, VERDICTS),
        lambda ax: plots.subnets(ax, view, VERDICTS),
        lambda ax: plots.commands_over_time(ax, view),
        lambda ax: plots.timeline(ax, view, [0]),
        lambda ax: plots.durations(ax, view, VERDICTS),
        lambda ax: plots.sync_intervals(ax, view, VERDICTS),
        lambda ax: plots.request_counts(ax, view, VERDICTS, 1001),
        lambda ax: plots.request_intervals(ax, view, VERDICTS, 1001),
        lambda ax: plots.diversity(ax, view, VERDICTS),
        lambda ax: plots.similarity(ax, view),
        lambda ax: plots.popularity(ax, view),
        lambda ax: plots.similar_senders(ax, view),
    ):
        ax = Figure().add_subplot()
        draw(ax)
        assert [text.get_text()[:3] for text in ax.texts] == ["no "]


def test_clock_offsets_of_two_nodes(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    nodes = {}
    for name in ("ams", "sfo"):
        talk = incoming(host=HOSTS[name]).handshake()
        for height in range(10, 30):
            talk.wait_until(10 * height).send(CLIENT, announced(height))
        nodes[name] = [talk]
    plots.clock_offsets(ax, View(read_nodes(tmp_path, nodes, {"sfo": 3})))
    points, line = ax.collections[0].get_offsets(), ax.lines[0].get_ydata()
    assert [value for _, value in points] == pytest.approx([3] * 20)
    assert list(line) == pytest.approx([3, 3])
    assert ax.get_legend().get_texts()[0].get_text() == "sfo - ams: 20 blocks"


def test_clock_offsets_of_one_node(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    assert not plots.clock_offsets(ax, View(read_nodes(tmp_path, {"ams": [incoming()]}))).has_data()
