"""Tables as plain rows, and their comparison with the rows of the oracle."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import monerotraffic as mt
from support import truth

Row = dict[str, Any]


Tables = dict[str, list[Row]]


COLUMNS = {
    "connections": (
        *(
            "connection",
            "client",
            "client_port",
            "server",
            "server_port",
            "opened",
            "closed",
            "start",
            "end",
            "rtt",
            "client_mss",
            "server_mss",
            "client_ttl",
            "server_ttl",
        ),
        *(
            f"{side}_{name}"
            for side in ("client", "server")
            for name in ("packets", "bytes", "retransmitted", "lost", "messages")
        ),
    ),
    "messages": (
        *(
            "connection",
            "from_client",
            "time",
            "end_time",
            "file",
            "frame",
            "end_frame",
            "command",
            "name",
            "kind",
            "levin_flags",
            "expects_response",
            "return_code",
            "version",
        ),
        *(
            "length",
            "captured",
            "segments",
            "first_segment",
            "end_length",
            "shared",
            "fragments",
            "status",
        ),
        *(
            "keys_ordered",
            "unknown_keys",
            "duplicate_keys",
            "wide_varints",
            "other_types",
            "default_fields",
            "trailing",
            "skeleton",
        ),
    ),
    "peer_lists": (
        "position",
        "host",
        "port",
        "type",
        "id",
        "last_seen",
        "pruning_seed",
        "rpc_port",
        "rpc_credits_per_hash",
    ),
    "node_data": (
        "peer_id",
        "my_port",
        "network_id",
        "support_flags",
        "rpc_port",
        "rpc_credits_per_hash",
        "local_time",
        "status_text",
    ),
    "sync_data": (
        "current_height",
        "cumulative_difficulty",
        "cumulative_difficulty_top64",
        "top_id",
        "top_version",
        "pruning_seed",
    ),
    "transactions": (
        "position",
        "tx",
        "blob_hash",
        "blob_size",
        "version",
        "rct_type",
        "inputs",
        "outputs",
        "ring_size",
        "fee",
        "weight",
        "pruned",
        "fluff",
        "ascending",
        "block_position",
    ),
    "blocks": (
        "position",
        "block",
        "height",
        "timestamp",
        "major_version",
        "minor_version",
        "previous",
        "miner_tx",
        "transactions",
        "blob_hash",
        "blob_size",
    ),
    "inventories": ("position", "list", "id", "tx_index"),
    "files": (
        "file",
        "path",
        "packets",
        "bytes",
        "first_time",
        "last_time",
        "tcp_packets",
        "monero_packets",
        "skipped_packets",
        "truncated",
    ),
}


BY_MESSAGE = ("peer_lists", "node_data", "sync_data", "transactions", "blocks", "inventories")


FINGERPRINT = COLUMNS["messages"][-8:]


@cache
def read(*paths: Path) -> mt.Traffic:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mt.CaptureWarning)
        return mt.read([str(path) for path in paths])


def plain(frame: pd.DataFrame) -> list[Row]:
    """Numbers, text and None; times in nanoseconds, missing ones as the oracle has them."""
    columns = {}
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            columns[name] = column.astype("int64").tolist()
        elif column.dtype.kind == "m":
            columns[name] = [
                None if missing else value
                for value, missing in zip(
                    column.astype("int64").tolist(), column.isna().tolist(), strict=True
                )
            ]
        else:
            columns[name] = [
                None if missing else value
                for value, missing in zip(column.tolist(), column.isna().tolist(), strict=True)
            ]
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def tables_of(traffic: mt.Traffic) -> Tables:
    # an empty DataFrame takes as long
    return {
        name: plain(getattr(traffic, name)) if len(traffic.arrays[name]) else []
        for name in ("connections", "messages", *BY_MESSAGE, "problems", "files")
    }


@cache
def ours(*paths: Path) -> Tables:
    return tables_of(read(*paths))


def messages_by_stream(tables: Tables) -> tuple[list[Row], dict[int, tuple[int, bool, int]]]:
    """Rows of `messages` by connection, direction and order, without ids; and the place of each id
    in that order. Only the order of messages of different directions depends on when a hole is
    given up.
    """
    places: dict[int, tuple[int, bool, int]] = {}
    counts: Counter[tuple[int, bool]] = Counter()
    for row in tables["messages"]:
        stream = (row["connection"], row["from_client"])
        places[row["message"]] = (*stream, counts[stream])
        counts[stream] += 1
    rows = [
        {name: row[name] for name in COLUMNS["messages"]}
        | {"place": places[row["message"]], "reply_to": places.get(row["reply_to"])}
        for row in tables["messages"]
    ]
    return sorted(rows, key=lambda row: row["place"]), places


def check_same(left: list[Row], right: list[Row], what: str) -> None:
    assert len(left) == len(right), what
    for one, other in zip(left, right, strict=True):
        differing = {name: (one[name], other[name]) for name in one if one[name] != other[name]}
        assert not differing, (what, differing, one)


def check_oracle(tables: Tables, wanted: Tables, but: Iterable[str] = ()) -> None:
    """Every table as the oracle has it, `but` for some columns of messages."""
    for name in ("connections", "files"):
        check_same(
            *([compared_columns(name, row) for row in tables[name]] for tables in (tables, wanted)),
            what=name,
        )
    (left, left_places), (right, right_places) = (
        messages_by_stream(tables),
        messages_by_stream(wanted),
    )
    left, right = (
        [row | dict.fromkeys([*but, *unsure(row)]) for row in rows] for rows in (left, right)
    )
    check_same(left, right, "messages")
    for name in BY_MESSAGE:
        rows = [
            sorted(
                (
                    {column: row[column] for column in COLUMNS[name]}
                    | {"place": places[row["message"]]}
                    for row in tables[name]
                ),
                key=lambda row: (row["place"], row.get("position", 0)),
            )
            for tables, places in ((tables, left_places), (wanted, right_places))
        ]
        check_same(*rows, what=name)
    assert undecoded(tables) == undecoded(wanted)
    assert unread(tables) == unread(wanted)


def unsure(row: Row) -> list[str]:
    """What else the segments of a broken or a joined message carry is told as far as it goes, and
    so is the fingerprint of a payload that monerod refuses.
    """
    more = FINGERPRINT if row["status"] == "malformed" else ()
    return [*more] if row["status"] == "complete" and row["fragments"] == 1 else ["shared", *more]


def compared_columns(table: str, row: Row) -> Row:
    """The columns to compare. What a stream begun in the middle shows of earlier bytes is repeated
    as well as new to us: only the sum is compared.
    """
    columns = {column: row[column] for column in COLUMNS[table]}
    if table == "connections" and row["start"] == "midstream":
        for side in ("client", "server"):
            columns[f"{side}_bytes"] += columns[f"{side}_retransmitted"]
            columns[f"{side}_retransmitted"] = 0
    return columns


def undecoded(tables: Tables) -> Counter[tuple[str, int]]:
    """Bytes in `problems` by kind and connection."""
    counts: Counter[tuple[str, int]] = Counter()
    for row in tables["problems"]:
        if (
            row["bytes"]
            and row["offset"] >= 0
            and row["kind"] not in ("conflict", "file", "packet")
        ):
            counts[row["kind"], row["connection"]] += row["bytes"]
    return counts


def unread(tables: Tables) -> Counter[tuple[int, int]]:
    """Blobs that do not parse, by connection and stream offset of their message."""
    return Counter(
        (row["connection"], row["offset"]) for row in tables["problems"] if row["kind"] == "blob"
    )


def check_accounting(traffic: mt.Traffic) -> None:
    account = traffic.accounting()
    assert (account["unexplained"] == 0).all(), account[account["unexplained"] != 0]
    assert (account["lost"] == account["holes"]).all()


def scenarios() -> list[Any]:
    return [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios()]
