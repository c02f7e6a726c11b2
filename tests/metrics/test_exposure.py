"""Exposure: counted by hand, from labels, and against what a node says of its own connections."""

from __future__ import annotations

import gzip
import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.banlist import parse
from monerotraffic.metrics import Sampling, View, exposure, exposure_over_time, what_if
from monerotraffic.metrics.slot_time import Holdings, crowded
from monerotraffic.rules import HONEST
from support.conversation_builder import (
    HOST,
    HOSTS,
    ConversationBuilder,
    incoming,
    listed,
    outgoing,
    read,
    read_nodes,
)
from support.craft import SERVER
from support.paths import DATA

NONE = Sampling(resamples=0)

A, B, C, D = "20.1.0.1", "20.1.0.2", "20.9.0.1", "20.3.0.1"
OFFERED = [(A, 18080), ("20.1.0.7", 18080), ("20.5.0.1", 18080), ("20.6.0.1", 18080)]
GROUPS = {"a": [A], "b": [B], "offered": [A, "20.1.0.7", "20.6.0.1"]}


def held(talk: ConversationBuilder, begin: float, end: float) -> ConversationBuilder:
    talk.packets.clear()
    talk.wait_until(begin).open()
    talk.handshake(peers=listed(*OFFERED))
    talk.wait_until(end).close(SERVER)
    return talk


def talks(host: str = HOST) -> dict[str, ConversationBuilder]:
    """Slots of four peers: a 0 to 100 s, b of its /24 50 to 150 s, c 0 to 200 s; d comes in."""
    return {
        A: held(outgoing(A, 1, host), 0, 100),
        B: held(outgoing(B, 2, host), 50, 150),
        C: held(outgoing(C, 3, host), 0, 200),
        D: held(incoming(D, host=host), 0, 40),
    }


@pytest.fixture
def traffic(tmp_path: Path) -> mt.Traffic:
    return read(tmp_path, *talks().values())


def row(table: pd.DataFrame, direction: str, group: str) -> pd.Series:
    return table[(table["direction"] == direction) & (table["group"] == group)].iloc[0]


def test_shares_by_hand(traffic: mt.Traffic) -> None:
    table = exposure(traffic, GROUPS, epoch_s=100)
    ours = row(table, "outgoing", "a")
    assert (ours["peers"], ours["connections"], ours["most_at_once"], ours["epochs"]) == (
        1,
        1,
        1,
        3,
    )
    assert ours["seconds"] == pytest.approx(100, abs=0.01)
    assert ours["all_seconds"] == pytest.approx(400, abs=0.03)
    assert ours["p"] == pytest.approx(0.25, abs=1e-4)
    assert ours["slots"] == pytest.approx(0.5, abs=1e-4)
    assert ours["p_squared"] == ours["p"] ** 2
    # 0.4 in the first 100 s, then 0; the third epoch has the last milliseconds of c
    assert ours["mean_p_squared"] == pytest.approx(0.16 / 3, abs=1e-4)
    assert row(table, "outgoing", "same_subnet")["p"] == pytest.approx(100 / 400, abs=1e-4)
    assert row(table, "outgoing", "same_subnet")["most_at_once"] == 2
    incoming_ = row(table, "incoming", "a")
    assert (incoming_["seconds"], incoming_["p"], incoming_["peers"]) == (0, 0, 0)
    assert np.isnan(incoming_["p_squared"])


def test_over_time(traffic: mt.Traffic) -> None:
    steps = exposure_over_time(traffic, GROUPS, step_s=50)
    ours = steps[(steps["direction"] == "outgoing") & (steps["group"] == "a")]
    assert ours["slots"].tolist()[:4] == pytest.approx([1, 1, 0, 0], abs=1e-3)
    assert ours["all_slots"].tolist()[:4] == pytest.approx([2, 3, 2, 1], abs=1e-3)
    assert ours["p"].tolist()[:4] == pytest.approx([1 / 2, 1 / 3, 0, 0], abs=1e-3)
    assert (ours["time"].diff().dropna() == pd.Timedelta(seconds=50)).all()


