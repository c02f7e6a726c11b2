"""Rules on peer ids. Family `identity`.

Uses the metrics of monerotraffic.metrics.identity; knows no other family.
"""

from __future__ import annotations

from collections import Counter

import pandas as pd

from monerotraffic.metrics.comparisons import listed_ids
from monerotraffic.metrics.identity import (
    announcements,
    back_pings,
    concurrent_peer_ids,
    id_clusters,
    id_returns,
    id_sessions,
    id_spans,
    pongs,
)
from monerotraffic.net.columns import hosts_of, networks_of, sites_of
from monerotraffic.rules.rule import Parameters, observations, rule
from monerotraffic.tables.view import View

__all__ = [
    "peer_id_cluster",
    "peer_id_reserved",
    "peer_id_returns",
    "peer_id_rotates",
    "peer_id_shared",
    "peer_ids_side_by_side",
    "pong_id_mismatch",
    "pong_id_shared",
]

_RANDOM_ID = "src/p2p/net_node.inl init_config: a random 64-bit id at every start, never stored"
_PAPER = "arXiv 2509.10214, section on peer ids"
_PER_HOST: Parameters = {"by_port": False, "sequential_only": False}


def _cluster(parameters: Parameters) -> str:
    """The reason of peer_id_cluster: the published variants count the ids of one address."""
    where = (
        "belongs to addresses that share peer ids, {highest:id} in all"
        if parameters["joined_only"]
        else "announced {highest:peer id}"
    )
    return f"{where} (flagged above {{max_ids}}; a standard node has one that no other has)"


_DEFAULT_PORTS = (18080, 28080, 38080)
_NAT = (
    "Two nodes behind one address that announce the same port, as monerod does with its default "
    "port whatever is forwarded"
)


@rule(
    "MT401",
    family="identity",
    weight="weak",
    unit="handshake",
    cause="nodes_per_address",
    standard=(
        "monerod draws a random 64-bit id at every start and never stores it, so an id that was "
        "given up does not come back."
    ),
    reason=(
        "went back to a peer id that it had given up, {observations:time} (a standard node "
        "never does)"
    ),
    evasion="Keep one id per address: the spy needs state per address.",
    source=f"{_RANDOM_ID}; {_PAPER}",
    since="0.10.2",
    known_false_positives=f"{_NAT}, connected in turn; a VPN exit whose users do so or hide it.",
    paper="ID",
    presets={"arxiv-v1": _PER_HOST, "aft-2026": _PER_HOST},
)
def peer_id_returns(
    view: View, *, by_port: bool = True, sequential_only: bool = True
) -> pd.DataFrame:
    """A host and listening port (the host alone where the port is hidden) announces a peer id that
    it had before it changed to another one, and nothing more came from its connections with other
    ids.

    A return by chance has a probability of 2^-64. `sequential_only` leaves out two processes that
    live at the same time behind one address. At a default or hidden port the finding is context:
    several nodes behind one address look the same, because monerod announces its default port
    whatever is forwarded. The published variants count per IP address and without
    `sequential_only`, so they flag NAT pairs and restarts.
    """
    returns = id_returns(view, by_port)
    rows = returns[returns["sequential"]] if sequential_only else returns
    return observations(
        rows, accuses=_port_of_its_own(rows["port"]) & (not view.whole.clock_stepped)
    )


def _port_of_its_own(ports: pd.Series) -> pd.Series:
    """Which ports one process alone announces: neither hidden nor a default port."""
    return ports.notna() & ~ports.isin(_DEFAULT_PORTS)


