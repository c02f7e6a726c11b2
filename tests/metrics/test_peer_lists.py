"""Metrics of peer lists against small examples counted by hand, and against plain Python on the
labelled captures.
"""

from __future__ import annotations

import json
import math
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import metrics
from support import craft, truth
from support.conversation_builder import HOST, HOSTS, listed, many, read, read_nodes, session, visit


@pytest.fixture
def traffic(tmp_path: Path) -> mt.Traffic:
    """Two senders. The first sends a list twice on one connection, with a host on two ports, a
    private one, a v4-mapped twin and a Tor name.
    """
    tor = "a" * 56 + ".onion"
    first = [
        ("20.0.0.1", 18080),
        ("20.0.0.1", 18081),
        ("20.0.0.2", 18080),
        ("10.0.0.1", 18080),
        ("::ffff:20.0.0.1", 18080),
        (tor, 18083),
    ]
    return read(
        tmp_path,
        *[
            session("192.0.2.1", first, [("20.0.0.2", 18080), ("20.0.1.3", 0)], number=1),
            visit(
                "192.0.2.2",
                [("20.0.0.1", 18080), ("2001:db8:1::1", 18080), ("2001:db8:1::2", 18080)],
                at=300,
                port=28080,
            ),
            session("192.0.2.3", at=600, number=3, my_port=5),  # no list at all
        ],
    )


def test_diversity_of_lists(traffic: mt.Traffic) -> None:
    diversity = metrics.list_diversity(traffic)
    assert list(diversity.peer) == ["192.0.2.1", "192.0.2.1", "192.0.2.2"]
    assert list(diversity.entries) == [6, 2, 3]
    assert list(diversity.hosts) == [5, 2, 3]
    assert list(diversity.endpoints) == [6, 2, 3]
    # 20.0.0.0/24 and 10.0.0.0/24; the twin is in the first, the Tor name in none
    assert list(diversity.subnets) == [2, 2, 2]
    assert list(diversity.diversity) == [2 / 4, 1, 2 / 3]
    assert list(diversity.many_ports) == [1, 0, 0]
    assert list(diversity.most_ports) == [2, 1, 1]
    assert list(diversity.repeated) == [0, 1, 0]
    assert list(diversity.unroutable) == [1, 1, 0]
    assert list(traffic.messages.set_index("message").loc[diversity.message].frame) == list(
        diversity.frame
    )
    assert metrics.list_diversity(metrics.View(traffic)).equals(diversity)


def test_diversity_of_senders(traffic: mt.Traffic) -> None:
    diversity = metrics.sender_diversity(traffic).set_index("peer")
    assert list(diversity.index) == ["192.0.2.1", "192.0.2.2"]
    one = diversity.loc["192.0.2.1"]
    assert (one.connections, one.lists, one.entries, one.hosts, one.subnets) == (1, 2, 8, 6, 3)
    assert (one.exclusive, one.unroutable) == (5, 2)
    assert one.diversity == 3 / 5
    assert one.exclusive_share == 5 / 6
    assert one.unroutable_share == 2 / 8
    assert math.isnan(one.unreachable_share)


def test_what_is_unreachable_was_tried_and_never_answered(tmp_path: Path) -> None:
    silent, refused = (
        craft.Connection((HOST, 50001), ("20.0.0.2", 18080), clock=craft.START + 10**10),
        craft.Connection((HOST, 50002), ("20.0.0.3", 18080), clock=craft.START + 2 * 10**10),
    )
    silent.emit(craft.CLIENT, craft.SYN)
    refused.emit(craft.CLIENT, craft.SYN)
    refused.reset(craft.SERVER)
    talks = [
        session(
            "192.0.2.1",
            [("20.0.0.1", 18080), ("20.0.0.2", 18080), ("20.0.0.3", 18080), ("20.0.0.4", 18080)],
        ),
        visit("20.0.0.1", [("20.0.0.4", 18080)], at=90),
        silent,
        refused,
    ]
    diversity = metrics.sender_diversity(read(tmp_path, *talks)).set_index("peer").loc["192.0.2.1"]
    assert (diversity.tried, diversity.unreachable, diversity.unreachable_share) == (3, 2, 2 / 3)


