"""From findings to verdicts: one vote per cause."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from monerotraffic.rules import verdicts
from monerotraffic.rules.likelihood import weight_of
from support.findings import finding, frame

PEER = "192.0.2.9"


def verdict(*rows: dict[str, object]) -> str:
    (verdict_rows,) = verdicts(frame(*rows))["verdict"]
    return str(verdict_rows)


def strong(rule: str, conclusive: bool = False) -> dict[str, object]:
    return finding(PEER, rule) | {"conclusive": conclusive}


def weak(rule: str, significant: bool = False) -> dict[str, object]:
    return finding(PEER, rule, "weak") | {"significant": significant}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([strong("ping_flood", conclusive=True)], "anomalous"),
        ([strong("ping_flood")], "suspicious"),  # seen once
        ([strong("ping_flood"), strong("wrong_network")], "anomalous"),  # two causes
        ([strong("bad_header"), strong("unknown_command")], "suspicious"),  # one cause, twice
        ([strong("ping_flood"), weak("over_fragmented")], "anomalous"),
        ([weak("over_fragmented"), weak("many_ports")], "suspicious"),  # by chance
        ([weak("over_fragmented", True), weak("many_ports", True)], "anomalous"),
        ([weak("over_fragmented", True)], "suspicious"),
        ([finding(PEER, "peer_id_shared", "context")] * 4, "context"),
        ([strong("ping_flood"), finding(PEER, "peer_id_shared", "context")], "suspicious"),
    ],
)
def test_votes(rows: list[dict[str, object]], expected: str) -> None:
    assert verdict(*rows) == expected


def test_what_others_can_forge_needs_a_vote_of_its_own() -> None:
    forged = [
        finding(PEER, rule, "weak") | {"forgeable_by": "another peer", "significant": True}
        for rule in ("peer_list_similar", "shared_backend")
    ]
    assert verdict(*forged) == "context"
    assert verdict(*forged, weak("over_fragmented")) == "anomalous"


def test_score_counts_a_cause_once() -> None:
    rows = [strong("bad_header"), strong("unknown_command"), weak("many_ports")]
    row = verdicts(frame(*rows)).iloc[0]
    weight = max(weight_of("bad_header"), weight_of("unknown_command")) + weight_of("many_ports")
    assert row["score"] == pytest.approx(1 - math.exp(-weight))
    assert row["causes"] == ["nodes_per_address", "wire_format"]
    assert row[["strong", "weak", "context"]].tolist() == [2, 1, 0]


def test_order() -> None:
    rows = frame(
        finding("192.0.2.1", "over_fragmented", "weak"),
        finding("192.0.2.2", "wrong_network"),
        finding("192.0.2.3", "ban_listed", "context"),
        finding("192.0.2.4", "pong_id_mismatch"),
    )
    verdict_rows = verdicts(rows)
    assert verdict_rows["verdict"].tolist() == ["anomalous", "anomalous", "suspicious", "context"]
    assert verdict_rows["peer"].tolist()[0] == "192.0.2.4"  # measured more often


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "fe80::1", "224.0.0.5"])
def test_addresses_that_are_not_public_get_no_verdict(address: str) -> None:
    assert verdicts(frame(finding(address))).empty
    assert list(verdicts(frame(finding(address))).columns) == list(
        verdicts(frame(finding(PEER))).columns
    )


def test_rows_in_any_order_give_the_same_verdicts() -> None:
    rows = frame(strong("ping_flood"), weak("many_ports"), finding("192.0.2.1", "wrong_network"))
    pd.testing.assert_frame_equal(
        verdicts(rows).drop(columns="rules"), verdicts(rows.iloc[::-1]).drop(columns="rules")
    )