@rule(
    "MT402",
    family="identity",
    weight="context",
    unit="handshake",
    cause="nodes_per_address",
    forgeable_by="another peer",
    standard="monerod draws a random 64-bit id at every start, so two nodes never have the same.",
    reason=(
        "announced a peer id that {highest:address|addresses} announced at the same time "
        "(flagged from {min_sites}; a standard node has an id of its own)"
    ),
    evasion="Draw an id per address: free.",
    compares_peers=True,
    source=_RANDOM_ID,
    since="0.10.2",
    known_false_positives=(
        "A node whose id another peer announces; a node that alternates between two IPv4 "
        "addresses; a node that reaches the network through several Tor or VPN exits."
    ),
)
def peer_id_shared(view: View, *, min_sites: int = 2) -> pd.DataFrame:
    """One peer id announced by at least `min_sites` IPv4 addresses, or IPv6 /64s, in overlapping
    time.

    Ids are public, and anybody can announce one, so a shared id is context for every holder; see
    `peer_id_cluster`. Three cases of one node are left out: an IPv4 address and its v4-mapped form,
    one IPv4 and one IPv6 address, and addresses of one /64. A node that moves has spans that follow
    each other. The measure is the number of sites.
    """
    spans = id_spans(view)
    shared = spans.loc[spans["overlaps"] >= min_sites - 1, ["peer_id", "site", "overlaps"]]
    rows = _announced_by_site(view).merge(shared, on=["peer_id", "site"])
    return observations(rows, rows["overlaps"] + 1)


def _announced_by_site(view: View) -> pd.DataFrame:
    announced = announcements(view)
    return announced.assign(site=sites_of(announced["peer"]))


@rule(
    "MT403",
    family="identity",
    weight="weak",
    unit="peer id",
    cause="nodes_per_address",
    standard="Each monerod has one random id, which no other node has.",
    reason=_cluster,
    evasion="Draw an id per address: free.",
    compares_peers=True,
    source=f"{_RANDOM_ID}; {_PAPER}",
    since="0.10.2",
    known_false_positives="Several nodes that reach the network through the same Tor or VPN exits.",
    paper="ID",
    presets={"arxiv-v1": {"joined_only": False}, "aft-2026": {"joined_only": False}},
)
def peer_id_cluster(
    view: View, *, min_sites: int = 2, max_ids: int = 2, joined_only: bool = True
) -> pd.DataFrame:
    """At least `min_sites` hosts, joined by peer ids that they share in overlapping time, announce
    more than `max_ids` ids between them.

    Ids shared one after the other do not join, or else a node that restarted, moved and restarted
    again would be a cluster. The finding accuses only a host that announced two or more ids, in use
    at the same time, each of which another host had announced before it in overlapping time: others
    can copy the ids of a host, but cannot make it announce theirs. The published variants
    (`joined_only` false) flag more than two ids on one IP address, which includes NAT pairs and
    restarts. The measure is the number of ids of the cluster.
    """
    announced = _announced_by_site(view)
    if joined_only:
        clusters = id_clusters(view)
        ids = clusters[clusters["sites"] >= min_sites].set_index("site")["ids"]
    else:
        ids = announced.groupby("site")["peer_id"].nunique()
    rows = announced.assign(ids=announced["site"].map(ids))
    rows = rows[rows["ids"] > max_ids].drop_duplicates(["site", "peer_id"])
    return observations(rows, rows["ids"], accuses=rows["site"].isin(_borrowers(view)))


def _borrowers(view: View) -> frozenset[str]:
    """Sites that announced two or more ids, in use at the same time, each of which another site of
    the same IP version had announced before and still had.
    """
    spans = id_spans(view)
    spans = spans[spans["overlaps"] > 0]
    first = spans.groupby(["peer_id", "family"])["first"].transform("min")
    later = spans[spans["first"] > first]
    used = id_spans(view).groupby("peer_id").agg(begin=("first", "min"), end=("last", "max"))
    borrowers = set()
    for site, rows in later.groupby("site"):
        own = used.loc[rows["peer_id"].unique()].sort_values("begin")
        if (own["begin"].iloc[1:].to_numpy() < own["end"].cummax().iloc[:-1].to_numpy()).any():
            borrowers.add(str(site))
    return frozenset(borrowers)


