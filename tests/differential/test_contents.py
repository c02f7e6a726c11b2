"""What is inside the messages of the labelled captures: transactions and blocks against the ids
that monerod's RPC told, inventories and fields against the other tables and tshark.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import monerotraffic as mt
import oracle
from support import truth
from support.comparison import plain, scenarios


@cache
def read(*paths: Path) -> mt.Traffic:
    return mt.read([str(path) for path in paths], host=truth.VANTAGE, tables=mt.TABLES)


def with_message_columns(traffic: mt.Traffic, table: str, *columns: str) -> pd.DataFrame:
    """Rows of a table with these columns of their messages."""
    return getattr(traffic, table).merge(
        traffic.messages[["message", *columns]], on="message", validate="many_to_one"
    )


# ---------------------------------------------------------------- transactions


@pytest.mark.parametrize("scenario", scenarios())
def test_transactions_are_those_that_were_sent(scenario: truth.Scenario) -> None:
    rows = with_message_columns(read(*scenario.parts), "transactions", "command")
    relayed, sent = rows[rows["command"] == 2002], scenario.sent()
    ids = set(relayed["tx"])
    assert ids or scenario.id == "small-spies"
    assert ids == set(sent) if scenario.full else ids <= set(sent)
    for name in ("weight", "outputs"):
        known = (
            relayed["tx"]
            .map({tx: event[name] for tx, event in sent.items() if name in event})
            .astype("Float64")
        )
        assert (known.isna() | (known == relayed[name])).all()
    assert (
        (rows["version"] == 2).all()
        and (rows["rct_type"] == 6).all()
        and (rows["ring_size"] == 16).all()
    )
    assert rows["fee"].notna().all() and (rows["fee"] > 0).all()
    assert (relayed["weight"] >= relayed["blob_size"]).all() and (
        (relayed["weight"] == relayed["blob_size"]) == (relayed["outputs"] <= 2)
    ).all()
    assert relayed["fluff"].notna().all() and relayed["block_position"].isna().all()
    assert rows.loc[rows["command"] != 2002, ["fluff", "ascending"]].isna().all(axis=None)
    assert relayed.loc[relayed["fluff"].fillna(False), "ascending"].all()


@pytest.mark.parametrize("scenario", scenarios())
def test_the_peers_that_showed_a_transaction_in_order(scenario: truth.Scenario) -> None:
    """As one finds them from the tables, and as the oracle's rows have them."""
    seen = with_message_columns(
        read(*scenario.parts), "transactions", "end_time", "peer", "direction", "command"
    )
    seen = seen[(seen["command"] == 2002) & (seen["direction"] == "received")].sort_values(
        "end_time", kind="stable"
    )
    ours = {tx: rows["peer"].tolist() for tx, rows in seen.groupby("tx", observed=True)}
    tables = oracle.decode(scenario.parts)
    messages = {row["message"]: row for row in tables["messages"]}
    wanted: dict[str, list[tuple[int, str]]] = {}
    for row in tables["transactions"]:
        message = messages[row["message"]]
        ends = [tables["connections"][message["connection"]][name] for name in ("client", "server")]
        sender, receiver = ends if message["from_client"] else reversed(ends)
        if message["command"] == 2002 and receiver in truth.VANTAGE:
            wanted.setdefault(row["tx"], []).append((message["end_time"], sender))
    assert ours == {
        tx: [sender for _, sender in sorted(senders, key=lambda item: item[0])]
        for tx, senders in wanted.items()
    }


# ---------------------------------------------------------------- blocks


@pytest.mark.parametrize("scenario", scenarios())
def test_blocks_are_those_that_were_mined(scenario: truth.Scenario) -> None:
    rows = with_message_columns(read(*scenario.parts), "blocks", "command")
    announced = rows[rows["command"] == 2008]
    ours = dict(zip(announced["block"], announced["height"].tolist(), strict=True))
    assert ours
    assert ours == scenario.mined() if scenario.full else ours.items() <= scenario.mined().items()


@pytest.mark.parametrize("scenario", scenarios())
def test_blocks_make_a_chain(scenario: truth.Scenario) -> None:
    """Each block has one height, and is the successor of one below (forks: there may be two of a
    height); the height of a node's sync data is that of the block it names.
    """
    traffic = read(*scenario.parts)
    blocks = traffic.blocks.astype({"block": str, "previous": str}).drop_duplicates(
        ["block", "height", "previous", "miner_tx"]
    )
    assert blocks["block"].is_unique
    heights = dict(zip(blocks["block"], blocks["height"].tolist(), strict=True))
    below = blocks["previous"].map(heights).astype("Float64")
    assert (below.isna() | (below + 1 == blocks["height"])).all()
    sync = traffic.sync_data.dropna(subset=["top_id"])
    known = sync["top_id"].astype(str).map(heights).astype("Float64")
    assert (known.isna() | (known + 1 == sync["current_height"])).all()
    assert known.notna().any()


