"""The captures of one vantage node by day, so that several processes can decode them side by side.

Owns which captures belong together, and the marks of connections that go on in the next run. Used
by writing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from monerotraffic.io.reading import scan
from monerotraffic.store.decoding import Endpoints, Run, node_of
from monerotraffic.store.layout import schema_of
from monerotraffic.store.parts import write_file

__all__ = ["Survey", "captures_by_day", "mark_continued", "open_connections", "survey"]

_DAY = 86_400_000_000_000  # nanoseconds
_OVERLAP = 60_000_000_000  # nanoseconds for which files of a ring can overlap
_NEVER = np.iinfo(np.int64).min


class Survey(NamedTuple):
    """What is known of captures before they are decoded."""

    hosts: tuple[str, ...]
    """Addresses of the vantage node."""
    spans: dict[str, tuple[int, int]]
    """First and last time of each file, by its path, in nanoseconds since 1970."""


def survey(files: Sequence[str], options: Mapping[str, Any]) -> Survey:
    """Reads captures without their messages. `options` are those of scan. Raises the errors of
    scan. Can be called in another process.
    """
    hosts: tuple[str, ...] = ()
    spans: dict[str, tuple[int, int]] = {}
    for part in scan(list(files), **{**options, "tables": []}):
        hosts = node_of(part).hosts
        for row in part.arrays["files"]:
            path = part.names.string(int(row["path"])).decode("utf-8", "backslashreplace")
            spans[path] = int(row["first_time"]), int(row["last_time"])
    return Survey(hosts, spans)


def captures_by_day(files: Iterable[str], spans: Mapping[str, tuple[int, int]]) -> list[list[str]]:
    """The files of each UTC day, in order. A file belongs to the day of its first packet; one
    without packets to the first day. Days whose files overlap in time stay together, because they
    are of captures that ran at once.
    """
    known = {path: spans.get(path, (_NEVER, _NEVER)) for path in files}
    days: dict[int, list[str]] = {}
    begins = [first for first, _ in known.values() if first != _NEVER]
    for path, (first, _) in sorted(known.items(), key=lambda item: (item[1][0], item[0])):
        begin = first if first != _NEVER else min(begins, default=0)
        days.setdefault(begin // _DAY, []).append(path)
    groups: list[list[str]] = []
    latest = _NEVER
    for day in sorted(days):
        begin = min((known[path][0] for path in days[day]), default=_NEVER)
        if groups and begin < latest - _OVERLAP:
            groups[-1] += days[day]
        else:
            groups.append(days[day])
        latest = max(latest, *(known[path][1] for path in days[day]))
    return groups


def open_connections(paths: Sequence[Path]) -> dict[Endpoints, int]:
    """The connections that were open at the end of the run that wrote these files."""
    if not paths:
        return {}
    columns = ["connection", "client", "client_port", "server", "server_port"]
    rows = ds.dataset([os.fspath(path) for path in paths]).to_table(
        columns=columns, filter=ds.field("end") == "open"
    )
    connections: dict[Endpoints, int] = {}
    for row in rows.sort_by("connection").to_pylist():
        if (ends := _endpoints(row)) is not None:
            connections[ends] = row["connection"]
    return connections


def _endpoints(row: Mapping[str, Any]) -> Endpoints | None:
    if row["client"] is None or row["server"] is None:
        return None
    ends = sorted((row[end], row[f"{end}_port"]) for end in ("client", "server"))
    return ends[0], ends[1]


def mark_continued(run: Run, before: Run) -> None:
    """Marks the connections of a run that continue one of the run before it, as if that had been
    known when it was decoded. Neither run is committed yet. Raises OSError.
    """
    left = open_connections(_files_of(before))
    files = {path: pq.read_table(path, partitioning=None) for path in _files_of(run)}
    continued: dict[int, int] = {}
    midstream = [
        row
        for table in files.values()
        for row in table.filter(ds.field("start") == "midstream").to_pylist()
    ]
    for row in sorted(midstream, key=lambda row: int(row["connection"])):
        ends = _endpoints(row)
        if ends is not None and ends in left:
            continued[row["connection"]] = left.pop(ends)
    for path, table in files.items():
        ids = table["connection"].to_pylist()
        if any(number in continued for number in ids):
            place = table.schema.get_field_index("continues")
            marks = pa.array([continued.get(number) for number in ids], type=pa.int64())
            marked = table.set_column(place, schema_of("connections").field("continues"), marks)
            write_file(path, "connections", marked)


def _files_of(run: Run) -> list[Path]:
    return [one.path for one in run.written if one.table == "connections"]
