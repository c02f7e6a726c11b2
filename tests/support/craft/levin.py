"""Levin messages, fragments and noise."""

from __future__ import annotations

import struct

from support.craft.payloads import EMPTY

SIGNATURE = bytes.fromhex("0121010101010101")
LEVIN_HEADER = 33


def bucket(
    command: int,
    body: bytes = b"",
    flags: int = 1,
    expect: int = 0,
    return_code: int = 0,
    version: int = 1,
    length: int | None = None,
    signature: bytes = SIGNATURE,
) -> bytes:
    """Any bucket; `length` may lie."""
    return (
        signature
        + struct.pack(
            "<QBIiII",
            len(body) if length is None else length,
            expect,
            command,
            return_code,
            flags,
            version,
        )
        + body
    )


def request(command: int, body: bytes = EMPTY) -> bytes:
    return bucket(command, body, flags=1, expect=1)


def response(command: int, body: bytes = EMPTY, return_code: int = 1) -> bytes:
    return bucket(command, body, flags=2, return_code=return_code)


def notification(command: int, body: bytes = EMPTY) -> bytes:
    return bucket(command, body, flags=1)


def noise(size: int = 3072) -> bytes:
    return bucket(0, bytes(size - LEVIN_HEADER), flags=12)


def fragments(message: bytes, size: int = 3072) -> list[bytes]:
    """A whole inner bucket as Levin fragments, each of `size` bytes on the wire, the last
    zero-padded.
    """
    room = size - LEVIN_HEADER
    pieces = [message[at : at + room].ljust(room, b"\0") for at in range(0, len(message), room)]
    return [
        bucket(0, piece, flags=(4 if i == 0 else 0) | (8 if i == len(pieces) - 1 else 0))
        for i, piece in enumerate(pieces)
    ]
