"""Several addresses of one vantage node."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monerotraffic.net.vantage import VantageInference
from monerotraffic.tables.schema import SCHEMA

ADDRESSES = [
    *("198.51.100.1", "198.51.100.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"),
    *("2001:db8::1", "2001:db8::2", "2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1"),
]
HOST, SECOND = 0, 1
TTL_BITS = SCHEMA["connections"].bits("client_ttl", "server_ttl")


def inferred(
    connections: list[tuple[int, int, int]], ids: dict[int, int] | None = None
) -> tuple[str, ...]:
    """`connections`: client, server, second of the day; `ids`: the peer id that an address sent."""
    inference = _of_connections(connections)
    senders = np.array(list(ids or {}), dtype=np.int32)
    inference.add_sent_ids(senders, np.array(list((ids or {}).values()), dtype=np.uint64))
    return inference.hosts(ADDRESSES)


def _of_connections(connections: list[tuple[int, int, int]]) -> VantageInference:
    rows = np.zeros(len(connections), dtype=SCHEMA["connections"].dtype)
    for row, (client, server, second) in zip(rows, connections, strict=True):
        row["client"], row["server"], row["server_port"] = client, server, 18080
        row["opened"], row["closed"] = second * 10**9, (second + 10) * 10**9
    inference = VantageInference((18080,), TTL_BITS)
    for one in rows:  # in whatever parts they come
        inference.add_connections(rows[:0])
        inference.add_connections(np.array([one]))
    return inference


TWO = [(2, HOST, 0), (3, HOST, 0), (HOST, 5, 0), (4, SECOND, 0)]


def test_a_shared_peer_id() -> None:
    assert inferred(TWO, {HOST: 7, SECOND: 7}) == ("198.51.100.1", "198.51.100.2")


@pytest.mark.parametrize(("connections", "calls"), [(TWO, 1), (TWO[:3], 0)])
def test_deferred_ids_are_read_once_and_only_if_needed(
    connections: list[tuple[int, int, int]], calls: int
) -> None:
    inference, read = _of_connections(connections), list[int]()

    def sent_ids() -> tuple[np.ndarray, np.ndarray]:
        read.append(1)
        return np.array([HOST, SECOND], dtype=np.int32), np.array([7, 7], dtype=np.uint64)

    inference.defer_sent_ids(sent_ids)
    assert len(inference.hosts(ADDRESSES)) == len(inference.hosts(ADDRESSES)) == 1 + calls
    assert len(read) == calls


@pytest.mark.parametrize("ids", [{}, {HOST: 7}, {HOST: 7, SECOND: 8}, {HOST: 1, SECOND: 1}])
def test_nothing_in_common(ids: dict[int, int]) -> None:
    """Two nodes behind one router; or peer ids that all nodes behind Tor have."""
    assert inferred(TWO, ids) == ("198.51.100.1",)


def test_a_peer_that_copies_the_id_is_not_a_vantage_address() -> None:
    """Neither one that talks to a known address, nor one that talks to the second."""
    assert inferred(TWO, {HOST: 7, SECOND: 7, 2: 7, 4: 7}) == ("198.51.100.1", "198.51.100.2")


def test_the_same_64() -> None:
    """Incoming connections on the stable address, outgoing ones from a temporary one."""
    assert inferred([(8, 6, 0), (9, 6, 0), (7, 10, 0)]) == ("2001:db8::1", "2001:db8::2")
    assert inferred([(9, 6, 0), (10, 6, 0), (8, 7, 0)])[:1] == ("2001:db8::1",)


@pytest.mark.parametrize(("second", "is_ours"), [(100, True), (5, False)])
def test_an_address_after_the_other(second: int, is_ours: bool) -> None:
    """DHCP gave another one: its connections begin after the last one of the old address."""
    addresses = inferred(
        [(2, HOST, 0), (3, HOST, 0), (HOST, 5, 0), (4, SECOND, second), (SECOND, 3, second)]
    )
    # 3 talks to both, so that it is no address of the node
    assert addresses == (("198.51.100.1", "198.51.100.2") if is_ours else ("198.51.100.1",))


def test_one_connection_does_not_make_a_successor() -> None:
    assert inferred([(2, HOST, 0), (3, HOST, 0), (4, SECOND, 100)]) == ("198.51.100.1",)


def test_no_further_hosts() -> None:
    assert inferred([]) == ()
    inference: Any = VantageInference((18080,), TTL_BITS)
    assert not inference.has_strangers((), [])
