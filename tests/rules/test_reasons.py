"""The sentences that say why a peer is flagged."""

from __future__ import annotations

import math
import re

import pytest

from monerotraffic.rules import PRESETS, RULES
from monerotraffic.rules.reasons import formatted


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{highest}", "1,234"),
        ("{highest:#}", "1234"),
        ("{highest:ping}", "1,234 pings"),
        ("{observations:entry|entries}", "2 entries"),
        ("{one:ping}", "1 ping"),
        ("{lowest}", "0.00123"),
        ("{lowest:%}", "0.123 %"),
        ("{share:%}", "25 %"),
        ("{flags}", "0, 1"),
        ("{by}", "host"),
    ],
)
def test_formats_of_values(template: str, text: str) -> None:
    parameters = {"one": 1, "share": 0.25, "flags": (0, 1), "by": "host"}
    assert formatted(template, parameters, 1234.0, 0.001234, 2) == text


def test_measures_that_are_no_finite_numbers() -> None:
    assert formatted("{highest}, {lowest:ping}", {}, math.inf, math.nan, 1) == (
        "unlimited, unknown pings"
    )


def test_a_function_chooses_by_the_parameters() -> None:
    def reason(parameters: object) -> str:
        return "one" if parameters == {"by": "host"} else "other"

    assert formatted(reason, {"by": "host"}, 1, 1, 1) == "one"
    assert formatted(reason, {}, 1, 1, 1) == "other"


def test_ping_flood() -> None:
    rule = RULES["ping_flood"]
    assert rule.why({"max_pings": 1}, 27, 2, 30) == (
        "sent 27 pings on one connection (a standard node sends at most 1)"
    )


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_reason_is_one_plain_line_with_a_threshold(name: str, preset: str) -> None:
    rule = RULES[name]
    parameters = rule.parameters_of(preset)
    if parameters is None:
        return
    text = rule.why(parameters, 7654, 4321, 98)
    assert not re.search(r"[`{}\n]", text)
    assert re.search("7,?654|4,?321|98", text), "has no measured value"
    assert re.search(r"\(.*(standard|flagged|monerod|none|no peer|expected).*\)$", text), text
    assert text[0].islower() and not text.endswith(".")
    assert len(text) < 170


def test_counts_of_one_are_singular() -> None:
    for rule in RULES.values():
        text = rule.why(rule.parameters, 1, 1, 1)
        assert not re.search(r"\b1 \w+[^s]s\b", text.partition("(")[0]), text
