"""What the page needs of messages and peer lists, as metrics per peer, so that a data set of any
size is read in groups of peers, in one pass together with the findings.

Owns what is kept of each row. Used by report.page, its figures and report.exposure.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.advertised import mentions_by_host
from monerotraffic.metrics.connections import connection_table, nanoseconds, sync_gaps
from monerotraffic.metrics.identity import announcements
from monerotraffic.report.colours import COMMAND_CLASSES, OTHER_COMMANDS, command_class
from monerotraffic.tables.part_metrics import PartMetric
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, metric_of, once_per_view, per_peer, viewed

__all__ = [
    "INTERVALS",
    "command_counts",
    "connection_figures",
    "message_counts",
    "of_the_page",
    "requests_of_peers",
    "sync_request_gaps",
]

INTERVALS = 60
"""Equal intervals of the figure of commands."""
_SHOWN_REQUESTS = (1001, 1003)


def of_the_page() -> list[PartMetric]:
    """The metrics to compute in the same pass as the findings."""
    return [
        metric_of(connection_figures),
        metric_of(sync_request_gaps),
        *(metric_of(requests_of_peers, command) for command in _SHOWN_REQUESTS),
        metric_of(_messages_by_status),
        metric_of(_commands_by_interval, INTERVALS),
        metric_of(mentions_by_host),
        metric_of(announcements),
    ]


# ---- connections and requests


@per_peer("connection")
def connection_figures(traffic: Traffic | View) -> pd.DataFrame:
    """Returns of each connection: `connection`, `peer`, `seconds`, `whole`, and `messages`, their
    number in both directions.
    """
    table = connection_table(traffic)
    table["messages"] = table["received"] + table["sent"]
    return table[["connection", "peer", "seconds", "whole", "messages"]]


@per_peer("message")
def sync_request_gaps(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the gaps between the 1002 requests of peers: `message`, `peer`, `seconds`."""
    gaps = sync_gaps(traffic)
    gaps = gaps[gaps["direction"] == "received"]
    return gaps[["message", "peer", "seconds"]].reset_index(drop=True)


@per_peer("message")
def requests_of_peers(traffic: Traffic | View, command: int) -> pd.DataFrame:
    """Returns the requests of a command by peers: `message`, `peer`, `connection`, `time`."""
    received = viewed(traffic).received
    asked = received[(received["command"] == command) & (received["kind"] == "request")]
    return asked[["message", "peer", "connection", "time"]].reset_index(drop=True)


# ---- messages


def message_counts(view: View) -> pd.DataFrame:
    """Returns the number of messages by `name`, `kind`, `direction` and `status`, the most frequent
    first.
    """
    keys = ["name", "kind", "direction", "status"]
    counts = _messages_by_status(view).groupby(keys, observed=True, dropna=False)["messages"].sum()
    return counts.reset_index().sort_values("messages", ascending=False, kind="stable")


@per_peer()
def _messages_by_status(traffic: Traffic | View) -> pd.DataFrame:
    keys = ["name", "kind", "direction", "status"]
    groups = viewed(traffic).messages.groupby(keys, observed=True, dropna=False)
    return groups.size().reset_index(name="messages")


def command_counts(view: View, intervals: int) -> tuple[pd.DataFrame, pd.Series]:
    """Returns the number of messages of peers by kind of command (columns, in the order of their
    colours) in each of so many equal intervals of the time of all connections (rows), and the
    middle of each interval. No rows without messages.
    """
    counts = _commands_by_interval(view, intervals)
    edges = _edges(view, intervals)
    table = (
        counts.groupby(["interval", "kind"], observed=True)["messages"].sum().unstack(fill_value=0)
    )
    order = [kind for kind in (*COMMAND_CLASSES, OTHER_COMMANDS) if kind in table]
    table = table.reindex(index=range(intervals if len(counts) else 0), fill_value=0)[order]
    middles = pd.to_datetime((edges[:-1] + edges[1:]) // 2, utc=True)
    return table, pd.Series(middles[: len(table)])


def _edges(view: View, intervals: int) -> NDArray[np.int64]:
    edges: NDArray[np.int64] = _interval_edges(view, intervals)["edge"].to_numpy()
    return edges


@once_per_view
def _interval_edges(traffic: Traffic | View, intervals: int) -> pd.DataFrame:
    """The ends of the intervals, in nanoseconds since 1970."""
    rows = viewed(traffic).connections
    first, last = nanoseconds(rows["opened"].dropna()), nanoseconds(rows["closed"].dropna())
    begin, end = int(first.min(initial=1 << 62)), int(last.max(initial=0))
    edges = np.linspace(min(begin, end), end + 1, intervals + 1).astype(np.int64)
    return pd.DataFrame({"edge": edges})


@per_peer()
def _commands_by_interval(traffic: Traffic | View, intervals: int) -> pd.DataFrame:
    view = viewed(traffic)
    received = view.received[view.received["time"].notna()]
    edges = _edges(view.whole, intervals)
    place = np.searchsorted(edges, nanoseconds(received["time"]), side="right") - 1
    rows = pd.DataFrame(
        {
            "interval": np.clip(place, 0, intervals - 1),
            "command": received["command"].to_numpy(),
        }
    )
    counts = rows.groupby(["interval", "command"]).size().reset_index(name="messages")
    counts["kind"] = counts.pop("command").map(command_class).astype(object)
    return counts.groupby(["interval", "kind"])["messages"].sum().reset_index()
