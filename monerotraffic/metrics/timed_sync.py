"""Hosts whose timed sync comes from one clock. docs/metrics/connections.md defines it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.connections import nanoseconds
from monerotraffic.net.columns import sites_of
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, once_per_view, viewed

__all__ = ["peer_ticks", "tick_pairs"]

_SECOND = 1_000_000_000


@once_per_view
def peer_ticks(traffic: Traffic | View) -> pd.DataFrame:
    """One row per tick of a site's timed sync, in order of time: 1002 requests that come from one
    IPv4 address or IPv6 /64 within a second of each other
    are one, the first of them stands for it. Unit: tick.

    Columns: `message`, `connection`, `peer`, `site`, `time`, `height` (UInt64: current_height
    said), `top_id` (category), `file`, `frame`.
    """
    view = viewed(traffic)
    said = view.sync_data
    rows = said[
        (said["direction"] == "received")
        & (said["command"] == 1002)
        & (said["kind"] == "request")
        & said["time"].notna()
    ]
    made = rows[["message", "connection", "peer", "time", "file", "frame", "top_id"]].assign(
        height=rows["current_height"]
    )
    made["site"] = sites_of(made["peer"])
    made = made.sort_values(["site", "time"], kind="stable")
    again = made.groupby("site")["time"].diff().dt.total_seconds() < 1
    columns = ["message", "connection", "peer", "site", "time", "height", "top_id", "file", "frame"]
    return made.loc[~again, columns].sort_values("time", kind="stable", ignore_index=True)


def tick_pairs(traffic: Traffic | View, window: float = 0.01) -> pd.DataFrame:
    """One row per two sites that ever ticked within `window` seconds of each other: how often, of
    how many times that both ticked. Unit: two sites.

    Columns: `left`, `right` (sites), `together` (int64: ticks within the window), `agreed` (int64:
    of these, with the same height and top block), `ticks`
    (int64: the fewer of their ticks in the time in which both were there), `spread` (float64,
    seconds: the largest difference of those together), `heights`
    (int64: different heights said at ticks together).

    Only ticks that are neighbours in time are compared, so that the cost grows with the number of
    ticks and of coincidences, not with the pairs of hosts.
    """
    made = peer_ticks(traffic)
    codes, sites = pd.factorize(made["site"], sort=True)
    left, right = _neighbours(nanoseconds(made["time"]), int(window * _SECOND))
    swap = codes[left] > codes[right]
    left, right = np.where(swap, right, left), np.where(swap, left, right)
    times = nanoseconds(made["time"])
    heights = made["height"].to_numpy(dtype="uint64", na_value=0)
    tops = made["top_id"].cat.codes.to_numpy()
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
    found = (
        pairs.groupby(["a", "b"], sort=True)
        .agg(
            together=("spread", "size"),
            agreed=("agreed", "sum"),
            spread=("spread", "max"),
            heights=("height", "nunique"),
        )
        .reset_index()
    )
    found["ticks"] = _common_ticks(
        codes, times, found["a"].to_numpy(), found["b"].to_numpy(), int(window * _SECOND)
    )
    names = np.asarray(sites, dtype=object)
    found["left"], found["right"] = names[found["a"].to_numpy()], names[found["b"].to_numpy()]
    return found[["left", "right", "together", "agreed", "ticks", "spread", "heights"]]


def _neighbours(times: NDArray[np.int64], window: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places of every two of the sorted times that are at most `window` apart."""
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
    """For every two sites, the fewer of their ticks between the later first tick and the earlier
    last one of the two.
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
