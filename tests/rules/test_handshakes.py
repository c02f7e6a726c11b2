"""Rules on connections: handshakes, requests without an answer, and messages out of turn."""

from __future__ import annotations

import pytest

from monerotraffic.rules import find_anomalies
from support import craft
from support.craft import CLIENT, SERVER
from support.lab import Lab
from support.rule_captures import BLOCK, A, B, C, D, E

WHOLE = craft.request(1001, craft.handshake_request())


# ---- handshakes


def test_no_handshake(lab: Lab) -> None:
    for at in (0, 10):
        lab.incoming(A, at).wait_until(at + 0.5).close()
    lab.incoming(B, 20).wait_until(30).close()
    lab.incoming(C, 40).wait_until(40.5).close()  # once, short
    findings = lab.findings("no_handshake")
    assert findings["observations"].to_dict() == {A: 2, B: 1}
    assert findings.weight[A] == "context"


def test_refused_and_unfinished_connections_are_not_without_handshake(lab: Lab) -> None:
    for at in (0, 10):
        refused = lab.incoming(A, at, opened=False)
        refused.emit(CLIENT, craft.SYN, sequence=999)
        refused.reset(SERVER)
        lab.incoming(B, at).wait_until(at + 30)  # still open at the end
        hole = lab.incoming(C, at)
        hole.skip(CLIENT, len(WHOLE))
        hole.wait_until(at + 8).close()
        lab.outgoing(D, at).wait_until(at + 8).close(SERVER)
    assert lab.findings("no_handshake").empty


def test_cut_requests(lab: Lab) -> None:
    for number, cut in enumerate([20, 120]):
        for at in (0, 60):
            talk = lab.incoming([A, B][number], at + number)
            talk.send(CLIENT, WHOLE[:cut])
            talk.wait_until(at + 14).close()
    findings = lab.findings("handshake_incomplete")
    assert list(findings.index) == [A, B]
    assert findings.places[B]


def test_a_request_cut_once_or_by_us_is_nothing(lab: Lab) -> None:
    talk = lab.incoming(A, 0)
    talk.send(CLIENT, WHOLE[:120])
    talk.wait_until(14).close()
    for at in (0, 10, 20):  # we refuse: one connection per address
        talk = lab.incoming(B, at)
        talk.send(CLIENT, WHOLE[:120])
        talk.close(SERVER)
        lab.incoming(C, at).wait_until(at + 1).send(CLIENT, WHOLE[:120])  # the capture ends
    assert lab.findings("handshake_incomplete").empty


def test_requests_cut_in_different_weeks(lab: Lab) -> None:
    for at in (0, 7 * 86400, 14 * 86400):
        talk = lab.incoming(A, at)
        talk.send(CLIENT, WHOLE[:120])
        talk.wait_until(at + 14).close()
    assert lab.findings("handshake_incomplete").empty
    assert list(lab.findings("handshake_incomplete", period_h=None).index) == [A]


def test_silence_and_late_cuts_are_no_incomplete_handshakes(lab: Lab) -> None:
    """Connections without a byte are the matter of another rule; a header cut behind the handshake,
    or one of ours, is no handshake; nor is what never ended.
    """
    for at in (0, 20):
        lab.incoming(A, at).wait_until(at + 10).close()
        later = lab.incoming(B, at).announce(CLIENT, 5)
        later.send(CLIENT, craft.request(1003)[:20])
        later.wait_until(at + 10).close()
        ours = lab.outgoing(C, at)
        ours.send(CLIENT, WHOLE[:20])
        ours.wait_until(at + 10).close()
        open_ = lab.incoming(D, at)
        open_.send(CLIENT, WHOLE[:120])
        open_.wait_until(at + 10).emit(SERVER)
    assert lab.findings("handshake_incomplete").empty


def test_no_answer_to_our_request(lab: Lab) -> None:
    for at in (0, 10):
        lab.outgoing(A, at).announce(SERVER, 5, answer=False).wait_until(at + 5.1).close()
        half = lab.outgoing(B, at).announce(SERVER, 5, answer=False)
        half.send(SERVER, craft.response(1001, craft.handshake_response())[:100])
        half.wait_until(at + 5.1).close()
    assert list(lab.findings("handshake_incomplete").index) == [A, B]


