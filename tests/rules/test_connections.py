"""Rules on connections: what they flag, and what looks like it and is not flagged; the labelled
captures.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from monerotraffic.rules import RULES, evaluate, find_anomalies
from support import craft, truth
from support.craft import CLIENT, SERVER, Connection
from support.lab import Lab, shake, sync, ticks, until
from support.labelled import HONEST_SCENARIOS, found, honest, parameters, read, spied, thinned

A, B, C, D, E = "192.0.2.1", "192.0.2.2", "203.0.113.3", "203.0.113.4", "203.0.113.5"
NAMES = [name for name, rule in RULES.items() if rule.family == "connections"]
WHOLE = craft.request(1001, craft.handshake_request())
NOT_IN_THE_CAPTURE = {"198.18.90.60"}
"""Labelled handshake_incomplete as a listener, but the vantage node never reached it: six refused
SYNs are all there is (label_check.json says so too).
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


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
    ]


# ---- short_lived_series, ping_flood


@pytest.mark.parametrize(
    ("times", "lasts", "flagged"),
    [(11, 0.5, True), (10, 0.5, False), (30, 1.5, False)],
    ids=["eleven", "ten", "longer"],
)
def test_short_lived_series(lab: Lab, times: int, lasts: float, flagged: bool) -> None:
    for number in range(times):
        until(lab.session(A, number * 20, 5, close=False), number * 20 + lasts).close()
    findings = lab.found("short_lived_series")
    assert list(findings.index) == ([A] if flagged else [])
    if flagged:
        assert (findings["observations"][A], findings.score[A]) == (11, 11)


def test_pings_and_cut_handshakes_are_no_short_lived_series(lab: Lab) -> None:
    for number in range(20):
        talk = lab.incoming(A, number)
        talk.send(CLIENT, craft.request(1003))
        talk.send(SERVER, craft.response(1003, craft.ping_response()))
        talk.close()
        shake(lab.incoming(B, number), CLIENT, 5, answer=False).close()
    assert lab.found("short_lived_series").empty


def test_ping_flood(lab: Lab) -> None:
    talk = shake(lab.incoming(A, 0), CLIENT, 5)
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
    assert lab.found("ping_flood").empty


# ---- timed sync


def syncing(lab: Lab, times: list[float], own: float = 60.05) -> Connection:
    """A peer that asks at these times, and we at our pace."""
    talk = shake(lab.incoming(A, 0), CLIENT, 5)
    last = max(times)
    for at, side in sorted(
        [(at, CLIENT) for at in times]
        + [(20 + number * own, SERVER) for number in range(int((last - 20) / own))]
    ):
        sync(until(talk, at), side)
    return talk


def test_throttled(lab: Lab) -> None:
    syncing(lab, [8, 108, 208, 308])
    row = lab.found("timed_sync_throttled").loc[A]
    assert (row["observations"], row.score) == (3, 100.0)


@pytest.mark.parametrize(
    "times",
    [[8, 69, 190, 251, 312, 430, 491], [8, 80, 160, 245, 330], [8, 130, 250], [10]],
    ids=["single long gaps", "a slow node", "too few gaps", "none"],
)
def test_not_throttled(lab: Lab, times: list[float]) -> None:
    syncing(lab, times)
    assert lab.found("timed_sync_throttled").empty


def test_not_throttled_while_we_were_slow_too(lab: Lab) -> None:
    """A capture that has only some minutes, or a clock that jumps."""
    syncing(lab, [8, 128, 248, 368, 488], own=120)
    assert lab.found("timed_sync_throttled").empty
    assert not lab.found("timed_sync_throttled", own_regular=False).empty


def test_not_throttled_where_requests_were_lost(lab: Lab) -> None:
    talk = shake(lab.incoming(A, 0), CLIENT, 5)
    for number in range(9):
        sync(until(talk, 10 + number * 60), SERVER)
        until(talk, 40 + number * 60)
        if number % 2:
            talk.skip(CLIENT, 205)
        else:
            sync(talk, CLIENT)
    assert lab.found("timed_sync_throttled").empty


