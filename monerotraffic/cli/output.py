"""Shared by all commands: reading captures, failures in one line, JSON."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import warnings
from collections.abc import Iterable
from typing import Any

from monerotraffic.cli.arguments import tunnel_options
from monerotraffic.errors import CaptureError, CaptureWarning, printable
from monerotraffic.io.reading import read
from monerotraffic.report.unread import unread_lines
from monerotraffic.tables.traffic import Traffic

__all__ = ["Failed", "captured", "complain", "file_failed", "print_json"]

_EXACT = 1 << 53
"""Integers up to here are exact in every JSON reader (RFC 8259, section 6)."""


_NAMED = re.compile(r"(?P<name>[\w.-]+)=(?P<rest>.+)", re.DOTALL)
"""A capture with the name of its vantage node."""


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
                _by_node(options.captures),
                host=_hosts(options),
                tables=tables,
                ports=options.port,
                **tunnel_options(options),
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


def _by_node(captures: list[str]) -> list[str] | dict[str, list[str]]:
    """The captures; by vantage node if they are given as NAME=CAPTURE."""
    named = [_NAMED.fullmatch(text) for text in captures]
    nodes: dict[str, list[str]] = {}
    for text, match in zip(captures, named, strict=True):
        if match is not None and not os.path.exists(text):
            nodes.setdefault(match["name"], []).append(match["rest"])
    if nodes and sum(map(len, nodes.values())) < len(captures):
        raise Failed("either all captures have the name of a vantage node (NAME=CAPTURE), or none")
    return nodes or captures


def _hosts(options: argparse.Namespace) -> list[str] | dict[str, list[str]] | None:
    """The addresses; by vantage node if they are given as NAME=ADDRESS."""
    nodes: dict[str, list[str]] = {}
    for text in options.host or ():
        name, _, address = text.rpartition("=")
        nodes.setdefault(name, []).append(address)
    if len(nodes) > 1 and "" in nodes:
        raise Failed("either all addresses have the name of a vantage node, or none")
    return nodes.get("", nodes or None)


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
