"""Hard forks: the version of the protocol by height."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from monerotraffic.metrics.sources import in_parts
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, once_per_view, per_peer, viewed

__all__ = ["MAINNET_FORKS", "fork_ranges", "fork_versions"]

MAINNET = "1230f171610441611731008216a1a110"
"""network_id (src/cryptonote_config.h). A chain of --regtest has the same id and other forks."""

_HEIGHTS = (
    *(
        0,
        1_009_827,
        1_141_317,
        1_220_516,
        1_288_616,
        1_400_000,
        1_546_000,
        1_685_555,
        1_686_275,
        1_788_000,
        1_788_720,
    ),
    *(1_978_433, 2_210_000, 2_210_720, 2_688_888, 2_689_608),
)
MAINNET_FORKS: Mapping[int, int] = dict(enumerate(_HEIGHTS, 1))
"""Version → height of its first block (src/hardforks/hardforks.cpp mainnet_hard_forks, as of
0.18.5).

>>> from monerotraffic import metrics
>>> metrics.MAINNET_FORKS[16]
2689608
"""


@in_parts
def fork_versions(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the hard-fork versions by height that the vantage node announced. One row per
    version.

    - `version` (int64)
    - `first_height`, `last_height` (int64): lowest and highest height of the top block at which it
      announced the version

    Empty if the announcements are not a step function of the height, as with nodes of several
    networks at one address.

    Source: src/cryptonote_core/cryptonote_core.cpp get_ideal_hard_fork_version; payload_data of the
    messages that it sends (1001, 1002).

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.fork_versions(traffic)[["version", "first_height", "last_height"]].head(2)
       version  first_height  last_height
    0       16           280          286
    """
    steps = (
        announced_versions(traffic)
        .groupby("version")
        .agg(first_height=("first_height", "min"), last_height=("last_height", "max"))
        .reset_index()
    )
    steady = (steps["first_height"].to_numpy()[1:] > steps["last_height"].to_numpy()[:-1]).all()
    return steps if steady else steps[:0]


@per_peer("version")
def announced_versions(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the versions that the vantage node announced, with the lowest and highest height of
    each: the columns of fork_versions, also where they are not a step function.
    """
    sent = viewed(traffic).sync_data
    sent = sent[
        (sent["direction"] == "sent")
        & sent["current_height"].notna()
        & sent["top_version"].notna()
        & (sent["current_height"] > 0)
    ]
    heights = pd.DataFrame(
        {
            "version": sent["top_version"].astype("int64"),
            "height": sent["current_height"].astype("float64").astype("int64") - 1,
        }
    )
    return (
        heights.groupby("version")["height"]
        .agg(first_height="min", last_height="max")
        .reset_index()
    )


@in_parts
@once_per_view
def fork_ranges(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the known hard-fork versions by height. One row per version, with the columns of
    fork_versions.

    The result contains the announcements of the vantage node. If it announces mainnet, and all its
    announcements agree with the forks of mainnet, the result also contains these: each version up
    to the last of MAINNET_FORKS has all its heights, and the last one the heights up to the highest
    that the vantage node announced.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.fork_ranges(traffic)[["version", "first_height", "last_height"]].head(2)
       version  first_height  last_height
    0       16           280          286
    """
    view = viewed(traffic)
    announced = fork_versions(view)
    newer = announced["version"] > max(MAINNET_FORKS)
    old = announced[~newer]
    if view.networks != {MAINNET} or not _of_mainnet(old):
        return announced
    firsts = np.array(list(MAINNET_FORKS.values()), dtype=np.int64)
    lasts = np.append(firsts[1:] - 1, max(firsts[-1], old["last_height"].max()))
    mainnet = pd.DataFrame(
        {"version": list(MAINNET_FORKS), "first_height": firsts, "last_height": lasts}
    )
    return pd.concat([mainnet, announced[newer]], ignore_index=True)


def _of_mainnet(versions: pd.DataFrame) -> bool:
    """Whether the versions are those of mainnet at their heights. False without any version, and
    for an unknown version.
    """
    begins = versions["version"].map(MAINNET_FORKS)
    ends = (versions["version"] + 1).map(MAINNET_FORKS).fillna(np.inf)
    return len(versions) > 0 and bool(
        ((versions["first_height"] >= begins) & (versions["last_height"] < ends)).all()
    )
