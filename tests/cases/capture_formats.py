"""The formats pcap and pcapng."""

from __future__ import annotations

import struct
from typing import Any

from support import craft
from support.craft import block, enhanced, interface, option, pcap, pcapng, section_header, simple

from ._build import (
    CLIENT,
    MILLISECOND,
    PING,
    PONG,
    SECOND,
    SERVER,
    START,
    T,
    Wire,
    bare,
    news,
    sll,
    wrapped,
)
from ._case import Expect, case, cases, notification, problem, request, response
from ._files import a, ping, pinged

ISO = START + 123_456_789  # a time that no unit below the nanosecond holds


# ---------------------------------------------------------------- pcap


@cases(
    {
        "us-little": ("<", False),
        "us-big": (">", False),
        "ns-little": ("<", True),
        "ns-big": (">", True),
    }
)
def pcap_magic(order: str, nano: bool) -> Expect:
    times = (
        (ISO + 3 * MILLISECOND, ISO + 4 * MILLISECOND)
        if nano
        else (START + 126_456_000, START + 127_456_000)
    )
    return Expect(
        a(pcap(ping(ISO).packets, order=order, nano=nano)),
        messages=pinged(times),
        problems=[],
        file_rows=[
            {
                "file": 0,
                "link_type": "EN10MB",
                "packets": 8,
                "tcp_packets": 8,
                "monero_packets": 8,
                "skipped_packets": 0,
                "truncated": False,
            }
        ],
    )


@case
def pcap_files_row() -> Expect:
    # 58 (SYN with MSS), 58, 60, 97, 125, then three of 60 after padding: SYNs are 60 too
    wire = ping()
    return Expect(
        a(pcap(wire.packets)),
        file_rows=[
            {"packets": 8, "bytes": 6 * 60 + 97 + 125, "first_time": T(1), "last_time": T(8)}
        ],
    )


@case
def pcap_link_type_with_fcs_bits() -> Expect:
    """The upper bits of the link type field tell that four bytes of frame check sequence follow
    each packet.
    """
    wire = ping()
    return Expect(
        a(pcap(wrapped(wire.packets, lambda data: data + b"\xde\xad\xbe\xef"), link=0x24000001)),
        messages=pinged(),
        problems=[],
        connections=[{"client_bytes": 43, "server_bytes": 71}],
    )


@case
def pcap_snaplen_field_zero() -> Expect:
    return Expect(a(pcap(ping().packets, snaplen=0)), messages=pinged(), problems=[])


@case
def pcap_snaplen_field_smaller_than_packets() -> Expect:
    """Some writers leave a snaplen of 68 in the header and store whole packets."""
    return Expect(a(pcap(ping().packets, snaplen=68)), messages=pinged(), problems=[])


@case
def pcap_without_packets() -> Expect:
    return Expect(
        a(pcap([])),
        messages=[],
        connections=[],
        problems=[],
        file_rows=[
            {"packets": 0, "bytes": 0, "first_time": None, "last_time": None, "truncated": False}
        ],
    )


@case
def pcap_times_of_1970() -> Expect:
    return Expect(
        a(pcap(ping(0).packets)),
        messages=pinged((3 * MILLISECOND, 4 * MILLISECOND)),
        connections=[{"opened": 0, "closed": 7 * MILLISECOND}],
    )


@case
def pcap_times_after_2038() -> Expect:
    """The seconds of pcap are unsigned."""
    start = 4_000_000_000 * SECOND
    return Expect(
        a(pcap(ping(start).packets)),
        messages=pinged((start + 3 * MILLISECOND, start + 4 * MILLISECOND)),
    )


@case
def pcap_times_run_backwards() -> Expect:
    """Order in the file is order of arrival, whatever the clock says."""
    wire = ping(step=-MILLISECOND)
    return Expect(
        a(pcap(wire.packets)),
        messages=pinged((START - 3 * MILLISECOND, START - 4 * MILLISECOND)),
        connections=[{"start": "syn", "end": "fin"}],
    )


# ---------------------------------------------------------------- pcapng


@cases({"little": "<", "big": ">"})
def pcapng_order(order: str) -> Expect:
    return Expect(
        a(pcapng(ping(ISO).packets, order=order, resolution=9)),
        messages=pinged((ISO + 3 * MILLISECOND, ISO + 4 * MILLISECOND)),
        problems=[],
    )