def test_published_throttling_needs_ten_minutes(lab: Lab) -> None:
    syncing(lab, [8, 118, 228, 338, 448])
    assert find_anomalies(lab.read(), "arxiv-v1", rules=["timed_sync_throttled"]).empty
    syncing(lab, [8, 118, 228, 338, 448, 558, 668])
    assert len(find_anomalies(lab.read(), "arxiv-v1", rules=["timed_sync_throttled"])) == 1
    assert find_anomalies(lab.read(), "aft-2026", rules=["timed_sync_throttled"]).empty


def test_rapid(lab: Lab) -> None:
    syncing(lab, [8, 38, 68, 98])
    row = lab.found("timed_sync_rapid").loc[A]
    assert row["observations"] == 3


@pytest.mark.parametrize(
    "times",
    [[8, 68, 128, 188], [8, 68, 143, 189, 249], [8, 66, 127, 184]],
    ids=["60 s", "one came late", "jitter"],
)
def test_not_rapid(lab: Lab, times: list[float]) -> None:
    syncing(lab, times)
    assert lab.found("timed_sync_rapid").empty


def test_asked_again_before_the_answer(lab: Lab) -> None:
    talk = shake(lab.incoming(A, 0), CLIENT, 5)
    sync(until(talk, 10), CLIENT, answer=False)
    sync(until(talk, 75), CLIENT, answer=False)
    for _ in range(2):
        talk.send(SERVER, craft.response(1002, craft.timed_sync_response()))
    assert list(lab.found("timed_sync_rapid").index) == [A]


def test_an_answer_that_was_not_captured_is_no_impatience(lab: Lab) -> None:
    talk = shake(lab.incoming(A, 0), CLIENT, 5)
    sync(until(talk, 10), CLIENT, answer=False)
    talk.skip(SERVER, 205)
    sync(until(talk, 75), CLIENT)
    assert lab.found("timed_sync_rapid").empty


def test_answers_are_not_told_apart_behind_a_loss(lab: Lab) -> None:
    """The answer to the first request was lost; the pairing behind it is out of step."""
    talk = shake(lab.incoming(A, 0), CLIENT, 5)
    sync(until(talk, 10), CLIENT, answer=False)
    talk.skip(SERVER, 238)
    for at in range(70, 600, 60):
        sync(until(talk, at), CLIENT)
    assert lab.found("timed_sync_rapid").empty


def test_throttled_although_something_of_ours_was_lost(lab: Lab) -> None:
    talk = syncing(lab, [8, 108, 208, 308, 408])
    talk.skip(SERVER, 500)
    sync(until(talk, 508), CLIENT)
    assert list(lab.found("timed_sync_throttled").index) == [A]


# ---- handshakes


def test_no_handshake(lab: Lab) -> None:
    for at in (0, 10):
        until(lab.incoming(A, at), at + 0.5).close()
    until(lab.incoming(B, 20), 30).close()
    until(lab.incoming(C, 40), 40.5).close()  # once, short
    findings = lab.found("no_handshake")
    assert findings["observations"].to_dict() == {A: 2, B: 1}
    assert findings.weight[A] == "context"


def test_refused_and_unfinished_connections_are_not_without_handshake(lab: Lab) -> None:
    for at in (0, 10):
        refused = lab.incoming(A, at, opened=False)
        refused.emit(CLIENT, craft.SYN, sequence=999)
        refused.reset(SERVER)
        until(lab.incoming(B, at), at + 30)  # still open at the end
        hole = lab.incoming(C, at)
        hole.skip(CLIENT, len(WHOLE))
        until(hole, at + 8).close()
        until(lab.outgoing(D, at), at + 8).close(SERVER)
    assert lab.found("no_handshake").empty


def test_cut_requests(lab: Lab) -> None:
    for number, cut in enumerate([20, 120]):
        for at in (0, 60):
            talk = lab.incoming([A, B][number], at + number)
            talk.send(CLIENT, WHOLE[:cut])
            until(talk, at + 14).close()
    findings = lab.found("handshake_incomplete")
    assert list(findings.index) == [A, B]
    assert findings.places[B]


