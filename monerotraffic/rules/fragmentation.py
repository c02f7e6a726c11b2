"""Rules on how messages are cut into TCP segments and Levin fragments. Family `fragmentation`."""

from __future__ import annotations

from monerotraffic.rules.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = ()
