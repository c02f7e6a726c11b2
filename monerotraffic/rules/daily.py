"""The findings of each day of a data set, kept in the data set, for histories of peers.

Used by the command peer and by Dataset.peer, which shows what is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from monerotraffic.rules import find_anomalies

if TYPE_CHECKING:
    from monerotraffic.store import Dataset

__all__ = ["update_findings"]


def update_findings(
    dataset: Dataset, progress: Callable[[date], object] | None = None
) -> list[date]:
    """Computes and stores the findings of the days that have none, or to which rows were added
    since. Returns these days. `progress` is called with each day before it is computed.

    The rules see the connections that began on the day, so a behaviour of several days is weaker
    evidence than in `find_anomalies(dataset)`. The preset is the default one. Raises OSError, and
    DataSetError if another process writes to the data set.
    """
    from monerotraffic.store.history import stale_days, write_findings

    days = stale_days(dataset)
    for day in days:
        if progress is not None:
            progress(day)
        end = pd.Timestamp(day) + pd.Timedelta(days=1)
        write_findings(dataset, day, find_anomalies(dataset.select(since=day, until=end)))
    return days
