"""From structured arrays to DataFrames: column by column, without a look at single rows.

Every column is a copy, so that no DataFrame holds on to the array or can change it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic import _core
from monerotraffic.tables.coded_lists import CodedLists
from monerotraffic.tables.interning import NamesView
from monerotraffic.tables.schema import SCHEMA, Field

__all__ = [
    "COLUMNS",
    "Frames",
    "categorical",
    "command_dtype",
    "command_names",
    "connection_directions",
    "enumeration",
    "message_directions",
    "times",
]

_SIDE = ("packets", "bytes", "retransmitted", "out_of_order", "lost", "messages")

COLUMNS: dict[str, tuple[str, ...]] = {
    "connections": (
        *(
            "connection",
            "vantage",
            "peer",
            "direction",
            "client",
            "client_port",
            "server",
            "server_port",
            "opened",
            "closed",
            "start",
            "end",
        ),
        *("rtt", "client_mss", "server_mss", "client_ttl", "server_ttl", "tunnel"),
        *("proxy", "proxied_host", "proxied_port", "proxy_granted"),
        *(f"client_{name}" for name in _SIDE),
        *(f"server_{name}" for name in _SIDE),
    ),
    "messages": (
        *(
            "message",
            "connection",
            "from_client",
            "time",
            "end_time",
            "file",
            "frame",
            "end_frame",
            "peer",
            "direction",
            "command",
            "name",
            "kind",
        ),
        *(
            "levin_flags",
            "expects_response",
            "return_code",
            "version",
            "length",
            "captured",
            "segments",
            "first_segment",
            "end_length",
            "shared",
            "fragments",
        ),
        "accepted",
        "status",
        *(
            "reply_to",
            "keys_ordered",
            "unknown_keys",
            "duplicate_keys",
            "wide_varints",
            "other_types",
            "default_fields",
            "trailing",
            "skeleton",
        ),
    ),
    "peer_lists": (
        "message",
        "position",
        "host",
        "port",
        "type",
        "id",
        "last_seen",
        "pruning_seed",
        "rpc_port",
        "rpc_credits_per_hash",
    ),
    "node_data": (
        "message",
        "peer_id",
        "my_port",
        "network_id",
        "support_flags",
        "rpc_port",
        "rpc_credits_per_hash",
        "local_time",
        "status_text",
    ),
    "sync_data": (
        "message",
        "current_height",
        "cumulative_difficulty",
        "cumulative_difficulty_top64",
        "top_id",
        "top_version",
        "pruning_seed",
    ),
    "transactions": (
        *(
            "message",
            "position",
            "tx",
            "blob_hash",
            "blob_size",
            "version",
            "rct_type",
            "inputs",
            "outputs",
            "ring_size",
            "fee",
            "weight",
        ),
        *("pruned", "fluff", "ascending", "block_position"),
    ),
    "blocks": (
        *(
            "message",
            "position",
            "block",
            "height",
            "timestamp",
            "major_version",
            "minor_version",
            "previous",
            "miner_tx",
            "transactions",
            "blob_hash",
            "blob_size",
        ),
    ),
    "inventories": ("message", "position", "list", "id", "tx_index"),
    "fields": (
        "message",
        "position",
        "depth",
        "parent",
        "key",
        "type",
        "elements",
        "value_int",
        "value_uint",
        "value_float",
        "value_bytes",
    ),
    "problems": (
        "file",
        "frame",
        "time",
        "connection",
        "direction",
        "offset",
        "bytes",
        "kind",
        "detail",
    ),
    "files": (
        "file",
        "path",
        "link_type",
        "packets",
        "bytes",
        "first_time",
        "last_time",
        "tcp_packets",
        "monero_packets",
        "skipped_packets",
        "dropped",
        "truncated",
    ),
}
"""The columns of every DataFrame, in order: the fields of csrc/tables/rows.h, and derived columns
(vantage, peer, direction, name).
"""

Shown = TypeVar("Shown", str, bytes)

_IDS = frozenset({"connection", "message", "reply_to", "file"})


def _texts(texts: Sequence[str]) -> pd.Index[Any]:
    """Categories of the text dtype of pandas: object before pandas 3, str since."""
    return pd.Index(list(texts), dtype=str)


def _narrow(codes: NDArray[Any], categories: int) -> NDArray[Any]:
    """Codes in the narrowest dtype that pandas would choose."""
    for dtype in (np.int8, np.int16, np.int32):
        if categories <= np.iinfo(dtype).max:
            return codes.astype(dtype)
    return codes.astype(np.int64)


def categorical(codes: NDArray[Any], dtype: pd.CategoricalDtype) -> pd.Categorical:
    """A Categorical over integer codes, -1 for missing, which are copied."""
    return pd.Categorical.from_codes(_narrow(codes, len(dtype.categories)), dtype=dtype)


def _raw(strings: Sequence[bytes]) -> pd.Index[Any]:
    """Categories that are bytes. There is always one, so that Parquet knows their type."""
    return pd.Index(list(strings) or [b""], dtype=object)


def _merged(
    shown: Sequence[Shown], categories: Callable[[Sequence[Shown]], pd.Index[Any]]
) -> tuple[pd.CategoricalDtype, NDArray[np.int64] | None]:
    """The categories of codes, some of which can be equal (different bytes can have the same text),
    and the new position of each code: None if all positions stay.
    """
    index: dict[Shown, int] = {}
    for one in shown:
        index.setdefault(one, len(index))
    places = (
        None
        if len(index) == len(shown)
        else np.array([*(index[one] for one in shown), -1], dtype=np.int64)
    )
    return pd.CategoricalDtype(categories(list(index))), places


@cache
def enumeration(categories: tuple[str, ...]) -> pd.CategoricalDtype:
    """The dtype of an enumeration."""
    return pd.CategoricalDtype(_texts(categories))


@cache
def _commands() -> tuple[NDArray[np.int64], NDArray[np.int64], pd.CategoricalDtype]:
    """Known commands in ascending order, the category of each, and the categories: names in order
    of their commands, then UNKNOWN.
    """
    names = dict(sorted(_core.command_names().items()))
    categories = list(dict.fromkeys([*names.values(), "UNKNOWN"]))
    places = [categories.index(name) for name in names.values()]
    return (
        np.array(list(names), dtype=np.int64),
        np.array(places, dtype=np.int64),
        pd.CategoricalDtype(_texts(categories)),
    )


def command_dtype() -> pd.CategoricalDtype:
    """The dtype of `name`: monerod's names in order of the commands, then UNKNOWN."""
    return _commands()[2]


