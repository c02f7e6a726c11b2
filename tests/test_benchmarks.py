"""The generated captures against the decoder, and the side-by-side run against itself. Nothing here looks at a clock."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))

import monerotraffic as mt
from benchmarks import epee, payloads
from benchmarks.__main__ import main
from benchmarks.generate import Shares, generate, parse_size, with_shares
from benchmarks.peers import PeerLists, Pool

SIZE = 2_000_000
# A few peers and much of what is rare, so that two megabytes hold every command, and much bad luck of segments.
BUSY = Shares(
    messages=120_000,
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
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
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
    counted = Counter(zip(messages["command"], messages["kind"], messages["direction"], strict=True))
    assert counted == {(row["command"], row["kind"], row["direction"]): row["messages"] for row in manifest["messages_by_kind"]}
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
    assert int(connections["client_bytes"].sum() + connections["server_bytes"].sum()) == tcp["payload_bytes"]
    assert int(connections["client_retransmitted"].sum() + connections["server_retransmitted"].sum()) == tcp["retransmitted_bytes"]
    assert int(connections["client_lost"].sum() + connections["server_lost"].sum()) == 0
    assert set(traffic.hosts) <= set(manifest["hosts"])
    assert traffic.hosts[0] == manifest["hosts"][0]

    assert int(files["packets"].sum()) == manifest["packets"]
    assert int(files["bytes"].sum()) == manifest["packet_bytes"]
    assert path.stat().st_size == manifest["file_bytes"] >= SIZE


def test_one_table_alone_is_the_same(case: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = case
    assert len(mt.read(path, tables=["peer_lists"]).arrays["peer_lists"]) == manifest["peer_list_entries"]
    assert len(mt.read(path, tables=["messages"]).arrays["messages"]) == manifest["messages"]


def test_the_captures_hold_what_they_should(case: tuple[Path, dict[str, Any]]) -> None:
    path, manifest = case
    commands, tcp = manifest["messages_by_command"], manifest["tcp"]
    if path.name.startswith("busy"):
        assert set(commands) == {"1001", "1002", "1003", "1007", "2002", "2003", "2004", "2006", "2007", "2008", "2009", "2010"}
        assert all(tcp[misfortune] for misfortune in ("lost_segments", "reordered_segments", "repeated_segments", "retransmitted_bytes"))
    else:  # a day's first seconds: peers connect, and relay
        assert min(commands["1001"], commands["2002"]) > 50
        assert manifest["peer_lists_of_250"] >= commands["1001"] // 2


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    manifests = [generate(tmp_path / name, 400_000, seed, BUSY, 500) for name, seed in (("a", 7), ("b", 7), ("c", 8))]
    one, same, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert one == same
    assert manifests[0] == manifests[1]
    assert one != other


def test_the_parts_of_a_day_add_up() -> None:
    shares = Shares()
    handshakes = shares.short + shares.peers * 86_400 / shares.lifetime
    timed_syncs = 2 * shares.peers * 1440
    parts = 2 * (handshakes + shares.pings + timed_syncs + shares.missing + shares.complements)
    parts += shares.transactions + shares.blocks * shares.blocks_per_peer * shares.peers + 6 * shares.syncs
    assert parts == pytest.approx(shares.messages)
    assert shares.transactions > shares.messages / 2


def test_messages_have_the_sizes_that_standard_nodes_send() -> None:
    chain = payloads.Chain(3_500_000, bytes(32), 10**17)
    node, sync = payloads.node_data(18080, 5, 0, 1), payloads.payload_data(chain, 0)
    assert len(payloads.handshake_request(node, sync).data) == 295
    assert len(payloads.handshake_request(node, payloads.payload_data(chain, 384)).data) == 313
    assert len(payloads.sync_request(sync).data) == len(payloads.sync_response([], sync).data) == 205
    assert (len(payloads.PING_REQUEST.data), len(payloads.ping_response(5).data)) == (43, 71)
    assert (len(payloads.SUPPORT_FLAGS_REQUEST.data), len(payloads.SUPPORT_FLAGS_RESPONSE.data)) == (43, 62)
    plain = payloads.peer_entry(b"1234", 18080, 5, 0, 0)
    assert len(plain) == 53
    assert len(payloads.peer_entry(b"1234", 18080, 5, 384, 18089)) == 53 + 18 + 12
    assert len(payloads.peer_entry(bytes(16), 18080, 5, 0, 0)) == 66
    assert len(payloads.sync_response([plain] * 250, sync).data) == 205 + 13_272
    blob = b"x" * 40
    assert len(payloads.new_transactions([blob], True).data) == 33 + 21 + len(blob)
    assert len(payloads.new_transactions([blob], False).data) == 33 + 41 + len(blob)


@pytest.mark.parametrize(
    ("value", "form"), [(0, "00"), (63, "fc"), (64, "0101"), (16383, "fdff"), (16384, "02000100"), ((1 << 30) - 1, "feffffff"), (1 << 30, "0300000001000000")]
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


@pytest.mark.parametrize(("text", "size"), [("200MB", 200_000_000), ("1.5gb", 1_500_000_000), ("12kb", 12_000), ("77", 77)])
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "ten", "-1GB", "0", "inf", "nan"])
def test_sizes_that_are_none(text: str) -> None:
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


def test_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("no C compiler")
    capture, manifest_file, results = tmp_path / "node.pcapng", tmp_path / "manifest.json", tmp_path / "results.json"
    assert main(["generate", "--size", "1MB", "--seed", "4", "--pool", "1000", "--share", "peers=10", "--manifest", str(manifest_file), str(capture)]) == 0
    assert main(["run", str(capture), "--runs", "2", "--only", "all,peer_lists,messages", "--json", str(results)]) == 0
    manifest, result = json.loads(manifest_file.read_text()), json.loads(results.read_text())

    assert result["left_out"] == {}
    assert result["capture"] == {"name": "node.pcapng", "bytes": capture.stat().st_size, "packets": manifest["packets"]}
    assert [line["key"] for line in result["summary"]] == ["libpcap", "all", "all:read", "peer_lists", "peer_lists:read", "messages", "messages:read"]
    assert [len(samples) for samples in result["samples"].values()] == [2, 2, 2, 2]
    rows = {key: samples[0]["report"].get("rows", {}) for key, samples in result["samples"].items()}
    assert rows["all"]["messages"] == rows["messages"]["messages"] == manifest["messages"]
    assert rows["all"]["peer_lists"] == rows["peer_lists"]["peer_lists"] == manifest["peer_list_entries"]
    lines = {line["key"]: line for line in result["summary"]}
    assert lines["libpcap"]["ratio_median"] == 1
    assert all(line["seconds_median"] >= line["seconds_min"] > 0 for line in lines.values())
    assert lines["all"]["peak_bytes"] >= lines["all"]["peak_before_read_bytes"] > lines["libpcap"]["peak_bytes"]
    assert "bare libpcap loop" in capsys.readouterr().out


def test_a_capture_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("no C compiler")
    assert main(["run", str(tmp_path / "missing.pcapng"), "--runs", "1", "--only", "libpcap"]) == 1
    assert "missing.pcapng" in capsys.readouterr().err
