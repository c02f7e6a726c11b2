"""P2P payloads: node data, sync data and peer lists, with all types of addresses and every way of
writing a number.
"""

from __future__ import annotations

from typing import Any

from support import craft
from support.craft import EMPTY, Raw, epee, node_data, payload_data, pcap, peer

from ._build import CLIENT, FLAGGED, HELLO, PING, PONG, SERVER, SYNC, SYNCED, Wire
from ._case import ANY, Expect, Row, case, cases, request, response

MAINNET = "1230f171610441611731008216a1a110"
TOP = 2**64 - 1


def talked(*buckets: bytes, side: int = CLIENT) -> dict[str, bytes]:
    """One conversation: the first bucket from the client, the others in turn; each in segments that
    fit.
    """
    wire = Wire()
    talk = wire.talk()
    for i, made in enumerate(buckets):
        talk.cuts((side + i) % 2, made, *[60_000] * (len(made) // 60_000))
    return {"a.pcap": pcap(wire.packets)}


def welcomed(peers: list[dict[str, Any]], **columns: Any) -> Expect:
    """A handshake whose response holds these entries."""
    return Expect(
        talked(HELLO, craft.response(1001, craft.handshake_response(peers))),
        messages=[request(1001, id="h"), response(1001, reply="h")],
        totals={},
        **columns,
    )


def refused(command: int, payload: bytes) -> Expect:
    """As an answer to a request of that command, between others; no row comes of it."""
    asked = {1001: HELLO, 1002: SYNC, 1003: PING, 1007: craft.request(1007)}[command]
    return Expect(
        talked(asked, craft.response(command, payload), PING, PONG),
        messages=[
            request(command, id="a"),
            response(command, status="malformed", reply="a"),
            request(1003, id="p"),
            response(1003, reply="p"),
        ],
        totals={"malformed": 33 + len(payload)},
        peer_lists=[],
    )


# ---------------------------------------------------------------- node data and sync data


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
        "current_height": 3_412_345, "cumulative_difficulty": 0x0123456789ABCDEF, "cumulative_difficulty_top64": 0, "top_id": bytes(range(32)).hex(), "top_version": 16, "pruning_seed": None,
    }  # fmt: skip
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


# ---------------------------------------------------------------- numbers of other types

PEER_ID_AS: dict[str, tuple[Any, int | None]] = {
    "u32": (("u32", 4_000_000_000), 4_000_000_000),
    "u16": (("u16", 65535), 65535),
    "u8": (("u8", 200), 200),
    "i64": (("i64", 1 << 62), 1 << 62),
    "i8": (("i8", 100), 100),
    "i64-negative": (("i64", -1), None),
    "i8-negative": (("i8", -1), None),
    "bool": (True, None),
    "double": (("f64", 5.0), None),
    "string-of-digits": (b"18446744073709551615", TOP),
    "string-of-letters": (b"abc", None),
}


@cases(PEER_ID_AS)
def peer_id_of_another_type(value: Any, expected: int | None) -> Expect:
    """Any integer type that holds the value will do; monerod refuses the whole message
    otherwise.
    """
    payload = epee({"peer_id": value, "status": b"OK"})
    if expected is None:
        return refused(1003, payload)
    return Expect(
        talked(PING, craft.response(1003, payload)),
        messages=[request(1003, id="p"), response(1003, reply="p")],
        node_data=[{"peer_id": expected}],
        totals={},
    )


PORT_AS: dict[str, tuple[Any, int | None]] = {
    "u64": (("u64", 18080), 18080),
    "i16": (("i16", 18080), 18080),
    "u8": (("u8", 80), 80),
    "u32-too-big": (("u32", 65536), None),
    "u64-too-big": (("u64", 1 << 40), None),
    "negative": (("i16", -1), None),
}


@cases(PORT_AS)
def port_of_another_type(value: Any, expected: int | None) -> Expect:
    entry = {
        "adr": {"addr": {"m_ip": ("u32", 0x0A7100CB), "m_port": value}, "type": ("u8", 1)},
        "id": ("u64", 3),
    }
    if expected is None:
        return refused(1001, craft.handshake_response([entry]))
    return welcomed(
        [entry], peer_lists=[{"host": "203.0.113.10", "port": expected, "id": 3, "type": "ipv4"}]
    )


LAST_SEEN_AS: dict[str, tuple[Any, int | None]] = {
    "i64": (("i64", 1_700_000_000), 1_700_000_000),
    "i64-zero": (("i64", 0), 0),
    "i64-negative": (("i64", -5), -5),
    "u64": (("u64", 1_700_000_000), 1_700_000_000),
    "u32": (("u32", 1_700_000_000), 1_700_000_000),
    "u64-too-big": (("u64", 1 << 63), None),
    "string": (b"1700000000", None),
}


@cases(LAST_SEEN_AS)
def last_seen_of_another_type(value: Any, expected: int | None) -> Expect:
    entry = peer("203.0.113.10", 18080, 3, last_seen=value)
    if expected is None:
        return refused(1001, craft.handshake_response([entry]))
    return welcomed([entry], peer_lists=[{"host": "203.0.113.10", "last_seen": expected}])


@cases(
    {
        "rpc-port": ("rpc_port", ("u32", 65536)),
        "pruning-seed": ("pruning_seed", ("u64", 1 << 32)),
        "credits-negative": ("rpc_credits_per_hash", ("i8", -1)),
        "id": ("id", ("i64", -1)),
    }
)
def entry_field_out_of_range(name: str, value: Any) -> Expect:
    return refused(
        1002, craft.timed_sync_response([{**peer("203.0.113.10", 18080, 3), name: value}])
    )


@cases(
    {
        "my-port": ("node_data", "my_port", ("u64", 1 << 32)),
        "support-flags": ("node_data", "support_flags", ("i32", -1)),
        "rpc-port": ("node_data", "rpc_port", ("u32", 70000)),
        "height": ("payload_data", "current_height", ("i64", -1)),
        "top-version": ("payload_data", "top_version", ("u16", 256)),
        "network-id-number": ("node_data", "network_id", ("u64", 5)),
        "top-id-number": ("payload_data", "top_id", ("u64", 5)),
    }
)
def handshake_field_refused(where: str, name: str, value: Any) -> Expect:
    parts = {"node_data": node_data(), "payload_data": payload_data()}
    parts[where] = {**parts[where], name: value}
    return refused(1001, epee(parts))


@cases(
    {
        "status-number": {"peer_id": ("u64", 1), "status": ("u64", 5)},
        "peer-id-object": {"peer_id": {}, "status": b"OK"},
    }
)
def pong_field_refused(fields: dict[str, Any]) -> Expect:
    return refused(1003, epee(fields))


@cases([0, 15, 17, 31])
def network_id_of_another_size(size: int) -> Expect:
    """A blob of the wrong length is silently none."""
    return Expect(
        talked(
            craft.request(
                1001, craft.handshake_request({**node_data(3), "network_id": bytes(size)})
            )
        ),
        messages=[request(1001)],
        node_data=[{"peer_id": 3, "network_id": None, "my_port": 18080}],
        totals={},
    )


@cases([0, 31, 33])
def top_id_of_another_size(size: int) -> Expect:
    return Expect(
        talked(
            craft.request(
                1002, craft.timed_sync_request({**payload_data(9), "top_id": bytes(size)})
            )
        ),
        messages=[request(1002)],
        sync_data=[{"current_height": 9, "top_id": None}],
        totals={},
    )


# ---------------------------------------------------------------- addresses

ONION = "xmrto2bturnore26xmrto2bturnore26xmrto2bturnore26xmrtoyyd.onion"
I2P = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst.b32.i2p"

ADDRESSES: dict[str, tuple[str, int, str, str]] = {
    "ipv4": ("203.0.113.254", 18080, "ipv4", "203.0.113.254"),
    "ipv4-zero": ("0.0.0.0", 0, "ipv4", "0.0.0.0"),
    "ipv4-broadcast": ("255.255.255.255", 65535, "ipv4", "255.255.255.255"),
    "ipv4-asymmetric": ("1.2.3.4", 1, "ipv4", "1.2.3.4"),
    "ipv6": ("2001:db8::1", 18080, "ipv6", "2001:db8::1"),
    "ipv6-unspecified": ("::", 18080, "ipv6", "::"),
    "ipv6-loopback": ("::1", 18080, "ipv6", "::1"),
    "ipv6-full": ("2001:db8:1:2:3:4:5:6", 18080, "ipv6", "2001:db8:1:2:3:4:5:6"),
    "ipv6-one-zero-is-not-shortened": (
        "2001:db8:0:1:1:1:1:1",
        18080,
        "ipv6",
        "2001:db8:0:1:1:1:1:1",
    ),
    "ipv6-first-of-equal-runs": ("2001:db8:0:0:1:0:0:1", 18080, "ipv6", "2001:db8::1:0:0:1"),
    "ipv6-longest-run": ("2001:0:0:1:0:0:0:1", 18080, "ipv6", "2001:0:0:1::1"),
    "ipv6-lower-case": ("2001:DB8::ABCD", 18080, "ipv6", "2001:db8::abcd"),
    "ipv6-trailing-run": ("fe80:1::", 18080, "ipv6", "fe80:1::"),
    "v4-mapped": ("::ffff:203.0.113.9", 18080, "ipv6", "::ffff:203.0.113.9"),
    "v4-mapped-zero": ("::ffff:0.0.0.0", 18080, "ipv6", "::ffff:0.0.0.0"),
    "tor": (ONION, 18083, "tor", ONION),
    "i2p": (I2P, 1, "i2p", I2P),
    "i2p-name": ("stats.i2p", 1, "i2p", "stats.i2p"),
}


@cases(ADDRESSES)
def address(host: str, port: int, kind: str, text: str) -> Expect:
    return welcomed(
        [peer(host, port, 5)],
        peer_lists=[
            {"message": 1, "position": 0, "host": text, "port": port, "type": kind, "id": 5}
        ],
    )


@case
def addresses_of_all_types_in_one_list() -> Expect:
    """With optional fields that come and go from entry to entry."""
    peers = [
        peer("203.0.113.1", 1, 11),
        peer("2001:db8::2", 2, 12, pruning_seed=("u32", 384)),
        peer(ONION, 3, 13, rpc_port=("u16", 4)),
        peer(
            "203.0.113.1",
            5,
            15,
            last_seen=("i64", 6),
            pruning_seed=("u32", 391),
            rpc_port=("u16", 65535),
            rpc_credits_per_hash=("u32", 7),
        ),
        {"adr": {"addr": {}, "type": ("u8", 0)}, "id": ("u64", 16)},
        peer(I2P, 1, 17, rpc_credits_per_hash=("u32", TOP >> 32)),
        peer("::ffff:203.0.113.1", 8, 18),
    ]
    none: Row = {
        "last_seen": None,
        "pruning_seed": None,
        "rpc_port": None,
        "rpc_credits_per_hash": None,
    }
    return welcomed(
        peers,
        peer_lists=[
            {**none, "position": 0, "host": "203.0.113.1", "port": 1, "type": "ipv4", "id": 11},
            {
                **none,
                "position": 1,
                "host": "2001:db8::2",
                "port": 2,
                "type": "ipv6",
                "id": 12,
                "pruning_seed": 384,
            },
            {
                **none,
                "position": 2,
                "host": ONION,
                "port": 3,
                "type": "tor",
                "id": 13,
                "rpc_port": 4,
            },
            {
                "position": 3,
                "host": "203.0.113.1",
                "port": 5,
                "type": "ipv4",
                "id": 15,
                "last_seen": 6,
                "pruning_seed": 391,
                "rpc_port": 65535,
                "rpc_credits_per_hash": 7,
            },
            {**none, "position": 4, "host": None, "port": ANY, "type": "invalid", "id": 16},
            {
                **none,
                "position": 5,
                "host": I2P,
                "port": 1,
                "type": "i2p",
                "id": 17,
                "rpc_credits_per_hash": 0xFFFFFFFF,
            },
            {
                **none,
                "position": 6,
                "host": "::ffff:203.0.113.1",
                "port": 8,
                "type": "ipv6",
                "id": 18,
            },
        ],
    )


@cases([0, 5, 255])
def address_of_no_type(number: int) -> Expect:
    """monerod cannot say where such a peer is; the entry is there all the same."""
    entry = {
        "adr": {"addr": {"m_ip": ("u32", 1), "m_port": ("u16", 2)}, "type": ("u8", number)},
        "id": ("u64", 9),
    }
    return welcomed(
        [peer("203.0.113.1", 1, 8), entry],
        peer_lists=[
            {"position": 0, "type": "ipv4", "id": 8},
            {"position": 1, "type": "invalid", "id": 9, "host": None},
        ],
    )


@case
def address_type_before_and_after_the_address() -> Expect:
    """The type may come first, and as another integer type."""
    entry = {
        "id": ("u64", 1),
        "adr": {
            "type": ("u64", 2),
            "addr": {
                "m_port": ("u16", 2),
                "addr": bytes.fromhex("20010db8000000000000000000000009"),
            },
        },
    }
    return welcomed(
        [entry], peer_lists=[{"host": "2001:db8::9", "port": 2, "type": "ipv6", "id": 1}]
    )


@case
def the_address_of_a_peer_and_of_a_list_are_one() -> Expect:
    """The same text, whoever mentions it."""
    return welcomed(
        [peer("192.0.2.1", 18080, 1), peer("198.51.100.10", 18080, 2)],
        peer_lists=[{"host": "192.0.2.1"}, {"host": "198.51.100.10"}],
        connections=[{"peer": "192.0.2.1", "vantage": "198.51.100.10"}],
    )


# ---------------------------------------------------------------- lists


@cases([1, 63, 64, 250, 251, 1000])
def list_of(count: int) -> Expect:
    peers = [peer(f"203.{i >> 8}.{i & 255}.7", 10_000 + i, (1 << 63) + i) for i in range(count)]
    return welcomed(
        peers,
        peer_lists=[
            {
                "message": 1,
                "position": i,
                "host": f"203.{i >> 8}.{i & 255}.7",
                "port": 10_000 + i,
                "id": (1 << 63) + i,
                "type": "ipv4",
            }
            for i in range(count)
        ],
    )


@case
def list_repeated_entries() -> Expect:
    """Told as they are."""
    return welcomed(
        [peer("203.0.113.1", 1, 2)] * 3,
        peer_lists=[{"position": i, "host": "203.0.113.1", "port": 1, "id": 2} for i in range(3)],
    )


@cases(
    {
        "absent": {},
        "empty-of-objects": {"local_peerlist_new": Raw(b"\x8c\0")},
        "empty-of-numbers": {"local_peerlist_new": Raw(b"\x85\0")},
        "a-number": {"local_peerlist_new": ("u64", 5)},
        "a-string": {"local_peerlist_new": bytes(24)},
        "an-object": {"local_peerlist_new": peer("203.0.113.1", 1, 2)},
        "an-array-of-numbers": {"local_peerlist_new": ("u64", [1, 2])},
        "an-array-of-strings": {"local_peerlist_new": [b"a", b"b"]},
        "the-old-list": {"local_peerlist": bytes(48)},
    }
)
def list_of_none(fields: dict[str, Any]) -> Expect:
    """monerod sees no list in any of these, and no fault."""
    body = epee({**fields, "node_data": node_data(), "payload_data": payload_data(1)})
    return Expect(
        talked(HELLO, craft.response(1001, body)),
        messages=[request(1001, id="h"), response(1001, reply="h")],
        peer_lists=[],
        sync_data=[{}, {"message": 1, "current_height": 1}],
        totals={},
    )


@case
def list_cut_within_an_entry() -> Expect:
    """The message ends in the middle of its second entry: no part of it is a row."""
    payload = craft.handshake_response([peer("203.0.113.1", 1, 2), peer("203.0.113.2", 3, 4)])[:120]
    return refused(1001, payload)


@case
def list_with_one_bad_entry() -> Expect:
    """The last of a hundred has its key twice."""
    peers: list[Any] = [peer(f"203.0.113.{i}", 18080, i) for i in range(99)]
    good = b"".join(craft.section(entry) for entry in peers)
    bad = craft.section(
        [("adr", peer("203.0.113.99", 1, 2)["adr"]), ("id", ("u64", 1)), ("id", ("u64", 2))]
    )
    return refused(
        1002,
        epee(
            {
                "local_peerlist_new": Raw(b"\x8c" + craft.varint(100) + good + bad),
                "payload_data": payload_data(),
            }
        ),
    )


@case
def list_entries_without_fields() -> Expect:
    """An entry of nothing is an entry."""
    return welcomed(
        [{}, peer("203.0.113.1", 1, 2)],
        peer_lists=[
            {"position": 0, "host": None},
            {"position": 1, "host": "203.0.113.1", "port": 1, "id": 2},
        ],
    )


@case
def lists_of_many_messages() -> Expect:
    """Rows follow their messages."""
    wire = Wire()
    talk = wire.talk()
    expected = []
    for i in range(5):
        talk.say(CLIENT, SYNC).say(
            SERVER,
            craft.response(
                1002,
                craft.timed_sync_response(
                    [peer(f"203.0.113.{i * 10 + j}", j, i) for j in range(i)]
                ),
            ),
        )
        expected += [
            {
                "message": 2 * i + 1,
                "position": j,
                "host": f"203.0.113.{i * 10 + j}",
                "port": j,
                "id": i,
            }
            for j in range(i)
        ]
    return Expect({"a.pcap": pcap(wire.packets)}, peer_lists=expected, totals={})


@case
def list_that_arrives_in_small_segments() -> Expect:
    peers = [peer(f"203.0.113.{i}", 18080 + i, i, rpc_port=("u16", i)) for i in range(250)]
    welcome = craft.response(1001, craft.handshake_response(peers))
    wire = Wire()
    wire.talk().say(CLIENT, HELLO).cuts(SERVER, welcome, *[536] * (len(welcome) // 536))
    return Expect(
        {"a.pcap": pcap(wire.packets)},
        peer_lists=[
            {
                "message": 1,
                "position": i,
                "host": f"203.0.113.{i}",
                "port": 18080 + i,
                "rpc_port": i,
            }
            for i in range(250)
        ],
        totals={},
    )


@case
def lists_are_told_of_both_sides() -> Expect:
    """The vantage's own answers are kept, and marked as sent."""
    wire = Wire()
    talk = wire.talk()
    talk.say(SERVER, SYNC).say(
        CLIENT, craft.response(1002, craft.timed_sync_response([peer("203.0.113.1", 1, 1)]))
    )
    talk.say(CLIENT, SYNC).say(
        SERVER, craft.response(1002, craft.timed_sync_response([peer("203.0.113.2", 2, 2)]))
    )
    return Expect(
        {"a.pcap": pcap(wire.packets)},
        messages=[
            request(1002, direction="sent", id="a"),
            response(1002, direction="received", reply="a"),
            request(1002, direction="received", id="b"),
            response(1002, direction="sent", reply="b"),
        ],
        peer_lists=[{"message": 1, "host": "203.0.113.1"}, {"message": 3, "host": "203.0.113.2"}],
    )


@case
def handshake_of_version_0_15() -> Expect:
    """local_time, defaults written out, the old packed list beside the new one."""
    node = node_data(
        support_flags=None,
        local_time=("u64", 1_600_000_000),
        rpc_port=("u16", 0),
        rpc_credits_per_hash=("u32", 0),
    )
    entry = peer(
        "203.0.113.3", 18080, 4, last_seen=("i64", 0), pruning_seed=("u32", 0), rpc_port=("u16", 0)
    )
    body = epee(
        {
            "local_peerlist": bytes(36),
            "local_peerlist_new": [entry],
            "node_data": node,
            "payload_data": payload_data(pruning_seed=0),
        }
    )
    return Expect(
        talked(HELLO, craft.response(1001, body)),
        node_data=[
            {"message": 0},
            {
                "message": 1,
                "local_time": 1_600_000_000,
                "rpc_port": 0,
                "rpc_credits_per_hash": 0,
                "support_flags": None,
            },
        ],
        sync_data=[{"message": 0}, {"message": 1, "pruning_seed": 0}],
        peer_lists=[
            {
                "host": "203.0.113.3",
                "last_seen": 0,
                "pruning_seed": 0,
                "rpc_port": 0,
                "rpc_credits_per_hash": None,
            }
        ],
        totals={},
    )


@case
def requests_of_old_versions() -> Expect:
    """1004 to 1006 have names and are walked, not decoded."""
    body = epee({"tr": {"peer_id": ("u64", 1), "sign": bytes(64), "time": ("u64", 2)}})
    return Expect(
        talked(
            craft.request(1004, body),
            craft.response(1004, EMPTY),
            craft.request(1006),
            craft.response(1006, epee({"my_id": ("u64", 3)})),
        ),
        messages=[
            request(1004, id="a", name="REQUEST_STAT_INFO"),
            response(1004, reply="a"),
            request(1006, id="b"),
            response(1006, reply="b"),
        ],
        node_data=[],
        totals={},
    )


@case
def tables_on_request_only() -> Expect:
    """Messages and peer lists: decoded as ever, the rest is left out."""
    made = talked(
        HELLO,
        craft.response(1001, craft.handshake_response([peer("203.0.113.3", 1, 4)])),
        SYNC,
        SYNCED,
    )
    return Expect(
        made,
        peer_lists=[{"host": "203.0.113.3"}],
        messages=[
            request(1001, id="h"),
            response(1001, reply="h"),
            request(1002, id="s"),
            response(1002, reply="s"),
        ],
        options={"tables": ["messages", "peer_lists"]},
    )
