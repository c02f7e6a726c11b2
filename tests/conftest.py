"""Fixtures of all tests; and `benchmarks` and `testbed` can be imported from every test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support import craft
from support.captures import HOST, conversation, put
from support.paths import ROOT

# at the end: a package that PYTHONPATH names goes before the one in this folder
sys.path.append(str(ROOT))


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Three peers that come, one to which the vantage node goes."""
    talks = [
        conversation(f"192.0.2.{i}", 40000 + i, start=craft.START + i * 10**9) for i in (1, 2, 3)
    ]
    talks.append(conversation(HOST, 50000, "192.0.2.9", start=craft.START + 4 * 10**9))
    return put(tmp_path / "capture.pcap", (packet for talk in talks for packet in talk.packets))
