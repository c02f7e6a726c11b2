"""Block and transaction blobs: monero's own serialization, with what makes its reader refuse one.
Nothing is verified: only the structure is read, and ids are computed.

A transaction has up to three parts. Those of version 1 are prefix and signatures; those of version
2 prefix, base, prunable part, of which the last is not there in the pruned form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .cursor import Cursor
from .keccak import keccak, tree_hash

# tags of inputs and outputs; those of scripts (0, 1) were never used
GEN, TO_KEY, TO_TAGGED_KEY = 0xFF, 2, 3
CARROT = 4  # in drafts only
NULL, FULL, SIMPLE, BULLETPROOF, BULLETPROOF2, CLSAG, BULLETPROOF_PLUS = range(7)  # RCT types
KEY = 32
MOST_MIXIN = 0xFFFFFFFF
LEAST_ROUNDS, MOST_ROUNDS = 6, 10  # of a bulletproof: for 1 output, for 16

# block 202612 was mined with a wrong tree of hashes, and kept the id that this gave
ODD_HEIGHT = 202612
ODD_BLOB = bytes.fromhex("3a8a2b3a29b50fc86ff73dd087ea43c6f0d6b8f936c849194d5c84c737903966")
ODD_ID = bytes.fromhex("bbd604d2ba11ba27935e006ed39c9bfdd99b76bf4a50654bc1e1e61217962698")


class Refused(Exception):
    """monerod would not read this blob."""


@dataclass(frozen=True)
class Input:
    tag: int
    height: int = 0  # of a gen input
    amount: int = 0  # of an input to_key
    ring: int = 0


@dataclass(frozen=True)
class Transaction:
    id: bytes | None
    version: int
    rct_type: int | None
    inputs: tuple[Input, ...]
    amounts: tuple[int, ...]  # of the outputs
    fee: int | None
    weight: int | None
    pruned: bool

    def is_coinbase(self) -> bool:
        return is_coinbase(self.inputs)

    def ring_size(self) -> int | None:
        """Of the first input that spends an output."""
        return next((one.ring for one in self.inputs if one.tag == TO_KEY), None)

    def height(self) -> int | None:
        return self.inputs[0].height if self.is_coinbase() else None


@dataclass(frozen=True)
class Block:
    id: bytes
    major_version: int
    minor_version: int
    timestamp: int
    previous: bytes
    miner_tx: Transaction
    transactions: tuple[bytes, ...]


class Reader(Cursor):
    refused = Refused

    def __init__(self, data: bytes, from_peer: bool = False, early: bool = False) -> None:
        super().__init__(data)
        # a transaction by itself, of which monerod asks more (expand_transaction_1)
        self.from_peer = from_peer
        # the format of monerod v0.12, where types 3 and 4 had one bulletproof for each output
        self.early = early

    def byte(self) -> int:
        return self.take(1)[0]

    def varint(self, bits: int = 64) -> int:
        """Seven bits a byte, the lowest first; neither longer than needed nor larger than
        `bits`.
        """
        value, shift = 0, 0
        while True:
            byte = self.byte()
            if byte == 0 and shift:
                raise Refused("varint longer than needed")
            value |= (byte & 0x7F) << shift
            shift += 7
            if value >> bits or (byte & 0x80 and shift >= bits):
                raise Refused("varint too large")
            if not byte & 0x80:
                return value

    def count(self) -> int:
        """Of things of at least a byte each."""
        value = self.varint()
        if value > self.left():
            raise Refused("more elements than bytes left")
        return value

    def keys(self, count: int) -> bytes:
        return self.take(KEY * count)

    def end(self) -> None:
        if self.left():
            raise Refused("bytes left over")


# ---------------------------------------------------------------- the prefix


def read_input(reader: Reader) -> Input:
    tag = reader.byte()
    if tag == GEN:
        return Input(tag, height=reader.varint())
    if tag == TO_KEY:
        amount = reader.varint()
        offsets = [reader.varint() for _ in range(reader.count())]
        reader.take(KEY)
        return Input(tag, amount=amount, ring=len(offsets))
    raise Refused("a kind of input that no transaction has")


def read_output(reader: Reader) -> int:
    """The amount."""
    amount = reader.varint()
    tag = reader.byte()
    if tag == TO_KEY:
        reader.take(KEY)
    elif tag == TO_TAGGED_KEY:
        reader.take(KEY + 1)
    elif tag == CARROT:
        raise Refused("unknown output type 4 (Carrot in drafts of FCMP++)")
    else:
        raise Refused("a kind of output that no transaction has")
    return amount


def read_prefix(reader: Reader) -> tuple[int, tuple[Input, ...], tuple[int, ...]]:
    """Version, inputs, amounts of the outputs."""
    version = reader.varint()
    if version not in (1, 2):
        raise Refused("unknown version")
    reader.varint()  # unlock time
    inputs = tuple(read_input(reader) for _ in range(reader.count()))
    amounts = tuple(read_output(reader) for _ in range(reader.count()))
    reader.take(reader.count())  # extra
    return version, inputs, amounts


# ---------------------------------------------------------------- what follows it


def read_base(reader: Reader, inputs: int, outputs: int) -> tuple[int, int | None]:
    """RCT type and fee."""
    kind = reader.byte()
    if kind == NULL:
        return kind, None
    if kind == BULLETPROOF_PLUS + 1:
        raise Refused("unknown RCT type 7 (FCMP++ in drafts)")
    if kind > BULLETPROOF_PLUS:
        raise Refused("unknown RCT type")
    fee = reader.varint()
    if kind == SIMPLE or (reader.early and kind == BULLETPROOF2):
        reader.keys(inputs)  # pseudoOuts
    long = reader.early or kind in (FULL, SIMPLE, BULLETPROOF)
    reader.take(outputs * (64 if long else 8))  # ecdhInfo
    reader.keys(outputs)  # outPk
    return kind, fee


def read_bulletproof(reader: Reader, plus: bool) -> int:
    """How many outputs it has room for; 0 if it is of a size that there is not."""
    reader.keys(6)
    left = reader.count()
    reader.keys(left)
    right = reader.count()
    reader.keys(right)
    reader.keys(0 if plus else 3)
    if left == 0 or left != right:
        raise Refused("uneven bulletproof")
    return 2 ** (left - LEAST_ROUNDS) if LEAST_ROUNDS <= left <= MOST_ROUNDS else 0


def read_bulletproofs(reader: Reader, kind: int, outputs: int, coinbase: bool) -> int:
    """How many outputs they have room for."""
    count = int.from_bytes(reader.take(4), "little") if kind == BULLETPROOF else reader.varint(32)
    if count > outputs:
        raise Refused("more bulletproofs than outputs")
    if count != 1 and reader.from_peer and not coinbase:
        raise Refused("not exactly one bulletproof")
    sizes = [read_bulletproof(reader, kind == BULLETPROOF_PLUS) for _ in range(count)]
    if 0 in sizes:
        raise Refused("bulletproof of a size that there is not")
    room = sum(sizes)
    if room < outputs:
        raise Refused("bulletproofs for fewer outputs")
    return room


def read_early_prunable(reader: Reader, kind: int, inputs: int, ring: int, outputs: int) -> None:
    """monerod v0.12: type 3 has the signature of type 1, type 4 those of type 2."""
    if kind not in (BULLETPROOF, BULLETPROOF2):
        raise Refused("no early format")
    for _ in range(outputs):
        if read_bulletproof(reader, plus=False) != 1:
            raise Refused("bulletproof for more than one output")
    reader.keys(ring * (inputs + 1) + 1 if kind == BULLETPROOF else inputs * (ring * 2 + 1))


def read_prunable(reader: Reader, kind: int, inputs: tuple[Input, ...], outputs: int) -> int:
    """How many outputs its bulletproofs have room for. All inputs count as having as many ring
    members as the first.
    """
    ring = inputs[0].ring if inputs[0].tag == TO_KEY else 1
    if not 1 <= ring <= MOST_MIXIN:
        raise Refused("no ring")
    if reader.early:
        read_early_prunable(reader, kind, len(inputs), ring, outputs)
        return 0
    room = 0
    if kind in (FULL, SIMPLE):
        reader.take(outputs * (64 + 64 + 1 + 64) * KEY)  # Borromean range proofs
    else:
        room = read_bulletproofs(reader, kind, outputs, is_coinbase(inputs))
    if kind in (CLSAG, BULLETPROOF_PLUS):
        reader.keys(len(inputs) * (ring + 2))
    elif kind == FULL:
        reader.keys(ring * (len(inputs) + 1) + 1)
    else:
        reader.keys(len(inputs) * (ring * 2 + 1))
    if kind not in (FULL, SIMPLE):
        reader.keys(len(inputs))  # pseudoOuts
    return room


def take_back(kind: int, room: int) -> int:
    """What a proof for many outputs weighs more than its size: four fifths of what the outputs
    would save by sharing it.
    """
    if room <= 2:
        return 0
    rounds = LEAST_ROUNDS
    while 2 ** (rounds - LEAST_ROUNDS) < room:
        rounds += 1
    fixed = 6 if kind == BULLETPROOF_PLUS else 9
    for_two = KEY * (fixed + 2 * 7)
    return (for_two * room // 2 - KEY * (fixed + 2 * rounds)) * 4 // 5


# ---------------------------------------------------------------- transactions


def is_coinbase(inputs: tuple[Input, ...]) -> bool:
    return len(inputs) == 1 and inputs[0].tag == GEN


def transparent_fee(inputs: tuple[Input, ...], amounts: tuple[int, ...]) -> int | None:
    """Of version 1: what goes in and does not come out."""
    spent, amount_in = sum(one.amount for one in inputs), sum(amounts)
    if (
        any(one.tag != TO_KEY for one in inputs)
        or max(spent, amount_in) >= 2**64
        or spent < amount_in
    ):
        return None
    return spent - amount_in


def take_transaction(
    reader: Reader, without_prunable: bool = False, prunable_hash: bytes | None = None
) -> Transaction:
    """The transaction that begins where the reader is. Of version 1 there is no pruned form on the
    wire.
    """
    start = reader.at
    version, inputs, amounts = read_prefix(reader)
    prefix_end = reader.at
    if version == 1:
        for one in inputs:
            reader.take(one.ring * 2 * KEY)
        blob = reader.data[start : reader.at]
        return Transaction(
            keccak(blob),
            version,
            None,
            inputs,
            amounts,
            transparent_fee(inputs, amounts),
            len(blob),
            False,
        )
    if not inputs and not without_prunable:
        # monerod reads it, and then finds that it has no hash
        raise Refused("version 2 without inputs")
    kind, fee = read_base(reader, len(inputs), len(amounts)) if inputs else (NULL, None)
    base_end = reader.at
    base = reader.data[prefix_end:base_end] if inputs else b"\0"
    room = (
        0 if kind == NULL or without_prunable else read_prunable(reader, kind, inputs, len(amounts))
    )
    if kind == NULL:
        prunable_hash = bytes(32)
    elif not without_prunable:
        prunable_hash = keccak(reader.data[base_end : reader.at])
    transaction = (
        None
        if prunable_hash is None
        else keccak(keccak(reader.data[start:prefix_end]) + keccak(base) + prunable_hash)
    )
    weight = None if without_prunable else reader.at - start + take_back(kind, room)
    return Transaction(
        transaction,
        version,
        kind if inputs else None,
        inputs,
        amounts,
        None if is_coinbase(inputs) else fee,
        weight,
        without_prunable,
    )


@cache
def read_transaction(
    blob: bytes, pruned: bool = False, prunable_hash: bytes | None = None
) -> Transaction:
    """A whole blob; `pruned`: it was sent in the pruned form, beside `prunable_hash`, without which
    it has no id.
    """
    try:
        return read_format(blob, pruned, prunable_hash, early=False)
    except Refused:
        if pruned:
            raise
        try:
            transaction = read_format(blob, early=True)
        except Refused:
            transaction = None
        if (
            transaction is None
            or transaction.rct_type not in (BULLETPROOF, BULLETPROOF2)
            or transaction.is_coinbase()
        ):
            raise
        return transaction


def read_format(
    blob: bytes, pruned: bool = False, prunable_hash: bytes | None = None, *, early: bool
) -> Transaction:
    reader = Reader(blob, from_peer=True, early=early)
    transaction = take_transaction(reader, pruned, prunable_hash)
    reader.end()
    return transaction


# ---------------------------------------------------------------- blocks


def varint_bytes(value: int) -> bytes:
    encoded = b""
    while value >= 0x80:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


@cache
def read_block(blob: bytes) -> Block:
    try:
        return read_known_block(blob)
    except Refused as why:
        if blob and 16 < blob[0] < 0x80:
            named = " 17 (FCMP++ and Carrot in drafts)" if blob[0] == 17 else ""
            raise Refused(f"unknown block version{named}") from why
        raise


def read_known_block(blob: bytes) -> Block:
    reader = Reader(blob)
    major, minor, timestamp = reader.varint(8), reader.varint(8), reader.varint()
    previous = reader.take(KEY)
    reader.take(4)  # nonce
    header = blob[: reader.at]
    miner_tx = take_transaction(reader)
    transactions = tuple(reader.take(KEY) for _ in range(reader.count()))
    reader.end()
    assert miner_tx.id is not None
    hashing = header + tree_hash([miner_tx.id, *transactions]) + varint_bytes(len(transactions) + 1)
    block_id = keccak(varint_bytes(len(hashing)) + hashing)
    if miner_tx.height() in (None, ODD_HEIGHT) and keccak(blob) == ODD_BLOB:
        block_id = ODD_ID
    return Block(block_id, major, minor, timestamp, previous, miner_tx, transactions)


__all__ = ["Block", "Refused", "Transaction", "read_block", "read_transaction"]
