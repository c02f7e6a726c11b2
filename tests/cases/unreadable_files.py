"""Files that are not captures, and captures of an unsupported kind."""

from __future__ import annotations

import struct

from support import craft
from support.craft import block, pcap, pcapng, section_header

from ._build import (
    CLIENT,
    HELLO,
    PING,
    PONG,
    SERVER,
    START,
    WELCOME,
    T,
    Wire,
    cut,
    news,
)
from ._case import Expect, case, cases, notification, problem, request, response
from ._files import a, ping, pinged


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
    """As the newest file of a ring that is being written."""
    return Expect(
        {"a.pcap": pcap(ping().packets), "b.pcap": b""},
        messages=pinged(),
        warning=r"b\.pcap: empty file",
        problems=[problem("file", file=1)],
        file_rows=[
            {"file": 0, "packets": 8, "truncated": False},
            {"file": 1, "packets": 0, "truncated": True},
        ],
    )


@case
def a_text_file_in_a_list() -> Expect:
    return Expect(
        {
            "a.pcap": pcap(ping().packets),
            "b.txt": b"not a capture at all, but long enough to hold a header\n",
        },
        messages=pinged(),
        warning=r"b\.txt: not a capture file",
        problems=[problem("file", file=1)],
    )


@cases(
    {
        "usb_header": (189, "189|USB_LINUX"),
        "usb": (220, "220|USB_LINUX"),
        "bluetooth": (201, "201|BLUETOOTH"),
        "infiniband": (247, "247|INFINIBAND"),
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
