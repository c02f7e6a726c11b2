"""The vantage node: what connections show about it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monerotraffic.net.vantage import VantageInference
from monerotraffic.tables.schema import SCHEMA

PORTS = (18080, 28080, 38080)
BOTH_TTLS = sum(
    1 << (field.present_bit or 0)
    for field in SCHEMA["connections"].fields
    if field.name in ("client_ttl", "server_ttl")
)


def connection(client: int, server: int, **values: Any) -> dict[str, Any]:
    return {
        "client": client,
        "server": server,
        "client_port": 40000,
        "server_port": 18080,
        **values,
    }


def connections(*parts: dict[str, Any]) -> np.ndarray[Any, Any]:
    rows = np.zeros(len(parts), dtype=SCHEMA["connections"].dtype)
    for row, values in zip(rows, parts, strict=True):
        for name, value in values.items():
            row[name] = value
        if "client_ttl" in values:
            row["present"] = BOTH_TTLS
    return rows


def inferred_hosts(
    addresses: list[str], *parts: dict[str, Any], ports: tuple[int, ...] = PORTS
) -> tuple[str, ...]:
    inference = VantageInference(ports, BOTH_TTLS)
    inference.add_connections(connections(*parts))
    whole = inference.hosts(addresses)
    piecewise = VantageInference(ports, BOTH_TTLS)
    for one in parts:
        piecewise.add_connections(connections(one))
    assert piecewise.hosts(addresses) == whole, (
        "it must not matter in what parts the connections come"
    )
    return whole


# ---------------------------------------------------------------- what connections tell


def test_one_stranger_among_hundreds() -> None:
    addresses = [f"192.0.2.{i}" for i in range(200)]
    parts = [connection(i, 100) if i % 2 else connection(100, i) for i in range(100)]
    assert inferred_hosts(addresses, connection(150, 151), *parts) == ("192.0.2.100",)


def test_other_ends_count_more_than_connections() -> None:
    addresses = ["198.51.100.10", "192.0.2.1", "192.0.2.2"]
    crawler = [connection(1, 0, client_port=port) for port in range(1000, 1050)]
    assert inferred_hosts(addresses, *crawler, connection(0, 2)) == ("198.51.100.10",)


def test_forged_conversations_do_not_count() -> None:
    """One-sided packets of many addresses, and whole conversations in a tunnel, with a peer."""
    addresses = ["198.51.100.10", *(f"192.0.2.{i}" for i in range(1, 100))]
    sound = {"tunnel": -1, "client_messages": 3, "server_messages": 3}
    for forged in (
        {"tunnel": -1, "client_messages": 1},
        {"tunnel": 0, "client_messages": 3, "server_messages": 3},
    ):
        parts = [connection(i, 0, **sound) for i in range(1, 4)]
        parts += [connection(i, 1, **forged) for i in range(10, 90)]
        parts += [connection(1, i, **forged) for i in range(10, 90)]
        assert inferred_hosts(addresses, *parts) == ("198.51.100.10",)


@pytest.mark.parametrize(("accepted", "host"), [(True, "198.51.100.10"), (False, "192.0.2.1")])
def test_forged_messages_do_not_count(accepted: bool, host: str) -> None:
    """At the beginning of a stream connections are known by their messages only."""
    addresses = ["198.51.100.10", *(f"192.0.2.{i}" for i in range(1, 20))]
    ends = [(i, 0) for i in range(1, 4)] + [(i, 1) for i in range(5, 15)]
    rows = np.zeros(len(ends), dtype=SCHEMA["messages"].dtype)
    rows["connection"] = np.arange(len(ends))
    rows["client"], rows["server"] = np.array(ends).T
    inference = VantageInference(PORTS, BOTH_TTLS)
    known = np.zeros(0, dtype=np.int64)
    inference.add_messages(rows, known, np.arange(len(ends)) < (3 if accepted else 0))
    assert inference.hosts(addresses) == (host,)


def test_both_ip_versions() -> None:
    addresses = [
        "2001:db8::10",
        "2001:db8::1",
        "198.51.100.10",
        "192.0.2.1",
        "192.0.2.2",
        "2001:db8::2",
    ]
    parts = [connection(1, 0), connection(0, 5), connection(2, 3), connection(4, 2)]
    assert inferred_hosts(addresses, *parts) == ("198.51.100.10", "2001:db8::10")


def test_only_monero_connections_count() -> None:
    addresses = [
        "198.51.100.10",
        "192.0.2.1",
        "192.0.2.2",
        "203.0.113.1",
        "192.0.2.3",
        "192.0.2.4",
        "192.0.2.5",
    ]
    web = [connection(i, 3, server_port=443) for i in (0, 1, 2, 4, 5, 6)]
    assert inferred_hosts(addresses, *web, connection(0, 1), connection(2, 0)) == ("198.51.100.10",)
    assert inferred_hosts(addresses, *web) == ()
    assert inferred_hosts(addresses, *web, ports=(443,)) == ("203.0.113.1",)


def test_messages_make_a_connection_moneros() -> None:
    addresses = ["192.0.2.1", "198.51.100.10", "192.0.2.2"]
    hidden = [
        connection(0, 1, server_port=50000, client_messages=1),
        connection(2, 1, server_port=50001, server_messages=3),
    ]
    assert inferred_hosts(addresses, *hidden) == ("198.51.100.10",)


@pytest.mark.parametrize(
    ("values", "vantage"),
    [
        ({"client_ttl": 64, "server_ttl": 52}, "client"),
        ({"client_ttl": 50, "server_ttl": 64}, "server"),
        ({"client_ttl": 50, "server_ttl": 128}, "server"),
        ({"client_ttl": 255, "server_ttl": 250}, "client"),
        ({"client_ttl": 64, "server_ttl": 64}, "server"),  # no news: the Levin port tells
        ({"client_ttl": 60, "server_ttl": 57}, "server"),
        ({"client_port": 18080, "server_port": 5000}, "client"),
        ({"client_port": 18080, "server_port": 18080}, "client"),  # no news: the client
        ({"client_port": 5000, "server_port": 5001, "client_messages": 1}, "client"),
        ({}, "server"),
    ],
)
def test_single_connection(values: dict[str, int], vantage: str) -> None:
    addresses = {"client": "192.0.2.1", "server": "192.0.2.2"}
    assert inferred_hosts(list(addresses.values()), connection(0, 1, **values)) == (
        addresses[vantage],
    )


def test_ttl_that_was_not_captured_shows_nothing() -> None:
    rows = connections(connection(0, 1, client_ttl=64, server_ttl=0))
    rows["present"] = 0
    inference = VantageInference(PORTS, BOTH_TTLS)
    inference.add_connections(rows)
    assert inference.hosts(["192.0.2.1", "192.0.2.2"]) == ("192.0.2.2",)


def test_first_come_if_nothing_decides() -> None:
    addresses = ["192.0.2.4", "192.0.2.3", "192.0.2.2", "192.0.2.1"]
    ports = {"client_port": 18080, "server_port": 18080}
    assert inferred_hosts(addresses, connection(2, 3, **ports), connection(0, 1, **ports)) == (
        "192.0.2.4",
    )


def test_nothing_to_infer_from() -> None:
    assert inferred_hosts([]) == ()
    assert inferred_hosts(["192.0.2.1"], connection(-1, 0), connection(0, -1)) == ()


def test_connection_with_itself() -> None:
    addresses = ["127.0.0.1", "192.0.2.1", "192.0.2.2"]
    assert inferred_hosts(addresses, connection(0, 0), connection(0, 0), connection(1, 2)) == (
        "192.0.2.2",
    )


def test_messages_stand_for_connections_that_have_not_ended() -> None:
    rows = np.zeros(5, dtype=SCHEMA["messages"].dtype)
    rows["connection"] = [0, 0, 1, 2, 2]
    rows["client"] = [1, 1, 0, 3, 3]
    rows["server"] = [0, 0, 2, 4, 4]
    inference = VantageInference(PORTS, BOTH_TTLS)
    inference.add_messages(rows, np.array([2]), np.zeros(len(rows), dtype=np.bool_))
    assert inference.hosts(["198.51.100.10", "a", "b", "c", "d"]) == ("198.51.100.10",)
    assert VantageInference(PORTS, BOTH_TTLS).hosts(["a"]) == ()
