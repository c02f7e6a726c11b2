"""What the codes in the arrays stand for: addresses and byte strings, each kept once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Names", "NamesView", "CodeMap"]

Name = TypeVar("Name", str, bytes)


class Names:
    """All addresses and strings of a run, by code. Only ever grows, so that what was decoded early
    stays right while a scan goes on.
    """

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.strings: list[bytes] = []
        self._found: dict[frozenset[str], tuple[int, list[int]]] = {}

    def codes_of(self, addresses: Iterable[str]) -> list[int]:
        """Codes of these addresses, ascending; those never seen are left out. Looks at each address
        once, however often it is asked.
        """
        wanted = frozenset(addresses)
        looked_at, codes = self._found.setdefault(wanted, (0, []))
        codes = codes + [
            code for code in range(looked_at, len(self.addresses)) if self.addresses[code] in wanted
        ]
        self._found[wanted] = (len(self.addresses), codes)
        return codes

    def view(self) -> NamesView:
        """What there is now."""
        return NamesView(self)


class NamesView:
    """The names that a Names had at some moment."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.address_count = len(names.addresses)
        self.string_count = len(names.strings)

    def addresses(self) -> list[str]:
        """Texts of the address codes."""
        return self._names.addresses[: self.address_count]

    def string(self, code: int) -> bytes:
        """Bytes of one string code."""
        return self._names.strings[code]

    def is_any(self, addresses: Iterable[str]) -> NDArray[np.bool_]:
        """bool[address_count + 1]: which codes are among these addresses. The last item, which the
        missing code -1 hits, is False.
        """
        mask = np.zeros(self.address_count + 1, dtype=np.bool_)
        mask[[code for code in self._names.codes_of(addresses) if code < self.address_count]] = True
        return mask


class CodeMap:
    """From the codes of one reader to those of a Names that may already hold other readers'
    names.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self.identity = not names.addresses and not names.strings
        """The codes stay as they are."""
        self._address_index: dict[str, int] = {}
        self._string_index: dict[bytes, int] = {}
        self._address_codes: list[int] = []
        self._string_codes: list[int] = []
        for code, address in enumerate(names.addresses):
            self._address_index.setdefault(address, code)
        for code, string in enumerate(names.strings):
            self._string_index.setdefault(string, code)

    @property
    def address_count(self) -> int:
        """How many of the reader's addresses were learnt."""
        return len(self._names.addresses if self.identity else self._address_codes)

    @property
    def string_count(self) -> int:
        """How many of the reader's strings were learnt."""
        return len(self._names.strings if self.identity else self._string_codes)

    def learn(self, addresses: Sequence[str], strings: Sequence[bytes]) -> None:
        """Takes in what the reader has interned since the last call. Where memory runs out, the
        next call goes on from there.
        """
        if self.identity:
            self._names.addresses.extend(addresses)
            self._names.strings.extend(strings)
        else:
            _put(addresses, self._names.addresses, self._address_index, self._address_codes)
            _put(strings, self._names.strings, self._string_index, self._string_codes)

    def maps(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """int32 arrays from the reader's codes to ours, of addresses and of strings; the missing
        code -1 hits their last item, which is -1.
        """
        return np.array([*self._address_codes, -1], dtype=np.int32), np.array(
            [*self._string_codes, -1], dtype=np.int32
        )


def _put(new: Sequence[Name], names: list[Name], index: dict[Name, int], codes: list[int]) -> None:
    """Appends to `codes` the place in `names` of each of `new`, which go there if they are not
    there yet.
    """
    for name in new:
        code = index.setdefault(name, len(names))
        if code == len(names):
            names.append(name)
        codes.append(code)
