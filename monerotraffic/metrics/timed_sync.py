"""Hosts whose timed sync follows one clock. docs/metrics/connections.md explains the terms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.connections import nanoseconds
from monerotraffic.metrics.sources import in_parts
from monerotraffic.net.columns import sites_of
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, per_peer, per_vantage, viewed

__all__ = ["peer_ticks", "tick_pairs", "time_steps"]

_SECOND = 1_000_000_000


@in_parts
@per_peer("time", "site")
def peer_ticks(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per tick of the timed sync of a site, in order of time. 1002 requests from
    one IPv4 address or IPv6 /64 within a second are one tick, represented by the first. Unit: tick.

    - `message`, `connection`, `peer`, `site`, `time`
    - `height` (UInt64): the announced current_height
    - `top_id` (category)
    - `file`, `frame`

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.peer_ticks(traffic)[["peer", "site", "height"]].head(2)
                 peer            site  height
    0    198.18.30.53    198.18.30.53     281
    1  198.19.119.116  198.19.119.116     282
    """
    view = viewed(traffic)
    received = view.sync_data
    rows = received[
        (received["direction"] == "received")
        & (received["command"] == 1002)
        & (received["kind"] == "request")
        & received["time"].notna()
    ]
    ticks = rows[["message", "connection", "peer", "time", "file", "frame", "top_id"]].assign(
        height=rows["current_height"]
    )
    ticks["site"] = sites_of(ticks["peer"])
    ticks = ticks.sort_values(["site", "time"], kind="stable")
    repeats = ticks.groupby("site")["time"].diff().dt.total_seconds() < 1
    columns = ["message", "connection", "peer", "site", "time", "height", "top_id", "file", "frame"]
    return ticks.loc[~repeats, columns].sort_values("time", kind="stable", ignore_index=True)


@per_peer()
def time_steps(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row with `step` (int64): nanoseconds of which all times of messages are
    multiples. No row without messages.
    """
    times = nanoseconds(viewed(traffic).messages["time"].dropna())
    return pd.DataFrame({"step": np.gcd.reduce(times, keepdims=True)[: len(times)]})


@in_parts
@per_vantage
def tick_pairs(traffic: Traffic | View, window: float = 0.01) -> pd.DataFrame:
    """Returns one row per two sites that ticked within `window` seconds of each other at least
    once. Unit: two sites.

    - `vantage` (category): name of the vantage node, its address without names
    - `left`, `right`: sites
    - `together` (int64): common ticks, within the window
    - `agreed` (int64): common ticks with the same height and top block
    - `ticks` (int64): the smaller number of ticks of the two sites in the time in which both were
      connected
    - `spread` (float64): largest difference of common ticks in seconds
    - `heights` (int64): different heights announced at common ticks

    Only ticks that are neighbours in time are compared, so the cost grows with the number of ticks
    and of coincidences, not with the pairs of hosts.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.tick_pairs(traffic).columns[:4].tolist()
    ['vantage', 'left', 'right', 'together']
    """
    ticks = peer_ticks(traffic)
    codes, sites = pd.factorize(ticks["site"], sort=True)
    left, right = _neighbours(nanoseconds(ticks["time"]), int(window * _SECOND))
    swap = codes[left] > codes[right]
    left, right = np.where(swap, right, left), np.where(swap, left, right)
    times = nanoseconds(ticks["time"])
    heights = ticks["height"].to_numpy(dtype="uint64", na_value=0)
    tops = ticks["top_id"].cat.codes.to_numpy()
    pairs = pd.DataFrame(
        {
            "a": codes[left],
            "b": codes[right],
            "spread": np.abs(times[left] - times[right]) / _SECOND,
            "agreed": (heights[left] == heights[right]) & (tops[left] == tops[right]),
            "height": heights[left],
        }
    )
    pairs = pairs[pairs["a"] != pairs["b"]]
    together = (
        pairs.groupby(["a", "b"], sort=True)
        .agg(
            together=("spread", "size"),
            agreed=("agreed", "sum"),
            spread=("spread", "max"),
            heights=("height", "nunique"),
        )
        .reset_index()
    )
    together["ticks"] = _common_ticks(
        codes, times, together["a"].to_numpy(), together["b"].to_numpy(), int(window * _SECOND)
    )
    names = np.asarray(sites, dtype=object)
    together["left"], together["right"] = (
        names[together["a"].to_numpy()],
        names[together["b"].to_numpy()],
    )
    return together[["left", "right", "together", "agreed", "ticks", "spread", "heights"]]


def _neighbours(times: NDArray[np.int64], window: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The positions of every two of the sorted times that are at most `window` apart."""
    ends = np.searchsorted(times, times + window, side="right")
    counts = ends - np.arange(len(times)) - 1
    left = np.repeat(np.arange(len(times)), counts)
    offset = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    return left, left + 1 + offset


def _common_ticks(
    codes: NDArray[np.intp],
    times: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    slack: int,
) -> NDArray[np.int64]:
    """For every two sites, the smaller number of their ticks between the later first tick and the
    earlier last tick of the two.
    """
    count = int(codes.max()) + 1 if len(codes) else 0
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(first, codes, times)
    np.maximum.at(last, codes, times)
    since, until = (
        np.maximum(first[left], first[right]) - slack,
        np.minimum(last[left], last[right]) + slack,
    )
    order = np.lexsort((times, codes))
    keys = np.empty(len(times), dtype=[("code", "i8"), ("time", "i8")])
    keys["code"], keys["time"] = codes[order], times[order]
    counts = [_between(keys, side, since, until) for side in (left, right)]
    fewer: NDArray[np.int64] = np.minimum(*counts)
    return fewer


def _between(
    keys: NDArray[np.void],
    codes: NDArray[np.int64],
    since: NDArray[np.int64],
    until: NDArray[np.int64],
) -> NDArray[np.int64]:
    wanted = np.empty(len(codes), dtype=keys.dtype)
    wanted["code"], wanted["time"] = codes, since
    low = np.searchsorted(keys, wanted, side="left")
    wanted["time"] = until
    return np.asarray(np.searchsorted(keys, wanted, side="right") - low, dtype=np.int64)
