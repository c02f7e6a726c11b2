"""Context from the network: subnets, ban lists. Family `network`."""

from __future__ import annotations

from monerotraffic.rules.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = ()
