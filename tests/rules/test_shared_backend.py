"""The rule shared_backend: flagged, and similar to it but not flagged."""

from __future__ import annotations

import pytest

from support.craft import CLIENT
from support.lab import Lab
from support.rule_captures import A, B, C, D


def clocks(
    lab: Lab, offsets: dict[str, list[float]], period: float = 60.03, heights: int = 1
) -> None:
    """Peers that tick at these offsets from a common tick; the height grows every `heights`
    ticks.
    """
    for number, (peer, shifts) in enumerate(offsets.items()):
        talk = lab.incoming(peer, number * 0.1).announce(CLIENT, 5 + number)
        for tick, shift in enumerate(shifts):
            height = 100 + tick // heights
            talk.wait_until(30 + tick * period + shift).timed_sync(
                CLIENT, height=height, top=height
            )


def test_shared_backend(lab: Lab) -> None:
    clocks(
        lab,
        {
            A: [0.001, 0, 0.002, 0, 0.001],
            B: [0] * 5,
            C: [0.003, 0.001, 0, 0.002, 0.001],
            D: [0.4] * 5,
        },
    )
    findings = lab.findings("shared_backend")
    assert list(findings.index) == [A, B, C]
    assert findings["observations"].tolist() == [5, 5, 5]
    assert findings.score[A] == 2


@pytest.mark.parametrize(
    "offsets",
    [
        {
            A: [0] * 6,
            B: [0.001] * 6,
            C: [0.02 * tick for tick in range(6)],
            D: [0.01 - 0.02 * tick for tick in range(6)],
        },
        {A: [0] * 4, B: [0.001] * 4, C: [0.002] * 4},
        {A: [0] * 6, B: [0.004] * 6, C: [0.008] * 6},
    ],
    ids=["phases drift", "few ticks", "a chain"],
)
def test_no_shared_backend(lab: Lab, offsets: dict[str, list[float]]) -> None:
    clocks(lab, offsets)
    assert lab.findings("shared_backend").empty


def test_one_clock_with_other_chains_is_no_backend(lab: Lab) -> None:
    for number, peer in enumerate([A, B, C]):
        talk = lab.incoming(peer, number * 0.1).announce(CLIENT, 5 + number)
        for tick in range(6):
            talk.wait_until(30 + tick * 60 + number * 0.001).timed_sync(
                CLIENT, height=100 + tick * number
            )
    assert lab.findings("shared_backend").empty


def test_heights_that_never_change_show_nothing(lab: Lab) -> None:
    clocks(lab, {A: [0] * 6, B: [0.001] * 6, C: [0.002] * 6}, heights=100)
    assert lab.findings("shared_backend").empty


def test_several_nodes_of_one_host_are_no_backend_of_several(lab: Lab) -> None:
    for number in range(4):
        lab.incoming(A, number * 0.1).announce(CLIENT, 5 + number).timed_syncs(
            CLIENT, 30 + number * 0.001, 6
        )
    assert lab.findings("shared_backend").empty
