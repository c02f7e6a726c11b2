"""Ids and codes of one run made valid in another."""

from __future__ import annotations

import numpy as np

from monerotraffic.tables.renumbering import ID_FIELDS, shift_ids, translate_codes
from monerotraffic.tables.schema import SCHEMA


def test_ids_are_shifted_by_their_kind_and_missing_ones_stay() -> None:
    rows = np.zeros(2, dtype=SCHEMA["messages"].dtype)
    rows["reply_to"] = [-1, 4]
    shift_ids(rows, {"connections": 10, "messages": 100, "files": 0})
    assert rows["connection"].tolist() == [10, 10]
    assert rows["message"].tolist() == [100, 100]
    assert rows["reply_to"].tolist() == [-1, 104]
    assert rows["file"].tolist() == [0, 0]


def test_codes_are_translated_and_missing_ones_stay() -> None:
    rows = np.zeros(2, dtype=SCHEMA["connections"].dtype)
    rows["client"], rows["server"] = [1, -1], [0, 1]
    rows["tunnel_ends"] = -1
    translate_codes("connections", rows, np.array([7, 8, -1], "i4"), np.array([5, -1], "i4"))
    assert rows["client"].tolist() == [8, -1]
    assert rows["server"].tolist() == [7, 8]
    assert rows["tunnel_ends"].tolist() == [-1, -1]


def test_every_field_with_an_id_is_known() -> None:
    names = {name for table in SCHEMA.values() for name in table.dtype.names or ()}
    assert set(ID_FIELDS) <= names
