"""monerotraffic exposure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from monerotraffic.cli import main
from monerotraffic.cli.own import read_ids
from support.chain import relayed, tx_id
from support.command import Captured, section
from support.conversation_builder import HOST, outgoing, write
from support.craft import CLIENT, SERVER
from support.findings import finding, frame

A, B = "20.1.0.1", "20.2.0.1"


@pytest.fixture
def capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two outgoing slots, of 100 s (anomalous) and 300 s."""
    talks = [outgoing(peer, number).handshake() for number, peer in enumerate((A, B))]
    for talk, seconds in zip(talks, (100, 360), strict=True):
        talk.wait_until(seconds).close(SERVER)
    monkeypatch.setattr(
        "monerotraffic.cli.exposure.find_anomalies",
        lambda *_, **__: frame(finding(A)),
    )
    return write(tmp_path / "a.pcap", *talks)


def output(capsys: Captured, *arguments: object, code: int = 0) -> str:
    assert main([str(argument) for argument in arguments]) == code
    return capsys.readouterr().out


def test_text(capture: Path, capsys: Captured) -> None:
    text = output(capsys, "exposure", "--host", HOST, capture)
    assert (
        "Anomalous peers held 25.0% of the time of outgoing slots, at most 1 slot at once." in text
    )
    assert "with a probability of 25.0%,\nand to two of them in a row with 6.3% (p²)" in text
    rows = section(text, "share of slot time")
    assert rows[1][:6] == ["outgoing", "anomalous", "1", "0.3", "1", "25.0%"]
    changed = section(text, "outgoing slots as if a ban list (anomalous peers)")
    assert [row[-3:] for row in changed[1:5]] == [
        ["25.0%", "6.3%", "25.0%"],
        ["0.0%", "0.0%", "-"],
        ["25.0%", "6.3%", "25.0%"],
        ["0.0%", "0.0%", "-"],
    ]


def test_countries(capture: Path, tmp_path: Path, capsys: Captured) -> None:
    """A held 100 s, B 300 s; the country of B is not known."""
    database = tmp_path / "country.mmdb"
    writer = MMDBWriter(4, "GeoLite2-Country")
    writer.insert_network(IPSet([f"{A}/32"]), {"country": {"iso_code": "AQ"}})
    writer.to_db_file(str(database))
    given = "exposure", "--host", HOST, "--country", database, capture
    text = output(capsys, *given)
    assert section(text, "networks with the most slot time")[1:3] == [
        ["outgoing", "country", "unknown", "1", "75.0%"],
        ["outgoing", "country", "AQ", "1", "25.0%"],
    ]
    assert section(text, "concentration of slot time")[1] == [
        *("outgoing", "country", "1", "1.000", "AQ")
    ]
    assert "same system" not in text
    numbers = json.loads(output(capsys, *given, "--json"))
    assert [row["network"] for row in numbers["networks"]] == [None, "AQ"]


def test_a_database_of_something_else(capture: Path, tmp_path: Path, capsys: Captured) -> None:
    database = tmp_path / "country.mmdb"
    writer = MMDBWriter(4, "GeoLite2-ASN")
    writer.insert_network(IPSet([f"{A}/32"]), {"autonomous_system_number": 1})
    writer.to_db_file(str(database))
    assert main(["exposure", "--country", str(database), str(capture)]) == 1
    assert "country.mmdb has no countries" in capsys.readouterr().err


def test_json_with_a_ban_list(capture: Path, tmp_path: Path, capsys: Captured) -> None:
    lists = [tmp_path / "one.txt", tmp_path / "two.txt"]
    for path, peer in zip(lists, (A, B), strict=True):
        path.write_text(peer)
    numbers = json.loads(
        output(
            capsys,
            *("exposure", "--json", "--host", HOST, capture),
            *("--ban-list", lists[0], "--ban-list", lists[1]),
        )
    )
    shares = {row["group"]: row["p"] for row in numbers["exposure"]}
    assert shares["listed"] == 1
    assert shares["anomalous"] == pytest.approx(0.25, abs=1e-3)
    assert numbers["ban_list"] == "given"
    banned = [row for row in numbers["what_if"] if row["scenario"] == "ban_list"]
    assert {row["all_seconds"] for row in banned} == {0}
    assert {row["p"] for row in banned} == {None}


def test_redacted(capture: Path, capsys: Captured) -> None:
    text = output(capsys, "exposure", "--redact", "--json", "--host", HOST, capture)
    assert HOST not in text
    assert json.loads(text)["exposure"][0]["vantage"] == "vantage"


def test_no_anomalous_peer(
    capture: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "monerotraffic.cli.exposure.find_anomalies", lambda *_, **__: frame(finding(A))[:0]
    )
    text = output(capsys, "exposure", "--host", HOST, capture)
    assert "No outgoing slot was held by an anomalous peer." in text


def test_a_list_that_cannot_be_read(capture: Path, tmp_path: Path, capsys: Captured) -> None:
    assert main(["exposure", str(capture), "--ban-list", str(tmp_path / "none.txt")]) == 1
    assert "No such file" in capsys.readouterr().err


# ---- own transactions ----


@pytest.fixture
def stem(tmp_path: Path, capture: Path) -> Path:
    """The anomalous peer receives an own transaction."""
    talk = outgoing(A).handshake().wait_until(60)
    talk.send(CLIENT, relayed(1, fluff=False))
    return write(tmp_path / "stem.pcap", talk)


def test_own_transactions(stem: Path, tmp_path: Path, capsys: Captured) -> None:
    own = tmp_path / "own.txt"
    own.write_text(f"# mine\n{tx_id(1).upper()} paid\n{'0' * 64}\n")
    text = output(capsys, "exposure", "--host", HOST, "--own", own, stem)
    assert section(text, "1 transaction sent in the stem phase")[1:] == [
        [A, "yes", "1", "1", "-", "0"]
    ]
    rows = section(text, "what peers could learn of own transactions")
    assert rows[1][:5] == [tx_id(1), "1", A, "yes", "stem"]


def test_the_export_of_a_wallet(tmp_path: Path) -> None:
    path = tmp_path / "transfers.csv"
    path.write_text(
        "block,direction,timestamp,amount,hash,payment ID\n"
        f'1,out,"2026-01-01, 10:00",1.0,{tx_id(1)},{"1" * 64}\n'
        f"2,out,x,1.0,{tx_id(2)},{'1' * 16}\n3,short\n"
    )
    assert read_ids(str(path)) == [tx_id(1), tx_id(2)]


@pytest.mark.parametrize("text", ["", "nothing\n", "hash\n", "0" * 63, "0" * 65])
def test_a_file_without_ids(stem: Path, tmp_path: Path, capsys: Captured, text: str) -> None:
    own = tmp_path / "own.txt"
    own.write_text(text)
    assert main(["exposure", "--own", str(own), str(stem)]) == 1
    assert "no id of a transaction" in capsys.readouterr().err
