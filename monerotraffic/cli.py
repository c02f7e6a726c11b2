"""The command line: monerotraffic summary, findings, banlist, report."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

import monerotraffic
from monerotraffic import banlist
from monerotraffic.banlist import BanList, Entry
from monerotraffic.errors import CaptureError, CaptureWarning, printable
from monerotraffic.io.reading import read
from monerotraffic.metrics.network import autonomous_systems
from monerotraffic.net.addresses import canonical
from monerotraffic.report import text as findings_text
from monerotraffic.report.summary import TABLES, counted, span, span_text, summary, text
from monerotraffic.rules import PRESETS, find_anomalies
from monerotraffic.rules.bans import Bans, ban
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View

__all__ = ["main"]

_LONGEST = 36500


class _Failed(Exception):
    """What ends the command, in one line for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; the exit code: 0, whatever was found; 1 for a file that cannot be read
    or written or if memory runs out, 130 for Ctrl-C;
    argparse exits with 2 for a wrong command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
        return 0
    except _Failed as failed:
        _complain(failed)
        return 1
    except MemoryError:
        _complain("out of memory")
        return 1
    except (
        BrokenPipeError
    ):  # whoever reads has enough; keep the interpreter from complaining when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("monerotraffic: interrupted", file=sys.stderr)
        return 130


# ---- what there is to say ----


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="monerotraffic", description="Monero P2P traffic out of packet captures."
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"monerotraffic {monerotraffic.__version__} ({monerotraffic.libpcap_version()})",
    )
    commands = parser.add_subparsers(title="commands", dest="command", required=True)
    _summary_parser(commands)
    _findings_parser(commands)
    _banlist_parser(commands)
    _report_parser(commands)
    return parser


