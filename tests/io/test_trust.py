"""Whom the user trusts: ends of tunnels, and proxies that name the peer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from cases._build import CLIENT, PING, PONG, SERVER, Packet, Wire
from monerotraffic.cli import main
from support.craft import ethernet, ipv4

OUTER = ("192.0.2.201", "192.0.2.202")
HOST = "198.51.100.10"


def gre(packet: bytes) -> bytes:
    return ethernet(ipv4(*OUTER, b"\0\0\x08\0" + packet, 47))


def write(path: Path, *packets: Packet) -> Path:
    from support.craft import pcap

    path.write_bytes(pcap(packets))
    return path


def conversation(port: int, clock: int, wrap: Any = ethernet, **ends: str) -> list[Packet]:
    wire = Wire(clock=clock, wrap=wrap)
    wire.talk(port, **ends).say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    return wire.packets


START = 1_700_000_000_000_000_000
LATER = START + 10**9


def accepted(path: Path, **options: Any) -> list[str]:
    return mt.read(path, host=HOST, **options).messages["accepted"].astype(str).tolist()


def test_tunnel_before_the_first_plain_message(tmp_path: Path) -> None:
    """Anyone can send both sides of a conversation in a tunnel. What came first was believed, as if
    the tunnel were a mirror port, until a message came without it.
    """
    tunnelled = conversation(40000, START, gre)
    alone = write(tmp_path / "alone.pcap", *tunnelled)
    both = write(tmp_path / "both.pcap", *tunnelled, *conversation(40001, LATER))
    assert accepted(alone) == ["yes", "yes"]
    assert accepted(both) == ["unknown", "unknown", "yes", "yes"]
    assert accepted(both, trusted_tunnels=OUTER) == ["yes"] * 4
    assert accepted(both, trusted_tunnels=OUTER[:1]) == ["unknown", "unknown", "yes", "yes"]
    parts = mt.scan(both, rows=1000, host=HOST, trusted_tunnels=OUTER)
    assert [value for part in parts for value in part.messages["accepted"]] == ["yes"] * 4


def test_ends_of_tunnels_of_several_nodes(tmp_path: Path) -> None:
    """The second node's codes are others than its reader's."""
    plain = write(tmp_path / "plain.pcap", *conversation(40000, START))
    tunnelled = write(tmp_path / "tunnel.pcap", *conversation(40000, START, gre))
    traffic = mt.read({"a": plain, "b": tunnelled}, host=HOST)
    code = traffic.arrays["connections"]["tunnel_ends"][1]
    end = b"\x04\xc0\x00\x02" + b"%c" + bytes(12)
    assert traffic._names.string(int(code)) == end % 201 + end % 202
    assert traffic.connections["tunnel"].tolist()[1] == "GRE"


PROXY = b"PROXY TCP4 203.0.113.7 192.0.2.1 5555 18080\r\n"


def proxied(port: int = 40000, **ends: str) -> list[Packet]:
    wire = Wire(clock=START)
    wire.talk(port, **ends).say(CLIENT, PROXY).say(CLIENT, PING).say(SERVER, PONG).ack(CLIENT)
    return wire.packets


def test_proxy_at_the_address_of_the_node(tmp_path: Path) -> None:
    """Both ends are the vantage node; a trusted header says that the connection came in."""
    path = write(tmp_path / "a.pcap", *proxied(client=HOST))
    traffic = mt.read(path, host=HOST, trusted_proxies=[HOST])
    assert traffic.connections[["peer", "direction"]].values.tolist() == [
        ["203.0.113.7", "incoming"]
    ]
    assert traffic.messages["direction"].tolist() == ["received", "sent"]
    assert traffic.problems["direction"].tolist() == ["received"]
    traffic = mt.read(path, host=HOST)
    assert traffic.connections[["peer", "direction"]].values.tolist() == [[HOST, "outgoing"]]


@pytest.mark.parametrize("rows", [1, 1000])
def test_scan_and_nodes(tmp_path: Path, rows: int) -> None:
    """Codes of proxied hosts are translated, and parts have the peers of the whole."""
    one = write(tmp_path / "one.pcap", *conversation(40000, START))
    two = write(tmp_path / "two.pcap", *proxied())
    options: dict[str, Any] = {"host": HOST, "trusted_proxies": ["192.0.2.1"]}
    traffic = mt.read({"a": one, "b": two}, **options)
    assert traffic.messages["peer"].tolist() == ["192.0.2.1"] * 2 + ["203.0.113.7"] * 2
    assert traffic.connections["peer"].tolist() == ["192.0.2.1", "203.0.113.7"]
    parts = list(mt.scan({"a": one, "b": two}, rows=rows, **options))
    peers = [peer for part in parts for peer in part.messages["peer"]]
    assert peers == traffic.messages["peer"].tolist()


@pytest.mark.parametrize("name", ["trusted_tunnels", "trusted_proxies"])
def test_messages_name_the_argument(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.pcap", *conversation(40000, START))
    for value in (["nonsense"], ["10.0.0.0/8"], [None]):
        with pytest.raises(ValueError, match=f"{name}: .* is not an IP address"):
            mt.read(path, **{name: value})  # type: ignore[arg-type]
    for other in ("192.0.2.1", b"abcd", 7):
        with pytest.raises(TypeError, match=f"{name}=.*: give a list of IP addresses"):
            mt.read(path, **{name: other})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tunnel_ports: port 0"):
        mt.read(path, tunnel_ports=[0])


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write(tmp_path / "a.pcap", *proxied()))
    main(["summary", path, "--host", HOST, "--json"])
    plain = capsys.readouterr().out
    main(["summary", path, "--host", HOST, "--json", "--trusted-proxy", "192.0.2.1"])
    trusting = capsys.readouterr().out
    assert "203.0.113.7" not in plain
    assert "203.0.113.7" in trusting
    tunnelled = str(write(tmp_path / "b.pcap", *conversation(40000, START, gre)))
    ends = ["--trusted-tunnel", OUTER[0], "--trusted-tunnel", OUTER[1], "--tunnel-port", "4790"]
    main(["summary", tunnelled, "--host", HOST, "--json", *ends])
    assert '"messages": 2' in capsys.readouterr().out
    main(["summary", tunnelled, "--host", HOST, "--json", "--tunnels", "outer"])
    assert '"kind": "skipped"' in capsys.readouterr().out
    for option in (["--tunnels", "x"], ["--trusted-proxy", "x"], ["--tunnel-port", "0"]):
        with pytest.raises(SystemExit):
            main(["summary", path, *option])
        assert option[0] in capsys.readouterr().err
