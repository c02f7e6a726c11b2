"""The engine: what it makes of the observations of a rule."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from monerotraffic.rules.engine import FINDING, find
from monerotraffic.rules.rule import Rule, observations, rule
from monerotraffic.tables.view import View
from support import craft
from support.craft import CLIENT, SERVER
from support.lab import Lab

PEER, OTHER = "192.0.2.1", "198.18.7.1"


def rule_that_sees(rows_of: Any, **more: Any) -> Rule:
    """A rule that observes these rows of the View."""
    described: dict[str, Any] = {
        "family": "connections",
        "weight": "strong",
        "unit": "message",
        "cause": "pings",
        "standard": "",
        "reason": "did it {observations:time}",
        "evasion": "",
        "source": "",
    }

    def ping_flood(view: View, *, factor: float = 1.0) -> pd.DataFrame:
        """A rule of this test."""
        rows = rows_of(view)
        return observations(rows, rows.index.to_series() * 0 + factor)

    return rule("MT999", **{**described, **more})(ping_flood)


def pings_of(view: View) -> pd.DataFrame:
    received = view.received
    return received[received["command"] == 1003]


def found_by(lab: Lab, tested: Rule, **parameters: float) -> pd.DataFrame:
    view = View(lab.read())
    views = {"v": view}
    return find(views, [tested], "default", {tested.name: parameters}).set_index("peer")


def pinged(lab: Lab, peer: str, *times: float) -> None:
    """One connection with a ping at each time."""
    talk = lab.incoming(peer, times[0]).announce(CLIENT, 5)
    for time in times:
        talk.wait_until(time)
        talk.send(CLIENT, craft.request(1003))
        talk.send(SERVER, craft.response(1003, craft.ping_response()))
    talk.close()


def test_nothing_seen(lab: Lab) -> None:
    pinged(lab, PEER, 0)
    findings = found_by(lab, rule_that_sees(lambda view: view.received.iloc[:0]))
    assert [*findings.index.names, *findings.columns][0] == "peer"
    assert set(findings.columns) == set(FINDING) - {"peer"}
    assert len(findings) == 0


def test_one_row_per_peer(lab: Lab) -> None:
    pinged(lab, PEER, 0, 5)
    pinged(lab, OTHER, 0)
    findings = found_by(lab, rule_that_sees(pings_of))
    assert findings["observations"].to_dict() == {PEER: 2, OTHER: 1}
    assert findings.loc[PEER, "reason"] == "did it 2 times"
    assert len(findings.loc[PEER, "messages"]) == len(findings.loc[PEER, "places"]) == 2
    assert findings.loc[PEER, "display_filter"].startswith(f"(ip.addr == {PEER} && tcp.port == ")


def test_parameters_override_the_preset(lab: Lab) -> None:
    pinged(lab, PEER, 0)
    assert found_by(lab, rule_that_sees(pings_of))["score"].tolist() == [1.0]
    assert found_by(lab, rule_that_sees(pings_of), factor=7.0)["score"].tolist() == [7.0]


@pytest.mark.parametrize(
    ("times", "conclusive"),
    [((0,), False), ((0, 59), False), ((0, 60.5), True), ((0, 30, 61), True)],
)
def test_two_observations_a_minute_apart_are_conclusive(
    lab: Lab, times: tuple[float, ...], conclusive: bool
) -> None:
    pinged(lab, PEER, *times)
    assert found_by(lab, rule_that_sees(pings_of))["conclusive"].tolist() == [conclusive]


def test_two_connections_are_conclusive(lab: Lab) -> None:
    pinged(lab, PEER, 0)
    pinged(lab, PEER, 1)
    assert found_by(lab, rule_that_sees(pings_of))["conclusive"].tolist() == [True]


@pytest.mark.parametrize("more", [{"weight": "weak"}, {"forgeable_by": "another peer"}])
def test_only_strong_rules_that_no_one_can_forge_are_conclusive(
    lab: Lab, more: dict[str, Any]
) -> None:
    pinged(lab, PEER, 0, 100)
    assert found_by(lab, rule_that_sees(pings_of, **more))["conclusive"].tolist() == [False]


def test_what_is_not_known_to_be_accepted_is_context(lab: Lab) -> None:
    pinged(lab, PEER, 0)
    talk = lab.incoming(OTHER, 0, opened=False)  # of the other direction there is no packet
    talk.send(CLIENT, craft.request(1003) + craft.request(1003), acknowledge=False)
    findings = found_by(lab, rule_that_sees(pings_of))
    assert findings["weight"].to_dict() == {PEER: "strong", OTHER: "context"}


def test_the_vantage_node_is_never_found(lab: Lab) -> None:
    pinged(lab, PEER, 0)
    findings = found_by(lab, rule_that_sees(lambda view: view.sent.assign(peer=lab.host).iloc[:3]))
    assert len(findings) == 0


def test_observations_must_have_their_columns(lab: Lab) -> None:
    pinged(lab, PEER, 0)

    def ping_flood(view: View) -> pd.DataFrame:
        """A rule that returns something else."""
        return view.received[["peer"]]

    broken = rule(
        "MT999",
        family="connections",
        weight="strong",
        unit="message",
        cause="pings",
        standard="",
        reason="did it",
        evasion="",
        source="",
    )(ping_flood)
    with pytest.raises(TypeError, match="ping_flood returned the columns"):
        found_by(lab, broken)
