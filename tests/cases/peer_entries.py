"""Entries of peer lists: all types of addresses, and lists that are not lists of entries."""

from __future__ import annotations

from typing import Any

from support import craft
from support.craft import EMPTY, Raw, epee, node_data, payload_data, pcap, peer

from ._build import CLIENT, HELLO, SERVER, SYNC, SYNCED, Wire
from ._case import ANY, Expect, Row, case, cases, request, response
from ._payloads import TOP, refused, talked, welcomed

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
def lists_of_both_sides_have_rows() -> Expect:
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
    message = talked(
        HELLO,
        craft.response(1001, craft.handshake_response([peer("203.0.113.3", 1, 4)])),
        SYNC,
        SYNCED,
    )
    return Expect(
        message,
        peer_lists=[{"host": "203.0.113.3"}],
        messages=[
            request(1001, id="h"),
            response(1001, reply="h"),
            request(1002, id="s"),
            response(1002, reply="s"),
        ],
        options={"tables": ["messages", "peer_lists"]},
    )
