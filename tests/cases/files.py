"""Capture files: formats, compression, several files, damage."""

from __future__ import annotations

import gzip
import struct
from typing import Any

from support import craft
from support.craft import block, enhanced, interface, option, pcap, pcapng, section_header, simple

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
    cut,
    news,
    sll,
    wrapped,
    zstd,
    zstd_skippable,
)
from ._case import Expect, Row, case, cases, notification, problem, request, response

ISO = START + 123_456_789  # a time that no unit below the nanosecond holds


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
def pcapng_simple_packets_tell_no_time() -> Expect:
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
        section_header("<") + interface(order="<") + b"".join(enhanced(packet) for packet in packets[:4])
        + section_header(">") + interface(order=">", resolution=9) + b"".join(enhanced(packet, order=">", resolution=9) for packet in packets[4:6])
        + section_header("<") + interface(order="<", resolution=3) + b"".join(enhanced(packet, resolution=3) for packet in packets[6:])
    )  # fmt: skip
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
        + interface(105)
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


# ---------------------------------------------------------------- compression


@cases(
    {
        "named-gz": "a.pcap.gz",
        "named-pcap": "a.pcap",
        "named-zst": "a.zst",
        "without-extension": "capture",
    }
)
def gzip_by_content(name: str) -> Expect:
    return Expect(a(gzip.compress(pcap(ping().packets)), name), messages=pinged(), problems=[])


@case
def gzip_of_several_members() -> Expect:
    """Cut anywhere, also within a packet; one member is empty."""
    content = pcap(ping().packets)
    members = [content[:10], content[10:100], b"", content[100:333], content[333:]]
    return Expect(
        a(b"".join(gzip.compress(member) for member in members), "a.pcap.gz"),
        messages=pinged(),
        problems=[],
    )


@case
def gzip_of_pcapng() -> Expect:
    return Expect(
        a(gzip.compress(pcapng(ping().packets)), "a.pcapng.gz"), messages=pinged(), problems=[]
    )


@case
def gzip_followed_by_zeros() -> Expect:
    """Padding of tapes, as gzip(1) takes it."""
    return Expect(
        a(gzip.compress(pcap(ping().packets)) + bytes(512)), messages=pinged(), problems=[]
    )


@case
def gzip_with_name_and_comment() -> Expect:
    """All optional fields of the member header."""
    plain = gzip.compress(pcap(ping().packets), mtime=0)
    return Expect(
        a(
            plain[:3]
            + b"\x1c"
            + plain[4:10]
            + b"\x04\0ABCD"
            + b"ring.pcap\0"
            + b"a comment\0"
            + plain[10:],
            "a.gz",
        ),
        messages=pinged(),
        problems=[],
    )


@case
def gzip_cut_in_a_member() -> Expect:
    """What was compressed before the cut is read: the first member is whole, the second is cut in
    its middle.
    """
    packets = ping().packets
    first, second = gzip.compress(pcap(packets[:5])), gzip.compress(pcap(packets[5:])[24:])
    return Expect(
        a(first + second[:-30]),
        messages=pinged(),
        warning="a.pcap",
        some_problems=[problem("file")],
        file_rows=[{"truncated": True}],
    )


@case
def gzip_header_alone_is_no_capture() -> Expect:
    return Expect(a(gzip.compress(b"")), error="a.pcap")


@case
def gzip_of_text_is_no_capture() -> Expect:
    return Expect(a(gzip.compress(b"frame.number\tip.src\n" * 50), "a.pcap.gz"), error="a.pcap.gz")


@cases({"one-frame": (1, False), "content-size-told": (1, True), "several-frames": (3, False)})
def zstd_by_content(frames: int, sizes: bool) -> Expect:
    content = pcap(ping().packets)
    step = len(content) // frames + 1
    return Expect(
        a(b"".join(zstd(content[at : at + step], sizes) for at in range(0, len(content), step))),
        messages=pinged(),
        problems=[],
    )


@case
def zstd_with_skippable_frames() -> Expect:
    content = pcap(ping().packets)
    return Expect(
        a(
            zstd_skippable(b"seek table")
            + zstd(content[:200])
            + zstd_skippable(b"")
            + zstd(content[200:])
            + zstd_skippable(b"end"),
            "a.pcap.zst",
        ),
        messages=pinged(),
        problems=[],
    )


@case
def zstd_cut() -> Expect:
    wire = ping()
    more = Wire(clock=wire.clock)
    more.talk(41000).say(CLIENT, news(60000)).say(CLIENT, news(60000))
    content = zstd(pcap(wire.packets + more.packets))  # raw blocks of 64 KiB
    return Expect(
        a(content[: 65536 + 500]),
        messages=pinged() + [notification(2002, frame=12)],
        warning="a.pcap",
        some_problems=[problem("file")],
    )


