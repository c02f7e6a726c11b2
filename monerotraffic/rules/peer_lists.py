"""Rules on the peer lists that peers send. Family `peer_lists`. docs/metrics/peer_lists.md tells
where the thresholds come from.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.entries import Entries, entries
from monerotraffic.metrics.peer_lists import host_ports, list_diversity, useless
from monerotraffic.metrics.similarity import list_similarity
from monerotraffic.rules.rule import Parameters, Rule, observations
from monerotraffic.tables.view import View

__all__ = ["RULES"]

_SEEDS = (384, 391)  # (3 << 7) | stripe - 1, of 8 stripes: src/common/pruning.cpp make_pruning_seed


def _low_diversity(view: View, parameters: Parameters) -> pd.DataFrame:
    lists = list_diversity(view)
    useful = (lists["entries"] >= parameters["entries"]) & (lists["hosts"] >= parameters["hosts"])
    return observations(
        lists[useful & (lists["diversity"] < parameters["diversity"])].assign(
            measure=lists["diversity"]
        )
    )


def _similar(view: View, parameters: Parameters) -> pd.DataFrame:
    excess, alpha = parameters["excess"], parameters["alpha"]
    pairs = list_similarity(
        view,
        by=parameters["by"],
        # an excess of x needs a share of x, and so does a Jaccard index of x
        min_share=max(parameters["jaccard"], excess or 0.0),
        min_entries=parameters["entries"],
        each=parameters["each"],
        most=parameters["most"],
    )
    found = pairs[
        (pairs["jaccard"] > parameters["jaccard"]) & (pairs["senders"] >= parameters["senders"])
    ]
    if excess is not None:
        found = found[found["excess"] >= excess]
    if alpha is not None:
        found = found[found["log_p"] <= np.log(alpha / max(1, pairs.attrs["pairs"]))]
    if parameters["majority"] is not None:
        found = found[
            ~found[["message", "other_message"]]
            .isin(_usual(pairs, parameters["majority"]))
            .any(axis=1)
        ]
    if not parameters["one_id"]:
        found = _of_two_nodes(view, found)
    measure = "jaccard" if excess is None else "excess"
    sides = (("peer", "message"), ("other", "other_message"))
    seen = pd.concat(
        [found[[*side, measure]].set_axis(["peer", "message", "measure"], axis=1) for side in sides]
    )
    seen = seen[seen.groupby("peer")["message"].transform("size") >= parameters["pairs"]]
    best = seen.groupby("message")["measure"].max()
    lists = entries(view).lists
    chosen = lists[lists["message"].isin(best.index)]
    return observations(chosen, measure=chosen["message"].map(best))


def _usual(pairs: pd.DataFrame, majority: float) -> pd.Index:
    """Lists that share as much with more than this part of all other senders: these are the
    network, and in a small one all are alike.
    """
    sides = (("message", "other"), ("other_message", "peer"))
    both = pd.concat(
        [
            pairs[[*side, "senders"]].set_axis(["message", "other", "senders"], axis=1)
            for side in sides
        ]
    )
    counted = both.groupby("message").agg(like=("other", "nunique"), senders=("senders", "first"))
    return counted.index[counted["like"] > majority * (counted["senders"] + 1)]


def _of_two_nodes(view: View, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs whose senders have no peer id in common. One id on two addresses is one node, or is
    what the rule peer_id_shared is about.
    """
    said = view.node_data
    said = said[(said["direction"] == "received") & said["peer_id"].notna()]
    ids = pd.DataFrame(
        {"peer": said["peer"].astype(object), "id": said["peer_id"].astype("uint64")}
    ).drop_duplicates()
    both = (
        pairs[["peer", "other"]]
        .drop_duplicates()
        .merge(ids, on="peer")
        .merge(ids.rename(columns={"peer": "other"}), on=["other", "id"])
    )
    one = pd.MultiIndex.from_frame(both[["peer", "other"]])
    return pairs[~pd.MultiIndex.from_frame(pairs[["peer", "other"]]).isin(one)]


def _oversized(view: View, parameters: Parameters) -> pd.DataFrame:
    lists = entries(view).lists
    found = lists[lists["entries"] > parameters["entries"]]
    return observations(found, measure=found["entries"])


def _with_entries(e: Entries, chosen: NDArray[np.bool_]) -> pd.DataFrame:
    """Lists that have such entries; the measure is how many."""
    count = e.per_list(chosen)
    return observations(e.lists[count > 0].assign(measure=count[count > 0]))


