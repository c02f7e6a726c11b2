"""From findings to a ban list: which peers it bans, with the evidence of each.

Owns who is banned and how networks are collapsed. Reads verdicts; knows no rule and no capture.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pandas as pd

from monerotraffic.banlist import BanList, Entry, network_of
from monerotraffic.net.addresses import Network, ipv4_subnet, is_public
from monerotraffic.rules.verdicts import VERDICTS, WEIGHTS, verdicts

__all__ = ["MAX_ADDRESSES", "VALIDITY", "BanLimitError", "Bans", "ban"]

VALIDITY = timedelta(days=30)
"""How long entries are valid by default: addresses change hands.

>>> from monerotraffic.rules import bans
>>> bans.VALIDITY.days
30
"""
MAX_ADDRESSES = 10_000
"""How many addresses a list may ban by default.

>>> from monerotraffic.rules import bans
>>> bans.MAX_ADDRESSES
10000
"""

# of collapsed networks: what monerod itself treats as one neighbourhood, and a length that all its
# versions apply correctly
_BITS = 24
_SIZE = 1 << 32 - _BITS
_NAMED = 20  # hosts named in the comment of a collapsed network


class BanLimitError(ValueError):
    """The list would ban more addresses than it may.

    >>> import monerotraffic as mt
    >>> from monerotraffic.rules import bans
    >>> findings = mt.find_anomalies(mt.read("tests/data/spies"), rules=["bad_header"])
    >>> try:
    ...     bans.ban(findings, max_addresses=1)
    ... except bans.BanLimitError as error:
    ...     print(error)
    the list would ban 2 addresses, more than the limit of 1
    """


class Bans(NamedTuple):
    """A ban list, and what it does.

    >>> import monerotraffic as mt
    >>> from monerotraffic.rules.bans import ban
    >>> findings = mt.find_anomalies(mt.read("tests/data/spies"), rules=["bad_header"])
    >>> bans = ban(findings, allow=["198.18.212.0/24"])
    >>> bans.peers, bans.allowed
    (('198.18.122.186',), ('198.18.212.133',))
    """

    listed: BanList
    peers: tuple[str, ...]
    """Peers that are banned for findings, in order of address."""
    allowed: tuple[str, ...]
    """Peers that would have been, but are on the allow list."""
    collateral_addresses: int
    """Addresses that are banned with them because networks were collapsed."""


def ban(
    findings: pd.DataFrame,
    among: Iterable[str] = ("anomalous",),
    least: float = 0.0,
    allow: BanList | Iterable[str] | None = None,
    seen: Iterable[str] = (),
    collapse: int | None = None,
    expires: date | timedelta | None = VALIDITY,
    max_addresses: int | None = MAX_ADDRESSES,
) -> Bans:
    """The ban list that follows from findings.

    Loopback, private, shared, link-local, multicast and reserved addresses are never banned.

    Parameters
    ----------
    findings
        As find_anomalies returns them; or verdicts of them, which name no place as evidence.
    among
        Verdicts that are banned: `anomalous`, `suspicious`, `context`.
    least
        The least score that is banned, 0 to 1.
    allow
        What is never banned: a BanList (its entries' expiry plays no part) or addresses and
        networks as text.
    seen
        All innocent candidates of the capture: `traffic.connections["peer"]`, `traffic.hosts` and
        the hosts that peer lists advertise (metrics.advertised_hosts). No network is collapsed
        over one that is not banned itself.
    collapse
        If given, IPv4 networks of 24 bits with at least so many banned addresses are banned whole,
        unless they hold an address that is allowed, or seen and not banned. How many addresses
        without findings that adds is in the entry's comment, and in `collateral_addresses` in all.
        IPv6 addresses are never collapsed: monerod has no IPv6 networks.
    expires
        The last day of every entry, or how long it is valid from today (UTC); never if None.
    max_addresses
        How many addresses the list may ban; any number if None.

    Returns
    -------
    Bans. Its entries are in order of address; the same arguments give the same list, whatever the
    order of the rows.

    Raises BanLimitError if the list would ban more than `max_addresses`, and ValueError for an
    unknown verdict, a `collapse` below 1, or an entry of `allow` that is no address or network.

    Examples
    --------
    >>> import monerotraffic as mt
    >>> from monerotraffic.rules.bans import ban
    >>> traffic = mt.read("tests/data/spies")
    >>> bans = ban(mt.find_anomalies(traffic), seen=traffic.connections["peer"].unique())
    >>> len(bans.listed) > 5, bans.collateral_addresses
    (True, 0)
    """
    among = frozenset(among)
    if among - set(VERDICTS):
        raise ValueError(
            f"unknown verdict {sorted(among - set(VERDICTS))[0]!r}: must be one of "
            f"{', '.join(VERDICTS)}"
        )
    if collapse is not None and collapse < 1:
        raise ValueError(f"collapse={collapse}: a network is collapsed for one address or more")
    if isinstance(expires, timedelta):
        expires = datetime.now(UTC).date() + expires
    permitted = (
        allow
        if isinstance(allow, BanList)
        else BanList(Entry(network_of(text)) for text in allow or ())
    )
    judged = _judged(findings, among, least)
    safe = permitted.match([one.peer for one in judged])
    flagged = [one for one, is_safe in zip(judged, safe.tolist(), strict=True) if not is_safe]
    entries = BanList(Entry(one.network, one.evidence(), expires) for one in flagged)
    collapsed = (
        []
        if collapse is None
        else _collapsed(flagged, collapse, _spared(entries, permitted, seen), expires)
    )
    networks = {entry.network for entry in collapsed}
    listed = BanList(
        [*collapsed, *(entry for entry in entries if ipv4_subnet(entry.network) not in networks)]
    )
    if max_addresses is not None and listed.addresses > max_addresses:
        raise BanLimitError(
            f"the list would ban {listed.addresses:,} addresses, more than the limit of "
            f"{max_addresses:,}"
        )
    allowed = tuple(one.peer for one, is_safe in zip(judged, safe.tolist(), strict=True) if is_safe)
    return Bans(
        listed, tuple(one.peer for one in flagged), allowed, listed.addresses - entries.addresses
    )


# ---- evidence ----


class _Judged(NamedTuple):
    """A peer with its verdict and what was found."""

    network: Network
    peer: str
    verdict: str
    score: float
    causes: Sequence[str]
    rules: Sequence[str]
    places: Sequence[str]
    first_time: Any
    last_time: Any

    def evidence(self) -> str:
        """The verdict, its causes, the findings and their times, as a comment."""
        times = [
            f"{time:%Y-%m-%d %H:%M:%S}"
            for time in dict.fromkeys([self.first_time, self.last_time])
            if isinstance(time, pd.Timestamp) and not pd.isna(time)
        ]
        seen = f"; {' to '.join(times)} UTC" if times else ""
        causes = f" for {', '.join(self.causes)}" if self.causes else ""
        return f"{self.verdict}{causes}, score {self.score:.3f}: {', '.join(self.rules)}{seen}"


def _judged(findings: pd.DataFrame, among: frozenset[str], least: float) -> list[_Judged]:
    """The peers with one of these verdicts, in order of address. Peers that are no public IP
    addresses are never banned.
    """
    bare = "verdict" in findings.columns
    chosen = findings if bare else verdicts(findings)
    chosen = chosen[chosen["verdict"].isin(among) & (chosen["score"].astype(float) >= least)]
    rows_of: dict[str, list[Any]] = {}
    if not bare:
        for row in findings[findings["peer"].isin(chosen["peer"])].itertuples(index=False):
            rows_of.setdefault(str(row.peer), []).append(row)
    judged = []
    for verdict in chosen.itertuples(index=False):
        rows = sorted(
            rows_of.get(str(verdict.peer), ()),
            key=lambda row: (WEIGHTS.index(row.weight), row.rule),
        )
        rules = [_rule(row) for row in rows] if rows else sorted(verdict.rules)
        places = [_short(place) for row in rows for place in row.places[:1]]
        try:
            network = network_of(str(verdict.peer))
        except ValueError:
            continue
        if not is_public(str(verdict.peer)):
            continue
        judged.append(
            _Judged(
                network,
                str(verdict.peer),
                verdict.verdict,
                float(verdict.score),
                list(getattr(verdict, "causes", ())),
                rules,
                places,
                verdict.first_time,
                verdict.last_time,
            )
        )
    return sorted(
        judged, key=lambda one: (one.network.version, int(one.network.network_address), one.peer)
    )


def _rule(row: Any) -> str:
    place = f", {_short(row.places[0])}" if len(row.places) else ""
    return f"{row.rule} ({row.weight}, {row.observations:,} × {row.unit}{place})"


def _short(place: str) -> str:
    """file:frame without the folder, which says something of the capture's owner."""
    return os.path.basename(place)


# ---- networks ----


def _spared(banned: BanList, permitted: BanList, seen: Iterable[str]) -> BanList:
    """What no collapsed network may contain."""
    peers = pd.Series(seen).dropna().astype(str).unique()
    there = peers[~banned.match(peers)]
    return BanList([*permitted, *(Entry(network_of(peer)) for peer in there)])


def _collapsed(
    flagged: Iterable[_Judged], least: int, spared: BanList, expires: date | None
) -> list[Entry]:
    """Networks in place of their addresses."""
    inside: dict[Network, dict[Network, _Judged]] = {}
    for one in flagged:
        around = ipv4_subnet(one.network)
        if around is not None:
            inside.setdefault(around, {})[one.network] = one
    # those with spared addresses or networks in them; wider ones hold the first address
    narrow = {ipv4_subnet(entry.network) for entry in spared}
    entries = []
    for around, ones in inside.items():
        if len(ones) < least or around in narrow or spared.match([str(around.network_address)])[0]:
            continue
        hosts = [
            (
                f"{one.network.network_address} "
                f"{one.score:.3f}{f' {one.places[0]}' if one.places else ''}"
            )
            for one in ones.values()
        ]
        more = ", …" if len(hosts) > _NAMED else ""
        comment = (
            f"{len(ones)} of {_SIZE} addresses flagged, {_SIZE - len(ones)} others banned with "
            f"them: {', '.join(hosts[:_NAMED])}{more}"
        )
        entries.append(Entry(around, comment, expires))
    return entries
