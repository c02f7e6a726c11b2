"""A ping and its pong, as a capture file."""

from __future__ import annotations

from typing import Any

from ._build import (
    CLIENT,
    MILLISECOND,
    PING,
    PONG,
    SERVER,
    START,
    T,
    Wire,
)
from ._case import Row, request, response


def ping(start: int = START, step: int = MILLISECOND, port: int = 40000) -> Wire:
    """Eight packets: three to open, ping in the fourth, pong in the fifth, three to close."""
    wire = Wire(clock=start, step=step)
    talk = wire.talk(port)
    talk.say(CLIENT, PING).say(SERVER, PONG).close()
    return wire


def pinged(
    times: tuple[int | None, int | None] | None = (T(4), T(5)), first: int = 4, **columns: Any
) -> list[Row]:
    """The two messages of `ping`."""
    stamps: list[dict[str, Any]] = (
        [{}, {}] if times is None else [{"time": time, "end_time": time} for time in times]
    )
    return [
        request(
            1003, length=10, frame=first, end_frame=first, id=f"ping{first}", **stamps[0], **columns
        ),
        response(
            1003,
            length=38,
            frame=first + 1,
            end_frame=first + 1,
            reply=f"ping{first}",
            **stamps[1],
            **columns,
        ),
    ]


def a(content: bytes, name: str = "a.pcap") -> dict[str, bytes]:
    return {name: content}
