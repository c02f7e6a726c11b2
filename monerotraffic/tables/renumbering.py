"""Which fields of rows hold ids and codes, and how to make those of one run valid in another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monerotraffic.tables.coded_lists import CodedLists
from monerotraffic.tables.schema import SCHEMA

__all__ = ["ID_FIELDS", "shift_ids", "translate_codes"]

ID_FIELDS = {
    "connection": "connections",
    "message": "messages",
    "reply_to": "messages",
    "file": "files",
}
"""Fields that hold ids, and the kind of the id."""

_ADDRESS_FIELDS = frozenset({"client", "server", "host", "proxied_host"})
_STRING_ROLES = frozenset({"bytes", "text", "raw"})
_STRING_FIELDS = frozenset({"tunnel_ends"})
"""Hidden fields that hold codes of strings."""


def shift_ids(rows: Any, bases: Mapping[str, int]) -> None:
    """Adds the base of its kind to every id in the rows (an array, or CodedLists). A missing id
    (-1) stays.
    """
    if isinstance(rows, CodedLists):
        rows.message[:] += bases["messages"]
        rows = rows.entries
    for field in rows.dtype.names or ():
        base = bases[ID_FIELDS[field]] if field in ID_FIELDS else 0
        if base:
            ids = rows[field]
            ids[ids >= 0] += base


def translate_codes(
    table: str, rows: Any, addresses: NDArray[np.int32], strings: NDArray[np.int32]
) -> None:
    """Replaces codes in rows (an array, or CodedLists) by those of other names; the last item of
    both maps is for the code -1.
    """
    if isinstance(rows, CodedLists):
        rows = rows.entries
    for field in SCHEMA[table].fields:
        if field.name in _ADDRESS_FIELDS:
            rows[field.name] = addresses[rows[field.name]]
        elif field.role in _STRING_ROLES or field.name in _STRING_FIELDS:
            rows[field.name] = strings[rows[field.name]]
