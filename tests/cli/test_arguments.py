"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

import pytest

from monerotraffic.cli.arguments import (
    EXIT_CODES,
    add_command,
    add_preset,
    count,
    days,
    natural,
)
from monerotraffic.rules import PRESETS
from support.paths import ROOT


def parser() -> argparse.ArgumentParser:
    argument_parser = argparse.ArgumentParser(exit_on_error=False)
    command = add_command(
        argument_parser.add_subparsers(),
        "list",
        "list things",
        lambda _: None,
        examples=["list a.pcap"],
    )
    add_preset(command)
    return argument_parser


@pytest.mark.parametrize(
    ("kind", "accepted", "refused"),
    [
        (natural, {"0": 0, "7": 7}, ["-1", "", "1.5", "x", "٣", "+1", " 1", "1" * 19]),
        (count, {"1": 1, "999": 999}, ["0", "-1", "a"]),
        (days, {"0": 0, "36500": 36500}, ["36501", "1e3"]),
    ],
)
def test_numbers(kind: Callable[[str], int], accepted: dict[str, int], refused: list[str]) -> None:
    assert {text: kind(text) for text in accepted} == accepted
    for text in refused:
        with pytest.raises(argparse.ArgumentTypeError, match="is not a number"):
            kind(text)


def test_shared_options() -> None:
    words = ["list", "a", "b", "--host", "::FFFF:1.2.3.4", "--host", "2001:DB8::1", "--port", "9"]
    options = parser().parse_args(words)
    assert options.captures == ["a", "b"]
    assert options.host == ["::ffff:1.2.3.4", "2001:db8::1"]
    assert options.port == [9]
    assert (options.json, options.progress, options.preset) == (False, None, "default")
    assert options.threads is None
    assert parser().parse_args(["list", "a", "--threads", "3"]).threads == 3


@pytest.mark.parametrize(
    "words",
    [["--port", "0"], ["--port", "65536"], ["--host", "example.org:80 x"], ["--preset", "other"]],
)
def test_wrong_values_exit_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["list", "a", *words])
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_exit_codes_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d+) \|", page, re.MULTILINE)
    assert listed == re.findall(r"(?:codes:|;)\s+(\d+) ", EXIT_CODES) == ["0", "1", "2", "3", "130"]


def test_readme_links_to_them() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "130" not in text and "exit codes" in text


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["list", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "List things." in text
    assert "examples:\n  list a.pcap\n\nexit codes:" in text
    assert all(preset in text for preset in PRESETS)
