"""An open data set: pandas, pyarrow, DuckDB and dask."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

import monerotraffic as mt
from monerotraffic.store.layout import columns_of, order_of, schema_of
from monerotraffic.tables.schema import SCHEMA
from support.data_sets import assert_same
from support.paths import DATA, HONEST


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> mt.Dataset:
    folder = tmp_path_factory.mktemp("set") / "traffic"
    mt.decode(HONEST, folder)
    return mt.open(folder)


@pytest.fixture(scope="module")
def traffic() -> mt.Traffic:
    return mt.read(HONEST)


def test_columns_and_where(dataset: mt.Dataset, traffic: mt.Traffic) -> None:
    messages = traffic.messages
    peer = str(messages["peer"].value_counts().index[0])
    frame = dataset.messages.to_pandas(["message", "length"], {"peer": peer, "command": 1002})
    expected = messages[(messages["peer"] == peer) & (messages["command"] == 1002)]
    assert list(frame) == ["message", "length"]
    assert frame["message"].to_list() == expected["message"].to_list()
    several = dataset.messages.to_pandas(["name"], {"command": [1001, 1003]})
    assert set(several["name"]) == {"HANDSHAKE", "PING"}
    long = dataset.messages.to_pandas(["length"], ds.field("length") > 10_000)
    assert len(long) == (messages["length"] > 10_000).sum()
    none = dataset.node_data.to_pandas(["message"], {"local_time": None})
    assert len(none) == traffic.node_data["local_time"].isna().sum()
    assert dataset.messages.to_pandas(where={"peer": []}).empty


def test_keys(dataset: mt.Dataset) -> None:
    frame = dataset.transactions.to_pandas(["vantage", "day", "message"])
    assert frame["vantage"].unique().tolist() == ["default"]
    assert frame["day"].unique().tolist() == [pd.Timestamp("2026-11-22", tz="UTC")]


def test_address_columns_can_be_compared(dataset: mt.Dataset) -> None:
    frame = dataset.connections.to_pandas()
    assert ((frame["client"] == frame["peer"]) == (frame["direction"] == "incoming")).all()


def test_arrow(dataset: mt.Dataset, traffic: mt.Traffic) -> None:
    table = dataset.peer_lists.arrow()
    assert table.count_rows() == len(traffic.peer_lists)
    assert len(dataset.peer_lists) == len(traffic.peer_lists)
    field = table.schema.field("last_seen")
    assert field.metadata[b"unit"] == b"s since 1970-01-01 UTC"
    assert field.metadata[b"description"].startswith(b"seconds since 1970")
    assert pa.types.is_dictionary(table.schema.field("host").type)
    assert table.schema.metadata[b"description"] == SCHEMA["peer_lists"].text.encode()


@pytest.mark.parametrize("table", SCHEMA)
def test_schema_is_the_field_table(table: str) -> None:
    texts = {field.name: field.text for field in SCHEMA[table].fields}
    for column in columns_of(table):
        if column.field is not None:
            assert column.text == texts[column.name]
    assert all(field.metadata[b"description"] for field in schema_of(table))


def test_duckdb(dataset: mt.Dataset, traffic: mt.Traffic) -> None:
    connection = dataset.duckdb()
    rows = connection.execute(
        "SELECT peer, count(*) FROM messages WHERE direction = 'received' AND vantage = 'default' "
        "AND day = '2026-11-22' GROUP BY peer"
    ).fetchall()
    received = traffic.messages[traffic.messages["direction"] == "received"]
    expected = received["peer"].astype(str).value_counts()
    assert dict(rows) == expected.to_dict()
    (joined,) = connection.execute(
        "SELECT count(*) FROM node_data JOIN messages USING (vantage, day, message)"
    ).fetchone()
    assert joined == len(traffic.node_data)
    (first,) = connection.execute("SELECT strftime(min(time), '%Y-%m-%d') FROM messages").fetchone()
    assert first == "2026-11-22"


def test_files_alone_are_enough(dataset: mt.Dataset, traffic: mt.Traffic) -> None:
    """Other readers need no manifest."""
    import duckdb

    pattern = f"{dataset.folder}/messages/**/*.parquet"
    (count,) = (
        duckdb.connect()
        .execute(
            f"SELECT count(*) FROM read_parquet('{pattern}', hive_partitioning = true) "
            "WHERE vantage = 'default' AND day = DATE '2026-11-22'"
        )
        .fetchone()
    )
    assert count == len(traffic.messages)
    assert len(pd.read_parquet(dataset.folder / "messages")) == len(traffic.messages)


def test_dask(dataset: mt.Dataset, traffic: mt.Traffic) -> None:
    frame = dataset.messages.dask()
    counts = frame.groupby("peer")["message"].count().compute()
    assert counts.to_dict() == traffic.messages["peer"].astype(str).value_counts().to_dict()
    assert len(frame) == len(traffic.messages)
    assert frame.dtypes["time"] == "datetime64[ns, UTC]"
    assert len(dataset.files.dask().compute()) == len(traffic.files)


def test_select_days(dataset: mt.Dataset) -> None:
    (day,) = dataset.days
    next_day = day + pd.Timedelta(days=1)
    assert len(dataset.select(since=day, until=next_day).messages) == len(dataset.messages)
    assert len(dataset.select(until=day).messages) == 0
    later = dataset.select(since=next_day)
    assert len(later.messages) == 0
    assert later.messages.to_pandas().empty
    assert later.traffic().messages.empty


def test_select_times(dataset: mt.Dataset, traffic: mt.Traffic) -> None:
    """Whole connections by their first packet, as Traffic.since and until."""
    opened = traffic.connections["opened"].sort_values()
    since, until = opened.iloc[5], opened.iloc[-5]
    part = dataset.select(since=since).select(until=until)
    assert_same(part.traffic(), traffic.since(since).until(until))
    assert list(part.traffic(["messages"]).arrays) == ["messages"]
    expected = mt.find_anomalies(traffic.since(since).until(until))
    pd.testing.assert_frame_equal(mt.find_anomalies(part), expected)
    with pytest.raises(ValueError, match="yesterday-ish"):
        dataset.select(since="yesterday-ish")


def test_texts(dataset: mt.Dataset) -> None:
    assert "vantage nodes default" in repr(dataset)
    assert repr(dataset.messages).endswith("346 rows>")
    assert "messages" in dir(dataset)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = dataset.nonsense


def test_polars_reads_the_files(tmp_path: Path) -> None:
    """As docs/how-to/data_set.md shows it."""
    polars = pytest.importorskip("polars")
    dataset = mt.decode({"ams": HONEST, "sfo": DATA / "testbed"}, tmp_path / "traffic")
    for table in dataset.tables:
        expected = getattr(dataset, table).to_arrow()
        scanned = polars.scan_parquet(
            f"{dataset.folder}/{table}/**/*.parquet", hive_partitioning=True
        )
        rows = scanned.sort(order_of(table)).select(expected.column_names).collect()
        assert rows.height > 0
        assert rows.to_dicts() == polars.from_arrow(expected).to_dicts()
    lengths = polars.scan_parquet(f"{dataset.folder}/messages/**/*.parquet", hive_partitioning=True)
    ours = lengths.filter(polars.col("vantage") == "sfo").select("length").collect()
    messages = dataset.messages.to_pandas(["length"], {"vantage": "sfo"})
    assert sorted(ours["length"].to_list()) == sorted(messages["length"])


@pytest.mark.parametrize(
    ("module", "work", "extra"),
    [
        ("duckdb", lambda dataset: dataset.duckdb(), "store"),
        ("dask.dataframe", lambda dataset: dataset.messages.dask(), "dask"),
    ],
)
def test_missing_extras(
    dataset: mt.Dataset, monkeypatch: pytest.MonkeyPatch, module: str, work: object, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"pip install 'monerotraffic\[{extra}\]'"):
        work(dataset)  # type: ignore[operator]


def test_missing_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith("monerotraffic.store"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'monerotraffic\[store\]'"):
        _ = mt.decode