def test_a_request_cut_once_or_by_us_is_nothing(lab: Lab) -> None:
    talk = lab.incoming(A, 0)
    talk.send(CLIENT, WHOLE[:120])
    until(talk, 14).close()
    for at in (0, 10, 20):  # we refuse: one connection per address
        talk = lab.incoming(B, at)
        talk.send(CLIENT, WHOLE[:120])
        talk.close(SERVER)
        until(lab.incoming(C, at), at + 1).send(CLIENT, WHOLE[:120])  # the capture ends
    assert lab.found("handshake_incomplete").empty


def test_silence_and_late_cuts_are_no_incomplete_handshakes(lab: Lab) -> None:
    """Connections without a byte are the matter of another rule; a header cut behind the handshake,
    or one of ours, is no handshake; nor is what never ended.
    """
    for at in (0, 20):
        until(lab.incoming(A, at), at + 10).close()
        later = shake(lab.incoming(B, at), CLIENT, 5)
        later.send(CLIENT, craft.request(1003)[:20])
        until(later, at + 10).close()
        ours = lab.outgoing(C, at)
        ours.send(CLIENT, WHOLE[:20])
        until(ours, at + 10).close()
        open_ = lab.incoming(D, at)
        open_.send(CLIENT, WHOLE[:120])
        until(open_, at + 10).emit(SERVER)
    assert lab.found("handshake_incomplete").empty


def test_no_answer_to_our_request(lab: Lab) -> None:
    for at in (0, 10):
        until(shake(lab.outgoing(A, at), SERVER, 5, answer=False), at + 5.1).close()
        half = shake(lab.outgoing(B, at), SERVER, 5, answer=False)
        half.send(SERVER, craft.response(1001, craft.handshake_response())[:100])
        until(half, at + 5.1).close()
    assert list(lab.found("handshake_incomplete").index) == [A, B]


def test_a_full_node_hangs_up(lab: Lab) -> None:
    """monerod with all slots taken closes the connection without an answer; and ours may be the one
    that does not answer.
    """
    for at in (0, 10, 20):
        shake(lab.outgoing(A, at), SERVER, 5, answer=False).close(SERVER)
        until(shake(lab.incoming(B, at), CLIENT, 5, answer=False), at + 6).close()
        shake(lab.incoming(C, at), CLIENT, 5, answer=False).close(SERVER)
    assert lab.found("handshake_incomplete").empty


def test_reset_after_the_request(lab: Lab) -> None:
    for at in (0, 10):
        shake(lab.incoming(A, at), CLIENT, 5, answer=False).reset(CLIENT)
    assert list(lab.found("handshake_incomplete").index) == [A]


def test_our_reset_is_not_the_peers(lab: Lab) -> None:
    for at in (0, 10, 20):
        shake(lab.incoming(A, at), CLIENT, 5, answer=False).reset(SERVER)
        # our FIN crosses its request, which our kernel answers with RST
        refused = lab.incoming(B, at)
        refused.emit(SERVER, craft.FIN | craft.ACK)
        refused.send(CLIENT, WHOLE, acknowledge=False)
        refused.emit(CLIENT)
        refused.reset(SERVER)
        late = shake(lab.incoming(C, at), CLIENT, 5, answer=False)  # it waited for us
        until(late, at + 6).reset(CLIENT)
        told = shake(lab.incoming(D, at), CLIENT, 5)  # it closed while a block of ours was unread
        told.send(SERVER, BLOCK)
        told.reset(CLIENT)
    assert lab.found("handshake_incomplete").empty


def test_our_answer_was_slow(lab: Lab) -> None:
    for number in range(11):
        talk = shake(lab.incoming(A, number * 20), CLIENT, 5, answer=False)
        until(talk, number * 20 + 2).send(SERVER, craft.response(1001, craft.handshake_response()))
        until(talk, number * 20 + 2.3).close()
    traffic = lab.read()
    assert list(find_anomalies(traffic, rules=["short_lived_series"]).peer) == [A]
    assert find_anomalies(traffic, "arxiv-v1", rules=["short_lived_series"]).empty


