"""Captures cut at any byte, and the comparison of what the part and the whole give."""

from __future__ import annotations

import hashlib
import re
import struct
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from cases._build import FLAGS, HELLO, PING, PONG, SYNC, SYNCED, WELCOME, Wire, news
from cases.blobs import GENESIS_TX
from monerotraffic.tables.schema import SCHEMA
from support import craft
from support.craft import ACK, CLIENT, PSH, SERVER, Packet
from support.vectors import vectors

Row = dict[str, Any]


Tables = dict[str, list[Row]]


OF_MESSAGES = (
    "peer_lists",
    "node_data",
    "sync_data",
    "transactions",
    "blocks",
    "inventories",
    "fields",
)


UNFINISHED = ("truncated", "gap", "snapped", "oversize")


CREATED_AT_THE_END = (
    *UNFINISHED,
    "lost",
    "out_of_window",
    "after_end",
    "bad_checksum",
    "unframed",
    "malformed",
    "blob",
    "not_levin",
    "proxy_prefix",
    "tls",
    "ip_fragment",
    "link_type",
    "skipped",
)


HEADER = ("command", "kind", "levin_flags", "expects_response", "return_code", "version", "length")


FIRST_BYTE = ("connection", "from_client", "file", "frame", "time")


def read(paths: Sequence[Path]) -> mt.Traffic:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mt.CaptureWarning)
        return mt.read([str(path) for path in paths], host="198.51.100.10", tables=mt.TABLES)


def tables_of(traffic: mt.Traffic) -> Tables:
    """Every row as a dict of plain values: codes as what they stand for, since a text that is not
    there shifts those of all later ones. The DataFrames would take ten times as long.
    """
    addresses, strings = ([*names, None] for names in names_of(traffic))
    tables: Tables = {}
    for table, rows in traffic.arrays.items():
        columns = {}
        for each in SCHEMA[table].fields:
            values = rows[each.name].tolist()
            if each.role == "address":
                values = [addresses[value] for value in values]
            elif each.role in ("bytes", "text", "raw"):
                values = [strings[value] for value in values]
            elif each.categories is not None:
                values = [[*each.categories, None][value] for value in values]
            columns[each.name] = values
        tables[table] = [
            dict(zip(columns, values, strict=True))
            for values in zip(*columns.values(), strict=True)
        ]
    return tables


def names_of(traffic: mt.Traffic) -> tuple[list[str], list[bytes]]:
    """What the codes of addresses and strings stand for."""
    view = traffic._names
    return view.addresses(), [view.string(code) for code in range(view.string_count)]


def same_rows(part: Sequence[Row], whole: Sequence[Row], but: Sequence[str] = ()) -> int:
    """How many rows at the beginning are the same."""
    for count, (one, other) in enumerate(zip(part, whole, strict=False)):
        if one != other and any(one[name] != other[name] for name in one if name not in but):
            return count
    return min(len(part), len(whole))


def check_prefix(part: Tables, whole: Tables, arrived: Callable[[Row], bool]) -> None:
    """As the top of this module says. `arrived`: whether every byte of a message of the whole had
    come.
    """
    same = check_messages(part, whole, arrived)
    for name in OF_MESSAGES:
        settled = [row for row in part[name] if row["message"] < same]
        assert (
            settled
            == part[name][: len(settled)]
            == [row for row in whole[name] if row["message"] < same]
        ), name
        assert all(
            part["messages"][row["message"]]["status"] in ("complete", "malformed")
            for row in part[name][len(settled) :]
        ), name
    check_connections(part, whole)
    check_problems(part, whole)
    check_files(part, whole)


