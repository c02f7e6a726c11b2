"""Rules on peer ids: what they flag, and what looks like it and is not flagged; the labelled
captures.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.rules import RULES, evaluate, find_anomalies
from support import craft, truth
from support.craft import CLIENT, SERVER
from support.lab import Lab
from support.labelled import findings_of_rules, honest, read, spied

A, B, C = "192.0.2.1", "192.0.2.2", "203.0.113.3"
X, Y, Z, W = 0xFFFFFFFFFFFFFFF1, 0xFFFFFFFFFFFFFFF2, 0x8000000000000003, 0x4444444444444444
NAMES = [name for name, rule in RULES.items() if rule.family == "identity"]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_the_family_is_whole() -> None:
    assert NAMES == [
        "peer_id_returns",
        "peer_id_shared",
        "peer_id_cluster",
        "pong_id_mismatch",
        "pong_id_shared",
        "peer_id_rotates",
        "peer_ids_side_by_side",
        "peer_id_reserved",
    ]


# ---- peer_id_returns


def test_id_returns(lab: Lab) -> None:
    talks = [lab.session(A, at, number) for at, number in [(0, X), (10, Y), (20, X)]]
    row = lab.findings("peer_id_returns").loc[A]
    assert (row["observations"], row.connections) == (1, [2])
    frame = int(row.places[0].rsplit(":", 1)[1])
    # behind the three of the TCP handshake
    assert frame == len(talks[0].packets) + len(talks[1].packets) + 4


def test_id_returns_where_the_port_is_hidden(lab: Lab) -> None:
    for at, number in [(0, X), (10, Y), (20, X)]:
        lab.session(A, at, number, my_port=0)
    assert list(lab.findings("peer_id_returns").index) == [A]


def test_restarts_do_not_return(lab: Lab) -> None:
    for at, number in [(0, X), (5, X), (10, Y), (15, Y), (20, Z)]:
        lab.session(A, at, number)
    assert lab.findings("peer_id_returns").empty


def test_a_nat_pair_does_not_return(lab: Lab) -> None:
    for at, number, port in [(0, X, 18080), (10, Y, 28080), (20, X, 18080), (30, Y, 28080)]:
        lab.session(A, at, number, port)
    traffic = lab.read()
    assert find_anomalies(traffic, rules=["peer_id_returns"]).empty
    # which counts per IP
    assert list(find_anomalies(traffic, "arxiv-v1", rules=["peer_id_returns"]).peer) == [A]


def test_two_that_live_at_once_do_not_return(lab: Lab) -> None:
    """Two nodes behind one address with hidden ports, one of which reconnects while the other goes
    on.
    """
    lab.session(A, 0, X, my_port=0)
    other = lab.session(A, 10, Y, my_port=0, close=False)
    lab.session(A, 20, X, my_port=0)
    other.wait_until(60).timed_sync(CLIENT)
    assert lab.findings("peer_id_returns").empty
    assert not lab.findings("peer_id_returns", sequential_only=False).empty


# ---- peer_id_shared, peer_id_cluster


def test_shared_id(lab: Lab) -> None:
    for peer, at in [(A, 0), (B, 10), (C, 200)]:
        lab.session(peer, at, X, lasts=60)
    findings = lab.findings("peer_id_shared")
    assert list(findings.index) == [A, B]
    assert findings.score[A] == 2
    assert lab.findings("peer_id_cluster").empty  # one id


def test_a_node_that_moves_shares_nothing(lab: Lab) -> None:
    """Its old connection stays open until we give up, and nothing comes from it."""
    old = lab.session(A, 0, X, close=False)
    lab.session(B, 30, X, lasts=60)
    old.wait_until(120).close(SERVER)
    assert lab.findings("peer_id_shared").empty


@pytest.mark.parametrize(
    "twins",
    [
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("192.0.2.1", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::99"),
    ],
    ids=["v4-mapped", "v4 and v6", "one /64"],
)
def test_twins_share_nothing(tmp_path: Path, twins: tuple[str, str]) -> None:
    lab = Lab(tmp_path, host="2001:db8:10::10" if ":" in twins[0] else "198.51.100.10")
    for second, peer in enumerate(twins):
        lab.host = (
            ("2001:db8:10::10" if ":" in peer else "198.51.100.10")
            if not peer.startswith("::ffff")
            else "::ffff:198.51.100.10"
        )
        for at, number in [(0, X), (100, Y), (200, Z)]:
            lab.session(peer, at + second, number, lasts=60)
    lab.host = "198.51.100.10"
    packets = sorted(
        (packet for talk in lab.talks for packet in talk.packets), key=lambda packet: packet.time
    )
    (tmp_path / "a.pcap").write_bytes(craft.pcap(packets, nano=True))
    traffic = mt.read(
        tmp_path / "a.pcap", host=["198.51.100.10", "2001:db8:10::10", "::ffff:198.51.100.10"]
    )
    assert set(traffic.connections.peer) == set(twins)
    assert find_anomalies(
        traffic, rules=["peer_id_shared", "peer_id_cluster", "peer_id_returns"]
    ).empty


def test_cluster(lab: Lab) -> None:
    for peer, at, number in [(A, 0, X), (B, 1, X), (B, 100, Y), (C, 101, Y), (C, 200, Z)]:
        lab.session(peer, at, number, lasts=60)
    findings = lab.findings("peer_id_cluster")
    assert list(findings.index) == [A, B, C]
    assert findings.score[A] == 3
    assert findings["observations"].tolist() == [1, 2, 2]


def test_a_node_with_restarts_that_moves_is_no_cluster(lab: Lab) -> None:
    for peer, at, number in [(A, 0, X), (A, 100, Y), (B, 200, Y), (B, 300, Z)]:
        lab.session(peer, at, number, lasts=60)
    traffic = lab.read()
    assert find_anomalies(traffic, rules=["peer_id_cluster"]).empty
    # more than two on one address
    assert find_anomalies(traffic, "arxiv-v1", rules=["peer_id_cluster"]).empty
    lab.session(A, 400, W)
    assert list(find_anomalies(lab.read(), "arxiv-v1", rules=["peer_id_cluster"]).peer) == [A]


# ---- pongs


def test_pong_mismatch(lab: Lab) -> None:
    lab.session(A, 0, X, my_port=3000)
    lab.back_ping(A, 0.01, Y, port=3000)
    lab.session(B, 5, Z)
    lab.back_ping(B, 5.01, Z)
    traffic = lab.read()
    findings = find_anomalies(traffic, rules=["pong_id_mismatch"])
    assert list(findings.peer) == [A]
    pong = traffic.messages.set_index("message").loc[findings.messages[0][0]]
    assert (pong["name"], pong.direction, pong.connection) == ("PING", "received", 1)


def test_no_pong_is_no_mismatch(lab: Lab) -> None:
    lab.session(A, 0, X)
    lab.back_ping(A, 0.01, None)
    lab.session(B, 10, X)
    assert lab.findings("pong_id_mismatch").empty


def test_the_other_node_behind_the_nat_answers(lab: Lab) -> None:
    """Both announce the port that is forwarded to one of them."""
    lab.session(A, 0, X)
    lab.back_ping(A, 0.01, X)
    lab.session(A, 5, Y)
    lab.back_ping(A, 5.01, X)
    assert lab.findings("pong_id_mismatch").empty
    assert list(lab.findings("pong_id_mismatch", exclude_announced=False).index) == [A]
    assert lab.findings("pong_id_shared").empty


def test_shared_pong(lab: Lab) -> None:
    """C is an honest node to which the others hand our pings."""
    for second, (peer, number) in enumerate([(A, X), (B, Y), (C, Z)]):
        lab.session(peer, second, number)
        lab.back_ping(peer, second + 0.01, Z)
    findings = lab.findings("pong_id_shared")
    assert list(findings.index) == [A, B]
    assert findings.score[A] == 3


def test_a_shared_pong_whose_handshake_was_not_captured(lab: Lab) -> None:
    """C is honest; its handshake is missing, or only that after its restart is there."""
    for restarted in (False, True):
        for second, (peer, number) in enumerate([(A, X), (B, Y)]):
            lab.session(peer, second, number)
            lab.back_ping(peer, second + 0.01, Z)
        lab.back_ping(C, 3, Z)
        if restarted:
            lab.session(C, 60, W)
            lab.back_ping(C, 60.01, W)
        assert list(lab.findings("pong_id_shared").index) == [A, B]


def test_how_long_a_back_ping_may_take(lab: Lab) -> None:
    """The pong of a ping that began more than five seconds after the handshake is none of a
    back-ping's, nor shared.
    """
    for at, (peer, number, after) in enumerate([(A, X, 4.9), (B, Y, 5.2)]):
        lab.session(peer, 20 * at, number)
        lab.back_ping(peer, 20 * at + after, Z)
    assert (
        list(lab.findings("pong_id_mismatch").index)
        == list(lab.findings("pong_id_shared").index)
        == [A]
    )
    for rule in ("pong_id_mismatch", "pong_id_shared"):
        assert list(lab.findings(rule, max_delay_s=5.5).index) == [A, B]
    assert lab.findings("pong_id_shared", min_sites=3).empty


def test_each_its_own_pong(lab: Lab) -> None:
    # one process with two addresses answers with its id from both, and announces it
    for second, peer in enumerate([A, B]):
        lab.session(peer, second, X)
        lab.back_ping(peer, second + 0.01, X)
    assert lab.findings("pong_id_shared").empty


# ---- peer_id_rotates, peer_ids_side_by_side


def test_rotation(lab: Lab) -> None:
    for at, number in enumerate([X, Y, Z, W]):
        lab.session(A, at * 60, number)
    row = lab.findings("peer_id_rotates").loc[A]
    assert (row["observations"], row.score) == (3, 1.0)


def test_restarts_that_pongs_confirm(lab: Lab) -> None:
    """A listens, and each of its processes answers with its own id; with what B announces nobody
    answers; of the ids of C the last is confirmed.
    """
    for at in range(4):
        for second, (peer, confirmed) in enumerate([(A, True), (B, False), (C, at == 3)]):
            number = 1000 * second + at
            lab.session(peer, 60 * at + 10 * second, number)
            lab.back_ping(peer, 60 * at + 10 * second + 0.01, number if confirmed else 9999)
    assert list(lab.findings("peer_id_rotates").index) == [B]
    assert list(lab.findings("peer_id_rotates", exclude_confirmed=False).index) == [A, B, C]
    assert list(lab.findings("peer_id_rotates", min_changes=2, min_share=0.6).index) == [B, C]


def test_rotation_in_four_of_five_sessions(lab: Lab) -> None:
    for at, number in enumerate([X, X, Y, Z, W, W + 1]):
        lab.session(A, at * 60, number)
    assert lab.findings("peer_id_rotates").loc[A].score == pytest.approx(0.8)
    assert lab.findings("peer_id_rotates", min_share=0.81).empty


@pytest.mark.parametrize(
    "ids",
    [[X, Y, Z], [X, X, Y, Y, Z, Z, W, W], [X, Y, X, Y, X, Y, X]],
    ids=["two restarts", "restarts between reconnects", "back and forth"],
)
def test_no_rotation(lab: Lab, ids: list[int]) -> None:
    for at, number in enumerate(ids):
        lab.session(A, at * 60, number)
    assert lab.findings("peer_id_rotates").empty


def test_hidden_ports_do_not_rotate(lab: Lab) -> None:
    """Many nodes with hidden ports come from the exit of a VPN."""
    for at, number in enumerate([X, Y, Z, W, W + 1]):
        lab.session(A, at * 60, number, my_port=0)
    assert lab.findings("peer_id_rotates").empty


def test_side_by_side(lab: Lab) -> None:
    for at, number in [(0, X), (1, Y)]:
        lab.session(A, at, number, my_port=3000, lasts=60)
    row = lab.findings("peer_ids_side_by_side").loc[A]
    assert (row["observations"], row.connections) == (1, [1])


def test_side_by_side_both_ways(lab: Lab) -> None:
    lab.outgoing(A, 0, port=3000).announce(SERVER, X, my_port=0).wait_until(60).timed_sync(SERVER)
    lab.session(A, 5, Y, my_port=3000)
    assert list(lab.findings("peer_ids_side_by_side").index) == [A]


def test_a_restart_is_not_side_by_side(lab: Lab) -> None:
    """The machine died; its old connection hangs until we give up."""
    old = lab.session(A, 0, X, close=False)
    lab.session(A, 20, Y, lasts=60)
    old.wait_until(121).send(
        SERVER, craft.request(1002, craft.timed_sync_request()), acknowledge=False
    )
    old.reset(SERVER)
    assert lab.findings("peer_ids_side_by_side").empty


def test_a_nat_pair_is_not_side_by_side(lab: Lab) -> None:
    for number, port in [(X, 18080), (Y, 28080)]:
        lab.session(A, port / 10000, number, port, lasts=60)
    assert lab.findings("peer_ids_side_by_side").empty


# ---- peer_id_reserved


@pytest.mark.parametrize(
    ("number", "flagged"), [(0, True), (1, True), (2, False), (2**64 - 1, False)]
)
def test_reserved(lab: Lab, number: int, flagged: bool) -> None:
    lab.session(A, 0, number)
    assert (A in lab.findings("peer_id_reserved").index) == flagged


def test_reserved_in_a_pong(lab: Lab) -> None:
    lab.back_ping(A, 0, 1)
    assert list(lab.findings("peer_id_reserved").index) == [A]


def test_loopback_brings_peers_of_tor(tmp_path: Path) -> None:
    lab = Lab(tmp_path, host="127.0.0.1")
    lab.session("127.0.0.2", 0, 1)
    traffic = lab.read()
    assert list(traffic.connections.peer) == ["127.0.0.2"]
    assert find_anomalies(traffic, rules=["peer_id_reserved"]).empty


# ---- the labelled captures


@pytest.mark.parametrize("scenario", spied())
def test_labelled(scenario: truth.Scenario) -> None:
    """Every label that asks for one of these rules is found, and no honest peer."""
    given = truth.labels(scenario)
    findings = findings_of_rules(read(*scenario.parts), NAMES)
    evaluation = evaluate(findings, given)
    evaluation = evaluation[evaluation.rule.isin(NAMES)]
    assert evaluation.honest.sum() == []
    if scenario.full:
        asked = evaluation[evaluation.expected > 0]
        assert set(asked.rule) == (
            {"peer_id_returns", "peer_id_shared", "peer_id_cluster"}
            if scenario.name == "spies"
            else {"pong_id_mismatch", "pong_id_shared", "peer_id_rotates", "peer_ids_side_by_side"}
        )
        assert asked.missed.sum() == []
    assert set(findings.peer) <= set(given)


def test_excerpt_of_proxies() -> None:
    """Its labels are not bundled. The monerods of the lab are in it, and 24 emulated hosts whose
    pongs do not match.
    """
    scenario = next(
        scenario
        for scenario in truth.scenarios()
        if scenario.name == "proxies" and not scenario.full
    )
    findings = findings_of_rules(read(*scenario.parts), NAMES)
    assert findings.rule.value_counts().to_dict() == {"pong_id_mismatch": 24, "pong_id_shared": 24}
    assert not set(findings.peer) & {
        "192.0.2.22",
        "203.0.113.40",
        "198.19.255.164",
        "198.51.100.70",
        "192.0.2.146",
    }


@pytest.mark.parametrize("paths", honest())
def test_honest(paths: list[Path]) -> None:
    assert findings_of_rules(read(*paths), NAMES).empty
