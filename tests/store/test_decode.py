"""decode: captures into a data set, once and in runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.store import DataSetError, parts
from support import craft
from support.captures import HOST, cut, put
from support.conversation_builder import CLIENT, SECOND, SERVER, ConversationBuilder, incoming
from support.data_sets import assert_same, assert_same_frames, contents
from support.paths import HONEST

DAY = 86_400
MIDNIGHT = (craft.START // (DAY * SECOND) + 1) * DAY - craft.START / SECOND
"""Seconds from START to the next midnight UTC."""


def at(seconds: float, peer: str) -> ConversationBuilder:
    """A connection that a peer opens that long after START."""
    clock = craft.START + round(seconds * SECOND)
    return ConversationBuilder((peer, 40000), (HOST, 18080), clock=clock).open()


def ring(folder: Path, *talks: craft.Connection, cuts: tuple[float, ...] = ()) -> list[Path]:
    """The packets of the talks in files that are cut at these seconds after START."""
    packets = sorted(
        (packet for talk in talks for packet in talk.packets), key=lambda one: one.time
    )
    ends = [craft.START + round(at * SECOND) for at in cuts]
    files = []
    for number in range(len(cuts) + 1):
        chosen = [packet for packet in packets if sum(packet.time >= end for end in ends) == number]
        files.append(put(folder / f"ring{number}.pcap", chosen))
    return files


def test_equals_read(tmp_path: Path) -> None:
    dataset = mt.decode(HONEST, tmp_path / "traffic")
    traffic = mt.read(HONEST)
    assert_same(dataset.traffic(), traffic)
    assert_same_frames(dataset, traffic)
    assert dataset.hosts == traffic.hosts
    assert dataset.tables == tuple(traffic.arrays)


def test_small_buffers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many flushes, and more days than files may be open."""
    monkeypatch.setattr(parts, "_BUFFERED", 1)
    monkeypatch.setattr(parts, "_OPEN_FILES", 1)
    monkeypatch.setattr("monerotraffic.store.decoding._PART", 50)
    talks = [at(n * DAY, f"192.0.2.{n}").handshake() for n in range(1, 4)]
    files = [*ring(tmp_path, *talks), *sorted(HONEST.glob("*.pcapng"))]
    assert_same(mt.decode(files, tmp_path / "traffic").traffic(), mt.read(files))


def test_nodes(tmp_path: Path) -> None:
    source = {
        "ams": HONEST,
        "sfo": ring(tmp_path, incoming("192.0.2.1").handshake()),
    }
    dataset = mt.decode(source, tmp_path / "traffic")
    traffic = mt.read(source)
    assert_same(dataset.traffic(), traffic)
    assert dataset.vantages == traffic.vantages
    only = dataset.select(vantages=["sfo"])
    assert list(only.vantages) == ["sfo"]
    assert len(only.messages) == 2
    with pytest.raises(ValueError, match="no vantage node 'lon'"):
        dataset.select(vantages=["lon"])


def test_again_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "traffic"
    mt.decode(HONEST, folder)
    before = contents(folder)
    copies = tmp_path / "copies"
    shutil.copytree(HONEST, copies)  # other names and times, the same content
    mt.decode(HONEST, folder)
    mt.decode(copies, folder)
    assert contents(folder) == before


def test_adds_what_is_new(tmp_path: Path) -> None:
    """The rows of two runs are those of two reads, with ids that go on."""
    first, second = sorted(HONEST.glob("*.pcapng"))[:2]
    folder = tmp_path / "traffic"
    mt.decode(first, folder)
    before = contents(folder)
    dataset = mt.decode([first, second], folder)
    after = contents(folder)
    assert {name: after[name] for name in before if name != "manifest.json"} == {
        name: digest for name, digest in before.items() if name != "manifest.json"
    }
    one, two = mt.read(first), mt.read(second, host=dataset.hosts)
    messages = dataset.messages.to_pandas()
    assert len(messages) == len(one.messages) + len(two.messages)
    assert messages["message"].is_unique
    assert set(messages["connection"]) <= set(dataset.connections.to_pandas()["connection"])
    last = messages.tail(len(two.messages))
    assert (last["length"].to_numpy() == two.messages["length"].to_numpy()).all()
    assert last["file"].unique().tolist() == [1]
    assert [len(run["files"]) for run in dataset.runs] == [1, 1]