def test_reset_with_our_answer_unread(lab: Lab) -> None:
    for at in (0, 10):
        talk = shake(lab.incoming(A, at), CLIENT, 5, answer=False)
        talk.send(SERVER, craft.response(1001, craft.handshake_response()), acknowledge=False)
        talk.reset(CLIENT)
        talk.reset(CLIENT)
        ours = shake(lab.incoming(B, at), CLIENT, 5, answer=False)  # we answer and reset
        ours.send(SERVER, craft.response(1001, craft.handshake_response()))
        ours.reset(SERVER)
        more = shake(lab.incoming(C, at), CLIENT, 5, answer=False)  # it went on
        more.send(SERVER, craft.response(1001, craft.handshake_response()), acknowledge=False)
        more.send(CLIENT, BLOCK)
        more.reset(CLIENT)
        # what is unread may be a block of ours
        block = shake(lab.incoming(D, at), CLIENT, 5, answer=False)
        block.send(SERVER, craft.response(1001, craft.handshake_response()), acknowledge=False)
        block.send(SERVER, BLOCK, acknowledge=False)
        block.reset(CLIENT)
        block.reset(CLIENT)
    assert list(lab.found("handshake_incomplete").index) == [A]


def test_an_answer_that_does_not_parse_is_no_silence(lab: Lab) -> None:
    for at in (0, 10):
        talk = shake(lab.outgoing(A, at), SERVER, 5, answer=False)
        talk.send(SERVER, craft.response(1001, b"no epee at all"))
        until(talk, at + 6).close()
    assert lab.found("handshake_incomplete").empty


def test_a_refusal_without_acknowledgement_is_ours(lab: Lab) -> None:
    for at in (0, 10):
        shaken = lab.incoming(A, at)
        shaken.send(CLIENT, WHOLE, acknowledge=False)
        shaken.reset(SERVER)
    assert lab.found("handshake_incomplete").empty


# ---- requests and turns


def test_support_flags_unanswered(lab: Lab) -> None:
    talk = shake(lab.incoming(A, 0), CLIENT, 5, answer=False)
    talk.send(SERVER, craft.request(1007))
    talk.send(SERVER, craft.response(1001, craft.handshake_response()))
    until(talk, 5.1).close(SERVER)
    row = lab.found("request_unanswered").loc[A]
    assert row["observations"] == 1
    assert row.score == pytest.approx(5.1, abs=0.1)


def test_timed_sync_unanswered(lab: Lab) -> None:
    talk = shake(lab.incoming(A, 0), CLIENT, 5)
    sync(until(talk, 20), SERVER, answer=False)
    for at in range(40, 300, 60):
        sync(until(talk, at), CLIENT)
    assert list(lab.found("request_unanswered").index) == [A]


def test_requests_that_may_stay_unanswered(lab: Lab) -> None:
    lab.back_ping(A, 0, None)  # for two minutes
    closing = shake(lab.incoming(B, 0), CLIENT, 5)
    closing.send(SERVER, craft.request(1007))
    closing.close(CLIENT)
    dead = shake(lab.incoming(C, 0), CLIENT, 5)
    sync(until(dead, 20), SERVER, answer=False)
    until(dead, 150).close(SERVER)
    lost = shake(lab.incoming(D, 0), CLIENT, 5)
    sync(until(lost, 20), SERVER, answer=False)
    lost.skip(CLIENT, 205)
    for at in range(40, 300, 60):
        sync(until(lost, at), CLIENT)
    theirs = shake(lab.incoming(E, 0), CLIENT, 5)  # we are the ones who do not answer
    sync(until(theirs, 20), CLIENT, answer=False)
    for at in range(40, 300, 60):
        sync(until(theirs, at), CLIENT)
    assert lab.found("request_unanswered").empty


