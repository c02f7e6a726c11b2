"""Own transactions of the user: ids from a file."""

from __future__ import annotations

import csv
import re

from monerotraffic.cli.output import Failed, file_failed

__all__ = ["read_ids"]

_ID = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])")
_NAMES = ("hash", "txid", "tx_hash", "tx_id")
"""Columns of ids in exports of wallets."""


def read_ids(path: str) -> list[str]:
    """The ids in a file: the column `hash` or `txid` of a CSV file (monero-wallet-cli
    export_transfers), else the first id of each line. Fails without an id.
    """
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise file_failed(error, path) from None
    cells = next(csv.reader(lines[:1]), [])
    names = [name.strip().lower() for name in cells]
    column = next((names.index(name) for name in _NAMES if name in names), None)
    texts = (
        lines
        if column is None
        else [row[column] for row in csv.reader(lines[1:]) if len(row) > column]
    )
    ids = [match[0].lower() for text in texts if (match := _ID.search(text)) is not None]
    if not ids:
        raise Failed(f"{path}: no id of a transaction (64 hex digits)")
    return list(dict.fromkeys(ids))
