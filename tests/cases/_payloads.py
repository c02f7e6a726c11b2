"""Conversations around one payload."""

from __future__ import annotations

from typing import Any

from support import craft
from support.craft import pcap

from ._build import CLIENT, HELLO, PING, PONG, SYNC, Wire
from ._case import Expect, request, response

TOP = 2**64 - 1


def talked(*buckets: bytes, side: int = CLIENT) -> dict[str, bytes]:
    """One conversation: the first bucket from the client, the others in turn; each in segments that
    fit.
    """
    wire = Wire()
    talk = wire.talk()
    for i, bucket in enumerate(buckets):
        talk.cuts((side + i) % 2, bucket, *[60_000] * (len(bucket) // 60_000))
    return {"a.pcap": pcap(wire.packets)}


def welcomed(peers: list[dict[str, Any]], **columns: Any) -> Expect:
    """A handshake whose response holds these entries."""
    return Expect(
        talked(HELLO, craft.response(1001, craft.handshake_response(peers))),
        messages=[request(1001, id="h"), response(1001, reply="h")],
        totals={},
        **columns,
    )


def refused(command: int, payload: bytes) -> Expect:
    """As an answer to a request of that command, between others; no row comes of it."""
    asked = {1001: HELLO, 1002: SYNC, 1003: PING, 1007: craft.request(1007)}[command]
    return Expect(
        talked(asked, craft.response(command, payload), PING, PONG),
        messages=[
            request(command, id="a"),
            response(command, status="malformed", reply="a"),
            request(1003, id="p"),
            response(1003, reply="p"),
        ],
        totals={"malformed": 33 + len(payload)},
        peer_lists=[],
    )