@pytest.mark.parametrize("scenario", scenarios())
def test_transactions_with_a_block_are_those_that_it_counts(scenario: truth.Scenario) -> None:
    traffic = read(*scenario.parts)
    blocks = with_message_columns(traffic, "blocks", "command")
    whole = blocks[blocks["command"] == 2004]
    with_block = (
        traffic.transactions.dropna(subset=["block_position"])
        .groupby(["message", "block_position"])
        .size()
    )
    counts = [
        with_block.get((message, position), 0)
        for message, position in zip(whole["message"], whole["position"], strict=True)
    ]
    assert counts == whole["transactions"].tolist()


# ---------------------------------------------------------------- inventories


@pytest.mark.parametrize("scenario", scenarios())
def test_blocks_that_were_asked_for_come(scenario: truth.Scenario) -> None:
    """2003 lists ids; the next 2004 the other way on the connection has these blocks, or says which
    it misses.
    """
    traffic = read(*scenario.parts)
    asked = with_message_columns(traffic, "inventories", "connection", "command")
    asked = asked[asked["command"] == 2003]
    sent = with_message_columns(traffic, "blocks", "connection", "command")
    given = set(zip(sent["connection"], sent["block"].astype(str), strict=True))
    missed = with_message_columns(traffic, "inventories", "connection", "command")
    missed = set(
        missed.loc[missed["list"] == "missed", ["connection", "id"]]
        .astype({"id": str})
        .itertuples(index=False, name=None)
    )
    requests = traffic.messages[traffic.messages["command"] == 2003].groupby("connection").size()
    answers = (
        traffic.messages[
            (traffic.messages["command"] == 2004) & (traffic.messages["status"] == "complete")
        ]
        .groupby("connection")
        .size()
    )
    answered = requests.index[requests == answers.reindex(requests.index, fill_value=0)]
    wanted = asked[asked["connection"].isin(answered)]
    assert set(zip(wanted["connection"], wanted["id"].astype(str), strict=True)) <= given | missed


@pytest.mark.parametrize("scenario", scenarios())
def test_lists_go_with_their_commands(scenario: truth.Scenario) -> None:
    rows = with_message_columns(read(*scenario.parts), "inventories", "command")
    assert set(zip(rows["command"], rows["list"], strict=True)) <= {
        (2003, "blocks"),
        (2004, "missed"),
        (2006, "chain"),
        (2007, "chain"),
        (2009, "missing_indices"),
        (2010, "txpool"),
    }
    indices = rows["list"] == "missing_indices"
    assert (rows["tx_index"].notna() == indices).all() and rows["id"].notna().all()


# ---------------------------------------------------------------- fields


def fields_by_message(traffic: mt.Traffic) -> dict[int, list[dict[str, Any]]]:
    rows_of: dict[int, list[dict[str, Any]]] = {}
    for row in plain(traffic.fields):
        rows_of.setdefault(row["message"], []).append(row)
    return rows_of


@pytest.mark.parametrize("scenario", scenarios())
def test_fields_are_tsharks_items(scenario: truth.Scenario) -> None:
    """Keys, types and all values that the pipeline asks for, message by message, of all commands.
    tshark is right about a message that is alone in its frame and came in order.
    """
    traffic = read(*scenario.parts)
    fields = fields_by_message(traffic)
    tables = {name: plain(getattr(traffic, name)) for name in ("connections", "messages", "files")}
    messages = scenario.messages()
    delivered = Counter(row["delivered_frame"] for row in messages)
    orderly = {
        row["last_frame"]
        for row in messages
        if row["delivered_frame"] == row["last_frame"] and delivered[row["last_frame"]] == 1
    }
    printed = truth.tshark_values(scenario)
    compared: Counter[int] = Counter()
    for row in truth.with_ends(tables):
        frame = row["last_frame"]
        if (
            row["status"] != "complete"
            or row["fragments"] > 1
            or frame not in orderly
            or frame not in printed
        ):
            continue
        source, port, command, flags, lists = printed[frame]
        if (source or row["sender"][0], port, command, flags) != (
            *row["sender"],
            row["command"],
            row["levin_flags"],
        ):
            continue  # tshark went out of step
        assert truth.printed_fields(fields.get(row["message"], [])) == lists, (
            frame,
            row["command"],
        )
        compared[row["command"]] += 1
    assert sum(compared.values()) > 0.5 * len(printed) and len(compared) >= 4, compared


