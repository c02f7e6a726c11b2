"""Options that several commands have, and the types of their values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from monerotraffic.net.addresses import canonical
from monerotraffic.rules import PRESETS

__all__ = ["add_command", "add_preset", "count", "days", "natural"]

_MOST_DAYS = 36500


def add_command(
    commands: Any,
    name: str,
    help_text: str,
    run: Callable[[argparse.Namespace], None],
    captures: str = "+",
) -> argparse.ArgumentParser:
    """A command that reads captures. `captures`: how many, as argparse's nargs."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=f"Prints {help_text}."
    )
    made.set_defaults(run=run, usage_error=made.error)
    what = "capture file, folder of captures, glob, or - for standard input; several are read as one stream"
    made.add_argument("captures", nargs=captures, metavar="CAPTURE", help=what)
    host = "an address of the vantage node (may be repeated); without it, it is inferred"
    made.add_argument("--host", action="append", type=_host, metavar="ADDRESS", help=host)
    made.add_argument(
        "--port",
        action="append",
        type=_port,
        metavar="PORT",
        default=[],
        help="a further TCP port of Monero (may be repeated)",
    )
    made.add_argument("--json", action="store_true", help="print one JSON object")
    made.add_argument("--progress", action="store_true", help="show a progress bar (needs tqdm)")
    return made


def add_preset(command: argparse.ArgumentParser) -> None:
    text = "the rules of this package (default), or the published variants with their thresholds"
    command.add_argument("--preset", choices=PRESETS, default="default", help=text)


def natural(value: str) -> int:
    """A number from 0."""
    return _whole(value, 0, None, "a number from 0")


def count(value: str) -> int:
    """A number from 1."""
    return _whole(value, 1, None, "a number from 1")


def days(value: str) -> int:
    """A number of days, such that a date remains a date."""
    return _whole(value, 0, _MOST_DAYS, f"a number of days from 0 to {_MOST_DAYS}")


def _port(value: str) -> int:
    return _whole(value, 1, 65535, "a port from 1 to 65535")


def _host(value: str) -> str:
    try:
        return canonical(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _whole(value: str, least: int, most: int | None, what: str) -> int:
    if value.isascii() and value.isdigit() and len(value) <= 18:
        number = int(value)
        if number >= least and (most is None or number <= most):
            return number
    raise argparse.ArgumentTypeError(f"{value!r} is not {what}")
