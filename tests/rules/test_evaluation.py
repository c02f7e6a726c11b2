"""Findings against labels."""

from __future__ import annotations

import math

from monerotraffic.rules.catalogue import RULES
from monerotraffic.rules.evaluation import HONEST, RULES_OF_LABEL, evaluate
from support.findings import finding, frame

LABELS = {
    "192.0.2.1": ["ping_flooding"],
    "192.0.2.2": ["ping_flooding", "garbage_after_handshake"],
    "192.0.2.3": ["monerod"],
    "192.0.2.4:18080": ["ping_flooding"],  # an endpoint: findings are about addresses
}


def test_counts_of_one_rule() -> None:
    findings = frame(
        finding("192.0.2.1"), finding("192.0.2.3"), finding("192.0.2.9"), finding("192.0.2.1")
    )
    row = evaluate(findings, LABELS).set_index("rule").loc["ping_flood"]
    assert (row["expected"], row["detected"], row["missed"]) == (2, 1, ["192.0.2.2"])
    assert row["honest"] == ["192.0.2.3"]
    assert row["unlabelled"] == ["192.0.2.9"]
    assert (row["recall"], row["precision"]) == (0.5, 1 / 3)


def test_rules_without_a_label_and_without_a_finding() -> None:
    table = evaluate(frame(finding("192.0.2.9", "subnet_dense")), LABELS).set_index("rule")
    assert set(table.index) == {"garbage", "ping_flood", "subnet_dense"}
    assert table.loc["garbage", "missed"] == ["192.0.2.2"]
    assert table.loc["garbage", "recall"] == 0
    assert math.isnan(table.loc["subnet_dense", "recall"])


def test_one_label_of_a_spy_makes_a_peer_no_honest_one() -> None:
    labels = {"192.0.2.1": ["monerod", "ping_flooding"]}
    row = evaluate(frame(finding("192.0.2.1", "garbage")), labels).set_index("rule").loc["garbage"]
    assert row["honest"] == []


def test_labels_ask_for_rules_that_exist() -> None:
    assert {rule for rules in RULES_OF_LABEL.values() for rule in rules} <= set(RULES)
    assert not HONEST & set(RULES_OF_LABEL)
    assert not HONEST & set(RULES)


def test_nothing() -> None:
    assert evaluate(frame(), {}).empty
