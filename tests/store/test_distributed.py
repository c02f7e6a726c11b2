"""A local cluster of two worker processes decodes and judges as one process does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client, LocalCluster

import monerotraffic as mt
from monerotraffic.store import groups
from support.data_sets import plain
from support.paths import DATA

SOURCE = {"ams": DATA / "spies", "sfo": DATA / "proxies"}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_two_workers(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = mt.decode(SOURCE, tmp_path / "alone")
    dataset = mt.decode(SOURCE, tmp_path / "traffic", client=client)
    assert len(client.nthreads()) == 2
    ids = ["message", "connection", "reply_to", "file"]
    for table in ("messages", "peer_lists"):
        one, other = (getattr(each, table).to_pandas() for each in (alone, dataset))
        known = [name for name in one if name not in ids]
        pd.testing.assert_frame_equal(plain(one)[known], plain(other)[known])
    assert dataset.messages.to_pandas(["message"])["message"].is_unique
    monkeypatch.setattr(groups, "BUDGET", 400_000)
    findings = mt.find_anomalies(dataset, client=client)
    pd.testing.assert_frame_equal(findings, mt.find_anomalies(dataset))
    assert len(findings) > 20
    with pytest.raises(TypeError, match="needs a data set"):
        mt.find_anomalies(mt.read(DATA / "spies"), client=client)
