"""Ban lists of the command line."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_network
from pathlib import Path

import pytest

from monerotraffic.banlist import Entry
from monerotraffic.cli.lists import entry_rows, read_lists
from monerotraffic.cli.output import Failed


def test_lists_are_united(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("192.0.2.1  # first\n198.51.100.0/24\n")
    (tmp_path / "two").write_text("192.0.2.1\n2001:db8::5\n")
    entries = read_lists([str(tmp_path / "one"), str(tmp_path / "two")]).entries
    assert sorted(str(entry.network) for entry in entries) == [
        "192.0.2.1/32",
        "198.51.100.0/24",
        "2001:db8::5/128",
    ]
    assert read_lists([]).entries == ()


def test_failures_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("192.0.2.1\nnonsense here\n")
    with pytest.raises(Failed, match=r"wrong.*2"):
        read_lists([str(tmp_path / "wrong")])
    with pytest.raises(Failed, match=r"nowhere: No such file"):
        read_lists([str(tmp_path / "nowhere")])


def test_rows() -> None:
    rows = entry_rows(
        [
            Entry(ip_network("198.51.100.0/24"), "spies", date(2026, 12, 24)),
            Entry(ip_network("192.0.2.1")),
        ]
    )
    assert rows == [
        {
            "prefix": "198.51.100.0/24",
            "addresses": 256,
            "expires": "2026-12-24",
            "comment": "spies",
        },
        {"prefix": "192.0.2.1", "addresses": 1, "expires": None, "comment": ""},
    ]
