"""The testbed's scenario of several vantage nodes: who is placed where, their transactions, and the
clocks of their captures. No part needs root or monerod.
"""

from __future__ import annotations

import io
import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.metrics.connections import nanoseconds
from support import craft
from support.conversation_builder import incoming, outgoing
from testbed.cast import Casting
from testbed.clocks import Clock, draw, rewrite
from testbed.nodes import Program
from testbed.observers import OBSERVERS, Ensemble
from testbed.stock import Signed, Stock, read_stock
from testbed.vantage_page import page
from testbed.vantages import Run, offset_errors, true_drift, true_offset
from testbed.world import World

# ---------------------------------------------------------------- clocks


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("resolution", [None, 6, 9])
def test_times_of_a_wrong_clock(tmp_path: Path, endian: str, resolution: int | None) -> None:
    """5 s ahead at the begin, and 50 ppm fast: 5.1 s ahead 2000 s later. All else is the same."""
    talk = incoming()
    for minute in range(1, 35):
        talk.wait_until(60 * minute).timed_sync(craft.CLIENT)
    true, wrong = tmp_path / "true.pcapng", tmp_path / "wrong.pcapng"
    true.write_bytes(pcapng(talk.packets, endian, resolution))
    begin = talk.packets[0].time / 1e9
    rewrite(true, wrong, Clock(5.0, 50.0, begin))
    before, after = mt.read(true).messages, mt.read(wrong).messages
    ahead = (nanoseconds(after["time"]) - nanoseconds(before["time"])) / 1e9
    since = (nanoseconds(before["time"]) / 1e9) - begin
    assert since.max() > 2000
    assert ahead == pytest.approx(5 + 50e-6 * since, abs=1.1e-6)
    rest = [name for name in before if name not in ("time", "end_time", "file")]
    assert after[rest].equals(before[rest])


def pcapng(packets: list[Any], endian: str, resolution: int | None) -> bytes:
    """The packets in one section, with times in microseconds or as if_tsresol says."""
    order = "little" if endian == "<" else "big"

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, order)  # type: ignore[arg-type]

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = number(12 + len(body), 4)
        return number(kind, 4) + size + body + size

    options = b""
    if resolution is not None:
        options = number(2, 2) + number(4, 2) + b"eth0"
        options += number(9, 2) + number(1, 2) + bytes((resolution, 0, 0, 0)) + bytes(4)
    data = block(0x0A0D0D0A, number(0x1A2B3C4D, 4) + number(1, 2) + bytes(2) + b"\xff" * 8)
    data += block(1, number(1, 2) + bytes(2) + number(0, 4) + options)
    for packet in packets:
        time = packet.time // 10 ** (9 - (resolution or 6))
        sizes = number(len(packet.data), 4) + number(len(packet.data), 4)
        times = number(time >> 32, 4) + number(time & 0xFFFFFFFF, 4)
        data += block(6, number(0, 4) + times + sizes + packet.data)
    return data


@pytest.mark.parametrize("content", [b"\xd4\xc3\xb2\xa1" + bytes(20), bytes(12)])
def test_not_a_pcapng_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match="not a pcapng file"):
        rewrite(tmp_path / "a", tmp_path / "b", Clock(0, 0, 0))


