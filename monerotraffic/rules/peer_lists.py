"""Rules on the peer lists that peers send. Family `peer_lists`."""

from __future__ import annotations

from monerotraffic.rules.rule import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = ()
