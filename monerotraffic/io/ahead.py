"""Readers that decode their files: in the thread of the caller, or several at once in threads of
their own.

Knows readers and how far they are, and nothing of tables. Used by reading.
"""

from __future__ import annotations

import operator
import os
import resource
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from numpy.typing import NDArray

from monerotraffic._core import Reader
from monerotraffic.tables.schema import shown_rows, stored_tables

__all__ = [
    "STEP",
    "Ahead",
    "Beginning",
    "Reading",
    "Replay",
    "known_threads",
    "parallel_nodes",
    "usable_threads",
]

STEP = 16 << 20
"""Bytes of packets between two checks for Ctrl-C and updates of the progress bar."""
_POLL_SECONDS = 0.1
"""Between two updates of the progress bar while other threads read."""
_SMALL = 4 << 20
"""Bytes of captures that one thread reads faster than two can be started."""
_FEWEST_DESCRIPTORS = 256
"""Left to the rest of the process."""


def known_threads(threads: int | None) -> int | None:
    """Checks the argument `threads=`. Raises TypeError or ValueError."""
    if threads is None:
        return None
    try:
        number = operator.index(threads)
    except TypeError:
        raise TypeError(f"threads={threads!r}: must be an integer or None") from None
    if number < 1:
        raise ValueError(f"threads={number}: must be at least 1")
    return number


