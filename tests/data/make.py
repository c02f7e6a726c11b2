"""Makes the small captures in this folder from the full labelled ones in ../shared/captures (beside
the repository): `python tests/data/make.py`; and `testbed` or `population` from a run of the
testbed: `python tests/data/make.py FOLDER`.

Packets are copied byte for byte, with the section and interface blocks of their files; frames are
only left out, and files are divided anew. Truth follows the frames that were kept. To be run again
only when the
full captures or the choice below change: the result is in the repository."""

from __future__ import annotations

import gzip
import json
import shutil
import struct
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from monerotraffic.rules import HONEST as HONEST_LABELS

HERE = Path(__file__).resolve().parent
FULL = HERE.parents[2] / "shared" / "captures"

# frames at which the honest capture is divided anew, inside messages; the third is where a ring
# file ended
HONEST = (515, 1002, 1422, 1650)
LOSSY = (900, 1700)
IPV6 = (220, 400)
PROXIES = (800, 1500)
SPIES_CONNECTIONS = 2  # of one peer of each label
SPIES_LARGEST = 90  # frames of a connection that is kept

TESTBED_SECONDS = 170
TESTBED_LABELS = {
    *(
        "support_flags_odd",
        "peer_list_repeats",
        "peer_list_private",
        "peer_list_bad_pruning_seed",
        "peer_id_reserved",
        "timed_sync_rapid",
        "out_of_turn",
    ),
    *(
        "new_block_sent",
        "fluffy_with_txs",
        "stem_from_acceptor",
        "unsorted_fluff",
        "wrong_top_version",
    ),
}
"""For which the full captures have no label."""

POPULATION_SECONDS = 205
POPULATION_HOSTS = {("monerod",): 3, ("control", "cuprate"): 2, ("tls",): 4, ("spy",): 5}
"""Hosts of a set of labels that are kept; one of any other set."""

DERIVED_PLAIN = (
    "qinq.pcap",
    "simple_packets.pcapng",
    "snaplen96.pcapng",
    "base_be_ns.pcap.gz",
    "duplicated.pcapng.gz",
)
DERIVED_PACKED = (
    *(
        "any_sll.pcapng",
        "any_sll2.pcapng",
        "base_be.pcapng",
        "cut_in_record.pcap",
        "disordered.pcapng",
        "drop1pct.pcapng",
        "drop8pct.pcapng",
        "ip_fragments.pcap",
        "ipv4_228.pcap",
        "mid_connection.pcapng",
    ),
    *(
        "null0.pcap",
        "one_direction.pcapng",
        "snaplen256.pcap",
        "two_interfaces.pcapng",
        "vlan.pcap",
    ),
)


FIN, SYN, RST, ACK = 1, 2, 4, 16

HEAD = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28) + struct.pack(
    "<IIHHIHHB3xII", 1, 32, 1, 0, 262144, 9, 1, 9, 0, 32
)
"""Section and interface of an Ethernet capture with nanoseconds, and nothing of who captured it."""


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    """The blocks of a little-endian pcapng file: (type, all of its bytes)."""
    packets, at = [], 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        packets.append((kind, data[at : at + size]))
        at += size
    return packets


