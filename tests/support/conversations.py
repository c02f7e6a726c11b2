"""Conversations with a vantage node, made with craft, and what rules find in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

import monerotraffic as mt
from monerotraffic.rules import find_anomalies
from monerotraffic.tables.view import View
from support import craft
from support.craft import CLIENT, SERVER, Connection

HOST = "198.51.100.10"
Metric = Callable[[mt.Traffic | View], pd.DataFrame]


def incoming(peer: str = "192.0.2.1", number: int = 0, **more: Any) -> Connection:
    """A connection that a peer opens, begun `number` minutes after craft.START from a port of its
    own.
    """
    return Connection(
        (peer, 40000 + number), (HOST, 18080), clock=craft.START + number * 60 * 10**9, **more
    ).open()


def outgoing(peer: str = "192.0.2.1", number: int = 0, **more: Any) -> Connection:
    """A connection that the vantage node opens."""
    return Connection(
        (HOST, 41000 + number), (peer, 18080), clock=craft.START + number * 60 * 10**9, **more
    ).open()


def shaken(talk: Connection, **more: Any) -> Connection:
    """The same after a handshake like that of two standard nodes."""
    talk.send(CLIENT, craft.request(1001, craft.handshake_request()))
    talk.send(SERVER, craft.response(1001, craft.handshake_response(**more)))
    return talk


def read(folder: Path, *talks: Connection, **more: Any) -> mt.Traffic:
    """The packets of all, in time order, read as one capture."""
    path = folder / "capture.pcap"
    path.write_bytes(
        craft.pcap(
            sorted(
                (packet for talk in talks for packet in talk.packets),
                key=lambda packet: packet.time,
            ),
            nano=True,
        )
    )
    return mt.read(path, host=HOST, **more)


def found(
    rule: str, traffic: mt.Traffic, preset: str = "default", **parameters: Any
) -> dict[str, int]:
    """How many a rule counts, by the peers that it flags."""
    findings = find_anomalies(traffic, preset, rules=[rule], parameters={rule: parameters})
    return dict(
        zip(findings["peer"], (int(count) for count in findings["observations"]), strict=True)
    )


def check_metric(metric: Metric, traffic: mt.Traffic) -> None:
    """A View will do for a Traffic, and where nothing is to be told the columns are the same."""
    none = mt.read(traffic.files["path"].iloc[0], host="203.0.113.77")  # between two others
    pd.testing.assert_frame_equal(metric(traffic), metric(View(traffic)))
    empty = metric(none)
    assert len(empty) == 0
    assert list(empty.columns) == list(metric(traffic).columns)
