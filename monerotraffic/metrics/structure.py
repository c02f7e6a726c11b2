"""Structure of messages: fields, headers, serialization, and which implementations wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.sources import in_parts
from monerotraffic.tables.part_metrics import in_order
from monerotraffic.tables.schema import SCHEMA
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, packet_order, per_peer, positions, viewed

__all__ = [
    "COMMANDS",
    "COMMAND_LIMITS",
    "CONNECTION_LIMIT",
    "ENCODING",
    "HEADER_ODDITIES",
    "INITIAL_LIMIT",
    "encoding_deviations",
    "unframed_bytes",
    "header_oddities",
    "lists_with_last_seen",
    "odd_headers",
    "optional_fields",
    "oversize",
    "skeletons",
    "serialization_styles",
]

COMMANDS = (1001, 1002, 1003, 1007, 2001, 2002, 2003, 2004, 2006, 2007, 2008, 2009, 2010)
"""Commands of monerod 0.16 and later (src/p2p/p2p_protocol_defs.h,
src/cryptonote_protocol/cryptonote_protocol_defs.h).
"""

INITIAL_LIMIT = 262_144
"""Payload bytes that monerod accepts before the handshake (contrib/epee/include/net/levin_base.h
LEVIN_INITIAL_MAX_PACKET_SIZE).
"""
CONNECTION_LIMIT = 100_000_000
"""Payload bytes that monerod accepts after it (LEVIN_DEFAULT_MAX_PACKET_SIZE)."""
COMMAND_LIMITS: Mapping[int, int] = {
    **dict.fromkeys((1001, 1002), 65_536),
    **dict.fromkeys((1003, 1007), 4_096),
    **dict.fromkeys((2001, 2002, 2004), 134_217_728),
    2003: 2_097_152,
    2006: 524_288,
    **dict.fromkeys((2007, 2008, 2010), 4_194_304),
    2009: 1_048_576,
}
"""Payload bytes that monerod accepts for a command, since v0.17.1.9
(src/cryptonote_basic/connection_context.cpp get_max_bytes).
"""

HEADER_ODDITIES = (
    "odd_version",
    "odd_flags",
    "odd_expect",
    "odd_return_code",
    "empty_body",
    "odd_kind",
)
ENCODING = (
    "unknown_keys",
    "duplicate_keys",
    "wide_varints",
    "other_types",
    "default_fields",
    "trailing",
)

_REQUEST, _RESPONSE = 1, 2  # Levin flags
_BLINDING = ("lost", "snapped", "gap", "oversize", "limit", "conflict")
_CUT_HEADER = "a header that was cut"
_TABLES = ("connections", "messages", "problems")
_WITH_LISTS = (*_TABLES, "peer_lists")


@in_parts
@per_peer("peer", tables=(*_WITH_LISTS, "node_data"))
def optional_fields(traffic: Traffic | View) -> pd.DataFrame:
    """Returns counts of optional fields that differ from a standard node. One row per peer (IP
    address) that sent a handshake, a 1007 response or a peer list. All columns are int64.

    - `handshakes`: complete 1001 messages, requests and responses
    - `support_flags_missing`: handshakes without support_flags
    - `support_flags_odd`: complete 1001 and 1007 responses with support_flags other than 1
    - `peer_lists`: complete messages with peer-list entries
    - `peer_list_entries`
    - `last_seen_lists`: peer lists with last_seen in any entry
    - `last_seen_entries`

    Source: src/p2p/p2p_protocol_defs.h (basic_node_data, peerlist_entry); src/p2p/net_peerlist.h
    get_peerlist_head. docs/metrics/structure.md explains the values.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.optional_fields(traffic)
    >>> rows[["peer", "handshakes", "support_flags_missing", "support_flags_odd"]].head(2)
                 peer  handshakes  support_flags_missing  support_flags_odd
    0  198.18.113.151           2                      0                  0
    1  198.18.122.186           2                      0                  0
    """
    view = viewed(traffic)
    node_data = view.node_data[view.node_data["direction"] == "received"]
    handshakes = node_data["command"] == 1001
    lists = _lists(view)
    counts = {
        "handshakes": node_data[handshakes].groupby("peer", observed=True).size(),
        "support_flags_missing": node_data[handshakes & node_data["support_flags"].isna()]
        .groupby("peer", observed=True)
        .size(),
        "support_flags_odd": node_data[
            node_data["support_flags"].notna() & (node_data["support_flags"] != 1)
        ]
        .groupby("peer", observed=True)
        .size(),
        "peer_lists": lists.groupby("peer", observed=True).size(),
        "peer_list_entries": lists.groupby("peer", observed=True)["entries"].sum(),
        "last_seen_lists": lists[lists["last_seen"] > 0].groupby("peer", observed=True).size(),
        "last_seen_entries": lists.groupby("peer", observed=True)["last_seen"].sum(),
    }
    return _counted(counts)


@in_parts
@per_peer("message", tables=_WITH_LISTS)
def lists_with_last_seen(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the complete messages of peers with a peer-list entry that has last_seen, of any
    integer type. One row per message.

    The columns are those of messages and `entries` and `last_seen` (int64): the entries of the
    list, and those with last_seen.

    Source: src/p2p/net_peerlist.h get_peerlist_head writes 0, which is omitted since v0.16.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.lists_with_last_seen(traffic).columns[:4].tolist()
    ['message', 'connection', 'from_client', 'time']
    """
    lists = _lists(viewed(traffic))
    return lists[lists["last_seen"] > 0].reset_index(drop=True)


