"""Vantage nodes of several addresses, and what belongs to no vantage node."""

from __future__ import annotations

from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.cli import main
from support.captures import HOST, conversation, put, warnings_of
from support.command import Captured

SECOND = "198.51.100.20"


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A node whose second address has connections of its own; both send the node's peer id."""
    talks = [conversation(f"192.0.2.{i}", peer_id=i + 10) for i in range(1, 5)]
    talks += [conversation(f"203.0.113.{i}", server=SECOND, peer_id=i + 20) for i in range(1, 4)]
    return put(tmp_path / "a.pcap", [packet for talk in talks for packet in talk.packets])


@pytest.mark.parametrize("tables", [None, ["messages"], ["connections"]])
def test_both_addresses_are_the_nodes(tables: list[str] | None, two: Path) -> None:
    """Whatever tables are decoded, by read and by scan, without a warning."""
    traffic, warnings = warnings_of(lambda: mt.read(two, tables=tables))
    assert (traffic.hosts, warnings) == ((HOST, SECOND), [])
    assert traffic.connections["peer"].notna().all()
    parts, warnings = warnings_of(lambda: list(mt.scan(two, rows=5, tables=tables)))
    assert ({part.hosts for part in parts}, warnings) == ({(HOST, SECOND)}, [])


def test_messages_of_no_known_vantage_node(two: Path) -> None:
    traffic, warnings = warnings_of(lambda: mt.read(two, host=HOST))
    strange = int(traffic.messages["peer"].isna().sum())
    assert (strange, len(traffic.messages)) == (12, 28)
    assert warnings == [
        "12 of 28 messages belong to no known vantage node;"
        f" the most common addresses of their connections: {SECOND}, 203.0.113.1, 203.0.113.2;"
        " host= names addresses of the vantage node"
    ]


def test_a_host_that_no_packet_has(two: Path, capsys: Captured) -> None:
    absent = "the vantage node's address 203.0.113.200 occurs in no connection"
    for function in (mt.read, lambda path, host: list(mt.scan(path, host=host))):
        _, warnings = warnings_of(
            lambda function=function: function(two, host=[HOST, SECOND, "203.0.113.200"])
        )
        assert warnings == [absent]
    for command in ("findings", "banlist"):
        assert main([command, "--host", "203.0.113.200", str(two)]) == 0
        assert f"monerotraffic: {absent}\n" in capsys.readouterr().err
