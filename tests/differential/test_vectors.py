"""Real transactions and blocks in every message that carries any, and the ids and facts under which
they are known. tests/data/vectors/README.md says where each was published.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import monerotraffic as mt
from oracle.keccak import keccak
from support import craft
from support.vectors import Vector, vectors

Row = dict[str, Any]
NEW_BLOCK, TRANSACTIONS, OBJECTS, FLUFFY_BLOCK = 2001, 2002, 2004, 2008
FACTS = ("version", "rct_type", "inputs", "outputs", "ring_size", "fee")
HEADER = (
    "height",
    "timestamp",
    "major_version",
    "minor_version",
    "previous",
    "miner_tx",
    "transactions",
)


def short(vector: Vector) -> str:
    return str(vector["id"])[:8]


BLOCKS = vectors("blocks")
ALL = vectors("transactions")
WHOLE = [vector for vector in ALL if not vector["pruned"]]
# a miner transaction is never sent by itself
PRUNABLE = [vector for vector in ALL if vector["ring_size"] is not None]


# ---------------------------------------------------------------- payloads


def blob(vector: Vector) -> bytes:
    return bytes.fromhex(vector["blob"])


def lean(vector: Vector) -> bytes:
    """The blob in pruned form; a transaction of version 1 has none other than the whole one."""
    return blob(vector)[: vector.get("base")]


def lean_entry(vector: Vector) -> dict[str, Any]:
    return {
        "blob": lean(vector),
        "prunable_hash": bytes.fromhex(vector.get("prunable_hash", "00" * 32)),
    }


def block_entry(
    block: Vector, transactions: Sequence[Vector], pruned: bool = False
) -> dict[str, Any]:
    entry: dict[str, Any] = {"block": blob(block)}
    if pruned:
        entry |= {"block_weight": ("u64", 1), "pruned": True}
    if transactions:
        entry["txs"] = [lean_entry(vector) if pruned else blob(vector) for vector in transactions]
    return entry


def announced(block: Vector, transactions: Sequence[Vector]) -> bytes:
    """2001 or 2008."""
    return craft.epee(
        {
            "b": block_entry(block, transactions),
            "current_blockchain_height": ("u64", block["height"] + 1),
        }
    )


def objects(shares: Iterable[tuple[Vector, Sequence[Vector]]], pruned: bool = False) -> bytes:
    """2004."""
    return craft.epee(
        {
            "blocks": [block_entry(block, transactions, pruned) for block, transactions in shares],
            "current_blockchain_height": ("u64", 3000000),
        }
    )


def shared(transactions: Sequence[Vector]) -> list[tuple[Vector, Sequence[Vector]]]:
    """Every block, and the transactions that come with it: none with the first, the others' in
    turn.
    """
    return [
        (block, transactions[i - 1 :: len(BLOCKS) - 1] if i else [])
        for i, block in enumerate(BLOCKS)
    ]


# ---------------------------------------------------------------- what is read


def read(path: Path, *messages: tuple[int, bytes]) -> mt.Traffic:
    """A handshake, and those notifications of the client after it: rows 2, 3, … of `messages`."""
    talk = craft.Connection().open()
    talk.send(craft.CLIENT, craft.request(1001, craft.handshake_request()))
    talk.send(craft.SERVER, craft.response(1001, craft.handshake_response()))
    for command, payload in messages:
        talk.send(craft.CLIENT, craft.notification(command, payload))
    talk.close()
    capture = path / "capture.pcap"
    capture.write_bytes(craft.pcap(talk.packets))
    traffic = mt.read(capture)
    assert traffic.messages["command"].tolist() == [
        1001,
        1001,
        *(command for command, _ in messages),
    ]
    assert (traffic.messages["status"] == "complete").all()
    assert traffic.problems.empty, traffic.problems["detail"].tolist()
    return traffic


def rows(frame: pd.DataFrame, *leave: str) -> list[Row]:
    """The rows as plain Python, without some columns."""
    frame = frame.drop(columns=list(leave)).astype(object)
    return list(frame.where(frame.notna(), None).to_dict("records"))


def transaction_row(
    vector: Vector,
    message: int,
    position: int,
    pruned: bool = False,
    fluff: bool | None = None,
    block: int | None = None,
) -> Row:
    cut = vector["pruned"] or (pruned and "base" in vector)
    sent = lean(vector) if cut else blob(vector)
    facts = {name: vector[name] for name in FACTS}
    relayed = {"fluff": fluff, "ascending": None if fluff is None else True}
    return {
        "message": message,
        "position": position,
        "tx": vector["id"],
        "blob_hash": keccak(sent).hex(),
        "blob_size": len(sent),
        **facts,
        "pruned": cut,
        **relayed,
        "block_position": block,
    }


def block_row(vector: Vector, message: int, position: int) -> Row:
    return {
        "message": message,
        "position": position,
        "block": vector["id"],
        "blob_hash": keccak(blob(vector)).hex(),
        "blob_size": len(blob(vector)),
        **{name: vector[name] for name in HEADER},
    }


def expected(
    shares: Iterable[tuple[Vector, Sequence[Vector]]], message: int, pruned: bool = False
) -> tuple[list[Row], list[Row]]:
    """Rows of blocks, and of the transactions that came with them, of one message."""
    shares = list(shares)
    pairs = [(i, vector) for i, (_, transactions) in enumerate(shares) for vector in transactions]
    blocks = [block_row(block, message, i) for i, (block, _) in enumerate(shares)]
    return blocks, [
        transaction_row(vector, message, position, pruned, None, block)
        for position, (block, vector) in enumerate(pairs)
    ]


def weighed(vector: Vector, size: int, weight: int | None, cut: bool) -> None:
    """The published weight; if none is, what monerod's rule says of it: more than the size only if
    one bulletproof is of more than two outputs.
    """
    if cut:
        assert weight is None
    elif "weight" in vector:
        assert weight == vector["weight"]
    elif (vector["rct_type"] or 0) > 2 and vector["outputs"] > 2:
        assert weight is not None
        assert weight > size
    else:
        assert weight == size


def same(
    traffic: mt.Traffic, transactions: list[Row], blocks: list[Row], given: Iterable[Vector]
) -> None:
    assert rows(traffic.transactions, "weight") == transactions
    assert rows(traffic.blocks) == blocks
    for row, vector in zip(rows(traffic.transactions), given, strict=True):
        weighed(vector, row["blob_size"], row["weight"], row["pruned"])


# ---------------------------------------------------------------- the vectors themselves


def test_every_kind_is_there() -> None:
    assert {vector["rct_type"] for vector in WHOLE} == {None, 0, 1, 2, 3, 4, 5, 6}
    assert {vector["rct_type"] for vector in PRUNABLE} == {None, 1, 2, 3, 4, 5, 6}
    assert {0, 1, 2, 3, 513} <= {block["transactions"] for block in BLOCKS}
    assert all("id" in vector["published"] for vector in itertools.chain(ALL, BLOCKS))


# ---------------------------------------------------------------- 2002


@pytest.mark.parametrize("vector", WHOLE, ids=short)
def test_one_transaction(tmp_path: Path, vector: Vector) -> None:
    traffic = read(tmp_path, (TRANSACTIONS, craft.transactions([blob(vector)])))
    same(traffic, [transaction_row(vector, 2, 0, fluff=True)], [], [vector])


@pytest.mark.parametrize("fluff", [True, False], ids=["fluff", "stem"])
def test_several_transactions(tmp_path: Path, fluff: bool) -> None:
    given = [*WHOLE, *WHOLE[::-1]]
    traffic = read(
        tmp_path, (TRANSACTIONS, craft.transactions([blob(vector) for vector in given], fluff))
    )
    ascending = [True, *(blob(one) <= blob(other) for one, other in itertools.pairwise(given))]
    assert {True, False} == set(ascending)
    same(
        traffic,
        [
            transaction_row(vector, 2, i, fluff=fluff) | {"ascending": ascending[i]}
            for i, vector in enumerate(given)
        ],
        [],
        given,
    )


# ---------------------------------------------------------------- 2001, 2008


@pytest.mark.parametrize("command", [NEW_BLOCK, FLUFFY_BLOCK])
def test_blocks_as_they_are_mined(tmp_path: Path, command: int) -> None:
    shares = shared(WHOLE)
    traffic = read(
        tmp_path, *((command, announced(block, transactions)) for block, transactions in shares)
    )
    groups = [expected([share], 2 + i) for i, share in enumerate(shares)]
    blocks, transactions = ([row for tables in groups for row in tables[which]] for which in (0, 1))
    same(traffic, transactions, blocks, [vector for _, given in shares for vector in given])


# ---------------------------------------------------------------- 2004


@pytest.mark.parametrize("pruned", [False, True], ids=["whole", "pruned"])
def test_blocks_that_were_asked_for(tmp_path: Path, pruned: bool) -> None:
    shares = shared(PRUNABLE if pruned else WHOLE)
    traffic = read(tmp_path, (OBJECTS, objects(shares, pruned)))
    blocks, transactions = expected(shares, 2, pruned)
    same(traffic, transactions, blocks, [vector for _, given in shares for vector in given])


@pytest.mark.parametrize("vector", PRUNABLE, ids=short)
def test_one_transaction_in_pruned_form(tmp_path: Path, vector: Vector) -> None:
    shares = [(BLOCKS[0], [vector])]
    traffic = read(tmp_path, (OBJECTS, objects(shares, pruned=True)))
    blocks, transactions = expected(shares, 2, pruned=True)
    same(traffic, transactions, blocks, [vector])


# ---------------------------------------------------------------- the same in all of them


def test_ids_do_not_depend_on_the_message(tmp_path: Path) -> None:
    """Relayed, in a new block, asked for whole, and asked for in pruned form."""
    given = [vector for vector in WHOLE if vector["ring_size"] is not None]
    share = (BLOCKS[-1], given)
    relayed = (TRANSACTIONS, craft.transactions([blob(vector) for vector in given]))
    traffic = read(
        tmp_path,
        relayed,
        (FLUFFY_BLOCK, announced(*share)),
        (OBJECTS, objects([share])),
        (OBJECTS, objects([share], pruned=True)),
        relayed,
    )
    ids_of = {
        message: group["tx"].tolist() for message, group in traffic.transactions.groupby("message")
    }
    assert ids_of == {message: [vector["id"] for vector in given] for message in range(2, 7)}
    assert traffic.blocks["block"].tolist() == [BLOCKS[-1]["id"]] * 3
