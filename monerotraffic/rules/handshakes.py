"""Rules on handshakes and requests that are left unfinished. Family `connections`.

Uses the metrics of monerotraffic.metrics.connections.
"""

from __future__ import annotations

import pandas as pd

from monerotraffic.metrics.connections import connection_table, requests
from monerotraffic.rules.connections import are_frequent, at_first_request
from monerotraffic.rules.rule import Parameters, observations, rule
from monerotraffic.tables.view import View, positions

__all__ = ["handshake_incomplete", "request_unanswered"]

_ENDED = ("fin", "rst")
_HEADER = 33  # bytes of a Levin header
_PROTOCOL = "src/p2p/net_node.inl"
_PUBLISHED: Parameters = {"min_connections": 1, "period_h": None}


def _unfinished(parameters: Parameters) -> str:
    """The reason of handshake_incomplete: the published variants count over the whole capture."""
    period = "" if parameters["period_h"] is None else " in {period_h} h"
    return f"left {{observations:handshake}} unfinished (flagged from {{min_connections}}{period})"


@rule(
    "MT506",
    family="connections",
    weight="weak",
    unit="connection",
    cause="connection_pattern",
    standard="A standard node finishes a handshake within 5 s.",
    reason=_unfinished,
    evasion="Finish the handshake: more traffic. Or leave one a day and address unfinished.",
    source=(
        "src/cryptonote_config.h P2P_DEFAULT_HANDSHAKE_INVOKE_TIMEOUT (5 s); arXiv 2509.10214, "
        "incomplete handshakes"
    ),
    known_false_positives="A node whose process hangs while its kernel accepts connections.",
    paper="incomplete_hs",
    presets={"arxiv-v1": _PUBLISHED, "aft-2026": _PUBLISHED},
)
def handshake_incomplete(
    view: View,
    *,
    min_connections: int = 2,
    patience_s: float = 4.5,
    period_h: float | None = 24.0,
) -> pd.DataFrame:
    """At least `min_connections` connections within `period_h` hours on which the peer left the
    handshake unfinished: its 1001 cut and not continued within `patience_s` seconds; no byte in
    answer to ours for `patience_s` seconds; its own RST after its request, before anything came
    from us. A node that hangs once a week is not flagged in a capture of a month.

    Only connections that were captured whole and seen to end count. 4.5 s is a little less than the
    time after which monerod gives up. A node whose slots are taken closes at once and does not
    count, nor does our own refusal, silence or RST. In the third form nothing of ours came before
    the RST but, at most, the answer, unread: a node that has read everything closes with FIN. Whose
    RST it was follows from packet counts: ours were no more than a SYN-ACK, the answer's segments
    and one ACK per segment of the request, and the peer sent one more than SYN, ACK and segments.
    The measure is the duration in seconds.
    """
    connections = connection_table(view)
    connections = connections[connections["whole"] & connections["end"].isin(_ENDED)]
    cut, silent, reset = (
        _cut(view, connections, patience_s),
        _silent(view, connections, patience_s),
        _reset(view, connections, patience_s),
    )
    incomplete = connections[cut | silent | reset]
    incomplete = incomplete[are_frequent(incomplete, min_connections, period_h)]
    return observations(at_first_request(view, incomplete), incomplete["seconds"].to_numpy())


def _cut(view: View, connections: pd.DataFrame, patience_s: float) -> pd.Series:
    """A 1001 request of the peer, or its response, or its very header, that was cut, on a
    connection that it had time to finish it on.
    """
    messages = view.received
    part = messages[(messages["command"] == 1001) & (messages["status"] == "truncated")]
    problems = view.problems
    header = problems[
        (problems["direction"] == "received")
        & (problems["offset"] == 0)
        & (problems["detail"] == "a header that was cut")
    ]
    begun = connections["connection"].isin(part["connection"]) | (
        connections["connection"].isin(header["connection"]) & (connections["received"] == 0)
    )
    return begun & (connections["seconds"] >= patience_s)


