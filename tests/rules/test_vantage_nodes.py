"""Findings of several vantage nodes, whose clocks differ."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.cli import main
from monerotraffic.rules import find_anomalies, verdicts
from monerotraffic.tables.view import View
from support import craft
from support.command import Captured
from support.conversation_builder import HOSTS, ConversationBuilder, incoming, read_nodes
from support.craft import CLIENT

BOTH, ONE = "20.1.0.1", "20.2.0.1"


def ping_flood(peer: str, host: str) -> ConversationBuilder:
    talk = incoming(peer, host=host).handshake()
    for _ in range(4):
        talk.wait(40).send(CLIENT, craft.request(1003))
    talk.close()
    return talk


@pytest.fixture
def traffic(tmp_path: Path) -> mt.Traffic:
    """One peer misbehaves at both nodes, another one at the first only."""
    ams, sfo = HOSTS["ams"], HOSTS["sfo"]
    return read_nodes(
        tmp_path,
        {"ams": [ping_flood(BOTH, ams), ping_flood(ONE, ams)], "sfo": [ping_flood(BOTH, sfo)]},
    )


def test_findings_name_the_vantage_node(traffic: mt.Traffic) -> None:
    findings = find_anomalies(traffic, rules=["ping_flood"])
    assert findings[["vantage", "peer", "observations"]].to_numpy().tolist() == [
        ["ams", BOTH, 4],
        ["sfo", BOTH, 4],
        ["ams", ONE, 4],
    ]
    judged = verdicts(findings).set_index("peer")
    assert judged["verdict"].to_dict() == {BOTH: "anomalous", ONE: "anomalous"}
    assert judged["rules"][BOTH] == ["ping_flood"]


def test_two_nodes_have_to_agree(traffic: mt.Traffic) -> None:
    findings = find_anomalies(traffic, rules=["ping_flood"], agree=2)
    assert findings["weight"].tolist() == ["strong", "strong", "context"]
    assert not findings.loc[2, ["conclusive", "significant"]].any()
    judged = verdicts(findings).set_index("peer")["verdict"]
    assert judged.to_dict() == {BOTH: "anomalous", ONE: "context"}


@pytest.mark.parametrize("agree", [0, 3])
def test_impossible_agreement(traffic: mt.Traffic, agree: int) -> None:
    with pytest.raises(ValueError, match=f"agree={agree}: there are 2 vantage nodes"):
        find_anomalies(traffic, agree=agree)


def test_a_restart_seen_by_two_clocks_is_no_return_to_an_id(tmp_path: Path) -> None:
    """Ids 5 5 6 6 by one clock. By two clocks that differ by 1000 s the order is 5 6 5 6."""
    nodes = {}
    for name, first in {"ams": 100.0, "sfo": 150.0}.items():
        nodes[name] = [
            incoming("20.1.0.1", number, HOSTS[name])
            .wait_until(first + 300 * number)
            .announce(CLIENT, 5 + number)
            for number in range(2)
        ]
    traffic = read_nodes(tmp_path, nodes, {"sfo": 1000})
    assert find_anomalies(traffic)["rule"].tolist() == []


def test_a_view_of_one_node_is_that_of_its_capture(traffic: mt.Traffic) -> None:
    alone = mt.read(traffic.files["path"].iloc[1], host=HOSTS["sfo"])
    part = View(traffic, vantage="sfo")
    assert part.vantages == ("sfo",)
    assert len(part.messages) == len(alone.messages)
    columns = ["peer", "rule", "observations", "score", "conclusive", "display_filter"]
    pd.testing.assert_frame_equal(
        find_anomalies(part)[columns], find_anomalies(alone)[columns], check_dtype=False
    )
    with pytest.raises(ValueError, match="no vantage node 'gru': 'ams', 'sfo'"):
        View(traffic, vantage="gru")


def test_nodes_of_the_command_line(traffic: mt.Traffic, capsys: Captured) -> None:
    paths = zip(HOSTS, traffic.files["path"], strict=False)
    nodes = [f"--node={name}={path}" for name, path in paths]
    hosts = [f"--host={name}={HOSTS[name]}" for name in ("ams", "sfo")]
    assert main(["findings", *nodes, *hosts]) == 0
    text = capsys.readouterr().out
    assert "2 peers: 2 anomalous" in text
    assert main(["findings", *nodes, *hosts, "--agree", "2"]) == 0
    assert "2 peers: 1 anomalous, 0 suspicious, 1 with context only" in capsys.readouterr().out
    assert main(["findings", *nodes, "--agree", "3"]) == 1
    assert "--agree 3 with 2 vantage nodes: see --node" in capsys.readouterr().err
