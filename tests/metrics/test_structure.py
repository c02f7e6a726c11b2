"""Metrics of what messages look like, against counts by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from monerotraffic.metrics import (
    encoding_deviations,
    header_oddities,
    lists_with_last_seen,
    odd_headers,
    optional_fields,
    oversize,
    serialization_styles,
    skeletons,
    unframed_bytes,
)
from monerotraffic.metrics.structure import (
    COMMAND_LIMITS,
    COMMANDS,
    CONNECTION_LIMIT,
    ENCODING,
    HEADER_ODDITIES,
)
from support import craft
from support.checks import Metric, check_metric
from support.conversation_builder import incoming, outgoing, read
from support.craft import CLIENT, SERVER

PEERS = [
    craft.peer("192.0.2.50", 18080, 5),
    craft.peer("192.0.2.51", 18080, 6, last_seen=("i64", 9)),
    craft.peer("192.0.2.52", 18080, 7, last_seen=("u32", 0)),
]


def row(frame: pd.DataFrame, peer: str) -> dict[str, object]:
    """What a frame by peer says of one."""
    (only,) = frame[frame["peer"].astype(str) == peer].to_dict("records")
    return {str(name): value for name, value in only.items() if name != "peer"}


def test_optional_fields(tmp_path: Path) -> None:
    # what the vantage node hands out is not counted
    plain = incoming("192.0.2.1").handshake(peers=PEERS)
    first = outgoing("192.0.2.2")
    first.send(
        CLIENT, craft.request(1001, craft.handshake_request(craft.node_data(support_flags=None)))
    )
    first.send(
        SERVER,
        craft.response(1001, craft.handshake_response(PEERS, craft.node_data(support_flags=None))),
    )
    first.send(CLIENT, craft.request(1007))
    first.send(SERVER, craft.response(1007, craft.support_flags_response(3)))
    first.send(SERVER, craft.response(1002, craft.timed_sync_response(PEERS[:1])))
    second = outgoing("192.0.2.2", 1).handshake(node=craft.node_data(support_flags=0))
    fields = optional_fields(read(tmp_path, plain, first, second))
    assert list(fields.columns) == [
        "peer",
        "handshakes",
        "support_flags_missing",
        "support_flags_odd",
        "peer_lists",
        "peer_list_entries",
        "last_seen_lists",
        "last_seen_entries",
    ]
    assert row(fields, "192.0.2.1") == {
        "handshakes": 1,
        "support_flags_missing": 0,
        "support_flags_odd": 0,
        "peer_lists": 0,
        "peer_list_entries": 0,
        "last_seen_lists": 0,
        "last_seen_entries": 0,
    }
    assert row(fields, "192.0.2.2") == {
        "handshakes": 2,
        "support_flags_missing": 1,
        "support_flags_odd": 2,
        "peer_lists": 2,
        "peer_list_entries": 4,
        "last_seen_lists": 1,
        "last_seen_entries": 2,
    }
    assert all(fields[name].dtype == "int64" for name in fields.columns[1:])


def test_lists_with_last_seen_are_rows_of_messages(tmp_path: Path) -> None:
    traffic = read(
        tmp_path,
        outgoing().handshake(peers=PEERS),
        outgoing("192.0.2.2", 1).handshake(peers=PEERS[:1]),
    )
    (only,) = lists_with_last_seen(traffic).to_dict("records")
    assert (only["peer"], only["name"], only["kind"], only["entries"], only["last_seen"]) == (
        "192.0.2.1",
        "HANDSHAKE",
        "response",
        3,
        2,
    )
    assert only["frame"] == traffic.messages.set_index("message").frame[only["message"]]


def test_lists_need_their_table(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="peer_lists was not decoded"):
        lists_with_last_seen(read(tmp_path, incoming().handshake(), tables=["messages"]))


@pytest.mark.parametrize(
    ("header", "odd"),
    [
        (
            {"command": 1003, "body": craft.EMPTY, "flags": 1, "expect": 1, "version": 2},
            {"odd_version"},
        ),
        ({"command": 1003, "body": craft.EMPTY, "flags": 3, "expect": 0}, {"odd_flags"}),
        ({"command": 1003, "body": craft.EMPTY, "flags": 0x11, "expect": 1}, {"odd_flags"}),
        ({"command": 1003, "body": craft.EMPTY, "flags": 8, "expect": 1}, {"odd_flags"}),
        ({"command": 1003, "body": craft.EMPTY, "flags": 1, "expect": 2}, {"odd_expect"}),
        (
            {
                "command": 1003,
                "body": craft.ping_response(),
                "flags": 2,
                "expect": 1,
                "return_code": 1,
            },
            {"odd_expect"},
        ),
        (
            {"command": 1003, "body": craft.EMPTY, "flags": 1, "expect": 1, "return_code": -1},
            {"odd_return_code"},
        ),
        ({"command": 1003, "flags": 1, "expect": 1}, {"empty_body"}),
        ({"command": 1003, "flags": 2, "return_code": 0}, {"empty_body"}),
        ({"command": 1002, "body": craft.EMPTY, "flags": 1, "expect": 0}, {"odd_kind"}),
        ({"command": 2010, "body": craft.EMPTY, "flags": 1, "expect": 1}, {"odd_kind"}),
        ({"command": 2010, "body": craft.EMPTY, "flags": 2, "return_code": 1}, {"odd_kind"}),
    ],
)
def test_each_oddity_of_a_header(tmp_path: Path, header: dict[str, object], odd: set[str]) -> None:
    talk = incoming().handshake()
    talk.send(CLIENT, craft.bucket(**header))  # type: ignore[arg-type]
    (only,) = odd_headers(read(tmp_path, talk)).to_dict("records")
    assert {name for name in HEADER_ODDITIES if only[name]} == odd


def test_standard_headers_are_not_odd(tmp_path: Path) -> None:
    talk = incoming().handshake()
    for data in (
        craft.request(1003),
        craft.response(1006, b"", -6),
        craft.notification(2010),
        craft.noise(300),
        *craft.fragments(craft.notification(2002, craft.transactions([])), 64),
    ):
        talk.send(CLIENT, data)
    talk.send(SERVER, craft.bucket(1003, craft.EMPTY, version=7))  # the vantage node's own
    traffic = read(tmp_path, talk)
    assert len(odd_headers(traffic)) == 0
    assert row(header_oddities(traffic), "192.0.2.1") == {
        "messages": 6,
        **dict.fromkeys(HEADER_ODDITIES, 0),
        "unknown_commands": 1,
    }


def test_header_oddities_counts_by_peer(tmp_path: Path) -> None:
    talk = incoming()
    for _ in range(3):
        talk.send(CLIENT, craft.bucket(1003, craft.EMPTY, expect=1, version=2))
    talk.send(CLIENT, craft.bucket(1003, b"", expect=1))
    oddities = header_oddities(read(tmp_path, talk, incoming("192.0.2.2", 1).handshake()))
    assert row(oddities, "192.0.2.1") == {
        "messages": 4,
        **dict.fromkeys(HEADER_ODDITIES, 0),
        "odd_version": 3,
        "empty_body": 1,
        "unknown_commands": 0,
    }
    assert row(oddities, "192.0.2.2")["messages"] == 1


def test_limits_are_those_of_the_core(tmp_path: Path) -> None:
    """Which calls a message oversize when it is over monerod's limit for its command."""
    assert set(COMMAND_LIMITS) == set(COMMANDS)
    talks = []
    for number, (command, limit) in enumerate(sorted(COMMAND_LIMITS.items())):
        for more in (0, 1):
            talk = incoming(f"192.0.{more}.1", 2 * number + more).handshake()
            talk.send(
                CLIENT,
                craft.bucket(command, craft.EMPTY, length=min(limit, CONNECTION_LIMIT) + more),
            )
            talks.append(talk)
    messages = read(tmp_path, *talks).messages
    assert set(messages["status"][messages["peer"] == "192.0.0.1"]) == {"complete", "truncated"}
    assert (messages["status"][messages["peer"] == "192.0.1.1"] == "oversize").sum() == len(
        COMMAND_LIMITS
    )


