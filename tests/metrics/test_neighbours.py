"""Neighbours of senders of peer lists, with values computed by hand, and lists of an emulated
v0.14.0 node whose connections are known.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import metrics
from support import craft
from support.conversation_builder import ConversationBuilder, read, session

NOW = craft.START // 10**9


def dated(seen: dict[str, int], port: int = 18080) -> list[Any]:
    """Entries with last_seen."""
    return [craft.peer(host, port, 7, last_seen=("i64", time)) for host, time in seen.items()]


def talk(
    *lists: list[Any], peer: str = "192.0.2.1", every: float = 60, **more: Any
) -> ConversationBuilder:
    return session(peer, *lists, every=every, **more)


def rows_of(table: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return list(table[list(columns)].astype(object).itertuples(index=False, name=None))


# ---------------------------------------------------------------- last_seen


def test_by_last_seen(tmp_path: Path) -> None:
    """Lists at about 0, 60 and 120 s. a is refreshed each time; b once; c is 30 s old in the first
    list only; d is old and stays as it is; e is in one list only, and old.
    """
    traffic = read(
        tmp_path,
        talk(
            dated({"20.0.0.1": NOW - 100, "20.0.0.2": NOW - 500, "20.0.0.3": NOW - 30}),
            dated({"20.0.0.1": NOW - 40, "20.0.0.2": NOW - 500, "20.0.0.4": NOW - 900}),
            dated({"20.0.0.1": NOW + 20, "20.0.0.2": NOW - 300, "20.0.0.5": NOW - 900}),
        ),
    )
    table = metrics.neighbours_by_last_seen(traffic)
    assert rows_of(table, "peer", "host", "port", "lists", "refreshes", "last_seen") == [
        ("192.0.2.1", "20.0.0.1", 18080, 3, 2, NOW + 20),
        ("192.0.2.1", "20.0.0.2", 18080, 3, 1, NOW - 300),
        ("192.0.2.1", "20.0.0.3", 18080, 1, 0, NOW - 30),
    ]
    assert table["age"].to_numpy() == pytest.approx([100, 420, 30], abs=2)
    twice = metrics.neighbours_by_last_seen(traffic, max_age_s=0, min_refreshes=2)
    assert twice["host"].tolist() == ["20.0.0.1"]


def test_two_ports_are_two_endpoints(tmp_path: Path) -> None:
    one, two = dated({"20.0.0.1": NOW - 500}), dated({"20.0.0.1": NOW - 400}, port=9)
    assert metrics.neighbours_by_last_seen(read(tmp_path, talk(one, two))).empty


def test_a_sender_whose_clock_is_ahead(tmp_path: Path) -> None:
    """By one hour: the latest entry of the list is the measure of the others."""
    lists = dated({"20.0.0.1": NOW + 3600, "20.0.0.2": NOW + 3560, "20.0.0.3": NOW + 3000})
    table = metrics.neighbours_by_last_seen(read(tmp_path, talk(lists)))
    assert rows_of(table, "host", "age") == [("20.0.0.1", 0.0), ("20.0.0.2", 40.0)]


def test_an_endpoint_twice_in_a_list_is_no_refresh(tmp_path: Path) -> None:
    twice = dated({"20.0.0.1": NOW - 500}) + dated({"20.0.0.1": NOW - 400})
    assert metrics.neighbours_by_last_seen(read(tmp_path, talk(twice))).empty


@pytest.mark.parametrize("seen", [-(2**63), 2**63 - 1, 0, -1])
def test_any_last_seen(tmp_path: Path, seen: int) -> None:
    table = metrics.neighbours_by_last_seen(
        read(tmp_path, talk(dated({"20.0.0.1": seen}), dated({"20.0.0.1": seen})))
    )
    assert (table["refreshes"] == 0).all()


def test_lists_of_modern_nodes_have_no_last_seen(tmp_path: Path) -> None:
    traffic = read(tmp_path, talk([("20.0.0.1", 18080)], [("20.0.0.1", 18080)]))
    assert metrics.neighbours_by_last_seen(traffic).empty
    assert metrics.neighbours_by_last_seen(read(tmp_path)).empty


def test_an_old_node(tmp_path: Path) -> None:
    """As v0.14.0 wrote lists: the 250 latest of its white list, whose outgoing neighbours it marks
    at each timed sync, every 60 s. Eight neighbours, one of which leaves after 5 minutes, and one
    that comes then; the rest of the white list was met within the last two days.
    """
    random = np.random.default_rng(1)
    seen = {
        f"20.1.{number}.1": NOW - int(age)
        for number, age in enumerate(random.integers(3600, 172800, 240))
    }
    first, last, constant = "20.2.0.1", "20.2.9.1", [f"20.2.{n}.1" for n in range(1, 8)]
    lists = []
    for tick in range(10):
        connected = [*constant, first if tick < 5 else last]
        seen |= dict.fromkeys(connected, NOW + 60 * tick - 17)
        lists.append(dated(seen))
    traffic = read(tmp_path, talk(*lists))
    table = metrics.neighbours_by_last_seen(traffic)
    accuracy = metrics.neighbour_accuracy(
        table, metrics.peer_graph(traffic), {"192.0.2.1": [*constant, first, last]}
    ).set_index("method")
    assert accuracy.loc["inferred", ["precision", "recall"]].tolist() == [1, 1]
    assert accuracy.loc["random", "precision"] == pytest.approx(9 / 249)
    refreshes = dict(zip(table["host"].astype(str), table["refreshes"], strict=True))
    assert refreshes == dict.fromkeys(constant, 9) | {first: 4, last: 4}


# ---------------------------------------------------------------- frequency


def listing(counts: dict[str, int], peer: str, number: int) -> Iterable[ConversationBuilder]:
    """As many connections of a peer as needed to name each host in so many lists."""
    for turn in range(max(counts.values())):
        hosts = [(host, 18080) for host, count in counts.items() if count > turn]
        yield session(peer, hosts, number=number + turn, at=100.0 * (number + turn))


def test_by_frequency(tmp_path: Path) -> None:
    """Numbers 6, 5, 2, 2 and 1 of six lists: the last is left out, and the rest is split between 5
    and 2. The other sender names all hosts twice, so that there is nothing to split.
    """
    pytest.importorskip("sklearn")
    counts = {"20.0.0.1": 6, "20.0.0.2": 2, "20.0.0.3": 5, "20.0.0.4": 2, "20.0.0.5": 1}
    traffic = read(
        tmp_path,
        *listing(counts, "192.0.2.1", 0),
        *listing({"20.0.0.1": 2, "20.0.0.2": 2}, "192.0.2.2", 10),
    )
    table = metrics.neighbours_by_frequency(traffic)
    assert rows_of(table, "peer", "host", "lists", "all_lists", "threshold") == [
        ("192.0.2.1", "20.0.0.1", 6, 6, 5),
        ("192.0.2.1", "20.0.0.3", 5, 6, 5),
    ]
    every = metrics.neighbours_by_frequency(traffic, min_lists=1)
    assert every["host"].tolist() == ["20.0.0.1", "20.0.0.3"]
    assert metrics.neighbours_by_frequency(traffic, min_lists=7).empty
    with pytest.raises(ValueError, match="min_lists=0"):
        metrics.neighbours_by_frequency(traffic, min_lists=0)


def test_without_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traffic = read(tmp_path, session("192.0.2.1", [("20.0.0.1", 18080)]))
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(ImportError, match="neighbours_by_frequency requires sklearn: pip install"):
        metrics.neighbours_by_frequency(traffic)


# ---------------------------------------------------------------- accuracy


def test_accuracy() -> None:
    """x advertised a to e and is connected to a, b and an unadvertised z; y advertised a and c and
    is connected to c. Two of x's and one of y's are named: a right, d and a wrong.
    """
    inferred = pd.DataFrame({"peer": ["x", "x", "x", "y", "w"], "host": [*"adaaa"]})
    advertised = pd.DataFrame({"peer": [*"xxxxxyyw"], "host": [*"abcdeaca"]})
    table = metrics.neighbour_accuracy(
        inferred, advertised, {"x": ["a", "b", "z"], "y": ["c"]}
    ).set_index("method")
    assert table["pairs"].to_dict() == {"inferred": 3, "random": 3, "popular": 3}
    assert table["neighbours"].tolist() == [4, 4, 4]
    # by chance: 2 × 2/5 of x, 1 × 1/2 of y; the popular ones are a and c of x, and a of y
    assert table["correct"].to_dict() == {"inferred": 1, "random": pytest.approx(1.3), "popular": 1}
    assert table.loc["inferred", "precision"] == pytest.approx(1 / 3)
    assert table.loc["random", "recall"] == pytest.approx(1.3 / 4)
    # Clopper and Pearson, 1 of 3
    assert table.loc["inferred", ["precision_low", "precision_high"]].tolist() == pytest.approx(
        [0.0084, 0.9057], abs=1e-4
    )
    assert table.loc["random", ["precision_low", "recall_high"]].isna().all()


def test_accuracy_without_any() -> None:
    nothing = pd.DataFrame({"peer": [], "host": []})
    table = metrics.neighbour_accuracy(nothing, nothing, {"x": ["a"]})
    assert table["pairs"].tolist() == [0, 0, 0]
    assert table["precision"].isna().all()
    assert table["recall"].tolist() == [0, 0, 0]
    assert metrics.neighbour_accuracy(nothing, nothing, {})["recall"].isna().all()


def test_a_traffic_is_required() -> None:
    with pytest.raises(TypeError, match="give a Traffic"):
        metrics.neighbours_by_last_seen(mt)  # type: ignore[arg-type]
