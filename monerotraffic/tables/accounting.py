"""The accounting identity: every payload byte that was seen is decoded, or is in `problems`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.tables.schema import SCHEMA

__all__ = ["accounting"]


def accounting(arrays: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """Returns two rows per connection of `arrays` (from the client, then from the server); see
    Traffic.accounting.
    """
    connections, messages, problems = arrays["connections"], arrays["messages"], arrays["problems"]
    order = np.argsort(connections["connection"], kind="stable")
    ids = connections["connection"][order]

    def per_direction(rows: NDArray[Any], amounts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sums by connection and direction; other connections are excluded."""
        sums = np.zeros(2 * len(ids), dtype=np.int64)
        place = np.searchsorted(ids, rows["connection"])
        known = (place < len(ids)) & (rows["from_client"] >= 0)
        known[known] = ids[place[known]] == rows["connection"][known]
        np.add.at(sums, 2 * order[place[known]] + (rows["from_client"][known] == 0), amounts[known])
        return sums

    def both(field: str) -> NDArray[np.int64]:
        return np.column_stack(
            [connections[f"client_{field}"], connections[f"server_{field}"]]
        ).reshape(-1)

    complete = messages[messages["status"] == SCHEMA["messages"].field("status").code("complete")]
    kind = SCHEMA["problems"].field("kind")
    is_lost = problems["kind"] == kind.code("lost")
    # the first copy of a conflict was decoded
    is_undecoded = ~is_lost & (problems["kind"] != kind.code("conflict"))
    seen, decoded = both("bytes"), per_direction(complete, complete["wire"])
    undecoded = per_direction(problems[is_undecoded], problems["bytes"][is_undecoded])
    lost, holes = both("lost"), per_direction(problems[is_lost], problems["bytes"][is_lost])
    return pd.DataFrame(
        {
            "connection": np.repeat(connections["connection"], 2),
            "from_client": np.tile(np.array([True, False]), len(connections)),
            "seen": seen,
            "decoded": decoded,
            "problems": undecoded,
            "unexplained": seen - decoded - undecoded,
            "lost": lost,
            "holes": holes,
        },
        copy=False,
    )
