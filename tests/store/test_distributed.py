"""A local cluster of two worker processes decodes and judges as one process does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client, LocalCluster

import monerotraffic as mt
from monerotraffic.store import groups
from support.conversation_builder import HOST, SECOND, ConversationBuilder, incoming
from support.craft import CLIENT, START, pcap
from support.data_sets import plain
from support.paths import DATA

DAY = 86_400
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


def ring(folder: Path, name: str) -> list[Path]:
    """Three days of a node: one connection from the first to the last, and another one each day."""
    long = incoming("192.0.2.1").handshake()
    talks: list[ConversationBuilder] = [long]
    for day in range(3):
        talks.append(incoming(f"192.0.2.{day + 7}").wait_until(day * DAY + 60).handshake())
        talks[-1].packets = talks[-1].packets[3:]  # captured from the middle
        long.wait_until(day * DAY + 90).timed_sync(CLIENT)
    packets = sorted(
        (packet for talk in talks for packet in talk.packets), key=lambda one: one.time
    )
    paths = []
    for day in range(3):
        path = folder / f"{name}-{day}.pcap"
        begin, end = START + (day * DAY - 600) * SECOND, START + ((day + 1) * DAY - 600) * SECOND
        path.write_bytes(pcap([one for one in packets if begin <= one.time < end], nano=True))
        paths.append(path)
    return paths


@pytest.mark.parametrize("host", [HOST, None])
def test_days_side_by_side(client: Client, tmp_path: Path, host: str | None) -> None:
    """A data set of days that workers decoded is that of one run a day, but for ids."""
    nodes = {name: ring(tmp_path, name) for name in ("ams", "sfo")}
    for day in range(3):
        one_day = {name: paths[day] for name, paths in nodes.items()}
        mt.decode(one_day, tmp_path / "serial", host=HOST)
    expected = mt.open(tmp_path / "serial")
    dataset = mt.decode(nodes, tmp_path / "traffic", host=host, client=client)
    assert len(dataset.runs) == 6
    assert dataset.vantages == expected.vantages
    assert dataset.days == expected.days
    order = ["vantage", "day", "peer", "start"]
    one, other = (
        plain(each.connections.to_pandas()).sort_values(order, kind="stable", ignore_index=True)
        for each in (expected, dataset)
    )
    ids = ["connection", "continues"]
    pd.testing.assert_frame_equal(one.drop(columns=ids), other.drop(columns=ids))
    for name in nodes:
        rows = other[(other["vantage"] == name) & (other["peer"] == "192.0.2.1")]
        assert len(rows) == 3
        assert rows["continues"].isna().tolist() == [True, False, False]
        assert rows["continues"].tolist()[1:] == rows["connection"].tolist()[:2]
    assert one["continues"].isna().tolist() == other["continues"].isna().tolist()
    rows_of = [each.manifest.rows("messages") for each in (expected, dataset)]
    assert rows_of[0] == rows_of[1] > 0
    again = mt.decode(nodes, tmp_path / "traffic", host=host, client=client)
    assert len(again.runs) == 6
