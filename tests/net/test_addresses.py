"""Addresses: canonical forms, and what they show by themselves."""

from __future__ import annotations

import ipaddress
from typing import Any

import numpy as np
import pandas as pd
import pytest

from monerotraffic.net.addresses import (
    canonical,
    canonical_hosts,
    host_of,
    ipv4_subnet,
    is_loopback,
    site_of,
)
from monerotraffic.net.columns import Addresses, hosts_of, sites_of

# ---------------------------------------------------------------- addresses as given


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("::FFFF:192.0.2.1", "::ffff:192.0.2.1"),
        ("::ffff:c000:0201", "::ffff:192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::", "::"),
        (ipaddress.ip_address("192.0.2.1"), "192.0.2.1"),
        (ipaddress.ip_address("2001:db8::1"), "2001:db8::1"),
    ],
)
def test_canonical(given: Any, shown: str) -> None:
    assert canonical(given) == shown


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "localhost",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.01",
        "192.0.2.1/24",
        "2001:db8::1::2",
        "192.0.2.1:18080",
    ],
)
def test_not_an_address(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not an IP address"):
        canonical(wrong)


def test_canonical_hosts() -> None:
    assert canonical_hosts("192.0.2.1") == ("192.0.2.1",)
    assert canonical_hosts(ipaddress.ip_address("192.0.2.1")) == ("192.0.2.1",)
    assert canonical_hosts(["2001:DB8::1", "192.0.2.1", "2001:db8:0::1"]) == (
        "2001:db8::1",
        "192.0.2.1",
    )
    for wrong in ([], 5, b"192.0.2.1", ["192.0.2.1", "no"], None):
        with pytest.raises(ValueError, match="IP address"):
            canonical_hosts(wrong)  # type: ignore[arg-type]


# ---------------------------------------------------------------- hosts, sites, subnets


def test_hosts_and_sites() -> None:
    assert [
        host_of(text) for text in ("192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "x.onion")
    ] == ["192.0.2.1", "192.0.2.1", "2001:db8::1", "x.onion"]
    assert [
        site_of(text)
        for text in ("::ffff:192.0.2.1", "2001:db8:1:2:3::4", "2001:db8:1:2:4::4", "x.onion")
    ] == ["192.0.2.1", "2001:db8:1:2::/64", "2001:db8:1:2::/64", "x.onion"]
    assert [
        is_loopback(text)
        for text in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "192.0.2.1", "x.onion")
    ] == [True, True, True, False, False]


def test_columns_of_hosts_and_sites() -> None:
    column = pd.Series(["::ffff:192.0.2.1", None, "2001:db8::1"], dtype="category")
    assert hosts_of(column).tolist()[::2] == ["192.0.2.1", "2001:db8::1"]
    assert sites_of(column).tolist()[::2] == ["192.0.2.1", "2001:db8::/64"]
    assert hosts_of(column).isna().tolist() == [False, True, False]


def test_ipv4_subnet() -> None:
    def subnet(text: str) -> str:
        return str(ipv4_subnet(ipaddress.ip_network(text)))

    assert [subnet(text) for text in ("192.0.2.7", "192.0.2.0/24", "192.0.0.0/16", "::1")] == [
        *("192.0.2.0/24", "192.0.2.0/24", "None", "None")
    ]


def test_addresses() -> None:
    addresses = Addresses.from_text(
        [
            "192.0.2.255",
            "::ffff:192.0.2.0",
            "2001:db8:0:1:ffff::",
            "x.b32.i2p",
            "10.0.0.1",
            "100.64.0.1",
            "fe80::1",
            "::1",
            "172.32.0.1",
            "172.16.0.1",
        ]
    )
    assert list(addresses.family) == [4, 4, 6, 0, 4, 4, 6, 6, 4, 4]
    assert list(addresses.subnet_names[addresses.subnet])[:4] == [
        "192.0.2.0/24",
        "192.0.2.0/24",
        "2001:db8:0:1::/64",
        None,
    ]
    assert list(addresses.unroutable) == [
        False,
        False,
        False,
        False,
        True,
        False,
        True,
        True,
        False,
        True,
    ]


def test_a_v4_mapped_address_is_the_same_as_its_ipv4_address() -> None:
    same = Addresses.from_text(
        ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "a.onion", "b.onion"]
    ).same
    assert same[0] == same[1]
    assert len(set(same)) == 4


@pytest.mark.parametrize("network", ["10.0.0.0/8", "172.16.0.0/12", "169.254.0.0/16", "fc00::/7"])
def test_unroutable_networks_end_where_they_end(network: str) -> None:
    """The first and the last address, and those next to them."""
    whole = ipaddress.ip_network(network)
    make = type(whole.network_address)
    first, last = int(whole.network_address), int(whole.broadcast_address)
    texts = [str(make(number)) for number in (first - 1, first, last, last + 1)]
    assert Addresses.from_text(texts).unroutable.tolist() == [False, True, True, False]


def test_no_addresses() -> None:
    none = Addresses.from_text([])
    assert (len(none.packed), len(none.subnets), len(none.same), len(none.unroutable)) == (0,) * 4
    assert none.subnet.dtype == np.int32


def test_addresses_that_no_node_can_have() -> None:
    texts = ["::", "0.0.0.0", "224.0.0.5", "ff02::1", "255.255.255.255", "240.0.0.1", "fec0::1"]
    assert Addresses.from_text(texts).unroutable.all()