def test_day_of_a_connection(tmp_path: Path) -> None:
    """Rows of a connection over midnight are in the day of its first packet."""
    over = at(MIDNIGHT - 30, "192.0.2.1").handshake()
    over.wait_until(MIDNIGHT + 30).timed_sync(CLIENT)
    after = at(MIDNIGHT + 60, "192.0.2.2").handshake()
    dataset = mt.decode(ring(tmp_path, over, after), tmp_path / "traffic")
    messages = dataset.messages.to_pandas()
    days = messages.groupby("connection")["day"].unique().map(list).to_list()
    midnight = pd.Timestamp(craft.START + round(MIDNIGHT * SECOND), tz="UTC")
    assert days == [[midnight - pd.Timedelta(days=1)], [midnight]]
    assert (messages["time"] >= midnight).sum() == 4
    assert [day.isoformat() for day in dataset.days] == [
        str(day)[:10] for day in (midnight - pd.Timedelta(days=1), midnight)
    ]
    for table in ("node_data", "sync_data"):
        content = getattr(dataset, table).to_pandas(columns=["message", "day"])
        joined = content.merge(messages[["message", "day"]], on="message")
        assert (joined["day_x"] == joined["day_y"]).all()


def test_connection_over_two_runs_is_marked(tmp_path: Path) -> None:
    long = at(1, "192.0.2.1").handshake()
    long.wait_until(500).timed_sync(CLIENT)
    other = at(400, "192.0.2.2").handshake()
    first, second = ring(tmp_path, long, other, cuts=(300,))
    mt.decode(first, tmp_path / "traffic", host=HOST)
    dataset = mt.decode(second, tmp_path / "traffic", host=HOST)
    rows = dataset.connections.to_pandas()
    assert rows["start"].astype(str).to_list() == ["syn", "syn", "midstream"]
    assert rows["end"].astype(str).to_list()[0] == "open"
    assert rows["continues"].to_list() == [pd.NA, pd.NA, 0]


def test_times_are_unknown(tmp_path: Path) -> None:
    """Captures without times have the null partition."""
    packets = incoming("192.0.2.1").handshake().packets
    path = tmp_path / "simple.pcapng"
    blocks = [craft.section_header(), craft.interface(), *map(craft.simple, packets)]
    path.write_bytes(b"".join(blocks))
    dataset = mt.decode(path, tmp_path / "traffic")
    assert dataset.days == []
    assert dataset.messages.to_pandas()["day"].isna().all()
    assert_same(dataset.traffic(), mt.read(path))


def test_a_grown_file_is_decoded_again(tmp_path: Path) -> None:
    talk = at(1, "192.0.2.1").handshake()
    first, last = ring(tmp_path, talk, at(400, "192.0.2.2").handshake(), cuts=(300,))
    whole = last.read_bytes()
    cut(last)
    folder = tmp_path / "traffic"
    with pytest.warns(mt.CaptureWarning):
        mt.decode([first, last], folder, host=HOST)
    last.write_bytes(whole)
    dataset = mt.decode([first, last], folder, host=HOST)
    assert len(dataset.runs) == 1
    assert len(dataset.messages) == len(mt.read([first, last]).messages)
    assert sorted(map(os.fspath, (folder / "messages").rglob("*.parquet"))) == [
        os.fspath(folder / part) for part in dataset.manifest.parts("messages")
    ]
    first.unlink()
    last.write_bytes(whole + whole[24:])
    with pytest.raises(DataSetError, match=r"ring1\.pcap has grown .*ring0\.pcap.* is gone"):
        mt.decode(last, folder, host=HOST)


def test_manifest(tmp_path: Path) -> None:
    dataset = mt.decode(HONEST, tmp_path / "traffic")
    manifest = json.loads((tmp_path / "traffic/manifest.json").read_text())
    (run,) = manifest["runs"]
    assert run["version"] == mt.__version__
    assert run["hosts"] == [HOST]
    assert [Path(file["path"]).name for file in run["files"]] == sorted(
        path.name for path in HONEST.glob("*.pcapng")
    )
    files = dataset.files.to_pandas()
    for file, row in zip(run["files"], files.itertuples(), strict=True):
        assert file["bytes"] == os.stat(file["path"]).st_size
        assert pd.Timestamp(file["first_time"]) == row.first_time
    assert run["tables"]["messages"]["rows"] == 346
    assert manifest["options"]["tables"] == list(dataset.tables)


