"""Payloads of P2P commands."""

from __future__ import annotations

import ipaddress
from typing import Any

from support.craft.portable_storage import epee

MAINNET = bytes.fromhex("1230f171610441611731008216a1a110")
EMPTY = epee({})


def node_data(
    peer_id: int = 0x1122334455667788,
    my_port: int = 18080,
    network_id: bytes = MAINNET,
    support_flags: int | None = 1,
    **more: Any,
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "my_port": ("u32", my_port),
        "network_id": network_id,
        "peer_id": ("u64", peer_id),
    }
    if support_flags is not None:
        fields["support_flags"] = ("u32", support_flags)
    fields.update(more)
    return dict(sorted(fields.items()))


def payload_data(
    current_height: int = 3000000,
    top_id: bytes = b"\xab" * 32,
    top_version: int = 16,
    cumulative_difficulty: int = 1 << 60,
    pruning_seed: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "cumulative_difficulty": ("u64", cumulative_difficulty),
        "cumulative_difficulty_top64": ("u64", 0),
        "current_height": ("u64", current_height),
        "top_id": top_id,
        "top_version": ("u8", top_version),
    }
    if pruning_seed is not None:
        fields["pruning_seed"] = ("u32", pruning_seed)
    fields.update(more)
    return dict(sorted(fields.items()))


def peer(host: str, port: int, peer_id: int, **more: Any) -> dict[str, Any]:
    """One peer-list entry: IPv4, IPv6, or a .onion or .i2p name. Optional fields as epee values:
    last_seen=("i64", 5).
    """
    if host.endswith((".onion", ".i2p")):
        address = {
            "addr": {"host": host.encode(), "port": ("u16", port)},
            "type": ("u8", 4 if host.endswith(".onion") else 3),
        }
    else:
        ip = ipaddress.ip_address(host)
        if ip.version == 4:
            address = {
                "addr": {
                    "m_ip": ("u32", int.from_bytes(ip.packed, "little")),
                    "m_port": ("u16", port),
                },
                "type": ("u8", 1),
            }
        else:
            address = {"addr": {"addr": ip.packed, "m_port": ("u16", port)}, "type": ("u8", 2)}
    return {"adr": address, "id": ("u64", peer_id), **more}


def handshake_request(
    node: dict[str, Any] | None = None, sync: dict[str, Any] | None = None
) -> bytes:
    return epee({"node_data": node or node_data(), "payload_data": sync or payload_data()})


def handshake_response(
    peers: list[dict[str, Any]] | None = None,
    node: dict[str, Any] | None = None,
    sync: dict[str, Any] | None = None,
) -> bytes:
    fields: dict[str, Any] = {"local_peerlist_new": peers} if peers else {}
    return epee(
        {**fields, "node_data": node or node_data(), "payload_data": sync or payload_data()}
    )


def timed_sync_request(sync: dict[str, Any] | None = None) -> bytes:
    return epee({"payload_data": sync or payload_data()})


def timed_sync_response(
    peers: list[dict[str, Any]] | None = None, sync: dict[str, Any] | None = None
) -> bytes:
    fields: dict[str, Any] = {"local_peerlist_new": peers} if peers else {}
    return epee({**fields, "payload_data": sync or payload_data()})


def ping_response(peer_id: int = 0x1122334455667788, status: bytes = b"OK") -> bytes:
    return epee({"peer_id": ("u64", peer_id), "status": status})


def support_flags_response(flags: int = 1) -> bytes:
    return epee({"support_flags": ("u32", flags)})


def transactions(blobs: list[bytes], fluff: bool = True) -> bytes:
    """A 2002 payload."""
    fields: dict[str, Any] = (
        {"_": b""}
        | ({} if fluff else {"dandelionpp_fluff": False})
        | ({"txs": blobs} if blobs else {})
    )
    return epee(fields)
