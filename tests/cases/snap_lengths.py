"""Packets cut by the snap length."""

from __future__ import annotations

from support.craft import enhanced, interface, pcap, section_header
from support.craft.connection import Packet

from ._build import (
    CLIENT,
    FLAGGED,
    FLAGS,
    PING,
    PONG,
    SERVER,
    SYNC,
    SYNCED,
    Talk,
    Wire,
    cut,
    news,
)
from ._case import ANY, Expect, case, cases, notification, request, response


def opened() -> tuple[Wire, Talk]:
    wire = Wire()
    return wire, wire.talk()


@case
def snap_length_of_the_headers_alone() -> Expect:
    """54 bytes: not one byte of payload, and the sizes are known all the same."""
    wire, talk = opened()
    talk.say(CLIENT, PING).say(SERVER, PONG).close()
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 54))},
        messages=[],
        totals={"lost": 43 + 71},
        connections=[
            {
                "client_bytes": 0,
                "client_lost": 43,
                "server_bytes": 0,
                "server_lost": 71,
                "start": "syn",
                "end": "fin",
            }
        ],
    )


@case
def snap_length_within_the_levin_header() -> Expect:
    """20 bytes of 33."""
    wire, talk = opened()
    for _ in range(3):
        talk.say(CLIENT, PING)
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 74))},
        messages=[],
        totals={"lost": 69, "unframed": 60},
        connections=[{"client_bytes": 60, "client_lost": 69}],
    )


@case
def snap_length_after_the_levin_header() -> Expect:
    """All headers and not one byte of the bodies: every message has its row."""
    wire, talk = opened()
    talk.say(CLIENT, PING).say(SERVER, PONG).say(CLIENT, SYNC).say(SERVER, SYNCED)
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 87))},
        messages=[
            request(1003, status="snapped", length=10, captured=0, frame=4, id="p"),
            response(1003, status="snapped", length=38, captured=0, frame=5, reply="p"),
            request(1002, status="snapped", length=172, captured=0, frame=6, id="s"),
            response(1002, status="snapped", length=172, captured=0, frame=7, reply="s"),
        ],
        totals={"snapped": 4 * 33, "lost": 10 + 38 + 172 + 172},
    )


@case
def snap_length_within_bodies() -> Expect:
    """Short messages are whole, long ones are cut."""
    wire, talk = opened()
    # 66 bytes of payload in each packet
    talk.say(CLIENT, PING).say(SERVER, PONG).say(CLIENT, SYNC).say(CLIENT, FLAGS).say(
        SERVER, FLAGGED
    )
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 120))},
        messages=[
            request(1003, id="p", frame=4),
            response(1003, status="snapped", length=38, captured=33, frame=5, reply="p"),
            request(1002, status="snapped", length=172, captured=33, frame=6),
            request(1007, frame=7),
            response(1007, frame=8, reply=ANY),
        ],
        totals={"snapped": 66 + 66, "lost": 5 + 139},
        node_data=[{"support_flags": 1}],
        sync_data=[],
    )


@case
def snap_length_of_a_message_over_segments() -> Expect:
    """3033 bytes in 1400, 1400 and 233, of each of which 100 are captured."""
    wire, talk = opened()
    talk.cuts(CLIENT, news(3000), 1400, 1400).say(CLIENT, PING)
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 154))},
        messages=[
            notification(2002, status="snapped", length=3000, captured=267, frame=4, segments=3),
            request(1003, frame=7),
        ],
        totals={"snapped": 300, "lost": 2733},
        connections=[{"client_bytes": 343, "client_lost": 2733}],
    )


@case
def snap_length_with_messages_in_one_segment() -> Expect:
    """Of the second message in a segment nothing was captured; the next segment is read again."""
    wire, talk = opened()
    talk.say(CLIENT, SYNC + PING).say(CLIENT, PING)  # 70 bytes of the first segment
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 124))},
        messages=[
            request(1002, status="snapped", length=172, captured=37, frame=4),
            request(1003, frame=5),
        ],
        totals={"snapped": 70, "lost": 135 + 43},
    )


@case
def snap_length_and_a_whole_retransmission() -> Expect:
    """A packet is cut, and then sent again in pieces that fit."""
    wire, talk = opened()
    talk.say(CLIENT, SYNC).say(CLIENT, SYNC[:100], at=0).say(CLIENT, SYNC[100:200], at=100).say(
        CLIENT, SYNC[200:], at=200
    ).say(CLIENT, PING)
    return Expect(
        {"a.pcap": pcap(cut(wire.packets, 154))},
        messages=[
            request(1002, frame=4, end_frame=7, segments=3, captured=172),
            request(1003, frame=8),
        ],
        connections=[{"client_bytes": 248, "client_retransmitted": 100, "client_lost": 0}],
        totals={},
    )


