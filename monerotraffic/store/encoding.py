"""Rows of structured arrays as Arrow columns.

Owns the encoding of each role of the field table. Used by the writer.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monerotraffic.net.addresses import site_of
from monerotraffic.store.layout import NO_BUCKET, Column, columns_of, schema_of
from monerotraffic.tables.frames import command_names
from monerotraffic.tables.interning import NamesView

__all__ = ["Derived", "bucket_of", "encode"]

Derived = Mapping[str, NDArray[Any]]
"""Columns that are not fields: `peer` (address codes), `direction` (0, 1 or -1), `bucket`,
`continues` (-1 without one), `row`.
"""

_DIRECTIONS = {"connections": ("incoming", "outgoing")}
_MISSING_TIME = np.iinfo(np.int64).min


def bucket_of(address: str) -> int:
    """The bucket of a peer: the same for all addresses of a site (an IPv4 address with its
    v4-mapped form, an IPv6 /64).
    """
    return zlib.crc32(site_of(address).encode()) % NO_BUCKET


def encode(table: str, rows: NDArray[Any], derived: Derived, names: NamesView) -> pa.Table:
    """Rows of a table, with the columns of layout.columns_of."""
    columns = [_encode(table, column, rows, derived, names) for column in columns_of(table)]
    return pa.Table.from_arrays(columns, schema=schema_of(table))


def _encode(
    table: str, column: Column, rows: NDArray[Any], derived: Derived, names: NamesView
) -> pa.Array:
    match column.role:
        case "derived":
            return _derived(table, column.name, rows, derived, names)
        case "bucket" | "row":
            return pa.array(derived[column.role], column.type)
        case "continues":
            return pa.array(derived["continues"], pa.int64(), mask=derived["continues"] < 0)
        case "byte":
            return pa.array(np.ascontiguousarray(rows[column.name.removesuffix("_byte")]))
    values = np.ascontiguousarray(rows[column.name])
    match column.role:
        case "optional" | "optional_truth":
            assert column.field is not None and column.field.present_bit is not None
            bit = rows["present"].dtype.type(1 << column.field.present_bit)
            given = values != 0 if column.role == "optional_truth" else values
            return pa.array(given, column.type, mask=(rows["present"] & bit) == 0)
        case "truth":
            return pa.array(values != 0)
        case "time" | "span":
            return pa.array(values, pa.int64(), mask=values == _MISSING_TIME).cast(column.type)
        case "enum":
            assert column.field is not None and column.field.categories is not None
            return _of_list(values, column.field.categories)
        case "address":
            return _of_codes(values, names.address_count, names.address, pa.string())
        case "bytes":
            return _strings(values, names, lambda text: text.hex(), pa.string())
        case "text":
            return _strings(
                values, names, lambda text: text.decode("utf-8", "backslashreplace"), pa.string()
            )
        case "raw":
            return _strings(values, names, lambda text: text, pa.binary())
    return pa.array(values, column.type)


def _derived(
    table: str, name: str, rows: NDArray[Any], derived: Derived, names: NamesView
) -> pa.Array:
    if name == "peer":
        return _of_codes(derived["peer"], names.address_count, names.address, pa.string())
    if name == "direction":
        return _of_list(derived["direction"], _DIRECTIONS.get(table, ("sent", "received")))
    commands = command_names(rows["command"])
    return _of_list(commands.codes, [str(text) for text in commands.categories])


def _of_list(codes: NDArray[Any], texts: Any) -> pa.Array:
    """Positions in a list, -1 for missing."""
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32), mask=codes < 0), pa.array(list(texts), pa.string())
    )


def _strings(
    codes: NDArray[Any], names: NamesView, show: Callable[[bytes], Any], kind: pa.DataType
) -> pa.Array:
    return _of_codes(codes, names.string_count, lambda code: show(names.string(code)), kind)


def _of_codes(
    codes: NDArray[Any], count: int, text_of: Callable[[int], Any], kind: pa.DataType
) -> pa.Array:
    """Codes of names, -1 for missing, with a dictionary of the names that occur. Different codes
    can have the same text.
    """
    used = np.zeros(count + 1, dtype=np.bool_)
    used[codes] = True
    used[-1] = False
    place = np.full(count + 1, -1, dtype=np.int32)
    index: dict[Any, int] = {}
    for code in np.flatnonzero(used).tolist():
        place[code] = index.setdefault(text_of(code), len(index))
    positions = place[codes]
    return pa.DictionaryArray.from_arrays(
        pa.array(positions, mask=positions < 0), pa.array(list(index), kind)
    )
