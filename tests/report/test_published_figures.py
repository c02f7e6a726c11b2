"""Figures with the names of the published evaluation."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

import monerotraffic as mt
from monerotraffic.report.figures import Material
from monerotraffic.report.published_figures import PUBLISHED_FIGURES, write_published_figures
from monerotraffic.rules import find_anomalies, verdicts
from monerotraffic.tables.view import View
from support.conversation_builder import HOSTS, incoming, outgoing, read_nodes
from support.paths import DATA, ROOT

SYSTEMS = pd.DataFrame(
    {"host": ["198.18.122.186", "198.18.212.133"], "asn": [64500, 64500], "organisation": "Two"}
)


@pytest.fixture(scope="module")
def spies() -> Material:
    traffic = mt.read(sorted((DATA / "spies").glob("vantage_*")))
    findings = find_anomalies(traffic, rules=["bad_header"])
    return Material(View(traffic), findings, verdicts(findings), SYSTEMS)


def axes_of(name: str, material: Material) -> list[Figure]:
    axes = []
    for panel in PUBLISHED_FIGURES[name]:
        axes.append(Figure().add_subplot())
        panel(axes[-1], material)
    return axes


def test_files(spies: Material, tmp_path: Path) -> None:
    paths = write_published_figures(spies, tmp_path, "with")
    assert [path.name for path in paths] == [f"with_{name}.pdf" for name in PUBLISHED_FIGURES]
    first = [path.read_bytes() for path in paths]
    assert all(data.startswith(b"%PDF-") for data in first)
    assert [path.read_bytes() for path in write_published_figures(spies, tmp_path, "with")] == first


def test_names_are_those_of_the_document() -> None:
    text = (ROOT / "docs" / "paper_numbers.md").read_text(encoding="utf-8")
    assert all(f"`<run>_{name}.pdf`" in text for name in PUBLISHED_FIGURES)
    assert text.count("`<run>_") == len(PUBLISHED_FIGURES)


def test_both_peers_of_a_system_are_one_in_the_second_panel(spies: Material) -> None:
    by_address, by_system = axes_of("overlap_ips_as", spies)
    assert "2" in [text.get_text() for text in by_address.texts]
    assert "1" in [text.get_text() for text in by_system.texts]


def test_without_a_database_the_second_panel_says_so(spies: Material) -> None:
    material = Material(spies.view, spies.findings, spies.verdicts)
    _, by_system = axes_of("overlap_ips_as", material)
    assert "--asn" in by_system.texts[0].get_text()


def test_saturation_is_the_mean_of_the_nodes(tmp_path: Path) -> None:
    """Two nodes have one connection each, one incoming and one outgoing: the means are 0.5."""
    talks = {
        "ams": [incoming("192.0.2.1").handshake()],
        "sfo": [outgoing("192.0.2.2", host=HOSTS["sfo"]).handshake()],
    }
    view = View(read_nodes(tmp_path, talks))
    findings = find_anomalies(view, rules=[])
    axes = axes_of("conn_saturation_averaged", Material(view, findings, verdicts(findings)))
    assert [ax.dataLim.ymax for ax in axes] == [0.5, 0.5]
