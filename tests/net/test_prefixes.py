"""Networks that hold addresses, against the module ipaddress."""

from __future__ import annotations

import ipaddress
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monerotraffic.net.addresses import Network, canonical_network
from monerotraffic.net.prefixes import Prefixes, count_addresses, parse_networks
from support.budget import examples


def net(text: str) -> Network:
    return ipaddress.ip_network(text)


def positions(networks: list[str], hosts: object) -> list[int]:
    return Prefixes([net(text) for text in networks]).find(hosts).tolist()


# few bits, so that networks overlap and ends are hit
v4 = st.builds(
    lambda high, low: ipaddress.IPv4Address(high << 24 | low),
    st.sampled_from([0, 10, 127, 255]),
    st.integers(0, 40) | st.integers((1 << 24) - 40, (1 << 24) - 1),
)
v6 = st.builds(
    lambda high, low: ipaddress.IPv6Address(high << 64 | low),
    st.sampled_from([0, 1, 0x20010DB800000000, (1 << 64) - 1]),
    st.integers(0, 40)
    | st.integers((1 << 64) - 40, (1 << 64) - 1)
    | st.integers(0xFFFF00000000, 0xFFFF00000005)
    | st.just(0xFFFEFFFFFFFF),
)
networks = st.builds(
    lambda address, bits: ipaddress.IPv4Network((int(address), bits), strict=False),
    v4,
    st.integers(0, 32),
) | st.builds(
    lambda address, bits: ipaddress.IPv6Network((int(address), bits), strict=False),
    v6,
    st.integers(0, 128),
)


def narrowest(known: list[Network], host: str) -> int:
    """By looking at every network."""
    address = ipaddress.ip_address(host)
    address = getattr(address, "ipv4_mapped", None) or address
    holding = [
        (network.prefixlen, number) for number, network in enumerate(known) if address in network
    ]
    return max(holding)[1] if holding else -1


@examples(300)
@given(st.lists(networks, max_size=12), st.lists(st.one_of(v4, v6).map(str), max_size=20))
def test_as_ipaddress_says(given_networks: list[Network], hosts: list[str]) -> None:
    known = list(dict.fromkeys(canonical_network(network) for network in given_networks))
    hosts += [
        str(end)
        for network in known
        for end in (network.network_address, network.broadcast_address)
    ]
    wanted = [narrowest(known, host) for host in hosts]
    prefixes = Prefixes(known)
    assert prefixes.find(hosts).tolist() == wanted
    assert prefixes.find(pd.Series(hosts, dtype="category")).tolist() == wanted


@examples(200)
@given(
    st.lists(
        st.builds(
            lambda low, bits: ipaddress.IPv4Network((low, bits), strict=False),
            st.integers(0, 300),
            st.integers(22, 32),
        ),
        max_size=8,
    )
)
def test_count_as_counted_one_by_one(some: list[ipaddress.IPv4Network]) -> None:
    assert count_addresses(some) == len({address for network in some for address in network})


def test_count_of_both_versions() -> None:
    assert (
        count_addresses([net("0.0.0.0/0"), net("1.2.3.4"), net("::/0"), net("2001:db8::/64")])
        == 2**32 + 2**128
    )
    assert count_addresses([]) == 0


def test_first_and_last_addresses_belong() -> None:
    assert positions(
        ["192.0.2.0/24"], ["192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"]
    ) == [
        -1,
        0,
        0,
        -1,
    ]
    assert positions(["0.0.0.0/0"], ["0.0.0.0", "255.255.255.255", "::"]) == [0, 0, -1]
    assert positions(
        ["::/0"], ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.0", "::ffff:1.2.3.4"]
    ) == [0, 0, -1, -1]


def test_the_narrowest_counts() -> None:
    assert positions(
        ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"],
        ["10.0.0.1", "10.1.2.2", "10.1.2.3", "10.1.2.4", "10.2.0.0", "11.0.0.0"],
    ) == [0, 1, 2, 1, 0, -1]


