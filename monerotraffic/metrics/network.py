"""Subnets and autonomous systems of peers. docs/metrics/network.md explains the numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any

import numpy as np
import pandas as pd

from monerotraffic.metrics.entries import texts
from monerotraffic.net.addresses import host_of
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

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.peer_subnets(traffic)
    >>> rows[["subnet", "hosts", "connections", "incoming"]].head(2)
              subnet  hosts  connections  incoming
    0   192.0.2.0/24      1            2         1
    1  198.18.2.0/24      1            2         2
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

    >>> from monerotraffic import metrics
    >>> metrics.subnets_of(["192.0.2.7", "2001:db8::7"]).tolist()
    ['192.0.2.0/24', '2001:db8::/64']
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
    with the fields of MaxMind and DB-IP (`autonomous_system_number`,
    `autonomous_system_organization`, also in `traits`) or of IPinfo (`asn`, `as_name` or `name`).
    One row per distinct address.

    - `host` (object)
    - `asn` (Int64), `organisation` (object): missing where the database has no entry (names,
      private addresses, IPv6 addresses in a database of IPv4 only)

    `database` is the path of your file; this package contains none. Addresses are reassigned, so
    use a database of the time of the capture. Every address is looked up by itself, because
    neighbours in a /24 can belong to different systems. Requires the extra `asn` (pip install
    'monerotraffic[asn]'). Raises ValueError for a database without autonomous systems.

    >>> import monerotraffic as mt
    >>> mt.metrics.autonomous_systems(["192.0.2.10", "203.0.113.1"], "GeoLite2-ASN.mmdb")
              host    asn      organisation
    0   192.0.2.10  64500  Example Networks
    1  203.0.113.1   <NA>              None
    """
    try:
        import maxminddb
    except ImportError as error:
        raise ImportError(
            "autonomous_systems requires maxminddb: pip install 'monerotraffic[asn]'"
        ) from error
    addresses = Addresses.from_text(dict.fromkeys(hosts))
    with maxminddb.open_database(database) as reader:
        families = (4,) if reader.metadata().ip_version == 4 else (4, 6)
        records = [
            _flat(reader.get(host_of(text))) if family in families else {}
            for text, family in zip(addresses.text.to_list(), addresses.family, strict=True)
        ]
        if not any(_number(record) for record in records):
            sample = [_flat(record) for _, record in itertools.islice(reader, _SAMPLE)]
            if sample and not any(_number(record) for record in sample):
                fields = dict.fromkeys(field for record in sample for field in record)
                raise ValueError(
                    f"{fspath(database)} has no autonomous systems: none of the fields "
                    f"{', '.join(_NUMBERS)}, only {', '.join(fields) or 'no field'}"
                )
    return pd.DataFrame(
        {
            "host": texts(addresses.text),
            "asn": pd.array([_number(record) for record in records], dtype="Int64"),
            "organisation": texts([_organisation(record) for record in records]),
        }
    )


_NUMBERS = ("autonomous_system_number", "asn", "as_number")
_ORGANISATIONS = ("autonomous_system_organization", "as_name", "as_organization", "name")
_SAMPLE = 100  # records of a database that show which fields it has


def _flat(record: Any) -> dict[str, Any]:
    """A record, with the fields of its `traits` (DB-IP and GeoIP2 Enterprise) added."""
    if not isinstance(record, dict):
        return {}
    traits = record.get("traits")
    return {**record, **traits} if isinstance(traits, dict) else record


def _number(record: Mapping[str, Any]) -> int | None:
    """The number of the system, which IPinfo writes as AS64500."""
    for field in _NUMBERS:
        value = record.get(field)
        if isinstance(value, str):
            digits = value.removeprefix("AS")
            value = int(digits) if digits.isascii() and digits.isdigit() else None
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 32:
            return value
    return None


def _organisation(record: Mapping[str, Any]) -> str | None:
    return next(
        (record[name] for name in _ORGANISATIONS if isinstance(record.get(name), str)), None
    )
