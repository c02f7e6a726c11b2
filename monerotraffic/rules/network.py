"""Context from the network: subnets, ban lists. Family `network`. docs/metrics/network.md tells
where the thresholds come from.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from monerotraffic.banlist import BanList, read
from monerotraffic.metrics.network import peer_subnets
from monerotraffic.net.addresses import Addresses
from monerotraffic.rules.rule import Parameters, Rule, observations
from monerotraffic.tables.view import View

__all__ = ["RULES"]


def _subnet_dense(view: View, parameters: Parameters) -> pd.DataFrame:
    subnets = peer_subnets(view)
    dense = subnets[subnets["hosts"] >= parameters["hosts"]].head(
        len(subnets) if parameters["top"] is None else parameters["top"]
    )
    hosts = dense.set_index("subnet")["hosts"]
    addresses, links = Addresses.of(view), view.connections
    measure = pd.Series(
        addresses.subnet_names[addresses.subnet[links["peer"].cat.codes.to_numpy()]],
        index=links.index,
    ).map(hosts)
    return observations(links[measure.notna()], measure=measure[measure.notna()])


def _ban_listed(view: View, parameters: Parameters) -> pd.DataFrame:
    given, connections = parameters["ban_list"], view.connections
    listed = BanList() if given is None else given if isinstance(given, BanList) else read(given)
    begin = connections["opened"].min()
    if not pd.isna(begin):
        listed = listed.valid_on(begin.date())
    places = listed.find(connections["peer"])
    bits = np.array([entry.network.prefixlen for entry in listed], dtype=np.float64)
    met = connections[places >= 0].assign(measure=bits[places[places >= 0]])
    messages = view.messages[view.messages["connection"].isin(met["connection"])]
    return observations(
        met.merge(
            messages.drop_duplicates("connection")[["connection", "message", "file", "frame"]],
            on="connection",
            how="left",
        )
    )


_BAN_LISTED = Rule(
    name="ban_listed",
    family="network",
    weight="context",
    unit="connection",
    definition="A connection with an address of the given ban list: the narrowest of its entries that had not expired on the day of the first connection. "
    "measure: bits of its prefix. The place is that of the connection's first message.",
    source="src/p2p/net_node.inl handle_command_line (--ban-list), is_remote_host_allowed; arXiv 2509.10214, section on ban lists",
    observe=_ban_listed,
    holds="no version: others judged the address, by other evidence and at another time",
    paper="Ban",
    parameters={"ban_list": None},  # a BanList or the path of one; None finds nothing
    presets={"arxiv-v1": {}, "aft-2026": {}},
)

RULES: tuple[Rule, ...] = (
    Rule(
        name="subnet_dense",
        family="network",
        weight="context",
        unit="connection",
        definition="A peer in a /24 (IPv6: /64) from which `hosts` or more distinct addresses had connections with the vantage node.",
        source="arXiv 2509.10214, section on subnet saturation; the floor is ours",
        observe=_subnet_dense,
        holds="a network of some ten thousand nodes in as many subnets",
        paper="Sub",
        parameters={"hosts": 6, "top": None},
        presets={"arxiv-v1": {"hosts": 1, "top": 15}, "aft-2026": {"hosts": 1, "top": 15}},
    ),
    _BAN_LISTED,
)
