"""The numbers of a summary, added up over parts of the tables: those of a scan, or of a data set.

Owns what is kept of each part. Used by report.summary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.tables.traffic import Traffic

__all__ = ["SummaryTotals"]

Ints = NDArray[np.int64]

_NEVER = np.iinfo(np.int64).max
_ANNOUNCED = (
    ("peer_id", "node_data", "peer_id"),
    ("port", "node_data", "my_port"),
    ("height", "sync_data", "current_height"),
)


class _Numbers:
    """A number for each text, in order of appearance."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def of(self, values: pd.Series) -> Ints:
        """The numbers of a categorical column, -1 where it is missing."""
        codes = values.cat.codes.to_numpy()
        used = np.unique(codes[codes >= 0])
        texts = values.cat.categories.take(used)
        table = np.full(len(values.cat.categories) + 1, -1, dtype=np.int64)
        table[used] = [self.known.setdefault(text, len(self.known)) for text in texts]
        numbers: Ints = table[codes]
        return numbers


class _Counts:
    """Sums of groups of rows."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = list(keys)
        self._sums: pd.DataFrame | None = None

    def add(self, rows: pd.DataFrame) -> None:
        """Adds the other columns of these rows."""
        both = rows if self._sums is None else pd.concat([self._sums, rows], ignore_index=True)
        groups = both.groupby(self._keys, observed=True, dropna=False, sort=True)
        self._sums = groups.sum().reset_index()

    def table(self) -> pd.DataFrame:
        """A row for each combination of keys that occurs, in order of the categories."""
        return pd.DataFrame() if self._sums is None else self._sums


class _Growing:
    """An array with a value for each number."""

    def __init__(self, fill: int = 0) -> None:
        self._fill = fill
        self.values: Ints = np.empty(0, dtype=np.int64)

    def of_at_least(self, count: int) -> Ints:
        if count > len(self.values):
            more = np.full(max(count, 2 * len(self.values)) - len(self.values), self._fill)
            self.values = np.concatenate([self.values, more.astype(np.int64)])
        return self.values


class _Arrivals:
    """Which peers sent which blobs, and which peer sent each first."""

    def __init__(self) -> None:
        self.ids = _Numbers()
        """Of all messages."""
        self._unnamed = _Numbers()
        """Blobs without an id."""
        self._blobs = _Numbers()
        self._pairs: Ints = np.empty(0, dtype=np.int64)
        self._time, self._message, self._peer = _Growing(_NEVER), _Growing(_NEVER), _Growing(-1)

    @property
    def distinct(self) -> int:
        """Different ids, and blobs without an id."""
        return len(self.ids.known) + len(self._unnamed.known)

    def add(self, table: pd.DataFrame, key: str, received: pd.DataFrame) -> None:
        """`received`: messages of peers with `number`, the number of the peer."""
        self.ids.of(table[key])
        self._unnamed.of(table.loc[table[key].isna(), "blob_hash"])
        rows = received.merge(table[["message", "blob_hash"]].dropna(), on="message")
        blob, peer = self._blobs.of(rows["blob_hash"]), rows["number"].to_numpy()
        self._pairs = np.union1d(self._pairs, peer << 32 | blob)
        message = rows["message"].to_numpy(dtype=np.int64)
        order = np.lexsort((message, rows["arrived"], blob))
        first = order[np.flatnonzero(np.diff(blob[order], prepend=-1))]
        count = len(self._blobs.known)
        times, messages, peers = (
            one.of_at_least(count) for one in (self._time, self._message, self._peer)
        )
        of, arrived = blob[first], rows["arrived"].to_numpy()[first]
        earlier = (arrived < times[of]) | ((arrived == times[of]) & (message[first] < messages[of]))
        of, first = of[earlier], first[earlier]
        times[of], messages[of], peers[of] = arrived[earlier], message[first], peer[first]

    def per_peer(self, peers: int) -> tuple[Ints, Ints]:
        """By number of the peer how many blobs it sent, and how many of these as the first one."""
        senders = self._peer.values[self._peer.values >= 0]
        return (
            np.bincount(self._pairs >> 32, minlength=peers),
            np.bincount(senders, minlength=peers),
        )


class SummaryTotals:
    """The numbers of a summary. Memory grows with the peers and with the distinct pairs of a peer
    and a transaction or block (8 bytes each), not with the messages.
    """

    def __init__(self) -> None:
        self.connections = _Counts(["direction", "start", "end"])
        self.messages = _Counts(["command", "name", "kind", "direction"])
        self.problems = _Counts(["kind"])
        self.transactions, self.blocks = _Arrivals(), _Arrivals()
        self.heights: list[int] = []
        """The lowest and the highest one of blocks."""
        self.hosts: tuple[str, ...] = ()
        self.limits_reached: dict[str, int] = {}
        self._files: list[pd.DataFrame] = []
        self._peers = _Numbers()
        self._first = _Growing(_NEVER)
        self._counted = {name: _Growing() for name in ("incoming", "outgoing", "received", "sent")}
        self._last: dict[str, dict[int, tuple[int, int]]] = {name: {} for name, _, _ in _ANNOUNCED}

    @property
    def files(self) -> pd.DataFrame:
        """The table of files, each once."""
        rows = pd.concat(self._files, ignore_index=True)
        return rows.drop_duplicates("file").sort_values("file", ignore_index=True)

    def update(self, part: Traffic) -> None:
        """Adds the rows of a part. A row is in one part, except those of files."""
        self.hosts, self.limits_reached = part.hosts, dict(part.limits_reached)
        self._files.append(part.files)
        self._add_connections(part.connections)
        problems = part.problems[["kind", "bytes"]].assign(problems=1)
        self.problems.add(problems[["kind", "problems", "bytes"]])
        received = self._add_messages(part.messages)
        for name, table, field in _ANNOUNCED:
            self._add_announced(name, received, getattr(part, table), field)
        self.transactions.add(part.transactions, "tx", received)
        self.blocks.add(part.blocks, "block", received)
        heights = part.blocks["height"].dropna().astype("int64")
        if len(heights):
            every = [*self.heights, int(heights.min()), int(heights.max())]
            self.heights = [min(every), max(every)]

    def _add_connections(self, rows: pd.DataFrame) -> None:
        self.connections.add(rows[["direction", "start", "end"]].assign(connections=1))
        number = self._peers.of(rows["peer"])
        known, rows = number >= 0, rows[number >= 0]
        count = len(self._peers.known)
        first = self._first.of_at_least(count)
        np.minimum.at(first, number[known], rows["connection"].to_numpy(dtype=np.int64))
        for name in ("incoming", "outgoing"):
            chosen = number[known][(rows["direction"] == name).to_numpy()]
            values = self._counted[name].of_at_least(count)
            np.add.at(values, chosen, 1)

    def _add_messages(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Returns the received ones, with `number` and `arrived`."""
        keys = ["command", "name", "kind", "direction"]
        self.messages.add(
            rows[keys].assign(
                messages=1,
                incomplete=(rows["status"] != "complete").astype("int64"),
                bytes=rows["captured"].astype("int64"),
            )
        )
        number = self._peers.of(rows["peer"])
        for name in ("received", "sent"):
            # messages without a direction are of no peer
            chosen = number[((rows["direction"] == "sent") == (name == "sent")).to_numpy()]
            values = self._counted[name].of_at_least(len(self._peers.known))
            np.add.at(values, chosen[chosen >= 0], 1)
        received = (rows["direction"] == "received").to_numpy()
        arrived = rows["end_time"].to_numpy(dtype="datetime64[ns]")
        times = np.where(np.isnat(arrived), _NEVER, arrived.astype(np.int64))
        return pd.DataFrame(
            {
                "message": rows["message"].to_numpy()[received],
                "number": number[received],
                "arrived": times[received],
            }
        )

    def _add_announced(
        self, name: str, received: pd.DataFrame, table: pd.DataFrame, field: str
    ) -> None:
        """Keeps the last value that each peer announced."""
        rows = received.merge(table[["message", field]].dropna(), on="message")
        rows = rows.sort_values("message").drop_duplicates("number", keep="last")
        kept = self._last[name]
        for number, message, value in zip(
            rows["number"].tolist(), rows["message"].tolist(), rows[field].tolist(), strict=True
        ):
            if number not in kept or message > kept[number][0]:
                kept[number] = message, value

    def peers(self) -> pd.DataFrame:
        """A row for each peer with connections, in order of its first connection: `incoming` and
        `outgoing` connections, messages, the last values that it announced, and how many
        transactions and blocks it sent, and sent first.
        """
        count = len(self._peers.known)
        table = pd.DataFrame({"peer": pd.Series(list(self._peers.known), dtype=object)})
        for name, values in self._counted.items():
            table[name] = values.of_at_least(count)[:count]
        table["messages"] = table["received"] + table["sent"]
        for name, kept in self._last.items():
            announced = [kept[number][1] if number in kept else None for number in range(count)]
            table[name] = pd.array(announced, dtype="UInt64")
        for name, arrivals in (("txs", self.transactions), ("blocks", self.blocks)):
            table[name], table[f"{name}_first"] = arrivals.per_peer(count)
        first = self._first.of_at_least(count)[:count]
        order = np.argsort(first, kind="stable")
        return table.iloc[order[first[order] < _NEVER]].reset_index(drop=True)