def two_interfaces(packets: list[Packet], first: int, second: int, lag: int) -> bytes:
    """Each packet as two interfaces see it, the second one `lag` packets later."""
    blocks = [section_header(), interface(snaplen=first), interface(snaplen=second)]
    for i in range(len(packets) + lag):
        if i < len(packets):
            blocks.append(enhanced(packets[i].cut(first), 0))
        if i >= lag:
            blocks.append(enhanced(packets[i - lag].cut(second), 1))
    return b"".join(blocks)


@cases({f"{lag}-packets": lag for lag in (0, 1, 3, 8)})
def two_interfaces_of_which_the_first_cuts(lag: int) -> Expect:
    """The copies of the second interface complete what the first one cut."""
    wire, talk = opened()
    talk.cuts(CLIENT, news(3000), 1400, 1400).say(SERVER, SYNC).say(CLIENT, SYNCED)
    talk.say(SERVER, PING).say(CLIENT, PONG)
    return Expect(
        {"a.pcapng": two_interfaces(wire.packets, 96, 65535, lag)},
        messages=[
            notification(2002, length=3000, captured=3000, segments=6),
            request(1002, id="s", segments=2),
            response(1002, reply="s", segments=2),
            request(1003, id="p"),
            response(1003, reply="p", segments=2),
        ],
        connections=[{"client_lost": 0, "server_lost": 0}],
        totals={},
    )


@case
def two_interfaces_that_both_cut() -> Expect:
    """The longer of the two beginnings is taken; the end is in neither."""
    wire, talk = opened()
    talk.cuts(CLIENT, news(3000), 1400, 1400).say(CLIENT, SYNC)
    return Expect(
        {"a.pcapng": two_interfaces(wire.packets, 96, 154, 0)},
        messages=[
            notification(2002, status="snapped", length=3000, captured=267, segments=6),
            request(1002, status="snapped", captured=67, segments=2),
        ],
        totals={"snapped": 300 + 100, "lost": 2733 + 105},
    )


@case
def copies_that_come_after_the_hole_was_given_up() -> Expect:
    """The receiver acknowledged the cut message, and 65 packets follow before the copy."""
    wire, talk = opened()
    talk.say(CLIENT, SYNC)
    for _ in range(66):
        talk.say(SERVER, FLAGS).say(CLIENT, FLAGGED)
    talk.say(CLIENT, SYNC, at=0)
    wire.packets[3:4] = cut(wire.packets[3:4], 96)
    return Expect(
        {"a.pcap": pcap(wire.packets)},
        connections=[{"client_lost": 163, "client_retransmitted": 205}],
        totals={"snapped": 42, "lost": 163},
    )


@cases({"whole": 0, "end-alone": 66, "last-bytes-of-the-first-copy": 60})
def snap_length_while_a_segment_is_missing(begin: int) -> Expect:
    """A cut packet waits for the segment before it; a repetition that was captured completely
    brings its end, then the missing segment comes.
    """
    wire, talk = opened()
    talk.say(CLIENT, SYNC, at=43).say(CLIENT, SYNC[begin:], at=43 + begin).say(CLIENT, PING, at=0)
    talk.say(CLIENT, PING)
    wire.packets[3:4] = cut(wire.packets[3:4], 120)
    return Expect(
        {"a.pcap": pcap(wire.packets)},
        messages=[
            request(1003, frame=6),
            request(1002, frame=4, end_frame=5, segments=2, captured=172),
            request(1003, frame=7),
        ],
        connections=[
            {"client_bytes": 291, "client_retransmitted": 66 - begin, "client_lost": 0},
        ],
        totals={},
    )


@case
def snap_length_while_a_segment_is_missing_in_both_copies() -> Expect:
    """The repetition is cut, too: the end stays unknown."""
    wire, talk = opened()
    talk.say(CLIENT, SYNC, at=43).say(CLIENT, SYNC, at=43).say(CLIENT, PING, at=0)
    talk.say(CLIENT, PING)
    wire.packets[3:5] = cut(wire.packets[3:5], 120)
    return Expect(
        {"a.pcap": pcap(wire.packets)},
        messages=[
            request(1003, frame=6),
            request(1002, status="snapped", captured=33),
            request(1003, frame=7),
        ],
        totals={"snapped": 66, "lost": 139},
    )
