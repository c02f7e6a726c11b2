"""Rules on what a message looks like: fields, headers, encoding. Family `structure`.

Uses the metrics of monerotraffic.metrics.structure; knows no other family.
"""

from __future__ import annotations

import pandas as pd

from monerotraffic.metrics.structure import (
    COMMANDS,
    HEADER_ODDITIES,
    lists_with_last_seen,
    odd_headers,
    oversize,
    peer_networks,
    unframed_bytes,
)
from monerotraffic.rules.rule import PUBLISHED, observations, rule
from monerotraffic.tables.view import View

_HABITS = ["unknown_keys", "default_fields"]  # of a newer version, of an older one or of Cuprate

__all__ = [
    "bad_header",
    "garbage",
    "last_seen_present",
    "noncanonical_encoding",
    "other_implementation",
    "oversize_message",
    "payload_malformed",
    "support_flags_missing",
    "support_flags_odd",
    "unknown_command",
    "wrong_network",
]


@rule(
    "MT101",
    family="structure",
    weight="context",
    unit="handshake",
    cause="announced_fields",
    standard="Since 0.18, monerod announces support flags 1 in every handshake on clearnet.",
    reason=(
        "sent {observations:handshake} without support flags (monerod 0.18 and later sends none)"
    ),
    evasion="Send the field, as monerod does: free.",
    source="src/p2p/p2p_protocol_defs.h basic_node_data; arXiv 2509.10214, support flags omitted",
    since="0.18.0",
    known_false_positives="Nodes older than 0.18.",
    paper="SFO",
    presets=PUBLISHED,
)
def support_flags_missing(view: View) -> pd.DataFrame:
    """A whole 1001 whose node_data has no `support_flags`.

    Nodes on clearnet send `support_flags` 1 since 0.18.0, and epee leaves out only the value 0.
    Older versions and other implementations leave the field out, so the finding is context. The
    published code also counts messages without a captured payload.
    """
    nodes = view.node_data
    handshakes = nodes[
        (nodes["command"] == 1001)
        & (nodes["direction"] == "received")
        & (nodes["status"] == "complete")
    ]
    return observations(handshakes[handshakes["support_flags"].isna()])


@rule(
    "MT102",
    family="structure",
    weight="context",
    unit="message",
    cause="announced_fields",
    standard=(
        "monerod announces the constant P2P_SUPPORT_FLAGS, which is 1, or leaves the field out."
    ),
    reason="announced support flags {highest:#} (a standard node announces {standard_flags})",
    evasion="Send 1: free.",
    source="src/p2p/net_node.inl init_config, get_local_node_data; src/cryptonote_config.h",
    known_false_positives="A future version with a further flag.",
)
def support_flags_odd(view: View, *, standard_flags: tuple[int, ...] = (1,)) -> pd.DataFrame:
    """A whole 1001 or 1007 response whose `support_flags` are not among `standard_flags`.

    monerod sends P2P_SUPPORT_FLAGS = 1 on clearnet or leaves the field out. Peers at loopback
    addresses (proxies of Tor and I2P) are left out. The measure is the flags.
    """
    nodes = view.node_data
    nodes = nodes[
        (nodes["direction"] == "received")
        & nodes["support_flags"].notna()
        & ~nodes["peer"].isin(view.loopback)
    ]
    return observations(
        nodes[~nodes["support_flags"].isin(standard_flags)],
        nodes["support_flags"].astype("float64"),
    )


@rule(
    "MT103",
    family="structure",
    weight="strong",
    unit="peer list",
    cause="peer_list_fields",
    standard=(
        "monerod sets last_seen to 0 before it sends an entry, so that lists reveal no times, "
        "and leaves out a 0."
    ),
    reason=(
        "sent {observations:peer list} with last_seen in up to {highest:entry|entries} (a "
        "standard node sends none)"
    ),
    evasion="Leave the field out: free.",
    source=(
        "src/p2p/net_peerlist.h get_peerlist_head; src/p2p/p2p_protocol_defs.h; arXiv 2509.10214, "
        "last seen timestamps"
    ),
    since="0.16.0",
    known_false_positives="Versions before 0.14.1 write a real time.",
    paper="LST",
    presets=PUBLISHED,
)
def last_seen_present(view: View) -> pd.DataFrame:
    """A peer-list entry with `last_seen`, of any integer type and value.

    monerod sets the field to 0 before it sends an entry, since 0.14.1, and leaves out a 0, since
    0.16. Cuprate leaves it out too. Versions between the two write 0, so lists in which all values
    are 0 are context. The published code finds only unsigned integers. The measure is the number of
    entries of the list that have the field.
    """
    lists = lists_with_last_seen(view)
    every = view.traffic.coded_lists
    real = every.message[every.count(every.entries["last_seen"] != 0) > 0]
    return observations(lists, lists["last_seen"], accuses=lists["message"].isin(real))


