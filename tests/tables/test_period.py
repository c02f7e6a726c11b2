"""since and until: whole connections by the time of their first packet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.rules import find_anomalies
from monerotraffic.tables.period import nanoseconds
from support.conversation_builder import incoming, many, read, session
from support.paths import DATA

BEGIN = pd.Timestamp("2023-11-14 22:13:20", tz="UTC")
"""START of the conversations."""


@pytest.fixture
def traffic(tmp_path: Path) -> mt.Traffic:
    """Three connections, that begin at 0, 100 and 200 s; the first lasts until the end."""
    first = incoming("192.0.2.1").handshake().wait_until(300)
    first.close()
    others = [session(f"192.0.2.{n}", many(3), at=100 * (n - 1)) for n in (2, 3)]
    return read(tmp_path, first, *others, tables=mt.TABLES)


def peers(traffic: mt.Traffic) -> list[str]:
    return sorted(traffic.connections["peer"].astype(str))


def test_connections_are_chosen_by_their_first_packet(traffic: mt.Traffic) -> None:
    at = BEGIN + pd.Timedelta(seconds=100)
    assert peers(traffic.since(at)) == ["192.0.2.2", "192.0.2.3"]
    assert peers(traffic.until(at)) == ["192.0.2.1"]
    assert peers(traffic.since(at).until(at + pd.Timedelta(seconds=1))) == ["192.0.2.2"]
    assert peers(traffic.since(BEGIN)) == peers(traffic)


def test_every_row_is_in_one_of_both(traffic: mt.Traffic) -> None:
    at = BEGIN + pd.Timedelta(seconds=150)
    before, after = traffic.until(at), traffic.since(at)
    for table, rows in traffic.arrays.items():
        if table == "files":
            assert len(before.files) == len(after.files) == 1
        else:
            assert len(before.arrays[table]) + len(after.arrays[table]) == len(rows), table
    for part in (before, after):
        assert (part.accounting()["unexplained"] == 0).all()
        assert set(part.fields["message"]) <= set(part.messages["message"])


def test_times_without_a_zone_are_utc() -> None:
    assert nanoseconds("1970-01-01 00:00:01") == 1_000_000_000
    assert nanoseconds("1970-01-01 01:00:01+01:00") == 1_000_000_000
    assert nanoseconds(pd.Timestamp(5, tz="Europe/Berlin")) == 5


@pytest.mark.parametrize("time", ["yesterday evening", pd.NaT, "x"])
def test_what_is_not_a_time(traffic: mt.Traffic, time: object) -> None:
    with pytest.raises(ValueError):
        traffic.since(time)


def test_tables_that_were_not_decoded_stay_so(tmp_path: Path) -> None:
    traffic = read(tmp_path, session("192.0.2.1"), tables=[]).since("2000-01-01")
    assert set(traffic.arrays) == {"connections", "problems", "files"}


def test_findings_of_a_period_are_those_of_its_connections() -> None:
    traffic = mt.read(DATA / "spies")
    findings = find_anomalies(traffic.since(traffic.connections["opened"].median()))
    assert 0 < len(findings) < len(find_anomalies(traffic))
