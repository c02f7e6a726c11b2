"""How far the clocks of several vantage nodes are apart. docs/metrics/vantage_nodes.md explains the
numbers.

Owns the estimate and the correction of times. Used by the metrics that compare nodes.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.connections import nanoseconds
from monerotraffic.metrics.extras import analysis
from monerotraffic.metrics.flush_grid import offset_on_grid
from monerotraffic.metrics.sources import in_parts
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, once_per_view, per_content, per_peer, viewed

__all__ = ["clock_differences", "clock_offsets", "correct_times"]

Floats = NDArray[np.float64]

SOURCES = ("connections", "ticks", "blocks", "transactions")
_SECOND = 1e9
_MOST = 2000
"""Points of a regression: the number of slopes is its square."""
_LEAST = 10
"""Points from which a drift is estimated."""
_PEERS = 8
"""Common peers of a transaction at most, in order of their addresses: a day has millions of
arrivals, and the choice must not depend on their times."""
_TICKS = 3
"""Ticks of a peer from which its own median is a bound."""
_TICK = 20 * 10**9
"""Nanoseconds by which two ticks of a peer may differ, less the difference of the clocks: a third
of the minute between two ticks."""
_MOST_DRIFT = 500e-6
"""Seconds per second by which clocks drift at most: the kernel corrects a clock by no more
(adjtimex(2))."""
_PATHS = 0.05
"""Seconds by which paths differ at most, where another source determines a quarter second."""
_CONNECTION = ["client", "client_port", "server", "server_port"]


@in_parts
@once_per_view
def clock_differences(traffic: Traffic | View) -> pd.DataFrame:
    """Returns what two vantage nodes (read by name) both saw, with the difference of their clocks'
    times. One row per pair of nodes and shared event, in order of the pair, the source and time.

    - `vantage`, `other` (category): the two nodes
    - `source` (category): `connections`, a message on a connection between the two nodes;
      `ticks`, the timed sync (1002 request) that a peer sends to both at once; `blocks`, the first
      arrival of a block (2001, 2008) at each; `transactions`, the arrival of a transaction in a
      fluff 2002 from one peer at each, over connections of the same direction (without such peers:
      the first arrival of the transaction at each)
    - `way` (category): `to` if `other` sent the message to `vantage`, `from` if it received it
      from there; missing for blocks and transactions
    - `peer` (category): the peer that sent the tick or the transaction to both; missing for others
    - `time` (time): at `other`, by its clock
    - `difference` (float64): seconds, the time at `vantage` - the time at `other`

    The difference of a message is the offset of the clock of `vantage` plus the delay of the path
    (`to`), or the offset minus the delay (`from`). Those of blocks and transactions are the offset
    plus what one node was later than the other to hear of it, whose median is small: a peer draws
    the time of a transaction for each connection from one distribution, if the direction is the
    same.

    A peer ticks once a minute, so its ticks are assigned to each other by the median difference of
    transactions, or of blocks. Without both there are no ticks.

    Messages are compared on connections whose SYN is in both captures, message by message in each
    direction, up to the first that differs in command or length.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.clock_differences(traffic).columns[:4].tolist()
    ['vantage', 'other', 'source', 'way']
    """
    view = viewed(traffic)
    names = list(view.vantages)
    blocks = _first_blocks(view)
    relayed = pd.concat(
        [
            _best(_shared_transactions(view)),
            *(
                _shared_blocks(blocks, name, other)
                for place, name in enumerate(names)
                for other in names[:place]
            ),
        ]
    )
    tables = [*_shared_messages(view), relayed, *_shared_ticks(_ticks(view), relayed)]
    columns = ["vantage", "other", "source", "way", "peer", "time", "difference"]
    table = pd.concat(tables, ignore_index=True)
    table["time"] = pd.to_datetime(table["time"].astype("int64"), utc=True).astype(
        "datetime64[ns, UTC]"
    )
    table["difference"] = table["difference"].astype("float64")
    for name, values in (
        ("vantage", names),
        ("other", names),
        ("source", SOURCES),
        ("way", ("to", "from")),
        ("peer", sorted(set(table["peer"].dropna()))),
    ):
        table[name] = pd.Categorical(table[name], categories=list(values))
    order = ["vantage", "other", "source", "time", "difference", "peer"]
    return table.sort_values(order, kind="stable", ignore_index=True)[columns]


@per_content("transactions", "tx", order=())
def _shared_transactions(traffic: Traffic | View) -> pd.DataFrame:
    """The rows of all transactions: those of common peers, and those of first arrivals, which have
    no peer.
    """
    view = viewed(traffic)
    names = list(view.vantages)
    fluffs = _fluffs(view)
    firsts = fluffs.drop_duplicates(["key", "vantage"])
    tables = [
        _joined(rows, keys, name, other)
        for place, name in enumerate(names)
        for other in names[:place]
        for rows, keys in ((fluffs, ["key", "peer", "opened"]), (firsts, ["key"]))
    ]
    return pd.concat(tables, ignore_index=True) if tables else _joined(fluffs, ["key"], "", "")


def _fluffs(view: View) -> pd.DataFrame:
    """The first arrival of each transaction from each peer at each vantage node, in order of
    time.
    """
    rows = view.transactions
    rows = rows[(rows["command"] == 2002) & rows["fluff"].fillna(True).astype(bool)]
    rows = rows[(rows["direction"] == "received") & rows["tx"].notna() & rows["time"].notna()]
    frame = pd.DataFrame(
        {
            "key": rows["tx"].cat.codes.to_numpy(),
            "peer": rows["peer"].astype(object).to_numpy(),
            "opened": view.ends["direction"].reindex(rows["connection"]).astype(object).to_numpy(),
            "vantage": np.asarray(view.vantage_of(rows["connection"]), dtype=object),
            "time": nanoseconds(rows["time"]),
        }
    )
    frame = frame.sort_values(["time", "peer"], kind="stable")
    return frame.drop_duplicates(["key", "peer", "vantage"])


def _joined(arrivals: pd.DataFrame, keys: list[str], name: str, other: str) -> pd.DataFrame:
    """Arrivals at two nodes that agree in the columns `keys`."""
    here, there = (
        arrivals.loc[arrivals["vantage"] == one, [*keys, "time"]] for one in (name, other)
    )
    both = here.merge(there, on=keys, suffixes=("", "_other")).sort_values(keys, kind="stable")
    both = both[both.groupby("key").cumcount() < _PEERS]
    return pd.DataFrame(
        {
            "vantage": np.full(len(both), name, dtype=object),
            "other": np.full(len(both), other, dtype=object),
            "source": "transactions",
            "way": None,
            "peer": both.get("peer"),
            "time": both["time_other"],
            "difference": (both["time"] - both["time_other"]) / _SECOND,
        }
    )


def _best(rows: pd.DataFrame) -> pd.DataFrame:
    """Without the first arrivals at pairs of nodes that have common peers."""
    common = rows["peer"].notna()
    served = common.groupby([rows["vantage"], rows["other"]]).transform("any")
    return rows[common | ~served.astype(bool)]


@per_content("blocks", "block", order=())
def _first_blocks(traffic: Traffic | View) -> pd.DataFrame:
    """The time of the first arrival of each block at each vantage node (the columns, in their
    order), missing if it did not arrive there. Blocks of one node only are left out.
    """
    view = viewed(traffic)
    rows = view.blocks
    rows = rows[rows["command"].isin([2001, 2008]) & (rows["direction"] == "received")]
    rows = rows[rows["block"].notna() & rows["time"].notna()]
    frame = pd.DataFrame(
        {
            "key": rows["block"].cat.codes.to_numpy(),
            "vantage": view.vantage_of(rows["connection"]),
            "time": nanoseconds(rows["time"]),
        }
    )
    firsts = frame.groupby(["key", "vantage"], observed=True)["time"].min().unstack()
    shared = firsts[firsts.notna().sum(axis=1) > 1].reindex(columns=list(view.vantages))
    return shared.astype("Int64").rename_axis(columns=None).reset_index(drop=True)


def _shared_blocks(firsts: pd.DataFrame, name: str, other: str) -> pd.DataFrame:
    both = firsts[[name, other]].dropna().astype("int64")
    return pd.DataFrame(
        {
            "vantage": name,
            "other": other,
            "source": "blocks",
            "way": None,
            "peer": None,
            "time": both[other],
            "difference": (both[name] - both[other]) / _SECOND,
        }
    )


@per_peer("time", "message", tables=("connections", "messages", "problems"))
def _ticks(traffic: Traffic | View) -> pd.DataFrame:
    """The timed syncs (1002 requests) of peers, with the vantage node and the time."""
    view = viewed(traffic)
    rows = view.messages
    rows = rows[(rows["command"] == 1002) & (rows["kind"] == "request") & rows["time"].notna()]
    rows = rows[rows["direction"] == "received"]
    frame = pd.DataFrame(
        {
            "message": rows["message"],
            "peer": rows["peer"].astype(object),
            "vantage": np.asarray(view.vantage_of(rows["connection"]), dtype=object),
            "time": nanoseconds(rows["time"]),
        }
    )
    return frame.sort_values(["time", "message"], kind="stable", ignore_index=True)


def _shared_ticks(ticks: pd.DataFrame, others: pd.DataFrame) -> list[pd.DataFrame]:
    """Ticks of peers at the pairs of nodes in `others`, the rows of blocks and transactions."""
    tables = []
    by_node = dict(list(ticks[["peer", "vantage", "time"]].groupby("vantage")))
    for (name, other), rows in others.groupby(["vantage", "other"]):
        if name not in by_node or other not in by_node:
            continue
        sources = rows.groupby("source")["difference"].median()
        apart = round(float(sources.iloc[-1]) * _SECOND)  # transactions, if there are any
        here = by_node[name].assign(time_here=by_node[name]["time"])
        here["time"] -= apart
        there = by_node[other].assign(time_there=by_node[other]["time"])
        both = pd.merge_asof(
            here, there, on="time", by="peer", direction="nearest", tolerance=_TICK
        ).dropna(subset="time_there")
        tables.append(
            pd.DataFrame(
                {
                    "vantage": name,
                    "other": other,
                    "source": "ticks",
                    "way": None,
                    "peer": both["peer"],
                    "time": both["time_there"].astype("int64"),
                    "difference": (both["time_here"] - both["time_there"]) / _SECOND,
                }
            )
        )
    return tables


def _shared_messages(view: View) -> list[pd.DataFrame]:
    """Messages of connections between two vantage nodes that both captured."""
    rows = view.connections
    rows = rows[rows["start"] == "syn"]
    rows = rows.assign(turn=rows.groupby([*_CONNECTION, "vantage"], observed=True).cumcount())
    keys = [*_CONNECTION, "turn"]
    own = rows[[*keys, "connection", "vantage"]].assign(
        vantage=view.vantage_of(rows["connection"]).codes
    )
    pairs = own.merge(own, on=keys, suffixes=("", "_other"))
    pairs = pairs[pairs["vantage"] > pairs["vantage_other"]]
    if pairs.empty:
        return []
    here = _numbered(view, tuple(sorted(set(pairs["connection"]))))
    there = _numbered(view, tuple(sorted(set(pairs["connection_other"]))))
    both = pairs[["connection", "connection_other", "vantage", "vantage_other"]].merge(
        here, on="connection"
    )
    both = both.merge(
        there.rename(columns={"connection": "connection_other"}),
        on=["connection_other", "from_client", "number"],
        suffixes=("", "_other"),
    )
    alike = (both["command"] == both["command_other"]) & (both["length"] == both["length_other"])
    both = both[alike.groupby([both["connection"], both["from_client"]]).cummin().to_numpy()]
    names = np.array(view.vantages, dtype=object)
    return [
        pd.DataFrame(
            {
                "vantage": names[both["vantage"]],
                "other": names[both["vantage_other"]],
                "source": "connections",
                "way": np.where(both["direction"] == "received", "to", "from"),
                "peer": None,
                "time": both["time_other"],
                "difference": (both["time"] - both["time_other"]) / _SECOND,
            }
        )
    ]


@per_peer("time", "message", tables=("connections", "messages", "problems"))
def _numbered(traffic: Traffic | View, connections: tuple[int, ...]) -> pd.DataFrame:
    """Messages of these connections, numbered in each direction."""
    messages = viewed(traffic).messages
    rows = messages[messages["connection"].isin(connections) & messages["time"].notna()]
    rows = rows[["message", "connection", "from_client", "direction", "command", "length", "time"]]
    rows = rows.sort_values(["time", "message"], kind="stable")
    number = rows.groupby(["connection", "from_client"]).cumcount()
    numbered = rows.assign(number=number, time=nanoseconds(rows["time"]))
    return numbered.reset_index(drop=True)


class _Clock(NamedTuple):
    """A clock relative to another: offset seconds at the time `at` of the other, and its drift."""

    source: str | None
    shared: int
    offset: float
    low: float
    high: float
    drift: float
    drift_low: float
    drift_high: float
    at: float
    """Seconds since 1970."""

    @property
    def applied_drift(self) -> float:
        """The drift, where its interval excludes 0."""
        return self.drift if self.drift_low * self.drift_high > 0 else 0.0

    def reversed(self) -> _Clock:
        """The other clock relative to this one."""
        return self._replace(
            offset=-self.offset,
            low=-self.high,
            high=-self.low,
            drift=-self.drift,
            drift_low=-self.drift_high,
            drift_high=-self.drift_low,
            at=self.at + self.offset,
        )

    def ahead(self, time: float) -> float:
        """Seconds by which the clock is ahead at a time of the other."""
        return self.offset + self.applied_drift * (time - self.at)


@in_parts
@once_per_view
def clock_offsets(
    traffic: Traffic | View,
    reference: str | None = None,
    confidence: float = 0.95,
    source: str | None = None,
) -> pd.DataFrame:
    """Returns by how much the clock of each vantage node (read by name) is ahead of that of a
    reference node. One row per vantage node.

    - `vantage`, `reference` (category)
    - `source` (category): what the estimate rests on: `connections`, `ticks`, `blocks` or
      `transactions` (see clock_differences), that with the narrowest interval; missing for the
      reference node, and where no chain of nodes with shared events leads to it
    - `shared` (int64): number of shared events
    - `offset`, `low`, `high` (float64): seconds at the time `at`, and the interval
    - `drift`, `drift_low`, `drift_high` (float64): parts per million, and the interval; NaN for
      fewer than ten shared events
    - `at` (time): the median time of the shared events, by the clock of the reference node

    With time t of the reference node, the clock of the node is ahead by offset + drift × (t - at).
    The drift is the median of the slopes of all pairs of events (Theil 1950, Sen 1968;
    scipy.stats.theilslopes), and is applied only if its interval excludes 0. Of connections, the
    offset is the middle between the least difference of messages to the node and the greatest of
    messages from it, which are its bounds, because delays are not negative (RFC 5905, section 8).
    Of ticks and blocks, it is the median difference, with the interval of order statistics
    (scipy.stats.quantile_test). Of transactions, it is too, but without multiples of the quarter
    second in which monerod flushes its queues, where these are certain
    (docs/metrics/vantage_nodes.md). The nodes' paths to the reference are the shortest by the sum
    of widths of intervals (networkx), so a node without common events can be reached through
    others.

    `reference` is the first node if None. `source` is the only kind of shared events to use; all if
    None. monerod sends transactions at multiples of a quarter second after it received them, so
    single arrivals are less exact than the estimate.

    Raises ValueError for an unknown node or source, or a `confidence` outside 0 to 1, and
    ImportError without the extra `analysis` (pip install 'monerotraffic[analysis]').

        >>> import monerotraffic as mt
        >>> mt.metrics.clock_offsets(mt.read("tests/data/honest"))[["vantage", "offset"]]
                 vantage  offset
        0  198.51.100.10     0.0
    """
    view = viewed(traffic)
    names = list(view.vantages)
    if reference is not None and reference not in names:
        raise ValueError(f"no vantage node {reference!r}: {', '.join(map(repr, names))}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: must be between 0 and 1")
    if source is not None and source not in SOURCES:
        raise ValueError(f"source={source!r}: must be one of {', '.join(SOURCES)}")
    start = reference if reference is not None else next(iter(names), "")
    clocks = _relative_to(start, names, _pairs(view, confidence, source))
    rows = []
    for name in names:
        clock = clocks.get(name)
        rows.append(
            (name, start, *clock)
            if clock is not None
            else (name, start, None, 0, *([math.nan] * 7))
        )
    table = pd.DataFrame(rows, columns=["vantage", "reference", *_Clock._fields])
    table["at"] = pd.to_datetime(table["at"] * _SECOND, utc=True).astype("datetime64[ns, UTC]")
    for name in ("drift", "drift_low", "drift_high"):
        table[name] *= 1e6
    for name, values in (("vantage", names), ("reference", names), ("source", list(SOURCES))):
        table[name] = pd.Categorical(table[name], categories=values)
    return table.astype({"shared": "int64", "offset": "float64"})


def _pairs(view: View, confidence: float, source: str | None) -> dict[tuple[str, str], _Clock]:
    """The best estimate of each pair of nodes: the clock of the first relative to the second."""
    best: dict[tuple[str, str], _Clock] = {}
    table = clock_differences(view)
    if source is not None:
        table = table[table["source"] == source]
    # in the order of SOURCES, so transactions are last
    groups = table.groupby(["vantage", "other", "source"], observed=True, sort=True)
    for (name, other, kind), rows in groups:
        before = best.get((name, other))
        clock = _estimate(str(kind), rows, confidence, before)
        if clock is None:
            continue
        if before is None or clock.high - clock.low < before.high - before.low:
            best[name, other] = clock
    return best


def _estimate(
    source: str, rows: pd.DataFrame, confidence: float, before: _Clock | None
) -> _Clock | None:
    """The clock by one source; `before` is the best estimate by others."""
    time = nanoseconds(rows["time"]) / _SECOND
    difference = rows["difference"].to_numpy()
    at = float(np.median(time))
    towards = (rows["way"] == "to").to_numpy()
    if source == "connections" and (towards.all() or not towards.any()):
        return None  # bounded on one side only
    level = difference.copy()
    if source == "connections":
        for way in (towards, ~towards):
            level[way] -= np.median(level[way])
    drift, drift_low, drift_high = _drift(time - at, level, confidence)
    clock = _Clock(source, len(rows), 0.0, 0.0, 0.0, drift, drift_low, drift_high, at)
    bounded = math.isfinite(drift_low) and math.isfinite(drift_high)  # not of few equal slopes
    if source == "transactions" and rows["peer"].notna().all() and bounded:
        exact = _on_grid(clock, rows, confidence, before)
        if exact is not None:
            return exact
    rest = difference - clock.applied_drift * (time - at)
    if source == "connections":
        low, high = sorted((float(rest[~towards].max()), float(rest[towards].min())))
        return clock._replace(offset=(low + high) / 2, low=low, high=high)
    low, high = _median_interval(rest, confidence)
    if source == "ticks":  # peers are at different distances
        medians = pd.Series(rest).groupby(rows["peer"].cat.codes.to_numpy()).agg(["median", "size"])
        sure = medians.loc[medians["size"] >= _TICKS, "median"]
        low, high = min([low, *sure]), max([high, *sure])
    return clock._replace(offset=float(np.median(rest)), low=low, high=high)


def _on_grid(
    clock: _Clock, rows: pd.DataFrame, confidence: float, before: _Clock | None
) -> _Clock | None:
    """The clock with the offset and drift that follow from the quarter seconds of fluffs."""
    # transactions that two messages have in common are one event
    rows = rows.drop_duplicates(["peer", "time", "difference"])
    time = nanoseconds(rows["time"]) / _SECOND - clock.at
    bounds = None
    if before is not None:
        ahead = before.ahead(clock.at) - before.offset
        bounds = (before.low + ahead - _PATHS, before.high + ahead + _PATHS)
    difference = rows["difference"].to_numpy()
    peer = rows["peer"].cat.codes.to_numpy().astype(np.int64)
    grid = offset_on_grid(time, difference, peer, (-_MOST_DRIFT, _MOST_DRIFT), bounds)
    if grid is None:  # of several days, that range has too many values
        grid = offset_on_grid(time, difference, peer, (clock.drift_low, clock.drift_high), bounds)
    if grid is None or grid.chosen.sum() < _LEAST:
        return None
    drift, low, high = _drift(time[grid.chosen], grid.residual, confidence)
    exact = clock._replace(drift=drift, drift_low=low, drift_high=high)
    rest = grid.residual - exact.applied_drift * time[grid.chosen]
    interval = _median_interval(rest, confidence)
    return exact._replace(
        offset=float(np.median(rest)),
        low=min(interval[0], grid.low),
        high=max(interval[1], grid.high),
    )


def _drift(time: Floats, difference: Floats, confidence: float) -> tuple[float, float, float]:
    """Slope and its interval; NaN where there are too few points."""
    if len(time) < _LEAST or not np.ptp(time) > 0:
        return math.nan, math.nan, math.nan
    stats = analysis("scipy.stats", "clock_offsets")
    chosen = np.unique(np.linspace(0, len(time) - 1, _MOST).astype(np.intp))
    slope = stats.theilslopes(difference[chosen], time[chosen], alpha=confidence)
    return float(slope.slope), float(slope.low_slope), float(slope.high_slope)


def _median_interval(values: Floats, confidence: float) -> tuple[float, float]:
    """The interval of the median; infinite where there are too few values for it."""
    stats = analysis("scipy.stats", "clock_offsets")
    interval = stats.quantile_test(values, p=0.5).confidence_interval(confidence)
    low, high = float(interval.low), float(interval.high)
    return (-math.inf if math.isnan(low) else low, math.inf if math.isnan(high) else high)


def _relative_to(
    start: str, names: list[str], pairs: dict[tuple[str, str], _Clock]
) -> dict[str, _Clock]:
    """The clocks of all nodes that can be reached, relative to that of the node `start`."""
    clocks = {start: _Clock(None, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, math.nan)}
    if not pairs:
        return clocks
    networkx = analysis("networkx", "clock_offsets")
    graph = networkx.Graph()
    graph.add_nodes_from(names)
    for (name, other), clock in pairs.items():
        graph.add_edge(name, other, width=min(clock.high - clock.low, 1e9))
    paths: dict[str, list[str]] = networkx.single_source_dijkstra_path(graph, start, weight="width")
    for name, path in paths.items():
        steps = [_step(pairs, one, before) for before, one in itertools.pairwise(path)]
        if steps:
            clocks[name] = _chained(steps)
    return clocks


def _step(pairs: dict[tuple[str, str], _Clock], name: str, other: str) -> _Clock:
    return pairs[name, other] if (name, other) in pairs else pairs[other, name].reversed()


def _chained(steps: list[_Clock]) -> _Clock:
    """The last clock relative to the first of a chain, each relative to the one before it."""
    whole = steps[0]
    for step in steps[1:]:
        whole = whole._replace(
            source=step.source,
            shared=min(whole.shared, step.shared),
            offset=whole.offset + step.ahead(whole.at + whole.offset),
            low=whole.low + step.low - step.offset + step.ahead(whole.at + whole.offset),
            high=whole.high + step.high - step.offset + step.ahead(whole.at + whole.offset),
            drift=whole.drift + step.drift,
            drift_low=whole.drift_low + step.drift_low,
            drift_high=whole.drift_high + step.drift_high,
        )
    return whole


def correct_times(times: pd.Series, vantages: Any, clocks: pd.DataFrame) -> pd.Series:
    """Returns times of vantage nodes as times of the clock of the reference node.

    `vantages` has the node of each time, `clocks` is the result of clock_offsets. Missing where the
    offset of the node is unknown. With offset o at time a, and drift d (0 if its interval includes
    0), the time t of a node is the time a + (t - a - o) ÷ (1 + d) of the reference node.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> clocks = mt.metrics.clock_offsets(traffic)
        >>> rows = mt.metrics.View(traffic).connections
        >>> bool((mt.metrics.correct_times(rows["opened"], rows["vantage"], clocks)
        ...       == rows["opened"]).all())
        True
    """
    by_name = clocks.set_index(clocks["vantage"].astype(object))
    certain = by_name["drift_low"] * by_name["drift_high"] > 0
    names = pd.Series(np.asarray(vantages, dtype=object), index=times.index)
    offset = names.map(by_name["offset"]).to_numpy(dtype=np.float64) * _SECOND
    drift = names.map(by_name["drift"].where(certain, 0.0) / 1e6).to_numpy(dtype=np.float64)
    at = names.map(by_name["at"].dt.tz_localize(None))
    known = times.notna().to_numpy() & ~np.isnan(offset)
    number = nanoseconds(times)
    since = np.where(at.isna(), number, nanoseconds(pd.to_datetime(at)))
    shift = np.zeros(len(times))
    away = (number - since)[known].astype(np.float64)
    shift[known] = (away - offset[known]) / (1 + drift[known]) - away
    corrected = number + np.rint(shift).astype(np.int64)
    moved = pd.Series(corrected.view("datetime64[ns]"), index=times.index).dt.tz_localize("UTC")
    return moved.where(pd.Series(known, index=times.index), pd.NaT)
