"""Complete messages with both ends of their connection."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.compat.whole import ends, numbers_text, segments_text, stamps, text, whole
from support import craft
from support.captures import HOST, put
from support.craft import CLIENT, SERVER


def test_rows_and_ends(capture: Path) -> None:
    frame = whole(mt.read(capture))
    assert len(frame) == 16
    assert frame["packet"].is_monotonic_increasing
    first, second = frame.iloc[0], frame.iloc[1]
    assert (first["source"], first["source_port"]) == ("192.0.2.1", 40001)
    assert (first["destination"], first["destination_port"]) == (HOST, 18080)
    assert (second["source"], second["destination"]) == (HOST, "192.0.2.1")
    assert frame["vantage"].unique().tolist() == [HOST]


def test_only_messages_to_an_address(capture: Path) -> None:
    traffic = mt.read(capture)
    assert set(whole(traffic, to=HOST)["destination"]) == {HOST}
    assert len(whole(traffic, to=HOST)) == 8
    assert len(whole(traffic, to=["192.0.2.9", "192.0.2.1"])) == 4
    assert whole(traffic, to="203.0.113.1").empty


def test_incomplete_messages_are_left_out_and_refused_ones_are_not(tmp_path: Path) -> None:
    talk = craft.Connection().open()
    talk.send(CLIENT, craft.request(1002, b"no epee payload"))
    talk.send(SERVER, craft.response(1003, craft.ping_response())[:40])
    frame = whole(mt.read(put(tmp_path / "a.pcap", talk.packets), host=HOST))
    assert frame["command"].tolist() == [1002]


def test_parts_of_a_scan_are_refused(capture: Path) -> None:
    traffic = mt.read(capture)
    rows = pd.DataFrame({"connection": [0, 99], "from_client": [True, False]})
    with pytest.raises(ValueError, match="not a part of a scan"):
        ends(traffic, rows)


def test_text_of_columns() -> None:
    assert text(pd.Categorical(["a", "b"])).tolist() == ["a", "b"]
    assert numbers_text(pd.Series([7, None], dtype="Int64")).tolist() == ["7", ""]
    assert segments_text(pd.Series([1, 2, 30])).tolist() == ["", "2", "30"]
    times = pd.Series(pd.to_datetime([1_700_000_000_123_456_789, None], utc=True))
    assert stamps(times).tolist()[0] == "2023-11-14 22:13:20.123457"
    assert stamps(times, "s").tolist()[0] == "2023-11-14 22:13:20"
    assert stamps(times).isna().tolist() == [False, True]
