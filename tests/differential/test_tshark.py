"""The core and tshark on sound streams.

A few examples as part of every run; `make differential EXAMPLES=20000` looks for new ones (see
tests/support/budget.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import monerotraffic as mt
from support import craft, tshark
from support.budget import examples
from support.comparison import (
    Row,
    Tables,
    plain,
    tables_of,
)
from support.craft import Packet
from support.damaged_talks import scalars
from support.mutate import Talk
from support.strategies import (
    Cutter,
    capture,
    numbers,
    packets_of,
    read,
    sides,
    sound_messages,
)

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
    drawn: list[tuple[Talk, Cutter]] = []

    @examples(quick)
    @given(sound_talks)
    def collect(one: tuple[Talk, Cutter]) -> None:
        drawn.append(one)

    collect()
    return drawn


def captures(quick: int) -> Iterator[tuple[list[tuple[Talk, Cutter]], Path]]:
    """Up to 500 conversations each, one after the other."""
    drawn = collected(quick)
    for first in range(0, len(drawn), 500):
        packets: list[Packet] = []
        for number, (talk, cutter) in enumerate(drawn[first : first + 500]):
            clock = packets[-1].time + 1_000_000 if packets else craft.START
            packets += packets_of(
                talk, cutter, craft.Connection(client=("192.0.2.1", 20_000 + number), clock=clock)
            )
        yield drawn[first : first + 500], capture(packets)


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
        packet_of = {
            int(packet["frame.number"][0]): packet
            for packet in tshark.printed(
                path, ("frame.number", *tshark.MESSAGE, *tshark.ITEMS), "monero"
            )
        }
        for frame, rows in completed.items():
            talk = talks[rows[0]["connection"]]
            packet = packet_of.pop(frame)
            for name in tshark.MESSAGE:
                assert packet[name] == [as_header(name, row) for row in rows], (frame, name, talk)
            if any(row["status"] != "complete" for row in rows):
                # tshark checks none of monerod's limits (6.2.8): a few short strings at the end of
                # a payload are enough
                continue
            entries = [entry for row in rows for entry in items.get(row["message"], [])]
            for name, values in as_items(entries).items():
                assert values == [as_read(name, value) for value in packet[name]], (
                    frame,
                    name,
                    talk,
                )
        assert not packet_of, "completed by nothing of ours"


def as_header(name: str, row: Row) -> str:
    column = {"have_to_return_data": "expects_response"}.get(
        name.removeprefix("monero."), name.removeprefix("monero.")
    )
    return str(row[column])


def as_items(entries: list[Row]) -> dict[str, list[Any]]:
    """Rows of `fields` as tshark's lists; a bool stands among the int64 (6.1)."""
    items: dict[str, list[Any]] = {name: [] for name in tshark.ITEMS}
    for row in entries:
        code = row["type"]
        if row["key"] is not None:
            items["monero.payload.item.key"].append(row["key"])
            items["monero.payload.item.type"].append(code)
        if code & 0x80:
            items["monero.payload.item.size"].append(row["elements"])
        elif code == 10:
            items["monero.payload.item.length"].append(len(row["value_bytes"]))
            items[tshark.VALUES[10]].append(row["value_bytes"].hex() or "<MISSING>")
        elif code == 9:
            items[tshark.VALUES[9]].append(f"{row['value_float']:.15g}")
        elif code != 12:
            items[tshark.VALUES[1 if code == 11 else code]].append(
                row["value_int"] if row["value_uint"] is None else row["value_uint"]
            )
    return items


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
