"""Rules on peer ids. Family `identity`."""

from __future__ import annotations

from monerotraffic.rules.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = ()
