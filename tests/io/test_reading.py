"""read: arguments, what comes out, what is told of damage."""

from __future__ import annotations

import bz2
import lzma
import os
import pickle
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.io import ahead, options
from support import craft
from support.captures import HOST, Watched, conversation, cut, put, warnings_of
from support.paths import HONEST


def same(one: mt.Traffic, other: mt.Traffic, tables: Iterable[str] | None = None) -> None:
    for table in one.arrays if tables is None else tables:
        pd.testing.assert_frame_equal(
            getattr(one, table), getattr(other, table), check_categorical=False
        )


# ---------------------------------------------------------------- what comes out


def test_tables_of_a_conversation(capture: Path) -> None:
    traffic = mt.read(capture)
    messages = traffic.messages
    assert traffic.hosts == (HOST,)
    assert messages["message"].tolist() == list(range(16))
    assert messages["connection"].tolist() == [i // 4 for i in range(16)]
    assert messages["name"].tolist() == ["HANDSHAKE", "HANDSHAKE", "PING", "PING"] * 4
    assert messages["kind"].tolist() == ["request", "response"] * 8
    assert messages["reply_to"].tolist() == [-1 if i % 2 == 0 else i - 1 for i in range(16)]
    assert messages["peer"].tolist() == [
        peer for peer in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.9") for _ in range(4)
    ]
    assert messages["direction"].tolist() == ["received", "sent"] * 6 + ["sent", "received"] * 2
    assert (messages["status"] == "complete").all()
    assert messages["time"][0] == pd.Timestamp(craft.START + 10**9 + 3 * 10**6, tz="UTC")
    assert traffic.connections["direction"].tolist() == ["incoming"] * 3 + ["outgoing"]
    assert traffic.connections["peer"].tolist() == [
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
        "192.0.2.9",
    ]
    assert traffic.connections["vantage"].tolist() == [HOST] * 4
    assert traffic.connections["client_mss"].tolist() == [1460] * 4
    lists = traffic.peer_lists
    assert lists["message"].tolist() == [1, 1, 5, 5, 9, 9, 13, 13]
    assert lists["host"].tolist() == ["203.0.113.7", "203.0.113.8"] * 4
    assert lists["id"].tolist() == [2**64 - 1, 5] * 4
    assert lists["pruning_seed"].isna().tolist() == [True, False] * 4
    assert traffic.node_data["peer_id"][0] == 0xFEDCBA9876543210
    assert traffic.node_data["status_text"].dropna().tolist() == ["OK"] * 4
    assert traffic.node_data["network_id"][0] == craft.MAINNET.hex()
    assert traffic.sync_data["top_id"][0] == "ab" * 32
    assert traffic.files["path"].tolist() == [str(capture)]
    assert len(traffic.problems) == 0
    assert not traffic.accounting()[["unexplained", "lost", "holes"]].any(axis=None)
    assert traffic.accounting()["seen"].sum() == 33 * 16 + messages["length"].sum()


def test_ring_files_are_one_stream() -> None:
    files = sorted(HONEST.glob("*.pcapng"))
    assert len(files) > 1, "tests/data/honest holds the files of a ring"
    whole = mt.read(HONEST)
    for source in (str(HONEST / "*.pcapng"), files[::-1], [str(files[0]), HONEST]):
        same(whole, mt.read(source))
    messages = whole.messages
    assert len(messages) > 100
    assert whole.hosts == (HOST,)
    assert messages["file"].nunique() == len(files)
    assert (
        messages.loc[messages["status"] == "complete", "captured"]
        == messages.loc[messages["status"] == "complete", "length"]
    ).all()
    accounts = whole.accounting()
    assert not accounts["unexplained"].any()
    assert (accounts["lost"] == accounts["holes"]).all()
    connections = whole.connections
    per_connection = (
        messages.groupby("connection")
        .size()
        .reindex(connections["connection"], fill_value=0)
        .to_numpy()
    )
    assert (per_connection == connections["client_messages"] + connections["server_messages"]).all()
    singly = sum(len(mt.read(file).connections) for file in files)
    assert singly > len(connections), "connections cross the files"


def test_same_input_same_output() -> None:
    one, other = mt.read(HONEST), mt.read(HONEST)
    for table in one.arrays:
        assert one.arrays[table].tobytes() == other.arrays[table].tobytes()


def test_columns_agree_with_arrays() -> None:
    traffic = mt.read(HONEST)
    arrays = traffic.arrays["messages"]
    assert traffic.messages["length"].to_numpy().tolist() == arrays["length"].tolist()
    assert (
        traffic.messages["time"]
        .dt.tz_convert(None)
        .to_numpy()
        .astype("M8[ns]")
        .view(np.int64)
        .tolist()
        == arrays["time"].tolist()
    )


def test_traffic_can_be_pickled(capture: Path) -> None:
    traffic = mt.read(capture)
    again = pickle.loads(pickle.dumps(traffic))
    same(traffic, again)
    assert again.hosts == traffic.hosts


def test_standard_input(capture: Path) -> None:
    code = (
        "import monerotraffic as mt, sys; a = mt.read(sys.stdin.buffer); print(len(a.messages), "
        "a.hosts)"
    )
    with capture.open("rb") as file:
        run = subprocess.run(
            [sys.executable, "-c", code], stdin=file, capture_output=True, text=True, check=False
        )
    assert run.stdout == f"16 ('{HOST}',)\n", run.stderr
    code = "import monerotraffic as mt; a = mt.read('-'); print(len(a.messages), a.files.path[0])"
    piped = subprocess.run(
        [sys.executable, "-c", code], input=capture.read_bytes(), capture_output=True, check=False
    )
    assert piped.stdout == b"16 -\n", piped.stderr


# ---------------------------------------------------------------- host


def test_host_given(capture: Path) -> None:
    traffic = mt.read(capture, host="192.0.2.2")
    assert traffic.hosts == ("192.0.2.2",)
    assert traffic.connections["direction"].tolist()[1] == "outgoing"
    assert traffic.connections["peer"].isna().tolist() == [True, False, True, True]
    assert traffic.messages["direction"].isna().sum() == 12
    both = mt.read(capture, host=["192.0.2.2", HOST])
    assert both.connections["direction"].tolist() == [
        "incoming",
        "outgoing",
        "incoming",
        "outgoing",
    ]
    assert mt.read(capture, host="2001:DB8::1").hosts == ("2001:db8::1",)
    assert mt.read(capture, host="2001:DB8::1").connections["vantage"].isna().all()


@pytest.mark.parametrize("host", ["nobody", "", [], ["192.0.2.1", "x"], {"ams": HOST}])
def test_host_wrong(capture: Path, host: Any) -> None:
    with pytest.raises(ValueError, match="host"):
        mt.read(capture, host=host)


def test_both_ip_versions(tmp_path: Path) -> None:
    talks = [
        conversation(f"2001:db8::{i}", 40000 + i, "2001:db8:10::10", start=craft.START + i * 10**9)
        for i in (1, 2)
    ]
    talks += [
        conversation(f"192.0.2.{i}", 40000 + i, start=craft.START + (i + 2) * 10**9) for i in (1, 2)
    ]
    traffic = mt.read(put(tmp_path / "a", (packet for talk in talks for packet in talk.packets)))
    assert traffic.hosts == (HOST, "2001:db8:10::10")
    assert traffic.connections["vantage"].tolist() == ["2001:db8:10::10"] * 2 + [HOST] * 2


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize(
    "tables", [(), ("messages",), ("peer_lists",), ["sync_data", "node_data"], {"files"}]
)
def test_tables_that_are_asked_for(capture: Path, tables: Any) -> None:
    whole, traffic = mt.read(capture), mt.read(capture, tables=tables)
    names = {"connections", "problems", "files", *tables}
    assert set(traffic.arrays) == names
    same(whole, traffic, names)
    for table in set(whole.arrays) - names:
        with pytest.raises(AttributeError, match=f"{table} was not decoded"):
            getattr(traffic, table)


def test_tables_wrong(capture: Path) -> None:
    with pytest.raises(
        ValueError,
        match=(
            r"unknown table 'mesages': must be one of connections, messages, peer_lists, "
            r"node_data, sync_data, transactions, blocks, inventories, fields, problems, files"
        ),
    ):
        mt.read(capture, tables=["mesages"])
    with pytest.raises(TypeError, match="list of names"):
        mt.read(capture, tables="messages")


# ---------------------------------------------------------------- ports and limits


def test_ports_are_added_to_the_default_ones(tmp_path: Path, capture: Path) -> None:
    talk = craft.Connection(("192.0.2.5", 50001), (HOST, 443)).open()
    talk.send(craft.CLIENT, b"no Levin at all, though long enough to hold a header of it")
    talk.close()
    path = put(tmp_path / "other.pcap", talk.packets)
    assert mt.read(path).problems["kind"].tolist() == ["not_levin"]
    assert mt.read(path).hosts == ()
    assert mt.read(path, ports=[443]).problems["kind"].tolist() == ["unframed"]
    assert mt.read(path, ports=[443]).hosts != ()
    assert len(mt.read([path, capture], ports=np.array([443])).messages) == 16
    garbage = craft.Connection(("192.0.2.5", 50001), (HOST, 28080)).open()
    garbage.send(craft.CLIENT, b"no Levin at all, though long enough to hold a header of it")
    assert mt.read(put(tmp_path / "test", garbage.packets), ports=[443]).problems[
        "kind"
    ].tolist() == ["unframed"]


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_ports_wrong(capture: Path, port: int) -> None:
    with pytest.raises(ValueError, match="ports are from 1 to 65535"):
        mt.read(capture, ports=[port])


def test_limits(capture: Path) -> None:
    assert "hole_bytes" in mt.limits()
    with pytest.raises(ValueError, match="unknown limit 'holes'"):
        mt.read(capture, limits={"holes": 1})
    with pytest.raises(ValueError, match="limit hole_bytes"):
        mt.read(capture, limits={"hole_bytes": -1})
    assert mt.read(capture, limits={"addresses": 2}).peer_lists["host"].isna().all()


def test_problems_beyond_the_limit_are_counted(tmp_path: Path) -> None:
    talks = []
    for i in range(6):
        talk = craft.Connection(
            (f"192.0.2.{i}", 40000), (HOST, 18080), clock=craft.START + i * 10**9
        ).open()
        talk.send(craft.CLIENT, b"garbage" * 20)
        talks.append(talk)
    path = put(tmp_path / "a", (packet for talk in talks for packet in talk.packets))
    traffic, warned = warnings_of(lambda: mt.read(path, limits={"problems": 2}))
    assert traffic.limits_reached["problems"] > 0
    assert len(warned) == 1
    assert "limit problems" in warned[0]
    assert warnings_of(lambda: mt.read(path))[1] == []


# ---------------------------------------------------------------- progress and Ctrl-C


def test_progress_function(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "STEP", 500)
    calls: list[tuple[int, int]] = []
    mt.read(capture, progress=lambda position, size: calls.append((position, size)))
    size = capture.stat().st_size
    assert len(calls) > 3
    assert calls == sorted(calls)
    assert calls[-1] == (size, size)
    assert {total for _, total in calls} == {size}


def test_progress_over_several_nodes(capture: Path, tmp_path: Path) -> None:
    other = put(tmp_path / "other.pcap", conversation().packets)
    calls: list[tuple[int, int]] = []
    mt.read(
        {"ams": capture, "sfo": other},
        progress=lambda position, size: calls.append((position, size)),
    )
    assert calls[-1] == (capture.stat().st_size + other.stat().st_size,) * 2


def test_progress_bar(capture: Path, capfd: pytest.CaptureFixture[str]) -> None:
    mt.read(capture, progress=True)
    assert "100%" in capfd.readouterr().err


def test_ctrl_c(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    monkeypatch.setattr(options, "Reader", watched)
    monkeypatch.setattr(ahead, "STEP", 500)
    with pytest.raises(KeyboardInterrupt):
        mt.read(capture, progress=lambda position, size: os.kill(os.getpid(), signal.SIGINT))
    watched.assert_closed()


def test_readers_are_closed(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    monkeypatch.setattr(options, "Reader", watched)
    mt.read({"ams": capture, "sfo": capture})
    assert len(watched.readers) == 2
    watched.assert_closed()


# ---------------------------------------------------------------- damage and errors


def test_a_sound_capture_is_read_in_silence(capture: Path) -> None:
    assert warnings_of(lambda: mt.read(capture))[1] == []


def test_a_cut_file_gives_what_is_there(capture: Path) -> None:
    traffic, warned = warnings_of(lambda: mt.read(cut(capture)))
    assert len(traffic.messages) == 16
    assert traffic.problems.loc[traffic.problems["kind"] == "file", "file"].tolist() == [0]
    assert traffic.files["truncated"].tolist() == [True]
    assert len(warned) == 1
    assert str(capture) in warned[0]


def test_one_warning_for_all(tmp_path: Path) -> None:
    for i in range(3):
        cut(
            put(
                tmp_path / f"{i}.pcap",
                conversation(start=craft.START + i * 10**10, port=40000 + i).packets,
            )
        )
    traffic, warned = warnings_of(lambda: mt.read(tmp_path))
    assert len(warned) == 1
    assert all(f"{i}.pcap" in warned[0] for i in range(3))
    assert traffic.files["truncated"].all()
    assert (
        warnings_of(lambda: mt.read({"ams": tmp_path / "0.pcap", "sfo": tmp_path / "1.pcap"}))[1][
            0
        ].count(".pcap: ")
        == 2
    )


def test_a_warning_names_no_end_of_files(tmp_path: Path) -> None:
    for i in range(15):
        cut(
            put(
                tmp_path / f"{i:02}.pcap",
                conversation(start=craft.START + i * 10**10, port=40000 + i).packets,
            )
        )
    warned = warnings_of(lambda: mt.read(tmp_path))[1]
    assert warned[0].count(".pcap: ") == 10
    assert "and 5 more" in warned[0]


def test_the_warning_points_at_the_caller(capture: Path) -> None:
    with pytest.warns(mt.CaptureWarning) as caught:
        mt.read(cut(capture))
    assert caught[0].filename == __file__
    with pytest.warns(mt.CaptureWarning) as caught:
        list(mt.scan(capture))
    assert caught[0].filename == __file__


def test_unread_link_types_are_reported(capture: Path, tmp_path: Path) -> None:
    packets = conversation(start=craft.START + 10**11, port=41000).packets
    content = (
        craft.section_header()
        + craft.interface()
        + craft.interface(link=148)
        + b"".join(craft.enhanced(packet) for packet in packets)
    )
    path = tmp_path / "two.pcapng"
    path.write_bytes(
        content + craft.enhanced(craft.Packet(craft.START + 10**12, b"a frame of another kind"), 1)
    )
    traffic, warned = warnings_of(lambda: mt.read([capture, path]))
    assert "link_type" in traffic.problems["kind"].tolist()
    assert len(warned) == 1
    assert str(path) in warned[0]
    assert "148" in warned[0]
    assert str(capture) not in warned[0]


def test_what_cannot_be_read_at_all(tmp_path: Path) -> None:
    (tmp_path / "text.pcap").write_bytes(b"this is not a capture\n")
    with pytest.raises(mt.CaptureError, match=r"text\.pcap"):
        mt.read(tmp_path / "text.pcap")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pcap"):
        mt.read(tmp_path / "nowhere.pcap")
    with pytest.raises(mt.CaptureError, match="no capture in this folder"):
        mt.read(tmp_path)


def test_what_breaks_off_gives_what_was_read(capture: Path, tmp_path: Path) -> None:
    packets = [
        craft.Packet(craft.START + 10**12 + i, b"a frame of another kind") for i in range(1200)
    ]
    other = put(tmp_path / "other.pcap", packets, link=148)
    with pytest.raises(mt.CaptureError, match=r"other\.pcap.*148") as caught:
        mt.read(other)
    assert len(caught.value.traffic.messages) == 0
    with pytest.raises(mt.CaptureError, match=r"other\.pcap.*148"):
        mt.read({"ams": other, "sfo": put(tmp_path / "more.pcap", packets, link=148)})


@pytest.mark.parametrize("names", [("ams", "sfo"), ("sfo", "ams")])
@pytest.mark.parametrize("kind", ["text", "empty", "link type"])
def test_a_node_that_cannot_be_read(
    capture: Path, tmp_path: Path, names: tuple[str, str], kind: str
) -> None:
    """Its only file is a row and a warning, never the end of the whole read."""
    other = tmp_path / "other.pcap"
    if kind == "link type":
        frames = [craft.Packet(craft.START + i, b"a frame of another kind") for i in range(1200)]
        put(other, frames, link=148)
    else:
        other.write_bytes(b"this is not a capture\n" if kind == "text" else b"")
    source = dict.fromkeys(names, capture) | {"sfo": other}
    traffic, warned = warnings_of(lambda: mt.read(source))
    assert len(traffic.messages) == 16
    assert traffic.connections["vantage"].tolist() == ["ams"] * 4
    assert traffic.connections["peer"].notna().all()
    (row,) = traffic.problems[traffic.problems["kind"] == "file"].to_dict("records")
    assert "vantage node 'sfo'" in row["detail"] and "other.pcap" in row["detail"]
    assert len(warned) == 1 and "other.pcap" in warned[0]
    parts, warned = warnings_of(lambda: list(mt.scan(source, rows=5)))
    assert sum(len(part.messages) for part in parts) == 16
    details = pd.concat([part.problems for part in parts])["detail"].astype(str)
    assert details.str.contains("vantage node 'sfo'").sum() == 1
    assert len(warned) == 1 and "other.pcap" in warned[0]
    with pytest.raises(mt.CaptureError, match=r"other\.pcap"):
        mt.read({"ams": other, "sfo": other})


def test_a_link_type_that_is_not_read_among_others(capture: Path, tmp_path: Path) -> None:
    """It is a row and a warning; only if no file can be read, it is an error."""
    packets = [craft.Packet(craft.START + 10**12 + i, b"another kind") for i in range(1200)]
    other = put(tmp_path / "other.pcap", packets, link=148)
    with pytest.warns(mt.CaptureWarning, match=r"other\.pcap.*148"):
        traffic = mt.read([capture, other])
    assert len(traffic.messages) == 16
    assert traffic.problems["kind"].tolist() == ["link_type"]
    assert traffic.files["skipped_packets"].tolist() == [0, 1200]
    more = put(tmp_path / "more.pcap", packets, link=148)
    with pytest.raises(mt.CaptureError, match="148"):
        mt.read([other, more])


def test_left_out_files_are_rows_and_a_warning(capture: Path, tmp_path: Path) -> None:
    (tmp_path / "more.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    (tmp_path / "node.log").write_text("a line of a log")
    with pytest.warns(mt.CaptureWarning, match=r"more\.zip: .*zip archive") as caught:
        traffic = mt.read(tmp_path)
    assert "node.log" not in str(caught[0].message)
    assert len(traffic.messages) == 16
    row = traffic.problems.iloc[-1]
    assert (row["kind"], row["file"]) == ("file", -1)
    assert "more.zip" in row["detail"]
    with pytest.warns(mt.CaptureWarning, match="zip archive"):
        parts = list(mt.scan(tmp_path, rows=3))
    assert sum(len(part.problems) for part in parts) == len(traffic.problems)


@pytest.mark.parametrize("pack", [lzma.compress, bz2.compress, lz4.frame.compress])
def test_xz_bzip2_and_lz4(pack: Callable[[bytes], bytes], capture: Path, tmp_path: Path) -> None:
    """As one stream, as several, cut, followed by something else."""
    content = capture.read_bytes()
    packed = tmp_path / "packed"
    for data in (pack(content), pack(content[:1000]) + pack(content[1000:])):
        packed.write_bytes(data)
        traffic = mt.read(packed)
        assert len(traffic.messages) == 16
        assert not len(traffic.problems)
    packed.write_bytes(pack(content[:1000]) + pack(content[1000:])[:-20])
    with pytest.warns(mt.CaptureWarning, match="the compressed data is cut"):
        traffic = mt.read(packed)
    assert traffic.files["truncated"].tolist() == [True]
    packed.write_bytes(pack(content) + b"something else")
    with pytest.warns(mt.CaptureWarning, match="other data after the compressed data"):
        assert len(mt.read(packed).messages) == 16
    data = bytearray(pack(content))
    data[len(data) // 2] ^= 255
    packed.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mt.CaptureWarning)
        try:
            assert len(mt.read(packed).problems)
        except mt.CaptureError as error:
            assert "bad compressed data" in str(error)


def test_blocks_of_lz4_and_its_legacy_format(tmp_path: Path) -> None:
    """Blocks of every size, with and without checksums, linked and not; the legacy format is
    named.
    """
    packed, plain = tmp_path / "a.pcap.lz4", HONEST / "vantage_00001.pcapng"
    expected = mt.read(plain)
    for size in (4, 5, 6, 7):
        packed.write_bytes(
            lz4.frame.compress(
                plain.read_bytes(),
                block_size=size,
                block_linked=size % 2 == 0,
                content_checksum=size % 2 == 0,
                store_size=size % 2 == 0,
            )
        )
        same(mt.read(packed), expected, ["messages"])
    packed.write_bytes(b"\x02\x21\x4c\x18" + bytes(100))
    with pytest.raises(mt.CaptureError, match="lz4-compressed data of the legacy format"):
        mt.read(packed)


def test_lz4_without_its_package(capture: Path, tmp_path: Path) -> None:
    packed = tmp_path / "a.pcap.lz4"
    packed.write_bytes(lz4.frame.compress(capture.read_bytes()))
    program = (
        "import sys; sys.modules['lz4'] = None; import monerotraffic as mt\n"
        "try: mt.read(sys.argv[1])\n"
        "except mt.CaptureError as error: print(error)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program, str(packed)], capture_output=True, text=True, check=True
    ).stdout
    assert "lz4 needs the Python package lz4 (pip install lz4)" in printed


# ---------------------------------------------------------------- several vantage nodes


def test_vantage_nodes_by_name(tmp_path: Path) -> None:
    """Two nodes that talk with each other see the same connection from both ends, each in its own
    capture.
    """
    shared = conversation("198.51.100.20", 50000, start=craft.START)
    ams = [
        shared,
        conversation("192.0.2.1", 40001, start=craft.START + 10**9),
        conversation("192.0.2.2", 40001, start=craft.START + 2 * 10**9),
    ]
    sfo = [
        shared,
        conversation("192.0.2.1", 40001, "198.51.100.20", start=craft.START + 10**9),
        conversation("192.0.2.5", 4, "198.51.100.20", start=craft.START + 2 * 10**9),
    ]
    for name, talks in (("ams", ams), ("sfo", sfo)):
        put(tmp_path / name, (packet for talk in talks for packet in talk.packets))
    alone = {name: mt.read(tmp_path / name) for name in ("ams", "sfo")}
    traffic = mt.read({"ams": tmp_path / "ams", "sfo": tmp_path / "sfo"})
    assert traffic.vantages == {"ams": (HOST,), "sfo": ("198.51.100.20",)}
    assert traffic.hosts == (HOST, "198.51.100.20")
    assert traffic.connections["vantage"].tolist() == ["ams"] * 3 + ["sfo"] * 3
    assert traffic.connections["connection"].tolist() == list(range(6))
    assert (
        traffic.connections["direction"].tolist()
        == ["incoming"] * 3 + ["outgoing"] + ["incoming"] * 2
    )
    assert traffic.connections["peer"].tolist() == [
        "198.51.100.20",
        "192.0.2.1",
        "192.0.2.2",
        HOST,
        "192.0.2.1",
        "192.0.2.5",
    ]
    assert traffic.messages["message"].tolist() == list(range(24))
    assert traffic.messages["file"].tolist() == [0] * 12 + [1] * 12
    assert traffic.messages["reply_to"].tolist() == [-1 if i % 2 == 0 else i - 1 for i in range(24)]
    assert traffic.files["path"].tolist() == [str(tmp_path / "ams"), str(tmp_path / "sfo")]
    assert not traffic.accounting()["unexplained"].any()
    for table in ("messages", "peer_lists", "node_data", "sync_data"):
        halves = getattr(traffic, table)
        middle = len(halves) // 2
        for name, half in (("ams", halves[:middle]), ("sfo", halves[middle:])):
            columns = [
                column
                for column in halves.columns
                if column not in ("message", "connection", "reply_to", "file")
            ]
            pd.testing.assert_frame_equal(
                half[columns].reset_index(drop=True),
                getattr(alone[name], table)[columns],
                check_categorical=False,
            )
    joined = traffic.messages.merge(traffic.peer_lists, on="message")
    assert joined["host"].tolist() == ["203.0.113.7", "203.0.113.8"] * 6


def test_ids_do_not_depend_on_the_tables(capture: Path) -> None:
    nodes = {"ams": capture, "sfo": capture}
    assert (
        mt.read(nodes, tables=["peer_lists"]).peer_lists["message"].tolist()
        == mt.read(nodes).peer_lists["message"].tolist()
    )


def test_hosts_by_vantage_node(capture: Path) -> None:
    nodes = {"ams": capture, "sfo": capture}
    traffic = mt.read(nodes, host={"sfo": ["192.0.2.1", "192.0.2.2"]})
    assert traffic.vantages == {"ams": (HOST,), "sfo": ("192.0.2.1", "192.0.2.2")}
    assert traffic.connections["vantage"].isna().tolist() == [False] * 6 + [True] * 2
    assert mt.read(nodes, host="192.0.2.1").vantages == {
        "ams": ("192.0.2.1",),
        "sfo": ("192.0.2.1",),
    }
    with pytest.raises(ValueError, match="'lon': must be one of 'ams'"):
        mt.read(nodes, host={"lon": HOST})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ports": 18080}, "ports=18080: give a list of ports"),
        ({"ports": "18080"}, "ports='18080': give a list of ports"),
        ({"ports": ["http"]}, "ports: 'http' is not an integer"),
        ({"ports": [18080.0]}, "ports: 18080.0 is not an integer"),
        ({"tables": 5}, "tables=5: give a list of names"),
        ({"tables": "messages"}, "tables='messages': give a list of names"),
        ({"limits": 5}, "limits=5: give a dict of numbers by name"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = put(tmp_path / "a.pcap", conversation().packets)
    for function in (mt.read, mt.scan):
        with pytest.raises(TypeError, match=re.escape(message)):
            function(path, **arguments)
