"""Context from the network: subnets, ban lists. Family `network`.

Uses the metrics of monerotraffic.metrics.network and ban lists; knows no other family.
"""

from __future__ import annotations

from os import PathLike

import numpy as np
import pandas as pd

from monerotraffic.banlist import BanList, read
from monerotraffic.metrics.network import peer_subnets
from monerotraffic.rules.eligibility import gateways
from monerotraffic.rules.rule import PUBLISHED, Parameters, observations, rule
from monerotraffic.tables.view import View

__all__ = ["ban_listed", "shared_gateway", "subnet_dense"]

_FULLEST: Parameters = {"min_hosts": 1, "max_subnets": 15}


def _dense(parameters: Parameters) -> str:
    """The reason of subnet_dense: the published variants choose by rank."""
    limit = (
        "flagged from {min_hosts}"
        if parameters["max_subnets"] is None
        else "flagged: the {max_subnets} subnets with the most"
    )
    return f"is in a subnet with {{highest:peer}} ({limit})"


@rule(
    "MT701",
    family="network",
    weight="context",
    unit="connection",
    cause="surroundings",
    standard="Independent nodes rarely share a subnet of 256 addresses.",
    reason=_dense,
    evasion="Spread over subnets: more expensive addresses.",
    compares_peers=True,
    source="arXiv 2509.10214, section on subnet saturation; the floor is ours",
    known_false_positives=(
        "A hoster's subnet, a university, a provider that assigns another address of its pool each "
        "day, IPv6 hosts with temporary addresses."
    ),
    paper="Sub",
    presets={"arxiv-v1": _FULLEST, "aft-2026": _FULLEST},
)
def subnet_dense(view: View, *, min_hosts: int = 6, max_subnets: int | None = None) -> pd.DataFrame:
    """A peer in a /24 (IPv6: /64) from which at least `min_hosts` distinct addresses had
    connections with the vantage node.

    The network has about ten thousand nodes; at the largest hosters about one in ten /24s holds a
    node. With a mean of 0.1, six or more by chance have a probability of 10⁻⁹ for one subnet, and
    of 10⁻⁵ for ten thousand subnets. The published code selects the 15 fullest subnets without a
    floor (`max_subnets`), so it always flags somebody. The measure is the number of hosts.
    """
    subnets = peer_subnets(view)
    dense = subnets[subnets["hosts"] >= min_hosts].head(
        len(subnets) if max_subnets is None else max_subnets
    )
    hosts = dense.set_index("subnet")["hosts"]
    addresses, links = view.addresses, view.connections
    measure = pd.Series(
        addresses.subnet_names[addresses.subnet[links["peer"].cat.codes.to_numpy()]],
        index=links.index,
    ).map(hosts)
    return observations(links[measure.notna()], measure=measure[measure.notna()])


@rule(
    "MT702",
    family="network",
    weight="context",
    unit="connection",
    cause="surroundings",
    standard="Others judged the address; a standard node can inherit it.",
    reason=(
        "has an address on the ban list, in an entry of {highest:bit} "
        "({observations:connection}; 0 are expected with the list in use)"
    ),
    evasion="Move to other addresses.",
    source=(
        "src/p2p/net_node.inl handle_command_line (--ban-list), is_remote_host_allowed; "
        "arXiv 2509.10214, section on ban lists"
    ),
    known_false_positives=(
        "The present owner of the address, and every neighbour in a listed network."
    ),
    paper="Ban",
    presets=PUBLISHED,
)
def ban_listed(
    view: View, *, ban_list: BanList | str | PathLike[str] | None = None
) -> pd.DataFrame:
    """A connection with an address on `ban_list` (a BanList or the path of a file; None flags
    no peer).

    Others judged the address, by other evidence and at another time. The narrowest entry counts
    that had not expired on the day (UTC) of the first connection of the capture. A v4-mapped IPv6
    peer is matched as its IPv4 address; an IPv6 network lists no IPv4 address. A listed peer among
    the outgoing connections shows that the vantage node does not apply the list itself. The measure
    is the length of the entry's prefix; the place is that of the connection's first message.
    """
    connections = view.connections
    listed = (
        BanList()
        if ban_list is None
        else ban_list
        if isinstance(ban_list, BanList)
        else read(ban_list)
    )
    begin = view.whole.connections["opened"].min()
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


@rule(
    "MT703",
    family="network",
    weight="context",
    unit="connection",
    cause="surroundings",
    standard="A gateway opens connections for peers of any kind.",
    reason=(
        "is a gateway through which {observations:connection} of unknown peers came in (no peer "
        "can be judged by it)"
    ),
    evasion="None is needed: the finding protects the peers behind the address.",
    compares_peers=True,
    source="docker-proxy, HAProxy and load balancers open the connections to the node themselves",
)
def shared_gateway(view: View) -> pd.DataFrame:
    """The peer's address is that of a gateway in front of the vantage node (container bridge, port
    forwarder, load balancer), under which all inbound peers appear: verdicts on inbound peers are
    impossible.

    A gateway is a private or loopback address with inbound connections, or an address with five or
    more peer ids at the same time where such addresses of one /24 (IPv6: /64) have at least 90 % of
    the inbound connections that carry a handshake and at most two other hosts come in. All other
    findings of the address are context.
    """
    rows = view.connections[view.connections["direction"] == "incoming"]
    return observations(rows[rows["peer"].isin(gateways(view))])
