"""Parts of a scan as files of tables: one file for each table and day of a run.

Owns buffers and Parquet files that are not committed. Knows neither runs nor manifests.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from monerotraffic.store.encoding import encode
from monerotraffic.store.layout import schema_of
from monerotraffic.tables.interning import NamesView
from monerotraffic.tables.schema import SCHEMA

__all__ = ["NO_DAY", "Parts", "Written", "day_name", "day_of", "days_of", "write_file"]

NO_DAY = np.iinfo(np.int32).min
"""The day of an unknown time, in the field `day`."""

_NULL_DAY = "__HIVE_DEFAULT_PARTITION__"
_BUFFERED = 96 << 20  # bytes of rows before all are written
_OPEN_FILES = 64
_ROWS = 131_072  # of a row group
_DAY = 86_400_000_000_000  # nanoseconds


class Written(NamedTuple):
    """A file that is not committed."""

    table: str
    path: Path
    """Where it is."""
    part: str
    """Where it belongs, relative to the data set."""
    rows: int


def days_of(times: NDArray[np.int64]) -> NDArray[np.int32]:
    """UTC days of nanoseconds since 1970, NO_DAY for an unknown time."""
    days = (times // _DAY).astype(np.int32)
    days[times == np.iinfo(np.int64).min] = NO_DAY
    return days


def day_name(day: int) -> str:
    """A day as in the name of its folder."""
    return _NULL_DAY if day == NO_DAY else str(np.datetime64(day, "D"))


def day_of(part: str) -> date | None:
    """The day of a file, None where its rows have no time."""
    name = part.rsplit("/", 2)[1].removeprefix("day=")
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


class _Buffer:
    """Rows of one table and day that are not written yet."""

    def __init__(self) -> None:
        self.rows: list[NDArray[Any]] = []
        self.derived: list[dict[str, NDArray[Any]]] = []

    def encoded(self, table: str, names: NamesView) -> pa.Table:
        """All rows, sorted by bucket, so that a reader of few peers reads few row groups."""
        rows = np.concatenate(self.rows)
        derived = {
            name: np.concatenate([piece[name] for piece in self.derived])
            for name in self.derived[0]
        }
        if "bucket" in derived:
            order = np.argsort(derived["bucket"], kind="stable")
            rows, derived = rows[order], {name: one[order] for name, one in derived.items()}
        return encode(table, rows, derived, names)


class Parts:
    """The files of one run of one vantage node."""

    def __init__(self, folder: Path, vantage: str, run: int) -> None:
        self._folder = folder
        self._vantage = vantage
        self._run = run
        self._buffers: dict[tuple[str, int], _Buffer] = {}
        self._buffered = 0
        self._open: OrderedDict[tuple[str, int], tuple[pq.ParquetWriter, Written]] = OrderedDict()
        self._written: list[Written] = []
        self._count = 0

    def add(
        self,
        table: str,
        rows: NDArray[Any],
        days: NDArray[np.int32],
        derived: dict[str, NDArray[Any]],
    ) -> None:
        """Adds rows of a table, each with its day."""
        for day, chosen in _by_day(days):
            buffer = self._buffers.setdefault((table, day), _Buffer())
            buffer.rows.append(rows[chosen])
            buffer.derived.append({name: one[chosen] for name, one in derived.items()})
            self._buffered += buffer.rows[-1].nbytes

    def flush(self, names: NamesView, force: bool = False) -> None:
        """Writes the buffered rows if there are many, or if forced. `names`: of all their codes."""
        if self._buffered < _BUFFERED and not force:
            return
        for key, buffer in self._buffers.items():
            self._write(key, buffer.encoded(key[0], names))
        self._buffers.clear()
        self._buffered = 0

    def _write(self, key: tuple[str, int], rows: pa.Table) -> None:
        if key not in self._open:
            if len(self._open) >= _OPEN_FILES:
                self._close(next(iter(self._open)))
            self._open[key] = self._new(*key)
        self._open.move_to_end(key)
        writer, written = self._open[key]
        writer.write_table(rows, row_group_size=_ROWS)
        self._open[key] = writer, written._replace(rows=written.rows + len(rows))

    def _new(self, table: str, day: int) -> tuple[pq.ParquetWriter, Written]:
        name = f"{self._run:06d}-{self._count:04d}.parquet"
        self._count += 1
        part = f"{table}/vantage={self._vantage}/day={day_name(day)}/{name}"
        path = self._folder / f"{table}-{name}"
        return _writer(path, table), Written(table, path, part, 0)

    def _close(self, key: tuple[str, int]) -> None:
        writer, written = self._open.pop(key)
        writer.close()
        _sync(written.path)
        self._written.append(written)

    def close(self) -> list[Written]:
        """Ends all files and returns them in order of table and day. To be called after a forced
        flush.
        """
        for key in list(self._open):
            self._close(key)
        tables = list(SCHEMA)
        return sorted(self._written, key=lambda one: (tables.index(one.table), one.part))

    def abandon(self) -> None:
        """Closes what is open, after a failure."""
        for writer, _ in self._open.values():
            writer.close()
        self._open.clear()


def write_file(path: Path, table: str, rows: pa.Table) -> None:
    """Replaces a file that is not committed."""
    with _writer(path, table) as writer:
        writer.write_table(rows, row_group_size=_ROWS)
    _sync(path)


def _writer(path: Path, table: str) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema_of(table), compression="zstd", version="2.6")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _by_day(days: NDArray[np.int32]) -> Iterator[tuple[int, Any]]:
    """Each day, and which rows have it."""
    distinct = np.unique(days)
    if len(distinct) == 1:
        yield int(distinct[0]), slice(None)
        return
    for day in distinct.tolist():
        yield day, days == day
