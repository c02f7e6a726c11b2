"""All rules by name."""

from __future__ import annotations

import re

from monerotraffic.rules.catalogue import RULES


def test_names_and_ids() -> None:
    assert len(RULES) >= 30
    assert all(name == rule.name for name, rule in RULES.items())
    ids = [rule.id for rule in RULES.values()]
    assert ids == sorted(ids) and len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"MT\d{3}", one) for one in ids)


def test_every_rule_has_a_definition_and_a_known_weight() -> None:
    for rule in RULES.values():
        assert len(rule.definition) > 20, rule.name
        assert rule.weight in ("strong", "weak", "context"), rule.name
        assert rule.source and rule.unit, rule.name


def test_ids_of_a_family_share_their_first_digit() -> None:
    digits: dict[str, set[str]] = {}
    for rule in RULES.values():
        digits.setdefault(rule.family, set()).add(rule.id[2])
    assert all(len(firsts) == 1 for firsts in digits.values()), digits
    assert len(set.union(*digits.values())) == len(digits)