def test_popularity(traffic: mt.Traffic) -> None:
    hosts = metrics.advertised_hosts(traffic).set_index("host")
    assert len(hosts) == 8
    one = hosts.loc["20.0.0.1"]
    assert (one.subnet, one.mentions, one["lists"], one.senders, one.ports, one.peer) == (
        "20.0.0.0/24",
        3,
        2,
        2,
        2,
        False,
    )
    assert tuple(hosts.loc["20.0.0.2", ["mentions", "lists", "senders"]]) == (2, 2, 1)
    assert hosts.loc["2001:db8:1::2"].subnet == "2001:db8:1::/64"
    assert hosts.loc["a" * 56 + ".onion"].subnet is None


def test_popular_hosts_that_are_peers(tmp_path: Path) -> None:
    hosts = metrics.advertised_hosts(
        read(tmp_path, *[session("192.0.2.1", [("192.0.2.1", 18080), ("20.0.0.1", 18080)])])
    ).set_index("host")
    assert hosts.peer.to_dict() == {"192.0.2.1": True, "20.0.0.1": False}


def test_subnets_of_advertised_hosts(traffic: mt.Traffic) -> None:
    subnets = metrics.advertised_subnets(traffic).set_index("subnet")
    assert tuple(subnets.loc["20.0.0.0/24"]) == (3, 6, 2)  # with the v4-mapped twin
    assert tuple(subnets.loc["2001:db8:1::/64"]) == (2, 2, 1)
    assert "192.0.2.0/24" not in subnets.index


def test_ports_of_hosts(traffic: mt.Traffic) -> None:
    ports = metrics.host_ports(traffic).set_index(["host", "port"]).sort_index()
    one = ports.loc[("20.0.0.1", 18080)]
    # both senders are of one /24
    assert (one.senders, one.trusted, one.announced, one.answered) == (1, 1, False, False)
    assert tuple(ports.loc[("20.0.0.1", 18081), ["senders", "trusted"]]) == (1, 1)
    assert tuple(ports.loc[("192.0.2.1", 18080)]) == (0, 0, True, False)
    assert tuple(ports.loc[("192.0.2.2", 28080)]) == (0, 0, True, True)
    assert ports.announced.dtype == ports.answered.dtype == np.bool_


def test_who_speaks_of_a_host_from_its_own_subnet_does_not_count(tmp_path: Path) -> None:
    talks = [
        session(f"192.0.{net}.9", [("192.0.2.77", 18080)], number=net, at=net * 100)
        for net in (2, 3, 4)
    ]
    ports = metrics.host_ports(read(tmp_path, *talks)).set_index("host")
    assert ports.loc["192.0.2.77"].senders == 2


@pytest.mark.parametrize(("several", "single", "trusted"), [(34, 34, 0), (34, 35, 1), (33, 33, 1)])
def test_who_sends_lists_of_hosts_with_several_ports_is_not_trusted(
    several: int, single: int, trusted: int, tmp_path: Path
) -> None:
    """Half of the hosts have two ports, or fewer, or the list is short (99 entries)."""
    peers = [*many(several), *many(several, port=9), *many(single, 1000)]
    ports = metrics.host_ports(read(tmp_path, *[session("192.0.2.1", peers)])).set_index(
        ["host", "port"]
    )
    assert tuple(ports.loc[("20.0.0.1", 9), ["senders", "trusted"]]) == (1, trusted)


def test_ban_list_adoption(traffic: mt.Traffic) -> None:
    adoption = metrics.ban_list_adoption(
        traffic, ["20.0.0.0/30", "2001:db8:1::2", "20.9.0.0/16"]
    ).set_index("peer")
    assert tuple(adoption.loc["192.0.2.1"]) == (6, 3, 8, 5, 3 / 6)  # 20.0.0.1, 20.0.0.2, the twin
    assert tuple(adoption.loc["192.0.2.2"]) == (3, 2, 3, 2, 2 / 3)
    assert metrics.ban_list_adoption(traffic, []).banned.sum() == 0


