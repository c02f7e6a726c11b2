"""monerotraffic report: the page, the findings as CSV and the ban list in a folder."""

from __future__ import annotations

import argparse
import os
from typing import Any

import pandas as pd

from monerotraffic.cli.arguments import add_command, add_preset
from monerotraffic.cli.output import Failed, captured, file_failed, print_json
from monerotraffic.errors import printable
from monerotraffic.metrics.network import autonomous_systems
from monerotraffic.tables.view import View

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "report",
        "the findings as a page with figures (report.html), a table (findings.csv) and a ban list (ban_list.txt)",
        run,
    )
    add_preset(command)
    command.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        default="report",
        help="where to write them; made if it is not there (default: report)",
    )
    command.add_argument(
        "--paper",
        action="store_true",
        help="also write the figures as PDF and the numbers as LaTeX macros",
    )
    command.add_argument(
        "--asn",
        metavar="FILE",
        help="name autonomous systems by this MaxMind database (.mmdb; needs maxminddb)",
    )
    command.add_argument(
        "--title", default="Monero P2P traffic", metavar="TEXT", help="the heading of the page"
    )


def run(options: argparse.Namespace) -> None:
    from monerotraffic import report

    view = View(captured(options))
    systems = _systems(view, options.asn)
    try:
        made = report.write(
            view, options.output, options.preset, options.title, options.paper, systems
        )
    except ImportError as error:
        raise Failed(f"{error}: pip install 'monerotraffic[report]'") from None
    except OSError as error:
        raise file_failed(error, options.output) from None
    paths = {"page": made.page, "findings": made.findings, "ban_list": made.ban_list}
    if options.json:
        print_json({name: os.fspath(path) for name, path in paths.items()})
    else:
        for name, path in paths.items():
            print(f"{name.replace('_', ' '):10} {printable(os.fspath(path))}")


def _systems(view: View, database: str | None) -> pd.DataFrame | None:
    """The autonomous systems of the peers, by a file of the user's."""
    if database is None:
        return None
    try:
        return autonomous_systems(view.connections["peer"].unique(), database)
    except ImportError as error:
        raise Failed(str(error)) from None
    except OSError as error:
        raise file_failed(error, database) from None
    except RuntimeError as error:  # maxminddb's
        raise Failed(f"{printable(database)}: {error}") from None
