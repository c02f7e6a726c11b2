"""The pipeline's extractions on our tables: equal to what tshark 4.4.18 printed where it is right,
and right where it is not (hand-made cases).

tshark's output on the labelled captures was made with the two passes of the published pipeline; see
tests/support/truth.py for how its columns lie.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib
import itertools
import json
import re
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import compat
from monerotraffic.compat.payload import item_lists
from support import craft, truth
from support.paths import ROOT

HEAD = compat.PACKET_FIELDS[:10]
ITEMS = compat.PACKET_FIELDS[10:]

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


def items(tmp_path: Path, *talks: craft.Connection) -> mt.Traffic:
    return read(tmp_path, *talks, tables=["messages", "fields"])


def later(talk: craft.Connection, **more: Any) -> craft.Connection:
    """A connection after that one."""
    return craft.Connection(clock=talk.clock + 1_000_000_000, **more)


# ---------------------------------------------------------------- against tshark


def tshark_rows(scenario: truth.Scenario) -> pd.DataFrame:
    """The rows of the first pass. IPv6 addresses are missing there: the pipeline asks for ip.src
    only.
    """
    with gzip.open(
        scenario.folder / "tshark" / "merged_packets_reassembled.tsv.gz",
        "rt",
        errors="surrogateescape",
    ) as file:
        rows = [(line.rstrip("\n").split("\t") + [""] * 17)[:17] for line in file]
    return pd.DataFrame(rows, columns=list(compat.PACKET_FIELDS), dtype=object)


def side_by_side(ours: pd.DataFrame, scenario: truth.Scenario) -> pd.DataFrame:
    """Our rows and tshark's of the same packet; the columns of tshark end in `_tshark`."""
    key = ["frame.time_epoch", "tcp.srcport", "tcp.dstport"]
    made = ours.astype(object).merge(
        tshark_rows(scenario), on=key, how="outer", suffixes=("", "_tshark"), indicator=True
    )
    for name in key:
        made[f"{name}_tshark"] = made[name]
    return made


def wrong_in_tshark(scenario: truth.Scenario) -> set[str]:
    """Times of packets whose row tshark got wrong, by the wire truth: Levin fragments it does not
    join (6.2.6), signatures it does not check (6.2.3), lengths it sums in 32 bits (6.2.5).
    """
    whole = {row["last_frame"] for row in scenario.messages() if not truth.is_fragment(row)}
    rows = tshark_rows(scenario)
    return set(rows["frame.time_epoch"][~rows["frame.number"].astype(int).isin(whole)])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_every_row_of_tshark_is_there_unless_it_is_wrong(scenario: truth.Scenario) -> None:
    rows = side_by_side(compat.tsv(lab(scenario), HEAD), scenario)
    wrong = wrong_in_tshark(scenario)
    missing = rows[(rows["_merge"] == "right_only") & ~rows["frame.time_epoch"].isin(wrong)]
    assert missing.empty, missing
    assert (rows["_merge"] == "both").sum() > 0.9 * len(tshark_rows(scenario))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_header_fields_equal_tsharks(scenario: truth.Scenario) -> None:
    rows = side_by_side(compat.tsv(lab(scenario), HEAD), scenario)
    rows = rows[
        (rows["_merge"] == "both") & ~rows["frame.time_epoch"].isin(wrong_in_tshark(scenario))
    ]
    for name in ("monero.command", "monero.flags"):
        assert rows[name].tolist() == rows[f"{name}_tshark"].tolist(), name
    for name in ("ip.src", "ip.dst"):
        four = rows[rows[f"{name}_tshark"] != ""]
        assert four[name].tolist() == four[f"{name}_tshark"].tolist(), name
        assert rows[name][rows[f"{name}_tshark"] == ""].str.contains(":").all()
    assert rows["tcp.len"].tolist() == rows["tcp.len_tshark"].tolist()
    assert set(rows["frame.number_tshark"].astype(int) - rows["frame.number"].astype(int)) <= set(
        truth.absolute(lab(scenario).files.to_dict("records"))
    )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_segments_are_tsharks_less_the_retransmissions(scenario: truth.Scenario) -> None:
    rows = side_by_side(compat.tsv(lab(scenario), HEAD), scenario)
    rows = rows[
        (rows["_merge"] == "both") & ~rows["frame.time_epoch"].isin(wrong_in_tshark(scenario))
    ]
    rows = rows[rows["ip.src_tshark"] != ""]
    messages, connections = lab(scenario).messages, lab(scenario).connections
    again = connections.set_index("connection")[
        ["client_retransmitted", "server_retransmitted"]
    ].sum(axis=1)
    resent = (
        messages[messages["connection"].map(again) > 0]["end_time"]
        .dt.tz_localize(None)
        .astype("int64")
    )
    differing = rows[rows["tcp.segment.count"] != rows["tcp.segment.count_tshark"]]
    assert (
        pd.to_numeric(differing["tcp.segment.count"])
        < pd.to_numeric(differing["tcp.segment.count_tshark"])
    ).all()
    assert set(differing["frame.time_epoch"].str.replace(".", "").astype("int64")) <= set(resent)
    assert len(differing) < 0.02 * len(rows)


