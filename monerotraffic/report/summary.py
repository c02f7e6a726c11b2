"""The summary of a capture, as numbers and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from monerotraffic.errors import printable
from monerotraffic.tables.traffic import Traffic

__all__ = [
    "TABLES",
    "clock",
    "counted",
    "format_summary",
    "head",
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


def summary(traffic: Traffic, top: int = 10) -> dict[str, Any]:
    """Returns the summary as values for JSON: times as ISO 8601 text, peer ids as 16 hexadecimal
    digits, because a JSON reader may not have 64-bit integers.

    Missing values are None; a direction is missing if neither end is the vantage node. `top`:
    number of peers listed, those with the most messages first.
    """
    files, connections, messages, problems = (
        traffic.files,
        traffic.connections,
        traffic.messages,
        traffic.problems,
    )
    return {
        "vantage": {"hosts": list(traffic.hosts)},
        "span": span(traffic),
        "files": records(files),
        "connections": {
            "count": len(connections),
            "by": _counts(connections, ["direction", "start", "end"], "connections"),
        },
        "messages": {"count": len(messages), "by": _messages(messages)},
        "relayed": _relayed(traffic),
        "peers": _peers(traffic, top),
        "problems": {"count": len(problems), "by": _problems(problems)},
        "limits_reached": [
            {"limit": name, "times": times} for name, times in traffic.limits_reached.items()
        ],
    }


def span(traffic: Traffic) -> dict[str, Any]:
    """First and last packet."""
    times = pd.concat([traffic.files["first_time"], traffic.files["last_time"]]).dropna()
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


def _counts(frame: pd.DataFrame, keys: list[str], name: str) -> Rows:
    """The number of rows of each combination that occurs, including missing values, in order of the
    categories.
    """
    return records(
        frame.groupby(keys, observed=True, dropna=False, sort=True)
        .size()
        .rename(name)
        .reset_index()
    )


def _messages(messages: pd.DataFrame) -> Rows:
    keys = ["command", "name", "kind", "direction"]
    groups = messages.assign(incomplete=messages["status"] != "complete").groupby(
        keys, observed=True, dropna=False, sort=True
    )
    return records(
        groups.agg(
            messages=("message", "size"),
            incomplete=("incomplete", "sum"),
            bytes=("captured", "sum"),
        ).reset_index()
    )


def _problems(problems: pd.DataFrame) -> Rows:
    return records(
        problems.groupby("kind", observed=True, dropna=False, sort=True)
        .agg(problems=("kind", "size"), bytes=("bytes", "sum"))
        .reset_index()
    )


def _peers(traffic: Traffic, top: int) -> dict[str, Any]:
    """The peers by number of messages, with the last values that each announced."""
    connections, messages = traffic.connections, traffic.messages
    known = connections.dropna(subset=["peer"])
    known = known.assign(
        incoming=known["direction"] == "incoming", outgoing=known["direction"] == "outgoing"
    )
    peers = known.groupby("peer", observed=True)[["incoming", "outgoing"]].sum()
    peers.index = peers.index.astype(str)
    sent = messages["direction"] == "sent"
    peers["received"] = _rows_per_peer(messages[~sent], peers.index)
    peers["sent"] = _rows_per_peer(messages[sent], peers.index)
    peers["messages"] = peers["received"] + peers["sent"]
    received = messages.loc[messages["direction"] == "received", ["message", "peer", "end_time"]]
    node, sync = traffic.node_data, traffic.sync_data
    for name, table, field in (
        ("peer_id", node, "peer_id"),
        ("port", node, "my_port"),
        ("height", sync, "current_height"),
    ):
        last = (
            received.merge(table[["message", field]].dropna(), on="message")
            .drop_duplicates("peer", keep="last")
            .set_index("peer")[field]
        )
        last.index = last.index.astype(str)
        peers[name] = last.reindex(peers.index)
    for name, table in (("txs", traffic.transactions), ("blocks", traffic.blocks)):
        arrivals = _arrivals(received, table)
        peers[name] = _rows_per_peer(arrivals, peers.index)
        first = arrivals.drop_duplicates("blob_hash")
        peers[f"{name}_first"] = _rows_per_peer(first, peers.index)
    talking = int((peers["messages"] > 0).sum())
    peers = (
        peers.sort_values("messages", ascending=False, kind="stable")
        .head(top)
        .rename_axis("peer")
        .reset_index()
    )
    rows = records(peers)
    for row in rows:
        row["peer_id"] = None if row["peer_id"] is None else f"{row['peer_id']:016x}"
    return {"count": len(known["peer"].unique()), "with_messages": talking, "top": rows}


def _rows_per_peer(rows: pd.DataFrame, peers: pd.Index) -> pd.Series:
    """How many rows each of these peers has. By text: pandas cannot reindex an empty
    CategoricalIndex.
    """
    return rows.groupby(rows["peer"].astype(object)).size().reindex(peers, fill_value=0)


def _arrivals(received: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Each pair of peer and blob of a transaction or block once, in the order in which the messages
    were complete.
    """
    pairs = received.merge(table[["message", "blob_hash"]].dropna(), on="message")
    return pairs.sort_values("end_time", kind="stable").drop_duplicates(["peer", "blob_hash"])


def _relayed(traffic: Traffic) -> dict[str, Any]:
    """Distinct transactions and blocks of all messages, including those between other hosts."""
    heights = traffic.blocks["height"].dropna()
    return {
        "transactions": _distinct(traffic.transactions, "tx"),
        "blocks": _distinct(traffic.blocks, "block"),
        "lowest": int(heights.min()) if len(heights) else None,
        "highest": int(heights.max()) if len(heights) else None,
    }


def _distinct(table: pd.DataFrame, key: str) -> int:
    """How many different ids there are, and blobs without an id."""
    return int(table[key].nunique() + table.loc[table[key].isna(), "blob_hash"].nunique())


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
