"""Output without the vantage node's addresses and the names of capture files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.cli import main
from monerotraffic.report.redaction import Redaction
from support import craft
from support.captures import HOST, conversation, put
from support.command import Captured

SECRET = "home-of-alice"


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """One peer with findings: no support flags, and an unknown command."""
    talk = craft.Connection(("192.0.2.5", 50001), (HOST, 18080)).open()
    node = craft.node_data(support_flags=None)
    talk.send(craft.CLIENT, craft.request(1001, craft.handshake_request(node)))
    talk.send(craft.SERVER, craft.response(1001, craft.handshake_response()))
    talk.send(craft.CLIENT, craft.request(1999))
    talk.close()
    folder = tmp_path / SECRET
    folder.mkdir()
    return put(folder / f"{SECRET}.pcap", [*talk.packets, *conversation().packets])


@pytest.mark.parametrize(
    "arguments",
    [
        ["summary"],
        ["summary", "--json"],
        ["findings"],
        ["findings", "--json"],
        ["banlist", "--weak"],
        ["banlist", "--weak", "--json"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_commands(arguments: list[str], capture: Path, capsys: Captured) -> None:
    assert main([*arguments, str(capture)]) == 0
    plain = capsys.readouterr().out
    assert SECRET in plain
    assert main([*arguments, "--redact", str(capture)]) == 0
    redacted = capsys.readouterr().out
    assert SECRET not in redacted
    assert HOST not in redacted
    assert "192.0.2.5" in redacted
    assert "capture-1" in redacted
    if "--json" in arguments:
        json.loads(redacted)


def test_report_and_csv(capture: Path, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "out"
    assert main(["report", "--redact", "-o", str(out), str(capture)]) == 0
    csv = tmp_path / "findings.csv"
    assert main(["findings", "--redact", "--csv", str(csv), str(capture)]) == 0
    for path in (*out.iterdir(), csv):
        text = path.read_text()
        assert (SECRET in text, HOST in text) == (False, False), path
    assert "capture-1:" in csv.read_text()
    assert "Vantage node vantage" in (out / "report.html").read_text()


def test_whole_addresses_only(capture: Path) -> None:
    redaction = Redaction(mt.read(capture))
    assert redaction.text(f"[{HOST}]:18080, ::ffff:{HOST}, {HOST}.") == (
        "[vantage]:18080, vantage, vantage."
    )
    for other in (f"1{HOST}", f"{HOST}0", f"{HOST}.1", f"::{HOST}"):
        assert redaction.text(other) == other


def test_without_a_vantage_node(tmp_path: Path) -> None:
    redaction = Redaction(mt.read(put(tmp_path / "a.pcap", [])))
    assert redaction.value(
        {"path": str(tmp_path / "a.pcap"), "places": ["a.pcap:1"], "x": "a"}
    ) == {
        "path": "capture-1",
        "places": ["capture-1:1"],
        "x": "a",
    }
