"""The testbed that makes labelled captures: its casts, its emulated peers in conversation with each
other, and part of a run. A run itself needs root and monerod, and is not made here.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import socket
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from monerotraffic import epee
from monerotraffic.rules import HONEST, RULES, RULES_OF_LABEL, evaluate, find_anomalies
from support.paths import DATA
from testbed import misdeeds as do
from testbed.cast import Casting, Part, after, labels, pieces
from testbed.check import faults, logged, read_off, recorded
from testbed.peer import Manner, Peer, Talk
from testbed.scenarios import SCENARIOS
from testbed.world import World

CIRCUMSTANCES = {"pong_id_match", "pong_id_of_honest_node"}
"""Labels that ask for nothing."""
NO_MISBEHAVIOUR = {
    *("ban_listed", "other_implementation", "shared_gateway"),
    *("conflicting_retransmission", "proxy_prefix_sent", "tls_sent"),
}
"""Rules that a ban list, honest software, a port forwarder, injected segments, proxies and TLS ask
for. The
emulated peers write through the kernel, which repeats the same bytes.
"""
OF_MONERODS = {"monerod", "nat_same_port", "shared_exit", "address_pool", "moved", "forwarder"}


def world(seed: int = 1) -> World:
    built = World(random.Random(seed), io.StringIO())
    built.chain.take({"height": 9, "top_block_hash": "ab" * 32, "cumulative_difficulty": 8})
    return built


def cast(scenario: str, seed: int = 1) -> list[Part]:
    return list(SCENARIOS[scenario](Casting(world(seed), ["203.0.113.21", "203.0.113.22"])))


# ---------------------------------------------------------------- casts


def test_every_rule_has_somebody_to_find() -> None:
    given = {
        label for scenario in SCENARIOS for _, manner in cast(scenario) for label in manner.labels
    }
    asked = {
        rule
        for label in given
        for rule in RULES_OF_LABEL.get(label, (label,) if label in RULES else ())
    }
    assert set(RULES) - asked == NO_MISBEHAVIOUR
    assert (
        given - set(RULES_OF_LABEL) - set(RULES)
        == (HONEST - {"back_ping_refused", *OF_MONERODS}) | CIRCUMSTANCES
    )


@pytest.mark.parametrize("scenario", ["spies", "proxies"])
def test_the_seed_makes_the_cast(scenario: str) -> None:
    def summary_of_cast(seed: int) -> list[Any]:
        return [
            (address, manner.labels, manner.ids, manner.my_port, manner.white)
            for address, manner in cast(scenario, seed)
        ]

    assert summary_of_cast(1) == summary_of_cast(1)
    assert not {address for address, *_ in summary_of_cast(1)} & {
        address for address, *_ in summary_of_cast(2)
    }


def test_addresses_are_shared_by_ports_only() -> None:
    for scenario in SCENARIOS:
        parts = cast(scenario)
        ends = [(address, manner.my_port) for address, manner in parts]
        assert len(set(ends)) == len(ends)
        several = {
            address for address, _ in ends if [other for other, _ in ends].count(address) > 1
        }
        assert several == {
            address for address, manner in parts if {"nat_pair", "many_ports"} & set(manner.labels)
        }


def test_labels_by_address_and_port() -> None:
    parts: list[Part] = [
        ("198.18.0.1", Manner(labels=("b",), my_port=1)),
        ("198.18.0.1", Manner(labels=("a",), my_port=2)),
        ("198.18.0.2", Manner()),
    ]
    assert labels(parts) == {
        "198.18.0.1": ["a", "b"],
        "198.18.0.1:1": ["b"],
        "198.18.0.1:2": ["a"],
        "198.18.0.2": ["control"],
    }


# ---------------------------------------------------------------- emulated peers


class Loopback:
    """In the place of the testbed's network: this machine's loopback."""

    def socket(self, name: str) -> socket.socket:
        return socket.socket()


class Meeting:
    """A peer that dials and one that listens, each at a loopback address of its own."""

    def __init__(self, dialling: Manner, listening: Manner) -> None:
        self.log = io.StringIO()
        here = world()
        here.log = self.log
        hosts = [
            f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(2, 255)}"
            for _ in range(2)
        ]
        self.dialling, self.listening = (
            Peer(host, manner, here, Loopback(), hosts[1])
            for host, manner in zip(hosts, (dialling, listening), strict=True)
        )  # type: ignore[arg-type]

    def hold(self, seconds: float = 0.5) -> list[tuple[str, int, int]]:
        """Who sent which command, with which flags, in order."""
        asyncio.run(self._hold(seconds))
        rows = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [
            ("listening" if row["incoming"] else "dialling", row["command"], row["flags"])
            for row in rows
            if row["ev"] == "sent"
        ]

    async def _hold(self, seconds: float) -> None:
        await self.listening.listen()
        try:
            await asyncio.wait_for(self.dialling.dial(), seconds)
        except (TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            assert self.listening.server is not None
            self.listening.server.close()


def quick(**more: Any) -> Manner:
    return Manner(**{"tick": (0.05, 9.0, 0.0), **more})


def test_standard_peers() -> None:
    sent = Meeting(quick(), Manner()).hold()
    assert sent == [
        ("dialling", 1001, 1),
        ("listening", 1001, 2),
        ("dialling", 1002, 1),
        ("listening", 1002, 2),
    ]


@pytest.mark.parametrize(
    "listening", [Manner(), Manner(pong=7), Manner(pong="198.18.0.9"), Manner(answers_pings=False)]
)
def test_pings(listening: Manner) -> None:
    heard: list[int] = []

    async def ask(talk: Talk) -> None:
        await talk.ping()
        heard.append(int(epee.loads((await talk.receive()).body)["peer_id"]))

    meeting = Meeting(Manner(opening=ask), listening)
    meeting.listening.world.known_ids["198.18.0.9"] = 9
    meeting.hold()
    expected = {None: meeting.listening.current_id, 7: 7, "198.18.0.9": 9}[listening.pong]
    assert heard == ([expected] if listening.answers_pings else [])


def test_support_flags_are_sent_or_not() -> None:
    async def ask(talk: Talk) -> None:
        await talk.send(do.request(1007))

    for flags, answers in ((1, 1), (None, 0)):
        sent = Meeting(quick(ticks=False, extra=ask), Manner(flags=flags)).hold(0.3)
        assert sent.count(("listening", 1007, 2)) == answers


def test_peer_lists_are_sent_once_on_a_connection() -> None:
    lists: list[Sequence[Any]] = []

    async def ask(talk: Talk) -> None:
        for _ in range(3):
            await talk.timed_sync()
            lists.append(epee.loads((await talk.receive()).body).get("local_peerlist_new", []))

    here = world()
    Meeting(Manner(opening=ask), Manner(white=here.white_list(300))).hold(2)
    assert [len(one) for one in lists] == [250, 50, 0]
    lists.clear()
    Meeting(Manner(opening=ask), Manner(white=here.white_list(300), whole_list=True)).hold(2)
    assert [len(one) for one in lists] == [300, 300, 300]


@pytest.mark.parametrize(
    ("cuts", "size", "parts"),
    [(after(8), 40, [8, 32]), (after(33), 33, [33]), (pieces(7), 20, [7, 7, 6])],
)
def test_cuts(cuts: Any, size: int, parts: list[int]) -> None:
    edges = [0, *cuts(size), size]
    assert [end - begin for begin, end in pairwise(edges)] == parts


def test_a_failing_misdeed_is_no_silent_end() -> None:
    async def broken(talk: Talk) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Meeting(quick(extra=broken, ticks=False, lasts=1), Manner(lasts=1)).hold()


def test_handshakes_that_stop() -> None:
    half = Meeting(quick(), Manner(greeting=do.half_an_answer))
    assert ("listening", 1001, 2) not in half.hold()  # what is not whole is not in the record
    cut = Meeting(Manner(opening=do.partial_handshake(lambda size: size - 1, 0.1)), Manner())
    assert cut.hold() == []


# ---------------------------------------------------------------- a run: part of one, with monerods
# of three versions (tests/data/make.py)

RUN = DATA / "testbed"
VANTAGE = "198.51.100.10"


@pytest.fixture(scope="module")
def run() -> mt.Traffic:
    return mt.read(RUN / "vantage_00001.pcapng.gz")


@pytest.fixture(scope="module")
def given() -> dict[str, list[str]]:
    labels: dict[str, list[str]] = json.loads((RUN / "labels.json").read_text())
    return labels


def test_every_message_is_as_monerod_logged_it(run: mt.Traffic) -> None:
    assert read_off(run) == logged(RUN / "vantage_log.txt.gz")
    assert len(run.messages) > 600 and run.problems.empty


def test_every_message_is_as_the_emulated_peers_sent_it(
    run: mt.Traffic, given: dict[str, list[str]]
) -> None:
    came = {
        key: number
        for key, number in read_off(run).items()
        if not key[2] and given[key[0]] != ["monerod"]
    }
    assert came == recorded(RUN / "peers.jsonl.gz", VANTAGE)


def test_rules_find_all_labelled_peers_and_no_other(
    run: mt.Traffic, given: dict[str, list[str]]
) -> None:
    findings = find_anomalies(run)
    assert faults(findings, given) == []
    asked = evaluate(findings, given).set_index("rule")["detected"]
    assert asked[asked > 0].to_dict() == dict.fromkeys(
        (label for names in given.values() for label in names if label in RULES), 1
    ) | {"peer_id_reserved": 2, "unsorted_fluff": 2}


# ---------------------------------------------------------------- records


def test_records(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(
        b"2026-11-22 23:01:55.017\t[P2P0]\tDEBUG\tnet\tsrc\t[203.0.113.21:18080 OUT] "
        b"LEVIN_PACKET_SENT. [len=262, flags1, r?=\x01, cmd = 1001, ver=1\n"
        b"2026-11-22 23:01:55.022\t[P2P1]\tDEBUG\tnet\tsrc\t[203.0.113.21:41294 INC] "
        b"LEVIN_PACKET_RECEIVED. [len=10, flags1, r?=\x00, cmd = 2010, v=1\n"
        b"2026-11-22 23:01:55.022\t[P2P1]\tDEBUG\tnet.p2p\tsrc\t[203.0.113.21:41294 INC] "
        b"COMMAND_PING\n"
    )
    assert set(logged(tmp_path / "log")) == {
        ("203.0.113.21", 18080, True, 1001, 1, 262),
        ("203.0.113.21", 41294, False, 2010, 1, 10),
    }
    rows = [
        {
            "ip": "198.18.0.1",
            "ev": event,
            "rip": peer,
            "lport": 5,
            "command": 1003,
            "flags": 1,
            "len": 10,
        }
        for event in ("sent", "received")
        for peer in ("198.51.100.10", "198.51.100.70")
    ]
    (tmp_path / "peers").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert set(recorded(tmp_path / "peers", "198.51.100.10")) == {
        ("198.18.0.1", 5, False, 1003, 1, 10)
    }
