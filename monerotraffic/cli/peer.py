"""monerotraffic peer: the history of a peer in a data set."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from monerotraffic.cli.arguments import EXIT_CODES, add_period, described
from monerotraffic.cli.output import Failed, complain, file_failed, opened, print_json
from monerotraffic.errors import printable
from monerotraffic.net.addresses import canonical
from monerotraffic.report.history import format_history, history_to_dict

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    command = commands.add_parser(
        "peer",
        usage="%(prog)s [OPTION ...] ADDRESS FOLDER",
        help="print when a peer was seen in a data set, its ids, versions and findings",
        description=described(
            "Print when a peer was seen in a data set and by which vantage node, the ids and "
            "versions that it announced, and its findings of each day. The findings of a day are "
            "computed once, and kept in the data set."
        ),
        epilog="examples:\n  monerotraffic peer 192.0.2.1 traffic/\n"
        f"  monerotraffic peer 192.0.2.1 traffic/ --since 2026-05-01 --json\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(
        run=run, usage_error=command.error, strict=False, partly_read=False, host=None, port=[]
    )
    command.add_argument("peer", metavar="ADDRESS", help="address of the peer")
    command.add_argument("dataset", metavar="FOLDER", help="folder of the data set")
    add_period(command)
    stored = "show the findings that are stored, and compute none"
    command.add_argument("--stored", action="store_true", help=stored)
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> None:
    options.captures = [options.dataset]
    try:
        address = canonical(options.peer)
    except ValueError:  # a name of Tor or I2P
        address = options.peer.lower()
    dataset = opened(options)
    if dataset is None:
        raise Failed(f"{options.dataset}: no data set; monerotraffic decode writes one")
    if not options.stored:
        from monerotraffic.rules.daily import update_findings

        try:
            update_findings(dataset, lambda day: complain(f"computing the findings of {day}"))
        except OSError as error:
            raise file_failed(error, options.dataset) from None
        except ValueError as error:
            raise Failed(error) from None
    history = dataset.peer(address)
    if history.days.empty:
        raise Failed(f"{printable(address)} has no connection with the vantage node")
    numbers = history_to_dict(history)
    if options.json:
        print_json(numbers)
    else:
        sys.stdout.write(format_history(numbers))
