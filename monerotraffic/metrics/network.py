"""Where peers are: subnets and autonomous systems. docs/metrics/network.md tells what the numbers
mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike

import numpy as np
import pandas as pd

from monerotraffic.metrics.entries import texts
from monerotraffic.net.columns import Addresses
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = ["autonomous_systems", "peer_subnets", "subnets_of"]


def peer_subnets(traffic: Traffic | View) -> pd.DataFrame:
    """One row per subnet (IPv4 /24, IPv6 /64) of peers, that is of the other ends of TCP
    connections of the vantage node, whether or not anything was said.

    Columns: `subnet` (object); int64 `hosts`, distinct addresses (an IPv4 address and its v4-mapped
    form are one), `connections`, `incoming` of these; `first`,
    `last` (datetime64[ns, UTC]), when the first connection was opened and the last packet came.
    Most hosts first.
    """
    view = viewed(traffic)
    addresses = view.addresses
    links = view.connections
    codes = links["peer"].cat.codes.to_numpy()
    made = pd.DataFrame(
        {
            "subnet": addresses.subnet[codes],
            "host": addresses.same[codes],
            "opened": links["opened"].array,
            "closed": links["closed"].array,
        }
    )
    made["incoming"] = (links["direction"] == "incoming").to_numpy().astype(np.int64)
    groups = made[made["subnet"] >= 0].groupby("subnet")
    found = groups.agg(
        hosts=("host", "nunique"),
        connections=("host", "size"),
        incoming=("incoming", "sum"),
        first=("opened", "min"),
        last=("closed", "max"),
    )
    found = found.reset_index().sort_values(
        ["hosts", "connections"], ascending=False, kind="stable", ignore_index=True
    )
    found["subnet"] = texts(addresses.subnets.take(found["subnet"]))
    return found.astype({"hosts": "int64", "connections": "int64", "incoming": "int64"})


def subnets_of(hosts: Iterable[str]) -> pd.Series:
    """The /24 (IPv4, v4-mapped too) or /64 (IPv6) of each address, in their order, missing for
    names: a Series of objects with the addresses as its index.
    """
    addresses = Addresses.from_text(hosts)
    return pd.Series(
        addresses.subnet_names[addresses.subnet],
        index=texts(addresses.text),
        name="subnet",
        dtype=object,
    )


def autonomous_systems(hosts: Iterable[str], database: str | PathLike[str]) -> pd.DataFrame:
    """Which autonomous system announces each address, by a MaxMind database (`.mmdb`) with the
    fields of GeoLite2-ASN.

    `database` is the path of a file of yours: none comes with this package, and addresses change
    hands, so take one of the time of the capture. Needs the extra
    `asn` (pip install 'monerotraffic[asn]').

    One row per distinct address: `host` (object), `asn` (Int64), `organisation` (object); missing
    where the database has nothing (names, private addresses).
    Every address is looked up by itself: neighbours of one /24 can be of different systems.
    """
    try:
        import maxminddb
    except ImportError as error:
        raise ImportError(
            "autonomous_systems needs maxminddb: pip install 'monerotraffic[asn]'"
        ) from error
    addresses = Addresses.from_text(dict.fromkeys(hosts))
    numbers: list[int | None] = []
    names: list[str | None] = []
    with maxminddb.open_database(database) as reader:
        for text, family in zip(addresses.text.to_list(), addresses.family, strict=True):
            found = reader.get(text.removeprefix("::ffff:")) if family else None
            record = found if isinstance(found, dict) else {}
            number, name = (
                record.get("autonomous_system_number"),
                record.get("autonomous_system_organization"),
            )
            numbers.append(number if isinstance(number, int) else None)
            names.append(name if isinstance(name, str) else None)
    return pd.DataFrame(
        {
            "host": texts(addresses.text),
            "asn": pd.array(numbers, dtype="Int64"),
            "organisation": texts(names),
        }
    )
