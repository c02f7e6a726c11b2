"""Rules on transactions and blocks: what is flagged, and what is not though it looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.rules import RULES, find_anomalies
from support import craft, truth
from support.chain import announced, block, block_id, missing, relayed, tx
from support.checks import flagged
from support.conversation_builder import incoming, outgoing, read
from support.craft import CLIENT, SERVER, Connection
from support.labelled import check_monerods, check_no_honest_peer, evaluated, honest, spied

NAMES = [rule.name for rule in [rule for rule in RULES.values() if rule.family == "relay"]]
TICK = craft.request(1002, craft.timed_sync_request())
ASK = craft.notification(2010)


def test_order_and_weights_are_those_of_the_contract() -> None:
    assert [
        (rule.name, rule.weight)
        for rule in [rule for rule in RULES.values() if rule.family == "relay"]
    ] == [
        ("new_block_sent", "weak"),
        ("fluffy_with_txs", "weak"),
        ("stem_from_acceptor", "strong"),
        ("unsorted_fluff", "weak"),
        ("wrong_top_version", "weak"),
    ]
    assert not any(RULES[name].presets for name in NAMES)


def test_new_block_sent(tmp_path: Path) -> None:
    old, new = incoming().handshake(), incoming("192.0.2.2", 1).handshake()
    old.send(CLIENT, announced(9, [1], [1], command=2001))
    new.send(CLIENT, announced(9, [1]))
    new.send(SERVER, announced(9, [1], [1], command=2001))
    assert flagged("new_block_sent", read(tmp_path, old, new)) == {"192.0.2.1": 1}


# ---------------------------------------------------------------- fluffy_with_txs


def test_fluffy_with_txs(tmp_path: Path) -> None:
    names = ("some", "all", "asked", "other", "none")
    talks = dict(
        zip(
            names,
            (incoming(f"192.0.2.{number}", number).handshake() for number in range(5)),
            strict=True,
        )
    )
    talks["some"].send(CLIENT, announced(9, [1, 2], [2]))
    talks["all"].send(CLIENT, announced(9, [1, 2], [1, 2]))  # as the miner of the block does
    talks["asked"].send(CLIENT, announced(9, [1, 2]))
    talks["asked"].send(SERVER, missing(9, [1, 2], [1]))
    talks["asked"].send(CLIENT, announced(9, [1, 2], [2]))
    talks["other"].send(SERVER, missing(8, [1, 2], [1]))  # asked for another block
    talks["other"].send(CLIENT, announced(9, [1, 2], [2]))
    talks["none"].send(CLIENT, announced(9, [1, 2]))
    for talk in talks.values():
        talk.send(SERVER, TICK)
    traffic = read(tmp_path, *talks.values())
    assert flagged("fluffy_with_txs", traffic) == {"192.0.2.0": 1, "192.0.2.3": 1}
    assert flagged("fluffy_with_txs", traffic, count_whole_blocks=True) == {
        "192.0.2.0": 1,
        "192.0.2.1": 1,
        "192.0.2.3": 1,
    }


@pytest.mark.parametrize(
    ("listed", "carried", "odd"),
    [([], [1], True), ([1], [1, 2], True), ([1], [1], False), ([1, 2], [1], True), ([], [], False)],
)
def test_more_transactions_than_the_block_has(
    tmp_path: Path, listed: list[int], carried: list[int], odd: bool
) -> None:
    talk = incoming().handshake()
    talk.send(CLIENT, announced(9, listed, carried))
    talk.send(SERVER, TICK)
    assert flagged("fluffy_with_txs", read(tmp_path, talk)) == ({"192.0.2.1": 1} if odd else {})


def test_other_blocks_with_some_transactions(tmp_path: Path) -> None:
    """A 2001, and what answers a 2003, are no announcements; a 2003 does not ask for what comes as
    2008.
    """
    old, answer, asked = (incoming(f"192.0.2.{number}", number).handshake() for number in range(3))
    entry = {"block": block(9, [1, 2]), "txs": [tx(2)]}
    old.send(CLIENT, announced(9, [1, 2], [2], 2001))
    for talk in (answer, asked):
        talk.send(SERVER, craft.notification(2003, craft.epee({"blocks": block_id(9, [1, 2])})))
    answer.send(
        CLIENT,
        craft.notification(2004, craft.epee({"blocks": [entry], "current_blockchain_height": 10})),
    )
    asked.send(CLIENT, announced(9, [1, 2], [2]))
    for talk in (old, answer, asked):
        talk.send(SERVER, TICK)
    traffic = read(tmp_path, old, answer, asked)
    assert len(traffic.blocks) == 3 and len(traffic.transactions) == 3
    assert flagged("fluffy_with_txs", traffic) == {"192.0.2.2": 1}


def test_a_direction_that_was_not_captured(tmp_path: Path) -> None:
    """The peer's FIN says nothing of what the vantage node asked."""
    talk = incoming().handshake()
    talk.clock += 130 * 10**9
    talk.send(CLIENT, announced(9, [1, 2], [2]))
    talk.close()
    both = read(tmp_path, talk)
    talk.packets = [
        packet for packet in talk.packets if packet.data[26:30] == bytes((192, 0, 2, 1))
    ]
    one = read(tmp_path, talk)
    assert one.connections["end"].tolist() == ["fin"] and one.connections[
        "server_packets"
    ].tolist() == [0]
    assert (
        flagged("fluffy_with_txs", both),
        flagged("fluffy_with_txs", one),
    ) == ({"192.0.2.1": 1}, {})