def _command(
    commands: Any, name: str, told: str, run: Any, captures: str = "+"
) -> argparse.ArgumentParser:
    """A command that reads captures."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=told, description=f"Tells {told}."
    )
    made.set_defaults(run=run, complain=made.error)
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
        help="a further TCP port that is Monero's (may be repeated)",
    )
    made.add_argument("--json", action="store_true", help="print one JSON object")
    made.add_argument("--progress", action="store_true", help="show a progress bar (needs tqdm)")
    return made


def _summary_parser(commands: Any) -> None:
    who = _command(
        commands,
        "summary",
        "who was there: files, connections, messages, peers, problems",
        _summary,
    )
    who.add_argument(
        "--top", type=_number, default=10, metavar="N", help="how many peers to list (default: 10)"
    )


def _findings_parser(commands: Any) -> None:
    what = _command(
        commands,
        "findings",
        "which peers do what a standard node does not, with the evidence",
        _findings,
    )
    _preset(what)
    what.add_argument("--ban-list", metavar="FILE", help="tell which peers are on this ban list")
    what.add_argument(
        "--csv", metavar="FILE", help="also write the findings to this file, all evidence included"
    )


def _banlist_parser(commands: Any) -> None:
    made = _command(
        commands,
        "banlist",
        "whom to ban, as a list for monerod --ban-list; or compares two lists",
        _banlist,
        "*",
    )
    _preset(made)
    made.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the list to this file instead of standard output",
    )
    made.add_argument(
        "--allow",
        action="append",
        metavar="FILE",
        default=[],
        help="never ban what is on this list, of the same format (may be repeated)",
    )
    collapse = "ban a /24 whole if N of its addresses or more are banned, and none in it was seen and is not banned"
    made.add_argument("--collapse", type=_positive, metavar="N", help=collapse)
    made.add_argument(
        "--expires",
        type=_days,
        metavar="DAYS",
        help="note in each new entry on which day it expires; --merge leaves out what has expired",
    )
    made.add_argument(
        "--weak", action="store_true", help="ban suspicious peers too, not only anomalous ones"
    )
    made.add_argument(
        "--merge",
        action="append",
        metavar="FILE",
        default=[],
        help="keep what this ban list has, unless it has expired (may be repeated)",
    )
    made.add_argument(
        "--plain", action="store_true", help="write no comments, for monerod before 0.18.4"
    )
    made.add_argument(
        "--diff",
        nargs=2,
        metavar=("OLD", "NEW"),
        help="compare two ban lists instead, without any capture",
    )


def _report_parser(commands: Any) -> None:
    page = _command(
        commands,
        "report",
        "what was found as a page with pictures (report.html), a table (findings.csv) and a ban list (ban_list.txt)",
        _report,
    )
    _preset(page)
    page.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        default="report",
        help="where to write them; made if it is not there (default: report)",
    )
    page.add_argument(
        "--paper",
        action="store_true",
        help="also write the figures as PDF and the numbers as LaTeX macros",
    )
    page.add_argument(
        "--asn",
        metavar="FILE",
        help="name autonomous systems by this MaxMind database (.mmdb; needs maxminddb)",
    )
    page.add_argument(
        "--title", default="Monero P2P traffic", metavar="TEXT", help="the heading of the page"
    )


def _preset(command: argparse.ArgumentParser) -> None:
    told = "our rules (default), or the published variants of the paper with their thresholds"
    command.add_argument("--preset", choices=PRESETS, default="default", help=told)


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


def _positive(value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number from 1")
    return int(value)


def _days(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 6 or int(value) > _LONGEST:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number of days from 0 to {_LONGEST}")
    return int(value)


# ---- in and out ----


def _complain(error: object) -> None:
    """One line on standard error, whatever is in it."""
    print(f"monerotraffic: {printable(' '.join(str(error).split()))}", file=sys.stderr)


def _captured(options: argparse.Namespace, tables: Iterable[str] | None = None) -> Traffic:
    """The captures of the command line; what could not be read of them is told."""
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
        raise _Failed(error) from None
    for warning in caught:
        _complain(warning.message)
    return traffic


def _file_failed(error: OSError | ValueError, path: str) -> _Failed:
    return _Failed(error if isinstance(error, ValueError) else f"{path}: {error.strerror or error}")


def _print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2)
    print()


# ---- summary ----


def _summary(options: argparse.Namespace) -> None:
    numbers = summary(_captured(options, TABLES), options.top)
    if options.json:
        _print_json(numbers)
    else:
        sys.stdout.write(text(numbers))


# ---- findings ----


def _findings(options: argparse.Namespace) -> None:
    listed = None if options.ban_list is None else _lists([options.ban_list])
    traffic = _captured(options)
    findings = find_anomalies(
        traffic, options.preset, parameters={"ban_listed": {"ban_list": listed}}
    )
    if options.csv is not None:
        try:
            with open(options.csv, "w", encoding="utf-8", newline="") as file:
                findings_text.csv(findings).to_csv(file, index=False)
        except OSError as error:
            raise _file_failed(error, options.csv) from None
    numbers = findings_text.told(traffic, findings, options.preset)
    if options.json:
        _print_json(numbers)
    else:
        sys.stdout.write(findings_text.text(numbers))


# ---- banlist ----


def _banlist(options: argparse.Namespace) -> None:
    with_captures = (
        options.collapse
        or options.weak
        or options.expires is not None
        or options.host
        or options.port
        or options.progress
    )
    if options.diff is not None:
        if (
            options.captures
            or options.merge
            or options.allow
            or options.output
            or options.plain
            or with_captures
            or options.preset != "default"
        ):
            options.complain(
                "--diff compares two lists and goes with no capture and no other option but --json"
            )
        _diff(options)
    elif not options.captures and not options.merge:
        options.complain("the following arguments are required: CAPTURE, --merge or --diff")
    elif not options.captures and (with_captures or options.preset != "default"):
        options.complain(
            "--collapse, --weak, --expires, --preset, --host, --port and --progress go with captures"
        )
    else:
        _ban(options)


def _lists(paths: Iterable[str]) -> BanList:
    """What is on any of these lists."""
    found = []
    for path in paths:
        try:
            found.append(banlist.read(path))
        except (OSError, ValueError) as error:
            raise _file_failed(error, path) from None
    return banlist.merge(*found)


def _today() -> date:
    return datetime.now(UTC).date()


def _ban(options: argparse.Namespace) -> None:
    allow = _lists(options.allow)
    kept = _lists(options.merge).valid_on(_today()).without(allow).octets()
    told = [f"Made by monerotraffic {monerotraffic.__version__}."]
    bans = Bans(BanList(), (), (), 0)
    if options.captures:
        bans, more = _banned(options, allow)
        told += more
    if options.merge:
        told.append(f"{counted(len(kept), 'entry', 'entries')} kept from other lists.")
    listed = banlist.merge(kept, bans.listed)
    if options.output is not None:
        try:
            banlist.write(listed, options.output, not options.plain, told)
        except OSError as error:
            raise _file_failed(error, options.output) from None
    if options.json:
        told_of = {"peers": list(bans.peers), "allowed": list(bans.allowed), "others": bans.others}
        _print_json({**told_of, "addresses": listed.addresses, "entries": _entries(listed)})
    elif options.output is None:
        sys.stdout.write(listed.text(not options.plain, told))
    else:
        print("\n".join(told))


def _banned(options: argparse.Namespace, allow: BanList) -> tuple[Bans, list[str]]:
    """Whom the captures condemn, and what is to be said of it."""
    traffic = _captured(options)
    if not traffic.hosts:
        _complain(
            "the vantage node is unknown, so nobody is found: no Monero connection tells it; --host names it"
        )
    peers = traffic.connections["peer"].dropna().unique()
    among = ("anomalous", "suspicious") if options.weak else ("anomalous",)
    expires = None if options.expires is None else _today() + timedelta(days=options.expires)
    findings = find_anomalies(traffic, options.preset)
    bans = ban(
        findings,
        among,
        allow=allow,
        seen=[*peers, *traffic.hosts],
        collapse=options.collapse,
        expires=expires,
    )
    told = [
        f"Captured {span_text(span(traffic))}; rules of the preset {options.preset}.",
        f"{len(bans.peers):,} of {counted(len(peers), 'peer')} banned ({' and '.join(among)}), {len(bans.allowed):,} found but allowed, "
        f"{counted(bans.others, 'address', 'addresses')} without findings banned with them.",
    ]
    return bans, told


# ---- report ----


def _report(options: argparse.Namespace) -> None:
    from monerotraffic import report

    view = View(_captured(options))
    systems = _systems(view, options.asn)
    try:
        made = report.write(
            view, options.output, options.preset, options.title, options.paper, systems
        )
    except ImportError as error:
        raise _Failed(f"{error}: pip install 'monerotraffic[report]'") from None
    except OSError as error:
        raise _file_failed(error, options.output) from None
    told = {"page": made.page, "findings": made.findings, "ban_list": made.ban_list}
    if options.json:
        _print_json({name: os.fspath(path) for name, path in told.items()})
    else:
        for name, path in told.items():
            print(f"{name.replace('_', ' '):10} {printable(os.fspath(path))}")


def _systems(view: View, database: str | None) -> pd.DataFrame | None:
    """The autonomous systems of the peers, by a file of the user's."""
    if database is None:
        return None
    try:
        return autonomous_systems(view.connections["peer"].unique(), database)
    except ImportError as error:
        raise _Failed(str(error)) from None
    except OSError as error:
        raise _file_failed(error, database) from None
    except RuntimeError as error:  # maxminddb's
        raise _Failed(f"{printable(database)}: {error}") from None


