"""Groups of flagged peers."""

from __future__ import annotations

import pandas as pd
import pytest

from monerotraffic.report.operators import Group, operators
from monerotraffic.tables.view import View
from support.comparison import read
from support.findings import finding, frame
from support.paths import DATA


@pytest.fixture(scope="module")
def view() -> View:
    return View(read(*sorted((DATA / "spies").glob("vantage_*"))))


def judged(**causes: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"peer": [peer.replace("_", ".")[1:] for peer in causes], "causes": list(causes.values())}
    )


NONE = frame()


def test_a_cause_and_a_subnet_in_common(view: View) -> None:
    rows = judged(
        h192_0_2_1=["pings"],
        h203_0_113_1=["pings"],
        h192_0_2_2=["pings", "turns"],
        h192_0_2_3=["garbage"],
    )
    assert operators(view, rows, NONE) == [
        Group(("192.0.2.1", "192.0.2.2"), ("192.0.2.0/24",), ()),
        Group(("203.0.113.1",), (), ()),
        Group(("192.0.2.3",), (), ()),
    ]


def test_an_autonomous_system_joins_subnets(view: View) -> None:
    rows = judged(h192_0_2_1=["pings"], h203_0_113_1=["pings"], h198_18_0_1=["pings"])
    systems = pd.DataFrame(
        {
            "host": ["192.0.2.1", "203.0.113.1", "198.18.0.1"],
            "asn": pd.array([64500, 64500, None], dtype="Int64"),
        }
    )
    assert operators(view, rows, NONE, systems) == [
        Group(("192.0.2.1", "203.0.113.1"), ("AS64500",), ()),
        Group(("198.18.0.1",), (), ()),
    ]


def test_no_peer_is_flagged(view: View) -> None:
    assert operators(view, judged(), NONE) == []


def test_hosts_without_an_address_stay_alone(view: View) -> None:
    rows = judged(habcdef_onion=["pings"], h192_0_2_1=["pings"])
    assert [group.peers for group in operators(view, rows, NONE)] == [
        ("abcdef.onion",),
        ("192.0.2.1",),
    ]


def test_ids_and_lists_join_networks(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directly and through others. Lists count only where a rule found similar ones."""
    hosts = ["192.0.2.1", "203.0.113.1", "198.18.0.1", "198.18.9.1"]
    clusters = pd.DataFrame({"site": hosts[:2], "cluster": [0, 0]})
    alike = pd.DataFrame({"peer": hosts[1:3], "community": [0, 0]})
    monkeypatch.setattr("monerotraffic.metrics.id_clusters", lambda _: clusters)
    monkeypatch.setattr("monerotraffic.metrics.communities", lambda *_, **__: alike)
    rows = pd.DataFrame({"peer": hosts, "causes": [["pings"]] * 4})
    similar = frame(finding(hosts[2], "peer_list_similar"))
    assert operators(view, rows, similar) == [
        Group(tuple(hosts[:3]), (), ("shared peer ids", "similar peer lists")),
        Group(("198.18.9.1",), (), ()),
    ]
    assert [group.peers for group in operators(view, rows, NONE)] == [
        tuple(hosts[:2]),
        ("198.18.0.1",),
        ("198.18.9.1",),
    ]
