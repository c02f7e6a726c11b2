"""The oracle against the truth of the labelled captures."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support import truth
from support.oracle_rows import Tables, decode, scenarios


@pytest.mark.parametrize("scenario", scenarios())
def test_messages_are_those_of_the_truth(scenario: truth.Scenario) -> None:
    ours = list(truth.with_ends(decode(*scenario.parts)))
    wanted = scenario.messages()
    keys, expected = truth.our_keys(ours), truth.truth_keys(wanted)
    assert not expected - keys
    assert not keys - expected
    assert sum(
        row["fragments"] for row in ours if row["fragments"] > 1 and truth.is_whole(row)
    ) == sum(truth.is_fragment(row) for row in wanted)


@pytest.mark.parametrize("scenario", scenarios())
def test_bodies_times_and_fields_are_those_of_the_truth(scenario: truth.Scenario) -> None:
    tables = decode(*scenario.parts)
    ours = {
        (*row["sender"], *row["receiver"], row["offset"], row["first_frame"]): row
        for row in truth.with_ends(tables)
        if row["fragments"] == 1
    }
    nodes = {row["message"]: row for row in tables["node_data"]}
    syncs = {row["message"]: row for row in tables["sync_data"]}
    peers = Counter(row["message"] for row in tables["peer_lists"])
    for wanted in scenario.messages():
        if truth.is_fragment(wanted):
            continue
        row = ours[
            wanted["src"],
            wanted["sport"],
            wanted["dst"],
            wanted["dport"],
            wanted["offset"],
            wanted["first_frame"],
        ]
        assert abs(row["end_time"] / 1e9 - wanted["time"]) < 2e-6
        if row["body"] is not None:
            assert hashlib.sha1(row["body"]).hexdigest() == wanted["body_sha1"]
        node, sync = nodes.get(row["message"], {}), syncs.get(row["message"], {})
        if "peer_id" in wanted:
            assert node["peer_id"] == int(wanted["peer_id"], 16)
        for name, value in (
            ("support_flags", node.get("support_flags")),
            ("my_port", node.get("my_port")),
            ("height", sync.get("current_height")),
            ("top_id", sync.get("top_id")),
        ):
            if name in wanted:
                assert value == wanted[name], (name, wanted)
        if "peer_list" in wanted:
            assert peers[row["message"]] == wanted["peer_list"]


@pytest.mark.parametrize("scenario", scenarios())
def test_every_byte_is_accounted_for(scenario: truth.Scenario) -> None:
    check_accounting(decode(*scenario.parts))


def check_accounting(tables: Tables) -> None:
    seen = sum(row["client_bytes"] + row["server_bytes"] for row in tables["connections"])
    lost = sum(row["client_lost"] + row["server_lost"] for row in tables["connections"])
    whole = sum(row["wire"] for row in tables["messages"] if row["status"] == "complete")
    assert seen == whole + sum(row["bytes"] for row in tables["problems"] if row["kind"] != "lost")
    assert lost == sum(row["bytes"] for row in tables["problems"] if row["kind"] == "lost")


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios() if scenario.merged],
)
def test_ring_files_are_the_merged_file(scenario: truth.Scenario) -> None:
    assert scenario.merged is not None
    parts, merged = (
        list(truth.with_ends(decode(*paths))) for paths in (scenario.parts, [scenario.merged])
    )
    assert len(scenario.parts) > 1
    for part, whole in zip(parts, merged, strict=True):
        assert {
            name: value
            for name, value in part.items()
            if name not in ("file", "frame", "end_frame")
        } == {
            name: value
            for name, value in whole.items()
            if name not in ("file", "frame", "end_frame")
        }


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        pytest.param(path, entry, id=f"{path.parents[1].name}-{path.name}")
        for path, entry in truth.derived()
    ],
)
def test_derived_captures(path: Path, entry: dict[str, Any]) -> None:
    tables = decode(path)
    assert sum(file["packets"] for file in tables["files"]) == truth.derived_frames(path, entry)
    assert truth.by_direction(tables) == truth.derived_counts(path, entry)
    check_accounting(tables)