def _silent(view: View, connections: pd.DataFrame, patience_s: float) -> pd.Series:
    """Our request on a connection that we opened, and not one byte for as long as we wait."""
    waited = (connections["closed"] - connections["asked"]).dt.total_seconds()
    return (
        (connections["direction"] == "outgoing")
        & (connections["handshake"] == "asked")
        & (connections["peer_bytes"] == 0)
        & (waited >= patience_s)
    )


def _reset(view: View, connections: pd.DataFrame, patience_s: float) -> pd.Series:
    """The peer's whole request and nothing more, then its RST, before anything came from us or with
    our answer unread.

    A node that has read what came closes with FIN; its system sends RST where something is unread,
    so what else we sent must not count: nothing but the answer.
    The number of packets shows who reset a connection: ours were no more than SYN-ACK, the
    answer's and an ACK for each segment, so the RST was not among
    them, and the peer sent one more than SYN, ACK and its segments.
    """
    messages = view.messages[
        (view.messages["command"] == 1001) & view.messages["kind"].isin(["request", "response"])
    ]
    segments = messages.drop_duplicates(["connection", "from_client"]).set_index("connection")
    asked = segments[segments["from_client"]]
    theirs = connections["connection"].map(asked["segments"]).fillna(0)
    ours = (
        connections["connection"].map(segments.loc[~segments["from_client"], "segments"]).fillna(0)
    )
    nothing_more = (
        connections["peer_bytes"]
        == connections["connection"].map(asked["length"].astype("float64")) + _HEADER
    )
    by_peer = (connections["own_packets"] <= 1 + theirs + ours) & (
        connections["peer_packets"] >= 3 + theirs
    )
    quick = (connections["closed"] - connections["asked"]).dt.total_seconds() < patience_s
    only_answer = (connections["own_bytes"] == 0) | (
        (connections["handshake"] == "answered") & (connections["sent"] == 1)
    )
    begun = connections["asked"].notna() & (connections["direction"] == "incoming")
    return begun & (connections["end"] == "rst") & nothing_more & only_answer & by_peer & quick


@rule(
    "MT507",
    family="connections",
    weight="weak",
    unit="message",
    cause="unanswered",
    standard="A standard node answers every request, or the connection ends.",
    reason=(
        "left {observations:request} unanswered, for up to {highest} s (flagged after "
        "{patience_s} s, support flags after {flags_patience_s} s)"
    ),
    evasion="Answer requests: free.",
    source=(
        f"{_PROTOCOL} handle_timed_sync, handle_get_support_flags; src/cryptonote_config.h "
        "P2P_DEFAULT_INVOKE_TIMEOUT (120 s)"
    ),
    since="0.10.0",
)
def request_unanswered(
    view: View, *, patience_s: float = 120.0, flags_patience_s: float = 4.5
) -> pd.DataFrame:
    """A 1002 request of ours without an answer, though the peer sent other messages on that
    connection more than `patience_s` seconds later; or a 1007 request without an answer on a
    connection that stayed for `flags_patience_s` seconds.

    Standard nodes answer, or the connection ends. 1003 is left out (a filtered or dead port is no
    fault), and so is what went unanswered because the connection ended. The measure is the time in
    seconds from the request to the end of the connection.
    """
    asked = requests(view)
    ours = asked[
        (asked["direction"] == "sent")
        & asked["answer"].isna()
        & (asked["status"] == "complete")
        & asked["command"].isin((1002, 1007))
    ]
    table = connection_table(view)
    at = positions(table["connection"].to_numpy(), ours["connection"].to_numpy())
    whole = table["whole"].to_numpy()[at]
    heard = (
        pd.Series(table["last_received"].array.take(at), index=ours.index) - ours["time"]
    ).dt.total_seconds()
    waited = (
        pd.Series(table["closed"].array.take(at), index=ours.index) - ours["time"]
    ).dt.total_seconds()
    flags = (ours["command"] == 1007) & (waited >= flags_patience_s)
    rows = ours[whole & (flags | (heard > patience_s))]
    return observations(rows, waited[rows.index])
