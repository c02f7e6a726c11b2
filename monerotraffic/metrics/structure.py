"""What messages look like: fields, headers, encoding, and which implementations wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.tables.schema import SCHEMA
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, positions, viewed

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
"""Payload bytes that monerod takes before the handshake (contrib/epee/include/net/levin_base.h
LEVIN_INITIAL_MAX_PACKET_SIZE).
"""
CONNECTION_LIMIT = 100_000_000
"""Payload bytes that monerod takes after it (LEVIN_DEFAULT_MAX_PACKET_SIZE)."""
COMMAND_LIMITS: Mapping[int, int] = {
    **dict.fromkeys((1001, 1002), 65_536),
    **dict.fromkeys((1003, 1007), 4_096),
    **dict.fromkeys((2001, 2002, 2004), 134_217_728),
    2003: 2_097_152,
    2006: 524_288,
    **dict.fromkeys((2007, 2008, 2010), 4_194_304),
    2009: 1_048_576,
}
"""Payload bytes that monerod takes of a command, since v0.17.1.9
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


def optional_fields(traffic: Traffic | View) -> pd.DataFrame:
    """What peers say, or leave out, that standard nodes do not. One row per peer (IP) that sent a
    handshake, a 1007 response or a peer list.

    Columns, all int64 counts: `handshakes`, whole 1001 messages, requests and responses;
    `support_flags_missing` of them without support_flags;
    `support_flags_odd`, whole 1001 and 1007 responses with support_flags other than 1;
    `peer_lists`, whole messages with peer-list entries;
    `peer_list_entries`; `last_seen_lists` of these lists with last_seen in any entry;
    `last_seen_entries`.

    Source: src/p2p/p2p_protocol_defs.h (basic_node_data, peerlist_entry); src/p2p/net_peerlist.h
    get_peerlist_head. What each means: docs/metrics/structure.md.
    """
    view = viewed(traffic)
    said = view.node_data[view.node_data["direction"] == "received"]
    handshakes = said["command"] == 1001
    lists = _lists(view)
    counts = {
        "handshakes": said[handshakes].groupby("peer", observed=True).size(),
        "support_flags_missing": said[handshakes & said["support_flags"].isna()]
        .groupby("peer", observed=True)
        .size(),
        "support_flags_odd": said[said["support_flags"].notna() & (said["support_flags"] != 1)]
        .groupby("peer", observed=True)
        .size(),
        "peer_lists": lists.groupby("peer", observed=True).size(),
        "peer_list_entries": lists.groupby("peer", observed=True)["entries"].sum(),
        "last_seen_lists": lists[lists["last_seen"] > 0].groupby("peer", observed=True).size(),
        "last_seen_entries": lists.groupby("peer", observed=True)["last_seen"].sum(),
    }
    return _counted(counts)


def lists_with_last_seen(traffic: Traffic | View) -> pd.DataFrame:
    """Whole messages of peers with a peer-list entry that has last_seen, of whatever integer type.
    One row per message.

    Rows of messages, with `entries` and `last_seen` beside them: entries of the list, and how many
    of them have last_seen (int64).

    Source: src/p2p/net_peerlist.h get_peerlist_head writes 0, which is left out since v0.16.
    """
    lists = _lists(viewed(traffic))
    return lists[lists["last_seen"] > 0]


def _lists(view: View) -> pd.DataFrame:
    """Received messages with peer-list entries. From the array: of the many million entries of a
    day no DataFrame is needed.
    """
    if "peer_lists" not in view.traffic.arrays:
        raise AttributeError("peer_lists was not decoded")
    entries = view.traffic.arrays["peer_lists"]
    messages = view.received
    places = positions(messages["message"].to_numpy(), entries["message"])
    bit = SCHEMA["peer_lists"].field("last_seen").present_bit
    assert bit is not None
    seen = (entries["present"] >> bit & 1).astype(bool)
    count = np.bincount(places[places >= 0], minlength=len(messages))
    marked = np.bincount(places[(places >= 0) & seen], minlength=len(messages))
    return messages.assign(entries=count, last_seen=marked)[count > 0]


# ---------------------------------------------------------------- headers


def odd_headers(traffic: Traffic | View) -> pd.DataFrame:
    """Messages of peers whose Levin header a standard node does not write. One row per message,
    whole or not: its header was captured.

    Rows of messages, with bool columns beside them: `odd_version`, protocol version other than 1;
    `odd_flags`, flags that are
    not just request or just response, but for Levin fragments (command 0, neither of the two);
    `odd_expect`, a byte other than 0 and 1 for the expected
    response, or a response that expects one; `odd_return_code`, not 0 although it is no response;
    `empty_body`, no body although the return code tells no
    error; `odd_kind`, 1xxx as notification, or 2xxx as request or response. The last two are not
    asked of Levin fragments.

    Source: contrib/epee/src/levin_base.cpp (make_header, message_writer::finalize),
    contrib/epee/include/storages/levin_abstract_invoke2.h.
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
    return messages.assign(**odd)[np.logical_or.reduce(list(odd.values()))]


def header_oddities(traffic: Traffic | View) -> pd.DataFrame:
    """Counts of `odd_headers`. One row per peer (IP) that sent a message, with int64 columns:
    `messages`, and of these how many have each oddity
    (HEADER_ODDITIES), and `unknown_commands`: requests, responses and notifications of a command
    outside COMMANDS.
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


