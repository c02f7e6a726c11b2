"""Compares the TCP connections of captures with the streams of tshark (`tcp.stream`).

    python tools/compare_tshark.py captures/

Reads every file below the arguments that is a capture by its first bytes, for example the captures
that other projects publish for their tests. Prints a line for each file whose number of connections
or of their packets differs, and for each Monero message, and ends with the sums. The exit code is 1
if reading a file failed otherwise than with CaptureError.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import monerotraffic as mt

MAGICS = tuple(
    bytes.fromhex(text)
    for text in ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "0a0d0d0a", "1f8b")
)
TIMEOUT_S = 300


def captures(paths: list[Path]) -> Iterator[Path]:
    """The capture files among the paths and below them, in order."""
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                with file.open("rb") as stream:
                    if stream.read(4).startswith(MAGICS):
                        yield file


def streams(path: Path) -> list[int]:
    """Packets of each stream of tshark, of the innermost TCP header of a packet."""
    options = ["-n", "-Y", "tcp.stream", "-T", "fields", "-e", "tcp.stream", "-E", "occurrence=l"]
    printed = subprocess.run(
        ["tshark", "-r", str(path), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,  # it fails at damage, after what it printed
        timeout=TIMEOUT_S,
    ).stdout
    return sorted(Counter(printed.split()).values())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path)
    sums: Counter[str] = Counter()
    warnings.simplefilter("ignore")
    for path in captures(parser.parse_args().paths):
        sums["files"] += 1
        try:
            traffic = mt.read(path)
        except mt.CaptureError as error:
            sums["not read"] += 1
            print(f"{path.name}: {error}")
            continue
        except Exception as error:
            sums["failed"] += 1
            print(f"{path.name}: {error!r}")
            continue
        rows = traffic.connections
        ours = sorted((rows["client_packets"] + rows["server_packets"]).tolist())
        theirs = streams(path)
        sums["with TCP"] += bool(theirs)
        sums["messages"] += len(traffic.messages)
        if len(traffic.messages):
            print(f"{path.name}: {len(traffic.messages)} Monero messages")
        if ours != theirs:
            sums["other number" if len(ours) != len(theirs) else "other packets"] += 1
            kinds = dict(Counter(traffic.problems["kind"].astype(str)))
            print(
                f"{path.name}: {len(ours)} connections of {sum(ours)} packets, tshark: "
                f"{len(theirs)} of {sum(theirs)}; problems: {kinds}"
            )
    print(", ".join(f"{name}: {count}" for name, count in sums.items()))
    return 1 if sums["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
