"""Transactions and blocks that parse, in messages that relay them: no more than what gives each an
id of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from oracle.blobs import read_block, read_transaction
from support import craft


def tx(number: int) -> bytes:
    """A coinbase transaction of version 1 (height `number`), which is as good as another. Of two
    below 128 the one of the smaller number is the smaller.
    """
    height = bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])
    return bytes([1, 0, 1, 0xFF]) + height + bytes([1, 0, 2]) + bytes([number & 255]) * 32 + b"\0"


def tx_id(number: int) -> str:
    parsed_id = read_transaction(tx(number)).id
    assert parsed_id is not None
    return parsed_id.hex()


def block(height: int, transactions: Sequence[int] = ()) -> bytes:
    ids = b"".join(bytes.fromhex(tx_id(number)) for number in transactions)
    return bytes([16, 16, 0]) + bytes(32) + bytes(4) + tx(height) + bytes([len(transactions)]) + ids


def block_id(height: int, transactions: Sequence[int] = ()) -> bytes:
    return read_block(block(height, transactions)).id


def announced(
    height: int, transactions: Sequence[int] = (), carried: Sequence[int] = (), command: int = 2008
) -> bytes:
    """A new block of these transactions (2008 or 2001), with those that it carries."""
    entry = {"block": block(height, transactions)} | (
        {"txs": [tx(number) for number in carried]} if carried else {}
    )
    return craft.notification(
        command, craft.epee({"b": entry, "current_blockchain_height": ("u64", height + 1)})
    )


def missing(height: int, transactions: Sequence[int], indices: Sequence[int]) -> bytes:
    """A 2009 for transactions of a block."""
    wanted = b"".join(struct.pack("<Q", index) for index in indices)
    fields = {
        "block_hash": block_id(height, transactions),
        "current_blockchain_height": ("u64", height),
        "missing_tx_indices": wanted,
    }
    return craft.notification(2009, craft.epee(fields))


def relayed(*numbers: int, fluff: bool = True) -> bytes:
    """A 2002."""
    return craft.notification(2002, craft.transactions([tx(number) for number in numbers], fluff))
