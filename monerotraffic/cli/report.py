"""monerotraffic report: writes the page, the findings as CSV and the ban list to a folder."""

from __future__ import annotations

import argparse
import os
from typing import Any

from monerotraffic.cli.arguments import add_command, add_preset, run_name
from monerotraffic.cli.evidence import evidence
from monerotraffic.cli.nodes import add_agree, check_agree
from monerotraffic.cli.output import Failed, file_failed, print_json
from monerotraffic.cli.systems import add_databases, systems_of
from monerotraffic.errors import printable

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "report",
        "write a page with figures (report.html), the findings (findings.csv) and a ban list "
        "(ban_list.txt, and ban_list_plain.txt without comments)",
        run,
        examples=(
            "monerotraffic report captures/ -o report",
            "monerotraffic report captures/ -o report --asn GeoLite2-ASN.mmdb",
            "monerotraffic report captures/ -o report --paper --name with",
        ),
    )
    add_preset(command)
    add_agree(command)
    command.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        default="report",
        help="folder for the files, created if it does not exist (default: report)",
    )
    command.add_argument(
        "--paper",
        action="store_true",
        help="also write the figures as PDF and the numbers as LaTeX macros",
    )
    command.add_argument(
        "--name",
        type=run_name,
        metavar="NAME",
        help="name of the run, such as with or without (a ban list): with --paper, write the "
        "macros to macros_NAME.tex, and the figures with the published names to NAME_….pdf",
    )
    add_databases(command)
    command.add_argument(
        "--title", default="Monero P2P traffic", metavar="TEXT", help="heading of the page"
    )


def run(options: argparse.Namespace) -> None:
    from monerotraffic import report

    view = evidence(options).view
    check_agree(options, view.traffic)
    systems = systems_of(view, options, all_hosts=options.paper)
    try:
        written = report.write(
            view,
            options.output,
            options.preset,
            options.title,
            options.paper,
            systems,
            redact=options.redact,
            agree=options.agree,
            run=options.name or "",
        )
    except ImportError as error:
        raise Failed(f"{error}: pip install 'monerotraffic[report]'") from None
    except OSError as error:
        raise file_failed(error, options.output) from None
    paths = written._asdict()
    if options.json:
        print_json({name: os.fspath(path) for name, path in paths.items()})
    else:
        for name, path in paths.items():
            print(f"{name.replace('_', ' '):14} {printable(os.fspath(path))}")
