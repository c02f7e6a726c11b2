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

from monerotraffic._core import Reader

__all__ = ["STEP", "Ahead", "Reading", "known_threads", "parallel_nodes", "usable_threads"]

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

    def __init__(self, open_reader: Callable[[], Reader]) -> None:
        self._open = open_reader
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

    def read(self, reader: Reader, at: Callable[[int], object]) -> None:
        """Decodes the rest; calls `at` with the position. Raises what decoding raised."""
        if self._done.is_set():
            if self._error is not None:
                raise self._error
            return
        while reader.step(bytes=STEP):
            at(reader.position)

    def wait(self, seconds: float) -> bool:
        """Waits until another thread has decoded it, for so long at most. Whether it has."""
        return self._done.wait(seconds)

    def run(self, stop: threading.Event) -> None:
        """Opens and decodes it in this thread; take_reader or read raise its exception again."""
        try:
            self._reader = self._open()
            while not stop.is_set() and self._reader.step(bytes=STEP):
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
