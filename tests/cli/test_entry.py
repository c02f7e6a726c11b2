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
    for words in (["unknown"], ["summary"], ["summary", "a", "--port", "x"]):
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


@pytest.mark.parametrize("name", entry.NAMES)
def test_help_fits_into_a_terminal(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Examples are as long as they are."""
    monkeypatch.setenv("COLUMNS", "82")
    with pytest.raises(SystemExit):
        main([name, "--help"])
    text, _, _ = capsys.readouterr().out.partition("examples:")
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(("name", "own"), [("report", "--title"), ("findings", "--peer ADDRESS")])
def test_own_options_come_before_shared_ones(
    name: str, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    text = capsys.readouterr().out
    assert 0 < text.index(own) < text.index("captures and connections:") < text.index("\noutput:")


@pytest.mark.parametrize(
    "words",
    [
        ["decode", "a.pcap", "-o", "out", "--since", "2026-05-01"],
        ["compare", "--node", "ams=a.pcap", "b.pcap"],
    ],
)
def test_options_that_a_command_cannot_use(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "unrecognized arguments: --" in capsys.readouterr().err


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "first steps:\n  monerotraffic summary captures/" in printed.err


@pytest.mark.parametrize("words", [["run", "a", "--name"], ["report", "a", "--name"]])
@pytest.mark.parametrize("name", ["a/b", "../x", "", "ä"])
def test_the_name_of_a_run_is_part_of_file_names(
    words: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, name])
    assert ended.value.code == 2
    assert "is not made of letters, digits" in capsys.readouterr().err


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