@rule(
    "MT404",
    family="identity",
    weight="strong",
    unit="back-ping",
    cause="pong_id",
    standard=(
        "The process that listens on a node's port is the one that shook hands, and answers "
        "pings with the same id."
    ),
    reason=(
        "answered {observations:back-ping} with another peer id than it had announced (a "
        "standard node never does)"
    ),
    evasion=(
        "Let the proxy rewrite the id in pongs, or answer pings itself; or use the default port, "
        "and a backend for every four networks."
    ),
    compares_peers=True,
    source=(
        "src/p2p/net_node.inl try_ping, handle_ping; the research lab's fingerprint, seen passively"
    ),
    since="0.10.2",
    known_false_positives=(
        f"{_NAT}, of which the one that it is forwarded to never connects and is in no peer list, "
        "if hosts of others copy that one's id in their pongs, or if they share a port that is not "
        "the default."
    ),
)
def pong_id_mismatch(
    view: View,
    *,
    max_delay_s: float = 5.0,
    exclude_announced: bool = True,
    min_networks: int = 3,
    min_networks_any_order: int = 5,
    max_pong_ids: int = 4,
    min_pong_ids: int = 3,
    period_h: float = 1.0,
) -> pd.DataFrame:
    """The 1003 response of the back-ping to (host, `my_port`) has another id than the handshake
    request that caused it, and the host announced that id in no handshake.

    The process that listens on `my_port` is the one that announced it. A back-ping comes within
    milliseconds, so a restart between the two is out of the question. `exclude_announced` leaves
    out two nodes behind one address, one of which the port is forwarded to.

    At a default port another node behind the same address may answer, so the finding accuses only
    where one of these holds: the port is not a default port; the port answered with at least
    `min_pong_ids` ids within `period_h` hours that the host announced in no handshake (over weeks,
    the restarts of the other node bring as many); hosts in at least `min_networks` networks (/24,
    IPv6: /32), the own one included, contradict their handshakes with that same id, and a host of
    another network had answered with it before this one did. From `min_networks_any_order` networks
    on the order does not matter.

    Anyone can ping the node that answers at somebody's default port, and copy its id. To get a node
    banned that shares its address with another one, an attacker needs two addresses of different
    networks that the vantage node talks to, has to use one of them before the victim connects, and
    gets the other one banned. A host that answers with more than `max_pong_ids` ids counts for
    none, so that the cost grows with the number of victims. If a peer list names the host and port
    with the id of the pong, another node is known to listen there, and the finding is context;
    lists of hosts that contradict themselves with that id do not count.
    """
    wrong = _contradicted(view, max_delay_s, exclude_announced)
    rows = _at_pongs(view, wrong)
    elsewhere = _networks_elsewhere(wrong, pongs(view), max_pong_ids)
    many = (elsewhere["networks"] >= min_networks_any_order - 1) | (
        (elsewhere["networks"] >= min_networks - 1) & elsewhere["answered_before"]
    )
    changing = _changes_often(wrong, min_pong_ids, pd.Timedelta(hours=period_h))
    certain = _port_of_its_own(wrong["port"]) | many
    certain &= ~_listed(view, wrong, certain)
    accusing = wrong.loc[certain | changing, "pong"]
    return observations(rows, accuses=rows["message"].isin(accusing))


