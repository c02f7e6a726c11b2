"""Further addresses of the vantage node: a host with several addresses, one whose address changes,
IPv6 with temporary addresses.

Knows pairs of hosts and the peer ids that they sent; used by net/vantage alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monerotraffic.net.addresses import site_of
from monerotraffic.net.pairs import Pairs

__all__ = ["further_hosts"]

_MOST = 1000
"""Addresses of one node: a temporary address a day for almost three years."""
_PEERS_OF_SUCCESSOR = 2


def further_hosts(
    known: Sequence[int],
    pairs: Pairs,
    sent_ids: Callable[[], tuple[NDArray[Any], NDArray[np.uint64]]],
    addresses: Sequence[str],
) -> list[int]:
    """The codes `known`, and those of further addresses of the same node. `sent_ids` returns
    address codes of senders and the peer ids that they sent; it is called only if needed.

    Only a host that talked to another host than the known addresses, and never to one of them, can
    be one, because a peer in the capture talks to the vantage node. One at a time, the one with the
    most other ends first, a candidate is accepted that

    - is in the same /64 as a known IPv6 address (temporary addresses, RFC 8981), or
    - sent a peer id that a known address sent: every process has its own, or
    - has at least two peers, and no connection while a known address of its IP version had one (the
      address changed).
    """
    hosts = list(known)
    while hosts and len(hosts) < _MOST:
        further = _next(hosts, pairs, sent_ids, addresses)
        if further is None:
            break
        hosts.append(further)
    return hosts


def _next(
    hosts: Sequence[int],
    pairs: Pairs,
    sent_ids: Callable[[], tuple[NDArray[Any], NDArray[np.uint64]]],
    addresses: Sequence[str],
) -> int | None:
    strange = pairs.without(hosts)
    if not strange.any():
        return None
    peers = np.concatenate([pairs.client[~strange], pairs.server[~strange]])
    rest = pairs.chosen(strange)
    ranked = rest.ranked_ends()
    ranked = ranked[~np.isin(ranked, peers)]
    if not len(ranked):
        return None
    alike = np.isin(ranked, _of_same_id(hosts, *sent_ids()))
    alike |= _of_same_site(hosts, ranked, addresses)
    if alike.any():
        return int(ranked[alike][0])
    if rest.count_peers(int(ranked[0])) >= _PEERS_OF_SUCCESSOR:
        return int(ranked[0]) if _is_successor(int(ranked[0]), hosts, pairs, addresses) else None
    return None


def _of_same_id(
    hosts: Sequence[int], senders: NDArray[Any], sent_ids: NDArray[np.uint64]
) -> NDArray[Any]:
    own = sent_ids[np.isin(senders, hosts)]
    return senders[np.isin(sent_ids, own)]


def _of_same_site(
    hosts: Sequence[int], codes: NDArray[np.int64], addresses: Sequence[str]
) -> NDArray[np.bool_]:
    sites = {site_of(addresses[host]) for host in hosts if ":" in addresses[host]}
    same_site: Any = [
        bool(sites) and ":" in addresses[code] and site_of(addresses[code]) in sites
        for code in codes.tolist()
    ]
    return np.array(same_site, dtype=np.bool_)


def _is_successor(code: int, hosts: Sequence[int], pairs: Pairs, addresses: Sequence[str]) -> bool:
    """Whether its connections are apart in time from those of each known address of its version."""
    first, last = pairs.span(code)
    spans = [
        pairs.span(host) for host in hosts if (":" in addresses[host]) == (":" in addresses[code])
    ]
    return bool(spans) and all(last < begin or end < first for begin, end in spans)
