"""Makes captures: epee payloads, Levin buckets, TCP conversations, packets, pcap and pcapng files.
Standard library only.

    talk = Connection()
    talk.open()
    talk.send(CLIENT, request(1001, handshake_request()), cuts=[8, 33])
    talk.send(SERVER, response(1001, handshake_response([peer("192.0.2.7", 18080, 0x1234)])))
    talk.close()
    Path("x.pcap").write_bytes(pcap(talk.packets))
"""

from __future__ import annotations

import ipaddress
import itertools
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# ---------------------------------------------------------------- epee

EPEE_HEADER = bytes.fromhex("011101010101020101")
EPEE_NUMBERS = {
    "i64": (1, "<q"),
    "i32": (2, "<i"),
    "i16": (3, "<h"),
    "i8": (4, "<b"),
    "u64": (5, "<Q"),
    "u32": (6, "<I"),
    "u16": (7, "<H"),
    "u8": (8, "<B"),
    "f64": (9, "<d"),
}


def varint(value: int, width: int = 0) -> bytes:
    """An epee varint, in as few bytes as it needs or in `width` bytes (1, 2, 4, 8)."""
    for code, size in enumerate((1, 2, 4, 8)):
        if (not width and value < 1 << (8 * size - 2)) or width == size:
            return (value << 2 | code).to_bytes(size, "little")
    raise ValueError(f"no epee varint for {value}")


def entry(key: bytes | str, value: Any) -> bytes:
    """One entry of a section. bytes: string; bool; int: u64; dict: object; ("u32", 5): a number of
    that type; ("u32", [1, 2]): an array of them; [bytes, …], [dict, …], [bool, …]: arrays; Raw: as
    it is.
    """
    name = key.encode() if isinstance(key, str) else key
    return bytes([len(name)]) + name + _typed(value)


@dataclass(frozen=True)
class Raw:
    """Bytes put in the place of a value, type byte included."""

    data: bytes


def _typed(value: Any) -> bytes:
    if isinstance(value, Raw):
        return value.data
    if isinstance(value, tuple):
        code, form = EPEE_NUMBERS[value[0]]
        if isinstance(value[1], list):
            return (
                bytes([code | 0x80])
                + varint(len(value[1]))
                + b"".join(struct.pack(form, item) for item in value[1])
            )
        return bytes([code]) + struct.pack(form, value[1])
    if isinstance(value, list):
        first = value[0] if value else b""
        code = 10 if isinstance(first, bytes) else 11 if isinstance(first, bool) else 12
        return bytes([code | 0x80]) + varint(len(value)) + b"".join(_bare(item) for item in value)
    code = (
        10
        if isinstance(value, bytes)
        else 11
        if isinstance(value, bool)
        else 5
        if isinstance(value, int)
        else 12
    )
    return bytes([code]) + _bare(value)


def _bare(value: Any) -> bytes:
    if isinstance(value, bytes):
        return varint(len(value)) + value
    if isinstance(value, bool):
        return bytes([value])
    if isinstance(value, int):
        return struct.pack("<Q", value)
    return section(value)


def section(entries: Mapping[Any, Any] | Sequence[tuple[Any, Any]]) -> bytes:
    """A section; a list of pairs instead of a dict may repeat keys."""
    pairs = list(entries.items()) if isinstance(entries, Mapping) else list(entries)
    return varint(len(pairs)) + b"".join(entry(key, value) for key, value in pairs)


def epee(entries: Mapping[Any, Any] | Sequence[tuple[Any, Any]]) -> bytes:
    """A whole payload: header and root section."""
    return EPEE_HEADER + section(entries)


# ---------------------------------------------------------------- payloads of P2P commands, in
# monerod's order of keys

MAINNET = bytes.fromhex("1230f171610441611731008216a1a110")
EMPTY = epee({})


def node_data(
    peer_id: int = 0x1122334455667788,
    my_port: int = 18080,
    network_id: bytes = MAINNET,
    support_flags: int | None = 1,
    **more: Any,
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "my_port": ("u32", my_port),
        "network_id": network_id,
        "peer_id": ("u64", peer_id),
    }
    if support_flags is not None:
        fields["support_flags"] = ("u32", support_flags)
    fields.update(more)
    return dict(sorted(fields.items()))


