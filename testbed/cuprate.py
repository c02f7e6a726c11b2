"""How Cuprate writes payloads: fields in the order of their declaration, and none that is zero
(net/wire and net/epee-encoding of Cuprate).
"""

from __future__ import annotations

from typing import Any

CUPRATE_TICK = (61.0, 61.0)
"""Seconds to the first timed sync of a connection, and between them; each connection has its own
timer.
"""
_ORDER = (
    *("status", "node_data", "payload_data", "local_peerlist_new"),
    *("type", "addr", "m_ip", "m_port"),
    *("my_port", "network_id", "adr", "id", "last_seen"),
    *("cumulative_difficulty", "cumulative_difficulty_top64", "current_height"),
    *("pruning_seed", "top_id", "top_version"),
    *("peer_id", "support_flags", "rpc_port", "rpc_credits_per_hash"),
)
_PLACE = {key: place for place, key in enumerate(_ORDER)}
_OMITTED_IF_ZERO = frozenset(
    {"cumulative_difficulty_top64", "last_seen", "pruning_seed", "rpc_port", "rpc_credits_per_hash"}
)


def as_cuprate(fields: dict[str, Any]) -> dict[str, Any]:
    """A section that monerod would write, as Cuprate writes it."""
    return {
        key: _value(fields[key])
        for key in sorted(fields, key=_PLACE.__getitem__)
        if not (key in _OMITTED_IF_ZERO and fields[key][1] == 0)
    }


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return as_cuprate(value)
    if isinstance(value, list):
        return [as_cuprate(item) for item in value]
    return value
