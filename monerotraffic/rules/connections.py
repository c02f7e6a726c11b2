"""Rules on how many connections a peer opens, and who speaks on them when. Family `connections`.

Uses the metrics of monerotraffic.metrics.connections. The handshake and the timed sync have modules
of their own, which use `at_first_request` and `of_connection` from here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.connections import connection_table, requests, short_lived_connections
from monerotraffic.rules.rule import Parameters, observations, rule
from monerotraffic.tables.view import View, packet_order

__all__ = [
    "are_frequent",
    "at_first_request",
    "conflicting_retransmission",
    "no_handshake",
    "of_connection",
    "one_way_listener",
    "out_of_turn",
    "ping_flood",
    "proxy_prefix_sent",
    "short_lived_series",
    "tls_sent",
]

_ENDED = ("fin", "rst")
_PROTOCOL = "src/p2p/net_node.inl"

_PUBLISHED_SHORT: Parameters = {"from_answer": False, "period_h": None}


def _short_lived(parameters: Parameters) -> str:
    """The reason of short_lived_series: the published variants count over the whole capture."""
    period = "" if parameters["period_h"] is None else " in {period_h} h"
    return (
        "made {highest:connection} of less than {max_duration_s} s with a whole handshake "
        f"(flagged above {{max_connections}}{period})"
    )


@rule(
    "MT501",
    family="connections",
    weight="weak",
    unit="connection",
    cause="connection_pattern",
    standard=(
        "A standard node keeps a connection after the handshake, and checks one random peer of "
        "its gray list a minute."
    ),
    reason=_short_lived,
    evasion="Connect less often, or stay longer: at most 10 such observations a day and address.",
    source=(
        f"arXiv 2509.10214, short-lived connections; {_PROTOCOL} gray_peerlist_housekeeping: one "
        "random peer a minute"
    ),
    known_false_positives=(
        "Crawlers and scanners, and old versions that close after every handshake."
    ),
    paper="SlC",
    presets={"arxiv-v1": _PUBLISHED_SHORT, "aft-2026": _PUBLISHED_SHORT},
)
def short_lived_series(
    view: View,
    *,
    max_connections: int = 10,
    max_duration_s: float = 1.0,
    from_answer: bool = True,
    period_h: float | None = 24.0,
) -> pd.DataFrame:
    """More than `max_connections` incoming connections with a whole handshake from one host within
    `period_h` hours that last less than `max_duration_s` seconds.

    A standard node that has the vantage node in a gray list of 5000 checks it once in three and a
    half days, about nine times a month, so a long capture must not add them up. The published
    variants do (`period_h` None). The time counts from our answer (`from_answer`), or from the SYN
    in the published variants, which charge the peer for our slowness. The measure is the number of
    connections.
    """
    rows = short_lived_connections(connection_table(view), max_duration_s, from_answer)
    rows = rows[are_frequent(rows, max_connections + 1, period_h)]
    counts = rows.groupby("peer", observed=True)["connection"].transform("size")
    return observations(at_first_request(view, rows), counts[rows.index].to_numpy())


@rule(
    "MT502",
    family="connections",
    weight="strong",
    unit="message",
    cause="pings",
    standard=(
        "monerod pings once, to check that a new peer can be reached, on a connection that it "
        "then closes."
    ),
    reason="sent {highest:ping} on one connection (a standard node sends at most {max_pings})",
    evasion="Ping once per connection: more connections.",
    source=(
        f"{_PROTOCOL} try_ping: one ping on a connection of its own; arXiv 2509.10214, ping "
        "flooding"
    ),
    paper="Ping",
    presets={"arxiv-v1": {"max_pings": 2}, "aft-2026": {"max_pings": 2}},
)
def ping_flood(view: View, *, max_pings: int = 1) -> pd.DataFrame:
    """More than `max_pings` pings (1003 requests) of the peer on one connection.

    `try_ping` is the only place where monerod pings: once, on a connection that it then closes.
    Peers that are pinged again at every handshake ping once per connection. One ping on a
    connection with other messages does not count. The measure is the number of pings of the
    connection.
    """
    received = view.received
    pings = received[(received["command"] == 1003) & (received["kind"] == "request")]
    counts = pings.groupby("connection")["message"].transform("size")
    excessive = counts > max_pings
    return observations(pings[excessive], counts[excessive])


@rule(
    "MT505",
    family="connections",
    weight="context",
    unit="connection",
    cause="connection_pattern",
    standard="A standard node that opens a connection speaks first, at once.",
    reason=(
        "opened {observations:connection} of up to {highest} s without sending a byte (flagged "
        "from {min_connections:connection}, or one of {min_duration_s} s)"
    ),
    evasion="Send a handshake: more traffic.",
    source=(
        f"{_PROTOCOL} try_to_connect_and_handshake_with_new_peer, try_ping: the client speaks first"
    ),
    known_false_positives=(
        "Nodes that the vantage node closes on before they speak: a second one behind an address, "
        "no free slot."
    ),
)
def no_handshake(
    view: View, *, min_connections: int = 2, min_duration_s: float = 5.0
) -> pd.DataFrame:
    """Incoming TCP connections that end without one byte of the peer: at least `min_connections` of
    them, or one of at least `min_duration_s` seconds.

    Only connections that were captured whole and seen to end count. The measure is the duration in
    seconds.
    """
    connections = connection_table(view)
    silent = (
        (connections["direction"] == "incoming")
        & connections["whole"]
        & (connections["peer_bytes"] == 0)
        & connections["end"].isin(_ENDED)
    )
    rows = connections[silent]
    often = rows.groupby("peer", observed=True)["connection"].transform("size") >= min_connections
    rows = rows[often | (rows["seconds"] >= min_duration_s)]
    return observations(rows, rows["seconds"])


@rule(
    "MT508",
    family="connections",
    weight="strong",
    unit="message",
    cause="turns",
    standard=(
        "The protocol has one order: the side that connects sends the handshake, the other side "
        "answers, then both send."
    ),
    reason=(
        "sent {observations:message} that it may not send at that point (a standard node sends "
        "none)"
    ),
    evasion=(
        "Follow the order of the protocol: free. Or send so many segments out of order that more "
        "than a fiftieth of all packets of the capture are: traffic that is itself conspicuous."
    ),
    source=(
        f"{_PROTOCOL} do_handshake_with_peer, handle_handshake, peer_sync_idle_maker; "
        "src/cryptonote_protocol/cryptonote_protocol_handler.inl"
    ),
    known_false_positives=(
        "Captures whose two directions come from two taps with different delays of more than "
        "`tolerance_s`."
    ),
)
def out_of_turn(view: View, *, tolerance_s: float = 0.01) -> pd.DataFrame:
    """A message that its sender may not send at that point of the connection: the acceptor speaks
    first; the initiator begins with neither 1001 nor 1003; a 1001 request of the acceptor, or a
    second one; a notification or 1002 request before our 1001 response; a response to no request;
    2004 or 2007 without 2003 or 2006.

    Only connections that were captured whole count, and only captures whose packets are in order.
    What came first is judged by the order of packets, and must hold by the clock too, by more than
    `tolerance_s`. An acceptor's notification between our request and its own response is normal (a
    race in monerod, 2010 mostly).
    """
    table = connection_table(view)
    table = table[table["whole"] & (not view.whole.disordered)].set_index("connection")
    received = view.received
    rows = received[
        received["connection"].isin(table.index)
        & received["kind"].notna()
        & (received["kind"] != "noise")
    ]
    incoming = of_connection(rows, table["direction"] == "incoming")
    request = rows["kind"] == "request"
    asks = request & (rows["command"] == 1001)
    first = ~rows.duplicated("connection")

    speaks_first = ~incoming & first & _before(rows, view.sent, tolerance_s)
    begins = incoming & first & ~(request & rows["command"].isin((1001, 1003)))
    again = asks & (~incoming | (asks.groupby(rows["connection"]).cumsum() > 1))
    responses = view.sent[(view.sent["command"] == 1001) & (view.sent["kind"] == "response")]
    answered = of_connection(rows, table["answered"].notna() & table["asked"].notna())
    talk = (rows["kind"] == "notification") | (request & (rows["command"] == 1002))
    early = incoming & ~first & talk & answered & _before(rows, responses, tolerance_s)
    unasked = (rows["kind"] == "response") & (rows["reply_to"] < 0)
    violations = speaks_first | begins | again | early | unasked
    for answer, question in ((2004, 2003), (2007, 2006)):
        violations |= _uncalled(view, rows, answer, question)
    return observations(rows[violations])


def _before(rows: pd.DataFrame, sent: pd.DataFrame, tolerance_s: float) -> pd.Series:
    """Which messages came before the first of `sent` on their connection, by the order of packets
    and by more than the tolerance; also those of connections without any.
    """
    sent = sent.assign(order=packet_order(sent)).drop_duplicates("connection")
    ours = sent.set_index("connection")
    order = of_connection(rows, ours["order"])
    later = packet_order(rows) < order
    apart = (of_connection(rows, ours["time"]) - rows["time"]).dt.total_seconds() > tolerance_s
    return order.isna() | (later & apart)


def of_connection(rows: pd.DataFrame, by_connection: pd.Series) -> pd.Series:
    """The value of each row's connection."""
    return pd.Series(by_connection.reindex(rows["connection"]).array, index=rows.index)


