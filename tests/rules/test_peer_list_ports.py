"""Rules on the ports that peer lists name for one host."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from monerotraffic.rules import find_anomalies
from support.conversation_builder import Peer, read, session, visit
from support.craft import Connection
from support.rule_captures import with_ports


def test_many_ports_of_its_own(tmp_path: Path) -> None:
    talks = [
        session("192.0.2.1", at=100 * number, number=number, my_port=port, peer_id=number)
        for number, port in enumerate((18080, 28080, 38080))
    ]
    # NAT
    talks += [
        session(
            "192.0.2.2", at=1000 + 100 * number, number=10 + number, my_port=port, peer_id=number
        )
        for number, port in enumerate((18080, 28080, 18080, 28080))
    ]
    # restarts
    talks += [
        session("192.0.2.3", at=2000 + 100 * number, number=20 + number, peer_id=number)
        for number in range(5)
    ]
    # one hides its port
    talks += [
        session("192.0.2.4", at=3000 + 100 * number, number=30 + number, my_port=port)
        for number, port in enumerate((18080, 28080, 0))
    ]
    talks += [
        session("192.0.2.5", at=4000 + 100 * number, number=40 + number, my_port=port)
        for number, port in enumerate((18080, 28080))
    ] + [visit("192.0.2.5", [], port=38080, at=4500)]
    traffic = read(tmp_path, *talks)
    findings = find_anomalies(traffic, rules=["many_ports"])
    assert list(findings.peer) == ["192.0.2.1", "192.0.2.5"]
    assert list(findings["observations"]) == list(findings.score) == [3, 3]
    ports = traffic.node_data.set_index("message").my_port
    assert [ports[message] for message in findings.messages[0]] == [18080, 28080, 38080]
    assert set(
        find_anomalies(
            traffic, rules=["many_ports"], parameters={"many_ports": {"min_ports": 2}}
        ).peer
    ) == {"192.0.2.1", "192.0.2.2", "192.0.2.4", "192.0.2.5"}


def advertised(
    senders: Iterable[str], host: str, ports: Iterable[int], more: Iterable[Peer] = ()
) -> list[Connection]:
    return [
        session(
            sender,
            [*((host, port) for port in ports), *more],
            number=100 + number,
            at=5000 + 100 * number,
            peer_id=50 + number,
        )
        for number, sender in enumerate(senders)
    ]


def test_many_ports_that_others_name(flagged: Callable[..., set[str]]) -> None:
    """Three independent senders are enough; three of one /24, two, or the host's own neighbours are
    not; nor is a host that is no peer.
    """
    host, talk = "198.18.7.7", session("198.18.7.7")
    three = [1, 2, 3]
    assert flagged(
        "many_ports", [talk, *advertised(["192.0.2.1", "192.0.3.1", "192.0.4.1"], host, three)]
    ) == {host}
    # with its own 18080 two
    assert (
        flagged(
            "many_ports", [talk, *advertised(["192.0.2.1", "192.0.3.1", "192.0.4.1"], host, [1])]
        )
        == set()
    )
    assert (
        flagged(
            "many_ports", [talk, *advertised(["192.0.2.1", "192.0.2.2", "192.0.2.3"], host, three)]
        )
        == set()
    )
    assert (
        flagged("many_ports", [talk, *advertised(["192.0.2.1", "192.0.3.1"], host, three)]) == set()
    )
    assert (
        flagged(
            "many_ports", [talk, *advertised(["192.0.2.1", "192.0.3.1", "198.18.7.8"], host, three)]
        )
        == set()
    )
    assert (
        flagged("many_ports", advertised(["192.0.2.1", "192.0.3.1", "192.0.4.1"], host, three))
        == set()
    )


def test_class_lists_accuse_no_peer(flagged: Callable[..., set[str]]) -> None:
    senders = [f"192.0.{number}.1" for number in range(2, 12)]
    assert (
        flagged(
            "many_ports",
            [
                session("198.18.7.7"),
                *advertised(senders, "198.18.7.7", [1, 2, 3], with_ports(60, 60)),
            ],
        )
        == set()
    )


def test_evidence_of_ports_that_others_name(tmp_path: Path) -> None:
    traffic = read(
        tmp_path,
        *[
            session("198.18.7.7"),
            *advertised(["192.0.2.1", "192.0.3.1", "192.0.4.1"], "198.18.7.7", [1, 2]),
        ],
    )
    row = find_anomalies(traffic, rules=["many_ports"]).iloc[0]
    assert (row["observations"], row.score) == (3, 3)
    handshake, naming = row.messages
    assert traffic.messages.peer[handshake] == "198.18.7.7"
    assert traffic.messages.peer[naming] == "192.0.2.1"
    assert set(traffic.peer_lists[traffic.peer_lists.message == naming].port) == {1, 2}
