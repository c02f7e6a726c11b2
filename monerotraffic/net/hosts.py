"""Addresses as hosts and as sites: what counts as one node's place in the network."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pandas as pd

__all__ = ["host_of", "hosts_of", "is_loopback", "site_of"]


def host_of(address: str) -> str:
    """The IPv4 address of a v4-mapped IPv6 address (RFC 4291, 2.5.5.2), every other address as it
    is.

    monerod 0.18 knows a v4 address and its v4-mapped twin as two hosts; they are one interface of
    one machine.
    """
    if not address.startswith("::ffff:"):
        return address
    mapped = _ip(address)
    return (
        str(mapped.ipv4_mapped)
        if isinstance(mapped, ipaddress.IPv6Address) and mapped.ipv4_mapped
        else address
    )


def site_of(address: str) -> str:
    """The IPv4 address, or the /64 of an IPv6 address: a machine changes its address within its /64
    at will (RFC 8981), and uses several at once.
    """
    ip = _ip(host_of(address))
    return (
        f"{ipaddress.ip_network((ip, 64), strict=False)}"
        if isinstance(ip, ipaddress.IPv6Address)
        else host_of(address)
    )


def is_loopback(address: str) -> bool:
    """Whether the address is the machine's own: what comes over it came through a daemon beside the
    node, of Tor or I2P mostly.
    """
    ip = _ip(host_of(address))
    return ip is not None and ip.is_loopback


def hosts_of(addresses: pd.Series, as_what: Callable[[str], str] = host_of) -> pd.Series:
    """host_of (or site_of) of every address of a column; each distinct address is looked at
    once.
    """
    distinct = pd.Series(addresses.unique()).dropna()
    return (
        addresses.astype(object)
        .map({address: as_what(str(address)) for address in distinct})
        .astype(object)
    )


def _ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None  # a name of Tor or I2P
