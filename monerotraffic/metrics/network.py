"""Subnets, autonomous systems and countries of peers. docs/metrics/network.md explains the
numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from os import PathLike, fspath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.entries import texts
from monerotraffic.metrics.sources import in_parts
from monerotraffic.net.addresses import host_of
from monerotraffic.net.columns import Addresses
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = [
    "autonomous_systems",
    "countries",
    "labels_of",
    "network_groups",
    "networks",
    "peer_subnets",
    "subnets_of",
]


@in_parts
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
    addresses = _distinct(hosts)
    records = _records(
        addresses, database, _number, ("autonomous_systems", "autonomous systems", _NUMBERS)
    )
    return pd.DataFrame(
        {
            "host": texts(addresses.text),
            "asn": pd.array([_number(record) for record in records], dtype="Int64"),
            "organisation": texts([_organisation(record) for record in records]),
        }
    )


def countries(hosts: Iterable[str], database: str | PathLike[str]) -> pd.DataFrame:
    """Returns the country of each address, from a MaxMind database (`.mmdb`) with the fields of
    MaxMind and DB-IP (`country`, otherwise `registered_country`, with `iso_code`) or of IPinfo
    (`country_code`, or `country` with a code). One row per distinct address.

    - `host` (object)
    - `country` (object): ISO 3166-1 code of two letters, missing where the database has none

    Otherwise as autonomous_systems. A database places an address where its owner registered or
    reported it; hosting companies announce addresses of one country from another. Raises ValueError
    for a database without countries.

    >>> import monerotraffic as mt
    >>> mt.metrics.countries(["192.0.2.10", "203.0.113.1"], "GeoLite2-Country.mmdb")
              host country
    0   192.0.2.10      AQ
    1  203.0.113.1    None
    """
    addresses = _distinct(hosts)
    records = _records(addresses, database, _country, ("countries", "countries", _COUNTRIES))
    return pd.DataFrame(
        {
            "host": texts(addresses.text),
            "country": texts([_country(record) for record in records]),
        }
    )


def networks(
    hosts: Iterable[str],
    *,
    asn: str | PathLike[str] | None = None,
    country: str | PathLike[str] | None = None,
) -> pd.DataFrame:
    """Returns the autonomous system and the country of each address, from your databases. One row
    per distinct address, with the columns of autonomous_systems and countries, all missing where no
    database is given. Accepted wherever the result of autonomous_systems is. Raises as those.

    >>> import monerotraffic as mt
    >>> mt.metrics.networks(["192.0.2.10"], country="GeoLite2-Country.mmdb")
             host   asn organisation country
    0  192.0.2.10  <NA>         None      AQ
    """
    names = _distinct(hosts).text
    if asn is None:
        table = pd.DataFrame(
            {"host": texts(names), "asn": pd.array([pd.NA] * len(names), dtype="Int64")}
        )
        table["organisation"] = texts([None] * len(names))
    else:
        table = autonomous_systems(names, asn)
    located = texts([None] * len(names)) if country is None else countries(names, country).country
    return table.assign(country=located)


def network_groups(systems: pd.DataFrame, by: str = "system") -> dict[str, str]:
    """Returns the `system` (AS and number) or the `country` of each address, for the argument
    `groups` of slots, session_survival, peer_churn and white_list_pressure. Addresses without one
    are left out, so that they are in the group `other`.

    `systems` is the result of networks, autonomous_systems or countries. Raises ValueError for
    another `by`.

    >>> import monerotraffic as mt
    >>> located = mt.metrics.networks(["192.0.2.10"], country="GeoLite2-Country.mmdb")
    >>> mt.metrics.network_groups(located, "country")
    {'192.0.2.10': 'AQ'}
    """
    if by not in ("system", "country"):
        raise ValueError(f"by={by!r}: must be system or country")
    hosts = pd.Index(systems["host"].astype(object), dtype=object)
    names = labels_of(hosts, systems).get(by, ())
    return {str(host): str(name) for host, name in zip(hosts, names, strict=False) if name}


def labels_of(addresses: pd.Index, systems: pd.DataFrame | None) -> dict[str, NDArray[np.object_]]:
    """The `system` (AS and number) and the `country` of each address, None where unknown, as far as
    `systems`, the result of autonomous_systems, countries or networks, has some.
    """
    labels: dict[str, NDArray[np.object_]] = {}
    for by, column in (("system", "asn"), ("country", "country")):
        if systems is None or column not in systems or not systems[column].notna().any():
            continue
        known = systems[systems[column].notna()]
        names = {
            str(host): f"AS{value}" if column == "asn" else str(value)
            for host, value in zip(known["host"], known[column], strict=True)
        }
        labels[by] = np.array([names.get(text) for text in addresses], dtype=object)
    return labels


def _distinct(hosts: Iterable[str]) -> Addresses:
    """The distinct addresses; missing ones, as of connections between two others, are left out."""
    return Addresses.from_text(dict.fromkeys(host for host in hosts if isinstance(host, str)))


def _records(
    addresses: Addresses,
    database: str | PathLike[str],
    value_of: Callable[[Mapping[str, Any]], object],
    what: tuple[str, str, tuple[str, ...]],
) -> list[dict[str, Any]]:
    """The record of each address. `what`: the function, what it returns, and the fields in which
    that is. Raises ValueError if no record of the database has a value.
    """
    function, plural, wanted = what
    try:
        import maxminddb
    except ImportError as error:
        raise ImportError(
            f"{function} requires maxminddb: pip install 'monerotraffic[asn]'"
        ) from error
    with maxminddb.open_database(database) as reader:
        families = (4,) if reader.metadata().ip_version == 4 else (4, 6)
        records = [
            _flat(reader.get(host_of(text))) if family in families else {}
            for text, family in zip(addresses.text.to_list(), addresses.family, strict=True)
        ]
        if not any(value_of(record) for record in records):
            sample = [_flat(record) for _, record in itertools.islice(reader, _SAMPLE)]
            if sample and not any(value_of(record) for record in sample):
                fields = dict.fromkeys(field for record in sample for field in record)
                raise ValueError(
                    f"{fspath(database)} has no {plural}: none of the fields "
                    f"{', '.join(wanted)}, only {', '.join(fields) or 'no field'}"
                )
    return records


_NUMBERS = ("autonomous_system_number", "asn", "as_number")
_ORGANISATIONS = ("autonomous_system_organization", "as_name", "as_organization", "name")
_COUNTRIES = ("country.iso_code", "registered_country.iso_code", "country_code")
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


def _country(record: Mapping[str, Any]) -> str | None:
    """The code of the country."""
    for field in ("country", "registered_country", "country_code"):
        value = record.get(field)
        code = value.get("iso_code") if isinstance(value, dict) else value
        if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha():
            return code.upper()
    return None
