"""monerotraffic decode: captures into a data set of Parquet files."""

from __future__ import annotations

import argparse
import warnings
from typing import Any

from monerotraffic.cli.arguments import Captures, add_command, tunnel_options
from monerotraffic.cli.output import (
    Failed,
    complain,
    file_failed,
    hosts,
    print_json,
    shows_progress,
    sources,
)
from monerotraffic.errors import CaptureError, CaptureWarning
from monerotraffic.tables.schema import SCHEMA

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "decode",
        "decode captures into a data set of Parquet files, which keeps what it has",
        run,
        Captures(
            help="capture file, folder or glob; several captures are read as one stream",
            period=False,
        ),
        (
            "monerotraffic decode captures/ -o traffic/",
            "monerotraffic decode --node ams=ams/ --node sfo=sfo/ -o traffic/",
        ),
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        required=True,
        help="folder of the data set, created or continued",
    )
    command.add_argument(
        "--table",
        action="append",
        choices=tuple(SCHEMA),
        metavar="NAME",
        help="decode this table (may be repeated; default: all except fields)",
    )


def run(options: argparse.Namespace) -> None:
    source = sources(options)
    try:
        from monerotraffic.store import decode

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CaptureWarning)
            dataset = decode(
                source,
                options.output,
                host=hosts(options),
                tables=options.table,
                ports=options.port,
                **tunnel_options(options),
                progress=shows_progress(options),
                threads=options.threads,
            )
    except (CaptureError, ValueError, ImportError) as error:
        raise Failed(error) from None
    except OSError as error:
        raise file_failed(error, options.output) from None
    for warning in caught:
        complain(warning.message)
    options.partly_read = any(warning.category is CaptureWarning for warning in caught)
    rows = {table: dataset.manifest.rows(table) for table in dataset.tables}
    if options.json:
        days = [day.isoformat() for day in dataset.days]
        print_json({"vantages": dataset.vantages, "days": days, "rows": rows})
    else:
        print(dataset)