# ---------------------------------------------------------------- standard input


@cases({"pcap": False, "pcapng": True})
def standard_input(modern: bool) -> Expect:
    packets = ping().packets
    return Expect(
        a(pcapng(packets) if modern else pcap(packets)),
        messages=pinged(),
        problems=[],
        stdin="a.pcap",
    )


@case
def standard_input_gzipped() -> Expect:
    return Expect(
        a(gzip.compress(pcap(ping().packets))), messages=pinged(), problems=[], stdin="a.pcap"
    )


@case
def standard_input_larger_than_a_pipe() -> Expect:
    wire = Wire()
    talk = wire.talk().say(CLIENT, HELLO).say(SERVER, WELCOME)
    for _ in range(20):
        talk.say(CLIENT, news(20000))
    return Expect(
        a(pcap(wire.packets)),
        stdin="a.pcap",
        connections=[
            {"client_messages": 21, "server_messages": 1, "client_bytes": 295 + 20 * 20033}
        ],
        problems=[],
    )


@case
def standard_input_empty() -> Expect:
    return Expect(a(b""), stdin="a.pcap", error="empty|-")


# ---------------------------------------------------------------- several files as one stream


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


# ---------------------------------------------------------------- what is no capture, and what is
# damaged


@cases(
    {
        "empty": (b"", "a.pcap.*empty"),
        "one-byte": (b"\xd4", "a.pcap"),
        "magic-alone": (b"\xd4\xc3\xb2\xa1", "a.pcap"),
        "header-cut": (pcap([])[:23], "a.pcap"),
        "pcapng-header-cut": (section_header()[:20], "a.pcap"),
        "text": (b"frame.number,ip.src,ip.dst\n1,192.0.2.1,198.51.100.10\n", "a.pcap"),
        "html": (b"<!DOCTYPE html><html><body>404</body></html>\n", "a.pcap"),
        "zeros": (bytes(4096), "a.pcap"),
        "elf": (b"\x7fELF\x02\x01\x01" + bytes(300), "a.pcap"),
        "levin-bytes": (PING * 3, "a.pcap"),
        "section-header-of-no-byte-order": (
            block(0x0A0D0D0A, struct.pack("<IHHq", 0x11223344, 1, 0, -1)),
            "a.pcap",
        ),
    }
)
def no_capture(content: bytes, pattern: str) -> Expect:
    return Expect(a(content), error=f"(?s){pattern}")


@case
def no_such_file() -> Expect:
    return Expect(a(b""), read="missing.pcap", error="missing.pcap")


@case
def an_empty_file_in_a_ring() -> Expect:
    return Expect({"a.pcap": pcap(ping().packets), "b.pcap": b""}, error="b.pcap")


@case
def a_text_file_in_a_list() -> Expect:
    return Expect(
        {
            "a.pcap": pcap(ping().packets),
            "b.txt": b"not a capture at all, but long enough to hold a header\n",
        },
        error="b.txt",
    )


@cases(
    {
        "wireless": (105, "105|IEEE802_11"),
        "usb": (220, "220|USB_LINUX"),
        "bluetooth": (201, "201|BLUETOOTH"),
        "nflog": (239, "239|NFLOG"),
        "unassigned": (65000, "65000"),
    }
)
def link_type_not_read(link: int, pattern: str) -> Expect:
    return Expect(
        a(pcap([craft.Packet(START, bytes(100))], link=link)),
        error=f"(?s)a.pcap.*({pattern})|({pattern}).*a.pcap",
    )


@cases({"in-the-record-header": 8, "after-the-record-header": 16, "in-the-data": 80})
def cut_in_the_last_record(left: int) -> Expect:
    """The pong's record, of 16 + 125 bytes, is cut: the ping stands."""
    content = pcap(ping().packets[:5])
    return Expect(
        a(content[: len(content) - 141 + left]),
        messages=pinged()[:1],
        some_problems=[problem("file", file=0)],
        warning="a.pcap",
        file_rows=[{"packets": 4, "truncated": True}],
    )


@case
def cut_between_records() -> Expect:
    """No damage: a capture that was stopped here."""
    return Expect(
        a(pcap(ping().packets[:4])),
        messages=pinged()[:1],
        problems=[],
        connections=[{"end": "open"}],
        file_rows=[{"packets": 4, "truncated": False}],
    )


