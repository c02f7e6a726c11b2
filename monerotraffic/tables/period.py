"""A part of a Traffic by time, in whole connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monerotraffic.tables.coded_lists import of_messages
from monerotraffic.tables.schema import SCHEMA

__all__ = ["nanoseconds", "of_connections_begun"]


def nanoseconds(time: Any) -> int:
    """Nanoseconds since 1970 of a time, in UTC if it has no zone. Raises ValueError for what is not
    a time.
    """
    import pandas as pd

    stamp = pd.Timestamp(time)
    if stamp is pd.NaT:
        raise ValueError(f"{time!r} is not a time")
    return int((stamp if stamp.tzinfo else stamp.tz_localize("UTC")).as_unit("ns").value)


def of_connections_begun(
    arrays: Mapping[str, Any], first: int | None, end: int | None
) -> dict[str, Any]:
    """Returns the rows of the connections whose first packet is not before `first` and before
    `end` (nanoseconds since 1970; None for no bound), and of problems of no connection at that
    time. Files stay. A connection with an unknown time stays.
    """
    connections = arrays["connections"]
    kept = {"connections": connections[_within(connections["opened"], first, end)]}
    ids = kept["connections"]["connection"]
    if "messages" in arrays:
        messages = arrays["messages"]
        kept["messages"] = messages[np.isin(messages["connection"], ids)]
    problems = arrays["problems"]
    kept["problems"] = problems[
        np.where(
            problems["connection"] >= 0,
            np.isin(problems["connection"], ids),
            _within(problems["time"], first, end),
        )
    ]
    for table, rows in arrays.items():
        if table not in kept:
            describes_messages = "message" in (SCHEMA[table].dtype.names or ())
            kept[table] = (
                of_messages(rows, kept["messages"]["message"]) if describes_messages else rows
            )
    return {table: kept[table] for table in arrays}


def _within(times: NDArray[np.int64], first: int | None, end: int | None) -> NDArray[np.bool_]:
    """Where a time is in the period, or unknown (the smallest int64)."""
    inside = np.ones(len(times), dtype=np.bool_)
    if first is not None:
        inside &= times >= first
    if end is not None:
        inside &= times < end
    inside |= times == np.iinfo(np.int64).min
    return inside
