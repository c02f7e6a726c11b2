"""Messages of no known vantage node, and given addresses that occur in no connection.

Owns the counts and the warnings about them. Used by reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from monerotraffic.io.streams import Rows
from monerotraffic.tables.interning import NamesView

__all__ = ["Attribution"]

_FEWEST_STRANGE, _STRANGE_SHARE = 10, 0.05
"""From how many messages of no known vantage node, and from what share, reading warns."""
_SHOWN_ENDS = 3
"""Addresses of connections of no known vantage node that a CaptureWarning names."""


class Attribution:
    """Counts messages of no known vantage node, and given hosts that no connection has."""

    def __init__(self) -> None:
        self._messages = 0
        self._strange = 0
        self._ends: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._absent: list[str] = []

    def add(self, rows: Rows, hosts: tuple[str, ...], names: NamesView) -> None:
        """Adds rows of connections of the vantage node with these addresses."""
        connections = rows["connections"]
        client, server = connections["client"], connections["server"]
        messages = connections["client_messages"] + connections["server_messages"]
        is_host = names.is_any(hosts)
        strange = ~(is_host[client] | is_host[server]) & (messages > 0)
        self._messages += int(messages.sum())
        self._strange += int(messages[strange].sum())
        ends = np.concatenate([client[strange], server[strange]])
        for code in ends[ends >= 0].tolist():
            self._ends[names.address(code)] += 1
        used = np.zeros(len(is_host), dtype=np.bool_)
        used[client] = used[server] = True
        self._seen |= {host for host in hosts if (used & names.is_any([host])).any()}

    def end(self, given: Iterable[str]) -> None:
        """The stream ends whose vantage node has these addresses."""
        self._absent += [host for host in given if host not in self._seen]
        self._seen.clear()

    def warnings(self) -> Iterator[str]:
        if self._messages:
            for host in dict.fromkeys(self._absent):
                yield f"the vantage node's address {host} occurs in no connection"
        if self._strange >= _FEWEST_STRANGE and self._strange > _STRANGE_SHARE * self._messages:
            often = ", ".join(end for end, _ in self._ends.most_common(_SHOWN_ENDS))
            yield (
                f"{self._strange:,} of {self._messages:,} messages belong to no known vantage node;"
                f" the most common addresses of their connections: {often};"
                " host= names addresses of the vantage node"
            )
