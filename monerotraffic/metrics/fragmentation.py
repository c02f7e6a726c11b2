"""How messages are divided into TCP segments, compared with what the connection requires."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.sources import in_parts
from monerotraffic.tables.part_metrics import in_order
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, per_peer, positions, viewed

__all__ = [
    "HEADER",
    "SIGNATURE",
    "SIZE_CLASSES",
    "levin_fragments",
    "segmentation",
    "segments_by_size",
]

SIGNATURE, HEADER = 8, 33
"""Bytes of the Levin signature, and of the header that begins with it
(contrib/epee/include/net/levin_base.h).
"""

OPTIONS = 40
"""Maximum bytes of TCP options in a segment (RFC 9293 section 3.1). The MSS does not include them
(RFC 6691): a full segment carries MSS - 40 to MSS bytes.
"""
SMALLEST_MSS = 536
"""MSS of a host without the option (RFC 9293 section 3.7.1). Every IPv4 host accepts datagrams of
this size, and a path can limit segments to it.
"""

_TABLES = ("connections", "messages", "problems")

SIZE_CLASSES: tuple[int, ...] = (0, 100, 496, 1408, 16_384, 131_072)
"""Lower ends of the classes of message sizes in segments_by_size: 496 bytes fit any segment, 1408
bytes a full segment of Ethernet with any options.
"""


@in_parts
@per_peer("message", tables=_TABLES)
def segmentation(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per received message that was not cut by the snap length. Unit: message.

    The columns are those of messages and

    - `size` (int64): bytes of the message on the wire, header included, as far as captured. For a
      message joined from Levin fragments: the bytes of all its buckets. For a message with a hole:
      its size without the hole, so that loss does not look like fragmentation
    - `mss` (int64): the smaller MSS option of the two SYNs, 536 for a SYN without the option or
      that was not captured
    - `needed` (int64): segments that carry `size` bytes at `mss` - 40 each, the minimum of a full
      segment with the longest TCP options
    - `floor` (int64): the same with an MSS of at most 536, which a path with the smallest MTU
      needs; 1 more if the message begins within a segment, and 1 more for each Levin fragment after
      the first
    - `excess` (int64): `segments` - `needed`, negative where the capture contains merged segments
      (offloading)
    - `begins_segment` (bool): its first segment contains no bytes of the message before it
    - `signature_alone`, `header_alone` (bool): its first segment contains only its 8 signature
      bytes, or only its header although it has a body

    Source: contrib/epee/src/levin_base.cpp message_writer::finalize (header and body are one buffer
    since v0.15), RFC 9293; arXiv 2509.10214 on packet fragmentation.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.segmentation(traffic)
    >>> rows[["from_client", "peer", "direction", "command"]].head(2)
       from_client           peer direction  command
    0        False     192.0.2.22  received     1003
    1        False  198.18.152.25  received     1003
    """
    view = viewed(traffic)
    messages = view.received[view.received["status"] != "snapped"]
    size = _wire(view, messages)
    mss = _mss(view, messages)
    first = messages["first_segment"].to_numpy()
    begins = _begins(view, messages)
    needed = _segments(size, np.maximum(mss - OPTIONS, 1))
    floor = (
        _segments(size, np.maximum(np.minimum(mss, SMALLEST_MSS) - OPTIONS, 1))
        + ~begins
        + messages["fragments"].to_numpy(dtype=np.int64)
        - 1
    )
    segments = messages["segments"].to_numpy(dtype=np.int64)
    return messages.reset_index(drop=True).assign(
        size=size,
        mss=mss,
        needed=needed,
        floor=floor,
        excess=segments - needed,
        begins_segment=begins,
        signature_alone=begins & (first == SIGNATURE),
        header_alone=begins & (first == HEADER) & (messages["length"] > 0).to_numpy(),
    )


