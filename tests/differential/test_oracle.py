"""The oracle against the truth of the labelled captures, and against known sums."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import oracle
from oracle import blobs, epee, fields, fingerprint, keccak, p2p, relay
from support import craft, truth

Tables = dict[str, list[dict[str, Any]]]


@cache
def decode(*paths: Path) -> Tables:
    return oracle.decode(paths)


def scenarios() -> list[Any]:
    return [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios()]


@pytest.mark.parametrize("scenario", scenarios())
def test_messages_are_those_of_the_truth(scenario: truth.Scenario) -> None:
    ours = list(truth.with_ends(decode(*scenario.parts)))
    wanted = scenario.messages()
    found, expected = truth.our_keys(ours), truth.truth_keys(wanted)
    assert not expected - found
    assert not found - expected
    assert sum(
        row["fragments"] for row in ours if row["fragments"] > 1 and truth.is_whole(row)
    ) == sum(truth.is_fragment(row) for row in wanted)


@pytest.mark.parametrize("scenario", scenarios())
def test_bodies_times_and_fields_are_those_of_the_truth(scenario: truth.Scenario) -> None:
    tables = decode(*scenario.parts)
    ours = {
        (*row["sender"], *row["receiver"], row["offset"], row["first_frame"]): row
        for row in truth.with_ends(tables)
        if row["fragments"] == 1
    }
    nodes = {row["message"]: row for row in tables["node_data"]}
    syncs = {row["message"]: row for row in tables["sync_data"]}
    peers = Counter(row["message"] for row in tables["peer_lists"])
    for wanted in scenario.messages():
        if truth.is_fragment(wanted):
            continue
        row = ours[
            wanted["src"],
            wanted["sport"],
            wanted["dst"],
            wanted["dport"],
            wanted["offset"],
            wanted["first_frame"],
        ]
        assert abs(row["end_time"] / 1e9 - wanted["time"]) < 2e-6
        if row["body"] is not None:
            assert hashlib.sha1(row["body"]).hexdigest() == wanted["body_sha1"]
        node, sync = nodes.get(row["message"], {}), syncs.get(row["message"], {})
        if "peer_id" in wanted:
            assert node["peer_id"] == int(wanted["peer_id"], 16)
        for name, value in (
            ("support_flags", node.get("support_flags")),
            ("my_port", node.get("my_port")),
            ("height", sync.get("current_height")),
            ("top_id", sync.get("top_id")),
        ):
            if name in wanted:
                assert value == wanted[name], (name, wanted)
        if "peer_list" in wanted:
            assert peers[row["message"]] == wanted["peer_list"]


@pytest.mark.parametrize("scenario", scenarios())
def test_every_byte_is_accounted_for(scenario: truth.Scenario) -> None:
    check_accounting(decode(*scenario.parts))


def check_accounting(tables: Tables) -> None:
    seen = sum(row["client_bytes"] + row["server_bytes"] for row in tables["connections"])
    lost = sum(row["client_lost"] + row["server_lost"] for row in tables["connections"])
    whole = sum(row["wire"] for row in tables["messages"] if row["status"] == "complete")
    assert seen == whole + sum(row["bytes"] for row in tables["problems"] if row["kind"] != "lost")
    assert lost == sum(row["bytes"] for row in tables["problems"] if row["kind"] == "lost")


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios() if scenario.merged],
)
def test_ring_files_are_the_merged_file(scenario: truth.Scenario) -> None:
    assert scenario.merged is not None
    parts, merged = (
        list(truth.with_ends(decode(*paths))) for paths in (scenario.parts, [scenario.merged])
    )
    assert len(scenario.parts) > 1
    for part, whole in zip(parts, merged, strict=True):
        assert {
            name: value
            for name, value in part.items()
            if name not in ("file", "frame", "end_frame")
        } == {
            name: value
            for name, value in whole.items()
            if name not in ("file", "frame", "end_frame")
        }


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        pytest.param(path, entry, id=f"{path.parents[1].name}-{path.name}")
        for path, entry in truth.derived()
    ],
)
def test_derived_captures(path: Path, entry: dict[str, Any]) -> None:
    tables = decode(path)
    assert sum(file["packets"] for file in tables["files"]) == truth.derived_frames(path, entry)
    assert truth.by_direction(tables) == truth.derived_counts(path, entry)
    check_accounting(tables)


# ---------------------------------------------------------------- blocks and transactions


def by_message(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    made: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        made.setdefault(row["message"], []).append(row)
    return made


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
            [made.hex() for made in blobs.read_block(data).transactions]
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
                made.hex() for made in blobs.read_block(*block_blobs(row["body"])).transactions
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
    found = {row["tx"]: row for row in tables["transactions"] if command[row["message"]] == 2002}
    assert set(found) == set(wanted)
    for tx, event in wanted.items():
        assert found[tx]["weight"] == event.get("weight", found[tx]["weight"])
        assert found[tx]["outputs"] == event.get("outputs", found[tx]["outputs"])
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
    made = b"".join(b"\x03\x02" + bytes(32) for _ in range(outputs))
    prefix = (
        bytes([1 if kind is None else 2, 0, inputs]) + spent + bytes([outputs]) + made + b"\x02ab"
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
    found = blobs.read_transaction(blob)
    assert (found.rct_type, len(found.inputs), len(found.amounts), found.ring_size()) == (
        kind,
        2,
        3,
        11,
    )
    assert found.fee == (20 - 9 if kind is None else None if kind == 0 else 128)
    # (4 · 320 − 704) · 4/5, (4 · 368 − 800) · 4/5
    assert found.weight == len(blob) + (460 if kind == 6 else 0 if kind in (None, 0, 1, 2) else 537)
    assert not parses(blob[:-1]) and not parses(blob + b"\0")
    if kind is not None:
        pruned = blobs.read_transaction(kept, True, keccak.keccak(prunable))
        assert pruned.id == found.id and pruned.pruned and pruned.weight is None
        assert (blobs.read_transaction(kept, True, None).id is None) == (kind != 0)
        assert parses(kept) == (kind == 0) and parses(blob, True) == (kind == 0)
    else:
        assert blobs.read_transaction(kept, True, None) == found


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


# ---------------------------------------------------------------- how a payload was written


def shape(command: int, response: bool, body: bytes) -> dict[str, Any]:
    return fingerprint.look(command, response, epee.read(body))


CANONICAL = {
    "keys_ordered": True,
    **dict.fromkeys(
        (
            "unknown_keys",
            "duplicate_keys",
            "wide_varints",
            "other_types",
            "default_fields",
            "trailing",
        ),
        0,
    ),
}


def test_shapes() -> None:
    peers = [
        craft.peer("192.0.2.7", 1, 2),
        craft.peer("2001:db8::7", 1, 2, pruning_seed=("u32", 384)),
        craft.peer("x.onion", 1, 2),
    ]
    plain = shape(1001, True, craft.handshake_response(peers))
    assert plain == CANONICAL | {"skeleton": plain["skeleton"]}
    for same in (
        craft.handshake_response(),
        craft.handshake_response(peers[:1] * 250, craft.node_data(support_flags=None)),
        craft.handshake_response(None, craft.node_data(rpc_port=("u16", 1))),
    ):
        assert shape(1001, True, same) == plain
    odd = [craft.peer("192.0.2.7", 1, 2, other=b""), craft.peer("192.0.2.8", 1, 2)]
    one = shape(1001, True, craft.handshake_response(odd))
    assert one["unknown_keys"] == 1 and one["skeleton"] != plain["skeleton"]
    # neither order nor number of elements matters
    assert shape(1001, True, craft.handshake_response(odd[::-1] * 3))["skeleton"] == one["skeleton"]
    assert (
        shape(1001, False, craft.handshake_request())["skeleton"]
        != shape(1001, True, craft.handshake_request())["skeleton"]
    )


def test_what_shapes_count() -> None:
    def ping(entries: Any, tail: bytes = b"") -> dict[str, Any]:
        made = shape(1003, True, craft.epee(entries) + tail)
        return {name: made[name] for name in CANONICAL if made[name] != CANONICAL[name]}

    identity, status = ("peer_id", 1), ("status", b"OK")
    assert ping([identity, status]) == {} and ping([identity, status], b"abc") == {"trailing": 3}
    assert ping([status, identity]) == {"keys_ordered": False}
    assert ping([identity, status, ("zone", {"b": b"", "a": b""})]) == {
        "keys_ordered": False,
        "unknown_keys": 1,
    }
    assert ping(
        [identity, status, ("zone", [{"b": craft.Raw(b"\x0a" + craft.varint(1, 8) + b"x")}])]
    ) == {"unknown_keys": 1, "wide_varints": 1}
    assert ping([("peer_id", ("u32", 1)), status]) == {"other_types": 1}
    # always written: no default
    assert ping([("peer_id", craft.Raw(b"\x05" + bytes(8))), status]) == {}
    assert {
        name
        for name, value in shape(1002, False, craft.epee({"payload_data": b"x"})).items()
        if value
    } == {"keys_ordered", "other_types", "skeleton"}


def test_defaults() -> None:
    def count(command: int, entries: dict[str, Any]) -> int:
        made: int = shape(command, False, craft.epee(entries))["default_fields"]
        return made

    assert (
        count(2002, {"_": b"", "dandelionpp_fluff": True}) == 1
        and count(2002, {"_": b"", "dandelionpp_fluff": False, "txs": [b"x"]}) == 0
    )
    assert (
        count(2002, {"_": b"", "txs": []}) == 1
        and count(2003, {"blocks": b"", "prune": False}) == 2
        and count(2003, {"blocks": b"x", "prune": True, "txs": b""}) == 0
    )
    assert (
        count(2004, {"blocks": [{"block": b"", "block_weight": 0, "pruned": False, "txs": []}]})
        == 3
    )
    assert count(1002, {"payload_data": craft.payload_data(pruning_seed=0, top_version=0)}) == 2
    # of another type, too
    assert (
        count(
            1002, {"payload_data": craft.payload_data(pruning_seed=1) | {"pruning_seed": ("u8", 0)}}
        )
        == 1
    )


def test_array_in_an_array_entry_is_another_type() -> None:
    peers = craft.section({"local_peerlist_new": [craft.peer("192.0.2.7", 1, 2, other=b"")]})[1:]
    wrapped = craft.EPEE_HEADER + craft.varint(1) + peers.replace(b"\x8c", b"\x0d\x8c", 1)
    made = shape(1001, True, wrapped)
    assert made["other_types"] == 1 and made["unknown_keys"] == 0  # its inside is not looked at


@pytest.mark.parametrize("scenario", scenarios())
def test_nodes_of_one_kind_have_one_shape(scenario: truth.Scenario) -> None:
    """monerods, and the emulated peers that were made from their messages: but for one label, and a
    default that the emulation writes.
    """
    tables = decode(*scenario.parts)
    labels = scenario.folder / "labels.json"
    named = json.loads(labels.read_text()) if labels.exists() else {}
    skeletons: dict[tuple[int, str], set[int]] = {}
    for row in truth.with_ends(tables):
        if row["skeleton"] is None:
            continue
        label = named.get(row["sender"][0], [])
        if "epee_types" in label and row["unknown_keys"]:
            assert row["unknown_keys"] == 11 and row["command"] == 1002
            continue
        skeletons.setdefault((row["command"], row["kind"]), set()).add(row["skeleton"])
        defaults = 1 if row["command"] == 2002 and label and "monerod" not in label else 0
        assert {name: row[name] for name in CANONICAL} == CANONICAL | {"default_fields": defaults}
    assert all(len(made) == 1 for made in skeletons.values())
    assert skeletons[1002, "request"] == {0xE70D63BC5ECEB58F}  # the same in every scenario


# ---------------------------------------------------------------- every entry as a row


def test_fields() -> None:
    payload = craft.epee(
        [
            ("b", {"x": ("i8", -1), "y": [{"z": ("f64", 1.5)}, {}]}),
            ("a", True),
            ("k\xff".encode("latin-1"), [b"s", b""]),
            ("e", craft.Raw(b"\x8d\0")),
            ("n", craft.Raw(b"\x0d\x88\x04\7")),
        ]
    )
    rows = fields.field_rows(payload + b"tail")
    assert rows is not None
    shown = [
        (
            row["depth"],
            row["parent"],
            row["key"],
            row["type"],
            *(
                row[name]
                for name in ("elements", "value_int", "value_uint", "value_float", "value_bytes")
            ),
        )
        for row in rows
    ]
    assert shown == [
        (0, -1, "b", 12, 2, None, None, None, None),
        (1, 0, "x", 4, None, -1, None, None, None),
        (1, 0, "y", 0x8C, 2, None, None, None, None),
        (2, 2, None, 12, 1, None, None, None, None),
        (3, 3, "z", 9, None, None, None, 1.5, None),
        (2, 2, None, 12, 0, None, None, None, None),
        (0, -1, "a", 11, None, None, 1, None, None),
        (0, -1, "k\\xff", 0x8A, 2, None, None, None, None),
        (1, 7, None, 10, None, None, None, None, b"s"),
        (1, 7, None, 10, None, None, None, None, b""),
        (0, -1, "e", 0x8D, 0, None, None, None, None),
        (0, -1, "n", 0x88, 1, None, None, None, None),
        (1, 11, None, 8, None, None, 7, None, None),
    ]
    assert [row["position"] for row in rows] == list(range(len(rows)))
    assert fields.field_rows(payload[:-1]) is None and fields.field_rows(b"no epee") == []


def test_fields_only_if_asked_for() -> None:
    scenario = truth.scenarios()[4]
    assert "fields" not in decode(*scenario.parts)
    tables = oracle.decode(scenario.parts, fields=True)
    rows = by_message(tables["fields"])
    assert all(
        bool(rows.get(row["message"])) == (len(row["body"] or b"") > len(craft.EMPTY))
        for row in tables["messages"]
    )


# ---------------------------------------------------------------- the reader of epee, by the bounds
# measured of monerod's own


def accepts(entries: Any) -> bool:
    try:
        epee.loads(entries if isinstance(entries, bytes) else craft.epee(entries))
    except epee.Refused:
        return False
    return True


def nested(depth: int, innermost: dict[str, Any]) -> dict[str, Any]:
    return innermost if depth == 0 else {"a": nested(depth - 1, innermost)}


def nested_in_arrays(depth: int) -> dict[str, Any]:
    return {} if depth == 0 else {"a": [nested_in_arrays(depth - 1)]}


def test_epee_depth() -> None:
    assert accepts(nested(31, {})) and not accepts(nested(32, {}))
    assert accepts(nested(30, {"s": b""})) and not accepts(nested(31, {"s": b""}))
    assert accepts(nested_in_arrays(18)) and not accepts(nested_in_arrays(19))


def test_epee_counts() -> None:
    keys = [f"{i:05}" for i in range(16385)]
    assert accepts(dict.fromkeys(keys[:16384], ("u8", 0))) and not accepts(
        dict.fromkeys(keys, ("u8", 0))
    )
    assert accepts({"a": [b"x"] * 16384}) and not accepts({"a": [b"x"] * 16385})
    assert accepts({"a": [{}] * 8192}) and not accepts({"a": [{}] * 8193})


def test_epee_shapes() -> None:
    assert (
        accepts(craft.EMPTY)
        and accepts(craft.EMPTY + b"tail")
        and not accepts(craft.EPEE_HEADER)
        and not accepts(b"")
    )
    assert not accepts([("a", b""), ("a", b"")]) and not accepts([("", b"")])
    # monerod reckons two bytes for a string
    assert accepts({"a": [b"", b""]}) is False and accepts({"a": [b"", b""], "b": ("u8", 1)})
    assert accepts({"a": craft.Raw(b"\x0d\x88\x04\x07")}) and not accepts(
        {"a": craft.Raw(b"\x0d\x08\x07")}
    )
    assert accepts({"a": craft.Raw(b"\x8d\x00")}) and not accepts({"a": craft.Raw(b"\x8d\x04\x00")})
    assert (
        not accepts({"a": craft.Raw(b"\x0b\x02")})
        and not accepts({"a": craft.Raw(b"\x80\x00")})
        and not accepts({"a": craft.Raw(b"\x8e\x00")})
    )
    assert accepts({"a": craft.Raw(b"\x0a" + craft.varint(1, 8) + b"x")})