def _repeats(view: View, parameters: Parameters) -> pd.DataFrame:
    e = entries(view)
    return _with_entries(e, e.repeated)


def _one_host_many_ports(view: View, parameters: Parameters) -> pd.DataFrame:
    lists = list_diversity(view)
    share = lists["many_ports"] / lists["hosts"]
    return observations(
        lists[(lists["entries"] >= parameters["entries"]) & (share >= parameters["share"])].assign(
            measure=share
        )
    )


def _private(view: View, parameters: Parameters) -> pd.DataFrame:
    e = entries(view)
    odd = useless(e)
    peers = view.connections["peer"].cat.codes.to_numpy()
    if e.addresses.useless[peers].any():  # then private addresses are reached here
        odd = (e.host < 0) | (e.port == 0)
    named, family = e.addresses.family == 0, e.addresses.family[e.sender]
    other_zone = (e.host >= 0) & np.append(named, False)[e.host] & (family[e.of] != 0)
    return _with_entries(e, odd | other_zone)


def _bad_pruning_seed(view: View, parameters: Parameters) -> pd.DataFrame:
    e = entries(view)
    seed = view.traffic.arrays["peer_lists"]["pruning_seed"][e.row]  # 0 where it is left out
    return _with_entries(e, (seed != 0) & ((seed < _SEEDS[0]) | (seed > _SEEDS[1])))


def _many_ports(view: View, parameters: Parameters) -> pd.DataFrame:
    ports = host_ports(view)
    ports = ports[
        ports["announced"] | ports["answered"] | (ports["trusted"] >= parameters["senders"])
    ]
    ports = ports[ports["host"].isin(view.connections["peer"].unique())]
    ports = ports.assign(measure=ports.groupby("host")["port"].transform("size").astype(float))
    ports = ports[ports["measure"] >= parameters["ports"]]
    shown = (
        ports[["host", "port", "measure"]]
        .merge(_witnesses(view, ports), on=["host", "port"])
        .sort_values("time", kind="stable")
    )
    return observations(shown.rename(columns={"host": "peer"}))


def _witnesses(view: View, ports: pd.DataFrame) -> pd.DataFrame:
    """What first shows each host and port: its handshake, else our connection to it, else the list
    that names it.
    """
    said = view.node_data[view.node_data["direction"] == "received"]
    said = said[["peer", "my_port", "connection", "message", "time", "file", "frame"]].rename(
        columns={"peer": "host", "my_port": "port"}
    )
    out = view.connections[
        (view.connections["direction"] == "outgoing") & (view.connections["server_bytes"] > 0)
    ]
    out = out[["peer", "server_port", "connection", "opened"]].set_axis(
        ["host", "port", "connection", "time"], axis=1
    )
    e = entries(view)
    codes = e.addresses.text.get_indexer(pd.Index(ports["host"].unique()))
    chosen = np.flatnonzero(np.isin(e.host, codes[codes >= 0]))
    _, first = np.unique(e.host[chosen].astype(np.int64) << 16 | e.port[chosen], return_index=True)
    chosen = chosen[first]
    named = e.lists[["connection", "message", "time", "file", "frame"]].iloc[e.of[chosen]]
    named = named.assign(
        host=e.hosts(e.host[chosen].astype(np.int64)).astype(object), port=e.port[chosen]
    )
    every = pd.concat(
        [
            part.assign(host=part["host"].astype(object), port=part["port"].astype("Int64"))
            for part in (said, out, named)
        ],
        ignore_index=True,
    )
    return every.dropna(subset=["port"]).astype({"port": "int64"}).drop_duplicates(["host", "port"])


_PUBLISHED_SIMILAR: Parameters = {
    "by": "subnet",
    "excess": None,
    "alpha": None,
    "senders": 0,
    "majority": None,
    "one_id": True,
    "each": None,
}
"""Of `peer_list_similar`, what both published variants have in common."""


