"""Findings do not depend on how the rows are read: at once, in parts, in groups of peers."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.metrics.comparisons import port_namers, port_witnesses
from monerotraffic.net.addresses import site_of
from monerotraffic.rules import PRESETS, RULES, find_anomalies
from monerotraffic.rules.engine import find
from monerotraffic.store import groups
from monerotraffic.tables import pieces
from monerotraffic.tables.population import PopulationView
from monerotraffic.tables.view import View
from support.conversation_builder import HOST, incoming, read, session
from support.paths import DATA

SPIES, PROXIES = DATA / "spies", DATA / "proxies"


class RandomGroups:
    """The sites of a Traffic, dealt to groups at random."""

    def __init__(self, traffic: mt.Traffic, count: int, seed: int) -> None:
        self._traffic = traffic
        peers = sorted(traffic.connections["peer"].dropna().unique())
        sites = sorted({site_of(peer) for peer in peers})
        dealt = {site: random.Random(f"{seed} {site}").randrange(count) for site in sites}
        self._groups = [
            [peer for peer in peers if dealt[site_of(peer)] == number] for number in range(count)
        ]

    def map(
        self, function: Callable[[View], Any], tables: Sequence[str] | None = None
    ) -> Iterator[Any]:
        for peers in self._groups:
            connections = self._traffic.connections
            kept = connections["connection"][connections["peer"].isin(peers)]
            arrays = {}
            messages = self._traffic.arrays["messages"]
            messages = messages[np.isin(messages["connection"], kept)]
            for name, rows in self._traffic.arrays.items():
                if name in ("connections", "messages", "problems"):
                    rows = rows[np.isin(rows["connection"], kept)]
                elif name != "files":
                    rows = rows[np.isin(rows["message"], messages["message"])]
                arrays[name] = rows
            yield function(View(mt.Traffic(arrays, self._traffic.names, self._traffic.nodes)))


def findings_in_groups(traffic: mt.Traffic, count: int, seed: int, preset: str) -> pd.DataFrame:
    light = {name: traffic.arrays[name] for name in ("connections", "problems", "files")}
    view = PopulationView(
        mt.Traffic(light, traffic.names, traffic.nodes), RandomGroups(traffic, count, seed)
    )
    return find({traffic.hosts[0]: view}, RULES.values(), preset, {})


@pytest.fixture(scope="module", params=[SPIES, PROXIES], ids=["spies", "proxies"])
def capture(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.mark.parametrize("preset", PRESETS[:2])
def test_any_groups(preset: str) -> None:
    traffic = mt.read(SPIES)
    whole = find_anomalies(traffic, preset)
    assert len(whole) > 10
    findings = findings_in_groups(traffic, 3, PRESETS.index(preset), preset)
    pd.testing.assert_frame_equal(findings, whole)


def test_data_set_and_scan(capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "BUDGET", 200_000)
    whole = find_anomalies(mt.read(capture))
    assert len(whole) > 10
    dataset = mt.decode(capture, tmp_path / "traffic")
    pd.testing.assert_frame_equal(find_anomalies(dataset), whole)
    assert len(groups.groups_of(dataset, groups.BUDGET)) > 1
    pd.testing.assert_frame_equal(find_anomalies(mt.scan(capture, rows=3000)), whole)


def test_several_nodes(tmp_path: Path) -> None:
    source = {"ams": SPIES, "sfo": PROXIES}
    whole = find_anomalies(mt.read(source))
    assert set(whole["vantage"]) == {"ams", "sfo"}
    dataset = mt.decode(source, tmp_path / "traffic")
    pd.testing.assert_frame_equal(find_anomalies(dataset), whole)
    with pytest.raises(ValueError, match="there are 2 vantage nodes"):
        find_anomalies(dataset, agree=3)


def test_runs(tmp_path: Path) -> None:
    """Two runs of a ring have the findings of the two halves that need no stitching."""
    files = sorted(PROXIES.glob("*.pcap*"))
    folder = tmp_path / "traffic"
    for file in files:
        dataset = mt.decode(file, folder)
    findings = find_anomalies(dataset)
    whole = find_anomalies(mt.read(PROXIES))
    strong = whole[whole["weight"] == "strong"]
    assert set(strong["peer"]) <= set(findings["peer"])


def test_senders_of_one_subnet_in_several_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subnet that names a port counts once, whichever groups its senders are in."""
    monkeypatch.setattr(pieces, "_WAITING_TEXTS", 1)
    named = [("20.9.0.1", port) for port in (18081, 18082, 18083)]
    senders = ("20.1.1.1", "20.1.1.2", "20.1.1.3", "20.2.1.1", "20.3.1.1")
    traffic = read(tmp_path, session("20.9.0.1"), *[session(one, named) for one in senders])
    whole = {most: port_namers(traffic, most) for most in (1, 2, 5)}
    assert [len(rows) for rows in whole.values()] == [3, 6, 9]
    light = {name: traffic.arrays[name] for name in ("connections", "problems", "files")}
    for seed in range(5):
        population = PopulationView(
            mt.Traffic(light, traffic.names, traffic.nodes), RandomGroups(traffic, 4, seed)
        )
        for most, rows in whole.items():
            pd.testing.assert_frame_equal(port_namers(population, most), rows)
        witnesses = port_witnesses(population).drop(columns="time")
        pd.testing.assert_frame_equal(witnesses, port_witnesses(traffic).drop(columns="time"))


def test_a_large_bucket_is_split(tmp_path: Path) -> None:
    dataset = mt.decode(SPIES, tmp_path / "traffic")
    of_sites = groups.groups_of(dataset, 1)
    peers = [peer for group in of_sites for peer in group.peers or ()]
    everyone = set(dataset.connections.to_pandas(["peer"])["peer"].dropna())
    assert sorted(peers) == sorted(everyone)
    views = [
        View(groups.traffic_of(dataset, group, ("connections", "messages"))) for group in of_sites
    ]
    assert sum(len(view.messages) for view in views) == len(View(mt.read(SPIES)).messages)
    assert groups.groups_of(dataset, 1 << 40)[0].peers is None


def test_a_part_of_a_scan() -> None:
    parts = list(mt.scan(SPIES, rows=100))
    with pytest.raises(ValueError, match="one part of a scan"):
        find_anomalies(parts[0])
    with pytest.raises(TypeError, match="must be a Traffic"):
        find_anomalies([1])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="traffic is str"):
        find_anomalies("captures")  # type: ignore[arg-type]


def test_no_peers(tmp_path: Path) -> None:
    """A data set without peers, and one without findings."""
    talk = incoming().handshake()
    whole = find_anomalies(read(tmp_path, talk))
    capture = tmp_path / "capture.pcap"
    dataset = mt.decode(capture, tmp_path / "traffic", host=HOST)
    pd.testing.assert_frame_equal(find_anomalies(dataset), whole)
    unknown = mt.decode(capture, tmp_path / "other", host="203.0.113.99")
    assert find_anomalies(unknown).empty


def test_keep(tmp_path: Path) -> None:
    from support.data_sets import assert_same

    source = {"ams": SPIES, "sfo": PROXIES}
    dataset = mt.store.keep(mt.scan(source, rows=5000), tmp_path / "traffic")
    assert_same(dataset.traffic(), mt.read(source))
    with pytest.raises(mt.store.DataSetError, match="not empty"):
        mt.store.keep(mt.scan(source), tmp_path / "traffic")
    shutil.rmtree(tmp_path / "traffic")
