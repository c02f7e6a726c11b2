"""Shared by all commands: reading captures, failures in one line, JSON."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from monerotraffic.cli.arguments import tunnel_options
from monerotraffic.errors import CaptureError, CaptureWarning, printable
from monerotraffic.io.reading import read
from monerotraffic.io.sources import STDIN, Listing, listing_of
from monerotraffic.report.unread import unaccepted_lines, unread_lines
from monerotraffic.tables.traffic import Traffic

if TYPE_CHECKING:
    from monerotraffic.store import Dataset

__all__ = [
    "Failed",
    "captured",
    "complain",
    "complain_about",
    "file_failed",
    "hosts",
    "listed",
    "opened",
    "print_json",
    "shows_progress",
    "sources",
]

_EXACT = 1 << 53
"""Integers up to here are exact in every JSON reader (RFC 8259, section 6)."""


class Failed(Exception):
    """Ends the command with one line for the user."""


def complain(error: object) -> None:
    """Prints one line to standard error, with control characters escaped."""
    if sys.stderr is not None:
        print(f"monerotraffic: {printable(' '.join(str(error).split()))}", file=sys.stderr)


def listed(options: argparse.Namespace) -> Listing:
    """The files of the captures of the command line."""
    try:
        return listing_of(sources(options))
    except (CaptureError, ValueError) as error:
        raise Failed(error) from None


def captured(
    options: argparse.Namespace, files: Listing, tables: Iterable[str] | None = None
) -> Traffic:
    """Reads captures into memory. Prints warnings to standard error. The first Ctrl-C ends the
    capture of standard input, and what was read is returned.
    """
    try:
        with warnings.catch_warnings(record=True) as caught, _ended_by_interrupt(files):
            warnings.simplefilter("always", CaptureWarning)
            traffic = read(
                files,
                host=hosts(options),
                tables=tables,
                ports=options.port,
                **tunnel_options(options),
                progress=shows_progress(options),
                threads=options.threads,
            )
    except (CaptureError, ValueError, ImportError) as error:
        raise Failed(error) from None
    complain_about(options, caught, traffic)
    if options.since is not None:
        traffic = traffic.since(options.since)
    return traffic if options.until is None else traffic.until(options.until)


def complain_about(
    options: argparse.Namespace, caught: Iterable[warnings.WarningMessage], traffic: Traffic
) -> None:
    """Prints the warnings of a read, and what was not read and may hold Monero traffic."""
    caught = list(caught)
    for warning in caught:
        complain(str(warning.message).replace("host= names", "--host names"))
    for line in [*unread_lines(traffic), *unaccepted_lines(traffic)]:
        complain(line)
    options.partly_read = any(warning.category is CaptureWarning for warning in caught)


def opened(options: argparse.Namespace) -> Dataset | None:
    """The part of a data set that the command line names; None for captures."""
    paths = options.captures
    if not any(_is_dataset(path) for path in paths):
        return None
    if len(paths) > 1:
        raise Failed("a data set must be given alone, without captures")
    if options.host or options.port:
        raise Failed("--host and --port are options of decode: the data set is decoded already")
    try:
        from monerotraffic.store import Dataset

        return Dataset(paths[0]).select(since=options.since, until=options.until)
    except (ValueError, ImportError) as error:
        raise Failed(error) from None
    except OSError as error:
        raise file_failed(error, paths[0]) from None


def _is_dataset(path: str) -> bool:
    """Whether a folder has the manifest of a data set; a folder of captures can have another."""
    try:
        with open(os.path.join(path, "manifest.json"), encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"format", "named", "runs"} <= content.keys()


def sources(options: argparse.Namespace) -> list[str] | dict[str, list[str]]:
    """The captures of the command line; by vantage node where nodes are named."""
    if options.captures and options.node:
        options.usage_error("give either captures or --node NAME=CAPTURES")
    if options.captures_required and not options.captures and not options.node:
        options.usage_error("the following arguments are required: CAPTURE or --node")
    nodes: dict[str, list[str]] = {}
    for name, captures in options.node:
        nodes.setdefault(name, []).append(captures)
    return nodes or list(options.captures)


def shows_progress(options: argparse.Namespace) -> bool:
    """As the command line says, else where a person watches."""
    if options.progress is None:
        return sys.stderr is not None and sys.stderr.isatty()
    return bool(options.progress)


@contextmanager
def _ended_by_interrupt(files: Listing) -> Iterator[None]:
    """Lets the first Ctrl-C end standard input, if that is read: it continues as an empty file. The
    second one interrupts.
    """
    if STDIN not in files.files or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        complain("interrupted: the results are of what was read until now")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def hosts(options: argparse.Namespace) -> list[str] | dict[str, list[str]] | None:
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
