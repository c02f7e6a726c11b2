"""Connections are the streams of tshark (`tcp.stream`), with as many packets each."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import pytest

import monerotraffic as mt
from support import tshark

DATA = Path(__file__).resolve().parents[1] / "data"
CUT = "cut_in_record"  # tshark fails after it printed the packets before the cut
CAPTURES = sorted(
    [
        *(
            path
            for path in (DATA / "derived").iterdir()
            if ".pcap" in path.name and not path.name.startswith(CUT)
        ),
        *(DATA / "trust").glob("f*.pcap.gz"),
    ]
)

pytestmark = pytest.mark.skipif(tshark.PROGRAM is None, reason="tshark is not installed")


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name.partition(".")[0])
def test_connections_are_the_streams_of_tshark(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        connections = mt.read(path).connections
    streams = Counter(
        row["tcp.stream"][-1] for row in tshark.printed(path, ["tcp.stream"], "tcp.stream")
    )
    packets = connections["client_packets"] + connections["server_packets"]
    assert sorted(packets.tolist()) == sorted(streams.values())
