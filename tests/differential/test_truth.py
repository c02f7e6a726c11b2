"""monerotraffic on the labelled captures: against the truth, against monerod's own log, against
tshark where it is right, and against the oracle, row for row.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
import oracle
from support import truth
from support.comparison import (
    BY_MESSAGE,
    Row,
    check_accounting,
    check_oracle,
    check_same,
    ours,
    plain,
    read,
    scenarios,
)

# ---------------------------------------------------------------- DataFrames as lists of plain
# dicts


# ---------------------------------------------------------------- the truth


@pytest.mark.parametrize("scenario", scenarios())
def test_messages_none_missing_none_invented(scenario: truth.Scenario) -> None:
    keys, wanted = (
        truth.our_keys(truth.with_ends(ours(*scenario.parts))),
        truth.truth_keys(scenario.messages()),
    )
    assert not wanted - keys, "missing"
    assert not keys - wanted, "invented"


@pytest.mark.parametrize("scenario", scenarios())
def test_times_ids_heights(scenario: truth.Scenario) -> None:
    tables = ours(*scenario.parts)
    rows = {truth.our_key(row): row for row in truth.with_ends(tables)}
    nodes = {row["message"]: row for row in tables["node_data"]}
    syncs = {row["message"]: row for row in tables["sync_data"]}
    peers: dict[int, list[Row]] = {}
    for row in tables["peer_lists"]:
        peers.setdefault(row["message"], []).append(row)
    for wanted in scenario.messages():
        if truth.is_fragment(wanted):
            continue
        (key,) = truth.truth_keys([wanted])
        row = rows[key]
        assert abs(row["end_time"] / 1e9 - wanted["time"]) < 2e-6
        if row["status"] == "malformed":
            continue
        node, sync, entries = (
            nodes.get(row["message"], {}),
            syncs.get(row["message"], {}),
            peers.get(row["message"], []),
        )
        if "peer_id" in wanted:
            assert f"{node['peer_id']:016x}" == wanted["peer_id"]
        for name, value in (
            ("support_flags", node.get("support_flags")),
            ("my_port", node.get("my_port")),
            ("height", sync.get("current_height")),
            ("top_id", sync.get("top_id")),
        ):
            if name in wanted:
                assert value == wanted[name], (name, wanted)
        assert len(entries) == wanted.get("peer_list", 0)
        if "peer_list_24s" in wanted:
            assert (
                len({entry["host"].rpartition(".")[0] for entry in entries})
                == wanted["peer_list_24s"]
            )
            assert (
                sum(entry["last_seen"] is not None for entry in entries)
                == wanted["peer_list_last_seen"]
            )


@pytest.mark.parametrize("scenario", scenarios())
def test_levin_fragments_are_joined(scenario: truth.Scenario) -> None:
    fragments = [row for row in scenario.messages() if truth.is_fragment(row)]
    joined = [row for row in ours(*scenario.parts)["messages"] if row["fragments"] > 1]
    assert sum(row["fragments"] for row in joined) == len(fragments)
    assert all(row["status"] == "complete" and row["command"] == 1002 for row in joined)


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios() if scenario.full],
)
def test_messages_are_those_of_monerods_log(scenario: truth.Scenario) -> None:
    """The differences are those that crosscheck.json lists: the log has no noise, nothing of
    refused connections, and what was queued when an RST arrived.
    """
    keys, logged = (
        truth.as_logged(truth.with_ends(ours(*scenario.parts))),
        truth.log_messages(scenario),
    )
    check = json.loads((scenario.folder / "crosscheck.json").read_text())["log_vs_wire"]
    only_wire: Counter[truth.Key] = Counter()
    for peer, port, direction, command, flags, length, count, *_ in check["only_wire"]:
        only_wire[peer, port, direction, length, flags, command] += count
    only_log: Counter[truth.Key] = Counter()
    for peer, port, direction, command, flags, length, count, *_ in check["only_log"]:
        only_log[peer, port, direction, length, flags, command] += count
    ours_only, log_only = (Counter({}), Counter({}))
    for counter, difference in ((ours_only, keys - logged), (log_only, logged - keys)):
        for (peer, port, direction, length, flags, _, command, _), count in difference.items():
            counter[peer, port, direction, length, flags, command] += count
    # fragments: joined in the log and in ours
    joined = Counter({key: count for key, count in only_log.items() if key[-1] == 1002})
    assert log_only == only_log - joined
    assert ours_only == Counter(
        {key: count for key, count in only_wire.items() if key[-1] != 0 or key[-2] == 12}
    )


@pytest.mark.parametrize("scenario", scenarios())
def test_every_byte_is_accounted_for(scenario: truth.Scenario) -> None:
    check_accounting(read(*scenario.parts))


@pytest.mark.parametrize("scenario", scenarios())
def test_rows_are_those_of_the_oracle(scenario: truth.Scenario) -> None:
    check_oracle(ours(*scenario.parts), oracle.decode(scenario.parts))


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios() if scenario.merged],
)
def test_ring_files_are_the_merged_file(scenario: truth.Scenario) -> None:
    assert scenario.merged is not None
    parts, merged = ours(*scenario.parts), ours(scenario.merged)
    assert len(scenario.parts) > 1
    for name in ("connections", *BY_MESSAGE):
        check_same(parts[name], merged[name], name)
    frames = ("file", "frame", "end_frame")
    left, right = (
        [
            {name: value for name, value in row.items() if name not in frames}
            for row in truth.with_ends(tables)
        ]
        for tables in (parts, merged)
    )
    check_same(left, right, "messages")


# ---------------------------------------------------------------- tshark


@pytest.mark.parametrize("scenario", scenarios())
def test_fields_are_those_that_tshark_prints(scenario: truth.Scenario) -> None:
    tables = ours(*scenario.parts)
    delivered = Counter(row["delivered_frame"] for row in scenario.messages())
    orderly = {
        (row["last_frame"], row["command"], row["flags"])
        for row in scenario.messages()
        if row["delivered_frame"] == row["last_frame"] and delivered[row["last_frame"]] == 1
    }
    nodes = {row["message"]: row for row in tables["node_data"]}
    syncs = {row["message"]: row for row in tables["sync_data"]}
    peers: dict[int, list[tuple[str, int, int]]] = {}
    for row in tables["peer_lists"]:
        host = truth.as_tshark(row["host"])
        peers.setdefault(row["message"], []).append((host, row["port"], row["id"]))
    printed = truth.tshark_messages(scenario)
    compared = 0
    for row in truth.with_ends(tables):
        frame = row["last_frame"]
        if (
            row["status"] != "complete"
            or (frame, row["command"], row["levin_flags"]) not in orderly
            or frame not in printed
        ):
            continue
        one = printed[frame]
        assert (one.command, one.flags) == (row["command"], row["levin_flags"])
        assert peers.get(row["message"], []) == one.peers, frame
        decoded_row = nodes.get(row["message"], {}) | syncs.get(row["message"], {})
        for name in (
            "peer_id",
            "my_port",
            "support_flags",
            "current_height",
            "cumulative_difficulty",
            "top_version",
        ):
            assert decoded_row.get(name) == one.fields.get(name), (frame, name)
        compared += 1
    assert compared > 20


# ---------------------------------------------------------------- captures made from `honest`


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        pytest.param(path, entry, id=f"{path.parents[1].name}-{path.name}")
        for path, entry in truth.derived()
    ],
)
def test_derived_captures(path: Path, entry: dict[str, Any]) -> None:
    tables = ours(path)
    assert sum(file["packets"] for file in tables["files"]) == truth.derived_frames(path, entry)
    assert truth.by_direction(tables) == truth.derived_counts(path, entry)
    check_accounting(read(path))
    check_oracle(tables, oracle.decode([path]))


def test_a_cut_file_warns_and_has_a_row() -> None:
    path = next(path for path, _ in truth.derived() if path.name.startswith("cut_in_record"))
    with pytest.warns(mt.CaptureWarning, match="cut_in_record"):
        traffic = mt.read(path)
    assert plain(traffic.files)[0]["truncated"]
    assert "file" in set(traffic.problems["kind"])


def test_hosts() -> None:
    for scenario in truth.scenarios():
        assert truth.VANTAGE[0] in read(*scenario.parts).hosts
        assert (truth.VANTAGE[1] in read(*scenario.parts).hosts) == (scenario.name == "ipv6")
