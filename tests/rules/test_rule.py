"""The decorator of rules: what it takes from the function, and what it refuses."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from monerotraffic.rules import RULES
from monerotraffic.rules.rule import OBSERVATION, observations, rule
from monerotraffic.tables.view import View

FAMILIES = ("structure", "fragmentation", "peer_lists", "identity", "connections", "relay")
DIGIT = {name: str(number) for number, name in enumerate((*FAMILIES, "network"), start=1)}


def decorator(**more: object):  # type: ignore[no-untyped-def]
    fixed = {"source": "a file", "evasion": "free", "standard": "It does not."}
    more = {"family": "relay", "weight": "weak", "unit": "message", "cause": "turns", **more}
    return rule("MT999", **{"reason": "did it", **fixed, **more})


def test_the_function_is_the_rule() -> None:
    @decorator(since="0.18.0", presets={"arxiv-v1": {"min_messages": 2}})
    def some_rule(view: View, *, min_messages: int = 3, max_gap_s: float = 1.5) -> pd.DataFrame:
        """Too many
        messages.

        Why.
        """
        return pd.DataFrame({"least": [min_messages]})

    assert (some_rule.name, some_rule.id, some_rule.since) == ("some_rule", "MT999", "0.18.0")
    assert some_rule.definition == "Too many messages."
    assert some_rule.description.endswith("Why.")
    assert some_rule.parameters == {"min_messages": 3, "max_gap_s": 1.5}
    assert some_rule.parameters_of("arxiv-v1") == {"min_messages": 2, "max_gap_s": 1.5}
    assert some_rule.parameters_of("aft-2026") is None
    view = View.__new__(View)
    assert list(some_rule(view)["least"]) == [3]
    assert list(some_rule(view, min_messages=5)["least"]) == [5]


def test_a_threshold_is_keyword_only_and_has_a_default() -> None:
    with pytest.raises(TypeError, match="rule some_rule: min_messages must be keyword-only"):

        @decorator()
        def some_rule(view: View, min_messages: int = 3) -> pd.DataFrame: ...

    with pytest.raises(TypeError, match="rule other_rule: max_gap_s must be keyword-only"):

        @decorator()
        def other_rule(view: View, *, max_gap_s: float) -> pd.DataFrame: ...


def test_a_preset_names_known_parameters() -> None:
    with pytest.raises(TypeError, match="preset aft-2026 has no parameter max_gap_s"):

        @decorator(presets={"aft-2026": {"max_gap_s": 1}})
        def some_rule(view: View, *, min_messages: int = 3) -> pd.DataFrame: ...


def test_a_reason_names_known_values() -> None:
    for reason in ("more than {max_gap_s}", lambda _: "more than {max_gap_s}"):
        with pytest.raises(KeyError, match="max_gap_s"):

            @decorator(reason=reason)
            def some_rule(view: View, *, min_messages: int = 3) -> pd.DataFrame: ...


def test_the_definition_with_values() -> None:
    assert RULES["ping_flood"].definition_with({"max_pings": 7}) == (
        "More than 7 pings (1003 requests) of the peer on one connection."
    )
    assert "`" not in RULES["wrong_network"].definition_with({})


def test_ids_are_grouped_by_family() -> None:
    ids = [one.id for one in RULES.values()]
    assert ids == sorted(set(ids))
    for one in RULES.values():
        assert re.fullmatch(r"MT[1-7]\d\d", one.id)
        assert one.id[2] == DIGIT[one.family], one.name


def test_parameters_say_quantity_and_unit() -> None:
    """No bare `seconds`, `hosts` or `share`: a limit is a min or a max, a time ends in _s
    or _h."""
    for one in RULES.values():
        for name, value in one.parameters.items():
            if isinstance(value, float):
                assert name.startswith(("min_", "max_")) or name.endswith(("_s", "_h")), (
                    one.name,
                    name,
                )
            assert name not in ("seconds", "hosts", "share", "entries", "margin"), one.name


def test_observations_of_rows_without_a_message() -> None:
    rows = pd.DataFrame({"peer": ["a"], "connection": [3], "opened": [pd.Timestamp(5)]}, index=[9])
    table = observations(rows)
    assert list(table.columns) == list(OBSERVATION)
    assert table["connection"].tolist() == [3]
    assert table["message"].isna().all()
    assert table["time"].tolist() == [pd.Timestamp(5)]
    assert table["measure"].tolist() == [1.0]
