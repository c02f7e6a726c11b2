"""Findings held against labels: what each rule finds, misses, and flags though it is honest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from monerotraffic.rules.catalogue import RULES

__all__ = ["HONEST", "RULES_OF_LABEL", "evaluate"]

HONEST = frozenset(
    {
        *(
            "monerod",
            "control",
            "nat_pair",
            "restart_new_id",
            "no_port",
            "closed_port",
            "filtered_port",
        ),
        *("unanswered_port", "back_ping_refused", "coalesced_messages", "ping_only"),
        *("nat_same_port", "shared_exit", "address_pool", "moved", "forwarder"),
        *("cuprate", "crawler", "tls", "proxy_prefix"),
    }
)
"""Labels of peers that no strong or weak rule may flag."""

RULES_OF_LABEL: Mapping[str, tuple[str, ...]] = {
    "support_flags_omitted": ("support_flags_missing",),
    "last_seen_sent": ("last_seen_present",),
    "wrong_version": ("bad_header",),
    "zero_length_body": ("bad_header",),
    "oversize_length": ("oversize_message",),
    "bad_storage": ("payload_malformed",),
    "epee_types": ("noncanonical_encoding",),
    "garbage_after_handshake": ("garbage",),
    "bad_signature_later": ("garbage",),
    "signature_only": ("signature_alone",),
    "tiny_fragments": ("over_fragmented",),
    "low_diversity": ("peer_list_low_diversity",),
    "similar_lists": ("peer_list_similar",),
    "oversize_peer_list": ("peer_list_oversized",),
    "class_list": ("peer_list_one_host_many_ports",),
    "peer_id_switch_back": ("peer_id_returns",),
    "pong_id_shared_inner": ("pong_id_shared",),
    "handshake_id_rotates": ("peer_id_rotates",),
    "several_ids_one_port": ("peer_ids_side_by_side",),
    "short_lived": ("short_lived_series",),
    "ping_flooding": ("ping_flood",),
    "throttled_timed_sync": ("timed_sync_throttled",),
    "tcp_only": ("no_handshake",),
    "handshake_unanswered": ("handshake_incomplete",),
    "handshake_reset": ("handshake_incomplete",),
    "support_flags_request_unanswered": ("request_unanswered",),
    "subnet_saturation": ("subnet_dense",),
}
"""Which rules must find a peer of a label. A label that is not here and is the name of a rule asks
for that one; others ask for none: they are honest, or a
circumstance."""


def evaluate(findings: pd.DataFrame, labels: Mapping[str, Iterable[str]]) -> pd.DataFrame:
    """One row per rule that a label asks for or that found something.

    `labels`: address → its labels; entries of the form address:port are passed over, for findings
    are of addresses. Columns: `rule`, `expected` (peers whose
    labels ask for it), `found` of these, `missed` (names), `others` (found without such a label),
    `honest` (names of those that are honest by all their
    labels: false positives), `recall`, `precision` (found ÷ (found + honest): a spy labelled for
    one thing may well do another). Context rules flag nobody:
    their `honest` are listed and no fault.
    """
    asked: dict[str, set[str]] = {}
    honest = set()
    for peer, given in labels.items():
        if str(peer).count(":") == 1:
            continue
        given = set(given)
        if given <= HONEST:
            honest.add(peer)
        for label in given:
            for rule in RULES_OF_LABEL.get(label, (label,) if label in RULES else ()):
                asked.setdefault(rule, set()).add(peer)
    flagged = {str(rule): set(rows["peer"]) for rule, rows in findings.groupby("rule")}
    rows = []
    for rule in sorted({*asked, *flagged}):
        expected, found = asked.get(rule, set()), flagged.get(rule, set())
        right, wrong = expected & found, honest & found
        rows.append(
            {
                "rule": rule,
                "expected": len(expected),
                "found": len(right),
                "missed": sorted(expected - found),
                "others": len(found - expected),
                "honest": sorted(wrong),
                "recall": len(right) / len(expected) if expected else float("nan"),
                "precision": len(right) / len(right | wrong) if right or wrong else float("nan"),
            }
        )
    return pd.DataFrame(
        rows,
        columns=["rule", "expected", "found", "missed", "others", "honest", "recall", "precision"],
    )
