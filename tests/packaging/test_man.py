"""tools/man.py writes a man page for each command, with all of its options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from monerotraffic.cli.entry import command_line
from support.paths import ROOT


def test_pages(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "tools/man.py", str(tmp_path)], cwd=ROOT, check=True)
    pages = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert {"monerotraffic.1", "monerotraffic-report.1", "monerotraffic-banlist.1"} <= set(pages)
    assert "\\-\\-max\\-addresses" in pages["monerotraffic-banlist.1"]
    for text in pages.values():
        assert text.startswith('.TH "MONEROTRAFFIC')
        requests = {line.split()[0] for line in text.splitlines() if line.startswith(".")}
        assert requests <= {".TH", ".SH", ".TP", ".nf", ".fi"}


def test_every_command_has_a_page(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "tools/man.py", str(tmp_path)], cwd=ROOT, check=True)
    main = (tmp_path / "monerotraffic.1").read_text(encoding="utf-8")
    names = {path.stem.partition("-")[2] for path in tmp_path.iterdir()} - {""}
    assert names
    assert all(f"\\fB{name}\\fR" in main for name in names)
    assert all(name in command_line().format_help() for name in names)
