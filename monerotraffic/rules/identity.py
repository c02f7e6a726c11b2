"""Rules on peer ids. Family `identity`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from monerotraffic.metrics.identity import (
    announcements,
    back_pings,
    id_clusters,
    id_returns,
    id_sessions,
    id_spans,
    ids_side_by_side,
    pongs,
)
from monerotraffic.net.hosts import hosts_of, is_loopback, site_of
from monerotraffic.rules.rule import Parameters, Rule, observations
from monerotraffic.tables.view import View

__all__ = ["RULES"]


def _peer_id_returns(view: View, parameters: Parameters) -> pd.DataFrame:
    returns = id_returns(view, parameters["by_port"])
    if parameters["sequential"]:
        returns = returns[returns["sequential"]]
    return observations(returns)


def _peer_id_shared(view: View, parameters: Parameters) -> pd.DataFrame:
    spans = id_spans(view)
    shared = spans.loc[
        spans["overlaps"] >= parameters["hosts"] - 1, ["peer_id", "site", "overlaps"]
    ]
    said = announcements(view)
    said["site"] = hosts_of(said["peer"], site_of)
    found = said.merge(shared, on=["peer_id", "site"])
    return observations(found, found["overlaps"] + 1)


def _peer_id_cluster(view: View, parameters: Parameters) -> pd.DataFrame:
    said = announcements(view)
    said["site"] = hosts_of(said["peer"], site_of)
    if parameters["joined"]:
        clusters = id_clusters(view)
        clusters = clusters[clusters["sites"] >= parameters["hosts"]].set_index("site")["ids"]
    else:
        clusters = said.groupby("site")["peer_id"].nunique()
    found = said.assign(ids=said["site"].map(clusters))
    found = found[found["ids"] > parameters["ids"]].drop_duplicates(["site", "peer_id"])
    return observations(found, found["ids"])


def _pong_id_mismatch(view: View, parameters: Parameters) -> pd.DataFrame:
    pings = back_pings(view, parameters["within"])
    wrong = pings[pings["match"].eq(False).fillna(False).astype(bool)]
    if parameters["but_own"]:
        said = announcements(view)
        wrong = wrong[
            ~_pairs(wrong["host"], wrong["pong_id"]).isin(_pairs(said["host"], said["peer_id"]))
        ]
    return _at_pongs(view, wrong)


def _at_pongs(view: View, pings: pd.DataFrame) -> pd.DataFrame:
    """Observations at the pongs of these back-pings."""
    found = pongs(view)
    return observations(found[found["message"].isin(pings["pong"].astype("int64"))])


def _pong_id_shared(view: View, parameters: Parameters) -> pd.DataFrame:
    found = pongs(view)
    found["site"] = hosts_of(found["peer"], site_of)
    found["v6"] = found["site"].str.contains(":", regex=False)
    sites = found.groupby(["peer_id", "v6"])["site"].transform("nunique")
    said = announcements(view)
    own = _pairs(found["host"], found["peer_id"]).isin(_pairs(said["host"], said["peer_id"]))
    pings = back_pings(view, parameters["within"])
    other = found["message"].isin(
        pings.loc[pings["match"].eq(False).fillna(False).astype(bool), "pong"].astype("int64")
    )
    wrong = (sites >= parameters["hosts"]) & other & ~own
    return observations(found[wrong], sites[wrong])


def _pairs(hosts: pd.Series, ids: pd.Series) -> pd.Series:
    """Host and id as one value; ids stay exact."""
    return pd.Series(
        list(zip(hosts, (int(number) for number in ids), strict=True)),
        index=hosts.index,
        dtype=object,
    )


def _peer_id_rotates(view: View, parameters: Parameters) -> pd.DataFrame:
    sessions = id_sessions(view)
    sessions = sessions[sessions["port"].notna()]
    fresh = sessions["changed"] & ~sessions["known"] & sessions["sequential"]
    if parameters["but_confirmed"]:  # a process of that id listens: a restart
        pings = back_pings(view)
        fresh &= ~sessions["message"].isin(
            pings.loc[pings["match"].fillna(False).astype(bool), "message"]
        )
    changes = fresh.groupby(sessions["endpoint"]).transform("sum")
    later = sessions.groupby("endpoint")["session"].transform("size") - 1
    rotates = fresh & (changes >= parameters["changes"]) & (changes >= parameters["share"] * later)
    return observations(sessions[rotates], (changes / later.where(later > 0))[rotates])


def _peer_ids_side_by_side(view: View, parameters: Parameters) -> pd.DataFrame:
    return observations(ids_side_by_side(view, parameters["margin"]))


def _peer_id_reserved(view: View, parameters: Parameters) -> pd.DataFrame:
    said = view.node_data
    rows = said[(said["direction"] == "received") & said["peer_id"].isin(parameters["ids"])]
    # the daemons of Tor and I2P bring peers over loopback, and all of those have id 1
    clearnet = np.array([not is_loopback(str(peer)) for peer in rows["peer"]], dtype=bool)
    return observations(rows[clearnet])


RULES: tuple[Rule, ...] = (
    Rule(
        name="peer_id_returns",
        family="identity",
        weight="strong",
        unit="handshake",
        definition="A host and listening port (the host alone where the port is hidden) goes back to a peer id that it had before it changed to another, when "
        "nothing more came from connections that had another id.",
        source="src/p2p/net_node.inl init_config: a random id at every start, never stored; arXiv 2509.10214, section on peer ids",
        observe=_peer_id_returns,
        holds="monerod 0.10.2 and later, Cuprate",
        paper="ID",
        parameters={"by_port": True, "sequential": True},
        presets={
            "arxiv-v1": {"by_port": False, "sequential": False},
            "aft-2026": {"by_port": False, "sequential": False},
        },
    ),
    Rule(
        name="peer_id_shared",
        family="identity",
        weight="strong",
        unit="handshake",
        definition="One peer id announced by several IPv4 addresses, or several IPv6 /64s, in overlapping time.",
        source="src/p2p/net_node.inl init_config: one random 64-bit id per process",
        observe=_peer_id_shared,
        holds="monerod 0.10.2 and later, Cuprate",
        parameters={"hosts": 2},
    ),
    Rule(
        name="peer_id_cluster",
        family="identity",
        weight="strong",
        unit="peer id",
        definition="Hosts joined by peer ids that they share in overlapping time, at least `hosts` of them, which announce more than `ids` ids between them.",
        source="src/p2p/net_node.inl init_config; arXiv 2509.10214, section on peer ids",
        observe=_peer_id_cluster,
        holds="monerod 0.10.2 and later, Cuprate",
        paper="ID",
        parameters={"hosts": 2, "ids": 2, "joined": True},
        presets={"arxiv-v1": {"joined": False}, "aft-2026": {"joined": False}},
    ),
    Rule(
        name="pong_id_mismatch",
        family="identity",
        weight="strong",
        unit="back-ping",
        definition="The 1003 response of the back-ping to (host, my_port) has another id than the handshake request that caused it, and the host announced "
        "that id in no handshake.",
        source="research lab fingerprint, seen passively; src/p2p/net_node.inl try_ping, handle_ping",
        observe=_pong_id_mismatch,
        holds="monerod 0.10.2 and later, Cuprate",
        parameters={"within": 5.0, "but_own": True},
    ),
    Rule(
        name="pong_id_shared",
        family="identity",
        weight="strong",
        unit="pong",
        definition="One id answered to back-pings by several IPv4 addresses, or several IPv6 /64s, from a host that announced another in the handshake and "
        "that one in none.",
        source="research lab fingerprint, seen passively; src/p2p/net_node.inl handle_ping",
        observe=_pong_id_shared,
        holds="monerod 0.10.2 and later, Cuprate",
        parameters={"hosts": 2, "within": 5.0},
    ),
    Rule(
        name="peer_id_rotates",
        family="identity",
        weight="weak",
        unit="handshake",
        definition="A host and listening port announces a new id, never seen there before, in at least `share` of its sessions after the first, and at least "
        "`changes` times, each when the connections with other ids were silent. A new id that the pong of a back-ping confirms is a restart and does not count "
        "(`but_confirmed`).",
        source="src/p2p/net_node.inl init_config: only a restart changes the id",
        observe=_peer_id_rotates,
        holds="monerod 0.10.2 and later, Cuprate",
        parameters={"changes": 3, "share": 0.8, "but_confirmed": True},
    ),
    Rule(
        name="peer_ids_side_by_side",
        family="identity",
        weight="strong",
        unit="handshake",
        definition="A host and listening port announces an id while another connection of it, with another id, is alive: more came on it over `margin` seconds "
        "later.",
        source="src/p2p/net_node.inl init_config, init: one process, one id, and one process binds a port",
        observe=_peer_ids_side_by_side,
        holds="monerod 0.10.2 and later, Cuprate",
        parameters={"margin": 1.0},
    ),
    Rule(
        name="peer_id_reserved",
        family="identity",
        weight="strong",
        unit="message",
        definition="A handshake or pong from a clearnet address with peer id 0 or 1.",
        source="src/p2p/net_node.h config_t (1 is the id on Tor and I2P), net_node.inl (0 counts as no handshake)",
        observe=_peer_id_reserved,
        holds="monerod 0.10.2 and later (by chance once in 2^63 starts)",
        parameters={"ids": (0, 1)},
    ),
)
