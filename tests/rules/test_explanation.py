"""What a rule says of itself."""

from __future__ import annotations

import pytest

from monerotraffic.rules import PRESETS, RULES, get
from monerotraffic.rules.explanation import explanation, facts


def test_a_rule_prints_as_its_explanation() -> None:
    text = repr(get("ping_flood"))
    assert text.splitlines()[0] == "ping_flood (MT502, family connections)"
    for part in (
        "definition       More than max_pings pings",
        "standard node    monerod pings once, ",
        "preset default   max_pings 1\n",
        "preset arxiv-v1  max_pings 2\n",
        "forgeable        by no one",
        "source           src/p2p/net_node.inl try_ping",
        "\n\ntry_ping is the only place where monerod pings",
    ):
        assert part in text, part


def test_by_name_or_id() -> None:
    assert get("MT502") is get("ping_flood") is RULES["ping_flood"]
    with pytest.raises(
        ValueError, match=r"unknown rule 'pingflod': the most similar names are ping_flood$"
    ):
        get("pingflod")
    with pytest.raises(ValueError, match="must be one of support_flags_missing, "):
        get("")


@pytest.mark.parametrize("name", RULES)
def test_every_rule_explains_itself(name: str) -> None:
    rule = RULES[name]
    terms = dict(facts(rule))
    assert set(terms) >= {"definition", "standard node", "cause", "forgeable", "false positives"}
    assert set(terms) >= {"source", *(f"preset {preset}" for preset in PRESETS)}
    assert all(terms.values())
    assert rule.standard.endswith(".")
    text = explanation(rule, 60)
    assert "`" not in text and "**" not in text
    assert max(map(len, text.splitlines())) <= 60 or any(len(word) > 40 for word in text.split())
