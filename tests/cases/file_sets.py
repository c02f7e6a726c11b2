"""Several files as one stream of packets."""

from __future__ import annotations

import gzip

from support import craft
from support.craft import pcap, pcapng

from ._build import (
    CLIENT,
    HELLO,
    MILLISECOND,
    PING,
    PONG,
    SECOND,
    SERVER,
    START,
    WELCOME,
    T,
    Wire,
    bare,
    news,
    wrapped,
)
from ._case import Expect, Row, case, cases, notification, request, response
from ._files import ping


def ring(parts: int = 3) -> list[list[craft.Packet]]:
    """A conversation whose one long message spans all parts: the handshake and the first segments
    in part 0, the last segments and the end in the last one.
    """
    wire = Wire()
    talk = wire.talk()
    talk.say(CLIENT, HELLO).say(SERVER, WELCOME)  # frames 4, 5
    message = news(4500)  # 4533 bytes: 1500 in each of frames 6, 7, 8 and 33 in frame 9
    talk.cuts(CLIENT, message, 1500, 1500, 1500)
    talk.close()  # frames 10, 11, 12
    if parts == 1:
        return [wire.packets]
    return [wire.packets[:6], wire.packets[6:7], wire.packets[7:]]


RING = [
    request(1001, file=0, frame=4, id="hello"),
    response(1001, file=0, frame=5, reply="hello"),
    notification(
        2002,
        file=0,
        frame=6,
        end_frame=2,
        time=T(6),
        end_time=T(9),
        length=4500,
        captured=4500,
        segments=4,
        first_segment=1500,
        shared=False,
    ),
]


@case
def ring_of_three_files() -> Expect:
    one, two, three = (pcap(part) for part in ring())
    return Expect(
        {"a.pcap": one, "b.pcap": two, "c.pcap": three},
        messages=RING,
        problems=[],
        connections=[
            {"start": "syn", "end": "fin", "opened": T(1), "closed": T(12), "client_packets": 9}
        ],
        file_rows=[
            {"packets": 6, "first_time": T(1), "last_time": T(6)},
            {"packets": 1, "first_time": T(7)},
            {"packets": 5, "last_time": T(12)},
        ],
    )


@cases({"reversed": ("c.pcap", "b.pcap", "a.pcap"), "rotated": ("b.pcap", "c.pcap", "a.pcap")})
def ring_in_another_order(*names: str) -> Expect:
    """Time decides, not the order of the arguments."""
    one, two, three = (pcap(part) for part in ring())
    return Expect(
        {"a.pcap": one, "b.pcap": two, "c.pcap": three},
        read=names,
        messages=RING,
        problems=[],
        file_rows=[{"packets": 6}, {"packets": 1}, {"packets": 5}],
    )


@case
def ring_whose_names_sort_otherwise() -> Expect:
    """A folder: ring_10 comes before ring_9 by name, after it in time; formats differ."""
    one, two, three = ring()
    return Expect(
        {
            "ring/ring_9.pcap": pcap(one),
            "ring/ring_10.pcapng": pcapng(two),
            "ring/ring_11.pcap.gz": gzip.compress(pcap(three, nano=True)),
        },
        read="ring",
        messages=RING,
        problems=[],
        file_rows=[{"packets": 6}, {"packets": 1}, {"packets": 5}],
    )


@case
def ring_by_glob() -> Expect:
    one, two, three = ring()
    return Expect(
        {
            "z_0.pcap": pcap(one),
            "m_1.pcap": pcap(two),
            "a_2.pcap": pcap(three),
            "other.txt": b"notes",
        },
        read="*_?.pcap",
        messages=RING,
        problems=[],
    )


@cases(
    {
        "last": ("a.pcap", "b.pcap", "c.pcap", "none.pcap"),
        "in-the-middle": ("a.pcap", "none.pcap", "b.pcap", "c.pcap"),
    }
)
def ring_with_a_file_without_packets(*names: str) -> Expect:
    """A ring file that was just begun holds its header alone. It stays where it was given."""
    one, two, three = (pcap(part) for part in ring())
    contents = {"a.pcap": one, "b.pcap": two, "c.pcap": three, "none.pcap": pcap([])}
    packets = {"a.pcap": 6, "b.pcap": 1, "c.pcap": 5, "none.pcap": 0}
    return Expect(
        {name: contents[name] for name in names},
        messages=RING,
        problems=[],
        file_rows=[{"file": i, "packets": packets[name]} for i, name in enumerate(names)],
    )


@case
def taps_of_either_direction() -> Expect:
    """Two files, each with one direction: they overlap in time and are merged packet by packet."""
    wire = Wire()
    talk = wire.talk()
    for _ in range(3):
        talk.say(CLIENT, PING).say(SERVER, PONG)
    talk.close()
    ours = [packet for packet in wire.packets if packet.data[26:30] == bytes([192, 0, 2, 1])]
    theirs = [packet for packet in wire.packets if packet.data[26:30] != bytes([192, 0, 2, 1])]
    expected: list[Row] = []
    # client file: SYN, ACK, pings in frames 3, 4, 5; server file: SYN/ACK, pongs in frames 2, 3, 4
    for i in range(3):
        expected.append(request(1003, file=0, frame=3 + i, time=T(4 + 2 * i), id=f"ping{i}"))
        expected.append(response(1003, file=1, frame=2 + i, time=T(5 + 2 * i), reply=f"ping{i}"))
    return Expect(
        {"a.pcap": pcap(ours), "b.pcap": pcap(theirs)},
        messages=expected,
        problems=[],
        connections=[{"start": "syn", "end": "fin", "rtt": 2 * MILLISECOND}],
    )


@case
def files_of_different_link_types() -> Expect:
    wire = Wire(wrap=bare)
    wire.talk().say(CLIENT, PING).say(SERVER, PONG).close()
    early, late = wire.packets[:4], wire.packets[4:]
    return Expect(
        {"a.pcap": pcap(early, link=101), "b.pcap": pcap(wrapped(late, craft.ethernet))},
        messages=[
            request(1003, file=0, frame=4, id="p"),
            response(1003, file=1, frame=1, reply="p"),
        ],
        file_rows=[{"link_type": "RAW"}, {"link_type": "EN10MB"}],
    )


@case
def two_captures_apart_in_time() -> Expect:
    """Two conversations with the same addresses and ports, a day apart, each in its own file."""
    early, late = ping(), ping(START + 86400 * SECOND)
    return Expect(
        {"late.pcap": pcap(late.packets), "early.pcap": pcap(early.packets)},
        messages=[
            request(1003, file=0, connection=0, id="a"),
            response(1003, reply="a"),
            request(1003, file=1, connection=1, id="b"),
            response(1003, reply="b"),
        ],
        connections=[
            {"end": "fin", "opened": T(1)},
            {"end": "fin", "opened": T(1) + 86400 * SECOND},
        ],
    )
