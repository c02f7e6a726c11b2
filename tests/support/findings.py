"""Findings made by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from monerotraffic.rules import RULES

TIME = pd.Timestamp("2026-11-22 23:02:11.5", tz="UTC")
TODAY = date(2026, 11, 30)


def find_only(monkeypatch: pytest.MonkeyPatch, findings: pd.DataFrame) -> None:
    """The commands find these, whatever the capture holds."""
    for command in ("findings", "banlist"):
        monkeypatch.setattr(
            f"monerotraffic.cli.{command}.find_anomalies", lambda *_, **__: findings
        )


def finding(
    peer: str,
    rule: str = "ping_flood",
    weight: str = "strong",
    count: int = 3,
    places: tuple[str, ...] = ("/home/me/cap.pcapng:17", "/home/me/cap.pcapng:18"),
    hours: int = 1,
) -> dict[str, Any]:
    row = {
        "vantage": "198.51.100.10",
        "peer": peer,
        "rule": rule,
        "id": "MT000",
        "family": "connections",
        "cause": RULES[rule].cause if rule in RULES else rule,
        "forgeable_by": "nobody",
        "weight": weight,
        "unit": "message",
        "observations": count,
        "score": 2.0,
        "reason": f"did it {count} times (a standard node never does)",
        "conclusive": weight == "strong",
        "significant": weight == "strong",
    }
    return row | {
        "first_time": TIME,
        "last_time": TIME + pd.Timedelta(hours=hours),
        "connections": [1],
        "messages": [2],
        "places": list(places),
        "display_filter": "",
    }


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(finding("x")))


MIXED = frame(
    finding("192.0.2.9"),
    finding("192.0.2.10", "support_flags_missing", "weak"),
    finding("192.0.2.11", "ban_listed", "context", places=()),
    finding("192.0.2.9", "support_flags_missing", "weak", 1200, places=()),
    finding("192.0.2.9", "ban_listed", "context", 1),
    finding("2001:db8::5", hours=0),
)
