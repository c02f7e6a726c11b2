"""Subnets of peers, and their autonomous systems by a database made here."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from monerotraffic import metrics
from support import craft
from support.conversation_builder import HOST, read, session, visit
from support.craft import CLIENT, SERVER, Connection


def test_subnets_of_peers(tmp_path: Path) -> None:
    bare = Connection(("192.0.3.1", 40000), (HOST, 18080), clock=craft.START + 10**12).open()
    bare.close()
    talks = [
        session("192.0.2.1"),
        session("192.0.2.1", number=2, at=10),
        session("192.0.2.200", at=20),
        visit("192.0.2.1", [], at=30),
        visit("192.0.3.1", [], at=40),
        bare,
    ]
    subnets = metrics.peer_subnets(read(tmp_path, *talks))
    assert [tuple(row)[:4] for row in subnets.itertuples(index=False)] == [
        ("192.0.2.0/24", 2, 4, 3),
        ("192.0.3.0/24", 1, 2, 1),
    ]
    assert subnets["first"][0] == pd.Timestamp(craft.START, tz="UTC")
    assert subnets["last"][1] == pd.Timestamp(bare.packets[-1].time, tz="UTC")


def test_subnets_of_ipv6_peers(tmp_path: Path) -> None:
    talks = []
    for number, peer in enumerate(["2001:db8:0:1::1", "2001:db8:0:1:ffff::1", "2001:db8:0:2::1"]):
        talk = Connection(
            (peer, 40000), ("2001:db8:10::10", 18080), clock=craft.START + number * 10**9
        ).open()
        talk.send(CLIENT, craft.request(1001, craft.handshake_request()))
        talk.send(SERVER, craft.response(1001, craft.handshake_response()))
        talks.append(talk)
    subnets = metrics.peer_subnets(read(tmp_path, *talks, host="2001:db8:10::10"))
    assert subnets.set_index("subnet").hosts.to_dict() == {
        "2001:db8:0:1::/64": 2,
        "2001:db8:0:2::/64": 1,
    }


def test_subnet_of_an_address() -> None:
    subnets = metrics.subnets_of(["192.0.2.255", "::ffff:192.0.2.0", "2001:db8::1", "a.onion"])
    assert subnets.to_list() == ["192.0.2.0/24", "192.0.2.0/24", "2001:db8::/64", None]
    assert list(subnets.index) == ["192.0.2.255", "::ffff:192.0.2.0", "2001:db8::1", "a.onion"]
    assert len(metrics.subnets_of([])) == 0


@pytest.fixture
def database(tmp_path: Path) -> Path:
    writer = MMDBWriter(6, "GeoLite2-ASN", languages=["en"], ipv4_compatible=True)
    for network, number, name in (
        ("192.0.2.0/25", 64500, "Half"),
        ("192.0.2.128/25", 64501, "Other half"),
        ("2001:db8::/32", 64502, "Six"),
    ):
        writer.insert_network(
            IPSet([network]),
            {"autonomous_system_number": number, "autonomous_system_organization": name},
        )
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"autonomous_system_organization": "Nameless"})
    path = tmp_path / "asn.mmdb"
    writer.to_db_file(str(path))
    return path


def test_autonomous_systems(database: Path) -> None:
    hosts = [
        "192.0.2.1",
        "192.0.2.200",
        "2001:db8::1",
        "::ffff:192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "a.onion",
        "192.0.2.1",
    ]
    systems = metrics.autonomous_systems(hosts, database)
    assert list(systems.host) == hosts[:-1]
    assert systems.asn.astype(object).where(systems.asn.notna(), None).to_list() == [
        64500,
        64501,
        64502,
        64500,
        None,
        None,
        None,
    ]
    assert systems.organisation.to_list() == [
        "Half",
        "Other half",
        "Six",
        "Half",
        None,
        "Nameless",
        None,
    ]
    assert systems.asn.dtype == "Int64"


def written(path: Path, records: dict[str, dict[str, Any]], version: int = 6) -> Path:
    writer = MMDBWriter(version, "test", languages=["en"], ipv4_compatible=version == 6)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


@pytest.mark.parametrize(
    "record",
    [
        {"autonomous_system_number": 64500, "autonomous_system_organization": "One"},
        {"asn": "AS64500", "as_name": "One", "as_domain": "one.example"},
        {"asn": "AS64500", "name": "One", "country": "Atlantis", "route": "192.0.2.0/24"},
        {"traits": {"autonomous_system_number": 64500, "autonomous_system_organization": "One"}},
        {"as_number": "64500", "as_name": "One"},
    ],
    ids=lambda record: " ".join(record),
)
def test_fields_of_several_makers(record: dict[str, Any], tmp_path: Path) -> None:
    database = written(tmp_path / "asn.mmdb", {"192.0.2.0/24": record})
    systems = metrics.autonomous_systems(["192.0.2.1", "198.51.100.1"], database)
    assert systems.asn.to_list() == [64500, pd.NA]
    assert systems.organisation.to_list() == ["One", None]


def test_a_database_of_ipv4_only(tmp_path: Path) -> None:
    record = {"autonomous_system_number": 64500, "autonomous_system_organization": "One"}
    database = written(tmp_path / "asn.mmdb", {"192.0.2.0/24": record}, version=4)
    hosts = ["2001:db8::1", "192.0.2.1", "::ffff:192.0.2.1", "a.onion"]
    assert metrics.autonomous_systems(hosts, database).asn.to_list() == [
        *(pd.NA, 64500, 64500, pd.NA)
    ]


@pytest.mark.parametrize("hosts", [["192.0.2.1"], ["198.51.100.1"], []])
def test_a_database_of_countries(hosts: list[str], tmp_path: Path) -> None:
    """Whether or not it has the peers."""
    record = {"country": {"iso_code": "AQ"}, "registered_country": {"iso_code": "AQ"}}
    database = written(tmp_path / "country.mmdb", {"192.0.2.0/24": record})
    with pytest.raises(
        ValueError,
        match=r"country\.mmdb has no autonomous systems: none of the fields "
        r"autonomous_system_number, asn, as_number, only country, registered_country$",
    ):
        metrics.autonomous_systems(hosts, database)


@pytest.mark.parametrize(
    "record",
    [
        {"country": {"iso_code": "AQ"}, "registered_country": {"iso_code": "BV"}},
        {"registered_country": {"iso_code": "AQ"}},
        {"country": "aq"},
        {"country": "Antarctica", "country_code": "AQ"},
    ],
    ids=["MaxMind", "registered only", "IPinfo", "IPinfo Lite"],
)
def test_countries(record: dict[str, Any], tmp_path: Path) -> None:
    database = written(tmp_path / "country.mmdb", {"192.0.2.0/24": record})
    hosts: list[Any] = ["192.0.2.1", "198.51.100.1", "a.onion", "192.0.2.1", float("nan"), None]
    located = metrics.countries(hosts, database)
    assert located["host"].tolist() == ["192.0.2.1", "198.51.100.1", "a.onion"]
    assert located["country"].tolist() == ["AQ", None, None]


@pytest.mark.parametrize("code", ["", "A", "AQX", "A1", "é!", 7, ["AQ"], {"iso_code": 7}])
def test_what_is_no_country(code: Any, tmp_path: Path) -> None:
    database = written(tmp_path / "country.mmdb", {"192.0.2.0/24": {"country": code}})
    with pytest.raises(ValueError, match=r"has no countries: none of the fields country\.iso_code"):
        metrics.countries(["192.0.2.1"], database)


def test_networks(database: Path, tmp_path: Path) -> None:
    located = written(tmp_path / "c.mmdb", {"192.0.2.0/25": {"country": {"iso_code": "AQ"}}})
    hosts = ["192.0.2.1", "192.0.2.200"]
    both = metrics.networks(hosts, asn=database, country=located)
    assert both.columns.tolist() == ["host", "asn", "organisation", "country"]
    assert both["asn"].tolist() == [64500, 64501]
    assert both["country"].tolist() == ["AQ", None]
    assert metrics.networks(hosts)[["asn", "country"]].isna().all(axis=None)
    assert metrics.networks(hosts, country=located)["country"].tolist() == ["AQ", None]


@pytest.mark.parametrize("number", ["ASx", "AS", -1, 0, 1 << 32, True, "AS٦", None])
def test_numbers_that_are_not_those_of_systems(number: Any, tmp_path: Path) -> None:
    database = written(
        tmp_path / "asn.mmdb", {"192.0.2.0/24": {"asn": number} if number else {"x": 1}}
    )
    with pytest.raises(ValueError, match="no autonomous systems"):
        metrics.autonomous_systems(["192.0.2.1"], database)


def test_lists_compared_by_autonomous_system(database: Path, tmp_path: Path) -> None:
    talks = [
        session("20.0.0.1", [("192.0.2.1", 1), ("192.0.2.200", 1)]),
        session("20.0.0.2", [("192.0.2.2", 1), ("192.0.2.201", 1)], at=100),
    ]
    traffic = read(tmp_path, *talks)
    systems = (
        metrics.autonomous_systems(
            ["192.0.2.1", "192.0.2.200", "192.0.2.2", "192.0.2.201"], database
        )
        .set_index("host")
        .asn.to_dict()
    )
    assert metrics.list_similarity(traffic, by=systems, min_entries=2).jaccard.to_list() == [1.0]
    assert metrics.list_similarity(traffic, min_entries=2).empty


def test_without_maxminddb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def fail(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "maxminddb":
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(ImportError, match=r"pip install 'monerotraffic\[asn\]'"):
        metrics.autonomous_systems(["192.0.2.1"], tmp_path / "none")


def test_groups_of_networks() -> None:
    """The second address has no system, and no country is known."""
    known = pd.array([7, pd.NA], dtype="Int64")
    systems = pd.DataFrame({"host": ["192.0.2.1", "192.0.2.2"], "asn": known})
    assert metrics.network_groups(systems) == {"192.0.2.1": "AS7"}
    assert metrics.network_groups(systems, "country") == {}
    with pytest.raises(ValueError, match="by='city'"):
        metrics.network_groups(systems, "city")