def _networks_elsewhere(
    wrong: pd.DataFrame, answered: pd.DataFrame, max_pong_ids: int
) -> pd.DataFrame:
    """For each back-ping in `wrong`: in how many other networks of its IP version hosts contradict
    themselves with the same id (`networks`), and whether a host of such a network had answered with
    it before the host did so for the first time (`answered_before`).
    """
    key = ["pong_id", "version"]
    wrong = _with_networks(wrong)
    ids = wrong.groupby("host")["pong_id"].transform("nunique")
    counted = wrong.loc[ids <= max_pong_ids, [*key, "network"]].drop_duplicates()
    total = counted.groupby(key).size().rename("total")
    own = counted.assign(own=1)
    # the first answer of each network: the earliest, and the one after it, which is of another
    first = _with_networks(answered.rename(columns={"peer_id": "pong_id"}))
    first = first.sort_values("time", kind="stable").drop_duplicates([*key, "network"])
    earliest = first.groupby(key)[["network", "time"]].nth(0).join(first[key])
    second = first.groupby(key)[["time"]].nth(1).join(first[key])
    begun = answered.groupby(["host", "peer_id"])["time"].min().rename("begun")
    table = wrong[[*key, "network", "host"]].merge(total, on=key, how="left")
    table = table.join(begun, on=["host", "pong_id"])
    table = table.merge(own, on=[*key, "network"], how="left")
    table = table.merge(earliest, on=key, how="left", suffixes=("", "_earliest"))
    table = table.merge(second, on=key, how="left", suffixes=("", "_second"))
    is_first = table["network"] == table["network_earliest"]
    before = table["time_second"].where(is_first, table["time"])
    networks = table["total"].fillna(0) - table["own"].fillna(0)
    result = pd.DataFrame({"networks": networks, "answered_before": before < table["begun"]})
    return result.set_axis(wrong.index)


def _with_networks(rows: pd.DataFrame) -> pd.DataFrame:
    network = networks_of(rows["host"]).astype(str)
    return rows.assign(network=network, version=network.str.contains(":", regex=False))


def _listed(view: View, wrong: pd.DataFrame, asked: pd.Series) -> pd.Series:
    """Which of the back-pings in `wrong`, of those in `asked`, were answered with the id that a
    peer list names for that host and port. Senders that contradict themselves with the id do not
    count.
    """
    keys = wrong[["host", "port", "pong_id"]].astype({"port": "int64", "pong_id": "uint64"})
    pings = keys[asked].assign(back_ping=wrong.index[asked])
    if pings.empty:
        return pd.Series(False, index=wrong.index)
    named = listed_ids(view, sorted(set(pings["host"]))).rename(columns={"peer_id": "pong_id"})
    named["sender"] = hosts_of(named["peer"])
    contradicting = keys[["host", "pong_id"]].drop_duplicates().rename(columns={"host": "sender"})
    pairs = pings.merge(named, on=["host", "port", "pong_id"])
    pairs = pairs.merge(contradicting, on=["sender", "pong_id"], how="left", indicator=True)
    known = pairs.loc[pairs["_merge"] == "left_only", "back_ping"]
    return pd.Series(wrong.index.isin(known), index=wrong.index)


def _changes_often(pings: pd.DataFrame, least: int, period: pd.Timedelta) -> pd.Series:
    """Back-pings of ports that answered with at least `least` ids within the period."""
    enough = pings.groupby(["host", "port"])["pong_id"].transform("nunique") >= least
    often: set[int] = set()
    for _, rows in pings[enough].sort_values("time").groupby(["host", "port"]):
        times, ids = rows["time"].to_list(), rows["pong_id"].to_list()
        first, inside, marked = 0, Counter[int](), 0  # back-pings from `first` on are inside
        for last, (time, pong_id) in enumerate(zip(times, ids, strict=True)):
            inside[pong_id] += 1
            while time - times[first] > period:
                inside[ids[first]] -= 1
                if inside[ids[first]] == 0:
                    del inside[ids[first]]
                first += 1
            if len(inside) >= least:
                often.update(rows.index[max(first, marked) : last + 1])
                marked = last + 1
    return pd.Series(pings.index.isin(often), index=pings.index)


