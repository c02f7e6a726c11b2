"""What the testbed records of the connections that nodes report."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from testbed.census import report_of, write_reports


class Node:
    name = "v"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def rpc(self, method: str, **_: Any) -> Any:
        assert method == "get_connections"
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_report() -> None:
    rows = [
        {"host": "192.0.2.1", "incoming": True},
        {"host": "192.0.2.2", "incoming": False},
        {"host": "192.0.2.1", "incoming": True},
    ]
    report = report_of(Node({"connections": rows}), 12.34567)
    assert report == {
        "t": 12.346,
        "node": "v",
        "incoming": ["192.0.2.1", "192.0.2.1"],
        "outgoing": ["192.0.2.2"],
    }
    file = io.StringIO()
    write_reports(file, [report, None, report])
    assert [json.loads(line) for line in file.getvalue().splitlines()] == [report, report]


def test_a_node_without_connections() -> None:
    """monerod leaves out an empty list."""
    report = report_of(Node({"status": "OK"}), 1)
    assert report is not None
    assert report["incoming"] == report["outgoing"] == []


@pytest.mark.parametrize("error", [ConnectionRefusedError(), ValueError(), AssertionError()])
def test_a_node_that_does_not_answer(error: Exception) -> None:
    assert report_of(Node(error), 1) is None
