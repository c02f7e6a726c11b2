"""The raw material of the seeds, out of the test cases, the vectors and the bundled captures:
python fuzz/make_seeds.py FOLDER.

`make seeds` keeps of it what reaches something that the rest does not.
"""

from __future__ import annotations

import gzip
import hashlib
import random
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from cases import CASES  # noqa: E402
from oracle.capture import Packet, read_file  # noqa: E402
from oracle.network import Segment, Segments  # noqa: E402
from oracle.tcp import follow  # noqa: E402
from support import craft  # noqa: E402
from support.vectors import vectors  # noqa: E402

MARKER = b"\xf5cu\xe5"
LARGEST = 24_000
LINKS = [1, 101, 113, 276, 0, 9, 51, 229]
LINKS += [1, 6, 50, 104, 105, 107, 109, 117, 127, 149, 166, 192, 197, 219, 239, 258]
MORE_LINKS = [8, 100, 119, 122, 123, 138, 163, 204, 206, 226, 240, 242, 252, 281, 282, 285]
LINK_BYTES = {
    **{link: 240 + byte for byte, link in enumerate(MORE_LINKS)},
    **{link: LINKS.index(link) for link in LINKS},
}
"""The second byte of an input for each link type, as fuzz_frames.c has them."""
KNOWN_LINKS = (1, 113, 276)  # of the oracle
# as fuzz_epee.c has them
COMMANDS = [
    1001,
    1002,
    1003,
    1004,
    1005,
    1006,
    1007,
    2001,
    2002,
    2003,
    2004,
    2006,
    2007,
    2008,
    2009,
    2010,
    5,
]
HEADER = 33


def case_files() -> Iterator[list[bytes]]:
    for case in CASES:
        files = list(case.build().files.values())
        if sum(map(len, files)) <= 4 * LARGEST:
            yield files


def captures() -> Iterator[bytes]:
    """Whole files, and beginnings of the bundled ones, compressed and not."""
    for files in case_files():
        yield from (data for data in files if len(data) <= LARGEST)
        if len(files) == 2 and max(map(len, files)) <= LARGEST:
            whole = b"".join(files)
            yield whole + bytes(-len(whole) % 256)
    for path in sorted((ROOT / "tests/data").glob("*/*.pcap*")):
        data = path.read_bytes()
        plain = gzip.decompress(data) if path.suffix == ".gz" else data
        yield plain[: LARGEST // 2]
        yield gzip.compress(plain[:LARGEST], mtime=0)


def packets_of(data: bytes) -> list[Packet]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            return list(read_file(Path(file.name)).packets)
        except (ValueError, KeyError, IndexError, EOFError, struct.error):
            return []


def frames() -> Iterator[bytes]:
    for files in case_files():
        chunks: dict[int, bytes] = {}
        for number, data in enumerate(files):
            for packet in packets_of(data):
                lacking = min(packet.length - len(packet.data), 65535)
                chunks[packet.link] = (
                    chunks.get(packet.link, b"")
                    + MARKER
                    + struct.pack("<BBH", 33, number & 1, lacking)
                    + packet.data
                )
        for link, chunk in chunks.items():
            if link in LINK_BYTES:
                yield bytes([8, LINK_BYTES[link]]) + chunk


def segments_of(files: list[bytes]) -> list[Segment]:
    return list(
        Segments().read(
            [packet for data in files for packet in packets_of(data) if packet.link in KNOWN_LINKS]
        )
    )


def streams() -> Iterator[bytes]:
    for files in case_files():
        segments = segments_of(files)
        clients = {
            segment.source for segment in segments if segment.flags & 2 and not segment.flags & 16
        }
        chunks = b"".join(
            MARKER + bytes([segment.source in clients]) + segment.payload
            for segment in segments
            if segment.payload
        )
        if chunks:
            yield bytes([4, 0]) + chunks
            yield bytes([8, 77]) + chunks


def bodies() -> Iterator[tuple[int, int, bytes]]:
    """Command, kind and payload of whole messages."""
    for files in case_files():
        for connection in follow(segments_of(files), set()):
            for stream in connection.streams:
                for _, data in stream.runs():
                    yield from buckets(data)


def buckets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = data.find(craft.SIGNATURE)
    while 0 <= at <= len(data) - HEADER:
        length, expect, command, _, flags, _ = struct.unpack_from("<QBIiII", data, at + 8)
        if length <= LARGEST:
            yield (
                command,
                1 if flags & 2 else 0 if expect else 2,
                data[at + HEADER : at + HEADER + length],
            )
        at = data.find(craft.SIGNATURE, at + 1)


def blob_bodies() -> Iterator[tuple[int, int, bytes]]:
    for vector in vectors("transactions"):
        blob = bytes.fromhex(vector["blob"])
        if len(blob) <= LARGEST and not vector["pruned"]:
            yield 2002, 2, craft.transactions([blob])
        elif len(blob) <= LARGEST:
            yield (
                2004,
                2,
                craft.epee(
                    {
                        "blocks": [
                            {
                                "block": b"",
                                "pruned": True,
                                "txs": [{"blob": blob, "prunable_hash": b"\7" * 32}],
                            }
                        ]
                    }
                ),
            )
    for vector in vectors("blocks"):
        yield (
            2008,
            2,
            craft.epee(
                {
                    "b": {"block": bytes.fromhex(vector["blob"]), "txs": []},
                    "current_blockchain_height": ("u64", 7),
                }
            ),
        )


def payloads() -> Iterator[bytes]:
    for command, kind, body in (*bodies(), *blob_bodies()):
        place = COMMANDS.index(command) if command in COMMANDS else len(COMMANDS) - 1
        yield bytes([0, place + len(COMMANDS) * kind]) + body


def options(random: random.Random) -> bytes:
    """Limits that are reached, now and then."""
    return bytes(
        random.choice([0, 0, 0, random.randrange(1, 6), random.randrange(192, 230)])
        for _ in range(40)
    )


def limited(seeds: bytes, random: random.Random) -> bytes:
    """The same with small limits."""
    return bytes([seeds[0] | 1, seeds[1]]) + options(random) + seeds[2:]


def main(folder: Path) -> None:
    entry_points = {
        "capture": (b"\0\0" + data for data in captures()),
        "frames": frames(),
        "levin": streams(),
        "epee": payloads(),
    }
    for name, seeds in entry_points.items():
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        choose = random.Random(name)
        for data in seeds:
            if len(data) > LARGEST:
                continue
            for variant in (data, limited(data, choose)):
                (target / hashlib.sha1(variant).hexdigest()).write_bytes(variant)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
