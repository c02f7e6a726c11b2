"""Transactions, blocks and inventories within 2xxx messages. The one real transaction and block
here are mainnet's first: their ids are known to everybody.
"""

from __future__ import annotations

import struct
from typing import Any

from oracle.keccak import keccak
from support import craft
from support.craft import epee, notification

from ._build import CLIENT, PING, PONG, SERVER, Wire, seen
from ._case import Expect, Row, case, cases, pair, problem
from ._case import notification as notification_row

GENESIS_TX = bytes.fromhex(
    "013c01ff0001ffffffffffff03029b2e4c0281c0b02e7c53291a94d1d0cbff8883f8024f5142ee494ffbbd08807121017767aafcde9be00dcfd098715ebcf7f410daebc582fda69d24a28e9d0bc890d1"
)
GENESIS_TX_ID = "c88ce9783b4f11190d7b9c17a69c1c52200f9faaee8e98dd07e6811175177139"
GENESIS = bytes.fromhex("010000" + "00" * 32 + "10270000") + GENESIS_TX + b"\0"
GENESIS_ID = "418015bb9ae982a1975da7d79277c2705727a56894ba0fb246adaabb1f4632e3"
GENESIS_TX_ROW: Row = {
    "tx": GENESIS_TX_ID,
    "blob_hash": GENESIS_TX_ID,  # of version 1 the id is this hash
    "blob_size": 80,
    "version": 1,
    "rct_type": None,
    "inputs": 1,
    "outputs": 1,
    "ring_size": None,
    "fee": None,
    "weight": 80,
    "pruned": False,
}
GENESIS_ROW: Row = {
    "block": GENESIS_ID,
    "height": 0,
    "timestamp": 0,
    "major_version": 1,
    "minor_version": 0,
    "previous": "00" * 32,
    "miner_tx": GENESIS_TX_ID,
    "transactions": 0,
    "blob_hash": keccak(GENESIS).hex(),
    "blob_size": 120,
}
UNKNOWN_TX: Row = dict.fromkeys(
    ("tx", "version", "rct_type", "inputs", "outputs", "ring_size", "fee", "weight")
)
UNKNOWN_BLOCK: Row = dict.fromkeys(
    (
        "block",
        "height",
        "timestamp",
        "major_version",
        "minor_version",
        "previous",
        "miner_tx",
        "transactions",
    )
)
IDS = [bytes([i]) * 32 for i in range(1, 5)]


def relayed(command: int, body: Any, **columns: Any) -> Expect:
    """One notification from the client, and a ping after it that must not suffer."""
    wire = Wire()
    wire.talk().say(CLIENT, notification(command, epee(body))).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(seen(wire), messages=[notification_row(command, frame=4), *pair(5)], **columns)


def bad(detail: str, count: int = 1) -> list[Row]:
    """Problems of a message that begins its stream in frame 4; their bytes are those of the
    message, which is whole.
    """
    return [
        problem("blob", 0, frame=4, connection=0, direction="received", offset=0, detail=detail)
    ] * count


# ---------------------------------------------------------------- transactions


@case
def transactions_that_are_fluffed() -> Expect:
    rows = [
        {
            "message": 0,
            "position": i,
            "fluff": True,
            "ascending": True,
            "block_position": None,
            **GENESIS_TX_ROW,
        }
        for i in range(2)
    ]
    return relayed(
        2002,
        {"_": b"", "txs": [GENESIS_TX, GENESIS_TX]},
        transactions=rows,
        blocks=[],
        inventories=[],
        problems=[],
    )


@cases(
    {
        "the same bytes, and more": ([b"\5", b"\5", b"\5\0"], [True, True, True]),
        "the first of another": ([b"\5\0", b"\5", b"\5\0"], [True, False, True]),
        "by the first byte, not by length": ([b"\xff", b"\x7f" * 9, b"\x80"], [True, False, True]),
        "nothing at first": ([b"", b"\0", b""], [True, True, False]),
    }
)
def transactions_in_order(blobs: list[bytes], ascending: list[bool]) -> Expect:
    """Each held against the one before it, whether it parses or not."""
    return relayed(
        2002,
        {"txs": blobs, "_": b"\0" * 16},
        transactions=[{"position": i, "ascending": one} for i, one in enumerate(ascending)],
    )


@cases(
    {
        "before the transactions": False,
        "behind them, and false": False,
        "behind them, and true": True,
    }
)
def fluff_as_it_is_written(fluff: bool) -> Expect:
    """Cuprate's order, and monerod's."""
    return relayed(
        2002,
        {"txs": [GENESIS_TX], "dandelionpp_fluff": fluff, "_": b""},
        transactions=[{"position": 0, "fluff": fluff, **GENESIS_TX_ROW}],
        problems=[],
    )


@case
def a_notification_without_transactions() -> Expect:
    return relayed(
        2002, {"_": b" " * 100, "dandelionpp_fluff": False}, transactions=[], problems=[]
    )