def _lists(view: View) -> pd.DataFrame:
    """Received messages with peer-list entries. Computed from the array, because a DataFrame of the
    many million entries of a day is not needed.
    """
    lists = view.traffic.coded_lists
    messages = view.received
    places = positions(messages["message"].to_numpy(), lists.message)
    known = places >= 0
    bit = SCHEMA["peer_lists"].field("last_seen").present_bit
    assert bit is not None
    seen = (lists.entries["present"] >> bit & 1).astype(bool)
    count, marked = np.zeros((2, len(messages)), dtype=np.int64)
    count[places[known]] = lists.length[known]
    marked[places[known]] = lists.count(seen)[known]
    return messages.assign(entries=count, last_seen=marked)[count > 0]


@per_peer("peer", "network_id")
def peer_networks(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the distinct networks (`network_id`, object) that each peer (`peer`, object)
    announces. Source: src/p2p/net_node.inl handle_handshake.
    """
    nodes = viewed(traffic).node_data
    nodes = nodes[nodes["network_id"].notna() & (nodes["direction"] == "received")]
    pairs = nodes[["peer", "network_id"]].astype(object).drop_duplicates()
    return pairs.sort_values(["peer", "network_id"], ignore_index=True)


# ---------------------------------------------------------------- headers


@in_parts
@per_peer("message", tables=_TABLES)
def odd_headers(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the messages of peers whose Levin header a standard node does not write. One row per
    message with a captured header, complete or not.

    The columns are those of messages and, as bool,

    - `odd_version`: protocol version other than 1
    - `odd_flags`: flags other than request alone or response alone, except for Levin fragments
      (command 0 without both)
    - `odd_expect`: the byte that requests a response is neither 0 nor 1, or a response requests one
    - `odd_return_code`: not 0 although the message is not a response
    - `empty_body`: no body although the return code is not an error
    - `odd_kind`: 1xxx as notification, or 2xxx as request or response

    The last two do not apply to Levin fragments.

    Source: contrib/epee/src/levin_base.cpp (make_header, message_writer::finalize),
    contrib/epee/include/storages/levin_abstract_invoke2.h.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.odd_headers(traffic)
    >>> rows[["from_client", "peer", "direction", "command"]].head(2)
       from_client            peer direction  command
    0         True  198.18.212.133  received     1001
    1         True  198.18.122.186  received     1003
    """
    view = viewed(traffic)
    messages = view.received
    headers = view.traffic.arrays["messages"]
    headers = headers[positions(headers["message"], messages["message"].to_numpy())]
    flags, expect, command = headers["levin_flags"], headers["expects_response"], headers["command"]
    fragment = ((flags & (_REQUEST | _RESPONSE)) == 0) & (command == 0)
    response = (flags & _RESPONSE) != 0
    kind = messages["kind"]
    odd = {
        "odd_version": headers["version"] != 1,
        "odd_flags": ~fragment & (flags != _REQUEST) & (flags != _RESPONSE),
        "odd_expect": (expect > 1) | (response & (expect != 0)),
        "odd_return_code": ~response & (headers["return_code"] != 0),
        "empty_body": ~fragment & (headers["length"] == 0) & (headers["return_code"] >= 0),
        "odd_kind": ~fragment
        & (
            ((kind == "notification").to_numpy() & (command >= 1001) & (command < 2000))
            | (kind.isin(["request", "response"]).to_numpy() & (command >= 2001) & (command < 3000))
        ),
    }
    rows = messages.assign(**odd)[np.logical_or.reduce(list(odd.values()))]
    return rows.reset_index(drop=True)


@in_parts
@per_peer("peer", tables=_TABLES)
def header_oddities(traffic: Traffic | View) -> pd.DataFrame:
    """Returns counts of `odd_headers`. One row per peer (IP address) that sent a message. All
    columns are int64: `messages`, the number with each oddity (HEADER_ODDITIES), and
    `unknown_commands`, the requests, responses and notifications of a command outside COMMANDS.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.header_oddities(traffic)
    >>> rows[["peer", "messages", "odd_version", "odd_flags"]].head(2)
                 peer  messages  odd_version  odd_flags
    0      192.0.2.22         1            0          0
    1  198.18.113.151         5            0          0
    """
    view = viewed(traffic)
    groups = odd_headers(view).groupby("peer", observed=True)
    strange = view.received[
        view.received["kind"].isin(["request", "response", "notification"])
        & ~view.received["command"].isin(COMMANDS)
    ]
    return _counted(
        {
            "messages": view.received.groupby("peer", observed=True).size(),
            **{name: groups[name].sum() for name in HEADER_ODDITIES},
            "unknown_commands": strange.groupby("peer", observed=True).size(),
        }
    )


@in_parts
@per_peer("message", tables=_TABLES)
def oversize(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the messages of peers that declare more payload than monerod accepts. One row per
    message, complete or not.

    The columns are those of messages and `limit` (int64, bytes): the smallest of the limit of the
    command, CONNECTION_LIMIT, and before the handshake INITIAL_LIMIT. A message is before the
    handshake if the peer sent it before a 1001 request of the client of the connection. If the
    capture lacks the beginning of the peer, or any byte of the client, no message is.

    Source: contrib/epee/include/net/levin_protocol_handler_async.h handle_recv,
    src/p2p/net_node.inl (set_max_bytes), COMMAND_LIMITS.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.oversize(traffic)[["from_client", "peer", "direction", "command"]].head(2)
       from_client            peer direction  command
    0         True  198.18.223.226  received     1001
    1         True  198.18.223.226  received     1001
    """
    view = viewed(traffic)
    large = view.received[view.received["length"] > min(INITIAL_LIMIT, *COMMAND_LIMITS.values())]
    limit = (
        large["command"]
        .map(COMMAND_LIMITS)
        .fillna(CONNECTION_LIMIT)
        .clip(upper=CONNECTION_LIMIT)
        .astype("int64")
    )
    limit = limit.mask(_before_handshake(view, large), limit.clip(upper=INITIAL_LIMIT))
    large = large.assign(limit=limit)
    return large[large["length"].astype("float64") > large["limit"]].reset_index(drop=True)


def _before_handshake(view: View, rows: pd.DataFrame) -> pd.Series:
    """Which messages arrived while the vantage node had its initial limit: an acceptor raises it
    with a 1001 that it accepted, an initiator when it sends one.
    """
    ends = view.ends.reindex(rows["connection"])
    lost = ends["peer_lost"].where(ends["direction"] == "incoming", ends["vantage_lost"])
    began = ends["peer_began"] & (ends["vantage_began"] | (ends["direction"] == "incoming"))
    sound = (began.fillna(False).astype(bool) & (lost == 0)).to_numpy()
    requests = view.messages[
        (view.messages["command"] == 1001)
        & (view.messages["kind"] == "request")
        & view.messages["from_client"]
    ]
    first = packet_order(requests).groupby(requests["connection"]).min()
    first = first.reindex(rows["connection"]).to_numpy(dtype="float64")
    early = np.isnan(first) | (packet_order(rows).to_numpy() < first)
    return pd.Series(sound & early, index=rows.index)


# ---------------------------------------------------------------- encoding


@in_parts
@per_peer("peer", tables=_TABLES)
def encoding_deviations(traffic: Traffic | View) -> pd.DataFrame:
    """Returns how peers serialize their payloads. One row per peer (IP address) that sent a message
    with a fingerprint (docs/fingerprint.md). All columns are int64.

    - `messages`: messages with a fingerprint
    - `unordered`: messages whose keys are not in ascending order
    - each name of ENCODING: messages in which it is not 0

    Source: contrib/epee/include/storages/portable_storage_to_bin.h; csrc/p2p/message_schema.c for
    the fields.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.encoding_deviations(traffic)
    >>> rows[["peer", "messages", "unordered", "unknown_keys"]].head(2)
                 peer  messages  unordered  unknown_keys
    0      192.0.2.22         1          0             0
    1  198.18.113.151         5          0             0
    """
    received = viewed(traffic).received
    received = received[received["unknown_keys"].notna()]
    groups = received["peer"]
    counts = {
        "messages": received.groupby("peer", observed=True).size(),
        "unordered": _per(groups, ~received["keys_ordered"]),
    }
    return _counted({**counts, **{name: _per(groups, received[name] > 0) for name in ENCODING}})


def _per(peers: pd.Series, marked: pd.Series) -> pd.Series:
    """The number of marked rows of each peer."""
    chosen = peers[marked.fillna(False).astype(bool)]
    return chosen.groupby(chosen, observed=True).size()


@in_parts
def serialization_styles(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the skeletons of each peer, and how many peers share them. One row per peer (IP
    address), command, kind and skeleton, in this order.

    - `peer`, `command`, `kind`, `skeleton` (UInt64)
    - `messages` (int64)
    - `sharing` (int64): peers with this skeleton for this command and kind
    - `of` (int64): peers that send this command and kind
    - `share` (float64): sharing ÷ of

    A share near 0 where `of` is large indicates separate software. Two skeletons of one peer are
    two programs, or one that forwards messages of another.

    Source: docs/fingerprint.md.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> rows = mt.metrics.serialization_styles(traffic)
    >>> rows[["peer", "command", "kind", "skeleton"]].head(2)
                 peer  command      kind              skeleton
    0      192.0.2.22     1003  response  16584243165675336842
    1  198.18.113.151     1001   request  15420826778061073599
    """
    key = ["command", "kind", "skeleton"]
    styles = _styles(traffic).drop(columns="first")
    styles["sharing"] = styles.groupby(key, observed=True)["peer"].transform("size").astype("int64")
    styles["of"] = (
        styles.groupby(key[:2], observed=True)["peer"].transform("nunique").astype("int64")
    )
    return styles.assign(share=styles["sharing"] / styles["of"])


@per_peer("peer", "command", "kind", "skeleton", tables=_TABLES)
def _styles(traffic: Traffic | View) -> pd.DataFrame:
    """The skeletons of each peer, with the number of messages and the time of the first."""
    received = viewed(traffic).received
    received = received[received["skeleton"].notna()]
    key = ["peer", "command", "kind", "skeleton"]
    groups = received.groupby(key, observed=True)
    styles = groups.agg(messages=("message", "size"), first=("time", "min")).reset_index()
    return in_order(styles, key)


@in_parts
def skeletons(traffic: Traffic | View) -> pd.DataFrame:
    """Returns implementations by serialization: one row per command, kind and skeleton, the most
    common first.

    - `command`, `kind`, `skeleton` (UInt64)
    - `messages`, `peers` (int64): number of messages, and of peers (IP addresses) that sent them
    - `share` (float64): of the peers that send this command and kind
    - `first` (time): of the first message

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.skeletons(traffic)[["command", "kind", "skeleton", "messages"]].head(2)
       command     kind              skeleton  messages
    0     1001  request  15420826778061073599        28
    1     1002  request  16649073058154198415         6
    """
    view = viewed(traffic)
    key = ["command", "kind", "skeleton"]
    by_peer = serialization_styles(view).assign(first=_styles(view)["first"])
    counts = by_peer.groupby(key, observed=True).agg(
        messages=("messages", "sum"),
        peers=("peer", "size"),
        share=("share", "first"),
        first=("first", "min"),
    )
    return counts.reset_index().sort_values(
        ["command", "kind", "peers", "skeleton"],
        ascending=[True, True, False, True],
        ignore_index=True,
    )


@in_parts
@per_peer("connection", "offset", tables=_TABLES)
def unframed_bytes(traffic: Traffic | View) -> pd.DataFrame:
    """Returns the bytes of peers on Levin connections that belong to no message and whose position
    in the stream is certain. One row per range of bytes, in order of connection and offset.

    The columns are those of problems, with rows of kind `unframed`, and `peer`, `server_port` and
    `levin` (bool: the connection carried a Levin message in either direction).

    Excluded are the beginning of a header at the end of the connection; connections without the
    peer's beginning in the capture; and all bytes after lost, snapped or conflicting bytes, after a
    message that was not stored completely, or after a length that the reader ignores. There the
    reader searches for the next header, and the bytes in between can have another cause than the
    peer.

    Source: contrib/epee/include/net/levin_protocol_handler_async.h handle_recv (another signature
    closes the connection).

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.unframed_bytes(traffic)[["direction", "offset", "bytes", "kind"]].head(2)
      direction  offset  bytes      kind
    0  received       0    200  unframed
    1  received     338     43  unframed
    """
    view = viewed(traffic)
    problems = view.problems
    blind = (
        problems[problems["kind"].isin(_BLINDING) & (problems["direction"] != "sent")]
        .groupby("connection")["offset"]
        .min()
    )
    rows = problems[
        (problems["kind"] == "unframed")
        & (problems["direction"] == "received")
        & (problems["detail"] != _CUT_HEADER)
    ]
    ends = view.ends.reindex(rows["connection"])
    levin = rows["connection"].isin(view.messages["connection"])
    since = blind.reindex(rows["connection"]).to_numpy(dtype="float64", na_value=np.inf)
    sure: NDArray[np.bool_] = ends["peer_began"].fillna(False).to_numpy(dtype=bool) & (
        since > rows["offset"].to_numpy()
    )
    rows = rows.assign(server_port=ends["server_port"].to_numpy(), levin=levin)[sure]
    return in_order(rows, ["connection", "offset"])


def _counted(counts: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Combines counts by peer into one frame with one column each; 0 for peers without a count.
    Peers are in order of their text.
    """
    by_text: dict[str, Any] = {
        name: pd.Series(series.to_numpy(), index=series.index.astype(str))
        for name, series in counts.items()
    }
    frame = pd.DataFrame(by_text).fillna(0).astype("int64").sort_index()
    return frame.rename_axis("peer").reset_index()
