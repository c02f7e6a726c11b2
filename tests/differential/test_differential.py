"""The core and the oracle on damaged streams and payloads.

A few examples as part of every run; `make differential EXAMPLES=20000` looks for new ones (see
tests/support/budget.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache, reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import monerotraffic as mt
import oracle
from oracle import epee
from support import craft
from support.budget import examples
from support.comparison import (
    Tables,
    check_accounting,
    check_oracle,
    messages_by_stream,
    plain,
    tables_of,
)
from support.craft import CLIENT, SERVER, Packet
from support.damaged_talks import recorded, scalars, small, talks
from support.mutate import EPEE, KINDS, Damage, Talk, damaged, damaged_payload
from support.strategies import (
    Cutter,
    capture,
    check_pairs,
    cutters,
    disordered,
    numbers,
    packets_of,
    peers,
    read,
)

# ---------------------------------------------------------------- what there is to damage


damages = st.lists(
    st.builds(
        Damage, st.sampled_from(KINDS), st.integers(0, 31), small, st.integers(0, 255), small
    ),
    min_size=1,
    max_size=6,
)


mutated = st.builds(damaged, talks, damages)


# mostly on a port of Monero's, and from the beginning
ends = st.builds(
    lambda port, opened: (port, opened),
    st.sampled_from([18080, 18080, 18080, 8333]),
    st.sampled_from([True, True, True, False]),
)


def segments_of(talk: Talk, cutter: Cutter, end: tuple[int, bool]) -> list[Packet]:
    """Where only one direction shows that a connection is Monero's, what the other said before is
    not kept (docs/architecture.md, known to be imprecise): such talks are on a port that tells.
    """
    port, opened = end
    signed = {begun(talk, side) for side in (CLIENT, SERVER)} - {None}
    port = 18080 if opened and len(signed) > 1 else port
    packets = packets_of(talk, cutter, craft.Connection(server=("198.51.100.10", port)))
    return packets if opened else packets[3:]


def begun(talk: Talk, side: int) -> bool | None:
    """Whether what a side says begins with the signature; None if it says nothing."""
    stream = b"".join(data for sender, data in talk if sender == side)
    return stream.startswith(craft.SIGNATURE) if stream else None


# ---------------------------------------------------------------- the core and the oracle on the
# same packets


def compare(packets: list[Packet], but: Iterable[str] = ()) -> None:
    """Every table, `fields` included, row for row, `but` for columns of messages that are
    documented as unsure.
    """
    path = capture(packets)
    traffic = read(path, tables=mt.TABLES)
    check_accounting(traffic)
    tables = tables_of(traffic)
    wanted = oracle.decode([path], fields=True)
    check_oracle(tables, wanted, [*but, *imprecise(wanted)])
    check_pairs(tables)
    check_fields(tables | {"fields": plain(traffic.fields)}, wanted)


def imprecise(tables: Tables) -> list[str]:
    """What is told as far as it goes (docs/architecture.md): `shared` does not see what garbage or
    the fragments of a message stand between, and how a response is paired hangs on whether it
    was known by then that bytes are missing or are none."""
    astray = any(row["kind"] in ("unframed", "lost") for row in tables["problems"]) or any(
        row["start"] == "midstream" for row in tables["connections"]
    )
    apart = (
        astray
        or any(row["fragments"] > 1 or row["kind"] is None for row in tables["messages"])
        or any(row["kind"] == "oversize" for row in tables["problems"])
    )
    return [*(["reply_to"] if astray else []), *(["shared"] if apart else [])]


def check_fields(tables: Tables, wanted: Tables) -> None:
    """Of every whole message that nobody refuses. The messages are known to be the same."""
    rows = [messages_by_stream(tables)[1] for tables in (tables, wanted)]
    refused = {rows[1][row["message"]] for row in wanted["messages"] if row["fields_refused"]}
    left, right = (
        [
            sorted(
                (
                    row | {"message": places[row["message"]]}
                    for row in tables["fields"]
                    if places[row["message"]] not in refused
                ),
                key=lambda row: (row["message"], row["position"]),
            )
        ]
        for tables, places in zip((tables, wanted), rows, strict=True)
    )
    assert repr(left) == repr(right)  # as text: NaN is NaN


@examples(80)
@given(mutated, cutters, ends)
def test_damaged_streams_in_order(talk: Talk, cutter: Cutter, end: tuple[int, bool]) -> None:
    compare(segments_of(talk, cutter, end))


@examples(40)
@given(mutated, cutters, st.randoms(use_true_random=False))
def test_damaged_streams_in_disorder(talk: Talk, cutter: Cutter, random: Any) -> None:
    """As test_disorder_of_odd_streams: pairing, neighbours and counts of segments hang on when
    something was noticed.
    """
    compare(disordered(packets_of(talk, cutter), random), but=("reply_to", "shared", "segments"))


@examples(40)
@given(mutated, cutters, st.floats(0.01, 0.4), st.randoms(use_true_random=False))
def test_damaged_streams_with_losses(talk: Talk, cutter: Cutter, share: float, random: Any) -> None:
    packets = [packet for packet in packets_of(talk, cutter) if random.random() >= share]
    if packets:
        compare(packets, but=("reply_to", "shared"))


# ---------------------------------------------------------------- payloads alone


@cache
def recorded_payloads() -> list[bytes]:
    """One of each length: short and long lists, blocks, transactions."""
    bodies = {
        len(data): data[craft.LEVIN_HEADER :]
        for talk in recorded()
        for _, data in talk
        if data[craft.LEVIN_HEADER :].startswith(craft.EPEE_HEADER)
    }
    return [bodies[size] for size in sorted(bodies) if size < 30_000]


keys = st.one_of(
    st.sampled_from([b"a", b"b", b"id", b"\xff\xfe", b"x" * 254, b"x" * 255]),
    st.binary(min_size=1, max_size=12),
)


arrays = st.one_of(
    st.lists(st.binary(max_size=9), max_size=6),
    st.lists(st.booleans(), min_size=1, max_size=6),
    st.builds(
        lambda bits, values: (f"u{bits}", [value % 2**bits for value in values]),
        st.sampled_from([8, 16, 32, 64]),
        st.lists(numbers, max_size=6),
    ),
    st.lists(st.floats(), max_size=4).map(lambda values: ("f64", values)),
    st.sampled_from(
        [
            craft.Raw(b"\x8c\0"),
            craft.Raw(b"\x8d\0"),
            craft.Raw(b"\x0d\x8a\x04\x04a"),
            craft.Raw(b"\x0d\x8d\0"),
            craft.Raw(b"\x80\0"),
            craft.Raw(b"\x8e\0"),
        ]
    ),
)


trees = st.recursive(
    st.dictionaries(keys, scalars | arrays, max_size=5),
    lambda inside: st.dictionaries(
        keys, scalars | arrays | inside | st.lists(inside, min_size=1, max_size=4), max_size=5
    ),
    max_leaves=12,
)


tails = st.sampled_from([b"", b"", b"\0", b"\0" * 20, b"abcdefgh"])


payloads = st.one_of(
    st.builds(lambda number: recorded_payloads()[number % len(recorded_payloads())], small),
    st.builds(lambda tree, tail: craft.epee(tree) + tail, trees, tails),
    st.lists(peers, max_size=5).map(craft.handshake_response),
)


broken_payloads = st.builds(
    lambda payload, changes: reduce(
        lambda drawn, damage: damaged_payload(drawn, damage) or b"\0", changes, payload
    ),
    payloads,
    st.lists(
        st.builds(
            Damage,
            st.sampled_from(
                [*EPEE, *EPEE, "flip", "set", "insert", "delete", "repeat", "overwrite", "cut"]
            ),
            st.just(0),
            small,
            st.integers(0, 255),
            small,
        ),
        max_size=4,
    ),
)


def accepted(payload: bytes) -> epee.Payload | None:
    try:
        return epee.read(payload)
    except epee.Refused:
        return None


def loaded(payload: bytes) -> dict[str, Any] | None:
    try:
        return mt.epee.loads(payload)
    except ValueError:
        return None


def check_value(value: Any, wanted: epee.Value) -> None:
    """Type and value, all the way down; doubles bit by bit."""
    if wanted.array:
        assert (
            type(value) is mt.epee.Array
            and value.type == wanted.type
            and len(value) == len(wanted.value)
        )
        for one, other in zip(value, wanted.value, strict=True):
            check_value(one, epee.Value(wanted.type, False, other, wanted.type))
    elif wanted.type == epee.OBJECT:
        check_section(value, wanted.value)
    elif wanted.type == 9:
        assert (
            type(value) is float
            and (value == wanted.value or (math.isnan(value) and math.isnan(wanted.value)))
            and math.copysign(1, value) == math.copysign(1, wanted.value)
        )
    else:
        assert value == wanted.value
        assert type(value) is {epee.STRING: bytes, epee.BOOL: bool}.get(
            wanted.type, mt.epee.TYPES[wanted.type]
        )


def check_section(section: Any, wanted: dict[bytes, epee.Value]) -> None:
    assert type(section) is dict
    assert [key.encode("utf-8", "surrogateescape") for key in section] == list(wanted)
    for one, other in zip(section.values(), wanted.values(), strict=True):
        check_value(one, other)


@examples(200)
@given(broken_payloads)
def test_payloads_are_read_or_refused_as_by_the_oracle(payload: bytes) -> None:
    section, wanted = loaded(payload), accepted(payload)
    assert (section is None) == (wanted is None)
    if section is not None and wanted is not None:
        check_section(section, wanted.root)


@examples(200)
@given(broken_payloads)
def test_dumps_writes_what_loads_read(payload: bytes) -> None:
    """Stable: written once, it is read and written the same for ever. And to the byte what was
    read, if that had the shortest varints, no array entries, and nothing behind it.
    """
    section, wanted = loaded(payload), accepted(payload)
    if section is None or wanted is None:
        return
    if any(len(key) > 254 for key in all_keys(wanted.root)):
        with pytest.raises(ValueError, match="names have 1 to 254"):
            mt.epee.dumps(section)
        return
    written = mt.epee.dumps(section)
    again, judged = loaded(written), accepted(written)
    assert (again is None) == (judged is None)
    if again is None or judged is None:
        # what stood behind its short strings is gone, and monerod reckons two bytes for each
        assert any(value.array and value.type == epee.STRING for value in all_values(wanted.root))
    else:
        assert mt.epee.dumps(again) == written
        check_section(again, judged.root)
    if not wanted.wide and not any(value.wire == epee.ARRAY for value in all_values(wanted.root)):
        assert written == payload[: len(payload) - wanted.trailing]


def all_values(section: dict[bytes, epee.Value]) -> list[epee.Value]:
    values = []
    for value in section.values():
        inside = value.value if value.array else [value.value]
        values += [
            value,
            *(inner for one in inside if value.type == epee.OBJECT for inner in all_values(one)),
        ]
    return values


def all_keys(section: dict[bytes, epee.Value]) -> list[bytes]:
    below = [
        one
        for value in section.values()
        if value.type == epee.OBJECT
        for one in (value.value if value.array else [value.value])
    ]
    return [*section, *(key for one in below for key in all_keys(one))]
