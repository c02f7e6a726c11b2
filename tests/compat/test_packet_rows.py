"""Rows of packets that hold several messages, parts of messages or Levin fragments."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import monerotraffic as mt
from monerotraffic import compat
from support import craft
from support.pipeline import (
    HEAD,
    read,
    two_in_one,
)


def test_every_message_of_a_packet_is_a_row_with_its_own_values(tmp_path: Path) -> None:
    traffic = read(tmp_path, two_in_one())
    table = compat.packets(traffic)
    assert tuple(table.columns) == compat.PACKET_COLUMNS
    assert table["command"].tolist() == ["1001", "1007", "1002", "1001", "1007", "1007", "1002"]
    assert table["monero_flags"].tolist() == ["1", "1", "1", "2", "2", "2", "2"]
    assert table["frame_number"].tolist() == ["4", "6", "6", "8", "8", "10", "10"]
    assert table["peer_id"].tolist() == [7, pd.NA, pd.NA, (1 << 64) - 1, pd.NA, pd.NA, pd.NA]
    assert table["my_port"].tolist() == [18080, pd.NA, pd.NA, 18081, pd.NA, pd.NA, pd.NA]
    assert table["support_flags"].tolist() == [1, pd.NA, pd.NA, 1, 5, 3, pd.NA]
    assert table["current_height"].tolist() == [3000000, pd.NA, 3000000, 3000000, pd.NA, pd.NA, 11]
    assert table["peerlist_length"].tolist()[-1] == 2
    assert table["peerlist_length"].isna().sum() == 6
    peers = compat.peers(traffic)
    assert peers[["ip", "port", "id", "source_ip"]].to_dict("list") == {
        "ip": ["203.0.113.1", "203.0.113.2"],
        "port": [18080, 28080],
        "id": [(1 << 63) + 1, 2],
        "source_ip": ["192.0.2.1"] * 2,
    }


def test_a_packet_is_one_row_of_tsv(tmp_path: Path) -> None:
    text = compat.tsv(read(tmp_path, two_in_one()), HEAD)
    assert text["frame.number"].tolist() == ["4", "6", "8", "10"]
    assert text["monero.command"].tolist() == ["1001", "1007,1002", "1001,1007", "1007,1002"]
    assert text["monero.flags"].tolist() == ["1", "1,1", "2,2", "2,2"]
    lengths = [len(packet.data) - 54 for packet in two_in_one().packets]
    assert text["tcp.len"].tolist() == [
        str(lengths[int(frame) - 1]) for frame in text["frame.number"]
    ]
    assert text["tcp.segment.count"].tolist() == [""] * 4
    assert text["frame.time_epoch"][0] == "1700000000.003000000"


def test_tcp_len_of_packets_that_messages_share(tmp_path: Path) -> None:
    """The end of one message, a whole one, and the head of a third in one segment."""
    first, second, third = (
        craft.request(1002, craft.timed_sync_request()),
        craft.request(1003),
        craft.request(1007),
    )
    data = first + second + third
    talk = craft.Connection().open()
    talk.send(craft.CLIENT, data, cuts=[100, len(first) + len(second) + 20])
    talk.close()
    text = compat.tsv(
        read(tmp_path, talk), ["monero.command", "tcp.segment.count", "tcp.len", "frame.number"]
    )
    assert text["monero.command"].tolist() == ["1002,1003", "1007"]
    assert text["tcp.segment.count"].tolist() == ["2", "2"]
    assert text["tcp.len"].tolist() == [str(len(data) - 100 - 23), "23"]
    packets = compat.packets(read(tmp_path, talk))
    assert packets["tcp_segments"].tolist() == ["2", "", "2"]
    assert packets["tcp_length"].tolist() == [str(len(data) - 123), str(len(data) - 123), "23"]


def test_messages_that_are_not_whole_are_no_rows_and_refused_ones_are(tmp_path: Path) -> None:
    talk = craft.Connection().open()
    talk.send(craft.CLIENT, craft.request(1001, craft.handshake_request()))
    talk.send(craft.CLIENT, craft.request(1002, b"\0" * 10))
    talk.send(craft.CLIENT, craft.bucket(1002, craft.timed_sync_request(), length=5000))
    talk.close()
    traffic = read(tmp_path, talk)
    assert traffic.messages["status"].tolist() == ["complete", "malformed", "truncated"]
    table = compat.packets(traffic)
    assert table["command"].tolist() == ["1001", "1002"]
    assert table["current_height"].isna().tolist() == [False, True]


def test_levin_fragments_are_the_message_in_them(tmp_path: Path) -> None:
    talk = craft.Connection().open()
    talk.send(craft.CLIENT, craft.request(1001, craft.handshake_request()))
    for piece in craft.fragments(
        craft.notification(2002, craft.transactions([b"\1" * 4000])), 1024
    ):
        talk.send(craft.CLIENT, piece)
    talk.close()
    table = compat.packets(read(tmp_path, talk))
    assert table[["command", "monero_flags", "tcp_segments"]].to_dict("list") == {
        "command": ["1001", "2002"],
        "monero_flags": ["1", "1"],
        "tcp_segments": ["", "5"],
    }


def test_messages_across_files_are_rows_of_the_file_that_completes_them(tmp_path: Path) -> None:
    talk = craft.Connection().open()
    talk.send(
        craft.CLIENT, craft.request(1001, craft.handshake_request()), cuts=[100], acknowledge=False
    )
    for number, packets in enumerate((talk.packets[:4], talk.packets[4:])):
        (tmp_path / f"{number}.pcap").write_bytes(craft.pcap(packets))
    table = compat.packets(mt.read([tmp_path / "0.pcap", tmp_path / "1.pcap"]))
    assert table[["frame_number", "command", "tcp_segments"]].values.tolist() == [
        ["1", "1001", "2"]
    ]
