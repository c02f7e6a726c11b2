"""monerotraffic decode."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import monerotraffic as mt
from monerotraffic.cli import main
from support.captures import cut, put
from support.command import Captured
from support.conversation_builder import incoming
from support.paths import HONEST


def test_decode(tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "traffic"
    assert main(["decode", str(HONEST), "-o", str(folder)]) == 0
    assert "2026-11-22 to 2026-11-22, vantage nodes default" in capsys.readouterr().out
    assert len(mt.open(folder).messages) == 346


def test_nodes(tmp_path: Path, capsys: Captured) -> None:
    folder, other = tmp_path / "traffic", put(tmp_path / "a.pcap", incoming().handshake().packets)
    arguments = ["--node", f"ams={HONEST}", "--node", f"sfo={other}", "--table", "messages"]
    more = ["-o", str(folder), "--json", "--threads", "2"]
    assert main(["decode", *arguments, *more]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert list(numbers["vantages"]) == ["ams", "sfo"]
    assert numbers["rows"]["messages"] == 348
    assert numbers["days"] == ["2023-11-14", "2026-11-22"]


@pytest.mark.parametrize(
    "arguments",
    [[], [str(HONEST), "--node", f"a={HONEST}"], ["--node", "a"], ["--node", f"={HONEST}"]],
)
def test_wrong_command_line(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["decode", *arguments, "-o", str(tmp_path / "traffic")])
    assert stopped.value.code == 2


def test_errors(tmp_path: Path, capsys: Captured) -> None:
    assert main(["decode", "nothing.pcap", "-o", str(tmp_path / "traffic")]) == 1
    assert "nothing.pcap: no such file" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["decode", str(HONEST), "-o", str(tmp_path / "file")]) == 1
    assert "not a folder" in capsys.readouterr().err
    assert main(["decode", str(HONEST), "-o", str(tmp_path / "file/traffic")]) == 1
    assert "Not a directory" in capsys.readouterr().err


def test_strict(tmp_path: Path, capsys: Captured) -> None:
    damaged = cut(put(tmp_path / "a.pcap", incoming().handshake().packets))
    assert main(["decode", str(damaged), "-o", str(tmp_path / "traffic"), "--strict"]) == 3
    assert "not all could be read" in capsys.readouterr().err
