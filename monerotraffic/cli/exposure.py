"""monerotraffic exposure: which share of the node's slots anomalous and listed peers hold."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from monerotraffic.cli.arguments import add_command, add_preset
from monerotraffic.cli.evidence import evidence
from monerotraffic.cli.lists import read_lists
from monerotraffic.cli.nodes import add_agree, check_agree
from monerotraffic.cli.output import print_json
from monerotraffic.cli.own import read_ids
from monerotraffic.cli.systems import add_databases, systems_of
from monerotraffic.metrics.advertised import mentions_by_host
from monerotraffic.report.exposure import exposure_to_dict, format_exposure
from monerotraffic.report.redaction import Redaction
from monerotraffic.rules import find_anomalies
from monerotraffic.tables.view import metric_of

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "exposure",
        "print which share of the connection slots anomalous peers hold, and what a ban list would "
        "change",
        run,
        examples=(
            "monerotraffic exposure captures/",
            "monerotraffic exposure captures/ --ban-list ban.txt --asn GeoLite2-ASN.mmdb",
            "monerotraffic exposure captures/ --own transfers.csv",
            "monerotraffic exposure --node ams=ams/ --node sfo=sfo/ --agree 2 --json",
        ),
    )
    add_preset(command)
    add_agree(command)
    command.add_argument(
        "--ban-list",
        action="append",
        metavar="FILE",
        help="show the peers on this list as a group, and what is left without them (may be "
        "repeated)",
    )
    command.add_argument(
        "--own",
        metavar="FILE",
        help="also show what each peer could learn of your transactions: ids in this file, one a "
        "line, or the CSV file of monero-wallet-cli export_transfers",
    )
    add_databases(command)


def run(options: argparse.Namespace) -> None:
    ban_list = None if options.ban_list is None else read_lists(options.ban_list)
    own = None if options.own is None else read_ids(options.own)
    view = evidence(options).view
    view.plan([metric_of(mentions_by_host)])
    check_agree(options, view.traffic)
    systems = systems_of(view, options)
    findings = find_anomalies(view, options.preset, agree=options.agree)
    numbers = exposure_to_dict(view, findings, options.preset, ban_list, systems, own)
    if options.redact:
        numbers = Redaction(view.traffic).value(numbers)
    if options.json:
        print_json(numbers)
    else:
        sys.stdout.write(format_exposure(numbers))
