"""Peers behind proxies, and peers that try TLS: no rule accuses them for it."""

from __future__ import annotations

from pathlib import Path

import pytest

import monerotraffic as mt
from cases._build import CLIENT, FIN, HELLO, PING, SERVER, WELCOME, Wire
from cases.proxies import HEADERS, REQUESTS
from monerotraffic.rules import find_anomalies, verdicts
from support.craft import pcap

HOST = "198.51.100.10"
TLS = b"\x16\x03\x01\0\x20\x01" + bytes(31)
PREFIXES = {
    **{name: asked for name, (asked, _, _) in REQUESTS.items()},
    **{name: header for name, (header, _) in HEADERS.items()},
    "tls": TLS,
}


def write(path: Path, wire: Wire) -> Path:
    path.write_bytes(pcap(wire.packets))
    return path


def findings_of(path: Path, host: str = HOST) -> list[tuple[str, str, str]]:
    frame = find_anomalies(mt.read(path, host=host))
    return list(zip(frame["peer"].astype(str), frame["rule"], frame["weight"], strict=True))


@pytest.mark.parametrize("name", PREFIXES)
def test_prefix_without_a_handshake(tmp_path: Path, name: str) -> None:
    """Nothing follows for as long as the node waits, three times: context. The same bytes changed
    in their first byte are garbage.
    """
    wire = Wire()
    other = Wire()
    for number in range(3):
        for tap, first in ((wire, b""), (other, b"\xff")):
            talk = tap.talk(40000 + number).say(CLIENT, first + PREFIXES[name])
            tap.wait(6)
            talk.emit(SERVER, FIN | 16)
            tap.wait(60)
    rule = "tls_sent" if name == "tls" else "proxy_prefix_sent"
    assert findings_of(write(tmp_path / "a.pcap", wire)) == [("192.0.2.1", rule, "context")]
    rules = {rule for _, rule, _ in findings_of(write(tmp_path / "b.pcap", other))}
    assert "garbage" in rules


@pytest.mark.parametrize("name", REQUESTS)
def test_silent_target(tmp_path: Path, name: str) -> None:
    """The node asks a proxy, which does not answer: nobody's handshake is incomplete."""
    wire = Wire()
    for number in range(3):
        talk = wire.talk(40000 + number, client=HOST, server="203.0.113.9", server_port=9050)
        talk.say(CLIENT, REQUESTS[name][0])
        talk.say(CLIENT, HELLO)
        wire.wait(6)
        talk.emit(CLIENT, FIN | 16)
        wire.wait(60)
    assert findings_of(write(tmp_path / "a.pcap", wire)) == []


def test_honest_peers_through_a_proxy(tmp_path: Path) -> None:
    """The peers are the targets, and nobody is condemned."""
    asked, answered, (_, target, _) = REQUESTS["socks5-ipv6"]
    wire = Wire()
    for number in range(3):
        talk = wire.talk(40000 + number, client="127.0.0.1", server="127.0.0.1", server_port=9050)
        talk.say(CLIENT, asked).say(SERVER, answered)
        talk.say(CLIENT, HELLO).say(SERVER, WELCOME).say(CLIENT, PING)
        wire.wait(10)
    traffic = mt.read(write(tmp_path / "a.pcap", wire), host="127.0.0.1")
    assert traffic.messages["peer"].unique().tolist() == [target]
    table = verdicts(find_anomalies(traffic))
    assert not table["verdict"].isin(["anomalous", "suspicious"]).any()
