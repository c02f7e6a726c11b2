"""Rules applied to a vantage node whose rows are read in groups of peers.

Owns which metrics are computed in the same pass over the groups. The results do not depend on it: a
metric that is not computed in advance costs another pass. Used by the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import pandas as pd

from monerotraffic.metrics import comparisons, forks, identity, peer_lists, structure, timed_sync
from monerotraffic.metrics.similarity import collected_with
from monerotraffic.rules.rule import Parameters, Rule
from monerotraffic.rules.versions import bounds_of_connections
from monerotraffic.tables.part_metrics import PartMetric
from monerotraffic.tables.population import PopulationView
from monerotraffic.tables.view import View, metric_of, own_networks

__all__ = ["in_groups"]


class Applied(Protocol):
    """Applies rules to a View."""

    def __call__(
        self, view: View, rules: Iterable[tuple[Rule, Parameters]]
    ) -> list[pd.DataFrame]: ...


_CONTEXT = ("connections", "messages", "node_data", "sync_data", "problems", "files")
"""Tables of which rules about one peer need something of the vantage node."""


def in_groups(
    view: PopulationView, rules: Sequence[tuple[Rule, Parameters]], applied: Applied
) -> list[pd.DataFrame]:
    """The findings of all rules. Rules about one peer are applied to groups of peers; then rules
    that compare peers are applied to the results of metrics.
    """
    alone = [(rule, parameters) for rule, parameters in rules if not rule.compares_peers]
    comparing = [(rule, parameters) for rule, parameters in rules if rule.compares_peers]
    names = {rule.name for rule, _ in rules}
    if names & {"wrong_network", "wrong_top_version"}:
        view.collect(_context(), tables=_CONTEXT)
    frames = view.collect(_compared(view, comparing), partial(applied, rules=alone))
    return [*(frame for of_group in frames for frame in of_group), *applied(view, comparing)]


def _context() -> list[PartMetric]:
    return [
        metric_of(own_networks),
        metric_of(structure.peer_networks),
        metric_of(forks.announced_versions),
    ]


def _compared(view: PopulationView, rules: Iterable[tuple[Rule, Parameters]]) -> list[PartMetric]:
    """The metrics that the rules compare, each once; for gateways always the announcements."""
    calls = [metric_of(identity.announcements), metric_of(bounds_of_connections)]
    for rule, parameters in rules:
        needed = _of(view, rule, parameters)
        calls += [metric_of(metric, *arguments) for metric, *arguments in needed]
    return list({call.key: call for call in calls}.values())


def _of(view: View, rule: Rule, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The metrics of one rule with their arguments."""
    match rule.name:
        case "peer_list_low_diversity":
            return [(peer_lists.list_diversity,), (comparisons.scattered_hosts, 4)]
        case "peer_list_repeats" | "peer_list_one_host_many_ports":
            return [(peer_lists.list_diversity,)]
        case "peer_list_similar":
            chosen = collected_with(
                given["by"],
                max(given["min_jaccard"], given["min_excess"] or 0.0),
                given["min_entries"],
                given["max_lists_per_peer"],
                given["max_lists"],
            )
            return [
                (comparisons.lists_to_compare, *chosen),
                (comparisons.entries_to_compare, *chosen),
                (comparisons.sent_ids,),
                (peer_lists.list_diversity,),
            ]
        case "peer_list_private":
            private = not comparisons.reaches_private(view)
            return [(comparisons.odd_entries, private), (peer_lists.list_diversity,)]
        case "many_ports":
            return [
                (comparisons.listening_ports,),
                (comparisons.port_namers, given["min_sender_subnets"]),
                (comparisons.port_witnesses,),
            ]
        case "pong_id_mismatch" | "pong_id_shared":
            return [(identity.pongs,), (identity.back_pings, given["max_delay_s"])]
        case "shared_backend":
            return [(timed_sync.peer_ticks,), (timed_sync.time_steps,)]
    return []
