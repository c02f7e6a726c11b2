"""Writes docs/tables.md from the field table and the list of limits that the core itself uses.

python tools/tables_doc.py           writes it
python tools/tables_doc.py --check   only tells (exit status 1) if it is out of date
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd
from document import main

from monerotraffic import limits
from monerotraffic.tables.frames import COLUMNS, Frames
from monerotraffic.tables.interning import Names
from monerotraffic.tables.schema import SCHEMA, Field, Table

INTRODUCTION = """\
# Tables

*Made by `tools/tables_doc.py` from `csrc/tables/rows.h` and `csrc/base/limits.h`; change these, then run `make docs`.*

Every table is a pandas DataFrame (`traffic.messages`) over a numpy structured array (`traffic.arrays["messages"]`), which the C core filled.

- Ids are int64, from 0, in order of appearance; an id is the number of the row in its table.
- Times are nanoseconds, UTC; `NaT` where the capture tells no time. In the arrays they are int64 nanoseconds since 1970, the smallest int64 for none.
- `category` columns hold text once and codes in the rows: addresses in canonical form (dotted quad; RFC 5952 for IPv6; v4-mapped as `::ffff:a.b.c.d`;
  Tor and I2P host names), hashes in lower-case hex, enumerations with the values named below. Missing is missing, in the arrays code -1.
- `UInt…` and `Int…` columns (capital letter) are nullable. In the arrays the bit named below of the field `present` says whether the value is there.
- `peer` is always the other side, seen from the vantage node; `direction` is missing where there is no vantage node.
"""

LIMITS = """\
`read(..., limits={"connections": 1000})` sets bounds other than these. How often each was reached is in `traffic.limits_reached`; what was lost by it is in
`problems`.
"""

# Columns that are no field: what monerotraffic derives from fields and from the vantage node.
DERIVED = {
    ("connections", "vantage"): "the side that is the vantage node, missing if neither is",
    ("connections", "peer"): "the other side, missing if there is no vantage node",
    (
        "connections",
        "direction",
    ): "`incoming` if the peer opened the connection, `outgoing` if the vantage node did",
    ("messages", "peer"): "`peer` of the connection",
    ("messages", "direction"): "`sent` by the vantage node or `received` by it",
    ("messages", "name"): "monerod's name of the command, `UNKNOWN` for one it does not know",
    ("problems", "direction"): "`sent` by the vantage node or `received` by it",
}


def column_type(field: Field, table: Table) -> str:
    """The dtype of a field's column in the DataFrame, as pandas writes it."""
    column = Frames(Names().view()).column(field, np.empty(0, dtype=table.dtype))
    return str(pd.Series(column).dtype)


def field_text(field: Field) -> str:
    """What a field means, with the names of an enumeration."""
    names = (
        ""
        if field.categories is None
        else ": " + ", ".join(f"`{name}`" for name in field.categories)
    )
    return field.text + names


def column_lines(name: str, table: Table) -> Iterator[str]:
    """The columns of the DataFrame in their order."""
    fields = {field.name: field for field in table.fields}
    yield "| column | type | |"
    yield "|---|---|---|"
    for column in COLUMNS[name]:
        if (name, column) in DERIVED:
            yield f"| `{column}` | category | {DERIVED[name, column]} |"
        else:
            yield f"| `{column}` | {column_type(fields[column], table)} | {field_text(fields[column])} |"


def array_lines(table: Table) -> Iterator[str]:
    """The fields of the array: where each lies, and what its number is."""
    places = table.dtype.fields
    assert places is not None
    yield f"Array: {table.dtype.itemsize} bytes a row."
    yield ""
    yield "| field | dtype | offset | holds |"
    yield "|---|---|---|---|"
    for field in table.fields:
        dtype, offset = places[field.name][:2]
        yield f"| `{field.name}` | {dtype} | {offset} | {array_text(field)} |"


def array_text(field: Field) -> str:
    """What the number in the array is."""
    match field.role:
        case "optional" | "optional_truth":
            return f"number, there if bit {field.present_bit} of `present` is set"
        case "time":
            return "nanoseconds since 1970, UTC"
        case "span":
            return "nanoseconds"
        case "enum":
            return "index of the name, -1 missing"
        case "address":
            return "code of an address, -1 missing"
        case "bytes" | "text" | "raw":
            return "code of a string, -1 missing"
        case "hidden":
            return "always 0" if field.text == "0" else field.text
        case "truth":
            return "0 or not 0"
        case _:
            return "number"


def limit_lines() -> Iterator[str]:
    """The options of `limits=`."""
    yield "| limit | default | bounds |"
    yield "|---|---:|---|"
    for name, (value, text) in limits().items():
        yield f"| `{name}` | {value:,} | {text} |"


def document() -> str:
    """The whole file."""
    lines = [INTRODUCTION]
    for name, table in SCHEMA.items():
        lines += [
            f"## {name}",
            "",
            f"{table.text[0].upper()}{table.text[1:]}.",
            "",
            *column_lines(name, table),
            "",
            *array_lines(table),
            "",
        ]
    lines += ["## Limits", "", LIMITS, *limit_lines(), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main("tables.md", document(), "Writes docs/tables.md from the core's field table."))
