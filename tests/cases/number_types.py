"""Numbers written in another type than the one that monerod sends."""

from __future__ import annotations

from typing import Any

from support import craft
from support.craft import epee, node_data, payload_data, peer

from ._build import PING
from ._case import Expect, cases, request, response
from ._payloads import TOP, refused, talked, welcomed

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
