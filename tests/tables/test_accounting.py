"""The accounting identity."""

from __future__ import annotations

from pathlib import Path

import monerotraffic as mt
from monerotraffic.tables.accounting import accounting
from support import craft
from support.captures import HOST, put
from support.craft import CLIENT, SERVER

PING = craft.request(1003)


def account(path: Path, talk: craft.Connection) -> dict[bool, dict[str, int]]:
    """The rows of one connection by direction."""
    frame = accounting(mt.read(put(path / "a.pcap", talk.packets), host=HOST).arrays)
    assert frame["connection"].tolist() == [0, 0]
    return {row["from_client"]: row for row in frame.to_dict("records")}


def test_complete_messages(tmp_path: Path) -> None:
    talk = craft.Connection().open()
    talk.send(CLIENT, PING)
    talk.send(SERVER, craft.response(1003, craft.ping_response()))
    talk.close()
    rows = account(tmp_path, talk)
    assert rows[True]["seen"] == rows[True]["decoded"] == len(PING)
    assert rows[False]["seen"] == rows[False]["decoded"] == 33 + len(craft.ping_response())
    assert [row["unexplained"] for row in rows.values()] == [0, 0]


def test_bytes_that_are_not_decoded_are_in_problems(tmp_path: Path) -> None:
    talk = craft.Connection().open()
    talk.send(CLIENT, PING + b"garbage, not a header" * 2)
    talk.close()
    row = account(tmp_path, talk)[True]
    assert (row["seen"], row["decoded"], row["problems"]) == (len(PING) + 42, len(PING), 42)
    assert row["unexplained"] == 0


def test_lost_bytes_are_holes(tmp_path: Path) -> None:
    talk = craft.Connection().open()
    talk.send(CLIENT, PING)
    talk.skip(CLIENT, 500)
    talk.send(CLIENT, PING)
    talk.close()
    row = account(tmp_path, talk)[True]
    assert (row["lost"], row["holes"], row["seen"]) == (500, 500, 2 * len(PING))
    assert row["unexplained"] == 0


def test_retransmissions_count_once(tmp_path: Path) -> None:
    talk = craft.Connection().open()
    talk.send(CLIENT, PING)
    talk.at(CLIENT, 0, PING)
    talk.close()
    assert account(tmp_path, talk)[True]["seen"] == len(PING)