# if_tsresol → the time of the ping, sent 123,456,789 ns and three packets after START, in a clock
# of that unit
RESOLUTIONS: dict[str, tuple[int | None, int]] = {
    "absent": (None, START + 126_456_000),
    "s": (0, START),
    "ms": (3, START + 126_000_000),
    "us": (6, START + 126_456_000),
    "ns": (9, START + 126_456_789),
    "eighths": (0x83, START + 125_000_000),  # one of them
    "64ths": (0x86, START + 125_000_000),  # 8 of them
    "1024ths": (0x8A, START + 125_976_562),  # 129 of them: 0.1259765625
    "2^-20": (0x94, START + 126_456_260),  # 132,599 of them: 0.12645626068…
    "2^-32": (0xA0, START + 126_456_788),  # 543,127,773 of them: 0.12645678897…
}


@cases(RESOLUTIONS)
def pcapng_resolution(resolution: int | None, time: int) -> Expect:
    def check(traffic: Any) -> None:
        got = int(traffic.messages["time"].iloc[0].value)
        # rounding of a unit that is no multiple of the nanosecond is free
        assert abs(got - time) <= 1, f"{got} instead of {time}"

    return Expect(
        a(pcapng(ping(ISO).packets, resolution=resolution)),
        messages=pinged(None),
        check=check,
        problems=[],
    )


@case
def pcapng_resolution_finer_than_ns() -> Expect:
    """Picoseconds, which need an offset: 64 bits of them are seven months."""
    wire = ping(ISO)
    packets = b"".join(
        enhanced(packet, resolution=12, offset=1_700_000_000) for packet in wire.packets
    )
    return Expect(
        a(section_header() + interface(resolution=12, offset=1_700_000_000) + packets),
        messages=pinged((ISO + 3 * MILLISECOND, ISO + 4 * MILLISECOND)),
    )


@cases({"ahead": 3600, "behind": -7200, "all-of-it": 1_700_000_000})
def pcapng_time_offset(offset: int) -> Expect:
    """if_tsoffset: seconds to add to every time stamp."""
    wire = ping()
    packets = b"".join(enhanced(packet, offset=offset) for packet in wire.packets)
    return Expect(a(section_header() + interface(offset=offset) + packets), messages=pinged())


@case
def pcapng_simple_packets_have_no_time() -> Expect:
    wire = ping()
    content = section_header() + interface() + b"".join(simple(packet) for packet in wire.packets)
    return Expect(
        a(content),
        messages=pinged((None, None)),
        connections=[{"opened": None, "closed": None, "rtt": None, "start": "syn", "end": "fin"}],
        file_rows=[{"packets": 8, "first_time": None, "last_time": None}],
    )


@case
def pcapng_simple_packets_cut_by_snaplen() -> Expect:
    """A Simple Packet Block has no captured length: it is the smaller of the packet's and the
    interface's snap length.
    """
    wire = Wire()
    wire.talk().say(CLIENT, news(300)).say(CLIENT, PING)
    # 187 = 54 of headers + 33 + 100
    blocks = b"".join(simple(packet.cut(187)) for packet in wire.packets)
    return Expect(
        a(section_header() + interface(snaplen=187) + blocks),
        messages=[
            notification(2002, status="snapped", length=300, captured=100, frame=4),
            request(1003, frame=5),
        ],
        connections=[{"client_bytes": 133 + 43, "client_lost": 200}],
    )


@case
def pcapng_obsolete_packet_blocks() -> Expect:
    wire = ping()
    blocks = b"".join(
        block(
            2,
            struct.pack(
                "<HHIIII",
                0,
                0xFFFF,
                *divmod(packet.time // 1000, 1 << 32),
                len(packet.data),
                len(packet.data),
            )
            + packet.data,
        )
        for packet in wire.packets
    )
    return Expect(a(section_header() + interface() + blocks), messages=pinged(), problems=[])


@case
def pcapng_unknown_blocks() -> Expect:
    """Name resolution, statistics, secrets, custom and reserved blocks count no frame."""
    others = b"".join(
        block(kind, b"\x01\x02\x03\x04" * n)
        for n, kind in enumerate((4, 5, 10, 0x0BAD, 0x40000BAD, 0x0ABCDEF0, 9, 0x80000001))
    )
    content = (
        section_header()
        + others
        + interface()
        + others
        + b"".join(enhanced(packet) + others for packet in ping().packets)
    )
    return Expect(
        a(content), messages=pinged(), problems=[], file_rows=[{"packets": 8, "truncated": False}]
    )


@case
def pcapng_options_on_packets() -> Expect:
    """Comments and flags after the data are no data."""
    blocks = b""
    for packet in ping().packets:
        data = packet.data + bytes(-len(packet.data) % 4)
        options = (
            option(1, b"a comment \x01\x21\x01\x01\x01\x01\x01\x01")
            + option(2, b"\x01\0\0\0")
            + option(0, b"")
        )
        blocks += block(
            6,
            struct.pack(
                "<IIIII",
                0,
                packet.time // 1000 >> 32,
                packet.time // 1000 & 0xFFFFFFFF,
                len(packet.data),
                len(packet.data),
            )
            + data
            + options,
        )
    return Expect(a(section_header() + interface() + blocks), messages=pinged(), problems=[])


@case
def pcapng_section_with_length_and_options() -> Expect:
    body = interface() + b"".join(enhanced(packet) for packet in ping().packets)
    header = block(
        0x0A0D0D0A,
        struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, len(body))
        + option(3, b"Linux")
        + option(4, b"dumpcap")
        + option(0, b""),
    )
    return Expect(a(header + body), messages=pinged(), problems=[])


