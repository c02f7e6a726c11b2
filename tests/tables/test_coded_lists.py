"""Peer lists as codes of distinct entries."""

from __future__ import annotations

import numpy as np
import pytest

import monerotraffic as mt
from monerotraffic.tables.coded_lists import CodedLists, of_messages
from monerotraffic.tables.renumbering import shift_ids, translate_codes
from monerotraffic.tables.schema import SCHEMA, STORED


def coded(runs: list[tuple[int, int]], codes: list[int], ids: list[int]) -> CodedLists:
    """Lists as (message, entries), the codes of their entries, and the ids of distinct entries."""
    rows = np.zeros(len(runs), dtype=STORED["peer_runs"].dtype)
    rows["message"], rows["entries"] = zip(*runs, strict=True) if runs else ([], [])
    entries = np.zeros(len(ids), dtype=STORED["peer_entries"].dtype)
    entries["id"], entries["host"] = ids, np.arange(len(ids))
    code = np.array(codes, dtype="i4").view(STORED["peer_codes"].dtype)
    return CodedLists.of_core(rows, code, entries)


def shown(lists: CodedLists) -> list[tuple[int, int, int]]:
    rows = lists.rows()
    assert rows.dtype == SCHEMA["peer_lists"].dtype
    return [(int(row["message"]), int(row["position"]), int(row["id"])) for row in rows]


LISTS = coded([(3, 2), (5, 1), (9, 3)], [0, 1, 1, 0, 2, 0], [70, 71, 72])
ROWS = [(3, 0, 70), (3, 1, 71), (5, 0, 71), (9, 0, 70), (9, 1, 72), (9, 2, 70)]


def test_rows_are_made_of_runs_codes_and_entries() -> None:
    assert len(LISTS) == 6
    assert shown(LISTS) == ROWS
    assert LISTS.messages().tolist() == [3, 3, 5, 9, 9, 9]
    assert LISTS.positions().tolist() == [0, 1, 0, 0, 1, 2]


def test_there_may_be_no_list() -> None:
    none = coded([], [], [])
    assert len(none) == 0 and shown(none) == []
    assert none.count(np.zeros(0, dtype=np.bool_)).tolist() == []


def test_lists_can_be_left_out_without_a_copy_of_the_codes() -> None:
    some = of_messages(LISTS, np.array([3, 9]))
    assert some.codes is LISTS.codes
    assert shown(some) == [row for row in ROWS if row[0] != 5]
    assert shown(of_messages(some, np.array([9]))) == ROWS[3:]


def test_entries_of_a_list_are_counted_by_distinct_entry() -> None:
    assert LISTS.count(LISTS.entries["id"] == 70).tolist() == [1, 0, 2]
    assert of_messages(LISTS, np.array([9])).count(LISTS.entries["id"] > 70).tolist() == [1]


def test_joined_lists_have_codes_of_all_entries() -> None:
    other = of_messages(coded([(11, 1), (12, 2)], [0, 1, 0], [80, 81]), np.array([12]))
    joined = CodedLists.joined([LISTS, other, LISTS])
    assert shown(joined) == [*ROWS, (12, 0, 81), (12, 1, 80), *ROWS]
    assert joined.codes.dtype == np.int32
    assert CodedLists.joined([LISTS]) is LISTS


def test_rows_become_lists_and_rows_again() -> None:
    rows = LISTS.rows()
    lists = CodedLists.of_rows(rows)
    assert lists.length.tolist() == [2, 1, 3]
    assert lists.rows() is rows
    assert shown(of_messages(lists, np.array([5]))) == ROWS[2:3]
    assert shown(CodedLists.joined([LISTS, lists])) == [*ROWS, *ROWS]


@pytest.mark.parametrize("source", ["of_core", "of_rows"])
def test_ids_and_codes_of_a_copy_are_renumbered(source: str) -> None:
    lists = (LISTS if source == "of_core" else CodedLists.of_rows(LISTS.rows())).copy()
    shift_ids(lists, {"connections": 0, "messages": 100, "files": 0})
    translate_codes("peer_lists", lists, np.array([5, 6, 7, -1], "i4"), np.array([-1], "i4"))
    assert shown(lists) == [(message + 100, position, id) for message, position, id in ROWS]
    assert lists.rows()["host"].tolist() == [5, 6, 6, 5, 7, 5]
    assert shown(LISTS) == ROWS


def test_the_frame_and_single_columns_show_the_rows_of_the_array() -> None:
    traffic = mt.read("tests/data/spies")
    rows, frame = traffic.arrays["peer_lists"], traffic.peer_lists
    assert len(frame) == len(rows) > len(traffic.coded_lists.entries)
    for name in ("message", "position", "port", "id"):
        assert frame[name].to_numpy().tolist() == rows[name].tolist()
    names = np.array([*traffic.names.addresses(), None], dtype=object)
    assert frame["host"].astype(object).tolist() == names[rows["host"]].tolist()
    some = traffic.list_columns("host", "message")
    assert some.equals(frame[["host", "message"]])
    assert traffic.arrays["peer_lists"] is rows
