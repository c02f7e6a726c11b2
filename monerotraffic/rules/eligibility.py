"""Which peers cannot be judged, because their address stands for others.

Owns the definition of a gateway. Used by the engine and by the rule shared_gateway.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from monerotraffic.metrics.identity import announcements
from monerotraffic.net.addresses import is_public
from monerotraffic.tables.view import View

__all__ = ["gateways"]

_MIN_INBOUND_SHARE = 0.9
_MIN_IDS = 5
_MAX_OTHER_HOSTS = 2
_MIN_IDS_EACH = 2
_MAX_BALANCERS = 8


def gateways(view: View) -> frozenset[str]:
    """Peers whose address is that of a gateway in front of the vantage node (port forwarder, load
    balancer, container bridge), so that all inbound peers appear under it.

    - A private or loopback address (see net.hosts.is_public).
    - The addresses of one /24 or /64 with at least 90 % of the inbound connections that carry a
      handshake, on each of which five or more peer ids were announced at the same time, while at
      most two other hosts came in.
    - At most eight addresses of any networks (a load balancer) with at least 90 % of those
      connections, on each of which two or more peer ids were announced at the same time, and five
      or more on all of them, while at most two other hosts came in.

    A spy that is nearly all that comes in, from so few addresses, looks the same and is not judged.
    """
    peers = view.connections["peer"].cat.categories
    addresses = {
        str(peer) for peer in view.connections["peer"].unique() if not is_public(str(peer))
    }
    inbound = announcements(view)
    inbound = inbound[inbound["direction"] == "incoming"]
    subnet = pd.Series(view.addresses.subnet, index=peers)
    inbound = inbound.assign(subnet=inbound["peer"].astype(object).map(subnet))
    total = inbound["connection"].nunique()
    by_subnet = inbound.groupby("subnet")["connection"].nunique()
    for number in by_subnet.index[by_subnet / max(total, 1) >= _MIN_INBOUND_SHARE]:
        rows = inbound[inbound["subnet"] == number]
        peer_ids = rows.groupby(rows["peer"].astype(object))["peer_id"].nunique()
        several = rows[rows["peer"].isin(peer_ids.index[peer_ids >= _MIN_IDS])]
        crowded = [
            str(peer)
            for peer, own in several.groupby(several["peer"].astype(object))
            if _ids_at_once(own) >= _MIN_IDS
        ]
        through = rows["peer"].isin(crowded)
        others = inbound.loc[~inbound["peer"].isin(crowded), "host"].nunique()
        share = rows.loc[through, "connection"].nunique() / total
        if crowded and share >= _MIN_INBOUND_SHARE and others <= _MAX_OTHER_HOSTS:
            addresses.update(crowded)
    addresses.update(_balancers(inbound))
    return frozenset(addresses)


def _balancers(inbound: pd.DataFrame) -> list[str]:
    """The few addresses through which nearly all inbound peers come."""
    peer = inbound["peer"].astype(object)
    ids = inbound.groupby(peer)["peer_id"].nunique()
    several = inbound[peer.isin(ids.index[ids >= _MIN_IDS_EACH])]
    shared = [
        str(address)
        for address, own in several.groupby(several["peer"].astype(object))
        if _ids_at_once(own) >= _MIN_IDS_EACH
    ]
    through = peer.isin(shared)
    connections = inbound["connection"].nunique()
    if (
        0 < len(shared) <= _MAX_BALANCERS
        and inbound.loc[through, "connection"].nunique() >= _MIN_INBOUND_SHARE * connections
        and inbound.loc[~through, "host"].nunique() <= _MAX_OTHER_HOSTS
        and _ids_at_once(inbound[through]) >= _MIN_IDS
    ):
        return shared
    return []


def _ids_at_once(rows: pd.DataFrame) -> int:
    """The most different ids of which connections were alive at one moment."""
    spans = rows.groupby("peer_id").agg(begin=("time", "min"), end=("heard", "max"))
    begin, end = spans["begin"].sort_values(), spans["end"].sort_values()
    alive = np.arange(1, len(spans) + 1) - np.searchsorted(end.to_numpy(), begin.to_numpy())
    return int(alive.max(initial=0))
