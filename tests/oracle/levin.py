"""Streams into Levin messages: framing, what a hole does, fragments joined, requests paired with
responses.
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import epee, fingerprint, p2p, relay
from .capture import Packet
from .tcp import SIGNATURE, Connection, Stream, beginning_of

HEADER = 33
REQUEST, RESPONSE, BEGIN, END = 1, 2, 4, 8
LONGEST = 100_000_000
COMMANDS = {
    1001: ("HANDSHAKE", 65_536),
    1002: ("TIMED_SYNC", 65_536),
    1003: ("PING", 4_096),
    1004: ("REQUEST_STAT_INFO", None),
    1005: ("REQUEST_NETWORK_STATE", None),
    1006: ("REQUEST_PEER_ID", None),
    1007: ("REQUEST_SUPPORT_FLAGS", 4_096),
    2001: ("NEW_BLOCK", 134_217_728),
    2002: ("NEW_TRANSACTIONS", 134_217_728),
    2003: ("REQUEST_GET_OBJECTS", 2_097_152),
    2004: ("RESPONSE_GET_OBJECTS", 134_217_728),
    2006: ("REQUEST_CHAIN", 524_288),
    2007: ("RESPONSE_CHAIN_ENTRY", 4_194_304),
    2008: ("NEW_FLUFFY_BLOCK", 4_194_304),
    2009: ("REQUEST_FLUFFY_MISSING_TX", 1_048_576),
    2010: ("GET_TXPOOL_COMPLEMENT", 4_194_304),
    2011: ("TX_POOL_HASH", None),
    2012: ("REQUEST_TX_POOL_TXS", None),
}
DRAFTS = (2011, 2012)


@dataclass
class Header:
    length: int
    expect: int
    command: int
    return_code: int
    flags: int
    version: int

    @staticmethod
    def read(data: bytes, at: int = 0) -> Header:
        return Header(*struct.unpack_from("<QBIiII", data, at + 8))

    def kind(self) -> str | None:
        """In monerod's order of tests; None for a fragment."""
        if not self.flags & (REQUEST | RESPONSE):
            return "noise" if self.flags & BEGIN and self.flags & END else None
        if self.flags & RESPONSE and self.version == 1:
            return "response"
        return "request" if self.expect else "notification"

    def limit(self) -> int:
        """monerod's own for the command."""
        return COMMANDS.get(self.command, ("", None))[1] or 2**64


@dataclass
class Message:
    header: Header
    side: int  # 0: sent by the client
    buckets: list[tuple[int, int]]  # the stretches of the stream that are its, headers included
    captured: int  # payload bytes present
    status: str
    body: bytes | None = None  # of a whole message
    fragments: int = 1
    kind: str | None = None
    why: str = ""
    rows: p2p.Rows = field(default_factory=p2p.Rows)
    shape: dict[str, Any] = field(default_factory=lambda: dict(fingerprint.NONE))
    reply_to: Message | None = None
    number: int = -1

    def start(self) -> int:
        return self.buckets[0][0]

    def end(self) -> int:
        return self.buckets[-1][1]


@dataclass
class Problem:
    kind: str
    offset: int
    bytes: int
    side: int


def sound(data: bytes, at: int = 0) -> Iterator[int]:
    """The offsets of headers that may be believed out of step, with the beginning of their
    bodies.
    """
    while (at := data.find(SIGNATURE, at)) >= 0:
        if at + HEADER <= len(data) and is_sound(
            Header.read(data, at), data[at + HEADER : at + HEADER + len(epee.HEADER)]
        ):
            yield at
        at += 1


def is_sound(header: Header, beginning: bytes) -> bool:
    if header.version != 1 or header.expect > 1 or header.flags not in (0, 1, 2, 4, 8, 12):
        return False
    if header.length > min(header.limit(), LONGEST):
        return False
    if not header.flags & (REQUEST | RESPONSE):
        return header.command == 0
    if header.command not in COMMANDS:
        return False
    if header.length == 0:
        return header.flags == RESPONSE and header.return_code < 0
    return header.length > len(epee.HEADER) and beginning == epee.HEADER


def find_messages(connection: Connection) -> None:
    """Fills `messages` and `problems` of both streams."""
    for side, stream in enumerate(connection.streams):
        stream.problems = [
            Problem("lost", start, end - start, side) for start, end, _ in stream.holes()
        ]
        if not connection.monero:
            stream.messages = []
            if stream.seen():
                stream.problems.append(
                    Problem("not_levin", stream.start(), stream.seen() - stream.dropped(), side)
                )
    if not connection.monero:
        return
    for side, stream in enumerate(connection.streams):
        if stream.early():
            stream.problems.append(Problem("unframed", -stream.early(), stream.early(), side))
        framing = Framing(connection, side)
        stream.messages = join(stream, framing, side)
        stream.problems += framing.prefixes + framing.outside
        stream.cut = framing.cut
        stream.doubtful = bool(
            framing.outside or stream.holes() or (stream.pieces and not stream.begins)
        )
        for message in stream.messages:
            judge(message)
            if message.status != "complete":
                add_problem(stream, message)
    pair(connection)


