"""python -m monerotraffic."""

from __future__ import annotations

import runpy
import sys

import pytest

import monerotraffic as mt


def test_exit_code_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["monerotraffic", "summary", "/nowhere.pcap"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("monerotraffic", run_name="__main__")
    assert ended.value.code == 1


def test_import_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("monerotraffic.__main__", run_name="imported")
    assert capsys.readouterr() == ("", "")
    assert mt.__version__
