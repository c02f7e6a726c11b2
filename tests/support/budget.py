"""How many examples hypothesis tries: few and always the same ones as part of every run, as many as
are asked for in search of something new.

MONEROTRAFFIC_EXAMPLES=20000 pytest tests/differential (make differential EXAMPLES=20000)
tries so many of each property that takes its settings from here, other ones at every run. What
fails is
shrunk and printed as a call that can be pasted."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("MONEROTRAFFIC_EXAMPLES", "0"))


def examples(quick: int) -> settings:
    """`quick` of them, unless a longer search is asked for."""
    return settings(
        max_examples=EXAMPLES or quick,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        print_blob=bool(EXAMPLES),
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
        ],
    )


__all__ = ["EXAMPLES", "examples"]
