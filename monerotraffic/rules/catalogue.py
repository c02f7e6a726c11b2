"""All rules by name."""

from __future__ import annotations

from collections.abc import Mapping

from monerotraffic.rules import (
    connections,
    fragmentation,
    identity,
    network,
    peer_lists,
    relay,
    structure,
)
from monerotraffic.rules.rule import Rule

__all__ = ["RULES"]

_FAMILIES = (structure, fragmentation, peer_lists, identity, connections, relay, network)

RULES: Mapping[str, Rule] = {rule.name: rule for family in _FAMILIES for rule in family.RULES}
"""Every rule by name."""
