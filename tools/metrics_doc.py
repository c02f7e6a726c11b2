"""Writes docs/metrics.md, the list of all metrics, from the package itself.

python tools/metrics_doc.py           writes it
python tools/metrics_doc.py --check   only compare: exit status 1 if it is out of date
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

from document import main

from monerotraffic import metrics

INTRODUCTION = """\
# Metrics

*Made by `tools/metrics_doc.py` from the package; change that, then run `make docs`.*

A metric is a function from traffic to a DataFrame. It looks from the vantage node: `peer` is always
the other side. The pages of the families explain the terms and the values:
[structure](metrics/structure.md), [fragmentation](metrics/fragmentation.md),
[peer lists](metrics/peer_lists.md), [identity](metrics/identity.md),
[connections](metrics/connections.md), [relay](metrics/relay.md), [network](metrics/network.md),
[exposure](metrics/exposure.md), [stems](metrics/stems.md),
[propagation](metrics/propagation.md), [pressure](metrics/pressure.md),
[several vantage nodes](metrics/vantage_nodes.md), [neighbours](metrics/neighbours.md). The rules
that judge by metrics are in [rules.md](rules.md).

Import the module with `from monerotraffic import metrics`. Each function of traffic accepts a
Traffic, a View of one, a scan, or an open data set, with equal results; its docstring lists the
columns.
"""


def metric_lines() -> Iterator[str]:
    yield "| metric | returns |"
    yield "|---|---|"
    for name in metrics.__all__:
        metric = getattr(metrics, name)
        if inspect.isfunction(metric):
            first = (
                (inspect.getdoc(metric) or "")
                .split("\n\n")[0]
                .replace("\n", " ")
                .replace("|", "\\|")
            )
            yield f"| `{name}` | {first} |"


def document() -> str:
    """The whole file."""
    return "\n".join([INTRODUCTION, *metric_lines(), ""])


if __name__ == "__main__":
    sys.exit(main({"metrics.md": document()}, "Writes docs/metrics.md from the package."))
