"""IP addresses: canonical forms, v4-mapped addresses, loopback and private networks, and the
subnets that count as one place.

The only module that knows these. It knows nothing of captures and tables, and is used by the other
modules of `net`, by `banlist`, and by every package that compares addresses.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Host",
    "Network",
    "canonical",
    "canonical_addresses",
    "canonical_hosts",
    "canonical_network",
    "host_of",
    "ipv4_subnet",
    "is_loopback",
    "is_public",
    "network_of_operator",
    "pack",
    "site_of",
    "subnets",
    "unroutable",
    "wide_subnets",
]

Host = str | ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_IPV4_BITS, _IPV6_BITS = 24, 64
"""Bits of a subnet: monerod itself treats a /24 as one neighbourhood; a machine changes its IPv6
address within its /64 at will (RFC 8981), and uses several at once.
"""

_MAPPED = b"\0" * 10 + b"\xff\xff"  # ::ffff:a.b.c.d, RFC 4291 section 2.5.5.2
_MAPPED_NETWORK = ipaddress.IPv6Network("::ffff:0:0/96")

_UNROUTABLE = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "fc00::/7"),
        *("fe80::/10", "fec0::/10", "ff00::/8"),
    )
)
"""Unspecified, loopback, private, link-local, multicast and reserved networks: RFC 1112, 1122,
1918, 3879, 3927, 4193, 4291, 5771.
Networks for documentation and benchmarks are not among them.
"""

_NOT_PUBLIC = (
    *_UNROUTABLE,
    *(
        ipaddress.ip_network(text)
        for text in (
            *("100.64.0.0/10", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            *("64:ff9b:1::/48", "100::/64", "fec0::/10", "ff00::/8"),
        )
    ),
)
"""Also shared, multicast and reserved networks (IANA's special-purpose registries, RFC 6890)."""


# ---- one address ----


def canonical(address: Host) -> str:
    """An address as the tables write it: dotted quad; RFC 5952 for IPv6, without zone; v4-mapped as
    ::ffff:a.b.c.d. ValueError if it is not an IP address.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(f"host {address!r} is not an IP address") from None
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return f"::ffff:{mapped}" if mapped is not None else str(ipaddress.IPv6Address(int(parsed)))


def canonical_addresses(given: Iterable[Host], name: str) -> tuple[str, ...]:
    """The addresses of a list as canonical texts, each once. TypeError and ValueError name the
    argument.

    >>> canonical_addresses(["192.0.2.7", "2001:DB8::7"], "trusted_proxies")
    ('192.0.2.7', '2001:db8::7')
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f"{name}={given!r}: give a list of IP addresses")
    addresses = []
    for address in given:
        try:
            addresses.append(canonical(address))
        except ValueError:
            raise ValueError(f"{name}: {address!r} is not an IP address") from None
    return tuple(dict.fromkeys(addresses))


def canonical_hosts(host: Host | Iterable[Host]) -> tuple[str, ...]:
    """One address or several as canonical texts, each once. ValueError for anything else, and for
    no address.
    """
    given = (
        [host]
        if isinstance(host, Host)
        else list(host)
        if isinstance(host, Iterable) and not isinstance(host, bytes)
        else None
    )
    if not given:
        raise ValueError(f"host {host!r} is neither an IP address nor several")
    return tuple(dict.fromkeys(canonical(address) for address in given))


def canonical_network(network: Network) -> Network:
    """A network of v4-mapped IPv6 addresses as the IPv4 network that it is; any other unchanged."""
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED_NETWORK):
        return ipaddress.IPv4Network(
            (int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96)
        )
    return network


def host_of(address: str) -> str:
    """The IPv4 address of a v4-mapped IPv6 address; any other address unchanged.

    monerod 0.18 treats a v4 address and its v4-mapped form as two hosts; they are one interface of
    one machine.
    """
    if not address.startswith("::ffff:"):
        return address
    mapped = _parsed(address)
    return (
        str(mapped.ipv4_mapped)
        if isinstance(mapped, ipaddress.IPv6Address) and mapped.ipv4_mapped
        else address
    )


def site_of(address: str) -> str:
    """The IPv4 address, or the /64 of an IPv6 address; a Tor or I2P name unchanged."""
    host = host_of(address)
    if ":" not in host:
        return host
    ip = _parsed(host)
    return (
        str(ipaddress.ip_network((ip, _IPV6_BITS), strict=False))
        if isinstance(ip, ipaddress.IPv6Address)
        else host
    )


def network_of_operator(address: str) -> str:
    """The /24 (IPv4) or /32 (IPv6) of an address, in which one operator can have any number of
    addresses; anything else as it is. IPv6 providers hold a /32, and give each machine a /48 of it.

    >>> from monerotraffic.net.addresses import network_of_operator
    >>> network_of_operator("192.0.2.7"), network_of_operator("2001:db8:1::7")
    ('192.0.2.0/24', '2001:db8::/32')
    """
    ip = _parsed(host_of(address))
    if ip is None:
        return address
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 32), strict=False))


