"""Ban lists in the format of monerod's --ban-list: read, match, compare, merge, write.
docs/banlist.md describes the format.
"""

from __future__ import annotations

import codecs
import ipaddress
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monerotraffic.atomic import replacing
from monerotraffic.errors import printable
from monerotraffic.net.addresses import Network, canonical_network
from monerotraffic.net.prefixes import Prefixes, count_addresses, merged_ranges, subtract

__all__ = [
    "BanList",
    "BanListError",
    "Difference",
    "Entry",
    "diff",
    "merge",
    "network_of",
    "parse",
    "read",
    "write",
]

Path = str | os.PathLike[str]

_EXPIRY = re.compile(r"expires (\d{4}-\d\d-\d\d)(?:; ?(.*))?", re.ASCII | re.DOTALL)
_V4 = re.compile(r"(?P<host>[0-9.]+)(?:/(?P<bits>\d{1,2})|:\d{1,5})?", re.ASCII)
_V6 = re.compile(
    r"\[(?P<bracketed>[0-9A-Fa-f:.]+)\](?::\d{1,5})?|(?P<host>[0-9A-Fa-f:.]+)(?:/(?P<bits>\d{1,3}))?",
    re.ASCII,
)

_SHOWN = 60  # characters of an invalid line


class BanListError(ValueError):
    """A ban list has invalid lines: the text names the file, the number of the first, and how many
    more there are.

    >>> from monerotraffic import banlist
    >>> try:
    ...     banlist.parse("192.0.2.7\\n192.0.2.300", name="ban.txt")
    ... except banlist.BanListError as error:
    ...     print(error)
    ban.txt:2: '192.0.2.300': not an IPv4 address, IPv6 address or network
    """