@cases({"in-the-block-header": 6, "in-the-data": 60, "before-the-closing-length": 158 - 6})
def pcapng_cut_in_the_last_block(left: int) -> Expect:
    content = pcapng(ping().packets[:5])  # the pong's block has 32 + 128 bytes
    return Expect(
        a(content[: len(content) - 160 + left]),
        messages=pinged()[:1],
        some_problems=[problem("file")],
        warning="a.pcap",
        file_rows=[{"packets": 4, "truncated": True}],
    )


@case
def garbage_after_the_last_record() -> Expect:
    """A record header of nonsense: its length is no packet's."""
    return Expect(
        a(pcap(ping().packets) + b"\xff" * 64),
        messages=pinged(),
        some_problems=[problem("file")],
        warning="a.pcap",
        file_rows=[{"packets": 8, "truncated": True}],
    )


@case
def pcapng_garbage_after_the_last_block() -> Expect:
    return Expect(
        a(pcapng(ping().packets) + b"\xff" * 64),
        messages=pinged(),
        some_problems=[problem("file")],
        warning="a.pcap",
    )


@case
def pcapng_block_of_no_length() -> Expect:
    """A length of 0 would not advance."""
    return Expect(
        a(pcapng(ping().packets) + struct.pack("<III", 6, 0, 0)),
        messages=pinged(),
        some_problems=[problem("file")],
        warning="a.pcap",
    )


@case
def pcapng_packet_longer_than_its_block() -> Expect:
    content = pcapng(ping().packets) + block(
        6, struct.pack("<IIIII", 0, 0, 0, 5000, 5000) + bytes(60)
    )
    return Expect(a(content), messages=pinged(), warning="a.pcap", some_problems=[problem("file")])


@case
def damaged_file_in_the_middle_of_a_ring() -> Expect:
    """The last record of the second file is cut: the message that spanned the files has a hole,
    what follows is whole.
    """
    wire = Wire()
    talk = wire.talk()
    talk.say(CLIENT, HELLO).say(SERVER, WELCOME)
    talk.cuts(CLIENT, news(2967), 1000, 1000)  # frames 6, 7, 8
    talk.say(CLIENT, PING).say(SERVER, PONG)  # frames 9, 10
    middle = pcap(wire.packets[6:7])
    return Expect(
        {
            "a.pcap": pcap(wire.packets[:6]),
            "b.pcap": middle[:-500],
            "c.pcap": pcap(wire.packets[7:]),
        },
        messages=[
            request(1001, id="hello"),
            response(1001, reply="hello"),
            notification(2002, status="gap", length=2967, captured=1967, file=0, frame=6),
            request(1003, file=2, frame=2, id="ping"),
            response(1003, file=2, frame=3, reply="ping"),
        ],
        ordered=False,
        some_problems=[problem("file", file=1), problem("lost", 1000), problem("gap", 2000)],
        connections=[{"client_lost": 1000, "client_bytes": 295 + 2000 + 43}],
        warning="b.pcap",
    )


@case
def record_that_says_more_captured_than_sent() -> Expect:
    """Some writers leave the original length 0."""
    content = bytearray(pcap(ping().packets))
    at = 24
    while at < len(content):
        size = struct.unpack_from("<I", content, at + 8)[0]
        struct.pack_into("<I", content, at + 12, 0)
        at += 16 + size
    return Expect(a(bytes(content)), messages=pinged(), problems=[])


@case
def packet_without_bytes() -> Expect:
    """A record of zero captured bytes is a frame like others."""
    packets = ping().packets
    return Expect(
        a(pcap([*packets[:3], craft.Packet(T(3), b"", 60), *packets[3:]])),
        messages=pinged(first=5),
        file_rows=[{"packets": 9, "tcp_packets": 8, "skipped_packets": 1}],
    )


@case
def snap_length_keeps_frames_and_bytes() -> Expect:
    """Bytes of a file are those on the wire."""
    wire = ping()
    return Expect(
        a(pcap(cut(wire.packets, 97))),
        file_rows=[{"packets": 8, "bytes": 6 * 60 + 97 + 125}],
        messages=[
            pinged()[0],
            response(1003, status="snapped", length=38, captured=10, reply="ping4"),
        ],
    )


@case
def capture_of_nothing_of_monero() -> Expect:
    wire = Wire()
    wire.talk(server_port=443).say(CLIENT, b"\x16\x03\x01\x02\0\x01" + bytes(250)).say(
        SERVER, b"\x16\x03\x03" + bytes(500)
    ).close()
    return Expect(
        a(pcap(wire.packets)),
        messages=[],
        problems=[problem("not_levin", 256), problem("not_levin", 503)],
        connections=[
            {"client_bytes": 256, "server_bytes": 503, "client_messages": 0, "end": "fin"}
        ],
        file_rows=[{"tcp_packets": 8, "monero_packets": 0}],
    )
