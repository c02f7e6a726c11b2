"""What a day at a node consists of: the options of a generated capture."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

DAY = 86_400.0
"""Seconds."""


@dataclass(frozen=True)
class Shares:
    """The contents of a day, as at a mainnet node. `messages` and `full_lists` are reached through
    the numbers of 2002 messages and of handshake-and-close connections.
    """

    messages: float = 3_400_000
    full_lists: float = 145_000  # peer lists of 250
    peers: int = 60  # connections at a time
    lifetime: float = 1_800  # mean seconds of such a connection
    repeating: float = 0.4  # of the peers: send 250 in every timed sync
    flagless: float = 0.02  # of the peers: send no support_flags and are asked for them
    pings: float = 40_000  # back-pings, each a connection of its own
    refused: float = 2_000  # connections that are reset at once
    blocks: float = 720
    blocks_per_peer: float = 1.2  # how often a block crosses a connection
    missing: float = 2_000  # 2009 with its answer
    syncs: float = 300  # 2006, 2007, then 2003 with 2004 twice
    sync_blocks: int = 10  # blocks of a 2004
    complements: float = 200  # 2010 with its answer
    disorder: float = 0.001  # of the segments: lost, late or repeated
    single: float = 0.85  # of the 2002: contain one transaction
    smallest: float = 0.55  # of the transactions: one input, two outputs, 1.5 kB
    segment: int = 1448  # bytes of the largest segment; with receive offload up to 60,000

    def __post_init__(self) -> None:
        if self.peers < 1 or self.lifetime <= 0 or not 1 <= self.sync_blocks <= 10:
            raise ValueError("peers and lifetime must be positive, sync_blocks from 1 to 10")
        if not 100 <= self.segment <= 60_000:
            raise ValueError("segment must be from 100 to 60,000")
        if (
            any(getattr(self, item.name) < 0 for item in fields(self))
            or self.disorder >= 0.5
            or max(self.repeating, self.flagless, self.single, self.smallest) > 1
        ):
            raise ValueError(
                "shares must not be negative, disorder must be below 0.5, repeating, flagless, "
                "single and smallest at most 1"
            )

    @property
    def short(self) -> float:
        """Handshake-and-close connections a day. One that stays has two full lists: the server's in
        the handshake, the client's in its first answer to a timed sync.
        """
        return max(0.0, self.full_lists - 2 * self._long - self.repeating * self._syncs / 2)

    @property
    def transactions(self) -> float:
        """2002 messages a day."""
        others = 2 * (
            self._long + self.short + self.pings + self._syncs + self.missing + self.complements
        )
        return max(
            0.0,
            self.messages
            - others
            - self.blocks * self.blocks_per_peer * self.peers
            - 6 * self.syncs,
        )

    @property
    def _long(self) -> float:
        return self.peers * DAY / self.lifetime

    @property
    def _syncs(self) -> float:
        """Timed syncs a day: both ways, once a minute."""
        return 2 * self.peers * DAY / 60


def parse_size(text: str) -> int:
    """`200MB`, `1.5GB`, `1000000`: decimal units, as of disks."""
    units = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
    upper = text.strip().upper()
    factor = next((factor for unit, factor in units.items() if upper.endswith(unit)), 1)
    number = upper[:-2] if factor > 1 else upper
    try:
        size = int(float(number) * factor)
    except (ValueError, OverflowError):
        raise ValueError(f"not a size: {text!r} (like 200MB or 1GB)") from None
    if size <= 0:
        raise ValueError(f"a size must be positive: {text!r}")
    return size


def with_shares(changes: Mapping[str, float]) -> Shares:
    """The default shares with some of them changed, by name."""
    known = {item.name for item in fields(Shares)}
    for name in changes:
        if name not in known:
            raise ValueError(f"no such share: {name} (must be one of {', '.join(sorted(known))})")
    values: dict[str, Any] = {**asdict(Shares()), **changes}
    whole = {name: int(values[name]) for name in ("peers", "sync_blocks", "segment")}
    return Shares(**{**values, **whole})
