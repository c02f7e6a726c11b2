"""Exact confidence intervals of a proportion (Clopper and Pearson, Biometrika 26, 1934)."""

from __future__ import annotations

from math import comb

_STEPS = 60


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The two-sided interval: a probability outside it makes as many hits, or as few, with a
    chance of at most (1 - confidence) / 2. Nothing is known without trials: (0, 1).
    """
    tail = (1 - confidence) / 2
    return _lower(hits, trials, tail), _upper(hits, trials, tail)


def upper_bound(hits: int, trials: int, confidence: float = 0.95) -> float:
    """The one-sided upper bound: 300 trials without a hit give 1 %."""
    return _upper(hits, trials, 1 - confidence)


def _lower(hits: int, trials: int, tail: float) -> float:
    """The probability with which at least as many hits have the chance `tail`."""
    return 0.0 if hits == 0 else 1 - _upper(trials - hits, trials, tail)


def _upper(hits: int, trials: int, tail: float) -> float:
    """The probability with which at most as many hits have the chance `tail`, by bisection."""
    if hits >= trials:
        return 1.0
    low, high = hits / trials, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _at_most(hits, trials, middle) > tail:
            low = middle
        else:
            high = middle
    return high


def _at_most(hits: int, trials: int, probability: float) -> float:
    """The chance of at most as many hits."""
    return sum(
        comb(trials, number) * probability**number * (1 - probability) ** (trials - number)
        for number in range(hits + 1)
    )
