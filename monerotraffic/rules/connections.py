"""Rules on how peers behave on connections, and on how many. Family `connections`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from monerotraffic.metrics.connections import (
    connection_table,
    requests,
    short_lived_connections,
    sync_gaps,
)
from monerotraffic.metrics.timed_sync import peer_ticks, tick_pairs
from monerotraffic.rules.rule import Parameters, Rule, observations
from monerotraffic.tables.view import View, positions

__all__ = ["RULES"]

_ENDED = ("fin", "rst")
_HEADER = 33  # bytes of a Levin header


def _short_lived_series(view: View, parameters: Parameters) -> pd.DataFrame:
    rows = short_lived_connections(
        connection_table(view), parameters["seconds"], parameters["from_answer"]
    )
    counts = rows.groupby("peer", observed=True)["connection"].transform("size")
    rows = rows[counts > parameters["connections"]]
    return observations(_at_asked(view, rows), counts[rows.index].to_numpy())


def _at_asked(view: View, rows: pd.DataFrame) -> pd.DataFrame:
    """The first 1001 request, whole or not, of each of these connections; the connection itself
    where there is none. Same order and number as `rows`.
    """
    messages = view.messages
    asked = (
        messages[(messages["command"] == 1001) & (messages["kind"] == "request")]
        .drop_duplicates("connection")
        .set_index("connection")
    )
    at = asked.index.get_indexer(rows["connection"])
    made = rows[["peer", "connection"]].copy()
    for name in ("message", "file", "frame"):
        made[name] = asked[name].astype("Int64").array.take(at, allow_fill=True)
    made["time"] = pd.Series(
        asked["time"].array.take(at, allow_fill=True), index=rows.index
    ).fillna(rows["opened"])
    return made


def _ping_flood(view: View, parameters: Parameters) -> pd.DataFrame:
    received = view.received
    pings = received[(received["command"] == 1003) & (received["kind"] == "request")]
    counts = pings.groupby("connection")["message"].transform("size")
    found = counts > parameters["pings"]
    return observations(pings[found], counts[found])


# ---- timed sync


def _timed_sync_throttled(view: View, parameters: Parameters) -> pd.DataFrame:
    gaps = sync_gaps(view)
    theirs = gaps[(gaps["direction"] == "received") & ~gaps["disturbed"]]
    groups = theirs.groupby("connection")["seconds"]
    median, mean, size = (
        groups.transform("median"),
        groups.transform("mean"),
        groups.transform("size"),
    )
    level = np.minimum(median, mean) if parameters["mean_too"] else median
    table = connection_table(view)
    age = table["seconds"].to_numpy()[
        positions(table["connection"].to_numpy(), theirs["connection"].to_numpy())
    ]
    slow = (
        (level > parameters["seconds"])
        & (size >= parameters["gaps"])
        & (age > parameters["connection"])
    )
    if parameters["own_regular"]:
        ours = (
            gaps[(gaps["direction"] == "sent") & ~gaps["disturbed"]]
            .groupby("connection")["seconds"]
            .median()
        )
        slow &= _beside(theirs, ours) <= parameters["own_seconds"]
    rows = theirs[slow & (theirs["seconds"] > parameters["seconds"])]
    return observations(rows, level[rows.index])


def _timed_sync_rapid(view: View, parameters: Parameters) -> pd.DataFrame:
    gaps = sync_gaps(view)
    theirs = gaps[(gaps["direction"] == "received")]
    rapid = theirs["seconds"] < parameters["seconds"] - parameters["jitter"]
    enough = rapid.groupby(theirs["connection"]).transform("sum") >= parameters["gaps"]
    table = connection_table(view)
    # else an answer that was lost makes the next one look like it
    whole = theirs["connection"].isin(table.loc[table["whole"], "connection"])
    rows = theirs[(rapid & enough) | (theirs["early"] & whole)]
    return observations(rows, rows["seconds"])


# ---- handshakes


def _no_handshake(view: View, parameters: Parameters) -> pd.DataFrame:
    made = connection_table(view)
    silent = (
        (made["direction"] == "incoming")
        & made["whole"]
        & (made["peer_bytes"] == 0)
        & made["end"].isin(_ENDED)
    )
    rows = made[silent]
    often = (
        rows.groupby("peer", observed=True)["connection"].transform("size")
        >= parameters["connections"]
    )
    rows = rows[often | (rows["seconds"] >= parameters["seconds"])]
    return observations(rows, rows["seconds"])


def _handshake_incomplete(view: View, parameters: Parameters) -> pd.DataFrame:
    made = connection_table(view)
    made = made[made["whole"] & made["end"].isin(_ENDED)]
    cut, silent, reset = (
        _cut(view, made, parameters),
        _silent(view, made, parameters),
        _reset(view, made, parameters),
    )
    found = made[cut | silent | reset]
    often = (
        found.groupby("peer", observed=True)["connection"].transform("size")
        >= parameters["connections"]
    )
    found = found[often]
    return observations(_at_asked(view, found), found["seconds"].to_numpy())


def _cut(view: View, made: pd.DataFrame, parameters: Parameters) -> pd.Series:
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
    begun = made["connection"].isin(part["connection"]) | (
        made["connection"].isin(header["connection"]) & (made["received"] == 0)
    )
    return begun & (made["seconds"] >= parameters["patience"])


def _silent(view: View, made: pd.DataFrame, parameters: Parameters) -> pd.Series:
    """Our request on a connection that we opened, and not one byte for as long as we wait."""
    waited = (made["closed"] - made["asked"]).dt.total_seconds()
    return (
        (made["direction"] == "outgoing")
        & (made["handshake"] == "asked")
        & (made["peer_bytes"] == 0)
        & (waited >= parameters["patience"])
    )


def _reset(view: View, made: pd.DataFrame, parameters: Parameters) -> pd.Series:
    """The peer's whole request and nothing more, then its RST, before anything came from us or with
    our answer unread.

    A node that has read what came closes with FIN; its system sends RST where something is unread,
    so what else we sent must not count: nothing but the answer.
    Who reset a connection is told by the number of packets: ours were no more than SYN-ACK, the
    answer's and an ACK for each segment, so the RST was not among
    them, and the peer sent one more than SYN, ACK and its segments.
    """
    messages = view.messages[
        (view.messages["command"] == 1001) & view.messages["kind"].isin(["request", "response"])
    ]
    segments = messages.drop_duplicates(["connection", "from_client"]).set_index("connection")
    asked = segments[segments["from_client"]]
    theirs = made["connection"].map(asked["segments"]).fillna(0)
    ours = made["connection"].map(segments.loc[~segments["from_client"], "segments"]).fillna(0)
    nothing_more = (
        made["peer_bytes"] == made["connection"].map(asked["length"].astype("float64")) + _HEADER
    )
    by_peer = (made["own_packets"] <= 1 + theirs + ours) & (made["peer_packets"] >= 3 + theirs)
    quick = (made["closed"] - made["asked"]).dt.total_seconds() < parameters["patience"]
    only_answer = (made["own_bytes"] == 0) | (
        (made["handshake"] == "answered") & (made["sent"] == 1)
    )
    begun = made["asked"].notna() & (made["direction"] == "incoming")
    return begun & (made["end"] == "rst") & nothing_more & only_answer & by_peer & quick


# ---- requests and turns


def _request_unanswered(view: View, parameters: Parameters) -> pd.DataFrame:
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
    flags = (ours["command"] == 1007) & (waited >= parameters["flags_seconds"])
    rows = ours[whole & (flags | (heard > parameters["seconds"]))]
    return observations(rows, waited[rows.index])


def _out_of_turn(view: View, parameters: Parameters) -> pd.DataFrame:
    table = connection_table(view)
    table = table[table["whole"]].set_index("connection")
    received = view.received
    rows = received[
        received["connection"].isin(table.index)
        & received["kind"].notna()
        & (received["kind"] != "noise")
    ]
    incoming = _beside(rows, table["direction"] == "incoming")
    margin = pd.Timedelta(seconds=parameters["margin"])
    request = rows["kind"] == "request"
    asks = request & (rows["command"] == 1001)
    first = ~rows.duplicated("connection")

    own_first = view.sent.groupby("connection")["time"].min()
    speaks_first = ~incoming & first & ~(_beside(rows, own_first) <= rows["time"] + margin)
    begins = incoming & first & ~(request & rows["command"].isin((1001, 1003)))
    again = asks & (~incoming | (asks.groupby(rows["connection"]).cumsum() > 1))
    answered = _beside(rows, table["answered"])
    talk = (rows["kind"] == "notification") | (request & (rows["command"] == 1002))
    early = (
        incoming
        & ~first
        & talk
        & _beside(rows, table["asked"].notna())
        & (answered > rows["time"] + margin)
    )
    unasked = (rows["kind"] == "response") & (rows["reply_to"] < 0)
    found = speaks_first | begins | again | early | unasked
    for answer, question in ((2004, 2003), (2007, 2006)):
        found |= _uncalled(view, rows, answer, question)
    return observations(rows[found])


def _beside(rows: pd.DataFrame, by_connection: pd.Series) -> pd.Series:
    """The value of each row's connection."""
    return pd.Series(by_connection.reindex(rows["connection"]).array, index=rows.index)


