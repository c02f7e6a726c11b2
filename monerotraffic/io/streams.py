"""The rows of one vantage node's captures during a read, with ids and codes of the whole run.

Owns the renumbering and the pieces of a part. Knows neither files nor options. Used by reading.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from monerotraffic._core import Reader
from monerotraffic.io.ahead import Replay
from monerotraffic.tables.coded_lists import CodedLists
from monerotraffic.tables.interning import CodeMap, Names
from monerotraffic.tables.renumbering import shift_ids, translate_codes
from monerotraffic.tables.schema import SCHEMA, STORED, stored_tables

__all__ = ["Pieces", "Rows", "Stream", "join_pieces", "used_ids"]

Rows = dict[str, Any]
"""Rows by table: structured arrays, and CodedLists of peer_lists."""


class Stream:
    """The captures of one vantage node during a read. Its rows have ids and codes that are valid
    for the whole run.
    """

    def __init__(self, reader: Reader | Replay, names: Names, bases: Mapping[str, int]) -> None:
        self.reader = reader
        self._names = names
        self._bases = dict(bases)
        self._codes = CodeMap(names)
        self._taken: Rows = {}

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.reader.close()

    def take(self, tables: Collection[str]) -> Rows:
        """Returns the rows of these tables since the last call. Rows taken before memory ran out
        are returned by the next call.
        """
        first, strings = self._codes.address_count, self.reader.strings(self._codes.string_count)
        if self._codes.identity:
            self._codes.learn_packed(*self.reader.packed_addresses(first), strings)
        else:
            self._codes.learn(self.reader.addresses(first), strings)
        for table in stored_tables(tables):
            if table not in self._taken:
                self._taken[table] = self.reader.take(table)
        taken, self._taken = self._taken, {}
        if "peer_lists" in tables:
            taken["peer_lists"] = CodedLists.of_core(*(taken.pop(stored) for stored in STORED))
        maps = None if self._codes.identity else self._codes.maps()
        for table, rows in taken.items():
            shift_ids(rows, self._bases)
            if maps is not None:
                translate_codes(table, rows, *maps)
        return taken


def join_pieces(table: str, pieces: Sequence[Any]) -> Any:
    """Pieces of a table as one; a single piece stays as it is."""
    pieces = [piece for piece in pieces if len(piece)] or list(pieces[:1])
    if not pieces:
        return np.zeros(0, dtype=SCHEMA[table].dtype)
    if isinstance(pieces[0], CodedLists):
        return CodedLists.joined(pieces)
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


class Pieces:
    """Rows of the current part."""

    def __init__(self, tables: Iterable[str]) -> None:
        self._pieces: dict[str, list[Any]] = {table: [] for table in tables}
        self.count = 0

    def add(self, rows: Rows) -> None:
        for table, piece in rows.items():
            self._pieces[table].append(piece)
            self.count += len(piece)

    def join(self) -> Rows:
        """Returns all rows and releases them."""
        joined = {}
        for table, pieces in self._pieces.items():
            joined[table] = join_pieces(table, pieces)
            pieces.clear()
        self.count = 0
        return joined


def used_ids(rows: Mapping[str, Any]) -> dict[str, int]:
    """The number of ids of each kind that the rows of a complete stream use; those of its parts add
    up to it. Messages are counted by their connections, so that ids do not depend on the decoded
    tables.
    """
    connections = rows["connections"]
    messages = int(connections["client_messages"].sum() + connections["server_messages"].sum())
    return {"connections": len(connections), "messages": messages, "files": len(rows["files"])}