def _contradicted(view: View, max_delay_s: float, exclude_announced: bool) -> pd.DataFrame:
    """Back-pings whose pong has another id than the handshake; with `exclude_announced` another
    than any that the host announced.
    """
    pings = back_pings(view, max_delay_s)
    wrong = pings[_differs(pings)]
    if exclude_announced:
        announced = announcements(view)
        own = _pairs(announced["host"], announced["peer_id"])
        wrong = wrong[~_pairs(wrong["host"], wrong["pong_id"]).isin(own)]
    return wrong


def _differs(pings: pd.DataFrame) -> pd.Series:
    return pings["match"].eq(False).fillna(False).astype(bool)


def _at_pongs(view: View, pings: pd.DataFrame) -> pd.DataFrame:
    """The pongs of the back-pings in `pings`, with the connection of the handshake as
    `other_connection`.
    """
    rows = pongs(view)
    asked = pings.set_index(pings["pong"].astype("int64"))["connection"]
    asked = asked[~asked.index.duplicated()]
    rows = rows[rows["message"].isin(asked.index)]
    return rows.assign(other_connection=asked.reindex(rows["message"]).to_numpy())


@rule(
    "MT405",
    family="identity",
    weight="weak",
    unit="pong",
    cause="pong_id",
    forgeable_by="another peer",
    standard="Each monerod answers pings with its own random id.",
    reason=(
        "answered {observations:back-ping} with an id that {highest:address|addresses} answer "
        "with (flagged from {min_sites}; a standard node has an id of its own)"
    ),
    evasion="Let the proxy rewrite the id in pongs, or answer pings itself.",
    compares_peers=True,
    source="src/p2p/net_node.inl handle_ping; the research lab's fingerprint, seen passively",
    since="0.10.2",
)
def pong_id_shared(view: View, *, min_sites: int = 2, max_delay_s: float = 5.0) -> pd.DataFrame:
    """One id answered to back-pings by at least `min_sites` IPv4 addresses, or IPv6 /64s; flagged
    are the hosts that announced another id in the handshake and that one in none.

    Hosts that answer with the id of one process pass the ping on to it, or all stand in front of
    it. A node whose own id others answer with is not flagged. The measure is the number of sites.
    """
    rows = pongs(view)
    rows["site"] = sites_of(rows["peer"])
    rows["v6"] = rows["site"].str.contains(":", regex=False)
    sites = rows.groupby(["peer_id", "v6"])["site"].transform("nunique")
    announced = announcements(view)
    own = _pairs(rows["host"], rows["peer_id"]).isin(
        _pairs(announced["host"], announced["peer_id"])
    )
    pings = back_pings(view, max_delay_s)
    other = rows["message"].isin(pings.loc[_differs(pings), "pong"].astype("int64"))
    wrong = (sites >= min_sites) & other & ~own
    return observations(rows[wrong], sites[wrong])


def _pairs(hosts: pd.Series, ids: pd.Series) -> pd.Series:
    """Host and id as one value; ids stay exact."""
    return pd.Series(
        list(zip(hosts, (int(number) for number in ids), strict=True)),
        index=hosts.index,
        dtype=object,
    )


