"""Rows of the oracle."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

import oracle
from support import truth

Tables = dict[str, list[dict[str, Any]]]


@cache
def decode(*paths: Path) -> Tables:
    return oracle.decode(paths)


def scenarios() -> list[Any]:
    return [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios()]


def by_message(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    rows_of: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        rows_of.setdefault(row["message"], []).append(row)
    return rows_of
