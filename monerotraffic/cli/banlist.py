"""monerotraffic banlist: creates a ban list from captures and lists, or compares two lists."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from monerotraffic import banlist
from monerotraffic._version import __version__
from monerotraffic.banlist import BanList
from monerotraffic.cli.arguments import Captures, add_command, add_preset, count, validity
from monerotraffic.cli.evidence import Evidence, evidence
from monerotraffic.cli.lists import entry_rows, read_lists
from monerotraffic.cli.nodes import add_agree, check_agree
from monerotraffic.cli.output import Failed, complain, file_failed, print_json
from monerotraffic.metrics.advertised import advertised_hosts
from monerotraffic.report.redaction import Redaction
from monerotraffic.report.summary import counted, span, span_text
from monerotraffic.rules import find_anomalies
from monerotraffic.rules.bans import MAX_ADDRESSES, VALIDITY, BanLimitError, Bans, ban
from monerotraffic.tables.traffic import Traffic

__all__ = ["add", "run"]

_DEFAULT: Any = object()
"""Of --expires: the default validity, as opposed to the same given."""


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "banlist",
        "print a ban list for monerod --ban-list, or the difference of two lists",
        run,
        Captures("[CAPTURE ...]", required=False),
        (
            "monerotraffic banlist captures/ -o ban.txt",
            "monerotraffic banlist today/ --merge ban.txt --expires 30 -o ban.txt",
            "monerotraffic banlist captures/ --allow friends.txt --collapse 3",
            "monerotraffic banlist --diff old.txt new.txt",
        ),
    )
    add_preset(command)
    add_agree(command)
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
        help="never ban the addresses on this list, which has the same format (may be repeated)",
    )
    collapse = (
        "ban a /24 if at least N of its addresses are banned, and no other peer in it was seen"
    )
    command.add_argument("--collapse", type=count, metavar="N", help=collapse)
    command.add_argument(
        "--expires",
        type=validity,
        metavar="DAYS",
        default=_DEFAULT,
        help=f"days from today for which new entries are valid (default {VALIDITY.days}), or "
        "never; --merge removes expired entries",
    )
    command.add_argument(
        "--max-addresses",
        type=count,
        metavar="N",
        default=MAX_ADDRESSES,
        help=f"fail, and write nothing, if more would be banned (default {MAX_ADDRESSES:,})",
    )
    command.add_argument(
        "--weak", action="store_true", help="ban suspicious peers too, not only anomalous ones"
    )
    command.add_argument(
        "--merge",
        action="append",
        metavar="FILE",
        default=[],
        help="keep the entries of this ban list that have not expired (may be repeated)",
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
        or options.expires is not _DEFAULT
        or options.host
        or options.port
        or options.progress
        or options.redact
        or options.since
        or options.until
        or options.agree > 1
    )
    if options.diff is not None:
        if (
            options.captures
            or options.node
            or options.merge
            or options.allow
            or options.output
            or options.plain
            or with_captures
            or options.preset != "default"
        ):
            options.usage_error(
                "--diff compares two lists and cannot be combined with captures or other options "
                "than --json"
            )
        _diff(options)
    elif not options.captures and not options.node and not options.merge:
        options.usage_error(
            "the following arguments are required: CAPTURE, --node, --merge or --diff"
        )
    elif (
        not options.captures and not options.node and (with_captures or options.preset != "default")
    ):
        options.usage_error(
            "--collapse, --weak, --expires, --preset, --host, --port, --progress, --redact, "
            "--since, --until and --agree require captures"
        )
    else:
        _ban(options)


def _today() -> date:
    return datetime.now(UTC).date()


def _ban(options: argparse.Namespace) -> None:
    allow = read_lists(options.allow)
    kept = read_lists(options.merge).valid_on(_today()).without(allow).octets()
    head = [f"Generated by monerotraffic {__version__}."]
    bans = Bans(BanList(), (), (), 0)
    if options.captures or options.node:
        bans, more = _banned(options, allow)
        head += more
    if options.merge:
        head.append(f"{counted(len(kept), 'entry', 'entries')} kept from other lists.")
    listed = banlist.merge(kept, bans.listed)
    if options.output is not None:
        try:
            banlist.write(listed, options.output, not options.plain, head)
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
        sys.stdout.write(listed.text(not options.plain, head))
    else:
        print("\n".join(head))


def _banned(options: argparse.Namespace, allow: BanList) -> tuple[Bans, list[str]]:
    """The bans that follow from the captures, and the lines that describe them."""
    read = evidence(options)
    traffic = read.traffic
    if not traffic.hosts:
        complain(
            "the vantage node is unknown, so no peer can be found: the capture has no Monero "
            "connection; use --host"
        )
    peers = traffic.connections["peer"].dropna().unique()
    among = ("anomalous", "suspicious") if options.weak else ("anomalous",)
    given = VALIDITY.days if options.expires is _DEFAULT else options.expires
    check_agree(options, traffic)
    findings = find_anomalies(read.source, options.preset, agree=options.agree)
    if options.redact:
        findings = Redaction(traffic).findings(findings)
    advertised = [] if options.collapse is None else _advertised(read)
    try:
        bans = ban(
            findings,
            among,
            allow=allow,
            seen=[*peers, *traffic.hosts, *advertised],
            collapse=options.collapse,
            expires=None if given is None else _today() + timedelta(days=given),
            max_addresses=options.max_addresses,
        )
    except BanLimitError as error:
        raise Failed(f"{error}; --max-addresses raises the limit") from None
    lines = [
        f"Captured {span_text(span(traffic))}; rules of the preset {options.preset}.",
        f"{len(bans.peers):,} of {counted(len(peers), 'peer')} banned ({' and '.join(among)}), "
        f"{len(bans.allowed):,} flagged but allowed, "
        f"{counted(bans.collateral_addresses, 'address', 'addresses')} without findings banned "
        "with them.",
    ]
    return bans, lines


def _advertised(read: Evidence) -> Iterable[str]:
    """The hosts in the peer lists that peers sent."""
    if isinstance(read.source, Traffic):
        return list(advertised_hosts(read.source)["host"])
    return read.source.advertised_hosts()


def _diff(options: argparse.Namespace) -> None:
    """Prints the difference as diff(1) does: - and + mark entries of one list; an entry with
    another comment or expiry has both.
    """
    difference = banlist.diff(read_lists(options.diff[:1]), read_lists(options.diff[1:]))
    if options.json:
        changed = [
            dict(zip(("old", "new"), entry_rows(pair), strict=True)) for pair in difference.changed
        ]
        counts = {
            "addresses_added": difference.addresses_added,
            "addresses_removed": difference.addresses_removed,
        }
        print_json(
            {
                **counts,
                "added": entry_rows(difference.added),
                "removed": entry_rows(difference.removed),
                "changed": changed,
            }
        )
        return
    for sign, entries in (("-", difference.removed), ("+", difference.added)):
        for entry in entries:
            print(sign, entry.line())
    for old, new in difference.changed:
        print(f"- {old.line()}\n+ {new.line()}")
    removed = counted(difference.addresses_removed, "address", "addresses")
    print(
        f"{len(difference.removed):,} removed, {len(difference.added):,} added, "
        f"{len(difference.changed):,} changed; {removed} no longer banned, "
        f"{difference.addresses_added:,} newly banned"
    )
