"""monerotraffic explain."""

from __future__ import annotations

import json

from monerotraffic.cli import main
from monerotraffic.rules import RULES
from support.command import Captured


def test_explains_by_name_and_id(capsys: Captured) -> None:
    assert main(["explain", "ping_flood"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("ping_flood (MT502, family connections)\n")
    assert main(["explain", "MT502"]) == 0
    assert capsys.readouterr().out == text


def test_lists_the_rules(capsys: Captured) -> None:
    assert main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == list(RULES)


def test_values_for_programs(capsys: Captured) -> None:
    assert main(["explain", "ping_flood", "last_seen_present", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["ping_flood", "last_seen_present"]
    assert document["ping_flood"]["id"] == "MT502"
    assert document["ping_flood"]["preset arxiv-v1"] == "max_pings 2"


def test_an_unknown_rule(capsys: Captured) -> None:
    assert main(["explain", "ping"]) == 1
    assert capsys.readouterr() == (
        "",
        "monerotraffic: unknown rule 'ping': the most similar names are ping_flood\n",
    )
