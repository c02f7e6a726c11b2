"""Who owns an id, and nodes that share an address: what is context and what accuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from monerotraffic.rules import find_anomalies, verdicts
from support import craft
from support.craft import CLIENT
from support.lab import Lab

A, B, C = "192.0.2.1", "198.18.7.1", "203.0.113.9"


def judged(lab: Lab) -> dict[str, str]:
    verdict_rows = verdicts(find_anomalies(lab.read()))
    return dict(zip(verdict_rows["peer"], verdict_rows["verdict"], strict=True))


def back_pinged(lab: Lab, peer: str, at: float, announced: int, pong: int, port: int) -> None:
    lab.session(peer, at, announced, my_port=port)
    lab.back_ping(peer, at + 0.01, pong, port=port)


def test_a_sibling_that_answers_at_the_default_port_is_context(lab: Lab) -> None:
    for number in range(4):
        back_pinged(lab, A, 100 * number, 5 + number % 2, pong=77, port=18080)
    assert judged(lab)[A] == "context"


def test_ever_new_ids_that_no_pong_confirms_are_suspicious(lab: Lab) -> None:
    for number in range(4):
        back_pinged(lab, A, 100 * number, 5 + number, pong=77, port=18080)
    assert judged(lab)[A] == "suspicious"


def test_a_wrong_pong_at_a_port_of_its_own_accuses(lab: Lab) -> None:
    back_pinged(lab, A, 0, 5, pong=77, port=20001)
    assert judged(lab) == {A: "anomalous"}  # two connections contradict each other


SIBLING = 77  # id of the process that answers at the port of the judged address


def relays(lab: Lab, *peers: str, at: float = 0, port: int = 18080) -> None:
    """Peers that announce ids of their own, and answer back-pings with the same other one."""
    for number, peer in enumerate(peers):
        announced = 1000 + round(at) + number
        back_pinged(lab, peer, at + 100 * number, announced, pong=SIBLING, port=port)


def test_an_id_that_other_subnets_answered_with_before_accuses(lab: Lab) -> None:
    """The first of the three may be a node whose sibling answers, and which the others copy."""
    relays(lab, A, B, C)
    assert judged(lab) == {A: "context", B: "anomalous", C: "anomalous"}


def test_five_subnets_accuse_in_any_order(lab: Lab) -> None:
    relays(lab, A, B, C, "198.18.9.1", "198.18.10.1")
    assert set(judged(lab).values()) == {"anomalous"}


@pytest.mark.parametrize("others", [(B,), (B, "198.18.7.9"), ("192.0.2.8", "192.0.2.9", B)])
def test_an_id_in_the_pongs_of_two_subnets_is_context(lab: Lab, others: tuple[str, ...]) -> None:
    relays(lab, *others)
    relays(lab, A, at=1000)
    assert judged(lab)[A] == "context"


def test_hosts_that_announce_the_id_do_not_count(lab: Lab) -> None:
    """Attackers that announce the id of the victim's sibling, and answer with it, show nothing
    that would condemn themselves.
    """
    for number, peer in enumerate((B, C, "198.18.9.1", "198.18.10.1")):
        back_pinged(lab, peer, 100 * number, SIBLING, pong=SIBLING, port=18080)
    relays(lab, A, at=1000)
    assert judged(lab)[A] == "context"


def test_hosts_that_answer_without_a_handshake_do_not_count(lab: Lab) -> None:
    for number, peer in enumerate((B, C, "198.18.9.1", "198.18.10.1")):
        lab.back_ping(peer, 100 * number, SIBLING)
    relays(lab, A, at=1000)
    assert judged(lab)[A] == "context"


def test_hosts_that_answer_with_many_ids_do_not_count(lab: Lab) -> None:
    """Two attackers that copy the siblings of many victims: each victim costs addresses."""
    victims = [f"203.0.{number}.5" for number in range(5)]
    for number in range(5):
        for helper, peer in enumerate((B, C)):
            at = 100 * number + 20 * helper
            announced = 500 + 10 * number + helper
            back_pinged(lab, peer, at, announced, pong=70 + number, port=18080)
    for number, victim in enumerate(victims):
        back_pinged(lab, victim, 1000 + 20 * number, 900 + number, pong=70 + number, port=18080)
    verdict = judged(lab)
    assert {verdict[victim] for victim in victims} == {"context"}


def test_the_first_answer_of_a_host_counts(lab: Lab) -> None:
    """Three attackers copy an id that the victim's sibling answered with before."""
    back_pinged(lab, A, 0, 5, pong=SIBLING, port=18080)
    relays(lab, B, C, "198.18.9.1", at=100)
    back_pinged(lab, A, 900, 5, pong=SIBLING, port=18080)
    assert judged(lab)[A] == "context"


