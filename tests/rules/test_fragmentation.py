"""Rules on how messages are cut: what is flagged, and what is not though it looks like it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from monerotraffic.rules import RULES, find_anomalies
from support import craft, truth
from support.checks import flagged
from support.conversation_builder import ConversationBuilder, incoming, outgoing, read
from support.craft import CLIENT, SERVER
from support.labelled import check_labels, check_monerods, honest, spied
from support.labelled import read as read_files

FRAGMENTATION = [rule for rule in RULES.values() if rule.family == "fragmentation"]
NAMES = [rule.name for rule in FRAGMENTATION]
SYNC = craft.request(1002, craft.timed_sync_request())
PING = craft.request(1003)
LIST = craft.response(
    1002,
    craft.timed_sync_response(
        [craft.peer(f"192.0.2.{number}", 18080, number) for number in range(1, 250)]
    ),
)


def test_order_and_weights_are_those_of_the_contract() -> None:
    weights = [
        ("signature_alone", "strong"),
        ("header_alone", "strong"),
        ("over_fragmented", "weak"),
        ("levin_fragments", "strong"),
    ]
    assert [(rule.name, rule.weight) for rule in FRAGMENTATION] == weights
    assert {name for name in NAMES if RULES[name].presets} == {"signature_alone"}


@pytest.mark.parametrize("preset", ["default", "arxiv-v1", "aft-2026"])
def test_signature_alone(tmp_path: Path, preset: str) -> None:
    spy, plain = incoming().handshake(), incoming("192.0.2.2", 1).handshake()
    for _ in range(3):
        spy.send(CLIENT, SYNC, cuts=[8])
        plain.send(CLIENT, SYNC)
        # coalesced, and the segment was full there
        plain.send(CLIENT, PING + SYNC, cuts=[len(PING) + 8])
        plain.send(SERVER, SYNC, cuts=[8])
    assert flagged("signature_alone", read(tmp_path, spy, plain), preset) == {"192.0.2.1": 3}


def test_header_alone(tmp_path: Path) -> None:
    spy, plain = outgoing().handshake(), outgoing("192.0.2.2", 1).handshake()
    spy.send(SERVER, LIST, cuts=[33])
    plain.send(SERVER, craft.response(1003, b"", -6))  # nothing but a header
    plain.send(SERVER, PING + LIST, cuts=[len(PING) + 33])
    assert flagged("header_alone", read(tmp_path, spy, plain)) == {"192.0.2.1": 1}


def test_over_fragmented(tmp_path: Path) -> None:
    talks = {
        size: incoming(f"192.0.2.{number}", number).handshake()
        for number, size in enumerate((1, 7, 40, 100, 496, 1448))
    }
    for size, talk in talks.items():
        for _ in range(4):
            talk.send(CLIENT, SYNC, segment=size, acknowledge=False)
        talk.send(CLIENT, LIST, segment=size)
    traffic = flagged("over_fragmented", read(tmp_path, *talks.values()))
    assert traffic == {"192.0.2.0": 5, "192.0.2.1": 5, "192.0.2.2": 5, "192.0.2.3": 5}


def test_a_signature_or_header_alone_is_no_further_habit(tmp_path: Path) -> None:
    alone, header, both = (incoming(f"192.0.2.{number}", number).handshake() for number in range(3))
    for _ in range(5):
        alone.send(CLIENT, SYNC, cuts=[8])
        header.send(CLIENT, SYNC, cuts=[33])
        both.send(CLIENT, SYNC, cuts=[8, 33])
    traffic = read(tmp_path, alone, header, both)
    assert flagged("over_fragmented", traffic) == {"192.0.2.2": 5}
    assert flagged("signature_alone", traffic) == {"192.0.2.0": 5, "192.0.2.2": 5}


def test_over_fragmented_asks_for_several_and_a_share(tmp_path: Path) -> None:
    twice, seldom, often = (
        incoming(f"192.0.2.{number}", number).handshake() for number in range(3)
    )
    for number in range(40):
        twice.send(CLIENT, SYNC, segment=1448 if number >= 2 else 50)
        seldom.send(CLIENT, SYNC, segment=1448 if number >= 3 else 50)
        often.send(CLIENT, SYNC, segment=1448 if number >= 5 else 50)
    traffic = read(tmp_path, twice, seldom, often)
    assert flagged("over_fragmented", traffic) == {"192.0.2.2": 5}
    assert flagged("over_fragmented", traffic, min_share=0.05) == {
        "192.0.2.1": 3,
        "192.0.2.2": 5,
    }
    assert flagged("over_fragmented", traffic, min_share=0, min_messages=1) == {
        "192.0.2.0": 2,
        "192.0.2.1": 3,
        "192.0.2.2": 5,
    }
    assert flagged("over_fragmented", traffic, min_segment_ratio=10) == {}


@pytest.mark.parametrize(
    ("mss", "segment"), [(536, 524), (1460, 524), (1460, 496), (1220, 1208), (88, 48)]
)
def test_small_mss_and_small_paths(tmp_path: Path, mss: int, segment: int) -> None:
    talk = ConversationBuilder(("192.0.2.1", 40000), ("198.51.100.10", 18080)).open(mss, 1460)
    talk.handshake()
    for _ in range(6):
        talk.send(CLIENT, LIST, segment=segment)
    traffic = read(tmp_path, talk)
    assert traffic.messages["segments"].max() > len(LIST) // segment
    assert flagged("over_fragmented", traffic) == {}


def test_many_messages_in_full_segments(tmp_path: Path) -> None:
    """Coalesced at random places, as Nagle's algorithm does."""
    talk = incoming().handshake()
    talk.send(CLIENT, b"".join(random.Random(1).choice([PING, SYNC, LIST]) for _ in range(3000)))
    traffic = read(tmp_path, talk)
    assert traffic.messages["first_segment"].isin([8, 33]).sum() > 1
    assert find_anomalies(traffic, rules=NAMES).empty