@case
def pcapng_sections_of_both_byte_orders() -> Expect:
    """One conversation over three sections; interfaces are numbered afresh in each, and frames are
    counted on.
    """
    packets = ping().packets
    content = (
        section_header("<")
        + interface(order="<")
        + b"".join(enhanced(packet) for packet in packets[:4])
        + section_header(">")
        + interface(order=">", resolution=9)
        + b"".join(enhanced(packet, order=">", resolution=9) for packet in packets[4:6])
        + section_header("<")
        + interface(order="<", resolution=3)
        + b"".join(enhanced(packet, resolution=3) for packet in packets[6:])
    )
    return Expect(
        a(content),
        messages=pinged(),
        problems=[],
        connections=[{"end": "fin", "closed": T(8)}],
        file_rows=[{"packets": 8}],
    )


@case
def pcapng_interfaces_between_packets() -> Expect:
    """An interface declared when the capture is under way, used together with the first, with
    another clock.
    """
    packets = ping().packets
    content = (
        section_header()
        + interface()
        + b"".join(enhanced(packet) for packet in packets[:4])
        + interface(resolution=9)
    )
    content += (
        enhanced(packets[4], 1, resolution=9)
        + enhanced(packets[5], 0)
        + enhanced(packets[6], 1, resolution=9)
        + enhanced(packets[7], 0)
    )
    return Expect(a(content), messages=pinged(), problems=[], connections=[{"end": "fin"}])


@case
def pcapng_interfaces_of_different_link_types() -> Expect:
    """libpcap refuses this. One conversation: Ethernet, raw IP and the cooked link take turns."""
    wire = Wire(wrap=bare)
    wire.talk().say(CLIENT, PING).say(SERVER, PONG).close()
    wraps = [(0, craft.ethernet), (1, bare), (2, sll), (3, craft.sll2)]
    content = section_header() + interface(1) + interface(101) + interface(113) + interface(276)
    for i, packet in enumerate(wire.packets):
        number, wrap = wraps[i % 4]
        content += enhanced(craft.Packet(packet.time, wrap(packet.data)), number)
    return Expect(
        a(content),
        messages=pinged(),
        problems=[],
        connections=[{"client_packets": 5, "server_packets": 3}],
    )


@case
def pcapng_interface_of_an_unread_link_type() -> Expect:
    """The other interface is read; that one's packets are told of."""
    packets = ping().packets
    content = (
        section_header()
        + interface(1)
        + interface(148)
        + b"".join(
            enhanced(packet) + enhanced(craft.Packet(packet.time, b"\x80" * 40), 1)
            for packet in packets
        )
    )
    return Expect(
        a(content),
        messages=[request(1003, frame=7, id="ping"), response(1003, frame=9, reply="ping")],
        some_problems=[problem("link_type")],
        warning="",
        file_rows=[{"packets": 16, "skipped_packets": 8}],
        connections=[{"client_messages": 1, "server_messages": 1}],
    )


@case
def pcapng_without_packets() -> Expect:
    return Expect(
        a(section_header() + interface()),
        messages=[],
        problems=[],
        file_rows=[{"packets": 0, "truncated": False}],
    )


@case
def pcapng_section_header_alone() -> Expect:
    return Expect(a(section_header()), messages=[], file_rows=[{"packets": 0}])


@case
def pcapng_packet_of_an_undeclared_interface() -> Expect:
    packets = ping().packets
    content = (
        section_header()
        + interface()
        + b"".join(enhanced(packet) for packet in packets[:5])
        + enhanced(packets[5], 7)
    )
    return Expect(a(content), messages=pinged(), warning="a.pcap")


@case
def pcapng_named_pcap_and_the_other_way_round() -> Expect:
    """Content decides, not the name."""
    early, late = ping(), ping(START + SECOND, port=40001)
    return Expect(
        {"a.pcap": pcapng(early.packets), "b.pcapng": pcap(late.packets)},
        messages=[
            *pinged(file=0),
            request(1003, file=1, frame=4, id="later"),
            response(1003, file=1, frame=5, reply="later"),
        ],
    )
