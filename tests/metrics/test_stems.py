"""Stems of Dandelion++, by hand and against what a node of the lab really originated."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.metrics import dandelion_epochs, own_transactions, stems_received, stems_sent
from support.chain import relayed, tx_id
from support.checks import Metric, check_metric
from support.conversation_builder import ConversationBuilder, incoming, outgoing, read
from support.craft import CLIENT, EMPTY, SERVER, notification
from support.paths import HONEST

OUT = ("20.1.0.1", "20.2.0.1", "20.3.0.1")
IN = ("20.8.0.1", "20.9.0.1")


class Net:
    """Three outgoing and two incoming connections, and transactions at given seconds."""

    def __init__(self) -> None:
        self.talks: dict[str, ConversationBuilder] = {}
        for number, peer in enumerate(OUT):
            self.talks[peer] = outgoing(peer, number).wait_until(0).handshake()
        for number, peer in enumerate(IN):
            self.talks[peer] = incoming(peer, number).wait_until(0).handshake()

    def send(self, at: float, peer: str, *numbers: int, fluff: bool = False) -> None:
        side = CLIENT if peer in OUT else SERVER
        self.talks[peer].wait_until(at).send(side, relayed(*numbers, fluff=fluff))

    def receive(self, at: float, peer: str, *numbers: int, fluff: bool = False) -> None:
        side = SERVER if peer in OUT else CLIENT
        self.talks[peer].wait_until(at).send(side, relayed(*numbers, fluff=fluff))

    def read(self, folder: Path) -> mt.Traffic:
        return read(folder, *self.talks.values())


@pytest.fixture
def traffic(tmp_path: Path) -> mt.Traffic:
    """1 is the node's own and comes back after 7 s, 2 is relayed and not fluffed for 40 s, 3 is
    fluffed at once.
    """
    net = Net()
    net.send(60, OUT[0], 1)
    net.receive(67, OUT[1], 1, fluff=True)
    net.receive(68, IN[0], 1, fluff=True)
    net.send(69, OUT[2], 1, fluff=True)
    net.receive(70, IN[0], 2)
    net.send(70.5, OUT[1], 2)
    net.send(110.5, IN[1], 2, fluff=True)
    net.receive(120, OUT[1], 2, fluff=True)
    net.receive(130, IN[1], 3)
    net.send(131, OUT[2], 3, fluff=True)
    net.receive(140, IN[1], 3, fluff=True)
    return net.read(tmp_path)


@pytest.mark.parametrize(
    ("peers", "reason"),
    [
        ([IN[0]], "few_peers"),
        ([IN[0], OUT[0]], "few_peers"),
        ([IN[0], IN[1], OUT[1]], "no_relays"),  # only that the node sends to IN[0]
        ([IN[0], IN[1], OUT[0]], None),
    ],
)
def test_a_filtered_capture(peers: list[str], reason: str | None, tmp_path: Path) -> None:
    """A capture of few peers cannot show what the node sent to others."""
    net = Net()
    net.send(60, OUT[0], 1)
    net.receive(67, OUT[1], 1, fluff=True)
    net.receive(70, IN[0], 2)
    net.send(71, IN[0], 2, fluff=True)
    net.receive(80, IN[1], 3)
    traffic = read(tmp_path, *(net.talks[peer] for peer in peers))
    received, epochs = stems_received(traffic), dandelion_epochs(traffic)
    numbers = epochs[["kind", "out_degree", "sources", "in_degree"]]
    assert set(received["unknown"].dropna()) == ({reason} - {None})
    assert len(epochs) == (OUT[0] in peers)
    assert epochs["unknown"].isna().all() == (reason is None or epochs.empty)
    assert len(received) > 0
    assert received["fluffed_at_once"].isna().all() == (reason is not None)
    assert numbers.isna().all(axis=None) if reason else numbers.notna().all(axis=None)


def seconds(column: pd.Series) -> list[float | None]:
    return [None if pd.isna(value) else round(value.total_seconds(), 2) for value in column]


def test_stems_sent(traffic: mt.Traffic) -> None:
    table = stems_sent(traffic, spies=[OUT[1]])
    assert table["tx"].tolist() == [tx_id(1), tx_id(2)]
    assert table["peer"].tolist() == [OUT[0], OUT[1]]
    assert table["to_spy"].tolist() == [False, True]
    assert table["source"].isna().tolist() == [True, False]
    assert table["source"].iloc[1] == IN[0]
    assert seconds(table["held"]) == [None, 0.5]
    assert table["fluff_peer"].tolist() == [OUT[1], OUT[1]]
    assert seconds(table["fluff_delay"]) == [7, 49.5]
    assert seconds(table["own_fluff_delay"]) == [9, 40]
    assert seconds(table["embargo"]) == [None, 40]
    assert table["source_connection"].dtype == "Int64"


def test_stems_received(traffic: mt.Traffic) -> None:
    table = stems_received(traffic)
    assert list(zip(table["tx"], table["peer"], strict=True)) == [
        (tx_id(2), IN[0]),
        (tx_id(3), IN[1]),
    ]
    assert table["next_peer"].iloc[0] == OUT[1]
    assert pd.isna(table["next_peer"].iloc[1])
    assert seconds(table["next_delay"]) == [0.5, None]
    assert seconds(table["fluff_delay"]) == [40.5, 1]
    assert table["fluffed_at_once"].tolist() == [False, True]
    assert seconds(table["peer_fluff_delay"]) == [None, 10]


def test_what_peers_learnt(traffic: mt.Traffic) -> None:
    table = own_transactions(traffic, [tx_id(1).upper(), "0" * 64], spies=[OUT[0]])
    assert list(zip(table["peer"], table["learnt"], table["spy"], table["order"], strict=True)) == [
        (OUT[0], "stem", True, 1),
        (OUT[1], "nothing", False, 2),
        (IN[0], "nothing", False, 3),
        (OUT[2], "fluff", False, 4),
    ]
    assert seconds(table["delay"]) == [0, 7, 8, 9]
    with pytest.raises(ValueError, match="'12' is not the id of a transaction"):
        own_transactions(traffic, ["12"])


def test_the_answer_to_a_2010_is_no_stem(tmp_path: Path) -> None:
    net = Net()
    net.talks[OUT[0]].wait_until(59).send(SERVER, notification(2010, EMPTY))
    net.send(60, OUT[0], 1)  # the answer
    net.send(61, OUT[0], 2)
    net.send(62, IN[0], 3)  # to an incoming peer: no stem
    net.talks[IN[1]].wait_until(63).send(SERVER, notification(2010, EMPTY))
    net.receive(64, IN[1], 4)
    net.receive(65, IN[1], 5)
    traffic = net.read(tmp_path)
    assert stems_sent(traffic)["tx"].tolist() == [tx_id(2)]
    assert stems_received(traffic)["tx"].tolist() == [tx_id(5)]


def test_epochs(tmp_path: Path) -> None:
    """Own stems go to the first peer, those of the first source to the second. Then the own ones
    change, and a third epoch fluffs what it receives.
    """
    net = Net()
    net.send(60, OUT[0], 1)
    net.receive(70, IN[0], 2)
    net.send(70.5, OUT[1], 2)
    net.send(80, OUT[0], 3)
    net.receive(85, IN[1], 4)
    net.send(85.5, OUT[0], 4)
    net.send(700, OUT[2], 5)  # another one for the own ones
    net.receive(710, IN[0], 6)
    net.send(710.5, OUT[2], 6)
    net.receive(1400, IN[0], 7)
    net.send(1401, OUT[0], 7, fluff=True)
    net.send(1410, OUT[2], 8)
    table = dandelion_epochs(net.read(tmp_path))
    assert table["kind"].tolist() == ["stem", "stem", "fluff"]
    assert table["transactions"].tolist() == [4, 2, 1]
    assert table["out_degree"].tolist() == [2, 1, 1]
    assert table["sources"].tolist() == [3, 2, 1]
    assert table["in_degree"].tolist() == [2, 1, 1]
    assert table["peers"].tolist() == [[OUT[0], OUT[1]], [OUT[2]], [OUT[2]]]
    assert seconds(table["last"] - table["first"]) == [25.5, 10.5, 10]


def test_what_a_node_of_the_lab_originated() -> None:
    """Stems without a source are transactions of its own wallet."""
    events = json.loads((HONEST / "events.json").read_text())["events"]
    wallet = {event["hash"] for event in events if event["kind"] == "tx" and event["node"] == "n0"}
    stems = stems_sent(mt.read(HONEST))
    assert stems["source"].isna().sum() == 7
    assert set(stems.loc[stems["source"].isna(), "tx"]) <= wallet


@pytest.mark.parametrize("metric", [stems_sent, stems_received, dandelion_epochs])
def test_a_view_will_do(metric: Metric, traffic: mt.Traffic) -> None:
    check_metric(metric, traffic)
