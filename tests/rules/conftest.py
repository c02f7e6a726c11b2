"""Fixtures of the tests of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from monerotraffic.rules import find_anomalies
from support.conversation_builder import read
from support.craft import Connection
from support.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def flagged(tmp_path: Path) -> Callable[..., set[str]]:
    """Peers of these conversations that a rule flags."""

    def find(
        rule: str, talks: Iterable[Connection], preset: str = "default", **parameters: Any
    ) -> set[str]:
        return set(
            find_anomalies(
                read(tmp_path, *talks), preset, rules=[rule], parameters={rule: parameters}
            ).peer
        )

    return find
