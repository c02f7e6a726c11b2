"""monerotraffic findings: which peers differ from a standard node, with the evidence."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from monerotraffic.cli.arguments import add_command, add_preset
from monerotraffic.cli.lists import read_lists
from monerotraffic.cli.nodes import add_agree, check_agree
from monerotraffic.cli.output import captured, file_failed, print_json
from monerotraffic.report.redaction import Redaction
from monerotraffic.report.text import findings_to_csv, findings_to_dict, format_findings
from monerotraffic.rules import find_anomalies

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "findings",
        "print the peers that differ from a standard node, with the evidence",
        run,
        examples=(
            "monerotraffic findings captures/",
            "monerotraffic findings captures/ --ban-list ban.txt --csv findings.csv",
            "monerotraffic findings captures/ --preset aft-2026 --json",
            "monerotraffic findings ams=captures/ams sfo=captures/sfo --agree 2",
        ),
    )
    add_preset(command)
    add_agree(command)
    command.add_argument("--ban-list", metavar="FILE", help="also list the peers on this ban list")
    command.add_argument(
        "--csv", metavar="FILE", help="also write the findings with all evidence to this file"
    )


def run(options: argparse.Namespace) -> None:
    ban_list = None if options.ban_list is None else read_lists([options.ban_list])
    traffic = captured(options)
    check_agree(options, traffic)
    findings = find_anomalies(
        traffic,
        options.preset,
        parameters={"ban_listed": {"ban_list": ban_list}},
        agree=options.agree,
    )
    redaction = Redaction(traffic) if options.redact else None
    if redaction is not None:
        findings = redaction.findings(findings)
    if options.csv is not None:
        try:
            findings_to_csv(findings, options.csv)
        except OSError as error:
            raise file_failed(error, options.csv) from None
    numbers = findings_to_dict(traffic, findings, options.preset)
    if redaction is not None:
        numbers = redaction.value(numbers)
    if options.json:
        print_json(numbers)
    else:
        sys.stdout.write(format_findings(numbers))
