"""The summary of a capture, as numbers and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from monerotraffic.errors import printable
from monerotraffic.report.summary_totals import SummaryTotals
from monerotraffic.tables.traffic import Traffic

if TYPE_CHECKING:
    from monerotraffic.store import Dataset

__all__ = [
    "TABLES",
    "clock",
    "counted",
    "format_summary",
    "head",
    "numbers_of",
    "records",
    "section",
    "span",
    "span_text",
    "summary",
]

TABLES = ("messages", "node_data", "sync_data", "transactions", "blocks")
"""The tables that a summary needs."""

Rows = list[dict[str, Any]]


# ---- the numbers ----


def summary(traffic: Traffic | Dataset | Iterable[Traffic], top: int = 10) -> dict[str, Any]:
    """Returns the summary as values for JSON: times as ISO 8601 text, peer ids as 16 hexadecimal
    digits, because a JSON reader may not have 64-bit integers.

    Missing values are None; a direction is missing if neither end is the vantage node. `top`:
    number of peers listed, those with the most messages first.

    `traffic` is a Traffic, or for captures that do not fit into memory a scan of TABLES or an open
    data set, with equal results. Memory grows with the peers, and by 8 bytes for each distinct pair
    of a peer and a transaction or block.
    """
    totals = SummaryTotals()
    for part in _parts(traffic):
        totals.update(part)
    return numbers_of(totals, top)


def _parts(traffic: Traffic | Dataset | Iterable[Traffic]) -> Iterable[Traffic]:
    if isinstance(traffic, Traffic):
        return [traffic]
    if isinstance(traffic, Iterable):
        return traffic
    return traffic.parts(TABLES)


def numbers_of(totals: SummaryTotals, top: int) -> dict[str, Any]:
    """The summary from its totals."""
    files, connections, problems = totals.files, totals.connections.table(), totals.problems.table()
    messages, heights = totals.messages.table(), totals.heights
    return {
        "vantage": {"hosts": list(totals.hosts)},
        "span": _span(files),
        "files": records(files),
        "connections": {
            "count": int(connections["connections"].sum()),
            "by": records(connections),
        },
        "messages": {"count": int(messages["messages"].sum()), "by": records(messages)},
        "relayed": {
            "transactions": totals.transactions.distinct,
            "blocks": totals.blocks.distinct,
            "lowest": heights[0] if heights else None,
            "highest": heights[1] if heights else None,
        },
        "peers": _peers(totals.peers(), top),
        "problems": {"count": int(problems["problems"].sum()), "by": records(problems)},
        "limits_reached": [
            {"limit": name, "times": times} for name, times in totals.limits_reached.items()
        ],
    }


def span(traffic: Traffic) -> dict[str, Any]:
    """First and last packet."""
    return _span(traffic.files)


def _span(files: pd.DataFrame) -> dict[str, Any]:
    times = pd.concat([files["first_time"], files["last_time"]]).dropna()
    first, last = (times.min(), times.max()) if len(times) else (None, None)
    return {
        "first": _time(first),
        "last": _time(last),
        "seconds": None if first is None else (last - first).total_seconds(),
    }


def _time(time: Any) -> str | None:
    return None if time is None or time is pd.NaT else time.isoformat()


def _plain(value: Any) -> Any:
    if (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float) and np.isnan(value))
    ):
        return None
    return (
        _time(value)
        if isinstance(value, pd.Timestamp)
        else value.item()
        if isinstance(value, np.generic)
        else value
    )


def records(frame: pd.DataFrame) -> Rows:
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _peers(peers: pd.DataFrame, top: int) -> dict[str, Any]:
    """The peers with the most messages; of equal ones the first one that was connected."""
    first = peers.sort_values("messages", ascending=False, kind="stable").head(top)
    rows = records(first)
    for row in rows:
        row["peer_id"] = None if row["peer_id"] is None else f"{row['peer_id']:016x}"
    talking = int((peers["messages"] > 0).sum())
    return {"count": len(peers), "with_messages": talking, "top": rows}


# ---- the text ----


def format_summary(numbers: Mapping[str, Any]) -> str:
    """The summary as text with aligned tables, without truncation."""
    peers = numbers["peers"]
    sections = [
        "\n".join(head(numbers)),
        section(
            f"{counted(len(numbers['files']), 'file')}", [_file(row) for row in numbers["files"]]
        ),
        section(
            counted(numbers["connections"]["count"], "TCP connection"), numbers["connections"]["by"]
        ),
        section(counted(numbers["messages"]["count"], "message"), numbers["messages"]["by"]),
        _relay(numbers["relayed"]),
        section(_peer_title(peers), peers["top"]),
        section(counted(numbers["problems"]["count"], "problem"), numbers["problems"]["by"]),
        *(
            [section("limits reached", numbers["limits_reached"])]
            if numbers["limits_reached"]
            else []
        ),
    ]
    return "\n\n".join(sections) + "\n"


def head(numbers: Mapping[str, Any]) -> list[str]:
    """The lines with the vantage node and the time span."""
    unknown = "unknown (no Monero connection; use --host)"
    return [
        f"vantage node  {', '.join(numbers['vantage']['hosts']) or unknown}",
        f"time span     {span_text(numbers['span'])}",
    ]


def counted(count: int, noun: str, plural: str = "") -> str:
    """The number with its noun; `plural` if it is not formed with s or es. Of "stretch of bytes"
    the plural is "stretches of bytes".
    """
    head, of, rest = noun.partition(" of ")
    several = plural or f"{head}{'es' if head.endswith(('ch', 'sh', 's', 'x')) else 's'}{of}{rest}"
    return f"{count:,} {noun if count == 1 else several}"


def _relay(relayed: Mapping[str, Any]) -> str:
    heights = (
        ""
        if relayed["lowest"] is None
        else f", heights {relayed['lowest']:,} to {relayed['highest']:,}"
    )
    transactions = counted(relayed["transactions"], "distinct transaction")
    return f"{transactions}, {counted(relayed['blocks'], 'distinct block')}{heights}"


def _peer_title(peers: Mapping[str, Any]) -> str:
    title = f"{counted(peers['count'], 'peer')}, {peers['with_messages']:,} of them with messages"
    return (
        title
        if peers["count"] == len(peers["top"])
        else f"{title}; the first {len(peers['top']):,} by messages"
    )


def span_text(span: Mapping[str, Any]) -> str:
    if span["first"] is None:
        return "unknown"
    return f"{clock(span['first'])} to {clock(span['last'])} UTC ({span['seconds']:,.1f} s)"


def clock(time: str) -> str:
    """ISO time to the second."""
    return time[:19].replace("T", " ")


def _file(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a file without its number, and with its path as last column."""
    times = {
        name: None if row[name] is None else clock(row[name])
        for name in ("first_time", "last_time")
    }
    counts = {
        "packets": row["packets"],
        "tcp": row["tcp_packets"],
        "monero": row["monero_packets"],
        "skipped": row["skipped_packets"],
    }
    return {
        **times,
        "link type": row["link_type"],
        **counts,
        "damaged": "yes" if row["truncated"] else "no",
        "path": row["path"],
    }


def section(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join([title, *_table(rows)])


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """The lines of a table: numbers aligned to the right, text to the left, every column as wide as
    its widest cell.
    """
    if not rows:
        return []
    names = list(rows[0])
    cells = [names, *([_cell(name, row[name]) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    right = [any(isinstance(row[name], (int, float)) for row in rows) for name in names]

    def line(cells: Sequence[str]) -> str:
        placed = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(cells, widths, right, strict=True)
        ]
        return f"  {'  '.join(placed)}".rstrip()

    return [line(one) for one in cells]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "(others)" if name == "direction" else "-"
    if isinstance(value, int):
        return str(value) if name in ("command", "port") else f"{value:,}"
    return printable(str(value))
