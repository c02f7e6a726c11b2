"""Writes docs/metrics.md, the list of all rules and metrics, from the package itself.

python tools/metrics_doc.py           writes it
python tools/metrics_doc.py --check   only tells (exit status 1) if it is out of date
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from document import main

from monerotraffic import metrics
from monerotraffic.rules import PRESETS, RULES, WEIGHTS, Rule

INTRODUCTION = f"""\
# Metrics and rules

*Made by `tools/metrics_doc.py` from the package; change that, then run `make docs`.*

A metric is a function from traffic to a DataFrame, a rule a way in which a peer can differ from a standard node. Both look from the vantage node: `peer` is
always the other side. How each is defined, why a standard node does not do it, where its thresholds come from and what is known to look like it stands by
family: [structure](metrics/structure.md), [fragmentation](metrics/fragmentation.md), [peer lists](metrics/peer_lists.md), [identity](metrics/identity.md),
[connections](metrics/connections.md), [relay](metrics/relay.md), [network](metrics/network.md).

```python
from monerotraffic.rules import find_anomalies, verdicts

findings = find_anomalies(traffic)      # one row per peer and rule, with evidence
verdicts(findings)                      # one row per peer
```

## Verdicts

A finding is *strong* (a standard node cannot do this), *weak* (suspicious, other causes exist) or *context* (never enough alone). The score of a peer combines
its findings as independent evidence, 1 − Π (1 − weight), with {", ".join(f"{name} {weight}" for name, weight in WEIGHTS.items())}. It is `anomalous` with a
strong finding or from 0.75 (three weak ones), `suspicious` from 0.4 (a weak one), else `context`. Rules that often come together are habits of one
implementation, and counted each: a score near 1 says in how many ways a peer differs, not how sure one may be.

On the labelled captures of the lab every label that asks for a rule is found by it, but for one peer whose misbehaviour never reached the node (six refused
SYNs), and no monerod and no control is flagged by a strong or weak rule of the preset `default`. So in runs of the testbed, which has peers for every rule but
`ban_listed`: other seeds, monerods 0.18.0 to 0.18.5 as vantage node and as peers, and a loss of up to 3 %. The other presets are the published variants of
the paper (arXiv 2509.10214), with their thresholds.
"""


def rule_lines(rule: Rule) -> Iterator[str]:
    yield f"### {rule.name}"
    yield ""
    yield rule.definition
    yield ""
    yield f"{rule.weight}; counts {rule.unit}s; holds for {rule.holds}." + (
        f" In the paper: {rule.paper}." if rule.paper else ""
    )
    if rule.parameters:
        yield f"Parameters: {told(rule.parameters)}."
    others = [
        f"`{preset}`" + (f" ({told(rule.presets[preset])})" if rule.presets[preset] else "")
        for preset in PRESETS
        if preset in rule.presets
    ]
    if others:
        yield f"Also in {', '.join(others)}."
    yield f"Source: {rule.source}."
    yield ""


def told(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}` {shown(value)}" for name, value in parameters.items())


def shown(value: Any) -> str:
    """A parameter, the same in each run."""
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def metric_lines() -> Iterator[str]:
    yield "| metric | gives |"
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
    lines = [
        INTRODUCTION,
        "## Metrics",
        "",
        "`from monerotraffic import metrics`; each takes a Traffic or a View of one, and its docstring tells the columns.",
        "",
        *metric_lines(),
        "",
        "## Rules",
        "",
    ]
    for rule in RULES.values():
        lines += rule_lines(rule)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main("metrics.md", document(), "Writes docs/metrics.md from the package."))
