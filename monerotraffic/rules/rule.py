"""A rule: one decorated function that states what it is, and the observations that it returns.

Owns the decorator and the form of observations. Knows no single rule. Used by every family of
rules, by the engine and by the generated documentation.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from monerotraffic.rules.explanation import explanation, plain, shown
from monerotraffic.rules.reasons import Reason, formatted
from monerotraffic.tables.view import View

__all__ = [
    "OBSERVATION",
    "PRESETS",
    "PUBLISHED",
    "Forger",
    "Parameters",
    "Rule",
    "Weight",
    "observations",
    "rule",
]

Family = Literal[
    "structure", "fragmentation", "peer_lists", "identity", "connections", "relay", "network"
]
Weight = Literal["strong", "weak", "context"]
Forger = Literal["nobody", "another peer", "off-path"]
Parameters = Mapping[str, object]
"""Keyword arguments of a rule, by name.

>>> from monerotraffic import rules
>>> rules.get("ping_flood").parameters
{'max_pings': 1}
"""

OBSERVATION = (
    "peer",
    "connection",
    "message",
    "time",
    "file",
    "frame",
    "measure",
    "accuses",
    "chance",
    "other_connection",
)
"""Columns of the observations of a rule, one row for each thing that it counts.

`measure` is the number that the rule judges by, in its own terms (a ratio, seconds, …). `accuses`
is false where an honest peer in a known situation looks the same: the observation is context.
`chance` is the probability of the observation for an honest peer where the rule computes one, else
missing. `other_connection` is a second connection that the observation rests on, else missing."""

PUBLISHED: Mapping[str, Parameters] = {"arxiv-v1": {}, "aft-2026": {}}
"""Presets of a rule that the paper has with our parameters."""

PRESETS = ("default", *PUBLISHED)
"""Names of the presets: this package's own, and the published variants of the paper.

