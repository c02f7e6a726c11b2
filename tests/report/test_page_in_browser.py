"""The page in a browser: accessibility, console, and what is seen first on a phone. Runs where
playwright, axe and Chromium are installed; tests of the HTML itself are in test_page.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic import report
from support import craft
from support.paths import DATA

CHROMIUM = shutil.which("chromium")

if CHROMIUM and find_spec("playwright") and find_spec("axe_playwright_python"):
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    @pytest.fixture(scope="module")
    def browser() -> Iterator[Any]:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            yield browser
            browser.close()

    @pytest.fixture(scope="module")
    def spies(tmp_path_factory: pytest.TempPathFactory) -> Path:
        traffic = mt.read(sorted((DATA / "spies").glob("vantage_*")))
        return report.write(traffic, tmp_path_factory.mktemp("spies")).page

    @pytest.fixture(scope="module")
    def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("empty")
        (folder / "a.pcap").write_bytes(craft.pcap([]))
        return report.write(mt.read(folder / "a.pcap"), folder / "out").page

    def opened(
        browser: Any, path: Path, width: int, scheme: str = "light"
    ) -> tuple[Any, list[str]]:
        page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
        messages: list[str] = []
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(path.as_uri())
        return page, messages

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [390, 1280])
    @pytest.mark.parametrize("name", ["spies", "empty"])
    def test_no_violation_and_no_message(
        browser: Any, name: str, width: int, scheme: str, request: pytest.FixtureRequest
    ) -> None:
        page, messages = opened(browser, request.getfixturevalue(name), width, scheme)
        for details in page.query_selector_all("details"):
            details.evaluate("element => { element.open = true }")
        result = Axe().run(page)
        assert result.violations_count == 0, result.generate_report()
        assert messages == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        wide = "[...document.querySelectorAll('svg')].filter(one => one.clientWidth > innerWidth)"
        assert page.evaluate(f"{wide}.length") == 0
        page.close()

    def test_what_is_seen_first_on_a_phone(browser: Any, spies: Path) -> None:
        """Peers, verdict, reason with value and threshold, confidence, and the command."""
        page, _ = opened(browser, spies, 390)
        for selector, text in (
            (".lead", " of 24 peers are anomalous"),
            (".do pre", "monerod --ban-list ban_list.txt"),
            (".peer .badge", "anomalous, confidence "),
            (".peer .why", "(a standard node sends none)"),
        ):
            element = page.query_selector(selector)
            assert text in element.inner_text()
            box = element.bounding_box()
            assert box["y"] + box["height"] < 844, selector
        page.close()

    def test_filter_and_order(browser: Any, spies: Path) -> None:
        page, _ = opened(browser, spies, 1280)
        shown = "[...document.querySelectorAll('.peer')].filter(one => one.offsetParent).length"
        every = page.evaluate(shown)
        page.select_option("#verdict", "suspicious")
        suspicious = page.evaluate(shown)
        assert 1 < suspicious < every
        assert page.inner_text("#shown") == f"{suspicious} peers"
        page.fill("#filter", "handshakes 198.19.77")
        assert page.evaluate(shown) == 1
        assert page.inner_text("#shown") == "1 peer"
        page.fill("#filter", "")
        page.select_option("#verdict", "")
        page.select_option("#sort", "address")
        texts = "all => all.map(one => one.innerText)"
        addresses = page.eval_on_selector_all(".peer summary code", texts)
        keys = [tuple(map(int, address.split("."))) for address in addresses]
        assert keys == sorted(keys)
        page.close()
