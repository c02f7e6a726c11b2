"""Every entry of a payload as a row, whatever the command: depth first, in the order of the
wire.
"""

from __future__ import annotations

from typing import Any

from .epee import BOOL, FLAG, HEADER, NUMBERS, OBJECT, SIGNED, STRING, Refused, Value, read
from .p2p import shown

Row = dict[str, Any]
Section = dict[bytes, Value]
DOUBLE = 9


def field_rows(body: bytes) -> list[Row] | None:
    """None of a payload that is refused: how far it can be read is nothing to agree about."""
    if not body.startswith(HEADER):
        return []
    try:
        payload = read(body)
    except Refused:
        return None
    rows: list[Row] = []
    add_section(rows, payload.root, 0, -1)
    return rows


def add_section(rows: list[Row], section: Section, depth: int, parent: int) -> None:
    for key, value in section.items():
        if not value.array:
            add(rows, value.type, value.value, depth, parent, shown(key))
            continue
        own = len(rows)
        rows.append(
            row(own, depth, parent, shown(key), value.type | FLAG) | {"elements": len(value.value)}
        )
        for element in value.value:
            add(rows, value.type, element, depth + 1, own, None)


def add(rows: list[Row], code: int, value: Any, depth: int, parent: int, key: str | None) -> None:
    """A value that is no array, and what is in it."""
    entry = row(len(rows), depth, parent, key, code)
    rows.append(entry)
    if code == OBJECT:
        entry["elements"] = len(value)
        add_section(rows, value, depth + 1, entry["position"])
    elif code == STRING:
        entry["value_bytes"] = value
    elif code == DOUBLE:
        entry["value_float"] = value
    else:
        assert code == BOOL or code in NUMBERS
        entry["value_int" if code in SIGNED else "value_uint"] = int(value)


def row(position: int, depth: int, parent: int, key: str | None, code: int) -> Row:
    place = {"position": position, "depth": depth, "parent": parent, "key": key, "type": code}
    return place | dict.fromkeys(
        ("elements", "value_int", "value_uint", "value_float", "value_bytes")
    )


__all__ = ["field_rows"]
