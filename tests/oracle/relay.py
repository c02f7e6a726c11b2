"""What notifications carry, as rows: transactions, blocks, and lists of ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import blobs
from .epee import OBJECT, STRING
from .keccak import keccak
from .p2p import Row, Rows, Section, blob, inner, text

LISTS = {  # where lists of ids are, and what they are called
    2003: ("blocks", "blocks"),
    2004: ("missed_ids", "missed"),
    2006: ("block_ids", "chain"),
    2007: ("m_block_ids", "chain"),
    2009: ("missing_tx_indices", "missing_indices"),
    2010: ("hashes", "txpool"),
    2011: ("t", "announced"),
    2012: ("t", "requested"),
}


def add_relayed(rows: Rows, command: int, root: Section) -> None:
    """Fills `transactions`, `blocks`, `inventories`, and `unread` with why something of it is no
    row, or half a row.
    """
    if command == 2002:
        fluff = root.get(b"dandelionpp_fluff")
        add_transactions(rows, root, fluff is None or bool(fluff.value), None)
    for position, entry in enumerate(entries(command, root)):
        add_block(rows, entry, position)
        add_transactions(rows, entry, None, position)
    if command in LISTS:
        add_inventory(rows, root, *LISTS[command])


def entries(command: int, root: Section) -> Iterator[Section]:
    """The block entries."""
    if command in (2001, 2008):
        entry = inner(root, "b")
        if entry is not None:
            yield entry
    elif command == 2004:
        blocks = root.get(b"blocks")
        if blocks is not None and blocks.array and blocks.type == OBJECT:
            yield from blocks.value


def add_block(rows: Rows, entry: Section, position: int) -> None:
    data = text(entry, "block")
    if data is None:
        return
    row: Row = {
        "position": position,
        "block": None,
        "blob_hash": keccak(data).hex(),
        "height": None,
        "timestamp": None,
        "major_version": None,
        "minor_version": None,
    }
    row |= {"previous": None, "miner_tx": None, "transactions": None, "blob_size": len(data)}
    rows.blocks.append(row)
    try:
        block = blobs.read_block(data)
    except blobs.Refused as why:
        rows.unread.append(f"block {position}: {why}")
        return
    row |= {
        "block": block.id.hex(),
        "height": block.miner_tx.height(),
        "timestamp": block.timestamp,
        "major_version": block.major_version,
        "minor_version": block.minor_version,
        "previous": block.previous.hex(),
        "miner_tx": shown_id(block.miner_tx.id),
        "transactions": len(block.transactions),
    }


def shown_id(block_id: bytes | None) -> str | None:
    return None if block_id is None else block_id.hex()


def add_transactions(rows: Rows, section: Section, fluff: bool | None, block: int | None) -> None:
    """The blobs of `txs`: strings, or objects, which is how the pruned form is sent."""
    entry = section.get(b"txs")
    if entry is None or not entry.array:
        return
    if entry.type == STRING:
        for before, data in zip([b"", *entry.value], entry.value, strict=False):
            add_transaction(
                rows,
                data,
                {
                    "pruned": False,
                    "fluff": fluff,
                    "ascending": None if fluff is None else before <= data,
                    "block_position": block,
                },
                None,
            )
    elif entry.type == OBJECT:
        for pruned in entry.value:
            data = text(pruned, "blob")
            if data is not None:
                add_transaction(
                    rows,
                    data,
                    {"pruned": True, "fluff": fluff, "ascending": None, "block_position": block},
                    blob(pruned, "prunable_hash", 32),
                )


def add_transaction(rows: Rows, data: bytes, sent: Row, prunable_hash: bytes | None) -> None:
    row: Row = {
        "position": len(rows.transactions),
        "tx": None,
        "blob_hash": keccak(data).hex(),
        "blob_size": len(data),
        "version": None,
        "rct_type": None,
        "inputs": None,
        "outputs": None,
    }
    row |= {"ring_size": None, "fee": None, "weight": None, **sent}
    rows.transactions.append(row)
    try:
        parsed = read(data, sent["pruned"], prunable_hash)
    except blobs.Refused as why:
        rows.unread.append(f"transaction {row['position']}: {why}")
        return
    row |= {
        "tx": shown_id(parsed.id),
        "version": parsed.version,
        "rct_type": parsed.rct_type,
        "inputs": len(parsed.inputs),
        "outputs": len(parsed.amounts),
        "ring_size": parsed.ring_size(),
        "fee": parsed.fee,
        "weight": parsed.weight,
        "pruned": parsed.pruned,
    }
    if parsed.id is None:
        rows.unread.append(f"transaction {row['position']}: pruned, and no hash of what is missing")


def read(data: bytes, pruned: bool, prunable_hash: bytes | None) -> blobs.Transaction:
    """Without a hash, or with one of zeros, monerod takes what was sent in pruned form for a whole
    transaction.
    """
    if pruned and prunable_hash in (None, bytes(32)):
        try:
            return blobs.read_transaction(data)
        except blobs.Refused:
            return blobs.read_transaction(data, True, None)
    return blobs.read_transaction(data, pruned, prunable_hash)


def add_inventory(rows: Rows, root: Section, key: str, name: str) -> None:
    data = text(root, key)
    size = 8 if name == "missing_indices" else 32
    if data is None:
        return
    if len(data) % size:
        rows.unread.append(f"{key}: no whole number of elements")  # monerod takes it as empty
        return
    elements = [data[at : at + size] for at in range(0, len(data), size)]
    block = blob(root, "block_hash", 32) if name == "missing_indices" else None
    for position, element in enumerate(elements):
        row: dict[str, Any] = {
            "position": position,
            "list": name,
            "id": element.hex(),
            "tx_index": None,
        }
        if name == "missing_indices":
            row |= {"id": shown_id(block), "tx_index": int.from_bytes(element, "little")}
        rows.inventories.append(row)


__all__ = ["add_relayed"]