def turns(lab: Lab, peer: str, *said: tuple[int, bytes], incoming: bool = True) -> None:
    talk = lab.incoming(peer, len(lab.talks)) if incoming else lab.outgoing(peer, len(lab.talks))
    for side, message in said:
        until(talk, (talk.clock - craft.START) / 1e9 + 0.1).send(side, message)
    talk.close()


SHAKEN = ((CLIENT, WHOLE), (SERVER, craft.response(1001, craft.handshake_response())))
BLOCK = craft.notification(2008)


@pytest.mark.parametrize(
    ("said", "incoming"),
    [
        (((SERVER, craft.request(1002)), *SHAKEN), False),
        (((CLIENT, craft.request(1002)), *SHAKEN), True),
        (((CLIENT, BLOCK),), True),
        ((*SHAKEN, (CLIENT, WHOLE)), True),
        ((*SHAKEN, (SERVER, WHOLE)), False),
        (((CLIENT, WHOLE), (CLIENT, BLOCK), SHAKEN[1]), True),
        (((CLIENT, WHOLE), (CLIENT, craft.request(1002)), SHAKEN[1]), True),
        ((*SHAKEN, (CLIENT, craft.response(1002, craft.timed_sync_response()))), True),
        ((*SHAKEN, (SERVER, craft.response(1003, craft.ping_response()))), False),
        ((*SHAKEN, (CLIENT, craft.notification(2004))), True),
        (
            (
                *SHAKEN,
                (SERVER, craft.notification(2006)),
                (CLIENT, craft.notification(2007)),
                (CLIENT, craft.notification(2007)),
            ),
            True,
        ),
    ],
    ids=[
        "acceptor first",
        "1002 first",
        "block first",
        "1001 twice",
        "1001 of the acceptor",
        "block before our answer",
        "1002 before our answer",
        "answer to nothing",
        "pong to nothing",
        "2004 unasked",
        "2007 twice",
    ],
)
def test_out_of_turn(lab: Lab, said: tuple[tuple[int, bytes], ...], incoming: bool) -> None:
    turns(lab, A, *said, incoming=incoming)
    traffic = lab.read()
    findings = find_anomalies(traffic, rules=["out_of_turn"])
    assert list(findings.peer) == [A]
    assert findings["observations"][0] == 1
    assert traffic.messages.set_index("message").direction[findings.messages[0][0]] == "received"


@pytest.mark.parametrize(
    ("said", "incoming"),
    [
        (
            (
                *SHAKEN,
                (CLIENT, craft.request(1002)),
                (SERVER, craft.response(1002)),
                (SERVER, craft.request(1002)),
                (CLIENT, craft.response(1002)),
                (CLIENT, BLOCK),
            ),
            True,
        ),
        (
            ((CLIENT, craft.request(1003)), (SERVER, craft.response(1003, craft.ping_response()))),
            True,
        ),
        (
            ((CLIENT, craft.request(1003)), (SERVER, craft.response(1003, craft.ping_response()))),
            False,
        ),
        (
            (
                (CLIENT, WHOLE),
                (SERVER, craft.notification(2010)),
                SHAKEN[1],
                (SERVER, craft.request(1002)),
            ),
            False,
        ),
        (
            (
                (CLIENT, WHOLE),
                (SERVER, craft.request(1007)),
                SHAKEN[1],
                (CLIENT, craft.response(1007, craft.support_flags_response())),
            ),
            True,
        ),
        (
            (
                *SHAKEN,
                (SERVER, craft.notification(2003)),
                (SERVER, craft.notification(2003)),
                (CLIENT, craft.notification(2004)),
                (CLIENT, craft.notification(2004)),
            ),
            True,
        ),
        (
            (
                *SHAKEN,
                (SERVER, craft.notification(2006)),
                (CLIENT, craft.notification(2007)),
                (SERVER, craft.notification(2006)),
                (CLIENT, craft.notification(2007)),
            ),
            True,
        ),
        (((CLIENT, WHOLE),), True),
    ],
    ids=[
        "the usual",
        "ping",
        "our ping",
        "2010 one ahead of the answer",
        "1007 before the answer",
        "two 2003 first",
        "2006 again",
        "no answer",
    ],
)
def test_in_turn(lab: Lab, said: tuple[tuple[int, bytes], ...], incoming: bool) -> None:
    turns(lab, A, *said, incoming=incoming)
    assert lab.found("out_of_turn").empty


