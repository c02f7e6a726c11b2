"""A capture as seen from the vantage node, the input of metrics and rules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.net.addresses import is_loopback
from monerotraffic.net.columns import Addresses
from monerotraffic.tables.part_metrics import PartMetric, argument_key, joined

if TYPE_CHECKING:
    from monerotraffic.tables.traffic import Traffic

__all__ = [
    "View",
    "metric_of",
    "once_per_view",
    "own_networks",
    "packet_order",
    "per_content",
    "per_peer",
    "per_vantage",
    "positions",
    "viewed",
]

_SIDE = (
    "port",
    "mss",
    "ttl",
    "packets",
    "bytes",
    "retransmitted",
    "out_of_order",
    "lost",
    "messages",
)
_PLACE = ["peer", "connection", "direction", "command", "kind", "status", "time", "file", "frame"]


class View:
    """The frames of a Traffic for the connections of the vantage node, with the peer in each row.

    `peer` is always the other side. Rows of connections between two other hosts, or without a known
    vantage node, are excluded. Frames keep the order of their rows and their ids. They are built at
    the first access and must not be changed.

    >>> import monerotraffic as mt
    >>> view = mt.read("tests/data/honest").peers
    >>> view.vantages, len(view.connections), len(view.received)
    (('198.51.100.10',), 21, 133)
    """

    def __init__(
        self, traffic: Traffic, accepted_only: bool = False, vantage: str | None = None
    ) -> None:
        """A message that the vantage node's TCP did not accept (`accepted` is `no`) is no message
        of the peer, and is left out. With `accepted_only` those are left out too of which the
        capture does not show that they were accepted (`unknown`).

        `vantage` is one of several vantage nodes that were read by name: only its connections are
        in the View, and so only times of its clock. Raises ValueError if there is no such node.
        """
        if vantage is not None and vantage not in traffic.vantages:
            named = ", ".join(map(repr, traffic.vantages)) or "no names were given"
            raise ValueError(f"no vantage node {vantage!r}: {named}")
        self.traffic = traffic
        self.accepted_only = accepted_only
        self.vantage = vantage
        self.results: dict[object, pd.DataFrame] = {}
        """Results of once_per_view, per_peer and per_content."""
        self.population: View | None = None
        """The View of all peers, if this one has a group of them."""

    @cached_property
    def evidence(self) -> View:
        """The View with accepted messages only; itself if that makes no difference.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> len(view.messages) - len(view.evidence.messages)
        0
        """
        if self.accepted_only:
            return self
        view = View(self.traffic, accepted_only=True, vantage=self.vantage)
        same = len(view.messages) == len(self.messages) and len(view.problems) == len(self.problems)
        return self if same else view

    @property
    def whole(self) -> View:
        """The View of all peers: `population`, or this one. What a rule compares a peer with comes
        from here.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.whole is view
        True
        """
        return self if self.population is None else self.population

    def compute(self, metric: PartMetric) -> pd.DataFrame:
        """The result of a metric that can be computed in parts.

        >>> import monerotraffic as mt
        >>> from monerotraffic.tables.view import metric_of
        >>> view = mt.read("tests/data/honest").peers
        >>> len(view.compute(metric_of(mt.metrics.list_diversity)))
        8
        """
        return metric.compute(self)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that were decoded.

        >>> import monerotraffic as mt
        >>> "peer_lists" in mt.read("tests/data/honest").peers.tables
        True
        """
        return tuple(self.traffic.arrays)

    def plan(self, metrics: Sequence[PartMetric]) -> None:
        """Says which metrics will be asked for, so that they are computed in one pass over rows
        that are not in memory.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.plan([])  # in memory nothing is saved
        """

    def of_peer(self, peer: str) -> View:
        """A View with at least all rows of one peer: this one.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.of_peer("192.0.2.12") is view
        True
        """
        return self

    @property
    def heard(self) -> int:
        """The number of peers with messages of which the capture shows that they were accepted.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.heard
        7
        """
        return int(self.evidence.received["peer"].nunique())

    # ---- vantage nodes ----

    @cached_property
    def vantages(self) -> tuple[str, ...]:
        """The vantage nodes by name. Without names there is one, named by its first address; none
        if it is unknown.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.vantages
        ('198.51.100.10',)
        """
        if self.vantage is not None:
            return (self.vantage,)
        return tuple(self.traffic.vantages) or self.traffic.hosts[:1]

    @cached_property
    def by_vantage(self) -> dict[str, View]:
        """By vantage node the View of its connections: this View if there is one node only. The
        clocks of several nodes differ, so times of two of these Views must not be compared.

        >>> import monerotraffic as mt
        >>> two = mt.read({"ams": "tests/data/honest", "sfo": "tests/data/ipv6"}).peers
        >>> {name: len(view.connections) for name, view in two.by_vantage.items()}
        {'ams': 21, 'sfo': 5}
        """
        if len(self.vantages) < 2:
            return dict.fromkeys(self.vantages, self)
        return {name: View(self.traffic, self.accepted_only, name) for name in self.vantages}

    def vantage_of(self, connections: pd.Series) -> pd.Categorical:
        """The vantage node (one of `vantages`) of each of these ids of connections.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> list(view.vantage_of(view.connections["connection"]).unique())
        ['198.51.100.10']
        """
        rows = self.connections
        if len(self.vantages) < 2:
            codes = np.zeros(len(connections), dtype=np.int8)
            return pd.Categorical.from_codes(codes, categories=list(self.vantages))
        places = positions(rows["connection"].to_numpy(), connections.to_numpy())
        named = rows["vantage"].array.take(places)
        return pd.Categorical(named, categories=list(self.vantages))

    # ---- connections and messages ----

    @cached_property
    def connections(self) -> pd.DataFrame:
        """connections of the vantage node.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> len(view.connections), len(view.traffic.connections)
        (21, 22)
        """
        frame = self.traffic.connections
        kept = frame["peer"].notna()
        return frame[kept if self.vantage is None else kept & (frame["vantage"] == self.vantage)]

    @cached_property
    def ends(self) -> pd.DataFrame:
        """Connections of the vantage node by id (the index), with the columns of `client_` and
        `server_` named by end: `peer_lost`, `vantage_mss`, and so on.

        Also `direction`, `start`, `end`, `peer`, `server_port`, and `peer_began`, `vantage_began`:
        whether the capture contains the SYN of that end, and so its first byte.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.ends.groupby("direction", observed=True)["peer_bytes"].sum().to_dict()
        {'incoming': 146026, 'outgoing': 16254}
        """
        frame = self.connections
        incoming = (frame["direction"] == "incoming").to_numpy()
        ends = frame[["peer", "direction", "start", "end", "server_port"]].copy()
        for name in _SIDE:
            client, server = frame[f"client_{name}"], frame[f"server_{name}"]
            ends[f"peer_{name}"], ends[f"vantage_{name}"] = (
                client.where(incoming, server),
                server.where(incoming, client),
            )
        for end in ("peer", "vantage"):
            ends[f"{end}_began"] = (frame["start"] == "syn") & (
                frame["rtt"].notna() | ends[f"{end}_mss"].notna()
            )
        return ends.set_index(frame["connection"])

    @cached_property
    def loopback(self) -> frozenset[str]:
        """Peers at loopback addresses: proxies of Tor and I2P on the machine of the vantage node,
        for which other rules hold than on clearnet.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.loopback
        frozenset()
        """
        peers = self.connections["peer"].unique().astype(str)
        return frozenset(peer for peer in peers if is_loopback(peer))

    @cached_property
    def addresses(self) -> Addresses:
        """All addresses of the capture by code, in the order of the categories that all address
        columns share.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> len(view.addresses.subnets), int(view.addresses.unroutable.sum())
        (5, 0)
        """
        return Addresses.from_text(self.traffic.connections["client"].cat.categories)

    @cached_property
    def messages(self) -> pd.DataFrame:
        """Messages of these connections in both directions.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> len(view.messages), len(view.received), len(view.sent)
        (345, 133, 212)
        """
        frame = self.traffic.messages
        frame = frame[frame["peer"].notna()]
        if self.vantage is not None:
            frame = frame[frame["connection"].isin(self.connections["connection"])]
        refused = ["no", "unknown"] if self.accepted_only else ["no"]
        return frame[(frame["direction"] == "sent") | ~frame["accepted"].isin(refused)]

    @cached_property
    def received(self) -> pd.DataFrame:
        """messages that peers sent.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.received["peer"].nunique()
        7
        """
        return self.messages[self.messages["direction"] == "received"]

    @cached_property
    def sent(self) -> pd.DataFrame:
        """messages that the vantage node sent.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> int(view.sent["length"].sum())
        815428
        """
        return self.messages[self.messages["direction"] == "sent"]

    @cached_property
    def problems(self) -> pd.DataFrame:
        """Problems of these connections, with `peer`.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.problems[["peer", "kind", "bytes"]]
                    peer       kind  bytes
        0  198.51.100.15  truncated  10136
        """
        frame = self.traffic.problems
        frame = frame[frame["connection"] >= 0]
        if self.accepted_only:  # no TCP stack confirms unframed bytes but on a living connection
            doubtful = (frame["kind"] == "unframed") & (frame["direction"] == "received")
            frame = frame[~doubtful | frame["connection"].isin(self.received["connection"])]
        return self._with(frame, "connection", self.connections, ["peer"])

    @cached_property
    def clock_stepped(self) -> bool:
        """Whether the clock of the capture was set while it ran, so that durations may be wrong.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.clock_stepped
        False
        """
        return bool((self.traffic.problems["kind"] == "clock_step").any())

    @cached_property
    def disordered(self) -> bool:
        """Whether the capture's packets are not in the order of the wire: more than a fiftieth are
        out of the order of their stream. What came first on a connection is then unknown.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.disordered
        False
        """
        rows = self.connections
        late = int((rows["client_out_of_order"] + rows["server_out_of_order"]).sum())
        return 50 * late > int((rows["client_packets"] + rows["server_packets"]).sum())

    # ---- contents of messages ----

    @cached_property
    def node_data(self) -> pd.DataFrame:
        """node_data with the message's peer, connection, direction, command, kind, status, time,
        file and frame.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.node_data.groupby("direction", observed=True)["peer_id"].nunique().to_dict()
        {'sent': 1, 'received': 7}
        """
        return self._contents("node_data")

    @cached_property
    def networks(self) -> frozenset[str]:
        """The networks (node_data.network_id) that the vantage node announces: empty if it
        announced none, several if several nodes share its address.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> sorted(view.networks)
        ['1230f171610441611731008216a1a110']
        """
        return frozenset(own_networks(self)["network_id"])

    @cached_property
    def sync_data(self) -> pd.DataFrame:
        """sync_data with the same columns.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.sync_data[["peer", "direction", "current_height"]].head(2)
                   peer direction  current_height
        0  203.0.113.11      sent             281
        1  203.0.113.11  received             281
        """
        return self._contents("sync_data")

    @cached_property
    def peer_lists(self) -> pd.DataFrame:
        """peer_lists of peers, with the same columns. Lists of the vantage node are no evidence.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.peer_lists[["peer", "host", "port"]].head(2)
                  peer           host   port
        34  192.0.2.12   203.0.113.11  18080
        35  192.0.2.12  198.51.100.10  18080
        """
        peer_lists = self._contents("peer_lists")
        return peer_lists[peer_lists["direction"] == "received"]

    def list_columns(self, *names: str) -> pd.DataFrame:
        """These columns of peer_lists of peers, and `peer`, without making the others.

        >>> import monerotraffic as mt
        >>> mt.read("tests/data/honest").peers.list_columns("host").columns.tolist()
        ['host', 'peer']
        """
        lists = self.traffic.list_columns("message", *names)
        return self._with(lists, "message", self.received, ["peer"]).drop(columns="message")

    @cached_property
    def transactions(self) -> pd.DataFrame:
        """transactions of both directions, with the same columns.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> view.transactions.groupby("direction", observed=True)["tx"].nunique().to_dict()
        {'sent': 56, 'received': 15}
        """
        return self._contents("transactions")

    @cached_property
    def blocks(self) -> pd.DataFrame:
        """blocks of both directions, with the same columns.

        >>> import monerotraffic as mt
        >>> view = mt.read("tests/data/honest").peers
        >>> int(view.blocks["height"].max())
        287
        """
        return self._contents("blocks")

    def _contents(self, table: str) -> pd.DataFrame:
        return self._with(getattr(self.traffic, table), "message", self.messages, _PLACE)

    @staticmethod
    def _with(
        frame: pd.DataFrame, key: str, other: pd.DataFrame, columns: list[str]
    ) -> pd.DataFrame:
        """`frame` with columns of the row of `other` that has the same `key` (sorted in `other`);
        rows without one are excluded.
        """
        places = positions(other[key].to_numpy(), frame[key].to_numpy())
        known = places >= 0
        rows = frame[known]
        return rows.assign(
            **{
                name: _taken(other[name], places[known], rows.index)
                for name in columns
                if name not in frame.columns
            }
        )


