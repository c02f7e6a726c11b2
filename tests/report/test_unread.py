"""Packets that were not read and may hold Monero traffic."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.cli import main
from monerotraffic.report.unread import unread_lines
from support import craft
from support.captures import conversation, put
from support.command import Captured


def frames(kind: int, size: int, count: int = 10) -> list[craft.Packet]:
    """Ethernet frames of an EtherType that is not read."""
    head = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + struct.pack("!H", kind)
    return [craft.Packet(craft.START + i, head + bytes(size - 14)) for i in range(count)]


@pytest.mark.parametrize(
    ("kind", "size", "shown"),
    [
        (0x88E5, 500, True),  # MACsec
        (0x9999, 500, True),  # whatever it is
        (0x88E5, 60, False),  # too short for messages
        (0x0806, 500, False),  # ARP holds no TCP
        (0x88CC, 500, False),  # LLDP
    ],
)
def test_reasons(kind: int, size: int, shown: bool, tmp_path: Path) -> None:
    path = put(tmp_path / "a.pcap", [*conversation().packets, *frames(kind, size)])
    lines = unread_lines(mt.read(path))
    assert len(lines) == shown
    if shown:
        assert lines[0].startswith("10 packets (5,000 bytes, the first is frame ")
        assert f"may hold Monero traffic: EtherType 0x{kind:04x}" in lines[0]


def datagrams(size: int) -> list[craft.Packet]:
    head = struct.pack("!HHHH", 4000, 4001, size + 8, 0)
    packet = craft.ethernet(craft.ipv4("192.0.2.1", "192.0.2.2", head + bytes(size), protocol=17))
    return [craft.Packet(craft.START + i, packet) for i in range(10)]


def test_udp_only_where_there_is_nothing_else(tmp_path: Path) -> None:
    alone = put(tmp_path / "a.pcap", datagrams(400))
    assert len(unread_lines(mt.read(alone))) == 1
    both = put(tmp_path / "b.pcap", [*conversation().packets, *datagrams(400)])
    assert unread_lines(mt.read(both)) == []


@pytest.mark.parametrize("command", ["summary", "findings", "banlist"])
def test_commands_say_so(command: str, tmp_path: Path, capsys: Captured) -> None:
    path = put(tmp_path / "a.pcap", [*conversation().packets, *frames(0x88E5, 500)])
    assert main([command, str(path)]) == 0
    assert "were not read and may hold Monero traffic: EtherType 0x88e5 (MACsec)" in (
        capsys.readouterr().err
    )