def payload_data(
    current_height: int = 3000000,
    top_id: bytes = b"\xab" * 32,
    top_version: int = 16,
    cumulative_difficulty: int = 1 << 60,
    pruning_seed: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "cumulative_difficulty": ("u64", cumulative_difficulty),
        "cumulative_difficulty_top64": ("u64", 0),
        "current_height": ("u64", current_height),
        "top_id": top_id,
        "top_version": ("u8", top_version),
    }
    if pruning_seed is not None:
        fields["pruning_seed"] = ("u32", pruning_seed)
    fields.update(more)
    return dict(sorted(fields.items()))


def peer(host: str, port: int, peer_id: int, **more: Any) -> dict[str, Any]:
    """One peer-list entry: IPv4, IPv6, or a .onion or .i2p name. Optional fields as epee values:
    last_seen=("i64", 5).
    """
    if host.endswith((".onion", ".i2p")):
        address = {
            "addr": {"host": host.encode(), "port": ("u16", port)},
            "type": ("u8", 4 if host.endswith(".onion") else 3),
        }
    else:
        ip = ipaddress.ip_address(host)
        if ip.version == 4:
            address = {
                "addr": {
                    "m_ip": ("u32", int.from_bytes(ip.packed, "little")),
                    "m_port": ("u16", port),
                },
                "type": ("u8", 1),
            }
        else:
            address = {"addr": {"addr": ip.packed, "m_port": ("u16", port)}, "type": ("u8", 2)}
    return {"adr": address, "id": ("u64", peer_id), **more}


def handshake_request(
    node: dict[str, Any] | None = None, sync: dict[str, Any] | None = None
) -> bytes:
    return epee({"node_data": node or node_data(), "payload_data": sync or payload_data()})


def handshake_response(
    peers: list[dict[str, Any]] | None = None,
    node: dict[str, Any] | None = None,
    sync: dict[str, Any] | None = None,
) -> bytes:
    fields: dict[str, Any] = {"local_peerlist_new": peers} if peers else {}
    return epee(
        {**fields, "node_data": node or node_data(), "payload_data": sync or payload_data()}
    )


def timed_sync_request(sync: dict[str, Any] | None = None) -> bytes:
    return epee({"payload_data": sync or payload_data()})


def timed_sync_response(
    peers: list[dict[str, Any]] | None = None, sync: dict[str, Any] | None = None
) -> bytes:
    fields: dict[str, Any] = {"local_peerlist_new": peers} if peers else {}
    return epee({**fields, "payload_data": sync or payload_data()})


def ping_response(peer_id: int = 0x1122334455667788, status: bytes = b"OK") -> bytes:
    return epee({"peer_id": ("u64", peer_id), "status": status})


def support_flags_response(flags: int = 1) -> bytes:
    return epee({"support_flags": ("u32", flags)})


def transactions(blobs: list[bytes], fluff: bool = True) -> bytes:
    """A 2002 payload."""
    fields: dict[str, Any] = (
        {"_": b""}
        | ({} if fluff else {"dandelionpp_fluff": False})
        | ({"txs": blobs} if blobs else {})
    )
    return epee(fields)


# ---------------------------------------------------------------- Levin

SIGNATURE = bytes.fromhex("0121010101010101")
LEVIN_HEADER = 33


def bucket(
    command: int,
    body: bytes = b"",
    flags: int = 1,
    expect: int = 0,
    return_code: int = 0,
    version: int = 1,
    length: int | None = None,
    signature: bytes = SIGNATURE,
) -> bytes:
    """Any bucket; `length` may lie."""
    return (
        signature
        + struct.pack(
            "<QBIiII",
            len(body) if length is None else length,
            expect,
            command,
            return_code,
            flags,
            version,
        )
        + body
    )


def request(command: int, body: bytes = EMPTY) -> bytes:
    return bucket(command, body, flags=1, expect=1)


def response(command: int, body: bytes = EMPTY, return_code: int = 1) -> bytes:
    return bucket(command, body, flags=2, return_code=return_code)