def test_what_was_not_captured_is_not_out_of_turn(lab: Lab) -> None:
    midstream = lab.incoming(A, 0, opened=False)
    midstream.send(CLIENT, BLOCK)
    midstream.send(CLIENT, craft.response(1002, craft.timed_sync_response()))
    hole = lab.incoming(B, 1)
    hole.skip(CLIENT, len(WHOLE))
    hole.send(SERVER, craft.response(1001, craft.handshake_response()))
    hole.send(CLIENT, BLOCK)
    unasked = shake(lab.incoming(C, 2), CLIENT, 5)
    unasked.skip(SERVER, len(craft.request(1002)))
    unasked.send(CLIENT, craft.response(1002, craft.timed_sync_response()))
    sync(unasked, SERVER)
    assert lab.found("out_of_turn").empty


# ---- one_way_listener


def listening(
    lab: Lab, peer: str, incoming: bool = True, lasts: int = 300, notified: bool = True
) -> Connection:
    """Our ticks and blocks on a connection whose peer answers."""
    talk = (
        shake(lab.incoming(peer, 0), CLIENT, 5)
        if incoming
        else shake(lab.outgoing(peer, 0), SERVER, 5)
    )
    us = SERVER if incoming else CLIENT
    for at in range(20, lasts, 60):
        sync(until(talk, at), us)
        if notified:
            talk.send(us, BLOCK)
    return talk


@pytest.mark.parametrize("incoming", [True, False])
def test_one_way_listener(lab: Lab, incoming: bool) -> None:
    listening(lab, A, incoming)
    row = lab.found("one_way_listener").loc[A]
    assert (row["observations"], row.connections) == (1, [0])
    assert row.score == pytest.approx(260, abs=1)


def test_no_one_way_listener(lab: Lab) -> None:
    sync(listening(lab, A), CLIENT)  # keeps its timed sync, if late
    listening(lab, B).send(CLIENT, BLOCK)
    listening(lab, C, lasts=200)
    listening(lab, D, notified=False)
    # it speaks on its other connection
    for talk in (
        listening(lab, "192.0.2.9", incoming=False),
        lab.session("192.0.2.9", 1, 5, close=False),
    ):
        last = talk
    sync(until(last, 100), CLIENT)
    lost = shake(lab.incoming("192.0.2.10", 0), CLIENT, 5)  # its own requests were lost
    for at in range(20, 320, 60):
        sync(until(lost, at), SERVER)
        lost.send(SERVER, BLOCK)
        lost.skip(CLIENT, 205)
    assert lab.found("one_way_listener").empty


def test_one_way_listener_of_which_a_packet_was_lost(lab: Lab) -> None:
    talk = listening(lab, A)
    talk.skip(CLIENT, 205)
    sync(talk, SERVER)
    assert list(lab.found("one_way_listener").index) == [A]


def test_one_way_listener_that_was_there_before(lab: Lab) -> None:
    talk = lab.incoming(A, 0, opened=False)
    for at in range(20, 300, 60):
        sync(until(talk, at), SERVER)
        talk.send(SERVER, BLOCK)
    assert list(lab.found("one_way_listener").index) == [A]


# ---- shared_backend


def clocks(
    lab: Lab, offsets: dict[str, list[float]], period: float = 60.03, heights: int = 1
) -> None:
    """Peers that tick at these offsets from a common tick; the height grows every `heights`
    ticks.
    """
    for number, (peer, shifts) in enumerate(offsets.items()):
        talk = shake(lab.incoming(peer, number * 0.1), CLIENT, 5 + number)
        for tick, shift in enumerate(shifts):
            height = 100 + tick // heights
            sync(until(talk, 30 + tick * period + shift), CLIENT, height=height, top=height)


