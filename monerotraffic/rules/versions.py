"""Which versions of monerod a peer can be, as its own messages show.

Owns the signs of versions. Knows no single rule. Used by the engine, so that a rule is silent where
its standard behaviour does not hold yet, or no longer.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, per_peer, viewed

__all__ = ["bounds_of_connections", "outside", "version_bounds", "version_number"]

_PARTS = 4
_NO_LIMIT = np.iinfo(np.int64).max
_REMOVED_COMMANDS = (1004, 1005, 1006)  # REQUEST_STAT_INFO and others, up to 0.15
_FORK_OF_0_18 = 15  # mainnet's block version of August 2022, which 0.17 does not know


def version_number(text: str) -> int:
    """A version such as 0.18.4 as a number that sorts as versions do."""
    parts = [int(part) for part in text.split(".")]
    number = 0
    for part in (parts + [0] * _PARTS)[:_PARTS]:
        number = number * 1000 + part
    return number


def version_bounds(traffic: Traffic | View) -> pd.DataFrame:
    """For each connection (the index) with a sign of the version: the first version that its peer
    can be (`since`), and the first one that it cannot be (`before`), as version_number.

    A process has one version, so connections are judged by themselves. Only what a version writes
    is a sign. A missing field alone is not, because a spy can omit it:

    - 0.15 or older: `local_time` in node_data, or one of the commands 1004 to 1006.
    - 0.17 or older: a handshake without `support_flags` by a node whose top block is older than the
      fork of August 2022.
    - 0.18 or newer: `support_flags` in a handshake, or a top block of that fork or a later one.

    Signs of both kinds on one connection contradict each other, and then nothing is known: a spy
    that claims to be old is not excused.
    """
    return bounds_of_connections(traffic).set_index("connection")


@per_peer("connection")
def bounds_of_connections(traffic: Traffic | View) -> pd.DataFrame:
    """version_bounds with the connection as a column."""
    view = viewed(traffic)
    nodes = view.node_data[
        (view.node_data["direction"] == "received") & (view.node_data["command"] == 1001)
    ]
    blocks = view.sync_data[view.sync_data["direction"] == "received"]
    received = view.received
    flags = nodes["support_flags"].notna()
    top = blocks["top_version"].astype("Float64")
    removed = received.loc[received["command"].isin(_REMOVED_COMMANDS), "connection"]
    unforked = set(blocks.loc[(top > 0) & (top < _FORK_OF_0_18), "connection"])
    unflagged = nodes.loc[~flags, "connection"]
    before = {number: version_number("0.18") for number in unforked & set(unflagged)}
    older = {*removed, *nodes.loc[nodes["local_time"].notna(), "connection"]}
    before |= dict.fromkeys(older, version_number("0.16"))
    newer = {*nodes.loc[flags, "connection"], *blocks.loc[top >= _FORK_OF_0_18, "connection"]}
    bounds = pd.DataFrame(index=pd.Index(sorted(newer | set(before)), dtype="int64"))
    bounds["since"] = np.where(bounds.index.isin(newer), version_number("0.18"), 0)
    bounds["before"] = [before.get(number, _NO_LIMIT) for number in bounds.index]
    return bounds[bounds["since"] < bounds["before"]].rename_axis("connection").reset_index()


def outside(view: View, since: str, until: str, seen: pd.DataFrame) -> NDArray[np.bool_]:
    """For each observation whether the peer's version is certainly before `since` or after `until`
    (empty: no such limit). An observation without a connection is outside if all connections of its
    peer that show a version are.
    """
    none = np.zeros(len(seen), dtype=np.bool_)
    if not (since or until) or not len(seen):
        return none
    bounds = version_bounds(view.evidence)
    wrong = np.zeros(len(bounds), dtype=np.bool_)
    if since:
        wrong |= bounds["before"].to_numpy() <= version_number(since)
    if until:
        wrong |= bounds["since"].to_numpy() > version_number(until)
    if not wrong.any():
        return none
    by_connection = seen["connection"].isin(bounds.index[wrong])
    peers = view.connections.set_index("connection")["peer"].astype(str).reindex(bounds.index)
    all_wrong = pd.Series(wrong, index=peers.to_numpy()).groupby(level=0).all()
    by_peer = seen["peer"].astype(str).isin(all_wrong.index[all_wrong])
    mask: NDArray[np.bool_] = np.where(
        seen["connection"].isna(), by_peer, by_connection.to_numpy()
    ).astype(np.bool_)
    return mask
