"""The numbers at the head of a report, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.report.overview import counts, holdings
from monerotraffic.tables.view import View
from support.craft import START, Connection, pcap

HOST = "198.51.100.10"
SECOND = 1_000_000_000
VERDICTS = pd.DataFrame({"peer": ["192.0.2.2", "192.0.2.9"], "verdict": ["anomalous", "context"]})


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    """Incoming connections of 30 s and, of an anomalous peer, 10 s, within 40 s; an outgoing one of
    20 s.
    """
    packets = []
    for number, (client, server, opened, closed) in enumerate(
        [
            ("192.0.2.1", HOST, 0, 30),
            ("192.0.2.2", HOST, 30, 40),
            (HOST, "192.0.2.3", 10, 30),
        ]
    ):
        talk = Connection(
            (client, 40000 + number), (server, 18080), clock=START + opened * SECOND
        ).open()
        talk.clock = START + closed * SECOND
        talk.close()
        packets += talk.packets
    path = tmp_path_factory.mktemp("overview") / "a.pcap"
    path.write_bytes(pcap(sorted(packets, key=lambda packet: packet.time), nano=True))
    return View(mt.read(path, host=HOST))


def test_shares_and_slots(view: View) -> None:
    both = holdings(view, VERDICTS)
    all_in, anomalous_in = both["incoming"]
    assert (all_in.connections, anomalous_in.connections) == (2, 1)
    assert all_in.share == 1
    assert anomalous_in.share == pytest.approx(10 / 40, abs=0.01)
    assert all_in.slots == pytest.approx(1.0, abs=0.01)
    assert anomalous_in.slots == pytest.approx(0.25, abs=0.01)
    all_out, anomalous_out = both["outgoing"]
    assert all_out.slots == pytest.approx(0.5, abs=0.01)
    assert (anomalous_out.connections, anomalous_out.share, anomalous_out.slots) == (0, 0, 0)


def test_peers_by_verdict(view: View) -> None:
    assert counts(view, VERDICTS) == {"peers": 3, "anomalous": 1, "suspicious": 0, "context": 1}


def test_a_capture_without_connections(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(pcap([]))
    for rows in holdings(View(mt.read(path)), VERDICTS[:0]).values():
        assert [(row.connections, row.share, row.slots) for row in rows] == [(0, None, 0)] * 2
