"""Shared by all commands: reading captures, failures in one line, JSON."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Iterable
from typing import Any

from monerotraffic.errors import CaptureError, CaptureWarning, printable
from monerotraffic.io.reading import read
from monerotraffic.report.unread import unread_lines
from monerotraffic.tables.traffic import Traffic

__all__ = ["Failed", "captured", "complain", "file_failed", "print_json"]

_EXACT = 1 << 53
"""Integers up to here are exact in every JSON reader (RFC 8259, section 6)."""


class Failed(Exception):
    """Ends the command with one line for the user."""


def complain(error: object) -> None:
    """Prints one line to standard error, with control characters escaped."""
    if sys.stderr is not None:
        print(f"monerotraffic: {printable(' '.join(str(error).split()))}", file=sys.stderr)


def captured(options: argparse.Namespace, tables: Iterable[str] | None = None) -> Traffic:
    """Reads the captures of the command line. Prints warnings to standard error."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CaptureWarning)
            traffic = read(
                options.captures,
                host=options.host,
                tables=tables,
                ports=options.port,
                progress=options.progress,
            )
    except (CaptureError, ValueError, ImportError) as error:
        raise Failed(error) from None
    for warning in caught:
        complain(warning.message)
    for line in unread_lines(traffic):
        complain(line)
    options.partly_read = any(warning.category is CaptureWarning for warning in caught)
    return traffic


def file_failed(error: OSError | ValueError, path: str) -> Failed:
    """The failure to read or write a file."""
    return Failed(error if isinstance(error, ValueError) else f"{path}: {error.strerror or error}")


def print_json(value: Any) -> None:
    """Prints one JSON object. Integers beyond 2^53 are text, because many readers round them."""
    json.dump(_exact(value), sys.stdout, indent=2)
    print()


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _exact(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(one) for one in value]
    return str(value) if isinstance(value, int) and abs(value) > _EXACT else value
