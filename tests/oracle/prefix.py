"""What proxies write before the first header of a direction, and the beginning of TLS: a
recursive-descent reader from RFC 1928, RFC 1929, RFC 9110 and the PROXY protocol of HAProxy.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Container
from dataclasses import dataclass

CHAIN = 4
V2 = b"\r\n\r\n\0\r\nQUIT\n"


class Short(Exception):
    """The bytes end inside."""


class Wrong(Exception):
    """The byte before `at` belongs to no prefix."""


class Tls(Exception):
    """It is no prefix, but TLS."""


@dataclass
class Prefix:
    end: int
    granted: bool = False
    is_header: bool = False
    is_http: bool = False


class Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at
        self.certain = False

    def byte(self, allowed: Container[int] | None = None) -> int:
        if self.at == len(self.data):
            raise Short
        value = self.data[self.at]
        self.at += 1
        if allowed is not None and value not in allowed:
            raise Wrong
        return value

    def skip(self, count: int) -> None:
        for _ in range(count):
            self.byte()

    def literal(self, text: bytes) -> None:
        for value in text:
            self.byte((value,))

    def until_zero(self, most: int) -> bytes:
        text = bytearray()
        while value := self.byte():
            text.append(value)
            if len(text) > most:
                raise Wrong
        return bytes(text)


def check_host(name: bytes) -> None:
    if not 1 <= len(name) <= 255 or any(not 0x20 < value < 0x7F for value in name):
        raise Wrong


def socks4_request(reader: Reader) -> Prefix:
    reader.literal(b"\4\1")
    reader.skip(2)
    address = bytes(reader.byte() for _ in range(4))
    reader.certain = True
    reader.until_zero(255)
    if address[:3] == b"\0\0\0" and address[3]:
        check_host(reader.until_zero(255))
    return Prefix(reader.at)


def socks4_answer(reader: Reader) -> Prefix:
    reader.literal(b"\0")
    code = reader.byte(range(0x5A, 0x5E))
    reader.skip(6)
    return Prefix(reader.at, code == 0x5A)


def socks5_message(reader: Reader, request: bool) -> Prefix:
    reader.literal(b"\5")
    code = reader.byte((1,) if request else None)
    reader.literal(b"\0")
    kind = reader.byte((1, 3, 4))
    if kind == 3:
        size = reader.byte(range(1, 256) if request else None)
        name = bytes(reader.byte() for _ in range(size))
        reader.skip(2)
        if request:
            check_host(name)
    else:
        reader.skip(6 if kind == 1 else 18)
    return Prefix(reader.at, code == 0)


def socks5_request(reader: Reader) -> Prefix:
    reader.literal(b"\5")
    reader.skip(reader.byte(range(1, 256)))
    reader.certain = True
    if reader.at < len(reader.data) and reader.data[reader.at] == 1:
        reader.skip(1)
        reader.skip(reader.byte())
        reader.skip(reader.byte())
    return socks5_message(reader, True)


def socks5_answer(reader: Reader) -> Prefix:
    reader.literal(b"\5")
    method = reader.byte((0, 2, 255))
    reader.certain = True
    if method == 255:
        return Prefix(reader.at)
    if method == 2:
        reader.literal(b"\1")
        if reader.byte():
            return Prefix(reader.at)
    return socks5_message(reader, False)


TEXT = frozenset([9, 10, 13, *range(0x20, 0x7F), *range(0x80, 0x100)])


def http_line(reader: Reader, begin: int, most: int) -> bytes:
    """A line without its LF; the whole may be `most` bytes long."""
    at = reader.at
    while True:
        value = reader.byte(TEXT)
        if reader.at - begin > most:
            raise Wrong
        if value == 10:
            return reader.data[at : reader.at - 1]


def http(reader: Reader, request: bool) -> Prefix:
    begin = reader.at
    word = b"CONNECT " if request else b"HTTP/1."
    reader.literal(word)
    reader.certain = True
    line = http_line(reader, begin, 300)
    granted = False
    if request:
        fields = re.match(rb"(?:\[([^\] ]*)\]|([^: ]*)):(\d{1,6}) HTTP/1\.", line)
        if fields is None or int(fields[3]) > 65535:
            raise Wrong
        check_host(fields[1] if fields[1] is not None else fields[2])
    elif not re.match(rb". [1-5]..", line, re.DOTALL):
        raise Wrong
    else:
        granted = line[2:3] == b"2"
    while http_line(reader, begin, 4096).replace(b"\r", b""):
        pass
    return Prefix(reader.at, granted, is_http=True)


def header1(reader: Reader) -> Prefix:
    begin = reader.at
    reader.literal(b"PROXY ")
    reader.certain = True
    value = 0
    while value != 13:
        value = reader.byte((13, *range(0x20, 0x7F)))
        if reader.at - begin == 107:
            reader.byte(())
    reader.literal(b"\n")
    line = reader.data[begin + 6 : reader.at - 2]
    if not (line == b"UNKNOWN" or line.startswith(b"UNKNOWN ")):
        check_header(line)
    return Prefix(reader.at, is_header=True)


def check_header(line: bytes) -> None:
    fields = re.fullmatch(rb"TCP([46]) ([^ %]+) [^ ]* (\d{1,6}) (\d{1,6})", line)
    if fields is None or max(int(fields[3]), int(fields[4])) > 65535:
        raise Wrong
    try:
        if ipaddress.ip_address(fields[2].decode()).version != int(fields[1]):
            raise Wrong
    except ValueError:
        raise Wrong from None


def header2(reader: Reader) -> Prefix:
    reader.literal(V2)
    reader.certain = True
    command = reader.byte((0x20, 0x21))
    family = reader.byte([value for value in range(64) if value & 15 <= 2])
    size = reader.byte() << 8
    size |= reader.byte()
    if command == 0x21 and size < {0x11: 12, 0x21: 36}.get(family, 0):
        raise Wrong
    reader.skip(size)
    return Prefix(reader.at, is_header=True)


def tls(reader: Reader) -> Prefix:
    kind = reader.byte()
    reader.literal(b"\3")
    reader.byte(range(5))
    size = reader.byte() << 8
    size |= reader.byte()
    if size != 2 if kind == 0x15 else not 4 <= size < 0x4900:
        raise Wrong
    reader.byte((1, 2))
    raise Tls


@dataclass
class Beginning:
    prefixes: list[tuple[int, int]]
    """Stretches that are prefixes."""
    at: int
    """Where the bytes after them begin."""
    search: int
    """From where on a header is looked for."""
    in_step: bool = False
    pending: bool = False
    """It may go on in a prefix."""
    outside: str = "unframed"
    """What the bytes outside messages are."""


def read_beginning(data: bytes, from_client: bool, asked: bool = True) -> Beginning:
    """`data`: the bytes of a direction from its first one to the first hole; `asked`: the client
    may have asked a proxy.
    """
    prefixes: list[tuple[int, int]] = []
    at = chain = 0
    while at < len(data):
        read = reader_of(data[at], from_client, chain if from_client or asked else CHAIN)
        if read is None:
            break
        reader = Reader(data, at)
        try:
            prefix = read(reader)
        except Short:
            if reader.certain:
                return Beginning([*prefixes, (at, len(data))], len(data), len(data), pending=True)
            return Beginning(prefixes, at, len(data), pending=True)
        except Wrong:
            return Beginning(prefixes, at, reader.at - 1)
        except Tls:
            return Beginning(prefixes, at, reader.at, outside="tls")
        prefixes.append((at, prefix.end))
        at = prefix.end
        chain = CHAIN if prefix.is_header else chain + 1
        if prefix.is_http and not from_client and not prefix.granted:
            return Beginning(prefixes, at, at, outside="proxy_prefix")
    return Beginning(prefixes, at, at, in_step=True, pending=not data)


def reader_of(first: int, from_client: bool, chain: int) -> Callable[[Reader], Prefix] | None:
    if first in (0x15, 0x16):
        return tls
    if chain >= CHAIN:
        return None
    if not from_client:
        return {
            0: socks4_answer,
            5: socks5_answer,
            ord("H"): lambda reader: http(reader, False),
        }.get(first)
    if chain and first in b"P\r":
        return None
    return {
        4: socks4_request,
        5: socks5_request,
        ord("C"): lambda reader: http(reader, True),
        ord("P"): header1,
        13: header2,
    }.get(first)