def test_what_was_asked_may_not_have_been_captured(tmp_path: Path) -> None:
    lost, last, midstream, later, closed, unfinished = (
        incoming(f"192.0.2.{number}", number).handshake() for number in range(6)
    )
    lost.skip(SERVER, len(missing(9, [1, 2], [1])))
    for talk in (lost, last, midstream):
        talk.send(CLIENT, announced(9, [1, 2], [2]))
    for talk in (lost, midstream):
        talk.send(SERVER, TICK)
    midstream.packets = midstream.packets[5:]
    later.packets = later.packets[5:]
    later.send(SERVER, TICK)
    later.clock += 130 * 10**9
    later.send(CLIENT, announced(9, [1, 2], [2]))
    later.send(SERVER, TICK)
    for talk in (closed, unfinished):
        if talk is unfinished:
            talk.skip(SERVER, len(missing(9, [1, 2], [1])))
        talk.send(CLIENT, announced(9, [1, 2], [2]))
        talk.close()
    traffic = read(tmp_path, lost, last, midstream, later, closed, unfinished)
    assert (traffic.messages["command"] == 2008).sum() == 6
    assert flagged("fluffy_with_txs", traffic) == {"192.0.2.3": 1, "192.0.2.4": 1}
    assert flagged("fluffy_with_txs", traffic, request_memory_s=600) == {"192.0.2.4": 1}


# ---------------------------------------------------------------- stem_from_acceptor


def stems(talk: Connection, count: int, side: int = SERVER) -> Connection:
    for number in range(count):
        talk.send(side, relayed(number + 1, fluff=False))
    talk.send(CLIENT if talk.client[0] == "198.51.100.10" else SERVER, TICK)
    return talk


def test_stem_from_acceptor(tmp_path: Path) -> None:
    spy = stems(outgoing().handshake(), 2)
    plain = stems(incoming("192.0.2.2", 1).handshake(), 2, CLIENT)  # from who opened the connection
    fluff = outgoing("192.0.2.3", 2).handshake()
    fluff.send(SERVER, relayed(1))
    fluff.send(CLIENT, TICK)
    answer = outgoing("192.0.2.4", 3).handshake()
    answer.send(CLIENT, ASK)
    stems(answer, 1)
    more = outgoing("192.0.2.5", 4).handshake()
    more.send(CLIENT, ASK)
    stems(more, 3)
    early = outgoing("192.0.2.6", 5).handshake()
    early.send(SERVER, relayed(1, fluff=False))
    early.send(CLIENT, ASK)
    ours = stems(outgoing("192.0.2.7", 6).handshake(), 2, CLIENT)
    tor = stems(outgoing("127.0.0.1", 7).handshake(), 2)
    traffic = read(tmp_path, spy, plain, fluff, answer, more, early, ours, tor)
    assert flagged("stem_from_acceptor", traffic) == {
        "192.0.2.1": 2,
        "192.0.2.5": 2,
        "192.0.2.6": 1,
    }


def test_a_2010_that_may_not_have_been_captured(tmp_path: Path) -> None:
    lost, last, midstream, unbegun = (
        outgoing(f"192.0.2.{number}", number).handshake() for number in range(4)
    )
    lost.skip(CLIENT, len(ASK))
    stems(lost, 1)
    last.send(SERVER, relayed(1, fluff=False))
    stems(midstream, 1)
    midstream.packets = midstream.packets[5:]
    stems(unbegun, 1)
    # of its SYN and the first that it sent only the peer's SYN shows
    del unbegun.packets[0], unbegun.packets[1:3]
    traffic = read(tmp_path, lost, last, midstream, unbegun)
    assert (traffic.messages["command"] == 2002).sum() == 4
    assert flagged("stem_from_acceptor", traffic) == {}


# ---------------------------------------------------------------- unsorted_fluff, wrong_top_version


def test_unsorted_fluff(tmp_path: Path) -> None:
    falls, twice, plain = (incoming(f"192.0.2.{number}", number).handshake() for number in range(3))
    falls.send(CLIENT, relayed(2, 1))
    twice.send(CLIENT, relayed(1, 1))
    plain.send(CLIENT, relayed(1, 2, 3))
    plain.send(CLIENT, relayed(3, 2, fluff=False))  # the answer to a 2010 is in no order
    plain.send(CLIENT, relayed(1))
    assert flagged("unsorted_fluff", read(tmp_path, falls, twice, plain)) == {
        "192.0.2.0": 1,
        "192.0.2.1": 1,
    }


