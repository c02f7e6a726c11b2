"""The entry point: options, exit codes, and failures of standard output."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from monerotraffic._core import libpcap_version
from monerotraffic._version import __version__
from monerotraffic.cli import (
    banlist,
    compare,
    decode,
    explain,
    exposure,
    findings,
    peer,
    report,
    summary,
)
from monerotraffic.cli import run as run_all
from monerotraffic.cli.output import Failed, complain

__all__ = ["main"]

_COMMANDS = (summary, findings, banlist, exposure, report, run_all, explain, decode, peer, compare)
NAMES = tuple(command.__name__.rpartition(".")[2] for command in _COMMANDS)
"""The commands in order of the help."""


_FIRST_STEPS = """first steps:
  monerotraffic summary captures/            what the captures contain
  monerotraffic findings captures/           which peers differ from a standard node, and why
  monerotraffic report captures/ -o report   the same as a page, with a ban list

`monerotraffic COMMAND --help` shows the options, examples and exit codes of a command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code (arguments.EXIT_CODES). argparse exits with 2
    for a wrong command line.
    """
    if sys.stdout is None:  # its file descriptor was closed by the caller
        complain("standard output is closed")
        return 1
    if hasattr(sys.stdout, "reconfigure"):  # file names can have characters that it cannot encode
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            parser = command_line()
            _complete(parser)
            if not (sys.argv[1:] if arguments is None else arguments):
                parser.print_help(sys.stderr)
                return 2
            options = parser.parse_args(arguments)
            with contextlib.ExitStack() as options.closing:
                options.run(options)
        finally:
            sys.stdout.flush()
        return 3 if options.strict and options.partly_read else 0
    except Failed as failed:
        complain(failed)
        return 1
    except MemoryError:
        complain("out of memory")
        return 1
    except BrokenPipeError:  # the reader closed the pipe
        _discard_output()
        return 0
    except OSError as error:
        _discard_output()
        complain(f"standard output: {error.strerror or error}")
        return 1
    except KeyboardInterrupt:
        complain("interrupted")
        return 130


def _complete(parser: argparse.ArgumentParser) -> None:
    """Prints completions instead, if a shell asks for them through argcomplete."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)


def _discard_output() -> None:
    """Keeps the interpreter from complaining when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    """Does not swallow the failure to write, as argparse does."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if message and file is not None:
            file.write(message)


def command_line() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="monerotraffic",
        usage="%(prog)s COMMAND [OPTION ...]",
        description="Monero P2P traffic from packet captures.",
        epilog=_FIRST_STEPS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"monerotraffic {__version__} ({libpcap_version()})",
    )
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, prog=parser.prog
    )
    for command in _COMMANDS:
        command.add(commands)
    return parser
