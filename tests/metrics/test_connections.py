"""Metrics of connections on small examples whose result is plain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import metrics
from monerotraffic.metrics.connections import connection_table
from monerotraffic.metrics.timed_sync import _neighbours
from support import craft
from support.conversation_builder import HOST, START, incoming
from support.craft import CLIENT, SERVER
from support.lab import Lab

A, B, C = "192.0.2.1", "192.0.2.2", "203.0.113.3"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def row(frame: pd.DataFrame, peer: str) -> pd.Series:
    return frame[frame.peer == peer].iloc[0]


def test_connection_table(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    talk.wait_until(10).timed_sync(CLIENT)
    talk.wait_until(20).timed_sync(SERVER)
    talk.send(CLIENT, craft.notification(2002, craft.transactions([])))
    talk.wait_until(30).close()
    table = row(metrics.connection_table(lab.read()), A)
    assert (
        table.received,
        table.sent,
        table.initiative,
        table.pings_received,
        table.pings_sent,
    ) == (
        4,
        3,
        2,
        0,
        0,
    )
    assert (table.handshake, table.established, table.whole, table.end) == (
        "answered",
        True,
        True,
        "fin",
    )
    assert table.seconds == pytest.approx(30.002)
    assert (table.answered - table.asked).total_seconds() == pytest.approx(0.002)
    assert (table.last_received - table.opened).total_seconds() == pytest.approx(20, abs=0.01)
    assert table.peer_bytes == 295 + 205 + 205 + 33 + 9 + 1 + 1 + 1 + 1 + 1
    # SYN and ACK, four messages, ACKs of three of ours, FIN and ACK
    assert table.peer_packets == 2 + 4 + 3 + 2


def test_peer_and_own_change_places_on_outgoing_connections(lab: Lab) -> None:
    lab.back_ping(A, 0, 5)
    lab.incoming(B, 1).send(CLIENT, craft.request(1003))
    table = metrics.connection_table(lab.read())
    assert [
        (line.peer_bytes, line.own_bytes, line.pings_received, line.pings_sent)
        for line in table.itertuples()
    ] == [(71, 43, 0, 1), (43, 0, 1, 0)]


def test_how_far_the_handshake_got(lab: Lab) -> None:
    whole = craft.request(1001, craft.handshake_request())
    lab.incoming(A, 0).close()
    cut = lab.incoming(B, 1)
    cut.send(CLIENT, whole[:120])
    cut.close()
    lab.incoming(C, 2).announce(CLIENT, 5, answer=False).close()
    lab.outgoing("192.0.2.9", 3).announce(SERVER, 5).close()
    assert list(metrics.connection_table(lab.read()).handshake) == [
        "none",
        "cut",
        "asked",
        "answered",
    ]


def test_what_is_whole(lab: Lab) -> None:
    lab.session(A, 0, 5)
    hole = lab.incoming(B, 1)
    hole.skip(CLIENT, 50)
    hole.announce(CLIENT, 5).close()
    midstream = lab.incoming(C, 2, opened=False)
    midstream.announce(CLIENT, 5).close()
    unfinished = lab.incoming("192.0.2.9", 3, opened=False)
    unfinished.emit(CLIENT, craft.SYN, sequence=999)
    unfinished.announce(CLIENT, 5).close()
    assert list(metrics.connection_table(lab.read()).whole) == [True, False, False, False]


def test_categories(lab: Lab) -> None:
    refused = lab.outgoing(A, 0, opened=False)
    refused.emit(CLIENT, craft.SYN, sequence=999)
    refused.reset(SERVER)
    lab.incoming(A, 1).close()
    noise = lab.incoming(A, 2)
    noise.send(CLIENT, b"GET / HTTP/1.1\r\n\r\n" * 3)
    noise.close()
    lab.back_ping(A, 3, 5)
    lab.session(A, 4, 5)
    lab.session(A, 5, 5, close=False).wait_until(605).close()
    lab.incoming(A, 7).announce(CLIENT, 5, answer=False)
    both = lab.incoming(A, 8).announce(CLIENT, 5)
    both.send(CLIENT, craft.request(1003))
    both.close()
    table = metrics.categories(lab.read())
    categories_of = [
        {name for name in metrics.CATEGORIES if line[name]} for _, line in table.iterrows()
    ]
    assert categories_of == [
        {"unconnected", "short"},
        {"no_byte", "short"},
        {"no_levin", "short"},
        {"ping_only", "short"},
        {"handshake_and_close", "short"},
        {"long"},
        {"handshake_unfinished", "short", "open"},
        {"handshake_and_close", "short"},
    ]


def test_short_lived(lab: Lab) -> None:
    for number, lasts in enumerate([0.1, 0.3, 0.5, 1.5]):
        lab.session(A, number * 10, 5, close=False).wait_until(number * 10 + lasts).close()
    lab.incoming(A, 100).close()  # no handshake
    lab.outgoing(B, 110).announce(SERVER, 5).close()  # ours
    connections = metrics.short_lived(lab.read())
    assert connections[["peer", "connections", "interval"]].to_numpy().tolist() == [[A, 3, 10.0]]
    assert connections["median"][0] == pytest.approx(0.3, abs=0.01)


def test_requests_and_answers(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    talk.send(SERVER, craft.request(1002, craft.timed_sync_request()))
    talk.send(SERVER, craft.request(1007))
    talk.wait_until(3).send(CLIENT, craft.response(1002, craft.timed_sync_response()))
    requests = metrics.requests(lab.read())
    assert list(requests.command) == [1001, 1002, 1007]
    assert list(requests.direction) == ["received", "sent", "sent"]
    assert list(requests.answer.astype(object)) == [1, 4, pd.NA]
    assert requests.seconds[0] == pytest.approx(0.002)
    assert requests.seconds[1] == pytest.approx(3, abs=0.01)
    assert pd.isna(requests.seconds[2])
    assert str(requests.answer.dtype) == "Int64"


def test_sync_gaps_and_rhythm(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    for at, side in [
        (10, CLIENT),
        (12, SERVER),
        (70, CLIENT),
        (73, SERVER),
        (140, CLIENT),
        (200, CLIENT),
    ]:
        talk.wait_until(at).timed_sync(side)
    traffic = lab.read()
    gaps = metrics.sync_gaps(traffic)
    assert gaps[gaps.direction == "received"].seconds.tolist() == [60, 70, 60]
    assert gaps[gaps.direction == "sent"].seconds.tolist() == [61]
    assert not gaps.disturbed.any()
    assert not gaps.early.any()
    assert gaps.message.tolist() == sorted(gaps.message)
    rhythm = metrics.sync_rhythm(traffic).set_index("direction").loc["received"]
    assert (rhythm.requests, rhythm.gaps, rhythm["median"], rhythm["min"], rhythm["max"]) == (
        4,
        3,
        60,
        60,
        70,
    )
    assert rhythm["mean"] == pytest.approx(190 / 3)
    assert 0.8 < rhythm.concentration < 1


def test_phase(lab: Lab) -> None:
    lab.incoming(A, 0).announce(CLIENT, 5).timed_syncs(CLIENT, 30, 5, period=60)
    rhythm = metrics.sync_rhythm(lab.read()).iloc[0]
    assert rhythm.phase == pytest.approx((START // 10**9 + 30) % 60, abs=0.001)
    assert rhythm.concentration == pytest.approx(1, abs=1e-6)
    assert rhythm.deviation == pytest.approx(0, abs=1e-6)


def test_a_gap_in_which_bytes_were_lost_is_disturbed(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5).timed_syncs(CLIENT, 10, 2, period=60)
    talk.wait_until(130).skip(CLIENT, 205)  # the third, not captured
    talk.timed_syncs(CLIENT, 190, 2, period=60)
    gaps = metrics.sync_gaps(lab.read())
    assert gaps.seconds.tolist() == [60, 120, 60]
    # the hole is told when it is given up, in the next gap
    assert gaps.disturbed.tolist() == [False, True, True]


def test_a_request_before_the_answer(lab: Lab) -> None:
    talk = lab.incoming(A, 0).announce(CLIENT, 5)
    talk.wait_until(10).timed_sync(CLIENT, answer=False)
    talk.wait_until(75).timed_sync(CLIENT, answer=False)
    talk.send(SERVER, craft.response(1002, craft.timed_sync_response()))
    talk.send(SERVER, craft.response(1002, craft.timed_sync_response()))
    assert metrics.sync_gaps(lab.read()).early.tolist() == [True]


def test_slots(lab: Lab) -> None:
    for peer, at, lasts in [(A, 0, 10), (B, 5, 10), (A, 8, 4)]:
        lab.incoming(peer, at).wait_until(at + lasts).close()
    lab.outgoing(C, 6).close()
    refused = lab.incoming(C, 7, opened=False)
    refused.emit(CLIENT, craft.SYN, sequence=999)
    refused.reset(SERVER)
    traffic = lab.read()
    slots = metrics.slots(traffic)
    assert set(slots.group) == {"other"}
    assert slots.open.tolist() == [1, 2, 3, 2, 1, 0]
    assert ((slots.time - slots.time[0]).dt.total_seconds().round(1)).tolist() == [
        0,
        5,
        8,
        10,
        12,
        15,
    ]
    by_class = metrics.slots(traffic, {A: "spy"})
    assert by_class[by_class.group == "spy"].open.tolist() == [1, 2, 1, 0]
    assert by_class[by_class.group == "other"].open.tolist() == [1, 0]
    assert metrics.slots(traffic, direction="outgoing").open.tolist() == [1, 0]
    holders = metrics.slot_holders(traffic)
    assert holders[["peer", "connections", "most"]].to_numpy().tolist() == [[A, 2, 2], [B, 1, 1]]
    assert holders.share.tolist() == pytest.approx([14 / 24, 10 / 24], abs=0.001)


# ---- one clock


def test_ticks_of_a_host_on_several_connections_are_one(lab: Lab) -> None:
    for number in range(3):
        lab.incoming(A, number).announce(CLIENT, 5).timed_syncs(
            CLIENT, 30 + number * 0.01, 3, height=9
        )
    ticks = metrics.peer_ticks(lab.read())
    assert len(ticks) == 3
    assert ticks.height.tolist() == [9, 9, 9]


def test_tick_pairs(lab: Lab) -> None:
    for peer, offset, height in [(A, 0, 7), (B, 0.002, 7), (C, 0.5, 7), ("192.0.2.9", 0.001, 8)]:
        lab.incoming(peer, offset).announce(CLIENT, 5).timed_syncs(
            CLIENT,
            30 + offset,
            6 if peer != B else 3,
            period=60,
            height=height,
        )
    tick_pairs_table = metrics.tick_pairs(lab.read(), window=0.01).set_index(["left", "right"])
    assert tick_pairs_table.index.tolist() == [(A, B), (A, "192.0.2.9"), (B, "192.0.2.9")]
    assert tick_pairs_table.loc[(A, B), ["together", "agreed", "ticks", "heights"]].tolist() == [
        3,
        3,
        3,
        1,
    ]
    assert tick_pairs_table.loc[(A, "192.0.2.9"), ["together", "agreed", "ticks"]].tolist() == [
        6,
        0,
        6,
    ]
    assert tick_pairs_table.loc[(A, B), "spread"] == pytest.approx(0.002, abs=1e-6)


def test_common_ticks_are_those_of_the_time_together(lab: Lab) -> None:
    """B has only three of A's six minutes, and is there in one of them by chance."""
    lab.incoming(A, 0).announce(CLIENT, 5).timed_syncs(CLIENT, 30, 6, period=60)
    lab.incoming(B, 0.3).announce(CLIENT, 5).timed_syncs(CLIENT, 90.001, 3, period=70)
    tick_pairs_table = metrics.tick_pairs(lab.read(), window=0.01).iloc[0]
    assert (tick_pairs_table.together, tick_pairs_table.ticks) == (1, 3)


