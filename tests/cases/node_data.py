"""Node data and sync data of handshakes, timed syncs and pings."""

from __future__ import annotations

from typing import Any

from support import craft
from support.craft import epee, node_data, payload_data, peer

from ._build import FLAGGED, HELLO, PING, PONG, SYNC
from ._case import Expect, case, cases, request, response
from ._payloads import TOP, talked

MAINNET = "1230f171610441611731008216a1a110"


@case
def handshake_of_a_standard_node() -> Expect:
    node = node_data(0xDEADBEEF00000001, 18080, support_flags=1)
    sync = payload_data(3_412_345, bytes(range(32)), 16, 0x0123456789ABCDEF)
    node_row = {
        "peer_id": 0xDEADBEEF00000001,
        "my_port": 18080,
        "network_id": MAINNET,
        "support_flags": 1,
        "rpc_port": None,
        "rpc_credits_per_hash": None,
        "local_time": None,
        "status_text": None,
    }
    sync_row = {
        "current_height": 3_412_345,
        "cumulative_difficulty": 0x0123456789ABCDEF,
        "cumulative_difficulty_top64": 0,
        "top_id": bytes(range(32)).hex(),
        "top_version": 16,
        "pruning_seed": None,
    }
    return Expect(
        talked(
            craft.request(1001, craft.handshake_request(node, sync)),
            craft.response(
                1001, craft.handshake_response([peer("203.0.113.5", 18080, 77)], node, sync)
            ),
        ),
        node_data=[{"message": 0, **node_row}, {"message": 1, **node_row}],
        sync_data=[{"message": 0, **sync_row}, {"message": 1, **sync_row}],
        peer_lists=[
            {
                "message": 1,
                "position": 0,
                "host": "203.0.113.5",
                "port": 18080,
                "type": "ipv4",
                "id": 77,
                "last_seen": None,
                "pruning_seed": None,
                "rpc_port": None,
                "rpc_credits_per_hash": None,
            }
        ],
        totals={},
    )


@case
def handshake_with_every_optional_field() -> Expect:
    node = node_data(
        1,
        0,
        bytes(16),
        0xFFFFFFFF,
        rpc_port=("u16", 18089),
        rpc_credits_per_hash=("u32", 500),
        local_time=("u64", 1_700_000_000),
    )
    sync = payload_data(TOP, b"\0" * 32, 255, TOP, 391, cumulative_difficulty_top64=("u64", TOP))
    return Expect(
        talked(craft.request(1001, craft.handshake_request(node, sync))),
        node_data=[
            {
                "peer_id": 1,
                "my_port": 0,
                "network_id": "00" * 16,
                "support_flags": 0xFFFFFFFF,
                "rpc_port": 18089,
                "rpc_credits_per_hash": 500,
                "local_time": 1_700_000_000,
            }
        ],
        sync_data=[
            {
                "current_height": TOP,
                "top_id": "00" * 32,
                "top_version": 255,
                "cumulative_difficulty": TOP,
                "cumulative_difficulty_top64": TOP,
                "pruning_seed": 391,
            }
        ],
        totals={},
    )


@case
def handshake_in_cuprates_order_of_keys() -> Expect:
    """Fields in declaration order, no top64."""
    node = {
        "my_port": ("u32", 18080),
        "network_id": craft.MAINNET,
        "peer_id": ("u64", 9),
        "support_flags": ("u32", 1),
    }
    sync = {
        "cumulative_difficulty": ("u64", 5),
        "current_height": ("u64", 6),
        "pruning_seed": ("u32", 384),
        "top_id": b"\x07" * 32,
        "top_version": ("u8", 1),
    }
    body = epee(
        {"node_data": node, "payload_data": sync, "local_peerlist_new": [peer("192.0.2.200", 1, 2)]}
    )
    return Expect(
        talked(HELLO, craft.response(1001, body)),
        node_data=[{"message": 0}, {"message": 1, "peer_id": 9, "my_port": 18080}],
        sync_data=[
            {"message": 0},
            {
                "message": 1,
                "cumulative_difficulty": 5,
                "cumulative_difficulty_top64": None,
                "current_height": 6,
                "pruning_seed": 384,
                "top_id": "07" * 32,
                "top_version": 1,
            },
        ],
        peer_lists=[{"message": 1, "host": "192.0.2.200", "port": 1, "id": 2}],
        totals={},
    )


@case
def handshake_with_keys_backwards() -> Expect:
    def backwards(fields: dict[str, Any]) -> dict[str, Any]:
        return dict(reversed(fields.items()))

    entry = {
        "id": ("u64", 4),
        "adr": {"type": ("u8", 1), "addr": {"m_port": ("u16", 3), "m_ip": ("u32", 0x040300C0)}},
    }
    body = epee(
        {
            "payload_data": backwards(payload_data()),
            "node_data": backwards(node_data(8)),
            "local_peerlist_new": [entry],
        }
    )
    return Expect(
        talked(HELLO, craft.response(1001, body)),
        node_data=[{"message": 0}, {"message": 1, "peer_id": 8, "support_flags": 1}],
        sync_data=[{"message": 0}, {"message": 1, "current_height": 3_000_000, "top_version": 16}],
        peer_lists=[{"host": "192.0.3.4", "port": 3, "id": 4, "type": "ipv4"}],
    )


@case
def handshake_with_unknown_keys() -> Expect:
    """Later versions may add what they like."""
    node = {**node_data(5), "aaa": [b"x", b"y"], "zzz": {"deep": [{"er": ("u8", [1, 2])}]}}
    body = epee(
        {
            "aaa": {"peer_id": ("u64", 666)},
            "node_data": node,
            "payload_data": {**payload_data(), "peer_id": ("u64", 667)},
            "peer_id": ("u64", 668),
        }
    )
    return Expect(
        talked(craft.request(1001, body)),
        messages=[request(1001)],
        node_data=[{"peer_id": 5, "my_port": 18080}],
        sync_data=[{"current_height": 3_000_000}],
        totals={},
    )


