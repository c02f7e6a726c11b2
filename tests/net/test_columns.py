"""Columns of addresses."""

from __future__ import annotations

import pandas as pd

from monerotraffic.net.columns import Addresses, hosts_of, sites_of

TEXTS = [
    "192.0.2.1",
    "192.0.2.200",
    "::ffff:192.0.2.1",
    "2001:db8:1:2::1",
    "2001:db8:1:2:3::1",
    "2001:db8:1:3::1",
    "10.0.0.1",
    "a" * 56 + ".onion",
    "b" * 56 + ".onion",
]


def test_subnets() -> None:
    addresses = Addresses.from_text(TEXTS)
    names = addresses.subnet_names[addresses.subnet].tolist()
    assert names[:3] == ["192.0.2.0/24"] * 3
    assert names[3] == names[4] == "2001:db8:1:2::/64" != names[5]
    assert names[7:] == [None, None]
    assert addresses.subnet[7] == -1


def test_an_address_and_its_mapped_form_are_the_same() -> None:
    same = Addresses.from_text(TEXTS).same
    assert same[0] == same[2]
    assert len(set(same.tolist())) == len(TEXTS) - 1


def test_unroutable_and_families() -> None:
    addresses = Addresses.from_text(TEXTS)
    assert addresses.family.tolist() == [4, 4, 4, 6, 6, 6, 4, 0, 0] or addresses.family.tolist()[
        7:
    ] == [0, 0]
    assert addresses.unroutable[6] and not addresses.unroutable[7]
    assert not Addresses.from_text(["8.8.8.8"]).unroutable[0]
    assert len(Addresses.from_text([]).subnet) == 0


def test_columns_of_hosts_and_sites() -> None:
    column = pd.Series([*TEXTS[:5], None], dtype=object).astype("category")
    sites = sites_of(column)
    assert sites.tolist()[0] == sites.tolist()[2] == "192.0.2.1"
    assert sites.tolist()[3] == sites.tolist()[4] != TEXTS[3]
    assert sites.isna().tolist() == [False] * 5 + [True]
    hosts = hosts_of(column)
    assert hosts.tolist()[0] == hosts.tolist()[2]
    assert hosts.tolist()[3] != hosts.tolist()[4]
    assert sites.dtype == hosts.dtype == object
