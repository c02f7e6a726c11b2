"""Columns of addresses: the host, the site and the subnet of each.

Everything that it knows about addresses comes from net/addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.net.addresses import (
    host_of,
    network_of_operator,
    pack,
    site_of,
    subnets,
    unroutable,
)

__all__ = ["Addresses", "hosts_of", "networks_of", "sites_of"]


def hosts_of(addresses: pd.Series) -> pd.Series:
    """host_of of every address of a column."""
    return _each(addresses, host_of)


def sites_of(addresses: pd.Series) -> pd.Series:
    """site_of of every address of a column."""
    return _each(addresses, site_of)


def networks_of(addresses: pd.Series) -> pd.Series:
    """network_of_operator of every address of a column."""
    return _each(addresses, network_of_operator)


def _each(addresses: pd.Series, function: Callable[[str], str]) -> pd.Series:
    """Calls the function once per distinct address."""
    distinct = pd.Series(addresses.unique()).dropna()
    return (
        addresses.astype(object)
        .map({address: function(str(address)) for address in distinct})
        .astype(object)
    )


@dataclass(frozen=True)
class Addresses:
    """Many addresses by their position.

    An IPv4 address and its v4-mapped form are two addresses with the same `packed` bytes, and so in
    the same subnet.
    """

    text: pd.Index
    packed: NDArray[np.uint8]
    """n × 16 bytes; IPv4 as v4-mapped; zeros for names."""
    family: NDArray[np.int8]
    """4, 6, or 0 for Tor and I2P names."""

    @classmethod
    def from_text(cls, texts: Iterable[str]) -> Addresses:
        index = texts if isinstance(texts, pd.Index) else pd.Index(list(texts), dtype=object)
        return cls(index, *pack(index.to_list()))

    @cached_property
    def _subnets(self) -> tuple[NDArray[np.int32], pd.Index]:
        codes, texts = subnets(self.packed, self.family)
        return codes, pd.Index(texts, dtype=object)

    @property
    def subnet(self) -> NDArray[np.int32]:
        """Code in `subnets` of the /24 (IPv4) or /64 (IPv6) of each address, -1 for names."""
        return self._subnets[0]

    @property
    def subnets(self) -> pd.Index:
        """Texts of the subnets."""
        return self._subnets[1]

    @property
    def subnet_names(self) -> NDArray[np.object_]:
        """Texts of the subnets, and None at the end for the code -1."""
        return np.array([*self.subnets, None], dtype=object)

    @cached_property
    def same(self) -> NDArray[np.int64]:
        """A number that an IPv4 address and its v4-mapped form share, and no others."""
        whole = np.ascontiguousarray(self.packed).view("V16").ravel()
        _, codes = np.unique(whole, return_inverse=True)
        return np.where(self.family == 0, len(self.text) + np.arange(len(self.text)), codes).astype(
            np.int64
        )

    @cached_property
    def unroutable(self) -> NDArray[np.bool_]:
        """Loopback, private, link-local, unspecified: no other host can reach them."""
        return unroutable(self.packed, self.family)
