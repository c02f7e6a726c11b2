"""The oracle's fingerprint of a payload, its fields, and its reader of epee."""

from __future__ import annotations

import json
from typing import Any

import pytest

import oracle
from oracle import epee, fields, fingerprint
from support import craft, truth
from support.oracle_rows import by_message, decode, scenarios

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
        counts = shape(1003, True, craft.epee(entries) + tail)
        return {name: counts[name] for name in CANONICAL if counts[name] != CANONICAL[name]}

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
        defaults: int = shape(command, False, craft.epee(entries))["default_fields"]
        return defaults

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
    counts = shape(1001, True, wrapped)
    assert counts["other_types"] == 1 and counts["unknown_keys"] == 0  # its inside is not looked at


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
    assert all(len(skeleton) == 1 for skeleton in skeletons.values())
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
