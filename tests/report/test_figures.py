"""The figures of a report."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

import monerotraffic as mt
from monerotraffic.report.drawing import screen_style, svg
from monerotraffic.report.figures import FIGURES, Drawing, Material, draw
from monerotraffic.rules import find_anomalies, verdicts
from monerotraffic.tables.view import View
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
