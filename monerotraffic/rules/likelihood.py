"""How much a finding of a rule says, as measured on captures and runs with labels.

Owns the bounds. Reads counts.csv, which python -m testbed.evaluate --counts writes.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import NamedTuple

__all__ = ["Counts", "binomial_bounds", "chance_of", "counts", "counts_instead", "weight_of"]

_CONFIDENCE = 0.95


class Counts(NamedTuple):
    """How often a finding of a rule, more than context, was right and wrong."""

    asked: int
    """Peers with a label that asks for the rule."""
    asked_votes: int
    honest: int
    """Honest peers."""
    honest_votes: int


_NOT_MEASURED = Counts(0, 0, 0, 0)
_instead: ContextVar[Mapping[str, Counts] | None] = ContextVar("_instead", default=None)


@cache
def _shipped() -> Mapping[str, Counts]:
    with files("monerotraffic.rules").joinpath("counts.csv").open("r", encoding="utf-8") as lines:
        return {
            row["rule"]: Counts(*(int(row[name]) for name in Counts._fields))
            for row in csv.DictReader(lines)
        }


def counts() -> Mapping[str, Counts]:
    """By rule."""
    instead = _instead.get()
    return _shipped() if instead is None else instead


@contextmanager
def counts_instead(table: Mapping[str, Counts]) -> Iterator[None]:
    """Weights and chances come from these counts inside the context, for example from those of
    other captures than the one that is judged (cross-validation).
    """
    token = _instead.set(table)
    try:
        yield
    finally:
        _instead.reset(token)


def chance_of(rule: str) -> float:
    """Upper bound (one-sided, 95 %) on the share of honest peers that a rule accuses; 1 if it was
    not measured.
    """
    return _chance(counts().get(rule, _NOT_MEASURED))


def weight_of(rule: str) -> float:
    """Lower bound of the log-likelihood ratio of a finding of the rule (nats), at least 0: that of
    the share of labelled peers accused, less that of the share of honest peers accused.
    """
    return _weight(counts().get(rule, _NOT_MEASURED))


@cache
def _chance(measured: Counts) -> float:
    return binomial_bounds(measured.honest_votes, measured.honest)[1]


@cache
def _weight(measured: Counts) -> float:
    recall = binomial_bounds(measured.asked_votes, measured.asked)[0]
    return max(0.0, math.log(recall / _chance(measured))) if recall > 0 else 0.0


def binomial_bounds(hits: int, trials: int, confidence: float = _CONFIDENCE) -> tuple[float, float]:
    """One-sided bounds (Clopper and Pearson 1934), each at the confidence, of a probability of
    which `hits` of `trials` were seen; 0 and 1 without trials.
    """
    low = _crossing(lambda p: _at_most(hits - 1, trials, p) > confidence) if hits else 0.0
    high = _crossing(lambda p: _at_most(hits, trials, p) > 1 - confidence) if hits < trials else 1.0
    return low, high


def _crossing(below: Callable[[float], bool]) -> float:
    """Where a monotonic condition on a probability changes from true to false."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


def _at_most(hits: int, trials: int, p: float) -> float:
    """Probability of at most `hits` of `trials`, each with probability `p`."""
    if p >= 1:
        return float(hits >= trials)
    every, some, other = math.lgamma(trials + 1), math.log(p), math.log1p(-p)
    return math.fsum(
        math.exp(
            every
            - math.lgamma(one + 1)
            - math.lgamma(trials - one + 1)
            + one * some
            + (trials - one) * other
        )
        for one in range(hits + 1)
    )