def check_messages(part: Tables, whole: Tables, arrived: Callable[[Row], bool]) -> int:
    """Returns how many rows are those of the whole."""
    same = same_rows(part["messages"], whole["messages"], but=["reply_to", "accepted"])
    while (
        same
        and part["messages"][same - 1]["reply_to"] != whole["messages"][same - 1]["reply_to"]
        and not early(part, whole, same - 1)
    ):
        same -= 1
    settled, rest = part["messages"][:same], part["messages"][same:]
    for row, other in zip(settled, whole["messages"], strict=False):
        assert row["reply_to"] == other["reply_to"] or (
            row["reply_to"] == -1 and other["reply_to"] >= same
        ), row
    later = [row for row in rest if row["status"] in ("complete", "malformed")]
    for row in later:
        assert (row["connection"], row["from_client"]) in open_holes(part, whole), row
        assert any(
            all(
                row[name] == other[name]
                for name in (
                    *FIRST_BYTE,
                    *HEADER,
                    "captured",
                    "status",
                    "segments",
                    "end_frame",
                    "fragments",
                )
            )
            for other in whole["messages"][same:]
        ), row
    for row in rest:
        if row not in later:
            assert row["status"] in UNFINISHED, row
            assert any(
                all(row[name] == other[name] for name in FIRST_BYTE)
                and row["captured"] <= other["captured"]
                and row["segments"] <= other["segments"]
                for other in whole["messages"][same:]
            ), row
    in_way = Counter(
        (row["connection"], row["from_client"]) for row in rest if row["status"] == "truncated"
    )
    assert max(in_way.values(), default=0) <= 2, (
        "more than a message and the fragments of one under way"
    )
    for row in whole["messages"][same:]:
        # a response that was captured before its request waits for it: what it acknowledges was
        # not sent yet
        if arrived(row) and row["status"] == "complete" and row["reply_to"] < row["message"]:
            assert any(
                all(row[name] == other[name] for name in (*FIRST_BYTE, *HEADER)) for other in later
            ), ("a whole message is not there", row)
    return same


def early(part: Tables, whole: Tables, message: int) -> bool:
    """Whether the whole pairs this response with a request that is a later row."""
    return (
        part["messages"][message]["reply_to"] == -1
        and whole["messages"][message]["reply_to"] > message
    )


def open_holes(part: Tables, whole: Tables) -> set[tuple[int, bool]]:
    """Directions with a hole that was given up only because the capture ended. Of bytes that the
    snap length cut, the problem may be the same for the part and the whole, not the time.
    """
    same = same_rows(part["problems"], whole["problems"])
    return {
        (row["connection"], bool(row["from_client"]))
        for number, row in enumerate(part["problems"])
        if row["kind"] == "lost" and (number >= same or row["detail"] == b"cut by the snap length")
    }


def check_connections(part: Tables, whole: Tables) -> None:
    assert len(part["connections"]) <= len(whole["connections"])
    for row, other in zip(part["connections"], whole["connections"], strict=False):
        for name in (
            "connection",
            "client",
            "client_port",
            "server",
            "server_port",
            "opened",
            "start",
        ):
            assert row[name] == other[name], (name, row)
        assert row["end"] in ("open", other["end"]) and row["closed"] <= other["closed"]
        for side in ("client", "server"):
            for count in ("packets", "bytes", "retransmitted", "out_of_order"):
                assert row[f"{side}_{count}"] <= other[f"{side}_{count}"], (side, count, row)
            for name in ("mss", "ttl"):
                # 0: missing
                assert row[f"{side}_{name}"] in (other[f"{side}_{name}"], 0), (side, name, row)
            messages = [
                message
                for message in part["messages"]
                if (message["connection"], message["from_client"])
                == (row["connection"], side == "client")
            ]
            assert row[f"{side}_messages"] == len(messages)
        assert row["rtt"] in (other["rtt"], 0, -(2**63))
        assert row["present"] & ~other["present"] == 0


def check_problems(part: Tables, whole: Tables) -> None:
    rest = part["problems"][same_rows(part["problems"], whole["problems"]) :]
    assert {row["kind"] for row in rest} <= set(CREATED_AT_THE_END), rest


def check_files(part: Tables, whole: Tables) -> None:
    for row, other in zip(part["files"], whole["files"], strict=False):
        assert row["path"] == other["path"]
        assert all(
            row[name] <= other[name]
            for name in ("packets", "bytes", "tcp_packets", "monero_packets", "skipped_packets")
        )
        if row["packets"]:
            assert (
                row["first_time"] == other["first_time"] and row["last_time"] <= other["last_time"]
            )