def test_subnets_of_one_ipv6_operator_are_one(tmp_path: Path) -> None:
    """Whoever rents a machine gets a /48, of which any number of /64s cost nothing."""
    lab = Lab(tmp_path, host="2001:db8:10::10")
    relays(lab, *(f"2a01:4f8:{number}::66" for number in range(1, 7)))
    relays(lab, "2a02:1:2::5", at=1000)
    assert judged(lab)["2a02:1:2::5"] == "context"


@pytest.mark.parametrize(("listed", "verdict"), [(SIBLING, "context"), (78, "anomalous")])
@pytest.mark.parametrize("port", [18080, 20001])
def test_a_sibling_that_peer_lists_name_is_context(
    lab: Lab, listed: int, verdict: str, port: int
) -> None:
    """Whoever dialled the port of the victim met the node that answers there, and lists its id."""
    relays(lab, B, C)
    relays(lab, A, at=1000, port=port)
    sender = lab.session("198.18.20.1", 1500, 4, close=False)
    sender.peer_lists(CLIENT, [craft.peer(A, port, listed), craft.peer(B, 20002, SIBLING)])
    assert judged(lab)[A] == verdict


def test_lists_of_the_hosts_that_answer_with_the_id_do_not_count(lab: Lab) -> None:
    relays(lab, B, C)
    relays(lab, A, at=1000)
    lab.session(B, 1500, 4, close=False).peer_lists(CLIENT, [craft.peer(A, 18080, SIBLING)])
    assert judged(lab)[A] == "anomalous"


def test_pong_ids_that_change_from_pong_to_pong_accuse(lab: Lab) -> None:
    for number in range(3):
        back_pinged(lab, A, 100 * number, 5, pong=70 + number, port=18080)
    assert judged(lab)[A] == "anomalous"