def _uncalled(view: View, rows: pd.DataFrame, answer: int, question: int) -> pd.Series:
    """Which of `rows` are notifications `answer` that come when as many as we asked for by
    `question` have come already.
    """
    answers, asked = rows[rows["command"] == answer], view.sent[view.sent["command"] == question]
    both = pd.concat(
        [
            part[["message", "connection"]].assign(step=step, order=packet_order(part))
            for part, step in ((answers, -1), (asked, 1))
        ]
    )
    both = both.sort_values(
        ["connection", "order", "step"], ascending=[True, True, False], kind="stable"
    )
    short = both["step"].groupby(both["connection"]).cumsum() < 0
    return rows["message"].isin(both.loc[short & (both["step"] < 0), "message"])


@rule(
    "MT509",
    family="connections",
    weight="weak",
    unit="connection",
    cause="timed_sync",
    standard="A standard node sends a timed sync request every 60 s, and relays what it hears.",
    reason=(
        "only answered for {highest} s, without a request or notification of its own (flagged "
        "from {min_duration_s} s)"
    ),
    evasion="Ask every 60 s, as monerod does: more traffic.",
    source=(
        f"{_PROTOCOL} idle_worker, peer_sync_idle_maker: a 1002 request every 60 s on every "
        "connection"
    ),
)
def one_way_listener(
    view: View,
    *,
    min_duration_s: float = 240.0,
    min_answers: int = 3,
    min_s_per_hole: float = 120.0,
) -> pd.DataFrame:
    """For at least `min_duration_s` seconds after the handshake the peer answered at least
    `min_answers` of our 1002 requests, was sent notifications, and sent no 1002 request and no
    notification, on this or any other connection.

    240 s are twice the longest gaps that honest nodes show. A peer that relays nothing but keeps
    its timed sync does not count, nor does one that speaks on another connection. Where the capture
    has a hole per `min_s_per_hole` seconds or more in what the peer sent, its requests may have
    been lost. The measure is the duration in seconds.
    """
    table = connection_table(view)
    asked = requests(view)
    answers = (
        asked[(asked["direction"] == "sent") & (asked["command"] == 1002) & asked["answer"].notna()]
        .groupby("connection")
        .size()
    )
    table["answers"] = table["connection"].map(answers).fillna(0)
    noted = view.sent.loc[view.sent["kind"] == "notification", "connection"]
    listening = table["connection"].isin(noted) & (table["answers"] >= min_answers)
    heard = (table["last_received"] - table["answered"].fillna(table["opened"])).dt.total_seconds()
    # two requests a minute apart are two holes if they were lost, for the answers to ours lie
    # between them
    seen = table["holes"] * min_s_per_hole < heard
    mute = listening & seen & (table["initiative"] == 0) & (heard >= min_duration_s)
    speaking = set(table.loc[table["initiative"] > 0, "peer"])
    rows = table[mute & ~table["peer"].isin(speaking)]
    return observations(at_first_request(view, rows), heard[rows.index].to_numpy())


