"""Calls of metrics that are computed for parts of the rows, and how their results are joined.

Knows no View. Used by view and population.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    from monerotraffic.tables.view import View

__all__ = ["PartMetric", "argument_key", "joined"]


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
