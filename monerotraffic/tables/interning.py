"""The addresses and byte strings of the codes in the arrays, each stored once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from monerotraffic.tables.address_texts import AddressTexts

__all__ = ["Names", "NamesView", "CodeMap"]

Name = TypeVar("Name", str, bytes)


class Names:
    """All addresses and strings of a run, by code. Codes are only added, so that rows decoded early
    remain valid while a scan continues.
    """

    def __init__(self) -> None:
        self.addresses = AddressTexts()
        self.strings: list[bytes] = []
        self._codes_by_address: dict[str, list[int]] = {}
        self._compared: dict[str, int] = {}

    def codes_of(self, addresses: Iterable[str]) -> list[int]:
        """Returns the codes of these addresses in ascending order, without unknown addresses.
        Compares each address once with each of them, independent of the number of calls.
        """
        wanted, count = set(addresses), len(self.addresses)
        by_start: dict[int, set[str]] = {}
        for text in wanted:
            by_start.setdefault(self._compared.get(text, 0), set()).add(text)
        for start, texts in by_start.items():
            for code in self.addresses.codes_of(texts, start) if start < count else ():
                self._codes_by_address.setdefault(self.addresses[code], []).append(code)
            self._compared.update(dict.fromkeys(texts, count))
        return sorted(code for text in wanted for code in self._codes_by_address.get(text, ()))

    def view(self) -> NamesView:
        """Returns a view of the current names."""
        return NamesView(self)


class NamesView:
    """The names that a Names contained at some time."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.address_count = len(names.addresses)
        self.string_count = len(names.strings)

    @property
    def run(self) -> object:
        """Identifies the run whose names these are: parts of one scan have the same."""
        return self._names

    def strings(self) -> list[bytes]:
        """Bytes of the string codes."""
        return self._names.strings[: self.string_count]

    def addresses(self) -> list[str]:
        """Texts of the address codes."""
        return self._names.addresses.texts()[: self.address_count]

    def address(self, code: int) -> str:
        """Text of one address code."""
        return self._names.addresses[code]

    def string(self, code: int) -> bytes:
        """Bytes of one string code."""
        return self._names.strings[code]

    def is_any(self, addresses: Iterable[str]) -> NDArray[np.bool_]:
        """Returns bool[address_count + 1]: which codes are among these addresses. The last item, at
        the missing code -1, is False.
        """
        mask = np.zeros(self.address_count + 1, dtype=np.bool_)
        mask[[code for code in self._names.codes_of(addresses) if code < self.address_count]] = True
        return mask


class CodeMap:
    """Maps the codes of one reader to those of a Names that may contain names of other readers."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.identity = not len(names.addresses) and not names.strings
        """Whether both codes are equal."""
        self._address_index: dict[str, int] = {}
        self._string_index: dict[bytes, int] = {}
        self._address_codes: list[int] = []
        self._string_codes: list[int] = []
        for code, address in enumerate(names.addresses.texts()):
            self._address_index.setdefault(address, code)
        for code, string in enumerate(names.strings):
            self._string_index.setdefault(string, code)

    @property
    def address_count(self) -> int:
        """The number of addresses of the reader that were added."""
        return len(self._names.addresses if self.identity else self._address_codes)

    @property
    def string_count(self) -> int:
        """The number of strings of the reader that were added."""
        return len(self._names.strings if self.identity else self._string_codes)

    def learn(self, addresses: Sequence[str], strings: Sequence[bytes]) -> None:
        """Adds the names that the reader interned since the last call. If memory runs out, the next
        call continues there.
        """
        if self.identity:
            self._names.addresses.extend(addresses)
            self._names.strings.extend(strings)
        else:
            texts = self._names.addresses.texts()
            _put(addresses, texts, self._address_index, self._address_codes)
            _put(strings, self._names.strings, self._string_index, self._string_codes)

    def learn_packed(
        self, addresses: bytes, host_names: Sequence[str], strings: Sequence[bytes]
    ) -> None:
        """The same for packed addresses, if both codes are equal."""
        self._names.addresses.extend_packed(addresses, host_names)
        self._names.strings.extend(strings)

    def maps(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Returns int32 arrays from the reader's codes to those of the Names, for addresses and for
        strings. The last item, at the missing code -1, is -1.
        """
        return np.array([*self._address_codes, -1], dtype=np.int32), np.array(
            [*self._string_codes, -1], dtype=np.int32
        )


def _put(new: Sequence[Name], names: list[Name], index: dict[Name, int], codes: list[int]) -> None:
    """Appends the index in `names` of each of `new` to `codes`, and adds new names."""
    for name in new:
        code = index.setdefault(name, len(names))
        if code == len(names):
            names.append(name)
        codes.append(code)
