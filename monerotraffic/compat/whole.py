"""Whole messages with both ends of their connection: what every extraction begins with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.compat.packet_bytes import packet_numbers
from monerotraffic.net.vantage import Host, hosts_of
from monerotraffic.tables.traffic import Traffic

__all__ = ["TEXT", "ends", "numbers_text", "segments_text", "stamps", "text", "whole"]

TEXT = pd.Index(["x"]).dtype
"""pandas' own kind of text: object before pandas 3, str from then on."""

_COLUMNS = [
    "message",
    "connection",
    "from_client",
    "end_time",
    "end_frame",
    "end_length",
    "command",
    "levin_flags",
    "length",
    "return_code",
    "version",
    "segments",
]


def whole(traffic: Traffic, to: Host | Iterable[Host] | None = None) -> pd.DataFrame:
    """One row per whole message (status complete or malformed), in order of the packets that
    completed them.

    Columns: `message, connection, from_client, end_time, end_frame, end_length, command, levin_flags,
    length, return_code, version, segments` as in messages; those
    of ends(); `packet`, the number of the packet that completed it, the same for all that one
    packet completed.
    `to`: only messages to these addresses.

    Raises ValueError where connections are missing, as in parts of a scan.
    """
    rows = traffic.arrays["messages"]
    kept = traffic.messages["status"].isin(["complete", "malformed"]).to_numpy()
    made = traffic.messages.loc[kept, _COLUMNS].assign(packet=packet_numbers(rows)[kept])
    made = made.assign(**ends(traffic, made))
    if to is not None:
        made = made[made["destination"].isin(hosts_of(to))]
    return made.sort_values("packet", kind="stable", ignore_index=True)


def ends(traffic: Traffic, rows: pd.DataFrame) -> dict[str, Any]:
    """The columns `source, source_port, destination, destination_port, vantage` of rows that have
    `connection` and `from_client`.
    """
    connections, from_client = traffic.connections, rows["from_client"].to_numpy(dtype=bool)
    place = _places(connections["connection"].to_numpy(), rows["connection"].to_numpy())
    client, server = (connections[side].array.take(place) for side in ("client", "server"))
    client_port, server_port = (
        connections[f"{side}_port"].to_numpy()[place] for side in ("client", "server")
    )
    return {
        "source": _either(from_client, client, server),
        "source_port": np.where(from_client, client_port, server_port),
        "destination": _either(from_client, server, client),
        "destination_port": np.where(from_client, server_port, client_port),
        "vantage": connections["vantage"].array.take(place),
    }


def _places(ids: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.int64]:
    """Where each of `wanted` stands among `ids`."""
    order = np.argsort(ids, kind="stable")
    place = np.searchsorted(ids[order], wanted)
    there = place < len(ids)
    there[there] = ids[order[place[there]]] == wanted[there]
    if not there.all():
        raise ValueError(
            "the connections of some messages are not here: give what read() returned, not a part of a scan"
        )
    return order[place]


def _either(
    choose: NDArray[np.bool_], one: pd.Categorical, other: pd.Categorical
) -> pd.Categorical:
    """Values of two address columns, which share one dtype."""
    return pd.Categorical.from_codes(np.where(choose, one.codes, other.codes), dtype=one.dtype)


# ---- columns as the pipeline has them ----


def text(values: Any) -> pd.Series:
    """A Categorical as plain text, missing where it is: grouping by a Categorical would bring up
    values that do not occur.
    """
    return pd.Series(np.asarray(values, dtype=object), dtype=TEXT)


def numbers_text(values: pd.Series) -> pd.Series:
    """Integers as decimal text, empty where missing."""
    made = pd.Series(np.full(len(values), "", dtype=object))
    there = values.notna().to_numpy()
    made[there] = values[there].astype(str).to_numpy(dtype=object)
    return made.astype(TEXT)


def segments_text(segments: pd.Series) -> pd.Series:
    """tshark's tcp.segment.count: how many segments carried a message, empty if one did."""
    return numbers_text(segments.where(segments > 1).astype("Int64"))


def stamps(times: pd.Series, unit: str = "us") -> pd.Series:
    """UTC times as the pipeline writes them, `2026-11-22 23:02:08.738983`: rounded to microseconds,
    or (unit "s") cut to seconds; missing where unknown.
    """
    naive = times.dt.tz_localize(None).dt.round("us")
    values: NDArray[np.datetime64] = naive.to_numpy().astype(f"M8[{unit}]")
    made = pd.Series(np.datetime_as_string(values).astype(object), index=times.index, dtype=TEXT)
    return made.str.replace("T", " ", regex=False).where(naive.notna())
