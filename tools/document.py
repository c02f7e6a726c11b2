"""Shared by the tools that generate documents: writes a document, or checks that it is current."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

__all__ = ["main"]

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main(name: str, made: str, description: str) -> int:
    """Writes `made` to docs/NAME; with --check on the command line only compares. Returns the exit status:
    1 if it is out of date.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="only check that the file is current")
    target = DOCS / name
    if parser.parse_args().check:
        current = target.read_text(encoding="utf-8") if target.exists() else ""
        if current != made:
            print(f"{name} is out of date: run make docs", file=sys.stderr)
        return int(current != made)
    target.write_text(made, encoding="utf-8")
    return 0
