"""Calls of metrics that are computed for parts of the rows, and how their results are joined.

Knows no View. Used by view and population.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from monerotraffic.tables.view import View

__all__ = ["PartMetric", "argument_key", "codes_of", "in_order", "joined"]


class PartMetric(NamedTuple):
    """A call of a metric that can be computed for parts of the rows, so that the results can be
    joined: for groups of peers, or for groups of transactions or blocks.
    """

    name: str
    arguments: tuple[tuple[str, Any], ...]
    compute: Callable[[View], pd.DataFrame]
    order: tuple[str, ...]
    """Columns by which the rows are sorted."""
    tables: tuple[str, ...] | None = None
    """The tables that it reads; all if None."""
    content: tuple[str, str] | None = None
    """Each row depends on the rows of one value of this column of this table (`transactions` or
    `blocks`). If None, each row depends on the rows of one peer; a group of peers holds all of a
    site (an IPv4 address with its v4-mapped form, an IPv6 /64).
    """
    spooled: bool = False
    """The joined result is in a file if it is long: its columns are numbers, with codes instead of
    categories, and the attrs have the texts of the codes by column.
    """
    summed: bool = False
    """Rows of several groups with the same values in the columns of `order` become one row, with
    the sums of the other columns.
    """

    reduce: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    """Of the joined rows of several groups, in their order, the rows of the result. Applied to
    parts of the groups too, so that rows which do not count are not kept until the end.
    """

    @property
    def key(self) -> object:
        return self.name, self.arguments


class _Same:
    """An argument that cannot be hashed, such as a DataFrame: equal to itself only."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


def argument_key(value: Any) -> Any:
    """What stands for an argument in the key of a call."""
    try:
        hash(value)
    except TypeError:
        return _Same(value)
    return value


def in_order(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The rows sorted by these columns: categories by their text, because their codes depend on how
    the rows were read. Rows with equal values keep their order.
    """
    return frame.sort_values(list(columns), key=_by_text, kind="stable", ignore_index=True)


def _by_text(column: pd.Series) -> pd.Series:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column
    rank = np.empty(len(column.cat.categories) + 1, dtype=np.int64)
    rank[np.argsort(column.cat.categories.astype(str), kind="stable")] = np.arange(len(rank) - 1)
    rank[-1] = len(rank)  # the code -1 of a missing text
    return pd.Series(rank[column.cat.codes.to_numpy()], index=column.index)


def codes_of(frame: pd.DataFrame, column: str) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """The codes of a categorical column, and the texts of the codes; also of a spooled frame."""
    if column in frame.attrs:
        codes, texts = frame[column].to_numpy(), frame.attrs[column]
    else:
        codes, texts = frame[column].cat.codes.to_numpy(), frame[column].cat.categories
    return codes.astype(np.int64), np.asarray(texts, dtype=object)


def joined(pieces: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all pieces, of which there is at least one. Categorical columns stay so, although
    the pieces may have other categories.
    """
    filled = [piece for piece in pieces if len(piece)] or list(pieces[:1])
    columns: dict[str, Any] = {}
    for name in filled[0].columns:
        values = [piece[name] for piece in filled]
        if isinstance(values[0].dtype, pd.CategoricalDtype):
            columns[name] = pd.api.types.union_categoricals(
                [value.array for value in values], ignore_order=True
            )
        else:
            columns[name] = pd.concat(values, ignore_index=True)
    frame = pd.DataFrame(columns, copy=False)
    frame.attrs = filled[0].attrs
    return frame
