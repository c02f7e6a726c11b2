"""monerotraffic banlist: a ban list from captures and other lists, or the difference of two lists."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

from monerotraffic import banlist
from monerotraffic._version import __version__
from monerotraffic.banlist import BanList
from monerotraffic.cli.arguments import add_command, add_preset, count, days
from monerotraffic.cli.lists import entry_rows, read_lists
from monerotraffic.cli.output import captured, complain, file_failed, print_json
from monerotraffic.report.summary import counted, span, span_text
from monerotraffic.rules import find_anomalies
from monerotraffic.rules.bans import Bans, ban

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "banlist",
        "which peers to ban, as a list for monerod --ban-list; or the difference of two lists",
        run,
        "*",
    )
    add_preset(command)
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the list to this file instead of standard output",
    )
    command.add_argument(
        "--allow",
        action="append",
        metavar="FILE",
        default=[],
        help="never ban what is on this list, of the same format (may be repeated)",
    )
    collapse = "ban a /24 whole if N of its addresses or more are banned, and none in it was seen and is not banned"
    command.add_argument("--collapse", type=count, metavar="N", help=collapse)
    command.add_argument(
        "--expires",
        type=days,
        metavar="DAYS",
        help="write the day of expiry into each new entry; --merge leaves out what has expired",
    )
    command.add_argument(
        "--weak", action="store_true", help="ban suspicious peers too, not only anomalous ones"
    )
    command.add_argument(
        "--merge",
        action="append",
        metavar="FILE",
        default=[],
        help="keep what this ban list has, unless it has expired (may be repeated)",
    )
    command.add_argument(
        "--plain", action="store_true", help="write no comments, for monerod before 0.18.4"
    )
    command.add_argument(
        "--diff",
        nargs=2,
        metavar=("OLD", "NEW"),
        help="compare two ban lists instead, without any capture",
    )


def run(options: argparse.Namespace) -> None:
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
            options.usage_error(
                "--diff compares two lists and goes with no capture and no other option but --json"
            )
        _diff(options)
    elif not options.captures and not options.merge:
        options.usage_error("the following arguments are required: CAPTURE, --merge or --diff")
    elif not options.captures and (with_captures or options.preset != "default"):
        options.usage_error(
            "--collapse, --weak, --expires, --preset, --host, --port and --progress go with captures"
        )
    else:
        _ban(options)


def _today() -> date:
    return datetime.now(UTC).date()


def _ban(options: argparse.Namespace) -> None:
    allow = read_lists(options.allow)
    kept = read_lists(options.merge).valid_on(_today()).without(allow).octets()
    told = [f"Made by monerotraffic {__version__}."]
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
            raise file_failed(error, options.output) from None
    if options.json:
        numbers = {
            "peers": list(bans.peers),
            "allowed": list(bans.allowed),
            "collateral_addresses": bans.collateral_addresses,
        }
        print_json({**numbers, "addresses": listed.addresses, "entries": entry_rows(listed)})
    elif options.output is None:
        sys.stdout.write(listed.text(not options.plain, told))
    else:
        print("\n".join(told))


def _banned(options: argparse.Namespace, allow: BanList) -> tuple[Bans, list[str]]:
    """Whom the captures condemn, and what is to be said of it."""
    traffic = captured(options)
    if not traffic.hosts:
        complain(
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
        f"{counted(bans.collateral_addresses, 'address', 'addresses')} without findings banned with them.",
    ]
    return bans, told


def _diff(options: argparse.Namespace) -> None:
    """As diff(1) writes it: what only one list has, behind - or +; what both have with another
    comment or expiry behind both.
    """
    told = banlist.diff(read_lists(options.diff[:1]), read_lists(options.diff[1:]))
    if options.json:
        changed = [
            dict(zip(("old", "new"), entry_rows(pair), strict=True)) for pair in told.changed
        ]
        counts = {
            "addresses_added": told.addresses_added,
            "addresses_removed": told.addresses_removed,
        }
        print_json(
            {
                **counts,
                "added": entry_rows(told.added),
                "removed": entry_rows(told.removed),
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
