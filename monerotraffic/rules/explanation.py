"""What a rule says of itself, as facts and as text for a terminal.

Owns the order and the wording of the facts. Used by Rule, `monerotraffic explain`, the report and
the generated documentation. Knows no single rule.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from monerotraffic.rules.likelihood import chance_of, counts, weight_of

if TYPE_CHECKING:
    from monerotraffic.rules.rule import Parameters, Rule

__all__ = ["explanation", "facts", "plain", "shown", "versions"]

_WIDTH = 80
_FORGEABLE = {
    "nobody": "by no one: an honest peer cannot be made to look like this",
    "another peer": "by another peer: the finding counts only next to one that no one can forge",
    "off-path": "by anyone who sends packets with a forged address: it counts only next to a "
    "finding that no one can forge",
}
_WEIGHTS = {
    "strong": "strong: the protocol makes it impossible for a standard node",
    "weak": "weak: standard nodes show it rarely",
    "context": "context: never enough to judge a peer",
}


def plain(text: str) -> str:
    """A docstring's text without Markdown."""
    return re.sub(r"`+|\*\*", "", text)


def facts(rule: Rule) -> Iterator[tuple[str, str]]:
    """Terms and texts, each text one paragraph in Markdown."""
    yield "definition", rule.definition
    yield "standard node", rule.standard
    yield "weight", _WEIGHTS[rule.weight]
    yield "counts", rule.unit
    yield "cause", f"{rule.cause}: rules of one cause have one vote together"
    yield "forgeable", _FORGEABLE[rule.forgeable_by]
    yield "false positives", rule.known_false_positives or "none known"
    yield "measured", _measured(rule.name)
    yield "monerod", versions(rule)
    for preset, parameters in rule.by_preset().items():
        yield f"preset {preset}", _parameters(parameters)
    if rule.paper:
        yield "in the paper", rule.paper
    yield "evasion", rule.evasion
    yield "source", rule.source


def explanation(rule: Rule, width: int = _WIDTH) -> str:
    """All of it as text of at most `width` columns: the facts, then the notes of the definition."""
    terms = list(facts(rule))
    margin = max(len(term) for term, _ in terms) + 2
    lines = [f"{rule.name} ({rule.id}, family {rule.family})", ""]
    for term, text in terms:
        first, *more = textwrap.wrap(plain(text), max(20, width - margin)) or [""]
        lines.append(f"{term:{margin}}{first}")
        lines += [" " * margin + line for line in more]
    _, _, notes = rule.description.partition("\n\n")
    if notes:
        lines += ["", *(line for part in _paragraphs(notes) for line in _wrapped(part, width))]
    return "\n".join(lines)


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs and list items, each as one line; an empty one between paragraphs."""
    for number, block in enumerate(text.split("\n\n")):
        if number:
            yield ""
        yield from re.split(r"\n(?=(?:- |\d+\. ))", block)


def _wrapped(part: str, width: int) -> list[str]:
    item = re.match(r"(- |\d+\. )", part)
    indent = " " * len(item.group()) if item else ""
    words = " ".join(plain(part).split())
    return textwrap.wrap(words, width, subsequent_indent=indent) or [""]


def _measured(name: str) -> str:
    if name not in counts():
        return "not on labelled captures"
    seen = counts()[name]
    labelled = (
        f"accused {seen.asked_votes} of {seen.asked} peers labelled for it"
        if seen.asked
        else "no peer is labelled for it"
    )
    honest = f"{seen.honest_votes} of {seen.honest} honest ones"
    bound = f"at most {100 * chance_of(name):.1f} % with 95 % confidence"
    weight = f"; log-likelihood ratio at least {weight_of(name):.2f} nats" if seen.asked else ""
    return f"{labelled}, and {honest} ({bound}){weight}"


def versions(rule: Rule) -> str:
    """For which versions of monerod the standard behaviour holds."""
    if not rule.since and not rule.until:
        return "all versions"
    return (
        f"{rule.since or 'all versions'} to {rule.until}"
        if rule.until
        else f"{rule.since} and later"
    )


def _parameters(parameters: Parameters | None) -> str:
    if parameters is None:
        return "does not have the rule"
    return ", ".join(f"{name} {shown(value)}" for name, value in parameters.items()) or (
        "has the rule, which has no thresholds"
    )


def shown(value: object) -> str:
    """The value of a parameter."""
    if isinstance(value, list | tuple):
        return f"({', '.join(map(str, value))})"
    return "unset" if value is None else str(value)
