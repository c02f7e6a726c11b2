"""Similarity of peer lists. docs/metrics/peer_lists.md explains the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.advertised import claims
from monerotraffic.metrics.comparisons import ComparedLists, compared_lists, lists_to_compare
from monerotraffic.metrics.entries import entries, texts
from monerotraffic.metrics.set_overlaps import Sets, above_diagonal
from monerotraffic.metrics.similar_sets import (
    MOST_EXACT,
    SimilarSets,
    alike,
    expected_share,
    similar_sets,
)
from monerotraffic.metrics.sketches import mixed
from monerotraffic.metrics.sources import in_parts
from monerotraffic.net.columns import Addresses
from monerotraffic.tables.part_metrics import in_order
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, once_per_view, per_peer, viewed

__all__ = [
    "collected_with",
    "list_similarity",
    "sender_similarity",
    "similarity_distribution",
    "vantage_similarity",
]

Ints = NDArray[np.int64]
By = str | Mapping[str, Any]

_SAMPLE = 4_000
"""Lists of which all pairs are counted for the distribution if there are too many."""
_TABLES = ("connections", "messages", "problems")
_BINS = 20
_KEPT_SHARE, _KEPT_ENTRIES = 0.4, 100  # of the pairs that several metrics share


@dataclass(frozen=True)
class _Lists:
    """The peer lists that are compared, as sets."""

    compared: ComparedLists
    sets: Sets
    names: NDArray[np.uint64]
    """A keyed hash of each element."""

    @property
    def sender(self) -> Ints:
        """A number of the sender of each list. An address and its v4-mapped form share it."""
        numbers: Ints = self.compared.addresses.same[self.compared.sender].astype(np.int64)
        return numbers

    def of_at_least(self, entries: int) -> Ints:
        """Which of the lists have as many entries."""
        return np.flatnonzero(self.compared.length >= entries)


def collected_with(
    by: By, min_share: float, min_entries: int, each: int | None, most: int | None
) -> tuple[int, int | None, int | None]:
    """With which `min_entries`, `each` and `most` lists are collected and searched: calls that
    differ only in thresholds share one search.
    """
    shared = each is None and most is None and isinstance(by, str)
    if shared and min_entries >= _KEPT_ENTRIES and min_share >= _KEPT_SHARE:
        return _KEPT_ENTRIES, each, most
    return min_entries, each, most


_CACHE: WeakKeyDictionary[View, dict[object, _Lists]] = WeakKeyDictionary()


def _lists(view: View, by: By, min_entries: int, each: int | None, most: int | None) -> _Lists:
    """The lists to compare, made once for each View and set of arguments."""
    if not isinstance(by, str):
        return _built(view, by, min_entries, each, most)
    kept, key = _CACHE.setdefault(view, {}), (by, min_entries, each, most)
    if key not in kept:
        kept[key] = _built(view, by, min_entries, each, most)
    return kept[key]


def _built(view: View, by: By, min_entries: int, each: int | None, most: int | None) -> _Lists:
    lists = compared_lists(view, min_entries, each, most)
    if by == "endpoint":
        known = lists.host >= 0
        pairs, codes = np.unique(
            lists.host[known].astype(np.int64) << 16 | lists.port[known], return_inverse=True
        )
        code = np.full(len(lists.host), -1, dtype=np.int32)
        code[known] = codes
        number = np.arange(len(pairs), dtype=np.int64)
        hashed = _hashed(lists.lists, lists.addresses.text.take(pairs >> 16))
        names = _names_of_endpoints(hashed, pairs)
    else:
        code, (number, texts_of) = lists.host, _elements(lists.addresses, by)
        names = _hashed(lists.lists, texts_of)
    numbers = np.append(number, -1).astype(np.int32)
    sets = Sets.from_runs(lists.start, lists.length, code, numbers)
    return _Lists(lists, sets, names)


def _names_of_endpoints(hosts: NDArray[np.uint64], endpoints: Ints) -> NDArray[np.uint64]:
    """A hash of each host and port from that of the host."""
    return mixed(hosts, 0) + mixed((endpoints & 0xFFFF).astype(np.uint64), 1)


def _hashed(lists: pd.DataFrame, elements: Any) -> NDArray[np.uint64]:
    """A hash of texts with a key that depends on when the lists arrived, which no peer knows when
    it chooses them, and which is the same each time that the capture is read.
    """
    arrived = lists["time"].astype("int64").to_numpy()
    key = blake2b(arrived.tobytes(), digest_size=8).hexdigest()
    hashes: NDArray[np.uint64] = pd.util.hash_array(
        np.asarray(elements, dtype=object), hash_key=key, categorize=False
    )
    return hashes


def _elements(addresses: Addresses, by: By) -> tuple[Ints, Any]:
    """The element of each address code, -1 excludes it; and the text of each element."""
    if by == "host":
        return np.arange(len(addresses.text), dtype=np.int64), addresses.text
    if by == "subnet":
        return addresses.subnet.astype(np.int64), addresses.subnet_names
    if isinstance(by, str):
        raise ValueError(
            f"by={by!r}: must be host, endpoint, subnet, or a mapping from address to group"
        )
    groups, names = pd.factorize(texts([by.get(text) for text in addresses.text.to_list()]))
    return groups.astype(np.int64), [str(name) for name in names]


def _similar_lists(
    view: View, by: By, min_share: float, min_entries: int, each: int | None, most: int | None
) -> tuple[_Lists, Ints, SimilarSets]:
    """The lists, which of them are compared, and the similar pairs among these.

    Calls that differ only in thresholds share one search.
    """
    arguments = collected_with(by, min_share, min_entries, each, most)
    least = _KEPT_SHARE if arguments[0] != min_entries else min_share
    lists = _lists(view, by, *arguments)
    search = _found_once if isinstance(by, str) else _found_once.__wrapped__  # type: ignore[attr-defined]
    pairs = search(view, by, least, *arguments)
    chosen = lists.of_at_least(min_entries)
    place = np.full(len(lists.sets), -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    left, right, shared = (pairs[name].to_numpy() for name in ("left", "right", "shared"))
    least = np.minimum(lists.sets.size[left], lists.sets.size[right])
    wanted = (
        (shared >= np.maximum(1, min_share * least - 1e-9))
        & (place[left] >= 0)
        & (place[right] >= 0)
    )
    how = {name: pairs.attrs[name] for name in ("exact", "repeated", "left_out")}
    matches = SimilarSets(place[left[wanted]], place[right[wanted]], shared[wanted], **how)
    return lists, chosen, matches


@once_per_view
def _found_once(
    traffic: Traffic | View,
    by: By,
    min_share: float,
    min_entries: int,
    each: int | None,
    most: int | None,
) -> pd.DataFrame:
    """The pairs of similar_sets (`left`, `right`, `shared`); the rest of its result in attrs, and
    the `histogram` of the Jaccard index if all pairs were counted.
    """
    lists = _lists(viewed(traffic), by, min_entries, each, most)
    sender, counted = lists.sender, np.zeros((2, _BINS), dtype=np.int64)

    def count(low: int, counts: Ints) -> None:
        _add(counted, low, counts, lists.sets.size, sender)

    matches = similar_sets(lists.sets, sender, lists.names, min_share, count)
    table = pd.DataFrame({"left": matches.left, "right": matches.right, "shared": matches.shared})
    table.attrs = {
        "exact": matches.exact,
        "repeated": matches.repeated,
        "left_out": matches.left_out,
        "histogram": counted.tolist() if matches.exact else None,
    }
    return table


@in_parts
def list_similarity(
    traffic: Traffic | View,
    by: By = "host",
    min_share: float = 0.4,
    min_entries: int = 100,
    each: int | None = None,
    most: int | None = None,
) -> pd.DataFrame:
    """Returns one row per pair of peer lists of different senders that share at least `min_share`
    of the smaller one. All pairs of up to 10,000 lists are counted exactly. Of more lists, similar
    pairs are found by locality-sensitive hashing and then counted exactly
    (docs/metrics/peer_lists.md).

    Parameters
    ----------
    by
        What is compared: `host` (addresses), `endpoint` (address and port), `subnet` (/24, IPv6
        /64), or a mapping from address to group, for example to the `asn` of
        metrics.autonomous_systems; addresses without a group are excluded.
    min_share
        Minimum of shared ÷ size of the smaller set. A pair with Jaccard index j has a share of at
        least j.
    min_entries
        Shorter lists are excluded, because a few entries are often shared by chance.
    each, most
        Maximum number of lists, of one sender and in total (None: all): the first list of every
        sender, then the second of every sender, and so on.

    - `message`, `other_message` (int64)
    - `peer`, `other` (object): senders
    - `size`, `other_size` (int64): distinct elements
    - `shared` (int64)
    - `jaccard` (float64): shared ÷ distinct elements of both
    - `share` (float64): shared ÷ distinct elements of the smaller set
    - `expected` (float64): the mean share that the lists of the other sampled senders have with the
      smaller set
    - `excess` (float64): (share - expected) ÷ (1 - expected)
    - `log_p` (float64): an upper bound of the natural logarithm of the probability of such a share
      if lists were independent samples (Hoeffding 1963, theorem 1)
    - `alike`, `other_alike` (float64): share of the other senders that sent a list similar to the
      list (by `min_share`); if not all pairs were counted, of a sample of 64 senders
    - `senders` (int64): number of other senders on which `expected` is based

    The attrs `lists` and `pairs` are the numbers compared. If not all pairs were counted, there are
    `repeated`, the number of lists without rows because their sender sent the same set before, and
    `left_out`, the number of pairs that the bounds excluded. An address and its v4-mapped form are
    one sender.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.list_similarity(traffic).columns[:4].tolist()
    ['message', 'other_message', 'peer', 'other']
    """
    lists, chosen, matches = _similar_lists(viewed(traffic), by, min_share, min_entries, each, most)
    sets, sender = lists.sets.take(chosen), lists.sender[chosen]
    compared, (left, right, shared) = lists.compared, matches.pairs
    message = compared.lists["message"].to_numpy()[chosen]
    peers = compared.addresses.text.take(compared.sender[chosen])
    size, other = sets.size[left], sets.size[right]
    table = pd.DataFrame({"message": message[left], "other_message": message[right]})
    table["peer"], table["other"] = (texts(peers.take(side)) for side in (left, right))
    table["size"], table["other_size"], table["shared"] = size, other, shared
    table["jaccard"] = shared / (size + other - shared)
    table["share"] = shared / np.minimum(size, other)
    table["expected"] = expected_share(sets, sender, left, right, shared)
    table["excess"] = (table["share"] - table["expected"]) / (1 - table["expected"])
    table["log_p"] = _log_tail(
        table["share"].to_numpy(), table["expected"].to_numpy(), np.minimum(size, other)
    )
    table["alike"], table["other_alike"] = alike(sets, sender, matches, min_share)
    table["senders"] = max(0, len(np.unique(sender)) - 2)
    table.attrs = {"lists": len(chosen), "pairs": _pairs_of_two_senders(sender)}
    if not matches.exact:
        table.attrs |= {"repeated": matches.repeated, "left_out": matches.left_out}
    return table


def _pairs_of_two_senders(sender: Ints) -> int:
    of_sender = np.unique(sender, return_counts=True)[1]
    return int(len(sender) * (len(sender) - 1) - (of_sender * (of_sender - 1)).sum()) // 2


def _log_tail(
    share: NDArray[np.float64], expected: NDArray[np.float64], size: Ints
) -> NDArray[np.float64]:
    """Hoeffding's bound for a sum of `size` independent indicators of any probabilities with mean
    `expected`: size × relative entropy.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.where(share > 0, share * np.log(share / expected), 0) + np.where(
            share < 1, (1 - share) * np.log((1 - share) / (1 - expected)), 0
        )
    return np.where(share > expected, -size * entropy, 0.0)


