"""What must hold of any capture: found with hypothesis, held against the oracle."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import monerotraffic as mt
import oracle
from support import craft
from support.budget import examples
from support.comparison import (
    BY_MESSAGE,
    check_accounting,
    check_oracle,
    messages_by_stream,
    tables_of,
)
from support.craft import CLIENT
from support.strategies import (
    FOLDER,
    UNSURE,
    Cutter,
    any_talks,
    check_same_as_oracle,
    content,
    cutters,
    decode,
    disordered,
    odd_talks,
    packets_of,
    plain_talks,
    read,
    sides,
    sound_talks,
)

QUICK = examples(60)


# ---------------------------------------------------------------- conversations


# ---------------------------------------------------------------- reading


# ---------------------------------------------------------------- properties


@QUICK
@given(any_talks, cutters)
def test_segmentation_does_not_matter(talk: list[tuple[int, bytes]], cutter: Cutter) -> None:
    whole, cut = decode(packets_of(talk)), decode(packets_of(talk, cutter))
    assert content(whole) == content(cut)


@QUICK
@given(sound_talks, cutters)
def test_rows_are_those_of_the_oracle(talk: list[tuple[int, bytes]], cutter: Cutter) -> None:
    check_same_as_oracle(packets_of(talk, cutter))


@QUICK
@given(any_talks, cutters)
def test_rows_of_odd_streams_are_those_of_the_oracle(
    talk: list[tuple[int, bytes]], cutter: Cutter
) -> None:
    check_same_as_oracle(packets_of(talk, cutter), but=["shared"])


@QUICK
@given(plain_talks, cutters, st.randoms(use_true_random=False))
def test_disorder_and_duplicates(
    talk: list[tuple[int, bytes]], cutter: Cutter, random: Any
) -> None:
    check_same_as_oracle(disordered(packets_of(talk, cutter), random), but=UNSURE)


@QUICK
@given(
    st.lists(st.tuples(sides, st.sampled_from([1001, 1002, 1003, 1007])), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_responses_find_their_requests_in_disorder(
    talk: list[tuple[int, int]], random: Any
) -> None:
    bodies = {
        1001: craft.handshake_response(),
        1002: craft.timed_sync_response(),
        1003: craft.ping_response(),
        1007: craft.support_flags_response(),
    }
    asked = {1001: craft.handshake_request(), 1002: craft.timed_sync_request()}
    connection = craft.Connection().open()
    for side, command in talk:
        connection.send(
            side, craft.request(command, asked.get(command, craft.EMPTY)), acknowledge=False
        )
        connection.send(1 - side, craft.response(command, bodies[command]))
    connection.close()
    rows, _ = messages_by_stream(decode(disordered(connection.packets, random)))
    answers = [row for row in rows if row["kind"] == "response"]
    assert len(answers) == len(talk)
    for from_client in (True, False):
        requests = [
            row["place"]
            for row in rows
            if row["kind"] == "request" and row["from_client"] != from_client
        ]
        assert [row["reply_to"] for row in answers if row["from_client"] == from_client] == requests


@QUICK
@given(any_talks, cutters, st.randoms(use_true_random=False))
def test_disorder_of_odd_streams(
    talk: list[tuple[int, bytes]], cutter: Cutter, random: Any
) -> None:
    """Nothing is missing, so what was said is the same. (A packet that brings bytes of several
    fragments of one message, out of order, may be counted as several segments.)
    """
    orderly = packets_of(talk, cutter)
    packets = disordered(orderly, random)
    check_same_as_oracle(packets, but=[*UNSURE, "segments"])
    content_rows, expected = content(decode(packets))[0], content(decode(orderly))[0]
    assert [dict(row, reply_to=None) for row in content_rows] == [
        dict(row, reply_to=None) for row in expected
    ]


@QUICK
@given(
    plain_talks,
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 1500)), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
)
def test_overlapping_segments(
    talk: list[tuple[int, bytes]], stretches: list[tuple[int, int]], random: Any
) -> None:
    """Stretches of one stream, however they overlap, before the stream itself."""
    stream = b"".join(data for side, data in talk if side == CLIENT)
    connection = craft.Connection().open()
    random.shuffle(stretches)
    for offset, size in stretches:
        if stream[offset : offset + size]:
            connection.at(CLIENT, offset, stream[offset : offset + size])
    connection.send(CLIENT, stream, segment=536)
    connection.close()
    check_same_as_oracle(connection.packets)


@QUICK
@given(odd_talks, cutters, st.floats(0.01, 0.4), st.randoms(use_true_random=False))
def test_losses(talk: list[tuple[int, bytes]], cutter: Cutter, share: float, random: Any) -> None:
    """A capture that missed packets, those of the beginning and the end too."""
    packets = [packet for packet in packets_of(talk, cutter) if random.random() >= share]
    if packets:
        check_same_as_oracle(packets, but=UNSURE)


@QUICK
@given(odd_talks, cutters, st.integers(54, 200))
def test_snap_length(talk: list[tuple[int, bytes]], cutter: Cutter, snaplen: int) -> None:
    check_same_as_oracle([packet.cut(snaplen) for packet in packets_of(talk, cutter)], but=UNSURE)


@QUICK
@given(odd_talks, cutters, st.integers(66, 200), st.integers(0, 3), st.randoms())
def test_copies_of_other_snap_lengths(
    talk: list[tuple[int, bytes]], cutter: Cutter, snaplen: int, lag: int, random: Any
) -> None:
    """Two interfaces see each packet, one with a snap length, some packets late. (A late packet
    that brings bytes of several fragments of one message may be counted as several segments.)
    """
    packets: list[Any] = []
    late: list[Any] = []
    for packet in packets_of(talk, cutter):
        copies = [packet, packet.cut(snaplen)]
        random.shuffle(copies)
        packets.append(copies[0])
        late.append(copies[1])
        if len(late) > lag:
            packets.append(late.pop(0))
    check_same_as_oracle(packets + late, but=[*UNSURE, "segments"])


@QUICK
@given(sound_talks, cutters, st.floats(0, 1))
def test_prefix_of_packets_is_prefix_of_rows(
    talk: list[tuple[int, bytes]], cutter: Cutter, share: float
) -> None:
    """And then what the cut left unfinished: at most a message and the fragments of one in each
    direction.
    """
    packets = packets_of(talk, cutter)
    part = decode(packets[: int(share * len(packets))] or packets[:1])
    whole = decode(packets)
    names = set(whole["messages"][0]) - {"reply_to"} if whole["messages"] else set()
    same = 0
    for one, other in zip(part["messages"], whole["messages"], strict=False):
        if any(one[name] != other[name] for name in names):
            break
        same += 1
    rest = part["messages"][same:]
    assert all(row["status"] == "truncated" for row in rest)
    assert max(Counter(row["from_client"] for row in rest).values(), default=0) <= 2
    for name in BY_MESSAGE:
        assert part[name] == [row for row in whole[name] if row["message"] < same]


@QUICK
@given(sound_talks, cutters, st.floats(0, 1), st.booleans())
def test_any_cut_of_a_file_is_read_as_far_as_it_goes(
    talk: list[tuple[int, bytes]], cutter: Cutter, share: float, pcapng: bool
) -> None:
    packets = packets_of(talk, cutter)
    whole = craft.pcapng(packets, resolution=9) if pcapng else craft.pcap(packets, nano=True)
    first = len(craft.pcapng([])) + 32 if pcapng else 24
    path = Path(FOLDER.name) / "cut"
    path.write_bytes(whole[: first + int(share * (len(whole) - first))])
    traffic = read(path)
    check_accounting(traffic)
    check_oracle(tables_of(traffic), oracle.decode([path]), but=UNSURE)


@QUICK
@given(
    any_talks,
    cutters,
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=20),
)
def test_damage_is_survived_and_accounted_for(
    talk: list[tuple[int, bytes]], cutter: Cutter, damage: list[tuple[float, int]]
) -> None:
    data = bytearray(craft.pcap(packets_of(talk, cutter)))
    for share, byte in damage:
        data[24 + int(share * (len(data) - 25))] = byte
    path = Path(FOLDER.name) / "damaged.pcap"
    path.write_bytes(data)
    check_accounting(read(path))


@pytest.mark.parametrize("size", [0, 1, 3, 4, 23])
def test_files_too_short_to_be_captures(size: int) -> None:
    path = Path(FOLDER.name) / "short.pcap"
    path.write_bytes(craft.pcap([])[:size])
    with pytest.raises(mt.CaptureError, match=r"short\.pcap"):
        mt.read(path)
