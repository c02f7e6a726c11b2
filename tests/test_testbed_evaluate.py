"""The evaluation: intervals, what is counted, and the page that is made of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from math import comb
from pathlib import Path

import pandas as pd
import pytest

from monerotraffic.rules import RULES
from support.paths import DATA
from testbed import measure as measuring
from testbed.intervals import clopper_pearson, upper_bound
from testbed.measure import CAUSES, Measured, asked, kind_of, measure, rule_counts, together, ways
from testbed.page import page, proportion, table

# ---------------------------------------------------------------- intervals


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [  # as published tables and R's binom.test give them
        (0, 10, 0.0, 0.3085),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (1, 300, 0.0000844, 0.01844),
        (585, 1250, 0.44004, 0.49610),
    ],
)
def test_clopper_pearson(hits: int, trials: int, low: float, high: float) -> None:
    assert clopper_pearson(hits, trials) == pytest.approx((low, high), abs=6e-5)


def test_bounds_of_no_hit() -> None:
    assert upper_bound(0, 298) > 0.01 > upper_bound(0, 299)
    assert upper_bound(0, 300) == pytest.approx(1 - 0.05 ** (1 / 300))
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_interval_covers_as_often_as_it_says() -> None:
    """Every true probability is in the interval with a chance of at least 95 %."""
    for probability in (0.01, 0.1, 0.37, 0.5, 0.93):
        for trials in (7, 40):
            covered = sum(
                comb(trials, hits) * probability**hits * (1 - probability) ** (trials - hits)
                for hits in range(trials + 1)
                if clopper_pearson(hits, trials)[0] <= probability
                and probability <= clopper_pearson(hits, trials)[1]
            )
            assert covered >= 0.95


# ---------------------------------------------------------------- what is counted


def test_kinds_and_ways() -> None:
    assert [
        kind_of(labels) for labels in ([], ["monerod", "moved"], ["monerod", "class_list"])
    ] == [
        "unlabelled",
        "honest",
        "spy",
    ]
    assert asked(["signature_only", "last_seen_sent"]) == {"signature_alone", "last_seen_present"}
    assert asked(["pong_id_shared_inner", "class_list"], pings=False) == asked(["class_list"])
    assert ways(asked(["pong_id_mismatch", "pong_id_of_honest_node", "subnet_saturation"])) == 1
    assert ways(asked(["signature_only", "last_seen_sent"])) == 2


def peers(*rows: Mapping[str, object]) -> pd.DataFrame:
    base = {"run": "a", "role": "acceptor", "verdict": "none", "rules": [], "labels": []}
    rows_of_peers = pd.DataFrame([{"votes": row.get("rules", []), **base, **row} for row in rows])
    rows_of_peers["kind"], rows_of_peers["asked"] = (
        rows_of_peers["labels"].map(kind_of),
        rows_of_peers["labels"].map(asked),
    )
    rows_of_peers["without"] = [
        dict.fromkeys(CAUSES, verdict) for verdict in rows_of_peers["verdict"]
    ]
    return rows_of_peers


def measured() -> Measured:
    return Measured(
        peers(
            {
                "peer": "s1",
                "labels": ["signature_only"],
                "rules": ["signature_alone"],
                "verdict": "anomalous",
            },
            {"peer": "s2", "labels": ["signature_only", "class_list"], "role": "initiator"},
            {
                "peer": "h1",
                "labels": ["monerod"],
                "rules": ["signature_alone"],
                "verdict": "suspicious",
            },
            {"peer": "h2", "labels": ["monerod"]},
            {"peer": "t1", "labels": ["tls"], "role": "none"},
            {"peer": "u1"},
        ),
        pd.DataFrame(
            [
                {
                    "run": "a",
                    "node": "m1",
                    "addresses": ["h1", "h9"],
                    "version": "1.2",
                    "circumstance": "alone",
                    "met": True,
                    "flagged": True,
                },
                {
                    "run": "a",
                    "node": "m2",
                    "addresses": ["h2"],
                    "version": "1.3",
                    "circumstance": "moved",
                    "met": True,
                    "flagged": False,
                },
                {
                    "run": "a",
                    "node": "m3",
                    "addresses": ["h3"],
                    "version": "1.3",
                    "circumstance": "alone",
                    "met": False,
                    "flagged": False,
                },
            ]
        ),
        pd.DataFrame(
            [{"run": "a", "messages": 7, "vantage_version": "1.3", "operators_share": 0.5}]
        ),
    )


def test_counts_per_rule() -> None:
    counts = rule_counts(measured()).set_index("rule")
    assert list(counts.index) == list(RULES)
    assert counts.loc["signature_alone"].to_dict() == {
        "asked": 2,
        "asked_found": 1,
        "spies": 2,
        "spies_found": 1,
        "honest": 3,
        "honest_found": 1,
        "monerods": 2,
        "monerods_found": 1,
        "asked_votes": 1,
        "honest_votes": 1,
    }


def test_a_finding_in_one_run_is_none_in_another() -> None:
    one = measured()
    other = Measured(*(frame.assign(run="b") for frame in (one.peers, one.nodes, one.runs)))
    other.peers["rules"] = [[] for _ in other.peers.index]
    counts = rule_counts(together([one, other])).set_index("rule").loc["signature_alone"]
    assert counts[["asked", "asked_found", "monerods", "monerods_found"]].tolist() == [4, 1, 4, 1]


# ---------------------------------------------------------------- the page


def test_page_states_counts_and_bounds() -> None:
    text = page(measured(), measured())
    assert "met 2 monerods (1 of 1.2, 1 of 1.3)" in text
    assert "| all monerods | 1 of 2 | 97.5 % |" in text
    assert "| *moved* | 0 of 1 | 95.0 % |" in text
    assert "| `tls` | 0 of 1 | 95.0 % |" in text
    assert "| a | h1 | monerod | suspicious | signature_alone |" in text
    assert "| acceptor | one | 1 of 1 | 2.5–100.0 % |" in text
    assert "| initiator | two or more | 0 of 1 | 0.0–97.5 % |" in text
    assert "| acceptor | 1 of 2 | 97.5 % |" in text and "| none | 0 of 1 | 95.0 % |" in text
    assert "| 1.3 | 1 of 2 | 1.3–98.7 % | 1 of 2 | 1.3–98.7 % | 1 of 3 | 86.5 % |" in text
    assert "0 of 1 peers without a label are flagged" in " ".join(text.split())


def test_cells() -> None:
    assert proportion(0, 0) == ["–", "–"]
    assert proportion(1, 1) == ["1 of 1", "2.5–100.0 %"]
    assert table(["a", "b"], [[1, "x"]]) == "| a | b |\n| --- | --- |\n| 1 | x |\n\n"


# ---------------------------------------------------------------- a capture, measured


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The part of a run in tests/data, with a manifest as the testbed writes it."""
    folder = tmp_path_factory.mktemp("runs") / "part"
    shutil.copytree(DATA / "testbed", folder)
    labels = json.loads((folder / "labels.json").read_text())
    nodes = {
        f"m{number}": {"ip": [address], "version": "0.18.5.3", "labels": given}
        for number, (address, given) in enumerate(labels.items())
        if "monerod" in given
    }
    nodes = {"v": {"ip": ["198.51.100.10"], "version": "0.18.0.0"}, **nodes}
    manifest = {"vantage": ["198.51.100.10"], "nodes": nodes}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return measure(folder)


