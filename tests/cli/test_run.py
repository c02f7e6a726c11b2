"""monerotraffic run: a folder of captures with one subfolder per vantage node."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from monerotraffic import banlist
from monerotraffic.cli import main
from monerotraffic.cli import run as command
from support import craft
from support.captures import put
from support.command import Captured

HOSTS = {"ams": "198.51.100.10", "sfo": "203.0.113.7"}


def bad_peer(peer: str, host: str) -> list[craft.Packet]:
    """Two connections of a peer that sends an unknown command, two minutes apart."""
    packets = []
    for number in range(2):
        talk = craft.Connection(
            (peer, 40000 + number), (host, 18080), clock=craft.START + number * 120 * 10**9
        ).open()
        talk.send(craft.CLIENT, craft.request(1001, craft.handshake_request(craft.node_data())))
        talk.send(craft.SERVER, craft.response(1001, craft.handshake_response()))
        talk.send(craft.CLIENT, craft.request(1999))
        talk.close()
        packets += talk.packets
    return packets


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    """Two nodes that meet a bad peer each; the one of sfo is the address of the other node. And a
    folder that is no node.
    """
    folder = tmp_path / "captures"
    for name in (*HOSTS, "archive", "notes"):
        (folder / name).mkdir(parents=True)
    put(folder / "ams" / "a.pcap", bad_peer("192.0.2.9", HOSTS["ams"]))
    put(
        folder / "sfo" / "a.pcap",
        bad_peer("192.0.2.5", HOSTS["sfo"]) + bad_peer(HOSTS["ams"], HOSTS["sfo"]),
    )
    put(folder / "archive" / "old.pcap", bad_peer("192.0.2.77", HOSTS["ams"]))
    return folder


def go(captures: Path, out: Path, *more: str, code: int = 0) -> None:
    hosts = [word for name, host in HOSTS.items() for word in ("--host", f"{name}={host}")]
    assert main(["run", str(captures), "-o", str(out), *hosts, *more]) == code


def test_everything_is_written(captures: Path, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "results"
    go(captures, out, "--name", "with", "--paper")
    text = capsys.readouterr()
    assert "ams: 1 anomalous peer, " in text.out
    assert "notes: no capture in this folder" in text.err
    assert sorted(path.name for path in out.iterdir()) == [
        "ams",
        "ban_list.txt",
        "ban_list_plain.txt",
        "findings.csv",
        "sfo",
        "state.json",
        "traffic",
    ]
    for name in HOSTS:
        assert (out / name / "macros_with.tex").exists()
        assert (out / name / "with_indegree.pdf").exists()
        page = (out / name / "report.html").read_text()
        assert f"<title>Monero P2P traffic: {name} with</title>" in page
    with (out / "findings.csv").open(newline="") as file:
        findings = {(row["node"], row["peer"]) for row in csv.DictReader(file)}
    assert findings == {("ams", "192.0.2.9"), ("sfo", "192.0.2.5"), ("sfo", HOSTS["ams"])}
    assert sorted(path.name for path in (out / "traffic" / "messages").iterdir()) == [
        "vantage=ams",
        "vantage=sfo",
    ]


def test_no_list_bans_a_vantage_node(captures: Path, tmp_path: Path) -> None:
    go(captures, tmp_path / "out")
    own = banlist.read(tmp_path / "out" / "sfo" / "ban_list.txt")
    assert [entry.prefix for entry in own] == ["192.0.2.5", HOSTS["ams"]]
    for name in ("ban_list.txt", "ban_list_plain.txt"):
        listed = banlist.read(tmp_path / "out" / name)
        assert [entry.prefix for entry in listed] == ["192.0.2.5", "192.0.2.9"]


def test_it_continues_where_it_was(
    captures: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    calls: list[str] = []
    report = command._report

    def watched(options: object, name: str, folder: Path) -> list[str]:
        calls.append(name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return report(options, name, folder)  # type: ignore[arg-type]

    monkeypatch.setattr(command, "_report", watched)
    go(captures, out, code=130)
    assert not (out / "ban_list.txt").exists()
    go(captures, out)
    assert calls == ["ams", "sfo", "sfo"]
    assert "ams: done before" in capsys.readouterr().out
    before = (out / "ban_list.txt").read_bytes()
    go(captures, out)
    assert calls == ["ams", "sfo", "sfo"]
    assert (out / "ban_list.txt").read_bytes() == before
    put(captures / "sfo" / "b.pcap", bad_peer("192.0.2.6", HOSTS["sfo"]))
    go(captures, out)
    assert calls == ["ams", "sfo", "sfo", "sfo"]
    assert "192.0.2.6" in (out / "ban_list_plain.txt").read_text()
    go(captures, out, "--preset", "arxiv-v1")
    assert calls[4:] == ["ams", "sfo"]


def test_a_node_that_fails_stops_no_other(captures: Path, tmp_path: Path, capsys: Captured) -> None:
    (captures / "bad").mkdir()
    (captures / "bad" / "a.pcap").write_bytes(b"\xd4\xc3\xb2\xa1" + bytes(20))
    go(captures, tmp_path / "out", code=1)
    assert "bad: " in capsys.readouterr().err
    assert (tmp_path / "out" / "sfo" / "report.html").exists()
    assert "192.0.2.9" in (tmp_path / "out" / "ban_list.txt").read_text()


def test_a_folder_without_subfolders_is_one_node(captures: Path, tmp_path: Path) -> None:
    assert main(["run", str(captures / "ams"), "-o", str(tmp_path / "out"), "--json"]) == 0
    assert (tmp_path / "out" / "ams" / "report.html").exists()


def test_nodes_of_the_command_line(captures: Path, tmp_path: Path, capsys: Captured) -> None:
    words = ["--node", f"one={captures / 'ams'}", "-o", str(tmp_path / "out"), "--json"]
    assert main(["run", *words]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "output": str(tmp_path / "out"),
        "nodes": {"one": str(tmp_path / "out" / "one")},
    }


@pytest.mark.parametrize("text", ["", "[]", '{"nodes": 1}', '{"nodes": {"ams": {}}}'])
def test_a_file_that_is_no_state(
    captures: Path, tmp_path: Path, capsys: Captured, text: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "state.json").write_text(text)
    go(captures, tmp_path / "out", code=1)
    assert "state.json: not the state of a run" in capsys.readouterr().err
    assert (tmp_path / "out" / "state.json").read_text() == text


@pytest.mark.parametrize("words", [[], ["a", "b"], ["nowhere"], ["--node", "traffic=x"]])
def test_wrong_command_lines(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", *words])
    assert ended.value.code == 2
