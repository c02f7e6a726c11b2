"""Recorded conversations to damage."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

import oracle
from support import craft, truth
from support.craft import CLIENT, SERVER
from support.mutate import Talk
from support.strategies import (
    any_talks,
    numbers,
)


@cache
def recorded() -> list[Talk]:
    """The conversations of the bundled captures: whole messages, in the order in which they
    were.
    """
    drawn: list[Talk] = []
    for scenario in truth.scenarios():
        if not scenario.full:
            talks: dict[int, Talk] = {}
            for row in oracle.decode(scenario.parts)["messages"]:
                if row["body"] is not None:
                    bucket = craft.bucket(
                        row["command"],
                        row["body"],
                        row["levin_flags"],
                        int(row["expects_response"]),
                        row["return_code"],
                        row["version"],
                    )
                    talks.setdefault(row["connection"], []).append(
                        (CLIENT if row["from_client"] else SERVER, bucket)
                    )
            drawn += talks.values()
    return drawn


def excerpt(number: int, start: int, count: int) -> Talk:
    """A few messages of a recorded conversation, one after another."""
    talk = recorded()[number % len(recorded())]
    start %= len(talk)
    return talk[start : start + count]


small = st.integers(0, 2**16 - 1)


excerpts = st.builds(excerpt, small, small, st.integers(1, 5))


talks = st.one_of(
    excerpts, any_talks, st.builds(lambda one, other: [*one, *other], excerpts, any_talks)
)


scalars = st.one_of(
    numbers,
    st.binary(max_size=40),
    st.booleans(),
    *(
        st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1).map(
            lambda value, bits=bits: (f"i{bits}", value)
        )
        for bits in (8, 16, 32, 64)
    ),
    *(
        st.integers(0, 2**bits - 1).map(lambda value, bits=bits: (f"u{bits}", value))
        for bits in (8, 16, 32)
    ),
    st.floats().map(lambda value: ("f64", value)),
)