@case
def missing_fields_are_missing() -> Expect:
    """Not 0, not NaN: monerod takes such messages, and the rows say what is not there."""
    node = {"my_port": ("u32", 18080)}
    sync = {"top_version": ("u8", 16)}
    return Expect(
        talked(craft.request(1001, epee({"node_data": node, "payload_data": sync}))),
        messages=[request(1001)],
        node_data=[{"peer_id": None, "my_port": 18080, "network_id": None, "support_flags": None}],
        sync_data=[
            {
                "current_height": None,
                "cumulative_difficulty": None,
                "cumulative_difficulty_top64": None,
                "top_id": None,
                "top_version": 16,
                "pruning_seed": None,
            }
        ],
        totals={},
    )


@case
def handshake_without_sync_data() -> Expect:
    return Expect(
        talked(craft.request(1001, epee({"node_data": node_data(3)}))),
        messages=[request(1001)],
        node_data=[{"peer_id": 3}],
        sync_data=[],
        totals={},
    )


@case
def timed_sync() -> Expect:
    request_sync, response_sync = payload_data(100, b"\1" * 32), payload_data(101, b"\2" * 32)
    return Expect(
        talked(
            craft.request(1002, craft.timed_sync_request(request_sync)),
            craft.response(
                1002,
                craft.timed_sync_response(
                    [peer("198.18.0.1", 28080, 5), peer("198.18.0.2", 38080, 6)], response_sync
                ),
            ),
        ),
        messages=[request(1002, length=172, name="TIMED_SYNC", id="s"), response(1002, reply="s")],
        sync_data=[
            {"message": 0, "current_height": 100, "top_id": "01" * 32},
            {"message": 1, "current_height": 101, "top_id": "02" * 32},
        ],
        node_data=[],
        peer_lists=[
            {"message": 1, "position": 0, "host": "198.18.0.1", "port": 28080, "id": 5},
            {"message": 1, "position": 1, "host": "198.18.0.2", "port": 38080, "id": 6},
        ],
        totals={},
    )


@cases(
    {
        "standard": (0x1234, b"OK"),
        "all-ones": (TOP, b"OK"),
        "zero": (0, b"OK"),
        "beyond-floats": ((1 << 53) + 1, b"OK"),
        "other-status": (7, b"BUSY, TRY LATER"),
        "empty-status": (7, b""),
    }
)
def pong(peer_id: int, status: bytes) -> Expect:
    return Expect(
        talked(PING, craft.response(1003, craft.ping_response(peer_id, status))),
        node_data=[
            {
                "message": 1,
                "peer_id": peer_id,
                "status_text": status.decode(),
                "my_port": None,
                "network_id": None,
            }
        ],
        sync_data=[],
        totals={},
    )


@case
def pong_in_cuprates_order() -> Expect:
    return Expect(
        talked(PING, craft.response(1003, epee({"status": b"OK", "peer_id": ("u64", 12)}))),
        node_data=[{"message": 1, "peer_id": 12, "status_text": "OK"}],
        totals={},
    )


@cases([0, 1, 0xFFFFFFFF])
def support_flags(flags: int) -> Expect:
    return Expect(
        talked(craft.request(1007), craft.response(1007, craft.support_flags_response(flags))),
        messages=[
            request(1007, name="REQUEST_SUPPORT_FLAGS", id="f"),
            response(1007, reply="f", length=29),
        ],
        node_data=[
            {
                "message": 1,
                "support_flags": flags,
                "peer_id": None,
                "my_port": None,
                "status_text": None,
            }
        ],
        totals={},
    )


@case
def two_answers_in_one_frame_keep_their_values() -> Expect:
    """What tshark's flat lists shift: a 1007 and a 1002 response in one segment."""
    sync = craft.response(
        1002,
        craft.timed_sync_response(
            [peer("203.0.113.7", 18080, 41), peer("203.0.113.8", 18081, 42)],
            payload_data(55, pruning_seed=386),
        ),
    )
    return Expect(
        talked(craft.request(1007) + SYNC, FLAGGED + sync + PONG),
        messages=[
            request(1007, id="f"),
            request(1002, id="s"),
            response(1007, reply="f", shared=True, frame=5),
            response(1002, reply="s", shared=True, frame=5),
            response(1003, reply=None, shared=True),
        ],
        node_data=[
            {"message": 2, "support_flags": 1, "peer_id": None},
            {"message": 4, "peer_id": 0x1122334455667788, "support_flags": None},
        ],
        sync_data=[{"message": 1}, {"message": 3, "current_height": 55, "pruning_seed": 386}],
        peer_lists=[
            {"message": 3, "position": 0, "host": "203.0.113.7", "port": 18080, "id": 41},
            {"message": 3, "position": 1, "host": "203.0.113.8", "port": 18081, "id": 42},
        ],
        totals={},
    )


@case
def requests_and_refusals_say_nothing_of_nodes() -> Expect:
    return Expect(
        talked(
            PING,
            craft.response(1003, b"", -1),
            craft.request(1007),
            craft.response(1007, b"", -6),
            SYNC,
            craft.response(1002, b"", -4),
        ),
        complete=[
            request(1003, id="a"),
            response(1003, return_code=-1, reply="a"),
            request(1007, id="b"),
            response(1007, return_code=-6, reply="b"),
            request(1002, id="c"),
            response(1002, return_code=-4, reply="c"),
        ],
        node_data=[],
        sync_data=[{"message": 4}],
        peer_lists=[],
        totals={},
    )