@in_parts
@per_peer("peer", "size_from", tables=_TABLES)
def segments_by_size(traffic: Traffic | View) -> pd.DataFrame:
    """Returns one row per peer (IP address) and class of message size (`size_from`, bytes on the
    wire, from SIZE_CLASSES).

    - `messages` (int64): messages, including those with holes
    - `segments_median`, `segments_max`, `needed_median` (float64): see segmentation
    - `excess_share` (float64): share of messages in more segments than needed
    - `signature_alone`, `header_alone` (int64): messages whose signature or header is alone in a
      segment
    - `shared` (int64): messages that share a segment with another message

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.segments_by_size(traffic)
    >>> rows[["peer", "size_from", "messages", "segments_median"]].head(2)
                 peer  size_from  messages  segments_median
    0      192.0.2.22          0         1              1.0
    1  198.18.113.151        100         4              1.0
    """
    rows = segmentation(traffic)
    edges = np.array(SIZE_CLASSES)
    rows = rows.assign(
        size_from=edges[np.searchsorted(edges, rows["size"], side="right") - 1],
        over=rows["excess"] > 0,
    )
    groups = rows.groupby(["peer", "size_from"], observed=True).agg(
        messages=("size", "size"),
        segments_median=("segments", "median"),
        segments_max=("segments", "max"),
        needed_median=("needed", "median"),
        excess_share=("over", "mean"),
        signature_alone=("signature_alone", "sum"),
        header_alone=("header_alone", "sum"),
        shared=("shared", "sum"),
    )
    numbers = ("segments_median", "segments_max", "needed_median")
    table = groups.astype(dict.fromkeys(numbers, "float64")).reset_index()
    return in_order(table, ["peer", "size_from"])


@in_parts
@per_peer("message", tables=_TABLES)
def levin_fragments(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the messages of peers that were sent as Levin fragments, noise, and fragments without
    a message. One row per message, complete or not.

    The columns are those of messages and `what` (category: `joined`, `noise`, `stray`). A stray
    fragment is a bucket that is neither request nor response, and has command 0 or the flag BEGIN
    or END.

    Source: contrib/epee/src/levin_base.cpp make_noise_notify, make_fragmented_notify;
    src/cryptonote_protocol/levin_notify.cpp, which uses them for Tor and I2P only.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.levin_fragments(traffic).columns[:4].tolist()
    ['message', 'connection', 'from_client', 'time']
    """
    messages = viewed(traffic).received
    joined = messages["fragments"] > 1
    noise = messages["kind"] == "noise"
    stray = (
        messages["kind"].isna()
        & ((messages["command"] == 0) | ((messages["levin_flags"] & 12) != 0))
        & ~joined
    )
    what = pd.Categorical.from_codes(
        np.select([joined, noise, stray], [0, 1, 2], -1), categories=["joined", "noise", "stray"]
    )
    rows = messages.assign(what=what)
    return rows[rows["what"].notna()].reset_index(drop=True)


def _segments(size: NDArray[np.int64], capacity: NDArray[np.int64]) -> NDArray[np.int64]:
    return -(-size // capacity)


def _wire(view: View, messages: pd.DataFrame) -> NDArray[np.int64]:
    """Bytes of the stream of each message, including those in its holes."""
    array = view.traffic.arrays["messages"]
    wire: NDArray[np.int64] = array["wire"][
        positions(array["message"], messages["message"].to_numpy())
    ]
    whole = messages["length"].to_numpy().astype(np.int64) + HEADER
    return np.where((messages["status"] == "gap").to_numpy(), whole, wire)


def _mss(view: View, messages: pd.DataFrame) -> NDArray[np.int64]:
    ends = view.ends[["peer_mss", "vantage_mss"]].fillna(SMALLEST_MSS).astype("int64").min(axis=1)
    mss: NDArray[np.int64] = (
        ends.reindex(messages["connection"]).fillna(SMALLEST_MSS).to_numpy(dtype=np.int64)
    )
    return mss


def _begins(view: View, messages: pd.DataFrame) -> NDArray[np.bool_]:
    """Which messages begin a segment: those that share no segment, and those without an earlier
    message of the peer that ends in the packet with their first bytes.

    The second condition is certain only where packets arrived in order, and is ignored elsewhere.
    """
    received = view.received
    order = np.lexsort((received["message"].to_numpy(), received["connection"].to_numpy()))
    connection, frame, end = (
        received[name].to_numpy()[order] for name in ("connection", "frame", "end_frame")
    )
    time, end_time = (
        received[name].to_numpy(dtype="datetime64[ns]")[order] for name in ("time", "end_time")
    )
    joins = np.zeros(len(received), dtype=bool)
    joins[1:] = (
        (connection[1:] == connection[:-1]) & (frame[1:] == end[:-1]) & (time[1:] == end_time[:-1])
    )
    follows = np.zeros(len(received), dtype=bool)
    follows[order] = joins
    follows = follows[positions(received["message"].to_numpy(), messages["message"].to_numpy())]
    ends = view.ends
    orderly = (
        (
            (ends["peer_out_of_order"] == 0)
            & (ends["peer_retransmitted"] == 0)
            & (ends["peer_lost"] == 0)
        )
        .reindex(messages["connection"])
        .fillna(False)
    )
    shared = messages["shared"].to_numpy(dtype=bool)
    begins: NDArray[np.bool_] = ~shared | (orderly.to_numpy(dtype=bool) & ~follows)
    return begins
