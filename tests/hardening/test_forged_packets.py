"""Forged packets that a TCP stack drops change nothing about other connections, and nothing about
the accepted messages and the end of the connection that they claim to belong to.

A third party that sees no packet can forge addresses and ports, but has to guess the numbers of a
connection. Guesses within the window are excluded here.
"""

from __future__ import annotations

import struct
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import monerotraffic as mt
from support import craft
from support.budget import examples
from support.comparison import BY_MESSAGE, Row, Tables, tables_of
from support.conversation_builder import HOST, SECOND, START, incoming, many, outgoing, session
from support.craft import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Connection, Packet

FOLDER = tempfile.TemporaryDirectory()
FAR = 1 << 20  # beyond any window of the conversations
Key = tuple[str, int, str, int]

SECRET = craft.request(1001, craft.handshake_request(craft.node_data(peer_id=0xBAD)))
PAYLOADS = (
    b"",
    craft.request(1003),
    SECRET,
    craft.request(4242),
    craft.response(1003, craft.ping_response(0xBAD)),
    b"no Levin header at all" * 5,
    craft.notification(2010) * 20,
)


@dataclass(frozen=True)
class Forgery:
    """A packet that is dropped: its sequence number is out of the window, or it acknowledges bytes
    that were never sent.
    """

    talk: int
    """Which conversation it claims to belong to."""
    side: int
    place: float
    """After which share of the packets."""
    flags: int
    payload: bytes
    distance: int
    """From the expected number, modulo 2^32."""
    wrong_sequence: bool
    answered: bool
    """Whether the receiver sends an acknowledgement of the bytes that it has. After the end of the
    connection it does not.
    """


