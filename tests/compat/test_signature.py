"""Peers that send the Levin signature alone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from monerotraffic import compat
from support import craft
from support.pipeline import (
    later,
    read,
)


def connections() -> list[craft.Connection]:
    """Segments with the signature alone, and segments that only resemble them."""
    handshake = craft.request(1001, craft.handshake_request())
    begun = craft.Connection(client=("192.0.2.9", 4001)).open()
    begun.send(craft.CLIENT, handshake, cuts=[8])
    begun.close()
    left = later(begun, client=("192.0.2.8", 4002)).open()
    left.send(craft.CLIENT, craft.SIGNATURE)
    left.close()
    six = later(left, client=("2001:db8::7", 4003), server=("2001:db8::10", 18080)).open()
    six.send(craft.CLIENT, handshake, cuts=[8])
    six.close()
    later_ipv6 = later(six, client=("192.0.2.6", 4004)).open()
    later_ipv6.send(craft.CLIENT, handshake + craft.request(1007), cuts=[len(handshake) + 8])
    later_ipv6.close()
    other = later(later_ipv6, client=("192.0.2.5", 4005)).open()
    other.send(craft.CLIENT, handshake, cuts=[9])
    other.send(craft.CLIENT, b"12345678")
    other.close()
    answer = later(other, client=("192.0.2.4", 4006), server=("192.0.2.3", 18080)).open()
    answer.send(craft.CLIENT, handshake)
    answer.send(craft.SERVER, craft.response(1001, craft.handshake_response()), cuts=[8])
    answer.close()
    return [begun, left, six, later_ipv6, other, answer]


def test_signatures_alone(tmp_path: Path) -> None:
    """Alone means that nothing else is in the segment; of a stream that ends with it there is no
    message.
    """
    traffic = read(tmp_path, *connections())
    assert compat.signature_only(traffic).tolist() == [
        "192.0.2.3",
        "192.0.2.8",
        "192.0.2.9",
        "2001:db8::7",
    ]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_rows_are_those_of_tshark(tmp_path: Path) -> None:
    """The command of the README, which has no column for IPv6 addresses."""
    traffic = read(tmp_path, *connections())
    command = ["tshark", "-r", str(tmp_path / "x.pcap"), "-T", "fields", "-Y"]
    command.append("tcp.len == 8 && tcp.payload contains 01:21:01:01:01:01:01:01")
    for field in ("frame.time_epoch", "ip.src", "ip.dst", "tcp.len", "tcp.payload"):
        command += ["-e", field]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = [line.replace(":", "").split("\t") for line in run.stdout.splitlines()]
    rows = compat.signature_rows(traffic)
    assert len(printed) == len(rows) == 4
    six = rows["ip.src"].str.contains(":")
    shown = rows.assign(**{name: rows[name].mask(six, "") for name in ("ip.src", "ip.dst")})
    assert shown.to_numpy().tolist() == printed
    compat.write_signature_tsv(traffic, tmp_path / "x.tsv", to="198.51.100.10")
    written = [line.split("\t") for line in (tmp_path / "x.tsv").read_text().splitlines()]
    assert written == [line for line in printed if line[2] == "198.51.100.10"]
    assert 0 < len(written) < len(printed)
