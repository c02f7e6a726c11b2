"""Rules are silent where the peer's version has another standard behaviour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monerotraffic.rules import RULES
from monerotraffic.rules.versions import outside, version_bounds, version_number
from monerotraffic.tables.view import View
from support import craft
from support.checks import flagged
from support.conversation_builder import incoming, read
from support.craft import CLIENT, SERVER, Connection

OLD_NODE = {"support_flags": None, "local_time": ("u64", 1_600_000_000)}
ANY = 2**63 - 1


def hello(node: dict[str, Any], top_version: int, client: str = "192.0.2.1") -> Connection:
    """A peer that opens a connection with such a handshake, and then pings with a last_seen."""
    talk = incoming(client, int(client.rpartition(".")[2]))
    talk.send(
        CLIENT,
        craft.request(
            1001,
            craft.handshake_request(
                node=craft.node_data(**node), sync=craft.payload_data(top_version=top_version)
            ),
        ),
    )
    talk.send(SERVER, craft.response(1001, craft.handshake_response()))
    listed = [craft.peer("192.0.2.51", 18080, 6, last_seen=("i64", 1_700_000_000))]
    talk.send(SERVER, craft.request(1002, craft.timed_sync_request()))
    talk.send(
        CLIENT,
        craft.response(
            1002, craft.timed_sync_response(listed, craft.payload_data(top_version=top_version))
        ),
    )
    return talk


def test_versions_sort() -> None:
    texts = ["0.9.0", "0.10.2", "0.14.1", "0.18", "0.18.3.4", "0.18.4", "1"]
    numbers = [version_number(text) for text in texts]
    assert numbers == sorted(set(numbers))
    assert version_number("0.18") == version_number("0.18.0.0")


@pytest.mark.parametrize(
    ("node", "top_version", "since", "before"),
    [
        ({}, 16, "0.18", None),
        ({}, 1, "0.18", None),  # it synchronizes
        ({"support_flags": None}, 14, "0", "0.18"),
        ({"support_flags": None}, 15, "0.18", None),  # a spy, or other software
        (OLD_NODE, 12, "0", "0.16"),
    ],
)
def test_bounds(
    tmp_path: Path, node: dict[str, Any], top_version: int, since: str, before: str | None
) -> None:
    bounds = version_bounds(read(tmp_path, hello(node, top_version)))
    limit = ANY if before is None else version_number(before)
    assert bounds.to_numpy().tolist() == [[version_number(since), limit]]


def test_signs_that_contradict_each_other_show_nothing(tmp_path: Path) -> None:
    talk = hello({**OLD_NODE, "support_flags": 1}, 16)
    assert len(version_bounds(read(tmp_path, talk))) == 0


def test_a_rule_is_silent_for_older_versions(tmp_path: Path) -> None:
    assert RULES["last_seen_present"].since == "0.16.0"
    traffic = read(
        tmp_path,
        hello(OLD_NODE, 12),
        hello({}, 16, "192.0.2.2"),
        hello(OLD_NODE, 16, "192.0.2.3"),  # it claims to be old, at a block of 0.18
        hello({"support_flags": None}, 14, "192.0.2.4"),  # 0.16 or 0.17
    )
    assert flagged("last_seen_present", traffic) == dict.fromkeys(
        ("192.0.2.2", "192.0.2.3", "192.0.2.4"), 1
    )


def test_outside_by_connection_and_by_peer(tmp_path: Path) -> None:
    view = View(read(tmp_path, hello(OLD_NODE, 12), hello({}, 16, "192.0.2.2")))
    numbers = view.connections.set_index(view.connections["peer"].astype(str))["connection"]
    seen = pd.DataFrame(
        {
            "peer": ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2"],
            "connection": [numbers["192.0.2.1"], numbers["192.0.2.2"], None, None],
        }
    ).astype({"connection": "Int64"})
    assert outside(view, "0.16", "", seen).tolist() == [True, False, True, False]
    assert outside(view, "0.15", "", seen).tolist() == [False] * 4
    assert outside(view, "", "0.17", seen).tolist() == [False, True, False, True]
    assert outside(view, "", "", seen).tolist() == [False] * 4
