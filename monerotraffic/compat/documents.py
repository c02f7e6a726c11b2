"""The pipeline's JSON documents: packets, and peer lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.compat.packet_rows import NODE_KEYS, PACKET_KEYS, SYNC_KEYS, packet_rows
from monerotraffic.compat.peer_rows import PEER_COLUMNS, peer_rows
from monerotraffic.compat.whole import stamps, text, whole
from monerotraffic.net.vantage import Host
from monerotraffic.tables.traffic import Traffic

__all__ = ["packets_json", "peer_lists_json"]

Json = dict[str, Any]

_PEER_KEYS = PEER_COLUMNS[:8]
_PEER_TEXTS = ("id", "last_seen", "rpc_credits_per_hash")
"""Numbers of a peer that the pipeline writes as text."""
_LIST_TEXTS = ("cumulative_difficulty", "cumulative_difficulty_top64", "current_height")
"""Numbers of payload_data that its peer-list document has as text; top_id is not in it."""


def packets_json(traffic: Traffic, *, to: Host | Iterable[Host] | None = None) -> Json:
    """The document that extract_packet_data_to_json.py writes and load_clean_data.py reads:
    `{"header": {...}, "packets": [...]}`, a packet per whole message.

    A packet has the first ten columns of packets() as text (timestamp in UTC, microseconds), and,
    None where there is nothing, `local_peerlist_new`, a list of
    peers: of the first eight columns of peers() those that were sent, id, last_seen and
    rpc_credits_per_hash as text; `node_data` and `payload_data`, dicts of
    what was sent. The header names the capture files and no date: the same captures give the same
    document.

    Needs the tables messages, peer_lists, node_data and sync_data. Raises ValueError for a part of
    a scan.
    """
    messages = whole(traffic, to)
    made = packet_rows(traffic, messages)
    columns = {
        "local_peerlist_new": _lists(traffic, messages),
        "node_data": _records(made, NODE_KEYS),
        "payload_data": _records(made, SYNC_KEYS),
    }
    head = made[list(PACKET_KEYS)].assign(timestamp=stamps(messages["end_time"]))
    ids = made["message"]
    nested = {
        name: pd.Series(ids.map(values).array, dtype=object) for name, values in columns.items()
    }
    packets = head.assign(**nested).astype(object)
    return {
        "header": _header(traffic, "Monero packets"),
        "packets": packets.where(packets.notna(), None).to_dict("records"),
    }


def peer_lists_json(traffic: Traffic, *, to: Host | Iterable[Host] | None = None) -> Json:
    """The document that extract_peerlists_to_json.py writes: `{"header": {...}, "peer_lists":
    [...]}`, one entry per message with peers.

    An entry has `source_ip`, `timestamp` (UTC, seconds), `peers` (as in packets_json) and, of the
    payload_data that came with the list, cumulative_difficulty,
    cumulative_difficulty_top64, current_height (text), pruning_seed and top_version (numbers),
    those that were sent. `to`: only lists sent to these addresses;
    the pipeline's command takes those to the node, `to=traffic.hosts`.

    Needs the tables messages, peer_lists and sync_data. Raises ValueError for a part of a scan.
    """
    messages = whole(traffic, to)
    peers = _lists(traffic, messages)
    lists = messages[messages["message"].isin(peers.index)]
    source, stamp = text(lists["source"]).set_axis(lists.index), stamps(lists["end_time"], "s")
    keys = [key for key in SYNC_KEYS if key != "top_id"]
    made = lists[["message"]].assign(
        source_ip=source, timestamp=stamp, peers=lists["message"].map(peers)
    )
    made = made.merge(traffic.sync_data[["message", *keys]], on="message", how="left")
    entries = _records(made, ("source_ip", "timestamp", "peers", *keys), _LIST_TEXTS)
    return {"header": _header(traffic, "Monero peer lists"), "peer_lists": entries.tolist()}


def _header(traffic: Traffic, description: str) -> Json:
    return {"description": description, "input_file": ", ".join(traffic.files["path"].astype(str))}


def _lists(traffic: Traffic, messages: pd.DataFrame) -> pd.Series:
    """A list of peers for each message that has one, by message."""
    made = peer_rows(traffic, messages)
    peers = pd.Series(_dicts(made, _PEER_KEYS, _PEER_TEXTS), dtype=object)
    return peers.groupby(made["message"].to_numpy()).agg(list)


def _records(rows: pd.DataFrame, keys: Sequence[str], texts: Sequence[str] = ()) -> pd.Series:
    """A dict of what is there for each row that has any of it, by message."""
    there = rows[list(keys)].notna().any(axis=1)
    return pd.Series(
        _dicts(rows[there], keys, texts), index=rows.loc[there, "message"].to_numpy(), dtype=object
    )


def _dicts(rows: pd.DataFrame, keys: Sequence[str], texts: Sequence[str]) -> NDArray[np.object_]:
    """Rows as dicts without what is missing. Rows that miss the same are made together."""
    pattern = np.zeros(len(rows), dtype=np.int64)
    for bit, key in enumerate(keys):
        pattern |= rows[key].notna().to_numpy().astype(np.int64) << bit
    made = np.empty(len(rows), dtype=object)
    for found in np.unique(pattern).tolist():
        same = pattern == found
        part = rows.loc[same, [key for bit, key in enumerate(keys) if found >> bit & 1]]
        part = part.assign(**{key: part[key].astype(str) for key in texts if key in part})
        made[same] = part.to_dict("records")
    return made
