"""Offsets of clocks from monerod's quarter seconds, on simulated peers whose clocks are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from monerotraffic.metrics import clock_differences, clock_offsets
from monerotraffic.metrics.flush_grid import FLUSH_STEP_S, offset_on_grid
from support.chain import relayed
from support.conversation_builder import (
    HOSTS,
    SECOND,
    START,
    ConversationBuilder,
    incoming,
    outgoing,
    read_nodes,
)
from support.craft import CLIENT, SERVER
from support.paths import DATA
from testbed.clocks import Clock
from testbed.vantages import true_drift, true_offset

Floats = NDArray[np.float64]
WIDE = (-5e-4, 5e-4)


def sent(
    seed: int, count: int, offset: float, drift: float, span: float = 900.0, noise: float = 0.3
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Differences of what eight peers send to two nodes after as many quarter seconds as a Poisson
    distribution with a mean of 20 gives; a share of them (`noise`) waits in a queue that began
    before.
    """
    random = np.random.default_rng(seed)
    time = np.sort(random.uniform(-span / 2, span / 2, count))
    steps = random.poisson(20, count) - random.poisson(20, count)
    late = np.where(random.random(count) < noise, random.uniform(-0.125, 0.125, count), 0.0)
    jitter = random.normal(0, 0.002, count)
    difference = offset + drift * time + steps * FLUSH_STEP_S + late + jitter
    return time, difference, random.integers(0, 8, count)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("offset", "drift"), [(-9.87, 1e-4), (3.2101, 0.0), (0.12, -5e-5)])
def test_offset_and_drift(seed: int, offset: float, drift: float) -> None:
    time, difference, peer = sent(seed, 2500, offset, drift)
    grid = offset_on_grid(time, difference, peer, WIDE)
    assert grid is not None
    slope, level = np.polyfit(time[grid.chosen], grid.residual, 1)
    assert level == pytest.approx(offset, abs=0.004)
    assert slope == pytest.approx(drift, abs=2e-5)
    assert grid.low <= offset <= grid.high
    assert 0.7 < grid.chosen.mean() < 0.95


def test_drift_of_a_day() -> None:
    time, difference, peer = sent(1, 8000, 1.0, 5e-5, span=86400.0)
    grid = offset_on_grid(time, difference, peer, (4.8e-5, 5.2e-5))
    assert grid is not None
    assert np.polyfit(time[grid.chosen], grid.residual, 1) == pytest.approx([5e-5, 1], rel=0.01)


def test_peers_at_different_distances() -> None:
    """Each peer is up to 40 ms nearer to one of the nodes. The bounds contain the offset."""
    time, difference, peer = sent(1, 2500, 2.0, 0.0)
    grid = offset_on_grid(time, difference + np.linspace(-0.04, 0.04, 8)[peer], peer, WIDE)
    assert grid is not None
    assert grid.low == pytest.approx(1.96, abs=0.01)
    assert grid.high == pytest.approx(2.04, abs=0.01)


@pytest.mark.parametrize("seed", range(20))
def test_no_grid(seed: int) -> None:
    random = np.random.default_rng(seed)
    time = np.sort(random.uniform(-450, 450, 1500))
    assert offset_on_grid(time, random.normal(0, 1.5, 1500), np.zeros(1500, int), WIDE) is None


def test_too_few_to_know_the_step() -> None:
    """The remainder is known, but the centre could be at one of several steps, which the interval
    contains. Bounds by another source decide between them, unless they contain no step, or several.
    """
    few = sent(1, 100, 1.0, 0.0)
    grid = offset_on_grid(*few, WIDE)
    assert grid is not None
    assert np.median(grid.residual) * 4 == pytest.approx(4, abs=0.02)
    assert (grid.low, grid.high) == pytest.approx((0.5, 1.5), abs=0.01)
    for offset in (1.0, 1.25):
        grid = offset_on_grid(*few, WIDE, (offset - 0.1, offset + 0.1))
        assert grid is not None
        assert np.median(grid.residual) == pytest.approx(offset, abs=0.004)
    two = offset_on_grid(*few, WIDE, (0.9, 1.3))
    assert two is not None
    assert (two.low, two.high) == pytest.approx((1, 1.25), abs=0.01)
    assert offset_on_grid(*few, WIDE, (1.05, 1.2)) is None


@pytest.mark.parametrize("seed", range(40))
def test_a_wrong_step_is_not_certain(seed: int) -> None:
    grid = offset_on_grid(*sent(seed, 700, 1.0, 0.0), WIDE)
    assert grid is not None
    offset = float(np.median(grid.residual))
    assert offset == pytest.approx(1 + round((offset - 1) * 4) / 4, abs=0.01)
    assert grid.low <= 1.001
    assert grid.high >= 0.999