forgeries = st.lists(
    st.builds(
        Forgery,
        st.integers(0, 3),
        st.sampled_from([CLIENT, SERVER]),
        st.floats(0, 1),
        st.sampled_from([ACK | PSH, ACK | PSH, ACK, RST, RST | ACK, FIN | ACK, SYN]),
        st.sampled_from(PAYLOADS),
        st.integers(FAR, (1 << 32) - FAR),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


def talks() -> list[Connection]:
    """Peers that come and one that the vantage node goes to; the last is still open at the end."""
    first = incoming("192.0.2.1").handshake().wait_until(70).timed_sync(CLIENT)
    first.peer_lists(CLIENT, many(20)).close()
    second = session("192.0.2.2", many(30), many(10, 50), at=20, number=7)
    third = outgoing("192.0.2.3").handshake(peers=[craft.peer("203.0.113.9", 18080, 9)])
    third.timed_syncs(SERVER, 30, 3, period=25).reset(SERVER)
    fourth = incoming("192.0.2.4", 1).handshake().timed_syncs(SERVER, 65, 2, period=15)
    return [first, second, third, fourth]


@cache
def sound() -> tuple[tuple[Packet, ...], tuple[Key, ...]]:
    """The packets in time order, and the ends of each conversation."""
    connections = talks()
    packets = sorted(
        (one for talk in connections for one in talk.packets), key=lambda one: one.time
    )
    return tuple(packets), tuple((*talk.client, *talk.server) for talk in connections)


@cache
def last_of_open(talk: int) -> int:
    """How many packets there are before the last three of a conversation, which end it."""
    packets, _ = sound()
    return packets.index(talks()[talk].packets[-4]) + 1


def ends_of(packet: Packet) -> Key:
    source, target = struct.unpack_from(">HH", packet.data, 34)
    addresses = tuple(".".join(map(str, packet.data[at : at + 4])) for at in (26, 30))
    return (addresses[0], source, addresses[1], target)


def next_numbers(packets: tuple[Packet, ...], key: Key) -> list[int] | None:
    """The next sequence number of each side after these packets; None before both SYNs."""
    numbers: list[int | None] = [None, None]
    for packet in packets:
        ends, sequence = ends_of(packet), struct.unpack_from(">I", packet.data, 38)[0]
        if ends not in (key, key[2:] + key[:2]):
            continue
        flags, header = packet.data[47], packet.data[46] >> 4 << 2
        length = len(packet.data) - 34 - header + bool(flags & SYN) + bool(flags & FIN)
        numbers[CLIENT if ends == key else SERVER] = sequence + length & 0xFFFFFFFF
    return None if None in numbers else [number or 0 for number in numbers]


def forged_syn(
    forgery: Forgery, at: int, packets: tuple[Packet, ...], key: Key
) -> list[tuple[int, Packet]]:
    """A SYN of the client between its own SYN and the end, with another number."""
    first = next(i for i, packet in enumerate(packets, 1) if ends_of(packet) == key)
    if not first <= at < last_of_open(forgery.talk):
        return []
    spoofed = Connection(key[:2], key[2:], clock=packets[at - 1].time + 1000)
    own = struct.unpack_from(">I", packets[first - 1].data, 38)[0]
    spoofed.emit(CLIENT, SYN, forgery.payload, own + forgery.distance & 0xFFFFFFFF)
    return [(at, packet) for packet in spoofed.packets]


def forged(forgery: Forgery) -> list[tuple[int, Packet]]:
    """The packet and its answer, each with its position among the sound packets."""
    packets, keys = sound()
    key = keys[forgery.talk]
    at = round(forgery.place * len(packets))
    if forgery.flags & SYN:
        return forged_syn(forgery, at, packets, key)
    numbers = next_numbers(packets[:at], key)
    if numbers is None:
        return []
    own, other = numbers[forgery.side], numbers[1 - forgery.side]
    # the acknowledgement number alone makes a stack drop data, but neither a RST nor a SYN
    needs_sequence = forgery.flags & (RST | SYN | FIN) or not forgery.payload
    if forgery.wrong_sequence or needs_sequence:
        own = own + forgery.distance & 0xFFFFFFFF
    else:
        other = other + FAR + forgery.distance % (1 << 30) & 0xFFFFFFFF
    ended = at >= last_of_open(forgery.talk)
    time = packets[at - 1].time + 1000
    spoofed = Connection(key[:2], key[2:], clock=time, step=1000)
    spoofed.emit(forgery.side, forgery.flags, forgery.payload, own, other)
    if forgery.answered and not forgery.flags & RST and not ended:
        spoofed.emit(1 - forgery.side, ACK, b"", numbers[1 - forgery.side], numbers[forgery.side])
    return [(at, packet) for packet in spoofed.packets]


def read(packets: list[Packet], name: str) -> Tables:
    path = Path(FOLDER.name) / name
    path.write_bytes(craft.pcap(packets, nano=True))
    return tables_of(mt.read(path, host=HOST))


POSITIONS = {"connection", "message", "file", "frame", "end_frame", "reply_to", "path"}


def by_connection(tables: Tables) -> dict[Key, Counter[str]]:
    """Every row of every table by the ends of its connection, without ids and frame numbers, which
    other packets change.
    """
    keys = {
        row["connection"]: (row["client"], row["client_port"], row["server"], row["server_port"])
        for row in tables["connections"]
    }
    messages = {row["message"]: row for row in tables["messages"]}
    counts: dict[Key, Counter[str]] = {}

    def add(name: str, connection: int, row: Row, **more: Any) -> None:
        kept = {column: value for column, value in row.items() if column not in POSITIONS}
        counts.setdefault(keys[connection], Counter())[
            repr((name, sorted({**kept, **more}.items())))
        ] += 1

    for name in ("connections", "problems", "messages"):
        for row in tables[name]:
            if row["connection"] >= 0:
                question = messages.get(row.get("reply_to", -1))
                add(name, row["connection"], row, answers=question and question["time"])
    for name in BY_MESSAGE:
        for row in tables[name]:
            message = messages[row["message"]]
            add(name, message["connection"], row, of=(message["time"], message["from_client"]))
    return counts


def accepted(tables: Tables, key: Key) -> list[Row]:
    """The accepted messages of one connection."""
    ids = {
        row["connection"]
        for row in tables["connections"]
        if (row["client"], row["client_port"], row["server"], row["server_port"]) == key
    }
    return [
        {name: row[name] for name in ("time", "from_client", "command", "kind", "length", "status")}
        for row in tables["messages"]
        if row["connection"] in ids and row["accepted"] == "yes"
    ]


@cache
def before() -> Tables:
    return read(list(sound()[0]), "sound.pcap")


def test_the_conversations_are_accepted() -> None:
    messages = before()["messages"]
    assert len(messages) > 20
    assert {row["accepted"] for row in messages} == {"yes"}
    assert [row["end"] for row in before()["connections"]] == ["fin", "rst", "fin", "open"]


@examples(30)
@given(forgeries)
def test_forged_packets_change_nothing(drawn: list[Forgery]) -> None:
    packets, keys = sound()
    inserted = [pair for forgery in drawn for pair in forged(forgery)]
    numbered = [
        *((at, 1, one) for at, one in inserted),
        *((at, 0, p) for at, p in enumerate(packets, 1)),
    ]
    together = [one for _, _, one in sorted(numbered, key=lambda entry: (entry[0], entry[1]))]
    after = read(together, "forged.pcap")
    touched = {keys[forgery.talk] for forgery in drawn}
    old, new = by_connection(before()), by_connection(after)
    for key in keys:
        if key not in touched:
            assert new[key] == old[key]
    for key in touched:
        assert accepted(after, key) == accepted(before(), key)
        ends = [
            next(
                (row["start"], row["end"], row["opened"])
                for row in tables["connections"]
                if (row["client"], row["client_port"]) == key[:2]
            )
            for tables in (before(), after)
        ]
        assert ends[0] == ends[1]


@pytest.mark.parametrize("payload", PAYLOADS[1:])
def test_a_packet_from_an_address_without_a_connection(payload: bytes) -> None:
    """It is a connection of its own, without an accepted message."""
    packets, keys = sound()
    spoofed = Connection(("192.0.2.66", 5555), (HOST, 18080), clock=START + 10**9)
    spoofed.emit(CLIENT, ACK | PSH, payload)
    after = read(sorted([*packets, *spoofed.packets], key=lambda one: one.time), "alone.pcap")
    old, new = by_connection(before()), by_connection(after)
    assert {key: new[key] for key in keys} == old
    assert accepted(after, (*spoofed.client, *spoofed.server)) == []


def test_the_right_numbers_change_the_accepted_messages() -> None:
    """The comparison sees what a successful forgery does."""
    packets, keys = sound()
    at = len(packets) // 2
    numbers = next_numbers(packets[:at], keys[3])
    assert numbers is not None
    spoofed = Connection(keys[3][:2], keys[3][2:], clock=packets[at - 1].time + 1000, step=1000)
    spoofed.emit(CLIENT, ACK | PSH, PAYLOADS[1], *numbers)
    length = len(PAYLOADS[1])
    spoofed.emit(SERVER, ACK, b"", numbers[SERVER], numbers[CLIENT] + length)
    after = read([*packets[:at], *spoofed.packets, *packets[at:]], "guessed.pcap")
    assert accepted(after, keys[3]) != accepted(before(), keys[3])
    old, new = by_connection(before()), by_connection(after)
    assert [new[key] == old[key] for key in keys] == [True, True, True, False]


# ---- captures that begin within a connection


def running() -> tuple[list[Packet], Packet]:
    """The packets of a connection whose handshake was not captured, and the first of the peer."""
    talk = incoming("192.0.2.1").handshake().timed_syncs(CLIENT, 60, 4)
    packets = [one for one in talk.packets if one.time > START + 100 * SECOND]
    return packets, next(one for one in packets if source_of(one) == "192.0.2.1")


def source_of(packet: Packet) -> str:
    return ends_of(packet)[0]


def blind(sequence: int, at: int) -> Packet:
    """Two pings of a third party, which knows the ends of the connection and no number."""
    pings = craft.request(1003) * 2
    segment = craft.tcp(40000, 18080, sequence & 0xFFFFFFFF, 77, ACK | PSH, pings)
    return Packet(at, craft.ethernet(craft.ip("192.0.2.1", HOST, segment)))


def read_packets(folder: Path, packets: Sequence[Packet]) -> mt.Traffic:
    path = folder / "forged.pcap"
    path.write_bytes(craft.pcap(sorted(packets, key=lambda one: one.time), nano=True))
    return mt.read(path, host=HOST)


@pytest.mark.parametrize("distance", [-200_000_000, -5_000_000, 200_000_000, 1_100_000_000])
@pytest.mark.parametrize("sender", ["192.0.2.1", HOST])
def test_first_packet_is_forged(tmp_path: Path, sender: str, distance: int) -> None:
    """Whether the peer or the vantage node speaks next: no message is lost or accepted for it."""
    packets, first = running()
    packets = packets[next(i for i, one in enumerate(packets) if source_of(one) == sender) :]
    sound = read_packets(tmp_path, packets).messages
    sequence = struct.unpack_from(">I", first.data, 38)[0]
    false = blind(sequence + distance, packets[0].time - SECOND)
    messages = read_packets(tmp_path, [false, *packets]).messages
    pings = messages["command"] == 1003
    assert set(messages.loc[pings, "accepted"]) <= {"unknown"}
    real = messages.loc[~pings, "end_time"].tolist()
    assert len(sound) >= 5 and set(sound["end_time"].tolist()[1:]) <= set(real)


@pytest.mark.parametrize("distance", [-200_000_000, 200_000_000, 1_100_000_000])
def test_forged_packet_after_the_receiver_was_seen(tmp_path: Path, distance: int) -> None:
    """It would be the first one of its side; the receiver showed which number it expects."""
    packets, first = running()
    begin = next(i for i, one in enumerate(packets) if source_of(one) == HOST)
    packets = packets[begin:]
    sequence = struct.unpack_from(">I", first.data, 38)[0]
    false = blind(sequence + distance, packets[0].time + 1000)
    messages = read_packets(tmp_path, [false, *packets]).messages
    assert "yes" not in set(messages.loc[messages["command"] == 1003, "accepted"])
    sound = read_packets(tmp_path, packets).messages
    assert len(sound) == len(messages[messages["command"] != 1003])


def test_wrong_acknowledgement_where_the_handshake_is_missing(tmp_path: Path) -> None:
    """The scale of the windows is unknown, and what was acknowledged long ago is wrong all the
    same.
    """
    packets, _ = running()
    before = [one for one in packets if one.time < START + 170 * SECOND]
    last = [one for one in before if source_of(one) == "192.0.2.1"][-1]
    numbers = next_numbers(tuple(before), ends_of(last))
    assert numbers is not None
    segment = craft.tcp(
        40000,
        18080,
        numbers[CLIENT],
        numbers[SERVER] - 3_000_000 & 0xFFFFFFFF,
        ACK | PSH,
        craft.request(1003) * 2,
    )
    data = craft.ethernet(craft.ip("192.0.2.1", HOST, segment))
    false = Packet(START + 170 * SECOND, data)
    messages = read_packets(tmp_path, [*packets, false]).messages
    assert 1003 not in set(messages["command"]) and set(messages["accepted"]) == {"yes"}


@pytest.mark.parametrize("flags", [ACK | PSH, PSH, SYN | PSH], ids=["ack", "no ack", "syn"])
@pytest.mark.parametrize("pings", [1, 5, 40])
@pytest.mark.parametrize("sender", ["192.0.2.1", HOST])
def test_first_packet_is_forged_at_the_next_number(
    tmp_path: Path, sender: str, pings: int, flags: int
) -> None:
    """Whoever guesses the number that the receiver expects, and no right acknowledgement, gets no
    message accepted: the receiver's first acknowledgement does not cover it, or other bytes come.
    """
    packets, _ = running()
    packets = packets[next(i for i, one in enumerate(packets) if source_of(one) == sender) :]
    first = next(one for one in packets if source_of(one) == "192.0.2.1")
    sequence = struct.unpack_from(">I", first.data, 38)[0]
    payload = craft.request(1003) * pings
    segment = craft.tcp(40000, 18080, sequence, 77, flags, payload)
    data = craft.ethernet(craft.ip("192.0.2.1", HOST, segment))
    messages = read_packets(tmp_path, [Packet(packets[0].time - SECOND, data), *packets]).messages
    assert "yes" not in set(messages.loc[messages["command"] == 1003, "accepted"])
    assert "yes" in set(messages.loc[messages["command"] == 1002, "accepted"])
