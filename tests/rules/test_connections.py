"""Rules on connections: series, timed syncs, one-way listeners, and the labelled captures."""

from __future__ import annotations

from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.rules import RULES, evaluate, find_anomalies, verdicts
from support import craft, truth
from support.craft import CLIENT, SERVER, Connection
from support.lab import Lab
from support.labelled import (
    HONEST_SCENARIOS,
    findings_of_rules,
    honest,
    parameters,
    read,
    spied,
    thinned,
)
from support.rule_captures import BLOCK, A, B, C, D

NAMES = [name for name, rule in RULES.items() if rule.family == "connections"]


NOT_IN_THE_CAPTURE = {"198.18.90.60"}
"""Labelled handshake_incomplete as a listener, but the vantage node never reached it: six refused
SYNs are all there is (label_check.json says so too).
"""


def test_the_family_is_whole() -> None:
    assert NAMES == [
        "short_lived_series",
        "ping_flood",
        "timed_sync_throttled",
        "timed_sync_rapid",
        "no_handshake",
        "handshake_incomplete",
        "request_unanswered",
        "out_of_turn",
        "one_way_listener",
        "shared_backend",
        "conflicting_retransmission",
        "proxy_prefix_sent",
        "tls_sent",
    ]


# ---- short_lived_series, ping_flood


@pytest.mark.parametrize(
    ("times", "lasts", "flagged"),
    [(11, 0.5, True), (10, 0.5, False), (30, 1.5, False)],
    ids=["eleven", "ten", "longer"],
)
def test_short_lived_series(lab: Lab, times: int, lasts: float, flagged: bool) -> None:
    for number in range(times):
        lab.session(A, number * 20, 5, close=False).wait_until(number * 20 + lasts).close()
    findings = lab.findings("short_lived_series")
    assert list(findings.index) == ([A] if flagged else [])
    if flagged:
        assert (findings["observations"][A], findings.score[A]) == (11, 11)


def test_short_connections_of_a_month_are_no_series(lab: Lab) -> None:
    """Nodes check the addresses in their gray lists, each every few days."""
    for number in range(15):
        at = number * 2 * 86400
        lab.session(A, at, 5, close=False).wait_until(at + 0.5).close()
    for number in range(11):
        at = number * 2 * 3600
        lab.session(B, at, 5, close=False).wait_until(at + 0.5).close()
    assert list(lab.findings("short_lived_series").index) == [B]
    assert list(lab.findings("short_lived_series", period_h=None).index) == [A, B]


def test_pings_and_cut_handshakes_are_no_short_lived_series(lab: Lab) -> None:
    for number in range(20):
        talk = lab.incoming(A, number)
        talk.send(CLIENT, craft.request(1003))
        talk.send(SERVER, craft.response(1003, craft.ping_response()))
        talk.close()
        lab.incoming(B, number).announce(CLIENT, 5, answer=False).close()
    assert lab.findings("short_lived_series").empty


