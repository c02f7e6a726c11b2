"""The JSON documents of packets and of peer lists."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

import monerotraffic as mt
from monerotraffic import compat
from support import craft
from support.pipeline import (
    SCENARIOS,
    TOR,
    all_kinds,
    capture,
    lab,
    read,
    two_in_one,
)


def test_the_document_of_packets(tmp_path: Path) -> None:
    document = json.loads(json.dumps(compat.packets_json(read(tmp_path, two_in_one()))))
    assert document["header"] == {
        "description": "Monero packets",
        "input_file": str(tmp_path / "x.pcap"),
    }
    packets = document["packets"]
    assert packets[1] == {
        "frame_number": "6",
        "source_ip": "198.51.100.10",
        "source_port": "40000",
        "dst_ip": "192.0.2.1",
        "dst_port": "18080",
        "timestamp": "2023-11-14 22:13:20.005000",
        "command": "1007",
        "monero_flags": "1",
        "tcp_segments": "",
        "tcp_length": "248",
        "local_peerlist_new": None,
        "node_data": None,
        "payload_data": None,
    }
    assert packets[3]["node_data"] == {
        "my_port": 18081,
        "network_id": craft.MAINNET.hex(),
        "peer_id": (1 << 64) - 1,
        "support_flags": 1,
    }
    assert packets[6]["local_peerlist_new"] == [
        {"ip": "203.0.113.1", "port": 18080, "type": 1, "id": str((1 << 63) + 1)},
        {"ip": "203.0.113.2", "port": 28080, "type": 1, "id": "2"},
    ]
    assert packets[6]["payload_data"] == {
        "cumulative_difficulty": 1 << 60,
        "cumulative_difficulty_top64": 0,
        "current_height": 11,
        "top_id": "ab" * 32,
        "top_version": 16,
    }


def test_the_document_of_peer_lists(tmp_path: Path) -> None:
    traffic = mt.read(capture(tmp_path, all_kinds()))
    document = json.loads(json.dumps(compat.peer_lists_json(traffic)))
    assert document["header"]["description"] == "Monero peer lists"
    (entry,) = document["peer_lists"]
    listed = entry.pop("peers")
    assert entry == {
        "source_ip": "2001:db8:20::11",
        "timestamp": "2023-11-14 22:13:20",
        "cumulative_difficulty": str(1 << 60),
        "cumulative_difficulty_top64": "0",
        "current_height": "3000000",
        "top_version": 16,
    }
    assert listed[0] == {
        "ip": "203.0.113.1",
        "port": 18080,
        "type": 1,
        "id": str((1 << 53) + 1),
        "last_seen": "1700000001",
    }
    assert listed[2] == {
        "ip": "::ffff:203.0.113.3",
        "port": 18082,
        "type": 2,
        "id": "3",
        "last_seen": "1700000003",
        "pruning_seed": 384,
    }
    assert listed[3] == {
        "ip": TOR,
        "port": 18083,
        "type": 4,
        "id": "4",
        "rpc_credits_per_hash": "5",
    }
    assert listed[5] == {"port": 0, "type": 0, "id": "6"}


def test_documents_say_what_the_rows_say() -> None:
    traffic = lab(SCENARIOS[0])
    packets, peers = compat.packets(traffic), compat.peers(traffic)
    document = compat.packets_json(traffic)["packets"]
    assert len(document) == len(packets)
    assert [packet["command"] for packet in document] == packets["command"].tolist()
    assert [packet["timestamp"] for packet in document] == packets["timestamp"].dt.round(
        "us"
    ).dt.strftime("%Y-%m-%d %H:%M:%S.%f").tolist()
    assert [(packet["node_data"] or {}).get("peer_id", pd.NA) for packet in document] == packets[
        "peer_id"
    ].tolist()
    assert [
        peer["ip"] for packet in document for peer in packet["local_peerlist_new"] or []
    ] == peers["ip"].tolist()
    of_lists = compat.peer_lists_json(traffic)["peer_lists"]
    assert [int(peer["id"]) for entry in of_lists for peer in entry["peers"]] == peers[
        "id"
    ].tolist()
    assert len(of_lists) == peers["pl_identifier"].nunique()


def test_documents_of_nothing(tmp_path: Path) -> None:
    traffic = read(tmp_path, craft.Connection().open())
    assert compat.packets_json(traffic)["packets"] == []
    assert compat.peer_lists_json(traffic)["peer_lists"] == []
    assert compat.signature_only(traffic).empty