def test_a_sibling_that_is_restarted_now_and_then_is_context(lab: Lab) -> None:
    """The port is forwarded to a node that never connects; months bring any number of its ids."""
    for number in range(8):
        back_pinged(lab, A, 4 * 3600 * number, 5, pong=70 + number // 2, port=18080)
    assert judged(lab)[A] == "context"


def test_a_pool_of_addresses_is_one_cause(lab: Lab) -> None:
    """Five nodes, each with a port of its own, take turns at three addresses of a provider."""
    for turn in range(6):
        for node in range(5):
            address = (A, B, C)[(turn + node) % 3]
            lab.session(address, 240 * turn + 7 * node, 70 + node, my_port=20_000 + node, lasts=180)
    for number in range(3):  # or else the pool is a gateway
        lab.session(f"203.0.{number}.1", 20 + number, 900 + number)
    assert judged(lab) == dict.fromkeys((A, B, C), "suspicious")


@pytest.mark.parametrize("port", [0, 18080])
def test_ids_by_turns_and_at_once_at_a_default_or_hidden_port_are_context(
    lab: Lab, port: int
) -> None:
    for number in range(8):
        lab.session(A, 100 * number, 5 + number % 3, my_port=port, lasts=250 * (number % 2))
    assert set(judged(lab).values()) <= {"context"}


def test_ids_at_once_at_a_port_of_its_own_are_suspicious(lab: Lab) -> None:
    for number in range(4):
        lab.session(A, 10 * number, 5 + number, my_port=20001, lasts=100)
    assert judged(lab) == {A: "suspicious"}


def test_who_announces_the_id_of_another_does_not_condemn_it(lab: Lab) -> None:
    lab.session(A, 0, 5, lasts=500)
    lab.session(A, 600, 6, lasts=500)  # restarted
    for number, peer in enumerate((B, C)):
        lab.session(peer, 100 + number, 5, lasts=100)
        lab.session(peer, 700 + number, 6, lasts=100)
    assert judged(lab) == {A: "context", B: "context", C: "context"}


def test_who_announces_ids_that_others_had_first_is_suspicious(lab: Lab) -> None:
    for number, peer in enumerate((A, B)):
        lab.session(peer, number, 5 + number, my_port=0, lasts=900)
    for number, peer_id in enumerate((5, 6, 7)):
        lab.session(C, 100 + 100 * number, peer_id, my_port=0, lasts=50)
    assert judged(lab)[C] == "suspicious"
    assert judged(lab)[A] == "context"


def crowd(lab: Lab, peer: str, ids: int, at: float = 0) -> None:
    """Connections from one address with so many ids at the same time."""
    for number in range(ids):
        talk = lab.incoming(peer, at + number).announce(CLIENT, 5 + number, 20000 + number)
        talk.wait_until(at + 100).timed_sync(CLIENT)


def gateways(lab: Lab) -> set[str]:
    return set(find_anomalies(lab.read(), rules=["shared_gateway"]).peer)


def test_a_gateway_with_all_inbound_connections(lab: Lab) -> None:
    crowd(lab, A, 9)
    lab.session(B, 50, 99)
    assert gateways(lab) == {A}


@pytest.mark.parametrize(("ids", "others"), [(4, 0), (9, 6), (30, 3)])
def test_no_gateway(lab: Lab, ids: int, others: int) -> None:
    """Few ids; a spy with 60 % of the connections; several others that come in."""
    crowd(lab, A, ids)
    for number in range(others):
        lab.session(f"203.0.{number}.1", 20 + number, 900 + number)
    assert gateways(lab) == set()


def test_two_balancers_of_one_subnet_are_gateways(lab: Lab) -> None:
    crowd(lab, "192.0.2.1", 6)
    crowd(lab, "192.0.2.2", 6, at=10)
    assert gateways(lab) == {"192.0.2.1", "192.0.2.2"}


def test_balancers_of_several_subnets_are_gateways(lab: Lab) -> None:
    """Also where each of them carries few peers, and a spy is one of these."""
    crowd(lab, A, 4)
    crowd(lab, B, 4, at=10)
    lab.session(C, 50, 99)
    for number in range(2):
        talk = lab.incoming(A, 20 + 100 * number).announce(CLIENT, 900 + number)
        talk.send(CLIENT, craft.request(1999))
    assert gateways(lab) == {A, B}
    assert judged(lab)[A] == "context"


@pytest.mark.parametrize(
    ("addresses", "ids", "others"), [(2, 2, 0), (9, 3, 0), (2, 3, 3)], ids=["ids", "many", "others"]
)
def test_no_balancers(lab: Lab, addresses: int, ids: int, others: int) -> None:
    """Two NAT pairs; a spy with nine addresses; a node to which others come, too."""
    for number in range(addresses):
        crowd(lab, f"203.0.{number}.1", ids, at=5 * number)
    for number in range(others):
        lab.session(f"198.18.{number}.1", 20 + number, 900 + number)
    assert gateways(lab) == set()


def test_findings_of_a_gateway_are_context(lab: Lab) -> None:
    crowd(lab, A, 9)
    for number in range(4):
        back_pinged(lab, A, 200 + 100 * number, 50 + number, pong=77, port=20001)
    assert judged(lab) == {A: "context"}
