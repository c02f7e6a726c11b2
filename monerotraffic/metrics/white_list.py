"""How the composition of peer lists changes over time. docs/metrics/pressure.md explains the terms.

Owns the steps of time of lists. Used by users; the rules about lists judge single lists.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.banlist import BanList
from monerotraffic.metrics.exposure import Members
from monerotraffic.metrics.network import subnets_of
from monerotraffic.metrics.sources import in_parts
from monerotraffic.net.addresses import wide_subnets
from monerotraffic.net.columns import Addresses
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, per_peer, per_vantage, positions, viewed

__all__ = ["white_list_composition"]

_TABLES = ("connections", "messages", "peer_lists", "problems")
_COLUMNS = [
    *("direction", "peer", "time", "lists", "endpoints", "new", "kept", "left"),
    *("subnets", "wide_subnets", "flagged_share", "tried", "unreachable"),
]


@in_parts
def white_list_composition(
    traffic: Traffic | View, flagged: Members | None = None, step_s: float = 3600.0
) -> pd.DataFrame:
    """Returns what the peer lists of each sender contain, and how that changes. One row per vantage
    node, sender and step of time (from the node's first connection) in which it sent lists. Unit:
    endpoint (address and port).

    Parameters
    ----------
    flagged
        Addresses, for example the anomalous ones of verdicts, or a BanList.
    step_s
        Seconds of a step.

    - `vantage` (category)
    - `direction` (category), `peer` (object): `received` from this peer, or `sent` by the vantage
      node to all peers, without `peer`: samples of its own white list
    - `time` (time): begin of the step
    - `lists`, `endpoints` (int64): lists, and distinct endpoints in them
    - `new`, `kept`, `left` (Int64): endpoints that were not in the lists of the sender's last step
      with lists, that were in both, and that were in the last step only; missing in its first one
    - `subnets`, `wide_subnets` (int64): distinct IPv4 /24 and IPv6 /64, IPv4 /16 and IPv6 /32
    - `flagged_share` (float64): share of endpoints that the ban list contains, or in a subnet (/24,
      /64) with a flagged address; NaN without `flagged`
    - `tried`, `unreachable` (int64): endpoints that the vantage node tried to connect to, at any
      time of the capture, and those to which no connection was established

    monerod sends up to 250 entries of its white list in random order, of up to 1000. So an endpoint
    that `left` can still be in the white list, if the sender sent few lists in the step: with n
    lists of 250 of 1000 entries it is in none of them with the probability 0.75ⁿ.

    Source: src/p2p/net_peerlist.h get_peerlist_head; src/p2p/net_node.inl handle_timed_sync. Raises
    ValueError for a `step_s` that is not positive.

        >>> import monerotraffic as mt
        >>> steps = mt.metrics.white_list_composition(mt.read("tests/data/honest"), step_s=60)
        >>> steps[["direction", "lists", "endpoints", "new", "kept", "left"]].head(2)
          direction  lists  endpoints   new  kept  left
        0  received      2          3  <NA>  <NA>  <NA>
        1  received      1          2  <NA>  <NA>  <NA>
    """
    if not step_s > 0:
        raise ValueError(f"step_s={step_s}: must be more than 0")
    return _composition(traffic, flagged, step_s)


@per_vantage
def _composition(traffic: Traffic | View, flagged: Members | None, step_s: float) -> pd.DataFrame:
    view = viewed(traffic)
    own = _steps(_sent(view, step_s), view, flagged)
    own["peer"] = None
    tables = {"received": _of_peers(view, flagged, step_s), "sent": own}
    for direction, rows in tables.items():
        rows["direction"] = pd.Categorical([direction] * len(rows), categories=list(tables))
        rows["peer"] = rows["peer"].astype(object)
    table = pd.concat(tables.values(), ignore_index=True)
    steps = pd.to_timedelta(table["step"].astype("float64") * step_s, unit="s")
    table["time"] = (_begin(view) + steps).astype("datetime64[ns, UTC]")
    return table.sort_values(["direction", "peer", "time"], kind="stable", ignore_index=True)[
        _COLUMNS
    ]


def _begin(view: View) -> pd.Timestamp:
    """The time of the node's first connection."""
    opened = view.whole.connections["opened"]
    return opened.min() if opened.notna().any() else pd.Timestamp(0, tz="UTC")


@per_peer("peer", "step", tables=_TABLES)
def _of_peers(traffic: Traffic | View, flagged: Members | None, step_s: float) -> pd.DataFrame:
    """The steps of each peer."""
    view = viewed(traffic)
    return _steps(_endpoints(view, view.received, step_s), view, flagged)


@per_peer("step", "host", "port", tables=_TABLES)
def _sent(traffic: Traffic | View, step_s: float) -> pd.DataFrame:
    """What the vantage node sent to these peers, as if to one."""
    view = viewed(traffic)
    return _endpoints(view, view.sent.assign(peer=""), step_s)


def _endpoints(view: View, messages: pd.DataFrame, step_s: float) -> pd.DataFrame:
    """The distinct endpoints of each sender and step. `lists` of these messages, the first of which
    is `first_list`, are the lists of the sender and step.
    """
    rows = view.traffic.list_columns("message", "host", "port")
    place = positions(messages["message"].to_numpy(), rows["message"].to_numpy())
    known = (place >= 0) & rows["host"].notna().to_numpy()
    rows, place = rows[known], place[known]
    seconds = (messages["time"] - _begin(view)).dt.total_seconds()
    rows = rows.assign(
        peer=messages["peer"].astype(object).array.take(place),
        step=np.floor(seconds.to_numpy() / step_s)[place],
    )
    rows = rows[rows["step"].notna()].astype({"step": "int64", "port": "int64"})
    lists = rows.groupby(["peer", "step"])["message"].agg(lists="nunique", first_list="min")
    distinct = rows.drop_duplicates(["peer", "step", "host", "port"]).drop(columns="message")
    return distinct.join(lists, on=["peer", "step"]).reset_index(drop=True)


def _steps(rows: pd.DataFrame, view: View, flagged: Members | None) -> pd.DataFrame:
    """One row for each sender and step of distinct endpoints."""
    keys = ["peer", "step"]
    lists = rows.drop_duplicates([*keys, "first_list"]).groupby(keys)["lists"].sum()
    rows = rows.drop_duplicates([*keys, "host", "port"])
    addresses = Addresses.from_text(rows["host"].cat.categories)
    host = rows["host"].cat.codes.to_numpy()
    tried, reached = _attempts(view, rows)
    marked = np.zeros(len(rows)) * np.nan
    if flagged is not None:
        marked = _is_flagged(addresses, flagged)[host].astype(np.float64)
    groups = rows.assign(
        subnet=addresses.subnet_names[addresses.subnet][host],
        wide=wide_subnets(addresses.packed, addresses.family)[host],
        kept=_kept(rows),
        marked=marked,
        tried=tried,
        unreachable=tried & ~reached,
    ).groupby(keys, sort=True)
    table = groups.agg(
        endpoints=("port", "size"),
        kept=("kept", "sum"),
        subnets=("subnet", "nunique"),
        wide_subnets=("wide", "nunique"),
        flagged_share=("marked", "mean"),
        tried=("tried", "sum"),
        unreachable=("unreachable", "sum"),
    )
    table.insert(0, "lists", lists)
    before = table.groupby(level="peer")["endpoints"].shift().astype("Int64")
    table["kept"] = table["kept"].astype("Int64").where(before.notna())
    table["new"] = table["endpoints"].astype("Int64") - table["kept"]
    table["left"] = before - table["kept"]
    counts = ("lists", "endpoints", "subnets", "wide_subnets", "tried", "unreachable")
    return table.astype(dict.fromkeys(counts, "int64") | {"flagged_share": "float64"}).reset_index()


def _kept(rows: pd.DataFrame) -> pd.Series:
    """Whether each endpoint was in the sender's last step with lists too."""
    steps = rows[["peer", "step"]].drop_duplicates().sort_values(["peer", "step"])
    steps["number"] = steps.groupby("peer").cumcount()
    number = rows.merge(steps, on=["peer", "step"], how="left")["number"].set_axis(rows.index)
    ordered = rows.assign(number=number).sort_values("number", kind="stable")
    last = ordered.groupby(["peer", "host", "port"], observed=True)["number"].shift()
    return (ordered["number"] - last == 1).reindex(rows.index)


def _is_flagged(addresses: Addresses, flagged: Members) -> NDArray[np.bool_]:
    """Whether a ban list contains each address, or its subnet contains a flagged one."""
    if isinstance(flagged, BanList):
        return flagged.match(addresses.text)
    names = set(subnets_of(flagged).dropna())
    return np.array([name in names for name in addresses.subnet_names[addresses.subnet]], bool)


def _attempts(view: View, rows: pd.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the vantage node tried to connect to each endpoint, and whether it succeeded."""
    opened = view.whole.connections
    opened = opened[opened["direction"] == "outgoing"]
    reached = (
        pd.Series(opened["rtt"].notna().to_numpy())
        .groupby([opened["peer"].astype(object).to_numpy(), opened["server_port"].to_numpy()])
        .any()
    )
    endpoints = pd.MultiIndex.from_arrays([rows["host"].astype(object), rows["port"]])
    place = reached.index.get_indexer(endpoints)
    success = np.append(reached.to_numpy(dtype=bool), False)
    return place >= 0, success[place]
