"""Rows of peers: addresses, ids, last_seen and times."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import compat
from support import craft
from support.pipeline import (
    HEAD,
    I2P,
    TOR,
    all_kinds,
    capture,
    read,
    two_in_one,
)


def test_peers_of_every_kind_are_kept_and_exact(tmp_path: Path) -> None:
    traffic = mt.read(capture(tmp_path, all_kinds()), host="2001:db8:10::10")
    table = compat.peers(traffic)
    assert tuple(table.columns) == compat.PEER_COLUMNS
    assert table["ip"].tolist()[:5] == [
        "203.0.113.1",
        "2001:db8::1",
        "::ffff:203.0.113.3",
        TOR,
        I2P,
    ]
    assert table["ip"].isna().tolist() == [False] * 5 + [True]
    assert table["port"].tolist() == [18080, 18081, 18082, 18083, 1, 0]
    assert table["type"].tolist() == [1, 2, 2, 4, 3, 0]
    assert table["id"].tolist() == [(1 << 53) + 1, (1 << 64) - 1, 3, 4, 5, 6]
    assert table["last_seen"].tolist() == [
        1_700_000_001,
        1_700_000_002,
        1_700_000_003,
        pd.NA,
        pd.NA,
        pd.NA,
    ]
    assert table["rpc_port"].tolist() == [pd.NA, 18089, pd.NA, pd.NA, pd.NA, pd.NA]
    assert table["pruning_seed"].tolist() == [pd.NA, pd.NA, 384, pd.NA, pd.NA, pd.NA]
    assert table["rpc_credits_per_hash"].tolist() == [pd.NA, pd.NA, pd.NA, 5, pd.NA, pd.NA]
    assert table["source_ip"].unique().tolist() == ["2001:db8:20::11"]
    packets = compat.packets(traffic)
    assert packets[["source_ip", "dst_ip", "source_port"]].values.tolist() == [
        ["2001:db8:10::10", "2001:db8:20::11", "40000"],
        ["2001:db8:20::11", "2001:db8:10::10", "18080"],
    ]
    assert packets["peerlist_length"].tolist()[1] == 6


def test_dtypes(tmp_path: Path) -> None:
    own = pd.Series(["x"]).dtype
    for traffic in (read(tmp_path, two_in_one()), read(tmp_path, craft.Connection().open())):
        packets, peers = compat.packets(traffic), compat.peers(traffic)
        for name in (
            "frame_number",
            "source_ip",
            "source_port",
            "dst_ip",
            "dst_port",
            "command",
            "monero_flags",
            "tcp_segments",
            "tcp_length",
            "network_id",
            "top_id",
        ):
            assert packets[name].dtype == own, name
        for name in ("ip", "source_ip", "timestamp", "pl_identifier"):
            assert peers[name].dtype == own, name
        assert str(packets["timestamp"].dtype) == "datetime64[ns]"
        widths = {
            "peerlist_length": "float64",
            "local_time": "UInt64",
            "peer_id": "UInt64",
            "my_port": "UInt32",
            "support_flags": "UInt32",
            "rpc_credits_per_hash": "UInt32",
            "rpc_port": "UInt16",
        }
        widths |= {
            "cumulative_difficulty": "UInt64",
            "cumulative_difficulty_top64": "UInt64",
            "current_height": "UInt64",
            "pruning_seed": "UInt32",
            "top_version": "UInt8",
        }
        assert {name: str(packets[name].dtype) for name in widths} == widths
        widths = {
            "port": "int64",
            "type": "int64",
            "id": "uint64",
            "last_seen": "Int64",
            "pruning_seed": "UInt32",
            "rpc_port": "UInt16",
            "rpc_credits_per_hash": "UInt32",
        }
        assert {name: str(peers[name].dtype) for name in widths} == widths
        assert (compat.tsv(traffic, HEAD).dtypes == own).all()


def test_pongs_have_their_peer_id(tmp_path: Path) -> None:
    talk = craft.Connection(client=("198.51.100.10", 40000), server=("192.0.2.1", 18080)).open()
    talk.send(craft.CLIENT, craft.request(1003))
    talk.send(craft.SERVER, craft.response(1003, craft.ping_response(0xFEDCBA9876543210)))
    talk.close()
    assert compat.packets(read(tmp_path, talk))["peer_id"].tolist() == [pd.NA, 0xFEDCBA9876543210]


def test_times_are_utc_and_rounded_as_the_pipeline_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    talk = craft.Connection(clock=1_700_000_000_123_456_789 - 3_000_000).open()
    talk.send(
        craft.CLIENT,
        craft.response(1002, craft.timed_sync_response([craft.peer("203.0.113.1", 18080, 1)])),
    )
    traffic = read(tmp_path, talk)
    assert compat.packets(traffic)["timestamp"].tolist() == [
        pd.Timestamp("2023-11-14 22:13:20.123456789")
    ]
    peers = compat.peers(traffic)
    assert peers["timestamp"].tolist() == ["2023-11-14 22:13:20.123457"]
    assert peers["pl_identifier"].tolist() == ["2023-11-14 22:13:20.123457_192.0.2.1"]
    assert compat.peer_lists_json(traffic)["peer_lists"][0]["timestamp"] == "2023-11-14 22:13:20"
    assert compat.tsv(traffic, ["frame.time_epoch"]).values.tolist() == [["1700000000.123456789"]]


def test_packets_without_a_time(tmp_path: Path) -> None:
    """As of Simple Packet Blocks: rows in order of the packets, times missing."""
    talk = two_in_one()
    path = tmp_path / "x.pcapng"
    path.write_bytes(
        craft.section_header()
        + craft.interface()
        + b"".join(craft.simple(packet) for packet in talk.packets)
    )
    traffic = mt.read(path, host="198.51.100.10")
    packets, peers = compat.packets(traffic), compat.peers(traffic)
    assert packets["frame_number"].tolist() == ["4", "6", "6", "8", "8", "10", "10"]
    assert packets["timestamp"].isna().all()
    assert peers["timestamp"].isna().all()
    assert peers["pl_identifier"].tolist() == ["_192.0.2.1"] * 2
    assert compat.tsv(traffic, ["frame.time_epoch", "frame.number"]).values.tolist() == [
        ["", "4"],
        ["", "6"],
        ["", "8"],
        ["", "10"],
    ]
    assert compat.packets_json(traffic)["packets"][0]["timestamp"] is None


def test_lists_of_one_packet_have_identifiers_of_their_own(tmp_path: Path) -> None:
    sync = craft.response(1002, craft.timed_sync_response([craft.peer("203.0.113.1", 18080, 1)]))
    talk = craft.Connection().open()
    talk.send(craft.CLIENT, sync * 3)
    peers = compat.peers(read(tmp_path, talk))
    stamp = "2023-11-14 22:13:20.003000_192.0.2.1"
    assert peers["pl_identifier"].tolist() == [stamp, f"{stamp}_2", f"{stamp}_3"]


def test_only_what_goes_to_some_address(tmp_path: Path) -> None:
    """As tshark's `ip.dst == ...`."""
    traffic = read(tmp_path, two_in_one())
    received = compat.packets(traffic, to=traffic.hosts)
    assert received["command"].tolist() == ["1001", "1007", "1007", "1002"]
    assert compat.tsv(traffic, ["monero.command"], to="192.0.2.1")["monero.command"].tolist() == [
        "1001",
        "1007,1002",
    ]
    assert compat.peers(traffic, to="192.0.2.1").empty
    assert len(compat.peer_lists_json(traffic, to="198.51.100.10")["peer_lists"]) == 1
    assert len(compat.packets_json(traffic, to="198.51.100.10")["packets"]) == 4
    assert compat.packets(traffic, to="192.0.2.77").empty
    with pytest.raises(ValueError, match="not an IP address"):
        compat.packets(traffic, to="nowhere")