def is_loopback(address: str) -> bool:
    """Whether the address is the machine's own. Connections over it come through a daemon on the
    same machine, usually of Tor or I2P.
    """
    host = host_of(address)
    if not host.startswith(("127.", "::")):
        return False
    ip = _parsed(host)
    return ip is not None and ip.is_loopback


def is_public(address: str) -> bool:
    """Whether the address can be that of one host on the internet: it is not loopback, private,
    shared, link-local, unique-local, multicast or reserved. Networks for documentation and
    benchmarks count as public, because test networks use them, and so do names (Tor, I2P).
    """
    ip = _parsed(host_of(address))
    return ip is None or not any(
        ip in network for network in _NOT_PUBLIC if network.version == ip.version
    )


def ipv4_subnet(network: Network) -> Network | None:
    """The /24 that holds an IPv4 address or network; None for IPv6 and for wider networks."""
    return (
        network.supernet(new_prefix=_IPV4_BITS)
        if isinstance(network, ipaddress.IPv4Network) and network.prefixlen >= _IPV4_BITS
        else None
    )


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None  # a Tor or I2P name


# ---- many addresses ----


def pack(texts: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Addresses as n × 16 bytes (IPv4 as v4-mapped, zeros for what is not an IP address), and the
    family of each: 4 (v4-mapped addresses too), 6, or 0 for what is not an IP address.
    """
    addresses = [_bytes_of(text) for text in texts]
    packed = np.frombuffer(b"".join(one or bytes(16) for one in addresses), dtype=np.uint8)
    packed = packed.reshape(-1, 16)
    named = np.fromiter((one is None for one in addresses), dtype=np.bool_, count=len(addresses))
    mapped = (packed[:, :12] == np.frombuffer(_MAPPED, dtype=np.uint8)).all(axis=1)
    return packed, np.where(named, 0, np.where(mapped, 4, 6)).astype(np.int8)


def _bytes_of(text: str) -> bytes | None:
    try:
        if ":" in text:
            return socket.inet_pton(socket.AF_INET6, text)
        # the last character of a Tor or I2P name is a letter
        return _MAPPED + socket.inet_pton(socket.AF_INET, text) if text[-1:].isdigit() else None
    except (OSError, ValueError):
        return None


def unroutable(packed: NDArray[np.uint8], family: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which of these packed addresses are loopback, private, link-local or unspecified: no other
    host can reach them.
    """
    inside = np.zeros(len(packed), dtype=np.bool_)
    for network in _UNROUTABLE:
        mask = np.frombuffer(int(network.netmask).to_bytes(16, "big"), dtype=np.uint8)
        prefix = np.frombuffer(int(network.network_address).to_bytes(16, "big"), dtype=np.uint8)
        inside |= ((packed & mask) == prefix).all(axis=1) & (family == network.version)
    return inside


def subnets(
    packed: NDArray[np.uint8], family: NDArray[np.int8]
) -> tuple[NDArray[np.int32], list[str]]:
    """The subnet of each of these packed addresses as a position in a list of texts, -1 for what is
    not an IP address; and the list.
    """
    codes = np.full(len(packed), -1, dtype=np.int32)
    four, six = family == 4, family == 6
    v4 = np.ascontiguousarray(packed[four, 12:]).view(">u4").ravel() >> 32 - _IPV4_BITS
    v6 = np.ascontiguousarray(packed[six, :8]).view(">u8").ravel()
    nets4, codes[four] = np.unique(v4, return_inverse=True)
    nets6, places = np.unique(v6, return_inverse=True)
    codes[six] = places + len(nets4)
    texts = [
        *(str(ipaddress.IPv4Network((int(n) << 32 - _IPV4_BITS, _IPV4_BITS))) for n in nets4),
        *(str(ipaddress.IPv6Network((int(n) << _IPV6_BITS, _IPV6_BITS))) for n in nets6),
    ]
    return codes, texts


def wide_subnets(packed: NDArray[np.uint8], family: NDArray[np.int8]) -> NDArray[np.object_]:
    """The text of the /16 (IPv4) or /32 (IPv6) of each of these packed addresses, None for what is
    not an IP address: what monerod and Bitcoin treat as one neighbourhood of the network.
    """
    texts = np.full(len(packed), None, dtype=object)
    for version, kept in ((4, packed[:, 12:14]), (6, packed[:, :4])):
        chosen = np.flatnonzero(family == version)
        prefixes, place = np.unique(kept[chosen], axis=0, return_inverse=True)
        names = [
            str(ipaddress.ip_network((bytes(prefix).ljust(4 if version == 4 else 16, b"\0"), bits)))
            for bits in (16 if version == 4 else 32,)
            for prefix in prefixes
        ]
        texts[chosen] = np.array(names, dtype=object)[place.ravel()] if names else None
    return texts