def tshark_text(values: str) -> str:
    """Values as the stored output has them: what is longer than 160 hex digits is its digest and
    length.
    """
    return ",".join(
        f"sha1:{hashlib.sha1(value.encode()).hexdigest()[:16]}:{len(value)}"
        if len(value) > 160
        else value
        for value in values.split(",")
    )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_payload_items_equal_tsharks(scenario: truth.Scenario) -> None:
    traffic = mt.read(scenario.parts, host=truth.VANTAGE, tables=["messages", "fields"])
    rows = side_by_side(compat.tsv(traffic), scenario)
    whole = traffic.messages["status"].isin(["malformed"])
    refused = set(compat.tsv(traffic, HEAD)["frame.time_epoch"]) & set(
        _epochs(traffic.messages["end_time"][whole])
    )
    rows = rows[
        (rows["_merge"] == "both")
        & ~rows["frame.time_epoch"].isin(wrong_in_tshark(scenario) | refused)
    ]
    assert len(rows)
    for name in ITEMS:
        assert rows[name].map(tshark_text).tolist() == rows[f"{name}_tshark"].tolist(), name


def _epochs(times: pd.Series) -> list[str]:
    return [
        f"{value // 10**9}.{value % 10**9:09}"
        for value in times.dt.tz_localize(None).astype("int64")
    ]