def test_ping_flood(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    for _ in range(2):
        talk.send(CLIENT, craft.request(1003))
        talk.send(SERVER, craft.response(1003, craft.ping_response()))
    traffic = lab.read()
    row = find_anomalies(traffic, rules=["ping_flood"]).iloc[0]
    assert (row.peer, row["observations"], row.score) == (A, 2, 2)
    assert traffic.messages.set_index("message").loc[row.messages].command.tolist() == [1003, 1003]
    assert find_anomalies(traffic, "arxiv-v1", rules=["ping_flood"]).empty


def test_one_ping_a_connection_is_no_flood(lab: Lab) -> None:
    """A peer that reconnects is pinged back each time, and does the same to us."""
    for number in range(20):
        talk = lab.incoming(A, number)
        packets = talk.send(CLIENT, craft.request(1003))
        talk.packets.append(packets[0])  # seen twice
        talk.send(SERVER, craft.response(1003, craft.ping_response()))
        talk.close()
        lab.back_ping(A, number + 0.5, 5)
    assert lab.findings("ping_flood").empty


# ---- timed sync


def syncing(lab: Lab, times: list[float], own: float = 60.05) -> Connection:
    """A peer that asks at these times, and we at our pace."""
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    last = max(times)
    for at, side in sorted(
        [(at, CLIENT) for at in times]
        + [(20 + number * own, SERVER) for number in range(int((last - 20) / own))]
    ):
        talk.wait_until(at).timed_sync(side)
    return talk


def test_throttled(lab: Lab) -> None:
    syncing(lab, [8, 108, 208, 308])
    row = lab.findings("timed_sync_throttled").loc[A]
    assert (row["observations"], row.score) == (3, 100.0)


@pytest.mark.parametrize(
    "times",
    [
        [8, 69, 190, 251, 312, 430, 491],
        [8, 80, 160, 245, 330],
        [8, 101.2, 172.3, 298],
        [8, 105, 230, 325, 450],
        [8, 130, 250],
        [10],
    ],
    ids=[
        *("single long gaps", "a slow node", "a monerod short of peers", "irregular"),
        *("too few gaps", "none"),
    ],
)
def test_not_throttled(lab: Lab, times: list[float]) -> None:
    syncing(lab, times)
    assert lab.findings("timed_sync_throttled").empty


def test_not_throttled_while_we_were_slow_too(lab: Lab) -> None:
    """A capture that has only some minutes, or a clock that jumps."""
    syncing(lab, [8, 128, 248, 368, 488], own=120)
    assert lab.findings("timed_sync_throttled").empty
    assert not lab.findings("timed_sync_throttled", own_regular=False).empty


def test_not_throttled_where_requests_were_lost(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    for number in range(9):
        talk.wait_until(10 + number * 60).timed_sync(SERVER)
        talk.wait_until(40 + number * 60)
        if number % 2:
            talk.skip(CLIENT, 205)
        else:
            talk.timed_sync(CLIENT)
    assert lab.findings("timed_sync_throttled").empty


def test_published_throttling_needs_ten_minutes(lab: Lab) -> None:
    syncing(lab, [8, 118, 228, 338, 448])
    assert find_anomalies(lab.read(), "arxiv-v1", rules=["timed_sync_throttled"]).empty
    syncing(lab, [8, 118, 228, 338, 448, 558, 668])
    assert len(find_anomalies(lab.read(), "arxiv-v1", rules=["timed_sync_throttled"])) == 1
    assert find_anomalies(lab.read(), "aft-2026", rules=["timed_sync_throttled"]).empty


def test_rapid(lab: Lab) -> None:
    syncing(lab, [8, 38, 68, 98])
    row = lab.findings("timed_sync_rapid").loc[A]
    assert row["observations"] == 3


@pytest.mark.parametrize(
    "times",
    [[8, 68, 128, 188], [8, 68, 143, 189, 249], [8, 66, 127, 184]],
    ids=["60 s", "one came late", "jitter"],
)
def test_not_rapid(lab: Lab, times: list[float]) -> None:
    syncing(lab, times)
    assert lab.findings("timed_sync_rapid").empty


def test_asked_again_before_the_answer(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    talk.wait_until(10).timed_sync(CLIENT, answer=False)
    talk.wait_until(75).timed_sync(CLIENT, answer=False)
    for _ in range(2):
        talk.send(SERVER, craft.response(1002, craft.timed_sync_response()))
    assert list(lab.findings("timed_sync_rapid").index) == [A]


def test_an_answer_that_was_not_captured_is_no_impatience(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    talk.wait_until(10).timed_sync(CLIENT, answer=False)
    talk.skip(SERVER, 205)
    talk.wait_until(75).timed_sync(CLIENT)
    assert lab.findings("timed_sync_rapid").empty


def test_answers_are_not_distinguished_after_a_loss(lab: Lab) -> None:
    """The answer to the first request was lost; the pairing behind it is out of step."""
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    talk.wait_until(10).timed_sync(CLIENT, answer=False)
    talk.skip(SERVER, 238)
    for at in range(70, 600, 60):
        talk.wait_until(at).timed_sync(CLIENT)
    assert lab.findings("timed_sync_rapid").empty


def test_throttled_although_something_of_ours_was_lost(lab: Lab) -> None:
    talk = syncing(lab, [8, 108, 208, 308, 408])
    talk.skip(SERVER, 500)
    talk.wait_until(508).timed_sync(CLIENT)
    assert list(lab.findings("timed_sync_throttled").index) == [A]


# ---- one_way_listener


def listening(
    lab: Lab, peer: str, incoming: bool = True, lasts: int = 300, notified: bool = True
) -> Connection:
    """Our ticks and blocks on a connection whose peer answers."""
    talk = (
        lab.incoming(peer, 0).announce(CLIENT, 5)
        if incoming
        else lab.outgoing(peer, 0).announce(SERVER, 5)
    )
    us = SERVER if incoming else CLIENT
    for at in range(20, lasts, 60):
        talk.wait_until(at).timed_sync(us)
        if notified:
            talk.send(us, BLOCK)
    return talk


@pytest.mark.parametrize("incoming", [True, False])
def test_one_way_listener(lab: Lab, incoming: bool) -> None:
    listening(lab, A, incoming)
    row = lab.findings("one_way_listener").loc[A]
    assert (row["observations"], row.connections) == (1, [0])
    assert row.score == pytest.approx(260, abs=1)


def test_no_one_way_listener(lab: Lab) -> None:
    listening(lab, A).timed_sync(CLIENT)  # keeps its timed sync, if late
    listening(lab, B).send(CLIENT, BLOCK)
    listening(lab, C, lasts=200)
    listening(lab, D, notified=False)
    # it speaks on its other connection
    for talk in (
        listening(lab, "192.0.2.9", incoming=False),
        lab.session("192.0.2.9", 1, 5, close=False),
    ):
        last = talk
    last.wait_until(100).timed_sync(CLIENT)
    lost = lab.incoming("192.0.2.10", 0).announce(CLIENT, 5)  # its own requests were lost
    for at in range(20, 320, 60):
        lost.wait_until(at).timed_sync(SERVER)
        lost.send(SERVER, BLOCK)
        lost.skip(CLIENT, 205)
    assert lab.findings("one_way_listener").empty


def test_one_way_listener_of_which_a_packet_was_lost(lab: Lab) -> None:
    talk = listening(lab, A)
    talk.skip(CLIENT, 205)
    talk.timed_sync(SERVER)
    assert list(lab.findings("one_way_listener").index) == [A]


def test_one_way_listener_that_was_there_before(lab: Lab) -> None:
    talk = lab.incoming(A, 0, opened=False)
    for at in range(20, 300, 60):
        talk.wait_until(at).timed_sync(SERVER)
        talk.send(SERVER, BLOCK)
    assert list(lab.findings("one_way_listener").index) == [A]


# ---- proxy_prefix_sent, tls_sent

PROXY = b"PROXY TCP4 203.0.113.7 192.0.2.1 5555 18080\r\n"
HELLO = b"\x16\x03\x01\0\x20\x01" + bytes(31)
ALERT = b"\x15\x03\x03\0\x02\x02\x46"
SOCKS_REQUEST = b"\4\1" + (18080).to_bytes(2, "big") + bytes([203, 0, 113, 9]) + b"\0"


def prefixed(lab: Lab, peer: str, at: float) -> None:
    talk = lab.incoming(peer, at)
    talk.send(CLIENT, PROXY)
    talk.announce(CLIENT, 5)


def test_prefixes_and_tls_are_context(lab: Lab) -> None:
    prefixed(lab, A, 0)
    for at in (10, 20):
        lab.incoming(B, at).send(CLIENT, HELLO)
    talk = lab.outgoing(C, 30)
    talk.send(CLIENT, craft.request(1003))
    talk.send(SERVER, ALERT)
    findings = find_anomalies(lab.read(), rules=["proxy_prefix_sent", "tls_sent"])
    assert findings[["peer", "rule", "observations", "score", "weight"]].values.tolist() == [
        [A, "proxy_prefix_sent", 1, float(len(PROXY)), "context"],
        [B, "tls_sent", 2, float(len(HELLO)), "context"],
        [C, "tls_sent", 1, float(len(ALERT)), "context"],
    ]
    everything = verdicts(find_anomalies(lab.read()))
    assert set(everything.loc[everything["peer"].isin([A, B, C]), "verdict"]) == {"context"}


def test_own_proxies_accuse_no_peer(lab: Lab) -> None:
    """The answer of a SOCKS proxy that the vantage node asked, and a header of its load
    balancer.
    """
    talk = lab.outgoing(A, 0)
    talk.send(CLIENT, SOCKS_REQUEST)
    talk.send(SERVER, b"\0\x5a" + bytes(6))
    talk.announce(CLIENT, 5)
    prefixed(lab, B, 10)
    assert find_anomalies(lab.read(), rules=["proxy_prefix_sent"])["peer"].tolist() == [B]
    trusting = mt.read(lab.folder / "capture.pcap", host=lab.host, trusted_proxies=[B])
    assert set(trusting.problems["kind"]) == {"proxy_prefix"}
    assert find_anomalies(trusting, rules=["proxy_prefix_sent"]).empty


# ---- conflicting_retransmission


def repeating(lab: Lab, peer: str, other: bytes, garbage: bytes) -> None:
    """A peer whose timed sync comes again with `other` at its end, then a keep-alive with
    `garbage`.
    """
    talk = lab.incoming(peer, 0).announce(CLIENT, 5)
    sync = craft.request(1002, craft.timed_sync_request())
    at = talk.sequence[CLIENT] - talk.first[CLIENT]
    talk.send(CLIENT, sync)
    talk.at(CLIENT, at, sync[: len(sync) - len(other)] + other)
    if garbage:
        talk.at(CLIENT, at + len(sync) - 1, garbage)
    talk.send(SERVER, craft.response(1002, craft.timed_sync_response()))


def test_conflicting_retransmission(lab: Lab) -> None:
    for peer, other, garbage in ((A, b"xyz", b""), (B, b"", b""), (C, b"", b"\xff")):
        repeating(lab, peer, other, garbage)
    row = lab.findings("conflicting_retransmission").loc[A]
    assert (row["observations"], row.weight, row.forgeable_by) == (1, "context", "off-path")
    assert row.places == ["capture.pcap:28"]  # the tenth packet of each peer
    assert list(lab.findings("conflicting_retransmission").index) == [A]


def test_conflicts_of_the_vantage_node_accuse_no_peer(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    ping = craft.response(1003, craft.ping_response(1))
    at = talk.sequence[SERVER] - talk.first[SERVER]
    talk.send(SERVER, ping)
    talk.at(SERVER, at, craft.response(1003, craft.ping_response(2)))
    traffic = lab.read()
    assert traffic.problems.kind.tolist() == ["conflict"]
    assert find_anomalies(traffic, rules=["conflicting_retransmission"]).empty


def test_a_forged_copy_changes_no_verdict(lab: Lab) -> None:
    """A third party sends other bytes before the real ones come, with the victim's address."""
    for number in range(3):
        talk = lab.incoming(A, number * 100).announce(CLIENT, 5)
        sync = craft.request(1002, craft.timed_sync_request())
        forged = craft.request(1003, bytes(len(sync) - 33))
        talk.at(CLIENT, talk.sequence[CLIENT] - talk.first[CLIENT], forged)
        talk.send(CLIENT, sync)
        talk.close()
    findings = find_anomalies(lab.read())
    assert "conflicting_retransmission" in set(findings["rule"])
    assert not verdicts(findings)["verdict"].isin(["suspicious", "anomalous"]).any()


# ---- the labelled captures


@pytest.mark.parametrize("scenario", spied())
def test_labelled(scenario: truth.Scenario) -> None:
    """Every label that asks for one of these rules is found, and no honest peer."""
    given = truth.labels(scenario)
    findings = findings_of_rules(read(*scenario.parts), NAMES)
    evaluation = evaluate(findings, given)
    evaluation = evaluation[evaluation.rule.isin(NAMES)].set_index("rule")
    assert evaluation.loc[evaluation.index != "no_handshake", "honest"].sum() == []
    assert set(findings.peer) <= set(given)
    if scenario.full:
        asked = evaluation[evaluation.expected > 0]
        wanted = {
            "short_lived_series",
            "ping_flood",
            "timed_sync_throttled",
            "no_handshake",
            "handshake_incomplete",
            "request_unanswered",
        }
        assert set(asked.index) == (
            wanted if scenario.name == "spies" else {"one_way_listener", "shared_backend"}
        )
        assert set(asked.missed.sum()) == (
            NOT_IN_THE_CAPTURE if scenario.name == "spies" else set()
        )
    else:
        assert set(evaluation.index[evaluation.detected > 0]) == {
            "request_unanswered",
            "no_handshake",
            "handshake_incomplete",
        }


@pytest.mark.parametrize("paths", honest())
def test_honest(paths: list[Path]) -> None:
    findings = findings_of_rules(read(*paths), NAMES)
    assert findings[findings.weight != "context"].empty


BOTH = [name for name, rule in RULES.items() if rule.family in ("connections", "identity")]


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("scenario", spied())
def test_losses_make_no_honest_peer_a_spy(
    scenario: truth.Scenario, rate: float, tmp_path: Path
) -> None:
    """Of this family and of identity."""
    findings = findings_of_rules(thinned(scenario, rate, tmp_path), BOTH)
    evaluation = evaluate(findings[findings.weight != "context"], truth.labels(scenario))
    assert evaluation.honest.sum() == []
    assert len(findings) > 0 or not scenario.full


@pytest.mark.parametrize("rate", [0.1])
@pytest.mark.parametrize(
    "scenario",
    parameters([scenario for scenario in truth.scenarios() if scenario.name in HONEST_SCENARIOS]),
)
def test_losses_make_no_monerod_a_spy(
    scenario: truth.Scenario, rate: float, tmp_path: Path
) -> None:
    findings = findings_of_rules(thinned(scenario, rate, tmp_path), BOTH)
    assert findings[findings.weight != "context"].empty