def _uncalled(view: View, rows: pd.DataFrame, answer: int, question: int) -> pd.Series:
    """Which of `rows` are notifications `answer` that come when as many as we asked for by
    `question` have come already.
    """
    both = pd.concat(
        [
            rows.loc[rows["command"] == answer, ["message", "connection", "time"]].assign(step=-1),
            _asked(view, question),
        ]
    )
    both = both.sort_values(
        ["connection", "time", "step"], ascending=[True, True, False], kind="stable"
    )
    short = both["step"].groupby(both["connection"]).cumsum() < 0
    return rows["message"].isin(both.loc[short & (both["step"] < 0), "message"])


def _asked(view: View, question: int) -> pd.DataFrame:
    sent = view.sent
    return sent.loc[sent["command"] == question, ["message", "connection", "time"]].assign(step=1)


def _one_way_listener(view: View, parameters: Parameters) -> pd.DataFrame:
    table = connection_table(view)
    asked = requests(view)
    answers = (
        asked[(asked["direction"] == "sent") & (asked["command"] == 1002) & asked["answer"].notna()]
        .groupby("connection")
        .size()
    )
    table["answers"] = table["connection"].map(answers).fillna(0)
    noted = view.sent.loc[view.sent["kind"] == "notification", "connection"]
    listening = table["connection"].isin(noted) & (table["answers"] >= parameters["answers"])
    heard = (table["last_received"] - table["answered"].fillna(table["opened"])).dt.total_seconds()
    # two requests a minute apart are two holes if they were lost, for the answers to ours lie
    # between them
    seen = table["holes"] * parameters["per_hole"] < heard
    mute = listening & seen & (table["initiative"] == 0) & (heard >= parameters["seconds"])
    speaking = set(table.loc[table["initiative"] > 0, "peer"])
    rows = table[mute & ~table["peer"].isin(speaking)]
    return observations(_at_asked(view, rows), heard[rows.index].to_numpy())


