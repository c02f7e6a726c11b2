"""Arrow tables of a data set as structured arrays, the form in which the core makes them.

Owns the decoding of each role of the field table; the inverse of encoding. Used by the reader.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monerotraffic.store.layout import Column, columns_of
from monerotraffic.tables.interning import Names
from monerotraffic.tables.schema import SCHEMA

__all__ = ["Interner", "rows_of", "values_of"]

_MISSING_TIME = np.iinfo(np.int64).min


_CODES = ("tunnel_ends", "proxied_host", "proxy")
"""Hidden fields that hold codes, -1 where they are missing."""


class Interner:
    """Gives texts of a data set the codes of one Names."""

    def __init__(self) -> None:
        self.names = Names()
        self._addresses: dict[str, int] = {}
        self._strings: dict[bytes, int] = {}

    def address(self, text: str) -> int:
        """The code of an address."""
        code = self._addresses.setdefault(text, len(self._addresses))
        if code == len(self.names.addresses):
            self.names.addresses.append(text)
        return code

    def string(self, text: bytes) -> int:
        """The code of a string."""
        code = self._strings.setdefault(text, len(self._strings))
        if code == len(self.names.strings):
            self.names.strings.append(text)
        return code


def rows_of(table: str, content: pa.Table, interner: Interner) -> NDArray[Any]:
    """The rows of a table of a data set. Columns that are absent are 0 or missing."""
    rows = np.zeros(len(content), dtype=SCHEMA[table].dtype)
    for field in SCHEMA[table].fields:
        if field.role in ("address", "bytes", "text", "raw") or field.name in _CODES:
            rows[field.name] = -1
    for column in columns_of(table):
        if column.name in content.column_names:
            _fill(rows, column, content[column.name], interner)
    return rows


def _fill(rows: NDArray[Any], column: Column, values: pa.ChunkedArray, interner: Interner) -> None:
    match column.role:
        case "derived" | "bucket" | "continues" | "row":
            return
        case "byte":
            rows[column.name.removesuffix("_byte")] = values.to_numpy()
        case "optional" | "optional_truth":
            assert column.field is not None and column.field.present_bit is not None
            bit = rows["present"].dtype.type(1 << column.field.present_bit)
            rows[column.name], missing = values_of(values)
            rows["present"] |= np.where(missing, 0, bit).astype(rows["present"].dtype)
        case "time" | "span":
            rows[column.name], missing = values_of(values.cast(pa.int64()))
            rows[column.name][missing] = _MISSING_TIME
        case "enum":
            assert column.field is not None and column.field.categories is not None
            categories = column.field.categories
            rows[column.name] = codes_of(values, lambda text: categories.index(text))
        case "address":
            rows[column.name] = codes_of(values, interner.address)
        case "bytes":
            rows[column.name] = codes_of(values, lambda text: interner.string(bytes.fromhex(text)))
        case "text":
            rows[column.name] = codes_of(values, lambda text: interner.string(text.encode()))
        case "raw":
            rows[column.name] = codes_of(values, interner.string)
        case _:
            rows[column.name] = values_of(values)[0]


def values_of(values: pa.ChunkedArray) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Numbers or truth values, 0 where they are missing, and where they are."""
    missing = values.is_null().to_numpy()
    if values.null_count:
        zero = False if pa.types.is_boolean(values.type) else 0
        values = pc.fill_null(values, pa.scalar(zero, values.type))
    return values.to_numpy(), missing


def codes_of(values: pa.ChunkedArray, code_of: Callable[[Any], int]) -> NDArray[np.int64]:
    """The code of each text, -1 for missing. Calls the function once for each distinct text of a
    chunk.
    """
    codes = [np.empty(0, dtype=np.int64)]
    for chunk in values.chunks:
        if not pa.types.is_dictionary(chunk.type):
            chunk = chunk.dictionary_encode()
        places = pc.fill_null(chunk.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        used = np.zeros(len(chunk.dictionary) + 1, dtype=np.bool_)
        used[places] = True
        table = np.full(len(chunk.dictionary) + 1, -1, dtype=np.int64)
        texts = chunk.dictionary
        for place in np.flatnonzero(used[:-1]).tolist():
            table[place] = code_of(texts[place].as_py())
        codes.append(table[places])
    return np.concatenate(codes)
