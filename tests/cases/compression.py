"""Compressed captures, and captures from standard input."""

from __future__ import annotations

import gzip

from support.craft import pcap, pcapng

from ._build import (
    CLIENT,
    HELLO,
    SERVER,
    WELCOME,
    Wire,
    news,
    zstd,
    zstd_skippable,
)
from ._case import Expect, case, cases, notification, problem
from ._files import a, ping, pinged

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
