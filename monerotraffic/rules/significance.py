"""Which statistical findings stand after the correction for the number of peers.

Owns the procedure of Benjamini and Hochberg over peers. Used by the engine.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["FALSE_DISCOVERY_RATE", "rejected", "significant"]

FALSE_DISCOVERY_RATE = 0.05
"""Share of peers without misbehaviour that is accepted among those with significant findings."""


def significant(findings: pd.DataFrame, peers: int) -> NDArray[np.bool_]:
    """For each finding, whether it needs no correction, or its peer remains after it.

    Findings of weight strong need none: the protocol makes them impossible. The statistical ones
    (weak, not forgeable by others) of a peer are joined: the product of the chances of their
    causes, each the least of its findings. `peers` is how many were tested: those with accepted
    messages. Findings need the columns `peer`, `cause`, `weight`, `forgeable_by` and `chance`.
    """
    weak = findings[(findings["weight"] == "weak") & (findings["forgeable_by"] == "nobody")]
    joint = weak.groupby(["peer", "cause"])["chance"].min().groupby("peer").prod()
    kept = joint.index[rejected(joint.to_numpy(dtype=np.float64), max(peers, len(joint)))]
    mask: NDArray[np.bool_] = (
        (findings["weight"] == "strong") | findings["peer"].isin(kept)
    ).to_numpy(dtype=bool)
    return mask


def rejected(chances: NDArray[np.float64], tests: int) -> NDArray[np.bool_]:
    """Which null hypotheses are rejected at FALSE_DISCOVERY_RATE (Benjamini and Hochberg 1995).

    `tests` is the number of hypotheses; those without a chance given count as 1.
    """
    order = np.argsort(chances, kind="stable")
    limits = FALSE_DISCOVERY_RATE * np.arange(1, len(chances) + 1) / max(1, tests)
    below = np.flatnonzero(chances[order] <= limits)
    mask = np.zeros(len(chances), dtype=np.bool_)
    if len(below):
        mask[order[: below[-1] + 1]] = True
    return mask
