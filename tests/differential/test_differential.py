"""The C core against others who read the same bytes: the oracle on damaged streams and payloads,
tshark on sound ones.

A few examples as part of every run; `make differential EXAMPLES=20000` looks for new ones (see
budget.py).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cache, reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import monerotraffic as mt
import oracle
from oracle import epee
from support import craft, truth, tshark
from support.budget import examples
from support.comparison import (
    Row,
    Tables,
    check_accounting,
    check_oracle,
    messages_by_stream,
    plain,
    tables_of,
)
from support.craft import CLIENT, SERVER, Packet
from support.mutate import EPEE, KINDS, Damage, Talk, damaged, damaged_payload
from support.strategies import (
    Cutter,
    any_talks,
    capture,
    check_pairs,
    cutters,
    disordered,
    numbers,
    packets_of,
    peers,
    read,
    sides,
    sound_messages,
)

# ---------------------------------------------------------------- what there is to damage


@cache
def recorded() -> list[Talk]:
    """The conversations of the bundled captures: whole messages, in the order in which they
    were.
    """
    made: list[Talk] = []
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
            made += talks.values()
    return made


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
    said = b"".join(data for sender, data in talk if sender == side)
    return said.startswith(craft.SIGNATURE) if said else None


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


def check_fields(found: Tables, wanted: Tables) -> None:
    """Of every whole message that nobody refuses. The messages are known to be the same."""
    rows = [messages_by_stream(tables)[1] for tables in (found, wanted)]
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
        for tables, places in zip((found, wanted), rows, strict=True)
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
        lambda made, damage: damaged_payload(made, damage) or b"\0", changes, payload
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


def check_value(found: Any, wanted: epee.Value) -> None:
    """Type and value, all the way down; doubles bit by bit."""
    if wanted.array:
        assert (
            type(found) is mt.epee.Array
            and found.type == wanted.type
            and len(found) == len(wanted.value)
        )
        for one, other in zip(found, wanted.value, strict=True):
            check_value(one, epee.Value(wanted.type, False, other, wanted.type))
    elif wanted.type == epee.OBJECT:
        check_section(found, wanted.value)
    elif wanted.type == 9:
        assert (
            type(found) is float
            and (found == wanted.value or (math.isnan(found) and math.isnan(wanted.value)))
            and math.copysign(1, found) == math.copysign(1, wanted.value)
        )
    else:
        assert found == wanted.value
        assert type(found) is {epee.STRING: bytes, epee.BOOL: bool}.get(
            wanted.type, mt.epee.TYPES[wanted.type]
        )


def check_section(found: Any, wanted: dict[bytes, epee.Value]) -> None:
    assert type(found) is dict
    assert [key.encode("utf-8", "surrogateescape") for key in found] == list(wanted)
    for one, other in zip(found.values(), wanted.values(), strict=True):
        check_value(one, other)


@examples(200)
@given(broken_payloads)
def test_payloads_are_read_or_refused_as_by_the_oracle(payload: bytes) -> None:
    found, wanted = loaded(payload), accepted(payload)
    assert (found is None) == (wanted is None)
    if found is not None and wanted is not None:
        check_section(found, wanted.root)


@examples(200)
@given(broken_payloads)
def test_dumps_writes_what_loads_read(payload: bytes) -> None:
    """Stable: written once, it is read and written the same for ever. And to the byte what was
    read, if that had the shortest varints, no array entries, and nothing behind it.
    """
    found, wanted = loaded(payload), accepted(payload)
    if found is None or wanted is None:
        return
    if any(len(key) > 254 for key in all_keys(wanted.root)):
        with pytest.raises(ValueError, match="names have 1 to 254"):
            mt.epee.dumps(found)
        return
    written = mt.epee.dumps(found)
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
    made = []
    for value in section.values():
        inside = value.value if value.array else [value.value]
        made += [
            value,
            *(found for one in inside if value.type == epee.OBJECT for found in all_values(one)),
        ]
    return made


def all_keys(section: dict[bytes, epee.Value]) -> list[bytes]:
    below = [
        one
        for value in section.values()
        if value.type == epee.OBJECT
        for one in (value.value if value.array else [value.value])
    ]
    return [*section, *(key for one in below for key in all_keys(one))]


# ---------------------------------------------------------------- tshark

words = st.text("abcdefghijklmnopqrstuvwxyz_, ", min_size=1, max_size=12).map(str.encode)
plain_arrays = st.one_of(
    # monerod reckons two bytes for each
    st.lists(st.binary(max_size=9), min_size=1, max_size=6).filter(
        lambda values: sum(map(len, values)) >= len(values)
    ),
    st.lists(st.booleans(), min_size=1, max_size=6),
    st.builds(
        lambda bits, values: (f"u{bits}", [value % 2**bits for value in values]),
        st.sampled_from([8, 16, 32, 64]),
        st.lists(numbers, max_size=6),
    ),
)
plain_trees = st.recursive(
    st.dictionaries(words, scalars | plain_arrays, max_size=5),
    lambda inside: st.dictionaries(
        words, scalars | inside | st.lists(inside, min_size=1, max_size=3), max_size=4
    ),
    max_leaves=8,
)
tellable = st.one_of(
    # tshark reads noise as a payload (protocol 6.2.6)
    sound_messages.filter(lambda message: craft.noise()[25] != message[25]),
    st.builds(
        lambda command, tree: craft.notification(command, craft.epee(tree)),
        st.sampled_from([1234, 2010, 2005]),
        plain_trees,
    ),
)
# the first segment has the whole signature (6.2.1)
tidy = st.builds(
    Cutter, st.lists(st.integers(8, 4000), max_size=8), st.sampled_from([33, 100, 536, 1448, 30000])
)
sound_talks = st.tuples(st.lists(st.tuples(sides, tellable), min_size=1, max_size=8), tidy)


def collected(quick: int) -> list[tuple[Talk, Cutter]]:
    """tshark takes long to start: the examples first, then all of them in few captures."""
    made: list[tuple[Talk, Cutter]] = []

    @examples(quick)
    @given(sound_talks)
    def collect(one: tuple[Talk, Cutter]) -> None:
        made.append(one)

    collect()
    return made


def captures(quick: int) -> Iterator[tuple[list[tuple[Talk, Cutter]], Path]]:
    """Up to 500 conversations each, one after the other."""
    made = collected(quick)
    for first in range(0, len(made), 500):
        packets: list[Packet] = []
        for number, (talk, cutter) in enumerate(made[first : first + 500]):
            clock = packets[-1].time + 1_000_000 if packets else craft.START
            packets += packets_of(
                talk, cutter, craft.Connection(client=("192.0.2.1", 20_000 + number), clock=clock)
            )
        yield made[first : first + 500], capture(packets)


@pytest.mark.skipif(
    bool(tshark.lacking((*tshark.MESSAGE, *tshark.ITEMS))),
    reason=tshark.lacking((*tshark.MESSAGE, *tshark.ITEMS)),
)
def test_messages_and_items_are_those_that_tshark_prints() -> None:
    """Packet by packet: the headers of the messages that it completed, and every key, type, count,
    length and value in them, depth first.
    """
    for talks, path in captures(150):
        traffic = read(path, tables=mt.TABLES)
        messages, fields = plain(traffic.messages), plain(traffic.fields)
        items: dict[int, list[Row]] = {}
        for row in fields:
            items.setdefault(row["message"], []).append(row)
        completed: dict[int, list[Row]] = {}
        for row in messages:
            completed.setdefault(row["end_frame"], []).append(row)
        found = {
            int(packet["frame.number"][0]): packet
            for packet in tshark.printed(
                path, ("frame.number", *tshark.MESSAGE, *tshark.ITEMS), "monero"
            )
        }
        for frame, rows in completed.items():
            said = talks[rows[0]["connection"]]
            packet = found.pop(frame)
            for name in tshark.MESSAGE:
                assert packet[name] == [as_header(name, row) for row in rows], (frame, name, said)
            if any(row["status"] != "complete" for row in rows):
                # tshark checks none of monerod's limits (6.2.8): a few short strings at the end of
                # a payload are enough
                continue
            entries = [entry for row in rows for entry in items.get(row["message"], [])]
            for name, values in as_items(entries).items():
                assert values == [as_read(name, value) for value in packet[name]], (
                    frame,
                    name,
                    said,
                )
        assert not found, "completed by nothing of ours"


def as_header(name: str, row: Row) -> str:
    column = {"have_to_return_data": "expects_response"}.get(
        name.removeprefix("monero."), name.removeprefix("monero.")
    )
    return str(row[column])


def as_items(entries: list[Row]) -> dict[str, list[Any]]:
    """Rows of `fields` as tshark's lists; a bool stands among the int64 (6.1)."""
    made: dict[str, list[Any]] = {name: [] for name in tshark.ITEMS}
    for row in entries:
        code = row["type"]
        if row["key"] is not None:
            made["monero.payload.item.key"].append(row["key"])
            made["monero.payload.item.type"].append(code)
        if code & 0x80:
            made["monero.payload.item.size"].append(row["elements"])
        elif code == 10:
            made["monero.payload.item.length"].append(len(row["value_bytes"]))
            made[tshark.VALUES[10]].append(row["value_bytes"].hex() or "<MISSING>")
        elif code == 9:
            made[tshark.VALUES[9]].append(f"{row['value_float']:.15g}")
        elif code != 12:
            made[tshark.VALUES[1 if code == 11 else code]].append(
                row["value_int"] if row["value_uint"] is None else row["value_uint"]
            )
    return made


