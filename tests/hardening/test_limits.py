"""Every limit, reached by a capture made for it: what it costs is told, and all else is read."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import monerotraffic as mt
from cases.blobs import GENESIS_TX
from support import craft
from support.comparison import check_accounting
from support.craft import CLIENT, SERVER, SYN, Connection, Packet

SECOND = 1_000_000_000
HOST = "198.51.100.10"
PING = craft.request(1003)

Sample = tuple[bytes, dict[str, int]]
"""A capture, and the limits to read it with."""

WORST: dict[str, Callable[[], Sample]] = {}


def reaches(limit: str) -> Callable[[Callable[[], Sample]], Callable[[], Sample]]:
    """Registers the capture that reaches a limit."""

    def register(make: Callable[[], Sample]) -> Callable[[], Sample]:
        WORST[limit] = make
        return make

    return register


def talk(number: int = 0, clock: int = craft.START) -> Connection:
    """An open connection from a client of that number."""
    return Connection(
        (f"192.0.2.{number % 250 + 1}", 40000 + number), (HOST, 18080), clock=clock
    ).open()


def pcap(*connections: Connection) -> bytes:
    """Their packets in order of time."""
    return craft.pcap(
        sorted(
            (packet for connection in connections for packet in connection.packets),
            key=lambda packet: packet.time,
        ),
        nano=True,
    )


def capture_of(*messages: bytes, segment: int = 1448) -> bytes:
    """One connection on which the client says that."""
    connection = talk()
    connection.send(CLIENT, b"".join(messages), segment=segment)
    return pcap(connection)


def news(size: int) -> bytes:
    """A message of a little more than `size` bytes."""
    return craft.notification(2002, craft.transactions([b"x" * size]))


def hole(segments: Iterable[bytes], step: int = 1_000_000) -> Connection:
    """A connection whose first byte is missing, then these segments."""
    connection = talk()
    at = 1
    for segment in segments:
        connection.clock += step
        connection.at(CLIENT, at, segment)
        at += len(segment)
    return connection


def later(connection: Connection, seconds: float) -> Connection:
    connection.clock += int(seconds * SECOND)
    return connection


@reaches("decompression_ratio")
def _() -> Sample:
    return gzip.compress(
        capture_of(PING) + craft.pcap([Packet(craft.START, bytes(60_000))], nano=True)[24:] * 1000
    ), {"decompression_ratio": 100}


@reaches("open_file_bytes")
def _() -> Sample:
    long = craft.Packet(craft.START + 10**12, bytes(600_000))
    return craft.pcap([*talk().packets, long], snaplen=1 << 20), {"open_file_bytes": 1}


@reaches("interfaces")
def _() -> Sample:
    connection = talk()
    connection.send(CLIENT, PING)
    first, *more = connection.packets
    return craft.pcapng([first]) + craft.interface() * 3 + b"".join(map(craft.enhanced, more)), {
        "interfaces": 2
    }


@reaches("connections")
def _() -> Sample:
    return pcap(*(talk(number, craft.START + number * SECOND) for number in range(4))), {
        "connections": 3
    }


@reaches("idle_seconds")
def _() -> Sample:
    return pcap(
        talk(0), talk(1, craft.START + 100 * SECOND), later(talk(2, craft.START + 101 * SECOND), 1)
    ), {"idle_seconds": 60}


@reaches("hole_bytes")
def _() -> Sample:
    return pcap(hole([b"x" * 1000] * 5)), {"hole_bytes": 4000}


@reaches("hole_segments")
def _() -> Sample:
    return pcap(hole([b"x"] * 11)), {"hole_segments": 10}


@reaches("hole_seconds")
def _() -> Sample:
    return pcap(hole([b"x"] * 5, step=10 * SECOND)), {"hole_seconds": 30}


def acknowledged_hole(step: int) -> Connection:
    """The receiver has what the capture lacks; a dozen more packets."""
    connection = hole([b"xy"])
    connection.sequence[CLIENT] = connection.first[CLIENT] + 3
    for _ in range(12):
        connection.clock += step
        connection.emit(SERVER)
    return connection


@reaches("hole_acked_segments")
def _() -> Sample:
    return pcap(acknowledged_hole(1000)), {"hole_acked_segments": 10}


@reaches("hole_acked_milliseconds")
def _() -> Sample:
    return pcap(acknowledged_hole(10_000_000)), {"hole_acked_milliseconds": 50}


@reaches("buffered_bytes")
def _() -> Sample:
    return capture_of(news(20_000), PING), {"buffered_bytes": 10_000}


@reaches("connection_bytes")
def _() -> Sample:
    return capture_of(news(20_000), PING), {"connection_bytes": 10_000}


@reaches("message_bytes")
def _() -> Sample:
    return capture_of(news(20_000), PING), {"message_bytes": 10_000}


def fragments(count: int, step: int = 1_000_000) -> bytes:
    """Beginnings of IP datagrams, and a ping."""
    segment = craft.tcp(40000, 18080, 1, payload=b"x" * 2000)
    first = [
        craft.ipv4_fragments("192.0.2.1", HOST, segment, 1480, ident=number)[0]
        for number in range(count)
    ]
    packets = [
        Packet(craft.START + number * step, craft.ethernet(data))
        for number, data in enumerate(first)
    ]
    connection = talk(5, craft.START + count * step)
    connection.send(CLIENT, PING)
    return craft.pcap([*packets, *connection.packets], nano=True)


@reaches("ip_fragment_bytes")
def _() -> Sample:
    return fragments(5), {"ip_fragment_bytes": 4000}


@reaches("ip_fragment_datagrams")
def _() -> Sample:
    return fragments(5), {"ip_fragment_datagrams": 3}


@reaches("ip_fragment_seconds")
def _() -> Sample:
    return fragments(5, step=5 * SECOND), {"ip_fragment_seconds": 10}


@reaches("blobs")
def _() -> Sample:
    return capture_of(
        craft.notification(2002, craft.transactions([GENESIS_TX, b"1", b"2", b"3"]))
    ), {"blobs": 2}


@reaches("message_fields")
def _() -> Sample:
    return capture_of(craft.request(1001, craft.handshake_request())), {"message_fields": 3}


@reaches("rows")
def _() -> Sample:
    return capture_of(*[PING] * 600, segment=len(PING)), {"rows": 100}


@reaches("epee_objects")
def _() -> Sample:
    return capture_of(craft.request(1001, craft.handshake_request()), PING), {"epee_objects": 1}


@reaches("epee_fields")
def _() -> Sample:
    return capture_of(craft.request(1001, craft.handshake_request()), PING), {"epee_fields": 5}


@reaches("epee_strings")
def _() -> Sample:
    return capture_of(
        news(10), news(10), craft.notification(2002, craft.transactions([b"1", b"2"]))
    ), {"epee_strings": 1}


@reaches("epee_depth")
def _() -> Sample:
    return capture_of(craft.request(1001, craft.handshake_request()), PING), {"epee_depth": 1}


@reaches("requests")
def _() -> Sample:
    return capture_of(*[PING] * 5), {"requests": 3}


@reaches("early_responses")
def _() -> Sample:
    connection = talk()
    for _ in range(5):  # the capture holds each answer before its question
        connection.skip(CLIENT, len(PING))
        connection.send(SERVER, craft.response(1003, craft.ping_response()))
    for number in range(5):
        connection.at(CLIENT, number * len(PING), PING)
    return pcap(connection), {"early_responses": 2}


@reaches("problems")
def _() -> Sample:
    return pcap(hole([b"garbage" * 20])), {"problems": 0}


@reaches("addresses")
def _() -> Sample:
    return capture_of(
        craft.response(
            1002,
            craft.timed_sync_response([craft.peer(f"203.0.113.{n}", 18080, n) for n in range(9)]),
        )
    ), {"addresses": 5}


@reaches("strings")
def _() -> Sample:
    return capture_of(craft.request(1001, craft.handshake_request())), {"strings": 1}


def read(path: Path, limits: dict[str, int] | None = None) -> mt.Traffic:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mt.CaptureWarning)
        return mt.read(path, host=HOST, tables=mt.TABLES, limits=limits)


def test_every_limit_is_here() -> None:
    """One file alone does not reach `open_files`: test_many_files does. `row_ratio` needs 512 MiB
    of rows: test_rows_of_a_bomb.
    """
    assert {*WORST, "open_files", "row_ratio"} == set(mt.limits())


@pytest.mark.parametrize("limit", WORST)
def test_reached_and_counted(limit: str, tmp_path: Path) -> None:
    data, limits = WORST[limit]()
    path = tmp_path / "capture"
    path.write_bytes(data)
    traffic = read(path, limits)
    assert traffic.limits_reached[limit] > 0
    if limit == "problems":  # whose rows are then counted in all
        account = traffic.accounting()
        assert (
            account.seen.sum()
            == traffic.problems.bytes[traffic.problems.kind == "unframed"].sum()
            > 0
        )
    else:
        check_accounting(traffic)
    assert limit not in read(path).limits_reached
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mt.CaptureWarning)
        *_, last = mt.scan(path, rows=1, host=HOST, tables=mt.TABLES, limits=limits)
    if limit != "rows":  # a scan hands its rows over
        assert last.limits_reached == traffic.limits_reached


@pytest.mark.parametrize("limit", WORST)
def test_nothing_at_all(limit: str, tmp_path: Path) -> None:
    """A limit of 0 is no reason to stop, whatever it is of."""
    path = tmp_path / "capture"
    connection = talk()
    connection.send(CLIENT, craft.request(1001, craft.handshake_request()) + news(5000) + PING)
    connection.send(
        SERVER,
        craft.response(1001, craft.handshake_response([craft.peer("203.0.113.9", 18080, 9)])),
    )
    connection.close()
    path.write_bytes(pcap(connection))
    traffic = read(path, {limit: 0})
    check_accounting(traffic)
    assert len(traffic.files) == 1


def test_a_limit_that_is_not_reached_is_not_reported(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(capture_of(PING))
    assert read(path).limits_reached == {}


@pytest.mark.parametrize("limit", ["epee_objects", "epee_fields", "epee_strings", "epee_depth"])
def test_never_more_than_monerod(limit: str, tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(capture_of(PING))
    most = mt.limits()[limit][0]
    with pytest.raises(ValueError, match=f"{limit} is {most + 1}: must be from 0 to {most}"):
        mt.read(path, limits={limit: most + 1})


def test_rows_beyond_the_limit(tmp_path: Path) -> None:
    """What was read before is there, and a row and a warning say that the rest is not."""
    path = tmp_path / "capture"
    connection = talk()
    for _ in range(300):
        connection.send(CLIENT, PING)
        connection.send(SERVER, craft.response(1003, craft.ping_response()))
    path.write_bytes(pcap(connection))
    with pytest.warns(mt.CaptureWarning, match=r"too many rows \(limit rows\)"):
        traffic = mt.read(path, limits={"rows": 100})
    assert traffic.files[["packets", "truncated"]].to_numpy().tolist() == [[192, True]]
    assert 90 < len(traffic.messages) < 128
    check_accounting(traffic)
    assert traffic.limits_reached["rows"] == 1
    assert len(traffic.connections) == 1
    parts = list(mt.scan(path, rows=50, limits={"rows": 100}))
    assert sum(len(part.messages) for part in parts) == 600


def test_rows_of_a_bomb(tmp_path: Path) -> None:
    """Entries of a peer list that take one byte each: 44 bytes of stored rows a byte."""
    message = craft.response(1002, craft.epee({"local_peerlist_new": [{} for _ in range(8000)]}))
    connection = talk()
    connection.send(CLIENT, message * 1600, segment=len(message))
    path = tmp_path / "capture"
    path.write_bytes(gzip.compress(pcap(connection), 1))
    with pytest.warns(mt.CaptureWarning, match="limit row_ratio"):
        traffic = mt.read(path, host=HOST, limits={"decompression_ratio": 10_000})
    assert traffic.limits_reached["row_ratio"] == 1
    stored = traffic.coded_lists
    size = stored.codes.nbytes + stored.entries.nbytes
    size += sum(array.nbytes for name, array in traffic.arrays.items() if name != "peer_lists")
    assert 512 << 20 < size < 560 << 20
    assert len(traffic.messages) * 8000 == len(stored)


def test_rows_of_one_message_are_bounded_by_its_bytes(tmp_path: Path) -> None:
    """At most one row a byte in each table of contents: nothing else has as many as a peer list of
    empty entries, an array of empty strings, or one of numbers of a byte.
    """
    peers = craft.epee({"local_peerlist_new": [{} for _ in range(8000)]})
    blobs = craft.epee({"txs": [b""] * 8000, "_": bytes(9000)})
    path = tmp_path / "capture"
    path.write_bytes(capture_of(craft.response(1002, peers), craft.notification(2002, blobs)))
    traffic = read(path)
    assert len(traffic.messages) == 2
    for table in ("peer_lists", "transactions", "fields"):
        rows = getattr(traffic, table).groupby("message").size()
        assert (rows <= traffic.messages["length"][rows.index]).all()
        assert rows.max() >= 8000


def test_syn_flood_is_bounded(tmp_path: Path) -> None:
    """A connection per packet: no more are followed than the limit allows, and each has its row."""
    packets = [
        Packet(
            craft.START + number * 1000,
            craft.ethernet(
                craft.ip(
                    f"192.0.{number >> 8}.{number & 255}",
                    HOST,
                    craft.tcp(40000, 18080, number, flags=SYN),
                )
            ),
        )
        for number in range(5000)
    ]
    path = tmp_path / "flood"
    path.write_bytes(craft.pcap(packets, nano=True))
    traffic = read(path, {"connections": 100})
    assert traffic.limits_reached["connections"] == 4900
    assert len(traffic.connections) == 5000