def test_mapped_addresses_are_ipv4() -> None:
    assert positions(["192.0.2.0/24"], ["::ffff:192.0.2.7", "::ffff:192.0.3.7", "::192.0.2.7"]) == [
        0,
        -1,
        -1,
    ]
    assert canonical_network(net("::ffff:192.0.2.0/120")) == net("192.0.2.0/24")
    assert canonical_network(net("::ffff:0:0/96")) == net("0.0.0.0/0")
    assert canonical_network(net("::fffe:0:0/95")) == net("::fffe:0:0/95")


@pytest.mark.parametrize(
    "convert",
    [
        list,
        np.array,
        pd.Series,
        pd.Index,
        lambda hosts: pd.Series(hosts, dtype="category"),
        lambda hosts: pd.Categorical(hosts),
        lambda hosts: pd.Series(hosts, dtype="string"),
        iter,
    ],
)
def test_hosts_in_any_dress(convert: object) -> None:
    hosts = ["192.0.2.1", "192.0.3.1", "192.0.2.1", "2001:db8::1"]
    assert callable(convert)
    assert positions(["192.0.2.0/24", "2001:db8::/32"], convert(hosts)) == [0, -1, 0, 1]


def test_what_is_no_address_is_nowhere() -> None:
    everything = ["0.0.0.0/0", "::/0"]
    strange = [
        None,
        np.nan,
        pd.NA,
        "",
        "x.onion",
        "abc.b32.i2p",
        "1.2.3",
        "01.2.3.4",
        "1.2.3.4 ",
        "1.2.3.4:80",
        "::1%lo",
        "1.2.3.4\x00",
        "\udcff1",
        "١.٢.٣.٤",
        "[::1]",
        5,
    ]
    assert positions(everything, strange) == [-1] * len(strange)
    assert positions(everything, [*strange, "1.2.3.4", "::1"]) == [-1] * len(strange) + [0, 1]
    assert positions(
        everything, pd.Series([None, "1.2.3.4", None, "x.onion"], dtype="category")
    ) == [
        -1,
        0,
        -1,
        -1,
    ]


def test_nothing_and_one_text() -> None:
    assert positions([], ["1.2.3.4", "::1"]) == [-1, -1]
    assert positions(["1.2.3.4"], []) == []
    assert positions(["1.2.3.4"], pd.Series([], dtype="category")) == []
    with pytest.raises(TypeError, match="one text"):
        positions(["1.2.3.4"], "1.2.3.4")


def test_categories_without_rows_are_not_looked_at() -> None:
    column = pd.Categorical.from_codes(
        [1, 1, -1], categories=pd.Index(["10.0.0.1", "192.0.2.1", "10.0.0.2"])
    )
    assert positions(["192.0.2.0/24"], column) == [0, 0, -1]


def test_a_million_addresses_take_a_second() -> None:
    """Loosely: 0.6 s of processor time where it was written. One by one with ipaddress it takes
    minutes.
    """
    numbers = np.random.default_rng(7).integers(0, 2**32, 1_000_000)
    hosts = [f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in numbers.tolist()]
    prefixes = Prefixes(
        [ipaddress.IPv4Network((int(n) << 8, 24)) for n in np.unique(numbers >> 8)[::1000]]
    )
    start = time.process_time()
    places = prefixes.find(hosts)
    assert time.process_time() - start < 5
    assert 0 < (places >= 0).sum() < len(hosts)


def test_networks_of_text() -> None:
    given = ["192.0.2.9/24", " 10.0.0.1", "::ffff:10.0.0.1", "2001:db8::/32"]
    assert [str(one) for one in parse_networks(given)] == [
        *("192.0.2.0/24", "10.0.0.1/32", "2001:db8::/32")
    ]
    with pytest.raises(ValueError, match="nonsense"):
        parse_networks(["nonsense"])
