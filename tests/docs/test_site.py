"""The site builds without a warning, and its internal links lead somewhere."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from support.paths import ROOT


class _Page(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if attributes.get("id"):
            self.anchors.add(attributes["id"] or "")
        if tag == "a" and attributes.get("href"):
            self.links.add(attributes["href"] or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, str(ROOT / "tools" / "site_pages.py"), str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr[-4000:]
    return folder / "html"


def test_internal_links(site: Path) -> None:
    pages = {path: _Page(path) for path in site.rglob("*.html")}
    assert len(pages) > 100
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists() or (
                target in pages and parts.fragment not in {"", *pages[target].anchors}
            ):
                broken.append((path.name, link))
    assert not broken


def test_every_rule_metric_and_command_has_its_place(site: Path) -> None:
    from monerotraffic import metrics
    from monerotraffic.rules import RULES

    reference = site / "docs" / "reference"
    assert {path.stem for path in (reference / "rules").glob("*.html")} == set(RULES)
    assert {path.stem for path in (reference / "metrics").glob("*.html")} >= {"list_diversity"}
    assert set(metrics.__all__) >= {path.stem for path in (reference / "metrics").glob("*.html")}
    text = (reference / "cli.html").read_text(encoding="utf-8")
    assert all(f"monerotraffic {name}" in text for name in ("summary", "findings", "report"))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """The pages work without a network connection."""
    for name in ("index.html", "docs/rules.html", "docs/reference/api.html"):
        text = (site / name).read_text(encoding="utf-8")
        assert 'src="http' not in text
        assert '<link rel="stylesheet" href="http' not in text
