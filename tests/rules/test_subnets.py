"""Rules of the network: flagged, nearly flagged, and the labelled captures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic.rules import RULES, evaluate, find_anomalies
from support import craft, truth
from support.conversation_builder import HOST, read, session
from support.craft import CLIENT, SERVER, Connection


@pytest.fixture
def flagged(tmp_path: Path) -> Callable[..., set[str]]:
    def find(talks: Iterable[Connection], preset: str = "default", **parameters: Any) -> set[str]:
        arguments = {"host": parameters.pop("host", HOST)}
        return set(
            find_anomalies(
                read(tmp_path, *talks, **arguments),
                preset,
                rules=["subnet_dense"],
                parameters={"subnet_dense": parameters},
            ).peer
        )

    return find


def hosts(count: int, subnet: str = "192.0.2", each: int = 1) -> list[Connection]:
    return [
        session(f"{subnet}.{host}", at=host + 1000 * time, number=host + 300 * time)
        for host in range(1, count + 1)
        for time in range(each)
    ]


def test_six_hosts_of_a_subnet_are_many(flagged: Callable[..., set[str]]) -> None:
    every = {f"192.0.2.{host}" for host in range(1, 7)}
    assert flagged([*hosts(6), *hosts(5, "192.0.3")]) == every
    assert flagged(hosts(5, each=5)) == set()  # however often they come
    assert flagged(hosts(5), min_hosts=5) == every - {"192.0.2.6"}


def test_ipv6_counts_by_64(flagged: Callable[..., set[str]]) -> None:
    talks = []
    for number in range(14):
        net, host = divmod(number, 9)
        talk = Connection(
            (f"2001:db8:0:{net + 1}::{host + 1:x}", 40000),
            ("2001:db8:10::10", 18080),
            clock=craft.START + number * 10**9,
        ).open()
        talk.send(CLIENT, craft.request(1001, craft.handshake_request()))
        talk.send(SERVER, craft.response(1001, craft.handshake_response()))
        talks.append(talk)
    assert flagged(talks, host="2001:db8:10::10") == {
        f"2001:db8:0:1::{host:x}" for host in range(1, 10)
    }


def test_a_v4_mapped_twin_is_no_second_host(flagged: Callable[..., set[str]]) -> None:
    talks = hosts(5)
    twin = Connection(
        ("::ffff:192.0.2.1", 40000), ("::ffff:198.51.100.10", 18080), clock=craft.START + 10**12
    ).open()
    twin.send(CLIENT, craft.request(1001, craft.handshake_request()))
    twin.send(SERVER, craft.response(1001, craft.handshake_response()))
    own = [HOST, "::ffff:198.51.100.10"]
    assert flagged([*talks, twin], host=own) == set()
    assert flagged([*hosts(6), twin], host=own) == {
        *(f"192.0.2.{host}" for host in range(1, 7)),
        "::ffff:192.0.2.1",
    }


def test_published_variants_take_the_top_15(flagged: Callable[..., set[str]]) -> None:
    talks = [talk for number in range(17) for talk in hosts(1 + (number < 14), f"192.0.{number}")]
    for preset in ("arxiv-v1", "aft-2026"):
        peers = flagged(talks, preset)
        assert {f"192.0.{number}.1" for number in range(14)} < peers
        assert len(peers) == 14 * 2 + 1


def test_evidence(tmp_path: Path) -> None:
    traffic = read(tmp_path, *hosts(8, each=2))
    findings = find_anomalies(traffic, rules=["subnet_dense"])
    assert list(findings["observations"]) == [2] * 8
    assert list(findings.score) == [8] * 8
    assert set(findings.weight) == {"context"}
    for row in findings.itertuples():
        assert set(traffic.connections.set_index("connection").peer[row.connections]) == {row.peer}


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=scenario.id)
        for scenario in truth.scenarios()
        if scenario.full and scenario.name in ("spies", "proxies")
    ],
)
def test_labelled_captures(scenario: truth.Scenario) -> None:
    evaluation = evaluate(
        find_anomalies(mt.read(scenario.parts), rules=["subnet_dense"]), truth.labels(scenario)
    ).set_index("rule")
    row = evaluation.loc["subnet_dense"] if "subnet_dense" in evaluation.index else None
    if scenario.name == "spies":
        assert row is not None
        assert (row.expected, row.detected, row.honest) == (18, 18, [])
    else:
        assert row is None or row.honest == []


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=scenario.id)
        for scenario in truth.scenarios()
        if scenario.name in ("honest", "lossy", "ipv6")
    ],
)
def test_monerod_is_not_flagged(scenario: truth.Scenario) -> None:
    assert find_anomalies(mt.read(scenario.parts), rules=["subnet_dense"]).empty


def test_it_is_context() -> None:
    assert RULES["subnet_dense"].weight == "context"
