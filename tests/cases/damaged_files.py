"""Damage inside a file: what is skipped, and that reading continues after it; drop counts."""

from __future__ import annotations

import struct
from dataclasses import replace

from support import craft
from support.craft import block, option, pcap, pcapng

from ._build import CLIENT, MILLISECOND, PING, PONG, SECOND, SERVER, START, Wire, news
from ._case import ANY, Expect, case, cases, notification, problem, request, response
from ._files import a, ping, pinged


@cases(
    {"pcap": (False, False), "pcapng-then-pcap": (True, False), "pcap-then-pcapng": (False, True)}
)
def joined_by_cat(first: bool, second: bool) -> Expect:
    """The header of the second file is no packet."""
    packets = ping().packets
    one = pcapng(packets[:5]) if first else pcap(packets[:5])
    other = pcapng(packets[5:]) if second else pcap(packets[5:])
    return Expect(
        a(one + other),
        messages=pinged(),
        problems=[problem("file", bytes=0, offset=len(one))],
        warning="the header of another file",
        file_rows=[{"packets": 8, "truncated": False, "first_time": START}],
    )


@cases({"zeros": bytes(4096), "text": b"a line of a log\n" * 9, "short": b"\xff" * 5})
def bytes_between_two_records(garbage: bytes) -> Expect:
    packets = ping().packets
    head = pcap(packets[:4])
    return Expect(
        a(head + garbage + pcap(packets[4:])[24:]),
        messages=pinged(),
        problems=[problem("file", bytes=len(garbage), offset=len(head), frame=4)],
        warning="records go on at byte",
        file_rows=[{"packets": 8, "truncated": False}],
    )


@cases({"zeros": bytes(4096), "text": b"a line of a log\n" * 9, "short": b"\xff" * 5})
def pcapng_bytes_between_two_blocks(garbage: bytes) -> Expect:
    packets = ping().packets
    size = len(pcapng(packets[:4]))
    content = pcapng(packets)
    return Expect(
        a(content[:size] + garbage + content[size:]),
        messages=pinged(),
        problems=[problem("file", bytes=len(garbage), offset=size, frame=4)],
        warning="blocks go on at byte",
        file_rows=[{"packets": 8, "truncated": False}],
    )


@case
def a_record_cut_inside_a_file() -> Expect:
    """The disk was full for a moment: the packet is there as far as it was written."""
    wire = Wire()
    talk = wire.talk()
    talk.cuts(CLIENT, news(2967), 1000, 1000)  # frames 4, 5, 6
    talk.say(CLIENT, PING).say(SERVER, PONG)
    head, tail = pcap(wire.packets[:5]), pcap(wire.packets[5:])[24:]
    return Expect(
        a(head[:-300] + tail),
        messages=[
            notification(2002, status="snapped", length=2967, captured=2667, frame=4),
            request(1003, id="ping"),
            response(1003, reply="ping"),
        ],
        ordered=False,
        some_problems=[problem("file", bytes=0, offset=len(head) - 300, frame=5)],
        warning="300 of its bytes are missing",
        file_rows=[{"packets": len(wire.packets), "truncated": False}],
    )


@case
def nanoseconds_in_a_microsecond_file() -> Expect:
    packets = ping(step=50 * MILLISECOND).packets
    content = pcap(packets, nano=True)
    return Expect(
        a(b"\xd4\xc3\xb2\xa1" + content[4:]),
        messages=pinged((packets[3].time, packets[4].time)),
        some_problems=[problem("file", bytes=0)],
        warning="read as nanoseconds",
        file_rows=[{"packets": 8, "first_time": packets[0].time, "last_time": packets[-1].time}],
    )


def statistics(number: int, *options: bytes) -> bytes:
    return block(5, struct.pack("<III", number, 0, 0) + b"".join(options))


@cases({"interface": (5, 1234), "system": (7, 66), "none": (5, 0)})
def pcapng_drop_counts(code: int, count: int) -> Expect:
    return Expect(
        a(
            pcapng(ping().packets)
            + statistics(
                0, option(4, struct.pack("<Q", 99)), option(code, struct.pack("<Q", count))
            )
        ),
        messages=pinged(),
        problems=[],
        file_rows=[{"packets": 8, "dropped": count}],
    )


@case
def drops_that_no_file_states() -> Expect:
    return Expect(a(pcap(ping().packets)), messages=pinged(), file_rows=[{"dropped": None}])


# ---------------------------------------------------------------- clocks


def stepped(by: int) -> tuple[list[craft.Packet], int]:
    """A message of three segments after each ping. From the second segment of the fifth message on,
    the clock is set by `by` nanoseconds. Also the frame of the first packet after the step.
    """
    wire, frame = Wire(), 0
    talk = wire.talk()
    for number in range(10):
        talk.say(CLIENT, PING).say(SERVER, PONG)
        if number == 5:
            frame = len(wire.packets) + 2
        talk.cuts(CLIENT, news(2967), 1000, 1000)
        wire.clock += SECOND
    return [
        replace(packet, time=packet.time + (by if i + 1 >= frame else 0))
        for i, packet in enumerate(wire.packets)
    ], frame


@cases({"back": -3600 * SECOND, "forward": 3600 * SECOND, "days": 30 * 86400 * SECOND})
def the_clock_is_set(by: int) -> Expect:
    """All messages are whole, and in order of their packets."""
    packets, frame = stepped(by)
    return Expect(
        a(pcap(packets)),
        problems=[problem("clock_step", frame=frame, bytes=0)],
        connections=[{"client_messages": 20, "server_messages": 10}],
        file_rows=[{"packets": len(packets), "truncated": False}],
    )


@cases({"a-little-back": -SECOND // 3, "a-pause": 100 * SECOND})
def the_clock_is_not_set(by: int) -> Expect:
    packets, _ = stepped(by)
    return Expect(
        a(pcap(packets)),
        problems=[],
        connections=[{"client_messages": 20, "server_messages": 10}],
    )


# ---------------------------------------------------------------- the same packets in two files


@cases({"short-first": ("a.pcap", "b.pcap"), "whole-first": ("b.pcap", "a.pcap")})
def one_wire_in_two_files(short: str, whole: str) -> Expect:
    """What one copy lacks the other has; no packet is read twice."""
    packets = ping().packets
    cut = [replace(packet, data=packet.data[:70], length=len(packet.data)) for packet in packets]
    return Expect(
        {short: pcap(cut, snaplen=70), whole: pcap(packets)},
        messages=pinged(file=ANY),
        some_problems=[problem("duplicate", file=0), problem("duplicate", file=1)],
        connections=[{"client_retransmitted": 0, "server_retransmitted": 0, "client_lost": 0}],
    )


@case
def a_ring_and_its_merge() -> Expect:
    packets = ping().packets
    return Expect(
        {"r1.pcap": pcap(packets[:5]), "r2.pcap": pcap(packets[5:]), "merged.pcap": pcap(packets)},
        messages=pinged(file=ANY),
        some_problems=[problem("duplicate")],
        connections=[{"client_retransmitted": 0, "client_packets": 5, "server_packets": 3}],
    )
