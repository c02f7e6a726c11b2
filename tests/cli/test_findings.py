"""monerotraffic findings, and what it has in common with monerotraffic banlist."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic import banlist
from monerotraffic.cli import main
from monerotraffic.rules import PRESETS, find_anomalies, verdicts
from support import craft
from support.captures import HOST, cut, put
from support.command import Captured, output, run, section
from support.findings import MIXED, find_only, frame
from support.paths import HONEST

SCORE = verdicts(MIXED).set_index("peer")["score"].map("{:.3f}".format)


def test_findings_for_people(capture: Path, mixed_findings: pd.DataFrame, capsys: Captured) -> None:
    text = output(capsys, "findings", capture)
    assert text.splitlines()[:3] == [
        f"vantage node  {HOST}",
        "time span     2023-11-14 22:13:21 to 2023-11-14 22:13:24 UTC (3.0 s)",
        "preset        default",
    ]
    assert section(text, "4 peers: 2 anomalous, 1 suspicious, 1 with context only") == [
        ["peer", "verdict", "score", "strong", "weak", "context", "rules"],
        [
            "192.0.2.9",
            "anomalous",
            SCORE["192.0.2.9"],
            "1",
            "1",
            "1",
            "ping_flood,",
            "support_flags_missing,",
            "ban_listed",
        ],
        ["2001:db8::5", "anomalous", SCORE["2001:db8::5"], "1", "0", "0", "ping_flood"],
        ["192.0.2.10", "suspicious", SCORE["192.0.2.10"], "0", "1", "0", "support_flags_missing"],
        ["192.0.2.11", "context", "0.000", "0", "0", "1", "ban_listed"],
    ]
    rows = section(text, "6 findings")
    assert rows[0] == [
        "peer",
        "rule",
        "weight",
        "first_time",
        "last_time",
        "evidence",
        "reason",
    ]
    assert rows[1] == [
        "192.0.2.9",
        "ping_flood",
        "strong",
        "2026-11-22",
        "23:02:11",
        "2026-11-23",
        "00:02:11",
        "/home/me/cap.pcapng:17",
        "and",
        "1",
        "more",
        *["did", "it", "3", "times", "(a", "standard", "node", "never", "does)"],
    ]
    assert rows[3][7] == "-"
    assert ["ban_listed", "A"] in [row[:2] for row in section(text, "definitions of the rules")]
    assert all(len(line) == len(line.rstrip()) for line in text.splitlines())


def test_nothing_is_found(capture: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    find_only(monkeypatch, frame())
    assert output(capsys, "findings", capture).endswith(
        "\n4 peers: 0 anomalous, 0 suspicious, 0 with context only\n\n0 findings\n"
    )
    assert json.loads(output(capsys, "findings", "--json", capture))["findings"] == []
    assert banlist.parse(output(capsys, "banlist", capture)) == banlist.BanList()


def test_findings_that_lack_much(
    capture: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured
) -> None:
    """No time, no place, and measures that are no numbers."""
    bare = MIXED.assign(
        first_time=pd.NaT,
        last_time=pd.NaT,
        score=[float("nan"), float("inf"), *MIXED["score"][2:]],
        places=[[] for _ in range(len(MIXED))],
    )
    find_only(monkeypatch, bare)
    rows = section(output(capsys, "findings", capture), "6 findings")
    assert rows[1][:6] == ["192.0.2.9", "ping_flood", "strong", "-", "-", "-"]
    document = json.loads(
        output(capsys, "findings", "--json", "--csv", tmp_path / "out.csv", capture),
        parse_constant=pytest.fail,
    )
    assert [row["score"] for row in document["findings"]] == [None, None, 2.0, 2.0, 2.0, 2.0]
    assert {row["first_time"] for row in document["findings"]} == {None}
    assert (
        output(capsys, "banlist", "--expires", "never", capture).splitlines()[4]
        == f"[2001:db8::5]  # anomalous for pings, score {SCORE['2001:db8::5']}: "
        "ping_flood (strong, 3 × message)"
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_findings_are_those_of_the_package(
    preset: str, capture: Path, tmp_path: Path, capsys: Captured
) -> None:
    """Whatever rules there are."""
    (tmp_path / "list.txt").write_text("192.0.2.0/24\n")
    document = json.loads(
        output(
            capsys,
            "findings",
            "--json",
            "--preset",
            preset,
            "--ban-list",
            tmp_path / "list.txt",
            "--csv",
            tmp_path / "out.csv",
            capture,
        )
    )
    wanted = find_anomalies(
        mt.read(capture), preset, parameters={"ban_listed": {"ban_list": tmp_path / "list.txt"}}
    )
    assert [
        (row["peer"], row["rule"], row["observations"], row["places"], row["messages"])
        for row in document["findings"]
    ] == list(
        wanted[["peer", "rule", "observations", "places", "messages"]].itertuples(
            index=False, name=None
        )
    )
    assert [row["peer"] for row in document["verdicts"]] == list(verdicts(wanted).peer)
    assert "ban_listed" in document["rules"]
    assert {row["peer"] for row in document["findings"] if row["rule"] == "ban_listed"} >= {
        "192.0.2.1",
        "192.0.2.9",
    }
    assert document["preset"] == preset
    assert document["peers"]["count"] == 4
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["peer"], row["rule"], int(row["observations"])) for row in rows] == list(
        wanted[["peer", "rule", "observations"]].itertuples(index=False, name=None)
    )
    assert [row["places"].split("; ") for row in rows] == [
        places or [""] for places in wanted.places
    ]
    assert pd.Timestamp(rows[0]["first_time"]) == wanted["first_time"][0]


def test_one_peer(capture: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """All about it, and nothing of the others."""
    findings = MIXED[MIXED["peer"].isin(["192.0.2.9", "192.0.2.10"])]
    find_only(monkeypatch, findings)
    text = output(capsys, "findings", "--peer", "192.0.2.9", capture)
    head, *parts = text.split("\n\n")
    facts = {line[:14].rstrip(): line[15:] for line in head.splitlines()}
    assert facts["peer"] == "192.0.2.9"
    assert facts["verdict"].startswith(f"anomalous, score {SCORE['192.0.2.9']}, for ")
    assert facts["connections"].startswith("0 incoming, 1 outgoing, ")
    assert [part.split()[0] for part in parts] == [
        "ping_flood",
        "support_flags_missing",
        "ban_listed",
    ]
    assert "  reason         did it 3 times (a standard node never does)\n" in parts[0]
    assert "  standard node  monerod pings once, " in parts[0]
    assert "  frames         /home/me/cap.pcapng:17, /home/me/cap.pcapng:18" in parts[0]
    assert "192.0.2.10" not in text
    document = json.loads(output(capsys, "findings", "--json", "--peer", "192.0.2.9", capture))
    assert document["peer"]["connections"]["outgoing"] == 1
    assert {row["peer"] for row in document["findings"]} == {"192.0.2.9"}
    quiet = output(capsys, "findings", "--peer", "192.0.2.1", capture)
    assert "\nverdict        no finding\n" in quiet
    assert main(["findings", "--peer", "192.0.2.77", str(capture)]) == 1
    assert "192.0.2.77 has no connection with the vantage node" in capsys.readouterr().err


def test_formats(
    capture: Path, mixed_findings: pd.DataFrame, tmp_path: Path, capsys: Captured
) -> None:
    both = output(capsys, "findings", "--format", "json", capture)
    assert both == output(capsys, "findings", "--json", capture)
    text = output(capsys, "findings", "--format", "csv", "--csv", tmp_path / "out.csv", capture)
    with (tmp_path / "out.csv").open(newline="") as file:
        assert file.read().splitlines() == text.splitlines()
    note = output(capsys, "findings", "--format", "markdown", capture)
    assert "\n## 192.0.2.9: anomalous, score " in note
    assert (
        "\n- **ping_flood** (strong): did it 3 times (a standard node never does) "
        "(/home/me/cap.pcapng:17)\n"
    ) in note


def test_findings_of_the_demo() -> None:
    done = run("findings", HONEST)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 anomalous, 0 suspicious" in done.stdout


def test_a_wrong_list_is_reported_before_anything_is_read(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "list.txt").write_text("1.2.3.4\nspy.example\n")
    for arguments in (["findings", "--ban-list"], ["banlist", "--allow"], ["banlist", "--merge"]):
        assert main([*arguments, str(tmp_path / "list.txt"), "nowhere.pcap"]) == 1
        out, err = capsys.readouterr()
        assert (out, err) == (
            "",
            (
                f"monerotraffic: {tmp_path}/list.txt:2: 'spy.example': not an IPv4 address, IPv6 "
                "address or network\n"
            ),
        )
        assert main([*arguments, str(tmp_path / "no\x1b[2J"), "nowhere.pcap"]) == 1
        out, err = capsys.readouterr()
        assert (out, err) == (
            "",
            f"monerotraffic: {tmp_path}/no\\x1b[2J: No such file or directory\n",
        )


@pytest.mark.parametrize("command", [["findings", "--csv"], ["banlist", "-o"]])
def test_a_file_that_cannot_be_written(
    command: list[str], capture: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert main([*command, str(tmp_path / "no" / "file"), str(capture)]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"monerotraffic: {tmp_path}/no/file: No such file or directory\n")


@pytest.mark.parametrize("command", ["findings", "banlist"])
def test_captures_that_cannot_be_read(
    command: str, tmp_path: Path, capture: Path, capsys: Captured
) -> None:
    assert main([command, str(tmp_path / "nowhere\x1b.pcap")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("monerotraffic: ")
    assert "\x1b" not in err
    assert main([command, str(cut(capture))]) == 0
    assert capsys.readouterr().err.startswith("monerotraffic: not all could be read: ")


@pytest.mark.parametrize("command", ["findings", "banlist"])
def test_out_of_memory(
    command: str, capture: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def none(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(f"monerotraffic.cli.{command}.find_anomalies", none)
    assert main([command, str(capture)]) == 1
    assert capsys.readouterr() == ("", "monerotraffic: out of memory\n")


def test_hostile_names(tmp_path: Path, capsys: Captured) -> None:
    """The name of a capture file is part of the evidence."""
    talk = craft.Connection(("192.0.2.5", 50001), (HOST, 18080)).open()
    talk.send(
        craft.CLIENT,
        craft.request(1001, craft.handshake_request(craft.node_data(support_flags=None))),
    )
    talk.send(craft.SERVER, craft.response(1001, craft.handshake_response()))
    talk.send(craft.CLIENT, craft.request(1999))
    talk.close()
    path = put(tmp_path / "evil\x1b[2J\n9.9.9.9\udcff # expires 2020-01-01.pcap", talk.packets)
    for arguments in (
        ["findings"],
        ["findings", "--json"],
        ["findings", "--format", "markdown"],
        ["findings", "--peer", "192.0.2.5"],
        ["banlist", "--weak"],
        ["banlist", "--weak", "--json"],
    ):
        text = output(capsys, *arguments, path)
        assert "192.0.2.5" in text
        assert "\x1b" not in text
        assert "\n9.9.9.9" not in text
        text.encode()
    output(capsys, "findings", "--csv", tmp_path / "out.csv", path)
    assert b"\x1b" not in (tmp_path / "out.csv").read_bytes()
    assert banlist.parse(output(capsys, "banlist", "--weak", path)).addresses == 1


def test_an_unknown_vantage_node_is_reported(tmp_path: Path, capsys: Captured) -> None:
    path = str(put(tmp_path / "none.pcap", []))
    assert main(["banlist", path]) == 0
    out, err = capsys.readouterr()
    assert "# 0 of 0 peers banned" in out
    assert err.startswith("monerotraffic: the vantage node is unknown")
    assert "vantage node  unknown" in output(capsys, "findings", path)


WRONG: list[list[Any]] = [
    *(
        ["banlist"],
        ["findings"],
        ["findings", "--preset", "ours", "x"],
        ["banlist", "--collapse", "0", "x"],
        ["banlist", "--collapse", "x", "x"],
        ["banlist", "--expires", "-1", "x"],
    ),
    *(
        ["banlist", "--expires", "36501", "x"],
        ["banlist", "--expires", "9" * 5000, "x"],
        ["banlist", "--diff", "a"],
        ["banlist", "--diff", "a", "b", "c"],
        ["banlist", "c", "--diff", "a", "b"],
    ),
    *(
        ["banlist", "--diff", "a", "b", *more]
        for more in (
            ["--weak"],
            ["-o", "x"],
            ["--expires", "0"],
            ["--plain"],
            ["--merge", "x"],
            ["--allow", "x"],
            ["--collapse", "1"],
            ["--host", "1.2.3.4"],
            ["--port", "1"],
            ["--preset", "arxiv-v1"],
        )
    ),
    *(
        ["banlist", "--merge", "a", *more]
        for more in (
            ["--weak"],
            ["--expires", "0"],
            ["--collapse", "1"],
            ["--host", "1.2.3.4"],
            ["--progress"],
        )
    ),
]


@pytest.mark.parametrize("arguments", WRONG, ids=lambda arguments: " ".join(arguments)[:40])
def test_wrong_command_lines(arguments: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: monerotraffic" in capsys.readouterr().err


def test_standard_input(capture: Path) -> None:
    with capture.open("rb") as file:
        done = run("findings", "--json", "-", stdin=file)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["peers"]["count"] == 4


def test_help() -> None:
    assert "--collapse N" in run("banlist", "--help").stdout
    assert "--csv FILE" in run("findings", "--help").stdout
