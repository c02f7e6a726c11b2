"""The numbers of the published evaluation, on a capture whose values were computed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monerotraffic.report.paper_numbers import paper_numbers
from monerotraffic.rules import find_anomalies, verdicts
from monerotraffic.tables.view import View
from support import craft
from support.conversation_builder import ConversationBuilder, incoming, outgoing, read, session
from support.craft import CLIENT, SERVER

FLOODER, LISTED, SENDER, CALLED = "20.50.0.1", "20.60.0.1", "20.52.0.1", "20.51.0.1"


def flood() -> ConversationBuilder:
    """An incoming connection of 120 s with three pings, of which two are 80 s apart."""
    talk = incoming(FLOODER).handshake()
    for at in (10, 20, 100):
        talk.wait_until(at)
        talk.send(CLIENT, craft.request(1003))
        talk.send(SERVER, craft.response(1003, craft.ping_response(7)))
    talk.wait_until(120).close()
    return talk


def called() -> ConversationBuilder:
    """An outgoing connection of 60 s. The peer advertises three addresses, one of them the
    flooder's."""
    talk = outgoing(CALLED).handshake(
        peers=[craft.peer(host, 18080, 7) for host in (FLOODER, LISTED, "20.61.0.1")]
    )
    talk.wait_until(60).close()
    return talk


NAMES = set(
    """
    totalPackets totalUniqueIPs totalUniqueIPsPlusPL totalUniqueASs totalUniqueASsPlusPL
    totalPeerLists totalConnections SFRpackets totalUniqueIPssupportflag UniqueASNsSupportFlag
    totalUniqueIPslastseen UniqueASNsLastSeen totalUniqueIPsSign UniqueASNsSign
    totalUniqueIPsPLDiv UniqueASNsPLDiv totalUniqueIPsPLSim UniqueASNsPLSim avgPeerPoisoning
    avgInDegree medianInDegree medianSubnetPeers uniqueIPsIDAnom uniqueASIDAnom
    uniqueIDclusterIPs uniqueIDclusterASs numIDcluster uniqueIDIPinterIPs uniqueIDIPinterASNs
    avgConnDuration medConnDuration avgConnCommands medConnCommands tcpAnomaliesIncHS
    shortLivedConnsOne shortLivedOneMaxIP totalUniqueIPsShortTwo UniqueASNsShortTwo
    pingFloodingConns pingFloodingIPs pingFloodingASNs throttledTSConns throttledTSmedianfreq
    uniqueIPsthrottledTS UniqueASNsthrottledTS incomingConnSatwith outgoingConnSatwith
    totalincomingConnSatwith totaloutgoingConnSatwith incomingConnSatwithAdv
    outgoingConnSatwithAdv totalincomingConnSatwithAdv totaloutgoingConnSatwithAdv
    totalAnomalous percentageAnomNet susAndReachable percentageAnomReach totalSusPeers
    myUniquensPeers LionLinkPeers
    """.split()  # noqa: SIM905
)
"""The names that the published evaluation uses."""


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    short = session(SENDER, [(LISTED, 18080)], at=200, every=0)
    traffic = read(tmp_path_factory.mktemp("paper"), flood(), called(), short)
    view = View(traffic)
    findings = find_anomalies(view)
    systems = pd.DataFrame(
        {
            "host": [FLOODER, CALLED, SENDER, LISTED],
            "asn": pd.array([1, 1, 2, 3], dtype="Int64"),
            "organisation": ["LionLink Networks", "LionLink Networks", "Two", None],
        }
    )
    return paper_numbers(view, findings, verdicts(findings), systems)


@pytest.mark.parametrize(
    ("name", "value"),
    {
        # handshakes 6; pings and pongs 6; a timed sync of the sender 2; each in a packet of its own
        "totalPackets": 14,
        "totalUniqueIPs": 3,
        "totalUniqueIPsPlusPL": 5,
        "totalUniqueASs": 2,
        "totalUniqueASsPlusPL": 3,
        "totalPeerLists": 2,
        "totalConnections": 3,
        "SFRpackets": 0,
        "totalUniqueIPssupportflag": 0,
        "totalUniqueIPsSign": 0,
        "UniqueASNsSign": 0,
        # the called peer: one of three subnets; the sender: none of one
        "avgPeerPoisoning": 100 * (1 / 3 + 0) / 2,
        # FLOODER 1, LISTED 2, 20.61.0.1 1
        "avgInDegree": 4 / 3,
        "medianInDegree": 1.0,
        "medianSubnetPeers": 1.0,
        "uniqueIDclusterIPs": 0,
        "numIDcluster": 0,
        "avgConnCommands": 14 / 3,
        "medConnCommands": 4.0,
        "tcpAnomaliesIncHS": 0,
        "shortLivedConnsOne": 1,
        "shortLivedOneMaxIP": 1,
        "totalUniqueIPsShortTwo": 0,
        "pingFloodingConns": 1,
        "pingFloodingIPs": 1,
        "pingFloodingASNs": 1,
        "throttledTSConns": 0,
        "throttledTSmedianfreq": None,
        "outgoingConnSatwith": 0.0,
        "totaloutgoingConnSatwith": 0.0,
        "totalAnomalous": 1,
        "percentageAnomNet": 100 / 3,
        "susAndReachable": 0,
        "percentageAnomReach": 0.0,
        "totalSusPeers": 1,
        "myUniquensPeers": 1,
        "LionLinkPeers": 2,
    }.items(),
)
def test_values(numbers: dict[str, Any], name: str, value: float | None) -> None:
    assert numbers[name] == (value if value is None else pytest.approx(value))


def test_durations_and_slots(numbers: dict[str, Any]) -> None:
    """The connections last 120 s, 60 s and some milliseconds, of 200 s of capture; the flooder is
    incoming."""
    assert numbers["avgConnDuration"] == pytest.approx(60, abs=0.1)
    assert numbers["medConnDuration"] == pytest.approx(60, abs=0.1)
    assert numbers["incomingConnSatwith"] == pytest.approx(100, abs=0.1)
    assert numbers["totalincomingConnSatwith"] == pytest.approx(120 / 200, abs=0.001)
    assert numbers["incomingConnSatwithAdv"] == 0


def test_all_macros_of_the_published_evaluation_are_there(numbers: dict[str, Any]) -> None:
    assert set(NAMES) == set(numbers)


def test_without_a_database_no_number_of_systems_is_known(tmp_path: Path) -> None:
    view = View(read(tmp_path, flood()))
    findings = find_anomalies(view)
    numbers = paper_numbers(view, findings, verdicts(findings))
    unknown = {name for name, value in numbers.items() if value is None}
    assert {"totalUniqueASs", "UniqueASNsSign", "LionLinkPeers"} <= unknown
    assert numbers["pingFloodingIPs"] == 1