def conversations() -> list[Packet]:
    """A few KB with everything that a cut may go through: whole handshakes, lists, transactions,
    fragments of both kinds, disorder, holes, early responses, garbage, strangers.
    """
    wire = Wire()
    tidy(wire)
    fragmented(wire)
    disorderly(wire)
    broken(wire)
    strangers(wire)
    unfinished(wire)
    return wire.packets


def tidy(wire: Wire) -> None:
    """Handshake with a peer list, a block, transactions, an inventory; headers cut by the ends of
    segments.
    """
    peers = [
        craft.peer("192.0.2.7", 18080, 7, last_seen=("i64", 9)),
        craft.peer("2001:db8::7", 18089, 8),
        craft.peer("a" * 56 + ".onion", 18083, 9),
    ]
    talk = wire.talk()
    talk.cuts(CLIENT, HELLO, 8, 25).cuts(
        SERVER, craft.response(1001, craft.handshake_response(peers)) + FLAGS[:20], 200
    )
    talk.say(SERVER, FLAGS[20:]).say(
        CLIENT, craft.response(1007, craft.support_flags_response()) + PING
    )
    talk.cuts(
        SERVER,
        PONG + craft.notification(2002, craft.transactions([GENESIS_TX, b"no transaction"])),
        71 + 90,
    )
    block = min((bytes.fromhex(vector["blob"]) for vector in vectors("blocks")), key=len)
    talk.say(
        CLIENT,
        craft.notification(
            2001,
            craft.epee(
                {
                    "b": {"block": block, "txs": [GENESIS_TX]},
                    "current_blockchain_height": ("u64", 7),
                }
            ),
        ),
    )
    talk.say(CLIENT, craft.notification(2003, craft.epee({"blocks": bytes(range(64))})))
    talk.close()


def fragmented(wire: Wire) -> None:
    """Levin fragments of a message, with a message between them; noise; a packet in two IP
    fragments.
    """
    talk = wire.talk(40001)
    first, second, *others = craft.fragments(SYNC, 100)
    talk.say(CLIENT, first + second[:50]).say(CLIENT, second[50:] + PING).say(SERVER, PONG).say(
        CLIENT, b"".join(others) + craft.noise(60)
    ).say(SERVER, SYNCED)
    datagram = craft.tcp(
        *(40001, 18080), talk.sequence[CLIENT], talk.sequence[SERVER], ACK | PSH, PING
    )
    for piece in craft.ipv4_fragments("192.0.2.1", "198.51.100.10", datagram, 40):
        wire.put(craft.ethernet(piece))
    talk.lose(CLIENT, len(PING)).say(SERVER, PONG)


def disorderly(wire: Wire) -> None:
    """Segments in each other's place, and twice; a response that was captured before its request,
    whose segment comes late.
    """
    talk = wire.talk(40002)
    talk.say(CLIENT, HELLO[:100]).say(CLIENT, HELLO[180:] + PING, at=180).say(
        CLIENT, HELLO[100:180], at=100
    ).say(CLIENT, HELLO[100:180], at=100)
    asked = len(HELLO + PING)
    talk.say(SERVER, WELCOME + PONG).say(
        SERVER, SYNCED, acknowledgement=talk.first[CLIENT] + asked + len(SYNC)
    ).say(CLIENT, SYNC)
    talk.say(SERVER, PING + SYNC).say(CLIENT, SYNCED, at=asked + len(SYNC) + len(PONG)).say(
        CLIENT, PONG, at=asked + len(SYNC)
    )
    talk.reset()


def broken(wire: Wire) -> None:
    """Holes between messages and in one; one that the receiver acknowledged; garbage; a payload
    that monerod refuses; a lying length; a packet cut by the snap length.
    """
    talk = wire.talk(40003)
    talk.say(CLIENT, PING).lose(CLIENT, 43).say(CLIENT, PING).ack(SERVER).say(SERVER, PONG)
    wire.wait(1.5)
    talk.say(CLIENT, news(300)[:200]).lose(CLIENT, 30).say(CLIENT, news(300)[230:]).ack(SERVER)
    wire.wait(1.5)
    talk.say(CLIENT, b"garbage" * 3 + PING).say(
        SERVER,
        craft.response(1003, craft.epee({"peer_id": True}))
        + craft.bucket(1003, b"\0" * 20, length=5000),
    )
    talk.say(CLIENT, news(100))
    wire.packets[-1] = wire.packets[-1].cut(120)
    talk.say(CLIENT, PING)
    talk.close()


