"""monerotraffic report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monerotraffic.cli import main

Captured = pytest.CaptureFixture[str]


def test_files_and_their_names(capture: Path, tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "made" / "here"
    assert main(["report", str(capture), "-o", str(folder), "--title", "A <b> title"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "ban_list.txt",
        "ban_list_plain.txt",
        "findings.csv",
        "report.html",
    ]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == [
        str(folder / name)
        for name in ("report.html", "findings.csv", "ban_list.txt", "ban_list_plain.txt")
    ]
    page = (folder / "report.html").read_text()
    assert "A &lt;b&gt; title" in page and "A <b> title" not in page


def test_json(capture: Path, tmp_path: Path, capsys: Captured) -> None:
    assert main(["report", str(capture), "-o", str(tmp_path / "r"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "page": str(tmp_path / "r" / "report.html"),
        "findings": str(tmp_path / "r" / "findings.csv"),
        "ban_list": str(tmp_path / "r" / "ban_list.txt"),
        "plain_ban_list": str(tmp_path / "r" / "ban_list_plain.txt"),
    }


def test_a_folder_that_cannot_be_created(capture: Path, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "file").write_text("")
    assert main(["report", str(capture), "-o", str(tmp_path / "file" / "r")]) == 1
    assert capsys.readouterr().err.startswith("monerotraffic: ")


def test_invalid_databases(capture: Path, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "asn.mmdb").write_bytes(b"no database")
    for name, text in (("asn.mmdb", "asn.mmdb: "), ("nowhere.mmdb", "nowhere.mmdb: ")):
        words = ["report", str(capture), "-o", str(tmp_path / "r"), "--asn", str(tmp_path / name)]
        assert main(words) == 1
        assert text in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