@rule(
    "MT511",
    family="connections",
    weight="context",
    unit="conflict",
    cause="conflicting_bytes",
    forgeable_by="off-path",
    standard="TCP repeats the same bytes under the same sequence numbers.",
    reason=(
        "has {observations:conflict} between copies of the same bytes (a standard node has none)"
    ),
    evasion="Send every byte once, or repeat it unchanged: free.",
    source=(
        "RFC 9293 sections 3.4 and 3.10.7.4: a sequence number stands for one byte, and what was "
        "received before is trimmed"
    ),
    known_false_positives=(
        "Third parties that inject segments with the peer's address, middleboxes that rewrite "
        "payloads, damaged captures, packets that the receiver dropped for a wrong checksum."
    ),
)
def conflicting_retransmission(view: View) -> pd.DataFrame:
    """Bytes that the peer sent before came again, under the same sequence numbers, with other
    contents (kind `conflict` in `problems`).

    TCP reads one of the copies, and a monitor may read another one: a spy can hide a message from
    it. Anyone who sees the connection, or guesses its sequence numbers, can inject one of the
    copies, so the finding is context. The measure is the number of bytes of the conflict; where
    only a digest of the first copy is left, all bytes of its segment count.
    """
    problems = view.problems
    rows = problems[(problems["kind"] == "conflict") & (problems["direction"] == "received")]
    return observations(rows, rows["bytes"])


