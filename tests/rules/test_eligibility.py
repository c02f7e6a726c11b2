"""Addresses that stand for others: which peers cannot be judged."""

from __future__ import annotations

import pytest

from monerotraffic.rules.eligibility import gateways
from monerotraffic.tables.view import View
from support.lab import Lab

GATEWAY, OTHER, THIRD, FOURTH = "192.0.2.1", "198.18.7.1", "203.0.113.9", "198.18.9.1"


def crowd(lab: Lab, peer: str, ids: int, lasts: float = 100) -> None:
    """Nodes that come in from one address at the same time, each with an id of its own."""
    for number in range(ids):
        lab.session(peer, number, 10 + number, lasts=lasts)


def found_gateways(lab: Lab) -> set[str]:
    return set(gateways(View(lab.read())))


@pytest.mark.parametrize(("ids", "gateway"), [(4, False), (5, True), (12, True)])
def test_many_ids_at_one_address_at_once(lab: Lab, ids: int, gateway: bool) -> None:
    crowd(lab, GATEWAY, ids)
    assert found_gateways(lab) == ({GATEWAY} if gateway else set())


def test_ids_one_after_the_other_are_no_gateway(lab: Lab) -> None:
    for number in range(8):
        lab.session(GATEWAY, 1000 * number, 10 + number, lasts=10)
    assert found_gateways(lab) == set()


def test_two_other_hosts_may_come_in(lab: Lab) -> None:
    crowd(lab, GATEWAY, 30)
    lab.session(OTHER, 0, 1, lasts=10)
    lab.session(THIRD, 0, 2, lasts=10)
    assert found_gateways(lab) == {GATEWAY}


def test_where_three_others_come_in_there_is_no_gateway(lab: Lab) -> None:
    crowd(lab, GATEWAY, 30)
    for number, peer in enumerate((OTHER, THIRD, FOURTH)):
        lab.session(peer, 0, number, lasts=10)
    assert found_gateways(lab) == set()


def test_a_spy_with_most_of_the_connections_is_no_gateway(lab: Lab) -> None:
    crowd(lab, GATEWAY, 6)
    for number in range(4):  # 60 % of the connections are the spy's
        lab.session(OTHER, number, 1, lasts=10)
    assert found_gateways(lab) == set()


def test_addresses_of_one_subnet_are_one_gateway(lab: Lab) -> None:
    crowd(lab, GATEWAY, 6)
    crowd(lab, "192.0.2.2", 6)
    assert found_gateways(lab) == {GATEWAY, "192.0.2.2"}


@pytest.mark.parametrize("peer", ["10.0.0.1", "127.0.0.1", "169.254.1.1", "fd00::1"])
def test_addresses_that_are_not_public(lab: Lab, peer: str) -> None:
    if ":" in peer:
        lab.host = "2001:db8:10::10"
    lab.session(peer, 0, 5, lasts=10)
    assert found_gateways(lab) == {peer}


def test_connections_of_the_vantage_node_do_not_count(lab: Lab) -> None:
    for number in range(8):
        lab.outgoing(GATEWAY, number).announce(1, 10 + number)
    assert found_gateways(lab) == set()
