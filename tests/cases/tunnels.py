"""TCP in tunnels, and packets with the pseudo-headers of capture programs."""

from __future__ import annotations

import struct

from support.craft import ethernet, ipv4

from ._build import SERVER_IP, wrapped
from ._case import Expect, case, cases
from ._network import CONNECTION, MAC, USUAL, ether, one, usual

OUTER = ("192.0.2.201", "192.0.2.202")


def outer(protocol: int, payload: bytes) -> bytes:
    return ethernet(ipv4(*OUTER, payload, protocol))


def udp(port: int, payload: bytes) -> bytes:
    return outer(17, struct.pack("!HHHH", 50000, port, 8 + len(payload), 0) + payload)


@cases(
    {
        "mpls": (lambda ip: MAC + bytes.fromhex("8847003e8140") + ip, "MPLS"),
        "pseudo-wire": (
            lambda ip: MAC + bytes.fromhex("8847003e814000000000") + ether()(ip),
            "MPLS/Ethernet",
        ),
        "gre": (lambda ip: outer(47, b"\0\0\x08\0" + ip), "GRE"),
        "gre-key": (
            lambda ip: outer(47, b"\x20\0\x65\x58\0\0\0\x07" + ether()(ip)),
            "GRE/Ethernet",
        ),
        "erspan-3": (
            lambda ip: outer(
                47, bytes.fromhex("100022eb0000000120010064" + "00" * 8) + ether()(ip)
            ),
            "ERSPAN",
        ),
        "vxlan": (lambda ip: udp(4789, b"\x08\0\0\0\0\0\x07\0" + ether()(ip)), "VXLAN"),
        "geneve": (lambda ip: udp(6081, b"\0\0\x65\x58\0\0\x07\0" + ether()(ip)), "GENEVE"),
        "ip-in-udp": (lambda ip: udp(3333, ip), "IP-in-UDP"),
        "ipip": (lambda ip: outer(4, ip), "IPIP"),
        "vxlan-ipip": (
            lambda ip: udp(8472, b"\x08\0\0\0\0\0\x07\0" + outer(4, ip)),
            "VXLAN/IPIP",
        ),
    }
)
def tunnel(wrap: object, chain: str) -> Expect:
    return Expect(
        one(wrapped(usual().packets, wrap)),  # type: ignore[arg-type]
        messages=USUAL,
        connections=[{**CONNECTION, "tunnel": chain}],
        problems=[],
        host=SERVER_IP,
    )


@cases(
    {
        "cisco-metadata": (1, lambda ip: ether("89090101000100078100000a")(ip)),
        "vn-tag": (1, lambda ip: ether("892600010002")(ip)),
        "nflog": (239, lambda ip: b"\2\0\0\5" + struct.pack("<HH", 4 + len(ip), 9) + ip),
        "pflog": (117, lambda ip: (b"\x3d\2\1\0").ljust(64, b"\0") + ip),
        "ppi": (192, lambda ip: b"\0\0\x08\0\1\0\0\0" + ether()(ip)),
        "c-hdlc": (104, lambda ip: b"\x0f\0\x08\0" + ip),
        "frame-relay": (107, lambda ip: b"\x18\x41\x03\xcc" + ip),
        "slip": (8, lambda ip: bytes(16) + ip),
        "ppp-with-direction": (204, lambda ip: b"\1\xff\x03\0\x21" + ip),
    }
)
def link_type(number: int, wrap: object) -> Expect:
    return Expect(
        one(wrapped(usual().packets, wrap), number),  # type: ignore[arg-type]
        messages=USUAL,
        connections=[CONNECTION],
        problems=[],
        host=SERVER_IP,
    )


@case
def tunnel_and_plain_with_the_same_ends() -> Expect:
    """Two connections: a packet within a packet never joins a plain connection."""
    packets = usual().packets
    return Expect(
        one(wrapped(packets, ethernet) + wrapped(packets, lambda ip: outer(4, ip))),
        connections=[{"client_bytes": 43}, {"client_bytes": 43, "tunnel": "IPIP"}],
        host=SERVER_IP,
    )
