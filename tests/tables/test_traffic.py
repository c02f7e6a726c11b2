"""A Traffic: arrays, frames and how it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

import monerotraffic as mt
from support.captures import HOST, conversation, put


def test_frames_are_the_arrays(capture: Path) -> None:
    traffic = mt.read(capture)
    assert traffic.messages.equals(traffic.messages)
    assert len(traffic.messages) == len(traffic.arrays["messages"]) == 16


def test_arrays_are_a_view_that_cannot_be_replaced(capture: Path) -> None:
    traffic = mt.read(capture)
    with pytest.raises(TypeError):
        traffic.arrays["messages"] = traffic.arrays["files"]  # type: ignore[index]


def test_tables_that_were_not_decoded(capture: Path) -> None:
    traffic = mt.read(capture, tables=["node_data"])
    with pytest.raises(AttributeError, match="peer_lists was not decoded: tables= names only"):
        _ = traffic.peer_lists
    assert len(traffic.node_data) > 0


def test_vantage_nodes(tmp_path: Path, capture: Path) -> None:
    traffic = mt.read(capture)
    assert (traffic.hosts, traffic.host, traffic.vantages) == ((HOST,), HOST, {})
    other = put(tmp_path / "other.pcap", conversation(server="203.0.113.1").packets)
    both = mt.read({"ams": str(capture), "sfo": str(other)}, host=[HOST, "203.0.113.1"])
    assert set(both.vantages) == {"ams", "sfo"}
    assert set(both.connections["vantage"]) == {"ams", "sfo"}


def test_peers_has_the_peer_in_each_row(capture: Path) -> None:
    traffic = mt.read(capture)
    merged = traffic.node_data.merge(
        traffic.messages[["message", "peer", "direction"]], on="message"
    )
    ours = traffic.peers.node_data
    assert len(ours)
    for name in ("peer", "direction", "peer_id"):
        assert list(ours[name]) == list(merged[name])


def test_without_a_vantage_node(capture: Path) -> None:
    traffic = mt.read(capture, host="203.0.113.77")
    assert traffic.connections["peer"].isna().all()
    assert traffic.connections["direction"].isna().all()


def test_how_it_is_shown(capture: Path) -> None:
    traffic = mt.read(capture)
    text = repr(traffic).splitlines()
    assert text[0] == (
        f"Traffic, 2023-11-14 22:13:21 to 2023-11-14 22:13:24 UTC, vantage node {HOST}"
    )
    assert text[1].split()[-2:] == [str(len(traffic.connections)), "rows"]
    page = traffic._repr_html_()
    assert page.count("<tr>") == len(traffic.arrays) + 1
    assert f"vantage node {HOST}" in page


def test_a_capture_without_packets(tmp_path: Path, capture: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(capture.read_bytes()[:24])
    assert repr(mt.read(empty)).startswith("Traffic, unknown time, vantage node unknown")
