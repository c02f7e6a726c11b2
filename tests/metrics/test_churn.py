"""Churn, pressure and concentration, counted by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.metrics import (
    concentration,
    network_shares,
    peer_churn,
    session_survival,
    white_list_pressure,
)
from monerotraffic.net.addresses import pack, wide_subnets
from support import craft
from support.checks import Metric, check_metric
from support.conversation_builder import ConversationBuilder, incoming, outgoing, read
from support.craft import RST, SERVER
from support.lab import Lab

A, B, C, D = "20.1.0.1", "20.1.0.2", "20.9.0.1", "2a01:1:2:3::1"


def held(
    talk: ConversationBuilder, begin: float, end: float, close: bool = True
) -> ConversationBuilder:
    talk.packets.clear()
    talk.wait_until(begin).open().handshake()
    talk.wait_until(end)
    if close:
        talk.close(SERVER)
    else:
        talk.send(SERVER, craft.request(1003))
    return talk


@pytest.fixture
def traffic(tmp_path: Path) -> mt.Traffic:
    """Incoming sessions: a 0 to 100 s and 150 to 200 s, b 0 to 300 s (open), c 90 to 130 s."""
    return read(
        tmp_path,
        held(incoming(A), 0, 100),
        held(incoming(A, 1), 150, 200),
        held(incoming(B, 2), 0, 300, close=False),
        held(incoming(C, 3), 90, 130),
    )


def test_churn(traffic: mt.Traffic) -> None:
    table = peer_churn(traffic, step_s=100)
    assert table["direction"].unique().tolist() == ["incoming"]
    columns = ["connections", "peers", "arrivals", "departures"]
    assert table[columns].to_numpy().tolist() == [
        [3, 3, 3, 0],
        [1, 3, 0, 1],  # c ends; a ends a few milliseconds after 200 s
        [0, 2, 0, 1],
        [0, 1, 0, 0],  # b is open
    ]
    assert (table["time"].diff().dropna() == pd.Timedelta(seconds=100)).all()
    with pytest.raises(ValueError, match="step_s=0"):
        peer_churn(traffic, 0)


def test_churn_of_groups(traffic: mt.Traffic) -> None:
    """a has two sessions, b and c one each."""
    table = peer_churn(traffic, step_s=100, groups={A: "AS1"}).set_index("group")
    assert table.loc["AS1", "peers"].tolist() == [1, 1, 1, 0]
    assert table.loc["other", "peers"].tolist() == [2, 2, 1, 1]
    assert table.groupby("group")["arrivals"].sum().to_dict() == {"AS1": 1, "other": 2}


def test_survival(traffic: mt.Traffic) -> None:
    """Durations 40, 50, 100 and 300+: 3/4, 1/2, 1/4, and still 1/4."""
    table = session_survival(traffic)
    assert table["seconds"].round().tolist() == [40, 50, 100, 300]
    assert table["survival"].tolist() == pytest.approx([0.75, 0.5, 0.25, 0.25])
    # Greenwood: 0.75 ± 1.96 √(0.75² × 1/12)
    assert table.loc[0, "low"] == pytest.approx(0.75 - 1.96 * 0.75 * (1 / 12) ** 0.5, abs=1e-3)
    assert table["sessions"].unique().tolist() == [4]
    by_class = session_survival(traffic, {A: "a"})
    assert by_class.groupby("group")["sessions"].first().to_dict() == {"a": 2, "other": 2}


def test_pressure(tmp_path: Path) -> None:
    """Two hosts of a /24 enter the white list, one does not answer with its id; an outgoing
    connection is reset after two hours.
    """
    lab = Lab(tmp_path)
    for number, (peer, pong) in enumerate(((A, 5), (B, 5), ("20.1.0.3", 6), (C, 5))):
        lab.session(peer, 10 * number, 5)
        lab.back_ping(peer, 10 * number + 1, pong)
    lab.session(A, 50, 5)
    reset = lab.outgoing(C, 7200)
    reset.emit(SERVER, RST | craft.ACK)
    table = white_list_pressure(lab.read()).set_index(["time", "subnet"])
    columns = ["attempts", "hosts", "handshakes", "white_listed", "outgoing_resets"]
    assert table[columns].to_numpy().tolist() == [
        [4, 3, 4, 2, 0],
        [1, 1, 1, 1, 0],
        [0, 0, 0, 0, 1],
    ]
    assert table.index.get_level_values("subnet").tolist() == [
        "20.1.0.0/24",
        "20.9.0.0/24",
        "20.9.0.0/24",
    ]
    systems = white_list_pressure(lab.read(), groups={A: "AS1", "20.1.0.3": "AS1"})
    assert systems[["group", "attempts", "hosts"]].to_numpy().tolist() == [
        ["other", 2, 2],  # both are in the white list
        ["AS1", 3, 2],
        ["other", 0, 0],
    ]
    with pytest.raises(ValueError, match="step_s=-1"):
        white_list_pressure(lab.read(), -1)


def test_concentration(traffic: mt.Traffic) -> None:
    """Slot time: a 150 s and b 300 s of one /24, c 40 s."""
    systems = pd.DataFrame({"host": [A, C], "asn": pd.array([1, 1], dtype="Int64")})
    table = concentration(traffic, systems).set_index(["direction", "by"])
    assert table.index.get_level_values("by").tolist() == ["subnet", "wide_subnet", "system"] * 2
    ours = table.loc[("incoming", "subnet")]
    assert (ours["networks"], ours["peers"], ours["largest"]) == (2, 3, "20.1.0.0/24")
    assert ours["index"] == pytest.approx(5 / 9)
    assert ours["slot_index"] == pytest.approx((450**2 + 40**2) / 490**2, abs=1e-4)
    assert ours["effective"] == pytest.approx(1 / ours["slot_index"])
    assert ours["largest_share"] == pytest.approx(450 / 490, abs=1e-4)
    assert table.loc[("incoming", "wide_subnet"), "largest"] == "20.1.0.0/16"
    system = table.loc[("incoming", "system")]
    assert (system["peers"], system["index"], system["largest"]) == (2, 1, "AS1")
    assert np.isnan(table.loc[("outgoing", "subnet"), "index"])


def test_shares_of_countries(traffic: mt.Traffic) -> None:
    """Slot time: a 150 s, b 300 s, c 40 s; the country of b is not known."""
    located = pd.DataFrame({"host": [A, C], "country": ["AQ", "BV"]})
    shares = network_shares(traffic, located)
    assert shares["network"].tolist() == [None, "AQ", "BV"]
    assert shares["peers"].tolist() == [1, 1, 1]
    assert shares["connections"].tolist() == [1, 2, 1]
    assert shares["seconds"].tolist() == pytest.approx([300, 150, 40], abs=0.1)
    assert shares["share"].tolist() == pytest.approx([300 / 490, 150 / 490, 40 / 490], abs=1e-3)
    assert shares["peer_share"].tolist() == pytest.approx([1 / 3] * 3)
    table = concentration(traffic, located).set_index(["direction", "by"])
    country = table.loc[("incoming", "country")]
    assert (country["networks"], country["peers"], country["index"]) == (2, 2, 0.5)
    assert country["slot_index"] == pytest.approx((150**2 + 40**2) / 190**2, abs=1e-3)
    assert network_shares(traffic, located.assign(country=None)).empty


def test_wide_subnets() -> None:
    texts = [A, D, "a" * 56 + ".onion", "::ffff:20.1.9.9"]
    assert wide_subnets(*pack(texts)).tolist() == [
        "20.1.0.0/16",
        "2a01:1::/32",
        None,
        "20.1.0.0/16",
    ]


@pytest.mark.parametrize("metric", [peer_churn, session_survival, white_list_pressure])
def test_a_view_will_do(metric: Metric, traffic: mt.Traffic) -> None:
    check_metric(metric, traffic)


def test_scipy_is_missing(traffic: mt.Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ImportError, match="session_survival requires scipy"):
        session_survival(traffic)


def test_no_slots(tmp_path: Path) -> None:
    talk = outgoing()
    talk.packets = talk.packets[:1]  # a SYN alone
    traffic = read(tmp_path, talk)
    assert len(peer_churn(traffic)) == 0
    assert concentration(traffic)["networks"].tolist() == [0] * 4