def test_a_killed_run_leaves_the_data_set(tmp_path: Path) -> None:
    """What it wrote is not part of the data set, and the next run removes it."""
    first, second = sorted(HONEST.glob("*.pcapng"))[:2]
    folder = tmp_path / "traffic"
    mt.decode(first, folder)
    before = contents(folder)
    program = (
        "import os, signal, sys, monerotraffic.store.writing as writing\n"
        "def die(*arguments):\n"
        "    moves.append(arguments)\n"
        "    replace(*arguments)\n"
        "    if len(moves) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "moves, replace, writing.os.replace = [], os.replace, die\n"
        "writing.decode(sys.argv[1], sys.argv[2])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, second, folder], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(contents(folder)) > len(before)
    assert len(mt.open(folder).messages) == len(mt.read(first).messages)
    mt.decode(first, folder)
    assert contents(folder) == before
    assert len(mt.decode(second, folder).runs) == 2


def test_options_must_agree(tmp_path: Path) -> None:
    folder = tmp_path / "traffic"
    mt.decode(HONEST, folder, tables=["node_data"])
    assert mt.open(folder).tables == ("connections", "messages", "node_data", "problems", "files")
    with pytest.raises(AttributeError, match="blocks was not decoded"):
        _ = mt.open(folder).blocks
    with pytest.raises(DataSetError, match="decoded with tables="):
        mt.decode(HONEST, folder)
    with pytest.raises(DataSetError, match="continue it without names"):
        mt.decode({"ams": HONEST}, folder, tables=["node_data"])


@pytest.mark.parametrize(
    ("source", "more", "error", "text"),
    [
        ({"a/b": HONEST}, {}, DataSetError, "letters, digits"),
        ({".a": HONEST}, {}, DataSetError, "does not begin with"),
        ("-", {}, DataSetError, "not of standard input"),
        (HONEST, {"tables": ["message"]}, ValueError, "unknown table 'message'"),
        (HONEST, {"tables": "messages"}, TypeError, "list of names"),
        (HONEST, {"host": {"ams": HOST}}, ValueError, "names no vantage nodes"),
        ("nothing.pcap", {}, mt.CaptureNotFoundError, "no such file"),
    ],
)
def test_errors(
    tmp_path: Path, source: object, more: dict[str, object], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        mt.decode(source, tmp_path / "traffic", **more)
    assert not list((tmp_path / "traffic").glob("*/*"))


def test_another_folder(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear reader")
    with pytest.raises(DataSetError, match=r"not empty \(letter\.txt\)"):
        mt.decode(HONEST, tmp_path)
    with pytest.raises(DataSetError, match="not a folder"):
        mt.decode(HONEST, tmp_path / "letter.txt")
    with pytest.raises(FileNotFoundError, match="no data set"):
        mt.open(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(DataSetError, match="not a manifest of format"):
        mt.open(tmp_path)


def test_one_writer(tmp_path: Path) -> None:
    from monerotraffic.store.manifest import locked

    folder = tmp_path / "traffic"
    folder.mkdir()
    with locked(folder), pytest.raises(DataSetError, match="another process"):
        mt.decode(HONEST, folder)


def test_days() -> None:
    times = np.array([0, -1, DAY * SECOND, np.iinfo(np.int64).min])
    assert parts.days_of(times).tolist() == [0, -1, 1, parts.NO_DAY]
    assert [parts.day_name(day) for day in (0, -1, parts.NO_DAY)] == [
        "1970-01-01",
        "1969-12-31",
        "__HIVE_DEFAULT_PARTITION__",
    ]


def test_peer_list_server_side(tmp_path: Path) -> None:
    """Rows of contents have the bucket of their message's peer."""
    talk = incoming("192.0.2.1").handshake()
    talk.peer_lists(SERVER, [("203.0.113.1", 18080)])
    dataset = mt.decode(ring(tmp_path, talk), tmp_path / "traffic")
    bucket = dataset.connections.to_pandas(columns=["bucket"])["bucket"].unique()
    assert (dataset.peer_lists.to_pandas(columns=["bucket"])["bucket"] == bucket[0]).all()