def command_names(commands: NDArray[np.uint32]) -> pd.Categorical:
    """monerod's names of Levin commands, UNKNOWN for other commands."""
    known, category, dtype = _commands()
    places = np.searchsorted(known, commands)
    places[places == len(known)] = 0
    return categorical(
        np.where(known[places] == commands, category[places], len(dtype.categories) - 1), dtype
    )


def connection_directions(
    is_client: NDArray[np.bool_], is_server: NDArray[np.bool_]
) -> pd.Categorical:
    """incoming or outgoing, depending on which end is the vantage node; missing if neither is."""
    dtype = enumeration(("incoming", "outgoing"))
    return categorical(np.where(is_client, 1, np.where(is_server, 0, -1)), dtype)


def message_directions(is_sent: NDArray[np.int8]) -> pd.Categorical:
    """sent for 1, received for 0, missing for -1."""
    return categorical(np.where(is_sent < 0, -1, is_sent ^ 1), enumeration(("sent", "received")))


def times(values: NDArray[np.int64]) -> Any:
    """datetime64[ns, UTC]. Missing is the smallest int64 here and in numpy."""
    return pd.DatetimeIndex(values.view("M8[ns]")).tz_localize("UTC").array


def _missing(present: NDArray[Any], bit: int) -> NDArray[np.bool_]:
    """Where an optional field is missing."""
    absent: NDArray[np.bool_] = (present & present.dtype.type(1 << bit)) == 0
    return absent