@dataclass(frozen=True)
class Entry:
    """A banned address or network. A v4-mapped IPv6 network is its IPv4 network.

    >>> from monerotraffic import banlist
    >>> entry = next(iter(banlist.parse("192.0.2.0/24  # expires 2026-12-31; spies")))
    >>> entry.prefix, str(entry.expires)
    ('192.0.2.0/24', '2026-12-31')
    """

    network: Network
    comment: str = ""
    """One line without control characters."""
    expires: date | None = None
    """The last day on which it is valid, None for no limit. monerod ignores it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "network", canonical_network(self.network))
        object.__setattr__(self, "comment", printable(" ".join(self.comment.split())))
        if _EXPIRY.fullmatch(self.comment):
            raise ValueError(f"the comment begins like an expiry: {self.comment!r}")

    @property
    def prefix(self) -> str:
        """The entry as monerod reads it: a single address without /32, an IPv6 address in brackets,
        because monerod reads the last group as a port without them.

        >>> from monerotraffic import banlist
        >>> [entry.prefix for entry in banlist.parse("192.0.2.7/32\\n2001:db8::7")]
        ['192.0.2.7', '[2001:db8::7]']
        """
        if self.network.prefixlen < self.network.max_prefixlen:
            return str(self.network)
        return (
            str(self.network.network_address)
            if self.network.version == 4
            else f"[{self.network.network_address}]"
        )

    def line(self, comments: bool = True) -> str:
        """The entry as a line of a ban list.

        >>> from monerotraffic import banlist
        >>> (entry,) = banlist.parse("192.0.2.7#spy")
        >>> entry.line(), entry.line(comments=False)
        ('192.0.2.7  # spy', '192.0.2.7')
        """
        comment = [
            *([f"expires {self.expires}"] if self.expires else []),
            *([self.comment] if self.comment else []),
        ]
        return f"{self.prefix}  # {'; '.join(comment)}" if comment and comments else self.prefix


class BanList:
    """Entries in order of address (IPv4 first, a wide network before those in it), each network
    once.

    Entries for the same network become one. It expires on the later date, or never if one of them
    never expires; their comments are joined. Networks within others are kept, as in monerod.

    >>> from monerotraffic import banlist
    >>> listed = banlist.parse("192.0.2.0/24\\n198.51.100.7")
    >>> listed.match(["192.0.2.9", "203.0.113.1"]).tolist()
    [True, False]
    >>> listed.addresses
    257
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        by_network: dict[Network, Entry] = {}
        for entry in entries:
            before = by_network.get(entry.network)
            by_network[entry.network] = entry if before is None else _joined(before, entry)
        self.entries = tuple(sorted(by_network.values(), key=_order))

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __eq__(self, other: object) -> bool:
        return self.entries == other.entries if isinstance(other, BanList) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.entries)

    def __repr__(self) -> str:
        return f"BanList, {len(self):,} entries, {self.addresses:,} addresses"

    @cached_property
    def addresses(self) -> int:
        """The number of distinct addresses in the list.

        >>> from monerotraffic import banlist
        >>> banlist.parse("192.0.2.0/24\\n192.0.2.9").addresses
        256
        """
        return count_addresses([entry.network for entry in self.entries])

    @cached_property
    def _prefixes(self) -> Prefixes:
        return Prefixes([entry.network for entry in self.entries])

    def find(self, hosts: Any) -> NDArray[np.int64]:
        """Returns for each host the index in `entries` of the narrowest entry that bans it, or -1.

        `hosts`: a Series, Index, Categorical, array or other iterable of addresses as text, in the
        order of the result. Missing values, names of Tor and I2P and other text that is not an IP
        address are never banned. A v4-mapped IPv6 address is its IPv4 address. An IPv6 network bans
        no IPv4 address. Expiry is ignored: see valid_on.

        >>> from monerotraffic import banlist
        >>> listed = banlist.parse("192.0.2.0/24\\n192.0.2.9")
        >>> listed.find(["192.0.2.9", "192.0.2.10", "203.0.113.1"]).tolist()
        [1, 0, -1]
        """
        return self._prefixes.find(hosts)

    def match(self, hosts: Any) -> NDArray[np.bool_]:
        """Returns for each host whether it is banned, as in find.

        >>> from monerotraffic import banlist
        >>> banlist.parse("192.0.2.0/24").match(["192.0.2.9", "203.0.113.1"]).tolist()
        [True, False]
        """
        return self.find(hosts) >= 0

    def valid_on(self, day: date) -> BanList:
        """Returns the list without the entries that expired before that day.

        >>> from datetime import date
        >>> from monerotraffic import banlist
        >>> listed = banlist.parse("192.0.2.7  # expires 2026-05-01\\n192.0.2.8")
        >>> print(listed.valid_on(date(2026, 5, 2)).text(), end="")
        192.0.2.8
        """
        return BanList(entry for entry in self if entry.expires is None or entry.expires >= day)

    def without(self, others: BanList) -> BanList:
        """Returns the list without the addresses of another list. Entries are omitted, or split
        into networks around these addresses.

        >>> from monerotraffic import banlist
        >>> listed = banlist.parse("192.0.2.0/30").without(banlist.parse("192.0.2.1"))
        >>> [entry.prefix for entry in listed]
        ['192.0.2.0', '192.0.2.2/31']
        """
        ranges = merged_ranges(entry.network for entry in others)
        return BanList(
            Entry(part, entry.comment, entry.expires)
            for entry in self
            for part in subtract(entry.network, ranges)
        )

    def octets(self) -> BanList:
        """Returns the same addresses as IPv4 networks of 0, 8, 16, 24 and 32 bits.

        monerod before its pull request 10747 (2026) masks other lengths in the wrong byte order:
        10.0.16.0/20 bans a sixteenth of 10.0.0.0/16, and not the intended network
        (contrib/epee/src/net_utils_base.cpp ipv4_network_subnet::matches).

        >>> from monerotraffic import banlist
        >>> [entry.prefix for entry in banlist.parse("192.0.2.0/23").octets()]
        ['192.0.2.0/24', '192.0.3.0/24']
        """
        return BanList(
            Entry(part, entry.comment, entry.expires)
            for entry in self
            for part in _octets(entry.network)
        )

    def frame(self) -> pd.DataFrame:
        """Returns one row per entry.

        - `prefix`: text, as in a ban list
        - `addresses`: number of addresses as Python int, because IPv6 networks exceed 64 bits
        - `expires`: date or None
        - `comment`

        >>> from monerotraffic import banlist
        >>> banlist.parse("192.0.2.0/24  # expires 2026-12-31; spies").frame()
                 prefix addresses     expires comment
        0  192.0.2.0/24       256  2026-12-31   spies
        """
        rows = [
            (entry.prefix, entry.network.num_addresses, entry.expires, entry.comment)
            for entry in self
        ]
        return pd.DataFrame(
            rows, columns=["prefix", "addresses", "expires", "comment"], dtype=object
        )

    def text(self, comments: bool = True, head: Iterable[str] = ()) -> str:
        """Returns the list as monerod reads it, after the lines of `head` as comments. Without
        `comments` for monerod before 0.18.4, which does not support them.

        >>> from monerotraffic import banlist
        >>> print(banlist.parse("192.0.2.7  # spy").text(head=["May"]), end="")
        # May
        192.0.2.7  # spy
        """
        lines = [f"# {printable(line)}".rstrip() for line in head] if comments else []
        return "".join(f"{line}\n" for line in [*lines, *(entry.line(comments) for entry in self)])


