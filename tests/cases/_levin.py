"""Conversations that begin with a handshake."""

from __future__ import annotations

from ._build import (
    CLIENT,
    HELLO,
    SERVER,
    WELCOME,
    Talk,
    Wire,
)
from ._case import request, response


def started() -> tuple[Wire, Talk]:
    """Hands are shaken in frames 4 and 5."""
    wire = Wire()
    return wire, wire.talk().say(CLIENT, HELLO).say(SERVER, WELCOME)


SHAKEN = [
    request(1001, frame=4, name="HANDSHAKE", length=262, id="hello"),
    response(1001, frame=5, length=262, reply="hello"),
]
