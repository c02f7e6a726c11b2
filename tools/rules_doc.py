"""Writes docs/rules.md and docs/rules/, the reference of all rules, from their decorators.

python tools/rules_doc.py           writes it
python tools/rules_doc.py --check   only compare: exit status 1 if it is out of date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from document import main

from monerotraffic.rules import PRESETS, RULES, Parameters, Rule
from monerotraffic.rules.explanation import versions
from monerotraffic.rules.likelihood import chance_of, counts, weight_of
from monerotraffic.rules.significance import FALSE_DISCOVERY_RATE

INTRODUCTION = f"""\
# Rules

*Made by `tools/rules_doc.py` from the package; change that, then run `make docs`.*

A rule describes one way in which a peer can differ from a standard node. It judges the peer at the
other end of a connection, never the vantage node. Each rule is one function in
`monerotraffic.rules`; its decorator and docstring are the source of these pages.

```python
from monerotraffic.rules import find_anomalies, verdicts

findings = find_anomalies(traffic)  # one row per vantage node, peer and rule
verdicts(findings)  # one row per peer
```

## Verdicts

Each rule states its *weight*: *strong* (the protocol makes it impossible for an honest node),
*weak* (statistical: honest peers show it rarely) or *context* (never votes). It also states its
*cause*, the independent reason of which it is a sign, and who else can *forge* it.

A finding rests on accepted messages. What the vantage node's TCP refused (`messages.accepted` is
`no`) is no evidence; what the capture does not show to be accepted (`unknown`) makes context at
most. Rules also report honest situations that look the same as context, each as its page says.

A rule is silent on a connection whose peer is known to be of a version that the rule does not hold
for (*monerod* on its page). Fields, commands and block versions that only some versions send show
that; a missing field alone does not, because anyone can omit it.

- Findings that are more than context vote, and rules of one cause have one vote together. What
  another peer can forge votes only next to a vote that no one else can
  forge.
- A finding is *conclusive* if its rule is strong, no one else can forge it, and it was observed on
  two accepted connections, or twice on one connection at least 60 seconds apart.
- `anomalous`: a conclusive finding; or votes of two causes, one of which is strong, or that remain
  after the correction of Benjamini and Hochberg over the peers with accepted messages, at a false
  discovery rate of {100 * FALSE_DISCOVERY_RATE:.0f} %. Peers without accepted messages change no
  verdict.
- `suspicious`: any other vote. `context`: findings without a vote.

Each rule is applied to one vantage node at a time, because the clocks of several nodes differ. A
verdict joins the findings of all nodes. With `find_anomalies(traffic, agree=2)` (`--agree 2`),
what fewer than two nodes find is context.

Loopback, private, shared, link-local, multicast and reserved addresses get no verdict, and all
findings of a [gateway](rules/network.md#shared_gateway) are context.

The score is 1 − 1/LR. LR is the product over the causes that vote of the likelihood ratio of the
rule, as measured on labelled captures and runs of the testbed: the lower bound (95 %, one-sided) of
the share of labelled peers accused, divided by the upper bound of the share of honest peers
accused. A rule that was not measured adds nothing to the score.

## All rules
"""


def wrapped(text: str, width: int = 100) -> Iterator[str]:
    """Text as lines of at most `width` characters; words stay whole."""
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    if line:
        yield line


def rule_lines(rule: Rule) -> Iterator[str]:
    yield f"## {rule.name}"
    yield ""
    yield f"{rule.id} · {rule.weight} · counts: {rule.unit}"
    yield ""
    yield from rule.description.splitlines()
    yield ""
    for term, text in facts(rule):
        first, *more = wrapped(f"**{term}**: {text}", 98)
        yield f"- {first}"
        for line in more:
            yield f"  {line}"
    yield ""


def facts(rule: Rule) -> Iterator[tuple[str, str]]:
    """What the decorator states, as terms and texts."""
    yield "standard node", rule.standard
    if rule.parameters:
        yield "parameters", listed(rule.parameters)
    for preset in PRESETS[1:]:
        differing = (rule.presets or {}).get(preset)
        if differing is not None:
            yield f"preset `{preset}`", listed(differing) if differing else "the same parameters"
    if rule.paper:
        yield "in the paper", rule.paper
    yield "cause", f"`{rule.cause}`"
    yield "forgeable by", rule.forgeable_by
    yield "evasion", rule.evasion
    yield "monerod", versions(rule)
    if rule.known_false_positives:
        yield "known false positives", rule.known_false_positives
    yield "source", rule.source


def listed(parameters: Parameters) -> str:
    return ", ".join(f"`{name}` {shown(value)}" for name, value in parameters.items())


def shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(str, value))})"
    return str(value)


def family_page(family: str, rules: Iterable[Rule]) -> str:
    title = family.replace("_", " ").capitalize()
    lines = [
        f"# Rules: {title.lower()}",
        "",
        "*Made by `tools/rules_doc.py` from the package; change that, then run `make docs`.*",
        "",
        (f"The metrics that these rules use: [metrics/{family}.md](../metrics/{family}.md)."),
        "How findings become verdicts: [rules.md](../rules.md).",
        "",
    ]
    for rule in rules:
        lines += rule_lines(rule)
    return "\n".join(lines)


def index() -> str:
    lines = [INTRODUCTION, "| id | rule | weight | a peer is flagged for |", "|---|---|---|---|"]
    for rule in RULES.values():
        lines.append(f"| {rule.id} | {link(rule)} | {rule.weight} | {escaped(rule.definition)} |")
    return "\n".join([*lines, "", *weight_lines(), ""])


def link(rule: Rule) -> str:
    return f"[`{rule.name}`](rules/{rule.family}.md#{rule.name})"


def weight_lines() -> Iterator[str]:
    """The table of causes, and of measured weights."""
    yield "## Causes and measured weights"
    yield ""
    yield "Peers that the rule accuses, of those labelled for it and of the honest ones; the upper"
    yield "bound of the share of honest peers accused; the logarithm of the likelihood ratio (nats,"
    yield "lower bound). From `monerotraffic/rules/counts.csv`, which `python -m testbed.evaluate"
    yield "--counts` writes."
    yield ""
    yield "| cause | rule | labelled | honest | chance | weight |"
    yield "|---|---|---|---|---|---|"
    for rule in sorted(RULES.values(), key=lambda rule: (rule.cause, rule.id)):
        if rule.weight == "context":
            continue
        measured = counts().get(rule.name)
        cells = ["not measured", "", "", ""]
        if measured is not None:
            cells = [
                f"{measured.asked_votes} of {measured.asked}",
                f"{measured.honest_votes} of {measured.honest}",
                f"{100 * chance_of(rule.name):.1f} %",
                f"{weight_of(rule.name):.2f}" if measured.asked else "not measured",
            ]
        yield f"| {rule.cause} | {link(rule)} | {' | '.join(cells)} |"


def escaped(text: str) -> str:
    return re.sub(r"([|])", r"\\\1", text)


def pages() -> dict[str, str]:
    families: dict[str, list[Rule]] = {}
    for rule in RULES.values():
        families.setdefault(rule.family, []).append(rule)
    text_of = {
        f"rules/{family}.md": family_page(family, rules) for family, rules in families.items()
    }
    return {"rules.md": index(), **text_of}


if __name__ == "__main__":
    sys.exit(main(pages(), "Writes docs/rules.md and docs/rules/ from the package."))