def test_shared_backend(lab: Lab) -> None:
    clocks(
        lab,
        {
            A: [0.001, 0, 0.002, 0, 0.001],
            B: [0] * 5,
            C: [0.003, 0.001, 0, 0.002, 0.001],
            D: [0.4] * 5,
        },
    )
    findings = lab.found("shared_backend")
    assert list(findings.index) == [A, B, C]
    assert findings["observations"].tolist() == [5, 5, 5]
    assert findings.score[A] == 2


@pytest.mark.parametrize(
    "offsets",
    [
        {
            A: [0] * 6,
            B: [0.001] * 6,
            C: [0.02 * tick for tick in range(6)],
            D: [0.01 - 0.02 * tick for tick in range(6)],
        },
        {A: [0] * 4, B: [0.001] * 4, C: [0.002] * 4},
        {A: [0] * 6, B: [0.004] * 6, C: [0.008] * 6},
    ],
    ids=["phases drift", "few ticks", "a chain"],
)
def test_no_shared_backend(lab: Lab, offsets: dict[str, list[float]]) -> None:
    clocks(lab, offsets)
    assert lab.found("shared_backend").empty


def test_one_clock_with_other_chains_is_no_backend(lab: Lab) -> None:
    for number, peer in enumerate([A, B, C]):
        talk = shake(lab.incoming(peer, number * 0.1), CLIENT, 5 + number)
        for tick in range(6):
            sync(until(talk, 30 + tick * 60 + number * 0.001), CLIENT, height=100 + tick * number)
    assert lab.found("shared_backend").empty


def test_heights_that_never_change_tell_nothing(lab: Lab) -> None:
    clocks(lab, {A: [0] * 6, B: [0.001] * 6, C: [0.002] * 6}, heights=100)
    assert lab.found("shared_backend").empty


def test_several_nodes_of_one_host_are_no_backend_of_several(lab: Lab) -> None:
    for number in range(4):
        ticks(
            shake(lab.incoming(A, number * 0.1), CLIENT, 5 + number), CLIENT, 30 + number * 0.001, 6
        )
    assert lab.found("shared_backend").empty


# ---- the labelled captures


@pytest.mark.parametrize("scenario", spied())
def test_labelled(scenario: truth.Scenario) -> None:
    """Every label that asks for one of these rules is found, and no honest peer."""
    given = truth.labels(scenario)
    findings = found(read(*scenario.parts), NAMES)
    made = evaluate(findings, given)
    made = made[made.rule.isin(NAMES)].set_index("rule")
    assert made.loc[made.index != "no_handshake", "honest"].sum() == []
    assert set(findings.peer) <= set(given)
    if scenario.full:
        asked = made[made.expected > 0]
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
        assert set(made.index[made.found > 0]) == {
            "request_unanswered",
            "no_handshake",
            "handshake_incomplete",
        }


@pytest.mark.parametrize("paths", honest())
def test_honest(paths: list[Path]) -> None:
    findings = found(read(*paths), NAMES)
    assert findings[findings.weight != "context"].empty


BOTH = [name for name, rule in RULES.items() if rule.family in ("connections", "identity")]


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("scenario", spied())
def test_losses_make_no_honest_peer_a_spy(
    scenario: truth.Scenario, rate: float, tmp_path: Path
) -> None:
    """Of this family and of identity."""
    findings = found(thinned(scenario, rate, tmp_path), BOTH)
    made = evaluate(findings[findings.weight != "context"], truth.labels(scenario))
    assert made.honest.sum() == []
    assert len(findings) > 0 or not scenario.full


@pytest.mark.parametrize("rate", [0.1])
@pytest.mark.parametrize(
    "scenario",
    parameters([scenario for scenario in truth.scenarios() if scenario.name in HONEST_SCENARIOS]),
)
def test_losses_make_no_monerod_a_spy(
    scenario: truth.Scenario, rate: float, tmp_path: Path
) -> None:
    findings = found(thinned(scenario, rate, tmp_path), BOTH)
    assert findings[findings.weight != "context"].empty