def test_neighbours() -> None:
    times = np.array([0, 5, 9, 20, 25, 26])
    left, right = _neighbours(times, 6)
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == [
        (0, 1),
        (1, 2),
        (3, 4),
        (3, 5),
        (4, 5),
    ]


def test_nothing_gives_the_same_columns(lab: Lab) -> None:
    lab.session(A, 0, 5, lasts=30)
    lab.session(B, 0.001, 5, lasts=30)
    full = lab.read()
    other = Lab(lab.folder, HOST)
    other.outgoing(A, 0, opened=False).emit(CLIENT, craft.SYN)
    none = other.read()
    for name in (
        "connection_table",
        "categories",
        "short_lived",
        "requests",
        "sync_gaps",
        "sync_rhythm",
        "slots",
        "slot_holders",
        "peer_ticks",
        "tick_pairs",
    ):
        some, empty = getattr(metrics, name)(full), getattr(metrics, name)(none)
        assert list(some.columns) == list(empty.columns), name
        assert len(empty) == (1 if name in ("connection_table", "categories") else 0), name


@pytest.mark.parametrize(("second", "whole"), [(70, True), (40, False)])
def test_a_connection_in_which_the_clock_went_back_is_not_whole(
    tmp_path: Path, second: float, whole: bool
) -> None:
    talk = incoming().handshake().wait_until(60).timed_sync(CLIENT)
    talk.wait_until(second).timed_sync(SERVER)
    talk.close()
    path = tmp_path / "capture.pcap"
    path.write_bytes(craft.pcap(talk.packets))  # in the order in which they were recorded
    table = connection_table(mt.read(path, host=HOST))
    assert table["whole"].tolist() == [whole]
