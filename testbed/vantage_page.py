"""docs/evaluation_vantages.md, from what runs of several vantage nodes show."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from testbed.page import percent, proportion, section, table

INTRODUCTION = """# Evaluation of several vantage nodes

`python -m testbed.vantages` makes this page from runs of the scenario `vantages` of the
[testbed](../testbed/README.md). Do not edit it.

In each run four monerods capture (v, w, x, y), in a network of others of several versions. Only v
and w are connected. The times of the captures were rewritten as wrong clocks would have written
them, so that every offset and drift is known exactly. The first node of each transaction, the true
times, and the connections of all nodes (`get_connections`, every ten seconds) are known too.
Intervals are those of Clopper and Pearson at 95 %.

"""

LIMITS = """## What is not known

- The nodes share one machine, so paths have no delay. On the internet the offset from ticks, blocks
  or transactions is wrong by the difference of path delays, which the intervals of ticks and
  transactions contain and that of blocks does not.
- y restarts every minute. While it is down it misses arrivals, so that its differences from blocks
  and first arrivals are far off, and their intervals wide.
- A run lasts a quarter of an hour. Over days, white lists change, and the frequency method may do
  better than here.
- The networks are small: each vantage node has about half of the nodes as peers, which no observer
  of the main network has. Recall of the first-spy estimator is lower there.
- White lists begin with addresses that do not exist, drawn for each node. Existing nodes are in
  more lists than these, which favours the baseline `popular`.
- Pairs, transactions and senders of one run are not independent, so that intervals are narrower
  than they should be.
"""


def number(value: float, digits: int = 1) -> str:
    return "–" if pd.isna(value) else f"{value:.{digits}f}"


def clocks(errors: pd.DataFrame) -> str:
    """Errors of offsets and drifts by source, and the worst case of each run and pair."""
    text = """
        One row per source: pairs of nodes in all runs, shared events of a pair, the median and the
        greatest error of the offset, pairs within 50 ms, pairs whose interval contains the offset,
        and the greatest error of the drift (relative drifts are 0 or 100 ppm). `all` is
        `clock_offsets` as it is called by default: the source with the narrowest interval.
    """
    rows = []
    for source, part in errors.groupby("source", sort=False):
        wrong = part["error_ms"].abs()
        rows.append(
            [
                source,
                len(part),
                f"{part['shared'].min()}–{part['shared'].max()}",
                f"{number(wrong.median(), 2)} ms",
                f"{number(wrong.max(), 2)} ms",
                f"{int((wrong <= 50).sum())} of {len(part)}",
                f"{int(part['within'].sum())} of {len(part)}",
                f"{number(part['drift_error'].abs().max(), 2)} ppm",
            ]
        )
    columns = ["source", "pairs", "shared", "median", "greatest", "≤ 50 ms", "in interval", "drift"]
    return section("Clock offsets", text, table(columns, rows)) + pairs(errors)


def pairs(errors: pd.DataFrame) -> str:
    rows = [
        [
            row.run,
            f"{row.vantage}, {row.reference}",
            row.source,
            row.shared,
            f"{row.true_offset:.3f} s",
            f"{row.error_ms:.3f} ms",
            f"{row.width_ms:.2f} ms",
            f"{row.true_drift:.0f} ppm",
            f"{row.drift_error:.3f} ppm",
        ]
        for row in errors.itertuples()
    ]
    columns = ["run", "nodes", "source", "shared", "offset", "error", "interval", "drift", "error"]
    return "Each pair:\n\n" + table(columns, rows)


def relay(agreement: pd.DataFrame) -> str:
    text = """
        First arrivals of transactions over all nodes (`transaction_arrivals` with the estimated
        offsets), compared with those by the true clocks. Observations are pairs of a vantage node
        and a peer that sent the transaction. A first arrival is clear if the next one is more than
        50 ms later.
    """
    columns = ["run", "transactions", "observations", "kept", "same first", "clear", "same first"]
    return section("First senders", text, table(columns, agreement.itertuples(index=False)))


def spies(accuracy: pd.DataFrame) -> str:
    text = """
        The peer that sends a transaction first to any of the vantage nodes is named as its origin
        (`first_spies`). Recall is the share of transactions for which that is right; the baseline
        names one of the peers that sent it at random; precision is the mean over named peers.
    """
    rows = [
        [
            row.vantages,
            row.phase,
            *proportion(row.correct, row.transactions),
            f"{percent(row.recall)} %",
            f"{percent(row.baseline)} %",
            f"{percent(row.precision)} %",
        ]
        for row in accuracy.itertuples()
    ]
    columns = ["vantage nodes", "phase of the first arrival", "correct", "interval", "recall"]
    return section("First spies", text, table([*columns, "baseline", "precision"], rows))


def neighbours(accuracy: pd.DataFrame) -> str:
    text = """
        Neighbours of the senders of peer lists, inferred from the lists that all vantage nodes
        received, and compared with `get_connections` of the senders: with all that they were
        connected to at any time, and with those connections that they opened. `random` names as
        many hosts of the lists of each sender by chance (the expected numbers), `popular` those
        that most senders advertise. Vantage nodes are left out.
    """
    rows = []
    for row in accuracy.itertuples():
        cells = [row.inference, row.connections, row.method]
        if row.method == "random":
            for total in (row.pairs, row.neighbours):
                cells += [f"{row.correct:.1f} of {total}", f"{percent(row.correct / total)} %"]
        else:
            for total in (row.pairs, row.neighbours):
                cells += proportion(int(row.correct), int(total))
        rows.append(cells)
    columns = ["inference", "connections", "named by", "precision", "", "recall", ""]
    return section("Neighbours", text, table(columns, rows))


def page(
    errors: pd.DataFrame,
    agreement: pd.DataFrame,
    accuracy: pd.DataFrame,
    inferred: pd.DataFrame,
) -> str:
    """The page."""
    parts: Iterable[str] = (
        clocks(errors),
        relay(agreement),
        spies(accuracy),
        neighbours(inferred),
    )
    return INTRODUCTION + "".join(parts) + LIMITS
