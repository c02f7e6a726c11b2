"""An open data set: its tables as pandas DataFrames, pyarrow and dask, and all of them in DuckDB.

Owns the choice of partitions, and the way back to Traffic. Reads what the manifest lists.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from monerotraffic.net.vantage import Node
from monerotraffic.store.encoding import bucket_of
from monerotraffic.store.groups import DatasetGroups, Group, return_freed_memory, traffic_of
from monerotraffic.store.history import PeerHistory, history_of
from monerotraffic.store.layout import KEYS, NO_BUCKET, columns_of, order_of, schema_of
from monerotraffic.store.manifest import Manifest
from monerotraffic.store.pandas_columns import frame_of
from monerotraffic.store.parts import day_of
from monerotraffic.store.rows import Interner, rows_of
from monerotraffic.tables.frames import COLUMNS
from monerotraffic.tables.period import nanoseconds, of_connections_begun
from monerotraffic.tables.population import PopulationView
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View

__all__ = ["Dataset", "DatasetTable", "Where"]

Where = Mapping[str, Any] | Any
"""Rows to select: a dict from column to a value or a list of values, or a pyarrow Expression."""

_DAY = 86_400_000_000_000  # nanoseconds
_PARTITIONS = pa.schema([("vantage", pa.string()), ("day", pa.date32())])


class DatasetTable:
    """One table of a data set. Nothing is read before it is asked for.

    >>> import monerotraffic as mt
    >>> dataset = mt.open("traffic")
    >>> len(dataset.messages)
    346
    """

    def __init__(self, dataset: Dataset, name: str) -> None:
        self._dataset = dataset
        self.name = name

    @property
    def columns(self) -> list[str]:
        """The columns that to_pandas returns by default.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> dataset.problems.columns[:5]
        ['vantage', 'day', 'file', 'frame', 'time']
        """
        own = [name for name in COLUMNS[self.name] if name != "vantage"]
        return [*KEYS, *own, *(["continues"] if self.name == "connections" else [])]

    def __len__(self) -> int:
        return int(self.arrow().count_rows())

    def arrow(self) -> Any:
        """The table as a pyarrow.dataset.Dataset, with the columns `vantage` and `day`, and with
        units and descriptions as metadata of its fields.

        >>> import pyarrow.dataset as ds
        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> dataset.messages.arrow().count_rows(filter=ds.field("length") > 10_000)
        13
        """
        return self._dataset.arrow_dataset(self.name)

    def to_arrow(self, columns: Sequence[str] | None = None, where: Where = None) -> pa.Table:
        """Rows in the order of a read; arguments as for to_pandas.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> dataset.messages.to_arrow(["peer", "length"], {"name": "PING"}).num_rows
        14
        """
        names = self.columns if columns is None else list(columns)
        order = order_of(self.name)
        wanted = list(dict.fromkeys([*names, *order]))
        table = self.arrow().to_table(columns=wanted, filter=self._filter(where))
        return table.sort_by([(name, "ascending") for name in order]).select(names)

    def to_pandas(self, columns: Sequence[str] | None = None, where: Where = None) -> pd.DataFrame:
        """A DataFrame with the dtypes of Traffic, and `vantage` and `day`.

        columns
            Names of columns; all of `columns` if None.
        where
            Rows to select: a dict from column to a value or a list of values, all of which must
            hold, or a pyarrow Expression (`pyarrow.dataset.field("length") > 1000`).

        `day` is datetime64[ns, UTC], missing where the capture has no times. Categories are those
        that occur in the selected row groups. Raises ValueError or KeyError for unknown columns.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> pings = dataset.messages.to_pandas(["peer", "kind"], {"command": 1003})
        >>> pings.groupby("kind", observed=True).size().to_dict()
        {'request': 7, 'response': 7}
        """
        return frame_of(self.name, self.to_arrow(columns, where))

    def dask(self) -> Any:
        """The table as a dask.dataframe, a partition for each file, with texts as
        `string[pyarrow]`. Raises ImportError without dask.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> int(dataset.messages.dask()["length"].max().compute())
        148629
        """
        try:
            import dask.dataframe as dd
        except ImportError:
            raise ImportError("dask is not installed: pip install 'monerotraffic[dask]'") from None
        from_map: Any = dd.from_map
        return from_map(
            _read_part,
            self._dataset.part_keys(self.name),
            columns=self.columns,
            folder=os.fspath(self._dataset.folder),
            table=self.name,
            meta=_plain(self.to_pandas(where={"bucket": []} if self._has_bucket else None).head(0)),
            enforce_metadata=False,
        )

    @property
    def _has_bucket(self) -> bool:
        return any(column.name == "bucket" for column in columns_of(self.name))

    def _filter(self, where: Where) -> Any:
        if where is None:
            return None
        if not isinstance(where, Mapping):
            return where
        terms = []
        for name, value in where.items():
            terms.append(_equals(name, value))
            if name == "peer" and self._has_bucket:
                peers = [value] if isinstance(value, str) else value
                terms.append(_equals("bucket", [bucket_of(peer) for peer in peers]))
        condition = terms[0] if terms else None
        for term in terms[1:]:
            condition = condition & term
        return condition

    def __repr__(self) -> str:
        return f"<{self.name} of {self._dataset.folder}, {len(self):,} rows>"


def _equals(name: str, value: Any) -> Any:
    field = ds.field(name)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        values = list(value)
        return field.isin(values) if values else ds.scalar(False)
    return field.is_null() if value is None else field == value


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories as text: the partitions of a dask DataFrame must have the same dtypes."""
    texts = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(texts, "str"))