def delivered(stream: Stream, end: int) -> int:
    """The arrival of the packet that made the stream whole up to `end`: when a reader in order has
    those bytes.
    """
    count = bisect.bisect_left(stream.pieces, end, key=lambda piece: piece.start)
    return stream.latest()[count - 1] if count else -1


class Framing:
    """One pass over a stream: buckets, whole or not, and what lies outside them."""

    def __init__(self, connection: Connection, side: int) -> None:
        self.connection = connection
        self.stream = stream = connection.streams[side]
        self.side = side
        self.runs = stream.runs()
        self.holes = stream.holes()
        self.messages: list[Message] = []
        self.prefixes: list[Problem] = []
        self.outside: list[Problem] = []
        self.kind = "unframed"  # of bytes outside messages
        self.cut: list[tuple[int, int]] = []  # beginnings of headers that were cut
        self.doubts: list[int] = []  # offsets at which it was out of step
        self.losses: list[int] = []  # those of them behind a hole: messages may have been missed

    def read(self) -> list[Message]:
        at, search, in_step = self.begin()
        while at < self.stream.end():
            run = next(
                ((start, data) for start, data in self.runs if start <= at < start + len(data)),
                None,
            )
            if run is None:  # in a hole
                at = min(start for start, _ in [*self.runs, (self.stream.end(), b"")] if start > at)
                in_step = False
                self.doubts.append(at)
                self.losses.append(at)
                continue
            data = run[1][at - run[0] :]
            if not in_step or not data.startswith(SIGNATURE[: len(data)]):
                skip = next(sound(data, max(search - at, 0)), len(data))
                self.skip(at, skip)
                in_step = skip < len(data)
                if in_step:
                    self.doubts.append(at)
                    self.kind = "unframed"
                at += skip
            elif len(data) < HEADER:
                self.skip(at, len(data))
                self.cut.append((at, at + len(data)))
                at += len(data)
            else:
                at, in_step = self.bucket(at, data)
        return self.messages

    def begin(self) -> tuple[int, int, bool]:
        """Reads prefixes of proxies: where the bytes after them begin, from where on a header is
        looked for, and whether one is expected.
        """
        if not self.stream.begins or not self.runs or self.runs[0][0] != 0:
            return 0, 0, self.stream.begins
        beginning = beginning_of(self.connection, self.side)
        self.prefixes = [
            Problem("proxy_prefix", start, end - start, self.side)
            for start, end in beginning.prefixes
        ]
        self.kind = beginning.outside
        return beginning.at, beginning.search, beginning.in_step

    def doubted(self, start: int, end: int) -> bool:
        return any(start < at <= end for at in self.losses)

    def skip(self, at: int, count: int) -> None:
        """Bytes that no header owns."""
        if count:
            self.outside.append(Problem(self.kind, at, count, self.side))

    def bucket(self, at: int, data: bytes) -> tuple[int, bool]:
        """Takes the bucket whose header begins at `at`; where to go on, and whether in step."""
        header = Header.read(data)
        kind = header.kind()
        limit = LONGEST
        if kind not in (None, "noise"):
            limit = min(limit, header.limit())
        believed = header.length <= LONGEST
        end = (
            at
            + HEADER
            + (header.length if believed else next(sound(data, HEADER), len(data)) - HEADER)
        )
        present = self.present(at + HEADER, end)
        holes = [snapped for start, stop, snapped in self.holes if start < end and stop > at]
        if header.length > limit:
            status = "oversize"
        elif holes:
            status = "snapped" if all(holes) else "gap"
        else:
            status = "complete" if len(present) == header.length else "truncated"
        message = Message(
            header, self.side, [(at, min(end, self.stream.end()))], len(present), status, kind=kind
        )
        if status == "complete":
            message.body = present
        self.messages.append(message)
        in_step = believed or end < at + len(data)
        if in_step and not believed:
            self.doubts.append(end)
        return end, in_step

    def present(self, start: int, end: int) -> bytes:
        return b"".join(
            data[max(start - at, 0) : end - at]
            for at, data in self.runs
            if at < end and at + len(data) > start
        )


def join(stream: Stream, framing: Framing, side: int) -> list[Message]:
    """Levin fragments into the message that they carry, as monerod joins them; in the order in
    which each is whole or given up.
    """
    messages: list[Message] = []
    waiting: list[Message] = []
    for bucket in framing.read():
        flags = bucket.header.flags
        if (
            bucket.kind is not None
            or bucket.status == "oversize"
            or (not waiting and not flags & (BEGIN | END) and bucket.header.length == 0)
        ):
            messages.append(bucket)  # the last: a fragment that adds nothing to nothing
            continue
        if flags & BEGIN and waiting:
            messages.append(
                broken(waiting, framing.doubted(waiting[0].start(), bucket.start()), "truncated")
            )
            waiting = []
        waiting.append(bucket)
        if flags & END and bucket.status != "truncated":
            messages.append(
                joined(
                    waiting,
                    framing.doubted(waiting[0].start(), bucket.start()),
                    any(at <= bucket.start() for at in framing.doubts),
                )
            )
            waiting = []
    if waiting:
        messages.append(
            broken(waiting, framing.doubted(waiting[0].start(), stream.end()), "truncated")
        )
    return messages