def test_a_file_that_ends_within_a_block(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(pcapng(incoming().packets, "<", 9)[:-6])
    with pytest.raises(ValueError, match="is not whole"):
        rewrite(tmp_path / "a", tmp_path / "b", Clock(0, 0, 0))


def test_drawn_clocks() -> None:
    clocks = draw(random.Random(3), list(OBSERVERS), 1e9)
    assert list(clocks) == list(OBSERVERS)
    assert all(abs(clock.offset) <= 10 and abs(clock.drift) == 50 for clock in clocks.values())
    assert {clock.drift for clock in clocks.values()} == {50, -50}
    assert len({clock.offset for clock in clocks.values()}) == len(clocks)
    assert clocks == draw(random.Random(3), list(OBSERVERS), 1e9)


# ---------------------------------------------------------------- nodes


class Nowhere:
    """A network that only knows its hosts."""

    def __init__(self) -> None:
        self.hosts: dict[str, list[str]] = {}

    def host(self, name: str, addresses: list[str], *_: Any) -> None:
        self.hosts[name] = addresses


@pytest.fixture
def ensemble() -> Ensemble:
    world = World(random.Random(1), io.StringIO())
    ensemble = Ensemble(Nowhere(), world, [Program()])  # type: ignore[arg-type]
    ensemble.fill(16, Casting(world, []).address)
    return ensemble


def known(node: Any, option: str) -> set[str]:
    words = node.arguments
    return {after.partition(":")[0] for word, after in pairwise(words) if word == option}


def test_only_two_of_the_vantage_nodes_are_connected(ensemble: Ensemble) -> None:
    own = set(OBSERVERS.values())
    nodes = {node.name: node for node in ensemble.nodes}
    exclusive = {name: known(nodes[name], "--add-exclusive-node") for name in OBSERVERS}
    assert {name: hosts & own for name, hosts in exclusive.items()} == {
        "v": {OBSERVERS["w"]},
        "w": set(),
        "x": set(),
        "y": set(),
    }
    assert all(hosts - own for hosts in exclusive.values())


def test_each_vantage_node_is_met_by_a_part_of_the_others(ensemble: Ensemble) -> None:
    others = ensemble.nodes[len(OBSERVERS) :]
    met = [
        known(node, "--add-exclusive-node") | known(node, "--add-priority-node") for node in others
    ]
    for address in OBSERVERS.values():
        assert 0 < sum(address in hosts for hosts in met) < len(others)
    assert all(node.address not in hosts for node, hosts in zip(others, met, strict=True))
    assert len({node.address for node in ensemble.nodes}) == len(ensemble.nodes)


def test_white_lists(ensemble: Ensemble) -> None:
    for node in ensemble.nodes:
        size = ensemble.sizes.get(node.name, 0)
        hosts = {entry.host for entry in ensemble.white_list(node)}
        assert len(hosts) == size
        assert (size == 0) == (node.name in OBSERVERS)


# ---------------------------------------------------------------- transactions


def test_stock(tmp_path: Path) -> None:
    kept = {"address": "4a", "transactions": [{"id": "00", "blob": "0102"}]}
    (tmp_path / "transactions.json").write_text(json.dumps(kept))
    assert read_stock(tmp_path) == Stock("4a", [Signed("00", "0102")])


# ---------------------------------------------------------------- evaluation


def test_true_offsets() -> None:
    """One clock is 2 s fast at the begin and gains 50 ppm, the other is 1 s slow and loses them."""
    fast, slow = Clock(2.0, 50.0, 1000.0), Clock(-1.0, -50.0, 1000.0)
    assert true_offset(fast, slow, 999.0) == pytest.approx(3)
    # at the true time 11000 both are 0.5 s further off
    assert true_offset(fast, slow, 10998.5) == pytest.approx(4)
    assert true_offset(slow, fast, 11002.5) == pytest.approx(-4)
    assert true_drift(fast, slow) == pytest.approx(100.005)
    assert true_drift(slow, fast) == pytest.approx(-99.995)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Two vantage nodes, and two others that are connected at one time."""
    folder = tmp_path / "vantages-1"
    folder.mkdir()
    nodes = {"v": "192.0.2.1", "w": "192.0.2.2", "m0": "20.1.0.1", "m1": "20.2.0.1"}
    manifest = {
        "vantage": {name: [nodes[name]] for name in "vw"},
        "clocks": {name: {"offset": 0.0, "drift": 0.0, "at": 0.0} for name in "vw"},
        "nodes": {name: {"ip": [address]} for name, address in nodes.items()},
        "events": [
            {"t": 1.0, "kind": "tx", "hash": "aa", "node": "m0", "status": "OK"},
            {"t": 2.0, "kind": "tx", "hash": "bb", "node": "m1", "status": "BUSY"},
            {"t": 3.0, "kind": "mine", "node": "m1"},
        ],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    reports = [
        {"t": 1, "node": "v", "incoming": ["20.1.0.1"], "outgoing": []},
        {"t": 1, "node": "m0", "incoming": ["20.2.0.1"], "outgoing": ["192.0.2.1"]},
        {"t": 1, "node": "m1", "incoming": [], "outgoing": ["20.1.0.1"]},
        {"t": 9, "node": "m1", "incoming": [], "outgoing": []},
    ]
    (folder / "connections.jsonl").write_text("".join(json.dumps(one) + "\n" for one in reports))
    return Run(folder)


def test_what_is_known_of_a_run(run: Run) -> None:
    assert run.origins == {"aa": ["20.1.0.1"]}
    assert run.connected() == {"20.1.0.1": {"20.2.0.1"}, "20.2.0.1": {"20.1.0.1"}}
    assert run.connected(outgoing=True) == {"20.1.0.1": set(), "20.2.0.1": {"20.1.0.1"}}
    assert run.clocks == {name: Clock(0.0, 0.0, 0.0) for name in "vw"}


def test_captures_by_the_wrong_and_the_true_clock(run: Run) -> None:
    """v connects to w, by clocks that are 4 s fast and 3 s slow. The offset is recovered."""
    talk = outgoing("192.0.2.2", host="192.0.2.1").handshake()
    for minute in range(1, 16):
        talk.wait_until(60 * minute).timed_sync(craft.CLIENT)
    clocks = {"v": Clock(4.0, 50.0, 1.7e9), "w": Clock(-3.0, -50.0, 1.7e9)}
    for name, clock in clocks.items():
        true = run.folder / "true" / name
        for folder in (true, run.folder / name):
            folder.mkdir(parents=True)
        (true / "vantage_1.pcapng").write_bytes(pcapng(talk.packets, "<", 9))
        wrong = run.folder / name / "vantage_1.pcapng"
        rewrite(true / "vantage_1.pcapng", wrong, clock)
    run.manifest["clocks"] = {name: vars(clock) for name, clock in clocks.items()}
    errors = offset_errors(run)
    assert errors["source"].tolist() == ["connections", "all"]
    assert errors["true_offset"].tolist() == pytest.approx([7, 7], abs=0.1)
    assert errors["error_ms"].abs().max() < 2
    assert errors["drift_error"].abs().max() < 1


def test_page() -> None:
    """Each number is in its place."""
    errors = pd.DataFrame(
        {
            "run": ["r"] * 2,
            "vantage": ["v"] * 2,
            "reference": ["w"] * 2,
            "source": ["ticks", "all"],
            "shared": [40, 50],
            "true_offset": [7.5, 7.5],
            "error_ms": [-60.0, 2.5],
            "width_ms": [9.0, 1.0],
            "within": [False, True],
            "true_drift": [100.0, 100.0],
            "drift_error": [3.25, 0.5],
        }
    )
    agreement = pd.DataFrame([["r", 10, 99, 98, 9, 8, 8]])
    accuracy = pd.DataFrame(
        {
            "vantages": [2],
            "phase": ["stem"],
            "transactions": [10],
            "correct": [4],
            "recall": [0.4],
            "baseline": [0.25],
            "precision": [0.5],
        }
    )
    inferred = pd.DataFrame(
        {
            "inference": ["frequency"] * 2,
            "connections": ["all"] * 2,
            "method": ["inferred", "random"],
            "pairs": [8, 8],
            "correct": [2.0, 1.5],
            "neighbours": [20, 20],
        }
    )
    text = page(errors, agreement, accuracy, inferred)
    assert "| ticks | 1 | 40–40 | 60.00 ms | 60.00 ms | 0 of 1 | 0 of 1 | 3.25 ppm |" in text
    assert "| r | v, w | all | 50 | 7.500 s | 2.500 ms | 1.00 ms | 100 ppm | 0.500 ppm |" in text
    assert "| r | 10 | 99 | 98 | 9 | 8 | 8 |" in text
    assert "| 2 | stem | 4 of 10 | 12.2–73.8 % | 40.0 % | 25.0 % | 50.0 % |" in text
    assert "| frequency | all | random | 1.5 of 8 | 18.8 % | 1.5 of 20 | 7.5 % |" in text