def test_a_capture_is_measured(run: Measured) -> None:
    assert run.runs.loc[0, "vantage_version"] == "0.18.0.0"
    kinds = run.peers["kind"].value_counts()
    assert kinds["spy"] == 14 and "unlabelled" not in kinds
    stem = run.peers[run.peers["labels"].map(lambda labels: "stem_from_acceptor" in labels)].iloc[0]
    assert stem["role"] == "acceptor" and "stem_from_acceptor" in stem["rules"]
    assert set(run.nodes["version"]) == {"0.18.5.3"} and run.nodes["met"].any()
    assert not run.nodes["flagged"].any()


def test_without_its_cause_a_verdict_is_weaker(run: Measured) -> None:
    row = run.peers[run.peers["labels"].map(lambda labels: "stem_from_acceptor" in labels)].iloc[0]
    weaker = {cause for cause, verdict in row["without"].items() if verdict != row["verdict"]}
    assert weaker == {measuring.cause_of(rule) for rule in row["rules"]}


def test_page_of_a_capture(run: Measured) -> None:
    assert "## Leaving one cause out" in page(run, run)


def test_nodes_that_were_met() -> None:
    rows = peers({"peer": "1.1.1.1"}, {"peer": "2.2.2.2", "role": "none"})

    def met(**nodes: Mapping[str, object]) -> list[bool]:
        manifest = {"vantage": ["9.9.9.9"], "nodes": nodes}
        return list(measuring.node_rows("a", manifest, rows)["met"])

    one, two, hidden = ({"ip": [f"{n}.{n}.{n}.{n}"]} for n in (1, 2, 3))
    assert met(a=one, b=two, c=hidden) == [True, False, False]
    yes, no = {"met": True}, {"met": False}
    assert met(a={**one, **no}, b={**two, **yes}, c={**hidden, **yes}) == [False, True, False]
    assert met(a={**one, **no}, b={**two, **no}) == [True, False]


def test_manifests_of_other_captures(tmp_path: Path) -> None:
    manifest = {
        "vantage": ["1.1.1.1"],
        "nodes": {"n0": {"ip": "1.1.1.1"}, "n1": {"ip": "2.2.2.2", "ipv6": "2001:db8::2"}},
    }
    assert measuring.labels_of(tmp_path, manifest) == {
        "2.2.2.2": ["monerod"],
        "2001:db8::2": ["monerod"],
    }
    (tmp_path / "labels.json").write_text('{"3.3.3.3": ["b", "a"], "3.3.3.3:18080": ["a"]}')
    assert measuring.labels_of(tmp_path, manifest) == {"3.3.3.3": ["a", "b"]}