def test_without_any_list(tmp_path: Path) -> None:
    traffic = read(tmp_path, *[session("192.0.2.1")])
    for frame in (
        metrics.list_diversity(traffic),
        metrics.sender_diversity(traffic),
        metrics.advertised_hosts(traffic),
        metrics.advertised_subnets(traffic),
        metrics.ban_list_adoption(traffic, ["20.0.0.0/8"]),
        metrics.list_similarity(traffic),
        metrics.sender_similarity(traffic),
        metrics.peer_graph(traffic),
        metrics.degrees(traffic),
        metrics.refreshed_entries(traffic),
    ):
        assert len(frame) == 0
        assert len(frame.columns) > 3
    assert metrics.similarity_distribution(traffic).others.sum() == 0


def test_what_the_vantage_node_sends_is_left_out(tmp_path: Path) -> None:
    talk = session("192.0.2.1", [("20.0.0.1", 18080)])
    talk = craft.Connection(("192.0.2.1", 41000), (HOST, 18080), clock=talk.clock + 10**9).open()
    talk.send(craft.CLIENT, craft.request(1001, craft.handshake_request()))
    talk.send(craft.SERVER, craft.response(1001, craft.handshake_response(listed(*many(9)))))
    traffic = read(tmp_path, *[session("192.0.2.1", [("20.0.0.1", 18080)]), talk])
    assert len(traffic.peer_lists) == 10
    assert list(metrics.list_diversity(traffic).entries) == [1]


# ---------------------------------------------------------------- similarity


def test_similarity_of_lists(tmp_path: Path) -> None:
    """A and B share 6 of 10 and 8 addresses; C shares nothing; D is too short; A's second list is
    A's own.
    """
    talks = [
        session("192.0.2.1", many(10), many(10), number=1),
        session("192.0.2.2", many(8, 4), number=2, at=200),
        session("192.0.2.3", many(9, 100), number=3, at=300),
        session("192.0.2.4", many(3), number=4, at=400),
    ]
    traffic = read(tmp_path, *talks)
    similarity = metrics.list_similarity(traffic, min_share=0.5, min_entries=8)
    assert similarity.attrs == {"lists": 4, "pairs": 5}
    assert len(similarity) == 2
    for row in similarity.itertuples():
        assert (row.peer, row.other, row.size, row.other_size, row.shared) == (
            "192.0.2.1",
            "192.0.2.2",
            10,
            8,
            6,
        )
        assert row.jaccard == 6 / 12
        assert row.share == 6 / 8
    assert list(metrics.list_similarity(traffic, min_share=0.5, min_entries=8, each=1).message) == [
        similarity.message[0]
    ]
    assert metrics.list_similarity(traffic, min_share=0.76, min_entries=8).empty
    assert (
        metrics.list_similarity(traffic, min_share=0.5, min_entries=8, most=1).attrs["lists"] == 1
    )


def test_expected_similarity(tmp_path: Path) -> None:
    """Three senders share elements 0–3 of lists of 4; the fourth has 0, 1 and two of its own."""
    talks = [
        session(f"192.0.2.{number}", many(4), number=number, at=number * 100)
        for number in (1, 2, 3)
    ]
    talks.append(session("192.0.2.4", [*many(2), *many(2, 50)], number=4, at=500))
    similarity = metrics.list_similarity(read(tmp_path, *talks), min_share=0.9, min_entries=4)
    assert len(similarity) == 3
    assert (similarity.senders == 2).all()
    # of the pair's four elements the two other senders have 4 and 2; with one list of all and one
    # of nothing: (4 + 2 + 4) / (4 lists × 4 elements)
    assert list(similarity.expected) == [pytest.approx(10 / 16)] * 3
    assert list(similarity.excess) == [1.0] * 3
    assert list(similarity.log_p) == [pytest.approx(4 * math.log(10 / 16))] * 3


def test_expected_similarity_counts_senders_once_and_sizes(tmp_path: Path) -> None:
    """Sender 3 sends the list twice: it counts as one. Sender 2's list is twice as long: it is
    expected to share as much more than the mean of sizes 4, 8, 4.
    """
    talks = [
        session("192.0.2.1", many(4), number=1),
        session("192.0.2.2", many(8), number=2, at=200),
        session("192.0.2.3", many(4, 2), many(4, 2), number=3, at=400),
    ]
    similarity = metrics.list_similarity(read(tmp_path, *talks), min_share=1, min_entries=4)
    pairs = similarity.groupby(["peer", "other"]).expected.first()
    assert pairs["192.0.2.1", "192.0.2.2"] == pytest.approx((2 + 4) / (3 * 4) * (8 / (16 / 3)))


