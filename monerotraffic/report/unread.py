"""What a capture does not show: packets that were not read although they may hold Monero traffic
(encrypted or unknown tunnels and link layers), and messages that are no evidence.

Used by the commands and the page, so that a capture of which nothing was seen does not look like an
empty one, and one that allows no verdict not like one of honest peers.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from monerotraffic.tables.traffic import Traffic

__all__ = ["unaccepted_lines", "unread_lines"]

_NEVER_TCP = re.compile(
    r"\((ARP|Wake-on-LAN|CDP|DTP|RARP or SLARP|Ethernet flow control|slow protocols"
    r"|PPPoE discovery|802\.1X|LLDP|PTP|CFM|loopback test|ICMP|ICMPv6|IGMP|RSVP|EIGRP|OSPF|PIM|VRRP"
    r"|spanning tree|LCP|LQR|PAP|CHAP|IPCP|IPV6CP|CCP)\)|802\.11 frame without data"
)
"""Reasons of skipped packets that carry no TCP."""
_UDP = re.compile(r"^IP protocol 17 \(UDP\)")
"""Every host sends some: reported only where the capture has no Monero message."""
_COUNT = re.compile(r"^(\d+) packets? without TCP: ")
_FEWEST_BYTES, _SHORTEST_PACKET = 1000, 80
"""From how many bytes in all and per packet packets may be those of Monero connections."""
_FEWEST_MESSAGES = 10
"""From how many messages of peers the share of accepted ones is reported."""


def unaccepted_lines(traffic: Traffic) -> list[str]:
    """A line if fewer than half of the messages of peers are known to be accepted, so that the
    rules can judge hardly anyone. No line where the messages are not there (parts of a data set).
    """
    if "messages" not in traffic.arrays:
        return []
    messages = traffic.messages
    received = messages[messages["direction"] == "received"]
    doubtful = received[received["accepted"] != "yes"]
    if len(received) < _FEWEST_MESSAGES or 2 * len(doubtful) <= len(received):
        return []
    connections = traffic.connections
    tunnelled = connections.loc[connections["tunnel"].notna(), "connection"]
    in_tunnels = int(np.isin(doubtful["connection"], tunnelled).sum())
    why = (
        "they came through tunnels (--trusted-tunnel names the ends of your own)"
        if 2 * in_tunnels > len(doubtful)
        else "its acknowledgements are not in the capture, which may hold one direction only"
    )
    return [
        f"{len(doubtful):,} of {len(received):,} messages of peers are not known to be accepted by "
        f"the vantage node, so they are no evidence against anyone: {why}"
    ]


def unread_lines(traffic: Traffic) -> list[str]:
    """One line per reason for which packets were skipped that may hold Monero traffic, the most
    bytes first. Needs no table but those that are always decoded.
    """
    problems = traffic.problems
    skipped = problems[problems["kind"] == "skipped"]
    details = skipped["detail"].astype(str)
    rows = pd.DataFrame(
        {
            "reason": details.str.replace(_COUNT, "", regex=True),
            "packets": pd.to_numeric(details.str.extract(_COUNT)[0]).fillna(1).astype("int64"),
            "bytes": skipped["bytes"],
            "frame": skipped["frame"],
        }
    )
    reasons = (
        rows.groupby("reason")
        .agg(packets=("packets", "sum"), bytes=("bytes", "sum"), frame=("frame", "first"))
        .sort_values("bytes", ascending=False, kind="stable")
    )
    connections = traffic.arrays["connections"]
    has_messages = bool((connections["client_messages"] + connections["server_messages"]).any())
    return [
        f"{row.packets:,} packets ({row.bytes:,} bytes, the first is frame {row.frame}) were not"
        f" read and may hold Monero traffic: {reason}"
        for reason, row in zip(reasons.index, reasons.itertuples(), strict=True)
        if not _NEVER_TCP.search(reason)
        and not (has_messages and _UDP.search(reason))
        and row.bytes >= _FEWEST_BYTES
        and row.bytes >= _SHORTEST_PACKET * row.packets
    ]
