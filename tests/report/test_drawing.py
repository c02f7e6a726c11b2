"""Text alternatives of figures, and numbers instead of figures."""

from __future__ import annotations

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from monerotraffic.report.drawing import alternative, few_values


@pytest.fixture
def ax() -> mpl.axes.Axes:
    return Figure().add_subplot()


def test_alternative_names_axes_and_series(ax: mpl.axes.Axes) -> None:
    ax.plot([0, 10], [0, 1], label="anomalous (3 gaps)")
    ax.set_xlabel("seconds")
    ax.set_ylabel("share of gaps")
    assert alternative("Intervals", ax) == (
        "Intervals. Horizontal axis: seconds, from 0 to 10. "
        "Vertical axis: share of gaps, from 0.0 to 1.0. Shown are anomalous (3 gaps)."
    )


def test_alternative_of_a_figure_without_data(ax: mpl.axes.Axes) -> None:
    ax.text(0, 0, "no messages")
    assert alternative("Messages", ax) == "Messages: no messages."


def test_few_distinct_values_are_numbers(ax: mpl.axes.Axes) -> None:
    ax.plot([2, 2, 7.25], [0, 0.5, 1], label="no finding (2 peers)")
    ax.axvline(60)
    ax.set_xlabel("requests")
    assert few_values(ax) == [("no finding (2 peers); requests", "2, 7.25")]
    ax.plot([1, 2, 3], [0, 0.5, 1], label="anomalous (3 peers)")
    assert few_values(ax) is None


def test_marks_have_the_value_of_each(ax: mpl.axes.Axes) -> None:
    ax.plot([1, 2], [1500, 4], marker="o", label="addresses")
    ax.set_xlabel("senders, at least")
    assert few_values(ax) == [
        ("addresses; senders, at least 1", "1,500"),
        ("addresses; senders, at least 2", "4"),
    ]


def test_few_bars_are_numbers(ax: mpl.axes.Axes) -> None:
    ax.barh(["192.0.2.0/24", "203.0.113.0/24"], [1, 0], label="anomalous")
    ax.barh(["192.0.2.0/24", "203.0.113.0/24"], [3, 2], left=[1, 0], label="no finding")
    assert few_values(ax) == [
        ("192.0.2.0/24, anomalous", "1"),
        ("192.0.2.0/24, no finding", "3"),
        ("203.0.113.0/24, no finding", "2"),
    ]
    ax = Figure().add_subplot()
    ax.bar([0, 1], [4.0, 2.0], label=["x + y: 2", "x: 1"])
    assert few_values(ax) == [("x + y", "2"), ("x", "1")]


def test_areas_and_scatter_plots_stay_figures(ax: mpl.axes.Axes) -> None:
    ax.stackplot([0, 1], [1, 1])
    assert few_values(ax) is None
    assert few_values(Figure().add_subplot()) is None
