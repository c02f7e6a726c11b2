"""Captures for the tests of the published pipeline's tables."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import monerotraffic as mt
from monerotraffic import compat
from monerotraffic.compat.payload import item_lists
from support import craft, truth

HEAD = compat.PACKET_FIELDS[:10]


SCENARIOS = truth.scenarios()


_read: dict[str, mt.Traffic] = {}


def lab(scenario: truth.Scenario) -> mt.Traffic:
    if scenario.id not in _read:
        _read[scenario.id] = mt.read(scenario.parts, host=truth.VANTAGE)
    return _read[scenario.id]


def capture(tmp_path: Path, *talks: craft.Connection, name: str = "x.pcap") -> Path:
    """A capture of these connections, one after the other."""
    for before, after in itertools.pairwise(talks):
        assert before.packets[-1].time < after.packets[0].time
    path = tmp_path / name
    path.write_bytes(craft.pcap([packet for talk in talks for packet in talk.packets], nano=True))
    return path


def read(tmp_path: Path, *talks: craft.Connection, **options: Any) -> mt.Traffic:
    return mt.read(capture(tmp_path, *talks), host="198.51.100.10", **options)


def later(talk: craft.Connection, **more: Any) -> craft.Connection:
    """A connection after that one."""
    return craft.Connection(clock=talk.clock + 1_000_000_000, **more)


def two_in_one() -> craft.Connection:
    """A 1007 response and a 1002 response in one segment, then a 1001 response and a 1007 response:
    tshark moves values from one to the other (6.3).
    """
    talk = craft.Connection(client=("198.51.100.10", 40000), server=("192.0.2.1", 18080)).open()
    talk.send(
        craft.CLIENT, craft.request(1001, craft.handshake_request(craft.node_data(peer_id=7)))
    )
    talk.send(craft.CLIENT, craft.request(1007) + craft.request(1002, craft.timed_sync_request()))
    answer = craft.response(
        1001, craft.handshake_response(node=craft.node_data(peer_id=(1 << 64) - 1, my_port=18081))
    )
    talk.send(craft.SERVER, answer + craft.response(1007, craft.support_flags_response(5)))
    listed = [craft.peer("203.0.113.1", 18080, (1 << 63) + 1), craft.peer("203.0.113.2", 28080, 2)]
    talk.send(
        craft.SERVER,
        craft.response(1007, craft.support_flags_response(3))
        + craft.response(
            1002, craft.timed_sync_response(listed, craft.payload_data(current_height=11))
        ),
    )
    talk.close()
    return talk


TOR = "a" * 56 + ".onion"


I2P = "b" * 52 + ".b32.i2p"


def all_kinds() -> craft.Connection:
    """A list with peers of every kind over IPv6, last_seen in three types, ids that no float
    holds.
    """
    listed = [
        craft.peer("203.0.113.1", 18080, (1 << 53) + 1, last_seen=("i64", 1_700_000_001)),
        craft.peer(
            "2001:db8::1",
            18081,
            (1 << 64) - 1,
            last_seen=("u64", 1_700_000_002),
            rpc_port=("u16", 18089),
        ),
        craft.peer(
            "::ffff:203.0.113.3",
            18082,
            3,
            last_seen=("u32", 1_700_000_003),
            pruning_seed=("u32", 384),
        ),
        craft.peer(TOR, 18083, 4, rpc_credits_per_hash=("u32", 5)),
        craft.peer(I2P, 1, 5),
        {"adr": {"addr": {}, "type": ("u8", 0)}, "id": ("u64", 6)},
    ]
    talk = craft.Connection(
        client=("2001:db8:10::10", 40000), server=("2001:db8:20::11", 18080)
    ).open()
    talk.send(craft.CLIENT, craft.request(1001, craft.handshake_request()))
    talk.send(craft.SERVER, craft.response(1001, craft.handshake_response(listed)))
    talk.close()
    return talk


def lists(
    rows: pd.DataFrame, *names: str, packet: Sequence[int] | None = None, count: int = 1
) -> list[list[str]]:
    items = item_lists(
        rows,
        np.array([0] * len(rows) if packet is None else packet, dtype=np.int64),
        count,
        [f"monero.payload.item.{name}" for name in names],
    )
    return [items[f"monero.payload.item.{name}"].tolist() for name in names]
