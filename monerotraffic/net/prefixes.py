"""Networks, and which networks contain given addresses."""

from __future__ import annotations

import bisect
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.net.addresses import Network, canonical_network, pack

__all__ = ["Prefixes", "count_addresses", "merged_ranges", "parse_networks", "subtract"]


def count_addresses(networks: Iterable[Network]) -> int:
    """The number of distinct addresses in the networks."""
    return sum(
        last + 1 - first for ranges in merged_ranges(networks).values() for first, last in ranges
    )


def merged_ranges(networks: Iterable[Network]) -> dict[int, list[tuple[int, int]]]:
    """By IP version, the disjoint ranges (first, last) of the addresses of networks, in order."""
    merged: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
    bounds = sorted((network.version, *_bounds(network)) for network in networks)
    for version, first, last in bounds:
        ranges = merged[version]
        if ranges and first <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], last))
        else:
            ranges.append((first, last))
    return merged


def subtract(network: Network, ranges: Mapping[int, Sequence[tuple[int, int]]]) -> list[Network]:
    """The addresses of a network that are in none of these ranges (as merged_ranges returns them),
    as the fewest networks; the network itself if it has none of them.
    """
    first, last = _bounds(network)
    taken = ranges[network.version]
    place = bisect.bisect_left(taken, first, key=lambda one: one[1])
    if place == len(taken) or taken[place][0] > last:
        return [network]
    make = type(network.network_address)
    networks: list[Network] = []
    while first <= last:
        begin, end = taken[place] if place < len(taken) else (last + 1, last + 1)
        if first < begin:
            upper = min(begin - 1, last)
            networks.extend(ipaddress.summarize_address_range(make(first), make(upper)))
        first, place = end + 1, place + 1
    return networks


def _bounds(network: Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)


def parse_networks(texts: Iterable[str]) -> list[Network]:
    """Networks (`192.0.2.0/24`, `2001:db8::/32`, single addresses) in canonical form, each once.
    ValueError for anything else.
    """
    networks = (ipaddress.ip_network(text.strip(), strict=False) for text in texts)
    return list(dict.fromkeys(canonical_network(network) for network in networks))


class Prefixes:
    """Distinct networks, in tables that answer for many addresses at once by binary search.

    IPv4 and IPv6 have a table each, so that no IPv6 network, however wide, holds an IPv4 address; a
    v4-mapped IPv6 address is its IPv4 address.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        """`networks`: canonical, each once; they may lie within each other."""
        numbered = {
            version: [
                (*_bounds(network), number)
                for number, network in enumerate(networks)
                if network.version == version
            ]
            for version in (4, 6)
        }
        pieces = {version: _pieces(ranges) for version, ranges in numbered.items()}
        self._v4 = _Table(
            np.array([piece[:2] for piece in pieces[4]], dtype=np.uint32).reshape(-1, 2), pieces[4]
        )
        # 16 bytes, most significant first: they compare as the numbers do
        ends = b"".join(number.to_bytes(16, "big") for piece in pieces[6] for number in piece[:2])
        self._v6 = _Table(np.frombuffer(ends, dtype="S16").reshape(-1, 2), pieces[6])

    def find(self, hosts: Any) -> NDArray[np.int64]:
        """Returns for each host the number of the narrowest network that contains it, or -1.

        `hosts`: a Series, Index, Categorical, array or other iterable of addresses as text. Missing
        values and names of Tor and I2P are in no network. Each category of categorical data is
        searched once.
        """
        if isinstance(hosts, str):
            raise TypeError(f"hosts is one text, {hosts!r}, not several")
        values = getattr(hosts, "array", hosts)
        if not isinstance(values, pd.Categorical):
            return self._find(_texts(values))
        codes = np.asarray(values.codes, dtype=np.int64)
        positions = np.full(
            len(values.categories) + 1, -1, dtype=np.int64
        )  # the last is for code -1
        used = np.flatnonzero(np.bincount(codes + 1, minlength=len(positions))[1:])
        positions[used] = self._find(_texts(values.categories.take(used)))
        return positions[codes]

    def _find(self, texts: list[str]) -> NDArray[np.int64]:
        positions = np.full(len(texts), -1, dtype=np.int64)
        packed, family = pack(texts)
        four, six = family == 4, family == 6
        positions[four] = self._v4.find(
            np.ascontiguousarray(packed[four, 12:]).view(">u4").reshape(-1).astype(np.uint32)
        )
        positions[six] = self._v6.find(np.ascontiguousarray(packed[six]).view("S16").reshape(-1))
        return positions


def _texts(values: Any) -> list[str]:
    """Values as text; empty for values that are not text."""
    plain = values.to_numpy(dtype=object).tolist() if hasattr(values, "to_numpy") else values
    return [value if isinstance(value, str) else "" for value in plain]


def _pieces(ranges: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Disjoint ranges in order, each with the number of the narrowest of the nested `ranges`
    (first, last, number) that holds it.
    """
    pieces: list[tuple[int, int, int]] = []
    open_ones: list[tuple[int, int]] = []  # (last, number), the narrowest at the end
    at = 0

    def close(before: int) -> None:
        """Ends the open ranges that lie wholly before this number."""
        nonlocal at
        while open_ones and open_ones[-1][0] < before:
            last, number = open_ones.pop()
            if at <= last:
                pieces.append((at, last, number))
                at = last + 1

    for first, last, number in sorted(ranges, key=lambda one: (one[0], -one[1])):
        close(first)
        if open_ones and at < first:
            pieces.append((at, first - 1, open_ones[-1][1]))
        at = first
        open_ones.append((last, number))
    close(1 << 128)
    return pieces


class _Table:
    """Disjoint ranges in order."""

    def __init__(self, ends: NDArray[Any], pieces: list[tuple[int, int, int]]) -> None:
        self._first, self._last = ends[:, 0].copy(), ends[:, 1].copy()
        self._number = np.array([piece[2] for piece in pieces], dtype=np.int64)

    def find(self, keys: NDArray[Any]) -> NDArray[np.int64]:
        if not len(self._number):
            return np.full(len(keys), -1, dtype=np.int64)
        # -1 before the first: then the last range is compared, which begins after the key
        place = np.searchsorted(self._first, keys, side="right") - 1
        inside = (place >= 0) & (keys <= self._last[place])
        return np.where(inside, self._number[place], -1)
