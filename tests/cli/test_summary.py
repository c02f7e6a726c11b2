"""python -m monerotraffic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.cli import main
from monerotraffic.errors import printable
from support import craft
from support.captures import HOST, cut, put
from support.command import Captured, run, section
from support.paths import HONEST


def test_summary_of_the_demo() -> None:
    done = run("summary", HONEST)
    assert done.returncode == 0
    assert done.stderr == ""
    assert f"vantage node  {HOST}\n" in done.stdout
    whole = mt.read(HONEST)
    assert f"\n{len(whole.messages):,} messages\n" in done.stdout
    assert f"\n{len(whole.connections)} TCP connections\n" in done.stdout
    for file in HONEST.glob("*.pcapng"):
        assert str(file) in done.stdout
    assert all(len(line) == len(line.rstrip()) for line in done.stdout.splitlines())


def test_summary(capture: Path, capsys: Captured) -> None:
    assert main(["summary", str(capture)]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[:2] == [
        f"vantage node  {HOST}",
        "time span     2023-11-14 22:13:21 to 2023-11-14 22:13:24 UTC (3.0 s)",
    ]
    assert section(text, "4 TCP connections") == [
        ["direction", "start", "end", "connections"],
        ["incoming", "syn", "fin", "3"],
        ["outgoing", "syn", "fin", "1"],
    ]
    messages = section(text, "16 messages")
    assert messages[0] == [
        "command",
        "name",
        "kind",
        "direction",
        "messages",
        "incomplete",
        "bytes",
    ]
    assert [row[:6] for row in messages[1:]] == [
        ["1001", "HANDSHAKE", "request", "sent", "1", "0"],
        ["1001", "HANDSHAKE", "request", "received", "3", "0"],
        ["1001", "HANDSHAKE", "response", "sent", "3", "0"],
        ["1001", "HANDSHAKE", "response", "received", "1", "0"],
        ["1003", "PING", "request", "sent", "1", "0"],
        ["1003", "PING", "request", "received", "3", "0"],
        ["1003", "PING", "response", "sent", "3", "0"],
        ["1003", "PING", "response", "received", "1", "0"],
    ]
    peers = section(text, "4 peers, 4 of them with messages")
    assert peers[0] == [
        "peer",
        "incoming",
        "outgoing",
        "received",
        "sent",
        "messages",
        "peer_id",
        "port",
        "height",
        "txs",
        "txs_first",
        "blocks",
        "blocks_first",
    ]
    assert peers[1] == [
        "192.0.2.1",
        "1",
        "0",
        "2",
        "2",
        "4",
        "fedcba9876543210",
        "18080",
        "3,000,000",
        "0",
        "0",
        "0",
        "0",
    ]
    assert "\n0 distinct transactions, 0 distinct blocks\n" in text
    assert peers[4][:7] == ["192.0.2.9", "0", "1", "2", "2", "4", "1122334455667788"]
    assert "0 problems" in text


def test_who_showed_what_first(capsys: Captured) -> None:
    assert main(["summary", "--json", "--top", "100", str(HONEST)]) == 0
    numbers = json.loads(capsys.readouterr().out)
    traffic = mt.read(HONEST)
    heights = traffic.blocks["height"]
    assert numbers["relayed"] == {
        "transactions": traffic.transactions["tx"].nunique(),
        "blocks": traffic.blocks["block"].nunique(),
        "lowest": heights.min(),
        "highest": heights.max(),
    }
    received = traffic.messages[traffic.messages["direction"] == "received"].sort_values(
        "end_time", kind="stable"
    )
    for name, table, item in (
        ("txs", traffic.transactions, "tx"),
        ("blocks", traffic.blocks, "block"),
    ):
        shown = [
            (row.peer, getattr(row, item))
            for row in received.merge(table, on="message").itertuples()
        ]
        first = {what: peer for peer, what in reversed(shown)}
        for row in numbers["peers"]["top"]:
            assert row[name] == len({what for peer, what in shown if peer == row["peer"]})
            assert row[f"{name}_first"] == sum(peer == row["peer"] for peer in first.values())
    assert sum(row["txs_first"] for row in numbers["peers"]["top"]) > 10


def test_top(capture: Path, capsys: Captured) -> None:
    assert main(["summary", "--top", "2", str(capture)]) == 0
    assert (
        len(
            section(
                capsys.readouterr().out, "4 peers, 4 of them with messages; the first 2 by messages"
            )
        )
        == 3
    )
    assert main(["summary", "--top", "0", str(capture)]) == 0
    assert section(capsys.readouterr().out, "4 peers") == []


def test_json(capture: Path, capsys: Captured) -> None:
    assert main(["summary", "--json", str(capture)]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["vantage"]["hosts"] == [HOST]
    assert numbers["connections"] == {
        "count": 4,
        "by": [
            {"direction": "incoming", "start": "syn", "end": "fin", "connections": 3},
            {"direction": "outgoing", "start": "syn", "end": "fin", "connections": 1},
        ],
    }
    assert numbers["messages"]["count"] == 16
    assert sum(row["messages"] for row in numbers["messages"]["by"]) == 16
    assert numbers["peers"]["top"][0]["peer_id"] == "fedcba9876543210"
    assert numbers["peers"]["top"][0]["height"] == 3000000
    assert numbers["files"][0]["path"] == str(capture)
    assert numbers["span"]["first"].startswith("2023-11-14T22:13:21")


def test_host_and_strangers(capture: Path, capsys: Captured) -> None:
    assert main(["summary", "--host", "192.0.2.1", "--host", "2001:DB8::1", str(capture)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("vantage node  192.0.2.1, 2001:db8::1\n")
    assert ["(others)", "syn", "fin", "3"] in section(text, "4 TCP connections")
    assert main(["summary", "--json", "--host", "192.0.2.1", str(capture)]) == 0
    assert {"direction": None, "start": "syn", "end": "fin", "connections": 3} in json.loads(
        capsys.readouterr().out
    )["connections"]["by"]


def test_capture_without_monero(tmp_path: Path, capsys: Captured) -> None:
    for options in ([], ["--json"]):
        assert main(["summary", *options, str(put(tmp_path / "none.pcap", []))]) == 0
        text = capsys.readouterr().out
        assert (
            json.loads(text)["span"]["first"] is None
            if options
            else "time span     unknown" in text
        )


def test_damage_is_reported(capture: Path, capsys: Captured) -> None:
    assert main(["summary", str(cut(capture))]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("monerotraffic: not all could be read: ")
    assert err.count("\n") == 1
    assert ["file", "1", "66"] in section(out, "1 problem")


@pytest.mark.parametrize("name", ["nowhere.pcap", "text.pcap", "*.nothing", "."])
def test_errors_are_one_line(tmp_path: Path, capsys: Captured, name: str) -> None:
    (tmp_path / "text.pcap").write_bytes(b"no capture\n")
    assert main(["summary", str(tmp_path / name)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("monerotraffic: ")
    assert err.count("\n") == 1


def test_an_error_cannot_steer_the_terminal(tmp_path: Path, capsys: Captured) -> None:
    assert main(["summary", str(tmp_path / "evil\x1b[2J\nname\udcff")]) == 1
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["summary"],
        ["summary", "--host", "nobody", "x"],
        ["summary", "--port", "0", "x"],
        ["summary", "--top", "-1", "x"],
        ["dance"],
    ],
)
def test_wrong_command_lines(arguments: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: monerotraffic" in capsys.readouterr().err


def test_without_a_command_the_help_is_an_error(capsys: Captured) -> None:
    assert main([]) == 2
    output = capsys.readouterr()
    assert output.out == "" and "usage: monerotraffic" in output.err
    assert "monerotraffic summary captures/" in output.err


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith(f"monerotraffic {mt.__version__} (libpcap")
    assert "--host ADDRESS" in run("summary", "--help").stdout


def test_port(tmp_path: Path, capsys: Captured) -> None:
    talk = craft.Connection(("192.0.2.5", 50001), (HOST, 443)).open()
    talk.send(craft.CLIENT, b"no Levin at all, though long enough to hold a header of it")
    path = str(put(tmp_path / "a", talk.packets))
    for options, kind in (([], "not_levin"), (["--port", "443"], "unframed")):
        assert main(["summary", *options, path]) == 0
        assert kind in capsys.readouterr().out


def test_standard_input(capture: Path) -> None:
    with capture.open("rb") as file:
        done = run("summary", "-", stdin=file)
    assert done.returncode == 0, done.stderr
    assert "16 messages" in done.stdout


def test_reader_that_has_enough(capture: Path) -> None:
    """As with `| head -1`: no traceback, no complaint at exit."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "monerotraffic", "summary", str(capture)],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ⟶ é", "plain ⟶ é"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[0m\x7f", "\\x1b[0m\\x7f"),
        ("\u202eabc", "\\u202eabc"),
        ("\udcff", "\\udcff"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


# ---------------------------------------------------------------- standard output that fails


@pytest.mark.parametrize(
    "arguments", [["summary"], ["summary", "--json"], ["findings"], ["banlist", "--json"]]
)
def test_a_full_disk_as_standard_output(arguments: list[str], capture: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "monerotraffic", *arguments, str(capture)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "monerotraffic: standard output: No space left on device\n",
    )


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_a_full_disk_and_no_command(argument: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "monerotraffic", argument],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def closed(capture: Path, *descriptors: int) -> subprocess.CompletedProcess[str]:
    redirections = " ".join(f"{number}>&-" for number in descriptors)
    return subprocess.run(
        ["sh", "-c", f'"$0" -m monerotraffic summary "$1" {redirections}', sys.executable, capture],
        capture_output=True,
        text=True,
        check=False,
    )


def test_standard_output_is_closed(capture: Path) -> None:
    done = closed(capture, 1)
    assert (done.returncode, done.stderr) == (1, "monerotraffic: standard output is closed\n")


def test_standard_error_is_closed(capture: Path) -> None:
    done = closed(capture, 2)
    assert (done.returncode, done.stdout[:12]) == (0, "vantage node")


def test_both_are_closed(capture: Path) -> None:
    assert closed(capture, 1, 2).returncode == 1


def test_standard_output_that_cannot_encode(capture: Path, tmp_path: Path) -> None:
    """Escaped, whatever the encoding."""
    path = tmp_path / "été-東京.pcap"
    path.write_bytes(capture.read_bytes())
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for arguments in (["summary"], ["findings"], ["banlist", "--weak"], ["summary", "--json"]):
        done = run(*arguments, path, env=environment)
        assert (done.returncode, done.stderr) == (0, "")
    assert "\\xe9t\\xe9-\\u6771\\u4eac.pcap" in run("summary", path, env=environment).stdout


def test_strict(capture: Path, capsys: Captured) -> None:
    """3 for a capture that was read in part."""
    for command in ("summary", "findings", "banlist"):
        assert main([command, "--strict", str(capture)]) == 0
    cut(capture)
    for command in ("summary", "findings", "banlist"):
        assert main([command, str(capture)]) == 0
        assert main([command, "--strict", str(capture)]) == 3
    assert main(["summary", "--strict", "--host", "203.0.113.200", str(capture)]) == 3
    capsys.readouterr()
