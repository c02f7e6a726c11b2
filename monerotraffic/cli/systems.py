"""The option --asn: autonomous systems from a database of the user."""

from __future__ import annotations

import argparse

import pandas as pd

from monerotraffic.cli.output import Failed, file_failed
from monerotraffic.errors import printable
from monerotraffic.metrics.network import autonomous_systems
from monerotraffic.tables.view import View

__all__ = ["add_asn", "systems_of"]


def add_asn(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--asn",
        metavar="FILE",
        help="show autonomous systems from this MaxMind database (.mmdb; requires maxminddb)",
    )


def systems_of(view: View, database: str | None, *, all_hosts: bool = False) -> pd.DataFrame | None:
    """The autonomous systems of the peers, from a file of the user; with `all_hosts` also of the
    addresses in peer lists.
    """
    if database is None:
        return None
    hosts = [*view.connections["peer"].unique()]
    if all_hosts:
        hosts += view.peer_lists["host"].dropna().unique().tolist()
    try:
        return autonomous_systems(hosts, database)
    except ImportError as error:
        raise Failed(str(error)) from None
    except OSError as error:
        raise file_failed(error, database) from None
    except ValueError as error:  # without autonomous systems
        raise Failed(error) from None
    except RuntimeError as error:  # maxminddb's
        raise Failed(f"{printable(database)}: {error}") from None
