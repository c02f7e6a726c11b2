"""Long columns of numbers that are kept in a temporary file instead of memory.

Owns the file and the pages of it that are in memory. Used where the rows of a data set are joined.
"""

from __future__ import annotations

import mmap
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spool", "release"]

IN_MEMORY = 32 << 20
"""Bytes of a column until it is written to a file."""


class Spool:
    """A column that grows. It has a file without a name, in the folder of temporary files
    (`TMPDIR`), once it is long.
    """

    def __init__(self, dtype: Any) -> None:
        self._dtype = np.dtype(dtype)
        self._waiting: list[NDArray[Any]] = []
        self._bytes = 0
        self._file: Any = None

    def add(self, values: NDArray[Any]) -> None:
        """Adds values at the end. Raises OSError if the file cannot be written."""
        self._waiting.append(np.ascontiguousarray(values, dtype=self._dtype))
        self._bytes += self._waiting[-1].nbytes
        if self._bytes > IN_MEMORY:
            self._write()

    def _write(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="monerotraffic-")  # noqa: SIM115
        for values in self._waiting:
            self._file.write(values.data)
        self._waiting, self._bytes = [], 0

    def array(self) -> NDArray[Any]:
        """All values. Those of a file are read when they are accessed."""
        if self._file is None:
            return np.concatenate([np.empty(0, dtype=self._dtype), *self._waiting])
        self._write()
        self._file.flush()
        return np.memmap(self._file, dtype=self._dtype, mode="r")

    def copy(self) -> Spool:
        """Another column with the same values."""
        other = Spool(self._dtype)
        values = self.array()
        step = IN_MEMORY // self._dtype.itemsize
        for low in range(0, len(values), step):
            other.add(np.array(values[low : low + step]))
        release(values)
        return other


def release(values: NDArray[Any]) -> None:
    """Removes the pages of an array from memory if it is one of a Spool with a file: they are read
    again when they are accessed.
    """
    base: Any = values
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)
