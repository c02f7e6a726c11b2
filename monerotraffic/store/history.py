"""What a data set has about one peer, and the findings of each day, which it keeps.

Owns the table of findings, which is derived from the others: a file for each day, written again
when runs add rows to the day. Knows no rule. Used by Dataset.peer and by rules/daily.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from monerotraffic._version import __version__
from monerotraffic.atomic import replacing
from monerotraffic.store.encoding import bucket_of
from monerotraffic.store.groups import Group, traffic_of
from monerotraffic.store.manifest import locked
from monerotraffic.store.parts import day_of
from monerotraffic.tables.view import View

if TYPE_CHECKING:
    from monerotraffic.store.dataset import Dataset

__all__ = ["PeerHistory", "history_of", "stale_days", "stored_findings", "write_findings"]

_FOLDER = "findings"
_INDEX = "findings.json"
_COLUMNS = ("day", "vantage", "rule", "weight", "observations", "score", "reason")


_READ = {
    "connections": (
        *("connection", "opened", "closed", "client", "server", "proxied_host", "proxy"),
        *("client_port", "server_port", "client_messages", "server_messages"),
    ),
    "messages": (
        *("message", "connection", "from_client", "time", "file", "frame", "command", "kind"),
        *("status", "accepted", "skeleton", "client", "server", "proxied_host", "proxy"),
    ),
    "node_data": ("message", "peer_id", "my_port", "network_id", "support_flags"),
    "sync_data": ("message", "top_version"),
}
"""Columns that a history needs."""


class PeerHistory(NamedTuple):
    """What a data set has about one peer."""

    peer: str
    days: pd.DataFrame
    """One row per vantage node and day: `connections`, `incoming`, `outgoing`, `received`, `sent`
    (messages), `first` and `last` (packet)."""
    ids: pd.DataFrame
    """One row per vantage node and announcement that differs: `peer_id`, `my_port`, `messages`,
    `first`, `last`."""
    versions: pd.DataFrame
    """One row per vantage node and way to write handshakes: `network_id`, `support_flags`,
    `top_version`, `skeleton`, `messages`, `first`, `last`."""
    findings: pd.DataFrame
    """One row per day, vantage node and rule, of the days whose findings are stored."""


def history_of(dataset: Dataset, address: str) -> PeerHistory:
    """The history of a peer, from the row groups of its bucket."""
    group = Group(bucket_of(address), bucket_of(address), (address,))
    view = View(traffic_of(dataset, group, tuple(_READ), _READ))
    return PeerHistory(
        address, _days(view), _ids(view), _versions(view), stored_findings(dataset, address)
    )


def _vantages(view: View, rows: pd.DataFrame) -> pd.Series:
    names = view.vantage_of(rows["connection"])
    return pd.Series(np.asarray(names, dtype=object), index=rows.index, dtype=object)


def _days(view: View) -> pd.DataFrame:
    links = view.connections
    sides = {"received": "client_messages", "sent": "server_messages"}
    incoming = (links["direction"] == "incoming").to_numpy()
    table = pd.DataFrame(
        {
            "vantage": _vantages(view, links),
            "day": links["opened"].dt.floor("D"),
            "incoming": incoming.astype(np.int64),
            "outgoing": (~incoming).astype(np.int64),
            "first": links["opened"],
            "last": links["closed"],
        }
    )
    for name, other in zip(sides, reversed(sides), strict=True):
        table[name] = np.where(incoming, links[sides[name]], links[sides[other]])
    groups = table.groupby(["vantage", "day"], sort=True, dropna=False)
    return groups.agg(
        connections=("incoming", "size"),
        incoming=("incoming", "sum"),
        outgoing=("outgoing", "sum"),
        received=("received", "sum"),
        sent=("sent", "sum"),
        first=("first", "min"),
        last=("last", "max"),
    ).reset_index()


def _spans(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The distinct values of some columns, with the number and the times of their messages."""
    groups = rows.groupby(["vantage", *keys], dropna=False, sort=False, observed=True)
    table = groups.agg(
        messages=("message", "size"), first=("time", "min"), last=("time", "max")
    ).reset_index()
    return table.sort_values(["first", "vantage"], kind="stable", ignore_index=True)


def _announced(view: View) -> pd.DataFrame:
    rows = view.node_data
    rows = rows[(rows["direction"] == "received") & rows["peer_id"].notna()]
    return rows.assign(vantage=_vantages(view, rows))


def _ids(view: View) -> pd.DataFrame:
    return _spans(_announced(view), ["peer_id", "my_port"])


def _versions(view: View) -> pd.DataFrame:
    rows = _announced(view)
    rows = rows[rows["command"] == 1001]
    received = view.received[["message", "skeleton"]]
    chain = view.sync_data[["message", "top_version"]]
    joined = rows.merge(received, on="message").merge(chain, on="message", how="left")
    joined["network_id"] = joined["network_id"].astype(object)
    return _spans(joined, ["network_id", "support_flags", "top_version", "skeleton"])


# ---- findings of each day ----


def _index(dataset: Dataset) -> dict[str, Any]:
    try:
        index: dict[str, Any] = json.loads((dataset.folder / _INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return index


def _states(dataset: Dataset) -> dict[date, dict[str, Any]]:
    """By day what its findings depend on: its files and the version."""
    parts: dict[date, list[str]] = {}
    for part in dataset.part_keys("connections"):
        day = day_of(part)
        if day is not None:
            parts.setdefault(day, []).append(part)
    return {day: {"version": __version__, "parts": parts[day]} for day in sorted(parts)}


def stale_days(dataset: Dataset) -> list[date]:
    """The days without findings, or with findings of other rows or of another version."""
    index = _index(dataset)
    return [day for day, state in _states(dataset).items() if index.get(str(day)) != state]


def write_findings(dataset: Dataset, day: date, findings: pd.DataFrame) -> None:
    """Stores the findings of a day in place of older ones. Raises OSError, and DataSetError if
    another process writes to the data set.
    """
    with locked(dataset.folder):
        folder = dataset.folder / _FOLDER
        folder.mkdir(exist_ok=True)
        with replacing(_path(folder, day), "wb") as file:
            findings.to_parquet(file, engine="pyarrow", index=False, compression="zstd")
        index = {**_index(dataset), str(day): _states(dataset)[day]}
        with replacing(dataset.folder / _INDEX) as file:
            json.dump(dict(sorted(index.items())), file, indent=1)


def _path(folder: Path, day: date) -> Path:
    return folder / f"{day}.parquet"


def stored_findings(dataset: Dataset, peer: str | None = None) -> pd.DataFrame:
    """The stored findings of the chosen days that are up to date, of one peer or of all."""
    index, frames = _index(dataset), []
    for day, state in _states(dataset).items():
        if index.get(str(day)) == state:
            path = _path(dataset.folder / _FOLDER, day)
            filters = None if peer is None else [("peer", "==", peer)]
            frame = pd.read_parquet(path, engine="pyarrow", filters=filters)
            frames.append(frame.assign(day=pd.Timestamp(day, tz="UTC")))
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    if not filled:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in _COLUMNS})
    findings = pd.concat(filled, ignore_index=True)
    return findings[["day", *(name for name in findings.columns if name != "day")]]
