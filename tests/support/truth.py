"""The labelled captures and what is known of them: the small ones in tests/data, and the full ones
beside the repository where they are.

The truth of a scenario, wire_messages.jsonl.gz, was made by a decoder of its own and checked
against monerod's log. Its columns, where they are not plain:

- `first_frame`: the earliest packet that brought bytes of the message which no packet had brought
  before; where packets came out of order that is not the packet of the first byte.
- `last_frame`: the latest such packet; `time` is its time. `segments`: how many such packets.
- `delivered_frame`: with that packet the stream was whole up to the end of the message.
- Frames are those of the merged files. A Levin fragment is a row of its own. A message that was cut
  or has a hole is no row.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import ipaddress
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.paths import CAPTURES, DATA

SMALL, FULL = DATA, CAPTURES
SCENARIOS = ("honest", "lossy", "spies", "proxies", "ipv6")
VANTAGE = ("198.51.100.10", "2001:db8:10::10")

Row = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    name: str
    folder: Path
    full: bool

    @property
    def id(self) -> str:
        return f"{'full' if self.full else 'small'}-{self.name}"

    @property
    def parts(self) -> list[Path]:
        """The files of the ring."""
        return sorted(
            [*self.folder.glob("vantage_*.pcapng"), *self.folder.glob("vantage_*.pcapng.gz")]
        )

    @property
    def merged(self) -> Path | None:
        path = self.folder / "merged.pcapng.gz"
        return path if path.exists() else None

    def messages(self) -> list[Row]:
        return lines(self.folder / "wire_messages.jsonl.gz")

    def events(self, kind: str) -> list[Row]:
        """What the lab did and monerod's RPC told: transactions sent (`tx`: hash, weight, outputs)
        and blocks mined (`mine`: blocks, height of the last). Of a small scenario, of the full
        one.
        """
        name = "manifest.json" if self.full else "events.json"
        events: list[Row] = json.loads((self.folder / name).read_text())["events"]
        return [event for event in events if event["kind"] == kind]

    def sent(self) -> dict[str, Row]:
        """Transactions by id."""
        return {event["hash"]: event for event in self.events("tx")}

    def mined(self) -> dict[str, int]:
        """Heights of blocks by id."""
        return {
            block: event["height"] - back
            for event in self.events("mine")
            for back, block in enumerate(reversed(event["blocks"] or []))
        }


def scenarios() -> list[Scenario]:
    known = [Scenario(name, SMALL / name, False) for name in SCENARIOS]
    return known + [
        Scenario(name, FULL / name, True) for name in SCENARIOS if (FULL / name).is_dir()
    ]


def lines(path: Path) -> list[Row]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def derived() -> list[tuple[Path, Row]]:
    """Captures made from `honest`, each with its entry of the manifest."""
    known = []
    for folder in (SMALL / "derived", FULL / "derived"):
        if folder.is_dir():
            manifest = json.loads((folder / "manifest.json").read_text())
            known += [(folder / name, entry) for name, entry in manifest["files"].items()]
    return known


def derived_counts(path: Path, entry: Mapping[str, Any]) -> Mapping[str, int]:
    """Whole messages by direction, command and flags. The decoder behind the manifest joins no IP
    fragments and reads no Simple Packet Blocks: there the counts are those of other files of the
    same frames.
    """
    twin = {"ip_fragments": "ipv4_228", "simple_packets": "qinq"}.get(path.name.split(".")[0])
    if twin is not None:
        manifest = json.loads((path.parent / "manifest.json").read_text())["files"]
        entry = next(other for name, other in manifest.items() if name.startswith(twin))
    counts: Mapping[str, int] = entry["wire_by_command"]
    return counts


def derived_frames(path: Path, entry: Mapping[str, Any]) -> int:
    """Whole packets. The manifest also counts the cut one, and none of the Simple Packet Blocks."""
    frames: int = entry["frames"]
    return {"cut_in_record": frames - 1, "simple_packets": 150}.get(path.name.split(".")[0], frames)


def labels(scenario: Scenario) -> dict[str, list[str]]:
    """What the emulated peers of a scenario do, by address."""
    by_peer: dict[str, list[str]] = json.loads((scenario.folder / "labels.json").read_text())
    return by_peer


# ---------------------------------------------------------------- comparing rows of `messages` with
# the truth

Key = tuple[Any, ...]


def is_fragment(row: Mapping[str, Any]) -> bool:
    """A Levin fragment that is part of a message: a row of its own in the truth, joined in ours."""
    return bool(row["command"] == 0 and row["flags"] in (0, 4, 8))


def truth_keys(rows: Iterable[Row]) -> Counter[Key]:
    names = (
        "src",
        "sport",
        "dst",
        "dport",
        "first_frame",
        "last_frame",
        "segments",
        "command",
        "flags",
        "length",
        "return",
        "rc",
        "version",
    )
    return Counter(tuple(row[name] for name in names) for row in rows if not is_fragment(row))


def absolute(files: Sequence[Mapping[str, Any]]) -> list[int]:
    """For each file the number of frames before it."""
    offsets = [0]
    for file in files:
        offsets.append(offsets[-1] + int(file["packets"]))
    return offsets


def with_ends(tables: Mapping[str, Sequence[Row]]) -> Iterator[Row]:
    """The rows of `messages` with sender and receiver, and frames counted over all files."""
    before = absolute(tables["files"])
    times = [(file["first_time"], file["last_time"]) for file in tables["files"]]
    for row in tables["messages"]:
        connection = tables["connections"][row["connection"]]
        ends = [
            (connection["client"], connection["client_port"]),
            (connection["server"], connection["server_port"]),
        ]
        if not row["from_client"]:
            ends.reverse()
        end_file = next(
            i
            for i in range(row["file"], len(times))
            if i == len(times) - 1 or row["end_time"] <= times[i][1]
        )
        yield row | {
            "sender": ends[0],
            "receiver": ends[1],
            "first_frame": before[row["file"]] + row["frame"],
            "last_frame": before[end_file] + row["end_frame"],
        }


def is_whole(row: Mapping[str, Any]) -> bool:
    """All of its bytes are there, whatever monerod would say of them."""
    return row["status"] in ("complete", "malformed")


def our_key(row: Mapping[str, Any]) -> Key:
    frames = (row["first_frame"], row["last_frame"], row["segments"])
    header = (
        row["command"],
        row["levin_flags"],
        row["length"],
        int(row["expects_response"]),
        row["return_code"],
        row["version"],
    )
    return (*row["sender"], *row["receiver"], *frames, *header)


def our_keys(rows: Iterable[Row]) -> Counter[Key]:
    return Counter(our_key(row) for row in rows if is_whole(row) and row["fragments"] == 1)


def by_direction(
    tables: Mapping[str, Sequence[Row]], vantage: Sequence[str] = VANTAGE
) -> Counter[str]:
    """Whole messages as the manifest of `derived` counts them."""
    counts: Counter[str] = Counter()
    for row in with_ends(tables):
        if row["status"] == "complete":
            counts[
                (
                    f"{'sent' if row['sender'][0] in vantage else 'received'} {row['command']} "
                    f"{row['levin_flags']}"
                )
            ] += 1
    return counts


# ---------------------------------------------------------------- monerod's log


def log_messages(scenario: Scenario) -> Counter[Key]:
    """(peer, port, direction, length, flags, expects response, command, version) of what the
    vantage node logged.
    """
    with gzip.open(scenario.folder / "log_messages.tsv.gz", "rt") as file:
        return Counter(
            (
                row["peer"].strip("[]"),
                int(row["port"]),
                row["dir"],
                *(
                    int(row[name])
                    for name in ("length", "flags", "have_to_return", "command", "version")
                ),
            )
            for row in csv.DictReader(file, delimiter="\t")
        )


def as_logged(rows: Iterable[Row]) -> Counter[Key]:
    counts: Counter[Key] = Counter()
    for row in rows:
        ours = [end[0] in VANTAGE for end in (row["sender"], row["receiver"])]
        if is_whole(row) and any(ours):
            peer, direction = (row["receiver"], "sent") if ours[0] else (row["sender"], "received")
            counts[
                (
                    *peer,
                    direction,
                    row["length"],
                    row["levin_flags"],
                    int(row["expects_response"]),
                    row["command"],
                    row["version"],
                )
            ] += 1
    return counts


# ---------------------------------------------------------------- tshark


@dataclass
class Decoded:
    """What tshark printed of the one message that a frame completed."""

    command: int
    flags: int
    peers: list[tuple[str, int, int]]  # host, port, id
    fields: dict[str, int]  # others, by name


def tshark_messages(scenario: Scenario) -> dict[int, Decoded]:
    """By frame: handshakes, timed syncs, pings and support flags that were alone in their frame.
    tshark prints the values of a frame as one list per type; the keys and types say which is
    whose.
    """
    messages = {}
    with gzip.open(scenario.folder / "tshark" / "merged_packets_reassembled.tsv.gz", "rt") as file:
        for line in file:
            columns = line.rstrip("\n").split("\t")
            columns += [""] * (17 - len(columns))
            if columns[4] in ("1001", "1002", "1003", "1007") and "," not in columns[5]:
                messages[int(columns[0])] = decoded(
                    int(columns[4]), int(columns[5]), columns[10:17]
                )
    return messages


def decoded(command: int, flags: int, columns: list[str]) -> Decoded:
    keys, types = (column.split(",") if column else [] for column in columns[:2])
    numbers = {
        kind: iter(column.split(","))
        for kind, column in zip(("5", "6", "7", "8", "10"), columns[2:], strict=True)
    }
    message = Decoded(command, flags, [], {})
    host, port = "", 0
    for key, kind in zip(keys, types, strict=True):
        if kind not in numbers:
            continue
        value = next(numbers[kind])
        if key == "m_ip":
            host = ".".join(str(byte) for byte in int(value).to_bytes(4, "little"))
        elif key == "addr":
            host = value
        elif key == "m_port":
            port = int(value)
        elif key == "id":
            message.peers.append((host, port, int(value)))
        elif kind != "10":
            message.fields[key] = int(value)
    return message


Values = dict[str, list[str]]
PRINTED = ("key", "type", "5", "6", "7", "8", "10")  # columns: keys, types, then values by type


def tshark_values(scenario: Scenario) -> dict[int, tuple[str, int, int, int, Values]]:
    """By frame: source, its port, command, flags, and the lists that tshark prints, of frames that
    completed one message.
    """
    values = {}
    with gzip.open(scenario.folder / "tshark" / "merged_packets_reassembled.tsv.gz", "rt") as file:
        for line in file:
            columns = line.rstrip("\n").split("\t")
            if "," in columns[4]:
                continue
            lists = dict(
                zip(
                    PRINTED,
                    [column.split(",") if column else [] for column in columns[10:17]],
                    strict=True,
                )
            )
            source = columns[2]
            values[int(columns[0])] = (
                source,
                int(columns[8]),
                int(columns[4]),
                int(columns[5]),
                lists,
            )
    return values


def printed_bytes(value: bytes) -> str:
    """A string as tshark prints it, long ones as the captures' truth shortens them."""
    text = value.hex()
    return (
        "<MISSING>"
        if not text
        else text
        if len(text) <= 160
        else f"sha1:{hashlib.sha1(text.encode()).hexdigest()[:16]}:{len(text)}"
    )


def printed_fields(rows: Iterable[Mapping[str, Any]]) -> Values:
    """Rows of `fields` of one message, in order, as the lists that tshark prints."""
    values: Values = {name: [] for name in PRINTED}
    for row in rows:
        if row["key"] is not None:
            values["key"].append(row["key"])
            values["type"].append(str(row["type"]))
        kind = str(row["type"])
        if kind == "10":
            values[kind].append(printed_bytes(row["value_bytes"]))
        elif kind in values:
            values[kind].append(
                str(row["value_int"] if row["value_uint"] is None else row["value_uint"])
            )
    return values


def as_tshark(host: str) -> str:
    """An address as tshark prints the value: dotted quad, or the 16 bytes in hex."""
    return ipaddress.ip_address(host).packed.hex() if ":" in host else host
