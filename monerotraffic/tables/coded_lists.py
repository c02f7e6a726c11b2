"""Peer lists as runs of codes of distinct entries, the form in which the core stores them.

Owns this form, and how rows of `peer_lists` are made from it and it from rows. Knows neither pandas
nor files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monerotraffic.tables.schema import SCHEMA, STORED

__all__ = ["CodedLists", "of_messages"]

_OF_ENTRY = tuple(
    name
    for name in SCHEMA["peer_lists"].dtype.names or ()
    if name in (STORED["peer_entries"].dtype.names or ())
)
"""Fields that rows of peer_lists have from their entry."""


@dataclass(frozen=True, eq=False)
class CodedLists:
    """Peer lists. Lists can be left out without a copy of their codes."""

    message: NDArray[np.int64]
    """Message of each list."""
    start: NDArray[np.int64]
    """Index in `codes` of the first entry of each list."""
    length: NDArray[np.int64]
    """Entries of each list, at least one."""
    codes: NDArray[np.int32]
    """Index in `entries` of each entry."""
    entries: NDArray[Any]
    """Distinct entries, with the fields of peer_entries. Some can be equal."""

    @classmethod
    def of_core(cls, runs: NDArray[Any], codes: NDArray[Any], entries: NDArray[Any]) -> CodedLists:
        """The rows that the core stores."""
        length = runs["entries"].astype(np.int64)
        start = np.add.accumulate(length) - length  # numpy's cumsum leaks a few bytes a call
        return cls(runs["message"].copy(), start, length, codes["entry"], entries)

    @classmethod
    def of_rows(cls, rows: NDArray[Any]) -> CodedLists:
        """Rows of peer_lists in order of the message. Each is an entry of its own; they are not
        copied.
        """
        message = rows["message"]
        start = np.flatnonzero(np.diff(message, prepend=message[:1] - 1))
        length = np.diff(np.append(start, len(rows)))
        codes = np.arange(len(rows), dtype=np.int32)
        return cls(message[start], start, length, codes, rows)

    @classmethod
    def joined(cls, pieces: Sequence[CodedLists]) -> CodedLists:
        """Several as one, in their order. Raises ValueError without any."""
        if len(pieces) == 1:
            return pieces[0]
        codes = _starts([len(piece.codes) for piece in pieces])
        entries = _starts([len(piece.entries) for piece in pieces])
        starts = [piece.start + np.int64(at) for piece, at in zip(pieces, codes, strict=True)]
        return cls(
            np.concatenate([piece.message for piece in pieces]),
            np.concatenate(starts),
            np.concatenate([piece.length for piece in pieces]),
            np.concatenate([piece.codes + at for piece, at in zip(pieces, entries, strict=True)]),
            np.concatenate([_entries(piece) for piece in pieces]),
        )

    def __len__(self) -> int:
        return self._count

    @cached_property
    def _count(self) -> int:
        return int(self.length.sum())

    @cached_property
    def code(self) -> NDArray[np.int32]:
        """The code of every entry of these lists, in their order."""
        ends = np.cumsum(self.length)
        if self._count == len(self.codes) and np.array_equal(self.start, ends - self.length):
            return self.codes
        return self.codes[
            np.repeat(self.start - ends + self.length, self.length) + np.arange(self._count)
        ]

    def messages(self) -> NDArray[np.int64]:
        """The message of every entry."""
        return np.repeat(self.message, self.length)

    def positions(self) -> NDArray[np.uint32]:
        """The position of every entry in its list."""
        first = np.repeat(np.cumsum(self.length) - self.length, self.length)
        positions: NDArray[np.uint32] = (np.arange(self._count) - first).astype(np.uint32)
        return positions

    def count(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many entries of each list are among the chosen ones; `chosen`: for each of
        `entries`.
        """
        if not len(self.message):
            return np.zeros(0, dtype=np.int64)
        first = np.cumsum(self.length) - self.length
        counts: NDArray[np.int64] = np.add.reduceat(chosen[self.code], first, dtype=np.int64)
        return counts

    def rows(self) -> NDArray[Any]:
        """The rows of peer_lists. They are the rows that this was made of, if it was made of
        rows.
        """
        if self.entries.dtype == SCHEMA["peer_lists"].dtype and self._is_rows:
            return self.entries
        rows = np.empty(self._count, dtype=SCHEMA["peer_lists"].dtype)
        rows["message"], rows["position"] = self.messages(), self.positions()
        for name in _OF_ENTRY:
            rows[name] = self.entries[name][self.code]
        return rows

    @property
    def _is_rows(self) -> bool:
        return self.code is self.codes and len(self.codes) == len(self.entries)

    def where(self, chosen: NDArray[np.bool_]) -> CodedLists:
        """Some of the lists."""
        return replace(
            self, message=self.message[chosen], start=self.start[chosen], length=self.length[chosen]
        )

    def copy(self) -> CodedLists:
        """A copy whose messages and entries can be renumbered; the codes are shared."""
        return replace(self, message=self.message.copy(), entries=self.entries.copy())


def of_messages(rows: Any, messages: NDArray[Any]) -> Any:
    """The rows of a table (an array, or CodedLists) that belong to these messages."""
    if isinstance(rows, CodedLists):
        return rows.where(np.isin(rows.message, messages))
    return rows[np.isin(rows["message"], messages)]


def _starts(lengths: Sequence[int]) -> NDArray[np.int32]:
    """Where each of several arrays begins in all of them together."""
    starts: NDArray[np.int32] = (np.cumsum(lengths) - lengths).astype(np.int32)
    return starts


def _entries(piece: CodedLists) -> NDArray[Any]:
    """The entries with the fields of peer_entries."""
    dtype = STORED["peer_entries"].dtype
    if piece.entries.dtype == dtype:
        return piece.entries
    entries = np.zeros(len(piece.entries), dtype=dtype)
    for name in _OF_ENTRY:
        entries[name] = piece.entries[name]
    return entries
