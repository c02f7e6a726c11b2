"""Keccak-256 as Monero uses it, with the padding from before SHA3, for many messages at once. One
permutation is slow in Python, and hardly slower for a hundred states at once in numpy.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_RATE = 136  # bytes taken in between two permutations
_ROUNDS = 24

_States = NDArray[np.uint64]  # 25 lanes (number 5 y + x) by message


def _round_constants() -> list[np.uint64]:
    """Bits out of the linear feedback register of the standard."""
    constants, register = [], 1
    for _ in range(_ROUNDS):
        constant = 0
        for power in range(7):
            constant |= (register & 1) << (1 << power) - 1
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(np.uint64(constant))
    return constants


def _walk() -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Steps rho and pi together: which lane each one comes from, and by how much it is rotated."""
    source, rotation = np.zeros(25, np.intp), np.zeros(25, np.uint64)
    x, y = 1, 0
    for step in range(24):
        target = 5 * ((2 * x + 3 * y) % 5) + y
        source[target], rotation[target] = 5 * y + x, (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return source, rotation[:, None]


_CONSTANTS = _round_constants()
_SOURCE, _LEFT = _walk()
_RIGHT = (64 - _LEFT) % 64
_NEXT, _AFTER_NEXT, _BEFORE = ((np.arange(5) + distance) % 5 for distance in (1, 2, 4))
_ONE, _SIXTY_THREE = np.uint64(1), np.uint64(63)


def _permuted(states: _States) -> _States:
    """Keccak-f[1600] of every column; `states` is used up."""
    width = states.shape[1]
    for constant in _CONSTANTS:
        planes = states.reshape(5, 5, width)
        parity = np.bitwise_xor.reduce(planes, axis=0)
        after = parity[_NEXT]
        planes ^= parity[_BEFORE] ^ (after << _ONE | after >> _SIXTY_THREE)
        moved = states[_SOURCE]
        moved = (moved << _LEFT | moved >> _RIGHT).reshape(5, 5, width)
        states = (moved ^ ~moved[:, _NEXT] & moved[:, _AFTER_NEXT]).reshape(25, width)
        states[0] ^= constant
    return states


def keccak256(messages: Sequence[bytes], padding: int = 0x01) -> list[bytes]:
    """The hash of each message. `padding` 0x06 makes it SHA3-256, with which hashlib can be
    compared.
    """
    if not messages:
        return []
    order = sorted(range(len(messages)), key=lambda number: len(messages[number]), reverse=True)
    blocks = np.array([len(messages[number]) // _RATE + 1 for number in order])
    padded = np.zeros((len(messages), blocks[0] * _RATE), np.uint8)
    for row, number in enumerate(order):
        message = messages[number]
        padded[row, : len(message)] = np.frombuffer(message, np.uint8)
        padded[row, len(message)] = padding
        padded[row, blocks[row] * _RATE - 1] |= 0x80
    words = padded.view("<u8").reshape(len(messages), blocks[0], -1)
    states = np.zeros((25, len(messages)), np.uint64)
    for block in range(blocks[0]):
        live = int(np.count_nonzero(blocks > block))  # the longest come first
        states[: _RATE // 8, :live] ^= words[:live, block].T
        states[:, :live] = _permuted(states[:, :live].copy())
    hashes = np.ascontiguousarray(states[:4].T)
    digests = [b""] * len(messages)
    for row, number in enumerate(order):
        digests[number] = hashes[row].tobytes()
    return digests