def by_frame(
    scenario: truth.Scenario, traffic: mt.Traffic, packets: pd.DataFrame
) -> dict[int, dict[str, Any]]:
    """Our packet rows by the frame of the merged capture, of those alone in their frame."""
    epochs = dict(
        zip(
            tshark_rows(scenario)["frame.time_epoch"],
            tshark_rows(scenario)["frame.number"].astype(int),
            strict=True,
        )
    )
    packets = packets.assign(epoch=_epochs(packets["timestamp"]))
    packets = packets[~packets.duplicated(["epoch", "source_port", "dst_port"], keep=False)]
    return {
        epochs[row["epoch"]]: row for row in packets.to_dict("records") if row["epoch"] in epochs
    }


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_packet_rows_hold_what_tshark_decoded(scenario: truth.Scenario) -> None:
    traffic = lab(scenario)
    ours = by_frame(scenario, traffic, compat.packets(traffic))
    compared = 0
    for frame, decoded in truth.tshark_messages(scenario).items():
        if frame not in ours or (ours[frame]["command"], ours[frame]["monero_flags"]) != (
            str(decoded.command),
            str(decoded.flags),
        ):
            continue
        row = ours[frame]
        of_peers = (
            {"rpc_port", "pruning_seed", "rpc_credits_per_hash", "last_seen"}
            if decoded.peers
            else set()
        )
        for name, value in decoded.fields.items():
            if name in compat.PACKET_COLUMNS and name not in of_peers:
                assert row[name] == value, (frame, name)
                compared += 1
        lists = len(decoded.peers)
        assert row["peerlist_length"] == lists if lists else np.isnan(row["peerlist_length"])
        unsent = {"peer_id", "support_flags", "my_port", "current_height", "top_version"} - set(
            decoded.fields
        )
        if decoded.command in (1001, 1002):
            assert all(pd.isna(row[name]) for name in unsent)
    assert compared > 100


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_peer_rows_hold_what_tshark_decoded(scenario: truth.Scenario) -> None:
    traffic = lab(scenario)
    numbers = {
        f"{row['timestamp'].round('us')}|{row['source_ip']}": frame
        for frame, row in by_frame(scenario, traffic, compat.packets(traffic)).items()
    }
    peers = compat.peers(traffic)
    frames = (
        pd.to_datetime(peers["timestamp"]).astype("datetime64[ns]").map(str)
        + "|"
        + peers["source_ip"]
    ).map(numbers)
    decoded = truth.tshark_messages(scenario)
    lists = dict(list(peers.groupby(frames.to_numpy())))
    wanted = {
        frame: message.peers
        for frame, message in decoded.items()
        if message.peers and message.command in (1001, 1002)
    }
    assert len(set(wanted) & set(lists)) >= 0.95 * len(wanted) > 0
    for frame in set(wanted) & set(lists):
        ours = [
            (truth.as_tshark(row["ip"]), row["port"], row["id"])
            for row in lists[frame].to_dict("records")
        ]
        assert ours == wanted[frame], frame


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_signatures_alone_are_those_that_tshark_finds(scenario: truth.Scenario) -> None:
    known = scenario.folder / "tshark" / "signature_only_ips.csv"
    found = compat.signature_only(lab(scenario))
    assert found.name == "ip.src"
    # the small captures hold none
    assert found.tolist() == (sorted(known.read_text().split()) if known.exists() else [])


# ---------------------------------------------------------------- several messages in a packet


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


def test_every_message_of_a_packet_is_a_row_with_its_own_values(tmp_path: Path) -> None:
    traffic = read(tmp_path, two_in_one())
    made = compat.packets(traffic)
    assert tuple(made.columns) == compat.PACKET_COLUMNS
    assert made["command"].tolist() == ["1001", "1007", "1002", "1001", "1007", "1007", "1002"]
    assert made["monero_flags"].tolist() == ["1", "1", "1", "2", "2", "2", "2"]
    assert made["frame_number"].tolist() == ["4", "6", "6", "8", "8", "10", "10"]
    assert made["peer_id"].tolist() == [7, pd.NA, pd.NA, (1 << 64) - 1, pd.NA, pd.NA, pd.NA]
    assert made["my_port"].tolist() == [18080, pd.NA, pd.NA, 18081, pd.NA, pd.NA, pd.NA]
    assert made["support_flags"].tolist() == [1, pd.NA, pd.NA, 1, 5, 3, pd.NA]
    assert made["current_height"].tolist() == [3000000, pd.NA, 3000000, 3000000, pd.NA, pd.NA, 11]
    assert made["peerlist_length"].tolist()[-1] == 2
    assert made["peerlist_length"].isna().sum() == 6
    peers = compat.peers(traffic)
    assert peers[["ip", "port", "id", "source_ip"]].to_dict("list") == {
        "ip": ["203.0.113.1", "203.0.113.2"],
        "port": [18080, 28080],
        "id": [(1 << 63) + 1, 2],
        "source_ip": ["192.0.2.1"] * 2,
    }