def test_v4_mapped_twin_is_one_sender(tmp_path: Path) -> None:
    talks = [session("192.0.2.1", many(9), number=1)]
    twin = craft.Connection(
        ("::ffff:192.0.2.1", 40002), ("::ffff:198.51.100.10", 18080), clock=craft.START + 10**11
    ).open()
    twin.send(craft.CLIENT, craft.request(1001, craft.handshake_request()))
    twin.send(craft.SERVER, craft.response(1001, craft.handshake_response()))
    twin.send(craft.SERVER, craft.request(1002, craft.timed_sync_request()))
    twin.send(craft.CLIENT, craft.response(1002, craft.timed_sync_response(listed(*many(9)))))
    traffic = read(tmp_path, *[*talks, twin], host=[HOST, "::ffff:198.51.100.10"])
    assert len(metrics.list_diversity(traffic)) == 2
    similarity = metrics.list_similarity(traffic, min_entries=1)
    assert similarity.empty
    assert similarity.attrs == {"lists": 2, "pairs": 0}


def test_similarity_by(tmp_path: Path) -> None:
    """The same hosts on other ports, other hosts of the same /24s, other /24s of the same
    systems.
    """
    talks = [
        session("192.0.2.1", many(4), number=1),
        session("192.0.2.2", many(4, port=9), number=2, at=200),
        session("192.0.2.3", [(f"20.0.{net}.99", 18080) for net in range(4)], number=3, at=400),
        session("192.0.2.4", many(4, 500), number=4, at=600),
    ]
    traffic = read(tmp_path, *talks)
    systems = {f"20.{net >> 8}.{net & 255}.1": net % 2 for net in [*range(4), *range(500, 504)]}
    pairs = {
        by: {
            (row.peer[-1], row.other[-1])
            for row in metrics.list_similarity(
                traffic, by=given, min_share=1, min_entries=4
            ).itertuples()
        }
        for by, given in {
            "host": "host",
            "endpoint": "endpoint",
            "subnet": "subnet",
            "systems": systems,
        }.items()
    }
    assert pairs == {
        "host": {("1", "2")},
        "endpoint": set(),
        "subnet": {("1", "2"), ("1", "3"), ("2", "3")},
        "systems": {("1", "2"), ("1", "4"), ("2", "4")},
    }
    with pytest.raises(ValueError, match="by='asn'"):
        metrics.list_similarity(traffic, by="asn")


def test_distribution_of_similarity(tmp_path: Path) -> None:
    talks = [
        session("192.0.2.1", many(10), many(10), number=1),
        session("192.0.2.2", many(10, 5), number=2, at=200),
        session("192.0.2.3", many(10, 900), number=3, at=300),
    ]
    distribution = metrics.similarity_distribution(read(tmp_path, *talks), bins=4, min_entries=10)
    assert list(distribution.low) == [0, 0.25, 0.5, 0.75]
    # third with all three: 0; first's two with second: 5 of 15
    assert list(distribution.others) == [3, 2, 0, 0]
    assert list(distribution.own) == [0, 0, 0, 1]


def test_similarity_of_senders(tmp_path: Path) -> None:
    """What single lists do not show, accumulated ones do."""
    talks = [
        session("192.0.2.1", many(10), many(10, 10), number=1),
        session("192.0.2.2", many(10, 10), many(10), number=2, at=200),
        session("192.0.2.3", many(19, 5), number=3, at=400),
    ]
    traffic = read(tmp_path, *talks)
    similarity = metrics.sender_similarity(traffic, min_share=0.9, min_entries=20)
    assert [tuple(row) for row in similarity.itertuples(index=False)] == [
        ("192.0.2.1", "192.0.2.2", 20, 20, 20, 1.0, 1.0)
    ]
    assert len(metrics.sender_similarity(traffic, min_share=0.5, min_entries=19)) == 3
    assert (
        len(metrics.sender_similarity(traffic, by="endpoint", min_share=0.9, min_entries=20)) == 1
    )


