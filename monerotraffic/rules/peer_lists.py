"""Rules on the peer lists that peers send. Family `peer_lists`.

Uses the metrics of monerotraffic.metrics.peer_lists and similarity; knows no other family.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.comparisons import (
    listening_ports,
    odd_entries,
    port_namers,
    port_witnesses,
    reaches_private,
    scattered_hosts,
    sent_ids,
)
from monerotraffic.metrics.entries import Entries, entries
from monerotraffic.metrics.peer_lists import list_diversity
from monerotraffic.metrics.similarity import list_similarity
from monerotraffic.rules.rule import Parameters, observations, rule
from monerotraffic.tables.view import View

__all__ = [
    "many_ports",
    "peer_list_bad_pruning_seed",
    "peer_list_low_diversity",
    "peer_list_one_host_many_ports",
    "peer_list_oversized",
    "peer_list_private",
    "peer_list_repeats",
    "peer_list_similar",
]

_PRUNING_SEEDS = (384, 391)  # (3 << 7) | stripe - 1, of 8 stripes
_FEW = 5  # other senders that a list can be compared with
_DENSE = 4  # hosts of one list in a subnet
_DIVERSITY_ALONE: Parameters = {"min_hosts": 1, "max_scattered_share": None}
_PUBLISHED_SIMILAR: Parameters = {
    "by": "subnet",
    "min_excess": None,
    "max_chance": None,
    "min_other_senders": 0,
    "max_similar_share": None,
    "allow_common_id": True,
}


def _similar(parameters: Parameters) -> str:
    """The reason of peer_list_similar: the published variants judge by the Jaccard index."""
    if parameters["min_excess"] is None:
        return (
            "sent {observations:peer list} with a Jaccard index of {highest} to a list of another "
            "sender, by {by} (flagged above {min_jaccard})"
        )
    return (
        "sent {observations:peer list} that share {highest:%} of their entries beyond chance with "
        "a list of another sender (flagged from {min_excess:%})"
    )


@rule(
    "MT301",
    family="peer_lists",
    weight="weak",
    unit="peer list",
    cause="list_composition",
    standard=(
        "A standard node sends a random sample of its white list, which spans the subnets of "
        "the whole network."
    ),
    reason=(
        "sent {observations:peer list} from few subnets: {lowest} of them per address (flagged "
        "below {max_diversity})"
    ),
    evasion="Hand out addresses of others too: a spy then advertises honest nodes.",
    compares_peers=True,
    source=(
        "arXiv 2509.10214, peer list diversity; src/p2p/net_peerlist.h get_peerlist_head (a random "
        "sample of the white list)"
    ),
    known_false_positives=(
        "Test networks that live in a few subnets. A node whose white list one operator fills "
        "alone (an eclipse): one cause, so suspicious at most."
    ),
    paper="PLD",
    presets={
        "arxiv-v1": {**_DIVERSITY_ALONE, "min_entries": 250, "max_diversity": 0.1},
        "aft-2026": {**_DIVERSITY_ALONE, "min_entries": 225, "max_diversity": 0.05},
    },
)
def peer_list_low_diversity(
    view: View,
    *,
    min_entries: int = 100,
    min_hosts: int = 50,
    max_diversity: float = 0.25,
    max_scattered_share: float | None = 0.02,
    max_expected_ratio: float = 0.25,
    max_chance: float = 1e-6,
    min_other_subnets: int = 5,
    periods_h: tuple[float, ...] = (1.0, 24.0),
) -> pd.DataFrame:
    """A peer list of at least `min_entries` entries and `min_hosts` hosts whose hosts lie in few
    subnets (distinct /24, IPv6: /64, ÷ distinct IP addresses is below `max_diversity`), further
    from the network's composition than the lists of other senders are.

    A standard node's list is as diverse as its white list, which others fill: where one operator
    owns most of the endpoints, honest lists are dense too. So a list is compared with the lists of
    the other senders by the share of its hosts that are scattered, that is, in a subnet with fewer
    than four hosts of the list. It is flagged if

    - at most `max_scattered_share` of its hosts are scattered: a list of one operator, whatever
      others send; or
    - it has at most `max_expected_ratio` of the scattered hosts that the lists of the other senders
      have on average (every /24 of senders counts once, and at least `min_other_subnets` of them
      are needed), which by chance has a probability below `max_chance` over all lists.

    The composition of the network changes with time. So the least of several means counts: over
    the whole capture, and over the periods of each length in `periods_h` in which the list, or the
    period before or after it, falls.

    Honest lists of a network in which one operator owns 60, 75, 82 or 90 % of the endpoints are not
    flagged; lists of the operator's endpoints alone are, also where 30, 50 or 70 % of the senders
    send such. The emulated spies of the labelled captures have a diversity of 0.008 to 0.08, honest
    peers 1 (the lab spreads their addresses). The published variants judge by the diversity alone.
    The measure is the diversity, and low values count.
    """
    lists = list_diversity(view)
    useful = (lists["entries"] >= min_entries) & (lists["hosts"] >= min_hosts)
    low = useful & (lists["diversity"] < max_diversity)
    if max_scattered_share is None:
        return observations(lists[low], lists["diversity"][low])
    dense = scattered_hosts(view, _DENSE)
    hosts = dense["hosts"].to_numpy()
    share = dense["scattered"] / np.maximum(hosts, 1)
    expected = _of_other_subnets(view, share, useful, periods_h, min_other_subnets)
    bound = pd.Series(_log_tail(share, expected, hosts), index=lists.index)
    differs = (share <= max_expected_ratio * expected) & (
        bound <= np.log(max_chance / max(1, int(useful.sum())))
    )
    narrow = low & (differs | (share <= max_scattered_share))
    chance = np.exp(bound).where(differs)
    return observations(lists[narrow], lists["diversity"][narrow], chance=chance[narrow])


def _of_other_subnets(
    view: View,
    share: pd.Series,
    useful: pd.Series,
    periods_h: Iterable[float],
    min_other_subnets: int,
) -> pd.Series:
    """For each list the mean share of the useful lists of senders in other subnets, every subnet of
    senders counting once: the least of the means over the whole capture and over the periods of
    each length around the list. NaN where no period has `min_other_subnets` other subnets.
    """
    subnet = _subnets_of_senders(view)
    time = list_diversity(view)["time"]
    since = (time - time.min()).dt.total_seconds()
    least = pd.Series(np.nan, index=share.index)
    for hours in (*periods_h, np.inf):
        period = (since // (hours * 3600.0)).fillna(0).astype("int64")
        means = share[useful].groupby([period[useful], subnet[useful]]).mean()
        sums = means.groupby(level=0).agg(["sum", "size"])
        for step in (-1, 0, 1):
            near = period + step
            own = means.reindex(pd.MultiIndex.from_arrays([near, subnet])).set_axis(share.index)
            others = near.map(sums["size"]).fillna(0) - own.notna()
            mean = (near.map(sums["sum"]) - own.fillna(0.0)) / others
            least = np.fmin(least, mean.where(others >= min_other_subnets))
    return least


def _subnets_of_senders(view: View) -> pd.Series:
    """The subnet of the sender of each list of list_diversity."""
    lists = list_diversity(view)
    return pd.Series(view.addresses.subnet[lists["peer"].cat.codes.to_numpy()], index=lists.index)


def _log_tail(
    share: pd.Series, expected: pd.Series, size: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Hoeffding's bound on the logarithm of the probability of at most this share of `size` where
    `expected` is the mean; 0 where the share is not below it.
    """
    k, e = share.to_numpy(), np.clip(expected.fillna(0.0).to_numpy(), 1e-12, 1 - 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.where(k > 0, k * np.log(k / e), 0) + np.where(
            k < 1, (1 - k) * np.log((1 - k) / (1 - e)), 0
        )
    return np.where(k < e, -size * entropy, 0.0)


@rule(
    "MT302",
    family="peer_lists",
    weight="weak",
    unit="peer list",
    cause="list_copies",
    forgeable_by="another peer",
    standard=(
        "A standard node sends 250 peers at random of up to 1,000 white ones, so two "
        "independent nodes share few."
    ),
    reason=_similar,
    evasion="Draw a new list per connection from a pool of more than 1000 addresses.",
    compares_peers=True,
    source=(
        "arXiv 2509.10214, peer list similarity; src/p2p/net_peerlist.h get_peerlist_head (250 at "
        "random of at most 1000 white peers)"
    ),
    known_false_positives=(
        "A node with a white list of fewer than about 500 peers that restarts on another address "
        "(new id, same list); nodes that an operator cloned with their `p2pstate.bin`."
    ),
    paper="PLS",
    presets={
        "arxiv-v1": {"min_entries": 250, "min_jaccard": 0.3, "min_pairs": 5, **_PUBLISHED_SIMILAR},
        "aft-2026": {"min_entries": 226, "min_jaccard": 0.99, "min_pairs": 1, **_PUBLISHED_SIMILAR},
    },
)
def peer_list_similar(
    view: View,
    *,
    by: str = "host",
    min_entries: int = 150,
    min_jaccard: float = 0.0,
    min_pairs: int = 1,
    min_excess: float | None = 0.5,
    max_chance: float | None = 1e-6,
    min_other_senders: int = 5,
    max_similar_share: float | None = 0.5,
    allow_common_id: bool = False,
    max_lists_per_peer: int | None = None,
    max_lists: int | None = None,
) -> pd.DataFrame:
    """Two lists of different senders share more than independent samples would: of what the
    popularity of their entries among the other senders leaves open, they share at least
    `min_excess`, which by chance has a probability below `max_chance` over all pairs compared.

    A pair counts if

    1. both lists have at least `min_entries` entries: shorter ones are whole white lists of young
       nodes, which have their first peers from the same seeds. Simulated nodes with 150 to 198
       peers, in networks of 200 to 6000 whose popularity is as uneven as Zipf's law with an
       exponent of 1.4, are not flagged;
    2. the excess is at least `min_excess`: two full white lists with the same 1000 peers share
       0.25 ± 0.024 of 250, and not 0.4 in a hundred million pairs. Among lists of equal size half
       of the list is a Jaccard index of a third, about what the paper asks (0.3). The emulated
       spies of the labelled captures share 0.976;
    3. the bound on its probability (`log_p`) is below `max_chance` ÷ pairs compared (Bonferroni);
    4. at least `min_other_senders` others sent lists: a list cannot differ from a network of
       which nothing else is seen;
    5. neither list is as similar to those of more than `max_similar_share` of all other senders. In
       a network of 300 peers all honest lists are similar, and senders of other lists only lower
       the expectation. So spies that send one list are not found once they are the majority of all
       senders: a small network looks the same;
    6. the two senders have no peer id in common (unless `allow_common_id`): a node that has two
       addresses or has changed its address is not similar to itself. Several nodes with one id are
       the matter of `peer_id_shared`.

    All lists are compared, unless `max_lists_per_peer` (of a sender) and `max_lists` limit them. Of
    more than 10,000 lists, similar pairs are found by locality-sensitive hashing: of pairs of lists
    of one size that share 0.5, 0.6 and 0.67, it finds 80, 99 and 99.9 %. The published
    variants compare /24s by the Jaccard index without any of the conditions; on the labelled
    captures the first flags all honest controls. Anybody can copy the list of an honest node, so
    the finding never accuses the sender that was first, and others only next to a cause of their
    own. The measure is the excess, near 1 for the same list.
    """
    pairs = list_similarity(
        view,
        by=by,
        # an excess of x needs a share of x, and so does a Jaccard index of x
        min_share=max(min_jaccard, min_excess or 0.0),
        min_entries=min_entries,
        each=max_lists_per_peer,
        most=max_lists,
    )
    similar = pairs[(pairs["jaccard"] > min_jaccard) & (pairs["senders"] >= min_other_senders)]
    if min_excess is not None:
        similar = similar[similar["excess"] >= min_excess]
    if max_chance is not None:
        similar = similar[similar["log_p"] <= np.log(max_chance / max(1, pairs.attrs["pairs"]))]
    if max_similar_share is not None:
        like = similar[["alike", "other_alike"]].max(axis=1)
        similar = similar[like <= max_similar_share]
    if not allow_common_id:
        similar = _of_two_nodes(view, similar)
    measure = "jaccard" if min_excess is None else "excess"
    sides = (("peer", "message"), ("other", "other_message"))
    seen = pd.concat(
        [
            similar[[*side, measure]].set_axis(["peer", "message", "measure"], axis=1)
            for side in sides
        ]
    )
    seen = seen[seen.groupby("peer")["message"].transform("size") >= min_pairs]
    best = seen.groupby("message")["measure"].max()
    lists = list_diversity(view)
    chosen = lists[lists["message"].isin(best.index)]
    return observations(
        chosen,
        chosen["message"].map(best),
        accuses=chosen["peer"].astype(object).isin(_later(lists, similar)),
    )


def _later(lists: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series:
    """Senders that sent their list of a pair after the other sender: who is copied was first."""
    time = lists.set_index("message")["time"]
    first = (
        time.reindex(pairs["message"]).to_numpy() <= time.reindex(pairs["other_message"]).to_numpy()
    )
    return pd.Series(np.where(first, pairs["other"], pairs["peer"]), dtype=object)


def _of_two_nodes(view: View, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs whose senders have no peer id in common. One id on two addresses is one node, or a
    matter of the rule peer_id_shared.
    """
    ids = sent_ids(view)
    both = (
        pairs[["peer", "other"]]
        .drop_duplicates()
        .merge(ids, on="peer")
        .merge(ids.rename(columns={"peer": "other"}), on=["other", "id"])
    )
    one = pd.MultiIndex.from_frame(both[["peer", "other"]])
    return pairs[~pd.MultiIndex.from_frame(pairs[["peer", "other"]]).isin(one)]


@rule(
    "MT303",
    family="peer_lists",
    weight="strong",
    unit="peer list",
    cause="peer_list_fields",
    standard="A standard node sends at most 250 entries, and drops a peer that sends more.",
    reason=(
        "sent up to {highest:entry|entries} in one peer list (a standard node sends at most "
        "{max_entries})"
    ),
    evasion="Send 250 entries at most: free.",
    source=(
        "src/cryptonote_config.h P2P_DEFAULT_PEERS_IN_HANDSHAKE, P2P_MAX_PEERS_IN_HANDSHAKE (250); "
        "src/p2p/net_node.inl: the receiver drops the sender"
    ),
)
def peer_list_oversized(view: View, *, max_entries: int = 250) -> pd.DataFrame:
    """More than `max_entries` entries in the peer list of one message.

    A standard node sends at most 250, and drops a peer that sends more. The measure is the number
    of entries.
    """
    lists = entries(view).lists
    oversized = lists[lists["entries"] > max_entries]
    return observations(oversized, measure=oversized["entries"])


def _with_entries(e: Entries, chosen: NDArray[np.bool_]) -> pd.DataFrame:
    """Lists that have such entries; the measure is how many."""
    count = e.per_list(chosen)
    return observations(e.lists[count > 0].assign(measure=count[count > 0]))


@rule(
    "MT304",
    family="peer_lists",
    weight="context",
    unit="peer list",
    cause="peer_list_fields",
    standard="Since 0.16, monerod remembers which entries it has sent on a connection.",
    reason=(
        "repeated up to {highest:entry|entries} of one list on the same connection (a standard "
        "node repeats none)"
    ),
    evasion="Remember what was sent on a connection: free.",
    compares_peers=True,
    source="src/p2p/net_node.inl handle_timed_sync, handle_handshake (sent_addresses)",
    since="0.16.0",
    known_false_positives="Cuprate draws a new sample each time and repeats entries.",
)
def peer_list_repeats(view: View, *, max_repeating_share: float = 0.25) -> pd.DataFrame:
    """An entry whose host and port the peer had named before on the same connection, where at most
    `max_repeating_share` of the other senders of several lists on a connection repeat any.

    monerod does not repeat one since 0.16, other implementations do. Where many senders repeat, the
    finding says nothing of one of them, so none is flagged. The measure is the number of such
    entries.
    """
    lists = list_diversity(view)
    repeats = lists["repeated"] > 0
    several = lists[lists.duplicated("connection", keep=False)]
    senders = repeats[several.index].groupby(several["peer"].astype(object)).any()
    others = senders.sum() - senders
    usual = others > max_repeating_share * max(1, len(senders) - 1)
    shown = repeats & ~lists["peer"].isin(usual.index[usual])
    return observations(lists[shown], lists["repeated"][shown])


@rule(
    "MT305",
    family="peer_lists",
    weight="weak",
    unit="peer list",
    cause="list_composition",
    standard="A list is a sample of a white list, in which few hosts have a second port.",
    reason=(
        "sent {observations:peer list} in which up to {highest:%} of the hosts have several "
        "ports (flagged from {min_share:%})"
    ),
    evasion="Advertise one port per host: the spy needs more addresses.",
    compares_peers=True,
    source=(
        "src/p2p/net_peerlist.h append_with_peer_white, filter (HackerOne report 3547349); "
        "research "
        "lab, on class lists"
    ),
    known_false_positives=(
        "White lists that spies with many ports fill; each port must answer the back-ping with the "
        "right id."
    ),
)
def peer_list_one_host_many_ports(
    view: View, *, min_entries: int = 100, min_share: float = 0.5
) -> pd.DataFrame:
    """A peer list of at least `min_entries` entries in which at least `min_share` of the hosts have
    two or more ports.

    monerod means to keep one port per host since 0.17.1.6, but the test in
    `peerlist_manager::filter` is inverted, so one such host in a list of monerod 0.18 is common. A
    list is a sample: of a host with two ports in a white list of 1000, both are in a list of 250
    with a probability of 1 in 16. So a list most of whose hosts have several ports is no sample of
    a white list. The class lists of the labelled captures have 0.80 to 0.91, honest nodes at most
    0.25, and those in lists of ten entries. The finding accuses where the share is at least twice
    that of the lists of a fifth of the other senders: where spies with many ports fill the white
    lists, all lists look like this. The measure is the share.
    """
    lists = list_diversity(view)
    share = lists["many_ports"] / lists["hosts"]
    useful = lists["entries"] >= min_entries
    concentrated = useful & (share >= min_share)
    usual = _usual_share(view, share, useful)
    return observations(
        lists[concentrated], share[concentrated], accuses=(share >= 2 * usual)[concentrated]
    )


def _usual_share(view: View, share: pd.Series, useful: pd.Series) -> pd.Series:
    """For each list the share that the lists of a fifth of the other senders do not exceed (every
    subnet of senders counts once); 0 where there are fewer than five others.
    """
    subnet = _subnets_of_senders(view)
    means = share[useful].groupby(subnet[useful]).mean().dropna().sort_values(kind="stable")
    rank = means.index.get_indexer(subnet)
    return pd.Series(_fifth_without(means.to_numpy(), rank), index=share.index)


def _fifth_without(values: NDArray[np.float64], rank: NDArray[np.intp]) -> NDArray[np.float64]:
    """The 0.2 quantile of sorted values without the one at each rank (-1: of all); 0 where fewer
    than _FEW remain.
    """
    if len(values) < _FEW:
        return np.zeros(len(rank))
    left_out = rank >= 0
    last = len(values) - 1 - left_out
    place = 0.2 * last
    low = np.floor(place).astype(np.int64)
    # values from the rank on move by one
    below, above = (
        values[at + (left_out & (at >= rank))] for at in (low, np.minimum(low + 1, last))
    )
    fifth: NDArray[np.float64] = below + (above - below) * (place - low)
    return np.where(last + 1 >= _FEW, fifth, 0.0)


@rule(
    "MT306",
    family="peer_lists",
    weight="weak",
    unit="peer list",
    cause="peer_list_fields",
    standard="monerod removes loopback and private addresses before it sends a list.",
    reason=(
        "sent {observations:peer list} with up to {highest:entry|entries} that cannot be "
        "reached over the internet (a standard node sends none)"
    ),
    evasion="Filter the addresses: free.",
    compares_peers=True,
    source="src/p2p/net_peerlist.h is_host_allowed; src/p2p/net_node.inl sanitize_peerlist",
    known_false_positives="monerod with --allow-local-ip.",
)
def peer_list_private(view: View, *, max_other_share: float = 0.1) -> pd.DataFrame:
    """An entry with a loopback, private, link-local or unspecified host, port 0, no valid address,
    or a Tor or I2P name on clearnet.

    `is_host_allowed` and `sanitize_peerlist` keep such addresses out. Where any peer of the capture
    itself comes from such an address (`--allow-local-ip`, a lab, a container's bridge), only port
    0, missing addresses and names count. Shared address space (100.64.0.0/10) and documentation
    networks do not count. monerod does not test 169.254.0.0/16 and fc00::/7, but cannot reach such
    hosts from elsewhere. The finding accuses where at most `max_other_share` of at least five other
    senders send such entries. The measure is the number of such entries.
    """
    lists = odd_entries(view, not reaches_private(view))
    senders = list_diversity(view)["peer"].nunique()
    few = lists["peer"].nunique() - 1 <= max_other_share * (senders - 1)
    return observations(lists, accuses=bool(few and senders > _FEW))


@rule(
    "MT307",
    family="peer_lists",
    weight="strong",
    unit="peer list",
    cause="peer_list_fields",
    standard="make_pruning_seed in monerod returns 384 to 391 only; 0 means not pruned.",
    reason=(
        "sent {observations:peer list} with up to {highest:invalid pruning seed} (a standard "
        "node sends none)"
    ),
    evasion="Send 0 or a sound seed: free.",
    source="src/common/pruning.cpp make_pruning_seed; src/p2p/net_node.inl sanitize_peerlist",
    since="0.14.1",
)
def peer_list_bad_pruning_seed(view: View) -> pd.DataFrame:
    """An entry with a `pruning_seed` other than 0 and 384 to 391.

    `make_pruning_seed` returns 384 to 391; 0 means unpruned, which 0.14.1 to 0.15 wrote. The
    measure is the number of such entries.
    """
    e = entries(view)
    seed = view.traffic.coded_lists.entries["pruning_seed"]  # 0 where it is left out
    wrong = (seed != 0) & ((seed < _PRUNING_SEEDS[0]) | (seed > _PRUNING_SEEDS[1]))
    return _with_entries(e, wrong[e.code])


@rule(
    "MT308",
    family="peer_lists",
    weight="weak",
    unit="port",
    cause="nodes_per_address",
    standard="A node listens on one port; NAT puts a second one on an address.",
    reason="is reachable on {highest:port} (flagged from {min_ports}; NAT explains two)",
    evasion="Advertise one or two ports per address: the spy needs more addresses.",
    compares_peers=True,
    source=(
        "research lab, on proxies in front of few nodes; src/p2p/net_node.inl try_ping (a "
        "port in a "
        "white list has answered)"
    ),
    known_false_positives="Customers of a hoster behind one address.",
)
def many_ports(view: View, *, min_ports: int = 3, min_sender_subnets: int = 3) -> pd.DataFrame:
    """A host with at least `min_ports` listening ports: those that it announces itself in
    `my_port`, those that answered the vantage node, and those that lists of peers from at least
    `min_sender_subnets` subnets other than its own name.

    Two ports are NAT. Senders of class lists (as in `peer_list_one_host_many_ports`) do not count,
    nor do the senders of one subnet. Only hosts that were peers are flagged. The evidence for each
    port is the handshake, the connection or the list that first shows it. Ports that only others
    name are hearsay: the finding accuses where the host itself announced, or answered on, at least
    `min_ports`. An address that several nodes share has several ids and several ports, so the cause
    is that of the rules on peer ids. The measure is the number of ports.
    """
    own = listening_ports(view)
    namers = port_namers(view, min_sender_subnets).groupby(["host", "port"]).size()
    named = namers.index[namers >= min_sender_subnets].to_frame(index=False)
    ports = pd.concat([own, named], ignore_index=True).drop_duplicates()
    ports = ports.assign(measure=ports.groupby("host")["port"].transform("size").astype(float))
    ports = ports[ports["measure"] >= min_ports]
    shown = ports.merge(
        port_witnesses(view).drop_duplicates(["host", "port"]), on=["host", "port"]
    ).sort_values("time", kind="stable")
    return observations(
        shown.rename(columns={"host": "peer"}),
        accuses=shown["host"].map(own.groupby("host").size()).fillna(0) >= min_ports,
    )
