"""The Levin messages of a current node (v0.18), with header and payload. Independent of TCP and
files.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from benchmarks import epee

HANDSHAKE, TIMED_SYNC, PING, SUPPORT_FLAGS = 1001, 1002, 1003, 1007
NEW_TRANSACTIONS, GET_OBJECTS, OBJECTS, CHAIN_REQUEST, CHAIN_ENTRY = 2002, 2003, 2004, 2006, 2007
FLUFFY_BLOCK, FLUFFY_MISSING, TXPOOL_COMPLEMENT = 2008, 2009, 2010

MAINNET = bytes.fromhex("1230f171610441611731008216a1a110")
PEERS_PER_LIST = 250

_HEADER = struct.Struct("<QQBIiII")
_SIGNATURE = 0x0101010101012101


@dataclass(frozen=True, slots=True)
class Message:
    """A complete Levin message, and the results expected of a decoder."""

    data: bytes
    command: int
    kind: str
    peers: int = 0
    transactions: tuple[bytes, ...] = ()
    blocks: tuple[bytes, ...] = ()
    inventories: int = 0  # ids and indices listed


@dataclass(frozen=True, slots=True)
class Chain:
    """What a node announces of its chain in payload_data."""

    height: int
    top_id: bytes
    difficulty: int


def request(command: int, payload: bytes) -> Message:
    return Message(
        _HEADER.pack(_SIGNATURE, len(payload), 1, command, 0, 1, 1) + payload, command, "request"
    )


def response(command: int, payload: bytes, peers: int = 0) -> Message:
    return Message(
        _HEADER.pack(_SIGNATURE, len(payload), 0, command, 1, 2, 1) + payload,
        command,
        "response",
        peers,
    )


def notification(
    command: int,
    payload: bytes,
    transactions: Sequence[bytes] = (),
    blocks: Sequence[bytes] = (),
    inventories: int = 0,
) -> Message:
    data = _HEADER.pack(_SIGNATURE, len(payload), 0, command, 0, 1, 1) + payload
    return Message(
        data, command, "notification", 0, tuple(transactions), tuple(blocks), inventories
    )


# ---- handshakes and timed syncs ----


def node_data(my_port: int, peer_id: int, rpc_port: int, support_flags: int) -> bytes:
    entries = [
        epee.u32("my_port", my_port),
        epee.string("network_id", MAINNET),
        epee.u64("peer_id", peer_id),
    ]
    if rpc_port:
        entries.append(epee.u16("rpc_port", rpc_port))
    if support_flags:
        entries.append(epee.u32("support_flags", support_flags))
    return epee.entry("node_data", epee.section(*entries))


@lru_cache(maxsize=64)
def payload_data(chain: Chain, pruning_seed: int) -> bytes:
    entries = [
        epee.u64("cumulative_difficulty", chain.difficulty),
        epee.u64("cumulative_difficulty_top64", 0),
        epee.u64("current_height", chain.height),
    ]
    if pruning_seed:
        entries.append(epee.u32("pruning_seed", pruning_seed))
    entries += (epee.string("top_id", chain.top_id), epee.u8("top_version", 16))
    return epee.entry("payload_data", epee.section(*entries))


def peer_entry(host: bytes, port: int, peer_id: int, pruning_seed: int, rpc_port: int) -> bytes:
    """One element of local_peerlist_new; `host` is 4 or 16 bytes in network order."""
    if len(host) == 4:
        address, kind = (
            epee.section(
                epee.u32("m_ip", int.from_bytes(host, "little")), epee.u16("m_port", port)
            ),
            1,
        )
    else:
        address, kind = epee.section(epee.string("addr", host), epee.u16("m_port", port)), 2
    entries = [
        epee.entry("adr", epee.section(epee.entry("addr", address), epee.u8("type", kind))),
        epee.u64("id", peer_id),
    ]
    if pruning_seed:
        entries.append(epee.u32("pruning_seed", pruning_seed))
    if rpc_port:
        entries.append(epee.u16("rpc_port", rpc_port))
    return epee.section(*entries)


def _peer_list(entries: Sequence[bytes]) -> tuple[bytes, ...]:
    return (epee.objects("local_peerlist_new", entries),) if entries else ()


def handshake_request(node: bytes, sync: bytes) -> Message:
    return request(HANDSHAKE, epee.payload(node, sync))


def handshake_response(entries: Sequence[bytes], node: bytes, sync: bytes) -> Message:
    return response(HANDSHAKE, epee.payload(*_peer_list(entries), node, sync), len(entries))


def sync_request(sync: bytes) -> Message:
    return request(TIMED_SYNC, epee.payload(sync))


def sync_response(entries: Sequence[bytes], sync: bytes) -> Message:
    return response(TIMED_SYNC, epee.payload(*_peer_list(entries), sync), len(entries))


PING_REQUEST = request(PING, epee.payload())
SUPPORT_FLAGS_REQUEST = request(SUPPORT_FLAGS, epee.payload())
SUPPORT_FLAGS_RESPONSE = response(SUPPORT_FLAGS, epee.payload(epee.u32("support_flags", 1)))


def ping_response(peer_id: int) -> Message:
    return response(PING, epee.payload(epee.u64("peer_id", peer_id), epee.string("status", b"OK")))


# ---- the relay protocol ----


def new_transactions(blobs: Sequence[bytes], fluff: bool) -> Message:
    stem = () if fluff else (epee.boolean("dandelionpp_fluff", False),)
    return notification(
        NEW_TRANSACTIONS,
        epee.payload(epee.string("_", b""), *stem, epee.strings("txs", sorted(blobs))),
        blobs,
    )


def _block(block: bytes, blobs: Sequence[bytes]) -> bytes:
    return epee.section(
        epee.string("block", block), *((epee.strings("txs", blobs),) if blobs else ())
    )


def fluffy_block(block: bytes, blobs: Sequence[bytes], height: int) -> Message:
    payload = epee.payload(
        epee.entry("b", _block(block, blobs)), epee.u64("current_blockchain_height", height)
    )
    return notification(FLUFFY_BLOCK, payload, blobs, (block,))


def fluffy_missing(block_id: bytes, height: int, indices: Sequence[int]) -> Message:
    fields = (
        epee.string("block_hash", block_id),
        epee.u64("current_blockchain_height", height),
        epee.string("missing_tx_indices", struct.pack(f"<{len(indices)}Q", *indices)),
    )
    return notification(FLUFFY_MISSING, epee.payload(*fields), inventories=len(indices))


def get_objects(ids: Sequence[bytes]) -> Message:
    return notification(
        GET_OBJECTS, epee.payload(epee.string("blocks", b"".join(ids))), inventories=len(ids)
    )


def objects(blocks: Sequence[tuple[bytes, Sequence[bytes]]], height: int) -> Message:
    bodies = [_block(block, blobs) for block, blobs in blocks]
    payload = epee.payload(
        epee.objects("blocks", bodies), epee.u64("current_blockchain_height", height)
    )
    return notification(
        OBJECTS,
        payload,
        [blob for _, blobs in blocks for blob in blobs],
        [block for block, _ in blocks],
    )


def chain_request(ids: Sequence[bytes]) -> Message:
    return notification(
        CHAIN_REQUEST, epee.payload(epee.string("block_ids", b"".join(ids))), inventories=len(ids)
    )


def chain_entry(
    first_block: bytes, ids: Sequence[bytes], weights: Sequence[int], start: int, chain: Chain
) -> Message:
    fields = (
        epee.u64("cumulative_difficulty", chain.difficulty),
        epee.u64("cumulative_difficulty_top64", 0),
        epee.string("first_block", first_block),
        epee.string("m_block_ids", b"".join(ids)),
        epee.string("m_block_weights", struct.pack(f"<{len(weights)}Q", *weights)),
        epee.u64("start_height", start),
        epee.u64("total_height", chain.height),
    )
    return notification(CHAIN_ENTRY, epee.payload(*fields), inventories=len(ids))


def txpool_complement(ids: Sequence[bytes]) -> Message:
    return notification(
        TXPOOL_COMPLEMENT,
        epee.payload(*((epee.string("hashes", b"".join(ids)),) if ids else ())),
        inventories=len(ids),
    )
