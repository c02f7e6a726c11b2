"""The field table in Python."""

from __future__ import annotations

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.tables.schema import ALWAYS, ON_REQUEST, SCHEMA

ROLES = {
    *("number", "optional", "truth", "optional_truth", "time", "span", "enum"),
    *("address", "bytes", "text", "raw", "hidden"),
}


def test_tables() -> None:
    assert tuple(SCHEMA) == mt.TABLES
    assert {*ALWAYS, *ON_REQUEST} <= set(SCHEMA)
    assert all(table.text for table in SCHEMA.values())


@pytest.mark.parametrize("name", SCHEMA)
def test_fields_are_those_of_the_rows(name: str) -> None:
    table = SCHEMA[name]
    assert [field.name for field in table.fields] == list(table.dtype.names or ())
    assert {field.role for field in table.fields} <= ROLES
    for field in table.fields:
        assert field.text or field.role == "hidden", field.name
        assert (field.categories is not None) == (field.role == "enum"), field.name
        assert table.field(field.name) is field


@pytest.mark.parametrize("name", SCHEMA)
def test_bits_of_optional_fields_are_distinct(name: str) -> None:
    table = SCHEMA[name]
    optional = [field for field in table.fields if field.present_bit is not None]
    bits = [field.present_bit for field in optional]
    assert len(set(bits)) == len(bits)
    assert table.bits(*(field.name for field in optional)) == sum(
        1 << bit for bit in bits if bit is not None
    )
    assert not optional or "present" in (table.dtype.names or ())


@pytest.mark.parametrize("name", SCHEMA)
def test_no_column_hides_an_attribute_of_a_frame(name: str) -> None:
    shown = [field.name for field in SCHEMA[name].fields if field.role != "hidden"]
    assert not set(shown) & set(dir(pd.DataFrame))


def test_codes_of_enumerations() -> None:
    status = SCHEMA["messages"].field("status")
    assert status.categories is not None
    assert [status.code(name) for name in status.categories] == list(range(len(status.categories)))
    with pytest.raises(ValueError):
        status.code("unknown")
    with pytest.raises(StopIteration):
        SCHEMA["messages"].field("nothing")