# ---- the entries of a ban list ----


def _entries(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    return [
        {
            "prefix": entry.prefix,
            "addresses": entry.network.num_addresses,
            "expires": str(entry.expires) if entry.expires else None,
            "comment": entry.comment,
        }
        for entry in entries
    ]


def _diff(options: argparse.Namespace) -> None:
    """As diff(1) writes it: what only one list has, behind - or +; what both have with another
    comment or expiry behind both.
    """
    told = banlist.diff(_lists(options.diff[:1]), _lists(options.diff[1:]))
    if options.json:
        changed = [dict(zip(("old", "new"), _entries(pair), strict=True)) for pair in told.changed]
        counts = {
            "addresses_added": told.addresses_added,
            "addresses_removed": told.addresses_removed,
        }
        _print_json(
            {
                **counts,
                "added": _entries(told.added),
                "removed": _entries(told.removed),
                "changed": changed,
            }
        )
        return
    for sign, entries in (("-", told.removed), ("+", told.added)):
        for entry in entries:
            print(sign, entry.line())
    for old, new in told.changed:
        print(f"- {old.line()}\n+ {new.line()}")
    prefixes = (
        f"{len(told.removed):,} removed, {len(told.added):,} added, {len(told.changed):,} changed"
    )
    print(
        f"{prefixes}; {counted(told.addresses_removed, 'address', 'addresses')} no longer banned, {told.addresses_added:,} newly banned"
    )
