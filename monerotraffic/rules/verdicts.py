"""From findings to verdicts: one vote per cause.

Owns the levels `anomalous`, `suspicious` and `context`. Used by reports and ban lists.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from monerotraffic.net.addresses import is_public
from monerotraffic.rules.engine import empty_frame
from monerotraffic.rules.likelihood import weight_of

__all__ = ["VERDICT", "VERDICTS", "WEIGHTS", "verdicts"]

VERDICTS = ("anomalous", "suspicious", "context")
"""The verdicts, the most certain first.

>>> from monerotraffic import rules
>>> rules.VERDICTS
('anomalous', 'suspicious', 'context')
"""
WEIGHTS = ("strong", "weak", "context")
"""The weights of findings, the heaviest first.

>>> from monerotraffic import rules
>>> rules.WEIGHTS
('strong', 'weak', 'context')
"""
VERDICT = ["peer", "verdict", "score", "causes", *WEIGHTS, "rules", "first_time", "last_time"]


def verdicts(findings: pd.DataFrame) -> pd.DataFrame:
    """One row per peer with findings of any vantage node, the most certain verdict and the highest
    score first.

    Findings that are not context vote, one vote per cause. What another peer can forge votes only
    next to a vote that no one else can forge.

    - `anomalous`: one conclusive finding (the protocol makes it impossible, no one else can forge
      it, and it was seen on two accepted connections, or twice on one at least 60 s apart); or
      votes of two causes, of which one is strong or all are significant after the correction for
      the number of peers.
    - `suspicious`: any other vote. `context`: none.

    `score` is 1 - 1/LR, where LR is the product over the causes of the likelihood ratio that was
    measured for the rule (see likelihood). `causes` are those that vote; `strong`, `weak` and
    `context` count findings. Peers at loopback, private, link-local, multicast and reserved
    addresses get no verdict.

    Raises KeyError if a column of find_anomalies is missing that the verdict needs.

    >>> import monerotraffic as mt
    >>> findings = mt.find_anomalies(mt.read("tests/data/spies"))
    >>> mt.rules.verdicts(findings)["verdict"].iloc[0]
    'anomalous'
    """
    rows = findings[[is_public(str(peer)) for peer in findings["peer"]]]
    if rows.empty:
        return empty_frame(
            VERDICT,
            **dict.fromkeys(("peer", "verdict"), "str"),
            **dict.fromkeys(WEIGHTS, "int64"),
            score="float64",
        )
    groups = rows.groupby("peer", sort=True)
    table = groups.agg(
        rules=("rule", lambda rules: list(dict.fromkeys(rules))),
        first_time=("first_time", "min"),
        last_time=("last_time", "max"),
    )
    for weight in WEIGHTS:
        table[weight] = (rows["weight"] == weight).groupby(rows["peer"]).sum()
    votes = _votes(rows)
    causes: dict[str, dict[str, float]] = {str(peer): {} for peer in table.index}
    for peer, cause, rule in zip(votes["peer"], votes["cause"], votes["rule"], strict=True):
        causes[peer][cause] = max(weight_of(rule), causes[peer].get(cause, 0.0))
    table["causes"] = [sorted(causes[peer]) for peer in table.index]
    table["score"] = [1 - math.exp(-math.fsum(causes[peer].values())) for peer in table.index]
    conclusive = table.index.isin(votes.loc[votes["conclusive"], "peer"])
    certain = table.index.isin(votes.loc[votes["significant"], "peer"])
    count = table["causes"].map(len)
    table["verdict"] = np.select(
        [conclusive | ((count > 1) & certain), count > 0],
        VERDICTS[:2],
        VERDICTS[2],
    )
    table["level"] = table["verdict"].map(VERDICTS.index)
    table = table.reset_index().sort_values(
        ["level", "score", "peer"], ascending=[True, False, True], kind="stable", ignore_index=True
    )
    return table[VERDICT]


def _votes(rows: pd.DataFrame) -> pd.DataFrame:
    """Findings that vote: not context, and forgeable ones only where the peer has another."""
    rows = rows[rows["weight"] != "context"]
    own = rows.loc[rows["forgeable_by"] == "nobody", "peer"]
    return rows[(rows["forgeable_by"] == "nobody") | rows["peer"].isin(own)]
