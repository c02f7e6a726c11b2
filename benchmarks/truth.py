"""The results expected of a decoder of a generated capture."""

from collections import Counter
from dataclasses import dataclass, field

from benchmarks import payloads
from benchmarks.payloads import Message
from benchmarks.tcp import VANTAGE


@dataclass
class Truth:
    """The results expected of a decoder, counted as the capture is written."""

    # command, kind, direction
    messages: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    payload_bytes: int = 0
    peer_entries: int = 0
    full_lists: int = 0
    empty_lists: int = 0
    transactions: int = 0
    # in the order of their first coming, as no set would be
    distinct_transactions: dict[bytes, None] = field(default_factory=dict)
    blocks: int = 0
    distinct_blocks: dict[bytes, None] = field(default_factory=dict)
    inventories: int = 0
    hosts: set[bytes] = field(default_factory=set)

    def add(self, message: Message, side: int) -> None:
        self.messages[message.command, message.kind, "sent" if side == VANTAGE else "received"] += 1
        self.payload_bytes += len(message.data) - 33
        self.transactions += len(message.transactions)
        self.distinct_transactions.update(dict.fromkeys(message.transactions))
        self.blocks += len(message.blocks)
        self.distinct_blocks.update(dict.fromkeys(message.blocks))
        self.inventories += message.inventories
        if message.kind == "response" and message.command in (
            payloads.HANDSHAKE,
            payloads.TIMED_SYNC,
        ):
            self.peer_entries += message.peers
            self.full_lists += message.peers == payloads.PEERS_PER_LIST
            self.empty_lists += message.peers == 0
