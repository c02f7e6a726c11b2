"""A capture as seen from the vantage node: what metrics and rules look at."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.net.addresses import is_loopback
from monerotraffic.net.columns import Addresses
from monerotraffic.tables.traffic import Traffic

__all__ = ["View", "once_per_view", "positions", "viewed"]

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
    """The frames of a Traffic without what does not concern the vantage node, and with the peer
    beside each row.

    `peer` is always the other side; rows of connections between two other hosts, or of no known
    vantage node, are left out. Frames keep the order of their
    rows and their ids; they are made when first asked for, and nobody may change them.
    """

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.results: dict[object, pd.DataFrame] = {}
        """What once_per_view computed."""

    # ---- connections and messages ----

    @cached_property
    def connections(self) -> pd.DataFrame:
        """connections of the vantage node."""
        frame = self.traffic.connections
        return frame[frame["peer"].notna()]

    @cached_property
    def ends(self) -> pd.DataFrame:
        """connections of the vantage node by id (the index), each end's columns named by who it is:
        `peer_lost`, `vantage_mss`, … of client_ and server_.

        With `direction`, `start`, `end`, `peer`, `server_port`, and `peer_began`, `vantage_began`:
        whether the capture holds that end's SYN, and so its first
        byte.
        """
        frame = self.connections
        incoming = (frame["direction"] == "incoming").to_numpy()
        made = frame[["peer", "direction", "start", "end", "server_port"]].copy()
        for name in _SIDE:
            client, server = frame[f"client_{name}"], frame[f"server_{name}"]
            made[f"peer_{name}"], made[f"vantage_{name}"] = (
                client.where(incoming, server),
                server.where(incoming, client),
            )
        for end in ("peer", "vantage"):
            made[f"{end}_began"] = (frame["start"] == "syn") & (
                frame["rtt"].notna() | made[f"{end}_mss"].notna()
            )
        return made.set_index(frame["connection"])

    @cached_property
    def loopback(self) -> frozenset[str]:
        """Peers at loopback addresses: proxies of Tor and I2P on the vantage node's own machine,
        where other rules hold than on clearnet.
        """
        peers = self.connections["peer"].unique().astype(str)
        return frozenset(peer for peer in peers if is_loopback(peer))

    @cached_property
    def addresses(self) -> Addresses:
        """All addresses of the capture by their code, in order of the categories that all address
        columns share.
        """
        return Addresses.from_text(self.traffic.connections["client"].cat.categories)

    @cached_property
    def messages(self) -> pd.DataFrame:
        """messages of these connections, both ways."""
        frame = self.traffic.messages
        return frame[frame["peer"].notna()]

    @cached_property
    def received(self) -> pd.DataFrame:
        """messages that peers sent."""
        return self.messages[self.messages["direction"] == "received"]

    @cached_property
    def sent(self) -> pd.DataFrame:
        """messages that the vantage node sent."""
        return self.messages[self.messages["direction"] == "sent"]

    @cached_property
    def problems(self) -> pd.DataFrame:
        """problems of these connections, with `peer` and the connection's start beside them."""
        frame = self.traffic.problems
        return self._with(frame[frame["connection"] >= 0], "connection", self.connections, ["peer"])

    # ---- what messages say ----

    @cached_property
    def node_data(self) -> pd.DataFrame:
        """node_data with the message's peer, connection, direction, command, kind, status, time,
        file and frame.
        """
        return self._said("node_data")

    @cached_property
    def networks(self) -> frozenset[str]:
        """The networks (node_data.network_id) that the vantage node says it is of: none if it said
        nothing, several if several nodes share its address.
        """
        said = self.node_data
        return frozenset(said.loc[said["direction"] == "sent", "network_id"].dropna())

    @cached_property
    def sync_data(self) -> pd.DataFrame:
        """sync_data, likewise."""
        return self._said("sync_data")

    @cached_property
    def peer_lists(self) -> pd.DataFrame:
        """peer_lists that peers sent, likewise: what the vantage node itself hands out is no
        evidence.
        """
        said = self._said("peer_lists")
        return said[said["direction"] == "received"]

    @cached_property
    def transactions(self) -> pd.DataFrame:
        """transactions, likewise, both ways."""
        return self._said("transactions")

    @cached_property
    def blocks(self) -> pd.DataFrame:
        """blocks, likewise, both ways."""
        return self._said("blocks")

    def _said(self, table: str) -> pd.DataFrame:
        return self._with(getattr(self.traffic, table), "message", self.messages, _PLACE)

    @staticmethod
    def _with(
        frame: pd.DataFrame, key: str, other: pd.DataFrame, columns: list[str]
    ) -> pd.DataFrame:
        """`frame` with columns of the row of `other` that has the same `key` (which is sorted
        there); rows without one are left out.
        """
        places = positions(other[key].to_numpy(), frame[key].to_numpy())
        there = places >= 0
        found = frame[there]
        return found.assign(
            **{
                name: _taken(other[name], places[there], found.index)
                for name in columns
                if name not in frame.columns
            }
        )


def viewed(traffic: Traffic | View) -> View:
    """The View of a Traffic; of a View itself."""
    return traffic if isinstance(traffic, View) else View(traffic)


P = ParamSpec("P")


def once_per_view(
    metric: Callable[Concatenate[Traffic | View, P], pd.DataFrame],
) -> Callable[Concatenate[Traffic | View, P], pd.DataFrame]:
    """A metric that is computed once for each View and set of arguments.

    The rules of one run share a View, so what several of them need costs once. Callers get a copy
    (lazy: pandas copies on write) and may add columns to it.
    """

    @wraps(metric)
    def shared(traffic: Traffic | View, /, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
        view = viewed(traffic)
        key = (metric, args, tuple(sorted(kwargs.items())))
        if key not in view.results:
            view.results[key] = metric(view, *args, **kwargs)
        return view.results[key].copy(deep=False)

    return shared


def positions(ids: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.intp]:
    """Where each of `wanted` stands in `ids`, which are sorted and distinct; -1 where it does
    not.
    """
    places = np.searchsorted(ids, wanted)
    places[places == len(ids)] = 0
    return (
        np.where(ids[places] == wanted, places, -1)
        if len(ids)
        else np.full(len(wanted), -1, dtype=np.intp)
    )


def _taken(column: pd.Series, places: NDArray[np.intp], index: pd.Index) -> pd.Series:
    """Values of a column by place, under another index."""
    return pd.Series(column.array.take(places), index=index)
