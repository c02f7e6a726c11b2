"""The command line in a process of its own, and the tables that it prints."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from monerotraffic.cli import main

Captured = pytest.CaptureFixture[str]


def run(*arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monerotraffic", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **more,
    )


def output(capsys: Captured, *arguments: object, code: int = 0) -> str:
    """What a command prints in this process. It must print nothing to standard error."""
    assert main([str(argument) for argument in arguments]) == code
    out, err = capsys.readouterr()
    assert err == ""
    return out


def section(text: str, title: str) -> list[list[str]]:
    """The cells of the table whose title begins so, its head included."""
    block = next(block for block in text.split("\n\n") if block.startswith(title))
    return [line.split() for line in block.splitlines()[1:]]
