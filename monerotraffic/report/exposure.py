"""How many slots of the node which peers hold: numbers, text, and the section of the page.

Owns which groups of peers are shown. Used by report.page and by the command `exposure`.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from monerotraffic import metrics
from monerotraffic.banlist import BanList
from monerotraffic.metrics.exposure import Groups
from monerotraffic.report.operators import operators
from monerotraffic.report.summary import clock, counted, head, records, section, span
from monerotraffic.rules import verdicts
from monerotraffic.rules.bans import ban
from monerotraffic.tables.view import View

__all__ = [
    "exposure_groups",
    "exposure_rows",
    "exposure_table",
    "exposure_to_dict",
    "format_exposure",
]

_KIND = ("vantage", "direction", "by")
_MOST_NETWORKS = 10
"""Networks of a kind that the text shows, those with the most slot time."""
_OPERATORS = 5
"""Operators of anomalous peers that are shown, those with the most peers."""


def exposure_groups(
    view: View,
    judged: pd.DataFrame,
    findings: pd.DataFrame,
    ban_list: BanList | None = None,
) -> dict[str, Any]:
    """The groups of peers that are shown: `anomalous`, `suspicious`, `listed` with a ban list, and
    the probable operators of several anomalous peers, those with the most peers first.
    """
    groups: dict[str, Any] = {
        verdict: judged.loc[judged["verdict"] == verdict, "peer"].tolist()
        for verdict in ("anomalous", "suspicious")
    }
    if ban_list is not None:
        groups["listed"] = ban_list
    joined = operators(view, judged[judged["verdict"] == "anomalous"], findings)
    several = sorted((one.peers for one in joined if len(one.peers) > 1), key=len, reverse=True)
    for peers in several[:_OPERATORS]:
        groups[f"operator of {peers[0]} and {len(peers) - 1} more"] = list(peers)
    return groups


def exposure_rows(view: View, groups: Groups, systems: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows of metrics.exposure with slots, with intervals if scipy is installed."""
    table = metrics.exposure(view, groups, systems=systems, sampling=_sampling())
    return table[table["all_seconds"] > 0].reset_index(drop=True)


def _sampling() -> metrics.Sampling:
    if importlib.util.find_spec("scipy") is None:
        return metrics.Sampling(resamples=0)
    return metrics.Sampling()


