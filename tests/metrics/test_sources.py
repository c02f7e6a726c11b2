"""Metrics do not depend on how the rows are read: at once, or from a data set in groups. A scan is
written to a data set.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import metrics
from monerotraffic.banlist import parse
from monerotraffic.store import groups
from monerotraffic.tables.view import View
from support import craft
from support.conversation_builder import session, write
from support.data_sets import plain
from support.paths import DATA

ONE = DATA / "testbed"
SEVERAL = {"ams": DATA / "honest", "sfo": DATA / "testbed"}

BANS = parse("192.0.2.12\n198.18.0.0/17\n")
NO_INTERVALS = metrics.Sampling(resamples=0)
OWN = [
    "568ecac8fc45ef24f3b3ecd58f3ff6bc075c1e04dc5f1442e5e02e36da0d72a8",
    "66d7a6a944298b1385dd8e6001fb242d47dc97e06b380207a1c0cf3e1a4216b8",
]
"""A stem of each capture."""
CLOCKS = pd.DataFrame(
    {
        "vantage": ["198.51.100.10", "ams", "sfo"],
        "offset": [0.0, 0.0, 0.25],
        "drift": 0.0,
        "drift_low": -1.0,
        "drift_high": 1.0,
        "at": pd.to_datetime([1, 1, 1], utc=True),
    }
)

PLACES = pd.DataFrame({"host": ["192.0.2.12", "198.51.100.70"], "country": ["AQ", "BV"]})

SPIES = ["192.0.2.12", "198.51.100.70"]

ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "announcing_speed": [{}, {"clocks": CLOCKS}],
    "ban_list_adoption": [{"networks": ["198.19.0.0/16", "192.0.2.0/24"]}],
    "communities": [{"min_entries": 3, "min_share": 0.3}],
    "concentration": [{}, {"systems": PLACES}],
    "exposure": [{"groups": {"spies": SPIES}, "sampling": metrics.Sampling(resamples=20)}],
    "exposure_over_time": [{"groups": {"spies": SPIES}, "step_s": 20.0}],
    "first_spies": [{"clocks": CLOCKS}],
    "list_similarity": [
        {"by": by, "min_entries": 3, "min_share": 0.2} for by in ("host", "endpoint", "subnet")
    ],
    "neighbours_by_last_seen": [{"max_age_s": 1e10}],
    "network_delays": [{"systems": PLACES}],
    "network_shares": [{"systems": PLACES}],
    "own_transactions": [{"own": OWN, "spies": SPIES}],
    "peer_churn": [{"step_s": 20.0, "groups": dict.fromkeys(SPIES, "spies")}],
    "propagation_delays": [{}, {"clocks": CLOCKS}, {"by": "vantage"}],
    "refreshed_entries": [{"after": 0.0, "most": 250}],
    "sender_similarity": [
        {"by": by, "min_entries": 3, "min_share": 0.2} for by in ("host", "endpoint", "subnet")
    ],
    "similarity_distribution": [{"min_entries": 3}],
    "stems_sent": [{"spies": SPIES}],
    "what_if": [{"groups": {"spies": SPIES}, "ban_list": BANS, "sampling": NO_INTERVALS}],
    "white_list_composition": [{"flagged": SPIES, "step_s": 20.0}],
    "white_list_pressure": [{"step_s": 20.0}, {"groups": dict.fromkeys(SPIES, "spies")}],
}
"""Arguments of metrics for which the defaults are missing, or give no rows of small captures."""

METRICS = [
    name
    for name in metrics.__all__
    if inspect.isfunction(getattr(metrics, name))
    and next(iter(inspect.signature(getattr(metrics, name)).parameters)) == "traffic"
]
"""All public metrics of traffic."""


RARE = (
    *("clock_differences", "concurrent_peer_ids", "id_clusters", "id_returns", "levin_fragments"),
    *("lists_with_last_seen", "neighbours_by_frequency", "neighbours_by_last_seen", "odd_headers"),
    *("oversize", "short_lived", "tick_pairs", "unframed_bytes"),
)
"""Metrics that have no rows of ordinary captures."""
ORDINARY = [name for name in METRICS if name not in RARE]


class Sources:
    """Captures, read at once and as a data set in about four groups of peers."""

    def __init__(self, captures: Any, folder: Path) -> None:
        self.whole = mt.read(captures)
        self.dataset = mt.decode(captures, folder / "traffic")
        self._views: View | None = None

    def in_groups(self, patch: pytest.MonkeyPatch) -> View:
        patch.setattr(groups.gc, "collect", lambda: 0)  # slow in a process with many objects
        patch.setattr(groups, "BUDGET", 1000 * len(self.dataset.messages))
        patch.setattr(groups, "_CONTENT_BYTES", 4 * groups.BUDGET // len(self.dataset.transactions))
        assert 2 < len(groups.groups_of(self.dataset, groups.BUDGET)) < 10
        assert len(groups.contents_of(self.dataset, "transactions", "tx", groups.BUDGET)) == 4
        self._views = self._views or self.dataset.view()
        return self._views


@pytest.fixture(scope="module", params=[ONE, SEVERAL], ids=["one node", "two nodes"])
def ordinary(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return Sources(request.param, tmp_path_factory.mktemp("ordinary"))


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    folder = tmp_path_factory.mktemp("rare")
    dated = [craft.peer(f"20.0.0.{n}", 18080, 7, last_seen=("i64", n)) for n in range(1, 9)]
    talks = [
        session("192.0.2.1", dated[:5], dated[2:], dated[4:6], number=1),
        session("192.0.2.2", dated, number=2),  # the same peer id
    ]
    crafted = write(folder / "crafted.pcap", *talks)
    twice = DATA / "population"
    captures = {"ams": twice, "fra": twice, "sfo": DATA / "spies", "syd": crafted}
    return Sources(captures, folder)


def test_a_metric_accepts_each_source(tmp_path: Path) -> None:
    expected = plain(metrics.block_arrivals(mt.read(ONE)))
    dataset = mt.decode(ONE, tmp_path / "traffic")
    for source in (dataset, mt.scan(ONE, rows=5000), mt.read(ONE).peers):
        pd.testing.assert_frame_equal(plain(metrics.block_arrivals(source)), expected)
    with pytest.raises(TypeError, match="traffic is str"):
        metrics.block_arrivals("captures/")


def check(name: str, sources: Sources, patch: pytest.MonkeyPatch) -> None:
    metric, view, rows = getattr(metrics, name), sources.in_groups(patch), 0
    for arguments in ARGUMENTS.get(name, [{}]):
        expected = metric(sources.whole, **arguments)
        result = metric(view, **arguments)
        pd.testing.assert_frame_equal(plain(result), plain(expected))
        assert result.attrs == expected.attrs
        rows += len(expected)
    assert rows or not sources.whole.vantages  # some have no rows of the capture of one node


@pytest.mark.parametrize("name", ORDINARY)
def test_equal_results(name: str, ordinary: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    check(name, ordinary, monkeypatch)


@pytest.mark.parametrize("name", RARE)
def test_equal_rare_results(name: str, rare: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    check(name, rare, monkeypatch)


@pytest.mark.parametrize("name", METRICS)
def test_a_scan_is_accepted(name: str) -> None:
    """The parts of a scan are looked at, so the metric does not ask for a Traffic."""
    no_part: Any = [object()]
    with pytest.raises(TypeError, match="a part of the scan is object"):
        getattr(metrics, name)(no_part, **ARGUMENTS.get(name, [{}])[0])