@rule(
    "MT104",
    family="structure",
    weight="strong",
    unit="message",
    cause="wire_format",
    standard=(
        "All headers come from two constructors in monerod, which set every field to a fixed value."
    ),
    reason=(
        "sent {observations:message} whose header has up to {highest:wrong field} (a standard "
        "node has none)"
    ),
    evasion="Write headers as monerod does: free.",
    source=(
        "contrib/epee/src/levin_base.cpp make_header, message_writer::finalize; "
        "contrib/epee/include/storages/levin_abstract_invoke2.h"
    ),
    since="0.15.0",
)
def bad_header(view: View, *, counted_oddities: tuple[str, ...] = HEADER_ODDITIES) -> pd.DataFrame:
    """A Levin header with one of `counted_oddities`, which no constructor of headers in monerod or
    Cuprate writes.

    The oddities are columns of the metric `odd_headers`: another version than 1, flags other than
    just request or just response, an odd expect byte, a return code with a request, an empty body
    without an error, a command of the wrong kind. A header in a row of `messages` can be trusted:
    in step with the stream its signature was checked, and out of step, after a hole, only sound
    headers are accepted. The measure is the number of oddities of the header.
    """
    odd = odd_headers(view)
    count = odd[list(counted_oddities)].sum(axis=1)
    return observations(odd[count > 0], count[count > 0])


@rule(
    "MT105",
    family="structure",
    weight="strong",
    unit="message",
    cause="wire_format",
    standard="monerod sends the commands 1001 to 1003, 1007, 2001 to 2004 and 2006 to 2010 only.",
    reason=(
        "sent {observations:message} of commands that monerod does not have, up to number "
        "{highest:#} (a standard node sends none)"
    ),
    evasion="Do not send the command; a spy loses what it asks for with it.",
    source=(
        "src/p2p/p2p_protocol_defs.h; src/cryptonote_protocol/cryptonote_protocol_defs.h COMMAND_*"
    ),
    since="0.16.0",
    known_false_positives="Commands 1004 to 1006 of version 0.15 and older; a future command.",
)
def unknown_command(
    view: View, *, reserved_commands: tuple[int, ...] = (2011, 2012)
) -> pd.DataFrame:
    """A request, response or notification of a command that monerod does not have and that is not
    among `reserved_commands` (relay v2).

    The commands are 1001 to 1003, 1007, 2001 to 2004 and 2006 to 2010. The measure is the command.
    """
    received = view.received[view.received["kind"].isin(["request", "response", "notification"])]
    unknown = received[~received["command"].isin([*COMMANDS, *reserved_commands])]
    return observations(unknown, unknown["command"])


@rule(
    "MT106",
    family="structure",
    weight="strong",
    unit="message",
    cause="wire_format",
    standard=(
        "monerod refuses messages over these limits and closes the connection, so it sends none."
    ),
    reason=(
        "declared up to {highest:time} the largest length that monerod accepts, in "
        "{observations:message} (a standard node stays at 1 or below)"
    ),
    evasion="Declare lengths within the limits: free.",
    source=(
        "src/cryptonote_basic/connection_context.cpp get_max_bytes; "
        "contrib/epee/include/net/levin_protocol_handler_async.h handle_recv"
    ),
    since="0.17.1.9",
    known_false_positives="Older versions, which have no limits by command.",
)
def oversize_message(view: View) -> pd.DataFrame:
    """A declared length over monerod's limit for the command, or over 256 KiB before the handshake.

    The receiver would close the connection. The limit is the least of 100,000,000 bytes, the limit
    of the command and, before the handshake, 262,144 bytes. A message counts as sent before the
    handshake only where the capture holds the peer's SYN and every byte of the client. The limits
    of this reader (`limits=`) do not matter. The measure is length ÷ limit.
    """
    large = oversize(view)
    return observations(large, large["length"].astype("float64") / large["limit"])


