"""Arguments of read and scan: checked, and turned into those of a reader. Used by reading."""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from monerotraffic._core import Reader
from monerotraffic._core import limits as default_limits
from monerotraffic.io.ahead import known_threads
from monerotraffic.net.addresses import Host, canonical_addresses, canonical_hosts
from monerotraffic.tables.schema import ALWAYS, ON_REQUEST, SCHEMA

__all__ = ["DEFAULT_PORTS", "Hosts", "Options", "Tunnels", "known_hosts", "known_tables"]

DEFAULT_PORTS = (18080, 28080, 38080)
"""TCP ports of Monero's main, test and stage networks. A connection with one of these ports is a
Monero connection, whatever it carries.

>>> import monerotraffic as mt
>>> mt.DEFAULT_PORTS
(18080, 28080, 38080)
"""

Hosts = Host | Iterable[Host] | Mapping[str, Host | Iterable[Host]]
Tunnels = Literal["inner", "outer"]


class Options:
    """Options of the core other than files and tables."""

    def __init__(
        self,
        ports: Iterable[int],
        limits: Mapping[str, int] | None,
        tunnels: Tunnels,
        tunnel_ports: Iterable[int],
        trusted_tunnels: Iterable[Host] = (),
        trusted_proxies: Iterable[Host] = (),
        threads: int | None = None,
    ) -> None:
        if tunnels not in ("inner", "outer"):
            raise ValueError(f"tunnels={tunnels!r}: must be 'inner' or 'outer'")
        self.ports = tuple(sorted({*DEFAULT_PORTS, *_known_ports(ports, "ports")}))
        if limits is not None and not isinstance(limits, Mapping):
            raise TypeError(f"limits={limits!r}: give a dict of numbers by name")
        self._limits = dict(limits) if limits is not None else None
        self._tunnels = tunnels
        self._tunnel_ports = _known_ports(tunnel_ports, "tunnel_ports")
        ends = canonical_addresses(trusted_tunnels, "trusted_tunnels")
        self._trusted_tunnels = [ipaddress.ip_address(end).packed for end in ends]
        self.trusted_proxies = canonical_addresses(trusted_proxies, "trusted_proxies")
        self.threads = known_threads(threads)
        """None: as many as there are cores."""

    @property
    def open_files(self) -> int:
        """The limit on files that are open at once, the default if it is not valid."""
        default, _ = default_limits()["open_files"]
        given = (self._limits or {}).get("open_files", default)
        return given if isinstance(given, int) else default

    def reader(self, files: Sequence[str], tables: Sequence[str], threads: int) -> Reader:
        """A reader with these options. With 2 or more `threads` one of them reads the files."""
        return Reader(
            files,
            ports=self.ports,
            tables=tables,
            limits=self._limits,
            tunnels=self._tunnels,
            tunnel_ports=self._tunnel_ports,
            trusted_tunnels=self._trusted_tunnels,
            threads=threads,
        )


def known_tables(tables: Iterable[str] | None) -> tuple[str, ...]:
    """All tables to decode, in the order of the schema."""
    if tables is None:
        return tuple(name for name in SCHEMA if name not in ON_REQUEST)
    if isinstance(tables, str | bytes) or not isinstance(tables, Iterable):
        raise TypeError(f"tables={tables!r}: give a list of names")
    wanted = set(tables)
    unknown = sorted(wanted - set(SCHEMA), key=str)
    if unknown:
        raise ValueError(f"unknown table {unknown[0]!r}: must be one of {', '.join(SCHEMA)}")
    return tuple(name for name in SCHEMA if name in wanted or name in ALWAYS)


def _known_ports(ports: Iterable[int], name: str) -> tuple[int, ...]:
    if isinstance(ports, str | bytes) or not isinstance(ports, Iterable):
        raise TypeError(f"{name}={ports!r}: give a list of ports")
    known = set()
    for port in ports:
        try:
            number = operator.index(port)
        except TypeError:
            raise TypeError(f"{name}: {port!r} is not an integer") from None
        if not 1 <= number <= 65535:
            raise ValueError(f"{name}: port {port!r}: ports are from 1 to 65535")
        known.add(number)
    return tuple(sorted(known))


def known_hosts(
    host: Hosts | None, labels: Iterable[str | None]
) -> dict[str | None, tuple[str, ...] | None]:
    """The given addresses of every vantage node, None for one to infer."""
    labels = list(labels)
    if not isinstance(host, Mapping):
        return dict.fromkeys(labels, None if host is None else canonical_hosts(host))
    unknown = [label for label in host if label not in labels]
    if labels == [None]:
        raise ValueError("host= is a dict, but the source names no vantage nodes")
    if unknown:
        raise ValueError(
            f"host= names the vantage node {unknown[0]!r}: must be one of "
            f"{', '.join(map(repr, labels))}"
        )
    return {
        label: canonical_hosts(host[label]) if label is not None and label in host else None
        for label in labels
    }