def test_a_full_node_hangs_up(lab: Lab) -> None:
    """monerod with all slots taken closes the connection without an answer; and ours may be the one
    that does not answer.
    """
    for at in (0, 10, 20):
        lab.outgoing(A, at).announce(SERVER, 5, answer=False).close(SERVER)
        lab.incoming(B, at).announce(CLIENT, 5, answer=False).wait_until(at + 6).close()
        lab.incoming(C, at).announce(CLIENT, 5, answer=False).close(SERVER)
    assert lab.findings("handshake_incomplete").empty


def test_reset_after_the_request(lab: Lab) -> None:
    for at in (0, 10):
        lab.incoming(A, at).announce(CLIENT, 5, answer=False).reset(CLIENT)
    assert list(lab.findings("handshake_incomplete").index) == [A]


def test_our_reset_is_not_the_peers(lab: Lab) -> None:
    for at in (0, 10, 20):
        lab.incoming(A, at).announce(CLIENT, 5, answer=False).reset(SERVER)
        # our FIN crosses its request, which our kernel answers with RST
        refused = lab.incoming(B, at)
        refused.emit(SERVER, craft.FIN | craft.ACK)
        refused.send(CLIENT, WHOLE, acknowledge=False)
        refused.emit(CLIENT)
        refused.reset(SERVER)
        late = lab.incoming(C, at).announce(CLIENT, 5, answer=False)  # it waited for us
        late.wait_until(at + 6).reset(CLIENT)
        announced = lab.incoming(D, at).announce(
            CLIENT, 5
        )  # it closed while a block of ours was unread
        announced.send(SERVER, BLOCK)
        announced.reset(CLIENT)
    assert lab.findings("handshake_incomplete").empty


def test_our_answer_was_slow(lab: Lab) -> None:
    for number in range(11):
        talk = lab.incoming(A, number * 20).announce(CLIENT, 5, answer=False)
        talk.wait_until(number * 20 + 2).send(
            SERVER, craft.response(1001, craft.handshake_response())
        )
        talk.wait_until(number * 20 + 2.3).close()
    traffic = lab.read()
    assert list(find_anomalies(traffic, rules=["short_lived_series"]).peer) == [A]
    assert find_anomalies(traffic, "arxiv-v1", rules=["short_lived_series"]).empty


def test_reset_with_our_answer_unread(lab: Lab) -> None:
    for at in (0, 10):
        talk = lab.incoming(A, at).announce(CLIENT, 5, answer=False)
        talk.send(SERVER, craft.response(1001, craft.handshake_response()), acknowledge=False)
        talk.reset(CLIENT)
        talk.reset(CLIENT)
        ours = lab.incoming(B, at).announce(CLIENT, 5, answer=False)  # we answer and reset
        ours.send(SERVER, craft.response(1001, craft.handshake_response()))
        ours.reset(SERVER)
        more = lab.incoming(C, at).announce(CLIENT, 5, answer=False)  # it went on
        more.send(SERVER, craft.response(1001, craft.handshake_response()), acknowledge=False)
        more.send(CLIENT, BLOCK)
        more.reset(CLIENT)
        # what is unread may be a block of ours
        block = lab.incoming(D, at).announce(CLIENT, 5, answer=False)
        block.send(SERVER, craft.response(1001, craft.handshake_response()), acknowledge=False)
        block.send(SERVER, BLOCK, acknowledge=False)
        block.reset(CLIENT)
        block.reset(CLIENT)
    assert list(lab.findings("handshake_incomplete").index) == [A]


def test_an_answer_that_does_not_parse_is_no_silence(lab: Lab) -> None:
    for at in (0, 10):
        talk = lab.outgoing(A, at).announce(SERVER, 5, answer=False)
        talk.send(SERVER, craft.response(1001, b"no epee at all"))
        talk.wait_until(at + 6).close()
    assert lab.findings("handshake_incomplete").empty