@in_parts
def similarity_distribution(
    traffic: Traffic | View,
    by: By = "host",
    bins: int = _BINS,
    min_entries: int = 100,
    each: int | None = None,
    most: int | None = None,
) -> pd.DataFrame:
    """Returns the distribution of the Jaccard index of all pairs of the chosen peer lists (`by`,
    `min_entries`, `each`, `most` as in list_similarity). One row per bin. Of more than 10,000 lists
    all pairs of a random sample of 4,000 are counted and scaled to the number of all pairs; the
    attrs `lists` and `sampled` are the two numbers.

    - `low`, `high` (float64): `low` ≤ index < `high`, the last bin includes 1
    - `others` (int64): pairs of lists of different senders
    - `own` (int64): pairs of lists of the same sender

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/spies")
    >>> mt.metrics.similarity_distribution(traffic)[["low", "high", "others", "own"]].head(2)
        low  high  others  own
    0  0.00  0.05      33    0
    1  0.05  0.10       0    0
    """
    view = viewed(traffic)
    if isinstance(by, str):
        return _distribution(view, by, bins, min_entries, each, most)
    return _distribution.__wrapped__(view, by, bins, min_entries, each, most)  # type: ignore[attr-defined]


@once_per_view
def _distribution(
    traffic: Traffic | View,
    by: By,
    bins: int,
    min_entries: int,
    each: int | None,
    most: int | None,
) -> pd.DataFrame:
    lists = _lists(viewed(traffic), by, min_entries, each, most)
    count, sender = len(lists.sets), lists.sender
    sampled = np.arange(count)
    counted = None
    if bins == _BINS and count <= MOST_EXACT and isinstance(by, str):
        share = _KEPT_SHARE
        counted = _found_once(traffic, by, share, min_entries, each, most).attrs["histogram"]
    if count > MOST_EXACT:
        arrived = np.arange(count, dtype=np.uint64)
        sampled = np.sort(np.argsort(mixed(arrived, int(lists.names.sum())))[:_SAMPLE])
    if counted is None:
        counted = np.zeros((2, bins), dtype=np.int64)
        part, owner = lists.sets.take(sampled), sender[sampled]
        for low, counts in part.overlaps():
            _add(counted, low, counts, part.size, owner)
    counted = np.asarray(counted, dtype=np.float64)
    others = _pairs_of_two_senders(sender)
    for row, every in enumerate((others, count * (count - 1) // 2 - others)):
        counted[row] *= every / max(1.0, counted[row].sum())
    whole = np.rint(counted).astype(np.int64)
    edges = np.arange(bins + 1) / bins
    table = pd.DataFrame(
        {"low": edges[:-1], "high": edges[1:], "others": whole[0], "own": whole[1]}
    )
    table.attrs = {"lists": count, "sampled": len(sampled)}
    return table


def _add(histogram: Ints, low: int, counts: Ints, size: Ints, sender: Ints) -> None:
    """Adds a block of overlaps to the pairs in each bin of the Jaccard index: of different senders,
    of one sender.
    """
    (rows, width), bins = counts.shape, histogram.shape[1]
    union = size[low : low + rows, None] + size[None, low:] - counts
    place = np.minimum(counts * bins // np.maximum(union, 1), bins - 1)
    same = sender[low : low + rows, None] == sender[None, low:]
    above = above_diagonal(rows, width)
    histogram[0] += np.bincount(place[above & ~same], minlength=bins)
    histogram[1] += np.bincount(place[above & same], minlength=bins)


@in_parts
def sender_similarity(
    traffic: Traffic | View, by: By = "host", min_share: float = 0.4, min_entries: int = 250
) -> pd.DataFrame:
    """Returns one row per pair of senders whose accumulated lists (all unique peers that each sent
    in the capture) share at least `min_share` of the smaller set. Senders with less than
    `min_entries` entries are excluded. All pairs of up to 10,000 senders are counted exactly. Of
    more senders, or if more than two million pairs are similar, similar pairs are found as by
    list_similarity, with the same bounds and the same attrs `repeated` and `left_out`.

    - `peer`, `other` (object)
    - `size`, `other_size` (int64): distinct elements, with `by` as in list_similarity
    - `shared` (int64)
    - `jaccard`, `share` (float64)

    Accumulated sets approach the complete white list, and those of honest nodes become more
    similar: high values mean less than in list_similarity.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.sender_similarity(traffic).columns[:4].tolist()
    ['peer', 'other', 'size', 'other_size']
    """
    view = viewed(traffic)
    claimed, lists = claims(view), in_order(lists_to_compare(view, 1, None, None), ["message"])
    addresses = claimed.addresses
    sent = lists.groupby(lists["peer"].astype(object))["entries"].sum()
    senders = np.flatnonzero(sent.reindex(addresses.text, fill_value=0) >= max(1, min_entries))
    number = np.full(len(addresses.text), -1, dtype=np.int64)
    number[senders] = np.arange(len(senders))
    if by == "endpoint":
        of, element = number[claimed.peer], claimed.host << 16 | claimed.port
    else:
        (peer, host), (elements, texts_of) = claimed.pairs, _elements(addresses, by)
        of, element = number[peer], elements[host]
    chosen = (of >= 0) & (element >= 0)
    of, element = of[chosen], element[chosen]
    sets, values = Sets.from_pairs(of, element, len(senders)), np.unique(element)
    if by == "endpoint":
        names = _names_of_endpoints(_hashed(lists, addresses.text.take(values >> 16)), values)
    else:
        names = _hashed(lists, np.asarray(texts_of, dtype=object)[values])
    owner = addresses.same[senders].astype(np.int64)
    matches = similar_sets(sets, owner, names, min_share)
    left, right, shared = matches.pairs
    peers = addresses.text.take(senders)
    table = pd.DataFrame({"peer": texts(peers.take(left)), "other": texts(peers.take(right))})
    table["size"], table["other_size"], table["shared"] = sets.size[left], sets.size[right], shared
    table["jaccard"] = table["shared"] / (table["size"] + table["other_size"] - table["shared"])
    table["share"] = table["shared"] / np.minimum(table["size"], table["other_size"])
    table.attrs = {"senders": len(sets)}
    if not matches.exact:
        table.attrs |= {"repeated": matches.repeated, "left_out": matches.left_out}
    return table


@in_parts
def vantage_similarity(
    traffic: Traffic | View, findings: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Returns what pairs of vantage nodes (read with names) have in common. One row per pair and
    kind of thing.

    - `vantage`, `other` (object)
    - `things` (object): `peers` (addresses with connections), `peer_ids` (that peers announced),
      `hosts` (distinct addresses in the peer lists sent to the node), `lists` (peer lists of at
      least one entry, by their set of addresses), and with `findings`, the result of
      find_anomalies, `findings` (pairs of a peer and a rule)
    - `size`, `other_size` (int64): distinct things of each node
    - `shared` (int64)
    - `jaccard` (float64): shared ÷ distinct things of both; 0 without any

    Nodes whose peers overlap much more than their lists do are connected to by the same operator
    on purpose.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.vantage_similarity(traffic).columns[:4].tolist()
    ['vantage', 'other', 'things', 'size']
    """
    view = viewed(traffic)
    names = list(view.vantages)
    kinds = _things(view)
    if findings is not None:
        named = findings["peer"].astype(str) + " " + findings["rule"].astype(str)
        kinds["findings"] = (
            pd.Categorical(findings["vantage"], categories=names).codes.astype(np.int64),
            pd.factorize(named)[0].astype(np.int64),
        )
    rows = []
    for kind, (of, element) in kinds.items():
        sets = Sets.from_pairs(of, element, len(names))
        for low, counts in sets.overlaps():
            for left, right in zip(*np.nonzero(above_diagonal(*counts.shape)), strict=True):
                one, two = int(sets.size[low + left]), int(sets.size[low + right])
                shared = int(counts[left, right])
                union = max(1, one + two - shared)
                pair = (names[low + left], names[low + right])
                rows.append((*pair, kind, one, two, shared, shared / union))
    columns = ["vantage", "other", "things", "size", "other_size", "shared", "jaccard"]
    table = pd.DataFrame(rows, columns=columns).astype(
        {
            **dict.fromkeys(("vantage", "other", "things"), object),
            **dict.fromkeys(("size", "other_size", "shared"), "int64"),
            "jaccard": "float64",
        }
    )
    order = table["things"].map(list(kinds).index)
    by_pair = table.assign(order=order).sort_values(["vantage", "other", "order"], kind="stable")
    return by_pair[columns].reset_index(drop=True)


def _things(view: View) -> dict[str, tuple[Ints, Ints]]:
    """By kind the pairs of a vantage node and a thing that it saw."""
    rows = view.connections
    kinds = {
        "peers": (
            view.vantage_of(rows["connection"]).codes.astype(np.int64),
            view.addresses.same[rows["peer"].cat.codes.to_numpy()].astype(np.int64),
        )
    }
    for kind, metric in (("peer_ids", _ids), ("hosts", _hosts), ("lists", _contents)):
        seen = metric(view)
        of = pd.Categorical(seen["vantage"], categories=list(view.vantages)).codes
        kinds[kind] = (of.astype(np.int64), pd.factorize(seen["thing"])[0].astype(np.int64))
    return kinds


@per_peer("vantage", "thing", tables=(*_TABLES, "node_data"), summed=True)
def _ids(traffic: Traffic | View) -> pd.DataFrame:
    """The distinct pairs of a vantage node and a peer id that peers announced to it."""
    view = viewed(traffic)
    ids = view.node_data
    ids = ids[(ids["direction"] == "received") & ids["peer_id"].notna()]
    return _distinct(view, ids["connection"], ids["peer_id"].to_numpy(dtype=np.uint64))


@per_peer("vantage", "thing", tables=(*_TABLES, "peer_lists"), summed=True)
def _hosts(traffic: Traffic | View) -> pd.DataFrame:
    """The distinct pairs of a vantage node and an address in the lists that it received."""
    view = viewed(traffic)
    e = entries(view)
    pairs = e.in_lists
    connections = pd.Series(e.connection[pairs.of])
    return _distinct(view, connections, e.hosts(pairs.host).to_numpy(dtype=object))


@per_peer("vantage", "thing", tables=(*_TABLES, "peer_lists"), summed=True)
def _contents(traffic: Traffic | View) -> pd.DataFrame:
    """The distinct pairs of a vantage node and the contents of a list that it received: a number
    that equal sets of hosts share, the sum of a hash of each host.
    """
    view = viewed(traffic)
    e = entries(view)
    pairs = e.in_lists
    mixed = pd.util.hash_array(e.addresses.text.to_numpy(dtype=object), categorize=False)
    sums = np.zeros(len(e.lists), dtype=np.uint64)
    np.add.at(sums, pairs.of, mixed[pairs.host])
    return _distinct(view, pd.Series(e.connection), sums)


def _distinct(view: View, connections: pd.Series, things: NDArray[Any]) -> pd.DataFrame:
    """The distinct pairs of the vantage node of a connection and a thing, and how often each
    occurs (`count`).
    """
    rows = pd.DataFrame(
        {"vantage": view.vantage_of(connections).astype(object), "thing": things, "count": 1}
    )
    return rows.groupby(["vantage", "thing"], sort=True)["count"].sum().reset_index()
