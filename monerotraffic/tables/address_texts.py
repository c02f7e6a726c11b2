"""The texts of address codes. Most codes of a capture are of peer lists, and few of their texts are
ever shown, so texts are made when they are asked for.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from monerotraffic import _core

__all__ = ["AddressTexts"]

_SIZE = 17
"""Bytes of a packed address."""
_FEW = 4


class AddressTexts(Sequence[str]):
    """Texts by code, which only grow. Several threads can use it at once."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts = list(texts)
        self._packed = bytearray()  # the codes after those of _texts
        self._names: list[str] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return len(self._texts) + len(self._packed) // _SIZE

    @overload
    def __getitem__(self, code: int) -> str: ...

    @overload
    def __getitem__(self, code: slice) -> list[str]: ...

    def __getitem__(self, code: int | slice) -> str | list[str]:
        if isinstance(code, slice) or code < 0:
            return self.texts()[code]
        with self._lock:
            at = (code - len(self._texts)) * _SIZE
            if at < 0 or at >= len(self._packed):
                return self._texts[code]
            packed = bytes(self._packed[at : at + _SIZE])
            first = self._packed[:at:_SIZE].count(b"n") if packed[:1] == b"n" else 0
            return _core.address_texts(packed, self._names[first : first + 1])[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts())

    def __reduce__(self) -> tuple[type[AddressTexts], tuple[list[str]]]:
        """For pickle and copy: a lock has no copy."""
        return AddressTexts, (list(self.texts()),)

    def texts(self) -> list[str]:
        """All texts, which the caller does not change."""
        with self._lock:
            if self._packed:
                self._texts += _core.address_texts(bytes(self._packed), self._names)
                self._packed.clear()
                self._names.clear()
            return self._texts

    def append(self, text: str) -> None:
        """Adds the text of the next code."""
        self.texts().append(text)

    def extend(self, texts: Iterable[str]) -> None:
        """Adds the texts of the next codes."""
        self.texts().extend(texts)

    def extend_packed(self, packed: bytes, names: Iterable[str]) -> None:
        """Adds the next codes, see Reader.packed_addresses. If memory runs out, nothing changes."""
        with self._lock:
            all_names = [*self._names, *names]
            self._packed += packed
            self._names = all_names

    def codes_of(self, wanted: Iterable[str], start: int) -> list[int]:
        """The codes from `start` on of these texts, in ascending order. A few IP addresses are
        searched among the packed ones; otherwise all texts are made.
        """
        texts = set(wanted)
        packed = {text: _packed(text) for text in texts} if len(texts) <= _FEW else {}
        with self._lock:
            known = len(self._texts)
            if start >= known and packed and all(packed.values()):
                at = (start - known) * _SIZE
                return sorted(
                    known + place // _SIZE
                    for record in packed.values()
                    if record is not None and (place := _find(self._packed, record, at)) >= 0
                )
        every = self.texts()
        if len(texts) > _FEW:
            return [code for code in range(start, len(every)) if every[code] in texts]
        return sorted(code for text in texts for code in _places(every, text, start))


def _packed(text: str) -> bytes | None:
    """The packed address of a canonical text; None for a host name."""
    version, family = (b"6", socket.AF_INET6) if ":" in text else (b"4", socket.AF_INET)
    try:
        record = (version + socket.inet_pton(family, text)).ljust(_SIZE, b"\0")
    except (OSError, ValueError):
        return None
    return record if _core.address_texts(record, []) == [text] else None


def _find(packed: bytearray, record: bytes, start: int) -> int:
    """Where a packed address is, which is there at most once; -1 if it is not."""
    at = packed.find(record, start)
    while at >= 0 and at % _SIZE:
        at = packed.find(record, at + 1)
    return at


def _places(texts: Sequence[str], text: str, start: int) -> list[int]:
    places = []
    try:
        while True:
            places.append(start := texts.index(text, start))
            start += 1
    except ValueError:
        return places