class Frames:
    """The frames of a scenario, numbered as in its truth."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.head = b""
        self.frames: list[bytes] = []
        for path in sorted(self.folder.glob("vantage_*.pcapng*")):
            data = path.read_bytes()
            packets = blocks(gzip.decompress(data) if path.suffix == ".gz" else data)
            self.head = self.head or b"".join(
                block for kind, block in packets if kind in (0x0A0D0D0A, 1)
            )
            self.frames += [block for kind, block in packets if kind == 6]

    def time(self, number: int) -> float:
        """Seconds since 1970, of a capture with nanoseconds."""
        high, low = struct.unpack_from("<II", self.frames[number - 1], 12)
        return float((high << 32 | low) / 1e9)

    def write(self, folder: Path, numbers: list[int], edges: Iterable[int], packed: bool) -> None:
        """Writes these frames as ring files that end with the frames `edges` (numbers from 1 among
        those kept).
        """
        last = 0
        for part, edge in enumerate(edges, 1):
            data = self.head + b"".join(self.frames[number - 1] for number in numbers[last:edge])
            path = folder / f"vantage_{part:05}.pcapng{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(data, 9, mtime=0) if packed else data)
            last = edge

    def ipv4(self) -> Iterator[int]:
        return (
            number
            for number, frame in enumerate(self.frames, 1)
            if frame[28 + 12 : 28 + 14] == b"\x08\x00"
        )

    def endpoints(self, number: int) -> frozenset[tuple[bytes, int]]:
        """The two ends of an Ethernet frame with IPv4 and TCP."""
        packet = self.frames[number - 1][28 + 14 :]
        ports = struct.unpack_from("!HH", packet, (packet[0] & 15) * 4)
        return frozenset(zip((packet[12:16], packet[16:20]), ports, strict=True))

    def headers(self, number: int) -> bytes:
        """An Ethernet frame with IPv4 and TCP up to the urgent pointer."""
        data = self.frames[number - 1][28:]
        return data[: 14 + (data[14] & 15) * 4 + 20]

    def cut(self, number: int) -> bytes:
        """The packet without options of TCP and payload, as a block of its own."""
        block, data = self.frames[number - 1], self.headers(number)
        size = 32 + (len(data) + 3) // 4 * 4
        head = struct.pack("<III", 6, size, 0) + block[12:20]
        lengths = struct.pack("<I", len(data)) + block[24:28]
        return head + lengths + data.ljust(size - 32, b"\0") + struct.pack("<I", size)


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def write_rows(path: Path, table: Iterable[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in table)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def write_truth(scenario: str, folder: Path, numbers: list[int]) -> None:
    """The truth of messages of which every frame was kept."""
    place = {number: at for at, number in enumerate(numbers, 1)}
    truth_rows = []
    for row in rows(FULL / scenario / "wire_messages.jsonl.gz"):
        if all(row[name] in place for name in ("first_frame", "last_frame", "delivered_frame")):
            truth_rows.append(
                row
                | {
                    name: place[row[name]]
                    for name in ("first_frame", "last_frame", "delivered_frame")
                }
            )
    write_rows(folder / "wire_messages.jsonl.gz", truth_rows)
    with gzip.open(FULL / scenario / "tshark" / "merged_packets_reassembled.tsv.gz", "rt") as file:
        lines = [line.split("\t", 1) for line in file]
    kept = "".join(
        f"{place[int(number)]}\t{rest}" for number, rest in lines if int(number) in place
    )
    (folder / "tshark").mkdir(exist_ok=True)
    (folder / "tshark" / "merged_packets_reassembled.tsv.gz").write_bytes(
        gzip.compress(kept.encode(), 9, mtime=0)
    )


def write_events(scenario: str, folder: Path) -> None:
    """The lab's transactions and blocks: their ids, as monerod's RPC told them."""
    manifest = json.loads((FULL / scenario / "manifest.json").read_text())
    nodes = {name: addresses(node["ip"]) for name, node in manifest["nodes"].items()}
    kept = [
        {
            key: event[key]
            for key in ("kind", "node", "hash", "weight", "outputs", "blocks", "height")
            if key in event
        }
        for event in manifest["events"]
        if event["kind"] in ("tx", "mine")
    ]
    text = json.dumps({"nodes": nodes, "events": kept}, indent=0)
    (folder / "events.json").write_text(text + "\n")


def addresses(given: str | list[str]) -> list[str]:
    """The addresses of a node of a manifest."""
    return [given] if isinstance(given, str) else given


def make_beginning(scenario: str, edges: tuple[int, ...], packed: bool) -> None:
    folder = fresh(scenario)
    frames = Frames(FULL / scenario)
    numbers = list(range(1, edges[-1] + 1))
    frames.write(folder, numbers, edges, packed)
    write_truth(scenario, folder, numbers)
    write_events(scenario, folder)


def make_spies() -> None:
    """Whole connections of one peer of each label, and of a real node."""
    folder = fresh("spies")
    frames = Frames(FULL / "spies")
    labels = json.loads((FULL / "spies" / "labels.json").read_text())
    by_ends: dict[frozenset[tuple[bytes, int]], list[int]] = {}
    for number in frames.ipv4():
        by_ends.setdefault(frames.endpoints(number), []).append(number)
    chosen: dict[str, str] = {}
    for host, names in labels.items():
        for name in names:
            chosen.setdefault(name, host)
    kept: list[int] = []
    for host in sorted(set(chosen.values())):
        packed = bytes(int(part) for part in host.split("."))
        mine = [
            numbers
            for ends, numbers in by_ends.items()
            if packed in {address for address, _ in ends} and len(numbers) <= SPIES_LARGEST
        ]
        for numbers in mine[:SPIES_CONNECTIONS]:
            kept += numbers
    kept = sorted(set(kept))
    half = len(kept) // 2
    frames.write(folder, kept, (half, len(kept)), packed=True)
    write_truth("spies", folder, kept)
    write_events("spies", folder)
    (folder / "labels.json").write_text(
        json.dumps({host: labels[host] for host in sorted(set(chosen.values()))}, indent=1) + "\n"
    )


def make_testbed(run: Path) -> None:
    """The first minutes of the peers whose labels are names of rules, of three honest ones, and of
    the monerods; with the node's log and the peers' record of that time.
    """
    folder = fresh("testbed")
    labels = json.loads((run / "labels.json").read_text())
    chosen = [
        host for host, names in labels.items() if TESTBED_LABELS & set(names) or "monerod" in names
    ]
    chosen += [host for host, names in labels.items() if names == ["control"]][:3]
    until = Frames(run).time(1) + TESTBED_SECONDS
    in_time(run, chosen, TESTBED_SECONDS, folder)
    (folder / "labels.json").write_text(
        json.dumps({host: labels[host] for host in sorted(chosen)}, indent=1) + "\n"
    )
    log = [
        line
        for line in (run / "vantage_log.txt").read_bytes().splitlines(keepends=True)
        if b"LEVIN_PACKET" in line and logged_time(line) < until
    ]
    (folder / "vantage_log.txt.gz").write_bytes(
        gzip.compress(
            b"".join(line for line in log if any(f"[{host}:".encode() in line for host in chosen)),
            9,
            mtime=0,
        )
    )
    record = map(json.loads, (run / "peers.jsonl").read_text().splitlines())
    write_rows(
        folder / "peers.jsonl.gz",
        (row for row in record if row["ip"] in chosen and row["t"] < until),
    )


def make_population(run: Path) -> None:
    """The first minutes of a run with many monerods: the honest peers in every circumstance, some
    that are alone, and some spies of each role.
    """
    folder = fresh("population")
    labels = json.loads((run / "labels.json").read_text())
    manifest = json.loads((run / "manifest.json").read_text())
    kinds: dict[tuple[str, ...], list[str]] = {}
    for host, names in labels.items():
        kinds.setdefault(tuple(names) if set(names) <= HONEST_LABELS else ("spy",), []).append(host)
    chosen = {
        host for names, hosts in kinds.items() for host in hosts[: POPULATION_HOSTS.get(names, 1)]
    }
    # of a node with several addresses all are kept
    for node in manifest["nodes"].values():
        if chosen & set(node["ip"]):
            chosen |= set(node["ip"])
    kept = in_time(run, chosen, POPULATION_SECONDS, folder)
    (folder / "labels.json").write_text(
        json.dumps({host: labels[host] for host in sorted(chosen)}, indent=1) + "\n"
    )
    own = set(manifest["vantage"])
    manifest["nodes"] = {
        name: node for name, node in manifest["nodes"].items() if (chosen | own) & set(node["ip"])
    }
    del manifest["events"], manifest["dumpcap"]
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(len(chosen), "hosts,", kept, "frames")


def in_time(run: Path, hosts: Iterable[str], seconds: float, folder: Path) -> int:
    """Writes the frames of these hosts in the first seconds of a run; returns how many they are."""
    packed = {bytes(int(part) for part in host.split(".")) for host in hosts}
    frames = Frames(run)
    frames.head = HEAD
    until = frames.time(1) + seconds
    kept = [
        number
        for number in frames.ipv4()
        if frames.time(number) < until
        and packed & {address for address, _ in frames.endpoints(number)}
    ]
    frames.write(folder, kept, (len(kept),), packed=True)
    return len(kept)


def logged_time(line: bytes) -> float:
    """monerod logs in local time, which was UTC."""
    return datetime.fromisoformat(line[:23].decode() + "+00:00").timestamp()


def make_slots(scenario: str) -> None:
    """Who held connection slots, and when: of every connection the TCP headers of the packets that
    begin and end it, with what the node itself reported every 10 s.
    """
    folder = HERE / "slots"
    folder.mkdir(exist_ok=True)
    frames = Frames(FULL / scenario)
    kept: set[int] = set()
    last: dict[frozenset[tuple[bytes, int]], int] = {}
    to_come: dict[frozenset[tuple[bytes, int]], int] = {}
    for number in frames.ipv4():
        ends = frames.endpoints(number)
        flags = frames.headers(number)[-7]
        if flags & SYN and not flags & ACK:
            kept |= {last[ends]} if ends in last else set()
            to_come[ends] = 3  # of the handshake
        if to_come.get(ends, 0) or flags & (FIN | RST):
            to_come[ends] = max(to_come.get(ends, 0) - 1, 0)
            kept.add(number)
        last[ends] = number
    packets = [frames.cut(number) for number in sorted(kept | set(last.values()))]
    path = folder / f"{scenario}.pcapng.gz"
    path.write_bytes(gzip.compress(HEAD + b"".join(packets), 9, mtime=0))
    samples = [
        {
            "t": row["t"],
            "incoming": [one["host"] for one in row["connections"] if one["incoming"]],
            "outgoing": [one["host"] for one in row["connections"] if not one["incoming"]],
        }
        for row in rows(FULL / scenario / "connections.jsonl.gz")
    ]
    write_rows(folder / f"{scenario}_connections.jsonl.gz", samples)
    labels = json.loads((FULL / scenario / "labels.json").read_text())
    (folder / f"{scenario}_labels.json").write_text(json.dumps(labels, indent=1) + "\n")


def make_derived() -> None:
    folder = fresh("derived")
    manifest = json.loads((FULL / "derived" / "manifest.json").read_text())
    description: dict[str, Any] = {"vantage": manifest["vantage"], "files": {}}
    for name in (*DERIVED_PLAIN, *DERIVED_PACKED):
        data = (FULL / "derived" / name).read_bytes()
        here = name if name in DERIVED_PLAIN else name + ".gz"
        (folder / here).write_bytes(
            data if name in DERIVED_PLAIN else gzip.compress(data, 9, mtime=0)
        )
        entry = manifest["files"][name]
        description["files"][here] = {
            key: entry[key]
            for key in ("what", "frames", "wire_messages", "wire_by_command")
            if key in entry
        }
    (folder / "manifest.json").write_text(json.dumps(description, indent=1) + "\n")


def fresh(name: str) -> Path:
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


if __name__ == "__main__" and len(sys.argv) > 1:
    run = Path(sys.argv[1])
    scenario = json.loads((run / "manifest.json").read_text())["scenario"]
    (make_population if scenario == "population" else make_testbed)(run)
elif __name__ == "__main__":
    make_beginning("honest", HONEST, packed=False)
    make_beginning("lossy", LOSSY, packed=True)
    make_beginning("ipv6", IPV6, packed=True)
    make_beginning("proxies", PROXIES, packed=True)
    make_spies()
    for scenario in ("spies", "proxies"):
        make_slots(scenario)
    make_derived()
