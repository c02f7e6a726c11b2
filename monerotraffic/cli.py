"""The command line: monerotraffic summary CAPTURE…"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence

import monerotraffic
from monerotraffic.errors import CaptureError, CaptureWarning
from monerotraffic.reading import read
from monerotraffic.summary import TABLES, printable, summary, text
from monerotraffic.vantage import canonical

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; the exit code: 0, 1 for a capture that cannot be read or if memory runs out, 130 for Ctrl-C; argparse exits with 2 for a
    wrong command line."""
    options = _parser().parse_args(arguments)
    try:
        code = _summary(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever reads has enough; keep the interpreter from complaining when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("monerotraffic: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="monerotraffic", description="Monero P2P traffic out of packet captures.")
    parser.add_argument("--version", action="version", version=f"monerotraffic {monerotraffic.__version__} ({monerotraffic.libpcap_version()})")
    commands = parser.add_subparsers(title="commands", dest="command", required=True)
    told = "who was there: files, connections, messages, peers, problems"
    who = commands.add_parser("summary", help=told, description=f"Tells {told}.")
    what = "capture file, folder of captures, glob, or - for standard input; several are read as one stream"
    who.add_argument("captures", nargs="+", metavar="CAPTURE", help=what)
    host = "an address of the vantage node (may be repeated); without it, it is inferred"
    who.add_argument("--host", action="append", type=_host, metavar="ADDRESS", help=host)
    who.add_argument("--port", action="append", type=_port, metavar="PORT", default=[], help="a further TCP port that is Monero's (may be repeated)")
    who.add_argument("--top", type=_number, default=10, metavar="N", help="how many peers to list (default: 10)")
    who.add_argument("--json", action="store_true", help="print one JSON object")
    who.add_argument("--progress", action="store_true", help="show a progress bar (needs tqdm)")
    return parser


def _host(value: str) -> str:
    try:
        return canonical(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 65535:
        raise argparse.ArgumentTypeError(f"{value!r} is not a port from 1 to 65535")
    return int(value)


def _number(value: str) -> int:
    if not value.isascii() or not value.isdigit():
        raise argparse.ArgumentTypeError(f"{value!r} is not a number from 0")
    return int(value)


def _complain(error: object) -> None:
    """One line on standard error, whatever is in it."""
    print(f"monerotraffic: {printable(' '.join(str(error).split()))}", file=sys.stderr)


def _summary(options: argparse.Namespace) -> int:
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CaptureWarning)
            traffic = read(options.captures, host=options.host, tables=TABLES, ports=options.port, progress=options.progress)
    except (CaptureError, ValueError, ImportError) as error:
        _complain(error)
        return 1
    except MemoryError:
        _complain("out of memory")
        return 1
    for warning in caught:
        _complain(warning.message)
    numbers = summary(traffic, options.top)
    if options.json:
        json.dump(numbers, sys.stdout, indent=2)
        print()
    else:
        sys.stdout.write(text(numbers))
    return 0