def test_a_repeated_transaction_is_context(tmp_path: Path) -> None:
    """An honest 0.18.0 to 0.18.3.3 may send one, any number of times."""
    falls, twice = (incoming(f"192.0.2.{number}", number).handshake() for number in range(2))
    for number in range(4):
        falls.wait(60).send(CLIENT, relayed(2, 1))
        twice.wait(60).send(CLIENT, relayed(1, 1, number + 2))
    findings = find_anomalies(read(tmp_path, falls, twice), rules=["unsorted_fluff"])
    assert dict(zip(findings["peer"], findings["weight"], strict=True)) == {
        "192.0.2.0": "weak",
        "192.0.2.1": "context",
    }


@pytest.mark.parametrize(
    ("height", "version", "wrong"),
    [
        # within what the vantage node says
        *((100, 14, False), (100, 15, True), (100, 13, True), (120, 13, True), (150, 14, False)),
        # between two of its versions
        *((170, 13, True), (170, 14, False), (170, 15, False), (170, 16, True)),
        # below: a node that is not synchronized
        *((50, 14, False), (50, 1, False), (50, 15, True)),
        # above: perhaps after the next fork
        *((300, 15, False), (300, 16, False), (300, 14, True)),
        (0, 0, False),
    ],
)
def test_wrong_top_version(tmp_path: Path, height: int, version: int, wrong: bool) -> None:
    talk = incoming()
    talk.send(
        CLIENT,
        craft.request(
            1001, craft.handshake_request(sync=craft.payload_data(height, top_version=version))
        ),
    )
    for own, sent in ((100, 14), (150, 14), (201, 15)):
        talk.send(
            SERVER,
            craft.response(
                1001,
                craft.handshake_response(sync=craft.payload_data(own, top_version=sent)),
            ),
        )
    assert flagged("wrong_top_version", read(tmp_path, talk)) == ({"192.0.2.1": 1} if wrong else {})


@pytest.mark.parametrize(
    ("own", "height", "version", "wrong"),
    [
        *(
            ((3000000, 16), *peer)
            for peer in (
                (1, 1, False),
                (1, 16, True),
                (2688888, 14, False),
                (2688889, 15, False),
                (2688889, 14, True),
                (2689608, 15, False),
                (2689609, 16, False),
            )
        ),
        *(
            ((3000000, 16), *peer)
            for peer in (
                (3000000, 15, True),
                (3000001, 17, False),
                (3000001, 15, True),
                (1788721, 11, False),
                (1788720, 10, False),
                (1788720, 11, True),
            )
        ),
        # a vantage node that is not synchronized
        *(
            ((2000000, 12), *peer)
            for peer in ((3000000, 16, False), (3000000, 15, True), (2000001, 11, True))
        ),
        # it knows a fork more
        *(
            ((3400000, 17), *peer)
            for peer in ((3399999, 16, False), (3400001, 16, True), (2500000, 14, False))
        ),
        # another chain with mainnet's network id
        *(((141, 16), *peer) for peer in ((100, 1, False), (100, 16, False), (100, 17, True))),
    ],
)
def test_versions_of_mainnet(
    tmp_path: Path, own: tuple[int, int], height: int, version: int, wrong: bool
) -> None:
    talk = incoming()
    talk.send(
        CLIENT,
        craft.request(
            1001, craft.handshake_request(sync=craft.payload_data(height, top_version=version))
        ),
    )
    talk.send(
        SERVER,
        craft.response(
            1001, craft.handshake_response(sync=craft.payload_data(own[0], top_version=own[1]))
        ),
    )
    assert flagged("wrong_top_version", read(tmp_path, talk)) == ({"192.0.2.1": 1} if wrong else {})


def test_versions_of_a_network_that_is_not_mainnet(tmp_path: Path) -> None:
    talk, testnet = incoming(), craft.node_data(network_id=craft.MAINNET[:-1] + b"\x11")
    talk.send(
        CLIENT,
        craft.request(
            1001, craft.handshake_request(testnet, craft.payload_data(1983521, top_version=16))
        ),
    )
    talk.send(
        SERVER,
        craft.response(
            1001,
            craft.handshake_response(
                node=testnet, sync=craft.payload_data(2800000, top_version=16)
            ),
        ),
    )
    assert flagged("wrong_top_version", read(tmp_path, talk)) == {}


def test_no_top_version_is_wrong_where_the_vantage_node_sent_none(tmp_path: Path) -> None:
    talk = incoming()
    talk.send(
        CLIENT,
        craft.request(1001, craft.handshake_request(sync=craft.payload_data(100, top_version=200))),
    )
    assert flagged("wrong_top_version", read(tmp_path, talk)) == {}


# ---------------------------------------------------------------- labelled captures


@pytest.mark.parametrize("scenario", spied())
def test_labelled_captures(scenario: truth.Scenario) -> None:
    """No label asks for these rules: of what is emulated here nothing relays in these ways."""
    check_no_honest_peer(evaluated(scenario, NAMES), NAMES)


@pytest.mark.parametrize("paths", honest())
@pytest.mark.filterwarnings("ignore::monerotraffic.CaptureWarning")
def test_monerods_are_not_flagged(paths: list[Path]) -> None:
    check_monerods(mt.read(paths, tables=mt.TABLES), NAMES)
