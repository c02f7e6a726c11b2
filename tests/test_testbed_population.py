"""The testbed's scenarios of many monerods: who is placed where, spies by role, and what other
software writes. No part needs root or monerod.
"""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import epee
from monerotraffic.rules import HONEST, RULES, RULES_OF_LABEL
from support import craft
from support.paths import DATA
from test_testbed import Meeting
from testbed import misdeeds as do
from testbed.cast import Casting, Part
from testbed.cuprate import as_cuprate
from testbed.nodes import Program
from testbed.peer import Manner, Talk
from testbed.population import Population, dialled, known_peer
from testbed.roles import NEED_COMPANY, SPIES_OF_A_ROLE
from testbed.scenarios import SCENARIOS
from testbed.state import KnownPeer, peer_state
from testbed.world import World


def casting(seed: int = 1, share: float = 0.0) -> Casting:
    return Casting(World(random.Random(seed), io.StringIO(), share), ["203.0.113.21"])


@cache
def spies(seed: int) -> list[Part]:
    parts = SCENARIOS["population"](casting(seed))
    return [(address, manner) for address, manner in parts if not set(manner.labels) <= HONEST]


# ---------------------------------------------------------------- spies by role


@pytest.mark.parametrize("seed", range(5))
def test_as_many_spies_of_each_role(seed: int) -> None:
    roles = Counter("initiator" if manner.dials else "acceptor" for _, manner in spies(seed))
    assert roles == {"initiator": SPIES_OF_A_ROLE, "acceptor": SPIES_OF_A_ROLE}
    for address, manner in spies(seed):
        if not manner.dials:
            assert manner.listens and manner.my_port == 18080, address


@pytest.mark.parametrize("seed", range(5))
def test_most_spies_misbehave_in_two_ways_that_a_rule_asks_for(seed: int) -> None:
    ways = Counter(len(set(manner.labels)) for _, manner in spies(seed))
    assert set(ways) <= {1, 2} and ways[2] >= 30
    for _, manner in spies(seed):
        assert all(label in RULES_OF_LABEL or label in RULES for label in manner.labels)


def test_two_ways_do_not_undo_each_other() -> None:
    standard = Manner()
    for seed in range(5):
        for _, manner in spies(seed):
            labels = set(manner.labels)
            if "one_way_listener" in labels:
                assert not manner.ticks and manner.extra is None
            if "similar_lists" in labels or "class_list" in labels:
                assert manner.white is not None
            if "timed_sync_rapid" in labels:
                assert manner.ticks and 3 * manner.tick[1] < manner.lasts
            if "support_flags_omitted" in labels:
                assert manner.node == {"support_flags": None}
            assert manner.labels != standard.labels


def test_a_way_that_needs_company_has_it() -> None:
    for seed in range(5):
        counts = Counter(label for _, manner in spies(seed) for label in manner.labels)
        assert all(counts[label] > 1 for label in NEED_COMPANY)
        shared = [m.ids for _, m in spies(seed) if "peer_id_shared" in m.labels]
        assert all(ids == shared[0] for ids in shared)
        pongs = [m.pong for _, m in spies(seed) if "pong_id_shared_inner" in m.labels]
        assert all(pong == pongs[0] for pong in pongs)


# ---------------------------------------------------------------- monerods in their circumstances


