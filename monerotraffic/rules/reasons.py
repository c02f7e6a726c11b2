"""Reasons: one plain sentence for each finding, with the measured value and the threshold.

Owns the templates' format. Knows no rule. Used by the decorator of rules and by the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["Reason", "formatted"]

Reason = str | Callable[[Mapping[str, object]], str]
"""A template, or a function that chooses one by the parameters of the rule.

A template is a str.format string. Its names are `highest` and `lowest` (of the measures of the
observations), `observations` (how many), and the parameters of the rule. After a name may follow

- `:%`, per cent;
- `:#`, digits without separators, for numbers that are names, such as commands;
- `:noun` or `:singular|plural`, the number and what it counts."""

_DIGITS: Final = 3  # of a fraction


class _Number:
    """A number with the formats of templates."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __format__(self, form: str) -> str:
        if form == "#":
            return f"{self._value:.0f}"
        if form == "%":
            return f"{_text(100 * self._value)} %"
        if not form:
            return _text(self._value)
        one, _, several = form.partition("|")
        return f"{_text(self._value)} {one if self._value == 1 else several or one + 's'}"


def _text(value: float) -> str:
    """Whole numbers with separators, others with three significant digits."""
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "unlimited"
    if value == round(value) or abs(value) >= 10**_DIGITS:
        return f"{value:,.0f}"
    return f"{value:.{_DIGITS}g}"


class _Words:
    """A parameter that is no number: names and lists of names."""

    def __init__(self, value: object) -> None:
        several = isinstance(value, list | tuple | set | frozenset)
        self._text = ", ".join(map(str, value)) if several else str(value)  # type: ignore[call-overload]

    def __format__(self, form: str) -> str:
        return self._text


def formatted(
    reason: Reason,
    parameters: Mapping[str, object],
    highest: float,
    lowest: float,
    observations: int,
) -> str:
    """The sentence. Raises KeyError for a name that is neither a parameter nor a measured value."""
    template = reason if isinstance(reason, str) else reason(parameters)
    measured = {"highest": highest, "lowest": lowest, "observations": observations}
    values = {**parameters, **measured}
    return template.format_map(
        {
            name: _Number(value)
            if isinstance(value, int | float) and not isinstance(value, bool)
            else _Words(value)
            for name, value in values.items()
        }
    )