def test_systems(traffic: mt.Traffic) -> None:
    systems = pd.DataFrame(
        {"host": [A, B, C], "asn": pd.array([1, None, 1], dtype="Int64"), "organisation": None}
    )
    table = exposure(traffic, systems=systems, sampling=NONE)
    assert row(table, "outgoing", "same_system")["seconds"] == pytest.approx(200, abs=0.01)
    assert row(table, "outgoing", "same_system")["peers"] == 2


def test_the_interval_is_that_of_peers(traffic: mt.Traffic) -> None:
    """Of three peers with 100, 100 and 200 s. The share is 0 if the one is not drawn, 1 if it is
    drawn three times.
    """
    first, second = (row(exposure(traffic, GROUPS), "outgoing", "a") for _ in range(2))
    assert (first["p_low"], first["p_high"]) == (second["p_low"], second["p_high"])
    assert first["p_low"] == 0
    assert 0.5 < first["p_high"] <= 1
    assert np.isnan(row(exposure(traffic, GROUPS, sampling=NONE), "outgoing", "a")["p_low"])
    assert np.isnan(row(exposure(traffic, GROUPS), "incoming", "a")["p_low"])  # one peer


def test_two_nodes(tmp_path: Path) -> None:
    nodes = {name: list(talks(HOSTS[name]).values()) for name in ("ams", "sfo")}
    table = exposure(read_nodes(tmp_path, nodes, {"sfo": 1000}), GROUPS, sampling=NONE)
    assert table["vantage"].tolist() == ["ams"] * 8 + ["sfo"] * 8
    columns = ["seconds", "all_seconds", "p", "mean_p_squared"]
    pd.testing.assert_frame_equal(
        table.loc[:7, columns], table.loc[8:, columns].reset_index(drop=True)
    )


def test_no_slots(tmp_path: Path) -> None:
    other = mt.read(read(tmp_path, incoming()).files["path"].iloc[0], host="203.0.113.77")
    assert exposure(other, GROUPS)["p"].isna().all()
    assert exposure(other, GROUPS)["seconds"].sum() == 0
    assert list(exposure(other)) == list(exposure(read(tmp_path, incoming())))
    assert len(exposure_over_time(other, GROUPS)) == 0
    only = exposure(read(tmp_path, incoming()), GROUPS)
    assert np.isnan(row(only, "outgoing", "a")["p"])


def test_wrong_arguments(traffic: mt.Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="epoch_s=0"):
        exposure(traffic, epoch_s=0)
    with pytest.raises(ValueError, match="step_s=-1"):
        exposure_over_time(traffic, step_s=-1)
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ImportError, match="exposure requires scipy"):
        exposure(traffic)


# ---- labelled captures ----


@pytest.mark.parametrize("scenario", ["spies", "proxies"])
def test_shares_are_those_of_labels_and_of_the_node_itself(scenario: str) -> None:
    """The node reported its connections (RPC get_connections) every ten seconds."""
    folder = DATA / "slots"
    labels = json.loads((folder / f"{scenario}_labels.json").read_text())
    spies = {peer for peer, names in labels.items() if not set(names) <= HONEST}
    with gzip.open(folder / f"{scenario}_connections.jsonl.gz", "rt") as file:
        samples = [json.loads(line) for line in file]
    since, until = (pd.Timestamp(samples[at]["t"], unit="s", tz="UTC") for at in (0, -1))
    traffic = mt.read(folder / f"{scenario}.pcapng.gz", host=HOST)
    table = exposure(traffic, {"spies": spies}, period=(since, until))
    for direction in ("incoming", "outgoing"):
        seconds = {True: 0, False: 0}
        for one in View(traffic).connections.itertuples():
            begun = one.start == "midstream" or not pd.isna(one.rtt)
            if one.direction == direction and begun:
                length = min(one.closed.value, until.value) - max(one.opened.value, since.value)
                seconds[one.peer in spies] += max(0, length)
        p = float(Fraction(seconds[True], seconds[True] + seconds[False]))
        ours = row(table, direction, "spies")
        assert ours["p"] == p
        assert direction == "incoming" or ours["p_squared"] == p * p
        hosts = [host for one in samples for host in one[direction]]
        assert ours["p"] == pytest.approx(
            sum(host in spies for host in hosts) / len(hosts), abs=0.02
        )
        assert 0.2 < ours["p"] < 0.9


