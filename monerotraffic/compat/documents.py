"""The JSON documents of the pipeline: packets and peer lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.compat.packet_rows import NODE_KEYS, PACKET_KEYS, SYNC_KEYS, packet_rows
from monerotraffic.compat.peer_rows import PEER_COLUMNS, peer_rows
from monerotraffic.compat.whole import stamps, text, whole
from monerotraffic.net.addresses import Host
from monerotraffic.tables.traffic import Traffic

__all__ = ["packets_json", "peer_lists_json"]

Json = dict[str, Any]

_PEER_KEYS = PEER_COLUMNS[:8]
_PEER_TEXTS = ("id", "last_seen", "rpc_credits_per_hash")
"""Numbers of a peer that the pipeline writes as text."""
_LIST_TEXTS = ("cumulative_difficulty", "cumulative_difficulty_top64", "current_height")
"""Numbers of payload_data that its peer-list document contains as text; it lacks top_id."""


def packets_json(traffic: Traffic, *, to: Host | Iterable[Host] | None = None) -> Json:
    """Returns the document that extract_packet_data_to_json.py writes and load_clean_data.py reads:
    `{"header": {...}, "packets": [...]}`, with one packet per complete message.

    A packet has the first ten columns of packets() as text (timestamp in UTC, microseconds). Three
    further keys are None where nothing was sent: `local_peerlist_new` is a list of peers with those
    of the first eight columns of peers() that were sent, with id, last_seen and
    rpc_credits_per_hash as text. `node_data` and `payload_data` are dicts of the values sent. The
    header names the capture files. It has no date, so that equal captures give equal documents.

    Requires the tables messages, peer_lists, node_data and sync_data. Raises ValueError for a part
    of a scan.

    >>> import monerotraffic as mt
    >>> from monerotraffic import compat
    >>> traffic = mt.read("tests/data/honest")
    >>> document = compat.packets_json(traffic)
    >>> len(document) > 0
    True
    """
    messages = whole(traffic, to)
    rows = packet_rows(traffic, messages)
    columns = {
        "local_peerlist_new": _lists(traffic, messages),
        "node_data": _records(rows, NODE_KEYS),
        "payload_data": _records(rows, SYNC_KEYS),
    }
    head = rows[list(PACKET_KEYS)].assign(timestamp=stamps(messages["end_time"]))
    ids = rows["message"]
    nested = {
        name: pd.Series(ids.map(values).array, dtype=object) for name, values in columns.items()
    }
    packets = head.assign(**nested).astype(object)
    return {
        "header": _header(traffic, "Monero packets"),
        "packets": packets.where(packets.notna(), None).to_dict("records"),
    }


def peer_lists_json(traffic: Traffic, *, to: Host | Iterable[Host] | None = None) -> Json:
    """Returns the document that extract_peerlists_to_json.py writes:
    `{"header": {...}, "peer_lists": [...]}`, with one entry per message with peers.

    An entry has `source_ip`, `timestamp` (UTC, seconds), `peers` (as in packets_json), and the
    values of payload_data that were sent with the list: cumulative_difficulty,
    cumulative_difficulty_top64, current_height (text), pruning_seed and top_version (numbers).
    `to`: only lists sent to these addresses. The pipeline selects the lists sent to the node,
    `to=traffic.hosts`.

    Requires the tables messages, peer_lists and sync_data. Raises ValueError for a part of a scan.

    >>> import monerotraffic as mt
    >>> from monerotraffic import compat
    >>> traffic = mt.read("tests/data/honest")
    >>> document = compat.peer_lists_json(traffic, to=traffic.hosts)
    >>> len(document) > 0
    True
    """
    messages = whole(traffic, to)
    peers = _lists(traffic, messages)
    lists = messages[messages["message"].isin(peers.index)]
    source, stamp = text(lists["source"]).set_axis(lists.index), stamps(lists["end_time"], "s")
    keys = [key for key in SYNC_KEYS if key != "top_id"]
    frame = lists[["message"]].assign(
        source_ip=source, timestamp=stamp, peers=lists["message"].map(peers)
    )
    frame = frame.merge(traffic.sync_data[["message", *keys]], on="message", how="left")
    entries = _records(frame, ("source_ip", "timestamp", "peers", *keys), _LIST_TEXTS)
    return {"header": _header(traffic, "Monero peer lists"), "peer_lists": entries.tolist()}


def _header(traffic: Traffic, description: str) -> Json:
    return {"description": description, "input_file": ", ".join(traffic.files["path"].astype(str))}


def _lists(traffic: Traffic, messages: pd.DataFrame) -> pd.Series:
    """The list of peers of each message with peers, by message."""
    rows = peer_rows(traffic, messages)
    peers = pd.Series(_dicts(rows, _PEER_KEYS, _PEER_TEXTS), dtype=object)
    return peers.groupby(rows["message"].to_numpy()).agg(list)


def _records(rows: pd.DataFrame, keys: Sequence[str], texts: Sequence[str] = ()) -> pd.Series:
    """A dict of the values present for each row with at least one, by message."""
    present = rows[list(keys)].notna().any(axis=1)
    return pd.Series(
        _dicts(rows[present], keys, texts),
        index=rows.loc[present, "message"].to_numpy(),
        dtype=object,
    )


def _dicts(rows: pd.DataFrame, keys: Sequence[str], texts: Sequence[str]) -> NDArray[np.object_]:
    """Rows as dicts without missing values. Rows with the same keys are converted together."""
    pattern = np.zeros(len(rows), dtype=np.int64)
    for bit, key in enumerate(keys):
        pattern |= rows[key].notna().to_numpy().astype(np.int64) << bit
    dicts = np.empty(len(rows), dtype=object)
    for present in np.unique(pattern).tolist():
        same = pattern == present
        part = rows.loc[same, [key for bit, key in enumerate(keys) if present >> bit & 1]]
        part = part.assign(**{key: part[key].astype(str) for key in texts if key in part})
        dicts[same] = part.to_dict("records")
    return dicts
