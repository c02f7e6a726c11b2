"""The rows that `tshark -T fields` prints: one per packet that completes messages, with lists for a
packet that completes several.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from monerotraffic.atomic import replacing
from monerotraffic.compat.payload import ITEM_FIELDS, item_lists, joined
from monerotraffic.compat.whole import TEXT, numbers_text, segments_text, text, whole
from monerotraffic.net.addresses import Host
from monerotraffic.tables.traffic import Traffic

__all__ = [
    "PACKET_FIELDS",
    "PEER_LIST_COMMANDS",
    "PEER_LIST_FIELDS",
    "TESTING_FIELDS",
    "epoch",
    "tsv",
    "write_rows",
    "write_tsv",
]

_VALUES = tuple(
    f"monero.payload.item.{name}"
    for name in (
        "key",
        "type",
        "value.uint64",
        "value.uint32",
        "value.uint16",
        "value.uint8",
        "value.string",
    )
)

PACKET_FIELDS = (
    *(
        "frame.number",
        "frame.time_epoch",
        "ip.src",
        "ip.dst",
        "monero.command",
        "monero.flags",
        "tcp.segment.count",
        "tcp.len",
        "tcp.srcport",
        "tcp.dstport",
    ),
    *_VALUES,
)
"""Fields of the extraction script, in the order that extract_packet_data_to_json.py reads.

>>> from monerotraffic import compat
>>> len(compat.PACKET_FIELDS)
17
"""

TESTING_FIELDS = ("frame.time_epoch", "ip.src", "monero.command", *_VALUES)
"""Fields of the README's "Current Testing Command", in order.

>>> from monerotraffic import compat
>>> compat.TESTING_FIELDS[:3]
('frame.time_epoch', 'ip.src', 'monero.command')
"""

PEER_LIST_FIELDS = (
    *("frame.time_epoch", "ip.src", "monero.command"),
    *(
        f"monero.payload.item.{name}"
        for name in ("key", "type", "value.uint32", "value.uint16", "value.uint8", "value.uint64")
    ),
)
"""Fields of the README's peer-list command, in order.

>>> from monerotraffic import compat
>>> compat.PEER_LIST_FIELDS[3:5]
('monero.payload.item.key', 'monero.payload.item.type')
"""

PEER_LIST_COMMANDS = (1001, 1002)
"""Commands whose responses carry peer lists.

