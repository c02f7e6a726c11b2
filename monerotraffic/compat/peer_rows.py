"""The peer rows: the result of load_clean_data.py for peer lists, with one row per entry."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from monerotraffic.compat.whole import stamps, text, whole
from monerotraffic.net.addresses import Host
from monerotraffic.tables.traffic import Traffic

__all__ = ["PEER_COLUMNS", "peers"]

PEER_COLUMNS = (
    "ip",
    "port",
    "type",
    "id",
    "last_seen",
    "pruning_seed",
    "rpc_port",
    "rpc_credits_per_hash",
    "source_ip",
    "timestamp",
    "pl_identifier",
)
"""Columns of the peer rows, in order.

>>> from monerotraffic import compat
>>> compat.PEER_COLUMNS[:4]
('ip', 'port', 'type', 'id')
"""


def peers(traffic: Traffic, *, to: Host | Iterable[Host] | None = None) -> pd.DataFrame:
    """Returns one row per peer-list entry, lists in order of time, entries in the order in which
    they were sent. `to`: only lists sent to these addresses.

    - `ip` (text): address of the peer: IPv4, IPv6, Tor or I2P; missing for an entry without address
    - `port` (int64): its TCP port
    - `type` (int64): type of its address: 1 IPv4, 2 IPv6, 3 I2P, 4 Tor, 0 other
    - `id` (uint64): its peer id
    - `last_seen` (Int64): seconds since 1970, sent as any integer type
    - `pruning_seed`, `rpc_port`, `rpc_credits_per_hash` (UInt32, UInt16, UInt32): missing where not
      sent
    - `source_ip` (text): sender of the list
    - `timestamp` (text): when its message was complete, UTC, microseconds
    - `pl_identifier` (text): timestamp, an underscore, source_ip; further lists of the same sender
      and microsecond end in _2, _3, and so on

    Requires the tables messages and peer_lists. Raises ValueError for a part of a scan.

    >>> import monerotraffic as mt
    >>> from monerotraffic import compat
    >>> traffic = mt.read("tests/data/honest")
    >>> compat.peers(traffic)[["ip", "port", "source_ip"]].head(2)
                 ip   port      source_ip
    0  203.0.113.11  18080  198.51.100.10
    1    192.0.2.12  18080  198.51.100.10
    """
    return peer_rows(traffic, whole(traffic, to)).drop(columns="message")


def peer_rows(traffic: Traffic, messages: pd.DataFrame) -> pd.DataFrame:
    """Returns the peer rows of these complete messages, with `message` as first column."""
    entries = traffic.peer_lists
    lists = messages[messages["message"].isin(entries["message"].unique())]
    stamp, source = stamps(lists["end_time"]), text(lists["source"]).set_axis(lists.index)
    lists = lists[["message"]].assign(
        source_ip=source, timestamp=stamp, pl_identifier=_identifiers(stamp, source)
    )
    # keeps the order of the lists and of the entries in each list
    rows = lists.merge(entries, on="message", how="left")
    host = rows["host"]
    columns = {
        "message": rows["message"],
        "ip": text(host),
        "port": rows["port"].astype(np.int64),
        "type": rows["type"].cat.codes.astype(np.int64),
        **{name: rows[name] for name in PEER_COLUMNS[3:]},
    }
    return pd.DataFrame(columns, copy=False)


def _identifiers(stamp: pd.Series, source: pd.Series) -> pd.Series:
    names = stamp.fillna("") + "_" + source
    repeats = names.groupby(names).cumcount()
    return names.where(repeats == 0, names + "_" + (repeats + 1).astype(str))
