"""How alike peer lists are. docs/metrics/peer_lists.md tells what the numbers mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.entries import Entries, distinct, entries, texts
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, viewed

__all__ = ["list_similarity", "sender_similarity", "similarity_distribution", "vantage_similarity"]

Ints = NDArray[np.int64]
By = str | Mapping[str, Any]

_CELLS = 1 << 24  # of one block of overlaps: 128 MiB
# elements that more than this share of the sets have are counted by a matrix product, which then is
# faster
_DENSE = 0.02


@dataclass(frozen=True)
class _Sets:
    """Sets of elements: distinct pairs of a set and an element, in order of the set."""

    of: Ints
    element: Ints
    size: Ints
    """Elements of each set."""

    @classmethod
    def made(cls, of: Ints, element: Ints, count: int) -> _Sets:
        """Of pairs in any order, that may repeat; elements are numbered anew."""
        _, element = np.unique(element, return_inverse=True)
        width = int(element.max(initial=0)) + 1
        of, element = np.divmod(distinct(of * width + element)[0], width)
        return cls(of, element, np.bincount(of, minlength=count))

    def overlaps(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """How many elements sets share, exactly: blocks (first, counts), where counts[i, j] is of
        the sets first + i and first + j.
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
    """The sets of elements of these lists (places in e.lists)."""
    place = np.full(len(e.lists), -1, dtype=np.int64)
    place[lists] = np.arange(len(lists))
    if by == "endpoint":
        chosen = (place[e.of] >= 0) & (e.host >= 0)
        return _Sets.made(
            place[e.of[chosen]], e.host[chosen].astype(np.int64) << 16 | e.port[chosen], len(lists)
        )
    pairs = e.in_lists
    chosen = place[pairs.of] >= 0
    element = _elements(e, by)[pairs.host[chosen]]
    return _Sets.made(place[pairs.of[chosen]][element >= 0], element[element >= 0], len(lists))


def _elements(e: Entries, by: By) -> Ints:
    """What stands for each address code; -1: it is left out."""
    if by == "host":
        return np.arange(len(e.addresses.text), dtype=np.int64)
    if by == "subnet":
        return e.addresses.subnet.astype(np.int64)
    if isinstance(by, str):
        raise ValueError(
            f"by={by!r}: it must be host, endpoint, subnet, or what address → its group"
        )
    groups: Ints = pd.factorize(texts([by.get(text) for text in e.addresses.text.to_list()]))[
        0
    ].astype(np.int64)
    return groups


def _chosen(e: Entries, min_entries: int, each: int | None, most: int) -> Ints:
    """Places of lists with enough entries, up to `each` of a sender and `most` in all: first the
    first of every sender, then the second…
    """
    places = np.flatnonzero(e.lists["entries"].to_numpy() >= min_entries)
    rank = (
        pd.Series(e.addresses.same[e.sender[places]])
        .groupby(e.addresses.same[e.sender[places]])
        .cumcount()
        .to_numpy()
    )
    if each is not None:
        places, rank = places[rank < each], rank[rank < each]
    return np.sort(places[np.argsort(rank, kind="stable")[:most]])


def list_similarity(
    traffic: Traffic | View,
    by: By = "host",
    min_share: float = 0.4,
    min_entries: int = 100,
    each: int | None = None,
    most: int = 10_000,
) -> pd.DataFrame:
    """One row per pair of peer lists of different senders that share at least `min_share` of the
    smaller one, exactly counted.

    Parameters
    ----------
    by
        What is compared: `host` (addresses), `endpoint` (address and port), `subnet` (/24, IPv6
        /64), or a mapping from address to its group, for example
        to the `asn` of metrics.autonomous_systems; addresses that it does not have are left out.
    min_share
        Least shared ÷ size of the smaller set. A pair with Jaccard index j has a share of at least
        j.
    min_entries
        Shorter lists are left out: of a few entries much is shared by chance.
    each, most
        Bounds on the lists compared, of one sender and in all: the first of every sender, then the
        second of every sender, and so on.

    Columns: `message`, `other_message` (ids, int64), `peer`, `other` (senders, object); int64:
    `size`, `other_size` (distinct elements), `shared`; float64:
    `jaccard`, shared ÷ distinct elements of both; `share`, shared ÷ those of the smaller set;
    `expected`, the share that a list of the sampled senders has
    on average with the smaller set, but for these two senders; `excess`, (share - expected) ÷ (1 -
    expected); `log_p`, an upper bound on the natural logarithm
    of the probability of so large a share if lists were independent samples (Hoeffding 1963,
    theorem 1); `senders` (int64), how many others `expected` stands
    on. attrs: `lists`, `pairs` compared.

    An address and its v4-mapped form are one sender.
    """
    e = entries(traffic)
    lists = _chosen(e, min_entries, each, most)
    sets = _sets(e, lists, by)
    _, sender = np.unique(e.addresses.same[e.sender[lists]], return_inverse=True)
    found = [_similar(low, counts, sets.size, sender, min_share) for low, counts in sets.overlaps()]
    left, right, shared = (
        (np.concatenate(parts) for parts in zip(*found, strict=True))
        if found
        else (np.empty(0, dtype=np.int64),) * 3
    )
    size, other = sets.size[left], sets.size[right]
    made = pd.DataFrame(
        {
            "message": e.lists["message"].to_numpy()[lists[left]],
            "other_message": e.lists["message"].to_numpy()[lists[right]],
        }
    )
    made["peer"], made["other"] = (
        texts(e.hosts(e.sender[lists[left]])),
        texts(e.hosts(e.sender[lists[right]])),
    )
    made["size"], made["other_size"], made["shared"] = size, other, shared
    made["jaccard"] = shared / (size + other - shared)
    made["share"] = shared / np.minimum(size, other)
    made["expected"] = _expected(sets, sender, left, right, shared)
    made["excess"] = (made["share"] - made["expected"]) / (1 - made["expected"])
    made["log_p"] = _log_tail(
        made["share"].to_numpy(), made["expected"].to_numpy(), np.minimum(size, other)
    )
    made["senders"] = max(0, len(np.unique(sender)) - 2)
    of_sender = np.bincount(sender)
    made.attrs = {
        "lists": len(lists),
        "pairs": int(len(lists) * (len(lists) - 1) - (of_sender * (of_sender - 1)).sum()) // 2,
    }
    return made


