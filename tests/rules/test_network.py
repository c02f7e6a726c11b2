"""Rules of the family network."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import banlist
from monerotraffic.rules import PRESETS, find_anomalies, verdicts
from support import craft, truth
from support.craft import CLIENT, SERVER, Connection
from support.paths import RESEARCH_BAN_LIST

HOST = "198.51.100.10"


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> mt.Traffic:
    """Three peers, the first twice, the last without a message; it begins on 2023-11-14."""
    packets = []
    for number, peer in enumerate(["192.0.2.1", "192.0.2.200", "192.0.2.1", "203.0.113.9"]):
        talk = Connection(
            (peer, 40000 + number), (HOST, 18080), clock=craft.START + number * 10**9
        ).open()
        if number < 3:
            talk.send(CLIENT, craft.request(1001, craft.handshake_request()))
            talk.send(SERVER, craft.response(1001, craft.handshake_response()))
        talk.close()
        packets += talk.packets
    path = tmp_path_factory.mktemp("network") / "a.pcap"
    path.write_bytes(craft.pcap(packets, nano=True))
    return mt.read(path, host=HOST)


def findings_with_list(
    traffic: mt.Traffic, ban_list: object, preset: str = "default"
) -> pd.DataFrame:
    return find_anomalies(
        traffic, preset, rules=["ban_listed"], parameters={"ban_listed": {"ban_list": ban_list}}
    ).set_index("peer")


def test_ban_listed(traffic: mt.Traffic) -> None:
    findings = findings_with_list(traffic, banlist.parse("192.0.2.0/25\n203.0.113.9"))
    assert list(findings.index) == ["192.0.2.1", "203.0.113.9"]
    first, last = findings.loc["192.0.2.1"], findings.loc["203.0.113.9"]
    assert (first["observations"], first.unit, first.weight, first.score) == (
        2,
        "connection",
        "context",
        25.0,
    )
    assert first.connections == [0, 2]
    messages = traffic.messages[traffic.messages.peer == "192.0.2.1"].drop_duplicates("connection")
    assert first.messages == list(messages.message)
    assert first.places == [
        f"{Path(traffic.files.path.iloc[0]).name}:{frame}" for frame in messages.frame
    ]
    assert first["first_time"] == traffic.connections.opened[0]
    assert (last["observations"], last.score, last.connections, last.messages, last.places) == (
        1,
        32.0,
        [3],
        [],
        [],
    )
    assert set(verdicts(findings.reset_index()).verdict) == {"context"}


def test_a_path_will_do(traffic: mt.Traffic, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("192.0.2.200 # why\n")
    assert list(findings_with_list(traffic, tmp_path / "list.txt").index) == ["192.0.2.200"]
    assert list(findings_with_list(traffic, str(tmp_path / "list.txt")).index) == ["192.0.2.200"]
    (tmp_path / "list.txt").write_text("192.0.2\n")
    with pytest.raises(banlist.BanListError, match=r"list\.txt:1"):
        findings_with_list(traffic, tmp_path / "list.txt")


@pytest.mark.parametrize("preset", PRESETS)
def test_without_a_list_no_peer_is_listed(traffic: mt.Traffic, preset: str) -> None:
    assert findings_with_list(traffic, None, preset).empty
    assert findings_with_list(traffic, banlist.parse("# nobody"), preset).empty
    assert findings_with_list(traffic, banlist.parse("192.0.3.0/24\n::/0"), preset).empty
    assert list(findings_with_list(traffic, banlist.parse("192.0.2.1"), preset).index) == [
        "192.0.2.1"
    ]


def test_the_vantage_node_may_be_listed(traffic: mt.Traffic) -> None:
    assert findings_with_list(traffic, banlist.parse(HOST)).empty


def test_expired_entries_do_not_count(traffic: mt.Traffic) -> None:
    """Held against the day of the capture, and a wider entry that has not expired stays."""
    assert list(
        findings_with_list(traffic, banlist.parse("192.0.2.1 # expires 2023-11-14")).index
    ) == ["192.0.2.1"]
    assert findings_with_list(traffic, banlist.parse("192.0.2.1 # expires 2023-11-13")).empty
    findings = findings_with_list(
        traffic, banlist.parse("192.0.2.1 # expires 2023-11-13\n192.0.2.0/24")
    )
    assert findings.score.tolist() == [24.0, 24.0]


def test_a_capture_without_connections(tmp_path: Path) -> None:
    (tmp_path / "none.pcap").write_bytes(craft.pcap([], nano=True))
    assert findings_with_list(mt.read(tmp_path / "none.pcap"), banlist.parse("0.0.0.0/0")).empty


def test_addresses_of_both_versions(tmp_path: Path) -> None:
    packets = []
    for number, peer in enumerate(["2001:db8::1", "2001:db8:1::1", "::ffff:192.0.2.1"]):
        talk = Connection(
            (peer, 40000 + number), ("2001:db8:10::10", 18080), clock=craft.START + number * 10**9
        ).open()
        talk.close()
        packets += talk.packets
    (tmp_path / "a.pcap").write_bytes(craft.pcap(packets, nano=True))
    traffic = mt.read(tmp_path / "a.pcap", host="2001:db8:10::10")
    assert list(findings_with_list(traffic, banlist.parse("2001:db8::/48\n192.0.2.1")).index) == [
        "2001:db8::1",
        "::ffff:192.0.2.1",
    ]


@pytest.mark.parametrize(
    "scenario", [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios()]
)
def test_labelled_captures(scenario: truth.Scenario) -> None:
    """Every second peer is listed: exactly these are found, by messages of their own, as
    context.
    """
    traffic = mt.read([str(path) for path in scenario.parts])
    peers = sorted(traffic.connections.peer.dropna().unique())
    listed = banlist.BanList(banlist.Entry(banlist.network_of(peer)) for peer in peers[::2])
    findings = findings_with_list(traffic, listed)
    assert list(findings.index) == peers[::2]
    assert set(verdicts(findings.reset_index()).verdict) == {"context"}
    sender = traffic.messages.set_index("message").peer
    counts = traffic.connections.groupby("peer", observed=True).size()
    for peer, row in findings.iterrows():
        assert row["observations"] == counts[peer]
        assert {sender[message] for message in row.messages} <= {peer}
        assert set(traffic.connections.peer[row.connections]) == {peer}
        assert bool(row.places) == bool(row.messages)
    assert findings_with_list(traffic, None).empty


@pytest.mark.skipif(not RESEARCH_BAN_LIST.exists(), reason="the research lab's list is not there")
@pytest.mark.parametrize(
    "scenario", [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios()]
)
def test_no_lab_network_is_on_the_research_labs_list(scenario: truth.Scenario) -> None:
    assert findings_with_list(
        mt.read([str(path) for path in scenario.parts]), RESEARCH_BAN_LIST
    ).empty