def test_oversize_by_command_and_by_state(tmp_path: Path) -> None:
    before = incoming()
    before.send(CLIENT, craft.bucket(2002, b"", length=262_145))
    fits = incoming("192.0.2.2", 1)
    fits.send(CLIENT, craft.bucket(2002, b"", length=262_144))
    after = incoming("192.0.2.3", 2).handshake()
    after.send(CLIENT, craft.bucket(2002, b"", length=262_145))
    command = incoming("192.0.2.4", 3).handshake()
    command.send(CLIENT, craft.bucket(1001, b"", expect=1, length=65_537))
    connection = incoming("192.0.2.5", 4).handshake()
    connection.send(CLIENT, craft.bucket(2002, b"", length=1 << 63))
    other = outgoing("192.0.2.6", 5)  # an initiator raises its limit when it sends its handshake
    other.send(CLIENT, craft.request(1001, craft.handshake_request()))
    other.send(SERVER, craft.bucket(2002, b"", length=262_145))
    messages = oversize(read(tmp_path, before, fits, after, command, connection, other))
    assert dict(zip(messages["peer"], messages["limit"], strict=True)) == {
        "192.0.2.1": 262_144,
        "192.0.2.4": 65_536,
        "192.0.2.5": 100_000_000,
    }


def test_before_the_handshake_needs_a_captured_beginning(tmp_path: Path) -> None:
    late = incoming().handshake()
    late.send(CLIENT, craft.bucket(2002, craft.EMPTY, length=262_145))
    late.packets = late.packets[5:]
    holed = incoming("192.0.2.2", 1)
    holed.skip(CLIENT, len(craft.request(1001, craft.handshake_request())))
    holed.send(SERVER, craft.response(1001, craft.handshake_response()))
    holed.send(CLIENT, craft.notification(2010))
    holed.send(CLIENT, craft.bucket(2002, b"", length=262_145))
    traffic = read(tmp_path, late, holed)
    assert (traffic.messages["length"] == 262_145).sum() == 2
    assert len(oversize(traffic)) == 0


