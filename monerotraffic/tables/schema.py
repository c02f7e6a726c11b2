"""The field table of csrc/tables/rows.h in Python: the fields of the rows of every table, and their
meaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monerotraffic import _core

__all__ = [
    "ALWAYS",
    "ON_REQUEST",
    "SCHEMA",
    "STORED",
    "Field",
    "Table",
    "shown_rows",
    "stored_tables",
]

ALWAYS = ("connections", "problems", "files")
"""Tables that are always decoded, independent of `tables=`."""
ON_REQUEST = ("fields",)
"""Tables that are decoded only if `tables=` names them."""


class Field(NamedTuple):
    """One field of a row."""

    name: str
    role: str
    """number, optional, truth, optional_truth, time, span, enum, address, bytes, text, raw or
    hidden; csrc/tables/rows.h describes them.
    """
    categories: tuple[str, ...] | None
    """Names of an enumeration by value."""
    present_bit: int | None
    """The bit of the field `present` that states whether an optional field is present."""
    text: str

    def code(self, name: str) -> int:
        """The value of one name of an enumeration."""
        assert self.categories is not None
        return self.categories.index(name)


class Table(NamedTuple):
    """One type of rows."""

    text: str
    dtype: np.dtype[Any]
    fields: tuple[Field, ...]

    def bits(self, *names: str) -> int:
        """The bits of `present` for these optional fields."""
        positions = [self.field(name).present_bit for name in names]
        return sum(1 << position for position in positions if position is not None)

    def field(self, name: str) -> Field:
        """Returns the field with this name, which has to exist."""
        return next(field for field in self.fields if field.name == name)


_STORED = ("peer_runs", "peer_codes", "peer_entries")

_TABLES = {
    name: Table(table["text"], table["dtype"], tuple(Field(*field) for field in table["fields"]))
    for name, table in _core.schema().items()
}

SCHEMA = {name: table for name, table in _TABLES.items() if name not in _STORED}
"""Every table by name."""
STORED = {name: _TABLES[name] for name in _STORED}
"""What the core stores in place of rows of peer_lists, in the order in which it has to be taken;
tables/coded_lists.py.
"""


def stored_tables(tables: Iterable[str]) -> tuple[str, ...]:
    """What the core stores of these tables, in the order in which it has to be taken."""
    return tuple(
        stored for table in tables for stored in (STORED if table == "peer_lists" else (table,))
    )


def shown_rows(stored: str, rows: NDArray[Any]) -> int:
    """How many rows of its table these rows stand for: an entry of a peer list is one row."""
    return 0 if stored in ("peer_runs", "peer_entries") else len(rows)
