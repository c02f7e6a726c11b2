"""Rules on transactions and blocks. Family `relay`. docs/metrics/relay.md."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.forks import fork_ranges
from monerotraffic.metrics.relay import fluff_order
from monerotraffic.rules.rule import Parameters, Rule, observations
from monerotraffic.tables.view import View

__all__ = ["RULES"]


def _new_block_sent(view: View, parameters: Parameters) -> pd.DataFrame:
    received = view.received
    return observations(
        received[(received["command"] == 2001) & (received["kind"] == "notification")]
    )


def _fluffy_with_txs(view: View, parameters: Parameters) -> pd.DataFrame:
    carried = view.transactions
    carried = carried[(carried["command"] == 2008) & (carried["direction"] == "received")]
    many = carried.groupby("message").size()
    rows = view.received[view.received["message"].isin(many.index)]
    blocks = (
        view.blocks[view.blocks["message"].isin(many.index)]
        .drop_duplicates("message")
        .set_index("message")
        .reindex(rows["message"])
    )
    rows = rows.assign(
        block=blocks["block"].astype(object).to_numpy(),
        measure=many.reindex(rows["message"]).to_numpy(),
    )
    rows = rows[rows["block"].notna() & _all_sent_is_known(view, rows, parameters["since_seconds"])]
    if not parameters["whole_blocks"]:
        total = blocks["transactions"].astype("float64").reindex(rows["message"])
        rows = rows[rows["measure"].to_numpy() != total.to_numpy()]
    return observations(rows[~_asked_for(view, rows)])


def _asked_for(view: View, rows: pd.DataFrame) -> pd.Series:
    """Whether the vantage node asked for transactions of that block (2009) on that connection
    before.
    """
    listed = view.traffic.inventories
    listed = listed[
        (listed["list"] == "missing_indices") & listed["id"].isin(rows["block"].unique())
    ]
    sent = view.sent[["message", "connection", "time"]].rename(
        columns={"message": "request", "time": "asked"}
    )
    listed = pd.DataFrame(
        {"request": listed["message"], "block": listed["id"].astype(object)}
    ).merge(sent, on="request")
    first = listed.groupby(["connection", "block"])["asked"].min().rename("asked").reset_index()
    asked = rows[["connection", "block", "time"]].merge(
        first, on=["connection", "block"], how="left"
    )
    return pd.Series((asked["asked"] <= asked["time"]).to_numpy(), index=rows.index)


def _stem_from_acceptor(view: View, parameters: Parameters) -> pd.DataFrame:
    stems = view.transactions
    stems = stems[
        (stems["command"] == 2002)
        & (stems["direction"] == "received")
        & stems["fluff"].eq(False).fillna(False).astype(bool)
    ]
    rows = view.received[
        view.received["message"].isin(stems["message"]) & ~view.received["peer"].isin(view.loopback)
    ]
    rows = rows[
        (view.ends["direction"].reindex(rows["connection"]) == "outgoing").to_numpy()
        & _all_sent_is_known(view, rows, None)
    ]
    asked = view.sent.loc[view.sent["command"] == 2010, ["connection", "time"]].rename(
        columns={"time": "asked"}
    )
    pairs = rows[["message", "connection", "time"]].merge(asked, on="connection")
    answers = (
        pairs[pairs["asked"] <= pairs["time"]]
        .groupby("message")
        .size()
        .reindex(rows["message"], fill_value=0)
    )
    return observations(
        rows[rows.groupby("connection").cumcount().to_numpy() >= answers.to_numpy()]
    )


def _all_sent_is_known(view: View, rows: pd.DataFrame, since: float | None) -> pd.Series:
    """Whether the capture holds all that the vantage node sent on the connection before each
    message: it lost nothing, a later message of it or its FIN shows
    that nothing is missing at the end, and the beginning was captured, or is more than `since`
    seconds ago.
    """
    ends = view.ends.reindex(rows["connection"])
    last = view.sent.groupby("connection")["time"].max().reindex(rows["connection"])
    ended = (ends["end"] == "fin").to_numpy() & (ends["vantage_packets"] > 0).to_numpy()
    known = (ends["vantage_lost"] == 0).to_numpy() & ((_times(last) > _times(rows["time"])) | ended)
    begun = ends["vantage_began"].fillna(False).to_numpy(dtype=bool)
    if since is not None:
        opened = view.connections.set_index("connection")["opened"].reindex(rows["connection"])
        begun = begun | (
            _times(rows["time"]) - _times(opened) > np.timedelta64(round(since * 1e9), "ns")
        )
    return pd.Series(known & begun, index=rows.index)


def _times(column: pd.Series) -> NDArray[np.datetime64]:
    return column.to_numpy(dtype="datetime64[ns]")  # type: ignore[no-any-return]


def _unsorted_fluff(view: View, parameters: Parameters) -> pd.DataFrame:
    lists = fluff_order(view)
    wrong = lists["unsorted"] | (lists["repeated"] > 0)
    return observations(lists[wrong], lists.loc[wrong, "transactions"])


def _wrong_top_version(view: View, parameters: Parameters) -> pd.DataFrame:
    steps = fork_ranges(view)
    said = view.sync_data
    said = said[
        (said["direction"] == "received")
        & said["current_height"].notna()
        & said["top_version"].notna()
        & (said["current_height"] > 0)
    ]
    height, version = (
        said["current_height"].to_numpy(dtype=np.float64) - 1,
        said["top_version"].to_numpy(dtype=np.float64),
    )
    versions = steps["version"].to_numpy(dtype=np.float64)
    least = np.array([-np.inf, *versions])[
        np.searchsorted(steps["first_height"], height, side="right")
    ]
    most = np.array([*versions, np.inf])[np.searchsorted(steps["last_height"], height, side="left")]
    wrong = (version < least) | (version > most)
    return observations(said[wrong], version[wrong])


RULES: tuple[Rule, ...] = (
    Rule(
        name="new_block_sent",
        family="relay",
        weight="weak",
        unit="message",
        definition="A block announced as 2001, with all its transactions.",
        source="src/cryptonote_protocol/cryptonote_protocol_handler.inl relay_block",
        observe=_new_block_sent,
        holds="monerod 0.18.4 and later (older ones send it to peers without support_flags)",
    ),
    Rule(
        name="fluffy_with_txs",
        family="relay",
        weight="weak",
        unit="message",
        definition="A 2008 with transactions, but not as many as its block has (or as many: `whole_blocks`), that no 2009 on that connection asked for. "
        "Measure: transactions.",
        source="src/cryptonote_protocol/cryptonote_protocol_handler.inl relay_block, handle_request_fluffy_missing_tx",
        observe=_fluffy_with_txs,
        holds="all versions; with whole_blocks not 0.18.4, whose miners announce their blocks with all transactions",
        parameters={"whole_blocks": False, "since_seconds": 120.0},
    ),
    Rule(
        name="stem_from_acceptor",
        family="relay",
        weight="strong",
        unit="message",
        definition="A 2002 with dandelionpp_fluff 0 from the side that accepted the connection, beyond one for each 2010 that the vantage node sent it.",
        source="src/cryptonote_protocol/levin_notify.cpp get_out_connections; src/net/dandelionpp.cpp",
        observe=_stem_from_acceptor,
        holds="monerod 0.16 and later, Cuprate, on clearnet",
    ),
    Rule(
        name="unsorted_fluff",
        family="relay",
        weight="weak",
        unit="message",
        definition="A fluff 2002 with blobs not ascending bytewise, or an id twice. Measure: transactions.",
        source="src/cryptonote_protocol/levin_notify.cpp fluff_flush",
        observe=_unsorted_fluff,
        holds="monerod 0.16 and later; none twice, 0.18.3.4 and later",
    ),
    Rule(
        name="wrong_top_version",
        family="relay",
        weight="weak",
        unit="message",
        definition="A top_version that the fork heights rule out: those which the vantage node's own payload_data shows, and if these are mainnet's all of "
        "mainnet's. Measure: the version.",
        source="src/cryptonote_protocol/cryptonote_protocol_handler.inl process_payload_sync_data; src/hardforks/hardforks.cpp",
        observe=_wrong_top_version,
    ),
)