def viewed(traffic: Traffic | View) -> View:
    """Returns the View of a Traffic, or the View itself. TypeError for anything else."""
    if isinstance(traffic, View):
        return traffic
    view = getattr(traffic, "peers", None)
    if not isinstance(view, View):
        raise TypeError(
            f"traffic is {type(traffic).__name__}: give a Traffic, which monerotraffic.read "
            "returns, or a View of one"
        )
    return view


_CALLS: dict[Callable[..., pd.DataFrame], Callable[..., PartMetric]] = {}


def metric_of(metric: Callable[..., pd.DataFrame], *args: Any, **kwargs: Any) -> PartMetric:
    """The call of a metric, decorated by per_peer or per_content, with these arguments after the
    View.
    """
    while metric not in _CALLS and hasattr(metric, "__wrapped__"):
        metric = metric.__wrapped__
    return _CALLS[metric](*args, **kwargs)


P = ParamSpec("P")


def once_per_view(
    metric: Callable[Concatenate[Traffic | View, P], pd.DataFrame],
) -> Callable[Concatenate[Traffic | View, P], pd.DataFrame]:
    """A decorator for a metric that is computed once for each View and set of arguments.

    The rules of one run share a View, so that a metric that several of them need is computed once.
    Callers get a copy (lazy, because pandas copies on write) and may add columns to it.
    """

    @wraps(metric)
    def shared(traffic: Traffic | View, /, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
        view = viewed(traffic)
        key = (metric, args, tuple(sorted(kwargs.items())))
        if key not in view.results:
            view.results[key] = metric(view, *args, **kwargs)
        return view.results[key].copy(deep=False)

    return shared


def per_peer(
    *order: str,
    tables: tuple[str, ...] | None = None,
    spooled: bool = False,
    summed: bool = False,
    reduce: Callable[..., pd.DataFrame] | None = None,
) -> Callable[
    [Callable[Concatenate[Traffic | View, P], pd.DataFrame]],
    Callable[Concatenate[Traffic | View, P], pd.DataFrame],
]:
    """A decorator for a metric that is computed once for each View, as once_per_view, and whose
    rows depend on the rows of one site each, so that it can be computed for groups of peers.
    `order`: the columns by which its rows are sorted. `tables`: those that it reads, all if None.
    `spooled`, `summed`, `reduce`: results of several groups are joined as PartMetric says; if
    spooled, without an order. The arguments of the metric follow the frame in calls of `reduce`.

    The rows of the result have an index from 0, and their order must not depend on the codes of
    texts (`part_metrics.in_order` sorts by text).
    """
    return _in_parts(order, tables, None, spooled, summed, reduce)


def per_content(
    table: str, column: str, order: tuple[str, ...]
) -> Callable[
    [Callable[Concatenate[Traffic | View, P], pd.DataFrame]],
    Callable[Concatenate[Traffic | View, P], pd.DataFrame],
]:
    """A decorator for a metric that is computed once for each View, and whose rows depend on the
    rows of one value of `column` each (an id or `blob_hash`), so that it can be computed for groups
    of transactions or blocks. `table` is `transactions` (of 2002) or `blocks` (of 2001 and 2008).

    The View of a group has `connections`, `messages` and that table only, without rows in which
    `column` is missing. What the metric needs of other messages comes from metrics per peer of
    `view.whole`, which its caller has to compute first.
    """
    return _in_parts(order, None, (table, column))


def _in_parts(
    order: tuple[str, ...],
    tables: tuple[str, ...] | None,
    content: tuple[str, str] | None,
    spooled: bool = False,
    summed: bool = False,
    reduce: Callable[..., pd.DataFrame] | None = None,
) -> Callable[
    [Callable[Concatenate[Traffic | View, P], pd.DataFrame]],
    Callable[Concatenate[Traffic | View, P], pd.DataFrame],
]:
    def decorate(
        metric: Callable[Concatenate[Traffic | View, P], pd.DataFrame],
    ) -> Callable[Concatenate[Traffic | View, P], pd.DataFrame]:
        signature = inspect.signature(metric)

        def call_with(*args: P.args, **kwargs: P.kwargs) -> PartMetric:
            bound = signature.bind(None, *args, **kwargs)
            bound.apply_defaults()
            return PartMetric(
                f"{metric.__module__}.{metric.__qualname__}",
                tuple((name, argument_key(value)) for name, value in bound.arguments.items())[1:],
                lambda part: metric(part, *args, **kwargs),
                order,
                tables,
                content,
                spooled,
                summed,
                reduce and (lambda frame: reduce(frame, *args, **kwargs)),
            )

        @wraps(metric)
        def shared(traffic: Traffic | View, /, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
            view, call = viewed(traffic), call_with(*args, **kwargs)
            if call.key not in view.results:
                view.results[call.key] = view.compute(call)
            return view.results[call.key].copy(deep=False)

        _CALLS[shared] = call_with
        return shared

    return decorate


def per_vantage(
    metric: Callable[Concatenate[Traffic | View, P], pd.DataFrame],
) -> Callable[Concatenate[Traffic | View, P], pd.DataFrame]:
    """A decorator for a metric that compares times, and so is computed for each vantage node by
    itself. The column `vantage` (category), before the others, names the node.
    """

    @wraps(metric)
    def separately(traffic: Traffic | View, /, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
        view = viewed(traffic)
        names = list(view.vantages)
        tables = [metric(part, *args, **kwargs) for part in view.by_vantage.values()]
        table = joined(tables) if tables else metric(view, *args, **kwargs)
        codes = np.repeat(np.arange(len(tables)), [len(one) for one in tables])
        table.insert(0, "vantage", pd.Categorical.from_codes(codes, categories=names))
        return table

    return separately


def packet_order(rows: pd.DataFrame) -> pd.Series:
    """A number for each row of a frame with `file` and `frame` that grows from packet to packet,
    whatever the clock does.
    """
    return rows["file"].astype("int64") * (1 << 40) + rows["frame"].astype("int64")


def positions(ids: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.intp]:
    """Returns the position of each of `wanted` in `ids`, which are sorted and distinct, or -1."""
    places = np.searchsorted(ids, wanted)
    places[places == len(ids)] = 0
    return (
        np.where(ids[places] == wanted, places, -1)
        if len(ids)
        else np.full(len(wanted), -1, dtype=np.intp)
    )


def _taken(column: pd.Series, places: NDArray[np.intp], index: pd.Index) -> pd.Series:
    """Values of a column by position, with another index."""
    return pd.Series(column.array.take(places), index=index)


@per_peer("network_id")
def own_networks(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the distinct networks that the vantage node announces to these peers."""
    node_data = viewed(traffic).node_data
    networks = node_data.loc[node_data["direction"] == "sent", "network_id"].dropna()
    return pd.DataFrame({"network_id": networks.astype(object).unique()}, dtype=object)
