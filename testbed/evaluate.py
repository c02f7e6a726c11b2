"""python -m testbed.evaluate RUNS...: what the rules find in labelled captures, as a page and as
counts per rule.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from testbed.measure import measure, rule_counts, together
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
    given = parser.parse_args()
    parts = []
    for folder in given.runs:
        print(folder, file=sys.stderr)
        parts.append(measure(folder))
    measured = together(parts)
    if given.page is not None:
        given.page.write_text(page(measured))
    counts = rule_counts(measured)
    if given.counts is not None:
        counts.to_csv(given.counts, index=False)
    print(counts.to_string(index=False))


if __name__ == "__main__":
    main()
