"""Rules on how messages are cut into TCP segments and Levin fragments. Family `fragmentation`.

Uses the metrics of monerotraffic.metrics.fragmentation; knows no other family.
"""

from __future__ import annotations

import pandas as pd

from monerotraffic.metrics.fragmentation import levin_fragments as fragmented
from monerotraffic.metrics.fragmentation import segmentation
from monerotraffic.rules.rule import PUBLISHED, observations, rule
from monerotraffic.tables.view import View

__all__ = ["header_alone", "levin_fragments", "over_fragmented", "signature_alone"]

_FINALIZE = "contrib/epee/src/levin_base.cpp message_writer::finalize"


@rule(
    "MT201",
    family="fragmentation",
    weight="strong",
    unit="message",
    cause="segmentation",
    standard=(
        "monerod writes header and body with one system call, so a first segment never ends "
        "after the 8 bytes of the signature."
    ),
    reason=(
        "sent {observations:message} whose first segment holds only the 8 signature bytes (a "
        "standard node sends none)"
    ),
    evasion="Write header and body with one system call: free.",
    source=f"{_FINALIZE}; arXiv 2509.10214, packet fragmentation",
    paper="Sig",
    presets=PUBLISHED,
)
def signature_alone(view: View) -> pd.DataFrame:
    """A message whose first segment holds exactly its 8 signature bytes, and nothing of the message
    before it.

    Header and body are one buffer since 0.15, and were two writes (33 bytes and the rest) before.
    A full segment that ends 8 bytes into a message holds the end of the message before, so it does
    not count. The published code asks for a TCP segment of 8 bytes, which is the same condition
    where messages are not coalesced.
    """
    rows = segmentation(view)
    return observations(rows[rows["signature_alone"]])


@rule(
    "MT202",
    family="fragmentation",
    weight="strong",
    unit="message",
    cause="segmentation",
    standard=(
        "Since 0.15, monerod writes header and body with one system call, so a first segment "
        "never ends after the 33 bytes of the header."
    ),
    reason=(
        "sent {observations:message} whose first segment holds only the 33 header bytes (a "
        "standard node sends none)"
    ),
    evasion="Write header and body with one system call: free.",
    source=_FINALIZE,
    since="0.15.0",
    known_false_positives="Versions 0.14.1 and older wrote the header by itself.",
)
def header_alone(view: View) -> pd.DataFrame:
    """A message with a body whose first segment holds exactly its 33 header bytes, and nothing of
    the message before it.

    Header and body are one buffer since 0.15, and in Cuprate.
    """
    rows = segmentation(view)
    return observations(rows[rows["header_alone"]])


@rule(
    "MT203",
    family="fragmentation",
    weight="weak",
    unit="message",
    cause="segmentation",
    standard="monerod writes a message at once, and TCP cuts it only where a segment is full.",
    reason=(
        "cut {observations:message} into up to {highest:time} the segments that TCP needs "
        "(flagged from {min_segment_ratio}, in {min_messages:message} or more)"
    ),
    evasion="Write each message with one system call: free.",
    source=(
        "contrib/epee/include/net/abstract_tcp_server2.inl (Nagle's algorithm is left on, a "
        "message "
        "is one buffer); RFC 9293, sections 3.7.1 and 3.8.6.2"
    ),
    known_false_positives=(
        "A path that cuts segments below 536 bytes, or a middlebox that cuts them."
    ),
)
def over_fragmented(
    view: View,
    *,
    min_segment_ratio: float = 2.0,
    min_messages: int = 3,
    min_share: float = 0.1,
) -> pd.DataFrame:
    """Messages in at least `min_segment_ratio` times the segments that a path with the smallest MTU
    needs: at least `min_messages` of them, and `min_share` of the peer's messages.

    monerod writes a message at once, and TCP cuts where a segment is full. The reference is the
    column `floor` of the metric `segmentation`, a bound from TCP and not from a capture: no path
    carries less than 536 bytes in a segment (RFC 9293), less at most 40 of options. Loss does not
    raise the number of segments, since a retransmission brings nothing new or what is still
    missing. A window that is nearly closed does: a sender may send half of the largest window that
    it saw (RFC 9293, section 3.8.6.2.1). Overlapping retransmissions can double the number at most,
    so the ratio is 2. No message of a monerod in the labelled captures, which include loss, overlap
    and an MTU of 576, is over 1.0. One message may be cut by accident, so three of them and a tenth
    of what the peer sends; a writer in pieces cuts all of them.

    A first segment with just the signature or the header does not count, because it has rules of
    its own. The measure is segments ÷ floor.
    """
    rows = segmentation(view)
    cut_off = rows["signature_alone"] | rows["header_alone"]
    ratio = (rows["segments"] - cut_off) / rows["floor"]
    over = ratio >= min_segment_ratio
    peers = rows["peer"].astype(object)
    count = over.groupby(peers).transform("sum")
    share = over.groupby(peers).transform("mean")
    flagged = over & (count >= min_messages) & (share >= min_share)
    return observations(rows[flagged], ratio[flagged])


@rule(
    "MT204",
    family="fragmentation",
    weight="strong",
    unit="message",
    cause="levin_fragments",
    standard="monerod cuts messages into Levin fragments, and sends noise, for Tor and I2P only.",
    reason=(
        "sent {observations:message} as Levin fragments or noise, up to {highest:fragment} each "
        "(a standard node on clearnet sends none)"
    ),
    evasion="Send messages whole: free.",
    source="src/cryptonote_protocol/levin_notify.cpp: noise and fragments only for Tor and I2P",
    since="0.15.0",
    known_false_positives="A proxy of a hidden service on another machine.",
)
def levin_fragments(view: View) -> pd.DataFrame:
    """A message joined from Levin fragments, a noise message, or a stray fragment, on clearnet.

    monerod and Cuprate make fragments and noise for Tor and I2P only, whose connections arrive from
    a proxy at a loopback address. The measure is the number of fragments.
    """
    rows = fragmented(view)
    rows = rows[~rows["peer"].isin(view.loopback)]
    return observations(rows, rows["fragments"])