# ---- one clock


def _shared_backend(view: View, parameters: Parameters) -> pd.DataFrame:
    pairs = tick_pairs(view, parameters["window"])
    locked = (pairs["ticks"] >= parameters["ticks"]) & (
        pairs["together"] >= parameters["share"] * pairs["ticks"]
    )
    alike = (pairs["agreed"] >= parameters["agreed"] * pairs["together"]) & (
        pairs["heights"] >= parameters["heights"]
    )
    members = _core(pairs[locked & alike], parameters["hosts"] - 1)
    ticks = peer_ticks(view)
    rows = ticks[ticks["site"].isin(members.index)]
    return observations(rows, rows["site"].map(members))


def _core(pairs: pd.DataFrame, least: int) -> pd.Series:
    """By site, how many others of the largest set in which each is paired with at least `least`
    others.
    """
    while True:
        partners = pd.concat([pairs["left"], pairs["right"]]).value_counts()
        few = partners.index[partners < least]
        if not len(few):
            return partners
        pairs = pairs[~pairs["left"].isin(few) & ~pairs["right"].isin(few)]


_PROTOCOL = "src/p2p/net_node.inl"

RULES: tuple[Rule, ...] = (
    Rule(
        name="short_lived_series",
        family="connections",
        weight="weak",
        unit="connection",
        definition="More than `connections` connections with a whole handshake from one host that are over in less than `seconds`, counted from our answer "
        "(`from_answer`) or from the SYN.",
        source=f"arXiv 2509.10214, section on short-lived connections; {_PROTOCOL} gray_peerlist_housekeeping: one random peer a minute",
        observe=_short_lived_series,
        paper="SlC",
        parameters={"connections": 10, "seconds": 1.0, "from_answer": True},
        presets={"arxiv-v1": {"from_answer": False}, "aft-2026": {"from_answer": False}},
    ),
    Rule(
        name="ping_flood",
        family="connections",
        weight="strong",
        unit="message",
        definition="More than `pings` 1003 requests of the peer on one connection.",
        source=f"{_PROTOCOL} try_ping: one ping on a connection of its own, then it closes; arXiv 2509.10214, section on ping flooding",
        observe=_ping_flood,
        paper="Ping",
        parameters={"pings": 1},
        presets={"arxiv-v1": {"pings": 2}, "aft-2026": {"pings": 2}},
    ),
    Rule(
        name="timed_sync_throttled",
        family="connections",
        weight="weak",
        unit="gap",
        definition="The median of at least `gaps` gaps between the peer's 1002 requests on one connection is over `seconds`, while that of ours on it is "
        "`own_seconds` at most.",
        source=f"{_PROTOCOL} idle_worker, peer_sync_idle_maker: every 60 s; arXiv 2509.10214, section on timed sync",
        observe=_timed_sync_throttled,
        holds="monerod (60 s), Cuprate (61 s); a node short of peers or behind a proxy has gaps of 70 to 120 s now and then",
        paper="TS",
        parameters={
            "seconds": 90.0,
            "gaps": 3,
            "connection": 0.0,
            "own_regular": True,
            "own_seconds": 75.0,
            "mean_too": False,
        },
        presets={
            "arxiv-v1": {"gaps": 1, "connection": 600.0, "own_regular": False, "mean_too": True},
            "aft-2026": {
                "seconds": 120.0,
                "gaps": 1,
                "connection": 600.0,
                "own_regular": False,
                "mean_too": True,
            },
        },
    ),
    Rule(
        name="timed_sync_rapid",
        family="connections",
        weight="weak",
        unit="message",
        definition="1002 requests of the peer less than `seconds` - `jitter` after the one before, at least `gaps` times on one connection, or one that came "
        "before the answer to the one before, which came later.",
        source=f"{_PROTOCOL} idle_worker (more than 60 s), peer_sync_idle_maker (not while an answer is awaited)",
        observe=_timed_sync_rapid,
        holds="monerod 0.14.1 and later, Cuprate (61 s)",
        parameters={"seconds": 60.0, "jitter": 10.0, "gaps": 2},
    ),
    Rule(
        name="no_handshake",
        family="connections",
        weight="context",
        unit="connection",
        definition="TCP connections to the node that end without one byte of the peer, at least `connections` of them or one of `seconds` or more.",
        source=f"{_PROTOCOL} try_to_connect_and_handshake_with_new_peer, try_ping: who connects speaks at once",
        observe=_no_handshake,
        parameters={"connections": 2, "seconds": 5.0},
    ),
    Rule(
        name="handshake_incomplete",
        family="connections",
        weight="weak",
        unit="connection",
        definition="At least `connections` connections on which the peer left the handshake unfinished: its 1001 cut and not continued within `patience` "
        "seconds; no byte in answer to ours for `patience` seconds; its own RST after its request, before anything came from us.",
        source="src/cryptonote_config.h P2P_DEFAULT_HANDSHAKE_INVOKE_TIMEOUT (5 s); arXiv 2509.10214, incomplete handshakes",
        observe=_handshake_incomplete,
        paper="incomplete_hs",
        parameters={"connections": 2, "patience": 4.5},
        presets={"arxiv-v1": {"connections": 1}, "aft-2026": {"connections": 1}},
    ),
    Rule(
        name="request_unanswered",
        family="connections",
        weight="weak",
        unit="message",
        definition="A 1002 request of ours without an answer, though the peer sent other messages on that connection more than `seconds` later; a 1007 request "
        "without an answer on a connection that stayed for `flags_seconds`.",
        source=f"{_PROTOCOL} handle_timed_sync, handle_get_support_flags; src/cryptonote_config.h P2P_DEFAULT_INVOKE_TIMEOUT (120 s)",
        observe=_request_unanswered,
        holds="monerod (1007: 0.10 and later)",
        parameters={"seconds": 120.0, "flags_seconds": 4.5},
    ),
    Rule(
        name="out_of_turn",
        family="connections",
        weight="strong",
        unit="message",
        definition="Who accepted speaks first; who connected begins with neither 1001 nor 1003; a 1001 request from who accepted, or a second one; a "
        "notification or 1002 request before our 1001 response; a response to no request; 2004 or 2007 without 2003 or "
        "2006. Only on connections captured whole.",
        source=f"{_PROTOCOL} do_handshake_with_peer, handle_handshake, peer_sync_idle_maker; src/cryptonote_protocol/cryptonote_protocol_handler.inl",
        observe=_out_of_turn,
        holds="all versions of monerod, Cuprate",
        parameters={"margin": 0.01},
    ),
    Rule(
        name="one_way_listener",
        family="connections",
        weight="weak",
        unit="connection",
        definition="For `seconds` after the handshake and longer the peer answered at least `answers` of our 1002 requests, was sent notifications, and sent "
        "no 1002 request and no notification of its own, on this or any other connection.",
        source=f"{_PROTOCOL} idle_worker, peer_sync_idle_maker: a 1002 request every 60 s on every connection",
        observe=_one_way_listener,
        holds="monerod, Cuprate",
        parameters={"seconds": 240.0, "answers": 3, "per_hole": 120.0},
    ),
    Rule(
        name="shared_backend",
        family="connections",
        weight="strong",
        unit="tick",
        definition="At least `hosts` hosts, each of which sends its 1002 requests within `window` seconds of those of each of `hosts` - 1 others of them, in "
        "at least `share` of at least `ticks` ticks, saying the same height and top block in at least `agreed` of these, and `heights` different "
        "heights in all.",
        source=f"{_PROTOCOL} idle_worker: one tick per process for all its connections, at a phase of its own",
        observe=_shared_backend,
        parameters={
            "hosts": 3,
            "window": 0.005,
            "ticks": 5,
            "share": 0.8,
            "agreed": 0.9,
            "heights": 2,
        },
    ),
)