>>> from monerotraffic import compat
>>> compat.PEER_LIST_COMMANDS
(1001, 1002)
"""

_OF_PACKET = {
    "frame.number": "end_frame",
    "ip.src": "source",
    "ip.dst": "destination",
    "tcp.srcport": "source_port",
    "tcp.dstport": "destination_port",
    "tcp.len": "end_length",
}
"""Fields with one value per packet, and their column in the complete messages."""
_OF_MESSAGE = {
    "monero.command": "command",
    "monero.flags": "levin_flags",
    "monero.length": "length",
    "monero.return_code": "return_code",
    "monero.version": "version",
}
"""Fields with one value per message."""

_FIELDS = {*_OF_PACKET, *_OF_MESSAGE, *ITEM_FIELDS, "frame.time_epoch", "tcp.segment.count"}


def tsv(
    traffic: Traffic,
    fields: Sequence[str] = PACKET_FIELDS,
    *,
    to: Host | Iterable[Host] | None = None,
    commands: Iterable[int] | None = None,
    return_code: int | None = None,
) -> pd.DataFrame:
    """Returns what `tshark -Y monero -T fields -e ...` prints for these fields: one row per packet
    that completes messages, in order of time, with all columns as text.

    - `frame.number`: number of the packet in its file, from 1
    - `frame.time_epoch`: seconds since 1970, UTC, nine decimals
    - `ip.src`, `ip.dst`: addresses, IPv4 or IPv6
    - `tcp.srcport`, `tcp.dstport`: ports
    - `tcp.segment.count`: TCP segments that carried the first of its messages, empty for one
    - `tcp.len`: payload bytes of the packet
    - `monero.command`, `monero.flags`, `monero.length`, `monero.return_code`, `monero.version`: of
      each message; for Levin fragments, of the message that they carry
    - `monero.payload.item.key`, `.type`: of every epee entry, in the order of the wire
    - `monero.payload.item.value.int8` to `.int64`, `.uint8` to `.uint64`: every value of that type,
      also elements of arrays; booleans are in int64
    - `monero.payload.item.value.string`: every string in hex, `<MISSING>` for an empty one

    Several values are joined by commas. `fields`: names of the columns above. The other arguments
    select packets as a display filter does: `to`, packets to these addresses (`ip.dst == ...`);
    `commands`, packets with a message of one of these commands (`monero.command == ...`);
    `return_code`, packets with a message with this return code (`monero.return_code == ...`; 1 in
    the responses of monerod, 0 in its requests).

        >>> import monerotraffic as mt
        >>> from monerotraffic import compat
        >>> traffic = mt.read("tests/data/honest")
        >>> fields = ["ip.src", "monero.command", "tcp.segment.count", "tcp.len"]
        >>> rows = compat.tsv(traffic, fields, to=traffic.hosts, commands=[1001], return_code=1)
        >>> rows.head(2).to_csv(sep="\\t", header=False, index=False).splitlines()
        ['203.0.113.11\\t1001\\t\\t295', '192.0.2.12\\t1001\\t\\t295']

    Requires the tables messages and, for payload items, fields:
    `mt.read(..., tables=["messages", "fields"])`. Raises ValueError for an unknown field, and for a
    part of a scan.
    """
    unknown = [field for field in fields if field not in _FIELDS]
    if unknown:
        raise ValueError(
            f"unknown field {unknown[0]!r}: must be one of {', '.join(sorted(_FIELDS))}"
        )
    messages = _selected(whole(traffic, to), commands, return_code)
    packet, first = np.unique(messages["packet"].to_numpy(), return_index=True)
    place = np.searchsorted(packet, messages["packet"].to_numpy())
    heads = messages.iloc[first].reset_index(drop=True)
    wanted = [field for field in fields if field in ITEM_FIELDS]
    lists = (
        _items(traffic, messages["message"].to_numpy(), place, len(heads), wanted) if wanted else {}
    )
    columns = {}
    for field in fields:
        if field in lists:
            columns[field] = pd.Series(lists[field], dtype=TEXT)
        elif field in _OF_MESSAGE:
            texts = numbers_text(messages[_OF_MESSAGE[field]]).to_numpy(dtype=object)
            columns[field] = pd.Series(joined(texts, place, len(heads)), dtype=TEXT)
        else:
            columns[field] = _of_packet(field, heads)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(heads)), copy=False)


def write_tsv(
    traffic: Traffic,
    path: str | os.PathLike[str],
    fields: Sequence[str] = PACKET_FIELDS,
    *,
    to: Host | Iterable[Host] | None = None,
    commands: Iterable[int] | None = None,
    return_code: int | None = None,
) -> None:
    """Writes the rows of tsv() as tshark prints them: tabs, no header, UTF-8.

    >>> import monerotraffic as mt
    >>> from monerotraffic import compat
    >>> traffic = mt.read("tests/data/honest")
    >>> compat.write_tsv(traffic, "packets.tsv", ["ip.src", "tcp.len"])
    >>> open("packets.tsv").readline()
    '198.51.100.10\\t295\\n'
    """
    write_rows(tsv(traffic, fields, to=to, commands=commands, return_code=return_code), path)


def write_rows(rows: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Writes columns of text as tshark prints them: tabs, no header, UTF-8."""
    lines = rows.iloc[:, 0].str.cat(
        [rows.iloc[:, column] for column in range(1, rows.shape[1])], sep="\t"
    )
    with replacing(path) as file:
        file.write("".join((lines + "\n").tolist()))


def _selected(
    messages: pd.DataFrame, commands: Iterable[int] | None, return_code: int | None
) -> pd.DataFrame:
    """All messages of the packets of which each condition holds for some message."""
    for name, wanted in (
        ("command", commands),
        ("return_code", None if return_code is None else [return_code]),
    ):
        if wanted is not None:
            matching = messages[name].isin(list(wanted))
            messages = messages[messages["packet"].isin(messages.loc[matching, "packet"])]
    return messages


def _items(
    traffic: Traffic, messages: np.ndarray, place: np.ndarray, count: int, names: list[str]
) -> dict[str, np.ndarray]:
    """The payload items of these messages; `place` is the packet of each message."""
    items = traffic.fields
    order = np.full(int(messages.max(initial=-1)) + 1, -1, dtype=np.int64)
    order[messages] = np.arange(len(messages))
    of_item = items["message"].to_numpy()
    rank = (
        np.where(of_item < len(order), order[np.minimum(of_item, len(order) - 1)], -1)
        if len(order)
        else np.full(len(items), -1)
    )
    sequence = np.argsort(rank, kind="stable")
    sequence = sequence[rank[sequence] >= 0]
    return item_lists(items.iloc[sequence], place[rank[sequence]], count, names)


def _of_packet(field: str, heads: pd.DataFrame) -> pd.Series:
    if field == "frame.time_epoch":
        return epoch(heads["end_time"])
    if field == "tcp.segment.count":
        return segments_text(heads["segments"])
    values = heads[_OF_PACKET[field]]
    return text(values) if field.startswith("ip.") else numbers_text(values)


def epoch(times: pd.Series) -> pd.Series:
    """tshark's frame.time_epoch: seconds since 1970, UTC, with nine decimals."""
    since = pd.Series(times.dt.tz_localize(None).to_numpy().astype("M8[ns]").astype(np.int64))
    texts = (
        (since // 1_000_000_000).astype(str)
        + "."
        + (since % 1_000_000_000).astype(str).str.zfill(9)
    )
    return texts.where(times.notna().to_numpy(), "").astype(TEXT)
