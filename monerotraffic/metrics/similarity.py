"""Similarity of peer lists. docs/metrics/peer_lists.md explains the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.comparisons import compared_lists
from monerotraffic.metrics.entries import Entries, distinct, entries, texts
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = ["list_similarity", "sender_similarity", "similarity_distribution", "vantage_similarity"]

Ints = NDArray[np.int64]
By = str | Mapping[str, Any]

_CELLS = 1 << 24  # of one block of overlaps: 128 MiB
# elements in more than this share of the sets are counted by a matrix product, which is faster
_DENSE = 0.02


@dataclass(frozen=True)
class _Sets:
    """Sets of elements: distinct pairs of a set and an element, in order of the set."""

    of: Ints
    element: Ints
    size: Ints
    """Elements of each set."""

    @classmethod
    def from_pairs(cls, of: Ints, element: Ints, count: int) -> _Sets:
        """From pairs in any order, with repetitions. The elements are renumbered."""
        _, element = np.unique(element, return_inverse=True)
        width = int(element.max(initial=0)) + 1
        of, element = np.divmod(distinct(of * width + element)[0], width)
        return cls(of, element, np.bincount(of, minlength=count))

    def overlaps(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yields the exact number of elements that sets share, in blocks (first, counts), where
        counts[i, j] belongs to the sets first + i and first + j.
        """
        count = len(self.size)
        known_by = np.bincount(self.element)
        dense = known_by >= max(16, _DENSE * count)
        common = dense[self.element]
        matrix = np.zeros((count, int(dense.sum())), dtype=np.float32)
        matrix[self.of[common], (np.cumsum(dense) - 1)[self.element[common]]] = 1
        of, element = self.of[~common], self.element[~common]
        starts = np.searchsorted(of, np.arange(count + 1))
        order = np.argsort(element, kind="stable")
        postings = of[order]
        places = element[order] * count + postings
        work = np.bincount(of, weights=known_by[element], minlength=count)
        low = 0
        while low < count:
            rows = max(
                1,
                min(
                    _CELLS // (count - low),
                    int(np.searchsorted(np.cumsum(work[low:]), _CELLS)),
                    count - low,
                ),
            )
            high, width = low + rows, count - low
            mine, wanted = of[starts[low] : starts[high]], element[starts[low] : starts[high]]
            first, last = (
                np.searchsorted(places, wanted * count + low),
                np.searchsorted(places, (wanted + 1) * count),
            )
            lengths = last - first
            others = postings[
                np.repeat(first - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
            ]
            counts = np.bincount(
                (np.repeat(mine, lengths) - low) * width + others - low, minlength=rows * width
            ).reshape(rows, width)
            if matrix.shape[1]:
                counts += np.rint(matrix[low:high] @ matrix[low:].T).astype(np.int64)
            yield low, counts
            low = high


def _sets(e: Entries, lists: Ints, by: By) -> _Sets:
    """The sets of elements of these lists (indices in e.lists)."""
    place = np.full(len(e.lists), -1, dtype=np.int64)
    place[lists] = np.arange(len(lists))
    if by == "endpoint":
        chosen = (place[e.of] >= 0) & (e.host >= 0)
        return _Sets.from_pairs(
            place[e.of[chosen]], e.host[chosen].astype(np.int64) << 16 | e.port[chosen], len(lists)
        )
    pairs = e.in_lists
    chosen = place[pairs.of] >= 0
    element = _elements(e, by)[pairs.host[chosen]]
    return _Sets.from_pairs(
        place[pairs.of[chosen]][element >= 0], element[element >= 0], len(lists)
    )


def _elements(e: Entries, by: By) -> Ints:
    """The element of each address code; -1 excludes it."""
    if by == "host":
        return np.arange(len(e.addresses.text), dtype=np.int64)
    if by == "subnet":
        return e.addresses.subnet.astype(np.int64)
    if isinstance(by, str):
        raise ValueError(
            f"by={by!r}: must be host, endpoint, subnet, or a mapping from address to group"
        )
    groups: Ints = pd.factorize(texts([by.get(text) for text in e.addresses.text.to_list()]))[
        0
    ].astype(np.int64)
    return groups


def list_similarity(
    traffic: Traffic | View,
    by: By = "host",
    min_share: float = 0.4,
    min_entries: int = 100,
    each: int | None = None,
    most: int = 10_000,
) -> pd.DataFrame:
    """Returns one row per pair of peer lists of different senders that share at least `min_share`
    of the smaller one. All pairs are counted exactly.

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
        Maximum number of lists, of one sender and in total: the first list of every sender, then
        the second of every sender, and so on.

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
    - `senders` (int64): number of other senders on which `expected` is based

    The attrs `lists` and `pairs` are the numbers compared. An address and its v4-mapped form are
    one sender.

    >>> import monerotraffic as mt
    >>> traffic = mt.read("tests/data/honest")
    >>> mt.metrics.list_similarity(traffic).columns[:4].tolist()
    ['message', 'other_message', 'peer', 'other']
    """
    e, lists = compared_lists(viewed(traffic), min_entries, each, most)
    sets = _sets(e, lists, by)
    _, sender = np.unique(e.addresses.same[e.sender[lists]], return_inverse=True)
    blocks = [
        _similar(low, counts, sets.size, sender, min_share) for low, counts in sets.overlaps()
    ]
    left, right, shared = (
        (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        if blocks
        else (np.empty(0, dtype=np.int64),) * 3
    )
    size, other = sets.size[left], sets.size[right]
    table = pd.DataFrame(
        {
            "message": e.lists["message"].to_numpy()[lists[left]],
            "other_message": e.lists["message"].to_numpy()[lists[right]],
        }
    )
    table["peer"], table["other"] = (
        texts(e.hosts(e.sender[lists[left]])),
        texts(e.hosts(e.sender[lists[right]])),
    )
    table["size"], table["other_size"], table["shared"] = size, other, shared
    table["jaccard"] = shared / (size + other - shared)
    table["share"] = shared / np.minimum(size, other)
    table["expected"] = _expected(sets, sender, left, right, shared)
    table["excess"] = (table["share"] - table["expected"]) / (1 - table["expected"])
    table["log_p"] = _log_tail(
        table["share"].to_numpy(), table["expected"].to_numpy(), np.minimum(size, other)
    )
    table["senders"] = max(0, len(np.unique(sender)) - 2)
    of_sender = np.bincount(sender)
    table.attrs = {
        "lists": len(lists),
        "pairs": int(len(lists) * (len(lists) - 1) - (of_sender * (of_sender - 1)).sum()) // 2,
    }
    return table


def _similar(
    low: int, counts: NDArray[np.int64], size: Ints, sender: Ints, min_share: float
) -> tuple[Ints, Ints, Ints]:
    """The pairs of a block that are returned: sets and the number of shared elements."""
    rows, width = counts.shape
    least = np.minimum(size[low : low + rows, None], size[None, low:])
    wanted = (
        (counts >= np.maximum(1, min_share * least - 1e-9))
        & (sender[low : low + rows, None] != sender[None, low:])
        & _above(rows, width)
    )
    left, right = np.nonzero(wanted)
    return left + low, right + low, counts[left, right]


def _above(rows: int, width: int) -> NDArray[np.bool_]:
    """Selects each pair once: the second set comes after the first."""
    return np.arange(width)[None, :] > np.arange(rows)[:, None]


def _expected(
    sets: _Sets, sender: Ints, left: Ints, right: Ints, shared: Ints
) -> NDArray[np.float64]:
    """The mean share of the smaller set of each pair that lists of other senders have.

    The popularity of an element is the share of lists that have it, every sender counting once. The
    two senders are excluded, and one list with everything and one with nothing are added (Laplace),
    so that little data increases the expectation. The expectation is proportional to the size of
    lists that are larger than the others.
    """
    senders = int(sender.max(initial=-1)) + 1
    weight = 1 / np.bincount(sender, minlength=senders)  # of each list of a sender
    width = int(sets.element.max(initial=0)) + 1
    popularity = np.bincount(sets.element, weights=weight[sender[sets.of]], minlength=width)
    total = np.bincount(sets.of, weights=popularity[sets.element], minlength=len(sets.size))
    own = np.bincount(
        sets.of,
        weights=_own(sets, sender, width) * weight[sender[sets.of]],
        minlength=len(sets.size),
    )
    swap = sets.size[right] < sets.size[left]
    small, large = np.where(swap, right, left), np.where(swap, left, right)
    by_others = total[small] - own[small] - shared * weight[sender[large]]
    mean = (np.bincount(sender, weights=sets.size * weight[sender]).sum()) / max(1, senders)
    expected = (
        (by_others + sets.size[small])
        / (senders * sets.size[small])
        * np.maximum(1, sets.size[large] / max(1.0, float(mean)))
    )
    return np.minimum(expected, 1.0 - 1e-9)


def _own(sets: _Sets, sender: Ints, width: int) -> Ints:
    """For each set and element, the number of lists of the same sender with it."""
    _, place, count = np.unique(
        sender[sets.of] * width + sets.element, return_inverse=True, return_counts=True
    )
    own: Ints = count[place]
    return own


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


def similarity_distribution(
    traffic: Traffic | View,
    by: By = "host",
    bins: int = 20,
    min_entries: int = 100,
    each: int | None = None,
    most: int = 10_000,
) -> pd.DataFrame:
    """Returns the distribution of the Jaccard index of all pairs of the chosen peer lists (`by`,
    `min_entries`, `each`, `most` as in list_similarity). One row per bin.

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
    e, lists = compared_lists(viewed(traffic), min_entries, each, most)
    sets = _sets(e, lists, by)
    sender = e.addresses.same[e.sender[lists]]
    counted = np.zeros((2, bins), dtype=np.int64)
    for low, counts in sets.overlaps():
        rows, width = counts.shape
        union = sets.size[low : low + rows, None] + sets.size[None, low:] - counts
        place = np.minimum(counts * bins // np.maximum(union, 1), bins - 1)
        same = sender[low : low + rows, None] == sender[None, low:]
        above = _above(rows, width)
        counted[0] += np.bincount(place[above & ~same], minlength=bins)
        counted[1] += np.bincount(place[above & same], minlength=bins)
    edges = np.arange(bins + 1) / bins
    return pd.DataFrame(
        {"low": edges[:-1], "high": edges[1:], "others": counted[0], "own": counted[1]}
    )


def sender_similarity(
    traffic: Traffic | View, by: By = "host", min_share: float = 0.4, min_entries: int = 250
) -> pd.DataFrame:
    """Returns one row per pair of senders whose accumulated lists (all unique peers that each sent
    in the capture) share at least `min_share` of the smaller set. Senders with less than
    `min_entries` entries are excluded.

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
    e = entries(traffic)
    senders, place = np.unique(e.sender, return_inverse=True)
    enough = np.bincount(place, weights=e.lists["entries"], minlength=len(senders)) >= min_entries
    number = np.cumsum(enough) - 1
    if by == "endpoint":
        chosen = enough[place[e.of]] & (e.host >= 0)
        of, element = place[e.of[chosen]], e.host[chosen].astype(np.int64) << 16 | e.port[chosen]
    else:
        pairs = e.of_senders
        of, element = np.searchsorted(senders, pairs.of), _elements(e, by)[pairs.host]
        chosen = enough[of] & (element >= 0)
        of, element = of[chosen], element[chosen]
    sets = _Sets.from_pairs(number[of], element, int(enough.sum()))
    each = e.addresses.same[senders[enough]]
    blocks = [_similar(low, counts, sets.size, each, min_share) for low, counts in sets.overlaps()]
    left, right, shared = (
        (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        if blocks
        else (np.empty(0, dtype=np.int64),) * 3
    )
    names = e.hosts(senders[enough])
    table = pd.DataFrame({"peer": texts(names.take(left)), "other": texts(names.take(right))})
    table["size"], table["other_size"], table["shared"] = sets.size[left], sets.size[right], shared
    table["jaccard"] = table["shared"] / (table["size"] + table["other_size"] - table["shared"])
    table["share"] = table["shared"] / np.minimum(table["size"], table["other_size"])
    return table


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
        sets = _Sets.from_pairs(of, element, len(names))
        for low, counts in sets.overlaps():
            for left, right in zip(*np.nonzero(_above(*counts.shape)), strict=True):
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
    ids = view.node_data
    ids = ids[(ids["direction"] == "received") & ids["peer_id"].notna()]
    e = entries(view)
    of_list = _nodes(view, pd.Series(e.connection))
    pairs = e.in_lists
    return {
        "peers": (
            _nodes(view, rows["connection"]),
            view.addresses.same[rows["peer"].cat.codes.to_numpy()].astype(np.int64),
        ),
        "peer_ids": (
            _nodes(view, ids["connection"]),
            pd.factorize(ids["peer_id"])[0].astype(np.int64),
        ),
        "hosts": (of_list[pairs.of], pairs.host),
        "lists": (of_list, _contents(pairs.of, pairs.host, len(e.lists))),
    }


def _nodes(view: View, connections: pd.Series) -> Ints:
    codes: Ints = view.vantage_of(connections).codes.astype(np.int64)
    return codes


def _contents(of: Ints, host: Ints, count: int) -> Ints:
    """A number for each list that equal sets of hosts share: the sum of a hash of each host."""
    mixed = pd.util.hash_array(host)
    sums = np.zeros(count, dtype=np.uint64)
    np.add.at(sums, of, mixed)
    numbers: Ints = np.unique(sums, return_inverse=True)[1].astype(np.int64)
    return numbers
