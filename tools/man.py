"""Writes the man pages of the command line, one a command, from its parsers.

python tools/man.py FOLDER
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from site_pages import commands

from monerotraffic import __version__
from monerotraffic.cli.entry import command_line

NAME = "monerotraffic"


def roff(text: str) -> str:
    """Text without any request or escape of roff."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line[:1] in ".'" else line for line in escaped.splitlines())


def page(name: str, parser: argparse.ArgumentParser, summary: str) -> str:
    """One man page of section 1."""
    lines = [
        f'.TH "{name.upper()}" 1 "" "{NAME} {__version__}" "{NAME} manual"',
        ".SH NAME",
        f"{roff(name)} \\- {roff(summary)}",
        ".SH SYNOPSIS",
        *literal(re.sub(r"\s+", " ", parser.format_usage().removeprefix("usage:")).strip()),
        ".SH DESCRIPTION",
        roff(parser.description or summary),
        *options(parser),
    ]
    if parser.epilog:
        lines += [".SH EXAMPLES AND EXIT CODES", *literal(parser.epilog)]
    return "\n".join([*lines, ""])


def literal(text: str) -> list[str]:
    """Text whose lines stay as they are."""
    return [".nf", roff(text), ".fi"]


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Arguments and options with their help texts."""
    yield ".SH OPTIONS"
    formatter = argparse.HelpFormatter(parser.prog)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                yield from (".TP", f"\\fB{roff(choice.dest)}\\fR", roff(choice.help or ""))
        elif action.help != argparse.SUPPRESS:
            yield from (
                ".TP",
                f"\\fB{roff(formatter._format_action_invocation(action))}\\fR",
                roff(formatter._expand_help(action)) if action.help else "",
            )


def pages() -> dict[str, str]:
    """The man pages by file name."""
    root = command_line()
    written = {f"{NAME}.1": page(NAME, root, "analyse Monero peer-to-peer traffic of captures")}
    for name, parser in commands(root).items():
        summary = (parser.description or name).rstrip(".")
        written[f"{NAME}-{name}.1"] = page(f"{NAME}-{name}", parser, summary)
    return written


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