def test_a_packet_is_one_row_of_tsv(tmp_path: Path) -> None:
    made = compat.tsv(read(tmp_path, two_in_one()), HEAD)
    assert made["frame.number"].tolist() == ["4", "6", "8", "10"]
    assert made["monero.command"].tolist() == ["1001", "1007,1002", "1001,1007", "1007,1002"]
    assert made["monero.flags"].tolist() == ["1", "1,1", "2,2", "2,2"]
    lengths = [len(packet.data) - 54 for packet in two_in_one().packets]
    assert made["tcp.len"].tolist() == [
        str(lengths[int(frame) - 1]) for frame in made["frame.number"]
    ]
    assert made["tcp.segment.count"].tolist() == [""] * 4
    assert made["frame.time_epoch"][0] == "1700000000.003000000"


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
    made = compat.tsv(
        read(tmp_path, talk), ["monero.command", "tcp.segment.count", "tcp.len", "frame.number"]
    )
    assert made["monero.command"].tolist() == ["1002,1003", "1007"]
    assert made["tcp.segment.count"].tolist() == ["2", "2"]
    assert made["tcp.len"].tolist() == [str(len(data) - 100 - 23), "23"]
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
    made = compat.packets(traffic)
    assert made["command"].tolist() == ["1001", "1002"]
    assert made["current_height"].isna().tolist() == [False, True]