def joined(parts: list[Message], doubted: bool, lossy: bool) -> Message:
    whole = b"".join(part.body or b"" for part in parts)
    begun = any(part.header.flags & BEGIN for part in parts) or (
        len(whole) >= HEADER and whole.startswith(SIGNATURE)
    )
    if doubted or any(part.status != "complete" for part in parts):
        return broken(parts, doubted, "truncated")
    if not begun or len(whole) < HEADER or Header.read(whole).length > len(whole) - HEADER:
        return broken(parts, lossy and not begun, "malformed")
    header = Header.read(whole)
    body = whole[HEADER : HEADER + header.length]
    status = "oversize" if header.length > header.limit() else "complete"
    kind = (
        "response"
        if header.flags & RESPONSE and header.version == 1
        else "request"
        if header.expect
        else "notification"
    )
    return Message(
        header,
        parts[0].side,
        [part.buckets[0] for part in parts],
        len(body),
        status,
        body,
        len(parts),
        kind,
    )


def broken(parts: list[Message], doubted: bool, status: str) -> Message:
    """One row for fragments that give no message: with the inner header's values if it is there."""
    for name in ("snapped", "gap"):
        if any(part.status == name for part in parts):
            status = name
    if doubted:
        status = "gap"
    whole = b"".join(part.body or b"" for part in parts)
    header, kind, captured = parts[0].header, None, sum(part.captured for part in parts)
    if len(whole) >= HEADER and whole.startswith(SIGNATURE):
        header = Header.read(whole)
        kind = header.kind()
        captured = min(captured - HEADER, header.length)
    return Message(
        header,
        parts[0].side,
        [part.buckets[0] for part in parts],
        captured,
        status,
        None,
        len(parts),
        kind,
    )


def judge(message: Message) -> None:
    """Whether monerod would take the payload of a whole message, and what it says."""
    header = message.header
    if (
        message.status != "complete"
        or message.body is None
        or message.kind in ("noise", None)
        or header.command not in COMMANDS
    ):
        return
    if message.kind == "response" and header.return_code < 0:
        return
    try:
        payload = epee.read(message.body)
        response = message.kind == "response"
        message.rows = p2p.decode(header.command, response, payload.root)
        message.shape = fingerprint.look(header.command, response, payload)
        relay.add_relayed(message.rows, header.command, payload.root)
    except epee.Refused as why:
        if header.command in DRAFTS:  # no released monerod reads them
            message.rows = p2p.Rows(unread=["payload that is not as in the draft"])
            return
        message.status = "malformed"
        message.why = str(why)


def add_problem(stream: Stream, message: Message) -> None:
    """The row of problems of a message that is not complete: the bytes of it that were seen."""
    seen = sum(
        min(piece.end, stop) - max(piece.start, start)
        for start, stop in message.buckets
        for piece in stream.between(start, stop)
    )
    stream.problems.append(Problem(message.status, message.start(), seen, message.side))


def pair(connection: Connection) -> None:
    """Each response to the oldest request of the other side that waits, if it is of the same
    command; where bytes were lost, to the oldest of the same command.
    """
    doubtful = any(stream.doubtful for stream in connection.streams)
    everything = [
        (delivered(stream, message.end()), message)
        for stream in connection.streams
        for message in stream.messages
    ]
    waiting: tuple[list[Message], list[Message]] = ([], [])
    early: tuple[list[Message], list[Message]] = ([], [])
    for _, message in sorted(everything, key=lambda item: item[0]):
        if message.kind == "request":
            answer = next(
                (
                    response
                    for response in early[1 - message.side]
                    if fits(connection, message, response)
                ),
                None,
            )
            if answer is None:
                waiting[message.side].append(message)
            else:
                answer.reply_to = message
                early[answer.side].remove(answer)
        elif message.kind == "response":
            asked = waiting[1 - message.side]
            index = next(
                (
                    i
                    for i, request in enumerate(asked)
                    if request.header.command == message.header.command
                ),
                None,
            )
            if index is not None and (index == 0 or doubtful):
                message.reply_to = asked[index]
                del asked[: index + 1]
            elif asked and not doubtful:
                del asked[0]
            else:
                early[message.side].append(message)


def fits(connection: Connection, request: Message, response: Message) -> bool:
    """Whether a response that was captured before the request answers it: it acknowledges all of
    it.
    """
    last = connection.streams[response.side].between(*response.buckets[-1])[-1]
    return (
        request.header.command == response.header.command
        and last.acknowledged is not None
        and last.acknowledged >= request.end()
    )


def packets_of(stream: Stream, message: Message) -> list[Packet]:
    """The packets that brought bytes of it, in stream order."""
    packets: dict[int, Packet] = {}
    for start, stop in message.buckets:
        for piece in stream.between(start, stop):
            packets.setdefault(piece.packet.arrival, piece.packet)
    return list(packets.values())
