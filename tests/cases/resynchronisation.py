"""The next sound header after a hole, and captures that begin in the middle of a connection."""

from __future__ import annotations

from support import craft

from ._build import (
    CLIENT,
    FLAGGED,
    FLAGS,
    PING,
    PONG,
    SERVER,
    SYNC,
    SYNCED,
    WELCOME,
    Wire,
    news,
    seen,
)
from ._case import ANY, Expect, case, cases, message, notification, request, response
from ._holes import BEGUN, BODY, started

# ---------------------------------------------------------------- the next sound header


UNSOUND = {
    "version": craft.bucket(1003, craft.EMPTY, expect=1, version=2),
    "command": craft.bucket(3000, craft.EMPTY),
    "expect": craft.bucket(1003, craft.EMPTY, expect=2),
    "flags": craft.bucket(1003, craft.EMPTY, expect=1, flags=3),
    "length": craft.bucket(1003, craft.EMPTY, expect=1, length=1 << 40),
    "length-of-command": craft.bucket(1003, craft.EMPTY, expect=1, length=5000),
    "no-epee": craft.bucket(1003, b"not epee at all", expect=1),
    "signature-alone": craft.SIGNATURE * 5,
    "signature-cut": craft.SIGNATURE[:7],
}


@cases({name: (content,) for name, content in UNSOUND.items()})
def not_a_sound_header(content: bytes) -> Expect:
    """Behind a hole in a header: these bytes look like a message and are none; the next one is."""
    wire, talk = started()
    talk.say(CLIENT, BODY[:5]).lose(CLIENT, 100).say(
        CLIENT, b"\x77" * 50 + content + b"\x66" * 20 + SYNC
    ).say(CLIENT, PING)
    return Expect(
        seen(wire),
        messages=[*BEGUN, request(1002, frame=7), request(1003, frame=8)],
        totals={"lost": 100, "unframed": 5 + 70 + len(content)},
    )


@cases(
    {
        "in-the-signature": 3,
        "behind-the-signature": 8,
        "in-the-header": 20,
        "behind-the-header": 33,
        "in-the-epee-magic": 37,
    }
)
def sound_header_cut_by_segments(size: int) -> Expect:
    """Behind a hole, a header that arrives in two segments is one."""
    wire, talk = started()
    talk.lose(CLIENT, 100).say(CLIENT, b"\x77" * 50 + SYNC[:size]).say(CLIENT, SYNC[size:]).say(
        CLIENT, PING
    )
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            request(1002, frame=6, end_frame=7, segments=2, first_segment=size),
            request(1003, frame=8),
        ],
        totals={"lost": 100, "unframed": 50},
    )


@case
def sound_header_of_every_kind() -> Expect:
    """Each is found behind a hole of its own: requests, responses, notifications, refusals without
    a body, noise.
    """
    wire, talk = started()
    kinds = [PING, PONG, news(100), craft.response(1002, b"", -1), craft.noise(200), FLAGGED]
    for kind in kinds:
        talk.lose(CLIENT, 10).say(CLIENT, b"\x01" * 5 + kind)
    return Expect(
        seen(wire),
        messages=[
            *BEGUN,
            request(1003, frame=6),
            response(1003, frame=7, reply=ANY),
            notification(2002, frame=8),
            response(1002, frame=9, return_code=-1, length=0, reply=ANY),
            message(0, "noise", frame=10, levin_flags=12, length=167),
            response(1007, frame=11, reply=ANY),
        ],
        totals={"lost": 60, "unframed": 30},
    )


@case
def whole_messages_within_a_broken_body_are_not_believed() -> Expect:
    """A transaction may contain anything. The header before the hole tells how far the body
    reaches.
    """
    wire, talk = started()
    inner = news(1000, PING)
    talk.say(CLIENT, inner[:300]).lose(CLIENT, 200).say(CLIENT, inner[500:]).say(CLIENT, SYNC)
    return Expect(
        seen(wire),
        messages=[*BEGUN, notification(2002, status="gap", captured=800), request(1002, frame=8)],
        totals={"lost": 200, "gap": 833},
    )


