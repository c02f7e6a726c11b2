"""Exact confidence intervals of a proportion (Clopper and Pearson, Biometrika 26, 1934)."""

from __future__ import annotations

from monerotraffic.rules.likelihood import binomial_bounds


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The two-sided interval: a probability outside it makes as many hits, or as few, with a
    chance of at most (1 - confidence) / 2. Nothing is known without trials: (0, 1).
    """
    return binomial_bounds(hits, trials, (1 + confidence) / 2)


def upper_bound(hits: int, trials: int, confidence: float = 0.95) -> float:
    """The one-sided upper bound: 300 trials without a hit give 1 %."""
    return binomial_bounds(hits, trials, confidence)[1]