def _order(entry: Entry) -> tuple[int, int, int]:
    return entry.network.version, int(entry.network.network_address), entry.network.prefixlen


def _joined(one: Entry, other: Entry) -> Entry:
    expires = (
        None if one.expires is None or other.expires is None else max(one.expires, other.expires)
    )
    comment = (
        one.comment
        if other.comment in one.comment
        else other.comment
        if one.comment in other.comment
        else f"{one.comment}; {other.comment}"
    )
    return Entry(one.network, comment, expires)


def _octets(network: Network) -> Iterator[Network]:
    return (
        iter(network.subnets(new_prefix=-(-network.prefixlen // 8) * 8))
        if isinstance(network, ipaddress.IPv4Network)
        else iter([network])
    )


# ---- reading ----


def network_of(text: str) -> Network:
    """Returns an address or network in CIDR notation as in a ban list. Host bits are cleared, as in
    monerod. Raises ValueError with the reason if the text is neither.

    >>> from monerotraffic import banlist
    >>> banlist.network_of("192.0.2.77/24")
    IPv4Network('192.0.2.0/24')
    """
    match = _V6.fullmatch(text) if ":" in text and not _V4.fullmatch(text) else _V4.fullmatch(text)
    if match is None:
        raise ValueError("not an IPv4 address, IPv6 address or network")
    parts = match.groupdict()
    host, bits = parts.get("bracketed") or parts["host"], parts.get("bits")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        octal = (
            any(len(part) > 1 and part[0] == "0" for part in host.split(".")) and ":" not in host
        )
        raise ValueError(
            "monerod reads numbers that begin with 0 as octal"
            if octal
            else "not an IPv4 address, IPv6 address or network"
        ) from None
    if bits is not None and int(bits) > address.max_prefixlen:
        raise ValueError(f"IPv{address.version} has at most {address.max_prefixlen} bits")
    network = ipaddress.IPv4Network if address.version == 4 else ipaddress.IPv6Network
    return canonical_network(
        network((int(address), int(bits or address.max_prefixlen)), strict=False)
    )


def parse(text: str, name: str = "text") -> BanList:
    """Returns the ban list in a text. Raises BanListError, in which the text is called `name`, if a
    line is invalid.

    >>> from monerotraffic import banlist
    >>> len(banlist.parse("# spies\\n192.0.2.7\\n192.0.2.8  # since May"))
    2
    """
    entries: list[Entry] = []
    invalid: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        prefix, _, comment = line.partition("#")
        prefix = prefix.strip(" \t\r\v\f")
        try:
            entries += _entries(prefix, " ".join(comment.split()))
        except ValueError as error:
            invalid.append(
                (number, f"{prefix[:_SHOWN]!r}{'…' if len(prefix) > _SHOWN else ''}: {error}")
            )
    if invalid:
        others = len(invalid) - 1
        more = f" ({others} more, first in line {invalid[1][0]})" if others else ""
        raise BanListError(f"{name}:{invalid[0][0]}: {invalid[0][1]}{more}")
    return BanList(entries)


def _entries(prefix: str, comment: str) -> list[Entry]:
    """The entry of a line, or no entry."""
    if not prefix:
        return []
    network = network_of(prefix)
    expiry = _EXPIRY.fullmatch(comment)
    return [
        Entry(network, expiry[2] or "", date.fromisoformat(expiry[1]))
        if expiry
        else Entry(network, comment)
    ]


def read(path: Path) -> BanList:
    """Reads a ban list from a file.

    A line contains an IPv4 address or network (a port is ignored, as in monerod), an IPv6 address
    (with or without brackets) or network, or nothing. `#` begins a comment at any position. Spaces
    and CRLF are ignored. A comment after an entry that begins with `expires YYYY-MM-DD` states the
    expiry. Raises OSError if the file cannot be read, and BanListError with file and line for any
    other line.

    >>> from monerotraffic import banlist
    >>> banlist.read("ban.txt")
    BanList, 2 entries, 257 addresses
    """
    with open(path, "rb") as file:
        return parse(_decoded(file.read()), os.fsdecode(path))


def _decoded(data: bytes) -> str:
    """The text of a file, in UTF-8 with or without byte-order mark, or in UTF-16 with one."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "backslashreplace")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")


# ---- writing, joining, comparing ----


def write(listed: BanList, path: Path, comments: bool = True, head: Iterable[str] = ()) -> None:
    """Writes `listed.text(comments, head)` to a file completely or not at all. Raises OSError.

    >>> from monerotraffic import banlist
    >>> banlist.write(banlist.parse("192.0.2.7"), "ban.txt")
    >>> banlist.read("ban.txt")
    BanList, 1 entries, 1 addresses
    """
    with replacing(path) as file:
        file.write(listed.text(comments, head))


def merge(*lists: BanList) -> BanList:
    """Returns the union of the lists.

    >>> from monerotraffic import banlist
    >>> print(banlist.merge(banlist.parse("192.0.2.8"), banlist.parse("192.0.2.7")).text(), end="")
    192.0.2.7
    192.0.2.8
    """
    return BanList(entry for listed in lists for entry in listed)


class Difference(NamedTuple):
    """The difference of two lists.

    >>> from monerotraffic import banlist
    >>> change = banlist.diff(banlist.parse("192.0.2.0/24"), banlist.parse("192.0.2.0/25"))
    >>> change.addresses_added, change.addresses_removed
    (0, 128)
    """

    added: tuple[Entry, ...]
    """Networks of the new list only."""
    removed: tuple[Entry, ...]
    """Networks of the old list only."""
    changed: tuple[tuple[Entry, Entry], ...]
    """Networks of both lists with another expiry or comment: old, new."""
    addresses_added: int
    """Number of addresses that only the new list bans, independent of the networks."""
    addresses_removed: int
    """Number of addresses that only the old list bans."""


def diff(old: BanList, new: BanList) -> Difference:
    """Compares two ban lists.

    >>> from monerotraffic import banlist
    >>> change = banlist.diff(banlist.parse("192.0.2.7"), banlist.parse("192.0.2.8"))
    >>> [entry.prefix for entry in change.added]
    ['192.0.2.8']
    """
    before, after = ({entry.network: entry for entry in listed} for listed in (old, new))
    both = merge(old, new).addresses
    return Difference(
        tuple(entry for entry in new if entry.network not in before),
        tuple(entry for entry in old if entry.network not in after),
        tuple(
            (before[entry.network], entry)
            for entry in new
            if before.get(entry.network, entry) != entry
        ),
        both - old.addresses,
        both - new.addresses,
    )