def test_differences_with_a_message_in_common_are_not_independent() -> None:
    """Each transaction nine times: as few events as before."""
    time, difference, peer = (np.repeat(values, 9) for values in sent(1, 300, 1.0, 0.0))
    few, many = offset_on_grid(time, difference, peer, WIDE), sent(1, 2700, 1.0, 0.0)
    assert few is not None
    assert few.high - few.low > 0.25
    certain = offset_on_grid(*many, WIDE)
    assert certain is not None
    assert certain.high - certain.low < 0.02


def test_a_drift_that_has_too_many_values() -> None:
    assert offset_on_grid(*sent(1, 1500, 1.0, 0.0, span=1e9), WIDE) is None


# ---------------------------------------------------------------- in captures


def test_two_nodes_with_common_peers(tmp_path: Path) -> None:
    """400 transactions from three peers, in 20 minutes: 10 s and 100 ppm are recovered."""
    random = np.random.default_rng(5)
    peers = [f"20.{number}.0.1" for number in range(1, 4)]
    nodes = {}
    for name in ("ams", "sfo"):
        talks = [incoming(peer, host=HOSTS[name]).handshake() for peer in peers]
        for number in range(400):
            for talk in talks:
                begun = 60 + 3 * number + peers.index(talk.client[0]) / 7
                flush = begun + random.poisson(10) * FLUSH_STEP_S
                talk.wait_until(flush).send(CLIENT, relayed(number))
        nodes[name] = talks
    traffic = read_nodes(tmp_path, nodes, {"sfo": 10}, {"sfo": 100.0})
    rows = clock_differences(traffic)
    assert rows.groupby("peer", observed=True).size().to_dict() == dict.fromkeys(peers, 400)
    clock = clock_offsets(traffic).set_index("vantage").loc["sfo"]
    assert clock["source"] == "transactions"
    assert clock["shared"] == 1200
    begin = rows["time"].min().timestamp() - 60
    assert clock["offset"] == pytest.approx(10 + 1e-4 * (clock["at"].timestamp() - begin), abs=0.01)
    assert clock["drift"] == pytest.approx(100, abs=5)


def test_at_most_eight_peers_of_a_transaction(tmp_path: Path) -> None:
    """Those with the first addresses, whenever they sent it."""
    nodes: dict[str, list[ConversationBuilder]] = {"ams": [], "sfo": []}
    for name, talks in nodes.items():
        for number in range(1, 12):
            talk = incoming(f"20.{number}.0.1", host=HOSTS[name]).handshake()
            talk.wait_until(100 - number).send(CLIENT, relayed(1))
            talks.append(talk)
    rows = clock_differences(read_nodes(tmp_path, nodes))
    peers = sorted(f"20.{number}.0.1" for number in range(1, 12))[:8]
    assert sorted(rows["peer"]) == peers


def test_a_run_of_the_testbed(tmp_path: Path) -> None:
    """Two monerods (v and x of seed 941) whose clocks were wrong by 5.2 s and -5.1 s and drifted by
    50 ppm in opposite directions: when common peers sent 306 transactions to each.
    """
    folder = DATA / "vantages"
    known = json.loads((folder / "clocks.json").read_text())
    clocks = {name: Clock(**values) for name, values in known["clocks"].items()}
    hosts = dict(zip(clocks, HOSTS.values(), strict=False))
    rows = pd.read_csv(folder / "arrivals.csv.gz")
    nodes: dict[str, list[ConversationBuilder]] = {}
    for (name, peer, direction), sent_there in rows.groupby(["vantage", "peer", "direction"]):
        accepted = direction == "incoming"
        opened = (incoming if accepted else outgoing)(peer, host=hosts[name], step=1000)
        talk = opened.handshake()
        for row in sent_there.sort_values("ms").itertuples():
            talk.wait_until(60 + row.ms / 1000)
            talk.send(CLIENT if accepted else SERVER, relayed(row.tx))
        nodes.setdefault(str(name), []).append(talk)
    traffic = read_nodes(tmp_path, nodes, hosts=hosts)
    clock = clock_offsets(traffic, "v", source="transactions").set_index("vantage").loc["x"]
    assert clock["shared"] > 900
    at = known["zero"] + (clock["at"].value - START) / SECOND - 60
    assert clock["offset"] == pytest.approx(true_offset(clocks["x"], clocks["v"], at), abs=0.005)
    assert clock["drift"] == pytest.approx(true_drift(clocks["x"], clocks["v"]), abs=5)
