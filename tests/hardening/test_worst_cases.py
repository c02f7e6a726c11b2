"""Captures made to cost as much as they can (benchmarks/worst.py). No time is asserted: a decoder
that is not linear in one of them would not come to an end.

How long they take is measured by `python -m benchmarks worst`; docs/benchmarks.md has the figures.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import monerotraffic as mt
from benchmarks import metrics
from benchmarks.worst import CASES
from monerotraffic.rules import RULES
from support.comparison import check_accounting
from support.paths import DATA

MILLION = 1_000_000
FEW = 30_000  # of those whose packets are full
PACKETS = dict.fromkeys(CASES, FEW) | dict.fromkeys(
    [
        "reversed_segments",
        "overlapping_segments",
        "connections",
        "colliding_connections",
        "times_that_jump",
    ],
    MILLION,
)


def read(path: Path) -> mt.Traffic:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mt.CaptureWarning)
        return mt.read(path)


@pytest.fixture(params=CASES)
def worst(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, mt.Traffic]:
    name = request.param
    path = tmp_path / "worst.pcap"
    path.write_bytes(CASES[name](PACKETS[name]))
    traffic = read(path)
    path.unlink()
    return name, traffic


# What each of them comes to, by hand: connections, messages and their statuses, limits that are
# reached.
ONE_STREAM = {"connections": 1}
EXPECTED: dict[str, dict[str, int]] = {
    # the first bytes, which come last, are late
    "reversed_segments": {**ONE_STREAM, "messages": 0, "hole_segments": 1},
    "shuffled_segments": {**ONE_STREAM, "messages": 0},
    "overlapping_segments": {**ONE_STREAM, "messages": 0},
    "snapped_segments": {**ONE_STREAM, "messages": 0},
    "conflicting_segments": {**ONE_STREAM, "messages": 0},
    "connections": {"connections": MILLION, "messages": 0, "limit connections": 750_000},
    "colliding_connections": {"connections": MILLION, "messages": 0, "limit connections": 750_000},
    "times_that_jump": {
        "connections": MILLION // 2 + 1,
        "messages": 0,
        "limit connections": 250_001,
    },
    "ip_fragments": {"connections": 0, "messages": 0},
    # in step a signature is a header, whatever follows it
    "signatures": {**ONE_STREAM, "messages": 1, "oversize": 1, "limit message_bytes": 1},
    "signatures_in_bulk": {**ONE_STREAM, "messages": 1, "oversize": 1, "limit message_bytes": 1},
    "one_byte_message": {**ONE_STREAM, "messages": 1, "complete": 1},
    "requests": {**ONE_STREAM, "limit requests": FEW // 2 * 15 - 1024},
    "early_responses": {**ONE_STREAM, "messages": FEW // 2, "complete": FEW // 2},
    "levin_fragments": {**ONE_STREAM, "messages": 1, "truncated": 1},
    "unordered_keys": {**ONE_STREAM},
    "distinct_hashes": {**ONE_STREAM},
}


def test_worst_case(worst: tuple[str, mt.Traffic]) -> None:
    name, traffic = worst
    statuses = traffic.messages.status.value_counts()
    for what, count in EXPECTED[name].items():
        if what in ("connections", "messages"):
            assert len(getattr(traffic, what)) == count, what
        elif what in statuses.index:
            assert statuses[what] == count, what
        else:
            assert traffic.limits_reached[what.removeprefix("limit ")] == count, what
    assert not traffic.files.truncated.any()
    assert traffic.files.packets.sum() >= PACKETS[name] * 0.9
    if "problems" not in traffic.limits_reached:
        check_accounting(traffic)


def test_rules_and_metrics_are_all_taken(tmp_path: Path) -> None:
    """What is measured of them: each of them, once."""
    rows = metrics.measure(DATA / "spies" / "vantage_00001.pcapng.gz", 2, lambda text: None)
    names = [row["name"] for row in rows]
    assert names[0] == "read"
    assert [name for name in names if name.startswith("rule")] == [f"rule {name}" for name in RULES]
    assert len(set(names)) == len(names) > 90
    assert f"| all rules ({len(RULES)}) |" in metrics.table(rows)


def test_a_message_in_a_million_pieces(tmp_path: Path) -> None:
    path = tmp_path / "worst.pcap"
    path.write_bytes(CASES["one_byte_message"](MILLION))
    message = read(path).messages.iloc[0]
    assert (message.status, message.segments, message.captured) == (
        "complete",
        message.length + 33,
        message.length,
    )
    assert message.length > MILLION * 0.99
