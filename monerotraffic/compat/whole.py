"""Complete messages with both ends of their connection, the input of every extraction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.compat.packet_bytes import packet_numbers
from monerotraffic.net.addresses import Host, canonical_hosts
from monerotraffic.tables.traffic import Traffic

__all__ = ["TEXT", "ends", "numbers_text", "segments_text", "stamps", "text", "whole"]

TEXT = pd.Index(["x"]).dtype
"""The text dtype of pandas: object before pandas 3, str since."""

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
    """Returns one row per complete message (status complete or malformed), in order of the packets
    that completed them. `to`: only messages to these addresses.

    Columns: `message, connection, from_client, end_time, end_frame, end_length, command,
    levin_flags, length, return_code, version,
    segments` as in messages; the columns of ends(); `packet`, the number of the packet that
    completed the message. Messages completed by one packet have the same number.

    Raises ValueError if connections are missing, as in parts of a scan.
    """
    rows = traffic.arrays["messages"]
    kept = traffic.messages["status"].isin(["complete", "malformed"]).to_numpy()
    frame = traffic.messages.loc[kept, _COLUMNS].assign(packet=packet_numbers(rows)[kept])
    frame = frame.assign(**ends(traffic, frame))
    if to is not None:
        frame = frame[frame["destination"].isin(canonical_hosts(to))]
    return frame.sort_values("packet", kind="stable", ignore_index=True)


def ends(traffic: Traffic, rows: pd.DataFrame) -> dict[str, Any]:
    """Returns the columns `source, source_port, destination, destination_port, vantage` for rows
    with `connection` and `from_client`.
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
    """The position of each of `wanted` in `ids`."""
    order = np.argsort(ids, kind="stable")
    place = np.searchsorted(ids[order], wanted)
    known = place < len(ids)
    known[known] = ids[order[place[known]]] == wanted[known]
    if not known.all():
        raise ValueError(
            "connections of some messages are missing: pass the result of read(), not a part of a "
            "scan"
        )
    return order[place]


def _either(
    choose: NDArray[np.bool_], one: pd.Categorical, other: pd.Categorical
) -> pd.Categorical:
    """Chooses between two address columns of the same dtype."""
    return pd.Categorical.from_codes(np.where(choose, one.codes, other.codes), dtype=one.dtype)


# ---- columns in the format of the pipeline ----


def text(values: Any) -> pd.Series:
    """A Categorical as plain text, because grouping by a Categorical would return values that do
    not occur.
    """
    return pd.Series(np.asarray(values, dtype=object), dtype=TEXT)


def numbers_text(values: pd.Series) -> pd.Series:
    """Integers as decimal text, empty where missing."""
    texts = pd.Series(np.full(len(values), "", dtype=object))
    present = values.notna().to_numpy()
    texts[present] = values[present].astype(str).to_numpy(dtype=object)
    return texts.astype(TEXT)


def segments_text(segments: pd.Series) -> pd.Series:
    """tshark's tcp.segment.count: the number of segments that carried a message, empty for one."""
    return numbers_text(segments.where(segments > 1).astype("Int64"))


def stamps(times: pd.Series, unit: str = "us") -> pd.Series:
    """UTC times in the format of the pipeline, `2026-11-22 23:02:08.738983`: rounded to
    microseconds, or truncated to seconds with unit "s". Unknown times are missing.
    """
    naive = times.dt.tz_localize(None).dt.round("us")
    values: NDArray[np.datetime64] = naive.to_numpy().astype(f"M8[{unit}]")
    texts = pd.Series(np.datetime_as_string(values).astype(object), index=times.index, dtype=TEXT)
    return texts.str.replace("T", " ", regex=False).where(naive.notna())