@rule(
    "MT107",
    family="structure",
    weight="strong",
    unit="message",
    cause="wire_format",
    standard="monerod's writer only writes what its reader accepts.",
    reason="sent {observations:payload} that monerod's reader refuses (a standard node sends none)",
    evasion="Write payloads that monerod's reader accepts: free.",
    source=(
        "contrib/epee/include/storages/portable_storage_from_bin.h, levin_abstract_invoke2.h; "
        "monerod 0.17.1.9 and later for limits and repeated keys"
    ),
    known_false_positives=(
        "Bytes that broken memory or the path changed without the TCP checksum noticing: a single "
        "message, so never conclusive."
    ),
)
def payload_malformed(view: View) -> pd.DataFrame:
    """A whole payload, not empty, that monerod's reader refuses.

    monerod writes only what it can read. An empty payload is a matter of `bad_header`.
    """
    received = view.received
    return observations(received[(received["status"] == "malformed") & (received["length"] > 0)])


@rule(
    "MT108",
    family="structure",
    weight="weak",
    unit="message",
    cause="wire_format",
    standard=(
        "monerod's writer has one way to write each value: sorted keys, minimal lengths, fixed "
        "types, nothing after the end."
    ),
    reason=(
        "encoded {observations:message} as monerod never does, with up to {highest:deviation} "
        "in one (a standard node has none)"
    ),
    evasion="Use monerod's serializer: free.",
    source="contrib/epee/include/storages/portable_storage_to_bin.h; docs/fingerprint.md",
    known_false_positives="A future version with a further field.",
)
def noncanonical_encoding(
    view: View,
    *,
    counted_deviations: tuple[str, ...] = (
        "unknown_keys",
        "duplicate_keys",
        "wide_varints",
        "other_types",
        "trailing",
    ),
) -> pd.DataFrame:
    """A payload written as no version of monerod writes it: one of the fingerprint columns
    `counted_deviations` is not 0.

    monerod's writer keeps keys in a map, writes minimal varints and the types of its structs, and
    nothing after the root section (on clearnet). Cuprate does the same. An optional field written
    with its default (`default_fields`) is different: 0.15 and older write all of them, and Cuprate
    writes `rpc_credits_per_hash`. Add it to `counted_deviations` where all peers are known to be
    newer monerods. Key order alone never counts, because Cuprate's differs. An unknown key alone is
    context, because a newer version may have another optional field. Padding with zeros by
    peers at loopback addresses, and in messages joined from Levin fragments, does not count. The
    measure is the sum of the columns.
    """
    received = view.received[view.received["unknown_keys"].notna()]
    # Tor and I2P: padded with zeros
    clear = ~received["peer"].isin(view.loopback) & (received["fragments"] == 1)
    count = pd.DataFrame(
        {
            name: received[name].where(clear | (name != "trailing")).fillna(0).astype("float64")
            for name in counted_deviations
        },
        index=received.index,
    )
    total = count.sum(axis=1)
    habit = count.reindex(columns=_HABITS, fill_value=0.0).sum(axis=1)
    deviating = total > 0
    return observations(received[deviating], total[deviating], accuses=(total > habit)[deviating])


@rule(
    "MT109",
    family="structure",
    weight="strong",
    unit="message",
    cause="network_id",
    standard="A standard node announces the id of its own network, and is refused on another one.",
    reason=(
        "announced the id of another network in {observations:message} (a standard node here "
        "never does)"
    ),
    evasion="Send the network id of the network: free.",
    source="src/p2p/net_node.inl handle_handshake; src/cryptonote_config.h NETWORK_ID",
    known_false_positives=(
        "A node of another network whose peer lists name the vantage node. Anyone can put the "
        "address there; the node dials it again until it drops it."
    ),
)
def wrong_network(view: View, *, min_peers: int = 3) -> pd.DataFrame:
    """A `network_id` that is not one of the vantage node's networks.

    A standard node refuses such a handshake, and is refused. The vantage node's own ids are the
    standard, so a testnet vantage works, and so does one address with nodes of two networks. If the
    capture holds none of them (one direction only), the id that more than half of the peers
    announce is the standard, where at least `min_peers` peers announce one.
    """
    nodes = view.node_data
    nodes = nodes[nodes["network_id"].notna() & (nodes["direction"] == "received")]
    networks = view.whole.networks or _majority_network(view.whole, min_peers)
    return observations(nodes[~nodes["network_id"].isin(networks)] if networks else nodes[:0])


