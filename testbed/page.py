"""docs/evaluation.md, from measured captures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill

import pandas as pd

from monerotraffic.rules import HONEST, RULES
from testbed.intervals import clopper_pearson, upper_bound
from testbed.measure import (
    CAUSES,
    FLAGGED,
    ROLES,
    WITHOUT_PINGS,
    Measured,
    cause_of,
    rule_counts,
    ways,
)

WIDTH = 100

INTRODUCTION = """# Evaluation

`python -m testbed.evaluate` makes this page from captures whose peers are known: the labelled
captures that the tests use, and runs of the [testbed](../testbed/README.md). Do not edit it.

A peer is *flagged* if its verdict is `suspicious` or `anomalous`. A rule *finds* a peer if it has a
finding of any weight. Intervals are those of Clopper and Pearson at 95 %; a bound is one-sided, at
95 %.

All verdicts are out of sample: the peers of each capture are judged with weights that come from the
counts of the other captures. The package ships the counts of all of them.
"""

UNKNOWN = """## What is not known

- No peer of the main network has a reliable label, so nothing here is measured on it. Recall says
  how the rules do on spies that this project emulates, not on those that exist.
- The emulated spies were written by the authors of the rules. Misbehaviour that they did not think
  of is missing from both.
- Cross-validation covers the weights only. Some thresholds of the rules were set after a run had
  shown a false positive. Recall and false positives of captures that no one has seen may be worse.
- The monerods share two processor cores, a chain of their own and links without delay. Times
  between messages are less regular than on a node's own machine, and more regular than on the
  internet.
- Only the versions of monerod in the table were run. Other implementations are emulated, not run.
- A run lasts some minutes. Rules that need hours (a peer id that returns after a day, say) have had
  no chance to err.
- The peers of one run share their surroundings, so that they are not independent: intervals are
  narrower than they should be.
