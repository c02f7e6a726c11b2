"""The version of the protocol by height."""

from __future__ import annotations

from pathlib import Path

import monerotraffic as mt
from monerotraffic.metrics.forks import MAINNET_FORKS, fork_ranges, fork_versions
from support import craft
from support.conversation_builder import incoming, read
from support.craft import CLIENT, SERVER

REGTEST = bytes(16)


def announced(
    folder: Path, *versions: tuple[int, int], network: bytes = craft.MAINNET
) -> mt.Traffic:
    """The vantage node announces these pairs of version and current height."""
    talk = incoming()
    node = craft.node_data(network_id=network)
    talk.send(CLIENT, craft.request(1001, craft.handshake_request(node)))
    talk.send(SERVER, craft.response(1001, craft.handshake_response(node=node)))
    for version, height in versions:
        data = craft.payload_data(current_height=height, top_version=version)
        talk.send(CLIENT, craft.request(1002, craft.timed_sync_request(data)))
        talk.send(SERVER, craft.response(1002, craft.timed_sync_response(sync=data)))
    return read(folder, talk)


def rows(frame: object) -> list[tuple[int, ...]]:
    return [tuple(row) for row in frame.to_numpy().tolist()]  # type: ignore[attr-defined]


def test_versions_by_height(tmp_path: Path) -> None:
    traffic = announced(tmp_path, (3, 101), (3, 121), (4, 122), (4, 150))
    versions = fork_versions(traffic)
    assert versions.columns.tolist() == ["version", "first_height", "last_height"]
    # the default of payload_data in the handshake is a version of its own
    assert (3, 100, 120) in rows(versions)
    assert (4, 121, 149) in rows(versions)


def test_announcements_that_go_back_and_forth_say_nothing(tmp_path: Path) -> None:
    assert fork_versions(announced(tmp_path, (4, 101), (3, 121))).empty


def test_forks_of_mainnet() -> None:
    heights = list(MAINNET_FORKS.values())
    assert heights == sorted(heights) and heights[0] == 0
    assert list(MAINNET_FORKS) == list(range(1, 17))
    assert MAINNET_FORKS[16] == 2_689_608


def test_ranges_of_mainnet_are_complete(tmp_path: Path) -> None:
    ranges = fork_ranges(announced(tmp_path, (16, 3_000_500)))
    assert ranges["version"].tolist() == list(MAINNET_FORKS)
    assert ranges["first_height"].tolist() == list(MAINNET_FORKS.values())
    assert (ranges["last_height"].iloc[:-1] + 1).tolist() == ranges["first_height"].iloc[
        1:
    ].tolist()
    assert ranges["last_height"].iloc[-1] == 3_000_499


def test_another_network_has_only_what_was_announced(tmp_path: Path) -> None:
    ranges = fork_ranges(announced(tmp_path, (16, 3_000_500), network=REGTEST))
    assert set(ranges["version"]) <= {1, 16}
    assert len(ranges) < len(MAINNET_FORKS)


def test_mainnet_with_forks_of_another_chain(tmp_path: Path) -> None:
    """--regtest has the id of mainnet."""
    ranges = fork_ranges(announced(tmp_path, (16, 120)))
    assert len(ranges) < len(MAINNET_FORKS)
