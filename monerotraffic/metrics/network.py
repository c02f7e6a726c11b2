"""Subnets and autonomous systems of peers. docs/metrics/network.md explains the numbers."""

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
    """Returns one row per subnet (IPv4 /24, IPv6 /64) of peers, the one with the most hosts first.
    Peers are the other ends of TCP connections of the vantage node, with or without messages.

    - `subnet` (object)
    - `hosts` (int64): distinct addresses; an IPv4 address and its v4-mapped form are one
    - `connections`, `incoming` (int64): all connections, and incoming ones
    - `first`, `last` (time): first opening, last packet
    """
    view = viewed(traffic)
    addresses = view.addresses
    links = view.connections
    codes = links["peer"].cat.codes.to_numpy()
    rows = pd.DataFrame(
        {
            "subnet": addresses.subnet[codes],
            "host": addresses.same[codes],
            "opened": links["opened"].array,
            "closed": links["closed"].array,
        }
    )
    rows["incoming"] = (links["direction"] == "incoming").to_numpy().astype(np.int64)
    groups = rows[rows["subnet"] >= 0].groupby("subnet")
    subnets = groups.agg(
        hosts=("host", "nunique"),
        connections=("host", "size"),
        incoming=("incoming", "sum"),
        first=("opened", "min"),
        last=("closed", "max"),
    )
    subnets = subnets.reset_index().sort_values(
        ["hosts", "connections"], ascending=False, kind="stable", ignore_index=True
    )
    subnets["subnet"] = texts(addresses.subnets.take(subnets["subnet"]))
    return subnets.astype({"hosts": "int64", "connections": "int64", "incoming": "int64"})


def subnets_of(hosts: Iterable[str]) -> pd.Series:
    """Returns the /24 (IPv4, also v4-mapped) or /64 (IPv6) of each address in their order, missing
    for names, as a Series of objects with the addresses as index.
    """
    addresses = Addresses.from_text(hosts)
    return pd.Series(
        addresses.subnet_names[addresses.subnet],
        index=texts(addresses.text),
        name="subnet",
        dtype=object,
    )


def autonomous_systems(hosts: Iterable[str], database: str | PathLike[str]) -> pd.DataFrame:
    """Returns the autonomous system that announces each address, from a MaxMind database (`.mmdb`)
    with the fields of GeoLite2-ASN. One row per distinct address.

    - `host` (object)
    - `asn` (Int64), `organisation` (object): missing where the database has no entry (names,
      private addresses)

    `database` is the path of your file; this package contains none. Addresses are reassigned, so
    use a database of the time of the capture. Every address is looked up by itself, because
    neighbours in a /24 can belong to different systems. Requires the extra `asn` (pip install
    'monerotraffic[asn]').
    """
    try:
        import maxminddb
    except ImportError as error:
        raise ImportError(
            "autonomous_systems requires maxminddb: pip install 'monerotraffic[asn]'"
        ) from error
    addresses = Addresses.from_text(dict.fromkeys(hosts))
    numbers: list[int | None] = []
    names: list[str | None] = []
    with maxminddb.open_database(database) as reader:
        for text, family in zip(addresses.text.to_list(), addresses.family, strict=True):
            entry = reader.get(text.removeprefix("::ffff:")) if family else None
            record = entry if isinstance(entry, dict) else {}
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
