"""Random conversations for hypothesis, cut and disordered as by networks, and their tables."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import monerotraffic as mt
import oracle
from cases.blobs import GENESIS_TX
from support import craft
from support.comparison import (
    BY_MESSAGE,
    Tables,
    check_accounting,
    check_oracle,
    messages_by_stream,
    tables_of,
)
from support.craft import CLIENT, SERVER, Packet
from support.vectors import vectors

# all that may depend on how a stream was cut
SEGMENTATION = {
    "time",
    "end_time",
    "file",
    "frame",
    "end_frame",
    "end_length",
    "segments",
    "first_segment",
    "shared",
}


# out of step the one depends on when that was noticed, the other on what one takes for a message
UNSURE = ("reply_to", "shared")


numbers = st.integers(0, 2**64 - 1)


hosts = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.sampled_from(["a" * 56 + ".onion", "b" * 52 + ".b32.i2p"]),
)


extras = st.fixed_dictionaries(
    {},
    optional={
        "last_seen": st.integers(-(2**63), 2**63 - 1).map(lambda value: ("i64", value)),
        "pruning_seed": st.integers(0, 2**32 - 1).map(lambda value: ("u32", value)),
        "rpc_port": st.integers(0, 65535).map(lambda value: ("u16", value)),
        "rpc_credits_per_hash": st.integers(0, 255).map(lambda value: ("u8", value)),
    },
)


peers = st.builds(
    lambda host, port, number, more: craft.peer(host, port, number, **more),
    hosts,
    st.integers(0, 65535),
    numbers,
    extras,
)


peer_lists = st.lists(peers, max_size=12)


nodes = st.builds(
    craft.node_data,
    numbers,
    st.integers(0, 2**32 - 1),
    st.binary(min_size=16, max_size=16),
    st.none() | st.integers(0, 2**32 - 1),
)


syncs = st.builds(
    craft.payload_data,
    numbers,
    st.binary(min_size=31, max_size=33),
    st.integers(0, 255),
    numbers,
    st.none() | st.integers(384, 391),
)


real = [
    *(
        bytes.fromhex(vector["blob"])
        for vector in vectors("transactions")
        if len(vector["blob"]) < 4000
    ),
    GENESIS_TX,
]


real_blocks = [
    bytes.fromhex(vector["blob"]) for vector in vectors("blocks") if len(vector["blob"]) < 1000
]


def damaged(blob: bytes, share: float, byte: int) -> bytes:
    at = int(share * (len(blob) - 1))
    return blob[:at] + bytes([byte]) + blob[at + 1 :]


def blobs_like(samples: list[bytes]) -> st.SearchStrategy[bytes]:
    """Real ones, real ones with another byte somewhere, beginnings of real ones, and anything."""
    return st.one_of(
        st.sampled_from(samples),
        st.builds(damaged, st.sampled_from(samples), st.floats(0, 1), st.integers(0, 255)),
        st.builds(
            lambda blob, share: blob[: int(share * len(blob))],
            st.sampled_from(samples),
            st.floats(0, 1),
        ),
        st.binary(max_size=300),
    )


blobs = st.lists(blobs_like(real), max_size=4)


pruned_blobs = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "blob": blobs_like(real),
            "prunable_hash": st.sampled_from([bytes(32), b"\7" * 32, b"\7" * 31]),
        },
    ),
    max_size=3,
)


block_entries = st.fixed_dictionaries(
    {},
    optional={
        "block": blobs_like(real_blocks),
        "block_weight": st.just(("u64", 5)),
        "pruned": st.booleans(),
        "txs": blobs | pruned_blobs,
    },
)


ids = st.integers(0, 5).map(lambda count: bytes(range(32)) * count) | st.binary(max_size=100)


relayed = st.one_of(
    st.builds(lambda entry: craft.notification(2001, craft.epee({"b": entry})), block_entries),
    st.builds(
        lambda entry: craft.notification(
            2008, craft.epee({"b": entry, "current_blockchain_height": ("u64", 7)})
        ),
        block_entries,
    ),
    st.builds(
        lambda value, missed: craft.notification(
            2004,
            craft.epee(
                {"blocks": value, "missed_ids": missed} if value else {"missed_ids": missed}
            ),
        ),
        st.lists(block_entries, max_size=3),
        ids,
    ),
    st.builds(
        lambda command, key, value: craft.notification(command, craft.epee({key: value})),
        st.sampled_from([2003, 2006, 2007, 2010]),
        st.sampled_from(["blocks", "block_ids", "m_block_ids", "hashes"]),
        ids,
    ),
    st.builds(
        lambda block, value: craft.notification(
            2009, craft.epee({"missing_tx_indices": value, "block_hash": block})
        ),
        ids,
        ids,
    ),
)


sound_messages = st.one_of(
    st.builds(
        lambda node, sync: craft.request(1001, craft.handshake_request(node, sync)), nodes, syncs
    ),
    st.builds(
        lambda list_, node, sync: craft.response(1001, craft.handshake_response(list_, node, sync)),
        peer_lists,
        nodes,
        syncs,
    ),
    st.builds(lambda sync: craft.request(1002, craft.timed_sync_request(sync)), syncs),
    st.builds(
        lambda list_, sync: craft.response(1002, craft.timed_sync_response(list_, sync)),
        peer_lists,
        syncs,
    ),
    st.sampled_from(
        [
            craft.request(1003),
            craft.request(1007),
            craft.response(1003, craft.ping_response()),
            craft.response(1007, craft.support_flags_response()),
        ]
    ),
    st.builds(
        lambda value, fluff: craft.notification(2002, craft.transactions(value, fluff)),
        blobs,
        st.booleans(),
    ),
    st.sampled_from([craft.notification(2010), craft.response(1003, b"", -1), craft.noise(300)]),
    relayed,
)


fragmented = st.builds(
    lambda message, size: b"".join(craft.fragments(message, size)),
    sound_messages,
    st.integers(60, 400),
)


def odd_buckets(flags: list[int]) -> st.SearchStrategy[bytes]:
    return st.builds(
        craft.bucket,
        st.sampled_from([0, 1001, 1003, 1004, 1234, 2002, 2**32 - 1]),
        st.sampled_from([b"", craft.EMPTY, craft.EPEE_HEADER, b"\0" * 40, craft.ping_response()]),
        flags=st.sampled_from(flags),
        expect=st.sampled_from([0, 1, 7]),
        return_code=st.sampled_from([0, 1, -1, -6]),
        version=st.sampled_from([0, 1, 2]),
    )


odd_messages = st.one_of(
    odd_buckets([1, 2, 3, 12]),
    st.binary(min_size=1, max_size=80),  # garbage
    st.builds(
        lambda name, value: craft.request(1002, craft.epee({name: value})),
        st.sampled_from(["payload_data", "a"]),
        st.sampled_from([b"", 5, True, [b"x"], craft.Raw(b"\x0b\x07")]),
    ),
    st.builds(
        lambda key, value: craft.response(1003, craft.epee({key: value})),
        st.sampled_from(["peer_id", "status"]),
        st.sampled_from([b"12", b"x", ("i8", -1), ("u8", 7), 5, True]),
    ),
    st.builds(
        lambda length: craft.bucket(1002, b"\0" * 50, length=length),
        st.sampled_from([60, 65_537, 100_000_001, 2**64 - 1]),
    ),
)


sides = st.sampled_from([CLIENT, SERVER])


plain_talks = st.lists(st.tuples(sides, sound_messages), min_size=1, max_size=10)


sound_talks = st.lists(st.tuples(sides, sound_messages | fragmented), min_size=1, max_size=10)


odd_talks = st.lists(
    st.tuples(sides, sound_messages | fragmented | odd_messages), min_size=1, max_size=10
)


# with stray Levin fragments
any_talks = st.lists(
    st.tuples(sides, sound_messages | fragmented | odd_messages | odd_buckets([0, 4, 16])),
    min_size=1,
    max_size=10,
)


@dataclass
class Cutter:
    """Where to cut, and how long a segment may be."""

    cuts: list[int]
    segment: int


cutters = st.builds(
    Cutter,
    st.lists(st.integers(1, 4000), max_size=8),
    st.sampled_from([1, 7, 33, 100, 536, 1448, 30000]),
)


def merged(talk: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """What one side says in a row, as one run of bytes."""
    last, run = None, b""
    for side, data in talk:
        if side != last and last is not None:
            yield last, run
            run = b""
        last, run = side, run + data
    if last is not None:
        yield last, run


def packets_of(
    talk: Iterable[tuple[int, bytes]],
    cutter: Cutter | None = None,
    connection: craft.Connection | None = None,
) -> list[Packet]:
    """Without a cutter every message is one segment."""
    connection = (connection or craft.Connection()).open()
    for side, data in merged(talk) if cutter else talk:
        if cutter and len(data) <= 300 * cutter.segment:
            connection.send(side, data, cuts=cutter.cuts, segment=cutter.segment)
        else:
            connection.send(side, data, segment=30000)
    connection.close()
    return connection.packets


FOLDER = tempfile.TemporaryDirectory()


def capture(packets: list[Packet]) -> Path:
    path = Path(FOLDER.name) / "one.pcap"
    path.write_bytes(craft.pcap(packets, nano=True))
    return path


def read(path: Path, tables: Iterable[str] | None = None) -> mt.Traffic:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mt.CaptureWarning)
        return mt.read(path, tables=tables)


def decode(packets: list[Packet]) -> Tables:
    traffic = read(capture(packets))
    check_accounting(traffic)
    return tables_of(traffic)


def content(tables: Tables) -> Any:
    """What was said, whatever the segments."""
    rows, places = messages_by_stream(tables)
    rows_without = [
        {name: value for name, value in row.items() if name not in SEGMENTATION} for row in rows
    ]
    return rows_without, [
        sorted(
            (row | {"message": places[row["message"]]} for row in tables[name]),
            key=lambda row: (row["message"], row.get("position")),
        )
        for name in BY_MESSAGE
    ]


def check_same_as_oracle(packets: list[Packet], but: Iterable[str] = ()) -> None:
    tables = decode(packets)
    check_oracle(tables, oracle.decode([capture(packets)]), but)
    check_pairs(tables)


def check_pairs(tables: Tables) -> None:
    """Whatever was lost: a response answers a request of the other side, of its command, which
    nothing else answers.
    """
    rows = {row["message"]: row for row in tables["messages"]}
    answers = [row for row in tables["messages"] if row["reply_to"] >= 0]
    assert len({row["reply_to"] for row in answers}) == len(answers)
    for row in answers:
        request = rows[row["reply_to"]]
        assert (row["kind"], request["kind"]) == ("response", "request")
        assert (request["connection"], request["from_client"], request["command"]) == (
            row["connection"],
            not row["from_client"],
            row["command"],
        )


def is_data(packet: Packet) -> bool:
    """Neither SYN nor FIN."""
    return packet.data[14 + 20 + 13] & (craft.SYN | craft.FIN) == 0


def disordered(orderly: list[Packet], random: Any) -> list[Packet]:
    """Swapped within a window and repeated, as networks do; the handshake and the FINs stay in
    their places.
    """
    middle = [packet for packet in orderly if is_data(packet)][1:]
    shuffled = []
    for at in range(0, len(middle), 6):
        window = middle[at : at + 6] + random.choices(
            middle[max(0, at - 3) : at + 6], k=random.choice([0, 0, 1, 3])
        )
        random.shuffle(window)
        shuffled += window
    packets = [*orderly[:3], *shuffled, *(packet for packet in orderly[3:] if not is_data(packet))]
    return [Packet(craft.START + at * 1_000_000, packet.data) for at, packet in enumerate(packets)]
