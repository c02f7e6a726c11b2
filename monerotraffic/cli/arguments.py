"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from monerotraffic.net.addresses import canonical
from monerotraffic.rules import PRESETS

__all__ = [
    "EXIT_CODES",
    "Captures",
    "add_command",
    "add_period",
    "add_preset",
    "count",
    "days",
    "described",
    "natural",
    "run_name",
    "tunnel_options",
    "validity",
]

_MOST_DAYS = 36500
_WIDTH = 80  # of descriptions
EXIT_CODES = """exit codes: 0 the captures were read, whatever the findings; 1 a file cannot be
read or written, or memory runs out; 2 wrong command line; 3 a capture was read
in part, with --strict; 130 Ctrl-C (of standard input, the first Ctrl-C ends the
capture and prints what was read)"""
"""The exit codes of all commands: the one place that defines them."""


class Captures(NamedTuple):
    """The captures that a command reads."""

    usage: str = "CAPTURE ..."
    help: str = (
        "capture file, folder, glob, - for standard input, or the folder of a data set; several "
        "captures are read as one stream"
    )
    required: bool = True
    nodes: bool = True
    """Whether --node can give them instead."""
    period: bool = True
    """Whether connections can be selected by time."""


CAPTURES = Captures()
"""Any number of captures, or --node."""


def add_command(
    commands: Any,
    name: str,
    help_text: str,
    run: Callable[[argparse.Namespace], None],
    captures: Captures = CAPTURES,
    examples: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """Adds a command that reads captures. `examples` are lines of the help after the options. The
    options that are added to the result are shown before those that all commands share.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        usage=f"%(prog)s [OPTION ...] {captures.usage}",
        help=help_text,
        description=described(f"{help_text[0].upper()}{help_text[1:]}."),
        epilog="\n  ".join(["examples:", *examples]) + f"\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(
        run=run,
        usage_error=parser.error,
        partly_read=False,
        captures_required=captures.required,
        node=[],
        since=None,
        until=None,
    )
    parser.add_argument("captures", nargs="*", metavar="CAPTURE", help=captures.help)
    _add_selection(parser.add_argument_group("captures and connections"), captures)
    _add_tunnels(parser)
    _add_output(parser.add_argument_group("output"))
    return parser


def described(text: str) -> str:
    """A description in lines that fit into a terminal; the help prints it as it is."""
    return textwrap.fill(text, _WIDTH)


def _add_selection(group: Any, captures: Captures) -> None:
    if captures.nodes:
        node = (
            "captures of the vantage node NAME, instead of CAPTURE (may be repeated, also for one "
            "node)"
        )
        group.add_argument(
            "--node", action="append", type=_node, metavar="NAME=CAPTURES", default=[], help=node
        )
    host = (
        "an address of the vantage node, or NAME=ADDRESS of one of several (may be repeated; "
        "default: inferred)"
    )
    group.add_argument("--host", action="append", type=_host, metavar="ADDRESS", help=host)
    port = "a further TCP port of Monero nodes (may be repeated)"
    group.add_argument("--port", action="append", type=_port, metavar="PORT", default=[], help=port)
    threads = "threads that read and decompress (default: one for each core)"
    group.add_argument("--threads", type=count, metavar="N", help=threads)
    if captures.period:
        add_period(group)


def _add_output(group: Any) -> None:
    group.add_argument("--json", action="store_true", help="print one JSON object")
    redact = "replace the vantage node's addresses and the names of capture files in the output"
    group.add_argument("--redact", action="store_true", help=redact)
    strict = "exit with 3 if a capture was read in part (damaged, or of an unknown kind)"
    group.add_argument("--strict", action="store_true", help=strict)
    group.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show a progress bar (default: if standard error is a terminal)",
    )


def add_period(parser: Any) -> None:
    """Options that select connections by time."""
    text = "only connections that began {} this time (UTC, as 2026-05-01 or 2026-05-01T12:30)"
    parser.add_argument("--since", type=_time, metavar="TIME", help=text.format("at or after"))
    parser.add_argument("--until", type=_time, metavar="TIME", help=text.format("before"))


def _time(value: str) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{value!r} is not a time as 2026-05-01 or 2026-05-01T12:30"
        ) from None
    if not 1678 <= time.year <= 2261:  # what nanoseconds in 64 bits can express
        raise argparse.ArgumentTypeError(f"{value!r} is not a year from 1678 to 2261")
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _add_tunnels(parser: argparse.ArgumentParser) -> None:
    """Options about packets and connections that others pass on."""
    group = parser.add_argument_group("tunnels and proxies")
    group.add_argument(
        "--tunnels",
        choices=("inner", "outer"),
        default="inner",
        help="read connections within tunnels (inner, default), or the outermost packets only",
    )
    port = "a further UDP port of tunnels (may be repeated)"
    group.add_argument(
        "--tunnel-port", action="append", type=_port, metavar="PORT", default=[], help=port
    )
    end = "an end of a tunnel whose contents are believed (give both ends; may be repeated)"
    group.add_argument(
        "--trusted-tunnel", action="append", type=_host, metavar="ADDRESS", default=[], help=end
    )
    proxy = "a proxy whose PROXY headers are believed: they name the peer (may be repeated)"
    group.add_argument(
        "--trusted-proxy", action="append", type=_host, metavar="ADDRESS", default=[], help=proxy
    )


def tunnel_options(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of read about tunnels and proxies."""
    return {
        "tunnels": options.tunnels,
        "tunnel_ports": options.tunnel_port,
        "trusted_tunnels": options.trusted_tunnel,
        "trusted_proxies": options.trusted_proxy,
    }


def add_preset(command: argparse.ArgumentParser) -> None:
    text = "rules and thresholds: those of this package (default), or of the published papers"
    command.add_argument("--preset", choices=PRESETS, default="default", help=text)


def natural(value: str) -> int:
    """A number from 0."""
    return _whole(value, 0, None, "a number from 0")


def count(value: str) -> int:
    """A number from 1."""
    return _whole(value, 1, None, "a number from 1")


def days(value: str) -> int:
    """A number of days that keeps dates valid."""
    return _whole(value, 0, _MOST_DAYS, f"a number of days from 0 to {_MOST_DAYS}")


def validity(value: str) -> int | None:
    """A number of days, or `never` (None)."""
    return None if value == "never" else days(value)


def run_name(value: str) -> str:
    """A name that can be part of a file name on every system."""
    if value and value.isascii() and value.replace("-", "").replace("_", "").isalnum():
        return value
    raise argparse.ArgumentTypeError(f"{value!r} is not made of letters, digits, - and _")


def _port(value: str) -> int:
    return _whole(value, 1, 65535, "a port from 1 to 65535")


def _node(value: str) -> tuple[str, str]:
    name, separator, captures = value.partition("=")
    if not separator or not name or not captures:
        raise argparse.ArgumentTypeError(f"{value!r} is not NAME=CAPTURES")
    return name, captures


def _host(value: str) -> str:
    name, equals, address = value.rpartition("=")
    try:
        return f"{name}{equals}{canonical(address)}"
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _whole(value: str, least: int, most: int | None, what: str) -> int:
    if value.isascii() and value.isdigit() and len(value) <= 18:
        number = int(value)
        if number >= least and (most is None or number <= most):
            return number
    raise argparse.ArgumentTypeError(f"{value!r} is not {what}")
