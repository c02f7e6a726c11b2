"""Exceptions and warnings of reading."""

from __future__ import annotations

import errno

from monerotraffic._core import CaptureError

__all__ = ["CaptureError", "CaptureNotFoundError", "CaptureWarning", "VantageWarning", "printable"]


class CaptureNotFoundError(CaptureError, FileNotFoundError):
    """A capture file does not exist. A CaptureError and a FileNotFoundError.

    >>> import monerotraffic as mt
    >>> try:
    ...     mt.read("monday.pcapng")
    ... except mt.CaptureNotFoundError as error:
    ...     print(error)
    monday.pcapng: no such file
    """

    def __init__(self, path: str) -> None:
        super().__init__(errno.ENOENT, "no such file", path)

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class CaptureWarning(UserWarning):
    """A capture was not read completely: a file is damaged or truncated, or contains packets of an
    unsupported kind. The table `problems` has the details.

    >>> import warnings
    >>> import monerotraffic as mt
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     traffic = mt.read("tests/data/derived/cut_in_record.pcap.gz")
    >>> print(str(caught[0].message).rpartition(": ")[2])
    the capture ends inside a packet that begins at byte 201541
    """


class VantageWarning(CaptureWarning):
    """A capture was read, but the vantage node may be another: many messages belong to no known
    vantage node, or no connection has an address given as `host=`.

    >>> import warnings
    >>> import monerotraffic as mt
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     traffic = mt.read("tests/data/honest", host="192.0.2.99")
    >>> print(caught[0].message)
    the vantage node's address 192.0.2.99 occurs in no connection
    """


def printable(value: str) -> str:
    """Escapes text from a capture, so that it cannot control the terminal or end the line.

    >>> from monerotraffic.errors import printable
    >>> printable("line\\n\\x1b[31mred")
    'line\\\\n\\\\x1b[31mred'
    """
    if value.isprintable():
        return value
    return "".join(
        char
        if char.isprintable()
        else char.encode("unicode_escape", "backslashreplace").decode("ascii")
        for char in value
    )
