"""Progress of reading, for tqdm or a function."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from monerotraffic.io.sources import STDIN

__all__ = ["Meter", "Progress", "size_of"]

Progress = bool | Callable[[int, int], object]
"""False: no output; True: a tqdm bar; or a function that is called with the bytes read and the
total bytes (-1 if unknown).
"""


def size_of(files: Iterable[str]) -> int:
    """Returns the bytes of these files on disk, -1 if the size of one is unknown (a pipe)."""
    total = 0
    for file in files:
        if file == STDIN or not os.path.isfile(file):
            return -1
        total += os.stat(file).st_size
    return total


class Meter:
    """Adds up the positions of several streams, which are read one after the other or at once."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._total = total
        self._before = 0
        self._done = 0
        self._report: Callable[[int, int], object] | None = progress if callable(progress) else None
        self._bar: Any = None
        if progress is True:
            from tqdm.auto import tqdm  # at the first bar, because the import is slow

            self._bar = tqdm(
                total=total if total >= 0 else None, unit="B", unit_scale=True, unit_divisor=1024
            )

    def at(self, position: int) -> None:
        """Sets the position of the current stream."""
        self.at_of_all(self._before + position)

    def at_of_all(self, position: int) -> None:
        """Sets the position over all streams; it never goes back."""
        self._done = done = max(self._done, position)
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
        if self._report is not None:
            self._report(done, self._total)

    def finish(self, size: int) -> None:
        """Ends the current stream of `size` bytes; the next one begins at 0."""
        self.at(size)
        self._before += size

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
