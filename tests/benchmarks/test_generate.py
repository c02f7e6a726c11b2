"""The generated captures against the decoder."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import monerotraffic as mt
from benchmarks import blobs, capturefile, epee, payloads
from benchmarks.generate import Setting, generate, generate_ring
from benchmarks.keccak import keccak256
from benchmarks.peers import PeerLists, Pool
from benchmarks.shares import Shares, parse_size, with_shares
from support.benchmark_captures import Blob

SIZE = 2_000_000


# A few peers and much of what is rare, so that two megabytes hold every command, and much bad luck
# of segments.
BUSY = Shares(
    messages=150_000,
    full_lists=10_000,
    peers=5,
    lifetime=200,
    flagless=0.2,
    pings=6_000,
    refused=3_000,
    blocks=6_000,
    missing=5_000,
    syncs=2_000,
    sync_blocks=1,
    complements=3_000,
    disorder=0.03,
)


CASES = {"as_a_node.pcapng": (Shares(), 1), "busy.pcapng": (BUSY, 6), "busy.pcap": (BUSY, 7)}


@pytest.fixture(scope="module", params=CASES)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """A capture and its manifest."""
    path = tmp_path_factory.mktemp("generated") / request.param
    shares, seed = CASES[request.param]
    return path, generate(path, SIZE, seed, shares, pool_size=2_000)


def test_a_decoder_finds_what_the_manifest_says(case: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = case
    traffic = mt.read(path)
    messages, connections, files = traffic.messages, traffic.connections, traffic.files

    assert len(traffic.problems) == 0
    assert set(messages["status"]) == {"complete"}
    counted = Counter(
        zip(messages["command"], messages["kind"], messages["direction"], strict=True)
    )
    assert counted == {
        (row["command"], row["kind"], row["direction"]): row["messages"]
        for row in manifest["messages_by_kind"]
    }
    assert len(messages) == manifest["messages"]
    assert int(messages["length"].sum()) == manifest["message_payload_bytes"]
    assert (messages.loc[messages["kind"] == "response", "reply_to"] >= 0).all()

    assert len(traffic.peer_lists) == manifest["peer_list_entries"]
    lists = traffic.peer_lists.groupby("message").size()
    assert int((lists == payloads.PEERS_PER_LIST).sum()) == manifest["peer_lists_of_250"]
    answers = messages["command"].isin([1001, 1002]) & (messages["kind"] == "response")
    assert int(answers.sum()) - len(lists) == manifest["peer_lists_empty"]
    assert len(traffic.node_data) == manifest["node_data"]
    assert len(traffic.sync_data) == manifest["sync_data"]

    tcp = manifest["tcp"]
    assert len(connections) == tcp["connections"]
    assert (
        int(connections["client_bytes"].sum() + connections["server_bytes"].sum())
        == tcp["payload_bytes"]
    )
    assert (
        int(connections["client_retransmitted"].sum() + connections["server_retransmitted"].sum())
        == tcp["retransmitted_bytes"]
    )
    assert int(connections["client_lost"].sum() + connections["server_lost"].sum()) == 0
    assert set(traffic.hosts) <= set(manifest["hosts"])
    assert traffic.hosts[0] == manifest["hosts"][0]

    assert int(files["packets"].sum()) == manifest["packets"]
    assert int(files["bytes"].sum()) == manifest["packet_bytes"]
    assert path.stat().st_size == manifest["file_bytes"] >= SIZE


def test_a_decoder_finds_every_blob_that_the_manifest_counts(
    case: tuple[Path, dict[str, Any]],
) -> None:
    path, manifest = case
    traffic = mt.read(path)
    transactions, blocks = traffic.transactions, traffic.blocks

    assert len(transactions) == manifest["transactions"]
    assert len(blocks) == manifest["blocks"]
    assert len(traffic.inventories) == manifest["inventories"]
    for rows, column, name in ((transactions, "tx", "transaction"), (blocks, "block", "block")):
        assert rows[column].notna().all()
        distinct = rows.drop_duplicates(column)
        assert len(distinct) == manifest[f"distinct_{name}s"]
        assert int(distinct["blob_size"].sum()) == manifest[f"distinct_{name}_bytes"]

    assert set(transactions["version"]) == {2}
    assert set(transactions["rct_type"]) == {6}
    assert set(transactions["ring_size"]) == {16}
    assert not transactions["pruned"].any()
    assert (transactions["fee"] > 0).all()
    assert set(blocks["major_version"]) | set(blocks["minor_version"]) <= {16}


def test_a_decoder_and_the_generator_make_the_same_ids(case: tuple[Path, dict[str, Any]]) -> None:
    """What was asked for came: the ids asked for are the generator's, those of what came are the
    decoder's.
    """
    path, _ = case
    traffic = mt.read(path)
    blocks = traffic.blocks.astype(
        {"block": str, "previous": str, "height": "int64", "transactions": "int64"}
    )
    asked = traffic.inventories.astype({"id": str})
    commands = blocks["message"].map(traffic.messages.set_index("message")["command"])
    whole, relayed = blocks[commands == payloads.OBJECTS], blocks[commands == payloads.FLUFFY_BLOCK]

    assert sorted(asked.loc[asked["list"] == "blocks", "id"]) == sorted(whole["block"])
    assert set(asked.loc[asked["list"] == "missing_indices", "id"]) <= set(relayed["block"])
    came = Counter(
        zip(traffic.transactions["message"], traffic.transactions["block_position"], strict=True)
    )
    assert [came[place] for place in zip(whole["message"], whole["position"], strict=True)] == list(
        whole["transactions"]
    )
    chain = relayed.drop_duplicates("block").sort_values("height")
    assert list(chain["height"].diff().iloc[1:]) == [1] * (len(chain) - 1)
    assert list(chain["previous"].iloc[1:]) == list(chain["block"].iloc[:-1])
    if path.name.startswith("busy"):
        assert len(whole) >= 5
        assert len(chain) > 5
        assert (asked["list"] == "missing_indices").any()


def test_one_table_alone_is_the_same(case: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = case
    assert (
        len(mt.read(path, tables=["peer_lists"]).arrays["peer_lists"])
        == manifest["peer_list_entries"]
    )
    assert len(mt.read(path, tables=["messages"]).arrays["messages"]) == manifest["messages"]
    assert (
        len(mt.read(path, tables=["transactions"]).arrays["transactions"])
        == manifest["transactions"]
    )
    assert len(mt.read(path, tables=["blocks"]).arrays["blocks"]) == manifest["blocks"]
    assert (
        len(mt.read(path, tables=["inventories"]).arrays["inventories"]) == manifest["inventories"]
    )


def test_the_captures_hold_what_they_should(case: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = case
    commands, tcp = manifest["messages_by_command"], manifest["tcp"]
    if path.name.startswith("busy"):
        assert set(commands) == {
            "1001",
            "1002",
            "1003",
            "1007",
            "2002",
            "2003",
            "2004",
            "2006",
            "2007",
            "2008",
            "2009",
            "2010",
        }
        assert all(
            tcp[misfortune]
            for misfortune in (
                "lost_segments",
                "reordered_segments",
                "repeated_segments",
                "retransmitted_bytes",
            )
        )
    else:  # a day's first seconds: peers connect, and relay
        assert min(commands["1001"], commands["2002"]) > 50
        assert manifest["peer_lists_of_250"] >= commands["1001"] // 2
        # each is relayed by several peers
        assert manifest["transactions"] > 5 * manifest["distinct_transactions"]


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    manifests = [
        generate(tmp_path / name, 400_000, seed, BUSY, 500)
        for name, seed in (("a", 7), ("b", 7), ("c", 8))
    ]
    one, same, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert one == same
    assert manifests[0] == manifests[1]
    assert one != other


def test_the_parts_of_a_day_add_up() -> None:
    shares = Shares()
    handshakes = shares.short + shares.peers * 86_400 / shares.lifetime
    timed_syncs = 2 * shares.peers * 1440
    parts = 2 * (handshakes + shares.pings + timed_syncs + shares.missing + shares.complements)
    parts += (
        shares.transactions
        + shares.blocks * shares.blocks_per_peer * shares.peers
        + 6 * shares.syncs
    )
    assert parts == pytest.approx(shares.messages)
    assert shares.transactions > shares.messages / 2


def test_messages_have_the_sizes_that_standard_nodes_send() -> None:
    chain = payloads.Chain(3_500_000, bytes(32), 10**17)
    node, sync = payloads.node_data(18080, 5, 0, 1), payloads.payload_data(chain, 0)
    assert len(payloads.handshake_request(node, sync).data) == 295
    assert len(payloads.handshake_request(node, payloads.payload_data(chain, 384)).data) == 313
    assert (
        len(payloads.sync_request(sync).data) == len(payloads.sync_response([], sync).data) == 205
    )
    assert (len(payloads.PING_REQUEST.data), len(payloads.ping_response(5).data)) == (43, 71)
    assert (
        len(payloads.SUPPORT_FLAGS_REQUEST.data),
        len(payloads.SUPPORT_FLAGS_RESPONSE.data),
    ) == (43, 62)
    plain = payloads.peer_entry(b"1234", 18080, 5, 0, 0)
    assert len(plain) == 53
    assert len(payloads.peer_entry(b"1234", 18080, 5, 384, 18089)) == 53 + 18 + 12
    assert len(payloads.peer_entry(bytes(16), 18080, 5, 0, 0)) == 66
    assert len(payloads.sync_response([plain] * 250, sync).data) == 205 + 13_272
    blob = b"x" * 40
    assert len(payloads.new_transactions([blob], True).data) == 33 + 21 + len(blob)
    assert len(payloads.new_transactions([blob], False).data) == 33 + 41 + len(blob)


def test_transactions_are_built_as_on_mainnet() -> None:
    rng = random.Random(5)
    sizes: dict[tuple[int, int], set[int]] = {}
    for _ in range(500):
        one = blobs.transaction(rng)
        blob = Blob(one.blob)
        assert (blob.varint(), blob.varint()) == (2, 0)
        inputs, outputs = blob.ring_inputs(), blob.outputs()
        extra = blob.take(blob.varint())
        assert extra[0] == 1
        assert len(extra) == 33 + (11 if outputs == 2 else 2 + 32 * outputs)
        assert len(one.blob) - len(blob.rest) == one.prefix_end
        assert blob.varint() == 6
        assert blob.varint() % 20_000 == 0
        blob.take(40 * outputs)
        assert len(one.blob) - len(blob.rest) == one.base_end
        assert blob.varint() == 1
        blob.take(6 * 32)
        for _ in "LR":
            rounds = blob.varint()
            assert 2 ** (rounds - 6) >= outputs > 2 ** (rounds - 7)
            blob.take(32 * rounds)
        blob.take(18 * 32 * inputs + 32 * inputs)
        assert blob.rest == b""
        sizes.setdefault((inputs, outputs), set()).add(len(one.blob))
    assert 1500 < min(sizes[1, 2]) <= max(sizes[1, 2]) < 1550
    assert 2180 < min(sizes[2, 2]) <= max(sizes[2, 2]) < 2240
    assert 4000 < max(max(some) for some in sizes.values()) < 9500


def test_blocks_are_built_as_on_mainnet_and_follow_each_other() -> None:
    rng = random.Random(6)
    bodies = [[blobs.transaction(rng) for _ in range(count)] for count in (0, 1, 2, 3, 4, 9)]
    chain = blobs.chain(rng, bytes(32), 3_575_000, 1_767_225_600, bodies)
    previous = bytes(32)
    for number, (block, body) in enumerate(zip(chain, bodies, strict=True)):
        blob = Blob(block.blob)
        assert (blob.varint(), blob.varint(), blob.varint()) == (
            16,
            16,
            1_767_225_600 + 120 * number,
        )
        assert blob.take(32) == previous
        blob.take(4)
        assert (blob.varint(), blob.varint()) == (2, 3_575_060 + number)
        assert (blob.varint(), blob.take(1), blob.varint()) == (1, b"\xff", 3_575_000 + number)
        assert blob.varint() == 1
        assert 600_000_000_000 <= blob.varint() < 610_000_000_000
        assert blob.take(1) == b"\x03"
        blob.take(33)
        blob.take(blob.varint())
        assert blob.take(1) == b"\0"
        assert [blob.take(32) for _ in range(blob.varint())] == blobs.transaction_ids(body)
        assert blob.rest == b""
        assert block.transactions == tuple(body)
        previous = block.id


def test_keccak_differs_from_sha3_in_the_padding_alone() -> None:
    rng = random.Random(7)
    messages = [rng.randbytes(size) for size in (0, 1, 134, 135, 136, 137, 271, 272, 5000, 3)]
    assert keccak256(messages, padding=0x06) == [
        hashlib.sha3_256(message).digest() for message in messages
    ]
    assert (
        keccak256([b""])[0].hex()
        == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    )
    assert keccak256([]) == []


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (0, "00"),
        (63, "fc"),
        (64, "0101"),
        (16383, "fdff"),
        (16384, "02000100"),
        ((1 << 30) - 1, "feffffff"),
        (1 << 30, "0300000001000000"),
    ],
)
def test_varints_are_the_shortest(value: int, form: str) -> None:
    assert epee.varint(value).hex() == form


def test_an_orderly_peer_never_repeats_itself_and_a_repeating_one_always_sends_250() -> None:
    rng = random.Random(3)
    pool = Pool(rng, 3_000)
    orderly, repeating = PeerLists(pool, pool.draw(1000), False), PeerLists(pool, None, True)
    lists = [orderly.next(rng) for _ in range(4)]
    sent = [entry for entries in lists for entry in entries]
    assert len(lists[0]) == 250 > len(lists[1]) > len(lists[3]) > 0
    assert len(set(sent)) == len(sent)
    for _ in range(3):
        entries = repeating.next(rng)
        assert len(set(entries)) == len(entries) == 250


@pytest.mark.parametrize(
    ("text", "size"),
    [("200MB", 200_000_000), ("1.5gb", 1_500_000_000), ("12kb", 12_000), ("77", 77)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "ten", "-1GB", "0", "inf", "nan"])
def test_invalid_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


def test_shares_are_checked() -> None:
    assert with_shares({"peers": 8.0}).peers == 8
    with pytest.raises(ValueError, match="no such share: peer "):
        with_shares({"peer": 8})
    with pytest.raises(ValueError, match="positive"):
        with_shares({"peers": 0})
    with pytest.raises(ValueError, match="negative"):
        with_shares({"pings": -1})


def test_a_ring_holds_the_packets_of_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut into files, and on another day at another node, the packets are the same."""
    generate(tmp_path / "one.pcapng", SIZE, 6, BUSY, pool_size=2_000)
    monkeypatch.setattr(capturefile, "_FLUSH_RECORDS", 64)
    setting = Setting(6, BUSY, 2_000)
    generate_ring(tmp_path / "ring.pcapng", SIZE, SIZE // 4, setting)
    files = sorted(tmp_path.glob("ring_*.pcapng"))
    assert len(files) > 2
    one, ring = mt.read(tmp_path / "one.pcapng"), mt.read(files)
    assert ring.files["packets"].sum() == one.files["packets"].sum()
    assert len(ring.problems) == 0
    columns = ["time", "command", "length", "peer", "status"]
    pd.testing.assert_frame_equal(
        ring.messages[columns], one.messages[columns], check_categorical=False
    )

    generate_ring(tmp_path / "next.pcapng", SIZE, SIZE, Setting(6, BUSY, 2_000, day=1, node=3))
    later = mt.read(tmp_path / "next_00001.pcapng")
    assert later.hosts[0] == "198.51.100.13"
    assert (later.messages["time"] - one.messages["time"]).unique() == [pd.Timedelta(days=1)]
