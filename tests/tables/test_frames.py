"""From structured arrays to DataFrames: columns, dtypes, what is missing, and that nothing is
shared with the array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from monerotraffic.net.vantage import Node
from monerotraffic.rules import find_anomalies, verdicts
from monerotraffic.tables.accounting import accounting
from monerotraffic.tables.frames import COLUMNS, Frames, command_names
from monerotraffic.tables.interning import CodeMap, Names
from monerotraffic.tables.schema import SCHEMA
from monerotraffic.tables.traffic import Traffic

NONE = np.iinfo(np.int64).min
DERIVED = {
    "connections": {"vantage", "peer", "direction"},
    "messages": {"peer", "direction", "name"},
    "problems": {"direction"},
}


def rows(table: str, count: int, **values: Any) -> np.ndarray[Any, Any]:
    array = np.zeros(count, dtype=SCHEMA[table].dtype)
    for name in {"proxy", "proxied_host"} & set(array.dtype.names or ()):
        array[name] = -1
    for name, value in values.items():
        array[name] = value
    return array


def names(addresses: list[str] = [], strings: list[bytes] = []) -> Names:  # noqa: B006
    interned = Names()
    interned.addresses.extend(addresses)
    interned.strings += strings
    return interned


def traffic(
    arrays: dict[str, Any], known: Names | None = None, hosts: tuple[str, ...] = (), **more: Any
) -> Traffic:
    tables = {name: arrays.get(name, rows(name, 0)) for name in SCHEMA}
    return Traffic(
        tables,
        (known or names(["192.0.2.1"], [b"OK"])).view(),
        [Node(None, hosts, 0, 1 << 62)],
        **more,
    )


def present(table: str, *fields: str) -> int:
    return sum(
        1 << field.present_bit
        for field in SCHEMA[table].fields
        if field.name in fields and field.present_bit is not None
    )


# ---------------------------------------------------------------- the contract


def test_columns_are_the_fields_and_what_is_derived() -> None:
    assert list(COLUMNS) == list(SCHEMA)
    for table, columns in COLUMNS.items():
        fields = {field.name for field in SCHEMA[table].fields if field.role != "hidden"}
        assert len(set(columns)) == len(columns), table
        assert set(columns) == fields | DERIVED.get(table, set()), table


def test_no_column_hides_an_attribute_of_a_dataframe() -> None:
    """So that `frame.column` is the column, and nothing else."""
    shown = find_anomalies(traffic({}))
    columns = {**COLUMNS, "findings": shown.columns, "verdicts": verdicts(shown).columns}
    hidden = {
        table: set(names) & set(dir(pd.DataFrame))
        for table, names in columns.items()
        if set(names) & set(dir(pd.DataFrame))
    }
    assert hidden == {}


def test_every_table_has_its_columns_in_order_even_if_empty() -> None:
    empty = traffic({})
    for table, columns in COLUMNS.items():
        frame = getattr(empty, table)
        assert tuple(frame.columns) == columns
        assert len(frame) == 0


@pytest.mark.parametrize("count", [0, 1, 3])
def test_dtypes_do_not_depend_on_the_rows(count: int) -> None:
    held = traffic({name: rows(name, count) for name in SCHEMA}, names(["192.0.2.1"], [b"x"]))
    for table in SCHEMA:
        frame = getattr(held, table)
        for field in SCHEMA[table].fields:
            if field.role == "hidden":
                continue
            dtype, width = frame[field.name].dtype, SCHEMA[table].dtype[field.name]
            what = f"{table}.{field.name} is {dtype}"
            match field.role:
                case "time":
                    assert str(dtype) == "datetime64[ns, UTC]", what
                case "span":
                    assert str(dtype) == "timedelta64[ns]", what
                case "enum" | "address" | "bytes" | "text" | "raw":
                    assert isinstance(dtype, pd.CategoricalDtype), what
                    assert not dtype.ordered
                case "truth":
                    assert dtype == np.dtype(bool), what
                case "optional_truth":
                    assert str(dtype) == "boolean", what
                case "optional":
                    assert str(dtype) == {"u": "UInt", "i": "Int", "f": "Float"}[width.kind] + str(
                        8 * width.itemsize
                    ), what
                case _:
                    assert dtype == (
                        np.int64
                        if field.name in ("message", "connection", "reply_to", "file")
                        else width
                    ), what


def test_text_categories_are_pandas_own_kind_of_text() -> None:
    own = pd.Index(["x"]).dtype
    held = traffic({"messages": rows("messages", 1, status=0)}, names(["192.0.2.1"]))
    for column in ("peer", "name", "status", "direction"):
        assert held.messages[column].cat.categories.dtype == own, column


def test_enumerations_list_all_their_names_in_order() -> None:
    held = traffic({"messages": rows("messages", 2, kind=[2, -1], status=[5, 0])})
    assert held.messages["status"].cat.categories.tolist() == [
        "complete",
        "truncated",
        "gap",
        "snapped",
        "oversize",
        "malformed",
    ]
    assert held.messages["status"].tolist() == ["malformed", "complete"]
    assert held.messages["kind"].isna().tolist() == [False, True]
    assert held.messages["kind"][0] == "notification"


# ---------------------------------------------------------------- what is missing


def test_missing_times() -> None:
    held = traffic(
        {
            "connections": rows(
                "connections", 2, opened=[NONE, 1_700_000_000_123_456_789], rtt=[NONE, 5]
            )
        }
    )
    assert held.connections["opened"].isna().tolist() == [True, False]
    assert held.connections["opened"][1] == pd.Timestamp("2023-11-14 22:13:20.123456789", tz="UTC")
    assert held.connections["rtt"].isna().tolist() == [True, False]
    assert held.connections["rtt"][1] == pd.Timedelta(5, "ns")


def test_optional_fields_go_by_their_own_bit() -> None:
    array = rows("node_data", 3, peer_id=2**64 - 1, my_port=18080, rpc_port=18081, support_flags=7)
    array["present"] = [
        present("node_data", "peer_id", "rpc_port"),
        present("node_data", "my_port"),
        0,
    ]
    frame = traffic({"node_data": array}).node_data
    assert frame["peer_id"].isna().tolist() == [False, True, True]
    assert frame["peer_id"][0] == 2**64 - 1
    assert frame["my_port"].isna().tolist() == [True, False, True]
    assert frame["rpc_port"].isna().tolist() == [False, True, True]
    assert frame["support_flags"].isna().all()


def test_optional_truths_go_by_their_own_bit() -> None:
    array = rows("transactions", 3, fluff=[1, 0, 1])
    array["present"] = [
        present("transactions", "fluff"),
        present("transactions", "fluff"),
        present("transactions", "version"),
    ]
    fluff = traffic({"transactions": array}).transactions["fluff"]
    assert fluff.isna().tolist() == [False, False, True]
    assert fluff.tolist()[:2] == [True, False]


def test_bytes_that_are_shown_as_they_are() -> None:
    frame = traffic(
        {"fields": rows("fields", 3, value_bytes=[1, -1, 0], key=[0, -1, 1])},
        names([], [b"a", b"\xff\x00"]),
    ).fields
    assert frame["value_bytes"].isna().tolist() == [False, True, False]
    assert [frame["value_bytes"][i] for i in (0, 2)] == [b"\xff\x00", b"a"]
    assert [frame["key"][i] for i in (0, 2)] == ["a", "\\xff\x00"]


def test_integers_of_fields_are_exact() -> None:
    unsigned, signed = [2**64 - 1, 2**63, 7, 0], [0, 0, 0, -(2**63)]
    array = rows("fields", 4, value_uint=unsigned, value_int=signed, type=[5, 5, 11, 1])
    array["present"] = [present("fields", "value_uint")] * 3 + [present("fields", "value_int")]
    frame = traffic({"fields": array}).fields
    assert (str(frame["value_uint"].dtype), str(frame["value_int"].dtype)) == ("UInt64", "Int64")
    assert frame["value_uint"].tolist()[:3] == unsigned[:3]
    assert frame["value_int"].tolist()[3] == -(2**63)
    assert frame["value_uint"].isna().tolist() == [False, False, False, True]
    assert frame["value_int"].isna().tolist() == [True, True, True, False]


def test_missing_floats_are_missing() -> None:
    array = rows("fields", 2, value_float=[1.5, 0.0])
    array["present"] = [present("fields", "value_float"), 0]
    values = traffic({"fields": array}).fields["value_float"]
    assert values.isna().tolist() == [False, True]
    assert values[0] == 1.5


def test_missing_addresses_and_texts() -> None:
    held = traffic(
        {
            "peer_lists": rows("peer_lists", 2, host=[-1, 0]),
            "sync_data": rows("sync_data", 2, top_id=[0, -1]),
        },
        names(["192.0.2.1"], [bytes.fromhex("AB00")]),
    )
    assert held.peer_lists["host"].isna().tolist() == [True, False]
    assert held.sync_data["top_id"].isna().tolist() == [False, True]
    assert held.sync_data["top_id"][0] == "ab00"


# ---------------------------------------------------------------- names


def test_addresses_share_one_dtype() -> None:
    held = traffic(
        {name: rows(name, 1) for name in SCHEMA}, names(["192.0.2.1", "192.0.2.2"]), ("192.0.2.1",)
    )
    dtypes = [held.connections[name].dtype for name in ("client", "server", "peer", "vantage")] + [
        held.messages["peer"].dtype,
        held.peer_lists["host"].dtype,
    ]
    assert all(dtype == dtypes[0] and dtype.categories is dtypes[0].categories for dtype in dtypes)


def test_names_that_look_alike_are_one_category() -> None:
    """A peer can send the host name 9.9.9.9 beside the address."""
    known = names(["192.0.2.1", "9.9.9.9", "a\\xff", "9.9.9.9", "a\\xff"])
    held = traffic({"peer_lists": rows("peer_lists", 6, host=[3, 1, -1, 4, 2, 0])}, known)
    assert held.peer_lists["host"].cat.categories.tolist() == ["192.0.2.1", "9.9.9.9", "a\\xff"]
    assert held.peer_lists["host"].tolist()[:2] == ["9.9.9.9", "9.9.9.9"]
    assert held.peer_lists["host"].cat.codes.tolist() == [1, 1, -1, 2, 2, 0]


def test_texts_that_look_alike_are_one_category() -> None:
    known = names(strings=[b"OK", b"\\xff", b"never", b"\xff"])
    held = traffic({"node_data": rows("node_data", 5, status_text=[3, 0, -1, 1, 3])}, known)
    assert held.node_data["status_text"].cat.categories.tolist() == ["OK", "\\xff"]
    assert held.node_data["status_text"].cat.codes.tolist() == [1, 0, -1, 1, 1]


@pytest.mark.parametrize("count", [126, 127, 128, 129, 32766, 32767, 32768, 40000])
def test_any_number_of_addresses(count: int) -> None:
    texts = [f"h{i}" for i in range(count)]
    frame = traffic(
        {"peer_lists": rows("peer_lists", count + 1, host=[*range(count), -1])}, names(texts)
    ).peer_lists
    assert frame["host"].tolist()[:count] == texts
    assert frame["host"].isna().sum() == 1


def test_names_that_come_later_are_not_seen() -> None:
    known = names(["192.0.2.1"])
    held = traffic({"peer_lists": rows("peer_lists", 1)}, known, ("192.0.2.2",))
    known.addresses.extend(["192.0.2.2", "192.0.2.1"])
    assert held.peer_lists["host"].cat.categories.tolist() == ["192.0.2.1"]
    assert traffic({"peer_lists": rows("peer_lists", 1)}, known).peer_lists[
        "host"
    ].cat.categories.tolist() == ["192.0.2.1", "192.0.2.2"]


def test_codes_of_hosts_are_found_however_names_grow() -> None:
    known = names(["a", "b"])
    assert known.codes_of(["b", "c"]) == [1]
    known.addresses.extend(["c", "b"])
    assert known.codes_of(["b", "c"]) == [1, 2, 3]
    assert known.codes_of([]) == []


def test_translation() -> None:
    known = Names()
    first = CodeMap(known)
    assert first.identity
    first.learn(["a", "b"], [b"x"])
    second = CodeMap(known)
    assert not second.identity
    second.learn(["c"], [b"x"])
    second.learn(["b", "d", "c"], [b"y"])
    assert list(known.addresses) == ["a", "b", "c", "d"]
    assert known.strings == [b"x", b"y"]
    addresses, strings = second.maps()
    assert addresses.tolist() == [2, 1, 3, 2, -1]
    assert strings.tolist() == [0, 1, -1]
    assert (second.address_count, second.string_count) == (4, 2)


def test_command_names() -> None:
    shown = command_names(np.array([1001, 0, 2010, 1003, 1000, 4294967295, 2005], dtype=np.uint32))
    assert shown.tolist() == [
        "HANDSHAKE",
        "UNKNOWN",
        "GET_TXPOOL_COMPLEMENT",
        "PING",
        "UNKNOWN",
        "UNKNOWN",
        "UNKNOWN",
    ]
    assert shown.categories[-1] == "UNKNOWN"
    assert "NEW_FLUFFY_BLOCK" in shown.categories


# ---------------------------------------------------------------- the vantage node's view


def pair(client: int, server: int, connection: int = 0) -> dict[str, int]:
    return {"client": client, "server": server, "connection": connection}


KNOWN = ["198.51.100.10", "192.0.2.1", "192.0.2.2", "198.51.100.11"]


@pytest.mark.parametrize(
    ("ends", "peer", "direction", "vantage"),
    [
        (pair(0, 1), "192.0.2.1", "outgoing", "198.51.100.10"),
        (pair(1, 0), "192.0.2.1", "incoming", "198.51.100.10"),
        (pair(1, 3), "192.0.2.1", "incoming", "198.51.100.11"),
        (pair(0, 3), "198.51.100.11", "outgoing", "198.51.100.10"),
        (pair(3, 0), "198.51.100.10", "outgoing", "198.51.100.11"),
        (pair(1, 2), None, None, None),
        (pair(-1, 0), None, "incoming", "198.51.100.10"),
    ],
)
def test_connection_from_the_vantage_node(
    ends: dict[str, int], peer: str | None, direction: str | None, vantage: str | None
) -> None:
    frame = traffic(
        {"connections": rows("connections", 1, **ends)}, names(KNOWN), (KNOWN[0], KNOWN[3])
    ).connections
    for column, wanted in {"peer": peer, "direction": direction, "vantage": vantage}.items():
        value = frame[column][0]
        assert pd.isna(value) if wanted is None else value == wanted, column


@pytest.mark.parametrize(
    ("ends", "from_client", "peer", "direction"),
    [
        (pair(0, 1), 1, "192.0.2.1", "sent"),
        (pair(0, 1), 0, "192.0.2.1", "received"),
        (pair(1, 0), 1, "192.0.2.1", "received"),
        (pair(1, 0), 0, "192.0.2.1", "sent"),
        (pair(0, 3), 1, "198.51.100.11", "sent"),
        (pair(0, 3), 0, "198.51.100.11", "received"),
        (pair(1, 2), 1, None, None),
    ],
)
def test_message_from_the_vantage_node(
    ends: dict[str, int], from_client: int, peer: str | None, direction: str | None
) -> None:
    tables = {
        name: rows(name, 1, from_client=from_client, **ends) for name in ("messages", "problems")
    }
    held = traffic(tables, names(KNOWN), (KNOWN[0], KNOWN[3]))
    assert held.messages["from_client"].tolist() == [bool(from_client)]
    assert (held.messages["peer"][0] == peer) if peer else held.messages["peer"].isna().all()
    for frame in (held.messages, held.problems):
        assert (
            (frame["direction"][0] == direction) if direction else frame["direction"].isna().all()
        )


GRANTED = present("connections", "proxy_granted")


@pytest.mark.parametrize(
    ("ends", "proxy", "granted", "trusted", "peer", "direction"),
    [
        (pair(0, 1), "socks5", 1, (), KNOWN[2], "outgoing"),
        (pair(0, 1), "socks5", 0, (), KNOWN[1], "outgoing"),
        (pair(0, 0), "connect", 1, (), KNOWN[2], "outgoing"),
        (pair(1, 0), "socks5", 1, (), KNOWN[1], "incoming"),  # a peer can write anything
        (pair(1, 0), "proxy_v1", 0, (), KNOWN[1], "incoming"),
        (pair(1, 0), "proxy_v2", 0, (KNOWN[1],), KNOWN[2], "incoming"),
        (pair(1, 0), "proxy_v2", 0, (KNOWN[3],), KNOWN[1], "incoming"),
        (pair(0, 0), "proxy_v2", 0, (KNOWN[0],), KNOWN[2], "incoming"),
        (pair(0, 0), "proxy_v2", 0, (), KNOWN[0], "outgoing"),
        (pair(0, 1), "proxy_v2", 0, (KNOWN[0],), KNOWN[1], "outgoing"),  # not to the node
        (pair(1, 0), "socks5", 1, (KNOWN[1],), KNOWN[1], "incoming"),  # no header
    ],
)
def test_peer_behind_a_proxy(
    ends: dict[str, int],
    proxy: str,
    granted: int,
    trusted: tuple[str, ...],
    peer: str,
    direction: str,
) -> None:
    code = SCHEMA["connections"].field("proxy").code(proxy)
    array = rows("connections", 1, proxy=code, proxied_host=2, proxy_granted=granted, **ends)
    array["present"] = GRANTED
    nodes = [Node(None, (KNOWN[0],), 0, 1 << 62, trusted)]
    held = Traffic({"connections": array}, names(KNOWN).view(), nodes)
    assert held.connections[["peer", "direction"]].values.tolist() == [[peer, direction]]


def test_problem_without_direction_or_connection() -> None:
    array = rows(
        "problems", 2, connection=[-1, 0], client=[-1, 0], server=[-1, 1], from_client=[-1, -1]
    )
    assert (
        traffic({"problems": array}, names(KNOWN), (KNOWN[0],)).problems["direction"].isna().all()
    )


def test_several_vantage_nodes_each_see_their_own() -> None:
    ends = rows("connections", 4, connection=[0, 1, 2, 3], client=[0, 1, 0, 1], server=[3, 2, 3, 3])
    nodes = [Node("ams", (KNOWN[0],), 0, 2), Node("sfo", (KNOWN[3],), 2, 4)]
    held = Traffic({"connections": ends}, names(KNOWN).view(), nodes)
    assert held.connections["vantage"].astype(object).where(
        held.connections["vantage"].notna(), None
    ).tolist() == ["ams", None, "sfo", "sfo"]
    assert held.connections["peer"].astype(object).where(
        held.connections["peer"].notna(), None
    ).tolist() == [KNOWN[3], None, KNOWN[0], KNOWN[1]]
    assert held.connections["direction"].tolist()[2:] == ["incoming", "incoming"]
    assert held.vantages == {"ams": (KNOWN[0],), "sfo": (KNOWN[3],)}
    assert held.hosts == (KNOWN[0], KNOWN[3])


# ---------------------------------------------------------------- sharing


@pytest.mark.parametrize("count", [1, 2])
def test_frames_share_nothing_with_the_arrays(count: int) -> None:
    """One row is a case of its own: numpy calls a field of it contiguous."""
    tables = {name: rows(name, count) for name in SCHEMA}
    before = {name: array.copy() for name, array in tables.items()}
    held = traffic(tables, names(["192.0.2.1"], [b"x"]), ("192.0.2.1",))
    for table, array in tables.items():
        frame = getattr(held, table)
        for column in frame.columns:
            if frame[column].dtype.kind in "iub":
                frame.loc[0, column] = frame[column].dtype.type(1)
            elif frame[column].dtype.kind in "mM":
                frame.loc[0, column] = pd.NaT
        assert (array == before[table]).all(), table
        shown = frame.copy()
        array.view(np.uint8)[:] = 0xFF
        pd.testing.assert_frame_equal(frame, shown)


def test_arrays_are_the_arrays() -> None:
    tables = {name: rows(name, 2) for name in SCHEMA}
    held = traffic(tables)
    assert list(held.arrays) == list(SCHEMA)
    assert all(held.arrays[name] is array for name, array in tables.items())
    with pytest.raises(TypeError):
        held.arrays["messages"] = tables["messages"]  # type: ignore[index]


def test_writing_into_a_frame_changes_no_other() -> None:
    held = traffic({"files": rows("files", 2)})
    frame = held.files
    frame.loc[:, "packets"] = 77
    frame["more"] = 1
    assert list(held.files["packets"]) != [77, 77]
    assert list(held.files.columns) == list(COLUMNS["files"])


def test_table_not_decoded() -> None:
    held = Traffic(
        {name: rows(name, 0) for name in ("connections", "problems", "files")}, names().view(), []
    )
    with pytest.raises(
        AttributeError,
        match=r"messages was not decoded: tables= names only connections, problems, files",
    ):
        _ = held.messages
    with pytest.raises(AttributeError, match="messages was not decoded"):
        held.accounting()
    with pytest.raises(KeyError):
        held.arrays["messages"]
    assert not hasattr(held, "peer_lists")


# ---------------------------------------------------------------- totals and text


def test_accounting_adds_up_by_connection_and_direction() -> None:
    kind = SCHEMA["problems"].field("kind")
    lost, gap, conflict, file = (kind.code(name) for name in ("lost", "gap", "conflict", "file"))
    connections = rows(
        "connections",
        2,
        connection=[7, 3],
        client_bytes=[100, 76],
        server_bytes=[0, 10],
        client_lost=[5, 0],
    )
    messages = rows(
        "messages",
        4,
        connection=[3, 7, 3, 9],
        from_client=[1, 1, 1, 1],
        length=[5, 10, 99, 1],
        captured=[5, 10, 9, 1],
        fragments=1,
        status=[0, 0, 2, 0],
    )
    if "wire" in (messages.dtype.names or ()):
        messages["wire"] = messages["captured"] + 33
    problems = rows(
        "problems",
        6,
        connection=[3, 7, 7, 3, 7, -1],
        from_client=[1, 1, 1, 0, 1, -1],
        bytes=[38, 57, 5, 10, 1000, 1000],
        kind=[gap, gap, lost, gap, conflict, file],
    )
    frame = accounting({"connections": connections, "messages": messages, "problems": problems})
    assert frame.to_dict("list") == {
        "connection": [7, 7, 3, 3],
        "from_client": [True, False, True, False],
        "seen": [100, 0, 76, 10],
        "decoded": [43, 0, 38, 0],
        "problems": [57, 0, 38, 10],
        "unexplained": [0, 0, 0, 0],
        "lost": [5, 0, 0, 0],
        "holes": [5, 0, 0, 0],
    }


def test_accounting_of_nothing() -> None:
    assert len(traffic({}).accounting()) == 0


def test_texts_of_a_traffic() -> None:
    tables = {
        "files": rows(
            "files",
            2,
            first_time=[1_700_000_000_000_000_000, NONE],
            last_time=[1_700_000_001_000_000_000, NONE],
        ),
        "messages": rows("messages", 1234),
    }
    held = traffic(tables, names(), ("192.0.2.1", "2001:db8::1"))
    assert "2023-11-14 22:13:20 to 2023-11-14 22:13:21 UTC" in repr(held)
    assert "192.0.2.1, 2001:db8::1" in repr(held)
    assert "1,234 rows" in repr(held)
    assert "<td>1,234</td>" in held._repr_html_()
    assert "unknown" in repr(traffic({}))
    evil = Traffic(
        {name: rows(name, 0) for name in SCHEMA}, names().view(), [Node("<b>", (), 0, 0)]
    )
    assert "<b>&lt;b&gt;" not in evil._repr_html_()
    assert "&lt;b&gt;" in evil._repr_html_()
    assert traffic({}).host is None
    assert held.host == "192.0.2.1"


def test_frames_alone_make_a_table() -> None:
    frame = Frames(names(["a"]).view()).frame("peer_lists", rows("peer_lists", 1), {})
    assert frame["host"].tolist() == ["a"]