@cases(
    {
        "nothing": (b"", "transaction"),
        "one byte short": (GENESIS_TX[:-1], "transaction"),
        "one byte more": (GENESIS_TX + b"\0", "transaction"),
        "version 0": (b"\0" + GENESIS_TX[1:], "version"),
        "version 3": (b"\3" + GENESIS_TX[1:], "version"),
        "version in two bytes": (b"\x81\0" + GENESIS_TX[1:], "varint"),
        "a count of 2^63": (b"\1\0" + b"\x80" * 8 + b"\x80\1", "transaction"),
        "a Carrot output": (
            b"\2\0\1\xff\1\1\0\4" + bytes(51) + b"\0\0",
            "unknown output type 4 (Carrot in drafts of FCMP++)",
        ),
        "RCT type 7": (
            b"\2\0\1\2\0\0" + bytes(32) + b"\1\0\2" + bytes(32) + b"\0\7" + bytes(99),
            "unknown RCT type 7 (FCMP++ in drafts)",
        ),
    }
)
def a_blob_that_is_no_transaction(blob: bytes, why: str) -> Expect:
    """Its neighbours keep theirs, and their places."""
    rows = [
        {"position": 0, **GENESIS_TX_ROW},
        {
            "position": 1,
            "blob_size": len(blob),
            "blob_hash": keccak(blob).hex(),
            "pruned": False,
            "fluff": True,
            **UNKNOWN_TX,
        },
        {"position": 2, **GENESIS_TX_ROW},
    ]

    def check(traffic: Any) -> None:
        (detail,) = traffic.problems["detail"].tolist()
        assert why in detail, detail

    return relayed(
        2002,
        {"_": b"", "txs": [GENESIS_TX, blob, GENESIS_TX]},
        transactions=rows,
        totals={"blob": 0},
        check=check,
    )


@case
def blobs_are_not_looked_into_unless_asked_for() -> Expect:
    body = {
        "b": {"block": b"no block", "txs": [b"no transaction"]},
        "current_blockchain_height": ("u64", 1),
    }
    return relayed(2001, body, problems=[], options={"tables": ["messages"]})


@case
def transactions_alone() -> Expect:
    body = {
        "b": {"block": b"no block", "txs": [GENESIS_TX]},
        "current_blockchain_height": ("u64", 1),
    }
    return relayed(
        2001,
        body,
        transactions=[{"position": 0, **GENESIS_TX_ROW}],
        problems=[],
        options={"tables": ["messages", "transactions"]},
    )


# ---------------------------------------------------------------- blocks


@cases({"as 2001": 2001, "as 2008": 2008})
def a_block(command: int) -> Expect:
    body = {"b": {"block": GENESIS, "txs": [GENESIS_TX]}, "current_blockchain_height": ("u64", 1)}
    row = {"position": 0, "block_position": 0, "fluff": None, "ascending": None, **GENESIS_TX_ROW}
    return relayed(
        command,
        body,
        blocks=[{"message": 0, "position": 0, **GENESIS_ROW}],
        transactions=[row],
        problems=[],
    )


@case
def several_blocks() -> Expect:
    """Transactions are counted through; each says which block it came with. One entry has no block,
    one a block that is none.
    """
    blocks = [
        {"block": GENESIS, "txs": [GENESIS_TX, GENESIS_TX]},
        {"txs": [GENESIS_TX]},
        {"block": b"", "pruned": True},
        {"block": GENESIS},
    ]
    return relayed(
        2004,
        {"blocks": blocks, "current_blockchain_height": ("u64", 1), "missed_ids": b"".join(IDS)},
        blocks=[
            {"position": 0, **GENESIS_ROW},
            {"position": 2, "blob_size": 0, **UNKNOWN_BLOCK},
            {"position": 3, **GENESIS_ROW},
        ],
        transactions=[
            {"position": i, "block_position": block, "fluff": None, **GENESIS_TX_ROW}
            for i, block in enumerate([0, 0, 1])
        ],
        inventories=[
            {"list": "missed", "position": i, "id": block_id.hex(), "tx_index": None}
            for i, block_id in enumerate(IDS)
        ],
        totals={"blob": 0},
    )


@case
def pruned_transactions_of_version_1_are_whole() -> Expect:
    entry = {
        "block": GENESIS,
        "block_weight": ("u64", 80),
        "pruned": True,
        "txs": [
            {"blob": GENESIS_TX, "prunable_hash": bytes(32)},
            {"prunable_hash": bytes(32), "blob": GENESIS_TX[:-1]},
            {},
        ],
    }
    rows = [
        {"position": 0, "block_position": 0, "fluff": None, **GENESIS_TX_ROW},
        {"position": 1, "block_position": 0, "blob_size": 79, "pruned": True, **UNKNOWN_TX},
    ]
    return relayed(
        2004,
        {"blocks": [entry], "current_blockchain_height": ("u64", 1)},
        transactions=rows,
        blocks=[{"position": 0, **GENESIS_ROW}],
        totals={"blob": 0},
    )


