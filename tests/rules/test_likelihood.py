"""Measured weights, and the bounds that they stand on."""

from __future__ import annotations

import math

import pytest

from monerotraffic.rules import RULES
from monerotraffic.rules.likelihood import (
    Counts,
    binomial_bounds,
    chance_of,
    counts,
    counts_instead,
    weight_of,
)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 300, 0.0, 1 - 0.05 ** (1 / 300)),  # the rule of three: 1 %
        (5, 5, 0.05 ** (1 / 5), 1.0),
        (1, 2, 1 - math.sqrt(0.95), math.sqrt(0.95)),
        (8, 10, 0.49310, 0.96323),
    ],
)
def test_bounds(hits: int, trials: int, low: float, high: float) -> None:
    assert binomial_bounds(hits, trials) == pytest.approx((low, high), abs=1e-5)


def test_every_rule_is_counted() -> None:
    assert set(counts()) == set(RULES)
    for name, measured in counts().items():
        assert 0 <= measured.asked_votes <= measured.asked, name
        assert 0 <= measured.honest_votes <= measured.honest, name


def test_no_honest_peer_was_accused() -> None:
    assert {name for name, measured in counts().items() if measured.honest_votes} == set()


def test_what_was_not_measured_has_no_weight() -> None:
    assert weight_of("ban_listed") == 0.0
    assert chance_of("no such rule") == 1.0
    assert weight_of("no such rule") == 0.0


def test_weight_is_the_ratio_of_the_bounds() -> None:
    measured = counts()["pong_id_mismatch"]
    low = binomial_bounds(measured.asked_votes, measured.asked)[0]
    high = binomial_bounds(measured.honest_votes, measured.honest)[1]
    assert weight_of("pong_id_mismatch") == pytest.approx(math.log(low / high))
    assert chance_of("pong_id_mismatch") == high


def test_counts_of_other_captures() -> None:
    before = weight_of("pong_id_mismatch"), dict(counts())
    with counts_instead({"pong_id_mismatch": Counts(5, 5, 300, 0)}):
        assert set(counts()) == {"pong_id_mismatch"}
        assert chance_of("pong_id_mismatch") == pytest.approx(1 - 0.05 ** (1 / 300))
        assert weight_of("pong_id_mismatch") == pytest.approx(
            math.log(0.05 ** (1 / 5) / (1 - 0.05 ** (1 / 300)))
        )
        assert weight_of("garbage") == 0.0
    assert (weight_of("pong_id_mismatch"), dict(counts())) == before
