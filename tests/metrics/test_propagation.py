"""Propagation by hand, and the first-spy estimator against the real origins of a lab."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.metrics import (
    announcing_speed,
    block_exchanges,
    clock_offsets,
    compact_block_hits,
    first_spies,
    first_spy_accuracy,
    network_delays,
    propagation_delays,
    transaction_duplicates,
)
from support.chain import announced, block_id, missing, relayed, tx, tx_id
from support.checks import Metric, check_metric
from support.conversation_builder import (
    HOSTS,
    ConversationBuilder,
    incoming,
    outgoing,
    read,
    read_nodes,
)
from support.craft import CLIENT, SERVER
from support.paths import HONEST

A, B, C = "20.1.0.1", "20.2.0.1", "20.3.0.1"


def say(talk: ConversationBuilder, at: float, side: int, data: bytes) -> None:
    talk.wait_until(60 + at).send(side, data)


@pytest.fixture
def traffic(tmp_path: Path) -> mt.Traffic:
    """Ten transactions of a, an incoming peer, that b, an outgoing one, sends 1 to 10 s later. 11
    is first a stem of c, and 12 is the node's own. Block 5 lacks nothing at a, two at b.
    """
    a, b = incoming(A).wait_until(0).handshake(), outgoing(B).wait_until(0).handshake()
    c = incoming(C, 1).wait_until(0).handshake()
    for number in range(1, 11):
        say(a, 100 * number, CLIENT, relayed(number))
        say(b, 100 * number + number, SERVER, relayed(number))
    say(c, 1200, CLIENT, relayed(11, fluff=False))
    say(a, 1205, CLIENT, relayed(11))
    say(a, 1206, SERVER, relayed(11))
    say(b, 1300, CLIENT, relayed(12, fluff=False))
    say(a, 1310, CLIENT, relayed(12))
    say(a, 1400, CLIENT, announced(5, [1, 2]))
    say(b, 1401, SERVER, announced(5, [1, 2]))
    say(b, 1401.1, CLIENT, missing(5, [1, 2], [0, 1]))
    say(b, 1401.4, SERVER, announced(5, [1, 2], [1, 2]))
    say(c, 1402, SERVER, announced(5, [1, 2]))
    say(c, 1402.1, CLIENT, missing(5, [1, 2], [1]))
    return read(tmp_path, a, b, c)


def test_delays(traffic: mt.Traffic) -> None:
    table = propagation_delays(traffic).set_index("peer")
    assert table["direction"].to_dict() == {A: "incoming", B: "outgoing"}
    assert table["transactions"].to_dict() == {A: 11, B: 10}
    assert table["firsts"].to_dict() == {A: 10, B: 0}
    assert table.loc[B, ["p10", "median", "p90", "mean"]].tolist() == pytest.approx(
        [1.9, 5.5, 9.1, 5.5]
    )
    assert table.loc[A, "mean"] == pytest.approx(5 / 11, abs=1e-6)


def test_delays_of_a_vantage_node(traffic: mt.Traffic) -> None:
    """Each direction has one peer, so the delays are those of the peer."""
    peers = propagation_delays(traffic).sort_values("direction", ignore_index=True)
    table = propagation_delays(traffic, by="vantage")
    pd.testing.assert_frame_equal(table, peers.drop(columns="peer"))
    with pytest.raises(ValueError, match="by='host'"):
        propagation_delays(traffic, by="host")


def test_speed_of_implementations(traffic: mt.Traffic) -> None:
    table = announcing_speed(traffic)
    assert table["skeleton"].nunique() == 1
    assert table["direction"].tolist() == ["incoming", "outgoing"]
    assert table["peers"].tolist() == [1, 1]
    assert table["median"].tolist() == pytest.approx([0, 5.5])


def test_delays_of_countries(traffic: mt.Traffic) -> None:
    """Each peer with transactions is the only one of its country."""
    places = {A: "AQ", B: "BV", C: "AQ"}
    located = pd.DataFrame({"host": list(places), "country": list(places.values())})
    table = network_delays(traffic, located)
    peers = propagation_delays(traffic).sort_values("direction")
    assert table["by"].tolist() == ["country"] * len(peers)
    assert table["network"].tolist() == [places[peer] for peer in peers["peer"]]
    assert table["peers"].tolist() == [1, 1]
    assert table["median"].tolist() == pytest.approx([0, 5.5])
    assert table["firsts"].tolist() == peers["firsts"].tolist()
    assert network_delays(traffic, located.assign(country=None)).empty


def test_first_spies(traffic: mt.Traffic) -> None:
    table = first_spies(traffic)
    assert table["tx"].tolist() == [tx_id(number) for number in range(1, 12)]
    assert table["peer"].tolist() == [A] * 10 + [C]
    assert table["stem"].tolist() == [False] * 10 + [True]
    assert table["observers"].tolist() == table["peers"].tolist() == [2] * 11
    assert table["margin"].dt.total_seconds().tolist() == [*range(1, 11), 5]


def test_accuracy_by_hand() -> None:
    """Of x three of four are right, of y none of one; z is not known."""
    spies = pd.DataFrame(
        {
            "tx": [*"abcdef"],
            "peer": [*"xxxxyz"],
            "stem": [True, True, False, False, False, False],
            "peers": [1, 2, 4, 4, 4, 1],
        }
    )
    origins = {"a": "x", "b": ["v", "x"], "c": "x", "d": "y", "e": "x"}
    table = first_spy_accuracy(spies, origins).set_index("phase")
    assert table["transactions"].to_dict() == {"all": 5, "stem": 2, "fluff": 3}
    assert table["correct"].to_dict() == {"all": 3, "stem": 2, "fluff": 1}
    assert table["recall"].to_dict() == pytest.approx({"all": 0.6, "stem": 1, "fluff": 1 / 3})
    assert table["precision"].to_dict() == pytest.approx({"all": 3 / 8, "stem": 1, "fluff": 1 / 4})
    assert table["baseline"].to_dict() == {"all": 0.45, "stem": 0.75, "fluff": 0.25}
    # Clopper and Pearson 1934: 3 of 5
    assert table.loc["all", ["recall_low", "recall_high"]].tolist() == pytest.approx(
        [0.1466, 0.9473], abs=1e-4
    )
    none = first_spy_accuracy(spies, {})
    assert none["transactions"].tolist() == [0, 0, 0]
    assert none["recall"].isna().all()


def accuracy(folder: Path) -> pd.DataFrame:
    """Of the transactions of a lab whose origin is not the vantage node."""
    record = json.loads((folder / "events.json").read_text())
    created = [event for event in record["events"] if event["kind"] == "tx"]
    origins = {event["hash"]: record["nodes"][event["node"]] for event in created}
    return first_spy_accuracy(first_spies(mt.read(folder)), origins).set_index("phase")


def test_accuracy_in_labs() -> None:
    """In one lab all stems came over one other node, as Dandelion++ means them to. In the other one
    the first peer in the fluff phase is often the origin.
    """
    stems = accuracy(HONEST).loc["stem"]
    assert (stems["transactions"], stems["correct"], stems["precision"]) == (8, 0, 0)
    assert stems["recall_high"] == pytest.approx(0.369, abs=1e-3)
    fluffs = accuracy(HONEST.parent / "lossy").loc["fluff"]
    assert (fluffs["transactions"], fluffs["correct"]) == (2, 1)


def test_the_first_spy_of_two_nodes(tmp_path: Path) -> None:
    """a is first at ams; the clock of sfo is 10 s behind, so that b would be first without the
    correction.
    """
    nodes = {}
    for name, peer, at in (("ams", A, 0), ("sfo", B, 1)):
        talk = incoming(peer, host=HOSTS[name]).wait_until(0).handshake()
        say(talk, at, CLIENT, relayed(1))
        for height in (9, 10):
            say(talk, 10 * height, CLIENT, announced(height))
        nodes[name] = [talk]
    traffic = read_nodes(tmp_path, nodes, {"sfo": -10})
    with pytest.raises(ValueError, match="clocks= is required"):
        first_spies(traffic)
    table = first_spies(traffic, clock_offsets(traffic))
    assert table[["vantage", "peer"]].to_numpy().tolist() == [["ams", A]]
    assert table["margin"].iloc[0] == pd.Timedelta(seconds=1)


def test_duplicates(traffic: mt.Traffic) -> None:
    table = transaction_duplicates(traffic).set_index("tx")
    assert len(table) == 12
    for number, row in ((1, (2, 0, 2, 0)), (11, (2, 1, 2, 1)), (12, (1, 1, 1, 1))):
        columns = ["received", "sent", "received_peers", "sent_peers"]
        assert tuple(table.loc[tx_id(number), columns]) == row
    assert table.loc[tx_id(1), "redundant_bytes"] == len(tx(1))
    assert table.loc[tx_id(12), "redundant_bytes"] == 0


def test_blocks(traffic: mt.Traffic) -> None:
    table = block_exchanges(traffic)
    assert table["block"].astype(str).unique().tolist() == [block_id(5, [1, 2]).hex()]
    assert table["peer"].tolist() == [A, B, C]
    assert table["direction"].tolist() == ["received", "received", "sent"]
    assert table["transactions"].tolist() == [2, 2, 2]
    assert table["carried"].tolist() == [0, 0, 0]
    assert table["missing"].tolist() == [pd.NA, 2, 1]
    assert table["hit"].tolist() == [True, False, False]
    assert table["requested_after"].dt.total_seconds().round(3).tolist()[1:] == [0.1, 0.1]
    assert table["round_trip"].iloc[1].total_seconds() == pytest.approx(0.3)
    assert table["round_trip"].isna().tolist() == [True, False, True]


def test_hits(traffic: mt.Traffic) -> None:
    table = compact_block_hits(traffic).set_index(["direction", "peer"])
    assert table["hit_rate"].to_dict() == {
        ("received", A): 1,
        ("received", B): 0,
        ("sent", C): 0,
    }
    assert table.loc[("received", B), "round_trip_median"] == pytest.approx(0.3)
    # 1 of 1 and 0 of 1
    assert table.loc[("received", A), ["hit_low", "hit_high"]].tolist() == pytest.approx([0.025, 1])
    assert table.loc[("received", B), ["hit_low", "hit_high"]].tolist() == pytest.approx([0, 0.975])


@pytest.mark.parametrize(
    "metric",
    [
        propagation_delays,
        announcing_speed,
        first_spies,
        transaction_duplicates,
        block_exchanges,
        compact_block_hits,
    ],
)
def test_a_view_will_do(metric: Metric, traffic: mt.Traffic) -> None:
    check_metric(metric, traffic)


def test_scipy_is_missing(traffic: mt.Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ImportError, match="compact_block_hits requires scipy"):
        compact_block_hits(traffic)
    with pytest.raises(ImportError, match="first_spy_accuracy requires scipy"):
        first_spy_accuracy(first_spies(traffic), {})
