"""TCP in every tunnel and link type of the cases: the connections are the streams of tshark. All
are in one pcapng file, with an interface for each link type, and a client port for each case.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import monerotraffic as mt
from cases._build import CLIENT, PING, PONG, SERVER, Wire, bare, wrapped
from cases.tunnels import LINK_TYPES, TUNNELS
from support import tshark
from support.craft import capture_files

NOT_IN_TSHARK = {
    "ip-in-udp": "read by its contents, on any port",
    "vxlan-ipip": "a port that tshark does not take for VXLAN's",
    "pseudo-wire": "read by its contents; in tshark a setting",
    "slip": "a link type that tshark does not read",
    "switch-tag": "read by Wireshark 4.2 and later",
}
WRAPPED = {
    **{name: (1, wrap) for name, (wrap, _) in TUNNELS.items()},
    **LINK_TYPES,
}
FIRST_PORT = 40001
PORTS = {name: FIRST_PORT + number for number, name in enumerate(sorted(WRAPPED))}

pytestmark = pytest.mark.skipif(tshark.PROGRAM is None, reason="tshark is not installed")


def write_capture(path: Path) -> None:
    links = sorted({link for link, _ in WRAPPED.values()})
    blocks = [capture_files.section_header(), *map(capture_files.interface, links)]
    wire = Wire(wrap=bare)
    for name, (link, wrap) in WRAPPED.items():
        first = len(wire.packets)
        wire.talk(PORTS[name]).say(CLIENT, PING).say(SERVER, PONG).close()
        blocks += [
            capture_files.enhanced(packet, links.index(link))
            for packet in wrapped(wire.packets[first:], wrap)
        ]
    path.write_bytes(b"".join(blocks))


def test_connections_are_the_streams_of_tshark(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    write_capture(path)
    traffic = mt.read(path)
    rows = traffic.connections
    packets = dict(
        zip(rows["client_port"], rows["client_packets"] + rows["server_packets"], strict=True)
    )
    assert packets == dict.fromkeys(PORTS.values(), 8)
    assert len(traffic.problems) == 0
    fields = ["tcp.stream", "tcp.port"]
    streams = Counter(
        (row["tcp.stream"][-1], max(row["tcp.port"], key=int))
        for row in tshark.printed(path, fields, "tcp.stream")
    )
    names = {str(port): name for name, port in PORTS.items()}
    assert {names[port]: count for (_, port), count in streams.items()} == dict.fromkeys(
        PORTS.keys() - NOT_IN_TSHARK, 8
    )
    assert len(streams) == len(PORTS) - len(NOT_IN_TSHARK)
