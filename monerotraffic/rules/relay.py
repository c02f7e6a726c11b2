"""Rules on transactions and blocks. Family `relay`.

Uses the metrics of monerotraffic.metrics.relay and forks; knows no other family.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.forks import fork_ranges
from monerotraffic.metrics.relay import fluff_order
from monerotraffic.rules.rule import observations, rule
from monerotraffic.tables.view import View, packet_order

__all__ = [
    "fluffy_with_txs",
    "new_block_sent",
    "stem_from_acceptor",
    "unsorted_fluff",
    "wrong_top_version",
]

_HANDLER = "src/cryptonote_protocol/cryptonote_protocol_handler.inl"
_NOTIFY = "src/cryptonote_protocol/levin_notify.cpp"


@rule(
    "MT601",
    family="relay",
    weight="weak",
    unit="message",
    cause="block_relay",
    standard="Since 0.18.4, monerod announces blocks without their transactions, as 2008.",
    reason=(
        "announced {observations:block} as 2001, with all transactions (monerod 0.18.4 and "
        "later announces none)"
    ),
    evasion="Announce blocks as 2008: free.",
    source=f"{_HANDLER} relay_block",
    since="0.18.4",
    known_false_positives="Older nodes, if the vantage node sends no `support_flags`.",
)
def new_block_sent(view: View) -> pd.DataFrame:
    """A block announced as 2001, with all of its transactions.

    Since 0.18.4 monerod announces blocks as 2008 to all peers.
    """
    received = view.received
    return observations(
        received[(received["command"] == 2001) & (received["kind"] == "notification")]
    )


@rule(
    "MT602",
    family="relay",
    weight="weak",
    unit="message",
    cause="block_relay",
    standard="monerod announces a block without its transactions, and sends them only when asked.",
    reason=(
        "sent {observations:block announcement} with up to {highest:transaction} that no one "
        "asked for (a standard node sends none)"
    ),
    evasion="Leave the transactions out: free.",
    source=f"{_HANDLER} relay_block, handle_request_fluffy_missing_tx",
)
def fluffy_with_txs(
    view: View, *, count_whole_blocks: bool = False, request_memory_s: float = 120.0
) -> pd.DataFrame:
    """A 2008 with transactions, fewer than its block has or more, that no 2009 of the vantage node
    on that connection asked for.

    Blocks are relayed without transactions; the miner of a block announces it with all of them
    (monerod 0.18.4, in every labelled capture). So only a part of them counts, which only the
    answer to a 2009 holds, and more than all. `count_whole_blocks` counts all of them too: that
    shows miners, and peers that pose as the origin of blocks.

    What the vantage node asked for must be known. A message counts only if nothing that the vantage
    node sent on the connection was lost, a later message of it was captured, and the beginning of
    the connection was captured or lies more than `request_memory_s` back, after which monerod gives
    up on a request (P2P_DEFAULT_INVOKE_TIMEOUT). The measure is the number of transactions.
    """
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
    rows = rows[rows["block"].notna() & _all_sent_is_known(view, rows, request_memory_s)]
    if not count_whole_blocks:
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
    sent = view.sent[["message", "connection"]].rename(columns={"message": "request"})
    sent["asked"] = packet_order(view.sent)
    listed = pd.DataFrame(
        {"request": listed["message"], "block": listed["id"].astype(object)}
    ).merge(sent, on="request")
    first = listed.groupby(["connection", "block"])["asked"].min().rename("asked").reset_index()
    asked = rows[["connection", "block"]].assign(order=packet_order(rows))
    asked = asked.merge(first, on=["connection", "block"], how="left")
    return pd.Series((asked["asked"] <= asked["order"]).to_numpy(), index=rows.index)


@rule(
    "MT603",
    family="relay",
    weight="strong",
    unit="message",
    cause="dandelion",
    standard=(
        "monerod sends transactions in the stem phase of Dandelion++ on its own outgoing "
        "connections only."
    ),
    reason=(
        "sent {observations:stem transaction message} on connections that the vantage node "
        "opened (a standard node sends none)"
    ),
    evasion="Send stems on outgoing connections only.",
    source=f"{_NOTIFY} get_out_connections; src/net/dandelionpp.cpp",
    since="0.16.0",
)
def stem_from_acceptor(view: View) -> pd.DataFrame:
    """A 2002 with `dandelionpp_fluff` 0 on a connection that the vantage node opened, beyond one
    for each 2010 that the vantage node sent on it before.

    monerod and Cuprate send stems to outgoing peers only; a 2010 is answered by one 2002 with the
    flag 0. Peers at loopback addresses (Tor, I2P) always send stems and are left out. A message
    counts only where the capture holds everything that the vantage node sent on the connection.
    """
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
    asked = view.sent[view.sent["command"] == 2010]
    asked = asked[["connection"]].assign(asked=packet_order(asked))
    pairs = rows[["message", "connection"]].assign(order=packet_order(rows))
    pairs = pairs.merge(asked, on="connection")
    answers = (
        pairs[pairs["asked"] <= pairs["order"]]
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


@rule(
    "MT604",
    family="relay",
    weight="weak",
    unit="message",
    cause="dandelion",
    standard="monerod sorts transactions before it relays them, and repeats none.",
    reason=(
        "sent {observations:message} with unsorted or repeated transactions, up to {highest} in "
        "one (a standard node sends none)"
    ),
    evasion="Sort the transactions: free.",
    source=f"{_NOTIFY} fluff_flush",
    since="0.16",
    known_false_positives="Versions before 0.18.3.4 may repeat a transaction: context.",
)
def unsorted_fluff(view: View) -> pd.DataFrame:
    """A fluff 2002 whose blobs do not ascend bytewise, or with a transaction twice.

    monerod sorts since 0.16, and removes repetitions since 0.18.3.4. No message of a later version
    differs from those of 0.18.0 to 0.18.3.3, so a message that only repeats a transaction is
    context. The measure is the number of transactions of the message.
    """
    lists = fluff_order(view)
    wrong = lists["unsorted"] | (lists["repeated"] > 0)
    return observations(
        lists[wrong], lists.loc[wrong, "transactions"], accuses=lists.loc[wrong, "unsorted"]
    )


@rule(
    "MT605",
    family="relay",
    weight="weak",
    unit="message",
    cause="chain",
    standard="monerod computes the fork version from the height.",
    reason=(
        "announced fork version {highest:#} in {observations:message} at a height that has "
        "another one (a standard node never does)"
    ),
    evasion="Compute the version from the height: free.",
    source=f"{_HANDLER} process_payload_sync_data; src/hardforks/hardforks.cpp",
    known_false_positives="A node on another chain, or not updated before a fork.",
)
def wrong_top_version(view: View) -> pd.DataFrame:
    """A `top_version` that the fork heights rule out: those that the vantage node's own
    payload_data shows, and all of mainnet's where these agree with mainnet's.

    monerod computes the version from the height. At the heights that the vantage node sent, and
    between two at which it sent the same version, there is one right version; between two versions
    each of the two is right; below its least height any version that is not later, above its
    greatest any that is not earlier. Where it has mainnet's network id and all that it sent agrees
    with mainnet's forks (`MAINNET_FORKS`), these give the rest: every height up to the vantage
    node's has one right version. A chain of `--regtest` has mainnet's network id and another
    version at its heights, so the table is not used there. No peer is flagged if the vantage node
    sent none, or if what it sent is no step function (nodes of two networks behind one address).
    The measure is the version.
    """
    steps = fork_ranges(view.whole)
    sync_data = view.sync_data
    sync_data = sync_data[
        (sync_data["direction"] == "received")
        & sync_data["current_height"].notna()
        & sync_data["top_version"].notna()
        & (sync_data["current_height"] > 0)
    ]
    height, version = (
        sync_data["current_height"].to_numpy(dtype=np.float64) - 1,
        sync_data["top_version"].to_numpy(dtype=np.float64),
    )
    versions = steps["version"].to_numpy(dtype=np.float64)
    least = np.array([-np.inf, *versions])[
        np.searchsorted(steps["first_height"], height, side="right")
    ]
    most = np.array([*versions, np.inf])[np.searchsorted(steps["last_height"], height, side="left")]
    wrong = (version < least) | (version > most)
    return observations(sync_data[wrong], version[wrong])
