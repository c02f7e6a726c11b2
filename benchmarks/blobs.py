"""Transactions and blocks in the format of mainnet (fork 16), and their ids. Keys, signatures and
proofs are random bytes.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.keccak import keccak256

_FORK = 16
_TRANSACTION_VERSION = 2
_BULLETPROOF_PLUS = 6
_RING = 16
_KEY = 32
_GEN_INPUT, _KEY_INPUT, _TAGGED_KEY = b"\xff", b"\x02", b"\x03"
_PUBLIC_KEY, _NONCE, _MORE_PUBLIC_KEYS = 1, 2, 4  # tags of `extra`
_ENCRYPTED_PAYMENT_ID = bytes((_NONCE, 9, 1))  # 8 bytes follow
_UNLOCK_BLOCKS = 60
_FEE_PER_BYTE = 20_000
BLOCK_TIME = 120  # seconds
_REWARD = 600_000_000_000


@dataclass(frozen=True, slots=True)
class Transaction:
    """A blob and the offsets of its three parts, which are hashed separately."""

    blob: bytes
    prefix_end: int
    base_end: int


@dataclass(frozen=True, slots=True)
class Block:
    """A blob, its id, and the transactions whose ids it contains."""

    blob: bytes
    id: bytes
    transactions: tuple[Transaction, ...]


def varint(value: int) -> bytes:
    """Seven bits per byte, the lowest first."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


# ---- transactions ----


def transaction(rng: random.Random, smallest: float = 0.55) -> Transaction:
    """Mostly one or two inputs and two outputs, 1.5 and 2.2 kB; up to 9 kB. `smallest`: the share
    of those with one input and two outputs.
    """
    draw = rng.random()
    if draw < smallest:
        inputs, outputs = 1, 2
    elif (draw := (draw - smallest) / (1 - smallest)) < 32 / 45:
        inputs, outputs = 2, 2
    elif draw < 41 / 45:
        inputs, outputs = 3, 2
    else:
        inputs, outputs = rng.randint(1, 9), rng.randint(2, 16)
    prefix, prunable = _prefix(rng, inputs, outputs), _prunable(rng, inputs, outputs)
    fee = rng.choice((1, 1, 1, 4, 20)) * _FEE_PER_BYTE * (len(prefix) + len(prunable))
    # amounts, then commitments
    base = bytes((_BULLETPROOF_PLUS,)) + varint(fee) + rng.randbytes((8 + _KEY) * outputs)
    return Transaction(prefix + base + prunable, len(prefix), len(prefix) + len(base))


def _prefix(rng: random.Random, inputs: int, outputs: int) -> bytes:
    parts = [bytes((_TRANSACTION_VERSION, 0, inputs))]
    for _ in range(inputs):
        parts += (_KEY_INPUT, b"\0", varint(_RING), _ring(rng), rng.randbytes(_KEY))
    parts.append(bytes((outputs,)))
    for _ in range(outputs):
        parts += (b"\0", _TAGGED_KEY, rng.randbytes(_KEY + 1))
    extra = bytes((_PUBLIC_KEY,)) + rng.randbytes(_KEY)
    if outputs == 2:
        extra += _ENCRYPTED_PAYMENT_ID + rng.randbytes(8)
    else:
        extra += bytes((_MORE_PUBLIC_KEYS, outputs)) + rng.randbytes(_KEY * outputs)
    return b"".join((*parts, varint(len(extra)), extra))


def _ring(rng: random.Random) -> bytes:
    """Offsets of the ring members: the first from the beginning of the chain, the others at
    distances of all scales.
    """
    steps = (int(2 ** rng.uniform(4, 22)) for _ in range(_RING - 1))
    return b"".join(map(varint, (rng.randint(60_000_000, 85_000_000), *steps)))


