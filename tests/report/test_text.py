"""Findings as values, as text and as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

import monerotraffic as mt
from monerotraffic.report.text import (
    findings_to_csv,
    findings_to_dict,
    findings_to_markdown,
    format_findings,
)
from support.findings import MIXED, finding, frame


def test_values(capture: Path) -> None:
    numbers = findings_to_dict(mt.read(capture), MIXED, "default")
    assert numbers["preset"] == "default"
    assert numbers["peers"]["count"] == 4
    assert numbers["peers"]["anomalous"] == 2
    assert set(numbers["rules"]) == {"ping_flood", "support_flags_missing", "ban_listed"}
    assert len(numbers["findings"]) == len(MIXED)


def test_measures_that_json_lacks_are_none(capture: Path) -> None:
    rows = frame(*({**finding("192.0.2.9"), "score": value} for value in (float("inf"), 2.5)))
    numbers = findings_to_dict(mt.read(capture), rows, "default")
    assert [row["score"] for row in numbers["findings"]] == [None, 2.5]


def test_text(capture: Path) -> None:
    text = format_findings(findings_to_dict(mt.read(capture), MIXED, "default"))
    assert "\npreset        default\n" in text
    assert "4 peers: 2 anomalous" in text
    assert "cap.pcapng:17 and 1 more" in text
    assert "definitions of the rules" in text


def test_definitions_have_the_values_of_the_preset(capture: Path) -> None:
    numbers = findings_to_dict(mt.read(capture), MIXED, "arxiv-v1")
    assert numbers["rules"]["ping_flood"].startswith("More than 2 pings (1003 requests) ")


def test_markdown(capture: Path) -> None:
    rows = frame(finding("192.0.2.9", places=("a_*[b]<i>|.pcap:1",)))
    text = findings_to_markdown(findings_to_dict(mt.read(capture), rows, "default"))
    assert r"(a\_\*\[b\]\<i\>\|.pcap:1)" in text
    assert "1 anomalous, 0 suspicious" in text


def test_nothing_found(capture: Path) -> None:
    text = format_findings(findings_to_dict(mt.read(capture), MIXED[:0], "default"))
    assert "0 findings" in text and "definitions" not in text


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "findings.csv"
    findings_to_csv(MIXED, path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(MIXED.columns)
    assert [row["peer"] for row in rows] == MIXED["peer"].tolist()
    assert rows[0]["places"].endswith("cap.pcapng:17; /home/me/cap.pcapng:18")
    assert pd.Timestamp(rows[0]["first_time"]) == MIXED["first_time"].iloc[0]


def test_cells_that_a_spreadsheet_would_execute(tmp_path: Path) -> None:
    path = tmp_path / "findings.csv"
    places = ("=HYPERLINK(1):3",)
    findings_to_csv(frame(finding("@host", places=places), finding("-2", places=("a\nb:1",))), path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["peer"] for row in rows] == ["'@host", "'-2"]
    assert [row["places"] for row in rows] == ["'=HYPERLINK(1):3", r"a\nb:1"]
