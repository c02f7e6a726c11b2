"""What was found, as rows with the column names of the package's tables."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Any

from .capture import NO_TIME, File
from .fields import field_rows
from .levin import COMMANDS, Message, delivered, packets_of
from .network import Segments
from .tcp import Connection, Stream

Row = dict[str, Any]
Tables = dict[str, list[Row]]

OF_MESSAGES = ("peer_lists", "node_data", "sync_data", "transactions", "blocks", "inventories")


def make_tables(
    files: list[File], connections: list[Connection], segments: Segments, fields: bool = False
) -> Tables:
    tables: Tables = {
        name: []
        for name in (
            "connections",
            "messages",
            *OF_MESSAGES,
            *(["fields"] if fields else []),
            "problems",
            "files",
        )
    }
    messages = [
        (arrival, connection, message)
        for connection in connections
        for stream in connection.streams
        for arrival, message in in_order(stream)
    ]
    messages.sort(key=lambda item: item[0])  # a stable sort
    for number, (_, _, message) in enumerate(messages):
        message.number = number
    for _, connection, message in messages:
        row = message_row(connection, message)
        tables["messages"].append(row)
        for name in OF_MESSAGES:
            tables[name] += [
                {"message": message.number, **more} for more in getattr(message.rows, name)
            ]
        tables["problems"] += [blob_problem(row, why) for why in message.rows.unread]
        if fields:
            add_fields(tables["fields"], row)
    for connection in connections:
        tables["connections"].append(connection_row(connection))
        for stream in connection.streams:
            tables["problems"] += [
                {
                    "connection": connection.number,
                    "kind": problem.kind,
                    "offset": problem.offset,
                    "bytes": problem.bytes,
                    "from_client": problem.side == 0,
                }
                for problem in stream.problems
            ]
        for side, stream in enumerate(connection.streams):
            tables["problems"] += [
                {
                    "connection": connection.number,
                    "kind": kind,
                    "offset": offset,
                    "bytes": size,
                    "from_client": side == 0,
                }
                for kind, offset, size in stream.refused
            ]
    for number, file in enumerate(files):
        tables["files"].append(file_row(number, file, segments, connections))
    return tables


def in_order(stream: Stream) -> Iterator[tuple[int, Message]]:
    """The messages of a stream with the arrival of the packet that made them whole, or those before
    them.
    """
    latest = -1
    for message in stream.messages:
        latest = max(latest, delivered(stream, message.end()))
        yield latest, message


def blob_problem(row: Row, why: str) -> Row:
    """Of a blob or list in a message that is itself whole: its bytes are counted there."""
    return {
        name: row[name] for name in ("connection", "file", "frame", "time", "offset", "from_client")
    } | {"kind": "blob", "bytes": 0, "detail": why}


def add_fields(rows: list[Row], row: Row) -> None:
    """The entries of a whole message, whatever its command; those of a refused one are left out,
    and it is marked.
    """
    if row["status"] not in ("complete", "malformed") or row["kind"] in ("noise", None):
        return
    new_rows = field_rows(row["body"] or b"")
    row["fields_refused"] = new_rows is None or row["status"] == "malformed"
    if new_rows and not row["fields_refused"]:
        rows += [{"message": row["message"], **more} for more in new_rows]


def message_row(connection: Connection, message: Message) -> Row:
    stream = connection.streams[message.side]
    header = message.header
    packets = packets_of(stream, message)
    opening = stream.between(message.start(), message.start() + 1)[0]
    first, last = (pick(packets, key=lambda packet: packet.arrival) for pick in (min, max))
    return {
        "message": message.number,
        "connection": connection.number,
        "from_client": message.side == 0,
        "time": first.time,
        "end_time": last.time,
        "file": first.file,
        "frame": first.frame,
        "end_frame": last.frame,
        "end_length": payload_of(stream, message, last),
        "command": header.command,
        "name": COMMANDS.get(header.command, ("UNKNOWN", None))[0],
        "kind": message.kind,
        "levin_flags": header.flags,
        "expects_response": header.expect != 0,
        "return_code": header.return_code,
        "version": header.version,
        "length": header.length,
        "captured": message.captured,
        "segments": len(packets),
        "first_segment": min(opening.segment[1], message.end()) - message.start(),
        "shared": any(
            meets_another(stream, message, piece.segment)
            for start, stop in message.buckets
            for piece in stream.between(start, stop)
        ),
        "fragments": message.fragments,
        "status": message.status,
        "reply_to": -1 if message.reply_to is None else message.reply_to.number,
        **message.shape,
        # not columns of the table: the place in the stream, its bytes there, the payload of a whole
        # message, whether `fields` lacks it
        "offset": message.start(),
        "wire": sum(stop - start for start, stop in message.buckets),
        "body": message.body,
        "fields_refused": False,
    }


def payload_of(stream: Stream, message: Message, packet: Any) -> int:
    """TCP payload bytes of one of the packets that brought bytes of a message."""
    segments = [
        piece.segment
        for start, stop in message.buckets
        for piece in stream.between(start, stop)
        if piece.packet is packet
    ]
    return segments[0][1] - segments[0][0]


def meets_another(stream: Stream, message: Message, segment: tuple[int, int]) -> bool:
    """Whether a segment also carries bytes of another message, or of the beginning of one."""
    stretches = stream.stretches
    if not stretches:
        stretches += sorted(
            [
                (start, stop, other.number)
                for other in stream.messages
                for start, stop in other.buckets
            ]
            + [(start, stop, -1) for start, stop in stream.cut]
        )
    index = max(bisect.bisect_left(stretches, (segment[0], 0, -1)) - 1, 0)
    while index < len(stretches) and stretches[index][0] < segment[1]:
        if stretches[index][1] > segment[0] and stretches[index][2] != message.number:
            return True
        index += 1
    return False


def connection_row(connection: Connection) -> Row:
    times = [packet.time for packet in connection.packets if packet.time != NO_TIME]
    row: Row = {
        "connection": connection.number,
        "client": connection.client[0],
        "client_port": connection.client[1],
        "server": connection.server[0],
        "server_port": connection.server[1],
        "opened": connection.packets[0].time,
        "closed": max(times, default=NO_TIME),
        "start": "syn" if connection.shaken[0] or connection.shaken[1] else "midstream",
        "end": connection.closed() or connection.end,
        "rtt": connection.rtt if times else None,
        "monero": connection.monero,  # not a column
    }
    for name, stream in zip(("client", "server"), connection.streams, strict=True):
        row |= {
            f"{name}_mss": stream.mss,
            f"{name}_ttl": stream.ttl,
            f"{name}_packets": stream.packets,
            f"{name}_bytes": stream.seen(),
            f"{name}_retransmitted": stream.retransmitted,
            f"{name}_lost": sum(stop - start for start, stop, _ in stream.holes()),
            f"{name}_messages": len(stream.messages),
        }
    return row


def file_row(number: int, file: File, segments: Segments, connections: list[Connection]) -> Row:
    times = [packet.time for packet in file.packets if packet.time != NO_TIME]
    tcp = [packet for packet in file.packets if packet.arrival in segments.tcp]
    return {
        "file": number,
        "path": str(file.path),
        "packets": len(file.packets),
        "bytes": sum(packet.length for packet in file.packets),
        "first_time": min(times, default=NO_TIME),
        "last_time": max(times, default=NO_TIME),
        "tcp_packets": len(tcp),
        "monero_packets": sum(
            packet.file == number
            for connection in connections
            if connection.monero
            for packet in connection.packets
        ),
        "skipped_packets": len(file.packets) - len(tcp),
        "truncated": file.truncated,
    }
