"""python -m testbed.evaluate RUNS...: what the rules find in labelled captures, as a page and as
counts per rule.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from testbed.measure import cross_validated, rule_counts
from testbed.page import page


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m testbed.evaluate",
        description="Evaluates the rules on captures whose peers are known.",
    )
    add = parser.add_argument
    add("runs", type=Path, nargs="+", help="folders with vantage_*.pcapng* and manifest.json")
    add("--page", type=Path, help="the page to write, in Markdown (docs/evaluation.md)")
    add("--counts", type=Path, help="the counts per rule to write, in CSV")
    add("--jobs", type=int, default=1, help="captures that are measured at the same time")
    given = parser.parse_args()
    with ProcessPoolExecutor(given.jobs) as pool:
        in_sample, measured = cross_validated(given.runs, pool)
    if given.page is not None:
        given.page.write_text(page(measured, in_sample))
    counts = rule_counts(measured)
    if given.counts is not None:
        counts.to_csv(given.counts, index=False)
    print(counts.to_string(index=False))


if __name__ == "__main__":
    main()
