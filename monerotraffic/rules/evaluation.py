"""Findings held against labels: what each rule finds, misses, and flags though it is honest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from monerotraffic.rules.catalogue import RULES
from monerotraffic.rules.likelihood import binomial_bounds

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
"""Labels of peers that no strong or weak rule may flag.

>>> from monerotraffic import rules
>>> "monerod" in rules.HONEST, "ping_flood" in rules.HONEST
(True, False)
"""

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
circumstance.

>>> from monerotraffic import rules
>>> rules.RULES_OF_LABEL["support_flags_omitted"]
('support_flags_missing',)
"""


def evaluate(
    findings: pd.DataFrame,
    labels: Mapping[str, Iterable[str]],
    by: str = "rule",
    roles: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """One row per rule that a label asks for or that flags a peer: what it finds and misses.

    Parameters
    ----------
    findings
        As find_anomalies returns them; at least the columns `peer` and `rule`.
    labels
        Address → its labels. Entries of the form address:port are left out, because findings are of
        addresses. Peers that are not in it are unlabelled.
    by
        `rule`; or `cause`, which joins the rules of a cause.
    roles
        Address → the role of the peer (`initiator`, `acceptor`, …): one row per rule and role then.
        Peers without a role are `unknown`.

    Returns
    -------
    DataFrame with the column named by `by`, with `roles` also `role`, and

    - `expected` (peers whose labels ask for it), `detected` of them, `missed` (names);
    - `others` (peers flagged without such a label), of which `honest` (names: false positives, by
      all of their labels honest) and `unlabelled` (names: nothing is known of them);
    - `recall`, with its 95 % interval `recall_low` and `recall_high` (Clopper and Pearson);
    - `precision`: detected ÷ (detected + honest + unlabelled), with `precision_low` and
      `precision_high`.
      A spy labelled for one thing may well do another, so these do not count against it.

    Context rules accuse no peer: their `honest` are no fault.

    >>> import pandas as pd
    >>> from monerotraffic.rules import evaluate
    >>> findings = pd.DataFrame({"peer": ["192.0.2.1"], "rule": ["ping_flood"]})
    >>> labels = {"192.0.2.1": ["ping_flooding"], "192.0.2.2": ["ping_flooding"]}
    >>> evaluate(findings, labels)[["rule", "expected", "detected", "recall"]]
             rule  expected  detected  recall
    0  ping_flood         2         1     0.5
    """
    if by not in ("rule", "cause"):
        raise ValueError(f"by={by!r}: must be rule or cause")
    given = {str(peer): set(of) for peer, of in labels.items() if str(peer).count(":") != 1}
    honest = {peer for peer, of in given.items() if of <= HONEST}
    asked: dict[str, set[str]] = {}
    for peer, of in given.items():
        for name in {_group(rule, by) for label in of for rule in _asked(label)}:
            asked.setdefault(name, set()).add(peer)
    flagged: dict[str, set[str]] = {}
    for peer, rule in zip(findings["peer"], findings["rule"], strict=True):
        flagged.setdefault(_group(rule, by), set()).add(str(peer))
    groups = _by_role(roles, {*given, *(peer for of in flagged.values() for peer in of)})
    rows = []
    for name in sorted({*asked, *flagged}):
        for role, members in groups.items():
            expected = asked.get(name, set()) & members
            detected = flagged.get(name, set()) & members
            if expected or detected:
                row = _row(expected, detected, detected & honest, detected - set(given))
                rows.append({by: name, **({} if roles is None else {"role": role}), **row})
    columns = [by, *([] if roles is None else ["role"]), *_COLUMNS]
    return pd.DataFrame(rows, columns=columns)


_COLUMNS = [
    *("expected", "detected", "missed", "others", "honest", "unlabelled"),
    *("recall", "recall_low", "recall_high", "precision", "precision_low", "precision_high"),
]


def _asked(label: str) -> tuple[str, ...]:
    """Rules that have to find a peer with this label."""
    return RULES_OF_LABEL.get(label, (label,) if label in RULES else ())


def _group(rule: str, by: str) -> str:
    return RULES[rule].cause if by == "cause" and rule in RULES else rule


def _by_role(roles: Mapping[str, str] | None, peers: set[str]) -> dict[str, set[str]]:
    if roles is None:
        return {"": peers}
    groups: dict[str, set[str]] = {}
    for peer in peers:
        groups.setdefault(roles.get(peer, "unknown"), set()).add(peer)
    return dict(sorted(groups.items()))


def _row(
    expected: set[str], detected: set[str], honest: set[str], unlabelled: set[str]
) -> dict[str, object]:
    right = len(expected & detected)
    wrong = len(honest) + len(unlabelled)
    return {
        "expected": len(expected),
        "detected": right,
        "missed": sorted(expected - detected),
        "others": len(detected - expected),
        "honest": sorted(honest),
        "unlabelled": sorted(unlabelled),
        **_proportion("recall", right, len(expected)),
        **_proportion("precision", right, right + wrong),
    }


def _proportion(name: str, hits: int, trials: int) -> dict[str, float]:
    """A share with its 95 % interval; NaN without trials."""
    if not trials:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), float("nan"))
    low, high = binomial_bounds(hits, trials, 0.975)
    return {name: hits / trials, f"{name}_low": low, f"{name}_high": high}