def strangers(wire: Wire) -> None:
    """A connection that is not Monero's, one on a port that does not tell, and a packet that is not
    IP.
    """
    other = wire.talk(40004, server_port=443)
    other.say(CLIENT, b"GET / HTTP/1.1\r\n\r\n").say(SERVER, b"HTTP/1.1 400 \r\n\r\n")
    wire.put(b"\xff" * 12 + b"\x08\x06" + bytes(28))
    wire.talk(40005, server_port=9999).say(CLIENT, PING).say(SERVER, PONG).close()


def unfinished(wire: Wire) -> None:
    """Captured from the middle, and to the middle: a hole that stays open, a message and fragments
    under way.
    """
    talk = wire.talk(40006, opened=False)
    talk.say(CLIENT, news(80)[40:]).say(CLIENT, PING).say(
        SERVER, PONG + craft.fragments(SYNC, 100)[0]
    )
    talk.say(CLIENT, news(200)[:100]).say(SERVER, WELCOME[:70])
    late = wire.talk(40007)
    late.say(CLIENT, PING).lose(CLIENT, 40).say(CLIENT, news(60)[40:] + SYNC + PING[:20])


def brief() -> list[Packet]:
    """Less of it, for formats that differ in how packets are stored."""
    wire = Wire()
    talk = wire.talk()
    talk.cuts(CLIENT, HELLO, 100).say(CLIENT, FLAGS + PING, at=295 + 43).say(
        CLIENT, PING, at=295
    ).say(SERVER, WELCOME + PONG)
    talk.lose(CLIENT, 20).say(CLIENT, PING[20:] + PING)
    return wire.packets


@dataclass
class Capture:
    """A file in the making: its bytes, and where it may end without being cut: offset → packets
    before it.
    """

    data: bytes = b""
    ends: dict[int, int] = field(default_factory=dict)
    count: int = 0

    def put(self, record: bytes, packets: int = 0) -> None:
        self.data += record
        self.count += packets
        self.ends[len(self.data)] = self.count

    def whole_until(self, cut: int) -> int:
        """The last end that a cut leaves."""
        return max((end for end in self.ends if end <= cut), default=0)


def pcap(packets: Iterable[Packet], order: str, nano: bool) -> Capture:
    capture = Capture()
    capture.put(craft.pcap([], order=order, nano=nano))
    for packet in packets:
        capture.put(craft.pcap([packet], order=order, nano=nano)[24:], 1)
    return capture


def pcapng(packets: Sequence[Packet], order: str) -> Capture:
    """Two sections of other byte orders and interfaces, resolutions and packet blocks; and blocks
    that are no packets.
    """
    capture = Capture()
    half = len(packets) // 2
    other = {"<": ">", ">": "<"}[order]
    capture.put(craft.section_header(order))
    capture.put(craft.interface(order=order, resolution=9))
    for packet in packets[:half]:
        capture.put(craft.enhanced(packet, 0, order, resolution=9), 1)
    capture.put(craft.block(5, struct.pack(order + "III", 0, 0, 0), order))  # interface statistics
    capture.put(craft.section_header(other))
    capture.put(craft.interface(craft.RAW_IP, other))
    capture.put(craft.interface(order=other, resolution=9))
    for number, packet in enumerate(packets[half:]):
        ethernet = packet.data[12:14] != b"\x08\x00" or number % 2
        capture.put(
            craft.enhanced(packet, 1, other, resolution=9)
            if ethernet
            else craft.enhanced(
                Packet(packet.time, packet.data[14:], packet.length and packet.length - 14),
                0,
                other,
            ),
            1,
        )
    return capture


def kuznetzov(packets: Iterable[Packet]) -> Capture:
    """Alexey Kuznetzov's pcap, with a longer header of each packet, which only libpcap reads."""
    capture = Capture()
    capture.put(struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 262144, 1))
    for packet in packets:
        record = craft.pcap([packet])[24:]
        capture.put(record[:16] + struct.pack("<iHBB", 1, 0x0800, 0, 0) + record[16:], 1)
    return capture