>>> from monerotraffic import rules
>>> rules.PRESETS
('default', 'arxiv-v1', 'aft-2026')
"""


@dataclass(frozen=True, repr=False)
class Rule:
    """One way in which a peer can differ from a standard node.

    Calling it with a View, and parameters other than the defaults as keywords, returns its
    observations: one row per thing that it counts (`unit`), with the columns OBSERVATION.

    >>> import monerotraffic as mt
    >>> from monerotraffic import rules
    >>> view = mt.read("tests/data/spies").peers
    >>> rules.get("peer_list_oversized")(view)[["peer", "measure"]].drop_duplicates()
                peer  measure
    0  198.18.252.84    300.0
    """

    name: str
    id: str
    """Stable identifier: MT, the number of the family, the number within it."""
    family: Family
    weight: Weight
    unit: str
    """What is counted: message, connection, peer list, handshake, …"""
    cause: str
    """Which independent cause it is a sign of: rules of one cause have one vote together."""
    forgeable_by: Forger
    """Who else can make an innocent peer look like this: nobody, another peer with connections of
    its own, or anybody who sends packets with a forged address (off-path)."""
    standard: str
    """What a standard node does instead, and why it cannot or does not show this."""
    reason: Reason
    """Template of the sentence that says why a peer is flagged."""
    evasion: str
    """What it costs a spy to avoid the rule."""
    source: str
    """Where the standard behaviour is defined: monerod file, RFC, section of the paper."""
    observe: Callable[..., pd.DataFrame]
    description: str
    """The docstring of the function, in Markdown."""
    parameters: Parameters
    """Defaults of the keyword-only parameters: the preset `default`."""
    compares_peers: bool = False
    """Whether the observations of a peer depend on rows of peers of other sites."""
    since: str = ""
    """First version of monerod with the standard behaviour; empty: all versions."""
    until: str = ""
    """Last version of monerod with it; empty: the newest."""
    known_false_positives: str = ""
    """What looks like the anomaly and is not misbehaviour."""
    paper: str = ""
    """Abbreviation in the paper (arXiv 2509.10214), if it is one of its rules."""
    presets: Mapping[str, Parameters] | None = None
    """By published variant that has the rule: the parameters that differ from the defaults."""

    def __call__(self, view: View, **parameters: object) -> pd.DataFrame:
        return self.observe(view, **parameters)

    def __repr__(self) -> str:
        return explanation(self)

    @property
    def definition(self) -> str:
        """When a peer is flagged: the first paragraph of the description, as one line.

        >>> from monerotraffic import rules
        >>> rules.get("ping_flood").definition
        'More than `max_pings` pings (1003 requests) of the peer on one connection.'
        """
        return self.description.split("\n\n")[0].replace("\n", " ")

    def definition_with(self, parameters: Parameters) -> str:
        """The definition as plain text, with the values in place of the names of parameters.

        >>> from monerotraffic import rules
        >>> rules.get("ping_flood").definition_with({"max_pings": 3})
        'More than 3 pings (1003 requests) of the peer on one connection.'
        """
        values = re.compile(r"`(\w+)`")

        def value(name: re.Match[str]) -> str:
            known = name[1] in parameters
            return shown(parameters[name[1]]) if known else name[1]

        return plain(values.sub(value, self.definition))

    def parameters_of(self, preset: str) -> Parameters | None:
        """Parameters of a preset; None if the rule is not in it.

        >>> from monerotraffic import rules
        >>> rules.get("ping_flood").parameters_of("arxiv-v1")
        {'max_pings': 2}
        """
        if preset == "default":
            return self.parameters
        presets = self.presets or {}
        return {**self.parameters, **presets[preset]} if preset in presets else None

    def by_preset(self) -> Mapping[str, Parameters | None]:
        """The parameters of every preset.

        >>> from monerotraffic import rules
        >>> for preset, parameters in rules.get("ping_flood").by_preset().items():
        ...     print(preset, parameters)
        default {'max_pings': 1}
        arxiv-v1 {'max_pings': 2}
        aft-2026 {'max_pings': 2}
        """
        return {preset: self.parameters_of(preset) for preset in PRESETS}

    def why(self, parameters: Parameters, highest: float, lowest: float, observations: int) -> str:
        """Why a peer is flagged: one sentence with the measured value and the threshold.

        `highest` and `lowest` are the extremes of the measures of its observations.

        >>> from monerotraffic import rules
        >>> ping_flood = rules.get("ping_flood")
        >>> ping_flood.why(ping_flood.parameters, highest=27, lowest=27, observations=1)
        'sent 27 pings on one connection (a standard node sends at most 1)'
        """
        return formatted(self.reason, parameters, highest, lowest, observations)


def rule(
    id: str,
    *,
    family: Family,
    weight: Weight,
    unit: str,
    cause: str,
    forgeable_by: Forger = "nobody",
    standard: str,
    reason: Reason,
    evasion: str,
    source: str,
    compares_peers: bool = False,
    since: str = "",
    until: str = "",
    known_false_positives: str = "",
    paper: str = "",
    presets: Mapping[str, Parameters] | None = None,
) -> Callable[[Callable[..., pd.DataFrame]], Rule]:
    """Makes a Rule of a function from a View to observations.

    The function's name is the rule's, its docstring the definition, and its keyword-only
    parameters, each with a default, are its thresholds. Raises TypeError if a threshold has no
    default, or a preset names a parameter that the function lacks, and KeyError if the reason names
    one.
    """

    def decorate(observe: Callable[..., pd.DataFrame]) -> Rule:
        name = observe.__name__
        _, *given = inspect.signature(observe).parameters.values()
        loose = [one.name for one in given if one.kind is not one.KEYWORD_ONLY]
        loose += [one.name for one in given if one.default is one.empty]
        if loose:
            raise TypeError(f"rule {name}: {loose[0]} must be keyword-only and have a default")
        parameters = {one.name: one.default for one in given}
        for preset, differing in (presets or {}).items():
            unknown = sorted(set(differing) - set(parameters))
            if unknown:
                raise TypeError(f"rule {name}: preset {preset} has no parameter {unknown[0]}")
        rule = Rule(
            name=name,
            id=id,
            family=family,
            weight=weight,
            unit=unit,
            cause=cause,
            forgeable_by=forgeable_by,
            standard=standard,
            reason=reason,
            evasion=evasion,
            source=source,
            compares_peers=compares_peers,
            observe=observe,
            description=inspect.getdoc(observe) or "",
            parameters=parameters,
            since=since,
            until=until,
            known_false_positives=known_false_positives,
            paper=paper,
            presets=presets,
        )
        for given_parameters in rule.by_preset().values():
            if given_parameters is not None:
                rule.why(given_parameters, 1.0, 1.0, 1)  # KeyError now, not at a finding
        return rule

    return decorate


def observations(
    rows: pd.DataFrame,
    measure: pd.Series | np.ndarray | float | None = None,
    *,
    accuses: pd.Series | np.ndarray | bool = True,
    chance: pd.Series | np.ndarray | None = None,
) -> pd.DataFrame:
    """Rows of a View's frame as observations.

    Columns that `rows` lacks (`connection`, `message`, `file`, `frame`, `other_connection`) are
    missing. The measure is the given one, else the column `measure`, else 1. A row without `time`
    counts from `opened`.
    """
    table = pd.DataFrame(index=rows.index)
    table["peer"] = rows["peer"]
    for name in ("connection", "message", "file", "frame", "other_connection"):
        table[name] = (
            rows[name].astype("Int64")
            if name in rows
            else pd.array([pd.NA] * len(rows), dtype="Int64")
        )
    table["time"] = rows["time"] if "time" in rows else rows["opened"]
    given = rows["measure"] if measure is None and "measure" in rows else measure
    table["measure"] = pd.Series(
        given if given is not None else 1.0, index=rows.index, dtype="float64"
    )
    table["accuses"] = pd.Series(accuses, index=rows.index, dtype=bool)
    table["chance"] = pd.Series(
        chance if chance is not None else np.nan, index=rows.index, dtype="float64"
    )
    return table[list(OBSERVATION)].reset_index(drop=True)
