"""Rows of a stream: pieces are joined, and ids are counted by connections."""

from __future__ import annotations

import numpy as np

from monerotraffic.io.streams import Pieces, join_pieces, used_ids
from monerotraffic.tables.schema import SCHEMA


def rows(table: str, count: int) -> np.ndarray:
    return np.zeros(count, dtype=SCHEMA[table].dtype)


def test_pieces_are_joined_and_released() -> None:
    pieces = Pieces(["messages", "problems"])
    first, second = rows("messages", 2), rows("messages", 3)
    first["message"], second["message"] = [0, 1], [2, 3, 4]
    pieces.add({"messages": first, "problems": rows("problems", 1)})
    pieces.add({"messages": second, "problems": rows("problems", 0)})
    assert pieces.count == 6
    joined = pieces.join()
    assert joined["messages"]["message"].tolist() == [0, 1, 2, 3, 4]
    assert len(joined["problems"]) == 1
    assert pieces.count == 0
    assert {table: len(left) for table, left in pieces.join().items()} == {
        "messages": 0,
        "problems": 0,
    }


def test_a_single_piece_is_not_copied() -> None:
    piece = rows("blocks", 2)
    assert join_pieces("blocks", [rows("blocks", 0), piece]) is piece
    assert join_pieces("blocks", []).dtype == SCHEMA["blocks"].dtype


def test_messages_are_counted_by_their_connections() -> None:
    connections = rows("connections", 2)
    connections["client_messages"], connections["server_messages"] = [3, 0], [4, 5]
    counts = used_ids({"connections": connections, "files": rows("files", 3)})
    assert counts == {"connections": 2, "messages": 12, "files": 3}