SMALL = [
    pytest.param(scenario, id=scenario.id) for scenario in truth.scenarios() if not scenario.full
]


def messages_of_oracle(
    traffic: mt.Traffic, tables: dict[str, list[dict[str, Any]]]
) -> dict[int, dict[str, Any]]:
    """The oracle's row of each of our whole messages."""

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(
            row[name]
            for name in (
                "connection",
                "from_client",
                "frame",
                "end_frame",
                "command",
                "length",
                "wire_place",
            )
        )

    def placed(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
        count: Counter[tuple[int, bool]] = Counter()
        message_ids = {}
        for row in rows:
            stream = (row["connection"], row["from_client"])
            message_ids[key(row | {"wire_place": count[stream]})] = row
            count[stream] += 1
        return message_ids

    theirs = placed(tables["messages"])
    return {
        row["message"]: theirs[place]
        for place, row in placed(plain(traffic.messages)).items()
        if row["status"] == "complete"
    }


@pytest.mark.parametrize("scenario", SMALL)
def test_fields_are_those_of_the_oracle(scenario: truth.Scenario) -> None:
    traffic = read(*scenario.parts)
    tables = oracle.decode(scenario.parts, fields=True)
    wanted: dict[int, list[dict[str, Any]]] = {}
    for row in tables["fields"]:
        wanted.setdefault(row["message"], []).append(row)
    ours = fields_by_message(traffic)
    compared = 0
    for message, row in messages_of_oracle(traffic, tables).items():
        if not row["fields_refused"]:
            rows = [one | {"message": row["message"]} for one in ours.get(message, [])]
            assert rows == wanted.get(row["message"], [])
            compared += len(rows)
    assert compared > 500


@pytest.mark.parametrize("scenario", SMALL)
def test_loads_gives_the_same_as_fields(scenario: truth.Scenario) -> None:
    """The rows, put together again by position and parent, are what levin.loads makes of the
    payload.
    """
    traffic = read(*scenario.parts)
    ours = fields_by_message(traffic)
    for message, row in messages_of_oracle(traffic, oracle.decode(scenario.parts)).items():
        if row["body"]:
            assert nested(ours.get(message, [])) == mt.epee.loads(row["body"])


def nested(rows: list[dict[str, Any]]) -> Any:
    """The tree of one message's rows."""
    children: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        children.setdefault(row["parent"], []).append(row)

    def value(row: dict[str, Any]) -> Any:
        below = children.get(row["position"], [])
        if row["type"] == 12:
            return {one["key"]: value(one) for one in below}
        if row["type"] & 0x80:
            return [value(one) for one in below]
        return next(
            (
                row[name]
                for name in ("value_int", "value_uint", "value_float", "value_bytes")
                if row[name] is not None
            ),
            None,
        )

    return {row["key"]: value(row) for row in children.get(-1, [])}


# ---------------------------------------------------------------- fingerprints


@pytest.mark.parametrize("scenario", scenarios())
def test_one_skeleton_for_all_monerods(scenario: truth.Scenario) -> None:
    messages = read(*scenario.parts).messages.dropna(subset=["skeleton"])
    standard = messages[
        messages["keys_ordered"]
        & (messages[["unknown_keys", "other_types", "wide_varints"]] == 0).all(axis=1)
    ]
    known = standard[standard["command"].isin([1001, 1002, 1003, 1007, *range(2001, 2011)])]
    assert (known.groupby(["command", "kind"], observed=True)["skeleton"].nunique() == 1).all()
    assert known["skeleton"].nunique() == len(
        known.groupby(["command", "kind"], observed=True).size()
    )
    if scenario.name not in ("spies", "proxies"):  # nobody there but monerods
        assert len(known) == len(messages) and (
            messages[["default_fields", "trailing", "duplicate_keys"]] == 0
        ).all(axis=None)


def test_a_spy_that_writes_other_types_has_a_skeleton_of_its_own() -> None:
    for scenario in truth.scenarios():
        if scenario.name != "spies":
            continue
        traffic = read(*scenario.parts)
        labels = truth.labels(scenario)
        odd = traffic.messages[
            (traffic.messages["unknown_keys"] > 0) | (traffic.messages["other_types"] > 0)
        ]
        peers = {host for host, names in labels.items() if "epee_types" in names}
        assert set(odd["peer"]) == peers and peers
        others = traffic.messages[~traffic.messages["peer"].isin(list(peers))]
        assert not set(odd["skeleton"].dropna()) & set(others["skeleton"].dropna())
