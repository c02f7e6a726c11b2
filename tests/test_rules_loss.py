"""What a capture lacks accuses nobody: structure, fragmentation and relay on captures made worse."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
import truth
from conversations import HOST, labelled

import monerotraffic as mt
from monerotraffic.rules import HONEST, RULES, find_anomalies

NAMES = [name for name, rule in RULES.items() if rule.family in ("structure", "fragmentation", "relay")]
CAPTURES = [*labelled(), *(scenario for scenario in truth.scenarios() if scenario.name in ("honest", "lossy") and not scenario.full)]
PACKET = 6  # type of an Enhanced Packet Block


def blocks(path: Path) -> Iterator[tuple[bool, bytes]]:
    """Blocks of a little-endian pcapng file, and whether each is a packet."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        yield kind == PACKET, data[at : at + size]
        at += size


def worse(scenario: truth.Scenario, folder: Path, lost: float, begun: float) -> mt.Traffic:
    """A share of the packets left out by chance, and the first `begun` of the first file."""
    chance, made = random.Random(f"{scenario.id} {lost} {begun}"), []
    for number, part in enumerate(scenario.parts):
        all_blocks, kept = list(blocks(part)), []
        late = begun * len(all_blocks) if number == 0 else 0
        for place, (packet, block) in enumerate(all_blocks):
            if not packet or (place >= late and chance.random() >= lost):
                kept.append(block)
        made.append(folder / part.name.removesuffix(".gz"))
        made[-1].write_bytes(b"".join(kept))
    return mt.read(made, host=HOST, tables=mt.TABLES)


@pytest.mark.parametrize(("lost", "begun"), [(0.01, 0), (0.05, 0), (0.2, 0), (0, 0.3), (0, 0.8), (0.02, 0.5)])
@pytest.mark.parametrize("scenario", CAPTURES, ids=lambda scenario: scenario.id)
def test_no_honest_peer_is_flagged(scenario: truth.Scenario, lost: float, begun: float, tmp_path: Path) -> None:
    traffic = worse(scenario, tmp_path, lost, begun)
    assert len(traffic.messages) > 50
    if lost:
        assert (traffic.problems["kind"] == "lost").any()
    if begun:
        assert (traffic.connections["start"] == "midstream").any()
    labels = truth.labels(scenario) if scenario in labelled() else {}
    honest = {peer for peer in traffic.connections["peer"].dropna() if set(labels.get(peer, ())) <= HONEST}
    assert honest
    assert not honest & set(find_anomalies(traffic, rules=NAMES)["peer"])
