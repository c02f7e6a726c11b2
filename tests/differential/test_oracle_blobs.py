"""The oracle's transactions, blocks and notifications: labelled captures, known sums, rows."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from oracle import blobs, epee, keccak, p2p, relay
from support import craft, truth
from support.oracle_rows import Tables, by_message, decode, scenarios

# ---------------------------------------------------------------- blocks and transactions


def commands(tables: Tables) -> dict[int, int]:
    return {row["message"]: row["command"] for row in tables["messages"]}


@pytest.mark.parametrize("scenario", scenarios())
def test_every_blob_parses(scenario: truth.Scenario) -> None:
    tables = decode(*scenario.parts)
    assert tables["blocks"] and tables["transactions"]
    assert not [row for row in tables["problems"] if row["kind"] == "blob"]
    assert all(
        row["tx"] and row["weight"] >= row["blob_size"] and row["ring_size"] == 16 and row["fee"]
        for row in tables["transactions"]
    )


@pytest.mark.parametrize("scenario", scenarios())
def test_blocks_link(scenario: truth.Scenario) -> None:
    """A block has one height, its parent the one below; and what nodes announce as their top is
    such an id at that height.
    """
    tables = decode(*scenario.parts)
    heights = {row["block"]: row["height"] for row in tables["blocks"]}
    assert all(heights[row["block"]] == row["height"] for row in tables["blocks"])
    linked = [
        (row["height"], heights[row["previous"]])
        for row in tables["blocks"]
        if row["previous"] in heights
    ]
    assert all(height == parent + 1 for height, parent in linked)
    # where what was sent of the chain begins
    assert len({row["block"] for row in tables["blocks"] if row["previous"] not in heights}) <= 2
    tops = [
        (row["current_height"], heights[row["top_id"]])
        for row in tables["sync_data"]
        if row["top_id"] in heights
    ]
    assert tops and all(current == height + 1 for current, height in tops)


@pytest.mark.parametrize("scenario", scenarios())
def test_blocks_list_the_transactions_sent_along(scenario: truth.Scenario) -> None:
    tables = decode(*scenario.parts)
    command, sent = commands(tables), by_message(tables["transactions"])
    bodies = {row["message"]: row["body"] for row in tables["messages"]}
    for number, blocks in by_message(tables["blocks"]).items():
        listed = [
            [tx_id.hex() for tx_id in blobs.read_block(data).transactions]
            for data in block_blobs(bodies[number])
        ]
        assert [len(ids) for ids in listed] == [row["transactions"] for row in blocks]
        for position, ids in enumerate(listed):
            mine = [row["tx"] for row in sent.get(number, []) if row["block_position"] == position]
            assert (
                mine == ids
                if command[number] == 2004
                else mine == [one for one in ids if one in mine]
            )


def block_blobs(body: bytes) -> list[bytes]:
    root = epee.loads(body)
    return [
        entry[b"block"].value
        for entry in ([root[b"b"].value] if b"b" in root else root[b"blocks"].value)
    ]


@pytest.mark.parametrize("scenario", scenarios())
def test_lists_of_ids(scenario: truth.Scenario) -> None:
    """Asked for are blocks that exist, in the order of their heights."""
    tables = decode(*scenario.parts)
    command = commands(tables)
    heights = {row["block"]: row["height"] for row in tables["blocks"]}
    for number, rows in by_message(tables["inventories"]).items():
        assert [row["position"] for row in rows] == list(range(len(rows)))
        known = [
            (row["position"], heights[row["id"]])
            for row in rows
            if row["id"] in heights and row["list"] in ("blocks", "chain")
        ]
        if command[number] in (2003, 2007):
            assert len({height - position for position, height in known}) <= 1
        elif command[number] == 2006:
            assert [height for _, height in known] == sorted(
                (height for _, height in known), reverse=True
            )
        assert all(row["tx_index"] is None for row in rows if row["list"] != "missing_indices")


@pytest.mark.parametrize("scenario", scenarios())
def test_missing_transactions_are_answered(scenario: truth.Scenario) -> None:
    """Who asks with 2009 for transactions of a block by their places gets these in a 2008."""
    tables = decode(*scenario.parts)
    sent = by_message(tables["transactions"])
    blocks, asked = by_message(tables["blocks"]), by_message(tables["inventories"])
    listed: dict[str, list[str]] = {}
    answers: set[Any] = set()
    for row in tables["messages"]:
        if row["command"] == 2008 and row["status"] == "complete":
            (block,) = blocks[row["message"]]
            listed[block["block"]] = [
                tx_id.hex() for tx_id in blobs.read_block(*block_blobs(row["body"])).transactions
            ]
            answers.add(
                (
                    row["connection"],
                    row["from_client"],
                    block["block"],
                    tuple(one["tx"] for one in sent.get(row["message"], [])),
                )
            )
    # a 2009 may ask for nothing
    requests = [
        row
        for row in tables["messages"]
        if row["command"] == 2009
        and row["message"] in asked
        and asked[row["message"]][0]["id"] in listed
    ]
    assert requests or not scenario.full
    for row in requests:
        places = asked[row["message"]]
        wanted = tuple(listed[place["id"]][place["tx_index"]] for place in places)
        assert (row["connection"], not row["from_client"], places[0]["id"], wanted) in answers


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios() if scenario.full],
)
def test_ids_and_weights_are_those_of_the_manifest(scenario: truth.Scenario) -> None:
    """What was relayed is what the nodes were told to send and to mine: all of it, and nothing
    else.
    """
    tables = decode(*scenario.parts)
    command = commands(tables)
    events = json.loads((scenario.folder / "manifest.json").read_text())["events"]
    wanted = {event["hash"]: event for event in events if event["kind"] == "tx"}
    row_of = {row["tx"]: row for row in tables["transactions"] if command[row["message"]] == 2002}
    assert set(row_of) == set(wanted)
    for tx, event in wanted.items():
        assert row_of[tx]["weight"] == event.get("weight", row_of[tx]["weight"])
        assert row_of[tx]["outputs"] == event.get("outputs", row_of[tx]["outputs"])
    mined = {
        block: event["height"] - back
        for event in events
        if event["kind"] == "mine"
        for back, block in enumerate(reversed(event["blocks"] or []))
    }
    assert {
        row["block"]: row["height"] for row in tables["blocks"] if command[row["message"]] == 2008
    } == mined


GENESIS_TX = bytes.fromhex(
    "013c01ff0001ffffffffffff03029b2e4c0281c0b02e7c53291a94d1d0cbff8883f8024f5142ee494ffbbd0880712101"
    "7767aafcde9be00dcfd098715ebcf7f410daebc582fda69d24a28e9d0bc890d1"
)


def test_hashes() -> None:
    for size in (0, 1, 135, 136, 137, 271, 272, 1000):
        data = bytes(i * 7 & 255 for i in range(size))
        # but for the padding the same
        assert keccak.sponge(data, 6) == hashlib.sha3_256(data).digest()
    assert (
        keccak.keccak(b"").hex()
        == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    )


def test_the_first_block() -> None:
    block = blobs.read_block(
        bytes([1, 0, 0]) + bytes(32) + (10000).to_bytes(4, "little") + GENESIS_TX + bytes([0])
    )
    assert block.id.hex() == "418015bb9ae982a1975da7d79277c2705727a56894ba0fb246adaabb1f4632e3"
    assert (
        block.miner_tx.id is not None
        and block.miner_tx.id.hex()
        == "c88ce9783b4f11190d7b9c17a69c1c52200f9faaee8e98dd07e6811175177139"
    )
    assert (
        block.miner_tx.height(),
        block.miner_tx.fee,
        block.miner_tx.ring_size(),
        block.miner_tx.weight,
    ) == (0, None, None, len(GENESIS_TX))


def transaction(
    kind: int | None,
    inputs: int = 2,
    outputs: int = 3,
    ring: int = 11,
    rounds: int = 8,
    proofs: int = 1,
) -> tuple[bytes, bytes]:
    """What is kept and what may be pruned of a transaction, zeros in the place of keys. `kind`
    None: version 1.
    """
    spent = b"".join(
        b"\x02\x0a" + bytes([ring]) + bytes([1]) * ring + bytes(32) for _ in range(inputs)
    )
    output_bytes = b"".join(b"\x03\x02" + bytes(32) for _ in range(outputs))
    prefix = (
        bytes([1 if kind is None else 2, 0, inputs])
        + spent
        + bytes([outputs])
        + output_bytes
        + b"\x02ab"
    )
    if kind is None:
        return prefix + bytes(64 * ring * inputs), b""
    if kind == 0:
        return prefix + b"\0", b""
    base = (
        bytes([kind, 0x80, 1])
        + bytes(32 * inputs if kind == 2 else 0)
        + bytes((64 if kind < 4 else 8) * outputs + 32 * outputs)
    )
    keys = bytes([rounds]) + bytes(32 * rounds)
    proof = bytes(192) + keys * 2 + bytes(0 if kind == 6 else 96)
    range_proofs = (
        bytes(6176 * outputs)
        if kind < 3
        else (bytes([proofs]) + (b"\0\0\0" if kind == 3 else b"")) + proof * proofs
    )
    signatures = {1: ring * (inputs + 1) + 1, 5: inputs * (ring + 2), 6: inputs * (ring + 2)}.get(
        kind, inputs * (ring * 2 + 1)
    )
    return prefix + base, range_proofs + bytes(32 * signatures) + bytes(
        0 if kind < 3 else 32 * inputs
    )


def parses(blob: bytes, pruned: bool = False) -> bool:
    try:
        blobs.read_transaction(blob, pruned)
    except blobs.Refused:
        return False
    return True


@pytest.mark.parametrize("kind", [None, *range(7)])
def test_transactions_of_every_type(kind: int | None) -> None:
    kept, prunable = transaction(kind)
    blob = kept + prunable
    parsed = blobs.read_transaction(blob)
    assert (parsed.rct_type, len(parsed.inputs), len(parsed.amounts), parsed.ring_size()) == (
        kind,
        2,
        3,
        11,
    )
    assert parsed.fee == (20 - 9 if kind is None else None if kind == 0 else 128)
    # (4 · 320 − 704) · 4/5, (4 · 368 − 800) · 4/5
    assert parsed.weight == len(blob) + (
        460 if kind == 6 else 0 if kind in (None, 0, 1, 2) else 537
    )
    assert not parses(blob[:-1]) and not parses(blob + b"\0")
    if kind is not None:
        pruned = blobs.read_transaction(kept, True, keccak.keccak(prunable))
        assert pruned.id == parsed.id and pruned.pruned and pruned.weight is None
        assert (blobs.read_transaction(kept, True, None).id is None) == (kind != 0)
        assert parses(kept) == (kind == 0) and parses(blob, True) == (kind == 0)
    else:
        assert blobs.read_transaction(kept, True, None) == parsed


def test_transactions_that_are_refused() -> None:
    def whole(**changes: int) -> bool:
        return parses(b"".join(transaction(**({"kind": 6} | changes))))

    assert (
        whole() and whole(outputs=4) and whole(outputs=16, rounds=10) and whole(outputs=1, rounds=6)
    )
    assert (
        not whole(outputs=5)
        and not whole(outputs=17, rounds=11)
        and not whole(outputs=1, rounds=5)
        and not whole(rounds=0)
    )
    assert (
        not whole(proofs=2)
        and not whole(proofs=4)
        and not whole(proofs=0)
        and not whole(ring=0)
        and not whole(kind=7)
    )
    assert blobs.read_transaction(b"".join(transaction(6, outputs=2, rounds=7))).weight == len(
        b"".join(transaction(6, outputs=2, rounds=7))
    )
    assert not parses(b"\0" + GENESIS_TX[1:]) and not parses(b"\3" + GENESIS_TX[1:])
    assert parses(GENESIS_TX) and not parses(b"\x81\0" + GENESIS_TX[1:])


def test_varints_of_blobs() -> None:
    def varint(data: str, bits: int = 64) -> int | None:
        try:
            return blobs.Reader(bytes.fromhex(data)).varint(bits)
        except blobs.Refused:
            return None

    assert (
        varint("00") == 0
        and varint("ff7f") == 2**14 - 1
        and varint("ff01", 8) == 255
        and varint("ffffffff0f", 32) == 2**32 - 1
    )
    assert (
        varint("ffffffffffffffffff01") == 2**64 - 1
        and varint("ffffffffffffffffff02") is None
        and varint("ffffffffffffffffff8101") is None
    )
    assert (
        varint("8000") is None
        and varint("80") is None
        and varint("") is None
        and varint("8002", 8) is None
        and varint("ffffffff10", 32) is None
    )


# ---------------------------------------------------------------- rows of notifications


def relayed(command: int, entries: dict[str, Any]) -> p2p.Rows:
    root = epee.loads(craft.epee(entries))
    rows = p2p.decode(command, False, root)
    relay.add_relayed(rows, command, root)
    return rows


def test_rows_of_relayed_transactions() -> None:
    kept, prunable = transaction(6)
    rows = relayed(2002, {"_": b"", "txs": [kept + prunable, b"", kept]}).transactions
    assert [row["blob_size"] for row in rows] == [len(kept + prunable), 0, len(kept)] and all(
        row["fluff"] is True and row["block_position"] is None for row in rows
    )
    assert [row["tx"] is None for row in rows] == [False, True, True]
    assert (
        relayed(2002, {"_": b"", "dandelionpp_fluff": False, "txs": [kept]}).transactions[0][
            "fluff"
        ]
        is False
    )
    assert len(relayed(2002, {"_": b"", "txs": [b"", kept]}).unread) == 2


def test_rows_of_blocks() -> None:
    kept, prunable = transaction(6)
    genesis = bytes([1, 0, 0]) + bytes(32) + (10000).to_bytes(4, "little") + GENESIS_TX + bytes([0])
    hashed = keccak.keccak(prunable)
    pruned = [
        {"blob": kept, "prunable_hash": hashed},
        {"blob": kept, "prunable_hash": hashed[:31]},
        {"blob": transaction(None)[0], "prunable_hash": bytes(32)},
        {"prunable_hash": hashed},
    ]
    entries = [
        {"block": genesis},
        {"txs": [kept + prunable, b"x"]},
        {"block": b""},
        {"block": genesis + b"\0", "pruned": True, "txs": pruned},
    ]
    rows = relayed(
        2004, {"blocks": entries, "current_blockchain_height": 5, "missed_ids": bytes(64)}
    )
    assert [(row["position"], row["blob_size"], row["height"]) for row in rows.blocks] == [
        (0, len(genesis), 0),
        (2, 0, None),
        (3, len(genesis) + 1, None),
    ]
    assert [
        (row["position"], row["block_position"], row["pruned"], row["fluff"])
        for row in rows.transactions
    ] == [
        *((0, 1, False, None), (1, 1, False, None)),
        *((2, 3, True, None), (3, 3, True, None), (4, 3, False, None)),
    ]
    full, bad, known, unknown, old = rows.transactions
    assert (
        full["tx"] == known["tx"]
        and unknown["tx"] is None
        and unknown["outputs"] == 3
        and bad["version"] is None
        and old["tx"]
        and old["weight"]
    )
    assert len(rows.unread) == 2 + 2  # two blocks, a blob that is none, an id that cannot be known
    assert [(row["list"], row["position"]) for row in rows.inventories] == [
        ("missed", 0),
        ("missed", 1),
    ]


def test_rows_of_lists() -> None:
    indices = b"".join(index.to_bytes(8, "little") for index in (0, 7))
    rows = relayed(
        2009,
        {"block_hash": b"\xab" * 32, "current_blockchain_height": 5, "missing_tx_indices": indices},
    ).inventories
    assert rows == [
        {"position": at, "list": "missing_indices", "id": "ab" * 32, "tx_index": index}
        for at, index in enumerate((0, 7))
    ]
    assert [
        row["id"]
        for row in relayed(2009, {"block_hash": b"x", "missing_tx_indices": indices}).inventories
    ] == [None, None]
    assert (
        relayed(2009, {"missing_tx_indices": indices + b"x"}).unread
        and not relayed(2010, {"hashes": b""}).unread
    )
    odd = relayed(2003, {"blocks": bytes(33), "block_hash": ("u8", 1)})
    assert len(odd.unread) == 1 and not odd.inventories
