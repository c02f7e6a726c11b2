"""What rules can be applied to.

Owns the Views of the vantage nodes, and the check that a Traffic is whole. Used by find_anomalies.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from monerotraffic.metrics.sources import Source, view_of
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View

__all__ = ["views_of"]


@contextlib.contextmanager
def views_of(source: Source, client: Any = None) -> Iterator[Mapping[str, View]]:
    """The View of each vantage node by its name. Raises ValueError for a single part of a scan, and
    as view_of. `client` is for a data set.
    """
    if isinstance(source, Traffic | View):
        _check_whole(source if isinstance(source, Traffic) else source.traffic)
    with view_of(source, client) as view:
        yield view.by_vantage


def _check_whole(traffic: Traffic) -> None:
    """Raises ValueError for a part of a scan, in which connections of messages have no row."""
    arrays = traffic.arrays
    if "messages" in arrays:
        known = np.isin(arrays["messages"]["connection"], arrays["connections"]["connection"])
        if not known.all():
            raise ValueError(
                "this is one part of a scan, without the connections of its messages: give the "
                "scan itself, find_anomalies(monerotraffic.scan(...))"
            )
