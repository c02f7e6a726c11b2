"""Arrow tables of a data set as DataFrames with the dtypes of Traffic.

Used by the reader.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from monerotraffic.store.layout import Column, columns_of
from monerotraffic.store.rows import codes_of, values_of
from monerotraffic.tables.frames import categorical, command_dtype, enumeration, times

__all__ = ["frame_of"]

_IDS = frozenset({"connection", "message", "reply_to", "file"})
_DIRECTIONS = {"connections": ("incoming", "outgoing")}


def frame_of(table: str, content: pa.Table) -> pd.DataFrame:
    """The DataFrame of some columns of a table. Its columns of addresses share one dtype."""
    known = {column.name: column for column in columns_of(table)}
    addresses = _Categories()
    of_addresses: dict[str, NDArray[np.int64]] = {}
    columns: dict[str, Any] = {}
    for name in content.column_names:
        values, column = content[name], known.get(name)
        if column is not None and (column.role == "address" or name == "peer"):
            of_addresses[name] = codes_of(values, addresses.code)
            columns[name] = None
        elif column is None:
            columns[name] = _key(name, values)
        else:
            columns[name] = _column(table, column, values)
    for name, codes in of_addresses.items():
        columns[name] = categorical(codes, addresses.dtype(str))
    return pd.DataFrame(columns, copy=False)


class _Categories:
    """Texts in order of appearance."""

    def __init__(self) -> None:
        self._index: dict[Any, int] = {}

    def code(self, text: Any) -> int:
        return self._index.setdefault(text, len(self._index))

    def dtype(self, kind: Any) -> pd.CategoricalDtype:
        return pd.CategoricalDtype(pd.Index(list(self._index), dtype=kind))


def _key(name: str, values: pa.ChunkedArray) -> Any:
    """`vantage` or `day`."""
    if name == "day":
        days, missing = values_of(values.cast(pa.int32()))
        seconds = days.astype(np.int64) * 86_400_000_000_000
        return times(np.where(missing, np.iinfo(np.int64).min, seconds))
    return _texts(values, str)


def _texts(values: pa.ChunkedArray, kind: Any) -> pd.Categorical:
    categories = _Categories()
    codes = codes_of(values, categories.code)
    return categorical(codes, categories.dtype(kind))


def _column(table: str, column: Column, values: pa.ChunkedArray) -> Any:
    match column.role:
        case "derived":
            dtype = (
                command_dtype()
                if column.name == "name"
                else enumeration(_DIRECTIONS.get(table, ("sent", "received")))
            )
            return categorical(codes_of(values, list(dtype.categories).index), dtype)
        case "enum":
            assert column.field is not None and column.field.categories is not None
            categories = column.field.categories
            return categorical(codes_of(values, categories.index), enumeration(categories))
        case "bytes" | "text":
            return _texts(values, str)
        case "raw":
            return _texts(values, object)
    if column.role in ("time", "span"):
        numbers, missing = values_of(values.cast(pa.int64()))
        numbers = np.where(missing, np.iinfo(np.int64).min, numbers)
        return times(numbers) if column.role == "time" else numbers.view("m8[ns]")
    numbers, missing = values_of(values)
    if column.role == "optional_truth":
        return pd.arrays.BooleanArray(numbers.copy(), missing)
    if column.role in ("optional", "continues"):
        if numbers.dtype.kind == "f":
            return pd.arrays.FloatingArray(numbers.copy(), missing)
        return pd.arrays.IntegerArray(numbers.copy(), missing)
    return numbers.astype(np.int64) if column.name in _IDS else numbers