# ---- what if ----


def test_a_ban_list_is_the_capture_without_its_peers(tmp_path: Path, traffic: mt.Traffic) -> None:
    table = what_if(traffic, GROUPS, parse(A), epoch_s=70)
    rest = [talk for peer, talk in talks().items() if peer != A]
    without = exposure(read(tmp_path, *rest), GROUPS, epoch_s=70)
    banned = table[table["scenario"] == "ban_list"].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        banned[list(without)].astype({"vantage": object, "group": object}),
        without.sort_values(["direction", "group"], kind="stable")
        .reset_index(drop=True)
        .astype({"vantage": object, "group": object}),
    )
    before = table[table["scenario"] == "as_captured"].reset_index(drop=True)
    pd.testing.assert_frame_equal(before[list(without)], exposure(traffic, GROUPS, epoch_s=70))


def test_scenarios_by_hand(traffic: mt.Traffic) -> None:
    table = what_if(traffic, GROUPS, parse(A), sampling=NONE)
    table = table[table["direction"] == "outgoing"]
    shares = table.pivot(index="group", columns="scenario", values="p").round(3)
    assert shares.loc["a"].to_list() == [0.25, 0, 0.333, 0]
    assert shares.loc["b"].to_list() == [0.25, 0.333, 0, 0.333]
    assert shares.loc["same_subnet"].to_list() == [0.25, 0, 0, 0]
    removed = table[table["group"] == "a"]["removed_seconds"]
    assert removed.tolist() == pytest.approx([0, 100, 100, 100], abs=0.01)
    offered = table[table["group"] == "offered"].set_index("scenario")
    # without a: one of three; of four: the /24 with a counts once
    assert offered["offered"].to_list() == pytest.approx([3 / 4, 2 / 3, 2 / 3, 2 / 3])
    assert offered["p"].to_list() == pytest.approx([0.25, 0, 1 / 3, 0], abs=1e-3)
    assert offered["refilled_p"].to_list() == pytest.approx(
        [0.25, 200 / 3 / 400, (100 + 200 / 3) / 400, 200 / 3 / 400], abs=1e-3
    )


def test_without_a_ban_list(traffic: mt.Traffic) -> None:
    table = what_if(traffic, sampling=NONE)
    assert table["scenario"].unique().tolist() == ["as_captured", "distinct_subnets"]
    assert table["offered"].isna().all()


def test_crowded_times_are_those_of_a_sweep() -> None:
    """Random slots of hosts in groups, against every elementary interval by itself."""
    random = np.random.default_rng(7)
    for _ in range(30):
        count = int(random.integers(0, 25))
        begin = random.integers(0, 30, count)
        end = begin + random.integers(0, 8, count)
        host = random.integers(0, 7, count)
        group = np.array([0, 0, 0, 1, 1, 2, -1])[host]
        held_slots = Holdings(begin, end, host, np.arange(count))
        parts = crowded(held_slots, group)
        wanted = np.zeros(count, dtype=np.int64)
        for second in range(40):
            open_ = (begin <= second) & (end > second)
            for number in np.flatnonzero(open_ & (group >= 0)):
                others = open_ & (group == group[number]) & (host != host[number])
                wanted[number] += others.any()
        summed = np.zeros(count, dtype=np.int64)
        np.add.at(summed, parts.connection, parts.length)
        assert summed.tolist() == wanted.tolist()
