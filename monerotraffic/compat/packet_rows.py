"""The packet rows: the result of extract_packet_data_to_json.py and load_clean_data.py, with one
row per message.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from monerotraffic.compat.whole import numbers_text, segments_text, text, whole
from monerotraffic.net.addresses import Host
from monerotraffic.tables.traffic import Traffic

__all__ = ["NODE_KEYS", "PACKET_COLUMNS", "PACKET_KEYS", "SYNC_KEYS", "packets"]

PACKET_KEYS = (
    "frame_number",
    "source_ip",
    "source_port",
    "dst_ip",
    "dst_port",
    "timestamp",
    "command",
    "monero_flags",
    "tcp_segments",
    "tcp_length",
)
NODE_KEYS = (
    "local_time",
    "my_port",
    "network_id",
    "peer_id",
    "support_flags",
    "rpc_port",
    "rpc_credits_per_hash",
)
SYNC_KEYS = (
    "cumulative_difficulty",
    "cumulative_difficulty_top64",
    "current_height",
    "pruning_seed",
    "top_id",
    "top_version",
)

PACKET_COLUMNS = (*PACKET_KEYS, "peerlist_length", *NODE_KEYS, *SYNC_KEYS)
"""Columns of the packet rows, in order.

>>> from monerotraffic import compat
>>> compat.PACKET_COLUMNS[:4]
('frame_number', 'source_ip', 'source_port', 'dst_ip')
"""


def packets(traffic: Traffic, *, to: Host | Iterable[Host] | None = None) -> pd.DataFrame:
    """Returns one row per complete message, in order of time. `to`: only messages to these
    addresses.

    - `frame_number` (text): packet, in its file, that completed the message, from 1
    - `source_ip`, `dst_ip` (text): addresses of sender and receiver, IPv4 or IPv6
    - `source_port`, `dst_port` (text): their TCP ports
    - `timestamp` (datetime64[ns]): when the message was complete, UTC; without a time zone, because
      the published code requires it
    - `command`, `monero_flags` (text): Levin command and flags; for Levin fragments those of the
      inner header
    - `tcp_segments` (text): TCP segments that carried it, empty for one
    - `tcp_length` (text): payload bytes of the packet that completed it
    - `peerlist_length` (float64): entries of its peer list, NaN without a list
    - `local_time`, `peer_id` (UInt64): from node_data
    - `my_port`, `support_flags`, `rpc_credits_per_hash` (UInt32): from node_data
    - `rpc_port` (UInt16): from node_data
    - `network_id` (text): from node_data, hex
    - `cumulative_difficulty`, `cumulative_difficulty_top64`, `current_height` (UInt64): from
      sync_data
    - `pruning_seed` (UInt32): from sync_data
    - `top_id` (text): from sync_data, hex
    - `top_version` (UInt8): from sync_data

    Ports, commands, flags and frame numbers are decimal text because the published code compares
    them with text. `peer_id` is also set for 1003 responses, and `support_flags` for 1007
    responses: select `command == "1001"` for the handshake.

    Requires the tables messages, peer_lists, node_data and sync_data. Raises ValueError for a part
    of a scan.

    >>> import monerotraffic as mt
    >>> from monerotraffic import compat
    >>> traffic = mt.read("tests/data/honest")
    >>> compat.packets(traffic)[["source_ip", "command", "tcp_length"]].head(2)
           source_ip command tcp_length
    0  198.51.100.10    1001        295
    1   203.0.113.11    2010         43
    """
    return packet_rows(traffic, whole(traffic, to)).drop(columns="message")


def packet_rows(traffic: Traffic, messages: pd.DataFrame) -> pd.DataFrame:
    """Returns the packet rows of these complete messages, with `message` as first column."""
    rows = pd.DataFrame(
        {
            "message": messages["message"],
            "frame_number": numbers_text(messages["end_frame"]),
            "source_ip": text(messages["source"]),
            "source_port": numbers_text(messages["source_port"]),
            "dst_ip": text(messages["destination"]),
            "dst_port": numbers_text(messages["destination_port"]),
            "timestamp": messages["end_time"].dt.tz_localize(None),
            "command": numbers_text(messages["command"]),
            "monero_flags": numbers_text(messages["levin_flags"]),
            "tcp_segments": segments_text(messages["segments"]),
            "tcp_length": numbers_text(messages["end_length"]),
            "peerlist_length": messages["message"]
            .map(traffic.list_columns("message").groupby("message").size())
            .astype(np.float64),
        }
    )
    node = traffic.node_data[["message", *NODE_KEYS]]
    sync = traffic.sync_data[["message", *SYNC_KEYS]]
    rows = rows.merge(node.assign(network_id=text(node["network_id"])), on="message", how="left")
    return rows.merge(sync.assign(top_id=text(sync["top_id"])), on="message", how="left")
