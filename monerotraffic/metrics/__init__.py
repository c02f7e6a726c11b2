"""Metrics: pure functions from Traffic to DataFrames. docs/metrics.md defines each, with its unit."""

from monerotraffic.metrics.backends import peer_ticks, tick_pairs
from monerotraffic.metrics.connections import CATEGORIES, categories, connection_table, requests, short_lived, slot_holders, slots, sync_gaps, sync_rhythm
from monerotraffic.metrics.fragmentation import levin_fragments, segmentation, segments_by_size
from monerotraffic.metrics.identity import (
    announcements,
    back_pings,
    id_clusters,
    id_returns,
    id_sessions,
    id_spans,
    ids_per_endpoint,
    ids_per_host,
    ids_side_by_side,
    pongs,
    sites_per_id,
)
from monerotraffic.metrics.network import autonomous_systems, peer_subnets, subnets_of
from monerotraffic.metrics.peer_lists import advertised_hosts, advertised_subnets, ban_list_adoption, host_ports, list_diversity, sender_diversity
from monerotraffic.metrics.similarity import list_similarity, sender_similarity, similarity_distribution, vantage_similarity
from monerotraffic.metrics.structure import (
    encodings,
    garbage,
    header_oddities,
    lists_with_last_seen,
    odd_headers,
    optional_fields,
    oversize,
    skeletons,
    writers,
)
from monerotraffic.metrics.topology import components, degrees, late_entries, peer_graph
from monerotraffic.metrics.view import View

__all__ = [
    "CATEGORIES",
    "View",
    "advertised_hosts",
    "advertised_subnets",
    "announcements",
    "autonomous_systems",
    "back_pings",
    "ban_list_adoption",
    "categories",
    "components",
    "connection_table",
    "degrees",
    "encodings",
    "garbage",
    "header_oddities",
    "host_ports",
    "id_clusters",
    "id_returns",
    "id_sessions",
    "id_spans",
    "ids_per_endpoint",
    "ids_per_host",
    "ids_side_by_side",
    "late_entries",
    "levin_fragments",
    "list_diversity",
    "list_similarity",
    "lists_with_last_seen",
    "odd_headers",
    "optional_fields",
    "oversize",
    "peer_graph",
    "peer_subnets",
    "peer_ticks",
    "pongs",
    "requests",
    "segmentation",
    "segments_by_size",
    "sender_diversity",
    "sender_similarity",
    "short_lived",
    "similarity_distribution",
    "sites_per_id",
    "skeletons",
    "slot_holders",
    "slots",
    "subnets_of",
    "sync_gaps",
    "sync_rhythm",
    "tick_pairs",
    "vantage_similarity",
    "writers",
]
