"""Rules on what a message looks like: fields, headers, encoding. Family `structure`.
docs/metrics/structure.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from monerotraffic.metrics.structure import (
    COMMANDS,
    HEADER_ODDITIES,
    garbage,
    lists_with_last_seen,
    odd_headers,
    oversize,
)
from monerotraffic.rules.rule import Parameters, Rule, observations
from monerotraffic.tables.view import View

__all__ = ["RULES"]


def _support_flags_missing(view: View, parameters: Parameters) -> pd.DataFrame:
    said = view.node_data
    handshakes = said[
        (said["command"] == 1001)
        & (said["direction"] == "received")
        & (said["status"] == "complete")
    ]
    return observations(handshakes[handshakes["support_flags"].isna()])


def _support_flags_odd(view: View, parameters: Parameters) -> pd.DataFrame:
    said = view.node_data
    said = said[
        (said["direction"] == "received")
        & said["support_flags"].notna()
        & ~said["peer"].isin(view.loopback)
    ]
    return observations(
        said[~said["support_flags"].isin(parameters["standard"])],
        said["support_flags"].astype("float64"),
    )


def _last_seen_present(view: View, parameters: Parameters) -> pd.DataFrame:
    lists = lists_with_last_seen(view)
    return observations(lists, lists["last_seen"])


def _bad_header(view: View, parameters: Parameters) -> pd.DataFrame:
    counted = list(parameters["counted"])
    odd = odd_headers(view)
    many = odd[counted].sum(axis=1)
    return observations(odd[many > 0], many[many > 0])


def _unknown_command(view: View, parameters: Parameters) -> pd.DataFrame:
    received = view.received[view.received["kind"].isin(["request", "response", "notification"])]
    strange = received[~received["command"].isin([*COMMANDS, *parameters["reserved"]])]
    return observations(strange, strange["command"])


def _oversize_message(view: View, parameters: Parameters) -> pd.DataFrame:
    large = oversize(view)
    return observations(large, large["length"].astype("float64") / large["limit"])


def _payload_malformed(view: View, parameters: Parameters) -> pd.DataFrame:
    refused = view.received[
        (view.received["status"] == "malformed") & (view.received["length"] > 0)
    ]
    return observations(refused)


def _noncanonical_encoding(view: View, parameters: Parameters) -> pd.DataFrame:
    received = view.received[view.received["unknown_keys"].notna()]
    # Tor and I2P: padded with zeros
    clear = ~received["peer"].isin(view.loopback) & (received["fragments"] == 1)
    many = sum(
        (
            received[name].where(clear | (name != "trailing")).fillna(0)
            for name in parameters["counted"]
        ),
        pd.Series(0, index=received.index),
    )
    return observations(received[many > 0], many[many > 0].astype("float64"))


def _wrong_network(view: View, parameters: Parameters) -> pd.DataFrame:
    said = view.node_data
    said = said[said["network_id"].notna() & (said["direction"] == "received")]
    networks = view.networks or _of_the_majority(said, parameters["least_peers"])
    return observations(said[~said["network_id"].isin(networks)] if networks else said[:0])


def _of_the_majority(said: pd.DataFrame, least: int) -> frozenset[str]:
    """The network that more than half of the peers say they are of; nothing if there are too few to
    tell.
    """
    peers = said.groupby("network_id", observed=True)["peer"].nunique()
    return frozenset(
        peers[peers * 2 > said["peer"].nunique()].index if peers.sum() >= least else ()
    )


def _garbage(view: View, parameters: Parameters) -> pd.DataFrame:
    rows = garbage(view)
    rows = rows[
        (rows["levin"] | rows["server_port"].isin(parameters["ports"]))
        & (rows["bytes"] >= parameters["least_bytes"])
    ]
    return observations(rows, rows["bytes"])


_PUBLISHED: Mapping[str, Parameters] = {"arxiv-v1": {}, "aft-2026": {}}

RULES = (
    Rule(
        name="support_flags_missing",
        family="structure",
        weight="weak",
        unit="handshake",
        definition="node_data of a whole 1001 without support_flags.",
        source="src/p2p/p2p_protocol_defs.h basic_node_data; arXiv 2509.10214, section on support flags omitted",
        observe=_support_flags_missing,
        holds="monerod 0.18 and later",
        paper="SFO",
        presets=_PUBLISHED,
    ),
    Rule(
        name="support_flags_odd",
        family="structure",
        weight="weak",
        unit="message",
        definition="support_flags in a whole 1001 or 1007 response that are not among `standard`, on clearnet. Measure: the flags.",
        source="src/p2p/net_node.inl init_config, get_local_node_data: P2P_SUPPORT_FLAGS on clearnet; src/cryptonote_config.h",
        observe=_support_flags_odd,
        parameters={"standard": (1,)},
    ),
    Rule(
        name="last_seen_present",
        family="structure",
        weight="strong",
        unit="peer list",
        definition="A peer-list entry with last_seen, of whatever integer type and value. Measure: entries of the list that have it.",
        source="src/p2p/net_peerlist.h get_peerlist_head sets it to 0, src/p2p/p2p_protocol_defs.h leaves 0 out; arXiv 2509.10214 on last seen timestamps",
        observe=_last_seen_present,
        holds="monerod 0.16 and later, Cuprate",
        paper="LST",
        presets=_PUBLISHED,
    ),
    Rule(
        name="bad_header",
        family="structure",
        weight="strong",
        unit="message",
        definition="A Levin header that no version writes: see odd_headers. `counted`: which of its oddities count. Measure: how many the header has.",
        source="contrib/epee/src/levin_base.cpp make_header, message_writer::finalize; contrib/epee/include/storages/levin_abstract_invoke2.h",
        observe=_bad_header,
        holds="monerod 0.15 and later, Cuprate",
        parameters={"counted": HEADER_ODDITIES},
    ),
    Rule(
        name="unknown_command",
        family="structure",
        weight="strong",
        unit="message",
        definition="A request, response or notification of a command that monerod does not have, nor is `reserved` (relay v2). Measure: the command.",
        source="src/p2p/p2p_protocol_defs.h, src/cryptonote_protocol/cryptonote_protocol_defs.h",
        observe=_unknown_command,
        holds="monerod 0.16 and later (1004 to 1006 existed before), Cuprate",
        parameters={"reserved": (2011, 2012)},
    ),
    Rule(
        name="oversize_message",
        family="structure",
        weight="strong",
        unit="message",
        definition="A declared length over what monerod takes of the command, and before the handshake over 256 KiB. Measure: length ÷ limit.",
        source="src/cryptonote_basic/connection_context.cpp get_max_bytes; contrib/epee/include/net/levin_protocol_handler_async.h handle_recv",
        observe=_oversize_message,
    ),
    Rule(
        name="payload_malformed",
        family="structure",
        weight="strong",
        unit="message",
        definition="A whole payload, not empty, that monerod's reader refuses.",
        source="contrib/epee/include/storages/portable_storage_from_bin.h, levin_abstract_invoke2.h; monerod 0.17.1.9 and later for limits and repeated keys",
        observe=_payload_malformed,
    ),
    Rule(
        name="noncanonical_encoding",
        family="structure",
        weight="weak",
        unit="message",
        definition="A payload written as no version writes it: of the fingerprint columns `counted` one is not 0. Measure: their sum.",
        source="contrib/epee/include/storages/portable_storage_to_bin.h; docs/fingerprint.md",
        observe=_noncanonical_encoding,
        holds="all versions of monerod, Cuprate; with default_fields counted, monerod 0.16 and later, and not Cuprate",
        parameters={
            "counted": ("unknown_keys", "duplicate_keys", "wide_varints", "other_types", "trailing")
        },
    ),
    Rule(
        name="wrong_network",
        family="structure",
        weight="strong",
        unit="message",
        definition="node_data.network_id of none of the vantage node's networks; where it told none, not that of the majority of at least `least_peers` peers.",
        source="src/p2p/net_node.inl handle_handshake; src/cryptonote_config.h NETWORK_ID",
        observe=_wrong_network,
        parameters={"least_peers": 3},
    ),
    Rule(
        name="garbage",
        family="structure",
        weight="strong",
        unit="stretch of bytes",
        definition="At least `least_bytes` that are no part of a message, on a connection with Levin messages or to one of `ports`. Measure: bytes.",
        source="contrib/epee/include/net/levin_protocol_handler_async.h handle_recv; src/p2p/net_node.inl (ssl_support_disabled)",
        observe=_garbage,
        parameters={"ports": (18080, 28080, 38080), "least_bytes": 1},
    ),
)
