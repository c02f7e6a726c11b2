"""All commands on captures with no, one, many and very many peers, and with each table empty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import monerotraffic as mt
from monerotraffic import report
from monerotraffic.cli import main
from monerotraffic.report.summary import format_summary, summary
from monerotraffic.report.text import findings_to_dict, format_findings
from monerotraffic.rules import find_anomalies, verdicts
from monerotraffic.rules.bans import ban
from monerotraffic.tables.traffic import Traffic
from support import craft
from support.captures import HOST, put
from support.command import Captured
from support.paths import HONEST

CLIENT = "192.0.2.1"


def handshakes(peers: int) -> list[craft.Packet]:
    """A capture of handshake requests alone: each from a peer of its own, none answered."""
    talk = craft.Connection((CLIENT, 40000), (HOST, 18080)).open()
    talk.send(craft.CLIENT, craft.request(1001, craft.handshake_request(craft.node_data())))
    own = bytes([192, 0, 2, 1])
    connections = []
    for number in range(peers):
        address = (0x14000001 + number).to_bytes(4, "big")
        for packet in talk.packets:
            # headers only: the checksum is not that of the new address, as with offloading
            head, rest = packet.data[:34], packet.data[34:]
            connections.append(
                craft.Packet(packet.time + number * 10_000_000, head.replace(own, address) + rest)
            )
    return connections


@pytest.fixture(scope="module", params=[0, 1, 130])
def capture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = put(tmp_path_factory.mktemp("sizes") / "a.pcap", handshakes(request.param))
    traffic = mt.read(path, tables=["messages"])
    assert traffic.connections["peer"].nunique() == len(traffic.messages) == request.param
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["summary"],
        ["summary", "--json", "--top", "3"],
        ["findings", "--csv", "{folder}/out.csv"],
        ["findings", "--json"],
        ["banlist", "--weak"],
        ["banlist", "--json"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_commands(arguments: list[str], capture: Path, tmp_path: Path, capsys: Captured) -> None:
    arguments = [argument.format(folder=tmp_path) for argument in arguments]
    assert main([*arguments, "--host", HOST, str(capture)]) == 0
    out, err = capsys.readouterr()
    assert (bool(out), err) == (True, "")
    if "--json" in arguments:
        json.loads(out, parse_constant=pytest.fail)


def test_report(capture: Path, tmp_path: Path) -> None:
    written = report.write(mt.read(capture, host=HOST), tmp_path)
    assert written.page.stat().st_size > 10_000


def test_seventy_thousand_peers(tmp_path: Path, capsys: Captured) -> None:
    """In one test, because the rules take their time."""
    path = put(tmp_path / "a.pcap", handshakes(70_000))
    for arguments in (["summary"], ["banlist", "--weak"], ["report", "-o", str(tmp_path)]):
        assert main([*arguments, "--host", HOST, str(path)]) == 0
        out, err = capsys.readouterr()
        assert (bool(out), err) == (True, "")
    with (tmp_path / "findings.csv").open() as file:
        assert sum(1 for _ in file) >= 70_000


# ---------------------------------------------------------------- each table empty


@pytest.fixture(scope="module")
def whole() -> Traffic:
    return mt.read(HONEST, tables=mt.TABLES)


def without(traffic: Traffic, table: str) -> Traffic:
    """The same without the rows of one table, and without what refers to them."""
    arrays = dict(traffic.arrays)
    arrays[table] = arrays[table][:0]
    if table == "connections":
        arrays = {name: rows if name == "files" else rows[:0] for name, rows in arrays.items()}
    if table == "messages":
        arrays = {
            name: rows[:0] if "message" in (rows.dtype.names or ()) else rows
            for name, rows in arrays.items()
        }
    return Traffic(arrays, traffic._names, traffic._nodes)


@pytest.mark.parametrize("table", mt.TABLES)
def test_an_empty_table(table: str, whole: Traffic, tmp_path: Path) -> None:
    traffic = without(whole, table)
    assert len(getattr(traffic, table)) == 0
    assert format_summary(summary(traffic))
    findings = find_anomalies(traffic)
    assert format_findings(findings_to_dict(traffic, findings, "default"))
    assert len(ban(findings).peers) <= len(verdicts(findings))
    assert report.write(traffic, tmp_path).page.exists()


@pytest.mark.parametrize("table", mt.TABLES)
def test_an_empty_table_keeps_its_dtypes(table: str, whole: Traffic) -> None:
    full, empty = getattr(whole, table), getattr(without(whole, table), table)
    assert kinds(empty) == kinds(full)


def kinds(frame: Any) -> dict[str, str]:
    return {
        name: f"category of {frame[name].cat.categories.dtype}" if kind == "category" else str(kind)
        for name, kind in frame.dtypes.items()
    }


def test_findings_and_verdicts_keep_their_dtypes(whole: Traffic) -> None:
    findings = find_anomalies(mt.read(HONEST.parent / "spies"))
    assert len(findings)
    assert kinds(findings[:0]) == kinds(find_anomalies(without(whole, "connections")))
    assert kinds(verdicts(findings)) == kinds(verdicts(findings[:0]))


@pytest.mark.parametrize("table", mt.TABLES)
@pytest.mark.parametrize("empty", [False, True])
def test_parquet(table: str, empty: bool, whole: Traffic, tmp_path: Path) -> None:
    import pandas as pd

    frame = getattr(without(whole, table) if empty else whole, table)
    frame.to_parquet(tmp_path / "table.parquet")
    back = pd.read_parquet(tmp_path / "table.parquet")
    assert back.dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()
    for name in frame.columns:
        wanted, written = frame[name], back[name]
        assert np.array_equal(written.isna(), wanted.isna())
        assert written.dropna().astype(object).tolist() == wanted.dropna().astype(object).tolist()
