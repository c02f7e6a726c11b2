"""The pair of Parquet files, and equal bytes for equal captures."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import compat
from support import craft
from support.pipeline import (
    HEAD,
    SCENARIOS,
    TOR,
    all_kinds,
    capture,
    lab,
    later,
    read,
    two_in_one,
)

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


def test_the_pair_has_only_ipv4_by_default(tmp_path: Path) -> None:
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


def test_without_pyarrow_the_error_names_what_to_install(
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
    contents = []
    for number in range(2):
        traffic = mt.read(path, host="198.51.100.10")
        pair = compat.write_parquet(traffic, tmp_path / str(number), "a", "b")
        contents.append(
            [*(file.read_bytes() for file in pair), json.dumps(compat.packets_json(traffic))]
        )
    assert contents[0] == contents[1]