def _majority_network(view: View, min_peers: int) -> frozenset[str]:
    """The network that more than half of the peers announce; empty if there are too few peers."""
    announced = peer_networks(view)
    peers = announced.groupby("network_id")["peer"].nunique()
    return frozenset(
        peers[peers * 2 > announced["peer"].nunique()].index if peers.sum() >= min_peers else ()
    )


@rule(
    "MT110",
    family="structure",
    weight="strong",
    unit="stretch of bytes",
    cause="wire_format",
    standard="Every byte that monerod sends on a P2P connection belongs to a Levin message.",
    reason=(
        "sent {observations:stretch|stretches} of bytes that are no Levin message, the longest "
        "of {highest:byte} (a standard node sends none)"
    ),
    evasion="Send only Levin messages: free.",
    source=(
        "contrib/epee/include/net/levin_protocol_handler_async.h handle_recv; "
        "src/p2p/net_node.inl ssl_support_disabled"
    ),
    known_false_positives=(
        "Scanners and browsers that try the port: no Monero nodes, but no spies either."
    ),
)
def garbage(
    view: View, *, ports: tuple[int, ...] = (18080, 28080, 38080), min_bytes: int = 1
) -> pd.DataFrame:
    """At least `min_bytes` bytes that belong to no message, on a connection with Levin messages or
    to one of `ports`.

    Every byte that monerod sends is part of a message, and its P2P connections never use TLS. A
    connection that the vantage node opened from port 38080, which Linux may choose by itself, to a
    web server looks like Monero by its port; its server port is not one of `ports`, so it is left
    out. The finding accuses only where the peer sent a Levin message before: scanners, browsers and
    TLS clients send none, and proxies put their own prefix before the first. The measure is the
    number of bytes.
    """
    rows = unframed_bytes(view)
    rows = rows[(rows["levin"] | rows["server_port"].isin(ports)) & (rows["bytes"] >= min_bytes)]
    spoken = (rows["offset"] > 0) & rows["connection"].isin(view.received["connection"])
    return observations(rows, rows["bytes"], accuses=spoken)


@rule(
    "MT111",
    family="structure",
    weight="context",
    unit="handshake",
    cause="announced_fields",
    standard=(
        "The current monerod writes sorted keys, leaves out defaults, and announces support flags."
    ),
    reason=(
        "wrote {observations:handshake} as other software does, with up to {highest:difference} "
        "from the current monerod (which has none)"
    ),
    evasion="Write handshakes as the current monerod does: free.",
    source="docs/fingerprint.md; src/p2p/p2p_protocol_defs.h; Cuprate's epee encoding; py-levin",
    known_false_positives="None: the finding names software, and says nothing against it.",
)
def other_implementation(view: View) -> pd.DataFrame:
    """Other software than the current monerod: a whole 1001 whose keys are out of monerod's order,
    that writes optional fields with their default or keys that monerod does not know, or that lacks
    `support_flags`.

    monerod 0.17 and older lack `support_flags`, 0.15 and older write defaults, Cuprate orders keys
    differently and writes defaults, py-levin and crawlers write their own order, with one constant
    peer id for all users. These are habits of honest software and never condemn. The measure is the
    number of such habits.
    """
    shakes = view.received
    shakes = shakes[(shakes["command"] == 1001) & shakes["unknown_keys"].notna()]
    nodes = view.node_data
    bare = nodes.loc[(nodes["command"] == 1001) & nodes["support_flags"].isna(), "message"]
    habits = pd.DataFrame(
        {
            "order": ~shakes["keys_ordered"].fillna(True).astype(bool),
            "defaults": shakes["default_fields"].fillna(0) > 0,
            "keys": shakes["unknown_keys"].fillna(0) > 0,
            "flags": shakes["message"].isin(bare),
        },
        index=shakes.index,
    ).sum(axis=1)
    return observations(shakes[habits > 0], habits[habits > 0])