RULES: tuple[Rule, ...] = (
    Rule(
        name="peer_list_low_diversity",
        family="peer_lists",
        weight="strong",
        unit="peer list",
        definition="A peer list of a useful size whose hosts lie in few subnets: distinct /24 (IPv6: /64) ÷ distinct IP addresses below `diversity`.",
        source="arXiv 2509.10214, section on peer list diversity; src/p2p/net_peerlist.h get_peerlist_head (a random sample of the white list)",
        observe=_low_diversity,
        paper="PLD",
        parameters={"entries": 100, "hosts": 50, "diversity": 0.25},
        presets={
            "arxiv-v1": {"entries": 250, "hosts": 1, "diversity": 0.1},
            "aft-2026": {"entries": 225, "hosts": 1, "diversity": 0.05},
        },
    ),
    Rule(
        name="peer_list_similar",
        family="peer_lists",
        weight="strong",
        unit="peer list",
        definition=(
            "Two lists of different senders share more than independent samples would: of what the popularity of their entries among the other senders leaves "
            "open, they share at least `excess`, which by chance has a probability below `alpha` over all pairs compared. What more than `majority` of the "
            "senders share is the network."
        ),
        source="arXiv 2509.10214, section on peer list similarity; src/p2p/net_peerlist.h get_peerlist_head (250 at random of at most 1000 white peers)",
        observe=_similar,
        holds="all versions of monerod, white lists of 1000 peers or networks in which more than `senders` other peers send lists",
        paper="PLS",
        parameters={
            "by": "host",
            "entries": 150,
            "jaccard": 0.0,
            "pairs": 1,
            "excess": 0.5,
            "alpha": 1e-6,
            "senders": 5,
            "majority": 0.5,
            "one_id": False,
            "each": 3,
            "most": 10_000,
        },
        presets={
            "arxiv-v1": {"entries": 250, "jaccard": 0.3, "pairs": 5, **_PUBLISHED_SIMILAR},
            "aft-2026": {"entries": 226, "jaccard": 0.99, "pairs": 1, **_PUBLISHED_SIMILAR},
        },
    ),
    Rule(
        name="peer_list_oversized",
        family="peer_lists",
        weight="strong",
        unit="peer list",
        definition="More than `entries` entries in the peer list of one message.",
        source="src/cryptonote_config.h P2P_DEFAULT_PEERS_IN_HANDSHAKE, P2P_MAX_PEERS_IN_HANDSHAKE (250); src/p2p/net_node.inl: the receiver drops the sender",
        observe=_oversized,
        parameters={"entries": 250},
    ),
    Rule(
        name="peer_list_repeats",
        family="peer_lists",
        weight="context",
        unit="peer list",
        definition="An entry whose host and port the peer had named before on the same connection.",
        source="src/p2p/net_node.inl handle_timed_sync, handle_handshake (sent_addresses)",
        observe=_repeats,
        holds="monerod 0.16 and later; Cuprate samples anew each time and repeats",
    ),
    Rule(
        name="peer_list_one_host_many_ports",
        family="peer_lists",
        weight="strong",
        unit="peer list",
        definition="A peer list of a useful size in which `share` or more of the hosts have two or more ports.",
        source="src/p2p/net_peerlist.h append_with_peer_white, filter (HackerOne report 3547349); research lab, on class lists",
        observe=_one_host_many_ports,
        holds="white lists of ping-tested peers, most of which have one port; one such host alone is common in lists of monerod 0.18",
        parameters={"entries": 100, "share": 0.5},
    ),
    Rule(
        name="peer_list_private",
        family="peer_lists",
        weight="weak",
        unit="peer list",
        definition=(
            "An entry with a loopback, private, link-local or unspecified host, port 0, no valid address, or a Tor or I2P name on clearnet. Where peers "
            "themselves come from such hosts, these are let pass."
        ),
        source="src/p2p/net_peerlist.h is_host_allowed; src/p2p/net_node.inl sanitize_peerlist",
        observe=_private,
        holds="monerod without --allow-local-ip",
    ),
    Rule(
        name="peer_list_bad_pruning_seed",
        family="peer_lists",
        weight="strong",
        unit="peer list",
        definition="An entry with a pruning_seed other than 0 and 384 to 391.",
        source="src/common/pruning.cpp make_pruning_seed; src/p2p/net_node.inl sanitize_peerlist",
        observe=_bad_pruning_seed,
        holds="monerod 0.14.1 and later (to 0.15 it writes the 0 of unpruned peers)",
    ),
    Rule(
        name="many_ports",
        family="peer_lists",
        weight="weak",
        unit="port",
        definition=(
            "A host with `ports` or more listening ports: such as it announces itself, such as answered the vantage node, and such as lists of peers from "
            "`senders` or more subnets name, without peers whose lists consist of hosts with several ports. Two may be NAT."
        ),
        source="research lab, on proxies in front of few nodes; src/p2p/net_node.inl try_ping (a port in a white list has answered)",
        observe=_many_ports,
        parameters={"ports": 3, "senders": 3},
    ),
)