def test_loss_disorder_and_overlap(tmp_path: Path) -> None:
    """Segments seen twice, in any order, and overlapping by half."""
    chance = random.Random(2)
    talk = incoming().handshake()
    at = len(craft.request(1001, craft.handshake_request()))
    for _ in range(40):
        stream = PING + SYNC + LIST
        pieces = [(start, stream[start : start + 1448]) for start in range(0, len(stream), 1448)]
        pieces += [
            (start, stream[start : start + 1448])
            for start in range(724, len(stream), 1448)
            if chance.random() < 0.3
        ]
        pieces += chance.sample(pieces, 3)
        chance.shuffle(pieces)
        for start, piece in pieces:
            talk.at(CLIENT, at + start, piece)
        at += len(stream)
        talk.skip(CLIENT, len(stream))
        talk.emit(SERVER)
    traffic = read(tmp_path, talk)
    assert (traffic.messages["status"] == "complete").all()
    assert len(traffic.messages) == 2 + 3 * 40
    assert find_anomalies(traffic, rules=NAMES).empty


def test_levin_fragments(tmp_path: Path) -> None:
    spy, hidden, plain = (
        incoming().handshake(),
        incoming("127.0.0.1", 1).handshake(),
        incoming("192.0.2.3", 2).handshake(),
    )
    for talk in (spy, hidden):
        for data in (
            craft.noise(300),
            *craft.fragments(craft.notification(2002, craft.transactions([])), 64),
        ):
            talk.send(CLIENT, data)
    plain.send(CLIENT, LIST, segment=100)
    plain.send(SERVER, craft.noise(300))
    traffic = read(tmp_path, spy, hidden, plain)
    assert flagged("levin_fragments", traffic) == {"192.0.2.1": 2}
    assert flagged("over_fragmented", traffic) == {}


# ---------------------------------------------------------------- labelled captures

EXCERPT = {
    "signature_alone": {"198.18.115.231"},
    "header_alone": {"198.19.10.4"},
    "over_fragmented": {"198.19.114.231"},
    "levin_fragments": {"198.18.250.181"},
}
"""Of these peers the excerpt holds no message."""


@pytest.mark.parametrize("scenario", spied())
def test_labelled_captures(scenario: truth.Scenario) -> None:
    check_labels(scenario, NAMES, 4, EXCERPT)


@pytest.mark.parametrize("paths", honest())
def test_monerods_are_not_flagged(paths: list[Path]) -> None:
    check_monerods(read_files(*paths), NAMES)
