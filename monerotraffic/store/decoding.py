"""Decoding of the captures of one vantage node into files of a data set: one run.

Owns ids and derived columns of rows. Used by writing, also in other processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monerotraffic.io.progress import Progress
from monerotraffic.io.reading import scan
from monerotraffic.io.streams import used_ids
from monerotraffic.net.vantage import Node
from monerotraffic.store.encoding import bucket_of
from monerotraffic.store.layout import NO_BUCKET
from monerotraffic.store.parts import Parts, Written, days_of
from monerotraffic.tables.interning import NamesView
from monerotraffic.tables.renumbering import shift_ids
from monerotraffic.tables.schema import SCHEMA
from monerotraffic.tables.traffic import Traffic, perspective_of

__all__ = ["Endpoints", "Job", "Run", "decode_job", "node_of", "write_parts"]

_PART = 500_000  # rows

Endpoints = tuple[tuple[str, int], tuple[str, int]]
"""Both ends of a connection, in order."""


@dataclass(frozen=True)
class Job:
    """What one run decodes. Can be sent to another process that sees the same file system."""

    folder: Path
    """For its files."""
    vantage: str
    run: int
    files: tuple[str, ...]
    options: Mapping[str, Any]
    """Keyword arguments of scan."""
    first: Mapping[str, int]
    """The first id of each kind: connection, message, file, row."""
    open: Mapping[Endpoints, int] = field(default_factory=dict)
    """Connections of the last run that were open at its end, with their ids."""


@dataclass
class Run:
    """What a job wrote."""

    job: Job
    hosts: tuple[str, ...] = ()
    begin: int = 0
    """The id of its first connection."""
    used: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("connection", "message", "file", "row"), 0)
    )
    written: list[Written] = field(default_factory=list)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    """First and last time of each file, by its path, in nanoseconds since 1970."""
    limits_reached: dict[str, int] = field(default_factory=dict)


def decode_job(job: Job, progress: Progress = False) -> Run:
    """Decodes the captures of a job. Raises the errors of scan, and OSError."""
    return write_parts(job, scan(list(job.files), rows=_PART, progress=progress, **job.options))


def write_parts(job: Job, scanned: Iterable[Traffic]) -> Run:
    """Writes the parts of a scan of one vantage node. Raises what iteration raises, and OSError."""
    run, parts = Run(job), Parts(job.folder, job.vantage, job.run)
    rows = _Rows(job, run)
    try:
        names: NamesView | None = None
        for part in scanned:
            names = part.names
            for table, days, array, derived in rows.of(part):
                parts.add(table, array, days, derived)
            parts.flush(names)
            node = node_of(part)
            run.hosts, run.limits_reached = node.hosts, dict(part.limits_reached)
            run.begin = job.first["connection"] + node.first
        if names is not None:
            parts.flush(names, force=True)
        run.written = parts.close()
    except BaseException:
        parts.abandon()
        raise
    return run


def node_of(part: Traffic) -> Node:
    """The vantage node of a part of a scan: the others have no connections."""
    return next((node for node in part.nodes if node.end > 0), part.nodes[-1])


class _Rows:
    """Rows of the parts of a scan with the ids of the data set and the derived columns."""

    def __init__(self, job: Job, run: Run) -> None:
        self._job = job
        self._run = run
        self._open = dict(job.open)
        self._buckets: dict[int, int] = {-1: NO_BUCKET}

    def of(
        self, part: Traffic
    ) -> Iterable[tuple[str, NDArray[np.int32], NDArray[Any], dict[str, NDArray[Any]]]]:
        """Table, days, rows and derived columns of each table of a part."""
        arrays, names = part.arrays, part.names
        messages = arrays["messages"]
        own: dict[str, NDArray[Any]] = {}
        for table, rows in arrays.items():
            if table in ("connections", "messages", "problems"):
                derived = self._derived(table, rows, part)
                days = self._days(table, rows)
                if table == "messages":
                    own = {"day": days, "bucket": derived["bucket"]}
            elif table == "files":
                derived, days = {}, days_of(rows["first_time"])
            else:
                place = np.searchsorted(messages["message"], rows["message"])
                derived, days = {"bucket": own["bucket"][place]}, own["day"][place]
            if len(rows):
                yield table, days, self._numbered(table, rows, names), derived
        self._count(arrays)

    def _days(self, table: str, rows: NDArray[Any]) -> NDArray[np.int32]:
        """The day of the connection; of problems without a connection, that of the packet."""
        if table == "connections":
            return days_of(rows["opened"])
        days: NDArray[np.int32] = rows["day"].copy()
        if table == "problems":
            alone = rows["connection"] < 0
            days[alone] = days_of(rows["time"][alone])
        return days

    def _derived(self, table: str, rows: NDArray[Any], part: Traffic) -> dict[str, NDArray[Any]]:
        perspective = perspective_of(rows, part.nodes, part.names)
        peer = perspective.peer()
        derived = {"peer": peer, "bucket": self._bucket(peer, part.names)}
        if table == "connections":
            client, server = perspective.is_client, perspective.is_server
            derived["direction"] = np.where(client, 1, np.where(server, 0, -1))
            derived["continues"] = self._continues(rows, part.names)
            return derived
        sent = perspective.is_sent()
        derived["direction"] = np.where(sent < 0, -1, sent ^ 1)
        if table == "problems":
            first = self._job.first["row"] + self._run.used["row"]
            derived["row"] = np.arange(first, first + len(rows))
        return derived

    def _bucket(self, peers: NDArray[Any], names: NamesView) -> NDArray[np.uint8]:
        distinct, place = np.unique(peers, return_inverse=True)
        for code in distinct.tolist():
            if code not in self._buckets:
                self._buckets[code] = bucket_of(names.address(code))
        return np.array([self._buckets[code] for code in distinct.tolist()], dtype=np.uint8)[place]

    def _continues(self, rows: NDArray[Any], names: NamesView) -> NDArray[np.int64]:
        """The connection of the last run that each connection continues, -1 without one."""
        continued = np.full(len(rows), -1, dtype=np.int64)
        if not self._open:
            return continued
        start = SCHEMA["connections"].field("start").code("midstream")
        for place in np.flatnonzero(rows["start"] == start).tolist():
            row = rows[place]
            if row["client"] < 0 or row["server"] < 0:
                continue
            ends = sorted(
                (names.address(int(row[end])), int(row[f"{end}_port"]))
                for end in ("client", "server")
            )
            continued[place] = self._open.pop((ends[0], ends[1]), -1)
        return continued

    def _numbered(self, table: str, rows: NDArray[Any], names: NamesView) -> NDArray[Any]:
        """A copy of rows with the ids of the data set."""
        if table == "files":
            paths = [
                names.string(code).decode("utf-8", "backslashreplace") for code in rows["path"]
            ]
            times = zip(rows["first_time"].tolist(), rows["last_time"].tolist(), strict=True)
            self._run.spans.update(zip(paths, times, strict=True))
        rows = rows.copy()
        shift_ids(rows, {f"{kind}s": first for kind, first in self._job.first.items()})
        return rows

    def _count(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Counts the ids that a part used; messages by their connections, as read does."""
        used = self._run.used
        for kind, count in used_ids(arrays).items():
            used[kind.removesuffix("s")] += count
        used["row"] += len(arrays["problems"])
