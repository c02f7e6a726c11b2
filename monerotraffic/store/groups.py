"""The rows of a data set in groups that fit into memory: of peers, or of transactions or blocks.

Owns the size of groups. Used by metrics and rules, through Dataset.view.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from monerotraffic import _core
from monerotraffic.net.addresses import site_of
from monerotraffic.store.layout import NO_BUCKET
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View

if TYPE_CHECKING:
    from monerotraffic.store.dataset import Dataset

__all__ = ["Contents", "DatasetGroups", "Group", "contents_of", "groups_of", "traffic_of"]

T = TypeVar("T")

BUDGET = 256 << 20
"""Bytes that the rows of a group, and what rules make of them, may need, as far as _BYTES say. A
single site can exceed it.
"""

_BYTES = {"connections": 1_000, "messages": 1_200, "peer_lists": 120}
"""Bytes that a row needs in rules, measured. The other tables are small compared with them."""

_CONTENT_BYTES = 1_500
"""Bytes that a transaction or block, with its message and connection, needs in metrics."""

_COMMANDS = {"transactions": [2002], "blocks": [2001, 2008]}
"""Commands whose contents metrics compare between peers."""

_DIGITS = 4
"""Hexadecimal digits of hashes by which contents are divided."""


class Group(NamedTuple):
    """Sites of a range of buckets."""

    first: int
    last: int
    peers: tuple[str, ...] | None
    """All peers of the buckets if None."""

    def condition(self, with_peer: bool) -> Any:
        """The rows of the group: those of its buckets in tables without peer."""
        bucket = ds.field("bucket")
        chosen = (bucket >= self.first) & (bucket <= self.last)
        if self.peers is not None and with_peer:
            chosen = chosen & ds.field("peer").isin(list(self.peers))
        return chosen


class Contents(NamedTuple):
    """Transactions or blocks with hashes of a range."""

    table: str
    column: str
    first: str
    """Digits with which the hashes begin, or greater ones."""
    end: str | None
    """Less than these; all that follow if None."""

    @property
    def condition(self) -> Any:
        hashes = ds.field(self.column).cast(pa.string())
        chosen = hashes >= self.first
        return chosen if self.end is None else chosen & (hashes < self.end)


class DatasetGroups:
    """The groups of one vantage node, or of all, for PopulationView."""

    def __init__(self, dataset: Dataset, vantage: str | None = None, client: Any = None) -> None:
        """`dataset` has the rows of the node `vantage` only, or of all nodes if None; `client` is a
        dask.distributed.Client, whose workers compute what is mapped.
        """
        self._dataset = dataset
        self._client = client
        self._vantage = vantage
        self._groups: list[Group] | None = None

    @property
    def groups(self) -> list[Group]:
        """The groups, in order of their buckets."""
        if self._groups is None:
            self._groups = groups_of(self._dataset, BUDGET)
        return self._groups

    def map(
        self, function: Callable[[View], T], tables: Sequence[str] | None = None
    ) -> Iterable[T]:
        """The results for the View of each group; for one without rows if there is no peer."""
        groups = self.groups or [Group(0, 0, None)]
        return self._mapped(
            function,
            [partial(traffic_of, self._dataset, group, tables) for group in groups],
        )

    def map_contents(self, function: Callable[[View], T], table: str, column: str) -> Iterable[T]:
        """The results for the View of each group of values of a column of a table."""
        groups = contents_of(self._dataset, table, column, BUDGET)
        return self._mapped(
            function, [partial(traffic_of_contents, self._dataset, group) for group in groups]
        )

    @property
    def tables(self) -> tuple[str, ...]:
        """The decoded tables."""
        return self._dataset.tables

    def of_peer(self, peer: str) -> View:
        """The View of one peer."""
        return View(self._dataset.of_peer(peer), vantage=self._vantage)

    def of_vantage(self, name: str) -> DatasetGroups:
        """The groups of one vantage node."""
        return DatasetGroups(self._dataset.select([name]), name, self._client)

    def _mapped(
        self, function: Callable[[View], T], parts: Sequence[Callable[[], Traffic]]
    ) -> Iterator[T]:
        """The results of a function for parts of the rows."""
        if self._client is None:
            for part in parts:
                yield _applied(function, part, self._vantage)
            return
        # once for each worker, not for each group: it holds the connections of all peers
        shared = self._client.scatter(function, broadcast=True, hash=False)
        futures = [
            self._client.submit(_applied, shared, part, self._vantage, pure=False) for part in parts
        ]
        for future in futures:
            yield future.result()

    def __getstate__(self) -> dict[str, Any]:
        """For workers, which have no client."""
        return {**vars(self), "_client": None}


def _applied(function: Callable[[View], T], part: Callable[[], Traffic], vantage: str | None) -> T:
    result = function(View(part(), vantage=vantage))
    return_freed_memory()
    return result


def return_freed_memory() -> None:
    """After each group: what was freed between the results of groups would add up otherwise."""
    gc.collect()  # a View refers to itself, so that it would stay until some later collection
    pa.default_memory_pool().release_unused()
    _core.trim_memory()


def traffic_of(
    dataset: Dataset,
    group: Group,
    tables: Sequence[str] | None = None,
    columns: Mapping[str, Collection[str]] | None = None,
) -> Traffic:
    """The rows of one group; tables and columns as for Dataset.traffic."""
    wanted = [table for table in dataset.tables if tables is None or table in tables]
    where = {
        table: group.condition(table in ("connections", "messages"))
        for table in wanted
        if table != "files"
    }
    traffic = dataset.traffic(wanted, where, columns)
    return traffic if group.peers is None else _of_peers(traffic)


def _of_peers(traffic: Traffic) -> Traffic:
    """Without rows of connections and messages that are not there: those of other peers."""
    arrays: dict[str, NDArray[Any]] = dict(traffic.arrays)
    for table, rows in arrays.items():
        if table == "problems":
            known = arrays["connections"]["connection"]
            arrays[table] = rows[np.isin(rows["connection"], known)]
        elif table not in ("connections", "messages", "files"):
            arrays[table] = rows[np.isin(rows["message"], arrays["messages"]["message"])]
    return Traffic(arrays, traffic.names, traffic.nodes, traffic.limits_reached)


def traffic_of_contents(dataset: Dataset, group: Contents) -> Traffic:
    """The rows of one group of transactions or blocks, with their messages and connections."""
    content, chosen = dataset.arrow_dataset(group.table), group.condition
    ids = content.to_table(columns=["message"], filter=chosen)["message"].unique()
    of_messages = ds.field("command").isin(_COMMANDS[group.table]) & ds.field("message").isin(ids)
    messages = dataset.arrow_dataset("messages")
    connections = messages.to_table(columns=["connection"], filter=of_messages)["connection"]
    return dataset.traffic(
        ("connections", "messages", group.table, "problems"),
        {
            "connections": ds.field("connection").isin(connections.unique()),
            "messages": of_messages,
            group.table: chosen,
            "problems": ds.scalar(False),
        },
    )


def contents_of(dataset: Dataset, table: str, column: str, budget: int) -> list[Contents]:
    """The transactions or blocks in groups of about `budget` bytes, if their hashes are evenly
    distributed. A single one can exceed it.
    """
    rows = dataset.arrow_dataset(table).count_rows()
    count = min(max(1, -(-rows * _CONTENT_BYTES // budget)), 16**_DIGITS)
    edges = [f"{number * 16**_DIGITS // count:0{_DIGITS}x}" for number in range(count)]
    ends = [*edges[1:], None]
    return [Contents(table, column, first, end) for first, end in zip(edges, ends, strict=True)]


def groups_of(dataset: Dataset, budget: int) -> list[Group]:
    """The peers in groups of about `budget` bytes, at least one site each."""
    sizes = np.zeros(NO_BUCKET + 1, dtype=np.int64)
    for table, size in _BYTES.items():
        if table in dataset.tables:
            sizes += size * _rows_by_bucket(dataset, table)
    groups: list[Group] = []
    together: list[int] = []
    for bucket in np.flatnonzero(sizes[:NO_BUCKET]).tolist():
        if together and sizes[[*together, bucket]].sum() > budget:
            groups.append(Group(together[0], together[-1], None))
            together = []
        if sizes[bucket] > budget:
            groups += _of_bucket(dataset, bucket, int(sizes[bucket]), budget)
        else:
            together.append(bucket)
    if together:
        groups.append(Group(together[0], together[-1], None))
    return groups


def _rows_by_bucket(dataset: Dataset, table: str) -> NDArray[np.int64]:
    counts = np.zeros(NO_BUCKET + 1, dtype=np.int64)
    for batch in dataset.arrow_dataset(table).to_batches(columns=["bucket"]):
        counts += np.bincount(batch.column(0).to_numpy(), minlength=NO_BUCKET + 1)
    return counts


def _of_bucket(dataset: Dataset, bucket: int, size: int, budget: int) -> Iterable[Group]:
    """The sites of a large bucket. Peers have as much of its bytes as they have of its messages."""
    rows: Counter[str] = Counter()
    for table in ("connections", "messages"):
        batches = dataset.arrow_dataset(table).to_batches(
            columns=["peer"], filter=ds.field("bucket") == bucket
        )
        for batch in batches:
            for count in batch.column(0).value_counts().to_pylist():
                rows[count["values"]] += count["counts"]
    sites: dict[str, list[str]] = {}
    for peer in sorted(rows):
        sites.setdefault(site_of(peer), []).append(peer)
    each, peers, total = size / max(1, rows.total()), list[str](), 0.0
    for members in sites.values():
        needed = each * sum(rows[peer] for peer in members)
        if peers and total + needed > budget:
            yield Group(bucket, bucket, tuple(peers))
            peers, total = [], 0.0
        peers, total = [*peers, *members], total + needed
    yield Group(bucket, bucket, tuple(peers))
