"""The summary of a capture as values and as text."""

from __future__ import annotations

import json
from pathlib import Path

import monerotraffic as mt
from monerotraffic.report.summary import clock, counted, format_summary, section, span, summary
from support.captures import HOST


def test_values(capture: Path) -> None:
    numbers = summary(mt.read(capture))
    assert numbers["vantage"]["hosts"] == [HOST]
    assert numbers["span"]["first"].startswith("2023-11-14T22:13:21")
    assert numbers["peers"]["count"] == 4
    assert numbers["messages"]["count"] == 16
    assert sum(row["messages"] for row in numbers["messages"]["by"]) == 16
    assert len(numbers["files"]) == 1
    assert json.loads(json.dumps(numbers)) == numbers


def test_peers_with_the_most_messages_come_first(capture: Path) -> None:
    numbers = summary(mt.read(capture), top=2)
    assert numbers["peers"]["count"] == 4
    assert len(numbers["peers"]["top"]) == 2
    assert summary(mt.read(capture), top=0)["peers"]["top"] == []


def test_text_has_every_section(capture: Path) -> None:
    text = format_summary(summary(mt.read(capture)))
    assert text.startswith(f"vantage node  {HOST}\n")
    assert "\n1 file\n" in text and "\n4 TCP connections\n" in text and "\n16 messages\n" in text
    assert str(capture) in text


def test_span_of_a_capture_without_packets(tmp_path: Path, capture: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(capture.read_bytes()[:24])
    text = span(mt.read(empty))
    assert (text["first"], text["last"]) == (None, None)


def test_pieces_of_text() -> None:
    assert counted(1, "peer") == "1 peer"
    assert counted(1234, "peer") == "1,234 peers"
    assert counted(2, "entry", "entries") == "2 entries"
    assert clock("2026-11-22T23:02:08.738983+00:00") == "2026-11-22 23:02:08"
    rows = [{"peer": "a\x1b", "bytes": 1234567}, {"peer": None, "bytes": 3}]
    assert section("two", rows).splitlines() == [
        "two",
        *(line.rstrip() for line in section("two", rows).splitlines()[1:]),
    ]
    lines = section("two", rows).splitlines()
    assert len(lines) == 4
    assert lines[2].split() == ["a\\x1b", "1,234,567"]
    assert lines[3].split() == ["-", "3"]
    assert section("none", []) == "none"