def _optional(values: NDArray[Any], missing: NDArray[np.bool_]) -> Any:
    """Nullable numbers of the dtype of the field."""
    return (
        pd.arrays.FloatingArray(values, missing)
        if values.dtype.kind == "f"
        else pd.arrays.IntegerArray(values, missing)
    )


def handed_out(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy that a caller may write into, lazy where pandas copies on write."""
    lazy = int(pd.__version__.split(".")[0]) >= 3 or pd.options.mode.copy_on_write is True
    return frame.copy(deep=not lazy)


class Frames:
    """Builds the DataFrames of one set of names, with shared address categories."""

    def __init__(self, names: NamesView) -> None:
        self._names = names
        self._addresses: tuple[pd.CategoricalDtype, NDArray[np.int64] | None] | None = None

    def addresses(self, codes: NDArray[Any]) -> pd.Categorical:
        """A Categorical over address codes, always with the same dtype."""
        if self._addresses is None:
            self._addresses = _merged(self._names.addresses(), _texts)
        dtype, places = self._addresses
        return categorical(codes if places is None else places[codes], dtype)

    def labels(self, codes: NDArray[Any], labels: Sequence[str]) -> pd.Categorical:
        """A Categorical over positions in a list of labels."""
        return categorical(codes, pd.CategoricalDtype(_texts(labels)))

    def strings(
        self,
        codes: NDArray[Any],
        show: Callable[[bytes], Shown],
        categories: Callable[[Sequence[Shown]], pd.Index[Any]],
    ) -> pd.Categorical:
        """A Categorical over string codes. Its categories are the strings that occur, converted by
        `show`, in order of their codes.
        """
        used = np.zeros(self._names.string_count + 1, dtype=np.bool_)
        used[codes] = True
        used[-1] = False
        distinct = np.flatnonzero(used)
        dtype, places = _merged(
            [show(self._names.string(code)) for code in distinct.tolist()], categories
        )
        category = np.full(len(used), -1, dtype=np.int64)
        category[distinct] = np.arange(len(distinct)) if places is None else places[:-1]
        return categorical(category[codes], dtype)

    def column(self, field: Field, rows: NDArray[Any]) -> Any:
        """The column of one field, a copy."""
        values: NDArray[Any] = rows[field.name].copy()
        match field.role:
            case "optional":
                assert field.present_bit is not None
                return _optional(values, _missing(rows["present"], field.present_bit))
            case "truth":
                return values != 0
            case "optional_truth":
                assert field.present_bit is not None
                return pd.arrays.BooleanArray(
                    values != 0, _missing(rows["present"], field.present_bit)
                )
            case "time":
                return times(values)
            case "span":
                return values.view("m8[ns]")
            case "enum":
                assert field.categories is not None
                return categorical(values, enumeration(field.categories))
            case "address":
                return self.addresses(values)
            case "bytes":
                return self.strings(values, bytes.hex, _texts)
            case "text":
                return self.strings(
                    values, lambda text: text.decode("utf-8", "backslashreplace"), _texts
                )
            case "raw":
                return self.strings(values, bytes, _raw)
        return values.astype(np.int64, copy=False) if field.name in _IDS else values

    def frame(self, table: str, rows: NDArray[Any], derived: Mapping[str, Any]) -> pd.DataFrame:
        """The DataFrame of a table, with the columns COLUMNS[table]. `derived` contains the columns
        that are not fields.
        """
        fields = {field.name: field for field in SCHEMA[table].fields}
        columns = {
            name: derived[name] if name in derived else self.column(fields[name], rows)
            for name in COLUMNS[table]
        }
        return pd.DataFrame(columns, copy=False)

    def of_lists(
        self, lists: CodedLists, names: Sequence[str] = COLUMNS["peer_lists"]
    ) -> pd.DataFrame:
        """The DataFrame of peer_lists, with these of its columns. Values are converted once for
        each distinct entry.
        """
        fields = {field.name: field for field in SCHEMA["peer_lists"].fields}
        places = {"message": lists.messages, "position": lists.positions}
        columns = {
            name: places[name]()
            if name in places
            else self.column(fields[name], lists.entries).take(lists.code)
            for name in names
        }
        return pd.DataFrame(columns, copy=False)
