"""Pressure on the node's connections: which networks try to enter the white list, how long sessions
last, how concentrated the peers are. docs/metrics/pressure.md explains the terms.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.metrics.connections import connection_table, held_connections
from monerotraffic.metrics.extras import analysis
from monerotraffic.metrics.identity import back_pings
from monerotraffic.metrics.network import labels_of
from monerotraffic.metrics.slot_time import DIRECTIONS, Holdings, holdings
from monerotraffic.metrics.sources import in_parts
from monerotraffic.net.addresses import wide_subnets
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View, per_vantage, viewed

__all__ = [
    "concentration",
    "network_shares",
    "peer_churn",
    "session_survival",
    "white_list_pressure",
]

HOUR = 3600.0


@in_parts
@per_vantage
def peer_churn(
    traffic: Traffic | View, step_s: float = HOUR, groups: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Returns how many peers come and go. One row per vantage node, direction, group and step of
    time, counted from the first connection. Unit: IP address.

    - `vantage`, `direction` (category)
    - `group` (object): value of `groups` for the peer, for example of network_groups; `other`
      without one
    - `time` (time): begin of the step
    - `connections` (int64): opened in the step
    - `peers` (int64): with a slot in the step
    - `arrivals` (int64): peers whose first slot of the capture begins in the step; in the first
      step all are
    - `departures` (int64): peers whose last slot ends in the step, before the capture ends

    Raises ValueError for a `step_s` that is not positive.

        >>> import monerotraffic as mt
        >>> steps = mt.metrics.peer_churn(mt.read("tests/data/honest"), step_s=60)
        >>> steps.loc[steps["direction"] == "incoming", "peers"].tolist()
        [7, 6]
    """
    if not step_s > 0:
        raise ValueError(f"step_s={step_s}: must be more than 0")
    view = viewed(traffic)
    group_of, tables = _group_of(view, groups or {}), []
    for direction in DIRECTIONS:
        held, zero = holdings(view, direction)
        if not len(held.begin):
            continue
        count = int(np.floor(held.end.max() / 1e9 / step_s)) + 1
        time = zero + pd.to_timedelta(np.arange(count) * step_s, unit="s")
        of_slot = group_of[held.host]
        for group in sorted(set(of_slot)):
            numbers = _come_and_go(view, held.chosen(of_slot == group), step_s, count)
            table = pd.DataFrame({"direction": direction, "group": group, "time": time, **numbers})
            tables.append(table)
    columns = ["direction", "group", "time", "connections", "peers", "arrivals", "departures"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    table["direction"] = pd.Categorical(table["direction"], categories=DIRECTIONS)
    table["time"] = pd.to_datetime(table["time"], utc=True).astype("datetime64[ns, UTC]")
    return table.astype({**dict.fromkeys(columns[3:], "int64"), "group": object})


def _group_of(view: View, groups: Mapping[str, str]) -> NDArray[np.object_]:
    """The group of each address of the view, `other` without one."""
    return np.array([groups.get(text, "other") for text in view.addresses.text], dtype=object)


def _come_and_go(
    view: View, held: Holdings, step_s: float, count: int
) -> dict[str, NDArray[np.int64]]:
    """The numbers of peer_churn in each of `count` steps, for slots that there are."""
    begin, end = (np.floor(edge / 1e9 / step_s).astype(np.int64) for edge in (held.begin, held.end))
    rows = pd.DataFrame({"host": held.host, "begin": begin, "end": end})
    closed = view.connections.set_index("connection")["end"] != "open"
    rows["ended"] = closed.reindex(held.connection).to_numpy()
    hosts = rows.groupby("host").agg(begin=("begin", "min"), end=("end", "max"))
    gone = rows.sort_values("end", kind="stable").groupby("host")["ended"].last()
    spans = np.repeat(rows.index, rows["end"] - rows["begin"] + 1)
    step = rows["begin"].to_numpy()[spans] + _counts_up(rows["end"] - rows["begin"] + 1)
    present = pd.DataFrame({"host": rows["host"].to_numpy()[spans], "step": step})
    return {
        "connections": np.bincount(begin, minlength=count),
        "peers": np.bincount(present.drop_duplicates()["step"], minlength=count),
        "arrivals": np.bincount(hosts["begin"], minlength=count),
        "departures": np.bincount(hosts.loc[gone, "end"], minlength=count),
    }


def _counts_up(lengths: pd.Series) -> NDArray[np.int64]:
    """0 to n - 1 for each n, one after the other."""
    ends = lengths.cumsum().to_numpy()
    numbers: NDArray[np.int64] = np.arange(ends[-1]) - np.repeat(ends - lengths.to_numpy(), lengths)
    return numbers


@in_parts
def session_survival(
    traffic: Traffic | View,
    groups: Mapping[str, str] | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Returns the share of sessions that last longer than a time, by class of peer (Kaplan and
    Meier 1958; scipy.stats.ecdf). One row per vantage node, direction, group and duration at which
    sessions ended. Unit: connection.

    - `vantage`, `direction`, `group` (object): value of `groups` for the peer, `other` without one
    - `seconds` (float64): duration
    - `sessions` (int64): sessions of the class
    - `survival` (float64): estimated share of sessions that last longer
    - `low`, `high` (float64): its interval (Greenwood); NaN where it is not defined

    Sessions that were open at the end of the capture count as longer than what was seen of them
    (censored). Sessions that began before the capture are left out, because only long ones are
    among them. Raises ImportError without scipy.

        >>> import monerotraffic as mt
        >>> curve = mt.metrics.session_survival(mt.read("tests/data/honest"))
        >>> curve.loc[curve["direction"] == "outgoing", "survival"].round(2).tolist()[-1]
        0.33
    """
    stats = analysis("scipy.stats", "session_survival")
    view = viewed(traffic)
    tables = []
    for vantage, part in view.by_vantage.items():
        for direction in DIRECTIONS:
            rows = held_connections(part, direction)
            rows = rows[rows["start"] == "syn"]
            seconds = (rows["closed"] - rows["opened"]).dt.total_seconds()
            names = rows["peer"].astype(object).map(dict(groups or {})).astype(object)
            names = names.fillna("other")
            for name, own in seconds.groupby(names):
                censored = (rows.loc[own.index, "end"] == "open").to_numpy()
                data = stats.CensoredData.right_censored(own.to_numpy(), censored)
                table = _survival(stats.ecdf(data).sf, confidence)
                table.insert(0, "sessions", len(own))
                for place, value in enumerate((vantage, direction, str(name))):
                    table.insert(place, ("vantage", "direction", "group")[place], value)
                tables.append(table)
    columns = ["vantage", "direction", "group", "seconds", "sessions", "survival", "low", "high"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    numbers = dict.fromkeys(("seconds", "survival", "low", "high"), "float64")
    table[columns[:3]] = table[columns[:3]].astype(object)
    return table[columns].astype({**numbers, "sessions": "int64"})


def _survival(function: Any, confidence: float) -> pd.DataFrame:
    """The steps of an estimated survival function of scipy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # undefined where no session is left
        interval = function.confidence_interval(confidence)
    return pd.DataFrame(
        {
            "seconds": function.quantiles,
            "survival": function.probabilities,
            "low": interval.low.probabilities,
            "high": interval.high.probabilities,
        }
    )


@in_parts
def white_list_pressure(
    traffic: Traffic | View, step_s: float = HOUR, groups: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Returns which networks try to enter the node's lists and slots. One row per vantage node,
    step of time (from the first connection) and subnet (IPv4 /24, IPv6 /64) with attempts, those
    with the most accepted addresses first in each step. Unit: connection.

    - `vantage` (category), `time` (time)
    - `subnet` (object); with `groups`, `group` instead: its value for the peer, for example of
      network_groups, `other` without one
    - `attempts` (int64): incoming connections, established or not
    - `hosts` (int64): addresses of these attempts
    - `handshakes` (int64): incoming connections with a complete handshake
    - `white_listed` (int64): distinct address and port pairs whose back-ping was answered with the
      right id, so that monerod adds them to its white list
    - `outgoing_resets` (int64): outgoing connections to the subnet that ended with a reset

    An eclipse attack fills the white list with addresses of one operator, and closes the other
    connections. A subnet with many more white-listed addresses than others is how it begins.

    Source: src/p2p/net_node.inl handle_handshake, try_ping; Shi et al., Eclipse Attacks on
    Monero's Peer-to-Peer Network, NDSS 2025. Raises ValueError for a `step_s` that is not positive.

        >>> import monerotraffic as mt
        >>> rows = mt.metrics.white_list_pressure(mt.read("tests/data/honest"))
        >>> rows[["subnet", "hosts", "white_listed"]].head(2)
                   subnet  hosts  white_listed
        0    192.0.2.0/24      2             1
        1  203.0.113.0/24      2             1
    """
    if not step_s > 0:
        raise ValueError(f"step_s={step_s}: must be more than 0")
    table = _pressure(traffic, step_s, groups)
    return table if groups is None else table.rename(columns={"subnet": "group"})


@per_vantage
def _pressure(
    traffic: Traffic | View, step_s: float, groups: Mapping[str, str] | None
) -> pd.DataFrame:
    view = viewed(traffic)
    rows = view.connections
    first = rows["opened"].min() if len(rows) else pd.Timestamp(0, tz="UTC")
    names = view.addresses.subnet_names[view.addresses.subnet]
    if groups is not None:
        names = _group_of(view, groups)
    subnet = pd.Series(names, index=view.addresses.text)

    def placed(frame: pd.DataFrame, time: str) -> pd.DataFrame:
        seconds = (frame[time] - first).dt.total_seconds()
        return frame.assign(
            step=np.floor(seconds / step_s),
            subnet=frame["peer"].astype(object).map(subnet),
        ).dropna(subset=["step", "subnet"])

    incoming = placed(rows[rows["direction"] == "incoming"], "opened")
    outgoing = placed(rows[(rows["direction"] == "outgoing") & (rows["end"] == "rst")], "closed")
    table = connection_table(view)
    shaken = table[(table["direction"] == "incoming") & (table["handshake"] == "answered")]
    pings = back_pings(view)
    pinged = placed(pings[pings["match"].fillna(False).astype(bool)], "time")
    pinged = pinged.drop_duplicates(["step", "peer", "port"])
    keys = ["step", "subnet"]
    counts = pd.DataFrame(
        {
            "attempts": incoming.groupby(keys).size(),
            "hosts": incoming.assign(peer=incoming["peer"].astype(object))
            .groupby(keys)["peer"]
            .nunique(),
            "handshakes": placed(shaken, "opened").groupby(keys).size(),
            "white_listed": pinged.groupby(keys).size(),
            "outgoing_resets": outgoing.groupby(keys).size(),
        }
    )
    counts = counts.rename_axis(keys).fillna(0).astype("int64").reset_index()
    steps = pd.to_timedelta(counts.pop("step").astype("float64") * step_s, unit="s")
    counts.insert(0, "time", (first + steps).astype("datetime64[ns, UTC]"))
    return counts.sort_values(
        ["time", "white_listed", "attempts", "subnet"],
        ascending=[True, False, False, True],
        kind="stable",
        ignore_index=True,
    )


@in_parts
def concentration(traffic: Traffic | View, systems: pd.DataFrame | None = None) -> pd.DataFrame:
    """Returns how concentrated the peers are in networks: the Herfindahl index. One row per vantage
    node, direction and kind of network. Unit: IP address, and seconds of connections.

    - `vantage`, `direction` (object)
    - `by` (object): `subnet` (IPv4 /24, IPv6 /64), `wide_subnet` (IPv4 /16, IPv6 /32), and with
      `systems`, the result of networks (or autonomous_systems, countries), `system` and `country`
    - `networks` (int64): number of networks with slots
    - `peers` (int64): addresses with a network
    - `index` (float64): sum of the squares of the networks' shares of peers, 1 ÷ networks to 1
    - `slot_index` (float64): the same of the shares of slot time
    - `effective` (float64): 1 ÷ slot_index: the number of networks with equal shares that have the
      same index
    - `largest` (object): network with the most slot time
    - `largest_share` (float64): its share of slot time

    Peers without a network (names, no system or country known) are left out.

    Source: Herfindahl, Concentration in the Steel Industry, 1950; Apostolaki, Zohar and Vanbever,
    Hijacking Bitcoin, 2017 (autonomous systems).

        >>> import monerotraffic as mt
        >>> table = mt.metrics.concentration(mt.read("tests/data/honest"))
        >>> table[["direction", "by", "networks"]].head(2)
          direction           by  networks
        0  incoming       subnet         5
        1  incoming  wide_subnet         5
    """
    view = viewed(traffic)
    rows = []
    for vantage, part in view.by_vantage.items():
        addresses = part.addresses
        networks = {
            "subnet": addresses.subnet_names[addresses.subnet],
            "wide_subnet": wide_subnets(addresses.packed, addresses.family),
            **labels_of(addresses.text, systems),
        }
        for direction in DIRECTIONS:
            held, _ = holdings(part, direction)
            for by, of_host in networks.items():
                numbers = _herfindahl(held.host, held.length, of_host)
                rows.append((vantage, direction, by, *numbers))
    columns = ["vantage", "direction", "by", "networks", "peers", "index", "slot_index"]
    table = pd.DataFrame(rows, columns=[*columns, "effective", "largest", "largest_share"])
    counts = dict.fromkeys(("networks", "peers"), "int64")
    shares = dict.fromkeys(("index", "slot_index", "effective", "largest_share"), "float64")
    return table.astype({**counts, **shares})


@in_parts
def network_shares(traffic: Traffic | View, systems: pd.DataFrame) -> pd.DataFrame:
    """Returns which share of its slots each country and autonomous system holds at a vantage node.
    One row per vantage node, direction, kind of network and network with slots, the one with the
    most slot time first. Unit: seconds of connections, and IP address.

    - `vantage`, `direction` (object)
    - `by` (object): `system` or `country`, as far as `systems`, the result of networks (or
      autonomous_systems, countries), has some
    - `network` (object): AS and number, or the code of the country; missing for peers without one
    - `peers`, `connections` (int64): with slots
    - `seconds` (float64): slot time
    - `share`, `peer_share` (float64): of the slot time, and of the peers, of the direction; NaN
      without slot time

    The index of concentration is the sum of the squares of the shares among peers with a network.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> peers = traffic.connections["peer"].unique()
        >>> located = mt.metrics.countries(peers, "GeoLite2-Country.mmdb")
        >>> mt.metrics.network_shares(traffic, located)[["by", "network", "peers"]].head(2)
                by network  peers
        0  country    None      5
        1  country      AQ      2
    """
    view = viewed(traffic)
    tables = []
    for vantage, part in view.by_vantage.items():
        labels = labels_of(part.addresses.text, systems)
        for direction in DIRECTIONS:
            held, _ = holdings(part, direction)
            slots = pd.DataFrame({"host": held.host, "length": held.length})
            for by, of_host in labels.items():
                slots["network"] = of_host[held.host]
                table = slots.groupby("network", dropna=False).agg(
                    peers=("host", "nunique"),
                    connections=("host", "size"),
                    length=("length", "sum"),
                )
                table = table.reset_index().sort_values(
                    ["length", "network"], ascending=[False, True], kind="stable"
                )
                table["share"] = table["length"] / table["length"].sum()
                table["peer_share"] = table["peers"] / table["peers"].sum()
                tables.append(table.assign(vantage=vantage, direction=direction, by=by))
    columns = ["vantage", "direction", "by", "network", "peers", "connections", "length"]
    columns += ["share", "peer_share"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    table["length"] = table["length"] / 1e9
    numbers = dict.fromkeys(("length", "share", "peer_share"), "float64")
    counts = dict.fromkeys(("peers", "connections"), "int64")
    texts = dict.fromkeys(columns[:4], object)
    table = table[columns].astype(texts | counts | numbers)
    table["network"] = table["network"].where(table["network"].notna(), None)
    return table.rename(columns={"length": "seconds"})


def _herfindahl(
    host: NDArray[np.int64], length: NDArray[np.int64], network: NDArray[np.object_]
) -> tuple[int, int, float, float, float, object, float]:
    frame = pd.DataFrame({"host": host, "length": length, "network": network[host]}).dropna()
    if frame.empty:
        return 0, 0, math.nan, math.nan, math.nan, None, math.nan
    hosts = frame.drop_duplicates("host")["network"].value_counts(normalize=True)
    time = frame.groupby("network")["length"].sum()
    shares = (time / time.sum()) if time.sum() else time * math.nan
    squares = float((shares**2).sum(skipna=False))
    largest = shares.idxmax() if time.sum() else None
    return (
        len(hosts),
        int(frame["host"].nunique()),
        float((hosts**2).sum()),
        squares,
        1 / squares,
        largest,
        float(shares.max()),
    )