# ---------------------------------------------------------------- captures that begin in the middle


@case
def midstream_at_a_message() -> Expect:
    wire = Wire()
    wire.talk(opened=False).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=1, id="p"), response(1003, frame=2, reply="p")],
        connections=[{"start": "midstream", "client_lost": 0, "server_lost": 0}],
        totals={},
    )


@case
def midstream_in_a_body() -> Expect:
    wire = Wire()
    wire.talk(opened=False).say(CLIENT, BODY[400:900]).say(CLIENT, BODY[900:] + PING).say(
        CLIENT, SYNC
    )
    return Expect(
        seen(wire),
        messages=[request(1003, frame=2, first_segment=43), request(1002, frame=3)],
        connections=[{"start": "midstream", "client_bytes": 633 + 43 + 205}],
        totals={"unframed": 633},
    )


@cases([1, 7, 8, 20, 32])
def midstream_in_a_header(size: int) -> Expect:
    wire = Wire()
    wire.talk(opened=False).say(CLIENT, BODY[size:]).say(CLIENT, PING)
    return Expect(seen(wire), messages=[request(1003, frame=2)], totals={"unframed": 1033 - size})


@case
def midstream_after_a_header() -> Expect:
    """The first captured byte is the first of a body, which looks like nothing else than epee."""
    wire = Wire()
    wire.talk(opened=False).say(SERVER, WELCOME[33:]).say(CLIENT, PING).say(SERVER, PONG)
    return Expect(
        seen(wire),
        messages=[request(1003, frame=2, id="p"), response(1003, frame=3, reply="p")],
        totals={"unframed": 262},
    )


@case
def midstream_in_both_directions() -> Expect:
    """The answer of a request that was sent before the capture began answers nothing in it; nor may
    it be taken for another's.
    """
    wire = Wire()
    wire.talk(opened=False).say(SERVER, BODY[900:]).say(SERVER, SYNCED).say(CLIENT, PING[40:]).say(
        CLIENT, FLAGS
    ).say(SERVER, FLAGGED)
    return Expect(
        seen(wire),
        messages=[
            response(1002, frame=2, reply=None),
            request(1007, frame=4, id="f"),
            response(1007, frame=5, reply="f"),
        ],
        totals={"unframed": 133 + 3},
    )


@case
def midstream_on_any_port() -> Expect:
    """Neither port is Monero's, but a sound header comes."""
    wire = Wire()
    wire.talk(51413, server_port=6000, opened=False).say(CLIENT, BODY[500:]).say(CLIENT, SYNC).say(
        SERVER, SYNCED
    )
    return Expect(
        seen(wire),
        messages=[request(1002, frame=2, id="s"), response(1002, frame=3, reply="s")],
        totals={"unframed": 533},
    )


@case
def midstream_with_a_deceptive_beginning() -> Expect:
    """Signatures without sound headers in the rest of a body."""
    wire = Wire()
    rest = b"\x99" * 100 + craft.SIGNATURE + b"\x98" * 60 + craft.SIGNATURE * 3 + b"\x97" * 50
    wire.talk(opened=False).say(CLIENT, rest).say(CLIENT, PING)
    return Expect(seen(wire), messages=[request(1003, frame=2)], totals={"unframed": len(rest)})


@case
def midstream_with_nothing_but_a_body() -> Expect:
    """No header at all in the capture."""
    wire = Wire()
    wire.talk(opened=False).say(SERVER, b"\x55" * 700).say(SERVER, b"\x55" * 700)
    return Expect(
        seen(wire),
        messages=[],
        totals={"unframed": 1400},
        connections=[{"server_bytes": 1400, "server_messages": 0}],
    )


@case
def midstream_then_large_messages() -> Expect:
    """The handshake was before the capture: the limit is that of a connection which has shaken
    hands.
    """
    wire = Wire()
    talk = wire.talk(opened=False).say(CLIENT, PING)
    talk.cuts(SERVER, news(300_000), *[60_000] * 5)
    return Expect(
        seen(wire),
        messages=[request(1003), notification(2002, length=300_000, segments=6)],
        totals={},
    )