# and the bytes of what has to be there for it to be a capture
FORMATS: dict[str, tuple[Callable[[], Capture], int]] = {
    "pcap-le-us": (lambda: pcap(conversations(), "<", False), 24),
    "pcap-be-us": (lambda: pcap(brief(), ">", False), 24),
    "pcap-le-ns": (lambda: pcap(brief(), "<", True), 24),
    "pcap-be-ns": (lambda: pcap(brief(), ">", True), 24),
    "pcapng-le": (lambda: pcapng(conversations(), "<"), 28),
    "pcapng-be": (lambda: pcapng(brief(), ">"), 28),
    "libpcap-only": (lambda: kuznetzov(brief()), 24),
}


@cache
def capture_of_format(name: str) -> tuple[Capture, int]:
    build, header = FORMATS[name]
    return build(), header


class Parts:
    """The tables of a stream of files, one of which ends at one of its ends: each read once."""

    def __init__(
        self, capture: Capture, path: Path, before: Sequence[Path] = (), after: Sequence[Path] = ()
    ) -> None:
        self.capture = capture
        self.path = path
        self.paths = [*before, path, *after]
        self.written: bytes | None = None
        self.known: dict[int, Tables] = {}
        self.checked: set[tuple[int, str | None, bytes]] = set()

    def write(self, data: bytes) -> None:
        """Appends where it can: a new file for each cut takes longer than to read it."""
        more = self.written is not None and data.startswith(self.written)
        with self.path.open("ab" if more else "wb") as file:
            file.write(data[len(self.written or b"") :] if more else data)
        self.written = data

    def of(self, end: int) -> Tables:
        if end not in self.known:
            self.write(self.capture.data[:end])
            self.known[end] = tables_of(read(self.paths))
        return self.known[end]

    def check(self, data: bytes, end: int, where: str | None) -> None:
        """With these bytes in the place of the file, every table is that of the one that ends at
        `end`. `where`: what the row of problems says of the place; None: there is none, for nothing
        was cut.
        What comes out byte for byte as before is not looked at again."""
        wanted = self.of(end)
        self.write(data)
        traffic = read(self.paths)
        mark = (end, where, digest(traffic, len(data)))
        if mark not in self.checked:
            check_cut(tables_of(traffic), wanted, str(self.path).encode(), where)
            self.checked.add(mark)


def digest(traffic: mt.Traffic, size: int) -> bytes:
    """All that was read, less the place in the file, which is within it."""
    arrays = dict(traffic.arrays)
    arrays["problems"] = arrays["problems"].copy()
    of_file = arrays["problems"]["kind"] == SCHEMA["problems"].field("kind").code("file")
    assert (arrays["problems"]["offset"][of_file] <= size).all()
    arrays["problems"]["offset"][of_file] = 0
    hasher = hashlib.blake2b(repr(names_of(traffic)).encode())
    for rows in arrays.values():
        hasher.update(rows.tobytes())
    return hasher.digest()


def check_cut(tables: Tables, wanted: Tables, path: bytes, where: str | None) -> None:
    reports = [row for row in tables["problems"] if row["kind"] == "file"]
    assert [row["truncated"] for row in tables["files"]] == [
        where is not None and row["path"] == path for row in tables["files"]
    ]
    assert len(reports) == (where is not None)
    if where is not None:
        assert re.search(where, reports[0]["detail"].decode()), (where, reports)
        assert tables["files"][reports[0]["file"]]["path"] == path
        assert reports[0]["frame"] == tables["files"][reports[0]["file"]]["packets"]
    for name in tables:
        rows = tables[name]
        if name == "problems":
            rows = [row for row in rows if row["kind"] != "file"]
        elif name == "files":
            rows = [row | {"truncated": 0} for row in rows]
        assert rows == wanted[name], name


def check_refused(parts: Parts, data: bytes) -> None:
    parts.write(data)
    with pytest.raises(
        mt.CaptureError,
        match=f"{parts.path.name}: .*(cut in the file header|empty file|truncated dump file|"
        "not a capture file)",
    ):
        read(parts.paths)
