"""Ban lists out of findings: whom they ban, whom never, and what they say of it."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monerotraffic import banlist
from monerotraffic.rules import verdicts
from monerotraffic.rules.bans import BanLimitError, ban
from monerotraffic.rules.likelihood import weight_of
from support.budget import examples
from support.findings import MIXED, finding, frame


def lines(findings: pd.DataFrame, **options: Any) -> list[str]:
    return ban(findings, **options).listed.text().splitlines()


def score(*rules: str) -> str:
    return f"{1 - math.exp(-sum(weight_of(rule) for rule in rules)):.3f}"


def test_evidence() -> None:
    both = score("ping_flood", "support_flags_missing")
    assert lines(MIXED, expires=None) == [
        f"192.0.2.9  # anomalous for announced_fields, pings, score {both}: ping_flood (strong, "
        "3 × message, cap.pcapng:17), support_flags_missing (weak, 1,200 × message), ban_listed "
        "(context, 1 × message, cap.pcapng:17); 2026-11-22 23:02:11 to 2026-11-23 00:02:11 UTC",
        f"[2001:db8::5]  # anomalous for pings, score {score('ping_flood')}: ping_flood (strong, 3 "
        "× message, cap.pcapng:17); 2026-11-22 23:02:11 UTC",
    ]


def test_verdicts_are_enough() -> None:
    both = score("ping_flood", "support_flags_missing")
    assert lines(verdicts(MIXED), expires=None)[0] == (
        f"192.0.2.9  # anomalous for announced_fields, pings, score {both}: ban_listed, "
        "ping_flood, support_flags_missing; 2026-11-22 23:02:11 to 2026-11-23 00:02:11 UTC"
    )


def test_who_is_banned() -> None:
    assert ban(MIXED).peers == ("192.0.2.9", "2001:db8::5")
    assert ban(MIXED, among=["anomalous", "suspicious"]).peers == (
        "192.0.2.9",
        "192.0.2.10",
        "2001:db8::5",
    )
    assert ban(MIXED, among=["suspicious"]).peers == ("192.0.2.10",)
    assert ban(MIXED, among=["context", "suspicious"]).peers == ("192.0.2.10", "192.0.2.11")
    assert ban(MIXED, least=0.5).peers == ("192.0.2.9", "2001:db8::5")
    assert ban(MIXED, least=0.999).peers == ()
    assert ban(MIXED, among=[]).peers == ()
    with pytest.raises(
        ValueError, match="unknown verdict 'guilty': must be one of anomalous, suspicious, context"
    ):
        ban(MIXED, among=["guilty"])


@pytest.mark.parametrize("findings", [frame(), verdicts(frame())])
def test_nothing_found(findings: pd.DataFrame) -> None:
    assert ban(findings, collapse=1, seen=["1.2.3.4"]) == (banlist.BanList(), (), (), 0)


def test_expiry() -> None:
    assert {entry.expires for entry in ban(MIXED, expires=date(2026, 12, 31)).listed} == {
        date(2026, 12, 31)
    }
    assert lines(MIXED, expires=date(2026, 12, 31))[1].startswith(
        "[2001:db8::5]  # expires 2026-12-31; anomalous for pings, "
    )
    assert {entry.expires for entry in ban(MIXED, expires=None).listed} == {None}


def test_entries_expire_by_default() -> None:
    before = datetime.now(UTC).date()
    days = {entry.expires for entry in ban(MIXED).listed}
    assert len(days) == 1
    assert before <= days.pop() - timedelta(days=30) <= datetime.now(UTC).date()


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.17.0.1", "192.168.1.1", "169.254.1.1", "100.64.0.1"),
        *("224.0.0.1", "255.255.255.255", "0.1.2.3", "::1", "fe80::1", "fd00::1", "ff02::1"),
        *("::ffff:10.0.0.1", "::"),
    ],
)
def test_addresses_that_are_not_public_are_never_banned(address: str) -> None:
    findings = frame(finding(address), finding("192.0.2.9"))
    assert ban(findings).peers == ("192.0.2.9",)
    judged = verdicts(frame(finding("192.0.2.9"))).assign(peer=address)
    assert ban(judged).peers == ()


def test_a_list_has_a_limit() -> None:
    findings = frame(*(finding(f"192.0.2.{last}") for last in range(5)))
    assert len(ban(findings, max_addresses=5).peers) == 5
    with pytest.raises(BanLimitError, match="would ban 5 addresses, more than the limit of 4"):
        ban(findings, max_addresses=4)
    with pytest.raises(BanLimitError, match="would ban 256 addresses"):
        ban(findings, collapse=5, max_addresses=255)
    assert len(ban(findings, max_addresses=None).peers) == 5


def test_allow() -> None:
    for allow in (
        ["192.0.2.9"],
        ["192.0.2.0/24"],
        banlist.parse("192.0.2.9 # a friend, expires never"),
        ["::ffff:192.0.2.9"],
    ):
        bans = ban(MIXED, allow=allow)
        assert (bans.peers, bans.allowed, len(bans.listed)) == (("2001:db8::5",), ("192.0.2.9",), 1)
    assert ban(MIXED, allow=["192.0.2.10", "::/0"]).allowed == ("2001:db8::5",)
    with pytest.raises(ValueError, match="not an IPv4 address"):
        ban(MIXED, allow=["friend"])


def test_a_mapped_address_and_its_twin_are_one_entry() -> None:
    bans = ban(frame(finding("192.0.2.1"), finding("::ffff:192.0.2.1", "last_seen_present")))
    assert [entry.prefix for entry in bans.listed] == ["192.0.2.1"]
    assert "ping_flood" in bans.listed.entries[0].comment
    assert "last_seen_present" in bans.listed.entries[0].comment
    assert bans.peers == ("192.0.2.1", "::ffff:192.0.2.1")


FARM = frame(
    *(finding(f"192.0.2.{last}") for last in (0, 7, 255)),
    finding("198.51.100.1"),
    finding("2001:db8::1"),
    finding("2001:db8::2"),
)


def test_collapse() -> None:
    bans = ban(FARM, collapse=3, seen=FARM["peer"])
    assert [entry.prefix for entry in bans.listed] == [
        "192.0.2.0/24",
        "198.51.100.1",
        "[2001:db8::1]",
        "[2001:db8::2]",
    ]
    named = f"{score('ping_flood')} cap.pcapng:17"
    assert bans.listed.entries[0].comment == (
        "3 of 256 addresses flagged, 253 others banned with them: "
        f"192.0.2.0 {named}, 192.0.2.7 {named}, 192.0.2.255 {named}"
    )
    assert bans.collateral_addresses == 253
    assert len(bans.peers) == 6
    assert len(ban(FARM, collapse=4).listed) == 6
    assert ban(FARM, collapse=4).collateral_addresses == 0
    assert [entry.prefix for entry in ban(FARM, collapse=1).listed][:2] == [
        "192.0.2.0/24",
        "198.51.100.0/24",
    ]
    assert ban(FARM, collapse=1).collateral_addresses == 253 + 255
    with pytest.raises(ValueError, match="collapse=0"):
        ban(FARM, collapse=0)


@pytest.mark.parametrize(
    "seen",
    [
        ["192.0.2.8"],
        ["::ffff:192.0.2.8"],
        pd.Series(["192.0.2.8", None, "10.0.0.1"], dtype="category"),
    ],
)
def test_never_over_one_that_was_seen_and_is_not_banned(seen: Any) -> None:
    bans = ban(FARM, collapse=2, seen=seen)
    assert len(bans.listed) == 6
    assert not bans.listed.match(["192.0.2.8"])[0]


def test_never_over_a_suspect_that_is_not_banned() -> None:
    findings = pd.concat([FARM, frame(finding("192.0.2.9", weight="weak"))], ignore_index=True)
    assert len(ban(findings, collapse=2, seen=findings["peer"]).listed) == 6
    assert (
        len(ban(findings, ["anomalous", "suspicious"], collapse=2, seen=findings["peer"]).listed)
        == 4
    )


@pytest.mark.parametrize(
    "allow", ["192.0.2.8", "192.0.2.128/26", "192.0.2.8/31", "::ffff:192.0.2.8"]
)
def test_never_over_one_that_is_allowed(allow: str) -> None:
    bans = ban(FARM, collapse=2, allow=[allow])
    assert len(bans.listed) + len(bans.allowed) == 6
    assert not bans.listed.match(
        [str(address) for address in list(banlist.network_of(allow))[:64]]
    ).any()


def test_a_network_that_is_allowed_whole() -> None:
    bans = ban(FARM, collapse=1, allow=["192.0.0.0/16"])
    assert bans.allowed == ("192.0.2.0", "192.0.2.7", "192.0.2.255")
    assert bans.listed.entries[0].prefix == "198.51.100.0/24"


def test_a_full_network_names_some() -> None:
    findings = frame(*(finding(f"192.0.2.{last}", places=()) for last in range(256)))
    bans = ban(findings, collapse=256)
    assert bans.collateral_addresses == 0
    (entry,) = bans.listed
    assert entry.comment.startswith(
        "256 of 256 addresses flagged, 0 others banned with them: 192.0.2.0 "
        f"{score('ping_flood')}, 192.0.2.1 "
    )
    assert entry.comment.endswith(f"192.0.2.19 {score('ping_flood')}, …")


def test_order_of_rows_plays_no_part() -> None:
    rows = [finding(f"192.0.2.{number * 37 % 31}", f"rule_{number}") for number in range(40)] + [
        finding(f"10.{number}.0.1") for number in range(9)
    ]
    texts = set()
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        texts.add(ban(frame(*rows), collapse=30).listed.text())
    assert len(texts) == 1


def test_hostile_file_names() -> None:
    listed = ban(
        frame(
            finding(
                "192.0.2.1",
                places=("/tmp/evil\n1.2.3.4\x1b[2J # expires 2020-01-01; \udcff.pcap:3",),
            )
        )
    ).listed
    assert listed.text().count("\n") == 1
    assert "\x1b" not in listed.text()
    assert banlist.parse(listed.text()) == listed
    assert listed.addresses == 1


addresses = (
    st.builds("192.0.{}.{}".format, st.integers(0, 2), st.integers(0, 9))
    | st.builds("2001:db8::{:x}".format, st.integers(0, 9))
    | st.builds("::ffff:192.0.1.{}".format, st.integers(0, 9))
)


@examples(60)
@given(
    st.lists(st.tuples(addresses, st.sampled_from(["strong", "weak", "context"])), max_size=12),
    st.lists(addresses, max_size=6),
    st.lists(addresses, max_size=3),
    st.none() | st.integers(1, 4),
)
def test_promises(
    drawn: list[tuple[str, str]], seen: list[str], allow: list[str], collapse: int | None
) -> None:
    findings = frame(
        *(finding(peer, f"rule_{number}", weight) for number, (peer, weight) in enumerate(drawn))
    )
    bans = ban(findings, seen=[*seen, *findings["peer"]], allow=allow, collapse=collapse)
    given_verdicts = verdicts(findings).set_index("peer")["verdict"] if drawn else {}
    guilty = {peer for peer, verdict in given_verdicts.items() if verdict == "anomalous"}
    assert set(bans.peers) | set(bans.allowed) == guilty
    assert bans.listed.match(list(bans.peers)).all()
    assert not bans.listed.match(allow).any()
    banned = banlist.BanList(banlist.Entry(banlist.network_of(peer)) for peer in bans.peers)
    innocent = [peer for peer in [*seen, *findings["peer"]] if not banned.match([peer])[0]]
    assert not bans.listed.match(innocent).any()
    assert bans.listed.addresses == banned.addresses + bans.collateral_addresses
    assert banlist.parse(bans.listed.text()) == bans.listed
