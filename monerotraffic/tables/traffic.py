"""Decoded traffic: structured arrays, and the DataFrames over them."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from monerotraffic.net.vantage import Node, Perspective
from monerotraffic.tables.coded_lists import CodedLists
from monerotraffic.tables.interning import NamesView
from monerotraffic.tables.schema import SCHEMA

# Importing pandas needs ten times as long as reading a small capture, so it is imported for the
# first DataFrame.
if TYPE_CHECKING:
    import pandas as pd

    from monerotraffic.tables.frames import Frames
    from monerotraffic.tables.view import View

__all__ = ["Traffic", "perspective_of"]


def perspective_of(rows: NDArray[Any], nodes: Sequence[Node], names: NamesView) -> Perspective:
    """Which end of its connection the vantage node is, for rows of connections, messages or
    problems.
    """
    proxies = SCHEMA["connections"].field("proxy").categories or ()
    return Perspective(rows, nodes, names.is_any, proxies)


class _Arrays(Mapping[str, NDArray[Any]]):
    """The structured arrays of tables. Rows of peer_lists are made at the first access."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self._stored = stored
        self._rows: dict[str, NDArray[Any]] = {}

    def __getitem__(self, table: str) -> NDArray[Any]:
        stored: NDArray[Any] | CodedLists = self._stored[table]
        if not isinstance(stored, CodedLists):
            return stored
        if table not in self._rows:
            self._rows[table] = stored.rows()
        return self._rows[table]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def __contains__(self, table: object) -> bool:
        return table in self._stored


