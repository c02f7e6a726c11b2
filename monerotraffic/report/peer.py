"""All that a capture shows of one peer: its connections, what it announced, and its findings.

Used by `monerotraffic findings --peer`. Knows no rule by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from monerotraffic.errors import printable
from monerotraffic.report.summary import clock, counted, records, span_text
from monerotraffic.rules import RULES
from monerotraffic.tables.traffic import Traffic

__all__ = ["format_peer", "peer_to_dict"]

_PLACES = 5


def peer_to_dict(traffic: Traffic, peer: str) -> dict[str, Any] | None:
    """Returns the facts of a peer as values for JSON; None if it has no connection.

    `connections` (their number by direction, and `seconds` of connection time), `span` (first and
    last packet), `messages` received from it and sent to it, `names` (its messages by command),
    `peer_ids` (16 hexadecimal digits) and `ports` that it announced.
    """
    links = traffic.connections
    links = links[links["peer"].astype(object) == peer]
    if links.empty:
        return None
    messages = traffic.messages
    messages = messages[messages["connection"].isin(links["connection"])]
    received = messages[messages["direction"] == "received"]
    nodes = traffic.node_data
    nodes = nodes[nodes["message"].isin(received["message"])]
    incoming = links["direction"] == "incoming"
    first, last = links["opened"].min(), links["closed"].max()
    names = received.groupby("name", observed=True).size().rename("messages").reset_index()
    return {
        "peer": peer,
        "connections": {
            "incoming": int(incoming.sum()),
            "outgoing": int((links["direction"] == "outgoing").sum()),
            "seconds": float((links["closed"] - links["opened"]).dt.total_seconds().sum()),
        },
        "span": {
            "first": None if pd.isna(first) else first.isoformat(),
            "last": None if pd.isna(last) else last.isoformat(),
            "seconds": 0.0 if pd.isna(last - first) else (last - first).total_seconds(),
        },
        "messages": {
            "received": len(received),
            "sent": int((messages["direction"] == "sent").sum()),
        },
        "names": records(names.sort_values("messages", ascending=False, kind="stable")),
        "peer_ids": [f"{int(one):016x}" for one in nodes["peer_id"].dropna().unique()],
        "ports": [int(one) for one in nodes["my_port"].dropna().unique()],
    }


def format_peer(peer: Mapping[str, Any], numbers: Mapping[str, Any]) -> str:
    """Returns the facts and the findings of a peer as text. `numbers` are those of
    findings_to_dict for the findings of this peer.
    """
    links, messages = peer["connections"], peer["messages"]
    verdict = numbers["verdicts"][0] if numbers["verdicts"] else None
    facts = {
        "peer": printable(peer["peer"]),
        "verdict": "no finding" if verdict is None else _verdict(verdict),
        "seen": span_text(peer["span"]),
        "connections": f"{links['incoming']:,} incoming, {links['outgoing']:,} outgoing, "
        f"{links['seconds']:,.1f} s in all",
        "messages": f"{messages['received']:,} received, {messages['sent']:,} sent",
        "commands": ", ".join(f"{one['name']} {one['messages']:,}" for one in peer["names"]) or "-",
        "peer ids": ", ".join(peer["peer_ids"]) or "-",
        "ports": ", ".join(str(port) if port else "hidden" for port in peer["ports"]) or "-",
    }
    parts = [_lines(facts.items(), "")]
    for row in numbers["findings"]:
        parts.append(
            f"{row['rule']} ({row['id']}, {row['weight']})\n" + _lines(_finding(row), "  ")
        )
    return "\n\n".join(parts) + "\n"


def _verdict(row: Mapping[str, Any]) -> str:
    causes = f", for {', '.join(row['causes'])}" if row["causes"] else ""
    return f"{row['verdict']}, score {row['score']:.3f}{causes}"


def _finding(row: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    rule = RULES.get(row["rule"])
    yield "reason", printable(row["reason"])
    if rule is not None:
        yield "standard node", rule.standard
    yield "counted", counted(row["observations"], row["unit"])
    if row["first_time"] is not None:
        times = dict.fromkeys((clock(row["first_time"]), clock(row["last_time"])))
        yield "when", f"{' to '.join(times)} UTC"
    if row["places"]:
        more = len(row["places"]) - _PLACES
        places = ", ".join(map(printable, row["places"][:_PLACES]))
        yield "frames", places + (f" and {more} more" if more > 0 else "")
    if row["display_filter"]:
        yield "filter", printable(row["display_filter"])


def _lines(facts: Iterable[tuple[str, str]], indent: str) -> str:
    return "\n".join(f"{indent}{name:14} {value}" for name, value in facts)
