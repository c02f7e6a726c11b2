"""Payloads of P2P commands into rows, with the conversions and refusals of monerod's key-value
loader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .epee import BOOL, NUMBERS, OBJECT, STRING, Refused, Value
from .network import address_text

RANGES = {
    "i64": (-(2**63), 2**63 - 1),
    "u64": (0, 2**64 - 1),
    "u32": (0, 2**32 - 1),
    "u16": (0, 2**16 - 1),
    "u8": (0, 255),
}
INTEGERS = set(NUMBERS) - {9}
TYPES = {1: "ipv4", 2: "ipv6", 3: "i2p", 4: "tor"}

Section = dict[bytes, Value]
Row = dict[str, Any]


@dataclass
class Rows:
    peer_lists: list[Row] = field(default_factory=list)
    node_data: list[Row] = field(default_factory=list)
    sync_data: list[Row] = field(default_factory=list)
    transactions: list[Row] = field(default_factory=list)
    blocks: list[Row] = field(default_factory=list)
    inventories: list[Row] = field(default_factory=list)
    # blobs and lists that give no row, or half a one: why
    unread: list[str] = field(default_factory=list)


def number(section: Section, key: str, kind: str) -> int | None:
    """An integer field: any integer type within the range; None if missing."""
    entry = section.get(key.encode())
    if entry is None:
        return None
    if entry.array:
        raise Refused(f"{key} is an array")
    value = entry.value
    if entry.type == STRING and kind == "u64":
        value = number_of_text(value)
    elif entry.type not in INTEGERS:
        raise Refused(f"{key} is no integer")
    low, high = RANGES[kind]
    if not low <= value <= high:
        raise Refused(f"{key} is out of range")
    return int(value)


def number_of_text(text: bytes) -> int:
    """What wallet back ends once sent: decimal digits, or a time."""
    if re.fullmatch(rb"\d+", text):
        return int(text)
    try:
        return int(
            datetime.strptime(text.decode(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        )
    except ValueError as why:
        raise Refused("text that is no number") from why


def text(section: Section, key: str) -> bytes | None:
    entry = section.get(key.encode())
    if entry is None:
        return None
    if entry.array or entry.type != STRING:
        raise Refused(f"{key} is no string")
    return bytes(entry.value)


def blob(section: Section, key: str, size: int) -> bytes | None:
    """A blob of another size counts as missing."""
    value = text(section, key)
    return value if value is not None and len(value) == size else None


def shown(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")


def inner(section: Section, key: str) -> Section | None:
    entry = section.get(key.encode())
    if entry is None or entry.array or entry.type != OBJECT:
        return None
    return dict(entry.value)


def decode(command: int, response: bool, root: Section) -> Rows:
    rows = Rows()
    if command in (1001, 1002):
        if response:
            rows.peer_lists = peer_list(root)
        if command == 1001:
            rows.node_data = node_data(inner(root, "node_data"))
        rows.sync_data = sync_data(inner(root, "payload_data"))
    elif command == 1003 and response:
        status = text(root, "status")
        row = {"peer_id": number(root, "peer_id", "u64"), "status_text": shown(status)}
        rows.node_data = [NODE | row]
    elif command == 1007 and response:
        rows.node_data = [NODE | {"support_flags": number(root, "support_flags", "u32")}]
    elif command in NOTIFICATIONS:
        check_fields(root, NOTIFICATIONS[command])
    return rows


BLOCK = {"block": "text", "block_weight": "u64", "pruned": "bool", "txs": "block txs"}
NOTIFICATIONS = {
    2001: {"b": "block", "current_blockchain_height": "u64"},
    2002: {"_": "text", "dandelionpp_fluff": "bool", "txs": "texts"},
    2003: {"blocks": "text", "prune": "bool"},
    2004: {"blocks": "blocks", "current_blockchain_height": "u64", "missed_ids": "text"},
    2006: {"block_ids": "text", "prune": "bool"},
    2007: {
        "cumulative_difficulty": "u64",
        "cumulative_difficulty_top64": "u64",
        "first_block": "text",
        "m_block_ids": "text",
        "m_block_weights": "text",
        "start_height": "u64",
        "total_height": "u64",
    },
    2008: {"b": "block", "current_blockchain_height": "u64"},
    2009: {"block_hash": "text", "current_blockchain_height": "u64", "missing_tx_indices": "text"},
    2010: {"hashes": "text"},
    2011: {"t": "text"},
    2012: {"t": "text"},
}


def check_fields(section: Section, fields: dict[str, str]) -> None:
    """Refuses what monerod could not convert of the payloads of 2xxx; their rows are made
    elsewhere.
    """
    for key, kind in fields.items():
        entry = section.get(key.encode())
        if entry is None:
            continue
        if kind == "u64":
            number(section, key, "u64")
        elif kind == "text":
            text(section, key)
        elif kind == "bool" and (entry.array or entry.type != BOOL):
            raise Refused(f"{key} is no bool")
        elif kind == "texts":
            check_texts(entry)
        elif kind == "block" and not entry.array and entry.type == OBJECT:
            check_fields(entry.value, BLOCK)
        elif kind == "blocks" and entry.array and entry.type == OBJECT:
            for block in entry.value:
                check_fields(block, BLOCK)
        elif kind == "block txs":
            check_block_transactions(section, entry)


def check_texts(entry: Value) -> None:
    if entry.array and entry.value and entry.type != STRING:
        raise Refused("an array of strings of another type")


def check_block_transactions(block: Section, entry: Value) -> None:
    """Pruned blocks have objects; decided by the type, whatever `pruned` says."""
    if entry.array and entry.type == OBJECT:
        for transaction in entry.value:
            check_fields(transaction, {"blob": "text", "prunable_hash": "text"})
        return
    pruned = block.get(b"pruned")
    if pruned is None or pruned.value is not True:
        check_texts(entry)


NODE: Row = dict.fromkeys(
    (
        "peer_id",
        "my_port",
        "network_id",
        "support_flags",
        "rpc_port",
        "rpc_credits_per_hash",
        "local_time",
        "status_text",
    )
)


def node_data(section: Section | None) -> list[Row]:
    if section is None:
        return []
    network = blob(section, "network_id", 16)
    row = {
        "network_id": None if network is None else network.hex(),
        "peer_id": number(section, "peer_id", "u64"),
        "my_port": number(section, "my_port", "u32"),
        "support_flags": number(section, "support_flags", "u32"),
        "rpc_port": number(section, "rpc_port", "u16"),
        "rpc_credits_per_hash": number(section, "rpc_credits_per_hash", "u32"),
        # only v0.15 and older know it: of another type it is an unknown key
        "local_time": plain_u64(section, "local_time"),
    }
    return [NODE | row]


def plain_u64(section: Section, key: str) -> int | None:
    """Missing, not refused, if it is of another type: of fields that monerod no longer knows."""
    entry = section.get(key.encode())
    return None if entry is None or entry.array or entry.type != 5 else int(entry.value)


def sync_data(section: Section | None) -> list[Row]:
    if section is None:
        return []
    top = blob(section, "top_id", 32)
    row = {
        "current_height": number(section, "current_height", "u64"),
        "cumulative_difficulty": number(section, "cumulative_difficulty", "u64"),
        "cumulative_difficulty_top64": number(section, "cumulative_difficulty_top64", "u64"),
        "top_id": None if top is None else top.hex(),
        "top_version": number(section, "top_version", "u8"),
        "pruning_seed": number(section, "pruning_seed", "u32"),
    }
    return [row]


def peer_list(root: Section) -> list[Row]:
    entry = root.get(b"local_peerlist_new")
    if entry is None or not entry.array or entry.type != OBJECT:
        return []
    return [{"position": position} | peer(section) for position, section in enumerate(entry.value)]


def peer(section: Section) -> Row:
    row: Row = {"host": None, "port": 0, "type": "invalid"}
    address = inner(section, "adr")
    if address is not None:
        row |= host(address)
    row["id"] = number(section, "id", "u64") or 0
    row["last_seen"] = number(section, "last_seen", "i64")
    row["pruning_seed"] = number(section, "pruning_seed", "u32")
    row["rpc_port"] = number(section, "rpc_port", "u16")
    row["rpc_credits_per_hash"] = number(section, "rpc_credits_per_hash", "u32")
    return row


def host(address: Section) -> Row:
    kind = TYPES.get(number(address, "type", "u8") or 0, "invalid")
    inside = inner(address, "addr")
    if kind == "invalid" or inside is None:
        return {"type": kind}
    if kind == "ipv4":
        ip = number(inside, "m_ip", "u32")
        return {
            "type": kind,
            "host": None if ip is None else address_text(ip.to_bytes(4, "little")),
            "port": number(inside, "m_port", "u16") or 0,
        }
    if kind == "ipv6":
        bits = blob(inside, "addr", 16)
        return {
            "type": kind,
            "host": None if bits is None else address_text(bits),
            "port": number(inside, "m_port", "u16") or 0,
        }
    name = text(inside, "host")
    return {"type": kind, "host": shown(name) or None, "port": number(inside, "port", "u16") or 0}