@rule(
    "MT406",
    family="identity",
    weight="weak",
    unit="handshake",
    cause="nodes_per_address",
    standard="Only a restart changes the id of a monerod.",
    reason=(
        "announced a new peer id {observations:time}, in {highest:%} of its later sessions "
        "(flagged from {min_changes:change} and {min_share:%})"
    ),
    evasion="Keep the id: the sessions can then be linked.",
    source="src/p2p/net_node.inl init_config: only a restart changes the id",
    since="0.10.2",
    known_false_positives="An unreachable node that restarts before every session.",
)
def peer_id_rotates(
    view: View, *, min_changes: int = 3, min_share: float = 0.8, exclude_confirmed: bool = True
) -> pd.DataFrame:
    """A host and listening port announces a new id, never seen there before, at least `min_changes`
    times and in at least `min_share` of its sessions after the first, each time when its
    connections with other ids were silent.

    Three restarts in as many sessions happen to a node that crashes, or that is restarted every
    week of a long capture. Where it listens, the back-ping of the new id separates the two: a
    process with that id answers, so it was a restart, and the change does not count
    (`exclude_confirmed`). Hosts that hide their port are left out, because the exit of a VPN shows
    one new node after the other; so does one at a default port, which accuses only where a pong
    contradicts the new ids. The measure is the share.
    """
    sessions = id_sessions(view)
    sessions = sessions[sessions["port"].notna()]
    fresh = sessions["changed"] & ~sessions["known"] & sessions["sequential"]
    if exclude_confirmed:  # a process of that id listens: a restart
        pings = back_pings(view)
        confirmed = pings.loc[pings["match"].fillna(False).astype(bool), "message"]
        fresh &= ~sessions["message"].isin(confirmed)
    changes = fresh.groupby(sessions["endpoint"]).transform("sum")
    later = sessions.groupby("endpoint")["session"].transform("size") - 1
    rotates = fresh & (changes >= min_changes) & (changes >= min_share * later)
    wrong = sessions["message"].isin(_contradicted(view, 5.0, True)["message"])
    return observations(
        sessions[rotates],
        (changes / later.where(later > 0))[rotates],
        accuses=(_port_of_its_own(sessions["port"]) | wrong)[rotates],
    )


@rule(
    "MT407",
    family="identity",
    weight="weak",
    unit="handshake",
    cause="nodes_per_address",
    standard="One process binds a port, and has one id.",
    reason=(
        "announced another peer id in {observations:handshake} while a connection with an "
        "earlier id was in use (flagged after {min_overlap_s} s of both; a standard node "
        "never does)"
    ),
    evasion="Announce one id per port: the spy needs state per address.",
    source=(
        "src/p2p/net_node.inl init_config, init: one process, one id, and one process binds a port"
    ),
    since="0.10.2",
    known_false_positives=f"{_NAT}, connected at once.",
)
def peer_ids_side_by_side(view: View, *, min_overlap_s: float = 1.0) -> pd.DataFrame:
    """A host and listening port announces an id, and more than `min_overlap_s` seconds later
    something comes on an earlier connection of it with another id.

    One process binds a port. At a default port the finding is context, because several nodes behind
    one address look the same. A machine that failed and came back is silent on its old connections,
    so these do not count.
    """
    rows = concurrent_peer_ids(view, min_overlap_s)
    return observations(
        rows, accuses=_port_of_its_own(rows["port"]) & (not view.whole.clock_stepped)
    )


@rule(
    "MT408",
    family="identity",
    weight="strong",
    unit="message",
    cause="peer_id_value",
    standard=(
        "monerod draws a random 64-bit id; 0 and 1 are never drawn in practice, and 1 is for "
        "Tor and I2P."
    ),
    reason=(
        "announced a reserved peer id ({reserved_ids}) in {observations:message} (a standard node "
        "never does)"
    ),
    evasion="Draw a random id: free.",
    source=(
        "src/p2p/net_node.h config_t (1 is the id on Tor and I2P); net_node.inl (0 is no handshake)"
    ),
    since="0.10.2",
    known_false_positives=(
        "A proxy of a hidden service on another machine: nodes announce 1 on Tor and I2P."
    ),
)
def peer_id_reserved(view: View, *, reserved_ids: tuple[int, ...] = (0, 1)) -> pd.DataFrame:
    """A handshake or pong with a peer id among `reserved_ids`, from an address that is not a
    loopback address.

    A node draws one of them by chance once in 2^63 starts. Daemons of Tor and I2P deliver peers
    over loopback, and all such peers have id 1.
    """
    nodes = view.node_data
    rows = nodes[(nodes["direction"] == "received") & nodes["peer_id"].isin(reserved_ids)]
    clearnet = ~rows["peer"].isin(view.loopback)
    return observations(rows[pd.Series(clearnet, index=rows.index, dtype=bool)])