def test_levin_fragments_are_the_message_in_them(tmp_path: Path) -> None:
    talk = craft.Connection().open()
    talk.send(craft.CLIENT, craft.request(1001, craft.handshake_request()))
    for piece in craft.fragments(
        craft.notification(2002, craft.transactions([b"\1" * 4000])), 1024
    ):
        talk.send(craft.CLIENT, piece)
    talk.close()
    made = compat.packets(read(tmp_path, talk))
    assert made[["command", "monero_flags", "tcp_segments"]].to_dict("list") == {
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
    made = compat.packets(mt.read([tmp_path / "0.pcap", tmp_path / "1.pcap"]))
    assert made[["frame_number", "command", "tcp_segments"]].values.tolist() == [["1", "1001", "2"]]


# ---------------------------------------------------------------- addresses, ids, last_seen, times


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


def test_peers_of_every_kind_are_kept_and_exact(tmp_path: Path) -> None:
    traffic = mt.read(capture(tmp_path, all_kinds()), host="2001:db8:10::10")
    made = compat.peers(traffic)
    assert tuple(made.columns) == compat.PEER_COLUMNS
    assert made["ip"].tolist()[:5] == ["203.0.113.1", "2001:db8::1", "::ffff:203.0.113.3", TOR, I2P]
    assert made["ip"].isna().tolist() == [False] * 5 + [True]
    assert made["port"].tolist() == [18080, 18081, 18082, 18083, 1, 0]
    assert made["type"].tolist() == [1, 2, 2, 4, 3, 0]
    assert made["id"].tolist() == [(1 << 53) + 1, (1 << 64) - 1, 3, 4, 5, 6]
    assert made["last_seen"].tolist() == [
        1_700_000_001,
        1_700_000_002,
        1_700_000_003,
        pd.NA,
        pd.NA,
        pd.NA,
    ]
    assert made["rpc_port"].tolist() == [pd.NA, 18089, pd.NA, pd.NA, pd.NA, pd.NA]
    assert made["pruning_seed"].tolist() == [pd.NA, pd.NA, 384, pd.NA, pd.NA, pd.NA]
    assert made["rpc_credits_per_hash"].tolist() == [pd.NA, pd.NA, pd.NA, 5, pd.NA, pd.NA]
    assert made["source_ip"].unique().tolist() == ["2001:db8:20::11"]
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


def test_pongs_tell_their_peer_id(tmp_path: Path) -> None:
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


# ---------------------------------------------------------------- payload items


def entries(*rows: tuple[str | None, int, Any]) -> pd.DataFrame:
    """Rows of `fields`: key, type, value."""
    keys, types, values = zip(*rows, strict=True)
    signed, unsigned = (
        [
            value if isinstance(value, int) and (code in (1, 2, 3, 4)) == wanted else None
            for code, value in zip(types, values, strict=True)
        ]
        for wanted in (True, False)
    )
    raw = pd.Series([value if isinstance(value, bytes) else None for value in values], dtype=object)
    texts = pd.Series(list(keys), dtype=object)
    return pd.DataFrame(
        {
            "key": texts.astype("category"),
            "type": np.array(types, dtype=np.uint8),
            "value_int": pd.Series(signed, dtype="Int64"),
            "value_uint": pd.Series(unsigned, dtype="UInt64"),
            "value_bytes": raw.astype("category"),
        }
    )


def lists(
    rows: pd.DataFrame, *names: str, packet: Sequence[int] | None = None, count: int = 1
) -> list[list[str]]:
    made = item_lists(
        rows,
        np.array([0] * len(rows) if packet is None else packet, dtype=np.int64),
        count,
        [f"monero.payload.item.{name}" for name in names],
    )
    return [made[f"monero.payload.item.{name}"].tolist() for name in names]


def test_lists_of_payload_items() -> None:
    rows = entries(
        ("a", 12, None),
        ("m_ip", 6, 16777226),
        ("id", 5, (1 << 64) - 1),
        ("s", 10, b"\x0a\xff"),
        ("_", 10, b""),
        ("b", 11, 1),
        ("txs", 138, None),
        (None, 10, b"\1"),
        (None, 10, b"\2"),
    )
    keys, types, u64, u32, i64, strings = lists(
        rows, "key", "type", "value.uint64", "value.uint32", "value.int64", "value.string"
    )
    assert keys == ["a,m_ip,id,s,_,b,txs"]
    assert types == ["12,6,5,10,10,11,138"]
    assert (u64, u32) == ([str((1 << 64) - 1)], ["16777226"])
    assert i64 == ["1"]
    assert strings == ["0aff,<MISSING>,01,02"]


def test_negative_values_and_elements_of_arrays() -> None:
    rows = entries(
        ("n", 1, -5),
        ("many", 0x85, None),
        (None, 5, 7),
        (None, 5, 8),
        ("w", 2, -1),
        ("x", 3, -32768),
        ("y", 4, -128),
    )
    assert lists(
        rows, "value.int64", "value.uint64", "value.int32", "value.int16", "value.int8"
    ) == [["-5"], ["7,8"], ["-1"], ["-32768"], ["-128"]]


def test_keys_cannot_break_a_row_but_their_commas_stay() -> None:
    rows = entries(("a\tb", 5, 1), ("c\nd,e", 5, 2), ("f\x01", 5, 3))
    assert lists(rows, "key") == [[r"a\tb,c\nd,e,f\x01"]]


def test_items_go_to_their_packets() -> None:
    rows = entries(("a", 5, 1), ("b", 6, 2), ("c", 5, 3))
    assert lists(rows, "key", "value.uint64", "value.uint32", packet=[0, 0, 2], count=4) == [
        ["a,b", "", "c", ""],
        ["1", "", "3", ""],
        ["2", "", "", ""],
    ]
    assert lists(entries(("a", 12, None)), "value.string", count=2) == [["", ""]]


def test_items_of_several_messages_are_in_the_order_of_the_wire(tmp_path: Path) -> None:
    made = compat.tsv(items(tmp_path, two_in_one()))
    assert tuple(made.columns) == compat.PACKET_FIELDS
    peer = "adr,addr,m_ip,m_port,type,id"
    sync = "payload_data,cumulative_difficulty,cumulative_difficulty_top64,current_height,top_id,top_version"
    assert (
        made["monero.payload.item.key"][3]
        == f"support_flags,local_peerlist_new,{peer},{peer},{sync}"
    )
    assert made["monero.payload.item.value.uint32"][3].startswith("3,")
    assert made["monero.payload.item.value.uint64"][3] == f"{(1 << 63) + 1},2,{1 << 60},0,11"
    assert made["monero.payload.item.value.uint16"][3] == "18080,28080"


def test_last_seen_of_a_regular_type_can_be_printed(tmp_path: Path) -> None:
    """tshark has it under int64, which the pipeline does not ask for."""
    traffic = mt.read(capture(tmp_path, all_kinds()), tables=["messages", "fields"])
    made = compat.tsv(traffic, [*compat.TESTING_FIELDS, "monero.payload.item.value.int64"])
    assert made["monero.payload.item.value.int64"].tolist() == ["", "1700000001"]


def test_written_rows_are_those_of_tsv(tmp_path: Path) -> None:
    traffic = items(tmp_path, two_in_one())
    for fields in (
        compat.PACKET_FIELDS,
        compat.TESTING_FIELDS,
        compat.PEER_LIST_FIELDS,
        ("ip.src",),
    ):
        compat.write_tsv(traffic, tmp_path / "x.tsv", fields)
        made = [line.split("\t") for line in (tmp_path / "x.tsv").read_text().splitlines()]
        assert made == compat.tsv(traffic, fields).to_numpy().tolist()


def test_headers_can_be_written_without_the_table_fields(tmp_path: Path) -> None:
    compat.write_tsv(
        read(tmp_path, two_in_one(), tables=["messages"]), tmp_path / "x.tsv", HEAD[:4]
    )
    assert (
        (tmp_path / "x.tsv")
        .read_bytes()
        .startswith(b"4\t1700000000.003000000\t198.51.100.10\t192.0.2.1\n6\t")
    )
    compat.write_tsv(read(tmp_path, craft.Connection().open()), tmp_path / "x.tsv", HEAD)
    assert (tmp_path / "x.tsv").read_bytes() == b""


def test_fields_that_are_not_there(tmp_path: Path) -> None:
    traffic = read(tmp_path, two_in_one(), tables=["messages"])
    with pytest.raises(
        ValueError, match=r"unknown field 'tcp\.flags': must be one of .*frame\.number"
    ):
        compat.tsv(traffic, ["ip.src", "tcp.flags"])
    with pytest.raises(AttributeError, match="fields"):
        compat.tsv(traffic)
    with pytest.raises(AttributeError, match="peer_lists was not decoded"):
        compat.peers(traffic)


# ---------------------------------------------------------------- documents


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


# ---------------------------------------------------------------- signatures alone


def test_signatures_alone(tmp_path: Path) -> None:
    """Alone means that nothing else is in the segment; of a stream that ends with it there is no
    message.
    """
    handshake = craft.request(1001, craft.handshake_request())
    begun = craft.Connection(client=("192.0.2.9", 4001)).open()
    begun.send(craft.CLIENT, handshake, cuts=[8])
    begun.close()
    left = later(begun, client=("192.0.2.8", 4002)).open()
    left.send(craft.CLIENT, craft.SIGNATURE)
    left.close()
    six = later(left, client=("2001:db8::7", 4003), server=("2001:db8::10", 18080)).open()
    six.send(craft.CLIENT, handshake, cuts=[8])
    six.close()
    behind = later(six, client=("192.0.2.6", 4004)).open()
    behind.send(craft.CLIENT, handshake + craft.request(1007), cuts=[len(handshake) + 8])
    behind.close()
    other = later(behind, client=("192.0.2.5", 4005)).open()
    other.send(craft.CLIENT, handshake, cuts=[9])
    other.send(craft.CLIENT, b"12345678")
    other.close()
    answer = later(other, client=("192.0.2.4", 4006), server=("192.0.2.3", 18080)).open()
    answer.send(craft.CLIENT, handshake)
    answer.send(craft.SERVER, craft.response(1001, craft.handshake_response()), cuts=[8])
    answer.close()
    traffic = read(tmp_path, begun, left, six, behind, other, answer)
    assert compat.signature_only(traffic).tolist() == [
        "192.0.2.3",
        "192.0.2.8",
        "192.0.2.9",
        "2001:db8::7",
    ]


# ---------------------------------------------------------------- the parquet pair


def without_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Missing text is None or NaN, as the version of pandas has it."""
    texts = [name for name in frame if frame[name].dtype == pd.Series(["x"]).dtype]
    return frame.assign(**{name: frame[name].fillna("missing") for name in texts})


def test_the_pair_is_what_the_published_analysis_reads(tmp_path: Path) -> None:
    traffic = lab(next(scenario for scenario in SCENARIOS if scenario.id == "small-spies"))
    paths = compat.write_parquet(traffic, tmp_path / "data" / "dataframes", "ams", "with")
    assert [path.name for path in paths] == [
        "peer_packets_ams_with.parquet",
        "peers_ams_with.parquet",
    ]
    packets, peers = (pd.read_parquet(path) for path in paths)
    assert tuple(packets.columns) == compat.PACKET_COLUMNS
    assert tuple(peers.columns) == compat.PEER_COLUMNS
    ours = compat.packets(traffic)
    ours = ours[ours["command"].isin([str(command) for command in compat.COMMANDS])].reset_index(
        drop=True
    )
    pd.testing.assert_frame_equal(without_gaps(packets), without_gaps(ours))
    pd.testing.assert_frame_equal(without_gaps(peers), without_gaps(compat.peers(traffic)))
    # what main.py does with the columns: text compared with text, NaN looked for by numpy, times
    # subtracted, ids kept in sets
    received = packets[
        (packets["dst_port"] == "18080")
        & (packets["command"] == "1001")
        & (packets["monero_flags"] == "1")
    ]
    assert len(received)
    assert np.isnan(np.array(packets["peerlist_length"])).any()
    assert packets["timestamp"].diff().dt.total_seconds().dropna().ge(0).all()
    assert np.array(packets["timestamp"]).dtype == "M8[ns]"
    assert all(
        type(peer_id) is int
        for ids in packets.groupby("source_ip")["peer_id"].agg(
            lambda ids: ids.dropna().unique().tolist()
        )
        for peer_id in ids
    )
    assert (
        peers.groupby("pl_identifier")
        .agg({"ip": lambda ips: ips.tolist(), "source_ip": "first"})["source_ip"]
        .isin(packets["source_ip"])
        .all()
    )


def test_the_pair_has_only_ipv4_unless_told_otherwise(tmp_path: Path) -> None:
    six = all_kinds()
    four = later(six, client=("192.0.2.1", 4001)).open()
    four.send(
        craft.CLIENT,
        craft.response(
            1002,
            craft.timed_sync_response(
                [
                    craft.peer("203.0.113.9", 18080, 1),
                    craft.peer("2001:db8::9", 18080, 2),
                    craft.peer(TOR, 1, 3),
                ]
            ),
        ),
    )
    four.send(craft.CLIENT, craft.request(1006))
    traffic = mt.read(capture(tmp_path, six, four), host=["198.51.100.10", "2001:db8:10::10"])
    packets, peers = (
        pd.read_parquet(path) for path in compat.write_parquet(traffic, tmp_path, "a", "b")
    )
    assert packets[["source_ip", "command", "peerlist_length"]].values.tolist() == [
        ["192.0.2.1", "1002", 3.0]
    ]
    assert peers["ip"].tolist() == ["203.0.113.9"]
    packets, peers = (
        pd.read_parquet(path)
        for path in compat.write_parquet(traffic, tmp_path, "a", "b", ipv4_only=False)
    )
    assert packets["command"].tolist() == ["1001", "1001", "1002"]
    assert len(peers) == 9


def test_the_pair_of_one_node_of_several(tmp_path: Path) -> None:
    first = capture(tmp_path, two_in_one(), name="first.pcap")
    talk = craft.Connection(client=("192.0.2.1", 4001), server=("198.51.100.20", 18080)).open()
    talk.send(craft.CLIENT, craft.request(1003))
    second = capture(tmp_path, talk, name="second.pcap")
    traffic = mt.read(
        {"ams": first, "sfo": second}, host={"ams": "198.51.100.10", "sfo": "198.51.100.20"}
    )
    for node, commands in (("ams", 7), ("sfo", 1)):
        packets, _ = (
            pd.read_parquet(path) for path in compat.write_parquet(traffic, tmp_path, node, "with")
        )
        assert len(packets) == commands
    with pytest.raises(ValueError, match="no vantage node 'syd': must be one of 'ams', 'sfo'"):
        compat.write_parquet(traffic, tmp_path, "syd", "with")


def test_connections_of_strangers_are_not_in_the_pair(tmp_path: Path) -> None:
    talk = craft.Connection(client=("192.0.2.1", 4001), server=("192.0.2.2", 18080)).open()
    talk.send(craft.CLIENT, craft.request(1003))
    mine = later(talk).open()
    mine.send(craft.CLIENT, craft.request(1003))
    traffic = read(tmp_path, talk, mine)
    assert len(compat.packets(traffic)) == 2
    packets, _ = (
        pd.read_parquet(path) for path in compat.write_parquet(traffic, tmp_path, "a", "b")
    )
    assert packets["dst_ip"].tolist() == ["198.51.100.10"]


def test_without_pyarrow_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traffic = read(tmp_path, two_in_one())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'monerotraffic\[parquet\]'"):
        compat.write_parquet(traffic, tmp_path, "a", "b")
    for name in [name for name in sys.modules if name.startswith("monerotraffic.compat")]:
        monkeypatch.delitem(sys.modules, name)
    assert importlib.import_module("monerotraffic.compat").packets(traffic).shape[0] == 7


# ---------------------------------------------------------------- parts


def test_parts_of_a_scan_are_refused_where_their_connections_are_elsewhere(tmp_path: Path) -> None:
    path = capture(tmp_path, two_in_one())
    part = next(iter(mt.scan(path, rows=1)))
    assert len(part.messages)
    assert part.connections.empty
    for call in (
        compat.packets,
        compat.peers,
        compat.packets_json,
        compat.peer_lists_json,
        lambda traffic: compat.tsv(traffic, HEAD),
    ):
        with pytest.raises(ValueError, match=r"pass the result of read\(\)"):
            call(part)


def test_the_same_captures_give_the_same_bytes(tmp_path: Path) -> None:
    path = capture(tmp_path, two_in_one())
    made = []
    for number in range(2):
        traffic = mt.read(path, host="198.51.100.10")
        pair = compat.write_parquet(traffic, tmp_path / str(number), "a", "b")
        made.append(
            [*(file.read_bytes() for file in pair), json.dumps(compat.packets_json(traffic))]
        )
    assert made[0] == made[1]


# ---------------------------------------------------------------- docs/migrating.md


def test_the_examples_of_the_document_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
    examples = re.findall(r"^ *```python\n(.*?)^ *```", document, re.DOTALL | re.MULTILINE)
    assert len(examples) >= 5
    for folder in ("data/pcapng/ams", "data/pcapng/sfo", "data/packets/ams", "results"):
        (tmp_path / folder).mkdir(parents=True)
    capture(tmp_path / "data/pcapng/ams", two_in_one())
    other = craft.Connection(client=("192.0.2.1", 4001), server=("203.0.113.20", 18080)).open()
    other.send(
        craft.CLIENT,
        craft.request(1001, craft.handshake_request(craft.node_data(support_flags=None))),
        cuts=[8],
    )
    capture(tmp_path / "data/pcapng/sfo", other)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(textwrap.dedent(examples[0]), names)
    assert (tmp_path / "results/signature_only_ips.csv").read_text() == "192.0.2.1\n"
    assert sorted(path.name for path in (tmp_path / "data/dataframes").iterdir()) == [
        "peer_packets_ams_without.parquet",
        "peer_packets_sfo_without.parquet",
        "peers_ams_without.parquet",
        "peers_sfo_without.parquet",
    ]
    exec(textwrap.dedent(examples[1]), names)
    assert len((tmp_path / "ams_packets.tsv").read_text().splitlines()) == 4
    names["traffic"] = mt.read("data/pcapng/ams", host="198.51.100.10")
    for example in examples[2:]:
        exec(textwrap.dedent(example), names)
    assert len(json.loads((tmp_path / "data/packets/ams/all.json").read_text())["packets"]) == 7
    assert len(json.loads((tmp_path / "peer_lists.json").read_text())["peer_lists"]) == 1
