"""All rules by name, in the order of their ids."""

from __future__ import annotations

from collections.abc import Mapping

from monerotraffic.rules import (
    connections,
    fragmentation,
    handshakes,
    identity,
    network,
    peer_lists,
    relay,
    structure,
    timed_sync,
)
from monerotraffic.rules.rule import Rule

__all__ = ["RULES"]

_MODULES = (
    structure,
    fragmentation,
    peer_lists,
    identity,
    connections,
    handshakes,
    timed_sync,
    relay,
    network,
)

RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in sorted(
        (one for module in _MODULES for one in vars(module).values() if isinstance(one, Rule)),
        key=lambda rule: rule.id,
    )
}
"""Every rule by name.

>>> from monerotraffic import rules
>>> [rule.name for rule in rules.RULES.values() if rule.family == "fragmentation"]
['signature_alone', 'header_alone', 'over_fragmented', 'levin_fragments']
"""
