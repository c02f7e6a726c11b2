"""Metrics of peer ids on small examples whose result is plain, and back-pings against the truth of
the labelled capture.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monerotraffic import metrics
from support import truth
from support.comparison import read
from support.craft import CLIENT, SERVER
from support.lab import Lab

A, B, C = "192.0.2.1", "192.0.2.2", "203.0.113.3"
X, Y, Z = 0xFFFFFFFFFFFFFFF1, 0xFFFFFFFFFFFFFFF2, 0x8000000000000003


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_announcements(lab: Lab) -> None:
    lab.session(A, 0, X)
    lab.session(B, 1, Y, my_port=0, lasts=10)
    lab.outgoing(C, 2, port=18081).announce(SERVER, Z, my_port=0).close()
    lab.outgoing(C, 3, port=18081).announce(SERVER, Z, my_port=4321).close()
    lab.back_ping(A, 4, X)
    announcements = metrics.announcements(lab.read())
    assert list(announcements.peer) == [A, B, C, C]
    assert list(announcements.port.astype(object).where(announcements.port.notna(), None)) == [
        18080,
        None,
        18081,
        4321,
    ]
    assert list(announcements.peer_id) == [X, Y, Z, Z]
    assert announcements.peer_id.dtype == "UInt64"
    assert list(announcements.direction) == ["incoming", "incoming", "outgoing", "outgoing"]
    assert list(((announcements.heard - announcements.time).dt.total_seconds()).round(1)) == [
        0,
        10,
        0,
        0,
    ]


def test_the_vantage_nodes_own_id_is_no_announcement(lab: Lab) -> None:
    lab.session(A, 0, X)
    assert 7 not in set(metrics.announcements(lab.read()).peer_id)
    assert 7 in set(lab.read().node_data.peer_id)


def test_counts(lab: Lab) -> None:
    lab.session(A, 0, X, my_port=18080)
    lab.session(A, 1, Y, my_port=18080)
    lab.session(A, 2, Z, my_port=0)
    lab.session(B, 3, X)
    traffic = lab.read()
    hosts = metrics.ids_per_host(traffic).set_index("host")
    assert hosts.loc[A, ["ids", "ports", "connections", "announcements"]].tolist() == [3, 1, 3, 3]
    ends = metrics.ids_per_endpoint(traffic)
    assert [
        (row.host, None if row.port is pd.NA else row.port, row.ids) for row in ends.itertuples()
    ] == [(A, 18080, 2), (A, None, 1), (B, 18080, 1)]
    ids = metrics.sites_per_id(traffic).set_index("peer_id")
    assert ids.hosts.to_dict() == {X: 2, Y: 1, Z: 1}
    assert (ids.loc[X, "last"] - ids.loc[X, "first"]).total_seconds() == 3


def test_sites_per_id_counts_a_64_once(lab: Lab) -> None:
    for second, host in enumerate(["2001:db8:1:2::1", "2001:db8:1:2::9", "2001:db8:1:3::1"]):
        lab.host = "2001:db8:10::10"
        lab.session(host, second, X)
    row = metrics.sites_per_id(lab.read()).iloc[0]
    assert (row.hosts, row.sites) == (3, 2)


def test_sessions_and_returns(lab: Lab) -> None:
    for at, number in enumerate([X, X, Y, X, Z, Y]):
        lab.session(A, at * 10, number)
    sessions = metrics.id_sessions(lab.read())
    assert list(sessions.session) == [0, 1, 2, 3, 4, 5]
    assert list(sessions.changed) == [False, False, True, True, True, True]
    assert list(sessions.known) == [False, True, False, True, False, True]
    assert sessions.sequential.all()
    assert list(metrics.id_returns(lab.read()).session) == [3, 5]


def test_sessions_know_what_is_alive(lab: Lab) -> None:
    first = lab.session(A, 0, X, close=False)
    lab.session(A, 10, Y)
    lab.session(A, 20, X)
    first.wait_until(30).timed_sync(CLIENT)
    sessions = metrics.id_sessions(lab.read())
    assert list(sessions.sequential) == [True, False, True]
    assert len(metrics.concurrent_peer_ids(lab.read())) == 1
    assert len(metrics.concurrent_peer_ids(lab.read(), margin=25)) == 0


def test_three_ids_side_by_side(lab: Lab) -> None:
    talks = [
        lab.session(A, second, number, close=False) for second, number in enumerate([X, Y, Y, Z])
    ]
    for second, talk in enumerate(talks):
        talk.wait_until(30 + second).timed_sync(CLIENT)
    assert list(metrics.concurrent_peer_ids(lab.read()).peer_id) == [Y, Y, Z]


def test_hidden_ports_are_not_side_by_side(lab: Lab) -> None:
    for second, number in enumerate([X, Y]):
        lab.session(A, second, number, my_port=0, lasts=60)
    assert metrics.concurrent_peer_ids(lab.read()).empty


def test_spans(lab: Lab) -> None:
    lab.session(A, 0, X, lasts=50)
    lab.session(B, 40, X, lasts=30)  # overlaps A's
    lab.session(C, 100, X, lasts=30)  # later
    lab.session(B, 100, Y)
    spans = metrics.id_spans(lab.read())
    assert {(row.site, row.peer_id): row.overlaps for row in spans.itertuples()} == {
        (A, X): 1,
        (B, X): 1,
        (C, X): 0,
        (B, Y): 0,
    }
    row = spans[spans.site == A].iloc[0]
    assert (row["last"] - row["first"]).total_seconds() == pytest.approx(50, abs=0.1)


def test_spans_of_three_at_once_and_one_that_is_over(lab: Lab) -> None:
    for peer, at, lasts in [(A, 0, 10), (B, 5, 100), (C, 50, 10), ("192.0.2.9", 55, 3)]:
        lab.session(peer, at, X, lasts=lasts)
    assert dict(
        zip(*metrics.id_spans(lab.read())[["site", "overlaps"]].to_numpy().T, strict=True)
    ) == {A: 1, B: 3, C: 2, "192.0.2.9": 2}


def test_clusters(lab: Lab) -> None:
    for peer, at, number in [(A, 0, X), (B, 1, X), (B, 20, Y), (C, 21, Y), ("192.0.2.9", 30, Z)]:
        lab.session(peer, at, number, lasts=100)
    clusters = metrics.id_clusters(lab.read())
    assert list(clusters.site) == [A, B, C]
    assert clusters[["cluster", "sites", "ids"]].drop_duplicates().to_numpy().tolist() == [
        [0, 3, 2]
    ]


def test_a_cluster_needs_overlapping_time_by_default(lab: Lab) -> None:
    lab.session(A, 0, X)
    lab.session(B, 100, X)
    assert metrics.id_clusters(lab.read()).empty
    assert list(metrics.id_clusters(lab.read(), overlapping=False).site) == [A, B]


# ---- back-pings


def outcome(lab: Lab) -> list[str]:
    return list(metrics.back_pings(lab.read()).outcome)


def test_back_ping_that_matches(lab: Lab) -> None:
    talk = lab.session(A, 0, X, my_port=18085)
    lab.back_ping(A, 0.01, X, port=18085)
    row = metrics.back_pings(lab.read()).iloc[0]
    assert (row.outcome, row.match, row.pong_id, row.port, row.ping_connection) == (
        "answered",
        True,
        X,
        18085,
        1,
    )
    assert row.delay == pytest.approx(0.01 - (len(talk.packets) > 0) * 0.003, abs=0.001)


def test_back_pings_belong_to_the_latest_request(lab: Lab) -> None:
    """The first request's back-ping was not captured; the second's must not be taken for it."""
    lab.session(A, 0, X)
    lab.session(A, 2, Y)
    lab.back_ping(A, 2.01, Y)
    pings = metrics.back_pings(lab.read())
    assert list(pings.outcome) == ["not_seen", "answered"]
    assert list(pings.match) == [pd.NA, True]


def test_back_ping_of_another_port_or_too_late(lab: Lab) -> None:
    lab.session(A, 0, X)
    lab.back_ping(A, 0.01, X, port=18081)
    lab.back_ping(A, 9, X)
    assert outcome(lab) == ["not_seen"]


def test_no_port(lab: Lab) -> None:
    lab.session(A, 0, X, my_port=0)
    lab.back_ping(A, 0.01, Y)
    assert outcome(lab) == ["no_port"]


def test_our_own_handshake_is_no_back_ping(lab: Lab) -> None:
    lab.session(A, 0, X)
    lab.outgoing(A, 0.01).announce(SERVER, Y).close()
    assert outcome(lab) == ["not_seen"]


def test_back_pings_without_pong(lab: Lab) -> None:
    lab.session(A, 0, X)
    lab.outgoing(A, 0.01).close(SERVER)
    lab.session(A, 10, X)
    lab.outgoing(A, 10.01, opened=False).emit(CLIENT, 2)
    lab.session(A, 20, X)
    refused = lab.outgoing(A, 20.01, opened=False)
    refused.emit(CLIENT, 2, sequence=999)
    refused.reset(SERVER)
    lab.session(A, 30, X)
    lab.back_ping(A, 30.01, None)
    assert outcome(lab) == ["closed_by_peer", "connect_unanswered", "refused", "ping_unanswered"]


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=scenario.id)
        for scenario in truth.scenarios()
        if scenario.name == "proxies" and scenario.full
    ],
)
def test_every_back_ping_is_as_the_truth_says(scenario: truth.Scenario) -> None:
    traffic = read(*scenario.parts)
    pings = metrics.back_pings(traffic)
    ports = traffic.connections.set_index("connection").client_port
    back_pings = [
        (
            f"{row.peer}:{ports[row.connection]}",
            f"{row.host}:{row.port}" if row.port is not pd.NA else row.host,
            f"{row.peer_id:016x}",
            None if row.ping_connection is pd.NA else int(ports[row.ping_connection]),
            None if row.pong_id is pd.NA else f"{row.pong_id:016x}",
            None if row.match is pd.NA else bool(row.match),
            row.outcome,
        )
        for row in pings.itertuples()
    ]
    rows = json.loads((scenario.folder / "expected.json").read_text())["handshakes"]
    wanted = [
        (
            row["initiator"],
            row["endpoint"],
            row["peer_id"],
            row["back_ping"] and row["back_ping"]["sport"],
            row["pong_id"],
            row["match"],
            row["outcome"],
        )
        for row in rows
    ]
    assert back_pings == wanted
    delays = [row.get("delay_s") for row in rows]
    assert pings.delay.tolist() == pytest.approx(
        [np.nan if delay is None else delay for delay in delays], abs=2e-6, nan_ok=True
    )


def test_nothing_gives_the_same_columns(lab: Lab) -> None:
    lab.session(A, 0, X, lasts=30)
    full = lab.read()
    other = Lab(lab.folder)
    other.incoming(A, 0).close()
    none = other.read()
    for name in (
        "announcements",
        "pongs",
        "ids_per_host",
        "ids_per_endpoint",
        "sites_per_id",
        "id_sessions",
        "id_returns",
        "concurrent_peer_ids",
        "id_spans",
        "id_clusters",
        "back_pings",
    ):
        some, empty = getattr(metrics, name)(full), getattr(metrics, name)(none)
        assert list(some.columns) == list(empty.columns), name
        assert len(empty) == 0
