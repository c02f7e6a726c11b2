"""TCP in tunnels, and packets with the pseudo-headers of capture programs."""

from __future__ import annotations

import struct
from collections.abc import Callable

from support.craft import ethernet, ipv4, ipv6

from ._build import SERVER_IP, wrapped
from ._case import Expect, case, cases
from ._network import CONNECTION, MAC, USUAL, ether, one, ppp, usual

OUTER = ("192.0.2.201", "192.0.2.202")


def outer(protocol: int, payload: bytes) -> bytes:
    return ethernet(ipv4(*OUTER, payload, protocol))


def udp(port: int, payload: bytes) -> bytes:
    return outer(17, struct.pack("!HHHH", 50000, port, 8 + len(payload), 0) + payload)


def gtp(flags: int, options: bytes, packet: bytes) -> bytes:
    body = options + packet
    return udp(2152, struct.pack("!BBHI", flags, 255, len(body), 7) + body)


def segment_routing(packet: bytes) -> bytes:
    """An Ethernet frame after a routing header (SRv6)."""
    header = bytes([143, 2, 4, 0, 0, 0, 0, 0]) + bytes(16)
    return ethernet(ipv6("2001:db8::1", "2001:db8::2", header + ether()(packet), 43))


def wifi(packet: bytes) -> bytes:
    return b"\x08\1\0\0" + MAC + MAC[:6] + b"\0\0" + b"\xaa\xaa\3\0\0\0" + ether()(packet)[12:]


def isl(packet: bytes) -> bytes:
    """Cisco's ISL: a frame with its VLAN before the frame."""
    frame = ether()(packet)
    header = bytes.fromhex("01000c000000") + MAC[6:] + struct.pack("!H", len(frame) + 12)
    return header + bytes.fromhex("aaaa0300000c001400000000") + frame + bytes(4)


TUNNELS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
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
        lambda ip: outer(47, bytes.fromhex("100022eb0000000120010064" + "00" * 8) + ether()(ip)),
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
    "gtp": (lambda ip: gtp(0x30, b"", ip), "GTP-U"),
    "gtp-extension": (lambda ip: gtp(0x34, bytes.fromhex("0000008501100500"), ip), "GTP-U"),
    "gtp-two-extensions": (
        lambda ip: gtp(0x36, bytes.fromhex("000100c00112348501100500"), ip),
        "GTP-U",
    ),
    "gtp-ethernet": (lambda ip: gtp(0x30, b"", ether()(ip)), "GTP-U"),
    "l2tp": (lambda ip: udp(1701, b"\0\2\0\1\0\2\xff\3" + ppp(ip)), "L2TP"),
    "l2tp-sequence": (lambda ip: udp(1701, b"\x08\2\0\1\0\2\0\3\0\4\xff\3" + ppp(ip)), "L2TP"),
    "lisp": (lambda ip: udp(4341, b"\x80\1\2\3\0\0\0\1" + ip), "LISP"),
    "tzsp": (lambda ip: udp(37008, b"\1\0\0\1\x0a\1\xd6\1" + ether()(ip)), "TZSP"),
    "jmirror": (lambda ip: udp(30030, b"\0\0\0\1\0\0\0\2" + ip), "jmirror"),
    "capwap": (lambda ip: udp(5247, b"\0\x10\2\0\0\0\0\0" + ether()(ip)), "CAPWAP"),
    "capwap-802.11": (
        lambda ip: udp(5247, b"\0\x10\3\0\0\0\0\0\1\x08" + wifi(ip)[2:]),
        "CAPWAP",
    ),
    "nsh": (lambda ip: MAC + bytes.fromhex("894f0fc2020100000aff") + ip, "NSH"),
    "nsh-in-gre": (
        lambda ip: outer(47, bytes.fromhex("0000894f0fc2020300000aff") + ether()(ip)),
        "GRE/NSH",
    ),
    "trill": (lambda ip: MAC + bytes.fromhex("22f3000300010002") + ether()(ip), "TRILL"),
    "fabric-path": (lambda ip: MAC + bytes.fromhex("89030001") + ether()(ip), "FabricPath"),
    "batman-adv": (
        lambda ip: MAC + bytes.fromhex("4305400f3201020000000001") + ether()(ip),
        "batman-adv",
    ),
    "srv6-ethernet": (segment_routing, "Ethernet-in-IP"),
}


@cases(TUNNELS)
def tunnel(wrap: Callable[[bytes], bytes], chain: str) -> Expect:
    return Expect(
        one(wrapped(usual().packets, wrap)),
        messages=USUAL,
        connections=[{**CONNECTION, "tunnel": chain}],
        problems=[],
        host=SERVER_IP,
    )


LINK_TYPES: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "cisco-metadata": (1, lambda ip: ether("89090101000100078100000a")(ip)),
    "vn-tag": (1, lambda ip: ether("892600010002")(ip)),
    "nflog": (239, lambda ip: b"\2\0\0\5" + struct.pack("<HH", 4 + len(ip), 9) + ip),
    "pflog": (117, lambda ip: (b"\x3d\2\1\0").ljust(64, b"\0") + ip),
    "ppi": (192, lambda ip: b"\0\0\x08\0\1\0\0\0" + ether()(ip)),
    "c-hdlc": (104, lambda ip: b"\x0f\0\x08\0" + ip),
    "frame-relay": (107, lambda ip: b"\x18\x41\x03\xcc" + ip),
    "slip": (8, lambda ip: bytes(16) + ip),
    "ppp-with-direction": (204, lambda ip: b"\1\xff\x03\0\x21" + ip),
    "macsec-in-the-clear": (
        1,
        lambda ip: MAC + bytes.fromhex("88e500000000000a") + ether()(ip)[12:] + bytes(16),
    ),
    "hsr": (1, lambda ip: MAC + bytes.fromhex("892f0abc0001") + ether()(ip)[12:]),
    "isl": (1, isl),
    "vlan-length": (
        1,
        lambda ip: (
            MAC
            + b"\x81\0\0\5"
            + struct.pack("!H", 8 + len(ip))
            + b"\xaa\xaa\3\0\0\0"
            + ether()(ip)[12:]
        ),
    ),
    "ppp-multilink": (50, lambda ip: b"\xff\3\0\x3d\xc0\0\0\1" + ppp(ip)),
    "cooked-radiotap": (
        113,
        lambda ip: bytes.fromhex("0000032300060200000001020000000400000800000000 00") + wifi(ip),
    ),
    "firewire": (138, lambda ip: bytes(16) + ether()(ip)[12:14] + ip),
    "infiniband": (242, lambda ip: bytes(40) + ether()(ip)[12:14] + b"\0\0" + ip),
    "fibre-channel": (
        122,
        lambda ip: bytes(16) + b"\xaa\xaa\3\0\0\0" + ether()(ip)[12:14] + ip,
    ),
    "exported-pdu": (252, lambda ip: b"\0\x0c\0\4ip\0\0\0\0\0\0" + ip),
    "switch-tag": (285, lambda ip: MAC + bytes.fromhex("dada0000c0000000") + ether()(ip)[12:]),
}


@cases(LINK_TYPES)
def link_type(number: int, wrap: Callable[[bytes], bytes]) -> Expect:
    return Expect(
        one(wrapped(usual().packets, wrap), number),
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
