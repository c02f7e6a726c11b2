"""Figures of peer lists, and figures over several nodes or autonomous systems."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure

from monerotraffic.metrics import View
from monerotraffic.report import plots
from support.conversation_builder import incoming, read, read_nodes, session

VERDICTS = pd.DataFrame({"peer": ["192.0.2.2"], "verdict": ["anomalous"], "score": [0.9]})
A, B, C = (f"20.0.{number}.1" for number in range(3))


@pytest.fixture
def ax() -> mpl.axes.Axes:
    return Figure().add_subplot()


@pytest.fixture
def view(tmp_path: Path) -> View:
    """192.0.2.1 advertises A and B; the anomalous 192.0.2.2 advertises B and C, 192.0.2.3 B."""
    lists = {"192.0.2.1": (A, B), "192.0.2.2": (B, C), "192.0.2.3": (B,)}
    return View(
        read(
            tmp_path,
            *(
                session(sender, [(host, 18080) for host in hosts], number=number)
                for number, (sender, hosts) in enumerate(lists.items())
            ),
        )
    )


def drawn_fields(ax: mpl.axes.Axes) -> list[list[str]]:
    """The verdict of each field, row by row; empty where nothing is drawn."""
    columns, rows = (round(max(limits) + 0.5) for limits in (ax.get_xlim(), ax.get_ylim()))
    fields = [[""] * columns for _ in range(rows)]
    for patch in ax.patches:
        for corners in patch.get_path().to_polygons():
            (left, top), (right, bottom) = corners.min(axis=0) + 0.5, corners.max(axis=0) + 0.5
            assert bottom - top == 1
            for column in range(round(left), round(right)):
                fields[round(top)][column] = str(patch.get_label())
    return fields


def test_topology_has_a_field_for_each_address_of_a_sender(ax: mpl.axes.Axes, view: View) -> None:
    plots.peer_topology(ax, view, VERDICTS)
    assert drawn_fields(ax) == [  # B, A, C
        ["anomalous", "", "anomalous"],
        ["no finding", "no finding", ""],
        ["no finding", "", ""],
    ]
    assert sum(len(patch.get_path().to_polygons()) for patch in ax.patches) == 4
    assert ax.get_legend_handles_labels()[1] == ["no finding", "anomalous"]


def test_topology_of_many_addresses_is_cut(ax: mpl.axes.Axes, view: View) -> None:
    plots.peer_topology(ax, view, VERDICTS, most_hosts=1, most_senders=2)
    assert drawn_fields(ax) == [["anomalous"], ["no finding"]]


def test_topology_without_lists(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    plots.peer_topology(ax, View(read(tmp_path, incoming("192.0.2.1"))), VERDICTS)
    assert not ax.patches
    assert "no peer lists" in ax.texts[0].get_text()


def test_slots_of_a_node_on_average(ax: mpl.axes.Axes, tmp_path: Path) -> None:
    """Two nodes with three open connections together: 1.5 on average."""
    talks = {"ams": 2, "sfo": 1}
    nodes = {
        name: [
            incoming(f"192.0.2.{count}", host=host).handshake() for count in range(1, number + 1)
        ]
        for (name, number), host in zip(
            talks.items(), ("198.51.100.10", "198.51.100.77"), strict=True
        )
    }
    for sessions in nodes.values():
        for talk in sessions:
            talk.wait_until(60).close()
    plots.slots(ax, View(read_nodes(tmp_path, nodes)), VERDICTS, average=True)
    highest = max(
        path.vertices[:, 1].max()
        for collection in ax.collections
        for path in collection.get_paths()
    )
    assert highest == 1.5
    assert "mean of the nodes" in ax.get_ylabel()


def test_overlap_of_rules_by_autonomous_system(ax: mpl.axes.Axes) -> None:
    """Peers a and b are of one system, c of another, d of an unknown one."""
    findings = pd.DataFrame({"peer": ["a", "b", "c", "d"], "rule": ["x", "y", "x", "x"]})
    systems = pd.DataFrame(
        {"host": ["a", "b", "c", "d"], "asn": pd.array([1, 1, 2, None], dtype="Int64")}
    )
    plots.rule_overlap(ax, findings, systems=systems)
    assert {text.get_text() for text in ax.texts} == {"1", "x  2", "y  1"}
    other = Figure().add_subplot()
    plots.rule_overlap(other, findings, systems=systems.iloc[3:])
    assert "no finding of a peer whose autonomous system" in other.texts[0].get_text()
