"""The page of a data set, read in groups of peers, equals that of the same captures in memory."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import report
from monerotraffic.report.exposure import exposure_to_dict
from monerotraffic.report.figures import Material
from monerotraffic.report.page_metrics import command_counts, connection_figures, message_counts
from monerotraffic.report.paper import macros
from monerotraffic.rules import find_anomalies, verdicts
from monerotraffic.store import groups
from monerotraffic.tables import spool
from monerotraffic.tables.view import View
from support.paths import DATA

SPIES, HONEST = DATA / "spies", DATA / "honest"


def contents(written: report.Written) -> list[str]:
    return [path.read_text("utf-8") for path in written]


@pytest.mark.parametrize(
    "source", [SPIES, {"ams": SPIES, "sfo": HONEST}], ids=["one node", "two nodes"]
)
def test_equal_pages(source: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether rows are in memory or in many small groups, with columns in files."""
    traffic = mt.read(source)
    whole = contents(report.write(traffic, tmp_path / "whole"))
    monkeypatch.setattr(groups, "BUDGET", 400_000)
    monkeypatch.setattr(spool, "IN_MEMORY", 1_000)
    dataset = mt.decode(source, tmp_path / "traffic")
    assert len(groups.groups_of(dataset, groups.BUDGET)) > 1
    assert contents(report.write(dataset, tmp_path / "parts")) == whole

    findings = find_anomalies(traffic)
    view = dataset.view()
    find_anomalies(view)
    numbers = exposure_to_dict(view, findings, "default")
    assert numbers == exposure_to_dict(traffic.peers, findings, "default")
    assert numbers_for_a_paper(view, findings) == numbers_for_a_paper(traffic.peers, findings)


def numbers_for_a_paper(view: View, findings: pd.DataFrame) -> dict[str, str]:
    return dict(macros(Material(view, findings, verdicts(findings))))


def test_a_scan_and_a_paper(tmp_path: Path) -> None:
    traffic = mt.read(HONEST)
    whole = contents(report.write(traffic, tmp_path / "whole"))
    written = report.write(mt.scan(HONEST, rows=2_000), tmp_path / "scan", paper=True)
    assert contents(written) == whole
    numbers = numbers_for_a_paper(traffic.peers, find_anomalies(traffic))
    lines = (tmp_path / "scan" / "macros.tex").read_text().splitlines()
    assert lines == [rf"\newcommand{{\{name}}}{{{value}}}" for name, value in numbers.items()]


def test_numbers_of_messages() -> None:
    traffic = mt.read(HONEST)
    view = traffic.peers
    counts = message_counts(view)
    assert counts["messages"].sum() == len(view.messages)
    assert counts["messages"].is_monotonic_decreasing
    table, middles = command_counts(view, 7)
    assert table.to_numpy().sum() == len(view.received)
    assert len(middles) == 7
    assert (middles.diff().dropna() > pd.Timedelta(0)).all()
    per_connection = connection_figures(view).set_index("connection")["messages"]
    expected = view.messages["connection"].value_counts()
    assert per_connection[per_connection > 0].to_dict() == expected.to_dict()
