"""Captures with labelled peers and of monerods alone, what rules find in them, and both made
worse.
"""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.rules import evaluate, find_anomalies
from support import truth
from support.comparison import read
from support.conversation_builder import HOST

HONEST_SCENARIOS = ("honest", "lossy", "ipv6")
PACKET = 6
"""Type of an Enhanced Packet Block."""


def labelled() -> list[truth.Scenario]:
    """Scenarios with labels that are there: the full ones, and the excerpts that have them."""
    return [
        scenario for scenario in truth.scenarios() if (scenario.folder / "labels.json").exists()
    ]


def parameters(scenarios: Sequence[truth.Scenario]) -> list[Any]:
    """Of a test that takes a scenario."""
    return [pytest.param(scenario, id=scenario.id) for scenario in scenarios]


def spied() -> list[Any]:
    """Scenarios with labelled peers."""
    return parameters(labelled())


def honest() -> list[Any]:
    """Files of captures in which there are monerods only."""
    cases = [
        pytest.param(scenario.parts, id=scenario.id)
        for scenario in truth.scenarios()
        if scenario.name in HONEST_SCENARIOS
    ]
    return cases + [
        pytest.param([path], id=f"{path.parent.parent.name}-{path.name}")
        for path, _ in truth.derived()
    ]


def findings_of_rules(traffic: mt.Traffic, names: Sequence[str]) -> pd.DataFrame:
    return find_anomalies(traffic, rules=names)


def evaluated(scenario: truth.Scenario, names: Sequence[str]) -> pd.DataFrame:
    """evaluate() of rules on a labelled scenario, by rule."""
    return evaluate(
        findings_of_rules(read(*scenario.parts), names), truth.labels(scenario)
    ).set_index("rule")


def check_labels(
    scenario: truth.Scenario, names: Sequence[str], asked: int, unseen: Mapping[str, set[str]]
) -> None:
    """Labels of `spies` ask for `asked` of the rules: found are all but those of `unseen` in the
    excerpt, and nobody honest.
    """
    evaluation = evaluated(scenario, names)
    rows = evaluation[(evaluation["expected"] > 0) & evaluation.index.isin(names)]
    assert len(rows) == (0 if scenario.name == "proxies" else asked)
    for name, row in rows.iterrows():
        assert set(row["missed"]) == (set() if scenario.full else unseen.get(str(name), set())), (
            name
        )
    check_no_honest_peer(evaluation, names)


def check_no_honest_peer(evaluation: pd.DataFrame, names: Sequence[str]) -> None:
    """`made` is what evaluated() gives."""
    assert [
        name for name in names if name in evaluation.index and evaluation.loc[name, "honest"]
    ] == []


def check_monerods(traffic: mt.Traffic, names: Sequence[str]) -> None:
    """Rules find nothing in a capture of monerods."""
    assert len(traffic.connections) > 0
    assert findings_of_rules(traffic, names).empty


def blocks(path: Path) -> Iterator[tuple[bool, bytes]]:
    """Blocks of a little-endian pcapng file, and whether each is a packet."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        yield kind == PACKET, data[at : at + size]
        at += size


def thinned(
    scenario: truth.Scenario, lost: float, folder: Path, *, begun: float = 0, **more: Any
) -> mt.Traffic:
    """The scenario without a share of its packets, left out by chance, and without those of the
    first `begun` of the first file.
    """
    chance, packets = random.Random(f"{scenario.id} {lost} {begun}"), []
    for number, part in enumerate(scenario.parts):
        all_blocks, kept = list(blocks(part)), []
        late = begun * len(all_blocks) if number == 0 else 0
        for place, (packet, block) in enumerate(all_blocks):
            if not packet or (place >= late and chance.random() >= lost):
                kept.append(block)
        packets.append(folder / part.name.removesuffix(".gz"))
        packets[-1].write_bytes(b"".join(kept))
    return mt.read(packets, host=HOST, **more)
