"""Rules on how peers behave on connections, and on how many. Family `connections`."""

from __future__ import annotations

from monerotraffic.rules.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = ()