def test_similarity_of_vantage_nodes(tmp_path: Path) -> None:
    """The second peer has another id at each node, and sends one list of ten to both."""
    nodes = {}
    for number, (name, host) in enumerate(list(HOSTS.items())[:2]):
        lists = [many(10, 6 * number), many(10, 20)]
        nodes[name] = [
            session("192.0.2.1", lists[0], server=host),
            session("192.0.2.2", lists[1], server=host, peer_id=5 + number, number=1, at=200),
            session("192.0.2.3", server=host, number=2, at=400)
            if name == "ams"
            else session("192.0.2.4", server=host, number=2, at=400),
        ]
    traffic = read_nodes(tmp_path, nodes)
    findings = pd.DataFrame(
        [("ams", "a", "x"), ("ams", "b", "x"), ("sfo", "a", "x"), ("sfo", "a", "y")],
        columns=["vantage", "peer", "rule"],
    )
    similarity = metrics.vantage_similarity(traffic, findings)
    assert [tuple(row) for row in similarity.itertuples(index=False)] == [
        ("ams", "sfo", "peers", 3, 3, 2, 2 / 4),
        ("ams", "sfo", "peer_ids", 2, 2, 1, 1 / 3),
        ("ams", "sfo", "hosts", 20, 20, 14, 14 / 26),
        ("ams", "sfo", "lists", 2, 2, 1, 1 / 3),
        ("ams", "sfo", "findings", 2, 2, 1, 1 / 3),
    ]
    assert len(metrics.vantage_similarity(traffic)) == 4


@cache
def labelled(scenario: truth.Scenario) -> mt.Traffic:
    return mt.read(scenario.parts)


@pytest.mark.parametrize(
    "scenario", [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios()]
)
@pytest.mark.parametrize("by", ["host", "endpoint"])
def test_similarity_is_that_of_plain_sets(scenario: truth.Scenario, by: str) -> None:
    view = metrics.View(labelled(scenario))
    lists: dict[int, tuple[str, set[object]]] = {}
    for row in view.peer_lists.itertuples():
        lists.setdefault(row.message, (row.peer, set()))[1].add(
            (row.host, row.port) if by == "endpoint" else row.host
        )
    wanted = {}
    for (one, (peer, left)), (two, (other, right)) in combinations(sorted(lists.items()), 2):
        shared = len(left & right)
        if peer != other and shared:
            wanted[one, two] = (shared, len(left), len(right))
    similarity = metrics.list_similarity(view, by=by, min_share=0.001, min_entries=1)
    assert {
        (row.message, row.other_message): (row.shared, row.size, row.other_size)
        for row in similarity.itertuples()
    } == wanted
    assert bool(wanted) == (scenario.id != "small-proxies")


@pytest.mark.parametrize(
    "scenario", [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios()]
)
def test_counts_are_those_of_plain_sets(scenario: truth.Scenario) -> None:
    view = metrics.View(labelled(scenario))
    lists = view.peer_lists.assign(host=view.peer_lists.host.astype(str))
    groups = lists.groupby("message")
    diversity = metrics.list_diversity(view).set_index("message")
    assert list(diversity.index) == list(groups.size().index)
    assert list(diversity.entries) == list(groups.size())
    assert list(diversity.hosts) == list(groups.host.nunique())
    assert list(diversity.repeated) == list(
        lists.assign(again=lists.duplicated(["connection", "host", "port"]))
        .groupby("message")
        .again.sum()
    )
    hosts = metrics.advertised_hosts(view).set_index("host").sort_index()
    by_host = lists.groupby("host")
    assert hosts.senders.to_dict() == by_host.peer.nunique().to_dict()
    assert hosts.mentions.to_dict() == by_host.size().to_dict()
    assert hosts.ports.to_dict() == by_host.port.nunique().to_dict()


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=scenario.id)
        for scenario in truth.scenarios()
        if scenario.full and scenario.name == "proxies"
    ],
)
def test_announced_ports_are_those_of_the_lab(scenario: truth.Scenario) -> None:
    labels = json.loads((scenario.folder / "labels.json").read_text())
    ports = metrics.host_ports(labelled(scenario))
    announced = set(ports[ports.announced].itertuples(index=False, name=None))
    announced_by = {(row[0], row[1]) for row in announced}
    for name in labels:
        host, colon, port = name.partition(":")
        assert not colon or (host, int(port)) in announced_by