class Traffic:
    """The tables of a capture.

    The DataFrames `connections`, `messages`, `peer_lists`, `node_data`, `sync_data`,
    `transactions`, `blocks`, `inventories`, `fields` (on request), `problems` and `files` are built
    at the first access and kept. Each access returns a copy, which is lazy where pandas copies on
    write (pandas 3, or the option mode.copy_on_write): writing into it changes no other.

    docs/tables.md describes every column. Ids are int64; times datetime64[ns, UTC]; addresses,
    hashes, texts and enumerations Categorical, missing with code -1 (all address columns share one
    dtype, except `connections.vantage` if nodes have names); optional numbers nullable integers. A
    table that was not decoded (`tables=`) raises AttributeError.

    Returned by monerotraffic.read and monerotraffic.scan.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> print(traffic)
    Traffic, 2026-11-22 23:02:08 to 2026-11-22 23:03:43 UTC, vantage node 198.51.100.10
      connections             22 rows
      messages               346 rows
      peer_lists              80 rows
      node_data               27 rows
      sync_data               59 rows
      transactions           292 rows
      blocks                 553 rows
      inventories          1,434 rows
      problems                 1 rows
      files                    4 rows
    """

    def __init__(
        self,
        arrays: Mapping[str, Any],
        names: NamesView,
        nodes: Sequence[Node],
        limits_reached: Mapping[str, int] | None = None,
    ) -> None:
        """`arrays`: structured arrays by table; those of peer_lists also as CodedLists."""
        self._stored = {name: arrays[name] for name in SCHEMA if name in arrays}
        lists = self._stored.get("peer_lists")
        if lists is not None and not isinstance(lists, CodedLists):
            self._stored["peer_lists"] = CodedLists.of_rows(lists)
        self._arrays = _Arrays(self._stored)
        self._nodes = tuple(nodes)
        self._names = names
        self._maker: Frames | None = None
        self._built: dict[str, pd.DataFrame] = {}
        self.limits_reached = {
            name: count for name, count in (limits_reached or {}).items() if count
        }
        """How often each limit was reached, for limits that were. monerotraffic.limits() describes
        them.
        """

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """The numpy structured arrays under the DataFrames, by table, as the core made them,
        without a copy. Rows of peer_lists are made at the first access and kept: the core stores
        each distinct entry once.

        They contain codes instead of texts, int64 nanoseconds for times, and a bit of `present` for
        each optional field that is present.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> int(traffic.arrays["messages"]["length"].sum())
        975638
        """
        return self._arrays

    @property
    def stored(self) -> Mapping[str, Any]:
        """What is stored of each table: the array, or CodedLists of peer_lists.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> type(traffic.stored["peer_lists"]).__name__
        'CodedLists'
        """
        return MappingProxyType(self._stored)

    @property
    def coded_lists(self) -> CodedLists:
        """Peer lists as codes of distinct entries, for whatever counts entries. Raises
        AttributeError if they were not decoded.

        >>> import monerotraffic as mt
        >>> lists = mt.read("tests/data/honest").coded_lists
        >>> len(lists), len(lists.entries)
        (80, 7)
        """
        lists: CodedLists = self._table("peer_lists")
        return lists

    @property
    def names(self) -> NamesView:
        """The addresses and strings of the codes in `arrays`.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> client = traffic.arrays["connections"]["client"][0]
        >>> traffic.names.address(client)
        '198.51.100.10'
        """
        return self._names

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The vantage nodes, each with its addresses and the range of its connections.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> [(node.label, node.hosts, node.end - node.first) for node in traffic.nodes]
        [(None, ('198.51.100.10',), 22)]
        """
        return self._nodes

    @property
    def hosts(self) -> tuple[str, ...]:
        """All addresses of the vantage nodes as canonical text; empty if they are unknown.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> traffic.hosts
        ('198.51.100.10',)
        """
        return tuple(dict.fromkeys(host for node in self._nodes for host in node.hosts))

    @property
    def host(self) -> str | None:
        """The first address of the vantage node, None if it is unknown.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> traffic.host
        '198.51.100.10'
        """
        return next(iter(self.hosts), None)

    @property
    def vantages(self) -> dict[str, tuple[str, ...]]:
        """Addresses by vantage node, if several were read by name; otherwise empty.

        >>> import monerotraffic as mt
        >>> mt.read({"ams": "tests/data/honest"}).vantages
        {'ams': ('198.51.100.10',)}
        """
        hosts: dict[str, tuple[str, ...]] = {}
        for node in self._nodes:
            if node.label is not None:
                hosts[node.label] = tuple(dict.fromkeys((*hosts.get(node.label, ()), *node.hosts)))
        return hosts

    @property
    def connections(self) -> pd.DataFrame:
        """One row per TCP connection. If neither end is the vantage node, vantage, peer and
        direction are missing.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> traffic.connections.groupby("direction", observed=True).size().to_dict()
        {'incoming': 10, 'outgoing': 11}
        """
        return self._frame("connections")

    @property
    def messages(self) -> pd.DataFrame:
        """One row per Levin message, complete or not.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> traffic.messages.groupby("direction", observed=True).length.sum().to_dict()
        {'sent': 815428, 'received': 157891}
        """
        return self._frame("messages")

    @property
    def peer_lists(self) -> pd.DataFrame:
        """One row per peer-list entry.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> traffic.peer_lists[["message", "host", "port", "type"]].head(2)
           message          host   port  type
        0       13  203.0.113.11  18080  ipv4
        1       13    192.0.2.12  18080  ipv4
        """
        return self._frame("peer_lists")

    @property
    def node_data(self) -> pd.DataFrame:
        """One row per message that describes its sender.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> traffic.node_data.my_port.dropna().unique().tolist()
        [18080, 0]
        """
        return self._frame("node_data")

    @property
    def sync_data(self) -> pd.DataFrame:
        """One row per payload_data.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> int(traffic.sync_data.current_height.max())
        286
        """
        return self._frame("sync_data")

    @property
    def transactions(self) -> pd.DataFrame:
        """One row per transaction blob.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> traffic.transactions.tx.nunique(), int(traffic.transactions.ring_size.max())
        (56, 16)
        """
        return self._frame("transactions")

    @property
    def blocks(self) -> pd.DataFrame:
        """One row per block blob.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> traffic.blocks.block.nunique()
        287
        """
        return self._frame("blocks")

    @property
    def inventories(self) -> pd.DataFrame:
        """One row per id or index listed.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> traffic.inventories.groupby("list", observed=True).size().to_dict()
        {'blocks': 468, 'chain': 955, 'missing_indices': 11}
        """
        return self._frame("inventories")

    @property
    def fields(self) -> pd.DataFrame:
        """One row per epee entry. Only if `tables=` named it.

        >>> import monerotraffic as mt
        >>> fields = mt.read("tests/data/honest", tables=["fields"]).fields
        >>> int(fields[fields.key == "current_height"].value_uint.max())
        286
        """
        return self._frame("fields")

    @property
    def problems(self) -> pd.DataFrame:
        """One row per piece of data that could not be decoded.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> traffic.problems[["kind", "bytes", "direction"]]
                kind  bytes direction
        0  truncated  10136      sent
        """
        return self._frame("problems")

    @property
    def files(self) -> pd.DataFrame:
        """One row per capture file.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> traffic.files[["file", "link_type", "packets"]].head(2)
           file link_type  packets
        0     0    EN10MB      515
        1     1    EN10MB      487
        """
        return self._frame("files")

    @property
    def peers(self) -> View:
        """The tables as seen from the vantage node: rows of its connections only, with the peer,
        the connection, the direction and the time of their message in each row, in place of a merge
        with `messages`.

        >>> import monerotraffic as mt
        >>> node_data = mt.read("tests/data/honest").peers.node_data
        >>> received = node_data[node_data.direction == "received"]
        >>> int(received.groupby("peer", observed=True).peer_id.nunique().max())
        1
        """
        from monerotraffic.tables.view import View

        return View(self)

    def since(self, time: Any) -> Traffic:
        """The connections whose first packet was at `time` or later, with all of their rows.

        `time` is anything that pandas.Timestamp accepts, in UTC if it has no zone. Connections stay
        whole, so that metrics and rules remain valid; one that began before is left out with all
        its messages. Rows of problems without a connection are chosen by their own time, files
        stay. Raises ValueError for what is not a time.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> len(traffic.connections), len(traffic.since("2100-01-01").connections)
        (22, 0)
        """
        return self._during(time, None)

    def until(self, time: Any) -> Traffic:
        """The connections whose first packet was before `time`, with all of their rows; see
        since.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> len(traffic.connections), len(traffic.until("2026-11-22 23:03").connections)
        (22, 19)
        """
        return self._during(None, time)

    def _during(self, first: Any, end: Any) -> Traffic:
        from monerotraffic.tables.period import nanoseconds, of_connections_begun

        arrays = of_connections_begun(
            self._stored,
            None if first is None else nanoseconds(first),
            None if end is None else nanoseconds(end),
        )
        return Traffic(arrays, self._names, self._nodes, self.limits_reached)

    def accounting(self) -> pd.DataFrame:
        """Accounts for every payload byte: two rows per connection, `from_client` True and False.
        All columns are in bytes.

        - `seen`: unique payload bytes captured
        - `decoded`: bytes of complete messages, headers included
        - `problems`: bytes in rows of problems
        - `unexplained`: seen - decoded - problems, which is 0
        - `lost`: bytes that were not captured
        - `holes`: bytes in `lost` rows of problems, equal to `lost`

        The sums hold for a complete read. In a scan, a connection is in the part in which it ended,
        but its messages can be in any part. Rows of problems beyond their limit (`limits_reached`)
        are counted in total, not by connection. Raises AttributeError unless messages were decoded.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> table = traffic.accounting()
        >>> int(table.seen.sum() - table.decoded.sum() - table.problems.sum())
        0
        """
        from monerotraffic.tables.accounting import accounting

        self._table("messages")
        return accounting(self._arrays)

    def _table(self, table: str) -> Any:
        if table not in self._stored:
            raise AttributeError(
                f"{table} was not decoded: tables= names only {', '.join(self._stored)}"
            )
        return self._stored[table]

    @property
    def _frames(self) -> Frames:
        from monerotraffic.tables.frames import Frames

        if self._maker is None:
            self._maker = Frames(self._names)
        return self._maker

    def _frame(self, table: str) -> pd.DataFrame:
        from monerotraffic.tables.frames import handed_out

        if table not in self._built:
            rows = self._table(table)
            self._built[table] = (
                self._frames.of_lists(rows)
                if isinstance(rows, CodedLists)
                else self._frames.frame(table, rows, self._derived(table, rows))
            )
        return handed_out(self._built[table])

    def list_columns(self, *names: str) -> pd.DataFrame:
        """These columns of peer_lists, without making the others. Raises AttributeError if they
        were not decoded.

        >>> import monerotraffic as mt
        >>> mt.read("tests/data/honest").list_columns("host", "port").shape
        (80, 2)
        """
        return self._frames.of_lists(self.coded_lists, names)

    def _derived(self, table: str, rows: NDArray[Any]) -> dict[str, Any]:
        """The columns of a table that are not fields of its rows."""
        if table not in ("connections", "messages", "problems"):
            return {}
        from monerotraffic.tables.frames import (
            command_names,
            connection_directions,
            message_directions,
        )

        perspective = perspective_of(rows, self._nodes, self._names)
        if table == "connections":
            return {
                "vantage": self._vantage_column(perspective),
                "peer": self._frames.addresses(perspective.peer()),
                "direction": connection_directions(perspective.is_client, perspective.is_server),
            }
        if table == "messages":
            return {
                "peer": self._frames.addresses(perspective.peer()),
                "direction": message_directions(perspective.is_sent()),
                "name": command_names(rows["command"]),
            }
        return {"direction": message_directions(perspective.is_sent())}

    def _vantage_column(self, perspective: Perspective) -> pd.Categorical:
        """Labels of the vantage nodes, or their addresses without labels."""
        labels = [node.label for node in self._nodes]
        if all(label is None for label in labels):
            return self._frames.addresses(perspective.vantage())
        distinct = list(dict.fromkeys(str(label) for label in labels))
        places = np.array([*(distinct.index(str(label)) for label in labels), -1], dtype=np.int64)
        return self._frames.labels(places[perspective.node], distinct)

    def _span(self) -> str:
        """First and last packet, as text."""
        times = np.concatenate(
            [self._arrays["files"][name] for name in ("first_time", "last_time")]
        ).view("M8[ns]")
        times = times[~np.isnat(times)]
        if not len(times):
            return "unknown time"
        first, last = (
            str(np.datetime_as_string(time, unit="s")).replace("T", " ")
            for time in (times.min(), times.max())
        )
        return f"{first} to {last} UTC"

    def _vantage_text(self) -> str:
        if self.vantages:
            return "; ".join(
                f"{label} {', '.join(hosts) or 'unknown'}" for label, hosts in self.vantages.items()
            )
        return ", ".join(self.hosts) or "unknown"

    def __repr__(self) -> str:
        rows = [f"  {name:<12}{len(array):>14,} rows" for name, array in self._stored.items()]
        return "\n".join([f"Traffic, {self._span()}, vantage node {self._vantage_text()}", *rows])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{name}</th><td>{len(array):,}</td>"
            f"<td>{html.escape(SCHEMA[name].text)}</td></tr>"
            for name, array in self._stored.items()
        )
        vantage = html.escape(self._vantage_text())
        return (
            f"<p><b>Traffic</b>, {html.escape(self._span())}, vantage node {vantage}</p>"
            "<table><thead><tr><th>table</th><th>rows</th><th></th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )
