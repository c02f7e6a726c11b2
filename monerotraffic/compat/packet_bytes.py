"""Which messages share a packet, from the times and frames in the table of messages."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["begins_alone", "packet_numbers"]


def packet_numbers(rows: NDArray[Any]) -> NDArray[np.int64]:
    """Returns the number of the packet that completed each message of `rows` (structured rows of
    messages). The numbers are in order of time.
    """
    return _first_and_last(rows)[1]


def begins_alone(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether the packet with the first byte of each message completes no message, neither this one
    nor another.
    """
    first, last = _first_and_last(rows)
    return ~np.isin(first, last)


def _first_and_last(rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the numbers of the packets with the first and the last byte of each message. Equal
    numbers are one packet. The numbers are in order of time.
    """
    keys = [
        np.concatenate([rows[first], rows[last]])
        for first, last in (("time", "end_time"), ("frame", "end_frame"))
    ]
    keys += [np.tile(rows[name], 2) for name in ("connection", "from_client")]
    order = np.lexsort(keys[::-1])
    changed = np.zeros(len(order), dtype=np.bool_)
    for key in keys:
        changed[1:] |= key[order[1:]] != key[order[:-1]]
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.cumsum(changed)
    return numbers[: len(rows)], numbers[len(rows) :]
