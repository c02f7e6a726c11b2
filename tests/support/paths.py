"""Where things lie."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
DATA = TESTS / "data"
HONEST = DATA / "honest"
CAPTURES = ROOT.parent / "shared" / "captures"
"""The full labelled captures, where they are."""
RESEARCH_BAN_LIST = ROOT.parent / "shared" / "data" / "mrl_ban_list_v2.txt"
"""The research lab's list, where it is."""