def notification(command: int, body: bytes = EMPTY) -> bytes:
    return bucket(command, body, flags=1)


def noise(size: int = 3072) -> bytes:
    return bucket(0, bytes(size - LEVIN_HEADER), flags=12)


def fragments(message: bytes, size: int = 3072) -> list[bytes]:
    """A whole inner bucket as Levin fragments, each of `size` bytes on the wire, the last
    zero-padded.
    """
    room = size - LEVIN_HEADER
    pieces = [message[at : at + room].ljust(room, b"\0") for at in range(0, len(message), room)]
    return [
        bucket(0, piece, flags=(4 if i == 0 else 0) | (8 if i == len(pieces) - 1 else 0))
        for i, piece in enumerate(pieces)
    ]


# ---------------------------------------------------------------- packets

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def tcp(
    source_port: int,
    destination_port: int,
    sequence: int,
    acknowledgement: int = 0,
    flags: int = ACK,
    payload: bytes = b"",
    options: bytes = b"",
    window: int = 64000,
) -> bytes:
    options += bytes(-len(options) % 4)
    head = struct.pack(
        "!HHIIBBHHH",
        source_port,
        destination_port,
        sequence & 0xFFFFFFFF,
        acknowledgement & 0xFFFFFFFF,
        (5 + len(options) // 4) << 4,
        flags,
        window,
        0,
        0,
    )
    return head + options + payload


def mss(value: int) -> bytes:
    """The TCP option."""
    return struct.pack("!BBH", 2, 4, value)


def ipv4(
    source: str,
    destination: str,
    payload: bytes,
    protocol: int = 6,
    ident: int = 0,
    flags_offset: int = 0,
    ttl: int = 64,
    options: bytes = b"",
    total: int | None = None,
) -> bytes:
    """`flags_offset`: the 16 bits of flags and fragment offset; `total`: a total length that may
    lie (0 for TSO).
    """
    options += bytes(-len(options) % 4)
    size = 20 + len(options)
    length = size + len(payload) if total is None else total
    packed = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    return (
        struct.pack(
            "!BBHHHBBH", 0x40 | size // 4, 0, length & 0xFFFF, ident, flags_offset, ttl, protocol, 0
        )
        + packed
        + options
        + payload
    )


def ipv4_fragments(
    source: str,
    destination: str,
    payload: bytes,
    size: int,
    ident: int = 1,
    protocol: int = 6,
    ttl: int = 64,
) -> list[bytes]:
    """The payload as IPv4 fragments of `size` payload bytes (a multiple of 8)."""
    pieces = [(at, payload[at : at + size]) for at in range(0, len(payload), size)]
    return [
        ipv4(
            source,
            destination,
            piece,
            protocol,
            ident,
            at // 8 | (0x2000 if at + size < len(payload) else 0),
            ttl,
        )
        for at, piece in pieces
    ]


def ipv6(
    source: str,
    destination: str,
    payload: bytes,
    protocol: int = 6,
    hops: int = 64,
    extensions: Sequence[tuple[int, bytes]] = (),
    length: int | None = None,
) -> bytes:
    """`extensions`: (protocol number, bytes without the leading next-header byte) in order; each
    with that byte must fill a multiple of 8.
    """
    kinds = [kind for kind, _ in extensions] + [protocol]
    chain = b"".join(bytes([kinds[i + 1]]) + body for i, (_, body) in enumerate(extensions))
    size = len(chain) + len(payload) if length is None else length
    packed = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    return (
        struct.pack("!IHBB", 0x60000000, size & 0xFFFF, kinds[0], hops) + packed + chain + payload
    )


def ipv6_fragments(
    source: str, destination: str, payload: bytes, size: int, ident: int = 1, protocol: int = 6
) -> list[bytes]:
    made = []
    for at in range(0, len(payload), size):
        piece = payload[at : at + size]
        head = struct.pack("!BHI", 0, at | (at + size < len(payload)), ident)
        made.append(ipv6(source, destination, piece, protocol, extensions=[(44, head)]))
    return made


def ip(source: str, destination: str, payload: bytes, ttl: int = 64) -> bytes:
    """IPv4 or IPv6, as the addresses say."""
    return (
        ipv6(source, destination, payload, hops=ttl)
        if ":" in source
        else ipv4(source, destination, payload, ttl=ttl)
    )


def ethertype(packet: bytes) -> int:
    return 0x86DD if packet[0] >> 4 == 6 else 0x0800


def ethernet(
    packet: bytes, tags: Iterable[tuple[int, int]] = (), kind: int | None = None, pad: bool = True
) -> bytes:
    """`tags`: (0x8100, VLAN id) outermost first. Short frames are padded to 60 bytes, as on the
    wire.
    """
    head = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + b"".join(
        struct.pack("!HH", tag, number) for tag, number in tags
    )
    made = head + struct.pack("!H", ethertype(packet) if kind is None else kind) + packet
    return made.ljust(60, b"\0") if pad else made


def sll(packet: bytes) -> bytes:
    return struct.pack("!HHH8sH", 0, 1, 6, b"\x02\0\0\0\0\x01", ethertype(packet)) + packet


def sll2(packet: bytes) -> bytes:
    return struct.pack("!HHIHBB8s", ethertype(packet), 0, 1, 1, 0, 6, b"\x02\0\0\0\0\x01") + packet


def null(packet: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "I", 2 if packet[0] >> 4 == 4 else 30) + packet


# ---------------------------------------------------------------- a TCP conversation

CLIENT, SERVER = 0, 1
START = 1_700_000_000_000_000_000


@dataclass(frozen=True)
class Packet:
    time: int  # nanoseconds since 1970
    data: bytes
    length: int | None = None  # bytes on the wire, if the capture holds fewer

    def cut(self, snaplen: int) -> Packet:
        return Packet(self.time, self.data[:snaplen], self.length or len(self.data))


@dataclass
class Connection:
    """Two ends that talk; every packet sent is appended to `packets`. Sequence numbers and the
    clock advance by themselves. `wrap` makes a packet of the IP packet.
    """

    client: tuple[str, int] = ("192.0.2.1", 40000)
    server: tuple[str, int] = ("198.51.100.10", 18080)
    clock: int = START
    step: int = 1_000_000  # nanoseconds between packets
    # of the next byte of client and server
    sequence: list[int] = field(default_factory=lambda: [1000, 500000])
    packets: list[Packet] = field(default_factory=list)
    wrap: Any = ethernet

    def __post_init__(self) -> None:
        # the sequence number of offset 0; open() puts the SYN before it
        self.first = list(self.sequence)

    def emit(
        self,
        side: int,
        flags: int = ACK,
        payload: bytes = b"",
        sequence: int | None = None,
        acknowledgement: int | None = None,
        options: bytes = b"",
        window: int = 64000,
    ) -> Packet:
        """One packet, state untouched but for the clock."""
        source, destination = (
            (self.client, self.server) if side == CLIENT else (self.server, self.client)
        )
        seq = self.sequence[side] if sequence is None else sequence
        ack = (
            (self.sequence[1 - side] if acknowledgement is None else acknowledgement)
            if flags & ACK
            else 0
        )
        data = self.wrap(
            ip(
                source[0],
                destination[0],
                tcp(source[1], destination[1], seq, ack, flags, payload, options, window),
            )
        )
        packet = Packet(self.clock, data)
        self.clock += self.step
        self.packets.append(packet)
        return packet

    def open(self, client_mss: int = 1460, server_mss: int = 1460) -> Connection:
        """The three-way handshake."""
        self.emit(CLIENT, SYN, sequence=self.sequence[CLIENT] - 1, options=mss(client_mss))
        self.emit(SERVER, SYN | ACK, sequence=self.sequence[SERVER] - 1, options=mss(server_mss))
        self.emit(CLIENT, ACK)
        return self

    def send(
        self,
        side: int,
        data: bytes,
        cuts: Iterable[int] = (),
        segment: int = 1448,
        acknowledge: bool = True,
    ) -> list[Packet]:
        """Data in order: cut at the offsets of `cuts`, and where a piece is longer than `segment`.
        Returns its packets; the ACK of the other end follows.
        """
        edges = sorted({0, len(data)} | {cut for cut in cuts if 0 < cut < len(data)})
        made = []
        for low, high in itertools.pairwise(edges):
            for at in range(low, high, segment):
                piece = data[at : min(at + segment, high)]
                made.append(self.emit(side, ACK | PSH, piece))
                self.sequence[side] = self.sequence[side] + len(piece) & 0xFFFFFFFF
        if acknowledge and made:
            self.emit(1 - side)
        return made

    def at(self, side: int, offset: int, data: bytes, flags: int = ACK | PSH) -> Packet:
        """Data at any offset of the stream (retransmission, disorder, overlap); the state is left
        as it is, see skip().
        """
        return self.emit(side, flags, data, sequence=self.first[side] + offset)

    def skip(self, side: int, count: int) -> None:
        """Bytes that were sent and not captured, or sent by at()."""
        self.sequence[side] = self.sequence[side] + count & 0xFFFFFFFF

    def close(self, side: int = CLIENT) -> None:
        """FIN from both ends."""
        for end in (side, 1 - side):
            self.emit(end, FIN | ACK)
            self.sequence[end] = self.sequence[end] + 1 & 0xFFFFFFFF
        self.emit(side)

    def reset(self, side: int = CLIENT) -> None:
        self.emit(side, RST | ACK)


# ---------------------------------------------------------------- capture files

ETHERNET, RAW_IP, LINUX_SLL, LINUX_SLL2, NULL_LINK, IPV4_LINK, IPV6_LINK = (
    1,
    101,
    113,
    276,
    0,
    228,
    229,
)


def pcap(
    packets: Iterable[Packet],
    link: int = ETHERNET,
    order: str = "<",
    nano: bool = False,
    snaplen: int = 262144,
) -> bytes:
    made = [
        struct.pack(
            order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, snaplen, link
        )
    ]
    for packet in packets:
        seconds, rest = divmod(packet.time, 1_000_000_000)
        made.append(
            struct.pack(
                order + "IIII",
                seconds,
                rest if nano else rest // 1000,
                len(packet.data),
                packet.length or len(packet.data),
            )
            + packet.data
        )
    return b"".join(made)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Any pcapng block."""
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section_header(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(
    link: int = ETHERNET,
    order: str = "<",
    resolution: int | None = None,
    offset: int | None = None,
    snaplen: int = 0,
) -> bytes:
    """`resolution`: the byte of if_tsresol (6 is microseconds, 9 nanoseconds, 0x80 | n is 2^-n)."""
    options = b"" if resolution is None else option(9, bytes([resolution]), order)
    options += b"" if offset is None else option(14, struct.pack(order + "q", offset), order)
    return block(
        1,
        struct.pack(order + "HHI", link, 0, snaplen)
        + options
        + (option(0, b"", order) if options else b""),
        order,
    )


def ticks(time: int, resolution: int = 6, offset: int = 0) -> int:
    """Nanoseconds since 1970 as an interface of that resolution and offset (seconds) counts
    them.
    """
    since = time - offset * 1_000_000_000
    return (
        since * (1 << (resolution & 0x7F)) // 1_000_000_000
        if resolution & 0x80
        else since * 10**resolution // 1_000_000_000
    )


def enhanced(
    packet: Packet, number: int = 0, order: str = "<", resolution: int = 6, offset: int = 0
) -> bytes:
    """An Enhanced Packet Block of interface `number`."""
    count = ticks(packet.time, resolution, offset)
    data = packet.data + bytes(-len(packet.data) % 4)
    return block(
        6,
        struct.pack(
            order + "IIIII",
            number,
            count >> 32,
            count & 0xFFFFFFFF,
            len(packet.data),
            packet.length or len(packet.data),
        )
        + data,
        order,
    )


def simple(packet: Packet, order: str = "<") -> bytes:
    return block(
        3, struct.pack(order + "I", packet.length or len(packet.data)) + packet.data, order
    )


def pcapng(
    packets: Iterable[Packet], link: int = ETHERNET, order: str = "<", resolution: int | None = None
) -> bytes:
    """One section, one interface."""
    resolved = 6 if resolution is None else resolution
    return (
        section_header(order)
        + interface(link, order, resolution)
        + b"".join(enhanced(packet, 0, order, resolved) for packet in packets)
    )
