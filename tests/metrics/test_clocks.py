"""Clock offsets of vantage nodes: by hand, and on skewed and drifting clocks."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.metrics import (
    clock_differences,
    clock_offsets,
    correct_times,
    first_spies,
    first_spy_accuracy,
    transaction_arrivals,
)
from support.chain import announced, relayed, tx_id
from support.conversation_builder import (
    HOSTS,
    SECOND,
    START,
    ConversationBuilder,
    incoming,
    read_nodes,
)
from support.craft import CLIENT

PEERS = ("20.1.0.1", "20.2.0.1")


def late(talk: ConversationBuilder, *, client: int, server: int) -> ConversationBuilder:
    """The conversation as an end captures it: packets of the client and of the server arrive later
    by so many milliseconds.
    """
    other = ConversationBuilder(talk.client, talk.server)
    for packet in talk.packets:
        by_client = str(ip_address(packet.data[26:30])) == talk.client[0]
        delay = (client if by_client else server) * 1_000_000
        other.packets.append(type(packet)(packet.time + delay, packet.data, packet.length))
    return other


@pytest.fixture
def own_connection(tmp_path: Path) -> mt.Traffic:
    """ams opens a connection to sfo, whose clock is 7 s ahead. The path takes 40 ms there and 60 ms
    back.
    """
    talk = ConversationBuilder(
        (HOSTS["ams"], 41000), (HOSTS["sfo"], 18080), step=SECOND // 5
    ).open()
    talk.handshake()
    for second in range(60, 660, 60):
        talk.wait_until(second).timed_sync(CLIENT)
    nodes = {"ams": [late(talk, client=0, server=60)], "sfo": [late(talk, client=40, server=0)]}
    return read_nodes(tmp_path, nodes, {"sfo": 7})


def test_a_connection_between_two_nodes(own_connection: mt.Traffic) -> None:
    differences = clock_differences(own_connection)
    assert differences["source"].unique().tolist() == ["connections"]
    assert (differences["vantage"] == "sfo").all()
    by_way = differences.groupby("way", observed=True)["difference"]
    assert by_way.size().to_dict() == {"to": 11, "from": 11}
    assert by_way.min().to_dict() == pytest.approx({"to": 7.04, "from": 6.94})
    clocks = clock_offsets(own_connection).set_index("vantage")
    assert clocks.loc["ams", ["offset", "low", "high", "drift"]].tolist() == [0, 0, 0, 0]
    assert clocks.loc["sfo", ["offset", "low", "high"]].tolist() == pytest.approx(
        [6.99, 6.94, 7.04]
    )
    assert clocks.loc["sfo", "drift"] == pytest.approx(0, abs=1)
    assert (clocks.loc["sfo", "shared"], clocks.loc["sfo", "source"]) == (22, "connections")


def test_another_reference(own_connection: mt.Traffic) -> None:
    clocks = clock_offsets(own_connection, "sfo").set_index("vantage")
    assert clocks.loc["ams", ["offset", "low", "high"]].tolist() == pytest.approx(
        [-6.99, -7.04, -6.94]
    )
    with pytest.raises(ValueError, match="no vantage node 'gru'"):
        clock_offsets(own_connection, "gru")
    with pytest.raises(ValueError, match="confidence=1"):
        clock_offsets(own_connection, confidence=1)


def test_one_source(own_connection: mt.Traffic) -> None:
    known = clock_offsets(own_connection, source="connections").set_index("vantage")
    assert known.loc["sfo", "offset"] == pytest.approx(6.99)
    unknown = clock_offsets(own_connection, source="blocks").set_index("vantage")
    assert pd.isna(unknown.loc["sfo", "offset"])
    with pytest.raises(ValueError, match="source='pings'"):
        clock_offsets(own_connection, source="pings")


SKEW = {"sfo": 10.0, "sgp": -10.0}
DRIFT = {"sfo": 50.0, "sgp": -50.0}


def talks_of(host: str, seed: int, count: int, every: float) -> list[ConversationBuilder]:
    """A node that hears of `count` transactions as monerod's flushes send them: from 12 outgoing
    and 12 incoming peers after exponential times of 5 s and 2.5 s in steps of a quarter second,
    whose first one is here.
    """
    random = np.random.default_rng(seed)
    talk = incoming(PEERS[0], host=host).handshake()
    means = np.repeat([5.0, 2.5], 12)
    for number in range(count):
        flushes = np.floor(random.exponential(means) / 0.25) * 0.25 + random.uniform(0, 0.25, 24)
        talk.wait_until(60 + number * every + float(flushes.min())).send(CLIENT, relayed(number))
    return [talk]


def test_clocks_of_three_nodes_from_shared_transactions(tmp_path: Path) -> None:
    """200 transactions in an hour. Offsets are within 50 ms at the beginning, middle and end."""
    nodes = {
        name: talks_of(host, seed, 200, 18.0) for seed, (name, host) in enumerate(HOSTS.items())
    }
    traffic = read_nodes(tmp_path, nodes, SKEW, DRIFT)
    clocks = clock_offsets(traffic)
    assert clocks["source"].tolist()[1:] == ["transactions", "transactions"]
    assert clocks["shared"].tolist() == [0, 200, 200]
    by_name = clocks.set_index("vantage")
    for name in ("sfo", "sgp"):
        assert by_name.loc[name, "drift_low"] < DRIFT[name] < by_name.loc[name, "drift_high"]
    for after in (60, 1800, 3600):
        true = pd.Timestamp(START + after * SECOND, tz="UTC")
        seen = pd.Series(
            [
                true + pd.Timedelta(seconds=SKEW[name] + after * DRIFT[name] * 1e-6)
                for name in ("sfo", "sgp")
            ]
        )
        errors = (correct_times(seen, ["sfo", "sgp"], clocks) - true).dt.total_seconds()
        assert errors.abs().max() < 0.05


def test_ticks(tmp_path: Path) -> None:
    """Two peers tick to both nodes, once a minute. The clock of sfo is 9 s ahead, and a block
    arrives there half a second late. The first peer is 20 ms nearer to ams, the other 10 ms nearer
    to sfo: their medians are the bounds.
    """
    nodes = {}
    for name, late in {"ams": 0.0, "sfo": 0.5}.items():
        talks = [incoming(peer, host=HOSTS[name]).handshake() for peer in PEERS]
        for minute in range(1, 31):
            for talk, second in zip(
                talks, (7, 31) if name == "ams" else (7.02, 30.99), strict=True
            ):
                talk.wait_until(60 * minute + second + 0.3 * minute % 3).timed_sync(CLIENT)
        talks[0].wait_until(1900 + late).send(CLIENT, announced(9, [1]))
        nodes[name] = talks
    traffic = read_nodes(tmp_path, nodes, {"sfo": 9})
    rows = clock_differences(traffic)
    assert rows.groupby("source", observed=True).size().to_dict() == {"ticks": 60, "blocks": 1}
    clock = clock_offsets(traffic).set_index("vantage").loc["sfo"]
    assert (clock["source"], clock["shared"]) == ("ticks", 60)
    assert clock[["low", "high"]].tolist() == pytest.approx([8.99, 9.02], abs=1e-3)
    assert 8.99 <= clock["offset"] <= 9.02


def test_nodes_without_common_events(tmp_path: Path) -> None:
    """sgp shares blocks with sfo only, and gru nothing with anybody."""
    hosts = HOSTS | {"gru": "198.51.100.99"}
    nodes = {}
    for name, heights in {"ams": (9, 10), "sfo": (9, 10, 11), "sgp": (11,), "gru": ()}.items():
        talk = incoming(PEERS[0], host=hosts[name]).handshake()
        for height in heights:
            talk.wait_until(10 * height).send(CLIENT, announced(height, [1]))
        nodes[name] = [talk]
    traffic = read_nodes(tmp_path, nodes, {"sfo": 3, "sgp": 5}, hosts=hosts)
    clocks = clock_offsets(traffic).set_index("vantage")
    assert clocks["offset"].round(6).tolist()[:3] == [0, 3, 5]
    assert clocks["shared"].tolist() == [0, 2, 1, 0]
    assert np.isnan(clocks.loc["gru", "offset"])
    assert clocks.loc["sgp", "high"] == np.inf
    times = pd.Series([pd.Timestamp("2026-11-22", tz="UTC")] * 2)
    moved = correct_times(times, ["sgp", "gru"], clocks.reset_index())
    assert moved[0] == times[0] - pd.Timedelta(seconds=5)
    assert pd.isna(moved[1])


def test_the_first_sender_of_two_nodes_by_one_clock(tmp_path: Path) -> None:
    """By the clocks as they are sfo was first; it is 10 s behind."""
    nodes = {}
    for name, delays in {"ams": (0, 100), "sfo": (300, 50)}.items():
        nodes[name] = [incoming(peer, host=HOSTS[name]).handshake() for peer in PEERS]
        for talk, delay in zip(nodes[name], delays, strict=True):
            talk.wait_until(60 + delay / 1000).send(CLIENT, relayed(1))
            talk.wait_until(90).send(CLIENT, announced(9, [1]))
            talk.wait_until(120).send(CLIENT, announced(10, [1]))
    traffic = read_nodes(tmp_path, nodes, {"sfo": -10})
    assert transaction_arrivals(traffic)["vantage"].iloc[0] == "sfo"
    rows = transaction_arrivals(traffic, clock_offsets(traffic))
    assert rows["tx"].unique().tolist() == [tx_id(1)]
    assert list(zip(rows["vantage"], rows["peer"], rows["rank"], strict=True)) == [
        ("ams", PEERS[0], 1),
        ("sfo", PEERS[1], 2),
        ("ams", PEERS[1], 3),
        ("sfo", PEERS[0], 4),
    ]
    assert rows["delay"].dt.total_seconds().tolist() == [0, 0.05, 0.1, 0.3]
    spies = first_spies(traffic, clock_offsets(traffic))
    assert spies[["peer", "observers", "peers"]].iloc[0].tolist() == [PEERS[0], 4, 2]
    accuracy = first_spy_accuracy(spies, {tx_id(1): PEERS[0]})
    assert accuracy["baseline"][0] == 1 / 2


def test_one_node_has_no_offset(tmp_path: Path) -> None:
    traffic = read_nodes(tmp_path, {"ams": [incoming().handshake()]})
    assert len(clock_differences(traffic)) == 0
    clocks = clock_offsets(traffic)
    assert clocks["offset"].tolist() == [0.0]
    assert clocks["at"].isna().all()


def test_scipy_is_missing(own_connection: mt.Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ImportError, match=r"clock_offsets requires scipy: pip install"):
        clock_offsets(own_connection)
