"""What the tshark of this machine prints of a capture: fields of packets, and which of them it
has.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

PROGRAM = shutil.which("tshark")
MESSAGE = tuple(
    f"monero.{name}"
    for name in ("command", "length", "flags", "return_code", "version", "have_to_return_data")
)
VALUES = {
    kind: f"monero.payload.item.value.{name}"
    for kind, name in {
        1: "int64",
        2: "int32",
        3: "int16",
        4: "int8",
        5: "uint64",
        6: "uint32",
        7: "uint16",
        8: "uint8",
        9: "float64",
        10: "string",
    }.items()
}
ITEMS = (
    "monero.payload.item.key",
    "monero.payload.item.type",
    "monero.payload.item.size",
    "monero.payload.item.length",
    *VALUES.values(),
)
PACKET = (
    "frame.number",
    "frame.time_epoch",
    "tcp.stream",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq",
    "tcp.len",
    "tcp.analysis.initial_rtt",
    "tcp.options.mss_val",
    "ip.ttl",
    "ipv6.hlim",
)

Printed = dict[str, list[str]]


@cache
def lacking(fields: Sequence[str] = PACKET) -> str:
    """Why it cannot print these fields; empty if it can."""
    if PROGRAM is None:
        return "tshark is not installed"
    known = {
        columns[2]
        for columns in (line.split("\t") for line in output("-G", "fields").splitlines())
        if columns[0] == "F"
    }
    if set(fields) <= known:
        return ""
    version = output("--version").partition("\n")[0].rstrip(".")
    return f"{version} does not split Monero's payloads: Wireshark 4.4 is the first to do so"


def output(*arguments: str) -> str:
    assert PROGRAM is not None
    return subprocess.run(
        [PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=600,
    ).stdout.decode("utf-8", "surrogateescape")


def printed(path: Path, fields: Sequence[str], what: str) -> Iterator[Printed]:
    """The lists of values of each packet that is `what`. Sequence numbers count from 0; Monero goes
    before any protocol of a port; values may hold commas, so another byte stands between them.
    """
    options = (
        "-n",
        "-o",
        "tcp.relative_sequence_numbers:TRUE",
        "-o",
        "tcp.desegment_tcp_streams:TRUE",
        "-o",
        "tcp.try_heuristic_first:TRUE",
    )
    text = output(
        *options,
        "-r",
        str(path),
        "-Y",
        what,
        "-T",
        "fields",
        "-E",
        "aggregator=\x1f",
        *(word for field in fields for word in ("-e", field)),
    )
    for line in text.splitlines():
        yield {
            name: value.split("\x1f") if value else []
            for name, value in zip(fields, line.split("\t"), strict=True)
        }