def exposure_to_dict(
    view: View,
    findings: pd.DataFrame,
    preset: str,
    ban_list: BanList | None = None,
    systems: pd.DataFrame | None = None,
    own: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Returns exposure, what-if and stems as values for JSON. Numbers that do not exist are None.
    Without `ban_list`, what-if is for the list of the anomalous peers; `ban_list` says which it is.
    With the ids of own transactions also what peers could learn of them.
    """
    judged = verdicts(findings)
    groups = exposure_groups(view, judged, findings, ban_list)
    spies = judged.loc[judged["verdict"] == "anomalous", "peer"].tolist()
    in_force = ban_list
    if in_force is None:
        in_force = ban(findings, expires=None, max_addresses=None).listed
    without = metrics.Sampling(resamples=0)
    scenarios = metrics.what_if(view, groups, in_force, systems=systems, sampling=without)
    scenarios = scenarios[scenarios["all_seconds"] + scenarios["removed_seconds"] > 0]
    return {
        "vantage": {"hosts": list(view.traffic.hosts)},
        "span": span(view.traffic),
        "preset": preset,
        "ban_list": "anomalous peers" if ban_list is None else "given",
        "exposure": _plain(exposure_rows(view, groups, systems)),
        "what_if": _plain(scenarios),
        "stems": _stems(view, spies),
        **({} if systems is None else _of_networks(view, systems)),
        **(
            {}
            if own is None
            else {"own": _plain(_seconds(metrics.own_transactions(view, own, spies)))}
        ),
    }


def _of_networks(view: View, systems: pd.DataFrame) -> dict[str, Any]:
    """Shares of slots by country and autonomous system, and how concentrated they are."""
    table = metrics.concentration(view, systems)
    table = table[table["by"].isin(["system", "country"]) & (table["networks"] > 0)]
    return {
        "networks": _plain(metrics.network_shares(view, systems)),
        "concentration": _plain(table),
    }


def _stems(view: View, spies: list[str]) -> list[dict[str, Any]]:
    """By peer how many own and relayed transactions it received in the stem phase."""
    table = metrics.stems_sent(view, spies)
    table["originated"] = table["source"].isna()
    table["peer"] = table["peer"].astype(object)
    groups = table.groupby(["vantage", "peer"], observed=True)
    counts = groups.agg(
        anomalous=("to_spy", "first"),
        originated=("originated", "sum"),
        transactions=("tx", "size"),
        fluff_delay_median=("fluff_delay", "median"),
        embargoes=("embargo", "count"),
    ).sort_values(["originated", "transactions"], ascending=False, kind="stable")
    return _plain(_seconds(counts.reset_index()))


def _seconds(table: pd.DataFrame) -> pd.DataFrame:
    """Durations as seconds."""
    durations = [name for name in table if table[name].dtype.kind == "m"]
    return table.assign(**{name: table[name].dt.total_seconds() for name in durations})


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {name: None if value != value else value for name, value in row.items()}
        for row in records(table)
    ]


def format_exposure(numbers: Mapping[str, Any]) -> str:
    """Returns text with the shares of slots, and what would change them."""
    outgoing = [row for row in numbers["exposure"] if row["direction"] == "outgoing"]
    several = len({row["vantage"] for row in numbers["exposure"]}) > 1
    sections = [
        "\n".join([*head(numbers), f"preset        {numbers['preset']}"]),
        "\n".join(_sentence(row, several) for row in outgoing if row["group"] == "anomalous"),
        section("share of slot time", [_exposed(row, several) for row in numbers["exposure"]]),
        *_network_sections(numbers, several),
        section(
            f"outgoing slots as if a ban list ({numbers['ban_list']}) or distinct subnets had been "
            "in force",
            [
                _changed(row, several)
                for row in numbers["what_if"]
                if row["direction"] == "outgoing"
            ],
        ),
        section(
            f"{counted(sum(row['transactions'] for row in numbers['stems']), 'transaction')} sent "
            "in the stem phase",
            [_stem(row, several) for row in numbers["stems"]],
        ),
        *(
            [section("what peers could learn of own transactions", [*map(_own, numbers["own"])])]
            if "own" in numbers
            else []
        ),
    ]
    return "\n\n".join(one for one in sections if one) + "\n"


def _network_sections(numbers: Mapping[str, Any], several: bool) -> list[str]:
    """The countries and autonomous systems with the most slot time, and Herfindahl indices."""
    shares = numbers.get("networks", [])
    first = [
        row
        for _, rows in itertools.groupby(shares, lambda row: [row[name] for name in _KIND])
        for row in itertools.islice(rows, _MOST_NETWORKS)
    ]
    return [
        section("networks with the most slot time", [_network(row, several) for row in first]),
        section(
            "concentration of slot time",
            [_concentrated(row, several) for row in numbers.get("concentration", [])],
        ),
    ]


def _network(row: Mapping[str, Any], several: bool) -> dict[str, Any]:
    return {
        **({"vantage": row["vantage"]} if several else {}),
        "direction": row["direction"],
        "by": row["by"],
        "network": row["network"] or "unknown",
        "peers": row["peers"],
        "share": _percent(row["share"]),
    }


def _concentrated(row: Mapping[str, Any], several: bool) -> dict[str, Any]:
    return {
        **({"vantage": row["vantage"]} if several else {}),
        "direction": row["direction"],
        "by": row["by"],
        "networks": row["networks"],
        "Herfindahl index": None if row["slot_index"] is None else f"{row['slot_index']:.3f}",
        "largest": row["largest"],
    }


def _stem(row: Mapping[str, Any], several: bool) -> dict[str, Any]:
    delay = row["fluff_delay_median"]
    return {
        **({"vantage": row["vantage"]} if several else {}),
        "peer": row["peer"],
        "anomalous": "yes" if row["anomalous"] else "no",
        "transactions": row["transactions"],
        "originated": row["originated"],
        "median s until fluffed": None if delay is None else f"{delay:.1f}",
        "embargoes": row["embargoes"],
    }


def _own(row: Mapping[str, Any]) -> dict[str, Any]:
    delay = row["delay"]
    return {
        "transaction": row["tx"],
        "order": row["order"],
        "peer": row["peer"],
        "anomalous": "yes" if row["spy"] else "no",
        "learnt": row["learnt"],
        "time": clock(row["time"]),
        "delay s": None if delay is None else f"{delay:.2f}",
    }


def _sentence(row: Mapping[str, Any], several: bool) -> str:
    """What the share means for an own transaction."""
    where = f" of {row['vantage']}" if several else ""
    if not row["peers"]:
        return f"No outgoing slot{where} was held by an anomalous peer."
    at_once = counted(row["most_at_once"], "slot")
    return (
        f"Anomalous peers held {row['p']:.1%} of the time of outgoing slots{where}, at most "
        f"{at_once} at once.\nSo an own transaction goes to one of them first with a probability "
        f"of {row['p']:.1%},\nand to two of them in a row with {row['p_squared']:.1%} (p²)."
    )


def exposure_table(view: View, judged: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """The shares of slots as a table of the page."""
    rows = _plain(exposure_rows(view, exposure_groups(view, judged, findings)))
    return pd.DataFrame([_exposed(row, len(view.vantages) > 1) for row in rows], dtype=object)


def _name(group: str) -> str:
    return {"same_subnet": "same /24 or /64", "same_system": "same system"}.get(group, group)


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _exposed(row: Mapping[str, Any], several: bool) -> dict[str, Any]:
    interval = None if row["p_low"] is None else f"{row['p_low']:.1%} to {row['p_high']:.1%}"
    return {
        **({"vantage": row["vantage"]} if several else {}),
        "direction": row["direction"],
        "group": _name(row["group"]),
        "peers": row["peers"],
        "slots": f"{row['slots']:.1f}",
        "most": row["most_at_once"],
        "p": _percent(row["p"]),
        "95 %": interval,
        "p²": _percent(row["p_squared"]),
        "E[p²]": _percent(row["mean_p_squared"]),
        "epochs": row["epochs"] if row["direction"] == "outgoing" else None,
    }


def _changed(row: Mapping[str, Any], several: bool) -> dict[str, Any]:
    return {
        **({"vantage": row["vantage"]} if several else {}),
        "group": _name(row["group"]),
        "scenario": row["scenario"].replace("_", " "),
        "hours removed": f"{row['removed_seconds'] / 3600:.1f}",
        "p": _percent(row["p"]),
        "p²": _percent(row["p_squared"]),
        "p refilled": _percent(row["refilled_p"]),
    }
