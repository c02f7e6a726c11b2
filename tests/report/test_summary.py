"""The summary of a capture as values and as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic.report.summary import clock, counted, format_summary, section, span, summary
from monerotraffic.store import groups
from support.captures import HOST
from support.paths import DATA


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


@pytest.mark.parametrize("source", ["spies", "honest", "proxies"])
def test_parts_add_up(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Traffic, a scan in small parts and a data set in small groups have one summary."""
    captures = DATA / source
    whole = summary(mt.read(captures), top=1000)
    assert whole["peers"]["with_messages"] > 5
    sent = sum(row["txs_first"] + row["blocks_first"] for row in whole["peers"]["top"])
    assert sent > 0 or source != "honest"
    assert summary(mt.scan(captures, rows=700), top=1000) == whole
    monkeypatch.setattr(groups, "BUDGET", 300_000)
    dataset = mt.decode(captures, tmp_path / "traffic")
    assert len(groups.groups_of(dataset, groups.BUDGET)) > 1
    assert summary(dataset, top=1000) == whole


def test_peers_are_counted_as_in_the_tables() -> None:
    """The numbers of peers, computed by plain loops over the tables."""
    traffic = mt.read(DATA / "honest")
    rows = {row["peer"]: row for row in summary(traffic, top=1000)["peers"]["top"]}
    messages = traffic.messages.set_index("message")
    received = messages[messages["direction"] == "received"]
    for name, table in (("txs", traffic.transactions), ("blocks", traffic.blocks)):
        first: dict[str, tuple[Any, int, str]] = {}
        pairs = set()
        for message, blob in zip(table["message"], table["blob_hash"], strict=True):
            if message in received.index and isinstance(blob, str):
                row = received.loc[message]
                pairs.add((row["peer"], blob))
                arrival = (row["end_time"], message, row["peer"])
                first[blob] = min(first.get(blob, arrival), arrival)
        for peer, row in rows.items():
            assert row[name] == sum(one == peer for one, _ in pairs)
            assert row[f"{name}_first"] == sum(one == peer for _, _, one in first.values())
    node = traffic.node_data.dropna(subset=["peer_id"])
    for message in node["message"]:
        if message in received.index:
            peer = received.loc[message, "peer"]
            later = node.loc[node["message"].isin(received.index[received["peer"] == peer])]
            assert rows[peer]["peer_id"] == f"{int(later['peer_id'].iloc[-1]):016x}"
