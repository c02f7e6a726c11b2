"""What addresses tell by themselves: their subnet, whether they are of any use in public, whether
networks hold them.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.net.prefixes import Prefixes, canonical_network
from monerotraffic.tables.view import View

__all__ = ["Addresses"]

_MAPPED = b"\0" * 10 + b"\xff\xff"  # ::ffff:a.b.c.d, RFC 4291 section 2.5.5.2

_USELESS = (
    *(
        "0.0.0.0/8",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
    ),
    *("::/128", "::1/128", "fc00::/7", "fe80::/10"),
)
"""Unspecified, loopback, private and link-local addresses: RFC 1122, 1918, 3927, 4193, 4291.
Documentation and benchmark networks are not among them.
"""


@dataclass(frozen=True)
class Addresses:
    """All addresses of a capture, by their code.

    An IPv4 address and its v4-mapped IPv6 form are two addresses with the same `packed` bytes, and
    so of one subnet.
    """

    text: pd.Index
    packed: NDArray[np.uint8]
    """n × 16 bytes; IPv4 as v4-mapped; zeros for names."""
    family: NDArray[np.int8]
    """4, 6, or 0 for Tor and I2P names."""

    @classmethod
    def of(cls, view: View) -> Addresses:
        """Those of a View: the categories that all address columns share."""
        return cls.from_text(view.traffic.connections["client"].cat.categories)

    @classmethod
    def from_text(cls, texts: Iterable[str]) -> Addresses:
        index = texts if isinstance(texts, pd.Index) else pd.Index(list(texts), dtype=object)
        made = [_packed(text) for text in index.to_list()]
        packed = (
            np.frombuffer(b"".join(made), dtype=np.uint8).reshape(-1, 16)
            if made
            else np.empty((0, 16), dtype=np.uint8)
        )
        mapped = (packed[:, :12] == np.frombuffer(_MAPPED, dtype=np.uint8)).all(axis=1)
        named = np.fromiter((not _is_ip(text) for text in index), dtype=np.bool_, count=len(index))
        return cls(index, packed, np.where(named, 0, np.where(mapped, 4, 6)).astype(np.int8))

    @cached_property
    def _subnets(self) -> tuple[NDArray[np.int32], pd.Index]:
        """Code of the subnet of each address (-1 for names), and the texts of the subnets."""
        codes = np.full(len(self.text), -1, dtype=np.int32)
        four, six = self.family == 4, self.family == 6
        v4 = self.packed[four, 12:15].astype(np.uint32) @ np.array(
            [1 << 24, 1 << 16, 1 << 8], dtype=np.uint32
        )
        v6 = np.ascontiguousarray(self.packed[six, :8]).view(">u8").ravel().astype(np.uint64)
        nets4, codes[four] = np.unique(v4, return_inverse=True)
        nets6, places = np.unique(v6, return_inverse=True)
        codes[six] = places + len(nets4)
        texts = [f"{ipaddress.IPv4Address(int(net))}/24" for net in nets4] + [
            f"{ipaddress.IPv6Address(int(net) << 64)}/64" for net in nets6
        ]
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
        """Texts of the subnets, and None at the end, which the code -1 hits."""
        return np.array([*self.subnets, None], dtype=object)

    @cached_property
    def same(self) -> NDArray[np.int64]:
        """A number that an IPv4 address and its v4-mapped form share, and no others."""
        whole = np.ascontiguousarray(self.packed).view("V16").ravel()
        _, made = np.unique(whole, return_inverse=True)
        return np.where(self.family == 0, len(self.text) + np.arange(len(self.text)), made).astype(
            np.int64
        )

    @cached_property
    def useless(self) -> NDArray[np.bool_]:
        """Loopback, private, link-local, unspecified: nobody else can reach them."""
        return self.within(_USELESS)

    def within(self, networks: Iterable[str]) -> NDArray[np.bool_]:
        """Which addresses are in any of these networks (`192.0.2.0/24`, `2001:db8::/32`, single
        addresses).
        """
        wanted = dict.fromkeys(
            canonical_network(ipaddress.ip_network(text.strip(), strict=False)) for text in networks
        )
        return Prefixes(list(wanted)).find(self.text) >= 0


def _packed(text: str) -> bytes:
    try:
        return (
            socket.inet_pton(socket.AF_INET6, text)
            if ":" in text
            else _MAPPED + socket.inet_pton(socket.AF_INET, text)
        )
    except OSError:
        return bytes(16)


def _is_ip(text: Any) -> bool:
    return ":" in text or text[-1:].isdigit()