class Cables:
    """In the place of a network: what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *given: self.asked.append((name, given))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [given for name, given in self.asked if name == kind]


def population(seed: int, many: int = 48) -> tuple[Population, Cables]:
    cast, cables = casting(seed, 0.6), Cables()
    people = Population(
        cables,  # type: ignore[arg-type]
        cast.world,
        [Program(Path(name)) for name in "abc"],
        "198.51.100.10",
        cast.address,
    )
    people.fill(many)
    return people, cables


def test_population_has_every_circumstance() -> None:
    people, cables = population(3)
    assert len(people.nodes) == 48
    labels = Counter(label for node in people.nodes for label in node.labels)
    assert labels == {
        "monerod": 48,
        "nat_same_port": 4,
        "shared_exit": 4,
        "address_pool": 3,
        "moved": 2,
    }
    assert set(labels) <= HONEST
    assert len(cables.of("router")) == 4
    assert [given[1:] for given in cables.of("forward")] == [(18080, "10.77.0.2")] * 2
    versions = Counter(node.program for node in people.nodes)
    assert set(versions.values()) == {16}


def test_nodes_share_addresses_only_behind_routers() -> None:
    people, _ = population(4)
    shared = {"nat_same_port", "shared_exit", "address_pool"}
    at = Counter(node.address for node in people.nodes)
    for node in people.nodes:
        assert (at[node.address] > 1) == bool(shared & set(node.labels))


def test_some_nodes_wait_to_be_dialled_and_do_not_know_the_vantage_node() -> None:
    people, _ = population(5)
    waiting = set(dialled(people.nodes))
    assert 3 <= len(waiting) < 24
    for node in people.nodes:
        knows = "198.51.100.10:18080" in node.arguments
        assert knows != (node.address in waiting)


def test_small_populations_have_the_circumstances_that_fit() -> None:
    people, _ = population(6, many=5)
    assert len(people.nodes) == 5


# ---------------------------------------------------------------- white lists


@pytest.mark.parametrize("share", [0.0, 0.6, 0.9])
def test_an_operators_share_of_honest_lists(share: float) -> None:
    world = casting(7, share).world
    owned = set(world.operated)
    for size in (60, 250, 1000):
        hosts = [known_peer(entry, 0).host for entry in world.white_list(size)]
        assert len(set(hosts)) == size
        assert sum(host in owned for host in hosts) == round(size * share)


def test_peer_state_is_as_monerod_writes_it() -> None:
    """Bytes of a p2pstate.bin of monerod 0.18.5, of three peers that it had pinged."""
    written = bytes.fromhex(
        "011673657269616c697a6174696f6e3a3a617263686976650080000106"
        "0103000103000001000004c613030402a04608333333333333333304f5f00b6b000000"
        "0104c612000502a04608111111111111111104f5f00b6b000000"
        "0104c6124d0902a04608222222222222222204f4f00b6b02820102a94600"
    )
    seen = int.from_bytes(bytes.fromhex("f5f00b6b"), "little")
    white = [
        KnownPeer("198.19.3.4", 18080, 0x3333333333333333, seen),
        KnownPeer("198.18.0.5", 18080, 0x1111111111111111, seen),
        KnownPeer("198.18.77.9", 18080, 0x2222222222222222, seen - 1, 386, 18089),
    ]
    assert peer_state(white) == written + b"\x00\x00"
    # an id of 2**63 or more, from the same file: f8 and the magnitude
    high = peer_state([KnownPeer("60.248.2.1", 18080, -0x6E4FAF542E70E738 & (1 << 64) - 1, 0)])
    assert bytes.fromhex("f838e7702e54af4f6e") in high
    assert peer_state([]).endswith(b"\x06\x00\x00\x00")


def test_entries_become_known_peers() -> None:
    entry = craft.peer("1.2.3.4", 18081, 5, pruning_seed=("u32", 385), rpc_port=("u16", 18089))
    assert known_peer(entry, 6) == KnownPeer("1.2.3.4", 18081, 5, 6, 385, 18089)


# ---------------------------------------------------------------- other software


def test_cuprate_writes_in_its_own_order_and_no_zeros() -> None:
    sync = craft.payload_data(pruning_seed=0)
    body = craft.epee(as_cuprate({"payload_data": sync}))
    assert len(craft.request(1002, body)) == 168  # of a Cuprate node; monerod's has 205
    assert "cumulative_difficulty_top64" not in epee.loads(body)["payload_data"]
    whole = as_cuprate(
        {
            "local_peerlist_new": [craft.peer("1.2.3.4", 5, 6, rpc_port=("u16", 0))],
            "node_data": craft.node_data(),
            "payload_data": sync,
        }
    )
    assert list(whole) == ["node_data", "payload_data", "local_peerlist_new"]
    assert list(whole["node_data"]) == ["my_port", "network_id", "peer_id", "support_flags"]
    assert list(whole["local_peerlist_new"][0]) == ["adr", "id"]
    assert list(whole["local_peerlist_new"][0]["adr"]) == ["type", "addr"]


def test_cuprate_repeats_entries_on_a_connection() -> None:
    hosts: list[set[Any]] = []

    async def ask(talk: Talk) -> None:
        for _ in range(2):
            await talk.timed_sync()
            peers = epee.loads((await talk.receive()).body)["local_peerlist_new"]
            hosts.append({peer["adr"]["addr"]["m_ip"] for peer in peers})

    listening = Manner(white=casting().world.white_list(300), written=as_cuprate, resamples=True)
    Meeting(Manner(opening=ask), listening).hold(2)
    assert len(hosts[0] & hosts[1]) >= 200


@pytest.mark.parametrize(
    ("opening", "begin"),
    [(do.tls_hello, b"\x16\x03\x01"), (do.after_proxy_prefix, b"PROXY TCP4 127.")],
)
def test_what_reaches_the_port_by_accident(opening: Any, begin: bytes) -> None:
    heard: list[bytes] = []

    async def listen(talk: Talk) -> None:
        heard.append(await talk.reader.read(20))

    Meeting(Manner(opening=opening), Manner(greeting=listen)).hold()
    assert heard[0].startswith(begin)


# ---------------------------------------------------------------- a run: part of one, with monerods
# of three versions (tests/data/make.py)

RUN = DATA / "population"


@pytest.fixture(scope="module")
def run() -> mt.Traffic:
    return mt.read(RUN / "vantage_00001.pcapng.gz", host="198.51.100.10")


@pytest.fixture(scope="module")
def hosts() -> dict[str, list[str]]:
    """By label, the addresses that have it."""
    nodes_of: dict[str, list[str]] = {}
    for address, given in json.loads((RUN / "labels.json").read_text()).items():
        for label in given:
            nodes_of.setdefault(label, []).append(address)
    return nodes_of


def received(run: mt.Traffic, command: str, kind: str) -> pd.DataFrame:
    rows = run.messages[run.messages["direction"] == "received"]
    return rows[(rows["name"] == command) & (rows["kind"] == kind)]


def test_nodes_behind_one_address_have_ids_of_their_own(
    run: mt.Traffic, hosts: dict[str, list[str]]
) -> None:
    rows = received(run, "HANDSHAKE", "request").merge(run.node_data, on="message")
    ids = rows.groupby(rows["peer"].astype(str))["peer_id"].nunique()
    for label, many in (("nat_same_port", 2), ("shared_exit", 4)):
        (address,) = hosts[label]
        assert ids[address] >= many
    (pair,) = hosts["nat_same_port"]
    assert set(rows.loc[rows["peer"] == pair, "my_port"]) == {18080}


def test_back_pings_to_a_pair_reach_the_node_with_the_forwarded_port(
    run: mt.Traffic, hosts: dict[str, list[str]]
) -> None:
    pongs = received(run, "PING", "response").merge(run.node_data, on="message")
    (pair,) = hosts["nat_same_port"]
    assert pongs.loc[pongs["peer"] == pair, "peer_id"].nunique() == 1


def test_cuprate_peers_are_answered_and_write_as_cuprate(
    run: mt.Traffic, hosts: dict[str, list[str]]
) -> None:
    ticks = received(run, "TIMED_SYNC", "request")
    answered = run.messages[run.messages["direction"] == "sent"]["reply_to"]
    for address in hosts["cuprate"]:
        own = ticks[ticks["peer"] == address]
        assert set(own["length"]) == {135} and own["message"].isin(answered).any()
    others = ticks[ticks["peer"].isin(hosts["monerod"])]
    assert set(others["length"]) == {172}


def test_tls_and_proxies_are_no_messages(run: mt.Traffic, hosts: dict[str, list[str]]) -> None:
    peer = run.connections.set_index("connection")["peer"].astype(str)
    strange = set(run.problems["connection"].map(peer).dropna())
    for address in (*hosts["tls"], *hosts["proxy_prefix"]):
        assert address in strange
    assert received(run, "HANDSHAKE", "request")["peer"].isin(hosts["tls"]).sum() == 0


def test_white_lists_of_monerods_are_those_they_began_with(
    run: mt.Traffic, hosts: dict[str, list[str]]
) -> None:
    """Their lists come from the network of the seed, of which an operator owns the share that the
    manifest states: its twelve /24s are the most common ones.
    """
    share = json.loads((RUN / "manifest.json").read_text())["operators_share"]
    lists = run.peer_lists.merge(run.messages[["message", "peer"]], on="message")
    lists = lists[lists["peer"].isin(hosts["monerod"])].drop_duplicates("host")
    hosts_listed = lists["host"].astype(str)
    beyond = hosts_listed[~hosts_listed.str.match(r"198\.1[89]\.|198\.51\.100\.")]
    nets = beyond.str.rpartition(".")[0].value_counts()
    assert len(beyond) > 500
    assert nets.iloc[11] > 10 * nets.iloc[12]
    assert nets.iloc[:12].sum() > share * len(beyond) / 2
