"""Payload items as tshark prints them: one comma-separated list per field, with all entries of all
messages that a packet completed, depth first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["ITEM_FIELDS", "item_lists", "joined"]

Texts = NDArray[np.object_]

_PREFIX = "monero.payload.item."
_KEY, _TYPE, _STRING = f"{_PREFIX}key", f"{_PREFIX}type", f"{_PREFIX}value.string"

_NUMBERS = {
    f"{_PREFIX}value.int64": (1, 11),  # tshark prints booleans here, not in the field for booleans
    f"{_PREFIX}value.int32": (2,),
    f"{_PREFIX}value.int16": (3,),
    f"{_PREFIX}value.int8": (4,),
    f"{_PREFIX}value.uint64": (5,),
    f"{_PREFIX}value.uint32": (6,),
    f"{_PREFIX}value.uint16": (7,),
    f"{_PREFIX}value.uint8": (8,),
}
"""Epee types whose values are printed under a field."""
_VALUES = {**_NUMBERS, _STRING: (10,)}

ITEM_FIELDS = (_KEY, _TYPE, _STRING, *_NUMBERS)
"""The supported fields of payload items."""

_ESCAPES = {7: r"\a", 8: r"\b", 9: r"\t", 10: r"\n", 11: r"\v", 12: r"\f", 13: r"\r"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def item_lists(
    items: pd.DataFrame, packet: NDArray[np.int64], count: int, names: Iterable[str]
) -> dict[str, Texts]:
    """Returns for each of the fields `names` the text of every packet, empty for a packet without
    items.

    `items` are rows of the table fields in printing order, `packet` is the number of the packet of
    each row, ascending from 0, and `count` is the number of packets.
    """
    types = items["type"].to_numpy()
    lists = {}
    for name in names:
        rows = (
            items["key"].notna().to_numpy()
            if name in (_KEY, _TYPE)
            else np.isin(types, _VALUES[name])
        )
        lists[name] = joined(_texts(name, items[rows]), packet[rows], count)
    return lists


def _texts(name: str, items: pd.DataFrame) -> Texts:
    if name == _KEY:
        return _shown(items["key"], _escaped)
    if name == _STRING:
        return _shown(items["value_bytes"], lambda value: value.hex() or "<MISSING>")
    values = items["type"] if name == _TYPE else _integers(items)
    return np.asarray(values.astype("object").astype(str), dtype=object)


def _integers(items: pd.DataFrame) -> pd.Series:
    """The integers of rows that hold one, signed or unsigned, as Python ints."""
    signed, unsigned = items["value_int"], items["value_uint"]
    return signed.astype("object").where(signed.notna(), unsigned.astype("object"))


def _shown(values: pd.Series, show: Any) -> Texts:
    """The values of a Categorical as text. Each category is converted once."""
    categories = np.empty(len(values.cat.categories), dtype=object)
    categories[:] = [show(category) for category in values.cat.categories]
    shown: Texts = categories[values.cat.codes.to_numpy()]
    return shown


def _escaped(key: str) -> str:
    """Escapes control characters as in C, because a tab or line end would break the row. Commas are
    not escaped, as in tshark.
    """
    return _CONTROL.sub(lambda match: _ESCAPES.get(ord(match[0]), f"\\x{ord(match[0]):02x}"), key)


def joined(texts: Texts, packet: NDArray[np.int64], count: int) -> Texts:
    """Joins the texts of each packet by commas; empty for a packet without texts. `packet` is
    ascending, and no text contains a line end.
    """
    lines = np.full(count, "", dtype=object)
    if len(texts):
        is_last = np.append(packet[1:] != packet[:-1], True)
        separators = np.where(is_last, "\n", ",").astype(object)
        lines[packet[is_last]] = "".join((texts + separators).tolist()).split("\n")[:-1]
    return lines
