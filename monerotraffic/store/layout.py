"""The Arrow schema of every table of a data set, made from the field table.

Owns column names, types, units and descriptions. Used by the writer and the reader.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from monerotraffic.tables.frames import COLUMNS
from monerotraffic.tables.schema import SCHEMA, Field

__all__ = ["KEYS", "NO_BUCKET", "Column", "columns_of", "order_of", "schema_of"]

KEYS = ("vantage", "day")
"""Partition columns: folders of each table, not columns of its files."""

NO_BUCKET = 255
"""The bucket of rows without a peer."""

_ORDER = {
    "connections": ("connection",),
    "messages": ("message",),
    "files": ("file",),
    "problems": ("row",),
}

_HIDDEN = {
    "messages": ("client", "server", "proxied_host", "proxy", "wire"),
    "problems": ("client", "server", "proxied_host", "proxy", "from_client"),
}
"""Hidden fields that metrics use, and those that decide who the peer is."""
_ADDRESSES = ("client", "server", "proxied_host")

_DERIVED = {
    "peer": "the side that is not the vantage node, missing if there is no vantage node",
    "direction": (
        "connections: incoming if the peer opened it, outgoing if the vantage node did; "
        "otherwise sent or received by the vantage node"
    ),
    "name": "monerod's name of the command, UNKNOWN for a command that it does not know",
}
_BUCKET = "number from 0 to 254 of the peer's site, by which rows are sorted; 255 without a peer"
_CONTINUES = (
    "id of the connection of an earlier run with the same endpoints that was open when that run "
    "ended; the connection continues it"
)
_ROW = "number of the row in the data set"
_EXPECTS = "the byte of the header that requests a response"

_BYTES = frozenset(
    {
        *("client_bytes", "server_bytes", "client_retransmitted", "server_retransmitted"),
        *("client_lost", "server_lost", "client_mss", "server_mss", "length", "captured", "wire"),
        *("first_segment", "end_length", "trailing", "blob_size", "offset", "bytes"),
    }
)
_SECONDS = frozenset({"last_seen", "local_time", "timestamp"})


class Column(NamedTuple):
    """One column of a table."""

    name: str
    type: pa.DataType
    role: str
    """As in the field table, or `derived`, `bucket`, `continues`, `row` or `byte` (a raw byte)."""
    text: str
    field: Field | None = None

    @property
    def arrow(self) -> pa.Field:
        """The field of the schema, with unit and description as metadata."""
        metadata = {"description": self.text}
        unit = _unit(self)
        if unit:
            metadata["unit"] = unit
        return pa.field(self.name, self.type, metadata=metadata)


def _unit(column: Column) -> str:
    if column.role == "time":
        return "ns since 1970-01-01 UTC"
    if column.role == "span":
        return "ns"
    if column.name in _BYTES:
        return "byte"
    if column.name in _SECONDS:
        return "s since 1970-01-01 UTC"
    return "atomic unit" if column.name == "fee" else ""


def text_type() -> pa.DataType:
    """Texts that repeat."""
    return pa.dictionary(pa.int32(), pa.string())


def _type(field: Field, dtype: np.dtype[Any]) -> pa.DataType:
    match field.role:
        case "truth" | "optional_truth":
            return pa.bool_()
        case "time":
            return pa.timestamp("ns", "UTC")
        case "span":
            return pa.duration("ns")
        case "enum" | "address" | "bytes" | "text":
            return text_type()
        case "raw":
            return pa.dictionary(pa.int32(), pa.binary())
    return pa.from_numpy_dtype(dtype)


@cache
def columns_of(table: str) -> tuple[Column, ...]:
    """The columns of the files of a table: those of the DataFrame except `vantage`, then the fields
    that metrics use and that the DataFrame lacks, and `bucket`.
    """
    fields = {field.name: field for field in SCHEMA[table].fields}
    dtype = SCHEMA[table].dtype
    columns = []
    for name in (*COLUMNS[table], *_HIDDEN.get(table, ())):
        if name in fields:
            field = fields[name]
            role = "address" if name in _ADDRESSES else field.role
            kind = text_type() if role == "address" else _type(field, dtype[name])
            columns.append(Column(name, kind, role, field.text, field))
        elif name in _DERIVED:
            columns.append(Column(name, text_type(), "derived", _DERIVED[name]))
    if table == "messages":
        columns.append(Column("expects_response_byte", pa.uint8(), "byte", _EXPECTS))
    if table == "connections":
        columns.append(Column("continues", pa.int64(), "continues", _CONTINUES))
    if table == "problems":
        columns.append(Column("row", pa.int64(), "row", _ROW))
    if table != "files":
        columns.append(Column("bucket", pa.uint8(), "bucket", _BUCKET))
    return tuple(columns)


@cache
def schema_of(table: str) -> pa.Schema:
    """The schema of the files of a table."""
    return pa.schema(
        [column.arrow for column in columns_of(table)],
        metadata={"table": table, "description": SCHEMA[table].text},
    )


def order_of(table: str) -> tuple[str, ...]:
    """The columns by which rows of a table are in the order of a read."""
    if table in _ORDER:
        return _ORDER[table]
    return ("message", "position") if "position" in COLUMNS[table] else ("message",)
