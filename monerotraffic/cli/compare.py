"""monerotraffic compare: two captures or data sets side by side."""

from __future__ import annotations

import argparse
import copy
import sys
from typing import Any

from monerotraffic.cli.arguments import Captures, add_command, add_preset
from monerotraffic.cli.evidence import evidence
from monerotraffic.cli.output import Failed, print_json
from monerotraffic.report.comparison import comparison_to_dict, format_comparison
from monerotraffic.report.redaction import Redaction
from monerotraffic.rules import find_anomalies

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "compare",
        "print the populations, findings and metrics of two captures or data sets side by side",
        run,
        Captures("CAPTURE CAPTURE", "two capture files, folders, globs or data sets", nodes=False),
        (
            "monerotraffic compare monday/ tuesday/",
            "monerotraffic compare with-ban-list.pcapng without.pcapng --json",
        ),
    )
    add_preset(command)


def run(options: argparse.Namespace) -> None:
    if len(options.captures) != 2:
        options.usage_error("compare needs two captures, folders or data sets")
    sides = []
    for capture in options.captures:
        one = copy.copy(options)
        one.captures = [capture]
        sides.append(evidence(one))
        options.partly_read |= one.partly_read
    first, second = sides
    try:
        findings = (
            find_anomalies(first.source, options.preset),
            find_anomalies(second.source, options.preset),
        )
    except ValueError as error:
        raise Failed(error) from None
    numbers = comparison_to_dict((first.traffic, second.traffic), findings)
    names = options.captures
    if options.redact:
        for side in sides:
            numbers = Redaction(side.traffic).value(numbers)
        names = ["A", "B"]
    if options.json:
        print_json(numbers)
    else:
        sys.stdout.write(format_comparison(numbers, (names[0], names[1])))
