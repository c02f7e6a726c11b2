"""monerotraffic findings: which peers differ from a standard node, with the evidence."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import pandas as pd

from monerotraffic.cli.arguments import add_command, add_preset
from monerotraffic.cli.evidence import Evidence, evidence
from monerotraffic.cli.lists import read_lists
from monerotraffic.cli.nodes import add_agree, check_agree
from monerotraffic.cli.output import Failed, file_failed, print_json
from monerotraffic.errors import printable
from monerotraffic.net.addresses import canonical
from monerotraffic.report.peer import format_peer, peer_to_dict
from monerotraffic.report.redaction import Redaction
from monerotraffic.report.text import (
    findings_to_csv,
    findings_to_csv_text,
    findings_to_dict,
    findings_to_markdown,
    format_findings,
)
from monerotraffic.rules import find_anomalies

__all__ = ["add", "run"]

_FORMATS = ("text", "json", "csv", "markdown")


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "findings",
        "print the peers that differ from a standard node, and why, with the evidence",
        run,
        examples=(
            "monerotraffic findings captures/",
            "monerotraffic findings captures/ --peer 192.0.2.1",
            "monerotraffic findings captures/ --format markdown > findings.md",
            "monerotraffic findings captures/ --ban-list ban.txt --csv findings.csv",
            "monerotraffic findings captures/ --preset aft-2026 --json",
            "monerotraffic findings --node ams=captures/ams --node sfo=captures/sfo --agree 2",
        ),
    )
    add_preset(command)
    add_agree(command)
    command.add_argument("--peer", metavar="ADDRESS", help="print all about this peer only")
    command.add_argument(
        "--format",
        choices=_FORMATS,
        default="text",
        help="form of the output (default: text); --json is short for --format json",
    )
    command.add_argument("--ban-list", metavar="FILE", help="also list the peers on this ban list")
    command.add_argument(
        "--csv", metavar="FILE", help="also write the findings with all evidence to this file"
    )


def run(options: argparse.Namespace) -> None:
    ban_list = None if options.ban_list is None else read_lists([options.ban_list])
    read = evidence(options)
    traffic = read.traffic
    check_agree(options, traffic)
    peer = None if options.peer is None else _peer(read, options.peer)
    findings = find_anomalies(
        read.source,
        options.preset,
        parameters={"ban_listed": {"ban_list": ban_list}},
        agree=options.agree,
    )
    if peer is not None:
        findings = findings[findings["peer"] == peer["peer"]].reset_index(drop=True)
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
    _print("json" if options.json else options.format, numbers, findings, peer)


def _peer(read: Evidence, address: str) -> dict[str, Any]:
    """The facts of a peer of the capture. Host names of Tor and I2P are taken as they are."""
    try:
        address = canonical(address)
    except ValueError:
        address = address.lower()
    peer = peer_to_dict(read.of_peer(address), address)
    if peer is None:
        raise Failed(f"{printable(address)} has no connection with the vantage node")
    return peer


def _print(
    form: str, numbers: dict[str, Any], findings: pd.DataFrame, peer: dict[str, Any] | None
) -> None:
    if form == "json":
        print_json(numbers if peer is None else {**numbers, "peer": peer})
    elif form == "csv":
        sys.stdout.write(findings_to_csv_text(findings))
    elif form == "markdown":
        sys.stdout.write(findings_to_markdown(numbers))
    else:
        sys.stdout.write(format_findings(numbers) if peer is None else format_peer(peer, numbers))
