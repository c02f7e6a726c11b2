"""Rules: how a peer can differ from a standard node, and findings with evidence. docs/rules.md
defines each.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from monerotraffic.rules.catalogue import RULES
from monerotraffic.rules.engine import PRESETS, find
from monerotraffic.rules.evaluation import HONEST, RULES_OF_LABEL, evaluate
from monerotraffic.rules.rule import Parameters, Rule
from monerotraffic.rules.sources import views_of
from monerotraffic.rules.verdicts import VERDICTS, WEIGHTS, verdicts
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View

if TYPE_CHECKING:
    from monerotraffic.store import Dataset

__all__ = [
    "HONEST",
    "PRESETS",
    "RULES",
    "RULES_OF_LABEL",
    "VERDICTS",
    "WEIGHTS",
    "Parameters",
    "Rule",
    "evaluate",
    "find_anomalies",
    "get",
    "verdicts",
]


def get(name: str) -> Rule:
    """A rule by its name or its id. Printed, it explains itself: its definition, what a standard
    node does instead, its cause, who can forge it, its known false positives, its thresholds by
    preset, and its source.

    Raises ValueError, with the most similar names, if there is no such rule.

    >>> get("ping_flood").definition
    'More than `max_pings` pings (1003 requests) of the peer on one connection.'
    >>> get("MT502").name
    'ping_flood'
    """
    for rule in RULES.values():
        if name in (rule.name, rule.id):
            return rule
    near = difflib.get_close_matches(name, RULES, cutoff=0.5)
    if near:
        raise ValueError(f"unknown rule {name!r}: the most similar names are {', '.join(near)}")
    raise ValueError(f"unknown rule {name!r}: must be one of {', '.join(RULES)}")


def find_anomalies(
    traffic: Traffic | View | Dataset | Iterable[Traffic],
    preset: str = "default",
    rules: Iterable[str] | None = None,
    parameters: Mapping[str, Parameters] | None = None,
    *,
    agree: int = 1,
    client: Any = None,
) -> pd.DataFrame:
    """What peers do that a standard node does not: one row per vantage node, peer and rule, with
    evidence.

    Parameters
    ----------
    traffic
        A Traffic with all tables that the rules look at (the default of monerotraffic.read), or a
        View of one. For captures that do not fit into memory a data set (monerotraffic.open), or a
        scan (what monerotraffic.scan returns), which is written to a temporary data set. Their rows
        are read in groups of peers; findings are those of the same captures in one Traffic, up to
        the rounding of `score`. All connections, and all rows of one IPv4 address or IPv6 /64, have
        to fit into memory.
    preset
        `default`, whose rules flag no honest monerod of the labelled captures, or the published
        variants of the paper, `arxiv-v1` (arXiv 2509.10214v1) and
        `aft-2026`, which have fewer rules and their own parameters.
    rules
        Names of the rules to apply; all of the preset if None.
    parameters
        By rule, parameters other than the preset's.
    agree
        How many of several vantage nodes, read by name, have to find the same rule in a peer. What
        fewer of them find is context, and so does not change a verdict.

    client
        A dask.distributed.Client: its workers read the groups of peers of a data set and apply the
        rules. They need the data set under the same path.

    Returns
    -------
    DataFrame with the columns `vantage` (the name of the vantage node, its address without names),
    `peer`, `rule`, `family`, `weight` (strong: a standard node
    cannot do this; weak: other causes exist; context: never enough alone), `unit` and
    `observations` (how many of what were seen), `score` (the largest measure that the rule goes
    by), `reason` (why the peer is flagged: one sentence with the measured value and the threshold),
    `first_time`, `last_time`, and the evidence, at most 20 of each: `connections` and `messages`
    (ids), `places` (file:frame), and `display_filter`, a Wireshark display filter of the first
    connections. The vantage nodes themselves are never in it. Each rule is applied to one vantage
    node at a time, because the clocks of several nodes differ.

    Raises ValueError for an unknown preset, rule or parameter, if `agree` is less than 1 or more
    than the number of vantage nodes, and for a single part of a scan. Raises ImportError for a scan
    without pyarrow.

    >>> import monerotraffic as mt
    >>> findings = mt.find_anomalies(mt.read("tests/data/spies"), rules=["peer_list_oversized"])
    >>> print(findings.peer[0], findings.reason[0])
    198.18.252.84 sent up to 300 entries in one peer list (a standard node sends at most 250)
    """
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}: must be one of {', '.join(PRESETS)}")
    if isinstance(rules, str | bytes) or (rules is not None and not isinstance(rules, Iterable)):
        raise TypeError(f"rules={rules!r}: give a list of names")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise TypeError(f"parameters={parameters!r}: give a dict of parameters by rule")
    chosen = RULES if rules is None else {name: _known(name) for name in rules}
    for name, given in (parameters or {}).items():
        strange = sorted(set(given) - set(_known(name).parameters))
        if strange:
            raise ValueError(
                f"rule {name} has no parameter {strange[0]!r}: must be one of "
                f"{', '.join(RULES[name].parameters) or 'none'}"
            )
    with views_of(traffic, client) as views:
        if not 1 <= agree <= max(1, len(views)):
            raise ValueError(f"agree={agree}: there are {len(views)} vantage nodes")
        return find(views, chosen.values(), preset, parameters or {}, agree)


def _known(name: str) -> Rule:
    if name not in RULES:
        raise ValueError(f"unknown rule {name!r}: must be one of {', '.join(RULES)}")
    return RULES[name]
