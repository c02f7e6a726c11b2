"""Metrics do not depend on how the rows are read: at once, from a data set in groups, or by a scan,
which is one group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import metrics
from monerotraffic.metrics.sources import view_of
from monerotraffic.store import groups
from monerotraffic.tables.view import View
from support.data_sets import plain
from support.paths import DATA

ONE = DATA / "testbed"
SEVERAL = {"ams": DATA / "honest", "sfo": DATA / "testbed"}

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

Metric = Callable[..., pd.DataFrame]
METRICS: list[tuple[Metric, dict[str, Any]]] = [
    (metrics.transaction_arrivals, {}),
    (metrics.block_arrivals, {}),
    (metrics.first_senders, {}),
    (metrics.fluff_order, {}),
    (metrics.propagation_delays, {}),
    (metrics.announcing_speed, {}),
    (metrics.transaction_duplicates, {}),
    (metrics.block_exchanges, {}),
    (metrics.compact_block_hits, {}),
    (metrics.stems_sent, {"spies": ["192.0.2.12"]}),
    (metrics.stems_received, {}),
    (metrics.dandelion_epochs, {}),
    (metrics.clock_differences, {}),
    (metrics.clock_offsets, {}),
    (metrics.peer_churn, {"step_s": 20.0}),
    (metrics.session_survival, {}),
    (metrics.white_list_pressure, {"step_s": 20.0}),
    (metrics.concentration, {}),
    (metrics.white_list_composition, {"flagged": ["192.0.2.12"], "step_s": 20.0}),
    (metrics.first_spies, {"clocks": CLOCKS}),
    (metrics.propagation_delays, {"clocks": CLOCKS}),
    (metrics.own_transactions, {"own": OWN, "spies": ["192.0.2.12"]}),
    (metrics.connection_table, {}),
    (metrics.announcements, {}),
    (metrics.id_sessions, {}),
    (metrics.concurrent_peer_ids, {}),
    (metrics.back_pings, {}),
    (metrics.tick_pairs, {}),
    (metrics.slots, {}),
    (metrics.short_lived, {}),
    (metrics.network_shares, {"systems": PLACES}),
    (metrics.network_delays, {"systems": PLACES}),
]


@pytest.fixture(scope="module", params=[ONE, SEVERAL], ids=["one node", "two nodes"])
def source(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def whole(source: Any) -> mt.Traffic:
    return mt.read(source)


@pytest.fixture(scope="module")
def dataset(source: Any, tmp_path_factory: pytest.TempPathFactory) -> mt.store.Dataset:
    return mt.decode(source, tmp_path_factory.mktemp("data") / "traffic")


@pytest.fixture(scope="module")
def in_groups(dataset: mt.store.Dataset) -> Iterator[View]:
    """About four groups of peers, and four of transactions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "BUDGET", 1000 * len(dataset.messages))
        patch.setattr(groups, "_CONTENT_BYTES", 4 * groups.BUDGET // len(dataset.transactions))
        assert 2 < len(groups.groups_of(dataset, groups.BUDGET)) < 10
        assert len(groups.contents_of(dataset, "transactions", "tx", groups.BUDGET)) == 4
        yield dataset.view()


@pytest.fixture(scope="module")
def of_a_scan(source: Any) -> Iterator[View]:
    with view_of(mt.scan(source, rows=5000)) as view:
        yield view


def test_a_metric_accepts_each_source(tmp_path: Path) -> None:
    expected = plain(metrics.block_arrivals(mt.read(ONE)))
    dataset = mt.decode(ONE, tmp_path / "traffic")
    for source in (dataset, mt.scan(ONE, rows=5000), mt.read(ONE).peers):
        pd.testing.assert_frame_equal(plain(metrics.block_arrivals(source)), expected)
    with pytest.raises(TypeError, match="traffic is str"):
        metrics.block_arrivals("captures/")


@pytest.mark.parametrize(
    ("metric", "arguments"), METRICS, ids=[metric.__name__ for metric, _ in METRICS]
)
def test_equal_results(
    metric: Metric,
    arguments: dict[str, Any],
    whole: mt.Traffic,
    in_groups: View,
    of_a_scan: View,
) -> None:
    expected = plain(metric(whole, **arguments))
    for view in (in_groups, of_a_scan):
        result = metric(view, **arguments)
        pd.testing.assert_frame_equal(plain(result), expected)
