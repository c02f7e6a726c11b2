"""Metrics: pure functions from Traffic to DataFrames. docs/metrics.md defines each, with its
unit.
"""

from monerotraffic.metrics.advertised import advertised_hosts, advertised_subnets, host_ports
from monerotraffic.metrics.churn import (
    concentration,
    network_shares,
    peer_churn,
    session_survival,
    white_list_pressure,
)
from monerotraffic.metrics.clocks import clock_differences, clock_offsets, correct_times
from monerotraffic.metrics.connections import (
    CATEGORIES,
    categories,
    connection_table,
    requests,
    short_lived,
    slot_holders,
    slots,
    sync_gaps,
    sync_rhythm,
)
from monerotraffic.metrics.exposure import Sampling, exposure, exposure_over_time
from monerotraffic.metrics.forks import MAINNET_FORKS, fork_ranges, fork_versions
from monerotraffic.metrics.fragmentation import levin_fragments, segmentation, segments_by_size
from monerotraffic.metrics.identity import (
    announcements,
    back_pings,
    concurrent_peer_ids,
    id_clusters,
    id_returns,
    id_sessions,
    id_spans,
    ids_per_endpoint,
    ids_per_host,
    pongs,
    sites_per_id,
)
from monerotraffic.metrics.neighbours import (
    neighbour_accuracy,
    neighbours_by_frequency,
    neighbours_by_last_seen,
)
from monerotraffic.metrics.network import (
    autonomous_systems,
    countries,
    network_groups,
    networks,
    peer_subnets,
    subnets_of,
)
from monerotraffic.metrics.peer_lists import (
    ban_list_adoption,
    list_diversity,
    sender_diversity,
)
from monerotraffic.metrics.propagation import (
    announcing_speed,
    block_exchanges,
    compact_block_hits,
    first_spies,
    first_spy_accuracy,
    network_delays,
    propagation_delays,
    transaction_duplicates,
)
from monerotraffic.metrics.relay import (
    block_arrivals,
    first_senders,
    fluff_order,
    transaction_arrivals,
)
from monerotraffic.metrics.similarity import (
    list_similarity,
    sender_similarity,
    similarity_distribution,
    vantage_similarity,
)
from monerotraffic.metrics.stems import (
    dandelion_epochs,
    own_transactions,
    stems_received,
    stems_sent,
)
from monerotraffic.metrics.structure import (
    encoding_deviations,
    header_oddities,
    lists_with_last_seen,
    odd_headers,
    optional_fields,
    oversize,
    serialization_styles,
    skeletons,
    unframed_bytes,
)
from monerotraffic.metrics.timed_sync import peer_ticks, tick_pairs
from monerotraffic.metrics.topology import (
    centrality,
    communities,
    components,
    degrees,
    peer_graph,
    refreshed_entries,
)
from monerotraffic.metrics.what_if import what_if
from monerotraffic.metrics.white_list import white_list_composition
from monerotraffic.tables.view import View

__all__ = [
    "CATEGORIES",
    "MAINNET_FORKS",
    "Sampling",
    "View",
    "advertised_hosts",
    "advertised_subnets",
    "announcements",
    "announcing_speed",
    "autonomous_systems",
    "back_pings",
    "ban_list_adoption",
    "block_arrivals",
    "block_exchanges",
    "categories",
    "centrality",
    "communities",
    "compact_block_hits",
    "clock_differences",
    "clock_offsets",
    "components",
    "concentration",
    "connection_table",
    "correct_times",
    "countries",
    "dandelion_epochs",
    "degrees",
    "encoding_deviations",
    "exposure",
    "exposure_over_time",
    "first_senders",
    "first_spies",
    "first_spy_accuracy",
    "fluff_order",
    "fork_ranges",
    "fork_versions",
    "unframed_bytes",
    "header_oddities",
    "host_ports",
    "id_clusters",
    "id_returns",
    "id_sessions",
    "id_spans",
    "ids_per_endpoint",
    "ids_per_host",
    "concurrent_peer_ids",
    "refreshed_entries",
    "levin_fragments",
    "list_diversity",
    "list_similarity",
    "lists_with_last_seen",
    "neighbour_accuracy",
    "neighbours_by_frequency",
    "neighbours_by_last_seen",
    "network_delays",
    "network_groups",
    "network_shares",
    "networks",
    "odd_headers",
    "optional_fields",
    "oversize",
    "own_transactions",
    "peer_churn",
    "peer_graph",
    "peer_subnets",
    "peer_ticks",
    "pongs",
    "propagation_delays",
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
    "stems_received",
    "stems_sent",
    "subnets_of",
    "sync_gaps",
    "sync_rhythm",
    "tick_pairs",
    "transaction_arrivals",
    "transaction_duplicates",
    "vantage_similarity",
    "serialization_styles",
    "session_survival",
    "what_if",
    "white_list_composition",
    "white_list_pressure",
]
