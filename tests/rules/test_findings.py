"""The frame of the rules: presets, parameters, findings with evidence, verdicts, evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import monerotraffic as mt
from monerotraffic.rules import (
    PRESETS,
    RULES,
    RULES_OF_LABEL,
    WEIGHTS,
    evaluate,
    find_anomalies,
    verdicts,
)
from support import craft
from support.craft import CLIENT, SERVER, Connection

HOST = "198.51.100.10"


@pytest.fixture
def traffic(tmp_path: Path) -> mt.Traffic:
    """Two peers without support_flags, one of them twice, and one with; the vantage node lacks
    them, too.
    """
    packets = []
    for number, (peer, flags) in enumerate(
        [("192.0.2.1", None), ("192.0.2.2", 1), ("192.0.2.3", None), ("192.0.2.1", None)]
    ):
        talk = Connection(
            (peer, 40000 + number), (HOST, 18080), clock=craft.START + number * 10**9
        ).open()
        talk.send(
            CLIENT,
            craft.request(1001, craft.handshake_request(craft.node_data(support_flags=flags))),
        )
        talk.send(
            SERVER,
            craft.response(
                1001, craft.handshake_response(node=craft.node_data(support_flags=None))
            ),
        )
        talk.close()
        packets += talk.packets
    path = tmp_path / "a.pcap"
    path.write_bytes(craft.pcap(packets, nano=True))
    return mt.read(path, host=HOST)


def test_finding_points_at_the_packets(traffic: mt.Traffic) -> None:
    findings = find_anomalies(traffic, rules=["support_flags_missing"])
    assert list(findings.peer) == ["192.0.2.1", "192.0.2.3"]
    first = findings.iloc[0]
    assert (first["observations"], first["unit"], first["weight"], first["family"]) == (
        2,
        "handshake",
        "context",
        "structure",
    )
    frames = traffic.messages.set_index("message").loc[first.messages].frame
    assert first.places == [f"{Path(traffic.files.path.iloc[0]).name}:{frame}" for frame in frames]
    assert first.connections == [0, 3]
    assert first["display_filter"].startswith(
        "(ip.addr == 192.0.2.1 && tcp.port == 40000 && tcp.port == 18080) || "
    )
    assert first["first_time"] == traffic.messages.time[first.messages[0]]
    assert first["last_time"] - first["first_time"] == pd.Timedelta(seconds=3)


def test_the_vantage_node_is_never_found(traffic: mt.Traffic) -> None:
    assert HOST not in set(find_anomalies(traffic).peer)
    assert traffic.node_data.support_flags.isna().sum() == 7


def test_nothing_found_has_the_same_columns(traffic: mt.Traffic) -> None:
    some, none = find_anomalies(traffic), find_anomalies(traffic, rules=[])
    assert list(some.columns) == list(none.columns)
    assert len(none) == 0
    assert list(verdicts(none).columns) == list(verdicts(some).columns)


def test_thresholds_of_the_published_variants() -> None:
    """As the contract has them: by rule what arxiv-v1 and aft-2026 ask for, in that order; both the
    same if there is one.
    """
    similar = {
        "min_excess": None,
        "max_chance": None,
        "min_other_senders": 0,
        "max_similar_share": None,
        "allow_common_id": True,
        "max_lists_per_peer": None,
        "by": "subnet",
        "max_lists": None,
    }
    alone = {
        "min_hosts": 1,
        "max_scattered_share": None,
        "max_expected_ratio": 0.25,
        "max_chance": 1e-6,
        "min_other_subnets": 5,
        "periods_h": (1.0, 24.0),
    }
    published: dict[str, tuple[dict[str, Any], ...]] = {
        "support_flags_missing": ({},),
        "last_seen_present": ({},),
        "signature_alone": ({},),
        "peer_list_low_diversity": (
            {"max_diversity": 0.1, "min_entries": 250, **alone},
            {"max_diversity": 0.05, "min_entries": 225, **alone},
        ),
        "peer_list_similar": (
            {"min_jaccard": 0.3, "min_pairs": 5, "min_entries": 250, **similar},
            {"min_jaccard": 0.99, "min_pairs": 1, "min_entries": 226, **similar},
        ),
        "peer_id_returns": ({"by_port": False, "sequential_only": False},),
        "peer_id_cluster": ({"min_sites": 2, "max_ids": 2, "joined_only": False},),
        "short_lived_series": (
            {
                "max_connections": 10,
                "max_duration_s": 1.0,
                "from_answer": False,
                "period_h": None,
            },
        ),
        "ping_flood": ({"max_pings": 2},),
        "timed_sync_throttled": tuple(
            {
                "min_gap_s": seconds,
                "min_gaps": 1,
                "min_connection_s": 600.0,
                "own_regular": False,
                "max_own_gap_s": 75.0,
                "mean_too": True,
                "max_spread_s": float("inf"),
            }
            for seconds in (90.0, 120.0)
        ),
        "handshake_incomplete": ({"min_connections": 1, "patience_s": 4.5, "period_h": None},),
        "subnet_dense": ({"min_hosts": 1, "max_subnets": 15},),
        "ban_listed": ({"ban_list": None},),
    }
    assert {name for name, rule in RULES.items() if rule.presets} == set(published)
    for name, (first, *rest) in published.items():
        assert [RULES[name].parameters_of(preset) for preset in ("arxiv-v1", "aft-2026")] == [
            first,
            *(rest or [first]),
        ], name


def test_evaluation() -> None:
    findings = pd.DataFrame({"peer": ["a", "b", "c", "u"], "rule": "ping_flood"})
    labels = {
        "a": ["ping_flooding"],
        "b": ["control"],
        "c": ["garbage"],
        "d": ["ping_flooding"],
        "d:18080": ["ping_flooding"],
    }
    row = evaluate(findings, labels).set_index("rule").loc["ping_flood"]
    assert (row.expected, row.detected, row.missed, row.others) == (2, 1, ["d"], 3)
    assert (row.honest, row.unlabelled) == (["b"], ["u"])
    assert (row.recall, row.precision) == (0.5, pytest.approx(1 / 3))
    # Clopper and Pearson: 1 of 2, and 1 of 3
    assert (row.recall_low, row.recall_high) == pytest.approx((0.01258, 0.98742), abs=1e-5)
    assert (row.precision_low, row.precision_high) == pytest.approx((0.00840, 0.90570), abs=1e-5)


def test_evaluation_by_cause_and_role() -> None:
    findings = pd.DataFrame(
        {"peer": ["a", "a", "b"], "rule": ["bad_header", "unknown_command", "unknown_command"]}
    )
    labels = {"a": ["wrong_version", "unknown_command"], "b": ["unknown_command"], "c": ["garbage"]}
    evaluation = evaluate(findings, labels, by="cause").set_index("cause")
    assert evaluation.loc["wire_format", ["expected", "detected", "missed"]].tolist() == [
        3,
        2,
        ["c"],
    ]
    roles = {"a": "initiator", "b": "acceptor"}
    evaluation = evaluate(findings, labels, roles=roles).set_index(["rule", "role"])
    assert evaluation["recall"].to_dict() == {
        ("bad_header", "initiator"): 1.0,
        ("garbage", "unknown"): 0.0,
        ("unknown_command", "acceptor"): 1.0,
        ("unknown_command", "initiator"): 1.0,
    }
    with pytest.raises(ValueError, match="by='family': must be rule or cause"):
        evaluate(findings, labels, by="family")


def test_a_label_may_be_the_name_of_a_rule() -> None:
    findings = pd.DataFrame({"peer": ["a"], "rule": "out_of_turn"})
    evaluation = evaluate(
        findings, {"a": ["out_of_turn"], "b": ["peer_id_reserved", "pong_id_match"]}
    ).set_index("rule")
    assert evaluation["missed"].to_dict() == {"out_of_turn": [], "peer_id_reserved": ["b"]}
    assert not set(RULES_OF_LABEL) & set(RULES)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"preset": "paper"}, "unknown preset 'paper': must be one of default, arxiv-v1, aft-2026"),
        ({"rules": ["pings"]}, "unknown rule 'pings'"),
        ({"parameters": {"pings": {}}}, "unknown rule 'pings'"),
        (
            {"parameters": {"support_flags_missing": {"most": 1}}},
            "rule support_flags_missing has no parameter 'most'",
        ),
    ],
)
def test_wrong_arguments(traffic: mt.Traffic, arguments: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        find_anomalies(traffic, **arguments)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_rule_is_described_and_runs(preset: str, traffic: mt.Traffic) -> None:
    find_anomalies(traffic, preset)
    for name, rule in RULES.items():
        assert name == rule.name
        assert rule.definition
        assert rule.source
        assert rule.weight in WEIGHTS
        assert rule.cause
        assert rule.evasion
        assert rule.forgeable_by in ("nobody", "another peer", "off-path")
        assert set(rule.presets or {}) <= set(PRESETS) - {"default"}
        for given in (rule.presets or {}).values():
            assert set(given) <= set(rule.parameters)


@pytest.mark.parametrize("wrong", [5, "capture.pcap", None, pd.DataFrame()])
def test_what_is_no_traffic_is_named(wrong: Any) -> None:
    with pytest.raises(TypeError, match=f"^traffic is {type(wrong).__name__}: give a Traffic"):
        find_anomalies(wrong)


def test_rules_and_parameters_of_another_type(traffic: mt.Traffic) -> None:
    with pytest.raises(TypeError, match=r"^rules='ping_flood': give a list of names"):
        find_anomalies(traffic, rules="ping_flood")
    with pytest.raises(TypeError, match=r"^parameters=5: give a dict of parameters by rule"):
        find_anomalies(traffic, parameters=5)  # type: ignore[arg-type]
