"""Payload items as tshark prints them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import compat
from support import craft
from support.pipeline import (
    HEAD,
    all_kinds,
    capture,
    lists,
    read,
    two_in_one,
)


def items(tmp_path: Path, *talks: craft.Connection) -> mt.Traffic:
    return read(tmp_path, *talks, tables=["messages", "fields"])


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
    text = compat.tsv(items(tmp_path, two_in_one()))
    assert tuple(text.columns) == compat.PACKET_FIELDS
    peer = "adr,addr,m_ip,m_port,type,id"
    sync = (
        "payload_data,cumulative_difficulty,cumulative_difficulty_top64,current_height,top_id,"
        "top_version"
    )
    assert (
        text["monero.payload.item.key"][3]
        == f"support_flags,local_peerlist_new,{peer},{peer},{sync}"
    )
    assert text["monero.payload.item.value.uint32"][3].startswith("3,")
    assert text["monero.payload.item.value.uint64"][3] == f"{(1 << 63) + 1},2,{1 << 60},0,11"
    assert text["monero.payload.item.value.uint16"][3] == "18080,28080"


def test_last_seen_of_a_regular_type_can_be_printed(tmp_path: Path) -> None:
    """tshark has it under int64, which the pipeline does not ask for."""
    traffic = mt.read(capture(tmp_path, all_kinds()), tables=["messages", "fields"])
    text = compat.tsv(traffic, [*compat.TESTING_FIELDS, "monero.payload.item.value.int64"])
    assert text["monero.payload.item.value.int64"].tolist() == ["", "1700000001"]


def test_written_rows_are_those_of_tsv(tmp_path: Path) -> None:
    traffic = items(tmp_path, two_in_one())
    for fields in (
        compat.PACKET_FIELDS,
        compat.TESTING_FIELDS,
        compat.PEER_LIST_FIELDS,
        ("ip.src",),
    ):
        compat.write_tsv(traffic, tmp_path / "x.tsv", fields)
        lines = [line.split("\t") for line in (tmp_path / "x.tsv").read_text().splitlines()]
        assert lines == compat.tsv(traffic, fields).to_numpy().tolist()


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
