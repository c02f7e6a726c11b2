"""Which messages share a packet."""

from __future__ import annotations

import numpy as np

from monerotraffic.compat.packet_bytes import begins_alone, packet_numbers
from monerotraffic.tables.schema import SCHEMA


def rows(*spans: tuple[int, int, int, bool]) -> np.ndarray:
    """Messages: frames of the first and the last byte, connection, direction. A frame of one
    connection and direction has one time.
    """
    messages = np.zeros(len(spans), dtype=SCHEMA["messages"].dtype)
    for row, (first, last, connection, from_client) in zip(messages, spans, strict=True):
        row["frame"], row["end_frame"] = first, last
        row["time"], row["end_time"] = first * 10, last * 10
        row["connection"], row["from_client"] = connection, from_client
    return messages


def test_messages_completed_by_one_packet_have_one_number() -> None:
    numbers = packet_numbers(
        rows((5, 5, 0, True), (5, 5, 0, True), (5, 7, 0, True), (9, 9, 0, True))
    )
    assert numbers[0] == numbers[1] < numbers[2] < numbers[3]


def test_frames_of_other_connections_directions_and_files_are_others() -> None:
    messages = rows((5, 5, 0, True), (5, 5, 1, True), (5, 5, 0, False), (5, 5, 0, True))
    messages["time"][3] += 1  # the same number in a later file
    messages["end_time"][3] += 1
    assert len(set(packet_numbers(messages).tolist())) == 4


def test_begins_alone() -> None:
    """The packet with the first byte completes neither this message nor another."""
    messages = rows((3, 3, 0, True), (3, 6, 0, True), (6, 8, 0, True), (10, 12, 0, True))
    assert begins_alone(messages).tolist() == [False, False, False, True]


def test_no_messages() -> None:
    assert packet_numbers(rows()).tolist() == []
    assert begins_alone(rows()).tolist() == []
