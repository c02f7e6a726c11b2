"""The composition of peer lists over time, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic import banlist
from monerotraffic.metrics import white_list_composition
from support.checks import check_metric
from support.conversation_builder import HOST, START, ConversationBuilder, incoming, read
from support.craft import CLIENT, SERVER, SYN

S = "20.9.0.1"
A, B, C = ("20.1.0.1", 18080), ("20.1.0.2", 18080), ("20.1.0.2", 18081)
D, E, F = ("20.1.7.1", 18080), ("2a01:1:2:3::1", 18080), ("2a01:1:2:4::1", 18080)


@pytest.fixture
def traffic(tmp_path: Path) -> mt.Traffic:
    """Steps are of 100 s. The peer sends lists in the steps 0, 1 and 3, the vantage node sends two
    in step 5. It connects to A, and fails to connect to C.
    """
    talk = incoming(S).handshake().peer_lists(CLIENT, [A, B, C, E, A])
    talk.wait_until(150).peer_lists(CLIENT, [B, D, E, F])
    talk.wait_until(310).peer_lists(CLIENT, [A])
    talk.wait_until(550).peer_lists(SERVER, [A, B], [B, C])
    reached = ConversationBuilder((HOST, 50000), A).wait_until(5).open()
    failed = ConversationBuilder((HOST, 50001), C).wait_until(6)
    failed.emit(CLIENT, SYN)
    return read(tmp_path, talk, reached, failed)


def rows(traffic: mt.Traffic, columns: str, **options: object) -> list[list[object]]:
    table = white_list_composition(traffic, step_s=100, **options)  # type: ignore[arg-type]
    chosen = table[columns.split()].astype(object)
    values: list[list[object]] = chosen.where(chosen.notna(), None).to_numpy().tolist()
    return values


def test_steps(traffic: mt.Traffic) -> None:
    table = white_list_composition(traffic, step_s=100)
    assert table["direction"].tolist() == ["received"] * 3 + ["sent"]
    assert table["peer"].dropna().tolist() == [S] * 3
    seconds = (table["time"].astype("int64") - START) / 1e9
    assert seconds.tolist() == [0, 100, 300, 500]
    assert table["vantage"].astype(str).unique().tolist() == [HOST]


def test_endpoints(traffic: mt.Traffic) -> None:
    assert rows(traffic, "lists endpoints new kept left") == [
        [1, 4, None, None, None],
        [1, 4, 2, 2, 2],  # B and E stay; A and C leave
        [1, 1, 1, 0, 4],  # compared with step 1, the last one with lists
        [2, 3, None, None, None],
    ]


def test_subnets(traffic: mt.Traffic) -> None:
    """Three endpoints in one /24; two IPv6 addresses in two /64 of one /32."""
    assert rows(traffic, "subnets wide_subnets") == [[2, 2], [4, 2], [1, 1], [1, 1]]


def test_flagged(traffic: mt.Traffic) -> None:
    near = rows(traffic, "flagged_share", flagged=["20.1.0.77", F[0]])
    assert near == [[0.75], [0.5], [1.0], [1.0]]
    banned = rows(traffic, "flagged_share", flagged=banlist.parse("20.1.0.1"))
    assert banned == [[0.25], [0.0], [1.0], [1 / 3]]
    assert rows(traffic, "flagged_share") == [[None]] * 4


def test_reachable(traffic: mt.Traffic) -> None:
    assert rows(traffic, "tried unreachable") == [[2, 1], [0, 0], [1, 0], [2, 1]]


def test_arguments(traffic: mt.Traffic) -> None:
    check_metric(white_list_composition, traffic)
    with pytest.raises(ValueError, match="step_s=0: must be more than 0"):
        white_list_composition(traffic, step_s=0)
