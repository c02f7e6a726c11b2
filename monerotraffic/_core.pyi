"""The C core: capture files in, numpy structured arrays out."""

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, TypedDict, final, type_check_only

import numpy as np
from typing_extensions import Buffer

_Role: TypeAlias = Literal[
    "number",
    "optional",
    "truth",
    "optional_truth",
    "time",
    "span",
    "enum",
    "address",
    "bytes",
    "text",
    "raw",
    "hidden",
]
_Field: TypeAlias = tuple[str, _Role, tuple[str, ...] | None, int | None, str]
"""(name, role, categories of an enum, bit of `present` of an optional or optional_truth, text)"""

@type_check_only
class _Table(TypedDict):
    text: str
    dtype: np.dtype[np.void]
    fields: list[_Field]

class CaptureError(OSError):
    """A capture that cannot be read; the text names the file and the cause."""

@final
class Reader:
    """Reads capture files as one stream into tables."""

    def __new__(
        cls,
        paths: Sequence[str | bytes | os.PathLike[str] | os.PathLike[bytes]],
        *,
        ports: Sequence[int],
        tables: Sequence[str] | None = None,
        limits: Mapping[str, int] | None = None,
        tunnels: str = "inner",
        tunnel_ports: Sequence[int] = (),
        trusted_tunnels: Sequence[bytes] = (),
        threads: int = 1,
    ) -> Self: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None = ...,
        exc: BaseException | None = ...,
        traceback: TracebackType | None = ...,
        /,
    ) -> None: ...
    def step(self, bytes: int = 0, rows: int = 0) -> bool: ...
    def take(self, table: str, /) -> np.ndarray[tuple[int], np.dtype[np.void]]: ...
    def addresses(self, start: int = 0) -> list[str]: ...
    def packed_addresses(self, start: int = 0) -> tuple[bytes, list[str]]: ...
    def strings(self, start: int = 0) -> list[bytes]: ...
    def close(self) -> None: ...
    @property
    def position(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def limits_reached(self) -> dict[str, int]: ...

def schema() -> dict[str, _Table]: ...
def limits() -> dict[str, tuple[int, str]]: ...
def command_names() -> dict[int, str]: ...
def command_name(command: int, /) -> str: ...
def libpcap_version() -> str: ...
def address_texts(packed: Buffer, names: list[str], /) -> list[str]: ...
def fail_after(calls: int, /) -> int: ...
def trim_memory() -> None: ...
def epee_loads(payload: Buffer, types: tuple[Any, ...], /) -> dict[str, Any]: ...
