"""What metrics and rules accept: traffic in memory, a scan, an open data set.

Owns the View of each. Used by metrics and rules.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeAlias, TypeVar, Union

import pandas as pd

from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

if TYPE_CHECKING:
    from monerotraffic.store import Dataset

__all__ = ["Source", "in_parts", "view_of"]

Source: TypeAlias = Union[Traffic, View, "Dataset", Iterable[Traffic]]

_NO_SCAN = (str, bytes, Mapping, pd.DataFrame, pd.Series)
"""Iterables that are no parts of a scan."""

P = ParamSpec("P")
T = TypeVar("T")


@contextlib.contextmanager
def view_of(source: Source, client: Any = None) -> Iterator[View]:
    """The View of all vantage nodes. The rows of a scan are written to a temporary data set, which
    exists within the `with` block. `client` (dask.distributed.Client) is for a data set.

    Raises TypeError for anything else, and ImportError for a scan without pyarrow.
    """
    if client is not None and _dataset(source) is None:
        raise TypeError("client= needs a data set: the workers read the rows themselves")
    if isinstance(source, Traffic | View):
        yield viewed(source)
    elif (dataset := _dataset(source)) is not None:
        yield dataset.view(client)
    elif isinstance(source, Iterable) and not isinstance(source, _NO_SCAN):
        from monerotraffic.store import keep

        with tempfile.TemporaryDirectory(prefix="monerotraffic-") as folder:
            yield keep(_parts(source), folder).view()
    else:
        raise TypeError(
            f"traffic is {type(source).__name__}: give a Traffic, which monerotraffic.read "
            "returns, a View of one, a scan, or an open data set"
        )


def in_parts(
    metric: Callable[Concatenate[Traffic | View, P], T],
) -> Callable[Concatenate[Source, P], T]:
    """A decorator for a metric that also accepts a scan or an open data set, because all that it
    needs of messages and their contents comes from metrics that are computed in parts (per_peer,
    per_content). The result is that of the same captures in one Traffic.
    """

    @wraps(metric)
    def accepting(traffic: Source, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if isinstance(traffic, Traffic | View):
            return metric(traffic, *args, **kwargs)
        with view_of(traffic) as view:
            return metric(view, *args, **kwargs)

    return accepting


def _dataset(source: Any) -> Dataset | None:
    """The source if it is a Dataset; pyarrow is not imported to find out."""
    store = sys.modules.get("monerotraffic.store")
    return source if store is not None and isinstance(source, store.Dataset) else None


def _parts(source: Iterable[Any]) -> Iterator[Traffic]:
    for part in source:
        if not isinstance(part, Traffic):
            raise TypeError(f"a part of the scan is {type(part).__name__}: must be a Traffic")
        yield part
