"""Metrics of how messages are cut, against counts by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from monerotraffic.metrics import levin_fragments, segmentation, segments_by_size
from support import craft
from support.checks import Metric, check_metric
from support.conversation_builder import incoming, outgoing, read
from support.craft import CLIENT, SERVER, Connection

SYNC = craft.request(1002, craft.timed_sync_request())
PING = craft.request(1003)
LONG = craft.notification(2002, craft.transactions([bytes(4000)]))


def last(folder: Path, *talks: Connection) -> dict[str, object]:
    """What is said of the last message of the capture."""
    return segmentation(read(folder, *talks)).iloc[-1].to_dict()


def test_one_write(tmp_path: Path) -> None:
    talk = incoming().handshake()
    talk.send(CLIENT, SYNC)
    row = last(tmp_path, talk)
    assert (
        row["name"],
        row["size"],
        row["mss"],
        row["segments"],
        row["needed"],
        row["floor"],
        row["excess"],
    ) == ("TIMED_SYNC", len(SYNC), 1460, 1, 1, 1, 0)
    assert (row["begins_segment"], row["signature_alone"], row["header_alone"]) == (
        True,
        False,
        False,
    )


@pytest.mark.parametrize(
    ("cuts", "segments", "signature", "header"),
    [
        ([8], 2, True, False),
        ([33], 2, False, True),
        ([8, 33], 3, True, False),
        ([7], 2, False, False),
        ([9], 2, False, False),
        ([32], 2, False, False),
        ([34], 2, False, False),
    ],
)
def test_signature_and_header_alone(
    tmp_path: Path, cuts: list[int], segments: int, signature: bool, header: bool
) -> None:
    talk = incoming().handshake()
    talk.send(CLIENT, SYNC, cuts=cuts)
    row = last(tmp_path, talk)
    assert (row["segments"], row["excess"], row["signature_alone"], row["header_alone"]) == (
        segments,
        segments - 1,
        signature,
        header,
    )


def test_a_header_without_body_is_not_alone(tmp_path: Path) -> None:
    talk = outgoing().handshake()
    talk.send(CLIENT, PING)
    talk.send(SERVER, craft.response(1003, b"", -6))
    row = last(tmp_path, talk)
    assert (row["first_segment"], row["header_alone"]) == (33, False)


@pytest.mark.parametrize("rest", [8, 33])
def test_a_message_that_begins_at_the_end_of_anothers_segment(tmp_path: Path, rest: int) -> None:
    """Coalesced by Nagle's algorithm: the segment was full."""
    talk = incoming().handshake()
    talk.send(CLIENT, PING + SYNC, cuts=[len(PING) + rest])
    row = last(tmp_path, talk)
    assert (row["first_segment"], row["shared"], row["begins_segment"], row["floor"]) == (
        rest,
        True,
        False,
        2,
    )
    assert not row["signature_alone"]
    assert not row["header_alone"]


def test_a_signature_before_which_another_shares_only_the_rest(tmp_path: Path) -> None:
    """The segment of its body holds the next message too: the signature was alone all the same."""
    talk = incoming().handshake()
    talk.send(CLIENT, SYNC + PING, cuts=[8])
    rows = segmentation(read(tmp_path, talk)).iloc[-2:]
    assert list(rows["shared"]) == [True, True]
    assert list(rows["begins_segment"]) == [True, False]
    assert list(rows["signature_alone"]) == [True, False]


def test_out_of_order_a_shared_segment_does_not_begin(tmp_path: Path) -> None:
    talk = incoming().handshake()
    sent = len(craft.request(1001, craft.handshake_request()))
    both = PING + SYNC
    talk.at(CLIENT, sent + len(PING) + 8, both[len(PING) + 8 :])
    talk.at(CLIENT, sent, both[: len(PING) + 8])
    talk.skip(CLIENT, len(both))
    assert not segmentation(read(tmp_path, talk))["signature_alone"].any()