def as_read(name: str, value: str) -> Any:
    if name == tshark.VALUES[9]:
        return f"{float(value):.15g}"  # no more digits are printed
    return value if name in ("monero.payload.item.key", tshark.VALUES[10]) else int(value)


@pytest.mark.skipif(bool(tshark.lacking()), reason=tshark.lacking())
def test_connections_and_packets_of_messages_are_those_of_tsharks_streams() -> None:
    """By the sequence numbers, relative to the SYN, that any tshark prints: where each message lies
    among the packets of its direction.
    """
    for talks, path in captures(60):
        tables = tables_of(read(path))
        streams: dict[int, list[tshark.Printed]] = {}
        for packet in tshark.printed(path, tshark.PACKET, "tcp"):
            streams.setdefault(int(packet["tcp.stream"][0]), []).append(packet)
        assert (
            sorted(streams)
            == [row["connection"] for row in tables["connections"]]
            == list(range(len(talks)))
        )
        for row in tables["connections"]:
            check_connection(row, streams[row["connection"]])
        offsets: Counter[tuple[int, bool]] = Counter()
        for row, wire in zip(
            tables["messages"], read(path).arrays["messages"]["wire"].tolist(), strict=True
        ):
            place = (row["connection"], row["from_client"])
            carried = [
                packet
                for packet in streams[row["connection"]]
                if packet["tcp.srcport"]
                == [str(client_port(tables, row) if row["from_client"] else 18080)]
                and packet["tcp.len"] != ["0"]
            ]
            check_packets(row, carried, offsets[place], offsets[place] + wire)
            offsets[place] += wire


