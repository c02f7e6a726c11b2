"""Hard forks: which version of the protocol holds at which height."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, once_per_view, viewed

__all__ = ["MAINNET_FORKS", "fork_ranges", "fork_versions"]

MAINNET = "1230f171610441611731008216a1a110"
"""network_id (src/cryptonote_config.h). A chain of --regtest has the same, and other forks."""

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
"""Version → height of the first block that has it (src/hardforks/hardforks.cpp mainnet_hard_forks,
as of 0.18.5).
"""


def fork_versions(traffic: Traffic | View) -> pd.DataFrame:
    """Hard-fork versions by height as the vantage node itself tells them. One row per version.

    Columns: `version` (int64), `first_height` and `last_height` (int64; of the top block): the
    least and the greatest at which it said so. Empty if
    what it says is no step function of the height, as where nodes of several networks are behind
    one address.

    Source: src/cryptonote_core/cryptonote_core.cpp get_ideal_hard_fork_version; payload_data of
    what it sends (1001, 1002).
    """
    said = viewed(traffic).sync_data
    said = said[
        (said["direction"] == "sent")
        & said["current_height"].notna()
        & said["top_version"].notna()
        & (said["current_height"] > 0)
    ]
    made = pd.DataFrame(
        {
            "version": said["top_version"].astype("int64"),
            "height": said["current_height"].astype("float64").astype("int64") - 1,
        }
    )
    steps = (
        made.groupby("version")["height"].agg(first_height="min", last_height="max").reset_index()
    )
    steady = (steps["first_height"].to_numpy()[1:] > steps["last_height"].to_numpy()[:-1]).all()
    return steps if steady else steps[:0]


@once_per_view
def fork_ranges(traffic: Traffic | View) -> pd.DataFrame:
    """Hard-fork versions by height as far as they are known. One row per version, in the form of
    fork_versions.

    What the vantage node tells; and where it says that it is of mainnet, and all that it tells
    agrees with mainnet's forks, those beside it: versions up to the
    last of MAINNET_FORKS have all of their heights then, and that one the heights up to the
    greatest that the vantage node told.
    """
    view = viewed(traffic)
    told = fork_versions(view)
    newer = told["version"] > max(MAINNET_FORKS)
    old = told[~newer]
    if view.networks != {MAINNET} or not _of_mainnet(old):
        return told
    firsts = np.array(list(MAINNET_FORKS.values()), dtype=np.int64)
    lasts = np.append(firsts[1:] - 1, max(firsts[-1], old["last_height"].max()))
    made = pd.DataFrame(
        {"version": list(MAINNET_FORKS), "first_height": firsts, "last_height": lasts}
    )
    return pd.concat([made, told[newer]], ignore_index=True)


def _of_mainnet(told: pd.DataFrame) -> bool:
    """Whether these versions are those of mainnet at their heights, and there are any. An unknown
    version is not: it compares with nothing.
    """
    begins = told["version"].map(MAINNET_FORKS)
    ends = (told["version"] + 1).map(MAINNET_FORKS).fillna(np.inf)
    return len(told) > 0 and bool(
        ((told["first_height"] >= begins) & (told["last_height"] < ends)).all()
    )