@pytest.mark.parametrize(
    ("client", "server", "mss"), [(1460, 536, 536), (536, 1460, 536), (1220, 1460, 1220)]
)
def test_needed_goes_by_the_smaller_mss(tmp_path: Path, client: int, server: int, mss: int) -> None:
    talk = Connection(("192.0.2.1", 40000), ("198.51.100.10", 18080)).open(client, server)
    talk.send(CLIENT, LONG, segment=mss - 12)
    row = last(tmp_path, talk)
    assert (row["mss"], row["size"], row["needed"], row["floor"]) == (
        mss,
        len(LONG),
        -(-len(LONG) // (mss - 40)),
        -(-len(LONG) // 496),
    )
    assert row["segments"] <= row["needed"]


def test_retransmissions_do_not_count(tmp_path: Path) -> None:
    talk = incoming()
    for _ in range(5):
        talk.at(CLIENT, 0, LONG[:1000])
    talk.at(CLIENT, 1000, LONG[1000:2400])
    talk.at(CLIENT, 2400, LONG[2400:3800])
    talk.at(CLIENT, 3800, LONG[3800:])
    assert last(tmp_path, talk)["segments"] == 4


def test_a_hole_makes_nothing_look_cut(tmp_path: Path) -> None:
    """Needed is what the whole message needs."""
    talk = incoming().handshake()
    talk.send(CLIENT, LONG[:1000])
    talk.skip(CLIENT, 1000)
    talk.send(CLIENT, LONG[2000:])
    talk.send(CLIENT, PING)
    traffic = read(tmp_path, talk)
    assert list(traffic.messages["status"][traffic.messages["direction"] == "received"]) == [
        "complete",
        "gap",
        "complete",
    ]
    row = segmentation(traffic).iloc[1]
    assert (row["size"], row["captured"], row["segments"], row["needed"]) == (
        len(LONG),
        len(LONG) - 33 - 1000,
        3,
        3,
    )


def test_what_the_snap_length_cut_is_left_out(tmp_path: Path) -> None:
    talk = incoming().handshake()
    talk.send(CLIENT, LONG)
    talk.send(CLIENT, PING)
    talk.packets = [packet.cut(400) for packet in talk.packets]
    traffic = read(tmp_path, talk)
    assert list(traffic.messages["status"][traffic.messages["direction"] == "received"]) == [
        "complete",
        "snapped",
        "complete",
    ]
    assert list(segmentation(traffic)["command"]) == [1001, 1003]


def test_segments_by_size(tmp_path: Path) -> None:
    talk = incoming().handshake()  # 295 bytes
    talk.send(CLIENT, SYNC, cuts=[8])
    talk.send(CLIENT, SYNC, cuts=[33, 40])
    talk.send(CLIENT, LONG, segment=1000)
    talk.send(CLIENT, PING + PING)
    sizes = segments_by_size(read(tmp_path, talk, incoming("192.0.2.2", 1).handshake()))
    first = sizes[sizes["peer"] == "192.0.2.1"].set_index("size_from").drop(columns="peer")
    assert first.loc[0].to_dict() == {
        "messages": 2,
        "segments_median": 1,
        "segments_max": 1,
        "needed_median": 1,
        "excess_share": 0,
        "signature_alone": 0,
        "header_alone": 0,
        "shared": 2,
    }
    assert first.loc[100].to_dict() == {
        "messages": 3,
        "segments_median": 2,
        "segments_max": 3,
        "needed_median": 1,
        "excess_share": 2 / 3,
        "signature_alone": 1,
        "header_alone": 1,
        "shared": 0,
    }
    assert first.loc[1408].to_dict() == {
        "messages": 1,
        "segments_median": 5,
        "segments_max": 5,
        "needed_median": 3,
        "excess_share": 1,
        "signature_alone": 0,
        "header_alone": 0,
        "shared": 0,
    }
    assert list(sizes[sizes["peer"] == "192.0.2.2"]["size_from"]) == [100]


def test_levin_fragments(tmp_path: Path) -> None:
    talk = incoming().handshake()
    pieces = craft.fragments(craft.notification(2002, craft.transactions([])), 64)
    for data in (craft.noise(300), *pieces, PING, craft.bucket(0, bytes(30), flags=4)):
        talk.send(CLIENT, data)
    talk.send(SERVER, craft.noise(300))
    traffic = read(tmp_path, talk)
    fragments = levin_fragments(traffic)
    assert list(zip(fragments["what"].astype(str), fragments["fragments"], strict=True)) == [
        ("noise", 1),
        ("joined", len(pieces)),
        ("stray", 1),
    ]
    joined = segmentation(traffic)
    joined = joined[joined["fragments"] > 1].iloc[0]
    assert joined["size"] == sum(len(piece) for piece in pieces)
    assert joined["segments"] == joined["floor"] == len(pieces)


@pytest.mark.parametrize(
    ("command", "flags", "stray"),
    [
        (0, 4, True),
        (0, 0, True),
        (0, 8, True),
        (1002, 4, True),
        (1002, 8, True),
        (1002, 0, False),
        (0, 1, False),
        (1002, 5, False),
    ],
)
def test_strays(tmp_path: Path, command: int, flags: int, stray: bool) -> None:
    """Fragments that belong to nothing: neither request nor response, with command 0, or BEGIN or
    END.
    """
    talk = incoming().handshake()
    talk.send(CLIENT, craft.bucket(command, craft.EMPTY, flags=flags))
    talk.send(CLIENT, PING)
    fragments = levin_fragments(read(tmp_path, talk))
    assert list(fragments["what"].astype(str)) == ["stray"] * stray


@pytest.mark.parametrize("metric", [segmentation, segments_by_size, levin_fragments])
def test_a_view_will_do_and_nothing_gives_the_same_columns(metric: Metric, tmp_path: Path) -> None:
    check_metric(metric, read(tmp_path, incoming().handshake()))
