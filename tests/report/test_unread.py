"""Packets that were not read and may hold Monero traffic."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic.cli import main
from monerotraffic.report.unread import unaccepted_lines, unread_lines
from support import craft
from support.captures import conversation, put
from support.command import Captured
from support.conversation_builder import HOST, incoming
from support.craft import CLIENT


def frames(kind: int, size: int, count: int = 10) -> list[craft.Packet]:
    """Ethernet frames of an EtherType that is not read."""
    head = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + struct.pack("!H", kind)
    contents = b"\x0c" * (size - 14)  # MACsec: encrypted
    return [craft.Packet(craft.START + i, head + contents) for i in range(count)]


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


def one_way(path: Path, wrap: Any = craft.ethernet) -> Path:
    """What six peers sent; the vantage node's packets are missing unless they are in a tunnel."""
    talks = [incoming(f"192.0.{n}.1", n, wrap=wrap).handshake() for n in range(6)]
    for talk in talks:
        talk.timed_syncs(CLIENT, 1000, 3).close()
    packets = [packet for talk in talks for packet in talk.packets]
    kept = [one for one in packets if wrap is not craft.ethernet or one.data[26:28] != HOST_PREFIX]
    return put(path, sorted(kept, key=lambda one: one.time))


HOST_PREFIX = bytes([198, 51])


def test_no_line_where_messages_are_accepted(tmp_path: Path) -> None:
    talk = incoming("192.0.2.1").handshake().timed_syncs(CLIENT, 10, 20)
    path = put(tmp_path / "a.pcap", talk.packets)
    assert unaccepted_lines(mt.read(path, host=HOST)) == []


def test_one_direction_is_no_evidence(tmp_path: Path) -> None:
    (line,) = unaccepted_lines(mt.read(one_way(tmp_path / "a.pcap"), host=HOST))
    assert line.startswith("24 of 24 messages of peers are not known to be accepted")
    assert "one direction only" in line


def test_tunnels_are_no_evidence(tmp_path: Path) -> None:
    """Tunnelled connections beside a plain one."""

    def gre(packet: bytes) -> bytes:
        return craft.ethernet(
            craft.ipv4("192.0.2.201", "192.0.2.202", b"\0\0\x08\0" + packet, protocol=47)
        )

    tunnelled = one_way(tmp_path / "a.pcap", gre)
    plain = put(tmp_path / "b.pcap", incoming("203.0.113.1", 60).handshake().packets)
    traffic = mt.read([tunnelled, plain], host=HOST)
    (line,) = unaccepted_lines(traffic)
    assert "--trusted-tunnel names" in line


@pytest.mark.parametrize("command", ["summary", "findings", "banlist", "report"])
def test_commands_say_that_no_one_can_be_judged(
    command: str, tmp_path: Path, capsys: Captured
) -> None:
    path = one_way(tmp_path / "a.pcap")
    more = ["-o", str(tmp_path / "page")] if command == "report" else []
    assert main([command, str(path), "--host", HOST, *more]) == 0
    assert "no evidence against anyone" in capsys.readouterr().err
    if more:
        assert "no evidence against anyone" in (tmp_path / "page" / "report.html").read_text()


@pytest.mark.parametrize("command", ["summary", "findings", "banlist"])
def test_commands_say_so(command: str, tmp_path: Path, capsys: Captured) -> None:
    path = put(tmp_path / "a.pcap", [*conversation().packets, *frames(0x88E5, 500)])
    assert main([command, str(path)]) == 0
    assert "were not read and may hold Monero traffic: EtherType 0x88e5 (MACsec)" in (
        capsys.readouterr().err
    )
