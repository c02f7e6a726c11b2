"""How a payload was written, beside what it says: the columns of `messages` by which one
implementation differs from another.

The tables below say what monerod reads and writes: key, type, and when it writes it:
R always; O unless it has its default; E unless it is empty; H old versions, or a matter of the
variant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from .epee import BOOL, FLAG, OBJECT, STRING, Payload, Value

TYPES = {
    "i64": 1,
    "u64": 5,
    "u32": 6,
    "u16": 7,
    "u8": 8,
    "str": STRING,
    "bool": BOOL,
    "obj": OBJECT,
}
MASK = 2**64 - 1

Section = dict[bytes, Value]


@dataclass(frozen=True)
class Field:
    wire: frozenset[int]  # the type bytes that are right
    kind: str  # R, O, E or H
    default: int  # of kind O
    inside: Struct  # of objects and of their arrays


Struct = dict[bytes, Field]


def struct(text: str = "", **inside: Struct) -> Struct:
    """'key type kind, key type kind, …'; a type may be an array[], and one of several|types."""
    fields: Struct = {}
    for entry in filter(None, text.split(", ")):
        key, types, kind = entry.split(" ")
        wire = frozenset(
            TYPES[name.removesuffix("[]")] | (FLAG if name.endswith("[]") else 0)
            for name in types.split("|")
        )
        fields[key.encode()] = Field(wire, kind[0], int(kind[1:] or 0), inside.get(key, {}))
    return fields


NODE_DATA = struct(
    "local_time u64 H, my_port u32 R, network_id str R, peer_id u64 R, rpc_credits_per_hash "
    "u32 O0, rpc_port u16 O0, support_flags u32 O0"
)
PAYLOAD_DATA = struct(
    "cumulative_difficulty u64 R, cumulative_difficulty_top64 u64 R, current_height u64 R, "
    "pruning_seed u32 O0, top_id str R, top_version u8 O0"
)
ADDRESS = struct("addr str H, host str H, m_ip u32 H, m_port u16 H, port u16 H")
PEER = struct(
    (
        "adr obj R, id u64 R, last_seen i64 O0, pruning_seed u32 O0, rpc_credits_per_hash u32 O0,"
        " rpc_port u16 O0"
    ),
    adr=struct("addr obj R, type u8 R", addr=ADDRESS),
)
PROOF = struct("tr obj R", tr=struct("peer_id u64 R, sign str R, time u64 R"))
PAYLOAD_INFO = struct(
    "alternative_blocks u64 R, blockchain_height u64 R, mining_speed u64 R, top_block_id_str "
    "str R, tx_pool_size u64 R"
)
PRUNED = struct("blob str R, prunable_hash str R")
BLOCK = struct("block str R, block_weight u64 O0, pruned bool O0, txs str[]|obj[] E", txs=PRUNED)
NEW_BLOCK = struct("b obj R, current_blockchain_height u64 R, hop u32 H", b=BLOCK)

NOTIFICATIONS = {
    2001: NEW_BLOCK,
    2002: struct("_ str R, dandelionpp_fluff bool O1, txs str[] E"),
    2003: struct("blocks str E, prune bool O0, txs str H"),
    2004: struct(
        "blocks obj[] E, current_blockchain_height u64 R, missed_ids str E, txs str[] H",
        blocks=BLOCK,
    ),
    2006: struct("block_ids str E, prune bool O0"),
    2007: struct(
        "cumulative_difficulty u64 R, cumulative_difficulty_top64 u64 R, first_block str R, "
        "m_block_ids str E, m_block_weights str E, start_height u64 R, total_height u64 R"
    ),
    2008: NEW_BLOCK,
    2009: struct(
        "block_hash str R, current_blockchain_height u64 R, hop u32 H, missing_tx_indices str E"
    ),
    2010: struct("hashes str E"),
    2011: struct("t str E"),
    2012: struct("t str E"),
}
REQUESTS = {
    1001: struct(
        "node_data obj R, payload_data obj R", node_data=NODE_DATA, payload_data=PAYLOAD_DATA
    ),
    1002: struct("payload_data obj R", payload_data=PAYLOAD_DATA),
    1003: struct(),
    1004: PROOF,
    1005: PROOF,
    1006: struct(),
    1007: struct(),
}
RESPONSES = {
    1001: struct(
        "local_peerlist str H, local_peerlist_new obj[] E, node_data obj R, payload_data obj R",
        local_peerlist_new=PEER,
        node_data=NODE_DATA,
        payload_data=PAYLOAD_DATA,
    ),
    1002: struct(
        "local_peerlist str H, local_peerlist_new obj[] E, local_time u64 H, payload_data obj R",
        local_peerlist_new=PEER,
        payload_data=PAYLOAD_DATA,
    ),
    1003: struct("peer_id u64 R, status str R"),
    1004: struct(
        (
            "connections_count u64 R, incoming_connections_count u64 R, os_version str R, "
            "payload_info obj R, version str R"
        ),
        payload_info=PAYLOAD_INFO,
    ),
    1005: struct(
        "connections_list str E, local_peerlist_gray str E, local_peerlist_white str E, "
        "local_time u64 R, my_id u64 R"
    ),
    1006: struct("my_id u64 R"),
    1007: struct("support_flags u32 R"),
}


# ---------------------------------------------------------------- the hash of the core's tables


def mix(a: int, b: int) -> int:
    product = (a ^ 0x9E3779B97F4A7C15) * (b ^ 0xD6E8FEB86659FD93)
    return (product ^ product >> 64) & MASK


def mix_bytes(key: int, data: bytes) -> int:
    """Eight bytes at a time, and what is left of them, which may be none."""
    state = mix(key, len(data))
    whole = len(data) // 8 * 8
    for at in [*range(0, whole, 8), whole]:
        state = mix(state ^ key, (int.from_bytes(data[at : at + 8], "little") + state) & MASK)
    return state


@cache
def mix_entry(state: int, key: bytes, wire: int) -> int:
    """The same few for entries of all messages."""
    return mix(mix_bytes(state, key), wire)


# ---------------------------------------------------------------- one payload


@dataclass
class Look:
    unknown: int = 0
    other: int = 0
    default: int = 0
    odd: int = 0  # of elements of arrays that are not as monerod writes them

    def section(self, section: Section, known: Struct, state: int = 0) -> int:
        """The skeleton of a section, and of what is known within it."""
        for key, value in section.items():
            field = known.get(key)
            right = field is not None and value.wire in field.wire
            self.count(field, right, value)
            if field is None or not right or field.kind == "R":
                state = mix_entry(state, key, value.wire)
            if field is None or not right:
                continue
            if value.wire == OBJECT:
                state = mix(state, self.section(value.value, field.inside))
            elif value.wire == OBJECT | FLAG:
                usual = written(field.inside)
                for element in value.value:
                    inside = self.section(element, field.inside)
                    if inside != usual:
                        self.odd |= mix(inside, 1)
        return state

    def count(self, field: Field | None, right: bool, value: Value) -> None:
        if field is None:
            self.unknown += 1
            return
        self.other += not right
        self.default += field.kind == "O" and is_default(value, field.default)
        self.default += field.kind == "E" and is_empty(value)


def is_default(value: Value, default: int) -> bool:
    """All of its bytes are 0; of the one field whose default is 1, a bool that is."""
    if value.array or value.type in (STRING, OBJECT):
        return False
    if default:
        return value.type == BOOL and value.value is True
    return value.value == 0 and str(value.value) != "-0.0"


def is_empty(value: Value) -> bool:
    return (value.array or value.type == STRING) and len(value.value) == 0


def written(known: Struct) -> int:
    """The skeleton of an element as monerod writes it."""
    state = 0
    for key in sorted(known):
        field = known[key]
        if field.kind == "R":
            (wire,) = field.wire
            state = mix_entry(state, key, wire)
            if wire == OBJECT:
                state = mix(state, written(field.inside))
    return state


COLUMNS = (
    "keys_ordered",
    "unknown_keys",
    "duplicate_keys",
    "wide_varints",
    "other_types",
    "default_fields",
    "trailing",
    "skeleton",
)
NONE: dict[str, Any] = dict.fromkeys(COLUMNS)


def look(command: int, response: bool, payload: Payload) -> dict[str, Any]:
    """The columns of a payload that monerod takes."""
    known = (RESPONSES if response and command in RESPONSES else REQUESTS | NOTIFICATIONS)[command]
    seen = Look()
    skeleton = seen.section(payload.root, known, mix(command, int(response)))
    return {
        "keys_ordered": payload.ordered,
        "unknown_keys": seen.unknown,
        "duplicate_keys": 0,  # or it were refused
        "wide_varints": payload.wide,
        "other_types": seen.other,
        "default_fields": seen.default,
        "trailing": payload.trailing,
        "skeleton": mix(skeleton, seen.odd) if seen.odd else skeleton,
    }


__all__ = ["COLUMNS", "NONE", "look"]