def _prunable(rng: random.Random, inputs: int, outputs: int) -> bytes:
    """One range proof for all outputs, one signature for each input, their commitments."""
    rounds = 6 + (outputs - 1).bit_length()
    points = bytes((rounds,)) + rng.randbytes(_KEY * rounds)
    proof = rng.randbytes(6 * _KEY) + points + points[:1] + rng.randbytes(_KEY * rounds)
    return (
        b"\x01" + proof + rng.randbytes((_RING + 2) * _KEY * inputs) + rng.randbytes(_KEY * inputs)
    )


def transaction_ids(transactions: Sequence[Transaction]) -> list[bytes]:
    """The hash of the hashes of the three parts. A missing third part, as in a miner transaction,
    counts as zeros.
    """
    hashes = iter(keccak256([part for one in transactions for part in _parts(one)]))
    return keccak256(
        [b"".join(next(hashes) for _ in _parts(one)).ljust(3 * _KEY, b"\0") for one in transactions]
    )


def _parts(one: Transaction) -> list[bytes]:
    ends = (0, one.prefix_end, one.base_end, len(one.blob))
    return [one.blob[start:end] for start, end in pairwise(ends) if start < end]


# ---- blocks ----


def chain(
    rng: random.Random,
    previous: bytes,
    height: int,
    timestamp: int,
    bodies: Sequence[Sequence[Transaction]],
) -> list[Block]:
    """One block of each body: the first at `height` on top of `previous`. All blocks are hashed at
    once, which is cheaper.
    """
    heights = range(height, height + len(bodies))
    ids = iter(transaction_ids([one for body in bodies for one in body]))
    listed = [[next(ids) for _ in body] for body in bodies]
    miners = [_miner_transaction(rng, number) for number in heights]
    roots = _tree_hashes(
        [[miner, *body] for miner, body in zip(transaction_ids(miners), listed, strict=True)]
    )
    blocks = []
    for number, body in enumerate(bodies):
        header = (
            bytes((_FORK, _FORK))
            + varint(timestamp + number * BLOCK_TIME)
            + previous
            + rng.randbytes(4)
        )
        hashed = header + roots[number] + varint(len(body) + 1)
        (previous,) = keccak256([varint(len(hashed)) + hashed])
        blocks.append(
            Block(
                b"".join((header, miners[number].blob, varint(len(body)), *listed[number])),
                previous,
                tuple(body),
            )
        )
    return blocks


def _miner_transaction(rng: random.Random, height: int) -> Transaction:
    """One input with the height, and one output with the reward. The base is the byte 0, and
    nothing can be pruned.
    """
    extra = bytes((_PUBLIC_KEY,)) + rng.randbytes(_KEY)
    nonce = rng.randbytes(rng.randint(8, 60))
    extra += bytes((_NONCE, len(nonce))) + nonce
    source = b"\x01" + _GEN_INPUT + varint(height)
    target = (
        b"\x01" + varint(_REWARD + rng.randrange(10**10)) + _TAGGED_KEY + rng.randbytes(_KEY + 1)
    )
    prefix = (
        bytes((_TRANSACTION_VERSION,))
        + varint(height + _UNLOCK_BLOCKS)
        + source
        + target
        + varint(len(extra))
        + extra
    )
    return Transaction(prefix + b"\0", len(prefix), len(prefix) + 1)


def _tree_hashes(trees: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Roots of Monero's tree hash, computed level by level for all trees. The first level joins as
    many leaves, from the end, as needed to get a power of two.
    """
    levels = [list(leaves) for leaves in trees]
    while any(len(level) > 1 for level in levels):
        kept = [2 * _below(len(level)) - len(level) for level in levels]
        hashes = iter(
            keccak256(
                [
                    b"".join(level[at : at + 2])
                    for level, first in zip(levels, kept, strict=True)
                    for at in range(first, len(level), 2)
                ]
            )
        )
        levels = [
            level[:first] + [next(hashes) for _ in range(first, len(level), 2)]
            for level, first in zip(levels, kept, strict=True)
        ]
    return [root for (root,) in levels]


def _below(number: int) -> int:
    """The largest smaller power of two; 1 for 1, so that a single root is kept."""
    return 1 << max(0, (number - 1).bit_length() - 1)
