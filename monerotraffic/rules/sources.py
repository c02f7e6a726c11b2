"""What rules can be applied to: traffic in memory, a scan, a data set.

Owns the Views of each. Used by find_anomalies.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

if TYPE_CHECKING:
    from monerotraffic.store import Dataset

__all__ = ["views_of"]


_NO_SCAN = (str, bytes, Mapping, pd.DataFrame, pd.Series)
"""Iterables that are no parts of a scan."""


@contextlib.contextmanager
def views_of(
    source: Traffic | View | Dataset | Iterable[Traffic], client: Any = None
) -> Iterator[Mapping[str, View]]:
    """The View of each vantage node by its name. Raises TypeError for anything else, ValueError for
    a single part of a scan, ImportError for a scan without pyarrow. `client` is for a data set.
    """
    if client is not None and _dataset(source) is None:
        raise TypeError("client= needs a data set: the workers read the rows themselves")
    if isinstance(source, Traffic | View):
        _check_whole(source if isinstance(source, Traffic) else source.traffic)
        yield viewed(source).by_vantage
    elif (dataset := _dataset(source)) is not None:
        yield dataset.views(client)
    elif isinstance(source, Iterable) and not isinstance(source, _NO_SCAN):
        from monerotraffic.store import keep

        with tempfile.TemporaryDirectory(prefix="monerotraffic-") as folder:
            yield keep(_parts(source), folder).views()
    else:
        raise TypeError(
            f"traffic is {type(source).__name__}: give a Traffic, which monerotraffic.read "
            "returns, a View of one, a scan, or an open data set"
        )


def _dataset(source: Any) -> Dataset | None:
    """The source if it is a Dataset; pyarrow is not imported to find out."""
    store = sys.modules.get("monerotraffic.store")
    return source if store is not None and isinstance(source, store.Dataset) else None


def _parts(source: Iterable[Any]) -> Iterator[Traffic]:
    for part in source:
        if not isinstance(part, Traffic):
            raise TypeError(f"a part of the scan is {type(part).__name__}: must be a Traffic")
        yield part


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
