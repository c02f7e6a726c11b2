"""Metrics of propagation, against times by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.metrics import (
    MAINNET_FORKS,
    block_arrivals,
    first_senders,
    fluff_order,
    fork_ranges,
    fork_versions,
    transaction_arrivals,
)
from support.chain import announced, block_id, relayed, tx_id
from support.checks import Metric, check_metric
from support.conversation_builder import HOSTS, incoming, outgoing, read, read_nodes
from support.craft import (
    CLIENT,
    EMPTY,
    SERVER,
    START,
    Connection,
    handshake_request,
    handshake_response,
    notification,
    payload_data,
    request,
    response,
)
from support.craft import transactions as craft_transactions

PEERS = ("192.0.2.1", "192.0.2.2", "192.0.2.3")


def ms(count: float) -> pd.Timedelta:
    return pd.Timedelta(milliseconds=count)


def say(talk: Connection, at: int, side: int, data: bytes) -> None:
    """Sent `at` milliseconds after craft.START plus a minute."""
    talk.clock = START + 60 * 10**9 + at * 10**6
    talk.send(side, data)


@pytest.fixture
def traffic(tmp_path: Path) -> mt.Traffic:
    """Transactions 1 to 4 and block 9. Of 3 the vantage node was the first, 4 was only ever sent by
    it.
    """
    a, b, c = (incoming(peer).handshake() for peer in PEERS)
    say(a, 0, CLIENT, relayed(1))
    say(b, 100, CLIENT, relayed(1, 2))
    say(c, 300, CLIENT, relayed(1))
    say(c, 310, CLIENT, relayed(2, fluff=False))
    say(a, 400, CLIENT, relayed(1))  # again
    say(a, 500, SERVER, relayed(3, 4))
    say(b, 600, CLIENT, relayed(3))
    say(b, 700, CLIENT, announced(9, [1]))
    say(a, 750, CLIENT, announced(9, [1], [1], command=2001))
    return read(tmp_path, a, b, c)


def test_transactions_of_a_format_that_is_not_released(tmp_path: Path) -> None:
    """Their blobs are followed though they have no id."""
    a, b, c = (incoming(peer).handshake() for peer in PEERS)
    carrot = bytes([2, 0, 1, 0xFF, 1, 1, 0, 4]) + bytes(53)
    for talk, at, blobs in ((a, 0, [carrot]), (b, 50, [carrot]), (c, 70, [carrot + b"x", carrot])):
        say(talk, at, CLIENT, notification(2002, craft_transactions(blobs)))
    arrivals = transaction_arrivals(read(tmp_path, a, b, c))
    assert arrivals["tx"].isna().all()
    assert arrivals["blob_hash"].nunique() == 2
    assert list(zip(arrivals["peer"], arrivals["rank"], arrivals["delay"], strict=True)) == [
        (PEERS[0], 1, ms(0)),
        (PEERS[1], 2, ms(50)),
        (PEERS[2], 3, ms(70)),
        (PEERS[2], 1, ms(0)),
    ]
    first = first_senders(read(tmp_path, a, b, c)).set_index("peer")["transactions_first"]
    assert first.to_dict() == {PEERS[0]: 1, PEERS[1]: 0, PEERS[2]: 1}


def test_transaction_arrivals(traffic: mt.Traffic) -> None:
    arrivals = transaction_arrivals(traffic)
    assert list(
        zip(
            arrivals["tx"],
            arrivals["peer"],
            arrivals["rank"],
            arrivals["delay"],
            arrivals["stem"],
            arrivals["sent_before"],
            strict=True,
        )
    ) == [
        (tx_id(1), PEERS[0], 1, ms(0), False, False),
        (tx_id(1), PEERS[1], 2, ms(100), False, False),
        (tx_id(1), PEERS[2], 3, ms(300), False, False),
        (tx_id(2), PEERS[1], 1, ms(0), False, False),
        (tx_id(2), PEERS[2], 2, ms(210), True, False),
        (tx_id(3), PEERS[1], 1, ms(0), False, True),
    ]
    assert list(arrivals["time"] - traffic.connections["opened"].min() - ms(60_000)) == [
        ms(at) for at in (0, 100, 300, 100, 310, 600)
    ]
    assert [arrivals[name].dtype for name in ("rank", "delay", "stem", "sent_before")] == [
        "int64",
        "timedelta64[ns]",
        "bool",
        "bool",
    ]
    assert list(arrivals["connection"]) == [
        traffic.connections.set_index("peer")["connection"][peer] for peer in arrivals["peer"]
    ]


@pytest.fixture
def two_nodes(tmp_path: Path) -> mt.Traffic:
    """Two peers that send one transaction to two vantage nodes each. The clock of the second node
    is 10 s behind.
    """
    talks = {}
    for name, delays in {"ams": (0, 100), "sfo": (300, 50)}.items():
        talks[name] = [incoming(peer, host=HOSTS[name]).handshake() for peer in PEERS[:2]]
        for talk, delay in zip(talks[name], delays, strict=True):
            say(talk, delay, CLIENT, relayed(1))
    return read_nodes(tmp_path, talks, {"sfo": -10})


def test_arrivals_at_two_vantage_nodes_are_not_merged(two_nodes: mt.Traffic) -> None:
    arrivals = transaction_arrivals(two_nodes)
    assert list(
        zip(arrivals["vantage"], arrivals["peer"], arrivals["rank"], arrivals["delay"], strict=True)
    ) == [
        ("sfo", PEERS[1], 1, ms(0)),
        ("sfo", PEERS[0], 2, ms(250)),
        ("ams", PEERS[0], 1, ms(0)),
        ("ams", PEERS[1], 2, ms(100)),
    ]
    firsts = first_senders(two_nodes)
    assert list(
        zip(
            firsts["vantage"],
            firsts["peer"],
            firsts["transactions"],
            firsts["transactions_first"],
            firsts["transactions_first_share"],
            strict=True,
        )
    ) == [
        ("ams", PEERS[0], 1, 1, 1.0),
        ("ams", PEERS[1], 1, 0, 0.0),
        ("sfo", PEERS[0], 1, 0, 0.0),
        ("sfo", PEERS[1], 1, 1, 1.0),
    ]


def test_block_arrivals(traffic: mt.Traffic) -> None:
    arrivals = block_arrivals(traffic)
    assert list(
        zip(
            arrivals["block"],
            arrivals["peer"],
            arrivals["rank"],
            arrivals["delay"],
            arrivals["height"],
            strict=True,
        )
    ) == [
        (block_id(9, [1]).hex(), PEERS[1], 1, ms(0), 9),
        (block_id(9, [1]).hex(), PEERS[0], 2, ms(50), 9),
    ]


def test_first_senders(traffic: mt.Traffic) -> None:
    senders = first_senders(traffic).set_index("peer")
    assert senders["transactions"].to_dict() == {PEERS[0]: 1, PEERS[1]: 2, PEERS[2]: 2}
    assert senders["transactions_first"].to_dict() == {PEERS[0]: 1, PEERS[1]: 1, PEERS[2]: 0}
    assert senders["transactions_first_share"].to_dict() == {
        PEERS[0]: 0.5,
        PEERS[1]: 0.5,
        PEERS[2]: 0,
    }
    assert senders["transactions_delay_median"].to_dict() == {
        PEERS[0]: ms(0),
        PEERS[1]: ms(50),
        PEERS[2]: ms(255),
    }
    assert senders["transactions_delay_p90"][PEERS[1]] == ms(90)
    assert senders["blocks"].to_dict() == {PEERS[0]: 1, PEERS[1]: 1, PEERS[2]: 0}
    assert senders["blocks_first"].to_dict() == {PEERS[0]: 0, PEERS[1]: 1, PEERS[2]: 0}
    assert senders["stems"].to_dict() == {PEERS[0]: 0, PEERS[1]: 0, PEERS[2]: 1}
    assert pd.isna(senders["blocks_delay_median"][PEERS[2]])


def test_fluff_order(tmp_path: Path) -> None:
    talk = incoming().handshake()
    for data in (
        relayed(1, 2, 3),
        relayed(2, 1),
        relayed(1, 2, 2, 1),
        relayed(5),
        relayed(2, 1, fluff=False),
        relayed(4, 5),
    ):
        talk.send(CLIENT, data)
    talk.send(SERVER, relayed(2, 1))
    order = fluff_order(read(tmp_path, talk))
    assert list(zip(order["transactions"], order["repeated"], order["unsorted"], strict=True)) == [
        (3, 0, False),
        (2, 0, True),
        (4, 2, True),
        (2, 0, False),
    ]


def test_fork_versions(tmp_path: Path) -> None:
    talk = incoming()
    talk.send(CLIENT, request(1001, handshake_request(sync=payload_data(7, top_version=99))))
    for height, version in ((100, 14), (150, 14), (201, 15), (120, 14), (0, 0)):
        talk.send(
            SERVER,
            response(1001, handshake_response(sync=payload_data(height, top_version=version))),
        )
    versions = fork_versions(read(tmp_path, talk))
    assert versions.to_dict("list") == {
        "version": [14, 15],
        "first_height": [99, 200],
        "last_height": [149, 200],
    }
    talk.send(SERVER, response(1001, handshake_response(sync=payload_data(130, top_version=15))))
    assert len(fork_versions(read(tmp_path, talk))) == 0


def test_mainnet_forks() -> None:
    """As mainnet's own table has them (src/hardforks/hardforks.cpp), and the blocks that were first
    of their version.
    """
    before_randomx = {
        1: 0,
        2: 1009827,
        3: 1141317,
        4: 1220516,
        5: 1288616,
        6: 1400000,
        7: 1546000,
        8: 1685555,
        9: 1686275,
        10: 1788000,
        11: 1788720,
    }
    assert (
        before_randomx | {12: 1978433, 13: 2210000, 14: 2210720, 15: 2688888, 16: 2689608}
        == MAINNET_FORKS
    )


def test_fork_ranges(tmp_path: Path) -> None:
    """Of mainnet all that is before, and what the vantage node knows beyond."""
    talk = incoming()
    talk.send(CLIENT, request(1001, handshake_request()))
    for height, version in ((2688800, 14), (3000000, 16), (3000500, 16), (3001000, 17)):
        talk.send(
            SERVER,
            response(1001, handshake_response(sync=payload_data(height, top_version=version))),
        )
    ranges = fork_ranges(read(tmp_path, talk))
    assert list(ranges["version"]) == list(range(1, 18))
    assert ranges[ranges["version"].isin((1, 15, 16, 17))].to_dict("list") == {
        "version": [1, 15, 16, 17],
        "first_height": [0, 2688888, 2689608, 3000999],
        "last_height": [1009826, 2689607, 3000499, 3000999],
    }
    # one too late
    talk.send(
        SERVER, response(1001, handshake_response(sync=payload_data(2688889, top_version=14)))
    )
    assert list(fork_ranges(read(tmp_path, talk))["version"]) == [14, 16, 17]


@pytest.mark.parametrize(
    "metric",
    [transaction_arrivals, block_arrivals, first_senders, fluff_order, fork_ranges, fork_versions],
)
def test_a_view_will_do_and_nothing_gives_the_same_columns(
    metric: Metric, traffic: mt.Traffic
) -> None:
    check_metric(metric, traffic)


def test_a_peer_that_only_answers_has_no_row(tmp_path: Path) -> None:
    talk = outgoing().handshake()
    talk.send(SERVER, notification(2010, EMPTY))
    assert len(first_senders(read(tmp_path, talk))) == 0