def test_a_refusal_without_acknowledgement_is_ours(lab: Lab) -> None:
    for at in (0, 10):
        shaken = lab.incoming(A, at)
        shaken.send(CLIENT, WHOLE, acknowledge=False)
        shaken.reset(SERVER)
    assert lab.findings("handshake_incomplete").empty


# ---- requests and turns


def test_support_flags_unanswered(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5, answer=False)
    talk.send(SERVER, craft.request(1007))
    talk.send(SERVER, craft.response(1001, craft.handshake_response()))
    talk.wait_until(5.1).close(SERVER)
    row = lab.findings("request_unanswered").loc[A]
    assert row["observations"] == 1
    assert row.score == pytest.approx(5.1, abs=0.1)


def test_timed_sync_unanswered(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    talk.wait_until(20).timed_sync(SERVER, answer=False)
    for at in range(40, 300, 60):
        talk.wait_until(at).timed_sync(CLIENT)
    assert list(lab.findings("request_unanswered").index) == [A]


def test_requests_that_may_stay_unanswered(lab: Lab) -> None:
    lab.back_ping(A, 0, None)  # for two minutes
    closing = lab.incoming(B, 0).announce(CLIENT, 5)
    closing.send(SERVER, craft.request(1007))
    closing.close(CLIENT)
    dead = lab.incoming(C, 0).announce(CLIENT, 5)
    dead.wait_until(20).timed_sync(SERVER, answer=False)
    dead.wait_until(150).close(SERVER)
    lost = lab.incoming(D, 0).announce(CLIENT, 5)
    lost.wait_until(20).timed_sync(SERVER, answer=False)
    lost.skip(CLIENT, 205)
    for at in range(40, 300, 60):
        lost.wait_until(at).timed_sync(CLIENT)
    theirs = lab.incoming(E, 0).announce(CLIENT, 5)  # we are the ones who do not answer
    theirs.wait_until(20).timed_sync(CLIENT, answer=False)
    for at in range(40, 300, 60):
        theirs.wait_until(at).timed_sync(CLIENT)
    assert lab.findings("request_unanswered").empty


def turns(lab: Lab, peer: str, *messages: tuple[int, bytes], incoming: bool = True) -> None:
    talk = lab.incoming(peer, len(lab.talks)) if incoming else lab.outgoing(peer, len(lab.talks))
    for side, message in messages:
        talk.wait_until((talk.clock - craft.START) / 1e9 + 0.1).send(side, message)
    talk.close()


SHAKEN = ((CLIENT, WHOLE), (SERVER, craft.response(1001, craft.handshake_response())))


@pytest.mark.parametrize(
    ("messages", "incoming"),
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
def test_out_of_turn(lab: Lab, messages: tuple[tuple[int, bytes], ...], incoming: bool) -> None:
    turns(lab, A, *messages, incoming=incoming)
    traffic = lab.read()
    findings = find_anomalies(traffic, rules=["out_of_turn"])
    assert list(findings.peer) == [A]
    assert findings["observations"][0] == 1
    assert traffic.messages.set_index("message").direction[findings.messages[0][0]] == "received"


@pytest.mark.parametrize(
    ("messages", "incoming"),
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
def test_in_turn(lab: Lab, messages: tuple[tuple[int, bytes], ...], incoming: bool) -> None:
    turns(lab, A, *messages, incoming=incoming)
    assert lab.findings("out_of_turn").empty


def test_what_was_not_captured_is_not_out_of_turn(lab: Lab) -> None:
    midstream = lab.incoming(A, 0, opened=False)
    midstream.send(CLIENT, BLOCK)
    midstream.send(CLIENT, craft.response(1002, craft.timed_sync_response()))
    hole = lab.incoming(B, 1)
    hole.skip(CLIENT, len(WHOLE))
    hole.send(SERVER, craft.response(1001, craft.handshake_response()))
    hole.send(CLIENT, BLOCK)
    unasked = lab.incoming(C, 2).announce(CLIENT, 5)
    unasked.skip(SERVER, len(craft.request(1002)))
    unasked.send(CLIENT, craft.response(1002, craft.timed_sync_response()))
    unasked.timed_sync(SERVER)
    assert lab.findings("out_of_turn").empty
