"""Keccak-256 with the padding of the original submission, and monero's tree of hashes. Whatever was
hashed once is remembered: a block or a transaction comes again on every connection.
"""

from __future__ import annotations

from functools import cache

RATE = 136  # bytes taken in between two permutations
ROUNDS = 24
MASK = 2**64 - 1


def rotate(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & MASK


def make_steps() -> list[tuple[int, int]]:
    """For each lane (x + 5y) its place after the steps rho and pi, and by how much it is rotated on
    the way.
    """
    steps = [(0, 0)] * 25
    x, y = 1, 0
    for t in range(24):
        steps[x + 5 * y] = (y + 5 * ((2 * x + 3 * y) % 5), (t + 1) * (t + 2) // 2 % 64)
        x, y = y, (2 * x + 3 * y) % 5
    return steps


def make_constants() -> list[int]:
    """One per round: the bits of a shift register, at the places 2^j - 1."""
    constants, register = [], 1
    for _ in range(ROUNDS):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << (2**j - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


STEPS = make_steps()
CONSTANTS = make_constants()


def permute(lanes: list[int]) -> list[int]:
    for constant in CONSTANTS:
        parity = [
            lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]
            for x in range(5)
        ]
        change = [parity[x - 1] ^ rotate(parity[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for lane, (place, by) in enumerate(STEPS):
            moved[place] = rotate(lanes[lane] ^ change[lane % 5], by)
        lanes = [
            moved[y + x] ^ ~moved[y + (x + 1) % 5] & moved[y + (x + 2) % 5]
            for y in range(0, 25, 5)
            for x in range(5)
        ]
        lanes[0] ^= constant
    return lanes


def sponge(data: bytes, padding: int) -> bytes:
    """32 bytes; `padding` is the first byte behind the data: 1 as submitted, 6 in SHA3-256."""
    padded = bytearray(data) + bytes([padding]) + bytes(-(len(data) + 1) % RATE)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for at in range(0, len(padded), RATE):
        for lane in range(RATE // 8):
            lanes[lane] ^= int.from_bytes(padded[at + 8 * lane : at + 8 * lane + 8], "little")
        lanes = permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


@cache
def keccak(data: bytes) -> bytes:
    return sponge(data, 1)


def tree_hash(hashes: list[bytes]) -> bytes:
    """As many of the last hashes are joined in pairs as leaves a power of two of them; and so
    on.
    """
    count = len(hashes)
    if count == 1:
        return hashes[0]
    power = 1
    while power * 2 < count:
        power *= 2
    kept = 2 * power - count
    return tree_hash(
        hashes[:kept] + [keccak(hashes[i] + hashes[i + 1]) for i in range(kept, count, 2)]
    )


__all__ = ["keccak", "sponge", "tree_hash"]
