"""monerotraffic summary: the contents of a capture."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from monerotraffic.cli.arguments import add_command, natural
from monerotraffic.cli.evidence import contents
from monerotraffic.cli.output import print_json
from monerotraffic.report.redaction import Redaction
from monerotraffic.report.summary import TABLES, format_summary, summary
from monerotraffic.tables.traffic import Traffic

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "summary",
        "print the contents of a capture: files, connections, messages, peers, problems",
        run,
        examples=(
            "monerotraffic summary captures/",
            "monerotraffic summary captures/ --host 198.51.100.10 --json",
            'dumpcap -i eth0 -f "tcp port 18080" -a duration:600 -w - | monerotraffic summary -',
        ),
    )
    command.add_argument(
        "--top", type=natural, default=10, metavar="N", help="number of peers to list (default: 10)"
    )


def run(options: argparse.Namespace) -> None:
    source = contents(options, TABLES)
    numbers = summary(source, options.top)
    if options.redact:
        traffic = source if isinstance(source, Traffic) else source.traffic(("files",))
        numbers = Redaction(traffic).value(numbers)
    if options.json:
        print_json(numbers)
    else:
        sys.stdout.write(format_summary(numbers))