def client_port(tables: Tables, row: Row) -> int:
    port: int = tables["connections"][row["connection"]]["client_port"]
    return port


def check_connection(row: Row, packets: list[tshark.Printed]) -> None:
    for side, port in (("client", row["client_port"]), ("server", row["server_port"])):
        sent = [packet for packet in packets if packet["tcp.srcport"] == [str(port)]]
        assert row[f"{side}_packets"] == len(sent)
        assert row[f"{side}_bytes"] == sum(int(packet["tcp.len"][0]) for packet in sent)
        assert [str(row[f"{side}_mss"])] == sent[0]["tcp.options.mss_val"]
        assert [str(row[f"{side}_ttl"])] == sent[0]["ip.ttl"]
    assert (row["opened"], row["closed"]) == (
        nanoseconds(packets[0]["frame.time_epoch"]),
        nanoseconds(packets[-1]["frame.time_epoch"]),
    )
    assert {row["rtt"]} == {
        nanoseconds(packet["tcp.analysis.initial_rtt"])
        for packet in packets
        if packet["tcp.analysis.initial_rtt"]
    }


def nanoseconds(printed: list[str]) -> int:
    return int(Decimal(printed[0]) * 1_000_000_000)


def check_packets(row: Row, packets: list[tshark.Printed], start: int, end: int) -> None:
    """Of a message at these offsets of a direction whose packets came in order, once each."""
    places = [
        (
            int(packet["tcp.seq"][0]) - 1,
            int(packet["tcp.seq"][0]) - 1 + int(packet["tcp.len"][0]),
            packet,
        )
        for packet in packets
    ]
    carried = [place for place in places if place[0] < end and place[1] > start]
    (_, first_end, first), (_, _, last) = carried[0], carried[-1]
    wanted = {
        "frame": int(first["frame.number"][0]),
        "end_frame": int(last["frame.number"][0]),
        "time": nanoseconds(first["frame.time_epoch"]),
        "end_time": nanoseconds(last["frame.time_epoch"]),
        "segments": len(carried),
        "first_segment": min(first_end, end) - start,
        "end_length": int(last["tcp.len"][0]),
        "captured": row["length"],
    }
    assert {name: row[name] for name in wanted} == wanted
    # whole, though monerod may refuse what it says (short strings at the end of a payload)
    assert row["status"] in ("complete", "malformed")
