"""Rules on the pace of timed syncs. Family `connections`.

Uses the metrics of monerotraffic.metrics.connections and timed_sync.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from monerotraffic.metrics.connections import connection_table, sync_gaps
from monerotraffic.metrics.timed_sync import peer_ticks, tick_pairs, time_steps
from monerotraffic.rules.connections import of_connection
from monerotraffic.rules.rule import Parameters, observations, rule
from monerotraffic.tables.view import View, positions

__all__ = ["shared_backend", "timed_sync_rapid", "timed_sync_throttled"]

_PROTOCOL = "src/p2p/net_node.inl"
_PUBLISHED_THROTTLED: Parameters = {
    "min_gaps": 1,
    "min_connection_s": 600.0,
    "own_regular": False,
    "mean_too": True,
    "max_spread_s": float("inf"),
}


@rule(
    "MT503",
    family="connections",
    weight="weak",
    unit="gap",
    cause="timed_sync",
    standard="monerod sends a timed sync request every 60 s on every connection.",
    reason=(
        "sent a timed sync request every {highest} s (median; flagged above {min_gap_s} s; a "
        "standard node sends one every 60 s)"
    ),
    evasion="Ask every 60 s, as monerod does: more traffic.",
    source=(
        f"{_PROTOCOL} idle_worker, peer_sync_idle_maker: every 60 s; arXiv 2509.10214, timed sync"
    ),
    known_false_positives="A node behind a slow proxy for hours.",
    paper="TS",
    presets={
        "arxiv-v1": _PUBLISHED_THROTTLED,
        "aft-2026": {**_PUBLISHED_THROTTLED, "min_gap_s": 120.0},
    },
)
def timed_sync_throttled(
    view: View,
    *,
    min_gap_s: float = 90.0,
    min_gaps: int = 3,
    min_connection_s: float = 0.0,
    own_regular: bool = True,
    max_own_gap_s: float = 75.0,
    mean_too: bool = False,
    max_spread_s: float = 10.0,
) -> pd.DataFrame:
    """The median of at least `min_gaps` gaps between the peer's 1002 requests on one connection is
    over `min_gap_s` seconds, and the longest gap is at most `max_spread_s` seconds longer than the
    shortest, while the median of ours on it is at most `max_own_gap_s`.

    monerod asks every 60 s, Cuprate every 61 s. A node short of peers, or behind a proxy, has gaps
    of 70 to 130 s, because its attempts to connect hold up the tick; they are irregular (of 93, 71
    and 126 s in the testbed), those of a longer interval are not. Only the
    peer's pace counts, and only where ours shows that the capture and the clock were sound
    (`own_regular`). Gaps in which the capture may lack a request are left out. The published
    variants ask for min(median, mean) (`mean_too`) on connections of more than `min_connection_s` =
    600 s. The measure is the median in seconds.
    """
    gaps = sync_gaps(view)
    theirs = gaps[(gaps["direction"] == "received") & ~gaps["disturbed"]]
    groups = theirs.groupby("connection")["seconds"]
    median, mean, size = (
        groups.transform("median"),
        groups.transform("mean"),
        groups.transform("size"),
    )
    level = np.minimum(median, mean) if mean_too else median
    table = connection_table(view)
    age = table["seconds"].to_numpy()[
        positions(table["connection"].to_numpy(), theirs["connection"].to_numpy())
    ]
    spread = groups.transform("max") - groups.transform("min")
    slow = (level > min_gap_s) & (size >= min_gaps) & (age > min_connection_s)
    slow &= spread <= max_spread_s
    if own_regular:
        ours = (
            gaps[(gaps["direction"] == "sent") & ~gaps["disturbed"]]
            .groupby("connection")["seconds"]
            .median()
        )
        slow &= of_connection(theirs, ours) <= max_own_gap_s
    rows = theirs[slow & (theirs["seconds"] > min_gap_s)]
    return observations(rows, level[rows.index])


@rule(
    "MT504",
    family="connections",
    weight="weak",
    unit="message",
    cause="timed_sync",
    standard=(
        "monerod waits more than 60 s between two timed sync requests, and never sends one "
        "while an answer is awaited."
    ),
    reason=(
        "sent {observations:timed sync request} too early, the earliest {lowest} s after the "
        "one before (a standard node waits {standard_gap_s} s)"
    ),
    evasion=(
        "Ask every 60 s: heights are seen later. Or ask early in less than a twentieth of the gaps."
    ),
    source=(
        f"{_PROTOCOL} idle_worker (more than 60 s), peer_sync_idle_maker (not while an answer is "
        "awaited)"
    ),
    since="0.14.1",
)
def timed_sync_rapid(
    view: View,
    *,
    standard_gap_s: float = 60.0,
    jitter_s: float = 10.0,
    min_gaps: int = 2,
    min_share: float = 0.05,
) -> pd.DataFrame:
    """1002 requests of the peer less than `standard_gap_s` - `jitter_s` seconds after the one
    before, at least `min_gaps` times and in `min_share` of the gaps on one connection; or one that
    came before the answer to the one before, which came later.

    A request that is late on its way shortens one gap. Two delays of 10 s are not expected of a
    TCP connection of an hour, but of one that lives for weeks, so there is a share. The second form
    needs no threshold: `peer_sync_idle_maker` leaves out connections that await an answer. It
    counts only on connections that were captured whole, because after a lost answer, answers and
    requests are out of step. In a capture whose packets are not in order the finding is context,
    because the times may be those of other packets. The measure is the gap in seconds.
    """
    gaps = sync_gaps(view)
    theirs = gaps[(gaps["direction"] == "received")]
    rapid = theirs["seconds"] < standard_gap_s - jitter_s
    by_connection = rapid.groupby(theirs["connection"])
    enough = (by_connection.transform("sum") >= min_gaps) & (
        by_connection.transform("mean") >= min_share
    )
    table = connection_table(view)
    # else an answer that was lost makes the next one look like it
    whole = theirs["connection"].isin(table.loc[table["whole"], "connection"])
    rows = theirs[(rapid & enough) | (theirs["early"] & whole)]
    return observations(rows, rows["seconds"], accuses=not view.whole.disordered)


@rule(
    "MT510",
    family="connections",
    weight="weak",
    unit="tick",
    cause="shared_clock",
    forgeable_by="another peer",
    standard="Each monerod has a timer of its own, which drifts against all others.",
    reason=(
        "sent its timed sync requests within {max_offset_s} s of those of {highest:other "
        "address|other addresses}, {observations:time} (flagged from "
        "{min_hosts:address|addresses} and {min_ticks:time})"
    ),
    evasion="Delay the requests of each address by a time of its own.",
    compares_peers=True,
    source=(
        f"{_PROTOCOL} idle_worker: one tick per process for all its connections, at a phase "
        "of its own"
    ),
    known_false_positives=(
        "Honest nodes started at the same second on one machine, with several addresses: pairs of "
        "such nodes stayed within 8 ms for eight ticks in the lab, three did not."
    ),
)
def shared_backend(
    view: View,
    *,
    min_hosts: int = 3,
    max_offset_s: float = 0.005,
    min_ticks: int = 5,
    min_together_share: float = 0.8,
    min_agreed_share: float = 0.9,
    min_heights: int = 2,
) -> pd.DataFrame:
    """At least `min_hosts` hosts, each of which sends its 1002 requests within `max_offset_s`
    seconds of those of each of `min_hosts` - 1 others of them, in at least `min_together_share` of
    at least `min_ticks` ticks, with the same height and top block in at least `min_agreed_share` of
    the ticks together, and `min_heights` different heights in all.

    Each process has its own phase and drifts against others, by about 20 to 30 ms a tick in the lab
    even on one machine. By chance three hosts take n³/6 · (2·0.005/60)² at any one moment for n
    peers (0.005 for 100), and then five ticks without drift. The requests of members go out within
    4 ms in the labelled capture. Proxies whose distances from the vantage node differ by more than
    5 ms are missed, and so is a backend with two addresses. Where the clock of the capture is
    coarser than a millisecond, nothing is flagged. Others can echo the ticks of an honest node, so
    the finding accuses only hosts half of whose ticks come after those of another member, and them
    only next to a cause of their own. The measure is the number of partners.
    """
    ticks = peer_ticks(view)
    if _coarse(view):
        return observations(ticks[:0])
    pairs = tick_pairs(view, max_offset_s)
    locked = (pairs["ticks"] >= min_ticks) & (
        pairs["together"] >= min_together_share * pairs["ticks"]
    )
    alike = (pairs["agreed"] >= min_agreed_share * pairs["together"]) & (
        pairs["heights"] >= min_heights
    )
    pairs = pairs[locked & alike]
    members = _core(pairs, min_hosts - 1)
    rows = ticks[ticks["site"].isin(members.index)]
    follows = _following(rows, max_offset_s)
    return observations(rows, rows["site"].map(members), accuses=rows["site"].isin(follows))


def _coarse(view: View) -> bool:
    """Whether the clock of the capture is coarser than a millisecond: all times are multiples of a
    longer step.
    """
    steps = time_steps(view)["step"].to_numpy()
    return len(steps) > 0 and int(np.gcd.reduce(steps)) > 1_000_000


def _following(ticks: pd.DataFrame, max_offset_s: float) -> frozenset[str]:
    """Sites of which at least half of the ticks come within the offset after one of another site:
    an echo comes after the original.
    """
    ticks = ticks.sort_values("time", kind="stable")
    near = ticks["time"].diff().dt.total_seconds() <= max_offset_s
    after = near & (ticks["site"] != ticks["site"].shift())
    share = after.groupby(ticks["site"]).mean()
    return frozenset(share.index[share >= 0.5])


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
