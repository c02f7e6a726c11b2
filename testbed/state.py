"""p2pstate.bin: the peer lists that monerod keeps between two starts, written by hand, so that a
monerod begins with a white list of a network that does not exist here.

The format is that of Boost's archive in monerod's portable form, version 6 (net_peerlist.cpp): a
number is a signed byte count (negative for a negative number) and as many bytes; the class
versions come before the first object of a class only.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import NamedTuple

_HEADER = b"\x01\x16serialization::archive\x00\x80\x00\x01\x06"
_ENTRY_CLASS, _ADDRESS_CLASS, _IPV4_CLASS = b"\x00\x01\x03", b"\x00\x00", b"\x00\x00"
_IPV4 = b"\x01"


class KnownPeer(NamedTuple):
    """An entry of a white list."""

    host: str
    port: int
    peer_id: int
    last_seen: int
    pruning_seed: int = 0
    rpc_port: int = 0


def _number(value: int) -> bytes:
    """As the archive writes it; a u64 of 2**63 or more counts as negative there."""
    if value >= 1 << 63:
        value -= 1 << 64
    size = (abs(value).bit_length() + 7) // 8
    sign = -1 if value < 0 else 1
    return (sign * size).to_bytes(1, "little", signed=True) + abs(value).to_bytes(size, "little")


def _entry(known: KnownPeer, classes: bool) -> bytes:
    address = int.from_bytes(ipaddress.IPv4Address(known.host).packed, "little")
    numbers = (known.peer_id, known.last_seen, known.pruning_seed, known.rpc_port, 0)
    return b"".join(
        (
            _ENTRY_CLASS + _ADDRESS_CLASS if classes else b"",
            _IPV4,
            _IPV4_CLASS if classes else b"",
            _number(address),
            _number(known.port),
            *map(_number, numbers),
        )
    )


def peer_state(white: Sequence[KnownPeer]) -> bytes:
    """The file for a white list, with empty gray and anchor lists."""
    entries = b"".join(_entry(known, number == 0) for number, known in enumerate(white))
    return _HEADER + _number(len(white)) + entries + _number(0) + _number(0)
