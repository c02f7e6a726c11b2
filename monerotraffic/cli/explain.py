"""monerotraffic explain: what a rule means."""

from __future__ import annotations

import argparse
import shutil
from typing import Any

from monerotraffic.cli.arguments import EXIT_CODES, described
from monerotraffic.cli.output import Failed, print_json
from monerotraffic.rules import RULES, get
from monerotraffic.rules.explanation import explanation, facts, plain

__all__ = ["add", "run"]

_WIDEST = 100


def add(commands: Any) -> None:
    command = commands.add_parser(
        "explain",
        help="print what a rule means: definition, causes, false positives, thresholds",
        description=described(
            "Print the definition of a rule, what a standard node does instead, its cause, "
            "who can forge it, known false positives, thresholds by preset, and sources."
        ),
        epilog="examples:\n  monerotraffic explain ping_flood\n  monerotraffic explain MT404\n"
        f"  monerotraffic explain        lists the rules\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run, strict=False, partly_read=False)
    command.add_argument(
        "rule", nargs="*", metavar="RULE", help="name or id of a rule (default: list all rules)"
    ).completer = lambda **_: list(RULES)
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> None:
    try:
        rules = [get(name) for name in options.rule]
    except ValueError as error:
        raise Failed(error) from None
    if options.json:
        chosen = rules or list(RULES.values())
        print_json(
            {
                rule.name: {"id": rule.id, **{term: plain(text) for term, text in facts(rule)}}
                for rule in chosen
            }
        )
    elif not rules:
        for rule in RULES.values():
            print(f"{rule.id}  {rule.weight:7}  {rule.name}")
    else:
        width = min(_WIDEST, shutil.get_terminal_size().columns)
        print("\n\n".join(explanation(rule, width) for rule in rules))
