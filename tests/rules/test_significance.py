"""The correction for the number of peers."""

from __future__ import annotations

import numpy as np
import pytest

from monerotraffic.rules.significance import rejected, significant
from support.findings import finding, frame


def test_benjamini_and_hochberg() -> None:
    """The example of the paper (1995, section 3.1): 15 tests, at 0.05 four are rejected."""
    chances = np.array(
        [
            *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459),
            *(0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0),
        ]
    )
    assert rejected(chances, 15).tolist() == [True] * 4 + [False] * 11
    assert rejected(chances[::-1], 15).tolist() == [False] * 11 + [True] * 4


@pytest.mark.parametrize(("tests", "expected"), [(10, True), (500, True), (501, False)])
def test_more_tests_need_more_evidence(tests: int, expected: bool) -> None:
    assert rejected(np.array([1e-4]), tests).tolist() == [expected]


def test_causes_of_a_peer_are_joined() -> None:
    rows = frame(
        finding("192.0.2.1", "over_fragmented", "weak"),
        finding("192.0.2.1", "many_ports", "weak"),
        finding("192.0.2.2", "over_fragmented", "weak"),
        finding("192.0.2.3", "ping_flood"),
        finding("192.0.2.4", "over_fragmented", "weak"),
        finding("192.0.2.4", "signature_alone", "weak"),  # the same cause
    ).assign(chance=0.02)
    assert significant(rows, 100).tolist() == [True, True, False, True, False, False]
    assert significant(rows, 1000).tolist() == [False, False, False, True, False, False]


def test_what_others_can_forge_adds_nothing() -> None:
    rows = frame(
        finding("192.0.2.1", "over_fragmented", "weak"),
        finding("192.0.2.1", "peer_list_similar", "weak") | {"forgeable_by": "another peer"},
    ).assign(chance=[0.02, 1e-9])
    assert not significant(rows, 100).any()