def usable_threads(threads: int | None, size: int) -> int:
    """How many threads read captures of `size` bytes: `threads`, or one for each core unless the
    captures are small. One if the size is unknown (-1), because a pipe is read in the thread that
    can be interrupted.
    """
    if size < 0:
        return 1
    if threads is not None:
        return threads
    return _cores() if size >= _SMALL else 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_nodes(threads: int, files: Iterable[Sequence[str]], open_files: int) -> int:
    """How many nodes with these files can be read at once. File descriptors have to suffice for
    `open_files` of each node, because the results depend on which files are open together.
    """
    most = max((min(len(node), open_files) for node in files), default=1)
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return threads
    return max(1, min(threads, (descriptors - _FEWEST_DESCRIPTORS) // max(most, 1)))


class Reading:
    """One stream of files that is decoded to its end."""

    def __init__(
        self,
        open_reader: Callable[[], Reader],
        after_step: Callable[[Reader | Replay], object] = lambda reader: None,
    ) -> None:
        """`after_step` is called after each step, in the thread that decodes."""
        self._open = open_reader
        self._after_step = after_step
        self._done = threading.Event()
        self._reader: Reader | None = None
        self._error: BaseException | None = None
        self.position = 0
        """Bytes of the files that were read."""

    def take_reader(self) -> Reader:
        """Returns the reader, which the caller closes. Raises what opening it raised."""
        reader, self._reader = self._reader, None
        if reader is not None:
            return reader
        if self._error is not None:
            raise self._error
        return self._open()

    def read(self, reader: Reader | Replay, at: Callable[[int], object]) -> None:
        """Decodes the rest; calls `at` with the position. Raises what decoding raised."""
        if self._done.is_set():
            if self._error is not None:
                raise self._error
            return
        while self._step(reader):
            at(reader.position)

    def _step(self, reader: Reader | Replay) -> bool:
        more = reader.step(bytes=STEP)
        self._after_step(reader)
        return more

    def wait(self, seconds: float) -> bool:
        """Waits until another thread has decoded it, for so long at most. Whether it has."""
        return self._done.wait(seconds)

    def run(self, stop: threading.Event) -> None:
        """Opens and decodes it in this thread; take_reader or read raise its exception again."""
        try:
            self._reader = self._open()
            while not stop.is_set() and self._step(self._reader):
                self.position = self._reader.position
            self.position = max(self._reader.size, self._reader.position)
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()

    def close(self) -> None:
        """Closes the reader if it was never opened."""
        if self._reader is not None:
            self._reader.close()


class _Step(NamedTuple):
    """What one step of a reader did."""

    more: bool
    position: int
    rows: dict[str, NDArray[Any]]
    error: BaseException | None


class Replay:
    """A reader of which another thread made the first steps, and took their rows. The caller makes
    the same steps, and gets the same rows and exceptions.
    """

    def __init__(self, reader: Reader, steps: Iterable[_Step]) -> None:
        self._reader = reader
        self._steps = deque(steps)
        self._position: int | None = None
        self._rows: dict[str, NDArray[Any]] = {}

    def step(self, bytes: int = 0, rows: int = 0) -> bool:
        """As Reader.step."""
        if not self._steps:
            self._position = None
            return self._reader.step(bytes=bytes, rows=rows)
        step = self._steps.popleft()
        self._position, self._rows = step.position, dict(step.rows)
        if step.error is not None:
            raise step.error
        return step.more

    def take(self, table: str) -> NDArray[Any]:
        """As Reader.take."""
        return self._rows.pop(table) if table in self._rows else self._reader.take(table)

    def addresses(self, start: int = 0) -> list[str]:
        """As Reader.addresses; also of rows of later steps."""
        return self._reader.addresses(start)

    def packed_addresses(self, start: int = 0) -> tuple[bytes, list[str]]:
        """As Reader.packed_addresses; also of rows of later steps."""
        return self._reader.packed_addresses(start)

    def strings(self, start: int = 0) -> list[bytes]:
        """As Reader.strings; also of rows of later steps."""
        return self._reader.strings(start)

    def close(self) -> None:
        """As Reader.close."""
        self._reader.close()

    @property
    def position(self) -> int:
        """As Reader.position."""
        return self._reader.position if self._position is None else self._position

    @property
    def size(self) -> int:
        """As Reader.size."""
        return self._reader.size

    @property
    def limits_reached(self) -> dict[str, int]:
        """As Reader.limits_reached; valid after the last step."""
        return self._reader.limits_reached


class Beginning(Reading):
    """The first rows of a stream, decoded in another thread: as many as a part of a scan has."""

    def __init__(
        self,
        open_reader: Callable[[], Reader],
        tables: Sequence[str],
        rows: int,
        slots: threading.Semaphore,
    ) -> None:
        """`slots` bounds the number of streams whose first rows are in memory."""
        super().__init__(open_reader)
        self._tables = tables
        self._rows = rows
        self._slots = slots
        self._has_slot = False
        self._steps: list[_Step] = []

    def take_replay(self) -> Reader | Replay:
        """Returns the reader, from the first row on, which the caller closes. Raises what opening
        it raised.
        """
        reader = self.take_reader()
        steps, self._steps = self._steps, []
        if self._has_slot:
            self._has_slot = False
            self._slots.release()
        return Replay(reader, steps) if steps else reader

    def run(self, stop: threading.Event) -> None:
        """Opens it and reads its first rows in this thread."""
        try:
            while not stop.is_set() and not self._has_slot:
                self._has_slot = self._slots.acquire(timeout=_POLL_SECONDS)
            if not self._has_slot:
                return
            self._reader = self._open()
            wanted, more = self._rows, True
            while more and wanted > 0 and not stop.is_set():
                step = self._take_step(self._reader, wanted)
                self._steps.append(step)
                wanted -= sum(shown_rows(table, rows) for table, rows in step.rows.items())
                more, self.position = step.more, step.position
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()

    def _take_step(self, reader: Reader, rows: int) -> _Step:
        more, error = False, None
        try:
            more = reader.step(bytes=STEP, rows=rows)
        except BaseException as raised:
            error = raised
        taken = {table: reader.take(table) for table in stored_tables(self._tables)}
        return _Step(more, reader.position, taken, error)


class Ahead:
    """Decodes several readings at once, in as many threads, in their order. At the end of the
    `with` block no thread is left, and readers that were not opened are closed.
    """

    def __init__(self, readings: Sequence[Reading], threads: int) -> None:
        self._readings = readings
        self._threads = threads if threads > 1 and len(readings) > 1 else 0
        self._next = deque(readings)
        self._stop = threading.Event()
        self._workers: list[threading.Thread] = []

    def __enter__(self) -> Ahead:
        for number in range(min(self._threads, len(self._readings))):
            worker = threading.Thread(target=self._work, name=f"monerotraffic-{number}")
            try:
                worker.start()
            except RuntimeError:  # no more threads: those that run do the work
                break
            self._workers.append(worker)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.join()
        for reading in self._readings:
            reading.close()

    @property
    def is_parallel(self) -> bool:
        """Whether other threads read."""
        return bool(self._workers)

    def wait(self, reading: Reading, at: Callable[[int], object]) -> None:
        """Waits for one of the readings; meanwhile calls `at` with the bytes read of all."""
        while self._workers and not reading.wait(_POLL_SECONDS):
            at(self.position)

    @property
    def position(self) -> int:
        """Bytes read of all files."""
        return sum(reading.position for reading in self._readings)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                reading = self._next.popleft()
            except IndexError:
                return
            reading.run(self._stop)
