"""Every command of monerotraffic that the documentation shows is valid."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from monerotraffic.cli.entry import NAMES, command_line
from support.paths import ROOT

PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("testbed/*.md"),
        ROOT / "Dockerfile",
    ]
)
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(rf"(?:^|[\s|/])monerotraffic ((?:{'|'.join(NAMES)})\b.*)$")


def shown(page: Path) -> Iterator[list[str]]:
    """The words of each command in the code blocks of a page, and in the help of a Dockerfile."""
    text = page.read_text(encoding="utf-8")
    blocks = [block for name, block in BLOCK.findall(text) if name != "python"]
    for block in blocks if page.suffix else [text]:
        for line in block.replace("\\\n", " ").splitlines():
            match = COMMAND.search(line)
            if match:
                yield shlex.split(re.split(r"\s(?:[|<]|>>?|&&)\s", match[1])[0], comments=True)


ALL = [(page.relative_to(ROOT).as_posix(), words) for page in PAGES for words in shown(page)]


def test_commands_are_found() -> None:
    assert len(ALL) > 30
    assert {words[0] for _, words in ALL} == set(NAMES)


@pytest.mark.parametrize(
    ("page", "words"), ALL, ids=[f"{page}-{' '.join(words)}" for page, words in ALL]
)
def test_command_is_valid(page: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        options = command_line().parse_args(words)
    except SystemExit:
        pytest.fail(f"{page}: {' '.join(words)}: {capsys.readouterr().err}")
    assert options.run


@pytest.mark.parametrize("name", NAMES)
def test_examples_of_the_help_are_valid(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line().parse_args([name, "--help"])
    examples = capsys.readouterr().out.partition("examples:")[2].partition("exit codes:")[0]
    matches = [COMMAND.search(line) for line in examples.splitlines()]
    commands = [match[1] for match in matches if match]
    assert commands
    for command in commands:
        words = shlex.split(re.split(r"\s[|>]\s|   ", command)[0])
        assert command_line().parse_args(words).run
