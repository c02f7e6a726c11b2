"""The examples of README.md run, print what README.md shows, and agree with the oracle."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from typing import Any

import pandas as pd
import pytest

import oracle
from support.paths import ROOT

CAPTURES = ROOT / "tests" / "data" / "honest"
HOST = "198.51.100.10"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Results = dict[str, Any]
Rows = list[dict[str, Any]]


def examples() -> list[tuple[str, str | None]]:
    """The Python blocks of README.md, each with the output shown after it."""
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    shown = [*blocks[1:], ("", "")]
    return [
        (source, output if kind == "text" else None)
        for (language, source), (kind, output) in zip(blocks, shown, strict=True)
        if language == "python"
    ]


def evaluate(source: str, names: dict[str, Any]) -> Any:
    """Runs a block and returns the value of its last expression."""
    *statements, last = ast.parse(source).body
    assert isinstance(last, ast.Expr), source
    exec(compile(ast.Module(statements, []), "README.md", "exec"), names)
    return eval(compile(ast.Expression(last.value), "README.md", "eval"), names)


def printed(value: Any) -> str:
    with pd.option_context("display.width", 100, "display.max_columns", 20):
        return "\n".join(line.rstrip() for line in str(value).splitlines())


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The values of all examples by their source, run in order beside a folder `captures`."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "captures").symlink_to(CAPTURES, target_is_directory=True)
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return {source: evaluate(source, names) for source, _ in examples()}


@pytest.fixture(scope="module")
def tables() -> dict[str, Rows]:
    """The same capture by the oracle."""
    return oracle.decode(sorted(CAPTURES.glob("*.pcapng")))


def example(results: Results, text: str) -> Any:
    """The value of the one example whose source contains a text."""
    (value,) = [value for source, value in results.items() if text in source]
    return value


def received(tables: dict[str, Rows]) -> dict[int, dict[str, Any]]:
    """Messages of peers by id, each with its peer."""
    messages = {}
    for row in tables["messages"]:
        connection = tables["connections"][row["connection"]]
        peer = connection["client" if row["from_client"] else "server"]
        if HOST in (connection["client"], connection["server"]) and peer != HOST:
            messages[row["message"]] = row | {"peer": peer}
    return messages


def test_every_example_is_distinct(results: Results) -> None:
    assert len(results) == len(examples()) >= 11


def test_outputs_are_those_shown(results: Results) -> None:
    shown = {source: output for source, output in examples() if output is not None}
    assert len(shown) >= 9
    for source, output in shown.items():
        assert printed(results[source]) == output.rstrip("\n"), source


def test_messages_by_name_and_direction(results: Results, tables: dict[str, Rows]) -> None:
    counts = example(results, '["name", "direction"]')
    assert counts.sum() == len(tables["messages"]) == 346
    assert counts.xs("received", level="direction").sum() == len(received(tables))


def test_peer_ids(results: Results, tables: dict[str, Rows]) -> None:
    messages, expected = received(tables), defaultdict(set)
    for row in tables["node_data"]:
        if row["message"] in messages and row["peer_id"] is not None:
            expected[messages[row["message"]]["peer"]].add(row["peer_id"])
    value = example(results, "peer_id.nunique()")
    assert value[value > 0].to_dict() == {peer: len(ids) for peer, ids in expected.items()}


def test_peer_lists(results: Results, tables: dict[str, Rows]) -> None:
    messages, expected = received(tables), defaultdict(list)
    for row in tables["peer_lists"]:
        if row["message"] in messages:
            expected[messages[row["message"]]["peer"]].append(row["host"])
    value = example(results, "entries=")
    assert value.entries.to_dict() == {peer: len(hosts) for peer, hosts in expected.items()}
    assert value.hosts.to_dict() == {peer: len(set(hosts)) for peer, hosts in expected.items()}


def first_times(tables: dict[str, Rows], table: str, key: str) -> dict[Any, dict[str, int]]:
    """When each peer first sent each id of a table, in nanoseconds."""
    messages, times = received(tables), defaultdict(dict)
    for row in tables[table]:
        if row["message"] in messages:
            message = messages[row["message"]]
            peers, peer = times[row[key]], message["peer"]
            peers[peer] = min(peers.get(peer, message["time"]), message["time"])
    return times


def test_transaction_delays(results: Results, tables: dict[str, Rows]) -> None:
    expected = defaultdict(list)
    for peers in first_times(tables, "transactions", "tx").values():
        for peer, time in peers.items():
            expected[peer].append((time - min(peers.values())) / 1e9)
    value = example(results, "delays.groupby")
    assert value["size"].to_dict() == {peer: len(delays) for peer, delays in expected.items()}
    assert value["max"].to_dict() == {
        peer: pytest.approx(max(delays), abs=0.001) for peer, delays in expected.items()
    }


def test_first_announcers_are_peers(results: Results, tables: dict[str, Rows]) -> None:
    value = example(results, 'groupby("height")')
    expected = {
        height: min(peers, key=peers.__getitem__)
        for height, peers in first_times(tables, "blocks", "height").items()
    }
    assert value.peer.to_dict() == expected
    assert HOST not in set(expected.values())


def test_bytes_not_decoded(results: Results, tables: dict[str, Rows]) -> None:
    expected: dict[str, int] = defaultdict(int)
    for row in tables["problems"]:
        expected[row["kind"]] += row["bytes"]
    assert example(results, "bytes.sum()").to_dict() == dict(expected)


def test_honest_capture_has_no_verdict(results: Results) -> None:
    """No peer of the capture is flagged: each is a standard node."""
    assert not set(example(results, "verdicts(findings)").verdict) - {"context"}