def test_encodings(tmp_path: Path) -> None:
    odd = incoming().handshake()
    odd.send(
        CLIENT, craft.request(1002, craft.timed_sync_request(craft.payload_data(extra=("u8", 1))))
    )
    odd.send(
        CLIENT,
        craft.request(
            1002, craft.timed_sync_request({**craft.payload_data(), "current_height": ("u32", 5)})
        ),
    )
    odd.send(
        CLIENT,
        craft.request(
            1002, craft.epee({"payload_data": dict(reversed(craft.payload_data().items()))})
        ),
    )
    odd.send(
        CLIENT,
        craft.request(1002, craft.timed_sync_request(craft.payload_data(pruning_seed=0)) + b"\0"),
    )
    deviations = encoding_deviations(read(tmp_path, odd, incoming("192.0.2.2", 1).handshake()))
    assert row(deviations, "192.0.2.1") == {
        "messages": 5,
        "unordered": 1,
        "unknown_keys": 1,
        "duplicate_keys": 0,
        "wide_varints": 0,
        "other_types": 1,
        "default_fields": 1,
        "trailing": 1,
    }
    assert row(deviations, "192.0.2.2") == {
        "messages": 1,
        "unordered": 0,
        **dict.fromkeys(ENCODING, 0),
    }


def test_skeletons_and_who_writes_them(tmp_path: Path) -> None:
    talks = [incoming(f"192.0.2.{number}", number).handshake() for number in range(1, 5)]
    talks[3].send(
        CLIENT, craft.request(1002, craft.timed_sync_request(craft.payload_data(extra=("u8", 1))))
    )
    for talk in talks:
        talk.send(CLIENT, craft.request(1002, craft.timed_sync_request()))
        talk.send(
            CLIENT,
            craft.request(1002, craft.timed_sync_request(craft.payload_data(4, pruning_seed=384))),
        )
    traffic = read(tmp_path, *talks)
    table = skeletons(traffic)
    synced = table[table["command"] == 1002]
    assert list(zip(synced["messages"], synced["peers"], synced["share"], strict=True)) == [
        (8, 4, 1.0),
        (1, 1, 0.25),
    ]
    assert table["skeleton"].dtype == "UInt64"
    assert (
        synced["first"].iloc[0]
        == traffic.messages[(traffic.messages["command"] == 1002)]["time"].min()
    )
    by_peer = serialization_styles(traffic)
    of_last = by_peer[(by_peer["peer"] == "192.0.2.4") & (by_peer["command"] == 1002)]
    assert sorted(
        zip(of_last["messages"], of_last["sharing"], of_last["of"], of_last["share"], strict=True)
    ) == [(1, 1, 4, 0.25), (2, 4, 4, 1.0)]


def test_garbage_is_reported_only_where_its_place_is_sure(tmp_path: Path) -> None:
    probe = incoming()
    probe.send(CLIENT, b"\x16\x03\x01" + bytes(200))
    later = incoming("192.0.2.2", 1).handshake()
    later.send(CLIENT, b"x" * 40)
    holed = incoming("192.0.2.3", 2).handshake()
    holed.skip(CLIENT, 500)
    holed.send(CLIENT, b"y" * 60)
    midstream = incoming("192.0.2.4", 3).handshake()
    midstream.packets = midstream.packets[4:]
    midstream.send(CLIENT, b"z" * 60)
    cut = incoming("192.0.2.5", 4)
    cut.send(CLIENT, craft.request(1003)[:20])
    unframed = unframed_bytes(read(tmp_path, probe, later, holed, midstream, cut))
    assert list(
        zip(
            unframed["peer"].astype(str),
            unframed["bytes"],
            unframed["levin"],
            unframed["server_port"],
            strict=True,
        )
    ) == [
        ("192.0.2.1", 203, False, 18080),
        ("192.0.2.2", 40, True, 18080),
    ]


@pytest.mark.parametrize(
    "metric",
    [
        encoding_deviations,
        unframed_bytes,
        header_oddities,
        lists_with_last_seen,
        odd_headers,
        optional_fields,
        oversize,
        skeletons,
        serialization_styles,
    ],
)
def test_a_view_will_do_and_nothing_gives_the_same_columns(metric: Metric, tmp_path: Path) -> None:
    check_metric(metric, read(tmp_path, incoming().handshake()))
