"""Conversations with holes."""

from __future__ import annotations

from ._build import (
    CLIENT,
    PING,
    PONG,
    SERVER,
    Talk,
    Wire,
    news,
)
from ._case import request, response

BODY = news(1000)  # 1033 bytes


def started() -> tuple[Wire, Talk]:
    """A conversation with one ping of the client (frame 4) and its pong (frame 5)."""
    wire = Wire()
    return wire, wire.talk().say(CLIENT, PING).say(SERVER, PONG)


BEGUN = [request(1003, frame=4, id="first"), response(1003, frame=5, reply="first")]