def _similar(
    low: int, counts: NDArray[np.int64], size: Ints, sender: Ints, min_share: float
) -> tuple[Ints, Ints, Ints]:
    """Pairs of a block that are to be told: sets and what they share."""
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
    """Each pair once: where the second set comes after the first."""
    return np.arange(width)[None, :] > np.arange(rows)[:, None]


def _expected(
    sets: _Sets, sender: Ints, left: Ints, right: Ints, shared: Ints
) -> NDArray[np.float64]:
    """The mean share of the smaller set of each pair that lists of other senders have.

    An element's popularity is the share of lists that have it, every sender counting once. The two
    senders are taken out, and one list that has all and one
    that has nothing are added (Laplace), so that little knowledge makes the expectation larger.
    Lists larger than the others are expected to share as much
    more.
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
    made = (
        (by_others + sets.size[small])
        / (senders * sets.size[small])
        * np.maximum(1, sets.size[large] / max(1.0, float(mean)))
    )
    return np.minimum(made, 1.0 - 1e-9)


def _own(sets: _Sets, sender: Ints, width: int) -> Ints:
    """Of each set and element, how many lists of the same sender have it."""
    _, place, count = np.unique(
        sender[sets.of] * width + sets.element, return_inverse=True, return_counts=True
    )
    made: Ints = count[place]
    return made


def _log_tail(
    share: NDArray[np.float64], expected: NDArray[np.float64], size: Ints
) -> NDArray[np.float64]:
    """Hoeffding's bound for a sum of `size` independent indicators of any chances whose mean is
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
    """How the Jaccard index of pairs of peer lists is distributed: all pairs of the lists chosen
    (`by`, `min_entries`, `each`, `most` as in list_similarity).

    One row per bin: `low`, `high` (float64; `low` ≤ index < `high`, the last bin with 1), int64
    counts of pairs of lists: `others`, of different senders;
    `own`, of the same sender.
    """
    e = entries(traffic)
    lists = _chosen(e, min_entries, each, most)
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
    """One row per pair of senders whose accumulated lists (all unique peers that each sent in the
    capture) share at least `min_share` of the smaller set.

    Senders with less than `min_entries` entries in all are left out. Columns: `peer`, `other`
    (object); int64 `size`, `other_size` (distinct elements, `by` as
    in list_similarity), `shared`; float64 `jaccard`, `share`.

    Accumulated sets come nearer to the whole white list than single lists do, and those of honest
    nodes grow alike: high values mean less than in
    list_similarity.
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
    sets = _Sets.made(number[of], element, int(enough.sum()))
    each = e.addresses.same[senders[enough]]
    found = [_similar(low, counts, sets.size, each, min_share) for low, counts in sets.overlaps()]
    left, right, shared = (
        (np.concatenate(parts) for parts in zip(*found, strict=True))
        if found
        else (np.empty(0, dtype=np.int64),) * 3
    )
    names = e.hosts(senders[enough])
    made = pd.DataFrame({"peer": texts(names.take(left)), "other": texts(names.take(right))})
    made["size"], made["other_size"], made["shared"] = sets.size[left], sets.size[right], shared
    made["jaccard"] = made["shared"] / (made["size"] + made["other_size"] - made["shared"])
    made["share"] = made["shared"] / np.minimum(made["size"], made["other_size"])
    return made


def vantage_similarity(traffic: Traffic | View) -> pd.DataFrame:
    """One row per pair of vantage nodes (read with names): how much the addresses that peers sent
    to each have in common.

    Columns: `vantage`, `other` (object); int64 `hosts`, `other_hosts` (distinct addresses in lists
    sent to it), `shared`; float64 `jaccard`.
    """
    e = entries(traffic)
    view = viewed(traffic)
    place = np.searchsorted(view.connections["connection"].to_numpy(), e.connection)
    codes, names = pd.factorize(
        view.connections["vantage"].astype(object).to_numpy()[place], sort=True
    )
    pairs = e.in_lists
    sets = _Sets.made(codes[pairs.of].astype(np.int64), pairs.host, len(names))
    rows = []
    for low, counts in sets.overlaps():
        for left, right in zip(*np.nonzero(_above(*counts.shape)), strict=True):
            one, two, shared = (
                int(sets.size[low + left]),
                int(sets.size[low + right]),
                int(counts[left, right]),
            )
            rows.append(
                (
                    names[low + left],
                    names[low + right],
                    one,
                    two,
                    shared,
                    shared / max(1, one + two - shared),
                )
            )
    made = pd.DataFrame(
        rows, columns=["vantage", "other", "hosts", "other_hosts", "shared", "jaccard"]
    )
    return made.astype(
        {
            "vantage": object,
            "other": object,
            "hosts": "int64",
            "other_hosts": "int64",
            "shared": "int64",
            "jaccard": "float64",
        }
    )
