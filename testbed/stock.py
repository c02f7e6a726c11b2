"""Signed transactions that no node has seen yet: any node can be the first to send one, and a run
does not spend its time on signatures.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from testbed.nodes import Daemon, Node, Program, offline_chain, removed_on_failure

_OUTPUTS = 15
"""Of one transaction, besides the change."""
_LOCKED = 11
"""Blocks until an output can be spent."""
_AMOUNT = 10**10


@dataclass(frozen=True)
class Signed:
    """A transaction."""

    id: str
    blob: str
    """Hex."""


@dataclass(frozen=True)
class Stock:
    """Transactions, and the address of the wallet that signed them."""

    address: str
    transactions: list[Signed]


def read_stock(folder: Path) -> Stock:
    kept = json.loads((folder / "transactions.json").read_text())
    return Stock(kept["address"], [Signed(**row) for row in kept["transactions"]])


def make_stock(template: Path, folder: Path, program: Program, count: int) -> None:
    """A template like `template` (a chain and a wallet), on whose chain `count` transactions are
    valid at the same time, with these in transactions.json. Made once.
    """
    with removed_on_failure(folder):
        shutil.copytree(template, folder)
        with offline_chain(folder, program, "tbs") as (node, purse):
            (folder / "transactions.json").write_text(json.dumps(_signed(node, purse, count)))


def _signed(node: Node, purse: Daemon, count: int) -> dict[str, object]:
    address = purse.rpc("get_address")["address"]
    for begun in range(0, count, _OUTPUTS):
        many = min(_OUTPUTS, count - begun)
        purse.rpc("transfer", destinations=[{"amount": _AMOUNT, "address": address}] * many)
    node.rpc("generateblocks", amount_of_blocks=_LOCKED, wallet_address=address)
    purse.rpc("refresh")
    owned = purse.rpc("incoming_transfers", transfer_type="available")["transfers"]
    images = [one["key_image"] for one in owned if one["amount"] == _AMOUNT and one["unlocked"]]
    signed = []
    for image in images[:count]:
        one = purse.rpc(
            "sweep_single", address=address, key_image=image, do_not_relay=True, get_tx_hex=True
        )
        signed.append({"id": one["tx_hash"], "blob": one["tx_blob"]})
    if len(signed) < count:
        raise RuntimeError(f"{len(signed)} transactions of {count}")
    return {"address": address, "transactions": signed}
