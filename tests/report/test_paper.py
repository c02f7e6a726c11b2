"""Figures as PDF and numbers as LaTeX macros."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.report.figures import FIGURES, Material
from monerotraffic.report.paper import macros, write_figures, write_macros
from monerotraffic.rules import find_anomalies, verdicts
from monerotraffic.tables.view import View
from support.conversation_builder import many, read, session
from support.paths import DATA


def material(traffic: mt.Traffic) -> Material:
    findings = find_anomalies(traffic)
    return Material(View(traffic), findings, verdicts(findings))


@pytest.fixture(scope="module")
def spies() -> Material:
    return material(mt.read(sorted((DATA / "spies").glob("vantage_*"))))


def test_macros(spies: Material) -> None:
    values = dict(macros(spies))
    assert all(re.fullmatch("[A-Za-z]+", name) for name in values)
    peers = spies.view.connections["peer"].nunique()
    assert values["totalUniqueIPs"] == str(peers)
    judged = spies.verdicts["verdict"].value_counts()
    assert values["peersanomalous"] == str(judged["anomalous"])
    senders = spies.findings.loc[spies.findings["rule"] == "garbage", "peer"].nunique()
    assert values["rulegarbage"] == str(senders)
    assert values["sharegarbage"] == f"{100 * senders / peers:.2f}"


def test_thousands_have_thin_spaces(tmp_path: Path) -> None:
    values = dict(macros(material(read(tmp_path, session("192.0.2.1", *[many(250)] * 5)))))
    assert values["peerlistentries"] == r"1\,250"


def test_files(spies: Material, tmp_path: Path) -> None:
    write_macros(spies, tmp_path / "macros.tex")
    lines = (tmp_path / "macros.tex").read_text().splitlines()
    assert lines == [rf"\newcommand{{\{name}}}{{{value}}}" for name, value in macros(spies)]
    paths = write_figures(spies, tmp_path)
    assert [path.name for path in paths] == [f"figure_{one.name}.pdf" for one in FIGURES]
    first = [path.read_bytes() for path in paths]
    assert all(data.startswith(b"%PDF-") for data in first)
    assert [path.read_bytes() for path in write_figures(spies, tmp_path)] == first
