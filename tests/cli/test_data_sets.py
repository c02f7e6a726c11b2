"""Commands that read data sets, and --since and --until."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic.cli import main
from monerotraffic.rules.daily import update_findings
from monerotraffic.store.history import stale_days
from support import craft
from support.captures import HOST
from support.command import Captured
from support.conversation_builder import CLIENT, ConversationBuilder, incoming, write
from support.paths import DATA, HONEST

PROXIES = DATA / "proxies"


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "traffic"
    mt.decode(PROXIES, folder)
    return folder


def numbers(capsys: Captured, *arguments: object) -> Any:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", ["findings", "summary"])
def test_a_data_set_is_its_captures(command: str, traffic: Path, capsys: Captured) -> None:
    whole, kept = numbers(capsys, command, PROXIES), numbers(capsys, command, traffic)
    whole.get("peers", {}).pop("top", None)  # peers with as many messages are in any order
    kept.get("peers", {}).pop("top", None)
    assert kept == whole


def test_ban_list(traffic: Path, capsys: Captured) -> None:
    assert main(["banlist", str(PROXIES), "--collapse", "2"]) == 0
    whole = capsys.readouterr().out
    assert main(["banlist", str(traffic), "--collapse", "2"]) == 0
    assert capsys.readouterr().out == whole


def test_report(traffic: Path, tmp_path: Path, capsys: Captured) -> None:
    assert main(["report", str(traffic), "-o", str(tmp_path / "report")]) == 0
    assert (tmp_path / "report/report.html").stat().st_size > 10_000


def test_findings_of_a_peer(traffic: Path, capsys: Captured) -> None:
    peer = numbers(capsys, "findings", PROXIES)["verdicts"][0]["peer"]
    assert main(["findings", str(PROXIES), "--peer", peer]) == 0
    whole = capsys.readouterr().out
    assert main(["findings", str(traffic), "--peer", peer]) == 0
    assert capsys.readouterr().out == whole


def test_errors(traffic: Path, tmp_path: Path, capsys: Captured) -> None:
    for arguments, text in (
        ([traffic, HONEST], "a data set must be given alone"),
        ([traffic, "--host", HOST], "--host and --port are options of decode"),
    ):
        assert main(["summary", *map(str, arguments)]) == 1
        assert text in capsys.readouterr().err
    assert main(["peer", "192.0.2.1", str(HONEST)]) == 1
    assert "no data set" in capsys.readouterr().err
    for argument in ("yesterday", "0001-01-01"):
        with pytest.raises(SystemExit):
            main(["summary", str(HONEST), "--since", argument])


def test_other_manifests(tmp_path: Path, capsys: Captured) -> None:
    """A folder of captures can have a manifest of its own."""
    write(tmp_path / "a.pcap", incoming().handshake())
    (tmp_path / "manifest.json").write_text('{"format": "pcap"}')
    assert numbers(capsys, "summary", tmp_path)["messages"]["count"] == 2


def test_since_and_until(traffic: Path, capsys: Captured) -> None:
    whole = mt.read(PROXIES)
    middle = whole.connections["opened"].sort_values().iloc[len(whole.connections) // 2]
    early, late = ("--until", middle.isoformat()), ("--since", middle.isoformat())
    for source in (PROXIES, traffic):
        counts = [
            numbers(capsys, "summary", source, *period)["connections"]["count"]
            for period in (early, late)
        ]
        assert counts == [
            len(whole.until(middle).connections),
            len(whole.since(middle).connections),
        ]
    assert numbers(capsys, "findings", traffic, *late) == numbers(
        capsys, "findings", PROXIES, *late
    )


# ---- peer ----


def test_peer(traffic: Path, capsys: Captured) -> None:
    verdict = numbers(capsys, "findings", traffic)["verdicts"][0]
    history = numbers(capsys, "peer", verdict["peer"], traffic)
    assert {row["rule"] for row in history["findings"]} == set(verdict["rules"])
    assert stale_days(mt.open(traffic)) == []
    view = mt.metrics.View(mt.read(PROXIES))
    links = view.connections[view.connections["peer"] == verdict["peer"]]
    (day,) = history["days"]
    assert day["connections"] == len(links)
    assert day["incoming"] == (links["direction"] == "incoming").sum()
    messages = view.messages[view.messages["peer"] == verdict["peer"]]
    assert day["received"] == (messages["direction"] == "received").sum()
    nodes = view.node_data[view.node_data["peer"] == verdict["peer"]]
    nodes = nodes[(nodes["direction"] == "received") & nodes["peer_id"].notna()]
    assert {row["peer_id"] for row in history["ids"]} == {
        f"{int(number):016x}" for number in nodes["peer_id"]
    }
    assert sum(row["messages"] for row in history["versions"]) == (nodes["command"] == 1001).sum()
    assert main(["peer", verdict["peer"], str(traffic)]) == 0
    assert f"{verdict['peer']}: 1 day at " in capsys.readouterr().out
    assert main(["peer", "203.0.113.200", str(traffic)]) == 1
    assert "has no connection" in capsys.readouterr().err


def pinging(at: float, pings: int) -> ConversationBuilder:
    """A connection on which the peer pings."""
    talk = ConversationBuilder(("192.0.2.1", 40000), (HOST, 18080)).wait_until(at).open()
    talk.handshake()
    for _ in range(pings):
        talk.send(CLIENT, craft.request(1003))
    return talk


def test_findings_of_days(tmp_path: Path, capsys: Captured) -> None:
    """They are computed for the days of new rows only."""
    write(tmp_path / "one.pcap", pinging(0, 3))
    write(tmp_path / "two.pcap", pinging(86_400, 2))
    folder = tmp_path / "traffic"
    dataset = mt.decode(tmp_path / "one.pcap", folder, host=HOST)
    assert len(update_findings(dataset)) == 1
    dataset = mt.decode(tmp_path / "two.pcap", folder, host=HOST)
    days: list[date] = []
    assert update_findings(dataset, days.append) == days
    assert days == dataset.days[1:]
    assert update_findings(dataset) == []
    history = dataset.peer("192.0.2.1")
    pings = history.findings[history.findings["rule"] == "ping_flood"]
    assert pings["observations"].to_list() == [3, 2]
    assert pings["day"].dt.date.to_list() == dataset.days
    assert len(history.days) == 2
    assert main(["peer", "192.0.2.1", str(folder), "--stored", "--until", str(days[0])]) == 0
    assert "1 day at" in capsys.readouterr().out


# ---- compare ----


def test_compare(traffic: Path, capsys: Captured) -> None:
    sides = numbers(capsys, "compare", HONEST, traffic)
    one, other = numbers(capsys, "findings", HONEST), numbers(capsys, "findings", traffic)
    assert sides["a"]["peers"] == one["peers"]["count"]
    assert sides["b"]["anomalous"] == other["peers"]["anomalous"]
    assert len(sides["verdicts"]) == len(one["verdicts"]) + len(other["verdicts"])
    same = numbers(capsys, "compare", PROXIES, traffic)
    assert same["verdicts"] == []
    assert same["a"] == same["b"]
    assert same["peers"] == {"a": 0, "b": 0, "both": same["a"]["peers"]}
    assert all(row["a"] == row["b"] == row["both"] for row in same["rules"])
    assert main(["compare", str(HONEST), str(traffic), "--redact"]) == 0
    text = capsys.readouterr().out
    assert "with different verdicts" in text
    assert HOST not in text
    with pytest.raises(SystemExit):
        main(["compare", str(HONEST)])