def oversize(traffic: Traffic | View) -> pd.DataFrame:
    """Messages of peers that declare more payload than monerod takes. One row per message, whole or
    not.

    Rows of messages, with `limit` (int64, bytes) beside them: the least of the command's limit,
    CONNECTION_LIMIT, and
    before the handshake INITIAL_LIMIT. Before the handshake is what the peer sends before there is
    a 1001 request of the connection's client; where the
    capture lacks the peer's beginning, or any byte of the client, nothing is.

    Source: contrib/epee/include/net/levin_protocol_handler_async.h handle_recv,
    src/p2p/net_node.inl (set_max_bytes), COMMAND_LIMITS.
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
    return large[large["length"].astype("float64") > large["limit"]]


def _before_handshake(view: View, rows: pd.DataFrame) -> pd.Series:
    """Which messages came while the vantage node had its first limit: an acceptor raises it with a
    1001 that it took, an initiator when it sends it.
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
    first = requests.groupby("connection")["time"].min().reindex(rows["connection"])
    early = first.isna().to_numpy() | (
        rows["time"].to_numpy(dtype="datetime64[ns]") < first.to_numpy(dtype="datetime64[ns]")
    )
    return pd.Series(sound & early, index=rows.index)


# ---------------------------------------------------------------- encoding


def encoding_deviations(traffic: Traffic | View) -> pd.DataFrame:
    """How peers write their payloads. One row per peer (IP) that sent a message with a fingerprint
    (docs/fingerprint.md).

    Columns, int64: `messages` with a fingerprint; `unordered`, messages whose keys do not ascend;
    and for each name of
    ENCODING the number of messages in which it is not 0.

    Source: contrib/epee/include/storages/portable_storage_to_bin.h, csrc/epee/message_schema.c for
    the fields.
    """
    written = viewed(traffic).received
    written = written[written["unknown_keys"].notna()]
    groups = written["peer"]
    counts = {
        "messages": written.groupby("peer", observed=True).size(),
        "unordered": _per(groups, ~written["keys_ordered"]),
    }
    return _counted({**counts, **{name: _per(groups, written[name] > 0) for name in ENCODING}})


def _per(peers: pd.Series, marked: pd.Series) -> pd.Series:
    """How many rows of each peer are marked."""
    chosen = peers[marked.fillna(False).astype(bool)]
    return chosen.groupby(chosen, observed=True).size()


def serialization_styles(traffic: Traffic | View) -> pd.DataFrame:
    """Which skeletons each peer writes, and how many others write the same. One row per peer (IP),
    command, kind and skeleton.

    Columns: `peer`, `command`, `kind`, `skeleton` (UInt64); `messages` (int64), how many; `sharing`
    (int64), peers that write this skeleton for this
    command and kind; `of` (int64), peers that send this command and kind at all; `share` (float64)
    = sharing ÷ of. A share near 0 where `of` is
    large is software of its own; two shares in the same peer are two programs, or one behind the
    other.

    Source: docs/fingerprint.md.
    """
    written = viewed(traffic).received
    written = written[written["skeleton"].notna()]
    key = ["command", "kind", "skeleton"]
    made = written.groupby(["peer", *key], observed=True).size().rename("messages").reset_index()
    made["sharing"] = made.groupby(key, observed=True)["peer"].transform("size").astype("int64")
    made["of"] = made.groupby(key[:2], observed=True)["peer"].transform("nunique").astype("int64")
    return made.assign(share=made["sharing"] / made["of"])


def skeletons(traffic: Traffic | View) -> pd.DataFrame:
    """Implementations by how they write: one row per command, kind and skeleton, the most common
    first.

    Columns: `command`, `kind`, `skeleton` (UInt64); `messages` and `peers` (int64), that were sent,
    and by how many peers (IPs); `share`
    (float64), of the peers that send this command and kind; `first` (time of the first message).
    """
    view = viewed(traffic)
    key = ["command", "kind", "skeleton"]
    by_peer = serialization_styles(view)
    made = by_peer.groupby(key, observed=True).agg(
        messages=("messages", "sum"), peers=("peer", "size"), share=("share", "first")
    )
    made["first"] = (
        view.received[view.received["skeleton"].notna()].groupby(key, observed=True)["time"].min()
    )
    return made.reset_index().sort_values(
        ["command", "kind", "peers", "skeleton"],
        ascending=[True, True, False, True],
        ignore_index=True,
    )


def unframed_bytes(traffic: Traffic | View) -> pd.DataFrame:
    """Bytes that peers sent on Levin connections and that are part of no message: stretches whose
    place in the stream is sure. One row per stretch.

    Rows of problems of kind `unframed`, with `peer`, `server_port` and `levin` (bool: the
    connection carried a Levin message, either way) beside
    them. Left out: the beginning of a header that ends with the connection; connections whose
    beginning was not captured (of the peer's direction); whatever
    comes behind lost, snapped or conflicting bytes, a message that was not kept whole, or a length
    that nobody believes: there the reader looks for the next
    header, and what lies between is no one's fault.

    Source: contrib/epee/include/net/levin_protocol_handler_async.h handle_recv (another signature
    closes the connection).
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
    return rows.assign(server_port=ends["server_port"].to_numpy(), levin=levin)[sure]


def _counted(counts: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Counts by peer as one frame, a column each; 0 where a peer has none. Peers in order of their
    text.
    """
    by_text: dict[str, Any] = {
        name: pd.Series(series.to_numpy(), index=series.index.astype(str))
        for name, series in counts.items()
    }
    frame = pd.DataFrame(by_text).fillna(0).astype("int64").sort_index()
    return frame.rename_axis("peer").reset_index()