def are_frequent(rows: pd.DataFrame, least: int, period_h: float | None) -> NDArray[np.bool_]:
    """Which rows of connection_table are among at least `least` of their peer that were opened
    within `period_h` hours; None: in the whole capture.
    """
    order = rows["opened"].sort_values(kind="stable").index
    opened = rows.loc[order, "opened"].groupby(rows.loc[order, "peer"], observed=True)
    period = pd.Timedelta.max if period_h is None else pd.Timedelta(hours=period_h)
    # where the next `least` are near, for each of them
    near = (opened.shift(1 - least) - rows.loc[order, "opened"] <= period).astype(int)
    begun = near.groupby(rows.loc[order, "peer"], observed=True).cumsum()
    before = begun.groupby(rows.loc[order, "peer"], observed=True).shift(least, fill_value=0)
    mask: NDArray[np.bool_] = (begun > before).reindex(rows.index).to_numpy(dtype=bool)
    return mask


@rule(
    "MT512",
    family="connections",
    weight="context",
    unit="prefix",
    cause="proxy",
    forgeable_by="off-path",
    standard="A standard node begins with Levin. The vantage node's own proxies are left out.",
    reason=(
        "sent {observations:proxy prefix|proxy prefixes} before Levin (a standard node sends none)"
    ),
    evasion="Send Levin from the first byte: free.",
    source=(
        "RFC 1928 (SOCKS 5), RFC 9110 section 9.3.6 (CONNECT), HAProxy's PROXY protocol; "
        "contrib/epee/include/net/levin_protocol_handler_async.h handle_recv closes the connection"
    ),
    known_false_positives=(
        "Load balancers and port forwarders that write a PROXY header, of nodes that do not expect "
        "one. The address is the proxy's, so the finding is not about the node that uses it."
    ),
)
def proxy_prefix_sent(view: View) -> pd.DataFrame:
    """The peer's bytes began with what a proxy reads or writes (kind `proxy_prefix` in `problems`):
    a request or an answer of SOCKS or CONNECT, or a PROXY header.

    Answers to a request of the vantage node are left out, and so are headers from
    `trusted_proxies=`. The measure is the number of bytes of the prefix.
    """
    problems = view.problems
    prefixes = problems[problems["kind"] == "proxy_prefix"]
    connections = view.connections
    trusted = connections["peer"].astype("str") == connections["proxied_host"].astype("str")
    own = set(prefixes.loc[prefixes["direction"] == "sent", "connection"])
    own.update(connections.loc[trusted, "connection"])
    rows = prefixes[(prefixes["direction"] == "received") & ~prefixes["connection"].isin(own)]
    return observations(rows, rows["bytes"])


@rule(
    "MT513",
    family="connections",
    weight="context",
    unit="connection",
    cause="encryption",
    forgeable_by="off-path",
    standard="A standard node does not encrypt: its P2P connections begin with Levin.",
    reason="spoke TLS on {observations:connection} (a standard node does not encrypt)",
    evasion="Speak Levin from the first byte: free.",
    source=(
        "src/p2p/net_node.inl: the P2P server is initialised with SSL disabled; RFC 8446 "
        "section 5.1: the record header"
    ),
    known_false_positives=(
        "Scanners that try TLS on every port, nodes in a TLS tunnel, experiments with "
        "encryption of P2P connections."
    ),
)
def tls_sent(view: View) -> pd.DataFrame:
    """The peer's bytes began with a TLS record (kind `tls` in `problems`), where Levin is expected.

    The contents are unknown, so the other rules say nothing of these connections. The measure is
    the number of bytes.
    """
    problems = view.problems
    rows = problems[(problems["kind"] == "tls") & (problems["direction"] == "received")]
    rows = rows.drop_duplicates("connection")
    return observations(rows, rows["bytes"])


def at_first_request(view: View, rows: pd.DataFrame) -> pd.DataFrame:
    """The first 1001 request, whole or not, of each connection in `rows`; the connection itself
    where it has no such request. Same order and number as `rows`.
    """
    messages = view.messages
    asked = (
        messages[(messages["command"] == 1001) & (messages["kind"] == "request")]
        .drop_duplicates("connection")
        .set_index("connection")
    )
    at = asked.index.get_indexer(rows["connection"])
    places = rows[["peer", "connection"]].copy()
    for name in ("message", "file", "frame"):
        places[name] = asked[name].astype("Int64").array.take(at, allow_fill=True)
    places["time"] = pd.Series(
        asked["time"].array.take(at, allow_fill=True), index=rows.index
    ).fillna(rows["opened"])
    return places
