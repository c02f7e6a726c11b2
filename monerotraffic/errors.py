"""Exceptions and warnings of reading."""

from __future__ import annotations

import errno

from monerotraffic._core import CaptureError

__all__ = ["CaptureError", "CaptureNotFoundError", "CaptureWarning", "VantageWarning", "printable"]


class CaptureNotFoundError(CaptureError, FileNotFoundError):
    """A capture file does not exist. A CaptureError and a FileNotFoundError."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.ENOENT, "no such file", path)

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class CaptureWarning(UserWarning):
    """A capture was not read completely: a file is damaged or truncated, or contains packets of an
    unsupported kind. The table `problems` has the details.
    """


class VantageWarning(CaptureWarning):
    """A capture was read, but the vantage node may be another: many messages belong to no known
    vantage node, or no connection has an address given as `host=`.
    """


def printable(value: str) -> str:
    """Escapes text from a capture, so that it cannot control the terminal or end the line."""
    if value.isprintable():
        return value
    return "".join(
        char
        if char.isprintable()
        else char.encode("unicode_escape", "backslashreplace").decode("ascii")
        for char in value
    )
