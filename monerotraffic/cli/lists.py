"""Ban lists of the command line: read from files, printed as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monerotraffic import banlist
from monerotraffic.banlist import BanList, Entry
from monerotraffic.cli.output import file_failed

__all__ = ["entry_rows", "read_lists"]


def read_lists(paths: Iterable[str]) -> BanList:
    """The union of the lists."""
    lists = []
    for path in paths:
        try:
            lists.append(banlist.read(path))
        except (OSError, ValueError) as error:
            raise file_failed(error, path) from None
    return banlist.merge(*lists)


def entry_rows(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Entries as plain values."""
    return [
        {
            "prefix": entry.prefix,
            "addresses": entry.network.num_addresses,
            "expires": str(entry.expires) if entry.expires else None,
            "comment": entry.comment,
        }
        for entry in entries
    ]
