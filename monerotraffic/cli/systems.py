"""The options --asn and --country: networks of peers from databases of the user."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable

import pandas as pd

from monerotraffic.cli.output import Failed, file_failed
from monerotraffic.errors import printable
from monerotraffic.metrics.advertised import advertised_counts
from monerotraffic.metrics.network import autonomous_systems, countries, networks
from monerotraffic.tables.view import View

__all__ = ["add_databases", "systems_of"]


def add_databases(command: argparse.ArgumentParser) -> None:
    """Adds the options."""
    for option, shown in (("--asn", "autonomous systems"), ("--country", "countries")):
        text = f"show {shown} from this MaxMind database (.mmdb; requires maxminddb)"
        command.add_argument(option, metavar="FILE", help=text)


def systems_of(
    view: View, options: argparse.Namespace, *, all_hosts: bool = False
) -> pd.DataFrame | None:
    """The autonomous systems and countries of the peers, from files of the user; with `all_hosts`
    also of the addresses in peer lists. None without a file.
    """
    if options.asn is None and options.country is None:
        return None
    hosts = [*view.connections["peer"].unique()]
    if all_hosts:
        hosts += advertised_counts(view).index.tolist()
    table = networks(hosts)
    if options.asn is not None:
        systems = _looked_up(autonomous_systems, hosts, options.asn)
        table = table.assign(asn=systems["asn"], organisation=systems["organisation"])
    if options.country is not None:
        table["country"] = _looked_up(countries, hosts, options.country)["country"]
    return table


def _looked_up(
    look_up: Callable[..., pd.DataFrame], hosts: Iterable[str], path: str
) -> pd.DataFrame:
    try:
        return look_up(hosts, path)
    except ImportError as error:
        raise Failed(str(error)) from None
    except OSError as error:
        raise file_failed(error, path) from None
    except ValueError as error:  # of another kind
        raise Failed(error) from None
    except RuntimeError as error:  # maxminddb's
        raise Failed(f"{printable(path)}: {error}") from None
