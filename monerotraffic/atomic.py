"""Files that are written completely or not at all. Independent of the other modules."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, Any

__all__ = ["replacing"]

Path = str | os.PathLike[str]

_umask_lock = threading.Lock()


@contextlib.contextmanager
def replacing(path: Path, mode: str = "w", newline: str | None = "\n") -> Iterator[IO[Any]]:
    """Opens a file that replaces `path` when the block ends without an exception.

    `mode`: "w" for UTF-8 text, "wb" for bytes. The old file is unchanged until the block ends, and
    after an exception. The new file has the permissions of the old one. Symbolic links are
    followed. A pipe, a terminal or another file that is not regular is written directly. Raises
    OSError.
    """
    text: dict[str, Any] = (
        {}
        if "b" in mode
        else {
            "encoding": "utf-8",
            "errors": "backslashreplace",
            "newline": newline,
        }
    )
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, mode, **text) as direct:
            yield direct
        return
    folder, name = os.path.split(os.fsdecode(target))
    # a new name for every run, so that a leftover of a killed run does not block another
    descriptor, unfinished = tempfile.mkstemp(
        prefix=f".{name[:40]}.", suffix=".unfinished", dir=folder
    )
    try:
        with open(descriptor, mode, **text) as file:
            os.fchmod(file.fileno(), _permissions(target))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise
    _sync_folder(folder)


def _permissions(target: str) -> int:
    """The permissions of the replaced file, or of a file that open() creates."""
    try:
        return stat.S_IMODE(os.stat(target).st_mode)
    except FileNotFoundError:
        with _umask_lock:
            mask = os.umask(0o077)
            os.umask(mask)
        return 0o666 & ~mask


def _sync_folder(folder: str) -> None:
    """Makes the new name durable, if the file system supports it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
