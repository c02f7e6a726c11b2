"""What nodes report of their own connections: the truth for exposure and for neighbours.

Owns the file `connections.jsonl` of a run.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable
from typing import Any, Protocol, TextIO

__all__ = ["Asked", "report_of", "write_reports"]


class Asked(Protocol):
    """A node with an RPC interface."""

    name: str

    def rpc(self, method: str, **parameters: Any) -> Any: ...


def report_of(node: Asked, time: float) -> dict[str, Any] | None:
    """What get_connections of a node says at a time (seconds since 1970): the hosts of incoming and
    outgoing connections, one for each. None if the node does not answer.
    """
    try:
        answer = node.rpc("get_connections")
    except (OSError, http.client.HTTPException, AssertionError, ValueError):
        return None
    rows = answer.get("connections", ())
    return {
        "t": round(time, 3),
        "node": node.name,
        "incoming": [row["host"] for row in rows if row["incoming"]],
        "outgoing": [row["host"] for row in rows if not row["incoming"]],
    }


def write_reports(file: TextIO, reports: Iterable[dict[str, Any] | None]) -> None:
    """Appends a line for each report."""
    for report in reports:
        if report is not None:
            file.write(json.dumps(report) + "\n")
    file.flush()
