"""The field table of csrc/tables/rows.h as Python sees it: what fields the rows of every table
have, and what each means.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from monerotraffic import _core

__all__ = ["ALWAYS", "ON_REQUEST", "SCHEMA", "Field", "Table"]

ALWAYS = ("connections", "problems", "files")
"""Tables that are made whatever `tables=` says."""
ON_REQUEST = ("fields",)
"""Tables that are made only if `tables=` names them."""


class Field(NamedTuple):
    """One field of a row."""

    name: str
    role: str
    """number, optional, truth, optional_truth, time, span, enum, address, bytes, text, raw or
    hidden; csrc/tables/rows.h says what each is.
    """
    categories: tuple[str, ...] | None
    """Names of an enumeration by value."""
    present_bit: int | None
    """Which bit of the field `present` says that an optional field is there."""
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
        """The field of that name, which there must be."""
        return next(field for field in self.fields if field.name == name)


SCHEMA = {
    name: Table(table["text"], table["dtype"], tuple(Field(*field) for field in table["fields"]))
    for name, table in _core.schema().items()
}
"""Every table by name."""