def _read_part(part: str, columns: Sequence[str], folder: str, table: str) -> pd.DataFrame:
    """One file of a table; `columns` are those that dask needs."""
    names = list(columns)
    content = _arrow_dataset(Path(folder), table, [part]).to_table(columns=names)
    return _plain(frame_of(table, content))


def _arrow_dataset(folder: Path, table: str, parts: Sequence[str]) -> Any:
    schema = pa.schema([*schema_of(table), *_PARTITIONS], metadata=schema_of(table).metadata)
    if not parts:
        return ds.dataset(schema.empty_table())
    return ds.dataset(
        [os.fspath(folder / part) for part in parts],
        schema=schema,
        format="parquet",
        partitioning=ds.partitioning(_PARTITIONS, flavor="hive"),
        partition_base_dir=os.fspath(folder / table),
    )


class Dataset:
    """A data set that decode wrote. Returned by monerotraffic.open.

    `connections`, `messages`, `peer_lists`, … are its tables. Rows are identified by vantage, day
    and id; ids are unique in the whole data set. `day` is the UTC day of the first packet of the
    row's connection.

    >>> import monerotraffic as mt
    >>> dataset = mt.open("traffic")
    >>> dataset.tables[:3], dataset.hosts
    (('connections', 'messages', 'peer_lists'), ('198.51.100.10',))
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        vantages: Iterable[str] | None = None,
        period: tuple[int | None, int | None] = (None, None),
    ) -> None:
        """`period`: nanoseconds since 1970, see select."""
        self.folder = Path(folder)
        self.manifest = Manifest.load(self.folder)
        known = {run["vantage"] for run in self.manifest.runs}
        chosen = known if vantages is None else set(vantages)
        if chosen - known:
            raise ValueError(
                f"no vantage node {sorted(chosen - known)[0]!r}: must be one of "
                f"{', '.join(sorted(known))}"
            )
        self._vantages = chosen
        self._period = period

    def select(
        self,
        vantages: Iterable[str] | None = None,
        since: Any = None,
        until: Any = None,
    ) -> Dataset:
        """A part of the data set: these vantage nodes, and the connections whose first packet was
        at `since` or later and before `until`, with all of their rows.

        The times are anything that pandas.Timestamp accepts, in UTC if they have no zone. Tables
        (`to_pandas`, `arrow`, `duckdb`, `dask`) are chosen by whole days; `traffic` and findings
        exactly. Raises ValueError for an unknown vantage node and for what is not a time.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> len(dataset.select(since="2026-11-23").traffic().connections)
        0
        """
        first, end = self._period
        return Dataset(
            self.folder,
            self._vantages if vantages is None else vantages,
            (
                first if since is None else nanoseconds(since),
                end if until is None else nanoseconds(until),
            ),
        )

    # ---- what it holds ----

    @property
    def tables(self) -> tuple[str, ...]:
        """The decoded tables.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> "messages" in dataset.tables
        True
        """
        return self.manifest.tables

    @property
    def runs(self) -> list[dict[str, Any]]:
        """The runs of the chosen vantage nodes, as in the manifest.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> [(run["vantage"], run["hosts"], len(run["files"])) for run in dataset.runs]
        [('default', ['198.51.100.10'], 4)]
        """
        return [run for run in self.manifest.runs if run["vantage"] in self._vantages]

    @property
    def vantages(self) -> dict[str, tuple[str, ...]]:
        """Addresses by vantage node; the name is `default` where the captures had none.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> dataset.vantages
        {'default': ('198.51.100.10',)}
        """
        hosts_of: dict[str, list[str]] = {}
        for run in self.runs:
            hosts_of.setdefault(run["vantage"], []).extend(run["hosts"])
        return {name: tuple(dict.fromkeys(hosts)) for name, hosts in sorted(hosts_of.items())}

    @property
    def hosts(self) -> tuple[str, ...]:
        """All addresses of the vantage nodes.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> dataset.hosts
        ('198.51.100.10',)
        """
        return tuple(dict.fromkeys(host for run in self.runs for host in run["hosts"]))

    @property
    def days(self) -> list[date]:
        """The days with rows, in order.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> dataset.days
        [datetime.date(2026, 11, 22)]
        """
        tables = [table for table in self.tables if table != "files"]
        named = {day_of(part) for table in tables for part in self.part_keys(table)}
        return sorted(day for day in named if day is not None)

    def part_keys(self, table: str) -> list[str]:
        """The chosen files of a table, relative to the folder; all of `files`, because packets of
        a connection can be in captures that began on another day.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> len(dataset.part_keys("messages"))
        1
        """
        return [
            part
            for run in self.runs
            for part in run["tables"].get(table, {"parts": ()})["parts"]
            if table == "files" or self._includes(day_of(part))
        ]

    def _includes(self, day: date | None) -> bool:
        """Whether a part of a day can be in the period; rows of an unknown time are in each."""
        if day is None:
            return True
        first, end = self._period
        begin = nanoseconds(day)
        return (first is None or begin + _DAY > first) and (end is None or begin < end)

    def arrow_dataset(self, table: str) -> Any:
        """A table as a pyarrow.dataset.Dataset. Raises AttributeError if it was not decoded.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> dataset.arrow_dataset("messages").count_rows()
        346
        """
        self._check(table)
        return _arrow_dataset(self.folder, table, self.part_keys(table))

    def _check(self, table: str) -> None:
        if table not in self.tables:
            raise AttributeError(
                f"{table} was not decoded: the data set has {', '.join(self.tables)}"
            )

    def __getattr__(self, name: str) -> DatasetTable:
        if name in COLUMNS:
            self._check(name)
            return DatasetTable(self, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.tables]

    # ---- other forms ----

    def duckdb(self) -> Any:
        """A new DuckDB connection with a view for each table, by its name. Raises ImportError
        without duckdb.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> dataset.duckdb().sql("SELECT count(*) FROM messages").fetchall()
        [(346,)]
        """
        try:
            import duckdb
        except ImportError:
            raise ImportError(
                "duckdb is not installed: pip install 'monerotraffic[store]'"
            ) from None
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        for table in self.tables:
            connection.register(table, self.arrow_dataset(table))
        return connection

    def traffic(
        self,
        tables: Iterable[str] | None = None,
        where: Mapping[str, Where] | None = None,
        columns: Mapping[str, Collection[str]] | None = None,
    ) -> Traffic:
        """The chosen rows as a Traffic, as read returns it for the same captures. `tables`: names
        of tables, all if None. `where`: conditions by table, as for to_pandas. `columns`: of a
        table those that are read; others are 0 or missing then.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> traffic = dataset.traffic(["messages"], where={"messages": {"command": 1003}})
        >>> len(traffic.messages)
        14
        """
        interner, arrays = Interner(), {}
        wanted = tuple(self.tables if tables is None else tables)
        bounded = self._period != (None, None)
        needed = {*wanted, *(("connections", "messages", "problems") if bounded else ())}
        for table in [name for name in self.tables if name in needed]:
            one = DatasetTable(self, table)
            names = [
                column.name
                for column in columns_of(table)
                if columns is None or table not in columns or column.name in columns[table]
            ]
            content = one.to_arrow(names, (where or {}).get(table))
            arrays[table] = rows_of(table, content, interner)
        if bounded:
            arrays = of_connections_begun(arrays, *self._period)
        arrays = {table: arrays[table] for table in wanted}
        reached: dict[str, int] = {}
        for run in self.runs:
            for name, count in run["limits_reached"].items():
                reached[name] = reached.get(name, 0) + count
        return Traffic(arrays, interner.names.view(), self.nodes, reached)

    def parts(self, tables: Iterable[str] | None = None) -> Iterator[Traffic]:
        """All rows of these tables (all if None; connections, problems and files always) in parts
        that fit into memory, each of some peers; the last one has the rows of no peer. All files
        are in each part.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> sum(len(part.messages) for part in dataset.parts())
        346
        """
        wanted = {*(self.tables if tables is None else tables), "connections", "problems", "files"}
        chosen = [table for table in self.tables if table in wanted]
        for group in [*DatasetGroups(self).groups, Group(NO_BUCKET, NO_BUCKET, None)]:
            yield traffic_of(self, group, chosen)
            return_freed_memory()

    def of_peer(self, address: str) -> Traffic:
        """All rows of one peer, and all files, as a Traffic. Reads the row groups of its bucket
        only.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> len(dataset.of_peer("192.0.2.12").connections)
        4
        """
        group = Group(bucket_of(address), bucket_of(address), (address,))
        return traffic_of(self, group)

    def peer(self, address: str) -> PeerHistory:
        """What the data set has about one peer: when it was seen and by which vantage node, the ids
        and versions that it announced, and its findings by day, as far as
        rules.daily.update_findings stored them.

        `address` is written as in the tables. A peer that was never seen has empty frames.

        >>> import monerotraffic as mt
        >>> mt.open("traffic").peer("192.0.2.12").days[["day", "connections", "received"]]
                                day  connections  received
        0 2026-11-22 00:00:00+00:00            4        39
        """
        return history_of(self, address)

    def advertised_hosts(self) -> list[str]:
        """The distinct hosts in the peer lists that the vantage nodes received or sent.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> len(dataset.advertised_hosts())
        7
        """
        hosts: set[Any] = set()
        for batch in self.arrow_dataset("peer_lists").to_batches(columns=["host"]):
            hosts.update(batch.column(0).unique().to_pylist())
        return sorted(hosts - {None})

    def view(self, client: Any = None) -> View:
        """The View of all peers of all vantage nodes, whose rows are read in groups, for metrics
        and rules. With `client` (dask.distributed.Client) its workers read the groups; they need
        the data set under the same path.

        >>> import monerotraffic as mt
        >>> view = mt.open("traffic").view()
        >>> len(view.connections), len(mt.metrics.transaction_arrivals(view))
        (21, 33)
        """
        traffic = self.traffic(("connections", "problems", "files"))
        return PopulationView(traffic, DatasetGroups(self, client=client))

    def views(self, client: Any = None) -> dict[str, View]:
        """By vantage node the View of its peers, as view.

        >>> import monerotraffic as mt
        >>> (view,) = mt.open("traffic").views().values()
        >>> len(view.connections)
        21
        """
        return self.view(client).by_vantage

    @property
    def nodes(self) -> list[Node]:
        """The vantage nodes of each run, with the ranges of their connections.

        >>> import monerotraffic as mt
        >>> dataset = mt.open("traffic")
        >>> [node.hosts for node in dataset.nodes]
        [('198.51.100.10',)]
        """
        return [
            Node(
                run["vantage"] if self.manifest.named else None,
                tuple(run["hosts"]),
                first=run["connections"][0],
                end=run["connections"][1],
                proxies=tuple(self.manifest.options.get("trusted_proxies", ())),
            )
            for run in self.runs
        ]

    def __repr__(self) -> str:
        days = self.days
        span = f"{days[0]} to {days[-1]}" if days else "no day"
        rows = [f"  {name:<12}{self.manifest.rows(name):>16,} rows" for name in self.tables]
        names = ", ".join(self.vantages)
        return "\n".join([f"Dataset {self.folder}, {span}, vantage nodes {names}", *rows])
