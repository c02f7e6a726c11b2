"""The history of a peer in a data set, as values for JSON and as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monerotraffic.report.summary import clock, counted, records, section

if TYPE_CHECKING:
    from monerotraffic.store.history import PeerHistory

__all__ = ["format_history", "history_to_dict"]

_FINDING = ["day", "vantage", "rule", "weight", "observations", "score", "reason", "places"]


def history_to_dict(history: PeerHistory) -> dict[str, Any]:
    """Returns a history as values for JSON: times as ISO 8601 text, ids and skeletons as 16
    hexadecimal digits.
    """
    findings = history.findings[[name for name in _FINDING if name in history.findings]]
    return {
        "peer": history.peer,
        "days": records(history.days),
        "ids": [_hex(row, "peer_id") for row in records(history.ids)],
        "versions": [_hex(row, "skeleton") for row in records(history.versions)],
        "findings": [
            {name: list(value) if name == "places" else value for name, value in row.items()}
            for row in records(findings)
        ],
    }


def _hex(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {**row, name: None if row[name] is None else f"{row[name]:016x}"}


def format_history(numbers: Mapping[str, Any]) -> str:
    """Returns the history as text with aligned tables."""
    days = numbers["days"]
    nodes = sorted({str(row["vantage"]) for row in days})
    seen = len({row["day"] for row in days})
    title = f"{numbers['peer']}: {counted(seen, 'day')} at {', '.join(nodes) or 'no vantage node'}"
    return (
        "\n\n".join(
            [
                section(title, [_shown(row) for row in days]),
                section(counted(len(numbers["ids"]), "peer id"), _rows(numbers["ids"])),
                section(
                    counted(len(numbers["versions"]), "way of handshakes", "ways of handshakes"),
                    _rows(numbers["versions"]),
                ),
                section(
                    counted(len(numbers["findings"]), "finding"),
                    [_finding(row) for row in numbers["findings"]],
                ),
            ]
        )
        + "\n"
    )


def _rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with times to the second."""
    return [_shown(row) for row in rows]


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = dict(row)
    for name in ("first", "last"):
        shown[name] = None if row[name] is None else clock(row[name])
    if row.get("day") is not None:
        shown["day"] = row["day"][:10]
    return shown


def _finding(row: Mapping[str, Any]) -> dict[str, Any]:
    places = row.get("places") or []
    return {
        "day": row["day"][:10],
        "vantage": row["vantage"],
        "rule": row["rule"],
        "weight": row["weight"],
        "reason": row["reason"],
        "first place": places[0] if places else None,
    }
