"""The entry point: exit codes, and failures of standard output."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monerotraffic.cli import entry
from monerotraffic.cli.entry import main
from monerotraffic.cli.output import Failed
from support.command import run


def test_a_wrong_command_line_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["unknown"], ["summary"], ["summary", "a", "--port", "x"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert "usage: monerotraffic" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (Failed("no\nluck"), 1, "monerotraffic: no luck\n"),
        (MemoryError(), 1, "monerotraffic: out of memory\n"),
        (KeyboardInterrupt(), 130, "monerotraffic: interrupted\n"),
    ],
)
def test_failures_are_one_line(
    error: BaseException,
    code: int,
    text: str,
    capture: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(entry.summary, "run", fail)
    assert main(["summary", str(capture)]) == code
    assert capsys.readouterr() == ("", text)


def test_a_full_disk(capture: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "monerotraffic", "summary", str(capture)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "monerotraffic: standard output: No space left on device\n"


def test_a_closed_pipe_is_no_failure(capture: Path) -> None:
    command = f"{sys.executable} -m monerotraffic summary {capture} | head -c 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["--version"]) == 1
    assert capsys.readouterr().err == "monerotraffic: standard output is closed\n"


def test_characters_that_the_terminal_lacks_are_escaped(
    capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = capture.rename(capture.with_name("ä.pcap"))
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, encoding="ascii"))
    assert main(["summary", str(path)]) == 0
    assert b"\\xe4.pcap" in output.getvalue()


def test_commands() -> None:
    text = run("--help").stdout
    assert all(f"    {name} " in text for name in entry.NAMES)


@pytest.mark.parametrize("name", entry.NAMES)
def test_help_has_examples_and_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    text = capsys.readouterr().out
    examples = text[text.index("examples:") :]
    assert f"\n  monerotraffic {name}" in examples
    assert "exit codes: 0 " in examples


def test_completion(tmp_path: Path) -> None:
    """As a shell asks argcomplete for it."""
    for line, words in (
        ("monerotraffic find", {"findings "}),
        ("monerotraffic explain ping_f", {"ping_flood "}),
        ("monerotraffic findings --format m", {"markdown "}),
    ):
        path = tmp_path / "words"
        done = subprocess.run(
            [sys.executable, "-m", "monerotraffic"],
            env={
                **os.environ,
                "_ARGCOMPLETE": "1",
                "_ARGCOMPLETE_STDOUT_FILENAME": str(path),
                "COMP_LINE": line,
                "COMP_POINT": str(len(line)),
                "COMP_TYPE": "9",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert set(path.read_text().split("\v")) == words
