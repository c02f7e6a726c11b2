"""What can go wrong while reading, as exceptions and warnings."""

from __future__ import annotations

import errno

from monerotraffic._core import CaptureError

__all__ = ["CaptureError", "CaptureNotFoundError", "CaptureWarning", "printable"]


class CaptureNotFoundError(CaptureError, FileNotFoundError):
    """A capture file that is not there: both a CaptureError and a FileNotFoundError."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.ENOENT, "no such file", path)

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class CaptureWarning(UserWarning):
    """A capture was read, but not all of it: a file is damaged or cut, or holds packets of a kind
    that is not read. The table `problems` has the details.
    """


def printable(value: str) -> str:
    """Text out of a capture, such that it cannot move the terminal's cursor or break the line."""
    return "".join(
        char
        if char.isprintable()
        else char.encode("unicode_escape", "backslashreplace").decode("ascii")
        for char in value
    )
