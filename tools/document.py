"""Shared by the tools that generate documents: writes them, or reports which are out of date."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["main"]

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main(pages: Mapping[str, str], description: str) -> int:
    """Writes each page (path within docs, text); with --check on the command line only compares.

    Returns the exit status: 1 if any page is out of date.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="only compare with the files")
    check = parser.parse_args().check
    stale = []
    for name, text in pages.items():
        target = DOCS / name
        if not check:
            target.parent.mkdir(exist_ok=True)
            target.write_text(text, encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"{', '.join(stale)} out of date: run make docs", file=sys.stderr)
    return int(bool(stale))
