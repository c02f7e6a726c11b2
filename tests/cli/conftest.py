"""Fixtures of the tests of commands."""

from __future__ import annotations

import pandas as pd
import pytest

from support.findings import MIXED, TODAY, find_only


@pytest.fixture
def mixed_findings(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Findings that do not depend on which rules there are."""
    find_only(monkeypatch, MIXED)
    monkeypatch.setattr("monerotraffic.cli.banlist._today", lambda: TODAY)
    return MIXED