"""


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def proportion(hits: int, trials: int) -> list[str]:
    """Cells: `hits of trials`, and the interval in percent."""
    if not trials:
        return ["–", "–"]
    low, high = clopper_pearson(hits, trials)
    return [f"{hits} of {trials}", f"{percent(low)}–{percent(high)} %"]


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(map(str, cells)) + " |\n" for cells in lines) + "\n"


def section(title: str, text: str, rows: str) -> str:
    return f"## {title}\n\n{fill(' '.join(text.split()), WIDTH)}\n\n{rows}"


def page(measured: Measured, in_sample: Measured) -> str:
    """The page. `measured` are the captures, each judged with the counts of the others; `in_sample`
    the same captures, judged with the counts of all.
    """
    sections = [
        *(part(measured) for part in (population, false_positives, by_rule, by_role)),
        *(part(measured) for part in (by_vantage, by_cause, leave_one_out)),
        cross_validation(measured, in_sample),
    ]
    return "\n".join([INTRODUCTION, *(text.rstrip() + "\n" for text in sections), UNKNOWN])


# ---------------------------------------------------------------- sections


def population(measured: Measured) -> str:
    rows = []
    for run in measured.runs.itertuples():
        peers = measured.peers[measured.peers["run"] == run.run]
        nodes = measured.nodes[measured.nodes["run"] == run.run]
        monerod = peers["labels"].map(lambda labels: "monerod" in labels)
        spies = peers[peers["kind"] == "spy"]
        share = run.operators_share
        rows.append(
            [
                run.run,
                run.vantage_version,
                f"{run.messages:,}",
                nodes["met"].sum(),
                ((peers["kind"] == "honest") & ~monerod).sum(),
                *((spies["role"] == role).sum() for role in ROLES),
                "–" if pd.isna(share) else percent(share) + " %",
            ]
        )
    versions = measured.nodes[measured.nodes["met"]].groupby("version").size()
    columns = ["capture", "vantage node", "messages", "monerods met", "other honest peers"]
    columns += [f"spies: {role}" for role in ROLES]
    met = measured.nodes["met"].sum()
    by_version = ", ".join(f"{count} of {version}" for version, count in versions.items())
    text = f"""The vantage nodes met {met} monerods ({by_version}). A monerod counts once in a run,
    also if it was restarted, has several addresses or shares one. A spy's role is `acceptor` if the
    vantage node opened all connections with a handshake, `initiator` if the spy did, `none` if
    there was no handshake. The operator's share is the part of the addresses in honest peer lists
    that belongs to one operator."""
    return section("Population", text, table([*columns, "operator's share"], rows))


def _bound_cells(flagged: int, met: int) -> list[str]:
    return [f"{flagged} of {met}", f"{percent(upper_bound(flagged, met))} %" if met else "–"]


def false_positives(measured: Measured) -> str:
    met = measured.nodes[measured.nodes["met"]]
    rows = [["all monerods", *_bound_cells(int(met["flagged"].sum()), len(met))]]
    for column in ("version", "circumstance"):
        for value, group in met.groupby(column):
            name = f"{value}" if column == "version" else f"*{value}*"
            rows.append([name, *_bound_cells(int(group["flagged"].sum()), len(group))])
    honest = measured.peers[measured.peers["kind"] == "honest"]
    flagged = honest["verdict"].isin(FLAGGED)
    for label in sorted(HONEST - {"monerod"}):
        has = honest["labels"].map(lambda labels, label=label: label in labels)
        if has.any() and label not in set(met["circumstance"]):
            rows.append([f"`{label}`", *_bound_cells(int((has & flagged).sum()), int(has.sum()))])
    unknown = measured.peers[measured.peers["kind"] == "unlabelled"]
    text = f"""Honest peers that are flagged. Monerods are counted by node: one is flagged if any of
    its addresses is. Emulated honest peers are counted by address, by their labels in the
    [testbed](../testbed/README.md). {unknown["verdict"].isin(FLAGGED).sum()} of {len(unknown)}
    peers without a label are flagged."""
    lines = section("False positives", text, table(["honest peers", "flagged", "at most"], rows))
    wrong = honest[flagged]
    if len(wrong):
        lines += "The flagged ones:\n\n" + table(
            ["capture", "peer", "labels", "verdict", "rules"],
            (
                [row.run, row.peer, ", ".join(row.labels), row.verdict, ", ".join(row.rules)]
                for row in wrong.itertuples()
            ),
        )
    return lines


def by_rule(measured: Measured) -> str:
    peers, rows = measured.peers, []
    for row in rule_counts(measured).itertuples():
        wanted = peers["asked"].map(lambda rules, rule=row.rule: rule in rules)
        flagged = peers["rules"].map(lambda rules, rule=row.rule: rule in rules)
        roles = [
            proportion(int((wanted & flagged & of).sum()), int((wanted & of).sum()))[0]
            for of in (peers["role"] == "acceptor", peers["role"] == "initiator")
        ]
        rows.append(
            [
                f"`{row.rule}`",
                cause_of(row.rule),
                *proportion(row.asked_found, row.asked),
                *roles,
                f"{row.spies_found} of {row.spies}",
                *proportion(row.honest_found, row.honest),
            ]
        )
    columns = ["rule", "cause", "found of those labelled for it", "interval", "acceptors"]
    columns += ["initiators", "found of all spies", "found of honest peers", "interval"]
    without = ", ".join(sorted(WITHOUT_PINGS))
    text = f"""A label of a spy asks for certain rules; it may well do what others look for, too.
    Rules of weight `context` never flag a peer alone. A vantage node of version {without} sends no
    back-pings, so that no peer is expected to be found by its pong there."""
    return section("Rules", text, table(columns, rows))


def _spies(measured: Measured) -> pd.DataFrame:
    spies = measured.peers[measured.peers["kind"] == "spy"]
    return spies.assign(ways=spies["asked"].map(ways))


def by_role(measured: Measured) -> str:
    spies, rows = _spies(measured), []
    for role in ROLES:
        for name, chosen in (
            ("none", spies["ways"] == 0),
            ("one", spies["ways"] == 1),
            ("two or more", spies["ways"] > 1),
            ("any", spies["ways"] >= 0),
        ):
            group = spies[(spies["role"] == role) & chosen]
            if len(group):
                rows.append(
                    [
                        role,
                        name,
                        *proportion(int((group["verdict"] == "anomalous").sum()), len(group)),
                        *proportion(int(group["verdict"].isin(FLAGGED).sum()), len(group)),
                        *proportion(int((group["verdict"] != "none").sum()), len(group)),
                    ]
                )
    columns = ["role", "ways to misbehave", "`anomalous`", "interval", "flagged", "interval"]
    text = """Recall of the verdict by who opened the connections. A way to misbehave is a cause
    with a rule that a label asks for, other than rules of weight `context`, which count for no
    verdict. Below: the honest peers of each role."""
    honest = measured.peers[measured.peers["kind"] == "honest"]
    return section("Roles", text, table([*columns, "any finding", "interval"], rows)) + table(
        ["role", "honest peers flagged", "at most"],
        (
            [role, *_bound_cells(int(group["verdict"].isin(FLAGGED).sum()), len(group))]
            for role, group in honest.groupby("role")
        ),
    )


def by_vantage(measured: Measured) -> str:
    version = measured.runs.set_index("run")["vantage_version"]
    peers = measured.peers.assign(version=measured.peers["run"].map(version))
    rows = []
    for name, group in peers.groupby("version"):
        spies, honest = group[group["kind"] == "spy"], group[group["kind"] == "honest"]
        rows.append(
            [
                name,
                *proportion(int((spies["verdict"] == "anomalous").sum()), len(spies)),
                *proportion(int(spies["verdict"].isin(FLAGGED).sum()), len(spies)),
                *_bound_cells(int(honest["verdict"].isin(FLAGGED).sum()), len(honest)),
            ]
        )
    columns = ["vantage node", "spies `anomalous`", "interval", "spies flagged", "interval"]
    text = "What a vantage node sees depends on its own version."
    return section(
        "Vantage nodes", text, table([*columns, "honest peers flagged", "at most"], rows)
    )


def by_cause(measured: Measured) -> str:
    peers, rows = measured.peers, []
    causes = peers["rules"].map(lambda rules: {cause_of(rule) for rule in rules})
    wanted = peers["asked"].map(lambda rules: {cause_of(rule) for rule in rules})
    honest = peers["kind"] == "honest"
    for cause in CAUSES:
        flagged = causes.map(lambda one, cause=cause: cause in one)
        want = wanted.map(lambda one, cause=cause: cause in one)
        rows.append(
            [
                f"`{cause}`",
                sum(cause_of(rule) == cause for rule in RULES),
                *proportion(int((want & flagged).sum()), int(want.sum())),
                *proportion(int((honest & flagged).sum()), int(honest.sum())),
            ]
        )
    columns = ["cause", "rules", "found of those labelled for it", "interval"]
    text = "Rules that are signs of the same cause count as one."
    return section("Causes", text, table([*columns, "found of honest peers", "interval"], rows))


def leave_one_out(measured: Measured) -> str:
    spies = _spies(measured)
    honest = measured.peers[measured.peers["kind"] == "honest"]
    rows = []
    for cause in ("", *CAUSES):
        cells = []
        for group, bad in ((spies, ("anomalous",)), (spies, FLAGGED), (honest, FLAGGED)):
            verdict = (
                group["without"].map(lambda without, cause=cause: without[cause])
                if cause
                else group["verdict"]
            )
            cells += proportion(int(verdict.isin(bad).sum()), len(group))
        rows.append([f"`{cause}`" if cause else "none", *cells])
    columns = ["cause left out", "spies `anomalous`", "interval", "spies flagged", "interval"]
    text = """Verdicts without the rules of one cause: how much of the recall rests on it."""
    rows_of = table([*columns, "honest peers flagged", "interval"], rows)
    return section("Leaving one cause out", text, rows_of)


def cross_validation(measured: Measured, in_sample: Measured) -> str:
    rows = []
    for name, one in (("of the other captures", measured), ("of all captures", in_sample)):
        spies = _spies(one)
        honest = one.peers[one.peers["kind"] == "honest"]
        met = one.nodes[one.nodes["met"]]
        cells = proportion(int((spies["verdict"] == "anomalous").sum()), len(spies))
        cells += proportion(int(spies["verdict"].isin(FLAGGED).sum()), len(spies))
        cells += _bound_cells(int(honest["verdict"].isin(FLAGGED).sum()), len(honest))
        cells += _bound_cells(int(met["flagged"].sum()), len(met))
        rows.append([name, *cells])
    left = measured.peers.set_index(["run", "peer"])["verdict"]
    right = in_sample.peers.set_index(["run", "peer"])["verdict"]
    changed = int((left != right.reindex(left.index)).sum())
    columns = ["weights from the counts", "spies `anomalous`", "interval", "spies flagged"]
    columns += ["interval", "honest peers flagged", "at most", "monerods flagged", "at most"]
    text = f"""How much the verdicts depend on the captures that the weights come from. The verdict
    of {changed} of {len(left)} peers differs."""
    return section("Cross-validation", text, table(columns, rows))
