"""A plain Python loop: dpkt parses the packets, and Levin headers are read where a TCP payload
begins with one, without reassembly. `python -m benchmarks.dpkt_loop CAPTURE` prints packets and
headers as JSON.
"""

import json
import struct
import sys
from collections import Counter

import dpkt

_HEADER = struct.Struct("<QQBIiII")
_SIGNATURE = 0x0101010101012101


def main(path: str) -> None:
    packets = 0
    commands: Counter[int] = Counter()
    with open(path, "rb") as file:
        for _, frame in dpkt.pcap.UniversalReader(file):
            packets += 1
            ip = dpkt.ethernet.Ethernet(frame).data
            if not isinstance(ip, dpkt.ip.IP | dpkt.ip6.IP6) or not isinstance(
                ip.data, dpkt.tcp.TCP
            ):
                continue
            payload = ip.data.data
            at = 0
            while len(payload) - at >= _HEADER.size:
                signature, length, _, command, _, _, _ = _HEADER.unpack_from(payload, at)
                if signature != _SIGNATURE:
                    break
                commands[command] += 1
                at += _HEADER.size + length
    print(
        json.dumps(
            {
                "packets": packets,
                "messages": sum(commands.values()),
                "commands": dict(sorted(commands.items())),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
