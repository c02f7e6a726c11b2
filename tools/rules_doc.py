"""Writes docs/rules.md and docs/rules/, the reference of all rules, from their decorators.

python tools/rules_doc.py           writes it
python tools/rules_doc.py --check   only compare: exit status 1 if it is out of date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from document import main

from monerotraffic.rules import PRESETS, RULES, WEIGHTS, Parameters, Rule

INTRODUCTION = f"""\
# Rules

*Made by `tools/rules_doc.py` from the package; change that, then run `make docs`.*

A rule describes one way in which a peer can differ from a standard node. It judges the peer at the
other end of a connection, never the vantage node. Each rule is one function in
`monerotraffic.rules`; its decorator and docstring are the source of these pages.

```python
from monerotraffic.rules import find_anomalies, verdicts

findings = find_anomalies(traffic)  # one row per peer and rule, with evidence
verdicts(findings)  # one row per peer
```

## Verdicts

A finding is *strong* (a standard node cannot do this), *weak* (suspicious, other causes exist) or
*context* (never enough alone). The score of a peer combines its findings as independent evidence,
1 − Π (1 − weight), with {", ".join(f"{name} {weight}" for name, weight in WEIGHTS.items())}. A peer
is `anomalous` with a strong finding or from 0.75 (three weak ones), `suspicious` from 0.4 (a weak
one), else `context`.

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
    if rule.parameters:
        yield "parameters", listed(rule.parameters)
    for preset in PRESETS[1:]:
        differing = (rule.presets or {}).get(preset)
        if differing is not None:
            yield f"preset `{preset}`", listed(differing) if differing else "the same parameters"
    if rule.paper:
        yield "in the paper", rule.paper
    yield "monerod", versions(rule)
    if rule.known_false_positives:
        yield "known false positives", rule.known_false_positives
    yield "source", rule.source


def versions(rule: Rule) -> str:
    """For which versions of monerod the standard behaviour holds."""
    if not rule.since and not rule.until:
        return "all versions"
    return (
        f"{rule.since or 'all versions'} to {rule.until}"
        if rule.until
        else f"{rule.since} and later"
    )


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
        (
            f"The metrics that these rules use: [metrics/{family}.md](../metrics/{family}.md). "
            "How findings"
        ),
        "become verdicts: [rules.md](../rules.md).",
        "",
    ]
    for rule in rules:
        lines += rule_lines(rule)
    return "\n".join(lines)


def index() -> str:
    lines = [INTRODUCTION, "| id | rule | weight | a peer is flagged for |", "|---|---|---|---|"]
    for rule in RULES.values():
        link = f"[`{rule.name}`](rules/{rule.family}.md#{rule.name})"
        lines.append(f"| {rule.id} | {link} | {rule.weight} | {escaped(rule.definition)} |")
    return "\n".join([*lines, ""])


def escaped(text: str) -> str:
    return re.sub(r"([|])", r"\\\1", text)


def pages() -> dict[str, str]:
    families: dict[str, list[Rule]] = {}
    for rule in RULES.values():
        families.setdefault(rule.family, []).append(rule)
    made = {f"rules/{family}.md": family_page(family, rules) for family, rules in families.items()}
    return {"rules.md": index(), **made}


if __name__ == "__main__":
    sys.exit(main(pages(), "Writes docs/rules.md and docs/rules/ from the package."))
