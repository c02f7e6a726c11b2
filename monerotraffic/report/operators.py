"""Flagged peers that probably have one operator, as groups.

Owns which signs join two peers. Knows no rule by name except those whose evidence names partners;
used by report.page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from monerotraffic import metrics
from monerotraffic.metrics.topology import components
from monerotraffic.net.columns import sites_of
from monerotraffic.tables.view import View

__all__ = ["Group", "operators"]

_LISTS_ALIKE = 0.8  # share of the smaller list


@dataclass(frozen=True)
class Group:
    """Peers that are joined by signs, the most certain first."""

    peers: tuple[str, ...]
    networks: tuple[str, ...]
    """Subnets and autonomous systems in each of which several of them have a cause in common."""
    links: tuple[str, ...]
    """What else joins several of them: `shared peer ids`, `similar peer lists`."""


class _Sign(NamedTuple):
    """A sign that a peer has; all peers with the same key share it."""

    peer: str
    key: str
    network: str = ""
    link: str = ""


def operators(
    view: View,
    judged: pd.DataFrame,
    findings: pd.DataFrame,
    systems: pd.DataFrame | None = None,
) -> list[Group]:
    """Groups of the peers of `judged`, verdicts in their order, the first of which begins the
    first group. Two peers are joined, directly or through others, if they

    - have a cause of their verdicts and the subnet (/24, IPv6 /64) or autonomous system in common,
    - belong to one cluster of peer ids (metrics.id_clusters), or
    - send lists that share 80 % (metrics.communities), where a rule found similar lists.
    """
    peers = [str(peer) for peer in judged["peer"]]
    place = {peer: number for number, peer in enumerate(peers)}
    signs = [sign for sign in _signs(view, judged, findings, systems) if sign.peer in place]
    keys, names = pd.factorize(pd.Series([sign.key for sign in signs], dtype=object))
    number = components(
        np.array([place[sign.peer] for sign in signs], dtype=np.int64),
        keys.astype(np.int64) + len(peers),
        len(peers) + len(names),
    )
    members: dict[int, list[str]] = {}
    for peer, group in zip(peers, number[: len(peers)].tolist(), strict=True):
        members.setdefault(group, []).append(peer)
    networks: dict[int, dict[str, None]] = {group: {} for group in members}
    links: dict[int, dict[str, None]] = {group: {} for group in members}
    size = np.bincount(keys, minlength=len(names))
    for sign, key in zip(signs, keys.tolist(), strict=True):
        if size[key] > 1:
            group = int(number[place[sign.peer]])
            (networks if sign.network else links)[group][sign.network or sign.link] = None
    return [
        Group(tuple(ones), tuple(networks[group]), tuple(links[group]))
        for group, ones in members.items()
    ]


def _signs(
    view: View, judged: pd.DataFrame, findings: pd.DataFrame, systems: pd.DataFrame | None
) -> Iterator[_Sign]:
    networks = {
        str(peer): [subnet] if isinstance(subnet, str) else []
        for peer, subnet in metrics.subnets_of(judged["peer"]).items()
    }
    if systems is not None:
        known = systems[systems["asn"].notna()]
        for host, asn in zip(known["host"], known["asn"], strict=True):
            networks.get(str(host), []).append(f"AS{asn}")
    for peer, causes in zip(judged["peer"], judged["causes"], strict=True):
        for network in networks[str(peer)]:
            for cause in causes:
                yield _Sign(str(peer), f"{cause} {network}", network=network)
    clusters = metrics.id_clusters(view)
    cluster_of = dict(zip(clusters["site"], clusters["cluster"], strict=True))
    for peer, site in zip(judged["peer"], sites_of(judged["peer"]), strict=True):
        if site in cluster_of:
            yield _Sign(str(peer), f"cluster {cluster_of[site]}", link="shared peer ids")
    if (findings["rule"] == "peer_list_similar").any():
        alike = metrics.communities(view, min_share=_LISTS_ALIKE)
        for peer, community in zip(alike["peer"], alike["community"], strict=True):
            yield _Sign(str(peer), f"lists {community}", link="similar peer lists")
