"""Warnings about messages of no known vantage node, and about given addresses without traffic."""

from __future__ import annotations

import numpy as np

from monerotraffic.io.attribution import Attribution
from monerotraffic.tables.interning import CodeMap, Names
from monerotraffic.tables.schema import SCHEMA

NODE, PEER, STRANGER, OTHER = "198.51.100.10", "192.0.2.1", "203.0.113.5", "203.0.113.6"


def names() -> Names:
    known = Names()
    CodeMap(known).learn([NODE, PEER, STRANGER, OTHER], [])
    return known


def connections(*ends: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """Rows of connections: client code, server code, messages of the client."""
    rows = np.zeros(len(ends), dtype=SCHEMA["connections"].dtype)
    rows["client"], rows["server"], rows["client_messages"] = zip(*ends, strict=True)
    return {"connections": rows}


def warnings(rows: dict[str, np.ndarray], hosts: tuple[str, ...]) -> list[str]:
    attribution = Attribution()
    attribution.add(rows, hosts, names().view())
    attribution.end(hosts)
    return list(attribution.warnings())


def test_nothing_strange() -> None:
    assert warnings(connections((0, 1, 50), (2, 3, 0)), (NODE,)) == []


def test_messages_between_strangers() -> None:
    (warning,) = warnings(connections((0, 1, 36), (2, 3, 24)), (NODE,))
    assert warning.startswith("24 of 60 messages belong to no known vantage node")
    assert STRANGER in warning and OTHER in warning


def test_few_strange_messages_are_no_reason_to_warn() -> None:
    assert warnings(connections((0, 1, 36), (2, 3, 9)), (NODE,)) == []
    assert warnings(connections((0, 1, 1000), (2, 3, 50)), (NODE,)) == []


def test_an_address_without_a_connection() -> None:
    (warning,) = warnings(connections((0, 1, 36)), (NODE, OTHER))
    assert warning == f"the vantage node's address {OTHER} occurs in no connection"