@case
def a_block_of_the_next_fork() -> Expect:
    """Version 17 is not released: its blob is not called damaged."""
    blob = b"\x11\x11" + GENESIS[2:] + bytes(33)
    return relayed(
        2008,
        {"b": {"block": blob}, "current_blockchain_height": ("u64", 1)},
        blocks=[
            {"position": 0, "blob_size": 153, "blob_hash": keccak(blob).hex(), **UNKNOWN_BLOCK}
        ],
        problems=bad("block: unknown block version 17 (FCMP++ and Carrot in drafts)"),
    )


@cases({"of one signature": 3, "of one for each input": 4})
def bulletproofs_as_testnet_had_them_in_2018(rct_type: int) -> Expect:
    """monerod v0.12: one bulletproof for each output, and no number of them."""
    inputs, ring, outputs = 2, 7, 2
    spent = b"\2\0" + bytes([ring]) + b"\1" * ring + bytes(32)
    prefix = b"\2\0" + bytes([inputs]) + spent * inputs + bytes([outputs])
    prefix += (b"\0\2" + bytes(32)) * outputs + b"\0"
    base = bytes([rct_type, 5]) + bytes(32 * inputs * (rct_type == 4)) + bytes(96 * outputs)
    proof = bytes(192) + b"\6" + bytes(192) + b"\6" + bytes(192) + bytes(96)
    one = 32 * (ring * (inputs + 1) + 1)
    signatures = bytes(one if rct_type == 3 else inputs * 32 * (2 * ring + 1))
    prunable = proof * outputs + signatures
    blob = prefix + base + prunable
    row = {
        "tx": keccak(keccak(prefix) + keccak(base) + keccak(prunable)).hex(),
        "version": 2,
        "rct_type": rct_type,
        "inputs": 2,
        "outputs": 2,
        "ring_size": 7,
        "fee": 5,
        "weight": len(blob),
        "blob_size": len(blob),
        "pruned": False,
    }
    return relayed(2002, {"_": b"", "txs": [blob]}, transactions=[row], problems=[])


@cases(
    {
        "one byte short": GENESIS[:-1],
        "one byte more": GENESIS + b"\0",
        "a tx id short": GENESIS[:-1] + b"\2" + bytes(63),
        "major version of 256": b"\x80\2" + GENESIS[1:],
    }
)
def a_blob_that_is_no_block(blob: bytes) -> Expect:
    body = {"b": {"block": blob}, "current_blockchain_height": ("u64", 1)}
    return relayed(
        2008,
        body,
        blocks=[{"position": 0, "blob_size": len(blob), **UNKNOWN_BLOCK}],
        totals={"blob": 0},
    )


# ---------------------------------------------------------------- inventories


@cases(
    {
        "2003": (2003, "blocks", "blocks"),
        "2006": (2006, "block_ids", "chain"),
        "2007": (2007, "m_block_ids", "chain"),
        "2010": (2010, "hashes", "txpool"),
    }
)
def ids(command: int, key: str, name: str) -> Expect:
    rows = [
        {"message": 0, "list": name, "position": i, "id": block_id.hex(), "tx_index": None}
        for i, block_id in enumerate([IDS[0], IDS[1], IDS[0]])
    ]
    return relayed(
        command,
        {key: IDS[0] + IDS[1] + IDS[0]},
        inventories=rows,
        problems=[],
        transactions=[],
        blocks=[],
    )


@case
def missing_indices() -> Expect:
    body = {
        "block_hash": IDS[2],
        "current_blockchain_height": ("u64", 5),
        "missing_tx_indices": struct.pack("<3Q", 0, 7, 2**64 - 1),
    }
    rows = [
        {"list": "missing_indices", "position": i, "tx_index": index, "id": IDS[2].hex()}
        for i, index in enumerate([0, 7, 2**64 - 1])
    ]
    return relayed(2009, body, inventories=rows, problems=[])


@cases(
    {
        "2003": (2003, {"blocks": bytes(33)}, 32),
        "2009": (2009, {"block_hash": IDS[0], "missing_tx_indices": bytes(12)}, 8),
    }
)
def a_list_of_an_odd_length(command: int, body: Any, size: int) -> Expect:
    """Empty for monerod."""
    what = "ids" if size == 32 else "indices"
    return relayed(
        command,
        body,
        inventories=[],
        problems=bad(f"{what}: length is not a multiple of {size}: empty for monerod"),
    )


@case
def what_is_not_whole_gives_no_rows() -> Expect:
    wire = Wire()
    body = notification(2002, craft.transactions([GENESIS_TX]))
    wire.talk().say(CLIENT, body[:-1])
    return Expect(
        seen(wire),
        messages=[notification_row(2002, status="truncated")],
        transactions=[],
        totals={"truncated": len(body) - 1},
    )


@case
def what_monerod_refuses_gives_no_rows() -> Expect:
    wire = Wire()
    body = notification(2002, epee([("txs", [GENESIS_TX]), ("zz", craft.Raw(b"\x0b\x02"))]))
    wire.talk().say(CLIENT, body)
    return Expect(
        seen(wire),
        messages=[notification_row(2002, status="malformed")],
        transactions=[],
        totals={"malformed": len(body)},
    )
